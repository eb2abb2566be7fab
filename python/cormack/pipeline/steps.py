"""The steps of a pipeline: each takes a case and gives a new one.

A step calls public functions of the library with the parameters of the configuration and does nothing else: it prints
nothing, writes no file and keeps no state, so that any step can be called alone, in any process, in a notebook.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import anatomy, enhance, features, segment
from .._errors import BackendUnavailable, GpuMemoryError
from .._table import Table
from ..volume import Volume
from . import decisions, image_steps, networks
from . import step_models as models
from .decisions import Decision
from .memory import peak_bytes, start_peak
from .placement import Placement

__all__ = ["KERNEL_STEPS", "Case", "Region", "StepRecord", "apply", "use_mask"]

_logger = logging.getLogger(__name__)

KERNEL_STEPS = ("filter", "enhance", "segment", "screen", "features")
"""Kinds of steps whose time is time in the library's kernels."""


@dataclass(frozen=True)
class StepRecord:
    """What one step did: its kind and method, how long it took (s), with which parameters.

    ``peak_bytes`` is the most memory that the whole process held meanwhile; None where the system does not tell.
    ``device`` is where it computed, in a run on a GPU.
    """

    name: str
    kind: str
    seconds: float
    parameters: Mapping[str, Any] = field(default_factory=dict)
    peak_bytes: int | None = None
    device: str | None = None


@dataclass(frozen=True)
class Region:
    """The features of one label map; ``size`` is its volume in ml, in 2D its area in cm².

    ``note`` says which families are not defined for it.
    """

    name: str
    label: int
    size: float
    voxel_count: int
    features: Mapping[str, float]
    note: str = ""


@dataclass(frozen=True, eq=False)
class Case:
    """Everything known about one study at one point of the pipeline.

    Parameters
    ----------
    id : str
        Name of the case.
    volumes : mapping of str to Volume
        Images by name: ``original`` as imported, ``image`` the working copy, and what steps called otherwise.
    label_maps : mapping of str to ndarray
        Masks (bool) and labellings (int32) by name, on the grid of the original.
    tables : mapping of str to Table
        Results of `screen` by the name of their label map: all objects, kept or not.
    regions : tuple of Region
        Features per label map.
    object_features : mapping of str to mapping of int to mapping
        Features of single objects: by the name of their label map, by their number in it.
    provenance : tuple of StepRecord
        The steps taken so far.
    masked : bool
        Whether the label maps were given and not computed; `segment` and `screen` steps then do nothing.
    decision : Decision, optional
        What a model says about the case.
    placement : Placement, optional
        What is on a GPU, where steps compute there; images that they make then are arrays on the GPU.
    """

    id: str
    volumes: Mapping[str, Volume]
    label_maps: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    regions: tuple[Region, ...] = ()
    object_features: Mapping[str, Mapping[int, Mapping[str, float]]] = field(default_factory=dict)
    provenance: tuple[StepRecord, ...] = ()
    masked: bool = False
    decision: Decision | None = None
    placement: Placement | None = None

    @classmethod
    def from_volume(cls, id: str, volume: Volume) -> Case:
        """Start a case from an imported volume."""
        return cls(id, {"original": volume, "image": volume})

    @property
    def original(self) -> Volume:
        """The image as imported."""
        return self.volumes["original"]

    @property
    def spacing(self) -> tuple[float, ...]:
        """Voxel size in mm, in array order."""
        return tuple(self.original.spacing)

    def pixels(self, name: str) -> Any:
        """The array of an image, where steps compute."""
        return self.near(self.volumes[name].array)

    def near(self, array: Any) -> Any:
        """An array, where steps compute."""
        return np.asarray(array) if self.placement is None else self.placement.on_gpu(array)

    def on_host(self) -> Case:
        """The case with all images on the host, where its next steps compute."""
        placement = self.placement
        if placement is None:
            return self
        volumes = {
            name: volume if isinstance(volume.array, np.ndarray) else volume.replace(placement.on_host(volume.array))
            for name, volume in self.volumes.items()
        }
        return replace(self, volumes=volumes, placement=None)

    def with_volume(self, name: str, array: npt.NDArray[Any], *, units: str) -> Case:
        """Return the case with an image more, or with another one under the name; `units` may be empty."""
        volume = self.original.replace(array, meta={**self.original.meta, "units": units})
        return replace(self, volumes={**self.volumes, name: volume})

    def with_labels(self, name: str, labels: npt.NDArray[Any]) -> Case:
        """Return the case with a label map more, or with another one under the name; label maps are on the host."""
        if self.placement is not None:
            labels = self.placement.on_host(labels)
        return replace(self, label_maps={**self.label_maps, name: labels})

    def mask(self, name: str) -> npt.NDArray[np.bool_]:
        """A label map as a mask."""
        labels = self.label_maps[name]
        return labels if labels.dtype == bool else labels > 0


