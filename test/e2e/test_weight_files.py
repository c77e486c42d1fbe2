"""Weight files on their way in and out: which network a file that does not fit
looks like, and the export under the framework's names."""
import unittest

import numpy as np

from harness import TLC, TLRUN, ToolTest, needs_shared, shared
from safetensors_files import read_safetensors, write_safetensors

SMALL = """backbone small {
  %s
  conv(4, 3x3, stride: 2, bias: false, name: "conv1", source: "features.0")
  batch_norm(epsilon: 1e-3, name: "bn1", source: "features.1")
  depthwise_conv(3x3, name: "dw1", source: "features.2")
  flatten
  dense(5, name: "fc", source: "classifier")
}
"""
SHAPES = {"features.0.weight": (4, 3, 3, 3), "features.1.weight": (4,), "features.1.bias": (4,),
          "features.1.running_mean": (4,), "features.1.running_var": (4,),
          "features.2.weight": (4, 1, 3, 3), "features.2.bias": (4,),
          "classifier.weight": (5, 64), "classifier.bias": (5,)}


def recipe(backbone, freeze="all", size=8, top=False, more="", head="dense(3, softmax)"):
    return f"""model m {{
  input image({size}, {size}, 3)
  backbone {backbone} {{ {"include_top true " if top else ""} {more}  freeze {freeze} }}
  {"" if top else f"head {{ {head} }}"}
  {"" if top else "train { loss categorical_crossentropy  phase all { epochs 1  optimizer adam(lr: 1e-3) } }"}
}}
"""


class Recognise(ToolTest):
    # Another network's file, with torch's names: the built-in one that it fits.
    def test_other_network(self):
        self.write("resnet.tl", recipe("resnet20", freeze="none", size=32, head="gap  dense(3, softmax)"))
        self.succeed(TLC, "resnet.tl", "--weights", "random:1", "-o", "resnet.bin")
        self.succeed(TLRUN, "resnet.bin", "--export", "resnet.safetensors", "--export-names", "source")
        self.write("squeezenet.tl", recipe("squeezenet1_0", size=64, head="gap  dense(3, softmax)"))
        result = self.fail_with("does not fit the network", TLC, "squeezenet.tl", "--weights", "resnet.safetensors",
                                "-o", "x.bin")
        # The file has the network's 95 tensors but for the top, and another head.
        self.assertIn("the file's names and shapes are those of 'resnet20' (torch) without its top: 95 of its 95 "
                      "tensors are there", result.stderr)

    # A file of no network that is known: nothing is guessed, and that is said.
    def test_unknown(self):
        write_safetensors(self.path("unknown.safetensors"), {"a.weight": np.zeros((2, 2)), "b": np.zeros(1)})
        self.write("squeezenet.tl", recipe("squeezenet1_0", size=64, head="gap  dense(3, softmax)"))
        result = self.fail_with("does not fit the network", TLC, "squeezenet.tl", "--weights", "unknown.safetensors",
                                "-o", "x.bin")
        self.assertNotIn("names and shapes", result.stderr)
        self.assertIn("the file's names are those of no network that is built in ('tlc --list-backbones' lists them)",
                      result.stderr)

    # The same network in another width: the error has the first difference, the
    # note the width. And a file of Keras below a network of torch.
    @needs_shared("models", "mobilenet025_imagenet")
    def test_width_and_framework(self):
        file = shared("models", "mobilenet025_imagenet", "mobilenet_2_5_224.weights.h5")
        for backbone in ("mobilenet(width: 0.5)", "squeezenet1_0"):
            self.write("m.tl", recipe(backbone, size=224, top=True))
            result = self.fail_with("the file's names and shapes are those of 'mobilenet(width: 0.25)' (Keras): 137 of "
                                    "its 137 tensors are there", TLC, "m.tl", "--weights", file, "-o", "x.bin")
            if backbone != "squeezenet1_0":
                self.assertIn("expected 'conv1/kernel' [3, 3, 3, 16], found [3, 3, 3, 8]", result.stderr)


