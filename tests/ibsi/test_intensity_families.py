"""Local intensity, statistics, intensity histogram and intensity-volume histogram on both phantoms of IBSI."""

from __future__ import annotations

import numpy as np
import pytest

from cormack import features

from .tables import mismatches, reference

FAMILIES = {
    "local_intensity": "9ST6",
    "first_order": "UHIW",
    "intensity_histogram": "ZVCW",
    "intensity_volume_histogram": "P88C",
}
CONFIGS = {
    "A": {"range": (-500, 400), "bins": {"bin_size": 25, "lower": -500}},
    "B": {"grid": {"new_spacing": (2, 2), "dimension": "2D"}, "range": (-500, 400), "bins": {"bin_number": 32}},
    "C": {"grid": {"new_spacing": 2}, "range": (-1000, 400), "bins": {"bin_size": 25, "lower": -1000},
          "ivh": {"bin_size": 2.5}},
    "D": {"grid": {"new_spacing": 2}, "sigma": 3, "bins": {"bin_number": 32}},
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
def test_every_value_of_the_digital_phantom_matches(digital_phantom, dtype, isa):
    image, mask, spacing = digital_phantom
    image = image.astype(dtype)
    results = {
        "local_intensity": features.local_intensity(image, mask, spacing=spacing),
        "first_order": features.first_order(image, mask),
        "intensity_histogram": features.intensity_histogram(image.astype(np.int32), mask),
        "intensity_volume_histogram": features.intensity_volume_histogram(image, mask),
    }
    for family, code in FAMILIES.items():
        assert not mismatches(results[family], reference("digital phantom", code))
        assert list(results[family]) == list(features.definitions(code))


@pytest.mark.parametrize("config", CONFIGS)
def test_every_value_of_the_ct_phantom_matches(ct_phantom, config):
    image, mask, spacing = ct_phantom
    how = CONFIGS[config]
    if grid := how.get("grid"):
        image = features.round_intensities(features.resample(image, spacing, **grid)).astype(np.int16)
        mask = features.resample_mask(mask, spacing, **grid)
        spacing = (spacing[0], 2, 2) if grid.get("dimension") == "2D" else 2
    inside = features.resegment(image, mask, intensity_range=how.get("range"), sigma=how.get("sigma"))
    levels, count = features.discretise(image, inside, **how["bins"])
    ivh = how.get("ivh", {})
    results = {
        "local_intensity": features.local_intensity(image, inside, spacing=spacing),
        "first_order": features.first_order(image, inside),
        "intensity_histogram": features.intensity_histogram(levels, inside, level_count=count),
        "intensity_volume_histogram": features.intensity_volume_histogram(
            image, inside, intensity_range=how.get("range"), **ivh
        ),
    }
    for family, code in FAMILIES.items():
        assert not mismatches(results[family], reference(config, code))
    # To more than three digits, where another implementation gives them.
    for row in reference(config, FAMILIES["local_intensity"]):
        assert results["local_intensity"][row.name] == pytest.approx(row.check_value, rel=2e-6)
