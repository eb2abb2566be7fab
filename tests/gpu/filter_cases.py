"""Rows for filters: operation, call, shapes, dtypes, name and, where a result is not the CPU's bit for bit, how far off
it may be, relative to its magnitude and to that of the image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cormack import features, filters, segment

VOLUMES = ((1, 1, 2), (3, 5, 7), (2, 17, 34))
DEEP = ((35, 3, 2),)
IMAGES = ((1, 1), (5, 3), (18, 35))
SMALL = ("int16", "float32")
INTEGERS = ("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32")
FLOATS = ("float32", "float64")
_BALL = segment.ball(2).astype(bool)
_RAGGED = np.random.default_rng(1).random((3, 4, 5)) < 0.5
MODES = ("reflect", "constant", "nearest", "mirror", "wrap")


def _call(filter: Callable[..., Any], *arguments: Any, **settings: Any) -> Callable[[Any], Any]:
    return lambda image: filter(image, *arguments, **settings)


def _uniform(size: Any, **settings: Any) -> Callable[[Any], Any]:
    return _call(filters.uniform_filter, size, **settings)


def _gaussian(sigma: Any, **settings: Any) -> Callable[[Any], Any]:
    return _call(filters.gaussian_filter, sigma, **settings)


def _masked(filter: Callable[..., Any], *arguments: Any, **settings: Any) -> Callable[[Any], Any]:
    def call(image: Any) -> Any:
        return filter(image, *arguments, mask=np.indices(image.shape).sum(axis=0) % 5 > 1, **settings)

    return call


def _affine(ndim: int, matrix: Any = None, offset: Any = 0.5, **settings: Any) -> Callable[[Any], Any]:
    """By default turned, sheared and shrunk."""
    turned = np.array([[0.9, 0.2, -0.1], [-0.3, 0.8, 0.1], [0.05, -0.1, 1.1]])

    def call(image: Any) -> Any:
        map_ = turned[3 - ndim :, 3 - ndim :] if matrix is None else matrix
        return filters.affine_transform(image, map_, offset, **settings)

    return call


ROWS: list[tuple[Any, ...]] = [
    ("uniform_filter", _uniform(3), VOLUMES, (*INTEGERS, *FLOATS), "3"),
    *(
        ("uniform_filter", _uniform((2, 5, 8), mode=mode, cval=7, origin=(0, 1, -2)), VOLUMES, SMALL, mode)
        for mode in MODES
    ),
    ("uniform_filter", _uniform((9, 4, 9)), VOLUMES, ("int16", "int32"), "9"),
    ("uniform_filter", _uniform((11, 1, 20), mode="wrap"), VOLUMES, ("bool", "int16", "uint32"), "large"),
    ("uniform_filter", _uniform((1, 37, 12), mode="constant", cval=-3), VOLUMES, ("int16", "float64"), "far", 1e-12),
    ("uniform_filter", _uniform((20, 30, 11), origin=2), VOLUMES, FLOATS, "large", 1e-6),
    ("uniform_filter", _uniform(5), IMAGES, SMALL, "2-D"),
    ("uniform_filter", _uniform(31, mode="mirror"), IMAGES, ("uint8", "uint16"), "2-D large"),
    ("uniform_filter", _uniform((1, 7001)), IMAGES, ("int16",), "2-D very large"),
    ("uniform_filter", _uniform((3, 2, 4), mode="mirror"), DEEP, SMALL, "deep"),
    ("separable", _gaussian(0.9), DEEP, SMALL, "Gaussian deep"),
    ("separable", _call(filters.gaussian_laplace, 1, mode="constant", cval=3), DEEP, SMALL, "Laplace deep"),
    ("uniform_filter", _uniform((3, 4), axes=(0, 2)), ((4, 3, 5, 6),), SMALL, "of 4-D"),
    ("separable", _gaussian(0.9), VOLUMES, (*INTEGERS, *FLOATS), "Gaussian"),
    *(("separable", _gaussian((2, 0.7, 1.4), mode=mode, cval=7), VOLUMES, SMALL, f"Gaussian {mode}") for mode in MODES),
    ("separable", _gaussian((0, 3, 2.6), mode="constant", cval=-2), VOLUMES, SMALL, "Gaussian wide"),
    ("separable", _gaussian((5, 0, 0), mode="wrap"), VOLUMES, ("bool", "uint16", "int32", "float64"), "Gaussian z"),
    ("separable", _gaussian(1, order=(0, 1, 2)), VOLUMES, ("int8", "float32"), "Gaussian derived"),
    ("separable", _gaussian(2), IMAGES, SMALL, "Gaussian 2-D"),
    ("separable", _gaussian((1, 3), axes=(0, 2)), ((4, 3, 5, 6),), SMALL, "Gaussian of 4-D"),
    *(
        ("separable", _call(filter, sigma, mode=mode, cval=3), VOLUMES, SMALL, f"{filter.__name__} {sigma} {mode}")
        for filter in (filters.gaussian_laplace, filters.gaussian_gradient_magnitude)
        for sigma, mode in ((1, "reflect"), ((0.8, 1, 1.7), "constant"), (2.5, "constant"), ((1, 3, 1), "mirror"))
    ),
    *(
        (
            "separable",
            _call(filter, sigma, axes=axes, mode="constant", cval=3),
            VOLUMES,
            dtypes,
            f"{filter.__name__} {axes}",
        )
        for filter in (filters.gaussian_laplace, filters.gaussian_gradient_magnitude)
        for sigma, axes, dtypes in (
            (1, (0, 2), ("int16", "float64")),
            (3, (1, 2), ("uint32", "float32")),
            (1, (1,), ("int8",)),
            (3, (0,), ("bool",)),
        )
    ),
    *(
        ("separable", _call(filter, axis, mode=mode, cval=cval, normalize=True), shapes, dtypes, filter.__name__)
        for filter, axis, mode, cval, shapes, dtypes in (
            (filters.sobel, 0, "reflect", 0, VOLUMES, (*INTEGERS, *FLOATS)),
            (filters.prewitt, -1, "constant", 3, VOLUMES, ("int16", "int32")),
            (filters.scharr, 1, "wrap", 0, IMAGES, ("uint8", "float32")),
        )
    ),
    *(
        ("separable", _call(filters.gradient_magnitude, operator, **settings), shapes, dtypes, f"gradient {operator}")
        for operator, settings, shapes, dtypes in (
            ("sobel", {"mode": "nearest"}, VOLUMES, (*INTEGERS, *FLOATS)),
            ("central", {"mode": "constant", "cval": 7}, VOLUMES, SMALL),
            ("scharr", {"axes": (0, 2)}, VOLUMES, ("int16",)),
            ("prewitt", {}, IMAGES, ("uint8",)),
        )
    ),
    ("masked_filter", _masked(filters.uniform_filter, 3), VOLUMES, (*INTEGERS, *FLOATS), "mean", 1e-7),
    *(
        (
            "masked_filter",
            _masked(filters.uniform_filter, (2, 9, 18), mode=mode, origin=(0, 1, -2), fill_value=1),
            VOLUMES,
            ("int16", "float64"),
            f"mean {mode}",
            1e-12,
        )
        for mode in MODES
    ),
    ("masked_filter", _masked(filters.gaussian_filter, (0.7, 4, 1)), VOLUMES, (*INTEGERS, *FLOATS), "Gaussian"),
    ("masked_filter", _masked(filters.gaussian_filter, 2.6, mode="constant"), IMAGES, SMALL, "Gaussian 2-D"),
    (
        "masked_filter",
        _call(filters.gaussian_filter, (1, 3), axes=(0, 2), ignore_nan=True),
        ((4, 3, 5, 6),),
        ("int16", "float32", "float64"),
        "Gaussian beside NaN of 4-D",
    ),
    ("masked_filter", _masked(filters.uniform_filter, 5, ignore_nan=True), VOLUMES, FLOATS, "mean beside NaN", 1e-7),
    ("correlate", _call(filters.correlate1d, [1, -2, 0.5, 3], 0), VOLUMES, (*INTEGERS, *FLOATS), "1-D z"),
    *(
        ("correlate", _call(filters.convolve1d, range(-9, 15), 1, mode=mode, cval=2), VOLUMES, SMALL, f"1-D {mode}")
        for mode in MODES
    ),
    ("correlate", _call(filters.correlate1d, range(19), origin=2, mode="constant", cval=1), IMAGES, SMALL, "1-D x"),
    *(
        ("correlate", _call(filters.correlate, weights, mode="constant", cval=2), VOLUMES, dtypes, f"3-D {name}")
        for name, weights, dtypes in (
            ("product", np.multiply.outer(np.multiply.outer([1, 3], [1, 2, 1]), [-1, 0, 2.5]), ("int16", "float64")),
            ("window", np.arange(36.0).reshape(2, 3, 6) % 7 - 3, ("uint8", "int32", "float32")),
        )
    ),
    ("correlate", _call(filters.convolve, [[0, 1, 0], [1, -4, 1], [0, 1, 0]], mode="mirror"), IMAGES, SMALL, "2-D"),
    ("extremum_filter", _call(filters.minimum_filter, 3), VOLUMES, (*INTEGERS, *FLOATS), "least"),
    *(
        (
            "extremum_filter",
            _call(filters.maximum_filter, (11, 1, 20), mode=mode, cval=1, origin=(-2, 0, 3)),
            ((1, 1, 2), (3, 2, 21)),
            SMALL,
            f"largest {mode}",
        )
        for mode in MODES
    ),
    ("extremum_filter", _call(filters.maximum_filter, (5, 8)), IMAGES, ("uint16", "float64"), "2-D"),
    ("extremum_filter", _call(filters.minimum_filter, (1, 20001), mode="nearest"), IMAGES, ("int8",), "very large"),
    (
        "rank_filter",
        _call(filters.median_filter, (5, 3, 4), mode="mirror"),
        ((1, 1, 2), (4, 9, 9)),
        (*INTEGERS, *FLOATS),
        "median",
    ),
    ("median_filter", _call(filters.median_filter, 5), ((1, 1, 2), (11, 9, 34)), (*INTEGERS, *FLOATS), "5"),
    ("median_filter", _call(filters.median_filter, (5, 1, 5), mode="wrap"), VOLUMES, (*INTEGERS, *FLOATS), "flat 5"),
    (
        "median_filter",
        _call(filters.median_filter, 7, mode="constant", cval=1, origin=(1, -3)),
        ((1, 1), (9, 35)),
        (*INTEGERS, *FLOATS),
        "2-D 7",
    ),
    *(
        (
            "median_filter",
            _call(filters.median_filter, 5, mode=mode, cval=1, origin=(0, 1, -2)),
            ((1, 1, 2), (4, 5, 6)),
            SMALL,
            f"5 {mode}",
        )
        for mode in MODES
    ),
    ("rank_filter", _call(filters.median_filter, (5, 7)), ((1, 1), (5, 3), (9, 35)), SMALL, "median 2-D"),
    ("rank_filter", _call(filters.median_filter, 31, mode="wrap"), ((3, 34),), ("int16",), "median 31"),
    ("rank_filter", _call(filters.rank_filter, -3, (9, 9, 12)), ((2, 3, 4),), ("int32", "float64"), "large"),
    ("rank_filter", _call(filters.percentile_filter, 20, 3), IMAGES, ("float32",), "percentile"),
    (
        "rank_filter",
        _call(filters.median_filter, footprint=_BALL),
        VOLUMES[1:],
        (*INTEGERS, *FLOATS),
        "median of a ball",
    ),
    ("rank_filter", _call(filters.rank_filter, 3, footprint=_RAGGED, mode="wrap"), VOLUMES, SMALL, "ragged"),
    (
        "rank_filter",
        _call(filters.percentile_filter, 70, footprint=_RAGGED[0], mode="constant", cval=2, origin=(-1, 2)),
        IMAGES,
        ("uint8", "float64"),
        "ragged 2-D",
    ),
    (
        "rank_filter",
        _call(filters.rank_filter, 100, footprint=np.indices((7, 9, 30)).sum(axis=0) % 3 > 0),
        ((2, 3, 4),),
        ("int32", "float64"),
        "large and ragged",
    ),
    ("rank_filter", _call(filters.minimum_filter, footprint=_RAGGED, mode="mirror"), VOLUMES, SMALL, "ragged least"),
    (
        "rank_filter",
        _call(filters.maximum_filter, footprint=_RAGGED[1], axes=(0, 2), mode="constant", cval=-5),
        ((4, 3, 5, 6),),
        ("int8", "float64"),
        "ragged largest of 4-D",
    ),
    *(
        ("distance_transform", _call(segment.distance_transform_edt, **settings), shapes, dtypes, name, *tolerance)
        for name, settings, shapes, dtypes, *tolerance in (
            # The first two have no zero for most dtypes.
            ("", {}, ((1, 1, 2), (3, 5, 7), (9, 10, 67)), (*INTEGERS, *FLOATS)),
            ("spaced", {"sampling": (3, 0.7, 1.1)}, VOLUMES, ("int16", "float32"), 1e-14),
            ("float32", {"dtype": "float32"}, VOLUMES, ("uint8",)),
            ("2-D", {"sampling": 0.5}, IMAGES, ("bool", "uint8")),
        )
    ),
    *(
        ("affine_transform", _affine(len(shapes[0]), order=order, **settings), shapes, dtypes, name)
        for order in (0, 1)
        for name, settings, shapes, dtypes in (
            (f"{order}", {"mode": "nearest"}, VOLUMES, (*INTEGERS, *FLOATS)),
            (f"{order} constant", {"cval": 1, "output_shape": (4, 21, 40)}, VOLUMES, SMALL),
            (f"{order} 2-D", {"cval": 1}, IMAGES, ("bool", "uint16", "float64")),
            (f"{order} to float32", {"output": "float32"}, IMAGES, ("int16", "float64")),
            (f"{order} stretched", {"matrix": (0.5, 0.75, 1.3), "offset": (0.1, 0.5, -1)}, VOLUMES, SMALL),
        )
    ),
    *(
        ("affine_transform", _affine(len(shapes[0]), order=3, **settings), shapes, dtypes, f"3 {name}")
        for name, settings, shapes, dtypes in (
            ("", {"mode": "constant", "cval": 1, "output_shape": (4, 11, 20)}, VOLUMES, (*SMALL, "bool", "float64")),
            ("nearest", {"mode": "nearest"}, VOLUMES, SMALL),
            ("2-D", {"mode": "nearest", "offset": (-3, 0.5)}, IMAGES, ("uint16", "float64")),
            ("to float32", {"output": "float32"}, IMAGES, ("int32",)),
            ("stretched", {"matrix": (1, 0.75, 1.3), "offset": (-1, 0.5, -1), "mode": "nearest"}, VOLUMES, SMALL),
            ("swapped", {"matrix": np.eye(3)[[2, 0, 1]] * 0.5, "offset": (1, 0.1, 0)}, VOLUMES, SMALL),
            ("still", {"matrix": np.diag([0, 0.5, 0]), "offset": (1, 0, 0.5)}, VOLUMES, SMALL),
        )
    ),
    *(
        ("affine_transform", _call(features.resample, spacing, new, interpolation=by), shapes, dtypes, f"nodes {by}")
        for by, spacing, new, shapes, dtypes in (
            ("linear", 1, (0.8, 1.3, 0.7), VOLUMES, (*INTEGERS, *FLOATS)),
            ("nearest", (2, 1, 1), 1, VOLUMES, ("int16", "int32")),
            ("cubic", (1, 1, 2), (0.8, 1, 0.7), VOLUMES, ("int16", "float32", "float64")),
            ("cubic", 1, 2, IMAGES, SMALL),
            ("linear", 1, 2, IMAGES, SMALL),
        )
    ),
]
