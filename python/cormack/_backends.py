"""Operations on a GPU: arrays that live there, who runs kernels, and what is missing where nobody can.

Kernels, and how they are launched, are written once, in C++: `plan` of an extension lists launches, and two engines run
them. The extension `_cormack_cuda` has the kernels compiled; without it CuPy compiles the same headers when they are
first used. Memory always comes from the library that the image came from, work goes to its current stream.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
import re
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from . import _cormack_cpu, _gpu_memory
from ._device_arrays import CupyLibrary as CupyLibrary
from ._device_arrays import Library as Library
from ._device_arrays import OnDevice as OnDevice
from ._device_arrays import TorchLibrary as TorchLibrary
from ._device_arrays import Waiting as Waiting
from ._device_arrays import is_on_device as is_on_device
from ._errors import BackendUnavailable

# Every operation that has a GPU form, and the stem of its files below cpp/: STEM.cuh, STEM.plan.cpp.
OPERATIONS = {
    "affine_transform": "filters/affine_transform",
    "canny": "detect/canny",
    "confidence_connected": "segment/confidence_connected",
    "connected_threshold": "segment/connected_threshold",
    "correlate": "filters/correlate",
    "distance_transform": "segment/distance_transform",
    "equalize_adapthist": "enhance/equalize_adapthist",
    "extremum_filter": "filters/extremum_filter",
    "histogram": "enhance/histogram",
    "intensities": "features/intensities",
    "interpolation_map": "pointwise/interpolation_map",
    "label": "segment/label",
    "label_statistics": "segment/label_statistics",
    "linear_map": "pointwise/linear_map",
    "lut_map": "pointwise/lut_map",
    "mask_shape": "features/mask_shape",
    "masked_filter": "filters/masked_filter",
    "median_filter": "filters/median_filter",
    "minmax": "enhance/minmax",
    "rank_filter": "filters/rank_filter",
    "regions": "features/regions",
    "separable": "filters/separable",
    "texture_levels": "features/texture_levels",
    "texture_matrices": "features/texture_matrices",
    "texture_zones": "features/texture_zones",
    "threshold_map": "pointwise/threshold_map",
    "uniform_filter": "filters/uniform_filter",
    "value_counts": "enhance/value_counts",
}
BACKENDS = ("auto", "cpu", "cuda", "cupy")
DEVICES = ("cpu", "cuda")
_INSTALL = "install CuPy (cupy-cuda13x, or cupy-cuda12x for an older driver), or build Cormack where nvcc is"
# The first that owns a value has it. Tests put theirs in front.
LIBRARIES: list[Library] = [CupyLibrary(), TorchLibrary()]
# The name of a dtype, shape and strides in elements.
Image = tuple[str, tuple[int, ...], tuple[int, ...]]
# What kernels take as images. Anything else is bytes to a plan, which then knows what it is.
_KINDS = frozenset(("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"))


def shape_for_plan(image: OnDevice) -> Image:
    """Return how a plan is told of an image, or of a result that is none, such as int64 counts."""
    name = str(image.dtype)
    if name in _KINDS:
        return name, image.shape, image.strides
    return "uint8", (image.size * image.itemsize,), (1,)


def cannot(function: str, what: str) -> BackendUnavailable:
    """Return the error for a case that has no GPU form, such as "footprints"."""
    return BackendUnavailable(f"{function}: on a GPU, {what}; copy the image to the host first to compute on the CPU")


class Engine(ABC):
    """Who runs the launches of a plan."""

    name: str

    @abstractmethod
    def missing(self) -> str:
        """Return why this cannot run here; empty where it can."""

    def module(self) -> Any:
        """Return the extension that makes plans."""
        return _cormack_cpu

    def plan(self, operation: str, images: Sequence[OnDevice], parameters: str, tables: tuple[bytes, ...]) -> Any:
        """Return the plan of an operation; NotImplementedError says what has no GPU form."""
        return _plan(self.module(), operation, tuple(map(shape_for_plan, images)), parameters, tables)

    @abstractmethod
    def run(self, operation: str, images: Sequence[OnDevice], parameters: str, tables: tuple[bytes, ...]) -> None:
        """Run an operation; NotImplementedError as for `plan`."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A plan with all that its launches need: addresses, and the number of the device and the handle of its stream."""

    operation: str
    plan: Any
    images: list[int]
    scratch: list[int]
    constants: list[int]
    device: int
    stream: int


