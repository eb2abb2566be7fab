"""Rules for arguments, said in one way: ``function: `argument` must RULE, got VALUE``."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Sequence
from typing import Any

# scipy.ndimage's names; the grid- names are its synonyms for the modes of the same meaning.
BORDERS = {
    "reflect": 0,
    "grid-mirror": 0,
    "constant": 1,
    "grid-constant": 1,
    "nearest": 2,
    "mirror": 3,
    "wrap": 4,
    "grid-wrap": 4,
}
# What the extension's pool grows to.
MOST_THREADS = 256


def fail(function: str, argument: str, rule: str, value: object, kind: type[Exception] = ValueError) -> Exception:
    """Return the exception to raise for a wrong argument."""
    text = repr(value)
    if len(text) > 80:
        text = text[:77] + "..."
    return kind(f"{function}: `{argument}` must {rule}, got {text}")


def integer(function: str, argument: str, value: Any, minimum: int | None = None, maximum: int | None = None) -> int:
    """Return `value` as an int between `minimum` and `maximum`, refusing bools and floats."""
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise fail(function, argument, "be an int", value, TypeError) from None
    if minimum is not None and number < minimum:
        raise fail(function, argument, f"be at least {minimum}", value)
    if maximum is not None and number > maximum:
        raise fail(function, argument, f"be at most {maximum}", value)
    return number


def real(function: str, argument: str, value: Any, minimum: float | None = None, above: float | None = None) -> float:
    """Return `value` as a finite float, at least `minimum` or above `above` where they are given."""
    try:
        if isinstance(value, (str, bytes)):
            raise TypeError
        number = float(value)
    except (TypeError, ValueError):
        raise fail(function, argument, "be a number", value, TypeError) from None
    except OverflowError:
        raise fail(function, argument, "fit into a float", value) from None
    if not math.isfinite(number):
        raise fail(function, argument, "be finite", value)
    if minimum is not None and number < minimum:
        raise fail(function, argument, f"be at least {minimum:g}", value)
    if above is not None and number <= above:
        raise fail(function, argument, f"be above {above:g}", value)
    return number


def workers(function: str, value: int | None) -> int:
    """Return the number of threads for the extension: 0 stands for the library's setting, -1 asks for all."""
    if value is None:
        return 0
    number = integer(function, "workers", value)
    if number == -1:
        return 0
    return min(MOST_THREADS, integer(function, "workers", number, minimum=1))


def choice(function: str, argument: str, value: Any, accepted: Iterable[str]) -> str:
    """Return `value` if it is one of the accepted names."""
    names = list(accepted)
    if not isinstance(value, str) or value not in names:
        raise fail(function, argument, "be one of " + ", ".join(map(repr, names)), value)
    return value


def border(function: str, value: Any) -> int:
    """Return the extension's number of a boundary mode."""
    return BORDERS[choice(function, "mode", value, BORDERS)]


def axes(function: str, value: Any, ndim: int) -> tuple[int, ...]:
    """Return the axes as increasing non-negative ints in the caller's order; None means all."""
    if value is None:
        return tuple(range(ndim))
    single = not isinstance(value, Iterable) or getattr(value, "ndim", 1) == 0
    sequence = (value,) if single else value
    result = []
    for item in sequence:
        axis = integer(function, "axes", item)
        if not -ndim <= axis < ndim:
            raise fail(function, "axes", f"name axes of a {ndim}-D array", value)
        result.append(axis % ndim)
    if len(set(result)) != len(result):
        raise fail(function, "axes", "name each axis once", value)
    return tuple(result)


def per_axis(function: str, argument: str, value: Any, count: int) -> list[Any]:
    """Return one value for each of `count` axes; a scalar means every axis."""
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable) or getattr(value, "ndim", 1) == 0:
        return [value] * count
    values = list(value)
    if len(values) != count:
        raise fail(function, argument, f"be one value or one for each of {count} axes", value)
    return values


def spacing(function: str, value: Any, ndim: int) -> tuple[float, ...]:
    """Return voxel sizes in millimetres, in array order; None means 1 mm."""
    if value is None:
        return (1.0,) * ndim
    return tuple(real(function, "spacing", item, above=0.0) for item in per_axis(function, "spacing", value, ndim))


def seeds(function: str, value: Any, shape: Sequence[int], argument: str = "seeds") -> list[tuple[int, ...]]:
    """Return seed points as index tuples in array order; one point may stand alone."""
    rule = f"be indices inside shape {tuple(shape)}, in array order"
    if not isinstance(value, Iterable):
        raise fail(function, argument, rule, value, TypeError)
    points = list(value)
    if points and not isinstance(points[0], Iterable):
        points = [points]
    result = []
    for point in points:
        if not isinstance(point, Iterable):
            raise fail(function, argument, rule, point, TypeError)
        index = tuple(integer(function, argument, item) for item in point)
        if len(index) != len(shape) or not all(0 <= i < n for i, n in zip(index, shape, strict=True)):
            raise fail(function, argument, rule, point)
        result.append(index)
    if not result:
        raise fail(function, argument, "name at least one point", value)
    return result
