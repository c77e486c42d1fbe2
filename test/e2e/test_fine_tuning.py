"""Three phases of fine-tuning, batch norms in training mode among them, against
PyTorch in double: test/numerics/torch_fine_tuning.py says what is done."""
import os
import unittest

import numpy as np
from PIL import Image

from harness import SOURCE, TLC, TLRUN, ToolTest
from safetensors_files import read_safetensors, write_safetensors

RECIPE = """
backbone small {
  preprocess tf
  conv(8, 3x3, stride: 2, bias: false, name: "c1")  batch_norm(epsilon: 1e-3, name: "b1")  relu
  depthwise_conv(3x3, bias: false, name: "c2")      batch_norm(epsilon: 1e-3, name: "b2")  relu
  conv(10, 1x1, bias: false, name: "c3")            batch_norm(epsilon: 1e-3, name: "b3")  relu
  top { gap  dense(3, softmax, name: "fc") }
}
model small {
  input image(12, 12, 3)
  labels "0", "1", "2"
  backbone small { weights "small.safetensors"  include_top true  freeze [:"fc"] }
  train { batch 16  loss categorical_crossentropy  convention %s
    phase one   { epochs 2  optimizer sgd(lr: 0.2)  lr(backbone: 0.05)  unfreeze backbone["c3", "b3"]  batch_norm train }
    phase two   { unfreeze backbone["c2", "b2"]  clip_norm 0.05 }
    phase three { batch_norm frozen }
  }
}
"""

# Ours to torch's: the role, and where the dimensions go.
ROLES = {"kernel": "weight", "gamma": "weight", "beta": "bias", "bias": "bias",
         "moving_mean": "running_mean", "moving_variance": "running_var"}


class FineTuning(ToolTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.golden = np.load(os.path.join(SOURCE, "test", "numerics", "fine_tuning.npz"))
        write_safetensors(cls.path("small.safetensors"),
                          {key[6:]: cls.golden[key] for key in cls.golden if key.startswith("start/")})
        for i, (picture, label) in enumerate(zip(cls.golden["pictures"], cls.golden["labels"])):
            # Without pictures to validate with, some would be split off.
            for part in ("train", "val"):
                os.makedirs(cls.path("pictures", part, str(label)), exist_ok=True)
                Image.fromarray(picture).save(cls.path("pictures", part, str(label), f"{i}.png"))

    # DESIGN's tolerances: a loss within 1e-3 of itself, a tensor within 1e-3 of
    # how far it moved. (Seen: 2e-4 at most.)
    def check(self, convention):
        self.write(f"{convention}.tl", RECIPE % convention)
        self.succeed(TLC, f"{convention}.tl", "-o", "small.bin")
        self.succeed(TLRUN, "small.bin", "--train", "pictures", "-o", "trained.bin")
        history = self.json(TLRUN, "trained.bin", "--info", "--json")["history"]
        losses = self.golden[f"{convention}/losses"]
        self.assertEqual(len(history), len(losses))
        for line, loss in zip(history, losses):
            self.assertLess(abs(line["loss"] - loss), 1e-3 * max(loss, 0.05))
        self.succeed(TLRUN, "trained.bin", "--export", "end.safetensors")
        found = read_safetensors(self.path("end.safetensors"))
        self.assertEqual(sorted({name.split(".")[0] for name in found}), ["b2", "b3", "c2", "c3", "fc"])
        for name, value in found.items():
            layer, role = name.rsplit(".", 1)
            key = f"{layer}.{ROLES[role]}"
            start, end = self.golden[f"start/{key}"], self.golden[f"{convention}/end/{key}"]
            if role == "kernel":
                value = value.T if value.ndim == 2 else value.transpose(3, 2, 0, 1)
            with self.subTest(parameter=name):
                change = np.linalg.norm(end - start)
                self.assertGreater(change, 0)
                self.assertLess(np.linalg.norm(value.reshape(end.shape) - end), 1e-3 * change)

    def test_keras(self):
        self.check("keras")

    def test_torch(self):
        self.check("torch")


if __name__ == "__main__":
    unittest.main()
