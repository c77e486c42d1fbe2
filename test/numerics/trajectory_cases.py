"""The cases: networks and what of them is trained, with a recipe for tlc and the
initial weights by canonical name (`layer.weight`, canonical layout: convolutions
[height, width, in, out], dense layers [in, out]).

Pictures are of the network's size, so that nothing is resized, in folders a, b, c,
... whose order without shuffling is the order of `inputs`. Sizes are such that
thirty steps take seconds; the networks are the real ones but for ViT, which is the
usual block twice. See trajectories.py.
"""
import functools
import os

import numpy as np

from trajectories import he_uniform, normalise, pictures, save_safetensors, uniform


class Case:
    """name, size, classes, batch, epochs (of each phase), labels [n], pixels uint8
    [n, size, size, 3], inputs float32 (as the network reads them), weights,
    trained (names of weights), recipe, backbone (text of a file beside it, or None),
    head_layers (which the weight file does not hold), weight_file (its name),
    write_weights(path)."""

    def __init__(self, name, size, classes, each, batch, epochs, preprocess, seed=""):
        self.name, self.size, self.classes, self.batch, self.epochs = name, size, classes, batch, epochs
        self.pixels, self.labels = pictures(name + seed, classes, each, size)
        self.inputs = preprocess(self.pixels)
        self.weights, self.backbone = {}, None

    def batches(self, variant=0):
        """(phase, inputs, labels) of each step. Another variant turns the pictures of each
        batch by so many places, which changes the order of sums and nothing else."""
        for phase, epochs in enumerate(self.epochs):
            for _ in range(epochs):
                for at in range(0, len(self.labels), self.batch):
                    rows = at + (np.arange(self.batch) + variant) % self.batch
                    yield phase, self.inputs[rows], self.labels[rows]

    def add(self, layer, **weights):
        self.weights.update({f"{layer}.{weight}": value for weight, value in weights.items()})

    def add_dense(self, layer, inputs, outputs, gain=1.0):
        self.add(layer, kernel=he_uniform(f"{self.name}.{layer}.k", (inputs, outputs), inputs, gain),
                 bias=uniform(f"{self.name}.{layer}.b", (outputs,), -0.05, 0.05))

    def add_batch_norm(self, layer, channels):
        seed = f"{self.name}.{layer}"
        self.add(layer, gamma=uniform(seed + ".g", (channels,), 0.8, 1.2),
                 beta=uniform(seed + ".b", (channels,), -0.1, 0.3),
                 moving_mean=uniform(seed + ".m", (channels,), -0.2, 0.2),
                 moving_variance=uniform(seed + ".v", (channels,), 0.7, 1.4))

    def layers(self):
        """The weights, grouped: {layer: {weight: value}}."""
        grouped = {}
        for name, value in self.weights.items():
            layer, weight = name.rsplit(".", 1)
            grouped.setdefault(layer, {})[weight] = value
        return grouped


def grey(pixels):
    """[..., 3] to [..., 1], as Pillow's convert("L")."""
    luma = (pixels.astype(np.uint32) @ np.array([19595, 38470, 7471], np.uint32) + 0x8000) >> 16
    return luma[..., None].astype(np.uint8)


def write_keras_h5(path, layers):
    """A Keras weights-only file: {layer: {weight's name in the file: value}} in order."""
    import h5py
    with h5py.File(path, "w") as f:
        f.attrs["layer_names"] = [layer.encode() for layer in layers]
        f.attrs["backend"] = b"tensorflow"
        f.attrs["keras_version"] = b"2.0.0"
        for layer, weights in layers.items():
            group = f.create_group(layer)
            group.attrs["weight_names"] = [name.encode() for name in weights]
            for name, value in weights.items():
                group[name] = value


def torch_name(name):
    layer, weight = name.rsplit(".", 1)
    words = {"kernel": "weight", "gamma": "weight", "beta": "bias", "moving_mean": "running_mean",
             "moving_variance": "running_var", "in_proj_kernel": "in_proj_weight",
             "out_proj_kernel": "out_proj.weight", "out_proj_bias": "out_proj.bias"}
    return layer if weight in ("token", "position", "scale") else f"{layer}.{words.get(weight, weight)}"


