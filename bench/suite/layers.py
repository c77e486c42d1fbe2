"""The layers of known networks one by one, as our compiler makes them.

The recipes are whole networks (of ViT-B one block of twelve), so that each
layer has the form, the halo and the fused additions that it has there. Its
kernels are taken from the program behind the phase `kernels` and timed by
`kernel_times`; peers get the same layer as a shape. Convolutions have a bias,
an activation where the network has one, and the addition that ends a block.
"""
import json
import re
import sys
from dataclasses import asdict, dataclass

from . import sides
from .timing import Turn

RESNET50 = """block bottleneck(name, filters, stride, shortcut) {
  add(name: "{name}.add") {
    branch {
      conv(filters, 1x1, bias: false, name: "{name}.conv1") batch_norm(name: "{name}.bn1") relu(name: "{name}.relu1")
      conv(filters, 3x3, stride: stride, padding: 1, bias: false, name: "{name}.conv2")
      batch_norm(name: "{name}.bn2") relu(name: "{name}.relu2")
      conv(4 * filters, 1x1, bias: false, name: "{name}.conv3") batch_norm(name: "{name}.bn3")
    }
    branch {
      if shortcut {
        conv(4 * filters, 1x1, stride: stride, padding: 0, bias: false, name: "{name}.shortcut")
        batch_norm(name: "{name}.shortcut_bn")
      }
    }
  }
  relu(name: "{name}")
}
backbone layers {
  convention torch preprocess torch
  conv(64, 7x7, stride: 2, padding: 3, bias: false, name: "stem") batch_norm(name: "stem_bn") relu(name: "stem_relu")
  max_pool(3x3, stride: 2, padding: 1, name: "pool")
  for (stage, filters, blocks) in [(1, 64, 3), (2, 128, 4), (3, 256, 6), (4, 512, 3)] {
    for i in 0..blocks - 1 {
      if i == 0 { if stage == 1 { bottleneck("{stage}.{i}", filters, 1, true) }
                  else { bottleneck("{stage}.{i}", filters, 2, true) } }
      else { bottleneck("{stage}.{i}", filters, 1, false) }
    }
  }
}
"""
VIT_B16 = """backbone layers {
  convention torch preprocess torch
  conv(768, 16x16, stride: 16, padding: valid, name: "patches") tokens class_token(name: "class") position(name: "place")
  add {
    branch { }
    branch { layer_norm(name: "ln_1") attention(12, name: "attention") }
  }
  add {
    branch { }
    branch { layer_norm(name: "ln_2") dense(3072, gelu, name: "mlp.0") dense(768, name: "mlp.3") }
  }
  first_token
}
"""


