"""Response maps of the separable filters of IBSI 2: Laws' kernels and wavelets."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import _check, _cormack_cpu
from .._arrays import Taken, float_for, take
from .._neighbourhood import Halo, PerAxis, apply
from ._kernels import number_outside
from ._wavelets import LAWS, WAVELETS, analysis_filters

# The types that are computed in float64; all others in float32.
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
        wide = target.dtype == np.float64
        image = source.astype(np.float64 if wide else float_for(source.dtype), order="C", copy=False)
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
    # Whichever axis a rotation turns them to.
    ahead = sum(max(max(one.left, len(one.weights) - 1 - one.left) for one in taps) for taps in passes)
    ahead += energy_distance or 0
    # Where running sums of floats start anew.
    run = max(64, 2 * energy_distance + 1) if energy_distance and energy_distance > 3 else 1
    halo = Halo([(ahead, ahead)] * len(filtered), borders, [run] * len(filtered))
    return apply(
        function, taken, output, filtered, [PerAxis(settings, None)], kernel, halo, dtype=floating(taken), converts=True
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
    weight. Memory beyond the output: the input in the computed type and contiguous unless it is, an image for the
    response and one for pooling; a single orientation needs the first alone.

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
    window, in any orientation, gives it a weight. Memory beyond the output: the input in the computed type
    and contiguous unless it is, two images for the responses of levels, and one for pooling.

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
