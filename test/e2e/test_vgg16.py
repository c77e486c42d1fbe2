"""Recipe A: VGG16 at 150x150 from a Keras-layout file, in bounded memory."""
import os
import subprocess
import sys
import unittest

from harness import SOURCE, TLC, TLRUN, ToolTest, draw_pictures

RECIPE = os.path.join(SOURCE, "examples", "02-cats-and-dogs", "model.tl")
MAKE_WEIGHTS = os.path.join(SOURCE, "test", "numerics", "make_random_vgg16_h5.py")
MEGABYTE = 1_000_000

# Runs a command in a fresh process and prints the largest resident size of any
# process of it: bytes.
MEASURE = """import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)"""


class RecipeA(ToolTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.weights = cls.path("vgg16.h5")
        cls.succeed(sys.executable, MAKE_WEIGHTS, cls.weights)
        compiled = cls.succeed(sys.executable, "-c", MEASURE, TLC, RECIPE, "--weights", cls.weights,
                               "-o", "model.bin")
        cls.peak = int(compiled.stdout)

    def test_memory(self):
        self.assertLessEqual(self.peak, 400 * MEGABYTE + 3 * os.path.getsize(self.weights))

    # The recipe's 30 epochs on a few pictures; the labels are the recipe's.
    def test_trains(self):
        draw_pictures.draw(self.path("drawn"), "demo", counts={"train": 4, "validation": 2})
        for split in ("train", "validation"):
            for drawn, label in (("leaves", "cats"), ("shells", "dogs")):
                os.makedirs(self.path("pictures", split), exist_ok=True)
                os.rename(self.path("drawn", split, drawn), self.path("pictures", split, label))
        self.succeed(TLRUN, "model.bin", "--train", "pictures", "-o", "trained.bin", "--log", "log.jsonl")
        epochs = self.epochs_of("log.jsonl")
        self.assertEqual(len(epochs), 30)
        # Eight pictures and two million weights: learnt by heart, from far away
        # (random features are large).
        self.assertGreater(epochs[0]["loss"], 1)
        self.assertEqual(epochs[-1]["accuracy"], 1)
        self.assertLess(epochs[-1]["loss"], 0.1)
        info = self.json(TLRUN, "trained.bin", "--info", "--json")
        self.assertEqual(info["labels"], ["cats", "dogs"])

    # `random:SEED` keeps the seed alone: the file is a fraction of the weights.
    def test_random_weights(self):
        self.succeed(TLC, RECIPE, "--weights", "random:1", "-o", "random.bin")
        self.assertLess(os.path.getsize(self.path("random.bin")), 10 * MEGABYTE)


if __name__ == "__main__":
    unittest.main()
