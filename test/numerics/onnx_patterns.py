"""Makes test/onnx/patterns/: a small network for each pattern of nodes that
exporters write, NAME.onnx with seeded weights, and NAME.npz: pictures [N, C, H,
W] or tokens [N, T, C], and what ONNX Runtime computes for them. Needs onnx and
onnxruntime.

    python3 test/numerics/onnx_patterns.py [NAME...]"""
import os
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "onnx", "patterns")


class Graph:
    """Nodes and constants in order; a node's output is named after it."""

    def __init__(self, shape, opset, batch="n"):
        self.shape, self.opset, self.batch = shape, opset, batch
        self.random = np.random.default_rng(7)
        self.nodes, self.constants = [], []

    def value(self, value, dtype=np.float32):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def drawn(self, *shape, low=-1, high=1):
        return self.value(self.random.uniform(low, high, shape))

    def __call__(self, op, name, *inputs, **attributes):
        """Numbers among the inputs become constants."""
        inputs = [i if isinstance(i, str) else self.value(i) for i in inputs]
        self.nodes.append(helper.make_node(op, inputs, [name + "_out"], name=name, **attributes))
        return name + "_out"

    def save(self, name):
        info = helper.make_tensor_value_info
        graph = helper.make_graph(
            self.nodes, name, [info("x", TensorProto.FLOAT, [self.batch, *self.shape])],
            [info(self.nodes[-1].output[0], TensorProto.FLOAT, None)], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)],
                                  ir_version=10, producer_name="")
        path = os.path.join(FOLDER, name + ".onnx")
        onnx.save(onnx.shape_inference.infer_shapes(model), path)
        x = self.random.uniform(-4, 4, (1 if self.batch == 1 else 2, *self.shape)).astype(np.float32)
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        output, = session.run(None, {"x": x})
        np.savez_compressed(os.path.join(FOLDER, name + ".npz"), input=x, output=output)


def excitation(g, name, x, gate, swap, mean):
    """Squeeze and excitation of 8 channels."""
    y = g("GlobalAveragePool", name + "_gap", x) if mean == "GlobalAveragePool" else \
        g("ReduceMean", name + "_gap", x, axes=[-1, -2], keepdims=1)
    y = g("Conv", name + "_fc1", y, g.drawn(4, 8, 1, 1), g.drawn(4))
    y = g("Relu", name + "_relu", y)
    y = g("Conv", name + "_fc2", y, g.drawn(8, 4, 1, 1), g.drawn(8))
    y = g(gate, name + "_gate", y, **({"alpha": 1 / 6} if gate == "HardSigmoid" else {}))
    return g("Mul", name, *((y, x) if swap else (x, y)))


def squeeze_excitation():
    g = Graph((3, 6, 5), 17)
    x = g("Conv", "stem", "x", g.drawn(8, 3, 3, 3), g.drawn(8), pads=[1, 1, 1, 1])
    x = excitation(g, "hard", x, "HardSigmoid", False, "ReduceMean")
    x = excitation(g, "soft", x, "Sigmoid", True, "GlobalAveragePool")
    # Two factors of one shape.
    x = g("Mul", "square", x, x)
    g.save("squeeze_excitation")


def swish():
    g = Graph((4, 3, 3), 17)
    x = g("Mul", "silu", "x", g("Sigmoid", "sigmoid", "x"))
    x = g("Mul", "silu_swapped", g("Sigmoid", "sigmoid2", x), x)
    x = g("Mul", "hard", x, g("HardSigmoid", "hard_gate", x, alpha=1 / 6, beta=0.5))
    clip = g("Clip", "relu6", g("Add", "plus3", x, 3.0), 0.0, 6.0)
    x = g("Div", "hard_div", g("Mul", "hard_mul", x, clip), 6.0)
    # TensorFlow's: a quotient written as a product, the constant first.
    clip = g("Clip", "relu6b", g("Add", "plus3b", 3.0, x), 0.0, 6.0)
    x = g("Mul", "hard_tf", x, g("Mul", "sixth", clip, 1 / 6))
    clip = g("Clip", "relu6c", g("Add", "plus3c", x, 3.0), 0.0, 6.0)
    x = g("Div", "hard_sigmoid", clip, 6.0)
    g.save("swish")


