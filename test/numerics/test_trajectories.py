"""Fine-tuning by tlc and tlrun against Keras's and PyTorch's trajectories: the whole of
what a user does, from a weight file and a folder of pictures to trained weights.

For each case (trajectory_cases.py) the weight file, the pictures and the head's
initial values are written here from their seeds; a golden made by the framework's
script says what each step's loss and the final weights must be, and how near
(trajectories.compare: section 8 of the design). Needs numpy, h5py and Pillow.
"""
import json
import os
import sys
import unittest

import numpy as np
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "e2e")]
import trajectories  # noqa: E402
import trajectory_cases  # noqa: E402
from harness import TLC, TLRUN, ToolTest  # noqa: E402


class Trajectories(ToolTest):
    def write_pictures(self, case):
        """Class folders a, b, ... whose order is the case's; one of each validates, so that
        none of them is set aside."""
        for i, (pixels, label) in enumerate(zip(case.pixels, case.labels)):
            for part in ("train", "val") if i == 0 or case.labels[i - 1] != label else ("train",):
                folder = self.path(case.name, "pictures", part, "abcdefgh"[label])
                os.makedirs(folder, exist_ok=True)
                Image.fromarray(pixels).save(os.path.join(folder, f"{i:03}.png"))

    def train(self, case):
        """(losses by step, final weights by canonical name)"""
        at = lambda name: os.path.join(case.name, name)  # noqa: E731
        self.write(at("model.tl"), case.recipe)
        if case.backbone:
            self.write(at(case.backbone[0]), case.backbone[1])
        case.write_weights(self.path(case.name, case.weight_file))
        self.write_pictures(case)
        self.succeed(TLC, at("model.tl"), "-o", at("model.bin"))
        self.succeed(TLRUN, at("model.bin"), "--export", at("initial.safetensors"))
        initial, _ = trajectories.load_safetensors(self.path(at("initial.safetensors")))
        # What is trained is what the recipe says, under the names that the goldens use; what
        # comes from the weight file has its values.
        self.assertEqual(sorted(initial), sorted(case.trained))
        for name in case.trained:
            if name.rsplit(".", 1)[0] not in case.head_layers:
                np.testing.assert_array_equal(initial[name], case.weights[name], name)
        trajectories.save_safetensors(self.path(at("given.safetensors")),
                                      {name: case.weights[name] for name in case.trained})
        self.succeed(TLRUN, at("model.bin"), "--train", at("pictures"), "-o", at("trained.bin"), "--no-shuffle",
                     "--init", at("given.safetensors"), "--log", at("log.jsonl"), "--log-steps", "--no-report")
        self.succeed(TLRUN, at("trained.bin"), "--export", at("final.safetensors"))
        with open(self.path(at("log.jsonl"))) as f:
            steps = [line for line in map(json.loads, f) if "step" in line]
        return ([step["loss"] for step in steps],
                trajectories.load_safetensors(self.path(at("final.safetensors")))[0])

    def follow(self, case):
        golden, metadata = trajectories.load_safetensors(trajectory_cases.golden_path(case))
        self.assertEqual(trajectories.fingerprint(case), metadata["fingerprint"],
                         "the case has changed since its golden was made")
        losses, finals = self.train(case)
        shares = trajectories.compare(case, golden, losses, finals)
        worst = trajectories.worst(shares)
        print(f"{case.name}: {worst[0][1]:.3f} of the bound ({worst[0][0]})", flush=True)
        self.assertLessEqual(worst[0][1], 1, worst)

    # Keras: a head, then the end of the base with it.
    def test_vgg16(self):
        self.follow(trajectory_cases.vgg16())

    # PyTorch: batch norms in training mode, their running statistics, momentum and decay.
    def test_resnet20(self):
        self.follow(trajectory_cases.resnet20())

    # PyTorch: depthwise convolutions, scales and shifts of batch norms that keep their statistics.
    def test_mobilenet_tail(self):
        self.follow(trajectory_cases.mobilenet_tail())

    # PyTorch and timm: the last two blocks of ViT Tiny, behind ten that are frozen.
    def test_vit_tail(self):
        self.follow(trajectory_cases.vit_tail())

    # PyTorch: gates, layer scale, norms and dense layers on maps, GELU's tanh form.
    def test_gates(self):
        self.follow(trajectory_cases.gates())

    # PyTorch: the last block of torchvision's own network, its sum with what is frozen.
    def test_resnet18_tail(self):
        self.follow(trajectory_cases.resnet18_tail())

    # PyTorch: attention, layer norms, tokens, AdamW.
    def test_vit(self):
        self.follow(trajectory_cases.vit())

    # PyTorch: grey pictures; convolutions, a batch norm and an adaptive pool in the head.
    def test_grey_head(self):
        self.follow(trajectory_cases.grey_head())


class Bound(unittest.TestCase):
    """What the comparison itself would notice."""

    # A sketch keeps the norm of a difference within a few percent, of any tensor.
    def test_sketch_keeps_norms(self):
        for size in (100, 5000, 200_000):
            a, b = (trajectories.uniform(f"t{size}.{i}", (size,), -1, 1).astype(np.float64) for i in (0, 1))
            exact = np.linalg.norm(a - b)
            kept = np.linalg.norm(trajectories.sketch("x", a) - trajectories.sketch("x", b))
            # Three standard errors of the norm, sqrt(2 / 2048) / 2 each; nothing where it is whole.
            self.assertLessEqual(abs(kept - exact), 0.047 * exact if size > trajectories.BUCKETS else 1e-12)

    # A loss or a weight that is off by a hundredth breaks the bound in every golden: they are not
    # so loose that anything passes. Weights that did not move at all break it a hundredfold.
    def test_bounds_are_tight(self):
        for make in (trajectory_cases.vgg16, trajectory_cases.resnet20, trajectory_cases.mobilenet_tail,
                     trajectory_cases.resnet18_tail, trajectory_cases.vit, trajectory_cases.vit_tail,
                     trajectory_cases.gates, trajectory_cases.grey_head):
            case = make()
            golden, _ = trajectories.load_safetensors(trajectory_cases.golden_path(case))
            unmoved = trajectories.compare(case, golden, golden["loss64"] * 1.01,
                                           {name: case.weights[name] for name in case.trained})
            for share, value in unmoved.items():
                self.assertGreater(value, 1 if share.startswith("loss") else 10, (case.name, share))


if __name__ == "__main__":
    unittest.main()
