#!/usr/bin/env python3
"""Writes a Keras weights-only .h5 of VGG16 without its top, with random weights.

For recipe A where the real file (58.9 MB, at Keras's public address) is not at
hand: the layout is that of vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5,
groups and names included; kernels are He-normal and biases small, so that
activations keep their size through the 13 layers. Needs numpy and h5py.

    python3 test/numerics/make_random_vgg16_h5.py OUT.h5 [SEED]
"""
import sys

import numpy as np

from trajectory_cases import write_keras_h5

BLOCKS = [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)]


def layers():
    """Keras's layer list: (name, inputs, outputs), inputs 0 where there are no weights."""
    yield "input_1", 0, 0
    width = 3
    for b, (filters, convolutions) in enumerate(BLOCKS, 1):
        for i in range(1, convolutions + 1):
            yield f"block{b}_conv{i}", width, filters
            width = filters
        yield f"block{b}_pool", 0, 0


def main():
    path, seed = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0
    rng = np.random.default_rng(seed)
    content = {}
    for name, inputs, outputs in layers():
        content[name] = {}
        if inputs:
            scale = np.float32(np.sqrt(2 / (9 * inputs)))
            kernel = rng.standard_normal((3, 3, inputs, outputs), np.float32) * scale
            content[name][f"{name}_W_1:0"] = kernel
            content[name][f"{name}_b_1:0"] = rng.standard_normal(outputs, np.float32) * np.float32(0.01)
    write_keras_h5(path, content)


if __name__ == "__main__":
    main()
