"""Who computes where: choices, refusals and their words. No test here needs a GPU."""

from __future__ import annotations

import ctypes
import re
import subprocess
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest

import cormack
from cormack import Volume, _backends, enhance, filters, segment

from .shim import ShimArray, ShimLibrary

IMAGE = np.arange(27, dtype=np.int16).reshape(3, 3, 3)


class OnGpu:
    """What says that it lies on a GPU."""

    __cuda_array_interface__ = {"shape": (2, 2), "typestr": "<f4", "data": (0, False), "version": 3}  # noqa: RUF012


@pytest.fixture
def shim(monkeypatch: pytest.MonkeyPatch) -> ShimLibrary:
    library = ShimLibrary()
    monkeypatch.setattr(_backends, "LIBRARIES", [library, *_backends.LIBRARIES])
    return library


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    for engine in _backends.ENGINES.values():
        monkeypatch.setattr(type(engine), "missing", lambda self: f"{self.name} is away")


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ("", r"cannot run on a GPU here \(cuda: cuda is away; cupy: cupy is away\); install CuPy"),
        ("cuda", r"CORMACK_BACKEND=cuda cannot run on a GPU here \(cuda: cuda is away\)"),
        ("cupy", r"CORMACK_BACKEND=cupy cannot run on a GPU here \(cupy: cupy is away\)"),
        ("cpu", "CORMACK_BACKEND=cpu computes on the CPU alone: copy the image to the host"),
    ],
)
def test_a_choice_that_cannot_run_says_why(monkeypatch: pytest.MonkeyPatch, choice: str, words: str) -> None:
    monkeypatch.setenv("CORMACK_BACKEND", choice)
    for call in (lambda: filters.median_filter(IMAGE, 3, device="cuda"), lambda: filters.median_filter(OnGpu(), 3)):
        with pytest.raises(cormack.BackendUnavailable, match=f"median_filter: {words}"):
            call()
    # Images on the host stay there.
    np.testing.assert_array_equal(filters.median_filter(IMAGE, 1), IMAGE)


def test_other_names_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="median_filter: `device` must be one of 'cpu', 'cuda', got 'gpu'"):
        filters.median_filter(IMAGE, 3, device="gpu")
    monkeypatch.setenv("CORMACK_BACKEND", "metal")
    with pytest.raises(ValueError, match="CORMACK_BACKEND must be one of auto, cpu, cuda, cupy, got 'metal'"):
        filters.median_filter(IMAGE, 3, device="cuda")


@pytest.mark.usefixtures("shim")
def test_what_has_no_gpu_form_says_so() -> None:
    image = ShimArray(IMAGE)
    with pytest.raises(
        cormack.BackendUnavailable, match="uniform_filter: on a GPU, `cval` is an integer for images of"
    ):
        filters.uniform_filter(image, 9, mode="constant", cval=0.5)
    with pytest.raises(cormack.BackendUnavailable, match="`output` is None"):
        filters.median_filter(image, 3, output=np.float32)
    for given in (image, IMAGE):
        with pytest.raises(TypeError, match="`output` must be an array, a dtype or None, got <class"):
            filters.median_filter(given, 3, output=ShimArray(np.zeros_like(IMAGE)))
    with pytest.raises(cormack.BackendUnavailable, match="where device='cpu' does not compute"):
        segment.label(image, device="cpu")
    with pytest.raises(cormack.BackendUnavailable, match="`function` is 'linear'"):
        enhance.window(image, 1, 2, function="sigmoid")
    with pytest.raises(ValueError, match="label: `mask` must be 2-D or 3-D, got shape"):
        segment.label(ShimArray(IMAGE[0, 0]))


def test_plans_are_remembered(shim: ShimLibrary) -> None:
    filters.median_filter(ShimArray(IMAGE), 3)
    assert shim.engine.operations == ["median_filter"]
    _backends._plan.cache_clear()
    image = ("int16", (3, 3, 3), (9, 3, 1))
    module = _backends.ENGINES["cupy"].module()
    parameters = "size=3,3,3;origin=0,0,0;border=0;cval=0.0"
    plans = [_backends._plan(module, "median_filter", (image, image), parameters, ()) for _ in range(2)]
    assert plans[0] is plans[1]


