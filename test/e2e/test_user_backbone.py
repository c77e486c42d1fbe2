"""A backbone that a user writes beside the model: MLPerf Tiny's ResNet-8, with
its skip connections, on the weight file as its authors saved it (a whole model
of an older Keras, optimizer state included), against Keras's own numbers."""
import os
import unittest

import numpy as np
from PIL import Image

from harness import TLC, TLRUN, ToolTest, needs_shared, shared

MODEL = ("models", "resnet8_cifar10_keras")

# The authors' layer names number each class of layer through the network.
BACKBONE = """
block half(n, filters, stride: 1) {
  conv(filters, 3x3, stride: stride, name: "conv2d_{n}")
}

backbone resnet8 {
  preprocess raw
  conv(16, 3x3, name: "conv2d")
  batch_norm(epsilon: 1e-3, name: "batch_normalization")
  relu(name: "activation")
  add(name: "add") {
    branch { }
    branch {
      half(1, 16)  batch_norm(epsilon: 1e-3, name: "batch_normalization_1")  relu(name: "activation_1")
      half(2, 16)  batch_norm(epsilon: 1e-3, name: "batch_normalization_2")
    }
  }
  relu(name: "activation_2")
  for (stage, filters) in [(1, 32), (2, 64)] {
    add(name: "add_{stage}") {
      branch { conv(filters, 1x1, stride: 2, name: "conv2d_{2 + 3 * stage}") }
      branch {
        half(3 * stage, filters, stride: 2)
        batch_norm(epsilon: 1e-3, name: "batch_normalization_{1 + 2 * stage}")
        relu(name: "activation_{1 + 2 * stage}")
        half(1 + 3 * stage, filters)
        batch_norm(epsilon: 1e-3, name: "batch_normalization_{2 + 2 * stage}")
      }
    }
    relu(name: "activation_{2 + 2 * stage}")
  }
  avg_pool(8x8, name: "average_pooling2d")
  flatten(name: "flatten")
  top { dense(10, softmax, name: "dense") }
}
"""

RECIPE = """model cifar {
  input image(32, 32, 3)
  backbone resnet8 { weights "%s"  include_top true  freeze all }
}
"""


@needs_shared(*MODEL)
class UserBackbone(ToolTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.write("resnet8.tl", BACKBONE)
        cls.write("model.tl", RECIPE % shared(*MODEL, "pretrainedResnet.h5"))
        cls.succeed(TLC, "model.tl", "-o", "model.bin", "--keep", "activation_2")
        golden = shared(*MODEL, "golden")
        with open(os.path.join(golden, "images.csv")) as f:
            cls.names = [line.split(",")[0] for line in f.read().split()[1:]]
        pixels = [np.asarray(Image.open(os.path.join(golden, "images", n)).convert("RGB")) for n in cls.names]
        np.save(cls.path("x.npy"), np.stack(pixels))

    def compare(self, expected, *options):
        self.succeed(TLRUN, "model.bin", "--predict", "x.npy", *options, "-o", "y.npy")
        found = np.load(self.path("y.npy"))
        reference = np.load(shared(*MODEL, "golden", expected))
        np.testing.assert_allclose(found, reference, rtol=0, atol=1e-4 * np.abs(reference).max())

    def test_features(self):
        self.compare("features.npy", "--tap", "features")

    def test_scores(self):
        self.compare("probs.npy")

    # A value inside the network, before the second skip connection.
    def test_keeps_a_layer(self):
        self.succeed(TLRUN, "model.bin", "--predict", "x.npy", "--tap", "activation_2", "-o", "kept.npy")
        kept = np.load(self.path("kept.npy"))
        self.assertEqual(kept.shape, (len(self.names), 32, 32, 16))
        self.assertGreater(kept.max(), 0)
        self.assertEqual(kept.min(), 0)


if __name__ == "__main__":
    unittest.main()
