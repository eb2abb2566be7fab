"""Region growing, labels and what is measured on them, beside SciPy, scikit-image, SimpleITK, OpenCV and cc3d."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cc3d
import cv2
import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage
from skimage import measure, morphology, segmentation

from benchmarks.data import ct_volume, radiograph
from cormack import segment


def serpentine() -> np.ndarray:
    """Return one path of two million pixels, straight up and down the columns of an image."""
    image = np.zeros((2048, 2048), np.int16)
    image[:, ::2] = 1
    image[-1, 1::4] = image[0, 3::4] = 1
    return image


@functools.cache
def ten_thousand() -> np.ndarray:
    """Return as many ellipsoids of 20 to 250 voxels, on a grid."""
    labels = np.zeros((128, 256, 256), np.int32)
    rng = np.random.default_rng(0)
    z, y, x = np.ogrid[-3:4, -4:5, -4:5]
    for number, place in enumerate(np.ndindex(16, 25, 25)):
        cell = tuple(
            slice(k * step, k * step + size) for k, step, size in zip(place, (8, 10, 10), (7, 9, 9), strict=True)
        )
        labels[cell][(z * 1.2) ** 2 + y**2 + x**2 <= rng.uniform(1.5, 4) ** 2] = number + 1
    return labels


IMAGES: dict[str, Callable[[], np.ndarray]] = {
    "ct": functools.partial(ct_volume, "int16"),
    "radiograph": functools.partial(radiograph, "uint16"),
    "serpentine": serpentine,
}


@functools.cache
def region_of(image: str, lower: int, upper: int) -> tuple[np.ndarray, np.ndarray, tuple[int, ...]]:
    """Return an image, its pixels in a range, and a point of the largest region of them."""
    array = IMAGES[image]()
    mask = (array >= lower) & (array <= upper)
    labels, _ = ndimage.label(mask)
    largest = np.argmax(np.bincount(labels.ravel())[1:]) + 1
    point = np.unravel_index(np.argmax(labels == largest), mask.shape)
    return array, mask, tuple(int(i) for i in point)


@functools.cache
def to_sitk(image: str) -> sitk.Image:
    return sitk.GetImageFromArray(IMAGES[image]())


@dataclass(frozen=True)
class Case:
    operation: str
    data: str
    image: str
    lower: int
    upper: int
    connectivity: int = 1

    def __str__(self) -> str:
        array = IMAGES[self.image]()
        return f"{self.operation} {self.data} c{self.connectivity} {array.dtype} {'x'.join(map(str, array.shape))}"


BODY, SOFT, LUNG, BONE = (-300, 3071), (20, 60), (-950, -700), (200, 3071)
CASES = [
    *(Case("connected_threshold", "body", "ct", *BODY, c) for c in (1, 3)),
    *(Case("connected_threshold", "noisy soft tissue", "ct", *SOFT, c) for c in (1, 3)),
    *(Case("connected_threshold", "lung", "ct", *LUNG, c) for c in (1, 3)),
    Case("connected_threshold", "serpentine", "serpentine", 1, 1),
    *(Case("label", "body", "ct", *BODY, c) for c in (1, 3)),
    *(Case("label", "noisy soft tissue", "ct", *SOFT, c) for c in (1, 3)),
    *(Case("label", "bone", "ct", *BONE, c) for c in (1, 3)),
    *(Case("label", "bright", "radiograph", 30000, 65535, c) for c in (1, 2)),
    Case("label_statistics", "bone", "ct", *BONE),
    Case("label_statistics", "noisy soft tissue", "ct", *SOFT),
    Case("label_statistics", "10 000 objects", "ct", *BONE),
    Case("label_statistics", "10 000 objects, shapes too", "ct", *BONE),
    Case("label_statistics", "10 000 objects, medians too", "ct", *BONE),
    Case("screen", "bone", "ct", *BONE),
    Case("remove_small_objects", "bone", "ct", *BONE),
    Case("largest_component", "body", "ct", *BODY),
    Case("fill_holes", "body", "ct", *BODY),
    Case("clear_border", "body", "ct", *BODY),
]


def surface_by_marching_cubes(mask: np.ndarray) -> float:
    vertices, faces, _, _ = measure.marching_cubes(np.pad(mask, 1).astype(np.float32), 0.5)
    return float(measure.mesh_surface_area(vertices, faces))


def median(mask: np.ndarray, values: np.ndarray) -> float:
    return float(np.median(values[mask]))


def sitk_connectivity(case: Case) -> Any:
    kinds = sitk.ConnectedThresholdImageFilter
    return kinds.FaceConnectivity if case.connectivity == 1 else kinds.FullConnectivity


def contenders(case: Case) -> dict[str, Callable[[], Any]]:
    """Return what is timed; results are compared after `comparable`."""
    image, mask, seed = region_of(case.image, case.lower, case.upper)
    ndim, steps = mask.ndim, case.connectivity
    structure = ndimage.generate_binary_structure(ndim, steps)
    neighbours = {(2, 1): 4, (2, 2): 8, (3, 1): 6, (3, 3): 26}[ndim, steps]
    copy = np.empty_like(image)
    result: dict[str, Callable[[], Any]] = {}
    if case.operation == "connected_threshold":
        result["cormack"] = lambda: segment.connected_threshold(image, seed, case.lower, case.upper, connectivity=steps)
        result["SimpleITK"] = lambda: sitk.ConnectedThreshold(
            to_sitk(case.image), [seed[::-1]], case.lower, case.upper, 1, sitk_connectivity(case)
        )
        if case.image != "serpentine":
            result["scikit-image"] = lambda: segmentation.flood(mask, seed, connectivity=steps)
    elif case.operation == "label":
        as_bytes = mask.view(np.uint8)
        as_image = sitk.GetImageFromArray(as_bytes)
        output = np.empty(mask.shape, np.int32)
        result["cormack"] = lambda: segment.label(mask, connectivity=steps)[0]
        result["cormack, output="] = lambda: segment.label(mask, connectivity=steps, output=output)[0]
        result["scipy"] = lambda: ndimage.label(mask, structure)[0]
        result["scikit-image"] = lambda: measure.label(mask, connectivity=steps)
        result["SimpleITK"] = lambda: sitk.ConnectedComponent(as_image, steps > 1)
        result["cc3d"] = lambda: cc3d.connected_components(mask, connectivity=neighbours)
        if ndim == 2:
            result["cv2"] = lambda: cv2.connectedComponents(as_bytes, connectivity=neighbours)[1]
    elif case.data.startswith("10 000"):
        labels = ten_thousand()
        ours = ["voxel_count", "bbox", "centroid", "intensity_mean", "intensity_min", "intensity_max", "intensity_std"]
        theirs = ["label", "area", "bbox", "centroid", "intensity_mean", "intensity_min", "intensity_max"]
        extra = []
        if "shapes" in case.data:
            ours += ["axis_major_mm", "axis_minor_mm", "axis_least_mm", "surface_area_mm2"]
            theirs += ["inertia_tensor_eigvals"]
            extra = [surface_by_marching_cubes]
        elif "medians" in case.data:
            ours += ["intensity_median"]
            theirs += ["intensity_median"] if hasattr(measure._regionprops.RegionProperties, "intensity_median") else []
            extra = [] if "intensity_median" in theirs else [median]
        result["cormack"] = lambda: segment.label_statistics(labels, image, properties=ours)
        result["scikit-image"] = lambda: measure.regionprops_table(
            labels, image, properties=theirs, extra_properties=extra
        )
        result["cc3d (count, centroid, box)"] = lambda: cc3d.statistics(labels)
    elif case.operation in ("label_statistics", "screen"):
        labels, _ = segment.label(mask)
        if case.operation == "label_statistics":
            result["cormack"] = lambda: segment.label_statistics(labels, image)
            result["cc3d (count, centroid, box)"] = lambda: cc3d.statistics(labels)
            as_image = sitk.GetImageFromArray(labels)
            shape, intensity = sitk.LabelShapeStatisticsImageFilter(), sitk.LabelIntensityStatisticsImageFilter()
            shape.ComputeFeretDiameterOff()
            shape.ComputePerimeterOff()
            result["SimpleITK (shape)"] = lambda: shape.Execute(as_image)
            result["SimpleITK (intensity)"] = lambda: intensity.Execute(as_image, to_sitk(case.image))
            names = ("label", "area", "bbox", "centroid", "intensity_mean", "intensity_min", "intensity_max")
            if labels.max() < 1000:
                result["scikit-image"] = lambda: measure.regionprops_table(labels, image, properties=names)
        else:
            result["cormack"] = lambda: segment.screen(labels, image, voxel_count=(30, None), touches_border=False)
    elif case.operation == "remove_small_objects":
        result["cormack"] = lambda: segment.remove_small_objects(mask, 50)
        result["scikit-image"] = lambda: morphology.remove_small_objects(mask, 50)
        result["cc3d"] = lambda: cc3d.dust(mask.view(np.uint8), threshold=50, connectivity=6)
    elif case.operation == "largest_component":
        result["cormack"] = lambda: segment.largest_component(mask)
        result["cc3d"] = lambda: cc3d.largest_k(mask, k=1, connectivity=6)
    elif case.operation == "fill_holes":
        as_image = sitk.GetImageFromArray(mask.view(np.uint8))
        result["cormack"] = lambda: segment.fill_holes(mask)
        result["scipy"] = lambda: ndimage.binary_fill_holes(mask, structure)
        result["SimpleITK"] = lambda: sitk.BinaryFillhole(as_image)
    elif case.operation == "clear_border":
        result["cormack"] = lambda: segment.clear_border(mask, connectivity=ndim)
        result["scikit-image"] = lambda: segmentation.clear_border(mask)
    result["memcpy"] = lambda: np.copyto(copy, image)
    return result


# By name, so that collecting does not make the images.
PEERS = {
    "connected_threshold": ("SimpleITK", "scikit-image"),
    "label": ("cormack, output=", "scipy", "scikit-image", "SimpleITK", "cc3d", "cv2"),
    "label_statistics": ("cc3d (count, centroid, box)", "SimpleITK (shape)", "SimpleITK (intensity)", "scikit-image"),
    "screen": (),
    "remove_small_objects": ("scikit-image", "cc3d"),
    "largest_component": ("cc3d",),
    "fill_holes": ("scipy", "SimpleITK"),
    "clear_border": ("scikit-image",),
}


def comparable(case: Case, result: Any) -> np.ndarray | None:
    """Return an array that must be equal for all contenders, or None where they measure different things."""
    if isinstance(result, sitk.Image):
        result = sitk.GetArrayViewFromImage(result)
    if case.operation == "label":
        # Numbers may differ: each pixel gets the place of the first pixel of its component.
        _, first, inverse = np.unique(result, return_index=True, return_inverse=True)
        return np.asarray(first[inverse].reshape(result.shape))
    if isinstance(result, dict) and "area" in result:
        return np.asarray(result["area"], np.int64)
    if isinstance(result, dict) and "voxel_counts" in result:
        return np.asarray(result["voxel_counts"][1:], np.int64)
    if isinstance(result, dict):
        return np.asarray(result["voxel_count"])
    if isinstance(result, np.ndarray):
        return np.asarray(result, bool)
    return None


@functools.cache
def truth(case: Case) -> np.ndarray | None:
    return comparable(case, contenders(case)["cormack"]())


@pytest.mark.parametrize(
    ("case", "contender"),
    [(case, name) for case in CASES for name in ("cormack", *PEERS[case.operation], "memcpy")],
    ids=lambda value: value if isinstance(value, str) else f"{value.operation} {value.data} c{value.connectivity}",
)
def test_segment(benchmark: Any, case: Case, contender: str) -> None:
    call = contenders(case).get(contender)
    if call is None:
        pytest.skip(f"{contender} does not do this")
    with warnings.catch_warnings():
        # scikit-image renamed an argument.
        warnings.simplefilter("ignore", FutureWarning)
        result = call()
        found = None if contender == "memcpy" else comparable(case, result)
        if found is not None and truth(case) is not None:
            np.testing.assert_array_equal(found, truth(case))
        benchmark.group = str(case)
        benchmark.pedantic(call, rounds=5, warmup_rounds=1)
