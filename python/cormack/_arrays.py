"""What came in and what goes out: arrays of any library to NumPy arrays that the extension takes, and back.

NumPy arrays and volumes are borrowed, never copied, unless their byte order or alignment is foreign. Arrays of other
libraries on the CPU are taken through DLPack; arrays on a GPU belong to another backend.
"""

from __future__ import annotations

import contextlib
import math
import mmap
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _backends, _check
from ._errors import BackendUnavailable

DTYPES = tuple(
    np.dtype(name) for name in ("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")
)
WIDE_INTEGERS = (np.dtype("int64"), np.dtype("uint64"))
# Masks and labels often come in types that images do not have.
MASK_DTYPES = (*DTYPES, *WIDE_INTEGERS, np.dtype("float16"))
# From this size on memory comes as pages of zeros from the system, with malloc as it is unless told otherwise.
FRESH_BYTES = 32 << 20
_LARGE_PAGE = 2 << 20


class Blocked:
    """An image in blocks that are never all in memory, for what looks at one voxel at a time: `cormack.dask` makes it.

    Stands where an array does in `Taken`; `_intensity` asks it for what it needs of the whole image.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    ndim: int
    size: int
    itemsize: int
    spacing: tuple[float, ...] | None

    def give_back(self, result: Any) -> Any:
        """Return a result of `mapped` as what the image came as."""
        raise NotImplementedError

    def reduced(self, function: Callable[..., Any], merge: Callable[[list[Any]], Any], mask: Any, *rest: Any) -> Any:
        """Return merge([function(block, its part of the mask, *rest) for every block]), nested in any way."""
        raise NotImplementedError

    def mapped(self, run: Callable[[np.ndarray, np.ndarray], None], dtype: np.dtype[Any]) -> Any:
        """Return the image that run(source, target) makes of each block's 2-D or 3-D views."""
        raise NotImplementedError

    def adapted(self, mask: Any, kernel: list[int], settings: tuple[float, int, float, float, float, float]) -> Any:
        """Return what `equalize_adapthist` of the extension, with these arguments, makes of the image."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Taken:
    """A NumPy view of an argument, the way back to the library it came from, and what else it brought."""

    array: np.ndarray
    give_back: Callable[[np.ndarray], Any]
    spacing: tuple[float, ...] | None
    # What was given, where it is a volume.
    volume: Any = None


# What an operation without a GPU form says of `device`.
HOST_ONLY = object()


def _as_it_is(array: np.ndarray) -> np.ndarray:
    return array


def take(
    function: str,
    argument: str,
    value: Any,
    *,
    ndim: tuple[int, ...] = (2, 3),
    dtypes: tuple[np.dtype[Any], ...] = DTYPES,
    device: Any = HOST_ONLY,
) -> Taken:
    """Borrow the array in `value`, or say what is wrong with it.

    Parameters
    ----------
    function, argument : str
        For the error message.
    value : array_like, Volume, torch.Tensor or anything with DLPack on the CPU
        What the caller gave.
    ndim : tuple of int
        The accepted numbers of dimensions; empty accepts any.
    dtypes : tuple of dtype
        The accepted dtypes.
    device : {None, "cpu", "cuda"}, optional
        For operations that have a GPU form: the caller's choice. The array may then be an `OnDevice`.
    """
    if device is not HOST_ONLY:
        if device is not None:
            _check.choice(function, "device", device, _backends.DEVICES)
        if not isinstance(value, np.ndarray):
            if _backends.is_on_gpu(value):
                return _take_on_gpu(function, argument, value, ndim, dtypes, device)
            if (inner := _foreign_voxels(value)) is not None:
                return _as_volume(value, take(function, argument, inner, ndim=ndim, dtypes=dtypes, device=device))
        taken = take(function, argument, value, ndim=ndim, dtypes=dtypes)
        return _upload(function, taken) if device == "cuda" else taken
    give_back: Callable[[np.ndarray], Any] = _as_it_is
    spacing: tuple[float, ...] | None = None
    given: Any = None
    if isinstance(value, np.ndarray):
        array = value
        if isinstance(value, np.ma.MaskedArray):
            raise _check.fail(function, argument, "be a plain array (give the mask as `mask`)", type(value), TypeError)
    elif (volume := sys.modules.get("cormack.volume")) is not None and isinstance(value, volume.Volume):
        if (inner := _foreign_voxels(value)) is not None:
            return _as_volume(value, take(function, argument, inner, ndim=ndim, dtypes=dtypes))
        array, spacing, give_back, given = value.array, value.spacing, value.replace, value
    elif (torch := sys.modules.get("torch")) is not None and isinstance(value, torch.Tensor):
        array, give_back = _host_tensor(function, argument, value, dtypes), torch.from_numpy
    elif isinstance(value, Blocked):
        array, spacing, give_back = value, value.spacing, value.give_back  # type: ignore[assignment]
    elif _backends.is_on_gpu(value) or _dlpack_device(value) not in (None, 1):
        raise BackendUnavailable(
            f"{function}: `{argument}` is a {type(value).__module__}.{type(value).__qualname__} on a GPU, and this "
            "operation has no GPU form yet: copy it to the host first"
        )
    elif _dlpack_device(value) == 1:
        array = np.from_dlpack(value)
        if hasattr(value, "__array_namespace__"):
            give_back = value.__array_namespace__().from_dlpack
    else:
        try:
            array = np.asarray(value)
        except ValueError:
            raise _check.fail(function, argument, "be an array", value) from None
    native = array.dtype.newbyteorder("=")
    _check_kind(function, argument, array, native, ndim, dtypes)
    if isinstance(array, Blocked):
        return Taken(array, give_back, spacing)
    if native != array.dtype or not whole_items(array):
        array = array.astype(native, order="C")
    if array.dtype.kind == "b" and array.size and _once(array).view(np.uint8).max() > 1:
        # `mask.view(bool)` of a 0 and 255 mask: for NumPy any byte but 0 is True, for arithmetic on bytes it is not.
        array = array.view(np.uint8) != 0
    return Taken(array, give_back, spacing, given)


def _foreign_voxels(value: Any) -> Any:
    """Return the array of a volume that is another library's; None for anything else."""
    volume = sys.modules.get("cormack.volume")
    if volume is None or not isinstance(value, volume.Volume) or isinstance(value.array, np.ndarray | Blocked):
        return None
    return value.array


