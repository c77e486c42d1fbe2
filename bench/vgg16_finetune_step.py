#!/usr/bin/env python3
"""A step of fine-tuning VGG16's last four layers, against Keras and PyTorch.

The second phase of examples/03-fine-tuning, batch 20, 150x150: block 5 and the
dense head train. Ours starts from the features that it has for every picture
(what lies below block 5 is a function of the picture); the peers run the step
that their users run, the whole network each time. A control row gives PyTorch
those features too, so that cache and kernels are told apart. Random weights:
speed does not depend on them. Rounds alternate between all sides, so that all
see the same machine in the same minutes; the ratios are those of the medians.
Needs numpy, keras with TensorFlow, and torch with torchvision; a peer that is
not installed is left out, and the row says so.

    python3 bench/vgg16_finetune_step.py build/release/bin
"""
import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import tempfile
import time

RECIPE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "examples", "03-fine-tuning", "model.tl")
SIDE, STEPS = 150, 3


def timed(step):
    began = time.perf_counter()
    step()
    return time.perf_counter() - began


def ours(tlrun, model, batch, threads):
    """Median seconds of the entry `train_step.finetune`, as tlrun measures it."""
    out = subprocess.run([tlrun, model, "--bench", "--batch", str(batch), "--threads", str(threads), "--json"],
                         check=True, capture_output=True, text=True).stdout
    for line in json.loads(out)["entries"]:
        if line["entry"] == "train_step.finetune":
            return line["median_seconds"]
    raise SystemExit(f"no entry `train_step.finetune` in: {out}")


def keras_step(batch, threads):
    """Keras as the article writes it: base.layers[-4:] trainable, one batch."""
    os.environ.update(KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")
    import tensorflow as tf
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    import keras
    import numpy as np
    base = keras.applications.VGG16(weights=None, include_top=False, input_shape=(SIDE, SIDE, 3))
    for layer in base.layers[:-4]:
        layer.trainable = False
    model = keras.Sequential([base, keras.layers.Flatten(), keras.layers.Dense(256, activation="relu"),
                              keras.layers.Dense(1, activation="sigmoid")])
    model.compile(optimizer=keras.optimizers.RMSprop(1e-5), loss="binary_crossentropy")
    x = np.random.default_rng(0).random((batch, SIDE, SIDE, 3), np.float32)
    y = (np.arange(batch) % 2).astype("float32")[:, None]
    return lambda: model.train_on_batch(x, y)


def torch_step(batch, threads, cached):
    """PyTorch, eager, channels last; `cached`: from block 5's input on."""
    import torch
    from torch import nn
    from torchvision.models import vgg16
    torch.set_num_threads(threads)
    layers = vgg16(weights=None).features
    for parameter in layers[:24].parameters():
        parameter.requires_grad_(False)
    head = nn.Sequential(nn.Flatten(), nn.Linear(8192, 256), nn.ReLU(), nn.Linear(256, 1))
    network = nn.Sequential(layers[24:] if cached else layers, head).to(memory_format=torch.channels_last)
    trained = [p for p in network.parameters() if p.requires_grad]
    optimizer = torch.optim.RMSprop(trained, lr=1e-5, alpha=0.9, eps=1e-7)
    shape = (batch, 512, 9, 9) if cached else (batch, 3, SIDE, SIDE)
    x = torch.rand(shape).to(memory_format=torch.channels_last)
    y = (torch.arange(batch) % 2).float()[:, None]
    loss = nn.BCEWithLogitsLoss()

    def step():
        optimizer.zero_grad()
        loss(network(x), y).backward()
        optimizer.step()

    return step


def installed(*modules):
    return all(importlib.util.find_spec(module) for module in modules)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bin", help="the folder that holds tlc and tlrun")
    parser.add_argument("--batch", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    tlc, tlrun = (os.path.join(args.bin, tool) for tool in ("tlc", "tlrun"))
    steps = {}
    if installed("torch", "torchvision"):
        steps["pytorch"] = torch_step(args.batch, args.threads, cached=False)
        steps["pytorch_cached_features"] = torch_step(args.batch, args.threads, cached=True)
    if installed("keras", "tensorflow"):
        steps["keras"] = keras_step(args.batch, args.threads)
    for step in steps.values():
        step()
    seconds = {name: [] for name in ["tlrun", *steps]}
    with tempfile.TemporaryDirectory() as folder:
        model = os.path.join(folder, "model.bin")
        subprocess.run([tlc, RECIPE, "--weights", "random:0", "-o", model], check=True)
        for _ in range(args.rounds):
            for name, step in steps.items():
                seconds[name] += [timed(step) for _ in range(STEPS)]
            time.sleep(0.5)
            seconds["tlrun"].append(ours(tlrun, model, args.batch, args.threads))
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    print(json.dumps({
        "job": "vgg16 last 4 layers, one step", "batch": args.batch, "threads": args.threads,
        "median_seconds": {name: round(value, 4) for name, value in medians.items()},
        "spread": {name: [round(min(v), 4), round(max(v), 4)] for name, v in seconds.items()},
        "ratios": {name: round(value / medians["tlrun"], 2) for name, value in medians.items() if name != "tlrun"},
        "not_installed": [p for p, m in (("keras", "keras"), ("pytorch", "torch")) if not installed(m)]}))


if __name__ == "__main__":
    main()
