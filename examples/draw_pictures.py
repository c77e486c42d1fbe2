#!/usr/bin/env python3
"""Draws the small picture sets that the demo and the shipped backbone learn.

The repository must teach something without a download, so the pictures are
drawn: a figure in two colours, turned, scaled and moved, on a blotchy ground
with clutter and noise. Colours are drawn independently of the class, so that
only form and texture tell the classes apart.

    examples/draw_pictures.py OUT                 the demo: 3 classes
    examples/draw_pictures.py OUT --set pretrain  12 other classes, on which
                                                  backbones/mini was trained

Each picture is a pure function of (seed, set, split, class, number), and PNGs
are written with stored blocks, so the bytes are the same on every machine and
with every zlib. Needs Python's standard library alone. The pictures are under
the licence of this repository; they show nothing but geometry.
"""
import argparse
import math
import multiprocessing
import os
import random
import struct
import zlib

SIZE = 96
SEED = 2026
COUNTS = {"demo": {"train": 40, "val": 30}, "pretrain": {"train": 160, "val": 20}}

# --------------------------------------------------------------------- figures
# A figure maps a point (u, v) of the plane, roughly the unit disc, to (d, tone):
# d > 0 inside, and about the distance to the edge near it; tone in 0..1 mixes
# the picture's two colours. `p` holds four uniform draws that vary the figure.


def zigzag(x):
    """A triangle wave of period 1 with values 0..1."""
    x -= math.floor(x)
    return 2 * x if x < 0.5 else 2 - 2 * x


def polar(u, v):
    return math.hypot(u, v), math.atan2(v, u)


def balls(u, v, p):
    r = math.hypot(u, v)
    return 0.8 - r, 0.5 + 0.6 * (u + v) * (0.5 + p[0] / 2)


def targets(u, v, p):
    r = math.hypot(u, v)
    return 0.85 - r, float(int(r * (4 + 3 * p[0])) & 1)


def rings(u, v, p):
    r = math.hypot(u, v)
    return 0.12 + 0.1 * p[0] - abs(r - 0.62), 0.2 * p[1]


def checkers(u, v, p):
    n = 2 + int(3 * p[0])
    return 0.7 - max(abs(u), abs(v)), float(int(u * n + 9) + int(v * n + 9) & 1)


def bars(u, v, p):
    return min(0.9 - abs(u), 0.3 + 0.2 * p[0] - abs(v)), float(
        zigzag(u * (2 + 2 * p[1])) > 0.5)


def triangles(u, v, p):
    d = min(0.45 + v, 0.45 - 0.5 * v + 0.866 * u, 0.45 - 0.5 * v - 0.866 * u)
    return d, float(d > 0.1 + 0.1 * p[0])


def stars(u, v, p):
    r, a = polar(u, v)
    depth = 0.35 + 0.2 * p[0]
    return (0.95 - depth * zigzag(a * 5 / math.tau) - r) * 0.6, 0.3 * p[1]


def crosses(u, v, p):
    w = 0.18 + 0.12 * p[0]
    return max(min(w - abs(u), 0.85 - abs(v)), min(w - abs(v), 0.85 - abs(u))), 0.2 * p[1]


def moons(u, v, p):
    return min(0.85 - math.hypot(u, v),
               math.hypot(u - 0.3 - 0.15 * p[0], v) - 0.62), 0.2 * p[1]


def gears(u, v, p):
    r, a = polar(u, v)
    rim = 0.85 if math.cos(a * (6 + int(4 * p[0]))) > 0 else 0.66
    return min(rim - r, r - 0.25), 0.2 * p[1]


def spirals(u, v, p):
    r, a = polar(u, v)
    turns = 2.2 + 1.2 * p[0]
    arm = zigzag(r * turns - a / math.tau)
    return min(0.9 - r, (arm - 0.5) / (2 * turns)), 0.2 * p[1]


def fishes(u, v, p):
    body = (1 - math.hypot((u - 0.15) / 0.65, v / (0.3 + 0.12 * p[0]))) * 0.35
    tail = min(-0.3 - u, u + 0.85, (-0.2 - u) * 0.9 - abs(v))
    eye = math.hypot(u - 0.5, v - 0.08) < 0.08
    return max(body, tail), 1.0 if eye else float(zigzag(u * 4) > 0.8)


def flowers(u, v, p):
    r, a = polar(u, v)
    petals = 5 + int(4 * p[0])
    edge = 0.5 + 0.4 * abs(math.cos(a * petals / 2))
    return (edge - r) * 0.7, 1.0 if r < 0.22 + 0.08 * p[1] else 0.15 * p[2]


def leaves(u, v, p):
    width = 0.34 + 0.14 * p[0]
    blade = (width * (1 - u * u) - abs(v)) * 0.8
    stem = min(0.05 - abs(v), -0.7 - u + 0.3, u + 1.1)
    veins = zigzag((u + abs(v) * 1.4) * (3 + 2 * p[1])) > 0.82
    return max(blade, stem), 1.0 if veins or abs(v) < 0.035 else 0.15 * p[2]


def shells(u, v, p):
    r, a = polar(u + 0.7, v)
    ribs = 7 + int(5 * p[0])
    spread = 0.85 + 0.2 * p[1]
    edge = 1.45 + 0.1 * math.cos(a * ribs * 2)
    return min(edge - r, (spread - abs(a)) * r), float(
        math.cos(a * ribs * 2) > 0.2)


