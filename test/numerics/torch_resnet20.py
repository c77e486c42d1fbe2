#!/usr/bin/env python3
"""Makes the golden of training every layer of ResNet-20 with PyTorch: thirty steps of
sgd with momentum and weight decay, batch norms in training mode; their running
statistics are among the final values.

    python3 test/numerics/torch_resnet20.py [--compare]

See trajectories.py and trajectory_cases.py. The network is K. He et al., "Deep
Residual Learning for Image Recognition", 2015, section 4.2, with shortcuts that
have no weights (option A); its modules are named as in akamaster's
pytorch_resnet_cifar10 (BSD 2-clause).
"""
import torch
from torch import nn
from torch.nn import functional as F

import torch_trajectories
import trajectory_cases


class Block(nn.Module):
    def __init__(self, inputs, filters, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, filters, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(filters)
        self.conv2 = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(filters)
        self.stride, self.more = stride, filters - inputs

    def forward(self, x):
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        if self.more:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.more // 2, self.more // 2))
        return torch.relu(x + y)


class ResNet20(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        width = 16
        for stage, filters in ((1, 16), (2, 32), (3, 64)):
            blocks = []
            for i in range(3):
                blocks.append(Block(width, filters, 2 if i == 0 and stage > 1 else 1))
                width = filters
            self.add_module(f"layer{stage}", nn.Sequential(*blocks))
        self.score = nn.Linear(64, 4)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.score(x.mean((2, 3)))


def optimizer(parameters):
    return torch.optim.SGD(parameters, lr=5e-3, momentum=0.9, weight_decay=1e-4)


if __name__ == "__main__":
    torch_trajectories.main(trajectory_cases.resnet20(), ResNet20, optimizer)
