"""What training runs against a framework share: numbers from a seed, goldens small
enough to keep, and the bound between them (section 8 of the design).

A case (trajectory_cases.py) is a recipe with its pictures and every initial weight,
all made from seeds here, so that the script that runs a framework and the test
that runs tlrun start from the same bits and neither needs a file of the other. A
golden keeps each step's loss in single and double precision and, for each trained
tensor, how far it moved and how far the two precisions ended apart. The tensor's
final values themselves are kept as a CountSketch (M. Charikar, K. Chen,
M. Farach-Colton, "Finding frequent items in data streams", 2002): each value is
added to one of 2,048 buckets with a sign, both hashed from its place. A sketch is
linear and keeps the norm of a difference within a few percent (the square's
standard error is sqrt(2 / 2048) = 3 %), so that seven million weights need 8 KB.
Smaller tensors are kept whole.

Needs numpy; of raw PCG64 words alone, whose stream numpy promises to keep, and of
+ - * / and sqrt, so that every machine and version gets the same bits.
"""
import hashlib
import json
import struct
import sys
import zlib

import numpy as np

BUCKETS = 2048


def words(name, count):
    """`count` random 64-bit words that depend on the name alone."""
    return np.random.PCG64(zlib.crc32(name.encode())).random_raw(count)


def uniform(name, shape, low, high):
    """float32 values between low and high."""
    unit = (words(name, int(np.prod(shape))) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return (low + (high - low) * unit).reshape(shape).astype(np.float32)


def he_uniform(name, shape, fan_in, gain=1.0):
    """Keeps the mean square of what a ReLU leaves: variance 2 / fan_in."""
    limit = gain * np.sqrt(6.0 / fan_in)
    return uniform(name, shape, -limit, limit)


def pictures(name, classes, each, size):
    """uint8 [classes * each, size, size, 3], class by class: coarse patches on a
    tint of the class, with noise. Returned with their labels."""
    total, cell = classes * each, size // 4
    coarse = (words(name + ".coarse", total * 4 * 4 * 3) % np.uint64(160)).reshape(total, 4, 4, 3)
    noise = (words(name + ".noise", total * size * size * 3) % np.uint64(48)).reshape(total, size, size, 3)
    tint = (words(name + ".tint", classes * 3) % np.uint64(48)).reshape(classes, 1, 1, 3)
    labels = np.repeat(np.arange(classes, dtype=np.int32), each)
    patches = coarse.repeat(cell, 1).repeat(cell, 2)
    return (patches + noise + tint[labels]).astype(np.uint8), labels


def normalise(pixels, scale=1.0, mean=(0, 0, 0), std=(1, 1, 1), bgr=False):
    """float32 pixels as the runtime makes them: (value * scale - mean) / std."""
    pixels = pixels[..., ::-1] if bgr else pixels
    scaled = pixels.astype(np.float32) * np.float32(scale)
    return (scaled - np.array(mean, np.float32)) / np.array(std, np.float32)


def sketch(name, values):
    """The CountSketch of a tensor, or the tensor itself where that is no larger; float64."""
    flat = np.asarray(values, np.float64).ravel()
    if flat.size <= BUCKETS:
        return flat
    hashed = words(name + ".sketch", flat.size)
    signs = 1.0 - 2.0 * ((hashed >> np.uint64(11)) & np.uint64(1)).astype(np.float64)
    return np.bincount((hashed % np.uint64(BUCKETS)).astype(np.int64), signs * flat, BUCKETS)


def save_safetensors(path, tensors, metadata=None):
    header, at = ({"__metadata__": metadata} if metadata else {}), 0
    for name, value in tensors.items():
        kind = {"float32": "F32", "float64": "F64"}[value.dtype.name]
        header[name] = {"dtype": kind, "shape": list(value.shape), "data_offsets": [at, at + value.nbytes]}
        at += value.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for value in tensors.values():
            f.write(np.ascontiguousarray(value).tobytes())


def load_safetensors(path):
    """(tensors, metadata)"""
    with open(path, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = f.read()
    metadata = header.pop("__metadata__", {})
    kinds = {"F32": np.float32, "F64": np.float64}
    return {name: np.frombuffer(data[slice(*entry["data_offsets"])], kinds[entry["dtype"]])
            .reshape(entry["shape"]) for name, entry in header.items()}, metadata


def fingerprint(case):
    """Of all that a run starts from: if it differs, script and test no longer agree."""
    digest = hashlib.sha256()
    for name in sorted(case.weights):
        digest.update(name.encode() + case.weights[name].tobytes())
    digest.update(case.inputs.tobytes() + case.labels.tobytes())
    return digest.hexdigest()


def save_golden(path, case, singles, double, versions):
    """`double` and each of `singles`: (losses, final weights by canonical name). Several runs in
    single precision, which differ by rounding alone, since a single one may be near by luck:
    where a ReLU's input is nearly zero its sign is a matter of rounding, and a sign that
    differs moves a gradient by a thousandth of itself."""
    out = {"loss32": np.array([losses for losses, _ in singles], np.float64),
           "loss64": np.array(double[0], np.float64)}
    for name in case.trained:
        final64 = np.asarray(double[1][name], np.float64)
        assert final64.shape == case.weights[name].shape, name
        change = final64 - case.weights[name]
        apart = max(np.linalg.norm(finals[name] - final64) for _, finals in singles)
        # Of the change, which single precision holds to a ten-millionth of itself.
        out[f"change.{name}"] = sketch(name, change).astype(np.float32)
        out[f"norms.{name}"] = np.array([np.linalg.norm(change), apart])
    save_safetensors(path, out, dict(versions, fingerprint=fingerprint(case)))


def compare(case, golden, losses, finals):
    """How far a run is from the golden, each as a share of its bound: a share above 1
    breaks section 8 of the design. A dict by step ("loss 7") and tensor."""
    loss32, loss64 = golden["loss32"], golden["loss64"]
    assert len(losses) == len(loss64), (len(losses), len(loss64))
    gap = np.maximum.accumulate(np.abs(loss32 - loss64).max(0))
    bounds = np.maximum(1e-3 * np.maximum(loss64, 0.05), 3 * gap)
    shares = {f"loss {t}": abs(losses[t] - loss64[t]) / bounds[t] for t in range(len(losses))}
    for name in case.trained:
        change, apart = golden[f"norms.{name}"]
        ours = np.asarray(finals[name], np.float64)
        assert ours.shape == case.weights[name].shape, (name, ours.shape)
        distance = np.linalg.norm(sketch(name, ours - case.weights[name]) - golden[f"change.{name}"])
        shares[name] = distance / max(1e-3 * change, 3 * apart)
    return shares


def worst(shares, count=5):
    return sorted(shares.items(), key=lambda item: -item[1])[:count]


def main(case, run, path, versions):
    """Of a framework's script. `run(dtype, variant)` gives (losses, finals); variants differ by
    rounding (Case.batches). With --compare, one that the golden does not know is held against
    it: that says how much room the bound leaves to a sound implementation."""
    if "--compare" in sys.argv:
        golden, _ = load_safetensors(path)
        for variant in (3, 4):
            for name, share in worst(compare(case, golden, *run("float32", variant))):
                print(f"variant {variant}: {share:.3f} of the bound: {name}")
        return
    double, singles = run("float64", 0), [run("float32", variant) for variant in (0, 1, 2)]
    save_golden(path, case, singles, double, versions)
    golden, _ = load_safetensors(path)
    for t, loss in enumerate(golden["loss64"]):
        print(f"step {t:2d} loss {loss:.6f}, f32 against f64", *golden["loss32"][:, t] - loss)
    for name in case.trained:
        change, apart = golden[f"norms.{name}"]
        print(f"{name}: moved {change:.3e}, f32 against f64 {apart / change:.1e} of it")
