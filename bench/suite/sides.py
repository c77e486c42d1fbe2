"""The two kinds of sides that are other processes.

`Child` keeps a peer's process and asks it, line by line over pipes, for turns.
Between turns it is stopped by signal, so that a thread pool which spins when
idle (all of them, as they come) costs the others nothing and need not be told
to sleep, which would slow it. `Command` starts a process for each piece of
work and counts from its start to its end. `Sum` is work too long to be done:
so many times this, so many times that.
"""
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from .timing import TICK, Turn

BENCH = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def environment(threads):
    """What every framework is told: so many threads, no GPU, few words."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS",
             "TF_NUM_INTEROP_THREADS")
    return {**os.environ, **{name: str(threads) for name in names}, "TF_CPP_MIN_LOG_LEVEL": "3",
            "KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": BENCH}


def pin():
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def cpu_seconds(pid):
    """Processor time of a process and of its ended, awaited children."""
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return sum(int(x) for x in fields[11:15]) / TICK


class Child:
    """A peer in a process of its own; `metric`: seconds or peak_mb."""

    def __init__(self, module, work, metric="seconds", command=None):
        self.metric, self.errors = metric, tempfile.TemporaryFile()
        threads = work.get("threads", 1)
        self.process = subprocess.Popen(
            command or [sys.executable, "-m", "suite.child", module, json.dumps(work)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self.errors, text=True, env=environment(threads),
            start_new_session=True, preexec_fn=pin if threads == 1 else None)
        try:
            self.ready = self.read()
        except Exception:
            self.close()
            raise
        self.stop()

    def read(self):
        line = self.process.stdout.readline()
        answer = json.loads(line) if line else {"error": "the process ended: " + self.last_words()}
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    def last_words(self):
        self.process.wait()
        self.errors.seek(0)
        lines = self.errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"exit code {self.process.returncode}"

    def signal(self, number):
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass

    def stop(self):
        """Returns when it has stopped, or ended."""
        self.signal(signal.SIGSTOP)
        if self.process.returncode is None:
            os.waitpid(self.process.pid, os.WUNTRACED)

    def ask(self, seconds):
        """What it answers to a turn, and the processor time that it used."""
        self.signal(signal.SIGCONT)
        try:
            before = cpu_seconds(self.process.pid)
            self.process.stdin.write(f"{seconds}\n")
            self.process.stdin.flush()
            answer = self.read()
            own = cpu_seconds(self.process.pid) - before
        finally:
            self.stop()
        return answer, own

    def turn(self, seconds):
        answer, own = self.ask(seconds)
        return Turn([answer["peak_mb"]] if self.metric == "peak_mb" else answer["seconds"], own)

    def close(self):
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGKILL)
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.errors):
            stream.close()


def run(command, threads=1, pinned=False, metric="seconds"):
    """One process, from start to end: (seconds or peak MB, its processor time).

    The kernel counts a process's peak from its fork on, so that about 15 MB,
    this program's own, is the least that can be seen.
    """
    began = time.perf_counter()
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors, env=environment(threads),
                                   preexec_fn=pin if pinned else None)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - began
        if process.returncode:
            errors.seek(0)
            raise RuntimeError(f"{os.path.basename(command[0])}: exit code {process.returncode}: "
                               + errors.read().decode(errors="replace").strip()[-300:])
    value = usage.ru_maxrss / 1024 if metric == "peak_mb" else seconds
    return value, usage.ru_utime + usage.ru_stime


def output(command):
    """What a program prints, as text."""
    ran = subprocess.run(command, capture_output=True, text=True)
    if ran.returncode:
        raise RuntimeError(f"{os.path.basename(command[0])}: exit code {ran.returncode}: {ran.stderr.strip()[-300:]}")
    return ran.stdout


class Command:
    """A process for each piece of work; some before it that are not counted."""

    def __init__(self, command, threads, metric="seconds"):
        self.command, self.threads, self.metric = command, threads, metric
        run(command, threads)  # what it reads is then in the page cache

    def turn(self, seconds):
        values, own, end = [], 0.0, time.perf_counter() + seconds
        while not values or (time.perf_counter() < end and self.metric == "seconds"):
            value, used = run(self.command, self.threads, metric=self.metric)
            values.append(value)
            own += used
        return Turn(values, own)

    def close(self):
        pass


class Sum:
    """`parts`: (times, a side, what it is called); one turn is a turn of each."""

    def __init__(self, parts):
        self.parts = parts

    def turn(self, seconds):
        total, own, said = 0.0, 0.0, []
        for times, side, name in self.parts:
            turn = side.turn(seconds)
            one = statistics.median(turn.values)
            total += times * one
            own += turn.own
            said.append(f"{times} x {name} {one:.4f} s")
        return Turn([total], own, {"note": "extrapolated: " + " + ".join(said)})

    def close(self):
        for _, side, _ in self.parts:
            side.close()
