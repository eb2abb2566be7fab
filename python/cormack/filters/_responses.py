"""Response maps of the convolutional filters of IBSI 2: Laws' kernels, wavelets and Gabor filters."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import _check, _cormack_cpu
from .._arrays import Taken, take
from .._neighbourhood import PerAxis, apply
from ._convolution import convolve
from ._kernels import LARGEST_WINDOW, number_outside, sigmas_of
from ._wavelets import LAWS, WAVELETS, analysis_filters

_IN_FLOAT64 = tuple(np.dtype(name) for name in ("uint32", "int32", "float64"))
# Taps of a stretched wavelet, and voxels that an energy map reaches.
_LONGEST = 2**16


class _Taps(NamedTuple):
    """Weights of a correlation along one axis, and how many of them come before the voxel."""

    weights: tuple[float, ...]
    left: int

    def flipped(self) -> _Taps:
        return _Taps(self.weights[::-1], len(self.weights) - 1 - self.left)

    def negative(self) -> _Taps:
        return _Taps(tuple(-weight for weight in self.weights), self.left)


# For each pass over the image the taps along x, y and z.
_Passes = tuple[tuple[_Taps, ...], ...]


def floating(taken: Taken) -> np.dtype[Any]:
    """Return the type of a response map."""
    return np.dtype(np.float64 if taken.array.dtype == np.float64 else np.float32)


def filtered_axes(function: str, axes: Any, ndim: int) -> tuple[int, ...]:
    """Return the axes to filter in the order of the array; there are 1 to 3."""
    filtered = tuple(sorted(_check.axes(function, axes, ndim)))
    if not 1 <= len(filtered) <= 3:
        raise _check.fail(function, "axes", f"name 1 to 3 axes of a {ndim}-D array", axes)
    return filtered


def _convolving(weights: np.ndarray, step: int = 1) -> _Taps:
    """Return what convolves, with SciPy's choice of the voxel in kernels of even length; `step` stretches it."""
    stretched = np.zeros((weights.size - 1) * step + 1)
    stretched[::step] = weights[::-1]
    return _Taps(tuple(map(float, stretched)), (weights.size - 1) // 2 * step)


def _orientations(passes: _Passes, rotated: bool) -> Counter[tuple[_Passes, int]]:
    """Return the filter in all its orientations, each with its sign and how often it occurs.

    These are the 24 right-angled rotations of the cube (4 of the square): the axes permuted, and as many of them
    flipped as make it a rotation. A kernel that is its own negative when flipped changes the sign alone.
    """
    count = len(passes[0])
    if not rotated:
        return Counter({(passes, 1): 1})
    found: Counter[tuple[_Passes, int]] = Counter()
    for order in itertools.permutations(range(count)):
        odd = sum(a > b for a, b in itertools.combinations(order, 2)) % 2
        for flips in itertools.product((False, True), repeat=count):
            if sum(flips) % 2 != odd:
                continue
            sign = 1
            turned = []
            for taps in passes:
                placed = []
                for source, flip in zip(order, flips, strict=True):
                    one = taps[source]
                    if flip and one.flipped() == one.negative():
                        sign = -sign
                    elif flip:
                        one = one.flipped()
                    placed.append(one)
                turned.append(tuple(placed))
            found[tuple(turned), sign] += 1
    return found


def _separable(
    function: str,
    taken: Taken,
    output: Any,
    filtered: tuple[int, ...],
    passes: _Passes,
    rotation_invariant: Any,
    energy_distance: int | None,
    mode: Any,
    cval: Any,
    workers: Any,
) -> Any:
    if rotation_invariant is not None:
        _check.choice(function, "rotation_invariant", rotation_invariant, ("max", "average"))
    borders = [_check.border(function, value) for value in _check.per_axis(function, "mode", mode, len(filtered))]
    outside = number_outside(function, cval, floating(taken))
    threads = _check.workers(function, workers)
    orientations = _orientations(passes, rotation_invariant is not None)
    signs: dict[_Passes, list[int]] = {}
    for (turned, sign), times in orientations.items():
        signs.setdefault(turned, []).extend([sign] * times)
    total = orientations.total()

    def respond(
        image: np.ndarray, turned: _Passes, ranks: list[int | None], modes: list[int], into: np.ndarray | None
    ) -> np.ndarray:
        around = outside
        for taps in turned:
            placed = [_Taps((1.0,), 0) if rank is None else taps[rank] for rank in ranks]
            values = []
            for one in placed:
                values.append(around)
                around *= math.fsum(one.weights)
            result = np.empty_like(image) if into is None or taps is not turned[-1] else into
            _cormack_cpu.correlate_axes(
                image, result, [list(t.weights) for t in placed], [t.left for t in placed], modes, values, threads
            )
            image = result
        return image

    def kernel(source: np.ndarray, target: np.ndarray, settings: list[list[Any]]) -> None:
        ranks = [value[0] if value else None for value in settings[0]]
        modes = [value[1] if value else 0 for value in settings[0]]
        in_float64 = source.dtype in _IN_FLOAT64 or target.dtype == np.float64
        image = source.astype(np.float64 if in_float64 else np.float32, order="C", copy=False)
        result = target if target.dtype == image.dtype else np.empty_like(image)
        pooled = None
        for turned, occurring in signs.items():
            into = result if len(signs) == 1 and energy_distance is None else None
            response = respond(image, turned, ranks, modes, into)
            if rotation_invariant == "average":
                response *= sum(occurring) / total
            elif -1 in occurring:
                (np.abs if 1 in occurring else np.negative)(response, out=response)
            if pooled is None:
                pooled = response
            else:
                (np.add if rotation_invariant == "average" else np.maximum)(pooled, response, out=pooled)
        assert pooled is not None
        if energy_distance is not None:
            # What every orientation makes of the constant beyond the border.
            level = outside * math.prod(math.fsum(one.weights) for taps in passes for one in taps)
            reach = [energy_distance if rank is not None else 0 for rank in ranks]
            np.abs(pooled, out=pooled)
            _cormack_cpu.uniform_filter(pooled, result, [2 * r + 1 for r in reach], reach, modes, abs(level), threads)
            pooled = result
        if pooled is not target:
            target[...] = pooled

    # x, the last axis, has rank 0.
    settings = [(len(filtered) - 1 - place, border) for place, border in enumerate(borders)]
    return apply(
        function, taken, output, filtered, [PerAxis(settings, None)], kernel, dtype=floating(taken), converts=True
    )


def laws_filter(
    input: Any,
    kernels: str = "E5L5S5",
    output: Any = None,
    mode: str | Sequence[str] = "reflect",
    cval: float = 0.0,
    *,
    rotation_invariant: str | None = None,
    energy_distance: int | None = None,
    axes: int | Sequence[int] | None = None,
    workers: int | None = None,
) -> Any:
    """Convolve with a product of Laws' kernels: levels, edges, spots, waves and ripples.

    Parameters
    ----------
    input : array_like, Volume or torch.Tensor
        Image, axis order (z, y, x) or (y, x); of more than 3 axes, at most 3 are filtered (`axes`). bool, 8-, 16- or
        32-bit integers, float32 or float64.
    kernels : str, default "E5L5S5"
        Names of the kernels in IBSI's order: along x, which is the last filtered axis, then y, then z. Of L3, E3, S3,
        L5, E5, S5, W5 and R5, as many as there are filtered axes.
    output : ndarray or dtype, optional
        Array to fill, or the dtype of the result: float32 (for all but float64) or float64.
    mode : str or sequence of str, default "reflect"
        ``"reflect"``, ``"constant"``, ``"nearest"``, ``"mirror"`` or ``"wrap"`` as in `scipy.ndimage`, one or one per
        filtered axis in array order. IBSI calls them mirror, zero padding, nearest, (none) and periodic.
    cval : float, default 0
        Value beyond the border for ``mode="constant"``.
    rotation_invariant : {None, "max", "average"}, default None
        How the responses to the filter in all its right-angled rotations (24 in 3-D, 4 in 2-D) become one.
    energy_distance : int, optional
        Distance in voxels, at least 0: the result is then the energy map, the mean magnitude of the (pooled) response
        in a box of ``2 * energy_distance + 1`` voxels.
    axes : int or sequence of int, optional
        Axes to filter; the others are batches: ``(1, 2)`` filters the slices of a volume. Default: all.
    workers : int, optional
        Number of threads; default: `cormack.get_num_threads`.

    Returns
    -------
    ndarray, Volume or torch.Tensor
        Of the input's kind and shape; float32, or float64 for a float64 input; `output` where it is an array.

    Raises
    ------
    TypeError
        Unsupported dtype, or an argument of the wrong kind.
    ValueError
        Unknown kernels, or not one for each filtered axis; a negative `energy_distance`; an unknown `mode` or
        `rotation_invariant`.

    See Also
    --------
    wavelet_filter, gabor_filter, convolve

    Notes
    -----
    The filter of IBSI 2 [1]_ (tests 3.a to 3.c): kernels of unit Euclidean norm [2]_, convolved, not correlated.
    Orientations that give the same response, but for its sign, are computed once. 8- and 16-bit integers and float32
    are computed in float32, the others in float64; for precision see `correlate`. The same result, bit for bit, comes
    from any number of threads and any processor. NaN reaches the outputs whose window, in any orientation, gives it a
    weight. Memory beyond the output: an image of the computed type for the input unless it has that type, one for the
    response, and one for pooling; a single orientation needs the first alone.

    References
    ----------
    .. [1] A. Depeursinge et al., "Standardised convolutional filtering for radiomics", arXiv:2006.05470.
    .. [2] K. I. Laws, "Rapid texture identification", SPIE 238, 1980.

    Examples
    --------
    >>> import numpy as np
    >>> step = np.zeros((1, 8), np.int16)
    >>> step[:, 4:] = 100
    >>> laws_filter(step, "E5L5", mode="nearest").round(1)
    array([[    0. ,     0. ,   -60.5,  -181.4,  -181.4,   -60.5,     0. ,     0. ]], dtype=float32)
    """
    function = "laws_filter"
    taken = take(function, "input", input, ndim=())
    filtered = filtered_axes(function, axes, taken.array.ndim)
    known = ", ".join(LAWS)
    if not isinstance(kernels, str):
        raise _check.fail(function, "kernels", f"be a str of names of {known}", kernels, TypeError)
    names = re.findall("..", kernels)
    if not kernels or "".join(names) != kernels or not all(name in LAWS for name in names):
        raise _check.fail(function, "kernels", f"be names of {known}", kernels)
    if len(names) != len(filtered):
        raise _check.fail(function, "kernels", f"name one kernel for each of {len(filtered)} axes", kernels)
    if energy_distance is not None:
        energy_distance = _check.integer(function, "energy_distance", energy_distance, minimum=0)
        if energy_distance > _LONGEST:
            raise _check.fail(function, "energy_distance", f"be at most {_LONGEST}", energy_distance)
    passes = (tuple(_convolving(LAWS[name]) for name in names),)
    return _separable(
        function, taken, output, filtered, passes, rotation_invariant, energy_distance, mode, cval, workers
    )


def wavelet_filter(
    input: Any,
    wavelet: str,
    subband: str,
    level: int = 1,
    output: Any = None,
    mode: str | Sequence[str] = "reflect",
    cval: float = 0.0,
    *,
    rotation_invariant: str | None = None,
    axes: int | Sequence[int] | None = None,
    workers: int | None = None,
) -> Any:
    """Return one subband of the undecimated (stationary) transform by a separable wavelet.

    Parameters
    ----------
    input : array_like, Volume or torch.Tensor
        Image, axis order (z, y, x) or (y, x); of more than 3 axes, at most 3 are filtered (`axes`). bool, 8-, 16- or
        32-bit integers, float32 or float64.
    wavelet : str
        ``"haar"``, ``"db1"`` to ``"db10"`` (Daubechies, by the number of vanishing moments) or ``"coif1"`` (Coiflet).
    subband : str
        A letter for each filtered axis in IBSI's order: along x, which is the last filtered axis, then y, then z. "L"
        is the low-pass, "H" the high-pass: in "LLH" the high-pass runs along z.
    level : int, default 1
        Level of the decomposition, at least 1. Below it the image passes the low-passes of every level.
    output : ndarray or dtype, optional
        Array to fill, or the dtype of the result: float32 (for all but float64) or float64.
    mode : str or sequence of str, default "reflect"
        ``"reflect"``, ``"constant"``, ``"nearest"``, ``"mirror"`` or ``"wrap"`` as in `scipy.ndimage`, one or one per
        filtered axis in array order. IBSI calls them mirror, zero padding, nearest, (none) and periodic.
    cval : float, default 0
        Value beyond the border for ``mode="constant"``.
    rotation_invariant : {None, "max", "average"}, default None
        How the responses to the filter in all its right-angled rotations (24 in 3-D, 4 in 2-D) become one.
    axes : int or sequence of int, optional
        Axes to filter; the others are batches: ``(1, 2)`` filters the slices of a volume. Default: all.
    workers : int, optional
        Number of threads; default: `cormack.get_num_threads`.

    Returns
    -------
    ndarray, Volume or torch.Tensor
        Of the input's kind and shape; float32, or float64 for a float64 input; `output` where it is an array.

    Raises
    ------
    TypeError
        Unsupported dtype, or an argument of the wrong kind.
    ValueError
        An unknown wavelet; a `subband` of other letters, or not one for each filtered axis; a `level` below 1 or beyond
        use; an unknown `mode` or `rotation_invariant`.

    See Also
    --------
    laws_filter, simoncelli_filter

    Notes
    -----
    The filter of IBSI 2 [1]_ (tests 5 to 7): the decomposition filters, of sum ``sqrt(2)`` and 0, are convolved with
    the image; at level j there are ``2**(j - 1) - 1`` zeros between their coefficients ("à trous"), and the image
    continues beyond its border anew at every level. Kernels have even length: at level 1 their window holds one voxel
    more on the side of the last voxel. Coefficients come from Daubechies' factorisation [2]_, to 1e-14.

    8- and 16-bit integers and float32 are computed in float32, the others in float64; for precision see `correlate`.
    The same result, bit for bit, comes from any number of threads and any processor. NaN reaches the outputs whose
    window, in any orientation, gives it a weight. Memory beyond the output: an image of the computed type for the input
    unless it has that type, two for the responses of levels, and one for pooling.

    References
    ----------
    .. [1] A. Depeursinge et al., "Standardised convolutional filtering for radiomics", arXiv:2006.05470.
    .. [2] I. Daubechies, "Ten lectures on wavelets", SIAM 1992, chapters 6 and 8.

    Examples
    --------
    >>> import numpy as np
    >>> step = np.array([[0, 0, 0, 100, 100, 100]], np.int16)
    >>> wavelet_filter(step, "haar", "HL").round(1)
    array([[   0.,    0., -100.,    0.,    0.,    0.]], dtype=float32)
    """
    function = "wavelet_filter"
    taken = take(function, "input", input, ndim=())
    filtered = filtered_axes(function, axes, taken.array.ndim)
    filters = analysis_filters(_check.choice(function, "wavelet", wavelet, WAVELETS))
    rule = f"be a letter L or H for each of {len(filtered)} axes"
    if not isinstance(subband, str):
        raise _check.fail(function, "subband", rule, subband, TypeError)
    if len(subband) != len(filtered) or not set(subband) <= {"L", "H"}:
        raise _check.fail(function, "subband", rule, subband)
    depth = _check.integer(function, "level", level, minimum=1)
    if depth > 16 or filters["L"].size << depth - 1 > _LONGEST:
        raise _check.fail(function, "level", f"keep the stretched kernel within {_LONGEST} voxels", level)
    passes = tuple(
        tuple(
            _convolving(filters[letter], 2**step) for letter in (subband if step == depth - 1 else "L" * len(subband))
        )
        for step in range(depth)
    )
    return _separable(function, taken, output, filtered, passes, rotation_invariant, None, mode, cval, workers)


def _gabor_kernel(
    sigma: float, wavelength: float, gamma: float, theta: float, sizes: Sequence[float], truncate: float
) -> np.ndarray:
    """Return the complex kernel over (second axis, first axis), cut to the box around its ellipse."""
    cosine, sine = math.cos(theta), math.sin(theta)
    along, across = truncate * sigma, truncate * sigma / gamma
    second, first = (
        np.arange(-reach, reach + 1) * size
        for reach, size in zip(
            (
                int(math.hypot(along * sine, across * cosine) / sizes[0]),
                int(math.hypot(along * cosine, across * sine) / sizes[1]),
            ),
            sizes,
            strict=True,
        )
    )
    x = first * cosine + second[:, np.newaxis] * sine
    y = second[:, np.newaxis] * cosine - first * sine
    kernel: np.ndarray = np.exp(-(x * x + (gamma * y) ** 2) / (2 * sigma**2) + 2j * np.pi * x / wavelength)
    return kernel


def gabor_filter(
    input: Any,
    sigma: float,
    wavelength: float,
    gamma: float = 1.0,
    theta: float = 0.0,
    output: Any = None,
    mode: str = "reflect",
    cval: float = 0.0,
    *,
    theta_step: float | None = None,
    pooling: str = "average",
    orthogonal_planes: bool = False,
    response: str = "modulus",
    truncate: float = 6.0,
    axes: Sequence[int] | None = None,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
) -> Any:
    """Convolve the slices of an image with a complex Gabor kernel: waves under a Gaussian.

    Parameters
    ----------
    input : array_like, Volume or torch.Tensor
        Image, axis order (z, y, x) or (y, x), or with batches before these. bool, 8-, 16- or 32-bit integers, float32
        or float64.
    sigma : float
        Standard deviation of the Gaussian along the wave, above 0, in `unit`.
    wavelength : float
        Wavelength, above 0, in `unit`.
    gamma : float, default 1
        Aspect ratio: across the wave the standard deviation is ``sigma / gamma``.
    theta : float, default 0
        Direction of the wave in radians, from the first axis of the plane (x) to the second (y).
    output : ndarray or dtype, optional
        Array to fill, or the dtype of the result: float32 (for all but float64) or float64.
    mode : str, default "reflect"
        ``"reflect"``, ``"constant"``, ``"nearest"``, ``"mirror"`` or ``"wrap"`` as in `scipy.ndimage`. IBSI calls them
        mirror, zero padding, nearest, (none) and periodic.
    cval : float, default 0
        Value beyond the border for ``mode="constant"``.
    theta_step : float, optional
        For rotation invariance: the responses at ``theta + k * theta_step`` over the full circle are pooled. Must
        divide the circle.
    pooling : {"average", "max"}, default "average"
        How the responses of all directions become one.
    orthogonal_planes : bool, default False
        Whether to average the (pooled) responses in the planes (x, y), (x, z) and (y, z) of a volume.
    response : {"modulus", "real", "imaginary"}, default "modulus"
        What to take of the complex response.
    truncate : float, default 6
        Radius of the kernel in standard deviations, along and across the wave.
    axes : sequence of int, optional
        The plane, two axes in array order (y, x); with `orthogonal_planes` three. The others are batches. Default: the
        last ones.
    spacing : float or sequence of float, optional
        Voxel size in mm in array order, for ``unit="mm"``. Default: that of a `Volume`. It may differ between axes: the
        kernel is sampled where voxels are.
    unit : {"voxel", "mm"}, default "voxel"
        Unit of `sigma` and `wavelength`.
    workers : int, optional
        Number of threads; default: `cormack.get_num_threads`.

    Returns
    -------
    ndarray, Volume or torch.Tensor
        Of the input's kind and shape; float32, or float64 for a float64 input; `output` where it is an array.

    Raises
    ------
    TypeError
        Unsupported dtype, or an argument of the wrong kind.
    ValueError
        A `sigma`, `wavelength`, `gamma` or `truncate` of 0 or below, or a kernel beyond use; a `theta_step` that does
        not divide the circle; not two `axes` (three); an unknown name; ``unit="mm"`` without a spacing.

    See Also
    --------
    gaussian_laplace, laws_filter, simoncelli_filter

    Notes
    -----
    The filter of IBSI 2 [1]_ (tests 4.a and 4.b): ``exp(-(u**2 + gamma**2 * v**2) / (2 * sigma**2) + 2j * pi * u /
    wavelength)`` with ``u = x * cos(theta) + y * sin(theta)`` and ``v = y * cos(theta) - x * sin(theta)``, not
    normalised. The kernel of the opposite direction is the complex conjugate: the modulus is computed for half of the
    circle where `theta_step` divides it.

    Each direction costs two calls of `convolve`, which takes the Fourier transform for large kernels; precision, NaN
    and the agreement of processors are described there. Memory beyond the output: the input in floating point unless it
    is, and up to four response maps.

    References
    ----------
    .. [1] A. Depeursinge et al., "Standardised convolutional filtering for radiomics", arXiv:2006.05470.

    Examples
    --------
    >>> import numpy as np
    >>> waves = np.cos(np.arange(64) * np.pi / 4) * np.ones((64, 1))
    >>> along, across = (gabor_filter(waves, 4, 8, theta=angle)[32, 32] for angle in (0, np.pi / 2))
    >>> bool(along > 50 and across < 0.01)
    True
    """
    function = "gabor_filter"
    taken = take(function, "input", input, ndim=())
    ndim = taken.array.ndim
    planes = 3 if orthogonal_planes else 2
    if ndim < planes:
        raise ValueError(f"{function}: `input` must have at least {planes} axes, got shape {taken.array.shape}")
    filtered = tuple(sorted(_check.axes(function, range(-planes, 0) if axes is None else axes, ndim)))
    if len(filtered) != planes:
        raise _check.fail(function, "axes", f"name {planes} axes", axes)
    width = _check.real(function, "sigma", sigma, above=0)
    _, scales = sigmas_of(function, "sigma", width, taken, filtered, spacing, unit)
    length = _check.real(function, "wavelength", wavelength, above=0)
    aspect = _check.real(function, "gamma", gamma, above=0)
    reach = _check.real(function, "truncate", truncate, above=0)
    start = _check.real(function, "theta", theta)
    if reach * width * max(1, 1 / aspect) * max(scales) * 2 > math.isqrt(LARGEST_WINDOW):
        raise _check.fail(function, "sigma", f"keep the kernel within {LARGEST_WINDOW} voxels", sigma)
    directions = 1
    if theta_step is not None:
        step = _check.real(function, "theta_step", theta_step, above=0)
        directions = round(2 * math.pi / step)
        if not 1 <= directions <= 3600 or abs(directions * step - 2 * math.pi) > 1e-6:
            raise _check.fail(function, "theta_step", "divide the circle, 2 * pi", theta_step)
    _check.choice(function, "pooling", pooling, ("average", "max"))
    part = _check.choice(function, "response", response, ("modulus", "real", "imaginary"))
    _check.border(function, mode)
    outside = number_outside(function, cval, floating(taken))
    threads = _check.workers(function, workers)
    angles = [start + 2 * math.pi * k / directions for k in range(directions)]
    if part == "modulus" and directions % 2 == 0:
        angles = angles[: directions // 2]

    def one(image: np.ndarray, weights: np.ndarray, plane: tuple[int, ...]) -> np.ndarray:
        result: np.ndarray = convolve(image, weights, None, mode, outside, axes=plane, workers=threads or None)
        return result

    def pooled(image: np.ndarray, plane: tuple[int, ...], sizes: list[float]) -> np.ndarray:
        total: np.ndarray | None = None
        for angle in angles:
            weights = _gabor_kernel(width, length, aspect, angle, sizes, reach)
            if part == "modulus":
                found = one(image, weights.real, plane)
                np.hypot(found, one(image, weights.imag, plane), out=found)
            else:
                found = one(image, weights.real if part == "real" else weights.imag, plane)
            if total is None:
                total = found
            else:
                (np.add if pooling == "average" else np.maximum)(total, found, out=total)
        assert total is not None
        if pooling == "average":
            total /= len(angles)
        return total

    def kernel(source: np.ndarray, target: np.ndarray, settings: list[list[Any]]) -> None:
        in_float64 = source.dtype in _IN_FLOAT64 or target.dtype == np.float64
        image = source.astype(np.float64 if in_float64 else np.float32, copy=False)
        inside = [axis for axis, size in enumerate(settings[0]) if size is not None]
        maps = [
            pooled(image, plane, [settings[0][axis] for axis in plane]) for plane in itertools.combinations(inside, 2)
        ]
        target[...] = sum(maps[1:], maps[0]) / len(maps)

    sizes = [1 / scale for scale in scales]
    return apply(
        function, taken, output, filtered, [PerAxis(sizes, None)], kernel, dtype=floating(taken), converts=True
    )
