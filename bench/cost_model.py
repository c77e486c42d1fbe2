#!/usr/bin/env python3
"""What the cost model expects of each kernel beside what the kernel takes.

    python3 bench/cost_model.py build/release/bin
    python3 bench/cost_model.py build/release/bin --networks mobilenet_100 --isa x86-64-v3

Expected are the cycles of `tlc --explain`, in seconds of a core whose clock is
told by the FMA peak that is measured beside the kernels. A kernel's factor is
measured to expected. Each kernel runs alone, so that its values lie in the
nearest cache that holds them. Printed at the end: the rank correlation, the
share of kernels within a factor of 1.5, and that of the time in them.
"""
import argparse
import json
import math
import statistics
import tempfile

from suite import jobs, layers, machine, ours, sides

LANES = {"x86_64": 4, "x86_64_v3": 8, "x86_64_v4": 16}
UNITS = 2       # FMAs a cycle, as CostModel.cpp has it
NEAR = 1.5


def recipe(network):
    """(the text, the entry whose kernels are timed)"""
    if network.endswith("_step"):
        return ours.training_recipe({"network": network[:-5], "trained": "all", "batch": 32})
    return ours.recipe(network, "all", "gap"), "extract"


def expected(tools, source, entry, isa):
    """The batch, and (cycles for a picture, form, bound) of each call of the entry, in order."""
    entries = json.loads(sides.output([tools.tlc, source, "--weights", "random:0", "--explain", "--json"]))
    found = next(e for e in entries if e["entry"] == entry)
    return found["batch"], [next((t["cycles"], t["form"], t["bound"]) for t in call["targets"] if t["isa"] == isa)
                            for call in found["calls"]]


def measured(tools, program, kernels, isa, batch, seconds):
    """({kernel: seconds of one core}, the core's FMA peak)"""
    texts, file = layers.kernels(program), tools.path("kernels.mlir")
    with open(file, "w") as f:
        f.write("".join(texts[name] for name in kernels))
    child = sides.Child("", {"threads": 1}, command=[tools.program("kernel_times"), file, isa, str(batch), "1"])
    try:
        answer, _ = child.ask(seconds)
        return {name: row["least"] for name, row in answer["layers"].items()}, child.ready["peak"]
    finally:
        child.close()


def ranks(values):
    order = sorted(range(len(values)), key=values.__getitem__)
    return [order.index(i) for i in range(len(values))]


def summary(rows):
    """Of [(expected, measured), ...]: rank correlation, share near, share of the time near."""
    near = [(a, b) for a, b in rows if 1 / NEAR <= b / a <= NEAR]
    correlation = statistics.correlation(*(ranks(column) for column in zip(*rows))) if len(rows) > 2 else math.nan
    return correlation, len(near) / len(rows), sum(b for _, b in near) / sum(b for _, b in rows)


def table(network, tools, isa, seconds):
    text, entry = recipe(network)
    source = tools.path(f"{network}.tl")
    with open(source, "w") as f:
        f.write(text)
    program = sides.output([tools.tlc, source, "--weights", "random:0", "--emit", "plan-memory"])
    calls = layers.calls(program, entry)
    batch, facts = expected(tools, source, entry, isa)
    told = dict(zip((kernel for kernel, _ in calls), facts, strict=True))
    names = dict(calls[::-1])  # the first layer that has it
    found, peak = measured(tools, program, list(told), isa, batch, seconds)
    clock = peak * 1e9 / (2 * UNITS * LANES[isa])
    whole = sum(found[kernel] for kernel, _ in calls)
    print(f"\n{network}, {entry}, {isa}, batch {batch}, one thread at {clock / 1e9:.2f} GHz\n")
    print("| kernel | layer | form | bound by | expected, us | measured, us | factor | of the time |\n" + "|---" * 8 + "|")
    rows = []
    for kernel, (cycles, form, bound) in told.items():
        a, b = cycles / clock * batch, found[kernel]
        share = sum(name == kernel for name, _ in calls) * b / whole
        rows.append((a, b))
        print(f"| {kernel} | {names[kernel]} | {form} | {bound} | {a * 1e6:.1f} | {b * 1e6:.1f} | {b / a:.2f} "
              f"| {share:.1%} |")
    correlation, near, time = summary(rows)
    print(f"\nrank correlation {correlation:.3f}; within a factor of {NEAR}: {near:.0%} of {len(rows)} kernels, "
          f"{time:.0%} of their time")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bin", help="the folder that holds tlc and kernel_times")
    parser.add_argument("--networks", nargs="+", default=["vgg16", "mobilenet_100", "squeezenet1_0", "resnet20_step"],
                        help=f"of {', '.join(jobs.SIDES)}; with _step: a training step of all layers")
    parser.add_argument("--isa", metavar="TARGET", help="x86-64-v3 for one; default: the machine's own")
    parser.add_argument("--seconds", type=float, default=4, help="for all kernels of a network")
    args = parser.parse_args()
    print(machine.facts()["cpu"], "load", machine.load()[0])
    with tempfile.TemporaryDirectory(prefix="tl-cost-") as folder:
        tools = ours.Tools(args.bin, folder, 1, args.isa)
        for network in args.networks:
            table(network, tools, tools.isa(), args.seconds)


if __name__ == "__main__":
    main()
