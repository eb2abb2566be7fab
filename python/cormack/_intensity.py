"""What operations on intensities share: memory layout, extremes, exact counts, ranges.

None of them depends on where a voxel lies, so arrays are handed to the extension in the order of their memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _backends, _check, _cormack_cpu, _slabs
from ._arrays import DTYPES, Blocked, Taken, check_output, empty, whole_items

# Below this many voxels a table of every value costs more than it saves.
WORTH_A_TABLE = 1 << 18
# Integer images whose values span more than this have no table of every value.
WIDEST_TABLE = 1 << 22


def in_memory_order(*arrays: np.ndarray) -> tuple[np.ndarray, ...] | None:
    """Return views of arrays of one shape as 2-D or 3-D arrays whose last axis runs through the memory of the first.

    None where more than three axes remain that memory does not join.
    """
    if all(array.flags.c_contiguous for array in arrays):
        return tuple(array.reshape(1, -1) for array in arrays)
    shape = arrays[0].shape
    # Repeated axes (stride 0) come first: the last one should move.
    steps = [abs(step) or np.inf for step in arrays[0].strides]
    axes = sorted((axis for axis in range(len(shape)) if shape[axis] != 1), key=lambda axis: -steps[axis])
    first = [0 if shape[axis] == 1 else slice(None) for axis in range(len(shape))]
    rank = {axis: position for position, axis in enumerate(sorted(axes))}
    views = [array[tuple(first)].transpose([rank[axis] for axis in axes]) for array in arrays]
    if len(views) == 1:
        # The order of a single array does not matter, so it may be read forwards.
        views[0] = views[0][tuple(slice(None, None, -1 if step < 0 else 1) for step in views[0].strides)]
    lengths: list[int] = []
    for axis, length in enumerate(views[0].shape):
        if axis and all(view.strides[axis - 1] == view.strides[axis] * length for view in views):
            lengths[-1] *= length
        else:
            lengths.append(length)
    if len(lengths) > 3:
        return None
    return tuple(view.reshape([1] * (2 - len(lengths)) + lengths) for view in views)


def for_reduction(array: np.ndarray, mask: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
    """Return an image and its mask as the extension takes them, in any order of their voxels."""
    arrays = (array,) if mask is None else (array, mask)
    views = in_memory_order(*arrays) or in_memory_order(*(np.ascontiguousarray(a) for a in arrays))
    assert views is not None
    return views[0], views[1] if mask is not None else None


@dataclass(frozen=True, slots=True)
class Result:
    """Where a map of one value to one value leads: a new array laid out like the image, or the caller's `out`."""

    taken: Taken
    dtype: np.dtype
    out: np.ndarray | None

    @classmethod
    def of(cls, function: str, taken: Taken, dtype: np.dtype, out: Any) -> Result:
        """Check `out`, which only then is written to when a result is given back."""
        if _backends.is_on_device(taken.array) and out is not None:
            raise _backends.cannot(function, "`out` is None")
        if out is not None:
            if not isinstance(out, np.ndarray) or isinstance(out, np.ma.MaskedArray):
                raise _check.fail(function, "out", "be a plain NumPy array or None", type(out), TypeError)
            check_output(function, "out", out, taken.array.shape)
            if out.dtype != dtype:
                raise TypeError(f"{function}: `out` must have the dtype of the result, {dtype}, got {out.dtype}")
        return cls(taken, dtype, out)

    def filled(self, run: Callable[[np.ndarray, np.ndarray], None]) -> Any:
        """Give back what run(source, target), which may write where it reads, makes of the image.

        Both come in the order of their memory, as two or three axes.
        """
        if isinstance(self.taken.array, Blocked):
            return self.taken.give_back(self.taken.array.mapped(run, self.dtype))
        array, written = self.taken.array, self._target(in_place=True)
        views = in_memory_order(array, written)
        if views is None:
            array = np.ascontiguousarray(array)
            written = np.empty(array.shape, self.dtype)
            views = in_memory_order(array, written)
        assert views is not None
        if array.size:
            run(*views)
        return self._given_back(written)

    def filled_on_device(
        self,
        function: str,
        operation: str,
        *,
        tables: Sequence[np.ndarray] = (),
        beside: Sequence[np.ndarray] = (),
        **parameters: Any,
    ) -> Any:
        """Give back what an operation of a GPU, from an image to one of the same shape, makes of the image.

        Between both in the plan's list of images is what lies `beside`.
        """

        def mapped(image: _backends.OnDevice) -> _backends.OnDevice:
            target = image.empty(dtype=self.dtype)
            if not image.size:
                return target
            others = [image.from_host(array) for array in beside]
            source = image.flat()
            result = target if source is image else target.flat()
            for index in np.ndindex(*source.shape[:-3]):
                _backends.run(function, operation, [source[index], *others, result[index]], tables, **parameters)
            return target

        image = self.taken.array
        assert _backends.is_on_device(image)
        return self.taken.give_back(_slabs.mapped(function, image, self.dtype, mapped))  # type: ignore[arg-type]

    def filled_apart(self, run: Callable[[np.ndarray, np.ndarray], None], *beside: np.ndarray | None) -> Any:
        """The same for a `run` that takes arrays as they are, and writes where neither image nor `beside` lies."""
        written = self._target(False, *beside)
        run(self.taken.array, written)
        return self._given_back(written)

    def mapped(self, run: Callable[[np.ndarray, np.ndarray], None], workers: int) -> Any:
        """Give back what run(source, target) makes of the image.

        Large 8 and 16 bit images go through a table of what it makes of every value. Bool results take the nearer of 0
        and 1, where the map leads outside of them.
        """
        array, dtype = self.taken.array, self.dtype
        small = array.dtype.kind in "iu" and array.itemsize <= 2 and array.size >= WORTH_A_TABLE
        if dtype.kind == "b" and array.dtype.kind == "b":
            exact = np.empty((1, 2))
            run(np.array([[False, True]]), exact)
            return self.looked_up(rounded(exact[0], dtype), 0, workers)
        if small:
            limits = np.iinfo(array.dtype)
            values = np.arange(limits.min, limits.max + 1).astype(array.dtype)[np.newaxis]
            entries = np.empty(values.shape, dtype)
            run(values, entries)
            return self.looked_up(entries[0], int(limits.min), workers)
        return self.filled(run)

    def looked_up(self, entries: np.ndarray, first: int, workers: int) -> Any:
        """Give back entries[value - first] for the integers of the image."""
        image = self.taken.array
        if _backends.is_on_device(image):
            return self.filled_on_device(image.function or "lut_map", "lut_map", beside=[entries], first=first)

        def run(source: np.ndarray, target: np.ndarray) -> None:
            source = source.view(np.uint8) if source.dtype.kind == "b" else source
            _cormack_cpu.lut_map(source, target, entries, first, workers)

        return self.filled(run)

    def unchanged(self) -> Any:
        """Give back the values of the image."""
        if _backends.is_on_device(self.taken.array):
            return self.taken.give_back(self.taken.array.copy())  # type: ignore[arg-type]
        return self.filled(lambda source, target: np.copyto(target, source))

    def _target(self, in_place: bool, *beside: np.ndarray | None) -> np.ndarray:
        """Return `out` if it can be written while the image and what lies beside it are read, else a new array."""
        array, out = self.taken.array, self.out
        # Of values that share memory the last one stays, whatever the number of threads.
        if out is not None and whole_items(out) and all(out.strides):
            same = array.ctypes.data == out.ctypes.data and array.strides == out.strides and array.dtype == out.dtype
            read = [part for part in (None if in_place and same else array, *beside) if part is not None]
            if not any(np.may_share_memory(part, out) for part in read):
                return out
        if array.flags.c_contiguous:
            return empty(array.shape, self.dtype)
        return np.empty_like(array, dtype=self.dtype)

    def _given_back(self, written: np.ndarray) -> Any:
        if self.out is None:
            return self.taken.give_back(written)
        if written is not self.out:
            self.out[...] = written
        return self.out


