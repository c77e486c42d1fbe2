#!/usr/bin/env python3
"""Makes the golden of a PyTorch network of grey pictures: grey/torch.safetensors, its
state, and grey/torch.npy, its scores for pictures that torchvision turns grey. From
13x11 to 5x4 the windows of the adaptive pool overlap. Needs torch, torchvision and
safetensors.

    python3 test/numerics/torch_grey.py
"""
import collections
import os
import tempfile

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn
from torchvision import transforms

from grey_pictures import FOLDER, HEIGHT, WIDTH, write_pictures


def network():
    model = nn.Sequential(collections.OrderedDict(
        stem=nn.Conv2d(1, 8, 5, 2, 2), stem_norm=nn.BatchNorm2d(8), stem_relu=nn.ReLU(),
        deep=nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False), deep_norm=nn.BatchNorm2d(8),
        deep_relu=nn.ReLU6(), wide=nn.Conv2d(8, 12, 3), wide_relu=nn.ReLU(),
        pool=nn.AdaptiveAvgPool2d((5, 4)), flatten=nn.Flatten(), score=nn.Linear(240, 5)))
    # Far from what torch begins with, so that each weight shows.
    generator = np.random.default_rng(8)
    state = model.state_dict()
    for name, value in state.items():
        if value.ndim:
            positive = name.endswith("running_var") or name.endswith("norm.weight")
            low, high = (0.5, 1.5) if positive else (-0.4, 0.4)
            state[name] = torch.from_numpy(generator.uniform(low, high, value.shape).astype(np.float32))
    model.load_state_dict(state)
    return model.eval()


def main():
    model = network()
    prepare = transforms.Compose([transforms.Grayscale(), transforms.Resize((HEIGHT, WIDTH)),
                                  transforms.ToTensor(), transforms.Normalize(0.5, 0.5)])
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        x = torch.stack([prepare(Image.open(path)) for path in write_pictures(folder)])
        scores = torch.softmax(model(x), 1).numpy()
    save_file(model.state_dict(), os.path.join(FOLDER, "torch.safetensors"))
    np.save(os.path.join(FOLDER, "torch.npy"), scores)
    print(scores)


if __name__ == "__main__":
    main()
