"""The recipes find what they are for, on phantoms with known truth and on the real images where they are present."""

from __future__ import annotations

import numpy as np
import pytest

from cormack import Volume, anatomy, io, phantoms, segment


def dice(a, b):
    return 2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))


@pytest.fixture(scope="module")
def chest():
    return phantoms.chest_ct(seed=1)


@pytest.fixture(scope="module")
def found(chest):
    return np.asarray(anatomy.lungs(chest.volume))


@pytest.fixture(scope="module")
def real_ct(shared):
    return io.read(shared / "data" / "ibsi_ct_phantom" / "dicom" / "image")


@pytest.fixture(scope="module")
def real_lungs(real_ct):
    return np.asarray(anatomy.lungs(real_ct))


# --- Lungs ---------------------------------------------------------------------------------------------------------


def test_lungs_of_the_phantom(chest, found):
    aerated = chest.lungs & ~chest.vessels & (chest.nodule_labels == 0)
    assert found.dtype == bool
    assert dice(found, aerated) > 0.985
    # Neither the trachea, nor the hollow table, nor the mattress.
    assert np.count_nonzero(found & chest.airways) < 0.05 * np.count_nonzero(chest.airways)
    assert np.count_nonzero(found & ~chest.lungs) < 0.01 * np.count_nonzero(found)
    assert not found[:, -60:].any()


def test_lungs_keep_the_airway_when_told(chest, found):
    whole = np.asarray(anatomy.lungs(chest.volume, exclude_airways=False))
    assert not (found & ~whole).any()
    voxel_ml = np.prod(chest.volume.spacing) / 1000
    assert np.count_nonzero(whole) - np.count_nonzero(found) < 120 / voxel_ml


def test_lungs_cut_by_the_border_are_kept(chest):
    """A field of view around the right lung, as in the real CT: the lung touches the border of the image."""
    cut = (slice(None), slice(70, 200), slice(0, 120))
    found = anatomy.lungs(np.ascontiguousarray(chest.volume.array[cut]), spacing=chest.volume.spacing)
    aerated = (chest.lungs & ~chest.vessels & (chest.nodule_labels == 0))[cut]
    assert aerated[:, 0].any()
    assert dice(found, aerated) > 0.98


def test_lungs_of_what_has_none(chest):
    spacing = chest.volume.spacing
    assert not anatomy.lungs(np.full((8, 40, 40), -1000, np.int16), spacing=spacing).any()
    assert not anatomy.lungs(np.full((8, 40, 40), 40, np.int16), spacing=spacing).any()
    # The top of the phantom: a trachea and no lung.
    assert not anatomy.lungs(chest.volume.array[88:], spacing=spacing).any()


def test_arguments_are_checked():
    with pytest.raises(ValueError, match="`spacing` must be given"):
        anatomy.lungs(np.zeros((4, 5, 6), np.int16))
    with pytest.raises(ValueError, match="3 dimensions"):
        anatomy.lungs(np.zeros((5, 6), np.int16), spacing=1)
    with pytest.raises(ValueError, match="`spacing` must be above 0"):
        anatomy.brain(np.zeros((4, 5, 6), np.int16), spacing=(1, -1, 1))
    with pytest.raises(ValueError, match="`lungs` must have shape"):
        anatomy.nodule_candidates(np.zeros((4, 5, 6), np.int16), np.zeros((4, 5, 7), bool), spacing=1)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"spacing": (1, 2)}, "`spacing` must be one value or one for each of 3 axes"),
        ({"spacing": np.nan}, "`spacing` must be finite"),
        ({"lungs": None}, "`lungs` must be a mask"),
        ({"threshold": np.nan}, "`threshold` must be finite"),
        ({"diameter_mm": (5, 3)}, "`diameter_mm` must be a pair"),
        ({"diameter_mm": (5,)}, "`diameter_mm` must be one value or one for each of 2"),
        ({"min_roundness": np.nan}, "`min_roundness` must be finite"),
        ({"min_response": np.nan}, "`min_response` must be finite"),
        ({"opening_mm": (0,)}, "`opening_mm` must be above 0"),
        ({"workers": 0}, "`workers` must be at least 1"),
        ({"image": np.full((4, 5, 6), np.nan)}, "`image` must have numbers in `lungs`"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_candidates_refuse_what_makes_no_sense(keywords, message):
    given = {"image": np.zeros((4, 5, 6), np.int16), "lungs": np.ones((4, 5, 6), bool), "spacing": 1.0} | keywords
    with pytest.raises(ValueError, match=f"^nodule_candidates: {message}"):
        anatomy.nodule_candidates(**given)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"threshold": np.nan}, "`threshold` must be finite"),
        ({"min_volume_mm3": -1}, "`min_volume_mm3` must be at least 0"),
        ({"mean_hu": (-400, -940)}, r"`mean_hu` must be a pair \(low, high\)"),
        ({"mean_hu": (-940, np.inf)}, "`mean_hu` must be finite"),
    ],
)
def test_lungs_refuse_what_makes_no_sense(keywords, message):
    with pytest.raises(ValueError, match=f"^lungs: {message}"):
        anatomy.lungs(np.zeros((4, 5, 6), np.int16), spacing=1.0, **keywords)