def apply(case: Case, step: Any, *, workers: int | None = None) -> Case:
    """Do one step.

    Parameters
    ----------
    case : Case
        The case before.
    step : Step
        A step of a :class:`~cormack.pipeline.Config`; `export` is the runner's and is refused.
    workers : int, optional
        Threads.

    Returns
    -------
    Case
        The case after, with a `StepRecord` more.
    """
    if case.masked and step.step in ("segment", "screen"):
        return case
    measured = start_peak()
    start = time.perf_counter()
    done, device = _done(case, step, workers)
    seconds = time.perf_counter() - start
    peak = peak_bytes() if measured else None
    parameters = step.model_dump(mode="json", exclude={"step", "method"}, exclude_none=True)
    name = f"{step.step} {step.method}" if hasattr(step, "method") else step.step
    record = StepRecord(name, step.step, seconds, parameters, peak, device)
    return replace(done, provenance=(*case.provenance, record))


def _done(case: Case, step: Any, workers: int | None) -> tuple[Case, str | None]:
    """Do a step where the case is, or else on the host; return where it was done too, if that was a question."""
    action = _ACTIONS[type(step)]
    if case.placement is None or isinstance(step, models.ClassifyStep):
        return action(case, step, workers), None
    reason = "it has no GPU form"
    if type(step) in _ON_GPU:
        try:
            return action(case, step, workers), "cuda"
        except (BackendUnavailable, GpuMemoryError) as error:
            reason = str(error)
    what = f"{step.step} {step.method}" if hasattr(step, "method") else step.step
    _logger.info("case %s: %s runs on the CPU: %s", case.id.encode("utf-8", "backslashreplace").decode(), what, reason)
    host = case.on_host()
    done = action(host, step, workers)
    # What it left alone stays where it is.
    volumes = {
        name: case.volumes[name] if volume is host.volumes.get(name) else volume
        for name, volume in done.volumes.items()
    }
    return replace(done, volumes=volumes, placement=case.placement), "cpu"


def use_mask(case: Case, mask: Volume, *, seconds: float = 0.0, file: str = "") -> Case:
    """Take the labels of a given mask instead of segmenting.

    Parameters
    ----------
    case : Case
        The case.
    mask : Volume
        Integer labels, 0 for background, on the grid of the image.
    seconds : float
        Time that reading it took, for the record.
    file : str
        Its file name, for the record.

    Returns
    -------
    Case
        With the label map ``mask``, or with ``mask 1``, ``mask 2``, ... when it has several labels.

    Raises
    ------
    GeometryError
        The mask is on another grid; the message prints both.
    ValueError
        It is empty, or its values are not labels.
    """
    case.original.check_geometry(mask)
    array = np.asarray(mask.array)
    if array.dtype.kind == "f" and not np.array_equal(array, np.rint(array)):
        raise ValueError(f"the mask {file or 'given'} has values that are no whole numbers: it is an image, not a mask")
    values = np.flatnonzero(np.bincount(array.ravel())) if array.dtype == np.uint8 else np.unique(array)
    values = values[values != 0]
    if values.size == 0:
        raise ValueError(f"the mask {file or 'given'} is empty")
    if values.size > 255:
        raise ValueError(f"the mask {file or 'given'} has {values.size} different labels; at most 255 are possible")
    maps = {"mask" if values.size == 1 else f"mask {int(value)}": array == value for value in values}
    record = StepRecord("import mask", "import", seconds, {"file": file} if file else {})
    return replace(case, label_maps=maps, masked=True, provenance=(*case.provenance, record))


