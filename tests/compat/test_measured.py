"""Every column that PyRadiomics 3.1.0 gives, its order and its value, over settings, image types, masks and grids."""

from __future__ import annotations

import ast
import logging

import numpy as np
import pytest

from cormack.compat.radiomics import RadiomicsFeatureExtractor

from . import measured

sitk = pytest.importorskip("SimpleITK")


@pytest.fixture(scope="module")
def images():
    return measured.as_images(sitk)


@pytest.fixture(scope="module")
def columns():
    return measured.read()


def extract(case, images):
    extractor = RadiomicsFeatureExtractor(case.params, **case.settings)
    return extractor.execute(images[case.image], images[case.mask], case.label)


def near(ours, theirs, tolerance):
    ours, theirs = np.ravel(np.asarray(ours, float)), np.ravel(np.asarray(theirs, float))
    return ours.shape == theirs.shape and np.allclose(ours, theirs, rtol=tolerance, atol=1e-11, equal_nan=True)


@pytest.mark.parametrize("name", measured.CASES)
def test_columns_and_values(name, images, columns, caplog):
    caplog.set_level(logging.ERROR)
    case = measured.CASES[name]
    found = {
        column: value
        for column, value in extract(case, images).items()
        if "_Versions_" not in column and "_Configuration_" not in column
    }
    expected = columns[name]
    assert list(found) == list(expected)
    wrong = []
    for column, text in expected.items():
        if column.endswith(("_Hash", "_Dimensionality")):
            agrees = found[column] == text
        else:
            # SimpleITK computes gradients, LoG and normalised float32 images in float32, in an order of its own.
            loose = column.startswith(("gradient", "log")) or case.image == "float32"
            theirs = ast.literal_eval(text.replace("nan", "None"))
            theirs = np.nan if theirs is None else theirs
            agrees = near(found[column], theirs, 2e-6 if loose else 1e-9)
        if not agrees:
            wrong.append((column, found[column], text))
    assert not wrong


@pytest.mark.parametrize("name", measured.REFUSED)
def test_what_pyradiomics_refuses_is_refused(name, images):
    with pytest.raises(ValueError, match=r"grid|label|minimumROISize|minimumROIDimensions|resampledPixelSpacing"):
        extract(measured.REFUSED[name], images)
