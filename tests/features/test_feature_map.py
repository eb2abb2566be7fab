"""feature_map: every voxel's neighbourhood as a region of its own, by the functions of the families."""

from __future__ import annotations

import numpy as np
import pytest

from cormack import Volume, features
from cormack.features import feature_map

RNG = np.random.default_rng(3)
SHAPE = (7, 9, 8)
IMAGE = (RNG.normal(0, 60, SHAPE) + 9 * np.arange(8)).astype(np.int16)
MASK = np.zeros(SHAPE, np.uint8)
MASK[1:6, 2:9, 0:7] = np.where(RNG.random((5, 7, 7)) < 0.7, 2, 1)
MASK[0, 0, 7] = 2
SETTINGS = {"discretisation": "fixed bin size", "bin_size": 20}
FAMILIES = ("first_order", "intensity_histogram", "glcm", "glrlm", "glszm", "gldzm", "ngtdm", "ngldm")
# Differences of sums over a neighbourhood that cancel: what is left of 1e-13 of the largest terms.
NEAR_ZERO = 1e-9
# The square root of what 1e-15 leaves of zero.
ROOT_NEAR_ZERO = {"cm_info_corr2": 1e-7}


def of_neighbourhood(family, image, inside, edges, levels, count, settings, way):
    """Return the features of a family for one neighbourhood, by the family's function."""
    if family == "first_order":
        return features.first_order(image.astype(np.float64), inside)
    if family == "intensity_histogram":
        return features.intensity_histogram(levels, inside, level_count=count)
    in_space = way.startswith("3D")
    arguments = {"level_count": count, "aggregation": way if family in ("glcm", "glrlm") else way.split()[0]}
    if not in_space and family not in ("glcm", "glrlm"):
        arguments["aggregation"] = "2.5D"
    if family in ("glcm", "ngtdm", "ngldm"):
        arguments["distance"] = settings.get("distance", 1)
    if family == "ngldm":
        arguments["coarseness"] = settings.get("coarseness", 0)
    if family == "gldzm":
        arguments["morphological_mask"] = edges
    return getattr(features, family)(levels, inside, **arguments)


def one_by_one(family, image, inside, radius, settings, way="3D merged", *, centers=None, edges=None):
    levels, count = features.discretise(image, inside, bin_size=settings["bin_size"], lower=settings.get("lower"))
    names = [name for name in features.definitions() if name.startswith(PREFIX[family])]
    result = {name: np.full(image.shape, np.nan) for name in names}
    flat = image.ndim == 3 and not way.startswith("3D")
    for at in np.argwhere(inside if centers is None else centers):
        reach = [0 if flat and axis == 0 else radius for axis in range(image.ndim)]
        box = tuple(slice(max(0, x - r), x + r + 1) for x, r in zip(at, reach, strict=True))
        part = inside if edges is None else edges
        try:
            found = of_neighbourhood(family, image[box], inside[box], part[box], levels[box], count, settings, way)
        except ValueError:
            continue
        for name in names:
            result[name][tuple(at)] = found[name]
    return result


PREFIX = dict(zip(FAMILIES, ("stat_", "ih_", "cm_", "rlm_", "szm_", "dzm_", "ngt_", "ngl_"), strict=True))


def check(found, wanted):
    assert list(found) == list(wanted)
    for name, values in wanted.items():
        limit = ROOT_NEAR_ZERO.get(name, NEAR_ZERO)
        np.testing.assert_allclose(found[name], values, rtol=1e-10, atol=limit, err_msg=name)


@pytest.mark.parametrize("family", FAMILIES)
def test_matches_each_neighbourhood_on_its_own(family):
    found = feature_map(IMAGE, MASK, family, settings=SETTINGS, label=2)
    check(found, one_by_one(family, IMAGE, MASK == 2, 1, SETTINGS))
    found = feature_map(IMAGE[3], MASK[3], family, radius=2, settings=SETTINGS)
    check(found, one_by_one(family, IMAGE[3], MASK[3] > 0, 2, SETTINGS, "2.5D merged"))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("variant", "way"),
    [
        ({"dimension": "2D"}, "2.5D merged"),
        ({"distance": 2, "coarseness": 1}, "3D merged"),
        ({"bin_size": 300}, "3D merged"),
        ({"bin_size": 0.3}, "3D merged"),
        ({"aggregations": ["3D averaged"]}, "3D averaged"),
        ({"aggregations": ["2D averaged"], "dimension": "2D"}, "2.5D direction-merged"),
    ],
    ids=str,
)
def test_matches_each_neighbourhood_with_settings(family, variant, way):
    settings = SETTINGS | variant
    wanted = one_by_one(family, IMAGE, MASK > 1, 2, settings, way)
    check(feature_map(IMAGE, MASK > 1, family, radius=2, settings=settings), wanted)


