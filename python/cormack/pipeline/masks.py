"""Which of the given masks belongs to which case."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from .._errors import ReadError
from ..io import Source
from ..io._common import suffix
from .identity import NamelessSource

__all__ = ["find_masks"]

# .nhdr is refused when it is read. Where a case has masks of several formats, the first of these is taken.
_SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd", ".dcm", ".dicom")
_ENDINGS = ("", "_mask", "-mask", "_seg", "-seg", "_label", "-label", "_labels", "-labels", "_roi", "-roi")


def find_masks(masks: Path, cases: Sequence[Source | NamelessSource]) -> list[Path | ReadError]:
    """Find the mask of each case.

    Parameters
    ----------
    masks : Path
        A folder of masks (NIfTI, NRRD, MetaImage, DICOM RTSTRUCT or SEG) named as the cases, or one file when there is
        one case; see `run`.
    cases : sequence of Source or NamelessSource
        The cases; of one under a pseudonym the mask may have this name, or that of its files.

    Returns
    -------
    list of Path or ReadError
        For each case its mask, or why there is none.
    """
    if masks.is_file():
        if len(cases) == 1:
            return [masks]
        return [
            ReadError(case.id, f"{masks.name} is one mask and there are several cases; give a folder") for case in cases
        ]
    found: dict[str, Path] = {}
    for path in _masks_in(masks.rglob("*")):
        found.setdefault(stem_of(path.name).casefold(), path)
    return [_find_mask(masks, found, case) for case in cases]


def _find_mask(masks: Path, found: dict[str, Path], case: Source | NamelessSource) -> Path | ReadError:
    source = case.source if isinstance(case, NamelessSource) else case
    for stem in dict.fromkeys((case.id, source.id, stem_of(source.path.name))):
        for ending in _ENDINGS:
            if path := found.get(f"{stem}{ending}".casefold()):
                return path
        inside = _masks_in((masks / stem).glob("*")) if stem else []
        if len(inside) == 1:
            return inside[0]
        if inside:
            where = masks.name if stem != case.id else f"{masks.name}/{stem}"
            return ReadError(case.id, f"{len(inside)} masks in {where}; one is needed")
    looked = f"looked for {case.id}.nii.gz, {case.id}_mask.nii.gz and the like"
    looked += ", and for the names of its files" if case is not source else ""
    return ReadError(case.id, f"no mask in {masks.name}; {looked}")


def _masks_in(paths: Iterable[Path]) -> list[Path]:
    named = [(_SUFFIXES.index(suffix(path)), path) for path in paths if suffix(path) in _SUFFIXES and path.is_file()]
    return [path for _, path in sorted(named)]


def stem_of(name: str) -> str:
    """Return the name of a file without what says its kind."""
    # 3D Slicer writes segmentations as .seg.nrrd.
    return re.sub(r"\.nii(\.gz)?$|(\.seg)?\.nrrd$|\.dicom$|\.[A-Za-z]{2,4}$", "", name)
