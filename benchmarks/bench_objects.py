"""Peaks, blobs, templates, boxes and anomalies against scikit-image, OpenCV and plain NumPy; with memcpy.

Results are compared before anything is timed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest
from scipy import ndimage
from skimage import feature as peer

from cormack import detect

from .data import ct_volume, radiograph


@functools.cache
def images(name: str) -> np.ndarray:
    if name == "radiograph":
        return radiograph("uint16")
    if name == "small radiograph":
        return radiograph("float64", (512, 512))
    if name == "small ct":
        return ct_volume("float64", (32, 128, 128))
    if name == "boxes":
        rng = np.random.default_rng(0)
        start = rng.uniform(0, 1000, (5000, 2))
        return np.hstack([start, start + rng.uniform(5, 60, (5000, 2)), rng.random((5000, 1))])
    return ct_volume("int16")


class Case(NamedTuple):
    operation: str
    image: str
    argument: Any = None

    def __str__(self) -> str:
        array = images(self.image)
        name = f"{self.operation} {self.image}" + ("" if self.argument is None else f" {self.argument}")
        return f"{name} {array.dtype} {'x'.join(map(str, array.shape))}"


CASES = [
    Case("peak_local_max", "ct", 2),
    Case("peak_local_max", "ct", 5),
    Case("peak_local_max", "radiograph", 5),
    Case("blob_log", "small ct"),
    Case("blob_log", "ct"),
    Case("blob_dog", "small ct"),
    Case("blob_dog", "ct"),
    Case("blob_doh", "small radiograph"),
    Case("blob_doh", "small ct"),
    Case("match_template", "ct", 11),
    Case("match_template", "radiograph", 48),
    Case("non_maximum_suppression", "boxes"),
    Case("rx_detector", "ct", (3, 9)),
    Case("rx_detector", "ct", (5, 21)),
    Case("symmetry_plane", "ct"),
    Case("asymmetry_map", "ct"),
]


def rx_by_scipy(image: np.ndarray, inner: int, outer: int) -> np.ndarray:
    """The ring's statistics from two box means, in float64."""
    values = image.astype(np.float64)
    ones = np.ones_like(values)
    sums = []
    for part in (ones, values, values * values):
        box = [ndimage.uniform_filter(part, size, mode="constant") * size**image.ndim for size in (outer, inner)]
        sums.append(box[0] - box[1])
    mean = sums[1] / sums[0]
    variance: np.ndarray = np.maximum(sums[2] / sums[0] - mean * mean, 1e-9) * (1 + 1e-6)
    result: np.ndarray = np.abs(values - mean) / np.sqrt(variance)
    return result


def contenders(case: Case) -> dict[str, Callable[[], Any]]:
    """Return what is timed."""
    image, argument = images(case.image), case.argument
    copy = np.empty_like(image)
    result: dict[str, Callable[[], Any]] = {}
    if case.operation == "peak_local_max":
        result["cormack"] = lambda: detect.peak_local_max(image, argument)
        result["scikit-image"] = lambda: peer.peak_local_max(image, argument)
    elif case.operation in ("blob_log", "blob_dog"):
        keywords = {"min_sigma": 1, "max_sigma": 4, "threshold": 50 if image.max() > 10 else 0.02}
        if case.operation == "blob_log":
            keywords["num_sigma"] = 4
        result["cormack"] = lambda: getattr(detect, case.operation)(image, **keywords)
        if image.dtype == np.float64:
            result["scikit-image"] = lambda: getattr(peer, case.operation)(image, **keywords)
    elif case.operation == "blob_doh":
        if image.ndim == 2:
            result["cormack"] = lambda: detect.blob_doh(image, 3, 15, 5, 0.01)
            result["scikit-image"] = lambda: peer.blob_doh(image, 3, 15, 5, 0.01)
        else:
            result["cormack"] = lambda: detect.blob_doh(image, 1, 4, 4, threshold_rel=0.1)
    elif case.operation == "match_template":
        part = image[tuple(slice(n // 3, n // 3 + argument) for n in image.shape)]
        number, small = image.astype(np.float64), part.astype(np.float64)
        result["cormack"] = lambda: detect.match_template(image, part)
        result["scikit-image"] = lambda: peer.match_template(number, small)
        if image.ndim == 2:
            narrow, narrow_part = image.astype(np.float32), part.astype(np.float32)
            result["OpenCV"] = lambda: cv2.matchTemplate(narrow, narrow_part, cv2.TM_CCOEFF_NORMED)
    elif case.operation == "non_maximum_suppression":
        boxes, scores = np.ascontiguousarray(image[:, :4]), np.ascontiguousarray(image[:, 4])
        sizes = np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]])
        result["cormack"] = lambda: detect.non_maximum_suppression(boxes, scores, 0.5)
        result["OpenCV"] = lambda: cv2.dnn.NMSBoxes(sizes, scores, 0.0, 0.5)
    elif case.operation == "rx_detector":
        result["cormack"] = lambda: detect.rx_detector(image, *argument)
        result["scipy"] = lambda: rx_by_scipy(image, *argument)
    elif case.operation == "symmetry_plane":
        result["cormack"] = lambda: detect.symmetry_plane(image)
    elif case.operation == "asymmetry_map":
        result["cormack"] = lambda: detect.asymmetry_map(image, plane=image.shape[-1] / 2)
    result["memcpy"] = lambda: np.copyto(copy, image)
    return result


PEERS = {
    "peak_local_max": ("scikit-image",),
    "blob_log": ("scikit-image",),
    "blob_dog": ("scikit-image",),
    "blob_doh": ("scikit-image",),
    "match_template": ("scikit-image", "OpenCV"),
    "non_maximum_suppression": ("OpenCV",),
    "rx_detector": ("scipy",),
    "symmetry_plane": (),
    "asymmetry_map": (),
}


def check(case: Case, name: str, result: Any) -> None:
    """Compare what the first call returned with Cormack's result."""
    truth = contenders(case)["cormack"]()
    if case.operation == "peak_local_max":
        np.testing.assert_array_equal(result, truth)
    elif case.operation.startswith("blob"):
        ours = {tuple(row) for row in np.stack([truth[k] for k in "zyx" if k in truth] + [truth["sigma"]], 1).round(6)}
        theirs = {tuple(row) for row in np.round(result, 6)}
        # Chains of blobs that overlap may end differently.
        assert len(ours & theirs) >= 0.9 * max(len(ours), len(theirs))
    elif case.operation == "match_template":
        np.testing.assert_allclose(result, truth, atol=1e-6 if name == "scikit-image" else 1e-2)
    elif case.operation == "non_maximum_suppression":
        assert abs(len(np.ravel(result)) - len(truth)) < 0.01 * len(truth)
    elif case.operation == "rx_detector":
        inner = tuple(slice(15, -15) for _ in range(truth.ndim))
        usual = np.isfinite(truth[inner]) & (result[inner] < 100)
        np.testing.assert_allclose(result[inner][usual], truth[inner][usual], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("case", "contender"),
    [(case, name) for case in CASES for name in ("cormack", *PEERS[case.operation], "memcpy")],
    ids=lambda value: value if isinstance(value, str) else f"{value.operation} {value.image} {value.argument}",
)
def test_objects(benchmark: Any, case: Case, contender: str) -> None:
    call = contenders(case).get(contender)
    if call is None:
        pytest.skip(f"{contender} does not do this")
    result = call()
    if contender not in ("cormack", "memcpy"):
        check(case, contender, result)
    benchmark.group = str(case)
    benchmark.pedantic(call, rounds=5 if contender in ("cormack", "memcpy") else 2, warmup_rounds=0)
