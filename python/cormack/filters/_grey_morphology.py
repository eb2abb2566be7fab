"""Grey-value morphology: erosion, dilation and what is made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _check, _cormack_cpu
from .._arrays import take
from .._neighbourhood import Halo, PerAxis, apply, ball_of, origins_of
from ._rank import value_outside, window_of

# Whether a step dilates.
EROSION, DILATION = False, True


def grey_erosion(
    input: Any,
    size: float | Sequence[float] | None = None,
    footprint: Any = None,
    structure: Any = None,
    output: Any = None,
    mode: str | Sequence[str] = "reflect",
    cval: float = 0.0,
    origin: int | Sequence[int] = 0,
    *,
    radius_mm: float | None = None,
    axes: int | Sequence[int] | None = None,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
) -> Any:
    """Replace every voxel by the smallest value of its neighbourhood, less the heights of a structure.

    Parameters
    ----------
    input : array_like, Volume or torch.Tensor
        Image of any number of dimensions: bool, 8, 16 or 32 bit integers, float32 or float64.
    size : int or sequence of int, or of float in mm, optional
        Extent of a flat box, in `unit`, for every axis or for each of `axes`. One of `size`, `footprint`, `structure`
        and `radius_mm` is needed.
    footprint : array_like, optional
        Bool array with one dimension for each of `axes`: the places that take part.
    structure : array_like, optional
        Heights of the places, of the shape of `footprint` where both are given.
    output : ndarray or dtype, optional
        Where the result goes, or its type: the input's, float32 or float64.
    mode : str or sequence of str, default "reflect"
        What lies outside the image: ``"reflect"``, ``"constant"``, ``"nearest"``, ``"mirror"`` or ``"wrap"`` as in
        `scipy.ndimage`; for a box, also one for each of `axes`.
    cval : float, default 0.0
        The value outside for ``mode="constant"``; one that the dtype of the output holds exactly, or, for floating
        dtypes, to rounding.
    origin : int or sequence of int, default 0
        Shift of the window against the voxel, towards smaller indices where it is positive, as in `scipy.ndimage`.
    radius_mm : float, optional
        Radius of a flat ball, as `cormack.segment.ball`.
    axes : int or sequence of int, optional
        The axes to filter, all by default; the others are batch. In an array with more than three axes, at most three.
    spacing : float or sequence of float, optional
        Voxel size in mm in array order, for ``unit="mm"`` and `radius_mm`. Default: that of a `Volume`.
    unit : {"voxel", "mm"}, default "voxel"
        Unit of `size`. In mm it becomes the nearest odd number of voxels along each axis, the larger one of two.
    workers : int, optional
        Threads; by default `cormack.get_num_threads`.

    Returns
    -------
    ndarray, Volume or torch.Tensor
        Of the input's kind and shape and, unless `output` says otherwise, its dtype; `output` where it is an array.

    Raises
    ------
    TypeError
        If a dtype is not supported, bool with `structure` among them, or an argument is of the wrong kind.
    ValueError
        If none or several of `size`, `footprint` with `structure`, and `radius_mm` are given, the window is empty,
        `origin` leaves the window, `cval` does not fit the dtype, there is a `mode` per axis but no box, or `output`
        has another shape.

    See Also
    --------
    minimum_filter, grey_dilation, scipy.ndimage.grey_erosion

    Notes
    -----
    As ``scipy.ndimage.grey_erosion``, bit for bit, for images without NaN and with flat windows, except that `axes`
    pairs with `footprint` in the order in which it is given. With heights, integers are rounded to nearest and
    saturate; SciPy's are cut off and wrap.

    Flat windows are those of `minimum_filter` and `maximum_filter`, with their speed and their order of NaN.
    Heights cost one operation in float64 for each voxel and place, and pass over NaN. An image whose last axis is
    not contiguous is copied; steps in between take one image each.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import filters
    >>> image = np.array([[3, 1, 4, 1, 5, 9, 2]], np.int16)
    >>> filters.grey_erosion(image, (1, 3))
    array([[1, 1, 1, 1, 1, 2, 2]], dtype=int16)
    """
    return _morphology(
        "grey_erosion",
        input,
        size,
        footprint,
        structure,
        output,
        mode,
        cval,
        origin,
        radius_mm,
        axes,
        spacing,
        unit,
        workers,
    )


def grey_dilation(
    input: Any,
    size: float | Sequence[float] | None = None,
    footprint: Any = None,
    structure: Any = None,
    output: Any = None,
    mode: str | Sequence[str] = "reflect",
    cval: float = 0.0,
    origin: int | Sequence[int] = 0,
    *,
    radius_mm: float | None = None,
    axes: int | Sequence[int] | None = None,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
) -> Any:
    """Replace every voxel by the largest value of its reflected neighbourhood, plus the heights of a structure.

    Parameters
    ----------
    input : array_like, Volume or torch.Tensor
        Image of any number of dimensions: bool, 8, 16 or 32 bit integers, float32 or float64.
    size : int or sequence of int, or of float in mm, optional
        Extent of a flat box, in `unit`, for every axis or for each of `axes`. One of `size`, `footprint`, `structure`
        and `radius_mm` is needed.
    footprint : array_like, optional
        Bool array with one dimension for each of `axes`: the places that take part.
    structure : array_like, optional
        Heights of the places, of the shape of `footprint` where both are given.
    output : ndarray or dtype, optional
        Where the result goes, or its type: the input's, float32 or float64.
    mode : str or sequence of str, default "reflect"
        What lies outside the image: ``"reflect"``, ``"constant"``, ``"nearest"``, ``"mirror"`` or ``"wrap"`` as in
        `scipy.ndimage`; for a box, also one for each of `axes`.
    cval : float, default 0.0
        The value outside for ``mode="constant"``; one that the dtype of the output holds exactly, or, for floating
        dtypes, to rounding.
    origin : int or sequence of int, default 0
        Shift of the window against the voxel, towards smaller indices where it is positive, as in `scipy.ndimage`.
    radius_mm : float, optional
        Radius of a flat ball, as `cormack.segment.ball`.
    axes : int or sequence of int, optional
        The axes to filter, all by default; the others are batch. In an array with more than three axes, at most three.
    spacing : float or sequence of float, optional
        Voxel size in mm in array order, for ``unit="mm"`` and `radius_mm`. Default: that of a `Volume`.
    unit : {"voxel", "mm"}, default "voxel"
        Unit of `size`. In mm it becomes the nearest odd number of voxels along each axis, the larger one of two.
    workers : int, optional
        Threads; by default `cormack.get_num_threads`.

    Returns
    -------
    ndarray, Volume or torch.Tensor
        Of the input's kind and shape and, unless `output` says otherwise, its dtype; `output` where it is an array.

    Raises
    ------
    TypeError
        If a dtype is not supported, bool with `structure` among them, or an argument is of the wrong kind.
    ValueError
        If none or several of `size`, `footprint` with `structure`, and `radius_mm` are given, the window is empty,
        `origin` leaves the window, `cval` does not fit the dtype, there is a `mode` per axis but no box, or `output`
        has another shape.

    See Also
    --------
    maximum_filter, grey_erosion, scipy.ndimage.grey_dilation

    Notes
    -----
    As ``scipy.ndimage.grey_dilation``, bit for bit, for images without NaN and with flat windows, except that
    `axes` pairs with `footprint` in the order in which it is given. With heights, integers are rounded to nearest
    and saturate; SciPy's are cut off and wrap.

    Flat windows are those of `minimum_filter` and `maximum_filter`, with their speed and their order of NaN.
    Heights cost one operation in float64 for each voxel and place, and pass over NaN. An image whose last axis is
    not contiguous is copied; steps in between take one image each.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import filters
    >>> image = np.array([[3, 1, 4, 1, 5, 9, 2]], np.int16)
    >>> filters.grey_dilation(image, footprint=[[1, 1, 0]])
    array([[3, 4, 4, 5, 9, 9, 2]], dtype=int16)
    """
    return _morphology(
        "grey_dilation",
        input,
        size,
        footprint,
        structure,
        output,
        mode,
        cval,
        origin,
        radius_mm,
        axes,
        spacing,
        unit,
        workers,
    )


def grey_opening(
    input: Any,
    size: float | Sequence[float] | None = None,
    footprint: Any = None,
    structure: Any = None,
    output: Any = None,
    mode: str | Sequence[str] = "reflect",
    cval: float = 0.0,
    origin: int | Sequence[int] = 0,
    *,
    radius_mm: float | None = None,
    axes: int | Sequence[int] | None = None,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
) -> Any:
    """Remove what is brighter than its surroundings and smaller than the window: erosion, then dilation.

    Parameters
    ----------
    input : array_like, Volume or torch.Tensor
        Image of any number of dimensions: bool, 8, 16 or 32 bit integers, float32 or float64.
    size : int or sequence of int, or of float in mm, optional
        Extent of a flat box, in `unit`, for every axis or for each of `axes`. One of `size`, `footprint`, `structure`
        and `radius_mm` is needed.
    footprint : array_like, optional
        Bool array with one dimension for each of `axes`: the places that take part.
    structure : array_like, optional
        Heights of the places, of the shape of `footprint` where both are given.
    output : ndarray or dtype, optional
        Where the result goes, or its type: the input's, float32 or float64.
    mode : str or sequence of str, default "reflect"
        What lies outside the image: ``"reflect"``, ``"constant"``, ``"nearest"``, ``"mirror"`` or ``"wrap"`` as in
        `scipy.ndimage`; for a box, also one for each of `axes`.
    cval : float, default 0.0
        The value outside for ``mode="constant"``; one that the dtype of the output holds exactly, or, for floating
        dtypes, to rounding.
    origin : int or sequence of int, default 0
        Shift of the window against the voxel, towards smaller indices where it is positive, as in `scipy.ndimage`.
    radius_mm : float, optional
        Radius of a flat ball, as `cormack.segment.ball`.
    axes : int or sequence of int, optional
        The axes to filter, all by default; the others are batch. In an array with more than three axes, at most three.
    spacing : float or sequence of float, optional
        Voxel size in mm in array order, for ``unit="mm"`` and `radius_mm`. Default: that of a `Volume`.
    unit : {"voxel", "mm"}, default "voxel"
        Unit of `size`. In mm it becomes the nearest odd number of voxels along each axis, the larger one of two.
    workers : int, optional
        Threads; by default `cormack.get_num_threads`.

    Returns
    -------
    ndarray, Volume or torch.Tensor
        Of the input's kind and shape and, unless `output` says otherwise, its dtype; `output` where it is an array.

    Raises
    ------
    TypeError
        If a dtype is not supported, bool with `structure` among them, or an argument is of the wrong kind.
    ValueError
        If none or several of `size`, `footprint` with `structure`, and `radius_mm` are given, the window is empty,
        `origin` leaves the window, `cval` does not fit the dtype, there is a `mode` per axis but no box, or `output`
        has another shape.

    See Also
    --------
    grey_closing, white_tophat, scipy.ndimage.grey_opening

    Notes
    -----
    As ``scipy.ndimage.grey_opening``, bit for bit, for images without NaN and with flat windows, except that `axes`
    pairs with `footprint` in the order in which it is given. With heights, integers are rounded to nearest and
    saturate; SciPy's are cut off and wrap.

    Flat windows are those of `minimum_filter` and `maximum_filter`, with their speed and their order of NaN.
    Heights cost one operation in float64 for each voxel and place, and pass over NaN. An image whose last axis is
    not contiguous is copied; steps in between take one image each.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import filters
    >>> image = np.array([[1, 1, 9, 1, 5, 5, 5, 1]], np.int16)
    >>> filters.grey_opening(image, (1, 3))
    array([[1, 1, 1, 1, 5, 5, 5, 1]], dtype=int16)
    """
    return _morphology(
        "grey_opening",
        input,
        size,
        footprint,
        structure,
        output,
        mode,
        cval,
        origin,
        radius_mm,
        axes,
        spacing,
        unit,
        workers,
    )


def grey_closing(
    input: Any,
    size: float | Sequence[float] | None = None,
    footprint: Any = None,
    structure: Any = None,
    output: Any = None,
    mode: str | Sequence[str] = "reflect",
    cval: float = 0.0,
    origin: int | Sequence[int] = 0,
    *,
    radius_mm: float | None = None,
    axes: int | Sequence[int] | None = None,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
) -> Any:
    """Remove what is darker than its surroundings and smaller than the window: dilation, then erosion.

    Parameters
    ----------
    input : array_like, Volume or torch.Tensor
        Image of any number of dimensions: bool, 8, 16 or 32 bit integers, float32 or float64.
    size : int or sequence of int, or of float in mm, optional
        Extent of a flat box, in `unit`, for every axis or for each of `axes`. One of `size`, `footprint`, `structure`
        and `radius_mm` is needed.
    footprint : array_like, optional
        Bool array with one dimension for each of `axes`: the places that take part.
    structure : array_like, optional
        Heights of the places, of the shape of `footprint` where both are given.
    output : ndarray or dtype, optional
        Where the result goes, or its type: the input's, float32 or float64.
    mode : str or sequence of str, default "reflect"
        What lies outside the image: ``"reflect"``, ``"constant"``, ``"nearest"``, ``"mirror"`` or ``"wrap"`` as in
        `scipy.ndimage`; for a box, also one for each of `axes`.
    cval : float, default 0.0
        The value outside for ``mode="constant"``; one that the dtype of the output holds exactly, or, for floating
        dtypes, to rounding.
    origin : int or sequence of int, default 0
        Shift of the window against the voxel, towards smaller indices where it is positive, as in `scipy.ndimage`.
    radius_mm : float, optional
        Radius of a flat ball, as `cormack.segment.ball`.
    axes : int or sequence of int, optional
        The axes to filter, all by default; the others are batch. In an array with more than three axes, at most three.
    spacing : float or sequence of float, optional
        Voxel size in mm in array order, for ``unit="mm"`` and `radius_mm`. Default: that of a `Volume`.
    unit : {"voxel", "mm"}, default "voxel"
        Unit of `size`. In mm it becomes the nearest odd number of voxels along each axis, the larger one of two.
    workers : int, optional
        Threads; by default `cormack.get_num_threads`.

    Returns
    -------
    ndarray, Volume or torch.Tensor
        Of the input's kind and shape and, unless `output` says otherwise, its dtype; `output` where it is an array.

    Raises
    ------
    TypeError
        If a dtype is not supported, bool with `structure` among them, or an argument is of the wrong kind.
    ValueError
        If none or several of `size`, `footprint` with `structure`, and `radius_mm` are given, the window is empty,
        `origin` leaves the window, `cval` does not fit the dtype, there is a `mode` per axis but no box, or `output`
        has another shape.

    See Also
    --------
    grey_opening, black_tophat, scipy.ndimage.grey_closing

    Notes
    -----
    As ``scipy.ndimage.grey_closing``, bit for bit, for images without NaN and with flat windows, except that `axes`
    pairs with `footprint` in the order in which it is given. With heights, integers are rounded to nearest and
    saturate; SciPy's are cut off and wrap.

    Flat windows are those of `minimum_filter` and `maximum_filter`, with their speed and their order of NaN.
    Heights cost one operation in float64 for each voxel and place, and pass over NaN. An image whose last axis is
    not contiguous is copied; steps in between take one image each.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import filters
    >>> image = np.array([[7, 7, 1, 7, 2, 2, 2, 7]], np.int16)
    >>> filters.grey_closing(image, (1, 3))
    array([[7, 7, 7, 7, 2, 2, 2, 7]], dtype=int16)
    """
    return _morphology(
        "grey_closing",
        input,
        size,
        footprint,
        structure,
        output,
        mode,
        cval,
        origin,
        radius_mm,
        axes,
        spacing,
        unit,
        workers,
    )


def white_tophat(
    input: Any,
    size: float | Sequence[float] | None = None,
    footprint: Any = None,
    structure: Any = None,
    output: Any = None,
    mode: str | Sequence[str] = "reflect",
    cval: float = 0.0,
    origin: int | Sequence[int] = 0,
    *,
    radius_mm: float | None = None,
    axes: int | Sequence[int] | None = None,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
) -> Any:
    """Keep what is brighter than its surroundings and smaller than the window: the image less its opening.

    Parameters
    ----------
    input : array_like, Volume or torch.Tensor
        Image of any number of dimensions: bool, 8, 16 or 32 bit integers, float32 or float64.
    size : int or sequence of int, or of float in mm, optional
        Extent of a flat box, in `unit`, for every axis or for each of `axes`. One of `size`, `footprint`, `structure`
        and `radius_mm` is needed.
    footprint : array_like, optional
        Bool array with one dimension for each of `axes`: the places that take part.
    structure : array_like, optional
        Heights of the places, of the shape of `footprint` where both are given.
    output : ndarray or dtype, optional
        Where the result goes, or its type: the input's, float32 or float64.
    mode : str or sequence of str, default "reflect"
        What lies outside the image: ``"reflect"``, ``"constant"``, ``"nearest"``, ``"mirror"`` or ``"wrap"`` as in
        `scipy.ndimage`; for a box, also one for each of `axes`.
    cval : float, default 0.0
        The value outside for ``mode="constant"``; one that the dtype of the output holds exactly, or, for floating
        dtypes, to rounding.
    origin : int or sequence of int, default 0
        Shift of the window against the voxel, towards smaller indices where it is positive, as in `scipy.ndimage`.
    radius_mm : float, optional
        Radius of a flat ball, as `cormack.segment.ball`.
    axes : int or sequence of int, optional
        The axes to filter, all by default; the others are batch. In an array with more than three axes, at most three.
    spacing : float or sequence of float, optional
        Voxel size in mm in array order, for ``unit="mm"`` and `radius_mm`. Default: that of a `Volume`.
    unit : {"voxel", "mm"}, default "voxel"
        Unit of `size`. In mm it becomes the nearest odd number of voxels along each axis, the larger one of two.
    workers : int, optional
        Threads; by default `cormack.get_num_threads`.

    Returns
    -------
    ndarray, Volume or torch.Tensor
        Of the input's kind and shape and, unless `output` says otherwise, its dtype; `output` where it is an array.

    Raises
    ------
    TypeError
        If a dtype is not supported, bool with `structure` among them, or an argument is of the wrong kind.
    ValueError
        If none or several of `size`, `footprint` with `structure`, and `radius_mm` are given, the window is empty,
        `origin` leaves the window, `cval` does not fit the dtype, there is a `mode` per axis but no box, or `output`
        has another shape.

    See Also
    --------
    black_tophat, grey_opening, scipy.ndimage.white_tophat

    Notes
    -----
    As ``scipy.ndimage.white_tophat``, bit for bit, for images without NaN and with flat windows, except that `axes`
    pairs with `footprint` in the order in which it is given. With heights, integers are rounded to nearest and
    saturate; SciPy's are cut off and wrap. Differences of integers saturate: where SciPy's wrap, they stay at the
    end of the range. Those of bool are exclusive or.

    Flat windows are those of `minimum_filter` and `maximum_filter`, with their speed and their order of NaN.
    Heights cost one operation in float64 for each voxel and place, and pass over NaN. An image whose last axis is
    not contiguous is copied; steps in between take one image each.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import filters
    >>> image = np.array([[1, 1, 9, 1, 5, 5, 5, 1]], np.int16)
    >>> filters.white_tophat(image, (1, 3))
    array([[0, 0, 8, 0, 0, 0, 0, 0]], dtype=int16)
    """
    return _morphology(
        "white_tophat",
        input,
        size,
        footprint,
        structure,
        output,
        mode,
        cval,
        origin,
        radius_mm,
        axes,
        spacing,
        unit,
        workers,
    )


def black_tophat(
    input: Any,
    size: float | Sequence[float] | None = None,
    footprint: Any = None,
    structure: Any = None,
    output: Any = None,
    mode: str | Sequence[str] = "reflect",
    cval: float = 0.0,
    origin: int | Sequence[int] = 0,
    *,
    radius_mm: float | None = None,
    axes: int | Sequence[int] | None = None,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
) -> Any:
    """Keep what is darker than its surroundings and smaller than the window: the closing less the image.

    Parameters
    ----------
    input : array_like, Volume or torch.Tensor
        Image of any number of dimensions: bool, 8, 16 or 32 bit integers, float32 or float64.
    size : int or sequence of int, or of float in mm, optional
        Extent of a flat box, in `unit`, for every axis or for each of `axes`. One of `size`, `footprint`, `structure`
        and `radius_mm` is needed.
    footprint : array_like, optional
        Bool array with one dimension for each of `axes`: the places that take part.
    structure : array_like, optional
        Heights of the places, of the shape of `footprint` where both are given.
    output : ndarray or dtype, optional
        Where the result goes, or its type: the input's, float32 or float64.
    mode : str or sequence of str, default "reflect"
        What lies outside the image: ``"reflect"``, ``"constant"``, ``"nearest"``, ``"mirror"`` or ``"wrap"`` as in
        `scipy.ndimage`; for a box, also one for each of `axes`.
    cval : float, default 0.0
        The value outside for ``mode="constant"``; one that the dtype of the output holds exactly, or, for floating
        dtypes, to rounding.
    origin : int or sequence of int, default 0
        Shift of the window against the voxel, towards smaller indices where it is positive, as in `scipy.ndimage`.
    radius_mm : float, optional
        Radius of a flat ball, as `cormack.segment.ball`.
    axes : int or sequence of int, optional
        The axes to filter, all by default; the others are batch. In an array with more than three axes, at most three.
    spacing : float or sequence of float, optional
        Voxel size in mm in array order, for ``unit="mm"`` and `radius_mm`. Default: that of a `Volume`.
    unit : {"voxel", "mm"}, default "voxel"
        Unit of `size`. In mm it becomes the nearest odd number of voxels along each axis, the larger one of two.
    workers : int, optional
        Threads; by default `cormack.get_num_threads`.

    Returns
    -------
    ndarray, Volume or torch.Tensor
        Of the input's kind and shape and, unless `output` says otherwise, its dtype; `output` where it is an array.

    Raises
    ------
    TypeError
        If a dtype is not supported, bool with `structure` among them, or an argument is of the wrong kind.
    ValueError
        If none or several of `size`, `footprint` with `structure`, and `radius_mm` are given, the window is empty,
        `origin` leaves the window, `cval` does not fit the dtype, there is a `mode` per axis but no box, or `output`
        has another shape.

    See Also
    --------
    white_tophat, grey_closing, scipy.ndimage.black_tophat

    Notes
    -----
    As ``scipy.ndimage.black_tophat``, bit for bit, for images without NaN and with flat windows, except that `axes`
    pairs with `footprint` in the order in which it is given. With heights, integers are rounded to nearest and
    saturate; SciPy's are cut off and wrap. Differences of integers saturate: where SciPy's wrap, they stay at the
    end of the range. Those of bool are exclusive or.

    Flat windows are those of `minimum_filter` and `maximum_filter`, with their speed and their order of NaN.
    Heights cost one operation in float64 for each voxel and place, and pass over NaN. An image whose last axis is
    not contiguous is copied; steps in between take one image each.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import filters
    >>> image = np.array([[7, 7, 1, 7, 2, 2, 2, 7]], np.int16)
    >>> filters.black_tophat(image, (1, 3))
    array([[0, 0, 6, 0, 0, 0, 0, 0]], dtype=int16)
    """
    return _morphology(
        "black_tophat",
        input,
        size,
        footprint,
        structure,
        output,
        mode,
        cval,
        origin,
        radius_mm,
        axes,
        spacing,
        unit,
        workers,
    )


def morphological_gradient(
    input: Any,
    size: float | Sequence[float] | None = None,
    footprint: Any = None,
    structure: Any = None,
    output: Any = None,
    mode: str | Sequence[str] = "reflect",
    cval: float = 0.0,
    origin: int | Sequence[int] = 0,
    *,
    radius_mm: float | None = None,
    axes: int | Sequence[int] | None = None,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
) -> Any:
    """Return the dilation less the erosion: how much values differ in every neighbourhood.

    Parameters
    ----------
    input : array_like, Volume or torch.Tensor
        Image of any number of dimensions: bool, 8, 16 or 32 bit integers, float32 or float64.
    size : int or sequence of int, or of float in mm, optional
        Extent of a flat box, in `unit`, for every axis or for each of `axes`. One of `size`, `footprint`, `structure`
        and `radius_mm` is needed.
    footprint : array_like, optional
        Bool array with one dimension for each of `axes`: the places that take part.
    structure : array_like, optional
        Heights of the places, of the shape of `footprint` where both are given.
    output : ndarray or dtype, optional
        Where the result goes, or its type: the input's, float32 or float64.
    mode : str or sequence of str, default "reflect"
        What lies outside the image: ``"reflect"``, ``"constant"``, ``"nearest"``, ``"mirror"`` or ``"wrap"`` as in
        `scipy.ndimage`; for a box, also one for each of `axes`.
    cval : float, default 0.0
        The value outside for ``mode="constant"``; one that the dtype of the output holds exactly, or, for floating
        dtypes, to rounding.
    origin : int or sequence of int, default 0
        Shift of the window against the voxel, towards smaller indices where it is positive, as in `scipy.ndimage`.
    radius_mm : float, optional
        Radius of a flat ball, as `cormack.segment.ball`.
    axes : int or sequence of int, optional
        The axes to filter, all by default; the others are batch. In an array with more than three axes, at most three.
    spacing : float or sequence of float, optional
        Voxel size in mm in array order, for ``unit="mm"`` and `radius_mm`. Default: that of a `Volume`.
    unit : {"voxel", "mm"}, default "voxel"
        Unit of `size`. In mm it becomes the nearest odd number of voxels along each axis, the larger one of two.
    workers : int, optional
        Threads; by default `cormack.get_num_threads`.

    Returns
    -------
    ndarray, Volume or torch.Tensor
        Of the input's kind and shape and, unless `output` says otherwise, its dtype; `output` where it is an array.

    Raises
    ------
    TypeError
        If a dtype is not supported, bool with `structure` among them, or an argument is of the wrong kind.
    ValueError
        If none or several of `size`, `footprint` with `structure`, and `radius_mm` are given, the window is empty,
        `origin` leaves the window, `cval` does not fit the dtype, there is a `mode` per axis but no box, or `output`
        has another shape.

    See Also
    --------
    grey_dilation, grey_erosion, gaussian_gradient_magnitude, scipy.ndimage.morphological_gradient

    Notes
    -----
    As ``scipy.ndimage.morphological_gradient``, bit for bit, for images without NaN and with flat windows, except
    that `axes` pairs with `footprint` in the order in which it is given. With heights, integers are rounded to
    nearest and saturate; SciPy's are cut off and wrap. Differences of integers saturate: where SciPy's wrap, they
    stay at the end of the range. Those of bool are exclusive or.

    Flat windows are those of `minimum_filter` and `maximum_filter`, with their speed and their order of NaN.
    Heights cost one operation in float64 for each voxel and place, and pass over NaN. An image whose last axis is
    not contiguous is copied; steps in between take one image each.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import filters
    >>> image = np.array([[1, 1, 1, 5, 5, 5]], np.int16)
    >>> filters.morphological_gradient(image, (1, 3))
    array([[0, 0, 4, 4, 0, 0]], dtype=int16)
    """
    return _morphology(
        "morphological_gradient",
        input,
        size,
        footprint,
        structure,
        output,
        mode,
        cval,
        origin,
        radius_mm,
        axes,
        spacing,
        unit,
        workers,
    )


STEPS: dict[str, tuple[bool, ...]] = {
    "grey_erosion": (EROSION,),
    "grey_dilation": (DILATION,),
    "grey_opening": (EROSION, DILATION),
    "grey_closing": (DILATION, EROSION),
    "white_tophat": (EROSION, DILATION),
    "black_tophat": (DILATION, EROSION),
}


def _morphology(
    function: str,
    input: Any,
    size: Any,
    footprint: Any,
    structure: Any,
    output: Any,
    mode: Any,
    cval: Any,
    origin: Any,
    radius_mm: Any,
    axes: Any,
    spacing: Any,
    unit: str,
    workers: Any,
) -> Any:
    taken = take(function, "input", input, ndim=())
    chosen = _check.axes(function, axes, taken.array.ndim)
    heights = None
    if radius_mm is not None:
        if not (size is None and footprint is None and structure is None):
            raise _check.fail(function, "radius_mm", "be given alone", radius_mm)
        given = taken.spacing if spacing is None else spacing
        if given is None:
            raise ValueError(
                f"{function}: `spacing` must be given for `radius_mm` where `input` is no Volume, got None"
            )
        sizes = _check.spacing(function, given, taken.array.ndim)
        footprint, spacing = ball_of(function, "radius_mm", radius_mm, [sizes[axis] for axis in chosen]), None
    elif structure is not None:
        heights = _heights_of(function, structure, footprint, size, len(chosen), taken.array.dtype)
        footprint = np.ones(heights.shape, bool) if footprint is None else footprint
    box, places = window_of(function, size, footprint, taken, chosen, spacing, unit)
    origins = origins_of(function, origin, box)
    threads = _check.workers(function, workers)
    if (heights is not None or places is not None) and not isinstance(mode, str):
        raise _check.fail(function, "mode", "be one mode where the window is not a box", mode)
    borders = [_check.border(function, value) for value in _check.per_axis(function, "mode", mode, len(chosen))]
    if heights is not None:
        # The array's order of axes.
        heights = heights.transpose(np.argsort(chosen))
        places = np.ones(heights.shape, np.uint8) if places is None else places
    constant = _check.BORDERS["constant"]
    outside_matters = constant in borders
    neutral = (1, 0, 0)
    settings = [
        (extent, shift, border) if extent > 1 or heights is not None else neutral
        for extent, shift, border in zip(box, origins, borders, strict=True)
    ]

    def step(dilate: bool, source: np.ndarray, target: np.ndarray, values: list[Any]) -> np.ndarray:
        outside = value_outside(function, constant if outside_matters else 0, cval, source.dtype)
        extents, shifts, modes = map(list, zip(*[neutral] * (3 - source.ndim), *values, strict=True))
        window, tops = places, heights
        if dilate:
            # SciPy's reflection.
            shifts = [-shift - (extent + 1) % 2 for extent, shift in zip(extents, shifts, strict=True)]
            window = None if window is None else np.ascontiguousarray(np.flip(window))
            tops = None if tops is None else np.flip(tops)
        if tops is not None:
            tops = np.ascontiguousarray(tops)
            _cormack_cpu.structured_extremum(
                source, target, dilate, extents, shifts, window, tops, borders[0], outside, threads
            )
        else:
            run = _cormack_cpu.maximum_filter if dilate else _cormack_cpu.minimum_filter
            run(source, target, extents, shifts, window, modes, outside, threads)
        return target

    def kernel(source: np.ndarray, target: np.ndarray, values: list[list[Any]]) -> None:
        if function == "morphological_gradient":
            dilated = step(DILATION, source, np.empty(source.shape, source.dtype), values[0])
            _subtract(dilated, step(EROSION, source, target, values[0]), target, threads)
            return
        current = source
        *steps, last = STEPS[function]
        for dilate in steps:
            current = step(dilate, current, np.empty(source.shape, source.dtype), values[0])
        current = step(last, current, target, values[0])
        if function == "white_tophat":
            _subtract(source, current, target, threads)
        elif function == "black_tophat":
            _subtract(current, source, target, threads)

    window = Halo.of_box(box, origins, borders)
    # Of a dilation the window is mirrored.
    halo = window if function == "grey_erosion" else window.twice()
    return apply(function, taken, output, chosen, [PerAxis(settings, neutral)], kernel, halo, neutral_copies=False)


def _subtract(first: np.ndarray, second: np.ndarray, target: np.ndarray, threads: int) -> None:
    if target.dtype == bool:
        np.logical_xor(first, second, out=target)
    else:
        _cormack_cpu.difference(first, second, target, threads)


def _heights_of(
    function: str, structure: Any, footprint: Any, size: Any, ndim: int, dtype: np.dtype[Any]
) -> np.ndarray:
    if size is not None:
        raise _check.fail(function, "size", "be None where `structure` is given", size)
    if dtype.kind == "b":
        raise TypeError(f"{function}: `input` must not be bool where `structure` is given")
    try:
        heights = np.asarray(structure, np.float64)
    except (TypeError, ValueError):
        raise _check.fail(function, "structure", "be an array of numbers", structure) from None
    if heights.ndim != ndim:
        raise ValueError(
            f"{function}: `structure` must have one dimension for each of {ndim} axes, got shape {heights.shape}"
        )
    if footprint is not None and np.shape(footprint) != heights.shape:
        raise ValueError(
            f"{function}: `footprint` must have the shape of `structure` {heights.shape}, got {np.shape(footprint)}"
        )
    if not np.isfinite(heights).all():
        raise _check.fail(function, "structure", "be finite", structure)
    return heights
