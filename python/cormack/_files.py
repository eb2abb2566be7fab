"""How every file is written: under a temporary name, and renamed when it is complete."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import re
import secrets
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary file to write to, which takes its place when the block ends without an error.

    Parameters
    ----------
    path : Path
        The file to write or to replace.

    Yields
    ------
    Path
        A file beside it that does not exist yet.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        os.replace(temporary, path)
    except BaseException:
        # Also on Ctrl-C: nothing half-written stays behind.
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def bytes_in_words(count: int) -> str:
    """Say a number of bytes: ``"2 GiB"``.

    Parameters
    ----------
    count : int
        At least 0.

    Returns
    -------
    str

    Examples
    --------
    >>> bytes_in_words(2 << 30), bytes_in_words(1_500_000), bytes_in_words(17)
    ('2 GiB', '1.431 MiB', '17 bytes')
    """
    for unit, power in (("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if count >= 1 << power:
            return f"{count / (1 << power):.4g} {unit}"
    return f"{count} bytes"


def bytes_of_words(text: str) -> int:
    """Return a number of bytes as typed: ``"500000000"``, ``"500MB"``, ``"2 GiB"``.

    Parameters
    ----------
    text : str
        A number, maybe with a unit of thousands (``kB``, ``MB``, ``GB``, ``TB``) or of 1024 (``KiB``, ``MiB``, ...).

    Returns
    -------
    int
        At least 1.

    Raises
    ------
    ValueError
        If it is none.

    Examples
    --------
    >>> bytes_of_words("2 GiB"), bytes_of_words("1.5kB")
    (2147483648, 1500)
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(?:([kmgt])(i?)b?|b)?", text.strip().lower())
    if found is None:
        raise ValueError(f"{text!r} is no size such as 500MB or 2GiB")
    number, unit, binary = found.groups()
    size = int(float(number) * (1024 if binary else 1000) ** (" kmgt".index(unit) if unit else 0))
    if size < 1:
        raise ValueError("must be at least 1 byte")
    return size


@contextlib.contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder to fill, which takes the place of another when the block ends without an error.

    Where the system can exchange two names (Linux), there is a complete folder under the name at any moment; elsewhere
    there is none for an instant between two renames.

    Parameters
    ----------
    path : Path
        The folder to write or to replace.

    Yields
    ------
    Path
        A folder beside it that does not exist yet.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        if os.path.lexists(path):
            _exchange(temporary, path)
        else:
            os.rename(temporary, path)
            return
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    # What was replaced; a link is taken away, not what it leads to.
    if temporary.is_symlink():
        temporary.unlink()
    else:
        shutil.rmtree(temporary, ignore_errors=True)


def _exchange(a: Path, b: Path) -> None:
    current_folder, exchange = -100, 2
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is not None:
        if rename(current_folder, os.fsencode(a), current_folder, os.fsencode(b), exchange) == 0:
            return
        number = ctypes.get_errno()
        if number not in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
            raise OSError(number, os.strerror(number), os.fspath(b))
    aside = a.with_name(a.name + ".old")
    os.rename(b, aside)
    try:
        os.rename(a, b)
    except BaseException:
        os.rename(aside, b)
        raise
    os.rename(aside, a)


# Locks of this process: to the system they belong to the process, which may thus lock twice.
_held: set[tuple[int, str]] = set()
_held_guard = threading.Lock()


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock as long as the block lasts; it ends with the process, however that ends.

    Parameters
    ----------
    path : Path
        A file to make for it, which goes with the block; one that a killed process left is no hindrance.

    Raises
    ------
    BlockingIOError
        Another process holds it, or another part of this one.
    """
    # A process that was forked meanwhile holds none of them.
    mine = os.getpid(), os.path.realpath(path)
    with _held_guard:
        if mine in _held:
            words = "this process is writing to this folder already"
            raise BlockingIOError(errno.EWOULDBLOCK, words, os.fspath(path.parent))
        _held.add(mine)
    try:
        with _locked_among_processes(path):
            yield
    finally:
        with _held_guard:
            _held.discard(mine)


@contextlib.contextmanager
def _locked_among_processes(path: Path) -> Iterator[None]:
    import fcntl

    while True:
        file = open(path, "ab")  # noqa: SIM115  (open for writing, which network file systems ask for)
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever held it before may have deleted the file between opening and locking.
            if os.path.exists(path) and os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
                break
        except (BlockingIOError, PermissionError) as error:
            file.close()
            words = "another process is writing to this folder"
            raise BlockingIOError(error.errno, words, os.fspath(path.parent)) from None
        except FileNotFoundError:
            pass
        file.close()
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()
        file.close()
