"""SciPy's measurements of labelled objects: `cormack.segment` with SciPy's arguments."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _check, segment
from .._arrays import DTYPES, WIDE_INTEGERS, check_output
from ._binary import connectivity_of
from ._images import image_of, in_native_order
from ._scipy import scipys

_LONGEST_AXIS = 1 << 20


def label(input: Any, structure: Any = None, output: Any = None, *, workers: int | None = None) -> Any:
    """Number the connected components of a mask: `cormack.segment.label`.

    Returns the labels and their number, and the number alone where `output` is an array.
    """
    name = "label"
    image = image_of(input)
    ndim = image.ndim
    if structure is not None and np.ndim(structure) != ndim:
        raise _check.fail(name, "structure", f"have {ndim} dimensions as `input`", np.shape(structure))
    steps = connectivity_of(structure, ndim)
    if steps is None or not 0 < ndim <= 3:
        return scipys(name, "a structure of its own or an image that is not 1-D, 2-D or 3-D")(input, structure, output)
    given = output if isinstance(output, np.ndarray) else None
    if given is not None:
        check_output(name, "output", given, image.shape)
    labels, count = segment.label(image[np.newaxis] if ndim == 1 else image, connectivity=steps, workers=workers)
    labels = labels[0] if ndim == 1 else labels
    if given is None and output is None:
        return labels, count
    dtype = np.dtype(output) if given is None else given.dtype
    if dtype.kind in "iu" and count > np.iinfo(dtype).max:
        raise _check.fail(name, "output", f"be of a dtype that holds {count}", dtype)
    if given is None:
        return labels.astype(dtype), count
    given[...] = labels
    return count


def find_objects(input: Any, max_label: int = 0, *, workers: int | None = None) -> list[tuple[slice, ...] | None]:
    """Return the box of each label as slices, None where it has no voxel: `cormack.segment.label_statistics`."""
    labels = in_native_order(np.asarray(input))
    if labels.ndim not in (2, 3) or not _are_labels(labels):
        found: list[Any] = scipys("find_objects", "labels that are negative, no integers, or not 2-D or 3-D")(
            input, max_label
        )
        return found
    table = segment.label_statistics(labels, properties=["bbox"], workers=workers)
    numbers = table["label"].tolist()
    count = max_label if max_label > 0 else (numbers[-1] if numbers else 0)
    axes = "zyx"[-labels.ndim :]
    bounds = zip(*(table[f"bbox_{axis}_{end}"].tolist() for axis in axes for end in ("start", "stop")), strict=True)
    boxes: list[tuple[slice, ...] | None] = [None] * count
    for number, box in zip(numbers, bounds, strict=True):
        if number <= count:
            boxes[number - 1] = tuple(map(slice, box[::2], box[1::2]))
    return boxes


def sum_labels(input: Any, labels: Any = None, index: Any = None, *, workers: int | None = None) -> Any:
    """Sum of the values of each object in `index`: `cormack.segment.label_statistics`."""
    found = _measured(input, labels, index, ["intensity_mean", "voxel_count"], workers)
    if found is None:
        return scipys("sum_labels", _HANDED)(input, labels, index)
    mean, count = found
    total = np.where(count > 0, mean * count, 0.0)
    # Those of integers are integers.
    return np.rint(total) if np.asarray(input).dtype.kind in "biu" else total


def sum(input: Any, labels: Any = None, index: Any = None, *, workers: int | None = None) -> Any:
    """Sum of the values of each object: `sum_labels` under its old name."""
    return sum_labels(input, labels, index, workers=workers)


def mean(input: Any, labels: Any = None, index: Any = None, *, workers: int | None = None) -> Any:
    """Mean of the values of each object in `index`; NaN where it has no voxel."""
    return _column("mean", "intensity_mean", input, labels, index, workers)


def variance(input: Any, labels: Any = None, index: Any = None, *, workers: int | None = None) -> Any:
    """Variance of the values of each object in `index`, of the population; NaN where it has no voxel."""
    deviation = _measured(input, labels, index, ["intensity_std"], workers)
    return scipys("variance", _HANDED)(input, labels, index) if deviation is None else deviation[0] ** 2


def standard_deviation(input: Any, labels: Any = None, index: Any = None, *, workers: int | None = None) -> Any:
    """Standard deviation of the values of each object in `index`, of the population; NaN where it has no voxel."""
    return _column("standard_deviation", "intensity_std", input, labels, index, workers)


def minimum(input: Any, labels: Any = None, index: Any = None, *, workers: int | None = None) -> Any:
    """Return the least value of each object in `index`, in the image's dtype; 0 where it has no voxel."""
    return _value("minimum", "intensity_min", input, labels, index, workers)


