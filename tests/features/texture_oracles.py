"""The reference manual's definitions of texture matrices and features, voxel by voxel, for small regions.

A region is an array (z, y, x) of levels, 0 outside.
"""

from __future__ import annotations

import itertools
from math import exp, log2, sqrt

import numpy as np
from scipy import ndimage

IN_SLICE = [(0, 0, 1), (0, 1, -1), (0, 1, 0), (0, 1, 1)]
IN_SPACE = [d for d in itertools.product((0, 1), (-1, 0, 1), (-1, 0, 1)) if d > (0, 0, 0)]


def region(seed, shape, levels, fill=0.8):
    """Random levels in blocks of two voxels, so that runs and zones have some length, with holes."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(1, levels + 1, [-(-n // 2) for n in shape])
    image = coarse
    for axis in range(len(shape)):
        image = np.repeat(image, 2, axis)
    image = image[tuple(slice(0, n) for n in shape)]
    image = np.where(rng.random(shape) < 0.4, rng.integers(1, levels + 1, shape), image)
    image[rng.random(shape) > fill] = 0
    if not image.any():
        image.flat[0] = 1
    return image


def voxels_of(image):
    return [(tuple(map(int, place)), int(image[tuple(place)])) for place in np.argwhere(image)]


def moved(place, step, times=1):
    return tuple(a + times * b for a, b in zip(place, step, strict=True))


def cooccurrence(image, step, levels):
    at = dict(voxels_of(image))
    result = np.zeros((levels, levels), np.int64)
    for place, level in at.items():
        if (other := at.get(moved(place, step))) is not None:
            result[level - 1, other - 1] += 1
            result[other - 1, level - 1] += 1
    return result


def run_lengths(image, step):
    """Sorted levels and lengths of all runs."""
    at = dict(voxels_of(image))
    runs = []
    for place, level in at.items():
        if at.get(moved(place, step, -1)) == level:
            continue
        length = 1
        while at.get(moved(place, step, length)) == level:
            length += 1
        runs.append((level, length))
    return sorted(runs)


def edge_distance(inside):
    """City-block distance to outside of the region or of the image."""
    return ndimage.distance_transform_cdt(np.pad(inside, 1), "taxicab")[(slice(1, -1),) * inside.ndim]


def zones(image, inside=None):
    """Sorted levels, sizes and distances of all zones of an image of two or three axes."""
    distance = edge_distance(image != 0 if inside is None else inside | (image != 0))
    result = []
    for level in np.unique(image[image != 0]):
        labels, count = ndimage.label(image == level, np.ones((3,) * image.ndim))
        for zone in range(1, count + 1):
            result.append((int(level), int((labels == zone).sum()), int(distance[labels == zone].min())))
    return sorted(result)


def neighbours(image, place, distance, in_space):
    steps = range(-distance, distance + 1)
    for step in itertools.product(steps if in_space else (0,), steps, steps):
        other = moved(place, step)
        if any(step) and all(0 <= i < n for i, n in zip(other, image.shape, strict=True)) and image[other]:
            yield int(image[other])


def box_sums(image, distance):
    """The sum over the box of every voxel, itself included."""
    result = image.astype(np.int64)
    for axis in range(image.ndim):
        result = ndimage.convolve1d(result, np.ones(2 * distance + 1, int), axis, mode="constant")
    return result


def tone_differences(image, levels, distance, in_space):
    result = np.zeros((levels, 2))
    for place, level in voxels_of(image):
        if around := list(neighbours(image, place, distance, in_space)):
            result[level - 1] += abs(level - sum(around) / len(around)), 1
    return result


def dependences(image, levels, distance, coarseness, in_space):
    width = (2 * distance + 1) ** (3 if in_space else 2)
    result = np.zeros((levels, width), np.int64)
    for place, level in voxels_of(image):
        alike = sum(abs(level - other) <= coarseness for other in neighbours(image, place, distance, in_space))
        result[level - 1, alike] += 1
    return result


def table(pairs, levels):
    """How often each pair of a level and a size occurs, as wide as the largest size."""
    result = np.zeros((levels, max((size for _, size in pairs), default=0)), np.int64)
    for level, size in pairs:
        result[level - 1, size - 1] += 1
    return result


def size_features(matrix, voxels):
    """The features of a matrix of levels and run lengths, zone sizes, distances or dependences, in IBSI's order."""
    cells = [(i + 1, j + 1, int(n)) for (i, j), n in np.ndenumerate(matrix) if n]
    total = sum(n for *_, n in cells)

    def mean(f):
        return sum(n * f(i, j) for i, j, n in cells) / total

    by_level = sum(float(n) ** 2 for n in matrix.sum(axis=1))
    by_size = sum(float(n) ** 2 for n in matrix.sum(axis=0))
    level, size = mean(lambda i, j: i), mean(lambda i, j: j)
    return [
        mean(lambda i, j: j**-2),
        mean(lambda i, j: j**2),
        mean(lambda i, j: i**-2),
        mean(lambda i, j: i**2),
        mean(lambda i, j: i**-2 * j**-2),
        mean(lambda i, j: i**2 / j**2),
        mean(lambda i, j: j**2 / i**2),
        mean(lambda i, j: i**2 * j**2),
        by_level / total,
        by_level / total**2,
        by_size / total,
        by_size / total**2,
        total / voxels,
        mean(lambda i, j: (i - level) ** 2),
        mean(lambda i, j: (j - size) ** 2),
        -sum(n / total * log2(n / total) for *_, n in cells),
        sum((n / total) ** 2 for *_, n in cells),
    ]


