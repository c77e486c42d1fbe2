#!/usr/bin/env python3
"""Makes the golden of training a small vision transformer with PyTorch: thirty steps of
AdamW on every weight of two pre-norm blocks.

    python3 test/numerics/torch_vit.py [--compare]

See trajectories.py and trajectory_cases.py. A. Dosovitskiy et al., "An Image is
Worth 16x16 Words", 2020; blocks as in timm's vision_transformer.py (Apache-2.0),
attention as torch's nn.MultiheadAttention.
"""
import torch
from torch import nn

import torch_trajectories
import trajectory_cases

WIDTH, HEADS, MLP, PATCH = 48, 3, 96, 8


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attn = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
        self.fc1, self.fc2 = nn.Linear(WIDTH, MLP), nn.Linear(MLP, WIDTH)

    def forward(self, x):
        y = self.norm1(x)
        x = x + self.attn(y, y, y, need_weights=False)[0]
        return x + self.fc2(nn.functional.gelu(self.fc1(self.norm2(x))))


class VisionTransformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.patch_embed = nn.Module()
        self.patch_embed.proj = nn.Conv2d(3, WIDTH, PATCH, PATCH)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, WIDTH))
        self.pos_embed = nn.Parameter(torch.zeros(1, 17, WIDTH))
        self.blocks = nn.Sequential(Block(), Block())
        self.norm, self.score = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 4)

    def forward(self, x):
        x = self.patch_embed.proj(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.pos_embed
        return self.score(self.norm(self.blocks(x))[:, 0])


def optimizer(parameters):
    # The bias of attention's keys has no gradient but rounding's; a larger epsilon than
    # the default keeps Adam from making steps of it.
    return torch.optim.AdamW(parameters, lr=1e-3, eps=1e-5, weight_decay=0.01)


if __name__ == "__main__":
    torch_trajectories.main(trajectory_cases.vit(), VisionTransformer, optimizer)
