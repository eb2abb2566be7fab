"""Networks that a configuration names: found, checked, and described for the record, before ONNX Runtime is needed."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .. import _config
from .._errors import BackendUnavailable

if TYPE_CHECKING:
    from ..deep import Network
    from ..deep._card import Card
    from ..volume import Volume
    from .config import Config
    from .step_models import DeepSegmentation

__all__ = [
    "card_of",
    "card_path",
    "checksum_of",
    "deep_steps",
    "loaded",
    "looks_at_all",
    "model_path",
    "networks_of",
    "probability_of",
    "require_runtime",
    "shipped_models",
]

_MODELS = Path(__file__).resolve().parent.parent / "models"


def shipped_models() -> list[str]:
    """Names of the networks that come with Cormack."""
    return sorted(path.parent.name for path in _MODELS.glob("*/model.onnx"))


def model_path(model: str, folder: str = "") -> Path:
    """Return the ``.onnx`` file that a configuration means.

    Parameters
    ----------
    model : str
        The name of a network that comes with Cormack; or the path of an ``.onnx`` file, or of a folder with one.
    folder : str
        What such a path is relative to.

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        There is no such network.

    Examples
    --------
    >>> from cormack.pipeline.networks import model_path
    >>> model_path("ct-lung-nodules").name
    'model.onnx'
    """
    names = shipped_models()
    if model in names:
        return _MODELS / model / "model.onnx"
    path = Path(folder, model)
    found = sorted(path.glob("*.onnx")) if path.is_dir() else [path] if path.is_file() else []
    if len(found) != 1:
        raise ValueError(
            f"there is no network {model!r}; give the path of an .onnx file or of a folder with one, "
            f"or one that comes with Cormack: {', '.join(names)}"
        )
    return found[0]


def checksum_of(path: Path) -> str:
    """SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def card_path(path: Path) -> Path:
    """Return the card of a network; `ModelRefused` says why there is none."""
    from ..deep._card import find_card

    return find_card(path)


def card_of(path: Path) -> Card:
    """Read the card of a network; `ModelRefused` says what is wrong with it."""
    from ..deep._card import read_card

    return read_card(card_path(path))


def loaded(step: DeepSegmentation) -> Network:
    """Load the network of a step, which a process keeps for the cases that follow.

    Raises
    ------
    ValueError
        The file or its card is another than the configuration was read with, or the file is not all of the network.
    """
    try:
        path = model_path(step.model)
    except ValueError:
        # Records say why a case failed, and not in whose folder.
        raise ValueError(f"the network {os.path.basename(step.model)!r} is no longer there") from None
    return _loaded(path, step.sha256 or "", step.card_sha256 or "", _config.get_num_threads())


@lru_cache(maxsize=2)
def _loaded(path: Path, sha256: str, card_sha256: str, workers: int) -> Network:
    from .. import deep

    network = deep.load(path, workers=workers)
    if (network.sha256, checksum_of(card_path(path))) != (sha256, card_sha256):
        raise ValueError(f"the network {path.name!r} has changed since the run began")
    if network.values_sha256:
        raise ValueError(
            f"the network {path.name!r} has values in other files, which its checksum does not cover; save it as one "
            "(save_as_external_data=False)"
        )
    return network


def looks_at_all(card: Card) -> bool:
    """Whether the grey values that a network takes depend on all of an image: of a part of it they are others."""
    kind = card.intensity["type"]
    return kind == "percentile" or (kind == "zscore" and "mean" not in card.intensity)


def probability_of(network: Network, image: Volume, label: str | None, overlap: float) -> npt.NDArray[np.float32]:
    """Return how probable a label is in each voxel: the one given, else any but the background."""
    from .. import deep

    _, found = deep.segment(image, network, overlap=overlap, probabilities=True)
    if label is not None:
        return np.asarray(found[label].array)
    objects = [np.asarray(found[name].array) for name in network.card.objects]
    # Labels that exclude each other share one probability; of others the most probable says it.
    return np.asarray((np.add if network.card.exclusive else np.maximum).reduce(objects), np.float32)


def deep_steps(configs: Iterable[Config]) -> list[DeepSegmentation]:
    """Return the steps of configurations that have a network."""
    steps: list[Any] = [step for config in configs for step in config.steps]
    return [step for step in steps if getattr(step, "method", "") == "deep"]


def require_runtime(config: Config) -> None:
    """Raise `BackendUnavailable` where a step has a network and nothing here can run it: once, not for each case."""
    needed = deep_steps([config])
    missing = [name for name in ("onnxruntime", "onnx") if needed and find_spec(name) is None]
    if missing:
        raise BackendUnavailable(
            f"{missing[0]} is needed for the step segment deep ({needed[0].model_dump()['model']}); "
            'pip install "cormack[onnx]"'
        )


def networks_of(configs: Iterable[Config]) -> list[dict[str, Any]]:
    """Describe the networks of configurations, for the record of a run.

    Parameters
    ----------
    configs : iterable of Config
        What was done.

    Returns
    -------
    list of dict
        What each card says, with ``model`` (its own name), ``sha256`` and ``card_sha256``, in the order of the steps.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for step in deep_steps(configs):
        facts: dict[str, Any] = step.model_dump(include={"model", "sha256", "card_sha256"})
        # Gone since the run began: the results are there all the same, and the checksum says what made them.
        with contextlib.suppress(ValueError, OSError):
            card = card_of(model_path(step.model))
            words = ("name", "version", "licence", "trained_on", "intended_use", "note")
            facts |= {word: getattr(card, word) for word in words}
            facts |= {
                "patch": list(card.patch),
                "spacing_mm": list(card.spacing_mm or ()),
                "threshold": card.threshold,
            }
        found.setdefault((facts["sha256"], facts["card_sha256"]), facts)
    return list(found.values())
