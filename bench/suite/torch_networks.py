"""The suite's networks in PyTorch: torchvision's where it has them.

MobileNet (version 1) and the CIFAR ResNet are not in torchvision; they are
built here layer by layer as in `backbones/mobilenet.tl` and
`backbones/resnet_cifar.tl`. Weights are as each layer draws them.
"""
import torch
from torch import nn
from torch.nn import functional as F

from .jobs import SIDES

WIDTHS = {"resnet20": 64, "resnet50": 2048, "vit_b16": 768}
# Modules at the end of `base` that train as the tail, and one picture's values below them.
TAILS = {"vgg16": 7, "resnet50": 1, "vit_b16": 4}
CACHED = {"vgg16": (512, 9, 9), "resnet50": (1024, 14, 14), "vit_b16": (197, 768)}


def conv_norm(inputs, outputs, size, stride, groups=1, padding=0):
    return [nn.Conv2d(inputs, outputs, size, stride, padding, groups=groups, bias=False),
            nn.BatchNorm2d(outputs, eps=1e-3), nn.ReLU6()]


def padded(inputs, outputs, stride, groups=1):
    """3x3 as Keras pads it: a stride of 2 adds a row and a column at the end."""
    if stride == 1:
        return conv_norm(inputs, outputs, 3, 1, groups, 1)
    return [nn.ZeroPad2d((0, 1, 0, 1)), *conv_norm(inputs, outputs, 3, 2, groups)]


def mobilenet(alpha):
    width = int(32 * alpha)
    layers = padded(3, width, 2)
    for filters, stride in ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2),
                            (1024, 1)):
        layers += padded(width, width, stride, width)
        layers += conv_norm(width, int(filters * alpha), 1, 1)
        width = int(filters * alpha)
    return nn.Sequential(*layers)


class Basic(nn.Module):
    def __init__(self, inputs, filters, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, filters, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(filters)
        self.conv2 = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(filters)
        self.shrinks = stride == 2
        self.added = filters // 4

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.shrinks:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.added, self.added))
        return F.relu(x + y)


def resnet20():
    layers = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    width = 16
    for filters in (16, 32, 64):
        for i in range(3):
            layers.append(Basic(width, filters, 2 if filters != 16 and i == 0 else 1))
            width = filters
    return nn.Sequential(*layers)


class Tokens(nn.Module):
    """What torchvision's transformer does before its first block."""

    def __init__(self, whole):
        super().__init__()
        self.patches, self.class_token, self.places = whole.conv_proj, whole.class_token, whole.encoder.pos_embedding

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        return torch.cat([self.class_token.expand(x.shape[0], -1, -1), x], 1) + self.places


class FirstToken(nn.Module):
    def forward(self, x):
        return x[:, 0]


def vit_b16(models):
    whole = models.vit_b_16(weights=None)
    return nn.Sequential(Tokens(whole), *whole.encoder.layers, whole.encoder.ln, FirstToken())


def base(name):
    """The network without its top, and without pooling at its end."""
    torch.manual_seed(0)
    if name.startswith("mobilenet"):
        return mobilenet(int(name[-3:]) / 100)
    if name == "resnet20":
        return resnet20()
    from torchvision import models
    if name == "vit_b16":
        return vit_b16(models)
    if name == "resnet50":
        return nn.Sequential(*list(models.resnet50(weights=None).children())[:-2])
    if name == "inception_v3":
        whole = models.inception_v3(weights=None, aux_logits=False, init_weights=False)
        return nn.Sequential(*list(whole.children())[:-3])
    return getattr(models, name)(weights=None).features


class MeanOfPixels(nn.Module):
    def forward(self, x):
        return x.mean((2, 3))


def pooled(name):
    """What stands between the base and a dense layer; a transformer's base ends in one token."""
    return [] if name == "vit_b16" else [MeanOfPixels()]


def features(name):
    return nn.Sequential(base(name), *pooled(name)).eval()


def classifier(name):
    """The new head: dense layers on VGG16, one softmax layer elsewhere."""
    if name == "vgg16":
        return nn.Sequential(nn.Flatten(), nn.Linear(8192, 256), nn.ReLU(), nn.Linear(256, 1))
    return nn.Sequential(*pooled(name), nn.Linear(WIDTHS[name], 10))
