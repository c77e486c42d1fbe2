"""What the frameworks' scripts of the zoo share: the command line, and the comparison
at the published size, with a file that the framework wrote."""
import os
import subprocess
import sys
import tempfile

import numpy as np

import zoo

SOURCE = os.path.dirname(os.path.dirname(zoo.HERE))
BIN = os.environ.get("TL_BIN", os.path.join(SOURCE, "build", "dev", "bin"))


def run(folder, *command):
    result = subprocess.run([os.path.join(BIN, command[0]), *command[1:]], cwd=folder, text=True, capture_output=True)
    if result.returncode:
        sys.exit(f"{' '.join(command)}: {result.stdout}{result.stderr}")
    return result.stdout


def compare(network, write_weights, features, scores, rows, parameters):
    """`write_weights(folder)` gives the files; `rows` is Keras's layer list, or None."""
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "zoo.tl"), "w") as f:
            f.write(network.recipe(network.full, True))
        ours, count = zoo.summary_rows(run(folder, "tlc", "zoo.tl", "--summary", "--weights", "random:1"))
        if count != parameters:
            sys.exit(f"{network.name}: {count} parameters, {parameters} there")
        if rows is not None and ours != rows:
            sys.exit(f"{network.name}: layer lists differ: {[p for p in zip(ours, rows) if p[0] != p[1]][:3]}")
        np.save(os.path.join(folder, "x.npy"), network.pixels(network.full))
        for file in write_weights(folder):
            run(folder, "tlc", "zoo.tl", "--weights", file, "-o", "zoo.bin", "--keep", "features",
                "--target", "x86-64-v3")
            distances = []
            for tap, reference in (("features", features), ("logits", scores)):
                run(folder, "tlrun", "zoo.bin", "--predict", "x.npy", "--tap", tap, "-o", "y.npy")
                found = np.load(os.path.join(folder, "y.npy")).reshape(reference.shape)
                distances.append(zoo.distance(found, reference, np.abs(reference).max()))
            verdict = "ok" if max(distances) <= zoo.BOUND else "TOO FAR"
            print(f"{network.name} {os.path.basename(file)}: {parameters:,} parameters, features "
                  f"{distances[0]:.1e}, scores {distances[1]:.1e} of the largest: {verdict}", flush=True)
            if verdict != "ok":
                sys.exit(1)


def main(source, make_golden, compare_whole):
    goldens = "--goldens" in sys.argv
    names = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    for network in zoo.NETWORKS:
        if network.source != source or (names and network.name not in names):
            continue
        if not goldens:
            compare_whole(network)
        elif network.golden:
            make_golden(network)
            print(f"{network.path}: {os.path.getsize(network.path):,} bytes", flush=True)
