"""The Hessian, its eigenvalues and measures of ridges against scikit-image, quadratics and analytic tubes."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.feature
import skimage.filters
from hypothesis import given, settings
from hypothesis import strategies as st

from cormack import Volume, _cormack_cpu, filters
from cormack.filters import frangi, hessian_eigenvalues, hessian_matrix, meijering, sato

DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
MODES = ["reflect", "constant", "nearest", "mirror", "wrap"]
MEASURES = {"frangi": frangi, "sato": sato, "meijering": meijering}


def random_image(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return (1000 * rng.standard_normal(shape)).astype(dtype)
    low, high = (0, 1) if dtype == "bool" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    return rng.integers(low, high, shape, endpoint=True).astype(dtype)


def hessian_of(image, sigma, **keywords):
    """scikit-image's Hessian of the image in float64, not rescaled."""
    with np.errstate(all="ignore"):
        elements = skimage.feature.hessian_matrix(
            image.astype(np.float64), sigma, use_gaussian_derivatives=True, **{"mode": "reflect", **keywords}
        )
    return np.array(elements)


def tolerance(image, result, sigma):
    """Bound the sums of both passes.

    Along each axis weights sum to at most 1 / sigma per derivative (2.3 for the sampled ones of small sigma), each pass
    rounds once per weight and what is left out of the kernels is 1e-9 of them.
    """
    largest = np.abs(image.astype(np.float64)).max(initial=0)
    computed = np.float32 if np.dtype(image.dtype).itemsize <= 2 or image.dtype == np.float32 else np.float64
    unit = np.finfo(computed).eps / 2 + (np.finfo(result.dtype).eps / 2)
    return (20 * unit + (4e-9 if computed == np.float32 else 1e-15)) * largest * max(1, 2 / np.min(sigma) ** 2)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_matches_scikit_image(dtype, isa):
    for shape in ((9, 12, 33), (17, 65), (90, 12), (70, 49, 6)):
        image = random_image(shape, dtype)
        expected = hessian_of(image, 1.2)
        result = hessian_matrix(image, 1.2)
        assert result.dtype == (np.float64 if dtype == "float64" else np.float32)
        np.testing.assert_allclose(result, expected, rtol=0, atol=tolerance(image, result, 1.2))
        values = skimage.feature.hessian_matrix_eigvals(list(expected))
        found = hessian_eigenvalues(image, 1.2)
        bound = 4 * tolerance(image, found, 1.2) + 1e-7 * np.abs(values).max() * (dtype == "float64")
        np.testing.assert_allclose(found, values, rtol=0, atol=bound)
        assert np.all(np.diff(found, axis=0) <= 0)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("sigma", [0.6, 1, 1.4, 4])
def test_borders_match_scikit_image(mode, sigma):
    """Also where the kernels are longer than the image: two passes with a border each."""
    for shape in ((7, 5, 19), (12, 9), (30, 31)):
        image = random_image(shape, "float64")
        np.testing.assert_allclose(
            hessian_matrix(image, sigma, mode), hessian_of(image, sigma, mode=mode), atol=2e-11 * 100
        )


def test_a_sigma_per_axis_matches_scikit_image():
    image = random_image((9, 14, 20), "float64")
    sigma = (1.1, 2, 1.5)
    np.testing.assert_allclose(hessian_matrix(image, sigma), hessian_of(image, sigma), atol=1e-10)


def test_a_constant_around_the_image_has_no_derivatives():
    image = np.full((12, 13), 7, np.int16)
    np.testing.assert_allclose(hessian_matrix(image, 2, "constant", 7), 0, atol=1e-5)
    bright = hessian_eigenvalues(image, 2, "constant", 0)
    assert bright.min() < -0.3


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
@pytest.mark.parametrize("black_ridges", [True, False])
def test_measures_match_scikit_image(name, dtype, black_ridges):
    for shape, sigmas in (((30, 41), (1, 2.5)), ((14, 20, 33), (1.5, 2))):
        image = random_image(shape, dtype)
        image = image // 300 if dtype == "int32" else image
        expected = getattr(skimage.filters, name)(image.astype(np.float64), sigmas, black_ridges=black_ridges)
        result = MEASURES[name](image, sigmas, black_ridges=black_ridges)
        assert result.dtype == (np.float64 if dtype == "float64" else np.float32)
        # Relative to the largest eigenvalue, whose error is a few units in the last place of the input's largest value.
        bound = 2e-8 if dtype == "float64" else 3e-6
        if name == "sato":
            # The root of a product with a small eigenvalue shows its error; the product does not.
            power = len(shape) - 1
            np.testing.assert_allclose(result**power, expected**power, rtol=0, atol=bound * expected.max() ** power)
            continue
        if name == "frangi":
            compare_frangi(image, result, expected, sigmas, 600 * bound)
            continue
        np.testing.assert_allclose(result, expected, rtol=0, atol=bound)


