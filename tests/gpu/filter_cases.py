"""Rows for filters: operation, call, shapes, dtypes, name and, where a result is not the CPU's bit for bit, how far off
it may be, relative to its magnitude and to that of the image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cormack import filters

VOLUMES = ((1, 1, 2), (3, 5, 7), (18, 19, 35))
IMAGES = ((1, 1), (5, 3), (19, 37))
SMALL = ("uint8", "int16", "float32")
INTEGERS = ("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32")
FLOATS = ("float32", "float64")
MODES = ("reflect", "constant", "nearest", "mirror", "wrap")


def _call(filter: Callable[..., Any], *arguments: Any, **settings: Any) -> Callable[[Any], Any]:
    return lambda image: filter(image, *arguments, **settings)


def _uniform(size: Any, **settings: Any) -> Callable[[Any], Any]:
    return _call(filters.uniform_filter, size, **settings)


ROWS: list[tuple[Any, ...]] = [
    ("uniform_filter", _uniform(3), VOLUMES, (*INTEGERS, *FLOATS), "3"),
    *(
        ("uniform_filter", _uniform((2, 5, 8), mode=mode, cval=7, origin=(0, 1, -2)), VOLUMES, SMALL, mode)
        for mode in MODES
    ),
    ("uniform_filter", _uniform((9, 4, 9)), VOLUMES, ("int16", "int32"), "9"),
    ("uniform_filter", _uniform((11, 1, 20), mode="wrap"), VOLUMES, INTEGERS, "large"),
    ("uniform_filter", _uniform((1, 37, 12), mode="constant", cval=-3), VOLUMES, ("int16", "float64"), "far", 1e-12),
    ("uniform_filter", _uniform((20, 30, 11), origin=2), VOLUMES, FLOATS, "large", 1e-6),
    ("uniform_filter", _uniform(5), IMAGES, SMALL, "2-D"),
    ("uniform_filter", _uniform(31, mode="mirror"), IMAGES, ("uint8", "uint16"), "2-D large"),
    ("uniform_filter", _uniform((1, 7001)), IMAGES, ("int16",), "2-D very large"),
    ("uniform_filter", _uniform((3, 4), axes=(0, 2)), ((4, 3, 5, 6),), SMALL, "of 4-D"),
]
