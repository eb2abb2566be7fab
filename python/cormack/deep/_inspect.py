"""What an ``.onnx`` file may be made of, looked at before ONNX Runtime sees a byte of it."""

from __future__ import annotations

import hashlib
import math
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .._errors import ModelRefused
from .._files import bytes_in_words
from ._card import Card

# What ONNX itself defines; "" is its first. Others (com.microsoft too) hold operators that read files.
_DOMAINS = {"", "ai.onnx", "ai.onnx.ml"}
_OLDEST_OPSET = 7
# After functions are put in where they are called.
_MOST_NODES = 2_000_000
_LARGEST_VALUE = 4 << 30
# Protobuf writes no more.
_MOST_BYTES = (1 << 31) - (1 << 20)


def checked_model(path: Path, data: bytes, card: Card, most: int, onnx: Any) -> tuple[bytes, str]:
    """Return the bytes for ONNX Runtime: the model with all its values inside, and nothing that was not looked at.

    And the SHA-256 of the values that lay in other files, "" where none did.
    """
    # An optimized model of ONNX Runtime, for which nothing here would be looked at.
    if data[4:8] == b"ORTM":
        raise ModelRefused(path, "is in ONNX Runtime's own format; export it as ONNX")
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except Exception as error:
        # The class comes with the version of protobuf.
        raise ModelRefused(path, f"is no ONNX model: {str(error)[:200]}") from None
    if not model.HasField("graph") or not model.graph.node:
        raise ModelRefused(path, "is no ONNX model: it has no graph with nodes")
    # What this version of onnx does not know was not looked at.
    model.DiscardUnknownFields()
    _check_opsets(path, model, onnx)
    _check_operators(path, model)
    values = _take_values_in(path, model, min(most, _MOST_BYTES))
    _check_ends(path, model.graph, card, onnx)
    return model.SerializeToString(), values


def _check_opsets(path: Path, model: Any, onnx: Any) -> None:
    newest = onnx.defs.onnx_opset_version()
    for used in (model, *model.functions):
        for opset in used.opset_import:
            if opset.domain in ("", "ai.onnx") and not _OLDEST_OPSET <= opset.version <= newest:
                raise ModelRefused(
                    path,
                    f"uses version {opset.version} of ONNX's operators (opset); this installation takes "
                    f"{_OLDEST_OPSET} to {newest}"
                    + ("; update onnx and onnxruntime" if opset.version > newest else ""),
                )
    if not any(opset.domain in ("", "ai.onnx") for opset in model.opset_import):
        raise ModelRefused(path, "does not say which version of ONNX's operators (opset) it uses")
    if model.ir_version > onnx.IR_VERSION:
        raise ModelRefused(path, f"has format version {model.ir_version}; this installation takes {onnx.IR_VERSION}")


def _graphs(graph: Any) -> Iterator[Any]:
    yield graph
    for node in graph.node:
        yield from _graphs_in(node.attribute)


def _graphs_in(attributes: Any) -> Iterator[Any]:
    for attribute in attributes:
        if attribute.HasField("g"):
            yield from _graphs(attribute.g)
        for inner in attribute.graphs:
            yield from _graphs(inner)


def _nodes(owner: Any) -> Iterator[Any]:
    """All nodes of a graph or a function, those of graphs within graphs too."""
    for node in owner.node:
        yield node
        for inner in _graphs_in(node.attribute):
            yield from inner.node
    # Of a function: what its attributes are where a call does not give them.
    for inner in _graphs_in(getattr(owner, "attribute_proto", ())):
        yield from inner.node


def _check_operators(path: Path, model: Any) -> None:
    functions = {(f.domain, f.name, getattr(f, "overload", "")): f for f in model.functions}
    if any(domain in _DOMAINS for domain, _, _ in functions):
        raise ModelRefused(path, "gives an operator of ONNX another meaning (a function in ONNX's own domain)")
    counts: dict[tuple[str, str, str], int] = {}

    def count(owner: Any, within: tuple[Any, ...]) -> int:
        total = 0
        for node in _nodes(owner):
            key = (node.domain, node.op_type, getattr(node, "overload", ""))
            if key in functions:
                if key in within or len(within) > 50:
                    raise ModelRefused(path, f"has a function {node.op_type!r} that calls itself, or calls too deep")
                if key not in counts:
                    counts[key] = count(functions[key], (*within, key))
                total += counts[key]
            elif node.domain not in _DOMAINS:
                raise ModelRefused(
                    path, f"uses the operator {node.op_type!r} of the domain {node.domain!r}; only ONNX's own are run"
                )
            total += 1
        if total > _MOST_NODES:
            raise ModelRefused(path, f"has more than {_MOST_NODES} nodes")
        return total

    training = [graph for info in model.training_info for graph in (info.initialization, info.algorithm)]
    for owner in (model.graph, *model.functions, *training):
        count(owner, ())


