"""Cases whose every column PyRadiomics measured: a phantom, masks, parameters; run as a script, it measures them again.

``python measured.py`` needs PyRadiomics 3.1.0 (it has wheels for CPython 3.9), NumPy 1.26, SimpleITK and scikit-image;
it writes pyradiomics_measured.csv.xz beside itself.
"""

from __future__ import annotations

import csv
import io
import lzma
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

FILE = Path(__file__).with_name("pyradiomics_measured.csv.xz")
SPACING, ORIGIN = (0.8, 1.1, 2.5), (3.0, -7.0, 11.0)


class Case(NamedTuple):
    """What to extract: names of images, and what the extractor gets."""

    image: str = "int16"
    mask: str = "noisy"
    params: dict[str, Any] | None = None
    settings: dict[str, Any] = {}  # noqa: RUF012
    label: int | None = None


_TEXTURES = dict.fromkeys(("firstorder", "glcm", "gldm", "glrlm", "glszm", "ngtdm"))
_SOME = {"firstorder": None, "glcm": ["JointEnergy", "Contrast", "MCC"]}


def _with(image_types: dict[str, Any] | None = None, image: str = "int16", **setting: Any) -> Case:
    return Case(image, params={"imageType": image_types or {"Original": {}}, "featureClass": _SOME, "setting": setting})


def _textures(mask: str = "noisy", *classes: str, **setting: Any) -> Case:
    chosen = dict.fromkeys(classes) if classes else _TEXTURES
    return Case(mask=mask, params={"featureClass": chosen, "setting": {"minimumROIDimensions": 1, **setting}})


_POINTWISE: dict[str, Any] = {name: {} for name in ("Square", "SquareRoot", "Logarithm", "Exponential", "Gradient")}
CASES = {
    "defaults": Case(),
    "label 2": Case(label=2),
    "float mask": Case(mask="float"),
    "second channel": Case(mask="channels", settings={"label_channel": 1}),
    "no classes named": Case(mask="slice", params={"setting": {"force2D": True}}),
    "slice": Case(mask="slice"),
    "slice, plane x": Case(mask="plane", params={"setting": {"force2D": True, "force2Ddimension": 2}}),
    "line": _textures("line", "shape", "glcm", "glrlm"),
    "few voxels": _textures("few", "shape", "glcm", "glrlm", "ngtdm"),
    "picture": Case("picture", "picture mask", params={"featureClass": {**_TEXTURES, "shape": None, "shape2D": None}}),
    "picture, filters": Case(
        "picture",
        "picture mask",
        params={"imageType": {"Wavelet": {}, "LoG": {"sigma": [1.5]}, "Gradient": {}}, "featureClass": _SOME},
    ),
    "picture, resampled": Case("picture", "picture mask", settings={"resampledPixelSpacing": [1.0, 1.3]}),
    "order": Case(
        params={
            "imageType": {"Square": {}, "Original": {"binWidth": 10}},
            "featureClass": {
                "ngtdm": None,
                "glcm": ["MCC", "Contrast", "Homogeneity1", "SumVariance"],
                "firstorder": ["Variance", "Mean", "StandardDeviation"],
                "gldm": ["DependencePercentage", "SmallDependenceEmphasis"],
                "shape": ["Compactness1", "Elongation", "SphericalDisproportion"],
            },
        }
    ),
    "bin count": _with(image="float32", binCount=16),
    "bin width": _with(image="float64", binWidth=7.3),
    "shift": _with(voxelArrayShift=1000, symmetricalGLCM=False),
    "gldm_a": _textures("noisy", "gldm", gldm_a=2),
    "distances 1, 2": _textures("noisy", "glcm", "gldm", "ngtdm", distances=[1, 2]),
    "distances 3, 1": _textures("noisy", "glcm", "gldm", "ngtdm", distances=[3, 1]),
    "distance 2 in planes": _textures("noisy", "gldm", "ngtdm", distances=[2], force2D=True, force2Ddimension=1),
    **{f"force2D {axis}": _textures(force2D=True, force2Ddimension=axis) for axis in range(3)},
    **{
        f"norm {norm}": _textures("noisy", "glcm", "glrlm", weightingNorm=norm)
        for norm in ("manhattan", "euclidean", "infinity", "no_weighting")
    },
    "norm in planes": _textures("noisy", "glcm", "glrlm", weightingNorm="euclidean", force2D=True, force2Ddimension=2),
    "resampled": Case(settings={"resampledPixelSpacing": [1.3, 1.3, 1.3]}),
    "resampled, linear": _with(
        image="float32", resampledPixelSpacing=[2, 2, 2], interpolator="sitkLinear", padDistance=2
    ),
    "resampled in x": _with(resampledPixelSpacing=[0.5, 0, 0], interpolator=2),
    "resampled slice": Case(mask="slice", settings={"resampledPixelSpacing": [1, 1, 1]}),
    "resampled, mask's grid": Case(mask="finer", settings={"resampledPixelSpacing": [1.5, 1.5, 1.5]}),
    "resampled, image's grid": Case(mask="finer", settings={"resampledPixelSpacing": [0.8, 1.1, 2.5]}),
    "mask corrected": Case(mask="finer", settings={"correctMask": True}),
    "mask corrected, cropped": Case(mask="finer", settings={"correctMask": True, "preCrop": True}),
    "cropped": _with({"Original": {}, "LoG": {"sigma": [1.0]}, "Wavelet": {}}, preCrop=True, padDistance=3),
    "resegmented": Case(settings={"resegmentRange": [-120, 150]}),
    "resegmented, one end": Case(settings={"resegmentRange": [0]}),
    "resegmented, relative": Case(settings={"resegmentRange": [0.1, 0.9], "resegmentMode": "relative"}),
    "resegmented, shape": Case(
        settings={"resegmentRange": [-1, 1], "resegmentMode": "sigma", "resegmentShape": True},
    ),
    "resegmented to little": Case(settings={"resegmentRange": [200, 2000]}),
    "normalised": _with(normalize=True, normalizeScale=100),
    "normalised float32": _with(image="float32", normalize=True, normalizeScale=100, removeOutliers=1.5, binWidth=5),
    "pointwise": _with(_POINTWISE),
    "pointwise float32": _with(_POINTWISE, "float32"),
    "gradient of voxels": _with({"Gradient": {"gradientUseSpacing": False}}),
    "LoG": _with({"LoG": {"sigma": [1.0, 2, 3.5, 60]}}, binWidth=5),
    "LoG without sigma": _with({"Original": {}, "LoG": {}}),
    "wavelet": Case(params={"imageType": {"Wavelet": {}}, "featureClass": _SOME}),
    "wavelet, levels": _with({"Wavelet": {"level": 2, "start_level": 1, "wavelet": "db3"}}, binWidth=100),
    "wavelet haar": _with({"Wavelet": {"wavelet": "haar"}}),
    "wavelet in planes": _with({"Wavelet": {"level": 2}}, force2D=True, force2Ddimension=1),
    "own settings": _with({"Original": {"binWidth": 10}, "Square": {"binCount": 8, "force2D": True}}),
    "LBP2D": _with({"LBP2D": {"binWidth": 1}}, force2D=True),
    "LBP2D var": _with(
        {"LBP2D": {"lbp2DRadius": 2, "lbp2DSamples": 12, "lbp2DMethod": "var", "binWidth": 500}},
        "float32",
        force2Ddimension=1,
    ),
}
# What PyRadiomics refuses, too.
REFUSED = {
    "other grid": Case(mask="finer"),
    "absent label": Case(label=5),
    "small": Case(settings={"minimumROISize": 99999}),
    "flat": Case(mask="slice", settings={"minimumROIDimensions": 3}),
    "wrong spacing": Case(settings={"resampledPixelSpacing": [1, 1]}),
}


