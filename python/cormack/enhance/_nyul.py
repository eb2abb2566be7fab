"""A standard scale of intensities, learnt from images."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import _check, _cormack_cpu, _intensity
from .._arrays import take, take_mask
from .._files import replacing

_PERCENTILES = (1.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 99.0)
_FORMAT = "cormack.NyulStandard"


@dataclass(frozen=True, slots=True)
class NyulStandard:
    """A standard scale of intensities: what `fit_nyul_standard` learns and ``normalize(method="nyul")`` applies.

    Parameters
    ----------
    percentiles : tuple of float
        Increasing, at least two, in [0, 100].
    landmarks : tuple of float
        The standard intensity of each percentile, not decreasing.

    Raises
    ------
    ValueError
        If the numbers are not such.

    Examples
    --------
    >>> from cormack import enhance
    >>> enhance.NyulStandard((1, 50, 99), (0, 40, 100))
    NyulStandard(percentiles=(1.0, 50.0, 99.0), landmarks=(0.0, 40.0, 100.0))
    """

    percentiles: tuple[float, ...]
    landmarks: tuple[float, ...]

    def __post_init__(self) -> None:
        percentiles = _percentiles("NyulStandard", self.percentiles)
        landmarks = tuple(_check.real("NyulStandard", "landmarks", value) for value in self.landmarks)
        if len(landmarks) != len(percentiles):
            raise _check.fail("NyulStandard", "landmarks", "be one for each percentile", self.landmarks)
        if any(after < before for before, after in itertools.pairwise(landmarks)):
            raise _check.fail("NyulStandard", "landmarks", "not decrease", self.landmarks)
        object.__setattr__(self, "percentiles", percentiles)
        object.__setattr__(self, "landmarks", landmarks)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the standard to a JSON file: under a temporary name, which is renamed when all is written."""
        path = Path(path)
        content = {
            "format": _FORMAT,
            "version": 1,
            "percentiles": self.percentiles,
            "landmarks": self.landmarks,
        }
        with replacing(path) as temporary, open(temporary, "x", encoding="utf-8") as file:
            json.dump(content, file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> NyulStandard:
        """Read what `save` wrote; ValueError for anything else."""
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
            if content["format"] != _FORMAT or content["version"] != 1:
                raise ValueError(f"format {content['format']!r}, version {content['version']!r}")
            return cls(tuple(content["percentiles"]), tuple(content["landmarks"]))
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"NyulStandard.load: {os.fspath(path)!r} must be a saved standard: {error}") from None


def fit_nyul_standard(
    images: Iterable[Any],
    masks: Iterable[Any] | None = None,
    *,
    percentiles: Iterable[float] = _PERCENTILES,
    out_range: tuple[float, float] = (1.0, 100.0),
    workers: int | None = None,
) -> NyulStandard:
    """Learn a standard scale of intensities from images of one kind: Nyul and Udupa's training.

    Parameters
    ----------
    images : iterable of array_like or Volume
        At least one image; they are taken one after the other, so that a generator needs the memory of one.
    masks : iterable of array_like, optional
        One for each image (None for a whole image): the voxels that count, for instance those of the brain.
    percentiles : iterable of float, default 1, 10, 20, ..., 90, 99
        Where the landmarks of a histogram lie: at least two and at most 64, increasing.
    out_range : (float, float), default (1, 100)
        Standard intensities of the first and the last percentile.
    workers : int, optional
        Number of threads; default: the library's setting.

    Returns
    -------
    NyulStandard
        Percentiles, and for each the mean of the landmarks of all images, of which each image's first and last are
        mapped linearly to `out_range`.

    Raises
    ------
    ValueError
        If there is no image, numbers of images and masks differ, percentiles do not increase, or the first and last
        percentile of an image are one value.

    See Also
    --------
    normalize

    References
    ----------
    .. [1] L. G. Nyul, J. K. Udupa, X. Zhang, "New variants of a method of MRI scale standardization", IEEE Transactions
       on Medical Imaging 19, 143-150 (2000).

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import enhance
    >>> images = [np.arange(101.0), 10 * np.arange(101.0)]
    >>> enhance.fit_nyul_standard(images, percentiles=(0, 50, 100), out_range=(0, 10)).landmarks
    (0.0, 5.0, 10.0)
    """
    name = "fit_nyul_standard"
    wanted = _percentiles(name, percentiles)
    low, high = _intensity.pair(name, "out_range", out_range)
    if low >= high:
        raise _check.fail(name, "out_range", "increase", out_range)
    _intensity.check_width(name, "out_range", (low, high))
    threads = _check.workers(name, workers)
    total, count = np.zeros(len(wanted)), 0
    for image, mask in _pairs(name, images, masks):
        array = take(name, "images", image, ndim=()).array
        inside = take_mask(name, "masks", mask, array.shape, image)
        landmarks = _landmarks(name, array, inside, wanted, threads)
        first, last = float(landmarks[0]), float(landmarks[-1])
        if first == last:
            raise ValueError(
                f"{name}: image {count} must vary: its percentiles {wanted[0]:g} and {wanted[-1]:g} are both {first:g}"
            )
        if not np.isfinite(last - first):
            raise ValueError(f"{name}: percentiles of image {count} must be finite, got {first:g} to {last:g}")
        total += (landmarks - first) / (last - first)
        count += 1
    if count == 0:
        raise _check.fail(name, "images", "be at least one image", [])
    return NyulStandard(wanted, tuple((total / count * (high - low) + low).tolist()))


def nyul_map(
    array: np.ndarray, inside: np.ndarray | None, standard: NyulStandard, threads: int
) -> Callable[[np.ndarray, np.ndarray], None]:
    landmarks = _landmarks("normalize", array, inside, standard.percentiles, threads)
    # Of landmarks that coincide the last one.
    kept = np.append(landmarks[1:] > landmarks[:-1], True)
    if kept.sum() < 2:
        raise ValueError(
            f"normalize: percentiles of `image` must differ{_intensity.where_inside(inside)}, got only {landmarks[0]:g}"
        )
    knots, wanted = landmarks[kept].tolist(), np.array(standard.landmarks)[kept].tolist()
    return lambda source, target: _cormack_cpu.piecewise_map(source, target, knots, wanted, threads)


def _landmarks(
    function: str, array: np.ndarray, inside: np.ndarray | None, percentiles: tuple[float, ...], threads: int
) -> np.ndarray:
    _intensity.some_range(function, array, inside, threads)
    return _intensity.quantiles(array, inside, [number / 100 for number in percentiles], threads)


def _percentiles(function: str, values: Iterable[float]) -> tuple[float, ...]:
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise _check.fail(function, "percentiles", "be numbers", values, TypeError)
    result = tuple(_check.real(function, "percentiles", value, minimum=0.0) for value in values)
    if not 2 <= len(result) <= 64:
        raise _check.fail(function, "percentiles", "be 2 to 64 numbers", values)
    if any(after <= before for before, after in itertools.pairwise(result)) or result[-1] > 100:
        raise _check.fail(function, "percentiles", "increase and end at 100 at most", values)
    return result


def _pairs(function: str, images: Iterable[Any], masks: Iterable[Any] | None) -> Iterable[tuple[Any, Any]]:
    if masks is None:
        for image in images:
            yield image, None
        return
    try:
        yield from zip(images, masks, strict=True)
    except ValueError as error:
        if "zip()" not in str(error):
            raise
        raise ValueError(f"{function}: `masks` must be one for each image: {error}") from None
