"""Cormack: the compiled core of medical image analysis.

Import, enhance, filter, segment, measure and report on CT, MR and PET volumes and radiographs. Arrays in, arrays out;
axis order is (z, y, x), lengths along it in the same order.

Namespaces
----------
filters, enhance, segment, features, detect
    Operations on arrays, compiled.
anatomy
    Recipes for known organs, built on the operations.
io, Volume
    Volumes with geometry, in and out.
deep
    Trained networks on volumes: segment, classify, detect (needs the extra ``cormack[onnx]``).
pipeline, run, run_iter
    Whole studies to tables and reports; ``cormack run`` on the command line.
classify
    Tables of features to classifiers; ``cormack train`` and ``cormack predict`` (needs the extra ``cormack[ml]``).
anomaly
    What differs from normal: rows, places of images, images; ``cormack anomaly`` (needs the extra ``cormack[ml]``).
phantoms
    Volumes with known truth.
bench
    How fast this machine is; ``cormack bench``.
ndimage
    The operations under SciPy's names, one import to switch from `scipy.ndimage`.
compat
    The names and signatures of scikit-image, SimpleITK and PyRadiomics; transforms of MONAI, a plugin for napari.
dask
    The operations on volumes larger than memory (needs the extra ``cormack[dask]``).

Namespaces are imported at first use, so ``import cormack`` costs little more than ``import numpy``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ._config import get_num_threads, set_num_threads, show_config
from ._cormack_cpu import version as __version__
from ._errors import BackendUnavailable, GeometryError, GpuMemoryError, ModelRefused
from ._gpu_memory import get_gpu_memory_limit, set_gpu_memory_limit

if TYPE_CHECKING:
    from . import (
        anatomy,
        anomaly,
        bench,
        classify,
        compat,
        dask,
        deep,
        detect,
        enhance,
        features,
        filters,
        io,
        ndimage,
        phantoms,
        pipeline,
        segment,
    )
    from .pipeline import run, run_iter
    from .volume import Volume

_NAMESPACES = (
    "anatomy",
    "anomaly",
    "bench",
    "classify",
    "compat",
    "dask",
    "deep",
    "detect",
    "enhance",
    "features",
    "filters",
    "io",
    "ndimage",
    "phantoms",
    "pipeline",
    "segment",
)

__all__ = [
    "BackendUnavailable",
    "GeometryError",
    "GpuMemoryError",
    "ModelRefused",
    "Volume",
    "__version__",
    "anatomy",
    "anomaly",
    "bench",
    "classify",
    "compat",
    "dask",
    "deep",
    "detect",
    "enhance",
    "features",
    "filters",
    "get_gpu_memory_limit",
    "get_num_threads",
    "io",
    "ndimage",
    "phantoms",
    "pipeline",
    "run",
    "run_iter",
    "segment",
    "set_gpu_memory_limit",
    "set_num_threads",
    "show_config",
]


def __getattr__(name: str) -> Any:
    if name in _NAMESPACES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in ("run", "run_iter"):
        return getattr(importlib.import_module(f"{__name__}.pipeline"), name)
    if name == "Volume":
        return importlib.import_module(f"{__name__}.volume").Volume
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
