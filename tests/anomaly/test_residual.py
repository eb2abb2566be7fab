"""Networks whose residual is known in closed form."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

from cormack import ModelRefused, Volume, anomaly, deep, filters

PATCH = (96, 96)


def test_the_residual_of_an_affine_network_is_what_it_must_be(made, tmp_path):
    network = deep.load(made.write_network(tmp_path / "n", PATCH, 0.75, 3.0), workers=1)
    normal = [made.texture(seed) for seed in range(3)]
    detector = anomaly.fit_residual(network, normal, smoothing=2.0)
    image = made.texture(9)
    expected = filters.gaussian_filter(np.abs(0.25 * image - 3), 2.0)
    found = detector.score(image)
    np.testing.assert_allclose(found.heat * detector.unit, expected, rtol=1e-4, atol=1e-4)
    assert found.score == found.heat.max()
    pooled = np.concatenate([filters.gaussian_filter(np.abs(0.25 * x - 3), 2.0).ravel() for x in normal])
    assert detector.unit == pytest.approx(np.quantile(pooled, 0.99), rel=1e-3)


def test_an_identity_has_no_residual(made, tmp_path):
    network = deep.load(made.write_network(tmp_path / "n", PATCH, 1.0, 0.0), workers=1)
    detector = anomaly.fit_residual(network, [made.texture(seed) for seed in range(2)])
    found = detector.score(made.with_lesion(1)[0])
    assert found.score == 0
    assert not found.outlier


def test_lesions_are_what_a_network_that_knows_the_background_leaves(made, tmp_path):
    background = np.broadcast_to(np.linspace(0, 40, 96, dtype=np.float32), PATCH)
    path = made.write_network(tmp_path / "n", PATCH, 0.0, background)
    detector = anomaly.fit_residual(
        path, [Volume(made.texture(seed), 0.5) for seed in range(6)], smoothing=1.0, workers=1
    )
    normal = [detector.score(Volume(made.texture(100 + seed), 0.5)) for seed in range(3)]
    lesions = [made.with_lesion(200 + seed) for seed in range(3)]
    found = [detector.score(Volume(image, 0.5)) for image, _ in lesions]
    assert made.auc(np.repeat([0, 1], 3), np.array([item.score for item in (*normal, *found)])) == 1.0
    for (_, inside), item in zip(lesions, found, strict=True):
        assert made.auc(inside, item.heat.array) > 0.98
        assert item.outlier
    pytest.importorskip("skops")
    again = anomaly.load_detector(anomaly.save_detector(detector, tmp_path / "saved"), workers=1)
    again = anomaly.load_detector(anomaly.save_detector(again, tmp_path / "twice"), workers=1)
    np.testing.assert_array_equal(again.score(Volume(lesions[0][0], 0.5)).heat.array, found[0].heat.array)


def test_only_the_mask_is_looked_at(made, tmp_path):
    network = deep.load(made.write_network(tmp_path / "n", PATCH, 0.0, 0.0), workers=1)
    mask = np.zeros(PATCH, bool)
    mask[20:60, 20:60] = True
    detector = anomaly.fit_residual(network, [made.texture(seed) for seed in range(2)], masks=lambda image: mask)
    heat = detector.score(made.texture(5), mask).heat
    assert not heat[~mask].any()
    assert heat[mask].min() > 0


def test_a_network_that_is_no_longer_the_one_of_the_detector_is_not_saved(made, tmp_path):
    pytest.importorskip("skops")
    onnx = pytest.importorskip("onnx")
    images = [made.texture(seed) for seed in range(2)]
    path = made.write_network(tmp_path / "n", PATCH, 0.5, 0.0)
    detector = anomaly.fit_residual(path, images, workers=1)
    onnx.save_model(onnx.load(path), path, save_as_external_data=True, location="values", size_threshold=0)
    with pytest.raises(ModelRefused, match="has changed since it was loaded"):
        anomaly.save_detector(detector, tmp_path / "saved")
    detector = anomaly.fit_residual(path, images, workers=1)
    with pytest.raises(ValueError, match="must be one file, its values lie in others"):
        anomaly.save_detector(detector, tmp_path / "saved")
    assert not (tmp_path / "saved").exists()


def test_networks_of_other_tasks_are_refused(made, tmp_path):
    path = made.write_network(tmp_path / "n", PATCH, 1.0, 0.0)
    card = path.with_name("model.json")
    card.write_text(card.read_text().replace('"reconstruct"', '"segment", "labels": ["lesion"]'))
    with pytest.raises(ValueError, match="must reconstruct one image"):
        anomaly.fit_residual(path, [made.texture(0), made.texture(1)])


def test_a_tampered_network_is_refused(made, tmp_path):
    pytest.importorskip("skops")
    path = made.write_network(tmp_path / "n", PATCH, 0.5, 0.0)
    detector = anomaly.fit_residual(path, [made.texture(0), made.texture(1)], workers=1)
    saved = anomaly.save_detector(detector, tmp_path / "saved")
    (saved / "network.onnx").write_bytes(made.write_network(tmp_path / "o", PATCH, 1.0, 0.0).read_bytes())
    with pytest.raises(ModelRefused, match=r"network\.onnx is not the file that was saved"):
        anomaly.load_detector(saved)
