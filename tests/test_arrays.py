"""What comes in goes out: array libraries, byte orders, volumes; and what is refused, in which words."""

from __future__ import annotations

import mmap
import sys

import numpy as np
import pytest

import cormack
from cormack import _arrays, enhance, features, filters, segment

IMAGE = np.random.default_rng(1).integers(0, 1000, (6, 9, 11)).astype(np.int16)
EXPECTED = filters.median_filter(IMAGE, 3)


class OtherLibrary:
    """An array of a library that NumPy knows nothing about, on a device of its choice."""

    def __init__(self, array: np.ndarray, device: int = 1) -> None:
        self.array = array
        self.device = device

    def __dlpack__(self, **kwargs):
        return self.array.__dlpack__(**kwargs)

    def __dlpack_device__(self):
        return (self.device, 0)

    def __array_namespace__(self):
        return OtherNamespace


class OtherNamespace:
    @staticmethod
    def from_dlpack(array: np.ndarray) -> OtherLibrary:
        return OtherLibrary(array)


class OtherLibraryOnGpu(OtherLibrary):
    def __init__(self, array: np.ndarray) -> None:
        super().__init__(array, device=2)
        self.shape, self.ndim, self.dtype = array.shape, array.ndim, array.dtype


class OnGpu:
    __cuda_array_interface__ = {"shape": (2, 2), "typestr": "<f4", "data": (0, False), "version": 3}  # noqa: RUF012


def test_a_contiguous_array_is_borrowed():
    assert _arrays.take("f", "image", IMAGE).array is IMAGE


def test_lists_become_arrays():
    result = filters.median_filter([[1.0, 2.0], [3.0, 4.0]], 1)
    np.testing.assert_array_equal(result, [[1.0, 2.0], [3.0, 4.0]])


def test_foreign_byte_order_is_understood():
    result = filters.median_filter(IMAGE.astype(">i2"), 3)
    assert result.dtype == np.int16
    np.testing.assert_array_equal(result, EXPECTED)


def test_the_native_byte_order_by_its_own_name_is_understood():
    spelt = IMAGE.view(np.dtype(">i2").newbyteorder("<" if sys.byteorder == "little" else ">"))
    np.testing.assert_array_equal(filters.median_filter(spelt, 3), EXPECTED)


def test_items_that_are_not_aligned_are_understood():
    record = np.zeros(IMAGE.shape, np.dtype([("pad", "u1"), ("value", "<i2")]))
    record["value"] = IMAGE
    np.testing.assert_array_equal(filters.median_filter(record["value"], 3), EXPECTED)


def test_dlpack_arrays_come_back_in_their_library():
    result = filters.median_filter(OtherLibrary(IMAGE), 3)
    assert isinstance(result, OtherLibrary)
    np.testing.assert_array_equal(result.array, EXPECTED)


def test_volumes_come_back_as_volumes():
    volume = cormack.Volume(IMAGE, spacing=(3.0, 1.0, 1.0))
    result = filters.median_filter(volume, 3)
    assert isinstance(result, cormack.Volume)
    assert result.spacing == (3.0, 1.0, 1.0)
    np.testing.assert_array_equal(result.array, EXPECTED)


TORCH_DTYPES = ("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")


@pytest.mark.parametrize("dtype", TORCH_DTYPES)
def test_torch_tensors_are_borrowed_and_come_back_as_tensors(dtype):
    torch = pytest.importorskip("torch")
    values = (IMAGE > 500) if dtype == "bool" else (IMAGE // 10).astype(dtype)
    tensor = torch.from_numpy(values)
    for view in (tensor, tensor[1:, ::2, 3:], tensor.permute(2, 0, 1), tensor[:1].expand(4, 9, 11)):
        array = _arrays.take("f", "image", view).array
        assert array.ctypes.data == view.data_ptr()
        assert array.strides == tuple(step * view.element_size() for step in view.stride())
        result = filters.median_filter(view, 3)
        assert isinstance(result, torch.Tensor)
        assert result.dtype == view.dtype
        np.testing.assert_array_equal(result.numpy(), filters.median_filter(view.numpy(), 3))
    np.testing.assert_array_equal(tensor.numpy(), values)


def test_results_of_torch_tensors_have_the_dtypes_of_those_of_numpy_arrays():
    torch = pytest.importorskip("torch")
    tensor = torch.from_numpy(IMAGE)
    assert segment.connected_threshold(tensor, [(0, 0, 0)], 0, 999).dtype == torch.bool
    assert segment.label(tensor > 500)[0].dtype == torch.int32
    assert segment.distance_transform_edt(tensor > 500).dtype == torch.float64
    assert enhance.window(tensor, 500, 100, dtype=np.uint8).dtype == torch.uint8
    masked = filters.uniform_filter(tensor, 3, mask=tensor > 500)
    np.testing.assert_array_equal(masked.numpy(), filters.uniform_filter(IMAGE, 3, mask=IMAGE > 500))
    region = features.radiomics(tensor, tensor > 500, settings={"families": ["first_order"]})
    assert region["stat_mean"] == IMAGE[IMAGE > 500].mean()


def test_torch_tensors_whose_signs_are_still_to_be_applied_are_understood():
    torch = pytest.importorskip("torch")
    tensor = torch.complex(torch.from_numpy(IMAGE * 1.0), torch.from_numpy(IMAGE * 2.0)).conj().imag
    assert tensor.is_neg()
    np.testing.assert_array_equal(filters.median_filter(tensor, 3).numpy(), filters.median_filter(-2.0 * IMAGE, 3))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "int64", "uint64", "complex64"])