def gelu():
    g = Graph((5, 6), 20)
    erf = lambda name, x: g("Add", name + "_one", g("Erf", name + "_erf", x), 1.0)
    # torch: x (erf(x / sqrt 2) + 1) 0.5
    x = g("MatMul", "before", "x", g.drawn(6, 6))
    y = erf("torch", g("Div", "torch_div", x, 2 ** .5))
    x = g("Mul", "torch", g("Mul", "torch_mul", x, y), 0.5)
    # TensorFlow and Keras: (0.5 x) (1 + erf(x 0.7071))
    y = erf("keras", g("Mul", "keras_mul", x, .5 ** .5))
    x = g("Mul", "keras", g("Mul", "keras_half", 0.5, x), y)
    x = g("Gelu", "exact", x)
    x = g("Gelu", "tanh", x, approximate="tanh")
    # torch's tanh form, its cube as a power and as products.
    root = (2 / np.pi) ** .5
    for name in "power", "products":
        if name == "power":
            cube = g("Pow", "cube", x, 3.0)
        else:
            cube = g("Mul", "cube2", g("Mul", "cube1", x, x), x)
        y = g("Add", name + "_sum", x, g("Mul", name + "_k", cube, 0.044715))
        y = g("Tanh", name + "_tanh", g("Mul", name + "_root", y, root))
        y = g("Add", name + "_one", y, 1.0)
        x = g("Mul", name, g("Mul", name + "_half", x, 0.5), y)
    # Another way to write it: u = root x (1 + 0.044715 x x).
    y = g("Add", "fast_sum", 1.0, g("Mul", "fast_xx", g("Mul", "fast_kx", 0.044715, x), x))
    y = g("Tanh", "fast_tanh", g("Mul", "fast_u", g("Mul", "fast_rx", x, root), y))
    y = g("Mul", "fast_p", x, g("Add", "fast_one", 1.0, y))
    x = g("Mul", "fast", 0.5, y)
    g.save("gelu")


def transformer():
    """Patches, a class token, one block and a head, as torch writes them."""
    g = Graph((3, 8, 8), 17)
    ints = lambda *values: g.value(values, np.int64)
    x = g("Conv", "patches", "x", g.drawn(8, 3, 4, 4), g.drawn(8), strides=[4, 4])
    count = g("Unsqueeze", "count_list", g("Gather", "count", g("Shape", "shape", x), g.value(0, np.int64)), ints(0))
    x = g("Reshape", "rows", x, g("Concat", "rows_shape", count, ints(8, -1), axis=0))
    x = g("Transpose", "tokens", x, perm=[0, 2, 1])
    token = g("Expand", "class_token", g.drawn(1, 1, 8), g("Concat", "token_shape", count, ints(1, 8), axis=0))
    x = g("Add", "position", g("Concat", "with_class", token, x, axis=1), g.drawn(1, 5, 8))
    y = g("Sub", "norm_centred", x, g("ReduceMean", "norm_mean", x, axes=[-1]))
    deviation = g("Sqrt", "norm_root", g("Add", "norm_epsilon", g(
        "ReduceMean", "norm_variance", g("Pow", "norm_squares", y, 2.0), axes=[-1]), 1e-5))
    y = g("Add", "norm_shift", g("Mul", "norm_scale", g("Div", "norm", y, deviation), g.drawn(8)), g.drawn(8))
    y = g("Add", "qkv_bias", g("MatMul", "qkv", y, g.drawn(8, 24)), g.drawn(24))
    y = g("Transpose", "parts", g("Reshape", "heads", y, ints(0, 5, 3, 2, 4)), perm=[2, 0, 3, 1, 4])
    q, k, v = (g("Gather", "qkv"[i], y, g.value(i, np.int64), axis=0) for i in range(3))
    y = g("MatMul", "scores", g("Mul", "scaled", q, 0.5), g("Transpose", "k_turned", k, perm=[0, 1, 3, 2]))
    y = g("MatMul", "attention", g("Softmax", "weights", y, axis=-1), v)
    y = g("Reshape", "merged", g("Transpose", "turned", y, perm=[0, 2, 1, 3]), ints(0, 5, 8))
    x = g("Add", "residual", x, g("Add", "out_bias", g("MatMul", "out", y, g.drawn(8, 8)), g.drawn(8)))
    x = g("LayerNormalization", "last_norm", x, g.drawn(8), g.drawn(8))
    g("Gemm", "head", g("Gather", "class", x, g.value(0, np.int64), axis=1), g.drawn(3, 8), g.drawn(3), transB=1)
    g.save("transformer")


