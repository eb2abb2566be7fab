"""Networks that give boxes, window by window, against the plain form of it in Python."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from onnx import helper, numpy_helper
from scipy import special

from cormack import deep
from cormack import detect as measures
from cormack.volume import Volume

PATCH = (4, 6, 8)


def cells(patch):
    """Boxes of two voxels a side that fill a window."""
    return np.array(list(itertools.product(*[range(0, n, 2) for n in patch])), np.float32)


@pytest.fixture(scope="module")
def load(tmp_path_factory, models):
    """A detector whose boxes are cells of two voxels a side, scored by the largest value in them and by half of it."""

    def make(patch=PATCH, **card):
        starts = cells(patch)
        boxes = np.hstack([starts, starts + 2])
        if card.get("boxes", {}).get("format") == "center":
            boxes = np.hstack([starts + 1, np.full_like(starts, 2)])
        if card.get("boxes", {}).get("order") == "xyz":
            boxes = boxes.reshape(len(boxes), 2, -1)[:, :, ::-1].reshape(len(boxes), -1)
        graph = helper.make_graph(
            [
                helper.make_node(
                    "MaxPool", ["image"], ["pool"], kernel_shape=[2] * len(patch), strides=[2] * len(patch)
                ),
                helper.make_node("Reshape", ["pool", "shape"], ["one"]),
                helper.make_node("Mul", ["one", "factors"], ["scores"]),
                helper.make_node("Mul", ["one", "zero"], ["nothing"]),
                helper.make_node("Add", ["nothing", "cells"], ["boxes"]),
            ],
            "g",
            [models.value("image", ["n", 1, *patch])],
            [models.value("boxes", ["n", len(boxes), 2 * len(patch)]), models.value("scores", ["n", len(boxes), 2])],
            [
                numpy_helper.from_array(np.array([0, len(boxes), 1]), "shape"),
                numpy_helper.from_array(np.array([[[1.0, 0.5]]], np.float32), "factors"),
                numpy_helper.from_array(np.zeros((1, 1, 2 * len(patch)), np.float32), "zero"),
                numpy_helper.from_array(boxes[None], "cells"),
            ],
        )
        rest = {"task": "detect", "patch": list(patch), "labels": ["nodule", "cyst"], "activation": "sigmoid"}
        return deep.load(models.write(tmp_path_factory.mktemp("net"), models.model_of(graph), rest | card), workers=1)

    return make


def starts(n, p, overlap):
    step = max(int(p * (1 - overlap)), 1)
    return [*range(0, n - p, step), n - p]


def overlap_of(a, b):
    inner = np.prod(np.maximum(np.minimum(a[3:], b[3:]) - np.maximum(a[:3], b[:3]), 0))
    return inner / (np.prod(a[3:] - a[:3]) + np.prod(b[3:] - b[:3]) - inner)


def plain(image, patch, overlap, limit, most):
    """Every cell of every window, and of those that overlap the best."""
    found = []
    for corner in itertools.product(*[starts(n, p, overlap) for n, p in zip(image.shape, patch, strict=True)]):
        for cell in cells(patch):
            start = (np.array(corner) + cell).astype(int)
            value = image[tuple(slice(a, a + 2) for a in start)].max()
            for label, factor in (("nodule", 1), ("cyst", 0.5)):
                score = special.expit(np.float64(value * factor))
                if score >= limit:
                    found.append((score, label, np.array([*start, *start + 2], float)))
    found.sort(key=lambda one: -one[0])
    kept = []
    for one in found:
        if all(one[1] != other[1] or overlap_of(one[2], other[2]) <= most for other in kept):
            kept.append(one)
    return kept


def rows(table):
    columns = [table[name] for name in ("z0", "y0", "x0", "z1", "y1", "x1")]
    return list(zip(table["score"], table["predicted"], np.stack(columns, 1), strict=True))


def same(table, expected):
    found = sorted(((round(float(s), 5), str(name), tuple(b)) for s, name, b in rows(table)), key=str)
    assert found == sorted(((round(float(s), 5), name, tuple(b)) for s, name, b in expected), key=str)
    assert len(found) > 5


def noise(shape):
    # No two are equal, so no order of equal scores matters.
    values = np.random.default_rng(3).permutation(np.linspace(-6, 6, int(np.prod(shape))))
    return values.reshape(shape).astype(np.float32)


@pytest.mark.parametrize(("overlap", "batch_size"), [(0, 1), (0.25, 3), (0.5, 2)])
def test_windows_match_the_plain_form(load, overlap, batch_size):
    image = noise((6, 9, 11))
    table = deep.detect(image, load(), overlap=overlap, batch_size=batch_size, score_threshold=0.9, iou_threshold=0.2)
    same(table, plain(image, PATCH, overlap, 0.9, 0.2))
    assert (np.diff(table["score"]) <= 0).all()


@pytest.mark.parametrize("layout", [{"format": "center"}, {"order": "xyz"}, {"format": "center", "order": "xyz"}])
def test_layouts_of_boxes(load, layout):
    image = noise((4, 11, 8))
    expected = deep.detect(image, load())
    table = deep.detect(image, load(boxes=layout))
    for name, column in expected.items():
        np.testing.assert_array_equal(table[name], column)


def test_places_and_sizes(load):
    array = np.full((12, 18, 24), -9, np.float32)
    array[2:4, 4:6, 6:8] = 5
    image = Volume(array, (3.0, 2.0, 2.0), origin=(100, 20, -30))
    table = deep.detect(image, load(), overlap=0)
    assert table["predicted"].tolist() == ["nodule", "cyst"]
    row = next(table.rows())
    assert [row[name] for name in ("z0", "y0", "x0", "z1", "y1", "x1")] == [2, 4, 6, 4, 6, 8]
    assert [row[f"centroid_{axis}"] for axis in "zyx"] == [2.5, 4.5, 6.5]
    assert [row[f"size_{axis}_mm"] for axis in "zyx"] == [6, 4, 4]
    assert row["equivalent_diameter_mm"] == pytest.approx(96 ** (1 / 3))
    assert [row[f"world_{axis}"] for axis in "zyx"] == image.index_to_world([2.5, 4.5, 6.5]).tolist()
    lesions = {f"centre_{a}_mm": [c * s] for a, c, s in zip("zyx", (2.5, 4.5, 6.5), image.spacing, strict=True)}
    best = table.select(table["predicted"] == "nodule")
    score = measures.score_lesions(best, lesions | {"diameter_mm": [4.0]}, spacing=image.spacing)
    assert score["found"] == 1
    assert "world_z" not in deep.detect(array, load())


def test_spacing_orientation_and_padding_keep_the_place(load):
    """A bright block is found where it lies, whatever the grid of the network; it is smaller than the patch."""
    array = np.full((3, 40, 44), -9, np.float32)
    array[1:2, 16:24, 28:36] = 9
    image = Volume(array, (4.0, 0.5, 0.5), origin=(7, 8, 9))
    for card in ({}, {"orientation": "RAS"}, {"orientation": "SAL"}):
        patch = (4, 6, 8) if card.get("orientation") != "SAL" else (8, 6, 4)
        spacing = [4.0, 1.0, 1.0] if card.get("orientation") != "SAL" else [1.0, 1.0, 4.0]
        table = deep.detect(image, load(patch, spacing_mm=spacing, **card), overlap=0.5, iou_threshold=0.9)
        best = table.select(table["score"] > 0.99)
        assert best["z0"].min() >= 0
        assert best["z1"].max() <= 3
        assert 12 <= best["y0"].min() <= 16
        assert 24 <= best["y1"].max() <= 28
        assert 24 <= best["x0"].min() <= 28
        assert 36 <= best["x1"].max() <= 40


def test_slices(load):
    image = noise((3, 11, 13))
    network = load(PATCH[1:])
    table = deep.detect(image, network, score_threshold=0.9, batch_size=4)
    for z, plane in enumerate(image):
        alone = deep.detect(plane, network, score_threshold=0.9)
        part = table.select(table["z0"] == z)
        assert (part["z1"] == z + 1).all()
        for name in alone:
            if "diameter" not in name:
                np.testing.assert_array_equal(part[name], alone[name])
    assert "z0" not in alone


def test_parts_of_objects_at_the_border_of_a_window_go(tmp_path, models):
    """A network that finds the one block in a window, whole or cut by the window's border."""
    length = 16
    ramp = np.arange(length, dtype=np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Relu", ["image"], ["r"]),
            helper.make_node("ReduceMax", ["r"], ["top"], axes=[1, 2, 3], keepdims=1),
            helper.make_node("ReduceMax", ["r"], ["line"], axes=[1, 2], keepdims=0),
            helper.make_node("Mul", ["line", "up"], ["ends"]),
            helper.make_node("Mul", ["line", "down"], ["starts"]),
            helper.make_node("ReduceMax", ["ends"], ["stop"], axes=[1], keepdims=1),
            helper.make_node("ReduceMax", ["starts"], ["back"], axes=[1], keepdims=1),
            helper.make_node("Sub", ["length", "back"], ["start"]),
            helper.make_node("Mul", ["stop", "zero"], ["none"]),
            helper.make_node("Add", ["none", "four"], ["height"]),
            helper.make_node("Concat", ["none", "start", "height", "stop"], ["flat"], axis=1),
            helper.make_node("Unsqueeze", ["flat", "one"], ["boxes"]),
            helper.make_node("Squeeze", ["top", "last"], ["scores"]),
        ],
        "g",
        [models.value("image", ["n", 1, 4, length])],
        [models.value("boxes", ["n", 1, 4]), models.value("scores", ["n", 1, 1])],
        [
            numpy_helper.from_array(ramp + 1, "up"),
            numpy_helper.from_array(length - ramp, "down"),
            numpy_helper.from_array(np.array([[length]], np.float32), "length"),
            numpy_helper.from_array(np.array([[0]], np.float32), "zero"),
            numpy_helper.from_array(np.array([[4]], np.float32), "four"),
            numpy_helper.from_array(np.array([1]), "one"),
            numpy_helper.from_array(np.array([3]), "last"),
        ],
    )
    card = {"task": "detect", "patch": [4, length], "labels": ["a"]}
    network = deep.load(models.write(tmp_path, models.model_of(graph), card), workers=1)
    image = np.zeros((4, 28), np.float32)
    image[1:3, 8:15] = 1
    table = deep.detect(image, network, overlap=0.25)
    assert [table[name].tolist() for name in ("y0", "x0", "y1", "x1")] == [[0], [8], [4], [15]]
    found_twice = deep.detect(image, network, overlap=0.25, iou_threshold=0.9)
    assert found_twice.row_count == 1
    assert deep.detect(image[:, 12:], network).row_count == 1