def arrays() -> dict[str, np.ndarray]:
    """Return images and masks (z, y, x), from formulas."""
    z, y, x = np.ogrid[:15, :24, :26]
    waves = np.sin(0.61 * x + 0.13 * y * z) * 170 + np.cos(0.47 * y - 0.05 * x * z) * 140 + np.sin(1.7 * z + x * y) * 60
    noisy = ((z - 7) / 5) ** 2 + ((y - 11) / 8) ** 2 + ((x - 13) / 9) ** 2 <= 1
    noisy &= (x * 5 + y * 3 + z * z + x * y * z) % 7 > 1
    noisy[2, 3, 3] = True  # far from all others
    labels = noisy.astype(np.uint8)
    labels[2:5, 18:23, 19:24] = 2
    masks = {name: np.zeros(labels.shape, np.uint8) for name in ("slice", "line", "few", "plane")}
    masks["slice"][7] = noisy[7]
    masks["line"][8, 5:20, 7] = 1
    masks["few"][8, 5:7, 7:10] = masks["few"][9, 5, 7] = 1
    masks["plane"][:, :, 9] = noisy[:, :, 12]
    exact = waves.round(6)
    images = {"int16": exact.round().astype(np.int16), "float32": exact.astype(np.float32), "float64": exact}
    flat = {"picture": images["int16"][7], "picture mask": labels[7]}
    return {**images, **masks, **flat, "noisy": labels, "float": labels.astype(np.float32)}


def as_images(sitk: Any) -> dict[str, Any]:
    """Return images and masks of SimpleITK."""
    result = {}
    for name, array in arrays().items():
        image = sitk.GetImageFromArray(array)
        image.SetSpacing(SPACING[: array.ndim])
        image.SetOrigin(ORIGIN[: array.ndim])
        result[name] = image
    result["channels"] = sitk.Compose(result["noisy"] == 2, result["noisy"] == 1)
    finer = sitk.ResampleImageFilter()
    finer.SetOutputSpacing((1, 1, 1))
    finer.SetSize((18, 22, 32))
    finer.SetOutputOrigin((4, -5, 12))
    finer.SetInterpolator(sitk.sitkNearestNeighbor)
    result["finer"] = finer.Execute(result["noisy"])
    return result


def read() -> dict[str, dict[str, str]]:
    """Return the measured columns by case, in their order."""
    found: dict[str, dict[str, str]] = {}
    with lzma.open(FILE, "rt", encoding="utf-8", newline="") as file:
        for name, column, value in csv.reader(file):
            found.setdefault(name, {})[column] = value
    return found


def _measure() -> None:
    import radiomics
    import SimpleITK as sitk
    from radiomics.featureextractor import RadiomicsFeatureExtractor

    radiomics.setVerbosity(60)
    images = as_images(sitk)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for name, case in {**CASES, **REFUSED}.items():
        try:
            extractor = RadiomicsFeatureExtractor(*([case.params] if case.params else []), **case.settings)
            found = extractor.execute(images[case.image], images[case.mask], case.label)
        except (AssertionError, RuntimeError, ValueError):
            if name in CASES:
                raise
            continue
        if name in REFUSED:
            raise ValueError(f"{name}: PyRadiomics accepts it")
        for column, value in found.items():
            if "_Versions_" not in column and "_Configuration_" not in column:
                shown = value if isinstance(value, str) else repr(np.asarray(value).tolist())
                writer.writerow((name, column, shown))
    FILE.write_bytes(lzma.compress(text.getvalue().encode(), preset=9))


if __name__ == "__main__":
    _measure()
