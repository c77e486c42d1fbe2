#!/usr/bin/env python3
"""Fits the two polynomials of gelu in compiler/Conversion/KernelsToCPU/VectorMath.cpp.

gelu(x) = max(x, 0) - u 2^q(u) with u = |x| and q(u) = log2 Phi(-u). Least
squares whose points are weighted anew until the largest error is the same
everywhere (C. Lawson's algorithm); an error of q counts by what it does to
gelu(u), relative to it, so that units in the last place come out even. Prints
the coefficients as f32, the highest power first, and the error that they give.
"""
import math

import numpy as np

END, DEGREE, EXP_DEGREE = 12.8, 12, 5
ROUNDS = 400


def spread(low, high, count):
    """Points that are denser at the ends."""
    return low + (high - low) * (1 - np.cos(np.linspace(0, np.pi, count))) / 2


def fit(columns, target, weight):
    """(coefficients, the largest weighted error)"""
    points = np.ones_like(target)
    for _ in range(ROUNDS):
        w = np.sqrt(points) * weight
        found = np.linalg.lstsq(w[:, None] * columns, w * target, rcond=None)[0]
        error = np.abs(weight * (columns @ found - target))
        points *= error / error.max() + 1e-3
        points /= points.sum()
    return found, error.max()


def show(name, coefficients, error):
    print(f"{name}: error {error:.2g}\n  " + ", ".join(repr(float(np.float32(c))) for c in coefficients))


def main():
    u = spread(0, END, 6000)
    below = np.array([math.erfc(value * math.sqrt(0.5)) / 2 for value in u])
    # q(0) = -1 exactly; Chebyshev's polynomials, for powers of u are nearly the same
    columns = u[:, None] * np.polynomial.chebyshev.chebvander(2 * u / END - 1, DEGREE - 1)
    t = u * below
    # near 0 both terms are u / 2; far out a part of 5e-5 of the error is enough to keep the shape
    weight = np.log(2) * np.where(u < 0.3, 0.5, np.maximum(t / np.maximum(u - t, 1e-9), 5e-5))
    found, error = fit(columns, np.log2(below) + 1, weight)
    q = np.polynomial.chebyshev.Chebyshev(found, domain=[0, END]).convert(kind=np.polynomial.Polynomial)
    show("log2 Phi(-u)", [*q.coef[::-1], -1.0], error)
    x = spread(-0.5, 0.5, 3001)
    powers, error = fit(np.vander(x, EXP_DEGREE + 1, increasing=True)[:, 1:], np.exp2(x) - 1, np.ones_like(x))
    show("2^x", [*powers[::-1], 1.0], error)


if __name__ == "__main__":
    main()
