"""From tables of features to classifiers that are measured honestly and kept safely.

`train` fits and measures, `Model.save` writes a folder without pickle, `load_model` reads it, `predict` applies it to a
table whose features were extracted in the same way. The learners are scikit-learn's; ``cormack[ml]`` installs them.
`RadiomicsTransformer` makes features of images inside a pipeline of scikit-learn.
``cormack train`` and ``cormack predict`` are the same on the command line.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .._errors import BackendUnavailable, ModelRefused
from ._evaluation import evaluate
from ._model import Model, TableRefused, load_model, predict

if TYPE_CHECKING:
    from ._training import train
    from ._transformer import RadiomicsTransformer

__all__ = [
    "Model",
    "ModelRefused",
    "RadiomicsTransformer",
    "TableRefused",
    "evaluate",
    "load_model",
    "predict",
    "train",
]

# What needs scikit-learn as soon as it is imported.
_LEARNERS = {"RadiomicsTransformer": "_transformer", "train": "_training"}


def __getattr__(name: str) -> Any:
    if name not in _LEARNERS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(importlib.import_module(f"{__name__}.{_LEARNERS[name]}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("cormack"):
            raise
        raise BackendUnavailable('classifiers need scikit-learn; install it with: pip install "cormack[ml]"') from error
