"""Weighted means of what counts: the part of an image inside a mask, or that is not NaN."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _check, _cormack_cpu
from .._arrays import Taken, take_mask
from .._backends import OnDevice, is_on_device, mask_on_device, run
from .._neighbourhood import Halo, PerAxis, apply


def masked_mean(
    function: str,
    taken: Taken,
    output: Any,
    axes: tuple[int, ...],
    taps: Sequence[tuple[list[float], int, int] | None],
    mask: Any,
    ignore_nan: Any,
    fill_value: Any,
    threads: int,
    *,
    exact: bool,
) -> Any:
    """Divide the sum of weighted voxels that count by the sum of their weights.

    `taps` has weights, the index of the voxel's own, and a border for each filtered axis, or None where an axis stays
    as it is. With `exact`, weights are all 1.
    """
    array = taken.array
    inside: Any
    if is_on_device(array):
        inside = mask_on_device(function, mask, array)
    else:
        inside = take_mask(function, "mask", mask, array.shape, taken.volume, "input")
    if not isinstance(ignore_nan, (bool, np.bool_)):
        raise _check.fail(function, "ignore_nan", "be a bool", ignore_nan, TypeError)

    def kernel(source: np.ndarray, target: np.ndarray, values: list[list[Any]]) -> None:
        fill = _fill_of(function, fill_value, target.dtype)
        weights, left, border = map(list, zip(*(value or ([1.0], 0, 0) for value in values[0]), strict=True))
        part = None if inside is None else values[1][0]
        _cormack_cpu.masked_filter(source, part, target, weights, left, border, bool(ignore_nan), exact, fill, threads)

    def on_device(source: OnDevice, target: OnDevice, values: list[list[Any]]) -> None:
        fill = _fill_of(function, fill_value, target.dtype)
        windows = [value or ([1.0], 0, 0) for value in [None] * (3 - source.ndim) + values[0]]
        run(
            function,
            "masked_filter",
            [source, target] if inside is None else [source, target, values[1][0]],
            [np.concatenate([weights for weights, *_ in windows])],
            lengths=[len(weights) for weights, *_ in windows],
            left=[left for _, left, _ in windows],
            border=[border for *_, border in windows],
            skip_nan=bool(ignore_nan),
            exact=exact,
            fill=fill,
        )

    settings = [PerAxis(taps, None)]
    windows = [value or ([1.0], 0, 0) for value in taps]
    halo = Halo([(left, len(weights) - 1 - left) for weights, left, _ in windows], [border for *_, border in windows])
    return apply(
        function, taken, output, axes, settings, kernel, halo, beside=inside, neutral_copies=False, on_device=on_device
    )


def refuse_fill_value(function: str, fill_value: Any) -> None:
    """Say that a fill value without a mask, and without NaN to ignore, has no meaning."""
    if fill_value is not None:
        raise _check.fail(function, "fill_value", "be None without `mask` or `ignore_nan`", fill_value)


def _fill_of(function: str, value: Any, dtype: np.dtype[Any]) -> float:
    if dtype.kind == "f":
        if value is None:
            return float("nan")
        try:
            return float(value)
        except (TypeError, ValueError):
            raise _check.fail(function, "fill_value", "be a number", value, TypeError) from None
    if value is None:
        return 0.0
    number = _check.real(function, "fill_value", value)
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    if not low <= number <= high or number != int(number):
        raise _check.fail(function, "fill_value", f"be a value of {dtype}", value)
    return number
