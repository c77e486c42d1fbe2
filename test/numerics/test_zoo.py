"""Every backbone against numbers of the framework that it comes from (zoo.py): its
weights, made from their names' seeds, are written to a file under the framework's
names; scores and the map before the top are within 1e-4 of the largest reference
value, the number of parameters is equal, and for Keras the whole layer list."""
import json
import os
import sys
import unittest

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "e2e")]
import zoo  # noqa: E402
from harness import TLC, TLRUN, ToolTest, small_pictures  # noqa: E402
from trajectories import load_safetensors, save_safetensors  # noqa: E402
from trajectory_cases import write_keras_h5  # noqa: E402


class WithWeights(ToolTest):
    def write_weights(self, network, golden):
        path = self.path(network.file)
        if network.source == "torch":
            save_safetensors(path, {name: network.value(name, shape) for name, shape in golden.tensors})
            return
        layers = {}
        for name, shape in golden.tensors:
            # A part of a Sequential lies in its group.
            layers.setdefault(name.split("/")[0], {})[f"{name}:0"] = network.value(name, shape)
        write_keras_h5(path, layers)


class Zoo(WithWeights):
    def tap(self, name):
        self.succeed(TLRUN, "zoo.bin", "--predict", "x.npy", "--tap", name, "-o", "y.npy")
        return np.load(self.path("y.npy"))

    def layer_list(self, network, golden):
        self.write("zoo.tl", network.recipe(network.full, True))
        rows, parameters = zoo.summary_rows(self.succeed(TLC, "zoo.tl", "--summary", "--weights", "random:1").stdout)
        self.assertEqual(parameters, golden.parameters)
        if network.source == "keras":
            self.assertEqual(rows, golden.layers)

    def compare(self, network):
        golden = zoo.Golden(network)
        self.layer_list(network, golden)
        self.write("zoo.tl", network.recipe(network.size, network.top))
        self.write_weights(network, golden)
        np.save(self.path("x.npy"), network.pixels(network.size))
        self.succeed(TLC, "zoo.tl", "-o", "zoo.bin", "--keep", "features", "--target", "x86-64-v3")
        features, _ = zoo.sample(self.tap("features"))
        distances = [zoo.distance(features, golden.features, golden.largest)]
        if network.top:
            scores = self.tap("logits").reshape(len(golden.scores), -1)
            distances.append(zoo.distance(scores, golden.scores, np.abs(golden.scores).max()))
        print(f"{network.name}: " + ", ".join(f"{d:.1e}" for d in distances), flush=True)
        self.assertLessEqual(max(distances), zoo.BOUND)


class Transfer(WithWeights):
    """A head on the frozen network, then its last block with it, on drawn pictures: every
    kernel of the step compiles, runs and fits the others. What the gradients are is
    checked elsewhere (GradientsTest, the trajectories)."""

    # zoo_transfer.py trains every family.
    FAMILIES = ["resnet18", "densenet121", "squeezenet1_1", "mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0",
                "convnext_tiny", "vit_tiny_patch16"]

    def train(self, network):
        self.write_weights(network, zoo.Golden(network))
        height, width = zoo.sides(network.size)
        self.write("transfer.tl", f"""model transfer {{
  input image({height}, {width}, 3)
  backbone {network.name} {{ weights "{network.file}"  freeze all }}
  head {{ {zoo.pooling(network.name)}  dense(3, softmax, name: "score") }}
  train {{
    batch 33
    loss categorical_crossentropy
    phase head {{ epochs 1  optimizer adam(lr: 1e-5) }}
    phase tail {{ epochs 5  optimizer adam(lr: 2e-6)  unfreeze backbone {zoo.LAST_BLOCK[network.name]} }}
  }}
}}
""")
        self.succeed(TLC, "transfer.tl", "-o", "zoo.bin", "--target", "x86-64-v3")
        self.succeed(TLRUN, "zoo.bin", "--train", "pictures", "-o", "trained.bin", "--log", "log.jsonl", "--log-steps",
                     "--no-report", "--no-shuffle")
        with open(self.path("log.jsonl")) as f:
            losses = [line["loss"] for line in map(json.loads, f) if "step" in line]
        # A step is an epoch: down the gradient of all pictures, each loss is below the one before. (At
        # 1e-5 VGG with batch norm, whose loss falls by a fourth a step, goes too far.)
        self.assertEqual(len(losses), 6)
        self.assertEqual(losses, sorted(losses, reverse=True))
        # Each tensor of the last block moves.
        first, last = ({} for _ in range(2))
        for program, tensors in (("zoo.bin", first), ("trained.bin", last)):
            self.succeed(TLRUN, program, "--export", "exported.safetensors")
            tensors.update(load_safetensors(self.path("exported.safetensors"))[0])
        still = [name for name in first if np.array_equal(first[name], last[name]) and ".moving_" not in name]
        self.assertEqual(still, [])
        self.assertGreater(len(first), 2)  # more than the head's

    def test_families(self):
        small_pictures(self.path("pictures"))
        for network in zoo.NETWORKS:
            if network.name in self.FAMILIES:
                with self.subTest(network.name):
                    self.train(network)


def add_cases():
    for network in zoo.NETWORKS:
        if network.golden:
            name = "test_" + os.path.basename(network.path).removesuffix(".npz")
            setattr(Zoo, name, lambda self, network=network: self.compare(network))


add_cases()

if __name__ == "__main__":
    unittest.main()
