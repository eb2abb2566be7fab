"""What every neighbourhood filter shares: axes, batches, the output, aliasing. Kernels see 2-D or 3-D arrays alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from . import _check, _slabs
from ._arrays import Taken, check_output, empty, output_dtype, whole_items
from ._backends import OnDevice, cannot, is_on_device
from ._cuts import Plan

# Beyond this a window would only exhaust the memory.
LARGEST_WINDOW = 2**24
# Of squares of distances: what rounding may add to those of voxels that lie on a radius.
ON_RADIUS = 1e-9


class PerAxis(NamedTuple):
    """A setting with one value per axis."""

    values: Sequence[Any]  # for the axes that are filtered
    neutral: Any  # for those that are not


@dataclass(frozen=True, slots=True)
class Halo:
    """What a filter reads around a voxel, along each filtered axis: published for who cuts an image into blocks.

    Parameters
    ----------
    reach : sequence of (int, int)
        Voxels before and after it.
    borders : sequence of int
        The extension's boundary modes.
    align : sequence of int, optional
        Parts of the image that start at multiples of these give the whole image's bits.
    """

    reach: Sequence[tuple[int, int]]
    borders: Sequence[int]
    align: Sequence[int] | None = None

    @classmethod
    def centred(cls, radii: Sequence[int], borders: Sequence[int]) -> Halo:
        """Return that of windows with the voxel in their middle."""
        return cls([(radius, radius) for radius in radii], borders)

    @classmethod
    def of_box(cls, box: Sequence[int], origins: Sequence[int], borders: Sequence[int]) -> Halo:
        """Return that of SciPy's boxes."""
        left = [extent // 2 + shift for extent, shift in zip(box, origins, strict=True)]
        return cls([(before, extent - 1 - before) for before, extent in zip(left, box, strict=True)], borders)

    def twice(self) -> Halo:
        """Return that of a window and its mirror image, one after the other."""
        # Beyond the border the second reads mirrored voxels, which look the same way as before: twice the larger side.
        return Halo([(2 * max(pair), 2 * max(pair)) for pair in self.reach], self.borders)


class NotLocal(Exception):
    """Carries why a filter cannot work in blocks."""


class TooManyAxes(ValueError):
    """More axes are to be filtered than kernels have."""


class _Planned(Exception):
    def __init__(self, plan: Plan) -> None:
        self.plan = plan


# Of the image that an array is a part of, where what is done depends on it.
whole_shape: ContextVar[tuple[int, ...] | None] = ContextVar("whole_shape", default=None)
_planning: ContextVar[bool] = ContextVar("_planning", default=False)


def plan_of(call: Callable[[], Any]) -> Plan:
    """Return what `call`, which runs a filter, would read: its arguments are checked and nothing is computed."""
    token = _planning.set(True)
    try:
        call()
    except _Planned as found:
        return found.plan
    finally:
        _planning.reset(token)
    raise NotLocal("it publishes no halo")


def publish(halo: Halo | str, axes: Sequence[int], ndim: int, dtype: np.dtype[Any], *leading: int) -> None:
    """Say what a filter reads along `axes`, or why it reads everything; returns to `plan_of` where that has asked."""
    if not _planning.get():
        return
    if isinstance(halo, str):
        raise NotLocal(halo)
    raise _Planned(_plan(halo, axes, ndim, dtype, leading))


def _plan(halo: Halo, axes: Sequence[int], ndim: int, dtype: np.dtype[Any], leading: tuple[int, ...] = ()) -> Plan:
    plan = Plan([(0, 0)] * ndim, [0] * ndim, [1] * ndim, dtype, leading)
    for place, axis in enumerate(axes):
        before, after = halo.reach[place]
        plan.reach[axis], plan.borders[axis] = (before, after), halo.borders[place]
        plan.align[axis] = 1 if halo.align is None else halo.align[place]
    return plan


Kernel = Callable[[np.ndarray, np.ndarray, list[list[Any]]], None]
# The same for arrays on a GPU, of which nothing is contiguous by promise.
DeviceKernel = Callable[[OnDevice, OnDevice, list[list[Any]]], None]


def apply(
    function: str,
    taken: Taken,
    output: Any,
    axes: tuple[int, ...],
    settings: Sequence[PerAxis],
    kernel: Kernel,
    halo: Halo | str,
    *,
    dtype: np.dtype[Any] | None = None,
    converts: bool = False,
    beside: np.ndarray | None = None,
    neutral_copies: bool = True,
    on_device: DeviceKernel | None = None,
) -> Any:
    """Run `kernel(source, target, settings)` over an array of any number of dimensions.

    Parameters
    ----------
    function : str
        For error messages.
    taken : Taken
        The input.
    output : ndarray, dtype or None
        As in scipy.ndimage. A floating dtype other than the input's converts the input first, unless the kernel does.
    axes : tuple of int
        The filtered axes, in the caller's order, which is the order of each setting's values.
    settings : sequence of PerAxis
        Given to the kernel as one list per setting, with a value for each axis of the source.
    kernel : callable
        Takes a source and a target that are 2-D or 3-D, of one shape and dtype, and do not overlap.
    halo : Halo or str
        What the kernel reads along each of `axes`, or why it reads everything.
    dtype : dtype, optional
        That of the result where it is not the input's; the kernel then converts, and `output` may be this or float64.
    converts : bool
        Whether the kernel takes any source where the target is float32 or float64.
    beside : ndarray, optional
        Of the input's shape: its part for each call of the kernel is the only value of one more setting.
    neutral_copies : bool
        Whether neutral settings leave the image as it is.
    on_device : callable, optional
        The kernel for an `OnDevice`; needed where `take` was given a device.
    """
    array = taken.array
    if is_on_device(array):
        assert on_device is not None
        assert isinstance(halo, Halo)
        copies = neutral_copies and _neutral(settings)
        return _apply_on_device(function, taken, array, output, axes, settings, on_device, halo, dtype, beside, copies)
    target, give_back = _target(function, taken, output, dtype)
    publish(halo, axes, array.ndim, target.dtype)
    if array.dtype != target.dtype and not converts and (dtype is None or target.dtype != dtype):
        array = array.astype(target.dtype)
    if array.size == 0:
        return give_back(target)
    full = _of_all_axes(function, axes, settings, array.ndim)
    if neutral_copies and _neutral(settings):
        target[...] = array
        return give_back(target)
    written = target
    shared = any(np.may_share_memory(part, target) for part in (array, beside) if part is not None)
    if shared or not whole_items(target):
        written = np.empty(target.shape, target.dtype)
    try:
        if array.ndim in (2, 3):
            kernel(array, written, full if beside is None else [*full, [beside]])
        else:
            _over_batches(function, array, written, full, settings, kernel, beside)
    except MemoryError:
        # The extension's own says nothing.
        raise MemoryError(f"{function}: the window of this filter takes more memory than there is") from None
    if written is not target:
        target[...] = written
    return give_back(target)


def _neutral(settings: Sequence[PerAxis]) -> bool:
    return all(value == setting.neutral for setting in settings for value in setting.values)


def _of_all_axes(function: str, axes: tuple[int, ...], settings: Sequence[PerAxis], ndim: int) -> list[list[Any]]:
    full = [[setting.neutral] * ndim for setting in settings]
    for values, setting in zip(full, settings, strict=True):
        for axis, value in zip(axes, setting.values, strict=True):
            values[axis] = value
    if ndim == 0:
        raise ValueError(f"{function}: `input` must have at least one axis, got a scalar")
    return full


def _apply_on_device(
    function: str,
    taken: Taken,
    array: OnDevice,
    output: Any,
    axes: tuple[int, ...],
    settings: Sequence[PerAxis],
    kernel: DeviceKernel,
    halo: Halo,
    dtype: np.dtype[Any] | None,
    beside: Any,
    copies: bool,
) -> Any:
    kind = array.dtype if dtype is None else dtype
    if output is not None and (isinstance(output, np.ndarray) or output_dtype(function, output) != kind):
        raise cannot(function, f"`output` is None or {kind}")
    full = _of_all_axes(function, axes, settings, array.ndim)
    if copies and kind == array.dtype:
        return taken.give_back(array.copy())  # type: ignore[arg-type]

    def filtered(source: OnDevice, other: Any = None) -> OnDevice:
        target = source.empty(dtype=kind)
        if source.size and source.ndim in (2, 3):
            kernel(source, target, full if other is None else [*full, [other]])
        elif source.size:
            _over_batches(function, source, target, full, settings, kernel, other)
        return target

    plan, arrays = _plan(halo, axes, array.ndim, kind), [array] if beside is None else [array, beside]
    return taken.give_back(_slabs.filtered(function, arrays, plan, filtered))  # type: ignore[arg-type]


def _target(
    function: str, taken: Taken, output: Any, default: np.dtype[Any] | None
) -> tuple[np.ndarray, Callable[[np.ndarray], Any]]:
    array = taken.array
    if output is None:
        return _room(array.shape, array.dtype if default is None else default), taken.give_back
    if isinstance(output, np.ndarray):
        check_output(function, "output", output, array.shape)
        dtype = output.dtype
    else:
        dtype = output_dtype(function, output)
    if default is not None and dtype not in (default, np.float64):
        accepted = "float64" if default == np.float64 else f"{default} or float64"
        raise TypeError(f"{function}: `output` must have the dtype {accepted}, got {dtype}")
    if default is None and dtype != array.dtype and dtype not in (np.float32, np.float64):
        raise TypeError(
            f"{function}: `output` must have the input's dtype {array.dtype}, float32 or float64, got {dtype}"
        )
    if isinstance(output, np.ndarray):
        return output, lambda result: result
    return _room(array.shape, dtype), taken.give_back


def _room(shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
    # Whoever asks for a plan has no room for a result.
    return np.broadcast_to(np.zeros((), dtype), shape) if _planning.get() else empty(shape, dtype)


def _over_batches(
    function: str,
    array: Any,
    target: Any,
    full: list[list[Any]],
    settings: Sequence[PerAxis],
    kernel: Callable[[Any, Any, list[list[Any]]], None],
    beside: np.ndarray | None,
) -> None:
    ndim = array.ndim
    if ndim < 2:
        extended = [[setting.neutral, values[0]] for setting, values in zip(settings, full, strict=True)]
        if beside is not None:
            extended.append([beside[np.newaxis]])
        kernel(array[None], target[None], extended)
        return
    # An axis whose every setting is neutral is a batch axis even where the caller listed it.
    filtered = [a for a in range(ndim) if any(v[a] != s.neutral for s, v in zip(settings, full, strict=True))]
    if len(filtered) > 3:
        raise TooManyAxes(
            f"{function}: `axes` must name at most 3 axes of an array with more than 3, got {len(filtered)} of {ndim}"
        )
    others = [axis for axis in range(ndim) if axis not in filtered]
    inner = sorted(filtered + others[len(others) - (3 - len(filtered)) :])
    outer = [axis for axis in range(ndim) if axis not in inner]
    source_view = array.transpose(outer + inner)
    target_view = target.transpose(outer + inner)
    beside_view = None if beside is None else beside.transpose(outer + inner)
    inner_settings = [[values[axis] for axis in inner] for values in full]
    for index in np.ndindex(*(array.shape[axis] for axis in outer)):
        part = [] if beside_view is None else [[beside_view[index]]]
        kernel(source_view[index], target_view[index], inner_settings + part)


def origins_of(function: str, origin: Any, box: Sequence[int]) -> list[int]:
    """Return the shift of the window against its voxel, one for each of the window's extents."""
    shifts = [
        _check.integer(function, "origin", value) for value in _check.per_axis(function, "origin", origin, len(box))
    ]
    if not all(0 <= extent // 2 + shift < extent for extent, shift in zip(box, shifts, strict=True)):
        raise _check.fail(function, "origin", f"keep the voxel inside its window of size {tuple(box)}", origin)
    return shifts


def spacing_of_axes(function: str, taken: Taken, axes: tuple[int, ...], spacing: Any, unit: Any) -> list[float]:
    """Return the size of a voxel in `unit` along each filtered axis; `spacing` is that of all axes of the array."""
    if _check.choice(function, "unit", unit, ("voxel", "mm")) == "voxel":
        if spacing is not None:
            raise _check.fail(function, "unit", "be 'mm' where `spacing` is given", unit)
        return [1.0] * len(axes)
    given = taken.spacing if spacing is None else spacing
    if given is None:
        raise ValueError(f'{function}: `spacing` must be given for unit="mm" where `input` is no Volume, got None')
    sizes = _check.spacing(function, given, taken.array.ndim)
    return [sizes[axis] for axis in axes]


def ball_of(function: str, argument: str, radius: Any, spacing: Sequence[float]) -> np.ndarray:
    """Return the places of a box around a voxel that are at most `radius` away, for voxels of size `spacing`."""
    length = _check.real(function, argument, radius, minimum=0)
    ratios = [length / size * (1 + ON_RADIUS) for size in spacing]
    if not (max(ratios, default=0.0) < LARGEST_WINDOW and math.prod(2 * int(r) + 1 for r in ratios) <= LARGEST_WINDOW):
        raise _check.fail(function, argument, f"hold at most {LARGEST_WINDOW} voxels", radius)
    box = [int(ratio) for ratio in ratios]
    squares = np.zeros([2 * reach + 1 for reach in box])
    for axis, (reach, size) in enumerate(zip(box, spacing, strict=True)):
        distances = np.arange(-reach, reach + 1) * size
        squares += (distances**2).reshape([-1 if a == axis else 1 for a in range(len(box))])
    places: np.ndarray = squares <= length * length * (1 + ON_RADIUS)
    return places
