"""What the functions on images take and give: found out by calling each of them."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from cormack import Volume, _arrays, detect, enhance, filters, segment

MODULES = {"filters": filters, "enhance": enhance, "segment": segment, "detect": detect}
DTYPES = tuple(str(dtype) for dtype in _arrays.DTYPES)
MODES = ("reflect", "constant", "nearest", "mirror", "wrap")
SHAPE = (7, 8, 9, 10)

# No image goes in.
NO_IMAGE = {
    "enhance": {"NyulStandard"},
    "segment": {"ball", "checkerboard_level_set", "disk_level_set"},
    "detect": {"froc", "non_maximum_suppression", "score_lesions"},
}


def _middle(image: np.ndarray) -> tuple[int, ...]:
    return tuple(size // 2 for size in image.shape)


def _markers(image: np.ndarray) -> np.ndarray:
    markers = np.zeros(image.shape, np.int32)
    markers.flat[0], markers.flat[-1] = 1, 2
    return markers


def _window(image: np.ndarray) -> np.ndarray:
    return np.full((3,) * image.ndim, 0.1)


# Arguments beyond the image, where a call needs some or the defaults take long; a function of the image where they
# depend on it. Images have values from 0 to 100, and 0 and 1.
ARGUMENTS: dict[str, dict[str, Any] | Callable[[np.ndarray], dict[str, Any]]] = {
    "affine_transform": lambda image: {"matrix": np.eye(image.ndim), "order": 1},
    "bilateral_filter": {"sigma_spatial": 0.8, "sigma_intensity": 20},
    "convolve": lambda image: {"weights": _window(image)},
    "convolve1d": {"weights": [0.2, 0.5, 0.3]},
    "correlate": lambda image: {"weights": _window(image)},
    "correlate1d": {"weights": [0.2, 0.5, 0.3]},
    "dot_enhancement": {"sigmas": 1},
    "frangi": {"sigmas": 1},
    "gabor_bank": {"frequencies": 0.3},
    "gabor_filter": {"sigma": 1.5, "wavelength": 3},
    "gaussian_filter": {"sigma": 0.8},
    "gaussian_gradient_magnitude": {"sigma": 0.8},
    "gaussian_laplace": {"sigma": 0.8},
    "laws_filter": lambda image: {"kernels": "E3L3S3"[: 2 * image.ndim]},
    "meijering": {"sigmas": 1},
    "non_local_means": {"patch_size": 3, "patch_distance": 1, "h": 20},
    "percentile_filter": {"percentile": 30, "size": 3},
    "rank_filter": {"rank": 1, "size": 3},
    "riesz_filter": lambda image: {"order": (1,) + (0,) * (image.ndim - 1)},
    "sato": {"sigmas": 1},
    "total_variation": {"weight": 5, "max_num_iter": 5},
    "wavelet_filter": lambda image: {"wavelet": "haar", "subband": "LHL"[: image.ndim]},
    **{
        name: {"size": 3}
        for name in (
            *("black_tophat", "grey_closing", "grey_dilation", "grey_erosion", "grey_opening", "maximum_filter"),
            *("median_filter", "minimum_filter", "morphological_gradient", "white_tophat"),
        )
    },
    "adjust_gamma": {"gamma": 0.8, "in_range": "image"},
    "adjust_log": {"in_range": "image"},
    "adjust_sigmoid": {"in_range": "image"},
    "match_histograms": lambda image: {"reference": image},
    "threshold_enhance": {"lower": 20, "upper": 70, "outside": 0},
    "window": {"center": 50, "width": 60},
    "apply_hysteresis_threshold": {"low": 0.3, "high": 0.7},
    "binary_threshold": {"lower": 1},
    "chan_vese": {"max_num_iter": 3},
    "confidence_connected": lambda image: {"seeds": _middle(image)},
    "connected_threshold": lambda image: {"seeds": _middle(image), "lower": 0, "upper": 60},
    "neighborhood_connected": lambda image: {"seeds": _middle(image), "lower": 0, "upper": 90},
    "flood": lambda image: {"seed_point": _middle(image)},
    "flood_fill": lambda image: {"seed_point": _middle(image), "new_value": 1},
    "isolated_connected": lambda image: {"seeds1": (0,) * image.ndim, "seeds2": tuple(n - 1 for n in image.shape)},
    "morphological_chan_vese": {"num_iter": 2},
    "morphological_geodesic_active_contour": {"num_iter": 2},
    "remove_small_objects": {"max_size": 3},
    "seeded_region_growing": lambda image: {"markers": _markers(image)},
    "threshold_local": {"block_size": 3},
    "threshold_niblack": {"window_size": 3},
    "threshold_sauvola": {"window_size": 3},
    **{name: {"min_sigma": 1, "max_sigma": 2, "threshold": 5} for name in ("blob_dog", "blob_doh", "blob_log")},
    "match_template": lambda image: {"template": np.asarray(image)[(slice(1, 4),) * image.ndim]},
    "rx_detector": {"inner": 1, "outer": 5},
}


class Row(NamedTuple):
    """One line of the page."""

    function: str
    dimensions: str
    dtypes: str
    volume: str
    modes: str
    axes: str
    mask: str
    nan: str
    gpu: str


def functions(module: ModuleType, name: str) -> list[str]:
    """Names of the public functions that take an image."""
    return sorted(set(module.__all__) - NO_IMAGE.get(name, set()))


def image_of(dtype: str, ndim: int = 3) -> np.ndarray:
    """Return an image with a bright box and a gradient in noise, the same on every day."""
    shape = SHAPE[-ndim:]
    count = np.arange(np.prod(shape)).reshape(shape)
    ramp = 10.0 + (count * 7919 % 13 + count * 104729 % 11) // 2
    ramp[tuple(slice(n // 3, 2 * n // 3 + 1) for n in shape)] += 70
    return ramp > 50 if dtype == "bool" else ramp.astype(dtype)


def called(function: Callable[..., Any], image: Any, **keywords: Any) -> Any:
    """Result of a call, or the exception that it raises."""
    given = ARGUMENTS.get(function.__name__, {})
    array = image.array if isinstance(image, Volume) else image
    arguments = given(array) if callable(given) else given
    if function.__name__ == "fit_nyul_standard":
        image = [image, image]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return function(image, **(dict(arguments) | keywords))
        except (TypeError, ValueError, RuntimeError) as error:
            return error


def main_of(result: Any) -> Any:
    """The image, or what stands in its place, of what a function returns."""
    while isinstance(result, (tuple, list)) and len(result):
        result = result[0]
    return result


def kind_of(result: Any) -> str:
    """Dtype of an array, or what else it is."""
    if isinstance(result, list):
        return "lines"
    result = main_of(result)
    if isinstance(result, Volume):
        result = result.array
    if isinstance(result, Mapping):
        return "table"
    if isinstance(result, np.ndarray):
        return str(result.dtype)
    return "number" if np.isscalar(result) or isinstance(result, np.generic) else type(result).__name__


def dtypes_of(function: Callable[..., Any], ndim: int) -> str:
    """Which dtypes give which, the rarest first."""
    groups: dict[str, list[str]] = {}
    for dtype in DTYPES:
        result = called(function, image_of(dtype, ndim))
        kind = "refused" if isinstance(result, Exception) else kind_of(result)
        groups.setdefault("kept" if kind == dtype else kind, []).append(dtype)
    kept = groups.get("kept", [])
    if len(kept) == 1 and kept[0] in groups:
        # int32 from everything is int32 from int32 too.
        groups[kept[0]] += groups.pop("kept")
    parts = []
    for kind in sorted(groups, key=lambda kind: len(groups[kind])):
        of = _named(groups[kind]) if kind != max(groups, key=lambda kind: len(groups[kind])) or not parts else "others"
        parts.append(f"{of} {kind}" if kind in ("kept", "refused") else f"{of} → {kind}")
    return "; ".join(parts)


def _named(dtypes: list[str]) -> str:
    names = {"all": set(DTYPES), "floats": {"float32", "float64"}, "bool, integers": set(DTYPES[:7])}
    return next((name for name, those in names.items() if those == set(dtypes)), ", ".join(dtypes))


def nan_of(function: Callable[..., Any], ndim: int) -> str:
    """What one NaN in an image of float32 does."""
    # Long enough for what reaches far to end before the image does.
    image = np.concatenate([image_of("float32", ndim)] * 8, axis=-1)
    image[(*_middle(image)[:-1], 3)] = np.nan
    result = called(function, image)
    if isinstance(result, Exception):
        return "refused"
    result = main_of(result)
    if isinstance(result, Mapping):
        columns = [np.asarray(column) for column in result.values()]
        bad = any(column.dtype.kind == "f" and np.isnan(column).any() for column in columns)
        return "in some columns" if bad else "none"
    if not (isinstance(result, np.ndarray) or np.isscalar(result)):
        return ""
    values = np.asarray(result)
    if values.dtype.kind != "f":
        return "none"
    bad = np.isnan(values)
    if not bad.any():
        return "none"
    if bad.all():
        return "everywhere"
    return "stays" if bad.sum() == 1 else "spreads"


HEAD = """# Types and borders

