"""`cormack.ndimage` beside `scipy.ndimage`: names, signatures, dtypes, and what is handed on."""

from __future__ import annotations

import inspect
import sys

import numpy as np
import pytest

import cormack
from cormack import ndimage
from cormack.ndimage import _images

scipy_ndimage = pytest.importorskip("scipy.ndimage")

OWN = sorted(set(ndimage.__all__) - {"provided_by"})
INTEGERS = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64")
RNG = np.random.default_rng(1)


def image(dtype, shape=(9, 11)):
    dtype = np.dtype(dtype)
    if dtype.kind in "iu":
        return RNG.integers(0, min(np.iinfo(dtype).max, 250) + 1, shape).astype(dtype)
    return (RNG.random(shape) * 200).astype(dtype) if dtype.kind == "f" else RNG.random(shape) > 0.5


@pytest.fixture
def alone(monkeypatch):
    """Let SciPy not be installed, as far as `cormack.ndimage` can see."""
    monkeypatch.setitem(sys.modules, "scipy.ndimage", None)


@pytest.mark.parametrize("name", OWN)
def test_signatures_are_scipys_and_workers(name):
    theirs = list(inspect.signature(getattr(scipy_ndimage, name)).parameters.values())
    ours = list(inspect.signature(getattr(ndimage, name)).parameters.values())
    # SciPy passes them on to gaussian_filter.
    named = ["truncate", "radius"] if theirs[-1].kind is inspect.Parameter.VAR_KEYWORD else []
    shared = theirs[:-1] if named else theirs
    assert [(p.name, p.kind, p.default) for p in ours[: len(shared)]] == [(p.name, p.kind, p.default) for p in shared]
    more = ours[len(shared) :]
    workers = [] if name in ("generate_binary_structure", "iterate_structure") else ["workers"]
    assert [p.name for p in more] == [*named, *workers]
    assert all(p.kind is inspect.Parameter.KEYWORD_ONLY for p in more)
    assert inspect.getdoc(getattr(ndimage, name))


def test_every_name_of_scipy_is_there():
    by = ndimage.provided_by()
    names = {name for name in scipy_ndimage.__all__ if callable(getattr(scipy_ndimage, name))}
    assert names | set(OWN) <= set(by)
    assert names <= set(dir(ndimage))
    for name in names - set(OWN):
        assert by[name] == "scipy"
        assert getattr(ndimage, name) is getattr(scipy_ndimage, name)
    assert {name for name, what in by.items() if what.startswith("cormack")} == set(OWN)


def test_names_without_scipy_are_refused_and_own_work(alone):
    for name in ("fourier_gaussian", "no_such_filter"):
        with pytest.raises(
            AttributeError, match=f"'{name}' of its own, and scipy.ndimage has none or is not installed"
        ):
            getattr(ndimage, name)
    with pytest.raises(AttributeError, match="'_private'"):
        ndimage._private  # noqa: B018
    assert set(ndimage.provided_by()) == set(OWN)
    assert ndimage.median_filter([[1, 9, 2]], (1, 3)).tolist() == [[1, 2, 2]]


def test_arguments_without_scipy_say_what_to_install(alone):
    wanted = r"binary_dilation: .* is computed by scipy.ndimage; install it with: pip install scipy"
    with pytest.raises(cormack.BackendUnavailable, match=wanted):
        ndimage.binary_dilation([[1, 0]], iterations=-1)
    with pytest.raises(cormack.BackendUnavailable, match="gaussian_filter: a complex image is computed by"):
        ndimage.gaussian_filter(np.ones((3, 3), np.complex64), 1)