FIGURES = {
    "demo": [flowers, leaves, shells],
    "pretrain": [balls, bars, checkers, crosses, fishes, gears, moons, rings,
                 spirals, stars, targets, triangles],
}

# -------------------------------------------------------------------- pictures


def colour(rng):
    return [255 * rng.random() for _ in range(3)]


def contrasting(rng, others):
    """A colour at some distance from all of `others`."""
    while True:
        c = colour(rng)
        if all(sum(abs(a - b) for a, b in zip(c, o)) > 150 for o in others):
            return c


def ground(rng):
    """A gradient between two near colours with soft blotches: floats, [y][x][3]."""
    base = colour(rng)
    other = [c + 80 * (rng.random() - 0.5) for c in base]
    waves = [(0.02 + 0.18 * rng.random(), 0.02 + 0.18 * rng.random(),
              math.tau * rng.random(), 0.3 * rng.random()) for _ in range(3)]
    rows = []
    for y in range(SIZE):
        row = []
        for x in range(SIZE):
            t = 0.5
            for fx, fy, phase, strength in waves:
                t += strength * math.sin(fx * x + fy * y + phase)
            row.append([a + (b - a) * t for a, b in zip(base, other)])
        rows.append(row)
    return rows, base


def paint(rows, shape, cx, cy, radius, angle, colours, rng):
    """Lays one figure over the rows, its edge softened over one pixel."""
    p = [rng.random() for _ in range(4)]
    cos, sin = math.cos(angle) / radius, math.sin(angle) / radius
    reach = radius * 1.15
    x0, x1 = max(0, int(cx - reach)), min(SIZE, int(cx + reach) + 2)
    y0, y1 = max(0, int(cy - reach)), min(SIZE, int(cy + reach) + 2)
    light, dark = colours
    for y in range(y0, y1):
        row, dy = rows[y], y - cy
        for x in range(x0, x1):
            dx = x - cx
            d, tone = shape(dx * cos + dy * sin, dy * cos - dx * sin, p)
            cover = 0.5 + d * radius
            if cover <= 0:
                continue
            cover = min(cover, 1.0)
            tone = min(max(tone, 0.0), 1.0)
            row[x] = [old + cover * (a + (b - a) * tone - old)
                      for old, a, b in zip(row[x], light, dark)]


def stick(u, v, p):
    return min(1 - abs(u), 0.05 + 0.08 * p[0] - abs(v)), 0.0


def blob(u, v, p):
    return 0.9 - math.hypot(u, v * (1 + p[0])), 0.0


def picture(figure, rng):
    """RGB bytes, SIZE x SIZE, of one picture of the figure."""
    rows, base = ground(rng)
    for _ in range(2 + int(5 * rng.random())):
        c = colour(rng)
        paint(rows, stick if rng.random() < 0.6 else blob,
              SIZE * rng.random(), SIZE * rng.random(), 3 + 14 * rng.random(),
              math.tau * rng.random(), (c, c), rng)
    radius = SIZE * (0.24 + 0.2 * rng.random())
    room = SIZE - 1.6 * radius
    cx = SIZE / 2 + room * (rng.random() - 0.5)
    cy = SIZE / 2 + room * (rng.random() - 0.5)
    light = contrasting(rng, [base])
    dark = contrasting(rng, [base, light])
    paint(rows, figure, cx, cy, radius, math.tau * rng.random(), (light, dark), rng)
    noise = 10 + 25 * rng.random()
    out = bytearray()
    for row in rows:
        for pixel in row:
            shift = noise * (rng.random() + rng.random() - 1)
            out += bytes(min(max(int(c + shift + 0.5), 0), 255) for c in pixel)
    return bytes(out)


def png(pixels):
    """An 8-bit RGB PNG, its data in stored (uncompressed) deflate blocks."""
    stride = 3 * SIZE
    raw = b"".join(b"\0" + pixels[i:i + stride] for i in range(0, len(pixels), stride))
    deflate = b"\x78\x01"
    for i in range(0, len(raw), 65535):
        part = raw[i:i + 65535]
        last = i + 65535 >= len(raw)
        deflate += struct.pack("<BHH", last, len(part), len(part) ^ 0xFFFF) + part
    deflate += struct.pack(">I", zlib.adler32(raw))

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    return (b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", struct.pack(">IIBBBBB", SIZE, SIZE, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", deflate) + chunk(b"IEND", b""))


def write_one(job):
    path, figure, key = job
    with open(path, "wb") as f:
        f.write(png(picture(figure, random.Random(key))))


def draw(out, which="demo", seed=SEED, counts=None):
    """Writes OUT/{train,val}/<class>/<number>.png; returns how many."""
    jobs = []
    for split, count in (counts or COUNTS[which]).items():
        for figure in FIGURES[which]:
            folder = os.path.join(out, split, figure.__name__)
            os.makedirs(folder, exist_ok=True)
            for i in range(count):
                key = f"{seed}/{which}/{split}/{figure.__name__}/{i}"
                jobs.append((os.path.join(folder, f"{i:03d}.png"), figure, key))
    with multiprocessing.Pool() as pool:
        pool.map(write_one, jobs, chunksize=8)
    return len(jobs)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", help="the folder to write train/ and val/ into")
    parser.add_argument("--set", choices=FIGURES, default="demo")
    parser.add_argument("--seed", type=int, default=SEED)
    args = parser.parse_args()
    count = draw(args.out, args.set, args.seed)
    print(f"drew {count} pictures of {len(FIGURES[args.set])} classes in {args.out}")


if __name__ == "__main__":
    main()
