"""connected_threshold: equal to SimpleITK and to labelling on every level and for any layout; exact bounds; errors."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from cormack import _cormack_cpu, io
from cormack.segment import connected_threshold

from .growing import ITK_DTYPES, random_image, random_seeds, run, xyz

DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
SHAPES = [(1, 1), (1, 7), (7, 1), (5, 63), (4, 64), (3, 65), (9, 129), (33, 31), (1, 1, 1), (3, 4, 5), (4, 1, 70)]
SHAPES += [(1, 6, 33), (5, 7, 64), (3, 17, 130), (6, 5, 191)]


def noise(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 2 if dtype == "bool" else 8, shape).astype(dtype)


def by_labelling(image, seeds, lower, upper, connectivity, mask=None):
    """Reference: the labels of scipy.ndimage that have a seed. Every pixel type is exact in float64."""
    values = image.astype(np.float64)
    inside = (values >= lower) & (values <= upper)
    if mask is not None:
        inside &= mask
    labels, _ = ndimage.label(inside, ndimage.generate_binary_structure(image.ndim, connectivity))
    chosen = {int(labels[tuple(seed)]) for seed in seeds} - {0}
    return np.isin(labels, sorted(chosen))


def some_seeds(shape, count=3, seed=1):
    rng = np.random.default_rng(seed)
    return [tuple(int(rng.integers(n)) for n in shape) for _ in range(count)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_matches_labelling(isa, dtype, shape):
    image = noise(shape, dtype)
    seeds = some_seeds(shape)
    bounds = (1, 1) if dtype == "bool" else (2, 6)
    for connectivity in range(1, len(shape) + 1):
        found = connected_threshold(image, seeds, *bounds, connectivity=connectivity)
        assert found.dtype == bool
        np.testing.assert_array_equal(found, by_labelling(image, seeds, *bounds, connectivity))


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("shape", [(40, 75), (12, 17, 66)], ids=str)
def test_matches_simpleitk(dtype, full, shape):
    image = noise(shape, dtype)
    seeds = some_seeds(shape)
    expected = sitk.ConnectedThreshold(
        sitk.GetImageFromArray(image),
        seedList=[seed[::-1] for seed in seeds],
        lower=1,
        upper=5 if full else 6,
        replaceValue=1,
        connectivity=sitk.ConnectedThresholdImageFilter.FullConnectivity
        if full
        else sitk.ConnectedThresholdImageFilter.FaceConnectivity,
    )
    found = connected_threshold(image, seeds, 1, 5 if full else 6, connectivity=len(shape) if full else 1)
    np.testing.assert_array_equal(found, sitk.GetArrayFromImage(expected).astype(bool))


def by_itk(image, seeds, lower, upper, full):
    itk = sitk.ConnectedThresholdImageFilter()
    itk.SetSeedList(xyz(seeds))
    itk.SetLower(lower)
    itk.SetUpper(upper)
    itk.SetConnectivity(itk.FullConnectivity if full else itk.FaceConnectivity)
    return run(itk, image)


@pytest.mark.parametrize("dtype", ITK_DTYPES)
def test_matches_simpleitk_on_random_images(dtype):
    rng = np.random.default_rng(17)
    for _ in range(30):
        image = random_image(rng, dtype)
        seeds = random_seeds(rng, image.shape)
        lower, upper = sorted(int(v) for v in rng.integers(0 if dtype.startswith("u") else -120, 120, 2))
        full = bool(rng.integers(2))
        found = connected_threshold(image, seeds, lower, upper, connectivity=image.ndim if full else 1)
        np.testing.assert_array_equal(found, by_itk(image, seeds, lower, upper, full))


@pytest.mark.parametrize("full", [False, True])
def test_matches_simpleitk_on_a_ct_and_an_mr(data, full):
    ct = io.read(data / "ibsi_ct_phantom" / "image.nii.gz").array.astype(np.int16)
    mr = io.read(next((data / "mni152").glob("*.nii.gz"))).array
    for image, seed, bounds in [
        (ct, (30, 27, 39), (-1000, -600)),
        (ct, (22, 41, 161), (-150, 200)),
        (mr, None, (90, 200)),
    ]:
        point = seed or tuple(int(i) for i in np.argwhere((image >= 90) & (image <= 200))[100000])
        expected = by_itk(image, [point], *bounds, full)
        assert expected.sum() > 10000
        found = connected_threshold(image, point, *bounds, connectivity=3 if full else 1)
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("horizontal", [False, True])
@pytest.mark.parametrize("connectivity", [1, 2])
def test_follows_a_serpentine_to_its_end(horizontal, connectivity):
    # Walls with a gap at alternating ends; the gaps are closed where corners would let the path through.
    path = np.ones((257, 259), bool)
    path[1::2] = False
    path[1::4, -1] = path[3::4, 0] = True
    image = np.ascontiguousarray(path if horizontal else path.T).astype(np.int16)
    found = connected_threshold(image, (0, 0), 1, 1, connectivity=connectivity)
    np.testing.assert_array_equal(found, image == 1)
    image[128, 0 if horizontal else 130] = 0
    expected = by_labelling(image, [(0, 0)], 1, 1, connectivity)
    np.testing.assert_array_equal(connected_threshold(image, (0, 0), 1, 1, connectivity=connectivity), expected)


def test_follows_a_spiral_through_a_volume():
    volume = np.zeros((9, 40, 150), np.uint8)
    for k in range(0, 9, 2):
        volume[k, ::2] = 1
        volume[k, 1::4, -1] = volume[k, 3::4, 0] = 1
        volume[k + 1 : k + 2, 0 if k % 4 else -2, 0 if k % 4 else -1] = 1
    found = connected_threshold(volume, (0, 0, 0), 1, 1)
    np.testing.assert_array_equal(found, by_labelling(volume, [(0, 0, 0)], 1, 1, 1))
    assert found[8].any()


BOUNDS = [
    (-np.inf, np.inf),
    (0.5, 2.5),
    (1.0000001, 3),
    (-1e300, 1e300),
    (1e300, np.inf),
    (-np.inf, -1e300),
    (2.1, 2.9),
    (-4e38, 4e38),
    (300, 70000),
    (-5.5, -0.5),
    (2**31 - 1, 2**40),
    (2**32 - 1.5, 2**33),
    (-(2**31), -(2**31)),
    (np.inf, np.inf),
    (-np.inf, -np.inf),
    (0.1, 0.1),
    (0, 0),
    (-0.0, 5e-324),
]


@pytest.mark.parametrize("bounds", BOUNDS, ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_bounds_are_compared_exactly(isa, dtype, bounds):
    if dtype.startswith("float"):
        info = np.finfo(dtype)
        values = [np.nan, np.inf, -np.inf, info.max, info.min, info.tiny, 0.1, -0.0, 0.0, 1, 1.0000001, 2.5, 2.9, -3]
    elif dtype == "bool":
        values = [0, 1]
    else:
        info = np.iinfo(dtype)
        values = [info.min, info.max, info.max - 1, *range(max(info.min, -6), 7), min(info.max, 300)]
    image = np.array(values * 9, dtype)[np.newaxis, :131]
    everywhere = [(0, x) for x in range(image.shape[1])]
    found = connected_threshold(image, everywhere, *bounds)
    values = image.astype(np.float64)
    np.testing.assert_array_equal(found, (values >= bounds[0]) & (values <= bounds[1]))


def test_float32_bounds_between_two_values():
    one = np.float32(1)
    above = np.nextafter(one, np.float32(2))
    image = np.array([[one, above]])
    middle = (float(one) + float(above)) / 2
    assert connected_threshold(image, [(0, 0), (0, 1)], middle, 2).tolist() == [[False, True]]
    assert connected_threshold(image, [(0, 0), (0, 1)], 0, middle).tolist() == [[True, False]]


def test_nan_is_outside_and_separates():
    image = np.array([[1, np.nan, 1]], np.float32)
    assert connected_threshold(image, (0, 0), -np.inf, np.inf).tolist() == [[True, False, False]]
    assert not connected_threshold(image, (0, 1), -np.inf, np.inf).any()


def test_seeds_outside_the_range_grow_nothing():
    image = np.array([[5, 5, 0], [5, 5, 0]], np.uint8)
    assert not connected_threshold(image, (0, 2), 1, 9).any()
    assert connected_threshold(image, [(0, 2), (1, 1)], 1, 9).sum() == 4


@pytest.mark.parametrize("dtype", ["bool", "uint8", "float64", "int64"])
def test_mask_limits_the_region(dtype):
    image = noise((9, 20, 70), "int16")
    mask = np.random.default_rng(5).random(image.shape) < 0.9
    seeds = some_seeds(image.shape, 20)
    for connectivity in (1, 2, 3):
        found = connected_threshold(image, seeds, 1, 5, connectivity=connectivity, mask=mask.astype(dtype))
        np.testing.assert_array_equal(found, by_labelling(image, seeds, 1, 5, connectivity, mask))


@pytest.mark.parametrize(
    "view",
    [
        lambda a: a[::-1, ::-1, ::-1],
        lambda a: a.transpose(2, 0, 1),
        lambda a: a[1::2, ::3, 5::2],
        lambda a: np.asfortranarray(a),
        lambda a: np.broadcast_to(a[:, :1], a.shape),
        lambda a: np.broadcast_to(a[..., :1], a.shape),
        lambda a: a[3],
        lambda a: a[:, :, 9],
    ],
)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float64"])
def test_strides_do_not_matter(view, dtype):
    image = view(noise((8, 13, 80), dtype))
    mask = view(noise((8, 13, 80), "bool", 3) | noise((8, 13, 80), "bool", 4))
    seeds = some_seeds(image.shape, 9)
    expected = connected_threshold(image.copy("C"), seeds, 2, 7, mask=mask.copy("C"))
    np.testing.assert_array_equal(connected_threshold(image, seeds, 2, 7, mask=mask), expected)


def test_foreign_byte_order():
    image = noise((20, 70), "int16")
    expected = connected_threshold(image, (3, 3), 2, 7)
    np.testing.assert_array_equal(connected_threshold(image.astype(">i2"), (3, 3), 2, 7), expected)


def test_result_does_not_depend_on_threads_or_level():
    image = noise((64, 64, 100), "int16")
    seeds = some_seeds(image.shape, 2)
    expected = connected_threshold(image, seeds, 2, 6, workers=1)
    for level in _cormack_cpu.available_isas():
        _cormack_cpu.use_isa(level)
        for workers in (1, 2, 3, -1):
            np.testing.assert_array_equal(connected_threshold(image, seeds, 2, 6, workers=workers), expected)


@st.composite
def cases(draw):
    shape = draw(st.one_of(hnp.array_shapes(min_dims=2, max_dims=3, max_side=9), st.just((2, 5, 140))))
    dtype = draw(st.sampled_from(DTYPES[1:]))
    image = draw(hnp.arrays(dtype, shape, elements=st.integers(0, 3), fill=st.just(1)))
    seeds = draw(st.lists(st.tuples(*(st.integers(0, n - 1) for n in shape)), min_size=1, max_size=4))
    return image, seeds, draw(st.integers(1, len(shape)))


@given(cases())
@settings(max_examples=60, deadline=None)
def test_matches_labelling_on_random_input(case):
    image, seeds, connectivity = case
    found = connected_threshold(image, seeds, 1, 2, connectivity=connectivity)
    np.testing.assert_array_equal(found, by_labelling(image, seeds, 1, 2, connectivity))


IMAGE = np.zeros((3, 4), np.int16)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((IMAGE[0], (0,), 0, 1), ValueError, "connected_threshold: `image` must be 2-D or 3-D, got shape (4,)"),
        ((IMAGE.astype(complex), (0, 0), 0, 1), TypeError, "`image` must have one of the dtypes"),
        ((IMAGE, (0, 4), 0, 1), ValueError, "`seeds` must be indices inside shape (3, 4), in array order"),
        ((IMAGE, (0, -1), 0, 1), ValueError, "`seeds` must be indices inside shape (3, 4)"),
        ((IMAGE, (0, 0, 0), 0, 1), ValueError, "`seeds` must be indices inside shape (3, 4)"),
        ((IMAGE, [], 0, 1), ValueError, "`seeds` must name at least one point"),
        ((IMAGE, (0, 1.5), 0, 1), TypeError, "`seeds` must be an int, got 1.5"),
        ((IMAGE, (0, 0), 2, 1), ValueError, "`upper` must be at least `lower`, which is 2, got 1"),
        ((IMAGE, (0, 0), np.nan, 1), ValueError, "`lower` must not be NaN"),
        ((IMAGE, (0, 0), 0, "1"), TypeError, "`upper` must be a number, got '1'"),
        ((np.zeros((0, 4)), (0, 0), 0, 1), ValueError, "`seeds` must be indices inside shape (0, 4)"),
    ],
)
def test_rejects_arguments(arguments, error, message):
    with pytest.raises(error) as caught:
        connected_threshold(*arguments)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"connectivity": 0}, ValueError, "connected_threshold: `connectivity` must be 1 to 2 for 2-D, got 0"),
        ({"connectivity": 3}, ValueError, "`connectivity` must be 1 to 2 for 2-D, got 3"),
        ({"connectivity": 1.0}, TypeError, "`connectivity` must be an int, got 1.0"),
        ({"mask": np.ones((4, 3))}, ValueError, "`mask` must have shape (3, 4), got (4, 3)"),
        ({"workers": 0}, ValueError, "`workers` must be at least 1, got 0"),
    ],
)
def test_rejects_keywords(keywords, error, message):
    with pytest.raises(error) as caught:
        connected_threshold(IMAGE, (0, 0), 0, 1, **keywords)
    assert message in str(caught.value)