@pytest.mark.parametrize("dtype", ["bool", *INTEGERS, "float32", "float64"])
@pytest.mark.parametrize("output", [None, "uint8", "int16", "int64", "float32", "float64", ">i2"])
def test_selected_values_match_scipy_in_every_dtype(dtype, output):
    array = image(dtype)
    footprint = np.array([[0, 1, 1], [1, 1, 0]])
    for name, arguments in (("median_filter", {"size": 3}), ("rank_filter", {"rank": 1, "footprint": footprint})):
        expected = getattr(scipy_ndimage, name)(array, output=np.float64, **arguments)
        result = getattr(ndimage, name)(array, output=output, **arguments)
        wanted = array.dtype if output is None else np.dtype(output)
        assert result.dtype == wanted
        assert np.array_equal(result, _images.converted(expected, wanted))


@pytest.mark.parametrize("dtype", ["bool", *INTEGERS])
@pytest.mark.parametrize("output", [None, "uint8", "int64"])
def test_weighted_sums_match_scipys_rounded_and_saturated(dtype, output):
    array = image(dtype)
    wanted = array.dtype if output is None else np.dtype(output)
    double = array.astype(np.float64)
    for call in (
        lambda module, values, output: module.uniform_filter(values, 5, output=output),
        lambda module, values, output: module.correlate(values, [[3, -1], [2, 0]], output=output),
        lambda module, values, output: module.convolve1d(values, [1, 2, -5], axis=0, output=output),
        lambda module, values, output: module.sobel(values, 0, output=output),
        lambda module, values, output: module.laplace(values, output=output),
    ):
        expected = call(scipy_ndimage, double, None)
        # Means on the half may have rounded to either side.
        expected = np.rint(np.round(expected, 9))
        low, high = (0, 1) if wanted.kind == "b" else (np.iinfo(wanted).min, np.iinfo(wanted).max)
        assert np.array_equal(call(ndimage, array, output), np.clip(expected, low, float(high)).astype(wanted))


def test_outputs_are_filled_and_checked():
    array = image("int16")
    target = np.zeros((11, 9), np.uint8).T
    assert ndimage.gaussian_filter(array, 1, output=target) is target
    assert np.array_equal(target, ndimage.gaussian_filter(array, 1))
    with pytest.raises(ValueError, match=r"sobel: `output` must have shape \(9, 11\), got \(2, 2\)"):
        ndimage.sobel(array, output=np.zeros((2, 2), np.int8))
    with pytest.raises(TypeError, match=r"median_filter: `output` must have one of the dtypes .*, got float16"):
        ndimage.median_filter(array, 3, output=np.float16)
    with pytest.raises(TypeError, match="uniform_filter: `output` must be an array, a dtype or None"):
        ndimage.uniform_filter(array, 3, output="no dtype")
    with pytest.raises(TypeError, match=r"uniform_filter: `input` must have one of the dtypes .*, got float16"):
        ndimage.uniform_filter(array.astype(np.float16), 3)


def test_64_bit_results_saturate_at_their_limits():
    values = np.array([-1e30, -1.5, 0.5, 2.0**63, 1e30, np.nan])
    limits = np.iinfo(np.int64)
    assert _images.converted(values, np.dtype(np.int64)).tolist() == [
        limits.min,
        -2,
        0,
        limits.max,
        limits.max,
        limits.min,
    ]
    halves = np.array([-0.5, 0.5, 1.5, 254.5, 255.5, -70000, np.nan, 0.49999997], np.float32)
    for dtype in ("uint8", "int8", "uint16", "int16", "int32", "uint32"):
        known = [_images.converted(values.astype(np.float64), np.dtype(dtype)).tolist() for values in (halves, -halves)]
        assert [_images.converted(values, np.dtype(dtype)).tolist() for values in (halves, -halves)] == known
    assert _images.converted(np.array([np.nan, 3e9, 2.5]), np.dtype(np.int32)).tolist() == [-(2**31), 2**31 - 1, 2]
    assert _images.converted(np.array([-5, 300]), np.dtype(np.uint8)).tolist() == [0, 255]


