"""Places that a network trained on normal images cannot reconstruct."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _check
from ..volume import Volume
from ._calibration import Calibration, share_of
from ._heat import AnomalyMap, Distribution, Prepared, finished, load, prepared, with_masks

__all__ = ["ResidualDetector", "fit_residual"]

_ROUNDING = 1e-5  # of the largest value

Floats = npt.NDArray[np.float64]


def fit_residual(
    network: Any,
    images: Sequence[Any],
    *,
    masks: Sequence[Any] | Callable[[Any], Any] | None = None,
    smoothing: float = 3.0,
    overlap: float = 0.25,
    contamination: float = 0.05,
    seed: int = 0,
    workers: int | None = None,
) -> ResidualDetector:
    """Learn how large the residuals of an autoencoder are in normal images.

    Parameters
    ----------
    network : cormack.deep.Network or path-like
        One of the task "reconstruct": an image in, what it would be if it were normal out. See `cormack.deep.load`.
    images : sequence of array_like, Volume, path-like or Source
        At least two normal images that the network was not trained with: those it was trained with it knows too well.
    masks : sequence or callable, optional
        For each image the region to look at, or None: arrays, volumes, paths, functions of the image. One function is
        for all: ``masks=anatomy.lungs``.
    smoothing : float, default 3
        Standard deviation of the Gaussian that magnitudes of residuals are smoothed with, in mm; 0 for none. About half
        the size of what is looked for.
    overlap : float, default 0.25
        Of the network's windows.
    contamination : float, default 0.05
        Share of normal images that may be called outliers, above 0 and at most 0.5.
    seed : int, default 0
        Draws the voxels from which the distribution of normal residuals is made.
    workers : int, optional
        Number of threads; default: the library's setting.

    Returns
    -------
    ResidualDetector

    Raises
    ------
    ValueError
        Fewer than two images, or a network that does not reconstruct one.
    cormack.deep.ModelRefused
        The file is refused.
    BackendUnavailable
        ONNX Runtime is not installed.

    See Also
    --------
    fit_patches : Needs no network.

    Examples
    --------
    >>> from cormack import anomaly
    >>> detector = anomaly.fit_residual("autoencoder.onnx", normal_images)  # doctest: +SKIP
    >>> detector.score("scan.nii.gz").p_value  # doctest: +SKIP
    0.0625
    """
    name = "fit_residual"
    sigma = _check.real(name, "smoothing", smoothing, minimum=0.0)
    share = share_of(name, "contamination", contamination)
    seed = _check.integer(name, "seed", seed, minimum=0)
    listed, at = with_masks(name, images, masks)
    if isinstance(network, (str, os.PathLike)):
        from .. import deep

        network = deep.load(network, workers=workers)
    if network.card.task != "reconstruct" or network.card.channels != 1:
        raise ValueError(
            f"{name}: `network` must reconstruct one image, {network.card.name!r} is for {network.card.task!r} "
            f"and has {network.card.channels} channels"
        )
    distribution, tops = Distribution(seed), []
    for image, mask in zip(listed, at, strict=True):
        found, ready = _residual(name, network, load(image), mask, sigma, overlap, workers)
        inside = found.ravel() if ready.mask is None else found[ready.mask]
        tops.append(float(inside.max()))
        distribution.add(inside)
    unit, levels = distribution.result()
    return ResidualDetector(
        network=network,
        smoothing=sigma,
        overlap=overlap,
        unit=unit,
        levels=levels,
        calibration=Calibration(np.array(tops) / unit, share),
        images=len(listed),
        seed=seed,
    )


@dataclass(frozen=True, eq=False)
class ResidualDetector:
    """How well a network reconstructs normal images; made by `fit_residual`.

    Parameters
    ----------
    network : cormack.deep.Network
        Of the task "reconstruct".
    smoothing, overlap : float
        See `fit_residual`.
    unit : float
        The smoothed residual that 99 of 100 normal voxels stay below, in the network's grey values; 1 in heat maps.
    levels : (1001,) ndarray
        Quantiles of normal residuals, in this unit.
    calibration : Calibration
        Scores of normal images.
    images, seed : int
        Number of normal images; the seed.

    Examples
    --------
    >>> detector = fit_residual("autoencoder.onnx", normal_images)  # doctest: +SKIP
    """

    network: Any
    smoothing: float
    overlap: float
    unit: float
    levels: Floats
    calibration: Calibration
    images: int
    seed: int = 0

    def score(self, image: Any, mask: Any = None, *, workers: int | None = None) -> AnomalyMap:
        """Say where an image differs from what the network makes of it.

        Parameters
        ----------
        image : array_like, Volume, path-like or Source
            Like the normal images.
        mask : array_like, Volume or path-like, optional
            Where to look.
        workers : int, optional
            Number of threads; default: the library's setting.

        Returns
        -------
        AnomalyMap
            The heat is the smoothed residual in the unit of `ResidualDetector`, the score its maximum.
        """
        arguments = self.network, load(image), mask, self.smoothing, self.overlap, workers
        found, ready = _residual("score", *arguments)
        found /= np.float32(self.unit)
        heat, peak = finished(found, ready)
        score = float(found[peak])
        return AnomalyMap(
            heat=heat,
            score=score,
            p_value=float(self.calibration.p_values(score)),
            outlier=bool(self.calibration.outliers(score)),
            peak=peak,
        )


def _residual(
    function: str, network: Any, image: Any, mask: Any, sigma: float, overlap: float, workers: int | None
) -> tuple[npt.NDArray[np.float32], Prepared]:
    from .. import deep, filters

    ready = prepared(function, image, mask, None, "none", workers)
    given = image if isinstance(image, Volume) else ready.taken.array
    residual = np.array(deep.normalize(given, network, workers=workers), np.float32)
    largest = float(np.abs(residual).max())
    residual -= np.asarray(deep.apply(given, network, overlap=overlap, workers=workers))
    np.abs(residual, out=residual)
    # What windows that overlap round to is no residual.
    residual[residual <= _ROUNDING * largest] = 0
    if sigma:
        spacing = ready.taken.spacing or (1.0,) * residual.ndim
        residual = filters.gaussian_filter(
            residual, sigma, spacing=spacing, unit="mm", mask=ready.mask, workers=workers
        )
    if ready.mask is not None:
        residual[~ready.mask] = 0
    return residual, ready
