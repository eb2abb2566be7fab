"""A volume in Zarr through Gaussian, median, CLAHE, threshold and label: in blocks under a memory cap, and in memory.

    python benchmarks/larger_than_memory.py make FOLDER 2048 1024 1024
    python benchmarks/larger_than_memory.py blocks FOLDER --cap 2
    python benchmarks/larger_than_memory.py memory FOLDER
    python benchmarks/larger_than_memory.py compare FOLDER

Each is a process of its own, so that its peak is its own; `memory` and `compare` are for volumes that fit. With
MALLOC_ARENA_MAX=2 threads do not each reserve address space, which the cap counts.
"""

from __future__ import annotations

import argparse
import re
import resource
import time
from pathlib import Path

import dask
import dask.array as da
import numpy as np
import zarr

import cormack.dask
from cormack import enhance, filters, segment

CHUNKS = (64, 256, 256)
SIGMA = 1.5


def target(folder: Path, name: str, shape: tuple[int, ...], dtype: str, chunks: tuple[int, ...] = CHUNKS) -> zarr.Array:
    # Noise does not compress; labels do.
    packed = {} if name.startswith("labels") else {"compressors": None}
    chunks = tuple(map(min, chunks, shape))
    return zarr.create_array(folder / name, shape=shape, chunks=chunks, dtype=dtype, overwrite=True, **packed)


def made(block: np.ndarray, block_info: dict) -> np.ndarray:
    """Blobs that touch at their edges, with noise."""
    where = block_info[None]["array-location"]
    random = np.random.default_rng([start for start, _ in where])
    total = np.full(block.shape, 900, np.float32)
    for axis, (start, stop) in enumerate(where):
        wave = np.sin(np.arange(start, stop) * (0.09 + 0.03 * axis)).astype(np.float32)
        total *= wave.reshape([-1 if a == axis else 1 for a in range(3)])
    total += random.normal(0, 150, block.shape)
    return total.astype(np.int16)


def store(image: da.Array, folder: Path, name: str) -> da.Array:
    cormack.dask.store(image, target(folder, name, image.shape, str(image.dtype)))
    return da.from_zarr(str(folder / name))


def in_blocks(folder: Path) -> None:
    image = da.from_zarr(str(folder / "image"))
    clock = Clock(image.size)
    smooth = store(cormack.dask.gaussian_filter(image, SIGMA), folder, "gaussian")
    clock.done("gaussian, write")
    smooth = store(cormack.dask.median_filter(smooth, 3), folder, "smooth")
    clock.done("median, write")
    equal = cormack.dask.equalize_adapthist(smooth)
    clock.done("CLAHE: range and maps")
    equal = store(equal, folder, "equal")
    clock.done("CLAHE: apply, write")
    level = cormack.dask.threshold_otsu(equal)
    clock.done("Otsu")
    labels, count = cormack.dask.label(equal > level)
    clock.done("label: first pass")
    store(labels, folder, "labels")
    clock.done("label: second pass, write")
    print(f"threshold {level}, {count} components")
    clock.total()


def in_memory(folder: Path) -> None:
    image = zarr.open_array(folder / "image")[:]
    clock = Clock(image.size)
    smooth = filters.median_filter(filters.gaussian_filter(image, SIGMA), 3)
    clock.done("gaussian, median")
    equal = enhance.equalize_adapthist(smooth)
    clock.done("CLAHE")
    level = segment.threshold_otsu(equal)
    labels, count = segment.label(equal > level)
    clock.done("Otsu, label")
    print(f"threshold {level}, {count} components")
    clock.total()
    out = target(folder, "labels in memory", labels.shape, "int32")
    out[:] = labels
    target(folder, "smooth in memory", smooth.shape, "int16")[:] = smooth
    target(folder, "equal in memory", equal.shape, "int16")[:] = equal
    clock.done("write")
    clock.total()


class Clock:
    def __init__(self, voxels: int) -> None:
        self.voxels, self.start, self.last = voxels, self.now(), self.now()

    @staticmethod
    def now() -> np.ndarray:
        return np.array([time.perf_counter(), time.process_time()])

    def report(self, what: str, since: np.ndarray) -> None:
        wall, cpu = self.now() - since
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        reserved = int(re.search(r"VmPeak:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 2**20
        each = 1e9 / self.voxels
        print(
            f"{what:28s} {wall:7.1f} s  {wall * each:6.2f} ns/voxel  CPU {cpu:7.1f} s {cpu * each:6.2f} ns/voxel  "
            f"peak {peak:.2f} GiB, address space {reserved:.2f} GiB",
            flush=True,
        )

    def done(self, what: str) -> None:
        self.report(what, self.last)
        self.last = self.now()

    def total(self) -> None:
        self.report("all", self.start)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["make", "blocks", "memory", "compare"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("shape", type=int, nargs="*")
    parser.add_argument("--cap", type=float, help="address space in GiB")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    if given.cap:
        resource.setrlimit(resource.RLIMIT_AS, (int(given.cap * 2**30),) * 2)
    zarr.config.set({"threading.max_workers": given.threads, "async.concurrency": 4})
    with dask.config.set(scheduler="threads", num_workers=given.threads):
        if given.what == "make":
            shape = tuple(given.shape)
            empty = da.zeros(shape, chunks=tuple(map(min, CHUNKS, shape)), dtype=np.int16)
            store(empty.map_blocks(made, dtype=np.int16, meta=np.zeros((0, 0, 0), np.int16)), given.folder, "image")
        elif given.what == "blocks":
            in_blocks(given.folder)
        elif given.what == "memory":
            in_memory(given.folder)
        else:
            for name in ("smooth", "equal", "labels"):
                one, other = (da.from_zarr(str(given.folder / text)) for text in (name, f"{name} in memory"))
                print(f"{name}: {int((one != other).sum().compute())} voxels differ")


if __name__ == "__main__":
    main()
