"""Separable filters on a GPU: what the plan `separable` is given."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .._backends import OnDevice, run

_KINDS = {"smooth": 0, "laplace": 1, "gradient": 2}


def separable(
    function: str,
    source: OnDevice,
    target: OnDevice,
    *,
    border: Sequence[int],
    cval: float,
    kind: str = "smooth",
    count: int = 1,
    gaussian: tuple[Sequence[float], Sequence[int], Sequence[int]] | None = None,
    scale: Sequence[float] = (1.0, 1.0, 1.0),
    smooth: Sequence[Sequence[float]] = (),
    derive: Sequence[Sequence[float]] = (),
    odd: Sequence[bool] = (False, False, False),
) -> None:
    """Run a separable filter; what belongs to axes is given for (z, y, x).

    Parameters
    ----------
    function : str
        For error messages.
    source, target : OnDevice
        Of two or three axes; the target's dtype is the source's, or float32 (float64 for float64).
    border : sequence of int
        The extension's boundary modes.
    cval : float
        The value beyond a constant border.
    kind : {"smooth", "laplace", "gradient"}
        What is made of the passes.
    count : int
        Of derivatives: how many axes are filtered, the last ones.
    gaussian : tuple, optional
        Standard deviations and radii in voxels, and orders of derivatives.
    scale : sequence of float
        Voxels per unit of length, for derivatives.
    smooth, derive : sequence of sequences of float
        Where there is no Gaussian: weights of the offsets 0, 1, ... of kernels that smooth, and of those that derive.
    odd : sequence of bool
        Which of the kernels that smooth are antisymmetric.
    """
    sigma, order, radius = gaussian or ([0.0] * 3, [0] * 3, [0] * 3)
    derived = derive or [[0.0] * len(weights) for weights in smooth]
    run(
        function,
        "separable",
        [source, target],
        [np.array([w for weights in lines for w in weights], np.float64) for lines in (smooth, derived)],
        kind=_KINDS[kind],
        count=count,
        border=border,
        cval=float(cval),
        sigma=[float(value) for value in sigma],
        order=order,
        radius=radius,
        scale=[float(value) for value in scale],
        lengths=[len(weights) for weights in smooth] or [0] * 3,
        odd=[int(value) for value in odd],
    )
