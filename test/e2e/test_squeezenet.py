"""SqueezeNet 1.0 on real weights from a .pth, against torchvision's numbers."""
import csv
import unittest

import numpy as np
from PIL import Image

from harness import TLC, TLRUN, ToolTest, needs_shared, shared

MODEL = ("models", "squeezenet10_imagenet")
PICTURES = ("models", "mobilenet025_imagenet", "golden", "images")
RECIPE = """model imagenet {
  input image(224, 224, 3)
  backbone squeezenet1_0 { weights "squeezenet.pth"  include_top true  freeze all }
}
"""


@needs_shared(*MODEL)
class SqueezeNet(ToolTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.write("imagenet.tl", RECIPE)
        cls.succeed(TLC, "imagenet.tl", "--weights", shared(*MODEL, "squeezenet1_0_deepcompression.pth"),
                    "-o", "model.bin")
        with open(shared(*MODEL, "golden", "images.csv")) as f:
            names = [row[0] for row in csv.reader(f)][1:]
        pictures = [Image.open(shared(*PICTURES, name)).convert("RGB") for name in names]
        np.save(cls.path("x.npy"), np.stack([np.asarray(picture) for picture in pictures]))

    def compare(self, golden, tap):
        self.succeed(TLRUN, "model.bin", "--predict", "x.npy", "--tap", tap, "-o", "y.npy")
        want = np.load(shared(*MODEL, "golden", f"{golden}.npy"))
        got = np.load(self.path("y.npy")).astype(np.float64)
        got = got.mean((1, 2)) if got.ndim == 4 else got
        # The design's bound for a forward pass in f32.
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-4 * np.abs(want).max())

    def test_features(self):
        self.compare("features_avgpool", "features")

    def test_logits(self):
        self.compare("logits", "logits")


if __name__ == "__main__":
    unittest.main()
