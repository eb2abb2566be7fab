"""What comes in goes out: array libraries, byte orders, volumes; and what is refused, in which words."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import cormack
from cormack import _arrays, filters

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


def test_torch_tensors_come_back_as_tensors():
    torch = pytest.importorskip("torch")
    result = filters.median_filter(torch.from_numpy(IMAGE), 3)
    assert isinstance(result, torch.Tensor)
    np.testing.assert_array_equal(result.numpy(), EXPECTED)
    with pytest.raises(TypeError, match="must not require gradients"):
        filters.median_filter(torch.ones(3, 3, requires_grad=True), 3)


@pytest.mark.parametrize("array", [OnGpu(), OtherLibrary(IMAGE, device=2)], ids=["cuda interface", "dlpack"])
def test_arrays_on_a_gpu_are_refused_with_the_way_out(array):
    with pytest.raises(cormack.BackendUnavailable, match="copy it to the host first"):
        filters.median_filter(array, 3)


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