def minmax(array: np.ndarray, mask: np.ndarray | None, workers: int) -> tuple[float, float, bool]:
    """Return the smallest and largest value and whether there is a NaN; (inf, -inf) where there is no value."""
    if isinstance(array, Blocked):
        return array.reduced(minmax, _joint_range, mask, workers)  # type: ignore[no-any-return]
    if _backends.is_on_device(array):
        return _over_slabs(_minmax_on_device, _joint_range, array, mask)  # type: ignore[no-any-return]
    image, inside = for_reduction(array, mask)
    return _cormack_cpu.minmax(image, inside, workers)


def _minmax_on_device(array: Any, mask: Any = None) -> tuple[float, float, bool]:
    found = array.empty((3,), np.float64)
    _reduce_on_device("minmax", array, found, mask)
    low, high, has_nan = found.to_host().tolist()
    return low, high, has_nan > 0


def _over_slabs(call: Callable[..., Any], merge: Callable[[list[Any]], Any], image: Any, mask: Any) -> Any:
    """Return call(image, mask) of an image on a GPU, or what is merged from parts of both."""
    return _slabs.reduced(image.function, [image] if mask is None else [image, mask], call, merge)


def _reduce_on_device(
    operation: str, image: Any, result: Any, mask: Any, *tables: np.ndarray, **parameters: Any
) -> None:
    """Run a reduction of a GPU; of an image without gaps the shape does not matter, of others it has at most 3 axes."""
    arrays = [image] if mask is None else [image, mask]
    lines = [array.flat() for array in arrays]
    if all(line.ndim == 1 for line in lines):
        arrays = lines
    if arrays[0].ndim > 3:
        raise _backends.cannot(operation, "arrays with gaps have at most three axes")
    _backends.run(operation, operation, [arrays[0], result, *arrays[1:]], tables, **parameters)


