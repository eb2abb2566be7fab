"""anisotropic_diffusion: ITK's numbers, a reference of the formulas in float64, limits, NaN, errors."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cormack import _arrays
from cormack.filters import anisotropic_diffusion
from cormack.volume import Volume

METHODS = ("gradient", "curvature")
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
]


def noisy_block(shape, dtype=np.float32, seed=0):
    image = np.zeros(shape)
    image[tuple(slice(n // 3, 2 * n // 3 + 1) for n in shape)] = 150
    image += np.random.default_rng(seed).normal(20, 15, shape)
    if np.dtype(dtype) == bool:
        return image > 90
    info = np.iinfo(dtype) if np.dtype(dtype).kind in "iu" else None
    return np.clip(np.rint(image), info.min, info.max).astype(dtype) if info else image.astype(dtype)


def sitk_diffusion(image, method, spacing, time_step, conductance, iterations):
    sitk = pytest.importorskip("SimpleITK")
    from_array = sitk.GetImageFromArray(np.ascontiguousarray(image))
    from_array.SetSpacing(spacing[::-1])
    filters = {"gradient": sitk.GradientAnisotropicDiffusion, "curvature": sitk.CurvatureAnisotropicDiffusion}
    return sitk.GetArrayFromImage(filters[method](from_array, time_step, conductance, 1, iterations))


def reference(image, method, iterations, time_step, spacing, *, kappa=None, conductance=None, edge="exponential"):
    """Return what the stencils of ITK give in float64."""
    u = image.astype(np.float64)
    axes = range(u.ndim)

    def shifted(array, axis, step):
        index = np.clip(np.arange(array.shape[axis]) + step, 0, array.shape[axis] - 1)
        return np.take(array, index, axis)

    for _ in range(iterations):
        central = [(shifted(u, a, 1) - shifted(u, a, -1)) / 2 / spacing[a] for a in axes]
        forward = [(shifted(u, a, 1) - u) / spacing[a] for a in axes]
        backward = [(u - shifted(u, a, -1)) / spacing[a] for a in axes]
        k = kappa or conductance * np.sqrt(2 * np.mean(sum(c**2 for c in central)))
        total = np.zeros_like(u)
        for a in axes:
            for difference, step, sign in ((forward[a], 1, 1), (backward[a], -1, -1)):
                g = difference**2
                for b in axes:
                    if b != a:
                        g = g + ((central[b] + shifted(central[b], a, step)) / 2) ** 2
                c = np.exp(-g / k**2) if edge == "exponential" else 1 / (1 + g / k**2)
                flux = difference * c
                total += sign * (flux / np.sqrt(g + 1e-10) if method == "curvature" else flux)
        if method == "curvature":
            rising = sum(np.minimum(b, 0) ** 2 + np.maximum(f, 0) ** 2 for b, f in zip(backward, forward, strict=True))
            falling = sum(np.maximum(b, 0) ** 2 + np.minimum(f, 0) ** 2 for b, f in zip(backward, forward, strict=True))
            total *= np.sqrt(np.where(total > 0, rising, falling))
        u = u + time_step * total
    return u


# In float32 an iteration adds up to a dozen roundings of a difference, and its conductance is as exact: 1e-6 of the
# range for five iterations, which is two to ten times what is seen. (Curvature divides by the gradient at a face: where
# that vanishes beside a steep slope, which is rare, ITK's float32 images are no better than ours.)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_matches_simpleitk(shape, method):
    image = noisy_block(shape)
    time_step = 1 / 2 ** (len(shape) + 1)
    expected = sitk_diffusion(image, method, (1.0,) * len(shape), time_step, 3.0, 5)
    np.testing.assert_allclose(anisotropic_diffusion(image, method=method), expected, rtol=0, atol=1e-6 * 250)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("conductance", [0.5, 2.0])
@pytest.mark.parametrize("spacing", [(2.5, 0.7, 0.9), (0.5, 2.0)], ids=str)
def test_matches_simpleitk_with_anisotropic_spacing(spacing, conductance, method):
    image = noisy_block((9, 13, 33)[-len(spacing) :])
    time_step = min(spacing) / 2 ** (len(spacing) + 1)
    result = anisotropic_diffusion(image, 4, conductance, method=method, spacing=spacing, unit="mm")
    expected = sitk_diffusion(image, method, spacing, time_step, conductance, 4)
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-6 * 250)
    np.testing.assert_array_equal(
        anisotropic_diffusion(Volume(image, spacing), 4, conductance, method=method, unit="mm").array, result
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("edge", ["exponential", "reciprocal"])
@pytest.mark.parametrize("shape", [(7, 9, 18), (14, 35), (45,)], ids=str)
def test_matches_the_formulas_in_float64(shape, edge, method):
    image = noisy_block(shape, np.float64)
    spacing = (1.5, 0.8, 0.6)[-len(shape) :]
    time_step = 0.9 * min(spacing) / 2 ** (len(shape) + 1)
    for settings in ({"kappa": 25.0}, {"conductance": 1.5}):
        result = anisotropic_diffusion(
            image, 6, time_step=time_step, method=method, edge=edge, spacing=spacing, unit="mm", **settings
        )
        expected = reference(image, method, 6, time_step, spacing, edge=edge, **settings)
        np.testing.assert_allclose(result, expected, rtol=0, atol=1e-12 * 250)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [str(dtype) for dtype in _arrays.DTYPES if dtype.kind != "f"])
def test_integers_are_the_floating_result_rounded_once(dtype, method):
    image = noisy_block((6, 11, 21), dtype)
    wide = np.float64 if dtype in ("uint32", "int32") else np.float32
    for iterations in (1, 2, 3, 4):
        exact = anisotropic_diffusion(image.astype(wide), iterations, method=method)
        expected = np.rint(exact).astype(dtype)
        np.testing.assert_array_equal(anisotropic_diffusion(image, iterations, method=method), expected)


def test_extreme_integers_do_not_wrap():
    image = np.random.default_rng(1).choice(np.array([-32768, 32767], np.int16), (5, 9, 19))
    expected = reference(image, "gradient", 3, 1 / 16, (1, 1, 1), conductance=9.0)
    result = anisotropic_diffusion(image, 3, 9.0)
    assert np.abs(result - expected).max() <= 0.5 + 1e-6 * 65535


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16"])
@pytest.mark.parametrize("method", METHODS)
def test_every_level_gives_the_same_bits(isa, dtype, method):
    image = noisy_block((6, 17, 45), dtype)
    for edge in ("exponential", "reciprocal"):
        result = anisotropic_diffusion(image, 3, method=method, edge=edge, workers=1)
        key = (dtype, method, edge)
        assert _bits.setdefault(key, result.tobytes()) == result.tobytes()


_bits: dict[tuple[str, str, str], bytes] = {}


# More rows and planes than one tile has.
@pytest.mark.parametrize("shape", [(110, 90, 40), (3, 200, 70), (300, 70)], ids=str)
@pytest.mark.parametrize("method", METHODS)
def test_tiles_and_threads_leave_no_seam(method, shape):
    image = noisy_block(shape, np.float64)
    one = anisotropic_diffusion(image, 3, method=method, workers=1)
    assert anisotropic_diffusion(image, 3, method=method, workers=3).tobytes() == one.tobytes()
    expected = reference(image, method, 3, 1 / 2 ** (len(shape) + 1), (1,) * len(shape), conductance=3.0)
    np.testing.assert_allclose(one, expected, rtol=0, atol=1e-11 * 250)


@given(
    image=hnp.arrays(
        np.float32, hnp.array_shapes(min_dims=1, max_dims=3, max_side=20), elements=st.floats(-1e3, 1e3, width=32)
    ),
    method=st.sampled_from(METHODS),
    iterations=st.integers(1, 4),
    kappa=st.floats(0.01, 1e5),
)
def test_values_stay_in_range_at_the_largest_time_step(image, method, iterations, kappa):
    ndim = image.ndim
    largest = 1 / (2 * ndim) if method == "gradient" else 1 / (2 * ndim * np.sqrt(2 * ndim))
    result = anisotropic_diffusion(image, iterations, time_step=largest, kappa=kappa, method=method)
    slack = 4e-6 * np.abs(image).max()
    assert image.min() - slack <= result.min()
    assert result.max() <= image.max() + slack


def test_gradient_diffusion_keeps_the_mean():
    image = noisy_block((8, 30, 40), np.float64)
    assert anisotropic_diffusion(image, 10).mean() == pytest.approx(image.mean(), rel=1e-13)


# Curvature has ITK's guard against a division by zero, which is in the unit of the image: no tiny ones.
@pytest.mark.parametrize(("method", "power"), [("gradient", -50), *((m, p) for m in METHODS for p in (30, 60))])
def test_relative_conductance_does_not_depend_on_the_intensity_unit(method, power):
    image = noisy_block((8, 10, 20))
    scaled = anisotropic_diffusion(np.ldexp(image, power), method=method)
    np.testing.assert_allclose(
        np.ldexp(scaled, -power), anisotropic_diffusion(image, method=method), rtol=0, atol=1e-6 * 250
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("value", [0, 7, -3.5, 1e30])
def test_constant_images_stay(value, method):
    image = np.full((4, 5, 20), value, np.float32)
    np.testing.assert_array_equal(anisotropic_diffusion(image, method=method), image)
    np.testing.assert_array_equal(anisotropic_diffusion(image, method=method, kappa=2), image)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("edge", ["exponential", "reciprocal"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_edges_beyond_all_gradients_and_below_them(dtype, edge, method):
    image = noisy_block((7, 9, 20), dtype)
    expected = reference(image, method, 2, 1 / 16, (1, 1, 1), kappa=1e12, edge=edge)
    result = anisotropic_diffusion(image, 2, kappa=1e12, method=method, edge=edge)
    np.testing.assert_allclose(result, expected, rtol=0, atol=250 * 1e-6)
    for settings in ({"kappa": 1e-30}, {"conductance": 1e-25}, {"kappa": 1e-300}):
        result = anisotropic_diffusion(image, 2, method=method, edge=edge, **settings)
        np.testing.assert_allclose(result, image, rtol=1e-6)


@pytest.mark.parametrize("settings", [{"iterations": 0}, {"conductance": 0}], ids=str)
def test_nothing_to_do_leaves_the_image(settings):
    image = noisy_block((4, 5, 20))
    result = anisotropic_diffusion(image, **settings)
    np.testing.assert_array_equal(result, image)
    assert result is not image


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_spread_one_voxel_per_iteration(value, method):
    image = noisy_block((9, 11, 30))
    clean = anisotropic_diffusion(image, 2, method=method, kappa=40)
    image[4, 5, 10] = value
    result = anisotropic_diffusion(image, 2, method=method, kappa=40)
    near = np.zeros(image.shape, bool)
    near[2:7, 3:8, 8:13] = True
    assert np.isnan(result[4, 5, 10])
    np.testing.assert_array_equal(result[~near], clean[~near])
    # The mean is that of the other voxels.
    assert np.isfinite(anisotropic_diffusion(image, 2, method=method)[~near]).all()


def test_an_image_of_nan_is_no_error():
    assert np.isnan(anisotropic_diffusion(np.full((3, 4, 5), np.nan))).all()


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"iterations": -1}, ValueError, "`iterations` must be at least 0, got -1"),
        ({"iterations": 2**31}, ValueError, "`iterations` must be at most 2147483647, got 2147483648"),
        ({"iterations": 2.5}, TypeError, "`iterations` must be an int, got 2.5"),
        ({"conductance": -1}, ValueError, "`conductance` must be at least 0, got -1"),
        ({"kappa": 0}, ValueError, "`kappa` must be above 0, got 0"),
        ({"kappa": 1e13}, ValueError, "`kappa` must be at most 1e+12, got 10000000000000.0"),
        ({"conductance": 1e13}, ValueError, "`conductance` must be at most 1e+12, got 10000000000000.0"),
        ({"kappa": np.nan}, ValueError, "`kappa` must be finite, got nan"),
        ({"time_step": 0}, ValueError, "`time_step` must be above 0, got 0"),
        ({"time_step": 0.2}, ValueError, "`time_step` must be at most 0.166667 here, or diffusion oscillates, got 0.2"),
        (
            {"time_step": 0.1, "method": "curvature"},
            ValueError,
            "`time_step` must be at most 0.0680414 here, or diffusion oscillates, got 0.1",
        ),
        ({"method": "itk"}, ValueError, "`method` must be one of 'gradient', 'curvature', got 'itk'"),
        ({"edge": 1}, ValueError, "`edge` must be one of 'exponential', 'reciprocal', got 1"),
        ({"spacing": 2.0}, ValueError, "`unit` must be 'mm' where `spacing` is given, got 'voxel'"),
        ({"unit": "mm"}, ValueError, '`spacing` must be given for unit="mm" where `input` is no Volume, got None'),
        ({"unit": "mm", "spacing": (1, 0, 1)}, ValueError, "`spacing` must be above 0, got 0"),
    ],
    ids=str,
)
def test_rejects(settings, error, message):
    with pytest.raises(error, match="^anisotropic_diffusion: " + re.escape(message) + "$"):
        anisotropic_diffusion(noisy_block((4, 5, 6)), **settings)


def test_rejects_other_dtypes():
    with pytest.raises(TypeError, match="`input` must have one of the dtypes"):
        anisotropic_diffusion(np.zeros((3, 4), complex))