def compare_frangi(image, result, expected, sigmas, bound, mode="reflect"):
    """Compare where the quotients of eigenvalues say something: none is nearly 0.

    Where the smallest is, scikit-image's response is not 0 for ridges of the other sign.
    """
    sure = np.ones(image.shape, bool)
    for sigma in sigmas:
        values = skimage.feature.hessian_matrix_eigvals(list(hessian_of(image, sigma, mode=mode)))
        size = np.sort(np.abs(values), axis=0)
        sure &= (size[0] > 1e-4 * size.max()) & (size[1] > 0.01 * size.max())
    assert sure.mean() > 0.5
    np.testing.assert_allclose(result[sure], expected[sure], rtol=0, atol=bound)


@pytest.mark.parametrize("shape", [(25, 40), (12, 18, 21)])
def test_frangi_settings_match_scikit_image(shape):
    image = random_image(shape, "float64")
    for arguments in ({"alpha": 0.2, "beta": 1.5}, {"gamma": 90.0}, {"mode": "mirror", "gamma": 400.0}):
        expected = skimage.filters.frangi(image, (1, 3), **arguments)
        result = frangi(image, (1, 3), **arguments)
        compare_frangi(image, result, expected, (1, 3), 1e-5, arguments.get("mode", "reflect"))
    expected = skimage.filters.meijering(image, (2,), alpha=-0.2)
    np.testing.assert_allclose(meijering(image, 2, -0.2), expected, atol=1e-7)


def test_a_flat_image_has_no_ridges():
    flat = np.full((8, 9, 10), 55, np.int16)
    assert np.abs(frangi(flat, (2,), gamma=1.0)).max() < 1e-6
    assert np.abs(sato(flat, (2,))).max() < 1e-3
    zeros = np.zeros((9, 10))
    for run in MEASURES.values():
        assert not run(zeros, (1, 2)).any()
        assert not run(zeros, ()).any()


def test_quadratic_in_millimetres():
    spacing = (2.0, 0.8, 0.5)
    z, y, x = (size * index for size, index in zip(spacing, np.indices((40, 70, 110)), strict=True))
    image = 3 * x**2 - 2 * y**2 + z**2 + 4 * x * y - 5 * z * x
    inside = (slice(None), slice(18, -18), slice(33, -33), slice(50, -50))
    result = hessian_matrix(image, 3.0, spacing=spacing, unit="mm")[inside]
    expected = np.array([2, 0, -5, -4, 4, 6])[:, None, None, None]
    np.testing.assert_allclose(result, np.broadcast_to(expected, result.shape), atol=1e-6)


def tube(shape, spacing, direction, radius, sign):
    """Return a tube through the centre with a Gaussian profile, and the distance of each voxel from its axis in mm."""
    direction = np.array(direction) / np.linalg.norm(direction)
    places = (np.moveaxis(np.indices(shape), 0, -1) - (np.array(shape) - 1) / 2) * spacing
    across = places - (places @ direction)[..., None] * direction
    distance = np.linalg.norm(across, axis=-1)
    return (1000 + sign * 800 * np.exp(-0.5 * (distance / radius) ** 2)).astype(np.int16), distance


@pytest.mark.parametrize("direction", [(1, 0, 0), (0, 0, 1), (1, 2, 3), (2, -1, 0.5)])
@pytest.mark.parametrize("sign", [1, -1])
def test_tubes_light_up_along_their_axis(direction, sign):
    spacing = np.array((1.6, 0.8, 0.7))
    image, distance = tube((27, 51, 57), spacing, direction, 2.0, sign)
    inside = (slice(7, -7), slice(12, -12), slice(13, -13))
    for run in (frangi, sato):
        result = run(image, (2.0,), black_ridges=sign < 0, spacing=spacing, unit="mm")[inside]
        near, far = distance[inside] < 0.8, distance[inside] > 5
        assert result[near].min() > 10 * result[far].max()
        assert run(image, (2.0,), black_ridges=sign > 0, spacing=spacing, unit="mm")[inside][near].max() < 1e-3
    # A profile of width r smoothed with s has the curvature -h r^2 / (r^2 + s^2)^2 across, nothing along.
    values = hessian_eigenvalues(image, 2.0, spacing=spacing, unit="mm")[(slice(None), *inside)]
    top = values[:, distance[inside] < 0.3].mean(axis=1)
    expected = np.array([0, -50, -50] if sign > 0 else [50, 50, 0])
    np.testing.assert_allclose(top, expected, atol=2.5)


