#!/usr/bin/env python3
"""Makes the golden of a Keras network of grey pictures: grey/keras.h5, a whole model as
Keras saves it, and grey/keras.npy, its scores for pictures that Keras itself reads and
turns grey. Needs keras with TensorFlow.

    python3 test/numerics/keras_grey.py
"""
import os
import tempfile

os.environ.update(KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")
import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras import layers  # noqa: E402

from grey_pictures import FOLDER, HEIGHT, WIDTH, write_pictures  # noqa: E402


def network():
    model = keras.Sequential([
        keras.Input((HEIGHT, WIDTH, 1)),
        layers.Conv2D(8, 5, 2, "same", name="stem"),
        layers.BatchNormalization(name="stem_norm"),
        layers.ReLU(name="stem_relu"),
        layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="deep"),
        layers.BatchNormalization(name="deep_norm"),
        layers.ReLU(6, name="deep_relu"),
        layers.Conv2D(12, 3, activation="relu", name="wide"),
        layers.AveragePooling2D(2, name="pool"),
        layers.Flatten(name="flatten"),
        layers.Dense(5, activation="softmax", name="score"),
    ])
    # Far from what Keras begins with, so that each weight shows.
    generator = np.random.default_rng(7)
    for layer in model.layers:
        for weight in layer.weights:
            low, high = (0.5, 1.5) if weight.name in ("gamma", "moving_variance") else (-0.4, 0.4)
            weight.assign(generator.uniform(low, high, weight.shape))
    return model


def main():
    model = network()
    with tempfile.TemporaryDirectory() as folder:
        read = [keras.utils.img_to_array(keras.utils.load_img(
            path, color_mode="grayscale", target_size=(HEIGHT, WIDTH), interpolation="bilinear"))
            for path in write_pictures(folder)]
    model.save(os.path.join(FOLDER, "keras.h5"))
    scores = model.predict(np.stack(read) / 127.5 - 1, verbose=0)
    np.save(os.path.join(FOLDER, "keras.npy"), scores)
    print(scores)


if __name__ == "__main__":
    main()
