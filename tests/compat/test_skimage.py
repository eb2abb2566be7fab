"""compat.skimage: scikit-image's signatures, and its results on small images."""

from __future__ import annotations

import importlib
import inspect
import warnings

import numpy as np
import pytest
from skimage.restoration import _denoise
from skimage.segmentation import morphsnakes

MODULES = ("exposure", "feature", "filters", "measure", "morphology", "restoration", "segmentation", "transform")
OURS = {name: importlib.import_module(f"cormack.compat.skimage.{name}") for name in MODULES}
THEIRS = {name: importlib.import_module(f"skimage.{name}") for name in MODULES}
FUNCTIONS = [f"{module}.{name}" for module in MODULES for name in OURS[module].__all__]

RNG = np.random.default_rng(7)
SHAPE, SHAPE_3D = (37, 43), (11, 17, 19)
Y, X = np.mgrid[: SHAPE[0], : SHAPE[1]]
Z3, Y3, X3 = np.mgrid[: SHAPE_3D[0], : SHAPE_3D[1], : SHAPE_3D[2]]
# Two discs and noise: something to see for every function.
UNIT = (
    0.7 * np.exp(-((Y - 12) ** 2 + (X - 14) ** 2) / 30)
    + 0.5 * np.exp(-((Y - 26) ** 2 + (X - 31) ** 2) / 12)
    + 0.15 * RNG.random(SHAPE)
)
UNIT_3D = np.exp(-((Z3 - 5) ** 2 + (Y3 - 8) ** 2 + (X3 - 9) ** 2) / 20) * 0.8 + 0.1 * RNG.random(SHAPE_3D)
IMAGES = {
    "uint8": (UNIT * 180).astype(np.uint8),
    "uint16": (UNIT * 40000).astype(np.uint16),
    "int16": (UNIT * 3000).astype(np.int16) - 200,
    "int16 positive": (UNIT * 20000).astype(np.int16),
    "int32": (UNIT * 50000).astype(np.int32) - 900,
    "float32": UNIT.astype(np.float32),
    "float64": UNIT,
    "3d uint8": (UNIT_3D * 200).astype(np.uint8),
    "3d float64": UNIT_3D,
    "two humps": np.where(UNIT > 0.3, 0.7, 0.2) + 0.05 * RNG.standard_normal(SHAPE),
    "bool": UNIT > 0.3,
    "3d bool": UNIT_3D > 0.3,
    "labels": np.kron(RNG.integers(0, 5, (8, 9)), np.ones((5, 5), int)).astype(np.int32)[: SHAPE[0], : SHAPE[1]],
    "3d labels": np.kron(RNG.integers(0, 4, (3, 5, 5)), np.ones((4, 4, 4), int)).astype(np.uint8),
    "speckled": RNG.random(SHAPE) < 0.55,
    "3d speckled": RNG.random(SHAPE_3D) < 0.4,
}
GREY = ("uint8", "uint16", "int16", "float32", "float64", "3d uint8", "3d float64")
POSITIVE = ("uint8", "uint16", "int16 positive", "float32", "float64", "3d float64")
PLANES = ("uint8", "uint16", "int16", "float32", "float64")
INTEGERS = ("uint8", "uint16", "int16")
BOOLS = ("bool", "3d bool", "speckled", "3d speckled")
EDGED = {"mask": UNIT > 0.2}
CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)
EVEN = np.array([[1, 1], [0, 1]], np.uint8)
SEQUENCE = [(np.ones((3, 1), np.uint8), 2), (np.ones((1, 3), np.uint8), 1)]

