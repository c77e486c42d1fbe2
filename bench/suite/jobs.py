"""What is measured: a table of jobs, and one of peers.

A job is one piece of work that every side does: `work` says it in words that
our side (`ours.py`) and each peer's file understand. Where a peer is known to
be given more than it would have (`controls`), the row tells our cache and our
kernels apart. `bar` is what the ratio of the best peer's time to ours must
reach at least, from issues 5 and 6; None where no bar was set.
"""
from dataclasses import dataclass, field

SIDES = {"vgg16": 150, "mobilenet_025": 224, "mobilenet_100": 224, "squeezenet1_0": 224, "resnet20": 32,
         "resnet50": 224, "inception_v3": 299, "vit_b16": 224}
# Where keras.applications has a network that is not quite torchvision's, which all others run.
DIFFERENT = {("keras_peer", "resnet50"): "Keras's own: strides in the first 1x1, 6 % fewer multiply-adds, biases"}


@dataclass(frozen=True)
class Peer:
    module: str             # of this package
    variant: str = ""       # passed to it in the work
    packages: tuple = ()    # what must be installed


PEERS = {
    "keras": Peer("keras_peer", "", ("keras", "tensorflow")),
    "keras_xla": Peer("keras_peer", "xla", ("keras", "tensorflow")),
    "pytorch": Peer("torch_peer", "", ("torch", "torchvision")),
    "pytorch_channels_last": Peer("torch_peer", "channels_last", ("torch", "torchvision")),
    "pytorch_compile": Peer("torch_peer", "compile", ("torch", "torchvision")),
    "onnxruntime": Peer("onnxruntime_peer", "", ("onnxruntime", "onnx", "torch", "torchvision")),
    "openvino": Peer("openvino_peer", "", ("openvino", "onnx", "torch", "torchvision")),
    "onednn": Peer("layers_peer", "onednn", ("torch",)),
    "onednn_blocked": Peer("layers_peer", "blocked", ("torch",)),
    "mkl": Peer("layers_peer", "mkl", ("torch",)),
    "mkl_packed": Peer("layers_peer", "mkl_packed", ("torch",)),
    "pillow": Peer("pillow_peer", "", ("PIL", "numpy")),
}
INFERENCE = ("keras", "keras_xla", "pytorch", "pytorch_channels_last", "pytorch_compile", "onnxruntime", "openvino")
TRAINING = ("keras", "pytorch", "pytorch_channels_last", "pytorch_compile")
TORCH = "pytorch_channels_last"
GIVEN = {"pytorch, given the cached features": (TORCH, {"cached": True})}


@dataclass(frozen=True)
class Job:
    name: str
    title: str
    work: dict
    peers: tuple
    pictures: int = 1       # in one piece of work, for rates
    bar: float = None
    metric: str = "seconds"     # or peak_mb: of the process that did it
    controls: dict = field(default_factory=dict)    # row -> (peer, what its work has besides)
    parts: dict = field(default_factory=dict)       # row -> ((times, peer, work), ...): extrapolated


def forward(network, batch, bar=None):
    side = SIDES[network]
    return Job(f"forward.{network}.{batch}", f"{network} {side}x{side}, frozen forward, batch {batch}",
               {"do": "forward", "network": network, "batch": batch}, INFERENCE, batch, bar)


def step(name, title, batch, bar, controls=None, **work):
    return Job(f"step.{name}", f"training step, {title}, batch {batch}", {"do": "step", "batch": batch, **work},
               TRAINING, batch, bar, controls=controls or {})


def first(network, bar):
    return Job(f"first.{network}", f"process start to first prediction, {network}",
               {"do": "first", "network": network, "batch": 1},
               ("keras", "pytorch", "onnxruntime", "openvino"), bar=bar)


def layers(network, title, batch, peers):
    return Job(f"layers.{network}.{batch}", f"{title}, layer by layer, batch {batch}",
               {"do": "layers", "network": network, "batch": batch}, peers, batch, 1.05,
               controls={"onednn, held to AVX2": ("onednn", {"isa": "AVX2"})})


CONVOLUTIONS, PRODUCTS = "1x1 and 3x3 convolutions of ResNet-50", "matrix products of ViT-B/16"

# Recipes A and B: 2,000 training and 1,000 validation pictures in batches of
# 20, each of 100 and of 50 steps an epoch.
STEPS, CHECKS, PICTURES, DECODED = 100, 50, 3000, 100
TAIL = {"network": "vgg16", "trained": "tail", "batch": 20}
HEAD = {"network": "vgg16", "trained": "none", "batch": 20}
DECODE = {"do": "decode", "count": DECODED, "threads": 1}
# Peers are taken to decode with two workers that share the work without loss.
DECODES = PICTURES // DECODED // 2


