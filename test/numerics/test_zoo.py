"""Every backbone against numbers of the framework that it comes from (zoo.py): its
weights, made from their names' seeds, are written to a file under the framework's
names; scores and the map before the top are within 1e-4 of the largest reference
value, the number of parameters is equal, and for Keras the whole layer list."""
import os
import sys
import unittest

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "e2e")]
import zoo  # noqa: E402
from harness import TLC, TLRUN, ToolTest  # noqa: E402
from trajectories import save_safetensors  # noqa: E402
from trajectory_cases import write_keras_h5  # noqa: E402


class Zoo(ToolTest):
    def write_weights(self, network, golden):
        path = self.path(network.file)
        if network.source == "torch":
            save_safetensors(path, {name: network.value(name, shape) for name, shape in golden.tensors})
            return
        layers = {}
        for name, shape in golden.tensors:
            layer, weight = name.rsplit("/", 1)
            layers.setdefault(layer, {})[f"{layer}/{weight}:0"] = network.value(name, shape)
        write_keras_h5(path, layers)

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


def add_cases():
    for network in zoo.NETWORKS:
        if network.golden:
            name = "test_" + os.path.basename(network.path).removesuffix(".npz")
            setattr(Zoo, name, lambda self, network=network: self.compare(network))


add_cases()

if __name__ == "__main__":
    unittest.main()
