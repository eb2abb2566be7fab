"""Steps that make images: each is the library's call, in the units and on the label map that the step says."""

from __future__ import annotations

import numpy as np
import pytest

from cormack import Volume, enhance, filters, pipeline
from cormack.pipeline.config import ConfigError
from cormack.pipeline.step_models import METHODS
from cormack.pipeline.steps import use_mask

SPACING = (2.5, 0.8, 1.0)
MM = {"unit": "mm", "spacing": SPACING}


def phantom(spacing=SPACING):
    """A dark noisy volume with a bright block, in Hounsfield units."""
    array = np.random.default_rng(3).normal(-50, 20, (7, 18, 21))
    array[2:5, 4:12, 5:15] += 300
    return Volume(np.rint(array).astype(np.int16), spacing=spacing, meta={"units": "HU"})


def case_after(volume, *given):
    case = pipeline.Case.from_volume("a", volume)
    for step in pipeline.load_config({"name": "x", "steps": list(given)}).steps:
        case = pipeline.apply(case, step)
    return case


def threshold(output="block"):
    return {"step": "segment", "method": "threshold", "lower": 100, "output": output}


FILTERS = [
    ({"method": "median", "size": 3}, lambda a: filters.median_filter(a, 3)),
    ({"method": "minimum", "size": [1, 3, 5]}, lambda a: filters.minimum_filter(a, (1, 3, 5))),
    ({"method": "maximum"}, lambda a: filters.maximum_filter(a, 3)),
    ({"method": "percentile", "percentile": 30, "size": 5}, lambda a: filters.percentile_filter(a, 30, 5)),
    ({"method": "uniform", "size": 5}, lambda a: filters.uniform_filter(a, 5)),
    ({"method": "gaussian", "sigma": 1.5}, lambda a: filters.gaussian_filter(a, 1.5, **MM)),
    ({"method": "gaussian", "sigma": [1, 2, 3], "unit": "voxel"}, lambda a: filters.gaussian_filter(a, (1, 2, 3))),
    ({"method": "unsharp", "amount": 0.6}, lambda a: filters.unsharp_mask(a, 1, 0.6, **MM)),
    ({"method": "unsharp", "radius": 2, "unit": "voxel"}, lambda a: filters.unsharp_mask(a, 2)),
    ({"method": "laplacian", "sigma": 2}, lambda a: filters.gaussian_laplace(a, 2, **MM)),
    ({"method": "laplacian", "unit": "voxel"}, lambda a: filters.gaussian_laplace(a, 1)),
    ({"method": "gradient", "sigma": [2, 1, 1]}, lambda a: filters.gaussian_gradient_magnitude(a, (2, 1, 1), **MM)),
    ({"method": "gradient", "unit": "voxel"}, lambda a: filters.gaussian_gradient_magnitude(a, 1)),
    ({"method": "bilateral", "sigma_intensity": 60}, lambda a: filters.bilateral_filter(a, 1, 60, **MM)),
    (
        {"method": "bilateral", "sigma_spatial": [1, 2, 2], "sigma_intensity": 60, "unit": "voxel"},
        lambda a: filters.bilateral_filter(a, (1, 2, 2), 60),
    ),
    ({"method": "diffusion"}, lambda a: filters.anisotropic_diffusion(a, 5, 3, **MM)),
    (
        {"method": "diffusion", "kind": "curvature", "iterations": 3, "conductance": 2, "unit": "voxel"},
        lambda a: filters.anisotropic_diffusion(a, 3, 2, method="curvature"),
    ),
    ({"method": "total-variation", "weight": 15}, lambda a: filters.total_variation(a, 15, **MM)),
    ({"method": "total-variation", "weight": 15, "unit": "voxel"}, lambda a: filters.total_variation(a, 15)),
    (
        {"method": "non-local-means", "patch_size": [1, 3, 3], "patch_distance": [0, 4, 4], "sigma": 20},
        lambda a: filters.non_local_means(a, (1, 3, 3), (0, 4, 4), sigma=20),
    ),
    (
        {"method": "non-local-means", "patch_size": 3, "patch_distance": 2, "h": 25},
        lambda a: filters.non_local_means(a, 3, 2, 25),
    ),
]
OWN_SCALE = {"laplacian", "gradient"}


