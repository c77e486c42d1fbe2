#!/usr/bin/env python3
"""Writes backbones/README.md: what the built-in backbones are, from what their own
files say and tlc counts.

    scripts/backbones_page.py build/dev/bin/tlc > backbones/README.md
"""
import json
import subprocess
import sys

BEGINNING = """# The backbones

Written by `scripts/backbones_page.py` from `tlc --list-backbones --json`; the facts stand in the files of this folder.

`backbone NAME { weights "FILE" }` in a model uses one of them; [GRAMMAR.md](../frontends/tl/GRAMMAR.md) has the language. A plain name is
Keras's network where Keras has it, else torchvision's or its own project's; `_torch` behind it is torchvision's of a name that Keras has too.
Files fit the network of their own source: the two differ in strides, paddings, biases and epsilons, and in how pictures are prepared.

Layers are counted with the top and, for Keras, the input, as `tlc --summary` lists them. Weights are counted as Keras does, with the moving
statistics of batch norms, which torchvision's figures leave out. Multiply-adds are those of one picture of the size given; the network runs at
every size from the least on, a transformer at every multiple of its patch. *Pictures* is what a model gets that says nothing else; *measured with* is how the source itself prepares them
(`preprocess published`).

Nothing here fetches weights. Their licences are what their publishers say, as far as known here; ask them before you rely on it.

| backbone | layers | weights | multiply-adds | size (least) | pictures | measured with | paper |
|---|---|---|---|---|---|---|---|
"""


def size(entry):
    least = entry["least_size"]
    return f"{entry['image_size']} ({least})" if least > 1 else str(entry["image_size"])


def paper(entry):
    number = entry["paper"].removeprefix("arXiv:")
    return f"[{number}](https://arxiv.org/abs/{number})" if number else ""


def row(entry):
    published = f"`{entry['published']}`" if entry["published"] else ""
    work = entry["multiply_adds"] / 1e6
    return (f"| [`{entry['use']}`]({entry['name']}.tl) | {entry['layers']} | {entry['parameters']:,} | "
            f"{f'{work / 1000:.2f} G' if work >= 1000 else f'{work:.1f} M'} | {size(entry)} | "
            f"`{entry['preprocess']}` | {published} | {paper(entry)} |\n")


def weights(entry):
    lines = "".join(f"  - {f'<{url}>' if '://' in url else f'`{url}`'}\n" for url in entry["weights_from"])
    return f"- `{entry['name']}`: {entry['licence']}\n{lines}"


def page(entries):
    named = [entry for entry in entries if entry["weights_from"]]
    families = [entry for entry in entries if not entry["weights_from"]]
    return (BEGINNING + "".join(map(row, named))
            + "\nFamilies, of which these are members and whose parameters give others:\n\n"
            + "".join(f"- [`{entry['use']}`]({entry['name']}.tl): {entry['title']}\n" for entry in families)
            + "\n## Where the weights are, and their licences\n\n" + "".join(map(weights, named)))


if __name__ == "__main__":
    listing = subprocess.run([sys.argv[1], "--list-backbones", "--json"], check=True, text=True, capture_output=True)
    sys.stdout.write(page(json.loads(listing.stdout)))
