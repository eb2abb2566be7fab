"""Pages of the reference: one for each namespace, its public names in groups, all of them and each once."""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
from pathlib import Path
from types import ModuleType

import commands
import steps

import cormack

# What is not named here is listed below the groups, so that nothing is missing.
GROUPS: dict[str, dict[str, str]] = {
    "filters": {
        "Ranks": "median_filter rank_filter percentile_filter minimum_filter maximum_filter",
        "Weighted sums": "uniform_filter gaussian_filter correlate convolve correlate1d convolve1d unsharp_mask",
        "Denoising that keeps edges": "bilateral_filter non_local_means anisotropic_diffusion total_variation",
        "Gradients and second derivatives": """sobel prewitt scharr gradient_magnitude gaussian_gradient_magnitude
            gaussian_laplace hessian_matrix hessian_eigenvalues""",
        "Tubes and dots": "frangi sato meijering dot_enhancement",
        "Grey morphology": """grey_erosion grey_dilation grey_opening grey_closing white_tophat black_tophat
            morphological_gradient""",
        "Response maps of IBSI 2": """laws_filter gabor_filter gabor_bank wavelet_filter simoncelli_filter
            riesz_filter""",
        "Other grids": "affine_transform",
    },
    "enhance": {
        "Ranges": "window rescale_intensity stretch_contrast threshold_enhance",
        "Tone curves": "adjust_gamma adjust_log adjust_sigmoid",
        "Histograms": "histogram equalize_hist equalize_adapthist match_histograms",
        "One scale for many images": "normalize fit_nyul_standard NyulStandard",
    },
    "segment": {
        "Region growing": """connected_threshold confidence_connected neighborhood_connected isolated_connected flood
            flood_fill seeded_region_growing watershed""",
        "Active contours": """chan_vese morphological_chan_vese morphological_geodesic_active_contour
            inverse_gaussian_gradient disk_level_set checkerboard_level_set""",
        "Thresholds": """binary_threshold threshold_otsu threshold_multiotsu threshold_li threshold_yen
            threshold_isodata threshold_minimum threshold_triangle threshold_mean threshold_local threshold_niblack
            threshold_sauvola apply_hysteresis_threshold""",
        "Objects": "label label_statistics screen relabel_sequential largest_component",
        "Masks": """fill_holes remove_small_objects remove_small_holes clear_border binary_erosion binary_dilation
            binary_opening binary_closing ball distance_transform_edt""",
    },
    "detect": {
        "Edges": "canny canny_points zero_crossings",
        "Boundaries and surfaces": "find_boundaries find_contours marching_cubes",
        "Objects": "blob_log blob_dog blob_doh peak_local_max match_template non_maximum_suppression",
        "Anomalies": "rx_detector symmetry_plane asymmetry_map",
        "Scores": "score_lesions froc",
    },
    "features": {
        "Radiomics": "radiomics RadiomicsSettings FeatureTable FeatureTables definitions",
        "By family": """morphology local_intensity first_order intensity_histogram intensity_volume_histogram glcm glrlm
            glszm gldzm ngtdm ngldm""",
        "Matrices": "glcm_matrix glrlm_matrix glszm_matrix gldzm_matrix ngtdm_matrix ngldm_matrix",
        "Around each voxel": "feature_map local_binary_pattern local_binary_pattern_3d",
        "Processing before": "resample resample_mask round_intensities resegment discretise",
    },
    "io": {
        "Read and write": "read read_all open_zarr write write_mesh",
        "Masks": "read_mask read_masks list_regions write_segmentation",
        "Archives": "scan import_archive find_studies",
        "What they give and raise": "Catalog Imported LazyVolume Region Segment Source ImportRefused ReadError",
    },
    "pipeline": {
        "Run": "run run_iter estimate read_status run_demo",
        "Configuration": "load_config list_presets Config ConfigError",
        "One case": "Case apply",
        "What they give": "RunResult CaseResult Estimate CaseEstimate",
    },
    "anatomy": {},
    "deep": {},
    "classify": {},
    "anomaly": {},
    "phantoms": {},
}
# Every function of these is named as one of `filters`, `enhance`, `segment` and gives the same.
TWINS = ("dask",)

# Full name of everything public to the full name under which it has its page.
PAGE_OF: dict[str, str] = {}


def write(folder: Path) -> dict[str, list[tuple[str, str]]]:
    """Write the index and a page for each namespace into `folder`; return the members of each class."""
    PAGE_OF.clear()
    pages = {"cormack": _root()}
    for name in (*GROUPS, *TWINS, *sorted(set(cormack._NAMESPACES) - set(GROUPS) - set(TWINS))):
        pages |= _pages(importlib.import_module(f"cormack.{name}"))
    pages["index"] = _index(pages)
    pages["cli"] = commands.page()
    pages["steps"] = steps.page()
    folder.mkdir(exist_ok=True)
    for name, text in pages.items():
        path = folder / f"{name}.rst"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    for path in set(folder.glob("*.rst")) - {folder / f"{name}.rst" for name in pages}:
        path.unlink()
    members = {full: found for full in set(PAGE_OF.values()) if (found := _members(full))}
    names = [f"{full}.{name}" for full, found in members.items() for _, name in found]
    PAGE_OF.update(zip(names, names, strict=True))
    return members


