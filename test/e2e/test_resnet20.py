"""A CIFAR ResNet as PyTorch's users have it: the published weights of
akamaster's resnet20, in three precisions, against PyTorch's own numbers; then
as a frozen backbone below a new head."""
import csv
import glob
import os
import unittest

import numpy as np
from PIL import Image

from harness import TLC, TLRUN, ToolTest, needs_shared, shared

MODEL = ("models", "resnet20_cifar10")
PICTURES = ("classify", "cifar10_test")
LABELS = "airplane automobile bird cat deer dog frog horse ship truck".split()
TOPPED = f"""model classify {{
  input image(32, 32, 3)
  labels {", ".join(f'"{label}"' for label in LABELS)}
  backbone resnet20 {{ weights "resnet20_cifar10.safetensors"  include_top true }}
}}
"""
HEADED = """model retrain {
  input image(32, 32, 3)
  backbone resnet20 { weights "resnet20_cifar10.safetensors"  freeze all }
  head { gap  dense(10, softmax) }
  train {
    loss categorical_crossentropy
    phase head { epochs 10  optimizer adam(lr: 1e-3) }
  }
}
"""


FILE = "resnet20_cifar10.safetensors"


@needs_shared(*MODEL)
class ResNet20(ToolTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.write("topped.tl", TOPPED)
        cls.write("headed.tl", HEADED)
        with open(shared(*MODEL, "golden", "images.csv")) as f:
            names = [row["png"] for row in csv.DictReader(f)]
        pictures = [Image.open(shared(*MODEL, "golden", "images", name)).convert("RGB") for name in names]
        np.save(cls.path("x.npy"), np.stack([np.asarray(picture) for picture in pictures]))

    def compile(self, recipe, weights=FILE):
        self.succeed(TLC, recipe, "--weights", shared(*MODEL, weights), "-o", "model.bin")

    def tap(self, name):
        self.succeed(TLRUN, "model.bin", "--predict", "x.npy", "--tap", name, "-o", "y.npy")
        return np.load(self.path("y.npy")).astype(np.float64)

    def golden(self, name):
        return np.load(shared(*MODEL, "golden", f"{name}.npy"))

    def close(self, got, want):
        self.assertEqual(got.shape, want.shape)
        # The design's bound for a forward pass in f32.
        self.assertLessEqual(np.abs(got - want).max(), 1e-4 * np.abs(want).max())

    def test_features(self):
        self.compile("headed.tl")
        maps = self.tap("features")
        self.assertEqual(maps.shape, (16, 8, 8, 64))
        self.close(maps.mean((1, 2)), self.golden("features"))

    # PyTorch's own files hold the same numbers: the published one in the form
    # before 1.6, from a GPU, below `state_dict` and `module.`; and the zip form.
    def test_logits(self):
        for file in (FILE, "resnet20_cifar10.pth", "resnet20-12fca82f.th"):
            with self.subTest(file):
                self.compile("topped.tl", file)
                self.close(self.tap("logits"), self.golden("logits"))

    # The reader widens both formats to f32: PyTorch's logits move by as much with
    # the widened weights, 0.02376 and 0.28359; each side has its rounding.
    def test_halved_weights(self):
        want = self.golden("logits")
        for kind, moves in (("fp16", 0.02376), ("bf16", 0.28359)):
            with self.subTest(kind):
                self.compile("topped.tl", f"resnet20_cifar10_{kind}.safetensors")
                got = self.tap("logits")
                self.assertAlmostEqual(np.abs(got - want).max(), moves, delta=2e-4)
                np.testing.assert_array_equal(got.argmax(1), want.argmax(1))

    # From the JPEG files, by the labels: PyTorch has 804 of 1,000 right.
    @needs_shared(*PICTURES)
    def test_classifies(self):
        self.compile("topped.tl")
        files = sorted(glob.glob(shared(*PICTURES, "*", "*")))
        self.assertEqual(len(files), 1000)
        lines = self.json_lines(TLRUN, "model.bin", "--predict", *files, "--json")
        right = sum(os.path.basename(os.path.dirname(line["file"])) == line["label"] for line in lines)
        self.assertEqual(len(lines), 1000)
        self.assertLessEqual(abs(right - 804), 2)

    # A new head over the frozen network learns the classes again: the network's
    # own top reaches 0.80, chance 0.10.
    @needs_shared(*PICTURES)
    def test_trains_a_new_head(self):
        self.compile("headed.tl")
        self.succeed(TLRUN, "model.bin", "--train", shared(*PICTURES), "-o", "trained.bin", "--log", "log.jsonl")
        result = self.json(TLRUN, "trained.bin", "--evaluate", shared(*PICTURES), "--json")
        self.assertEqual(result["skipped"], 0)
        self.assertGreaterEqual(result["accuracy"], 0.7)
        self.assertEqual(self.json(TLRUN, "trained.bin", "--info", "--json")["labels"], LABELS)


if __name__ == "__main__":
    unittest.main()
