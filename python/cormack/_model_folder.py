"""Folders of models: what is written, and what is refused when it is read. Nothing of a model runs before that."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import platform
import stat
import zipfile
from collections.abc import Callable, Collection, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from . import __version__
from ._errors import BackendUnavailable, ModelRefused
from ._files import replacing_folder

CARD = "card.json"
_PACKAGES = ("numpy", "scipy", "scikit-learn", "skops", "pyod", "onnxruntime")
_LARGEST = {".json": 1 << 28, ".skops": 2 << 30, ".onnx": 2 << 30}
_LARGEST_OTHER = 1 << 20
_LARGEST_CARD = 1 << 24
_LARGEST_UNPACKED = 8 << 30
# Numbers of a model shrink by less than this; what shrinks more is made to fill the memory.
_MOST_SHRUNK = 100
_SMALL_UNPACKED = 1 << 26
# What numpy.random makes generators of; some versions of skops call whatever of numpy.random an archive names.
_BIT_GENERATORS = frozenset({"MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"})
# How skops may make what is in an archive: nothing that calls what the archive names.
_LOADERS = frozenset(
    f"{name}Node"
    for name in (
        *("Dict", "List", "Tuple", "Json", "Type", "Object", "DType", "NdArray", "RandomGenerator", "Loss", "Tree"),
        "Cached",
    )
)


def write_model(
    folder: Path,
    card: dict[str, Any],
    contents: Mapping[str, bytes],
    names: Collection[str],
    finish: Callable[[Path], object] | None = None,
) -> Path:
    """Write a model folder, or replace one.

    Parameters
    ----------
    folder : Path
        Where.
    card : dict
        What ``card.json`` says; the checksums of the other files are added under ``"files"``.
    contents : mapping of str to bytes
        The other files.
    names : collection of str
        Names that the files of such a model may have: a folder that holds others is not replaced.
    finish : callable, optional
        Is given the folder when it is complete but for its name, to add to it.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    FileExistsError
        The folder holds something else than a model.
    """
    check_target(folder, names)
    folder.parent.mkdir(parents=True, exist_ok=True)
    card["files"] = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    with replacing_folder(folder) as temporary:
        temporary.mkdir()
        for name, content in (*contents.items(), (CARD, json_bytes(card))):
            (temporary / name).write_bytes(content)
        if finish is not None:
            finish(temporary)
    return folder


def check_target(folder: Path, names: Collection[str]) -> None:
    """Raise FileExistsError where a model must not be written: the folder holds something else."""
    if os.path.lexists(folder) and not (folder.is_dir() and {item.name for item in folder.iterdir()} <= {*names, CARD}):
        raise FileExistsError(17, "exists and is no model; give another folder", os.fspath(folder))


def versions() -> dict[str, str]:
    """Return what a card says of the versions that a model was made with: of what is installed."""
    found = {"cormack": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def json_bytes(value: Mapping[str, Any]) -> bytes:
    """Return a mapping as JSON for people."""
    return (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def read_model(
    folder: Path,
    kinds: Collection[str],
    number: int,
    names: Collection[str],
    made_by: str,
    *,
    beside: Collection[str] = (),
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Read the files of a model folder and check them.

    Parameters
    ----------
    folder : Path
        What `write_model` wrote.
    kinds : collection of str
        Accepted values of ``"kind"`` in the card.
    number : int
        Accepted value of ``"format"``.
    names : collection of str
        Files that it may have beside the card.
    made_by : str
        The command that makes one, for messages.
    beside : collection of str
        Files that may be there and are not read.

    Returns
    -------
    card : dict
    contents : dict of str to bytes
        The other files, whose checksums are the card's.

    Raises
    ------
    ModelRefused
        Other files, links, other checksums, another kind.
    """
    if not folder.is_dir():
        problem = "is no folder" if os.path.lexists(folder) else "is not there"
        raise ModelRefused(folder, f"{problem}; give the folder that {made_by} wrote")
    found = {}
    for entry in sorted(os.scandir(folder), key=lambda item: item.name):
        mode = entry.stat(follow_symlinks=False).st_mode
        if stat.S_ISLNK(mode):
            raise ModelRefused(folder, f"{entry.name} is a link, which may lead out of the folder")
        if entry.name not in (*names, *beside, CARD) or not stat.S_ISREG(mode):
            parts = ", ".join(sorted({*names, *beside, CARD}))
            raise ModelRefused(folder, f"{entry.name!r} is no part of a model, which has {parts}")
        if entry.name not in beside:
            found[entry.name] = _content(folder, entry)
    if CARD not in found:
        raise ModelRefused(folder, f"holds no {CARD}; give the folder that {made_by} wrote")
    card = mapping_of(found.pop(CARD), folder / CARD)
    if card.get("kind") not in list(kinds) or card.get("format") != number:
        raise ModelRefused(
            folder,
            f"{CARD} must be of kind {' or '.join(map(repr, kinds))} and format {number}, "
            f"got {card.get('kind')!r:.80} and {card.get('format')!r:.80}",
        )
    files = card.get("files")
    missing = [name for name in names if isinstance(files, dict) and name in files and name not in found]
    if missing:
        raise ModelRefused(folder, f"{', '.join(missing)} is missing; give the folder that {made_by} wrote")
    if not isinstance(files, dict) or set(files) != set(found):
        raise ModelRefused(
            folder, f"{CARD} must name the checksums of {', '.join(found) or 'files'}, got {files!r:.200}"
        )
    for name, content in found.items():
        if hashlib.sha256(content).hexdigest() != files[name]:
            raise ModelRefused(folder, f"{name} is not the file that was saved, its checksum differs from the card's")
    return card, found