class _Planned(Engine):
    @abstractmethod
    def launch(self, ready: Ready) -> None:
        """Put the launches of a plan into a stream of a device."""

    def run(self, operation: str, images: Sequence[OnDevice], parameters: str, tables: tuple[bytes, ...]) -> None:
        plan = self.plan(operation, images, parameters, tables)
        first = images[0]
        guard, device, stream = first.library.on(first.owner)
        with guard:
            scratch = [first.empty((size,), np.uint8) for size in plan.scratch]
            constants = [first.from_host(np.frombuffer(table, np.uint8)) for table in plan.constants]
            given, free, fixed = ([array.pointer for array in arrays] for arrays in (images, scratch, constants))
            # Freed memory is used again by what comes later in the same stream.
            self.launch(Ready(operation, plan, given, free, fixed, device, stream))


@functools.lru_cache(maxsize=256)
def _plan(module: Any, operation: str, images: tuple[Image, ...], parameters: str, tables: tuple[bytes, ...]) -> Any:
    return module.plan(operation, images, parameters, tables)


class CompiledEngine(_Planned):
    """Kernels that were compiled with the package."""

    name = "cuda"

    def module(self) -> Any:
        return importlib.import_module("cormack._cormack_cuda")

    @functools.cache  # noqa: B019 (there is one)
    def missing(self) -> str:
        if importlib.util.find_spec("cormack._cormack_cuda") is None:
            return "the CUDA extension is not built: build Cormack with CORMACK_CUDA=ON where nvcc 12.8 or later is"
        try:
            module = self.module()
        except ImportError as error:
            return f"the CUDA extension cannot be imported: {error}"
        return "" if module.devices() else f"no CUDA device or driver was found: {module.problem()}"

    def launch(self, ready: Ready) -> None:
        ready.plan.run(ready.images, ready.scratch, ready.constants, ready.device, ready.stream)


class RuntimeEngine(_Planned):
    """The same kernels, compiled by CuPy when they are first used."""

    name = "cupy"

    @functools.cache  # noqa: B019 (there is one)
    def missing(self) -> str:
        if importlib.util.find_spec("cupy") is None:
            return "CuPy is not installed: install cupy-cuda13x, or cupy-cuda12x for an older driver"
        try:
            cupy = importlib.import_module("cupy")
            return "" if cupy.cuda.is_available() else "CuPy finds no CUDA device or driver"
        except ImportError as error:
            return f"CuPy cannot be imported: {error}"

    def launch(self, ready: Ready) -> None:
        # An attribute: no module of this name can be imported.
        cuda = importlib.import_module("cupy").cuda
        _enter(cuda.runtime, ready.device)
        launches = ready.plan.launches
        functions = _compiled(ready.operation, tuple(sorted({launch[0] for launch in launches})), ready.device)
        spaces = (None, ready.images, ready.scratch, ready.constants)
        for kernel, grid, block, shared, content, arguments in launches:
            content = np.frombuffer(content, np.uint8).copy()
            for place, space, index in arguments:
                addresses = spaces[space]
                if addresses is not None:
                    # What stands there is the offset.
                    content[place : place + 8].view(np.int64)[0] += addresses[index]
            places = np.array([content.ctypes.data + place for place, _, _ in arguments], np.uintp)
            cuda.driver.launchKernel(functions[kernel].ptr, *grid, *block, shared, ready.stream, places.ctypes.data, 0)


_entered = threading.local()


def _enter(runtime: Any, device: int) -> None:
    """Have the current device's context in this thread: the driver's own launches do not see to it."""
    known = _entered.__dict__.setdefault("devices", set())
    if device not in known:
        # The call that CuPy makes for this.
        runtime.memGetInfo()
        known.add(device)


