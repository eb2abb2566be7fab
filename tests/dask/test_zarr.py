"""From OME-Zarr through blocks and back."""

from __future__ import annotations

import numpy as np
import pytest

da = pytest.importorskip("dask.array")
zarr = pytest.importorskip("zarr")

import cormack.dask as blocks  # noqa: E402
from cormack import Volume, enhance, filters, io, segment  # noqa: E402


def test_a_volume_in_ome_zarr_through_a_chain(tmp_path):
    image = np.random.default_rng(1).normal(0, 200, (40, 60, 70)).astype(np.int16)
    volume = Volume(image, spacing=(3.0, 0.7, 0.7), origin=(1.0, 2.0, 3.0))
    io.write(volume, tmp_path / "ct.ome.zarr")
    lazy = io.open_zarr(tmp_path / "ct.ome.zarr")
    smooth = blocks.gaussian_filter(lazy, 1.5, unit="mm")
    assert isinstance(smooth.array, da.Array)
    assert smooth.same_geometry(volume)
    expected = filters.gaussian_filter(volume, 1.5, unit="mm")
    np.testing.assert_array_equal(smooth.array.compute(), expected.array)
    equal, expected = blocks.equalize_adapthist(smooth), enhance.equalize_adapthist(expected)
    labels, count = blocks.label(equal.replace(equal.array > blocks.threshold_otsu(equal)))
    of_memory, number = segment.label(expected.array > segment.threshold_otsu(expected))
    assert count == number
    out = zarr.create_array(tmp_path / "labels", shape=labels.shape, chunks=(8, 16, 70), dtype="int32")
    blocks.store(labels.array.rechunk((8, 16, 70)), out)
    np.testing.assert_array_equal(out[:], of_memory)
