"""Folders of models: what is written, and what is refused when it is read. Nothing of a model runs before that."""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ._errors import BackendUnavailable, ModelRefused
from ._files import replacing_folder

CARD = "card.json"
_LARGEST = {".json": 64 << 20, ".yaml": 1 << 20, ".yml": 1 << 20, ".skops": 2 << 30, ".onnx": 2 << 30}
_LARGEST_UNPACKED = 8 << 30


def write_model(folder: Path, card: dict[str, Any], contents: Mapping[str, bytes], names: Collection[str]) -> Path:
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

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    FileExistsError
        The folder holds something else than a model.
    """
    if os.path.lexists(folder) and not (folder.is_dir() and {item.name for item in folder.iterdir()} <= {*names, CARD}):
        raise FileExistsError(17, "exists and is no model; give another folder", os.fspath(folder))
    folder.parent.mkdir(parents=True, exist_ok=True)
    card["files"] = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    text = json.dumps(card, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    with replacing_folder(folder) as temporary:
        temporary.mkdir()
        for name, content in (*contents.items(), (CARD, text.encode())):
            (temporary / name).write_bytes(content)
    return folder


def read_model(
    folder: Path, kinds: Collection[str], version: int, names: Collection[str], made_by: str
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Read the files of a model folder and check them.

    Parameters
    ----------
    folder : Path
        What `write_model` wrote.
    kinds : collection of str
        Accepted values of ``"kind"`` in the card.
    version : int
        Accepted value of ``"format"``.
    names : collection of str
        Files that it may have beside the card.
    made_by : str
        The command that makes one, for messages.

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
    found = {entry.name: _content(folder, entry, {*names, CARD}) for entry in sorted(os.scandir(folder), key=_name)}
    if CARD not in found:
        raise ModelRefused(folder, f"holds no {CARD}; give the folder that {made_by} wrote")
    card = mapping_of(found.pop(CARD), folder / CARD)
    if card.get("kind") not in kinds or card.get("format") != version:
        raise ModelRefused(
            folder,
            f"{CARD} must be of kind {' or '.join(map(repr, kinds))} and format {version}, "
            f"got {card.get('kind')!r:.80} and {card.get('format')!r:.80}",
        )
    files = card.get("files")
    if not isinstance(files, dict) or set(files) != set(found):
        raise ModelRefused(folder, f"{CARD} must name the checksums of {', '.join(found) or 'files'}, got {files!r:.200}")
    for name, content in found.items():
        if hashlib.sha256(content).hexdigest() != files[name]:
            raise ModelRefused(folder, f"{name} is not the file that was saved, its checksum differs from the card's")
    return card, found


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name


def _content(folder: Path, entry: os.DirEntry[str], names: Collection[str]) -> bytes:
    mode = entry.stat(follow_symlinks=False).st_mode
    if stat.S_ISLNK(mode):
        raise ModelRefused(folder, f"{entry.name} is a link, which may lead out of the folder")
    if entry.name not in names or not stat.S_ISREG(mode):
        raise ModelRefused(folder, f"{entry.name!r} is no part of a model, which has {', '.join(sorted(names))}")
    most = _LARGEST.get(Path(entry.name).suffix, 1 << 20)
    with open(os.open(entry.path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ModelRefused(folder, f"{entry.name} is larger than a model's may be")
    return content


def mapping_of(content: bytes, path: Path) -> dict[str, Any]:
    """Return what a JSON file says, which must be a mapping."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ModelRefused(path, f"is no JSON ({error})") from error
    if not isinstance(value, dict):
        raise ModelRefused(path, "must be a mapping")
    return value


def packed(value: Any) -> bytes:
    """Return an object as a skops archive; equal objects give equal bytes."""
    content: bytes = _skops().dumps(value)
    out = io.BytesIO()
    # Archives keep times.
    with zipfile.ZipFile(io.BytesIO(content)) as given, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name in sorted(given.namelist()):
            made.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), given.read(name), zipfile.ZIP_DEFLATED)
    return out.getvalue()


def unpacked(content: bytes, path: Path, trusted: Collection[str]) -> Any:
    """Return the object of a skops archive.

    Parameters
    ----------
    content : bytes
        What `packed` gave.
    path : Path
        For messages.
    trusted : collection of str
        Types that may be in it beside those of NumPy and scikit-learn that skops knows.

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
    if sum(entry.file_size for entry in entries) > _LARGEST_UNPACKED:
        raise ModelRefused(path, "is larger unpacked than a model may be")
    skops = _skops()
    try:
        unknown = sorted(set(skops.get_untrusted_types(data=content)) - set(trusted))
        if unknown:
            listed = ", ".join(unknown[:5]) + (f" and {len(unknown) - 5} more" if len(unknown) > 5 else "")
            raise ModelRefused(path, f"holds types that no model has: {listed}")
        return skops.loads(content, trusted=sorted(trusted))
    except ModelRefused:
        raise
    except Exception as error:
        # Whatever a damaged archive makes its reader raise.
        raise ModelRefused(path, f"cannot be read: {type(error).__name__}: {error}") from error


TREES = ("sklearn.tree._tree.Tree",)
"""What skops does not trust and forests are made of: `check_tree` must see each before it is used."""


def check_tree(tree: Any, features: int) -> None:
    """Check that a decision tree leads nowhere outside itself: it is walked without a look at its indices.

    Parameters
    ----------
    tree : sklearn.tree._tree.Tree
        As it came from a file.
    features : int
        How many there are.

    Raises
    ------
    ValueError
        An index is out of range, or the tree goes in circles.
    """
    count = int(tree.node_count)
    if not 0 < count <= int(tree.capacity) or int(tree.n_features) != features:
        raise ValueError(f"a tree of {count} nodes and {tree.n_features} features")
    left, right, feature = (np.asarray(values) for values in (tree.children_left, tree.children_right, tree.feature))
    inner = left != -1
    here = np.arange(count)[inner]
    for children in (left[inner], right[inner]):
        if (children <= here).any() or (children >= count).any():
            raise ValueError("a tree whose nodes lead elsewhere")
    if (right[~inner] != -1).any() or (feature[inner] < 0).any() or (feature[inner] >= features).any():
        raise ValueError("a tree with unknown features")


def _skops() -> Any:
    try:
        import skops.io
    except ImportError as error:
        raise BackendUnavailable('models need skops; install it with: pip install "cormack[ml]"') from error
    return skops.io
