"""Regions that stay on a GPU from upload to numbers: the CPU's features, and what comes back is small."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cormack
from cormack import _backends, features

from .shim import Device, ShimLibrary
from .test_features import _same_tables

IBSI = Path(__file__).parents[1] / "ibsi" / "data"


def blobs(shape: tuple[int, ...], dtype: str, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return an image, and `count` labels that are patches of it, of which some touch."""
    random = np.random.default_rng(seed)
    image = random.normal(60, 20, shape).astype(dtype)
    labels = np.zeros(shape, np.int16)
    for label in range(1, count + 1):
        begin = [int(random.integers(0, max(1, n - 4))) for n in shape]
        part = tuple(slice(a, a + 4) for a in begin)
        inside = random.random(labels[part].shape) < 0.8
        labels[part] = np.where(inside, label, labels[part])
    return image, labels


@pytest.mark.parametrize(
    ("dtype", "settings"),
    [
        ("int16", {"resegmentation_sigma": 1.5, "discretisation": "fixed bin size", "bin_size": 7}),
        ("float32", {"intensity_rounding": True, "resegmentation_range": (35, None), "dimension": "2D"}),
        ("float64", {"ivh_discretisation": "fixed bin size", "new_spacing": (2.5, 1.3, 0.8), "mask_threshold": 0.4}),
        ("int16", {"new_spacing": 1.5, "image_interpolation": "nearest", "mask_interpolation": "nearest"}),
        ("uint16", {"discretisation": "none", "ivh_discretisation": "none", "distance": 2, "coarseness": 1}),
        ("float32", {"discretisation": "none", "families": ["first_order", "glcm", "intensity_volume_histogram"]}),
        ("int32", {"families": ["morphology", "local_intensity", "first_order"]}),
        # There is no spline on a GPU: the host processes what the GPU then counts.
        ("int16", {"new_spacing": 1.5, "image_interpolation": "cubic", "families": ["first_order", "glszm"]}),
    ],
)
def test_settings_equal_cpu(device: Device, dtype: str, settings: dict[str, Any]) -> None:
    image, labels = blobs((7, 9, 11), dtype, 3)
    if settings.get("discretisation") == "none":
        image = (image % 7 + 1).astype(dtype) if dtype == "uint16" else image
    # A region of one voxel, which some families are not defined for.
    labels[-1, -1, -1] = 9
    spacing = (2.0, 1.5, 1.0)
    expected = features.radiomics(image, labels, labels="all", spacing=spacing, settings=settings)
    with device.schedule(len(settings) % 4):
        put = [device.put(image), device.put(labels)]
        _same_tables(features.radiomics(*put, labels="all", spacing=spacing, settings=settings), expected)


def test_the_digital_phantom_equals_cpu(device: Device) -> None:
    nibabel = pytest.importorskip("nibabel")
    image, mask = (nibabel.load(IBSI / f"{name}.nii.gz") for name in ("image", "mask"))
    spacing = tuple(float(size) for size in image.header.get_zooms()[::-1])
    values, inside = np.asarray(image.dataobj).T, (np.asarray(mask.dataobj).T != 0).astype(np.uint8)
    values = values.astype(np.uint8)
    how = {"discretisation": "none", "ivh_discretisation": "none", "aggregations": ["3D averaged", "2.5D merged"]}
    expected = features.radiomics(values, inside, spacing=spacing, settings=how)
    for place in (device.put(values), device.put(values.astype(np.float32))):
        _same_tables([features.radiomics(place, device.put(inside), spacing=spacing, settings=how)], [expected])


