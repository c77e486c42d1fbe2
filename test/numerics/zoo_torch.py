#!/usr/bin/env python3
"""PyTorch's side of the zoo (zoo.py). Needs torch, torchvision and timm;
safetensors for the comparison.

    python3 test/numerics/zoo_torch.py --goldens [NAME ...]   # writes zoo/NAME.npz
    python3 test/numerics/zoo_torch.py [NAME ...]             # compares at the published size
    python3 test/numerics/zoo_torch.py --size 97x131 [NAME ...]   # or at another one
"""
import os

import numpy as np
import torch
import torchvision

import zoo
from zoo_tools import compare, main

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def create(network, size):
    options = dict(network.options)
    if network.library == "timm":
        import timm

        if network.original == "VisionTransformer":
            return timm.models.VisionTransformer(img_size=size, **options)
        return timm.create_model(network.original, pretrained=False, img_size=size, **options)
    if network.original == "VisionTransformer":
        return torchvision.models.VisionTransformer(image_size=size, **options)
    if network.original.startswith("vit"):
        options["image_size"] = size
    if network.original == "inception_v3":
        # As torchvision builds it for its published weights.
        options = {"transform_input": True, "aux_logits": True, "init_weights": False}
    return torchvision.models.get_model(network.original, weights=None, **options)


def resampled(model, state):
    """The state for the input size of this model, by the library's own function."""
    if "pos_embed" in state:
        from timm.layers import resample_abs_pos_embed

        return dict(state, pos_embed=resample_abs_pos_embed(
            state["pos_embed"], model.patch_embed.grid_size, num_prefix_tokens=model.num_prefix_tokens))
    if "encoder.pos_embedding" in state:
        return torchvision.models.vision_transformer.interpolate_embeddings(
            model.image_size, model.patch_size, dict(state))
    return state


def build(network, size):
    """(the model with the seed's weights, the state of the weight file)"""
    state = create(network, network.file_size or size).state_dict()
    for name, value in state.items():
        if not name.endswith("num_batches_tracked"):
            state[name] = torch.from_numpy(network.value(name, tuple(value.shape)))
    model = create(network, size).eval()
    model.load_state_dict(resampled(model, state) if network.file_size else state)
    return model, state


def tensors(network, state):
    return [(name, tuple(value.shape)) for name, value in state.items()
            if value.ndim and (network.top or not name.startswith("classifier"))]


def outputs(network, model, size):
    """(the map before the top as [N, H, W, C], or features, scores or None)"""
    x = torch.from_numpy(network.pixels(size)).permute(0, 3, 1, 2)
    half = network.preprocess == "half"
    mean, std = ((0.5,) * 3, (0.5,) * 3) if half else (MEAN, STD)
    x = torchvision.transforms.functional.normalize(x.to(torch.float32) / 255, mean, std)
    seen = []
    if network.features == "relu of features":
        model.features.register_forward_hook(lambda m, i, o: seen.append(torch.relu(o.clone())))
    elif network.features == "output of features":
        model.features.register_forward_hook(lambda m, i, o: seen.append(o.clone()))
    else:
        model.get_submodule(network.features).register_forward_pre_hook(lambda m, i: seen.append(i[0].clone()))
    with torch.inference_mode():
        scores = model(x)
    features = seen[0].permute(0, 2, 3, 1) if seen[0].ndim == 4 else seen[0]
    return features.numpy(), scores.numpy()


def parameters(state):
    return sum(p.numel() for name, p in state.items()
               if p.ndim and not name.startswith("AuxLogits"))


def make_golden(network):
    model, state = build(network, network.size)
    features, scores = outputs(network, model, network.size)
    whole = create(network, network.full).state_dict()
    zoo.save_golden(network, tensors(network, state), parameters(whole), features, scores)


def compare_whole(network):
    from safetensors.torch import save_file

    model, state = build(network, network.full)
    features, scores = outputs(network, model, network.full)
    def write_weights(folder):
        files = [os.path.join(folder, name) for name in ("zoo.pth", "zoo.safetensors")]
        torch.save(state, files[0])
        save_file({name: value.contiguous() for name, value in state.items()}, files[1])
        return files
    compare(network, write_weights, np.ascontiguousarray(features), scores, None,
            parameters(model.state_dict()))


if __name__ == "__main__":
    main("torch", make_golden, compare_whole)
