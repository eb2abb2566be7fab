"""Tiny networks made with onnx.helper, with their cards."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

CARD = {"name": "tiny", "intensity": {"type": "none"}}


def value(name: str, shape: list[int | str], kind: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def convolution(
    patch: tuple[int, ...], channels: int = 1, outputs: int = 2, seed: int = 0, size: int = 3
) -> tuple[onnx.ModelProto, np.ndarray]:
    """Return a network that is one convolution, padded with zeros, and its weights."""
    weights = np.random.default_rng(seed).normal(size=(outputs, channels, *[size] * len(patch))).astype(np.float32)
    node = helper.make_node("Conv", ["image", "w"], ["out"], pads=[size // 2] * 2 * len(patch))
    graph = helper.make_graph(
        [node],
        "g",
        [value("image", ["n", channels, *patch])],
        [value("out", ["n", outputs, *patch])],
        [numpy_helper.from_array(weights, "w")],
    )
    return model_of(graph), weights


def model_of(graph: onnx.GraphProto, **rest: Any) -> onnx.ModelProto:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], **rest)
    model.ir_version = 9
    return model


def write(folder: Path, model: onnx.ModelProto, card: dict[str, Any]) -> Path:
    """Write a network and its card, whatever they are."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    (folder / "model.json").write_text(json.dumps(CARD | card))
    return folder


def write_segmenter(
    folder: Path, patch: tuple[int, ...], channels: int = 1, outputs: int = 2, **card: Any
) -> np.ndarray:
    """Write a convolution for the task "segment" and return its weights."""
    model, weights = convolution(patch, channels, outputs)
    labels = ["background", *"abcdefgh"[: outputs - 1]]
    rest = {"task": "segment", "patch": list(patch), "labels": labels, "channels": channels, "activation": "softmax"}
    write(folder, model, rest | card)
    return weights


@pytest.fixture(scope="session")
def models() -> SimpleNamespace:
    """The functions above."""
    return SimpleNamespace(
        value=value, convolution=convolution, model_of=model_of, write=write, write_segmenter=write_segmenter
    )
