"""The widgets of the plugin: what is asked and shown; `_layers` does the work."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..._errors import BackendUnavailable
from ._layers import ENHANCEMENTS, beside, enhance_layer, grow_region, measure_label, write_features

try:
    from magicgui.widgets import CheckBox, ComboBox, Container, FileEdit, FloatSpinBox, PushButton, SpinBox, Table
    from napari.layers import Image, Labels, Layer, Points
    from napari.utils.notifications import show_error, show_info
except ImportError as error:
    raise BackendUnavailable('napari is not installed; pip install "cormack[napari]" "napari[pyqt6]"') from error

# Of the pointer, in screen pixels, up to which a click is none that moves the image.
_CLICK = 3
_LARGE = 1e9


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Show what is wrong with an input, in its own words, rather than a traceback."""
    try:
        yield
    except (ValueError, TypeError) as error:
        show_error(str(error))


class _Widget(Container):  # type: ignore[misc]
    """A panel beside a viewer."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer

    def _choice(self, kind: type[Any], label: str) -> Any:
        """Add a choice among the layers of a kind, kept up to date."""
        found = ComboBox(
            label=label, nullable=True, choices=lambda _: [one for one in self._viewer.layers if isinstance(one, kind)]
        )
        for event in (self._viewer.layers.events.inserted, self._viewer.layers.events.removed):
            event.connect(lambda _, box=found, wanted=kind: self._update(box, wanted))
        self._update(found, kind)
        self.append(found)
        return found

    @staticmethod
    def _update(box: Any, kind: type[Any]) -> None:
        box.reset_choices()
        if box.value is None:
            box.value = next((one for one in box.choices if isinstance(one, kind)), None)

    def _button(self, text: str, run: Any) -> Any:
        button = PushButton(text=text)
        button.changed.connect(run)
        self.append(button)
        return button

    @staticmethod
    def _need(box: Any) -> Any:
        if box.value is None:
            raise ValueError(f"there is no layer to choose as {box.label!r}: open or add one first")
        return box.value


class EnhanceWidget(_Widget):
    """Add an enhanced copy of an image.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Given by napari.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.image = self._choice(Image, "image")
        self.operation = ComboBox(label="operation", choices=list(ENHANCEMENTS))
        self.append(self.operation)
        self.parameters: dict[tuple[str, str], Any] = {}
        for operation, (_, first) in ENHANCEMENTS.items():
            for name, value in first.items():
                box = FloatSpinBox(
                    label=name.replace("_mm", " [mm]").replace("_", " "),
                    value=value,
                    min=-_LARGE,
                    max=_LARGE,
                    step=None,
                )
                self.parameters[operation, name] = box
                self.append(box)
        self.operation.changed.connect(self._show_parameters)
        self._show_parameters()
        self.button = self._button("Add enhanced layer", self.run)

    def _show_parameters(self) -> None:
        for (operation, _), box in self.parameters.items():
            box.visible = operation == self.operation.value

    def run(self) -> None:
        """Add the layer."""
        with _told():
            chosen = self.operation.value
            given = {name: box.value for (operation, name), box in self.parameters.items() if operation == chosen}
            self._viewer.add_layer(Layer.create(*enhance_layer(self._need(self.image), chosen, given)))


