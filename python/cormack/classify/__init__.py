"""From tables of features to classifiers that are measured honestly and kept safely.

`train` fits and measures, `Model.save` writes a folder without pickle, `load_model` reads it, `predict` applies it to a
table whose features were extracted in the same way. The learners are scikit-learn's; ``cormack[ml]`` installs them.
``cormack train`` and ``cormack predict`` are the same on the command line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._errors import BackendUnavailable, ModelRefused
from ._model import Model, TableRefused, load_model, predict

if TYPE_CHECKING:
    from ._training import train

__all__ = ["Model", "ModelRefused", "TableRefused", "load_model", "predict", "train"]


def __getattr__(name: str) -> Any:
    if name != "train":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from ._training import train
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("cormack"):
            raise
        raise BackendUnavailable('classifiers need scikit-learn; install it with: pip install "cormack[ml]"') from error
    return train
