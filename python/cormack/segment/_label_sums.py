"""What a GPU sums over the objects of a label image."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import _cormack_cpu, _intensity
from .._backends import OnDevice, cannot, run

# The sums of all numbers, those that do not occur too, are in memory: 168 bytes each.
_MOST_LABELS = 1 << 22


def sums_on_device(
    labels: OnDevice, values: Any, spacing: tuple[float, ...], principal: bool
) -> tuple[dict[str, np.ndarray], int]:
    """Return what the extension's `label_statistics` does: columns and 0, or nothing and a negative label."""
    name = "label_statistics"
    low, high, _ = _intensity.minmax(labels, None, 1) if labels.size else (0, 0, False)  # type: ignore[arg-type]
    if low < 0:
        return {"label": np.zeros(0, np.int64)}, int(low)
    count = int(high) + 1
    if count > _MOST_LABELS:
        raise cannot(name, "labels are below 2^22 (relabel_sequential on the CPU closes gaps)")
    kind = 0 if values is None else 2 if values.dtype.kind == "f" else 1
    # Multiples of powers of two, so that the sum of all voxels has 62 bits.
    bits = 62 - math.ceil(math.log2(labels.size + 1))
    shift, unit = 0, 0
    if kind == 2 and labels.size:
        least, most, _ = _intensity.minmax(values, None, 1)
        if least <= most:
            if not math.isfinite(most - least):
                raise cannot(name, "values of `image` are not infinite, and their range is finite")
            shift = min(bits - math.frexp(max(abs(least), abs(most)))[1], 900)
            unit = max(math.frexp(most - least)[1], -500)
    point, squares = (2.0**shift, 2.0**bits), (2.0**bits, 2.0**bits)
    sums = np.zeros((count, 16), np.uint64)
    boxes, keys = np.zeros((count, 6), np.int32), np.zeros((count, 2), np.uint64)
    if labels.size:
        results = [labels.empty(array.shape, array.dtype) for array in (sums, boxes, keys)]
        images = [_as_int32(labels), *results, *([] if values is None else [values])]
        run(name, name, images, count=count, fixed=point, unit=2.0**-unit, squares=squares)
        sums, boxes, keys = (result.to_host() for result in results)
    present = np.flatnonzero(sums[:, 0])
    present = present[present > 0]
    sums, boxes, keys = sums[present], boxes[present], keys[present]
    top = np.uint64(1 << 63)
    extremes = np.where(keys & top, keys ^ top, ~keys).view(np.float64)
    spread = np.zeros((len(present), 2))
    if kind == 2:
        pairs = sums.view(np.int64).astype(np.float64)
        numbers = sums[:, 0].astype(np.float64)
        spread[:, 0] = (pairs[:, 10] / point[0] + pairs[:, 11] / point[1] / point[0]) / numbers
        spread[:, 1] = (pairs[:, 13] / squares[0] + pairs[:, 14] / squares[1] / squares[0]) * 4.0**unit
        spread[sums[:, 12] > 0] = np.nan
    own = np.ascontiguousarray(sums[:, :13])
    raw = _cormack_cpu.label_statistics_of_sums(
        present, own, boxes, extremes, spread, kind, labels.ndim, spacing, principal
    )
    return raw, 0


def _as_int32(labels: OnDevice) -> OnDevice:
    if labels.dtype == np.int32:
        return labels
    numbers = labels.empty(dtype=np.int32)
    top = 2.0**31
    run("label_statistics", "linear_map", [labels, numbers], lower=-1.0, upper=top, low=-1.0, high=top)
    return numbers
