#!/usr/bin/env bash
# Builds with sanitizers, in build/asan and build/tsan, and runs what they watch; python/ is not touched.
#   tests/sanitizers.sh asan [PYTEST ARGUMENTS]    address and undefined behaviour: C++ tests, then those of kernels and readers
#   tests/sanitizers.sh shim [PYTEST ARGUMENTS]    address and undefined behaviour: the GPU's kernels on the CPU
#   tests/sanitizers.sh tsan                       threads: the pool, kernels from many C++ threads, then all of Python's
# PYTHON names the interpreter, JOBS how much is done at once.
set -euo pipefail
cd "$(dirname "$0")/.."
kind=${1:-}
shift || true
python=${PYTHON:-python3}
jobs=${JOBS:-$(nproc)}
[[ $kind == asan || $kind == shim || $kind == tsan ]] || { sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 2; }
# Python frees nothing at its end, and an extension without its own runtime needs both libraries first.
watched=(env ASAN_OPTIONS=detect_leaks=0 LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libstdc++.so)")

if [[ $kind == shim ]]; then
  # At -O1 the largest kernels take minutes to compile.
  export CORMACK_SHIM_FLAGS="-O0 -g1 -fsanitize=address,undefined -fno-sanitize-recover=all"
  "${watched[@]}" "$python" -m pytest -q -n "$jobs" tests/gpu/test_operations.py -k matches "$@"
  echo "$kind: clean"
  exit
fi

cmake --preset "$kind" -DPython_EXECUTABLE="$(command -v "$python")" -Dpybind11_DIR="$("$python" -m pybind11 --cmakedir)" \
  -DCORMACK_PYTHON=ON ${CMAKE_ARGS:-}
cmake --build "build/$kind" -j "$jobs"
ctest --preset "$kind"

# The package as it is, with this build's extension.
package=build/$kind/python
rm -rf "$package" && mkdir -p "$package"
cp -r python/cormack "$package/"
rm -f "$package"/cormack/_cormack_cpu*
cmake --install "build/$kind" --prefix "$package" --component python
export PYTHONPATH=$PWD/$package
if [[ $kind == asan ]]; then
  tests=(tests/io tests/filters tests/enhance tests/segment tests/detect tests/features tests/ndimage tests/test_arrays.py
    tests/system/test_threads.py)
  # --capture=sys: what ends a worker process is printed, not captured. Two tests are about what the sanitizer changes:
  # the peak of memory, and a signal that it takes for itself.
  "${watched[@]}" "$python" -m pytest -q -n "$jobs" --capture=sys --hypothesis-profile quick \
    --deselect tests/io/test_hostile.py::test_a_zigzag_over_all_rows_takes_bounded_memory \
    --deselect tests/io/test_import_archive.py::test_a_crash_costs_one_volume "${@:-${tests[@]}}"
else
  export LD_PRELOAD
  LD_PRELOAD="$(gcc -print-file-name=libtsan.so) $(gcc -print-file-name=libstdc++.so)"
  # The forked child starts threads of its own, which the sanitizer allows when asked. No suppressions: one of Python's
  # library would hide the lock that orders what its threads do.
  export TSAN_OPTIONS=die_after_fork=0
  "$python" tests/system/whole_api.py
fi
echo "$kind: clean"
