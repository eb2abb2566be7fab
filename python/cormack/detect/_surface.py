"""Surfaces of volumes."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _check, _cormack_cpu
from .._arrays import take, take_mask
from ._levels import level_of

Surface = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def marching_cubes(
    volume: Any,
    level: float | None = None,
    *,
    spacing: Any = None,
    gradient_direction: str = "descent",
    step_size: int = 1,
    mask: Any = None,
    workers: int | None = None,
) -> Surface:
    """Find the surface where a volume passes through a level, as triangles.

    Parameters
    ----------
    volume : array_like or Volume
        3-D, of any dtype; a mask of bool has its surface at the default level.
    level : float, optional
        Value on the surface; by default the middle between the smallest and the largest value.
    spacing : float or sequence of float, optional
        Size of a voxel along each axis, in mm, in array order. By default that of a `Volume`, else 1.
    gradient_direction : {"descent", "ascent"}, default "descent"
        "descent": objects are brighter than what is around them. "ascent": darker.
    step_size : int, default 1
        Take every so many voxels along each axis.
    mask : array_like, optional
        Of the volume's shape; a cell between eight voxels counts where its last corner (largest indices) is not zero.
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.

    Returns
    -------
    verts : (V, 3) ndarray of float32
        Positions (z, y, x) in mm from the centre of the first voxel along the array's axes, one for each
        edge of the grid that the surface crosses.
    faces : (F, 3) ndarray of int32
        Vertices of each triangle. Seen from outside the object they run counter-clockwise in the coordinates (x, y, z),
        as programs that show meshes expect; that is clockwise in the array's (z, y, x).
    normals : (V, 3) ndarray of float32
        Unit vectors (z, y, x) that point out of the object, from the gradient of the volume in mm.
    values : (V,) ndarray of float32
        The largest difference between voxels of a cell around the vertex.

    Raises
    ------
    ValueError
        If `volume` is not 3-D or `level` lies outside the range of its values.

    See Also
    --------
    find_contours, cormack.io.write_mesh

    Notes
    -----
    Marching cubes [1]_ with tables in which diagonal neighbours above the level are apart on both sides of a face: an
    edge belongs to two triangles, unless the surface leaves the volume or the mask there (pad a mask with zeros to
    close it). A voxel is inside where its value is above `level`, compared exactly for every dtype; the volume is not
    copied. Where a value equals the level, triangles may have no area, as in scikit-image.

    Vertices are those of ``skimage.measure.marching_cubes``, up to rounding, with two exceptions: its default method
    joins diagonal neighbours where the interpolated values say so, and may add a vertex inside a cell for it. With
    ``gradient_direction="ascent"`` normals follow the triangles here, and still point to lower values there. Without a
    surface, scikit-image raises an error; here the arrays are empty.

    Cells with NaN do not count; NaN beside a vertex makes its normal that of the edge. Infinite voxels have their
    vertices halfway.

    References
    ----------
    .. [1] W. E. Lorensen, H. E. Cline, "Marching cubes: a high resolution 3D surface construction algorithm", SIGGRAPH
           1987.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack.detect import marching_cubes
    >>> volume = np.zeros((3, 3, 3), bool)
    >>> volume[1, 1, 1] = True
    >>> verts, faces, normals, values = marching_cubes(volume, spacing=(2, 1, 1))
    >>> len(verts), len(faces), verts[0].tolist()
    (6, 8, [1.0, 1.0, 1.0])
    """
    name = "marching_cubes"
    taken = take(name, "volume", volume, ndim=(3,))
    array = taken.array
    lengths = _check.spacing(name, taken.spacing if spacing is None else spacing, 3)
    ascent = _check.choice(name, "gradient_direction", gradient_direction, ("descent", "ascent")) == "ascent"
    step = _check.integer(name, "step_size", step_size, minimum=1)
    inside = take_mask(name, "mask", mask, array.shape, volume, "volume")
    threads = _check.workers(name, workers)
    value, has_nan = level_of(name, array, level, threads)
    if step > 1:
        array = array[::step, ::step, ::step]
        inside = None if inside is None else inside[::step, ::step, ::step]
        lengths = tuple(step * length for length in lengths)
    surface: Surface = _cormack_cpu.marching_cubes(array, value, inside, has_nan, lengths, ascent, threads)
    return surface
