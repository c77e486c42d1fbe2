"""A peer's process: does what its one argument says, as often as it is asked.

    python -m suite.child MODULE WORK          serves turns over its pipes
    python -m suite.child MODULE WORK once     one piece of work, then ends

A line with a number of seconds comes in, a line of JSON goes out: the seconds
of each piece of work, after one that is not counted (the machine's caches were
others' until then), at least three; and the process's greatest memory. A piece
with a `turn` of its own says itself what it took.
"""
import importlib
import json
import os
import sys
import time

FEWEST = 3


def peak_mb():
    with open("/proc/self/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmHWM")) / 1024


def turn(piece, seconds, fewest=FEWEST):
    piece()
    taken, end = [], time.perf_counter() + seconds
    while len(taken) < fewest or time.perf_counter() < end:
        began = time.perf_counter()
        piece()
        taken.append(time.perf_counter() - began)
    return taken


def main():
    # Frameworks print; the answers' pipe must hold answers alone.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def say(answer):
        print(json.dumps(answer), file=out, flush=True)

    work = json.loads(sys.argv[2])
    module = importlib.import_module(f"suite.{sys.argv[1]}")
    if "once" in sys.argv[3:]:
        getattr(module, work["do"])(work)
        out.flush()
        os._exit(0)  # a prediction was asked for, not a tidy end
    try:
        began = time.perf_counter()
        piece = getattr(module, work["do"])(work)
        piece()
        say({"versions": module.versions(), "build_seconds": time.perf_counter() - began})
        for line in sys.stdin:
            taken = piece.turn(float(line)) if hasattr(piece, "turn") else {"seconds": turn(piece, float(line))}
            say({**taken, "peak_mb": peak_mb()})
    except Exception as error:
        say({"error": f"{type(error).__name__}: {error}".splitlines()[0][:300]})


if __name__ == "__main__":
    main()
