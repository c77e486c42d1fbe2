#!/usr/bin/env python3
"""Transfer with every family of the zoo on real pictures: a head on the frozen network,
then its last block with it, for two classes of insects. Needs numpy and the shared
pictures, no framework.

    python3 test/numerics/zoo_transfer.py [NAME ...]

Weights are those that are there (squeezenet1_0, a narrow mobilenet), else the seed's of
zoo.py. Each network compiles, its loss falls in each phase, each tensor of the last
block moves, and every picture gets its class and probabilities; a row of README.md's
table says how long it took and how right it is. What the gradients are is checked
elsewhere (GradientsTest, the trajectories).
"""
import os
import sys
import time
from dataclasses import dataclass

import numpy as np

import zoo
from test_zoo import WithWeights
from harness import TLC, TLRUN, shared
from trajectories import load_safetensors


@dataclass
class Transfer:
    name: str
    last: str  # what the second phase trains
    head: str = "gap"  # what stands before the classes
    size: int = 64
    weights: str = ""  # real ones, below shared/data/models


TOKENS = dict(head="")
FAMILIES = [
    Transfer("vgg16", '["block5_conv1":]'),
    Transfer("vgg19_torch", '["features.28":]'),
    Transfer("vgg16_bn", '["features.34":]'),
    Transfer("resnet18", '["layer4.1*"]'),
    Transfer("resnet50", '["conv5_block3_1_conv":]'),
    Transfer("resnet50_torch", '["layer4.2*"]'),
    Transfer("inception_v3", '["mixed9":]', size=75),
    Transfer("inception_v3_torch", '["Mixed_7c*"]', size=75),
    Transfer("densenet121", '["conv5_block16_0_bn":]'),
    Transfer("densenet121_torch", '["features.denseblock4.denselayer16*", "features.norm5"]'),
    Transfer("squeezenet1_0", '["features.12*"]', size=224,
             weights="squeezenet10_imagenet/squeezenet1_0_deepcompression.pth"),
    Transfer("squeezenet1_1", '["features.12*"]'),
    Transfer("mobilenet(width: 0.25)", '["conv_dw_13":]', size=224,
             weights="mobilenet025_imagenet/mobilenet_2_5_224_tf_no_top.h5"),
    Transfer("mobilenet", '["conv_dw_13":]'),
    Transfer("mobilenet_v2", '["block_16_expand":]'),
    Transfer("mobilenet_v2_torch", '["features.17*", "features.18*"]'),
    Transfer("mobilenet_v3_small", '["expanded_conv_10_expand":]'),
    Transfer("mobilenet_v3_small_torch", '["features.11*", "features.12*"]'),
    Transfer("mobilenet_v3_large", '["expanded_conv_14_expand":]'),
    Transfer("mobilenet_v3_large_torch", '["features.15*", "features.16*"]'),
    Transfer("efficientnet_b0", '["block7a_expand_conv":]'),
    Transfer("efficientnet_b0_torch", '["features.7*", "features.8*"]'),
    Transfer("convnext_tiny", '["convnext_tiny_stage_3_block_2_depthwise_conv":]'),
    Transfer("convnext_tiny_torch", '["features.7.2*"]'),
    Transfer("vit_tiny_patch16", '["blocks.11*", "norm"]', **TOKENS),
    Transfer("vit_timm(dim: 48, depth: 3, heads: 3, patch: 8, mean_pooling: true)", '["blocks.2*", "fc_norm"]', **TOKENS),
    Transfer("vit_torch(dim: 96, depth: 3, heads: 3, patch: 16)",
             '["encoder.layers.encoder_layer_2*", "encoder.ln"]', **TOKENS),
]


class Runner(WithWeights):
    def recipe(self, case, weights):
        return self.write("transfer.tl", f"""model transfer {{
  input image({case.size}, {case.size}, 3)
  backbone {case.name} {{ weights "{weights}"  freeze all }}
  head {{ {case.head}  dense(2, softmax, name: "score") }}
  train {{
    batch 32
    loss categorical_crossentropy
    phase head {{ epochs 3  optimizer adam(lr: 1e-3) }}
    phase tail {{ epochs 2  optimizer adam(lr: 1e-4)  unfreeze backbone {case.last} }}
  }}
}}
""")

    def run_case(self, case):
        network = next(n for n in zoo.NETWORKS if n.name == case.name)
        weights = shared("models", case.weights)
        if not case.weights:
            weights = network.file
            self.write_weights(network, zoo.Golden(network))
        self.recipe(case, weights)
        started = time.time()
        self.succeed(TLC, "transfer.tl", "-o", "transfer.bin")
        compiled = time.time()
        pictures = shared("classify", "ants_bees")
        self.succeed(TLRUN, "transfer.bin", "--train", pictures, "-o", "trained.bin", "--log", "log.jsonl", "--no-report")
        trained = time.time()
        epochs = self.epochs_of("log.jsonl")
        losses = [line["loss"] for line in epochs]
        for phase in ("head", "tail"):
            own = [line["loss"] for line in epochs if line["phase"] == phase]
            self.assertLess(min(own[1:]), own[0], (case.name, phase, own))
        self.assertTrue(np.isfinite(losses).all(), losses)
        first, last = ({} for _ in range(2))
        for program, tensors in (("transfer.bin", first), ("trained.bin", last)):
            self.succeed(TLRUN, program, "--export", "weights.safetensors")
            tensors.update(load_safetensors(self.path("weights.safetensors"))[0])
        still = [name for name in first if np.array_equal(first[name], last[name]) and ".moving_" not in name]
        self.assertEqual(still, [], case.name)
        files = [os.path.join(folder, file) for folder, _, names in sorted(os.walk(os.path.join(pictures, "val")))
                 for file in sorted(names)]
        found = self.json_lines(TLRUN, "trained.bin", "--json", "--predict", *files)
        right = sum(line["label"] == os.path.basename(os.path.dirname(file)) for line, file in zip(found, files, strict=True))
        self.assertAlmostEqual(right / len(files), epochs[-1]["val_accuracy"], places=6)
        print(f"| `{case.name}` | {'real' if case.weights else 'seeded'} | {case.size} | `{case.last}` | "
              f"{compiled - started:.0f} s | {trained - compiled:.0f} s | {losses[0]:.3f} to {losses[-1]:.3f} | "
              f"{epochs[-1]['val_accuracy']:.3f} |", flush=True)


def main():
    Runner.setUpClass()
    for case in FAMILIES:
        if not sys.argv[1:] or case.name in sys.argv[1:]:
            Runner().run_case(case)
    Runner.doClassCleanups()


if __name__ == "__main__":
    main()
