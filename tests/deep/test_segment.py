"""Sliding windows against MONAI, and against the plain form of them in NumPy."""

from __future__ import annotations

import itertools
import tracemalloc

import numpy as np
import pytest
from scipy import ndimage

from cormack import deep
from cormack.volume import Volume

PATCH = (8, 10, 12)
SHAPES = [(20, 31, 17), (5, 31, 9), PATCH, (17, 6, 13)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, models):
    folder = tmp_path_factory.mktemp("networks")
    weights = {
        "3d": models.write_segmenter(folder / "3d", PATCH, outputs=3),
        "2d": models.write_segmenter(folder / "2d", PATCH[1:], outputs=2),
        "channels": models.write_segmenter(folder / "channels", PATCH, channels=2, outputs=2),
    }
    models.write_segmenter(folder / "mm", PATCH, outputs=3, spacing_mm=[2.0, 1.5, 1.5])
    models.write_segmenter(folder / "ras", PATCH, outputs=3, spacing_mm=[2.0, 1.5, 1.5], orientation="RAS")
    models.write_segmenter(folder / "many", PATCH, outputs=3, activation="sigmoid", labels=["a", "b", "c"])
    return folder, weights


@pytest.fixture(scope="module")
def networks(folder):
    names = [path.name for path in folder[0].iterdir()]
    return {name: deep.load(folder[0] / name, workers=1) for name in names}


