#!/usr/bin/env python3
"""Makes the goldens of training the last two blocks of timm's ViT Tiny, and a network of
what MobileNetV3 and ConvNeXt are made of, with PyTorch: thirty steps each.

    python3 test/numerics/torch_modern.py [--compare]

See trajectories.py and trajectory_cases.py. Needs torch and timm (Apache-2.0). The
second network's gate is torchvision's SqueezeExcitation, its other branch a block of
ConvNeXt with linear layers as convolutions of 1 x 1.
"""
import torch
from timm.models import VisionTransformer
from torch import nn
from torch.nn import functional as F

import torch_trajectories
import trajectory_cases

FIRST_TRAINED = "blocks.10.norm1."


class VitTail(VisionTransformer):
    def __init__(self):
        super().__init__(img_size=64, patch_size=16, embed_dim=192, num_heads=3, num_classes=0)
        self.score = nn.Linear(192, 3)
        # In order of definition: all that comes before the first trained layer is frozen.
        trained = False
        for name, parameter in self.named_parameters():
            trained |= name.startswith(FIRST_TRAINED)
            parameter.requires_grad_(trained)

    def forward(self, x):
        return self.score(super().forward(x))


class Gates(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 2, 1)
        self.squeeze, self.excite = nn.Conv2d(16, 8, 1), nn.Conv2d(8, 16, 1)
        self.dw = nn.Conv2d(16, 16, 5, padding=2, groups=16)
        self.norm = nn.LayerNorm(16, eps=1e-6)
        self.fc1, self.fc2 = nn.Conv2d(16, 32, 1), nn.Conv2d(32, 16, 1)
        self.gamma = nn.Parameter(torch.zeros(16, 1, 1))
        self.score = nn.Linear(16, 3)

    def forward(self, x):
        x = F.silu(self.conv1(x))
        x = x * F.hardsigmoid(self.excite(F.relu(self.squeeze(x.mean((2, 3), keepdim=True)))))
        y = self.norm(self.dw(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        x = x + self.gamma * self.fc2(F.gelu(self.fc1(y), approximate="tanh"))
        return self.score(x.mean((2, 3)))


def vit_optimizer(parameters):
    # A larger epsilon than the default, as in torch_vit.py: the bias of attention's keys.
    return torch.optim.AdamW(parameters, lr=1e-4, eps=1e-5, weight_decay=0.01)


def gates_optimizer(parameters):
    return torch.optim.Adam(parameters, lr=1e-3, eps=1e-5)


if __name__ == "__main__":
    torch_trajectories.main(trajectory_cases.vit_tail(), VitTail, vit_optimizer)
    torch_trajectories.main(trajectory_cases.gates(), Gates, gates_optimizer)
