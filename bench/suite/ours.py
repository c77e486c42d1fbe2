"""Our side of each job: recipes written, compiled, and run by tlc and tlrun.

Weights are random but lie in files, since a program compiled with
`--weights random:SEED` holds the seed alone and would draw them at each start.
The files come from our own export of a network that trains in all its layers;
batch norms' statistics, which are no parameters, are added as zeros and ones.
"""
import json
import os
import shutil
import struct
import subprocess
import tempfile

from . import layers, machine, sides
from .jobs import SIDES
from .timing import Turn

EXAMPLES = os.path.join(os.path.dirname(sides.BENCH), "examples")
BACKBONES = {"mobilenet_025": "mobilenet(width: 0.25)", "mobilenet_100": "mobilenet(width: 1.0)",
             "resnet50": "resnet50_torch", "inception_v3": "inception_v3_torch", "vit_b16": "vit_b_16"}
# What trains of a backbone's end, beside the head.
TAILS = {"vgg16": "-4:", "resnet50": '"layer4.0.conv1":', "vit_b16": '"encoder.layers.encoder_layer_10.ln_1":'}
VGG_HEAD = "flatten dense(256, relu) dense(1, sigmoid)"
RMSPROP, SGD = "rmsprop(lr: 1e-5)", "sgd(lr: 1e-3, momentum: 0.9, weight_decay: 1e-4)"

# For programs that are not trained.
TRAIN = "train { loss categorical_crossentropy phase all { epochs 1 optimizer sgd(lr: 0.1) } }"

# Almost no network, so that what remains is reading, decoding and resizing.
DECODER = """backbone nothing { preprocess tf  max_pool(1x1, stride: 50, name: "pool") }
model decoder {
  input image(150, 150, 3)
  labels "cats", "dogs"
  backbone nothing { freeze all }
  head { gap dense(2, softmax) }
  train { loss categorical_crossentropy phase head { epochs 1 optimizer sgd(lr: 0.1) } }
}
"""


def recipe(network, frozen, head, train=""):
    side = SIDES[network]
    return (f"model bench {{\n  input image({side}, {side}, 3)\n  backbone {BACKBONES.get(network, network)} "
            f"{{ freeze {frozen} }}\n  head {{ {head} }}\n  {train}\n}}\n")


def pooling(network):
    """A transformer's backbone ends in one token: there is nothing to pool."""
    return "" if network.startswith("vit") else "gap"


def training_recipe(work):
    """The text, and the entry that is the step."""
    if work["network"] == "vgg16":
        head, optimizer, loss = VGG_HEAD, RMSPROP, "binary_crossentropy"
    else:
        head, optimizer, loss = f"{pooling(work['network'])} dense(10, softmax)", SGD, "categorical_crossentropy"
    first = "" if work["trained"] == "all" else f"phase warmup {{ epochs 1 optimizer {optimizer} }}"
    # asking for batch norms' statistics is an error where there are none
    norms = "" if work["network"] == "vgg16" else "batch_norm train"
    more = norms if work["trained"] == "all" else f"unfreeze backbone[{TAILS[work['network']]}]"
    train = (f"train {{ batch {work['batch']} loss {loss} {first} "
             f"phase timed {{ epochs 1 optimizer {optimizer} {more} }} }}")
    return recipe(work["network"], "none" if work["trained"] == "all" else "all", head, train), "train_step.timed"


def add_statistics(path):
    """Zeros and ones for the batch norms of a safetensors file without them."""
    with open(path, "rb") as f:
        size, = struct.unpack("<Q", f.read(8))
        header, data = json.loads(f.read(size)), f.read()
    for name in [n for n in header if n.endswith(".beta")]:
        shape = header[name]["shape"]
        for statistic, value in ((".moving_mean", 0.0), (".moving_variance", 1.0)):
            end = len(data) + 4 * shape[0]
            header[name[:-len(".beta")] + statistic] = {"dtype": "F32", "shape": shape,
                                                        "data_offsets": [len(data), end]}
            data += struct.pack("<f", value) * shape[0]
    text = json.dumps(header).encode()
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def write_npy(path, shape):
    """Zeros, without numpy: the header of format 1.0 and the bytes."""
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {tuple(shape)}, }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    count = 4
    for size in shape:
        count *= size
    with open(path, "wb") as f:
        f.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + bytes(count))


class Bench:
    """One entry of `tlrun --bench`, which warms up and runs for two seconds."""

    def __init__(self, command, entry):
        self.command, self.entry = command, entry

    def turn(self, seconds):
        with tempfile.TemporaryFile("w+") as out:
            process = subprocess.Popen(self.command, stdout=out)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                raise RuntimeError(f"tlrun --bench: exit code {process.returncode}")
            out.seek(0)
            entries = {e["entry"]: e for e in json.load(out)["entries"]}
        entry = entries[self.entry]
        return Turn([entry["median_seconds"]], usage.ru_utime + usage.ru_stime, least=entry["least_seconds"])

    def close(self):
        pass


class Decode:
    """What the pictures take, on one core, after they were read once: peers warm up, too."""

    def __init__(self, tlrun, model, names):
        self.once = [tlrun, model, "--threads", "1", "--predict", *names]
        self.twice = self.once + names

    def turn(self, seconds):
        twice, own = min(sides.run(self.twice, pinned=True) for _ in range(3))
        once, _ = min(sides.run(self.once, pinned=True) for _ in range(3))
        return Turn([twice - once], own)

    def close(self):
        pass


