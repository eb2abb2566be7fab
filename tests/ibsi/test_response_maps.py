"""Filters against the reference response maps of IBSI 2, phase 1.

The maps and phantoms are those of the Image Biomarker Standardisation Initiative: theibsi/ibsi_2_reference_data (CC0);
Whybra et al., Radiology 2024;310:e231319.
"""

from __future__ import annotations

import csv
from math import pi

import numpy as np
import pytest

from cormack import filters, io

# IBSI's names of borders.
MODES = {"zero": "constant", "nearest value": "nearest", "periodic": "wrap", "mirror": "reflect"}
SLICES = {"axes": (1, 2)}


def mean(volume, **settings):
    return filters.uniform_filter(volume, 15, output=np.float32, **settings)


def log(volume, sigma_mm, **settings):
    return filters.gaussian_laplace(volume, sigma_mm / 2, **settings)


def laws(volume, kernels, pooling=None, distance=None, **settings):
    return filters.laws_filter(volume, kernels, rotation_invariant=pooling, energy_distance=distance, **settings)


def gabor(volume, sigma, wavelength, gamma, **settings):
    return filters.gabor_filter(volume, sigma, wavelength, gamma, unit="mm", **settings)


def wavelet(volume, name, subband, level=1, pooling=None, **settings):
    return filters.wavelet_filter(volume, name, subband, level, rotation_invariant=pooling, **settings)


def riesz_log(volume, sigma_mm, order, **settings):
    return filters.riesz_filter(log(volume, sigma_mm, **settings), order, **settings)


def all_planes(step):
    return {"theta_step": step, "orthogonal_planes": True}


simoncelli = filters.simoncelli_filter

TESTS = {
    "1.a.1": (mean,),
    "1.a.2": (mean,),
    "1.a.3": (mean,),
    "1.a.4": (mean,),
    "1.b.1": (mean, SLICES),
    "2.a": (log, 3.0),
    "2.b": (log, 5.0),
    "2.c": (log, 5.0, SLICES),
    "3.a.1": (laws, "E5L5S5"),
    "3.a.2": (laws, "E5L5S5", "max"),
    "3.a.3": (laws, "E5L5S5", "max", 7),
    "3.b.1": (laws, "E3W5R5"),
    "3.b.2": (laws, "E3W5R5", "max"),
    "3.b.3": (laws, "E3W5R5", "max", 7),
    "3.c.1": (laws, "L5S5", SLICES),
    "3.c.2": (laws, "L5S5", "max", SLICES),
    "3.c.3": (laws, "L5S5", "max", 7, SLICES),
    "4.a.1": (gabor, 10, 4, 1 / 2, {"theta": pi / 3}),
    "4.a.2": (gabor, 10, 4, 1 / 2, all_planes(pi / 4)),
    "4.b.1": (gabor, 20, 8, 5 / 2, {"theta": 5 * pi / 4}),
    "4.b.2": (gabor, 20, 8, 5 / 2, all_planes(pi / 8)),
    "5.a.1": (wavelet, "db2", "LHL"),
    "5.a.2": (wavelet, "db2", "LHL", 1, "average"),
    "6.a.1": (wavelet, "coif1", "HHL"),
    "6.a.2": (wavelet, "coif1", "HHL", 1, "average"),
    "7.a.1": (wavelet, "haar", "LLL", 2, "average"),
    "7.a.2": (wavelet, "haar", "HHH", 2, "average"),
    "8.a.1": (simoncelli, 1),
    "8.a.2": (simoncelli, 2),
    "8.a.3": (simoncelli, 3),
    "9.a": (riesz_log, 3.0, (0, 0, 1)),
    "9.b.1": (riesz_log, 3.0, (0, 2, 0)),
    "10.b.1": (simoncelli, 1, {"riesz_order": (0, 2, 0)}),
}


@pytest.fixture(scope="module")
def configurations(shared):
    with (shared / "reference/ibsi/ibsi2_phase1_configurations.csv").open(newline="") as file:
        return {row["test_id"]: row for row in csv.DictReader(file)}


@pytest.mark.parametrize("test_id", TESTS)
def test_matches_ibsi(shared, configurations, test_id, record_property):
    row = configurations[test_id]
    volume = io.read(shared / "data/ibsi2_digital_phantoms" / f"{row['phantom']}.nii.gz")
    expected = io.read(shared / "reference/ibsi" / row["reference_map"]).array.astype(np.float64)
    run, *settings = TESTS[test_id]
    keywords = settings.pop() if settings and isinstance(settings[-1], dict) else {}
    response = run(volume, *settings, mode=MODES[row["boundary"]], **keywords)
    assert response.spacing == volume.spacing
    assert response.array.dtype == np.float32
    difference, tolerance = float(np.abs(response.array - expected).max()), float(row["tolerance"])
    record_property("ibsi map", difference <= tolerance)
    record_property("ibsi response", (test_id, row["filter"], difference, tolerance))
    assert difference <= tolerance


def test_every_standardised_map_has_a_test(configurations):
    assert set(TESTS) == {name for name, row in configurations.items() if row["reference_map"]}
