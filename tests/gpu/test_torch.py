"""torch tensors on a device: how the library lends and allocates them, with the kernels of the shim behind it."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import cormack
from cormack import Volume, _backends, enhance, filters, segment

from .shim import ShimEngine

torch = pytest.importorskip("torch")
IMAGE = np.random.default_rng(8).integers(-200, 200, (6, 9, 11)).astype(np.int16)


class TensorsOfTheShim(_backends.TorchLibrary):
    """Takes tensors in the host's memory for those of a device, which the shim's kernels can read."""

    def __init__(self) -> None:
        self.engine: Any = ShimEngine()
        self.copies = 0

    def owns(self, value: Any) -> bool:
        return isinstance(value, torch.Tensor)

    def from_host(self, array: np.ndarray, like: Any) -> Any:
        self.copies += 1
        return super().from_host(array, like)

    def copy(self, value: Any) -> Any:
        self.copies += 1
        return super().copy(value)

    def to_host(self, value: Any) -> np.ndarray:
        self.copies += 1
        return super().to_host(value)

    def on(self, value: Any) -> tuple[contextlib.AbstractContextManager[Any], int, int]:
        return contextlib.nullcontext(), 0, 0

    def used(self) -> int:
        return 0

    def free(self) -> int:
        return 1 << 30


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Iterator[TensorsOfTheShim]:
    found = TensorsOfTheShim()
    monkeypatch.setattr(_backends, "LIBRARIES", [found, *_backends.LIBRARIES])
    yield found
    assert found.engine.operations, "no kernel was run"


@pytest.mark.parametrize(
    "function",
    [
        lambda image: filters.median_filter(image, 3),
        lambda image: enhance.window(image, 40, 100),
        lambda image: segment.connected_threshold(image, (2, 3, 4), -150, 190),
        lambda image: segment.label(image > 0)[0],
    ],
    ids=["median_filter", "window", "connected_threshold", "label"],
)
def test_tensors_are_lent_and_come_back_as_tensors(library: TensorsOfTheShim, function: Any) -> None:
    tensor = torch.from_numpy(IMAGE)
    for view in (tensor, tensor.permute(2, 0, 1), tensor[:, 1:, ::2]):
        result = function(view)
        assert isinstance(result, torch.Tensor)
        np.testing.assert_array_equal(result.numpy(), function(view.numpy()))
        assert result.numpy().dtype == function(view.numpy()).dtype
    assert _backends.borrow("f", "image", view)[0].pointer == view.data_ptr()


def test_an_image_is_not_copied(library: TensorsOfTheShim) -> None:
    tensor = torch.from_numpy(IMAGE)
    filters.median_filter(tensor, 3)
    enhance.window(tensor[1:, :, 2:], 40, 100)
    assert library.copies == 0


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"])
def test_every_dtype_has_a_tensor(library: TensorsOfTheShim, dtype: str) -> None:
    values = (IMAGE > 0) if dtype == "bool" else (abs(IMAGE) // 2).astype(dtype)
    result = filters.median_filter(torch.from_numpy(values), 3)
    assert str(result.dtype) == f"torch.{dtype}"
    np.testing.assert_array_equal(result.numpy(), filters.median_filter(values, 3))


def test_a_volume_of_a_tensor_stays_there(library: TensorsOfTheShim) -> None:
    volume = Volume(torch.from_numpy(IMAGE), spacing=(3.0, 1.0, 1.0))
    result = filters.gaussian_filter(volume, 1.5, unit="mm")
    assert isinstance(result.array, torch.Tensor)
    assert result.spacing == volume.spacing
    expected = filters.gaussian_filter(IMAGE, (0.5, 1.5, 1.5))
    np.testing.assert_array_equal(result.array.numpy(), expected)


def test_transforms_of_monai_stay_there(library: TensorsOfTheShim) -> None:
    pytest.importorskip("monai")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from monai.data import MetaTensor

        from cormack.compat import monai as cm

    image = MetaTensor(IMAGE[None], affine=np.diag([3.0, 1, 1, 1]))
    result = cm.GaussianFilter(1.5, unit="mm")(image)
    assert isinstance(result, MetaTensor)
    assert result.affine.equal(image.affine)
    assert library.copies == 0
    np.testing.assert_array_equal(result[0].numpy(), filters.gaussian_filter(IMAGE, (0.5, 1.5, 1.5)))
    labels = cm.Label()(image > 0)
    np.testing.assert_array_equal(labels[0].numpy(), segment.label(IMAGE > 0)[0])


def test_what_no_kernel_takes_is_refused_by_name(library: TensorsOfTheShim) -> None:
    for dtype in ("float16", "bfloat16", "int64"):
        with pytest.raises(TypeError, match=f"got .*{dtype}"):
            filters.median_filter(torch.ones(3, 3, dtype=getattr(torch, dtype)), 3)
    with pytest.raises(TypeError, match=r"must not require gradients \(use .detach\(\)\)"):
        filters.median_filter(torch.ones(3, 3, requires_grad=True), 3)
    with pytest.raises(cormack.BackendUnavailable, match="does not compute: copy it to the host first"):
        filters.median_filter(torch.ones(3, 3), 3, device="cpu")
    filters.median_filter(torch.ones(3, 3), 3)