def to_torch(name, value):
    """A canonical weight in torch's layout."""
    if name.endswith(("cls_token.token", "pos_embed.position")):
        return value.reshape((1,) * (3 - value.ndim) + value.shape)
    if name.endswith(".scale"):
        return value.reshape(-1, 1, 1)
    if not name.endswith("kernel"):
        return value
    return value.transpose(3, 2, 0, 1) if value.ndim == 4 else value.T


def from_torch(name, value):
    """The other way."""
    if name.endswith(("cls_token.token", "pos_embed.position")):
        return value.reshape(value.shape[1 if name.endswith("position") else 2:])
    if name.endswith(".scale"):
        return value.reshape(-1)
    if not name.endswith("kernel"):
        return value
    return value.transpose(2, 3, 1, 0) if value.ndim == 4 else value.T


def write_torch(case, path):
    save_safetensors(path, {torch_name(name): np.ascontiguousarray(to_torch(name, value))
                            for name, value in case.weights.items()
                            if name.rsplit(".", 1)[0] not in case.head_layers})


@functools.cache
def vgg16():
    """Two phases: the head, then the last four layers of the base as well. The pictures' seed is
    one with which no ReLU's input comes so near zero that the precisions part over its sign, nor
    direct convolutions and Winograd's: with most others they end up to 8 % of the way apart,
    Keras's own two precisions among them."""
    case = Case("vgg16", size=48, classes=2, each=12, batch=8, epochs=(5, 5),
                preprocess=lambda p: normalise(p, mean=(103.939, 116.779, 123.68), bgr=True), seed=".g")
    width = 3
    for b, (filters, convolutions) in enumerate([(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)], 1):
        for i in range(1, convolutions + 1):
            layer = f"block{b}_conv{i}"
            # Pixels reach 128; behind the first layer values are about one.
            gain = 1 / 64 if width == 3 else 1.0
            case.add(layer, kernel=he_uniform(f"vgg16.{layer}.k", (3, 3, width, filters), 9 * width, gain),
                     bias=uniform(f"vgg16.{layer}.b", (filters,), -0.02, 0.02))
            width = filters
    case.add_dense("hidden", 512, 32)
    case.add_dense("score", 32, 1)
    case.head_layers = ["hidden", "score"]
    case.trained = [name for name in case.weights if name.startswith(("block5", "hidden", "score"))]
    case.weight_file = "vgg16.h5"
    case.write_weights = lambda path: write_keras_h5(
        path, {layer: {f"{layer}_W_1:0": weights["kernel"], f"{layer}_b_1:0": weights["bias"]}
               for layer, weights in case.layers().items() if layer not in case.head_layers})
    case.recipe = """model vgg16_trajectory {
  input image(48, 48, 3)
  backbone vgg16 { weights "vgg16.h5"  freeze all }
  head { flatten  dense(32, relu, name: "hidden")  dense(1, sigmoid, name: "score") }
  train {
    batch 8
    loss  binary_crossentropy
    phase head { epochs 5  optimizer rmsprop(lr: 3e-4) }
    phase tune { epochs 5  optimizer rmsprop(lr: 1e-5)  unfreeze backbone[-4:] }
  }
}
"""
    return case