def test_show_config_lists_backends() -> None:
    backends = cormack.show_config("dict")["backends"]
    assert set(backends["missing"]) == {"cpu", "cuda", "cupy"}
    assert backends["operations"] == sorted(_backends.OPERATIONS)


def test_import_brings_no_gpu_library() -> None:
    code = (
        "import sys, numpy, cormack; from cormack import filters; filters.median_filter(numpy.zeros((5, 5)), 3);"
        "cormack.show_config();"
        "assert not {'cupy', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize("operation", sorted(_backends.OPERATIONS))
def test_sources_for_run_time_compilation_are_complete(operation: str) -> None:
    source = _backends.kernel_source(operation)
    assert "#include" not in source
    assert "__global__" in source


@pytest.mark.usefixtures("shim")
def test_a_volume_on_the_device_stays_there() -> None:
    image = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    volume = Volume(ShimArray(image), spacing=(3.0, 1.0, 1.0))
    result = enhance.window(volume, 30, 20)
    assert isinstance(result.array, ShimArray)
    assert result.spacing == volume.spacing
    np.testing.assert_array_equal(result.array.host, enhance.window(image, 30, 20))


def test_kernels_of_two_plans_are_templates() -> None:
    # nvcc compiles each plan by itself: both would define the kernel, and the extension could not be linked.
    plans: dict[str, list[str]] = {}
    for operation in _backends.OPERATIONS:
        source = _backends.kernel_source(operation)
        for found in re.finditer(r"^__global__ void (?:__launch_bounds__\(.*?\)\s+)?(\w+)\(", source, re.MULTILINE):
            if not source[: found.start()].rstrip().rpartition("\n")[2].startswith("template"):
                plans.setdefault(found[1], []).append(operation)
    assert len(plans) > 5
    assert {name: where for name, where in plans.items() if len(where) > 1} == {}


def test_cupy_is_given_what_kernels_take(monkeypatch: pytest.MonkeyPatch) -> None:
    launched = []

    def launch(function: int, *numbers: int) -> None:
        first = ctypes.cast(numbers[8], ctypes.POINTER(ctypes.POINTER(ctypes.c_int64)))[0][0]
        launched.append((function, numbers[:8], first))

    class Module:
        def __init__(self, code: str, options: tuple[str, ...], name_expressions: tuple[str, ...]) -> None:
            self.names = name_expressions

        def get_function(self, name: str) -> SimpleNamespace:
            return SimpleNamespace(kernel=SimpleNamespace(ptr=70 + self.names.index(name)))

    entered = []
    driver = SimpleNamespace(launchKernel=launch)
    runtime = SimpleNamespace(memGetInfo=lambda: entered.append(threading.get_ident()))
    cupy = SimpleNamespace(RawModule=Module, cuda=SimpleNamespace(driver=driver, runtime=runtime))
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    monkeypatch.setattr(_backends, "_entered", threading.local())
    _backends._compiled.cache_clear()
    engine = _backends.ENGINES["cupy"]
    image = ("int16", (3, 3, 3), (9, 3, 1))
    parameters = "size=3,3,3;origin=0,0,0;border=0;cval=0.0"
    plan = _backends._plan(engine.module(), "median_filter", (image, image), parameters, ())
    assert isinstance(engine, _backends.RuntimeEngine)
    ready = _backends.Ready("median_filter", plan, [4096, 8192], [], [], 0, 5)
    for _ in range(2):
        engine.launch(ready)
    # A thread has no context of the GPU by itself.
    other = threading.Thread(target=engine.launch, args=(ready,))
    other.start()
    other.join()
    _backends._compiled.cache_clear()
    assert launched == [(70, (1, 1, 1, 32, 8, 1, 0, 5), 4096)] * 3
    assert len(entered) == 2


def test_cupy_has_what_is_asked_of_it() -> None:
    cupy = pytest.importorskip("cupy")
    assert callable(cupy.cuda.driver.launchKernel)
    assert callable(cupy.cuda.runtime.memGetInfo)
    assert issubclass(cupy.cuda.memory.OutOfMemoryError, MemoryError)


def test_torch_is_given_tables_of_plans_without_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    library = _backends.TorchLibrary()
    monkeypatch.setattr(library, "_device", lambda like: torch.device("cpu"))
    assert library.from_host(np.frombuffer(b"ab", np.uint8), None).tolist() == [97, 98]