# --- Actions on label maps and measurements ----------------------------------------------------------------------


def _threshold(case: Case, step: models.Threshold, workers: int | None) -> Case:
    array = case.pixels(step.input)
    within = case.mask(step.within) if step.within is not None else None
    otsu = 0.0
    if "otsu" in (step.lower, step.upper):
        otsu = float(segment.threshold_otsu(array, mask=within))
    # Bounds are numbers of the image's type, as where NumPy compares with them.
    single = str(array.dtype).endswith("float32")
    kind: Any = np.float32 if single else np.float64
    # Otsu's value belongs to the lower class: "from otsu on" is above it, as in scikit-image.
    lower = float(np.nextafter(kind(otsu), kind(np.inf))) if step.lower == "otsu" else step.lower
    upper = otsu if step.upper == "otsu" else step.upper
    low, high = (None if end is None else float(kind(end)) for end in (lower, upper))
    if low is None and high is None:
        inside = np.ones(case.original.shape, bool)
    elif low is not None and high is not None and high < low:
        inside = np.zeros(case.original.shape, bool)
    else:
        inside = segment.binary_threshold(array, low, high, workers=workers)
        inside = inside if case.placement is None else case.placement.on_host(inside)
    if within is not None:
        inside = inside & within
    if step.keep == "largest":
        inside = segment.largest_component(inside)
    if step.fill_holes:
        inside = segment.fill_holes(inside)
    return case.with_labels(step.output, inside)