def test_candidates_take_nan_for_lung():
    z, y, x = np.indices((24, 64, 64))
    image = np.where((y - 32) ** 2 + (x - 32) ** 2 < 22**2, -850.0, 40.0)
    nodule = (2 * (z - 12)) ** 2 + (y - 32) ** 2 + (x - 32) ** 2 < 5**2
    lungs = (image < -400) & ~nodule
    image[nodule] = 40
    labels, response = anatomy.nodule_candidates(image, lungs, spacing=(2, 1, 1))
    assert labels[12, 32, 32] > 0
    image[3, 20, 32] = image[0, 0, 0] = np.nan
    image[23, 63, 63] = np.inf
    again, response_again = anatomy.nodule_candidates(image, lungs, spacing=(2, 1, 1))
    np.testing.assert_array_equal(again, labels)
    np.testing.assert_allclose(response_again, response, atol=1)


def test_lungs_of_the_real_ct(real_ct, real_lungs):
    """A right hemithorax with a tumour: about a litre of aerated lung, connected, above the diaphragm."""
    array, voxel_ml = real_ct.array, np.prod(real_ct.spacing) / 1000
    assert 980 < real_lungs.sum() * voxel_ml < 1100
    # Lung, and not the air outside the body: nothing in the corners that are air, nothing near that air.
    assert not real_lungs[:, :8, :8].any()
    assert not real_lungs[:, -25:].any()  # the table and the air under it
    assert not real_lungs[:, :, :20].any()
    outside = np.asarray(anatomy.outside_air(real_ct))
    assert not (real_lungs & outside).any()
    assert outside[:, 0, 0].all()
    # It is as dense as lung, the trachea is not in it, the tumour is not in it.
    assert -800 < array[real_lungs].mean() < -700
    assert not real_lungs[57, 80:87, 171:178].any()
    assert array[57, 80:87, 171:178].mean() < -900
    # The lung is cut by the front border of the image and kept there.
    assert real_lungs[30, 0].any()
    _, table = segment.screen(segment.label(real_lungs)[0], spacing=real_ct.spacing)
    assert table["volume_mm3"].max() > 0.9 * table["volume_mm3"].sum()


def test_lungs_leave_the_tumour_out(shared, real_ct, real_lungs):
    contour = io.read(shared / "data" / "ibsi_ct_phantom" / "mask.nii.gz").array > 0
    # The contour is generous, a tenth of it is aerated; the tumour is what is solid in it.
    tumour = contour & (real_ct.array > -200)
    assert np.count_nonzero(real_lungs & tumour) < 0.01 * np.count_nonzero(tumour)


# --- Nodules -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seed", "hard"), [(1, 0), (8, 1)])
def test_nodules_of_the_phantom(seed, hard):
    """Seed 8 has a 10 mm nodule between thick vessels of the hilum, which is missed."""
    chest = phantoms.chest_ct(seed=seed)
    mask = np.asarray(anatomy.lungs(chest.volume))
    labels, response = map(np.asarray, anatomy.nodule_candidates(chest.volume, mask))
    assert labels.dtype == np.int32
    assert response.dtype == np.float32
    _, table = segment.screen(
        labels, spacing=chest.volume.spacing, equivalent_diameter_mm=(3.3, 35), roundness=(0.25, None)
    )
    table["score"] = segment.label_statistics(labels, response)["intensity_max"]
    score = phantoms.score_nodules(table, chest)
    # 4 mm nodules are three slices high and measure less than 4 mm: they may be missed.
    large = score["lesions"]["diameter_mm"] > 5.5
    assert np.count_nonzero(~score["lesions"]["found"][large]) <= hard
    assert score["false_candidates"] <= 4
    assert score["mean_abs_diameter_error_mm"] < 1.0
    assert np.nanmax(np.abs(score["lesions"]["diameter_error_mm"])) < 4.0
    true = score["candidates"]["lesion"] >= 0
    assert np.median(score["candidates"]["score"][true]) > 2 * np.max(score["candidates"]["score"][~true], initial=0)


