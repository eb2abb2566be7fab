"""What is measured: one row per operation, the call of Cormack and those of its peers."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .. import detect, enhance, features, filters, segment
from ..phantoms import chest_ct

__all__ = ["OPERATIONS", "PEERS", "Row", "Subject"]

# Import name of each peer; those that are not installed are left out.
PEERS = {"SciPy": "scipy.ndimage", "scikit-image": "skimage", "SimpleITK": "SimpleITK"}

Array = npt.NDArray[Any]


class Subject:
    """The image and what is made of it before the clock runs."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        # The anatomy fills 190 x 330 x 330 mm, whatever the number of voxels.
        self.spacing = tuple(extent / n for extent, n in zip((192.0, 333.0, 333.0), shape, strict=True))
        phantom = chest_ct(shape, self.spacing)
        self.image: Array = phantom.volume.array
        self.lungs = phantom.lungs
        self.nodules = phantom.nodule_labels
        inside = np.flatnonzero(self.lungs)
        self.seed = tuple(int(i) for i in np.unravel_index(inside[inside.size // 2], shape))

    @cached_property
    def unsigned(self) -> Array:
        """For peers that rescale or refuse signed integers."""
        return np.asarray((self.image.astype(np.int32) + 1024).clip(0, 4095), dtype=np.uint16)

    @cached_property
    def body(self) -> Array:
        return np.asarray(self.image > -300)

    @cached_property
    def labels(self) -> Array:
        return np.asarray(segment.label(self.image > 60)[0])

    @cached_property
    def sitk(self) -> Any:
        image = importlib.import_module("SimpleITK").GetImageFromArray(self.image)
        image.SetSpacing(self.spacing[::-1])
        return image

    @cached_property
    def sitk_body(self) -> Any:
        image = importlib.import_module("SimpleITK").GetImageFromArray(self.body.astype(np.uint8))
        image.SetSpacing(self.spacing[::-1])
        return image


Call = Callable[[Subject], Any]


class Row(NamedTuple):
    """One operation: its family, what is asked, how Cormack and its peers are called.

    `same` says that peers promise equal voxels, so that they are compared before anything is timed.
    """

    family: str
    name: str
    ours: Call
    peers: Mapping[str, Call]
    same: bool = False


def _scipy() -> Any:
    return importlib.import_module("scipy.ndimage")


def _skimage(module: str) -> Any:
    return importlib.import_module(f"skimage.{module}")


def _sitk() -> Any:
    return importlib.import_module("SimpleITK")


OPERATIONS: tuple[Row, ...] = (
    Row(
        "filters",
        "uniform_filter 3 x 3 x 3",
        lambda s: filters.uniform_filter(s.image, 3),
        {"SciPy": lambda s: _scipy().uniform_filter(s.image, 3)},
    ),
    Row(
        "filters",
        "median_filter 3 x 3 x 3",
        lambda s: filters.median_filter(s.image, 3),
        {"SciPy": lambda s: _scipy().median_filter(s.image, 3), "SimpleITK": lambda s: _sitk().Median(s.sitk, [1] * 3)},
        same=True,
    ),
    Row(
        "filters",
        "gaussian_filter sigma 2",
        lambda s: filters.gaussian_filter(s.image, 2),
        {
            "SciPy": lambda s: _scipy().gaussian_filter(s.image, 2),
            "SimpleITK": lambda s: _sitk().DiscreteGaussian(s.sitk, 4.0, 64, 1e-4, False),
        },
    ),
    Row(
        "filters",
        "sobel along x",
        lambda s: filters.sobel(s.image),
        {"SciPy": lambda s: _scipy().sobel(s.image)},
    ),
    Row(
        "enhance",
        "window to uint8",
        lambda s: enhance.window(s.image, -600, 1500, dtype="uint8"),
        {"SimpleITK": lambda s: _sitk().Cast(_sitk().IntensityWindowing(s.sitk, -1350, 150), _sitk().sitkUInt8)},
    ),
    Row(
        "enhance",
        "equalize_hist",
        lambda s: enhance.equalize_hist(s.unsigned),
        {"scikit-image": lambda s: _skimage("exposure").equalize_hist(s.unsigned)},
    ),
    Row(
        "enhance",
        "equalize_adapthist (CLAHE in 3-D)",
        lambda s: enhance.equalize_adapthist(s.unsigned),
        {"scikit-image": lambda s: _skimage("exposure").equalize_adapthist(s.unsigned)},
    ),
    Row(
        "segment",
        "threshold_otsu",
        lambda s: segment.threshold_otsu(s.image),
        {
            "scikit-image": lambda s: _skimage("filters").threshold_otsu(s.image),
            "SimpleITK": lambda s: _sitk().OtsuThreshold(s.sitk, 0, 1, 256),
        },
    ),
    Row(
        "segment",
        "connected_threshold, lung",
        lambda s: segment.connected_threshold(s.image, [s.seed], -1000, -500),
        {"SimpleITK": lambda s: _sitk().ConnectedThreshold(s.sitk, [s.seed[::-1]], -1000, -500)},
        same=True,
    ),
    Row(
        "segment",
        "confidence_connected, lung",
        lambda s: segment.confidence_connected(s.image, [s.seed]),
        {"SimpleITK": lambda s: _sitk().ConfidenceConnected(s.sitk, [s.seed[::-1]], 4, 2.5, 1)},
        same=True,
    ),
    Row(
        "segment",
        "label",
        lambda s: segment.label(s.body)[0],
        {
            "SciPy": lambda s: _scipy().label(s.body)[0],
            "scikit-image": lambda s: _skimage("measure").label(s.body, connectivity=1),
            "SimpleITK": lambda s: _sitk().ConnectedComponent(s.sitk_body),
        },
    ),
    Row(
        "segment",
        "label_statistics",
        lambda s: segment.label_statistics(s.labels, s.image, spacing=s.spacing),
        {
            "scikit-image": lambda s: _skimage("measure").regionprops_table(
                s.labels, s.image, properties=("label", "area", "centroid", "bbox", "mean_intensity", "max_intensity")
            )
        },
    ),
    Row(
        "segment",
        "distance_transform_edt, mm",
        lambda s: segment.distance_transform_edt(s.body, sampling=s.spacing),
        {
            "SciPy": lambda s: _scipy().distance_transform_edt(s.body, sampling=s.spacing),
            "SimpleITK": lambda s: _sitk().SignedMaurerDistanceMap(s.sitk_body, False, False, True),
        },
    ),
    Row(
        "segment",
        "binary_dilation, 3 x 3 x 3 cross",
        lambda s: segment.binary_dilation(s.body),
        {"SciPy": lambda s: _scipy().binary_dilation(s.body)},
        same=True,
    ),
    Row(
        "detect",
        "canny in 3-D",
        lambda s: detect.canny(s.image, 1.0, low_threshold=50, high_threshold=150),
        {
            "SimpleITK": lambda s: _sitk().CannyEdgeDetection(
                _sitk().Cast(s.sitk, _sitk().sitkFloat32), 50.0, 150.0, [1.0] * 3
            )
        },
    ),
    Row(
        "detect",
        "marching_cubes",
        lambda s: detect.marching_cubes(s.image, -300),
        {"scikit-image": lambda s: _skimage("measure").marching_cubes(s.image, -300)},
    ),
    Row(
        "features",
        "first_order of the lungs",
        lambda s: features.first_order(s.image, s.lungs),
        {},
    ),
    Row(
        "features",
        "radiomics of all nodules, all IBSI families",
        lambda s: features.radiomics(s.image, s.nodules, spacing=s.spacing, labels="all"),
        {},
    ),
)
