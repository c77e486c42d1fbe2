"""Keras on TensorFlow, as the suite's child runs it; tf.data for pictures.

Inference is a tf.function of the model, which is quicker than `predict`; the
variant `xla` compiles it. Training is `train_on_batch`, what `fit` runs.
"""
import os

import numpy as np
import tensorflow as tf

tf.config.threading.set_intra_op_parallelism_threads(int(os.environ["TF_NUM_INTRAOP_THREADS"]))
tf.config.threading.set_inter_op_parallelism_threads(int(os.environ["TF_NUM_INTEROP_THREADS"]))
import keras  # noqa: E402  (after the threads are set)

from .jobs import SIDES  # noqa: E402


def versions():
    return {"keras": keras.__version__, "tensorflow": tf.__version__}


def pixels(work):
    side = SIDES[work["network"]]
    return np.random.default_rng(0).random((work["batch"], side, side, 3), np.float32)


def forward(work):
    from .keras_networks import features
    network = features(work["network"])
    network.trainable = False
    run = tf.function(lambda x: network(x, training=False), jit_compile=work.get("variant") == "xla")
    x = tf.constant(pixels(work))
    return lambda: run(x).numpy()


def training(work):
    """A model with what trains, pictures and labels, as the article writes it."""
    from .keras_networks import base, kept, pooled
    name, trained = work["network"], work["trained"]
    network = base(name)
    for layer in kept(network, name, trained):
        layer.trainable = False
    # batch norms of a tail keep their statistics, as Keras's guide to fine-tuning says
    x = network(network.inputs[0], training=False if trained == "tail" else None)
    if name == "vgg16":
        x = keras.layers.Dense(256, activation="relu")(keras.layers.Flatten()(x))
        x = keras.layers.Dense(1, activation="sigmoid")(x)
        loss, optimizer = "binary_crossentropy", keras.optimizers.RMSprop(1e-5)
        y = (np.arange(work["batch"]) % 2).astype("float32")[:, None]
    else:
        x = keras.layers.Dense(10, activation="softmax")(pooled(x))
        loss, optimizer = "sparse_categorical_crossentropy", keras.optimizers.SGD(1e-3, 0.9, weight_decay=1e-4)
        y = np.arange(work["batch"]) % 10
    model = keras.Model(network.inputs, x)
    model.compile(optimizer=optimizer, loss=loss)
    return model, pixels(work), y


def step(work):
    model, x, y = training(work)
    return lambda: model.train_on_batch(x, y)


def evaluate(work):
    model, x, y = training(work)
    return lambda: model.test_on_batch(x, y)


def head_epoch(work):
    """An epoch of VGG16's head on features that lie in memory, batch 20."""
    rows, train = work["train"] + work["val"], work["train"]
    rng = np.random.default_rng(0)
    x, y = rng.random((rows, 8192), np.float32), rng.integers(0, 2, rows).astype("float32")
    head = keras.Sequential([keras.Input((8192,)), keras.layers.Dense(256, activation="relu"),
                             keras.layers.Dense(1, activation="sigmoid")])
    head.compile(optimizer=keras.optimizers.RMSprop(2e-5), loss="binary_crossentropy")
    return lambda: head.fit(x[:train], y[:train], batch_size=20, epochs=1, verbose=0,
                            validation_data=(x[train:], y[train:]))


def save(work):
    from .keras_networks import features
    features(work["network"]).save(work["file"])


def first(work):
    model = keras.models.load_model(work["file"])
    model(pixels(work), training=False).numpy()


def decode(work):
    names = [os.path.join(work["pictures"], name) for name in sorted(os.listdir(work["pictures"]))]
    options = tf.data.Options()
    options.threading.private_threadpool_size = work["threads"]
    options.threading.max_intra_op_parallelism = 1

    def load(name):
        picture = tf.io.decode_jpeg(tf.io.read_file(name), channels=3)
        return tf.image.resize(picture, (150, 150), antialias=True) / 127.5 - 1

    rows = tf.data.Dataset.from_tensor_slices(names).map(load).with_options(options)
    return lambda: [None for _ in rows]
