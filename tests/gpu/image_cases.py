"""Rows for operations that enhance, segment and detect, as keyword arguments of a `Case`."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from cormack import enhance, segment

VOLUMES = ((1, 1, 2), (3, 5, 7), (9, 10, 33))
IMAGES = ((1, 1), (5, 3), (9, 37))
INTEGERS = ("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32")
FLOATS = ("float32", "float64")
ALL = (*INTEGERS, *FLOATS)


def _shape(image: Any) -> tuple[int, ...]:
    shape: tuple[int, ...] = image.shape if isinstance(image, np.ndarray) else image.host.shape
    return shape


def _masked(function: Callable[..., Any], **settings: Any) -> Callable[[Any], Any]:
    return lambda image: function(image, mask=np.indices(_shape(image)).sum(axis=0) % 3 > 0, **settings)


def _otsu(**settings: Any) -> Callable[[Any], Any]:
    # There is no threshold of nothing.
    return lambda image: segment.threshold_otsu(image, **settings) if math.prod(_shape(image)) else np.zeros(0)


THRESHOLDS: list[dict[str, Any]] = [
    {
        "operation": "value_counts",
        "name": "otsu",
        "call": _otsu(),
        "dtypes": ("bool", "uint8", "int8", "uint16", "int16"),
        "on_device": False,
    },
    {
        "operation": "histogram",
        "name": "otsu",
        "call": _otsu(nbins=50),
        "dtypes": FLOATS,
        "finite": True,
        "on_device": False,
        "shapes": VOLUMES[1:],
    },
    {
        "operation": "value_counts",
        "name": "otsu mask",
        "call": _masked(segment.threshold_otsu),
        "dtypes": ("int16",),
        "on_device": False,
        "shapes": IMAGES[1:],
    },
    {"operation": "threshold_map", "name": "mask", "call": partial(segment.binary_threshold, lower=0, upper=60)},
    {
        "operation": "threshold_map",
        "name": "open",
        "call": partial(segment.binary_threshold, lower=30.5),
        "shapes": IMAGES,
    },
    {
        "operation": "threshold_map",
        "name": "soft",
        "call": partial(enhance.threshold_enhance, lower=10, upper=60, inside=1, softness=20),
    },
    {
        "operation": "threshold_map",
        "name": "outside",
        "call": partial(enhance.threshold_enhance, lower=10, outside=0),
        "shapes": ((2, 3, 4, 5),),
    },
]

TILES: list[dict[str, Any]] = [
    {"operation": "equalize_adapthist", "name": name, "finite": True, **row}
    for name, row in {
        "default": {"call": enhance.equalize_adapthist, "dtypes": ("uint8",), "shapes": ((1, 1), (3, 20))},
        "3-D": {"call": partial(enhance.equalize_adapthist, kernel_size=(5, 6, 17)), "dtypes": ALL},
        "2-D": {
            "call": partial(enhance.equalize_adapthist, kernel_size=(4, 11)),
            "shapes": IMAGES,
            "dtypes": ("int16", "float32"),
        },
        "uneven": {
            "call": partial(enhance.equalize_adapthist, kernel_size=(4, 7, 20), clip_limit=0.03, nbins=70),
            "dtypes": ("uint8", "int16", "int32", "float32"),
        },
        "beyond": {
            "call": partial(enhance.equalize_adapthist, kernel_size=40, clip_limit=0.9, nbins=4000),
            "dtypes": ("int16",),
        },
        "unclipped": {
            "call": partial(enhance.equalize_adapthist, clip_limit=0, kernel_size=3, in_range=(-20, 90)),
            "dtypes": ("uint8", "float64"),
            "shapes": ((3, 5, 7),),
        },
        "mask": {
            "call": _masked(enhance.equalize_adapthist, kernel_size=2, out_range=(0, 1)),
            "dtypes": ("uint8", "float32", "float64"),
            "shapes": ((3, 4, 5),),
        },
        "sparse mask": {
            "call": lambda image: enhance.equalize_adapthist(
                image, (3, 4, 5), mask=np.indices(_shape(image)).sum(axis=0) % 17 == 3
            ),
            "dtypes": ("int16", "float32"),
            "shapes": VOLUMES[2:],
        },
    }.items()
]

ROWS = [*THRESHOLDS, *TILES]
