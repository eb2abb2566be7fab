"""What the plugin does, as functions of layers; nothing here imports napari."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ... import _check, enhance, features, filters, segment
from ..._files import replacing
from ...volume import Volume

LayerData = tuple[Any, dict[str, Any], str]

# What napari hands to the reader beside folders; the manifest lists the same.
_SUFFIXES = (".dcm", ".dicom", ".ima", ".nii", ".nii.gz", ".nrrd", ".mha", ".mhd", ".zarr")
# Soft tissue, in HU.
_CT_LIMITS = (-160.0, 240.0)

#: What *Enhance* offers: title to function of a volume, and its parameters with their first values.
ENHANCEMENTS: dict[str, tuple[Callable[..., Any], dict[str, float]]] = {
    "Window": (lambda image, center, width: enhance.window(image, center, width), {"center": 40.0, "width": 400.0}),
    "CLAHE": (lambda image, clip_limit: enhance.equalize_adapthist(image, clip_limit=clip_limit), {"clip_limit": 0.01}),
    "Contrast stretch": (
        lambda image, low, high: enhance.stretch_contrast(image, low, high, out_range="image"),
        {"low": 1.0, "high": 99.0},
    ),
    "Median": (lambda image, size: filters.median_filter(image, round(size)), {"size": 3.0}),
    "Gaussian": (lambda image, sigma_mm: filters.gaussian_filter(image, sigma_mm, unit="mm"), {"sigma_mm": 1.0}),
    "Sharpen": (
        lambda image, radius_mm, amount: filters.unsharp_mask(image, radius_mm, amount, unit="mm"),
        {"radius_mm": 1.0, "amount": 1.0},
    ),
    "Bilateral": (
        lambda image, sigma_mm, sigma_intensity: filters.bilateral_filter(
            image, sigma_mm, sigma_intensity, unit="mm", truncate=2.0
        ),
        {"sigma_mm": 1.5, "sigma_intensity": 50.0},
    ),
    "Gradient magnitude": (
        lambda image, sigma_mm: filters.gaussian_gradient_magnitude(image, sigma_mm, unit="mm"),
        {"sigma_mm": 1.0},
    ),
}
_METHODS = ("between", "like the seed")


def layer_of(volume: Volume, name: str, kind: str | None = None) -> LayerData:
    """Return a volume as napari's layer data: the array, what a layer is made with, and the kind of layer.

    Parameters
    ----------
    volume : Volume
        3-D ones are turned to LPS, so that napari shows slices as a radiologist looks at them.
    name : str
        Of the layer.
    kind : {"image", "labels"}, optional
        Default: labels for a mask (bool), else image.

    Returns
    -------
    tuple
        The array; ``name``, ``scale`` (mm), ``translate`` or, where axes are oblique, ``affine``, ``axis_labels``,
        ``units``, ``metadata`` and, for CT, ``contrast_limits``; ``"image"`` or ``"labels"``.

    Examples
    --------
    >>> import numpy as np
    >>> data, about, kind = layer_of(Volume(np.zeros((4, 5, 6), bool), spacing=2.0, origin=(9, 8, 7)), "lesion")
    >>> about["scale"], about["translate"], kind
    ((2.0, 2.0, 2.0), (9.0, 8.0, 7.0), 'labels')
    """
    if volume.ndim == 3:
        volume = volume.reorient("LPS")
    data = volume.array
    kind = kind or ("labels" if data.dtype == bool else "image")
    if kind == "labels" and data.dtype == bool:
        data = data.view(np.uint8)
    about: dict[str, Any] = {
        "name": name,
        "scale": volume.spacing,
        "axis_labels": ("z", "y", "x")[-volume.ndim :],
        "units": ("mm",) * volume.ndim,
        "metadata": {"cormack": dict(volume.meta)},
    }
    if np.array_equal(volume.direction, np.eye(volume.ndim)):
        about["translate"] = volume.origin
    else:
        affine = np.eye(volume.ndim + 1)
        affine[:-1, :-1], affine[:-1, -1] = volume.direction, volume.origin
        about["affine"] = affine
    if kind == "image" and volume.meta.get("units") == "HU":
        about["contrast_limits"] = _CT_LIMITS
    return data, about, kind


def volume_of(layer: Any) -> Volume:
    """Return the voxels of an image or labels layer with their place: the same memory, spacing in mm.

    Parameters
    ----------
    layer : napari.layers.Image or napari.layers.Labels
        2-D or 3-D, of one scale.

    Returns
    -------
    Volume

    Raises
    ------
    ValueError
        The layer has other axes, channels or several scales, or its affine shears.

    Examples
    --------
    >>> import numpy as np
    >>> class Layer:
    ...     data, name = np.zeros((4, 5, 6)), "ct"
    ...
    ...     def data_to_world(self, index):
    ...         return np.multiply(index, (3, 1, 1)) + (10, 0, 0)
    >>> volume_of(Layer())
    Volume(shape (4, 5, 6), float64, spacing (3, 1, 1) mm, origin (10, 0, 0) mm, axes LPS)
    """
    data = layer.data
    if getattr(layer, "multiscale", False) or getattr(layer, "rgb", False) or data.ndim not in (2, 3):
        raise ValueError(
            f"the layer {layer.name!r} must be 2-D or 3-D, with one channel and one scale, got shape "
            f"{tuple(getattr(data, 'shape', ()))}"
        )
    n = data.ndim
    origin = np.asarray(layer.data_to_world((0.0,) * n), np.float64)
    steps = np.stack([np.asarray(layer.data_to_world(tuple(axis)), np.float64) - origin for axis in np.eye(n)], axis=1)
    spacing = np.linalg.norm(steps, axis=0)
    # Differences of places have their rounding errors.
    scale, axes = np.asarray(getattr(layer, "scale", spacing), np.float64), np.rint(steps / spacing)
    spacing = scale if np.allclose(scale, spacing, rtol=1e-9) else spacing
    direction = axes if np.allclose(axes, steps / spacing, atol=1e-9) else steps / spacing
    about = dict(getattr(layer, "metadata", None) or {}).get("cormack", {})
    return Volume(np.asarray(data), spacing, origin, direction, about)


def read_layers(path: str | os.PathLike[str]) -> list[LayerData]:
    """Read all volumes of a file or folder as layer data: `cormack.io.read_all`, then `layer_of`.

    Parameters
    ----------
    path : path-like
        What `cormack.io.read` takes.

    Returns
    -------
    list of tuple
        One for each volume; label maps of 3D Slicer (.seg.nrrd) and masks as labels.

    Raises
    ------
    ReadError
        As for `cormack.io.read_all`.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> from cormack import Volume, io
    >>> path = os.path.join(tempfile.mkdtemp(), "pet.mha")
    >>> io.write(Volume(np.ones((2, 3, 4), np.float32)), path)
    >>> [about["name"] for _, about, _ in read_layers(path)]
    ['pet']
    """
    # Not before a file is read: it costs as much as all the rest.
    from ... import io

    volumes = io.read_all(path)
    name = Path(path).name
    kind = "labels" if name.lower().endswith(".seg.nrrd") else None
    for suffix in sorted((*_SUFFIXES, ".seg.nrrd"), key=len, reverse=True):
        if name.lower().endswith(suffix):
            name = name[: -len(suffix)]
            break
    numbered = len(volumes) > 1
    return [layer_of(one, f"{name} {number}" if numbered else name, kind) for number, one in enumerate(volumes)]


def get_reader(path: str | Sequence[str]) -> Callable[[Any], list[LayerData]] | None:
    """Return `read_layers` where this may be a volume: what napari asks of a plugin.

    Parameters
    ----------
    path : str
        A file or folder. Of a list, which napari would put into a stack, nothing is read: a series is a folder.

    Returns
    -------
    callable or None

    Examples
    --------
    >>> get_reader("notes.txt") is None
    True
    """
    if not isinstance(path, str | os.PathLike):
        return None
    known = str(path).lower().endswith(_SUFFIXES) or os.path.isdir(path)
    return read_layers if known else None


def beside(layer: Any, data: Any, name: str, kind: str) -> LayerData:
    """Return layer data on the grid of another layer."""
    about = {"name": name, "scale": layer.scale, "translate": layer.translate, "affine": layer.affine.affine_matrix}
    about.update(rotate=layer.rotate, shear=layer.shear, units=layer.units, axis_labels=layer.axis_labels)
    about["metadata"] = dict(layer.metadata)
    return data, about, kind


def enhance_layer(layer: Any, operation: str, parameters: Mapping[str, float]) -> LayerData:
    """Return layer data of an enhanced image, on the grid of its layer.

    Parameters
    ----------
    layer : napari.layers.Image
        See `volume_of`.
    operation : str
        One of `ENHANCEMENTS`.
    parameters : mapping of str to float
        Those of the operation; what is missing has its first value.

    Returns
    -------
    tuple
        See `layer_of`.

    Raises
    ------
    ValueError
        The operation is none of them, or a parameter makes no sense for it.

    Examples
    --------
    >>> list(ENHANCEMENTS)[:3]
    ['Window', 'CLAHE', 'Contrast stretch']
    """
    function, first = ENHANCEMENTS[_check.choice("enhance_layer", "operation", operation, ENHANCEMENTS)]
    given = {name: float(parameters.get(name, value)) for name, value in first.items()}
    result = function(_image_of(layer), **given)
    words = ", ".join(f"{name} {value:g}" for name, value in given.items())
    return beside(layer, result.array, f"{layer.name}: {operation} ({words})", "image")


def grow_region(
    layer: Any,
    seeds: Any,
    lower: float = 100.0,
    upper: float = 300.0,
    *,
    method: str = "between",
    multiplier: float = 2.5,
    connectivity: int = 1,
) -> np.ndarray[Any, Any]:
    """Return what grows from seeds, as a mask of the layer's voxels.

    Parameters
    ----------
    layer : napari.layers.Image
        See `volume_of`.
    seeds : sequence of array_like
        Voxels, in the layer's own coordinates; fractions are rounded. Those outside the image are left out.
    lower, upper : float
        The range, ends included, for ``"between"``: `cormack.segment.connected_threshold`.
    method : {"between", "like the seed"}, default "between"
        ``"like the seed"`` takes the range from what has grown: `cormack.segment.confidence_connected`.
    multiplier : float, default 2.5
        How many standard deviations its range is wide, to each side.
    connectivity : int, default 1
        1 over faces; as many as there are axes: over corners.

    Returns
    -------
    ndarray of bool

    Raises
    ------
    ValueError
        No seed lies in the image, or an argument makes no sense.

    Examples
    --------
    >>> import numpy as np
    >>> class Layer:
    ...     data, name = np.array([[0, 200, 210, 0, 220]]), "ct"
    ...
    ...     def data_to_world(self, index):
    ...         return index
    >>> grow_region(Layer(), [(0, 1.2)]).tolist()
    [[False, True, True, False, False]]
    """
    volume = _image_of(layer)
    _check.choice("grow_region", "method", method, _METHODS)
    places = np.rint(np.asarray(seeds, np.float64).reshape(-1, volume.ndim)).astype(np.int64)
    inside = ((places >= 0) & (places < volume.shape)).all(axis=1)
    if not inside.any():
        raise ValueError(f"grow_region: `seeds` must have one inside {layer.name!r}, got {places.tolist()}")
    voxels = [tuple(place) for place in places[inside].tolist()]
    if method == "between":
        found = segment.connected_threshold(volume.array, voxels, lower, upper, connectivity=connectivity)
    else:
        found = segment.confidence_connected(volume.array, voxels, multiplier=multiplier, connectivity=connectivity)
    return np.asarray(found)


def _image_of(layer: Any) -> Volume:
    """Return `volume_of` with one of the dtypes of images; napari has int64 and float16 too."""
    volume = volume_of(layer)
    if volume.dtype in (np.int64, np.uint64):
        return volume.replace(volume.array.astype(np.float64))
    return volume.replace(volume.array.astype(np.float32)) if volume.dtype == np.float16 else volume


def measure_label(image: Any, labels: Any, label: int, *, bin_number: int = 32) -> features.FeatureTable:
    """Return IBSI's features of a label: `cormack.features.radiomics` with the layers' spacing.

    Parameters
    ----------
    image, labels : napari.layers.Image, napari.layers.Labels
        On one grid; see `volume_of`.
    label : int
        Of the region.
    bin_number : int, default 32
        Number of grey levels for textures.

    Returns
    -------
    FeatureTable

    Raises
    ------
    ValueError
        No voxel has the label.
    GeometryError
        The layers lie on different grids.

    Examples
    --------
    >>> import numpy as np
    >>> class Layer:
    ...     def __init__(self, data):
    ...         self.data, self.name = data, "layer"
    ...
    ...     def data_to_world(self, index):
    ...         return np.multiply(index, 2.0)
    >>> ct = np.arange(64, dtype=np.int16).reshape(4, 4, 4)
    >>> measure_label(Layer(ct), Layer((ct > 30) * 3), 3)["stat_mean"]
    47.0
    """
    settings = {"bin_number": bin_number}
    return features.radiomics(_image_of(image), volume_of(labels), settings=settings, label=int(label))


def write_features(rows: Sequence[Mapping[str, Any]], path: str | os.PathLike[str]) -> None:
    r"""Write rows of features as CSV, all columns that any of them has.

    Parameters
    ----------
    rows : sequence of mapping
        By column.
    path : path-like
        Written beside it and renamed.

    Examples
    --------
    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "features.csv")
    >>> write_features([{"label": 1, "stat_mean": 2.5}], path)
    >>> Path(path).read_text()
    'label,stat_mean\n1,2.5\n'
    """
    columns = list(dict.fromkeys(column for row in rows for column in row))
    with replacing(Path(path)) as beside, open(beside, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