@pytest.mark.parametrize(("keys", "direct"), FILTERS, ids=lambda v: v["method"] if isinstance(v, dict) else "")
def test_a_filter_is_the_call_of_the_library(keys, direct):
    volume = phantom()
    case = case_after(volume, {"step": "filter", **keys})
    result = case.volumes["image"]
    expected = direct(volume.array)
    assert result.dtype == expected.dtype
    assert np.array_equal(result.array, expected)
    assert not np.array_equal(expected, volume.array)
    assert result.meta["units"] == ("" if keys["method"] in OWN_SCALE else "HU")
    assert result.same_geometry(volume)
    (record,) = case.provenance
    assert record.name == f"filter {keys['method']}"


ENHANCEMENTS = [
    (
        {"method": "window", "center": 40, "width": 400},
        lambda a: enhance.window(a, 40, 400, out_range=(0, 255), dtype="uint8"),
    ),
    ({"method": "stretch"}, lambda a: enhance.stretch_contrast(a, 1, 99, dtype="uint8")),
    (
        {"method": "stretch", "percentiles": [5, 90], "bits": 16},
        lambda a: enhance.stretch_contrast(a, 5, 90, dtype="uint16"),
    ),
    ({"method": "normalize"}, lambda a: enhance.normalize(a)),
    ({"method": "normalize", "kind": "robust"}, lambda a: enhance.normalize(a, "robust")),
    ({"method": "normalize", "kind": "minmax"}, lambda a: enhance.normalize(a, "minmax")),
    ({"method": "normalize", "kind": "white-stripe"}, lambda a: enhance.normalize(a, "white_stripe")),
    (
        {"method": "normalize", "kind": "white-stripe", "peak": "largest", "width": 0.1},
        lambda a: enhance.normalize(a, "white_stripe", peak="largest", width=0.1),
    ),
    ({"method": "equalize", "nbins": 64}, lambda a: enhance.equalize_hist(a, 64)),
    ({"method": "clahe"}, lambda a: enhance.equalize_adapthist(a)),
    # 5 mm are 2, 6.25 and 5 voxels; the smallest tile is a voxel.
    (
        {"method": "clahe", "kernel_size": 5, "clip_limit": 0.05, "nbins": 64},
        lambda a: enhance.equalize_adapthist(a, (2, 6, 5), 0.05, 64),
    ),
    ({"method": "clahe", "kernel_size": [1, 8, 8]}, lambda a: enhance.equalize_adapthist(a, (1, 10, 8))),
    ({"method": "clahe", "kernel_size": 4, "unit": "voxel"}, lambda a: enhance.equalize_adapthist(a, 4)),
    ({"method": "gamma", "gamma": 0.5}, lambda a: enhance.adjust_gamma(a, 0.5, in_range="image")),
    (
        {"method": "gamma", "gamma": 2, "gain": 0.9, "in_range": [-100, 200]},
        lambda a: enhance.adjust_gamma(a, 2, 0.9, in_range=(-100, 200)),
    ),
    ({"method": "log"}, lambda a: enhance.adjust_log(a, in_range="image")),
    ({"method": "log", "gain": 0.5, "inv": True}, lambda a: enhance.adjust_log(a, 0.5, True, in_range="image")),
    ({"method": "sigmoid"}, lambda a: enhance.adjust_sigmoid(a, in_range="image")),
    (
        {"method": "sigmoid", "cutoff": 0.3, "gain": 5, "inv": True, "in_range": [0, 300]},
        lambda a: enhance.adjust_sigmoid(a, 0.3, 5, True, in_range=(0, 300)),
    ),
    ({"method": "threshold", "lower": 0, "outside": -80}, lambda a: enhance.threshold_enhance(a, 0, outside=-80)),
    (
        {"method": "threshold", "lower": -60, "upper": 200, "inside": 0, "outside": [None, 500], "softness": 20},
        lambda a: enhance.threshold_enhance(a, -60, 200, inside=0, outside=(None, 500), softness=20),
    ),
]


