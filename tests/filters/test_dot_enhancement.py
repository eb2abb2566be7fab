"""Dots against bodies whose curvatures are known: Gaussian blobs, lines and planes."""

from __future__ import annotations

import numpy as np
import pytest

from cormack import filters

SIZES = {"cubes": (1.0, 1.0, 1.0), "slices": (2.0, 0.8, 1.3)}


def grids(spacing, half=16.0):
    return np.meshgrid(*(np.arange(-half, half + 1e-9, size) for size in spacing), indexing="ij")


def centre(image):
    return tuple(int(i) for i in np.unravel_index(np.argmax(image), image.shape))


@pytest.mark.parametrize("spacing", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("sigma", [2.5, 3.5])
def test_a_gaussian_blob_has_the_response_of_its_curvature(spacing, sigma):
    z, y, x = grids(spacing)
    width = 3.0
    blob = 100 * np.exp(-(z**2 + y**2 + x**2) / (2 * width**2))
    # Smoothed, a blob of width sqrt(width^2 + sigma^2), whose three curvatures are equal at its centre.
    total = width**2 + sigma**2
    expected = sigma**2 * 100 * (width**2 / total) ** 1.5 / total
    found = filters.dot_enhancement(blob, [sigma], spacing=spacing, unit="mm")
    assert found[centre(blob)] == pytest.approx(expected, rel=0.05)
    assert found.max() == pytest.approx(found[centre(blob)], rel=1e-6)


@pytest.mark.parametrize("spacing", SIZES.values(), ids=SIZES)
def test_lines_and_planes_are_suppressed(spacing):
    z, y, x = grids(spacing)
    ball = 100.0 * (z**2 + y**2 + x**2 <= 16)
    tube = 100.0 * (z**2 + y**2 <= 16)
    plane = 100.0 * (np.abs(y) <= 4)
    dot, line, sheet = (
        filters.dot_enhancement(image, [1.5, 2, 3], spacing=spacing, unit="mm") for image in (ball, tube, plane)
    )
    inside = tuple(slice(n // 3, -(n // 3)) for n in dot.shape)
    assert dot[inside].max() > 20
    assert line[inside].max() < 1e-6
    assert sheet[inside].max() < 1e-6


def test_black_dots_are_bright_ones_of_the_negative():
    z, y, x = grids((1.0, 1.0, 1.0), 8)
    blob = (100 * np.exp(-(z**2 + y**2 + x**2) / 8)).astype(np.int16)
    bright = filters.dot_enhancement(blob, [2])
    np.testing.assert_array_equal(filters.dot_enhancement(-blob, [2], black_dots=True), bright)
    assert filters.dot_enhancement(blob, [2], black_dots=True)[centre(blob)] == 0


def test_a_flat_image_and_an_empty_one():
    assert filters.dot_enhancement(np.full((5, 6, 7), 9, np.uint8), [1, 2]).max() < 1e-6
    assert filters.dot_enhancement(np.zeros((0, 6, 7), np.float32)).shape == (0, 6, 7)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
def test_threads_do_not_change_a_bit(dtype):
    image = (np.random.default_rng(3).normal(100, 20, (17, 33, 20))).astype(dtype)
    one = filters.dot_enhancement(image, [1, 2], workers=1)
    assert one.dtype == (np.float64 if dtype == "float64" else np.float32)
    for workers in (2, 3):
        assert filters.dot_enhancement(image, [1, 2], workers=workers).tobytes() == one.tobytes()


def test_wrong_sigmas_are_refused():
    with pytest.raises(ValueError, match="sigmas"):
        filters.dot_enhancement(np.zeros((5, 5)), [0])
