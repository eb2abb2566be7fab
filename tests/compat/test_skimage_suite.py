"""scikit-image's own tests against `cormack.compat.skimage`: they pass, but for the listed differences.

Wheels of scikit-image carry no tests. ``CORMACK_SKIMAGE_TESTS`` names the folder ``tests/skimage`` of its sources.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pytest

TESTS = Path(os.environ.get("CORMACK_SKIMAGE_TESTS", "/nowhere"))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not TESTS.is_dir(), reason="CORMACK_SKIMAGE_TESTS names no folder with scikit-image's tests"),
]

REFUSED = "what Cormack has not is an error that names the argument"
AXES = "images of 2 and 3 axes, and of the dtypes that Cormack takes"
WARNINGS = "scikit-image's warnings are not given"
WORDS = "errors have Cormack's words and types"
COLOURS = "colour images are not turned into another colour space; Dask arrays become NumPy arrays"
ROUNDED = "integers are rounded; scikit-image cuts off"
HALF = "float16 is computed, and comes out, in float32"
CONSTANT = "what should be 0 on constant images is rounding, which divisions by the largest response make visible"
TIES = "voxels equally near to two markers, and faces of ambiguous cells, go the other way"
LENIENT = "wrong arguments that have a meaning all the same are accepted"
MAPS = "maps of labels are arrays, labels at most 31 bits"
NAN = "NaN and infinities have no part in a threshold, or are an error"


class Difference(NamedTuple):
    """Tests that fail: every one whose name matches `test`, with an error that matches `error`."""

    test: str
    error: str
    reason: str


DIFFERENCES = (
    Difference(
        r"test_(blob|ccomp|flood_fill|watershed|join|warps|gaussian|denoise|unsharp_mask)\.py::",
        r"ValueError: \w+: `(image|mask|labels|label_image)` must be 2-D or 3-D|`axes` must name at most 3 axes",
        AXES,
    ),
    Difference(r"test_warps\.py::", r"resize: `output_shape` must suit an image of 2 or 3 axes", AXES),
    Difference(r"test_(exposure|canny)\.py::", r"TypeError: \w+: `image` must have one of the dtypes", AXES),
    Difference(r".", r": Cormack has nothing else", REFUSED),
    Difference(r"test_warps\.py::", r"resize: `(order|mode)` must be", REFUSED),
    Difference(r"test_watershed\.py::test_compact_watershed", r"`watershed_line` must be False", REFUSED),
    Difference(
        r"test_regionprops\.py::", r"regionprops_table: `properties` must be one of|`image` must have shape", REFUSED
    ),
    Difference(r".", r"No warning raised matching|DID NOT WARN", WARNINGS),
    Difference(r".", r"Regex pattern did not match", WORDS),
    Difference(r"test_watershed\.py::test_incorrect_markers_shape", r"TypeError", WORDS),
    Difference(
        r"test_exposure\.py::test_adapthist_(alpha|color|grayscale)", r"AssertionError|`kernel_size` must", COLOURS
    ),
    Difference(r"test_exposure\.py::test_dask_histogram", r"AssertionError", COLOURS),
    Difference(
        r"test_exposure\.py::test_(adjust_(inv_)?(log|sigmoid)|rescale_stretch|dask_rescale)",
        r"AssertionError",
        ROUNDED,
    ),
    Difference(r"test_gabor\.py::test_gabor_int_dtype", r"AssertionError", ROUNDED),
    Difference(r"test_exposure\.py::test_(peak_float_out_of_range|rescale_in_range)", r"float16", HALF),
    Difference(
        r"test_ridges\.py::test_[23]d_(null_matrix|linearity|cropped_camera_image)", r"AssertionError", CONSTANT
    ),
    Difference(r"test_watershed\.py::test_connectivity", r"AssertionError", TIES),
    Difference(r"test_marching_cubes\.py::test_both_algs_same_result_donut", r"AssertionError", TIES),
    Difference(
        r"test_(find_contours|marching_cubes|misc|denoise)\.py::"
        r"test_(invalid_input|mask_dtype|float_input_holes|non_bool_out|denoise_nl_means_wrong_dimension)",
        r"DID NOT RAISE",
        LENIENT,
    ),
    Difference(
        r"test_join\.py::test_(arraymap|relabel_sequential|very_large_labels)", r"not callable|int32|AssertionErr", MAPS
    ),
    Difference(r"test_thresholding\.py::test_li_", r"`image` must contain a voxel", NAN),
    Difference(r"test_denoise\.py::test_denoise_bilateral_nan", r"`sigma_intensity` must be finite", NAN),
)


def reason_of(name: str, error: str) -> str | None:
    for difference in DIFFERENCES:
        if re.search(difference.test, name) and re.search(difference.error, error):
            return difference.reason
    return None


def test_scikit_images_tests_pass_but_for_the_listed(tmp_path):
    results = tmp_path / "results.json"
    folders = [
        str(TESTS / name) for name in ("exposure", "feature", "filters", "measure", "morphology", "restoration")
    ] + [str(TESTS / "segmentation"), str(TESTS / "transform" / "test_warps.py")]
    command = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", str(TESTS), "--tb=no"]
    command += ["--confcutdir", str(TESTS), "--import-mode=importlib", "-p", "no:cacheprovider"]
    command += ["-p", "skimage_on_cormack", "--results", str(results), *folders]
    paths = [str(Path(__file__).parent), *filter(None, sys.path)]
    process = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert process.returncode in (0, 1), process.stdout + process.stderr
    found: dict[str, dict[str, Any]] = json.loads(results.read_text(encoding="utf-8"))
    called = {name: result for name, result in found.items() if result["called"]}
    failed = {name: result["error"] for name, result in called.items() if result["outcome"] == "failed"}
    reasons = Counter(reason_of(name, error) for name, error in failed.items())
    print(len(called) - len(failed), "passed", dict(reasons))
    assert len(called) > 4500
    assert not [(name, error) for name, error in failed.items() if reason_of(name, error) is None]
