"""Writes what torchvision and Pillow make of a synthetic picture, as C++ tables.

The picture comes from a formula that test/unit/data/SyntheticPicture.h repeats.
Colours: torchvision.transforms.functional on uint8 tensors. Geometry: Pillow's
Image.transform with the inverse map, whose matrix is composed here step by step
(flip, turn, shift, zoom, crop, each a matrix of its own), on a picture whose
edges were repeated far out, so that the rule for what lies beyond them is
checked, too.

    python test/numerics/torchvision_augment.py > test/unit/data/AugmentGoldens.inc

Made with torchvision 0.29.2, Pillow 13.0.0, NumPy 2.
"""
import math

import numpy as np
import torch
import torchvision.transforms.functional as F
from PIL import Image

from pillow_resize import picture

WIDTH, HEIGHT, MARGIN = 20, 14, 60
COLOURS = [("brightness", F.adjust_brightness, (0.0, 0.7, 1.3)),
           ("contrast", F.adjust_contrast, (0.0, 0.6, 1.4)),
           ("saturation", F.adjust_saturation, (0.0, 0.5, 1.7)),
           ("hue", F.adjust_hue, (-0.5, -0.07, 0.2))]
# flip x, flip y, degrees, shift x, shift y, zoom, crop side, crop x, crop y
GEOMETRY = [(0, 0, 30, 0, 0, 1, 1, 0, 0), (0, 0, -125, 0, 0, 1, 1, 0, 0),
            (0, 0, 0, 0.25, -0.125, 1, 1, 0, 0), (0, 0, 0, 0, 0, 1.25, 1, 0, 0),
            (0, 0, 0, 0, 0, 0.75, 1, 0, 0), (0, 0, 0, 0, 0, 1, 0.5, 1, 0.25),
            (1, 0, 17, 0.125, 0.25, 1.125, 0.75, 0.25, 1), (1, 1, 190, -0.5, 0, 0.8125, 1, 0, 0)]


def scaled(x, y):
    return np.diag([x, y, 1.0])


def moved(x, y):
    m = np.eye(3)
    m[0, 2], m[1, 2] = x, y
    return m


def turned(degrees):
    """The picture clockwise, y pointing down."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def geometry(source, flip_x, flip_y, degrees, shift_x, shift_y, zoom, side, crop_x, crop_y):
    # From the whole picture (middle at 0) to the view, in the order of the changes.
    forward = scaled(1 / side, 1 / side) @ moved((0.5 - crop_x) * (1 - side) * WIDTH,
                                                 (0.5 - crop_y) * (1 - side) * HEIGHT)
    forward = scaled(1 / zoom, 1 / zoom) @ forward
    forward = moved(shift_x * WIDTH, shift_y * HEIGHT) @ forward
    forward = turned(degrees) @ forward
    forward = scaled(-1 if flip_x else 1, -1 if flip_y else 1) @ forward
    middle = moved(WIDTH / 2, HEIGHT / 2)
    inverse = moved(MARGIN, MARGIN) @ middle @ np.linalg.inv(forward) @ np.linalg.inv(middle)
    wide = np.pad(source, ((MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0)), mode="edge")
    return np.asarray(Image.fromarray(wide).transform(
        (WIDTH, HEIGHT), Image.Transform.AFFINE, inverse[:2].ravel(), Image.Resampling.BILINEAR))


def hexadecimal(array):
    text = np.ascontiguousarray(array).tobytes().hex()
    return "\n".join(f'    "{text[i:i + 72]}"' for i in range(0, len(text), 72))


def main():
    source = picture(WIDTH, HEIGHT, 3)
    tensor = torch.from_numpy(source).permute(2, 0, 1)
    print("// Made by test/numerics/torchvision_augment.py; do not edit.")
    print("// clang-format off")
    print("inline constexpr ColourGolden kColours[] = {")
    for name, adjust, factors in COLOURS:
        for factor in factors:
            out = adjust(tensor, factor).permute(1, 2, 0).numpy()
            print(f"  {{&ViewChange::{name}, {factor}f,\n{hexadecimal(out)}}},")
    print("};")
    # One channel: torchvision leaves saturation and hue alone.
    print("inline constexpr ColourGolden kGreyColours[] = {")
    for name, adjust, factors in COLOURS[:2]:
        for factor in factors:
            out = adjust(tensor[:1], factor).numpy()
            print(f"  {{&ViewChange::{name}, {factor}f,\n{hexadecimal(out)}}},")
    print("};")
    print("inline constexpr GeometryGolden kGeometry[] = {")
    for case in GEOMETRY:
        print(f"  {{{', '.join(map(str, case))},\n{hexadecimal(geometry(source, *case))}}},")
    print("};")
    print("// clang-format on")


if __name__ == "__main__":
    main()
