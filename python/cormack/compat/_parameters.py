"""PyRadiomics' settings: their defaults, and what they must be."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from ..filters._wavelets import WAVELETS

# Discrete wavelets; which members there are is for PyWavelets to say.
_FAMILIES = re.compile(r"haar|dmey|(db|sym|coif)[1-9]\d?|(bior|rbio)\d\.\d")
_INTERPOLATORS = (
    "sitkNearestNeighbor",
    "sitkLinear",
    "sitkBSpline",
    "sitkGaussian",
    "sitkLabelGaussian",
    "sitkHammingWindowedSinc",
    "sitkCosineWindowedSinc",
    "sitkWelchWindowedSinc",
    "sitkLanczosWindowedSinc",
    "sitkBlackmanWindowedSinc",
)


class _Setting(NamedTuple):
    default: Any
    rule: str
    accepts: Callable[[Any], bool]


def _number(value: Any, least: float = -math.inf, *, above: bool = False) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return False
    return value > least if above else value >= least


def _positive(value: Any) -> bool:
    return _number(value, 0, above=True)


def _whole(value: Any, least: int = 0) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _list(value: Any, accepts: Callable[[Any], bool], lengths: Iterable[int] | None = None) -> bool:
    return (
        isinstance(value, list | tuple)
        and (len(value) > 0 if lengths is None else len(value) in lengths)
        and all(map(accepts, value))
    )


def _wavelet(value: Any) -> bool:
    return isinstance(value, str) and (value in WAVELETS or _FAMILIES.fullmatch(value) is not None)


def _or_none(accepts: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or accepts(value)


def _flag(default: bool) -> _Setting:
    return _Setting(default, "be true or false", lambda value: isinstance(value, bool))


_SETTINGS = {
    "binWidth": _Setting(25, "be a number above 0", _positive),
    "binCount": _Setting(None, "be a whole number of at least 1", _or_none(lambda v: _whole(v, 1))),
    "label": _Setting(1, "be a whole number of at least 0", _whole),
    "label_channel": _Setting(0, "be a whole number of at least 0", _whole),
    "normalize": _flag(False),
    "normalizeScale": _Setting(1, "be a number above 0", _positive),
    "removeOutliers": _Setting(None, "be a number above 0", _or_none(_positive)),
    "resampledPixelSpacing": _Setting(
        None, "be 3 numbers (x, y, z) of at least 0", _or_none(lambda v: _list(v, lambda n: _number(n, 0), (2, 3)))
    ),
    "interpolator": _Setting(
        "sitkBSpline", "name an interpolator of SimpleITK", _or_none(lambda v: v in _INTERPOLATORS or _whole(v))
    ),
    "padDistance": _Setting(5, "be a whole number of at least 0", _whole),
    "preCrop": _flag(False),
    "resegmentRange": _Setting(None, "be 1 or 2 numbers", _or_none(lambda v: _list(v, _number, (1, 2)))),
    "resegmentMode": _Setting(
        "absolute", "be absolute, relative or sigma", lambda v: v in ("absolute", "relative", "sigma")
    ),
    "resegmentShape": _flag(False),
    "minimumROIDimensions": _Setting(2, "be 1, 2 or 3", lambda v: _whole(v, 1) and v <= 3),
    "minimumROISize": _Setting(None, "be a number above 0", _or_none(_positive)),
    "correctMask": _flag(False),
    "geometryTolerance": _Setting(None, "be a number above 0", _or_none(_positive)),
    "additionalInfo": _flag(True),
    "force2D": _flag(False),
    "force2Ddimension": _Setting(0, "be 0, 1 or 2", lambda v: _whole(v) and v <= 2),
    "distances": _Setting([1], "be whole numbers from 1 to 15", lambda v: _list(v, lambda n: _whole(n, 1) and n <= 15)),
    "gldm_a": _Setting(0, "be a number of at least 0", lambda v: _number(v, 0)),
    "symmetricalGLCM": _flag(True),
    "weightingNorm": _Setting(
        None,
        "be manhattan, euclidean, infinity or no_weighting",
        _or_none(lambda v: v in ("manhattan", "euclidean", "infinity", "no_weighting")),
    ),
    "voxelArrayShift": _Setting(0, "be a number", _number),
    "sigma": _Setting(None, "be numbers above 0", _or_none(lambda v: _list(v, _positive))),
    "wavelet": _Setting("coif1", "name an orthogonal or biorthogonal wavelet of PyWavelets", _wavelet),
    "level": _Setting(1, "be a whole number of at least 1", lambda v: _whole(v, 1)),
    "start_level": _Setting(0, "be a whole number of at least 0", _whole),
    "gradientUseSpacing": _flag(True),
    "lbp2DRadius": _Setting(1, "be a number above 0", _positive),
    "lbp2DSamples": _Setting(8, "be a whole number of at least 1", lambda v: _whole(v, 1)),
    "lbp2DMethod": _Setting(
        "uniform", "be default, ror, uniform or var", lambda v: v in ("default", "ror", "uniform", "var")
    ),
    # Of voxel-based extraction.
    "kernelRadius": _Setting(1, "be a whole number from 1 to 7", lambda v: _whole(v, 1) and v <= 7),
    "maskedKernel": _flag(True),
    "initValue": _Setting(0, "be a number", lambda v: _number(v) or (isinstance(v, float) and not math.isfinite(v))),
}
# What images of one type can have of their own; the others act before there are types.
_OF_IMAGE_TYPES = {
    "binWidth",
    "binCount",
    "force2D",
    "force2Ddimension",
    "distances",
    "gldm_a",
    "symmetricalGLCM",
    "weightingNorm",
    "voxelArrayShift",
    "sigma",
    "wavelet",
    "level",
    "start_level",
    "gradientUseSpacing",
    "lbp2DRadius",
    "lbp2DSamples",
    "lbp2DMethod",
}
# What changes no result: of messages, of PyRadiomics' own code and memory.
_WITHOUT_EFFECT = ("verbose", "enableCExtensions", "voxelBatch")


def defaults() -> dict[str, Any]:
    """Return the settings that PyRadiomics starts with."""
    return {key: list(one.default) if isinstance(one.default, list) else one.default for key, one in _SETTINGS.items()}


def checked(settings: Mapping[str, Any], where: str = "setting") -> dict[str, Any]:
    """Return settings as they are meant; raise ValueError for one that is unknown, unsupported or wrong."""
    result = {}
    for key, value in settings.items():
        if key in _WITHOUT_EFFECT:
            continue
        if key not in _SETTINGS:
            near = difflib.get_close_matches(str(key), _SETTINGS, n=1)
            hint = f"; did you mean `{near[0]}`?" if near else ""
            raise ValueError(f"RadiomicsFeatureExtractor: {where} `{key}` is not supported{hint}")
        one = _SETTINGS[key]
        if key in ("sigma", "distances", "resegmentRange") and isinstance(value, int | float):
            value = [value]
        if hasattr(value, "tolist"):
            value = value.tolist()
        if key in ("label", "label_channel") and isinstance(value, float) and value.is_integer():
            value = int(value)
        if not one.accepts(value):
            raise ValueError(f"RadiomicsFeatureExtractor: {where} `{key}` must {one.rule}, got {value!r}")
        result[key] = sorted(set(value)) if key == "distances" else value
    return result


def checked_of_type(settings: Mapping[str, Any], image_type: str) -> dict[str, Any]:
    """Return settings of one image type; raise ValueError for one that cannot differ between types."""
    result = checked(settings, f"setting of {image_type}")
    for key in result:
        if key not in _OF_IMAGE_TYPES:
            raise ValueError(
                f"RadiomicsFeatureExtractor: setting of {image_type} `{key}` is not supported for one image type; "
                "give it under `setting`"
            )
    return result


def parsed(text: str) -> tuple[str, Any]:
    """Return name and value of a setting as PyRadiomics' command line takes it, ``name:value``; lists have commas."""
    name, colon, shown = text.partition(":")
    if not colon or not name:
        raise ValueError(f"`--setting` must be NAME:VALUE, as binWidth:25, got {text!r}")
    one = _SETTINGS.get(name)
    if isinstance(one.default if one else None, bool):
        known = {"1": True, "true": True, "0": False, "false": False}
        value: Any = known.get(shown.strip().lower(), shown)
    elif name in ("distances", "resampledPixelSpacing", "resegmentRange", "sigma"):
        value = [_scalar(part) for part in shown.split(",")]
    else:
        value = _scalar(shown)
    return name, checked({name: value})[name] if name not in _WITHOUT_EFFECT else value


def _scalar(text: str) -> Any:
    text = text.strip()
    if text.lower() in ("none", "null", "~"):
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