class Recipe:
    """tlc and `tlrun --train` with an empty cache, from picture files on."""

    def __init__(self, tools, text, weights, pictures):
        self.tools, self.text, self.weights, self.pictures = tools, text, weights, pictures

    def turn(self, seconds):
        with tempfile.TemporaryDirectory() as folder:
            model, log = os.path.join(folder, "model.bin"), os.path.join(folder, "log.jsonl")
            compiling, own = sides.run([self.tools.tlc, self.text, "--weights", self.weights, *self.tools.targets(), "-o", model])
            training, used = sides.run(
                [self.tools.tlrun, model, "--train", self.pictures, "-o", os.path.join(folder, "t.bin"), "--log", log,
                 "--cache-dir", os.path.join(folder, "cache"), "--threads", str(self.tools.threads)])
            parts = {"tlc": compiling}
            with open(log) as f:
                for line in map(json.loads, f):
                    if "part" in line:
                        parts[line["part"]] = line["seconds"]
        note = ", ".join(f"{name} {value:.2f} s" for name, value in parts.items())
        return Turn([compiling + training], own + used, {"note": note})

    def close(self):
        pass


class Tools:
    """tlc and tlrun of one build, and a folder for what they write; `target`:
    the one instruction set to compile for, instead of all."""

    def __init__(self, folder_of_tools, folder, threads, target=None):
        self.folder_of_tools, self.folder, self.threads, self.target = folder_of_tools, folder, threads, target
        self.tlc, self.tlrun = self.program("tlc"), self.program("tlrun")
        os.makedirs(folder, exist_ok=True)

    def program(self, name):
        path = os.path.abspath(os.path.join(self.folder_of_tools, name))
        if not os.access(path, os.X_OK):
            raise SystemExit(f"no program at {path}: give the folder that holds {name}")
        return path

    def targets(self):
        return ["--target", self.target] if self.target else []

    def isa(self):
        """The compiler's name of what the runtime would choose."""
        target = self.target or machine.isa(machine.table(machine.read("/proc/cpuinfo")).get("flags", "").split())
        return target.replace("-", "_")

    def path(self, name):
        return os.path.join(self.folder, name)

    def compile(self, text, weights, name):
        source, model = self.path(f"{name}.tl"), self.path(f"{name}.bin")
        if not os.path.exists(model):
            with open(source, "w") as f:
                f.write(text)
            sides.run([self.tlc, source, "--weights", weights, *self.targets(), "-o", model])
        return model

    def weights(self, network):
        path = self.path(f"{network}.safetensors")
        if not os.path.exists(path):
            whole = self.compile(recipe(network, "none", "gap dense(2, softmax)", TRAIN), "random:0", f"{network}_all")
            sides.run([self.tlrun, whole, "--export", path])
            add_statistics(path)
        return path

    def extractor(self, network):
        return self.compile(recipe(network, "all", "gap"), self.weights(network), f"{network}_features")

    def predict(self, work):
        """The command that makes features of an array of pictures."""
        array, side = self.path(f"{work['network']}_{work['batch']}.npy"), SIDES[work["network"]]
        write_npy(array, (work["batch"], side, side, 3))
        return [self.tlrun, self.extractor(work["network"]), "--predict", array, "--preprocessed", "--tap", "features",
                "-o", self.path("features.npy"), "--threads", str(self.threads)]

    def side(self, job, pictures):
        """Our side of a job; `pictures(count)` draws a folder of them."""
        work, do = job.work, job.work["do"]
        bench = ["--bench", "--json", "--threads", str(self.threads), "--batch", str(work.get("batch", 0))]
        if do == "first" or (do == "forward" and job.metric == "peak_mb"):
            return sides.Command(self.predict(work), self.threads, job.metric)
        if do == "layers":
            return layers.ours(self, work)
        if do == "forward":
            network = work["network"]
            text = recipe(network, "all", f"{pooling(network)} dense(2, softmax)", TRAIN)
            model = self.compile(text, "random:0", f"{network}_forward")
            return Bench([self.tlrun, model, *bench], "extract")
        if do == "step":
            text, entry = training_recipe(work)
            return Bench([self.tlrun, self.compile(text, "random:0", job.name), *bench], entry)
        if do == "decode":
            folder = os.path.join(pictures(work["count"], 0), "train", "cats")
            names = [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
            return Decode(self.tlrun, self.compile(DECODER, "random:0", "decoder"), names)
        if do == "recipe":
            text = os.path.join(EXAMPLES, work["example"], "model.tl")
            return Recipe(self, text, self.weights("vgg16"), pictures(1000, 500))
        return self.head_training(work, pictures)

    def head_training(self, work, pictures):
        """Training of the head alone: the cache on the disk has the features."""
        with open(os.path.join(EXAMPLES, "02-cats-and-dogs", "model.tl")) as f:
            model = self.compile(f.read(), self.weights("vgg16"), "head")
        cache = self.path("cache")
        shutil.rmtree(cache, ignore_errors=True)
        return sides.Command([self.tlrun, model, "--train", pictures(work["train"] // 2, work["val"] // 2),
                              "--epochs", "1", "-o", self.path("head_trained.bin"), "--no-report", "--cache-dir", cache,
                              "--cache-memory", "0", "--threads", str(self.threads)], self.threads, "peak_mb")
