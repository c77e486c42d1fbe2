"""Makes fine_tuning.npz: three phases of fine-tuning in PyTorch, in double, for
test/e2e/test_fine_tuning.py. Run with torch 2: python3 torch_fine_tuning.py

A small network with its own top: the top trains in every phase, the last
convolution and its batch norm from the first, the depthwise ones from the
second, both in training mode; in the third the batch norms use their stored
statistics again. Plain gradient descent on all pictures at once, so that their
order does not matter. The two conventions differ in the running statistics:
momentum 0.99 and the biased variance (keras), 0.9 and the unbiased one (torch).
"""
import numpy as np
import torch
import torch.nn.functional as F

EPSILON, EPOCHS = 1e-3, 2
PHASES = [(["c3"], True), (["c3", "c2"], True), (["c3", "c2"], False)]
BACKBONE_RATE, HEAD_RATE = 0.05, 0.2


def draw(rng):
    """Pictures of three classes, and weights under torch's names."""
    pictures = rng.integers(0, 256, (12, 12, 12, 3), np.uint8)
    labels = np.arange(12) % 3
    for picture, label in zip(pictures, labels):
        picture[..., label] //= 3
    weights = {"c1.weight": rng.normal(0, 0.3, (8, 3, 3, 3)),
               "c2.weight": rng.normal(0, 0.4, (8, 1, 3, 3)),
               "c3.weight": rng.normal(0, 0.4, (10, 8, 1, 1)),
               "fc.weight": rng.normal(0, 0.4, (3, 10)), "fc.bias": rng.normal(0, 0.1, 3)}
    for name, channels in (("b1", 8), ("b2", 8), ("b3", 10)):
        weights[f"{name}.weight"] = rng.uniform(0.7, 1.3, channels)
        weights[f"{name}.bias"] = rng.normal(0, 0.2, channels)
        weights[f"{name}.running_mean"] = rng.normal(0, 0.2, channels)
        weights[f"{name}.running_var"] = rng.uniform(0.5, 1.5, channels)
    return pictures, labels, {name: value.astype(np.float32) for name, value in weights.items()}


def forward(w, x, training):
    """Logits, and the statistics of each batch norm in `training`."""
    statistics = {}
    for i in "123":
        # Stride 2 with Keras's "same": the odd row below, the odd column right.
        pads = {"1": (0, 1, 0, 1), "2": (1, 1, 1, 1), "3": (0, 0, 0, 0)}[i]
        x = F.conv2d(F.pad(x, pads), w[f"c{i}.weight"], stride=2 if i == "1" else 1, groups=8 if i == "2" else 1)
        stored = w[f"b{i}.running_mean"], w[f"b{i}.running_var"]
        if f"c{i}" in training:
            y = x.detach()
            statistics[f"b{i}"] = y.mean((0, 2, 3)), y.var((0, 2, 3), unbiased=False), x.numel() // x.shape[1]
            stored = None, None
        x = F.batch_norm(x, *stored, w[f"b{i}.weight"], w[f"b{i}.bias"], training=stored[0] is None, eps=EPSILON)
        x = torch.relu(x)
    return F.linear(x.mean((2, 3)), w["fc.weight"], w["fc.bias"]), statistics


def train(pictures, labels, start, convention):
    w = {name: torch.tensor(value, dtype=torch.float64) for name, value in start.items()}
    x = torch.tensor(pictures, dtype=torch.float64).permute(0, 3, 1, 2) / 127.5 - 1
    keras = convention == "keras"
    momentum = 0.99 if keras else 0.9
    losses = []
    for layers, batch_statistics in PHASES:
        for _ in range(EPOCHS):
            rates = {"fc.weight": HEAD_RATE, "fc.bias": HEAD_RATE}
            for c in layers:
                b = "b" + c[1:]
                rates.update({f"{c}.weight": BACKBONE_RATE, f"{b}.weight": BACKBONE_RATE, f"{b}.bias": BACKBONE_RATE})
            for name in rates:
                w[name].requires_grad_(True)
            logits, statistics = forward(w, x, layers if batch_statistics else [])
            loss = F.cross_entropy(logits, torch.tensor(labels))
            losses.append(loss.item())
            gradients = torch.autograd.grad(loss, [w[name] for name in rates])
            for (name, rate), gradient in zip(rates.items(), gradients):
                w[name] = w[name].detach() - rate * gradient
            for b, (mean, variance, count) in statistics.items():
                variance = variance * (1 if keras else count / (count - 1))
                for name, new in ((f"{b}.running_mean", mean), (f"{b}.running_var", variance)):
                    w[name] = momentum * w[name] + (1 - momentum) * new
    return losses, {name: value.numpy() for name, value in w.items()}


def main():
    pictures, labels, start = draw(np.random.default_rng(5))
    arrays = {"pictures": pictures, "labels": labels}
    arrays.update({f"start/{name}": value for name, value in start.items()})
    for convention in ("keras", "torch"):
        losses, end = train(pictures, labels, start, convention)
        arrays[f"{convention}/losses"] = np.array(losses)
        arrays.update({f"{convention}/end/{name}": value for name, value in end.items()})
    np.savez_compressed("fine_tuning.npz", **arrays)


if __name__ == "__main__":
    main()
