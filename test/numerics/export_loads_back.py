#!/usr/bin/env python3
"""Loads what `tlrun --export --export-names source` writes back into the
framework that the weights come from, and compares what the network computes
there with tlrun.

Of every family: the framework's own weights (zoo.py's, every statistic and bias
other than its default), all frozen, a head trained for an epoch on twelve
pictures; the export goes into the framework's network for three classes, with
nothing missing and nothing left over (torch: strict=True). VGG's and
SqueezeNet's tops are too much of their own: theirs is one dense layer behind an
average, set into the module. Then a network of the user's own, from its first
weights on.

    export_loads_back.py FOLDER_OF_TOOLS [NAME ...]

Needs torch, torchvision, timm, keras, safetensors and Pillow. With torch 2.15,
torchvision 0.29, timm 1.0.31 and Keras 3.15 all 25 load; of the largest logit the
scores before the softmax differ by at most 2.2e-6 (vit_tiny_patch16; the others of
torch 1.8e-6, of Keras 1.8e-6).
"""
import dataclasses
import os
import subprocess
import sys
import tempfile

import numpy as np
from safetensors.numpy import load_file

import zoo

TOOLS = sys.argv[1]
CLASSES = 3
# The design's bound for a forward pass in f32, of the largest value.
BOUND = 1e-4


def recipe(backbone, size, weights, freeze, head):
    return f"""model m {{
  input image({size}, {size}, 3)
  labels "a", "b", "c"
  backbone {backbone} {{ {weights}  freeze {freeze} }}
  head {{ {head} }}
  train {{ loss categorical_crossentropy  phase all {{ epochs 1  optimizer adam(lr: 1e-2) }} }}
}}
"""


