"""Networks of torchvision, exported by both of torch's exporters with seeded
weights at a small size: the importer on the reference interpreter against ONNX
Runtime, within 1e-4 of the largest value. Needs torch, torchvision, onnx,
onnxscript and onnxruntime.

    python3 test/numerics/onnx_torchvision.py build/dev/bin/onnx-eval [NETWORK...]"""
import os
import struct
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import onnxruntime
import torch
import torchvision
from torchvision.models.vision_transformer import VisionTransformer

warnings.simplefilter("ignore")
NETWORKS = {"resnet18": 40, "mobilenet_v2": 40, "squeezenet1_1": 40, "densenet121": 40, "tiny_vit": 24,
            "vgg16": 32}
# Its pool is from 1x1 to 7x7, which the old exporter refuses to write.
NEW_ALONE = ("vgg16",)


def network(name, size):
    torch.manual_seed(3)
    if name == "tiny_vit":
        model = VisionTransformer(image_size=size, patch_size=8, num_layers=2, num_heads=3,
                                  hidden_dim=48, mlp_dim=96, num_classes=10)
        # torchvision starts these at zero, which would hide what comes before.
        torch.nn.init.normal_(model.heads.head.weight)
        torch.nn.init.normal_(model.class_token)
    else:
        model = getattr(torchvision.models, name)(num_classes=10)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for values, low, high in ((module.running_mean, -.1, .1), (module.running_var, .8, 1.2),
                                      (module.weight.data, .8, 1.2), (module.bias.data, -.1, .1)):
                values.uniform_(low, high)
    return model.eval()


def export(model, x, path, dynamo):
    if dynamo:
        torch.onnx.export(model, (x,), path, dynamo=True, input_names=["x"], external_data=False)
    else:
        torch.onnx.export(model, (x,), path, dynamo=False, opset_version=17, input_names=["x"])


def main():
    tool, names = sys.argv[1], sys.argv[2:] or list(NETWORKS)
    worst = 0
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, n) for n in ("model.onnx", "input", "output")]
        for name in names:
            for dynamo in (True,) if name in NEW_ALONE else (False, True):
                x = torch.randn(1, 3, NETWORKS[name], NETWORKS[name])
                export(network(name, NETWORKS[name]), x, paths[0], dynamo)
                session = onnxruntime.InferenceSession(paths[0], providers=["CPUExecutionProvider"])
                wanted, = session.run(None, {"x": x.numpy()})
                x.numpy().tofile(paths[1])
                subprocess.run([tool, *paths], check=True)
                data = open(paths[2], "rb").read()
                rank, = struct.unpack_from("q", data)
                found = np.frombuffer(data, np.float32, offset=8 + 8 * rank).reshape(wanted.shape)
                error = np.abs(found - wanted).max() / np.abs(wanted).max()
                worst = max(worst, error)
                print(f"{name} by the {'new' if dynamo else 'old'} exporter: {error:.1e}")
    return not worst < 1e-4


if __name__ == "__main__":
    sys.exit(main())
