"""Errors in a recipe point at the place and say what would be right.

In each case the culprit is marked with «»: the error must point at its first
character, and say the words that the case lists.
"""
import re
import unittest

from harness import MINI_WEIGHTS, TLC, ToolTest

BACKBONE = f'backbone mini {{ weights "{MINI_WEIGHTS}"  freeze all }}'
GOOD = """model shapes {
  input image(96, 96, 3)
  %s
  head { gap  dense(3, softmax) }
  train {
    batch 16
    loss  categorical_crossentropy
    phase head { epochs 3  optimizer adam(lr: 1e-3) }
  }
}
""" % BACKBONE

# Name: what is replaced in the good recipe, by what, and the message's words.
CASES = {
    "unknown backbone": ("backbone mini", "backbone «mimi»", ["'mimi'", "'mini'"]),
    "unknown layer": ("dense(3", "«dens»(3", ["'dens'", "'dense'"]),
    "unknown activation": ("softmax)", "«sofmax»)", ["'sofmax'", "'softmax'"]),
    "unknown loss": ("categorical_crossentropy", "«categorical_crossentrpy»", ["'categorical_crossentropy'"]),
    "unknown optimizer": ("adam(", "«adm»(", ["'adm'", "'adam'"]),
    "unknown option": ("lr: 1e-3", "«lrr»: 1e-3", ["'lrr'", "'lr'"]),
    "unknown statement": ("batch 16", "«bach» 16", ["'bach'", "'batch'"]),
    "loss and outputs": ("categorical_crossentropy", "«binary_crossentropy»", ["1 output", "3"]),
    "labels and outputs": ("  head", '  labels "a", "b"\n  head', ["2", "3"]),
    "not a number": ("batch 16", 'batch «"16"»', ["number"]),
    "unclosed string": ("  head", '  labels «"a\n  head', ["string"]),
    "augmentation": ("batch 16", "batch 16  augment { shift(«20») }", ["0 to 1", "20"]),
    "unfreezing": ("lr: 1e-3)", "lr: 1e-3)  «unfreeze» backbone[\"*relu\"]", ["no layer in this range has weights"]),
    "schedule": ("lr: 1e-3)", "lr: 1e-3)  schedule «cosin»", ["expected", "cosine", "cosin"]),
    "precision": ("freeze all", "freeze all  «precision» bf16", ["not supported yet", "precision"]),
}


class RecipeErrors(ToolTest):
    def test_good(self):
        self.write("good.tl", GOOD)
        self.succeed(TLC, "good.tl", "-o", "good.bin")

    def test_cases(self):
        for name, (old, new, words) in CASES.items():
            with self.subTest(name):
                self.assertIn(old, GOOD)
                marked = GOOD.replace(old, new, 1)
                self.write("bad.tl", marked.replace("«", "").replace("»", ""))
                result = self.fail_with("bad.tl:", TLC, "bad.tl", "-o", "bad.bin")
                at = re.match(r"bad\.tl:(\d+):(\d+): error: (.*)", result.stderr)
                self.assertIsNotNone(at, result.stderr)
                if "«" in marked:
                    before = marked[:marked.index("«")]
                    place = (before.count("\n") + 1, len(before) - before.rfind("\n"))
                    self.assertEqual((int(at[1]), int(at[2])), place, result.stderr)
                for word in words:
                    self.assertIn(word, result.stderr)

    # Weights of another network: what was expected is named, with its shape.
    def test_weights_do_not_fit(self):
        self.write("vgg.tl", GOOD.replace("backbone mini", "backbone vgg16"))
        result = self.fail_with("mini.safetensors", TLC, "vgg.tl", "-o", "bad.bin")
        self.assertIn("missing: expected 'features.0.weight' [64, 3, 3, 3]", result.stderr)

    # A backbone of one's own, beside the recipe.
    def test_own_backbone(self):
        self.write("tiny.tl", """backbone tiny {
  preprocess raw
  conv(8, 3x3, relu, stride: 2, name: "first")
  max_pool(2x2, name: "pool")
}
""")
        self.write("own.tl", GOOD.replace(BACKBONE, 'backbone tiny { freeze all }'))
        self.succeed(TLC, "own.tl", "--weights", "random:3", "-o", "own.bin")


if __name__ == "__main__":
    unittest.main()
