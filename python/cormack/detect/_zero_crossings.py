"""Edges where the Laplacian changes its sign."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _check, _cormack_cpu
from .._arrays import take
from ..filters import gaussian_laplace


def zero_crossings(
    image: Any,
    sigma: float | Sequence[float] | None = None,
    *,
    threshold: float = 0.0,
    mode: str = "reflect",
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
) -> Any:
    """Find where an image, or its Laplacian of Gaussian, changes its sign.

    Parameters
    ----------
    image : array_like or Volume
        2-D image ``(y, x)`` or 3-D volume ``(z, y, x)`` of any supported dtype.
    sigma : float or sequence of float, optional
        Standard deviation of the Gaussian, above 0, one value or one per axis, in `unit`: the edges of Marr and
        Hildreth. Default: the image itself is looked at, a signed distance or a level set for instance.
    threshold : float, default 0
        Least difference across a crossing, in units of the image or of its Laplacian. Without one, noise in flat
        regions gives closed curves everywhere.
    mode : str, default "reflect"
        What the Gaussian sees beyond the border, as in `cormack.filters.gaussian_laplace`.
    spacing : float or sequence of float, optional
        Voxel size in mm in array order, for ``unit="mm"``. Default: that of a `Volume`.
    unit : {"voxel", "mm"}, default "voxel"
        Unit of length: of `sigma`, and of the Laplacian, which is per square voxel or per square millimetre.
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.

    Returns
    -------
    ndarray of bool, or Volume
        The crossings.

    Raises
    ------
    TypeError
        If the dtype is not supported or an argument is of the wrong kind.
    ValueError
        If `threshold` is negative, `sigma` is not above 0 or beyond use, `mode` or `unit` is unknown; for
        ``unit="mm"`` without a spacing, or a spacing without ``unit="mm"``.

    See Also
    --------
    canny : Thin edges with a strength.

    Notes
    -----
    ITK's ZeroCrossingImageFilter: a voxel is marked if one of its face neighbours has the other sign (0 and any other
    value differ too) and is further from 0; of two that are equally far the one of smaller coordinates. NaN is no
    crossing. The Laplacian is stored, as float32, or float64 for float64; an image whose last axis is not contiguous is
    copied.

    References
    ----------
    D. Marr, E. Hildreth, Theory of edge detection, Proc. Royal Society of London B 207 (1980) 187-217.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack.detect import zero_crossings
    >>> zero_crossings(np.array([[-3.0, -2.0, 1.0, 4.0], [-1.0, 1.0, 2.0, 3.0]])).astype(int)
    array([[0, 0, 1, 0],
           [1, 1, 0, 0]])
    """
    name = "zero_crossings"
    taken = take(name, "image", image)
    array = taken.array
    least = _check.real(name, "threshold", threshold, minimum=0)
    threads = _check.workers(name, workers)
    if sigma is not None:
        for width in _check.per_axis(name, "sigma", sigma, array.ndim):
            _check.real(name, "sigma", width, above=0)
        voxels = taken.spacing if spacing is None and unit == "mm" else spacing
        try:
            array = gaussian_laplace(array, sigma, mode=mode, spacing=voxels, unit=unit, workers=workers)
        except (TypeError, ValueError) as error:
            raise type(error)(str(error).replace("gaussian_laplace:", f"{name}:", 1)) from None
    result = np.empty(array.shape, bool)
    _cormack_cpu.zero_crossings(array, result, least, threads)
    return taken.give_back(result)
