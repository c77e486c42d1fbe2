"""What the scripts that make goldens with PyTorch share: a case's weights into a module,
its steps, and the final values out of it again."""
import numpy as np
import torch
from torch.nn import functional as F

import trajectories
import trajectory_cases


def load(module, case):
    """Every parameter and buffer is given by the case, and the other way round."""
    state = {trajectory_cases.torch_name(name): torch.from_numpy(
        np.ascontiguousarray(trajectory_cases.to_torch(name, value))) for name, value in case.weights.items()}
    missing, unexpected = module.load_state_dict(state, strict=False)
    assert not unexpected and all(m.endswith("num_batches_tracked") for m in missing), (missing, unexpected)


def run(case, make, optimizer, dtype, variant):
    # One thread, so that sums are in one order. Odd variants: torch's own loops instead
    # of oneDNN's.
    torch.set_num_threads(1)
    torch.backends.mkldnn.enabled = variant % 2 == 0
    module = make()
    load(module, case)
    module.to(getattr(torch, dtype)).train()
    step = optimizer([p for p in module.parameters() if p.requires_grad])
    losses = []
    for _, x, y in case.batches(variant):
        x = torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2))).to(getattr(torch, dtype))
        loss = F.cross_entropy(module(x), torch.from_numpy(y).long())
        step.zero_grad()
        loss.backward()
        step.step()
        losses.append(loss.item())
    state = module.state_dict()
    finals = {}
    for name in case.trained:
        value = state[trajectory_cases.torch_name(name)]
        assert value.dtype == getattr(torch, dtype), name
        finals[name] = trajectory_cases.from_torch(name, value.detach().numpy())
    return losses, finals


def main(case, make, optimizer):
    trajectories.main(case, lambda dtype, variant: run(case, make, optimizer, dtype, variant),
                      trajectory_cases.golden_path(case), {"torch": torch.__version__})