def maximum(input: Any, labels: Any = None, index: Any = None, *, workers: int | None = None) -> Any:
    """Return the largest value of each object in `index`, in the image's dtype; 0 where it has no voxel."""
    return _value("maximum", "intensity_max", input, labels, index, workers)


def median(input: Any, labels: Any = None, index: Any = None, *, workers: int | None = None) -> Any:
    """Median of the values of each object in `index`, the mean of the two in the middle; NaN where it has no voxel."""
    found = _column("median", "intensity_median", input, labels, index, workers)
    dtype = np.asarray(input).dtype.newbyteorder("=")
    return found.astype(dtype) if dtype.kind == "f" and isinstance(found, np.ndarray) else found


def center_of_mass(input: Any, labels: Any = None, index: Any = None, *, workers: int | None = None) -> Any:
    """Return the mean place of each object in `index`, with its values as weights; NaN where their sum is 0."""
    ndim = np.ndim(input)
    columns = [f"intensity_centroid_{axis}" for axis in "zyx"[-ndim:]]
    places = None
    if ndim in (2, 3):
        places = _measured(input, labels, index, columns, workers, places=True)
    if places is None or np.ndim(index) != 1:
        return scipys("center_of_mass", _HANDED)(input, labels, index)
    return list(zip(*places, strict=True))


_HANDED = "an index or labels that are no list of numbers and an array of them"


def _are_labels(labels: np.ndarray) -> bool:
    kind = labels.dtype.kind
    return kind in "bu" or (kind == "i" and (labels.size == 0 or int(labels.min()) >= 0))


def _measured(
    input: Any, labels: Any, index: Any, columns: list[str], workers: Any, *, places: bool = False, sums: bool = True
) -> list[np.ndarray] | None:
    """Return columns of a table of the objects in `index`, or None where SciPy measures.

    Where there is no object: NaN, and no voxels. `places`: columns say where objects lie, so that axes count. `sums`:
    images of 64-bit integers may be converted.
    """
    if labels is None or index is None or np.ndim(index) == 0:
        return None
    image, numbers, wanted = (in_native_order(np.asarray(one)) for one in (input, labels, index))
    if image.dtype in WIDE_INTEGERS and sums:
        # As SciPy, which sums in it.
        image = image.astype(np.float64)
    if image.shape != numbers.shape or image.dtype not in DTYPES or wanted.dtype.kind not in "biu":
        return None
    if image.size == 0 or not _are_labels(numbers):
        return None
    if not places and image.ndim not in (2, 3):
        shape = (-1, *image.shape[-2:]) if image.ndim > 3 else (1, -1)
        image, numbers = image.reshape(shape), numbers.reshape(shape)
    if max(image.shape) > _LONGEST_AXIS:
        return None
    # The background is an object too, where somebody asks for it.
    shift = int(bool((wanted == 0).any()))
    if shift:
        numbers = numbers.astype(np.int64) + 1
    table = segment.label_statistics(numbers, image, properties=columns, workers=workers)
    known = table["label"].astype(np.int64) - shift
    place = np.searchsorted(known, wanted)
    place[place == len(known)] = 0
    there = known[place] == wanted if len(known) else np.zeros(wanted.shape, bool)
    result = []
    for column in columns:
        values = np.full(wanted.shape, 0 if column == "voxel_count" else np.nan)
        values[there] = table[column][place[there]]
        result.append(values)
    return result


def _column(name: str, column: str, input: Any, labels: Any, index: Any, workers: Any) -> Any:
    found = _measured(input, labels, index, [column], workers, sums=name != "median")
    return scipys(name, _HANDED)(input, labels, index) if found is None else found[0]


def _value(name: str, column: str, input: Any, labels: Any, index: Any, workers: Any) -> Any:
    found = _measured(input, labels, index, [column, "voxel_count"], workers, sums=False)
    if found is None:
        return scipys(name, _HANDED)(input, labels, index)
    values, count = found
    return np.where(count > 0, values, 0).astype(np.asarray(input).dtype.newbyteorder("="))
