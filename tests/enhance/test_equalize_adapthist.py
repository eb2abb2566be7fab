"""equalize_adapthist: scikit-image's maps, without its 14 bits; exactly what its docstring defines."""

from __future__ import annotations

import itertools
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import exposure
from skimage.exposure._adapthist import clip_histogram

from cormack import _cormack_cpu, enhance

INTEGERS = ["uint8", "int8", "uint16", "int16", "uint32", "int32"]
FLOATS = ["float32", "float64"]
DTYPES = [*INTEGERS, *FLOATS]
LEVELS = 1 << 14


def image_of(dtype, shape=(37, 131), seed=0):
    rng = np.random.default_rng(seed)
    image = rng.normal(60, 15, shape) + 90 * rng.integers(0, 2, shape) + np.linspace(-60, 60, shape[-1])
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        scale = {1: 1, 2: 100, 4: 1e6}[np.dtype(dtype).itemsize]
        return np.clip(np.rint(image * scale), limits.min, limits.max).astype(dtype)
    return (image - 50).astype(dtype)


def range_of(image, mask=None):
    values = image if mask is None else image[mask]
    values = values[~np.isnan(values)] if image.dtype.kind == "f" else values
    return float(values.min()), float(values.max())


def reference(image, kernel_size=None, clip_limit=0.01, nbins=256, mask=None, in_range=None, out_range=None):
    """Return the definition in float64, a tile and a corner at a time."""
    ndim = image.ndim
    if kernel_size is None:
        kernel_size = [max(n // 8, 1) for n in image.shape]
    kernel = (kernel_size,) * ndim if np.ndim(kernel_size) == 0 else tuple(kernel_size)
    lower, upper = in_range or range_of(image, mask)
    low, high = out_range or (lower, upper)
    values = image.astype(np.float64)
    inside = ~np.isnan(values) if mask is None else mask & ~np.isnan(values)
    part = (np.clip(np.where(inside, values, lower), lower, upper) - lower) / ((upper - lower) or 1)
    bins = np.round(part * (LEVELS - 1)).astype(int) // (1 + LEVELS // nbins)
    tiles = tuple(-(-n // k) for n, k in zip(image.shape, kernel, strict=True))
    pad = [(0, t * k - n) for t, k, n in zip(tiles, kernel, image.shape, strict=True)]
    wide_bins, wide_inside = np.pad(bins, pad, mode="reflect"), np.pad(inside, pad, mode="reflect")
    maps = np.zeros((*tiles, nbins))
    filled = np.zeros(tiles, bool)
    for tile in np.ndindex(*tiles):
        box = tuple(slice(t * k, (t + 1) * k) for t, k in zip(tile, kernel, strict=True))
        members = wide_bins[box][wide_inside[box]]
        if not members.size:
            continue
        filled[tile] = True
        counts, total = np.bincount(members, minlength=nbins), members.size
        if clip_limit > 0:
            limit = int(max(1, clip_limit * members.size))
            counts = clip_histogram(counts, limit)
            total = min(total, limit * nbins)
        maps[tile] = low + (high - low) * np.minimum(np.cumsum(counts) / total, 1)
    known = maps.copy()
    for tile in zip(*np.nonzero(~filled), strict=True):
        around = [np.add(tile, step) for step in itertools.product((-1, 0, 1), repeat=ndim)]
        around = [n for n in around if np.all(n >= 0) and np.all(n < tiles) and filled[tuple(n)]]
        if around:
            distances = [np.sum((n - tile) ** 2) for n in around]
            nearest = [n for n, distance in zip(around, distances, strict=True) if distance == min(distances)]
            maps[tile] = np.mean([known[tuple(n)] for n in nearest], axis=0)
    index = np.indices(image.shape)
    result = np.zeros(image.shape)
    for corner in itertools.product((0, 1), repeat=ndim):
        weight, tile = np.ones(image.shape), []
        for axis, (after, k) in enumerate(zip(corner, kernel, strict=True)):
            cell, rest = np.divmod(index[axis] + k // 2, k)
            if k == 1:
                tile.append(index[axis])
                weight *= 0.5
            else:
                tile.append(np.clip(cell - 1 + after, 0, tiles[axis] - 1))
                weight *= rest / k if after else 1 - rest / k
        result += weight * maps[(*tile, bins)]
    return np.where(inside, result, values)


def assert_is(result, exact, dtype, out_range):
    """One rounding of integers; of real maps that went through at most three interpolations of four operations."""
    assert result.dtype == dtype
    assert result.shape == exact.shape
    real = np.float64 if np.dtype(dtype).itemsize >= 4 and dtype != "float32" else np.float32
    bound = 7 * np.finfo(real).eps * max(abs(out_range[0]), abs(out_range[1]), abs(out_range[1] - out_range[0]))
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        exact = np.clip(exact, limits.min, limits.max)
        bound += 0.5
    np.testing.assert_array_equal(np.isnan(result), np.isnan(exact))
    assert np.all(np.abs(np.nan_to_num(result.astype(np.float64) - exact)) <= bound)


def stretched(values):
    return (values - values.min()) / (values.max() - values.min())


SETTINGS = [
    {},
    {"kernel_size": 16},
    {"kernel_size": 7, "clip_limit": 0.05, "nbins": 64},
    {"kernel_size": (9, 40), "clip_limit": 0.0},
    {"kernel_size": (100, 33), "clip_limit": 1.0, "nbins": 100},
    {"kernel_size": (500, 3), "clip_limit": 0.3, "nbins": 1},
    {"kernel_size": (37, 131), "clip_limit": 0.03, "nbins": 2},
    {"kernel_size": 12, "clip_limit": 0.02, "nbins": 1000},
    {"kernel_size": 15, "clip_limit": 0.004},
    {"kernel_size": 15, "clip_limit": 0.0045, "nbins": 300},
    {"kernel_size": 30, "clip_limit": 0.01, "nbins": 16384},
]


@pytest.mark.parametrize("arguments", SETTINGS, ids=str)
@pytest.mark.parametrize("dtype", ["uint16", "float64"])
def test_matches_skimage(dtype, arguments):
    """Stretched as scikit-image does in the end; it cuts maps and sums to whole numbers of 16383, two in all."""
    clip_limit, nbins = arguments.get("clip_limit", 0.01), arguments.get("nbins", 256)
    if clip_limit:
        arguments = {**arguments, "clip_limit": max(clip_limit, min(1, 2 / nbins))}
    for shape in [(37, 131), (64, 128)]:
        image = image_of("uint16", shape)
        expected = exposure.equalize_adapthist(image, **arguments)
        result = enhance.equalize_adapthist(image.astype(dtype), **arguments, out_range=(0, 50000)).astype(np.float64)
        bound = 4 / 16383 + (2 / 50000 if dtype == "uint16" else 0)
        span = np.ptp(result) / 50000
        if nbins == 1:
            assert span == 0
        else:
            assert np.all(np.abs(stretched(result) - expected) <= bound / (span - 2 / 16383))


@pytest.mark.parametrize(("shape", "kernel_size"), [((16, 33, 40), None), ((9, 31, 17), 8), ((5, 30, 31), (20, 9, 4))])
def test_matches_skimage_in_three_dimensions(shape, kernel_size):
    image = image_of("uint16", shape)
    expected = exposure.equalize_adapthist(image, kernel_size, 0.05)
    result = enhance.equalize_adapthist(image.astype(np.float64), kernel_size, 0.05)
    span = np.ptp(result) / np.ptp(image.astype(float))
    assert np.all(np.abs(stretched(result) - expected) <= 4 / 16383 / (span - 2 / 16383))


def test_enhances_nothing_below_one_count_per_bin():
    """All bins are full: scikit-image's dark straight line, at its full length."""
    image = image_of("uint16")
    for clip_limit in (1e-6, 0.001, 0.0039):
        result = enhance.equalize_adapthist(image.astype(np.float64), 16, clip_limit, out_range=(0, 1))
        assert np.ptp(result) > 0.98
        bins = np.round((image - image.min()) / np.ptp(image) * 16383) // 65
        np.testing.assert_allclose(result, (bins + 1) / 256, rtol=0, atol=1e-12)


@pytest.mark.parametrize("arguments", SETTINGS, ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_matches_reference(dtype, arguments, isa):
    image = image_of(dtype)
    for out_range in (None, (-50.0, 77.5)):
        result = enhance.equalize_adapthist(image, **arguments, out_range=out_range or "image")
        exact = reference(image, **arguments, out_range=out_range)
        assert_is(result, exact, dtype, out_range or range_of(image))


@pytest.mark.parametrize(
    ("shape", "kernel_size"),
    [
        ((1, 1), None),
        ((1, 17), 4),
        ((17, 1), (4, 1)),
        ((2, 16), (1, 5)),
        ((33, 63), (8, 64)),
        ((3, 700), (2, 129)),
        ((1, 1, 65), 3),
        ((7, 15, 31), None),
        ((17, 16, 33), (5, 4, 11)),
        ((3, 9, 129), (4, 2, 64)),
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_matches_reference_for_shapes(dtype, shape, kernel_size, isa):
    image = image_of(dtype, shape)
    mask = np.random.default_rng(1).random(shape) < 0.3
    mask.flat[0] = True
    for inside in (None, mask):
        result = enhance.equalize_adapthist(image, kernel_size, 0.1, mask=inside)
        assert_is(result, reference(image, kernel_size, 0.1, mask=inside), dtype, range_of(image, inside))


# So many bins that all maps would take more than the 32 MiB that are made at a time: parts along y, along z, of slices.
@pytest.mark.parametrize("shape", [(60, 40), (24, 8, 30), (8, 20, 30)], ids=str)
def test_maps_made_in_parts_match_reference(shape):
    image = image_of("float64", shape)
    mask = np.random.default_rng(1).random(shape) < 0.05
    mask[: shape[0] // 2] = False
    mask.flat[[0, 5]] = True
    for inside in (None, mask):
        result = enhance.equalize_adapthist(image, 2, 0.0, 16384, mask=inside)
        exact = reference(image, 2, 0.0, 16384, mask=inside)
        assert_is(result, exact, "float64", range_of(image, inside))
        single = enhance.equalize_adapthist(image, 2, 0.0, 16384, mask=inside, workers=1)
        assert single.tobytes() == result.tobytes()


@given(
    st.integers(0, 2**32),
    st.sampled_from(DTYPES),
    st.lists(st.integers(1, 20), min_size=2, max_size=3),
    st.data(),
)
@settings(max_examples=60, deadline=None)
def test_matches_reference_for_any_setting(seed, dtype, shape, data):
    image = image_of(dtype, tuple(shape), seed)
    if data.draw(st.booleans()):
        image = image // 40 * 40
    arguments = {
        "kernel_size": tuple(data.draw(st.integers(1, 25)) for _ in shape),
        "clip_limit": data.draw(st.one_of(st.just(0.0), st.floats(0, 1), st.floats(0, 0.02))),
        "nbins": data.draw(st.sampled_from([1, 2, 3, 16, 100, 254, 255, 256, 257, 258, 300])),
    }
    mask = np.random.default_rng(seed).random(image.shape) < data.draw(st.sampled_from([0.02, 0.5, 1.1]))
    mask.flat[seed % mask.size] = True
    in_range = data.draw(st.sampled_from([None, (0.0, 100.0), (-1e5, 1e5)]))
    ends = in_range or range_of(image, mask)
    result = enhance.equalize_adapthist(image, **arguments, mask=mask, in_range=in_range or "image")
    assert_is(result, reference(image, **arguments, mask=mask, in_range=in_range), dtype, ends)


@pytest.mark.parametrize("dtype", ["uint16", "int16"])
@pytest.mark.parametrize("span", [1, 2, 100, 253, 4095, 16383, 30000, 65535])
def test_every_value_has_the_bin_of_the_reference(dtype, span):
    limits = np.iinfo(dtype)
    for first in {limits.min, limits.min + (65535 - span) // 2, limits.max - span}:
        values = np.arange(first, first + span + 1).astype(dtype)[np.newaxis]
        for nbins in (2, 256, 1000):
            arguments = {"kernel_size": (1, values.size), "clip_limit": 0.0, "nbins": nbins}
            result = enhance.equalize_adapthist(values, **arguments)
            assert_is(result, reference(values, **arguments), dtype, range_of(values))


@pytest.mark.parametrize("dtype", ["int16", "int32", "float64"])
def test_does_not_depend_on_the_units_zero(dtype):
    """CT in Hounsfield units and shifted to positive numbers."""
    image = np.rint(image_of("float64", (20, 60, 61)) * 8)
    assert image.min() < 0
    shifted = enhance.equalize_adapthist((image + 1024).astype(np.uint16), out_range=(0, 1000))
    result = enhance.equalize_adapthist(image.astype(dtype), out_range=(-500, 500))
    assert np.all(np.abs(result + 500 - shifted) <= (0.51 if dtype == "float64" else 1))
    assert np.mean(np.abs(result + 500 - shifted)) < (0.3 if dtype == "float64" else 0.01)


def test_bool():
    image = np.random.default_rng(0).random((20, 30)) < 0.3
    result = enhance.equalize_adapthist(image, 5, 0.5)
    np.testing.assert_array_equal(result, np.rint(reference(image.astype(np.uint8), 5, 0.5)) == 1)
    assert result.dtype == bool


@pytest.mark.parametrize("dtype", DTYPES)
def test_outside_the_mask_nothing_counts_and_nothing_changes(dtype):
    image = image_of(dtype, (12, 40, 45))
    mask = np.zeros(image.shape, bool)
    mask[2:7, 9:30, 20:41] = True
    mask[10, 38, 2] = True
    result = enhance.equalize_adapthist(image, (3, 4, 5), 0.2, mask=mask)
    np.testing.assert_array_equal(result[~mask], image[~mask])
    other = np.where(mask, image, np.array(7, dtype))
    again = enhance.equalize_adapthist(other, (3, 4, 5), 0.2, mask=mask.astype(np.int32) * 5)
    np.testing.assert_array_equal(again[mask], result[mask])
    np.testing.assert_array_equal(again[~mask], other[~mask])
    assert_is(result, reference(image, (3, 4, 5), 0.2, mask=mask), dtype, range_of(image, mask))


@pytest.mark.parametrize("dtype", FLOATS)
def test_nan_is_left_out_and_stays(dtype, isa):
    image = image_of(dtype, (9, 33, 70))
    holes = np.random.default_rng(2).random(image.shape) < 0.3
    holes[:, :10] = True
    expected = enhance.equalize_adapthist(image, 6, mask=~holes)
    image[holes] = np.nan
    result = enhance.equalize_adapthist(image, 6)
    assert np.isnan(result[holes]).all()
    np.testing.assert_array_equal(result[~holes], expected[~holes])
    assert np.isnan(enhance.equalize_adapthist(np.full((3, 4), np.nan, dtype))).all()


@pytest.mark.parametrize("dtype", ["bool", *DTYPES])
def test_one_value_stays(dtype):
    image = np.full((9, 50), 1, dtype)
    np.testing.assert_array_equal(enhance.equalize_adapthist(image), image)
    negative = np.full((9, 50), -1, dtype) if np.dtype(dtype).kind in "if" else image
    np.testing.assert_array_equal(enhance.equalize_adapthist(negative, 3, 0.5), negative)
    result = enhance.equalize_adapthist(image, 5, 0.0, out_range=(0, 1))
    np.testing.assert_array_equal(result, np.ones(image.shape, dtype))


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 4, 5), (4, 5, 0)], ids=str)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
def test_empty(shape, dtype):
    result = enhance.equalize_adapthist(np.zeros(shape, dtype))
    assert result.shape == shape
    assert result.dtype == dtype


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32"])
def test_parts_agree_where_their_tiles_do(dtype):
    """Tiles of 8: of the first 40 columns, those up to 36 are mapped by whole tiles that both share."""
    image = image_of(dtype, (6, 30, 80))
    ends = range_of(image)
    whole = enhance.equalize_adapthist(image, 8, 0.1)
    part = enhance.equalize_adapthist(image[..., :40], 8, 0.1, in_range=ends)
    np.testing.assert_array_equal(part[..., :36], whole[..., :36])


@pytest.mark.parametrize("dtype", DTYPES)
def test_ranges(dtype):
    image = image_of(dtype)
    limits = np.iinfo(dtype) if np.issubdtype(dtype, np.integer) else None
    full = (0.0, 1.0) if limits is None else (float(limits.min), float(limits.max))
    for in_range, out_range in itertools.product(["image", "dtype", (10, 70)], ["image", "dtype", (100, 20), (5, 5)]):
        lower, upper = {"image": range_of(image), "dtype": full}.get(str(in_range), in_range)
        low, high = {"image": (lower, upper), "dtype": full}.get(str(out_range), out_range)
        result = enhance.equalize_adapthist(image, 20, in_range=in_range, out_range=out_range)
        exact = reference(image, 20, in_range=(lower, upper), out_range=(low, high))
        assert_is(result, exact, dtype, (low, high))


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32"])
def test_result_does_not_depend_on_layout(layout, dtype):
    for shape in [(5, 67), (13, 5, 65)]:
        image = image_of(dtype, shape)
        mask = np.random.default_rng(1).random(shape) < 0.5
        mask.flat[0] = True
        np.testing.assert_array_equal(enhance.equalize_adapthist(layout(image)), enhance.equalize_adapthist(image))
        expected = enhance.equalize_adapthist(image, mask=mask)
        np.testing.assert_array_equal(enhance.equalize_adapthist(layout(image), mask=mask), expected)
        np.testing.assert_array_equal(enhance.equalize_adapthist(image, mask=layout(mask)), expected)


def test_repeated_axis():
    image = image_of("int16", (1, 40))
    wide = np.broadcast_to(image, (30, 40))
    np.testing.assert_array_equal(enhance.equalize_adapthist(wide), enhance.equalize_adapthist(wide.copy()))


@pytest.mark.parametrize("dtype", DTYPES)
def test_same_bits_for_threads_and_levels(dtype):
    results = set()
    before = _cormack_cpu.isa()
    image, mask = image_of(dtype, (20, 65, 129)), image_of("int16", (20, 65, 129), 5) > 0
    for isa in _cormack_cpu.available_isas():
        _cormack_cpu.use_isa(isa)
        for workers in (1, 2, 3):
            plain = enhance.equalize_adapthist(image, workers=workers)
            masked = enhance.equalize_adapthist(image, 9, 0.1, nbins=300, mask=mask, workers=workers)
            results.add(plain.tobytes() + masked.tobytes())
    _cormack_cpu.use_isa(before)
    assert len(results) == 1


def times_counted(length, kernel):
    """Return how often reflection counts each position of an axis in a tile that is longer."""
    period = 2 * (length - 1)
    whole, rest = divmod(kernel, period)
    position = np.arange(rest)
    once = np.bincount(np.minimum(position, period - position), minlength=length)
    return whole * np.array([1] + [2] * (length - 2) + [1]) + once


@pytest.mark.parametrize("kernel_size", [(40000, 40000), (5, 400_000_001), (2**31 // 14, 7)], ids=str)
def test_tile_far_larger_than_the_image_matches_reference(kernel_size):
    image = image_of("float64", (5, 7))
    times = np.multiply.outer(times_counted(5, kernel_size[0]), times_counted(7, kernel_size[1]))
    assert times.sum() == np.prod(kernel_size)
    bins = np.round(stretched(image) * 16383) // 65
    exact = [times[bins <= bin].sum() / times.sum() for bin in bins.flat]
    result = enhance.equalize_adapthist(image, kernel_size, 0.0, out_range=(0, 1))
    np.testing.assert_allclose(result.ravel(), exact, rtol=1e-14)


MEMORY = """
import resource, sys, numpy as np
from cormack import enhance
def peak(): return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
image = np.arange(1 << 22, dtype=np.int32).astype(sys.argv[1]).reshape(64, 256, 256)
mask = image % 3 > 0 if sys.argv[2] == "mask" else None
enhance.equalize_adapthist(image[:16, :16, :16], workers=2)
before = peak()
result = enhance.equalize_adapthist(image, int(sys.argv[3]) or None, mask=mask, workers=2)
print(peak() - before - result.nbytes)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory as Linux gives it")
@pytest.mark.parametrize(
    ("dtype", "mask", "kernel", "limit"),
    [("uint8", "", 0, 3), ("int16", "", 0, 3), ("int16", "mask", 0, 3), ("float32", "", 0, 7), ("int16", "", 4, 36)],
)
def test_peak_memory(dtype, mask, kernel, limit):
    """Beyond the result, in MiB: bins of types that have no table of them, and 512 maps, or 32 MiB of small ones."""
    command = [sys.executable, "-c", MEMORY, dtype, mask, str(kernel)]
    output = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(output.stdout) <= limit << 20


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"image": np.zeros(5)}, ValueError, r"equalize_adapthist: `image` must be 2-D or 3-D, got shape \(5,\)"),
        ({"image": np.zeros((2, 2), complex)}, TypeError, r"`image` must have one of the dtypes"),
        ({"image": np.zeros((2, 2), object)}, TypeError, r"`image` must have one of the dtypes"),
        ({"image": np.array([[0, np.inf]])}, ValueError, r"`image` must be finite or NaN, got values from 0.0 to inf"),
        (
            {"image": np.array([[0, -np.inf]]), "in_range": (0, 1)},
            ValueError,
            r"`image` must be finite or NaN, got values from -inf",
        ),
        ({"image": np.array([[-1e308, 1e308]])}, ValueError, r"`in_range` must have a finite width, got"),
        ({"kernel_size": 0}, ValueError, r"equalize_adapthist: `kernel_size` must be at least 1, got 0"),
        ({"kernel_size": (3, -1)}, ValueError, r"`kernel_size` must be at least 1, got -1"),
        ({"kernel_size": (3, 3, 3)}, ValueError, r"`kernel_size` must be one value or one for each of 2 axes"),
        ({"kernel_size": 2.5}, TypeError, r"`kernel_size` must be an int, got 2.5"),
        ({"kernel_size": 50000}, ValueError, r"`kernel_size` must stand for at most 2147483647 voxels, got 50000"),
        ({"clip_limit": -0.1}, ValueError, r"equalize_adapthist: `clip_limit` must be at least 0, got -0.1"),
        ({"clip_limit": 1.5}, ValueError, r"equalize_adapthist: `clip_limit` must be at most 1, got 1.5"),
        ({"clip_limit": np.nan}, ValueError, r"equalize_adapthist: `clip_limit` must be finite, got nan"),
        ({"nbins": 0}, ValueError, r"equalize_adapthist: `nbins` must be at least 1, got 0"),
        ({"nbins": 16385}, ValueError, r"equalize_adapthist: `nbins` must be at most 16384, got 16385"),
        ({"nbins": 2.0}, TypeError, r"equalize_adapthist: `nbins` must be an int, got 2.0"),
        ({"mask": np.zeros((2, 2))}, ValueError, r"equalize_adapthist: `mask` must contain a voxel, got none"),
        ({"mask": np.zeros((2, 3))}, ValueError, r"equalize_adapthist: `mask` must have shape \(2, 2\)"),
        (
            {"image": np.array([[0, np.nan]]), "mask": np.array([[False, True]])},
            ValueError,
            r"`mask` must contain a voxel that is not NaN, got none",
        ),
        ({"in_range": "uint8"}, ValueError, r"`in_range` must be one of 'image', 'dtype', got 'uint8'"),
        ({"in_range": (2, 1)}, ValueError, r"equalize_adapthist: `in_range` must not decrease, got \(2.0, 1.0\)"),
        ({"out_range": (0, np.nan)}, ValueError, r"equalize_adapthist: `out_range` must be finite, got nan"),
        ({"image": np.zeros((2, 2), bool), "out_range": (0, 2)}, ValueError, r"`out_range` must lie in \[0, 1\] for a"),
        ({"workers": 0}, ValueError, r"equalize_adapthist: `workers` must be at least 1, got 0"),
    ],
)
def test_rejects(arguments, kind, message):
    with pytest.raises(kind, match=message):
        enhance.equalize_adapthist(**{"image": np.zeros((2, 2), np.int16), **arguments})


def test_bindings_refuse_maps_that_do_not_suit():
    image = np.zeros((2, 2, 2), np.uint8)
    settings = ([1, 1, 1], 0.01, 256, 0.0, 255.0, 0.0, 255.0)

    def apply(maps, whole, origin=(0, 0, 0)):
        _cormack_cpu.adapthist_apply(image, None, image.copy(), maps, list(origin), list(whole), *settings)

    maps = np.zeros((8, 256), np.float32)
    # What came from another process often is.
    maps.flags.writeable = False
    apply(maps, (2, 2, 2))
    # As many tiles as 64 bits count as none.
    for whole in ((2**32, 2**32, 2), (2**62, 2**62, 2**62), (2**63 - 1, 2, 2)):
        with pytest.raises(ValueError, match="do not suit"):
            apply(np.zeros((1, 0), np.float32), whole)
    for maps in (np.zeros((8, 255), np.float32), np.zeros((7, 256), np.float32), np.zeros((8, 256))):
        with pytest.raises(ValueError, match="do not suit"):
            apply(maps, (2, 2, 2))
    for whole, origin in (((1, 2, 2), (0, 0, 0)), ((2, 2, 2), (0, 0, 1)), ((-(2**63), 2, 2), (0, 0, 0))):
        with pytest.raises(ValueError, match="part must lie in the image"):
            apply(np.zeros((8, 256), np.float32), whole, origin)
