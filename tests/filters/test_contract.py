"""What all neighbourhood filters promise: axes, batches, output, aliasing, strides, empty images, dtypes."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cormack import Volume, _arrays, _cormack_cpu, filters


def window_for(image, axes=None, **_):
    """Weights with an axis for each filtered one, that are no product of kernels."""
    count = np.ndim(image) if axes is None else np.size(axes)
    return 0.1 / (1 + sum((index - 1) ** 2 for index in np.indices((3,) * count)))


FILTERS = {
    "minimum": lambda image, **keywords: filters.minimum_filter(image, 3, **keywords),
    "maximum": lambda image, **keywords: filters.maximum_filter(image, 4, **keywords),
    "erosion": lambda image, **keywords: filters.grey_erosion(image, 3, **keywords),
    "closing": lambda image, **keywords: filters.grey_closing(image, 2, **keywords),
    "top-hat": lambda image, **keywords: filters.white_tophat(image, 3, **keywords),
    "morphological gradient": lambda image, **keywords: filters.morphological_gradient(image, 3, **keywords),
    "rank": lambda image, **keywords: filters.rank_filter(image, -1, 3, **keywords),
    "percentile": lambda image, **keywords: filters.percentile_filter(image, 70, 3, **keywords),
    "median": lambda image, **keywords: filters.median_filter(image, 3, **keywords),
    "non-local means": lambda image, **keywords: filters.non_local_means(image, 3, 2, 60, **keywords),
    "uniform": lambda image, **keywords: filters.uniform_filter(image, 3, **keywords),
    "bilateral": lambda image, **keywords: filters.bilateral_filter(image, 0.8, 40, **keywords),
    "diffusion": lambda image, **keywords: filters.anisotropic_diffusion(image, 2, kappa=90, **keywords),
    "curvature": lambda image, **keywords: filters.anisotropic_diffusion(image, method="curvature", **keywords),
    "total variation": lambda image, **keywords: filters.total_variation(image, 40, max_num_iter=9, **keywords),
    "gaussian": lambda image, **keywords: filters.gaussian_filter(image, 0.8, **keywords),
    "correlate": lambda image, **keywords: filters.correlate(image, window_for(image, **keywords), **keywords),
    "unsharp mask": lambda image, **keywords: filters.unsharp_mask(image, 0.8, 0.5, **keywords),
    "masked": lambda image, **keywords: filters.uniform_filter(image, 3, mask=np.ones(np.shape(image)), **keywords),
}
VOLUME = np.random.default_rng(5).integers(-500, 500, (7, 10, 13)).astype(np.int16)
SERIES = np.random.default_rng(6).integers(0, 255, (2, 3, 6, 8, 9)).astype(np.uint8)

every_filter = pytest.mark.parametrize("run", FILTERS.values(), ids=FILTERS)


@every_filter
@pytest.mark.parametrize("dtype", [str(dtype) for dtype in _arrays.DTYPES])
def test_the_type_that_comes_in_goes_out(run, dtype):
    assert run(VOLUME.astype(dtype)).dtype == dtype


@every_filter
@pytest.mark.parametrize(
    "view",
    [
        VOLUME[::-1, ::2, ::-1],
        VOLUME.transpose(2, 0, 1),
        np.asfortranarray(VOLUME),
        VOLUME[:, :, 3],
        np.broadcast_to(VOLUME[:1], (4, 10, 13)),
        np.broadcast_to(VOLUME[:, :, :1], (7, 10, 5)),
    ],
    ids=["reversed", "transposed", "fortran", "slice", "repeated planes", "repeated columns"],
)
def test_strides_do_not_matter(run, view):
    np.testing.assert_array_equal(run(view), run(np.ascontiguousarray(view)))


@every_filter
def test_axes_filter_slices_alone(run):
    expected = np.stack([run(plane) for plane in VOLUME])
    np.testing.assert_array_equal(run(VOLUME, axes=(1, 2)), expected)
    np.testing.assert_array_equal(run(VOLUME, axes=(-1, -2)), expected)


@every_filter
def test_other_axes_are_a_batch(run):
    expected = np.stack([[run(volume) for volume in group] for group in SERIES])
    np.testing.assert_array_equal(run(SERIES, axes=(2, 3, 4)), expected)
    moved = np.moveaxis(SERIES, (0, 1), (4, 2))
    np.testing.assert_array_equal(run(moved, axes=(0, 1, 3)), np.moveaxis(expected, (0, 1), (4, 2)))


@every_filter
def test_one_axis_alone(run):
    line = VOLUME[0, 0]
    np.testing.assert_array_equal(run(line), run(line[np.newaxis], axes=1)[0])


@every_filter
def test_more_than_three_filtered_axes_are_refused(run):
    with pytest.raises(ValueError, match="`axes` must name at most 3 axes"):
        run(SERIES)


@every_filter
@pytest.mark.parametrize("axes", [(0, 0), (3,), (0, -3)], ids=str)
def test_axes_that_do_not_exist_or_repeat_are_refused(run, axes):
    with pytest.raises(ValueError, match="`axes` must name"):
        run(VOLUME, axes=axes)


@every_filter
def test_output_array_is_filled_and_returned(run):
    output = np.empty_like(VOLUME)
    assert run(VOLUME, output=output) is output
    np.testing.assert_array_equal(output, run(VOLUME))


@every_filter
def test_output_may_have_any_strides(run):
    output = np.zeros((14, 10, 26), np.int16)[::2, ::-1, ::2]
    run(VOLUME, output=output)
    np.testing.assert_array_equal(output, run(VOLUME))


@every_filter
def test_in_place_and_overlapping(run):
    image = VOLUME.copy()
    run(image, output=image)
    np.testing.assert_array_equal(image, run(VOLUME))
    longer = np.concatenate([VOLUME, VOLUME[:1]])
    run(longer[:-1], output=longer[1:])
    np.testing.assert_array_equal(longer[1:], run(VOLUME))


@every_filter
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_floating_output_converts_the_input_first(run, dtype):
    result = run(VOLUME, output=dtype)
    assert result.dtype == dtype
    np.testing.assert_array_equal(result, run(VOLUME.astype(dtype)))


@every_filter
def test_other_outputs_are_refused(run):
    with pytest.raises(TypeError, match="`output` must have the input's dtype int16, float32 or float64, got uint8"):
        run(VOLUME, output=np.uint8)
    with pytest.raises(TypeError, match="`output` must be an array, a dtype or None"):
        run(VOLUME, output="no dtype")
    with pytest.raises(ValueError, match=r"`output` must have shape \(7, 10, 13\), got \(2, 2\)"):
        run(VOLUME, output=np.empty((2, 2), np.int16))
    frozen = np.empty_like(VOLUME)
    frozen.flags.writeable = False
    with pytest.raises(ValueError, match="`output` must be writeable"):
        run(VOLUME, output=frozen)


@every_filter
@pytest.mark.parametrize("shape", [(0,), (0, 5), (4, 0, 3), (0, 0, 0)], ids=str)
def test_empty_images_stay_empty(run, shape):
    assert run(np.empty(shape, np.float32)).shape == shape


@every_filter
def test_a_scalar_is_refused(run):
    with pytest.raises(ValueError, match="`input` must have at least one axis"):
        run(np.float32(3))


@every_filter
@given(
    image=hnp.arrays(np.int16, hnp.array_shapes(min_dims=2, max_dims=3, max_side=12)),
    workers=st.integers(2, 5),
)
def test_any_number_of_threads_gives_the_same_bits(run, image, workers):
    assert run(image, workers=workers).tobytes() == run(image, workers=1).tobytes()


@every_filter
def test_a_number_in_an_array_is_a_number(run):
    np.testing.assert_array_equal(
        run(VOLUME[0], axes=np.array(1), workers=np.int64(2)), run(VOLUME[0], axes=1, workers=2)
    )


@every_filter
def test_workers_that_are_no_number_are_refused(run):
    with pytest.raises(TypeError, match=r": `workers` must be an int, got array\(\[3, 3\]\)"):
        run(VOLUME, workers=np.array([3, 3]))


def test_memory_that_is_not_there_is_explained(monkeypatch):
    def fail(*_):
        raise MemoryError("std::bad_alloc")

    monkeypatch.setattr(_cormack_cpu, "uniform_filter", fail)
    with pytest.raises(MemoryError, match=r"^uniform_filter: the window of this filter takes more memory"):
        filters.uniform_filter(VOLUME, 3)


WINDOWS = {
    "median": lambda image, size, **keywords: filters.median_filter(image, size, **keywords),
    "minimum": lambda image, size, **keywords: filters.minimum_filter(image, size, **keywords),
    "maximum": lambda image, size, **keywords: filters.maximum_filter(image, size, **keywords),
    "opening": lambda image, size, **keywords: filters.grey_opening(image, size, **keywords),
    "rank": lambda image, size, **keywords: filters.rank_filter(image, 0, size, **keywords),
    "percentile": lambda image, size, **keywords: filters.percentile_filter(image, 30, size, **keywords),
    "uniform": lambda image, size, **keywords: filters.uniform_filter(image, size, **keywords),
}
every_window = pytest.mark.parametrize("run", WINDOWS.values(), ids=WINDOWS)


@every_window
@pytest.mark.parametrize(
    ("size_mm", "voxels"),
    [(5, (1, 5, 7)), (4, (1, 5, 5)), (0.1, (1, 1, 1)), ((10, 3, 2.2), (3, 3, 3)), (5.9, (3, 5, 7))],
    ids=str,
)
def test_sizes_in_mm_are_the_nearest_odd_numbers_of_voxels(run, size_mm, voxels):
    spacing = (2.6, 1.0, 0.8)
    expected = run(VOLUME, voxels)
    np.testing.assert_array_equal(run(VOLUME, size_mm, spacing=spacing, unit="mm"), expected)
    volume = run(Volume(VOLUME, spacing), size_mm, unit="mm")
    np.testing.assert_array_equal(volume.array, expected)
    plane = run(VOLUME, size_mm if np.ndim(size_mm) == 0 else size_mm[1:], spacing=spacing, unit="mm", axes=(1, 2))
    np.testing.assert_array_equal(plane, run(VOLUME, voxels[1:], axes=(1, 2)))


@every_window
@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"unit": "cm"}, "`unit` must be one of 'voxel', 'mm', got 'cm'"),
        ({"unit": "mm"}, '`spacing` must be given for unit="mm" where `input` is no Volume'),
        ({"spacing": 1.0}, "`unit` must be 'mm' where `spacing` is given"),
        ({"unit": "mm", "spacing": (1, 0, 1)}, "`spacing` must be above 0, got 0"),
        ({"unit": "mm", "spacing": 1e-9}, "`size` must reach less than 16777216 voxels"),
    ],
    ids=lambda value: "" if isinstance(value, str) else str(value),
)
def test_wrong_units_are_refused(run, keywords, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        run(VOLUME, 3, **keywords)


def test_a_footprint_has_no_unit():
    with pytest.raises(ValueError, match="`unit` must be 'voxel', and `spacing` None, where `footprint` is given"):
        filters.median_filter(VOLUME, footprint=np.ones((3, 3, 3)), unit="mm", spacing=1.0)
