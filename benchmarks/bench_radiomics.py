"""Radiomics and its processing, on the region that radiomics packages are compared with, beside SciPy and SimpleITK.

Radiomics packages are rows where they are installed, which the extra `bench` does not do: pictologics 0.9 (Python 3.12
on; set PICTOLOGICS_DISABLE_WARMUP=1), mirp 2.7, flash-radiomics 1.0, and PyRadiomics, which has wheels for Python 3.9
and builds for others with ``pip install --no-build-isolation pyradiomics==3.0.1``.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.ndimage
import scipy.signal
import SimpleITK as sitk

from cormack import features

SHAPE, SPACING, NEW_SPACING = (96, 256, 256), (2.0, 0.8, 0.8), 1.3
SETTINGS = {"discretisation": "fixed bin size", "bin_size": 25}


@cache
def region() -> tuple[np.ndarray, np.ndarray]:
    """Return an int16 image and an ellipsoid of 442 291 voxels in it."""
    noise = np.random.default_rng(0).normal(0, 1, SHAPE)
    image = (scipy.ndimage.gaussian_filter(noise, 1.5) * 900 + 40).astype(np.int16)
    z, y, x = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    return image, ((z - 48) / 40) ** 2 + ((y - 128) / 60) ** 2 + ((x - 128) / 44) ** 2 < 1


@cache
def labels() -> tuple[np.ndarray, np.ndarray]:
    """Return the image, and labels: the ellipsoid, and 99 cubes of up to 343 voxels around it."""
    image, inside = region()
    result = np.zeros(SHAPE, np.int16)
    for k in range(99):
        z, y, x = 4 + 9 * (k // 10), 12 + 24 * (k % 10), 20 if k % 2 else 228
        result[z : z + 7, y : y + 7, x : x + 7] = k + 2
    result[inside] = 1
    return image, result


def by_cormack(interpolation: str) -> Callable[[], np.ndarray]:
    image, _ = region()
    return lambda: features.resample(image, SPACING, NEW_SPACING, interpolation=interpolation)


def nodes() -> list[np.ndarray]:
    shape = features.resample(region()[0], SPACING, NEW_SPACING, interpolation="nearest").shape
    return [
        np.clip((np.arange(m) - (m - 1) / 2) * NEW_SPACING / s + (n - 1) / 2, 0, n - 1)
        for m, n, s in zip(shape, SHAPE, SPACING, strict=True)
    ]


def by_scipy(order: int) -> Callable[[], np.ndarray]:
    image = region()[0].astype(np.float32)
    grid = np.stack(np.meshgrid(*nodes(), indexing="ij"))
    return lambda: scipy.ndimage.map_coordinates(image, grid, order=order, mode="mirror")


def by_simpleitk(interpolator: int) -> Callable[[], np.ndarray]:
    image = sitk.GetImageFromArray(region()[0])
    image.SetSpacing(SPACING[::-1])
    resampler = sitk.ResampleImageFilter()
    positions = nodes()
    resampler.SetSize([len(p) for p in positions][::-1])
    resampler.SetOutputSpacing([NEW_SPACING] * 3)
    # Clipped nodes would move the origin: the first one as it is.
    first = [
        ((n - 1) - (len(p) - 1) * NEW_SPACING / s) / 2 * s for n, p, s in zip(SHAPE, positions, SPACING, strict=True)
    ]
    resampler.SetOutputOrigin(first[::-1])
    resampler.SetInterpolator(interpolator)
    resampler.SetOutputPixelType(sitk.sitkFloat32)
    return lambda: sitk.GetArrayFromImage(resampler.Execute(image))


def peaks_by_convolution() -> Callable[[], tuple[float, float]]:
    image, mask = region()
    radius = 10 * (3 / (4 * np.pi)) ** (1 / 3)
    axes = [np.arange(-int(radius / s), int(radius / s) + 1) * s for s in SPACING]
    ball = sum(axis**2 for axis in np.ix_(*axes)) <= radius**2
    inner = tuple(slice(int(where.min()) - 8, int(where.max()) + 9) for where in np.nonzero(mask))
    image, mask = image[inner].astype(np.float64), mask[inner]

    def peaks() -> tuple[float, float]:
        means = scipy.signal.fftconvolve(image, ball / ball.sum(), mode="same")[mask]
        return means[image[mask] == image[mask].max()].max(), means.max()

    return peaks


def numpy_discretise() -> Callable[[], np.ndarray]:
    image, mask = region()
    low = image[mask].min()
    return lambda: np.where(mask, np.floor((image - np.float64(low)) / 25) + 1, 0).astype(np.int32)


def sitk_images() -> tuple[sitk.Image, sitk.Image]:
    image, mask = (sitk.GetImageFromArray(np.asarray(array, np.int16)) for array in region())
    for one in (image, mask):
        one.SetSpacing(SPACING[::-1])
    return image, mask


def extractor_of(package: str) -> Callable[[], dict[str, float]]:
    """Return the extraction of what PyRadiomics has, by it or a package with its interface."""
    module = pytest.importorskip(package)
    if hasattr(module, "setVerbosity"):
        module.setVerbosity(60)
    module = pytest.importorskip(MODULES[package])
    extractor = module.RadiomicsFeatureExtractor(binWidth=25, additionalInfo=False)
    images = sitk_images()
    return lambda: {name: float(value) for name, value in extractor.execute(*images).items()}


MODULES = {
    "cormack": "cormack.compat.radiomics",
    "radiomics": "radiomics.featureextractor",
    "flash_radiomics": "flash_radiomics",
}
DEPARTS = {"flash-radiomics": ("original_firstorder_Kurtosis",)}
IBSI = {**SETTINGS, "resegmentation_range": (-500, 1000)}
# Features of each kind by the names of the others; what they define otherwise is left out.
SHARED = {
    "pictologics": {
        "stat_mean": "mean_intensity_Q4LE",
        "morph_volume": "volume_RNU0",
        "morph_moran_i": "morans_i_index_N365",
        "cm_joint_entr_3D_mrg": "joint_entropy_TU9B",
        "rlm_rl_entr_3D_mrg": "run_entropy_HJ9O",
    },
    "mirp": {
        "stat_mean": "stat_mean",
        "morph_volume": "morph_volume",
        "cm_joint_entr_3D_mrg": "cm_joint_entr_d1_3d_v_mrg_fbs_w25.0",
        "rlm_rl_entr_3D_mrg": "rlm_rl_entr_3d_v_mrg_fbs_w25.0",
    },
}


def ibsi_by_cormack() -> dict[str, float]:
    return features.radiomics(*region(), spacing=SPACING, settings=IBSI).to_dict()


def ibsi_by_pictologics() -> Callable[[], dict[str, float]]:
    pictologics = pytest.importorskip("pictologics")
    image, mask = region()
    images = [
        pictologics.Image(array.T.astype(kind), SPACING[::-1], (0.0, 0.0, 0.0))
        for array, kind in ((image, np.float64), (mask, np.uint8))
    ]
    pipeline = pictologics.RadiomicsPipeline(deduplicate=False, load_standard=False)
    families = ["intensity", "morphology", "texture", "histogram", "ivh"]
    options = {"families": families, "include_spatial_intensity": True, "include_local_intensity": True}
    steps = [
        {"step": "discretise", "params": {"method": "FBS", "bin_width": 25, "min_val": -500}},
        {"step": "extract_features", "params": options},
    ]
    pipeline.add_config("all", steps)
    return lambda: pipeline.run(*images, config_names=["all"])["all"].to_dict()


def ibsi_by_mirp() -> Callable[[], dict[str, float]]:
    mirp = pytest.importorskip("mirp")
    folder = Path(tempfile.mkdtemp())
    for name, image in zip(("image", "mask"), sitk_images(), strict=True):
        sitk.WriteImage(image, folder / f"{name}.nii.gz")

    def extract() -> dict[str, float]:
        (found,) = mirp.extract_features(
            image=str(folder / "image.nii.gz"),
            mask=str(folder / "mask.nii.gz"),
            base_discretisation_method="fixed_bin_size",
            base_discretisation_bin_width=25.0,
            base_feature_families="all",
            resegmentation_intensity_range=[-500.0, 1000.0],
        )
        return dict(found.iloc[0].to_dict())

    return extract


CONTENDERS: dict[str, dict[str, Callable[[], Callable[[], Any]]]] = {
    "resample linear": {
        "cormack": lambda: by_cormack("linear"),
        "simpleitk": lambda: by_simpleitk(sitk.sitkLinear),
        "scipy": lambda: by_scipy(1),
    },
    "resample cubic": {
        "cormack": lambda: by_cormack("cubic"),
        "simpleitk": lambda: by_simpleitk(sitk.sitkBSpline),
        "scipy": lambda: by_scipy(3),
    },
    "discretise": {
        "cormack": lambda: lambda: features.discretise(*region(), bin_size=25)[0],
        "numpy": numpy_discretise,
    },
    "local_intensity": {
        "cormack": lambda: lambda: tuple(features.local_intensity(*region(), spacing=SPACING).values()),
        "scipy fft": peaks_by_convolution,
    },
    "radiomics of 100 labels": {
        "cormack": lambda: lambda: features.radiomics(*labels(), spacing=SPACING, settings=SETTINGS, labels="all"),
    },
    "radiomics": {
        "cormack": lambda: ibsi_by_cormack,
        "pictologics": ibsi_by_pictologics,
        "mirp": ibsi_by_mirp,
    },
    "pyradiomics": {
        "cormack": lambda: extractor_of("cormack"),
        "pyradiomics": lambda: extractor_of("radiomics"),
        "flash-radiomics": lambda: extractor_of("flash_radiomics"),
    },
}
ROWS = [(operation, name) for operation, contenders in CONTENDERS.items() for name in [*contenders, "memcpy"]]


@pytest.mark.parametrize(("operation", "contender"), ROWS, ids=[" ".join(row) for row in ROWS])
def test_radiomics(
    benchmark: Any, operation: str, contender: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # flash-radiomics writes a file where it runs
    benchmark.group = f"{operation} int16 96x256x256"
    if contender == "memcpy":
        image, _ = region()
        benchmark(np.copyto, np.empty_like(image), image)
        return
    function = CONTENDERS[operation][contender]()
    if contender != "cormack" and operation in ("radiomics", "pyradiomics"):
        ours, theirs = CONTENDERS[operation]["cormack"]()(), function()
        same = SHARED.get(contender) or {name: name for name in ours if name not in DEPARTS.get(contender, ())}
        for name, other in same.items():
            assert float(theirs[other]) == pytest.approx(ours[name], rel=1e-6), name
    elif contender != "cormack":
        ours, theirs = np.asarray(CONTENDERS[operation]["cormack"]()()), np.asarray(function())
        if contender == "simpleitk":
            # Outside the outermost voxel centres SimpleITK has no value.
            ours, theirs = (array[2:-2, 2:-2, 2:-2] for array in (ours, theirs))
        np.testing.assert_allclose(theirs, ours, rtol=1e-5, atol=5e-3)
    slow = contender in ("pyradiomics", "mirp")
    benchmark.pedantic(function, rounds=2 if slow else 7, warmup_rounds=0 if slow else 1)
