"""Recipes for known organs, built on the library's public functions: lungs, lung nodule candidates, brain.

Arrays in, masks and labels out; a :class:`~cormack.Volume` in, volumes on its grid out. Each recipe is a short chain of
thresholds, region growing and screening whose every step and length is documented, so that a result can be explained
and a chain be changed. They are starting points for research, **not a diagnosis tool**: none is validated on patients,
none replaces a radiologist, and each function lists where it is known to fail.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, cast

import numpy as np
import numpy.typing as npt

from . import _backends, _check, _intensity, enhance, filters, segment
from ._arrays import take_mask
from .volume import Volume

__all__ = ["brain", "lungs", "nodule_candidates", "outside_air"]

_Arguments = ParamSpec("_Arguments")
Mask = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.int32]
Response = npt.NDArray[np.float32]

# Of the dots that nodule candidates are told by, mm.
_DOT_DIAMETERS = (4.0, 5.5, 7.5, 10.0, 14.0, 19.0)


def _take(
    function: str, image: Any, spacing: float | Sequence[float] | None, dimensions: tuple[int, ...]
) -> tuple[npt.NDArray[Any], tuple[float, ...]]:
    """Return array and spacing in mm of an array or a Volume."""
    if spacing is None:
        spacing = getattr(image, "spacing", None)
    array = np.asarray(getattr(image, "array", image))
    if array.ndim not in dimensions:
        rule = f"have {' or '.join(map(str, dimensions))} dimensions"
        raise ValueError(f"{function}: `image` must {rule}, got shape {array.shape}")
    if spacing is None:
        raise ValueError(f"{function}: `spacing` must be given in mm where `image` is no Volume, got None")
    return array, _check.spacing(function, spacing, array.ndim)


def _like_image(function: Callable[_Arguments, Any]) -> Callable[_Arguments, Any]:
    """Make a function of an array, its first argument, one of volumes too: what it finds lies on their grid."""

    @functools.wraps(function)
    def found(*args: _Arguments.args, **keywords: _Arguments.kwargs) -> Any:
        result = function(*args, **keywords)
        image = args[0] if args else keywords["image"]
        if not isinstance(image, Volume):
            return result
        return tuple(map(image.replace, result)) if isinstance(result, tuple) else image.replace(result)

    return found


def _odd(length_mm: float, spacing: Sequence[float]) -> tuple[int, ...]:
    """Odd window sizes in voxels that come closest to a length in mm, at least 1."""
    return tuple(2 * round((length_mm / s - 1) / 2) + 1 if length_mm > s else 1 for s in spacing)


def _share(mask: Mask, length_mm: float, spacing: Sequence[float], workers: int | None) -> npt.NDArray[np.uint8]:
    """Share of the voxels around each voxel that lie in the mask, 0 to 255, in a box of about `length_mm`."""
    grey = mask.view(np.uint8) * np.uint8(255)
    return np.asarray(filters.uniform_filter(grey, _odd(length_mm, spacing), workers=workers))


def _soften(mask: Mask, sigma_mm: float, spacing: Sequence[float], workers: int | None) -> npt.NDArray[np.uint8]:
    """Gaussian average of a mask, 0 to 255."""
    grey = mask.view(np.uint8) * np.uint8(255)
    return np.asarray(filters.gaussian_filter(grey, sigma_mm, spacing=spacing, unit="mm", workers=workers))


@_like_image
def outside_air(image: Any, *, threshold: float = -400.0, corner: float = -950.0, workers: int | None = None) -> Mask:
    """Find the air around the body, with everything in it that is no denser than `threshold`.

    Grown with :func:`cormack.segment.connected_threshold` from the in-plane corners of all slices. A lung that the
    border of the image cuts is not reached, because it lies behind the chest wall.

    Parameters
    ----------
    image : array or Volume
        CT in Hounsfield units, (z, y, x).
    threshold : float, default -400
        Densest voxel that still counts as air, HU.
    corner : float, default -950
        A corner is a seed when the mean of its 5 x 5 pixels is at most this, HU: a corner inside the body is none, and
        neither is one that a cut lung fills.
    workers : int, optional
        Threads.

    Returns
    -------
    ndarray of bool, or Volume

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import anatomy
    >>> ct = np.full((1, 20, 20), -1000, np.int16)
    >>> ct[:, 5:15, 5:15] = 40
    >>> int((~anatomy.outside_air(ct)).sum())
    100
    """
    array = np.asarray(getattr(image, "array", image))
    height, width = array.shape[-2:]
    reach = min(5, height, width)
    seeds: list[tuple[int, ...]] = []
    for rows, y in ((slice(0, reach), 0), (slice(height - reach, height), height - 1)):
        for columns, x in ((slice(0, reach), 0), (slice(width - reach, width), width - 1)):
            means = array[:, rows, columns].mean(axis=(1, 2), dtype=np.float64)
            seeds += [(int(z), y, x) for z in np.flatnonzero(means <= corner)]
    seeds = [seed for seed in seeds if array[seed] <= threshold]
    if not seeds:
        return np.zeros(array.shape, bool)
    lowest = float(np.iinfo(array.dtype).min) if array.dtype.kind in "iu" else float("-inf")
    return np.asarray(segment.connected_threshold(array, seeds, lowest, threshold, workers=workers))


@_like_image
def lungs(
    image: Any,
    *,
    spacing: float | Sequence[float] | None = None,
    threshold: float = -400.0,
    min_volume_mm3: float = 20_000.0,
    mean_hu: tuple[float, float] = (-940.0, -400.0),
    exclude_airways: bool = True,
    workers: int | None = None,
) -> Mask:
    """Find the aerated lung in a CT of the chest.

    Method: (1) noise is averaged away (box of 3 voxels in the plane); (2) the air outside the body is grown from the
    in-plane corners of the slices, so that a lung cut by the border of the image is kept; (3) the other air is split
    into components, and those are kept that are at least `min_volume_mm3` large, whose mean density lies in `mean_hu`
    (bowel gas is emptier, a mattress borders on the outside) and that lie under a wall: on average at most a quarter
    of the 25 mm around each voxel is outside air, which drops clothes, folds and the inside of the table; (4) trachea
    and main bronchi are cut out, see `exclude_airways`.

    Parameters
    ----------
    image : array or Volume
        CT in Hounsfield units, (z, y, x).
    spacing : float or sequence of float, optional
        Voxel size in mm along (z, y, x); taken from a Volume.
    threshold : float, default -400
        Densest voxel that still counts as aerated, HU: halfway between lung and soft tissue.
    min_volume_mm3 : float, default 20000
        Smaller components are dropped, mm³.
    mean_hu : (float, float), default (-940, -400)
        Mean density of a component that can be lung, HU.
    exclude_airways : bool, default True
        Cut out trachea and main bronchi with a rim of two pixels: air below -930 HU, below -960 HU on average, that
        forms a component of 1 to 150 ml with dense surroundings. A bulla has lung around it and stays.
    workers : int, optional
        Threads.

    Returns
    -------
    ndarray of bool, or Volume
        Aerated lung; vessels, nodules and consolidations denser than `threshold` are holes in it or outside of it.

    Raises
    ------
    ValueError
        If `image` is not three-dimensional, or no Volume and `spacing` not given; if a number is not finite,
        `min_volume_mm3` is negative or `mean_hu` is no pair in rising order.

    Notes
    -----
    Limits: an open mouth in the field of view joins lung and outside air; consolidated lung, tumours and pleural fluid
    are not found; a stomach or bowel full of gas of lung-like mean density is kept; very severe emphysema (mean below
    `mean_hu`) is dropped. Not a diagnosis tool.

    Examples
    --------
    >>> from cormack import anatomy, phantoms
    >>> chest = phantoms.chest_ct((48, 128, 128), spacing=(4.0, 2.6, 2.6), nodules=2)
    >>> mask = anatomy.lungs(chest.volume).array
    >>> round(float((mask & chest.lungs).sum() / mask.sum()), 1)
    1.0
    """
    array, sizes = _take("lungs", image, spacing, (3,))
    threshold = _check.real("lungs", "threshold", threshold)
    min_volume_mm3 = _check.real("lungs", "min_volume_mm3", min_volume_mm3, minimum=0)
    thinnest, densest = (_check.real("lungs", "mean_hu", m) for m in _check.per_axis("lungs", "mean_hu", mean_hu, 2))
    if thinnest > densest:
        raise _check.fail("lungs", "mean_hu", "be a pair (low, high) with low <= high", mean_hu)
    box = tuple(3 if n >= 3 else 1 for n in array.shape[1:])
    smooth = filters.uniform_filter(array, (1, *box), workers=workers)
    outside = outside_air(smooth, threshold=threshold, workers=workers)
    inner = (smooth <= threshold) & ~outside
    labels, count = segment.label(inner, workers=workers)
    if count == 0:
        return np.zeros(array.shape, bool)
    labels, _ = segment.screen(
        labels,
        array,
        spacing=sizes,
        volume_mm3=(min_volume_mm3, None),
        intensity_mean=(thinnest, densest),
        workers=workers,
    )
    near_outside = _share(outside, 25.0, sizes, workers)
    labels, _ = segment.screen(labels, near_outside, spacing=sizes, intensity_mean=(None, 64.0), workers=workers)
    found: Mask = labels > 0
    # The average of step 1 moved no surface but filled single noisy voxels; what it left open is soft tissue.
    if exclude_airways and found.any():
        found &= ~_airways(array, found, sizes, workers)
        labels, _ = segment.label(found, workers=workers)
        labels, _ = segment.screen(labels, spacing=sizes, volume_mm3=(min_volume_mm3 / 4, None), workers=workers)
        found = labels > 0
    return found


def _airways(array: npt.NDArray[Any], found: Mask, spacing: tuple[float, ...], workers: int | None) -> Mask:
    """Trachea and main bronchi inside a lung mask, with a rim of two pixels; empty when nothing is sure to be."""
    # Average over about three pixels, over slices only where they are as thin as pixels: thick ones would blur a
    # bronchus into its wall.
    calm = filters.uniform_filter(array, _odd(3 * min(spacing[1:]), spacing), workers=workers)
    empty: Mask = np.asarray(calm <= -930) & found
    labels, count = segment.label(empty, workers=workers)
    if count == 0:
        return empty
    # The lumen is air throughout; thin lung beside the heart goes below -930 HU too, but not far.
    labels, _ = segment.screen(
        labels, calm, spacing=spacing, volume_mm3=(1_000.0, 150_000.0), intensity_mean=(None, -960.0), workers=workers
    )
    # Mean density of the 25 mm around: a trachea has soft tissue there, a bulla or a leak into the lung has lung.
    around = filters.uniform_filter(np.clip(array, -1000, 100), _odd(25.0, spacing), workers=workers)
    labels, _ = segment.screen(labels, around, spacing=spacing, intensity_mean=(-700.0, None), workers=workers)
    airway: Mask = labels > 0
    if not airway.any():
        return airway
    # The wall's partial volume belongs to the airway, not to the lung: two pixels, one slice.
    rim = filters.uniform_filter(airway.view(np.uint8) * np.uint8(255), (3, 5, 5), workers=workers)
    return np.asarray(rim > 0)


@_like_image
def nodule_candidates(
    image: Any,
    lungs: Any,
    *,
    spacing: float | Sequence[float] | None = None,
    threshold: float = -400.0,
    diameter_mm: tuple[float, float] = (3.0, 35.0),
    min_roundness: float = 0.2,
    min_response: float = 45.0,
    opening_mm: Sequence[float] = (1.0, 1.6, 2.4, 3.6, 5.4),
    workers: int | None = None,
) -> tuple[Labels, Response]:
    """Find compact dense objects in and on the lung: candidates for nodules, to be screened further.

    Method: (1) the lung field is the mask with its holes filled, closed by a ball of 15 mm, so that it spans vessels,
    nodules and dents in the pleura; (2) solid is what is denser than `threshold` in it: halfway between lung and soft
    tissue, so that sizes are measured at half height; (3) solid components that are already compact are candidates;
    (4) the rest, a nodule with the vessels or the pleura that it touches, is softened by Gaussians of `opening_mm` and
    cut at half height, which takes away tubes and sheets thinner than about 2.4 times the length; compact pieces that
    remain are grown back over the same length and are candidates too, fine lengths first. Compact means a diameter in
    `diameter_mm` and a roundness of at least `min_roundness`. (5) Forks and stubs of vessels are compact as well: what
    tells nodules from them is the response of a filter that enhances dots and not lines
    (`cormack.filters.dot_enhancement`, for diameters of 4 to 19 mm), and candidates whose largest response is below
    `min_response` are dropped.

    Parameters
    ----------
    image : array or Volume
        CT in Hounsfield units, (z, y, x).
    lungs : array of bool or Volume
        Aerated lung, see :func:`lungs`.
    spacing : float or sequence of float, optional
        Voxel size in mm along (z, y, x); taken from a Volume.
    threshold : float, default -400
        Thinnest voxel of a nodule, HU. Ground-glass nodules need about -700.
    diameter_mm : (float, float), default (3, 35)
        Smallest and largest equivalent diameter of a candidate, mm.
    min_roundness : float, default 0.2
        Volume of the object over the volume of the ball around its longest principal axis: 1 for a ball.
    min_response : float, default 45
        Smallest response of the dot filter, HU. A solid ball of 4 to 20 mm alone in the lung has 230 to 260.
    opening_mm : sequence of float, default (1.0, 1.6, 2.4, 3.6, 5.4)
        Lengths of step 4, mm.
    workers : int, optional
        Threads.

    Returns
    -------
    labels : ndarray of int32, or Volume
        0 outside, else the number of the candidate. Screen them with :func:`cormack.segment.screen`.
    response : ndarray of float32, or Volume
        Of the dot filter, HU; 0 outside the lung field. Its maximum in a candidate ranks candidates.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind, shape or sign, `image` no Volume and `spacing` not given, or no voxel of
        `lungs` a number.

    Notes
    -----
    A voxel that is NaN counts as lung.

    Limits: a nodule that is no wider than twice the vessel it sits on, or flat on the pleura, is missed; the larger a
    nodule on the pleura, the more of it falls outside the lung field and the smaller it measures; a mass over
    `diameter_mm` is no candidate. Slices thicker than 3 mm hide small nodules. Not a diagnosis tool: no candidate means
    nothing about the patient.

    Examples
    --------
    >>> from cormack import anatomy, phantoms, segment
    >>> chest = phantoms.chest_ct((48, 128, 128), spacing=(4.0, 2.6, 2.6), nodules=2, diameters_mm=(12, 20))
    >>> labels, response = anatomy.nodule_candidates(chest.volume, anatomy.lungs(chest.volume))
    >>> table = segment.label_statistics(labels, response)
    >>> [round(float(value)) for value in table["equivalent_diameter_mm"]]  # two nodules and a piece of a vessel
    [12, 20, 19]
    """
    name = "nodule_candidates"
    array, sizes = _take(name, image, spacing, (3,))
    aerated = take_mask(name, "lungs", lungs, array.shape, image)
    if aerated is None:
        raise ValueError(f"{name}: `lungs` must be a mask, got None")
    densest = _check.real(name, "threshold", threshold)
    widths = [
        _check.real(name, "diameter_mm", d, above=0) for d in _check.per_axis(name, "diameter_mm", diameter_mm, 2)
    ]
    if widths[0] > widths[1]:
        raise _check.fail(name, "diameter_mm", "be a pair (low, high) with low <= high", diameter_mm)
    least_round = _check.real(name, "min_roundness", min_roundness, minimum=0)
    least_response = _check.real(name, "min_response", min_response)
    lengths = [_check.real(name, "opening_mm", length, above=0) for length in np.atleast_1d(opening_mm)]
    _check.workers(name, workers)
    labels = np.zeros(array.shape, np.int32)
    response = np.zeros(array.shape, np.float32)
    field = _closed(segment.fill_holes(aerated), 15.0, sizes, workers)
    if not field.any():
        return labels, response
    # Beyond four times the widest Gaussian, a quarter of a diameter, nothing changes and all costs time.
    reach = [math.ceil(_DOT_DIAMETERS[-1] / size) for size in sizes]
    box = _box(field, reach)
    array, field, aerated = array[box], field[box], aerated[box]
    (typical,) = _quantiles(array, (0.5,), aerated)
    if math.isnan(typical):
        raise ValueError(f"{name}: `image` must have numbers in `lungs`, got none")
    # One NaN would spread over all that a dot may be as large as.
    known = field if array.dtype.kind != "f" else field & ~np.isnan(array)
    within = np.where(known, np.clip(array, typical, 0), typical).astype(np.float32)
    enhanced = filters.dot_enhancement(
        within, [diameter / 4 for diameter in _DOT_DIAMETERS], spacing=sizes, unit="mm", workers=workers
    )
    enhanced[~field] = 0
    response[box] = enhanced
    compact = _compact_objects(field & (array > densest), sizes, widths, least_round, lengths, workers)
    labels[box], _ = segment.screen(
        compact, enhanced, spacing=sizes, intensity_max=(least_response, None), workers=workers
    )
    return labels, response


def _compact_objects(
    solid: Mask,
    sizes: Sequence[float],
    diameter_mm: Sequence[float],
    min_roundness: float,
    opening_mm: Sequence[float],
    workers: int | None,
) -> Labels:
    """Number the compact pieces of a mask, which it takes away from it."""
    voxel = float(np.prod(sizes))
    low, high = (np.pi / 6 * d**3 for d in diameter_mm)
    result = np.zeros(solid.shape, np.int32)
    total = 0
    for sigma in (0.0, *opening_mm):
        core = solid if sigma == 0 else (_soften(solid, sigma, sizes, workers) >= 128) & solid
        labels, count = segment.label(core, connectivity=1, workers=workers)
        if count == 0:
            break
        floor = max(low, 6 * voxel) if sigma == 0 else 4 * voxel
        labels, table = segment.screen(
            labels, spacing=sizes, volume_mm3=(floor, high), roundness=(min_roundness, None), workers=workers
        )
        if sigma > 0 and table["kept"].any():
            near = filters.uniform_filter(
                (labels > 0).view(np.uint8) * np.uint8(255), _odd(2.4 * sigma, sizes), workers=workers
            )
            labels, _ = segment.label((near > 0) & solid, workers=workers)
            # Blobs that are no wider than the tubes that this opening took away are forks and stubs of them.
            floor = max(low, np.pi / 6 * (3.0 * sigma) ** 3)
            labels, table = segment.screen(
                labels, spacing=sizes, volume_mm3=(floor, high), roundness=(min_roundness, None), workers=workers
            )
        found = labels > 0
        kept = int(labels.max()) if found.any() else 0
        result[found] = labels[found] + total
        total += kept
        solid &= ~found
    return result


def _closed(mask: Mask, radius_mm: float, sizes: Sequence[float], workers: int | None) -> Mask:
    """Return a mask closed by a ball that may reach beyond the image between its two steps."""
    margin = [math.ceil(radius_mm / size) + 1 for size in sizes]
    padded = np.pad(mask, [(pad, pad) for pad in margin])
    closed = segment.binary_closing(padded, radius_mm=radius_mm, spacing=sizes, workers=workers)
    return np.asarray(closed[tuple(slice(pad, -pad) for pad in margin)])


def _box(mask: Mask, margin: Sequence[int]) -> tuple[slice, ...]:
    """Return the bounding box of a mask that is not empty, with a margin as far as the array goes."""
    box = []
    for axis, pad in enumerate(margin):
        (inside,) = np.nonzero(mask.any(axis=tuple(other for other in range(mask.ndim) if other != axis)))
        box.append(slice(max(0, int(inside[0]) - pad), int(inside[-1]) + pad + 1))
    return tuple(box)


def _extremes(array: Any) -> tuple[float, float]:
    """Return the smallest and the largest finite value, (inf, -inf) where there is none; an array may be on a GPU."""
    if not isinstance(array, np.ndarray):
        low, high, _ = _intensity.minmax(cast(Any, _backends.borrow("quantiles", "image", array)[0]), None, 1)
        if low <= high and not (math.isfinite(low) and math.isfinite(high)):
            raise _backends.cannot("quantiles", "images are finite")
        return low, high
    if array.dtype.kind == "f":
        finite = np.isfinite(array)
        return (
            float(np.min(array, where=finite, initial=np.inf)),
            float(np.max(array, where=finite, initial=-np.inf)),
        )
    return float(array.min()), float(array.max())


def _quantiles(array: Any, shares: Sequence[float], mask: Mask | None = None) -> list[float]:
    """Quantiles from a histogram of 1024 bins: as exact as thresholds need and much faster than sorting."""
    if isinstance(array, np.ndarray) and array.dtype == bool:
        array = array.view(np.uint8)
    low, high = _extremes(array)
    if low > high:
        return [math.nan] * len(shares)
    if not low < high:
        return [low] * len(shares)
    counts, edges = enhance.histogram(array, bins=1024, range=(low, high), mask=mask)
    below = np.cumsum(counts)
    if below[-1] == 0:
        return [float("nan")] * len(shares)
    return [float(edges[np.searchsorted(below, share * below[-1])]) for share in shares]


@_like_image
def brain(
    image: Any,
    *,
    spacing: float | Sequence[float] | None = None,
    stripped: bool | None = None,
    neck_mm: float = 4.0,
    workers: int | None = None,
) -> Mask:
    """Find the brain in a T1-weighted MR of the head, or in one whose skull was already taken away.

    Method for a whole head: (1) the robust range is that of the 2 % and 98 % quantiles and the head is what lies above
    a tenth of it; (2) tissue is what lies between 55 % and 150 % of the median of the middle of the head (a ball of a
    quarter of the head's volume), which leaves out skull, fluid and most fat; (3) tissue is softened by a Gaussian of
    `neck_mm` and cut at 70 %, so that what joins brain and scalp through thin bridges (optic nerves, vessels, meninges)
    comes apart; (4) the largest piece is grown back by the same length inside the tissue; (5) sulci and ventricles are
    closed by softening over 3 mm and by filling holes. For a stripped image it is the largest piece above a sixth of
    the median of all that is not background, with its holes filled.

    Parameters
    ----------
    image : array or Volume
        T1-weighted MR, (z, y, x), any scale.
    spacing : float or sequence of float, optional
        Voxel size in mm along (z, y, x); taken from a Volume.
    stripped : bool, optional
        Whether everything but the brain was set to one background value before; by default an image is taken for
        stripped when more than a third of its voxels have exactly its lowest value.
    neck_mm : float, default 4
        Width of the Gaussian of step 3, mm; larger cuts thicker bridges and rounds the brain more.
    workers : int, optional
        Threads.

    Returns
    -------
    ndarray of bool, or Volume
        Brain with cerebellum, stem and ventricles.

    Raises
    ------
    ValueError
        If `image` is not three-dimensional, or no Volume and `spacing` not given.

    Notes
    -----
    Limits: thresholds on intensity, so a strong bias field, contrast agent, a field of view that cuts the brain,
    lesions on the surface and other contrasts than T1 (where fluid is bright) move the border; eyes or neck muscles may
    stay. A scan with a zero background around the whole head is not stripped: say ``stripped=False``. For volumetry use
    a tool made for it. Not a diagnosis tool.
    """
    array, sizes = _take("brain", image, spacing, (3,))
    background = array.min()
    if stripped is None:
        stripped = bool(np.count_nonzero(array == background) * 3 > array.size)
    if stripped:
        inside: Mask = array > background
        if not inside.any():
            return inside
        # What stripping left around the brain is dark; a sixth of the brain's median keeps fluid at its surface.
        (typical,) = _quantiles(array, (0.5,), inside)
        level = float(background) + (typical - float(background)) / 6
        pieces = segment.largest_component(array > level)
        return np.asarray(segment.fill_holes(pieces), bool)

    low, high = _quantiles(array, (0.02, 0.98))
    head: Mask = array > low + 0.1 * (high - low)
    if not head.any():
        return head
    counts = [head.sum(axis=tuple(a for a in range(3) if a != axis), dtype=np.int64) for axis in range(3)]
    centre = [float((np.arange(len(c)) * c).sum() / c.sum()) for c in counts]
    radius = (0.25 * float(head.sum()) * float(np.prod(sizes)) * 3 / (4 * np.pi)) ** (1 / 3)
    grids = np.ogrid[tuple(slice(0, n) for n in array.shape)]
    gap = sum(((g - c) * s) ** 2 for g, c, s in zip(grids, centre, sizes, strict=True))
    (middle,) = _quantiles(array, (0.5,), head & (gap <= radius**2))
    tissue = (array > low + 0.55 * (middle - low)) & (array < low + 1.5 * (middle - low))
    core = (_soften(tissue, neck_mm, sizes, workers) >= 178) & tissue
    core = np.asarray(segment.largest_component(core), bool)
    near = filters.uniform_filter(core.view(np.uint8) * np.uint8(255), _odd(2.5 * neck_mm, sizes), workers=workers)
    grown = segment.largest_component((near > 0) & tissue)
    closed = _soften(grown, 3.0, sizes, workers) >= 120
    return np.asarray(segment.fill_holes(closed | grown), bool)
