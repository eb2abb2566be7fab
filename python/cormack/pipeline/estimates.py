"""What a run would take: voxels times what each kind of step takes per voxel.

The numbers were measured on generated images of 1 and 8.4 million voxels of int16, on one thread of a server of 2024;
another machine, other parameters (a larger kernel, more iterations) and other contents change them. Within a factor of
three for the steps' defaults; a run's own record has what it took.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import io
from .._errors import ReadError
from .config import Config
from .identity import NamelessSource
from .job import reason_of

__all__ = ["CaseEstimate", "Estimate", "estimate_of"]

_BASE_BYTES = 62_000_000  # the interpreter with all libraries
_MODEL_BYTES = 360_000_000  # scikit-learn and skops
_NETWORK_BYTES = 100_000_000  # ONNX Runtime, onnx, and the windows of a small network
_PICTURE_BYTES, _PICTURE_SECONDS = 12_000_000, 0.12
_IMPORT = 5.0  # ns per voxel: inflating

# Nanoseconds, and bytes of working memory, per voxel.
_STEPS: dict[tuple[str, str], tuple[float, float]] = {
    ("filter", "median"): (3, 2),
    ("filter", "percentile"): (8, 2),
    ("filter", "bilateral"): (14, 2),
    ("filter", "diffusion"): (18, 8),
    ("filter", "total-variation"): (18, 14),
    ("filter", "non-local-means"): (800, 6),
    ("filter", ""): (3, 4),
    ("enhance", "clahe"): (3, 4),
    ("enhance", ""): (1, 4),
    ("segment", "lungs"): (12, 14),
    ("segment", "nodule-candidates"): (40, 16),
    ("segment", "deep"): (450, 28),
    ("segment", "brain"): (22, 17),
    ("segment", ""): (3, 3),
    ("screen", ""): (5, 6),
    ("features", "all"): (18, 4),
    ("features", ""): (2, 3),
    ("classify", ""): (0, 0),
}


@dataclass(frozen=True)
class CaseEstimate:
    """One case: what its header says, and about what it would take.

    Parameters
    ----------
    id, kind, modality, dtype : str
        As in `cormack.io.Source`.
    shape : tuple of int
        Voxels in array order; () where the header does not say.
    memory_bytes : int
        Largest memory of its process.
    seconds : float
        Time on the threads that one case has.
    error : str
        Why it would fail, as far as headers tell.
    """

    id: str
    kind: str
    modality: str
    shape: tuple[int, ...]
    dtype: str
    memory_bytes: int
    seconds: float
    error: str = ""


@dataclass(frozen=True)
class Estimate:
    """What a run would do and take; an estimate, not a promise.

    Parameters
    ----------
    cases : tuple of CaseEstimate
        In the order of the run.
    steps : tuple of str
        Kind and method of each step, with import and export.
    workers : int
        Cases at a time.
    memory_bytes : int
        Of as many of the largest cases as run at a time.
    seconds : float
        Wall time.
    """

    cases: tuple[CaseEstimate, ...]
    steps: tuple[str, ...]
    workers: int
    memory_bytes: int
    seconds: float


def estimate_of(
    sources: Sequence[io.Source | NamelessSource],
    masks: Sequence[Path | ReadError | None],
    config: Config,
    workers: int,
    threads: int,
) -> Estimate:
    """Estimate cases whose masks, if they have any, were found.

    Parameters
    ----------
    sources : sequence of Source
        The images.
    masks : sequence of Path, ReadError or None
        For each image.
    config : Config
        What to do.
    workers : int
        Cases at a time.
    threads : int
        Of this machine.

    Returns
    -------
    Estimate
    """
    masked = any(mask is not None for mask in masks)
    steps = [step for step in config.steps if step.step != "export" and not (masked and _is_segmenting(step))]
    share = max(1, threads // workers)
    cases = tuple(
        _case(source, mask, steps, share, config.export.pictures) for source, mask in zip(sources, masks, strict=True)
    )
    largest = sorted((case.memory_bytes for case in cases), reverse=True)[:workers]
    whole = sum(case.seconds for case in cases) / workers
    names = [f"{step.step} {getattr(step, 'method', '')}".strip() for step in steps]
    return Estimate(
        cases,
        ("import", *(["import mask"] if masked else []), *names, "export"),
        workers,
        sum(largest) + (_BASE_BYTES if workers > 1 else 0),
        max(whole, max((case.seconds for case in cases), default=0.0)),
    )


def _is_segmenting(step: Any) -> bool:
    return step.step in ("segment", "screen")


def _case(
    case: io.Source | NamelessSource, mask: Path | ReadError | None, steps: Sequence[Any], threads: int, pictures: bool
) -> CaseEstimate:
    source = case.source if isinstance(case, NamelessSource) else case
    facts = (case.id, source.kind, case.modality, source.shape, source.dtype)
    error: Exception | None = mask if isinstance(mask, ReadError) else None
    if source.error is not None:
        try:  # says it as the run would, without names
            case.read()
        except Exception as reason:
            error = reason
    if error is not None:
        return CaseEstimate(*facts, 0, 0.0, reason_of(error, case))
    voxels = math.prod(source.shape) if source.shape else 0
    size = np.dtype(source.dtype).itemsize if source.dtype else 2
    held: dict[str, float] = {"original": size, **({} if mask is None else {"mask": 1.0})}
    nanoseconds, peak = _IMPORT * (1 if mask is None else 2), 2.0 * size
    for step in steps:
        cost, work = _of(step)
        nanoseconds += cost / threads
        peak = max(peak, sum(held.values()) + work)
        made = getattr(step, "output", None)
        if made:
            # Filters mostly keep the type, segmentations give masks or labels.
            held[made] = max(size, 2) if step.step in ("filter", "enhance") else 2.5
    memory = _BASE_BYTES + peak * voxels + (_PICTURE_BYTES if pictures else 0)
    if any(step.step == "classify" for step in steps):
        memory += _MODEL_BYTES
    if any(getattr(step, "method", "") == "deep" for step in steps):
        memory += _NETWORK_BYTES
    seconds = nanoseconds * 1e-9 * voxels + (_PICTURE_SECONDS if pictures else 0.01)
    return CaseEstimate(*facts, int(memory), seconds)


def _of(step: Any) -> tuple[float, float]:
    method = str(getattr(step, "method", ""))
    if step.step == "features":
        method = "all" if step.families == "all" or len(step.families) > 3 else ""
    return _STEPS.get((step.step, method)) or _STEPS[(step.step, "")]
