"""What all functions of enhance that give back an image promise: kind, dtype, strides, output, aliasing, threads."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import cormack
from cormack import _arrays, enhance

STANDARD = enhance.NyulStandard((1, 50, 99), (0, 40, 100))
REFERENCE = np.arange(9, dtype=np.float32)
MAPS = {
    "window": lambda image, **keywords: enhance.window(image, 40, 80, **keywords),
    "window sigmoid": lambda image, **keywords: enhance.window(image, 40, 80, function="sigmoid", **keywords),
    "rescale_intensity": lambda image, **keywords: enhance.rescale_intensity(image, **keywords),
    "stretch_contrast": lambda image, **keywords: enhance.stretch_contrast(image, 0, 90, **keywords),
    "threshold_enhance": lambda image, **keywords: enhance.threshold_enhance(image, 20, 60, outside=0, **keywords),
    "adjust_gamma": lambda image, **keywords: enhance.adjust_gamma(image, 2, **keywords),
    "adjust_log": lambda image, **keywords: enhance.adjust_log(image, **keywords),
    "adjust_sigmoid": lambda image, **keywords: enhance.adjust_sigmoid(image, **keywords),
    "equalize_hist": lambda image, **keywords: enhance.equalize_hist(image, **keywords),
    "equalize_adapthist": lambda image, **keywords: enhance.equalize_adapthist(image, 3, **keywords),
    "match_histograms": lambda image, **keywords: enhance.match_histograms(image, REFERENCE, **keywords),
    "normalize zscore": lambda image, **keywords: enhance.normalize(image, **keywords),
    "normalize nyul": lambda image, **keywords: enhance.normalize(image, "nyul", standard=STANDARD, **keywords),
}
VOLUME = np.random.default_rng(5).integers(0, 98, (7, 10, 13)).astype(np.int16)
SERIES = np.random.default_rng(6).integers(0, 98, (2, 3, 4, 5, 6)).astype(np.float32)
# Wide enough for neither a table of every value nor one of those that occur.
WIDE = np.random.default_rng(7).integers(0, 1 << 31, (7, 10, 13)).astype(np.uint32)

NORMALIZES = [run for name, run in MAPS.items() if name.startswith("normalize")]

every_map = pytest.mark.parametrize("run", MAPS.values(), ids=MAPS)
every_dtype = pytest.mark.parametrize("dtype", [str(dtype) for dtype in _arrays.DTYPES])


@every_map
@every_dtype
def test_shape_and_type_that_come_in_go_out(run, dtype):
    image = VOLUME.astype(dtype)
    image.flags.writeable = False
    before = image.copy()
    result = run(image)
    assert result.shape == image.shape
    assert result.dtype == (dtype if run not in NORMALIZES else np.float64 if dtype == "float64" else np.float32)
    assert not np.shares_memory(result, image)
    np.testing.assert_array_equal(image, before)


@every_map
@every_dtype
def test_layouts_do_not_matter(run, dtype, layout):
    image = VOLUME.astype(dtype)
    np.testing.assert_array_equal(run(layout(image)), run(image))


@every_map
def test_repeated_planes_and_columns(run):
    for view in (np.broadcast_to(VOLUME[:1], (4, 10, 13)), np.broadcast_to(VOLUME[:, :, :1], (7, 10, 5))):
        np.testing.assert_array_equal(run(view), run(view.copy()))


@pytest.mark.parametrize("name", sorted(set(MAPS) - {"equalize_adapthist"}))
def test_any_number_of_axes(name):
    run = MAPS[name]
    expected = run(SERIES)
    moved = SERIES.transpose(1, 3, 0, 4, 2)[:, ::-1]
    np.testing.assert_array_equal(run(moved), expected.transpose(1, 3, 0, 4, 2)[:, ::-1])
    np.testing.assert_array_equal(run(SERIES.ravel()), expected.ravel())
    out = np.empty_like(SERIES).transpose(0, 2, 1, 3, 4).reshape(2, 4, 3, 5, 6).transpose(0, 2, 1, 3, 4)
    assert run(SERIES, out=out) is out
    np.testing.assert_array_equal(out, expected)


@pytest.mark.host
@every_map
@pytest.mark.parametrize("order", ["C", "F"])
def test_new_results_are_laid_out_like_the_image(run, order):
    assert run(np.asarray(VOLUME, order=order)).flags[f"{order}_CONTIGUOUS"]


@every_map
def test_volume_in_volume_out(run):
    volume = cormack.Volume(VOLUME, spacing=(2.5, 0.7, 0.7))
    result = run(volume)
    assert isinstance(result, cormack.Volume)
    assert result.spacing == volume.spacing
    np.testing.assert_array_equal(result.array, run(VOLUME))


@every_map
def test_torch_in_torch_out(run):
    torch = pytest.importorskip("torch")
    result = run(torch.from_numpy(VOLUME.copy()))
    assert isinstance(result, torch.Tensor)
    np.testing.assert_array_equal(result.numpy(), run(VOLUME))


@every_map
def test_lists_are_images(run):
    image = [[1.0, 20.0, 40.0], [60.0, 80.0, 90.0]]
    np.testing.assert_array_equal(run(image), run(np.array(image)))


@every_map
@every_dtype
def test_out_is_filled_and_returned(run, dtype, layout):
    image = VOLUME.astype(dtype)
    expected = run(image)
    out = layout(np.zeros_like(expected))
    if not out.dtype.isnative:
        with pytest.raises(TypeError, match="`out` must have the dtype of the result"):
            run(image, out=out)
        return
    assert run(image, out=out) is out
    np.testing.assert_array_equal(out, expected)
    assert run(cormack.Volume(image), out=out) is out


@every_map
@pytest.mark.parametrize("image", [VOLUME, VOLUME.astype(np.uint8), VOLUME.astype(np.float32), WIDE, VOLUME > 40])
def test_in_place_and_overlapping(run, image):
    expected = run(image)
    if expected.dtype != image.dtype:
        return
    for itself in (image.copy(), np.asfortranarray(image), np.repeat(image, 2, axis=2)[:, :, ::2]):
        assert run(itself, out=itself) is itself
        np.testing.assert_array_equal(itself, expected)
    longer = np.concatenate([image, image[:1]])
    run(longer[:-1], out=longer[1:])
    np.testing.assert_array_equal(longer[1:], expected)
    backwards = image.copy()
    run(backwards, out=backwards[::-1])
    np.testing.assert_array_equal(backwards[::-1], expected)


@pytest.mark.parametrize("name", ["stretch_contrast", "equalize_hist", "equalize_adapthist", "match_histograms"])
def test_out_may_be_the_mask(name):
    mask = VOLUME > 20
    image = VOLUME > 60
    expected = MAPS[name](image, mask=mask)
    np.testing.assert_array_equal(MAPS[name](image, mask=mask, out=mask), expected)


@every_map
def test_a_result_of_another_type_may_lie_on_the_image(run):
    memory = np.zeros(VOLUME.size, np.float64)
    image = memory.view(np.int16)[: VOLUME.size].reshape(VOLUME.shape)
    image[...] = VOLUME
    expected = run(VOLUME)
    out = memory.view(expected.dtype)[: VOLUME.size].reshape(VOLUME.shape)
    np.testing.assert_array_equal(run(image, out=out), expected)


@every_map
def test_wrong_outs_are_refused(run):
    expected = run(VOLUME)
    with pytest.raises(ValueError, match=r"`out` must have shape \(7, 10, 13\), got \(2, 2\)"):
        run(VOLUME, out=np.empty((2, 2), expected.dtype))
    with pytest.raises(TypeError, match=f"`out` must have the dtype of the result, {expected.dtype}, got uint32"):
        run(VOLUME, out=np.empty(VOLUME.shape, np.uint32))
    with pytest.raises(TypeError, match="`out` must be a plain NumPy array or None"):
        run(VOLUME, out=expected.tolist())
    with pytest.raises(TypeError, match="`out` must be a plain NumPy array or None"):
        run(VOLUME, out=np.ma.masked_array(expected))
    expected.flags.writeable = False
    with pytest.raises(ValueError, match="`out` must be writeable"):
        run(VOLUME, out=expected)


@every_map
def test_nothing_is_written_when_an_argument_is_wrong(run):
    out = np.full_like(run(VOLUME), 7)
    with pytest.raises(ValueError, match="`workers` must be at least 1"):
        run(VOLUME, out=out, workers=0)
    assert (out == 7).all()


@every_map
@pytest.mark.parametrize("shape", [(0,), (0, 5), (4, 0, 3)], ids=str)
@pytest.mark.parametrize("dtype", ["uint8", "uint32", "float32"])
def test_empty_images_stay_empty(run, shape, dtype):
    image = np.empty(shape, dtype)
    if run is MAPS["equalize_adapthist"] and len(shape) == 1:
        return
    result = run(image)
    assert result.shape == shape
    assert run(image, out=result) is result


@every_map
@given(
    image=hnp.arrays(
        st.sampled_from(["uint8", "int32", "float32"]),
        hnp.array_shapes(min_dims=2, max_dims=3, max_side=12),
        elements=st.integers(0, 100),
    ),
    workers=st.integers(2, 5),
)
def test_any_number_of_threads_gives_the_same_bits(run, image, workers):
    try:
        expected = run(image, workers=1)
    except ValueError:
        return  # one value alone cannot be normalized
    assert run(image, workers=workers).tobytes() == expected.tobytes()
