"""A folder of images against normal ones: heat maps, pictures, a table and a report."""

from __future__ import annotations

import functools
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__, _check, io
from .._errors import BackendUnavailable, ModelRefused, ReadError
from .._files import locked
from .._workers import Outcome, map_isolated
from ..pipeline.files import case_folder, clear_leftovers, csv_table, folder_names, write_json
from ..pipeline.identity import NamelessSource, file_source, name_cases
from ..pipeline.job import mask_of, reason_of
from ..pipeline.masks import find_masks
from ..volume import Volume
from ._heat import prepared, same_spacing
from ._model import check_free, check_network, load_detector, save_detector
from ._patches import PatchMemory, fit_patches, recipe_of
from ._pictures import heat_pictures
from ._residual import ResidualDetector, fit_residual
from .report import RECORD, write_report

__all__ = ["score_folder"]

_COLUMNS = ("case", "status", "score", "p_value", "outlier", "peak_x_mm", "peak_y_mm", "peak_z_mm", "reason")

_FIT = "fit_patches"
_DEFAULTS: dict[str, Any] = {"patch": 9, "stride": None, "intensity": "none", "position": 0.0}

Progress = Callable[[str, str, str, int, int], None]
Item = tuple[io.Source | NamelessSource, Path | ReadError | None]


