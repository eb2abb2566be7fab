"""Growing regions by statistics, neighbourhoods and markers, beside SimpleITK and scikit-image.

The rows of connected_threshold are in bench_segment.py.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from skimage import segmentation

from benchmarks.data import ct_volume
from cormack import segment

BODY, SOFT, LUNG = (-300, 3071), (20, 60), (-950, -700)
# In muscle beside a lung, in the soft tissue between them, and in a lung.
FLANK, MIDDLE, IN_LUNG = (64, 128, 40), (64, 128, 128), (64, 128, 77)


@dataclass(frozen=True)
class Case:
    operation: str
    data: str
    seed: tuple[int, ...]
    bounds: tuple[int, int] = BODY
    connectivity: int = 1

    def __str__(self) -> str:
        return f"{self.operation} {self.data} c{self.connectivity} int16 128x256x256"


CASES = [
    Case("confidence_connected", "flank", FLANK),
    Case("confidence_connected", "middle", MIDDLE),
    Case("confidence_connected", "lung", IN_LUNG),
    Case("neighborhood_connected", "body", MIDDLE),
    Case("neighborhood_connected", "lung", IN_LUNG, (-1024, -600)),
    Case("isolated_connected", "lung and body", IN_LUNG, (-1024, 3071)),
    Case("flood", "body", FLANK, connectivity=1),
    Case("flood", "body", FLANK, connectivity=3),
    Case("flood_fill", "body", FLANK, connectivity=3),
    Case("seeded_region_growing", "lungs, body, spine, air", MIDDLE),
]
PEERS = {
    "confidence_connected": "SimpleITK",
    "neighborhood_connected": "SimpleITK",
    "isolated_connected": "SimpleITK",
    "flood": "scikit-image",
    "flood_fill": "scikit-image",
}


@functools.cache
def as_itk() -> sitk.Image:
    return sitk.GetImageFromArray(ct_volume("int16"))


@functools.cache
def markers() -> np.ndarray:
    found = np.zeros(ct_volume("int16").shape, np.int32)
    for label, point in enumerate([IN_LUNG, (64, 128, 179), MIDDLE, (2, 2, 2), (64, 192, 128)], 1):
        found[point] = label
    return found


def contenders(case: Case) -> dict[str, Callable[[], Any]]:
    image, seed, steps = ct_volume("int16"), case.seed, case.connectivity
    point, bounds, other = [seed[::-1]], case.bounds, MIDDLE
    tolerance = 400
    copy = np.empty_like(image)
    calls: dict[str, dict[str, Callable[[], Any]]] = {
        "confidence_connected": {
            "cormack": lambda: segment.confidence_connected(image, seed, connectivity=steps),
            "SimpleITK": lambda: sitk.ConfidenceConnected(as_itk(), point, 4, 2.5, 1, 1),
        },
        "neighborhood_connected": {
            "cormack": lambda: segment.neighborhood_connected(image, seed, *bounds, connectivity=steps),
            "SimpleITK": lambda: sitk.NeighborhoodConnected(as_itk(), point, *bounds, [1, 1, 1], 1),
        },
        "isolated_connected": {
            "cormack": lambda: segment.isolated_connected(image, seed, other, *bounds, connectivity=steps)[0],
            "SimpleITK": lambda: sitk.IsolatedConnected(as_itk(), seed[::-1], other[::-1], *bounds, 1, 1.0, True),
        },
        "flood": {
            "cormack": lambda: segment.flood(image, seed, connectivity=steps, tolerance=tolerance),
            "scikit-image": lambda: segmentation.flood(image, seed, connectivity=steps, tolerance=tolerance),
        },
        "flood_fill": {
            "cormack": lambda: segment.flood_fill(image, seed, 7, connectivity=steps, tolerance=tolerance),
            "scikit-image": lambda: segmentation.flood_fill(image, seed, 7, connectivity=steps, tolerance=tolerance),
        },
        "seeded_region_growing": {
            "cormack": lambda: segment.seeded_region_growing(image, markers(), connectivity=steps)
        },
    }
    return calls[case.operation] | {"memcpy": lambda: np.copyto(copy, image)}


def comparable(result: Any) -> np.ndarray:
    return sitk.GetArrayFromImage(result).astype(bool) if isinstance(result, sitk.Image) else np.asarray(result)


@functools.cache
def truth(case: Case) -> np.ndarray:
    return comparable(contenders(case)["cormack"]())


@pytest.mark.parametrize(
    ("case", "contender"),
    [(case, name) for case in CASES for name in ("cormack", PEERS.get(case.operation), "memcpy") if name is not None],
    ids=lambda value: value if isinstance(value, str) else f"{value.operation} {value.data} c{value.connectivity}",
)
def test_region_growing(benchmark: Any, case: Case, contender: str) -> None:
    call = contenders(case)[contender]
    result = call()
    if contender != "memcpy":
        np.testing.assert_array_equal(comparable(result), truth(case))
    benchmark.group = str(case)
    # Seconds a call, and the call above was the warm-up.
    slow = case.operation == "seeded_region_growing" and contender != "memcpy"
    benchmark.pedantic(call, rounds=2 if slow else 5, warmup_rounds=0 if slow else 1)
