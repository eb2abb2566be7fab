"""The plugin for napari: what it does, as functions; and in a viewer without a screen, where napari is installed."""

from __future__ import annotations

import csv
import importlib.metadata
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from cormack import GeometryError, Volume, enhance, features, filters, io, segment
from cormack.compat import napari as plugin

ROOT = Path(plugin.__file__).parent
OBLIQUE = np.array([[1.0, 0, 0], [0, 0.8, -0.6], [0, 0.6, 0.8]])
DIRECTIONS = [np.eye(3), OBLIQUE, OBLIQUE[:, [1, 2, 0]] * [1, -1, 1]]
CT = (filters.gaussian_filter(np.random.default_rng(5).normal(0, 1, (12, 20, 24)), 2) * 4000).astype(np.int16)
VOLUME = Volume(CT, (3.0, 0.9, 0.8), (10, 20, 30), meta={"modality": "CT", "units": "HU"})


class Layer:
    """As much of a layer as the functions look at."""

    def __init__(self, volume: Volume, name: str = "ct") -> None:
        self.data, self.name, self.metadata = volume.array, name, {"cormack": volume.meta}
        self.data_to_world = volume.index_to_world


def world(about):
    """Return where napari puts the voxels of layer data: scale, then translate, then affine."""
    n = len(about["scale"])
    matrix = np.eye(n + 1)
    matrix[:n, :n] = np.diag(about["scale"])
    matrix[:n, n] = about.get("translate", (0,) * n)
    return about.get("affine", np.eye(n + 1)) @ matrix


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize(
    "direction", [np.eye(3), OBLIQUE, OBLIQUE[:, [1, 2, 0]] * [1, -1, 1]], ids=["axial", "oblique", "turned"]
)
def test_files_lie_where_the_patient_lies(tmp_path, suffix, direction):
    volume = Volume(CT, (3.0, 0.9, 0.8), (10, 20, 30), direction)
    path = tmp_path / f"some.case{suffix}"
    io.write(volume, path)
    ((data, about, kind),) = plugin.get_reader(str(path))(str(path))
    expected = volume.reorient("LPS")
    assert (about["name"], kind, about["units"]) == ("some.case", "image", ("mm",) * 3)
    np.testing.assert_array_equal(data, expected.array)
    np.testing.assert_allclose(about["scale"], expected.spacing, rtol=1e-6)
    index = np.array([3.0, 4, 5])
    np.testing.assert_allclose((world(about) @ [*index, 1])[:3], expected.index_to_world(index), atol=1e-4)


def test_what_a_layer_is_made_with():
    _, about, kind = plugin.layer_of(VOLUME, "ct")
    assert kind == "image"
    assert about["contrast_limits"] == (-160, 240)
    assert about["metadata"]["cormack"]["modality"] == "CT"
    data, about, kind = plugin.layer_of(Volume(CT[0] > 0, 0.5), "mask")
    assert (data.dtype, about["axis_labels"], kind) == (np.uint8, ("y", "x"), "labels")
    assert "contrast_limits" not in about


def test_many_volumes_and_label_maps(tmp_path):
    labels = tmp_path / "case.seg.nrrd"
    io.write(VOLUME.replace((CT > 0).astype(np.uint8)), labels)
    ((_, about, kind),) = plugin.read_layers(labels)
    assert (about["name"], kind) == ("case", "labels")
    zarr = tmp_path / "case.ome.zarr"
    io.write(VOLUME, zarr)
    assert plugin.get_reader(str(zarr)) is plugin.read_layers


@pytest.mark.parametrize("path", ["x.txt", "x.png", ["a.nii", "b.nii"], []])
def test_others_are_left_to_others(path):
    assert plugin.get_reader(path) is None


def test_layers_become_volumes_again():
    oblique = Volume(CT, (3.0, 0.9, 0.8), (10, 20, 30), OBLIQUE, {"units": "HU"})
    found = plugin.volume_of(Layer(oblique))
    assert found.array is CT
    assert found.same_geometry(oblique)
    assert found.meta == {"units": "HU"}
    for array in (np.zeros((2, 3, 4, 5)), np.zeros(3)):
        layer = Layer(VOLUME)
        layer.data = array
        with pytest.raises(ValueError, match="the layer 'ct' must be 2-D or 3-D, with one channel and one scale"):
            plugin.volume_of(layer)