def write_pictures(folder, size):
    from PIL import Image
    random = np.random.default_rng(4)
    for label in "abc":
        os.makedirs(os.path.join(folder, label))
        for i in range(4):
            pixels = random.integers(0, 256, (size, size, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(os.path.join(folder, label, f"{i}.png"))


def export(folder, text, size, *options):
    """Compiles, trains and exports: (values, two inputs, logits, scores)."""
    at = lambda name: os.path.join(folder, name)  # noqa: E731
    with open(at("m.tl"), "w") as f:
        f.write(text)
    write_pictures(at("pictures"), size)
    x = np.random.default_rng(3).normal(size=(2, size, size, 3)).astype(np.float32)
    np.save(at("x.npy"), x)

    def run(tool, *rest):
        done = subprocess.run([os.path.join(TOOLS, tool), *rest], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{tool} {' '.join(rest)}: {done.stdout}{done.stderr}")

    run("tlc", at("m.tl"), *options, "-o", at("m.bin"), "--target", "x86-64-v3")
    run("tlrun", at("m.bin"), "--train", at("pictures"), "-o", at("t.bin"), "--no-report", "--no-cache")
    run("tlrun", at("t.bin"), "--export", at("w.safetensors"), "--export-names", "source")
    for tap in ("logits", "scores"):
        run("tlrun", at("t.bin"), "--predict", at("x.npy"), "--preprocessed", "--tap", tap, "-o", at(f"{tap}.npy"))
    return load_file(at("w.safetensors")), x, np.load(at("logits.npy")), np.load(at("scores.npy"))


def compare(name, got, want):
    difference = np.abs(got - want).max() / np.abs(want).max()
    print(f"{name}: largest difference {difference:.1e} of the largest value", flush=True)
    assert got.shape == want.shape and difference < BOUND, name


# ------------------------------------------------------------------- torch


def average_and_dense(model, width):
    import torch
    model.avgpool = torch.nn.AdaptiveAvgPool2d(1)
    model.classifier = torch.nn.Linear(width, CLASSES)


def dense(name):
    return f'gap  dense({CLASSES}, softmax, name: "{name}")'


# The name in zoo.py: the head that the framework's own top is, or what stands
# for it there.
TORCH = {
    "vgg16_torch": (dense("classifier"), lambda model: average_and_dense(model, 512)),
    "vgg16_bn": (dense("classifier"), lambda model: average_and_dense(model, 512)),
    "squeezenet1_1": (f'conv({CLASSES}, 1x1, name: "classifier.1")  relu  gap  softmax', None),
    "resnet18": (dense("fc"), None),
    "resnet50_torch": (dense("fc"), None),
    "inception_v3_torch": (dense("fc"), None),
    "densenet121_torch": (dense("classifier"), None),
    "mobilenet_v2_torch": (dense("classifier.1"), None),
    "mobilenet_v3_small_torch": (
        f'gap  dense(1024, hard_swish, name: "classifier.0")  dense({CLASSES}, softmax, name: "classifier.3")', None),
    "efficientnet_b0_torch": (dense("classifier.1"), None),
    "convnext_tiny_torch": (
        f'gap  layer_norm(epsilon: 1e-6, name: "classifier.0")  dense({CLASSES}, softmax, name: "classifier.2")', None),
    "vit_b_16": (f'dense({CLASSES}, softmax, name: "heads.head")', None),
    "vit_tiny_patch16": (f'dense({CLASSES}, softmax, name: "head")', None),
    "deit_tiny_patch16": (f'dense({CLASSES}, softmax, name: "head")', None),
    "vit_timm(dim: 96, depth: 3, heads: 3, patch: 8, mean_pooling: true)":
        (f'dense({CLASSES}, softmax, name: "head")', None),
}


def torch_network(network, folder):
    import torch
    import zoo_torch
    head, finish = TORCH[network.name]
    _, state = zoo_torch.build(network, network.size)
    file = os.path.join(folder, "given.pth")
    torch.save(state, file)
    text = recipe(network.name, network.size, f'weights "{file}"', "all", head)
    values, x, logits, scores = export(folder, text, network.size)
    options = dict(network.options, num_classes=CLASSES)
    if network.original == "inception_v3":
        model = zoo_torch.torchvision.models.inception_v3(aux_logits=False, init_weights=False, num_classes=CLASSES)
    else:
        model = zoo_torch.create(dataclasses.replace(network, options=options), network.size)
    if finish:
        finish(model)
    model.load_state_dict({name: torch.from_numpy(value) for name, value in values.items()}, strict=True)
    with torch.inference_mode():
        there = model.eval()(torch.from_numpy(x).permute(0, 3, 1, 2))
    compare(network.name, logits.reshape(there.shape), there.numpy())
    compare(network.name + "'s scores", scores.reshape(there.shape), there.softmax(1).numpy())


def torch_own(folder):
    """Batch norm, a depthwise convolution, and a dense layer behind a flatten."""
    import torch
    with open(os.path.join(folder, "small.tl"), "w") as f:
        f.write("""backbone small {
  convention torch
  preprocess torch
  conv(8, 3x3, stride: 4, padding: 1, bias: false, name: "0")
  batch_norm(epsilon: 1e-5, name: "1")
  relu
  depthwise_conv(3x3, stride: 4, padding: 1, name: "3")
  flatten
  dense(5, name: "5")
}
""")
    text = recipe("small", 64, "", "none", f'dense({CLASSES}, softmax, name: "6")')
    values, x, logits, _ = export(folder, text, 64)
    model = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, 4, 1, bias=False), torch.nn.BatchNorm2d(8), torch.nn.ReLU(),
        torch.nn.Conv2d(8, 8, 3, 4, 1, groups=8), torch.nn.Flatten(), torch.nn.Linear(128, 5), torch.nn.Linear(5, 3))
    model.load_state_dict({name: torch.from_numpy(value) for name, value in values.items()}, strict=True)
    with torch.no_grad():
        there = model.eval()(torch.from_numpy(x).permute(0, 3, 1, 2)).numpy()
    compare("own network in torch", logits.reshape(there.shape), there)


# ------------------------------------------------------------------- Keras

KERAS = ("vgg16", "resnet50", "inception_v3", "densenet121", "mobilenet", "mobilenet_v2", "mobilenet_v3_small",
         "efficientnet_b0", "convnext_tiny")


def keras_network(network, folder):
    import keras
    import zoo_keras
    base = zoo_keras.build(network, network.size, False)
    file = os.path.join(folder, "given.weights.h5")
    base.save_weights(file)
    text = recipe(network.name, network.size, f'weights "{file}"', "all", f"gap  dense({CLASSES}, softmax)")
    values, x, logits, _ = export(folder, text, network.size)
    base = zoo_keras.create(network, network.size, False)
    pooled = keras.layers.GlobalAveragePooling2D()(base.output)
    model = keras.Model(base.input, keras.layers.Dense(CLASSES, name="dense")(pooled))
    # The documented way in (runtime/tools/README.md).
    layers = list(model.layers)
    for layer in layers:
        layers += getattr(layer, "layers", [])
        if hasattr(layer, "layers"):
            continue
        for weight in layer.weights:
            name = "variable" if weight.name.startswith("variable_") else weight.name
            weight.assign(values.pop(f"{layer.name}/{name}"))
    assert not values, list(values)
    compare(network.name + " in Keras", logits.reshape(2, CLASSES), model.predict(x, verbose=0))


def main():
    networks = {network.name: network for network in zoo.NETWORKS}
    names = sys.argv[2:]
    if not names:
        # A process each: torch and TensorFlow do not load into the same one.
        for name in [*TORCH, *KERAS, "own"]:
            if subprocess.run([sys.executable, __file__, TOOLS, name], stderr=subprocess.DEVNULL).returncode:
                sys.exit(f"{name} failed")
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            if name == "own":
                torch_own(folder)
            elif name in TORCH:
                torch_network(networks[name], folder)
            else:
                keras_network(networks[name], folder)


main()
