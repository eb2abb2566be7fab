"""SciPy's binary morphology and distances: `cormack.segment` with SciPy's arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import _check, segment
from .._arrays import check_output
from ._images import image_of
from ._scipy import scipys

Numbers = int | Sequence[int]
Axes = int | Sequence[int] | None


def generate_binary_structure(rank: int, connectivity: int) -> np.ndarray:
    """Return the 3 x 3 x ... places whose coordinates change by at most `connectivity` in all.

    Examples
    --------
    >>> generate_binary_structure(2, 1).astype(int)
    array([[0, 1, 0],
           [1, 1, 1],
           [0, 1, 0]])
    """
    if rank < 1:
        return np.array(True)
    places: np.ndarray = np.abs(np.indices((3,) * rank) - 1).sum(axis=0) <= max(connectivity, 1)
    return places


def iterate_structure(structure: Any, iterations: int, origin: Any = None) -> Any:
    """Return a structure dilated by itself, and `origin` as often where it is given."""
    places = np.asarray(structure)
    if places.ndim > 3:
        return scipys("iterate_structure", "a structure of more than 3 dimensions")(structure, iterations, origin)
    if iterations < 2:
        # Without the origin, as SciPy.
        return places.copy()
    more = iterations - 1
    result = np.zeros([n + more * (n - 1) for n in places.shape], bool)
    result[tuple(slice(more * (n // 2), more * (n // 2) + n) for n in places.shape)] = places != 0
    result = binary_dilation(result, places, iterations=more)
    if origin is None:
        return result
    return result, [iterations * shift for shift in _check.per_axis("iterate_structure", "origin", origin, places.ndim)]


def binary_erosion(
    input: Any,
    structure: Any = None,
    iterations: int = 1,
    mask: Any = None,
    output: Any = None,
    border_value: int = 0,
    origin: Numbers = 0,
    brute_force: bool = False,
    *,
    axes: Axes = None,
    workers: int | None = None,
) -> Any:
    """Keep the voxels around which the whole structure is foreground: `cormack.segment.binary_erosion`.

    The border is background, as SciPy has it; `brute_force` has no effect.
    """
    return _morphology(
        segment.binary_erosion, input, structure, iterations, mask, output, border_value, origin, axes, workers
    )


def binary_dilation(
    input: Any,
    structure: Any = None,
    iterations: int = 1,
    mask: Any = None,
    output: Any = None,
    border_value: int = 0,
    origin: Numbers = 0,
    brute_force: bool = False,
    *,
    axes: Axes = None,
    workers: int | None = None,
) -> Any:
    """Add the structure around every voxel of the foreground: `cormack.segment.binary_dilation`."""
    return _morphology(
        segment.binary_dilation, input, structure, iterations, mask, output, border_value, origin, axes, workers
    )


def binary_opening(
    input: Any,
    structure: Any = None,
    iterations: int = 1,
    output: Any = None,
    origin: Numbers = 0,
    mask: Any = None,
    border_value: int = 0,
    brute_force: bool = False,
    *,
    axes: Axes = None,
    workers: int | None = None,
) -> Any:
    """Keep what the structure reaches without leaving the foreground: `cormack.segment.binary_opening`."""
    return _morphology(
        segment.binary_opening, input, structure, iterations, mask, output, border_value, origin, axes, workers
    )


def binary_closing(
    input: Any,
    structure: Any = None,
    iterations: int = 1,
    output: Any = None,
    origin: Numbers = 0,
    mask: Any = None,
    border_value: int = 0,
    brute_force: bool = False,
    *,
    axes: Axes = None,
    workers: int | None = None,
) -> Any:
    """Fill the background that the structure does not reach: `cormack.segment.binary_closing`.

    The border is background, as SciPy has it: what touches it is eroded there.
    """
    return _morphology(
        segment.binary_closing, input, structure, iterations, mask, output, border_value, origin, axes, workers
    )


def binary_hit_or_miss(
    input: Any,
    structure1: Any = None,
    structure2: Any = None,
    output: Any = None,
    origin1: Numbers = 0,
    origin2: Numbers | None = None,
    *,
    axes: Axes = None,
    workers: int | None = None,
) -> Any:
    """Find where `structure1` is foreground and `structure2`, by default the rest of it, background.

    As in SciPy, nothing is returned where `output` is an array.
    """
    name = "binary_hit_or_miss"
    image = np.asarray(input)
    if not 0 < image.ndim <= 3:
        handed = scipys(name, "an image that is not 1-D, 2-D or 3-D")
        return handed(input, structure1, structure2, output, origin1, origin2, axes=axes)
    if structure1 is None:
        structure1 = generate_binary_structure(len(_check.axes(name, axes, image.ndim)), 1)
    if structure2 is None:
        structure2 = np.logical_not(structure1)
    # A structure without places asks for nothing.
    hit: Any = np.ones(image.shape, bool)
    if np.any(structure1):
        hit = binary_erosion(image, structure1, origin=origin1, axes=axes, workers=workers)
    if np.any(structure2):
        second = origin1 if origin2 is None else origin2
        hit &= binary_erosion(image == 0, structure2, border_value=1, origin=second, axes=axes, workers=workers)
    return _written(name, hit, output, returned=False)


def binary_fill_holes(
    input: Any,
    structure: Any = None,
    output: Any = None,
    origin: Numbers = 0,
    *,
    axes: Axes = None,
    workers: int | None = None,
) -> Any:
    """Fill background that no path joins to the border: `cormack.segment.fill_holes`.

    As in SciPy, nothing is returned where `output` is an array.
    """
    name = "binary_fill_holes"
    image = image_of(input)
    steps = connectivity_of(structure, image.ndim)
    if image.ndim not in (2, 3) or steps is None or np.any(origin) or axes is not None:
        handed = scipys(name, "a path that is not through neighbours, along some axes or not 2-D or 3-D")
        return handed(input, structure, output, origin, axes=axes)
    return _written(name, segment.fill_holes(image, connectivity=steps, workers=workers), output, returned=False)


def distance_transform_edt(
    input: Any,
    sampling: float | Sequence[float] | None = None,
    return_distances: bool = True,
    return_indices: bool = False,
    distances: Any = None,
    indices: Any = None,
    *,
    workers: int | None = None,
) -> Any:
    """Distance of every foreground voxel to the nearest of the background: `cormack.segment.distance_transform_edt`.

    Infinite where there is no background; SciPy measures to a voxel outside the image then.
    """
    image = image_of(input)
    arguments = (sampling, return_distances, return_indices, distances, indices)
    if image.ndim > 3:
        return scipys("distance_transform_edt", "an image of more than 3 dimensions")(image, *arguments)
    if image.ndim == 0:
        image = np.atleast_1d(image)
    return segment.distance_transform_edt(image, *arguments, workers=workers)


def connectivity_of(structure: Any, ndim: int) -> int | None:
    """Return the connectivity that a structure of `generate_binary_structure` stands for; None for another one."""
    if structure is None:
        return 1
    places = np.asarray(structure) != 0
    for steps in range(1, ndim + 1):
        if np.array_equal(places, generate_binary_structure(ndim, steps)):
            return steps
    return None


def _morphology(
    run: Callable[..., Any],
    input: Any,
    structure: Any,
    iterations: Any,
    mask: Any,
    output: Any,
    border_value: Any,
    origin: Any,
    axes: Any,
    workers: Any,
) -> Any:
    name = run.__name__
    image = image_of(input)
    ndim = image.ndim
    count = _check.integer(name, "iterations", iterations)
    if mask is not None or count < 1 or not 0 < ndim <= 3:
        handed = scipys(name, "`mask`, `iterations` below 1 or an image that is not 1-D, 2-D or 3-D")
        limits = {"mask": mask, "border_value": border_value, "origin": origin}
        return handed(input, structure, count, output=output, axes=axes, **limits)
    if axes is not None or ndim == 1:
        chosen = _check.axes(name, axes, ndim)
        places = generate_binary_structure(len(chosen), 1) if structure is None else np.asarray(structure)
        if places.ndim != len(chosen):
            rule = f"have one dimension for each of {len(chosen)} axes"
            raise ValueError(f"{name}: `structure` must {rule}, got shape {places.shape}")
        shifts = [0] * ndim
        for axis, shift in zip(chosen, _check.per_axis(name, "origin", origin, len(chosen)), strict=True):
            shifts[axis] = shift
        # SciPy's structures have the image's order of axes.
        structure, origin = np.expand_dims(places, [a for a in range(ndim) if a not in chosen]), shifts
        if ndim == 1:
            image, structure, origin = image[np.newaxis], structure[np.newaxis], [0, *shifts]
    outside = bool(border_value)
    result = run(image, structure, iterations=count, border_value=outside, origin=origin, workers=workers)
    return _written(name, result[0] if ndim == 1 else result, output, returned=True)


def _written(name: str, result: Any, output: Any, returned: bool) -> Any:
    """Return a mask, or write it to the caller's array; every dtype that is given instead of one means bool."""
    if not isinstance(output, np.ndarray):
        return result
    check_output(name, "output", output, result.shape)
    output[...] = result
    return output if returned else None
