"""What differs from its surroundings, or from the other side of the body."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .. import _check, _cormack_cpu
from .._arrays import float_for, take, take_mask
from .._neighbourhood import LARGEST_WINDOW
from ..filters._kernels import box_of

_MOST_CHANNELS = 32
# Voxels that the global form takes at a time.
_PART = 2**18


def rx_detector(
    image: Any,
    inner: float | Sequence[float] = 3,
    outer: float | Sequence[float] | None = 9,
    *,
    channel_axis: int | None = None,
    mask: Any = None,
    regularization: float = 1e-6,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
) -> Any:
    """Find anomalies: how far each voxel is from its surroundings, in standard deviations of these.

    Parameters
    ----------
    image : array_like or Volume
        2-D image ``(y, x)`` or 3-D volume ``(z, y, x)`` of any supported dtype; with `channel_axis` one axis more.
    inner : int or sequence of int, or of float in mm, default 3
        Extent of the guard window around a voxel, odd, for every axis or for each: what it holds does not count as
        surroundings. As large as the anomalies that are looked for.
    outer : int or sequence of int, or of float in mm, or None, default 9
        Extent of the window of the surroundings, odd, at least `inner`. None: all of the image, or of the mask.
    channel_axis : int, optional
        The axis of the channels (phases, sequences, energies, features), at most 32. Default: one channel.
    mask : array_like, optional
        Of the image's shape without channels: where it is zero, voxels do not count as surroundings.
    regularization : float, default 1e-6
        This part of the channels' mean variance is added to the variance of each, so that channels that depend on each
        other do not decide.
    spacing : float or sequence of float, optional
        Voxel size in mm in array order, without the channels, for ``unit="mm"``. Default: that of a `Volume`.
    unit : {"voxel", "mm"}, default "voxel"
        Unit of `inner` and `outer`. In mm they become the nearest odd number of voxels along each axis.
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.

    Returns
    -------
    ndarray or Volume
        The Mahalanobis distance of each voxel, float32, or float64 for 32-bit integers and float64.

    Raises
    ------
    TypeError
        If the dtype is not supported or an argument is of the wrong kind.
    ValueError
        If a window is not odd, `outer` below `inner` or equal to it along all axes, there are more than 32 channels,
        `mask` has another shape, `regularization` is negative; for ``unit="mm"`` without a spacing, or a spacing
        without ``unit="mm"``.

    Notes
    -----
    For the vector x of a voxel's k channels, and the mean m and covariance C of the voxels of the ring between both
    windows, ``sqrt((x - m)^T (C + r trace(C) / k I)^-1 (x - m))``, where r is `regularization` and the divisor of C the
    number of voxels: the square root of Reed and Xiaoli's statistic. For one channel it is ``abs(x - m) / std``. Under
    normally distributed surroundings its square has about the expected value k. Windows end at the border of the image.

    Infinite where the ring does not vary in a direction in which x differs from it. NaN where the ring holds k voxels
    or fewer, and where x is not finite; voxels with NaN or infinity do not count as surroundings.

    Sums of values about the image's mean, and of their products, run along z and y and are differences of prefix sums
    along x, in float64: for 8- and 16-bit integers of one channel they are exact. Cost per voxel: nearly independent of
    the windows, growing with the square of the channels (the cube from about ten). Memory: for each thread two slices
    of float64 for each of the ``1 + k + k (k + 1) / 2`` sums of k channels; with ``outer=None`` nothing.

    References
    ----------
    I. S. Reed, X. Yu, Adaptive multiple-band CFAR detection of an optical pattern with unknown spectral distribution,
    IEEE TASSP 38 (1990) 1760-1770.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.arange(81).reshape(9, 9) % 2 * 10.0
    >>> image[4, 4] = 40
    >>> float(rx_detector(image, 3, 7)[4, 4].round(2))
    7.0
    """
    name = "rx_detector"
    with_channels = channel_axis is not None
    taken = take(name, "image", image, ndim=(3, 4) if with_channels else (2, 3))
    array = taken.array
    if channel_axis is None:
        channels = [array]
    else:
        axis = _check.integer(name, "channel_axis", channel_axis)
        if not -array.ndim <= axis < array.ndim:
            raise _check.fail(name, "channel_axis", f"name an axis of a {array.ndim}-D array", channel_axis)
        channels = list(np.moveaxis(array, axis, 0))
        if not 1 <= len(channels) <= _MOST_CHANNELS:
            raise _check.fail(name, "channel_axis", f"hold 1 to {_MOST_CHANNELS} channels", array.shape)
    first = channels[0]
    # A Volume's spacing has no channels.
    place = replace(taken, array=first, spacing=None if with_channels else taken.spacing)
    axes = tuple(range(first.ndim))
    guard = _window(name, "inner", inner, place, axes, spacing, unit)
    ring = None if outer is None else _window(name, "outer", outer, place, axes, spacing, unit)
    if ring is not None and (any(a > b for a, b in zip(guard, ring, strict=True)) or guard == ring):
        raise _check.fail(name, "outer", f"be larger than `inner`, {tuple(guard)} voxels", outer)
    ridge = _check.real(name, "regularization", regularization, minimum=0)
    inside = take_mask(name, "mask", mask, first.shape, image)
    threads = _check.workers(name, workers)
    result = np.empty(first.shape, float_for(array.dtype))
    if first.size == 0:
        return result if with_channels else taken.give_back(result)
    if ring is None:
        _global(channels, inside, ridge, result)
    else:
        centre = []
        channels = _in_range(channels)
        for channel in channels:
            mean = float(_cormack_cpu.moments(channel, None, -math.inf, math.inf, threads)[1])
            mean = mean if math.isfinite(mean) else 0.0
            # Differences of integers stay integers, so that their sums are exact.
            centre.append(float(round(mean)) if array.dtype.kind != "f" else mean)
        half = [[extent // 2 for extent in window] for window in (guard, ring)]
        _cormack_cpu.rx_detector(channels, inside, result, half[0], half[1], ridge, centre, threads)
    return result if with_channels else taken.give_back(result)


def _window(
    name: str, argument: str, value: Any, taken: Any, axes: tuple[int, ...], spacing: Any, unit: str
) -> list[int]:
    try:
        extents = box_of(name, value, taken, axes, spacing, unit)
    except (TypeError, ValueError) as error:
        raise type(error)(str(error).replace("`size`", f"`{argument}`")) from None
    if any(extent % 2 == 0 for extent in extents):
        raise _check.fail(name, argument, "be odd", value)
    if max(extents) > LARGEST_WINDOW:
        raise _check.fail(name, argument, f"be at most {LARGEST_WINDOW} voxels", value)
    return extents


def _in_range(channels: list[np.ndarray]) -> list[np.ndarray]:
    """Channels, all of them times one power of two where their squares would overflow or vanish."""
    if channels[0].dtype != np.float64:
        return channels
    largest = max(float(np.max(np.abs(c), initial=0, where=np.isfinite(c))) for c in channels)
    if largest == 0 or 1e-100 < largest < 1e100:
        return channels
    exponent = math.frexp(largest)[1]
    return [np.ldexp(channel, -exponent) for channel in channels]


def _global(channels: list[np.ndarray], inside: np.ndarray | None, ridge: float, result: np.ndarray) -> None:
    """Compare all voxels with all of them."""
    flat = [channel.reshape(-1) for channel in channels]
    selected = None if inside is None else inside.reshape(-1)
    count, k, n = 0, len(flat), result.size

    def part(start: int) -> np.ndarray:
        return np.stack([channel[start : start + _PART] for channel in flat]).astype(np.float64)

    def valid(values: np.ndarray, start: int) -> np.ndarray:
        finite: np.ndarray = np.isfinite(values).all(0)
        return values[:, finite if selected is None else finite & selected[start : start + _PART]]

    largest = np.zeros(k)
    for start in range(0, n, _PART):
        values = valid(part(start), start)
        count += values.shape[1]
        largest = np.maximum(largest, np.abs(values).max(1, initial=0))
    if count <= k:
        result[...] = np.nan
        return
    # In units of a power of two, which change no digit: the squares of what is 1e200 would overflow.
    exponents = np.frexp(largest)[1]

    def scaled(values: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):
            return np.asarray(np.ldexp(values, -exponents[:, np.newaxis]))

    mean = np.zeros(k)
    for start in range(0, n, _PART):
        mean += scaled(valid(part(start), start)).sum(1) / count
    covariance = np.zeros((k, k))
    for start in range(0, n, _PART):
        values = scaled(valid(part(start), start)) - mean[:, np.newaxis]
        covariance += np.einsum("ix,jx->ij", values, values) / count
    variances = np.diag(covariance).copy()
    # What is left of a constant channel is rounding.
    variances[variances <= 1e-26 * mean**2] = 0
    with np.errstate(over="ignore"):
        # To channel i in its own units.
        added = np.ldexp(ridge / k * variances, 2 * (exponents - exponents[:, np.newaxis])).sum(1)
        widths = np.sqrt(variances + added)
    # The distance does not depend on the units of channels, and neither may what counts as constant.
    varying = np.flatnonzero(widths)
    constant = np.flatnonzero(widths == 0)
    scale = widths[varying]
    correlation = covariance[np.ix_(varying, varying)] / scale / scale[:, np.newaxis]
    np.fill_diagonal(correlation, 1)
    spread, directions = np.linalg.eigh(correlation)
    noise = float((np.abs(mean[varying]) / scale).max(initial=0))
    varies = spread > max(1e-12 * spread.max(initial=0), (1e-13 * noise) ** 2)
    out = result.reshape(-1)
    for start in range(0, n, _PART):
        given = part(start)
        values = scaled(given)
        with np.errstate(invalid="ignore", over="ignore"):
            difference = values - mean[:, np.newaxis]
            size = np.abs(values) + np.abs(mean)[:, np.newaxis]
            along = np.einsum("ij,ix->jx", directions, difference[varying] / scale[:, np.newaxis])
            distance = np.sqrt((along[varies] ** 2 / spread[varies, np.newaxis]).sum(0))
            rounding = 1e-12 * (size[varying] / scale[:, np.newaxis]).max(0, initial=0)
            beyond = np.abs(along[~varies]).max(0, initial=0) > np.maximum(1e-6, rounding)
            beyond |= (np.abs(difference[constant]) > 1e-12 * size[constant]).any(0)
        distance[beyond] = np.inf
        distance[~np.isfinite(given).all(0)] = np.nan
        out[start : start + _PART] = distance
