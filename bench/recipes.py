#!/usr/bin/env python3
"""Recipes A and B of the article, from picture files to a trained classifier.

2,000 training and 1,000 validation pictures (JPEG, about 500x375), VGG16 at
150x150 with random weights, Flatten, Dense 256, Dense 1, batch 20. Recipe A:
30 epochs of the head (examples/02-cats-and-dogs). Recipe B: 10 of the head,
then 10 with the last four layers of the base (examples/03-fine-tuning). Prints
one JSON line a recipe: our seconds, compiling included, with an empty cache,
by part as the log tells them; and, where Keras is installed, what the usual
program takes: its epochs are timed on `--keras-steps` steps and extrapolated,
since the whole takes hours; the line says so.

    python3 bench/recipes.py build/release/bin [--pictures DIR] [--recipe A|B]

Without --pictures they are drawn: noise over a gradient, which costs a decoder
what a photograph does. Needs numpy and Pillow; Keras with TensorFlow for the peer.
"""
import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
RECIPES = {"A": "02-cats-and-dogs", "B": "03-fine-tuning"}
COUNTS = {"train": 1000, "val": 500}  # of each class
SIDE, BATCH = 150, 20


def draw(folder):
    """Pictures of 500x375 in two classes; JPEG quality 90."""
    import numpy as np
    from PIL import Image
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 1, 500)[None, :, None] * np.linspace(0.3, 1, 375)[:, None, None]
    for split, count in COUNTS.items():
        for name in ("cats", "dogs"):
            os.makedirs(os.path.join(folder, split, name), exist_ok=True)
            for i in range(count):
                coarse = rng.integers(0, 256, (24, 32, 3), np.uint8)
                noise = np.asarray(Image.fromarray(coarse).resize((500, 375), Image.BICUBIC), np.float32)
                fine = rng.normal(0, 6, (375, 500, 1))
                picture = np.clip(noise * ramp + fine, 0, 255).astype(np.uint8)
                Image.fromarray(picture).save(os.path.join(folder, split, name, f"{i:04d}.jpg"), quality=90)


def ours(tools, recipe, pictures, threads):
    """Seconds by part: `compile`, then the parts that tlrun's log names (reading, extraction, each phase), `rest`."""
    path = os.path.join(HERE, "..", "examples", RECIPES[recipe], "model.tl")
    with tempfile.TemporaryDirectory() as folder:
        model, log = os.path.join(folder, "model.bin"), os.path.join(folder, "log.jsonl")
        began = time.perf_counter()
        subprocess.run([os.path.join(tools, "tlc"), path, "--weights", "random:0", "-o", model], check=True)
        compiled = time.perf_counter()
        subprocess.run([os.path.join(tools, "tlrun"), model, "--train", pictures, "-o", os.path.join(folder, "t.bin"),
                        "--cache-dir", os.path.join(folder, "cache"), "--threads", str(threads), "--log", log],
                       check=True, stdout=subprocess.DEVNULL)
        ended = time.perf_counter()
        parts = {"compile": compiled - began}
        with open(log) as f:
            for line in map(json.loads, f):
                if "part" in line:
                    parts[line["part"]] = line["seconds"]
        parts["rest"] = ended - began - sum(parts.values())
        parts["total"] = ended - began
        return {name: round(seconds, 2) for name, seconds in parts.items()}


def keras_seconds(recipe, threads, steps):
    """What the usual Keras program takes, extrapolated from a few steps."""
    os.environ.update(KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")
    import tensorflow as tf
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    import keras
    import numpy as np
    x = np.random.default_rng(0).random((BATCH, SIDE, SIDE, 3), np.float32)
    y = (np.arange(BATCH) % 2).astype("float32")[:, None]

    def seconds(unfrozen):
        base = keras.applications.VGG16(weights=None, include_top=False, input_shape=(SIDE, SIDE, 3))
        for layer in base.layers[:len(base.layers) - unfrozen]:
            layer.trainable = False
        model = keras.Sequential([base, keras.layers.Flatten(), keras.layers.Dense(256, activation="relu"),
                                  keras.layers.Dense(1, activation="sigmoid")])
        model.compile(optimizer=keras.optimizers.RMSprop(1e-5), loss="binary_crossentropy")
        medians = []
        for run in (lambda: model.train_on_batch(x, y), lambda: model.test_on_batch(x, y)):
            run()
            times = []
            for _ in range(steps):
                began = time.perf_counter()
                run()
                times.append(time.perf_counter() - began)
            medians.append(statistics.median(times))
        step, evaluation = medians
        return (2 * COUNTS["train"] * step + 2 * COUNTS["val"] * evaluation) / BATCH  # of one epoch

    head = seconds(0)
    return 30 * head if recipe == "A" else 10 * head + 10 * seconds(4)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bin", help="the folder that holds tlc and tlrun")
    parser.add_argument("--pictures", help="a folder with train/ and val/; drawn where it is not given")
    parser.add_argument("--recipe", choices=RECIPES)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--keras-steps", type=int, default=6)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pictures = args.pictures or folder
        if not args.pictures:
            draw(folder)
        for recipe in [args.recipe] if args.recipe else RECIPES:
            line = {"recipe": recipe, "threads": args.threads,
                    "seconds": ours(args.bin, recipe, pictures, args.threads)}
            if importlib.util.find_spec("keras"):
                keras = keras_seconds(recipe, args.threads, args.keras_steps)
                line["keras_seconds_extrapolated"] = round(keras, 1)
                line["ratio"] = round(keras / line["seconds"]["total"], 1)
            else:
                line["not_installed"] = ["keras"]
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
