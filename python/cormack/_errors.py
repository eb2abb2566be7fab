"""The exceptions of Cormack that are more specific than ValueError and TypeError."""

from __future__ import annotations

import os


class ReadError(ValueError):
    """A file or folder that cannot be turned into a volume.

    Parameters
    ----------
    path : path-like
        The file or folder.
    reason : str
        What is wrong, in words that a user of images understands.
    tag : str, optional
        The header field that is wrong, for instance ``"(0028,0030) PixelSpacing"``.
    suggestion : str, optional
        What the user can do.
    """

    def __init__(
        self, path: str | os.PathLike[str], reason: str, *, tag: str | None = None, suggestion: str | None = None
    ) -> None:
        self.path = os.fspath(path)
        self.reason = reason
        self.tag = tag
        self.suggestion = suggestion
        message = f"{self.path}: {reason}"
        if tag:
            message += f" [{tag}]"
        if suggestion:
            message += f"; {suggestion}"
        super().__init__(message)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild_read_error, (self.path, self.reason, self.tag, self.suggestion)


def _rebuild_read_error(path: str, reason: str, tag: str | None, suggestion: str | None) -> ReadError:
    return ReadError(path, reason, tag=tag, suggestion=suggestion)


class ModelRefused(ValueError):
    """A learned model that is not loaded: what it is made of is not what a model may be made of, or was changed.

    Parameters
    ----------
    path : path-like
        The file or folder.
    reason : str
        What is wrong with it and what is accepted.
    """

    def __init__(self, path: str | os.PathLike[str], reason: str) -> None:
        self.path = os.fspath(path)
        self.reason = reason
        super().__init__(f"{self.path}: {reason}")

    def __reduce__(self) -> tuple[object, ...]:
        return ModelRefused, (self.path, self.reason)


class GeometryError(ValueError):
    """Two images that should share one grid do not; the message prints both geometries."""


class BackendUnavailable(RuntimeError):
    """The device or library that was asked for cannot run here; the message says why and what to install."""


class GpuMemoryError(MemoryError):
    """An operation that does not fit into the memory of a GPU, or into `set_gpu_memory_limit`, not even in slabs."""
