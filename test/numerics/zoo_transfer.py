#!/usr/bin/env python3
"""Transfer with every family of the zoo: a head on the frozen network, then its last
block with it. Needs numpy and the shared pictures, no framework.

    python3 test/numerics/zoo_transfer.py [NAME ...]

First test_zoo.Transfer: on drawn pictures every step's loss is below the one before.
Then two classes of insects, photographs of all sizes: the network compiles, learns and
gives each picture its class, as often right as training said, which is a row of
README.md's table. Weights are those that are there (squeezenet1_0, a narrow
mobilenet), else the seed's of zoo.py, from which little is to be learnt.
"""
import os
import sys

import numpy as np

import zoo
from test_zoo import TLC, TLRUN, Transfer, small_pictures  # finds harness
from harness import shared

REAL = {  # the last block, the file, the size
    "squeezenet1_0": ('["features.12*"]', "squeezenet10_imagenet/squeezenet1_0_deepcompression.pth", 224),
    "mobilenet(width: 0.25)": ('["conv_dw_13":]', "mobilenet025_imagenet/mobilenet_2_5_224_tf_no_top.h5", 224),
}


class Photographs(Transfer):
    def learn(self, name, last, weights, size):
        height, width = zoo.sides(size)
        self.write("photographs.tl", f"""model photographs {{
  input image({height}, {width}, 3)
  backbone {name} {{ weights "{weights}"  freeze all }}
  head {{ {zoo.pooling(name)}  dense(2, softmax, name: "score") }}
  train {{
    batch 32
    loss categorical_crossentropy
    phase head {{ epochs 10  optimizer adam(lr: 3e-3) }}
    phase tail {{ epochs 2  optimizer adam(lr: 1e-5)  unfreeze backbone {last} }}
  }}
}}
""")
        self.succeed(TLC, "photographs.tl", "-o", "photographs.bin")
        pictures = shared("classify", "ants_bees")
        self.succeed(TLRUN, "photographs.bin", "--train", pictures, "-o", "trained.bin", "--log", "log.jsonl",
                     "--no-report")
        epochs = self.epochs_of("log.jsonl")
        losses = [line["loss"] for line in epochs]
        self.assertTrue(np.isfinite(losses).all(), losses)
        self.assertLess(min(losses[1:]), losses[0])
        files = [os.path.join(folder, file) for folder, _, names in sorted(os.walk(os.path.join(pictures, "val")))
                 for file in sorted(names)]
        found = self.json_lines(TLRUN, "trained.bin", "--json", "--predict", *files)
        right = sum(line["label"] == os.path.basename(os.path.dirname(file))
                    for line, file in zip(found, files, strict=True))
        self.assertAlmostEqual(right / len(files), epochs[-1]["val_accuracy"], places=6)
        print(f"| `{name}` | {'real' if name in REAL else 'seeded'} | {height}x{width} | `{last}` | "
              f"{losses[0]:.3f} to {losses[-1]:.3f} | {right / len(files):.3f} |", flush=True)

    def one(self, name):
        if name in REAL:
            last, file, size = REAL[name]
            self.learn(name, last, shared("models", file), size)
            return
        network = next(n for n in zoo.NETWORKS if n.name == name)
        self.train(network)
        self.learn(name, zoo.LAST_BLOCK[name], network.file, network.size)


def main():
    Photographs.setUpClass()
    small_pictures(Photographs.path("pictures"))
    failed = False
    for name in sys.argv[1:] or [*REAL, *zoo.LAST_BLOCK]:
        try:
            Photographs().one(name)
        except AssertionError as error:
            failed = True
            print(f"{name}: {error}", flush=True)
    Photographs.doClassCleanups()
    sys.exit(failed)


if __name__ == "__main__":
    main()