@dataclass(frozen=True)
class Layer:
    """One layer; `rows` are a picture's pixels along a side, or its tokens."""
    name: str
    kind: str           # conv or dense
    rows: int           # of the input
    inputs: int
    outputs: int
    size: int = 1
    stride: int = 1
    residual: bool = False
    activation: str = "none"
    count: int = 1      # in the network

    def multiply_adds(self):
        rows = (self.rows // self.stride) ** 2 if self.kind == "conv" else self.rows
        return rows * self.inputs * self.outputs * self.size ** 2


def resnet50():
    """{where our program has it: the layer}, and how often each shape occurs."""
    found, side, width = {}, 56, 64
    for stage, filters, blocks in ((1, 64, 3), (2, 128, 4), (3, 256, 6), (4, 512, 3)):
        for block in range(blocks):
            name, stride = f"{stage}.{block}", 2 if stage > 1 and block == 0 else 1
            after, wide = side // stride, 4 * filters
            found[f"{name}.relu1"] = (side, width, filters, 1, 1, False, "relu")
            found[f"{name}.relu2"] = (side, filters, filters, 3, stride, False, "relu")
            if block == 0:
                found[f"{name}.shortcut_bn"] = (side, width, wide, 1, stride, False, "none")
            found[name] = (after, filters, wide, 1, 1, True, "relu")
            side, width = after, wide
    layers = {}
    for place, shape in found.items():
        rows, inputs, outputs, size, stride, residual, _ = shape
        title = (f"{size}x{size}{f' stride {stride}' if stride > 1 else ''}, {rows}x{rows}x{inputs} to {outputs}"
                 f"{', added' if residual else ''}")
        if shape not in [values for values, _ in layers.values()]:
            count = list(found.values()).count(shape)
            layers[place] = (shape, Layer(title, "conv", *shape, count=count))
    return {place: layer for place, (_, layer) in layers.items()}


def vit_b16():
    def gemm(name, inputs, outputs, activation="none"):
        return Layer(f"{name}, 197 x {inputs} x {outputs}", "dense", 197, inputs, outputs, activation=activation,
                     count=12)
    return {"dense 0": gemm("qkv", 768, 2304), "dense 1": gemm("projection", 768, 768),
            "dense 2": gemm("first of mlp", 768, 3072, "gelu"), "dense 3": gemm("second of mlp", 3072, 768)}


NETWORKS = {"resnet50": (RESNET50, "gap", resnet50()), "vit_b16": (VIT_B16, "dense(2, softmax)", vit_b16())}


def recipe(network):
    text, head, _ = NETWORKS[network]
    return (f"{text}model bench {{\n  input image(224, 224, 3)\n  backbone layers {{ freeze all }}\n"
            f"  head {{ {head} }}\n}}\n")


def shapes(network):
    """What a peer must know, as JSON holds it."""
    return [asdict(layer) for layer in NETWORKS[network][2].values()]


def counts(network):
    return {layer.name: layer.count for layer in NETWORKS[network][2].values()}


CALL = re.compile(r"rt\.call @(\w+)\([^\n]*?\) ->[^\n]*?(?:\{layer = \"([^\"]*)\"[^\n]*)?: \(")


def calls(program, entry="extract"):
    """[(kernel, layer)] of one entry of a program's text."""
    body = program.split(f"@{entry} ", 1)[1]
    return CALL.findall(body.split("\n  }\n", 1)[0])


def kernels(program):
    """{kernel: its text}"""
    return {name: text for text, name in re.findall(r"(  rt\.kernel @(\w+) .*?\n  \}\n)", program, re.S)}


def places(network, program):
    """{the layer's name: its kernels, in their order}"""
    made, found, dense = calls(program), {}, 0
    for kernel, place in made:
        if kernel.startswith("dense"):
            found.setdefault(f"dense {dense}", []).append(kernel)
            dense += 1
        else:
            found.setdefault(place, []).append(kernel)
    return {layer.name: found[place] for place, layer in NETWORKS[network][2].items()}


class Side:
    """A process that times layers, or (ours) the kernels that each consists of."""

    def __init__(self, child, network, kernels=None):
        self.child, self.kernels = child, kernels
        self.layers = NETWORKS[network][2].values()

    @property
    def ready(self):
        return self.child.ready

    def turn(self, seconds):
        answer, own = self.child.ask(seconds)
        taken = answer["layers"]
        if self.kernels:
            taken = {name: {of: sum(taken[kernel][of] for kernel in used) for of in ("median", "least")}
                     for name, used in self.kernels.items()}
        total = {of: sum(layer.count * taken[layer.name][of] for layer in self.layers) for of in ("median", "least")}
        return Turn([total["median"]], own, {"layers": taken}, total["least"])

    def close(self):
        self.child.close()


def ours(tools, work):
    """Our kernels, out of the program that tlc made of the recipe."""
    network, isa = work["network"], tools.isa()
    source, file = tools.path(f"layers_{network}.tl"), tools.path(f"layers_{network}.mlir")
    with open(source, "w") as f:
        f.write(recipe(network))
    program = sides.output([tools.tlc, source, "--weights", "random:0", "--emit", "kernels"])
    used, texts = places(network, program), kernels(program)
    with open(file, "w") as f:
        f.write("".join(texts[name] for name in dict.fromkeys(sum(used.values(), []))))
    command = [tools.program("kernel_times"), file, isa, str(work["batch"]), str(tools.threads)]
    return Side(sides.Child("", {"threads": tools.threads}, command=command), network, used)


# So that a peer's results come from memory that it had before, as ours do: freed
# blocks of some megabytes otherwise go back to the system, and each call would
# fault them in again.
KEEPS = ["env", "MALLOC_MMAP_THRESHOLD_=1000000000", "MALLOC_TRIM_THRESHOLD_=2000000000"]


def peer(module, work):
    work = {**work, "layers": shapes(work["network"])}
    command = [*KEEPS, sys.executable, "-m", "suite.child", module, json.dumps(work)]
    return Side(sides.Child(module, work, command=command), work["network"])