# Function: images, then keyword arguments, and the tolerance: relative to the largest magnitude of the result, for
# floating images of 64 bits (float32: times 2**29); "one": integers that scikit-image cuts off where we round.
CASES: dict[str, list[tuple[tuple[str, ...], dict[str, object], float | str]]] = {
    "exposure.adjust_gamma": [(POSITIVE, {"gamma": 1.7, "gain": 0.9}, "one")],
    "exposure.adjust_log": [(POSITIVE, {"gain": 0.8}, "one"), (POSITIVE, {"inv": True}, "one")],
    "exposure.adjust_sigmoid": [(POSITIVE, {}, "one"), (POSITIVE, {"cutoff": 0.3, "gain": 5, "inv": True}, "one")],
    "exposure.cumulative_distribution": [(GREY, {}, 1e-15), (("float64",), {"nbins": 31}, 1e-15)],
    "exposure.equalize_hist": [(GREY, {}, 1e-14), (PLANES, EDGED, 1e-14), (("float64",), {"nbins": 31}, 1e-14)],
    "exposure.equalize_adapthist": [
        (PLANES, {}, 1e-3),
        (("3d uint8", "3d float64"), {"kernel_size": (3, 5, 6), "clip_limit": 0.03, "nbins": 100}, 1e-3),
    ],
    "exposure.histogram": [
        ((*GREY, "int32"), {}, 1e-15),
        (("uint8", "float32"), {"source_range": "dtype", "normalize": True}, 1e-15),
        (("uint8", "float64"), {"channel_axis": -1}, 1e-15),
    ],
    "exposure.rescale_intensity": [
        (GREY, {}, "one"),
        (PLANES, {"out_range": (0, 255)}, 1e-14),
        (GREY, {"out_range": np.uint8}, "one"),
    ],
    "filters.apply_hysteresis_threshold": [(("float64", "3d float64"), {"low": 0.2, "high": 0.5}, 0)],
    "filters.frangi": [(GREY, {"sigmas": (1, 2)}, 1e-7), (PLANES, {"sigmas": (2,), "black_ridges": False}, 1e-7)],
    "filters.gabor": [(("float32", "float64"), {"frequency": 0.2, "theta": 0.6}, 1e-12)],
    "filters.gaussian": [
        (GREY, {}, 1e-14),
        (PLANES, {"sigma": (1.5, 0.4), "mode": "reflect", "preserve_range": True, "truncate": 3}, 1e-14),
        (GREY, {"channel_axis": -1}, 1e-14),
        (("bool",), {}, 1e-14),
    ],
    "filters.median": [(GREY, {}, 0), (INTEGERS, {"footprint": CROSS, "mode": "constant", "cval": 3}, 0)],
    "filters.meijering": [(("uint8", "float64"), {"sigmas": (1, 3)}, 1e-7)],
    "filters.sato": [(("uint8", "float64", "3d float64"), {"sigmas": (1, 3)}, 1e-7)],
    **{
        f"filters.{name}": [
            ((*GREY, "bool"), {}, 1e-14),
            (PLANES, {"axis": 1, "mode": "nearest", **EDGED}, 1e-14),
            (("3d float64",), {"axis": (0, 2)}, 1e-14),
            (("float64",), {"mode": "constant", "cval": 0.3}, 1e-14),
        ]
        for name in ("sobel", "prewitt", "scharr")
    },
    **{
        f"filters.{name}_{axis}": [(("uint8", "float32"), {}, 1e-14), (("float64",), EDGED, 1e-14)]
        for name in ("sobel", "prewitt", "scharr")
        for axis in "hv"
    },
    **{f"filters.threshold_{name}": [(GREY, {}, 1e-13)] for name in ("isodata", "mean", "otsu", "triangle", "yen")},
    "filters.threshold_li": [(GREY, {}, 1e-13), (("float32", "float64"), {"initial_guess": 0.4}, 1e-13)],
    "filters.threshold_minimum": [(("two humps",), {}, 1e-13)],
    "filters.threshold_multiotsu": [(("uint8", "float64"), {"nbins": 64}, 1e-13)],
    "filters.threshold_local": [
        (PLANES, {"block_size": 5}, 1e-13),
        (PLANES, {"block_size": 7, "method": "mean", "offset": 2}, 1e-13),
        (PLANES, {"block_size": 3, "method": "median"}, 1e-13),
    ],
    "filters.threshold_niblack": [(("uint8", "float64"), {}, 1e-9)],
    "filters.threshold_sauvola": [(("uint8", "float64"), {"window_size": 7}, 1e-9)],
    "filters.unsharp_mask": [
        (GREY, {}, 1e-14),
        (GREY, {"preserve_range": True, "radius": 2, "amount": 1.5}, 1e-14),
        (("float64",), {"channel_axis": 0}, 1e-14),
    ],
    "feature.canny": [(PLANES, {}, 0), (PLANES, {"sigma": 2, "use_quantiles": True, **EDGED}, 0)],
    "feature.hessian_matrix": [
        (GREY, {"use_gaussian_derivatives": True}, 1e-13),
        (PLANES, {"use_gaussian_derivatives": True, "order": "xy", "mode": "nearest"}, 1e-13),
    ],
    "feature.local_binary_pattern": [
        (INTEGERS, {"P": 8, "R": 1, "method": method}, 0) for method in ("default", "ror", "uniform", "nri_uniform")
    ],
    "feature.match_template": [
        (("uint8", "float64"), {"template": UNIT[5:14, 8:17]}, 1e-10),
        (("float64",), {"template": UNIT[5:14, 8:17], "pad_input": True, "mode": "edge"}, 1e-10),
    ],
    "feature.peak_local_max": [
        (GREY, {}, 0),
        (PLANES, {"min_distance": 3, "threshold_rel": 0.2, "exclude_border": False, "num_peaks": 5}, 0),
    ],
    "measure.find_contours": [(PLANES, {}, 1e-13), (("float64",), {"level": 0.3, **EDGED}, 1e-13)],
    "measure.label": [
        (("labels", "3d labels"), {}, 0),
        (("labels",), {"background": 2, "connectivity": 1, "return_num": True}, 0),
        (BOOLS, {}, 0),
        (BOOLS, {"connectivity": 1, "return_num": True}, 0),
        (BOOLS, {"background": 1}, 0),
    ],
    "measure.regionprops_table": [
        (
            ("labels", "3d labels"),
            {
                "properties": (
                    "label",
                    "num_pixels",
                    "area",
                    "area_bbox",
                    "bbox",
                    "centroid",
                    "equivalent_diameter_area",
                    "extent",
                ),
                "separator": "_",
            },
            1e-13,
        ),
        (("labels", "3d labels"), {}, 0),
        (("labels",), {"properties": ("area", "centroid", "equivalent_diameter_area"), "spacing": (2, 0.5)}, 1e-13),
        (
            ("labels",),
            {
                "intensity_image": IMAGES["uint16"],
                "spacing": (2, 0.5),
                "properties": (
                    "centroid_weighted",
                    *(f"intensity_{name}" for name in ("max", "mean", "median", "min", "std")),
                ),
            },
            1e-12,
        ),
    ],
    **{
        f"morphology.{name}": [
            ((*GREY, "bool"), {}, 0),
            (PLANES, {"footprint": EVEN, "mode": "ignore"}, 0),
            (INTEGERS, {"footprint": SEQUENCE, "mode": "constant", "cval": 40}, 0),
            (PLANES, {"footprint": CROSS, "mode": "min"}, 0),
            (PLANES, {"footprint": CROSS, "mode": "max"}, 0),
        ]
        for name in ("erosion", "dilation", "opening", "closing")
    },
    **{
        f"morphology.{name}": [((*PLANES, "3d uint8", "bool"), {}, 0), (INTEGERS, {"footprint": EVEN}, 0)]
        for name in ("white_tophat", "black_tophat")
    },
    **{
        f"morphology.binary_{name}": [
            (BOOLS, {}, 0),
            *((("bool", "speckled"), {"footprint": EVEN, "mode": mode}, 0) for mode in ("ignore", "min", "max")),
            (("bool",), {"footprint": SEQUENCE}, 0),
        ]
        for name in ("erosion", "dilation", "opening", "closing")
    },
    "morphology.remove_small_objects": [
        (BOOLS, {"max_size": 5}, 0),
        (("speckled", "3d speckled"), {"min_size": 7, "connectivity": 2}, 0),
        (("labels", "3d labels"), {"max_size": 200}, 0),
    ],
    "morphology.remove_small_holes": [(BOOLS, {"max_size": 3}, 0), (BOOLS, {"area_threshold": 4}, 0)],
    "restoration.denoise_bilateral": [
        (("float64",), {"sigma_color": 0.1}, 2e-4),
        (("uint8",), {"mode": "edge", "win_size": 5, "bins": 1_000_000}, 2e-4),
    ],
    "restoration.denoise_nl_means": [
        (("uint8", "float64"), {"patch_distance": 5}, 2e-6),
        (("uint8",), {"h": 20, "patch_size": 5, "patch_distance": 3, "preserve_range": True}, 2e-6),
    ],
    "restoration.denoise_tv_chambolle": [(GREY, {"weight": 0.2}, 1e-10), (("float64",), {"channel_axis": -1}, 1e-10)],
    "segmentation.clear_border": [
        (("labels",), {"bgval": 9}, 0),
        (BOOLS, {}, 0),
        (("bool", "speckled"), {"buffer_size": 2}, 0),
        (("bool", "speckled"), EDGED, 0),
    ],
    "segmentation.find_boundaries": [
        (("labels", "3d labels", "bool"), {"mode": mode, "connectivity": connectivity}, 0)
        for mode in ("thick", "inner", "outer")
        for connectivity in (1, 2)
    ],
    "segmentation.flood": [
        (GREY[:5], {"seed_point": (12, 14), "tolerance": 0.3}, 0),
        (("labels",), {"seed_point": (20, 20), "connectivity": 1}, 0),
        (("3d uint8",), {"seed_point": (5, 8, 9), "tolerance": 40}, 0),
    ],
    "segmentation.flood_fill": [(PLANES, {"seed_point": (12, 14), "new_value": 9, "tolerance": 20}, 0)],
    "segmentation.inverse_gaussian_gradient": [(("float32", "float64"), {"sigma": 2}, 1e-12)],
    "segmentation.relabel_sequential": [(("labels", "3d labels"), {}, 0), (("labels",), {"offset": 3}, 0)],
    "segmentation.chan_vese": [(("uint8", "float64"), {"max_num_iter": 20}, 0)],
    "segmentation.morphological_chan_vese": [(("uint8", "float64", "3d float64"), {"num_iter": 3}, 0)],
    "segmentation.morphological_geodesic_active_contour": [
        (("float64", "3d float64"), {"num_iter": 4, "threshold": 0.4, "balloon": -1}, 0)
    ],
    "segmentation.watershed": [
        (GREY, {"markers": 5}, 0),
        (("float64",), {"watershed_line": True}, 0),
        (("uint8",), {"markers": 4, "compactness": 0.5, **EDGED}, 0),
        (("uint8",), {"markers": 3, "connectivity": np.ones((3, 3))}, 0),
    ],
    "transform.resize": [
        (GREY[:5], {"output_shape": (20, 61)}, 1e-9),
        *((PLANES, {"output_shape": (50, 31), "mode": mode}, 1e-9) for mode in ("edge", "symmetric", "constant")),
        (("bool", "uint8"), {"output_shape": (51, 30), "order": 0}, 0),
        (("3d float64",), {"output_shape": (7, 20, 19), "anti_aliasing": False}, 1e-9),
    ],
    "transform.rescale": [
        (PLANES, {"scale": 0.6}, 1e-9),
        (("uint8",), {"scale": (1.3, 0.7), "preserve_range": True}, 1e-9),
        (("float64",), {"scale": 1.5, "channel_axis": 0}, 1e-9),
    ],
}


