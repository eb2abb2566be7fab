"""SciPy's images on other grids: `cormack.filters.affine_transform` with SciPy's arguments and dtypes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import _check, filters
from .._arrays import DTYPES, WIDE_INTEGERS
from ._images import constant_of, converted, image_of, is_complex, output_of
from ._scipy import scipys

_HANDED = "a complex image or one that is not 2-D or 3-D, this `order`, `mode`, `matrix` or `prefilter`"


def affine_transform(
    input: Any,
    matrix: Any,
    offset: float | Sequence[float] = 0.0,
    output_shape: Sequence[int] | None = None,
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: float = 0.0,
    prefilter: bool = True,
    *,
    workers: int | None = None,
) -> Any:
    """Rotate, shift, stretch and shear an image: `cormack.filters.affine_transform`."""
    image = image_of(input)
    linear = np.asarray(matrix)
    square = linear.ndim in (1, 2) and not np.iscomplexobj(linear) and len(linear) in (image.ndim, image.ndim + 1)
    same = output_shape is None or len(output_shape) == image.ndim
    if not (square and same and _is_ours(image, order, mode, cval, prefilter)):
        keywords: dict[str, Any] = {"order": order, "mode": mode, "cval": cval, "prefilter": prefilter}
        return scipys("affine_transform", _HANDED)(input, matrix, offset, output_shape, output, **keywords)
    return _moved(image, matrix, offset, output_shape, output, order, mode, cval, workers)


def shift(
    input: Any,
    shift: float | Sequence[float],
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: float = 0.0,
    prefilter: bool = True,
    *,
    workers: int | None = None,
) -> Any:
    """Move an image along its axes, towards larger indices: `cormack.filters.affine_transform`."""
    image = image_of(input)
    if not _is_ours(image, order, mode, cval, prefilter):
        return scipys("shift", _HANDED)(input, shift, output, order, mode, cval, prefilter)
    steps = [-step for step in _check.per_axis("shift", "shift", shift, image.ndim)]
    return _moved(image, np.ones(image.ndim), steps, image.shape, output, order, mode, cval, workers)


def zoom(
    input: Any,
    zoom: float | Sequence[float],
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: float = 0.0,
    prefilter: bool = True,
    *,
    grid_mode: bool = False,
    workers: int | None = None,
) -> Any:
    """Stretch an image, centre of corner to centre of corner: `cormack.filters.affine_transform`."""
    image = image_of(input)
    if grid_mode or not _is_ours(image, order, mode, cval, prefilter):
        handed = scipys("zoom", "`grid_mode`, or " + _HANDED)
        return handed(input, zoom, output, order, mode, cval, prefilter, grid_mode=grid_mode)
    factors = _check.per_axis("zoom", "zoom", zoom, image.ndim)
    shape = [round(n * factor) for n, factor in zip(image.shape, factors, strict=True)]
    # A single voxel is the first one.
    steps = [(n - 1) / (m - 1) if m > 1 else 1.0 for n, m in zip(image.shape, shape, strict=True)]
    return _moved(image, np.array(steps), 0.0, shape, output, order, mode, cval, workers)


def rotate(
    input: Any,
    angle: float,
    axes: Sequence[int] = (1, 0),
    reshape: bool = True,
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: float = 0.0,
    prefilter: bool = True,
    *,
    workers: int | None = None,
) -> Any:
    """Rotate an image by an angle in degrees in the plane of two axes: `cormack.filters.affine_transform`."""
    name = "rotate"
    image = image_of(input)
    if image.ndim < 2:
        raise _check.fail(name, "input", "have at least 2 dimensions", image.shape)
    plane = sorted(_check.axes(name, axes, image.ndim))
    if len(plane) != 2:
        raise _check.fail(name, "axes", "name two axes", axes)
    if not _is_ours(image, order, mode, cval, prefilter):
        return scipys(name, _HANDED)(input, angle, axes, reshape, output, order, mode, cval, prefilter)
    cosine, sine = _of_degrees(_check.real(name, "angle", angle))
    turn = np.array([[cosine, sine], [-sine, cosine]])
    extent = np.array([image.shape[axis] for axis in plane])
    turned = extent
    if reshape:
        high, wide = extent
        turned = (np.ptp(turn @ [[0, 0, high, high], [0, wide, 0, wide]], axis=1) + 0.5).astype(int)
    matrix, offset, shape = np.eye(image.ndim), np.zeros(image.ndim), list(image.shape)
    matrix[np.ix_(plane, plane)] = turn
    offset[plane] = (extent - 1) / 2 - turn @ ((turned - 1) / 2)
    for axis, n in zip(plane, turned.tolist(), strict=True):
        shape[axis] = n
    return _moved(image, matrix, offset, shape, output, order, mode, cval, workers)


def _of_degrees(angle: float) -> tuple[float, float]:
    """Return cosine and sine, exact for right angles."""
    turns, rest = divmod(angle, 90.0)
    cosine, sine = math.cos(math.radians(rest)), math.sin(math.radians(rest))
    for _ in range(int(turns) % 4):
        cosine, sine = -sine, cosine
    return cosine, sine


def _is_ours(image: Any, order: Any, mode: Any, cval: Any, prefilter: Any) -> bool:
    fits = image.ndim in (2, 3) and not is_complex(image) and not is_complex(cval)
    return fits and order in (0, 1, 3) and mode in ("constant", "nearest") and bool(prefilter or order < 2)


def _moved(
    image: Any,
    matrix: Any,
    offset: Any,
    shape: Any,
    output: Any,
    order: int,
    mode: str,
    cval: Any,
    workers: int | None,
) -> Any:
    run: Callable[..., Any] = filters.affine_transform
    keywords: dict[str, Any] = {"order": order, "mode": mode, "workers": workers}
    if not isinstance(image, np.ndarray):
        return run(image, matrix, offset, shape, output, cval=cval, **keywords)
    given, wanted = output_of("affine_transform", output, image.dtype)
    if image.dtype in WIDE_INTEGERS:
        image = image.astype(np.float64)
    if wanted in DTYPES:
        target = wanted if given is None else given
        outside = constant_of(cval, np.empty(0, wanted))
        return run(image, matrix, offset, shape, target, cval=outside, **keywords)
    if given is not None and shape is None:
        shape = given.shape
    result = converted(run(image, matrix, offset, shape, np.float64, cval=cval, **keywords), wanted)
    if given is None:
        return result
    given[...] = result
    return given