def test_torch_dtypes_that_no_image_has_are_refused(dtype):
    torch = pytest.importorskip("torch")
    tensor = torch.ones((3, 3), dtype=getattr(torch, dtype))
    with pytest.raises(TypeError, match=f"`input` must have one of the dtypes bool, uint8, .*, got {dtype}$"):
        filters.median_filter(tensor, 3)


def test_torch_tensors_that_are_no_plain_arrays_are_refused():
    torch = pytest.importorskip("torch")
    for tensor in (torch.ones(3, 3, requires_grad=True), torch.nn.Parameter(torch.ones(3, 3))):
        with pytest.raises(TypeError, match=r"must not require gradients \(use .detach\(\)\)"):
            filters.median_filter(tensor, 3)
        assert filters.median_filter(tensor.detach(), 3).sum() == 9
    with pytest.raises(TypeError, match="`output` must be an array, a dtype or None"):
        filters.median_filter(torch.ones(3, 3), 3, output=torch.ones(3, 3))
    with pytest.raises(TypeError, match=r"must be dense \(use .to_dense\(\)\), got torch.sparse_coo"):
        filters.median_filter(torch.ones(3, 3).to_sparse(), 3)
    for function in (filters.median_filter, filters.non_local_means):
        with pytest.raises(ValueError, match="must have values, got a tensor on the device 'meta'"):
            function(torch.ones(3, 3, device="meta"), 3)


def test_a_volume_of_a_tensor_comes_back_as_one():
    torch = pytest.importorskip("torch")
    volume = cormack.Volume(torch.from_numpy(IMAGE), spacing=(3.0, 1.0, 1.0))
    for device in (None, "cpu"):
        result = filters.median_filter(volume, 3, device=device)
        assert isinstance(result.array, torch.Tensor)
        assert result.spacing == volume.spacing
        np.testing.assert_array_equal(result.array.numpy(), EXPECTED)
    smooth = filters.gaussian_filter(volume, 2.0, unit="mm").array
    np.testing.assert_array_equal(smooth.numpy(), filters.gaussian_filter(IMAGE, (2 / 3, 2.0, 2.0)))
    with pytest.raises(cormack.BackendUnavailable, match="has no GPU form yet"):
        filters.non_local_means(cormack.Volume(OtherLibraryOnGpu(IMAGE)))


@pytest.mark.parametrize("array", [OnGpu(), OtherLibrary(IMAGE, device=2)], ids=["cuda interface", "dlpack"])
def test_arrays_on_a_gpu_are_refused_with_the_way_out(array):
    with pytest.raises(cormack.BackendUnavailable, match="has no GPU form yet: copy it to the host first"):
        filters.non_local_means(array)


@pytest.mark.parametrize("dtype", ["float16", "int64", "uint64", "complex64", "S3", "datetime64[s]"])
def test_other_dtypes_are_refused(dtype):
    with pytest.raises(TypeError, match="median_filter: `input` must have one of the dtypes bool, uint8, int8"):
        filters.median_filter(np.zeros((3, 3), dtype), 3)


def test_masked_arrays_are_refused():
    with pytest.raises(TypeError, match="give the mask as `mask`"):
        filters.median_filter(np.ma.masked_less(IMAGE, 10), 3)


def test_a_mask_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"`mask` must have shape \(6, 9, 11\), got \(2, 2\)"):
        _arrays.take_mask("f", "mask", np.ones((2, 2)), IMAGE.shape)


def test_a_mask_of_any_dtype_means_non_zero():
    mask = _arrays.take_mask("f", "mask", IMAGE, IMAGE.shape)
    assert mask is not None
    assert mask.dtype == bool
    np.testing.assert_array_equal(mask, IMAGE != 0)


@pytest.mark.parametrize("mask", [[[1, 0], [0, 1]], np.eye(2, dtype=np.uint64), np.eye(2, dtype=np.float16)], ids=str)
def test_a_mask_may_be_what_no_image_is(mask):
    inside = _arrays.take_mask("f", "mask", mask, (2, 2))
    np.testing.assert_array_equal(inside, np.eye(2, dtype=bool))