def test_the_best_scale_is_that_of_the_tube():
    image, _distance = tube((40, 60, 60), (1, 1, 1), (0, 0, 1), 3.0, 1)
    responses = [sato(image, (sigma,), black_ridges=False)[20, 30, 30] for sigma in (1, 2, 3, 4, 6)]
    # s^2 r^2 / (r^2 + s^2)^2 is largest for s = r.
    assert np.argmax(responses) == 2
    several = sato(image, (1, 2, 3, 4, 6), black_ridges=False)
    np.testing.assert_array_equal(several[20, 30, 30], max(responses))


VIEWS = {
    "reversed": lambda a: a[::-1, ::-1, ::-1],
    "transposed": lambda a: a.transpose(2, 0, 1),
    "sliced": lambda a: a[1:, ::2, 3::3],
    "broadcast": lambda a: np.broadcast_to(a[0], (5, *a.shape[1:])),
}


@pytest.mark.parametrize("view", VIEWS)
def test_strides_do_not_matter(view):
    image = VIEWS[view](random_image((8, 21, 40), "int16"))
    plain = np.ascontiguousarray(image)
    for run in (hessian_matrix, hessian_eigenvalues, frangi, sato):
        assert run(image, 1.5).tobytes() == run(plain, 1.5).tobytes()
        assert run(image[1], 1.5).tobytes() == run(plain[1], 1.5).tobytes()


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
@pytest.mark.parametrize("shape", [(20, 30, 67), (70, 129)])
def test_bits_do_not_depend_on_threads_or_level(dtype, shape):
    image = random_image(shape, dtype)
    before = _cormack_cpu.isa()
    for run in (hessian_eigenvalues, frangi, sato, meijering):
        results = set()
        try:
            for level in _cormack_cpu.available_isas():
                _cormack_cpu.use_isa(level)
                results.update(run(image, 1.5, workers=workers).tobytes() for workers in (1, 2, 3))
        finally:
            _cormack_cpu.use_isa(before)
        assert len(results) == 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nan_and_infinity_stay_where_their_window_is(dtype):
    image = random_image((30, 31, 90), dtype)
    for run in (hessian_eigenvalues, sato, lambda a, s: frangi(a, s, gamma=50.0)):
        clean = run(image, 1.5)
        broken = image.copy()
        broken[15, 16, 20], broken[3, 4, 80] = np.nan, np.inf
        with np.errstate(invalid="ignore"):
            result = run(broken, 1.5)
        assert np.isnan(result[..., 15, 16, 20]).all()
        assert not np.isfinite(result[..., 3, 4, 80]).any()
        untouched = (..., slice(None), slice(None), slice(42, 60))
        np.testing.assert_array_equal(result[untouched], clean[untouched])


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)
def test_one_voxel_without_a_number_leaves_the_scale_alone(measure, value):
    image = random_image((60, 40), "float32")
    # A ridge that the scale is taken from, away from where the value will be.
    image[40] += 1e5
    expected = measure(image, [1, 2], black_ridges=False)
    image[3, 3] = value
    found = measure(image, [1, 2], black_ridges=False)
    assert np.isnan(found[3, 3])
    np.testing.assert_array_equal(found[30:], expected[30:])


def test_a_sigma_beyond_the_image_takes_no_time():
    image = random_image((5, 6, 7), "int16")
    for mode in MODES:
        for sigma in (2.0, 7.0):
            found = hessian_matrix(image, sigma, mode=mode)
            expected = hessian_of(image, sigma, mode=mode)
            assert np.abs(found - expected).max() <= 1e-6 * 32768 / sigma**2
    assert np.abs(hessian_eigenvalues(image, 900.0)).max() < 1


@pytest.mark.parametrize("thick", [2.0, 3.0, 5.0])
@pytest.mark.parametrize("measure", [hessian_eigenvalues, sato, frangi])
def test_tubes_across_thick_slices_match_their_curvature(measure, thick):
    # Bright along x, Gaussian across; the scale is below the thickness of the slices.
    z, y = np.meshgrid((np.arange(31) - 15) * thick, np.arange(121.0) - 60, indexing="ij")
    width, sigma = 3 * thick, 0.6 * thick
    image = np.repeat((1000 * np.exp(-(z**2 + y**2) / (2 * width**2)))[..., np.newaxis], 40, axis=2)
    curvature = 1000 * width**2 / (width**2 + sigma**2) ** 2
    size = {"spacing": (thick, 1, 1), "unit": "mm"}
    if measure is hessian_eigenvalues:
        # Differences over two slices: of a Gaussian of three of them they are 6 % below its curvature.
        np.testing.assert_allclose(measure(image, sigma, **size)[1:, 15, 60, 20], -curvature, rtol=0.1)
    elif measure is sato:
        found = measure(image, [sigma], black_ridges=False, **size)[15, 60, 20]
        np.testing.assert_allclose(found, curvature * sigma**2, rtol=0.1)
    else:
        tube = 1 - np.exp(-2.0)  # of equal curvatures across: neither a plate nor a blob
        found = measure(image, [sigma], black_ridges=False, gamma=curvature / np.sqrt(2), **size)[15, 60, 20]
        np.testing.assert_allclose(found, (1 - np.exp(-2)) * tube, rtol=0.1)


