"""Trained networks on volumes: segment, classify, detect, reconstruct. ONNX Runtime runs them.

A network is an ``.onnx`` file with a card beside it, which says the spacing, the grey values, the patch and the labels
(docs/models.md). It is looked at before it is loaded: a file from somewhere cannot read other files or run other code.
``cormack[onnx]`` installs what it takes.
"""

from __future__ import annotations

from .._errors import ModelRefused
from ._apply import apply, normalize
from ._card import Card
from ._classify import classify
from ._detect import detect
from ._network import Network, load, load_card
from ._segment import segment

__all__ = [
    "Card",
    "ModelRefused",
    "Network",
    "apply",
    "classify",
    "detect",
    "load",
    "load_card",
    "normalize",
    "segment",
]
