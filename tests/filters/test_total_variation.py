"""total_variation: scikit-image's numbers and number of iterations, invariants, NaN, errors."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cormack import _arrays
from cormack.filters import total_variation
from cormack.volume import Volume

SHAPES = [
    *((3, 4, n) for n in (1, 2, 7, 15, 16, 17, 31, 33, 63, 64, 65, 129)),
    (1, 5, 6),
    (5, 1, 18),
    (9, 8, 1),
    (2, 2, 2),
    (31, 1, 1),
    (20, 37),
    (1, 40),
    (40, 1),
    (66, 17),
    (50,),
    (1,),
]


def noisy_block(shape, dtype=np.float32, seed=0):
    image = np.zeros(shape)
    image[tuple(slice(n // 3, 2 * n // 3 + 1) for n in shape)] = 100
    image += np.random.default_rng(seed).normal(20, 15, shape)
    if np.dtype(dtype) == bool:
        return image > 70
    info = np.iinfo(dtype) if np.dtype(dtype).kind in "iu" else None
    return np.clip(np.rint(image), info.min, info.max).astype(dtype) if info else image.astype(dtype)


def skimage_total_variation(image, weight, **settings):
    restoration = pytest.importorskip("skimage.restoration")
    return restoration.denoise_tv_chambolle(image, weight, **settings)


def reference(image, weight, eps, iterations, spacing):
    """Return Chambolle's projection in float64, and the number of iterations, for any voxel size."""
    f = image.astype(np.float64)
    axes = range(f.ndim)
    p = np.zeros((f.ndim, *f.shape))
    step = 1 / (2 * sum(1 / h**2 for h in spacing))
    first = before = u = None
    for i in range(iterations):
        change = np.zeros_like(f)
        for a in axes:
            change -= np.diff(p[a], axis=a, prepend=0) / spacing[a]
        u = f + change
        g = np.stack([np.diff(u, axis=a, append=np.take(u, [-1], a)) / spacing[a] for a in axes])
        norm = np.sqrt((g**2).sum(axis=0))
        energy = ((change**2).sum() + weight * norm.sum()) / f.size
        if i == 0:
            first = energy
        elif abs(before - energy) < eps * first:
            return u, i + 1
        before = energy
        p = (p - step * g) / (1 + norm * step / weight)
    return u, iterations


# A dual value is below weight and an iteration rounds it four times; the projection contracts. float32: 1e-6 of the
# range, which is several times what is seen; float64: as much of its precision.
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-6), ("float64", 2e-15)])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_matches_scikit_image(shape, dtype, tolerance):
    image = noisy_block(shape, dtype)
    for settings in ({"max_num_iter": 1}, {"max_num_iter": 2}, {"max_num_iter": 12}, {}):
        expected = skimage_total_variation(image, 20, **settings)
        np.testing.assert_allclose(total_variation(image, 20, **settings), expected, rtol=0, atol=tolerance * 170)


@pytest.mark.parametrize("eps", [0.0, 1e-2, 1e-3, 1e-5])
@pytest.mark.parametrize("weight", [0.5, 8, 300])
def test_stops_where_scikit_image_does(weight, eps):
    image = noisy_block((9, 20, 31), np.float64)
    expected = skimage_total_variation(image, weight, eps=eps, max_num_iter=60)
    result = total_variation(image, weight, eps, 60)
    # One iteration more or less would show.
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-12)


def test_weight_of_scikit_image_for_integers():
    image = noisy_block((20, 30), np.uint8)
    expected = skimage_total_variation(image, 0.1) * 255
    assert np.abs(total_variation(image, 25.5) - expected).max() <= 0.5 + 1e-3


@pytest.mark.parametrize("spacing", [(2.5, 0.7, 0.9), (0.5, 2.0), (3.0,)], ids=str)
def test_matches_the_formulas_with_spacing(spacing):
    image = noisy_block((9, 13, 33)[-len(spacing) :], np.float64)
    result = total_variation(image, 15, spacing=spacing, unit="mm")
    expected, _ = reference(image, 15, 2e-4, 200, spacing)
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-11)
    if len(spacing) == 3:
        np.testing.assert_array_equal(total_variation(Volume(image, spacing), 15, unit="mm").array, result)


@pytest.mark.parametrize("dtype", [str(dtype) for dtype in _arrays.DTYPES if dtype.kind != "f"])
def test_integers_are_the_floating_result_rounded_once(dtype):
    image = noisy_block((6, 11, 21), dtype)
    wide = np.float64 if dtype in ("uint32", "int32") else np.float32
    weight = 0.3 if dtype == "bool" else 25
    for iterations in (1, 2, 7):
        exact = total_variation(image.astype(wide), weight, max_num_iter=iterations)
        expected = np.rint(exact).astype(dtype)
        np.testing.assert_array_equal(total_variation(image, weight, max_num_iter=iterations), expected)


