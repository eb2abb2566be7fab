"""Volumes in one file: a CT of 200 slices of 512 x 512 (105 MB) as NIfTI, NRRD and MetaImage, beside the peers.

Files are in the page cache. "noise" is a CT as scanners give it, which deflates to 58 %; "smooth" is one without noise,
to 25 %; "mask" are labels, to 1 %. Compressed files are those of nibabel and SimpleITK, as most are, and "own" those of
Cormack, which can be inflated in parallel. "plain read" reads the file, "plain write" writes the voxels as they are.
The columns ``cpu_ms`` (of all threads, the least of the rounds), ``MB_per_s`` of voxels and ``file_MB`` stand in the
extra information. Run one thread with ``--threads 1``.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from benchmarks.data import ct_volume
from cormack import Volume, io

SHAPE = (200, 512, 512)
SPACING = (1.0, 0.7, 0.7)
ROUNDS = {"cormack": 9, "plain read": 9, "plain write": 5}


@functools.cache
def voxels(kind: str) -> np.ndarray:
    small = ct_volume("int16")
    large = small[np.arange(SHAPE[0]) % len(small)].repeat(2, axis=1).repeat(2, axis=2)
    if kind == "noise":
        large = large + np.random.default_rng(0).integers(-12, 13, large.shape, np.int16)
    elif kind == "smooth":
        z, y, x = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
        large = (300 * np.sin(z / 30) + 200 * np.cos(y / 40) * np.sin(x / 50)).astype(np.int16)
    else:
        large = (large > 0).astype(np.uint8) + (large > 300)
    return np.ascontiguousarray(large)


def as_itk(kind: str) -> Any:
    image = sitk.GetImageFromArray(voxels(kind))
    image.SetSpacing(SPACING[::-1])
    return image


def with_nibabel(path: Path) -> np.ndarray:
    # Read, not mapped, which would read nothing where the file is not compressed.
    return np.asarray(nibabel.load(path, mmap=False).dataobj)


def with_sitk(path: Path) -> np.ndarray:
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


def plain_read(path: Path) -> None:
    content = np.empty(path.stat().st_size, np.uint8)
    with open(path, "rb", buffering=0) as file:
        file.readinto(content.data)


READERS: dict[str, Callable[[Path], Any]] = {
    "cormack": lambda path: io.read(path).array,
    "SimpleITK": with_sitk,
    "nibabel": with_nibabel,
    "plain read": plain_read,
}
# Writer and suffix of each kind of file; of compressed NIfTI those that there are.
FILES = {
    "nii": ("cormack", ".nii"),
    "nii.gz of SimpleITK": ("SimpleITK", ".nii.gz"),
    "nii.gz of nibabel": ("nibabel", ".nii.gz"),
    "nii.gz own": ("cormack", ".nii.gz"),
    "nrrd of SimpleITK": ("SimpleITK", ".nrrd"),
    "nrrd own": ("cormack", ".nrrd"),
    "mha of SimpleITK": ("SimpleITK", ".mha"),
    "mha own": ("cormack", ".mha"),
}


def plain_write(kind: str, path: Path) -> None:
    with open(path, "wb", buffering=0) as file:
        file.write(voxels(kind).reshape(-1).view(np.uint8).data)


WRITERS: dict[str, Callable[[str, Path], Any]] = {
    "cormack": lambda kind, path: io.write(Volume(voxels(kind), SPACING), path),
    "SimpleITK": lambda kind, path: sitk.WriteImage(as_itk(kind), str(path), path.suffix != ".nii"),
    "nibabel": lambda kind, path: nibabel.save(
        nibabel.Nifti1Image(voxels(kind).T, np.diag([-0.7, -0.7, 1.0, 1.0])), path
    ),
    "plain write": plain_write,
}


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    @functools.cache
    def file(kind: str, what: str) -> Path:
        writer, suffix = FILES[what]
        path = tmp_path_factory.mktemp("files") / f"volume{suffix}"
        WRITERS[writer](kind, path)
        return path

    return file


def run(benchmark: Any, kind: str, who: str, function: Callable[[], Any]) -> None:
    spent = []

    def call() -> None:
        begin = time.process_time()
        function()
        spent.append(time.process_time() - begin)

    benchmark.pedantic(call, rounds=ROUNDS.get(who, 3), warmup_rounds=1)
    benchmark.extra_info["cpu_ms"] = round(1e3 * min(spent), 2)
    benchmark.extra_info["MB_per_s"] = round(voxels(kind).nbytes / benchmark.stats.stats.min / 1e6)


@pytest.mark.parametrize("contender", READERS)
@pytest.mark.parametrize("what", FILES)
@pytest.mark.parametrize("kind", ["noise", "smooth", "mask"])
def test_read(benchmark: Any, files: Callable[[str, str], Path], kind: str, what: str, contender: str) -> None:
    path = files(kind, what)
    if contender == "nibabel" and not what.startswith("nii"):
        pytest.skip("nibabel reads NIfTI only")
    if contender == "cormack":
        np.testing.assert_array_equal(io.read(path).array, with_sitk(path))
    benchmark.group = f"read {what}, {kind}"
    run(benchmark, kind, contender, lambda: READERS[contender](path))
    benchmark.extra_info["file_MB"] = round(path.stat().st_size / 1e6, 1)


@pytest.mark.parametrize("contender", WRITERS)
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize("kind", ["noise", "smooth", "mask"])
def test_write(benchmark: Any, tmp_path: Path, kind: str, suffix: str, contender: str) -> None:
    path = tmp_path / f"volume{suffix}"
    if contender == "nibabel" and ".nii" not in suffix:
        pytest.skip("nibabel writes NIfTI only")
    as_itk(kind)
    benchmark.group = f"write {suffix}, {kind}"
    run(benchmark, kind, contender, lambda: WRITERS[contender](kind, path))
    benchmark.extra_info["file_MB"] = round(os.path.getsize(path) / 1e6, 1)
    if contender == "cormack":
        np.testing.assert_array_equal(with_sitk(path), voxels(kind))
