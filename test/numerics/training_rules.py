#!/usr/bin/env python3
"""Makes the goldens of what surrounds a gradient: losses, clipping, updates,
batch normalisation in training, by Keras 3 and by PyTorch in double.

    python3 test/numerics/training_rules.py

writes training_rules.safetensors beside itself. Its tensors, all f64:
    updates.<parameter>         initial p [7], q [3, 5]
    updates.<parameter>.gradients  [12, ...], one a step
    updates.<convention>.<case>.<parameter>          [12, ...] after each step
    updates.<convention>.<case>.<parameter>.average  the same, where it is kept
    losses.logits [6, 3], .logit [6, 1], .labels, .others, .binary,
        .binary_others, .mix, .weights [6]
    losses.<convention>.<kind>.<plain|weighted|mixed>.loss [1], .gradient
    norm.x, .dy [4, 3, 2, 5], .gamma, .beta, .mean, .variance [5]
    norm.<convention>.y, .new_mean, .new_variance, .dx, .dgamma, .dbeta
The gradients of the updates are fixed numbers and no model's: what follows
depends on the rule alone. Labels are smoothed by 0.1, losses are means over
the six pictures.
"""
import importlib.metadata
import multiprocessing
import os

import numpy as np
from safetensors.numpy import save_file

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

STEPS, SMOOTHING, EPSILON, MOMENTUM = 12, 0.1, 1e-3, 0.9
# TrainingRulesTest.cpp has the same rates and options. The rates are numbers that
# single precision holds.
UPDATES = {
    "sgd": dict(lr=0.09375, weight_decay=0.05),
    "sgd_momentum": dict(lr=0.03125, momentum=0.9, weight_decay=0.05),
    "sgd_nesterov": dict(lr=0.03125, momentum=0.9, nesterov=True, weight_decay=0.05),
    "rmsprop": dict(lr=0.015625, weight_decay=0.05),
    "adam": dict(lr=0.03125, weight_decay=0.05),
    "adamw": dict(lr=0.03125),
    "adamw_decay": dict(lr=0.03125, weight_decay=0.05),
    "sgd_clipped": dict(lr=0.09375, clip=4.0),
    "adam_clipped": dict(lr=0.03125, clip=4.0, weight_decay=0.05),
}
# Keras alone has averages of this kind.
AVERAGES = {
    "sgd_average": dict(lr=0.09375, ema=0.75),
    "adamw_average": dict(lr=0.03125, clip=4.0, ema=0.75),
}


def problem():
    rng = np.random.default_rng(38)
    given = {}
    for name, shape in {"p": (7,), "q": (3, 5)}.items():
        given[f"updates.{name}"] = rng.normal(size=shape)
        # The norm of all is about 4: half of the steps are clipped at 4.
        scale = rng.uniform(0.1, 1.5, (STEPS,) + (1,) * len(shape))
        given[f"updates.{name}.gradients"] = scale * rng.normal(size=(STEPS,) + shape)
    given.update({
        "losses.logits": 3 * rng.normal(size=(6, 3)), "losses.logit": 3 * rng.normal(size=(6, 1)),
        "losses.labels": rng.integers(0, 3, 6), "losses.others": rng.integers(0, 3, 6),
        "losses.binary": rng.integers(0, 2, 6), "losses.binary_others": rng.integers(0, 2, 6),
        "losses.mix": rng.uniform(size=6), "losses.weights": rng.uniform(0.2, 3, 6),
        "norm.x": 5 + 2 * rng.normal(size=(4, 3, 2, 5)), "norm.dy": rng.normal(size=(4, 3, 2, 5)),
        "norm.gamma": rng.normal(size=5), "norm.beta": rng.normal(size=5),
        "norm.mean": rng.normal(size=5), "norm.variance": rng.uniform(0.5, 2, 5)})
    # What single precision holds, so that every reader starts from the same.
    return {k: np.asarray(v, "float32").astype("float64") for k, v in given.items()}


def loss_cases(given):
    """(kind, case, logits, soft targets before smoothing, weights)"""
    mix = given["losses.mix"]
    for kind, logits, first, second in (("softmax", "logits", "labels", "others"),
                                        ("sigmoid", "logit", "binary", "binary_others")):
        one_hot = np.eye(3 if kind == "softmax" else 2)
        a, b = (one_hot[given[f"losses.{k}"].astype(int)] for k in (first, second))
        if kind == "sigmoid":
            a, b = a[:, 1:], b[:, 1:]
        mixed = mix[:, None] * a + (1 - mix[:, None]) * b
        z, weights = given[f"losses.{logits}"], given["losses.weights"]
        yield kind, "plain", z, a, np.ones(6)
        yield kind, "weighted", z, a, weights
        yield kind, "mixed", z, mixed, weights