def restart():
    """scikit-image's smoothing of contours begins where the last call stopped."""
    up, down = morphsnakes.sup_inf, morphsnakes.inf_sup
    morphsnakes._curvop = morphsnakes._fcycle([lambda u: up(down(u)), lambda u: down(up(u))])


@pytest.fixture(autouse=True)
def repaired(monkeypatch):
    """scikit-image's bilateral weights where they belong: its table has a row and a column too many."""

    def weights(win_size, sigma, *, dtype=float):
        steps = np.arange(win_size) - win_size // 2
        return np.exp(-np.add.outer(steps**2, steps**2) / (2 * sigma**2)).astype(dtype).ravel()

    monkeypatch.setattr(_denoise, "_compute_spatial_lut", weights, raising=True)


def both(function):
    module, name = function.split(".")
    return getattr(OURS[module], name), getattr(THEIRS[module], name)


def parts(result):
    """Arrays of whatever a function returns."""
    if isinstance(result, dict):
        return [part for key in result for part in (np.array(key), np.asarray(result[key]))]
    if isinstance(result, (tuple, list)):
        return [part for one in result for part in parts(one)]
    return [np.asarray(result)]


def assert_close(function, ours, theirs, tolerance, image):
    assert len(ours) == len(theirs), function
    for mine, expected in zip(ours, theirs, strict=True):
        assert mine.shape == expected.shape, function
        if mine.dtype.kind in "US" or expected.size == 0:
            np.testing.assert_array_equal(mine, expected)
            continue
        # Labels and counts: scikit-image has several widths of integers for them. Thresholds are floating here.
        if not (mine.dtype.kind in "iu" and expected.dtype.kind in "iu") and "threshold" not in function:
            assert mine.dtype.kind == expected.dtype.kind, (function, mine.dtype, expected.dtype)
        if function in SAME_TYPE:
            assert mine.dtype == expected.dtype, (function, mine.dtype, expected.dtype)
        if np.array_equal(mine, expected, equal_nan=mine.dtype.kind == "f"):
            continue
        exact, difference = expected.astype(float), np.abs(mine.astype(float) - expected.astype(float))
        if tolerance == "one":
            bound = 1.0 if mine.dtype.kind in "iu" else 1e-14 * np.abs(exact).max()
        else:
            bound = tolerance * max(np.abs(exact).max(), 1e-300)
        if image.dtype == np.float32 and mine.dtype.kind == "f":
            bound = max(bound * 2.0**29 if tolerance != 1e-3 else bound, 2e-7 * np.abs(exact).max())
        assert difference.max() <= bound, (function, difference.max(), bound)


