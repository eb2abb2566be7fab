"""Texture matrices and features of regions on a GPU: the CPU's bits, for every order of threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cormack import BackendUnavailable, features

from .shim import Device
from .test_operations import image_of, layouts

MATRICES: dict[str, Callable[..., Any]] = {
    "glcm": features.glcm_matrix,
    "glrlm": features.glrlm_matrix,
    "glszm": features.glszm_matrix,
    "gldzm": features.gldzm_matrix,
    "ngtdm": features.ngtdm_matrix,
    "ngldm": features.ngldm_matrix,
}
INTEGERS = ("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32")
BY_DIRECTION = ("2D averaged", "2D slice-merged", "2.5D direction-merged", "2.5D merged", "3D averaged", "3D merged")
BY_SLICE = ("2D", "2.5D", "3D")


def levels_of(shape: tuple[int, ...], count: int, dtype: str = "uint8", seed: int = 0) -> np.ndarray:
    """Return levels in patches, 0 in a margin and here and there."""
    random = np.random.default_rng(seed)
    coarse = random.integers(1, count + 1, [(n + 2) // 3 for n in shape])
    levels = coarse.repeat(3, 0).repeat(3, 1)
    levels = (levels.repeat(3, 2) if len(shape) == 3 else levels)[tuple(slice(n) for n in shape)]
    levels = np.where(random.random(shape) < 0.3, random.integers(0, count + 1, shape), levels)
    levels.flat[levels.size // 2] = count
    if min(shape) > 4:
        levels[..., -1] = 0
        levels[..., :1, :] = 0
    return levels.astype(dtype)


def ways(family: str, ndim: int) -> tuple[str, ...]:
    names = BY_DIRECTION if family in ("glcm", "glrlm") else BY_SLICE
    return names if ndim == 3 else tuple(name for name in names if not name.startswith("3D"))


@pytest.mark.parametrize("family", sorted(MATRICES))
def test_matrices_equal_cpu(device: Device, family: str) -> None:
    matrix = MATRICES[family]
    for shape, count in (((7, 13, 17), 5), ((9, 11), 4), ((1, 1, 1), 1), ((2, 3, 1), 2), ((1, 6, 5), 300)):
        levels = levels_of(shape, count) if count < 256 else levels_of(shape, count, "int32")
        for how in ways(family, levels.ndim):
            expected = matrix(levels, aggregation=how)
            # A matrix that is too large for shared memory only once.
            for schedule in device.schedules() if count == 5 else (3,):
                with device.schedule(schedule):
                    found = matrix(device.put(levels), aggregation=how)
                assert found.dtype == expected.dtype
                np.testing.assert_array_equal(found, expected, f"{shape}, {how}, schedule {schedule}")


@pytest.mark.parametrize("dtype", INTEGERS)
def test_levels_masks_and_layouts_equal_cpu(device: Device, dtype: str) -> None:
    levels = levels_of((5, 6, 7), 1 if dtype == "bool" else 4, dtype, 1)
    mask = (levels > 0) & (np.arange(7) < 5)
    edges = (levels > 0) | (np.arange(7) < 6)
    expected = features.gldzm_matrix(levels, mask, morphological_mask=edges)
    for place, laid in enumerate(layouts(levels)):
        inside = layouts(mask.astype(dtype))[3 - place]
        with device.schedule(place):
            found = features.gldzm_matrix(device.put(laid), device.put(inside), morphological_mask=edges)
        np.testing.assert_array_equal(found, expected, f"layout {place}")


def test_features_equal_cpu(device: Device) -> None:
    levels = levels_of((6, 9, 8), 6)
    for family in MATRICES:
        function = getattr(features, family)
        names = ways(family, 3)
        assert function(device.put(levels), aggregation=names) == function(levels, aggregation=names)
    assert features.glcm(device.put(levels), distance=2) == features.glcm(levels, distance=2)
    assert features.ngtdm(device.put(levels), distance=2) == features.ngtdm(levels, distance=2)
    settings = {"distance": 2, "coarseness": 1}
    assert features.ngldm(device.put(levels), **settings) == features.ngldm(levels, **settings)


def test_a_zone_may_be_large(device: Device) -> None:
    levels = np.ones((6, 20, 21), np.uint8)
    levels[:, 10] = 2
    levels[1, 3:5, 3:5] = 3
    for schedule in device.schedules():
        with device.schedule(schedule):
            for family in ("glszm", "gldzm"):
                for how in BY_SLICE:
                    expected = MATRICES[family](levels, aggregation=how)
                    np.testing.assert_array_equal(MATRICES[family](device.put(levels), aggregation=how), expected)


def test_wrong_regions_are_refused_as_on_the_cpu(device: Device) -> None:
    levels = levels_of((3, 4, 5), 3, "int16")
    for wrong, mask, count in (
        (np.zeros_like(levels), None, None),
        (levels, np.zeros_like(levels), None),
        (levels - 1, None, None),
        (levels, None, 2),
        (levels[:0], None, None),
    ):
        with pytest.raises(ValueError) as expected:
            features.glszm(wrong, mask, level_count=count)
        with pytest.raises(ValueError) as found:
            features.glszm(device.put(wrong), None if mask is None else device.put(mask), level_count=count)
        assert str(found.value) == str(expected.value)
    with pytest.raises(ValueError, match="`mask` must have shape"):
        features.glszm(device.put(levels), device.put(levels[1:]))
    with pytest.raises(BackendUnavailable, match="32 bits"):
        features.glszm(device.put(levels.astype(np.int64)))


def _phantom(shape: tuple[int, ...], dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """Return an image, and labels 1, 3 and 7, some of which touch."""
    random = np.random.default_rng(3)
    image = random.normal(60, 20, shape).astype(dtype)
    labels = np.zeros(shape, np.uint8)
    labels[..., 2:6, 1:5] = 1
    labels[..., 3:8, 5:9] = 3
    labels[..., -1, -1] = 7
    return image, labels


@pytest.mark.parametrize(
    ("shape", "dtype", "settings"),
    [
        ((6, 9, 10), "int16", {"aggregations": ["3D averaged", "3D merged", "2.5D merged"]}),
        ((9, 10), "float32", {}),
        (
            (6, 9, 10),
            "float32",
            {"resegmentation_range": (30, 80), "discretisation": "fixed bin size", "bin_size": 10, "new_spacing": 1.5},
        ),
    ],
)
def test_radiomics_equal_cpu(device: Device, shape: tuple[int, ...], dtype: str, settings: dict[str, Any]) -> None:
    image, labels = _phantom(shape, dtype)
    expected = features.radiomics(image, labels, labels="all", settings=settings)
    for schedule, mask in ((0, device.put(labels)), (2, labels)):
        with device.schedule(schedule):
            _same_tables(features.radiomics(device.put(image), mask, labels="all", settings=settings), expected)
    found = features.radiomics(device.put(image), device.put(labels.astype("int16")), label=3, settings=settings)
    _same_tables([found], [features.radiomics(image, labels, label=3, settings=settings)])
    assert any(name.startswith("szm_") for name in found)


def test_radiomics_of_wrong_regions_is_refused_as_on_the_cpu(device: Device) -> None:
    image, labels = _phantom((3, 8, 9), "int16")
    one = np.zeros_like(labels)
    one[1, 2, 3] = 1
    for mask, label in ((labels, 2), (np.zeros_like(labels), None), (one, 1)):
        with pytest.raises(ValueError) as expected:
            features.radiomics(image, mask, label=label)
        with pytest.raises(ValueError) as found:
            features.radiomics(device.put(image), device.put(mask), label=label)
        assert str(found.value) == str(expected.value)
    with pytest.raises(BackendUnavailable, match="device='cpu'"):
        features.radiomics(device.put(image), device.put(labels), device="cpu")


@pytest.mark.parametrize("dtype", [*INTEGERS, "float32", "float64"])
def test_first_order_equals_cpu(device: Device, dtype: str) -> None:
    for shape in ((5, 7, 37), (1, 1), (2,), (3,), (2, 2)):
        image = image_of(shape, dtype, 2)
        if dtype in ("float32", "float64"):
            image = np.where(np.isfinite(image), image, -0.0).astype(dtype)
        if dtype in ("int32", "uint32"):
            image = image.clip(0, 100000)
        mask = np.arange(image.size).reshape(shape) % 5 != 1
        for inside in (None, mask) if shape == (5, 7, 37) else (None,):
            expected = features.first_order(image, inside)
            for place, laid in enumerate(layouts(image)):
                with device.schedule(place):
                    found = features.first_order(device.put(laid), None if inside is None else device.put(inside))
                assert list(found) == list(expected)
                exact = np.dtype(dtype).itemsize <= 2
                bound = 0 if exact else 1e-12
                np.testing.assert_allclose(list(found.values()), list(expected.values()), bound, bound)


def test_first_order_of_wrong_regions_is_refused_as_on_the_cpu(device: Device) -> None:
    image = np.array([[1.0, np.nan, np.inf]])
    for wrong, mask in ((image, None), (image, image > 5), (image[:0], None), (image, image > np.inf)):
        with pytest.raises(ValueError) as expected:
            features.first_order(wrong, mask)
        with pytest.raises(ValueError) as found:
            features.first_order(device.put(wrong), None if mask is None else device.put(mask))
        assert str(found.value) == str(expected.value)


@pytest.mark.parametrize(
    "mask",
    [
        levels_of((9, 12, 40), 5, seed=5) > 2,
        np.ones((1, 1, 1), bool),
        np.ones((2, 3, 5), np.int32) * np.arange(5, dtype=np.int32),
        np.pad(np.ones((1, 1, 3), np.uint8), 2),
    ],
    ids=["patches", "voxel", "block", "line"],
)
def test_morphology_equals_cpu(device: Device, mask: np.ndarray) -> None:
    expected = features.morphology(mask, spacing=(2.5, 0.7, 0.9))
    for place, laid in enumerate(layouts(mask)):
        with device.schedule(place):
            found = features.morphology(device.put(laid), spacing=(2.5, 0.7, 0.9))
        assert list(found) == list(expected)
        np.testing.assert_array_equal(list(found.values()), list(expected.values()))


def test_morphology_of_wrong_masks_is_refused_as_on_the_cpu(device: Device) -> None:
    for wrong in (np.zeros((2, 3, 4), bool), np.zeros((0, 3, 4), bool), np.ones((3, 4), bool)):
        with pytest.raises(ValueError) as expected:
            features.morphology(wrong)
        with pytest.raises(ValueError) as found:
            features.morphology(device.put(wrong))
        assert str(found.value) == str(expected.value)
    mask = np.ones((2, 3, 4), bool)
    with pytest.raises(BackendUnavailable, match="`mask` alone"):
        features.morphology(device.put(mask), mask)


@pytest.mark.parametrize("dtype", [*INTEGERS, "float32", "float64"])
def test_discretise_equals_cpu(device: Device, dtype: str) -> None:
    image = image_of((5, 6, 35), dtype, 4)
    mask = np.isfinite(image) & (np.arange(35) > 1)
    for settings in ({"bin_number": 7}, {"bin_size": 0.3 if dtype == "bool" else 1e8 if "32" in dtype else 25}):
        expected, count = features.discretise(image, mask, **settings)
        for place, laid in enumerate(layouts(image)):
            with device.schedule(place):
                found, levels = features.discretise(device.put(laid), device.put(layouts(mask)[3 - place]), **settings)
            np.testing.assert_array_equal(device.get(found), expected)
            assert device.get(found).dtype == np.int32
            assert levels == count
    with pytest.raises(ValueError, match="`mask` must contain a voxel"):
        features.discretise(device.put(image), device.put(mask & False), bin_number=3)


def _every_matrix(put: Callable[[np.ndarray], Any], dtype: str) -> None:
    levels = levels_of((3, 4, 5), 3, dtype)
    for family in MATRICES:
        for how in ways(family, 3)[::2]:
            MATRICES[family](put(levels), aggregation=how)


def _without_shared_memory(put: Callable[[np.ndarray], Any]) -> None:
    levels = levels_of((3, 4, 5), 300, "int32")
    for family in MATRICES:
        MATRICES[family](put(levels), put((levels > 0).astype("int32")), level_count=5000 if family == "glrlm" else 600)


# What launches every kernel: see test_compilers.py.
CALLS: list[Callable[[Callable[[np.ndarray], Any]], Any]] = [
    *(lambda put, dtype=dtype: _every_matrix(put, dtype) for dtype in ("uint8", "int16")),
    _without_shared_memory,
    *(
        lambda put, dtype=dtype: features.first_order(put(image_of((5, 6, 7), dtype) * 0))
        for dtype in ("int16", "int32")
    ),
    lambda put: features.first_order(put(np.arange(700, dtype=np.float32).reshape(7, 10, 10))),
    lambda put: features.first_order(put((np.arange(700) * 90).astype(np.uint16).reshape(7, 10, 10))),
    lambda put: features.discretise(put(image_of((5, 6, 7), "int16")), bin_number=5),
    lambda put: features.morphology(put(np.ones((2, 3, 4), bool))),
    lambda put: features.radiomics(*map(put, _phantom((5, 9, 9), "int16")), labels="all"),
    *(
        lambda put, dtype=dtype, mask=mask, spacing=spacing: features.radiomics(
            put(np.arange(200).reshape(2, 10, 10).astype(dtype)),
            put((np.arange(200).reshape(2, 10, 10) % 3 > 0).astype(mask)),
            settings={"families": ["first_order"], "new_spacing": spacing, "resegmentation_sigma": 2},
        )
        for dtype, mask in zip((*INTEGERS, "float32", "float64"), (*INTEGERS, "uint8", "uint8"), strict=True)
        for spacing in (None, 0.9)
    ),
    lambda put: features.radiomics(
        put(np.arange(200.0).reshape(2, 10, 10) * 99),
        put(np.ones((2, 10, 10), bool)),
        settings={"families": ["intensity_volume_histogram"], "ivh_discretisation": "none"},
    ),
]


def _same_tables(found: Any, expected: Any) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.label == other.label
        assert one.error == other.error
        assert list(one) == list(other)
        # Sums of float64 are in an order of their own; all else has the CPU's bits.
        np.testing.assert_allclose(list(one.values()), list(other.values()), 1e-12, 1e-13)
