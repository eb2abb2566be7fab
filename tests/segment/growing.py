"""Random images and seeds, and what SimpleITK makes of them, for the tests of region growing."""

from __future__ import annotations

from typing import Any

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

# SimpleITK has no bool.
ITK_DTYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]


def random_image(rng: np.random.Generator, dtype: str) -> np.ndarray:
    """Return an image of two or three axes, smooth or noisy, some with rows longer than a word of 64 bits."""
    ndim = int(rng.integers(2, 4))
    shape = tuple(int(n) for n in rng.integers(1, 13, ndim))
    if rng.random() < 0.3:
        shape = (*shape[:-1], int(rng.integers(60, 140)))
    image = rng.normal(0, 30, shape)
    if rng.random() < 0.6:
        image = 2 * ndimage.gaussian_filter(image, 1.0)
    if dtype.startswith("u"):
        image = (image + 60).clip(0, 255)
    image = image.clip(-128, 127) if dtype == "int8" else image
    return (image if dtype.startswith("float") else np.rint(image)).astype(dtype)


def random_seeds(rng: np.random.Generator, shape: tuple[int, ...], most: int = 3) -> list[tuple[int, ...]]:
    count = int(rng.integers(1, most + 1))
    return [tuple(int(rng.integers(n)) for n in shape) for _ in range(count)]


def xyz(points: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    return [point[::-1] for point in points]


def run(itk: Any, image: np.ndarray) -> np.ndarray:
    """Return what a SimpleITK filter object makes of an array, as a mask."""
    return sitk.GetArrayFromImage(itk.Execute(sitk.GetImageFromArray(image))).astype(bool)


LAYOUTS = {
    "negative": lambda a: a[::-1, ::-1, ::-1],
    "transposed": lambda a: a.transpose(2, 0, 1),
    "sliced": lambda a: a[1::2, ::3, 5::2],
    "Fortran": np.asfortranarray,
    "repeated row": lambda a: np.broadcast_to(a[:, :1], a.shape),
    "repeated column": lambda a: np.broadcast_to(a[..., :1], a.shape),
    "2-D slice": lambda a: a[:, :, 9],
}
