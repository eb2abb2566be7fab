"""Objects and holes of binary masks."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _check, _cormack_cpu
from ._checks import connectivity_of, mask_of


def remove_small_objects(
    mask: Any,
    min_size: int | None = None,
    *,
    max_size: int | None = None,
    connectivity: int = 1,
    workers: int | None = None,
) -> Any:
    """Remove the connected components with fewer voxels than `min_size`, or with at most `max_size`.

    Parameters
    ----------
    mask : array_like or Volume
        2-D or 3-D, of any dtype; what is not zero is foreground.
    min_size : int, optional
        Components with at least so many voxels stay.
    max_size : int, optional
        Instead of `min_size`: components with at most so many voxels go.
    connectivity : int, default 1
        How many coordinates may change by one in a step, from 1 (faces) to the number of dimensions (corners).
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.

    Returns
    -------
    ndarray of bool, or Volume
        The mask without them.

    Raises
    ------
    ValueError
        If a size is negative, both or neither are given, `mask` is not 2-D or 3-D, or `connectivity` does not suit it.

    See Also
    --------
    remove_small_holes, largest_component, screen

    Notes
    -----
    As ``skimage.morphology.remove_small_objects`` of a bool mask, which has both arguments too: `min_size` before
    version 0.26, `max_size` (64 unless given) from there on.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack.segment import remove_small_objects
    >>> remove_small_objects(np.array([[1, 0, 1], [1, 0, 0]]), 2).astype(int)
    array([[1, 0, 0],
           [1, 0, 0]])
    """
    name = "remove_small_objects"
    if (min_size is None) == (max_size is None):
        given = "neither" if min_size is None else "both"
        raise ValueError(f"{name}: `min_size` or `max_size` must be given, got {given}")
    if min_size is None:
        least = _check.integer(name, "max_size", max_size, minimum=0) + 1
    else:
        least = _check.integer(name, "min_size", min_size, minimum=0)
    size = min(least, np.iinfo(np.int64).max)
    taken = mask_of(name, "mask", mask)
    steps = connectivity_of(name, connectivity, taken.array.ndim)
    result = np.empty(taken.array.shape, bool)
    _cormack_cpu.remove_small_objects(taken.array, result, size, steps, _check.workers(name, workers))
    return taken.give_back(result)


def remove_small_holes(mask: Any, *, max_size: int = 64, connectivity: int = 1, workers: int | None = None) -> Any:
    """Fill the connected components of the background with at most `max_size` voxels.

    Parameters
    ----------
    mask : array_like or Volume
        2-D or 3-D, of any dtype; what is not zero is foreground.
    max_size : int, default 64
        Holes with at most so many voxels are filled, also those at the border of the array.
    connectivity : int, default 1
        How many coordinates may change by one in a step of the background, from 1 (faces) to the number of dimensions
        (corners).
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.

    Returns
    -------
    ndarray of bool, or Volume
        The mask and those holes.

    Raises
    ------
    ValueError
        If `max_size` is negative, `mask` not 2-D or 3-D, or `connectivity` does not suit it.

    See Also
    --------
    fill_holes : Of any size, away from the border.
    remove_small_objects

    Notes
    -----
    As ``skimage.morphology.remove_small_holes`` of a bool mask.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack.segment import remove_small_holes
    >>> remove_small_holes(np.array([[1, 1, 1, 0], [1, 0, 1, 0], [1, 1, 1, 0]]), max_size=1).astype(int)
    array([[1, 1, 1, 0],
           [1, 1, 1, 0],
           [1, 1, 1, 0]])
    """
    name = "remove_small_holes"
    size = min(_check.integer(name, "max_size", max_size, minimum=0), np.iinfo(np.int64).max)
    taken = mask_of(name, "mask", mask)
    steps = connectivity_of(name, connectivity, taken.array.ndim)
    result = np.empty(taken.array.shape, bool)
    _cormack_cpu.remove_small_holes(taken.array, result, size, steps, _check.workers(name, workers))
    return taken.give_back(result)


def largest_component(mask: Any, *, connectivity: int = 1, workers: int | None = None) -> Any:
    """Keep the connected component with most voxels.

    Parameters
    ----------
    mask : array_like or Volume
        2-D or 3-D, of any dtype; what is not zero is foreground.
    connectivity : int, default 1
        How many coordinates may change by one in a step, from 1 (faces) to the number of dimensions (corners).
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.

    Returns
    -------
    ndarray of bool, or Volume
        The largest component, the one that comes first in the array among equals; empty if the mask is.

    Raises
    ------
    ValueError
        If `mask` is not 2-D or 3-D or `connectivity` does not suit it.

    See Also
    --------
    remove_small_objects, screen

    Examples
    --------
    >>> import numpy as np
    >>> from cormack.segment import largest_component
    >>> largest_component(np.array([[1, 0, 1], [1, 0, 0]])).astype(int)
    array([[1, 0, 0],
           [1, 0, 0]])
    """
    return _mask_operation("largest_component", mask, connectivity, workers)


def fill_holes(mask: Any, *, connectivity: int = 1, workers: int | None = None) -> Any:
    """Fill the holes of a mask: background that no path joins to the border of the array.

    Parameters
    ----------
    mask : array_like or Volume
        2-D or 3-D, of any dtype; what is not zero is foreground.
    connectivity : int, default 1
        How many coordinates may change by one in a step of a path through the background. With 1, objects that are
        closed up to corners enclose holes.
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.

    Returns
    -------
    ndarray of bool, or Volume
        The mask and its holes.

    Raises
    ------
    ValueError
        If `mask` is not 2-D or 3-D or `connectivity` does not suit it.

    See Also
    --------
    clear_border

    Notes
    -----
    Identical to ``scipy.ndimage.binary_fill_holes`` with ``generate_binary_structure(ndim, connectivity)``.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack.segment import fill_holes
    >>> fill_holes(np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]])).astype(int)
    array([[0, 1, 0],
           [1, 1, 1],
           [0, 1, 0]])
    """
    return _mask_operation("fill_holes", mask, connectivity, workers)


def clear_border(mask: Any, *, connectivity: int = 1, workers: int | None = None) -> Any:
    """Remove the connected components that touch the border of the array.

    Parameters
    ----------
    mask : array_like or Volume
        2-D or 3-D, of any dtype; what is not zero is foreground.
    connectivity : int, default 1
        How many coordinates may change by one in a step, from 1 (faces) to the number of dimensions (corners).
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.

    Returns
    -------
    ndarray of bool, or Volume
        The mask without them.

    Raises
    ------
    ValueError
        If `mask` is not 2-D or 3-D or `connectivity` does not suit it.

    See Also
    --------
    fill_holes, screen

    Notes
    -----
    With ``connectivity=mask.ndim`` identical to ``skimage.segmentation.clear_border`` of a bool mask.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack.segment import clear_border
    >>> clear_border(np.array([[1, 0, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]])).astype(int)
    array([[0, 0, 0, 0],
           [0, 0, 1, 0],
           [0, 0, 0, 0]])
    """
    return _mask_operation("clear_border", mask, connectivity, workers)


def _mask_operation(name: str, mask: Any, connectivity: Any, workers: int | None) -> Any:
    taken = mask_of(name, "mask", mask)
    steps = connectivity_of(name, connectivity, taken.array.ndim)
    result = np.empty(taken.array.shape, bool)
    getattr(_cormack_cpu, name)(taken.array, result, steps, _check.workers(name, workers))
    return taken.give_back(result)
