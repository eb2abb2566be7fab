"""The folder of a model: how it is written, and what is refused when it is read."""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .._errors import BackendUnavailable, ModelRefused
from .._files import replacing_folder

FORMAT = 1
_FILES = ("model.skops", "card.json", "evaluation.json", "report.html")
_CHECKED = ("model.skops", "evaluation.json")
# All that a model is made of; an archive that names anything else is not read.
_TYPES = frozenset(
    {
        *(f"builtins.{name}" for name in ("dict", "list", "str", "tuple")),
        *(f"cormack.classify._estimators.{name}Features" for name in ("Relevant", "Uncorrelated", "Varying")),
        *(
            f"numpy.{name}"
            for name in ("dtype", "float64", "int64", "uint64", "ndarray", "random._generator.Generator")
        ),
        *(f"sklearn._loss._loss.CyHalf{name}Loss" for name in ("Binomial", "Multinomial")),
        *(f"sklearn._loss.link.{name}" for name in ("Interval", "LogitLink", "MultinomialLogit")),
        *(f"sklearn._loss.loss.Half{name}Loss" for name in ("Binomial", "Multinomial")),
        *(
            f"sklearn.calibration.{n}"
            for n in ("CalibratedClassifierCV", "_CalibratedClassifier", "_SigmoidCalibration")
        ),
        "sklearn.ensemble._forest.RandomForestClassifier",
        "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
        "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.impute._base.SimpleImputer",
        "sklearn.isotonic.IsotonicRegression",
        "sklearn.linear_model._logistic.LogisticRegression",
        "sklearn.pipeline.Pipeline",
        "sklearn.preprocessing._data.RobustScaler",
        "sklearn.preprocessing._data.StandardScaler",
        "sklearn.preprocessing._label.LabelEncoder",
        "sklearn.svm._classes.SVC",
        "sklearn.tree._classes.DecisionTreeClassifier",
        "sklearn.tree._tree.Tree",
    }
)
# How skops may make them: nothing that calls what an archive names.
_LOADERS = frozenset(
    f"{name}Node"
    for name in (
        *("Dict", "List", "Tuple", "Json", "Type", "Object", "DType", "NdArray", "RandomGenerator", "Loss", "Tree"),
        "Cached",
    )
)
_LARGEST = {"model.skops": 2 << 30, "card.json": 64 << 20, "evaluation.json": 1 << 30}
_LARGEST_UNPACKED = 8 << 30


def listed(names: list[str]) -> str:
    """Return the first few names, and how many more there are."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def check_folder(path: Path) -> None:
    """Raise FileExistsError where a model must not be written: the folder holds something else."""
    if os.path.lexists(path) and not (path.is_dir() and {item.name for item in path.iterdir()} <= {*_FILES}):
        raise FileExistsError(17, "exists and is no model; give another folder", os.fspath(path))


def write_folder(
    path: Path, stored: Mapping[str, Any], card: Mapping[str, Any], evaluation: Mapping[str, Any]
) -> dict[str, str]:
    """Write a model, and return the checksums that were added to its card."""
    path.parent.mkdir(parents=True, exist_ok=True)
    contents = {
        "model.skops": _reproducible(_skops().dumps(dict(stored))),
        "evaluation.json": _json(evaluation),
    }
    files = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    with replacing_folder(path) as temporary:
        temporary.mkdir()
        for name, content in (*contents.items(), ("card.json", _json({**card, "files": files}))):
            (temporary / name).write_bytes(content)
        _report(temporary)
    return files


def _report(folder: Path) -> None:
    from .report import write_report

    write_report(folder)


def _json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _skops() -> Any:
    try:
        import skops.io
    except ImportError as error:
        raise BackendUnavailable('models need skops; install it with: pip install "cormack[ml]"') from error
    return skops.io


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


# --- Reading ---------------------------------------------------------------------------------------------------------


def read_folder(path: Path) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return card, evaluation and what ``model.skops`` holds, after all of it has been checked."""
    if not path.is_dir():
        problem = "is not there" if not os.path.lexists(path) else "is no folder"
        raise ModelRefused(path, f"{problem}; give the folder that `cormack train` wrote")
    contents = _contents(path)
    card = _mapping(contents["card.json"], path / "card.json")
    if card.get("kind") != "classifier" or card.get("format") != FORMAT:
        raise ModelRefused(
            path,
            f"card.json must be of kind 'classifier' and format {FORMAT}, "
            f"got {card.get('kind')!r} and {card.get('format')!r}",
        )
    files = card.get("files")
    if not isinstance(files, dict) or set(files) != set(_CHECKED):
        raise ModelRefused(path, f"card.json must name the checksums of {' and '.join(_CHECKED)}, got {files!r:.200}")
    for name in _CHECKED:
        if hashlib.sha256(contents[name]).hexdigest() != files[name]:
            raise ModelRefused(path, f"{name} is not the file that was saved, its checksum differs from the card's")
    evaluation = _mapping(contents["evaluation.json"], path / "evaluation.json")
    _check_card(card, evaluation, path)
    stored = _restored(contents["model.skops"], path)
    names, classes = card["features"], [str(name) for name in card["classes"]]
    if stored["features"] != names or stored["classes"] != classes:
        raise ModelRefused(path, "the card has other features or classes than the model was trained with")
    from ._sound import check

    try:
        check(stored["estimator"], len(names), len(classes))
    except Exception as error:
        # Also what is missing: such an archive was written by nobody's training.
        raise ModelRefused(path / "model.skops", f"holds no sound model: {error or type(error).__name__}") from error
    return card, evaluation, stored


