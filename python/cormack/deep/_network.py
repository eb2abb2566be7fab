"""Networks: loaded after a look at what they are made of, run by ONNX Runtime."""

from __future__ import annotations

import hashlib
import importlib
import os
from pathlib import Path
from typing import Any

import numpy as np

from .. import _check
from .._config import get_num_threads
from .._errors import BackendUnavailable, ModelRefused
from ._card import Card, find_card, read_bytes, read_card
from ._inspect import checked_model, expected_outputs

# ONNX Runtime's providers. On a GPU it would round products to 10 bits and time kernels to choose one, if not told.
_DEVICES: dict[str, tuple[str, dict[str, str]]] = {
    "cpu": ("CPUExecutionProvider", {}),
    "cuda": ("CUDAExecutionProvider", {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}),
}
_LARGEST_MODEL = 1 << 30


class Network:
    """A network with its card, ready to run; `load` makes it.

    Attributes
    ----------
    card : Card
        What it takes and gives.
    path : Path
        The ``.onnx`` file.
    sha256 : str
        Of that file.
    values_sha256 : str
        Of its values that lie in other files, "" where all are in that one.
    device : {"cpu", "cuda"}
        Where it runs.
    batch : int or None
        The number of patches that it was exported for; None: any.

    Notes
    -----
    It may be used by several threads at once, and be sent to another process, which reads the file again and refuses
    one that has changed meanwhile.
    """

    def __init__(
        self, session: Any, card: Card, path: Path, checksums: tuple[str, str], device: str, arguments: tuple[Any, ...]
    ) -> None:
        self.card, self.path, self.device = card, path, device
        self.sha256, self.values_sha256 = checksums
        self._session, self._arguments = session, arguments
        (given,) = session.get_inputs()
        self._input = given.name
        self._kind = np.float16 if "float16" in given.type else np.float32
        # ONNX Runtime gives a name or None where any number will do.
        self.batch = given.shape[0] if isinstance(given.shape[0], int) else None
        self._outputs = [name or session.get_outputs()[0].name for name in expected_outputs(card)]

    def __repr__(self) -> str:
        patch = " x ".join(map(str, self.card.patch))
        return f"Network({self.card.name!r}, {self.card.task}, patch {patch}, {self.device})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _loaded_again, (self.path, (self.sha256, self.values_sha256), self.card, *self._arguments)

    def run(self, batch: np.ndarray) -> list[np.ndarray]:
        """Run the network on patches that are prepared as its card says.

        Parameters
        ----------
        batch : ndarray, shape ``(n, channels, *patch)``
            n is any number, whatever batch the network was exported for.

        Returns
        -------
        list of ndarray
            float32, n first: the output; of a detector boxes and scores.

        Raises
        ------
        ValueError
            The batch has another shape, or what comes out has not the shape that the card says.
        RuntimeError
            ONNX Runtime fails, for instance for want of memory.
        """
        expected = (self.card.channels, *self.card.patch)
        if batch.ndim != len(expected) + 1 or batch.shape[1:] != expected:
            raise ValueError(f"run: `batch` must have shape (n, {', '.join(map(str, expected))}), got {batch.shape}")
        data = np.ascontiguousarray(batch, self._kind)
        if self.batch in (None, len(data)):
            return self._run(data)
        parts = []
        for first in range(0, len(data), self.batch):
            part = data[first : first + self.batch]
            filled = np.zeros((self.batch, *expected), self._kind)
            filled[: len(part)] = part
            parts.append([output[: len(part)] for output in self._run(filled)])
        return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]

    def _run(self, data: np.ndarray) -> list[np.ndarray]:
        try:
            results = self._session.run(self._outputs, {self._input: data})
        except Exception as error:
            # ONNX Runtime's own classes of errors have no public name.
            words = " ".join(str(error).split())[:400]
            raise RuntimeError(f"run: ONNX Runtime failed in the network {self.card.name!r}: {words}") from error
        shapes = expected_outputs(self.card).values()
        for result, expected in zip(results, shapes, strict=True):
            wanted = [len(data), *expected[1:]]
            if result.ndim != len(wanted) or any(b and a != b for a, b in zip(result.shape, wanted, strict=True)):
                raise ValueError(
                    f"run: the network {self.card.name!r} gave an output of shape {result.shape}; its card says "
                    f"({', '.join(str(n or 'any') for n in wanted)})"
                )
        return [np.asarray(result, np.float32) for result in results]