def _as_volume(volume: Any, taken: Taken) -> Taken:
    return Taken(taken.array, lambda result: volume.replace(taken.give_back(result)), volume.spacing, volume)


def _host_tensor(function: str, argument: str, value: Any, dtypes: tuple[np.dtype[Any], ...]) -> np.ndarray:
    """View a torch tensor; its values are copied only where their sign or conjugation is still to be applied."""
    if value.device.type == "meta":
        raise ValueError(f"{function}: `{argument}` must have values, got a tensor on the device 'meta'")
    if value.device.type != "cpu":
        raise BackendUnavailable(
            f"{function}: `{argument}` lives on {value.device}, and this operation has no GPU form yet: "
            f"pass `{argument}.cpu()`"
        )
    if value.requires_grad:
        raise _check.fail(function, argument, "not require gradients (use .detach())", type(value), TypeError)
    if str(value.layout) != "torch.strided":
        raise _check.fail(function, argument, "be dense (use .to_dense())", value.layout, TypeError)
    try:
        array: np.ndarray = value.resolve_conj().resolve_neg().numpy()
    except TypeError:
        # bfloat16 and others that NumPy does not have.
        raise _wrong_dtype(function, argument, dtypes, str(value.dtype).removeprefix("torch.")) from None
    return array


def _check_kind(
    function: str,
    argument: str,
    array: Any,
    native: np.dtype[Any],
    ndim: tuple[int, ...],
    dtypes: tuple[np.dtype[Any], ...],
) -> None:
    if ndim and array.ndim not in ndim:
        rule = "be " + " or ".join(f"{n}-D" for n in ndim)
        raise ValueError(f"{function}: `{argument}` must {rule}, got shape {array.shape}")
    if native not in dtypes:
        raise _wrong_dtype(function, argument, dtypes, array.dtype)


def _wrong_dtype(function: str, argument: str, dtypes: tuple[np.dtype[Any], ...], got: object) -> TypeError:
    accepted = ", ".join(str(dtype) for dtype in dtypes)
    return TypeError(f"{function}: `{argument}` must have one of the dtypes {accepted}, got {got}")


def _take_on_gpu(
    function: str, argument: str, value: Any, ndim: tuple[int, ...], dtypes: tuple[np.dtype[Any], ...], device: Any
) -> Taken:
    if device == "cpu":
        raise BackendUnavailable(
            f"{function}: `{argument}` is on a GPU, where device='cpu' does not compute: copy it to the host first"
        )
    array, give_back = _backends.borrow(function, argument, value)
    _check_kind(function, argument, array, array.dtype, ndim, dtypes)
    return Taken(array, give_back, None)  # type: ignore[arg-type]


def _upload(function: str, taken: Taken) -> Taken:
    if isinstance(taken.array, Blocked):
        raise BackendUnavailable(f"{function}: device='cuda' takes no image in blocks")
    array = _backends.waiting(function, taken.array)
    return Taken(array, lambda result: taken.give_back(result.to_host()), taken.spacing, taken.volume)  # type: ignore


def _once(array: np.ndarray) -> np.ndarray:
    """Return an array without what repeats along its axes."""
    return array[tuple(slice(None if step else 1) for step in array.strides)]


