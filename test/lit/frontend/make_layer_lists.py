#!/usr/bin/env python3
"""Writes the layer lists of the reference frameworks as lit expectations.

For each backbone builds the framework's own model without weights and writes
<name>-layers.tl: a model that uses the backbone with its top, and one CHECK
line a layer: index, name, Keras class, output shape and number of weights. The
list is Keras's `model.layers`, or the order in which torchvision's modules run.
Needs keras, tensorflow, torch and torchvision.

    python3 test/lit/frontend/make_layer_lists.py keras
    python3 test/lit/frontend/make_layer_lists.py torch

One framework a run: TensorFlow and PyTorch do not load into one process
everywhere.
"""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
def write(name, use, shape, origin, rows, total):
    """rows: index, name, class, output shape, weights."""
    lines = [
        f"// The layer list of {use} is {origin}.",
        "// Written by make_layer_lists.py.",
        "// RUN: tl-translate --summary %s | FileCheck %s --strict-whitespace",
        f"model m {{ input image({', '.join(map(str, shape))})  backbone {use} {{ include_top true }} }}",
        "",
    ]
    for row, (index, layer, kind, out, weights) in enumerate(rows):
        cells = [str(index), layer, kind, " x ".join(map(str, out)), f"{weights:,}", "-"]
        lines.append(f"// CHECK{'-NEXT' if row else ''}: {{{{^ *}}}}{'{{ +}}'.join(cells)}{{{{$}}}}")
    lines.append(f"// CHECK-NEXT: {total:,} weights, 0 of them trained")
    with open(os.path.join(HERE, f"{name}-layers.tl"), "w") as f:
        f.write("\n".join(lines) + "\n")


def write_keras(name, use, model, version):
    rows = [(index, "(input)" if index == 0 else layer.name, type(layer).__name__,
             layer.output.shape[1:], layer.count_params())
            for index, layer in enumerate(model.layers)]
    write(name, use, model.input_shape[1:], f"Keras {version}'s model.layers",
          rows, model.count_params())


# A Fire module's own output is its concatenation.
KERAS_CLASSES = {"ReLU": "ReLU", "Conv2d": "Conv2D", "MaxPool2d": "MaxPooling2D", "Fire": "Concatenate",
                 "Dropout": "Dropout", "AdaptiveAvgPool2d": "GlobalAveragePooling2D"}


def write_squeezenet():
    import torch
    import torchvision

    net, rows = torchvision.models.squeezenet1_0(weights=None).eval(), []

    def note(name):
        def hook(module, inputs, output):
            kind = type(module).__name__
            shape = list(output.shape[1:])
            shape = shape[:1] if kind == "AdaptiveAvgPool2d" else shape[1:] + shape[:1]
            weights = 0 if kind == "Fire" else sum(p.numel() for p in module.parameters())
            rows.append((len(rows), name, KERAS_CLASSES[kind], shape, weights))
        return hook

    for name, module in net.named_modules():
        if type(module).__name__ in KERAS_CLASSES:
            module.register_forward_hook(note(name))
    net(torch.zeros(1, 3, 224, 200))
    rows.append((len(rows), "softmax", "Softmax", rows[-1][3], 0))  # ours
    write("squeezenet", "squeezenet1_0", (224, 200, 3), f"torchvision {torchvision.__version__.split('+')[0]}'s modules in execution order",
          rows, sum(p.numel() for p in net.parameters()))


def write_all_keras():
    import keras

    apps = keras.applications
    models = [
        ("vgg16", "vgg16", lambda: apps.VGG16(weights=None)),
        ("mobilenet", "mobilenet(width: 0.25)",
         lambda: apps.MobileNet((224, 224, 3), alpha=0.25, weights=None)),
        # A width whose filters are no whole numbers: Keras's int(filters * alpha).
        ("mobilenet-odd-width", "mobilenet(width: 0.33)",
         lambda: apps.MobileNet((160, 192, 3), alpha=0.33, weights=None)),
    ]
    for name, use, build in models:
        keras.backend.clear_session()
        write_keras(name, use, build(), keras.__version__)


if __name__ == "__main__":
    {"keras": write_all_keras, "torch": write_squeezenet}[sys.argv[1]]()
