"""Denoising by diffusion and by total variation: flat parts become flatter, edges stay."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _check, _cormack_cpu
from .._arrays import take
from .._neighbourhood import Halo, PerAxis, apply, spacing_of_axes

# Beyond this the squares of gradients in units of the edge are no numbers of float32.
_WEAKEST_EDGE = 1e12
# What the extension counts to.
_MOST_ITERATIONS = 2**31 - 1
_METHODS = {"gradient": 0, "curvature": 1}
_EDGES = {"exponential": 0, "reciprocal": 1}


def _largest_step(method: str, sizes: Sequence[float]) -> float:
    """Return the time step up to which no voxel leaves the range of its neighbours.

    The fluxes through a voxel's faces are differences times at most 1 (gradient), or at most 1 each and multiplied by
    the upwind gradient (curvature).
    """
    if method == "gradient":
        return 1 / (2 * sum(1 / size for size in sizes))
    return 1 / (2 * len(sizes) * math.sqrt(2 * sum(1 / size**2 for size in sizes)))


def anisotropic_diffusion(
    input: Any,
    iterations: int = 5,
    conductance: float = 3.0,
    time_step: float | None = None,
    output: Any = None,
    *,
    method: str = "gradient",
    kappa: float | None = None,
    edge: str = "exponential",
    axes: int | Sequence[int] | None = None,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
) -> Any:
    """Smooth within regions and not across their edges.

    Parameters
    ----------
    input : array_like, Volume or torch.Tensor
        Image of any number of dimensions, axis order (z, y, x) or (y, x); of more than 3 axes, at most 3 are filtered
        (`axes`). bool, 8-, 16- or 32-bit integers, float32 or float64.
    iterations : int, default 5
        Number of time steps, at least 0.
    conductance : float, default 3
        What counts as an edge, relative to the image, as in ITK: a gradient of `conductance` times ``sqrt(2)`` times
        the root mean square gradient, which is measured before each iteration. Smaller preserves more; 0 leaves the
        image as it is. Not used where `kappa` is given.
    time_step : float, optional
        Length of a step. Default: the voxel size, of the smallest axis, over ``2**(d + 1)`` for `d` filtered axes: 0.25
        for a line, 0.125 for an image, 0.0625 for a volume.
    output : ndarray or dtype, optional
        Array to fill, or the dtype of the result: the input's, float32 or float64. Default: the input's.
    method : {"gradient", "curvature"}, default "gradient"
        ``"gradient"``: Perona and Malik's diffusion [1]_. ``"curvature"``: the modified curvature diffusion equation
        [2]_, which moves level sets and so smooths contours while it keeps contrast.
    kappa : float, optional
        What counts as an edge, absolutely: a gradient in the intensity's unit per voxel or mm, above 0.
    edge : {"exponential", "reciprocal"}, default "exponential"
        Conductance of a gradient g: ``exp(-(g / kappa)**2)``, which favours edges of high contrast, or
        ``1 / (1 + (g / kappa)**2)``, which favours wide regions.
    axes : int or sequence of int, optional
        Axes to filter; the others are batches, each with its own root mean square gradient. Default: all.
    spacing : float or sequence of float, optional
        Voxel size in mm in array order, for ``unit="mm"``. Default: that of a `Volume`.
    unit : {"voxel", "mm"}, default "voxel"
        Unit of length of gradients and of `time_step`.
    workers : int, optional
        Number of threads; default: `cormack.get_num_threads`.

    Returns
    -------
    ndarray, Volume or torch.Tensor
        Of the input's kind, shape and dtype; `output` where it is an array.

    Raises
    ------
    TypeError
        Unsupported dtype, or an argument of the wrong kind.
    ValueError
        A negative `iterations`; a `conductance` that is negative or beyond use; a `kappa` that is not positive or
        beyond use; a `time_step` that is not positive or so large that the result may oscillate; an unknown `method`,
        `edge` or `unit`; ``unit="mm"`` without a spacing, or a spacing without ``unit="mm"``.

    See Also
    --------
    total_variation, gaussian_filter

    Notes
    -----
    The numbers of ``SimpleITK.GradientAnisotropicDiffusion(image, timeStep, conductanceParameter, 1, iterations)`` and
    of ``CurvatureAnisotropicDiffusion`` come from ``conductance=conductanceParameter, time_step=timeStep`` with
    ``unit="mm"`` and the image's spacing, within the rounding of float32 (ITK mixes float32 and float64); for a call
    with the defaults of both, note that SimpleITK's time step for gradient diffusion is 0.125 even for volumes. ITK's
    conductance fixed at ``kappa = conductance * sqrt(2) * root mean square gradient`` is `kappa`. The border lets
    nothing through.

    A `time_step` is refused above ``1 / (2 * sum(1 / h))`` (gradient) or ``1 / (2 * d * sqrt(2 * sum(1 / h**2)))``
    (curvature), where h are the `d` voxel sizes: up to these, a voxel stays between the smallest and the largest value
    of its neighbourhood, up to rounding. ITK warns above its default, which is never larger.

    8- and 16-bit integers and float32 are computed in float32, the others in float64; an integer result is rounded
    (half to even) once, at the end. The mean is summed in float64. The same result, bit for bit, comes from any number
    of threads and any processor. Memory beyond the output: for integers one image of that floating type, from the
    second iteration on; for all types a quarter to a half of one, from the third on, where pieces of the image meet;
    16 bytes per row; about 0.3 MB per thread.

    For curvature, 1e-10 is added to a squared gradient before it divides, as in ITK: an image whose gradients are of
    the order of 1e-5 should be given in another unit.

    NaN and infinities are left out of the mean, and turn their neighbours into NaN: one voxel further per iteration.

    References
    ----------
    .. [1] P. Perona, J. Malik, "Scale-space and edge detection using anisotropic diffusion", IEEE PAMI 12(7), 1990.
    .. [2] R. Whitaker, X. Xue, "Variable-conductance, level-set curvature for image denoising", ICIP 2001.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.array([[10, 12, 10, 12, 90, 92, 90, 92]], np.int16)
    >>> anisotropic_diffusion(image, 20, kappa=10)
    array([[11, 11, 11, 11, 91, 91, 91, 91]], dtype=int16)
    """
    function = "anisotropic_diffusion"
    taken = take(function, "input", input, ndim=())
    filtered = _check.axes(function, axes, taken.array.ndim)
    iterations = _check.integer(function, "iterations", iterations, minimum=0, maximum=_MOST_ITERATIONS)
    conductance = _check.real(function, "conductance", conductance, minimum=0)
    edge_gradient = 0.0 if kappa is None else _check.real(function, "kappa", kappa, above=0)
    for name, value in (("conductance", conductance), ("kappa", edge_gradient)):
        if value > _WEAKEST_EDGE:
            raise _check.fail(function, name, f"be at most {_WEAKEST_EDGE:g}", value)
    method_number = _METHODS[_check.choice(function, "method", method, _METHODS)]
    edge_number = _EDGES[_check.choice(function, "edge", edge, _EDGES)]
    sizes = spacing_of_axes(function, taken, filtered, spacing, unit)
    threads = _check.workers(function, workers)
    if time_step is None:
        step = min(sizes, default=1.0) / 2 ** (len(sizes) + 1)
    else:
        step = _check.real(function, "time_step", time_step, above=0)
        largest = _largest_step(method, sizes) if sizes else math.inf
        # ITK's limit in 2-D is this one: its rounding must not be refused.
        if step > largest * (1 + 1e-9):
            raise _check.fail(
                function, "time_step", f"be at most {largest:.6g} here, or diffusion oscillates", time_step
            )

    idle = iterations == 0 or (kappa is None and conductance == 0)
    scales = [0.0 if idle else 1 / size for size in sizes]
    reach = 0 if idle else iterations * (1 if method == "gradient" else 2)

    def kernel(source: np.ndarray, target: np.ndarray, values: list[list[Any]]) -> None:
        _cormack_cpu.anisotropic_diffusion(
            source,
            target,
            method_number,
            edge_number,
            iterations,
            edge_gradient,
            conductance,
            step,
            values[0],
            threads,
        )

    halo: Halo | str = Halo.centred([reach] * len(filtered), [_check.BORDERS["nearest"]] * len(filtered))
    if kappa is None and not idle:
        halo = "its edges are relative to the mean gradient of the whole image: give `kappa`"
    return apply(function, taken, output, filtered, [PerAxis(scales, 0.0)], kernel, halo)


def total_variation(
    input: Any,
    weight: float,
    eps: float = 2e-4,
    max_num_iter: int = 200,
    output: Any = None,
    *,
    axes: int | Sequence[int] | None = None,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
) -> Any:
    """Replace an image by the one of small total variation that is close to it: noise goes, steps stay.

    Parameters
    ----------
    input : array_like, Volume or torch.Tensor
        Image of any number of dimensions, axis order (z, y, x) or (y, x); of more than 3 axes, at most 3 are filtered
        (`axes`). bool, 8-, 16- or 32-bit integers, float32 or float64.
    weight : float
        Strength, above 0, in the unit of the image's intensities (times mm for ``unit="mm"``): of the order of the
        noise's standard deviation. Contrast is lost too: a region by `weight` times its surface over its volume.
    eps : float, default 2e-4
        Stop where an iteration changes the energy by less than this part of the first one's; at least 0.
    max_num_iter : int, default 200
        Stop after so many iterations, at least 1. The first gives the image itself.
    output : ndarray or dtype, optional
        Array to fill, or the dtype of the result: the input's, float32 or float64. Default: the input's.
    axes : int or sequence of int, optional
        Axes to filter; the others are batches, each of which stops on its own. Default: all.
    spacing : float or sequence of float, optional
        Voxel size in mm in array order, for ``unit="mm"``. Default: that of a `Volume`.
    unit : {"voxel", "mm"}, default "voxel"
        Unit of length of the gradient.
    workers : int, optional
        Number of threads; default: `cormack.get_num_threads`.

    Returns
    -------
    ndarray, Volume or torch.Tensor
        Of the input's kind, shape and dtype; `output` where it is an array.

    Raises
    ------
    TypeError
        Unsupported dtype, or an argument of the wrong kind.
    ValueError
        A `weight` that is not positive, a negative `eps`, a `max_num_iter` below 1, an unknown `unit`; ``unit="mm"``
        without a spacing, or a spacing without ``unit="mm"``.

    See Also
    --------
    anisotropic_diffusion

    Notes
    -----
    The u that minimises ``sum(|grad u|) + sum((u - input)**2) / (2 * weight)`` with forward differences, by Chambolle's
    projection [1]_ as in `skimage.restoration.denoise_tv_chambolle`: the same steps, stopping rule and number of
    iterations, within the rounding of float32 or float64. scikit-image first divides integers by the largest value of
    their type, and its weight belongs to that image: its ``weight=0.1`` for a uint8 image is ``weight=25.5`` here, for
    a uint16 image 6553.5. Floating images have the same weight in both.

    8- and 16-bit integers and float32 are computed in float32, the others in float64; energies are summed in float64;
    an integer result is rounded (half to even) once, at the end. The same result, bit for bit, comes from any number of
    threads and any processor. Memory beyond the output: the dual field of the method, which is one image of that
    floating type for each filtered axis, and 4 planes per thread.

    NaN and infinities turn their neighbours into NaN, one voxel further per iteration, and the energy is NaN: all of
    `max_num_iter` iterations are run. Squares of differences must fit into the floating type.

    References
    ----------
    .. [1] A. Chambolle, "An algorithm for total variation minimization and applications", Journal of Mathematical
       Imaging and Vision 20, 2004.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.array([[10, 14, 9, 13, 90, 94, 89, 93]], np.int16)
    >>> total_variation(image, 6, eps=1e-5)
    array([[13, 13, 13, 13, 90, 90, 90, 90]], dtype=int16)
    """
    function = "total_variation"
    taken = take(function, "input", input, ndim=())
    filtered = _check.axes(function, axes, taken.array.ndim)
    weight = _check.real(function, "weight", weight, above=0)
    eps = _check.real(function, "eps", eps, minimum=0)
    iterations = _check.integer(function, "max_num_iter", max_num_iter, minimum=1, maximum=_MOST_ITERATIONS)
    scales = [1 / size for size in spacing_of_axes(function, taken, filtered, spacing, unit)]
    threads = _check.workers(function, workers)

    def kernel(source: np.ndarray, target: np.ndarray, values: list[list[Any]]) -> None:
        _cormack_cpu.total_variation(source, target, weight, eps, iterations, values[0], threads)

    halo = "the rule by which it stops looks at the whole image"
    return apply(function, taken, output, filtered, [PerAxis(scales, 0.0)], kernel, halo)
