"""Images with masks, whatever holds them, and the features of each, which a folder may keep."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__, _check, features, io
from .._files import replacing
from ..features import RadiomicsSettings
from ..volume import Volume

_NAME = "RadiomicsTransformer"


@dataclasses.dataclass(frozen=True)
class Plan:
    """The parameters, checked."""

    settings: RadiomicsSettings
    spacing: Any
    label: int | None
    on_error: str
    memory: Path | None
    workers: int


@dataclasses.dataclass(frozen=True, eq=False)
class Case:
    """An image and a mask: arrays, Volumes or paths."""

    number: int
    image: Any
    mask: Any

    @property
    def name(self) -> str:
        """What messages call it: its place, and the file without its folders."""
        file = next((f" ({Path(part).name})" for part in (self.image, self.mask) if isinstance(part, Path)), "")
        return f"case {self.number}{file}"

    def check_files(self) -> None:
        for what, part in (("image", self.image), ("mask", self.mask)):
            if isinstance(part, Path) and not part.exists():
                raise ValueError(f"{_NAME}: {self.name}: there is no {what} {part}")

    def read(self) -> tuple[Any, Any]:
        """Return image and mask in memory, on one grid where both have one."""
        image = io.read(self.image) if isinstance(self.image, Path) else self.image
        mask = self.mask
        if isinstance(mask, Path):
            mask = io.read_mask(mask, reference=image if isinstance(image, Volume) else None)
        return image, mask

    def digest(self) -> str:
        """Return what identifies image and mask: a digest of the files' bytes, or of voxels and geometry."""
        digest = hashlib.blake2b(digest_size=20)
        for part in (self.image, self.mask):
            if isinstance(part, Path):
                files = sorted(p for p in part.rglob("*") if p.is_file()) if part.is_dir() else [part]
                for file in files:
                    with open(file, "rb") as stream:
                        digest.update(hashlib.file_digest(stream, "sha256").digest())
                digest.update(f"{len(files)} files {part.suffix}".encode())
                continue
            array = np.ascontiguousarray(part)
            grid = (part.spacing, part.origin, part.direction.tolist()) if isinstance(part, Volume) else ()
            digest.update(repr((array.shape, array.dtype.str, grid)).encode())
            digest.update(array.reshape(-1).view(np.uint8).data)
        return digest.hexdigest()


def cases_of(X: Any) -> list[Case]:
    """Return the pairs of `X`, whatever holds them."""
    if isinstance(X, (str, bytes, os.PathLike, Volume)) or not hasattr(X, "__len__"):
        raise _check.fail(_NAME, "X", "be a sequence of pairs, image and mask, or a table of two columns", X, TypeError)
    if hasattr(X, "tocsr"):
        raise TypeError(f"{_NAME}: sparse input is not supported: `X` holds images and masks")
    rows: Any = X
    columns = getattr(X, "columns", None)
    if columns is not None and hasattr(X, "to_numpy"):
        names = [str(name).casefold() for name in columns]
        rows = X.to_numpy()
        if sorted(names) == ["image", "mask"]:
            rows = rows[:, [names.index("image"), names.index("mask")]]
    if len(rows) == 0:
        raise ValueError(f"{_NAME}: `X` must hold at least one case, found array with 0 sample(s)")
    if getattr(rows, "ndim", 2) < 2:
        raise ValueError(f"{_NAME}: `X` must have two columns, image and mask. Reshape your data: got {rows.ndim} axes")
    cases = []
    for number in range(len(rows)):
        pair = rows[number]
        if isinstance(pair, (str, bytes)) or not hasattr(pair, "__len__") or len(pair) != 2:
            listed = hasattr(pair, "__len__") and not isinstance(pair, (str, bytes))
            what = f"{len(pair)} columns" if listed else type(pair).__name__
            raise ValueError(f"{_NAME}: case {number} must be a pair, image and mask, got {what}")
        cases.append(Case(number, *(_part(number, what, pair[i]) for i, what in enumerate(("image", "mask")))))
    return cases