def _tensors(model: Any) -> Iterator[Any]:
    """Every stored value of a model, wherever it stands."""
    owners = [model.graph, *model.functions]
    owners += [graph for t in model.training_info for graph in (t.initialization, t.algorithm)]
    for owner in owners:
        graphs = _graphs(owner) if hasattr(owner, "initializer") else _graphs_of_function(owner)
        for graph in graphs:
            yield from graph.initializer
            for sparse in graph.sparse_initializer:
                yield from (sparse.values, sparse.indices)
        attributes = [a for node in _nodes(owner) for a in node.attribute]
        attributes += list(getattr(owner, "attribute_proto", ()))
        for attribute in attributes:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            sparses = [attribute.sparse_tensor] if attribute.HasField("sparse_tensor") else []
            for sparse in (*sparses, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)


def _graphs_of_function(function: Any) -> Iterator[Any]:
    for node in function.node:
        yield from _graphs_in(node.attribute)
    yield from _graphs_in(function.attribute_proto)


def _take_values_in(path: Path, model: Any, most: int) -> str:
    """Read what lies in other files of the model's folder into the model, and return its SHA-256."""
    files: dict[str, int] = {}
    digest, found = hashlib.sha256(), False
    left = most - model.ByteSize()
    for tensor in _tensors(model):
        if any(n < 0 for n in tensor.dims) or math.prod(tensor.dims) > most:
            raise ModelRefused(path, f"has a value {_name(tensor)} of shape {list(tensor.dims)[:8]}, over the limit")
        if tensor.data_location != tensor.EXTERNAL and not tensor.external_data:
            continue
        entries = {entry.key: entry.value for entry in tensor.external_data}
        data = _external(path, tensor, entries, files, left)
        left -= len(data)
        digest.update(data)
        found = True
        del tensor.external_data[:]
        tensor.data_location = tensor.DEFAULT
        tensor.raw_data = data
    return digest.hexdigest() if found else ""


def _external(path: Path, tensor: Any, entries: dict[str, str], files: dict[str, int], left: int) -> bytes:
    location = entries.get("location", "")
    where = _inside(path, tensor, location)
    numbers = {}
    for key in ("offset", "length"):
        text = entries.get(key, "")
        if text and not re.fullmatch("[0-9]{1,18}", text):
            raise ModelRefused(
                path, f"says for its value {_name(tensor)} {key} {text[:30]!r}, which is no number of bytes"
            )
        numbers[key] = int(text) if text else None
    size = files.setdefault(location, _size(where))
    offset = numbers["offset"] or 0
    length = size - offset if numbers["length"] is None else numbers["length"]
    if length < 0 or offset + length > size:
        raise ModelRefused(path, f"takes its value {_name(tensor)} from beyond the end of {location[:200]!r}")
    if length > left:
        raise ModelRefused(path, f"is with its values in {location[:200]!r} larger than the limit (max_bytes=)")
    try:
        with open(where, "rb") as file:
            file.seek(offset)
            data = file.read(length)
    except OSError as error:
        raise ModelRefused(where, f"cannot be read: {error.strerror}") from None
    if len(data) != length:
        raise ModelRefused(path, f"takes its value {_name(tensor)} from beyond the end of {location[:200]!r}")
    return data


