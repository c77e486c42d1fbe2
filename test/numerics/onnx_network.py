"""Makes test/onnx/network.onnx, a small network in MobileNet's manner with
seeded weights, and network.npz: pictures, and what ONNX Runtime computes for
them behind `preprocess torch`. Needs onnx and onnxruntime.

    python3 test/numerics/onnx_network.py"""
import os

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "onnx")
random = np.random.default_rng(5)
nodes, constants = [], []


def constant(name, *shape, low=None, high=None):
    fan = int(np.prod(shape[1:])) or 1
    low, high = (-(3 / fan) ** 0.5, (3 / fan) ** 0.5) if low is None else (low, high)
    constants.append(numpy_helper.from_array(random.uniform(low, high, shape).astype(np.float32), name))
    return name


def node(op, name, *inputs, **attributes):
    nodes.append(helper.make_node(op, list(inputs), [name + "_out"], name=name, **attributes))
    return name + "_out"


def conv(name, x, filters, channels, size, **attributes):
    x = node("Conv", name, x, constant(name + ".w", filters, channels, size, size), **attributes)
    p = [constant(f"{name}.{r}", filters, low=l, high=h)
         for r, l, h in (("scale", .8, 1.2), ("shift", -.1, .1), ("mean", -.1, .1), ("var", .8, 1.2))]
    return node("BatchNormalization", name + "_bn", x, *p)


def main():
    x = node("Relu", "stem_relu", conv("stem", "x", 8, 3, 3, strides=[2, 2], pads=[1, 1, 1, 1]))
    y = node("Clip", "clip", conv("depthwise", x, 8, 1, 3, group=8, auto_pad="SAME_UPPER"), "zero", "six")
    x = node("Add", "residual", conv("project", y, 8, 8, 1), x)
    x = node("MaxPool", "pool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = node("Relu", "last_relu", conv("last_conv", x, 16, 8, 3, pads=[1, 1, 1, 1]))
    x = node("Flatten", "flat", node("GlobalAveragePool", "gap", x))
    x = node("Softmax", "scores", node("Gemm", "classifier", x, constant("w", 5, 16), constant("b", 5), transB=1))
    for name, value in ("zero", 0), ("six", 6):
        constants.append(numpy_helper.from_array(np.float32(value), name))
    graph = helper.make_graph(
        nodes, "network", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 32, 32])],
        [helper.make_tensor_value_info(x, TensorProto.FLOAT, ["n", 5])], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    path = os.path.join(FOLDER, "network.onnx")
    onnx.save(model, path)
    pixels = random.integers(0, 256, (2, 32, 32, 3), np.uint8)
    mean, std = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
    fed = ((pixels / np.float32(255) - mean) / std).transpose(0, 3, 1, 2).astype(np.float32)
    model.graph.output.append(helper.make_tensor_value_info("gap_out", TensorProto.FLOAT, ["n", 16, 1, 1]))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    output, gap = session.run(None, {"x": fed})
    np.savez_compressed(os.path.join(FOLDER, "network.npz"), pixels=pixels, output=output, gap=gap[:, :, 0, 0])


if __name__ == "__main__":
    main()
