"""Histogram matching."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _check, _cormack_cpu, _intensity
from .._arrays import take, take_mask

# So that slopes between values of the reference, a rank apart, are numbers.
_LARGEST_REFERENCE = 1e290


def match_histograms(
    image: Any,
    reference: Any,
    *,
    dtype: Any = None,
    out: np.ndarray | None = None,
    mask: Any = None,
    reference_mask: Any = None,
    workers: int | None = None,
) -> Any:
    """Map intensities so that their cumulative histogram becomes that of a reference image.

    Parameters
    ----------
    image, reference : array_like or Volume
        Images of any shapes and dtypes.
    dtype : dtype, optional
        Type of the result: a floating one keeps the fractions of what an integer image becomes. Default: that of
        `image`.
    out : ndarray, optional
        Filled and returned instead of a new array; of the shape and dtype of the result, any strides, maybe `image`.
    mask, reference_mask : array_like, optional
        Only voxels where they are not zero make the histograms; the whole image is mapped.
    workers : int, optional
        Number of threads; default: the library's setting.

    Returns
    -------
    array
        Shape and kind of `image`, `dtype`. Integers round half to even and saturate. NaN is left out of the histograms
        and stays NaN.

    Raises
    ------
    ValueError
        If the reference holds an infinity or a number beyond 1e290, or there is no number in an image or inside its
        mask.
    TypeError
        If `dtype` is neither floating nor that of `image`.

    See Also
    --------
    equalize_hist, skimage.exposure.match_histograms

    Notes
    -----
    A voxel with the part q of the image's voxels not above it becomes the value at q of the reference's cumulative
    histogram, linearly between the values that occur: as `skimage.exposure.match_histograms`, to which the result with
    ``dtype=float64`` is equal. Integer images go through exact counts, without a copy. Floating images and integers
    that spread over more than 4194304 values are sorted, which takes a copy of the image and one of the reference (in
    float64 unless that is float32), and up to 8 MiB to find values among them; of an integer image with counts, one of
    a floating reference alone.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import enhance
    >>> image = np.array([[0, 1, 2, 3]], np.uint8)
    >>> enhance.match_histograms(image, np.array([[10, 20, 30, 40]], np.uint8))
    array([[10, 20, 30, 40]], dtype=uint8)
    """
    name = "match_histograms"
    taken = take(name, "image", image, ndim=())
    array = taken.array
    target = take(name, "reference", reference, ndim=()).array
    inside = take_mask(name, "mask", mask, array.shape, image)
    target_inside = take_mask(name, "reference_mask", reference_mask, target.shape, reference, "reference")
    kind = _intensity.output_dtype(name, dtype, array.dtype)
    if kind != array.dtype and kind.kind != "f":
        raise _check.fail(name, "dtype", "be a floating type or None", dtype, TypeError)
    threads = _check.workers(name, workers)
    result = _intensity.Result.of(name, taken, kind, out)
    found = _intensity.finite_range(name, target, target_inside, threads, "or NaN in the reference")
    if found is None:
        raise ValueError(f"{name}: `reference` must hold a number inside its mask, got none")
    if max(abs(found[0]), abs(found[1])) > _LARGEST_REFERENCE:
        rule = f"hold values from {-_LARGEST_REFERENCE:g} to {_LARGEST_REFERENCE:g}"
        raise ValueError(f"{name}: `reference` must {rule}, got values from {found[0]} to {found[1]}")
    if array.size == 0:
        return result.unchanged()
    table = None if array.dtype.kind == "f" else _intensity.value_counts(array, inside, threads)
    if table is None:
        return _match_sorted(name, result, inside, target, target_inside, threads)
    first, counts = table
    if not counts.size:
        raise ValueError(f"{name}: `mask` must contain a voxel, got none")
    up_to = counts.cumsum()
    target_table = None if target.dtype.kind == "f" else _intensity.value_counts(target, target_inside, threads)
    if target_table is None:
        entries = _at_ranks(_intensity.sorted_values(target, target_inside), up_to)
    else:
        low, numbers = target_table
        present = np.flatnonzero(numbers)
        passed = numbers[present].cumsum()
        entries = np.interp(up_to / float(up_to[-1]), passed / float(passed[-1]), present + low)
    return result.looked_up(_intensity.rounded(entries, kind), first, threads)


def _match_sorted(
    function: str,
    result: _intensity.Result,
    inside: np.ndarray | None,
    target: np.ndarray,
    target_inside: np.ndarray | None,
    threads: int,
) -> Any:
    values = _intensity.sorted_values(result.taken.array, inside)
    if not values.size:
        raise ValueError(f"{function}: `image` must hold a number inside the mask, got none")
    wanted = _intensity.sorted_values(target, target_inside)
    wanted = wanted.astype(wanted.dtype if wanted.dtype == np.float32 else np.float64, copy=False)
    return result.filled(
        lambda source, drain: _cormack_cpu.match_sorted(source, drain, values[np.newaxis], wanted[np.newaxis], threads)
    )


def _at_ranks(values: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """Return numpy.interp of ranks / last rank in the cumulative histogram of sorted values."""
    count, total = len(values), int(ranks[-1])
    passed = np.array([rank * count // total for rank in ranks.tolist()])
    upper = values[np.minimum(passed, count - 1)]
    first, end = np.searchsorted(values, upper, side="left"), np.searchsorted(values, upper, side="right")
    lower = values[np.maximum(first - 1, 0)].astype(np.float64)
    start = first / float(count)
    slope = (upper.astype(np.float64) - lower) / (end / float(count) - start)
    between = slope * (ranks / float(total) - start) + lower
    result: np.ndarray = np.where((passed >= count) | (first == 0), upper, between)
    return result
