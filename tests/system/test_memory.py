"""What every call may take beside its input: the output, and what its docstring states."""

from __future__ import annotations

import ctypes
import gc
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from cormack import enhance, filters, get_num_threads, set_num_threads

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process can be reset on Linux alone")

# Long in every axis, and large against what threads keep for themselves; for slow filters as large as they allow.
LARGE, MEDIUM = (96, 224, 224), (64, 160, 160)
THREADS = 2
# What a thread keeps for its rows, and what the interpreter takes meanwhile.
THREADS_AND_NOISE = (THREADS + 1) * (2 << 20)
PR_SET_THP_DISABLE = 41


class Call(NamedTuple):
    run: Callable[[np.ndarray], Any]
    integers: float = 0  # images of float32 beyond the output, for int16
    floats: float = 0  # and for float32
    shape: tuple[int, ...] = LARGE
    more: int = 0  # bytes beyond what threads commonly keep


def disk(radius: int) -> np.ndarray:
    z, y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1, -radius : radius + 1]
    return z**2 + y**2 + x**2 <= radius**2


def window(extent: int) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(extent,) * 3)


def inside(image: np.ndarray) -> np.ndarray:
    return MASK[tuple(slice(n) for n in image.shape)]


TURN = np.array([[1, 0.1, 0], [-0.1, 1, 0], [0, 0.02, 1]])
MASK = np.random.default_rng(2).random(LARGE) < 0.5

CALLS = {
    "affine_transform, linear": Call(lambda image: filters.affine_transform(image, TURN, order=1)),
    # Coefficients in float64, of the image.
    "affine_transform, cubic": Call(lambda image: filters.affine_transform(image, TURN), 2, 2, MEDIUM),
    "median 3": Call(lambda image: filters.median_filter(image, 3)),
    "median 4": Call(lambda image: filters.median_filter(image, 4)),
    "minimum 5": Call(lambda image: filters.minimum_filter(image, 5)),
    "maximum 21": Call(lambda image: filters.maximum_filter(image, 21)),
    "maximum of tall windows": Call(lambda image: filters.maximum_filter(image, (9, 150, 150))),
    "maximum of a ball": Call(lambda image: filters.maximum_filter(image, footprint=disk(2))),
    "rank": Call(lambda image: filters.rank_filter(image, 5, 3)),
    "percentile": Call(lambda image: filters.percentile_filter(image, 20, 3)),
    "uniform 5": Call(lambda image: filters.uniform_filter(image, 5)),
    "uniform 31": Call(lambda image: filters.uniform_filter(image, 31)),
    "uniform 5 in a mask": Call(lambda image: filters.uniform_filter(image, 5, mask=inside(image))),
    "gaussian 1": Call(lambda image: filters.gaussian_filter(image, 1)),
    "gaussian 8": Call(lambda image: filters.gaussian_filter(image, 8)),
    # The recursion needs an image of floats, but where the output is one.
    "gaussian 12 by recursion": Call(lambda image: filters.gaussian_filter(image, 12, tolerance=1e-3), integers=1),
    "gaussian 1 in a mask": Call(lambda image: filters.gaussian_filter(image, 1, mask=inside(image))),
    "gaussian_laplace": Call(lambda image: filters.gaussian_laplace(image, 1)),
    "gaussian_gradient_magnitude": Call(lambda image: filters.gaussian_gradient_magnitude(image, 1)),
    "unsharp_mask": Call(lambda image: filters.unsharp_mask(image, 1)),
    "correlate1d": Call(lambda image: filters.correlate1d(image, [1, -2, 3])),
    "convolve1d": Call(lambda image: filters.convolve1d(image, [1, -2, 3], 0)),
    "correlate": Call(lambda image: filters.correlate(image, window(3))),
    "convolve": Call(lambda image: filters.convolve(image, window(9)), shape=MEDIUM, more=10 << 20),
    "bilateral": Call(lambda image: filters.bilateral_filter(image, 1, 100)),
    "non_local_means": Call(lambda image: filters.non_local_means(image, 3, 2, 100)),
    # For integers an image of floats; where pieces of the image meet, half of one.
    "anisotropic_diffusion": Call(lambda image: filters.anisotropic_diffusion(image, 3), 1.5, 0.5, MEDIUM),
    "curvature": Call(lambda image: filters.anisotropic_diffusion(image, method="curvature"), 1.5, 0.5, MEDIUM),
    # Rows of the dual field are a few values longer than those of the image.
    "total_variation": Call(
        lambda image: filters.total_variation(image, 50, max_num_iter=3),
        integers=3.1,
        floats=3.1,
        shape=MEDIUM,
        more=THREADS * 4 * 4 * 160 * 176,
    ),
    # Integers become an image of floats; orientations are pooled, and averaged for energy, in images of their own.
    "laws": Call(lambda image: filters.laws_filter(image), 1.1, 0.1, MEDIUM),
    "laws, pooled energy": Call(
        lambda image: filters.laws_filter(image, rotation_invariant="max", energy_distance=3), 4.1, 3.1, MEDIUM
    ),
    "wavelet": Call(lambda image: filters.wavelet_filter(image, "coif1", "LLH"), 1.1, 0.1, MEDIUM),
    "gabor": Call(lambda image: filters.gabor_filter(image, 2, 4), 3.1, 2.1, MEDIUM),
    # Seven images of float64.
    "simoncelli": Call(lambda image: filters.simoncelli_filter(image, mode="wrap"), 14, 14, MEDIUM),
    "riesz": Call(lambda image: filters.riesz_filter(image, (0, 0, 1), mode="wrap"), 14, 14, MEDIUM),
    # One image more than results, for the integers' floats and for what is averaged.
    "gabor_bank": Call(lambda image: filters.gabor_bank(image, [0.2], 2), 3.1, 2.1, MEDIUM),
    "sobel": Call(lambda image: filters.sobel(image)),
    "prewitt": Call(lambda image: filters.prewitt(image)),
    "scharr": Call(lambda image: filters.scharr(image)),
    "gradient_magnitude": Call(lambda image: filters.gradient_magnitude(image)),
    "hessian_matrix": Call(lambda image: filters.hessian_matrix(image, 1), shape=MEDIUM),
    "hessian_eigenvalues": Call(lambda image: filters.hessian_eigenvalues(image, 1), shape=MEDIUM),
    "frangi": Call(lambda image: filters.frangi(image, [1]), shape=MEDIUM),
    "sato": Call(lambda image: filters.sato(image, [1]), shape=MEDIUM),
    "meijering": Call(lambda image: filters.meijering(image, [1]), shape=MEDIUM),
    "dot_enhancement": Call(lambda image: filters.dot_enhancement(image, [1, 2]), shape=MEDIUM),
    "grey_erosion": Call(lambda image: filters.grey_erosion(image, 5)),
    "grey_dilation": Call(lambda image: filters.grey_dilation(image, 5)),
    "grey_opening": Call(lambda image: filters.grey_opening(image, 5), 0.5, 1),
    "grey_closing": Call(lambda image: filters.grey_closing(image, 5), 0.5, 1),
    "morphological_gradient": Call(lambda image: filters.morphological_gradient(image, 5), 0.5, 1),
    "white_tophat": Call(lambda image: filters.white_tophat(image, 5), 0.5, 1),
    "black_tophat": Call(lambda image: filters.black_tophat(image, 5), 0.5, 1),
    "window": Call(lambda image: enhance.window(image, 40, 400)),
    "rescale_intensity": Call(lambda image: enhance.rescale_intensity(image)),
    "equalize_hist": Call(lambda image: enhance.equalize_hist(image)),
}


