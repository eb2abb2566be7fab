"""Which of the given masks belongs to which case."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from .._errors import ReadError
from ..io import Source

__all__ = ["find_masks"]

_ENDINGS = ("", "_mask", "-mask", "_seg", "-seg", "_label", "-label", "_labels", "-labels", "_roi", "-roi")


def find_masks(masks: Path, sources: Sequence[Source]) -> list[Path | ReadError]:
    """Find the mask of each case.

    Parameters
    ----------
    masks : Path
        A folder of masks in NIfTI named as the cases, or one file when there is one case; see `run`.
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
    found = {_stem(path.name).casefold(): path for path in sorted(masks.rglob("*.nii*")) if path.is_file()}
    return [_find_mask(masks, found, source) for source in sources]


def _find_mask(masks: Path, found: dict[str, Path], source: Source) -> Path | ReadError:
    for stem in (source.id, _stem(source.path.name)):
        for ending in _ENDINGS:
            if path := found.get(f"{stem}{ending}".casefold()):
                return path
        inside = sorted(path for path in (masks / stem).glob("*.nii*") if path.is_file()) if stem else []
        if len(inside) == 1:
            return inside[0]
        if inside:
            return ReadError(source.id, f"{len(inside)} masks in {masks.name}/{stem}; one is needed")
    looked = f"looked for {source.id}.nii.gz, {source.id}_mask.nii.gz and the like"
    return ReadError(source.id, f"no mask in {masks.name}; {looked}")


def _stem(name: str) -> str:
    return re.sub(r"\.nii(\.gz)?$|\.[A-Za-z]{2,4}$", "", name)