class _Spy(ShimLibrary):
    """Counts what is launched and how many bytes come back."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0
        self.largest = 0

    def to_host(self, value: Any) -> np.ndarray:
        result = super().to_host(value)
        self.bytes += result.nbytes
        self.largest = max(self.largest, result.nbytes)
        return result


def test_many_regions_take_the_launches_of_one_and_no_voxel_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    spy = _Spy()
    monkeypatch.setattr(_backends, "LIBRARIES", [spy, *_backends.LIBRARIES])
    image, labels = blobs((12, 20, 20), "int16", 8, seed=1)
    settings = {"bin_number": 4, "ivh_discretisation": "fixed bin number", "ivh_bin_number": 20}
    settings["aggregations"] = ["3D merged"]
    put = [Device("shim").put(array) for array in (image, labels)]
    one = features.radiomics(*put, labels=[1], settings=settings)
    launched = len(spy.engine.operations)
    spy.engine.operations.clear()
    spy.bytes = spy.largest = 0
    tables = features.radiomics(*put, labels="all", settings=settings)
    assert len(tables) == len(np.unique(labels)) - 1 > 5
    # As many, but for the highest label: all boxes are found in one launch.
    assert len(spy.engine.operations) <= launched + 1
    _same_tables(tables[:1], one)
    _same_tables(tables, features.radiomics(image, labels, labels="all", settings=settings))
    # Boxes of labels are found, and no part of the image is asked for.
    assert spy.engine.operations.count("texture_levels") == 2
    # Patterns of corners for shapes, 2 KiB a region, are the most.
    assert spy.largest == 266 * 8 * len(tables)


def test_arrays_of_the_host_go_there_where_asked(device: Device) -> None:
    image, labels = blobs((5, 8, 9), "int16", 2)
    how = {"families": ["first_order", "glcm"]}
    expected = features.radiomics(image, labels, labels="all", settings=how)
    with device.uploads():
        _same_tables(features.radiomics(image, labels, labels="all", settings=how, device="cuda"), expected)


def test_pairs_of_many_voxels_are_left_to_the_host(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    image, labels = blobs((5, 8, 9), "float32", 2)
    monkeypatch.setattr("cormack.features._device_regions._MOST_PAIRS", 100)
    how = {"families": ["morphology"]}
    expected = features.radiomics(image, labels, labels="all", settings=how)
    _same_tables(features.radiomics(device.put(image), device.put(labels), labels="all", settings=how), expected)


def test_wrong_regions_say_what_the_cpu_says_of_them(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    image, labels = blobs((6, 9, 11), "float32", 3)
    image[tuple(np.argwhere(labels == 2)[0])] = np.nan
    image[tuple(np.argwhere(labels == 0)[0])] = np.inf
    image[tuple(np.argwhere(labels == 1)[0])] = -0.0
    labels[0, 0, 0] = 7
    put = [device.put(image), device.put(labels)]
    for settings in (
        # The voxel of label 7 lies between the nodes of a coarse grid, or outside of a range.
        {"new_spacing": 4.0, "mask_interpolation": "nearest", "families": ["first_order", "glrlm"]},
        {"resegmentation_range": (1000, 2000), "families": ["first_order"]},
        {"discretisation": "none", "families": ["intensity_histogram", "glcm", "intensity_volume_histogram"]},
        {"ivh_discretisation": "none", "families": ["intensity_volume_histogram"]},
        {"bin_number": 70000, "families": ["glcm"]},
        {"bin_number": 5000000, "families": ["intensity_histogram"]},
    ):
        expected = features.radiomics(image, labels, labels=[7, 1, 2, 3, 8], settings=settings)
        assert any(table.error for table in expected)
        # One by one, and together.
        for most in (1, 1 << 26):
            monkeypatch.setattr("cormack.features._radiomics._MANY", most)
            _same_tables(features.radiomics(*put, labels=[7, 1, 2, 3, 8], settings=settings), expected)


def test_planes_and_strides_equal_cpu(device: Device) -> None:
    image, labels = blobs((10, 12), "int16", 2)
    settings = {"distance": 2, "aggregations": ["2D averaged", "2.5D merged"]}
    expected = features.radiomics(image, labels, labels="all", spacing=2.0, settings=settings)
    turned = [device.put(np.asfortranarray(array)) for array in (image, labels)]
    _same_tables(features.radiomics(*turned, labels="all", spacing=2.0, settings=settings), expected)
    for flipped in (image[:, ::-1], image.T):
        mask = labels[:, ::-1] if flipped.base is image and flipped.shape == labels.shape else labels.T
        expected = features.radiomics(flipped, mask, label=1, settings=settings)
        _same_tables(
            [features.radiomics(device.put(flipped), device.put(mask), label=1, settings=settings)], [expected]
        )


def test_as_many_regions_go_together_as_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    spy = _Spy()
    monkeypatch.setattr(_backends, "LIBRARIES", [spy, *_backends.LIBRARIES])
    image, labels = blobs((12, 20, 20), "int16", 6, seed=1)
    settings = {"families": ["first_order", "glszm"], "aggregations": ["3D merged"]}
    put = [Device("shim").put(array) for array in (image, labels)]
    tables = features.radiomics(*put, labels="all", settings=settings)
    operations = len(spy.engine.operations)
    cormack.set_gpu_memory_limit(spy.used() + 400_000)
    try:
        _same_tables(features.radiomics(*put, labels="all", settings=settings), tables)
    finally:
        cormack.set_gpu_memory_limit(None)
    assert len(spy.engine.operations) > 2 * operations
