"""What both kinds of image detectors give, and how images come to them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _check
from .._arrays import take, take_mask
from ..volume import Volume

__all__ = [
    "AnomalyMap",
    "Distribution",
    "Prepared",
    "finished",
    "load",
    "load_mask",
    "prepared",
    "same_spacing",
    "to_grid",
    "with_masks",
]

_UNIT = 0.99
_KEPT = 20_000  # values of an image

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class AnomalyMap:
    """Where and how much an image differs from normal ones.

    Parameters
    ----------
    heat : Volume or ndarray
        On the grid of the image, of its kind, float32. 1 is what 99 of 100 held-out normal places stay below; outside a
        mask 0.
    score : float
        Of the whole image: how its oddest places compare.
    p_value : float
        Of the score, among the normal images.
    outlier : bool
        Whether the score is above what normal images are allowed.
    peak : tuple of int
        Index of the hottest voxel, in array order.

    Examples
    --------
    >>> import numpy as np
    >>> AnomalyMap(np.zeros((2, 2), np.float32), 0.4, 0.7, False, (0, 0)).outlier
    False
    """

    heat: Any
    score: float
    p_value: float
    outlier: bool
    peak: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Prepared:
    """An image as detectors look at it: float32, finite, at their spacing."""

    array: Floats
    mask: npt.NDArray[np.bool_] | None
    # Of what was given: its grid, its mask there, and the way back to its library.
    shape: tuple[int, ...]
    given_mask: npt.NDArray[np.bool_] | None
    taken: Any
    # Voxels of the given image per voxel of `array`, along each axis.
    step: tuple[float, ...]


def load(item: Any) -> Any:
    """An image as given: an array, a volume, a file, or a source of `cormack.io.find_studies`."""
    if isinstance(item, (str, os.PathLike)):
        from .. import io

        return io.read(Path(item))
    return item.read() if hasattr(item, "read") and not isinstance(item, np.ndarray) else item


def load_mask(item: Any, image: Any) -> Any:
    """A mask as given: also a file, or a function that makes it from the image."""
    if callable(item):
        return item(image)
    if isinstance(item, (str, os.PathLike)):
        from .. import io

        return io.read_mask(Path(item), reference=image if isinstance(image, Volume) else None)
    return item


def same_spacing(a: Sequence[float], b: Sequence[float]) -> bool:
    """Whether two voxel sizes are within 1 % of each other."""
    return len(a) == len(b) and all(abs(x - y) <= 0.01 * y for x, y in zip(a, b, strict=True))


def prepared(
    function: str, image: Any, mask: Any, spacing: tuple[float, ...] | None, intensity: str, workers: int | None
) -> Prepared:
    """Bring an image to a voxel size and a scale of intensities."""
    mask = load_mask(mask, image)
    taken = take(function, "image", image)
    shape = taken.array.shape
    inside = take_mask(function, "mask", mask, shape, image)
    if taken.array.size == 0 or (inside is not None and not inside.any()):
        raise ValueError(f"{function}: `{'image' if inside is None else 'mask'}` must not be empty")
    array, at = taken.array, inside
    step = (1.0,) * array.ndim
    if spacing is not None:
        own = taken.spacing or (1.0,) * array.ndim
        if len(own) != len(spacing):
            raise ValueError(f"{function}: `image` must be {len(spacing)}-D as the normal images, got shape {shape}")
        if not same_spacing(own, spacing):
            step = tuple(new / old for new, old in zip(spacing, own, strict=True))
            array = Volume(array, own).resample(spacing, dtype=np.float32, workers=workers).array
            if inside is not None:
                at = Volume(inside, own).resample(spacing, workers=workers).array
                if not at.any():
                    raise ValueError(f"{function}: nothing is left of `mask` at a spacing of {spacing} mm")
    if array.dtype.kind == "f" and not np.isfinite(array.max() - array.min()):
        raise ValueError(f"{function}: `image` must be finite, got NaN or infinity")
    if intensity != "none":
        from .. import enhance

        array = enhance.normalize(array, intensity, mask=at, workers=workers)
    return Prepared(np.ascontiguousarray(array, np.float32), at, shape, inside, taken, step)


def finished(heat: Floats, given: Prepared) -> tuple[Any, tuple[int, ...]]:
    """Cut a map to the mask; the map as the image's library has it, and the index of its peak."""
    if given.given_mask is not None:
        heat *= given.given_mask
    peak = tuple(int(i) for i in np.unravel_index(int(heat.argmax()), heat.shape))
    return given.taken.give_back(heat), peak


def to_grid(
    values: Floats, shape: tuple[int, ...], stride: Sequence[float], start: Sequence[float], workers: int | None
) -> Floats:
    """Interpolate values at ``start + stride * index`` of a grid of `shape`; beyond the outermost the nearest."""
    from .. import filters

    scale = [1.0 / step for step in stride]
    offset = [-first / step for first, step in zip(start, stride, strict=True)]
    result: Floats = filters.affine_transform(
        values, scale, offset, shape, np.float32, order=1, mode="nearest", workers=workers
    )
    return result


def with_masks(function: str, images: Any, masks: Any) -> tuple[list[Any], list[Any]]:
    """The normal images, at least two, and a mask, function or None for each."""
    for argument, value in (("images", images), ("masks", masks)):
        if isinstance(value, (str, os.PathLike)) or not (
            value is None or callable(value) or hasattr(value, "__iter__")
        ):
            raise _check.fail(function, argument, "be a sequence of images", type(value), TypeError)
    listed = list(images)
    if len(listed) < 2:
        raise _check.fail(function, "images", "be at least 2 images", len(listed))
    at = [masks] * len(listed) if masks is None or callable(masks) else list(masks)
    if len(at) != len(listed):
        raise _check.fail(function, "masks", f"be {len(listed)}, one for each image", len(at))
    return listed, at


class Distribution:
    """The distribution of normal heat, image by image; every image counts as much as every other."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._parts: list[npt.NDArray[np.float64]] = []

    def add(self, values: npt.NDArray[Any]) -> None:
        """Take the values of an image, or some of them by chance where they are many."""
        if len(values) > _KEPT:
            values = values[np.random.default_rng([self._seed, len(self._parts)]).integers(len(values), size=_KEPT)]
        self._parts.append(values.astype(np.float64))

    def result(self) -> tuple[float, npt.NDArray[np.float64]]:
        """Return the unit of heat, which 99 of 100 stay below, and 1001 quantiles in it."""
        pooled = np.concatenate(self._parts)
        weights = np.concatenate([np.full(len(part), 1 / len(part)) for part in self._parts]) / len(self._parts)
        order = np.argsort(pooled, kind="stable")
        rank, pooled = np.cumsum(weights[order]), pooled[order]
        unit = float(pooled[min(int(np.searchsorted(rank, _UNIT)), pooled.size - 1)]) or 1.0
        return unit, np.interp(np.linspace(0, 1, 1001), rank, pooled) / unit
