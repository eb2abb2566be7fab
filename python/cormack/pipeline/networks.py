"""Networks that a configuration names: found, checked, and described for the record, before ONNX Runtime is needed."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
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

__all__ = [
    "card_of",
    "checksum_of",
    "loaded",
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


def model_path(model: str) -> Path:
    """Return the ``.onnx`` file that a configuration means.

    Parameters
    ----------
    model : str
        The name of a network that comes with Cormack; or a path, which has a folder in it or ends in ``.onnx``: that of
        the file, or of its folder.

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
    path = Path(model)
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


def card_of(path: Path) -> Card:
    """Read the card of a network; `ModelRefused` says what is wrong with it."""
    from ..deep._card import find_card, read_card

    return read_card(find_card(path))


def loaded(model: str, sha256: str) -> Network:
    """Load a network, which a process keeps for the cases that follow.

    Raises
    ------
    ValueError
        The file is another than the configuration was read with.
    """
    network = _loaded(model_path(model), _config.get_num_threads())
    if network.sha256 != sha256:
        raise ValueError(f"the network {model!r} has changed since the run began")
    return network


@lru_cache(maxsize=2)
def _loaded(path: Path, workers: int) -> Network:
    from .. import deep

    return deep.load(path, workers=workers)


def probability_of(network: Network, image: Volume, label: str | None, overlap: float) -> npt.NDArray[np.float32]:
    """Return how probable a label is in each voxel: the one given, else any but the background."""
    from .. import deep

    _, found = deep.segment(image, network, overlap=overlap, probabilities=True)
    if label is not None:
        return np.asarray(found[label].array)
    objects = [np.asarray(found[name].array) for name in network.card.objects]
    # Labels that exclude each other share one probability; of others the most probable says it.
    return np.asarray((np.add if network.card.exclusive else np.maximum).reduce(objects), np.float32)


def require_runtime(steps: Any) -> None:
    """Raise `BackendUnavailable` where a step has a network and nothing here can run it: once, not for each case."""
    needed = [step for step in steps if getattr(step, "method", "") == "deep"]
    missing = [name for name in ("onnxruntime", "onnx") if needed and find_spec(name) is None]
    if missing:
        raise BackendUnavailable(
            f'{missing[0]} is needed for the step segment deep ({needed[0].model}); pip install "cormack[onnx]"'
        )


def networks_of(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Describe the networks of a configuration, for the record of a run.

    Parameters
    ----------
    config : mapping
        As written into ``run.json``.

    Returns
    -------
    list of dict
        What each card says, with ``model`` (as configured) and ``sha256``, in the order of the steps.
    """
    found: dict[str, dict[str, Any]] = {}
    for step in _deep_steps(config):
        facts: dict[str, Any] = {"model": step["model"], "sha256": step["sha256"]}
        # Gone since the run began: the results are there all the same, and the checksum says what made them.
        with contextlib.suppress(ValueError, OSError):
            card = card_of(model_path(step["model"]))
            words = ("name", "version", "licence", "trained_on", "intended_use", "note")
            facts |= {word: getattr(card, word) for word in words}
            facts |= {
                "patch": list(card.patch),
                "spacing_mm": list(card.spacing_mm or ()),
                "threshold": card.threshold,
            }
        found.setdefault(facts["sha256"], facts)
    return list(found.values())


def _deep_steps(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        if value.get("step") == "segment" and value.get("method") == "deep":
            yield value
        else:
            for item in value.values():
                yield from _deep_steps(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _deep_steps(item)
