#!/usr/bin/env python3
"""VGG16 at 150x150, frozen: tlrun's extraction against ONNX Runtime, one run.

Both compute the same network (random He weights, f32, NHWC here and NCHW
there) on batches of 32 with two threads. Rounds alternate between the two, so
that both see the same machine in the same minutes; the ratio is that of the
medians. Speed does not depend on the weights' values, so each side draws its
own. Needs numpy, onnx and onnxruntime.

    python3 bench/onnxruntime_vgg16.py build/release/bin
"""
import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

RECIPE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "examples", "02-cats-and-dogs", "model.tl")
BLOCKS = [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)]
SIDE = 150


def vgg16():
    """The ONNX model: 13 convolutions of 3x3 with ReLU, 5 poolings of 2x2."""
    rng = np.random.default_rng(0)
    nodes, weights, value, width = [], [], "pixels", 3
    for b, (filters, convolutions) in enumerate(BLOCKS, 1):
        for i in range(1, convolutions + 1):
            name = f"block{b}_conv{i}"
            kernel = rng.standard_normal((filters, width, 3, 3), np.float32) * np.float32((2 / (9 * width)) ** 0.5)
            bias = rng.standard_normal(filters, np.float32) * np.float32(0.01)
            weights += [numpy_helper.from_array(kernel, f"{name}_w"), numpy_helper.from_array(bias, f"{name}_b")]
            nodes.append(helper.make_node("Conv", [value, f"{name}_w", f"{name}_b"], [name], pads=[1, 1, 1, 1]))
            nodes.append(helper.make_node("Relu", [name], [f"{name}_relu"]))
            value, width = f"{name}_relu", filters
        nodes.append(helper.make_node("MaxPool", [value], [f"block{b}_pool"], kernel_shape=[2, 2], strides=[2, 2]))
        value = f"block{b}_pool"
    graph = helper.make_graph(
        nodes, "vgg16", [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info(value, TensorProto.FLOAT, ["n", 512, 4, 4])], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    onnx.checker.check_model(model)
    return model.SerializeToString()


def peer(batch, threads):
    """A function that runs one batch and gives its seconds."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Idle threads must not spin while the other side is measured.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(vgg16(), options, providers=["CPUExecutionProvider"])
    pixels = np.random.default_rng(1).random((batch, 3, SIDE, SIDE), np.float32)

    def run():
        began = time.perf_counter()
        session.run(None, {"pixels": pixels})
        return time.perf_counter() - began

    run()
    return run


def ours(tlrun, model, batch, threads):
    """Median seconds of the extraction of one batch, as tlrun measures it."""
    out = subprocess.run([tlrun, model, "--bench", "--batch", str(batch), "--threads", str(threads), "--json"],
                         check=True, capture_output=True, text=True).stdout
    for line in json.loads(out)["entries"]:
        if line["entry"] == "extract":
            return line["median_seconds"]
    raise SystemExit(f"no entry `extract` in: {out}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bin", help="the folder that holds tlc and tlrun")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    tlc, tlrun = (os.path.join(args.bin, tool) for tool in ("tlc", "tlrun"))
    run_peer = peer(args.batch, args.threads)
    seconds = {"tlrun": [], "onnxruntime": []}
    with tempfile.TemporaryDirectory() as folder:
        model = os.path.join(folder, "vgg16.bin")
        subprocess.run([tlc, RECIPE, "--weights", "random:0", "-o", model], check=True)
        for _ in range(args.rounds):
            seconds["onnxruntime"] += [run_peer() for _ in range(3)]
            time.sleep(0.5)
            seconds["tlrun"].append(ours(tlrun, model, args.batch, args.threads))
    rates = {name: args.batch / statistics.median(values) for name, values in seconds.items()}
    print(json.dumps({
        "network": "vgg16", "side": SIDE, "batch": args.batch, "threads": args.threads,
        "images_per_second": {name: round(rate, 2) for name, rate in rates.items()},
        "ratio": round(rates["tlrun"] / rates["onnxruntime"], 3),
        "onnxruntime": onnxruntime.__version__}))


if __name__ == "__main__":
    main()
