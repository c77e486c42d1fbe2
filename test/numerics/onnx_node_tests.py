"""Runs the onnx package's own backend node tests on the importer and the
reference interpreter (build/<preset>/bin/onnx-eval), for every test of one node
whose operator the importer claims, and prints a line a test: pass, refused and
why, or FAIL. Exits 1 after a FAIL.

    python3 test/numerics/onnx_node_tests.py build/dev/bin/onnx-eval [PREFIX...]

A recipe has one input, the picture, so the test's first input of type float32
is what is fed and its other inputs are made constants, as they are in a trained
network. Needs the onnx package (written with 1.23)."""
import collections
import os
import struct
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import onnx
from onnx import numpy_helper

warnings.simplefilter("ignore")
import onnx.backend.test.loader as loader

CLAIMED = """Add Attention AveragePool BatchNormalization Cast Celu Clip Concat Constant ConstantOfShape
Conv Div Dropout Elu Flatten Gather Gelu Gemm GlobalAveragePool GlobalMaxPool HardSigmoid
HardSwish Identity LayerNormalization LeakyRelu MatMul MaxPool Mul Neg PRelu Pad ReduceMean
Relu Reshape Selu Shape Sigmoid Slice Softmax Split Squeeze Sub Sum Tanh Transpose
Unsqueeze""".split()


def frozen(model, inputs):
    """The model with all inputs but the first float32 one as constants, and
    that one's number; None where there is none."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    graph, fed = model.graph, None
    given = [i for i in graph.input]
    for number, (info, value) in enumerate(zip(given, inputs)):
        value = np.asarray(value)
        if fed is None and value.dtype == np.float32 and value.ndim > 0 and value.size:
            fed = number
            continue
        graph.input.remove(info)
        graph.initializer.append(numpy_helper.from_array(value, info.name))
    return model, fed


def evaluate(tool, folder, model, value, name, *mode):
    """The output of that name, or None and why it was refused."""
    paths = [os.path.join(folder, n) for n in ("model.onnx", "input", "output")]
    onnx.save(model, paths[0])
    np.ascontiguousarray(value, np.float32).tofile(paths[1])
    done = subprocess.run([tool, *paths, name, *mode], capture_output=True, text=True)
    if done.returncode == 1:
        return None, done.stderr.strip().split(".onnx': ")[-1]
    if done.returncode != 0:
        raise RuntimeError(f"exit {done.returncode}: {done.stderr.strip()[:300]}")
    data = open(paths[2], "rb").read()
    rank, = struct.unpack_from("q", data)
    shape = struct.unpack_from(f"{rank}q", data, 8)
    return np.frombuffer(data, np.float32, offset=8 + 8 * rank).reshape(shape), None


def run(tool, folder, case):
    for inputs, outputs in case.data_sets:
        if not all(isinstance(v, (np.ndarray, np.generic)) for v in [*inputs, *outputs]):
            return "refused", "types that are no plain tensors"
        model, fed = frozen(case.model, inputs)
        if fed is None:
            return "refused", "no input of type float32"
        for number, (info, expected) in enumerate(zip(model.graph.output, outputs)):
            # With the first dimension as the batch, or else with none.
            got, refused = evaluate(tool, folder, model, inputs[fed], info.name)
            if refused:
                got, _ = evaluate(tool, folder, model, inputs[fed], info.name, "whole")
            if got is None and number > 0 and refused.endswith("is not supported"):
                return "pass", "its first output alone: " + refused
            if got is None:
                return "refused", refused
            if got.shape != expected.shape:
                return "FAIL", f"shape {got.shape} for {expected.shape}"
            if not np.allclose(got, expected, rtol=case.rtol, atol=max(case.atol, 1e-6)):
                return "FAIL", f"largest difference {np.abs(got - expected).max()}"
    return "pass", ""


def main():
    tool, only = sys.argv[1], sys.argv[2:]
    counts = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        for case in sorted(loader.load_model_tests(kind="node"), key=lambda c: c.name):
            ops = [node.op_type for node in case.model.graph.node]
            if len(ops) != 1 or ops[0] not in CLAIMED:
                continue
            if only and not any(case.name.startswith(prefix) for prefix in only):
                continue
            try:
                verdict, why = run(tool, folder, case)
            except Exception as problem:
                verdict, why = "FAIL", str(problem)
            counts[verdict] += 1
            print(f"{verdict:8}{case.name}{': ' + why if why else ''}", flush=True)
    print(dict(counts))
    return counts["FAIL"] != 0


if __name__ == "__main__":
    sys.exit(main())
