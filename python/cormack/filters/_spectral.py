"""Filters that are defined in the frequency domain: Simoncelli's wavelet and the Riesz transform."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import _check
from .._arrays import Taken, take
from .._neighbourhood import PerAxis, apply
from ._fft import fast_length
from ._kernels import number_outside
from ._responses import filtered_axes, floating

# How numpy.pad calls the borders of _check.BORDERS.
_PAD_MODES = {0: "symmetric", 1: "constant", 2: "edge", 3: "reflect"}
_PERIODIC = 4
_MOST_PADDING = 2**16
# Voxels of padding at level 0; the filters decay over a few wavelengths, which double with each level.
_PADDING = 16
_HIGHEST_ORDER = 20
_HIGHEST_LEVEL = 16

# Of the frequencies along each filtered axis, in units of the Nyquist frequency.
_Transfer = Callable[[list[np.ndarray]], np.ndarray]


def _grid(length: int) -> np.ndarray:
    """Return the frequencies -1 to 1 inclusive of IBSI's grid, in the order of the transform.

    For an even length that is half a bin beside those of the transform; reference maps have it that way.
    """
    return np.fft.ifftshift(np.linspace(-1, 1, length)) if length > 1 else np.zeros(1)


def _bins(length: int) -> np.ndarray:
    return 2 * np.fft.fftfreq(length)


def _orders(function: str, argument: str, value: Any, count: int) -> list[int]:
    orders = [
        _check.integer(function, argument, item, minimum=0)
        for item in _check.per_axis(function, argument, value, count)
    ]
    if not 1 <= sum(orders) <= _HIGHEST_ORDER:
        raise _check.fail(function, argument, f"have a sum of 1 to {_HIGHEST_ORDER}", value)
    return orders


def _radius(frequencies: list[np.ndarray]) -> np.ndarray:
    radius: np.ndarray = np.sqrt(sum((f * f for f in frequencies[1:]), frequencies[0] ** 2))
    return radius


def _riesz(orders: list[int], frequencies: list[np.ndarray]) -> np.ndarray:
    degree = sum(orders)
    radius = _radius(frequencies)
    radius[radius == 0] = np.inf
    weight = math.sqrt(math.factorial(degree) / math.prod(math.factorial(order) for order in orders))
    transfer = np.full(radius.shape, weight)
    for order, frequency in zip(orders, frequencies, strict=True):
        for _ in range(order):
            transfer *= frequency / radius
    result: np.ndarray = transfer * (-1j) ** (degree % 4)
    return result


def _simoncelli(level: int, frequencies: list[np.ndarray]) -> np.ndarray:
    radius = _radius(frequencies) * 2.0 ** (level - 1)
    inside = (radius >= 0.25) & (radius <= 1)
    # The cosine is 0 at both ends.
    radius[~inside] = 1
    return np.where(inside, np.cos(np.pi / 2 * np.log2(2 * radius)), 0.0)


def _halved(transfer: _Transfer, axes: list[np.ndarray]) -> np.ndarray:
    """Return the Hermitian part of a transfer function, on the half of the spectrum that a real image has.

    Its inverse transform is real: the real part of what the whole function gives.
    """
    ndim = len(axes)

    def spread(values: list[np.ndarray]) -> np.ndarray:
        values[-1] = values[-1][: axes[-1].size // 2 + 1]
        return transfer([v.reshape([-1 if a == b else 1 for b in range(ndim)]) for a, v in enumerate(values)])

    result = spread(list(axes))
    result += spread([np.roll(values[::-1], 1) for values in axes]).conj()
    result /= 2
    return result


def _filter(
    function: str,
    taken: Taken,
    output: Any,
    filtered: tuple[int, ...],
    mode: Any,
    cval: Any,
    padding: Any,
    default: int,
    transfer: Callable[[list[int]], np.ndarray],
) -> Any:
    borders = [_check.border(function, value) for value in _check.per_axis(function, "mode", mode, len(filtered))]
    outside = number_outside(function, cval, floating(taken))
    width = None
    if padding is not None:
        width = _check.integer(function, "padding", padding, minimum=0)
        if width > _MOST_PADDING:
            raise _check.fail(function, "padding", f"be at most {_MOST_PADDING}", padding)
    known: dict[tuple[int, ...], np.ndarray] = {}

    def kernel(source: np.ndarray, target: np.ndarray, settings: list[list[Any]]) -> None:
        image = source.astype(np.float64)
        axes = [axis for axis, border in enumerate(settings[0]) if border is not None]
        inner = [slice(None)] * source.ndim
        for axis in axes:
            border, length = settings[0][axis], source.shape[axis]
            around = min(length // 2, default) if width is None else width
            if border == _PERIODIC or around == 0:
                continue
            total = fast_length(length + 2 * around)
            widths = [(0, 0)] * source.ndim
            widths[axis] = (around, total - length - around)
            inner[axis] = slice(around, around + length)
            keywords: dict[str, Any] = {"constant_values": outside} if border == 1 else {}
            image = np.pad(image, widths, _PAD_MODES[border], **keywords)  # type: ignore[call-overload]
        lengths = [image.shape[axis] for axis in axes]
        # Batches share the function.
        if tuple(lengths) not in known:
            known[tuple(lengths)] = transfer(lengths)
        half = known[tuple(lengths)]
        shape = [1] * source.ndim
        for axis, length in zip(axes, half.shape, strict=True):
            shape[axis] = length
        spectrum = np.fft.rfftn(image, axes=axes)
        spectrum *= half.reshape(shape)
        target[...] = np.fft.irfftn(spectrum, lengths, axes)[tuple(inner)]

    return apply(
        function,
        taken,
        output,
        filtered,
        [PerAxis(borders, None)],
        kernel,
        "its filters have no end: they are made in the frequencies of the whole image",
        dtype=floating(taken),
        converts=True,
    )


def simoncelli_filter(
    input: Any,
    level: int = 1,
    output: Any = None,
    mode: str | Sequence[str] = "reflect",
    cval: float = 0.0,
    *,
    riesz_order: Sequence[int] | None = None,
    padding: int | None = None,
    axes: int | Sequence[int] | None = None,
) -> Any:
    """Return the band of Simoncelli's isotropic, non-separable wavelet at one level.

    Parameters
    ----------
    input : array_like, Volume or torch.Tensor
        Image, axis order (z, y, x) or (y, x); of more than 3 axes, at most 3 are filtered (`axes`). bool, 8-, 16- or
        32-bit integers, float32 or float64.
    level : int, default 1
        Level of the decomposition, at least 1: the band of frequencies ``2**-(level + 1)`` to ``2**-(level - 1)`` of
        the Nyquist frequency.
    output : ndarray or dtype, optional
        Array to fill, or the dtype of the result: float32 (for all but float64) or float64.
    mode : str or sequence of str, default "reflect"
        ``"reflect"``, ``"constant"``, ``"nearest"``, ``"mirror"`` or ``"wrap"`` as in `scipy.ndimage`, one or one per
        filtered axis in array order. ``"wrap"``, IBSI's periodic border, is exact; for others the image is padded.
    cval : float, default 0
        Value beyond the border for ``mode="constant"``.
    riesz_order : sequence of int, optional
        Order of the Riesz transform along each filtered axis in array order (IBSI lists x first), in the same step. See
        `riesz_filter`.
    padding : int, optional
        Voxels of padding, at least, on each side. Default: ``16 * 2**level``, at most half of the image's extent.
    axes : int or sequence of int, optional
        Axes to filter; the others are batches. Default: all.

    Returns
    -------
    ndarray, Volume or torch.Tensor
        Of the input's kind and shape; float32, or float64 for a float64 input; `output` where it is an array.

    Raises
    ------
    TypeError
        Unsupported dtype, or an argument of the wrong kind.
    ValueError
        A `level` below 1 or above 16, a negative `padding` or `riesz_order`, an unknown `mode`.

    See Also
    --------
    riesz_filter, wavelet_filter, gabor_filter

    Notes
    -----
    The B map of IBSI 2 [1]_ (tests 8.a, 10.b): the transfer function is ``cos(pi / 2 * log2(2**level * f))`` for
    ``1/4 <= 2**(level - 1) * f <= 1``, 0 elsewhere [2]_, where f is the length of the vector of frequencies, 1 along an
    axis at the Nyquist frequency. As in IBSI's reference maps, the frequencies of n bins run from -1 to 1
    inclusive. For odd n that is the grid of the transform, stretched by n / (n - 1); for even n it lies half a bin
    beside: up to 8 % of the range of the response at level 3 of 64 voxels, and a flipped image then has another
    response. The response to such a grid is complex; its real part is returned.

    Computed in float64 by `numpy.fft` on one thread: off by about 1e-14 times the largest magnitude of the input,
    before it is rounded to the output's type; processors may differ by as much. NaN or infinity anywhere makes all of
    the result NaN (of its batch). Memory: seven times the padded image in float64,
    which has up to 8 times the voxels.

    References
    ----------
    .. [1] A. Depeursinge et al., "Standardised convolutional filtering for radiomics", arXiv:2006.05470.
    .. [2] J. Portilla, E. P. Simoncelli, "A parametric texture model based on joint statistics of complex wavelet
       coefficients", IJCV 40(1), 2000.

    Examples
    --------
    >>> import numpy as np
    >>> waves = np.cos(np.arange(65) * 2 * np.pi * 16 / 65) * np.ones((65, 1))
    >>> [float(np.abs(simoncelli_filter(waves, level, mode="wrap")).max().round(2)) for level in (1, 2, 3)]
    [1.0, 0.0, 0.0]
    """
    function = "simoncelli_filter"
    taken = take(function, "input", input, ndim=())
    filtered = filtered_axes(function, axes, taken.array.ndim)
    depth = _check.integer(function, "level", level, minimum=1)
    if depth > _HIGHEST_LEVEL:
        raise _check.fail(function, "level", f"be at most {_HIGHEST_LEVEL}", level)
    orders = None if riesz_order is None else _orders(function, "riesz_order", riesz_order, len(filtered))

    def transfer(lengths: list[int]) -> np.ndarray:
        half = _halved(lambda frequencies: _simoncelli(depth, frequencies), [_grid(n) for n in lengths])
        # The mean belongs to no band, also where the grid misses it.
        half[(0,) * half.ndim] = 0
        if orders is None:
            return half
        product: np.ndarray = half * _halved(lambda frequencies: _riesz(orders, frequencies), [*map(_bins, lengths)])
        return product

    default = _PADDING * 2**depth
    return _filter(function, taken, output, filtered, mode, cval, padding, default, transfer)


def riesz_filter(
    input: Any,
    order: Sequence[int],
    output: Any = None,
    mode: str | Sequence[str] = "reflect",
    cval: float = 0.0,
    *,
    padding: int | None = None,
    axes: int | Sequence[int] | None = None,
) -> Any:
    """Riesz transform: a derivative of any order that leaves the magnitude of frequencies as it is.

    Parameters
    ----------
    input : array_like, Volume or torch.Tensor
        Image or response map, axis order (z, y, x) or (y, x); of more than 3 axes, at most 3 are filtered (`axes`).
        bool, 8-, 16- or 32-bit integers, float32 or float64.
    order : sequence of int
        Order along each filtered axis in array order, with a sum of 1 to 20. IBSI lists x first: its l=(1,0,0) is
        (0, 0, 1).
    output : ndarray or dtype, optional
        Array to fill, or the dtype of the result: float32 (for all but float64) or float64.
    mode : str or sequence of str, default "reflect"
        ``"reflect"``, ``"constant"``, ``"nearest"``, ``"mirror"`` or ``"wrap"`` as in `scipy.ndimage`, one or one per
        filtered axis in array order. ``"wrap"``, IBSI's periodic border, is exact; for others the image is padded.
    cval : float, default 0
        Value beyond the border for ``mode="constant"``.
    padding : int, optional
        Voxels of padding, at least, on each side. Default: 32, at most half of the image's extent.
    axes : int or sequence of int, optional
        Axes to filter; the others are batches. Default: all.

    Returns
    -------
    ndarray, Volume or torch.Tensor
        Of the input's kind and shape; float32, or float64 for a float64 input; `output` where it is an array.

    Raises
    ------
    TypeError
        Unsupported dtype, or an argument of the wrong kind.
    ValueError
        An `order` that is negative anywhere or has a sum of 0 or above 20; a negative `padding`, an unknown `mode`.

    See Also
    --------
    simoncelli_filter, gaussian_laplace

    Notes
    -----
    The transfer function for orders l of sum L is ``(-1j)**L * sqrt(L! / prod(l!)) * prod(k**l) / |k|**L`` [1]_, and 0
    for the mean. IBSI 2 combines it with band-pass filters [2]_: for tests 9.a and 9.b.1 give it the response of
    `gaussian_laplace`, for 10.b.1 use the `riesz_order` of `simoncelli_filter`. Of an odd order along an axis of even
    length nothing remains of the Nyquist frequency. Alignment by a structure tensor is not offered.

    Computed in float64 by `numpy.fft` on one thread: off by about 1e-14 times the largest magnitude of the input,
    before it is rounded to the output's type; processors may differ by as much. NaN or infinity anywhere makes all of
    the result NaN (of its batch). Memory: seven times the padded image in float64,
    which has up to 8 times the voxels.

    References
    ----------
    .. [1] M. Unser, D. Van De Ville, "Wavelet steerability and the higher-order Riesz transform", IEEE TIP 19(3), 2010.
    .. [2] A. Depeursinge et al., "Standardised convolutional filtering for radiomics", arXiv:2006.05470.

    Examples
    --------
    >>> import numpy as np
    >>> angle = np.arange(64) * np.pi / 8
    >>> waves = np.cos(angle) * np.ones((8, 1))
    >>> bool(np.allclose(riesz_filter(waves, (0, 1), mode="wrap"), np.sin(angle)))
    True
    """
    function = "riesz_filter"
    taken = take(function, "input", input, ndim=())
    filtered = filtered_axes(function, axes, taken.array.ndim)
    orders = _orders(function, "order", order, len(filtered))

    def transfer(lengths: list[int]) -> np.ndarray:
        return _halved(lambda frequencies: _riesz(orders, frequencies), [*map(_bins, lengths)])

    return _filter(function, taken, output, filtered, mode, cval, padding, 2 * _PADDING, transfer)