@pytest.mark.parametrize(("keys", "direct"), ENHANCEMENTS, ids=lambda v: v["method"] if isinstance(v, dict) else "")
def test_an_enhancement_is_the_call_of_the_library(keys, direct):
    volume = phantom()
    case = case_after(volume, {"step": "enhance", **keys})
    result = case.volumes["image"]
    expected = direct(volume.array)
    assert result.dtype == expected.dtype
    assert np.array_equal(result.array, expected)
    assert not np.array_equal(expected, volume.array)
    assert result.meta["units"] == ("HU" if keys["method"] == "threshold" else "")
    assert result.same_geometry(volume)


def test_rescale_goes_between_percentiles():
    volume = phantom()
    case = case_after(volume, {"step": "enhance", "method": "rescale", "percentiles": [5, 95], "out_range": [-1, 3]})
    result = case.volumes["image"]
    low, high = np.percentile(volume.array, (5, 95))
    exact = np.clip((volume.array - low) / (high - low), 0, 1) * 4 - 1
    # Percentiles are edges of 1024 bins; between neighbouring ranks lies at most 1 HU here.
    off = 1 + np.ptp(volume.array) / 1024
    assert np.abs(result.array - exact).max() <= 4 * 2 * off / (high - low)
    assert result.dtype == np.float32
    assert (result.array.min(), result.array.max()) == (-1, 3)
    assert result.meta["units"] == ""


def test_every_method_is_tested_here():
    for step, table, others in (("filter", FILTERS, set()), ("enhance", ENHANCEMENTS, {"rescale"})):
        methods = {model.model_fields["method"].default for model in METHODS[step]}
        assert {keys["method"] for keys, _ in table} | others == methods


def smoothed_inside(smooth):
    return lambda a, m: np.where(m, smooth(a, m), a)


WITHIN = [
    ("filter", {"method": "uniform"}, smoothed_inside(lambda a, m: filters.uniform_filter(a, 3, mask=m))),
    (
        "filter",
        {"method": "gaussian", "sigma": 2},
        smoothed_inside(lambda a, m: filters.gaussian_filter(a, 2, mask=m, **MM)),
    ),
    ("enhance", {"method": "stretch"}, lambda a, m: enhance.stretch_contrast(a, 1, 99, mask=m, dtype="uint8")),
    ("enhance", {"method": "normalize"}, lambda a, m: enhance.normalize(a, mask=m)),
    ("enhance", {"method": "equalize"}, lambda a, m: enhance.equalize_hist(a, mask=m)),
    ("enhance", {"method": "clahe"}, lambda a, m: enhance.equalize_adapthist(a, mask=m)),
]
KEEPS_WHAT_IS_OUTSIDE = {"uniform", "gaussian", "clahe"}


@pytest.mark.parametrize(("step", "keys", "direct"), WITHIN, ids=[keys["method"] for _, keys, _ in WITHIN])
def test_within_a_label_map(step, keys, direct):
    volume = phantom()
    whole = case_after(volume, {"step": step, **keys}).volumes["image"].array
    case = case_after(volume, threshold(), {"step": step, "within": "block", **keys})
    mask, result = case.mask("block"), case.volumes["image"].array
    assert 200 < mask.sum() < 300
    assert np.array_equal(result, direct(volume.array, mask))
    assert not np.array_equal(result, whole)
    if keys["method"] in KEEPS_WHAT_IS_OUTSIDE:
        assert np.array_equal(result[~mask], volume.array[~mask])