@functools.cache
def resnet20():
    """Every layer, with batch norms in training mode."""
    case = Case("resnet20", size=32, classes=4, each=8, batch=16, epochs=(15,),
                preprocess=lambda p: normalise(p, 1 / 255, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))

    def conv_and_norm(conv, norm, inputs, filters):
        case.add(conv, kernel=he_uniform(f"resnet20.{conv}", (3, 3, inputs, filters), 9 * inputs))
        case.add_batch_norm(norm, filters)

    conv_and_norm("conv1", "bn1", 3, 16)
    width = 16
    for stage, filters in ((1, 16), (2, 32), (3, 64)):
        for block in range(3):
            name = f"layer{stage}.{block}"
            conv_and_norm(f"{name}.conv1", f"{name}.bn1", width, filters)
            conv_and_norm(f"{name}.conv2", f"{name}.bn2", filters, filters)
            width = filters
    # Branches that start small, as training in earnest has them (P. Goyal et al., 2017, start
    # at zero), keep rounding from growing from layer to layer and step to step.
    for name in case.weights:
        if name.endswith("bn2.gamma"):
            case.weights[name] = case.weights[name] * np.float32(0.25)
    case.add_dense("score", 64, 4)
    case.head_layers = ["score"]
    case.trained = list(case.weights)
    case.weight_file = "resnet20.safetensors"
    case.write_weights = functools.partial(write_torch, case)
    case.recipe = """model resnet20_trajectory {
  input image(32, 32, 3)
  backbone resnet20 { weights "resnet20.safetensors"  freeze none }
  head { gap  dense(4, softmax, name: "score") }
  train {
    batch 16
    loss  categorical_crossentropy
    convention torch
    phase all { epochs 15  optimizer sgd(lr: 5e-3, momentum: 0.9, weight_decay: 1e-4)  batch_norm train }
  }
}
"""
    return case


# (index, filters at width 1, stride) of Keras's depthwise blocks.
MOBILENET = [(1, 64, 1), (2, 128, 2), (3, 128, 1), (4, 256, 2), (5, 256, 1), (6, 512, 2), (7, 512, 1),
             (8, 512, 1), (9, 512, 1), (10, 512, 1), (11, 512, 1), (12, 1024, 2), (13, 1024, 1)]


@functools.cache
def mobilenet_tail():
    """From conv_pw_11 on; batch norms keep their statistics and train the rest."""
    case = Case("mobilenet_tail", size=64, classes=3, each=16, batch=8, epochs=(5,),
                preprocess=lambda p: normalise(p, 1 / 127.5, (1, 1, 1)))
    case.add("conv1", kernel=he_uniform("mobilenet.conv1", (3, 3, 3, 8), 27))
    case.add_batch_norm("conv1_bn", 8)
    width = 8
    for i, filters, _ in MOBILENET:
        filters //= 4
        case.add(f"conv_dw_{i}", kernel=he_uniform(f"mobilenet.dw{i}", (3, 3, 1, width), 9))
        case.add_batch_norm(f"conv_dw_{i}_bn", width)
        case.add(f"conv_pw_{i}", kernel=he_uniform(f"mobilenet.pw{i}", (1, 1, width, filters), width))
        case.add_batch_norm(f"conv_pw_{i}_bn", filters)
        width = filters
    case.add_dense("score", 256, 3)
    names = list(case.weights)
    case.trained = [name for name in names[names.index("conv_pw_11.kernel"):] if ".moving_" not in name]
    case.head_layers = ["score"]
    case.weight_file = "mobilenet.h5"

    def write(path):
        layers = {}
        for layer, weights in case.layers().items():
            if layer not in case.head_layers:
                # Keras's depthwise kernels are [height, width, channels, 1].
                depthwise = layer.startswith("conv_dw") and "kernel" in weights
                layers[layer] = ({f"{layer}/depthwise_kernel:0": weights["kernel"].transpose(0, 1, 3, 2)}
                                 if depthwise else
                                 {f"{layer}/{weight}:0": value for weight, value in weights.items()})
        write_keras_h5(path, layers)

    case.write_weights = write
    case.recipe = """model mobilenet_trajectory {
  input image(64, 64, 3)
  backbone mobilenet(width: 0.25) { weights "mobilenet.h5"  freeze [:"conv_pw_11"] }
  head { gap  dense(3, softmax, name: "score") }
  train {
    batch 8
    loss  categorical_crossentropy
    convention torch
    phase tail { epochs 5  optimizer adam(lr: 1e-3) }
  }
}
"""
    return case