@pytest.mark.parametrize("dtype", ["int16", "int64", "float32"])
def test_four_axes_are_scipys_with_integers_rounded(dtype):
    array = image(dtype, (3, 4, 5, 4))
    for call in (
        lambda module, values: module.gaussian_filter(values, 1),
        lambda module, values: module.median_filter(values, 3),
        lambda module, values: module.laplace(values),
        lambda module, values: module.grey_closing(values, 2),
    ):
        result, expected = call(ndimage, array), call(scipy_ndimage, array.astype(np.float64))
        assert result.dtype == array.dtype
        half = 0.5 + 1e-9 if array.dtype.kind == "i" else 1e-3
        np.testing.assert_allclose(result.astype(float), expected, rtol=0, atol=half)


def test_values_outside_are_rounded_and_saturate_with_the_result():
    array = np.full((3, 3), 7, np.uint8)
    assert ndimage.minimum_filter(array, 3, mode="constant", cval=-1)[0, 0] == 0
    assert ndimage.grey_dilation(array, 3, mode="constant", cval=1e9)[0, 0] == 255
    assert ndimage.maximum_filter(array, 3, mode="constant", cval=8.5)[0, 0] == 8
    assert ndimage.shift(array, (1, 0), order=1, cval=-3)[0, 0] == 0
    with pytest.raises(ValueError, match="minimum_filter: `cval` must be a value of uint8, got nan"):
        ndimage.minimum_filter(array, 3, mode="constant", cval=np.nan)


@pytest.mark.parametrize("axes", [(2, 0), (-1, 1), (0, 1)])
def test_windows_follow_the_images_axes_as_in_scipy(axes):
    array = image("float64", (6, 7, 8))
    window = np.array([[1, 0, 0], [1, 1, 1], [0, 1, 0]])
    for call in (
        lambda module: module.correlate(array, window, axes=axes),
        lambda module: module.median_filter(array, footprint=window, axes=axes),
        lambda module: module.grey_erosion(array, footprint=window, axes=axes),
        lambda module: module.binary_dilation(array > 90, window, axes=axes, origin=(0, 1)),
    ):
        np.testing.assert_allclose(call(ndimage), call(scipy_ndimage), rtol=0, atol=1e-9)


def test_size_and_footprint_warn_as_in_scipy():
    with pytest.warns(UserWarning, match="ignoring size because footprint is set"):
        result = ndimage.grey_opening([[1, 5, 1]], size=1, footprint=np.ones((1, 3)))
    assert result.tolist() == [[1, 1, 1]]


def test_kinds_are_kept():
    volume = cormack.Volume(image("int16", (4, 5, 6)), (2.0, 1.0, 1.0))
    for result in (ndimage.median_filter(volume, 3), ndimage.sobel(volume), ndimage.binary_erosion(volume)):
        assert isinstance(result, cormack.Volume)
        assert result.spacing == volume.spacing
    assert ndimage.sobel(volume).dtype == np.int16
    assert ndimage.label(volume)[0].spacing == volume.spacing


@pytest.mark.parametrize("shape", [(40,), (7, 9), (4, 5, 6), (2, 3, 4, 5)])
@pytest.mark.parametrize("dtype", ["int16", "float32", "int64"])
def test_measurements_match_scipy_and_are_not_handed_on(shape, dtype, monkeypatch):
    array, labels = image(dtype, shape), RNG.integers(0, 5, shape)
    index = [3, 1, 0, 9]
    names = ["sum_labels", "mean", "variance", "standard_deviation"]
    names += ["minimum", "maximum", "median"] if dtype != "int64" else []
    names += ["center_of_mass"] if len(shape) in (2, 3) else []
    known = index[:3]
    expected = {name: getattr(scipy_ndimage, name)(array, labels, known) for name in names}
    boxes = scipy_ndimage.find_objects(labels)
    monkeypatch.setitem(sys.modules, "scipy.ndimage", None)
    for name in names:
        result = getattr(ndimage, name)(array, labels, index)
        if name in ("minimum", "maximum"):
            assert result.dtype == array.dtype
        np.testing.assert_allclose(result[:3], expected[name], rtol=1e-6 if dtype == "float32" else 1e-12)
        if name != "center_of_mass":
            assert result[3] == 0 if name in ("sum_labels", "minimum", "maximum") else np.isnan(result[3])
    if len(shape) in (2, 3):
        assert ndimage.find_objects(labels) == boxes
        assert ndimage.find_objects(labels, 2) == boxes[:2]


