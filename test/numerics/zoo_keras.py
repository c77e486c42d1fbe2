#!/usr/bin/env python3
"""Keras's side of the zoo (zoo.py). Needs keras and tensorflow.

    python3 test/numerics/zoo_keras.py --goldens [NAME ...]   # writes zoo/NAME.npz
    python3 test/numerics/zoo_keras.py [NAME ...]             # compares at the published size

The comparison writes the two kinds of files that Keras writes, `.weights.h5` and a
whole model's `.h5`, and runs tlc and tlrun of TL_BIN on them.
"""
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras  # noqa: E402
import numpy as np  # noqa: E402

import zoo  # noqa: E402
from zoo_tools import compare, main  # noqa: E402


def build(network, size, top):
    """The model with the seed's weights, its top without activation."""
    keras.backend.clear_session()
    function = getattr(keras.applications, network.original)
    more = {"classifier_activation": None} if top else {}
    model = function(weights=None, include_top=top, input_shape=(size, size, 3), **more)
    for layer in model.layers:
        for weight in layer.weights:
            weight.assign(network.value(f"{layer.name}/{weight.name}", tuple(weight.shape)))
    return model


def tensors(model):
    return [(f"{layer.name}/{weight.name}", tuple(weight.shape)) for layer in model.layers for weight in layer.weights]


def rows(model):
    return [zoo.layer_row(i, "(input)" if i == 0 else layer.name, type(layer).__name__, layer.output.shape[1:],
                          layer.count_params()) for i, layer in enumerate(model.layers)]


def prepared(network, size):
    mode = network.preprocess
    pixels = network.pixels(size).astype(np.float32)
    return keras.applications.imagenet_utils.preprocess_input(pixels, data_format="channels_last", mode=mode)


def outputs(network, size, top):
    """(model, the map before the top, scores or None)"""
    base = build(network, size, False)
    last = base.layers[-1].name
    model = build(network, size, top) if top else base
    probe = keras.Model(model.inputs, [model.get_layer(last).output, model.outputs[0]])
    features, scores = (np.asarray(v) for v in probe.predict(prepared(network, size), verbose=0))
    return model, features, scores.reshape(len(scores), -1) if top else None


def make_golden(network):
    model, features, scores = outputs(network, network.size, network.top)
    # The list is that of the whole network, also where the golden is not.
    keras.backend.clear_session()
    whole = getattr(keras.applications, network.original)(
        weights=None, input_shape=(network.full, network.full, 3))
    zoo.save_golden(network, tensors(model), whole.count_params(), features, scores, rows(whole))


def compare_whole(network):
    model, features, scores = outputs(network, network.full, True)
    def write_weights(folder):
        files = [os.path.join(folder, name) for name in ("zoo.weights.h5", "zoo.h5")]
        model.save_weights(files[0])
        model.save(files[1])
        return files
    compare(network, write_weights, features, scores, rows(model), model.count_params())


if __name__ == "__main__":
    main("keras", make_golden, compare_whole)