def _content(folder: Path, entry: os.DirEntry[str]) -> bytes:
    most = _LARGEST_CARD if entry.name == CARD else _LARGEST.get(Path(entry.name).suffix, _LARGEST_OTHER)
    with open(os.open(entry.path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ModelRefused(folder, f"{entry.name} is larger than a model's may be")
    return content


def mapping_of(content: bytes, path: Path) -> dict[str, Any]:
    """Return what a JSON file says, which must be a mapping."""
    try:
        value = json.loads(content, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise ModelRefused(path, f"is no JSON ({error})") from error
    if not isinstance(value, dict):
        raise ModelRefused(path, "must be a mapping")
    return value


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number")


def packed(value: Any) -> bytes:
    """Return an object as a skops archive; equal objects give equal bytes."""
    return _reproducible(_skops().dumps(value))


def _reproducible(content: bytes) -> bytes:
    """The same model is the same file: without times, and with numbers in place of addresses in memory."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as given, zipfile.ZipFile(out, "w") as made:
        schema = json.loads(given.read("schema.json"))
        addresses: dict[int, int] = {}
        names: dict[str, str] = {}
        waiting = [schema]
        while waiting:
            node = waiting.pop()
            if isinstance(node, dict):
                if "__id__" in node:
                    node["__id__"] = addresses.setdefault(node["__id__"], len(addresses))
                if isinstance(name := node.get("file"), str):
                    node["file"] = names.setdefault(name, f"{len(names)}{Path(name).suffix}")
                waiting.extend(reversed(node.values()))
            elif isinstance(node, list):
                waiting.extend(reversed(node))
        contents = {new: given.read(old) for old, new in names.items()}
        for name, each in (("schema.json", json.dumps(schema).encode()), *contents.items()):
            made.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), each, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def unpacked(content: bytes, path: Path, types: Collection[str]) -> Any:
    """Return the object of a skops archive.

    Parameters
    ----------
    content : bytes
        What `packed` gave.
    path : Path
        For messages.
    types : collection of str
        All types that may be in it.

    Returns
    -------
    object

    Raises
    ------
    ModelRefused
        It holds other types, paths or other files, is too large or damaged; a pickle is never read.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise ModelRefused(path, f"is no archive of skops (a pickle is never read): {error}") from error
    for entry in entries:
        name = entry.filename
        if "/" in name or "\\" in name or name in ("", ".", "..") or not name.endswith((".json", ".npy", ".npz")):
            raise ModelRefused(path, f"holds {name!r}: only schema.json and arrays are accepted, and no paths")
    most = min(_LARGEST_UNPACKED, max(_SMALL_UNPACKED, _MOST_SHRUNK * len(content)))
    if sum(entry.file_size for entry in entries) > most:
        raise ModelRefused(path, "is larger unpacked than a model may be")
    skops = _skops()
    try:
        unknown = sorted(_strange(content, types))
        if unknown:
            listed = ", ".join(unknown[:5]) + (f" and {len(unknown) - 5} more" if len(unknown) > 5 else "")
            raise ModelRefused(path, f"holds types that no model has: {listed}")
        return skops.loads(content, trusted=sorted(set(skops.get_untrusted_types(data=content)) & set(types)))
    except ModelRefused:
        raise
    except Exception as error:
        # Whatever a damaged archive makes its reader raise.
        raise ModelRefused(path, f"cannot be read: {type(error).__name__}: {error}") from error


def _strange(content: bytes, types: Collection[str]) -> set[str]:
    """Types that an archive names and no model has."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        waiting = [json.loads(archive.read("schema.json"))]
    found = set()
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if "__loader__" in node and node["__loader__"] not in _LOADERS:
                found.add(str(node["__loader__"]))
            if node.get("__loader__") == "RandomGeneratorNode":
                state = node["content"]["bit_generator"]["content"]["bit_generator"]["content"]
                if (name := json.loads(state)) not in _BIT_GENERATORS:
                    found.add(f"numpy.random.{name}")
            if "__class__" in node or "__module__" in node:
                found.add(f"{node.get('__module__')}.{node.get('__class__')}")
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
    return found - set(types)


def _skops() -> Any:
    try:
        import skops.io
    except ImportError as error:
        raise BackendUnavailable('models need skops; install it with: pip install "cormack[ml]"') from error
    return skops.io
