#!/usr/bin/env bash
# Builds with sanitizers, in build/asan and build/tsan, and runs what they watch; python/ is not touched.
#   tests/sanitizers.sh asan [PYTEST ARGUMENTS]    address and undefined behaviour: C++ tests, then the kernels' tests
#   tests/sanitizers.sh tsan                       threads: the pool, kernels from many C++ threads, then all of Python's
# PYTHON names the interpreter, JOBS how much is done at once.
set -euo pipefail
cd "$(dirname "$0")/.."
kind=${1:-}
shift || true
python=${PYTHON:-python3}
jobs=${JOBS:-$(nproc)}
[[ $kind == asan || $kind == tsan ]] || { sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 2; }

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
export LD_PRELOAD
# Python frees nothing at its end, and an extension without its own runtime needs both libraries first.
if [[ $kind == asan ]]; then
  LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libstdc++.so)"
  export ASAN_OPTIONS=detect_leaks=0
  tests=(tests/filters tests/enhance tests/segment tests/detect tests/features tests/test_arrays.py tests/system/test_threads.py)
  "$python" -m pytest -q -n "$jobs" --dist loadfile --hypothesis-profile quick "${@:-${tests[@]}}"
else
  LD_PRELOAD="$(gcc -print-file-name=libtsan.so) $(gcc -print-file-name=libstdc++.so)"
  export TSAN_OPTIONS="suppressions=$PWD/tests/tsan.supp report_signal_unsafe=0"
  "$python" tests/system/whole_api.py
fi
echo "$kind: clean"
