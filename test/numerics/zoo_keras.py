#!/usr/bin/env python3
"""Keras's side of the zoo (zoo.py). Needs keras and tensorflow.

    python3 test/numerics/zoo_keras.py --goldens [NAME ...]   # writes zoo/NAME.npz
    python3 test/numerics/zoo_keras.py [NAME ...]             # compares at the published size
    python3 test/numerics/zoo_keras.py --size 97x131 [NAME ...]   # or at another one

The comparison writes the two kinds of files that Keras writes, `.weights.h5` and a
whole model's `.h5`, and runs tlc and tlrun of TL_BIN on them.
"""
import os
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras.src.applications import imagenet_utils  # noqa: E402
from keras.src.models import Functional  # noqa: E402
from keras.src.utils import file_utils  # noqa: E402

import zoo  # noqa: E402
from zoo_tools import compare, main  # noqa: E402


def create(network, size, top, **more):
    """The network that Keras builds for its ImageNet weights, which for EfficientNet has
    one layer more, of any size and without loading them."""
    keras.backend.clear_session()
    shape = imagenet_utils.obtain_input_shape
    with (mock.patch.object(file_utils, "get_file", lambda *a, **k: None),
          mock.patch.object(Functional, "load_weights", lambda self, *a, **k: None),
          mock.patch.object(imagenet_utils, "obtain_input_shape",
                            lambda given, **k: shape(given, **dict(k, weights=None)))):
        function = getattr(keras.applications, network.original)
        return function(weights="imagenet", include_top=top, input_shape=(*zoo.sides(size), 3),
                        **network.options, **more)


def weights(model):
    """(name, variable); the layers of a Sequential within it by their own names, as
    Keras's .h5 files have them."""
    for layer in model.layers:
        inner = layer.layers if isinstance(layer, keras.Sequential) else [layer]
        for one in inner:
            prefix = "" if one is layer else f"{layer.name}/"
            for weight in one.weights:
                yield f"{prefix}{one.name}/{weight.name}", weight


def build(network, size, top):
    """The model with the seed's weights, its top without activation."""
    model = create(network, size, top, **({"classifier_activation": None} if top else {}))
    for name, weight in weights(model):
        weight.assign(network.value(name, tuple(weight.shape)))
    return model


def tensors(model):
    return [(name, tuple(weight.shape)) for name, weight in weights(model)]


def rows(model):
    return [zoo.layer_row(i, "(input)" if i == 0 else layer.name, type(layer).__name__, layer.output.shape[1:],
                          layer.count_params()) for i, layer in enumerate(model.layers)]


def prepared(network, size):
    mode = network.preprocess
    pixels = network.pixels(size).astype(np.float32)
    if mode == "raw":
        return pixels
    return keras.applications.imagenet_utils.preprocess_input(pixels, data_format="channels_last", mode=mode)


def outputs(network, size, top):
    """(model, the map before the top, scores or None)"""
    names = {layer.name for layer in create(network, size, False).layers}
    model = build(network, size, top)
    # What the top's first layer takes: the base may end in an operator, which is no layer.
    before = next(layer for layer in model.layers if layer.name not in names).input if top else model.outputs[0]
    probe = keras.Model(model.inputs, [before, model.outputs[0]])
    features, scores = (np.asarray(v) for v in probe.predict(prepared(network, size), verbose=0))
    return model, features, scores.reshape(len(scores), -1) if top else None


def make_golden(network):
    model, features, scores = outputs(network, network.size, network.top)
    # The list is that of the whole network, also where the golden is not.
    whole = create(network, network.full, True)
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
