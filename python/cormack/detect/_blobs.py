"""Blobs: maxima of a scale space, with their size in voxels or millimetres."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _check, _cormack_cpu
from .._arrays import Taken, float_for, take
from .._neighbourhood import spacing_of_axes
from .._table import Table
from ..filters import gaussian_filter, gaussian_laplace, hessian_eigenvalues
from ._peaks import margins_of, strength_bound

# More would only exhaust the memory and the patience.
_MOST_SCALES = 1000


@dataclass(frozen=True, slots=True)
class _Question:
    """The arguments that all detectors share, checked."""

    name: str
    taken: Taken
    sizes: list[float]
    smallest: np.ndarray  # sigma along each axis, in `unit`
    largest: np.ndarray
    single: bool  # one sigma for all axes
    threshold: float | None
    fraction: float | None
    overlap: float
    margin: list[int]
    unit: str
    threads: int

    @property
    def array(self) -> np.ndarray:
        return self.taken.array

    @property
    def dtype(self) -> Any:
        """The type of responses."""
        return float_for(self.array.dtype)


def _question(
    name: str,
    image: Any,
    min_sigma: Any,
    max_sigma: Any,
    threshold: Any,
    usual: Callable[[float, int], float],
    overlap: Any,
    threshold_rel: Any,
    exclude_border: Any,
    spacing: Any,
    unit: Any,
    workers: Any,
) -> _Question:
    taken = take(name, "image", image)
    ndim = taken.array.ndim
    sizes = spacing_of_axes(name, taken, tuple(range(ndim)), spacing, unit)
    smallest, largest = (
        np.array([_check.real(name, argument, item, above=0) for item in _check.per_axis(name, argument, value, ndim)])
        for argument, value in (("min_sigma", min_sigma), ("max_sigma", max_sigma))
    )
    if (largest < smallest).any():
        raise _check.fail(name, "max_sigma", "not be below `min_sigma`", max_sigma)
    fraction = strength_bound(name, "threshold_rel", threshold_rel)
    bound = strength_bound(name, "threshold", threshold)
    if bound is None and fraction is None:
        scale = float(np.iinfo(taken.array.dtype).max) if taken.array.dtype.kind in "iu" else 1.0
        bound = usual(scale, ndim)
    return _Question(
        name,
        taken,
        sizes,
        smallest,
        largest,
        np.ndim(min_sigma) == 0 and np.ndim(max_sigma) == 0,
        bound,
        fraction,
        _check.real(name, "overlap", overlap, minimum=0),
        margins_of(name, exclude_border, [1] * ndim, ndim),
        unit,
        _check.workers(name, workers),
    )


def _steps(question: _Question, num_sigma: Any, log_scale: Any) -> np.ndarray:
    count = _check.integer(question.name, "num_sigma", num_sigma, minimum=1, maximum=_MOST_SCALES)
    if log_scale:
        return np.logspace(np.log10(question.smallest), np.log10(question.largest), count)
    return np.linspace(question.smallest, question.largest, count)


def _search(question: _Question, sigmas: np.ndarray, scales: Iterator[np.ndarray], radius: float) -> Table:
    """Find the maxima of a scale space of which three scales exist at a time."""
    found: list[tuple[np.ndarray, np.ndarray, int]] = []
    low, high = math.inf, -math.inf

    def bound() -> float:
        # The largest response is known at the end alone, but no maximum is below what is known so far.
        values = [-math.inf if question.threshold is None else question.threshold]
        if question.fraction is not None and question.fraction >= 0 and high > -math.inf:
            values.append(question.fraction * high)
        return max(values)

    def examine(below: np.ndarray | None, centre: np.ndarray, above: np.ndarray | None, step: int) -> None:
        index, values, _ = _cormack_cpu.scale_maxima(centre, below, above, bound(), question.margin, question.threads)
        found.append((index, values, step))

    before: np.ndarray | None = None
    centre: np.ndarray | None = None
    step = -1
    for scale in scales if question.array.size else ():
        least, most, _ = _cormack_cpu.minmax(scale, None, question.threads)
        low, high = min(low, least), max(high, most)
        if centre is not None:
            examine(before, centre, scale, step)
        before, centre = centre, scale
        step += 1
    if centre is not None:
        examine(before, centre, None, step)
    count = len(sigmas)
    index = np.concatenate([part[0] * count + part[2] for part in found]) if found else np.empty(0, np.int64)
    values = np.concatenate([part[1] for part in found]) if found else np.empty(0)
    threshold = -math.inf if question.threshold is None else question.threshold
    if question.fraction is not None:
        threshold = max(threshold, question.fraction * high)
    if question.threshold is None:
        # As in scikit-image, the smallest response is no maximum.
        threshold = max(threshold, low)
    keep = values > (threshold if low < high else math.inf)
    index, values = index[keep], values[keep]
    order = np.lexsort((index, -values))
    index, values = index[order], values[order]
    places = np.stack(np.unravel_index(index // count, question.array.shape), axis=-1)
    widths = sigmas[index % count].reshape(-1, question.array.ndim)
    if len(places):
        stays = _cormack_cpu.keep_blobs(
            np.ascontiguousarray(places * np.asarray(question.sizes)), np.ascontiguousarray(widths), question.overlap
        )
        places, widths, values = places[stays != 0], widths[stays != 0], values[stays != 0]
    names = "zyx"[3 - question.array.ndim :]
    table = Table({axis: places[:, i].astype(np.int64) for i, axis in enumerate(names)})
    if question.single:
        table["sigma"] = widths[:, 0].copy()
        table["radius"] = widths[:, 0] * radius
    else:
        for i, axis in enumerate(names):
            table[f"sigma_{axis}"] = widths[:, i].copy()
        for i, axis in enumerate(names):
            table[f"radius_{axis}"] = widths[:, i] * radius
    table["response"] = values
    return table


def blob_log(
    image: Any,
    min_sigma: float | Sequence[float] = 1,
    max_sigma: float | Sequence[float] = 50,
    num_sigma: int = 10,
    threshold: float | None = None,
    overlap: float = 0.5,
    log_scale: bool = False,
    *,
    threshold_rel: float | None = None,
    exclude_border: bool | int | Sequence[int] = False,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
) -> Table:
    """Find bright blobs by the Laplacian of Gaussians: the most exact of the three detectors.

    Parameters
    ----------
    image : array_like or Volume
        2-D image ``(y, x)`` or 3-D volume ``(z, y, x)`` of any supported dtype; bright blobs on a dark ground.
    min_sigma, max_sigma : float or sequence of float, default 1 and 50
        Smallest and largest standard deviation, above 0, in `unit`, one value or one per axis. A ball of radius r
        answers most strongly for a sigma of ``r / sqrt(ndim)``.
    num_sigma : int, default 10
        Number of scales from the smallest to the largest.
    threshold : float, optional
        Blobs answer more strongly than this, in units of the image: nothing is rescaled. Default, without
        `threshold_rel`: 0.2, for integers 0.2 of the dtype's largest value, as in scikit-image; medical images want
        another. ``-inf`` accepts all maxima.
    overlap : float, default 0.5
        Of two blobs that share more than this fraction of the smaller one, the one with the smaller sigma goes.
    log_scale : bool, default False
        Whether scales are spaced logarithmically.
    threshold_rel : float, optional
        The threshold as a fraction of the strongest answer; with `threshold` the larger one counts.
    exclude_border : bool, int or sequence of int, default False
        How many voxels at each border hold no blobs; True: one.
    spacing : float or sequence of float, optional
        Voxel size in mm in array order, for ``unit="mm"``. Default: that of a `Volume`.
    unit : {"voxel", "mm"}, default "voxel"
        Unit of sigmas and radii. In mm a round object is found by one sigma whatever the voxels are like.
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.

    Returns
    -------
    Table
        The strongest first: ``z``, ``y``, ``x`` (indices of the voxel), ``sigma`` and ``radius`` in `unit`
        (``sqrt(ndim) * sigma``; ``sigma_z`` ... and ``radius_z`` ... where sigmas were given per axis), and
        ``response``. scikit-image's array is ``np.stack([table["y"], table["x"], table["sigma"]], axis=1)``.

    Raises
    ------
    TypeError
        If the dtype is not supported or an argument is of the wrong kind.
    ValueError
        If a sigma is not above 0 or beyond use, `max_sigma` below `min_sigma`, `num_sigma` below 1 or `overlap`
        negative; for ``unit="mm"`` without a spacing, or a spacing without ``unit="mm"``.

    See Also
    --------
    blob_dog : Cheaper, its scales are further apart.
    blob_doh : By the determinant of the Hessian.

    Notes
    -----
    The answer is ``-sigma**2`` times `cormack.filters.gaussian_laplace`, with the mean sigma where there is one per
    axis, in units of the image: about 0.7 of a ball's contrast in 3-D at its best sigma. A blob is a voxel whose answer
    is above the threshold and not below any neighbour's in 3 voxels along each axis and 3 scales.

    The blobs of `skimage.feature.blob_log`, for float64 and sigmas in voxels, but for what rounding decides: which of
    equal neighbours is the larger, and which of overlapping blobs goes where a chain of them overlaps. scikit-image
    takes the pairs of a chain in the order of a hash table; here the largest blobs come first, and one that has gone
    removes no other. As there, of two blobs of the same sigma the stronger one goes.

    8- and 16-bit integers and float32 are computed in float32, others in float64. NaN makes no blob, nor what it is
    smoothed into. Memory: three scales of the image; the cost is that of the filters, proportional to sigma.

    References
    ----------
    T. Lindeberg, Feature detection with automatic scale selection, IJCV 30 (1998) 79-116.

    Examples
    --------
    A ball of 6 mm radius in voxels of 3 x 1 x 1 mm:

    >>> import numpy as np
    >>> z, y, x = np.ogrid[-7:8, -20:21, -20:21]
    >>> image = 100.0 * ((3 * z) ** 2 + y**2 + x**2 <= 36)
    >>> blobs = blob_log(image, 2, 5, 13, threshold=20, spacing=(3, 1, 1), unit="mm")
    >>> [(row["z"], row["y"], row["x"], row["sigma"], round(row["radius"], 1)) for row in blobs.rows()]
    [(7, 20, 20, 3.5, 6.1)]
    """
    question = _question(
        "blob_log",
        image,
        min_sigma,
        max_sigma,
        threshold,
        lambda scale, _: 0.2 * scale,
        overlap,
        threshold_rel,
        exclude_border,
        spacing,
        unit,
        workers,
    )
    sigmas = _steps(question, num_sigma, log_scale)

    def scales() -> Iterator[np.ndarray]:
        place: dict[str, Any] = {"spacing": question.sizes, "unit": "mm"} if unit == "mm" else {}
        for sigma in sigmas:
            scale: np.ndarray = gaussian_laplace(
                question.array, sigma.tolist(), question.dtype, workers=workers, **place
            )
            scale *= scale.dtype.type(-(np.mean(sigma) ** 2))
            yield scale

    return _search(question, sigmas, scales(), math.sqrt(question.array.ndim))


def blob_dog(
    image: Any,
    min_sigma: float | Sequence[float] = 1,
    max_sigma: float | Sequence[float] = 50,
    sigma_ratio: float = 1.6,
    threshold: float | None = None,
    overlap: float = 0.5,
    *,
    threshold_rel: float | None = None,
    exclude_border: bool | int | Sequence[int] = False,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
) -> Table:
    """Find bright blobs by differences of Gaussians.

    Parameters
    ----------
    image : array_like or Volume
        2-D image ``(y, x)`` or 3-D volume ``(z, y, x)`` of any supported dtype; bright blobs on a dark ground.
    min_sigma, max_sigma : float or sequence of float, default 1 and 50
        Smallest and largest standard deviation, above 0, in `unit`, one value or one per axis.
    sigma_ratio : float, default 1.6
        Above 1: ratio of each sigma to the one before.
    threshold : float, optional
        Blobs answer more strongly than this, in units of the image: nothing is rescaled. Default, without
        `threshold_rel`: 0.5, for integers 0.5 of the dtype's largest value, as in scikit-image.
    overlap, threshold_rel, exclude_border, spacing, unit, workers
        As in `blob_log`.

    Returns
    -------
    Table
        As `blob_log` returns.

    Raises
    ------
    TypeError
        If the dtype is not supported or an argument is of the wrong kind.
    ValueError
        If `sigma_ratio` is not above 1, and as in `blob_log`.

    See Also
    --------
    blob_log : What this approximates.

    Notes
    -----
    The answer of the scale ``s`` is ``(G(s) - G(s * sigma_ratio)) / (sigma_ratio - 1)`` of the smoothed images. What
    `blob_log` says about scikit-image, precision, NaN and memory holds here for `skimage.feature.blob_dog`.

    References
    ----------
    D. G. Lowe, Distinctive image features from scale-invariant keypoints, IJCV 60 (2004) 91-110.

    Examples
    --------
    >>> import numpy as np
    >>> y, x = np.ogrid[-20:21, -20:21]
    >>> blobs = blob_dog(1.0 * (y**2 + x**2 <= 36), 2, 10, threshold=0.1)
    >>> [(row["y"], row["x"], round(row["sigma"], 2)) for row in blobs.rows()]
    [(20, 20, 3.2)]
    """
    name = "blob_dog"
    question = _question(
        name,
        image,
        min_sigma,
        max_sigma,
        threshold,
        lambda scale, _: 0.5 * scale,
        overlap,
        threshold_rel,
        exclude_border,
        spacing,
        unit,
        workers,
    )
    ratio = _check.real(name, "sigma_ratio", sigma_ratio, above=1)
    count = np.mean(np.log(question.largest / question.smallest) / np.log(ratio) + 1)
    if count > _MOST_SCALES:
        raise _check.fail(name, "sigma_ratio", f"need at most {_MOST_SCALES} scales", sigma_ratio)
    sigmas = np.array([question.smallest * ratio**i for i in range(int(count) + 1)])

    def scales() -> Iterator[np.ndarray]:
        place: dict[str, Any] = {"spacing": question.sizes, "unit": "mm"} if unit == "mm" else {}
        before: np.ndarray | None = None
        for sigma in sigmas:
            smooth: np.ndarray = gaussian_filter(
                question.array, sigma.tolist(), output=question.dtype, mode="reflect", workers=workers, **place
            )
            if before is not None:
                before -= smooth
                before *= before.dtype.type(1 / (ratio - 1))
                yield before
            before = smooth

    return _search(question, sigmas[:-1], scales(), math.sqrt(question.array.ndim))


def blob_doh(
    image: Any,
    min_sigma: float = 1,
    max_sigma: float = 30,
    num_sigma: int = 10,
    threshold: float | None = None,
    overlap: float = 0.5,
    log_scale: bool = False,
    *,
    threshold_rel: float | None = None,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
) -> Table:
    """Find blobs, bright or dark, by the determinant of the Hessian.

    Parameters
    ----------
    image : array_like or Volume
        2-D image ``(y, x)`` or 3-D volume ``(z, y, x)`` of any supported dtype.
    min_sigma, max_sigma : float, default 1 and 30
        Smallest and largest standard deviation, above 0, in `unit`. In 2-D from about 3 pixels on.
    num_sigma : int, default 10
        Number of scales from the smallest to the largest.
    threshold : float, optional
        Blobs answer more strongly than this, in units of the image squared (2-D) or cubed (3-D). Default, without
        `threshold_rel`: ``0.1**ndim``, for integers of the dtype's largest value, which in 2-D is scikit-image's.
    overlap, log_scale, threshold_rel, spacing, unit, workers
        As in `blob_log`; in 2-D pixels must be square.

    Returns
    -------
    Table
        As `blob_log` returns, with a ``radius`` of ``sigma`` in 2-D and of ``sqrt(3) * sigma`` in 3-D.

    Raises
    ------
    TypeError
        If the dtype is not supported or an argument is of the wrong kind.
    ValueError
        If the pixels of a 2-D image are not square, and as in `blob_log`.

    See Also
    --------
    blob_log : For bright blobs alone, with any pixels in 2-D.

    Notes
    -----
    In 2-D the boxes of SURF over an integral image, whose cost does not depend on sigma, and the blobs of
    `skimage.feature.blob_doh`; an image with negative values is first raised to begin at 0, for a box with a negative
    sum would count as 0 otherwise. As in scikit-image boxes end one pixel early, so places may be one pixel nearer to
    the origin than the blob. In 3-D, which scikit-image does not know, the Gaussian's own second derivatives: the
    answer is ``sigma**6`` times the magnitude of the determinant where all three principal curvatures have one sign,
    and 0 on saddles, which in 2-D have a negative determinant. What `blob_log` says about overlaps, precision and NaN
    holds here.

    References
    ----------
    H. Bay, A. Ess, T. Tuytelaars, L. Van Gool, SURF: Speeded Up Robust Features, CVIU 110 (2008) 346-359.

    Examples
    --------
    >>> import numpy as np
    >>> y, x = np.ogrid[-30:31, -30:31]
    >>> blobs = blob_doh(1.0 * (y**2 + x**2 <= 100), 3, 15, 13, threshold=0.05)
    >>> [(row["y"], row["x"], row["sigma"]) for row in blobs.rows()]
    [(29, 29, 11.0)]
    """
    name = "blob_doh"
    for argument, value in (("min_sigma", min_sigma), ("max_sigma", max_sigma)):
        if np.ndim(value):
            raise _check.fail(name, argument, "be one number for all axes", value, TypeError)
    question = _question(
        name,
        image,
        min_sigma,
        max_sigma,
        threshold,
        lambda scale, ndim: (0.1 * scale) ** ndim,
        overlap,
        threshold_rel,
        False,
        spacing,
        unit,
        workers,
    )
    sigmas = _steps(question, num_sigma, log_scale)
    array = question.array
    if array.ndim == 3:
        return _search(question, sigmas, _determinants(question, sigmas), math.sqrt(3))
    if max(question.sizes) > min(question.sizes) * (1 + 1e-6):
        raise _check.fail(name, "spacing", "be that of square pixels in 2-D (blob_log takes any)", question.sizes)
    if sigmas[0, 0] / question.sizes[0] < 1:
        raise _check.fail(name, "min_sigma", "be at least 1 pixel in 2-D", min_sigma)

    def scales() -> Iterator[np.ndarray]:
        integral = array.astype(np.float64, order="C")
        finite = np.isfinite(array)
        holes = None if finite.all() else (~finite).astype(np.float64)
        lowest = _cormack_cpu.minmax(array, None if holes is None else finite, question.threads)[0]
        if lowest < 0:
            integral -= lowest
        if holes is not None:
            # One NaN would be in all sums below and to the right of it.
            integral[~finite] = 0
        for sums in (integral,) if holes is None else (integral, holes):
            for axis in (0, 1):
                np.cumsum(sums, axis=axis, out=sums)
        for sigma in sigmas:
            scale = np.empty_like(integral)
            _cormack_cpu.box_hessian(integral, holes, scale, float(sigma[0] / question.sizes[0]), question.threads)
            yield scale

    return _search(question, sigmas, scales(), 1.0)


def _determinants(question: _Question, sigmas: np.ndarray) -> Iterator[np.ndarray]:
    place: dict[str, Any] = {"spacing": question.sizes, "unit": "mm"} if question.unit == "mm" else {}
    for sigma in sigmas:
        first, second, third = hessian_eigenvalues(
            question.array, float(sigma[0]), workers=question.threads or None, **place
        )
        # They come sorted, so the outer two tell the signs of all.
        definite = first * third > 0
        determinant = np.abs(first * second * third, out=first)
        determinant *= determinant.dtype.type(sigma[0] ** 6)
        determinant[~definite] = 0
        yield determinant