# -fmad=false: the CPU's bits.
NVRTC_OPTIONS = ("-std=c++17", "-fmad=false", "-default-device")


@functools.cache
def _compiled(operation: str, kernels: tuple[str, ...], device: int) -> dict[str, Any]:
    cupy = importlib.import_module("cupy")
    module = cupy.RawModule(code=kernel_source(operation), options=NVRTC_OPTIONS, name_expressions=kernels)
    # Each keeps its module loaded, also where somebody empties CuPy's own cache.
    return {name: module.get_function(name).kernel for name in kernels}


def _headers() -> Path:
    installed = Path(__file__).parent / "kernels"
    # A checkout has them beside the package.
    return installed if installed.is_dir() else Path(__file__).parents[2] / "cpp"


def kernel_source(operation: str) -> str:
    """Return the kernels of an operation in one piece, every header once: all that NVRTC, and its cache, has to see."""
    root, seen = _headers(), set[str]()

    def expanded(name: str) -> str:
        if name in seen:
            return ""
        seen.add(name)
        text = (root / name).read_text(encoding="utf-8")
        # What only the shim includes is left to the preprocessor, which drops it.
        text = re.sub(r"#if defined\(CORMACK_SHIM\)\n.*?#else\n(.*?)#endif\n", r"\1", text, flags=re.DOTALL)
        return re.sub(r'#include "([^"]+)"\n', lambda found: expanded(found[1]), text.replace("#pragma once\n", ""))

    return expanded(OPERATIONS[operation] + ".cuh")


ENGINES: dict[str, Engine] = {"cuda": CompiledEngine(), "cupy": RuntimeEngine()}


def chosen_backend() -> str:
    """Return CORMACK_BACKEND: who serves arrays on a GPU."""
    choice = os.environ.get("CORMACK_BACKEND", "").strip().lower() or "auto"
    if choice not in BACKENDS:
        raise ValueError(f"CORMACK_BACKEND must be one of {', '.join(BACKENDS)}, got {choice!r}")
    return choice


def engine(function: str) -> Engine:
    """Return who runs kernels here, or say what is missing: an explicit choice is never replaced by another."""
    choice = chosen_backend()
    if choice == "cpu":
        raise BackendUnavailable(
            f"{function}: CORMACK_BACKEND=cpu computes on the CPU alone: copy the image to the host first, "
            "or set CORMACK_BACKEND=auto"
        )
    candidates = list(ENGINES.values()) if choice == "auto" else [ENGINES[choice]]
    reasons = []
    for candidate in candidates:
        reason = candidate.missing()
        if not reason:
            return candidate
        reasons.append(f"{candidate.name}: {reason}")
    wanted = "" if choice == "auto" else f"CORMACK_BACKEND={choice} "
    raise BackendUnavailable(
        f"{function}: {wanted}cannot run on a GPU here ({'; '.join(reasons)}); {_INSTALL}, "
        "or copy the image to the host first"
    )


def run(
    function: str,
    operation: str,
    images: Sequence[OnDevice],
    tables: Sequence[np.ndarray] = (),
    **parameters: Any,
) -> None:
    """Run an operation of OPERATIONS on arrays of one device: sources first, then results.

    Parameters
    ----------
    function : str
        For error messages.
    operation : str
        Name of the plan.
    images : sequence of OnDevice
        Of at most three axes.
    tables : sequence of ndarray
        Values that the plan looks at.
    **parameters : number or sequence of numbers
        What the plan asks for by name.
    """
    first = images[0]
    with first.library.on(first.owner)[0]:
        for other in images[1:]:
            if (
                other.library is not first.library
                or other.library.on(other.owner)[1] != first.library.on(first.owner)[1]
            ):
                raise BackendUnavailable(f"{function}: all arrays must be on one device, of one library")
    who = first.library.engine or engine(function)
    text = ";".join(f"{name}={_written(value)}" for name, value in parameters.items())
    try:
        who.run(operation, images, text, tuple(np.ascontiguousarray(table).tobytes() for table in tables))
    except NotImplementedError as error:
        raise cannot(function, str(error)) from None


