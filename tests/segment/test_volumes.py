"""Volumes go in and come out, and bring their spacing."""

from __future__ import annotations

import numpy as np
import pytest

from cormack import Volume
from cormack.segment import (
    clear_border,
    confidence_connected,
    connected_threshold,
    fill_holes,
    flood,
    flood_fill,
    isolated_connected,
    label,
    label_statistics,
    largest_component,
    neighborhood_connected,
    remove_small_objects,
    screen,
)

ARRAY = np.random.default_rng(0).integers(0, 3, (6, 20, 30)).astype(np.int16)
VOLUME = Volume(ARRAY, spacing=(3.0, 0.5, 0.25))


@pytest.mark.parametrize(
    "operation",
    [
        lambda image: connected_threshold(image, (3, 3, 3), 0, 1),
        lambda image: confidence_connected(image, (3, 3, 3)),
        lambda image: neighborhood_connected(image, (3, 3, 3), 0, 1),
        lambda image: isolated_connected(image, (3, 3, 3), (4, 4, 4))[0],
        lambda image: flood(image, (3, 3, 3)),
        lambda image: flood_fill(image, (3, 3, 3), 9),
        lambda image: label(image)[0],
        lambda image: screen(image, voxel_count=(3, None))[0],
        lambda image: remove_small_objects(image, 5),
        largest_component,
        fill_holes,
        clear_border,
    ],
)
def test_volume_in_volume_out(operation):
    found = operation(VOLUME)
    assert isinstance(found, Volume)
    assert found.spacing == VOLUME.spacing
    np.testing.assert_array_equal(found.array, operation(ARRAY))


def test_spacing_comes_from_either_volume_unless_given():
    voxel = 3.0 * 0.5 * 0.25
    counts = label_statistics(ARRAY)["voxel_count"]
    np.testing.assert_allclose(label_statistics(VOLUME)["volume_mm3"], counts * voxel)
    np.testing.assert_allclose(label_statistics(ARRAY, VOLUME)["volume_mm3"], counts * voxel)
    np.testing.assert_allclose(label_statistics(VOLUME, VOLUME, spacing=2)["volume_mm3"], counts * 8.0)
    _, table = screen(VOLUME, volume_mm3=(None, 0.0))
    np.testing.assert_allclose(table["volume_mm3"], counts * voxel)
    assert not table["kept"].any()
