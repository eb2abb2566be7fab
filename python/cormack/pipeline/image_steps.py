"""What `filter` and `enhance` steps do: one call of the library each, with the parameters of the step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .. import anatomy, enhance, filters
from .._errors import BackendUnavailable
from . import step_models as models

if TYPE_CHECKING:
    from .steps import Case

__all__ = ["ACTIONS", "ON_GPU"]


_IN_FLOAT32 = ("uint8", "int8", "uint16", "int16", "float32")


def _filtered(case: Case, step: Any, array: npt.NDArray[Any]) -> Case:
    """The case with the result of a filter, which is in the units of its input."""
    return case.with_volume(step.output, array, units=case.volumes[step.input].meta.get("units", ""))


def _rescaled(case: Case, step: Any, array: npt.NDArray[Any]) -> Case:
    """The case with an image whose values are on a scale of its own: of a derivative, of most enhancements."""
    return case.with_volume(step.output, array, units="")


def _per_axis(value: Any, case: Case) -> Any:
    """A number, or a tuple that fits the image."""
    if not isinstance(value, list):
        return value
    if len(value) != case.original.ndim:
        raise ValueError(f"{len(value)} values per axis do not fit an image with {case.original.ndim} axes: {value}")
    return tuple(value)


def _lengths(case: Case, step: Any) -> dict[str, Any]:
    """The arguments that say what a length is; in voxels the library takes no spacing."""
    return {"unit": "mm", "spacing": case.spacing} if step.unit == "mm" else {}


def _within(case: Case, step: Any) -> npt.NDArray[np.bool_] | None:
    """The mask of ``within``; None where a step has none, or masks were given instead of the label map."""
    if step.within is None or (case.masked and step.within not in case.label_maps):
        return None
    mask = case.mask(step.within)
    if not mask.any():
        raise ValueError(f"the label map {step.within!r} is empty: {step.step} {step.method} has no voxel to look at")
    return mask


def _no_gpu(array: Any, mask: Any) -> None:
    """Refuse a mask where the image is on a GPU."""
    if mask is not None and not isinstance(array, np.ndarray):
        raise BackendUnavailable("means inside a label map have no GPU form")


# --- Filters -----------------------------------------------------------------------------------------------------


def _median(case: Case, step: models.MedianFilter, workers: int | None) -> Case:
    array = filters.median_filter(case.pixels(step.input), _per_axis(step.size, case), workers=workers)
    return _filtered(case, step, array)


def _minimum(case: Case, step: models.MinimumFilter, workers: int | None) -> Case:
    array = filters.minimum_filter(case.pixels(step.input), _per_axis(step.size, case), workers=workers)
    return _filtered(case, step, array)


def _maximum(case: Case, step: models.MaximumFilter, workers: int | None) -> Case:
    array = filters.maximum_filter(case.pixels(step.input), _per_axis(step.size, case), workers=workers)
    return _filtered(case, step, array)


def _percentile(case: Case, step: models.PercentileFilter, workers: int | None) -> Case:
    array = case.pixels(step.input)
    array = filters.percentile_filter(array, step.percentile, _per_axis(step.size, case), workers=workers)
    return _filtered(case, step, array)


def _uniform(case: Case, step: models.UniformFilter, workers: int | None) -> Case:
    array, mask = case.pixels(step.input), _within(case, step)
    _no_gpu(array, mask)
    means = filters.uniform_filter(array, _per_axis(step.size, case), mask=mask, workers=workers)
    return _filtered(case, step, means if mask is None else np.where(mask, means, array))


def _gaussian(case: Case, step: models.GaussianFilter, workers: int | None) -> Case:
    array, mask = case.pixels(step.input), _within(case, step)
    _no_gpu(array, mask)
    sigma = _per_axis(step.sigma, case)
    means = filters.gaussian_filter(array, sigma, mask=mask, workers=workers, **_lengths(case, step))
    return _filtered(case, step, means if mask is None else np.where(mask, means, array))


def _unsharp(case: Case, step: models.UnsharpFilter, workers: int | None) -> Case:
    array, radius = case.pixels(step.input), _per_axis(step.radius, case)
    array = filters.unsharp_mask(array, radius, step.amount, workers=workers, **_lengths(case, step))
    return _filtered(case, step, array)


def _laplacian(case: Case, step: models.LaplacianFilter, workers: int | None) -> Case:
    array, sigma = case.pixels(step.input), _per_axis(step.sigma, case)
    array = filters.gaussian_laplace(array, sigma, workers=workers, **_lengths(case, step))
    return _rescaled(case, step, array)


def _gradient(case: Case, step: models.GradientFilter, workers: int | None) -> Case:
    array, sigma = case.pixels(step.input), _per_axis(step.sigma, case)
    array = filters.gaussian_gradient_magnitude(array, sigma, workers=workers, **_lengths(case, step))
    return _rescaled(case, step, array)


def _bilateral(case: Case, step: models.BilateralFilter, workers: int | None) -> Case:
    array, sigma = case.pixels(step.input), _per_axis(step.sigma_spatial, case)
    array = filters.bilateral_filter(array, sigma, step.sigma_intensity, workers=workers, **_lengths(case, step))
    return _filtered(case, step, array)


def _diffusion(case: Case, step: models.DiffusionFilter, workers: int | None) -> Case:
    array = filters.anisotropic_diffusion(
        case.pixels(step.input),
        step.iterations,
        step.conductance,
        method=step.kind,
        workers=workers,
        **_lengths(case, step),
    )
    return _filtered(case, step, array)


def _total_variation(case: Case, step: models.TotalVariationFilter, workers: int | None) -> Case:
    array = case.pixels(step.input)
    array = filters.total_variation(array, step.weight, workers=workers, **_lengths(case, step))
    return _filtered(case, step, array)


def _non_local_means(case: Case, step: models.NonLocalMeansFilter, workers: int | None) -> Case:
    array = filters.non_local_means(
        case.pixels(step.input),
        _per_axis(step.patch_size, case),
        _per_axis(step.patch_distance, case),
        step.h,
        step.sigma,
        workers=workers,
    )
    return _filtered(case, step, array)


# --- Enhancement -------------------------------------------------------------------------------------------------


def _window(case: Case, step: models.Window, workers: int | None) -> Case:
    dtype = np.uint8 if step.bits == 8 else np.uint16
    array = case.pixels(step.input)
    array = enhance.window(
        array, step.center, step.width, out_range=(0, int(np.iinfo(dtype).max)), dtype=dtype, workers=workers
    )
    return _rescaled(case, step, array)


def _stretch(case: Case, step: models.Stretch, workers: int | None) -> Case:
    dtype = np.uint8 if step.bits == 8 else np.uint16
    array, mask = case.pixels(step.input), _within(case, step)
    array = enhance.stretch_contrast(array, *step.percentiles, mask=mask, dtype=dtype, workers=workers)
    return _rescaled(case, step, array)


def _rescale(case: Case, step: models.Rescale, workers: int | None) -> Case:
    array = case.pixels(step.input)
    # Through float32, which a GPU has no copy into.
    if not isinstance(array, np.ndarray) and str(array.dtype).rpartition(".")[2] not in _IN_FLOAT32:
        raise BackendUnavailable(f"a GPU rescales images of 8 and 16 bits and float32, not {array.dtype}")
    low, high = (value / 100 for value in step.percentiles)
    bottom, top = anatomy._quantiles(array, (low, high))
    if not bottom < top:  # a binary or constant image has its range between the extremes, if anywhere
        bottom, top = anatomy._extremes(array)
    if not bottom < top:
        original = np.asarray(case.original.array)
        filtered = original.min() < original.max()
        image = f"after filtering, the image {step.input!r}" if filtered else "the image"
        raise ValueError(f"{image} has one value only, {bottom:g}: there is nothing to rescale or to segment")
    single = array.astype(np.float32, copy=False) if isinstance(array, np.ndarray) else array
    array = enhance.rescale_intensity(
        single, in_range=(bottom, top), out_range=step.out_range, dtype=np.float32, workers=workers
    )
    return _rescaled(case, step, array)


def _normalize(case: Case, step: models.Normalize, workers: int | None) -> Case:
    given = {key: getattr(step, key) for key in ("peak", "width") if getattr(step, key) is not None}
    array, kind = case.pixels(step.input), step.kind.replace("-", "_")
    array = enhance.normalize(array, kind, mask=_within(case, step), workers=workers, **given)
    return _rescaled(case, step, array)


def _equalize(case: Case, step: models.Equalize, workers: int | None) -> Case:
    array = enhance.equalize_hist(case.pixels(step.input), step.nbins, _within(case, step), workers=workers)
    return _rescaled(case, step, array)


def _clahe(case: Case, step: models.Clahe, workers: int | None) -> Case:
    tiles = _per_axis(step.kernel_size, case)
    if tiles is not None:
        units = case.spacing if step.unit == "mm" else (1.0,) * case.original.ndim
        sizes = tiles if isinstance(tiles, tuple) else (tiles,) * case.original.ndim
        tiles = tuple(max(1, round(size / unit)) for size, unit in zip(sizes, units, strict=True))
    array = case.pixels(step.input)
    array = enhance.equalize_adapthist(
        array, tiles, step.clip_limit, step.nbins, mask=_within(case, step), workers=workers
    )
    return _rescaled(case, step, array)


def _gamma(case: Case, step: models.Gamma, workers: int | None) -> Case:
    array = case.pixels(step.input)
    array = enhance.adjust_gamma(array, step.gamma, step.gain, in_range=step.in_range, workers=workers)
    return _rescaled(case, step, array)


def _log(case: Case, step: models.Log, workers: int | None) -> Case:
    array = case.pixels(step.input)
    array = enhance.adjust_log(array, step.gain, step.inv, in_range=step.in_range, workers=workers)
    return _rescaled(case, step, array)


def _sigmoid(case: Case, step: models.Sigmoid, workers: int | None) -> Case:
    array = case.pixels(step.input)
    array = enhance.adjust_sigmoid(array, step.cutoff, step.gain, step.inv, in_range=step.in_range, workers=workers)
    return _rescaled(case, step, array)


def _threshold(case: Case, step: models.ThresholdEnhance, workers: int | None) -> Case:
    array = enhance.threshold_enhance(
        case.pixels(step.input),
        step.lower,
        step.upper,
        inside=step.inside,
        outside=step.outside,
        softness=step.softness,
        workers=workers,
    )
    return _filtered(case, step, array)


ACTIONS: Mapping[type, Callable[[Case, Any, int | None], Case]] = {
    models.MedianFilter: _median,
    models.MinimumFilter: _minimum,
    models.MaximumFilter: _maximum,
    models.PercentileFilter: _percentile,
    models.UniformFilter: _uniform,
    models.GaussianFilter: _gaussian,
    models.UnsharpFilter: _unsharp,
    models.LaplacianFilter: _laplacian,
    models.GradientFilter: _gradient,
    models.BilateralFilter: _bilateral,
    models.DiffusionFilter: _diffusion,
    models.TotalVariationFilter: _total_variation,
    models.NonLocalMeansFilter: _non_local_means,
    models.Window: _window,
    models.Stretch: _stretch,
    models.Rescale: _rescale,
    models.Normalize: _normalize,
    models.Equalize: _equalize,
    models.Clahe: _clahe,
    models.Gamma: _gamma,
    models.Log: _log,
    models.Sigmoid: _sigmoid,
    models.ThresholdEnhance: _threshold,
}

ON_GPU = (
    models.MedianFilter,
    models.MinimumFilter,
    models.MaximumFilter,
    models.PercentileFilter,
    models.UniformFilter,
    models.GaussianFilter,
    models.LaplacianFilter,
    models.GradientFilter,
    models.Window,
    models.Rescale,
    models.Equalize,
    models.Clahe,
    models.ThresholdEnhance,
)
"""Steps whose functions take arrays on a GPU."""
