"""OME-Zarr (NGFF 0.4 and 0.5) and plain Zarr arrays: whole volumes in and out, and parts of them."""

from __future__ import annotations

import math
import operator
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _check
from .._errors import ReadError
from .._files import replacing_folder
from ..volume import Volume
from . import _terms
from ._bytes import narrowed, storable
from ._common import require
from ._limits import check_size
from ._zarr_array import (
    METADATA_FILES,
    StoredArray,
    even_chunks,
    inside,
    metadata,
    stored_array,
    write_array,
    write_json,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

# 4 MiB of int16: a slice in any of the three directions, or a box, reads little that it does not need, and a scan is
# some dozens of files.
_LARGEST_CHUNK = 128
_MM = {"angstrom": 1e-7, "picometer": 1e-9, "nanometer": 1e-6, "micrometer": 1e-3, "millimeter": 1.0}
_MM |= {"centimeter": 10.0, "decimeter": 100.0, "meter": 1000.0, "inch": 25.4, "foot": 304.8}
_OURS = "cormack"
_META = ("modality", "units", "rescaled", "inverted", "spacing_source", "orientation_source", "colour", "resampled")
_HARMLESS = re.compile(r"[A-Za-z0-9 ./%^*()_-]{0,40}")


def looks_like_zarr(folder: Path) -> bool:
    """Whether a folder is a Zarr store, by its content; or should be one, by its name."""
    return _is_store(folder) or folder.name.lower().endswith(".zarr")


def _is_store(folder: Path) -> bool:
    return any((folder / name).is_file() for name in METADATA_FILES)


@dataclass(frozen=True)
class _Image:
    """One level of an image: its array, which axes are which, and where it lies."""

    array: StoredArray
    # Axes of the array that are z, y, x (or y, x), and those that number volumes.
    space: tuple[int, ...]
    lists: tuple[int, ...]
    spacing: tuple[float, ...]
    origin: tuple[float, ...]
    direction: NDArray[np.float64]
    meta: dict[str, Any]

    @property
    def volume_count(self) -> int:
        return math.prod(self.array.shape[axis] for axis in self.lists)

    def chosen(self, path: Path, volume: int | None) -> int:
        count = self.volume_count
        if volume is None and count > 1:
            raise ReadError(
                path,
                f"{count} volumes in one store, shape {self.array.shape}",
                tag="axes",
                suggestion=f"choose one with volume=0 to volume={count - 1}, or use cormack.io.read_all",
            )
        if not 0 <= (volume or 0) < count:
            raise ReadError(path, f"no volume {volume}; there are {count}", suggestion=f"volume=0 to {count - 1}")
        return volume or 0

    def voxels(self, volume: int, box: Sequence[tuple[int, int]]) -> NDArray[Any]:
        """Part of a volume, in the order z, y, x."""
        region = [(0, 1)] * len(self.array.shape)
        places = np.unravel_index(volume, [self.array.shape[axis] for axis in self.lists]) if self.lists else ()
        for axis, place in zip(self.lists, places, strict=True):
            region[axis] = (int(place), int(place) + 1)
        for axis, part in zip(self.space, box, strict=True):
            region[axis] = part
        array = self.array.read(region)
        rest = [axis for axis in range(array.ndim) if axis not in self.space]
        return array.transpose([*rest, *self.space]).reshape([high - low for low, high in box])


# --- Metadata --------------------------------------------------------------------------------------------------------


def _open(path: Path, level: int = 0) -> _Image:
    version, node, attributes = metadata(path, inside(path, ""))
    if node:
        if level:
            raise ReadError(path, f"no level {level}: it is a single array")
        return _plain(path)
    if version == 3:
        ome = attributes.get("ome")
        expected = "0.5"
        found = ome.get("version") if isinstance(ome, dict) else None
    else:
        ome, expected = attributes, "0.4"
        first: Any = next(iter(_list(path, ome.get("multiscales", []), "multiscales")), {})
        # Version 0.4 recommends saying so; before it axes had no types and no scale.
        found = first.get("version", "0.4") if isinstance(first, dict) else None
    if not isinstance(ome, dict) or not ome.get("multiscales"):
        raise _no_image(path, attributes, ome)
    if found != expected:
        raise ReadError(path, f"OME-Zarr {str(found)[:20]!r} is not supported, only 0.4 and 0.5", tag="version")
    # Of several the first is the one to show, says the standard.
    multiscale = _list(path, ome["multiscales"], "multiscales")[0]
    if not isinstance(multiscale, dict):
        raise ReadError(path, "expected a table", tag="multiscales")
    return _of_multiscale(path, multiscale, attributes.get(_OURS), level)


def _no_image(path: Path, attributes: dict[str, Any], ome: Any) -> ReadError:
    tables = [table for table in (attributes, ome) if isinstance(table, dict)]
    if any("plate" in table or "well" in table for table in tables):
        return ReadError(path, "a plate of many images", tag="plate", suggestion="give the folder of one image in it")
    return ReadError(
        path,
        "a Zarr group without an image",
        tag="multiscales",
        suggestion="give the folder of an image or array in it",
    )


def _list(path: Path, value: Any, tag: str) -> list[Any]:
    if not isinstance(value, list):
        raise ReadError(path, "expected a list", tag=tag)
    return value


def _meta(**known: Any) -> dict[str, Any]:
    meta = {"format": "zarr", "modality": "", "units": "", "series_uid": "", "rescaled": False, "inverted": False}
    return {**meta, **known}


def _plain(path: Path) -> _Image:
    array = stored_array(path, inside(path, ""))
    ndim = len(array.shape)
    if ndim < 2:
        raise ReadError(path, f"neither 2D nor 3D: shape {array.shape}", tag="shape")
    n = min(ndim, 3)
    meta = _meta(spacing_source="absent", orientation_source="absent")
    axes = tuple(range(ndim))
    return _Image(array, axes[ndim - n :], axes[: ndim - n], (1.0,) * n, (0.0,) * n, np.eye(n), meta)


def _of_multiscale(path: Path, multiscale: dict[str, Any], ours: Any, level: int) -> _Image:
    names, space, factors, has_units = _axes(path, multiscale)
    datasets = _list(path, multiscale.get("datasets"), "datasets")
    if not all(isinstance(dataset, dict) for dataset in datasets) or not datasets:
        raise ReadError(path, "no list of datasets", tag="datasets")
    if not 0 <= level < len(datasets):
        raise ReadError(path, f"no level {level}; there are {len(datasets)}")
    outer = _transform(path, multiscale.get("coordinateTransformations"), len(names))

    def place(dataset: dict[str, Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Spacing and position of the first voxel, z, y, x in mm."""
        scale, shift = _transform(path, dataset.get("coordinateTransformations"), len(names))
        scale, shift = scale * outer[0], shift * outer[0] + outer[1]
        picked = list(space)
        return scale[picked] * factors, shift[picked] * factors

    scale, shift = place(datasets[level])
    complete = isinstance(ours, dict) and ours.get("complete") is True
    array = stored_array(path, inside(path, datasets[level].get("path")), complete=complete)
    if len(array.shape) != len(names):
        raise ReadError(path, f"{len(names)} axes for an array of shape {array.shape}", tag="axes")
    lists = tuple(axis for axis in range(len(names)) if axis not in space)
    n = len(space)
    if ours is None:
        source = "scale" if has_units else "scale, no unit"
        meta = _meta(spacing_source=source, orientation_source="absent")
        return _Image(array, space, lists, tuple(scale.tolist()), tuple(shift.tolist()), np.eye(n), meta)
    grid, meta = _our_geometry(path, ours, n)
    first = stored_array(path, inside(path, datasets[0].get("path"))) if level else array
    scale_0, shift_0 = place(datasets[0])
    _check_agreement(path, grid, tuple(first.shape[axis] for axis in space), scale_0, shift_0)
    if level:
        spacing = np.asarray(grid.spacing) * (scale / scale_0)
        origin = np.asarray(grid.origin) + grid.direction @ (shift - shift_0)
        return _Image(array, space, lists, tuple(spacing.tolist()), tuple(origin.tolist()), grid.direction, meta)
    return _Image(array, space, lists, grid.spacing, grid.origin, grid.direction, meta)


def _axes(path: Path, multiscale: dict[str, Any]) -> tuple[list[str], tuple[int, ...], NDArray[np.float64], bool]:
    """Names of all axes; those that are z, y, x with their millimetres per unit; and whether all have units."""
    axes = _list(path, multiscale.get("axes"), "axes")
    if not all(isinstance(axis, dict) and isinstance(axis.get("name"), str) for axis in axes):
        raise ReadError(path, "every axis needs a name", tag="axes")
    names = [axis["name"] for axis in axes]
    spatial = [axis["name"] for axis in axes if axis.get("type") == "space"] or [n for n in names if n in "zyx"]
    if sorted(spatial) not in (["x", "y"], ["x", "y", "z"]) or len(set(names)) < len(names):
        shown = ", ".join(names)[:60]
        raise ReadError(path, f"axes {shown!r}: neither z, y, x nor y, x among others", tag="axes")
    space = tuple(names.index(name) for name in "zyx" if name in spatial)
    units = [axes[axis].get("unit") for axis in space]
    for unit in units:
        if unit is not None and (not isinstance(unit, str) or unit not in _MM):
            raise ReadError(path, f"lengths in {str(unit)[:40]!r} are not supported", tag="unit")
    if None in units and not {*units} <= {None, "millimeter"}:
        # Millimetres beside micrometres would be a guess that makes voxels a thousand times too long.
        raise ReadError(path, "some axes have a unit, others have none", tag="unit")
    factors = np.array([_MM[unit or "millimeter"] for unit in units])
    return names, space, factors, all(unit is not None for unit in units)


def _transform(path: Path, steps: Any, ndim: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scale and translation that a list of transformations amounts to."""
    scale, shift = np.ones(ndim), np.zeros(ndim)
    for step in _list(path, [] if steps is None else steps, "coordinateTransformations"):
        kind = step.get("type") if isinstance(step, dict) else None
        if kind == "identity":
            continue
        if kind not in ("scale", "translation"):
            raise ReadError(path, f"{str(kind)[:40]!r} is not supported", tag="coordinateTransformations")
        values = step.get(kind)
        good = isinstance(values, list) and len(values) == ndim and all(type(v) in (int, float) for v in values)
        numbers = np.array([float(min(max(v, -1e30), 1e30)) for v in values] if good else [np.nan])
        if not (np.abs(numbers) < 1e12).all() or (kind == "scale" and not (numbers > 1e-12).all()):
            raise ReadError(path, f"expected {ndim} {'positive ' * (kind == 'scale')}numbers", tag=kind)
        if kind == "scale":
            scale, shift = scale * numbers, shift * numbers
        else:
            shift = shift + numbers
    return scale, shift


def _our_geometry(path: Path, ours: Any, ndim: int) -> tuple[Volume, dict[str, Any]]:
    try:
        shape = tuple(operator.index(n) for n in ours["shape"])
        if len(shape) != ndim or min(shape) < 1 or ours["space"] != "LPS":
            raise ValueError
        # A grid that takes no memory.
        placeholder = np.broadcast_to(np.uint8(0), shape)
        grid = Volume(placeholder, ours["spacing"], ours["origin"], ours["direction"])
        stored = ours.get("meta", {})
        known = {name: stored[name] for name in _META if name in stored and _harmless(name, stored[name])}
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ReadError(path, "damaged geometry", tag=_OURS, suggestion="export it again") from error
    return grid, {**_meta(spacing_source="cormack", orientation_source="cormack"), **known}


def _harmless(name: str, value: Any) -> bool:
    """Whether a value says something about the image and nothing about a person."""
    if isinstance(value, bool | int | float):
        return math.isfinite(value)
    if name == "modality":
        return isinstance(value, str) and _terms.modality(value) == value
    if name == "units":
        return isinstance(value, str) and _terms.unit(value) == value
    return isinstance(value, str) and _HARMLESS.fullmatch(value) is not None


def _check_agreement(
    path: Path, grid: Volume, shape: tuple[int, ...], scale: NDArray[np.float64], shift: NDArray[np.float64]
) -> None:
    """Refuse a store whose array or metadata were changed by a tool that does not know of our attribute."""
    spacing, along = np.asarray(grid.spacing), grid.direction.T @ np.asarray(grid.origin)
    allowed = 1e-4 * spacing.min()
    if (
        shape != grid.shape
        or (np.abs(scale - spacing) * grid.shape > allowed).any()
        or (np.abs(shift - along) > allowed).any()
    ):
        raise ReadError(
            path,
            "scale and translation, or the size, are not those that it was written with",
            tag=_OURS,
            suggestion=f"delete the attribute {_OURS!r} to read it by scale and translation, without directions",
        )


# --- Reading ---------------------------------------------------------------------------------------------------------


def _volume(
    path: Path, image: _Image, voxels: NDArray[Any], origin: Sequence[float], spacing: Sequence[float]
) -> Volume:
    try:
        return Volume(voxels, spacing, origin, image.direction, image.meta)
    except ValueError as error:
        raise ReadError(path, f"geometry: {error}", tag="coordinateTransformations") from error


def _whole(path: Path, image: _Image, volume: int) -> Volume:
    shape = [image.array.shape[axis] for axis in image.space]
    voxels = np.ascontiguousarray(image.voxels(volume, [(0, n) for n in shape]))
    if voxels.dtype in (np.int64, np.uint64):
        voxels = narrowed(voxels, path, "data_type")
    elif voxels.dtype == np.float16:
        voxels = voxels.astype(np.float32)
    return _volume(path, image, voxels, image.origin, image.spacing)


def read(path: Path, index: int | None) -> Volume:
    """The volume of a store; ``index`` chooses one of several."""
    image = _open(path)
    return _whole(path, image, image.chosen(path, index))


def read_all(path: Path) -> list[Volume]:
    """Every volume of a store."""
    image = _open(path)
    count = image.volume_count
    itemsize = max(4, image.array.dtype.itemsize) if image.array.dtype.kind == "f" else image.array.dtype.itemsize
    check_size(path, math.prod(image.array.shape) * itemsize, f"{count} volumes")
    return [_whole(path, image, index) for index in range(count)]


def check(path: Path) -> tuple[tuple[int, ...], str]:
    """Shape and type of a volume; ReadError for a store whose metadata are no good. The voxels are not looked at."""
    image = _open(path)
    return tuple(image.array.shape[axis] for axis in image.space), image.array.dtype.name


def described(path: Path) -> tuple[Volume, np.dtype[Any], int]:
    """Grid without voxels, stored type and number of volumes, from the metadata."""
    image = _open(path)
    shape = [image.array.shape[axis] for axis in image.space]
    grid = _volume(path, image, np.broadcast_to(np.uint8(0), shape), image.origin, image.spacing)
    return grid, image.array.dtype, image.volume_count


def stamp(folder: str) -> tuple[int, tuple[int, int, int]]:
    """Bytes of all files of a store, and what changes when the store does, as far as metadata tell: none is opened."""
    total, largest, latest = 0, 0, 0
    for name, folders, files in os.walk(folder):
        folders.sort()
        for file in files:
            try:
                status = os.lstat(os.path.join(name, file))
            except OSError:
                continue
            total += status.st_size
            if file in (*METADATA_FILES, ".zattrs"):
                largest, latest = largest + status.st_size, max(latest, status.st_mtime_ns)
    return total, (largest, latest, os.stat(folder).st_ino)


class LazyVolume:
    """A volume in a Zarr store of which only those parts are read that are asked for; `open_zarr` makes it.

    Slicing gives a `Volume` with the part's own origin, its array in memory::

        part = lazy[40:60, :, 100:200]

    Slices only, with steps from 1 on; a single slice is ``lazy[40:41]``. ``np.asarray`` reads everything.

    Attributes
    ----------
    path : Path
        The store.
    shape, ndim, dtype : as of an array
        The type as it is stored; `read` makes float32 of float16 and 32-bit integers of 64-bit ones.
    chunks : tuple of int
        Voxels that lie in one file: boxes on this grid read nothing twice.
    spacing, origin, direction, meta : as of a `Volume`
        Where the whole lies.

    Examples
    --------
    >>> import tempfile, os, numpy as np
    >>> from cormack import Volume, io
    >>> path = os.path.join(tempfile.mkdtemp(), "ct.ome.zarr")
    >>> io.write(Volume(np.arange(24, dtype=np.int16).reshape(2, 3, 4), spacing=(3, 1, 1)), path)
    >>> lazy = io.open_zarr(path)
    >>> lazy
    LazyVolume(shape (2, 3, 4), int16, chunks (2, 3, 4))
    >>> lazy[1:, 1:, 2:4]
    Volume(shape (1, 2, 2), int16, spacing (3, 1, 1) mm, origin (3, 1, 2) mm, axes LPS)
    """

    def __init__(self, path: Path, image: _Image, volume: int) -> None:
        self._image = image
        self._volume = volume
        self.path = path
        self.shape = tuple(image.array.shape[axis] for axis in image.space)
        self.ndim = len(self.shape)
        self.dtype = image.array.dtype
        self.chunks = tuple(min(image.array.chunks[axis], n) for axis, n in zip(image.space, self.shape, strict=True))
        self.spacing, self.origin, self.direction = image.spacing, image.origin, image.direction
        self.meta = dict(image.meta)

    def __getitem__(self, key: Any) -> Volume:
        """Read a box."""
        keys = list(key) if isinstance(key, tuple) else [key]
        dots = [i for i, one in enumerate(keys) if one is Ellipsis]
        if len(dots) <= 1 and len(keys) - len(dots) <= self.ndim:
            at = dots[0] if dots else len(keys)
            keys[at : at + 1] = [slice(None)] * (self.ndim - len(keys) + len(dots))
        if len(keys) != self.ndim or not all(isinstance(one, slice) for one in keys):
            raise IndexError(f"index must be at most {self.ndim} slices, such as [10:20, :, 5:6]; got {key!r}")
        parts = [one.indices(n) for one, n in zip(keys, self.shape, strict=True)]
        if any(step < 1 for _, _, step in parts):
            raise IndexError(f"steps of slices must be positive; got {key!r}")
        box = [(low, max(low, high)) for low, high, _ in parts]
        steps = [step for _, _, step in parts]
        voxels = self._image.voxels(self._volume, box)[tuple(slice(None, None, step) for step in steps)]
        start = np.array([low for low, _ in box])
        origin = np.asarray(self.origin) + self.direction @ (np.asarray(self.spacing) * start)
        spacing = tuple(size * step for size, step in zip(self.spacing, steps, strict=True))
        unmoved = self.origin if not start.any() else origin.tolist()
        return _volume(self.path, self._image, np.ascontiguousarray(voxels), unmoved, spacing)

    @property
    def array(self) -> Any:
        """The whole array, with the axes that it is stored with, as a ``zarr.Array``: for Dask, xarray and the like.

        What zarr reads it reads in its own way; the checks that reading through this class makes are not made.
        """
        zarr = require("zarr", "zarr")
        return zarr.open_array(self._image.array.folder, mode="r")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("the voxels are not in memory; reading them makes a copy")
        return np.asarray(self[...].array, dtype=dtype)

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"LazyVolume(shape {self.shape}, {self.dtype}, chunks {self.chunks})"


def open_zarr(path: str | os.PathLike[str], *, volume: int | None = None, level: int = 0) -> LazyVolume:
    """Open an OME-Zarr image, or a plain Zarr array, and read what is asked for only.

    Parameters
    ----------
    path : path-like
        The folder of the image.
    volume : int, optional
        As for `read`: which one, where there are several.
    level : int, default 0
        Of the pyramid; 0 is the full resolution.

    Returns
    -------
    LazyVolume
        Slicing it reads chunks.

    Raises
    ------
    ReadError
        As for `read`.
    TypeError
        ``volume`` or ``level`` is no whole number.

    Examples
    --------
    >>> import tempfile, os, numpy as np
    >>> from cormack import Volume, io
    >>> path = os.path.join(tempfile.mkdtemp(), "ct.ome.zarr")
    >>> io.write(Volume(np.zeros((40, 50, 60), np.int16)), path)
    >>> io.open_zarr(path)[:, 10:20].shape
    (40, 10, 60)
    """
    path = Path(path)
    if not path.is_dir():
        raise ReadError(path, "no such folder")
    volume = None if volume is None else _check.integer("open_zarr", "volume", volume)
    image = _open(path, _check.integer("open_zarr", "level", level))
    return LazyVolume(path, image, image.chosen(path, volume))


# --- Writing ---------------------------------------------------------------------------------------------------------


def write(volume: Volume, path: Path, levels: int = 1) -> None:
    """Write a folder under a temporary name, then rename."""
    array = storable(np.asarray(volume.array))
    if not array.size:
        raise ValueError(f"cannot write a volume without voxels; its shape is {volume.shape}")
    is_label = volume.array.dtype == bool or "regions" in volume.meta
    names = "zyx"[-volume.ndim :]
    along = volume.direction.T @ np.asarray(volume.origin) + 0.0
    scale = np.asarray(volume.spacing)
    datasets = []
    if os.path.lexists(path) and not (path.is_dir() and (_is_store(path) or not any(path.iterdir()))):
        raise FileExistsError(f"{path} is there and is no Zarr store; it is not replaced")
    with replacing_folder(path) as temporary:
        temporary.mkdir()
        for level in range(levels):
            if level:
                steps = _steps(scale, array.shape)
                if steps == (1,) * volume.ndim:
                    break
                array = array[tuple(slice(None, None, n) for n in steps)] if is_label else _mean(array, steps)
                if not is_label:
                    along = along + scale * (np.array(steps) - 1) / 2
                scale = scale * steps
            write_array(temporary / str(level), array, even_chunks(array.shape, _LARGEST_CHUNK), names)
            transforms = [
                {"type": "scale", "scale": scale.tolist()},
                {"type": "translation", "translation": along.tolist()},
            ]
            datasets.append({"path": str(level), "coordinateTransformations": transforms})
        multiscale: dict[str, Any] = {
            "name": "image",
            "axes": [{"name": name, "type": "space", "unit": "millimeter"} for name in names],
            "datasets": datasets,
        }
        if len(datasets) > 1:
            multiscale["type"] = "nearest" if is_label else "mean"
        ours = {
            "version": 1,
            "space": "LPS",
            "shape": list(volume.shape),
            "spacing": list(volume.spacing),
            "origin": list(volume.origin),
            "direction": volume.direction.tolist(),
            "meta": {name: volume.meta[name] for name in _META if _harmless(name, volume.meta.get(name))},
            # Every chunk has a file: one that is missing was lost.
            "complete": True,
        }
        attributes = {"ome": {"version": "0.5", "multiscales": [multiscale]}, _OURS: ours}
        write_json(temporary / "zarr.json", {"zarr_format": 3, "node_type": "group", "attributes": attributes})


def _steps(spacing: NDArray[np.float64], shape: tuple[int, ...]) -> tuple[int, ...]:
    """Halve the axes with small voxels, so that voxels of thick slices become cubes rather than slabs."""
    long = [size > 1 for size in shape]
    smallest = min([s for s, ok in zip(spacing, long, strict=True) if ok], default=1.0)
    return tuple(2 if ok and s < 2 * smallest else 1 for s, ok in zip(spacing, long, strict=True))


def _mean(array: NDArray[Any], steps: tuple[int, ...]) -> NDArray[Any]:
    """Mean of blocks, of what there is of them at the end; whole numbers are rounded to nearest."""
    shape = tuple(-(-n // step) for n, step in zip(array.shape, steps, strict=True))
    out = np.empty(shape, array.dtype)
    for k in range(shape[0]):
        total = array[k * steps[0] : (k + 1) * steps[0]].astype(np.float64)
        total = total.mean(axis=0)
        for axis, step in enumerate(steps[1:]):
            if step > 1:
                n = total.shape[axis]
                starts = np.arange(0, n, step)
                counts = np.minimum(n - starts, step)
                shaped = counts.reshape([-1 if a == axis else 1 for a in range(total.ndim)])
                total = np.add.reduceat(total, starts, axis=axis) / shaped
        out[k] = np.rint(total) if array.dtype.kind in "iu" else total
    return out
