"""Local binary patterns: which points around a pixel are at least as bright as it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from .. import _check, _cormack_cpu
from .._arrays import take
from .._neighbourhood import spacing_of_axes

# In the order of the extension.
_METHODS = ("default", "ror", "uniform", "nri_uniform", "var")
_MOST_POINTS, _MOST_BITS = 64, 31
_LARGEST_RADIUS = 1000


def local_binary_pattern(
    image: Any,
    P: int,
    R: float,
    method: str = "default",
    *,
    axes: Sequence[int] | None = None,
    workers: int | None = None,
) -> Any:
    """Compute the local binary pattern of each pixel: which points on a circle around it are at least as bright.

    Parameters
    ----------
    image : array_like, Volume or torch.Tensor
        Image, axis order (y, x), or (z, y, x) or more, of which each slice is an image of its own.
    P : int
        Number of points on the circle, counter-clockwise from the right: at most 31 for ``"default"`` and ``"ror"``,
        else 64.
    R : float
        Radius of the circle in pixels, at most 1000.
    method : {"default", "ror", "uniform", "nri_uniform", "var"}
        What becomes of the pattern. ``"default"``: the number whose bits are the points. ``"ror"``: the smallest one
        of all rotations. ``"uniform"``: the number of bright points where they are next to each other, else ``P + 1``.
        ``"nri_uniform"``: a number for each such pattern, of which there are ``P * (P - 1) + 2``, and one more for all
        others. ``"var"``: no pattern, but the variance of the points, NaN where it is 0.
    axes : sequence of int, optional
        The plane, two axes in the order (y, x). Default: the last ones. The planes of a volume in turn give patterns on
        three orthogonal planes (LBP-TOP).
    workers : int, optional
        Number of threads; default: the library's setting.

    Returns
    -------
    ndarray of float64, Volume or torch.Tensor
        Of the image's kind and shape.

    Raises
    ------
    ValueError
        Too few or too many points, a radius of 0 or below or beyond 1000, an unknown method, not two `axes`.

    See Also
    --------
    local_binary_pattern_3d, glcm, feature_map

    Notes
    -----
    Equal to `skimage.feature.local_binary_pattern`, its rounding of points to five decimals included. Points between
    pixels are interpolated linearly; beyond the image it is 0. Patterns of images of real numbers follow their noise:
    where an area is flat up to rounding, so does the pattern. A NaN is not bright, and has no bright points. The same
    bits for any number of threads and any strides; the image is not copied.

    References
    ----------
    .. [1] T. Ojala, M. Pietikainen, T. Maenpaa, "Multiresolution gray-scale and rotation invariant texture
       classification with local binary patterns", IEEE Transactions on Pattern Analysis and Machine Intelligence
       24(7), 2002.
    .. [2] T. Ahonen, A. Hadid, M. Pietikainen, "Face description with local binary patterns: application to face
       recognition", IEEE Transactions on Pattern Analysis and Machine Intelligence 28(12), 2006.
    .. [3] G. Zhao, M. Pietikainen, "Dynamic texture recognition using local binary patterns with an application to
       facial expressions", IEEE Transactions on Pattern Analysis and Machine Intelligence 29(6), 2007.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import features
    >>> edge = np.array([[1, 1, 9, 9]] * 4, np.uint8)
    >>> features.local_binary_pattern(edge, 8, 1, "uniform")[1:3]
    array([[5., 8., 5., 5.],
           [5., 8., 5., 5.]])
    """
    function = "local_binary_pattern"
    taken = take(function, "image", image, ndim=())
    ndim = taken.array.ndim
    if ndim < 2:
        raise ValueError(f"{function}: `image` must have at least 2 axes, got shape {taken.array.shape}")
    plane = _check.axes(function, (-2, -1) if axes is None else axes, ndim)
    if len(plane) != 2:
        raise _check.fail(function, "axes", "name 2 axes", axes)
    code = _METHODS.index(_check.choice(function, "method", method, _METHODS))
    most = _MOST_BITS if method in ("default", "ror") else _MOST_POINTS
    count = _points(function, P, 1, most)
    radius = _radius(function, R)
    threads = _check.workers(function, workers)
    angles = 2 * np.pi * np.arange(count, dtype=np.float64) / count
    down, right = np.round(-radius * np.sin(angles), 5), np.round(radius * np.cos(angles), 5)
    points = list(zip(down.tolist(), right.tolist(), strict=True))
    result = np.empty(taken.array.shape)
    for source, target in _slices(np.moveaxis(taken.array, plane, (-2, -1)), np.moveaxis(result, plane, (-2, -1))):
        _cormack_cpu.local_binary_pattern(source, target, points, code, threads)
    return taken.give_back(result)


def local_binary_pattern_3d(
    image: Any,
    P: int,
    R: float,
    *,
    spacing: float | Sequence[float] | None = None,
    unit: str = "voxel",
    workers: int | None = None,
) -> Any:
    """Compute the rotation-invariant uniform local binary pattern of each voxel: bright points on a sphere around it.

    Parameters
    ----------
    image : array_like, Volume or torch.Tensor
        Volume, axis order (z, y, x).
    P : int
        Number of points on the sphere, from 4 to 64. 6 are the ends of the axes; others lie on a golden spiral.
    R : float
        Radius of the sphere in `unit`, at most 1000 voxels.
    spacing : float or sequence of float, optional
        Voxel size in mm in array order, for ``unit="mm"``. Default: that of a `Volume`.
    unit : {"voxel", "mm"}, default "voxel"
        Unit of the radius: a sphere in mm is a sphere whatever the distance of slices.
    workers : int, optional
        Number of threads; default: the library's setting.

    Returns
    -------
    ndarray of float64, Volume or torch.Tensor
        Of the image's kind and shape: how many points are at least as bright as the voxel where the pattern is uniform,
        else ``P + 1``.

    Raises
    ------
    ValueError
        Not three axes, too few or too many points, a radius of 0 or below or beyond use; ``unit="mm"`` without a
        spacing.

    See Also
    --------
    local_binary_pattern

    Notes
    -----
    The definition of [1]_ carried over to a sphere, as in [2]_: on a circle a pattern is uniform where bright points
    are next to each other, and so are the others. Points of the sphere are next to each other where the convex hull of
    all points has an edge between them, and a pattern is uniform where its bright points hang together, and the others
    do. That does not depend on how the volume is turned, up to where points lie and what interpolation does.

    Points are interpolated linearly between eight voxels; beyond the volume its nearest voxel counts. In a flat area
    all points are bright. A NaN has no bright points. The same bits for any number of threads and any strides.

    References
    ----------
    .. [1] T. Ojala, M. Pietikainen, T. Maenpaa, "Multiresolution gray-scale and rotation invariant texture
       classification with local binary patterns", IEEE Transactions on Pattern Analysis and Machine Intelligence
       24(7), 2002.
    .. [2] L. Paulhac, P. Makris, J.-Y. Ramel, "Comparison between 2D and 3D local binary pattern methods for
       characterisation of three-dimensional textures", ICIAR 2008.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import features
    >>> ball = np.zeros((5, 5, 5))
    >>> ball[2, 2, 2] = 1
    >>> features.local_binary_pattern_3d(ball, 6, 1)[2, 2]
    array([6., 6., 0., 6., 6.])
    """
    function = "local_binary_pattern_3d"
    taken = take(function, "image", image, ndim=(3,))
    count = _points(function, P, 4, _MOST_POINTS)
    radius = _check.real(function, "R", R, above=0.0)
    sizes = spacing_of_axes(function, taken, (0, 1, 2), spacing, unit)
    reach = [radius / size for size in sizes]
    if max(reach) > _LARGEST_RADIUS:
        raise _check.fail(function, "R", f"be at most {_LARGEST_RADIUS} voxels", R)
    threads = _check.workers(function, workers)
    directions, neighbours = _sphere(count)
    points = [(z * reach[0], y * reach[1], x * reach[2]) for z, y, x in directions]
    result = np.empty(taken.array.shape)
    _cormack_cpu.local_binary_pattern_sphere(taken.array, result, points, neighbours, threads)
    return taken.give_back(result)


def _points(function: str, value: Any, least: int, most: int) -> int:
    count = _check.integer(function, "P", value, minimum=least)
    if count > most:
        raise _check.fail(function, "P", f"be at most {most}", value)
    return count


def _radius(function: str, value: Any) -> float:
    radius = _check.real(function, "R", value, above=0.0)
    if radius > _LARGEST_RADIUS:
        raise _check.fail(function, "R", f"be at most {_LARGEST_RADIUS}", value)
    return radius


def _slices(source: np.ndarray, target: np.ndarray) -> Any:
    """Give views of at most three axes."""
    for index in np.ndindex(source.shape[:-3]):
        yield source[index], target[index]


@cache
def _sphere(count: int) -> tuple[tuple[tuple[float, ...], ...], tuple[int, ...]]:
    """Return directions (z, y, x), and for each the bits of those that it has an edge of the convex hull with."""
    if count == 6:
        points = np.concatenate((np.eye(3), -np.eye(3)))
    else:
        turn = math.pi * (3 - math.sqrt(5)) * np.arange(count)
        height = 1 - (2 * np.arange(count) + 1) / count
        width = np.sqrt(1 - height * height)
        points = np.stack((height, width * np.sin(turn), width * np.cos(turn)), axis=1)
    triples = np.array(list(itertools.combinations(range(count), 3)))
    a, b, c = (points[triples[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    above = normal @ points.T - (normal * a).sum(axis=1)[:, np.newaxis]
    faces = triples[(above < 1e-12).all(axis=1) | (above > -1e-12).all(axis=1)]
    touch = [0] * count
    for face in faces.tolist():
        for first, second in itertools.permutations(face, 2):
            touch[first] |= 1 << second
    return tuple(map(tuple, points.tolist())), tuple(touch)