# What keeps the type of the image, or the type that scikit-image computes in.
SAME_TYPE = {
    *(name for name in CASES if name.split(".")[0] in ("exposure", "restoration", "transform")),
    *(name for name in CASES if name.startswith("morphology.")),
    *(f"filters.{name}" for name in ("gaussian", "median", "unsharp_mask", "sobel", "prewitt", "scharr")),
    "segmentation.flood_fill",
    "feature.local_binary_pattern",
} - {"exposure.histogram", "exposure.cumulative_distribution"}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_signatures_are_scikit_images(function):
    ours, theirs = (inspect.signature(one).parameters for one in both(function))
    assert list(ours) == list(theirs)
    for name, parameter in ours.items():
        assert parameter.kind == theirs[name].kind, name
        default, expected = parameter.default, theirs[name].default
        assert default == expected or repr(default) == repr(expected) or (callable(default) and callable(expected)), (
            name
        )


@pytest.mark.parametrize("function", CASES)
def test_matches_scikit_image(function):
    ours, theirs = both(function)
    for images, arguments, tolerance in CASES[function]:
        for name in images:
            image = IMAGES[name]
            before = image.copy()
            restart()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # scikit-image's: deprecations, images that may have colours
                expected = theirs(image.copy(), **arguments)
            result = ours(image, **arguments)
            try:
                assert_close(function, parts(result), parts(expected), tolerance, image)
            except AssertionError as error:
                raise AssertionError(f"{name}, {arguments}: {error}") from error
            np.testing.assert_array_equal(image, before)


