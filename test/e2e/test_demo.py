"""The README's main job, and the shipped backbone against PyTorch's features."""
import os
import unittest

import numpy as np
from PIL import Image

from harness import SOURCE, TLC, TLRUN, BIN, ToolTest, mini_recipe, read_bytes

GOLDENS = os.path.join(SOURCE, "test", "numerics", "mini")


class Demo(ToolTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.output = cls.succeed(os.path.join(SOURCE, "examples", "00-mini", "run.sh"), BIN,
                                 cls.path("demo")).stdout

    # PyTorch reaches 0.88 with the same head on the same features; random
    # features stay at 0.33. Three pictures of 90 are allowed for.
    def test_learns(self):
        result = self.json(TLRUN, "demo/trained.bin", "--evaluate", "demo/pictures", "--json")
        self.assertGreaterEqual(result["accuracy"], 0.84)
        self.assertEqual(result["count"], 90)
        self.assertEqual(result["skipped"], 0)
        self.assertEqual(np.sum(result["confusion"]), 90)

    # Class folders in byte order became the labels; the scores are a softmax.
    def test_predicts(self):
        picture = "demo/pictures/val/leaves/000.png"
        [line] = self.json_lines(TLRUN, "demo/trained.bin", "--predict", picture, "--json")
        self.assertEqual(line["file"], picture)
        self.assertEqual(line["label"], "leaves")
        self.assertEqual(list(line["scores"]), ["flowers", "leaves", "shells"])
        self.assertAlmostEqual(sum(line["scores"].values()), 1, places=5)

    # The drawn pictures are the same on every machine: this one is the golden's.
    def test_draws_the_same_pictures(self):
        self.assertEqual(read_bytes(self.path("demo/pictures/val/shells/001.png")),
                         read_bytes(os.path.join(GOLDENS, "shells_001.png")))


class MiniGoldens(ToolTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.write("features.tl", mini_recipe(head="gap", phases=""))
        cls.succeed(TLC, "features.tl", "-o", "features.bin")
        with open(os.path.join(GOLDENS, "pictures.txt")) as f:
            names = f.read().split()
        cls.pixels = np.stack([np.asarray(Image.open(os.path.join(GOLDENS, n))) for n in names])
        cls.golden = np.load(os.path.join(GOLDENS, "features.npy"))

    def features(self, pixels, *options):
        np.save(self.path("x.npy"), pixels)
        self.succeed(TLRUN, "features.bin", "--predict", "x.npy", *options,
                     "--tap", "features", "-o", "y.npy")
        return np.load(self.path("y.npy"))

    def check(self, got):
        self.assertEqual(got.shape, self.golden.shape)
        # The design's bound for a forward pass in f32.
        self.assertLessEqual(np.abs(got - self.golden).max(), 1e-4 * np.abs(self.golden).max())

    def test_from_bytes(self):
        self.check(self.features(self.pixels))

    def test_from_floats(self):
        self.check(self.features(self.pixels.astype(np.float32)))

    def test_preprocessed(self):
        x = self.pixels.astype(np.float32) / np.float32(127.5) - 1
        self.check(self.features(x, "--preprocessed"))


if __name__ == "__main__":
    unittest.main()