def _inside(path: Path, tensor: Any, location: str) -> Path:
    """Return the file of a value, which must be a regular one inside the model's folder, reached through no link."""
    said = f"takes its value {_name(tensor)} from the file {location[:200]!r}"
    parts = location.replace("\\", "/").split("/")
    if not location or "\0" in location or os.path.isabs(location) or ":" in parts[0] or not parts[0]:
        raise ModelRefused(path, f"{said}: only relative paths inside its folder are followed")
    if any(part in ("", ".", "..") for part in parts):
        raise ModelRefused(path, f"{said}: only plain paths inside its folder are followed")
    where = path.parent
    for part in parts:
        where = where / part
        if where.is_symlink():
            raise ModelRefused(path, f"{said}, which leads through a link: links are not followed")
    if not where.resolve().is_relative_to(path.parent.resolve()):
        raise ModelRefused(path, f"{said}, outside its folder")
    if not where.is_file():
        raise ModelRefused(path, f"{said}, which is not there or no regular file")
    return where


def _size(path: Path) -> int:
    return path.stat().st_size


def _name(tensor: Any) -> str:
    return repr(str(tensor.name)[:80])


def _check_ends(path: Path, graph: Any, card: Card, onnx: Any) -> None:
    """Compare the graph's inputs and outputs with the card."""
    stored = {tensor.name for tensor in graph.initializer} | {s.values.name for s in graph.sparse_initializer}
    inputs = [value for value in graph.input if value.name not in stored]
    if len(inputs) != 1:
        raise ModelRefused(path, f"must have one input, the image; it has {len(inputs)}: {_names(inputs)}")
    shape: list[int | None] = [None, card.channels, *card.patch]
    _check_value(path, inputs[0], "input", shape, onnx, stated=True)
    outputs = list(graph.output)
    wanted = expected_outputs(card)
    if len(outputs) != len(wanted):
        raise ModelRefused(
            path,
            f"must have {len(wanted)} outputs for the task {card.task!r}; it has {len(outputs)}: {_names(outputs)}",
        )
    for name, expected in wanted.items():
        chosen = [value for value in outputs if value.name == name] if name else outputs
        if not chosen:
            raise ModelRefused(path, f"must have an output named {name!r}; it has {_names(outputs)}")
        _check_value(path, chosen[0], "output", expected, onnx, stated=False)


def expected_outputs(card: Card) -> dict[str, list[int | None]]:
    """Return the shapes of outputs by name, "" for the only one; None for what may be any."""
    count = len(card.labels)
    if card.task == "segment":
        return {"": [None, count, *card.patch]}
    if card.task == "reconstruct":
        return {"": [None, card.channels, *card.patch]}
    if card.task == "classify":
        return {"": [None, count]}
    return {"boxes": [None, None, 2 * card.ndim], "scores": [None, None, count]}


def _check_value(path: Path, value: Any, what: str, expected: list[int | None], onnx: Any, *, stated: bool) -> None:
    name = f"{what} {str(value.name)[:80]!r}"
    kind = value.type.WhichOneof("value")
    if kind != "tensor_type":
        raise ModelRefused(path, f"has an {name} that is a {kind}; a tensor is wanted")
    tensor = value.type.tensor_type
    accepted = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16)
    if tensor.elem_type not in accepted:
        names = {number: word for word, number in onnx.TensorProto.DataType.items()}
        found = names.get(tensor.elem_type, "unknown type").lower()
        raise ModelRefused(path, f"has an {name} of {found}; float or float16 is wanted")
    if not tensor.HasField("shape"):
        if stated:
            raise ModelRefused(path, f"does not say the shape of its {name}")
        return
    shape = [dim.dim_value if dim.HasField("dim_value") and dim.dim_value > 0 else None for dim in tensor.shape.dim]
    said = "(" + ", ".join(str(n or "any") for n in shape) + ")"
    wanted = "(" + ", ".join(str(n or "any") for n in expected) + ")"
    rank_fits = len(shape) == len(expected)
    if not rank_fits or any(a and b and a != b for a, b in zip(shape, expected, strict=True)):
        raise ModelRefused(path, f"has an {name} of shape {said}; its card says {wanted}")
    if 4 * math.prod(a or b or 1 for a, b in zip(shape, expected, strict=True)) > _LARGEST_VALUE:
        raise ModelRefused(path, f"has an {name} of shape {wanted}, over {bytes_in_words(_LARGEST_VALUE)}")


def _names(values: list[Any]) -> str:
    return ", ".join(repr(str(value.name)[:40]) for value in values[:8]) or "none"