def test_matches_histograms():
    ours, theirs = OURS["exposure"].match_histograms, THEIRS["exposure"].match_histograms
    for name, other in (("uint8", "uint16"), ("float64", "uint8"), ("int16", "float64")):
        image, reference = IMAGES[name][:, :9], IMAGES[other][:30, :9]
        result = ours(image, reference)
        assert result.dtype == np.float64
        np.testing.assert_allclose(result, theirs(image, reference), rtol=1e-12)
        # scikit-image cuts off where it keeps the type.
        channels = ours(image, image[::-1, ::-1], channel_axis=1)
        assert channels.dtype == image.dtype
        np.testing.assert_allclose(
            channels, theirs(image, image[::-1, ::-1], channel_axis=1), rtol=1e-12, atol=image.dtype.kind in "iu"
        )


@pytest.mark.parametrize("name", ["ball", "disk"])
def test_footprints_match(name):
    for radius in (0, 1, 2, 5):
        for arguments in ({}, {"dtype": bool, "strict_radius": False}):
            expected = getattr(THEIRS["morphology"], name)(radius, **arguments)
            result = getattr(OURS["morphology"], name)(radius, **arguments)
            assert result.dtype == expected.dtype
            np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("blob_log", {"min_sigma": 1, "max_sigma": 6, "threshold": 0.1}),
        ("blob_log", {"min_sigma": (1, 1), "max_sigma": (6, 5), "threshold": 0.1, "log_scale": True}),
        ("blob_dog", {"max_sigma": 8, "threshold": 0.05, "exclude_border": 3}),
        ("blob_doh", {"min_sigma": 2, "max_sigma": 8, "num_sigma": 7, "threshold": 0.001}),
    ],
)
def test_blobs_match(name, arguments):
    smooth = THEIRS["filters"].gaussian(UNIT, 1)
    for image in (smooth, (smooth * 255).astype(np.uint8)):
        expected = getattr(THEIRS["feature"], name)(image, **arguments)
        result = getattr(OURS["feature"], name)(image, **arguments)
        assert len(expected) >= 1
        np.testing.assert_allclose(sorted(map(tuple, result)), sorted(map(tuple, expected)), atol=1e-12)


