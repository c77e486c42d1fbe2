"""An ONNX network as a backbone, from the command lines: its features against
ONNX Runtime's, a head trained on it, and the last nodes unfrozen by name.
test/numerics/onnx_network.py made the file and the numbers. The patterns of
nodes that exporters write go through onnx-eval, which takes any input;
onnx_patterns.py made theirs."""
import os
import unittest

import numpy as np

from harness import BIN, SOURCE, TLC, TLRUN, ToolTest, draw_pictures, needs_shared, shared

FILE = os.path.join(SOURCE, "test", "onnx", "network.onnx")
BACKBONE = 'backbone onnx("%s"%s) { preprocess torch  %s }'
RECIPE = """model bees {
  input image(%d, %d, 3)
  %s
  %s
}
"""
HEAD = """head { gap  dense(2, softmax) }
  train {
    loss categorical_crossentropy  batch 16  convention torch
    phase head { epochs 20  optimizer adam(lr: 0.01) }
    phase fine { epochs 2  unfreeze backbone ["last_conv":]  lr(backbone: 0.0001, head: 0.001) }
  }"""


class Onnx(ToolTest):
    @classmethod
    def recipe(cls, name, size, rest, arguments="", items="freeze all"):
        return cls.write(name, RECIPE % (size, size, BACKBONE % (FILE, arguments, items), rest))

    # The whole network, as ONNX Runtime computes it; within float32's sums.
    def test_computes_what_onnx_runtime_does(self):
        golden = np.load(os.path.join(SOURCE, "test", "onnx", "network.npz"))
        self.recipe("whole.tl", 32, "", items="include_top true  freeze all")
        self.succeed(TLC, "whole.tl", "-o", "whole.bin", "--keep", "gap")
        np.save(self.path("x.npy"), golden["pixels"])
        for options, key in ([], "output"), (["--tap", "gap"], "gap"):
            self.succeed(TLRUN, "whole.bin", "--predict", "x.npy", *options, "-o", "y.npy")
            found, wanted = np.load(self.path("y.npy")), golden[key]
            np.testing.assert_allclose(found.reshape(wanted.shape), wanted, rtol=0,
                                       atol=1e-4 * np.abs(wanted).max())

    # Gates, GELU, swish, attention and adaptive pools as exporters write them. Each file's numbers
    # would be far off if a pattern were taken for another: 1e-4 is float32's
    # sums and the rational functions behind the activations.
    def test_computes_what_exporters_write_as_several_nodes(self):
        folder = os.path.join(SOURCE, "test", "onnx", "patterns")
        for name in "squeeze_excitation", "swish", "gelu", "transformer", "attention", "adaptive_pool":
            golden = np.load(os.path.join(folder, name + ".npz"))
            golden["input"].tofile(self.path("x.raw"))
            self.succeed(os.path.join(BIN, "onnx-eval"), os.path.join(folder, name + ".onnx"),
                         self.path("x.raw"), self.path("y.raw"))
            with open(self.path("y.raw"), "rb") as f:
                shape = np.fromfile(f, np.int64, int(np.fromfile(f, np.int64, 1)[0]))
                found = np.fromfile(f, np.float32).reshape(shape)
            wanted = golden["output"]
            self.assertEqual(found.shape, wanted.shape, name)
            np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-4 * np.abs(wanted).max(), err_msg=name)

    # The file's last node is left away, a head trains, and then a part by name.
    @needs_shared("classify", "ants_bees")
    def test_trains_a_head_and_the_last_nodes(self):
        self.recipe("train.tl", 32, HEAD, ', output: "last_relu"')
        self.succeed(TLC, "train.tl", "-o", "train.bin")
        log = self.succeed(TLRUN, "train.bin", "--train", shared("classify", "ants_bees"), "-o", "trained.bin")
        self.assertTrue(os.path.exists(self.path("trained.bin")), log.stdout)

    # A range that names no node, and a size that the file does not have.
    def test_names_what_is_wrong(self):
        self.recipe("name.tl", 32, HEAD, ', output: "last_relu"', 'freeze ["last_convv":]')
        failed = self.start(TLC, "name.tl", "-o", "x.bin")
        self.assertEqual(failed.returncode, 1)
        self.assertIn("the backbone has no layer 'last_convv'; did you mean 'last_conv'?", failed.stderr)
        self.recipe("size.tl", 48, HEAD)
        failed = self.start(TLC, "size.tl", "-o", "x.bin")
        self.assertEqual(failed.returncode, 1)
        self.assertIn("does not fit an image of 48x48x3", failed.stderr)


if __name__ == "__main__":
    unittest.main()