def empty(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Return an array for a result, whose values do not matter."""
    found = system_zeros(shape, dtype)
    return np.empty(shape, dtype) if found is None else found


def system_zeros(shape: tuple[int, ...], dtype: Any) -> np.ndarray | None:
    """Return an array of zeros in large pages, which cost nothing until they are written to; None for a small one.

    An array of NumPy's does not start where a page does, and its first and last page are made of small ones, whose
    hundreds of faults cost as much as writing the result.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size < FRESH_BYTES or not hasattr(mmap, "MADV_HUGEPAGE"):
        return None
    try:
        memory = mmap.mmap(-1, size + _LARGE_PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except OSError:
        # NumPy says in its own words that there is no memory.
        return None
    # Without such pages the memory works as well.
    with contextlib.suppress(OSError):
        memory.madvise(mmap.MADV_HUGEPAGE)
    whole = np.frombuffer(memory, np.uint8)
    first = -whole.ctypes.data % _LARGE_PAGE
    result: np.ndarray = whole[first : first + size].view(dtype).reshape(shape)
    return result


def whole_items(array: np.ndarray) -> bool:
    """Return whether the extension can address the values of an array where they lie."""
    return bool(array.flags.aligned) and not any(stride % array.itemsize for stride in array.strides)


def check_output(function: str, argument: str, value: np.ndarray, shape: tuple[int, ...]) -> None:
    """Refuse an array that a result of the given shape cannot be written to."""
    if value.shape != shape:
        raise ValueError(f"{function}: `{argument}` must have shape {shape}, got {value.shape}")
    if not value.flags.writeable:
        raise ValueError(f"{function}: `{argument}` must be writeable, got a read-only array")


def output_dtype(function: str, output: Any) -> np.dtype[Any]:
    """Return the dtype that an `output` names which is no NumPy array."""
    # np.dtype takes all that has a dtype: an array on a GPU, too, which then nobody would fill.
    if isinstance(output, type | np.dtype) or not hasattr(output, "dtype"):
        with contextlib.suppress(TypeError):
            dtype: np.dtype[Any] = np.dtype(output)
            return dtype
    got = type(output) if hasattr(output, "dtype") else output
    raise _check.fail(function, "output", "be an array, a dtype or None", got, TypeError)


def _dlpack_device(value: Any) -> int | None:
    """Return DLPack's device type (1 is the CPU), or None for something that is not a DLPack array."""
    if not hasattr(value, "__dlpack__") or not hasattr(value, "__dlpack_device__"):
        return None
    return int(value.__dlpack_device__()[0])


def float_for(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the floats that hold all values of a dtype: float32 up to 16 bits and for itself, else float64."""
    return np.dtype(np.float32) if dtype.itemsize <= 2 or dtype == np.float32 else np.dtype(np.float64)


def take_labels(function: str, argument: str, value: Any, *, ndim: tuple[int, ...] = (2, 3)) -> Taken:
    """Borrow a mask or labels of any dtype, as `take`; NaN, which is neither inside nor outside, is refused."""
    taken = take(function, argument, value, ndim=ndim, dtypes=MASK_DTYPES)
    # NaN is the least of any values, and no copy is made to find it.
    if taken.array.dtype.kind == "f" and taken.array.size and np.isnan(taken.array.min()):
        raise ValueError(f"{function}: `{argument}` must not hold NaN, got some")
    return taken


def take_mask(
    function: str, argument: str, value: Any, shape: tuple[int, ...], of: Any = None, of_argument: str = "image"
) -> np.ndarray | None:
    """Borrow a mask of the given shape as a bool array; any dtype, non-zero is inside, NaN is refused. None stays None.

    Where the mask and what it is `of` are both volumes, they must share one grid.
    """
    if value is None:
        return None
    array = take_matching(function, argument, value, shape, of, of_argument).array
    return array if array.dtype == bool or isinstance(array, Blocked) else array != 0


def take_matching(
    function: str,
    argument: str,
    value: Any,
    shape: tuple[int, ...],
    of: Any = None,
    of_argument: str = "image",
    dtypes: tuple[np.dtype[Any], ...] | None = None,
) -> Taken:
    """Borrow an array that has one value for each of another, such as a mask `of` an image.

    Where both are volumes, they must share one grid. Masks and labels may have any dtype, see `take_labels`; other
    values have their `dtypes`.
    """
    if dtypes is None:
        taken = take_labels(function, argument, value, ndim=())
    else:
        taken = take(function, argument, value, ndim=(), dtypes=dtypes)
    # First, since its message shows the shapes too.
    check_grids((of_argument, of), (argument, value))
    if taken.array.shape != shape:
        raise ValueError(f"{function}: `{argument}` must have shape {shape}, got {taken.array.shape}")
    return taken


def check_grids(first: tuple[str, Any], second: tuple[str, Any]) -> None:
    """Raise GeometryError where two arguments, each with its name, are volumes on different grids."""
    volume = sys.modules.get("cormack.volume")
    if volume is not None and isinstance(first[1], volume.Volume) and isinstance(second[1], volume.Volume):
        first[1].check_geometry(second[1], names=(first[0], second[0]))
