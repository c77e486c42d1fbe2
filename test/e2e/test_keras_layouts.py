"""One network in the four forms in which Keras files occur, against Keras's
outputs for real pictures: features and logits within 1e-4 of the largest."""
import glob
import unittest

import numpy as np
from PIL import Image

from harness import TLC, TLRUN, ToolTest, needs_shared, shared

MODEL = ("models", "mobilenet025_imagenet")
HEADED = """model m {
  input image(224, 224, 3)
  backbone mobilenet(width: 0.25) { weights "replaced.h5"  freeze all }
  head { gap }
}
"""
TOPPED = """model m {
  input image(224, 224, 3)
  backbone mobilenet(width: 0.25) { weights "replaced.h5"  include_top true }
}
"""


@needs_shared(*MODEL)
class KerasLayouts(ToolTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.write("headed.tl", HEADED)
        cls.write("topped.tl", TOPPED)
        pictures = sorted(glob.glob(shared(*MODEL, "golden", "images", "*.png")))
        pixels = np.stack([np.asarray(Image.open(p).convert("RGB")) for p in pictures])
        # The preset `tf`, as the goldens' own script applied it.
        np.save(cls.path("x.npy"), pixels.astype(np.float32) / np.float32(127.5) - 1)
        np.save(cls.path("bytes.npy"), pixels)

    def tap(self, model, name, pixels="x.npy", *options):
        self.succeed(TLRUN, model, "--predict", pixels, *options, "--tap", name, "-o", "y.npy")
        return np.load(self.path("y.npy")).astype(np.float64)

    def golden(self, name):
        return np.load(shared(*MODEL, "golden", f"{name}.npy"))

    def close(self, got, want):
        self.assertEqual(got.shape, want.shape)
        self.assertLessEqual(np.abs(got - want).max(), 1e-4 * np.abs(want).max())

    def layout(self, file, topped=True):
        weights = shared(*MODEL, file)
        self.succeed(TLC, "headed.tl", "--weights", weights, "-o", "headed.bin")
        maps = self.tap("headed.bin", "features", "x.npy", "--preprocessed")
        self.assertEqual(maps.shape, (16, 7, 7, 256))
        self.close(maps.mean((1, 2)), self.golden("features_avgpool"))
        if topped:
            self.succeed(TLC, "topped.tl", "--weights", weights, "-o", "topped.bin")
            self.close(self.tap("topped.bin", "logits", "x.npy", "--preprocessed").reshape(16, 1000),
                       self.golden("logits"))

    def test_whole_model(self):
        self.layout("mobilenet_2_5_224_full.h5")

    def test_weights_only(self):
        self.layout("mobilenet_2_5_224_tf.h5")

    def test_weights_only_without_top(self):
        self.layout("mobilenet_2_5_224_tf_no_top.h5", topped=False)

    def test_keras_3_weights(self):
        self.layout("mobilenet_2_5_224.weights.h5")

    # Bytes go through the file's own preprocessing, to the same bits.
    def test_preprocessing_is_in_the_file(self):
        self.succeed(TLC, "headed.tl", "--weights", shared(*MODEL, "mobilenet_2_5_224_tf.h5"), "-o", "pre.bin")
        self.close(self.tap("pre.bin", "features", "bytes.npy").mean((1, 2)), self.golden("features_avgpool"))

    # A file without the top cannot serve a model with it: both are named.
    def test_missing_top_is_named(self):
        result = self.fail_with("conv_preds", TLC, "topped.tl", "--weights",
                                shared(*MODEL, "mobilenet_2_5_224_tf_no_top.h5"), "-o", "no.bin")
        self.assertIn("mobilenet_2_5_224_tf_no_top.h5", result.stderr)


if __name__ == "__main__":
    unittest.main()
