"""Build for this machine's GPU, test, measure: one command, bounded in time, that can be called again to go on.

Usage: ``python -m benchmarks.gpu`` in the repository's root; ``--stages bench --rows median`` for a part of it,
``--resume`` for what an earlier call did not reach, ``--dry-run`` for a rehearsal of the rows without a GPU.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
STAGES = ("build", "test", "bench")
# Seconds that a stage may take of the whole, and what those before the measurements leave to them.
_BUILD, _TEST, _LEFT_TO_BENCH = 330, 150, 150
# What a process says that must be started again.
_AGAIN = 3
_TESTS = ("tests/gpu", "--ignore=tests/gpu/test_compilers.py", "--ignore=tests/gpu/test_benchmarks.py")


def architectures() -> str:
    """Return the architecture of the GPU here, as CMake names it."""
    command = ["nvidia-smi", "--query-gpu=compute_cap", "--format=csv,noheader"]
    try:
        answer = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout.split()
        return ";".join(sorted({f"{int(one.replace('.', ''))}-real" for one in answer})) or "native"
    except (OSError, ValueError, subprocess.SubprocessError):
        return "native"


def run(name: str, command: list[str], seconds: float, **environment: str) -> int:
    """Run a command for so long at most, and say how it ended."""
    print(f"[{name}] {' '.join(command)}", flush=True)
    start = time.monotonic()
    process = subprocess.Popen(command, cwd=REPOSITORY, env={**os.environ, **environment}, process_group=0)
    try:
        code: int | str = process.wait(max(seconds, 1))
    except subprocess.TimeoutExpired:
        # With all that it started.
        os.killpg(process.pid, 15)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()
        code = 124
    print(
        f"[{name}] {'stopped by its limit' if code == 124 else f'exit {code}'}, {time.monotonic() - start:.0f} s",
        flush=True,
    )
    return int(code)


def build(seconds: float, folder: Path, chosen: str) -> bool:
    """Build the extensions into build/gpu and put them beside their package; what was built stays for the next call."""
    end = time.monotonic() + seconds
    ask = [sys.executable, "-m", "pybind11", "--cmakedir"]
    pybind11 = subprocess.run(ask, check=True, capture_output=True, text=True).stdout.strip()
    cmake = shutil.which("cmake") or sys.exit("benchmarks.gpu: cmake is not on PATH")
    configure = [
        *(cmake, "-S", ".", "-B", str(folder), "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release"),
        *(f"-DPython_EXECUTABLE={sys.executable}", f"-Dpybind11_DIR={pybind11}"),
    ]
    with_cuda = [*configure, "-DCORMACK_CUDA=ON", f"-DCMAKE_CUDA_ARCHITECTURES={chosen}"]
    # Without nvcc there is still CuPy.
    if run("configure", with_cuda, end - time.monotonic()) and run(
        "configure", [*configure, "-DCORMACK_CUDA=OFF"], end - time.monotonic()
    ):
        return False
    # The CPU's first: with it alone CuPy compiles the kernels.
    built = [
        run(f"build {target}", [cmake, "--build", str(folder), "--target", target], end - time.monotonic()) == 0
        for target in ("_cormack_cpu", "_cormack_cuda")
    ]
    # Stops at what is not there, after the CPU's.
    install = [cmake, "--install", str(folder), "--prefix", "python", "--component", "python"]
    return run("install", install, 60) == 0 and all(built)


def test(seconds: float, backends: list[str]) -> bool:
    """Run tests/gpu on each backend."""
    end, passed = time.monotonic() + seconds, True
    if importlib.util.find_spec("pytest") is None:
        print("[test] pytest is not installed")
        return False
    together = ["-n", str(min(8, len(os.sched_getaffinity(0))))] if importlib.util.find_spec("xdist") else []
    for number, backend in enumerate(backends):
        # Tests of what cannot run here are skipped, and pass.
        ask = [sys.executable, "-c", f"from cormack import _backends; print(_backends.ENGINES[{backend!r}].missing())"]
        answer = subprocess.run(ask, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": _path()})
        if reason := answer.stdout.strip() or answer.stderr.strip():
            print(f"[test {backend}] cannot run: {reason.splitlines()[-1]}", flush=True)
            passed = False
            continue
        # What libraries warn of here is not what is tested.
        command = [sys.executable, "-m", "pytest", *_TESTS, "-q", "-W", "default", "-p", "no:benchmark", *together]
        command += ["--device", backend]
        share = (end - time.monotonic()) / (len(backends) - number)
        passed &= run(f"test {backend}", command, share, PYTHONPATH=_path()) == 0
    return passed


def _path() -> str:
    return os.pathsep.join(filter(None, (str(REPOSITORY / "python"), os.environ.get("PYTHONPATH"))))


def bench(seconds: float, arguments: argparse.Namespace) -> bool:
    """Measure in processes of their own: an error of a kernel ends one, and the next goes on behind it."""
    end, resume = time.monotonic() + seconds, arguments.resume
    for _ in range(20):
        left = end - time.monotonic()
        command = [sys.executable, "-m", "benchmarks.gpu", "--inside", "--seconds", f"{left - 15:.0f}"]
        command += ["--out", str(arguments.out), *(["--resume"] if resume else [])]
        command += [*(["--dry-run"] if arguments.dry_run else [])]
        command += [word for one in arguments.rows or () for word in ("--rows", one)]
        code = run("bench", command, left, PYTHONPATH=_path(), CORMACK_BACKEND=arguments.backend)
        # Negative: a signal, such as that of a wrong address.
        if (code >= 0 and code != _AGAIN) or end - time.monotonic() < 30:
            return code == 0
        resume = True
    return False


def inside(arguments: argparse.Namespace) -> int:
    """Measure in this process."""
    from .measure import Gpu, Unusable, bench
    from .rows import ROWS

    rows = [row for row in ROWS if not arguments.rows or any(word in row.name for word in arguments.rows)]
    if not rows:
        print(f"no row has {arguments.rows} in its name; there are: {', '.join(row.name for row in ROWS)}")
        return 2
    if arguments.dry_run:
        from .rehearsal import Rehearsal

        device: Any = Rehearsal()
    else:
        device = Gpu()
    try:
        path = bench(device, rows, arguments.out, arguments.seconds, again=not arguments.resume)
    except Unusable as error:
        print(f"the device is unusable after an error: {error}")
        return _AGAIN
    print(path.with_suffix(".md").read_text())
    return 0


def main() -> int:
    """Run the stages that were asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__.split("\n")[0])
    parser.add_argument("--stages", default=",".join(STAGES), help="some of build,test,bench, joined by commas")
    parser.add_argument("--skip-build", action="store_true", help="test and measure what is built")
    parser.add_argument("--rows", action="append", help="measure only rows with this in their name; may be repeated")
    parser.add_argument("--resume", action="store_true", help="measure only rows that the file of results lacks")
    parser.add_argument("--backend", default="auto", choices=("auto", "cuda", "cupy"), help="whose kernels to measure")
    parser.add_argument("--devices", default="cuda,cupy", help="what to test on, joined by commas")
    parser.add_argument("--seconds", type=float, default=570, help="for everything")
    parser.add_argument("--build", type=Path, default=Path("build/gpu"), help="folder to build in")
    parser.add_argument("--architectures", help="for CMake; default: this machine's GPU")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "benchmarks" / "results", help="folder of the results")
    parser.add_argument("--dry-run", action="store_true", help="tiny images on the tests' shim: measures nothing")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        return inside(arguments)
    stages = ["bench"] if arguments.dry_run else arguments.stages.split(",")
    if unknown := set(stages) - set(STAGES):
        parser.error(f"--stages takes {', '.join(STAGES)}, got {', '.join(sorted(unknown))}")
    end = time.monotonic() + arguments.seconds

    def left(most: float, later: tuple[str, ...]) -> float:
        reserved = _LEFT_TO_BENCH if set(later) & set(stages) else 0
        return min(most, max(end - time.monotonic() - reserved, 5))

    passed = {}
    if "build" in stages and not arguments.skip_build:
        chosen = arguments.architectures or architectures()
        passed["build"] = build(left(_BUILD, ("test", "bench")), arguments.build, chosen)
    if "test" in stages:
        passed["test"] = test(left(_TEST, ("bench",)), arguments.devices.split(","))
    if "bench" in stages:
        passed["bench"] = bench(left(arguments.seconds, ()), arguments)
    print(", ".join(f"{stage} {'passed' if well else 'FAILED'}" for stage, well in passed.items()))
    return 0 if all(passed.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