def score_folder(
    normal: str | os.PathLike[str],
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    network: str | os.PathLike[str] | None = None,
    masks: str | os.PathLike[str] | None = None,
    keep_identity: bool = False,
    workers: int = 1,
    timeout_s: float | None = None,
    max_memory_bytes: int | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """Say which images of a folder differ from normal ones, and where.

    Parameters
    ----------
    normal : path-like
        A folder of at least two normal images; or the folder of a detector that `save_detector` wrote.
    source : path-like
        A folder of images, or one image.
    out : path-like
        Where to write: ``scores.csv``, ``anomaly.json``, ``report.html``, ``model/`` and for each case
        ``cases/CASE/heat.nii.gz`` with pictures.
    network : path-like, optional
        An ONNX autoencoder for `fit_residual`; without it `fit_patches`.
    masks : path-like, optional
        A folder with a mask for each image, named as it is: where to look.
    keep_identity : bool, default False
        Name DICOM cases by their files.
    workers : int, default 1
        Cases at a time, each in a process of its own.
    timeout_s, max_memory_bytes : optional
        Of a case.
    progress : callable, optional
        Is told event, case, step, number done and number of all.
    **settings
        For `fit_patches` or `fit_residual`.

    Returns
    -------
    dict
        What ``anomaly.json`` holds: ``cases``, ``normal``, ``threshold``, ...

    Raises
    ------
    ReadError
        There is no image, or fewer than two normal ones that can be used.
    TypeError, ValueError
        A setting makes no sense.
    """
    began = time.perf_counter()
    target = Path(out)
    cases = _items(source, masks, keep_identity, target)
    tell = progress or (lambda *_: None)
    left_out: list[dict[str, str]] = []
    model = target / "model"
    check_free(model)
    if (Path(normal) / "card.json").exists():
        if settings or network is not None:
            raise ValueError("score_folder: a detector that was saved takes no settings")
        detector = load_detector(normal)
        names: list[str] = []
        items: list[Item] = []
        if not isinstance(detector, (PatchMemory, ResidualDetector)):
            raise ModelRefused(normal, "is a detector for tables; give one for images, or a folder of normal images")
    else:
        if network is None:
            given = {**_DEFAULTS, **settings}
            recipe_of(_FIT, given["patch"], given["stride"], (), given["intensity"], given["position"])
        autoencoder = None if network is None else _autoencoder(network)
        # A network has a spacing of its own, or takes any.
        mixed = network is not None or settings.get("spacing") is not None
        items, left_out = _usable(_items(normal, masks, keep_identity, target), settings, mixed, tell)
        if len(items) < 2:
            why = f": {left_out[0]['case']}: {left_out[0]['reason']}" if left_out else ""
            raise ReadError(normal, f"{len(items)} normal images that can be used, at least two are needed{why}")
        tell("fit", "", "learning from the normal images", 0, 0)
        names = [case.id for case, _ in items]
        images = [case for case, _ in items]
        looks = [_look(item) for item in items]
        if network is None:
            detector = fit_patches(images, masks=looks, **settings)
        else:
            detector = fit_residual(autoencoder, images, masks=looks, **settings)
    target.mkdir(parents=True, exist_ok=True)
    with locked(target / ".lock"):
        save_detector(detector, model)
        (target / "cases").mkdir(exist_ok=True)
        clear_leftovers(target / "cases")
        top = max(2.0, 2 * detector.calibration.threshold)
        jobs = [
            _Job(model, case, mask, target / "cases" / folder, top)
            for (case, mask), folder in zip(cases, folder_names(case.id for case, _ in cases), strict=True)
        ]
        records: list[dict[str, Any]] = [{} for _ in jobs]
        outcomes = map_isolated(
            _score_case, jobs, workers=workers, timeout_s=timeout_s, max_memory_bytes=max_memory_bytes
        )
        for done, outcome in enumerate(outcomes, 1):
            records[outcome.index] = _record(jobs[outcome.index], outcome)
            tell("case", jobs[outcome.index].case.id, "", done, len(jobs))
        record = {
            "format": 1,
            "kind": "patches" if isinstance(detector, PatchMemory) else "network",
            "cormack": __version__,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": time.perf_counter() - began,
            "normal": {
                "images": detector.images,
                "cases": names,
                "left_out": left_out,
                "scores": detector.calibration.scores.tolist(),
            },
            "threshold": detector.calibration.threshold,
            "alarm": detector.calibration.alarm,
            "scale": [1.0, top],
            "settings": _said(detector),
            "masks": masks is not None,
            "notes": _seen_before(cases, items),
            "cases": records,
        }
        _write_scores(target / "scores.csv", records)
        write_json(target / RECORD, record)
        write_report(target)
    return record


def _items(source: Any, masks: Any, keep_identity: bool, out: Path) -> list[Item]:
    """The images, and the mask of each, or why it has none."""
    inside = out.resolve()
    found = [item for item in io.find_studies(source) if not item.path.resolve().is_relative_to(inside)]
    if not found:
        raise ReadError(source, "nothing in it but results of earlier runs", suggestion="give the folder of the images")
    broken = [item.error for item in found if item.error is not None]
    if len(broken) == len(found):
        raise broken[0]
    cases = name_cases(found, keep_identity=keep_identity)
    at: Sequence[Path | ReadError | None] = [None] * len(cases)
    if masks is not None:
        at = find_masks(Path(masks), cases)
    return list(zip(cases, at, strict=True))


def _autoencoder(path: Any) -> Any:
    from .. import deep

    network = deep.load(path)
    check_network(network)
    return network


def _look(item: Item) -> Callable[[Volume], Volume] | None:
    case, mask = item
    if isinstance(mask, ReadError):
        raise mask
    return None if mask is None else functools.partial(_masked, mask, isinstance(case, NamelessSource))


def _masked(path: Path, hides: bool, image: Volume) -> Volume:
    return mask_of(path, image, hides=hides)


def _usable(
    items: list[Item], settings: Mapping[str, Any], mixed: bool, tell: Progress
) -> tuple[list[Item], list[dict[str, str]]]:
    """The normal images that can be read and fit together, and why others cannot be used.

    Those that most agree with, in dimensions and, unless spacings may be `mixed`, in spacing.
    """
    groups: list[tuple[tuple[float, ...], list[Item]]] = []
    left_out = []
    for number, item in enumerate(items, 1):
        try:
            image = item[0].read()
            spacing = settings.get("spacing")
            grid = None if spacing is None else _check.spacing(_FIT, spacing, image.ndim)
            # What makes one image unfit ends no cohort.
            prepared(_FIT, image, _look(item), grid, settings.get("intensity", "none"), None)
        except (BackendUnavailable, MemoryError):
            raise
        except Exception as error:
            left_out.append({"case": item[0].id, "reason": reason_of(error, item[0]).removeprefix(f"{_FIT}: ")})
            continue
        own = (1.0,) * image.ndim if mixed else image.spacing
        group = next((members for known, members in groups if same_spacing(own, known)), None)
        if group is None:
            groups.append((own, group := []))
        group.append(item)
        tell("normal", item[0].id, "looking at normal images", number, len(items))
    good: list[Item] = []
    others = [*groups]
    if groups:
        best = max(groups, key=lambda each: len(each[1]))
        others.remove(best)
        usual, good = best
        for known, members in others:
            if len(known) != len(usual):
                why = f"it is {len(known)}-D, most are {len(usual)}-D"
            else:
                why = f"its spacing is {known} mm, that of most is {usual} mm"
            left_out += [{"case": item[0].id, "reason": why} for item in members]
    return good, left_out


@dataclass(frozen=True)
class _Job:
    model: Path
    case: io.Source | NamelessSource
    mask: Path | ReadError | None
    folder: Path
    top: float


@functools.lru_cache(maxsize=1)
def _detector(model: Path, stamp: int) -> Any:
    return load_detector(model)


def _score_case(job: _Job) -> dict[str, Any]:
    """Score an image in a worker: its record."""
    began = time.perf_counter()
    try:
        detector = _detector(job.model, (job.model / "card.json").stat().st_mtime_ns)
        image = job.case.read()
        look = _look((job.case, job.mask))
        own = None if isinstance(detector, ResidualDetector) else detector.recipe.spacing
        if own is not None and len(own) != image.ndim:
            raise ValueError(f"it is {image.ndim}-D, the normal images are {len(own)}-D")
        found = detector.score(image, look)
        top = job.top
        with case_folder(job.folder) as folder:
            io.write(found.heat, folder / "heat.nii.gz")
            pictures = []
            for picture in heat_pictures(image, found.heat, found.peak, top):
                (folder / picture.file).write_bytes(picture.png)
                pictures.append({"file": picture.file, "plane": picture.plane, "caption": picture.caption})
            world = image.index_to_world(np.array([found.peak], float))[0]
            record = {
                "id": job.case.id,
                "status": "completed",
                "reason": "",
                "folder": f"cases/{job.folder.name}",
                "score": found.score,
                "p_value": found.p_value,
                "outlier": found.outlier,
                "peak": list(found.peak),
                "peak_mm": dict(zip("zyx"[-image.ndim :], map(float, world), strict=True)),
                "spacing": list(image.spacing),
                "shape": list(image.shape),
                "hot_share": float(np.count_nonzero(np.asarray(found.heat.array) > 1) / found.heat.array.size),
                "pictures": pictures,
                "seconds": time.perf_counter() - began,
            }
            write_json(folder / "case.json", record)
    except Exception as error:
        return _failed(job, reason_of(error, job.case).removeprefix("score: "))
    return record


def _failed(job: _Job, reason: str) -> dict[str, Any]:
    if (job.folder / "case.json").exists():
        # Of an earlier run: no map stands beside a case that failed.
        shutil.rmtree(job.folder)
    return {"id": job.case.id, "status": "failed", "reason": reason}


def _record(job: _Job, outcome: Outcome[dict[str, Any]]) -> dict[str, Any]:
    if outcome.value is not None:
        return outcome.value
    return _failed(job, f"the case {outcome.failure}" if outcome.failure else reason_of(outcome.error, job.case))  # type: ignore[arg-type]


def _said(detector: PatchMemory | ResidualDetector) -> dict[str, Any]:
    if isinstance(detector, ResidualDetector):
        card = detector.network.card
        return {
            "network": card.name,
            "version": card.version,
            "smoothing_mm": detector.smoothing,
            "overlap": detector.overlap,
        }
    recipe = detector.recipe
    return {
        "patch": recipe.patch,
        "stride": recipe.stride,
        "spacing_mm": list(recipe.spacing),
        "intensity": recipe.intensity,
        "memory": len(detector.bank),
        "neighbours": detector.neighbours,
        "position": recipe.position,
        "seed": detector.seed,
    }


def _seen_before(cases: Sequence[Item], normal: Sequence[Item]) -> list[str]:
    """A warning where images are among the normal ones, which know themselves."""

    def files(item: Item) -> set[Path]:
        source = file_source(item[0])
        return set() if source is None else {Path(path).resolve() for path in source.files}

    known = set().union(*map(files, normal))
    count = sum(bool(files(item) & known) for item in cases)
    verb = "is" if count == 1 else "are"
    return (
        [f"{count} of the images {verb} among the normal ones: scores are too low, p-values too large"] if count else []
    )


def _write_scores(path: Path, records: Sequence[Mapping[str, Any]]) -> None:
    def rows() -> Iterator[dict[str, Any]]:
        for record in records:
            at = record.get("peak_mm", {})
            row = {name: record.get(name) for name in _COLUMNS[1:]}
            row["outlier"] = int(record["outlier"]) if "outlier" in record else None
            yield {**row, "case": record["id"], **{f"peak_{axis}_mm": at.get(axis) for axis in "xyz"}}

    with csv_table(path, _COLUMNS) as add:
        add(list(rows()))