def test_level_sets_match():
    for name, arguments in (
        ("checkerboard_level_set", ((20, 31), 4)),
        ("disk_level_set", ((20, 31),)),
        ("checkerboard_level_set", ((9, 10, 11),)),
    ):
        expected = getattr(THEIRS["segmentation"], name)(*arguments)
        result = getattr(OURS["segmentation"], name)(*arguments)
        assert result.dtype == expected.dtype
        np.testing.assert_array_equal(result, expected)


def test_meshes_have_scikit_images_vertices():
    ours = OURS["measure"].marching_cubes(UNIT_3D, 0.4, spacing=(2.0, 1.0, 0.5))
    theirs = THEIRS["measure"].marching_cubes(UNIT_3D, 0.4, spacing=(2.0, 1.0, 0.5), method="lorensen")
    for one in (ours[0], theirs[0]):
        assert one.shape[1] == 3
    mine = np.array(sorted(map(tuple, np.round(ours[0], 3))))
    expected = np.array(sorted(map(tuple, np.round(np.unique(theirs[0], axis=0), 3))))
    np.testing.assert_allclose(mine, expected, atol=2e-3)
    area = THEIRS["measure"].mesh_surface_area
    np.testing.assert_allclose(area(*ours[:2]), area(*theirs[:2]), rtol=0.01)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: s["filters"].median(UNIT, behavior="rank"), "median: `behavior` must be 'ndimage'"),
        (lambda s: s["filters"].frangi(UNIT, scale_range=(1, 3)), "frangi: `scale_range` must be None"),
        (lambda s: s["filters"].gabor(UNIT, 0.2, offset=1), "gabor: `offset` must be 0"),
        (lambda s: s["filters"].sobel_h(UNIT_3D), "sobel_h: `image` must have 2 axes"),
        (lambda s: s["feature"].canny(UNIT, cval=1.0), "canny: `cval` must be 0.0"),
        (lambda s: s["feature"].hessian_matrix(UNIT, use_gaussian_derivatives=False), "use_gaussian_derivatives"),
        (lambda s: s["measure"].label(UNIT), "label: `label_image` must hold whole numbers"),
        (lambda s: s["measure"].marching_cubes(UNIT_3D, allow_degenerate=False), "`allow_degenerate` must be True"),
        (
            lambda s: s["measure"].regionprops_table(IMAGES["labels"], properties=["solidity"]),
            "`properties` must be one",
        ),
        (lambda s: s["measure"].regionprops_table(IMAGES["labels"], properties=["intensity_max"]), "`intensity_image`"),
        (lambda s: s["morphology"].ball(3, decomposition="sequence"), "ball: `decomposition` must be None"),
        (lambda s: s["morphology"].erosion(UNIT, mode="edge"), "erosion: `mode` must be one of"),
        (lambda s: s["restoration"].denoise_nl_means(UNIT, fast_mode=False), "`fast_mode` must be True"),
        (lambda s: s["restoration"].denoise_bilateral(UNIT, win_size=4), "`win_size` must be odd"),
        (lambda s: s["segmentation"].flood(UNIT, (1, 1), footprint=CROSS), "flood: `footprint` must be None"),
        (lambda s: s["segmentation"].watershed(UNIT, connectivity=EVEN), "be a number, or the neighbourhood of one"),
        (lambda s: s["segmentation"].watershed(UNIT, offset=(1, 1)), "watershed: `offset` must be None"),
        (lambda s: s["transform"].resize(UNIT, (5, 5), order=3), "resize: `order` must be 0, 1 or None"),
        (lambda s: s["transform"].resize(UNIT, (5, 5), mode="wrap"), "resize: `mode` must be one of"),
        (lambda s: s["exposure"].equalize_adapthist(UNIT * 9), "must lie between -1 and 1"),
    ],
)
def test_what_cormack_has_not_is_named(call, message):
    with pytest.raises(ValueError) as caught:
        call(OURS)
    assert message in str(caught.value)


