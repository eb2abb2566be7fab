"""Which of the given masks belongs to which case."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from .._errors import ReadError
from ..io import Source
from ..io._common import suffix

__all__ = ["find_masks"]

# .nhdr is refused when it is read. Where a case has masks of several formats, the first of these is taken.
_SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd", ".dcm", ".dicom")
_ENDINGS = ("", "_mask", "-mask", "_seg", "-seg", "_label", "-label", "_labels", "-labels", "_roi", "-roi")


def find_masks(masks: Path, sources: Sequence[Source]) -> list[Path | ReadError]:
    """Find the mask of each case.

    Parameters
    ----------
    masks : Path
        A folder of masks (NIfTI, NRRD, MetaImage, DICOM RTSTRUCT or SEG) named as the cases, or one file when there is
        one case; see `run`.
    sources : sequence of Source
        The cases.

    Returns
    -------
    list of Path or ReadError
        For each case its mask, or why there is none.
    """
    if masks.is_file():
        if len(sources) == 1:
            return [masks]
        return [
            ReadError(source.id, f"{masks.name} is one mask and there are several cases; give a folder")
            for source in sources
        ]
    found: dict[str, Path] = {}
    for path in _masks_in(masks.rglob("*")):
        found.setdefault(stem_of(path.name).casefold(), path)
    return [_find_mask(masks, found, source) for source in sources]


def _find_mask(masks: Path, found: dict[str, Path], source: Source) -> Path | ReadError:
    for stem in (source.id, stem_of(source.path.name)):
        for ending in _ENDINGS:
            if path := found.get(f"{stem}{ending}".casefold()):
                return path
        inside = _masks_in((masks / stem).glob("*")) if stem else []
        if len(inside) == 1:
            return inside[0]
        if inside:
            return ReadError(source.id, f"{len(inside)} masks in {masks.name}/{stem}; one is needed")
    looked = f"looked for {source.id}.nii.gz, {source.id}_mask.nii.gz and the like"
    return ReadError(source.id, f"no mask in {masks.name}; {looked}")


def _masks_in(paths: Iterable[Path]) -> list[Path]:
    named = [(_SUFFIXES.index(suffix(path)), path) for path in paths if suffix(path) in _SUFFIXES and path.is_file()]
    return [path for _, path in sorted(named)]


def stem_of(name: str) -> str:
    """Return the name of a file without what says its kind."""
    # 3D Slicer writes segmentations as .seg.nrrd.
    return re.sub(r"\.nii(\.gz)?$|(\.seg)?\.nrrd$|\.dicom$|\.[A-Za-z]{2,4}$", "", name)
