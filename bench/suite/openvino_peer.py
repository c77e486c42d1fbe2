"""OpenVINO on a file that PyTorch exported, as the suite's child runs it.

f32 as every side, one request at a time with all threads in it.
"""
import numpy as np
import openvino


def versions():
    return {"openvino": openvino.__version__}


def forward(work):
    core = openvino.Core()
    network = core.compile_model(core.read_model(work["file"]), "CPU", {
        "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": work["threads"], "INFERENCE_PRECISION_HINT": "f32"})
    x = np.random.default_rng(0).random(tuple(network.input(0).shape), np.float32)
    request = network.create_infer_request()
    return lambda: request.infer({0: x}, share_inputs=True)


def first(work):
    forward(work)()