def test_candidates_respond_as_asked():
    chest = phantoms.chest_ct((48, 128, 128), spacing=(4.0, 2.6, 2.6), nodules=3, diameters_mm=(14, 20))
    mask = np.asarray(anatomy.lungs(chest.volume))
    labels, response = map(np.asarray, anatomy.nodule_candidates(chest.volume, mask, min_response=200))
    assert np.all(segment.label_statistics(labels, response)["intensity_max"] >= 200)
    none, _ = anatomy.nodule_candidates(chest.volume.array, mask, spacing=chest.volume.spacing, min_response=1e6)
    assert none.max() == 0


def test_no_lung_no_candidates():
    image = np.full((6, 20, 20), -800, np.int16)
    labels, response = map(np.asarray, anatomy.nodule_candidates(image, np.zeros(image.shape, bool), spacing=1))
    assert labels.max() == 0
    assert response.max() == 0


def test_real_ct_has_few_candidates(real_ct, real_lungs):
    """Consolidation beside the tumour makes candidates; screening leaves a handful, not hundreds."""
    labels, _ = map(np.asarray, anatomy.nodule_candidates(real_ct, real_lungs))
    _, table = segment.screen(labels, spacing=real_ct.spacing, equivalent_diameter_mm=(3.3, 35), roundness=(0.25, None))
    assert labels.max() < 60
    assert np.count_nonzero(table["kept"]) <= 10


# --- Brain ---------------------------------------------------------------------------------------------------------


def head(noise: float = 6.0):
    """Scalp, skull, fluid, grey and white matter, ventricles, a stem that leaves through the neck; 2 mm voxels."""
    z, y, x = np.ogrid[:80, :100, :84]

    def ball(half, centre=(42, 50, 41.5)):
        return sum(((a - c) / h) ** 2 for a, c, h in zip((z, y, x), centre, half, strict=True)) <= 1

    def tube(half, centre=(55, 41.5), top=38):
        inside = ((y - centre[0]) / half[0]) ** 2 + ((x - centre[1]) / half[1]) ** 2 <= 1
        return inside & (z < top)

    image = np.zeros((80, 100, 84), np.float32)
    image[tube((30, 28), (50, 41.5))] = 120  # muscles
    image[ball((37, 46, 39))] = 220
    image[ball((34, 43, 36))] = 15
    image[ball((32, 41, 34))] = 40
    image[tube((12, 12), top=24)] = 15
    brain = ball((30.5, 39.5, 32.5)) | tube((6, 6), top=24)
    image[brain] = 115
    image[ball((26, 35, 28))] = 165
    ventricles = ball((6, 14, 8))
    image[ventricles] = 40
    image += 10 + np.random.default_rng(0).normal(0, noise, image.shape)
    return np.clip(image, 0, None).astype(np.float32), brain


def test_brain_in_a_head():
    image, truth = head()
    found = anatomy.brain(image, spacing=2.0)
    assert dice(found[12:], truth[12:]) > 0.95  # the neck is not asked for
    assert found[42, 50, 41], "ventricles belong to the brain"
    assert not found[42, :9].any()
    assert not found[42, -9:].any(), "the scalp does not"


def test_brain_does_not_depend_on_the_scale():
    image, _ = head()
    found = anatomy.brain(image, spacing=2.0)
    scaled = anatomy.brain(np.rint(image * 10).astype(np.int16), spacing=2.0)
    assert dice(found, scaled) > 0.99


def test_brain_of_a_stripped_image():
    image, truth = head()
    stripped = np.where(truth, image, 0).astype(np.float32)
    found = anatomy.brain(Volume(stripped, spacing=2.0))
    assert dice(found, truth) > 0.99
    assert not anatomy.brain(np.zeros((8, 9, 10), np.uint8), spacing=1.0).any()


def test_brain_of_the_template(shared):
    image = io.read(next((shared / "data" / "mni152").glob("*.nii.gz")))
    found = np.asarray(anatomy.brain(image))
    assert 1780 < found.sum() * np.prod(image.spacing) / 1000 < 1900  # ICBM 152: about 1.83 to 1.89 l
    labels, count = segment.label(found)
    assert count == 1
    assert labels[94, 116, 98] == 1
    # The same template as if nobody had said that it is stripped.
    assert dice(anatomy.brain(image, stripped=False), found) > 0.97


def test_volumes_come_back_on_their_grid():
    image = Volume(np.zeros((4, 5, 6), np.int16), (3, 1, 1), (7, 8, 9))
    lungs = np.zeros(image.shape, bool)
    for found in (
        anatomy.lungs(image),
        anatomy.brain(image),
        anatomy.outside_air(image=image),
        *anatomy.nodule_candidates(image, lungs),
    ):
        assert isinstance(found, Volume)
        assert found.same_geometry(image)
    assert isinstance(anatomy.lungs(image.array, spacing=1), np.ndarray)