def test_labels_come_in_the_dtype_asked_for():
    mask = image("bool", (30,))
    expected, count = scipy_ndimage.label(mask)
    labels, found = ndimage.label(mask, output=np.uint16)
    assert (found, labels.dtype) == (count, np.uint16)
    assert np.array_equal(labels, expected)
    with pytest.raises(ValueError, match="label: `output` must be of a dtype that holds 300, got dtype"):
        ndimage.label(np.arange(600)[np.newaxis] % 2, output=np.uint8)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int64", "float32", "float64"])
@pytest.mark.parametrize("shape", [(9, 11), (5, 6, 7)])
def test_images_on_other_grids_match_scipy(dtype, shape):
    array = image(dtype, shape)
    ones = (1,) * (len(shape) - 1)
    for order in (0, 1, 3):
        for call in (
            lambda module, array, order=order: module.zoom(array, 1.7, order=order),
            lambda module, array, order=order: module.zoom(array, (0.6, *ones), order=order, mode="nearest"),
            lambda module, array, order=order: module.shift(array, 1.25, order=order, cval=3),
            lambda module, array, order=order: module.rotate(array, 33.0, order=order),
            lambda module, array, order=order: module.rotate(array, 90.0, axes=(0, -1), order=order),
            lambda module, array, order=order: module.affine_transform(array, [0.9] * len(shape), 0.3, order=order),
        ):
            result, expected = call(ndimage, array), call(scipy_ndimage, array.astype(np.float64))
            assert (result.dtype, result.shape) == (array.dtype, expected.shape)
            # mode="nearest" ends its spline in another way.
            tolerance = 1e-3
            if array.dtype.kind in "iu":
                limits = np.iinfo(array.dtype)
                expected, tolerance = np.clip(expected, limits.min, float(limits.max)), 0.5 + 1e-3
            np.testing.assert_allclose(result.astype(float), expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("dtype", ["i8", "u8", "i2", "f4"])
def test_numbers_in_another_order_of_bytes_are_scipys(dtype):
    native = image(np.dtype(dtype))
    other = native.astype(native.dtype.newbyteorder())
    labels = np.arange(99).reshape(native.shape) % 4
    calls = (("median_filter", (3,)), ("maximum_filter1d", (3,)), ("grey_closing", (3,)), ("median", (labels, [1, 2])))
    for name, args in calls:
        ours, theirs = getattr(ndimage, name)(other, *args), getattr(scipy_ndimage, name)(native, *args)
        np.testing.assert_array_equal(ours, theirs, err_msg=name)
        assert ours.dtype == theirs.dtype


def test_morphological_laplace_of_wide_integers_matches_scipys():
    signed = image(np.dtype("int64"))
    expected = scipy_ndimage.morphological_laplace(signed, 3)
    np.testing.assert_array_equal(ndimage.morphological_laplace(signed, 3), expected)
    # Nothing wraps below 0.
    shifted = (signed - signed.min()).astype(np.uint64)
    np.testing.assert_array_equal(ndimage.morphological_laplace(shifted, 3), np.maximum(expected, 0))


@pytest.mark.parametrize("axes", [(4, 2, 0, 3, 1), (0, 1, 2, 3, 4)])
def test_windows_follow_the_images_axes_where_scipy_filters_more_than_three(axes):
    array = RNG.integers(-60, 60, (2, 3, 2, 2, 3))
    window = RNG.random((2, 3, 2, 1, 2)) > 0.3
    for call in (
        lambda module: module.correlate(array, window.astype(float), axes=axes),
        lambda module: module.median_filter(array, footprint=window, axes=axes),
        lambda module: module.grey_opening(array, footprint=window, axes=axes),
    ):
        np.testing.assert_array_equal(call(ndimage), call(scipy_ndimage))
