"""Segmentation of dask arrays: what it is in memory, for any blocks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

da = pytest.importorskip("dask.array")

import cormack.dask as blocks  # noqa: E402
from cormack import Volume, segment  # noqa: E402
from cormack.dask._segment import FUNCTIONS, NOT_IN_BLOCKS  # noqa: E402

# A function needs one line.
CASES = {
    "apply_hysteresis_threshold": [{"low": 0.5, "high": 1.5}, {"low": 0, "high": 2}],
    "binary_closing": [{}, {"size": (3, 4, 2), "iterations": 2}],
    "binary_dilation": [{"size": (3, 4, 2), "origin": (1, -1, 0)}, {"iterations": 3}],
    "binary_erosion": [{}, {"border_value": False}],
    "binary_opening": [{"footprint": np.indices((3, 2, 4)).sum(axis=0) % 2 == 0}, {"radius_mm": 2.0, "spacing": 1.5}],
    "clear_border": [{}],
    "connected_threshold": [{"seeds": [(0, 0, 0), (-1, -1, -1)], "lower": 0.5, "upper": 1.5}],
    "fill_holes": [{}],
    "flood": [{"seed_point": (-1, 0, -1)}, {"seed_point": (0, 0, 0), "tolerance": 1}],
    "flood_fill": [{"seed_point": (0, 0, -1), "new_value": 1, "tolerance": 1}],
    "label": [{}],
    "largest_component": [{}],
    "neighborhood_connected": [
        {"seeds": [(0, 0, 0), (-1, -1, -1)], "lower": 0.5, "upper": 3},
        {"seeds": [(0, 0, -1)], "lower": 1, "upper": 2, "radius": (0, 1, 2)},
    ],
    "remove_small_holes": [{"max_size": 5}],
    "remove_small_objects": [{"min_size": 4}, {"max_size": 4}],
    "threshold_local": [
        {"block_size": (3, 5, 1), "method": "gaussian"},
        {"block_size": 3, "method": "mean", "offset": 1},
        {"block_size": 3, "method": "median", "mode": "constant", "cval": 0.5},
    ],
    "threshold_niblack": [{"window_size": 3}, {"window_size": (9, 1, 11)}],
    "threshold_sauvola": [{"window_size": (3, 5, 11)}],
}
ALL = [(name, arguments) for name, cases in CASES.items() for arguments in cases]


def check(name, image, chunks, arguments):
    if "seeds" in arguments:
        places = [tuple(i % n for i, n in zip(seed, image.shape, strict=True)) for seed in arguments["seeds"]]
        arguments = {**arguments, "seeds": places}
    expected = getattr(segment, name)(image, **arguments)
    found = getattr(blocks, name)(da.from_array(image, chunks=chunks), **arguments)
    if name == "label":
        assert found[1] == expected[1]
        found, expected = found[0], expected[0]
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found.compute(scheduler="synchronous"), expected)


def test_every_function_is_tested():
    assert set(CASES) == set(FUNCTIONS) <= set(blocks.__all__)


def test_every_function_of_the_family_is_here_or_says_why_not():
    assert set(NOT_IN_BLOCKS) == set(segment.__all__) - set(blocks.__all__)


@settings(max_examples=60)
@given(st.data())
def test_equals_for_any_shape_and_blocks(data):
    name, arguments = data.draw(st.sampled_from(ALL))
    shape = data.draw(st.tuples(*[st.integers(1, 12)] * 3))
    if not name.startswith(("binary", "threshold")):
        arguments = {**arguments, "connectivity": data.draw(st.integers(1, 3))}
    share = data.draw(st.sampled_from([0.1, 0.3, 0.5, 0.8]))
    dtype = data.draw(st.sampled_from(["bool", "uint8", "int16", "float32"]))
    if name in ("threshold_niblack", "threshold_sauvola") and dtype == "float32":
        dtype = "uint16"
    random = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    image = ((random.random(shape) < share) * random.integers(1, 4, shape)).astype(dtype)
    check(name, image, tuple(data.draw(st.integers(1, n)) for n in shape), arguments)


@pytest.mark.parametrize("connectivity", [1, 2])
def test_labels_of_planes(connectivity):
    image = np.random.default_rng(2).random((60, 70)) < 0.55
    check("label", image, (7, 9), {"connectivity": connectivity})


def test_a_component_through_all_blocks():
    # A line that comes back to every block many times.
    image = np.zeros((40, 41, 42), bool)
    image[::2, ::2] = True
    image[::2, 1::4, 0], image[::2, 3::4, -1] = True, True
    image[1::4, 0, 0], image[3::4, -1, -1] = True, True
    for connectivity in (1, 3):
        check("label", image, (7, 8, 9), {"connectivity": connectivity})


def test_bounds_between_numbers_of_the_type():
    random = np.random.default_rng(2)
    for image in (random.integers(-3, 4, (9, 10, 11)).astype(np.int16), random.normal(0, 1, (9, 10, 11)).astype("f4")):
        value = float(image[4, 5, 6])
        for low, high in [(value, value), (value - 1e-9, np.inf), (-np.inf, value + 0.3), (0.1, 0.2), (-4e4, 4e4)]:
            check("connected_threshold", image, 4, {"seeds": [(4, 5, 6), (0, 0, 0)], "lower": low, "upper": high})


def test_masks_and_volumes():
    random = np.random.default_rng(4)
    image, allowed = random.integers(0, 3, (12, 13, 14)), random.random((12, 13, 14)) < 0.7
    image = image.astype(np.int16)
    arguments = {"seeds": (6, 6, 6), "lower": 0, "upper": 1, "connectivity": 2}
    volume = Volume(image, spacing=(2.0, 1.0, 1.0))
    found = blocks.connected_threshold(volume.replace(da.from_array(image, chunks=5)), **arguments, mask=allowed)
    expected = segment.connected_threshold(volume, **arguments, mask=allowed)
    assert found.same_geometry(volume)
    np.testing.assert_array_equal(found.array.compute(), expected.array)
    closed = blocks.binary_closing(volume.replace(da.from_array(image > 1, chunks=5)), radius_mm=2.0)
    np.testing.assert_array_equal(
        closed.array.compute(), segment.binary_closing(volume.replace(image > 1), radius_mm=2.0).array
    )


def test_a_seed_that_is_no_number_and_one_outside_the_mask():
    image = np.random.default_rng(4).integers(0, 3, (9, 10, 11)).astype(np.float32)
    image[4, 5, 6] = np.nan
    allowed = np.ones(image.shape, bool)
    allowed[1, 1, 1] = False
    for point in ((4, 5, 6), (1, 1, 1), (2, 2, 2)):
        check("flood", image, (4, 5, 6), {"seed_point": point, "mask": allowed})
        check("flood", image, (4, 5, 6), {"seed_point": point, "tolerance": 1.0, "mask": allowed})


def test_errors_are_those_in_memory():
    mask = da.zeros((20, 30), chunks=9)
    for call in (
        lambda family, image: family.label(image, connectivity=3),
        lambda family, image: family.remove_small_objects(image, -1),
        lambda family, image: family.connected_threshold(image, (40, 1), 0, 1),
        lambda family, image: family.connected_threshold(image, (4, 1), 3, 1),
    ):
        with pytest.raises(ValueError) as expected:
            call(segment, np.zeros((20, 30)))
        with pytest.raises(ValueError) as found:
            call(blocks, mask)
        assert str(found.value) == str(expected.value)


@pytest.mark.parametrize("where", [(0, 0, 0), (7, 3, 5)])
@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("clear_border", {}),
        ("fill_holes", {}),
        ("largest_component", {}),
        ("remove_small_holes", {"max_size": 2}),
        ("remove_small_objects", {"min_size": 2}),
        ("connected_threshold", {"seeds": [(1, 1, 1)], "lower": 0, "upper": 1}),
        ("neighborhood_connected", {"seeds": [(1, 1, 1)], "lower": 0, "upper": 1}),
        ("flood", {"seed_point": (1, 1, 1)}),
    ],
)
def test_masks_that_hold_nan_are_refused(function, arguments, where):
    mask = np.ones((8, 6, 7), np.float32)
    mask[where] = np.nan
    image = da.from_array(mask, chunks=4)
    if "seeds" in arguments or "seed_point" in arguments:
        arguments = {**arguments, "mask": image}
        image = da.ones((8, 6, 7), chunks=4, dtype=np.float32)
    with pytest.raises(ValueError, match=f"{function}: `mask` must not hold NaN"):
        getattr(blocks, function)(image, **arguments).compute()
