"""Images on other grids beside SciPy and SimpleITK: `Volume.resample_to`, which is `affine_transform` inside.

The parameter is the angle in degrees between the grids; at 0 the other grid has its axes, and other spacings.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import scipy.ndimage

from cormack import Volume

from .cases import Case, Contenders, memcpy, rows, run

ORDERS = {"resample nearest": 0, "resample linear": 1, "resample cubic": 3}
SPACING = (2.5, 0.8, 0.8)


def volume_of(image: np.ndarray) -> Volume:
    return Volume(image, SPACING)


def reference_of(case: Case, shape: tuple[int, ...]) -> Volume:
    """A grid with as many voxels around the same middle."""
    angle = math.radians(case.parameter)
    turned = np.array([[1, 0, 0], [0, math.cos(angle), -math.sin(angle)], [0, math.sin(angle), math.cos(angle)]])
    tilted = np.array([[math.cos(angle / 2), -math.sin(angle / 2), 0], [math.sin(angle / 2), math.cos(angle / 2), 0]])
    direction = turned @ np.vstack([tilted, [0, 0, 1]])
    spacing = np.asarray(SPACING) if case.parameter else np.array([2.0, 0.9, 0.7])
    middle = np.asarray(SPACING) * (np.asarray(shape) - 1) / 2
    origin = middle - direction @ (spacing * (np.asarray(shape) - 1) / 2)
    return Volume(np.broadcast_to(np.int8(0), shape), spacing, origin, direction)


def cormack_resample(case: Case, image: np.ndarray, output: np.ndarray) -> np.ndarray:
    words = {0: "nearest", 1: "linear", 3: "cubic"}
    reference = reference_of(case, image.shape)
    return volume_of(image).resample_to(reference, interpolation=words[ORDERS[case.operation]], cval=-1000).array


def scipy_resample(case: Case, image: np.ndarray, output: np.ndarray) -> np.ndarray:
    volume, reference = volume_of(image), reference_of(case, image.shape)
    matrix = np.diag(1 / np.asarray(volume.spacing)) @ reference.direction @ np.diag(reference.spacing)
    offset = volume.world_to_index(reference.origin)
    return scipy.ndimage.affine_transform(
        image, matrix, offset, order=ORDERS[case.operation], output=output, cval=-1000, mode="constant"
    )


def sitk_resample(case: Case, image: Any, output: np.ndarray) -> Any:
    import SimpleITK

    image.SetSpacing(SPACING[::-1])
    reference = reference_of(case, image.GetSize()[::-1])
    words = {0: SimpleITK.sitkNearestNeighbor, 1: SimpleITK.sitkLinear, 3: SimpleITK.sitkBSpline}
    return SimpleITK.Resample(
        image,
        reference.shape[::-1],
        SimpleITK.Transform(),
        words[ORDERS[case.operation]],
        reference.origin_xyz,
        reference.spacing_xyz,
        reference.direction_xyz.ravel().tolist(),
        -1000.0,
    )


PEERS = {"cormack": cormack_resample, "scipy": scipy_resample, "SimpleITK": sitk_resample, "memcpy": memcpy}
CONTENDERS: Contenders = dict.fromkeys(ORDERS, PEERS)
CASES = [
    Case(operation, dtype, "volume", angle)
    for operation in ORDERS
    for dtype in ("int16", "float32")
    for angle in (0, 20)
]


def assert_right(case: Case, image: np.ndarray, result: np.ndarray) -> None:
    """SimpleITK's voxels, but for those that lie half way or at the end of the image."""
    import SimpleITK

    expected = SimpleITK.GetArrayFromImage(
        sitk_resample(case, SimpleITK.GetImageFromArray(image.astype(np.float64)), result)
    )
    error = np.abs(result - expected)
    rounding = 0.5 if image.dtype.kind in "iu" and ORDERS[case.operation] else 0.0
    limit = rounding + 1e-3
    if image.dtype.kind in "iu":
        # The spline saturates.
        error = np.abs(result - expected.clip(np.iinfo(image.dtype).min, np.iinfo(image.dtype).max))
    assert np.mean(error > limit) < 1e-4


@pytest.mark.parametrize(("case", "contender"), rows(CASES, CONTENDERS, lambda contender, case: True))
def test_resampling(benchmark, case, contender):
    run(benchmark, case, contender, CONTENDERS, assert_right, 7 if contender in ("cormack", "memcpy") else 2)
