"""Heads of more than dense layers: gradients go back through branches, slices,
added channels and pools, on every kernel of them."""
import json
import unittest

import numpy as np

from harness import TLC, TLRUN, ToolTest, mini_recipe, read_bytes, small_pictures

# Everything behind `dense(64)` has a gradient: overlapping windows, padding,
# a part of the channels, one value in two branches.
HEAD = """
    gap  dense(64)  reshape((4, 4, 4))  zero_pad(1)
    concat {
      branch { max_pool(3x3, stride: 2) }
      branch { avg_pool(3x3, stride: 2)  slice(channels: 1..3) }
      branch { slice(stride: 3)  pad_channels(1, 0) }
    }
    flatten
    add { branch { dense(16, relu) } branch { slice(channels: 0..15) } }
    dense(3, softmax)
"""


class Heads(ToolTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        small_pictures(cls.path("pictures"))
        cls.write("head.tl", mini_recipe(head=HEAD, phases="phase head { epochs 60  optimizer adam(lr: 3e-3) }"))
        cls.succeed(TLC, "head.tl", "-o", "head.bin")
        cls.train("one.bin", 1)

    @classmethod
    def train(cls, out, threads):
        cls.succeed(TLRUN, "head.bin", "--train", "pictures", "-o", out, "--threads", threads, "--log", "log.jsonl")

    def weights(self, model):
        self.succeed(TLRUN, model, "--export", "w.safetensors")
        data = read_bytes(self.path("w.safetensors"))
        size = int.from_bytes(data[:8], "little")
        return {name: np.frombuffer(data[8 + size:][slice(*entry["data_offsets"])], np.float32)
                for name, entry in json.loads(data[8:8 + size]).items() if name != "__metadata__"}

    # 33 pictures and five thousand weights: learnt by heart, from chance.
    def test_learns(self):
        epochs = self.epochs_of("log.jsonl")
        self.assertGreater(epochs[0]["loss"], 0.7)
        self.assertLess(epochs[-1]["loss"], 0.1)
        self.assertEqual(epochs[-1]["accuracy"], 1)

    # Behind all that lies a dense layer: its weights move too.
    def test_gradients_reach_the_first_layer(self):
        before, after = self.weights("head.bin"), self.weights("one.bin")
        self.assertEqual(list(before), [f"{layer}.{role}" for layer in ("dense", "dense_1", "dense_2")
                                        for role in ("kernel", "bias")])
        for name, value in before.items():
            moved = np.abs(after[name] - value)
            self.assertGreater(moved.mean(), 1e-3, name)

    # No tile writes what another does.
    def test_threads(self):
        for threads in (2, 5):
            self.train(f"{threads}.bin", threads)
            self.assertEqual(read_bytes(self.path("one.bin")), read_bytes(self.path(f"{threads}.bin")))


if __name__ == "__main__":
    unittest.main()
