"""Every GPU form against the CPU's result, bit for bit unless its row says otherwise.

On the shim every case runs with threads in four orders, and nothing that a kernel reads was zero before it was written.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pytest

from cormack import enhance, filters, segment

from . import filter_cases, image_cases
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
    # How far off values may be, relative to their magnitude and to the image's.
    tolerance: float = 0.0
    finite: bool = False  # refuses infinities
    on_device: bool = True  # where arrays of the result are


def median(size: int, **settings: Any) -> Callable[[Any], Any]:
    return lambda image: filters.median_filter(image, size, **settings)


BODIES = ((1, 1, 2), (3, 5, 7), (5, 6, 70), (9, 10, 33))


def grown(connectivity: int, **settings: Any) -> Callable[[Any], Any]:
    def call(image: Any) -> Any:
        shape = image.shape
        seeds = [tuple(0 for _ in shape), tuple(extent // 2 for extent in shape), tuple(extent - 1 for extent in shape)]
        lower, upper = settings.get("limits", (0, 60))
        mask = np.indices(shape).sum(axis=0) % 7 > 0 if settings.get("mask") else None
        return segment.connected_threshold(image, seeds, lower, upper, connectivity=connectivity, mask=mask)

    return call


def masked(function: Callable[..., Any], **settings: Any) -> Callable[[Any], Any]:
    def call(image: Any) -> Any:
        return function(image, mask=np.indices(image.shape).sum(axis=0) % 3 > 0, **settings)

    return call


NUMBERS = ("uint8", "int8", "uint16", "int16", "float32", "float64")

CASES = [
    Case("minmax", enhance.rescale_intensity, name="rescale", dtypes=NUMBERS, finite=True),
    Case("minmax", partial(enhance.rescale_intensity, dtype="float32"), IMAGES, ("uint32", "int32"), "rescale"),
    Case(
        "value_counts",
        partial(enhance.histogram, bins=13),
        on_device=False,
        dtypes=("bool", "uint8", "int8", "uint16", "int16"),
    ),
    Case("value_counts", masked(enhance.histogram, bins=7), dtypes=("int16",), name="mask", on_device=False),
    Case(
        "histogram",
        partial(enhance.histogram, bins=13, range=(-3, 55)),
        on_device=False,
        dtypes=("uint32", "int32", "float32", "float64"),
    ),
    Case(
        "histogram",
        masked(enhance.histogram, bins=5000, range=(0, 9)),
        on_device=False,
        dtypes=("float32",),
        name="many bins",
    ),
    Case(
        "histogram",
        partial(enhance.histogram, bins=(-9, 0, 0, 3, 50, math.inf)),
        on_device=False,
        dtypes=("float64",),
        name="edges",
    ),
    Case("lut_map", enhance.equalize_hist, VOLUMES, name="equalize", dtypes=("uint8", "int8", "uint16", "int16")),
    Case("lut_map", masked(enhance.equalize_hist), IMAGES[1:], ("int16",), "equalize mask"),
    Case("interpolation_map", enhance.equalize_hist, dtypes=("float32", "float64"), name="equalize", finite=True),
    Case(
        "interpolation_map",
        masked(enhance.equalize_hist),
        dtypes=("float32",),
        name="equalize mask",
        finite=True,
        shapes=VOLUMES[1:],
    ),
    *(
        Case("connected_threshold", grown(steps), BODIES, dtypes, f"{steps} steps")
        for steps, dtypes in ((1, ALL), (2, ("int16",)), (3, ("uint8", "float32")))
    ),
    Case("connected_threshold", grown(1, mask=True), dtypes=("int16",), name="mask"),
    Case("connected_threshold", grown(2, limits=(-math.inf, 100)), ((5, 3), (9, 37), (8, 129)), ("int16",), "2-D"),
    *(
        Case(
            "label",
            partial(segment.label, connectivity=steps),
            ((1, 1, 2), (4, 9, 70), (60, 20, 33)),
            dtypes,
            str(steps),
        )
        for steps, dtypes in ((1, ALL), (2, ("bool",)), (3, ("bool", "uint8")))
    ),
    Case("label", segment.label, ((5, 3), (9, 37), (70, 129)), ("bool",), "2-D"),
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
    *(Case(*row) for row in filter_cases.ROWS),
    *(Case(**row) for row in image_cases.ROWS),
]


def image_of(shape: tuple[int, ...], dtype: str, seed: int = 0, finite: bool = False) -> np.ndarray:
    """Return values that repeat, some of them the type's limits, and for floats NaN, infinities and both zeros."""
    random = np.random.default_rng(seed)
    kind = np.dtype(dtype)
    if kind.kind == "b":
        return random.random(shape) < 0.5
    if kind.kind == "f":
        image = random.normal(30, 40, shape).astype(kind)
        special = np.array([np.nan, -np.nan, 0.0] if finite else [np.nan, -np.nan, np.inf, -np.inf, 0.0], kind)
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
        pytest.param(
            case,
            dtype,
            id=f"{case.operation}-{case.name.replace(' ', '_')}-{dtype}",
            marks=() if dtype in ("uint8", "int16", "float32") or len(case.dtypes) < 3 else pytest.mark.slow,
        )
        for case in CASES
        for dtype in case.dtypes
    ],
)
def test_matches_cpu(device: Device, case: Case, dtype: str) -> None:
    for number, shape in enumerate(case.shapes):
        image = image_of(shape, dtype, number, case.finite)
        expected = as_tuple(case.call(image))
        # Layouts, and orders of threads, on the last shape.
        last = shape is case.shapes[-1]
        for place, laid in enumerate(layouts(image) if last else [image]):
            for schedule in device.schedules() if last and place == 0 else (number + place,):
                with device.schedule(schedule):
                    found = as_tuple(case.call(device.put(laid)))
                assert len(found) == len(expected)
                for got, wanted in zip(found, expected, strict=True):
                    values = device.get(got) if isinstance(wanted, np.ndarray) and case.on_device else got
                    assert np.asarray(values).dtype == np.asarray(wanted).dtype
                    label = f"{shape}, layout {place}, schedule {schedule}"
                    if case.tolerance == 0:
                        np.testing.assert_array_equal(values, wanted, label)
                    else:
                        around = case.tolerance * float(np.abs(image[np.isfinite(image)]).max(initial=0))
                        np.testing.assert_allclose(values, wanted, case.tolerance, around, err_msg=label)


def as_tuple(result: Any) -> tuple[Any, ...]:
    return result if isinstance(result, tuple) else (result,)


@pytest.mark.parametrize("operation", sorted({case.operation for case in CASES}))
def test_empty_images_stay_empty(device: Device, operation: str) -> None:
    if operation in ("connected_threshold", "confidence_connected"):
        pytest.skip("there is no place for a seed")
    for case in CASES:
        # Nodes of a grid need an image.
        if case.operation != operation or len(case.shapes[-1]) != 3 or case.name.startswith("nodes"):
            continue
        empty = np.zeros((0, 3, 4), case.dtypes[0])
        found, expected = as_tuple(case.call(device.put(empty)))[0], as_tuple(case.call(empty))[0]
        values = device.get(found) if case.on_device else found
        assert values.shape == expected.shape
        np.testing.assert_array_equal(values, expected)
