"""What the frameworks' scripts of the zoo share: the command line, and the comparison
at the published size, with a file that the framework wrote."""
import argparse
import dataclasses
import os
import subprocess
import sys
import tempfile

import numpy as np

import zoo

SOURCE = os.path.dirname(os.path.dirname(zoo.HERE))
BIN = os.environ.get("TL_BIN", os.path.join(SOURCE, "build", "dev", "bin"))


class Differs(Exception):
    """A network is not the framework's; the others are still compared."""


def run(folder, *command):
    result = subprocess.run([os.path.join(BIN, command[0]), *command[1:]], cwd=folder, text=True, capture_output=True)
    if result.returncode:
        raise Differs(f"{' '.join(command)}: {result.stdout}{result.stderr}")
    return result.stdout


def compare(network, write_weights, features, scores, rows, parameters):
    """`write_weights(folder)` gives the files; `rows` is Keras's layer list, or None.
    Prints a row of README.md's table: the larger distance of the files."""
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "zoo.tl"), "w") as f:
            f.write(network.recipe(network.full, True))
        ours, count = zoo.summary_rows(run(folder, "tlc", "zoo.tl", "--summary", "--weights", "random:1"))
        if count != parameters:
            raise Differs(f"{network.name}: {count} parameters, {parameters} there")
        if rows is not None and ours != rows:
            raise Differs(f"{network.name}: layer lists differ: {[p for p in zip(ours, rows) if p[0] != p[1]][:3]}")
        np.save(os.path.join(folder, "x.npy"), network.pixels(network.full))
        distances = {"features": 0, "logits": 0}
        for file in write_weights(folder):
            run(folder, "tlc", "zoo.tl", "--weights", file, "-o", "zoo.bin", "--keep", "features",
                "--target", "x86-64-v3")
            os.remove(file)
            for tap, reference in (("features", features), ("logits", scores)):
                run(folder, "tlrun", "zoo.bin", "--predict", "x.npy", "--tap", tap, "-o", "y.npy")
                found = np.load(os.path.join(folder, "y.npy")).reshape(reference.shape)
                distances[tap] = max(distances[tap], zoo.distance(found, reference, np.abs(reference).max()))
    options = "".join(f", {name}={value}" for name, value in network.options.items())
    size = "x".join(map(str, zoo.sides(network.full)))
    print(f"| `{network.name}` | {network.library} `{network.original}{options}` | {size} | {parameters:,} | "
          f"{len(ours)} | {distances['features']:.1e} | {distances['logits']:.1e} |", flush=True)
    if not max(distances.values()) <= zoo.BOUND:
        raise Differs(f"{network.name}: too far from the reference")


def main(source, make_golden, compare_whole):
    parser = argparse.ArgumentParser()
    parser.add_argument("--goldens", action="store_true")
    parser.add_argument("--size", help="HEIGHTxWIDTH of the comparison")
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - {network.name for network in zoo.NETWORKS if network.source == source}
    if unknown:
        sys.exit(f"not in zoo.py: {', '.join(unknown)}")
    differ = False
    for network in zoo.NETWORKS:
        if network.source != source or (arguments.names and network.name not in arguments.names):
            continue
        if arguments.goldens:
            if network.golden:
                make_golden(network)
                print(f"{network.path}: {os.path.getsize(network.path):,} bytes", flush=True)
            continue
        if arguments.size:
            # The file stays that of the published size.
            network = dataclasses.replace(network, full=tuple(map(int, arguments.size.split("x"))),
                                          file_size=network.file_size or network.full)
        try:
            compare_whole(network)
        except Differs as error:
            differ = True
            print(error, flush=True)
    sys.exit(differ)