def _part(number: int, what: str, value: Any) -> Any:
    if isinstance(value, (str, os.PathLike)):
        if not os.fspath(value):
            raise ValueError(f"{_NAME}: case {number} has no {what}: its path is empty")
        return Path(value)
    if isinstance(value, Volume):
        return value
    array = np.asarray(value)
    if array.ndim not in (2, 3) or array.dtype.kind not in "biuf":
        shown = f"an array of {array.dtype}, shape {array.shape}" if array.ndim else type(value).__name__
        raise ValueError(
            f"{_NAME}: the {what} of case {number} must be an array of numbers with 2 or 3 axes, a Volume or a path, "
            f"got {shown}"
        )
    return array


def first_ndim(cases: Sequence[Case], plan: Plan) -> int:
    """Return the axes of the first image; where it may fail, of the first that can be read."""
    for case in cases:
        if not isinstance(case.image, Path):
            return int(case.image.ndim)
        try:
            return io.read(case.image).ndim
        except (ValueError, OSError, RuntimeError) as error:
            if plan.on_error == "raise":
                raise ValueError(f"{_NAME}: {case.name}: {error}") from error
    raise ValueError(f"{_NAME}: no image of {len(cases)} cases can be read; the first is {cases[0].image}")


@lru_cache(maxsize=64)
def names_of(settings: RadiomicsSettings, ndim: int) -> tuple[str, ...]:
    """Return the columns that these settings give: they are the same for every region."""
    plain = dataclasses.replace(
        settings, new_spacing=None, resegmentation_range=None, resegmentation_sigma=None, distance=1
    )
    shape = (4, 5, 6)[-ndim:]
    levels = (np.arange(np.prod(shape)) % 7 + 1).astype(np.int16).reshape(shape)
    return tuple(features.radiomics(levels, np.ones(shape, bool), settings=plain, workers=1))


def each_row(cases: Sequence[Case], plan: Plan, names: tuple[str, ...]) -> Iterator[tuple[Any, str]]:
    """Give the features of each case in order, and why some are missing."""
    if plan.memory is not None:
        plan.memory.mkdir(parents=True, exist_ok=True)
    count = min(plan.workers, len(cases))
    of_case = partial(_row, plan=plan, names=names, threads=plan.workers // count)
    if count == 1:
        yield from map(of_case, cases)
        return
    with ThreadPoolExecutor(count) as pool:
        tasks = [pool.submit(of_case, case) for case in cases]
        try:
            for task in tasks:
                yield task.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _row(case: Case, plan: Plan, names: tuple[str, ...], threads: int) -> tuple[Any, str]:
    try:
        if plan.memory is None:
            return _computed(case, plan, names, threads)
        # The number of threads changes nothing.
        what = (__version__, case.digest(), plan.settings.to_dict(), plan.spacing, plan.label, names)
        key = hashlib.blake2b(repr(what).encode(), digest_size=20).hexdigest()
        path = plan.memory / f"{key}.npy"
        try:
            row = np.load(path, allow_pickle=False)
            if row.shape == (len(names),) and row.dtype == np.float64:
                return row, ""
        except (OSError, ValueError, EOFError):
            pass
        row, reason = _computed(case, plan, names, threads)
        if not reason:
            with replacing(path) as temporary, open(temporary, "wb") as file:
                np.save(file, row, allow_pickle=False)
        return row, reason
    except MemoryError:
        raise
    except Exception as error:
        # A reader of a library may raise anything, and one case must not take the others with it.
        reason = " ".join(str(error).split()) or type(error).__name__
        if plan.on_error == "raise":
            raise ValueError(f"{_NAME}: {case.name}: {reason}") from error
        return np.nan, reason


def _computed(case: Case, plan: Plan, names: tuple[str, ...], threads: int) -> tuple[Any, str]:
    image, mask = case.read()
    common: dict[str, Any] = {"spacing": plan.spacing, "settings": plan.settings, "workers": threads}
    if plan.on_error == "raise":
        table = features.radiomics(image, mask, label=plan.label, **common)
    else:
        if plan.label is None:
            whole = np.asarray(mask) != 0
            mask = mask.replace(whole) if isinstance(mask, Volume) else whole
        # Of a region for which a family is not defined the others are kept.
        table = features.radiomics(image, mask, labels=[1 if plan.label is None else plan.label], **common)[0]
    if unknown := [name for name in table if name not in names]:
        raise ValueError(f"it has other features than the first case, as {unknown[0]}: images must have the same axes")
    row = np.array([table.get(name, np.nan) for name in names])
    row[np.isinf(row)] = np.nan
    return row, table.error or ""
