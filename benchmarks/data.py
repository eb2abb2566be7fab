"""Images to measure on: synthetic, deterministic, of the size and texture of real ones."""

from __future__ import annotations

import functools

import numpy as np


@functools.cache
def _hounsfield(shape: tuple[int, int, int]) -> np.ndarray:
    rng = np.random.default_rng(0)
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, n, dtype=np.float32) for n in shape), indexing="ij", sparse=True)
    volume = np.full(shape, -1000, np.float32)
    volume[(x / 0.9) ** 2 + (y / 0.75) ** 2 + 0 * z < 1] = 40
    for side in (-1, 1):
        volume[((x - side * 0.4) / 0.3) ** 2 + (y / 0.5) ** 2 + (z / 0.9) ** 2 < 1] = -850
    volume[(x / 0.12) ** 2 + ((y - 0.5) / 0.14) ** 2 + 0 * z < 1] = 500
    for _ in range(60):
        cz, cy, cx = rng.uniform(-0.7, 0.7, 3)
        radius = rng.uniform(0.01, 0.06)
        volume[(x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2 < radius**2] = rng.uniform(-100, 300)
    # Scanner noise is correlated: a box mean of white noise, repeated, plus a white part.
    coarse = rng.standard_normal([(n + 3) // 4 for n in shape], dtype=np.float32)
    for axis in range(3):
        coarse = np.repeat((coarse + np.roll(coarse, 1, axis)) / np.sqrt(2, dtype=np.float32), 4, axis)
    volume += 30 * coarse[: shape[0], : shape[1], : shape[2]]
    volume += 15 * rng.standard_normal(shape, dtype=np.float32)
    return np.clip(volume, -1024, 3071)


@functools.cache
def ct_volume(dtype: str, shape: tuple[int, int, int] = (128, 256, 256)) -> np.ndarray:
    """Return a chest-like CT in the range that suits the dtype: HU for signed types, shifted for unsigned ones."""
    volume = _hounsfield(shape)
    if dtype == "uint8":
        volume = (volume + 1024) * (255 / 4095)
    elif dtype == "uint16":
        volume = (volume + 1024) * 12
    if np.issubdtype(dtype, np.integer):
        volume = np.rint(volume)
    volume = volume.astype(dtype)
    volume.flags.writeable = False
    return volume


@functools.cache
def radiograph(dtype: str, shape: tuple[int, int] = (2048, 2048)) -> np.ndarray:
    """Return a projection of the CT with detail and quantum noise, over the whole range of the dtype."""
    rows, columns = shape
    projection = _hounsfield((64, 256, 256)).mean(axis=0)
    image = np.repeat(np.repeat(projection, -(-rows // 256), 0), -(-columns // 256), 1)[:rows, :columns]
    image = (image - image.min()) / np.ptp(image)
    noise = np.random.default_rng(3).standard_normal(shape, dtype=np.float32)
    image = np.clip(0.9 * image**0.8 + 0.02 + 0.005 * noise, 0, 1)
    if np.issubdtype(dtype, np.integer):
        image = np.rint(image * np.iinfo(dtype).max)
    image = image.astype(dtype)
    image.flags.writeable = False
    return image
