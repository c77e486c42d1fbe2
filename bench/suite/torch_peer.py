"""PyTorch, as the suite's child runs it; torchvision.io for pictures.

Each function takes a job's `work`, builds what it needs and returns the piece
of work to be timed; `save_*` write the files that other processes start from.
Variants: eager as it comes, channels last, and torch.compile on the latter
(for inference with its weights frozen, which lets it pack them).
"""
import os

import torch
from torch import nn

from . import torch_networks as networks
from .jobs import SIDES


def versions():
    import torchvision
    return {"torch": torch.__version__, "torchvision": torchvision.__version__}


def layout(work, value):
    torch.set_num_threads(work["threads"])
    last = work.get("variant") in ("channels_last", "compile")
    tokens = isinstance(value, torch.Tensor) and value.dim() == 3
    return value.to(memory_format=torch.channels_last) if last and not tokens else value


def pixels(work):
    side = SIDES[work["network"]]
    return layout(work, torch.rand(work["batch"], 3, side, side))


def forward(work):
    network, x = layout(work, networks.features(work["network"])), pixels(work)
    if work.get("variant") == "compile":
        import torch._inductor.config as inductor
        inductor.freezing = True
        network = torch.compile(network)

    def piece():
        with torch.no_grad():
            return network(x)
    return piece


def training(work):
    """(network, its trained parameters, pictures or features, labels, loss)."""
    name, trained = work["network"], work["trained"]
    base = networks.base(name)
    frozen = {"none": len(base), "tail": len(base) - networks.TAILS.get(name, 0), "all": 0}[trained]
    for parameter in base[:frozen].parameters():
        parameter.requires_grad_(False)
    if trained == "tail":
        base.eval()  # batch norms' statistics are frozen, as ours and Keras's guide have it
    network = nn.Sequential(base[frozen:] if work.get("cached") else base, networks.classifier(name))
    network = layout(work, network)
    x = layout(work, torch.rand(work["batch"], *networks.CACHED[name])) if work.get("cached") else pixels(work)
    if name == "vgg16":
        y, loss = (torch.arange(work["batch"]) % 2).float()[:, None], nn.BCEWithLogitsLoss()
    else:
        y, loss = torch.arange(work["batch"]) % 10, nn.CrossEntropyLoss()
    parameters = [p for p in network.parameters() if p.requires_grad]
    if work.get("variant") == "compile":
        network = torch.compile(network)
    return network, parameters, x, y, loss


def step(work):
    network, parameters, x, y, loss = training(work)
    if work["network"] == "vgg16":
        optimizer = torch.optim.RMSprop(parameters, lr=1e-5, alpha=0.9, eps=1e-7)
    else:
        optimizer = torch.optim.SGD(parameters, lr=1e-3, momentum=0.9, weight_decay=1e-4)

    def piece():
        optimizer.zero_grad()
        value = loss(network(x), y)
        value.backward()
        optimizer.step()
        return value.item()
    return piece


def evaluate(work):
    network, _, x, y, loss = training(work)
    network.eval()

    def piece():
        with torch.no_grad():
            return loss(network(x), y).item()
    return piece


def head_epoch(work):
    """An epoch of VGG16's head on features that lie in memory, batch 20."""
    torch.set_num_threads(work["threads"])
    rows, batch = work["train"] + work["val"], 20
    x, y = torch.rand(rows, 8192), torch.randint(0, 2, (rows, 1)).float()
    head, loss = networks.classifier("vgg16"), nn.BCEWithLogitsLoss()
    optimizer = torch.optim.RMSprop(head.parameters(), lr=2e-5, alpha=0.9, eps=1e-7)

    def piece():
        for i in range(0, work["train"], batch):
            optimizer.zero_grad()
            loss(head(x[i:i + batch]), y[i:i + batch]).backward()
            optimizer.step()
        with torch.no_grad():
            for i in range(work["train"], rows, batch):
                loss(head(x[i:i + batch]), y[i:i + batch]).item()
    return piece


def save(work):
    torch.save(networks.features(work["network"]).state_dict(), work["file"])


def save_onnx(work):
    name, side = work["network"], SIDES[work["network"]]
    # a block of a transformer as one operation of PyTorch's own has no ONNX form
    torch.backends.mha.set_fastpath_enabled(False)
    torch.onnx.export(networks.features(name), (torch.rand(work["batch"], 3, side, side),), work["file"], dynamo=False,
                      opset_version=17, input_names=["pixels"], output_names=["features"])


def first(work):
    torch.set_num_threads(work["threads"])
    network = networks.features(work["network"])
    network.load_state_dict(torch.load(work["file"], weights_only=True))
    with torch.no_grad():
        network(pixels(work))


def decode(work):
    from torchvision.io import decode_jpeg, read_file
    from torchvision.transforms import v2
    torch.set_num_threads(work["threads"])
    names = [os.path.join(work["pictures"], name) for name in sorted(os.listdir(work["pictures"]))]
    change = v2.Compose([v2.Resize((150, 150), antialias=True), v2.ToDtype(torch.float32, scale=True),
                         v2.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))])
    return lambda: [change(decode_jpeg(read_file(name))) for name in names]