def _pages(module: ModuleType) -> dict[str, str]:
    """Pages of a namespace and, where it has public modules of its own, of those."""
    name = module.__name__.removeprefix("cormack.")
    below = [
        importlib.import_module(f"{module.__name__}.{found.name}")
        for found in pkgutil.iter_modules(getattr(module, "__path__", ()))
        if found.name in getattr(module, "__all__", ()) and not found.name.startswith("_")
    ]
    found = {name: _page(module, name, {other.__name__.rpartition(".")[2] for other in below})}
    for other in below:
        found |= _pages(other)
    return found


def _page(module: ModuleType, name: str, below: set[str]) -> str:
    public = [word for word in module.__all__ if word not in below]
    groups = {title: words.split() for title, words in GROUPS.get(name, {}).items()}
    named = [word for words in groups.values() for word in words]
    wrong = sorted({word for word in named if word not in public or named.count(word) > 1})
    if wrong:
        raise ValueError(f"docs/_extensions/reference.py, {name}: not public, or named twice: {', '.join(wrong)}")
    rest = sorted(set(public) - set(named), key=str.lower)
    if rest:
        groups["Others" if groups else "Functions"] = [word for word in rest if callable(getattr(module, word))]
        groups["Constants"] = [word for word in rest if not callable(getattr(module, word))]
    lines = [_title(f"cormack.{name}", "="), f".. automodule:: cormack.{name}", ""]
    lines += [f".. currentmodule:: cormack.{name}", ""]
    if below:
        links = (f"* :doc:`cormack.{name}.{word} <{name}.{word}>`" for word in sorted(below))
        lines += [_title("Modules", "-"), *links, ""]
    for title, words in groups.items():
        elsewhere = {word: page for word in words if (page := _page_elsewhere(module, name, word))}
        here = [word for word in words if word not in elsewhere]
        PAGE_OF.update({f"cormack.{name}.{word}": elsewhere.get(word, f"cormack.{name}.{word}") for word in words})
        if words:
            lines += [_title(title, "-")]
        lines += [f"* :py:obj:`{word} <{page}>`" for word, page in elsewhere.items()] + [""]
        if title == "Constants":
            lines += [f".. autodata:: {word}\n" for word in here]
        elif here:
            lines += [*_AUTOSUMMARY, *(f"   {word}" for word in here), ""]
    if below:
        lines += [".. toctree::", "   :hidden:", "", *(f"   {name}.{word}" for word in sorted(below)), ""]
    return "\n".join(lines)


_AUTOSUMMARY = (".. autosummary::", "   :toctree: generated", "   :nosignatures:", "")


def _page_elsewhere(module: ModuleType, name: str, word: str) -> str | None:
    """Full name under which something has its page already: the same object, or what a twin is named after."""
    value = getattr(module, word)
    for full in PAGE_OF.values():
        namespace, _, other = full.rpartition(".")
        if other == word and not full.startswith(f"cormack.{name}."):
            if getattr(importlib.import_module(namespace), other) is value:
                return full
            if name in TWINS and namespace.partition(".")[2] in ("filters", "enhance", "segment"):
                return full
    return None


def _members(full: str) -> list[tuple[str, str]]:
    """Directive and name of what a class of Cormack adds to those of others: methods and properties."""
    namespace, _, name = full.rpartition(".")
    value = getattr(importlib.import_module(namespace), name)
    found: dict[str, str] = {}
    for base in reversed(value.__mro__ if isinstance(value, type) else ()):
        if not base.__module__.startswith("cormack."):
            continue
        for word, value in vars(base).items():
            if not word.startswith("_"):
                value = inspect.unwrap(getattr(value, "__func__", value))
                if isinstance(value, (property, functools.cached_property)):
                    found[word] = "autoproperty"
                elif inspect.isfunction(value) and value.__module__.startswith("cormack."):
                    found[word] = "automethod"
    return sorted(((kind, word) for word, kind in found.items()), key=lambda item: (item[0] == "automethod", item[1]))


def _root() -> str:
    words = [word for word in cormack.__all__ if word not in cormack._NAMESPACES and not word.startswith("_")]
    PAGE_OF.update({f"cormack.{word}": f"cormack.{word}" for word in words})
    lines = [_title("cormack", "="), ".. currentmodule:: cormack", "", *_AUTOSUMMARY]
    return "\n".join([*lines, *(f"   {word}" for word in sorted(words, key=str.lower)), ""])


def _index(pages: dict[str, str]) -> str:
    lines = [
        _title("Reference", "="),
        "Arrays in, arrays out. Axis order is (z, y, x), lengths and spacings in the same order. A `Volume` is taken "
        "wherever an array is, brings its spacing, and comes back as a `Volume`. :doc:`/contract` says which pixel "
        "types each function takes and gives.".replace("`Volume`", ":py:obj:`~cormack.Volume`"),
        "",
        ".. list-table::",
        "   :widths: 25 75",
        "",
    ]
    for name in (name for name in pages if name != "cormack"):
        first = (importlib.import_module(f"cormack.{name}").__doc__ or "").strip().splitlines()[0]
        lines += [f"   * - :doc:`{name}`", f"     - {first}"]
    lines += ["   * - :doc:`cormack`", "     - Volumes, threads, what was built."]
    lines += ["   * - :doc:`cli`", "     - ``cormack run`` and the other commands, with their options."]
    lines += ["   * - :doc:`steps`", "     - What a pipeline is made of: every step of a YAML file, with its keys.", ""]
    lines += [".. toctree::", "   :hidden:", ""]
    lines += [f"   {name}" for name in pages if "." not in name and name != "cormack"]
    return "\n".join([*lines, "   cormack", "   cli", "   steps", ""])


def _title(text: str, line: str) -> str:
    return f"{text}\n{line * len(text)}\n"