def finite_range(
    function: str, array: np.ndarray, mask: np.ndarray | None, workers: int, instead: str
) -> tuple[float, float] | None:
    """Return the range of an image, NaN left out, refusing infinities; None where there is no value."""
    low, high, _ = minmax(array, mask, workers)
    if low > high:
        return None
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError(f"{function}: `image` must be finite {instead}, got values from {low} to {high}")
    return low, high


def where_inside(inside: np.ndarray | None) -> str:
    return "" if inside is None else " inside the mask"


def some_range(function: str, array: np.ndarray, inside: np.ndarray | None, threads: int) -> tuple[float, float]:
    """Return the smallest and largest value, refusing infinities and the absence of values."""
    found = finite_range(function, array, inside, threads, "or NaN")
    if found is None:
        raise ValueError(f"{function}: `image` must hold a number{where_inside(inside)}, got none")
    return found


def value_counts(array: np.ndarray, mask: np.ndarray | None, workers: int) -> tuple[int, np.ndarray] | None:
    """Count every value of an integer image: the smallest value, and counts up to the largest.

    The counts are empty where the mask is; None where values spread too widely for a table.
    """
    if isinstance(array, Blocked):
        return array.reduced(value_counts, _joint_table, mask, workers)  # type: ignore[no-any-return]
    if _backends.is_on_device(array):
        return _value_counts_on_device(array, mask)
    image, inside = for_reduction(array, mask)
    if array.dtype.kind == "b":
        image = image.view(np.uint8)
    # Of few voxels the range is looked for first: most of a table of all values of 16 bits would be empty.
    if image.itemsize == 1 or (image.itemsize == 2 and image.size > 1 << 15):
        first, last = (int(limit) for limit in (np.iinfo(image.dtype).min, np.iinfo(image.dtype).max))
    else:
        low, high, _ = _cormack_cpu.minmax(image, inside, workers)
        if low > high:
            return 0, np.zeros(0, np.int64)
        first, last = int(low), int(high)
        if last - first >= WIDEST_TABLE:
            return None
    counts = np.zeros(last - first + 1, np.int64)
    begin, end = _cormack_cpu.value_counts(image, inside, first, counts, workers)
    return (first + begin if begin < end else 0), counts[begin:end]