def test_every_within_is_tested_here():
    named = {
        model.model_fields["method"].default
        for step in ("filter", "enhance")
        for model in METHODS[step]
        if "within" in model.model_fields
    }
    assert named == {keys["method"] for _, keys, _ in WITHIN}


@pytest.mark.parametrize(("step", "keys", "_"), WITHIN, ids=[keys["method"] for _, keys, _ in WITHIN])
def test_within_an_empty_label_map(step, keys, _):
    nothing = threshold() | {"lower": 5000}
    with pytest.raises(ValueError, match=f"the label map 'block' is empty: {step} {keys['method']} has no voxel"):
        case_after(phantom(), nothing, {"step": step, "within": "block", **keys})


def test_given_masks_take_the_place_of_within():
    volume = phantom()
    case = pipeline.Case.from_volume("a", volume)
    case = use_mask(case, volume.replace((volume.array > 0).astype(np.uint8)))
    config = pipeline.load_config({
        "name": "x",
        "steps": [threshold(), {"step": "filter", "method": "gaussian", "within": "block"}],
    })  # fmt: skip
    for step in config.steps:
        case = pipeline.apply(case, step)
    assert np.array_equal(case.volumes["image"].array, filters.gaussian_filter(volume.array, 1, **MM))


def test_images_with_two_axes():
    array = phantom().array[3]
    volume = Volume(array, spacing=(0.5, 0.5))
    case = case_after(
        volume,
        {"step": "filter", "method": "gradient", "sigma": [1, 2], "output": "edges"},
        {"step": "enhance", "method": "clahe", "kernel_size": 3},
    )
    edges = filters.gaussian_gradient_magnitude(array, (1, 2), unit="mm", spacing=(0.5, 0.5))
    assert np.array_equal(case.volumes["edges"].array, edges)
    assert np.array_equal(case.volumes["image"].array, enhance.equalize_adapthist(array, 6))
    with pytest.raises(ValueError, match="3 values per axis do not fit an image with 2 axes"):
        case_after(volume, {"step": "enhance", "method": "clahe", "kernel_size": [3, 3, 3]})


