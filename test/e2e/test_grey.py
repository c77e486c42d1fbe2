"""Grey networks: pictures become grey as Pillow does it, before they are resized; what
the file says of itself; training on grey pictures; weights of frameworks' grey networks."""
import os
import re
import sys
import unittest

import numpy as np
from PIL import Image

from harness import SOURCE, TLC, TLRUN, ToolTest, needs_shared, read_bytes, shared, small_pictures

sys.path.insert(0, os.path.join(SOURCE, "test", "numerics"))
import grey_pictures  # noqa: E402

PICTURES = ("classify", "cifar10_test")

PIXELS = """model pixels {{
  input image(21, 17, {channels})
  backbone pixels {{ freeze all }}
  head {{ max_pool(1x1) }}
}}
backbone pixels {{ preprocess raw(resize: {resize})  max_pool(1x1) }}
"""

# Three convolutions of our own, from drawn weights.
SMALL = """model small {{
  input image(32, 32, {channels})
  backbone small {{ freeze none }}
  head {{ conv(48, 3x3, bias: false)  batch_norm  relu  gap  dense({classes}, softmax) }}
  train {{
    batch 20
    loss categorical_crossentropy
    {augment}
    phase all {{ epochs {epochs}  optimizer adam(lr: 3e-3)  batch_norm train }}
  }}
}}
backbone small {{
  preprocess tf
  conv(16, 3x3, bias: false)  batch_norm  relu  max_pool(2x2)
  conv(32, 3x3, bias: false)  batch_norm  relu  max_pool(2x2)
}}
"""


# What keras_grey.py and torch_grey.py build.
FRAMEWORK = """model grey {{
  input image({height}, {width}, 1)
  backbone {name} {{ weights "{file}"  include_top true }}
}}
backbone {name} {{
  convention {name}
  preprocess tf
  conv(8, 5x5, stride: 2, padding: {padding}, name: "stem")
  batch_norm(name: "stem_norm")
  relu(name: "stem_relu")
  depthwise_conv(3x3, bias: false, name: "deep")
  batch_norm(name: "deep_norm")
  relu6(name: "deep_relu")
  conv(12, 3x3, padding: valid, name: "wide")
  relu(name: "wide_relu")
  top {{
    {pool}
    flatten(name: "flatten")
    dense(5, softmax, name: "score")
  }}
}}
"""


