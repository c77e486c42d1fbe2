#!/usr/bin/env python3
"""Makes the goldens of head training: 30 steps by Keras 3 and by PyTorch.

Both frameworks train the same small heads from the same initial weights on the
same fixed features, once in single and once in double precision; the distance
between the two runs says how much rounding alone moves the trajectory, and
the bound of the design's section 8 is built on it. The features (37 of them, an
awkward number) stand for what a frozen backbone gives.

    python3 test/numerics/keras_head_trajectories.py

writes head_trajectories.safetensors beside itself. Its tensors:
    features                 f32 [200, 37]; batch t is rows 20 (t mod 10) and on
    labels.<head>            i32 [200]
    init.<head>.<weight>     f32, canonical layout: hidden.kernel [37, 16], ...
    <convention>.<head>.<optimizer>.loss32, .loss64          f64 [30]
    <convention>.<head>.<optimizer>.final32.<weight> (f32), .final64.<weight> (f64)
The loss of step t is that of the weights before its update. Every dense layer
is glorot-uniform with small random biases, so that biases are tested too.
"""
import importlib.metadata
import multiprocessing
import os

import numpy as np
from safetensors.numpy import save_file

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

FEATURES, HIDDEN, BATCH, PICTURES, STEPS = 37, 16, 20, 200, 30
# Head: outputs, label smoothing.
HEADS = {"sigmoid": (1, 0.0), "softmax": (3, 0.0), "softmax_smooth": (3, 0.1)}
OPTIMIZERS = {
    "sgd": dict(lr=0.1),
    "sgd_momentum": dict(lr=0.03, momentum=0.9),
    "sgd_nesterov": dict(lr=0.03, momentum=0.9, nesterov=True),
    "rmsprop": dict(lr=2e-3),
    "adam": dict(lr=3e-3),
    "sgd_decay": dict(lr=0.03, momentum=0.9, weight_decay=0.02),
    "adam_decay": dict(lr=3e-3, weight_decay=0.02),
    "adamw_decay": dict(lr=3e-3, weight_decay=0.5),
}
WEIGHTS = ["hidden.kernel", "hidden.bias", "output.kernel", "output.bias"]


def problem():
    """Features as a ReLU leaves them, and labels that a noisy teacher gives."""
    rng = np.random.default_rng(37)
    features = np.maximum(rng.normal(0.2, 1.0, (PICTURES, FEATURES)), 0).astype("float32")
    labels, init = {}, {}
    for head, (outputs, _) in HEADS.items():
        classes = max(outputs, 2)
        teacher = rng.normal(size=(FEATURES, classes)) / np.sqrt(FEATURES)
        scores = features @ teacher + rng.normal(0, 0.3, (PICTURES, classes))
        labels[head] = scores.argmax(1).astype("int32")
        for layer, (fan_in, fan_out) in {"hidden": (FEATURES, HIDDEN), "output": (HIDDEN, outputs)}.items():
            limit = np.sqrt(6 / (fan_in + fan_out))
            init[f"{head}.{layer}.kernel"] = rng.uniform(-limit, limit, (fan_in, fan_out)).astype("float32")
            init[f"{head}.{layer}.bias"] = rng.normal(0, 0.05, fan_out).astype("float32")
    return features, labels, init


