"""A volume of 256 x 256 x 200 through a small 3-D U-Net of 2 MB: memory, equality with MONAI, time outside it.

    python benchmarks/deep_windows.py make FOLDER
    python benchmarks/deep_windows.py memory FOLDER      # beyond what the network itself takes
    python benchmarks/deep_windows.py time FOLDER        # of it inside ONNX Runtime
    python benchmarks/deep_windows.py agree FOLDER       # with MONAI's sliding_window_inference; needs torch, monai

Each is a process of its own, so that its peak is its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from cormack import deep

SHAPE = (200, 256, 256)
PATCH = (64, 96, 96)
CHANNELS = (10, 20, 40, 80)
LABELS = ["background", "lung", "nodule"]


def unet() -> bytes:
    """Three levels of two convolutions each, random weights, half a million of them."""
    random = np.random.default_rng(0)
    nodes, weights = [], []

    def convolved(source: str, name: str, count: int, into: int, size: int = 3) -> str:
        shape = (into, count, size, size, size)
        scale = np.sqrt(2 / np.prod(shape[1:]))
        weights.append(numpy_helper.from_array((random.normal(size=shape) * scale).astype(np.float32), f"{name}.w"))
        pads = [size // 2] * 6
        nodes.append(helper.make_node("Conv", [source, f"{name}.w"], [name], pads=pads))
        if size == 1:
            return name
        nodes.append(helper.make_node("Relu", [name], [f"{name}.r"]))
        return f"{name}.r"

    at, count, kept = "image", 1, []
    for level, into in enumerate(CHANNELS):
        at = convolved(convolved(at, f"d{level}a", count, into), f"d{level}b", into, into)
        count = into
        if level < len(CHANNELS) - 1:
            kept.append((at, into))
            nodes.append(helper.make_node("MaxPool", [at], [f"p{level}"], kernel_shape=[2] * 3, strides=[2] * 3))
            at = f"p{level}"
    weights.append(numpy_helper.from_array(np.array([1, 1, 2, 2, 2], np.float32), "twice"))
    for level, (other, into) in reversed(list(enumerate(kept))):
        nodes.append(helper.make_node("Resize", [at, "", "twice"], [f"u{level}"], mode="nearest"))
        nodes.append(helper.make_node("Concat", [f"u{level}", other], [f"c{level}"], axis=1))
        at = convolved(convolved(f"c{level}", f"e{level}a", count + into, into), f"e{level}b", into, into)
        count = into
    at = convolved(at, "out", count, len(LABELS), 1)
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", channels, *PATCH])
        for name, channels in (("image", 1), ("out", len(LABELS)))
    ]
    graph = helper.make_graph(nodes, "unet", ends[:1], ends[1:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    return model.SerializeToString()


def make(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    card = {
        "name": "random U-Net",
        "task": "segment",
        "patch": PATCH,
        "labels": LABELS,
        "activation": "softmax",
        "intensity": {"type": "window", "low": -1000, "high": 400},
    }
    (folder / "model.onnx").write_bytes(unet())
    (folder / "model.json").write_text(json.dumps(card))
    print(f"network {(folder / 'model.onnx').stat().st_size / 1e6:.2f} MB")


def volume(seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    axes = np.meshgrid(*[np.linspace(-1, 1, n, dtype=np.float32) for n in SHAPE], indexing="ij", sparse=True)
    body = sum(axis**2 for axis in axes) < 0.8
    return np.where(body, 40, -1000).astype(np.int16) + random.integers(-90, 90, SHAPE, np.int16)


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def memory(folder: Path, threads: int) -> None:
    network = deep.load(folder, workers=threads)
    image = volume()
    network.run(np.zeros((1, 1, *PATCH), np.float32))
    before = peak()
    deep.segment(image, network, workers=threads)
    print(
        f"peak {peak():.3f} GB, {peak() - before:.3f} GB beyond the image and one run of the network ({before:.3f} GB)"
    )


def seconds(folder: Path, threads: int) -> None:
    network = deep.load(folder, workers=threads)
    image = volume()
    session, inside, runs = network._session, 0.0, 0

    class Timed:
        def run(self, *given: object) -> object:
            nonlocal inside, runs
            start = time.perf_counter()
            result = session.run(*given)
            inside += time.perf_counter() - start
            runs += 1
            return result

    network._session = Timed()
    start, cpu = time.perf_counter(), time.process_time()
    deep.segment(image, network, workers=threads)
    total, cpu = time.perf_counter() - start, time.process_time() - cpu
    print(f"{total:.1f} s ({cpu:.1f} s of CPU), {inside:.1f} s in ONNX Runtime: {inside / total:.1%}, {runs} windows")


def agree(folder: Path, threads: int) -> None:
    import torch
    from monai.inferers import sliding_window_inference

    torch.set_num_threads(threads)
    network = deep.load(folder, workers=threads)
    image = volume()
    with torch.no_grad():
        expected = sliding_window_inference(
            torch.from_numpy(deep.normalize(image, network))[None, None],
            PATCH,
            1,
            lambda batch: torch.from_numpy(network.run(batch.numpy())[0]),
            0.25,
            mode="gaussian",
        )[0]
    raw = np.stack(deep.apply(image, network, workers=threads))
    print(f"outputs up to {np.abs(raw).max():.3g} differ by up to {np.abs(raw - expected.numpy()).max():.3g}")
    del raw
    chances = torch.softmax(expected, 0).numpy()
    labels, found = deep.segment(image, network, probabilities=True, workers=threads)
    worst = max(float(np.abs(found[name] - chances[k]).max()) for k, name in enumerate(LABELS))
    print(f"probabilities differ by up to {worst:.3g}, labels in {int((labels != chances.argmax(0)).sum())} voxels")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["make", "memory", "time", "agree"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    if given.what == "make":
        make(given.folder)
    else:
        {"memory": memory, "time": seconds, "agree": agree}[given.what](given.folder, given.threads)


if __name__ == "__main__":
    main()
