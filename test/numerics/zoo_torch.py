#!/usr/bin/env python3
"""PyTorch's side of the zoo (zoo.py). Needs torch and torchvision; safetensors for the
comparison.

    python3 test/numerics/zoo_torch.py --goldens [NAME ...]   # writes zoo/NAME.npz
    python3 test/numerics/zoo_torch.py [NAME ...]             # compares at the published size
"""
import os

import numpy as np
import torch
import torchvision

import zoo
from zoo_tools import compare, main

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def build(network):
    """The model with the seed's weights."""
    more = {}
    if network.original == "inception_v3":
        # As torchvision builds it for its published weights.
        more = {"transform_input": True, "aux_logits": True, "init_weights": False}
    model = torchvision.models.get_model(network.original, weights=None, **more).eval()
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if not name.endswith("num_batches_tracked"):
                value.copy_(torch.from_numpy(network.value(name, tuple(value.shape))))
    return model


def tensors(network, model):
    return [(name, tuple(value.shape)) for name, value in model.state_dict().items()
            if value.ndim and (network.top or not name.startswith("classifier"))]


def outputs(network, model, size):
    """(the map before the top as [N, H, W, C], scores or None)"""
    x = torch.from_numpy(network.pixels(size)).permute(0, 3, 1, 2)
    x = torchvision.transforms.functional.normalize(x.to(torch.float32) / 255, MEAN, STD)
    seen = []
    if network.features == "relu of features":
        model.features.register_forward_hook(lambda m, i, o: seen.append(torch.relu(o.clone())))
    else:
        model.get_submodule(network.features).register_forward_pre_hook(lambda m, i: seen.append(i[0].clone()))
    with torch.inference_mode():
        scores = model(x)
    return seen[0].permute(0, 2, 3, 1).numpy(), scores.numpy()


def parameters(model):
    return sum(p.numel() for name, p in model.state_dict().items()
               if p.ndim and not name.startswith("AuxLogits"))


def make_golden(network):
    model = build(network)
    features, scores = outputs(network, model, network.size)
    zoo.save_golden(network, tensors(network, model), parameters(model), features, scores)


def compare_whole(network):
    from safetensors.torch import save_file

    model = build(network)
    features, scores = outputs(network, model, network.full)
    def write_weights(folder):
        files = [os.path.join(folder, name) for name in ("zoo.pth", "zoo.safetensors")]
        torch.save(model.state_dict(), files[0])
        save_file({name: value.contiguous() for name, value in model.state_dict().items()}, files[1])
        return files
    compare(network, write_weights, np.ascontiguousarray(features), scores, None, parameters(model))


if __name__ == "__main__":
    main("torch", make_golden, compare_whole)