def keras_updates(case, options, given):
    import keras
    options = dict(options)
    names = ["p", "q"]
    variables = [keras.Variable(given[f"updates.{n}"], dtype="float64") for n in names]
    kind = {"sgd": keras.optimizers.SGD, "rmsprop": keras.optimizers.RMSprop,
            "adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW}[case.split("_")[0]]
    if "clip" in options:
        options["global_clipnorm"] = options.pop("clip")
    ema = options.pop("ema", None)
    if ema:
        options.update(use_ema=True, ema_momentum=ema)
    optimizer = kind(learning_rate=options.pop("lr"), **options)
    optimizer.build(variables)
    out = {n: [] for n in names}
    averages = {n: [] for n in names} if ema else {}
    for step in range(STEPS):
        optimizer.apply([keras.ops.convert_to_tensor(given[f"updates.{n}.gradients"][step], dtype="float64")
                         for n in names])
        for i, n in enumerate(names):
            out[n].append(variables[i].numpy().copy())
            if ema:
                averages[n].append(optimizer._model_variables_moving_average[i].numpy().copy())
    return out, averages


def torch_updates(case, options, given):
    import torch
    options = dict(options)
    names = ["p", "q"]
    variables = [torch.tensor(given[f"updates.{n}"], requires_grad=True) for n in names]
    kind = {"sgd": torch.optim.SGD, "rmsprop": torch.optim.RMSprop,
            "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[case.split("_")[0]]
    clip = options.pop("clip", None)
    optimizer = kind(variables, **options)
    out = {n: [] for n in names}
    for step in range(STEPS):
        for n, v in zip(names, variables):
            v.grad = torch.tensor(given[f"updates.{n}.gradients"][step])
        if clip:
            torch.nn.utils.clip_grad_norm_(variables, clip)
        optimizer.step()
        for n, v in zip(names, variables):
            out[n].append(v.detach().numpy().copy())
    return out, {}


def keras_loss(kind, logits, targets, weights):
    import keras
    import tensorflow as tf
    z = tf.Variable(logits)
    loss = {"softmax": keras.losses.CategoricalCrossentropy,
            "sigmoid": keras.losses.BinaryCrossentropy}[kind](
                from_logits=True, label_smoothing=SMOOTHING, dtype="float64")
    with tf.GradientTape() as tape:
        value = loss(targets, z, sample_weight=weights)
    return value.numpy(), tape.gradient(value, z).numpy()


def torch_loss(kind, logits, targets, weights):
    import torch
    z = torch.tensor(logits, requires_grad=True)
    t, w = torch.tensor(targets), torch.tensor(weights)
    if kind == "softmax":
        each = torch.nn.functional.cross_entropy(z, t, label_smoothing=SMOOTHING, reduction="none")
    else:  # torch has no smoothing here: Keras's formula
        t = t * (1 - SMOOTHING) + SMOOTHING / 2
        each = torch.nn.functional.binary_cross_entropy_with_logits(z, t, reduction="none")[:, 0]
    value = (w * each).mean()
    value.backward()
    return value.item(), z.grad.numpy()


def keras_norm(given):
    import keras
    import tensorflow as tf
    layer = keras.layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON, dtype="float64")
    x = tf.Variable(given["norm.x"])
    layer.build(x.shape)
    layer.set_weights([given[f"norm.{k}"] for k in ("gamma", "beta", "mean", "variance")])
    with tf.GradientTape() as tape:
        y = layer(x, training=True)
        objective = tf.reduce_sum(y * given["norm.dy"])
    dx, dgamma, dbeta = tape.gradient(objective, [x, layer.gamma.value, layer.beta.value])
    return dict(y=y, new_mean=layer.moving_mean, new_variance=layer.moving_variance,
                dx=dx, dgamma=dgamma, dbeta=dbeta)


def torch_norm(given):
    import torch
    x = torch.tensor(given["norm.x"].transpose(0, 3, 1, 2).copy(), requires_grad=True)
    gamma, beta = (torch.tensor(given[f"norm.{k}"], requires_grad=True) for k in ("gamma", "beta"))
    mean, variance = (torch.tensor(given[f"norm.{k}"]) for k in ("mean", "variance"))
    y = torch.nn.functional.batch_norm(x, mean, variance, gamma, beta, training=True,
                                       momentum=1 - MOMENTUM, eps=EPSILON)
    (y.permute(0, 2, 3, 1) * torch.tensor(given["norm.dy"])).sum().backward()
    places = lambda t: t.detach().permute(0, 2, 3, 1)
    return dict(y=places(y), new_mean=mean, new_variance=variance, dx=places(x.grad),
                dgamma=gamma.grad, dbeta=beta.grad)


def run_convention(convention, given):
    """All that one framework says."""
    keras = convention == "keras"
    if keras:
        import keras as framework
        framework.backend.set_floatx("float64")
    out = {}
    updates = keras_updates if keras else torch_updates
    for case, options in (UPDATES | AVERAGES if keras else UPDATES).items():
        steps, averages = updates(case, options, given)
        for name, values in steps.items():
            out[f"updates.{convention}.{case}.{name}"] = np.stack(values)
        for name, values in averages.items():
            out[f"updates.{convention}.{case}.{name}.average"] = np.stack(values)
    for kind, case, *arguments in loss_cases(given):
        value, gradient = (keras_loss if keras else torch_loss)(kind, *arguments)
        out[f"losses.{convention}.{kind}.{case}.loss"] = np.array([value])
        out[f"losses.{convention}.{kind}.{case}.gradient"] = gradient
    for name, value in (keras_norm if keras else torch_norm)(given).items():
        out[f"norm.{convention}.{name}"] = np.asarray(value)
    return {k: np.ascontiguousarray(v, "float64") for k, v in out.items()}


def main():
    out = problem()
    # A process for each: TensorFlow's and PyTorch's copies of LLVM do not share one.
    for convention in ("keras", "torch"):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            out.update(pool.apply(run_convention, (convention, problem())))
    here = os.path.dirname(os.path.abspath(__file__))
    save_file(out, os.path.join(here, "training_rules.safetensors"),
              metadata={name: importlib.metadata.version(name) for name in ("keras", "torch")})


if __name__ == "__main__":
    main()
