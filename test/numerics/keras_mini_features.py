#!/usr/bin/env python3
"""The features that Keras computes from the weights of `mini`, for a few pictures.

Builds the network that backbones/mini.tl describes from Keras's layers, gives it
backbones/mini/mini.safetensors (canonical shapes are Keras's own), and writes
into test/numerics/mini two demo pictures of each class, their names and their
features, in f32. Needs numpy, Pillow, safetensors and keras with TensorFlow.

    python3 test/numerics/keras_mini_features.py
"""
import os
import shutil
import sys
import tempfile

os.environ.update(KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")
import keras  # noqa: E402
import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402
from safetensors.numpy import load_file  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "examples"))
import draw_pictures  # noqa: E402

WEIGHTS = os.path.join(ROOT, "backbones", "mini", "mini.safetensors")
GOLDENS = os.path.join(ROOT, "test", "numerics", "mini")
# Of each separable block: its outputs and its stride.
BLOCKS = [(32, 1), (64, 2), (64, 1), (128, 2), (128, 1), (192, 2), (192, 1)]


def network():
    """[N, 96, 96, 3] to [N, 6, 6, 192]; layers named as in backbones/mini.tl."""
    value = start = keras.Input((96, 96, 3))

    def normalised(layer):
        value_ = keras.layers.BatchNormalization(epsilon=1e-3, name=f"{layer.name}_bn")(layer(value))
        return keras.layers.ReLU(name=f"{layer.name}_relu")(value_)

    value = normalised(keras.layers.Conv2D(16, 3, 2, "same", use_bias=False, name="conv1"))
    for i, (filters, stride) in enumerate(BLOCKS, 1):
        value = normalised(keras.layers.DepthwiseConv2D(3, stride, "same", use_bias=False, name=f"block{i}_dw"))
        value = normalised(keras.layers.Conv2D(filters, 1, use_bias=False, name=f"block{i}_pw"))
    return keras.Model(start, value)


def load(model):
    tensors = load_file(WEIGHTS)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            roles = ["gamma", "beta", "moving_mean", "moving_variance"]
        else:
            roles = ["kernel"] if layer.weights else []
        values = [tensors[f"{layer.name}.{role}"] for role in roles]
        # A filter a channel: [3, 3, 1, C] here, [3, 3, C, 1] there.
        layer.set_weights([v.reshape(w.shape) if v.ndim == 4 else v for v, w in zip(values, layer.weights)])


def main():
    model = network()
    load(model)
    os.makedirs(GOLDENS, exist_ok=True)
    names, pixels = [], []
    with tempfile.TemporaryDirectory() as folder:
        draw_pictures.draw(folder, "demo", counts={"val": 2})
        for label in sorted(os.listdir(os.path.join(folder, "val"))):
            for file in sorted(os.listdir(os.path.join(folder, "val", label))):
                path = os.path.join(folder, "val", label, file)
                names.append(f"{label}_{file}")
                pixels.append(np.asarray(Image.open(path).convert("RGB"), np.float32))
                shutil.copy(path, os.path.join(GOLDENS, names[-1]))
    features = model.predict(np.stack(pixels) / np.float32(127.5) - 1, verbose=0)
    np.save(os.path.join(GOLDENS, "features.npy"), features.astype("float32"))
    with open(os.path.join(GOLDENS, "pictures.txt"), "w") as f:
        f.writelines(name + "\n" for name in names)


if __name__ == "__main__":
    main()