def _region_growing(case: Case, step: models.RegionGrowing, workers: int | None) -> Case:
    array = case.pixels(step.input)
    shape = tuple(array.shape)
    seeds: list[tuple[int, ...]]
    if step.seeds == "center":
        seeds = [tuple(n // 2 for n in shape)]
    else:
        seeds = [tuple(seed) for seed in step.seeds]
        for seed in seeds:
            if len(seed) != len(shape) or not all(0 <= i < n for i, n in zip(seed, shape, strict=True)):
                raise ValueError(f"seed {list(seed)} lies outside an image of shape {shape}")
    within = case.mask(step.within) if step.within is not None else None
    grown = segment.connected_threshold(
        array, seeds, step.lower, step.upper, connectivity=step.connectivity, mask=within, workers=workers
    )
    return case.with_labels(step.output, grown)


def _lungs(case: Case, step: models.Lungs, workers: int | None) -> Case:
    _needs_volume(case, step)
    mask = anatomy.lungs(
        case.volumes[step.input].array,
        spacing=case.spacing,
        threshold=step.threshold,
        min_volume_mm3=step.min_volume_mm3,
        mean_hu=step.mean_hu,
        exclude_airways=step.exclude_airways,
        workers=workers,
    )
    return case.with_labels(step.output, mask)


def _nodules(case: Case, step: models.NoduleCandidates, workers: int | None) -> Case:
    _needs_volume(case, step)
    labels, response = anatomy.nodule_candidates(
        case.volumes[step.input].array,
        case.mask(step.lungs),
        spacing=case.spacing,
        threshold=step.threshold,
        diameter_mm=step.diameter_mm,
        min_roundness=step.min_roundness,
        min_response=step.min_response,
        workers=workers,
    )
    return case.with_volume(step.response, response, units="HU").with_labels(step.output, labels)


def _deep(case: Case, step: models.DeepSegmentation, workers: int | None) -> Case:
    network = networks.loaded(step)
    threshold = network.card.threshold if step.threshold is None else step.threshold
    whole = case.original
    probability = np.zeros(whole.shape, np.float32)
    inside = np.ones(whole.shape, bool)
    if step.within is not None:
        inside = case.mask(step.within)
        if step.closing_mm:
            inside = anatomy._closed(segment.fill_holes(inside), step.closing_mm, case.spacing, workers)
    if inside.any():
        # Around the map the network sees some of what is there, not the end of the image. Grey values that are brought
        # to its own by what the image has want all of it.
        box = tuple(slice(0, n) for n in whole.shape)
        if not networks.looks_at_all(network.card):
            box = anatomy._box(inside, [math.ceil(10.0 / size) for size in case.spacing])
        corner = whole.index_to_world([side.start for side in box])
        array = case.volumes[step.input].array[box]
        part = Volume(array, spacing=whole.spacing, origin=tuple(corner), direction=whole.direction)
        found = networks.probability_of(network, part, step.label, step.overlap)
        probability[box] = np.where(inside[box], found, 0)
    done = case.with_volume(step.probability, probability, units="")
    return done.with_labels(step.output, inside & (probability >= threshold))


def _brain(case: Case, step: models.Brain, workers: int | None) -> Case:
    _needs_volume(case, step)
    mask = anatomy.brain(
        case.volumes[step.input].array,
        spacing=case.spacing,
        stripped=step.stripped,
        neck_mm=step.neck_mm,
        workers=workers,
    )
    return case.with_labels(step.output, mask)


def _needs_volume(case: Case, step: Any) -> None:
    if case.original.ndim != 3:
        raise ValueError(f"segment {step.method} needs a 3D volume, this is a single 2D image; use another preset")


def _screen(case: Case, step: models.ScreenStep, workers: int | None) -> Case:
    given = case.label_maps[step.input]
    labels = case.near(given)
    ndim = case.original.ndim
    connectivity = min(step.connectivity, ndim)
    if given.dtype == bool:
        labels, _ = segment.label(labels, connectivity=connectivity, workers=workers)
    flat = {"volume_mm3", "flatness", "axis_least_mm"} if ndim == 2 else {"area_mm2"}
    criteria: dict[str, Any] = step.criteria
    if wrong := flat & set(criteria):
        raise ValueError(f"screen: {', '.join(sorted(wrong))} has no meaning in an image with {ndim} axes")
    kept, table = segment.screen(labels, case.pixels(step.image), spacing=case.spacing, workers=workers, **criteria)
    if step.score is not None:
        ranked = table
        if step.score_image is not None:
            scores = case.pixels(step.score_image)
            ranked = segment.label_statistics(labels, scores, spacing=case.spacing, workers=workers)
        table["score"] = ranked[step.score].astype(float)
    name = step.output or step.input
    done = case.with_labels(name, kept)
    return replace(done, tables={**case.tables, name: table})


def _features(case: Case, step: models.FeaturesStep, workers: int | None) -> Case:
    names = list(case.label_maps) if step.regions == "all" or case.masked else step.regions
    ndim = case.original.ndim
    # ml and cm²: what people quote for organs.
    unit = float(np.prod(case.spacing)) / (1000.0 if ndim == 3 else 100.0)
    numbers = {name: number for number, name in enumerate(case.label_maps, start=1)}
    regions = []
    for name in names:
        mask = case.mask(name)
        count = int(np.count_nonzero(mask))
        # Statistics of nothing are not numbers; the region stays, with its size of zero.
        table = _radiomics(case, step, mask, [1], workers)[0] if count else None
        values = {} if table is None else dict(table)
        note = "" if table is None or table.error is None else table.error
        regions.append(Region(name, numbers[name], count * unit, count, values, note))
    known = {region.name for region in regions}
    objects = dict(case.object_features)
    if step.objects:
        for name in names:
            kept = sorted(row["new_label"] for row in kept_objects(case.tables[name])) if name in case.tables else []
            labels = case.label_maps[name]
            tables = _radiomics(case, step, labels, kept, workers) if kept else []
            objects[name] = {label: dict(table) for label, table in zip(kept, tables, strict=True)}
    earlier = (region for region in case.regions if region.name not in known)
    return replace(case, regions=(*earlier, *regions), object_features=objects)


def _radiomics(
    case: Case, step: models.FeaturesStep, mask: npt.NDArray[Any], labels: Sequence[int], workers: int | None
) -> features.FeatureTables:
    return features.radiomics(
        case.pixels(step.image),
        # A mask that was made for this goes there by itself, and away again.
        case.near(mask) if any(mask is known for known in case.label_maps.values()) else mask,
        spacing=case.spacing,
        labels=labels,
        settings=step.radiomics_settings(),
        workers=workers,
    )


def _classify(case: Case, step: models.ClassifyStep, workers: int | None) -> Case:
    from .results import feature_rows

    decision = decisions.decide(step.model, str(step.sha256), feature_rows(case), step.extraction(case.masked))
    return replace(case, decision=decision)


_ACTIONS: Mapping[type, Callable[[Case, Any, int | None], Case]] = {
    **image_steps.ACTIONS,
    models.Threshold: _threshold,
    models.RegionGrowing: _region_growing,
    models.Lungs: _lungs,
    models.NoduleCandidates: _nodules,
    models.DeepSegmentation: _deep,
    models.Brain: _brain,
    models.ScreenStep: _screen,
    models.FeaturesStep: _features,
    models.ClassifyStep: _classify,
}


_ON_GPU = (*image_steps.ON_GPU, models.Threshold, models.RegionGrowing, models.ScreenStep, models.FeaturesStep)


def histogram(array: npt.NDArray[Any], bins: int = 128) -> dict[str, list[float]]:
    """Histogram for a picture: at most `bins` bins over all but the outermost 0.05 % at either end.

    Parameters
    ----------
    array : ndarray
        An image.
    bins : int, default 128
        Largest number of bins.

    Returns
    -------
    dict
        ``edges`` and ``counts``; empty lists when there is nothing to count.
    """
    if array.dtype == bool:
        array = array.view(np.uint8)
    low, high = anatomy._quantiles(array, (0.0005, 0.9995))
    if not np.isfinite(low) or not np.isfinite(high):
        return {"edges": [], "counts": []}
    if array.dtype.kind in "iu":
        # Whole numbers per bin: else every few bins would count one value more and the curve would beat.
        low = float(np.floor(low))
        width = max(1.0, float(np.ceil((high + 1 - low) / bins)))
        bins = max(1, int(np.ceil((high + 1 - low) / width)))
        low, high = low - 0.5, low - 0.5 + bins * width
    elif not low < high:
        half = max(0.5, abs(low) * 1e-6)  # more than the rounding of a huge value
        low, high = low - half, high + half
    counts, edges = enhance.histogram(array, bins=bins, range=(low, high))
    return {"edges": [float(v) for v in edges], "counts": [int(v) for v in counts]}


def label_map(case: Case) -> tuple[npt.NDArray[np.uint8], dict[str, str]]:
    """All label maps in one image: the number of the map, later ones over earlier ones, and the names by number."""
    combined = np.zeros(case.original.shape, np.uint8)
    names = {}
    for number, name in enumerate(case.label_maps, start=1):
        combined[case.mask(name)] = number
        names[str(number)] = name
    return combined, names


def kept_objects(table: Table) -> Sequence[dict[str, Any]]:
    """The rows of a screened table that were kept, largest first."""
    rows = [row for row in table.rows() if row["kept"]]
    return sorted(rows, key=lambda row: -row["voxel_count"])
