#!/usr/bin/env python3
"""Loads what `tlrun --export --export-names source` writes back into the
framework that the weights come from, and compares what the network computes
there with tlrun: torchvision's SqueezeNet 1.0 and a network with batch norms,
flattening and attention in torch; MobileNet in Keras.

    KERAS_BACKEND=tensorflow export_loads_back.py FOLDER_OF_TOOLS
"""
import os
import subprocess
import sys
import tempfile

import numpy as np

TOOLS = sys.argv[1]
SIZE = 64


def recipe(backbone, head="gap  dense(3, softmax)"):
    return f"""model m {{
  input image({SIZE}, {SIZE}, 3)
  labels "a", "b", "c"
  backbone {backbone} {{ freeze none }}
  head {{ {head} }}
  train {{ loss categorical_crossentropy  phase all {{ epochs 1  optimizer adam(lr: 1e-3) }} }}
}}
"""


def export(folder, text):
    """Compiles with drawn weights, exports, and gives the features of two inputs."""
    at = lambda name: os.path.join(folder, name)  # noqa: E731
    with open(at("m.tl"), "w") as f:
        f.write(text)
    x = np.random.default_rng(3).normal(size=(2, SIZE, SIZE, 3)).astype(np.float32)
    np.save(at("x.npy"), x)
    run = lambda tool, *rest: subprocess.run([os.path.join(TOOLS, tool), *rest], check=True)  # noqa: E731
    run("tlc", at("m.tl"), "--weights", "random:5", "-o", at("m.bin"))
    run("tlrun", at("m.bin"), "--export", at("w.safetensors"), "--export-names", "source")
    run("tlrun", at("m.bin"), "--predict", at("x.npy"), "--preprocessed", "-o", at("y.npy"))
    run("tlrun", at("m.bin"), "--predict", at("x.npy"), "--preprocessed", "--tap", "features", "-o", at("f.npy"))
    return at("w.safetensors"), x, np.load(at("f.npy")), np.load(at("y.npy"))


def compare(name, got, want):
    difference = np.abs(got - want).max() / np.abs(want).max()
    print(f"{name}: largest difference {difference:.1e} of the largest value")
    # The design's bound for a forward pass in f32.
    assert difference < 1e-4, name


def torch_squeezenet(folder):
    import torch
    import torchvision
    from safetensors.torch import load_file
    path, x, features, scores = export(folder, recipe("squeezenet1_0"))
    model = torchvision.models.squeezenet1_0().eval()
    values = load_file(path)
    result = model.load_state_dict(values, strict=False)
    # All of the backbone is there; the top is not, and the new head is new.
    assert sorted(result.missing_keys) == ["classifier.1.bias", "classifier.1.weight"], result
    assert sorted(result.unexpected_keys) == ["dense.bias", "dense.weight"], result
    head = torch.nn.Linear(512, 3)
    head.load_state_dict({name[6:]: values[name] for name in result.unexpected_keys})
    with torch.no_grad():
        maps = model.features(torch.from_numpy(x).permute(0, 3, 1, 2))
        compare("squeezenet in torch", features, maps.permute(0, 2, 3, 1).numpy())
        compare("its head", scores, head(maps.mean((2, 3))).softmax(1).numpy())


def torch_own(folder):
    """Batch norm, a depthwise convolution, and a dense layer behind a flatten."""
    import torch
    from safetensors.torch import load_file
    with open(os.path.join(folder, "small.tl"), "w") as f:
        f.write("""backbone small {
  convention torch
  preprocess torch
  conv(8, 3x3, stride: 4, padding: 1, bias: false, name: "net.0")
  batch_norm(epsilon: 1e-5, name: "net.1")
  relu
  depthwise_conv(3x3, stride: 4, padding: 1, name: "net.3")
  flatten
  dense(5, name: "net.5")
}
""")
    path, x, features, scores = export(folder, recipe("small", "dense(3, softmax)"))
    model = torch.nn.Module()
    model.net = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, 4, 1, bias=False), torch.nn.BatchNorm2d(8), torch.nn.ReLU(),
        torch.nn.Conv2d(8, 8, 3, 4, 1, groups=8), torch.nn.Flatten(), torch.nn.Linear(128, 5))
    result = model.load_state_dict(load_file(path), strict=False)
    assert all("num_batches_tracked" in name for name in result.missing_keys), result
    assert sorted(result.unexpected_keys) == ["dense.bias", "dense.weight"], result
    with torch.no_grad():
        compare("own network in torch", features, model.eval().net(torch.from_numpy(x).permute(0, 3, 1, 2)).numpy())


def keras_mobilenet(folder):
    import keras
    from safetensors.numpy import load_file
    path, x, features, scores = export(folder, recipe("mobilenet(width: 0.25)"))
    base = keras.applications.MobileNet((SIZE, SIZE, 3), 0.25, include_top=False, weights=None)
    pooled = keras.layers.GlobalAveragePooling2D()(base.output)
    model = keras.Model(base.input, keras.layers.Dense(3, "softmax", name="dense")(pooled))
    # The documented way in (runtime/tools/README.md).
    values = load_file(path)
    for layer in model.layers:
        for weight in layer.weights:
            weight.assign(values.pop(f"{layer.name}/{weight.name}"))
    assert not values, list(values)
    compare("mobilenet in Keras", features, base.predict(x, verbose=0))
    compare("its head", scores, model.predict(x, verbose=0))


for case in (torch_squeezenet, torch_own, keras_mobilenet):
    with tempfile.TemporaryDirectory() as folder:
        case(folder)