def test_a_true_byte_that_is_not_one_counts_as_true():
    mask = (np.arange(9).reshape(1, 9) == 4).astype(np.uint8) * 255
    np.testing.assert_array_equal(
        filters.uniform_filter(mask.view(bool), (1, 3)), filters.uniform_filter(mask > 0, (1, 3))
    )
    assert filters.median_filter(np.full((3, 3), 255, np.uint8).view(bool), 3).view(np.uint8).max() == 1


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: filters.median_filter([[1, 2], [3]], 3), ValueError, "`input` must be an array"),
        (lambda: filters.median_filter(IMAGE, footprint=[[1], [1, 2]]), ValueError, "`footprint` must be an array"),
        (lambda: filters.gaussian_filter(IMAGE, 10**400), ValueError, "`sigma` must fit into a float"),
        (lambda: filters.median_filter(IMAGE, 3, mode="constant", cval=10**400), ValueError, "`cval` must fit into"),
        (lambda: filters.uniform_filter(IMAGE * 1.0, 3, mode="constant", cval=10**400), ValueError, "`cval` must fit"),
        (lambda: filters.median_filter(IMAGE, 2**13), ValueError, "`size` must have at most 16777216 places"),
        (lambda: segment.connected_threshold(IMAGE, None, 0, 1), TypeError, "`seeds` must be indices inside shape"),
        (lambda: segment.connected_threshold(IMAGE, [(0, 0, 0), 5], 0, 1), TypeError, "`seeds` must be indices"),
        (
            lambda: segment.connected_threshold(IMAGE, (0, 0, 0), 10**400, 1),
            ValueError,
            "`lower` must fit into a float",
        ),
        (
            lambda: enhance.rescale_intensity(np.array([[-1e308, 1e308]]), out_range=(0, 1)),
            ValueError,
            "`in_range` must have a finite width",
        ),
    ],
)
def test_wrong_arguments_are_named(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


def test_a_scalar_array_means_every_axis():
    np.testing.assert_array_equal(filters.median_filter(IMAGE, np.array(3)), EXPECTED)


def test_any_number_of_threads_is_taken():
    np.testing.assert_array_equal(filters.median_filter(IMAGE, 3, workers=2**40), EXPECTED)


@pytest.mark.parametrize("dtype", [bool, np.int32, np.float64])
def test_large_results_are_zeros_in_large_pages(dtype):
    length = _arrays.FRESH_BYTES // np.dtype(dtype).itemsize
    assert _arrays.system_zeros((length - 1,), dtype) is None
    found = _arrays.empty((1, length), dtype)
    assert found.shape == (1, length)
    assert found.dtype == dtype
    assert found.flags.c_contiguous
    assert found.flags.writeable
    assert not found.any()
    if hasattr(mmap, "MADV_HUGEPAGE"):
        assert found.ctypes.data % (2 << 20) == 0
    found[:] = 1
    assert found.all()


def test_without_large_pages_a_result_is_one_of_numpy(monkeypatch):
    def refuse(*_, **__):
        raise OSError

    monkeypatch.setattr("mmap.mmap", refuse)
    assert _arrays.system_zeros((_arrays.FRESH_BYTES,), np.uint8) is None
    assert _arrays.empty((_arrays.FRESH_BYTES,), np.uint8).nbytes == _arrays.FRESH_BYTES


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize(
    ("argument", "call"),
    [
        ("mask", lambda mask: segment.threshold_otsu(IMAGE, mask=mask)),
        ("mask", lambda mask: segment.remove_small_holes(mask)),
        ("mask", lambda mask: segment.binary_dilation(mask)),
        ("mask", lambda mask: segment.connected_threshold(IMAGE, [(0, 0, 0)], 1, 5, mask=mask)),
        ("distance_to", lambda mask: segment.label_statistics(IMAGE.astype(np.uint8), distance_to=mask)),
        ("mask", lambda mask: enhance.normalize(IMAGE, mask=mask)),
        ("mask", lambda mask: features.radiomics(IMAGE, mask)),
        ("mask", lambda mask: features.first_order(IMAGE, mask)),
        ("mask", lambda mask: features.morphology(mask, spacing=1)),
        ("mask", lambda mask: features.resample_mask(mask, 1.0, 2.0)),
        ("mask", lambda mask: filters.uniform_filter(IMAGE, 3, mask=mask)),
    ],
)
def test_nan_in_a_mask_is_refused(argument, call, dtype):
    mask = np.ones(IMAGE.shape, dtype)
    mask[-1, 2, 3] = np.nan
    with pytest.raises(ValueError, match=rf"`{argument}` must not hold NaN"):
        call(mask)
    # Infinities are not zero.
    mask[-1, 2, 3] = np.inf
    assert _arrays.take_mask("f", "mask", mask, mask.shape) is not None
    assert _arrays.take_mask("f", "mask", mask[:0], (0, *mask.shape[1:])) is not None
