"""Masks of a range of values, against NumPy's comparisons in float64, which holds every value of every dtype."""

from __future__ import annotations

import numpy as np
import pytest

from cormack import segment

DTYPES = ("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")
BOUNDS = ((None, 3), (3, None), (-5.5, 5), (np.inf, None), (-np.inf, 0), (None, -np.inf), (2**31, None), (0.1, 0.1))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(0, 3), (1,), (17,), (5, 31), (3, 5, 33), (2, 3, 4, 5)])
def test_matches_comparisons(dtype: str, shape: tuple[int, ...]) -> None:
    image = np.random.default_rng(1).normal(0, 50, shape).astype(dtype)
    if dtype.startswith("float") and image.size > 9:
        image.flat[:6] = np.nan, np.inf, -np.inf, 0.1, -0.0, 5
    for lower, upper in BOUNDS:
        wide = image.astype(np.float64)
        expected = (wide >= (-np.inf if lower is None else lower)) & (wide <= (np.inf if upper is None else upper))
        for laid in (image, np.asfortranarray(image), image[..., ::-1].copy()[..., ::-1]):
            found = segment.binary_threshold(laid, lower, upper, workers=2)
            assert found.dtype == bool
            np.testing.assert_array_equal(found, expected, f"{lower} {upper}")


def test_above_otsu_is_the_upper_class() -> None:
    image = np.array([[1, 2, 2], [90, 91, 92]], np.uint8)
    threshold = segment.threshold_otsu(image)
    np.testing.assert_array_equal(segment.binary_threshold(image, np.nextafter(threshold, np.inf)), image > threshold)


def test_errors() -> None:
    image = np.zeros((2, 2), np.int16)
    with pytest.raises(ValueError, match="binary_threshold: `lower` must be a number where `upper` is None"):
        segment.binary_threshold(image)
    with pytest.raises(ValueError, match="binary_threshold: `upper` must not be below `lower`, 3, got 2"):
        segment.binary_threshold(image, 3, 2)
    with pytest.raises(ValueError, match="`lower` must not be NaN"):
        segment.binary_threshold(image, np.nan)
