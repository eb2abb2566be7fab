"""DICOM objects that hold regions: their fields, read with errors that name file and tag."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._errors import BackendUnavailable, ReadError
from ._common import quiet, require
from ._limits import check_size, read_dataset

if TYPE_CHECKING:
    from numpy.typing import NDArray


# Nothing in a patient is further away or larger, and what is computed from it stays finite.
_LARGEST = 1e9


class Region(NamedTuple):
    """A region of a file with masks.

    Parameters
    ----------
    number : int
        Its value in a label map: ROINumber, SegmentNumber, or the value that is stored.
    name : str
        Its name, or "" where the file has none.
    kind : str
        What it is made of: contour types (``"CLOSED_PLANAR"``, ``"POINT"``, or ``""`` when there are none),
        ``"BINARY"``, ``"FRACTIONAL"`` or ``"LABELMAP"`` frames, or a ``"label"``.

    Examples
    --------
    >>> Region(1, "GTV-1", "CLOSED_PLANAR").name
    'GTV-1'
    """

    number: int
    name: str
    kind: str


class Object:
    """A DICOM data set, or an item of a sequence; every field that is no good is a ReadError."""

    def __init__(self, path: Path, dataset: Any) -> None:
        self.path = path
        self.dataset = dataset

    @staticmethod
    def label(name: str) -> str:
        """Tag as in the standard: ``(3006,0050) ContourData``."""
        tag = require("pydicom", "pydicom").datadict.tag_for_keyword(name)
        return f"({tag >> 16:04X},{tag & 0xFFFF:04X}) {name}"

    def fail(self, name: str, reason: str) -> ReadError:
        return ReadError(self.path, reason, tag=self.label(name))

    def _value(self, name: str) -> Any:
        try:
            with quiet():
                return self.dataset.get(name)
        except Exception as error:
            # Values are converted when they are asked for, and pydicom raises nearly anything on damaged ones. Its
            # words may quote the file, so they stay in the cause.
            raise self.fail(name, f"damaged field ({type(error).__name__})") from error

    def stored(self, name: str) -> Any:
        """A value as it is in the file, mostly bytes; None when it is absent."""
        try:
            element = self.dataset.get_item(name)
        except Exception as error:
            raise self.fail(name, f"damaged field ({type(error).__name__})") from error
        return None if element is None else element.value

    @property
    def syntax(self) -> str:
        """Transfer syntax, or ""."""
        try:
            with quiet():
                return str(getattr(getattr(self.dataset, "file_meta", None), "TransferSyntaxUID", ""))
        except Exception as error:
            raise self.fail("TransferSyntaxUID", f"damaged field ({type(error).__name__})") from error

    def items(self, name: str) -> list[Object]:
        """Items of a sequence; none when it is absent."""
        value = self._value(name)
        if value is None:
            return []
        try:
            return [Object(self.path, item) for item in value if item.keys() is not None]
        except Exception as error:
            raise self.fail(name, "expected a sequence") from error

    def text(self, name: str) -> str:
        value = self._value(name)
        parts = value if isinstance(value, list) or type(value).__name__ == "MultiValue" else [value]
        return "\\".join("" if part is None else str(part) for part in parts).strip(" \0")

    def whole(self, name: str, default: int | None = None) -> int:
        value = self._value(name)
        if value in (None, "") and default is not None:
            return default
        try:
            return int(value)
        except (TypeError, ValueError):
            raise self.fail(name, "missing" if value is None else "expected a whole number") from None

    def numbers(self, name: str, count: int | None = None) -> NDArray[np.float64]:
        """Finite numbers, none absurdly large; empty when the field is absent."""
        try:
            element = self.dataset.get_item(name)
            value = None if element is None else element.value
            # Long lists, as they are in the file: converting them through pydicom takes fifty times as long.
            values = (
                value.decode("latin-1").strip(" \0").split("\\")
                if isinstance(value, bytes)
                else np.atleast_1d(self._value(name) if value is not None else [])
            )
            numbers = np.array([float(part) for part in values if part != ""], np.float64)
        except ReadError:
            raise
        except Exception as error:
            raise self.fail(name, "expected numbers") from error
        if not (np.abs(numbers) < _LARGEST).all() or (count is not None and numbers.size not in (0, count)):
            raise self.fail(name, f"expected {count or ''} finite numbers".replace("  ", " "))
        return numbers


def open_object(path: Path) -> Object:
    """Read a DICOM file with all its fields."""
    require("pydicom", "pydicom")
    try:
        check_size(path, path.stat().st_size, "the file")
        with quiet():
            return Object(path, read_dataset(path))
    except (ReadError, BackendUnavailable):
        raise
    except OSError as error:
        raise ReadError(path, f"cannot be read: {error.strerror or 'it is cut off'}") from error
    except Exception as error:
        raise ReadError(path, f"damaged DICOM file ({type(error).__name__})") from error
