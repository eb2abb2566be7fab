"""radiomics, RadiomicsSettings, FeatureTable: the steps one by one, layouts, threads, and every bad input."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from cormack import GeometryError, Volume, features, filters
from cormack.features import RadiomicsSettings, radiomics

RNG = np.random.default_rng(0)
SHAPE = (20, 37, 41)
IMAGE = (RNG.normal(0, 100, SHAPE) + 300 * np.sin(np.arange(41) / 6)).astype(np.int16)
MASK = np.zeros(SHAPE, np.uint8)
MASK[4:15, 8:30, 5:33] = RNG.integers(0, 4, (11, 22, 28))
SPACING = (3.0, 0.9, 1.1)
VARIANTS = {
    "default": {},
    "2D": {"dimension": "2D", "new_spacing": (1.5, 1.5)},
    "linear": {"new_spacing": 2, "resegmentation_range": (-300, 350)},
    "cubic": {"new_spacing": (2.0, 1.3, 1.7), "image_interpolation": "cubic", "resegmentation_sigma": 2.5},
    "nearest": {"new_spacing": 1.2, "image_interpolation": "nearest", "mask_interpolation": "nearest"},
    "cubic mask": {"new_spacing": 1.7, "mask_interpolation": "cubic"},
    "sizes": {"discretisation": "fixed bin size", "ivh_discretisation": "fixed bin number"},
    "open range": {"resegmentation_range": (None, 200), "discretisation": "fixed bin size", "bin_size": 10},
}


def step_by_step(image, mask, spacing, settings):
    s = settings
    in_plane = s.dimension == "2D"
    if s.new_spacing is not None:
        how = {"new_spacing": s.new_spacing, "dimension": s.dimension}
        integers = image.dtype.kind != "f"
        image = features.resample(image, spacing, interpolation=s.image_interpolation, **how)
        mask = features.resample_mask(mask, spacing, interpolation=s.mask_interpolation, **how)
        if integers:
            image = features.round_intensities(image).astype(np.int16)
        new = s.new_spacing if isinstance(s.new_spacing, tuple) else (s.new_spacing,) * 3
        spacing = (spacing[0], *new) if in_plane else new
    inside = features.resegment(image, mask, intensity_range=s.resegmentation_range, sigma=s.resegmentation_sigma)
    low = None if s.resegmentation_range is None else s.resegmentation_range[0]
    bins = {"bin_size": s.bin_size, "lower": low} if "size" in s.discretisation else {"bin_number": s.bin_number}
    levels, count = features.discretise(image, inside, **bins)
    ivh = {"bin_number": s.ivh_bin_number} if "number" in s.ivh_discretisation else {}
    return (
        features.local_intensity(image, inside, spacing=spacing)
        | features.first_order(image, inside)
        | features.intensity_histogram(levels, inside, level_count=count)
        | features.intensity_volume_histogram(image, inside, intensity_range=s.resegmentation_range, **ivh)
    )


@pytest.mark.parametrize("variant", VARIANTS)
def test_equals_its_steps(variant):
    settings = RadiomicsSettings(**VARIANTS[variant])
    result = radiomics(IMAGE, MASK, spacing=SPACING, settings=settings, label=2)
    wanted = step_by_step(IMAGE, MASK == 2, SPACING, settings)
    for name, value in wanted.items():
        assert result[name] == value, name


def test_two_dimensional_images():
    image, mask = IMAGE[7], MASK[7] == 1
    settings = RadiomicsSettings(new_spacing=(1.3, 1.4))
    result = radiomics(image, mask, spacing=SPACING[1:], settings=settings)
    small = features.resample(image, SPACING[1:], (1.3, 1.4))
    inside = features.resample_mask(mask, SPACING[1:], (1.3, 1.4))
    assert result["stat_mean"] == features.first_order(features.round_intensities(small), inside)["stat_mean"]


@pytest.mark.parametrize("variant", ["default", "linear", "cubic"])
def test_layouts_labels_and_threads_do_not_change_a_bit(variant):
    wanted = dict(radiomics(IMAGE, MASK == 3, spacing=SPACING, settings=VARIANTS[variant], workers=1))
    reversed_image = np.ascontiguousarray(IMAGE[:, ::-1, ::-1])[:, ::-1, ::-1]
    for image, mask, label in (
        (np.asfortranarray(IMAGE), MASK, 3),
        (reversed_image, np.asfortranarray(MASK).astype(np.int64), 3),
        (Volume(IMAGE, SPACING), Volume(MASK == 3, SPACING), None),
        (IMAGE, np.where(MASK == 3, 7.0, 0.0), 7),
    ):
        for workers in (1, 2, 3):
            spacing = None if isinstance(image, Volume) else SPACING
            table = radiomics(image, mask, spacing=spacing, settings=VARIANTS[variant], label=label, workers=workers)
            assert dict(table) == wanted


@pytest.mark.parametrize("variant", ["default", "linear"])
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_not_finite_outside_the_region_does_not_matter(variant, bad):
    image = IMAGE.astype(np.float32)
    far = image.copy()
    far[0, 0, 0] = far[19, 36, 40] = bad
    settings = {**VARIANTS[variant], "intensity_rounding": True}
    for result in (radiomics(x, MASK, spacing=SPACING, settings=settings) for x in (image, far)):
        assert all(math.isfinite(value) for value in result.values())
        assert result["stat_mean"] == radiomics(image, MASK, spacing=SPACING, settings=settings)["stat_mean"]


def test_the_spacing_may_come_from_the_mask():
    settings = {"families": ["local_intensity"]}
    wanted = dict(radiomics(IMAGE, MASK, spacing=SPACING, settings=settings))
    assert dict(radiomics(IMAGE, Volume(MASK, SPACING), settings=settings)) == wanted
    assert dict(radiomics(Volume(IMAGE, 1.0), Volume(MASK, 1.0), spacing=SPACING, settings=settings)) == wanted


def test_a_region_at_the_border():
    mask = np.zeros(SHAPE, bool)
    mask[0:2, 35:, 0] = True
    result = radiomics(IMAGE, mask, spacing=SPACING)
    assert dict(result) == dict(radiomics(IMAGE, mask, spacing=SPACING, workers=2))
    assert result["stat_max"] == IMAGE[mask].max()
    everything = radiomics(IMAGE, np.ones(SHAPE, bool), spacing=SPACING, settings={"new_spacing": 2})
    assert everything["ih_max"] == 32


@pytest.mark.parametrize("dtype", [np.int16, np.float32])
@pytest.mark.parametrize("how", ["fixed bin number", "fixed bin size"])
@pytest.mark.parametrize("value", [0, 7])
def test_a_region_of_one_intensity_has_every_feature_or_says_which_not(dtype, how, value):
    image = np.full(SHAPE, value, dtype)
    table = radiomics(image, MASK > 0, spacing=SPACING, settings={"discretisation": how, "bin_size": 5})
    spatial = ["morph_moran_i", "morph_geary_c"]
    undefined = [name for name in table if name in (["morph_com", *spatial] if value == 0 else spatial)]
    divided = [name for name in table.undefined if name not in undefined]
    assert set(divided) <= {"stat_cov", "stat_qcod"}, divided
    assert not divided or value == 0
    assert table["cm_corr_3D_mrg"] == 1
    assert table["ih_max"] == 1


ALL = ["morphology", "local_intensity", "first_order", "intensity_histogram", "intensity_volume_histogram", "glcm",
       "glrlm", "glszm", "gldzm", "ngtdm", "ngldm"]  # fmt: skip
INTENSITIES = ["local_intensity", "first_order", "intensity_histogram", "intensity_volume_histogram"]


def test_one_voxel_and_one_intensity():
    one = np.zeros(SHAPE, bool)
    one[5, 6, 7] = True
    for mask, image in ((one, IMAGE), (MASK > 0, np.full(SHAPE, 7.5, np.float32)), (MASK > 0, np.full(SHAPE, 7))):
        image = image.astype(np.float32 if image.dtype.kind == "f" else np.int16)
        result = radiomics(image, mask, spacing=SPACING, settings={"families": INTENSITIES})
        assert result["stat_var"] == result["ih_var"] == result["ih_entropy"] == 0
        assert result["ivh_v10"] == 1
        assert all(math.isfinite(value) for value in result.values())


def test_one_voxel_has_no_neighbours_to_occur_with():
    mask = np.zeros(SHAPE, bool)
    mask[5, 6, 7] = True
    with pytest.raises(ValueError, match="glcm: the region must have two voxels 1 apart"):
        radiomics(IMAGE, mask)
    rest = [name for name in ALL if name != "glcm"]
    result = radiomics(IMAGE, mask, settings={"families": rest})
    assert result["dzm_z_perc_3D"] == 1
    assert all(name.startswith("morph_") for name in result.undefined)


def test_the_default_is_every_feature():
    result = radiomics(IMAGE, MASK, spacing=SPACING)
    assert {feature["code"] for feature in result.rows()} == {d.code for d in features.definitions().values()}
    assert result.undefined == ()
    flat = radiomics(IMAGE[7], MASK[7], settings={"distance": 2, "coarseness": 1})
    assert not any(name.startswith("morph_") for name in flat)
    assert flat["cm_energy_2D_avg"] == flat["cm_energy_2.5D_dmrg"]


def test_aggregations_and_families_on_request():
    wanted = {"aggregations": ["2.5D merged", "3D averaged"], "families": ["glrlm", "gldzm"]}
    result = radiomics(IMAGE, MASK, settings=wanted)
    assert {f["aggregation"] for f in result.rows()} == {"2.5D merged", "3D averaged", "2.5D", "3D"}
    everything = radiomics(IMAGE, MASK, settings={"aggregations": ["3D averaged", "2.5D merged"]})
    assert all(everything[column] == value for column, value in result.items())


def test_many_bins():
    for number, reason in ((20000, "there must be at most 4544 levels"), (100000, "at most 65535 grey levels")):
        with pytest.raises(ValueError, match=reason):
            radiomics(IMAGE, MASK, settings={"bin_number": number})
    result = radiomics(IMAGE, MASK, settings={"bin_number": 100000, "families": INTENSITIES})
    assert result["ih_max"] == 100000


WITH_NAN = np.where(MASK == 2, np.nan, IMAGE.astype(np.float32))
BAD = [
    (lambda: radiomics(IMAGE, MASK * 0), "radiomics: `mask` must contain a voxel, got none"),
    (lambda: radiomics(IMAGE, MASK, label=9), "radiomics: `label` must be in the mask, got 9"),
    (lambda: radiomics(IMAGE, MASK, label=-1), "radiomics: `label` must be in the mask, got -1"),
    (lambda: radiomics(IMAGE, MASK.astype(np.int64), label=300), "radiomics: `label` must be in the mask, got 300"),
    (lambda: radiomics(IMAGE, MASK[1:]), "radiomics: `mask` must have shape (20, 37, 41), got (19, 37, 41)"),
    (lambda: radiomics(IMAGE, MASK, spacing=0), "radiomics: `spacing` must be above 0, got 0"),
    (lambda: radiomics(IMAGE, MASK, spacing=(1, 1, -1)), "radiomics: `spacing` must be above 0, got -1"),
    (lambda: radiomics(IMAGE, MASK, spacing=math.nan), "radiomics: `spacing` must be finite, got nan"),
    (lambda: radiomics(IMAGE, MASK, spacing=math.inf), "radiomics: `spacing` must be finite, got inf"),
    (lambda: radiomics(IMAGE, MASK, spacing=(1, 0, 1)), "radiomics: `spacing` must be above 0, got 0"),
    (lambda: radiomics(IMAGE, MASK, spacing=(1, 1)), "`spacing` must be one value or one for each of 3 axes"),
    (lambda: radiomics(WITH_NAN, MASK), "radiomics: `image` must be finite in the region, got "),
    (lambda: radiomics(WITH_NAN, MASK, settings={"new_spacing": 2}), "`image` must be finite in the region"),
    (lambda: radiomics(WITH_NAN / 0, MASK), "`image` must be finite in the region"),
    (lambda: radiomics(IMAGE, MASK, settings={"resegmentation_range": (5000, 6000)}), "re-segmentation must leave"),
    (lambda: radiomics(IMAGE, IMAGE.max() == IMAGE, settings={"new_spacing": 90}), "after resampling, got none"),
    (lambda: radiomics(IMAGE, MASK, settings={"discretisation": "none"}), "intensities must be levels from 1"),
    (lambda: radiomics(IMAGE, MASK, settings={"bin_sise": 5}), "no setting 'bin_sise'; did you mean 'bin_size'?"),
    (lambda: radiomics(IMAGE, MASK, settings={"families": ["shape"]}), "`families` must be one of"),
    (lambda: RadiomicsSettings(bin_size=0), "RadiomicsSettings: `bin_size` must be above 0, got 0"),
    (lambda: RadiomicsSettings(bin_size=-25), "RadiomicsSettings: `bin_size` must be above 0, got -25"),
    (lambda: RadiomicsSettings(bin_size=math.nan), "RadiomicsSettings: `bin_size` must be finite, got nan"),
    (lambda: RadiomicsSettings(ivh_bin_size=0), "RadiomicsSettings: `ivh_bin_size` must be above 0, got 0"),
    (lambda: radiomics(IMAGE, MASK, settings={"discretisation": "fixed bin size", "bin_size": 1e-9}), "bin"),
    (lambda: radiomics(IMAGE, MASK, settings={"bin_number": 100000}), "radiomics: textures take at most 65535 grey"),
    (lambda: radiomics(IMAGE, MASK, settings={"ivh_discretisation": "fixed bin size", "ivh_bin_size": 1e-9}),
     "radiomics: `ivh_bin_size` must leave at most 4194304 bins, got 1e-09"),
    (lambda: radiomics(IMAGE[:0], MASK[:0]), "radiomics: `mask` must contain a voxel, got none"),
    (lambda: radiomics(IMAGE, MASK[..., None]), "radiomics: `mask` must have shape (20, 37, 41), got (20, 37, 41, 1)"),
    (lambda: RadiomicsSettings(bin_number=0), "RadiomicsSettings: `bin_number` must be at least 1, got 0"),
    (lambda: RadiomicsSettings(new_spacing=-2), "RadiomicsSettings: `new_spacing` must be above 0, got -2"),
    (lambda: RadiomicsSettings(new_spacing=(1, 2, 3, 4)), "`new_spacing` must be one, two or three values"),
    (lambda: RadiomicsSettings(dimension="4D"), "`dimension` must be one of '2D', '3D', got '4D'"),
    (lambda: RadiomicsSettings(resegmentation_range=(3, 1)), "`resegmentation_range` must increase, got (3, 1)"),
    (lambda: RadiomicsSettings(resegmentation_sigma=0), "`resegmentation_sigma` must be above 0"),
    (lambda: RadiomicsSettings(discretisation="25"), "`discretisation` must be one of"),
    (lambda: RadiomicsSettings(aggregations=["3D"]), "`aggregations` must be one of '2D averaged'"),
    (lambda: RadiomicsSettings(distance=16), "`distance` must be at most 15, got 16"),
    (lambda: radiomics(IMAGE[0], MASK[5], settings={"families": ["morphology"]}), "`families` must be one of"),
    (lambda: radiomics(IMAGE[5], MASK[5], settings={"aggregations": ["3D merged"]}), "name no 3D ones for a 2-D image"),
    (lambda: RadiomicsSettings(families=[]), "`families` must name at least one"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "message"), BAD, ids=[message for _, message in BAD])
def test_rejects(call, message):
    with pytest.raises(ValueError) as error, np.errstate(all="ignore"):
        call()
    assert message in str(error.value)


def test_image_and_mask_on_different_grids_are_refused_with_both():
    with pytest.raises(GeometryError) as error:
        radiomics(Volume(IMAGE, SPACING), Volume(MASK, SPACING, origin=(1, 0, 0)))
    assert "origin (0, 0, 0)" in str(error.value)
    assert "origin (1, 0, 0)" in str(error.value)


def test_a_range_of_any_width_has_a_volume_histogram():
    wide = radiomics(IMAGE, MASK, settings={"resegmentation_range": (-1e300, 1e300), "families": INTENSITIES})
    numbered = {"ivh_discretisation": "fixed bin number", "families": INTENSITIES}
    assert wide == radiomics(IMAGE, MASK, settings=numbered)


@pytest.mark.parametrize(
    "wrong", [{"families": [["glcm"]]}, {"aggregations": [3]}, {"intensity_rounding": np.array([1, 0])}]
)
def test_settings_of_wrong_types_are_named(wrong):
    with pytest.raises(TypeError, match=f"RadiomicsSettings: `{next(iter(wrong))}` must be"):
        RadiomicsSettings(**wrong)


def test_settings_take_numbers_of_numpy():
    settings = RadiomicsSettings(new_spacing=np.array(2.0), intensity_rounding=np.True_)
    assert settings == RadiomicsSettings(new_spacing=2.0, intensity_rounding=True)
    assert json.loads(json.dumps(settings.to_dict())) == settings.to_dict()


def test_settings_survive_json():
    settings = RadiomicsSettings(new_spacing=[2, 1, 1], resegmentation_range=(None, 400), families=["first_order"])
    again = RadiomicsSettings.from_dict(json.loads(json.dumps(settings.to_dict())))
    assert again == settings
    assert hash(again) == hash(settings)
    assert RadiomicsSettings.from_dict({}) == RadiomicsSettings()


def test_a_table_turns_into_whatever_is_needed():
    table = radiomics(IMAGE, MASK, label=1, settings={"families": ["first_order", "local_intensity"]})
    assert list(table) == [*features.definitions("9ST6"), *features.definitions("UHIW")]
    assert table.to_dict() == dict(table)
    assert json.loads(table.to_json()) == dict(table)
    first = table.rows()[2]
    assert (first["column"], first["code"], first["unit"]) == ("stat_mean", "Q4LE", "intensity")
    frame = table.to_pandas()
    assert list(frame.columns) == ["label", *table]
    assert frame.shape == (1, 21)
    assert repr(table) == "FeatureTable(20 features of label 1)"
    with pytest.raises(KeyError):
        table["no such feature"]


MANY = np.zeros(SHAPE, np.int16)
MANY[2:9, 3:12, 4:13], MANY[0:3, 30:, 36:], MANY[12:18, 5:20, 20:30], MANY[15, 30, 3] = 1, 700, 12, 40


@pytest.mark.parametrize("variant", ["default", "2D", "linear"])
@pytest.mark.parametrize("labels", ["all", [12, 1], (700,), np.array([1, 12])], ids=str)
def test_many_labels_equal_one_call_each(variant, labels):
    wanted = [1, 12, 40, 700] if isinstance(labels, str) else [int(label) for label in labels]
    tables = radiomics(IMAGE, MANY, spacing=SPACING, settings=VARIANTS[variant], labels=labels)
    assert [table.label for table in tables] == wanted
    for table in tables:
        if table.label == 40:
            assert table.error is not None
            continue
        assert table.error is None
        one = radiomics(IMAGE, MANY, spacing=SPACING, settings=VARIANTS[variant], label=table.label)
        np.testing.assert_array_equal(list(table.values()), list(one.values()))
        assert list(table) == list(one)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "uint32", "int64", "uint64", "float16", "float64"])
def test_many_labels_in_masks_of_any_type(dtype):
    masks = np.where(MANY == 1, 1, np.where(MANY == 12, 5, 0)).astype(dtype)
    if masks.dtype.kind in "if":
        masks[masks == 5] = -5
    settings = {"families": ["first_order"]}
    tables = radiomics(IMAGE, np.asfortranarray(masks), labels="all", settings=settings)
    assert [table.label for table in tables] == sorted({int(value) for value in np.unique(masks)} - {0})
    for table in tables:
        assert dict(table) == dict(radiomics(IMAGE, masks, label=table.label, settings=settings))


def test_the_background_is_a_label_on_request():
    settings = {"families": ["first_order"]}
    tables = radiomics(IMAGE, MANY, labels=[0, 1], settings=settings)
    assert dict(tables[0]) == dict(radiomics(IMAGE, MANY, label=0, settings=settings))


def test_many_labels_of_a_slice():
    tables = radiomics(IMAGE[4], MANY[4], labels="all")
    assert [dict(table) for table in tables] == [dict(radiomics(IMAGE[4], MANY[4], label=1))]


def test_errors_of_one_label_are_in_its_row():
    image = IMAGE.astype(np.float32)
    image[MANY == 12] = math.nan
    tables = radiomics(image, MANY, labels=[700, 40, 12, 3])
    assert list(tables.errors) == [40, 12, 3]
    assert tables.errors[40] == "glcm: the region must have two voxels 1 apart (3D averaged), got none"
    assert tables.errors[12].startswith("radiomics: `image` must be finite in the region")
    assert tables.errors[3] == "radiomics: `label` must be in the mask, got 3"
    alone = radiomics(image, MANY, label=40, settings={"families": [name for name in ALL if name != "glcm"]})
    np.testing.assert_array_equal(list(tables[1].values()), list(alone.values()))
    rows = tables.to_dicts()
    assert [row["label"] for row in rows] == [700, 40, 12, 3]
    assert all(list(row) == ["label", *tables[0], "error"] for row in rows)
    assert math.isnan(rows[3]["stat_mean"])
    assert rows[0]["error"] is None
    frame = tables.to_pandas()
    assert frame.shape == (4, len(tables[0]) + 2)
    assert frame["stat_mean"].notna().tolist() == [True, True, False, False]
    assert repr(tables[:2]) == "FeatureTables(2 labels, 1 with errors)"


def test_no_label_or_no_list():
    with pytest.raises(ValueError, match="`mask` must contain a voxel, got none"):
        radiomics(IMAGE, MASK * 0, labels="all")
    assert list(radiomics(IMAGE, MASK, labels=[])) == []
    assert len(radiomics(IMAGE, MASK * 0, labels=[1]).errors) == 1
    with pytest.raises(ValueError, match="`labels` must be one of 'all', got 'each'"):
        radiomics(IMAGE, MASK, labels="each")
    with pytest.raises(TypeError, match="`labels` must be 'all' or a sequence of integers, got 3"):
        radiomics(IMAGE, MASK, labels=3)
    with pytest.raises(TypeError, match="`labels` must be"):
        radiomics(IMAGE, MASK, labels=[1.5])
    with pytest.raises(ValueError, match="`label` must be None where `labels` is given, got 1"):
        radiomics(IMAGE, MASK, label=1, labels="all")
    with pytest.raises(ValueError, match=r"must hold integers where `labels` are wanted, got 0\.5"):
        radiomics(IMAGE, np.where(MASK == 1, 0.5, MASK), labels="all")
    with pytest.raises(ValueError, match="`mask` must not hold NaN"):
        radiomics(IMAGE, np.where(MASK == 1, math.nan, MASK), labels="all")
    with pytest.raises(ValueError, match="`spacing` must be above 0"):
        radiomics(IMAGE, MASK, labels="all", spacing=0)
    with pytest.raises(ValueError, match="name no 3D ones for a 2-D image"):
        radiomics(IMAGE[5], MASK[5], labels="all", settings={"aggregations": ["3D merged"]})


def test_features_of_filter_responses():
    laws = filters.laws_filter(
        IMAGE.astype(np.float32), "L5E5S5", mode="mirror", energy_distance=7, rotation_invariant="max"
    )
    laplacian = filters.gaussian_laplace(IMAGE.astype(np.float32), sigma=1.5)
    for response in (laws, laplacian):
        table = radiomics(response, MASK, spacing=SPACING, label=1)
        statistics = features.first_order(response, MASK == 1)
        assert {name: table[name] for name in statistics} == statistics
        assert table["ih_max"] == 32
        assert table.undefined == ()
