"""Coefficients of orthogonal wavelets, and of Laws' kernels."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

# K. I. Laws, "Rapid texture identification", SPIE 238, 1980; here of unit Euclidean norm, as in IBSI 2.
_LAWS = {
    "L3": (1, 2, 1),
    "E3": (-1, 0, 1),
    "S3": (-1, 2, -1),
    "L5": (1, 4, 6, 4, 1),
    "E5": (-1, -2, 0, 2, 1),
    "S5": (-1, 0, 2, 0, -1),
    "W5": (-1, 2, 0, -2, 1),
    "R5": (1, -4, 6, -4, 1),
}
LAWS = {name: np.array(values) / math.sqrt(sum(value * value for value in values)) for name, values in _LAWS.items()}
WAVELETS = ("haar", *(f"db{count}" for count in range(1, 11)), "coif1")


@cache
def scaling_filter(name: str) -> tuple[float, ...]:
    """Return the reconstruction low-pass of one of `WAVELETS`: its sum is the root of 2."""
    if name == "coif1":
        root = math.sqrt(7)
        values = np.array([1 - root, 5 + root, 14 + 2 * root, 14 - 2 * root, 1 - root, root - 3])
        return tuple(float(value) for value in values / (16 * math.sqrt(2)))
    moments = 1 if name == "haar" else int(name[2:])
    # Daubechies' factorisation: the half-band polynomial in y = (2 - z - 1/z) / 4, its roots inside the unit circle.
    halves = np.roots([math.comb(moments - 1 + k, k) for k in reversed(range(moments))])
    middle = 1 - 2 * halves
    roots = middle - np.sqrt(middle * middle - 1 + 0j)
    roots = np.where(np.abs(roots) < 1, roots, 1 / roots)
    values = np.poly(np.concatenate([roots, -np.ones(moments)])).real
    return tuple(float(value) for value in values * (math.sqrt(2) / values.sum()))


def analysis_filters(name: str) -> dict[str, np.ndarray]:
    """Return the decomposition filters "L" and "H", which are convolved with the image."""
    low = np.array(scaling_filter(name)[::-1])
    high = low[::-1] * (-1.0) ** np.arange(1, low.size + 1)
    return {"L": low, "H": high}
