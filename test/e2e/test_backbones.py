"""The list of backbones, its page, and the warnings about pictures prepared for other
weights than those at hand."""
import json
import os
import sys
import unittest

import numpy as np

from harness import SOURCE, TLC, TLRUN, ToolTest
from safetensors_files import write_safetensors

PAGE = os.path.join(SOURCE, "backbones", "README.md")
KERAS = """backbone own {
  preprocess caffe
  conv(2, 1x1, name: "c", source: "module")
}
"""


class Backbones(ToolTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.entries = {e["name"]: e for e in cls.json(TLC, "--list-backbones", "--json")}

    # One row a file, and the text has the same names.
    def test_list(self):
        files = [name.removesuffix(".tl") for name in os.listdir(os.path.dirname(PAGE)) if name.endswith(".tl")]
        self.assertEqual(sorted(self.entries), sorted(files))
        text = self.succeed(TLC, "--list-backbones").stdout
        self.assertEqual([line.split("(")[0].split()[0] for line in text.splitlines()], sorted(files))

    # What the papers and the frameworks say of three networks: Keras's count_params, and
    # torchvision's _ops in 10^9 (with its rounding).
    def test_counts(self):
        for name, layers, weights, work in (("resnet50_torch", None, 25_557_032 + 53_120, 4.089),
                                            ("vgg16", 23, 138_357_544, 15.470),
                                            ("inception_v3", 313, 23_851_784, 5.713)):
            entry = self.entries[name]
            self.assertEqual(entry["parameters"], weights)
            self.assertAlmostEqual(entry["multiply_adds"] / 1e9, work, delta=0.001)
            if layers:
                self.assertEqual(entry["layers"], layers)

    # A backbone with published weights says which size they are for and under which licence.
    def test_facts_are_given(self):
        for entry in self.entries.values():
            self.assertGreater(entry["image_size"], 0, entry["name"])
            self.assertEqual(bool(entry["weights_from"]), bool(entry["licence"]), entry["name"])

    def test_page_is_current(self):
        made = self.succeed(sys.executable, os.path.join(SOURCE, "scripts", "backbones_page.py"), TLC).stdout
        with open(PAGE) as f:
            self.assertEqual(f.read(), made, "run scripts/backbones_page.py")


class FlattenOrGap(ToolTest):
    # The example's two recipes compile, and cost what its page says.
    def test_example(self):
        folder = os.path.join(SOURCE, "examples", "06-flatten-or-gap")
        with open(os.path.join(folder, "README.md")) as f:
            page = f.read()
        for network, heads in (("vgg16", ("6,423,298", "131,842")), ("mobilenet", ("3,212,034", "66,306"))):
            for kind, weights in zip(("flatten", "gap"), heads):
                summary = self.succeed(TLC, os.path.join(folder, f"{network}_{kind}.tl"), "--summary",
                                       "--weights", "random:1").stdout
                self.assertIn(f" weights, {weights} of them trained", summary)
            self.assertIn(f"| weights that learn | {heads[0]} | {heads[1]} |", page)


class Preprocessing(ToolTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.write("own.tl", KERAS)
        kernel, bias = np.zeros((2, 3, 1, 1), np.float32), np.zeros(2, np.float32)
        write_safetensors(cls.path("torch.safetensors"), {"module.weight": kernel, "module.bias": bias})
        cls.write_keras_h5(cls.path("keras.h5"), kernel.transpose(2, 3, 1, 0), bias)

    @staticmethod
    def write_keras_h5(path, kernel, bias):
        import h5py
        with h5py.File(path, "w") as f:
            f.attrs["layer_names"] = [b"c"]
            group = f.create_group("c")
            group.attrs["weight_names"] = [b"c/kernel:0", b"c/bias:0"]
            group["c/kernel:0"], group["c/bias:0"] = kernel, bias

    def warnings(self, weights, preprocess=""):
        self.write("model.tl", f"model m {{ input image(8, 8, 3)  backbone own {{ weights \"{weights}\" "
                               f"{preprocess} }}  head {{ gap }} }}\n")
        return self.succeed(TLC, "model.tl", "-o", "model.bin").stderr

    # The article's mistake: Keras's weights under pictures scaled by 1/255.
    def test_other_values_than_the_weights(self):
        self.assertIn("the weights of 'own' were trained on pictures prepared by 'caffe'; this model prepares them "
                      "otherwise, by 'custom'", self.warnings("keras.h5", "preprocess custom(scale: 1/255)"))

    def test_weights_of_another_source(self):
        self.assertIn("the weights come from PyTorch, but pictures are prepared by 'caffe', as Keras's weights of "
                      "'own' want them", self.warnings("torch.safetensors"))

    # Nothing is wrong with these: the source's own values, however the picture was resized, and
    # values chosen for weights of another source.
    def test_no_warning(self):
        for weights, preprocess in (("keras.h5", ""), ("keras.h5", "preprocess caffe(resize: nearest, resize_to: 9)"),
                                    ("torch.safetensors", "preprocess torch")):
            self.assertEqual(self.warnings(weights, preprocess), "")

    # What a preset resizes by is in the file and shown.
    def test_crop_is_shown(self):
        self.warnings("torch.safetensors", "preprocess torch(resize_to: 9, resize: bicubic)")
        given = self.json(TLRUN, "model.bin", "--info", "--json")["preprocess"]
        self.assertEqual((given["name"], given["resize"], given["resize_to"]), ("torch", "bicubic", 9))


if __name__ == "__main__":
    unittest.main()
