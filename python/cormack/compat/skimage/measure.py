"""`skimage.measure` by Cormack: see `cormack.compat.skimage` for the rules."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ... import _check, detect, segment
from ..._docs import named_after
from ._common import narrow, refuse

__all__ = ["find_contours", "label", "marching_cubes", "regionprops_table"]


def label(label_image: Any, background: Any = None, return_num: bool = False, connectivity: int | None = None) -> Any:
    """`cormack.segment.label` of what is not background, over corners unless `connectivity` says otherwise.

    Regions of different values are separated, one pass for each value: masks are what it is fast for. Values are
    whole numbers; scikit-image cuts off what is not.
    """
    array = np.asarray(label_image)
    if array.dtype.kind == "f" and not np.array_equal(array, np.rint(array)):
        raise _check.fail("label", "label_image", "hold whole numbers", array.dtype)
    inside = array if array.dtype == bool and not background else array != (background or 0)
    steps = array.ndim if connectivity is None else connectivity
    values = np.unique(array[inside]) if array.dtype != bool else np.ones(1, bool)
    if len(values) < 2:
        labels, count = segment.label(inside, connectivity=steps)
        return (labels, count) if return_num else labels
    labels, count = np.zeros(array.shape, np.int32), 0
    for value in values:
        found, number = segment.label(inside & (array == value), connectivity=steps)
        labels += np.where(found, found + np.int32(count), np.int32(0))
        count += number
    # As they first appear in the array.
    _, first = np.unique(labels[inside], return_index=True)
    numbers = np.zeros(count + 1, np.int32)
    numbers[1 + np.argsort(first)] = np.arange(1, count + 1)
    return (numbers[labels], count) if return_num else numbers[labels]


def find_contours(
    image: Any,
    level: float | None = None,
    fully_connected: str = "low",
    positive_orientation: str = "low",
    *,
    mask: Any = None,
) -> Any:
    """`cormack.detect.find_contours`."""
    return detect.find_contours(narrow(image), level, fully_connected, positive_orientation, mask=mask)


def marching_cubes(
    volume: Any,
    level: float | None = None,
    *,
    spacing: Any = (1.0, 1.0, 1.0),
    gradient_direction: str = "descent",
    step_size: int = 1,
    allow_degenerate: bool = True,
    method: str = "lewiner",
    mask: Any = None,
) -> tuple[Any, Any, Any, Any]:
    """`cormack.detect.marching_cubes`, as vertices, faces, normals and values.

    Faces of ambiguous cells differ from Lewiner's; `allow_degenerate` is True.
    """
    _check.choice("marching_cubes", "method", method, ("lewiner", "lorensen"))
    refuse("marching_cubes", "allow_degenerate", allow_degenerate, True)
    return detect.marching_cubes(
        narrow(volume), level, spacing=spacing, gradient_direction=gradient_direction, step_size=step_size, mask=mask
    )


# scikit-image's name to the column of `label_statistics`, for what is one number.
_COLUMNS = {
    "label": "label",
    "num_pixels": "voxel_count",
    "equivalent_diameter_area": "equivalent_diameter_mm",
    "intensity_max": "intensity_max",
    "intensity_mean": "intensity_mean",
    "intensity_median": "intensity_median",
    "intensity_min": "intensity_min",
    "intensity_std": "intensity_std",
}
_VECTORS = ("bbox", "centroid", "centroid_weighted")
_SIZES = ("area", "area_bbox", "extent")


def regionprops_table(
    label_image: Any,
    intensity_image: Any = None,
    properties: Iterable[str] = ("label", "bbox"),
    *,
    cache: bool = True,
    separator: str = "-",
    extra_properties: Any = None,
    spacing: Any = None,
) -> dict[str, np.ndarray[Any, Any]]:
    """Return scikit-image's columns from `cormack.segment.label_statistics`, where they have the same meaning.

    `properties`: label, num_pixels, area, area_bbox, bbox, centroid, centroid_weighted, equivalent_diameter_area,
    extent and intensity_max, _mean, _median, _min, _std. Axes of ellipses are left out: they are those of voxels
    with an extent in Cormack, of points in scikit-image. `intensity_image` has one channel, `cache` changes nothing.
    """
    name = "regionprops_table"
    refuse(name, "extra_properties", extra_properties, None)
    labels = np.asarray(label_image)
    wanted = [_check.choice(name, "properties", one, (*_COLUMNS, *_VECTORS, *_SIZES)) for one in properties]
    lengths = np.asarray(_check.spacing(name, spacing, labels.ndim))
    columns = {"voxel_count", "bbox", "centroid"} | {_COLUMNS[one] for one in wanted if one in _COLUMNS}
    if any(one.startswith(("intensity", "centroid_w")) for one in wanted):
        if intensity_image is None:
            raise _check.fail(name, "intensity_image", "be given for these properties", None)
        columns |= {"intensity_centroid"} if "centroid_weighted" in wanted else set()
    table = segment.label_statistics(
        labels,
        None if intensity_image is None else narrow(intensity_image),
        spacing=tuple(lengths),
        properties=sorted(columns - {"label"}),
    )
    axes = "zyx"[-labels.ndim :]
    starts = [np.asarray(table[f"bbox_{axis}_start"]) for axis in axes]
    stops = [np.asarray(table[f"bbox_{axis}_stop"]) for axis in axes]
    voxels = np.asarray(table["voxel_count"])
    boxes = np.prod([stop - start for start, stop in zip(starts, stops, strict=True)], axis=0)
    sizes = {"area": voxels * lengths.prod(), "area_bbox": boxes * lengths.prod(), "extent": voxels / boxes}
    result: dict[str, np.ndarray[Any, Any]] = {}
    for one in wanted:
        if one in _COLUMNS:
            result[one] = np.asarray(table[_COLUMNS[one]])
        elif one in _SIZES:
            result[one] = np.asarray(sizes[one], np.float64)
        elif one == "bbox":
            result |= {f"bbox{separator}{index}": values for index, values in enumerate(starts + stops)}
        else:
            source = "centroid" if one == "centroid" else "intensity_centroid"
            for index, axis in enumerate(axes):
                result[f"{one}{separator}{index}"] = np.asarray(table[f"{source}_{axis}"]) * lengths[index]
    return result


named_after("skimage.measure", globals(), "Parameters and results; what differs is in `cormack.compat.skimage`.")