class Export(ToolTest):
    def export(self, names):
        self.succeed(TLRUN, "m.bin", "--export", "w.safetensors", "--export-names", names)
        return read_safetensors(self.path("w.safetensors"))

    # Either framework's form goes back into tlc, which leaves the head out, and comes
    # out the same; the forms are told apart by their names.
    def test_round_trip(self):
        for convention in ("convention torch  preprocess torch", "preprocess caffe"):
            self.write("small.tl", SMALL % convention)
            self.write("m.tl", recipe("small"))
            self.succeed(TLC, "m.tl", "--weights", "random:4", "-o", "m.bin")
            first = self.export("source")
            self.succeed(TLC, "m.tl", "--weights", "w.safetensors", "-o", "m.bin")
            again = self.export("source")
            self.assertEqual(first.keys(), again.keys())
            for name in first.keys() - {"dense.weight", "dense/kernel"}:
                np.testing.assert_allclose(again[name], first[name], rtol=2**-22, err_msg=name)

    # What came in as torch's goes out as torch's, bit for bit, and the head with
    # it; the canonical form holds the same numbers. It also compiles again.
    def test_torch(self):
        random = np.random.default_rng(5)
        given = {name: random.random(shape).astype(np.float32) for name, shape in SHAPES.items()}
        write_safetensors(self.path("given.safetensors"), given)
        self.write("small.tl", SMALL % "convention torch  preprocess torch")
        self.write("m.tl", recipe("small", freeze="none"))
        self.succeed(TLC, "m.tl", "--weights", "given.safetensors", "-o", "m.bin")
        ours, source = self.export("tl"), self.export("source")
        for name, values in given.items():
            np.testing.assert_array_equal(source.pop(name), values, name)
        self.assertEqual(sorted(source), ["dense.bias", "dense.weight"])
        np.testing.assert_array_equal(source["dense.weight"], ours["dense.kernel"].T)
        write_safetensors(self.path("again.safetensors"), given)
        self.succeed(TLC, "m.tl", "--weights", "again.safetensors", "-o", "m.bin")

    # Keras's names and shapes, where the backbone is Keras's.
    def test_keras(self):
        self.write("small.tl", SMALL % "preprocess caffe")
        self.write("m.tl", recipe("small", freeze="none"))
        self.succeed(TLC, "m.tl", "--weights", "random:4", "-o", "m.bin")
        ours, source = self.export("tl"), self.export("source")
        self.assertEqual(len(source), 11)
        self.assertEqual(source["dw1/kernel"].shape, (3, 3, 4, 1))
        for name, values in ours.items():
            np.testing.assert_array_equal(source[name.replace(".", "/")].ravel(), values.ravel(), name)

    def frozen(self, given, tap=""):
        write_safetensors(self.path("given.safetensors"), given)
        self.write("small.tl", SMALL % "convention torch  preprocess torch")
        self.write("m.tl", recipe("small"))
        self.succeed(TLC, "m.tl", "--weights", "given.safetensors", "-o", "m.bin", *(["--keep", tap] if tap else []))
        self.assertEqual(sorted(self.export("tl")), ["dense.bias", "dense.kernel"])
        source = self.export("source")
        self.assertEqual({name: source[name].shape for name in given},
                         {name: values.shape for name, values in given.items()})
        self.assertEqual(sorted(source.keys() - given.keys()), ["dense.bias", "dense.weight"])
        return source

    # Frozen layers go out as they came, too: the batch norm that was folded bit for
    # bit, its convolution, multiplied and divided again, within two roundings.
    def test_frozen(self):
        random = np.random.default_rng(6)
        given = {name: random.random(shape).astype(np.float32) for name, shape in SHAPES.items()}
        found = self.frozen(given)
        folded = found.pop("features.0.weight")
        np.testing.assert_allclose(folded, given["features.0.weight"], rtol=2**-22)
        for name in found.keys() & given.keys():
            np.testing.assert_array_equal(found[name], given[name], name)

    # A channel that the batch norm switches off: zeros, and no division by zero.
    def test_frozen_and_switched_off(self):
        random = np.random.default_rng(7)
        given = {name: random.random(shape).astype(np.float32) for name, shape in SHAPES.items()}
        given["features.1.weight"][1] = 0
        found = self.frozen(given)
        np.testing.assert_array_equal(found["features.0.weight"][1], 0)
        np.testing.assert_array_equal(found["features.1.weight"], given["features.1.weight"])
        np.testing.assert_allclose(found["features.0.weight"][2], given["features.0.weight"][2], rtol=2**-22)

    # Where the convolution is read before its batch norm, it is still there as it was.
    def test_frozen_with_a_tap(self):
        random = np.random.default_rng(8)
        given = {name: random.random(shape).astype(np.float32) for name, shape in SHAPES.items()}
        found = self.frozen(given, "conv1")
        for name in found.keys() & given.keys():
            np.testing.assert_array_equal(found[name], given[name], name)

    # torchvision's layer scale is [C, 1, 1], timm's [C]: each gets its own back.
    def test_shape_of_the_file(self):
        self.write("small.tl", """backbone small {
  convention torch  preprocess torch
  conv(4, 3x3, name: "conv")
  layer_scale(1.0, name: "layer_scale")
}
""")
        self.write("m.tl", recipe("small", head="gap  dense(3, softmax)"))
        random = np.random.default_rng(9)
        for shape in ((4,), (4, 1, 1)):
            given = {"conv.weight": random.random((4, 3, 3, 3)), "conv.bias": random.random(4),
                     "layer_scale": random.random(shape)}
            given = {name: values.astype(np.float32) for name, values in given.items()}
            write_safetensors(self.path("given.safetensors"), given)
            self.succeed(TLC, "m.tl", "--weights", "given.safetensors", "-o", "m.bin")
            found = self.export("source")
            np.testing.assert_array_equal(found["layer_scale"], given["layer_scale"])
            np.testing.assert_array_equal(found["conv.bias"], given["conv.bias"])
            np.testing.assert_allclose(found["conv.weight"], given["conv.weight"], rtol=2**-22)

    def test_unknown_names(self):
        self.fail_with("--export-names", TLRUN, "m.bin", "--export", "w.safetensors", "--export-names", "onnx")


if __name__ == "__main__":
    unittest.main()
