"""What a GPU would run: every kernel that a row of test_operations.py or a call of test_features.py launches, through
NVRTC, which needs no GPU; none spills registers."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from cormack import _backends, _cormack_cpu

from .shim import CPP, ShimArray, ShimEngine, ShimLibrary, included
from .test_features import CALLS
from .test_operations import CASES, image_of

ARCHITECTURES = ("sm_75", "sm_80", "sm_86", "sm_89", "sm_90", "sm_100", "sm_120")


# Registers that spill and stack frames are errors, as CORMACK_CUDA_GATE makes them.
_GATE = [f"--ptxas-options={each}" for each in ("--warn-on-spills", "--warn-on-local-memory-usage", "-Werror")]


class _Recorder(ShimEngine):
    """Makes plans, and runs them only where numbers that come out are asked for."""

    name = "recorder"

    def __init__(self) -> None:
        super().__init__()
        self.runs = False
        self.kernels: dict[str, set[str]] = {}

    def run(
        self, operation: str, images: Sequence[_backends.OnDevice], parameters: str, tables: tuple[bytes, ...]
    ) -> None:
        plan = _cormack_cpu.plan(operation, [_backends.shape_for_plan(i) for i in images], parameters, tables)
        self.kernels.setdefault(operation, set()).update(launch[0] for launch in plan.launches)
        # Plans may depend on the numbers that these find.
        if self.runs or operation in ("minmax", "value_counts", "histogram", "label_statistics"):
            super().run(operation, images, parameters, tables)


@functools.cache
def kernels() -> dict[str, list[str]]:
    """Return the kernels of each operation, for every dtype of its rows."""
    library, recorder = ShimLibrary(), _Recorder()
    library.engine = recorder
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_backends, "LIBRARIES", [library])
        for case in CASES:
            for dtype in case.dtypes:
                case.call(ShimArray(image_of(case.shapes[-1], dtype, finite=case.finite)))
                case.call(ShimArray(np.asfortranarray(image_of(case.shapes[-1], dtype, finite=case.finite))))
        recorder.runs = True
        for call in CALLS:
            call(ShimArray)
    return {operation: sorted(names) for operation, names in recorder.kernels.items()}


def test_kernels_that_plans_share_are_templates() -> None:
    # nvcc makes an object of each plan, and others would be defined in several of them.
    plans: dict[Path, set[str]] = {}
    for operation, stem in _backends.OPERATIONS.items():
        sources: dict[Path, bytes] = {}
        included(CPP / f"{stem}.plan.cpp", sources)
        for path in sources:
            plans.setdefault(path, set()).add(operation)
    for path, users in plans.items():
        text = path.read_text()
        plain = re.findall(r"^(?!.*>\n).*\n__global__ void (?:__launch_bounds__\([^)]*\))?\s*(\w+)", text, re.MULTILINE)
        assert len(users) == 1 or not plain, f"{path.name}, which {', '.join(sorted(users))} include: {plain}"


def test_every_operation_is_launched() -> None:
    assert set(kernels()) == set(_backends.OPERATIONS)


def compile_kernels(operation: str, names: Sequence[str], architecture: str) -> bytes:
    """Return the machine code of some kernels, as CuPy has NVRTC make it; of a virtual one its PTX."""
    nvrtc = pytest.importorskip("cuda.bindings.nvrtc", reason="cuda-bindings and nvidia-cuda-nvrtc are not installed")

    def checked(result):
        if result[0] != nvrtc.nvrtcResult.NVRTC_SUCCESS:
            _, size = nvrtc.nvrtcGetProgramLogSize(program)
            log = b" " * size
            nvrtc.nvrtcGetProgramLog(program, log)
            raise AssertionError(f"{result[0]}\n{log.decode()}")
        return result[1:]

    source = _backends.kernel_source(operation).encode()
    error, program = nvrtc.nvrtcCreateProgram(source, b"kernels.cu", 0, [], [])
    assert error == nvrtc.nvrtcResult.NVRTC_SUCCESS
    try:
        for name in names:
            checked(nvrtc.nvrtcAddNameExpression(program, name.encode()))
        # CuPy adds -ftz=true.
        options = [f"-arch={architecture}", "-ftz=true", *_backends.NVRTC_OPTIONS, *_GATE]
        checked(nvrtc.nvrtcCompileProgram(program, len(options), [option.encode() for option in options]))
        for name in names:
            assert checked(nvrtc.nvrtcGetLoweredName(program, name.encode()))[0]
        kind = "PTX" if architecture.startswith("compute") else "CUBIN"
        (size,) = checked(getattr(nvrtc, f"nvrtcGet{kind}Size")(program))
        code = b" " * size
        checked(getattr(nvrtc, f"nvrtcGet{kind}")(program, code))
        return code
    finally:
        nvrtc.nvrtcDestroyProgram(program)


def _one_of_each(names: Sequence[str]) -> list[str]:
    """Return of each kernel the first, of int16 if there is one."""
    chosen: dict[str, str] = {}
    for name in names:
        stem = name.split("<")[0]
        if stem not in chosen or ("<short" in name and "<short" not in chosen[stem]):
            chosen[stem] = name
    return sorted(chosen.values())


@pytest.mark.parametrize(
    "architecture", [pytest.param(each, marks=() if each == "sm_90" else pytest.mark.slow) for each in ARCHITECTURES]
)
@pytest.mark.parametrize("operation", sorted(_backends.OPERATIONS))
def test_nvrtc_compiles_for_every_architecture(operation: str, architecture: str) -> None:
    assert compile_kernels(operation, _one_of_each(kernels()[operation]), architecture)


@pytest.mark.slow
@pytest.mark.parametrize("operation", sorted(_backends.OPERATIONS))
def test_nvrtc_translates_every_kernel(operation: str) -> None:
    # For the oldest architecture: the others take it from there.
    assert compile_kernels(operation, kernels()[operation], "compute_75")


# Half an hour on two cores. .ci/run has those above.
@pytest.mark.slow
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("operation", sorted(_backends.OPERATIONS))
def test_every_kernel_becomes_machine_code(operation: str, architecture: str) -> None:
    assert compile_kernels(operation, kernels()[operation], architecture)