def noise(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def gaussian_weight(patch):
    axes = [np.exp(-((np.arange(n) - (n - 1) / 2) ** 2) / (2 * (n / 8) ** 2)) for n in patch]
    weight = np.einsum(",".join("abc"[: len(axes)]), *axes)
    return np.maximum(weight, max(weight.min(), 1e-3))


def plain(image, weights, patch, overlap, weighting, flips=(), mode="constant"):
    """Every window by itself, in float64, with whole images of sums and weights."""
    pads = [(max(p - n, 0) // 2, max(p - n, 0) - max(p - n, 0) // 2) for n, p in zip(image.shape, patch, strict=True)]
    padded = np.pad(image.astype(np.float64), pads, mode)
    weight = gaussian_weight(patch) if weighting == "gaussian" else np.ones(patch)
    sums, total = np.zeros((len(weights), *padded.shape)), np.zeros(padded.shape)
    starts = []
    for n, p in zip(padded.shape, patch, strict=True):
        step = max(int(p * (1 - overlap)), 1)
        firsts = [*range(0, n - p, step), n - p]
        starts.append(firsts)
    turns = [axes for count in range(len(flips) + 1) for axes in itertools.combinations(flips, count)]
    for corner in itertools.product(*starts):
        place = tuple(slice(a, a + p) for a, p in zip(corner, patch, strict=True))
        for k, kernel in enumerate(weights[:, 0]):
            for axes in turns:
                window = ndimage.correlate(np.flip(padded[place], axes), kernel.astype(np.float64), mode="constant")
                sums[k][place] += weight * np.flip(window, axes) / len(turns)
        total[place] += weight
    inside = tuple(slice(a, a + n) for (a, _), n in zip(pads, image.shape, strict=True))
    return (sums / total)[:, *inside]


@pytest.mark.parametrize("weighting", ["gaussian", "constant"])
@pytest.mark.parametrize("overlap", [0, 0.25, 0.5])
@pytest.mark.parametrize("shape", SHAPES)
def test_windows_match_the_plain_form(networks, folder, shape, overlap, weighting):
    image = noise(shape)
    result = deep.apply(image, networks["3d"], overlap=overlap, weighting=weighting, batch_size=2)
    expected = plain(image, folder[1]["3d"], PATCH, overlap, weighting)
    np.testing.assert_allclose(np.stack(result), expected, atol=1e-5 * np.abs(expected).max(), rtol=0)
    labels = deep.segment(image, networks["3d"], overlap=overlap, weighting=weighting)
    assert labels.dtype == np.int32
    top = np.sort(expected, axis=0)
    clear = top[-1] - top[-2] > 1e-4
    np.testing.assert_array_equal(labels[clear], expected.argmax(0)[clear])


@pytest.mark.parametrize(("overlap", "weighting"), [*itertools.product([0, 0.25, 0.5], ["gaussian", "constant"])])
def test_windows_match_monai(networks, overlap, weighting):
    torch = pytest.importorskip("torch")
    inferers = pytest.importorskip("monai.inferers")
    network = networks["3d"]
    for shape, padding in itertools.product(SHAPES, ["constant", "replicate"]):
        image = noise(shape)
        expected = inferers.sliding_window_inference(
            torch.from_numpy(image)[None, None],
            PATCH,
            3,
            lambda batch: torch.from_numpy(network.run(batch.numpy())[0]),
            overlap,
            mode=weighting,
            padding_mode=padding,
        )
        chances = torch.softmax(expected[0], 0).numpy()
        _, found = deep.segment(
            image, network, overlap=overlap, weighting=weighting, padding=padding, probabilities=True
        )
        np.testing.assert_allclose(np.stack(list(found.values())), chances, atol=1e-5, rtol=0)


@pytest.mark.parametrize("batch_size", [1, 3, 40])
def test_slices_match_the_plain_form(networks, folder, batch_size):
    image = noise((5, 13, 17))
    result = np.stack(deep.apply(image, networks["2d"], overlap=0.5, batch_size=batch_size))
    for z, plane in enumerate(image):
        expected = plain(plane, folder[1]["2d"], PATCH[1:], 0.5, "gaussian")
        np.testing.assert_allclose(result[:, z], expected, atol=1e-4, rtol=0)
    alone = deep.segment(image[2], networks["2d"], overlap=0.5)
    np.testing.assert_array_equal(alone, deep.segment(image, networks["2d"], overlap=0.5, batch_size=batch_size)[2])


def test_flips_match_the_plain_form(networks, folder):
    image = noise((9, 12, 13))
    result = deep.apply(image, networks["3d"], flips=(0, 2), batch_size=2)
    expected = plain(image, folder[1]["3d"], PATCH, 0.25, "gaussian", flips=(0, 2))
    np.testing.assert_allclose(np.stack(result), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("mode", ["replicate", "reflect", "circular"])
def test_padding_matches_numpy(networks, folder, mode):
    image = noise((7, 8, 9))
    names = {"replicate": "edge", "reflect": "reflect", "circular": "wrap"}
    expected = plain(image, folder[1]["3d"], PATCH, 0.25, "gaussian", mode=names[mode])
    result = deep.apply(image, networks["3d"], padding=mode)
    np.testing.assert_allclose(np.stack(result), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("spacing", [(1.0, 0.7, 0.7), (5.0, 0.8, 0.8), (0.4, 3.0, 3.0), (9.0, 1.0, 1.0)])
def test_spacing_there_and_back_matches_scipy(networks, spacing):
    """The network's grid is that of Volume.resample; the way back is scipy's linear interpolation."""
    image = Volume(noise((23, 40, 33)), spacing, origin=(7, 8, 9))
    grid = image.resample((2.0, 1.5, 1.5))
    coarse = deep.apply(grid, networks["mm"])
    fine = deep.apply(image, networks["mm"])
    places = image.index_to_world(np.stack(np.indices(image.shape), -1))
    index = np.moveaxis(grid.world_to_index(places), -1, 0)
    chances = []
    for one, other in zip(coarse, fine, strict=True):
        expected = ndimage.map_coordinates(one.array, index, order=1, mode="nearest")
        np.testing.assert_allclose(other.array, expected, atol=2e-4, rtol=0)
        assert other.same_geometry(image)
        chances.append(one.array)
    chances = np.exp(chances - np.max(chances, 0))
    chances /= chances.sum(0)
    expected = np.stack([ndimage.map_coordinates(one, index, order=1, mode="nearest") for one in chances])
    labels, found = deep.segment(image, networks["mm"], probabilities=True)
    np.testing.assert_allclose(np.stack([one.array for one in found.values()]), expected, atol=2e-4, rtol=0)
    np.testing.assert_array_equal(labels.array, np.stack([one.array for one in found.values()]).argmax(0))


def test_the_orientation_of_an_image_does_not_matter(networks):
    image = Volume(noise((12, 19, 23)), (2.0, 1.0, 1.0))
    expected = deep.segment(image.reorient("RAS"), networks["mm"]).reorient("LPS")
    result = deep.segment(image, networks["ras"])
    assert result.same_geometry(image)
    np.testing.assert_array_equal(result.array, expected.array)
    with pytest.raises(ValueError, match="must be a Volume"):
        deep.segment(image.array, networks["ras"], spacing=(2, 1, 1))


def test_labels_that_do_not_exclude_each_other(networks):
    image = noise((9, 12, 13))
    network = networks["many"]
    labels, found = deep.segment(image, network, probabilities=True, threshold=0.6)
    raw = np.stack(deep.apply(image, network))
    chances = np.stack(list(found.values()))
    np.testing.assert_allclose(chances, 1 / (1 + np.exp(-raw.astype(np.float64))), atol=1e-6)
    np.testing.assert_array_equal(labels, np.where(chances.max(0) >= 0.6, chances.argmax(0) + 1, 0))
    masks = deep.segment(image, network, masks=True, threshold=0.6)
    assert list(masks) == ["a", "b", "c"]
    np.testing.assert_array_equal(np.stack(list(masks.values())), chances >= 0.6)
    assert (masks["a"] & masks["b"]).any()


def test_masks_of_labels_that_exclude_each_other(networks):
    image = noise((9, 12, 13))
    labels = deep.segment(image, networks["3d"])
    masks = deep.segment(image, networks["3d"], masks=True)
    for label, number in networks["3d"].card.objects.items():
        np.testing.assert_array_equal(masks[label], labels == number)


def test_several_channels(networks, folder):
    images = [noise(PATCH, seed) for seed in (1, 2)]
    raw = np.stack(deep.apply(images, networks["channels"]))
    weights = folder[1]["channels"]
    expected = sum(plain(image, weights[:, [c]], PATCH, 0, "constant") for c, image in enumerate(images))
    np.testing.assert_allclose(raw, expected, atol=1e-4)
    with pytest.raises(ValueError, match="list of 2 images"):
        deep.segment(images[0], networks["channels"])


def test_what_comes_back_is_as_what_came(networks):
    image = noise((9, 12, 13))
    volume = Volume(image, (3, 2, 1), origin=(1, 2, 3))
    expected = deep.segment(image, networks["3d"])
    result = deep.segment(volume, networks["3d"])
    assert result.same_geometry(volume)
    np.testing.assert_array_equal(result.array, expected)
    np.testing.assert_array_equal(
        deep.segment(image.tolist(), networks["3d"]), deep.segment(image * 1.0, networks["3d"])
    )
    out = np.full(image.shape, 9, np.uint8)
    assert deep.segment(image, networks["3d"], out=out) is out
    np.testing.assert_array_equal(out, expected)
    mirrored = image[::-1, :, ::-1].copy()[::-1, :, ::-1]
    np.testing.assert_array_equal(deep.segment(mirrored, networks["3d"]), expected)
    whole = (image * 50).astype(np.int16)
    np.testing.assert_array_equal(
        deep.segment(whole, networks["3d"]), deep.segment(whole.astype(np.float32), networks["3d"])
    )


def test_nan_is_background(networks):
    image = noise((20, 31, 17))
    image[3, 4, 5], image[12, 20, 8] = np.nan, np.inf
    spoilt = ndimage.binary_dilation(np.isnan(image), np.ones((3, 3, 3)))
    for name in ("3d", "many"):
        labels, found = deep.segment(image, networks[name], overlap=0, weighting="constant", probabilities=True)
        assert not labels[spoilt].any()
        for chances in found.values():
            assert np.isnan(chances[spoilt]).all()
        assert labels.any()


def test_memory_does_not_grow_with_the_number_of_slices(networks):
    peaks = []
    for planes in (60, 240):
        image, out = np.zeros((planes, 64, 64), np.uint8), np.zeros((planes, 64, 64), np.uint8)
        tracemalloc.start()
        deep.segment(image, networks["3d"], out=out)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 200_000


def test_any_number_of_threads_gives_the_same_bits(folder):
    image = Volume(noise((23, 30, 33)), (1.0, 0.7, 0.7))
    results = [
        deep.apply(image, deep.load(folder[0] / "mm", workers=workers), workers=workers) for workers in (1, 2, 3)
    ]
    for other in results[1:]:
        for one, two in zip(results[0], other, strict=True):
            assert one.array.tobytes() == two.array.tobytes()


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"type": "none"}, lambda x: x),
        ({"type": "window", "low": -1, "high": 1}, lambda x: (np.clip(x, -1, 1) + 1) / 2),
        ({"type": "window", "low": -1, "high": 3, "out": [-1, 1]}, lambda x: np.clip(x, -1, 3) / 2 - 0.5),
        ({"type": "zscore"}, lambda x: (x - x.mean()) / x.std()),
        ({"type": "zscore", "mean": 2, "std": 4, "low": -1}, lambda x: (np.maximum(x, -1) - 2) / 4),
        ({"type": "zscore", "nonzero": True}, lambda x: np.where(x, (x - x[x != 0].mean()) / x[x != 0].std(), 0)),
        (
            {"type": "percentile", "low": 10, "high": 90},
            lambda x: np.clip((x - np.percentile(x, 10)) / np.ptp(np.percentile(x, [10, 90])), 0, 1),
        ),
    ],
)
def test_grey_values_match_numpy(models, tmp_path, rule, expected):
    models.write_segmenter(tmp_path, (4, 4), intensity=rule)
    network = deep.load(tmp_path, workers=1)
    image = np.maximum(noise((6, 9, 8)), -0.3) + 0.3
    result = deep.normalize(Volume(image, 2.0), network)
    np.testing.assert_allclose(result.array, expected(image.astype(np.float64)), atol=2e-6)
    blank = deep.normalize(np.zeros((4, 4), np.int16), network)
    assert np.isfinite(blank).all()


def test_wrong_arguments_are_named(networks):
    image = noise((9, 12, 13))
    for rest, message in [
        ({"overlap": 1}, "`overlap` must be below 1"),
        ({"overlap": (0.1, 0.2)}, "one for each of 3 axes"),
        ({"weighting": "mean"}, "`weighting` must be one of"),
        ({"flips": (3,)}, "`flips` must"),
        ({"batch_size": 0}, "`batch_size` must be at least 1"),
        ({"padding": "zeros"}, "`padding` must be one of"),
        ({"out": np.zeros((2, 2, 2), np.int32)}, "`out` must have shape"),
        ({"masks": True, "out": np.zeros(image.shape, np.int32)}, "`out` must be None"),
    ]:
        with pytest.raises(ValueError, match=message):
            deep.segment(image, networks["3d"], **rest)
    with pytest.raises(TypeError, match="whole numbers up to 2"):
        deep.segment(image, networks["3d"], out=np.zeros(image.shape, bool))
    with pytest.raises(TypeError, match="`flips` must be a sequence of axes, got 1"):
        deep.segment(image, networks["3d"], flips=1)
    with pytest.raises(ValueError, match="must be 3-D"):
        deep.segment(image[0], networks["3d"])
    with pytest.raises(ValueError, match="`spacing` must be given"):
        deep.segment(image, networks["mm"])
    with pytest.raises(ValueError, match="must contain a voxel"):
        deep.segment(image[:0], networks["3d"])
    with pytest.raises(ValueError, match="cannot be 'reflect'"):
        deep.segment(noise((3, 12, 13)), networks["3d"], padding="reflect")