class Grey(ToolTest):
    def compile(self, name, text):
        self.write(f"{name}.tl", text)
        self.succeed(TLC, f"{name}.tl", "-o", f"{name}.bin", "--weights", "random:1")

    # To the byte: Pillow's own convert("L") at full size, then its own filter.
    def test_pixels_equal_pillow(self):
        rgb = np.random.default_rng(3).integers(0, 256, (3, 40, 50, 3), np.uint8)
        np.save(self.path("rgb.npy"), rgb)
        np.save(self.path("grey.npy"), np.stack([np.asarray(Image.fromarray(x).convert("L")) for x in rgb])[..., None])
        for word, rule in (("bilinear", Image.Resampling.BILINEAR), ("nearest", Image.Resampling.NEAREST),
                           ("bicubic", Image.Resampling.BICUBIC)):
            self.compile(word, PIXELS.format(channels=1, resize=word))
            expected = np.stack([np.asarray(Image.fromarray(x).convert("L").resize((17, 21), rule)) for x in rgb])
            for given in ("rgb", "grey"):
                self.succeed(TLRUN, f"{word}.bin", "--predict", f"{given}.npy", "-o", "out.npy")
                np.testing.assert_array_equal(np.load(self.path("out.npy"))[..., 0], expected.astype(np.float32))
        # Resized colours that become grey are other bytes in some places: the order matters.
        late = np.stack([np.asarray(Image.fromarray(x).resize((17, 21), rule).convert("L")) for x in rgb])
        self.assertFalse((late == expected).all())
        np.save(self.path("two.npy"), rgb[..., :2])
        self.fail_with("expected 1 or 3 channels", TLRUN, "bicubic.bin", "--predict", "two.npy", "-o", "out.npy")

    # Coloured files, grey by Pillow there and by tlrun here, through a framework's weights:
    # within the bound of the design, of the largest score.
    def like_framework(self, name, file, shapes, **parts):
        weights = os.path.join(grey_pictures.FOLDER, file)
        recipe = FRAMEWORK.format(height=grey_pictures.HEIGHT, width=grey_pictures.WIDTH, name=name, file=weights,
                                  **parts)
        self.write(f"{name}.tl", recipe)
        self.succeed(TLC, f"{name}.tl", "-o", f"{name}.bin")
        golden = np.load(os.path.join(grey_pictures.FOLDER, f"{name}.npy"))
        lines = self.json_lines(TLRUN, f"{name}.bin", "--predict", *grey_pictures.write_pictures(self.folder), "--json")
        scores = np.array([list(line["scores"].values()) for line in lines])
        self.assertEqual(scores.shape, golden.shape)
        self.assertLessEqual(np.abs(scores - golden).max(), 1e-4 * golden.max())
        # The file is for grey pictures alone; what is said names the weight and both shapes, in the
        # order of the file.
        self.write("colour.tl", recipe.replace(", 1)", ", 3)", 1))
        result = self.fail_with("stem", TLC, "colour.tl", "-o", "colour.bin")
        self.assertRegex(result.stderr, "expected 'stem[./]\\w+' {}, found {}".format(*map(re.escape, shapes)))

    def test_keras(self):
        self.like_framework("keras", "keras.h5", ("[5, 5, 3, 8]", "[5, 5, 1, 8]"), padding="same",
                            pool='avg_pool(2x2, name: "pool")')

    def test_torch(self):
        self.like_framework("torch", "torch.safetensors", ("[8, 3, 5, 5]", "[8, 1, 5, 5]"), padding=2,
                            pool='adaptive_avg_pool(5x4, name: "pool")')

    # What --info says: one channel, one mean.
    def test_info(self):
        self.compile("info", SMALL.format(channels=1, classes=3, epochs=1, augment=""))
        info = self.json(TLRUN, "info.bin", "--info", "--json")
        self.assertEqual(info["input"], [32, 32, 1])
        preprocess = info["preprocess"]
        self.assertEqual((preprocess["order"], preprocess["mean"], preprocess["std"]), ("grey", [1], [1]))
        self.assertIn("32 x 32 x 1", self.succeed(TLRUN, "info.bin", "--info").stdout)

    # Views of grey pictures, batch norms in training mode: the same file with any threads.
    def test_threads(self):
        small_pictures(self.path("pictures"))
        self.compile("views", SMALL.format(channels=1, classes=3, epochs=2,
                                           augment="augment { rotate(20)  color(0.3)  views 2 }"))
        for threads in (1, 3):
            self.succeed(TLRUN, "views.bin", "--train", "pictures", "-o", f"{threads}.bin", "--threads", threads)
        self.assertEqual(read_bytes(self.path("1.bin")), read_bytes(self.path("3.bin")))

    # From drawn weights, ten classes: the network learns what grey pictures show. Chance is 0.1,
    # with a standard error of 0.02 on 200 pictures.
    @needs_shared(*PICTURES)
    def test_learns_from_grey(self):
        self.compile("cifar", SMALL.format(channels=1, classes=10, epochs=12, augment=""))
        self.succeed(TLRUN, "cifar.bin", "--train", shared(*PICTURES), "-o", "cifar_trained.bin", "--log", "cifar.jsonl")
        epochs = self.epochs_of("cifar.jsonl")
        self.assertGreater(epochs[-1]["val_accuracy"], 0.2)
        # A picture and its grey version are the same to it.
        picture = shared(*PICTURES, "bird", "0034.jpg")
        Image.open(picture).convert("L").save(self.path("grey.png"))
        both = [self.json_lines(TLRUN, "cifar_trained.bin", "--predict", path, "--json")[0]["scores"]
                for path in (picture, os.path.join(self.folder, "grey.png"))]
        self.assertEqual(*both)


if __name__ == "__main__":
    unittest.main()
