"""Voxel-based extraction against PyRadiomics' own maps of a small region, and against its regions by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cormack import Volume
from cormack.compat.radiomics import RadiomicsFeatureExtractor

STORED = np.load(Path(__file__).parent / "pyradiomics_voxels.npz")
FEATURES = STORED["features"].tolist()
CLASSES = ("firstorder", "glcm", "gldm", "glrlm", "glszm", "ngtdm")
SETTINGS = {
    "default": {"binWidth": 25},
    "planes": {"binWidth": 20, "kernelRadius": 2, "force2D": True, "force2Ddimension": 1, "initValue": -7},
    "unmasked": {"binCount": 8, "maskedKernel": False},
    "merged": {
        "binWidth": 20,
        "distances": [1, 2],
        "kernelRadius": 2,
        "gldm_a": 1,
        "voxelArrayShift": 300,
        "weightingNorm": "no_weighting",
    },
}


def volume(array):
    return Volume(array, (2.0, 0.9, 0.8), (3, 2, 1))


def maps(image, mask, classes=CLASSES, **settings):
    extractor = RadiomicsFeatureExtractor(additionalInfo=False, **settings)
    extractor.disableAllFeatures()
    for name in (*classes, "shape"):
        extractor.enableFeatureClassByName(name)
    return extractor.execute(image, mask, voxelBased=True)


@pytest.mark.parametrize("case", SETTINGS)
def test_matches_pyradiomics(case):
    image, mask = STORED["image"], STORED["mask"]
    found = maps(volume(image), volume(mask), **SETTINGS[case])
    assert sorted(found) == FEATURES
    for name, wanted in zip(FEATURES, STORED[case], strict=True):
        values = np.asarray(found[name].array)
        assert found[name].spacing == (2.0, 0.9, 0.8)
        assert (values[mask == 0] == SETTINGS[case].get("initValue", 0)).all()
        ours = values[mask > 0]
        if name.endswith("MCC") and (wanted == SETTINGS[case].get("initValue", 0)).all():
            # It gives up where one voxel lacks pairs in one direction.
            continue
        if name.endswith("JointAverage"):
            # NaN there, where the other features are means over the other directions.
            ours = np.where(np.isnan(wanted), np.nan, ours)
        np.testing.assert_allclose(ours, wanted, rtol=1e-9, atol=1e-9, err_msg=name)


def test_maximal_correlation_matches_pyradiomics_regions():
    # MCC of each neighbourhood as a region of its own.
    image, mask = STORED["image"], STORED["mask"]
    found = maps(volume(image), volume(mask), ["glcm"], binWidth=25)["original_glcm_MCC"].array
    extractor = RadiomicsFeatureExtractor({"featureClass": {"glcm": ["MCC"]}}, additionalInfo=False, binWidth=25)
    compared = 0
    for at in np.argwhere(mask):
        box = tuple(slice(max(0, x - 1), x + 2) for x in at)
        inside = mask[box]
        if min(inside.sum(axis=axis).max() for axis in range(3)) < 2 or len(np.unique(image[box][inside > 0])) < 3:
            continue
        wanted = extractor.execute(volume(image[box]), volume(inside))["original_glcm_MCC"]
        # One level in a direction: 0, as of a level that does not occur there.
        if not np.isnan(wanted):
            np.testing.assert_allclose(found[tuple(at)], wanted, rtol=0, atol=1e-9)
            compared += 1
    assert compared > 20


def test_result_is_the_box_and_its_neighbourhoods():
    image = np.zeros((9, 10, 11), np.float32)
    image[4, 5, 6] = 8
    mask = np.zeros(image.shape, np.uint8)
    mask[4, 4:6, 5:7] = 3
    found = maps(volume(image), volume(mask), ["firstorder"], kernelRadius=2, label=3)["original_firstorder_Maximum"]
    assert found.shape == (5, 6, 6)
    np.testing.assert_array_equal(found.origin, volume(image).index_to_world((2, 2, 3)))
    assert found.array[2, 2:4, 2:4].tolist() == [[8.0, 8.0], [8.0, 8.0]]


def test_simpleitk_in_gives_simpleitk_out_and_pictures_have_maps():
    sitk = pytest.importorskip("SimpleITK")
    image, mask = STORED["image"], STORED["mask"]
    found = maps(volume(image).to_sitk(), volume(mask).to_sitk(), ["ngtdm"])
    assert isinstance(found["original_ngtdm_Contrast"], sitk.Image)
    assert found["original_ngtdm_Contrast"].GetPixelID() == sitk.sitkFloat64
    picture, region = Volume(image[2], (0.9, 0.8)), Volume(mask[2], (0.9, 0.8))
    flat = maps(picture, region, ["glszm"])["original_glszm_ZonePercentage"]
    assert flat.shape == picture.shape


def test_voxel_settings_of_a_parameter_file():
    extractor = RadiomicsFeatureExtractor(
        {"voxelSetting": {"kernelRadius": 2, "maskedKernel": False, "initValue": float("nan"), "voxelBatch": 100}}
    )
    assert extractor.settings["kernelRadius"] == 2
    assert extractor.settings["maskedKernel"] is False
    with pytest.raises(ValueError, match="voxelSetting `kernelRadius` must be a whole number from 1 to 7, got 8"):
        RadiomicsFeatureExtractor({"voxelSetting": {"kernelRadius": 8}})


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("glcm", {"weightingNorm": "euclidean"}, "`weightingNorm` must be none or no_weighting for maps of glcm"),
        ("glrlm", {"weightingNorm": "manhattan"}, "`weightingNorm` must be none or no_weighting for maps of glrlm"),
        ("glcm", {"symmetricalGLCM": False}, "`symmetricalGLCM` must be true for maps of glcm"),
        ("gldm", {"distances": [2]}, "`distances` must be 1, 2, ... for maps of gldm, got"),
    ],
)
def test_rejects_settings_without_maps(name, settings, message):
    with pytest.raises(ValueError) as error:
        maps(volume(STORED["image"]), volume(STORED["mask"]), [name], **settings)
    assert message in str(error.value)
