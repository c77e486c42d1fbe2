#!/usr/bin/env python3
"""Writes torch_zip.pth and torch_legacy.pth, the checkpoints of
TorchSourceTest.cpp, with PyTorch itself: make_torch_files.py FOLDER"""
import argparse
import collections
import os
import pathlib
import sys

import numpy as np
import torch

values = torch.arange(30.0)
state = collections.OrderedDict()
state["module.transposed.weight"] = values[6:18].reshape(3, 4).t()
state["module.half.weight"] = values[:6].half()
state["module.brain.weight"] = values[:5].bfloat16()
state["module.double.weight"] = values[:5].double()
state["module.bn.num_batches_tracked"] = torch.tensor(7)
state["module.parameter"] = torch.nn.Parameter(values[10:12])
state["module.tail"] = values[20:]
state["module.channels_last"] = torch.arange(24.0).reshape(2, 3, 2, 2).to(memory_format=torch.channels_last)
state._metadata = {"": {"version": 1}}
checkpoint = {"epoch": 3, "best_prec1": torch.tensor(91.5), "accuracy": np.float64(3.5), "state_dict": state,
              "optimizer": {"state": {0: {"momentum_buffer": values[:3].clone()}}, "param_groups": [{"lr": 0.1}]},
              "args": argparse.Namespace(lr=0.1, output=pathlib.PosixPath("out"), sizes={1, 2}),
              "history": collections.defaultdict(list, loss=[1.5]), "random": np.arange(3)}
torch.save(checkpoint, os.path.join(sys.argv[1], "torch_zip.pth"))
torch.save(checkpoint, os.path.join(sys.argv[1], "torch_legacy.pth"), _use_new_zipfile_serialization=False)
