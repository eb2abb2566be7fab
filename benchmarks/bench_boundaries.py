"""Surfaces, lines, boundaries and active contours against scikit-image, contourpy, OpenCV and SimpleITK; with memcpy.

Results are compared before anything is timed: masks and lines must be equal, surfaces must have the same vertices.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import SimpleITK as sitk
from contourpy import contour_generator
from scipy import ndimage
from skimage import measure
from skimage import segmentation as peer
from skimage.segmentation import morphsnakes

from cormack import detect, segment

from .data import ct_volume, radiograph

BODY, BONE, BRIGHT = -300, 200, 30000
ITERATIONS = 5


@functools.cache
def images(name: str) -> np.ndarray:
    if name == "radiograph":
        return radiograph("uint16")
    if name == "small radiograph":
        return radiograph("float64", (512, 512))
    ct = ct_volume("int16")
    if name == "small ct":
        return ct_volume("int16", (32, 128, 128))
    if name == "smooth ct":
        return ndimage.gaussian_filter(ct, 2.0)
    if name == "body mask":
        return ct > BODY
    if name == "bone labels":
        labels: np.ndarray = segment.label(ct > BONE)[0]
        return labels
    if name == "edges":
        edges: np.ndarray = segment.inverse_gaussian_gradient(ct_volume("float32", (32, 128, 128)), 1.0, 2.0)
        return edges
    return ct


class Case(NamedTuple):
    operation: str
    image: str
    argument: Any = None

    def __str__(self) -> str:
        array = images(self.image)
        name = f"{self.operation} {self.image}" + ("" if self.argument is None else f" {self.argument}")
        return f"{name} {array.dtype} {'x'.join(map(str, array.shape))}"


CASES = [
    Case("marching_cubes", "ct", BODY),
    Case("marching_cubes", "ct", BONE),
    Case("marching_cubes", "smooth ct", BODY),
    Case("marching_cubes", "body mask", 0.5),
    Case("find_contours", "radiograph", BRIGHT),
    Case("find_contours", "ct", BODY),
    *(Case("find_boundaries", "body mask", mode) for mode in ("thick", "inner", "outer")),
    *(Case("find_boundaries", "bone labels", mode) for mode in ("thick", "inner", "outer")),
    Case("inverse_gaussian_gradient", "small ct"),
    Case("morphological_chan_vese", "ct"),
    Case("morphological_chan_vese", "small ct"),
    Case("morphological_geodesic_active_contour", "edges"),
    Case("chan_vese", "small radiograph"),
]


def _restart() -> None:
    # scikit-image's smoothing operators take turns through all calls.
    up, down = morphsnakes.sup_inf, morphsnakes.inf_sup
    morphsnakes._curvop = morphsnakes._fcycle([lambda u: up(down(u)), lambda u: down(up(u))])


def contenders(case: Case) -> dict[str, Callable[[], Any]]:
    """Return what is timed."""
    image, argument = images(case.image), case.argument
    copy = np.empty_like(image)
    result: dict[str, Callable[[], Any]] = {}
    if case.operation == "marching_cubes":
        number = image.astype(np.float32) if image.dtype == bool else image
        result["cormack"] = lambda: detect.marching_cubes(image, argument)
        result["scikit-image"] = lambda: measure.marching_cubes(number, argument)
        result["scikit-image lorensen"] = lambda: measure.marching_cubes(number, argument, method="lorensen")
    elif case.operation == "find_contours":
        slices = image if image.ndim == 3 else [image]
        result["cormack"] = lambda: detect.find_contours(image, argument)
        result["scikit-image"] = lambda: [measure.find_contours(one, argument) for one in slices]
        result["contourpy"] = lambda: [contour_generator(z=one).lines(argument) for one in slices]
    elif case.operation == "find_boundaries":
        result["cormack"] = lambda: detect.find_boundaries(image, mode=argument)
        result["scikit-image"] = lambda: peer.find_boundaries(image, mode=argument)
        if image.dtype == bool and argument == "inner":
            as_image = sitk.GetImageFromArray(image.view(np.uint8))
            result["SimpleITK"] = lambda: sitk.BinaryContour(as_image)
    elif case.operation == "inverse_gaussian_gradient":
        as_float = image.astype(np.float32)
        result["cormack"] = lambda: segment.inverse_gaussian_gradient(as_float)
        result["scikit-image"] = lambda: peer.inverse_gaussian_gradient(as_float)
    elif case.operation == "morphological_chan_vese":
        result["cormack"] = lambda: segment.morphological_chan_vese(image, ITERATIONS)
        result["scikit-image"] = lambda: (_restart(), peer.morphological_chan_vese(image, ITERATIONS))[1]
    elif case.operation == "morphological_geodesic_active_contour":
        arguments = (ITERATIONS, "disk", 1, 0.3, 1)
        result["cormack"] = lambda: segment.morphological_geodesic_active_contour(image, *arguments)
        result["scikit-image"] = lambda: (_restart(), peer.morphological_geodesic_active_contour(image, *arguments))[1]
    elif case.operation == "chan_vese":
        result["cormack"] = lambda: segment.chan_vese(image, max_num_iter=20, tol=0)
        result["scikit-image"] = lambda: peer.chan_vese(image, max_num_iter=20, tol=0)
    result["memcpy"] = lambda: np.copyto(copy, image)
    return result


PEERS = {
    "marching_cubes": ("scikit-image", "scikit-image lorensen"),
    "find_contours": ("scikit-image", "contourpy"),
    "find_boundaries": ("scikit-image", "SimpleITK"),
    "inverse_gaussian_gradient": ("scikit-image",),
    "morphological_chan_vese": ("scikit-image",),
    "morphological_geodesic_active_contour": ("scikit-image",),
    "chan_vese": ("scikit-image",),
}


def check(case: Case, name: str, result: Any) -> None:
    """Compare what the first call returned with Cormack's result."""
    truth = contenders(case)["cormack"]()
    if case.operation == "marching_cubes":
        if name == "scikit-image lorensen":
            assert len(result[0]) == len(truth[0])
        if name.startswith("scikit-image"):
            area = measure.mesh_surface_area(truth[0], truth[1])
            assert measure.mesh_surface_area(result[0], result[1]) == pytest.approx(area, rel=0.01)
    elif case.operation == "find_contours" and name == "scikit-image":
        ours = truth if images(case.image).ndim == 3 else [truth]
        assert [len(line) for lines in ours for line in lines] == [len(line) for lines in result for line in lines]
    elif case.operation == "inverse_gaussian_gradient":
        np.testing.assert_allclose(result, truth, rtol=1e-4)
    elif isinstance(result, np.ndarray):
        np.testing.assert_array_equal(result, truth)


@pytest.mark.parametrize(
    ("case", "contender"),
    [(case, name) for case in CASES for name in ("cormack", *PEERS[case.operation], "memcpy")],
    ids=lambda value: value if isinstance(value, str) else f"{value.operation} {value.image} {value.argument}",
)
def test_boundaries(benchmark: Any, case: Case, contender: str) -> None:
    call = contenders(case).get(contender)
    if call is None:
        pytest.skip(f"{contender} does not do this")
    result = call()
    if contender not in ("cormack", "memcpy"):
        check(case, contender, result)
    benchmark.group = str(case)
    benchmark.pedantic(call, rounds=5 if contender in ("cormack", "memcpy") else 2, warmup_rounds=0)
