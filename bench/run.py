#!/usr/bin/env python3
"""Measures our programs against the peers that are installed, in one run.

    python3 bench/run.py build/release/bin
    python3 bench/run.py build/release/bin --jobs forward.vgg16 step --peers pytorch onnxruntime -o results.json

Every side of a job does the same work and all take turns (suite/timing.py);
each peer runs in a process of its own, stopped while it is not its turn. A
Markdown table is printed, JSON goes to `-o` after each job. What is not
installed, or fails, is named. `--list` prints the jobs and the peers.
"""
import argparse
import contextlib
import importlib.util
import json
import os
import signal
import sys
import tempfile

from suite import jobs, layers, machine, ours, sides, sizes, tables, timing
from suite.jobs import JOBS, PEERS, choose


def installed(peer):
    return all(importlib.util.find_spec(package) for package in PEERS[peer].packages)


class Suite:
    """Makes the sides of jobs; what they need lies in one temporary folder."""

    def __init__(self, tools, peers, pinned=()):
        self.tools, self.peers, self.versions = tools, peers, {}
        self.pinned = pinned  # our tools again, each held to one instruction set

    def python(self, module, work):
        sides.run([sys.executable, "-m", "suite.child", module, json.dumps(work), "once"], work["threads"])

    def pictures(self, train, validation):
        folder = self.tools.path(f"pictures_{train}_{validation}")
        if not os.path.exists(folder):
            self.python("pillow_peer", {"do": "draw", "folder": folder, "count": train, "validation": validation,
                                        "threads": 1})
        return folder

    def file(self, peer, work):
        """The file of a network that a peer starts from, made by the framework."""
        onnx = peer in ("onnxruntime", "openvino")
        ending = ".onnx" if onnx else ".keras" if peer.startswith("keras") else ".pt"
        path = self.tools.path(f"{work['network']}_{work['batch']}{ending}")
        if not os.path.exists(path):
            self.python("torch_peer" if onnx else PEERS[peer].module,
                        {**work, "do": "save_onnx" if onnx else "save", "file": path})
        return path

    def side(self, peer, work, metric="seconds"):
        work = {"threads": self.tools.threads, **work, "variant": PEERS[peer].variant}
        if work["do"] == "first" or peer in ("onnxruntime", "openvino"):
            work["file"] = self.file(peer, work)
        if work["do"] == "layers":
            return self.note(layers.peer(PEERS[peer].module, work))
        if work["do"] == "first":
            return sides.Command([sys.executable, "-m", "suite.child", PEERS[peer].module, json.dumps(work), "once"],
                                 work["threads"], metric)
        if work["do"] == "decode":
            work["pictures"] = os.path.join(self.pictures(work["count"], 0), "train", "cats")
        return self.note(sides.Child(PEERS[peer].module, work, metric))

    def note(self, side):
        self.versions.update(side.ready["versions"])
        return side

    def sum(self, parts):
        missing = {peer for _, peer, _ in parts} - set(self.peers)
        if missing:
            raise RuntimeError("needs " + ", ".join(sorted(missing)))
        made = []
        try:
            for times, peer, work in parts:
                made.append((times, self.side(peer, work), work["do"]))
        except Exception:
            sides.Sum(made).close()
            raise
        return sides.Sum(made)

    def makers(self, job):
        """{row: (a function that makes its side, whether it is a control)}."""
        rows = {tables.OURS: (lambda: self.tools.side(job, self.pictures), False)}
        for tools in self.pinned:
            rows[f"{tables.OURS}, {tools.target}"] = (lambda t=tools: t.side(job, self.pictures), True)
        for peer in job.peers:
            if peer in self.peers:
                rows[peer] = (lambda p=peer: self.side(p, job.work, job.metric), False)
        for name, (peer, besides) in job.controls.items():
            if peer in self.peers:
                rows[name] = (lambda p=peer, b=besides: self.side(p, {**job.work, **b}), True)
        for name, parts in job.parts.items():
            rows[name] = (lambda p=parts: self.sum(p), name not in PEERS)
        return rows

    def measure(self, job, rounds, seconds):
        made, errors = {}, {}
        rows = self.makers(job)
        with contextlib.ExitStack() as open_sides:
            for name, (make, _) in rows.items():
                try:
                    made[name] = make()
                    open_sides.callback(made[name].close)
                except Exception as error:
                    errors[name] = str(error)
            turns, failed = timing.interleave(made, rounds, seconds, progress(job))
        for name, error in {**errors, **failed}.items():
            print(f"{job.name}: {name} failed: {error}", file=sys.stderr, flush=True)
        result = {"job": job.name, "title": job.title, "pictures": job.pictures, "metric": job.metric, "bar": job.bar,
                  "work": job.work, "load": machine.load(), "rows": {}}
        if job.work["do"] == "layers":
            result["counts"] = layers.counts(job.work["network"])
        for name, (_, control) in rows.items():
            row = timing.summary(turns[name]) if name in turns else {"error": {**errors, **failed}[name]}
            remark = {"note": note} if (note := jobs.remark(name, job)) else {}
            result["rows"][name] = {**remark, **row, **({"control": True} if control else {})}
        return result


def progress(job):
    return lambda name, turn: print(f"{job.name}: {name} {turn.least:.4f}", file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bin", nargs="?", help="the folder that holds tlc and tlrun")
    parser.add_argument("--jobs", nargs="+", default=list(JOBS), help="names, or their beginnings")
    parser.add_argument("--peers", nargs="*", default=list(PEERS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2, help="of a peer's turn")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--isa", nargs="+", default=[], metavar="TARGET", help="rows of ours held to one instruction "
                        "set: x86-64-v3 is AVX2 without AVX-512")
    parser.add_argument("--no-sizes", action="store_true")
    parser.add_argument("-o", "--output", help="a file for the results as JSON")
    parser.add_argument("--list", action="store_true")
    args = parser.parse_args()
    if args.list:
        print("\n".join(f"{job.name:24} {job.title}" for job in JOBS.values()))
        print("peers: " + ", ".join(f"{p}{'' if installed(p) else ' (not installed)'}" for p in PEERS))
        return
    if not args.bin:
        parser.error("the folder that holds tlc and tlrun is needed")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # peers that are stopped must be ended, too
    chosen, wanted = choose(args.jobs, list(JOBS)), [p for p in PEERS if p in args.peers]
    if unknown := set(args.peers) - set(PEERS):
        parser.error(f"no such peer: {', '.join(sorted(unknown))}")
    peers = [peer for peer in wanted if installed(peer)]
    report = {"machine": machine.facts(), "threads": args.threads, "rounds": args.rounds, "jobs": [],
              "not_installed": [peer for peer in wanted if peer not in peers]}
    with tempfile.TemporaryDirectory(prefix="tl-bench-") as folder:
        pinned = [ours.Tools(args.bin, os.path.join(folder, isa), args.threads, isa) for isa in args.isa]
        suite = Suite(ours.Tools(args.bin, folder, args.threads), peers, pinned)
        for name in chosen:
            report["jobs"].append(suite.measure(JOBS[name], args.rounds, args.seconds))
            report["versions"] = suite.versions
            report["machine"]["load_after"] = machine.load()
            write(report, args.output)
        if not args.no_sizes:
            report["sizes"] = sizes.all_sizes(suite.tools, ("vgg16", "mobilenet_025"))
        write(report, args.output)
    print(tables.markdown(report))


def write(report, path):
    if path:
        with open(path, "w") as f:
            json.dump(report, f, indent=1)


if __name__ == "__main__":
    main()