MISTAKES = [
    ("filter", {"method": "minimum", "size": 2}, "size: a window size is an odd number of voxels"),
    ("filter", {"method": "maximum", "sise": 3}, "unknown key 'sise' (did you mean 'size'?)"),
    ("filter", {"method": "percentile"}, "key 'percentile' is missing"),
    ("filter", {"method": "percentile", "percentile": 101}, "percentile: input should be less than or equal to 100"),
    ("filter", {"method": "bilateral"}, "key 'sigma_intensity' is missing"),
    ("filter", {"method": "bilateral", "sigma_intensity": 0}, "sigma_intensity: input should be greater than 0"),
    ("filter", {"method": "bilateral", "sigma_intensity": 1, "unit": "cm"}, "unit: input should be 'mm' or 'voxel'"),
    ("filter", {"method": "diffusion", "iterations": 0}, "iterations: input should be greater than or equal to 1"),
    ("filter", {"method": "diffusion", "conductance": 0}, "conductance: input should be greater than 0"),
    ("filter", {"method": "diffusion", "kind": "x"}, "kind: input should be 'gradient' or 'curvature', got 'x'"),
    ("filter", {"method": "non-local-means"}, "h or sigma is needed"),
    ("filter", {"method": "non-local-means", "h": 1, "patch_size": 4}, "patch_size: a window size is an odd number"),
    ("filter", {"method": "non-local-means", "h": 1, "patch_distance": -1}, "patch_distance: input should be greater"),
    ("filter", {"method": "non-local-means", "h": 1, "patch_distance": [2]}, "patch_distance: one number for all axes"),
    ("filter", {"method": "total-variation"}, "key 'weight' is missing"),
    ("filter", {"method": "total-variation", "weight": 0}, "weight: input should be greater than 0"),
    ("filter", {"method": "unsharp", "radius": 0}, "radius: input should be greater than 0"),
    ("filter", {"method": "laplacian", "sigma": [1]}, "sigma: one number for all axes"),
    ("filter", {"method": "laplacian", "within": "x"}, "unknown key 'within'"),
    ("filter", {"method": "gradient", "sigma": "wide"}, "sigma: input should be a valid number"),
    ("filter", {"method": "gaussian", "within": "lung"}, "within: there is no label map 'lung' yet"),
    ("enhance", {"method": "stretch", "percentiles": [9, 1]}, "percentiles: the first number must be smaller"),
    ("enhance", {"method": "stretch", "bits": 12}, "bits: input should be 8 or 16, got 12"),
    ("enhance", {"method": "normalize", "kind": "nyul"}, "kind: input should be 'zscore', 'robust', 'minmax' or"),
    ("enhance", {"method": "normalize", "peak": "last"}, "peak belongs to kind white-stripe, the kind here is zscore"),
    ("enhance", {"method": "normalize", "kind": "white-stripe", "width": 0.6}, "width: input should be less than"),
    ("enhance", {"method": "clahe", "clip_limit": 2}, "clip_limit: input should be less than or equal to 1"),
    ("enhance", {"method": "clahe", "nbins": 16385}, "nbins: input should be less than or equal to 16384"),
    ("enhance", {"method": "clahe", "kernel_size": 2.5, "unit": "voxel"}, "kernel_size is a whole number of voxels"),
    ("enhance", {"method": "gamma"}, "key 'gamma' is missing"),
    ("enhance", {"method": "gamma", "gamma": -1}, "gamma: input should be greater than or equal to 0"),
    ("enhance", {"method": "gamma", "gamma": 1, "in_range": "dtype"}, "in_range: image, or two numbers in brackets"),
    ("enhance", {"method": "log", "in_range": [3]}, "in_range: image, or two numbers in brackets"),
    ("enhance", {"method": "log", "in_range": [3, 3]}, "in_range: the first number must be smaller than the second"),
    ("enhance", {"method": "sigmoid", "cutoff": 2}, "cutoff: input should be less than or equal to 1"),
    ("enhance", {"method": "threshold", "inside": 1}, "lower or upper is needed"),
    ("enhance", {"method": "threshold", "lower": 1}, "inside or outside is needed"),
    ("enhance", {"method": "threshold", "lower": 1, "outside": [None, None]}, "inside or outside is needed"),
    ("enhance", {"method": "threshold", "lower": 1, "outside": [1]}, "outside: one number, or two in brackets"),
    ("enhance", {"method": "threshold", "lower": 3, "upper": 1, "inside": 0}, "lower must not exceed upper"),
    (
        "enhance",
        {"method": "threshold", "lower": 1, "upper": 2, "inside": 0, "softness": 3},
        "softness must not exceed upper - lower, 1: got 3",
    ),
]


@pytest.mark.parametrize(("step", "keys", "expected"), MISTAKES)
def test_mistakes_are_one_line(step, keys, expected):
    with pytest.raises(ConfigError) as error:
        pipeline.load_config({"name": "x", "steps": [{"step": step, **keys}]})
    text = str(error.value)
    assert text.startswith(f"configuration: steps[0] ({step} {keys['method']}): {expected}")
    assert "\n" not in text


@pytest.mark.parametrize(
    ("step", "keys"), [("filter", keys) for keys, _ in FILTERS] + [("enhance", keys) for keys, _ in ENHANCEMENTS]
)
def test_what_a_step_became_reads_as_the_step(step, keys):
    config = pipeline.load_config({"name": "x", "steps": [{"step": step, **keys}]})
    assert pipeline.load_config(config.model_dump(mode="json")) == config
