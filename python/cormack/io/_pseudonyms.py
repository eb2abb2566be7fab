"""Names for series and folders that say nothing about whom they are of."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import secrets
import warnings
from pathlib import Path

_VARIABLE = "CORMACK_PSEUDONYM_KEY"


def pseudonym(secret: bytes, kind: str, text: str, digits: int = 16) -> str:
    """Hexadecimal digits that stand for a text: BLAKE2b keyed with the secret, the same for equal texts of a kind.

    Without the secret no one can find, or even test, which text it was: UIDs are no secrets (every archive that the
    images went through knows them), so a hash without a key would lead back.
    """
    digest = hashlib.blake2b(
        text.encode("utf-8", "surrogateescape"), digest_size=digits // 2, key=secret, person=kind.encode()
    )
    return digest.hexdigest()


def secret() -> bytes:
    """The key of this user's pseudonyms.

    ``CORMACK_PSEUDONYM_KEY`` when it is set, so that several machines can agree; else what lies in
    ``cormack/pseudonym.key`` of the user's configuration folder, made at first use and readable by no one else. Where
    that cannot be written: random for as long as the process lives, with a warning, since no later process knows it.
    """
    given = os.environ.get(_VARIABLE)
    if given:
        return hashlib.blake2b(os.fsencode(given), digest_size=32).digest()
    base = os.environ.get("XDG_CONFIG_HOME")
    try:
        folder = (Path(base) if base else Path.home() / ".config") / "cormack"
    except RuntimeError:
        return _of_process()
    return _stored(folder / "pseudonym.key") or _of_process()


def _stored(path: Path) -> bytes | None:
    for _ in range(2):
        with contextlib.suppress(OSError):
            key = path.read_bytes()
            if len(key) == 32:
                return key
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
            with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(secrets.token_bytes(32))
            try:
                # A link fails where another process was first: its key is then the one.
                os.link(temporary, path)
            except FileExistsError:
                pass
            finally:
                temporary.unlink()
        except OSError:
            return None
    return None


@functools.cache
def _of_process() -> bytes:
    warnings.warn(
        "no key for pseudonyms can be kept in the configuration folder: those of this process are of no later one, and "
        f"no import can be gone on with; set {_VARIABLE}",
        stacklevel=2,
    )
    return secrets.token_bytes(32)