def test_masks_are_counted_as_in_scikit_image():
    for mask in (np.random.default_rng(0).random((20, 20)) < 0.3, np.ones((4, 5), bool)):
        for name in ("histogram", "cumulative_distribution", "equalize_hist"):
            ours = getattr(OURS["exposure"], name)(mask)
            with warnings.catch_warnings():
                # NumPy's, of bool.
                warnings.simplefilter("ignore", RuntimeWarning)
                theirs = getattr(THEIRS["exposure"], name)(mask)
            for one, other in zip(parts(ours), parts(theirs), strict=True):
                np.testing.assert_allclose(one, other, err_msg=name)


def test_types_that_come_out_are_those_promised():
    wide = np.random.default_rng(0).integers(0, 50, (9, 11))
    for kind in ("image", "uint8", (0, 255)):
        ours, theirs = (made["exposure"].rescale_intensity(wide, out_range=kind) for made in (OURS, THEIRS))
        assert ours.dtype == theirs.dtype
    assert OURS["exposure"].rescale_intensity(wide.astype(np.float16)).dtype == np.float16
    with pytest.raises(TypeError, match="got int64"):
        OURS["exposure"].rescale_intensity(wide)


def test_every_function_is_compared():
    elsewhere = {"match_histograms", "ball", "disk", "blob_dog", "blob_doh", "blob_log", "marching_cubes", "label"}
    elsewhere |= {"checkerboard_level_set", "disk_level_set", "flood", "flood_fill"}  # or in another module
    assert {name for name in FUNCTIONS if name not in CASES and name.split(".")[1] not in elsewhere} == set()
