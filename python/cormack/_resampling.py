"""Images on other grids: what `filters.affine_transform`, `features.resample` and volumes share."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import _check, _cormack_cpu, _slabs
from ._arrays import empty
from ._backends import OnDevice, Waiting, run

INTERPOLATIONS = {"nearest": 0, "linear": 1, "cubic": 3}
# What counts as the image: up to the outermost centres, up to the outermost voxels' ends, everything.
CENTRES, VOXELS, ENDLESS = range(3)
# More nodes than this along an axis is a spacing in the wrong unit.
MOST_NODES = 1 << 20
# Of a voxel: the kernel does not tell places apart that are closer.
_STEP = 2.0**-32


def centred_nodes(function: str, n: int, old: float, new: float, argument: str = "new_spacing") -> np.ndarray:
    """Return the nodes of a grid with spacing `new` along an axis, in its voxels: IBSI's, centre on centre."""
    ratio = old / new
    if not math.isfinite(n * ratio) or n * ratio > MOST_NODES:
        raise _check.fail(function, argument, f"leave at most {MOST_NODES} voxels along an axis", new)
    # A hair above an integer is that integer: 10 * 0.3 / 0.1.
    nodes = math.ceil(n * ratio - 1e-9 * n * ratio) if n else 0
    positions: np.ndarray = (np.arange(nodes) - (nodes - 1) / 2) * (new / old) + (n - 1) / 2
    return positions


def resampled(
    array: np.ndarray, positions: Sequence[np.ndarray], order: int, dtype: np.dtype[Any], workers: int
) -> np.ndarray:
    """Interpolate a 2-D or 3-D array at the nodes of a grid with parallel axes; outside it goes on as its border."""
    result = empty(tuple(len(nodes) for nodes in positions), dtype)
    _cormack_cpu.resample(array, result, [nodes.tolist() for nodes in positions], order, workers)
    return result


def resampled_on_device(
    function: str, array: OnDevice, positions: Sequence[np.ndarray], order: int, dtype: np.dtype[Any]
) -> OnDevice:
    """Do the same on a GPU."""
    first, *others = positions

    def placed(part: OnDevice, along: np.ndarray) -> OnDevice:
        result = part.empty((len(along), *map(len, others)), dtype)
        if result.size:
            nodes = np.concatenate([*[np.zeros(1)] * (3 - part.ndim), along, *others])
            run(function, "affine_transform", [part, result], [nodes], order=order, nodes=1)
        return result

    def window(at: slice) -> tuple[slice, Callable[[OnDevice], OnDevice]]:
        # A node beyond the image takes the value on its border; subtracting whole numbers changes no fraction.
        last = array.shape[0] - 1
        begin = min(max(0, math.floor(first[at].min())), last)
        end = min(max(begin, math.floor(first[at].max()) + 1), last) + 1
        return slice(begin, end), lambda part: placed(part, first[at] - begin)

    if not isinstance(array, Waiting):
        return placed(array, first)
    if order > 1:
        # Coefficients of splines come from whole lines.
        return _slabs.whole(function, [array], lambda part: placed(part, first))
    made = _slabs.at_once(function, [array], lambda part: placed(part, first))
    if made is not None:
        return made
    result = empty(tuple(map(len, positions)), dtype)
    _slabs.windows(function, array, window, result)
    return Waiting(function, result, array.library)


def transformed(
    array: np.ndarray,
    matrix: np.ndarray,
    offset: np.ndarray,
    result: np.ndarray,
    order: int,
    edge: int,
    cval: float,
    workers: int,
) -> None:
    """Fill `result`, with contiguous rows, by the array at ``matrix @ index + offset``."""
    full, shift = _extended(array.ndim, matrix, offset, result.shape)
    if array.size == 0:
        result[...] = cval
        return
    _cormack_cpu.affine_transform(array, result, full.ravel().tolist(), shift.tolist(), order, edge, cval, workers)


def transformed_on_device(
    function: str,
    array: OnDevice,
    matrix: np.ndarray,
    offset: np.ndarray,
    result: OnDevice,
    order: int,
    edge: int,
    cval: float,
) -> None:
    """Do the same on a GPU."""
    full, shift = _extended(array.ndim, matrix, offset, result.shape)
    run(
        function,
        "affine_transform",
        [array, result],
        order=order,
        nodes=0,
        matrix=full.ravel(),
        offset=shift,
        edge=edge,
        cval=float(cval),
    )


def _extended(n: int, matrix: np.ndarray, offset: np.ndarray, shape: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    full, shift = np.eye(3), np.zeros(3)
    full[3 - n :, 3 - n :] = _without_dust(matrix, shape)
    shift[3 - n :] = offset
    return full, shift


def _without_dust(matrix: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Round elements to integers where no place moves by that: rotations by right angles lose their 1e-17."""
    extents = np.maximum(np.asarray(shape, np.float64) - 1, 1.0)
    whole = np.rint(matrix)
    cleaned: np.ndarray = np.where(np.abs(matrix - whole) * extents < _STEP / 8, whole, matrix)
    return cleaned


def fill_value(function: str, argument: str, value: Any, dtype: np.dtype[Any]) -> float:
    """Return what stands outside the image; an integer image takes what its dtype holds."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise _check.fail(function, argument, "be a number", value, TypeError) from None
    if dtype.kind in "iub":
        low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        if not low <= number <= high:
            raise _check.fail(function, argument, f"be between {low} and {high}, which {dtype} holds", value)
    return number