def test_labels_that_exclude_each_other(load):
    image = noise((4, 6, 8))
    table = deep.detect(image, load(activation="softmax"), score_threshold=0.0, iou_threshold=1)
    pool = image.reshape(2, 2, 3, 2, 4, 2).max((1, 3, 5)).ravel()
    chances = special.softmax(np.stack([pool, pool / 2], 1).astype(np.float64), axis=1)
    np.testing.assert_allclose(np.sort(table["score"]), np.sort(chances.max(1)), atol=1e-6)
    alone = deep.detect(image, load(activation="softmax", background="cyst"), score_threshold=0.0, iou_threshold=1)
    assert set(alone["predicted"].tolist()) == {"nodule"}
    assert alone.row_count == (pool >= 0).sum()


def test_nothing_found(load):
    table = deep.detect(np.full((9, 9, 9), -9.0), load())
    assert table.row_count == 0
    assert table["z0"].dtype == np.float64
    assert "score" in table


def test_wrong_arguments_are_named(load, models, tmp_path):
    image = np.zeros((9, 9, 9))
    with pytest.raises(ValueError, match="`iou_threshold` must be from 0 to 1"):
        deep.detect(image, load(), iou_threshold=2)
    with pytest.raises(TypeError, match="`score_threshold` must be a number"):
        deep.detect(image, load(), score_threshold="high")
    models.write_segmenter(tmp_path, PATCH)
    with pytest.raises(ValueError, match="for the task 'detect', this one is for 'segment'"):
        deep.detect(image, deep.load(tmp_path))