def load(
    path: str | os.PathLike[str], *, device: str = "cpu", workers: int | None = None, max_bytes: int = _LARGEST_MODEL
) -> Network:
    """Load a network and its card, after a look at what it is made of.

    Parameters
    ----------
    path : path
        An ``.onnx`` file, or a folder with one. Its card lies beside it, under the same name or as ``model``, ending in
        ``.json`` or ``.yaml``: docs/models.md says what stands in it.
    device : {"cpu", "cuda"}, default "cpu"
        Where it runs; "cuda" needs onnxruntime-gpu.
    workers : int, optional
        Number of threads; default: the library's setting.
    max_bytes : int, default 1 GiB
        The largest model, with all its values.

    Returns
    -------
    Network

    Raises
    ------
    ModelRefused
        The model is refused: there is no card or it does not fit the graph (number, types and shapes of inputs and
        outputs), a checksum in the card is not the file's, values lie in a file outside the folder or behind a link,
        operators are not ONNX's own or of a version that is not known here, or something is larger than allowed.
    BackendUnavailable
        onnxruntime or onnx is not installed, or runs on no such device here.

    Notes
    -----
    All is looked at before ONNX Runtime sees a byte, and what it gets is what was looked at: it opens no file. Results
    do not depend on the number of threads. Nothing is sent anywhere.

    Examples
    --------
    >>> from pathlib import Path
    >>> import cormack
    >>> from cormack import deep
    >>> deep.load(Path(cormack.__file__).parent / "models" / "ct-lung-nodules")
    Network('Lung nodules on generated chests', segment, patch 32 x 96 x 96, cpu)
    """
    name = "load"
    _check.choice(name, "device", device, _DEVICES)
    threads = _check.workers(name, workers) or get_num_threads()
    most = _check.integer(name, "max_bytes", max_bytes, minimum=1)
    file = _model_file(Path(path))
    card = read_card(find_card(file))
    runtime, onnx = _library("onnxruntime"), _library("onnx")
    data = read_bytes(file, most, " (max_bytes=)")
    digest = hashlib.sha256(data).hexdigest()
    if card.sha256 not in (None, digest):
        raise ModelRefused(file, "is not the file that its card was written for (sha256 differs)")
    model, values = checked_model(file, data, card, most, onnx)
    del data
    session = _session(file, model, device, threads, runtime)
    return Network(session, card, file, (digest, values), device, (device, workers, max_bytes))


def load_card(path: str | os.PathLike[str]) -> Card:
    """Read the card of a network alone; ONNX Runtime is not needed.

    Parameters
    ----------
    path : path
        See `load`.

    Returns
    -------
    Card

    Raises
    ------
    ModelRefused
        There is no card, or it is wrong; the message names the field.

    Examples
    --------
    >>> from pathlib import Path
    >>> import cormack
    >>> from cormack import deep
    >>> deep.load_card(Path(cormack.__file__).parent / "models" / "ct-lung-nodules").labels
    ('nodule',)
    """
    return read_card(find_card(_model_file(Path(path))))


def _loaded_again(
    path: Path, checksums: tuple[str, str], card: Card, device: str, workers: int | None, max_bytes: int
) -> Network:
    network = load(path, device=device, workers=workers, max_bytes=max_bytes)
    if (network.sha256, network.values_sha256) != checksums or network.card != card:
        raise ModelRefused(path, "has changed since it was loaded")
    return network


def _model_file(path: Path) -> Path:
    if path.is_dir():
        found = sorted(path.glob("*.onnx"))
        if len(found) != 1:
            names = ", ".join(file.name for file in found[:8]) or "none"
            raise ModelRefused(path, f"must hold one .onnx file, it has {names}")
        return found[0]
    if not path.exists():
        raise ModelRefused(path, "there is no such file or folder")
    if path.suffix.lower() != ".onnx":
        raise ModelRefused(path, "is no .onnx file")
    return path


def _library(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise BackendUnavailable(f'{module} is needed to run networks; pip install "cormack[onnx]"') from error


def _session(path: Path, model: bytes, device: str, threads: int, runtime: Any) -> Any:
    provider, settings = _DEVICES[device]
    if provider not in runtime.get_available_providers():
        raise BackendUnavailable(
            f"load: this onnxruntime does not run on {device!r}; for CUDA install onnxruntime-gpu in its place"
        )
    runtime.disable_telemetry_events()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    # Errors come as exceptions; the rest would go to standard error.
    options.log_severity_level = 4
    options.add_session_config_entry("session.load_model_format", "ONNX")
    # Waiting threads leave the processors to the work between two runs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = runtime.InferenceSession(model, options, providers=[(provider, settings)], enable_fallback=0)
        # Names that are no text come out here.
        _ = [(value.name, value.shape) for value in (*session.get_inputs(), *session.get_outputs())]
    except Exception as error:
        # Its classes share no base but this one.
        raise ModelRefused(path, f"ONNX Runtime cannot run it: {' '.join(str(error).split())[:400]}") from None
    if session.get_providers()[0] != provider:
        raise BackendUnavailable(f"load: onnxruntime found no device for {device!r}")
    return session