def _written(value: Any) -> str:
    numbers = np.atleast_1d(np.asarray(value)).tolist()
    return ",".join(repr(int(number)) if isinstance(number, bool | int) else repr(number) for number in numbers)


def mask_beside(function: str, mask: Any, image: OnDevice) -> list[OnDevice]:
    """Return a mask of an image, from the device or the host, as a list of none or one; non-zero is inside."""
    if mask is None:
        return []
    if is_on_gpu(mask):
        inside = borrow(function, "mask", mask)[0]
        if inside.dtype not in (np.bool_, np.uint8):
            raise cannot(function, f"`mask` is bool or uint8, not {inside.dtype}")
    elif isinstance(image, Waiting):
        inside = Waiting(function, np.asarray(mask) != 0, image.library)
    else:
        inside = image.from_host(np.asarray(mask) != 0)
    if inside.shape != image.shape:
        raise ValueError(f"{function}: `mask` must have shape {image.shape}, got {inside.shape}")
    return [inside]


def mask_on_device(function: str, mask: Any, image: Any) -> Any:
    """Return a mask of an image on the image's device, or None."""
    masks = mask_beside(function, mask, image)
    return masks[0] if masks else None


def is_on_gpu(value: Any) -> bool:
    """Return whether an array says that it is not in the host's memory."""
    if any(library.owns(value) for library in LIBRARIES):
        return True
    if hasattr(value, "__cuda_array_interface__"):
        return True
    device = getattr(value, "__dlpack_device__", None)
    if device is None or not hasattr(value, "__dlpack__"):
        return False
    try:
        return int(device()[0]) in (2, 13)
    except ValueError:
        # A torch tensor on a device that DLPack does not know, such as "meta".
        return False


def borrow(function: str, argument: str, value: Any) -> tuple[OnDevice, Callable[[Any], Any]]:
    """View an array on a GPU, of any library; also return how a result becomes one of that library."""
    for library in LIBRARIES:
        if library.owns(value):
            if getattr(value, "requires_grad", False):
                raise TypeError(f"{function}: `{argument}` must not require gradients (use .detach())")
            return OnDevice.of(value, library, function), lambda result: result.owner
    engine(function)
    try:
        cupy = importlib.import_module("cupy")
    except ImportError:
        raise BackendUnavailable(
            f"{function}: `{argument}` is a {type(value).__module__}.{type(value).__qualname__} on a GPU, which only "
            f"CuPy can borrow: {_INSTALL}"
        ) from None
    array = cupy.from_dlpack(value) if hasattr(value, "__dlpack__") else cupy.asarray(value)
    namespace = getattr(value, "__array_namespace__", None)
    return OnDevice.of(
        array, LIBRARIES[-2], function
    ), lambda result: result.owner if namespace is None else namespace().from_dlpack(result.owner)


def uploaded(function: str, array: np.ndarray) -> OnDevice:
    """Copy an array to the current GPU."""
    return waiting(function, array).there()


def waiting(function: str, array: np.ndarray) -> Waiting:
    """Return an array that goes to the current GPU when it is looked at: what device="cuda" asks for."""
    for library in LIBRARIES:
        if library.engine is None:
            engine(function)
        if library.takes_uploads():
            return Waiting(function, array, library)
    raise BackendUnavailable(f"{function}: device='cuda' needs CuPy or PyTorch for memory on the GPU: {_INSTALL}")


def report() -> dict[str, Any]:
    """Return what show_config says: the choice, and for each backend why it cannot run. Imports no library."""
    reasons = {"cpu": ""}
    for name, candidate in ENGINES.items():
        # Whether CuPy finds a device only CuPy can say.
        if name == "cupy" and "cupy" not in sys.modules and importlib.util.find_spec("cupy") is not None:
            reasons[name] = "installed, not looked into before it is used"
        else:
            reasons[name] = candidate.missing()
    return {
        "choice": chosen_backend(),
        "missing": reasons,
        "memory_limit": _gpu_memory.get_gpu_memory_limit(),
        "operations": sorted(OPERATIONS),
    }
