"""ONNX Runtime on a file that PyTorch exported, as the suite's child runs it."""
import numpy as np
import onnxruntime


def versions():
    return {"onnxruntime": onnxruntime.__version__}


def session(work):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = work["threads"]
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(work["file"], options, providers=["CPUExecutionProvider"])


def forward(work):
    network = session(work)
    shape = network.get_inputs()[0].shape
    x = np.random.default_rng(0).random(shape, np.float32)
    return lambda: network.run(None, {"pixels": x})


def first(work):
    forward(work)()
