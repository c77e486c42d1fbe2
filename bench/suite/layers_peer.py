"""oneDNN and MKL inside PyTorch, layer by layer.

What torch.compile with frozen weights would call is called here without it:
convolutions with weights that oneDNN has packed, bias, addition and activation
fused, maps channels last; the same in oneDNN's own blocked layout, each addition
and activation in place behind the convolution, because they are not fused there;
and matrix products by oneDNN and by MKL, from packed weights and plain ones.
"""
import os

import torch
from torch import nn

from . import child

FEWEST = 5
WARM_UP = 0.05     # of a turn, so that both threads have a processor: not counted


def versions():
    return {"torch": torch.__version__}


def seconds_of(piece, seconds):
    taken = sorted(child.turn(piece, seconds, FEWEST))
    return {"median": taken[len(taken) // 2], "least": taken[0]}


def conv(layer, batch):
    made = nn.Conv2d(layer["inputs"], layer["outputs"], layer["size"], layer["stride"], layer["size"] // 2)
    x = torch.rand(batch, layer["inputs"], layer["rows"], layer["rows"])
    with torch.no_grad():
        return made.eval(), x, torch.rand_like(made(x))


def conv_onednn(layer, batch):
    made, x, other = (value.to(memory_format=torch.channels_last) for value in conv(layer, batch))
    places = [list(made.padding), list(made.stride), [1, 1], 1]
    packed = torch._C._nn.mkldnn_reorder_conv2d_weight(made.weight.to_mkldnn(), *places, list(x.shape))
    run = torch.ops.mkldnn._convolution_pointwise
    act = layer["activation"]
    if layer["residual"]:
        return lambda: run.binary(x, other, packed, made.bias, *places, "add", 1.0, act, [], None)
    return lambda: run(x, packed, made.bias, *places, act, [], "")


def conv_blocked(layer, batch):
    from torch.utils import mkldnn
    made, x, other = conv(layer, batch)
    made, x = mkldnn.to_mkldnn(made), x.to_mkldnn()
    other = made(x).clone()

    def run():
        y = made(x)
        if layer["residual"]:
            y.add_(other)
        return torch.relu_(y) if layer["activation"] == "relu" else y
    return run


def rows(layer, batch):
    return nn.Linear(layer["inputs"], layer["outputs"]), torch.rand(batch * layer["rows"], layer["inputs"])


def dense_onednn(layer, batch):
    made, x = rows(layer, batch)
    packed = torch.ops.mkldnn._reorder_linear_weight(made.weight, x.shape[0])
    return lambda: torch.ops.mkldnn._linear_pointwise(x, packed, made.bias, layer["activation"], [], "none")


def activated(layer, product):
    return lambda: torch.ops.aten.gelu_(product()) if layer["activation"] == "gelu" else product()


def dense_mkl(layer, batch):
    made, x = rows(layer, batch)
    return activated(layer, lambda: nn.functional.linear(x, made.weight, made.bias))


def dense_mkl_packed(layer, batch):
    made, x = rows(layer, batch)
    packed = torch.ops.mkl._mkl_reorder_linear_weight(made.weight, x.shape[0])
    run = torch.ops.mkl._mkl_linear
    return activated(layer, lambda: run(x, packed, made.weight, made.bias, x.shape[0]))


class Layers:
    def __init__(self, work):
        self.made = {layer["name"]: globals()[f"{layer['kind']}_{work['variant']}"](layer, work["batch"])
                     for layer in work["layers"]}

    def __call__(self):
        with torch.no_grad():
            for piece in self.made.values():
                piece()

    def turn(self, seconds):
        with torch.no_grad():
            seconds_of(next(iter(self.made.values())), WARM_UP)
            return {"layers": {name: seconds_of(piece, seconds / len(self.made))
                               for name, piece in self.made.items()}}


def layers(work):
    if "isa" in work:
        os.environ["ONEDNN_MAX_CPU_ISA"] = work["isa"]  # read when oneDNN is first called
    torch.set_num_threads(work["threads"])
    with torch.no_grad():
        return Layers(work)
