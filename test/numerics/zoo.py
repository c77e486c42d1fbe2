"""The zoo against the frameworks that it comes from: one table of backbones, their
weights from a seed, and the comparison.

The weights of a network are too large to keep, so they are made twice from the
tensors' names (trajectories.uniform): by the framework's script, which computes a
golden with them, and by the test, which writes them to a file under the names that
the golden lists. Scales keep activations near one, so that every bias and statistic
shows in the output; where a network adds branches up, what closes a branch is damped.

A golden (zoo/NAME.npz) has the names and shapes of the framework's tensors, for Keras
its layer list as `tlc --summary` prints it, the scores of the top and a sample of the
map before it, for two pictures made of a seed at a size that makes the test quick.
zoo_keras.py and zoo_torch.py make goldens, and compare at the published size through
files that the framework wrote itself.
"""
import os
import re
from dataclasses import dataclass, field

import numpy as np

from trajectories import he_uniform, pictures, uniform

HERE = os.path.dirname(os.path.abspath(__file__))
SAMPLES = 4096
# The bound of the design for a forward pass in f32, of the largest reference value.
BOUND = 1e-4


def sides(size):
    """(height, width) of a size, which is one number where both are."""
    return size if isinstance(size, tuple) else (size, size)


@dataclass
class Network:
    name: str  # ours: backbones/NAME.tl, perhaps with arguments
    source: str  # "keras" or "torch"
    original: str  # the function that builds it there
    preprocess: str  # the preset that both sides use
    size: object = 64  # of the golden's pictures: of both sides, or (height, width)
    full: int = 224  # of the published weights
    top: bool = True  # whether the golden has it (VGG's would be 120 million numbers)
    golden: bool = True  # other sizes of a family need none of their own
    features: str = "avgpool"  # torch: the module whose input is the map before the top
    damped: str = ""  # a pattern: scales that close a branch
    library: str = "torchvision"  # or "timm" or "Keras"
    options: dict = field(default_factory=dict)  # for the function that builds it
    file_size: int = 0  # the weight file is that of another input size

    @property
    def path(self):
        return os.path.join(HERE, "zoo", re.sub(r"\W+", "_", self.name).strip("_") + ".npz")

    @property
    def file(self):
        return "weights.h5" if self.source == "keras" else "weights.safetensors"

    def pixels(self, size):
        """uint8 [2, height, width, 3]"""
        height, width = sides(size)
        side = -(-max(height, width) // 4) * 4
        return np.ascontiguousarray(pictures(self.name, 2, 1, side)[0][:, :height, :width])

    def value(self, name, shape):
        """A tensor of the framework's own name, in its own layout."""
        seed, word = f"{self.name}.{name}", re.split(r"[./]", name)[-1]
        if word == "count":  # of what Keras's Normalization has seen
            return np.int64(7)
        if word in ("cls_token", "class_token", "pos_embed", "pos_embedding"):
            return uniform(seed, shape, -0.5, 0.5)
        if word == "layer_scale" or word.startswith("variable"):
            return uniform(seed, shape, 0.1, 0.3)
        if word in ("running_var", "moving_variance", "variance"):
            return uniform(seed, shape, 0.7, 1.4)
        if word in ("running_mean", "moving_mean", "mean"):
            return uniform(seed, shape, -0.2, 0.2)
        if len(shape) == 1 and word in ("weight", "gamma"):
            scale = 0.2 if self.damped and re.search(self.damped, name) else 1.0
            return uniform(seed, shape, 0.8 * scale, 1.2 * scale)
        if len(shape) == 1:
            return uniform(seed, shape, -0.1, 0.1)
        if self.source == "torch" and len(shape) < 4:
            fan_in, channels = shape[-1], shape[-1]
        elif self.source == "torch":
            fan_in, channels = int(np.prod(shape[1:])), shape[1]
        else:
            depthwise = len(shape) == 4 and shape[3] == 1 and shape[2] > 1
            fan_in = int(np.prod(shape[:2] if depthwise else shape[:-1]))
            channels = shape[-2]
        # `caffe` leaves pixels as large as they are.
        gain = 1 / 64 if channels == 3 and self.preprocess == "caffe" else 1.0
        return he_uniform(seed, shape, fan_in, gain)

    def recipe(self, size, top, preprocess=""):
        use = "include_top true" if top else "freeze all"
        head = "" if top else "head { gap }"
        height, width = sides(size)
        return (f"model zoo {{\n  input image({height}, {width}, 3)\n"
                f"  backbone {self.name} {{ weights \"{self.file}\"  {use}  {preprocess} }}\n  {head}\n}}\n")


def keras(name, original, preprocess, **more):
    return Network(name, "keras", original, preprocess, library="Keras", **more)


def torch(name, original="", preprocess="torch", **more):
    return Network(name, "torch", original or name.removesuffix("_torch"), preprocess, **more)


def timm(name, original, preprocess="half", **more):
    return Network(name, "torch", original, preprocess, library="timm", features="head", **more)


SMALL = {"num_heads": 3, "patch_size": 8}
KERAS_RESNET, BASIC, BOTTLENECK = r"_3_bn/gamma", r"\.bn2\.weight", r"\.bn3\.weight"

NETWORKS = [
    keras("vgg16", "VGG16", "caffe", top=False),
    keras("vgg19", "VGG19", "caffe", top=False, golden=False),
    torch("vgg16_torch", top=False, golden=False),
    torch("vgg19_torch", top=False),
    torch("vgg16_bn", top=False),
    torch("vgg19_bn", top=False, golden=False),
    keras("resnet50", "ResNet50", "caffe", damped=KERAS_RESNET),
    keras("resnet101", "ResNet101", "caffe", damped=KERAS_RESNET, golden=False),
    keras("resnet152", "ResNet152", "caffe", damped=KERAS_RESNET, golden=False),
    torch("resnet18", damped=BASIC),
    torch("resnet34", damped=BASIC, golden=False),
    torch("resnet50_torch", size=(71, 59), damped=BOTTLENECK),
    torch("resnet101_torch", damped=BOTTLENECK, golden=False),
    torch("resnet152_torch", damped=BOTTLENECK, golden=False),
    keras("inception_v3", "InceptionV3", "tf", size=(75, 98), full=299),
    torch("inception_v3_torch", size=75, full=299),
    keras("densenet121", "DenseNet121", "torch"),
    torch("densenet121_torch", size=(61, 77), features="relu of features"),
    # The smallest height; the last pool's window reaches past its picture.
    torch("squeezenet1_0", size=(21, 37), features="classifier"),
    torch("squeezenet1_1", features="classifier"),
    keras("mobilenet", "MobileNet", "tf", size=(67, 83)),
    keras("mobilenet(width: 0.5)", "MobileNet", "tf", options={"alpha": 0.5}, golden=False),
    keras("mobilenet_v2", "MobileNetV2", "tf", damped=r"project_BN/gamma"),
    # Below 1 the last layer stays as it is, above 1 it grows; 0.35 and 0.75 round up and down.
    *(keras(f"mobilenet_v2(width: {width})", "MobileNetV2", "tf", damped=r"project_BN/gamma",
            options={"alpha": width}, golden=width != 0.75) for width in (0.35, 0.75, 1.4)),
    torch("mobilenet_v2_torch", features="output of features", damped=r"conv\.[23]\.weight"),
    torch("mobilenet_v2_torch(width: 1.4)", "mobilenet_v2", features="output of features",
          damped=r"conv\.[23]\.weight", options={"width_mult": 1.4}),
    torch("mobilenet_v2_torch(width: 0.35)", "mobilenet_v2", features="output of features",
          damped=r"conv\.[23]\.weight", options={"width_mult": 0.35}, golden=False),
    keras("mobilenet_v3_small", "MobileNetV3Small", "raw", damped=r"project_bn/gamma"),
    keras("mobilenet_v3_small(width: 0.75)", "MobileNetV3Small", "raw", damped=r"project_bn/gamma",
          options={"alpha": 0.75}),
    torch("mobilenet_v3_small_torch", damped=r"block\.[23]\.1\.weight"),
    torch("mobilenet_v3_small_torch(width: 0.75)", "mobilenet_v3_small", damped=r"block\.[23]\.1\.weight",
          options={"width_mult": 0.75}),
    keras("mobilenet_v3_large", "MobileNetV3Large", "raw", damped=r"project_bn/gamma"),
    keras("mobilenet_v3_large(width: 0.75)", "MobileNetV3Large", "raw", damped=r"project_bn/gamma",
          options={"alpha": 0.75}, golden=False),
    torch("mobilenet_v3_large_torch", damped=r"block\.[23]\.1\.weight"),
    torch("mobilenet_v3_large_torch(width: 1.25)", "mobilenet_v3_large", damped=r"block\.[23]\.1\.weight",
          options={"width_mult": 1.25}, golden=False),
    keras("efficientnet_b0", "EfficientNetB0", "raw", damped=r"project_bn/gamma"),
    keras("efficientnet_b1", "EfficientNetB1", "raw", full=240, damped=r"project_bn/gamma", golden=False),
    keras("efficientnet_b2", "EfficientNetB2", "raw", full=260, damped=r"project_bn/gamma", golden=False),
    keras("efficientnet_b3", "EfficientNetB3", "raw", full=300, damped=r"project_bn/gamma", golden=False),
    torch("efficientnet_b0_torch", damped=r"block\.[23]\.1\.weight"),
    torch("efficientnet_b1_torch", full=240, damped=r"block\.[23]\.1\.weight", golden=False),
    torch("efficientnet_b2_torch", full=288, damped=r"block\.[23]\.1\.weight", golden=False),
    torch("efficientnet_b3_torch", full=300, damped=r"block\.[23]\.1\.weight", golden=False),
    keras("convnext_tiny", "ConvNeXtTiny", "raw"),
    torch("convnext_tiny_torch", size=(45, 62)),
    timm("vit_tiny_patch16", "vit_tiny_patch16_224"),
    timm("vit_small_patch16(mean_pooling: true)", "vit_small_patch16_224", options={"global_pool": "avg"}, golden=False),
    # The mean of all tokens but the class token; and of all, where there is none.
    timm("vit_timm(dim: 48, depth: 3, heads: 3, patch: 8, mean_pooling: true)", "VisionTransformer",
         options=dict(SMALL, embed_dim=48, depth=3, global_pool="avg"), size=48, full=48),
    timm("vit_timm(dim: 96, depth: 3, heads: 3, patch: 8, mean_pooling: true, class_token: false)", "VisionTransformer",
         options=dict(SMALL, embed_dim=96, depth=3, class_token=False, global_pool="avg"), size=48, full=48),
    # The file is that of 48 x 48: its embedding of the positions is resampled.
    timm("vit_timm(dim: 96, depth: 2, heads: 3, patch: 8)", "VisionTransformer",
         options=dict(SMALL, embed_dim=96, depth=2), size=64, full=64, file_size=48),
    timm("vit_timm(dim: 48, depth: 2, heads: 3, patch: 8)", "VisionTransformer",
         options=dict(SMALL, embed_dim=48, depth=2), size=32, full=32, file_size=48),
    *(timm(f"deit_{size}_patch16", f"deit_{size}_patch16_224", "torch", golden=False)
      for size in ("tiny", "small", "base")),
    *(timm(f"vit_{size}_patch{patch}", f"vit_{size}_patch{patch}_224", golden=False)
      for size, patch in [("small", 16), ("small", 32), ("base", 16), ("base", 32), ("large", 16)]),
    timm("vit_large_patch32", "vit_large_patch32_384", full=384, golden=False),
    torch("vit_torch(dim: 96, depth: 3, heads: 3, patch: 16)", "VisionTransformer", features="heads",
          options=dict(patch_size=16, num_layers=3, num_heads=3, hidden_dim=96, mlp_dim=384), full=64),
    torch("vit_torch(dim: 48, depth: 2, heads: 3, patch: 16)", "VisionTransformer", features="heads", size=80, full=80,
          options=dict(patch_size=16, num_layers=2, num_heads=3, hidden_dim=48, mlp_dim=192), file_size=64),
    *(torch(f"vit_{size}_{patch}", features="heads", golden=False) for size in "bl" for patch in (16, 32)),
]

# The last block of each family's network: what a second phase of fine-tuning trains.
LAST_BLOCK = {
    "vgg16": '["block5_conv1":]',
    "vgg19_torch": '["features.28":]',
    "vgg16_bn": '["features.34":]',
    "resnet18": '["layer4.1*"]',
    "resnet50": '["conv5_block3_1_conv":]',
    "resnet50_torch": '["layer4.2*"]',
    "inception_v3": '["mixed9":]',
    "inception_v3_torch": '["Mixed_7c*"]',
    "densenet121": '["conv5_block16_0_bn":]',
    "densenet121_torch": '["features.denseblock4.denselayer16*", "features.norm5"]',
    "squeezenet1_1": '["features.12*"]',
    "mobilenet": '["conv_dw_13":]',
    "mobilenet_v2": '["block_16_expand":]',
    "mobilenet_v2_torch": '["features.17*", "features.18*"]',
    "mobilenet_v3_small": '["expanded_conv_10_expand":]',
    "mobilenet_v3_small_torch": '["features.11*", "features.12*"]',
    "mobilenet_v3_large": '["expanded_conv_14_expand":]',
    "mobilenet_v3_large_torch": '["features.15*", "features.16*"]',
    "efficientnet_b0": '["block7a_expand_conv":]',
    "efficientnet_b0_torch": '["features.7*", "features.8*"]',
    "convnext_tiny": '["convnext_tiny_stage_3_block_2_depthwise_conv":]',
    "convnext_tiny_torch": '["features.7.2*"]',
    "vit_tiny_patch16": '["blocks.11*", "norm"]',
    "vit_timm(dim: 48, depth: 3, heads: 3, patch: 8, mean_pooling: true)": '["blocks.2*", "fc_norm"]',
    "vit_torch(dim: 96, depth: 3, heads: 3, patch: 16)": '["encoder.layers.encoder_layer_2*", "encoder.ln"]',
}


def pooling(name):
    """What a head on this network begins with: transformers give features."""
    return "" if name.startswith("vit") else "gap"


def sample(values):
    """Some 4,096 numbers from all over the tensor, and its largest magnitude."""
    flat = np.asarray(values, np.float32).ravel()
    # An odd step meets every channel and every place in turn.
    step = max(1, flat.size // SAMPLES) | 1
    return flat[::step], np.abs(flat).max()


def distance(found, golden, largest):
    """As a share of the largest reference value."""
    assert found.shape == golden.shape, (found.shape, golden.shape)
    return float(np.abs(found.astype(np.float64) - golden).max() / largest)


def save_golden(network, tensors, parameters, features, scores, layers=()):
    """`tensors`: (name, shape) in the framework's order. `features` is [N, H, W, C]."""
    os.makedirs(os.path.dirname(network.path), exist_ok=True)
    kept, largest = sample(features)
    text = "\n".join(f"{name} {'x'.join(map(str, shape)) or '()'}" for name, shape in tensors)
    out = {"tensors": np.frombuffer(text.encode(), np.uint8), "parameters": parameters,
           "features": kept, "features_largest": largest,
           "layers": np.frombuffer("\n".join(layers).encode(), np.uint8)}
    if network.top:
        out["scores"] = np.asarray(scores, np.float32)
    np.savez_compressed(network.path, **out)


class Golden:
    def __init__(self, network):
        with np.load(network.path) as f:
            self.tensors = [(name, tuple(map(int, shape.strip("()").split("x"))) if shape != "()" else ()) for name, shape in
                            (line.split() for line in f["tensors"].tobytes().decode().split("\n"))]
            self.layers = f["layers"].tobytes().decode().split("\n") if f["layers"].size else []
            self.parameters = int(f["parameters"])
            self.features, self.largest = f["features"], float(f["features_largest"])
            self.scores = f["scores"] if "scores" in f else None


def layer_row(index, name, kind, shape, weights):
    """A row of the layer list: of a framework's, and of `tlc --summary`."""
    return f"{index} {name} {kind} {'x'.join(map(str, shape))} {weights}"


def summary_rows(text):
    """(rows, number of parameters) of what `tlc --summary` prints."""
    rows = []
    for line in text.splitlines():
        cells = re.split(r" {2,}", line.strip())
        if cells[0].isdigit():
            index, name, kind, shape, weights = cells[:5]
            rows.append(layer_row(index, name, kind, shape.split(" x "), weights.replace(",", "")))
    total = re.search(r"^([\d,]+) weights", text, re.M)
    return rows, int(total[1].replace(",", ""))
