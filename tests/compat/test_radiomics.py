"""PyRadiomics' values and ways, from its measured values on the digital phantom of IBSI."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from cormack import Volume, features
from cormack._errors import GeometryError, ReadError
from cormack.compat.radiomics import RadiomicsFeatureExtractor

DATA = Path(__file__).parents[1] / "ibsi" / "data"
HERE = Path(__file__).parent
with open(HERE / "pyradiomics_digital_phantom.csv", encoding="utf-8") as file:
    MEASURED = [(row["class"], row["feature"], float(row["value"])) for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def phantom() -> tuple[Volume, Volume]:
    nibabel = pytest.importorskip("nibabel")
    image, mask = (np.asarray(nibabel.load(DATA / f"{name}.nii.gz").dataobj).T for name in ("image", "mask"))
    return Volume(image, spacing=2.0), Volume(mask.astype(np.uint8), spacing=2.0)


@pytest.fixture
def case() -> tuple[Volume, Volume]:
    rng = np.random.default_rng(5)
    array = (rng.normal(size=(9, 14, 15)).cumsum(2) * 60).round().astype(np.int16)
    z, y, x = np.ogrid[:9, :14, :15]
    mask = ((z - 4) / 4) ** 2 + ((y - 6) / 6) ** 2 + ((x - 7) / 6) ** 2 <= 1
    return Volume(array, spacing=(2.5, 1.0, 0.8)), Volume(mask.astype(np.uint8), spacing=(2.5, 1.0, 0.8))


def everything(**settings):
    extractor = RadiomicsFeatureExtractor(**settings)
    extractor.enableFeaturesByName(
        **{
            name: list(extractor.getFeatureNames(name))
            for name in extractor.getFeatureClassNames()
            if name != "shape2D"
        }
    )
    return extractor


def test_every_measured_value_of_pyradiomics(phantom):
    found = everything(binWidth=1, additionalInfo=False).execute(*phantom)
    assert len(MEASURED) == 111
    wrong = [
        (name, found.get(f"original_{kind}_{name}"), value)
        for kind, name, value in MEASURED
        if found.get(f"original_{kind}_{name}") != pytest.approx(value, rel=1e-9, abs=1e-12)
    ]
    assert not wrong
    # And nothing beyond what PyRadiomics has.
    assert len(found) == len(MEASURED)