@functools.cache
def resnet18_tail():
    """torchvision's network, whose last block trains; batch norms keep their statistics."""
    case = Case("resnet18_tail", size=64, classes=3, each=16, batch=8, epochs=(5,),
                preprocess=lambda p: normalise(p, 1 / 255, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))

    def unit(conv, norm, side, width, filters, damped=1.0):
        case.add(conv, kernel=he_uniform(f"resnet18.{conv}", (side, side, width, filters), side * side * width))
        case.add_batch_norm(norm, filters)
        case.weights[f"{norm}.gamma"] = case.weights[f"{norm}.gamma"] * np.float32(damped)

    unit("conv1", "bn1", 7, 3, 64)
    width = 64
    for stage, filters in enumerate((64, 128, 256, 512), 1):
        for i in (0, 1):
            name = f"layer{stage}.{i}"
            unit(f"{name}.conv1", f"{name}.bn1", 3, width, filters)
            # What closes a branch is small, so that sums stay near one.
            unit(f"{name}.conv2", f"{name}.bn2", 3, filters, filters, 0.25)
            if width != filters:
                unit(f"{name}.downsample.0", f"{name}.downsample.1", 1, width, filters)
            width = filters
    case.add_dense("score", 512, 3)
    case.head_layers = ["score"]
    case.trained = [name for name in case.weights
                    if name.startswith(("layer4.1.", "score.")) and ".moving_" not in name]
    case.weight_file = "resnet18.safetensors"
    case.write_weights = functools.partial(write_torch, case)
    case.recipe = """model resnet18_trajectory {
  input image(64, 64, 3)
  backbone resnet18 { weights "resnet18.safetensors"  freeze [:"layer4.1.conv1"] }
  head { gap  dense(3, softmax, name: "score") }
  train {
    batch 8
    loss  categorical_crossentropy
    convention torch
    phase tail { epochs 5  optimizer sgd(lr: 5e-4, momentum: 0.9) }
  }
}
"""
    return case


@functools.cache
def vit():
    """Two blocks of a pre-norm vision transformer, every weight."""
    case = Case("vit", size=32, classes=4, each=12, batch=8, epochs=(5,),
                preprocess=lambda p: normalise(p, 1 / 127.5, (1, 1, 1)))
    width, mlp, tokens = 48, 96, 17

    def norm(layer):
        case.add(layer, gamma=uniform(f"vit.{layer}.g", (width,), 0.8, 1.2),
                 beta=uniform(f"vit.{layer}.b", (width,), -0.1, 0.1))

    case.add("patch_embed.proj", kernel=he_uniform("vit.patch", (8, 8, 3, width), 192, 0.7),
             bias=uniform("vit.patch.b", (width,), -0.05, 0.05))
    case.add("cls_token", token=uniform("vit.cls", (width,), -0.5, 0.5))
    case.add("pos_embed", position=uniform("vit.pos", (tokens, width), -0.5, 0.5))
    for block in (0, 1):
        name = f"blocks.{block}"
        norm(f"{name}.norm1")
        case.add(f"{name}.attn",
                 in_proj_kernel=he_uniform(f"vit.{name}.in", (width, 3 * width), width, 0.8),
                 in_proj_bias=uniform(f"vit.{name}.in.b", (3 * width,), -0.1, 0.1),
                 out_proj_kernel=he_uniform(f"vit.{name}.out", (width, width), width, 0.7),
                 out_proj_bias=uniform(f"vit.{name}.out.b", (width,), -0.1, 0.1))
        norm(f"{name}.norm2")
        case.add_dense(f"{name}.fc1", width, mlp, 0.7)
        case.add_dense(f"{name}.fc2", mlp, width, 0.7)
    norm("norm")
    case.add_dense("score", width, 4, 0.5)
    case.head_layers = ["score"]
    case.trained = list(case.weights)
    case.weight_file = "vit.safetensors"
    case.write_weights = functools.partial(write_torch, case)
    case.backbone = ("vit_two.tl", """backbone vit_two {
  convention torch
  preprocess tf
  conv(48, 8x8, stride: 8, padding: valid, name: "patch_embed.proj")
  tokens
  class_token(name: "cls_token")
  position(name: "pos_embed")
  for i in 0..1 {
    add {
      branch { }
      branch { layer_norm(name: "blocks.{i}.norm1")  attention(3, name: "blocks.{i}.attn") }
    }
    add {
      branch { }
      branch {
        layer_norm(name: "blocks.{i}.norm2")
        dense(96, gelu, name: "blocks.{i}.fc1")
        dense(48, name: "blocks.{i}.fc2")
      }
    }
  }
  layer_norm(name: "norm")
  first_token
}
""")
    case.recipe = """model vit_trajectory {
  input image(32, 32, 3)
  backbone vit_two { weights "vit.safetensors"  freeze none }
  head { dense(4, softmax, name: "score") }
  train {
    batch 8
    loss  categorical_crossentropy
    convention torch
    phase all { epochs 5  optimizer adamw(lr: 1e-3, epsilon: 1e-5, weight_decay: 0.01) }
  }
}
"""
    return case


