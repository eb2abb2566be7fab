"""Functions of arrays through xarray.apply_ufunc: named dimensions, coordinates in mm, attributes."""

from __future__ import annotations

import numpy as np
import pytest

from cormack import enhance, filters, segment

xarray = pytest.importorskip("xarray")

DIMENSIONS = ["z", "y", "x"]


@pytest.fixture
def series():
    """A scan at two times, its coordinates in mm."""
    return xarray.DataArray(
        np.random.default_rng(0).normal(0, 50, (2, 5, 12, 13)).astype(np.float32),
        dims=("time", *DIMENSIONS),
        coords={"z": np.arange(5) * 3.0, "y": np.arange(12) * 0.8, "x": np.arange(13) * 0.8, "time": [0, 60]},
        attrs={"units": "HU"},
    )


def spacing_of(array):
    return [float(np.diff(array[name]).mean()) for name in DIMENSIONS]


def test_one_volume_keeps_coordinates_and_attributes(series):
    ct = series.isel(time=0)
    arguments = {"sigma": 2.0, "spacing": spacing_of(ct), "unit": "mm"}
    result = xarray.apply_ufunc(filters.gaussian_filter, ct, kwargs=arguments, keep_attrs=True)
    assert result.attrs == ct.attrs
    xarray.testing.assert_equal(result.coords.to_dataset(), ct.coords.to_dataset())
    np.testing.assert_array_equal(result.values, filters.gaussian_filter(ct.values, **arguments))
    mask = xarray.apply_ufunc(segment.connected_threshold, ct, [[2, 6, 6]], -500, 500, input_core_dims=[*[[]] * 4])
    assert mask.dtype == bool
    assert mask.dims == ct.dims


def test_other_dimensions_are_batches(series):
    result = xarray.apply_ufunc(
        filters.median_filter,
        series.transpose("z", "time", "y", "x"),
        input_core_dims=[DIMENSIONS],
        output_core_dims=[DIMENSIONS],
        kwargs={"size": 3, "axes": (-3, -2, -1)},
    )
    assert result.dims == series.dims
    np.testing.assert_array_equal(result[1], filters.median_filter(series[1].values, 3))
    equalized = xarray.apply_ufunc(
        enhance.equalize_hist, series, input_core_dims=[DIMENSIONS], output_core_dims=[DIMENSIONS], vectorize=True
    )
    np.testing.assert_array_equal(equalized[0], enhance.equalize_hist(series[0].values))
