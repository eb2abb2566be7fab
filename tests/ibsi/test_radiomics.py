"""radiomics with the settings of IBSI's configurations: every value of every family that it computes."""

from __future__ import annotations

import pytest

from cormack.features import RadiomicsSettings, definitions, radiomics
from cormack.features._settings import AGGREGATIONS

from .tables import matches, reference

SETTINGS = {
    "digital phantom": [{"discretisation": "none"}, {"discretisation": "none", "dimension": "2D"}],
    "A": [{"dimension": "2D", "resegmentation_range": (-500, 400), "discretisation": "fixed bin size"}],
    "B": [{"dimension": "2D", "new_spacing": (2, 2), "resegmentation_range": (-500, 400)}],
    "C": [{"new_spacing": 2, "resegmentation_range": (-1000, 400), "discretisation": "fixed bin size",
           "ivh_discretisation": "fixed bin size"}],
    "D": [{"new_spacing": 2, "resegmentation_sigma": 3}],
}  # fmt: skip


@pytest.mark.parametrize("config", SETTINGS)
def test_every_value_matches(request, record_property, config):
    phantom = "digital_phantom" if config == "digital phantom" else "ct_phantom"
    image, mask, spacing = request.getfixturevalue(phantom)
    tables = [radiomics(image, mask, spacing=spacing, settings=settings) for settings in SETTINGS[config]]
    found = {column: table.feature(column) for table in tables for column in table}
    families = {definition.family_code: definition.family for definition in definitions().values()}
    of_family = {name: [0, 0] for name in families.values()}
    wrong, count = {}, 0
    for row in reference(config):
        if row.value is None:
            continue
        column = f"{row.name}_{AGGREGATIONS[row.aggregation][0]}" if row.aggregation else row.name
        feature = found.get(column)
        if feature is None or not matches(feature.value, row.value, row.tolerance):
            wrong[column] = (feature and feature.value, row.value, row.tolerance)
        else:
            assert (feature.definition.name, feature.aggregation) == (row.name, row.aggregation)
            of_family[families[row.family]][0] += 1
        of_family[families[row.family]][1] += 1
        count += 1
    table = config if config == "digital phantom" else f"CT configuration {config}"
    record_property("ibsi", f"{table}: {count - len(wrong)} of {count} values match")
    for family, counts in of_family.items():
        record_property("ibsi family", (config, family, *counts))
    assert not wrong
    assert count == {"digital phantom": 482, "A": 346, "B": 346, "C": 210, "D": 210}[config]


def test_float_images_are_rounded_on_request(ct_phantom):
    image, mask, spacing = ct_phantom
    settings = RadiomicsSettings(intensity_rounding=True, families=["first_order", "local_intensity"])
    unrounded = image.astype("float32") + 0.3
    assert dict(radiomics(unrounded, mask, spacing=spacing, settings=settings)) == dict(
        radiomics(image, mask, spacing=spacing, settings=settings)
    )
