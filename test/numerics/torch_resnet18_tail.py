#!/usr/bin/env python3
"""Makes the golden of training ResNet-18's last block with PyTorch, on torchvision's own
module: thirty steps of sgd with momentum. Batch norms are in inference mode, so that
their stored statistics stay; those of the block train their scales and shifts.

    python3 test/numerics/torch_resnet18_tail.py [--compare]

See trajectories.py and trajectory_cases.py.
"""
import torch
import torchvision
from torch import nn

import torch_trajectories
import trajectory_cases


class ResNet18(nn.Module):
    def __init__(self):
        super().__init__()
        for name, module in torchvision.models.resnet18(weights=None).named_children():
            if name not in ("avgpool", "fc"):
                self.add_module(name, module)
        self.score = nn.Linear(512, 3)
        for name, parameter in self.named_parameters():
            parameter.requires_grad_(name.startswith(("layer4.1.", "score.")))

    def train(self, mode=True):
        """Batch norms stay in inference mode."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def forward(self, x):
        for name, module in self.named_children():
            if name != "score":
                x = module(x)
        return self.score(x.mean((2, 3)))


def optimizer(parameters):
    return torch.optim.SGD(parameters, lr=5e-4, momentum=0.9)


if __name__ == "__main__":
    torch_trajectories.main(trajectory_cases.resnet18_tail(), ResNet18, optimizer)
