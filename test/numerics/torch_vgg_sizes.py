#!/usr/bin/env python3
"""VGG16 of torchvision with its top, at sizes other than the published: the adaptive pool
makes 7x7 of maps that are smaller, larger and not square. As zoo_torch.py does it at
224x224; needs torch, torchvision and safetensors.

    python3 test/numerics/torch_vgg_sizes.py
"""
import os
import sys
import tempfile

import numpy as np
import torch
import torchvision
from safetensors.torch import save_file

import zoo
from trajectories import pictures
from zoo_tools import run
from zoo_torch import MEAN, STD, build

SIZES = [(160, 160), (300, 200)]


def main():
    network = next(n for n in zoo.NETWORKS if n.name == "vgg16_torch")
    model, state = build(network, 224)
    with tempfile.TemporaryDirectory() as folder:
        save_file(state, os.path.join(folder, network.file))
        for height, width in SIZES:
            pixels = np.ascontiguousarray(pictures(network.name, 2, 1, 300)[0][:, :height, :width])
            np.save(os.path.join(folder, "x.npy"), pixels)
            x = torch.from_numpy(pixels).permute(0, 3, 1, 2).to(torch.float32) / 255
            with torch.inference_mode():
                scores = model(torchvision.transforms.functional.normalize(x, MEAN, STD)).numpy()
            with open(os.path.join(folder, "vgg.tl"), "w") as f:
                f.write(network.recipe(224, True).replace("224, 224", f"{height}, {width}"))
            run(folder, "tlc", "vgg.tl", "-o", "vgg.bin", "--target", "x86-64-v3")
            run(folder, "tlrun", "vgg.bin", "--predict", "x.npy", "--tap", "logits", "-o", "y.npy")
            found = np.load(os.path.join(folder, "y.npy")).reshape(scores.shape)
            share = zoo.distance(found, scores, np.abs(scores).max())
            print(f"{network.name} {height}x{width}: {share:.1e} of the largest score", flush=True)
            if share > zoo.BOUND:
                sys.exit(1)


if __name__ == "__main__":
    main()
