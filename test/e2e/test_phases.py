"""Phases with frontiers of their own: a backbone of dense layers, unfrozen layer
by layer, against numpy, and with the same bytes whatever is cached."""
import json
import os
import struct
import unittest

import numpy as np
from PIL import Image

from harness import TLC, TLRUN, ToolTest, mini_recipe, read_bytes, small_pictures

LAYERS = [("low", 24), ("mid", 16), ("high", 12), ("dense", 3)]
CLASSES = ["a", "b", "c"]

# Batches of all pictures: then their order does not matter.
RECIPE = """
backbone ladder {
  preprocess custom(scale: 1/255, mean: 0.5, std: 0.5)
  flatten
  dense(24, relu, name: "low")  dense(16, relu, name: "mid")  dense(12, relu, name: "high")
}
model ladder {
  input image(8, 8, 3)
  backbone ladder { %s }
  head { %s dense(3, softmax, name: "dense") }
  train { batch %d  loss categorical_crossentropy  %s }
}
"""

STEPS = """
    phase one { epochs 3  optimizer sgd(lr: 0.1) }
    phase two { epochs 3  unfreeze backbone["mid"]  lr(backbone: 0.05) }
    phase three { epochs 3  unfreeze backbone["high"] }"""


def safetensors(path):
    data = read_bytes(path)
    size = struct.unpack("<Q", data[:8])[0]
    found = {}
    for name, entry in json.loads(data[8:8 + size]).items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        found[name] = np.frombuffer(data[8 + size + begin:8 + size + end], np.float32).reshape(
            entry["shape"]).astype(np.float64)
    return found