def _contents(path: Path) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for entry in sorted(os.scandir(path), key=lambda item: item.name):
        mode = entry.stat(follow_symlinks=False).st_mode
        if stat.S_ISLNK(mode):
            raise ModelRefused(path, f"{entry.name} is a link, which may lead out of the folder")
        if entry.name not in _FILES or not stat.S_ISREG(mode):
            raise ModelRefused(path, f"{entry.name!r} is no part of a model, which has {', '.join(_FILES)}")
        if entry.name in _LARGEST:
            with open(os.open(entry.path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb") as file:
                content = file.read(_LARGEST[entry.name] + 1)
            if len(content) > _LARGEST[entry.name]:
                raise ModelRefused(path, f"{entry.name} is larger than a model's may be")
            found[entry.name] = content
    missing = [name for name in _LARGEST if name not in found]
    if missing:
        raise ModelRefused(path, f"{', '.join(missing)} is missing; give the folder that `cormack train` wrote")
    return found


def _mapping(content: bytes, path: Path) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ModelRefused(path, f"is no JSON ({error})") from error
    if not isinstance(value, dict):
        raise ModelRefused(path, "must be a mapping")
    return value


def _check_card(card: Mapping[str, Any], evaluation: Mapping[str, Any], path: Path) -> None:
    """Check what predictions need; a report reads the rest."""
    classes, priors, names = card.get("classes"), card.get("priors"), card.get("features")
    extraction = card.get("extraction")
    good = (
        isinstance(names, list)
        and all(isinstance(name, str) for name in names)
        and isinstance(classes, list)
        and len(classes) >= 2
        and isinstance(priors, list)
        and len(priors) == len(classes)
        and all(isinstance(share, float) and 0 < share < 1 for share in priors)
        and (extraction is None or isinstance(extraction, dict))
        and isinstance(card.get("target"), str)
        and isinstance(card.get("metrics"), dict)
        and "auc" in card["metrics"]
        and isinstance(card.get("group_column"), (str, type(None)))
        and isinstance(evaluation.get("dropped_features"), list)
    )
    if not good:
        raise ModelRefused(path, "card.json lacks what a model needs, or holds it in another form")


def _restored(content: bytes, path: Path) -> dict[str, Any]:
    file = path / "model.skops"
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise ModelRefused(file, f"is no archive of skops (a pickle is never read): {error}") from error
    for entry in entries:
        name = entry.filename
        if "/" in name or "\\" in name or name in ("", ".", "..") or not name.endswith((".json", ".npy", ".npz")):
            raise ModelRefused(file, f"holds {name!r}: only schema.json and arrays are accepted, and no paths")
    if sum(entry.file_size for entry in entries) > _LARGEST_UNPACKED:
        raise ModelRefused(file, "is larger unpacked than a model may be")
    skops = _skops()
    try:
        unknown = sorted(_strange(content))
        if unknown:
            raise ModelRefused(file, f"holds types that no model has: {listed(unknown)}")
        stored = skops.loads(content, trusted=sorted(set(skops.get_untrusted_types(data=content)) & _TYPES))
    except ModelRefused:
        raise
    except Exception as error:
        # Whatever a damaged archive makes its reader raise.
        raise ModelRefused(file, f"cannot be read: {type(error).__name__}: {error}") from error
    if not isinstance(stored, dict) or set(stored) != {"estimator", "features", "classes"}:
        raise ModelRefused(file, "holds no model of Cormack")
    return stored


def _strange(content: bytes) -> set[str]:
    """Types that an archive names and no model has."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        waiting = [json.loads(archive.read("schema.json"))]
    found = set()
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if "__loader__" in node and node["__loader__"] not in _LOADERS:
                found.add(str(node["__loader__"]))
            if "__class__" in node or "__module__" in node:
                found.add(f"{node.get('__module__')}.{node.get('__class__')}")
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
    return {name for name in found if name not in _TYPES}
