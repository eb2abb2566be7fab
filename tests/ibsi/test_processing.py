"""The state of the CT phantom after every processing step, against the diagnostics of configurations A to D."""

from __future__ import annotations

import numpy as np
import pytest

from cormack import _cormack_cpu, features

from .tables import diagnostics, matches

STEPS = {
    "A": {"resample": None, "resegment": {"intensity_range": (-500, 400)}},
    "B": {"resample": {"new_spacing": (2, 2), "dimension": "2D"}, "resegment": {"intensity_range": (-500, 400)}},
    "C": {"resample": {"new_spacing": 2}, "resegment": {"intensity_range": (-1000, 400)}},
    "D": {"resample": {"new_spacing": 2}, "resegment": {"sigma": 3}},
}


def of_image(image, spacing, stage):
    x = image.astype(np.float64)
    values = {"mean_int": x.mean(), "min_int": x.min(), "max_int": x.max()}
    for axis, size, step in zip("zyx", image.shape, spacing, strict=True):
        values |= {f"img_dim_{axis}": size, f"vox_dim_{axis}": step}
    return {f"{name}_{stage}": value for name, value in values.items()}


def of_region(image, intensity_mask, mask, stage):
    inside = image[intensity_mask].astype(np.float64)
    values = {"int_mask_mean_int": inside.mean(), "int_mask_min_int": inside.min(), "int_mask_max_int": inside.max()}
    for name, region in (("int_mask", intensity_mask), ("morph_mask", mask)):
        values[f"{name}_vox_count"] = region.sum()
        for axis, size, where in zip("zyx", region.shape, np.nonzero(region), strict=True):
            values |= {f"{name}_dim_{axis}": size, f"{name}_bb_dim_{axis}": np.ptp(where) + 1}
    return {f"{name}_{stage}": value for name, value in values.items()}


@pytest.mark.parametrize("config", STEPS)
def test_every_step_matches_ibsi_diagnostics(ct_phantom, record_property, config, isa):
    image, mask, spacing = ct_phantom
    found = of_image(image, spacing, "init_img") | of_region(image, mask, mask, "init_roi")
    if how := STEPS[config]["resample"]:
        in_plane = how.get("dimension") == "2D"
        image = features.round_intensities(features.resample(image, spacing, **how))
        mask = features.resample_mask(mask, spacing, **how)
        spacing = (spacing[0], 2, 2) if in_plane else (2, 2, 2)
    found |= of_image(image, spacing, "interp_img") | of_region(image, mask, mask, "interp_roi")
    intensity_mask = features.resegment(image, mask, **STEPS[config]["resegment"])
    found |= of_region(image, intensity_mask, mask, "reseg_roi")
    rows = diagnostics(config)
    wrong = {
        name: (found[name], value, tolerance)
        for _, name, value, tolerance in rows
        # Counts and the image's maximum are given in full, not in three digits.
        if not (matches(found[name], value, tolerance) or abs(found[name] - value) <= tolerance)
    }
    if isa == _cormack_cpu.available_isas()[-1]:
        record_property("ibsi", f"diagnostics {config}: {len(rows) - len(wrong)} of {len(rows)} values match")
        record_property("ibsi diagnostics", (config, len(rows) - len(wrong), len(rows)))
    assert not wrong
    assert len(rows) == 60
