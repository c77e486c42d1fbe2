#!/usr/bin/env python3
"""Makes the golden of fine-tuning VGG16 with Keras 3: fifteen steps of the head,
then fifteen with the base's last four layers unfrozen, each with a fresh optimizer.

    python3 test/numerics/keras_vgg16_finetune.py [--compare]

See trajectories.py and trajectory_cases.py. Compiling anew makes the second
phase's optimizer a fresh one, as the recipe's. VGG16 has no batch norm, so that
Keras's overriding of `training=False` (section 8 of the design) does not matter.
"""
import importlib.metadata
import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import keras  # noqa: E402

import trajectories  # noqa: E402
import trajectory_cases  # noqa: E402

CASE = trajectory_cases.vgg16()


def build(dtype):
    keras.backend.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    base = keras.applications.VGG16(weights=None, include_top=False, input_shape=(48, 48, 3))
    model = keras.Sequential([base, keras.layers.Flatten(),
                              keras.layers.Dense(32, activation="relu", name="hidden"),
                              keras.layers.Dense(1, activation="sigmoid", name="score")])
    for layer in (*base.layers, *model.layers):
        if f"{layer.name}.kernel" in CASE.weights:
            layer.set_weights([CASE.weights[f"{layer.name}.{w}"].astype(dtype) for w in ("kernel", "bias")])
    return base, model


def run(dtype, variant):
    base, model = build(dtype)
    losses, current = [], None
    for phase, x, y in CASE.batches(variant):
        if phase != current:
            current = phase
            for layer in base.layers:
                layer.trainable = phase == 1 and layer in base.layers[-4:]
            model.compile(optimizer=keras.optimizers.RMSprop(learning_rate=(3e-4, 1e-5)[phase]),
                          loss=keras.losses.BinaryCrossentropy(), jit_compile=False)
        model.reset_metrics()
        losses.append(float(model.train_on_batch(x.astype(dtype), y[:, None].astype(dtype))))
    finals = {}
    for layer in (*base.layers, *model.layers):
        if f"{layer.name}.kernel" in CASE.trained:
            finals[f"{layer.name}.kernel"], finals[f"{layer.name}.bias"] = layer.get_weights()
    assert all(value.dtype == dtype for value in finals.values())
    return losses, finals


if __name__ == "__main__":
    trajectories.main(CASE, run, trajectory_cases.golden_path(CASE),
                      {name: importlib.metadata.version(name) for name in ("keras", "tensorflow-cpu")})
