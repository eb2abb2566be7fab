"""What is loaded and what is refused, before ONNX Runtime sees it."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import pickle
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import cormack
from cormack import deep

PATCH = (4, 5, 6)
SEGMENT = {"task": "segment", "patch": list(PATCH), "labels": ["background", "a"], "activation": "softmax"}


@pytest.fixture
def convolution(models):
    return models.convolution(PATCH)[0]


@pytest.fixture(autouse=True)
def runtime(monkeypatch):
    """Count the sessions that ONNX Runtime is asked for."""
    import onnxruntime

    made = []
    session = onnxruntime.InferenceSession

    def counted(*args, **rest):
        made.append(args)
        return session(*args, **rest)

    monkeypatch.setattr(onnxruntime, "InferenceSession", counted)
    return made


@pytest.fixture
def refused(tmp_path, models, runtime):
    """Write a network and its card; say why they are refused, which ONNX Runtime does not take part in."""

    def reason(model, card=SEGMENT, **rest):
        folder = models.write(tmp_path / "net", model, dict(card))
        with pytest.raises(deep.ModelRefused) as caught:
            deep.load(folder, **rest)
        assert not runtime
        assert str(folder) in str(caught.value)
        return caught.value.reason

    return reason


def external(tensor, location, **rest):
    """Say that the values of a tensor lie in a file."""
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **rest}.items():
        tensor.external_data.add(key=key, value=str(value))


def test_a_file_or_its_folder(tmp_path, models, convolution, runtime):
    folder = models.write(tmp_path / "net", convolution, SEGMENT)
    for path in (folder, str(folder), folder / "model.onnx"):
        network = deep.load(path, workers=1)
        assert network.card.name == "tiny"
        assert network.path == folder / "model.onnx"
        assert network.run(np.zeros((3, 1, *PATCH)))[0].shape == (3, 2, *PATCH)
    assert len(runtime) == 3
    options = runtime[0][1]
    assert options.intra_op_num_threads == 1
    assert isinstance(runtime[0][0], bytes)
    with pytest.raises(ValueError, match="must have shape"):
        network.run(np.zeros((1, 2, *PATCH)))


def test_cards_in_yaml_and_under_the_name_of_the_model(tmp_path, models, convolution):
    folder = models.write(tmp_path, convolution, SEGMENT)
    text = (folder / "model.json").read_text()
    (folder / "model.json").rename(folder / "model.yaml")
    assert deep.load(folder).card.labels == ("background", "a")
    (folder / "model.onnx").rename(folder / "lungs.onnx")
    assert deep.load(folder).card.version == ""
    (folder / "lungs.json").write_text(json.dumps(json.loads(text) | {"version": "2"}))
    assert deep.load(folder).card.version == "2"
    (folder / "lungs.yml").write_text(text)
    with pytest.raises(deep.ModelRefused, match="several cards"):
        deep.load(folder)


def test_a_network_travels_to_other_processes(tmp_path, models, convolution):
    folder = models.write(tmp_path, convolution, SEGMENT)
    network = deep.load(folder, workers=1)
    data = np.random.default_rng(0).normal(size=(1, 1, *PATCH))
    sent = pickle.dumps(network)
    np.testing.assert_array_equal(pickle.loads(sent).run(data)[0], network.run(data)[0])
    (folder / "model.onnx").write_bytes(models.convolution(PATCH, seed=1)[0].SerializeToString())
    with pytest.raises(deep.ModelRefused, match="has changed"):
        pickle.loads(sent)


def test_no_model_and_several(tmp_path, models, convolution):
    with pytest.raises(deep.ModelRefused, match="no such file"):
        deep.load(tmp_path / "x.onnx")
    with pytest.raises(deep.ModelRefused, match=r"must hold one \.onnx file, it has none"):
        deep.load(tmp_path)
    (tmp_path / "weights.pt").write_bytes(b"PK")
    with pytest.raises(deep.ModelRefused, match=r"is no \.onnx file"):
        deep.load(tmp_path / "weights.pt")
    folder = models.write(tmp_path / "net", convolution, SEGMENT)
    (folder / "model.json").unlink()
    with pytest.raises(deep.ModelRefused, match="has no card"):
        deep.load(folder)
    (folder / "b.onnx").write_bytes(b"")
    with pytest.raises(deep.ModelRefused, match=r"it has b.onnx, model.onnx"):
        deep.load(folder)


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("../secret", "plain paths"),
        ("a/../../secret", "plain paths"),
        ("/etc/hostname", "relative paths"),
        ("C:\\secret", "relative paths"),
        ("..\\secret", "plain paths"),
        ("", "relative paths"),
        ("*/_ORT_MEM_ADDR_/*", "not there"),
        ("link", "leads through a link"),
        ("links/secret", "leads through a link"),
        ("missing", "not there"),
        ("folder", "no regular file"),
        ("pipe", "no regular file"),
    ],
)
def test_values_outside_the_folder(refused, tmp_path, convolution, location, reason):
    (tmp_path / "net" / "folder").mkdir(parents=True)
    (tmp_path / "secret").write_bytes(bytes(4096))
    (tmp_path / "net" / "link").symlink_to(tmp_path / "secret")
    (tmp_path / "net" / "links").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "net" / "pipe")
    external(convolution.graph.initializer[0], location)
    assert reason in refused(convolution)


def test_values_inside_the_folder(tmp_path, models, convolution, refused, runtime):
    tensor = convolution.graph.initializer[0]
    expected = deep.load(models.write(tmp_path / "whole", convolution, SEGMENT), workers=1)
    data = tensor.raw_data
    external(tensor, "parts/weights.bin", offset=100, length=len(data))
    folder = tmp_path / "net"
    (folder / "parts").mkdir(parents=True)
    (folder / "parts" / "weights.bin").write_bytes(bytes(100) + data + bytes(50))
    models.write(folder, convolution, SEGMENT)
    network = deep.load(folder, workers=1)
    image = np.random.default_rng(0).normal(size=(1, 1, *PATCH))
    np.testing.assert_array_equal(network.run(image)[0], expected.run(image)[0])
    # What lies elsewhere is of the network too.
    sent = pickle.dumps(network)
    assert (network.values_sha256, expected.values_sha256) == (hashlib.sha256(data).hexdigest(), "")
    (folder / "parts" / "weights.bin").write_bytes(bytes(150 + len(data)))
    with pytest.raises(deep.ModelRefused, match="has changed"):
        pickle.loads(sent)
    runtime.clear()
    assert "larger than the limit" in refused(convolution, max_bytes=convolution.ByteSize() + 50)
    (folder / "parts" / "weights.bin").write_bytes(bytes(100))
    assert "beyond the end" in refused(convolution)
    tensor.external_data[1].value = "-5"
    assert "no number of bytes" in refused(convolution)


def hidden(place):
    """Return a network with a value from another file in an unusual place."""
    away = TensorProto(name="away", dims=[1], data_type=TensorProto.FLOAT)
    external(away, "../secret")
    outputs = [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", 2, *PATCH])]
    inputs = [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 1, *PATCH])]
    concat = helper.make_node("Concat", ["image", "image"], ["out"], axis=1)
    constant = helper.make_node("Constant", [], ["c"], value=away)
    opset = [helper.make_opsetid("", 17)]
    rest, nodes, initializers = {"opset_imports": opset}, [concat], []
    if place == "attribute":
        nodes.append(constant)
    elif place == "subgraph" or place == "subgraph initializer":
        inner = [constant] if place == "subgraph" else [helper.make_node("Identity", ["away"], ["c"])]
        body = helper.make_graph(
            inner,
            "then",
            [],
            [helper.make_tensor_value_info("c", TensorProto.FLOAT, [1])],
            [] if place == "subgraph" else [away],
        )
        initializers = [numpy_helper.from_array(np.array(True), "yes")]
        nodes.append(helper.make_node("If", ["yes"], ["d"], then_branch=body, else_branch=body))
    elif place == "function":
        nodes.append(helper.make_node("f", [], ["e"], domain="own"))
        rest["functions"] = [helper.make_function("own", "f", [], ["c"], [constant], opset)]
        opset.append(helper.make_opsetid("own", 1))
    elif place == "default of a function":
        nodes.append(helper.make_node("f", [], ["e"], domain="own"))
        body = helper.make_graph([constant], "g", [], [helper.make_tensor_value_info("c", TensorProto.FLOAT, [1])])
        default = helper.make_attribute("body", body)
        function = helper.make_function("own", "f", [], ["c"], [helper.make_node("Identity", ["c"], ["d"])], opset)
        function.attribute_proto.append(default)
        rest["functions"] = [function]
        opset.append(helper.make_opsetid("own", 1))
    elif place == "sparse":
        indices = numpy_helper.from_array(np.array([0]), "indices")
        sparse = helper.make_sparse_tensor(away, indices, [4])
        nodes.append(helper.make_node("Constant", [], ["c"], sparse_value=sparse))
    model = helper.make_model(helper.make_graph(nodes, "g", inputs, outputs, initializers), **rest)
    if place == "training":
        info = model.training_info.add()
        info.initialization.initializer.append(away)
    elif place == "sparse initializer":
        indices = numpy_helper.from_array(np.array([0]), "indices")
        model.graph.sparse_initializer.append(helper.make_sparse_tensor(away, indices, [4]))
    model.ir_version = 10
    return model


@pytest.mark.parametrize(
    "place",
    [
        "attribute",
        "subgraph",
        "subgraph initializer",
        "function",
        "default of a function",
        "sparse",
        "training",
        "sparse initializer",
    ],
)
def test_values_outside_the_folder_in_unusual_places(refused, place):
    assert "'../secret': only plain paths" in refused(hidden(place))


def test_operators_that_are_not_onnx(refused, models):
    def graph(**rest):
        return helper.make_graph(
            [helper.make_node("Doubled", ["image"], ["out"], **rest)],
            "g",
            [models.value("image", ["n", 1, *PATCH])],
            [models.value("out", ["n", 2, *PATCH])],
        )

    assert "the domain 'com.acme'" in refused(models.model_of(graph(domain="com.acme")))
    assert "the domain 'com.microsoft'" in refused(models.model_of(graph(domain="com.microsoft")))
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]

    def function(domain, called, of):
        nodes = [helper.make_node(called, ["x", "x"], ["y"], domain=of, **({} if of else {"axis": 1}))]
        return helper.make_function(domain, "Doubled", ["x"], ["y"], nodes, opsets)

    itself = models.model_of(graph(domain="own"), functions=[function("own", "Doubled", "own")])
    assert "calls itself" in refused(itself)
    other = models.model_of(graph(), functions=[function("", "Concat", "")])
    assert "another meaning" in refused(other)


def test_functions_of_the_model_run(tmp_path, models):
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    nodes = [helper.make_node("Concat", ["x", "x"], ["y"], axis=1)]
    graph = helper.make_graph(
        [helper.make_node("Doubled", ["image"], ["out"], domain="own")],
        "g",
        [models.value("image", ["n", 1, *PATCH])],
        [models.value("out", ["n", 2, *PATCH])],
    )
    function = helper.make_function("own", "Doubled", ["x"], ["y"], nodes, opsets[:1])
    model = helper.make_model(graph, functions=[function], opset_imports=opsets)
    model.ir_version = 9
    network = deep.load(models.write(tmp_path, model, SEGMENT), workers=1)
    np.testing.assert_array_equal(network.run(np.ones((1, 1, *PATCH)))[0], np.ones((1, 2, *PATCH)))


def test_opsets(refused, convolution):
    convolution.opset_import[0].version = 5
    assert "version 5 of ONNX's operators" in refused(convolution)
    convolution.opset_import[0].version = onnx.defs.onnx_opset_version() + 1
    assert "update onnx and onnxruntime" in refused(convolution)
    del convolution.opset_import[:]
    assert "does not say which version" in refused(convolution)
    convolution.opset_import.add(domain="", version=17)
    convolution.ir_version = 99
    assert "format version 99" in refused(convolution)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"patch": [4, 5, 7]}, "input 'image' of shape (any, 1, 4, 5, 6); its card says (any, 1, 4, 5, 7)"),
        ({"patch": [5, 6]}, "its card says (any, 1, 5, 6)"),
        ({"channels": 2}, "its card says (any, 2, 4, 5, 6)"),
        ({"labels": ["background", "a", "b"]}, "output 'out' of shape (any, 2, 4, 5, 6); its card says (any, 3,"),
        ({"task": "classify"}, "output 'out' of shape (any, 2, 4, 5, 6); its card says (any, 2)"),
        ({"task": "detect"}, "must have 2 outputs"),
        ({"sha256": "0" * 64}, "sha256 differs"),
    ],
)
def test_graphs_that_the_card_does_not_fit(refused, convolution, change, reason):
    assert reason in refused(convolution, SEGMENT | change)


def test_inputs_and_outputs(refused, models, convolution):
    graph = convolution.graph
    graph.input.append(models.value("more", [1]))
    assert "must have one input, the image; it has 2: 'image', 'more'" in refused(convolution)
    del graph.input[1]
    graph.input[0].type.tensor_type.elem_type = TensorProto.INT64
    assert "of int64; float or float16 is wanted" in refused(convolution)
    graph.input[0].type.tensor_type.ClearField("shape")
    graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT
    assert "does not say the shape" in refused(convolution)
    graph.input[0].CopyFrom(models.value("image", ["n", 1, 1 << 13, 1 << 13, 1 << 13]))
    huge = SEGMENT | {"patch": [1 << 13] * 3}
    assert "over 4 GiB" in refused(convolution, huge)


def test_files_that_are_no_models(tmp_path, models, convolution):
    folder = models.write(tmp_path, convolution, SEGMENT)
    for content, reason in [
        (b"", "no graph"),
        (b"\x80\x04\x95not a model", "no ONNX model"),
        (b"\x18\x00\x00\x00ORTM" + bytes(100), "ONNX Runtime's own format"),
    ]:
        (folder / "model.onnx").write_bytes(content)
        with pytest.raises(deep.ModelRefused, match=reason):
            deep.load(folder)
    (folder / "model.onnx").write_bytes(convolution.SerializeToString())
    with pytest.raises(deep.ModelRefused, match="is larger than 100 bytes"):
        deep.load(folder, max_bytes=100)
    (folder / "model.onnx").unlink()
    os.mkfifo(folder / "model.onnx")
    with pytest.raises(deep.ModelRefused, match="no regular file"):
        deep.load(folder)


def test_what_onnx_runtime_cannot_run_is_refused(tmp_path, models, convolution):
    convolution.graph.node[0].op_type = "Convolved"
    with pytest.raises(deep.ModelRefused, match="ONNX Runtime cannot run it"):
        deep.load(models.write(tmp_path, convolution, SEGMENT))


def test_changed_bytes_never_end_in_another_error(tmp_path, models, convolution):
    folder = models.write(tmp_path, convolution, SEGMENT)
    good = (folder / "model.onnx").read_bytes()
    random = np.random.default_rng(7)
    for _ in range(300):
        data = bytearray(good)
        for place in random.integers(0, len(data), random.integers(1, 4)):
            data[place] = random.integers(256)
        (folder / "model.onnx").write_bytes(data)
        with contextlib.suppress(deep.ModelRefused):
            deep.load(folder, workers=1)


def test_an_output_of_another_shape_than_the_card_says(tmp_path, models, convolution):
    convolution.graph.output[0].type.tensor_type.ClearField("shape")
    folder = models.write(tmp_path, convolution, SEGMENT | {"labels": ["background", "a", "b"]})
    with pytest.raises(ValueError, match=r"gave an output of shape \(1, 2, 4, 5, 6\); its card says \(1, 3, 4, 5, 6\)"):
        deep.segment(np.zeros(PATCH), deep.load(folder))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"tasks": "segment"}, "unknown field 'tasks'; did you mean 'task'"),
        ({"task": "colour"}, "`task` must be one of segment, classify, detect, reconstruct, got 'colour'"),
        ({"name": " "}, "`name` must be text"),
        ({"format": 2}, "`format` must be 1"),
        ({"patch": [4]}, "`patch` must be two or three whole numbers"),
        ({"patch": [4, 5, 0]}, "`patch` must be"),
        ({"patch": [4, 5, 1 << 40]}, "`patch` must be"),
        ({"labels": []}, "`labels` must name the channels"),
        ({"labels": ["a", "a"]}, "`labels` must be different names"),
        ({"background": "air"}, "`background` must be one of the labels"),
        ({"spacing_mm": [1, 1]}, "`spacing_mm` must be 3 numbers"),
        ({"spacing_mm": [1, 1, 0]}, "`spacing_mm` must be above 0"),
        ({"channels": True}, "`channels` must be a whole number"),
        ({"activation": "relu"}, "`activation` must be one of softmax, sigmoid, none"),
        ({"threshold": 10**400}, "`threshold` must be a number from 0 to 1"),
        ({"name": "a\x1b[2J"}, "`name` must be printable text"),
        ({"note": "\ud800"}, "`note` must be printable text"),
        ({"labels": ["a\nb"]}, "`labels` must be a list of printable names"),
        ({"threshold": 2}, "`threshold` must be a number from 0 to 1"),
        ({"orientation": "XYZ"}, "`orientation` must be three letters"),
        ({"orientation": "RLS"}, "one letter of each pair"),
        ({"sha256": "abc"}, "64 hexadecimal digits"),
        ({"boxes": {"format": "polygon"}}, "`boxes` takes format"),
        ({"intensity": {"type": "hounsfield"}}, "`intensity` must be a mapping with a `type`"),
        ({"intensity": {"type": "window", "low": 0}}, "needs `low` and `high`"),
        ({"intensity": {"type": "window", "low": 0, "high": 0}}, "`intensity.low` must lie below `high`"),
        ({"intensity": {"type": "window", "low": 0, "high": 1, "out": [0]}}, "`intensity.out` must be 2 numbers"),
        ({"intensity": {"type": "zscore", "mean": 0}}, "`mean` and a `std` above 0"),
        ({"intensity": {"type": "zscore", "center": 0}}, "`intensity.center` is unknown"),
        ({"intensity": {"type": "percentile", "low": 1, "high": 101}}, "both from 0 to 100"),
    ],
)
def test_cards_with_mistakes(refused, convolution, change, reason):
    assert reason in refused(convolution, SEGMENT | change)


def test_cards_that_cannot_be_read(tmp_path, models, convolution):
    folder = models.write(tmp_path, convolution, SEGMENT)
    names = [f"n{i}" for i in range(60)]
    bomb = "metrics:\n  n: &n0 [x, x]\n"
    bomb += "".join(f"  {b}: &{b} [*{a}, *{a}]\n" for a, b in itertools.pairwise(names))
    for name, text, reason in [
        ("model.json", "{", "not valid JSON"),
        ("model.json", "[" * 100_000, "not valid JSON"),
        ("model.json", '{"name": "a", "name": "b"}', "gives 'name' twice"),
        ("model.json", "[]", "is no card"),
        ("model.json", '{"name": "' + "x" * (1 << 20) + '"}', "larger than 1 MiB"),
        ("model.json", "\udcff", "not UTF-8"),
        ("model.json", '{"name": ' + "1" * 5000 + "}", "not valid JSON"),
        ("model.yaml", "name: [", "not valid YAML in line"),
        ("model.yaml", "name: a\nname: b", "line 2: key 'name' is given twice"),
        ("model.yaml", "version: 2020-13-45", "not valid YAML: month must be"),
        ("model.yaml", 'name: "\a"', "not valid YAML: unacceptable character"),
        ("model.yaml", "name: !!python/object/apply:os.system [ls]", "not valid YAML"),
        (
            "model.yaml",
            bomb + "labels: *n59\npatch: [1, 1]\ntask: segment\n",
            "`labels` must be a list of printable names",
        ),
    ]:
        for old in (*folder.glob("*.json"), *folder.glob("*.yaml")):
            old.unlink()
        (folder / name).write_text(text, "utf-8", "surrogateescape")
        with pytest.raises(deep.ModelRefused, match=reason) as caught:
            deep.load(folder)
        assert len(str(caught.value)) < 1000
        assert "\n" not in str(caught.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_a_pipe_in_place_of_a_card_is_not_waited_for(tmp_path, models, convolution):
    folder = models.write(tmp_path, convolution, SEGMENT)
    (folder / "model.json").unlink()
    os.mkfifo(folder / "model.json")
    with pytest.raises(deep.ModelRefused, match=r"model\.json: is no regular file"):
        deep.load(folder)


def test_fixed_batches_and_half_precision(tmp_path, models):
    weights = np.ones((2, 1, 1, 1), np.float16)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["image", "w"], ["out"])],
        "g",
        [models.value("image", [2, 1, 4, 4], TensorProto.FLOAT16)],
        [models.value("out", [2, 2, 4, 4], TensorProto.FLOAT16)],
        [numpy_helper.from_array(weights, "w")],
    )
    card = SEGMENT | {"patch": [4, 4]}
    network = deep.load(models.write(tmp_path, models.model_of(graph), card), workers=1)
    data = np.arange(5 * 16, dtype=np.float32).reshape(5, 1, 4, 4)
    (result,) = network.run(data)
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, np.repeat(data, 2, axis=1))


def test_devices_and_libraries(tmp_path, models, convolution, monkeypatch):
    folder = models.write(tmp_path, convolution, SEGMENT)
    with pytest.raises(ValueError, match="`device` must be one of 'cpu', 'cuda'"):
        deep.load(folder, device="tpu")
    import onnxruntime

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(cormack.BackendUnavailable, match="onnxruntime-gpu"):
        deep.load(folder, device="cuda")
    asked = []

    class Session:
        def __init__(self, model, options, **rest):
            asked.append(rest["providers"])

        def get_inputs(self):
            return [SimpleNamespace(name="image", type="tensor(float)", shape=["n", 1, *PATCH])]

        def get_outputs(self):
            return [SimpleNamespace(name="out", type="tensor(float)", shape=["n", 2, *PATCH])]

        def get_providers(self):
            return ["CPUExecutionProvider"]

    # There is such a package, but no GPU: ONNX Runtime goes on with the CPU.
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    with pytest.raises(cormack.BackendUnavailable, match="no device for 'cuda'"):
        deep.load(folder, device="cuda")
    monkeypatch.setattr(Session, "get_providers", lambda self: ["CUDAExecutionProvider", "CPUExecutionProvider"])
    assert deep.load(folder, device="cuda").device == "cuda"
    assert asked[1] == [("CUDAExecutionProvider", {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"})]
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(cormack.BackendUnavailable, match=r"cormack\[onnx\]"):
        deep.load(folder)
    assert deep.load_card(folder).patch == PATCH


def test_errors_travel():
    error = deep.ModelRefused("a/b.onnx", "is wrong")
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == "a/b.onnx: is wrong"
    assert cormack.ModelRefused is deep.ModelRefused
    assert isinstance(error, ValueError)
