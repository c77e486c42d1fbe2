#!/usr/bin/env python3
"""Prints the reference numbers of RealWeightsTest.cpp, read by h5py, safetensors,
PyTorch and NumPy: for each file the number of tensors, of values, and the CRC-32 of all
values as little-endian float32, tensor after tensor.

    checksums.py <folder of the real data>

In .h5 files the order is that of the layers' and weights' names, so that the
layouts of one network agree; in other files that of the tensors' names.
"""
import pathlib
import sys
import zlib

import h5py
import ml_dtypes  # noqa: F401  (NumPy's bfloat16, which safetensors needs)
import numpy as np
import torch
from safetensors import safe_open


def legacy(group):
    for layer in group.attrs["layer_names"]:
        for name in group[layer].attrs["weight_names"]:
            text = name.decode() if isinstance(name, bytes) else name
            parts = text.split(":")[0].split("/")
            yield (parts[-2], parts[-1]), group[layer][name][()]


def keras3(file):
    batch_norm = ["gamma", "beta", "moving_mean", "moving_variance"]
    for name, group in file["layers"].items():
        roles = batch_norm if name.startswith("batch") else ["kernel", "bias"]
        for number, values in group["vars"].items():
            key = group["vars"].attrs["name"], roles[int(number)]
            yield key, values[()]


def tensors(path):
    if path.suffix == ".safetensors":
        with safe_open(path, "np") as file:
            return {name: file.get_tensor(name) for name in file.keys()}
    if path.suffix in (".pth", ".th"):
        state = torch.load(path, map_location="cpu", weights_only=True)
        return {name: values.numpy() for name, values in state.get("state_dict", state).items()}
    with h5py.File(path) as file:
        if "model_weights" in file:
            return dict(legacy(file["model_weights"]))
        return dict(legacy(file) if "layer_names" in file.attrs else keras3(file))


for path in sorted(pathlib.Path(sys.argv[1]).glob("models*/*/*")):
    if path.suffix not in (".h5", ".safetensors", ".pth", ".th"):
        continue
    found = tensors(path)
    crc = 0
    for name in sorted(found):
        crc = zlib.crc32(found[name].astype("<f4").tobytes(), crc)
    count = sum(values.size for values in found.values())
    print(f'{{"{path.parent.name}/{path.name}", {len(found)}, {count}, {crc:#010x}}},')
