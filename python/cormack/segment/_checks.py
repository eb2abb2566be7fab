"""Arguments that several functions of `segment` take."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from .. import _check
from .._arrays import DTYPES, Taken, take_labels


def mask_of(name: str, argument: str, value: Any) -> Taken:
    """Borrow a mask of any dtype as an array that the extension takes; NaN is refused."""
    return as_image(take_labels(name, argument, value))


def as_image(taken: Taken) -> Taken:
    """Return what was taken in a dtype that the extension takes: as it is, or whether it is not zero."""
    if taken.array.dtype in DTYPES:
        return taken
    return replace(taken, array=taken.array != 0)


def connectivity_of(name: str, value: Any, ndim: int) -> int:
    steps = _check.integer(name, "connectivity", value)
    if not 1 <= steps <= ndim:
        raise _check.fail(name, "connectivity", f"be 1 to {ndim} for {ndim}-D", value)
    return steps


def bound_of(name: str, argument: str, value: Any) -> float:
    """Return a bound as a float, which may be infinite."""
    try:
        if isinstance(value, str | bytes):
            raise TypeError
        number = float(value)
    except (TypeError, ValueError):
        raise _check.fail(name, argument, "be a number", value, TypeError) from None
    except OverflowError:
        raise _check.fail(name, argument, "fit into a float", value) from None
    if math.isnan(number):
        raise _check.fail(name, argument, "not be NaN", value)
    return number