@functools.cache
def vit_tail():
    """The last two blocks of ViT Tiny, its last norm and a head, on pictures of 4 x 4 patches."""
    case = Case("vit_tail", size=64, classes=3, each=16, batch=8, epochs=(5,),
                preprocess=lambda p: normalise(p, 1 / 127.5, (1, 1, 1)))
    width, tokens = 192, 17

    def norm(layer):
        case.add(layer, gamma=uniform(f"vit_tail.{layer}.g", (width,), 0.8, 1.2),
                 beta=uniform(f"vit_tail.{layer}.b", (width,), -0.1, 0.1))

    case.add("patch_embed.proj", kernel=he_uniform("vit_tail.patch", (16, 16, 3, width), 768, 0.7),
             bias=uniform("vit_tail.patch.b", (width,), -0.05, 0.05))
    case.add("cls_token", token=uniform("vit_tail.cls", (width,), -0.5, 0.5))
    case.add("pos_embed", position=uniform("vit_tail.pos", (tokens, width), -0.5, 0.5))
    for block in range(12):
        name = f"blocks.{block}"
        norm(f"{name}.norm1")
        case.add_dense(f"{name}.attn.qkv", width, 3 * width, 0.8)
        case.add_dense(f"{name}.attn.proj", width, width, 0.5)
        norm(f"{name}.norm2")
        case.add_dense(f"{name}.mlp.fc1", width, 4 * width, 0.7)
        case.add_dense(f"{name}.mlp.fc2", 4 * width, width, 0.5)
    norm("norm")
    case.add_dense("score", width, 3, 0.5)
    names = list(case.weights)
    case.trained = names[names.index("blocks.10.norm1.gamma"):]
    case.head_layers = ["score"]
    case.weight_file = "vit.safetensors"
    case.write_weights = functools.partial(write_torch, case)
    case.recipe = """model vit_tail_trajectory {
  input image(64, 64, 3)
  backbone vit_tiny_patch16 { weights "vit.safetensors"  freeze [:"blocks.10.norm1"] }
  head { dense(3, softmax, name: "score") }
  train {
    batch 8
    loss  categorical_crossentropy
    convention torch
    phase tail { epochs 5  optimizer adamw(lr: 1e-4, epsilon: 1e-5, weight_decay: 0.01) }
  }
}
"""
    return case


