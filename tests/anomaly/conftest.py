"""Textured images with and without a lesion, and networks whose residual is known."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cormack import filters


def texture(seed: int, shape: tuple[int, ...] = (96, 96)) -> np.ndarray:
    """Return smooth noise on a gradient: what is normal here."""
    rng = np.random.default_rng(seed)
    image = filters.gaussian_filter(rng.normal(0, 30, shape).astype(np.float32), 1.0)
    return image + np.linspace(0, 40, shape[-1], dtype=np.float32)


def with_lesion(seed: int, shape: tuple[int, ...] = (96, 96)) -> tuple[np.ndarray, np.ndarray]:
    """Return such an image with a bright ball, and the ball."""
    rng = np.random.default_rng(1000 + seed)
    centre = [rng.integers(n // 5, n - n // 5) for n in shape]
    grids = np.ogrid[tuple(slice(n) for n in shape)]
    inside = sum((g - c) ** 2 for g, c in zip(grids, centre, strict=True)) <= 36
    return texture(seed, shape) + 45 * inside.astype(np.float32), inside


def write_network(folder: Path, patch: tuple[int, ...], weight: float, template: np.ndarray | float) -> Path:
    """Write a network that makes ``weight * image + template`` of an image."""
    onnx = pytest.importorskip("onnx")
    shape = ["n", 1, *patch]
    made = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [
            onnx.helper.make_node("Mul", ["image", "w"], ["scaled"]),
            onnx.helper.make_node("Add", ["scaled", "t"], ["out"]),
        ],
        "g",
        [made("image", onnx.TensorProto.FLOAT, shape)],
        [made("out", onnx.TensorProto.FLOAT, shape)],
        [
            onnx.numpy_helper.from_array(np.array([weight], np.float32), "w"),
            onnx.numpy_helper.from_array(np.broadcast_to(np.float32(template), (1, 1, *patch)).copy(), "t"),
        ],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)])
    model.ir_version = 9
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    card = {"name": "known", "task": "reconstruct", "patch": list(patch), "intensity": {"type": "none"}}
    (folder / "model.json").write_text(json.dumps(card))
    return folder / "model.onnx"


def auc(truth: np.ndarray, score: np.ndarray) -> float:
    """Area under the ROC curve by scikit-learn."""
    return float(pytest.importorskip("sklearn.metrics").roc_auc_score(np.ravel(truth), np.ravel(score)))


@pytest.fixture(scope="session")
def made() -> SimpleNamespace:
    """The functions above."""
    functions: dict[str, Callable[..., object]] = {
        "texture": texture,
        "with_lesion": with_lesion,
        "write_network": write_network,
        "auc": auc,
    }
    return SimpleNamespace(**functions)