def cooccurrence_features(matrix):
    """The features of a symmetric co-occurrence matrix in IBSI's order."""
    count = len(matrix)
    total = matrix.sum()
    cells = [(i + 1, j + 1, n / total) for (i, j), n in np.ndenumerate(matrix) if n]
    margin = [float(n) / total for n in matrix.sum(axis=1)]
    difference = [sum(p for i, j, p in cells if abs(i - j) == k) for k in range(count)]
    sums = {k: sum(p for i, j, p in cells if i + j == k) for k in range(2, 2 * count + 1)}

    def bits(ps):
        return -sum(p * log2(p) for p in ps if p)

    def mean(f):
        return sum(p * f(i, j) for i, j, p in cells)

    level = mean(lambda i, j: i)
    variance = mean(lambda i, j: (i - level) ** 2)
    apart = sum(k * p for k, p in enumerate(difference))
    together = sum(k * p for k, p in sums.items())
    both = bits(p for *_, p in cells)
    one = bits(margin)
    crossed = -sum(p * log2(margin[i - 1] * margin[j - 1]) for i, j, p in cells)
    independent = -sum(p * q * log2(p * q) for p in margin for q in margin if p * q)
    single = sum(p > 0 for p in margin) == 1
    return [
        max(p for *_, p in cells),
        level,
        variance,
        both,
        apart,
        sum((k - apart) ** 2 * p for k, p in enumerate(difference)),
        bits(difference),
        together,
        sum((k - together) ** 2 * p for k, p in sums.items()),
        bits(sums.values()),
        sum(p * p for *_, p in cells),
        mean(lambda i, j: (i - j) ** 2),
        mean(lambda i, j: abs(i - j)),
        mean(lambda i, j: 1 / (1 + abs(i - j))),
        mean(lambda i, j: 1 / (1 + abs(i - j) / count)),
        mean(lambda i, j: 1 / (1 + (i - j) ** 2)),
        mean(lambda i, j: 1 / (1 + (i - j) ** 2 / count**2)),
        sum(p / (i - j) ** 2 for i, j, p in cells if i != j),
        1.0 if single else mean(lambda i, j: (i - level) * (j - level)) / variance,
        mean(lambda i, j: i * j),
        mean(lambda i, j: (i + j - 2 * level) ** 2),
        mean(lambda i, j: (i + j - 2 * level) ** 3),
        mean(lambda i, j: (i + j - 2 * level) ** 4),
        0.0 if single else (both - crossed) / one,
        sqrt(max(0.0, 1 - exp(-2 * (independent - both)))),
    ]


def tone_features(matrix):
    """The features of a matrix of tone differences in IBSI's order."""
    cells = [(i + 1, float(s), float(n)) for i, (s, n) in enumerate(matrix) if n]
    voxels = sum(n for *_, n in cells)
    if not voxels:
        return [1e6, 0.0, 0.0, 0.0, 0.0]
    cells = [(i, s, n / voxels) for i, s, n in cells]
    levels = len(cells)
    weighted = sum(s * p for _, s, p in cells)
    differences = sum(s for _, s, _ in cells)
    pairs = [(a, b) for a in cells for b in cells]
    spread = sum(abs(a[0] * a[2] - b[0] * b[2]) for a, b in pairs)
    contrast = sum(a[2] * b[2] * (a[0] - b[0]) ** 2 for a, b in pairs) * differences / voxels
    strength = sum((a[2] + b[2]) * (a[0] - b[0]) ** 2 for a, b in pairs)
    return [
        1 / weighted if weighted else 1e6,
        contrast / (levels * (levels - 1)) if levels > 1 else 0.0,
        weighted / spread if spread else 0.0,
        sum(abs(a[0] - b[0]) * (a[2] * a[1] + b[2] * b[1]) / (a[2] + b[2]) for a, b in pairs) / voxels,
        strength / differences if differences else 0.0,
    ]
