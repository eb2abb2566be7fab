"""Where an image looks like a template."""

from __future__ import annotations

import itertools
import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from .. import _check, _cormack_cpu
from .._arrays import float_for, take, take_mask
from ..filters._fft import _cut, _positions, block_lengths, is_faster

# numpy.pad's names for what lies beyond the border.
_MODES = {"constant": "constant", "edge": "nearest", "reflect": "mirror", "symmetric": "reflect", "wrap": "wrap"}
# A variance below this part of the largest square of its block is rounding.
_FLAT = 1e-13
_LARGEST = 1e100


def match_template(
    image: Any,
    template: Any,
    pad_input: bool = False,
    mode: str = "constant",
    constant_values: float = 0,
    *,
    mask: Any = None,
    workers: int | None = None,
) -> Any:
    """Compare a template with every place of an image: the correlation coefficient, from -1 to 1.

    Parameters
    ----------
    image : array_like or Volume
        2-D image ``(y, x)`` or 3-D volume ``(z, y, x)`` of any supported dtype.
    template : array_like
        Array of as many dimensions, along no axis longer than the image.
    pad_input : bool, default False
        False: the result has one value for each place where the template lies inside the image, at its first voxel.
        True: the result has the image's shape, and its values stand at the template's centre.
    mode : {"constant", "edge", "reflect", "symmetric", "wrap"}, default "constant"
        What lies beyond the border with `pad_input`, as in `numpy.pad`.
    constant_values : float, default 0
        The value beyond the border for ``mode="constant"``.
    mask : array_like, optional
        Of the template's shape: its voxels that are not zero are compared. Default: all.
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.

    Returns
    -------
    ndarray or Volume
        float32, or float64 for images of 32-bit integers or float64. A `Volume` only with `pad_input`.

    Raises
    ------
    TypeError
        If a dtype is not supported or an argument is of the wrong kind.
    ValueError
        If the template is empty, larger than the image, not finite or of another number of dimensions, if `mask` has
        another shape or no voxel, or `mode` is unknown.

    Notes
    -----
    The result of `skimage.feature.match_template`: 0 where the template or the image below it is constant. The
    covariance is a correlation by Fourier transforms of blocks of the image (a direct sum for small templates), about
    the image's mean, mean and variance come from running sums: O(voxels * log(template)), and blocks of a few
    megabytes for each thread are all the memory it takes. Computed in float64; where the standard deviation under the
    template is above ``1e-4`` of the largest magnitude, about the mean, of the block, the error is below 1e-6, and
    usually 1e-12. A variance below 1e-13 of that magnitude's square is taken for 0.

    Voxels whose window holds NaN or infinity become NaN, no others.

    References
    ----------
    J. P. Lewis, Fast normalized cross-correlation, Industrial Light and Magic (1995).

    Examples
    --------
    >>> import numpy as np
    >>> image = np.zeros((6, 6), np.int16)
    >>> image[1, 1], image[4, 4] = 100, -100
    >>> match_template(image, [[0, 0, 0], [0, 1, 0], [0, 0, 0]]).round(3)
    array([[ 1.   , -0.125,  0.   ,  0.   ],
           [-0.125, -0.125,  0.   ,  0.   ],
           [ 0.   ,  0.   ,  0.125,  0.125],
           [ 0.   ,  0.   ,  0.125, -1.   ]], dtype=float32)
    """
    name = "match_template"
    taken = take(name, "image", image)
    array = taken.array
    pattern = np.asarray(template)
    if pattern.dtype.kind not in "biuf":
        raise TypeError(f"{name}: `template` must be numbers, got {pattern.dtype}")
    pattern = pattern.astype(np.float64)
    extents = pattern.shape
    if pattern.ndim != array.ndim or 0 in extents or any(m > n for m, n in zip(extents, array.shape, strict=False)):
        raise ValueError(f"{name}: `template` must fit into shape {array.shape}, got {pattern.shape}")
    if not np.isfinite(pattern).all():
        raise ValueError(f"{name}: `template` must be finite")
    border = _check.BORDERS[_MODES[_check.choice(name, "mode", mode, _MODES)]]
    outside = _check.real(name, "constant_values", constant_values)
    inside = take_mask(name, "mask", mask, pattern.shape, template, "template")
    if inside is not None:
        if not inside.any():
            raise ValueError(f"{name}: `mask` must have a voxel that counts")
        if inside.all():
            inside = None
    threads = _check.workers(name, workers) or _cormack_cpu.get_num_threads()
    left = [m // 2 if pad_input else 0 for m in extents]
    shape = array.shape if pad_input else tuple(n - m + 1 for n, m in zip(array.shape, extents, strict=True))
    result = np.zeros(shape, float_for(array.dtype))
    counted = pattern.ravel() if inside is None else pattern[inside]
    # A constant template is like nothing.
    if counted.min() < counted.max():
        # Differences from one of its values first, which cost hardly any digits; a power of two costs none.
        counted = np.ldexp(counted, -int(np.frexp(np.abs(counted).max())[1]))
        counted -= counted[0]
        counted -= counted.mean()
        weights = np.zeros(extents)
        weights[... if inside is None else inside] = (counted / math.sqrt(float((counted**2).sum()))).reshape(
            extents if inside is None else -1
        )
        with np.errstate(over="ignore", invalid="ignore"):
            centre = float(array.mean(dtype=np.float64))
            if not math.isfinite(centre):
                finite = np.isfinite(array)
                centre = float(array[finite].mean(dtype=np.float64)) if finite.any() else 0.0
        match = _Match(weights, inside, left, border, outside, centre if math.isfinite(centre) else 0.0, array)
        match.run(result, threads)
    return taken.give_back(result) if pad_input else result


class _Match:
    """A normalised template, and how blocks of the image are compared with it."""

    def __init__(
        self,
        weights: np.ndarray,
        inside: np.ndarray | None,
        left: list[int],
        border: int,
        outside: float,
        centre: float,
        array: np.ndarray,
    ) -> None:
        self.weights, self.left, self.border, self.outside = weights, left, border, outside
        self.centre, self.array = centre, array
        self.lengths = block_lengths(array.shape, weights.shape)
        self.axes = [axis for axis, m in enumerate(weights.shape) if m > 1]
        self.by_fft = is_faster(array.shape, weights.shape, weights.size)
        self.ones = None if inside is None else inside.astype(np.float64)
        self.count = weights.size if inside is None else int(inside.sum())
        self.spectra = [self._spectrum(kernel) for kernel in (weights, self.ones) if kernel is not None]

    def _spectrum(self, kernel: np.ndarray) -> np.ndarray:
        spectrum: np.ndarray = np.fft.rfftn(kernel, [self.lengths[axis] for axis in self.axes], self.axes).conj()
        return spectrum

    def run(self, result: np.ndarray, threads: int) -> None:
        """Fill the result block by block: what a block holds does not depend on threads."""
        steps = [length - m + 1 for length, m in zip(self.lengths, self.weights.shape, strict=True)]
        corners = list(itertools.product(*(range(0, n, step) for n, step in zip(result.shape, steps, strict=True))))

        def compare(corner: tuple[int, ...]) -> None:
            sizes = [min(step, n - start) for start, step, n in zip(corner, steps, result.shape, strict=True)]
            self._block(corner, sizes, result[tuple(slice(c, c + s) for c, s in zip(corner, sizes, strict=True))])

        if min(threads, len(corners)) <= 1:
            for corner in corners:
                compare(corner)
            return
        with ThreadPoolExecutor(min(threads, len(corners))) as pool:
            for _ in pool.map(compare, corners):
                pass

    def _block(self, corner: tuple[int, ...], sizes: list[int], into: np.ndarray) -> None:
        extents = self.weights.shape
        # As much of the image as the results need: the rest of a transform is zero.
        places = [
            _positions(start - shift, start - shift + size + m - 1, n, self.border)
            for start, shift, size, m, n in zip(corner, self.left, sizes, extents, self.array.shape, strict=True)
        ]
        block = _cut(self.array, places, self.outside, np.float64)
        block -= self.centre
        squares = block * block
        largest = float(squares.max())
        # NaN fails the comparison.
        finite = largest < _LARGEST
        if not finite:
            largest = float(np.max(squares, initial=0.0, where=np.isfinite(squares)))
        inner = tuple(slice(size) for size in sizes)
        if self.by_fft and finite:
            transform = self._transform(block)
            covariance = self._back(transform * self.spectra[0])[inner]
        else:
            transform = None
            covariance = self._direct(block, self.weights)[inner]
        if self.ones is None:
            mean, square = self._box_mean(block)[inner], self._box_mean(squares)[inner]
        elif transform is not None:
            mean = self._back(transform * self.spectra[1])[inner] / self.count
            square = self._back(self._transform(squares) * self.spectra[1])[inner] / self.count
        else:
            mean = self._direct(block, self.ones)[inner] / self.count
            square = self._direct(squares, self.ones)[inner] / self.count
        with np.errstate(over="ignore", invalid="ignore"):
            variance = square - mean * mean
            flat = variance <= _FLAT * largest
            variance[flat] = 1
            covariance = covariance / np.sqrt(variance * self.count)
            if finite:
                np.clip(covariance, -1, 1, out=covariance)
            else:
                # An infinite value has no correlation with anything.
                covariance[~np.isfinite(variance)] = np.nan
            covariance[flat] = 0
        into[...] = covariance

    def _transform(self, block: np.ndarray) -> np.ndarray:
        return np.fft.rfftn(block, [self.lengths[axis] for axis in self.axes], self.axes)

    def _back(self, transform: np.ndarray) -> np.ndarray:
        return np.fft.irfftn(transform, [self.lengths[axis] for axis in self.axes], self.axes)

    def _direct(self, block: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        out = np.empty_like(block)
        nearest = _check.BORDERS["nearest"]
        _cormack_cpu.correlate_window(block, out, kernel, [0] * block.ndim, [nearest] * block.ndim, 0.0, 1)
        return out

    def _box_mean(self, block: np.ndarray) -> np.ndarray:
        out = np.empty_like(block)
        nearest = [_check.BORDERS["nearest"]] * block.ndim
        _cormack_cpu.uniform_filter(block, out, list(self.weights.shape), [0] * block.ndim, nearest, 0.0, 1)
        return out
