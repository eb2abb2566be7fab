"""Images and regions of the GPU benchmarks: `tiny` ones prove that a row runs, where there is no GPU."""

from __future__ import annotations

import functools

import numpy as np

from ..data import ct_volume, radiograph


@functools.cache
def volume(dtype: str, tiny: bool) -> np.ndarray:
    """Return a CT of 512 x 512 x 512: a phantom in voxels of two, with noise in each."""
    if tiny:
        return ct_volume(dtype, (7, 9, 20))
    if dtype != "int16":
        return volume("int16", tiny).astype(dtype)
    image = ct_volume("int16", (256, 256, 256))
    for axis in range(3):
        image = image.repeat(2, axis)
    image = image + np.random.default_rng(5).integers(-20, 21, image.shape, np.int8)
    return image


@functools.cache
def image_2d(dtype: str, tiny: bool) -> np.ndarray:
    """Return a radiograph of 8 million pixels."""
    return radiograph(dtype, (20, 33) if tiny else (4096, 2048))


@functools.cache
def tissue(tiny: bool) -> np.ndarray:
    """Return the soft tissue of the volume: many parts of all sizes."""
    image = volume("int16", tiny)
    return (image > 20) & (image < 300)


@functools.cache
def objects(tiny: bool) -> np.ndarray:
    """Return numbered objects in the volume: 4096 blocks with ragged edges."""
    shape = volume("int16", tiny).shape
    block = 8 if tiny else 32
    z, y, x = np.ogrid[tuple(slice(n) for n in shape)]
    count = [-(-n // block) for n in shape]
    numbers = ((z // block * count[1] + y // block) * count[2] + x // block + 1).astype(np.int32)
    ragged = ((z + y // 3) % block > 1) & ((x + y + z // 5) % block > 2)
    return numbers * ragged


def _nearest(shape: tuple[int, int, int], count: int) -> np.ndarray:
    """Return the `count` voxels that are nearest to the centre, by a distance that makes no perfect ball."""
    z, y, x = np.ogrid[tuple(slice(n) for n in shape)]
    place = [2 * at / max(n - 1, 1) - 1 for at, n in zip((z, y, x), shape, strict=True)]
    distance = place[0] ** 2 + place[1] ** 2 + place[2] ** 2 + 0.05 * np.sin(9 * place[2] + 5 * place[1])
    inside = np.zeros(shape, bool)
    inside.flat[np.argsort(distance, axis=None, kind="stable")[:count]] = True
    return inside


@functools.cache
def region(tiny: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return a CT and the mask of one region, of 442 900 voxels."""
    shape = (12, 11, 13) if tiny else (112, 112, 112)
    return _noise(shape), _nearest(shape, 400 if tiny else 442_900).astype(np.uint8)


@functools.cache
def regions(tiny: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return a CT and the labels of 1000 regions, of 3500 voxels each."""
    cells, side, voxels = (2, 7, 120) if tiny else (10, 20, 3500)
    numbers = np.arange(1, cells**3 + 1, dtype=np.int16).reshape(cells, cells, cells)
    inside = np.tile(_nearest((side, side, side), voxels), (cells, cells, cells))
    for axis in range(3):
        numbers = numbers.repeat(side, axis)
    return _noise(inside.shape), numbers * inside


@functools.cache
def levels(tiny: bool) -> tuple[np.ndarray]:
    """Return 32 grey levels of the one region, 0 outside."""
    image, mask = region(tiny)
    low, high = (int(edge(image[mask > 0])) for edge in (np.min, np.max))
    return (((1 + (image.astype(np.int32) - low) * 32 // (high - low + 1)) * mask).clip(0, 32).astype(np.uint8),)


def _noise(shape: tuple[int, ...]) -> np.ndarray:
    """Return soft tissue, with noise that is smooth in part."""
    random = np.random.default_rng(7)
    coarse = random.normal(40, 60, [(n + 2) // 3 for n in shape])
    for axis in range(3):
        coarse = coarse.repeat(3, axis)
    fine = random.normal(0, 15, shape)
    return np.rint(coarse[tuple(slice(n) for n in shape)] + fine).astype(np.int16)
