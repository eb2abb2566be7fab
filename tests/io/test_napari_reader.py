"""A folder with a DICOM series, and a file of it, as layers for napari."""

from __future__ import annotations

import numpy as np

from cormack import io
from cormack.compat import napari as plugin


def test_a_series_becomes_a_layer_in_the_place_of_the_patient(tmp_path, stack, write_series):
    feet_first = np.array([[0.0, 1, 0], [0, 0, -1], [-1, 0, 0]])
    write_series(tmp_path / "ct", stack, spacing=(3.0, 0.8, 0.7), rotation=feet_first, RescaleIntercept=-1024)
    read = plugin.get_reader(str(tmp_path / "ct"))
    assert read is not None
    ((data, about, kind),) = read(str(tmp_path / "ct"))
    expected = io.read(tmp_path / "ct").reorient("LPS")
    np.testing.assert_array_equal(data, expected.array)
    assert (about["name"], kind) == ("ct", "image")
    assert about["scale"] == expected.spacing != (3.0, 0.8, 0.7)
    assert about["translate"] == expected.origin
    assert about["metadata"]["cormack"]["modality"] == "CT"
    assert plugin.get_reader(str(next((tmp_path / "ct").glob("*.dcm")))) is read