def keras_epochs(count, work):
    return ((count * STEPS, "keras", {"do": "step", **work}), (count * CHECKS, "keras", {"do": "evaluate", **work}))


BY_HAND = ((DECODES, "pytorch", DECODE),
           (PICTURES // 20, TORCH, {"do": "forward", "network": "vgg16", "batch": 20}))


def by_hand(epochs):
    return (*BY_HAND, (epochs, TORCH, {"do": "head_epoch", "train": STEPS * 20, "val": CHECKS * 20}))


CACHED = {**TAIL, "cached": True}
BY_HAND_B = (*by_hand(10), (10 * STEPS, TORCH, {"do": "step", **CACHED}),
             (10 * CHECKS, TORCH, {"do": "evaluate", **CACHED}))
KERAS_DECODES = (DECODES, "pillow", DECODE)
ONCE = "pytorch, features extracted once by hand"

JOBS = {job.name: job for job in (
    *(forward(network, batch, bar) for network, batch, bar in (
        ("vgg16", 32, 2.0), ("vgg16", 1, 1.5), ("mobilenet_025", 32, 1.1), ("mobilenet_025", 1, None),
        ("mobilenet_100", 32, 1.1), ("mobilenet_100", 1, None), ("squeezenet1_0", 32, 1.1),
        ("squeezenet1_0", 1, None), ("resnet20", 32, None), ("resnet20", 1, None), ("resnet50", 32, 1.15),
        ("resnet50", 1, 1.05), ("inception_v3", 32, None), ("inception_v3", 1, None), ("vit_b16", 32, None),
        ("vit_b16", 8, 1.1), ("vit_b16", 1, None))),
    *(layers("resnet50", CONVOLUTIONS, batch, ("onednn", "onednn_blocked")) for batch in (8, 1)),
    *(layers("vit_b16", PRODUCTS, batch, ("onednn", "mkl", "mkl_packed")) for batch in (8, 1)),
    step("vgg16_tail", "VGG16's last 4 layers", 20, 4.5, GIVEN, network="vgg16", trained="tail"),
    step("resnet50_tail", "ResNet-50's last stage, statistics frozen", 32, 2.4, GIVEN, network="resnet50",
         trained="tail"),
    step("vit_b16_tail", "ViT-B/16's last 2 blocks", 32, 2.5, GIVEN, network="vit_b16", trained="tail"),
    step("resnet20", "ResNet-20, all layers", 128, 1.0, network="resnet20", trained="all"),
    step("vgg16_all", "VGG16 150x150, all layers", 8, 1.0, network="vgg16", trained="all"),
    Job("recipe.A", "recipe A from cold, decode included", {"do": "recipe", "example": "02-cats-and-dogs"},
        (), bar=50, parts={"keras": (KERAS_DECODES, *keras_epochs(30, HEAD)), ONCE: by_hand(30)}),
    Job("recipe.B", "recipe B from cold, decode included", {"do": "recipe", "example": "03-fine-tuning"},
        (), parts={"keras": (KERAS_DECODES, *keras_epochs(10, HEAD), *keras_epochs(10, TAIL)), ONCE: BY_HAND_B}),
    first("vgg16", 2.5), first("mobilenet_025", 5),
    Job("memory.extract", "peak memory, VGG16 features of 32 pictures",
        {"do": "forward", "network": "vgg16", "batch": 32, "memory": True},
        ("keras", "pytorch", "pytorch_channels_last", "onnxruntime", "openvino"), bar=2, metric="peak_mb"),
    Job("memory.head", "peak memory, a head of VGG16 trained on 400 pictures' features",
        {"do": "head_epoch", "train": 200, "val": 200, "memory": True}, ("keras", "pytorch"), bar=5,
        metric="peak_mb"),
    Job("memory.predict", "peak memory, process start to first prediction, vgg16",
        {"do": "first", "network": "vgg16", "batch": 1}, ("keras", "pytorch", "onnxruntime", "openvino"),
        metric="peak_mb"),
    Job("decode", "JPEG 500x375 to 150x150 float, one core", DECODE,
        ("pillow", "pytorch", "keras"), DECODED, 1.2),
)}


def remark(peer, job):
    """What a row must say about the work that this peer does, or None."""
    return DIFFERENT.get((PEERS[peer].module, job.work.get("network"))) if peer in PEERS else None


def choose(patterns, names):
    """The names that some pattern begins: `forward.vgg16` means both batches."""
    chosen = [name for name in names if any(name == p or name.startswith(p + ".") for p in patterns)]
    unknown = [p for p in patterns if not any(n == p or n.startswith(p + ".") for n in names)]
    if unknown:
        raise SystemExit(f"no such name: {', '.join(unknown)}; there are: {', '.join(names)}")
    return chosen