class GrowWidget(_Widget):
    """Grow regions from clicks or from a points layer into a labels layer.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Given by napari.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.image = self._choice(Image, "image")
        self.method = ComboBox(label="intensities", choices=["between", "like the seed"])
        self.lower = FloatSpinBox(label="lower", value=100.0, min=-_LARGE, max=_LARGE)
        self.upper = FloatSpinBox(label="upper", value=300.0, min=-_LARGE, max=_LARGE)
        self.multiplier = FloatSpinBox(label="standard deviations", value=2.5, min=0.0, max=100.0)
        self.connectivity = ComboBox(label="neighbours over", choices=[("faces", 1), ("edges", 2), ("corners", 3)])
        self.number = SpinBox(label="label", value=1, min=1, max=2**31 - 1)
        self.clicks = CheckBox(text="grow where I click in a slice")
        self.extend([self.method, self.lower, self.upper, self.multiplier, self.connectivity, self.number, self.clicks])
        self.points = self._choice(Points, "points")
        self.button = self._button("Grow from points", self.run)
        self.method.changed.connect(self._show_parameters)
        self._show_parameters()
        napari_viewer.mouse_drag_callbacks.append(self._clicked)

    def _show_parameters(self) -> None:
        for box in (self.lower, self.upper):
            box.visible = self.method.value == "between"
        self.multiplier.visible = self.method.value != "between"

    def _clicked(self, viewer: Any, event: Any) -> Iterator[None]:
        """Take a click that moves nothing for a seed: a callback of napari's mouse."""
        # Without a parent the panel is closed, though the viewer still knows it.
        if self.native.parent() is None or not self.clicks.value or event.button != 1 or viewer.dims.ndisplay != 2:
            return
        start, place = np.asarray(event.pos, float), event.position
        yield
        while event.type == "mouse_move":
            yield
        if np.linalg.norm(np.asarray(event.pos, float) - start) <= _CLICK:
            with _told():
                self.grow([self._need(self.image).world_to_data(place)])

    def run(self) -> None:
        """Grow from all points of the chosen layer."""
        with _told():
            points, image = self._need(self.points), self._need(self.image)
            self.grow([image.world_to_data(points.data_to_world(one)) for one in points.data])

    def grow(self, seeds: Any) -> None:
        """Write what grows from seeds, voxels of the image, into the labels layer of the image."""
        image = self._need(self.image)
        found = grow_region(
            image,
            seeds,
            self.lower.value,
            self.upper.value,
            method=self.method.value,
            multiplier=self.multiplier.value,
            connectivity=min(self.connectivity.value, image.data.ndim),
        )
        labels = self._regions(image)
        # So that napari can undo it.
        labels.data_setitem(np.nonzero(found), self.number.value)
        labels.selected_label = self.number.value
        show_info(f"{np.count_nonzero(found)} voxels have the label {self.number.value}")

    def _regions(self, image: Any) -> Any:
        name = f"{image.name}: regions"
        for layer in self._viewer.layers:
            if isinstance(layer, Labels) and layer.name == name and layer.data.shape == image.data.shape:
                return layer
        layer = Layer.create(*beside(image, np.zeros(image.data.shape, np.int32), name, "labels"))
        self._viewer.add_layer(layer)
        return layer


class RadiomicsWidget(_Widget):
    """Measure the selected label of a labels layer.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Given by napari.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.image = self._choice(Image, "image")
        self.regions = self._choice(Labels, "labels")
        self.bins = SpinBox(label="grey levels", value=32, min=1, max=65535)
        self.append(self.bins)
        self.button = self._button("Measure the selected label", self.run)
        self.table = Table(name="features")
        self.table.min_width, self.table.min_height = 360, 300
        self.append(self.table)
        self.path = FileEdit(label="CSV file", mode="w", filter="*.csv", value="features.csv")
        self.append(self.path)
        self.save_button = self._button("Save", self.save)
        self._rows: dict[int, dict[str, float]] = {}
        self._measured: Any = None

    def rows(self) -> list[dict[str, float]]:
        """Return one row for each measured label of the layer, in order of labels."""
        return [{"label": label, **self._rows[label]} for label in sorted(self._rows)]

    def run(self) -> None:
        """Measure, show, and keep in the features of the labels layer."""
        with _told():
            labels = self._need(self.regions)
            label = int(labels.selected_label)
            found = measure_label(self._need(self.image), labels, label, bin_number=self.bins.value)
            if self._measured is not labels:
                self._measured, self._rows = labels, {}
            self._rows[label] = found.to_dict()
            rows = self.rows()
            columns = list(dict.fromkeys(name for row in rows for name in row if name != "label"))
            self.table.value = {
                "data": [[row.get(name, np.nan) for row in rows] for name in columns],
                "index": columns,
                "columns": [f"label {row['label']}" for row in rows],
            }
            values = {name: [row.get(name, np.nan) for row in rows] for name in columns}
            labels.features = {"index": [row["label"] for row in rows], **values}

    def save(self) -> None:
        """Write what was measured as CSV."""
        with _told():
            if not self._rows:
                raise ValueError("there is nothing to save: measure a label first")
            write_features(self.rows(), Path(self.path.value))
            show_info(f"{len(self._rows)} rows are in {self.path.value}")
