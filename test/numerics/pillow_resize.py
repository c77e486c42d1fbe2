"""Writes what Pillow and TensorFlow make of synthetic pictures, as a C++ table.

The pictures come from a formula that test/unit/data/SyntheticPicture.h repeats,
so only hashes are stored.

    python test/numerics/pillow_resize.py > test/unit/data/ResizeGoldens.inc

Made with Pillow 13.0.0, NumPy 2 and TensorFlow 2.21.
"""

import hashlib

import numpy as np
from PIL import Image

# width, height -> width, height: shrinking, growing, one axis only, one pixel,
# sizes where only rounding decides, and a very narrow picture.
SIZES = [
    (256, 205, 224, 224), (256, 205, 150, 150), (640, 480, 224, 224),
    (37, 53, 224, 224), (53, 37, 53, 99), (53, 37, 11, 37), (1, 1, 7, 5),
    (7, 5, 1, 1), (1, 300, 32, 32), (300, 1, 32, 32), (1000, 3, 31, 29),
    (513, 257, 256, 128), (2, 2, 3, 3), (100, 100, 99, 101), (64, 64, 32, 32),
    (1023, 767, 299, 299),
]
FILTERS = [("nearest", Image.Resampling.NEAREST),
           ("bilinear", Image.Resampling.BILINEAR),
           ("bicubic", Image.Resampling.BICUBIC)]


def picture(width, height, channels):
    """An LCG's high bytes in a checkered ramp: edges, noise and flat parts."""
    state = (width * 65537 + height * 257 + channels) & 0xFFFFFFFF
    values = np.empty(width * height * channels, np.uint8)
    for i in range(values.size):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        kind = (i // 40) % 3
        values[i] = (state >> 24, 255 if state >> 31 else 0, i & 255)[kind]
    return values.reshape(height, width, channels)


def digest(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]


def main():
    print("// Made by test/numerics/pillow_resize.py; do not edit.")
    print("// clang-format off")
    print("inline constexpr ResizeGolden kPillowBytes[] = {")
    for w, h, tw, th in SIZES:
        for name, rule in FILTERS:
            for channels in (3, 1):
                source = picture(w, h, channels)
                image = Image.fromarray(source if channels == 3 else source[:, :, 0])
                out = np.asarray(image.resize((tw, th), rule))
                print(f'  {{{w}, {h}, {channels}, {tw}, {th}, Filter::{name}, "{digest(out)}"}},')
    print("};")
    print("inline constexpr ResizeGolden kPillowFloats[] = {")
    for w, h, tw, th in SIZES:
        for name, rule in FILTERS:
            source = picture(w, h, 3).astype(np.float32) * np.float32(0.37)
            planes = [np.asarray(Image.fromarray(source[:, :, c]).resize((tw, th), rule))
                      for c in range(3)]
            out = np.stack(planes, axis=2)
            print(f'  {{{w}, {h}, 3, {tw}, {th}, Filter::{name}, "{digest(out)}"}},')
    print("};")
    import tensorflow as tf
    print("inline constexpr TfGolden kTensorFlow[] = {")
    for w, h, tw, th in SIZES:
        source = picture(w, h, 3)
        out = tf.image.resize(source, (th, tw), method="bilinear", antialias=False).numpy()
        print(f'  {{{w}, {h}, {tw}, {th}, "{digest(out)}"}},')
    print("};")
    print("// clang-format on")


if __name__ == "__main__":
    main()
