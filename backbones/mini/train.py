#!/usr/bin/env python3
"""Trains `mini`, the backbone that the repository ships, and its goldens.

The pictures are drawn by examples/draw_pictures.py (--set pretrain); the net
is the one that backbones/mini.tl describes, layer for layer and name for name.
Writes beside itself mini.safetensors, f16, with PyTorch's tensor names, and
into test/numerics/mini a few pictures with the features that PyTorch computes
for them from the f16 weights, in f32. Needs numpy, torch and safetensors.

    python3 backbones/mini/train.py            trains, writes weights and goldens
    python3 backbones/mini/train.py --goldens  only the goldens, from the weights

Training is seeded, but PyTorch's sums may differ between machines in their
last bits: the committed file is the one to rely on.
"""
import argparse
import os
import shutil
import sys
import tempfile

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "examples"))
import draw_pictures  # noqa: E402

WEIGHTS = os.path.join(HERE, "mini.safetensors")
GOLDENS = os.path.join(ROOT, "test", "numerics", "mini")
SEED, EPOCHS, BATCH = 2026, 20, 32
# Of each separable block: its outputs and its stride.
BLOCKS = [(32, 1), (64, 2), (64, 1), (128, 2), (128, 1), (192, 2), (192, 1)]
EPSILON = 1e-3


class Same(nn.Module):
    """Keras's "same" padding for a 3x3 window of stride 1 or 2 on an even side:
    with stride 2 one row below and one column on the right, none before."""

    def __init__(self, stride):
        super().__init__()
        self.pad = nn.ZeroPad2d((1, 1, 1, 1) if stride == 1 else (0, 1, 0, 1))

    def forward(self, x):
        return self.pad(x)


def mini():
    """[N, 3, 96, 96] -> [N, 192, 6, 6]; layers named as in backbones/mini.tl."""
    layers = []

    def convolution(name, cin, cout, size, stride=1, groups=1):
        if size == 3:
            layers.append((f"{name}_pad", Same(stride)))
        layers.append((name, nn.Conv2d(cin, cout, size, stride, bias=False, groups=groups)))
        layers.append((f"{name}_bn", nn.BatchNorm2d(cout, eps=EPSILON)))
        layers.append((f"{name}_relu", nn.ReLU()))

    convolution("conv1", 3, 16, 3, 2)
    width = 16
    for i, (filters, stride) in enumerate(BLOCKS, 1):
        convolution(f"block{i}_dw", width, width, 3, stride, groups=width)
        convolution(f"block{i}_pw", width, filters, 1)
        width = filters
    net = nn.Sequential()
    for name, layer in layers:
        net.add_module(name, layer)
    return net


def read_pixels(path):
    """RGB of a PNG that draw_pictures wrote: its data lie in stored blocks."""
    import zlib
    with open(path, "rb") as f:
        data = f.read()
    start = data.index(b"IDAT") + 4
    raw = np.frombuffer(zlib.decompress(data[start:-16]), np.uint8)
    side = draw_pictures.SIZE
    return raw.reshape(side, 1 + 3 * side)[:, 1:].reshape(side, side, 3)


def load_set(folder):
    """uint8 [N, 96, 96, 3] and the class of each, in byte order of the folders."""
    pixels, labels = [], []
    for label, name in enumerate(sorted(os.listdir(folder))):
        for file in sorted(os.listdir(os.path.join(folder, name))):
            pixels.append(read_pixels(os.path.join(folder, name, file)))
            labels.append(label)
    return np.stack(pixels), torch.tensor(labels)


def preprocess(pixels):
    """The preset `tf`: -1..1, channels first."""
    x = torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float()
    return x / 127.5 - 1


def augment(x):
    """Mirrors and quarter turns, drawn for a whole batch: cheap and enough."""
    if torch.rand(()) < 0.5:
        x = x.flip(3)
    return x.rot90(int(torch.randint(4, ())), (2, 3))


def train(folder):
    torch.manual_seed(SEED)
    pixels, labels = load_set(os.path.join(folder, "train"))
    val_pixels, val_labels = load_set(os.path.join(folder, "val"))
    net, top = mini(), nn.Linear(BLOCKS[-1][0], int(labels.max()) + 1)
    whole = nn.Sequential(net, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), top)
    steps = (len(labels) + BATCH - 1) // BATCH
    optimizer = torch.optim.AdamW(whole.parameters(), lr=4e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=EPOCHS * steps)
    for epoch in range(EPOCHS):
        whole.train()
        total = 0.0
        for batch in torch.randperm(len(labels)).split(BATCH):
            x = augment(preprocess(pixels[batch.numpy()]))
            loss = nn.functional.cross_entropy(whole(x), labels[batch], label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(batch)
        whole.eval()
        with torch.no_grad():
            guess = torch.cat([whole(preprocess(p)).argmax(1) for p in np.array_split(val_pixels, 8)])
        print(f"epoch {epoch + 1}: loss {total / len(labels):.3f}, "
              f"val accuracy {(guess == val_labels).float().mean():.3f}", flush=True)
    tensors = {name: value.half().contiguous() for name, value in net.state_dict().items()
               if not name.endswith("num_batches_tracked")}
    save_file(tensors, WEIGHTS, metadata={
        "format": "pt", "licence": "Apache-2.0 WITH LLVM-exception",
        "origin": "backbones/mini/train.py on pictures of examples/draw_pictures.py"})


def write_goldens():
    """Two demo pictures of each class, and their features by PyTorch in f32."""
    net = mini().eval()
    net.load_state_dict({k: v.float() for k, v in load_file(WEIGHTS).items()}, strict=False)
    os.makedirs(GOLDENS, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        draw_pictures.draw(folder, "demo", counts={"val": 2})
        names, pixels = [], []
        for label in sorted(os.listdir(os.path.join(folder, "val"))):
            for file in sorted(os.listdir(os.path.join(folder, "val", label))):
                path = os.path.join(folder, "val", label, file)
                names.append(f"{label}_{file}")
                pixels.append(read_pixels(path))
                shutil.copy(path, os.path.join(GOLDENS, names[-1]))
    with torch.no_grad():
        maps = net(preprocess(np.stack(pixels)))
    # Channels last, as the language lays tensors out.
    np.save(os.path.join(GOLDENS, "features.npy"), maps.permute(0, 2, 3, 1).contiguous().numpy())
    with open(os.path.join(GOLDENS, "pictures.txt"), "w") as f:
        f.writelines(name + "\n" for name in names)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--goldens", action="store_true", help="only the goldens")
    parser.add_argument("--pictures", help="a folder drawn before with --set pretrain")
    args = parser.parse_args()
    torch.set_num_threads(2)
    if not args.goldens:
        with tempfile.TemporaryDirectory() as folder:
            if not args.pictures:
                draw_pictures.draw(folder, "pretrain")
            train(args.pictures or folder)
    write_goldens()


if __name__ == "__main__":
    main()