@functools.cache
def gates():
    """A squeeze and excitation, a depthwise convolution of 5 x 5, a norm and an MLP on maps with
    the tanh form of GELU, a layer scale: what MobileNetV3 and ConvNeXt are made of, every weight."""
    case = Case("gates", size=32, classes=3, each=16, batch=8, epochs=(5,),
                preprocess=lambda p: normalise(p, 1 / 127.5, (1, 1, 1)))
    dense = lambda layer, *shape, fan_in: case.add(  # noqa: E731
        layer, kernel=he_uniform(f"gates.{layer}.k", shape, fan_in),
        bias=uniform(f"gates.{layer}.b", shape[-1:], -0.1, 0.1))
    dense("conv1", 3, 3, 3, 16, fan_in=27)
    dense("squeeze", 1, 1, 16, 8, fan_in=16)
    dense("excite", 1, 1, 8, 16, fan_in=8)
    dense("dw", 5, 5, 1, 16, fan_in=25)
    case.add("norm", gamma=uniform("gates.norm.g", (16,), 0.8, 1.2), beta=uniform("gates.norm.b", (16,), -0.1, 0.1))
    dense("fc1", 1, 1, 16, 32, fan_in=16)
    dense("fc2", 1, 1, 32, 16, fan_in=32)
    case.add("gamma", scale=uniform("gates.gamma", (16,), 0.3, 0.7))
    case.add_dense("score", 16, 3)
    case.head_layers = ["score"]
    case.trained = list(case.weights)
    case.weight_file = "gates.safetensors"
    case.write_weights = functools.partial(write_torch, case)
    case.backbone = ("gates.tl", """backbone gates {
  convention torch
  preprocess tf
  conv(16, 3x3, stride: 2, padding: 1, name: "conv1")
  silu
  multiply {
    branch {}
    branch {
      gap(keepdims: true)
      conv(8, 1x1, relu, name: "squeeze")
      conv(16, 1x1, hard_sigmoid, name: "excite")
    }
  }
  add {
    branch {}
    branch {
      depthwise_conv(5x5, padding: 2, name: "dw")
      layer_norm(epsilon: 1e-6, name: "norm")
      dense(32, gelu_tanh, name: "fc1")
      dense(16, name: "fc2")
      layer_scale(1e-6, name: "gamma")
    }
  }
}
""")
    case.recipe = """model gates_trajectory {
  input image(32, 32, 3)
  backbone gates { weights "gates.safetensors"  freeze none }
  head { gap  dense(3, softmax, name: "score") }
  train {
    batch 8
    loss  categorical_crossentropy
    convention torch
    phase all { epochs 5  optimizer adam(lr: 1e-3, epsilon: 1e-5) }
  }
}
"""
    return case


@functools.cache
def grey_head():
    """Grey pictures, and a head with all that a backbone has: its batch norm uses the statistics
    of the batch, the backbone's the stored ones. From 14x14 to 5x4, windows of the pool overlap.
    The pictures' seed: as of vgg16."""
    case = Case("grey_head", size=28, classes=3, each=16, batch=8, epochs=(5,),
                preprocess=lambda p: normalise(grey(p), 1 / 127.5, (1,), (1,)), seed=".f")
    case.add("stem", kernel=he_uniform("grey.stem", (5, 5, 1, 8), 25),
             bias=uniform("grey.stem.b", (8,), -0.05, 0.05))
    case.add_batch_norm("stem_norm", 8)
    case.add("wide", kernel=he_uniform("grey.wide", (3, 3, 8, 12), 72))
    case.add_batch_norm("norm", 12)
    case.add("deep", kernel=he_uniform("grey.deep", (3, 3, 1, 12), 9),
             bias=uniform("grey.deep.b", (12,), -0.05, 0.05))
    case.add_dense("score", 240, 3, 0.5)
    case.head_layers = ["wide", "norm", "deep", "score"]
    case.trained = [name for name in case.weights if not name.startswith("stem_norm.moving_")]
    case.weight_file = "grey.safetensors"
    case.write_weights = functools.partial(write_torch, case)
    case.backbone = ("grey_stem.tl", """backbone grey_stem {
  convention torch
  preprocess tf
  conv(8, 5x5, stride: 2, padding: 2, name: "stem")
  batch_norm(name: "stem_norm")
  relu
}
""")
    case.recipe = """model grey_trajectory {
  input image(28, 28, 1)
  backbone grey_stem { weights "grey.safetensors"  freeze none }
  head {
    conv(12, 3x3, bias: false, name: "wide")
    batch_norm(name: "norm")
    relu
    depthwise_conv(3x3, name: "deep")
    adaptive_avg_pool(5x4)
    flatten
    dense(3, softmax, name: "score")
  }
  train {
    batch 8
    loss  categorical_crossentropy
    convention torch
    phase all { epochs 5  optimizer sgd(lr: 1e-2, momentum: 0.9) }
  }
}
"""
    return case


def golden_path(case):
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), f"trajectory_{case.name}.safetensors")