def batches(array):
    for t in range(STEPS):
        at = BATCH * (t % (PICTURES // BATCH))
        yield array[at:at + BATCH]


def keras_optimizer(name):
    import keras
    options = dict(OPTIMIZERS[name])
    rate = options.pop("lr")
    kind = {"sgd": keras.optimizers.SGD, "rmsprop": keras.optimizers.RMSprop,
            "adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW}[name.split("_")[0]]
    return kind(learning_rate=rate, **options)


def keras_run(head, optimizer, dtype, features, labels, init):
    """(losses, final weights) of one run in `dtype`."""
    import keras
    keras.backend.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    outputs, smoothing = HEADS[head]
    model = keras.Sequential([
        keras.Input((FEATURES,), dtype=dtype),
        keras.layers.Dense(HIDDEN, activation="relu"),
        keras.layers.Dense(outputs, activation="sigmoid" if outputs == 1 else "softmax")])
    model.set_weights([init[f"{head}.{w}"].astype(dtype) for w in WEIGHTS])
    loss = (keras.losses.BinaryCrossentropy() if outputs == 1
            else keras.losses.CategoricalCrossentropy(label_smoothing=smoothing))
    model.compile(optimizer=keras_optimizer(optimizer), loss=loss, jit_compile=False)
    y = (labels[:, None] if outputs == 1 else np.eye(outputs)[labels]).astype(dtype)
    losses = []
    for xb, yb in zip(batches(features.astype(dtype)), batches(y)):
        model.reset_metrics()
        losses.append(float(model.train_on_batch(xb, yb)))
    final = model.get_weights()
    assert all(w.dtype == dtype for w in final)
    return losses, final


def torch_run(head, optimizer, dtype, features, labels, init):
    """The same with torch.optim and torch's losses on logits."""
    import torch
    outputs, smoothing = HEADS[head]
    dtype = getattr(torch, dtype)
    hidden = torch.nn.Linear(FEATURES, HIDDEN, dtype=dtype)
    output = torch.nn.Linear(HIDDEN, outputs, dtype=dtype)
    parameters = [hidden.weight, hidden.bias, output.weight, output.bias]
    with torch.no_grad():
        for p, w in zip(parameters, WEIGHTS):
            p.copy_(torch.from_numpy(init[f"{head}.{w}"].T))
    kind = {"sgd": torch.optim.SGD, "rmsprop": torch.optim.RMSprop,
            "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[optimizer.split("_")[0]]
    step = kind(parameters, **OPTIMIZERS[optimizer])
    x, y = torch.from_numpy(features).to(dtype), torch.from_numpy(labels).long()
    losses = []
    for xb, yb in zip(batches(x), batches(y)):
        logits = output(torch.relu(hidden(xb)))
        if outputs == 1:
            loss = torch.nn.functional.binary_cross_entropy_with_logits(logits[:, 0], yb.to(dtype))
        else:
            loss = torch.nn.functional.cross_entropy(logits, yb, label_smoothing=smoothing)
        step.zero_grad()
        loss.backward()
        step.step()
        losses.append(loss.item())
    return losses, [p.detach().numpy().T for p in parameters]


def run_convention(convention, features, labels, init):
    """All cases of one framework."""
    run = {"keras": keras_run, "torch": torch_run}[convention]
    out = {}
    for head in HEADS:
        for optimizer in OPTIMIZERS:
            case = f"{convention}.{head}.{optimizer}"
            for bits in ("32", "64"):
                losses, final = run(head, optimizer, f"float{bits}", features, labels[head], init)
                out[f"{case}.loss{bits}"] = np.array(losses)
                out.update({f"{case}.final{bits}.{w}": np.ascontiguousarray(v)
                            for w, v in zip(WEIGHTS, final)})
            single, double = out[f"{case}.loss32"], out[f"{case}.loss64"]
            print(f"{case}: loss {double[0]:.4f} -> {double[-1]:.4f}, "
                  f"f32 against f64 {np.abs(single - double).max():.1e}", flush=True)
    return out


def main():
    features, labels, init = problem()
    out = {"features": features}
    out.update({f"labels.{k}": v for k, v in labels.items()})
    out.update({f"init.{k}": v for k, v in init.items()})
    # A process for each: TensorFlow's and PyTorch's copies of LLVM do not share one.
    for convention in ("keras", "torch"):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            out.update(pool.apply(run_convention, (convention, features, labels, init)))
    here = os.path.dirname(os.path.abspath(__file__))
    save_file(out, os.path.join(here, "head_trajectories.safetensors"),
              metadata={name: importlib.metadata.version(name) for name in ("keras", "torch")})


if __name__ == "__main__":
    main()