def attention():
    """The operator of version 23, with heads and with features."""
    g = Graph((5, 8), 23)
    ints = lambda *values: g.value(values, np.int64)
    q, k, v = (g("MatMul", n, "x", g.drawn(8, 8)) for n in "qkv")
    x = g("Attention", "features", q, k, v, q_num_heads=4, kv_num_heads=4, scale=0.4)
    q, k, v = (g("Transpose", n + "2_turned", g("Reshape", n + "2_heads", g("MatMul", n + "2", x, g.drawn(8, 8)),
                                               ints(0, 5, 2, 4)), perm=[0, 2, 1, 3]) for n in "qkv")
    x = g("Attention", "heads", q, k, v)
    g("Reshape", "merged", g("Transpose", "turned", x, perm=[0, 2, 1, 3]), ints(0, 5, 8))
    g.save("attention")


def windows(g, name, x, height, width, rows, columns):
    """(the places of each window of an adaptive pool, the larger windows' size and
    which rows and columns each has), as torch's exporter gathers them."""
    spans = [[(i * size // out, -(-(i + 1) * size // out)) for i in range(out)]
             for size, out in ((height, rows), (width, columns))]
    most = [max(end - begin for begin, end in span) for span in spans]
    index = [[[[(min(top + a, height - 1), min(left + b, width - 1)) for b in range(most[1])] for left, _ in spans[1]]
              for a in range(most[0])] for top, _ in spans[0]]
    x = g("Transpose", name + "_places", x, perm=[2, 3, 0, 1])
    x = g("GatherND", name + "_gathered", x, g.value(index, np.int64))
    x = g("Transpose", name + "_windows", x, perm=[4, 5, 0, 1, 2, 3])
    return x, most, [[[top + a >= end for a in range(size)] for top, end in span] for span, size in zip(spans, most)]


def adaptive_pool():
    """AdaptiveAvgPool2d of torch's dynamo exporter: of windows of several sizes, with
    masks, and of one size."""
    g = Graph((2, 5, 4), 20)
    x = g("Relu", "before", "x")
    x, most, beyond = windows(g, "masked", x, 5, 4, 3, 3)
    for d, word in enumerate(("rows", "columns")):
        mask = np.array(beyond[d])
        x = g("Where", "mask_" + word, g.value(mask.reshape(mask.shape + (1, 1) * (1 - d)), bool), 0.0, x)
    total = None
    for a in range(most[0]):
        row = g("Gather", f"row_{a}", x, g.value(a, np.int64), axis=3)
        for b in range(most[1]):
            one = g("Gather", f"place_{a}_{b}", row, g.value(b, np.int64), axis=4)
            total = one if total is None else g("Add", f"sum_{a}_{b}", total, one)
    lengths = [(~np.array(one)).sum(1) for one in beyond]
    x = g("Div", "masked", total, g.value(np.outer(*lengths)))
    x, _, _ = windows(g, "alike", x, 3, 3, 2, 2)
    x = g("ReduceMean", "alike", x, g.value([-3, -1], np.int64), keepdims=0)
    # The only window, rounded up, reaches past the picture; then from one place to several.
    x = g("AveragePool", "one", x, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
    x, _, _ = windows(g, "spread", x, 1, 1, 3, 2)
    g("ReduceMean", "spread", x, g.value([-3, -1], np.int64), keepdims=0)
    g.save("adaptive_pool")


CASES = {f.__name__: f for f in (squeeze_excitation, swish, gelu, transformer, attention, adaptive_pool)}

if __name__ == "__main__":
    os.makedirs(FOLDER, exist_ok=True)
    for case in sys.argv[1:] or CASES:
        CASES[case]()
