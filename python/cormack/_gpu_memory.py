"""How much memory operations may take on a GPU, and what is said where that is not enough."""

from __future__ import annotations

import os

from ._errors import GpuMemoryError

# What CuPy's and PyTorch's allocators round to.
_BLOCK = 512
_VARIABLE = "CORMACK_GPU_MEMORY_LIMIT"


def _bytes_of(rule: str, value: int | str) -> int:
    # Neither is needed to import Cormack.
    from . import _check
    from ._files import bytes_of_words

    if isinstance(value, str):
        try:
            return bytes_of_words(value)
        except ValueError as error:
            raise ValueError(f"{rule}, but {error}") from None
    return _check.integer("set_gpu_memory_limit", "limit", value, minimum=1)


def _from_environment() -> int | None:
    text = os.environ.get(_VARIABLE, "").strip()
    return _bytes_of(f"{_VARIABLE} must be a number of bytes", text) if text else None


_default = _from_environment()
_limit = _default


def get_gpu_memory_limit() -> int | None:
    """Return what arrays may take on a GPU.

    Returns
    -------
    int or None
        Bytes, from `set_gpu_memory_limit`, else ``CORMACK_GPU_MEMORY_LIMIT``. None where neither says: then the limit
        of CuPy's memory pool counts, and what is free on the device.

    Examples
    --------
    >>> import cormack
    >>> cormack.set_gpu_memory_limit("4 GiB")
    >>> cormack.get_gpu_memory_limit()
    4294967296
    >>> cormack.set_gpu_memory_limit(None)
    """
    return _limit


def set_gpu_memory_limit(limit: int | str | None) -> None:
    """Set what arrays may take on a GPU: images on the host that do not fit go there in slabs.

    Parameters
    ----------
    limit : int, str or None
        Bytes, at least 1, also as ``"4 GiB"`` or ``"500MB"``; None returns to ``CORMACK_GPU_MEMORY_LIMIT``, or where
        that is not set to none but CuPy's own (``cupy.cuda.MemoryPool.set_limit``) and the device's free memory.

    Raises
    ------
    TypeError
        If `limit` is neither an int nor a string.
    ValueError
        If it is below 1 or no number of bytes.

    Notes
    -----
    All arrays that the library of the image (CuPy, PyTorch) holds on the device count, the caller's too; memory that
    its allocator keeps for later does not. Results do not depend on the limit, bit for bit. Maps, filters with a
    window, histograms and what is made of them, CLAHE, `label`, `connected_threshold` and `features.resample` work in
    slabs; what looks at the whole image in another way raises `GpuMemoryError` where it does not fit.

    Examples
    --------
    >>> import cormack
    >>> cormack.set_gpu_memory_limit("500 MB")
    >>> cormack.get_gpu_memory_limit()
    500000000
    >>> cormack.set_gpu_memory_limit(None)
    """
    global _limit
    _limit = _default if limit is None else _bytes_of("set_gpu_memory_limit: `limit` must be a number of bytes", limit)


def taken_by(size: int) -> int:
    """Return what an allocator takes for an array of `size` bytes."""
    return -(-size // _BLOCK) * _BLOCK


def not_enough(function: str, needed: int, left: int | None, how: str = "") -> GpuMemoryError:
    """Return the error for what would take `needed` bytes where `left`, if that is known, are left."""
    from ._files import bytes_in_words

    held = "" if left is None else f" and {bytes_in_words(max(0, left))} are left"
    limit = "" if _limit is None else f" of the limit of {bytes_in_words(_limit)} (set_gpu_memory_limit)"
    size = bytes_in_words(taken_by(needed))
    return GpuMemoryError(
        f"{function}: on a GPU {how or 'the next array'} takes {size}{held}{limit}; free arrays there, allow more, or "
        "compute on the CPU"
    )
