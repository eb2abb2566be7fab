"""Second derivatives: the Hessian, its eigenvalues, and what they say of tubes and ridges."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _check, _cormack_cpu
from .._arrays import Taken, take
from .._neighbourhood import Halo, publish, spacing_of_axes
from ._derivatives import _floating
from ._kernels import number_outside

# In voxels. The work grows with its square; beyond any image it would only keep the caller waiting.
LARGEST_SIGMA = 1000

# In the extension's order.
_ELEMENTS, _EIGENVALUES, _SQUARE_NORM, _FRANGI, _SATO, _MEIJERING, _DOT = range(7)


# Of an image that `meijering` is given a part of, by scale; 0 leaves a scale as it is.
maxima_of_whole: ContextVar[Sequence[float] | None] = ContextVar("maxima_of_whole", default=None)


@dataclass(frozen=True, slots=True)
class _Input:
    """The arguments that all functions share."""

    function: str
    taken: Taken
    border: int
    outside: float
    sizes: list[float]
    in_mm: bool
    threads: int

    @property
    def array(self) -> np.ndarray:
        return self.taken.array

    def publish(self, widths: Sequence[Sequence[float]], *leading: int) -> None:
        """Say how far filters of these widths reach."""
        ndim = self.array.ndim
        # Three passes' worth of weights down to 1e-20 of the largest, where the extension ends its kernels.
        reach = [3 * (2 + int(7.5 * max((scale[axis] for scale in widths), default=0.0))) for axis in range(ndim)]
        publish(Halo.centred(reach, [self.border] * ndim), range(ndim), ndim, _floating(self.taken), *leading)

    def empty(self, *leading: int) -> np.ndarray:
        return np.empty((*leading, *self.array.shape), _floating(self.taken))

    def run(
        self,
        results: Sequence[np.ndarray],
        sigmas: Sequence[float],
        measure: int,
        truncate: float | None = None,
        exact_slopes: bool = False,
        **settings: Any,
    ) -> None:
        """Fill results from derivatives of the given widths in voxels."""
        if not self.array.size:
            return
        if truncate is None:
            # scikit-image's radius: small Gaussians are no good differentiators unless they are long.
            truncate = 8.0 if all(sigma > 1 for sigma in sigmas) else 100.0
        radii = [max(1, int(truncate * sigma * np.sqrt(0.5) + 0.5)) for sigma in sigmas]
        slopes = [1 / size for size in self.sizes]
        # In millimetres sigma is often below a voxel, across thick slices: without this derivatives vanish there.
        if exact_slopes or self.in_mm:
            slopes = [
                slope / _slope(sigma * np.sqrt(0.5), radius)
                for slope, sigma, radius in zip(slopes, sigmas, radii, strict=True)
            ]
        _cormack_cpu.hessian(
            self.array,
            list(results),
            list(sigmas),
            slopes,
            radii,
            [self.border] * self.array.ndim,
            self.outside,
            measure,
            workers=self.threads,
            **settings,
        )


def _take(function: str, image: Any, mode: Any, cval: Any, spacing: Any, unit: Any, workers: Any) -> _Input:
    taken = take(function, "image", image)
    axes = tuple(range(taken.array.ndim))
    return _Input(
        function,
        taken,
        _check.border(function, mode),
        number_outside(function, cval, taken.array.dtype) if mode in ("constant", "grid-constant") else 0.0,
        spacing_of_axes(function, taken, axes, spacing, unit),
        unit == "mm",
        _check.workers(function, workers),
    )


def _widths(given: _Input, argument: str, value: Any) -> list[float]:
    """Return a width for each axis in voxels."""
    result = [
        _check.real(given.function, argument, item, above=0.0) / size
        for item, size in zip(
            _check.per_axis(given.function, argument, value, given.array.ndim), given.sizes, strict=True
        )
    ]
    if not all(1e-3 < width <= LARGEST_SIGMA for width in result):
        raise _check.fail(given.function, argument, f"be 0.001 to {LARGEST_SIGMA} voxels", value)
    return result


def _slope(sigma: float, radius: int) -> float:
    """Return what the sampled derivative of a Gaussian makes of a slope of 1: less, where the Gaussian is narrow."""
    places = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * (places / sigma) ** 2)
    return float((places**2 * weights).sum() / (sigma**2 * weights.sum()))


def largest_of(values: np.ndarray) -> float:
    """Return the largest of the values that are finite, at least 0: one NaN must not reach all voxels."""
    largest = float(values.max())
    return largest if np.isfinite(largest) else float(values.max(initial=0.0, where=np.isfinite(values)))


def magnitude_of(image: np.ndarray) -> float:
    """Return the largest magnitude of the values that are finite."""
    largest, least = float(image.max()), float(image.min())
    if not (math.isfinite(largest) and math.isfinite(least)):
        finite = np.isfinite(image)
        largest, least = (float(end(initial=0.0, where=finite)) for end in (image.max, image.min))
    return max(largest, -least)


def noise_of(
    magnitude: float, image: Any, sigma: float, mode: str, cval: float, spacing: Any, unit: str, workers: Any
) -> float:
    """Return what rounding alone may leave as the norm of a Hessian, where values have that magnitude."""
    return _noise(_take("hessian_matrix", image, mode, cval, spacing, unit, workers), sigma, magnitude)


def _noise(given: _Input, sigma: float, magnitude: float) -> float:
    array = given.array
    rounding = 2.0**-53 if array.dtype in (np.float64, np.int32, np.uint32) else 2.0**-24
    largest = max(magnitude, abs(given.outside) if math.isfinite(given.outside) else 0.0)
    # The bound of an element that `hessian_matrix` states, of all elements together.
    return 10 * rounding * largest / sigma**2 * array.ndim


def unless_noise(largest: float, noise: float) -> float:
    """Return the largest response, or infinity where it is rounding alone: what is scaled by it becomes 0."""
    return largest if largest > noise else math.inf


def frangi_gamma(largest: float) -> float:
    """Return the default from the largest norm of a Hessian."""
    # One whose square is finite.
    return largest / 2 if math.isfinite(largest) else 1e150


def square_norm(image: Any, sigmas: Any, mode: str, cval: float, spacing: Any, unit: str, workers: Any) -> np.ndarray:
    """Return the squared norm of the Hessian of the first scale, which `frangi` takes its default of gamma from."""
    given = _take("frangi", image, mode, cval, spacing, unit, workers)
    result = given.empty()
    given.run([result], _scales(given, sigmas)[0][1], _SQUARE_NORM)
    return result


def _scales(given: _Input, sigmas: Any) -> list[tuple[float, list[float]]]:
    """Return each sigma as it is, and in voxels for each axis."""
    single = not isinstance(sigmas, Iterable) or isinstance(sigmas, str) or getattr(sigmas, "ndim", 1) == 0
    values = [sigmas] if single else list(sigmas)
    return [(float(value), _widths(given, "sigmas", float(value))) for value in values if _is_number(given, value)]


def _is_number(given: _Input, value: Any) -> bool:
    _check.real(given.function, "sigmas", value)
    return True


def hessian_matrix(
    image: Any,
    sigma: float | Sequence[float] = 1.0,
    mode: str = "reflect",
    cval: float = 0.0,
    *,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
) -> np.ndarray:
    """Second derivatives of the smoothed image.

    Parameters
    ----------
    image : array_like, Volume or torch.Tensor
        2-D image ``(y, x)`` or 3-D volume ``(z, y, x)``; bool, 8-, 16- or 32-bit integers, float32 or float64.
    sigma : float or sequence of float, default 1
        Standard deviation of the Gaussian, above 0, one value or one per axis, in `unit`.
    mode : str, default "reflect"
        ``"reflect"``, ``"constant"``, ``"nearest"``, ``"mirror"`` or ``"wrap"`` as in `scipy.ndimage`.
    cval : float, default 0
        Value beyond the border for ``mode="constant"``.
    spacing : float or sequence of float, optional
        Voxel size in mm in array order, for ``unit="mm"``. Default: that of a `Volume`.
    unit : {"voxel", "mm"}, default "voxel"
        Unit of length: of `sigma`, and of the result, which is per square voxel or per square millimetre.
    workers : int, optional
        Number of threads; default: `cormack.get_num_threads`.

    Returns
    -------
    ndarray, shape ``(3 or 6, *image.shape)``
        The upper triangle, row by row: Hyy, Hyx, Hxx, or Hzz, Hzy, Hzx, Hyy, Hyx, Hxx; float32, or float64 for a
        float64 input.

    Raises
    ------
    TypeError
        Unsupported dtype, or an argument of the wrong kind.
    ValueError
        A sigma of 0 or below or beyond use, an unknown `mode` or `unit`; ``unit="mm"`` without a spacing, or a spacing
        without ``unit="mm"``.

    See Also
    --------
    hessian_eigenvalues

    Notes
    -----
    As `skimage.feature.hessian_matrix` with ``use_gaussian_derivatives=True`` of the image in floating point (which
    rescales integers, and whose default mode is ``"constant"``): two passes of first derivatives with Gaussians of
    ``sigma / sqrt(2)``, each of which sees its own input continued beyond the border.

    In millimetres the derivatives of slopes are exact for any sigma, also across thick slices; in voxels they are
    scikit-image's, which are too small for small sigmas: second ones by 0.4 % at 1 voxel and by 92 % at 0.5.

    8- and 16-bit integers and float32 are computed in float32, the others in float64; eigenvalues always in float64, in
    closed form. With ``u = 2**-24`` or ``2**-53`` an element of the Hessian is off by some ``10 * u`` times the largest
    magnitude of the input, divided by the square of sigma; where two eigenvalues agree, they by 1e-8 of the largest one
    besides. The same result, bit for bit, comes from any number of threads and any processor. NaN and infinities reach
    the voxels whose window holds them. The elements are not stored: no memory beyond the result but rows for each
    thread, and a copy of the input where its last axis is not contiguous.

    Examples
    --------
    >>> import numpy as np
    >>> y, x = np.indices((41, 41))
    >>> hessian_matrix((x * x - 3 * x * y).astype(np.int16), 2)[:, 20, 20].round(2)
    array([ 0., -3.,  2.], dtype=float32)
    """
    given = _take("hessian_matrix", image, mode, cval, spacing, unit, workers)
    widths = _widths(given, "sigma", sigma)
    count = 6 if given.array.ndim == 3 else 3
    given.publish([widths], count)
    result = given.empty(count)
    given.run(list(result), widths, _ELEMENTS)
    return result


def hessian_eigenvalues(
    image: Any,
    sigma: float | Sequence[float] = 1.0,
    mode: str = "reflect",
    cval: float = 0.0,
    *,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
) -> np.ndarray:
    """Principal curvatures of the smoothed image: the eigenvalues of its Hessian.

    Parameters
    ----------
    image : array_like, Volume or torch.Tensor
        2-D image ``(y, x)`` or 3-D volume ``(z, y, x)``; bool, 8-, 16- or 32-bit integers, float32 or float64.
    sigma : float or sequence of float, default 1
        Standard deviation of the Gaussian, above 0, one value or one per axis, in `unit`.
    mode : str, default "reflect"
        ``"reflect"``, ``"constant"``, ``"nearest"``, ``"mirror"`` or ``"wrap"`` as in `scipy.ndimage`.
    cval : float, default 0
        Value beyond the border for ``mode="constant"``.
    spacing : float or sequence of float, optional
        Voxel size in mm in array order, for ``unit="mm"``. Default: that of a `Volume`.
    unit : {"voxel", "mm"}, default "voxel"
        Unit of length: of `sigma`, and of the result, which is per square voxel or per square millimetre.
    workers : int, optional
        Number of threads; default: `cormack.get_num_threads`.

    Returns
    -------
    ndarray, shape ``(image.ndim, *image.shape)``
        The eigenvalues of each voxel, largest first; float32, or float64 for a float64 input.

    Raises
    ------
    TypeError
        Unsupported dtype, or an argument of the wrong kind.
    ValueError
        A sigma of 0 or below or beyond use, an unknown `mode` or `unit`; ``unit="mm"`` without a spacing, or a spacing
        without ``unit="mm"``.

    See Also
    --------
    hessian_matrix, frangi, sato

    Notes
    -----
    `skimage.feature.hessian_matrix_eigvals` of `hessian_matrix`.

    In millimetres the derivatives of slopes are exact for any sigma, also across thick slices; in voxels they are
    scikit-image's, which are too small for small sigmas: second ones by 0.4 % at 1 voxel and by 92 % at 0.5.

    8- and 16-bit integers and float32 are computed in float32, the others in float64; eigenvalues always in float64, in
    closed form. With ``u = 2**-24`` or ``2**-53`` an element of the Hessian is off by some ``10 * u`` times the largest
    magnitude of the input, divided by the square of sigma; where two eigenvalues agree, they by 1e-8 of the largest one
    besides. The same result, bit for bit, comes from any number of threads and any processor. NaN and infinities reach
    the voxels whose window holds them. The elements are not stored: no memory beyond the result but rows for each
    thread, and a copy of the input where its last axis is not contiguous.

    Examples
    --------
    >>> import numpy as np
    >>> y, x = np.indices((41, 41))
    >>> hessian_eigenvalues((x * x - 3 * y * y).astype(np.int16), 2)[:, 20, 20].round(2)
    array([ 2., -6.], dtype=float32)
    """
    given = _take("hessian_eigenvalues", image, mode, cval, spacing, unit, workers)
    widths = _widths(given, "sigma", sigma)
    given.publish([widths], given.array.ndim)
    result = given.empty(given.array.ndim)
    given.run(list(result), widths, _EIGENVALUES)
    return result


def frangi(
    image: Any,
    sigmas: float | Iterable[float] = (1, 3, 5, 7, 9),
    alpha: float = 0.5,
    beta: float = 0.5,
    gamma: float | None = None,
    black_ridges: bool = True,
    mode: str = "reflect",
    cval: float = 0.0,
    *,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
) -> Any:
    """Frangi's vesselness: how much the neighbourhood of a voxel is like a tube.

    Parameters
    ----------
    image : array_like, Volume or torch.Tensor
        2-D image ``(y, x)`` or 3-D volume ``(z, y, x)``; bool, 8-, 16- or 32-bit integers, float32 or float64.
    sigmas : float or iterable of float, default (1, 3, 5, 7, 9)
        Standard deviations of the Gaussians, above 0, in `unit`.
    alpha : float, default 0.5
        Sensitivity to plates, above 0: small values let more of them through. Without effect in 2-D.
    beta : float, default 0.5
        Sensitivity to blobs, above 0: large values let more of them through.
    gamma : float, optional
        Sensitivity to contrast, above 0, in units of the Hessian. Default: half of the largest norm of the Hessian at
        the first scale.
    black_ridges : bool, default True
        Whether ridges are darker than what is around them. In CT and MR, vessels with contrast are bright: False.
    mode : str, default "reflect"
        ``"reflect"``, ``"constant"``, ``"nearest"``, ``"mirror"`` or ``"wrap"`` as in `scipy.ndimage`.
    cval : float, default 0
        Value beyond the border for ``mode="constant"``.
    spacing : float or sequence of float, optional
        Voxel size in mm in array order, for ``unit="mm"``. Default: that of a `Volume`.
    unit : {"voxel", "mm"}, default "voxel"
        Unit of length: of `sigmas`, and of the derivatives.
    workers : int, optional
        Number of threads; default: `cormack.get_num_threads`.

    Returns
    -------
    ndarray, Volume or torch.Tensor
        Of the image's kind and shape: the largest response of all scales; float32, or float64 for a float64 input.

    Raises
    ------
    TypeError
        Unsupported dtype, or an argument of the wrong kind.
    ValueError
        A sigma of 0 or below or beyond use, an unknown `mode` or `unit`; ``unit="mm"`` without a spacing, or a spacing
        without ``unit="mm"``; an `alpha`, `beta` or `gamma` of 0 or below.

    See Also
    --------
    sato, hessian_eigenvalues

    Notes
    -----
    `skimage.filters.frangi` of the image in floating point, and its derivatives per voxel or per millimetre: a tube
    runs along the eigenvector of the eigenvalue of smallest magnitude, and the others have one sign. As there, the
    derivatives are not multiplied by the square of sigma, and `gamma` of the first scale serves all. Where one of these
    two has the wrong sign the response is 0, also on perfectly straight tubes, where scikit-image's is not.
    Without `gamma` it is 0 too where the norm of the Hessian is nowhere above what rounding may leave.

    In millimetres the derivatives of slopes are exact for any sigma, also across thick slices; in voxels they are
    scikit-image's, which are too small for small sigmas: second ones by 0.4 % at 1 voxel and by 92 % at 0.5.

    8- and 16-bit integers and float32 are computed in float32, the others in float64; eigenvalues always in float64, in
    closed form. With ``u = 2**-24`` or ``2**-53`` an element of the Hessian is off by some ``10 * u`` times the largest
    magnitude of the input, divided by the square of sigma; where two eigenvalues agree, they by 1e-8 of the largest one
    besides. The same result, bit for bit, comes from any number of threads and any processor. NaN and infinities reach
    the voxels whose window holds them. The elements are not stored: no memory beyond the result but rows for each
    thread, and a copy of the input where its last axis is not contiguous.

    Examples
    --------
    >>> import numpy as np
    >>> y, x = np.indices((33, 33))
    >>> line = (100 * np.exp(-(((x - 16) / 2) ** 2) / 2)).astype(np.uint8)
    >>> frangi(line, [2], black_ridges=False)[16, [4, 16, 28]].round(2)
    array([0.  , 0.86, 0.  ], dtype=float32)
    """
    given = _take("frangi", image, mode, cval, spacing, unit, workers)
    scales = _scales(given, sigmas)
    given.publish([widths for _, widths in scales])
    settings: dict[str, Any] = {
        "bright": not black_ridges,
        "alpha": _check.real("frangi", "alpha", alpha, above=0.0),
        "beta": _check.real("frangi", "beta", beta, above=0.0),
    }
    result = given.empty()
    if not scales or not result.size:
        return given.taken.give_back(np.zeros_like(result))
    if gamma is not None:
        settings["gamma"] = _check.real("frangi", "gamma", gamma, above=0.0)
    else:
        given.run([result], scales[0][1], _SQUARE_NORM)
        noise = _noise(given, scales[0][0], magnitude_of(given.array))
        settings["gamma"] = frangi_gamma(unless_noise(math.sqrt(largest_of(result)), noise))
    for number, (_, widths) in enumerate(scales):
        given.run([result], widths, _FRANGI, accumulate=number > 0, **settings)
    return given.taken.give_back(result)


def sato(
    image: Any,
    sigmas: float | Iterable[float] = (1, 3, 5, 7, 9),
    black_ridges: bool = True,
    mode: str = "reflect",
    cval: float = 0.0,
    *,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
) -> Any:
    """Sato's tubeness: the curvature across tubes, where it is positive in all directions but one.

    Parameters
    ----------
    image : array_like, Volume or torch.Tensor
        2-D image ``(y, x)`` or 3-D volume ``(z, y, x)``; bool, 8-, 16- or 32-bit integers, float32 or float64.
    sigmas : float or iterable of float, default (1, 3, 5, 7, 9)
        Standard deviations of the Gaussians, above 0, in `unit`.
    black_ridges : bool, default True
        Whether ridges are darker than what is around them. In CT and MR, vessels with contrast are bright: False.
    mode : str, default "reflect"
        ``"reflect"``, ``"constant"``, ``"nearest"``, ``"mirror"`` or ``"wrap"`` as in `scipy.ndimage`.
    cval : float, default 0
        Value beyond the border for ``mode="constant"``.
    spacing : float or sequence of float, optional
        Voxel size in mm in array order, for ``unit="mm"``. Default: that of a `Volume`.
    unit : {"voxel", "mm"}, default "voxel"
        Unit of length: of `sigmas`, and of the derivatives.
    workers : int, optional
        Number of threads; default: `cormack.get_num_threads`.

    Returns
    -------
    ndarray, Volume or torch.Tensor
        Of the image's kind and shape: the largest response of all scales; float32, or float64 for a float64 input.

    Raises
    ------
    TypeError
        Unsupported dtype, or an argument of the wrong kind.
    ValueError
        A sigma of 0 or below or beyond use, an unknown `mode` or `unit`; ``unit="mm"`` without a spacing, or a spacing
        without ``unit="mm"``.

    See Also
    --------
    frangi, meijering

    Notes
    -----
    `skimage.filters.sato` of the image in floating point: the geometric mean of all eigenvalues but the smallest, those
    below 0 taken as 0, times the square of sigma.

    In millimetres the derivatives of slopes are exact for any sigma, also across thick slices; in voxels they are
    scikit-image's, which are too small for small sigmas: second ones by 0.4 % at 1 voxel and by 92 % at 0.5.

    8- and 16-bit integers and float32 are computed in float32, the others in float64; eigenvalues always in float64, in
    closed form. With ``u = 2**-24`` or ``2**-53`` an element of the Hessian is off by some ``10 * u`` times the largest
    magnitude of the input, divided by the square of sigma; where two eigenvalues agree, they by 1e-8 of the largest one
    besides. The same result, bit for bit, comes from any number of threads and any processor. NaN and infinities reach
    the voxels whose window holds them. The elements are not stored: no memory beyond the result but rows for each
    thread, and a copy of the input where its last axis is not contiguous.

    Examples
    --------
    >>> import numpy as np
    >>> y, x = np.indices((33, 33))
    >>> line = (100 * np.exp(-(((x - 16) / 2) ** 2) / 2)).astype(np.uint8)
    >>> sato(line, [2], black_ridges=False)[16, [4, 16, 28]].round(1)
    array([ 0. , 35.5,  0. ], dtype=float32)
    """
    given = _take("sato", image, mode, cval, spacing, unit, workers)
    scales = _scales(given, sigmas)
    given.publish([widths for _, widths in scales])
    result = given.empty()
    if not scales or not result.size:
        return given.taken.give_back(np.zeros_like(result))
    for number, (sigma, widths) in enumerate(scales):
        given.run([result], widths, _SATO, accumulate=number > 0, bright=not black_ridges, length=sigma)
    return given.taken.give_back(result)


def dot_enhancement(
    image: Any,
    sigmas: float | Iterable[float] = (1, 2, 3, 4, 5),
    black_dots: bool = False,
    mode: str = "reflect",
    cval: float = 0.0,
    *,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
) -> Any:
    """Enhance dots, as nodules are, over lines and planes: Li's selective filter.

    Parameters
    ----------
    image : array_like, Volume or torch.Tensor
        2-D image ``(y, x)`` or 3-D volume ``(z, y, x)``; bool, 8-, 16- or 32-bit integers, float32 or float64.
    sigmas : float or iterable of float, default (1, 2, 3, 4, 5)
        Standard deviations of the Gaussians, above 0, in `unit`; a quarter of the diameters of the dots.
    black_dots : bool, default False
        Whether dots are darker than what is around them.
    mode : str, default "reflect"
        ``"reflect"``, ``"constant"``, ``"nearest"``, ``"mirror"`` or ``"wrap"`` as in `scipy.ndimage`.
    cval : float, default 0
        Value beyond the border for ``mode="constant"``.
    spacing : float or sequence of float, optional
        Voxel size in mm in array order, for ``unit="mm"``. Default: that of a `Volume`.
    unit : {"voxel", "mm"}, default "voxel"
        Unit of length: of `sigmas`, and of the derivatives.
    workers : int, optional
        Number of threads; default: `cormack.get_num_threads`.

    Returns
    -------
    ndarray, Volume or torch.Tensor
        Of the image's kind and shape: the largest response of all scales, in the unit of the image; float32, or float64
        for a float64 input.

    Raises
    ------
    TypeError
        Unsupported dtype, or an argument of the wrong kind.
    ValueError
        A sigma of 0 or below or beyond use, an unknown `mode` or `unit`; ``unit="mm"`` without a spacing, or a spacing
        without ``unit="mm"``.

    See Also
    --------
    sato : The same for tubes.

    Notes
    -----
    Where all eigenvalues of the Hessian have the sign of a dot: the square of the one of smallest magnitude over the
    one of largest magnitude, times the square of sigma; elsewhere 0. Gaussians reach to four standard deviations, and
    derivatives of a slope are exact also where sigma is below a voxel, as it is across thick slices.
    Accuracy, threads, NaN and memory are those of `sato`.

    References
    ----------
    .. [1] Q. Li, S. Sone, K. Doi, "Selective enhancement filters for nodules, vessels, and airway walls in two- and
       three-dimensional CT scans", Med. Phys. 30(8), 2003.

    Examples
    --------
    >>> import numpy as np
    >>> y, x = np.indices((33, 33))
    >>> image = np.where(np.abs(y - 8) <= 2, 100, 0) + np.where((y - 24) ** 2 + (x - 16) ** 2 <= 9, 100, 0)
    >>> dot_enhancement(image.astype(np.uint8), [1.5])[[8, 24], 16].round(1)
    array([ 0. , 26.5], dtype=float32)
    """
    given = _take("dot_enhancement", image, mode, cval, spacing, unit, workers)
    scales = _scales(given, sigmas)
    given.publish([widths for _, widths in scales])
    result = given.empty()
    if not scales or not result.size:
        return given.taken.give_back(np.zeros_like(result))
    for number, (sigma, widths) in enumerate(scales):
        given.run([result], widths, _DOT, 4.0, True, accumulate=number > 0, bright=not black_dots, length=sigma)
    return given.taken.give_back(result)


def mixing_of(alpha: float | None, ndim: int) -> float:
    """Return how much of the other eigenvalues `meijering` adds."""
    return 1 / (ndim + 1) if alpha is None else _check.real("meijering", "alpha", alpha)


def mixture(mixing: float) -> float:
    """Return how large a sum of eigenvalues that `meijering` makes is at most, in norms of the Hessian."""
    return 1 + 2 * abs(mixing)


def meijering(
    image: Any,
    sigmas: float | Iterable[float] = (1, 3, 5, 7, 9),
    alpha: float | None = None,
    black_ridges: bool = True,
    mode: str = "reflect",
    cval: float = 0.0,
    *,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
) -> Any:
    """Meijering's neuriteness: the largest of the mixed eigenvalues, scaled to a maximum of 1.

    Parameters
    ----------
    image : array_like, Volume or torch.Tensor
        2-D image ``(y, x)`` or 3-D volume ``(z, y, x)``; bool, 8-, 16- or 32-bit integers, float32 or float64.
    sigmas : float or iterable of float, default (1, 3, 5, 7, 9)
        Standard deviations of the Gaussians, above 0, in `unit`.
    alpha : float, optional
        Weight of the other eigenvalues. Default: ``1 / (ndim + 1)``.
    black_ridges : bool, default True
        Whether ridges are darker than what is around them. In CT and MR, vessels with contrast are bright: False.
    mode : str, default "reflect"
        ``"reflect"``, ``"constant"``, ``"nearest"``, ``"mirror"`` or ``"wrap"`` as in `scipy.ndimage`.
    cval : float, default 0
        Value beyond the border for ``mode="constant"``.
    spacing : float or sequence of float, optional
        Voxel size in mm in array order, for ``unit="mm"``. Default: that of a `Volume`.
    unit : {"voxel", "mm"}, default "voxel"
        Unit of length: of `sigmas`, and of the derivatives.
    workers : int, optional
        Number of threads; default: `cormack.get_num_threads`.

    Returns
    -------
    ndarray, Volume or torch.Tensor
        Of the image's kind and shape: the largest response of all scales; float32, or float64 for a float64 input.

    Raises
    ------
    TypeError
        Unsupported dtype, or an argument of the wrong kind.
    ValueError
        A sigma of 0 or below or beyond use, an unknown `mode` or `unit`; ``unit="mm"`` without a spacing, or a spacing
        without ``unit="mm"``.

    See Also
    --------
    frangi, sato

    Notes
    -----
    `skimage.filters.meijering` of the image in floating point: to each eigenvalue `alpha` times the others is added;
    of the sums the one of largest magnitude counts where it is positive. Each scale is divided by its maximum.

    A scale that is nowhere above what rounding may leave in the Hessian is 0: there is nothing to divide by.

    In millimetres the derivatives of slopes are exact for any sigma, also across thick slices; in voxels they are
    scikit-image's, which are too small for small sigmas: second ones by 0.4 % at 1 voxel and by 92 % at 0.5.

    8- and 16-bit integers and float32 are computed in float32, the others in float64; eigenvalues always in float64, in
    closed form. With ``u = 2**-24`` or ``2**-53`` an element of the Hessian is off by some ``10 * u`` times the largest
    magnitude of the input, divided by the square of sigma; where two eigenvalues agree, they by 1e-8 of the largest one
    besides. The same result, bit for bit, comes from any number of threads and any processor. NaN and infinities reach
    the voxels whose window holds them. The elements are not stored: no memory beyond the result but rows for each
    thread, and a copy of the input where its last axis is not contiguous.

    Examples
    --------
    >>> import numpy as np
    >>> y, x = np.indices((33, 33))
    >>> line = (100 * np.exp(-(((x - 16) / 2) ** 2) / 2)).astype(np.uint8)
    >>> meijering(line, [2], black_ridges=False)[16, [4, 16, 28]].round(2)
    array([0., 1., 0.], dtype=float32)
    """
    given = _take("meijering", image, mode, cval, spacing, unit, workers)
    scales = _scales(given, sigmas)
    given.publish([widths for _, widths in scales])
    mixing = mixing_of(alpha, given.array.ndim)
    result = given.empty()
    if not scales or not result.size:
        return given.taken.give_back(np.zeros_like(result))
    found, maxima = result, maxima_of_whole.get()
    magnitude = magnitude_of(given.array) if maxima is None else 0.0
    for number, (sigma, widths) in enumerate(scales):
        if number == 1:
            found = given.empty()
        given.run([found], widths, _MEIJERING, bright=not black_ridges, alpha=mixing)
        if maxima is None:
            largest = unless_noise(largest_of(found), _noise(given, sigma, magnitude) * mixture(mixing))
        else:
            largest = maxima[number]
        if largest == math.inf:
            found[np.isfinite(found)] = 0
        elif largest > 0:
            found /= largest
        if number > 0:
            np.maximum(result, found, out=result)
    return given.taken.give_back(result)
