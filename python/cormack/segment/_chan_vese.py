"""Active contours without edges, by gradient descent of a level set."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _check, _cormack_cpu
from .._arrays import take, take_matching

_SQUARE = 5
_MOST_STEPS = 2**31 - 1


def chan_vese(
    image: Any,
    mu: float = 0.25,
    lambda1: float = 1.0,
    lambda2: float = 1.0,
    tol: float = 1e-3,
    max_num_iter: int = 500,
    dt: float = 0.5,
    init_level_set: Any = "checkerboard",
    extended_output: bool = False,
    *,
    workers: int | None = None,
) -> Any:
    """Divide an image into an inside and an outside that differ in their averages, with a short contour between.

    Parameters
    ----------
    image : array_like or Volume
        2-D or 3-D; finite.
    mu : float, default 0.25
        Weight of the length (3-D: area) of the contour, at least 0; values are scaled to 0 to 1 before.
    lambda1, lambda2 : float, default 1
        Weights of the difference from the average inside and outside.
    tol : float, default 1e-3
        Stop when the root mean square of the change of the level set is at most this.
    max_num_iter : int, default 500
        Stop after so many iterations.
    dt : float, default 0.5
        Length of a step, above 0.
    init_level_set : {"checkerboard", "disk", "small disk"} or array_like, default "checkerboard"
        Where to begin: by name, or the level set, whose positive values are inside.
    extended_output : bool, default False
        Return more.
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.

    Returns
    -------
    segmentation : ndarray of bool, or Volume
        The inside.
    phi : ndarray of float32 or float64
        With `extended_output`: the level set at the end.
    energies : list of float
        With `extended_output`: the energy before each iteration.

    Raises
    ------
    ValueError
        If the image is not 2-D or 3-D or not finite, `init_level_set` has another shape, or a number is out of range.

    See Also
    --------
    morphological_chan_vese

    Notes
    -----
    Scheme [2]_ and values by default are those of ``skimage.segmentation.chan_vese``, which is for 2-D; every formula
    has the same order, so that level sets differ by the rounding of the averages alone (which many iterations amplify).
    In 3-D there is a third pair of terms in the curvature. float32 images are computed in float32, others in float64.
    The image is copied once; the energies take as long again as the iterations. `morphological_chan_vese` is faster by
    far.

    References
    ----------
    .. [1] T. F. Chan, L. A. Vese, "Active contours without edges", IEEE TIP 10(2), 2001.
    .. [2] P. Getreuer, "Chan-Vese segmentation", Image Processing On Line 2, 2012.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack.segment import chan_vese
    >>> image = np.zeros((20, 20), np.int16)
    >>> image[5:15, 6:14] = 100
    >>> np.array_equal(chan_vese(image), image > 50)
    True
    """
    name = "chan_vese"
    taken = take(name, "image", image)
    weights = {
        "mu": _check.real(name, "mu", mu, minimum=0.0),
        "lambda1": _check.real(name, "lambda1", lambda1),
        "lambda2": _check.real(name, "lambda2", lambda2),
    }
    step = _check.real(name, "dt", dt, above=0.0)
    end = _check.real(name, "tol", tol, minimum=0.0)
    count = _check.integer(name, "max_num_iter", max_num_iter, minimum=0, maximum=_MOST_STEPS)
    threads = _check.workers(name, workers)
    values = taken.array.astype(np.float32 if taken.array.dtype == np.float32 else np.float64, order="C")
    phi = _level_set(name, init_level_set, values, image)
    if values.size:
        low, high, has_nan = _cormack_cpu.minmax(values, None, threads)
        if has_nan or not np.isfinite([low, high]).all():
            raise ValueError(f"{name}: `image` must be finite")
        np.subtract(values, low, out=values)
        top = values.max()
        if top != 0:
            np.divide(values, top, out=values)
    numbers = (weights["mu"], weights["lambda1"], weights["lambda2"], step, end)
    if not extended_output:
        _cormack_cpu.chan_vese(values, phi, *numbers, count, threads)
        return taken.give_back(phi > 0)
    energies: list[float] = []
    change = end + 1
    while values.size and change > end and len(energies) < count:
        energies.append(_energy(values, phi, **weights))
        change = _cormack_cpu.chan_vese(values, phi, *numbers, 1, threads)
    return taken.give_back(phi > 0), phi, energies


def _level_set(name: str, value: Any, image: np.ndarray, volume: Any) -> np.ndarray:
    shape = image.shape
    if not isinstance(value, str):
        array = take_matching(name, "init_level_set", value, shape, volume).array
        return array.astype(image.dtype, order="C")
    kind = _check.choice(name, "init_level_set", value, ("checkerboard", "disk", "small disk"))
    axes = np.meshgrid(*(np.arange(n, dtype=image.dtype) for n in shape), indexing="ij", sparse=True)
    if kind == "checkerboard":
        result = np.ones((1,) * len(shape), image.dtype)
        for axis in axes:
            result = result * np.sin(axis * (np.pi / _SQUARE))
        return np.array(np.broadcast_to(result, shape))
    centre = [max(0, n - 1) // 2 for n in shape]
    # Narrow images have no radius to divide by.
    radius = max(1.0, float(min(centre))) / (1 if kind == "disk" else 2)
    squares = sum((axis.astype(np.float64) - c) ** 2 for axis, c in zip(axes, centre, strict=True))
    disk: np.ndarray = (radius - np.sqrt(squares)) / (radius if kind == "disk" else radius * 3)
    return disk.astype(image.dtype)


def _energy(image: np.ndarray, phi: np.ndarray, mu: float, lambda1: float, lambda2: float) -> float:
    inside = 0.5 * (1 + 2 / np.pi * np.arctan(phi))
    outside = 1 - inside
    total = 0.0
    for weight, share in ((lambda1, inside), (lambda2, outside)):
        amount = np.sum(share)
        average = np.sum(image * share) / (amount if amount != 0 else 1)
        total += float(np.sum(weight * (image - average) ** 2 * share))
    around = np.pad(phi, 1, mode="edge")
    core = (slice(1, -1),) * phi.ndim
    squares = np.zeros_like(phi)
    for axis in range(phi.ndim):
        ends = [tuple(part if a == axis else c for a, c in enumerate(core)) for part in (slice(2, None), slice(-2))]
        squares += ((around[ends[0]] - around[ends[1]]) / 2) ** 2
    return total + float(np.sum(mu / (1 + phi**2) * np.sqrt(squares)))
