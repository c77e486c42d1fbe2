"""The pictures of the grey networks' goldens, coloured and larger than the networks want
them, so that turning grey and resizing are compared too. keras_grey.py and torch_grey.py
make the goldens (grey/), test/e2e/test_grey.py reads them."""
import os

from trajectories import pictures

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, "grey")
HEIGHT, WIDTH = 30, 26


def write_pictures(folder):
    """Their paths, in order."""
    from PIL import Image

    paths = []
    for i, pixels in enumerate(pictures("grey_pictures", 2, 2, 48)[0]):
        paths.append(os.path.join(folder, f"{i}.png"))
        Image.fromarray(pixels[: 40 + i]).save(paths[-1])
    return paths
