"""Learning rates that PyTorch's schedulers give, and areas under the curve that
scikit-learn gives, as the initialisers in test/unit/runtime/LoopGoldens.inc.

    python3 schedules.py > ../unit/runtime/LoopGoldens.inc

Made with torch 2.15 and scikit-learn. Not run by the tests.
"""
import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch.optim import SGD
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, OneCycleLR, SequentialLR, StepLR


def rates(make, steps, lr=1.0):
    optimizer = SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    schedule = make(optimizer)
    out = []
    for _ in range(steps):
        out.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return out


def warmed(optimizer, warmup, then):
    # LinearLR reaches 1 after `total_iters` steps; the last step of the rise is
    # ours at 1, the first of what follows too.
    rise = LinearLR(optimizer, start_factor=1 / warmup, total_iters=warmup - 1)
    return SequentialLR(optimizer, [rise, then], milestones=[warmup])


def write(name, values):
    text = ", ".join(f"{v:.17g}" for v in values)
    print(f"const std::vector<double> {name} = {{{text}}};")


def main():
    print("// Made by test/numerics/schedules.py.")
    print("// clang-format off")
    print("#include <cstdint>\n#include <vector>")
    # 3 epochs of 7 steps.
    write("kStep", rates(lambda o: StepLR(o, step_size=7, gamma=0.5), 21))
    write("kStepWarm", rates(lambda o: warmed(o, 7, StepLR(o, step_size=7, gamma=0.5)), 21))
    write("kCosine", rates(lambda o: CosineAnnealingLR(o, T_max=21), 21))
    write("kCosineWarm", rates(lambda o: warmed(o, 7, CosineAnnealingLR(o, T_max=14)), 21))
    # The rise of the linear one and the fall of the cosine one: 20 steps, 6 up.
    cycle = dict(max_lr=1.0, total_steps=20, pct_start=0.3)
    linear = rates(lambda o: OneCycleLR(o, anneal_strategy="linear", **cycle), 20)
    cosine = rates(lambda o: OneCycleLR(o, anneal_strategy="cos", **cycle), 20)
    write("kOneCycle", linear[:6] + cosine[6:])
    random = np.random.default_rng(5)
    labels = random.integers(0, 2, 60)
    scores = np.round(random.random(60) * 0.7 + 0.3 * labels, 1)  # many ties
    write("kAucScores", scores)
    print(f"const std::vector<int32_t> kAucLabels = {{{', '.join(map(str, labels))}}};")
    print(f"constexpr double kAuc = {roc_auc_score(labels, scores):.17g};")
    print("// clang-format on")


main()
