"""Filters on dask arrays: the bits of the filters in memory, for any blocks, modes and types."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

da = pytest.importorskip("dask.array")

import cormack.dask as blocks  # noqa: E402
from cormack import Volume, filters  # noqa: E402
from cormack.dask._filters import NOT_LOCAL  # noqa: E402

RANDOM = np.random.default_rng(7)
# A filter needs one line: arguments for 3-D.
LOCAL = {
    "anisotropic_diffusion": [{"iterations": 3, "kappa": 40.0}, {"iterations": 2, "kappa": 9.0, "method": "curvature"}],
    "bilateral_filter": [{"sigma_spatial": 1.0, "sigma_intensity": 50.0}],
    "black_tophat": [{"size": 3}],
    "convolve": [{"weights": RANDOM.random((3, 4, 2))}, {"weights": RANDOM.random((3, 1, 6)), "origin": (0, 0, 2)}],
    "convolve1d": [{"weights": [1.0, 2.0, 3.0, 5.0], "axis": 0}],
    "correlate": [{"weights": RANDOM.random((3, 4, 2))}, {"weights": np.ones((2, 3, 4))}],
    "correlate1d": [{"weights": [1.0, 2.0, 3.0, 5.0], "origin": -2}],
    "dot_enhancement": [{"sigmas": (1.0,)}],
    "frangi": [{"sigmas": (1.5, 1.2)}, {"sigmas": (1.1,), "gamma": 3.0}],
    "gaussian_filter": [{"sigma": 1.5}, {"sigma": (0.0, 2.0, 9.0), "order": (0, 1, 0), "output": np.float32}],
    "gaussian_gradient_magnitude": [{"sigma": 1.0}],
    "gaussian_laplace": [{"sigma": (1.0, 0.6, 2.0)}],
    "gradient_magnitude": [{}, {"operator": "central"}],
    "grey_closing": [{"size": (3, 2, 5)}],
    "grey_dilation": [{"size": 4}, {"structure": RANDOM.integers(0, 9, (2, 3, 4))}],
    "grey_erosion": [{"size": 4, "origin": (1, 0, -2)}],
    "grey_opening": [{"footprint": RANDOM.random((3, 4, 3)) < 0.6}],
    "hessian_eigenvalues": [{"sigma": 1.2}],
    "hessian_matrix": [{"sigma": 1.2}],
    "laws_filter": [{}, {"rotation_invariant": "max", "energy_distance": 4}],
    "maximum_filter": [{"size": (3, 4, 5), "origin": (1, -2, 0)}],
    "median_filter": [{"size": 3}, {"size": (1, 4, 5)}, {"footprint": RANDOM.random((3, 4, 5)) < 0.5}],
    "meijering": [{"sigmas": (1.5, 1.2)}],
    "minimum_filter": [{"size": (3, 4, 5), "origin": (1, -2, 0)}],
    "morphological_gradient": [{"size": 4}],
    "non_local_means": [{"patch_size": 3, "patch_distance": 2, "h": 30.0}],
    "percentile_filter": [{"percentile": 30, "size": 3}],
    "prewitt": [{"axis": 1}],
    "rank_filter": [{"rank": -2, "size": (3, 1, 3)}],
    "sato": [{"sigmas": (1.5,)}],
    "scharr": [{}],
    "sobel": [{"normalize": True}],
    "uniform_filter": [{"size": 3}, {"size": (9, 12, 70)}, {"size": (4, 5, 2), "origin": (1, 0, -1)}],
    "unsharp_mask": [{"radius": 1.5, "amount": 2.0}],
    "wavelet_filter": [{"wavelet": "coif1", "subband": "LLH"}],
    "white_tophat": [{"size": (3, 2, 2)}],
}
CASES = [(name, arguments) for name, cases in LOCAL.items() for arguments in cases]
MODES = ("reflect", "constant", "nearest", "mirror", "wrap")
every_case = pytest.mark.parametrize(("name", "arguments"), CASES, ids=[f"{n}{i}" for i, (n, _) in enumerate(CASES)])


def assert_same_bits(found, expected):
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    if expected.dtype.kind == "f":
        found, expected = (np.ascontiguousarray(array).view(f"u{array.itemsize}") for array in (found, expected))
    np.testing.assert_array_equal(found, expected)


def check(name, image, chunks, arguments):
    expected = getattr(filters, name)(image, **arguments)
    found = getattr(blocks, name)(da.from_array(image, chunks=chunks), **arguments)
    assert found.dtype == expected.dtype
    assert_same_bits(found.compute(scheduler="synchronous"), expected)


def with_mode(name, arguments, mode):
    parameters = inspect.signature(getattr(filters, name)).parameters
    return {**arguments, "mode": mode, "cval": 3} if "mode" in parameters else arguments


def test_every_filter_is_here_or_says_why_not():
    assert set(LOCAL) | set(NOT_LOCAL) == set(filters.__all__)
    assert not set(LOCAL) & set(NOT_LOCAL)
    assert set(LOCAL) <= set(blocks.__all__)


@every_case
@pytest.mark.parametrize(("dtype", "mode"), [*(("int16", mode) for mode in MODES), ("float32", "reflect")])
def test_equals_the_filter_in_memory(name, arguments, dtype, mode):
    image = RANDOM.normal(0, 200, (21, 33, 26)).astype(dtype)
    check(name, image, (8, 9, 26), with_mode(name, arguments, mode))


@settings(max_examples=150)
@given(st.data())
def test_equals_for_any_shape_and_blocks(data):
    name, arguments = data.draw(st.sampled_from(CASES))
    shape = data.draw(st.tuples(*[st.integers(1, 30)] * 3))
    chunks = tuple(tuple(data.draw(st.lists(st.integers(1, max(1, n // 2)), min_size=1, max_size=6))) for n in shape)
    chunks = tuple((*sizes, n - sum(sizes)) if sum(sizes) < n else n for sizes, n in zip(chunks, shape, strict=True))
    dtype = data.draw(st.sampled_from(["bool", "uint8", "int16", "uint16", "int32", "float32", "float64"]))
    if "structure" in arguments and dtype == "bool":
        dtype = "uint8"
    mode = data.draw(st.sampled_from(MODES))
    image = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1))).normal(50, 90, shape).clip(0, 250).astype(dtype)
    arguments = with_mode(name, arguments, mode)
    if "cval" in arguments and dtype == "bool":
        arguments["cval"] = 1
    check(name, image, chunks, arguments)


def test_the_way_through_transforms_is_that_of_the_whole_image():
    weights = RANDOM.random((1, 41, 41))
    for image in (
        RANDOM.normal(0, 90, (3, 400, 450)).astype(np.float32),
        RANDOM.integers(0, 99, (2, 401, 399), np.int16),
    ):
        for mode in MODES:
            check("correlate", image, (2, 190, 130), {"weights": weights, "mode": mode, "origin": (0, 3, -20)})


def test_numbers_that_are_none_stay_in_their_windows():
    image = RANDOM.normal(0, 90, (40, 50, 60)).astype(np.float32)
    image[20, 30, 40], image[3, 3], image[30, 3, 9] = np.nan, np.inf, 1e30
    for name, arguments in [
        ("uniform_filter", {"size": (9, 12, 10)}),
        ("median_filter", {"size": 3}),
        ("gaussian_filter", {"sigma": 1.0}),
        ("gaussian_filter", {"sigma": 1.0, "ignore_nan": True}),
    ]:
        check(name, image, (16, 17, 18), arguments)


@pytest.mark.parametrize("name", ["uniform_filter", "gaussian_filter"])
def test_masks_may_be_blocks_too(name):
    image, mask = RANDOM.normal(0, 90, (20, 30, 40)), RANDOM.random((20, 30, 40)) < 0.5
    expected = getattr(filters, name)(image, 2, mask=mask)
    for given_mask in (mask, da.from_array(mask, chunks=(7, 30, 9))):
        found = getattr(blocks, name)(da.from_array(image, chunks=(9, 11, 16)), 2, mask=given_mask)
        assert_same_bits(found.compute(), expected)


def test_a_volume_comes_back_as_one_and_brings_its_spacing():
    image = RANDOM.normal(0, 90, (12, 30, 40)).astype(np.float32)
    volume = Volume(image, spacing=(3.0, 0.7, 0.7), origin=(1.0, 2.0, 3.0))
    found = blocks.gaussian_filter(volume.replace(da.from_array(image, chunks=(6, 16, 16))), 2.0, unit="mm")
    assert found.same_geometry(volume)
    assert_same_bits(found.array.compute(), filters.gaussian_filter(volume, 2.0, unit="mm").array)


@pytest.mark.parametrize("axes", [(1, 2, 3), (0, 3), 1, (3, 1, 2)])
def test_more_axes_are_batches(axes):
    image = RANDOM.normal(0, 90, (5, 12, 13, 14)).astype(np.float32)
    for name, arguments in [("gaussian_filter", {"sigma": 1.0}), ("median_filter", {"size": 3})]:
        check(name, image, (2, 5, 6, 5), {**arguments, "axes": axes})


def test_nothing_is_computed_before_it_is_asked_for():
    def refuse(block):
        raise AssertionError("computed")

    image = da.zeros((20, 30), chunks=9).map_blocks(refuse, dtype=np.float64, meta=np.zeros((0, 0)))
    assert blocks.median_filter(image, 3).shape == (20, 30)


@pytest.mark.parametrize("dtype", ["bool", "int16", "float32"])
def test_plans_take_no_memory(dtype):
    image = da.zeros((1 << 14,) * 3, chunks=(1 << 14, 1 << 13, 1 << 13), dtype=dtype)
    for name, arguments in [("median_filter", {"size": 3}), ("gaussian_filter", {"sigma": 1.0}), ("sato", {})]:
        assert getattr(blocks, name)(image, **arguments).shape == image.shape


def test_empty_arrays_and_errors():
    assert blocks.median_filter(da.zeros((0, 5), chunks=5), 3).compute().shape == (0, 5)
    image = da.zeros((20, 30), chunks=9)
    with pytest.raises(ValueError, match="median_filter: `size` must be at least 1"):
        blocks.median_filter(image, 0)
    with pytest.raises(NotImplementedError, match="tolerance"):
        blocks.gaussian_filter(image, 20, tolerance=0.1)
    with pytest.raises(NotImplementedError, match="kappa"):
        blocks.anisotropic_diffusion(image)
    with pytest.raises(TypeError, match="`output` must not be an array"):
        blocks.median_filter(image, 3, output=np.zeros((20, 30)))
    with pytest.raises(ValueError, match="`mask` must have shape"):
        blocks.uniform_filter(image, 3, mask=np.ones((3, 3)))
    with pytest.raises(ValueError, match='unit="mm"'):
        blocks.gaussian_filter(image, 2, unit="mm")


def test_store_writes_slab_by_slab():
    image = RANDOM.normal(0, 90, (23, 30, 40)).astype(np.float32)
    given = da.from_array(image, chunks=(5, 16, 16))
    for most in (1, 30000, 1 << 20):
        target = np.zeros(image.shape, np.float32)
        blocks.store(blocks.gaussian_filter(given, 1.0), target, most_bytes=most)
        assert_same_bits(target, filters.gaussian_filter(image, 1.0))
    with pytest.raises(ValueError, match="store: `target` must have shape"):
        blocks.store(given, np.zeros((3, 4, 5)))


@pytest.mark.parametrize("name", ["frangi", "meijering"])
def test_flat_volumes_have_no_ridges(name):
    volume = da.full((12, 14, 16), 7.0, chunks=8, dtype=np.float32)
    assert not getattr(blocks, name)(volume, (1.0, 1.5)).compute().any()