@pytest.mark.parametrize("dtype", [np.int16, np.int64, np.float16])
def test_regions_are_those_of_the_functions(dtype):
    image = (CT // 8).astype(dtype)
    layer = Layer(VOLUME.replace(image))
    seed = np.unravel_index(CT.argmax(), CT.shape)
    found = plugin.grow_region(layer, [np.add(seed, 0.3), (-5, 0, 0)], 20, 1000, connectivity=3)
    expected = segment.connected_threshold(image.astype(np.float32), seed, 20, 1000, connectivity=3)
    np.testing.assert_array_equal(found, expected)
    assert found.any()
    found = plugin.grow_region(layer, [seed], method="like the seed", multiplier=2.0)
    same = image if dtype == np.int16 else image.astype(np.float64)
    expected = segment.confidence_connected(same, seed, multiplier=2.0)
    np.testing.assert_array_equal(found, expected)
    with pytest.raises(ValueError, match=r"`seeds` must have one inside 'ct', got \[\[99, 0, 0\]\]"):
        plugin.grow_region(layer, [(99, 0, 0)])
    with pytest.raises(ValueError, match="`method` must be one of"):
        plugin.grow_region(layer, [seed], method="up")


def test_features_are_those_of_the_volumes(tmp_path):
    labels = (CT > 100).astype(np.int64) * 2
    found = plugin.measure_label(Layer(VOLUME), Layer(VOLUME.replace(labels), "labels"), 2, bin_number=8)
    expected = features.radiomics(CT, labels == 2, spacing=VOLUME.spacing, settings={"bin_number": 8})
    assert dict(found) == pytest.approx(dict(expected), rel=1e-12, nan_ok=True)
    with pytest.raises(GeometryError):
        plugin.measure_label(Layer(VOLUME), Layer(Volume(labels), "labels"), 2)
    with pytest.raises(ValueError, match="`label` must be in the mask, got 7"):
        plugin.measure_label(Layer(VOLUME), Layer(VOLUME.replace(labels)), 7)
    plugin.write_features([{"label": 2, **found}, {"label": 3, "other": 1.5}], tmp_path / "out.csv")
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text().splitlines()))
    assert float(rows[0]["stat_mean"]) == found["stat_mean"]
    assert (rows[1]["other"], rows[1]["stat_mean"]) == ("1.5", "")


def test_the_manifest_names_what_there_is():
    yaml = pytest.importorskip("yaml")
    manifest = yaml.safe_load((ROOT / "napari.yaml").read_text())
    widgets = (ROOT / "_widgets.py").read_text()
    for command in manifest["contributions"]["commands"]:
        module, _, name = command["python_name"].partition(":")
        if module == plugin.__name__:
            assert hasattr(plugin, name)
        else:
            assert module == f"{plugin.__name__}._widgets"
            assert f"class {name}(" in widgets
    patterns = [pattern.removeprefix("*") for pattern in manifest["contributions"]["readers"][0]["filename_patterns"]]
    assert tuple(patterns) == plugin._layers._SUFFIXES
    found = importlib.metadata.entry_points(group="napari.manifest", name="cormack")
    assert {one.value for one in found} <= {"cormack.compat.napari:napari.yaml"}


@pytest.fixture
def viewer(request):
    """A viewer with a CT layer and the plugin, where napari and Qt are installed."""
    pytest.importorskip("napari")
    pytest.importorskip("pytestqt")
    npe2 = pytest.importorskip("npe2")
    manager = request.getfixturevalue("npe2pm")
    with manager.tmp_plugin(npe2.PluginManifest.from_file(ROOT / "napari.yaml")):
        viewer = request.getfixturevalue("make_napari_viewer")()
        data, about, _ = plugin.layer_of(VOLUME, "ct")
        viewer.add_image(data, **about)
        yield viewer


def widget(viewer, name):
    return viewer.window.add_plugin_dock_widget("cormack", name)[1]


