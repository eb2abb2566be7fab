"""The 348 bytes of a NIfTI-1 header and the 540 of NIfTI-2.

Formats: https://nifti.nimh.nih.gov/nifti-1 and nifti-2 (nifti1.h, nifti2.h).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

NIFTI1 = np.dtype(
    [
        ("sizeof_hdr", "<i4"), ("data_type", "S10"), ("db_name", "S18"), ("extents", "<i4"), ("session_error", "<i2"),
        ("regular", "S1"), ("dim_info", "u1"), ("dim", "<i2", 8), ("intent_p", "<f4", 3), ("intent_code", "<i2"),
        ("datatype", "<i2"), ("bitpix", "<i2"), ("slice_start", "<i2"), ("pixdim", "<f4", 8), ("vox_offset", "<f4"),
        ("scl_slope", "<f4"), ("scl_inter", "<f4"), ("slice_end", "<i2"), ("slice_code", "u1"), ("xyzt_units", "u1"),
        ("cal_max", "<f4"), ("cal_min", "<f4"), ("slice_duration", "<f4"), ("toffset", "<f4"), ("glmax", "<i4"),
        ("glmin", "<i4"), ("descrip", "S80"), ("aux_file", "S24"), ("qform_code", "<i2"), ("sform_code", "<i2"),
        ("quatern", "<f4", 3), ("qoffset", "<f4", 3), ("srow", "<f4", (3, 4)), ("intent_name", "S16"), ("magic", "V4"),
    ]
)  # fmt: skip
NIFTI2 = np.dtype(
    [
        ("sizeof_hdr", "<i4"), ("magic", "V4"), ("eol_check", "V4"), ("datatype", "<i2"), ("bitpix", "<i2"),
        ("dim", "<i8", 8), ("intent_p", "<f8", 3), ("pixdim", "<f8", 8), ("vox_offset", "<i8"), ("scl_slope", "<f8"),
        ("scl_inter", "<f8"), ("cal_max", "<f8"), ("cal_min", "<f8"), ("slice_duration", "<f8"), ("toffset", "<f8"),
        ("slice_start", "<i8"), ("slice_end", "<i8"), ("descrip", "S80"), ("aux_file", "S24"), ("qform_code", "<i4"),
        ("sform_code", "<i4"), ("quatern", "<f8", 3), ("qoffset", "<f8", 3), ("srow", "<f8", (3, 4)),
        ("slice_code", "<i4"), ("xyzt_units", "<i4"), ("intent_code", "<i4"), ("intent_name", "S16"),
        ("dim_info", "u1"), ("unused", "V15"),
    ]
)  # fmt: skip
_KINDS = {kind.itemsize: kind for kind in (NIFTI1, NIFTI2)}
_MAGICS = {348: b"n+1\0", 540: b"n+2\0"}
_EOL_CHECK = b"\r\n\x1a\n"
DATATYPES = {
    2: np.uint8,
    4: np.int16,
    8: np.int32,
    16: np.float32,
    64: np.float64,
    256: np.int8,
    512: np.uint16,
    768: np.uint32,
    1024: np.int64,
    1280: np.uint64,
}
REFUSED_DATATYPES = {
    1: "1-bit voxels",
    32: "voxels of type complex64",
    128: "voxels of type RGB",
    1536: "voxels of type float128",
    1792: "voxels of type complex128",
    2048: "voxels of type complex256",
    2304: "voxels of type RGBA",
}
_MM = 2


def size_of(head: bytes) -> int | None:
    """How long the header is that begins so, 348 or 540; None when it is no header."""
    little, big = int.from_bytes(head[:4], "little"), int.from_bytes(head[:4], "big")
    return little if little in _KINDS else big if big in _KINDS else None


def parse(head: bytes) -> np.void:
    """The fields of a header, in whichever byte order it is; `size_of` has found its size."""
    size = size_of(head)
    assert size is not None
    kind = _KINDS[size]
    if int.from_bytes(head[:4], "little") != size:
        kind = kind.newbyteorder(">")
    header: np.void = np.frombuffer(head, kind, 1)[0]
    return header


def magic_of(header: np.void) -> bytes:
    """What says that voxels follow in the same file, in another, or nothing known."""
    return bytes(header["magic"])


def is_single_file(header: np.void) -> bool:
    """Whether header and voxels are one file, as the format has it."""
    return magic_of(header) == _MAGICS[header.dtype.itemsize]


def make(shape: tuple[int, ...], dtype: np.dtype[Any], affine: NDArray[np.float64]) -> bytes:
    """Header of a single little-endian file, for a shape in the order x, y, z and a matrix from voxels to RAS in mm."""
    kind = NIFTI1 if max(shape) < 1 << 15 else NIFTI2
    header = np.zeros((), kind)
    size = kind.itemsize
    header["sizeof_hdr"], header["magic"] = size, _MAGICS[size]
    if size == 540:
        header["eol_check"] = _EOL_CHECK
    header["dim"] = (len(shape), *shape, *(1,) * (7 - len(shape)))
    header["datatype"] = next(code for code, known in DATATYPES.items() if known == dtype)
    header["bitpix"] = 8 * dtype.itemsize
    # Four zeros after the header: no extensions.
    header["vox_offset"] = size + 4
    header["scl_slope"], header["xyzt_units"] = 1, _MM
    header["pixdim"] = 1
    sign, zooms, quaternion = _split(affine)
    header["pixdim"][:4] = sign, *zooms
    header["quatern"], header["qoffset"], header["srow"] = quaternion, affine[:3, 3], affine[:3]
    header["qform_code"] = header["sform_code"] = 1
    return header.tobytes() + bytes(4)


def _split(affine: NDArray[np.float64]) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Sign of the third axis, lengths of the axes, and the nearest rotation as a quaternion without its real part."""
    zooms = np.sqrt((affine[:3, :3] ** 2).sum(axis=0))
    axes = affine[:3, :3] / zooms
    sign = 1.0 if np.linalg.det(axes) > 0 else -1.0
    axes[:, 2] *= sign
    left, _, right = np.linalg.svd(axes)
    (xx, yx, zx), (xy, yy, zy), (xz, yz, zz) = left @ right
    # I. Bar-Itzhack, New method for extracting the quaternion from a rotation matrix, J Guidance 23:1085, 2000: good
    # near half a turn too, which LPS to RAS is.
    matrix = (
        np.array(
            [
                [xx - yy - zz, 0, 0, 0],
                [yx + xy, yy - xx - zz, 0, 0],
                [zx + xz, zy + yz, zz - xx - yy, 0],
                [yz - zy, zx - xz, xy - yx, xx + yy + zz],
            ]
        )
        / 3
    )
    _, vectors = np.linalg.eigh(matrix)
    x, y, z, real = vectors[:, 3]
    quaternion = np.array([x, y, z])
    return sign, zooms, -quaternion if real < 0 else quaternion


def rotation(header: np.void) -> NDArray[np.float64]:
    """Rotation of the qform; raises ValueError where its numbers are none."""
    x, y, z = (float(value) for value in header["quatern"])
    rest = 1 - (x * x + y * y + z * z)
    # As many roundings as the numbers have seen, in their own type.
    if abs(rest) < 3 * np.finfo(header["quatern"].dtype).eps:
        rest = 0.0
    if not rest >= 0:
        raise ValueError("the quaternion is longer than 1" if rest < 0 else "the quaternion is not finite")
    real = rest**0.5
    scale = 2 / (real * real + x * x + y * y + z * z)
    return np.array(
        [
            [1 - scale * (y * y + z * z), scale * (x * y - real * z), scale * (x * z + real * y)],
            [scale * (x * y + real * z), 1 - scale * (x * x + z * z), scale * (y * z - real * x)],
            [scale * (x * z - real * y), scale * (y * z + real * x), 1 - scale * (x * x + y * y)],
        ]
    )
