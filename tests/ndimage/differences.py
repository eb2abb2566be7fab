"""The tests of SciPy 1.17 that `cormack.ndimage` does not pass, and why."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, NamedTuple

VERSION = "1.17"

INTEGERS = "integers are rounded half to even and saturate, once; SciPy cuts off and wraps, also between the axes"
ERRORS = "wrong arguments raise ValueError or TypeError in Cormack's words; SciPy's RuntimeError or words are asked for"
EMPTY = "a window has at least one voxel; SciPy takes a size of 0 for 1"
ROUNDING = "the last bits differ: sums are rounded once, in float32 for float32; the variance is that of the deviation"
MODES = "a mode per axis is that of this axis; SciPy takes it for all axes of the derivative along it"
MORE = "a mode per axis is accepted, which SciPy refuses"


class Difference(NamedTuple):
    """Tests that fail: every one whose name matches `test`, with an error that matches `error`."""

    test: str
    error: str
    reason: str


_OTHER_VALUES = r"AssertionError: \n(Not equal to tolerance|Arrays are not equal)"
_OTHER_WORDS = r"AssertionError: Regex pattern did not match"
_REFUSED = r"(Value|Type)Error: \w+: `\w+` must "
_FILTERS = r"test_filters\.py::TestNdimageFilters::"

DIFFERENCES = (
    Difference(_FILTERS + r"test_(sobel|prewitt)0[123]\[numpy-uint\d+\]", _OTHER_VALUES, INTEGERS),
    Difference(_FILTERS + r"test_generic_laplace01\[numpy-u?int\d+\]", _OTHER_VALUES, INTEGERS),
    Difference(_FILTERS + r"test_gaussian_(laplace|gradient_magnitude)0[12]\[numpy-int32\]", _OTHER_VALUES, INTEGERS),
    Difference(r"test_filters\.py::test_uniform_filter1d_roundoff_errors\[numpy\]", _OTHER_VALUES, INTEGERS),
    Difference(
        r"test_interpolation\.py::TestMapCoordinates::test_map_coordinates02\[numpy-1\]", _OTHER_VALUES, INTEGERS
    ),
    Difference(_FILTERS + r"test_gaussian_laplace0[12]\[numpy-float32\]", _OTHER_VALUES, ROUNDING),
    Difference(r"test_filters\.py::test_multiple_modes_sequentially\[numpy\]", _OTHER_VALUES, ROUNDING),
    Difference(r"test_measurements\.py::test_stat_funcs_2d\[numpy\]", _OTHER_VALUES, ROUNDING),
    Difference(
        r"test_filters\.py::test_multiple_modes_gaussian_(laplace|gradient_magnitude)\[numpy\]", _OTHER_VALUES, MODES
    ),
    Difference(_FILTERS + r"test_correlate_mode_sequence\[numpy\]", "Failed: DID NOT RAISE RuntimeError", MORE),
    Difference(_FILTERS + r"test_uniform02\[numpy\]", _REFUSED, EMPTY),
    Difference(_FILTERS + r"test_filter_axes\[numpy-axes(8|13|17)-.*\]", _OTHER_WORDS, ERRORS),
    Difference(_FILTERS + r"test_filter_axes_kwargs\[numpy-axes(2|7|11)-.*\]", _OTHER_WORDS, ERRORS),
    Difference(_FILTERS + r"test_derivative_filter_axes\[.*\]", _OTHER_WORDS, ERRORS),
    Difference(_FILTERS + r"test_filter_invalid_axes\[.*\]", _OTHER_WORDS, ERRORS),
    Difference(_FILTERS + r"test_filter_(invalid_footprint_ndim|tuple_length_mismatch)\[.*\]", _REFUSED, ERRORS),
    Difference(_FILTERS + r"test_(minimum_filter07|maximum_filter07|rank08)\[numpy\]", _REFUSED, ERRORS),
    Difference(r"test_filters\.py::test_gaussian_(radius_invalid|filter_float16)\[numpy\]", _REFUSED, ERRORS),
)


def disagreements(results: dict[str, dict[str, Any]]) -> list[str]:
    """Return what the table above says otherwise: failures that it has not, and tests of its that pass."""
    lines = []
    for test, result in results.items():
        entry = entry_of(test)
        failed = result["outcome"] == "failed"
        if failed and (entry is None or not re.match(entry.error, result["error"])):
            lines.append(f"{test} fails: {result['error']}")
        if not failed and entry is not None:
            lines.append(f"{test} is listed, and {result['outcome']}")
    files = {test.split("::")[0] for test in results}
    for entry in DIFFERENCES:
        ran = any(re.match(entry.test.split("::")[0], file) for file in files)
        if ran and not any(re.fullmatch(entry.test, test) for test in results):
            lines.append(f"no test matches {entry.test}")
    return lines


def entry_of(test: str) -> Difference | None:
    """Return the entry of a test, None where it should pass."""
    return next((entry for entry in DIFFERENCES if re.fullmatch(entry.test, test)), None)


def summary(results: dict[str, dict[str, Any]]) -> list[tuple[str, int]]:
    """Return how many tests ended in which way."""
    passed = [result for result in results.values() if result["outcome"] == "passed" and result["called"]]
    ways = [
        ("passed", len(passed)),
        ("... of them with no call handed on to SciPy", sum(not result["handed"] for result in passed)),
    ]
    entries = (entry_of(test) for test, result in results.items() if result["outcome"] == "failed")
    reasons = Counter("not explained" if entry is None else entry.reason for entry in entries)
    ways += [(f"failed: {reason}", count) for reason, count in reasons.most_common()]
    none = sum(result["outcome"] == "passed" and not result["called"] for result in results.values())
    ways.append(("not applicable: only SciPy's own functions and internals are called", none))
    ways.append(("not applicable: skipped by SciPy", sum(r["outcome"] == "skipped" for r in results.values())))
    ways.append(("expected by SciPy to fail", sum(r["outcome"] == "xfailed" for r in results.values())))
    return [way for way in ways if way[1]]
