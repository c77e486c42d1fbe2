"""What a user sees who gives a backbone the weights of another network, width or
framework, or no weights at all. The files have the names and shapes of the
frameworks' own (test/numerics/zoo/) and values of zero."""
import json
import os
import struct
import sys
import unittest

import numpy as np

from harness import SOURCE, TLC, TLRUN, ToolTest, small_pictures
sys.path.insert(0, os.path.join(SOURCE, "test", "numerics"))
import zoo  # noqa: E402
from trajectory_cases import write_keras_h5  # noqa: E402

NONE = "the file's names are those of no network that is built in ('tlc --list-backbones' lists them)"
ARE, LIKE = "the file's names and shapes are those of ", "the file's names look like those of "


def recipe(backbone, file, more=""):
    pooled = "" if backbone.startswith(("vit", "deit")) else "gap"
    return f"""model m {{
  input image(64, 64, 3)
  backbone {backbone} {{ weights "{file}"  freeze all  {more} }}
  head {{ {pooled}  dense(3, softmax) }}
  train {{ loss categorical_crossentropy  phase all {{ epochs 1  optimizer adam(lr: 1e-3) }} }}
}}
"""


def tensors_of(name):
    return zoo.Golden(next(network for network in zoo.NETWORKS if network.name == name)).tensors


def write_zeros(path, tensors):
    """safetensors whose values are a hole in the file."""
    head, end = {}, 0
    for name, shape in tensors:
        begin, end = end, end + 4 * int(np.prod(shape))
        head[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(head).encode()
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        f.truncate(8 + len(text) + end)


class WrongWeights(ToolTest):
    def given(self, name, rename=lambda name: name, widen=lambda shape: shape):
        """The file of a network of the zoo, perhaps changed."""
        network = next(network for network in zoo.NETWORKS if network.name == name)
        path = self.path(network.file)
        if network.source == "torch":
            write_zeros(path, [(rename(n), widen(shape)) for n, shape in tensors_of(name)])
            return network.file
        layers = {}
        for n, shape in tensors_of(name):
            layers.setdefault(n.split("/")[0], {})[f"{n}:0"] = np.zeros(shape, np.float32)
        write_keras_h5(path, layers)
        return network.file

    def refused(self, backbone, file, expected):
        self.write("m.tl", recipe(backbone, file))
        result = self.fail_with("does not fit the network: of ", TLC, "m.tl", "-o", "m.bin")
        self.assertIn(f"note: {expected}", result.stderr)

    # Another depth of the same kind, and the same depth as the other framework has it.
    def test_other_depth(self):
        file = self.given("resnet18")
        for backbone in ("resnet34", "resnet50_torch", "resnet50"):
            self.refused(backbone, file, ARE + "'resnet18' (torch): 102 of its 102 tensors are there")

    def test_other_framework(self):
        self.refused("resnet50", self.given("resnet50_torch"), ARE + "'resnet50_torch' (torch): 267 of its 267")
        self.refused("resnet50_torch", self.given("resnet50"), ARE + "'resnet50' (Keras): 320 of its 320")
        self.refused("densenet121", self.given("densenet121_torch"), ARE + "'densenet121_torch' (torch): ")

    # Files without their top, whose network has a top: that much is not missing.
    def test_without_top(self):
        self.refused("vgg19", self.given("vgg16"), ARE + "'vgg16' (Keras) without its top: 26 of its 26")
        self.refused("vgg16_torch", self.given("vgg19_torch"), ARE + "'vgg19_torch' (torch) without its top: 32 of")
        self.refused("vgg16_torch", self.given("vgg16_bn"), ARE + "'vgg16_bn' (torch) without its top: ")

    # timm's names for torchvision's network, another width, and two backbones that
    # differ in their preprocessing alone. (At 64 x 64, positions are resampled.)
    def test_tokens(self):
        file = self.given("vit_tiny_patch16", widen=lambda shape: (1, 197, 192) if shape == (1, 17, 192) else shape)
        for backbone in ("vit_b_16", "vit_base_patch16", "vit_small_patch32"):
            self.refused(backbone, file, ARE + "'deit_tiny_patch16' and 'vit_tiny_patch16' (torch): 152 of its 152")

    # A width that no parameter of a backbone gives, asked for or not.
    def test_other_width(self):
        file = self.given("resnet18", widen=lambda shape: tuple(2 * n for n in shape))
        for backbone in ("resnet18", "squeezenet1_0"):
            self.refused(backbone, file, LIKE + "'resnet18' (torch), but not its shapes: it is of another width")

    # A detector's file, say.
    def test_no_network(self):
        self.refused("squeezenet1_0", self.given("resnet18", rename=lambda name: f"model.{len(name)}.{name}"), NONE)

    # Weights that fit by their shapes alone, and pictures prepared otherwise than for
    # what they were trained on: warnings, since the numbers would only be worse.
    def test_preprocessing(self):
        def warned(backbone, file, more, expected):
            self.write("m.tl", recipe(backbone, file, more))
            warning = self.succeed(TLC, "m.tl", "-o", "m.bin", "--target", "x86-64-v3").stderr
            if expected:
                self.assertIn(f"warning: {expected}", warning)
            else:
                self.assertEqual(warning, "")
        keras = self.given("vgg16")
        warned("vgg16_torch", keras, "", "the weights come from Keras, but pictures are prepared by 'torch', as "
                                         "PyTorch's weights of 'vgg16_torch' want them; say 'preprocess' in the model")
        warned("vgg16_torch", keras, "preprocess caffe", "")
        warned("vgg16", keras, "", "")
        torch = self.given("resnet18")
        for preset in ("caffe", "tf", "raw"):
            warned("resnet18", torch, f"preprocess {preset}",
                   "the weights of 'resnet18' were trained on pictures prepared by 'torch'; this model prepares them "
                   f"otherwise, by '{preset}'")
        warned("resnet18", torch, "", "")

    # What is no file of weights is told by what it is.
    def test_no_weights(self):
        torch = self.given("resnet18")
        self.write("m.tl", recipe("resnet18", torch))
        self.succeed(TLC, "m.tl", "-o", "own.bin", "--target", "x86-64-v3")
        small_pictures(self.path("pictures"))
        picture = next(os.path.join(folder, name) for folder, _, names in os.walk(self.path("pictures"))
                       for name in names)
        self.write("empty", "")
        for file, found in [("own.bin", "a model that tlc compiled; 'tlrun MODEL --export W.safetensors"),
                            (picture, "a picture ("), ("empty", "an empty file"),
                            (os.path.join(SOURCE, "test", "onnx", "network.onnx"), "what looks like an ONNX model")]:
            self.write("m.tl", recipe("resnet18", file))
            self.fail_with(f"'{file}': expected Keras's .h5, safetensors or PyTorch's .pth, found {found}",
                           TLC, "m.tl", "-o", "m.bin")
        # The advice holds.
        self.succeed(TLRUN, "own.bin", "--export", "w.safetensors", "--export-names", "source")
        self.write("m.tl", recipe("resnet18", "w.safetensors"))
        self.succeed(TLC, "m.tl", "-o", "m.bin", "--target", "x86-64-v3")


if __name__ == "__main__":
    unittest.main()
