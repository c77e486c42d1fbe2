"""PyTorch's zip files without PyTorch, and safetensors without its library: what
the tests need to hand real weights of the one kind to tlc as the other.

A .pth holds a pickle that names tensors and one file of raw numbers for each
storage. The pickle is walked opcode by opcode and never run: the few opcodes
below build tuples, strings and one dictionary, every other one is an error.
"""
import json
import pickletools
import zipfile

import numpy as np

TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3, "TUPLE": None}
TYPES = {"FloatStorage": "<f4", "LongStorage": "<i8"}


def read_state_dict(path):
    """Names to arrays, of a state dict as torch.save writes it."""
    with zipfile.ZipFile(path) as archive:
        pickle = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
        folder = pickle[:-len("data.pkl")] + "data/"
        tree = walk(archive.read(pickle))
        return {name: tensor(archive, folder, value) for name, value in tree.items()}


def walk(data):
    """The pickle's value; a call f(*x) is the tuple (f, x)."""
    stack, marks, memo = [], [], {}
    for op, argument, _ in pickletools.genops(data):
        name = op.name
        if name == "MARK":
            marks.append(len(stack))
        elif name in ("BINUNICODE", "BININT", "BININT1", "BININT2", "LONG1", "GLOBAL"):
            stack.append(argument)
        elif name in ("NEWFALSE", "NEWTRUE", "NONE"):
            stack.append({"NEWFALSE": False, "NEWTRUE": True, "NONE": None}[name])
        elif name in TUPLES:
            at = marks.pop() if name == "TUPLE" else len(stack) - TUPLES[name]
            stack[at:] = [tuple(stack[at:])]
        elif name == "EMPTY_DICT":
            stack.append({})
        elif name in ("SETITEM", "SETITEMS"):
            at = marks.pop() if name == "SETITEMS" else len(stack) - 2
            stack[at - 1].update(zip(stack[at::2], stack[at + 1::2]))
            del stack[at:]
        elif name == "REDUCE":
            arguments, function = stack.pop(), stack.pop()
            stack.append({} if function == "collections OrderedDict" else (function, arguments))
        elif name == "BUILD":  # the state dict's own attributes: versions of modules
            stack.pop()
        elif name in ("BINPUT", "LONG_BINPUT"):
            memo[argument] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(memo[argument])
        elif name == "STOP":
            return stack.pop()
        elif name not in ("PROTO", "BINPERSID"):  # a storage is the tuple of its name
            raise ValueError(f"opcode {name} in a file of weights")


def tensor(archive, folder, value):
    function, (storage, offset, shape, strides, *_) = value
    if function != "torch._utils _rebuild_tensor_v2" or storage[0] != "storage":
        raise ValueError(f"{value} is no tensor")
    kind = np.dtype(TYPES[storage[1].split()[-1]])
    numbers = np.frombuffer(archive.read(folder + storage[2]), kind)
    return np.lib.stride_tricks.as_strided(numbers[offset:], shape, [s * kind.itemsize for s in strides]).copy()


def write_safetensors(path, tensors):
    """Float32 arrays, in the dictionary's order."""
    header, offset = {}, 0
    for name, array in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [offset, offset + 4 * array.size]}
        offset += 4 * array.size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(len(text).to_bytes(8, "little") + text)
        for array in tensors.values():
            f.write(np.ascontiguousarray(array, "<f4").tobytes())
