"""Pixels and lines between labels."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from .. import _check, _cormack_cpu
from .._arrays import DTYPES, WIDE_INTEGERS, take

_MODES = ("thick", "inner", "outer", "subpixel")
_LABELS = (*(dtype for dtype in DTYPES if dtype.kind != "f"), *WIDE_INTEGERS)


def find_boundaries(
    label_img: Any, connectivity: int = 1, mode: str = "thick", background: int = 0, *, workers: int | None = None
) -> Any:
    """Mark the boundaries between labels, or the boundary of a mask.

    Parameters
    ----------
    label_img : array_like or Volume
        2-D or 3-D labels of an integer type, or a mask of bool.
    connectivity : int, default 1
        How many coordinates may change by one between neighbours, from 1 (faces) to the number of dimensions (corners).
    mode : {"thick", "inner", "outer", "subpixel"}, default "thick"
        "thick": every pixel with a neighbour of another label. "inner": those of objects, not of the background.
        "outer": those of the background, and where objects touch. "subpixel": the places between pixels, in an image of
        ``2 n - 1`` pixels for every ``n``.
    background : int, default 0
        The label that is no object, for "inner" and "outer".
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.

    Returns
    -------
    ndarray of bool
        The boundaries: of the shape of `label_img`, but for "subpixel". A `Volume` gives a `Volume`; "subpixel" an
        array always.

    Raises
    ------
    TypeError
        If labels are not integers.
    ValueError
        If `label_img` is not 2-D or 3-D, or `connectivity` or `mode` does not exist.

    See Also
    --------
    find_contours, marching_cubes

    Notes
    -----
    Identical to ``skimage.segmentation.find_boundaries``. With "outer" that holds for labels of up to 32 bits and a
    background that is the smallest of them: of others, scikit-image marks the whole inner boundary; with "subpixel" for
    labels below the largest of their dtype, which scikit-image puts between pixels. Pixels outside the image are no
    neighbours. An image whose last axis is not contiguous is copied once.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack.detect import find_boundaries
    >>> find_boundaries(np.array([[0, 0, 1, 1, 2, 2]]), mode="inner").astype(int)
    array([[0, 0, 1, 1, 1, 0]])
    """
    name = "find_boundaries"
    taken = take(name, "label_img", label_img, dtypes=_LABELS)
    labels = taken.array
    steps = _check.integer(name, "connectivity", connectivity)
    if not 1 <= steps <= labels.ndim:
        raise _check.fail(name, "connectivity", f"be 1 to {labels.ndim} for {labels.ndim}-D", connectivity)
    kind = _check.choice(name, "mode", mode, _MODES)
    outside = _check.integer(name, "background", background)
    threads = _check.workers(name, workers)
    if kind == "subpixel":
        return _between(labels)
    if labels.dtype in WIDE_INTEGERS:
        labels, outside = _narrow(labels, outside)
    # A label that nothing has, for one that no image of the extension can have.
    outside = outside if -(2**63) <= outside < 2**63 else -(2**63)
    result = np.empty(labels.shape, bool)
    _cormack_cpu.find_boundaries(labels, result, steps, _MODES.index(kind), outside, threads)
    return taken.give_back(result)


def _narrow(labels: np.ndarray, background: int) -> tuple[np.ndarray, int]:
    """Return labels of 32 bits that are equal where those of 64 bits are, and the background among them."""
    if not labels.size or (int(labels.min()) >= -(2**31) and int(labels.max()) < 2**31):
        return labels.astype(np.int32), background
    values, numbers = np.unique(labels, return_inverse=True)
    place = [i for i, value in enumerate(values.tolist()) if value == background]
    return numbers.reshape(labels.shape).astype(np.int32), place[0] if place else -1


def _between(labels: np.ndarray) -> np.ndarray:
    result = np.zeros([max(0, 2 * n - 1) for n in labels.shape], bool)
    # Which axes a place lies between pixels on: it has as many pixels around it as those have ends.
    for between in itertools.product((0, 1), repeat=labels.ndim):
        if not any(between) or not labels.size:
            continue
        place = result[tuple(slice(odd, None, 2) for odd in between)]
        corners = [
            labels[tuple(slice(end, n - odd + end) for end, odd, n in zip(ends, between, labels.shape, strict=True))]
            for ends in itertools.product(*(range(odd + 1) for odd in between))
        ]
        for corner in corners[1:]:
            place |= corners[0] != corner
    return result
