"""Laws, wavelets, Gabor, Simoncelli, Riesz: against SciPy, PyWavelets and formulas; invariants; errors."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import scipy.ndimage as ndi
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import cormack
from cormack import _arrays, filters
from cormack.filters._wavelets import LAWS, WAVELETS, analysis_filters, scaling_filter

RANDOM = np.random.default_rng(11)
VOLUME = RANDOM.integers(-500, 500, (9, 12, 17)).astype(np.int16)
SERIES = RANDOM.integers(0, 255, (2, 3, 6, 8, 9)).astype(np.uint8)
MODES = ["reflect", "constant", "nearest", "mirror", "wrap"]

RESPONSES = {
    "laws": lambda image, kernels="E5S3", **keywords: filters.laws_filter(image, kernels, **keywords),
    "laws energy": lambda image, kernels="L3W5", **keywords: filters.laws_filter(
        image, kernels, rotation_invariant="max", energy_distance=2, **keywords
    ),
    "gabor": lambda image, **keywords: filters.gabor_filter(image, 1.2, 3, 0.7, 0.4, **keywords),
    "gabor pooled": lambda image, **keywords: filters.gabor_filter(
        image, 1.2, 3, 0.7, theta_step=np.pi / 2, pooling="max", **keywords
    ),
    "wavelet": lambda image, **keywords: filters.wavelet_filter(image, "db2", "LH", 2, **keywords),
    "wavelet pooled": lambda image, **keywords: filters.wavelet_filter(
        image, "coif1", "LH", rotation_invariant="average", **keywords
    ),
    "simoncelli": lambda image, **keywords: filters.simoncelli_filter(image, 1, **keywords),
    "riesz": lambda image, **keywords: filters.riesz_filter(image, (1, 2), **keywords),
}
every_response = pytest.mark.parametrize("run", RESPONSES.values(), ids=RESPONSES)
SPATIAL = [name for name in RESPONSES if name not in ("simoncelli", "riesz")]


def largest(image):
    return float(np.abs(image).max())


def by_scipy(image, kernels, mode):
    """Kernels along x, y, z, convolved in float64."""
    image = image.astype(np.float64)
    for axis, kernel in zip(reversed(range(image.ndim)), kernels, strict=False):
        image = ndi.convolve1d(image, kernel, axis, mode=mode)
    return image


def turned_back(image, respond):
    """Responses to the image in all its right-angled rotations, each rotated back."""
    for order in itertools.permutations(range(image.ndim)):
        inversions = sum(a > b for a, b in itertools.combinations(order, 2))
        for flips in itertools.product((False, True), repeat=image.ndim):
            if (inversions + sum(flips)) % 2:
                continue
            axes = [axis for axis, flip in enumerate(flips) if flip]
            response = respond(np.flip(image.transpose(order), axes))
            yield np.flip(response, axes).transpose(np.argsort(order))


# Laws


def test_laws_kernels_have_unit_norm_and_convolve_to_the_longer_ones():
    for name, kernel in LAWS.items():
        assert np.linalg.norm(kernel) == pytest.approx(1, abs=1e-15)
        assert name[0] == "L" or abs(kernel.sum()) < 1e-15
    for long, short in {"L5": ("L3", "L3"), "E5": ("L3", "E3"), "W5": ("E3", "S3"), "R5": ("S3", "S3")}.items():
        product = np.convolve(LAWS[short[0]], LAWS[short[1]])
        np.testing.assert_allclose(np.abs(product / np.linalg.norm(product)), np.abs(LAWS[long]), atol=1e-15)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kernels", ["E5L5S5", "E3W5R5", "L3S3E5"])
def test_laws_matches_scipy(kernels, mode):
    expected = by_scipy(VOLUME, [LAWS[kernels[i : i + 2]] for i in (0, 2, 4)], mode)
    np.testing.assert_allclose(filters.laws_filter(VOLUME, kernels, mode=mode), expected, atol=3e-6 * 500 * 8)
    exact = filters.laws_filter(VOLUME.astype(np.float64), kernels, mode=mode)
    np.testing.assert_allclose(exact, expected, atol=1e-11)


def test_laws_of_an_impulse_is_the_kernel_with_x_first():
    image = np.zeros((7, 9, 11))
    image[3, 4, 5] = 1
    x, y, z = LAWS["E5"], LAWS["L5"], LAWS["S3"]
    response = filters.laws_filter(image, "E5L5S3")
    np.testing.assert_allclose(response[2:5, 2:7, 3:8], z[:, None, None] * y[:, None] * x, atol=1e-15)


@pytest.mark.parametrize("kernels", ["E5L5S5", "E3W5R5", "L5L5L5", "L3L5E5"])
@pytest.mark.parametrize("pooling", ["max", "average"])
def test_laws_pooling_matches_rotated_images(kernels, pooling):
    image = VOLUME.astype(np.float64)
    responses = list(turned_back(image, lambda turned: filters.laws_filter(turned, kernels)))
    assert len(responses) == 24
    expected = np.max(responses, axis=0) if pooling == "max" else np.mean(responses, axis=0)
    np.testing.assert_allclose(filters.laws_filter(image, kernels, rotation_invariant=pooling), expected, atol=1e-10)


def test_laws_energy_is_the_mean_magnitude_in_a_box():
    response = filters.laws_filter(VOLUME, "E5L5S5", mode="constant", rotation_invariant="max")
    expected = ndi.uniform_filter(np.abs(response.astype(np.float64)), 7, mode="constant")
    energy = filters.laws_filter(
        VOLUME, "E5L5S5", mode="constant", rotation_invariant="max", energy_distance=3, output=np.float32
    )
    np.testing.assert_allclose(energy, expected, rtol=1e-5)


def test_a_constant_beyond_the_border_continues_a_constant_image():
    image = np.full((6, 7, 8), 50, np.int16)
    inside = filters.laws_filter(image, "L5L3L5", mode="nearest", energy_distance=2)
    np.testing.assert_allclose(
        filters.laws_filter(image, "L5L3L5", mode="constant", cval=50, energy_distance=2), inside, rtol=1e-6
    )
    deep = filters.wavelet_filter(image, "db3", "LLL", 2, mode="constant", cval=50)
    np.testing.assert_allclose(deep, np.full(image.shape, 50 * 8.0), rtol=1e-6)


# Wavelets


@pytest.mark.parametrize("name", WAVELETS)
def test_wavelets_are_orthonormal_with_vanishing_moments(name):
    low, high = analysis_filters(name).values()
    assert low.sum() == pytest.approx(math.sqrt(2), abs=1e-14)
    for shift in range(0, low.size, 2):
        assert low[shift:] @ low[: low.size - shift] == pytest.approx(float(shift == 0), abs=1e-14)
        assert high[shift:] @ high[: low.size - shift] == pytest.approx(float(shift == 0), abs=1e-14)
        assert high[shift:] @ low[: low.size - shift] == pytest.approx(0, abs=1e-14)
    moments = {"haar": 1, "coif1": 2}.get(name) or int(name[2:])
    places = np.linspace(-1, 1, high.size)
    for power in range(moments):
        assert high @ places**power == pytest.approx(0, abs=1e-13)


def test_wavelets_match_published_coefficients():
    # Daubechies, "Ten lectures on wavelets", tables 6.1 and 8.1.
    published = {
        "db2": [0.4829629131445341, 0.8365163037378077, 0.2241438680420134, -0.1294095225512603],
        "db3": [
            0.3326705529500825,
            0.8068915093110924,
            0.4598775021184914,
            -0.1350110200102546,
            -0.0854412738820267,
            0.0352262918857095,
        ],
    }
    for name, coefficients in published.items():
        np.testing.assert_allclose(scaling_filter(name), coefficients, atol=2e-13)
    assert scaling_filter("haar") == scaling_filter("db1")


@pytest.mark.parametrize("name", WAVELETS)
def test_wavelets_match_pywavelets(name):
    pywt = pytest.importorskip("pywt")
    expected = pywt.Wavelet(name)
    np.testing.assert_allclose(analysis_filters(name)["L"], expected.dec_lo, atol=1e-10)
    np.testing.assert_allclose(analysis_filters(name)["H"], expected.dec_hi, atol=1e-10)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("name", "subband"), [("haar", "LLH"), ("db2", "LHL"), ("coif1", "HHL"), ("db4", "HLH")])
def test_wavelet_matches_scipy(name, subband, mode):
    filter_of = analysis_filters(name)
    expected = by_scipy(VOLUME, [filter_of[letter] for letter in subband], mode)
    response = filters.wavelet_filter(VOLUME.astype(np.float64), name, subband, mode=mode)
    np.testing.assert_allclose(response, expected, atol=1e-10)
    # Zeros after every coefficient, the last too.
    low = by_scipy(VOLUME, [filter_of["L"]] * 3, mode)
    stretched = {letter: np.stack([kernel, 0 * kernel], axis=1).ravel() for letter, kernel in filter_of.items()}
    expected = by_scipy(low, [stretched[letter] for letter in subband], mode)
    response = filters.wavelet_filter(VOLUME, name, subband, 2, mode=mode)
    np.testing.assert_allclose(response, expected, atol=2e-6 * largest(low) * 8)


@pytest.mark.parametrize("level", [1, 2])
@pytest.mark.parametrize(("name", "subband"), [("haar", "LLL"), ("haar", "HHH"), ("db2", "LHL"), ("coif1", "HHL")])
def test_wavelet_pooling_matches_rotated_images(name, subband, level):
    image = VOLUME.astype(np.float64)
    responses = list(turned_back(image, lambda turned: filters.wavelet_filter(turned, name, subband, level)))
    for pooling, pool in {"max": np.max, "average": np.mean}.items():
        response = filters.wavelet_filter(image, name, subband, level, rotation_invariant=pooling)
        np.testing.assert_allclose(response, pool(responses, axis=0), atol=1e-9)


@pytest.mark.parametrize("name", ["haar", "db3", "coif1"])
def test_wavelet_subbands_keep_the_energy_of_a_periodic_image(name):
    bands = [filters.wavelet_filter(VOLUME.astype(np.float64), name, a + b + c, mode="wrap") for a, b, c in
             itertools.product("LH", repeat=3)]  # fmt: skip
    assert sum(np.square(band).sum() for band in bands) == pytest.approx(8 * np.square(VOLUME.astype(float)).sum())


# Gabor


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("theta", [0, 0.3, np.pi / 2, 4])
def test_gabor_matches_scipy(theta, mode):
    image = VOLUME[:, :, 3].astype(np.float64)
    y, x = np.mgrid[-30:31, -30:31]
    u, v = x * np.cos(theta) + y * np.sin(theta), y * np.cos(theta) - x * np.sin(theta)
    kernel = np.exp(-(u**2 + 0.25 * v**2) / (2 * 1.5**2) + 2j * np.pi * u / 3)
    real, imaginary = (ndi.convolve(image, part, mode=mode) for part in (kernel.real, kernel.imag))
    expected = {"real": real, "imaginary": imaginary, "modulus": np.hypot(real, imaginary)}
    # What lies beyond 6 standard deviations: exp(-18) of the kernel's mass of 30 voxels and more.
    for part, values in expected.items():
        response = filters.gabor_filter(image, 1.5, 3, 0.5, theta, mode=mode, response=part)
        np.testing.assert_allclose(response, values, atol=500 * 200 * math.exp(-18))


@pytest.mark.parametrize(("response", "count"), [("modulus", 4), ("modulus", 3), ("real", 4), ("imaginary", 3)])
@pytest.mark.parametrize("pooling", ["average", "max"])
def test_gabor_pools_the_directions_of_the_full_circle(response, count, pooling):
    image = VOLUME[4].astype(np.float64)
    step = 2 * np.pi / count
    single = [filters.gabor_filter(image, 2, 4, 1.5, 0.1 + k * step, response=response) for k in range(count)]
    pooled = filters.gabor_filter(image, 2, 4, 1.5, 0.1, response=response, theta_step=step, pooling=pooling)
    expected = np.mean(single, axis=0) if pooling == "average" else np.max(single, axis=0)
    np.testing.assert_allclose(pooled, expected, atol=1e-9)


def test_gabor_averages_three_planes():
    image = VOLUME.astype(np.float64)
    planes = [filters.gabor_filter(image, 2, 4, 1.5, 0.5, axes=axes) for axes in ((1, 2), (0, 2), (0, 1))]
    response = filters.gabor_filter(image, 2, 4, 1.5, 0.5, orthogonal_planes=True)
    np.testing.assert_allclose(response, np.mean(planes, axis=0), atol=1e-9)
    series = filters.gabor_filter(np.stack([image, image[::-1]]), 2, 4, 1.5, 0.5, orthogonal_planes=True)
    np.testing.assert_array_equal(series[0], response)


def test_gabor_in_millimetres():
    image = VOLUME[4].astype(np.float64)
    expected = filters.gabor_filter(image, 2, 4, 1.5, 0.5)
    measured = filters.gabor_filter(image, 1, 2, 1.5, 0.5, spacing=(0.5, 0.5), unit="mm")
    np.testing.assert_allclose(measured, expected, atol=1e-9)
    # A wave of 4 mm along y, whose voxels are 2 mm, and of 0.5 mm along x.
    waves = np.cos(np.arange(32)[:, None] * np.pi) * np.ones((1, 40))
    strong = filters.gabor_filter(waves, 4, 4, theta=np.pi / 2, spacing=(2, 0.5), unit="mm")
    weak = filters.gabor_filter(waves, 4, 4, theta=0, spacing=(2, 0.5), unit="mm")
    assert strong[16, 20] > 10 * weak[16, 20]


def test_a_volume_brings_its_spacing():
    volume = cormack.Volume(VOLUME, spacing=(3, 2, 2))
    response = filters.gabor_filter(volume, 4, 8, unit="mm")
    assert isinstance(response, cormack.Volume)
    assert response.spacing == volume.spacing
    np.testing.assert_array_equal(response.array, filters.gabor_filter(VOLUME, 2, 4))


# Simoncelli and Riesz


def test_simoncelli_bands_of_odd_extents_add_up():
    """The squares of neighbouring bands add up to 1: sin and cos of one angle."""
    image = np.zeros((15, 17, 19))
    image[7, 8, 9] = 1
    spectra = [np.fft.fftn(filters.simoncelli_filter(image, level, mode="wrap")) for level in (1, 2, 3)]
    f = np.meshgrid(*(np.fft.ifftshift(np.linspace(-1, 1, n)) for n in image.shape), indexing="ij")
    radius = np.sqrt(sum(k * k for k in f))
    inside = (radius > 1 / 8) & (radius < 1 / 2)
    total = sum(np.abs(spectrum) ** 2 for spectrum in spectra)
    np.testing.assert_allclose(total[inside], 1, atol=1e-12)
    np.testing.assert_allclose(total[radius >= 1], 0, atol=1e-12)


@pytest.mark.parametrize("shape", [(8, 10, 12), (9, 8, 7)], ids=str)
def test_simoncelli_matches_the_real_part_of_the_complex_filter(shape):
    image = RANDOM.normal(size=shape)
    f = np.meshgrid(*(np.fft.ifftshift(np.linspace(-1, 1, n)) for n in shape), indexing="ij")
    radius = 2 * np.sqrt(sum(k * k for k in f))
    transfer = np.where((radius >= 0.25) & (radius <= 1), np.cos(np.pi / 2 * np.log2(2 * radius + 1e-300)), 0)
    transfer[0, 0, 0] = 0
    expected = np.fft.ifftn(np.fft.fftn(image) * transfer).real
    np.testing.assert_allclose(filters.simoncelli_filter(image, 2, mode="wrap"), expected, atol=1e-13)


def test_simoncelli_of_odd_extents_turns_with_the_image():
    image = RANDOM.normal(size=(7, 9, 11))
    respond = filters.simoncelli_filter
    expected = respond(image, 2, mode="wrap")
    np.testing.assert_allclose(respond(image[::-1], 2, mode="wrap"), expected[::-1], atol=1e-13)
    turned = respond(np.rot90(image, axes=(0, 2)), 2, mode="wrap")
    np.testing.assert_allclose(turned, np.rot90(expected, axes=(0, 2)), atol=1e-13)


def test_bands_do_not_hold_the_mean():
    for level in (1, 5):
        assert largest(filters.simoncelli_filter(np.full((6, 7, 8), 1000.0), level, padding=0)) < 1e-10
    assert largest(filters.riesz_filter(np.full((6, 7, 8), 1000.0), (0, 1, 1))) < 1e-10


@pytest.mark.parametrize("order", [(1, 0), (0, 1), (2, 0), (1, 1), (0, 3)])
def test_riesz_of_a_wave(order):
    """A wave comes back with its direction as factor, and turned by 90 degrees for each order."""
    y, x = np.mgrid[:32, :32] * 2 * np.pi / 32
    phase = 3 * y + 4 * x
    degree = sum(order)
    factor = math.sqrt(math.factorial(degree) / math.prod(map(math.factorial, order)))
    factor *= 0.6 ** order[0] * 0.8 ** order[1]
    response = filters.riesz_filter(np.cos(phase), order, mode="wrap")
    np.testing.assert_allclose(response, factor * np.cos(phase - degree * np.pi / 2), atol=1e-13)


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_riesz_transforms_of_a_degree_keep_the_energy(degree):
    image = RANDOM.normal(size=(9, 11, 13))
    orders = [o for o in itertools.product(range(degree + 1), repeat=3) if sum(o) == degree]
    energy = sum(np.square(filters.riesz_filter(image, order, mode="wrap")).sum() for order in orders)
    assert energy == pytest.approx(np.square(image - image.mean()).sum())


def test_riesz_order_of_simoncelli_is_the_riesz_transform_of_its_band():
    image = RANDOM.normal(size=(8, 9, 10))
    band = filters.simoncelli_filter(image, 1, mode="wrap")
    expected = filters.riesz_filter(band, (0, 2, 1), mode="wrap")
    together = filters.simoncelli_filter(image, 1, mode="wrap", riesz_order=(0, 2, 1))
    np.testing.assert_allclose(together, expected, atol=1e-13)


@pytest.mark.parametrize("mode", MODES[:4])
def test_padding_continues_the_image(mode):
    image = RANDOM.normal(size=(8, 9))
    names = {"reflect": "symmetric", "constant": "constant", "nearest": "edge", "mirror": "reflect"}
    # 8 + 12 and 9 + 11 voxels are what the transform takes.
    padded = np.pad(image, [(6, 6), (5, 6)], names[mode])
    rows = filters.riesz_filter(image, (1,), mode=mode, padding=6, axes=0)
    np.testing.assert_allclose(rows, filters.riesz_filter(padded, (1,), mode="wrap", axes=0)[6:14, 5:14], atol=1e-13)
    columns = filters.riesz_filter(image, (1,), mode=mode, padding=5, axes=1)
    np.testing.assert_allclose(columns, filters.riesz_filter(padded, (1,), mode="wrap", axes=1)[6:14, 5:14], atol=1e-13)


# The Laplacian of Gaussian


@pytest.mark.parametrize("sigma", [0.4, 1.0, 1.5, 2.2])
@pytest.mark.parametrize("ndim", [2, 3])
def test_gaussian_laplace_is_the_sampled_kernel_but_for_the_sum_of_the_gaussian(sigma, ndim):
    reach = int(4 * sigma + 0.5)
    places = np.meshgrid(*[np.arange(-reach, reach + 1)] * ndim, indexing="ij")
    half_square = sum(place**2 for place in places) / (2 * sigma**2)
    kernel = -(ndim - 2 * half_square) * np.exp(-half_square) / sigma**2 / (math.sqrt(2 * np.pi) * sigma) ** ndim
    total = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma**2)).sum() / (math.sqrt(2 * np.pi) * sigma)
    assert abs(total - 1) < 6e-5 or sigma < 0.75
    image = VOLUME[(4,) * (3 - ndim)].astype(np.float64)
    expected = ndi.convolve(image, kernel)
    np.testing.assert_allclose(filters.gaussian_laplace(image, sigma) * total**ndim, expected, atol=1e-9)


# What all promise


@every_response
@pytest.mark.parametrize("dtype", [str(dtype) for dtype in _arrays.DTYPES])
def test_result_is_floating_and_close_to_float64(run, dtype):
    image = VOLUME[4].astype(dtype)
    response = run(image)
    assert response.dtype == (np.float64 if dtype == "float64" else np.float32)
    exact = run(image, output=np.float64)
    assert exact.dtype == np.float64
    scale = largest(image.astype(np.float64))
    np.testing.assert_allclose(response, exact, atol=1e-5 * scale)
    np.testing.assert_array_equal(exact, run(image.astype(np.float64)))


@every_response
def test_strides_do_not_matter(run):
    for view in (VOLUME[2, ::-1, ::2], VOLUME[:, ::2, 1], VOLUME[3].T, np.broadcast_to(VOLUME[0, :1], (9, 17))):
        np.testing.assert_array_equal(run(view), run(np.ascontiguousarray(view)))


@every_response
def test_other_axes_are_a_batch(run):
    expected = np.stack([run(plane) for plane in VOLUME])
    np.testing.assert_allclose(run(VOLUME, axes=(1, 2)), expected, rtol=1e-5, atol=1e-3)
    np.testing.assert_array_equal(run(VOLUME, axes=(-1, -2)), run(VOLUME, axes=(1, 2)))
    series = np.moveaxis(SERIES, (3, 4), (1, 3))
    expected = np.moveaxis([[[run(p) for p in volume] for volume in group] for group in SERIES], (3, 4), (1, 3))
    np.testing.assert_allclose(run(series, axes=(1, 3)), expected, rtol=1e-5, atol=1e-3)


@every_response
def test_output_is_filled_also_in_place(run):
    image = VOLUME[4].astype(np.float32)
    expected = run(image)
    output = np.zeros((24, 17), np.float32)[::2]
    assert run(image, output=output) is output
    np.testing.assert_array_equal(output, expected)
    run(image, output=image)
    np.testing.assert_array_equal(image, expected)
    with pytest.raises(TypeError, match="`output` must have the dtype float32 or float64, got int16"):
        run(VOLUME[4], output=np.int16)


@every_response
@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (0, 0)], ids=str)
def test_empty(run, shape):
    response = run(np.empty(shape, np.int16))
    assert response.shape == shape
    assert response.dtype == np.float32


@every_response
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (2, 1), (2, 3)], ids=str)
@pytest.mark.parametrize("mode", MODES)
def test_images_smaller_than_the_kernel(run, shape, mode):
    assert np.isfinite(run(np.ones(shape, np.int16), mode=mode)).all()


@every_response
def test_the_input_stays(run):
    for dtype in (np.float32, np.float64):
        image = VOLUME[4].astype(dtype)
        run(image)
        np.testing.assert_array_equal(image, VOLUME[4])


@pytest.mark.parametrize("name", SPATIAL)
def test_threads_and_levels_do_not_matter(name, isa):
    run = RESPONSES[name]
    image = RANDOM.integers(-500, 500, (40, 65)).astype(np.int16)
    expected = run(image, workers=1)
    for workers in (2, 3):
        np.testing.assert_array_equal(run(image, workers=workers), expected)


@pytest.mark.parametrize("name", SPATIAL)
def test_nan_reaches_its_neighbourhood_alone(name):
    image = np.zeros((81, 90), np.float32)
    image[40, 45] = np.nan
    wrong = np.isnan(RESPONSES[name](image))
    assert wrong.any()
    rows, columns = np.nonzero(wrong)
    assert np.abs(rows - 40).max() <= 12
    assert np.abs(columns - 45).max() <= 12


@pytest.mark.parametrize("name", ["simoncelli", "riesz"])
def test_nan_reaches_everything_in_the_frequency_domain(name):
    image = np.zeros((8, 9))
    image[2, 3] = np.nan
    assert np.isnan(RESPONSES[name](image)).all()


@given(
    hnp.arrays(np.float64, hnp.array_shapes(min_dims=3, max_dims=3, max_side=9), elements=st.floats(-1e3, 1e3)),
    st.sampled_from(MODES),
    st.sampled_from(["db2", "coif1", "haar"]),
)
@settings(max_examples=40, deadline=None)
def test_pooled_responses_turn_with_the_image(image, mode, name):
    turned = np.rot90(image, axes=(0, 2))
    for respond in (
        lambda one: filters.wavelet_filter(one, name, "LHL", mode=mode, rotation_invariant="max"),
        lambda one: filters.laws_filter(one, "E5S5L3", mode=mode, rotation_invariant="max", energy_distance=1),
    ):
        np.testing.assert_allclose(respond(turned), np.rot90(respond(image), axes=(0, 2)), atol=1e-8)


laws, wavelet, gabor = filters.laws_filter, filters.wavelet_filter, filters.gabor_filter
simoncelli, riesz = filters.simoncelli_filter, filters.riesz_filter
PLANE = VOLUME[0]
BAD_VALUES = [
    (lambda: laws(VOLUME, "E5L5Q5"), "laws_filter: `kernels` must be names of L3, E3, S3, L5, E5, S5, W5, R5, got 'E5"),
    (lambda: laws(VOLUME, "E5L5S"), "laws_filter: `kernels` must be names of"),
    (lambda: laws(VOLUME, ""), "laws_filter: `kernels` must be names of"),
    (lambda: laws(VOLUME, "e5l5s5"), "laws_filter: `kernels` must be names of"),
    (lambda: laws(PLANE), "laws_filter: `kernels` must name one kernel for each of 2 axes, got 'E5L5S5'"),
    (lambda: laws(VOLUME, rotation_invariant="min"), "`rotation_invariant` must be one of 'max', 'average', got 'min'"),
    (lambda: laws(VOLUME, energy_distance=-1), "`energy_distance` must be at least 0, got -1"),
    (lambda: laws(VOLUME, energy_distance=10**9), "`energy_distance` must be at most"),
    (lambda: laws(VOLUME, mode="zero"), "`mode` must be one of"),
    (lambda: laws(SERIES), "`axes` must name 1 to 3 axes of a 5-D array, got None"),
    (lambda: laws(np.float32(3)), "`axes` must name 1 to 3 axes of a 0-D array"),
    (lambda: laws(VOLUME, "E5", axes=()), "`axes` must name 1 to 3 axes"),
    (lambda: wavelet(VOLUME, "db11", "LLL"), "wavelet_filter: `wavelet` must be one of 'haar', 'db1', .*, got 'db11'"),
    (lambda: wavelet(VOLUME, "haar", "LL"), "`subband` must be a letter L or H for each of 3 axes, got 'LL'"),
    (lambda: wavelet(VOLUME, "haar", "LLh"), "`subband` must be a letter L or H"),
    (lambda: wavelet(VOLUME, "haar", "LLL", 0), "`level` must be at least 1, got 0"),
    (lambda: wavelet(VOLUME, "haar", "LLL", 40), "`level` must keep the stretched kernel within 65536 voxels, got 40"),
    (lambda: gabor(VOLUME, 0, 4), "gabor_filter: `sigma` must be above 0, got 0"),
    (lambda: gabor(VOLUME, float("nan"), 4), "`sigma` must be finite, got nan"),
    (lambda: gabor(VOLUME, 1e6, 4), "`sigma` must keep the kernel within 16777216 voxels"),
    (lambda: gabor(VOLUME, 2, -1), "`wavelength` must be above 0, got -1"),
    (lambda: gabor(VOLUME, 2, 4, 0), "`gamma` must be above 0, got 0"),
    (lambda: gabor(VOLUME, 2, 4, truncate=0), "`truncate` must be above 0, got 0"),
    (lambda: gabor(VOLUME, 2, 4, theta_step=1.0), r"`theta_step` must divide the circle, 2 \* pi, got 1.0"),
    (lambda: gabor(VOLUME, 2, 4, theta_step=7), r"`theta_step` must divide the circle, 2 \* pi, got 7"),
    (lambda: gabor(VOLUME, 2, 4, pooling="min"), "`pooling` must be one of 'average', 'max', got 'min'"),
    (lambda: gabor(VOLUME, 2, 4, response="phase"), "`response` must be one of 'modulus', 'real', 'imaginary', got"),
    (lambda: gabor(VOLUME, 2, 4, axes=(0, 1, 2)), r"`axes` must name 2 axes, got \(0, 1, 2\)"),
    (lambda: gabor(VOLUME, 2, 4, axes=(0, 1), orthogonal_planes=True), r"`axes` must name 3 axes, got \(0, 1\)"),
    (lambda: gabor(PLANE, 2, 4, orthogonal_planes=True), "`input` must have at least 3 axes, got shape"),
    (lambda: gabor(PLANE[0], 2, 4), "`input` must have at least 2 axes, got shape"),
    (lambda: gabor(VOLUME, 2, 4, unit="mm"), '`spacing` must be given for unit="mm"'),
    (lambda: gabor(VOLUME, 2, 4, spacing=2), "`unit` must be 'mm' where `spacing` is given, got 'voxel'"),
    (lambda: simoncelli(VOLUME, 0), "simoncelli_filter: `level` must be at least 1, got 0"),
    (lambda: simoncelli(VOLUME, 99), "simoncelli_filter: `level` must be at most 16, got 99"),
    (lambda: simoncelli(VOLUME, padding=-1), "`padding` must be at least 0, got -1"),
    (lambda: simoncelli(VOLUME, padding=10**9), "`padding` must be at most 65536"),
    (lambda: simoncelli(VOLUME, riesz_order=(1, 0)), "`riesz_order` must be one value or one for each of 3 axes, got"),
    (lambda: riesz(VOLUME, (0, 0, 0)), r"riesz_filter: `order` must have a sum of 1 to 20, got \(0, 0, 0\)"),
    (lambda: riesz(VOLUME, (0, -1, 2)), "riesz_filter: `order` must be at least 0, got -1"),
    (lambda: riesz(VOLUME, (0, 0, 21)), "riesz_filter: `order` must have a sum of 1 to 20"),
]
BAD_TYPES = [
    (lambda: laws(VOLUME, 5), "laws_filter: `kernels` must be a str of names of .*, got 5"),
    (lambda: laws(VOLUME.astype(complex)), "laws_filter: `input` must have one of the dtypes"),
    (lambda: laws(VOLUME, energy_distance=1.5), "`energy_distance` must be an int, got 1.5"),
    (lambda: wavelet(VOLUME, "haar", 3), "wavelet_filter: `subband` must be a letter L or H"),
    (lambda: wavelet(VOLUME, "haar", "LLL", 1.0), "`level` must be an int, got 1.0"),
    (lambda: gabor(VOLUME, "2", 4), "gabor_filter: `sigma` must be a number, got '2'"),
    (lambda: riesz(VOLUME, (0, 0, 0.5)), "riesz_filter: `order` must be an int, got 0.5"),
]


@pytest.mark.parametrize(("call", "message"), BAD_VALUES)
def test_rejects_values(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(("call", "message"), BAD_TYPES)
def test_rejects_types(call, message):
    with pytest.raises(TypeError, match=message):
        call()
