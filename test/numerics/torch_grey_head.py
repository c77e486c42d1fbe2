#!/usr/bin/env python3
"""Makes the golden of training a small network on grey pictures with PyTorch: thirty steps
of sgd with momentum. The backbone's batch norm is in inference mode, the head's in
training mode. That grey is what Pillow makes is checked on the way.

    python3 test/numerics/torch_grey_head.py [--compare]

See trajectories.py and trajectory_cases.py.
"""
import numpy as np
import torch
from PIL import Image
from torch import nn

import torch_trajectories
import trajectory_cases


class GreyHead(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 8, 5, stride=2, padding=2)
        self.stem_norm = nn.BatchNorm2d(8)
        self.wide = nn.Conv2d(8, 12, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(12)
        self.deep = nn.Conv2d(12, 12, 3, padding=1, groups=12)
        self.pool = nn.AdaptiveAvgPool2d((5, 4))
        self.score = nn.Linear(240, 3)

    def train(self, mode=True):
        super().train(mode)
        self.stem_norm.eval()
        return self

    def forward(self, x):
        x = torch.relu(self.stem_norm(self.stem(x)))
        x = self.pool(self.deep(torch.relu(self.norm(self.wide(x)))))
        return self.score(x.permute(0, 2, 3, 1).flatten(1))


def optimizer(parameters):
    return torch.optim.SGD(parameters, lr=1e-2, momentum=0.9)


if __name__ == "__main__":
    case = trajectory_cases.grey_head()
    for pixels, value in zip(case.pixels, trajectory_cases.grey(case.pixels)):
        assert (np.asarray(Image.fromarray(pixels).convert("L")) == value[..., 0]).all()
    torch_trajectories.main(case, GreyHead, optimizer)
