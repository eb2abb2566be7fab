"""SciPy's grey morphology: `cormack.filters` with SciPy's dtypes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import filters
from .._arrays import WIDE_INTEGERS
from ._images import (
    constant_of,
    converted,
    filtered,
    image_of,
    in_native_order,
    in_order_of_axes,
    one_window,
    output_of,
)
from ._scipy import scipys

Numbers = int | Sequence[int]
Modes = str | Sequence[str]
Axes = int | Sequence[int] | None


def grey_erosion(
    input: Any,
    size: Numbers | None = None,
    footprint: Any = None,
    structure: Any = None,
    output: Any = None,
    mode: Modes = "reflect",
    cval: float = 0.0,
    origin: Numbers = 0,
    *,
    axes: Axes = None,
    workers: int | None = None,
) -> Any:
    """Take the least value of every neighbourhood, less `structure`: `cormack.filters.grey_erosion`."""
    return _morphology(
        filters.grey_erosion, input, size, footprint, structure, output, mode, cval, origin, axes, workers
    )


def grey_dilation(
    input: Any,
    size: Numbers | None = None,
    footprint: Any = None,
    structure: Any = None,
    output: Any = None,
    mode: Modes = "reflect",
    cval: float = 0.0,
    origin: Numbers = 0,
    *,
    axes: Axes = None,
    workers: int | None = None,
) -> Any:
    """Take the largest value of every mirrored neighbourhood, plus `structure`: `cormack.filters.grey_dilation`."""
    return _morphology(
        filters.grey_dilation, input, size, footprint, structure, output, mode, cval, origin, axes, workers
    )


def grey_opening(
    input: Any,
    size: Numbers | None = None,
    footprint: Any = None,
    structure: Any = None,
    output: Any = None,
    mode: Modes = "reflect",
    cval: float = 0.0,
    origin: Numbers = 0,
    *,
    axes: Axes = None,
    workers: int | None = None,
) -> Any:
    """Remove what is bright and narrow: erosion, then dilation: `cormack.filters.grey_opening`."""
    return _morphology(
        filters.grey_opening, input, size, footprint, structure, output, mode, cval, origin, axes, workers
    )


def grey_closing(
    input: Any,
    size: Numbers | None = None,
    footprint: Any = None,
    structure: Any = None,
    output: Any = None,
    mode: Modes = "reflect",
    cval: float = 0.0,
    origin: Numbers = 0,
    *,
    axes: Axes = None,
    workers: int | None = None,
) -> Any:
    """Remove what is dark and narrow: dilation, then erosion: `cormack.filters.grey_closing`."""
    return _morphology(
        filters.grey_closing, input, size, footprint, structure, output, mode, cval, origin, axes, workers
    )


def white_tophat(
    input: Any,
    size: Numbers | None = None,
    footprint: Any = None,
    structure: Any = None,
    output: Any = None,
    mode: Modes = "reflect",
    cval: float = 0.0,
    origin: Numbers = 0,
    *,
    axes: Axes = None,
    workers: int | None = None,
) -> Any:
    """Return what `grey_opening` removes: `cormack.filters.white_tophat`."""
    return _morphology(
        filters.white_tophat, input, size, footprint, structure, output, mode, cval, origin, axes, workers
    )


def black_tophat(
    input: Any,
    size: Numbers | None = None,
    footprint: Any = None,
    structure: Any = None,
    output: Any = None,
    mode: Modes = "reflect",
    cval: float = 0.0,
    origin: Numbers = 0,
    *,
    axes: Axes = None,
    workers: int | None = None,
) -> Any:
    """Return what `grey_closing` removes: `cormack.filters.black_tophat`."""
    return _morphology(
        filters.black_tophat, input, size, footprint, structure, output, mode, cval, origin, axes, workers
    )


def morphological_gradient(
    input: Any,
    size: Numbers | None = None,
    footprint: Any = None,
    structure: Any = None,
    output: Any = None,
    mode: Modes = "reflect",
    cval: float = 0.0,
    origin: Numbers = 0,
    *,
    axes: Axes = None,
    workers: int | None = None,
) -> Any:
    """Return the dilation less the erosion: `cormack.filters.morphological_gradient`."""
    return _morphology(
        filters.morphological_gradient, input, size, footprint, structure, output, mode, cval, origin, axes, workers
    )


def morphological_laplace(
    input: Any,
    size: Numbers | None = None,
    footprint: Any = None,
    structure: Any = None,
    output: Any = None,
    mode: Modes = "reflect",
    cval: float = 0.0,
    origin: Numbers = 0,
    *,
    axes: Axes = None,
    workers: int | None = None,
) -> Any:
    """Return dilation plus erosion less twice the image."""
    image = in_native_order(np.asarray(input))
    given, wanted = output_of("morphological_laplace", output, image.dtype)
    if image.dtype.kind == "b":
        raise TypeError("morphological_laplace: `input` must not be bool")
    window = (size, footprint, structure, None, mode, cval, origin)
    # Sums of three values of the image: in float64 where it has 64-bit integers, as all of theirs.
    wide = image.dtype if image.dtype.kind == "f" else np.int64 if image.dtype not in WIDE_INTEGERS else np.float64
    result = grey_dilation(image, *window, axes=axes, workers=workers).astype(wide)
    result += grey_erosion(image, *window, axes=axes, workers=workers)
    result -= image
    result -= image
    result = converted(result, wanted)
    if given is None:
        return result
    given[...] = result
    return given


def _morphology(
    run: Any,
    input: Any,
    size: Any,
    footprint: Any,
    structure: Any,
    output: Any,
    mode: Any,
    cval: Any,
    origin: Any,
    axes: Any,
    workers: Any,
) -> Any:
    image = image_of(input)
    if structure is not None and image.dtype == bool:
        handed = scipys(run.__name__, "a mask with `structure`")
        return handed(image, size, footprint, structure, output, mode, cval, origin, axes=axes)
    size = one_window(size, footprint)
    if axes is not None:
        footprint = in_order_of_axes(run.__name__, footprint, axes, image.ndim)
        structure = in_order_of_axes(run.__name__, structure, axes, image.ndim)
    if structure is None:
        cval = constant_of(cval, image)
    return filtered(
        run,
        image,
        output,
        wide=structure is not None,
        size=size,
        footprint=footprint,
        structure=structure,
        mode=mode,
        cval=cval,
        origin=origin,
        axes=axes,
        workers=workers,
    )