Generated by `python -m pytest tests/contract --contract-page docs/contract.md` from what the functions answered when
they were called; not written by hand, and a test fails where it is not what the code does.

- **Dimensions** of an image that is taken as it is; `axes` makes further ones a batch.
- **Dtypes**: bool, uint8, int8, uint16, int16, uint32, int32 and the floats float32, float64. *kept*: what goes in
  comes out; integers are rounded to nearest and saturate.
- **Volume**: one that goes in comes out. Others give arrays, numbers, tables or points.
- **Modes** beyond the border: *all* are `reflect`, `constant`, `nearest`, `mirror`, `wrap`, with SciPy's meaning;
  `reflect` where nothing else is said to be the default.
- **Axes**: `axes=` names those to work on. **Mask**: `mask=` restricts what counts.
- **NaN**: what one NaN in an image of float32 does: it *stays* where it is, *spreads* around or *everywhere*, leaves
  *none* in the result, or is *refused*.
- **GPU**: there is a form for CUDA ([GPU](gpu.md)).
"""


def page(rows: Mapping[str, list[Row]]) -> str:
    """Return the page, a table for each namespace."""
    lines = [HEAD]
    titles = [field.capitalize().replace("Gpu", "GPU").replace("Nan", "NaN") for field in Row._fields]
    for name, those in rows.items():
        lines += [f"## {name}\n", f"| {' | '.join(titles)} |", "|" + " --- |" * len(titles)]
        for one in those:
            link = f"{{py:obj}}`{one.function} <cormack.{name}.{one.function}>`"
            lines.append(f"| {' | '.join((link, *one[1:]))} |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def row(function: Callable[..., Any]) -> Row:
    """Ask one function everything."""
    parameters = inspect.signature(function).parameters
    for dtype in ("float32", "uint8"):
        dimensions = [n for n in (1, 2, 3, 4) if not isinstance(called(function, image_of(dtype, n)), Exception)]
        if dimensions:
            break
    else:
        raise called(function, image_of(dtype))
    ndim = 3 if 3 in dimensions else dimensions[-1]
    image = image_of(dtype, ndim)
    volume = called(function, Volume(image, (2.0, 1.0, 1.0)[-ndim:]))
    modes = ""
    if "mode" in parameters:
        taken = [mode for mode in MODES if not isinstance(called(function, image, mode=mode), Exception)]
        default = parameters["mode"].default
        modes = "all" if taken == list(MODES) else ", ".join(taken)
        if taken and default != "reflect":
            modes += f"; by default {default}"
    axes = "yes" if "axes" in parameters and _takes_axes(function) else ""
    mask = ""
    if "mask" in parameters and next(iter(parameters)) != "mask":
        shape = (3,) * ndim if "template" in parameters else image.shape
        mask = "no" if isinstance(called(function, image, mask=np.ones(shape, bool)), Exception) else "yes"
    return Row(
        function.__name__,
        ", ".join(map(str, dimensions)),
        dtypes_of(function, ndim),
        "yes" if isinstance(main_of(volume), Volume) else "",
        modes,
        axes,
        mask,
        nan_of(function, ndim) if dtype == "float32" else "",
        "yes" if "device" in parameters else "",
    )


def _takes_axes(function: Callable[..., Any]) -> bool:
    """Whether arguments for a plane work with two axes of a volume."""
    given = ARGUMENTS.get(function.__name__, {})
    arguments = given(image_of("float32", 2)) if callable(given) else given
    try:
        function(image_of("float32"), axes=(1, 2), **arguments)
    except (TypeError, ValueError):
        return False
    return True
