#!/usr/bin/env python3
"""Makes the golden of training MobileNet's end, from conv_pw_11 on, with PyTorch: thirty
steps of Adam. Batch norms are in inference mode, so that their stored statistics
stay; their scales and shifts train.

    python3 test/numerics/torch_mobilenet_tail.py [--compare]

See trajectories.py and trajectory_cases.py. The network is A. G. Howard et al.,
"MobileNets", 2017, width 0.25, in the layers of Keras
(keras/src/applications/mobilenet.py, Apache-2.0): padding below and on the right
where the stride is 2, epsilon 1e-3, relu6.
"""
import torch
from torch import nn
from torch.nn import functional as F

import torch_trajectories
import trajectory_cases

FIRST_TRAINED = "conv_pw_11"


def norm(channels):
    return nn.BatchNorm2d(channels, eps=1e-3)


class MobileNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv1_bn = nn.Conv2d(3, 8, 3, 2, bias=False), norm(8)
        width = 8
        for i, filters, stride in trajectory_cases.MOBILENET:
            filters //= 4
            padding = 1 if stride == 1 else 0
            self.add_module(f"conv_dw_{i}", nn.Conv2d(width, width, 3, stride, padding, groups=width, bias=False))
            self.add_module(f"conv_dw_{i}_bn", norm(width))
            self.add_module(f"conv_pw_{i}", nn.Conv2d(width, filters, 1, bias=False))
            self.add_module(f"conv_pw_{i}_bn", norm(filters))
            width = filters
        self.score = nn.Linear(256, 3)
        # In order of definition: all that comes before the first trained layer is frozen.
        trained = False
        for name, parameter in self.named_parameters():
            trained |= name.startswith(FIRST_TRAINED + ".")
            parameter.requires_grad_(trained)

    def train(self, mode=True):
        """Batch norms stay in inference mode."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def forward(self, x):
        x = F.relu6(self.conv1_bn(self.conv1(F.pad(x, (0, 1, 0, 1)))))
        for i, _, stride in trajectory_cases.MOBILENET:
            if stride == 2:
                x = F.pad(x, (0, 1, 0, 1))
            for kind in ("dw", "pw"):
                conv, bn = self.get_submodule(f"conv_{kind}_{i}"), self.get_submodule(f"conv_{kind}_{i}_bn")
                x = F.relu6(bn(conv(x)))
        return self.score(x.mean((2, 3)))


def optimizer(parameters):
    return torch.optim.Adam(parameters, lr=1e-3)


if __name__ == "__main__":
    torch_trajectories.main(trajectory_cases.mobilenet_tail(), MobileNet, optimizer)
