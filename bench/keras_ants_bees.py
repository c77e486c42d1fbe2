#!/usr/bin/env python3
"""The recipe of examples/01-ants-and-bees as a Keras user writes it, timed.

MobileNet 0.25 frozen inside the model, a dense softmax layer, Adam 1e-3, batch
32: the backbone runs in every step of every epoch. Times `--epochs` epochs
after one to warm up and prints what 100 take at that rate, beside the time that
tlrun takes for all of them, pictures, cache and compilation included. Needs
numpy, Pillow, h5py and keras with TensorFlow.

    python3 bench/keras_ants_bees.py build/release/bin PICTURES WEIGHTS.h5
"""
import argparse
import json
import os
import subprocess
import tempfile
import time

RECIPE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "examples", "01-ants-and-bees", "model.tl")
EPOCHS = 100


def keras_seconds(pictures, weights, threads, epochs):
    """Seconds that decoding and 100 epochs take, the latter extrapolated."""
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ[name] = str(threads)
    os.environ.update(KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")
    import keras
    import numpy as np
    from PIL import Image

    def load(split):
        x, y = [], []
        for label, name in enumerate(sorted(os.listdir(os.path.join(pictures, split)))):
            for file in sorted(os.listdir(os.path.join(pictures, split, name))):
                picture = Image.open(os.path.join(pictures, split, name, file)).convert("RGB")
                x.append(np.asarray(picture.resize((224, 224), Image.BILINEAR)))
                y.append(label)
        return np.stack(x).astype("float32") / 127.5 - 1, np.array(y)

    began = time.perf_counter()
    train, val = load("train"), load("val")
    decoding = time.perf_counter() - began
    base = keras.applications.MobileNet(alpha=0.25, include_top=False, weights=weights, input_shape=(224, 224, 3))
    base.trainable = False
    model = keras.Sequential([base, keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2, activation="softmax")])
    model.compile(optimizer=keras.optimizers.Adam(1e-3), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(*train, batch_size=32, validation_data=val, verbose=0)
    began = time.perf_counter()
    model.fit(*train, batch_size=32, validation_data=val, epochs=epochs, verbose=0)
    return decoding + (time.perf_counter() - began) / epochs * EPOCHS


def our_seconds(tools, pictures, weights, threads):
    """Seconds of tlc and of `tlrun --train` with an empty cache."""
    with tempfile.TemporaryDirectory() as folder:
        model = os.path.join(folder, "model.bin")
        began = time.perf_counter()
        subprocess.run([os.path.join(tools, "tlc"), RECIPE, "--weights", weights, "-o", model], check=True)
        compiled = time.perf_counter()
        subprocess.run([os.path.join(tools, "tlrun"), model, "--train", pictures, "-o", os.path.join(folder, "t.bin"),
                        "--cache-dir", os.path.join(folder, "cache"), "--threads", str(threads)],
                       check=True, stdout=subprocess.DEVNULL)
        return compiled - began, time.perf_counter() - compiled


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bin", help="the folder that holds tlc and tlrun")
    parser.add_argument("pictures", help="a folder with train/ and val/")
    parser.add_argument("weights", help="mobilenet_2_5_224_tf_no_top.h5")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=3, help="how many epochs of Keras are timed")
    args = parser.parse_args()
    compiling, training = our_seconds(args.bin, args.pictures, args.weights, args.threads)
    peer = keras_seconds(args.pictures, args.weights, args.threads, args.epochs)
    print(json.dumps({"epochs": EPOCHS, "threads": args.threads, "tlc_seconds": round(compiling, 2),
                      "tlrun_seconds": round(training, 2), "keras_seconds": round(peer, 1),
                      "ratio": round(peer / (compiling + training), 1)}))


if __name__ == "__main__":
    main()
