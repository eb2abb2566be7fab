"""Detectors on disk: one folder each, read with the care of `cormack.classify`'s models."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__, _check
from .._errors import ModelRefused
from .._model_folder import check_target, packed, read_model, unpacked, versions, write_model
from ._calibration import Calibration, share_of
from ._descriptors import CHANNELS
from ._patches import PatchMemory, recipe_of
from ._residual import ResidualDetector
from ._table import METHODS, PYOD, TableDetector, fitted

__all__ = ["load_detector", "save_detector"]

FORMAT = 1
_NOTE = "A research tool, not a medical device. What is rare is not ill, and what is ill may look like what is common."
_NAME = "load_detector"
_SKOPS = "model.skops"
_NETWORK = ("network.onnx", "network.json", "network.yaml", "network.yml")
_NAMES = (_SKOPS, *_NETWORK)
_KINDS = {"anomaly-table": TableDetector, "anomaly-patches": PatchMemory, "anomaly-network": ResidualDetector}

Detector = TableDetector | PatchMemory | ResidualDetector


def save_detector(detector: Detector, folder: str | os.PathLike[str]) -> Path:
    """Write a detector: ``model.skops``, ``card.json``, and of `fit_residual`'s the network.

    Parameters
    ----------
    detector : TableDetector, PatchMemory or ResidualDetector
        What a ``fit_`` function gave.
    folder : path-like
        Made, or replaced where it holds a model.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    FileExistsError
        The folder holds something else.
    ValueError
        The network has values in other files, or has changed since it was loaded.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> from cormack import anomaly
    >>> detector = anomaly.fit_table({"a": np.arange(50.0)})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = anomaly.save_detector(detector, folder + "/model")
    ...     anomaly.load_detector(path).features
    ['a']
    """
    check_free(folder)
    kind = next(name for name, known in _KINDS.items() if isinstance(detector, known))
    calibration = detector.calibration
    payload: dict[str, Any] = {"scores": calibration.scores}
    said: dict[str, Any] = {"alarm": calibration.alarm, "seed": detector.seed}
    contents: dict[str, bytes] = {}
    if isinstance(detector, TableDetector):
        payload |= {
            "seen": detector.seen,
            "centre": detector.centre,
            "scale": detector.scale,
            "probe": detector.reference[:_PROBE],
        }
        payload["expected"] = detector.scores_of(detector.reference[:_PROBE])
        # What looks up its reference has no other model; what finds neighbours is made anew from the rows.
        lazy = detector.method not in _ESTIMATORS
        payload |= {"reference": detector.reference} if lazy else {"estimator": detector.estimator}
        said |= {"method": detector.method, "features": detector.features, "rows": detector.rows}
        said |= {"dropped": detector.dropped, "notes": detector.notes, "extraction": detector.extraction}
        said["shown"] = detector.shown
    elif isinstance(detector, PatchMemory):
        payload |= {name: getattr(detector, name) for name in ("bank", "centre", "scale", "levels")}
        recipe = detector.recipe
        said |= {"images": detector.images, "neighbours": detector.neighbours, "unit": detector.unit}
        said |= {"patch": recipe.patch, "stride": recipe.stride, "spacing": list(recipe.spacing)}
        said |= {"intensity": recipe.intensity, "position": recipe.position}
    else:
        payload["levels"] = detector.levels
        said |= {"images": detector.images, "unit": detector.unit}
        said |= {"smoothing": detector.smoothing, "overlap": detector.overlap}
        contents = _network_files(detector.network)
    card = {
        "format": FORMAT,
        "cormack": __version__,
        "created": date.today().isoformat(),
        "kind": kind,
        **said,
        "versions": versions(),
        "note": _NOTE,
    }
    return write_model(Path(folder), card, {_SKOPS: packed(payload), **contents}, _NAMES)


def check_free(folder: str | os.PathLike[str]) -> None:
    """Raise FileExistsError where a detector must not be written: the folder holds something else."""
    check_target(Path(folder), _NAMES)


def load_detector(folder: str | os.PathLike[str], *, workers: int | None = None) -> Detector:
    """Read a detector; nothing of it runs before all of it was checked, and a pickle is never read.

    Parameters
    ----------
    folder : path-like
        What `save_detector` wrote.
    workers : int, optional
        Threads of the network, where there is one; default: the library's setting.

    Returns
    -------
    TableDetector, PatchMemory or ResidualDetector

    Raises
    ------
    ModelRefused
        Other files, links, a checksum that is not the card's, types that no detector has.

    Examples
    --------
    >>> from cormack import anomaly
    >>> anomaly.load_detector("/nowhere")
    Traceback (most recent call last):
    cormack._errors.ModelRefused: /nowhere: is not there; give the folder that `cormack anomaly` wrote
    """
    path = Path(folder)
    card, contents = read_model(path, _KINDS, FORMAT, _NAMES, "`cormack anomaly`")
    kind = card["kind"]
    if _SKOPS not in contents or (len(contents) > 1) != (kind == "anomaly-network"):
        raise ModelRefused(path, f"has other files than a detector of kind {kind}")
    stored = unpacked(contents[_SKOPS], path / _SKOPS, _TYPES)
    try:
        calibration = Calibration(_floats(stored["scores"]), share_of(_NAME, "alarm", card["alarm"]))
        if kind == "anomaly-table":
            return _table(card, stored, calibration)
        if kind == "anomaly-patches":
            return _patches(card, stored, calibration)
        return ResidualDetector(
            network=_network(path, card, workers),
            smoothing=_check.real(_NAME, "smoothing", card["smoothing"], minimum=0.0),
            overlap=_check.real(_NAME, "overlap", card["overlap"], minimum=0.0),
            levels=_floats(stored["levels"]),
            calibration=calibration,
            **_of_images(card),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        if isinstance(error, ModelRefused):
            raise
        raise ModelRefused(
            path, f"the card and the model do not fit together: {type(error).__name__}: {error}"
        ) from None


def _table(card: Mapping[str, Any], stored: Mapping[str, Any], calibration: Calibration) -> TableDetector:
    method, features, seed = card["method"], card["features"], int(card["seed"])
    if not isinstance(features, list) or not all(isinstance(name, str) for name in features):
        raise TypeError("the features are no list of names")
    if len(set(features)) != len(features):
        raise ValueError("a feature is named twice")
    centre, scale = _floats(stored["centre"]), _floats(stored["scale"])
    probe, expected = _floats(stored["probe"]), _floats(stored["expected"])
    if centre.shape != (len(features),) or scale.shape != centre.shape or probe.shape[1:] != centre.shape:
        raise ValueError(f"{len(features)} features, {centre.size} centres")
    if method in _ESTIMATORS:
        estimator, reference = stored["estimator"], probe
        if type(estimator).__name__ not in _ESTIMATORS[method] or estimator.n_features_in_ != len(features):
            raise ValueError(f"{method} of {len(features)} features with another {type(estimator).__name__}")
        if method == "isolation-forest":
            from ..classify._sound import check_tree

            for tree in estimator.estimators_:
                check_tree(tree.tree_, len(features), 1)
    elif method in (*METHODS, *PYOD):
        reference = _floats(stored["reference"])
        estimator = fitted(method, reference, seed, [])
    else:
        raise ValueError(f"the method {method!r:.80}")
    detector = TableDetector(
        method=method,
        features=features,
        centre=centre,
        scale=scale,
        estimator=estimator,
        reference=reference,
        calibration=calibration,
        rows=int(card["rows"]),
        seed=seed,
        dropped=list(card["dropped"]),
        notes=list(card["notes"]),
        shown=list(map(str, card["shown"])),
        extraction=card["extraction"],
        seen=_floats(stored["seen"]),
    )
    if not np.allclose(detector.scores_of(probe), expected, rtol=1e-6, atol=1e-9):
        raise ValueError(f"rows score otherwise than when it was saved; it was made with {card['versions']}")
    return detector


def _patches(card: Mapping[str, Any], stored: Mapping[str, Any], calibration: Calibration) -> PatchMemory:
    bank, centre, scale = (_floats(stored[name]) for name in ("bank", "centre", "scale"))
    if len(card["spacing"]) not in (2, 3):
        raise ValueError(f"`spacing` must be 2 or 3 numbers, got {card['spacing']!r:.80}")
    spacing = _check.spacing(_NAME, card["spacing"], len(card["spacing"]))
    recipe = recipe_of(_NAME, card["patch"], card["stride"], spacing, card["intensity"], card["position"])
    described = len(CHANNELS) + (len(spacing) if recipe.position else 0)
    if (
        bank.ndim != 2
        or centre.shape != (described,)
        or scale.shape != centre.shape
        or bank.shape[1:] != centre.shape
        or not len(bank)
    ):
        raise ValueError(f"a bank of shape {bank.shape}, {centre.size} centres")
    return PatchMemory(
        recipe=recipe,
        neighbours=_check.integer(_NAME, "neighbours", card["neighbours"], minimum=1),
        bank=bank,
        centre=centre,
        scale=scale,
        levels=_floats(stored["levels"]),
        calibration=calibration,
        **_of_images(card),
    )


def _of_images(card: Mapping[str, Any]) -> dict[str, Any]:
    """What the card of both kinds of image detectors says."""
    return {
        "unit": _check.real(_NAME, "unit", card["unit"], above=0.0),
        "images": _check.integer(_NAME, "images", card["images"], minimum=2),
        "seed": _check.integer(_NAME, "seed", card["seed"], minimum=0),
    }


def _floats(value: Any) -> np.ndarray:
    if not isinstance(value, np.ndarray) or value.dtype != np.float64 or not np.isfinite(value).all():
        raise TypeError(f"{type(value).__name__} where finite numbers belong")
    return value


# --- What may be in a detector ---------------------------------------------------------------------------------------

_ESTIMATORS = {"isolation-forest": ("IsolationForest",), "mahalanobis": ("MinCovDet", "LedoitWolf")}
_PROBE = 16
# All that a detector is made of; an archive that names anything else is not read.
_TYPES = frozenset(
    {
        *(f"builtins.{name}" for name in ("dict", "list", "str", "tuple")),
        *(f"numpy.{name}" for name in ("dtype", "float64", "int64", "ndarray")),
        "sklearn.covariance._robust_covariance.MinCovDet",
        "sklearn.covariance._shrunk_covariance.LedoitWolf",
        "sklearn.ensemble._iforest.IsolationForest",
        "sklearn.tree._classes.ExtraTreeRegressor",
        "sklearn.tree._tree.Tree",
    }
)


def _network_files(network: Any) -> dict[str, bytes]:
    from ..deep._card import find_card, read_card

    check_network(network)
    card = find_card(network.path)
    model = network.path.read_bytes()
    if hashlib.sha256(model).hexdigest() != network.sha256 or read_card(card) != network.card:
        raise ModelRefused(network.path, "has changed since it was loaded")
    return {"network.onnx": model, f"network{card.suffix}": card.read_bytes()}


def check_network(network: Any) -> None:
    """Raise ValueError for a network that cannot be saved with its detector."""
    if network.values_sha256:
        raise ValueError(
            f"save_detector: the network {network.path.name!r} must be one file, its values lie in others; "
            "save it with save_as_external_data=False"
        )


def _network(folder: Path, card: Mapping[str, Any], workers: int | None) -> Any:
    from .. import deep

    network = deep.load(folder / "network.onnx", workers=workers)
    if network.sha256 != card["files"]["network.onnx"]:
        raise ModelRefused(folder, "network.onnx has changed while it was read")
    return network