def test_volumes_and_empty_images():
    volume = Volume(random_image((6, 9, 9), "int16"), spacing=(2, 1, 1))
    result = sato(volume, 2, unit="mm")
    assert isinstance(result, Volume)
    np.testing.assert_array_equal(result.array, sato(volume.array, 2, unit="mm", spacing=(2, 1, 1)))
    assert hessian_matrix(np.empty((0, 4), np.int16)).shape == (3, 0, 4)
    assert hessian_eigenvalues(np.empty((2, 0, 4))).shape == (3, 2, 0, 4)
    for run in MEASURES.values():
        assert run(np.empty((2, 0, 4), np.uint8)).shape == (2, 0, 4)
    for run in MEASURES.values():
        assert run(np.ones((1, 1, 1), np.uint8), 1).shape == (1, 1, 1)


@settings(deadline=None, max_examples=50)
@given(
    shape=st.lists(st.integers(1, 14), min_size=2, max_size=3),
    dtype=st.sampled_from(DTYPES),
    sigma=st.sampled_from([0.5, 1, 1.3, 3]),
    mode=st.sampled_from(MODES),
    seed=st.integers(0, 99),
)
def test_random_calls_match_scikit_image(shape, dtype, sigma, mode, seed):
    image = random_image(shape, dtype, seed)
    result = hessian_matrix(image, sigma, mode)
    # The sampled derivative of a Gaussian of 0.35 pixels has weights whose sum is far from 1 / sigma.
    np.testing.assert_allclose(
        result, hessian_of(image, sigma, mode=mode), rtol=0, atol=4 * tolerance(image, result, sigma)
    )


@pytest.mark.parametrize(
    ("run", "arguments", "error", "message"),
    [
        (hessian_matrix, {"sigma": 0}, ValueError, "hessian_matrix: `sigma` must be above 0, got 0"),
        (
            hessian_eigenvalues,
            {"sigma": (1, 2, 3)},
            ValueError,
            "hessian_eigenvalues: `sigma` must be one value or one",
        ),
        (
            hessian_eigenvalues,
            {"sigma": 1e9},
            ValueError,
            "hessian_eigenvalues: `sigma` must be 0.001 to 1000 voxels",
        ),
        (frangi, {"sigmas": "2"}, TypeError, "frangi: `sigmas` must be a number, got '2'"),
        (frangi, {"sigmas": np.array(-1.0)}, ValueError, "frangi: `sigmas` must be above 0, got -1"),
        (frangi, {"sigmas": [1, -1]}, ValueError, "frangi: `sigmas` must be above 0, got -1"),
        (frangi, {"alpha": 0}, ValueError, "frangi: `alpha` must be above 0, got 0"),
        (frangi, {"gamma": -3}, ValueError, "frangi: `gamma` must be above 0, got -3"),
        (sato, {"mode": "edge"}, ValueError, "sato: `mode` must be one of 'reflect'"),
        (sato, {"unit": "mm"}, ValueError, 'sato: `spacing` must be given for unit="mm"'),
        (meijering, {"alpha": "a"}, TypeError, "meijering: `alpha` must be a number, got 'a'"),
    ],
    ids=lambda value: getattr(value, "__name__", None) or str(value),
)
def test_wrong_arguments_are_named(run, arguments, error, message):
    with pytest.raises(error) as caught:
        run(np.zeros((4, 5), np.int16), **arguments)
    assert str(caught.value).startswith(message)


def test_all_are_exported():
    assert {"hessian_matrix", "hessian_eigenvalues", "frangi", "sato", "meijering"} <= set(filters.__all__)
    assert meijering(np.eye(5), 1).shape == (5, 5)


@pytest.mark.parametrize("dtype", ["bool", "int16", "float32", "float64"])
@pytest.mark.parametrize("function", [filters.frangi, filters.meijering])
def test_flat_images_have_no_ridges_as_in_scikit_image(function, dtype):
    image = np.full((12, 17), 7, dtype)
    # Rounding leaves traces of it in the Hessian, which must not be scaled up.
    assert not function(image, (1, 3)).any()
    if image.dtype.kind == "f":
        image[0, 0] = np.nan
        result = function(image, (1,))
        assert np.isnan(result).any()
        assert not result[np.isfinite(result)].any()
