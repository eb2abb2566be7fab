"""Rows for operations that enhance, segment and detect, as keyword arguments of a `Case`."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from cormack import _backends, detect, enhance, segment

VOLUMES = ((1, 1, 2), (3, 5, 7), (9, 10, 33))
IMAGES = ((1, 1), (5, 3), (9, 37))
INTEGERS = ("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32")
FLOATS = ("float32", "float64")
ALL = (*INTEGERS, *FLOATS)


def _shape(image: Any) -> tuple[int, ...]:
    return tuple(image.shape)


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


def _confident(again: int = 1, masked: bool = False, **settings: Any) -> Callable[[Any], Any]:
    def call(image: Any) -> Any:
        shape = _shape(image)
        seeds = [*[tuple(extent // 2 for extent in shape)] * again, tuple(extent - 1 for extent in shape)]
        mask = np.indices(shape).sum(axis=0) % 7 > 0 if masked else None
        return segment.confidence_connected(image, seeds, mask=mask, **settings)

    return call


GROWN: list[dict[str, Any]] = [
    {"operation": "confidence_connected", "name": name, "shapes": VOLUMES, **row}
    for name, row in {
        "1 step": {"call": _confident(multiplier=1.2), "dtypes": ALL},
        "2 steps": {"call": _confident(2, connectivity=2, multiplier=0.8), "dtypes": ("int16", "float32")},
        "3 steps": {
            "call": _confident(3, connectivity=3, initial_radius=(0, 2, 1), multiplier=0.5, iterations=20),
            "dtypes": ("uint8", "float64"),
            "shapes": ((3, 5, 7), (5, 60, 290)),
        },
        "mask": {"call": _confident(masked=True, initial_radius=2, multiplier=3), "dtypes": ("int16", "float32")},
        "once": {"call": _confident(iterations=0, initial_radius=0), "dtypes": ("uint16", "int32"), "shapes": IMAGES},
    }.items()
]


def _on(image: Any, array: np.ndarray) -> Any:
    """Copy an array to where an image is."""
    return array if isinstance(image, np.ndarray) else _backends.borrow("", "", image)[0].from_host(array).owner


def _labels_of(image: Any) -> np.ndarray:
    shape = _shape(image)
    blocks = np.indices(shape) // np.array([2, 3, 20])[-len(shape) :].reshape(-1, *[1] * len(shape))
    labels = (blocks.sum(axis=0) * 3 + blocks[-1]) % 11
    labels[np.random.default_rng(len(shape)).random(shape) < 0.2] = 0
    return labels.astype(np.int32)


def _values(**settings: Any) -> Callable[[Any], Any]:
    """The values of an image in objects."""

    def call(image: Any) -> tuple[np.ndarray, ...]:
        table = segment.label_statistics(_on(image, _labels_of(image)), image, **settings)
        return tuple(table[name] for name in table)

    return call


def _objects(image: Any) -> tuple[Any, ...]:
    """The objects that an image is, where it is no negative number."""
    inside = enhance.window(image, 60, 120, out_range=(0, 50), dtype="uint16")
    table = segment.label_statistics(inside, spacing=(0.5, 2.0, 3.0)[-len(_shape(image)) :])
    return tuple(table[name] for name in table)


def _screened(image: Any) -> tuple[Any, ...]:
    labels = _on(image, _labels_of(image))
    return segment.screen(labels, image, voxel_count=(4, 90), intensity_min=(-60, None), touches_border=True)[0]


OBJECTS: list[dict[str, Any]] = [
    {"operation": "label_statistics", "name": "values", "call": _values(), "dtypes": INTEGERS, "on_device": False},
    {
        "operation": "label_statistics",
        "name": "floats",
        "call": _values(),
        "dtypes": FLOATS,
        "on_device": False,
        "finite": True,
        "tolerance": 1e-12,
    },
    {
        "operation": "label_statistics",
        "name": "objects",
        "call": _objects,
        "dtypes": ("uint8", "int16"),
        "on_device": False,
        "shapes": ((3, 5, 7), (3, 140, 35)),
    },
    {
        "operation": "label_statistics",
        "name": "2-D",
        "call": _objects,
        "dtypes": ("int16",),
        "on_device": False,
        "shapes": IMAGES,
    },
    {"operation": "label_statistics", "name": "screen", "call": _screened, "dtypes": ("int16",)},
    {
        "operation": "lut_map",
        "name": "relabel",
        "call": lambda image: segment.relabel_sequential(
            enhance.window(image, 60, 120, out_range=(0, 50), dtype="uint8")
        )[0],
        "dtypes": ("int16",),
    },
]


def _as_float(function: Callable[..., Any], dtype: str, **settings: Any) -> Callable[[Any], Any]:
    """On fractions: NaN, which is smoothed into all around, would leave no edge."""
    return lambda image: function(enhance.window(image, 60, 140, dtype=dtype, out_range=(-20.3, 90.7)), **settings)


_EDGES = partial(detect.canny, low_threshold=20, high_threshold=60)
EDGES: list[dict[str, Any]] = [
    {"operation": "canny", "name": name, **row}
    for name, row in {
        "3-D": {
            "call": partial(_EDGES, sigma=0.8),
            "shapes": ((1, 1, 2), (5, 6, 7), (9, 10, 35)),
            "dtypes": INTEGERS[1:],
        },
        "3-D bool": {"call": partial(detect.canny, low_threshold=1, high_threshold=2), "dtypes": ("bool",)},
        "3-D float32": {"call": _as_float(_EDGES, "float32", sigma=0.7), "dtypes": ("int16",)},
        "3-D float64": {"call": _as_float(_EDGES, "float64", sigma=0.7), "dtypes": ("int16",)},
        "3-D mm": {
            "call": partial(_EDGES, sigma=(1, 0.5, 0), unit="mm", spacing=(2, 0.5, 0.7), mode="reflect"),
            "dtypes": ("int16", "uint32"),
            "shapes": ((7, 8, 35),),
        },
        "3-D mask": {
            "call": lambda image: _EDGES(image, sigma=0.6, mask=np.indices(_shape(image)).sum(axis=0) % 19 > 0),
            "dtypes": ("int16",),
            "shapes": ((7, 8, 35),),
        },
        "2-D": {"call": _EDGES, "shapes": ((1, 1), (5, 3), (23, 37)), "dtypes": ALL},
        "2-D float32": {"call": _as_float(_EDGES, "float32"), "dtypes": ("int16",), "shapes": ((23, 37),)},
        "2-D float64": {"call": _as_float(_EDGES, "float64"), "dtypes": ("int16",), "shapes": ((23, 37),)},
        "2-D low": {
            "call": partial(detect.canny, low_threshold=0, high_threshold=0.5, sigma=1.5, mode="wrap"),
            "dtypes": ("bool", "uint8"),
            "shapes": ((23, 37),),
        },
        "quantiles": {
            "call": partial(detect.canny, sigma=0.7, low_threshold=0.613, high_threshold=0.9, use_quantiles=True),
            "shapes": ((1, 1, 2), (9, 10, 35)),
            "dtypes": ("int16", "int32"),
        },
        "quantiles of fractions": {
            "call": _as_float(
                partial(detect.canny, low_threshold=0.3, high_threshold=0.8, use_quantiles=True), "float32"
            ),
            "shapes": ((23, 37), (9, 10, 35)),
            "dtypes": ("uint8",),
        },
        "quantiles beside NaN": {
            "call": partial(detect.canny, sigma=0, low_threshold=0.2, high_threshold=0.55, use_quantiles=True),
            "shapes": ((23, 37), (9, 10, 35)),
            "dtypes": ("float32", "float64"),
        },
        "quantiles 2-D mask": {
            "call": lambda image: detect.canny(
                image, 0.5, 0.5, 0.8, mask=np.indices(_shape(image)).sum(axis=0) % 19 > 0, use_quantiles=True
            ),
            "dtypes": ("int16",),
            "shapes": ((23, 70),),
        },
        "2-D mask": {
            "call": lambda image: _EDGES(image, sigma=0.5, mask=np.indices(_shape(image)).sum(axis=0) % 19 > 0),
            "dtypes": ("int16",),
            "shapes": ((23, 70),),
        },
    }.items()
]

ROWS = [*THRESHOLDS, *TILES, *GROWN, *OBJECTS, *EDGES]
