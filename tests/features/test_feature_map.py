"""feature_map: every voxel's neighbourhood as a region of its own, by first_order and glcm."""

from __future__ import annotations

import numpy as np
import pytest

from cormack import Volume, features
from cormack.features import feature_map
from cormack.features._feature_map import _OF_INTENSITIES, _OF_PAIRS

RNG = np.random.default_rng(3)
SHAPE = (7, 9, 8)
IMAGE = (RNG.normal(0, 60, SHAPE) + 9 * np.arange(8)).astype(np.int16)
MASK = np.zeros(SHAPE, np.uint8)
MASK[1:6, 2:9, 0:7] = np.where(RNG.random((5, 7, 7)) < 0.7, 2, 1)
MASK[0, 0, 7] = 2
SETTINGS = {"discretisation": "fixed bin size", "bin_size": 20}


def one_by_one(image, inside, feature, radius, settings, flat=False):
    levels, count = features.discretise(image, inside, bin_size=settings["bin_size"])
    result = np.full(image.shape, np.nan)
    for at in np.argwhere(inside):
        reach = [0 if flat and axis == image.ndim - 3 else radius for axis in range(image.ndim)]
        box = tuple(slice(max(0, x - r), x + r + 1) for x, r in zip(at, reach, strict=True))
        if feature in _OF_INTENSITIES:
            result[tuple(at)] = features.first_order(image[box].astype(np.float64), inside[box])[feature]
            continue
        way = "2.5D merged" if flat or image.ndim == 2 else "3D merged"
        distance = settings.get("distance", 1)
        try:
            found = features.glcm(levels[box], inside[box], level_count=count, aggregation=way, distance=distance)
        except ValueError:
            continue
        result[tuple(at)] = found[feature]
    return result


@pytest.mark.parametrize("feature", [*_OF_INTENSITIES, *_OF_PAIRS])
def test_matches_each_neighbourhood_on_its_own(feature):
    found = feature_map(IMAGE, MASK, feature, settings=SETTINGS, label=2)
    np.testing.assert_allclose(found, one_by_one(IMAGE, MASK == 2, feature, 1, SETTINGS), rtol=1e-9, atol=1e-9)
    reference = one_by_one(IMAGE[3], MASK[3] > 0, feature, 2, SETTINGS)
    found = feature_map(IMAGE[3], MASK[3], feature, radius=2, settings=SETTINGS)
    np.testing.assert_allclose(found, reference, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("feature", ["stat_mean", "stat_max", "cm_joint_avg", "cm_corr"])
@pytest.mark.parametrize("variant", [{"dimension": "2D"}, {"distance": 2}], ids=str)
def test_settings(feature, variant):
    settings = SETTINGS | variant
    wanted = one_by_one(IMAGE, MASK > 0, feature, 2, settings, "dimension" in variant)
    for image in (IMAGE, np.asfortranarray(IMAGE).astype(np.float32)):
        found = feature_map(image, MASK, feature, radius=2, settings=settings)
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)


def test_a_volume_comes_back_and_what_is_outside_does_not_matter():
    image = IMAGE.astype(np.float32)
    image[MASK == 0] = np.nan
    found = feature_map(Volume(image, (3, 1, 1)), MASK, "stat_mean")
    assert found.spacing == (3, 1, 1)
    np.testing.assert_array_equal(np.isnan(found.array), MASK == 0)
    np.testing.assert_array_equal(found.array, feature_map(IMAGE, MASK, "stat_mean"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"feature": "cm_joint_entr"}, "feature_map: `feature` must be one of 'stat_mean'"),
        ({"radius": 0}, "feature_map: `radius` must be at least 1, got 0"),
        ({"radius": 8}, "feature_map: `radius` must be at most 7, got 8"),
        ({"label": 9}, "`label` must be in the mask, got 9"),
        ({"mask": MASK * 0}, "`mask` must contain a voxel, got none"),
        ({"mask": MASK[1:]}, "feature_map: `mask` must have shape (7, 9, 8), got (6, 9, 8)"),
        ({"image": np.full(SHAPE, np.inf)}, "`image` must be finite in the region"),
        ({"settings": {"new_spacing": 2}}, "feature_map: `settings` must have no new spacing, got 2.0"),
    ],
)
def test_rejects(arguments, message):
    with pytest.raises(ValueError) as error:
        feature_map(**{"image": IMAGE, "mask": MASK, "feature": "stat_mean"} | arguments)
    assert message in str(error.value)