@pytest.mark.parametrize("family", FAMILIES)
def test_matches_each_neighbourhood_of_resegmented_intensities(family):
    settings = SETTINGS | {"resegmentation_range": (-60, 90), "lower": -60}
    inside = (MASK > 0) & (IMAGE >= -60) & (IMAGE <= 90)
    wanted = one_by_one(family, IMAGE, inside, 1, settings, edges=MASK > 0)
    del settings["lower"]
    check(feature_map(IMAGE, MASK, family, settings=settings), wanted)


@pytest.mark.parametrize("family", FAMILIES)
def test_matches_each_neighbourhood_of_another_mask(family):
    around = np.ones(SHAPE, bool)
    around[:, 0] = False
    region = (MASK > 0) & around
    wanted = one_by_one(family, IMAGE, around, 1, SETTINGS, centers=region)
    check(feature_map(IMAGE, region, family, settings=SETTINGS, neighbourhood_mask=around), wanted)


@pytest.mark.parametrize("family", FAMILIES)
def test_matches_large_neighbourhoods(family):
    image = RNG.normal(0, 300, (9, 21, 22)).astype(np.float32)
    inside = np.zeros(image.shape, bool)
    inside[4, 9:13:2, 10] = True
    around = RNG.random(image.shape) < 0.9
    around |= inside
    wanted = one_by_one(family, image, around, 6, {"bin_size": 0.8}, centers=inside)
    settings = {"discretisation": "fixed bin size", "bin_size": 0.8}
    check(feature_map(image, inside, family, radius=6, settings=settings, neighbourhood_mask=around), wanted)


@pytest.mark.parametrize("family", FAMILIES)
def test_has_the_same_bits_for_any_threads_strides_and_types(family):
    wanted = feature_map(IMAGE, MASK, family, settings=SETTINGS, workers=1)
    for image, mask, workers in (
        (IMAGE, MASK, 2),
        (IMAGE, MASK, 3),
        (np.asfortranarray(IMAGE).astype(np.float32), MASK, 1),
        (np.ascontiguousarray(IMAGE[::-1, :, ::-1])[::-1, :, ::-1], np.asfortranarray(MASK).astype(np.int64), 2),
        (IMAGE.astype(np.float64), MASK != 0, 2),
    ):
        found = feature_map(image, mask, family, settings=SETTINGS, workers=workers)
        for name, values in wanted.items():
            np.testing.assert_array_equal(found[name], values, err_msg=name)


def test_names_features_families_and_those_of_haralick():
    names = ["stat_mean", "Contrast", "ngtdm", "cm_contrast"]
    found = feature_map(IMAGE, MASK, names, settings=SETTINGS)
    tones = list(features.definitions("IPET"))
    assert list(found) == ["stat_mean", "Contrast", *tones, "cm_contrast"]
    np.testing.assert_array_equal(found["Contrast"], found["cm_contrast"])
    for name in ("stat_mean", "cm_contrast", "ngt_busyness"):
        np.testing.assert_array_equal(feature_map(IMAGE, MASK, name, settings=SETTINGS), found[name])
    for name, ours in features.HARALICK.items():
        np.testing.assert_array_equal(feature_map(IMAGE[2], MASK[2], name), feature_map(IMAGE[2], MASK[2], ours))


