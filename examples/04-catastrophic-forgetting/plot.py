#!/usr/bin/env python3
"""Validation accuracy of several training logs in one picture (SVG).

    plot.py OUT.svg "NAME=LOG.jsonl" ["NAME=LOG.jsonl" ...]

A log is what `tlrun --train ... --log FILE` writes: one JSON object an epoch.
Epochs are counted through all phases; a dashed line marks where one begins.
Standard library only.
"""
import json
import sys
from html import escape

WIDTH, HEIGHT = 720, 360
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 40, 44
COLOURS = ["#1b7f4d", "#c2412d", "#2f5fb3", "#8a5a00"]


def read(path):
    """[(phase, accuracy on the validation pictures)], an epoch each."""
    rows = []
    with open(path) as f:
        for line in f:
            row = json.loads(line)
            if row.get("val_accuracy") is not None:
                rows.append((row["phase"], row["val_accuracy"]))
    return rows


def text(x, y, content, anchor="middle", colour="#333", weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" '
            f'font-weight="{weight}">{escape(content)}</text>')


def draw(runs):
    epochs = max(len(rows) for rows in runs.values())
    x = lambda epoch: LEFT + (WIDTH - LEFT - RIGHT) * (epoch - 1) / max(epochs - 1, 1)
    y = lambda accuracy: TOP + (HEIGHT - TOP - BOTTOM) * (1 - accuracy)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
             'font-family="sans-serif" font-size="13" role="img">',
             "<title>Validation accuracy by epoch</title>",
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>']
    for tenth in range(0, 11, 2):
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tenth / 10):.1f}" y2="{y(tenth / 10):.1f}" '
                     'stroke="#ddd"/>')
        parts.append(text(LEFT - 8, y(tenth / 10) + 4, f"{tenth / 10:.1f}", "end"))
    for epoch in sorted({1, *range(10, epochs + 1, 10)}):
        parts.append(text(x(epoch), HEIGHT - BOTTOM + 20, str(epoch)))
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, "epoch"))
    for number, (name, rows) in enumerate(runs.items()):
        colour = COLOURS[number % len(COLOURS)]
        for epoch, (before, after) in enumerate(zip(rows, rows[1:]), 2):
            if before[0] != after[0]:
                parts.append(f'<line x1="{x(epoch - 0.5):.1f}" x2="{x(epoch - 0.5):.1f}" y1="{TOP}" '
                             f'y2="{HEIGHT - BOTTOM}" stroke="{colour}" stroke-dasharray="4 4"/>')
        points = " ".join(f"{x(epoch):.1f},{y(accuracy):.1f}" for epoch, (_, accuracy) in enumerate(rows, 1))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(text(LEFT + (WIDTH - LEFT) * number / len(runs), TOP - 16, f"{name}: {rows[-1][1]:.3f} at the end", "start", colour, "bold"))
    return "\n".join(parts + ["</svg>"]) + "\n"


def main():
    if len(sys.argv) < 3 or any("=" not in run for run in sys.argv[2:]):
        raise SystemExit(__doc__)
    runs = dict(run.split("=", 1) for run in sys.argv[2:])
    with open(sys.argv[1], "w") as f:
        f.write(draw({name: read(path) for name, path in runs.items()}))


if __name__ == "__main__":
    main()
