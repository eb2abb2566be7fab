"""Texture families on the digital phantom of IBSI: every reference value, and every cell of every matrix."""

from __future__ import annotations

import csv
from collections import defaultdict

import numpy as np
import pytest

from cormack import features

from .tables import matches

FAMILIES = {
    "LFYI": features.glcm,
    "TP0I": features.glrlm,
    "9SAK": features.glszm,
    "VMDZ": features.gldzm,
    "IPET": features.ngtdm,
    "REK0": features.ngldm,
}
MATRICES = {
    "GLCM": features.glcm_matrix,
    "GLRLM": features.glrlm_matrix,
    "GLSZM": features.glszm_matrix,
    "GLDZM": features.gldzm_matrix,
    "NGLDM": features.ngldm_matrix,
}
BY_DIRECTION = ("2D averaged", "2D slice-merged", "2.5D direction-merged", "2.5D merged", "3D averaged", "3D merged")
# As glcm_matrix documents them, here (x y z).
DIRECTIONS = [(1, 0, 0), (-1, 1, 0), (0, 1, 0), (1, 1, 0), (-1, -1, 1), (0, -1, 1), (1, -1, 1), (-1, 0, 1), (0, 0, 1),
              (1, 0, 1), (-1, 1, 1), (0, 1, 1), (1, 1, 1)]  # fmt: skip


@pytest.fixture(scope="module")
def phantom(digital_phantom):
    """Levels and mask (z, y, x)."""
    image, mask, _ = digital_phantom
    return image.astype(np.int32), mask


def rows_of(shared, name):
    with (shared / "reference" / "ibsi" / name).open() as file:
        return list(csv.DictReader(file))


def aggregations_of(family):
    return BY_DIRECTION if family in ("LFYI", "TP0I") else ("2D", "2.5D", "3D")


@pytest.mark.parametrize("family", FAMILIES)
def test_features_match_ibsi_on_the_digital_phantom(shared, phantom, family, isa):
    rows = [row for row in rows_of(shared, "ibsi1_digital_phantom.csv") if row["family_id"] == family]
    ways = aggregations_of(family)
    result = FAMILIES[family](*phantom, aggregation=ways)
    assert list(result) == list(ways)
    for way in ways:
        expected = {row["name"]: row for row in rows if row["aggregation"] == way}
        assert list(result[way]) == list(expected) == list(features.definitions(family))
        assert FAMILIES[family](*phantom, aggregation=way) == result[way]
        for name, row in expected.items():
            value = result[way][name]
            assert type(value) is float
            assert matches(value, float(row["value"]), float(row["tolerance"])), (way, name, value, row["value"])
            np.testing.assert_allclose(value, float(row["check_value"]), rtol=1e-6, atol=1e-9, err_msg=f"{way} {name}")


def index_of_direction(text):
    direction = tuple(map(int, text.split()))
    opposite = tuple(-step for step in direction)
    return DIRECTIONS.index(direction if direction in DIRECTIONS else opposite)


def expected_matrices(rows, family):
    """Cells of each scope, by slice and direction where it has them."""
    result = defaultdict(dict)
    for row in rows:
        if row["family"] == family:
            place = []
            if row["slice"]:
                place.append(int(row["slice"]) - 1)
            if row["direction_xyz"]:
                place.append(index_of_direction(row["direction_xyz"]))
            result[row["scope"]][(*place, int(row["i"]) - 1, int(row["j"]) - 1)] = int(row["count"])
    return result


@pytest.mark.parametrize("family", MATRICES)
def test_matrices_match_ibsi_on_the_digital_phantom(shared, phantom, family):
    expected = expected_matrices(rows_of(shared, "ibsi1_digital_phantom_texture_matrices.csv"), family)
    scopes = {"2D": "2D", "2.5D merged": "2.5D", "3D": "3D"}
    if family in ("GLCM", "GLRLM"):
        scopes = {
            "2D": "2D averaged",
            "2D merged over directions": "2D slice-merged",
            "2.5D direction": "2.5D direction-merged",
            "2.5D merged": "2.5D merged",
            "3D": "3D averaged",
            "3D merged": "3D merged",
        }
    assert expected.keys() == scopes.keys()
    for scope, cells in expected.items():
        matrix = MATRICES[family](*phantom, aggregation=scopes[scope])
        assert matrix.dtype == np.int64
        found = {tuple(map(int, place)): int(matrix[tuple(place)]) for place in np.argwhere(matrix)}
        assert found == cells, scope


def test_grey_tone_differences_match_ibsi_on_the_digital_phantom(shared, phantom):
    expected = defaultdict(dict)
    for row in rows_of(shared, "ibsi1_digital_phantom_ngtdm.csv"):
        place = (int(row["slice"]) - 1,) if row["slice"] else ()
        expected[row["scope"].removesuffix(" merged")][(*place, int(row["i"]) - 1)] = float(row["s"]), float(row["n"])
    assert expected.keys() == {"2D", "2.5D", "3D"}
    for scope, cells in expected.items():
        matrix = features.ngtdm_matrix(*phantom, aggregation=scope)
        assert {tuple(map(int, place)) for place in np.argwhere(matrix[..., 1])} == cells.keys()
        for place, values in cells.items():
            np.testing.assert_allclose(matrix[place], values, rtol=1e-9)


@pytest.fixture(scope="module")
def configuration_a(shared):
    """Levels, mask of the intensities and morphological mask of the lung CT phantom as configuration A has them."""
    nibabel = pytest.importorskip("nibabel")
    folder = shared / "data" / "ibsi_ct_phantom"
    if not folder.is_dir():
        pytest.skip("the CT phantom is not here")
    image, mask = (np.asarray(nibabel.load(folder / f"{name}.nii.gz").dataobj).T for name in ("image", "mask"))
    image, mask = np.rint(image).astype(np.int32), mask != 0
    inside = mask & (image >= -500) & (image <= 400)
    return np.where(inside, (image + 500) // 25 + 1, 0), inside, mask


@pytest.mark.parametrize("family", FAMILIES)
def test_features_match_ibsi_on_the_lung_of_configuration_a(shared, configuration_a, family):
    levels, inside, mask = configuration_a
    rows = [row for row in rows_of(shared, "ibsi1_ct_config_A.csv") if row["family_id"] == family]
    ways = [way for way in aggregations_of(family) if not way.startswith("3D")]
    keywords = {"morphological_mask": mask} if family == "VMDZ" else {}
    result = FAMILIES[family](levels, inside, aggregation=ways, **keywords)
    checked = 0
    for row in rows:
        value = result[row["aggregation"]][row["name"]]
        assert matches(value, float(row["value"]), float(row["tolerance"])), (row["name"], row["aggregation"], value)
        # The other implementation keeps some sums in 32-bit floats.
        np.testing.assert_allclose(value, float(row["check_value"]), rtol=1e-5, atol=1e-9, err_msg=row["name"])
        checked += 1
    assert checked == sum(len(features) for features in result.values())
