"""Masks of what lies between two intensities."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import _check, _cormack_cpu, _intensity
from .._arrays import take
from .._backends import is_on_device
from ._checks import bound_of


def binary_threshold(
    image: Any,
    lower: float | None = None,
    upper: float | None = None,
    *,
    workers: int | None = None,
    device: str | None = None,
) -> Any:
    """Return where an image lies between two bounds.

    Parameters
    ----------
    image : array_like or Volume
        Image of any shape.
    lower, upper : float, optional
        Inclusive bounds, compared exactly with the values of every dtype; None leaves a side open. At least one is
        needed.
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.
    device : {"cpu", "cuda"}, optional
        Where to compute. Default: where the image is, which may be a CuPy array or another array on a GPU; the result
        is of the same kind. ``"cuda"`` copies an image from the host to the GPU and the result back.

    Returns
    -------
    array of bool, or Volume
        Shape and kind of `image`; NaN is outside every range.

    Raises
    ------
    ValueError
        If there is no bound, one is NaN, or `upper` is below `lower`.

    See Also
    --------
    threshold_otsu : What is above its threshold t lies from ``numpy.nextafter(t, inf)`` on.
    connected_threshold : Of these voxels those that are connected to seeds.

    Notes
    -----
    As ITK's BinaryThresholdImageFilter. One pass, without a copy of the image.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack.segment import binary_threshold
    >>> binary_threshold(np.array([[-1000, 30, 45, 700]], np.int16), 30, 100)
    array([[False,  True,  True, False]])
    """
    name = "binary_threshold"
    taken = take(name, "image", image, ndim=(), device=device)
    if lower is None and upper is None:
        raise _check.fail(name, "lower", "be a number where `upper` is None", lower)
    least = -math.inf if lower is None else bound_of(name, "lower", lower)
    most = math.inf if upper is None else bound_of(name, "upper", upper)
    if most < least:
        raise _check.fail(name, "upper", f"not be below `lower`, {least:g}", upper)
    threads = _check.workers(name, workers)
    result = _intensity.Result.of(name, taken, np.dtype(bool), None)
    if is_on_device(taken.array):
        return result.filled_on_device(
            name, "threshold_map", lower=least, upper=most, values=(1.0, 0.0, 0.0), softness=0.0
        )

    def run(source: np.ndarray, target: np.ndarray) -> None:
        _cormack_cpu.threshold_map(source, target, least, most, 1.0, 0.0, 0.0, 0.0, threads)

    return result.filled(run)