def test_extreme_integers_do_not_wrap():
    image = np.random.default_rng(1).choice(np.array([-32768, 32767], np.int16), (5, 9, 19))
    expected, _ = reference(image, 9000.0, 2e-4, 200, (1, 1, 1))
    assert np.abs(total_variation(image, 9000.0) - expected).max() <= 0.5 + 1e-6 * 65535


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16"])
@pytest.mark.parametrize("shape", [(6, 17, 45), (30, 45)], ids=str)
def test_every_level_gives_the_same_bits(isa, dtype, shape):
    result = total_variation(noisy_block(shape, dtype), 15, workers=1)
    assert _bits.setdefault((dtype, shape), result.tobytes()) == result.tobytes()


_bits: dict[tuple[str, tuple[int, ...]], bytes] = {}


@pytest.mark.parametrize("shape", [(21, 40, 33), (3, 50, 20), (200, 33), (2, 9, 9)], ids=str)
def test_slabs_leave_no_seam(shape):
    image = noisy_block(shape, np.float64)
    one = total_variation(image, 15, workers=1)
    for workers in (2, 3, 7):
        assert total_variation(image, 15, workers=workers).tobytes() == one.tobytes()
    expected, _ = reference(image, 15, 2e-4, 200, (1,) * len(shape))
    np.testing.assert_allclose(one, expected, rtol=0, atol=1e-11)


@given(
    image=hnp.arrays(
        np.float64, hnp.array_shapes(min_dims=1, max_dims=3, max_side=12), elements=st.floats(-1e3, 1e3, width=32)
    ),
    weight=st.floats(0.1, 1e4),
)
def test_keeps_the_mean_and_lowers_the_energy(image, weight):
    def energy(u):
        g = [np.diff(u, axis=a, append=np.take(u, [-1], a)) for a in range(u.ndim)]
        return np.sqrt(sum(x**2 for x in g)).sum() + ((u - image) ** 2).sum() / (2 * weight)

    result = total_variation(image, weight, 1e-6)
    assert result.mean() == pytest.approx(image.mean(), abs=1e-10)
    assert energy(result) <= energy(image) * (1 + 1e-3) + 1e-9


def test_a_large_weight_leaves_the_mean_alone():
    image = noisy_block((12, 15), np.float64)
    np.testing.assert_allclose(total_variation(image, 1e4, 0, 5000), image.mean(), rtol=1e-3)


@pytest.mark.parametrize("weight", [1e-300, 1e300])
def test_weights_beyond_float32(weight):
    image = noisy_block((6, 7, 20))
    image[:, :3] = 5
    result = total_variation(image, weight, max_num_iter=4)
    if weight < 1:
        np.testing.assert_array_equal(result, image)
    else:
        expected, _ = reference(image, weight, 0, 4, (1, 1, 1))
        np.testing.assert_allclose(result, expected, rtol=0, atol=1e-6 * 170)


@pytest.mark.parametrize("value", [0, 7, -3.5, 1e30])
def test_constant_images_stay(value):
    image = np.full((4, 5, 20), value, np.float32)
    np.testing.assert_array_equal(total_variation(image, 3), image)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_spread_one_voxel_per_iteration(value):
    image = noisy_block((9, 11, 30))
    clean = total_variation(image, 10, 0, 3)
    image[4, 5, 10] = value
    result = total_variation(image, 10, 0, 3)
    near = np.zeros(image.shape, bool)
    near[2:7, 3:8, 8:13] = True
    assert np.isnan(result[4, 5, 10])
    np.testing.assert_array_equal(result[~near], clean[~near])


@pytest.mark.parametrize(
    ("arguments", "settings", "error", "message"),
    [
        ((0,), {}, ValueError, "`weight` must be above 0, got 0"),
        ((-1,), {}, ValueError, "`weight` must be above 0, got -1"),
        ((np.inf,), {}, ValueError, "`weight` must be finite, got inf"),
        (("much",), {}, TypeError, "`weight` must be a number, got 'much'"),
        ((1,), {"eps": -1e-3}, ValueError, "`eps` must be at least 0, got -0.001"),
        ((1,), {"max_num_iter": 0}, ValueError, "`max_num_iter` must be at least 1, got 0"),
        ((1,), {"max_num_iter": 2**31}, ValueError, "`max_num_iter` must be at most 2147483647, got 2147483648"),
        ((1,), {"max_num_iter": 1.5}, TypeError, "`max_num_iter` must be an int, got 1.5"),
        ((1,), {"spacing": 2.0}, ValueError, "`unit` must be 'mm' where `spacing` is given, got 'voxel'"),
        ((1,), {"unit": "m"}, ValueError, "`unit` must be one of 'voxel', 'mm', got 'm'"),
    ],
    ids=str,
)
def test_rejects(arguments, settings, error, message):
    with pytest.raises(error, match="^total_variation: " + re.escape(message) + "$"):
        total_variation(noisy_block((4, 5, 6)), *arguments, **settings)


def test_rejects_other_dtypes():
    with pytest.raises(TypeError, match="`input` must have one of the dtypes"):
        total_variation(np.zeros((3, 4), complex), 1)