def _value_counts_on_device(array: Any, mask: Any) -> tuple[int, np.ndarray] | None:
    low, high, _ = minmax(array, mask, 1)
    if low > high:
        return 0, np.zeros(0, np.int64)
    first, last = int(low), int(high)
    if last - first >= WIDEST_TABLE:
        return None

    def counted(part: Any, inside: Any = None) -> np.ndarray:
        counts = part.empty((last - first + 1,), np.int64)
        _reduce_on_device("value_counts", part, counts, inside, first=first, size=last - first + 1)
        result: np.ndarray = counts.to_host()
        return result

    return first, _over_slabs(counted, sum, array, mask)


def levels(array: np.ndarray, mask: np.ndarray | None, workers: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the values that occur in an integer image, increasing, in its dtype (bool as uint8), and their counts."""
    dtype = np.dtype(np.uint8) if array.dtype.kind == "b" else array.dtype
    table = value_counts(array, mask, workers)
    if table is None and _backends.is_on_device(array):
        raise _backends.cannot("levels", f"integers span fewer than {WIDEST_TABLE}, or the image is floating")
    if table is None and isinstance(array, Blocked):
        return array.reduced(levels, _joint_levels, mask, workers)  # type: ignore[no-any-return]
    if table is None:
        values, counts = np.unique(array if mask is None else array[mask], return_counts=True)
        return values, counts.astype(np.int64)
    first, counts = table
    occupied = np.flatnonzero(counts)
    return (occupied + first).astype(dtype), counts[occupied]


def sorted_values(array: np.ndarray, inside: np.ndarray | None) -> np.ndarray:
    """Return the values inside the mask, increasing, without NaN."""
    if isinstance(array, Blocked):
        raise NotImplementedError("cannot sort all values of an image in blocks")
    values = array[inside] if inside is not None else array.flatten(order="K")
    values.sort()
    return values[: np.searchsorted(values, np.inf, side="right")] if values.dtype.kind == "f" else values


def neighbours(
    array: np.ndarray, mask: np.ndarray | None, q: Sequence[float], workers: int
) -> tuple[int, np.ndarray, np.ndarray]:
    """Return the number of values, NaN left out, and the two between which each quantile in [0, 1] lies."""
    if isinstance(array, Blocked):
        return _neighbours_in_blocks(array, mask, q, workers)
    image, inside = for_reduction(array, mask)
    count, below, above = _cormack_cpu.quantiles(image, inside, [float(number) for number in q], workers)
    return count, np.array(below), np.array(above)


def quantiles(array: np.ndarray, mask: np.ndarray | None, q: Sequence[float], workers: int) -> np.ndarray:
    """Return quantiles in [0, 1] as numpy.quantile does for float64, NaN left out; empty where there is no value."""
    count, low, high = neighbours(array, mask, q, workers)
    if not count:
        return np.zeros(0)
    position = (count - 1) * np.array(q, np.float64)
    fraction = position - np.floor(position)
    with np.errstate(over="ignore", invalid="ignore"):
        width = high - low
        between = np.where(fraction < 0.5, low + width * fraction, high - width * (1 - fraction))
    # From an infinity there is no way to go on.
    result: np.ndarray = np.where((low == high) | (fraction == 0), low, between)
    return result


def _joint_range(ranges: list[tuple[float, float, bool]]) -> tuple[float, float, bool]:
    lows, highs, nans = zip(*ranges, strict=True)
    return min(lows), max(highs), any(nans)


def _joint_table(tables: list[tuple[int, np.ndarray] | None]) -> tuple[int, np.ndarray] | None:
    found = [table for table in tables if table is not None and len(table[1])]
    if any(table is None for table in tables):
        return None
    if not found:
        return 0, np.zeros(0, np.int64)
    first, end = min(low for low, _ in found), max(low + len(counts) for low, counts in found)
    if end - first > WIDEST_TABLE:
        return None
    joint = np.zeros(end - first, np.int64)
    for low, counts in found:
        joint[low - first : low - first + len(counts)] += counts
    return first, joint


def _joint_levels(found: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    values, place = np.unique(np.concatenate([values for values, _ in found]), return_inverse=True)
    counts = np.zeros(len(values), np.int64)
    np.add.at(counts, place.reshape(-1), np.concatenate([counts for _, counts in found]))
    return values, counts


def _digits(array: np.ndarray, mask: np.ndarray | None, prefixes: list[int], shift: int) -> np.ndarray:
    """Count the next 16 bits of the numbers that start with each prefix, in the order of their values."""
    values = array.ravel() if mask is None else array[mask]
    values = values[~np.isnan(values)]
    bits = values.view(f"u{values.itemsize}")
    top = bits.dtype.type(1 << (8 * values.itemsize - 1))
    keys = np.where(bits & top, ~bits, bits | top)
    counts = np.zeros((len(prefixes), 1 << 16), np.int64)
    for row, prefix in zip(counts, prefixes, strict=True):
        some = keys if shift + 16 == 8 * values.itemsize else keys[keys >> (shift + 16) == prefix]
        row += np.bincount((some >> shift & 0xFFFF).astype(np.int64), minlength=1 << 16)
    return counts


def _neighbours_in_blocks(
    array: Blocked, mask: Any, q: Sequence[float], workers: int
) -> tuple[int, np.ndarray, np.ndarray]:
    """Find values by their rank: of integers from their counts, of floats digit by digit."""
    table = None if array.dtype.kind == "f" else levels(array, mask, workers)  # type: ignore[arg-type]
    width = 8 * array.itemsize
    first = array.reduced(_digits, sum, mask, [0], width - 16) if table is None else table[1][np.newaxis]
    count = int(first.sum())
    if not count:
        return 0, np.zeros(0), np.zeros(0)
    below = np.floor((count - 1) * np.array(q, np.float64)).astype(np.int64)
    ranks = np.stack([below, np.minimum(below + 1, count - 1)])
    if table is not None:
        places = np.searchsorted(table[1].cumsum(), ranks, side="right")
        found = table[0][places].astype(np.float64)
        return count, found[0], found[1]
    prefix, rest, prefixes, counts = np.zeros(ranks.shape, np.uint64), ranks.copy(), [0], first
    for shift in range(width - 16, -1, -16):
        if shift < width - 16:
            prefixes = sorted(set(prefix.ravel().tolist()))
            counts = array.reduced(_digits, sum, mask, prefixes, shift)
        up_to = counts.cumsum(axis=1)
        for index in np.ndindex(*ranks.shape):
            row = up_to[prefixes.index(int(prefix[index]))]
            digit = int(np.searchsorted(row, rest[index], side="right"))
            rest[index] -= row[digit - 1] if digit else 0
            prefix[index] = prefix[index] << np.uint64(16) | np.uint64(digit)
    keys = prefix.astype(f"u{array.itemsize}")
    top = keys.dtype.type(1 << (width - 1))
    found = np.where(keys & top, keys ^ top, ~keys).view(array.dtype).astype(np.float64)
    return count, found[0], found[1]


def bin_sums(
    array: np.ndarray, mask: np.ndarray | None, weights: np.ndarray, edges: np.ndarray, workers: int
) -> np.ndarray:
    """Sum the weights of the voxels in each bin; the last one includes its upper edge."""
    if isinstance(array, Blocked):
        raise NotImplementedError("cannot sum weights of an image in blocks: the sum's bits depend on their order")
    arrays = (array, weights) if mask is None else (array, weights, mask)
    views = in_memory_order(*arrays) or in_memory_order(*(np.ascontiguousarray(a) for a in arrays))
    assert views is not None
    sums = np.zeros(len(edges) - 1)
    inside = views[2] if mask is not None else None
    _cormack_cpu.weighted_histogram(
        views[0], inside, views[1], np.ascontiguousarray(edges, dtype=np.float64), sums, workers
    )
    return sums


def bin_counts(array: np.ndarray, mask: np.ndarray | None, edges: np.ndarray, workers: int) -> np.ndarray:
    """Count the voxels in each bin; the last one includes its upper edge."""
    if isinstance(array, Blocked):
        return array.reduced(bin_counts, sum, mask, edges, workers)  # type: ignore[no-any-return]
    if _backends.is_on_device(array):

        def counted(part: Any, inside: Any = None) -> np.ndarray:
            found = part.empty((len(edges) - 1,), np.int64)
            _reduce_on_device("histogram", part, found, inside, edges.astype(np.float64))
            result: np.ndarray = found.to_host()
            return result

        return _over_slabs(counted, sum, array, mask)  # type: ignore[no-any-return]
    image, inside = for_reduction(array, mask)
    counts = np.zeros(len(edges) - 1, np.int64)
    _cormack_cpu.histogram(image, inside, np.ascontiguousarray(edges, dtype=np.float64), counts, workers)
    return counts


def uniform_edges(function: str, low: float, high: float, dtype: np.dtype, nbins: int) -> np.ndarray:
    """Return numpy.histogram's edges for values from `low` to `high` of a floating dtype, in that dtype.

    Where float32 has too few numbers in between, or none for the range's width, they are float64.
    """
    for kind in (dtype, np.dtype(np.float64)):
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                edges = np.histogram_bin_edges(np.array([low, high], kind), nbins)
        except ValueError:
            continue
        if np.isfinite(edges).all():
            return edges
    raise ValueError(f"{function}: `nbins` must leave each bin a width, got {nbins} for values from {low} to {high}")


def pair(function: str, argument: str, value: Any) -> tuple[float, float]:
    """Return two finite numbers."""
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise _check.fail(function, argument, "be two numbers", value, TypeError)
    numbers = tuple(value)
    if len(numbers) != 2:
        raise _check.fail(function, argument, "be two numbers", value)
    return _check.real(function, argument, numbers[0]), _check.real(function, argument, numbers[1])


def output_dtype(function: str, dtype: Any, default: np.dtype) -> np.dtype:
    """Return the dtype of a result; None means the default."""
    if dtype is None:
        return default
    try:
        result: np.dtype = np.dtype(dtype)
    except TypeError:
        raise _check.fail(function, "dtype", "be a dtype or None", dtype, TypeError) from None
    if result not in DTYPES:
        accepted = ", ".join(str(accepted) for accepted in DTYPES)
        raise _check.fail(function, "dtype", f"be one of {accepted}", dtype, TypeError)
    return result


def full_range(dtype: np.dtype) -> tuple[float, float]:
    """Return the limits of an integer type; (0, 1) for bool and floating types."""
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return float(limits.min), float(limits.max)
    return 0.0, 1.0


def check_fits(function: str, argument: str, value: tuple[float, float], dtype: np.dtype) -> None:
    """Refuse a range that has no finite width or that a bool or floating result cannot hold; integers saturate."""
    if dtype.kind == "b" and not all(0 <= number <= 1 for number in value):
        raise _check.fail(function, argument, "lie in [0, 1] for a bool result", value)
    if dtype.kind == "f" and not all(abs(number) <= float(np.finfo(dtype).max) for number in value):
        raise _check.fail(function, argument, f"fit into {dtype}", value)
    check_width(function, argument, value)


def check_width(function: str, argument: str, value: tuple[float, float]) -> None:
    """Refuse two numbers whose difference is not finite."""
    if not np.isfinite(value[1] - value[0]):
        raise _check.fail(function, argument, "have a finite width", value)


def rounded(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Convert float64 to a dtype: round half to even and saturate for integers."""
    if dtype.kind == "f":
        return values.astype(dtype)
    low, high = full_range(dtype)
    result: np.ndarray = np.clip(np.rint(values), low, high).astype(dtype)
    return result