class Phases(ToolTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        rng = np.random.default_rng(3)
        cls.pixels, cls.labels = [], []
        for part, count in (("train", 5), ("val", 2)):
            for label, name in enumerate(CLASSES):
                os.makedirs(cls.path("pictures", part, name))
                for i in range(count):
                    picture = rng.integers(0, 200, (8, 8, 3), np.uint8)
                    picture[..., label] //= 4
                    Image.fromarray(picture).save(cls.path("pictures", part, name, f"{i}.png"))
                    if part == "train":
                        cls.pixels.append(picture)
                        cls.labels.append(label)

    def compile(self, name, freeze="freeze all", head="", batch=15, phases=STEPS):
        self.write(f"{name}.tl", RECIPE % (freeze, head, batch, phases))
        return self.succeed(TLC, f"{name}.tl", "-o", f"{name}.bin", "--weights", "random:7", "--summary").stdout

    def train(self, name, out, *options):
        self.succeed(TLRUN, f"{name}.bin", "--train", "pictures", "-o", out, *options)
        return read_bytes(self.path(out))

    def export(self, name):
        self.succeed(TLRUN, name, "--export", "weights.safetensors")
        return safetensors(self.path("weights.safetensors"))

    # Gradient descent by hand: which layers move in which phase, at which rate,
    # and how far. A frozen layer (high, in the second phase) passes the gradient
    # on. In f32 the sums of 192 products of order 1 differ by about 1e-5.
    def test_against_numpy(self):
        # What no phase trains is a constant, which is not exported: train all.
        self.compile("start", freeze="freeze none", phases="phase all { epochs 1  optimizer sgd }")
        start = self.export("start.bin")
        self.compile("steps")
        self.train("steps", "steps.trained.bin")
        found = self.export("steps.trained.bin")
        self.assertEqual(sorted(found), sorted(
            f"{layer}.{role}" for layer in ("mid", "high", "dense") for role in ("kernel", "bias")))

        w = {name: value.copy() for name, value in start.items()}
        x = (np.array(self.pixels, np.float64).reshape(-1, 192) / 255 - 0.5) / 0.5
        target = np.eye(3)[self.labels]
        for rates in [{"dense": 0.1}] * 3 + [{"dense": 0.1, "mid": 0.05}] * 3 + [
                {"dense": 0.1, "mid": 0.05, "high": 0.05}] * 3:
            values = [x]
            for layer, _ in LAYERS:
                z = values[-1] @ w[f"{layer}.kernel"] + w[f"{layer}.bias"]
                values.append(z if layer == "dense" else np.maximum(z, 0))
            e = np.exp(values[-1] - values[-1].max(1, keepdims=True))
            gradient = (e / e.sum(1, keepdims=True) - target) / len(x)
            for i, (layer, _) in reversed(list(enumerate(LAYERS))):
                below = (gradient @ w[f"{layer}.kernel"].T) * (values[i] > 0)
                rate = rates.get(layer, 0)
                w[f"{layer}.kernel"] -= rate * values[i].T @ gradient
                w[f"{layer}.bias"] -= rate * gradient.sum(0)
                gradient = below
        for name, value in found.items():
            with self.subTest(parameter=name):
                self.assertGreater(np.abs(value - start[name]).max(), 1e-3)
                self.assertLess(np.abs(value - w[name]).max(), 1e-4)

    # The cache holds each phase's features; with it, without it, and with any
    # threads the trained file has the same bytes.
    def test_same_bytes(self):
        self.compile("ladder", head="dropout(0.3)", batch=4, phases="""
            phase one { epochs 2  optimizer adam(lr: 1e-2) }
            phase two { epochs 2  optimizer rmsprop(lr: 1e-3)  unfreeze backbone["high"]  lr(backbone: 1e-4) }
            phase three { epochs 2  unfreeze backbone all }""")
        cold = self.train("ladder", "cold.bin", "--cache-dir", self.path("cold"))
        self.assertEqual(cold, self.train("ladder", "warm.bin", "--cache-dir", self.path("cold")))
        for threads in (1, 2):
            self.assertEqual(cold, self.train("ladder", "none.bin", "--no-cache", "--threads", threads))

    # The same with convolutions and batch norms: frozen statistics first, then
    # those of the batch. Statistics move in the last phase alone; everything
    # below the unfrozen layers stays a constant.
    def test_convolutions(self):
        small_pictures(self.path("shapes"))
        phases = """
            phase one { epochs 1  optimizer adam(lr: 3e-3) }
            phase two { epochs 1  optimizer sgd(lr: 0.01, momentum: 0.9)  unfreeze backbone[-6:] }
            phase three { epochs 1  unfreeze backbone[-12:]  batch_norm train  lr(backbone: 1e-3) }"""
        self.write("mini.tl", mini_recipe(batch=8, phases=phases))
        self.succeed(TLC, "mini.tl", "-o", "mini.bin")

        def train(out, *options):
            self.succeed(TLRUN, "mini.bin", "--train", "shapes", "-o", out, *options)
            return read_bytes(self.path(out))

        cold = train("cold.bin", "--cache-dir", self.path("mini-cache"))
        self.assertEqual(cold, train("warm.bin", "--cache-dir", self.path("mini-cache")))
        for threads in (1, 2):
            self.assertEqual(cold, train("none.bin", "--no-cache", "--threads", threads))
        before, after = self.export("mini.bin"), self.export("cold.bin")
        self.assertEqual(sorted({name.split(".")[0] for name in before}), [
            "block6_dw", "block6_dw_bn", "block6_pw", "block6_pw_bn",
            "block7_dw", "block7_dw_bn", "block7_pw", "block7_pw_bn", "dense"])
        for name in before:
            self.assertFalse(np.array_equal(before[name], after[name]), name)
        losses = [line["loss"] for line in self.json(TLRUN, "cold.bin", "--info", "--json")["history"]]
        self.assertLess(losses[2], losses[0])

    # What lies above a phase's frontier is not in the key of its features: an
    # edited last phase finds those of the first.
    def test_cache_key(self):
        first = "phase one { epochs 1  optimizer sgd(lr: 0.1) }"
        self.compile("before", phases=first + """
            phase two { epochs 1  unfreeze backbone["high"] }""")
        self.compile("after", phases=first + """
            phase two { epochs 2  unfreeze backbone["high"]  lr(backbone: 1e-4) }""", head="dropout(0.1)")
        cache = self.path("keys")
        self.train("before", "x.bin", "--cache-dir", cache)
        packs = sorted(os.listdir(cache))
        self.train("after", "x.bin", "--cache-dir", cache)
        self.assertEqual(packs, sorted(os.listdir(cache)))
        # The comparison can fail: other weights below the frontier.
        self.succeed(TLC, "after.tl", "-o", "after.bin", "--weights", "random:8")
        self.train("after", "x.bin", "--cache-dir", cache)
        self.assertNotEqual(packs, sorted(os.listdir(cache)))

    # No layer with weights is frozen: extraction only flattens.
    def test_freeze_none(self):
        self.compile("open", freeze="freeze none", phases="phase all { epochs 3  optimizer sgd(lr: 0.1) }")
        facts = self.json(TLRUN, "open.bin", "--info", "--json")
        work = {entry["name"]: entry["multiply_adds"] for entry in facts["entries"]}
        self.assertEqual(work["extract"], 0)
        self.assertEqual(facts["phases"][0]["features"], 192)
        one = self.train("open", "one.bin", "--threads", 1)
        self.assertEqual(one, self.train("open", "two.bin", "--no-cache", "--threads", 2))
        trained = self.json(TLRUN, "one.bin", "--info", "--json")
        losses = [line["loss"] for line in trained["history"]]
        self.assertLess(losses[-1], losses[0])

    # The trained file predicts from the last phase's frontier what evaluation
    # finds from the first's.
    def test_predict_and_evaluate(self):
        self.compile("ask")
        self.train("ask", "ask.trained.bin")
        found = self.json(TLRUN, "ask.trained.bin", "--evaluate", "pictures/val", "--json")
        paths = [f"pictures/val/{name}/{i}.png" for name in CLASSES for i in range(2)]
        lines = self.json_lines(TLRUN, "ask.trained.bin", "--predict", *paths, "--json")
        right = sum(line["label"] == path.split("/")[2] for line, path in zip(lines, paths))
        self.assertEqual(right / len(paths), found["accuracy"])

    # The summary and the file say what each phase trains and starts from.
    def test_facts(self):
        text = self.compile("facts")
        for line in ("mid      Dense       16                   400  from two on",
                     "high     Dense       12                   204  from three on",
                     "trains         39 parameters of 1 layer\n",
                     "trains         643 parameters of 3 layers\n",
                     "frontier       high: 12 floats a picture\n",
                     "frontier       low: 24 floats a picture\n",
                     # Forward and gradient of 12 x 3; 192 x 24 + 24 x 16 + 16 x 12 below.
                     "multiply-adds  72 a picture of a step, 5,184 to extract it once\n"):
            self.assertIn(line, text)
        facts = self.json(TLRUN, "facts.bin", "--info", "--json")
        self.assertEqual([phase["frontier"] for phase in facts["phases"]], [0, 1, 1])
        self.assertEqual([phase["features"] for phase in facts["phases"]], [12, 24, 24])
        self.assertEqual([layer["first_phase"] for layer in facts["layers"]],
                         [None, None, "two", "three", "one"])
        work = {entry["name"]: entry["multiply_adds"] for entry in facts["entries"]}
        self.assertEqual(work["extract.one"], 5184)
        self.assertEqual(work["extract.two"], 4608)
        self.assertEqual(work["extract"], 5184)
        self.assertEqual(work["train_step.one"], 72)


if __name__ == "__main__":
    unittest.main()
