"""Local histogram equalization."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import _check, _cormack_cpu, _intensity, _slabs
from .._arrays import Blocked, take, take_mask
from .._backends import OnDevice, is_on_device, mask_on_device
from .._backends import run as run_on_device
from .._cuts import Plan

# scikit-image's grey levels, of which bins are made.
_LEVELS = 1 << 14


def equalize_adapthist(
    image: Any,
    kernel_size: Any = None,
    clip_limit: float = 0.01,
    nbins: int = 256,
    *,
    in_range: Any = "image",
    out_range: Any = "image",
    out: np.ndarray | None = None,
    mask: Any = None,
    workers: int | None = None,
    device: str | None = None,
) -> Any:
    """Equalize the histogram around each voxel, with limited contrast: CLAHE.

    Parameters
    ----------
    image : array_like or Volume
        2-D or 3-D image.
    kernel_size : int or sequence of int, optional
        Size of the tiles whose histograms are equalized, in voxels, one value or one per axis. Default: an eighth of
        each axis, at least 1.
    clip_limit : float, default 0.01
        Largest part of a tile's voxels that one bin may hold, between 0 and 1; what is above is spread over all bins.
        Higher values give more contrast; 0 and 1 do not limit it. At 1 / `nbins` and below nothing is enhanced.
    nbins : int, default 256
        Number of bins of the histograms, at most 16384.
    in_range : {"image", "dtype"} or (float, float), default "image"
        Range that the bins divide; what lies outside counts as the nearer end. ``"image"``: smallest and largest value,
        inside the mask and NaN left out; ``"dtype"``: the limits of an integer type, (0, 1) for floating ones. Give the
        whole image's range to equalize a part of it.
    out_range : {"image", "dtype"} or (float, float), default "image"
        Range of the result: ``"image"``: that of `in_range`; ``"dtype"``: the limits of the type; or two numbers.
    out : ndarray, optional
        Filled and returned instead of a new array; of the shape and dtype of the result, any strides, maybe `image`.
    mask : array_like, optional
        Only voxels where it is not zero are counted and mapped; those outside are returned unchanged.
    workers : int, optional
        Number of threads; default: the library's setting.
    device : {"cpu", "cuda"}, optional
        Where to compute. Default: where the image is, which may be a CuPy array or another array on a GPU; the result
        is of the same kind. ``"cuda"`` copies an image from the host to the GPU and the result back. There `nbins` is
        at most 12288, and the maps of all tiles are in memory at once.

    Returns
    -------
    array
        Shape, dtype and kind of `image`. NaN is left out of the histograms and stays NaN.

    Raises
    ------
    ValueError
        If the mask is empty, the image holds an infinity, a tile has no voxel or more than 2147483647, `clip_limit` is
        not in [0, 1], or `nbins` is below 1 or above 16384.

    See Also
    --------
    equalize_hist, skimage.exposure.equalize_adapthist

    Notes
    -----
    Tiles, bins, clipping, redistribution and interpolation are those of `skimage.exposure.equalize_adapthist` [1]_: the
    image is extended by reflection to whole tiles; bins join equally many of 16384 grey levels, so that the highest
    ones may stay empty (3 of 256); a voxel goes through the maps of the tiles around it, weighted by its distance
    from their middles. What differs:

    - `image` keeps its dtype and units. It is not rounded to 16 bits first, may be negative, and maps and results are
      not cut to 14 bits: they are real numbers until they are rounded to the result's type, once.
    - The result is not stretched to its own smallest and largest value in the end, which would make parts of one image
      differ; `rescale_intensity` does that.
    - Where tiles have one voxel along an axis, a voxel takes the map of its own tile, not of the tile before.
    - Where `clip_limit` is below 1 / `nbins` the map is the identity, up to bins, rather than a darker image.

    Stretched, the two differ by less than 1 / 2000 of the range for images of 16-bit integers whose equalized values
    fill half of it. A tile without voxels that count takes the mean of the maps of its nearest neighbours that have
    some. Arithmetic is that of float32, of float64 for 32-bit integers and float64: its error is below 8e-7 or 2e-15 of
    the range, to which integers add their rounding. Results are the same for every processor and number of threads.

    Memory beyond the result: `nbins` numbers per tile, of as many tiles as fit into 32 MiB at a time, but at least of
    the 4 rows of tiles (16 with a mask or for floating types) around a row of voxels; for 32-bit integers and floating
    types one byte per voxel (two if `nbins` is above 256); a copy of the image, the mask and the result where the last
    axis is not contiguous; the result once more where `out` overlaps the image or the mask.

    References
    ----------
    .. [1] K. Zuiderveld, "Contrast limited adaptive histogram equalization", Graphics Gems IV, 1994.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import enhance
    >>> image = np.array([[0, 10, 12, 14], [10, 12, 14, 100]], np.uint8)
    >>> enhance.equalize_adapthist(image, kernel_size=(2, 4), clip_limit=0, nbins=100)
    array([[ 12,  38,  62,  88],
           [ 38,  62,  88, 100]], dtype=uint8)
    """
    name = "equalize_adapthist"
    taken = take(name, "image", image, device=device)
    array = taken.array
    kernel = _kernel_size(name, kernel_size, array.shape)
    clip_limit = _check.real(name, "clip_limit", clip_limit, minimum=0.0)
    if clip_limit > 1:
        raise _check.fail(name, "clip_limit", "be at most 1", clip_limit)
    nbins = _check.integer(name, "nbins", nbins, minimum=1, maximum=_LEVELS)
    on_device = is_on_device(array)
    inside = mask_on_device(name, mask, array) if on_device else take_mask(name, "mask", mask, array.shape, image)
    in_range = _range(name, "in_range", in_range, array.dtype)
    out_range = _range(name, "out_range", out_range, array.dtype)
    threads = _check.workers(name, workers)
    result = _intensity.Result.of(name, taken, array.dtype, out)
    if array.size == 0:
        return result.unchanged()
    if inside is not None and not on_device and not inside.any():
        raise ValueError(f"{name}: `mask` must contain a voxel, got none")
    if in_range is None or array.dtype.kind == "f" or (on_device and inside is not None):
        found = _intensity.finite_range(name, array, inside, threads, "or NaN")
        if found is None:
            if inside is not None:
                missing = " that is not NaN" if array.dtype.kind == "f" else ""
                raise ValueError(f"{name}: `mask` must contain a voxel{missing}, got none")
            return result.unchanged()
        in_range = found if in_range is None else in_range
    lower, upper = in_range
    if lower > upper:
        raise _check.fail(name, "in_range", "not decrease", in_range)
    low, high = in_range if out_range is None else out_range
    _intensity.check_width(name, "in_range", (lower, upper))
    _intensity.check_fits(name, "out_range", (low, high), array.dtype)

    if is_on_device(array):
        limits = (lower, upper, low, high)

        def equalized(part: OnDevice, *beside: OnDevice) -> OnDevice:
            target = part.empty()
            tiles = (1,) * (3 - len(kernel)) + tuple(kernel)
            images = [part, target, *beside]
            run_on_device(name, name, images, kernel=tiles, bins=nbins, clip_limit=clip_limit, range=limits)
            return target

        images = [array] if inside is None else [array, inside]
        plan = plan_of_tiles(array.dtype, inside is not None, kernel)
        return taken.give_back(_slabs.filtered(name, images, plan, equalized, both_ends=True))  # type: ignore[arg-type]
    settings = (clip_limit, nbins, lower, upper, low, high)
    if isinstance(array, Blocked):
        return taken.give_back(array.adapted(inside, kernel, settings))

    def run(source: np.ndarray, target: np.ndarray) -> None:
        _cormack_cpu.equalize_adapthist(source, inside, target, kernel, *settings, threads)

    return result.filled_apart(run, inside)


def plan_of_tiles(dtype: np.dtype, masked: bool, kernel: list[int]) -> Plan:
    """Return what a voxel reads: its tile and those around it, and around these where a tile may be empty."""
    far = 2 if masked or dtype.kind == "f" else 1
    return Plan([(far * k, far * k) for k in kernel], [0] * len(kernel), list(kernel), dtype)


def entries_of(dtype: np.dtype, masked: bool, nbins: int) -> int:
    """Return how many numbers the extension's map of a tile has."""
    if dtype.itemsize == 1 and not masked:
        return 256
    return (_LEVELS - 1) // (1 + _LEVELS // nbins) + 2


def _kernel_size(function: str, value: Any, shape: tuple[int, ...]) -> list[int]:
    if value is None:
        return [max(length // 8, 1) for length in shape]
    sizes = [
        _check.integer(function, "kernel_size", size, minimum=1)
        for size in _check.per_axis(function, "kernel_size", value, len(shape))
    ]
    if math.prod(sizes) >= 1 << 31:
        raise _check.fail(function, "kernel_size", "stand for at most 2147483647 voxels", value)
    return sizes


def _range(function: str, argument: str, value: Any, dtype: np.dtype) -> tuple[float, float] | None:
    """Return two numbers, or None for "image"."""
    if isinstance(value, str):
        _check.choice(function, argument, value, ("image", "dtype"))
        return _intensity.full_range(dtype) if value == "dtype" else None
    return _intensity.pair(function, argument, value)
