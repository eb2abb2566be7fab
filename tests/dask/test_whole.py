"""Maps and thresholds on dask arrays that take statistics of the whole image."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

da = pytest.importorskip("dask.array")

import cormack.dask as blocks  # noqa: E402
from cormack import enhance, filters, segment  # noqa: E402
from cormack.dask import _adapthist  # noqa: E402
from cormack.dask._whole import FUNCTIONS  # noqa: E402

# A function needs one line.
CASES = {
    "adjust_gamma": [{"gamma": 0.7, "in_range": "image"}],
    "adjust_log": [{"in_range": "image"}],
    "adjust_sigmoid": [{"in_range": "image"}],
    "equalize_adapthist": [{}, {"kernel_size": 4, "nbins": 30}, {"kernel_size": (5, 1, 7), "clip_limit": 0.2}],
    "equalize_hist": [{}, {"nbins": 40, "out_range": "dtype"}],
    "histogram": [{}, {"bins": 7, "range": (-20, 90)}],
    "normalize": [{"method": "minmax"}, {"method": "robust"}],
    "rescale_intensity": [{}, {"out_range": (0, 50)}],
    "stretch_contrast": [{}, {"low": 0.0, "high": 33.3}],
    "threshold_enhance": [{"lower": 3, "outside": 0}],
    "threshold_isodata": [{}],
    "threshold_li": [{}],
    "threshold_mean": [{}],
    "threshold_minimum": [{}],
    "threshold_multiotsu": [{}],
    "threshold_otsu": [{}],
    "threshold_triangle": [{}],
    "threshold_yen": [{}],
    "window": [{"center": 40, "width": 90}, {"center": 40, "width": 90, "function": "sigmoid", "dtype": np.uint8}],
}
ALL = [(name, arguments) for name, cases in CASES.items() for arguments in cases]
MASKED = (
    "equalize_adapthist",
    "equalize_hist",
    "histogram",
    "normalize",
    "stretch_contrast",
    "threshold_otsu",
    "threshold_yen",
)
IN_MEMORY = {name: getattr(enhance, name, getattr(segment, name, None)) for name in CASES}
DTYPES = ["uint8", "int16", "uint16", "int32", "float32", "float64"]


def computed(value):
    if isinstance(value, tuple):
        return tuple(map(computed, value))
    return value.compute(scheduler="synchronous") if isinstance(value, da.Array) else value


def check(name, image, chunks, arguments, mask=None):
    masked = {} if mask is None else {"mask": mask}
    try:
        expected = IN_MEMORY[name](image, **arguments, **masked)
    except (ValueError, RuntimeError) as error:
        with pytest.raises(type(error)):
            getattr(blocks, name)(da.from_array(image, chunks=chunks), **arguments, **masked)
        return
    found = computed(getattr(blocks, name)(da.from_array(image, chunks=chunks), **arguments, **masked))
    pairs = zip(found, expected, strict=True) if isinstance(expected, tuple) else [(found, expected)]
    for one, other in pairs:
        assert getattr(one, "dtype", None) == getattr(other, "dtype", None)
        np.testing.assert_array_equal(one, other)


def needs_all_values(name, dtype):
    return name in ("threshold_li", "threshold_mean") and dtype.startswith("float")


def test_every_function_is_tested():
    assert set(CASES) == set(FUNCTIONS) <= set(blocks.__all__)


@pytest.mark.parametrize(("name", "arguments"), ALL, ids=[f"{n}{i}" for i, (n, _) in enumerate(ALL)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_equals_the_function_in_memory(name, arguments, dtype):
    if needs_all_values(name, dtype):
        pytest.skip("not in blocks")
    random = np.random.default_rng(3)
    image = np.where(random.random((21, 33, 26)) < 0.4, random.normal(50, 9, (21, 33, 26)), 110)
    image = (image + random.normal(0, 9, image.shape)).clip(0, 250).astype(dtype)
    check(name, image, (8, 9, 26), arguments)
    if name in MASKED:
        check(name, image, (8, 9, 13), arguments, random.random(image.shape) < 0.5)
        check(name, image, (8, 9, 13), arguments, np.zeros(image.shape, bool))


@settings(max_examples=100)
@given(st.data())
def test_equals_for_any_shape_and_blocks(data):
    name, arguments = data.draw(st.sampled_from(ALL))
    dtype = data.draw(st.sampled_from([d for d in DTYPES if not needs_all_values(name, d)]))
    ndim = st.just(3) if name == "equalize_adapthist" else st.integers(1, 4)
    shape = data.draw(ndim.flatmap(lambda count: st.tuples(*[st.integers(1, 12)] * count)))
    spread = data.draw(st.sampled_from([3, 60, 200]))
    seed = data.draw(st.integers(0, 2**32 - 1))
    image = np.random.default_rng(seed).normal(90, spread, shape).clip(0, 250).astype(dtype)
    check(name, image, tuple(data.draw(st.integers(1, n)) for n in shape), arguments)


@settings(max_examples=100)
@given(st.data(), st.booleans())
def test_local_equalization_equals_for_any_tiles_and_blocks(data, keeps_maps):
    shape = data.draw(st.integers(2, 3).flatmap(lambda count: st.tuples(*[st.integers(1, 20)] * count)))
    kernel = tuple(data.draw(st.integers(1, 9)) for _ in shape)
    chunks = tuple(data.draw(st.integers(1, n)) for n in shape)
    dtype = data.draw(st.sampled_from(DTYPES))
    random = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    image = random.normal(90, 60, shape).clip(0, 250).astype(dtype)
    mask = random.random(shape) < data.draw(st.sampled_from([0.01, 0.5])) if data.draw(st.booleans()) else None
    if dtype.startswith("float") and data.draw(st.booleans()):
        image[random.random(shape) < 0.7] = np.nan
    before = _adapthist.MOST_MAP_BYTES
    _adapthist.MOST_MAP_BYTES = before if keeps_maps else 0
    try:
        check("equalize_adapthist", image, chunks, {"kernel_size": kernel, "clip_limit": 0.1, "nbins": 50}, mask)
    finally:
        _adapthist.MOST_MAP_BYTES = before


def test_wide_integers_and_nan():
    random = np.random.default_rng(3)
    wide = random.integers(-(2**31), 2**31, (20, 30, 10)).astype(np.int32)
    check("stretch_contrast", wide, (7, 8, 9), {})
    check("threshold_otsu", wide, (7, 8, 9), {})
    image = random.normal(0, 90, (20, 30, 10))
    image[3, 4:9] = np.nan
    for name, arguments in [("stretch_contrast", {}), ("equalize_hist", {}), ("normalize", {"method": "robust"})]:
        check(name, image, (7, 8, 9), arguments)
        check(name, image.astype(np.float32), (7, 8, 9), arguments)


def test_what_needs_all_values_says_so():
    image = da.zeros((20, 30), chunks=9)
    for call in (
        lambda: blocks.threshold_li(image),
        lambda: blocks.threshold_mean(image),
        lambda: blocks.normalize(da.random.default_rng(1).random((20, 30), chunks=9)),
        lambda: blocks.histogram(image, weights=np.ones((20, 30))),
    ):
        with pytest.raises(NotImplementedError):
            call()


def test_graphs_travel_to_other_processes():
    cloudpickle = pytest.importorskip("cloudpickle")
    image = np.random.default_rng(3).integers(0, 900, (20, 30, 10)).astype(np.int16)
    given_image = da.from_array(image, chunks=(7, 8, 9))
    for lazy in (
        blocks.gaussian_filter(given_image, 1.0),
        blocks.equalize_hist(given_image),
        blocks.equalize_adapthist(given_image),
        blocks.adjust_sigmoid(given_image, in_range="image"),
        blocks.label(given_image > 500)[0],
    ):
        graph = cloudpickle.loads(cloudpickle.dumps(dict(lazy.__dask_graph__())))
        again = da.Array(graph, lazy.name, lazy.chunks, dtype=lazy.dtype)
        np.testing.assert_array_equal(again.compute(), lazy.compute())


def test_empty_images_and_empty_blocks():
    empty = np.zeros((4, 0, 3), np.int16)
    for name in ("rescale_intensity", "equalize_hist", "equalize_adapthist", "adjust_gamma"):
        check(name, empty, 5, {} if name != "adjust_gamma" else {"gamma": 2.0})
    image = np.random.default_rng(3).integers(0, 900, (9, 8, 10)).astype(np.int16)
    chunks = ((4, 0, 5), (8,), (0, 10))
    for name, arguments in [("equalize_hist", {}), ("equalize_adapthist", {"kernel_size": 3}), ("threshold_otsu", {})]:
        check(name, image, chunks, arguments)
    given_image = da.from_array(image, chunks=chunks)
    np.testing.assert_array_equal(blocks.median_filter(given_image, 3).compute(), filters.median_filter(image, 3))
    labels, _ = blocks.label(given_image > 450)
    np.testing.assert_array_equal(labels.compute(), segment.label(image > 450)[0])
