"""Pillow, as the suite's child runs it; also draws the suite's pictures.

    python -m suite.child pillow_peer '{"do": "draw", "folder": DIR, "count": N}' once

The drawn pictures are noise at several scales, falling as in photographs, so
that they cost a decoder what a photograph does: 500x375, JPEG quality 90.
"""
import os

import numpy as np
import PIL
from PIL import Image

WIDTH, HEIGHT = 500, 375


def versions():
    return {"pillow": PIL.__version__}


def decode(work):
    names = [os.path.join(work["pictures"], name) for name in sorted(os.listdir(work["pictures"]))]

    def load(name):
        with Image.open(name) as picture:
            small = picture.convert("RGB").resize((150, 150), Image.BILINEAR)
        return np.asarray(small, np.float32) / 127.5 - 1

    return lambda: [load(name) for name in names]


def draw(work):
    """`count` pictures a class and `share` of them more for validation."""
    rng = np.random.default_rng(0)
    for split, count in (("train", work["count"]), ("val", work["validation"])):
        for name in ("cats", "dogs"):
            folder = os.path.join(work["folder"], split, name)
            os.makedirs(folder)
            for i in range(count):
                draw_one(rng, os.path.join(folder, f"{i:04d}.jpg"))


def draw_one(rng, path):
    picture = np.full((HEIGHT, WIDTH, 3), 128, np.float32)
    for side, amplitude in ((6, 90), (24, 45), (96, 22), (250, 9)):
        noise = Image.fromarray(rng.integers(0, 256, (side * 3 // 4, side, 3), np.uint8))
        picture += (np.asarray(noise.resize((WIDTH, HEIGHT), Image.BICUBIC), np.float32) - 128) * amplitude / 74
    Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(path, quality=90)