def status(field: str) -> int:
    """Return a field of this process's memory in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) << 10
    raise LookupError(field)


def beyond_the_result(run: Callable[[np.ndarray], Any], image: np.ndarray) -> int:
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # memory that was freed but kept would hide what the call takes
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pytest.skip("this process may not reset its peak")
    before = status("VmRSS")
    result = run(image)
    return status("VmHWM") - before - int(result.nbytes)


def large_volume() -> np.ndarray:
    return np.random.default_rng(3).integers(-1000, 1000, LARGE).astype(np.int16)


def part_of(volume: np.ndarray, name: str, dtype: str) -> np.ndarray:
    """Return the image that a call is measured on."""
    return np.ascontiguousarray(volume[tuple(slice(n) for n in CALLS[name].shape)], dtype)


@pytest.fixture(scope="module")
def volume() -> np.ndarray:
    return large_volume()


@pytest.fixture(autouse=True, scope="module")
def small_pages() -> Iterator[None]:
    """Have memory come in pages of 4 kB: in a process that has worked before, a few kB may touch 2 MB anywhere."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)
    yield
    libc.prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0)


@pytest.fixture(autouse=True, scope="module")
def few_objects() -> Iterator[None]:
    """Spare `gc.collect` what other tests' libraries left behind, which takes longer than most calls."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = get_num_threads()
    set_num_threads(THREADS)
    yield
    set_num_threads(before)


def test_every_filter_is_measured():
    source = Path(__file__).read_text()
    assert [name for name in filters.__all__ if f"filters.{name}(" not in source] == []


@pytest.mark.parametrize("dtype", ["int16", "float32"])
@pytest.mark.parametrize("name", CALLS)
def test_peak_memory(name, dtype, volume):
    run, integers, floats, _, more = CALLS[name]
    image = part_of(volume, name, dtype)
    run(image[:8])  # libraries and tables that are made once
    allowed = int((integers if dtype == "int16" else floats) * 4 * image.size) + more + THREADS_AND_NOISE
    # What else the process does only adds: the least of some calls is nearest to the truth.
    for _ in range(3):
        beyond = beyond_the_result(run, image)
        if beyond <= allowed:
            return
    # A process that has run thousands of tests may keep pages for itself in every call; a new one has none to keep.
    beyond = int(subprocess.run([sys.executable, __file__, name, dtype], check=True, capture_output=True).stdout)
    assert beyond <= allowed, f"{beyond / (4 * image.size):.2f} images of float32"


def test_moran_and_geary_of_thin_parts_take_little_memory():
    # Few rows, but the weights of all lags of the box: 134 MB at once.
    code = """
import numpy as np
from cormack import _cormack_cpu
from pathlib import Path

def memory(name):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(name)) / 1024

mask = np.zeros((256, 256, 256), bool)
mask[(np.arange(256),) * 3] = True
image = np.zeros(mask.shape, np.int16)
image[mask] = np.arange(256)
_cormack_cpu.spatial(image[:8], mask[:8], (1.0, 1.0, 1.0))
before = memory("VmRSS")
Path("/proc/self/clear_refs").write_text("5")
_cormack_cpu.spatial(image, mask, (1.0, 1.0, 1.0), 2)
print(memory("VmHWM") - before)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=100)
    assert float(done.stdout) < 80


if __name__ == "__main__":
    ctypes.CDLL(None).prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)
    set_num_threads(THREADS)
    the_call, the_image = CALLS[sys.argv[1]].run, part_of(large_volume(), *sys.argv[1:])
    the_call(the_image[:8])
    print(min(beyond_the_result(the_call, the_image) for _ in range(3)))
