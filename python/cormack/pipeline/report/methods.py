"""What networks found and how features were computed, as paragraphs for the methods section of a paper."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..._report.formatting import real
from .reading import Json

__all__ = ["methods", "references"]

_REFERENCES = (
    "Zwanenburg A, Vallières M, Abdalah MA, et al. The Image Biomarker Standardization Initiative: standardized "
    "quantitative radiomics for high-throughput image-based phenotyping. Radiology 2020;295(2):328-338. "
    "doi:10.1148/radiol.2020191145",
)

_FAMILIES = {
    "first_order": "intensity-based statistics",
    "morphology": "morphology",
    "local_intensity": "local intensity",
    "intensity_histogram": "intensity histogram",
    "intensity_volume_histogram": "intensity-volume histogram",
    "glcm": "grey level co-occurrence matrix (GLCM)",
    "glrlm": "grey level run length matrix (GLRLM)",
    "glszm": "grey level size zone matrix (GLSZM)",
    "gldzm": "grey level distance zone matrix (GLDZM)",
    "ngtdm": "neighbourhood grey tone difference matrix (NGTDM)",
    "ngldm": "neighbouring grey level dependence matrix (NGLDM)",
}
_TEXTURES = ("glcm", "glrlm", "glszm", "gldzm", "ngtdm", "ngldm")
_INTERPOLATIONS = {"linear": "trilinear", "nearest": "nearest-neighbour", "cubic": "tricubic B-spline"}


def methods(run: Json, units: Sequence[str]) -> list[str]:
    """One paragraph for each network, and one for each way in which features were computed; empty where none were.

    Parameters
    ----------
    run : mapping
        ``run.json``.
    units : sequence of str
        Units of the images of the cohort.
    """
    version = str(run["versions"].get("cormack") or "(unknown version)")
    unit = next(iter(units), "") if len(set(units)) == 1 else ""
    texts = []
    known = {str(facts.get("sha256")): facts for facts in run["networks"] if isinstance(facts, dict)}
    runtime = str(run["versions"].get("onnxruntime") or "")
    for step in _steps(run["config"], _is_network):
        texts.append(_network(step, known.get(str(step.get("sha256")), {}), runtime))
    for step in _steps(run["config"], _is_features):
        texts.append(_paragraph(step, version, unit))
    return list(dict.fromkeys(text for text in texts if text))


def references(run: Json) -> Sequence[str]:
    """What the paragraphs cite."""
    return _REFERENCES if any(_steps(run["config"], _is_features)) else ()


def _is_features(step: Json) -> bool:
    return step.get("step") == "features"


def _is_network(step: Json) -> bool:
    return step.get("step") == "segment" and step.get("method") == "deep"


def _steps(value: Any, wanted: Callable[[Json], bool]) -> Iterator[Json]:
    if isinstance(value, dict):
        if wanted(value):
            yield value
        else:
            for item in value.values():
                yield from _steps(item, wanted)
    elif isinstance(value, list):
        for item in value:
            yield from _steps(item, wanted)


def _network(step: Json, facts: Json, runtime: str) -> str:
    name = facts.get("name") or step.get("model")
    version = f"version {facts['version']}, " if facts.get("version") else ""
    patch, spacing = _lengths(facts.get("patch")), _lengths(facts.get("spacing_mm"))
    overlap, closing = (real(step.get(key)) or 0 for key in ("overlap", "closing_mm"))
    threshold = real(step.get("threshold", facts.get("threshold")))
    parts = [
        f"The label map {step.get('output')!r} was made by the neural network “{name}” ({version}ONNX, SHA-256 "
        f"{step.get('sha256')}), run with ONNX Runtime{f' {runtime}' if runtime else ''}"
        + (f" on windows of {patch} voxels (x, y, z)" if patch else "")
        + (f" of {spacing} mm" if spacing else "")
        + f", which overlap by {100 * overlap:.0f} %.",
        "It has the voxels whose probability is at least "
        + ("the network's threshold" if threshold is None else f"{threshold:g}")
        + (f", within the label map {step['within']!r}" if step.get("within") else "")
        + (f" closed by a ball of {closing:g} mm." if closing else "."),
    ]
    leads = {"trained_on": "The network was trained on ", "intended_use": "Its intended use: ", "note": ""}
    for key, lead in leads.items():
        if text := " ".join(str(facts.get(key) or "").split()):
            parts.append(f"{lead}{text.rstrip('.')}.")
    return " ".join(parts)


def _lengths(values: Any) -> str:
    numbers = [real(value) for value in reversed(values)] if isinstance(values, list) else []
    return " × ".join(f"{number:g}" for number in numbers if number is not None)


def _paragraph(step: Json, version: str, unit: str) -> str:
    from ... import features

    families = step.get("families", ["first_order"])
    try:
        settings = features.RadiomicsSettings.from_dict(
            {**(step.get("settings") or {}), "families": None if families == "all" else families}
        )
    except (TypeError, ValueError, AttributeError):
        return ""  # of another version, with settings that this one does not know
    names = list(settings.families or features.FAMILIES)
    sizes = f" {unit}" if unit else " intensity units"
    image = step.get("image", "original")
    parts = [
        f"Features were computed with Cormack {version}, following the definitions of the Image Biomarker "
        f"Standardisation Initiative (IBSI 1; Zwanenburg et al., 2020). "
        f"Families: {_list([_FAMILIES.get(name, name.replace('_', ' ')) for name in names])}.",
        f"Intensities are those of the {'original image' if image == 'original' else f'processed image {image!r}'}.",
    ]
    if settings.new_spacing is None:
        parts.append("Images were not resampled.")
    else:
        spacing = settings.new_spacing
        size = (
            f"{spacing:g} mm in every direction"
            if isinstance(spacing, float | int)
            else (" × ".join(f"{length:g}" for length in reversed(spacing)) + " mm (x, y, z)")
        )
        rounds = settings.intensity_rounding
        whose = "intensities of integer images" if rounds is None else "intensities" if rounds else "no intensities"
        rounding = f", {whose} rounded to integers"
        parts.append(
            f"Images were resampled to voxels of {size} by {_INTERPOLATIONS[settings.image_interpolation]} "
            f"interpolation{rounding}, masks by {_INTERPOLATIONS[settings.mask_interpolation]} interpolation with a "
            f"partial volume threshold of {settings.mask_threshold:g}."
        )
    parts.append(_resegmentation(settings, sizes))
    if set(names) & {*_TEXTURES, "intensity_histogram"}:
        parts.append(_discretisation(settings, sizes))
    if "intensity_volume_histogram" in names:
        parts.append(_ivh(settings, sizes))
    if set(names) & set(_TEXTURES):
        parts.append(_textures(settings, names))
    return " ".join(part for part in parts if part)


def _resegmentation(settings: Any, sizes: str) -> str:
    said = []
    if settings.resegmentation_range is not None:
        low, high = settings.resegmentation_range
        if low is not None and high is not None:
            said.append(f"to the range [{low:g}, {high:g}]{sizes}")
        elif low is not None or high is not None:
            said.append(f"to intensities of at {f'least {low:g}' if low is not None else f'most {high:g}'}{sizes}")
    if settings.resegmentation_sigma is not None:
        said.append(f"to within {settings.resegmentation_sigma:g} standard deviations of the mean")
    return f"Regions were re-segmented {' and '.join(said)}." if said else "Regions were not re-segmented."


def _discretisation(settings: Any, sizes: str) -> str:
    if settings.discretisation == "fixed bin size":
        limits = settings.resegmentation_range
        start = "the lower limit of re-segmentation" if limits and limits[0] is not None else "the region's minimum"
        return f"Intensities were discretised with a fixed bin size of {settings.bin_size:g}{sizes} from {start}."
    if settings.discretisation == "fixed bin number":
        return f"Intensities were discretised with a fixed number of {settings.bin_number} bins."
    return "Intensities were not discretised."


def _ivh(settings: Any, sizes: str) -> str:
    how = {
        "automatic": f"of integer intensities as they are, of others in {settings.ivh_bin_number} bins",
        "none": "of intensities as they are",
        "fixed bin size": f"with a bin size of {settings.ivh_bin_size:g}{sizes}",
        "fixed bin number": f"in {settings.ivh_bin_number} bins",
    }[settings.ivh_discretisation]
    return f"Intensity-volume histograms were made {how}."


def _textures(settings: Any, names: Sequence[str]) -> str:
    aggregations = settings.aggregations_of(2 if settings.dimension == "2D" else 3)
    text = f"Texture matrices were computed in {settings.dimension} and aggregated as {_list(aggregations)}"
    near = [name.upper() for name in ("glcm", "ngtdm", "ngldm") if name in names]
    if near:
        text += f", with a Chebyshev distance of {settings.distance} for {_list(near)}"
    if "ngldm" in names:
        text += f" and a coarseness of {settings.coarseness} for NGLDM"
    return text + "."


def _list(items: Sequence[str]) -> str:
    return ", ".join(items[:-1]) + (" and " if len(items) > 1 else "") + items[-1] if items else ""
