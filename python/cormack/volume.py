"""Volume: an array together with its place in the patient."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _check
from ._arrays import DTYPES, empty, take
from ._errors import BackendUnavailable, GeometryError
from ._resampling import INTERPOLATIONS, VOXELS, centred_nodes, fill_value, resampled, transformed

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Volume"]

# Largest cosine between two axes that still counts as perpendicular (0.06 degrees). Directions in files are rounded,
# often to four decimals; a tilted gantry starts at about ten times this.
PERPENDICULAR_TOLERANCE = 1e-3

_LPS_TO_RAS = np.array([-1.0, -1.0, 1.0])

# Letters of the positive and negative end of each world axis, in DICOM's LPS.
_LETTERS = (("L", "R"), ("P", "A"), ("S", "I"))


@dataclass(frozen=True, init=False, eq=False, repr=False)
class Volume:
    """A 2D or 3D image with its geometry, accepted wherever Cormack takes an array.

    Everything is in **array order**, (z, y, x) or (y, x), and in millimetres. World coordinates are DICOM's LPS: x
    grows to the patient's left, y to the back, z to the head. The world position of the centre of voxel ``index`` is::

        world = origin + direction @ (spacing * index)

    where ``index`` and ``world`` are both in the order (z, y, x). The ``*_xyz`` twins say the same in the order
    (x, y, z) of DICOM, ITK and NIfTI; NumPy users never need them.

    Parameters
    ----------
    array : ndarray, 2D or 3D
        The voxels; kept as it is, not copied.
    spacing : float or sequence of float, default 1
        Distance between voxel centres along each array axis, in mm; one number means every axis.
    origin : sequence of float, default 0
        World position of the centre of the first voxel, components in the order (z, y, x), in mm.
    direction : (ndim, ndim) array, default identity
        Column ``j`` is the unit vector, in the world, of array axis ``j``; its rows are the world's components in the
        order (z, y, x). An axial scan has the identity. In the order x, y, z it is ``direction_xyz``, which is
        ``direction[::-1, ::-1]``. Axes must be perpendicular within 0.06 degrees: lengths, areas and volumes would be
        wrong without a warning in a sheared grid.
    meta : mapping, optional
        What a pipeline needs to know (modality, units, ...), never who the patient is. Copied.

    Raises
    ------
    ValueError
        The array is not 2D or 3D, a spacing is not positive and finite, or the direction is no rotation or reflection.

    Notes
    -----
    Volumes compare by identity; use `same_geometry` for the grid and NumPy for the voxels. A 2D image lies in a plane
    of its own: it has two spacings, and its axes are the world's y and x.

    Examples
    --------
    >>> import numpy as np
    >>> ct = Volume(np.zeros((20, 64, 64), np.int16), spacing=(3.0, 0.9, 0.9))
    >>> ct
    Volume(shape (20, 64, 64), int16, spacing (3, 0.9, 0.9) mm, origin (0, 0, 0) mm, axes LPS)
    >>> np.asarray(ct).mean()
    np.float64(0.0)
    >>> ct.replace(np.asarray(ct) > 100).dtype
    dtype('bool')
    """

    array: NDArray[Any]
    spacing: tuple[float, ...]
    origin: tuple[float, ...]
    direction: NDArray[np.float64]
    meta: dict[str, Any]
    # Of a volume that `reorient` made: the origin of the one it came from, and which of its own axes (z, y, x) run
    # against the axes of that one. Corners are rounded; from here every orientation has one corner, however it is
    # reached, and the way back ends where it began.
    _home: tuple[tuple[float, ...], tuple[bool, ...]] | None = field(init=False, repr=False, compare=False)

    def __init__(
        self,
        array: ArrayLike,
        spacing: float | Sequence[float] | NDArray[Any] | None = None,
        origin: Sequence[float] | NDArray[Any] | None = None,
        direction: ArrayLike | None = None,
        meta: Mapping[str, Any] | None = None,
    ) -> None:
        if isinstance(array, Volume):
            raise TypeError("array is a Volume already; use volume.replace(array) to keep its geometry")
        # Arrays of other libraries (CuPy, torch) stay where they are.
        is_array = all(hasattr(array, name) for name in ("shape", "ndim", "dtype"))
        voxels: Any = array if is_array else np.asarray(array)
        if voxels.ndim not in (2, 3):
            raise ValueError(f"array must have 2 or 3 axes, (y, x) or (z, y, x); its shape is {tuple(voxels.shape)}")
        values = {
            "array": voxels,
            "spacing": _spacing(spacing, voxels.ndim),
            "origin": _origin(origin, voxels.ndim),
            "direction": _direction(direction, voxels.ndim),
            "meta": dict(meta or {}),
            "_home": None,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of voxels along each axis, (z, y, x) or (y, x)."""
        return tuple(self.array.shape)

    @property
    def ndim(self) -> int:
        """2 or 3."""
        return int(self.array.ndim)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the voxels."""
        return self.array.dtype

    @property
    def spacing_xyz(self) -> tuple[float, ...]:
        """Spacing in the order (x, y, z), as DICOM tools, ITK and NIfTI give it, in mm."""
        return self.spacing[::-1]

    @property
    def origin_xyz(self) -> tuple[float, ...]:
        """World position of the first voxel in the order (x, y, z), in mm: ITK's origin, LPS."""
        return self.origin[::-1]

    @property
    def direction_xyz(self) -> NDArray[np.float64]:
        """ITK's direction matrix: columns are the axes x, y, z of the image, rows the world's x, y, z (LPS)."""
        return np.ascontiguousarray(self.direction[::-1, ::-1])

    @property
    def affine(self) -> NDArray[np.float64]:
        """NIfTI's 4 x 4 matrix from voxel index to RAS world, as nibabel gives it.

        It takes the index in NIfTI's order, ``(i, j, k)`` = (x, y, z): ``i`` counts along the **last** array axis. It
        gives the world in RAS (x to the right, y to the front, z to the head), in mm::

            x_ras, y_ras, z_ras, 1 = affine @ (i, j, k, 1)

        A 2D image lies in the plane z = 0. `from_affine` takes it back: a volume made from a matrix gives that very
        matrix, to the last bit, and one whose axes run along the world's comes back to the last bit too.

        Examples
        --------
        >>> import numpy as np
        >>> Volume(np.zeros((4, 5, 6)), spacing=(3, 2, 1), origin=(30, 20, 10)).affine.tolist()
        [[-1.0, 0.0, 0.0, -10.0], [0.0, -2.0, 0.0, -20.0], [0.0, 0.0, 3.0, 30.0], [0.0, 0.0, 0.0, 1.0]]
        """
        n = self.ndim
        lps = np.eye(4)
        lps[:n, :n] = self.direction_xyz * np.asarray(self.spacing_xyz)
        lps[:n, 3] = self.origin_xyz
        lps[:3] *= _LPS_TO_RAS[:, None]
        return lps + 0.0  # turns -0.0 into 0.0

    @classmethod
    def from_affine(cls, array: NDArray[Any], affine: ArrayLike, *, meta: Mapping[str, Any] | None = None) -> Volume:
        """Make a volume from an array in the order (z, y, x) and a NIfTI affine.

        Parameters
        ----------
        array : ndarray
            Voxels in **array order**: for data from nibabel, which come as (x, y, z), that is ``data.T``.
        affine : (4, 4) array
            Index (i, j, k) = (x, y, z) to RAS world in mm; see `affine`.
        meta : mapping, optional
            See `Volume`.

        Raises
        ------
        ValueError
            The matrix is no affine, is singular or sheared, or leaves the plane z = 0 for a 2D array.

        Examples
        --------
        >>> import numpy as np
        >>> Volume.from_affine(np.zeros((4, 5, 6)), np.diag([1, 2, 3, 1])).orientation
        'RAS'
        """
        matrix = np.asarray(affine, dtype=np.float64)
        if matrix.shape != (4, 4) or not np.isfinite(matrix).all() or not np.array_equal(matrix[3], [0, 0, 0, 1]):
            raise ValueError(f"affine must be a finite 4 x 4 matrix with last row 0 0 0 1; got\n{matrix}")
        n = int(np.ndim(array))
        lps = matrix[:3] * _LPS_TO_RAS[:, None] + 0.0
        if n == 2 and (lps[2, [0, 1, 3]].any() or lps[:2, 2].any()):
            raise ValueError(f"a 2D array needs an affine in the plane z = 0; got\n{matrix}")
        columns = [_length_and_direction(column) for column in lps[:n, :n].T]
        if not all(length for length, _ in columns):
            raise ValueError(f"affine is singular: an axis has length zero\n{matrix}")
        spacing = [length for length, _ in columns]
        direction = np.stack([unit for _, unit in columns], axis=1)
        return cls(array, spacing[::-1], lps[:n, 3][::-1], direction[::-1, ::-1], meta)

    @property
    def orientation(self) -> str:
        """Where the axes run to, three letters in NIfTI's order: the first is for the last array axis (x).

        ``"LPS"`` is the axial scan of DICOM, ``"RAS"`` what many NIfTI tools prefer. For an oblique volume the closest
        letters. A 2D image has two letters.
        """
        return "".join(_LETTERS[world][int(sign < 0)] for world, sign in self._closest_axes())

    def _closest_axes(self) -> list[tuple[int, float]]:
        """World axis and sign closest to each image axis, both in the order x, y, z."""
        matrix = self.direction_xyz
        n = self.ndim

        # All assignments are tried: picking the largest component axis by axis can use one world axis twice. Exact
        # sums, and products that know no sign, make the choice that of the axes, not of their order or ends.
        def rank(order: tuple[int, ...]) -> tuple[float, ...]:
            total = math.fsum(abs(matrix[w, j]) for j, w in enumerate(order))
            columns = (matrix[:, order.index(w)] for w in range(n))
            return total, *(value for column in columns for value in np.outer(column, column).ravel().tolist())

        best = max(itertools.permutations(range(n)), key=rank)
        return [(w, float(matrix[w, j])) for j, w in enumerate(best)]

    def reorient(self, orientation: str = "RAS") -> Volume:
        """Flip and permute the axes so that they run to the given sides; no voxel value is computed.

        Every voxel keeps its world position. An oblique volume stays oblique, with the closest axes. Whatever the
        orientations in between, and whatever the numbers, the way back to an orientation gives the same array, spacing,
        origin and direction as the direct way, to the last bit: a volume remembers the corner that it came from.

        Parameters
        ----------
        orientation : str, default "RAS"
            Three letters, one of each pair R/L, A/P, S/I, in NIfTI's order: the first says where the **last** array
            axis (x) runs to.

        Returns
        -------
        Volume
            The volume itself when nothing has to change, else one with a new contiguous array.

        Raises
        ------
        ValueError
            Not such three letters, or the volume is 2D.

        Examples
        --------
        >>> import numpy as np
        >>> lps = Volume(np.arange(24).reshape(2, 3, 4), spacing=(3, 2, 1))
        >>> ras = lps.reorient("RAS")
        >>> ras.orientation, ras.origin
        ('RAS', (0.0, 4.0, 3.0))
        >>> np.array_equal(ras.array, lps.array[:, ::-1, ::-1])
        True
        """
        axes, flipped = self._axes_to("reorient", orientation)
        if orientation.upper() == self.orientation:
            return self

        array = self.array.transpose(axes)
        array = array[tuple(slice(None, None, -1) if flip else slice(None) for flip in flipped)]
        if isinstance(array, np.ndarray):
            array = np.ascontiguousarray(array)
        signs = np.where(flipped, -1.0, 1.0)
        home, turned = self._home or (self.origin, (False,) * 3)
        turned = tuple(turned[axis] != flip for axis, flip in zip(axes, flipped, strict=True))
        volume = Volume(
            array, [self.spacing[axis] for axis in axes], None, self.direction[:, axes] * signs + 0.0, self.meta
        )
        object.__setattr__(volume, "origin", volume._corner(home, turned))
        object.__setattr__(volume, "_home", (home, turned))
        return volume

    def _axes_to(self, function: str, orientation: str) -> tuple[list[int], list[bool]]:
        """Return the order of axes with which they run to the given sides, and which of them have to be turned then."""
        target: list[tuple[int, int]] = [
            (world, end) for letter in orientation.upper() for world in range(3) for end in (0, 1)
            if _LETTERS[world][end] == letter
        ]  # fmt: skip
        if len(orientation) != 3 or sorted(world for world, _ in target) != [0, 1, 2]:
            raise ValueError(
                f"orientation must be three letters, one of each pair R/L, A/P, S/I, such as 'RAS'; got {orientation!r}"
            )
        if self.ndim != 3:
            raise ValueError(f"{function} needs a 3D volume; this one has shape {self.shape}")
        current = self._closest_axes()
        worlds = [world for world, _ in current]
        source = [worlds.index(world) for world, _ in target]
        flip = [(current[s][1] < 0) != bool(end) for s, (_, end) in zip(source, target, strict=True)]
        return [2 - s for s in reversed(source)], flip[::-1]

    def _corner(self, home: tuple[float, ...], turned: Sequence[bool]) -> tuple[float, ...]:
        """Return the first voxel's place where some axes run against those of the volume with the origin `home`."""
        steps = -self.direction * np.asarray(self.spacing) * (np.asarray(self.shape) - 1)
        # Exact sums, rounded once: they do not depend on the order of axes.
        return tuple(
            math.fsum([start, *(step for step, backwards in zip(row, turned, strict=True) if backwards)]) + 0.0
            for start, row in zip(home, steps.tolist(), strict=True)
        )

    def resample_to(
        self,
        reference: Volume,
        *,
        interpolation: str | None = None,
        cval: float = 0.0,
        dtype: Any = None,
        workers: int | None = None,
    ) -> Volume:
        """Return this image on the grid of another volume, whatever the angle between them.

        Parameters
        ----------
        reference : Volume
            Whose shape, spacing, origin and direction the result has; its voxels do not matter.
        interpolation : {"nearest", "linear", "cubic"}, optional
            Default: "nearest" for a mask (bool), else "linear". Labels need "nearest" too: what lies between 2 and 4 is
            not 3. ``"cubic"`` is the interpolating B-spline.
        cval : float, default 0
            What stands where this image is not; for CT mostly -1024.
        dtype : dtype, optional
            Of the result; default: this image's. Integers are rounded to nearest, half way to the even one, and
            saturate; bool is true above one half.
        workers : int, optional
            Number of threads; default: the library's setting.

        Returns
        -------
        Volume
            With this volume's meta.

        Raises
        ------
        ValueError
            One image is 2D and the other 3D, `interpolation` is none of the words, or `cval` does not fit.
        TypeError
            `reference` is no Volume, or a dtype is not supported.

        See Also
        --------
        resample, cormack.filters.affine_transform

        Notes
        -----
        An image ends where its outermost voxels end, half a voxel beyond their centres, as in SimpleITK's ``Resample``,
        which gives the same to the precision of floats, but for integers: it cuts off their fractions. Between the
        outermost centres and that end stands the nearest voxel; for the spline, that of the mirrored image. A grid that
        is coarser than the image skips voxels: smooth it first.

        Examples
        --------
        >>> import numpy as np
        >>> ct = Volume(np.arange(4, dtype=np.int16).reshape(1, 1, 4) * 10, spacing=2.0)
        >>> ct.resample_to(Volume(np.zeros((1, 1, 8)), spacing=(2, 2, 1)), cval=-1000).array.tolist()
        [[[0, 5, 10, 15, 20, 25, 30, -1000]]]
        """
        name = "resample_to"
        if not isinstance(reference, Volume):
            raise _check.fail(name, "reference", "be a Volume", type(reference).__name__, TypeError)
        if reference.ndim != self.ndim:
            raise ValueError(f"{name}: `reference` must be {self.ndim}D, as this volume is, got {reference.ndim}D")
        array, order, kind, threads = self._for_resampling(name, interpolation, dtype, workers)
        fill = fill_value(name, "cval", cval, kind)
        own = self.direction * np.asarray(self.spacing)
        matrix = np.linalg.solve(own, reference.direction * np.asarray(reference.spacing))
        offset = np.linalg.solve(own, np.subtract(reference.origin, self.origin))
        result = empty(reference.shape, kind)
        transformed(array, matrix, offset, result, order, VOXELS, fill, threads)
        return reference.replace(result, meta=self.meta)

    def resample(
        self,
        spacing: float | Sequence[float] | NDArray[Any],
        *,
        interpolation: str | None = None,
        dtype: Any = None,
        workers: int | None = None,
    ) -> Volume:
        """Return this image with another spacing, in the same place.

        The centres of both images coincide, and there are ``ceil(n * spacing / new_spacing)`` voxels along an axis:
        IBSI's alignment, which treats both ends alike, and the one of `cormack.features.resample`. (SimpleITK users who
        keep the origin instead have a grid that grows from its first voxel: `resample_to` with such a grid.)

        Parameters
        ----------
        spacing : float or sequence of float
            New voxel size in mm, in array order; one value means every axis.
        interpolation, dtype, workers
            See `resample_to`.

        Returns
        -------
        Volume
            With this volume's direction and meta. Voxels beyond the outermost centres take the nearest voxel.

        Raises
        ------
        ValueError
            A spacing is not a positive finite number, the image has no voxel, or the result would be larger than
            1048576 voxels along an axis.

        See Also
        --------
        resample_to, cormack.features.resample

        Examples
        --------
        >>> import numpy as np
        >>> image = Volume(np.array([[0, 10, 20, 30]], np.int16), origin=(5, 5))
        >>> image.resample((1, 2)).array.tolist(), image.resample((1, 2)).origin
        ([[5, 25]], (5.0, 5.5))
        """
        name = "resample"
        array, order, kind, threads = self._for_resampling(name, interpolation, dtype, workers)
        sizes = _check.spacing(name, spacing, self.ndim)
        if array.size == 0:
            raise ValueError(f"{name}: the image must contain a voxel, its shape is {self.shape}")
        nodes = [centred_nodes(name, *axis, "spacing") for axis in zip(self.shape, self.spacing, sizes, strict=True)]
        result = resampled(array, nodes, order, kind, threads)
        return Volume(result, sizes, self.index_to_world([first[0] for first in nodes]), self.direction, self.meta)

    def _for_resampling(
        self, function: str, interpolation: str | None, dtype: Any, workers: int | None
    ) -> tuple[NDArray[Any], int, np.dtype[Any], int]:
        array = take(function, "self", self).array
        if interpolation is None:
            interpolation = "nearest" if array.dtype == bool else "linear"
        order = INTERPOLATIONS[_check.choice(function, "interpolation", interpolation, INTERPOLATIONS)]
        kind = array.dtype if dtype is None else np.dtype(dtype)
        if kind not in DTYPES:
            raise TypeError(f"{function}: `dtype` must be one of {', '.join(map(str, DTYPES))}, got {kind}")
        return array, order, kind, _check.workers(function, workers)

    def replace(self, array: NDArray[Any], *, meta: Mapping[str, Any] | None = None) -> Volume:
        """Return the same geometry with other voxels.

        Parameters
        ----------
        array : ndarray
            Of the same shape; any dtype.
        meta : mapping, optional
            New meta data; by default this volume's.

        Raises
        ------
        GeometryError
            The shape differs.

        Examples
        --------
        >>> import numpy as np
        >>> image = Volume(np.ones((2, 3, 4)), spacing=2.0)
        >>> image.replace(image.array > 0).spacing
        (2.0, 2.0, 2.0)
        """
        if tuple(np.shape(array)) != self.shape:
            raise GeometryError(f"array has shape {tuple(np.shape(array))}, the volume has {self.shape}")
        volume = Volume(array, self.spacing, self.origin, self.direction, self.meta if meta is None else meta)
        object.__setattr__(volume, "_home", self._home)
        return volume

    @property
    def voxel_volume_mm3(self) -> float:
        """Volume of a voxel in cubic millimetres (area of a pixel in square millimetres for a 2D image)."""
        return float(np.prod(self.spacing))

    def index_to_world(self, index: ArrayLike) -> NDArray[np.float64]:
        """World position (z, y, x) in mm, LPS, of voxel indices (z, y, x); both of shape (..., ndim).

        Examples
        --------
        >>> import numpy as np
        >>> Volume(np.zeros((4, 5, 6)), spacing=(3, 2, 1), origin=(30, 20, 10)).index_to_world([1, 1, 1]).tolist()
        [33.0, 22.0, 11.0]
        """
        scaled = np.asarray(index, np.float64) * np.asarray(self.spacing)
        return np.asarray(scaled @ self.direction.T + np.asarray(self.origin))

    def world_to_index(self, world: ArrayLike) -> NDArray[np.float64]:
        """Voxel index (z, y, x), with fractions, of world positions (z, y, x) in mm, LPS; inverse of `index_to_world`.

        Examples
        --------
        >>> import numpy as np
        >>> Volume(np.zeros((4, 5, 6)), spacing=(3, 2, 1)).world_to_index([3, 1, 1]).tolist()
        [1.0, 0.5, 1.0]
        """
        offset = np.asarray(world, np.float64) - np.asarray(self.origin)
        return np.asarray((offset @ np.linalg.inv(self.direction).T) / np.asarray(self.spacing))

    def _distance(self, other: Volume) -> float:
        """Largest distance in mm between corresponding voxels of two grids of one shape."""
        # The difference of two affine maps is affine, so its largest length is reached at a corner.
        corners = np.array(list(itertools.product(*((0, n - 1) for n in self.shape))))
        difference = self.index_to_world(corners) - other.index_to_world(corners)
        return float(np.sqrt((difference**2).sum(axis=1)).max())

    def same_geometry(self, other: Volume, tolerance: float = 0.01) -> bool:
        """Whether two volumes share one grid: shape, spacing, origin and direction.

        Parameters
        ----------
        other : Volume
            The other volume.
        tolerance : float, default 0.01
            Largest distance between corresponding voxels that still counts as the same place, as a fraction of the
            smallest spacing. The default forgives the rounding in file headers and nothing that moves a voxel.

        Examples
        --------
        >>> import numpy as np
        >>> image = Volume(np.zeros((2, 3, 4)), spacing=2.0)
        >>> image.same_geometry(Volume(np.zeros((2, 3, 4)), spacing=2.0 + 1e-6))
        True
        >>> image.same_geometry(Volume(np.zeros((2, 3, 4)), spacing=1.0))
        False
        """
        return self.shape == other.shape and self._distance(other) <= tolerance * min(self.spacing)

    def check_geometry(
        self, other: Volume, tolerance: float = 0.01, *, names: tuple[str, str] = ("image", "other")
    ) -> None:
        """Raise unless two volumes share one grid; parameters as for `same_geometry`.

        Parameters
        ----------
        other : Volume
            The other volume.
        tolerance : float, default 0.01
            See `same_geometry`.
        names : tuple of str
            What the two are called in the message.

        Raises
        ------
        GeometryError
            They differ; the message shows both geometries.

        Examples
        --------
        >>> import numpy as np
        >>> image = Volume(np.zeros((2, 3, 4)))
        >>> image.check_geometry(image.replace(image.array > 0), names=("image", "mask"))
        """
        if self.same_geometry(other, tolerance):
            return
        width = max(map(len, names))
        lines = [f"{names[0]} and {names[1]} do not share one grid"]
        lines += [f"  {name:{width}}: {volume._geometry()}" for name, volume in zip(names, (self, other), strict=True)]
        if self.shape == other.shape:
            allowed = tolerance * min(self.spacing)
            lines.append(f"  voxels lie up to {self._distance(other):.4g} mm apart; {allowed:.4g} mm are allowed")
        raise GeometryError("\n".join(lines))

    def _geometry(self) -> str:
        rows = "; ".join(_numbers(row) for row in self.direction)
        return (
            f"shape {self.shape}, spacing {_numbers(self.spacing)} mm, origin {_numbers(self.origin)} mm, "
            f"direction [{rows}], order ({'z, ' if self.ndim == 3 else ''}y, x)"
        )

    def to_sitk(self) -> Any:
        """Return a ``SimpleITK.Image`` with a copy of the voxels and the same geometry.

        bool becomes uint8, which SimpleITK uses for masks.

        Raises
        ------
        BackendUnavailable
            SimpleITK is not installed.
        TypeError
            SimpleITK has no such pixel type.

        Examples
        --------
        >>> import numpy as np
        >>> Volume(np.zeros((2, 3, 4), np.int16), spacing=(3, 2, 1)).to_sitk().GetSpacing()
        (1.0, 2.0, 3.0)
        """
        sitk = _sitk()
        array = np.asarray(self.array)
        if array.dtype == bool:
            array = array.view(np.uint8)
        try:
            image = sitk.GetImageFromArray(np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("=")))
        except (KeyError, TypeError) as error:
            raise TypeError(f"SimpleITK has no pixel type for {self.dtype}") from error
        image.SetSpacing(self.spacing_xyz)
        image.SetOrigin(self.origin_xyz)
        image.SetDirection(self.direction_xyz.ravel().tolist())
        return image

    @classmethod
    def from_sitk(cls, image: Any, *, meta: Mapping[str, Any] | None = None, copy: bool = True) -> Volume:
        """Make a volume from a ``SimpleITK.Image`` (2D or 3D, one component), copying the voxels.

        Without `copy` its array is a read-only view of the image's memory, to be used only while the image lives.

        Raises
        ------
        BackendUnavailable
            SimpleITK is not installed.
        ValueError
            The image has several components per voxel or complex ones, is a label map, or is neither 2D nor 3D.

        Examples
        --------
        >>> import SimpleITK as sitk
        >>> Volume.from_sitk(sitk.Image(4, 3, 2, sitk.sitkInt16)).shape
        (2, 3, 4)
        """
        sitk = _sitk()
        n = image.GetDimension()
        kind = image.GetPixelIDTypeAsString()
        if image.GetNumberOfComponentsPerPixel() != 1 or n not in (2, 3) or kind.startswith(("label", "complex")):
            # SimpleITK ends the process where it is asked for the memory of a label map.
            raise ValueError(
                f"image must be 2D or 3D with one real number per voxel; it is {n}D with "
                f"{image.GetNumberOfComponentsPerPixel()} of {kind}"
            )
        direction = np.asarray(image.GetDirection()).reshape(n, n)
        return cls(
            sitk.GetArrayFromImage(image) if copy else sitk.GetArrayViewFromImage(image),
            image.GetSpacing()[::-1],
            image.GetOrigin()[::-1],
            direction[::-1, ::-1],
            meta,
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Let NumPy functions take the volume as its array."""
        # Without a wish no copy argument is passed: NumPy 1 knows only True and False.
        return np.asarray(self.array, dtype=dtype) if copy is None else np.array(self.array, dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        modality = self.meta.get("modality")
        return (
            f"Volume(shape {self.shape}, {self.dtype}, spacing {_numbers(self.spacing)} mm, "
            f"origin {_numbers(self.origin)} mm, axes {self.orientation}{f', {modality}' if modality else ''})"
        )


def _numbers(values: Sequence[float] | NDArray[Any]) -> str:
    return "(" + ", ".join(f"{value:.6g}" for value in values) + ")"


def _vector(name: str, value: Any, ndim: int) -> NDArray[np.float64]:
    try:
        vector = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be {ndim} numbers; got {value!r}") from None
    if vector.shape != (ndim,) or not np.isfinite(vector).all():
        raise ValueError(f"{name} must be {ndim} finite numbers in the order of the array's axes; got {value!r}")
    return vector


def _spacing(value: Any, ndim: int) -> tuple[float, ...]:
    if value is None:
        return (1.0,) * ndim
    vector = _vector("spacing", np.full(ndim, value) if np.ndim(value) == 0 else value, ndim)
    if not (vector > 0).all():
        raise ValueError(f"spacing must be positive, in mm; got {value!r}")
    return tuple(vector.tolist())


def _origin(value: Any, ndim: int) -> tuple[float, ...]:
    return (0.0,) * ndim if value is None else tuple((_vector("origin", value, ndim) + 0.0).tolist())


def _direction(value: Any, ndim: int) -> NDArray[np.float64]:
    # Adding zero turns -0 into 0, as in origins.
    matrix = np.eye(ndim) if value is None else np.array(value, dtype=np.float64, order="C") + 0.0
    if matrix.shape != (ndim, ndim) or not np.isfinite(matrix).all():
        raise ValueError(f"direction must be a finite {ndim} x {ndim} matrix; got {value!r}")
    deviation = np.abs(matrix.T @ matrix - np.eye(ndim))
    if deviation.max() > PERPENDICULAR_TOLERANCE:
        what = "of length 1" if np.diag(deviation).max() == deviation.max() else "perpendicular (a sheared grid)"
        raise ValueError(f"direction must be a rotation or reflection; its columns are not {what}:\n{matrix}")
    matrix.flags.writeable = False
    return matrix


def _length_and_direction(column: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """Split the vector of an axis so that length times direction is that vector, to the last bit.

    The nearest length and quotients often miss a bit of one component; others a few units in the last place away do
    not. Where a component and the length have nearly the same digits, only lengths further away do, up to 1e-11.
    """
    length = float(np.sqrt((column * column).sum()))
    if not length or not np.isfinite(length):
        return 0.0, column
    for step in (*range(64), *(64 << doubled for doubled in range(11))):
        for end in (-1, 1):
            tried = length + end * step * float(np.spacing(length))
            nearest = column / tried
            direction = nearest
            for side in (-np.inf, np.inf):
                direction = np.where(direction * tried == column, direction, np.nextafter(nearest, side))
            if np.array_equal(direction * tried, column):
                return tried, direction
    return length, column / length


def _sitk() -> Any:
    try:
        import SimpleITK
    except ImportError as error:
        raise BackendUnavailable('SimpleITK is not installed; pip install "SimpleITK"') from error
    return SimpleITK
