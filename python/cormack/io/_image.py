"""2D images: PNG, JPEG, TIFF and BMP through Pillow."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._errors import ReadError
from ..volume import Volume
from ._common import luma, quiet, require
from ._limits import check_size

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FORMATS = ("PNG", "JPEG", "TIFF", "BMP")
_MAGICS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"BM")
_COLOUR_MODES = ("RGB", "RGBA", "P", "PA", "LA", "RGBX")


def looks_like_image(head: bytes) -> bool:
    """Whether a file starts as one of the formats does."""
    return head.startswith(_MAGICS)


@contextlib.contextmanager
def _open(path: Path) -> Iterator[Any]:
    pillow = require("PIL.Image", "Pillow")
    with quiet():
        try:
            # Given a name, Pillow maps the file into memory, and dies if it becomes shorter meanwhile.
            with open(path, "rb") as file, pillow.open(file, formats=_FORMATS) as image:
                yield image
        except ReadError:
            raise
        except pillow.UnidentifiedImageError as error:
            raise ReadError(path, "not a PNG, JPEG, TIFF or BMP image, or its start is damaged") from error
        except pillow.DecompressionBombError as error:
            raise ReadError(path, f"too large: {error}") from error
        except Exception as error:
            # Pillow's decoders raise OSError, SyntaxError, ValueError, struct.error and more on damaged data.
            raise ReadError(path, f"damaged image: {error}") from error


def check(path: Path) -> tuple[tuple[int, ...], str]:
    """Shape and type of a volume; ReadError for a file whose header is no good. The pixels are not looked at."""
    with _open(path) as image:
        modes = {"1": "bool", "I": "int32", "F": "float32"}
        dtype = "uint16" if image.mode.startswith("I;16") else modes.get(image.mode, "uint8")
        return (image.height, image.width), dtype


def read(path: Path) -> Volume:
    """The pixels of an image as a volume with two axes (y, x) and spacing 1."""
    meta: dict[str, Any] = {
        "format": "image",
        "modality": "",
        "units": "",
        "series_uid": "",
        "rescaled": False,
        "inverted": False,
        # The dots per inch in these files are about printing, not about the patient.
        "spacing_source": "absent",
    }
    with _open(path) as image:
        pages = getattr(image, "n_frames", 1) if image.format in ("TIFF", "PNG") else 1
        if pages > 1:
            raise ReadError(
                path,
                f"{pages} pages in one {image.format} file; only single images are read",
                suggestion="convert a stack to NIfTI, which also keeps its spacing",
            )
        deep = any(";16" in str(tile[3]) for tile in image.tile)
        if deep and image.mode in _COLOUR_MODES:
            raise ReadError(
                path,
                "colours of 16 bits would be cut to 8",
                suggestion="convert it to 16-bit grey values or 8-bit colours first",
            )
        exif_transpose = require("PIL.ImageOps", "Pillow").exif_transpose
        # What Pillow decodes to: up to four channels, or one of 32 bits.
        check_size(path, image.width * image.height * 4, "the image")
        pixels, colour = _grey(path, exif_transpose(image), str(image.format))
    if colour:
        meta["colour"] = colour
    return Volume(pixels, meta=meta)


def _grey(path: Path, image: Any, kind: str) -> tuple[NDArray[Any], str]:
    if image.mode == "1":
        # Pillow's True has all its bits set; NumPy's, and the kernels', is 1.
        return np.array(image, dtype=bool).view(np.uint8) != 0, ""
    if image.mode in ("L", "F") or image.mode.startswith("I;16"):
        array = np.array(image)
        return array.astype(array.dtype.newbyteorder("="), copy=False), ""
    if image.mode == "I":
        array = np.array(image, dtype=np.int32)
        # Older versions of Pillow widen 16-bit PNG.
        return (array.astype(np.uint16) if kind == "PNG" else array), ""
    if image.mode not in _COLOUR_MODES:
        raise ReadError(path, f"colour model {image.mode} is not supported", suggestion="convert it to grey or RGB")
    transparent = image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info
    if transparent:
        rgba = np.array(image.convert("RGBA"))
        if (rgba[..., 3] != 255).any():
            raise ReadError(
                path, "partly transparent: what lies behind is unknown", suggestion="flatten it onto a background first"
            )
        rgb = rgba[..., :3]
    else:
        rgb = np.array(image.convert("RGB"))
    return luma(rgb), "luma BT.601"
