"""Every GPU form against the CPU's result, bit for bit unless its row says otherwise.

On the shim every case runs with threads in four orders, and nothing that a kernel reads was zero before it was written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from cormack import enhance, filters

from .shim import Device

ALL = ("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")
VOLUMES = ((1, 1, 2), (3, 5, 7), (9, 10, 33))
IMAGES = ((1, 1), (5, 3), (9, 37))


@dataclass(frozen=True)
class Case:
    """One row: an operation with its settings, as a call on an image of either device."""

    operation: str
    call: Callable[[Any], Any]
    shapes: Sequence[tuple[int, ...]] = VOLUMES
    dtypes: Sequence[str] = ALL
    name: str = ""


def median(size: int, **settings: Any) -> Callable[[Any], Any]:
    return lambda image: filters.median_filter(image, size, **settings)


CASES = [
    *(Case("median_filter", median(3, mode=mode), name=f"3-D {mode}") for mode in ("reflect", "wrap")),
    *(
        Case("median_filter", median(3, mode=mode, cval=1), name=f"3-D {mode}", dtypes=("uint8", "int16", "float32"))
        for mode in ("nearest", "mirror", "constant")
    ),
    Case("median_filter", median(3, origin=(0, 1, -1)), name="3-D shifted", dtypes=("int16", "float64")),
    Case("median_filter", median(3), IMAGES, name="2-D"),
    Case("median_filter", median(3, axes=(0, 2)), ((4, 3, 5, 6),), ("uint16", "float32"), name="of 4-D"),
    Case("linear_map", lambda image: enhance.window(image, 40, 60), name="window"),
    Case("linear_map", lambda image: enhance.window(image, 40, 60, dtype="uint8"), IMAGES, name="window to uint8"),
    Case(
        "linear_map",
        lambda image: enhance.window(image, 0.3, 0.7, function="linear_exact", dtype="float32", out_range=(1, -2)),
        ((2, 3, 4, 5),),
        name="window to float32",
    ),
]


def image_of(shape: tuple[int, ...], dtype: str, seed: int = 0) -> np.ndarray:
    """Return values that repeat, some of them the type's limits, and for floats NaN, infinities and both zeros."""
    random = np.random.default_rng(seed)
    kind = np.dtype(dtype)
    if kind.kind == "b":
        return random.random(shape) < 0.5
    if kind.kind == "f":
        image = random.normal(30, 40, shape).astype(kind)
        special = np.array([np.nan, -np.nan, np.inf, -np.inf, 0.0], kind)
        return np.where(random.random(shape) < 0.1, random.choice(special, shape), image).astype(kind)
    limits = np.iinfo(kind)
    image = random.integers(max(limits.min, -50), min(limits.max, 150) + 1, shape)
    return np.where(random.random(shape) < 0.05, random.choice([limits.min, limits.max], shape), image).astype(kind)


def layouts(image: np.ndarray) -> list[np.ndarray]:
    """Return the image as it is, in Fortran's order, backwards and as every other voxel of another."""
    sparse = np.zeros([2 * extent for extent in image.shape], image.dtype)
    every_other = sparse[tuple(slice(None, None, 2) for _ in image.shape)]
    every_other[...] = image
    backwards = np.ascontiguousarray(image[..., ::-1])[..., ::-1]
    return [image, np.asfortranarray(image), backwards, every_other]


@pytest.mark.parametrize(
    ("case", "dtype"),
    [
        pytest.param(case, dtype, id=f"{case.operation}-{case.name.replace(' ', '_')}-{dtype}")
        for case in CASES
        for dtype in case.dtypes
    ],
)
def test_matches_cpu(device: Device, case: Case, dtype: str) -> None:
    for number, shape in enumerate(case.shapes):
        image = image_of(shape, dtype, number)
        expected = case.call(image)
        # The orders of threads on the last, largest shape; layouts on all.
        for place, laid in enumerate(layouts(image)):
            for schedule in device.schedules() if shape is case.shapes[-1] and place == 0 else (place,):
                with device.schedule(schedule):
                    found = device.get(case.call(device.put(laid)))
                assert found.dtype == expected.dtype
                np.testing.assert_array_equal(found, expected, f"{shape}, layout {place}, schedule {schedule}")


@pytest.mark.parametrize("operation", sorted({case.operation for case in CASES}))
def test_empty_images_stay_empty(device: Device, operation: str) -> None:
    case = next(case for case in CASES if case.operation == operation)
    found = device.get(case.call(device.put(np.zeros((0, 3, 4), case.dtypes[0]))))
    assert found.shape == (0, 3, 4)
