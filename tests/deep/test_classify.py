"""Networks that classify images and patches, against the same sums in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper, numpy_helper
from scipy import ndimage, special

from cormack import deep
from cormack.volume import Volume

PATCH = (4, 5, 6)
LABELS = ["benign", "malignant", "artefact"]


@pytest.fixture(scope="module")
def weights():
    rng = np.random.default_rng(5)
    return {n: (rng.normal(size=(int(np.prod(PATCH[3 - n :])), 3)) / 8).astype(np.float32) for n in (2, 3)}


@pytest.fixture(scope="module")
def load(tmp_path_factory, models, weights):
    def make(patch=PATCH, **card):
        graph = helper.make_graph(
            [
                helper.make_node("Flatten", ["image"], ["flat"]),
                helper.make_node("MatMul", ["flat", "w"], ["out"]),
            ],
            "g",
            [models.value("image", ["n", 1, *patch])],
            [models.value("out", ["n", 3])],
            [numpy_helper.from_array(weights[len(patch)], "w")],
        )
        rest = {"task": "classify", "patch": list(patch), "labels": LABELS, "activation": "softmax"}
        return deep.load(models.write(tmp_path_factory.mktemp("net"), models.model_of(graph), rest | card), workers=1)

    return make


def noise(shape):
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


def chances(table):
    return np.stack([table[f"probability_{label}"] for label in LABELS], axis=-1)


def test_an_image_of_the_patch(load, weights):
    image = noise(PATCH)
    for fit in ("resize", "crop"):
        table = deep.classify(image, load(fit=fit))
        expected = special.softmax(image.ravel().astype(np.float64) @ weights[3])
        np.testing.assert_allclose(chances(table)[0], expected, atol=1e-6)
        assert table["predicted"].tolist() == [LABELS[expected.argmax()]]
        assert table.row_count == 1


def test_stretched_to_the_patch_matches_scipy(load, weights):
    image = noise((7, 11, 3))
    index = np.meshgrid(
        *[(np.arange(p) + 0.5) * n / p - 0.5 for n, p in zip(image.shape, PATCH, strict=True)], indexing="ij"
    )
    patch = ndimage.map_coordinates(image, index, order=1, mode="nearest")
    table = deep.classify(Volume(image, (3, 1, 1)), load())
    np.testing.assert_allclose(chances(table)[0], special.softmax(patch.ravel() @ weights[3]), atol=1e-5)


def test_stretched_to_the_patch_matches_torch(load, weights):
    torch = pytest.importorskip("torch")
    image = noise((7, 11, 3))
    patch = torch.nn.functional.interpolate(torch.from_numpy(image)[None, None], PATCH, mode="trilinear").numpy()
    table = deep.classify(image, load())
    np.testing.assert_allclose(chances(table)[0], special.softmax(patch.ravel() @ weights[3]), atol=1e-5)


def test_the_middle_padded_where_it_is_smaller(load, weights):
    image = noise((9, 2, 12))
    patch = np.zeros(PATCH, np.float32)
    patch[:, 1:3] = image[2:6, :, 3:9]
    table = deep.classify(image, load(fit="crop"))
    np.testing.assert_allclose(chances(table)[0], special.softmax(patch.ravel() @ weights[3]), atol=1e-6)


def test_points_are_centres_of_patches(load, weights):
    image = Volume(noise((20, 21, 22)), (3.0, 2.0, 2.0), origin=(10, 20, 30))
    points = np.array([[10, 10, 10], [0, 0, 0], [19.2, 20, 21.4], [40, 0, 0]])
    table = deep.classify(image, load(), points=points, batch_size=3)
    padded = np.pad(image.array, 40)
    for row, point in enumerate(points):
        start = np.floor(point - (np.array(PATCH) - 1) / 2 + 0.5).astype(int) + 40
        patch = padded[tuple(slice(a, a + p) for a, p in zip(start, PATCH, strict=True))]
        np.testing.assert_allclose(chances(table)[row], special.softmax(patch.ravel() @ weights[3]), atol=1e-6)
    world = image.index_to_world(points)
    np.testing.assert_array_equal(np.stack([table[f"world_{a}"] for a in "zyx"], 1), world)
    again = deep.classify(image, load(), points=world, unit="world")
    np.testing.assert_allclose(chances(again), chances(table), atol=1e-6)
    assert deep.classify(image, load(), points=[])["predicted"].shape == (0,)


def test_points_at_another_spacing_match_scipy(load, weights):
    image = Volume(noise((20, 21, 22)), (3.0, 2.0, 2.0))
    network = load(spacing_mm=[1.5, 1.5, 2.0], orientation="RAS")
    points = np.array([[9.3, 10, 11.0], [12, 5.5, 8.2]])
    table = deep.classify(image, network, points=points)
    turned = image.reorient("RAS")
    for row, point in enumerate(turned.world_to_index(image.index_to_world(points))):
        steps = np.array(network.card.spacing_mm) / turned.spacing
        axes = [c + (np.arange(p) - (p - 1) / 2) * s for c, p, s in zip(point, PATCH, steps, strict=True)]
        axes[2] = np.floor(axes[2][0] + 0.5) + np.arange(PATCH[2])
        patch = ndimage.map_coordinates(turned.array, np.meshgrid(*axes, indexing="ij"), order=1)
        np.testing.assert_allclose(chances(table)[row], special.softmax(patch.ravel() @ weights[3]), atol=1e-5)


def test_slices(load, weights):
    image = noise((7, *PATCH[1:]))
    network = load(PATCH[1:])
    table = deep.classify(image, network, batch_size=3)
    np.testing.assert_array_equal(table["z"], np.arange(7))
    np.testing.assert_allclose(chances(table), special.softmax(image.reshape(7, -1) @ weights[2], axis=1), atol=1e-6)
    assert "z" not in deep.classify(image[0], network)
    around = deep.classify(image, network, points=[[3.4, 2, 2.5]])
    np.testing.assert_allclose(chances(around)[0], chances(table)[3], atol=1e-6)


def test_flips_are_averaged(load, weights):
    image = noise(PATCH)
    table = deep.classify(image, load(), flips=(0, 2))
    raw = np.mean([np.flip(image, axes).ravel() @ weights[3] for axes in [(), (0,), (2,), (0, 2)]], axis=0)
    np.testing.assert_allclose(chances(table)[0], special.softmax(raw), atol=1e-6)


def test_labels_that_do_not_exclude_each_other(load, weights):
    image = noise((6, *PATCH[1:]))
    table = deep.classify(image, load(PATCH[1:], activation="sigmoid"), threshold=0.6)
    expected = special.expit(image.reshape(6, -1) @ weights[2])
    np.testing.assert_allclose(chances(table), expected, atol=1e-6)
    names = [LABELS[row.argmax()] if row.max() >= 0.6 else "" for row in expected]
    assert table["predicted"].tolist() == names
    assert len(set(names)) > 1


def test_wrong_arguments_are_named(load, models, tmp_path):
    network = load()
    image = noise((6, 7, 8))
    for rest, message in [
        ({"points": [1, 2, 3]}, r"`points` must have shape \(n, 3\)"),
        ({"points": [[1, 2, np.nan]]}, "`points` must be finite"),
        ({"points": [[1, 2, 3]], "unit": "world"}, "no Volume"),
        ({"points": [[1, 2, 3]], "unit": "mm"}, "`unit` must be one of"),
        ({"batch_size": 0}, "`batch_size` must be at least 1"),
    ]:
        with pytest.raises(ValueError, match=message):
            deep.classify(image, network, **rest)
    with pytest.raises(ValueError, match="for the task 'segment', this one is for 'classify'"):
        deep.segment(image, network)
    with pytest.raises(ValueError, match="must give images"):
        deep.apply(image, network)
    models.write_segmenter(tmp_path, PATCH)
    with pytest.raises(ValueError, match="for the task 'classify', this one is for 'segment'"):
        deep.classify(image, deep.load(tmp_path))