@pytest.mark.parametrize(
    "variant", [{}, {"bin_size": 4}, {"aggregations": ["2D averaged"]}, {"bin_size": 1000}], ids=str
)
def test_maximal_correlation_matches_its_definition_in_numpy(variant):
    settings = SETTINGS | variant
    image, inside = IMAGE[3], MASK[3] > 0
    found = feature_map(image, inside, "maximal correlation coefficient", radius=2, settings=settings)
    levels, count = features.discretise(image, inside, bin_size=settings["bin_size"])
    for at in np.argwhere(inside):
        box = tuple(slice(max(0, x - 2), x + 3) for x in at)
        way = settings.get("aggregations", ["2.5D merged"])[0]
        counts = features.glcm_matrix(levels[box], inside[box], level_count=count, aggregation=way)
        counts = counts.reshape(-1, count, count).astype(np.float64)
        values = []
        for p in counts[counts.any(axis=(1, 2))]:
            p = p[p.any(axis=1)][:, p.any(axis=1)] / p.sum()
            q = np.einsum("ik,jk,i,k->ij", p, p, 1 / p.sum(axis=1), 1 / p.sum(axis=0))
            eigenvalues = np.sort(np.linalg.eigvals(q).real)
            values.append(np.sqrt(max(0.0, eigenvalues[-2])) if len(p) > 1 else 0.0)
        # The root of what rounding leaves of an eigenvalue 0.
        np.testing.assert_allclose(found[tuple(at)], np.mean(values) if values else np.nan, rtol=1e-9, atol=1e-7)


def test_a_volume_comes_back_and_what_is_outside_does_not_matter():
    image = IMAGE.astype(np.float32)
    image[MASK == 0] = np.nan
    found = feature_map(Volume(image, (3, 1, 1)), MASK, "stat_mean")
    assert found.spacing == (3, 1, 1)
    np.testing.assert_array_equal(np.isnan(found.array), MASK == 0)
    np.testing.assert_array_equal(found.array, feature_map(IMAGE, MASK, "stat_mean"))


def test_statistics_need_no_grey_levels():
    image = np.array([[0.0, 1e9], [3.5, 2.0]])
    settings = {"discretisation": "none"}
    assert feature_map(image, image >= 0, "stat_max", settings=settings).tolist() == [[1e9] * 2] * 2
    with pytest.raises(ValueError, match="levels from 1"):
        feature_map(image, image >= 0, "cm_contrast", settings=settings)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"feature": "cm_entropy"}, "`feature` must name features, or families of first_order, intensity_histogram,"),
        ({"feature": "cm_joint_entropy"}, "got 'cm_joint_entropy'; did you mean 'cm_joint_entr'?"),
        ({"feature": "morph_volume"}, "feature_map: `feature` must name features"),
        ({"feature": []}, "feature_map: `feature` must name at least one, got []"),
        ({"radius": 0}, "feature_map: `radius` must be at least 1, got 0"),
        ({"radius": 8}, "feature_map: `radius` must be at most 7, got 8"),
        ({"label": 9}, "feature_map: `label` must be in the mask, got 9"),
        ({"mask": MASK * 0}, "feature_map: `mask` must contain a voxel, got none"),
        ({"mask": MASK[1:]}, "feature_map: `mask` must have shape (7, 9, 8), got (6, 9, 8)"),
        ({"image": np.full(SHAPE, np.inf)}, "feature_map: `image` must be finite in the region"),
        ({"settings": {"new_spacing": 2}}, "feature_map: `settings` must have no new spacing, got 2.0"),
        ({"settings": {"aggregations": ["3D averaged", "3D merged"]}}, "must name one way to combine matrices of 3D"),
        ({"settings": {"aggregations": ["2D averaged"]}}, "must name one way to combine matrices of 3D"),
        ({"feature": "ih_mode", "settings": {"bin_number": 99999}}, "feature_map: textures take at most 65535 grey"),
        ({"neighbourhood_mask": MASK > 1}, "`neighbourhood_mask` must hold the region, got voxels of it outside"),
    ],
)
def test_rejects(arguments, message):
    with pytest.raises(ValueError) as error:
        feature_map(**{"image": IMAGE, "mask": MASK, "feature": "stat_mean"} | arguments)
    assert message in str(error.value)


def test_rejects_what_is_no_name():
    with pytest.raises(TypeError, match="`feature` must be a name or a sequence of names, got 3"):
        feature_map(IMAGE, MASK, 3)