# What napari, vispy and Qt say of themselves.
@pytest.mark.filterwarnings("ignore")
class TestInNapari:
    def test_the_manifest_is_valid(self):
        npe2 = pytest.importorskip("npe2")
        npe2.PluginManifest.from_file(ROOT / "napari.yaml").validate_imports()

    def test_the_viewer_opens_files(self, viewer, tmp_path):
        io.write(Volume(CT, (3.0, 0.9, 0.8), (10, 20, 30), OBLIQUE), tmp_path / "pet.nii.gz")
        (layer,) = viewer.open(tmp_path / "pet.nii.gz", plugin="cormack")
        expected = Volume(CT, (3.0, 0.9, 0.8), (10, 20, 30), OBLIQUE)
        assert layer.name == "pet"
        np.testing.assert_allclose(layer.data_to_world((3, 4, 5)), expected.index_to_world((3, 4, 5)), atol=1e-4)
        assert plugin.volume_of(layer).same_geometry(expected)

    def test_enhance_adds_a_layer(self, viewer):
        panel = widget(viewer, "Enhance")
        for operation in plugin.ENHANCEMENTS:
            panel.operation.value = operation
            panel.run()
            layer = viewer.layers[-1]
            assert layer.name.startswith(f"ct: {operation} (")
            assert plugin.volume_of(layer).same_geometry(VOLUME)
        panel.operation.value = "Window"
        panel.parameters["Window", "width"].value = 100
        panel.button.native.click()
        np.testing.assert_array_equal(viewer.layers[-1].data, enhance.window(CT, 40, 100))
        hidden = {operation for (operation, _), box in panel.parameters.items() if box.native.isHidden()}
        assert hidden == set(plugin.ENHANCEMENTS) - {"Window"}

    def test_a_click_grows_a_region(self, viewer):
        panel = widget(viewer, "Grow a region")
        panel.lower.value, panel.upper.value = 50, 5000
        seed = np.unravel_index(CT.argmax(), CT.shape)
        expected = segment.connected_threshold(CT, seed, 50, 5000)
        world = VOLUME.index_to_world(seed)
        viewer.dims.set_point(range(3), world)
        # Through Qt's canvas, where the mouse is.
        canvas = viewer.window._qt_viewer.canvas
        x, y, _, w = canvas.view.scene.node_transform(canvas._scene_canvas.scene).map([*world[:0:-1], 0, 1])
        place = np.array([x, y]) / w

        def click(to=(0, 0)):
            mouse = canvas._scene_canvas.events
            press = mouse.mouse_press(pos=place, button=1, modifiers=())
            if any(to):
                mouse.mouse_move(pos=place + to, button=1, modifiers=(), press_event=press)
            mouse.mouse_release(pos=place + to, button=1, modifiers=())

        click()
        assert len(viewer.layers) == 1, "clicks are not asked for"
        panel.clicks.value = True
        click(to=(30, 0))
        assert len(viewer.layers) == 1, "that was a drag"
        click()
        labels = viewer.layers["ct: regions"]
        np.testing.assert_array_equal(labels.data, expected)
        assert plugin.volume_of(labels).same_geometry(VOLUME)
        labels.undo()
        assert not labels.data.any()
        # Points lie on a grid of their own, in the same world.
        viewer.add_points([VOLUME.index_to_world(seed)], name="seeds", units=("mm",) * 3)
        panel.number.value = 4
        panel.button.native.click()
        np.testing.assert_array_equal(labels.data, expected * 4)
        assert labels.selected_label == 4
        # A panel that was closed takes no more clicks.
        panel.number.value = 5
        viewer.window.remove_dock_widget(panel.native)
        click()
        np.testing.assert_array_equal(labels.data, expected * 4)

    def test_the_selected_label_is_measured(self, viewer, tmp_path):
        labels = (CT > 100) + 2 * (CT < -100).astype(np.int32)
        about = plugin.layer_of(VOLUME, "labels")[1]
        layer = viewer.add_labels(labels, **{name: about[name] for name in ("name", "scale", "translate", "units")})
        panel = widget(viewer, "Radiomics")
        for label in (2, 1):
            layer.selected_label = label
            panel.button.native.click()
        expected = [features.radiomics(VOLUME, labels, label=label) for label in (1, 2)]
        assert list(layer.features["index"]) == [1, 2]
        assert list(layer.features["stat_mean"]) == [one["stat_mean"] for one in expected]
        assert panel.table.shape == (len(expected[0]), 2)
        panel.path.value = tmp_path / "features.csv"
        panel.save_button.native.click()
        rows = list(csv.DictReader((tmp_path / "features.csv").read_text().splitlines()))
        assert [float(row["morph_volume"]) for row in rows] == [one["morph_volume"] for one in expected]

    def test_what_is_wrong_is_said(self, viewer, tmp_path):
        from napari.utils.notifications import notification_manager

        panel = widget(viewer, "Radiomics")
        panel.run()
        assert "there is no layer to choose as 'labels'" in notification_manager.records[-1].message
        panel.save()
        assert "measure a label first" in notification_manager.records[-1].message
