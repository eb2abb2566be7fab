"""PyRadiomics' values and ways, from its measured values on the digital phantom of IBSI."""

from __future__ import annotations

import csv
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import cormack
from cormack import Volume, features, io
from cormack._errors import BackendUnavailable, GeometryError, ReadError
from cormack.compat.radiomics import RadiomicsFeatureExtractor
from cormack.filters._wavelets import analysis_filters

DATA = Path(__file__).parents[1] / "ibsi" / "data"
HERE = Path(__file__).parent
with open(HERE / "pyradiomics_digital_phantom.csv", encoding="utf-8") as file:
    MEASURED = [(row["class"], row["feature"], float(row["value"])) for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def phantom() -> tuple[Volume, Volume]:
    nibabel = pytest.importorskip("nibabel")
    image, mask = (np.asarray(nibabel.load(DATA / f"{name}.nii.gz").dataobj).T for name in ("image", "mask"))
    return Volume(image, spacing=2.0), Volume(mask.astype(np.uint8), spacing=2.0)


@pytest.fixture
def case() -> tuple[Volume, Volume]:
    rng = np.random.default_rng(5)
    array = (rng.normal(size=(9, 14, 15)).cumsum(2) * 60).round().astype(np.int16)
    z, y, x = np.ogrid[:9, :14, :15]
    mask = ((z - 4) / 4) ** 2 + ((y - 6) / 6) ** 2 + ((x - 7) / 6) ** 2 <= 1
    return Volume(array, spacing=(2.5, 1.0, 0.8)), Volume(mask.astype(np.uint8), spacing=(2.5, 1.0, 0.8))


def everything(**settings):
    extractor = RadiomicsFeatureExtractor(**settings)
    extractor.enableFeaturesByName(
        **{
            name: list(extractor.getFeatureNames(name))
            for name in extractor.getFeatureClassNames()
            if name != "shape2D"
        }
    )
    return extractor


def test_every_measured_value_of_pyradiomics(phantom):
    found = everything(binWidth=1, additionalInfo=False).execute(*phantom)
    assert len(MEASURED) == 111
    wrong = [
        (name, found.get(f"original_{kind}_{name}"), value)
        for kind, name, value in MEASURED
        if found.get(f"original_{kind}_{name}") != pytest.approx(value, rel=1e-9, abs=1e-12)
    ]
    assert not wrong
    # And nothing beyond what PyRadiomics has.
    assert len(found) == len(MEASURED)


# Configurations A, C and D of the CT phantom in PyRadiomics' settings.
CT = {
    "A": {"binWidth": 25, "resegmentRange": [-500, 400], "force2D": True},
    "C": {
        "binWidth": 25,
        "resegmentRange": [-1000, 400],
        "resampledPixelSpacing": [2, 2, 2],
        "interpolator": "sitkLinear",
    },
    "D": {
        "binCount": 32,
        "resegmentRange": [-3, 3],
        "resegmentMode": "sigma",
        "resampledPixelSpacing": [2, 2, 2],
        "interpolator": "sitkLinear",
    },
}


def matches(x, value, tolerance):
    """IBSI's rule: x rounded to three significant digits."""
    if x and np.isfinite(x):
        x = round(x, 2 - int(np.floor(np.log10(abs(x)))))
    return abs(x - value) <= tolerance + 1e-9 * max(1.0, abs(value))


@pytest.mark.parametrize("config", sorted(CT))
def test_ct_agrees_with_ibsi_where_pyradiomics_does(config, shared):
    nibabel = pytest.importorskip("nibabel")
    if config != "A":
        pytest.importorskip("SimpleITK")
    files = [nibabel.load(shared / "data" / "ibsi_ct_phantom" / f"{name}.nii.gz") for name in ("image", "mask")]
    spacing = files[0].header.get_zooms()[::-1]
    image, mask = (np.rint(np.asarray(file.dataobj).T) for file in files)
    case = Volume(image.astype(np.float32), spacing=spacing), Volume(mask.astype(np.uint8), spacing=spacing)
    found = everything(**CT[config], additionalInfo=False).execute(*case)
    planes = config == "A"
    ways = ("", "2.5D", "2.5D direction-merged") if planes else ("", "3D", "3D averaged")
    with open(shared / "reference" / "ibsi" / f"ibsi1_ct_config_{config}.csv", encoding="utf-8") as file:
        references = {
            row["name"]: (float(row["value"]), float(row["tolerance"]))
            for row in csv.DictReader(file)
            if row["value"] and row["aggregation"] in ways
        }
    with open(shared / "reference" / "ibsi" / "pyradiomics_mapping.csv", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row[f"ct_config_{config}"]]
    assert len(rows) == 105
    for row in rows:
        name = f"original_{row['pyradiomics_class']}_{row['pyradiomics_feature']}"
        agrees = matches(found[name], *references[row["ibsi_name"]])
        assert ("agrees" if agrees else "deviates") == row[f"ct_config_{config}"], name


def test_deprecated_features_only_where_they_are_named(phantom):
    found = RadiomicsFeatureExtractor(binWidth=1, additionalInfo=False).execute(*phantom)
    assert len(found) == 107
    assert "original_shape_Compactness1" not in found
    assert "original_firstorder_StandardDeviation" not in found


# --- Textures with settings ---------------------------------------------------------------------------------------


def levels_of(image, mask, width=25):
    array, inside = image.array.astype(float), mask.array == 1
    low = array[inside].min()
    return np.where(inside, np.floor(array / width) - np.floor(low / width) + 1, 0).astype(np.int32)


def textures(case, *classes, **settings):
    extractor = RadiomicsFeatureExtractor(additionalInfo=False, **settings)
    extractor.disableAllFeatures()
    extractor.enableFeaturesByName(**dict.fromkeys(classes))
    return extractor.execute(*case)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_force2d_merges_slices_across_the_axis(case, axis):
    found = textures(case, "glcm", "glrlm", "glszm", "gldm", "ngtdm", force2D=True, force2Ddimension=axis)
    levels = np.moveaxis(levels_of(*case), axis, 0)
    glcm = features.glcm(levels, aggregation="2.5D direction-merged")
    glrlm = features.glrlm(levels, aggregation="2.5D direction-merged")
    assert found["original_glcm_JointEntropy"] == pytest.approx(glcm["cm_joint_entr"], rel=1e-10)
    assert found["original_glcm_ClusterShade"] == pytest.approx(glcm["cm_clust_shade"], rel=1e-9)
    assert found["original_glrlm_RunPercentage"] == pytest.approx(glrlm["rlm_r_perc"], rel=1e-12)
    assert found["original_glszm_ZoneVariance"] == features.glszm(levels, aggregation="2.5D")["szm_zs_var"]
    assert found["original_gldm_DependenceEntropy"] == features.ngldm(levels, aggregation="2.5D")["ngl_dc_entr"]
    # PyRadiomics counts voxels without a neighbour, as IBSI does not; the region has two.
    table = features.ngtdm_matrix(levels, aggregation="2.5D")
    s, n = table[:, 0], np.bincount(levels[levels > 0])[1:]
    assert table[:, 1].sum() < n.sum()
    assert found["original_ngtdm_Coarseness"] == pytest.approx(n.sum() / (s @ n), rel=1e-12)


def co_occurrence(levels, step):
    counts = np.zeros((levels.max() + 1,) * 2)
    wide = np.pad(levels, 2)
    here = tuple(slice(2, 2 + n) for n in levels.shape)
    there = tuple(slice(2 + s, 2 + s + n) for s, n in zip(step, levels.shape, strict=True))
    np.add.at(counts, (wide[here], wide[there]), 1)
    return counts[1:, 1:]


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("norm", [None, "euclidean", "manhattan", "infinity", "no_weighting"])
def test_distances_norms_and_symmetry_match_a_direct_count(case, symmetric, norm):
    distances = [1, 2]
    found = textures(case, "glcm", distances=distances, weightingNorm=norm, symmetricalGLCM=symmetric, binWidth=80)
    levels = levels_of(*case, 80)
    matrices, weights = [], []
    for step in np.ndindex(5, 5, 5):
        step = np.array(step) - 2
        if tuple(step) <= (0, 0, 0):
            continue
        counts = co_occurrence(levels, step)
        mm = np.abs(step) * case[0].spacing
        length = {None: 0, "no_weighting": 0, "euclidean": np.sqrt((mm**2).sum()), "manhattan": mm.sum()}.get(
            norm, mm.max()
        )
        matrices.append(counts + counts.T if symmetric else counts)
        weights.append(np.exp(-(length**2)))
    assert len(matrices) == 62
    if norm is not None:
        matrices = [sum(w * m for w, m in zip(weights, matrices, strict=True))]
    matrices = [m / m.sum() for m in matrices if m.any()]
    i = np.arange(1, len(matrices[0]) + 1)
    average = np.mean([(m * i[:, None]).sum() for m in matrices])
    contrast = np.mean([(m * (i[:, None] - i) ** 2).sum() for m in matrices])
    assert found["original_glcm_JointAverage"] == pytest.approx(average, rel=1e-12)
    assert found["original_glcm_Contrast"] == pytest.approx(contrast, rel=1e-12)
    assert found["original_glcm_JointEnergy"] == pytest.approx(np.mean([(m**2).sum() for m in matrices]), rel=1e-12)


def test_bins_are_multiples_of_their_width_or_parts_of_the_range(case):
    image, mask = case
    found = textures(case, "firstorder", binWidth=30)
    p = np.unique(levels_of(image, mask, 30)[mask.array == 1], return_counts=True)[1] / np.count_nonzero(mask.array)
    assert found["original_firstorder_Entropy"] == pytest.approx(-(p * np.log2(p)).sum(), rel=1e-12)
    found = textures(case, "firstorder", binCount=8)
    p = np.histogram(image.array[mask.array == 1], 8)[0] / np.count_nonzero(mask.array)
    assert found["original_firstorder_Uniformity"] == pytest.approx((p**2).sum(), rel=1e-12)


def test_a_region_of_one_intensity(case):
    image, mask = case
    found = textures((image.replace(np.full(image.shape, 7, np.int16)), mask), "firstorder", "glcm", "glrlm", "ngtdm")
    assert found["original_firstorder_Kurtosis"] == 0
    assert found["original_glcm_Correlation"] == 1
    assert found["original_glcm_MCC"] == 1
    assert found["original_ngtdm_Coarseness"] == 1e6
    assert all(np.isfinite(value) for value in found.values())


def test_no_voxels_in_a_line_are_nan(case):
    image, mask = case
    apart = np.zeros(mask.shape, np.uint8)
    apart[2, 2, 2] = apart[3, 4, 5] = 1
    found = textures((image, mask.replace(apart)), "glcm", "glrlm", "ngtdm", "gldm")
    for name, value in found.items():
        assert np.isnan(value) == name.startswith(("original_glcm", "original_glrlm")), name
    # With a third voxel far along a line there is a direction that counts, of runs of one voxel.
    apart[3, 4, 12] = 1
    assert textures((image, mask.replace(apart)), "glrlm")["original_glrlm_RunPercentage"] == 1


def test_shape_in_a_plane():
    mask = np.zeros((3, 9, 9), np.uint8)
    mask[1, 2:6, 3:8] = 1
    case = Volume(np.arange(243.0).reshape(3, 9, 9), spacing=(3, 2, 1)), Volume(mask, spacing=(3, 2, 1))
    found = textures(case, "shape2D", force2D=True)
    # A rectangle of 4 x 5 pixels of 2 mm x 1 mm whose corners are cut.
    assert found["original_shape2D_PixelSurface"] == 40
    assert found["original_shape2D_MeshSurface"] == 40 - 4 * 2 / 8
    assert found["original_shape2D_Perimeter"] == pytest.approx(2 * 3 * 2 + 2 * 4 * 1 + 4 * np.sqrt(5) / 2)
    assert found["original_shape2D_MaximumDiameter"] == pytest.approx(np.hypot(8 - 0, 4))
    assert found["original_shape2D_MajorAxisLength"] == pytest.approx(4 * np.sqrt(1.25 * 4))
    flat = tuple(Volume(volume.array[1], spacing=(2, 1)) for volume in case)
    assert textures(flat, "shape2D", "glcm") == textures(case, "shape2D", "glcm", force2D=True)


# --- Image types --------------------------------------------------------------------------------------------------


def test_image_types_match_simpleitk_and_their_formulas(case):
    sitk = pytest.importorskip("SimpleITK")
    image, mask = case
    inside = mask.array == 1
    extractor = RadiomicsFeatureExtractor(
        {
            "imageType": {
                "LoG": {"sigma": [1.0, 2.5]},
                "Gradient": None,
                "Square": {},
                "SquareRoot": {},
                "Logarithm": {},
                "Exponential": {},
            },
            "featureClass": {"firstorder": ["Mean"]},
            "setting": {"additionalInfo": False},
        }
    )
    found = extractor.execute(image.to_sitk(), mask.to_sitk())
    x = image.array.astype(float)
    most = np.abs(x).max()
    log = np.sign(x) * np.log(np.abs(x) + 1)
    expected = {
        "gradient": sitk.GetArrayFromImage(sitk.GradientMagnitude(sitk.Cast(image.to_sitk(), sitk.sitkFloat64))),
        "square": x**2 / most,
        "squareroot": np.sign(x) * np.sqrt(np.abs(x) * most),
        "logarithm": log * most / np.abs(log).max(),
        "exponential": np.exp(x * np.log(most) / most),
    }
    for sigma in (1.0, 2.5):
        log = sitk.LaplacianRecursiveGaussian(image.to_sitk(), sigma, True)
        expected[f"log-sigma-{str(sigma).replace('.', '-')}-mm-3D"] = sitk.GetArrayFromImage(log)
    assert set(found) == {f"{name}_firstorder_Mean" for name in expected}
    for name, array in expected.items():
        assert found[f"{name}_firstorder_Mean"] == pytest.approx(array[inside].mean(dtype=float), rel=1e-5), name


def test_wavelets_match_the_periodic_transform(case):
    from cormack.filters._wavelets import analysis_filters

    image, mask = case
    names = [a + b + c for a in "LH" for b in "LH" for c in "LH"]
    extractor = RadiomicsFeatureExtractor(
        {"imageType": {"Wavelet": {"level": 2}}, "featureClass": {"firstorder": ["Energy"]}}, additionalInfo=False
    )
    found = extractor.execute(image, mask)
    assert list(found) == [
        *(f"wavelet-{name}_firstorder_Energy" for name in names[1:]),
        *(f"wavelet2-{name}_firstorder_Energy" for name in [*names[1:], names[0]]),
    ]

    def band(data, name):
        for axis, letter in zip((2, 1, 0), name, strict=True):
            taps = analysis_filters("coif1")[letter]
            # The alignment of PyWavelets: the sum over j of taps[j] * data[k + len / 2 - j].
            data = sum(tap * np.roll(data, j - len(taps) // 2, axis) for j, tap in enumerate(taps))
        return data

    data = np.pad(image.array.astype(float), [(0, n % 2) for n in image.shape], mode="wrap")
    here = tuple(slice(0, n) for n in image.shape)
    first, second = band(data, "HLL")[here], band(band(data, "LLL"), "LLH")[here]
    inside = mask.array == 1
    assert found["wavelet-HLL_firstorder_Energy"] == pytest.approx((first[inside] ** 2).sum(), rel=1e-10)
    assert found["wavelet2-LLH_firstorder_Energy"] == pytest.approx((second[inside] ** 2).sum(), rel=1e-10)


def test_other_wavelets_are_those_of_pywavelets(case, monkeypatch):
    def energy(name):
        params = {"imageType": {"Wavelet": {"wavelet": name}}, "featureClass": {"firstorder": ["Energy"]}}
        return list(RadiomicsFeatureExtractor(params, additionalInfo=False).execute(*case).values())

    monkeypatch.setitem(sys.modules, "pywt", None)
    with pytest.raises(BackendUnavailable, match="PyWavelets is needed for the wavelet sym2; pip install"):
        energy("sym2")
    taps = analysis_filters("db2")
    # The second symlet is Daubechies' second wavelet.
    wavelet = SimpleNamespace(dec_lo=taps["L"].tolist(), dec_hi=taps["H"].tolist())
    monkeypatch.setitem(sys.modules, "pywt", SimpleNamespace(Wavelet={"sym2": wavelet}.__getitem__))
    assert energy("sym2") == energy("db2")


# --- Processing ---------------------------------------------------------------------------------------------------


def test_resampling_aligns_the_corners_and_crops(case):
    pytest.importorskip("SimpleITK")
    image, mask = case
    found = RadiomicsFeatureExtractor(resampledPixelSpacing=[1, 1, 1], interpolator="sitkLinear").execute(image, mask)
    assert found["diagnostics_Image-interpolated_Spacing"] == (1, 1, 1)
    assert found["original_shape_VoxelVolume"] == found["diagnostics_Mask-interpolated_VoxelNum"]
    theirs = np.count_nonzero(mask.array) * image.voxel_volume_mm3
    assert found["original_shape_VoxelVolume"] == pytest.approx(theirs, rel=0.1)
    # A ramp in mm from the corner of the image keeps its values.
    x = (np.arange(15) + 0.5) * 0.8
    ramp = image.replace(np.broadcast_to(x, image.shape).copy())
    found = RadiomicsFeatureExtractor(
        resampledPixelSpacing=[1, 0, 2.5], interpolator="sitkLinear", padDistance=0
    ).execute(ramp, mask)
    assert found["original_firstorder_Minimum"] % 1 == pytest.approx(0.5)


def test_same_spacing_is_not_resampled(case):
    same = RadiomicsFeatureExtractor(resampledPixelSpacing=[0.8, 1.0, 2.5], additionalInfo=False).execute(*case)
    assert same == RadiomicsFeatureExtractor(additionalInfo=False).execute(*case)
    assert same == RadiomicsFeatureExtractor(additionalInfo=False, preCrop=True).execute(*case)


@pytest.mark.parametrize(
    ("mode", "ends"), [("absolute", [-50, 60]), ("relative", [0.1]), ("sigma", [-1, 1]), ("sigma", [1, -1])]
)
def test_resegmentation_keeps_a_range(case, mode, ends):
    image, mask = case
    x = image.array[mask.array == 1].astype(float)
    scale = {"absolute": lambda e: e, "relative": lambda e: e * x.max(), "sigma": lambda e: x.mean() + e * x.std()}[
        mode
    ]
    low, high = scale(min(ends)), scale(max(ends)) if len(ends) == 2 else np.inf
    found = RadiomicsFeatureExtractor(resegmentRange=ends, resegmentMode=mode).execute(image, mask)
    assert found["diagnostics_Mask-resegmented_VoxelNum"] == np.count_nonzero((x >= low) & (x <= high))
    assert found["original_firstorder_Maximum"] <= high
    # Shape is of the whole region in the box of what is left, unless asked otherwise.
    kept = np.argwhere((mask.array == 1) & (image.array >= low) & (image.array <= high))
    box = tuple(slice(a, b + 1) for a, b in zip(kept.min(axis=0), kept.max(axis=0), strict=True))
    size = np.count_nonzero(mask.array[box])
    assert found["original_shape_VoxelVolume"] == pytest.approx(size * image.voxel_volume_mm3)
    found = RadiomicsFeatureExtractor(resegmentRange=ends, resegmentMode=mode, resegmentShape=True).execute(image, mask)
    assert found["original_shape_VoxelVolume"] == pytest.approx(len(kept) * image.voxel_volume_mm3)


def test_normalisation_matches_simpleitk(case):
    sitk = pytest.importorskip("SimpleITK")
    image, mask = case
    theirs = sitk.GetArrayFromImage(sitk.Normalize(sitk.Cast(image.to_sitk(), sitk.sitkFloat64)))
    theirs = 100 * np.clip(theirs, -1.5, 1.5)[mask.array == 1]
    found = textures(case, "firstorder", normalize=True, normalizeScale=100, removeOutliers=1.5)
    assert found["original_firstorder_Mean"] == pytest.approx(theirs.mean(), rel=1e-9)
    assert found["original_firstorder_Maximum"] == pytest.approx(theirs.max(), rel=1e-9)


def test_paths_images_and_volumes_give_the_same(case, tmp_path):
    sitk = pytest.importorskip("SimpleITK")
    image, mask = (volume.to_sitk() for volume in case)
    sitk.WriteImage(image, tmp_path / "image.nrrd")
    sitk.WriteImage(mask, tmp_path / "mask.nrrd")
    extractor = RadiomicsFeatureExtractor()
    ours = extractor.execute(*case)
    assert extractor.execute(image, mask) == ours
    assert extractor.execute(str(tmp_path / "image.nrrd"), tmp_path / "mask.nrrd") == ours
    other = sitk.Compose(mask * 0, mask)
    assert (
        extractor.execute(image, other, label_channel=1)["original_shape_MeshVolume"]
        == ours["original_shape_MeshVolume"]
    )


def test_a_region_beyond_the_image_is_refused(case):
    pytest.importorskip("SimpleITK")
    image, mask = case
    wide = np.zeros((9, 14, 40), np.uint8)
    wide[3:6, 3:6, 5:30] = 1
    for settings in ({"correctMask": True}, {"resampledPixelSpacing": [1, 1, 1]}):
        with pytest.raises(GeometryError, match="inside the image"):
            RadiomicsFeatureExtractor(**settings).execute(image, Volume(wide, mask.spacing))


def test_another_grid_is_refused_or_corrected(case):
    pytest.importorskip("SimpleITK")
    image, mask = case
    padded = Volume(np.pad(mask.array, 2), mask.spacing, origin=mask.index_to_world([-2, -2, -2]))
    with pytest.raises(GeometryError, match="shape"):
        RadiomicsFeatureExtractor().execute(image, padded)
    corrected = RadiomicsFeatureExtractor(correctMask=True, additionalInfo=False).execute(image, padded)
    assert corrected == RadiomicsFeatureExtractor(additionalInfo=False).execute(image, mask)


# --- Parameters ---------------------------------------------------------------------------------------------------


def test_a_parameter_file_of_pyradiomics(case, tmp_path):
    (tmp_path / "Params.yaml").write_text(
        "imageType:\n  Original: {}\n  Wavelet:\n    binWidth: 10\n"
        "featureClass:\n  shape:\n  firstorder: []\n  glcm:\n    - JointEnergy\n    - MCC\n"
        "setting:\n  binWidth: 20\n  label: 1\n  verbose: true\n  geometryTolerance: 0.0001\n  additionalInfo: false\n"
    )
    found = RadiomicsFeatureExtractor(str(tmp_path / "Params.yaml")).execute(*case)
    assert len(found) == 14 + 9 * (18 + 2)
    assert found["original_glcm_MCC"] == textures(case, "glcm", binWidth=20)["original_glcm_MCC"]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"setting": {"binwidth": 5}}, "`binwidth` is not supported; did you mean `binWidth`"),
        ({"setting": {"kernelRadii": 2}}, "`kernelRadii` is not supported; did you mean `kernelRadius`?"),
        ({"setting": {"binWidth": 0}}, "`binWidth` must be a number above 0, got 0"),
        ({"setting": {"resampledPixelSpacing": [1, -1, 1]}}, "`resampledPixelSpacing` must"),
        ({"setting": {"wavelet": "morl"}}, "`wavelet` must name"),
        ({"setting": {"distances": []}}, "`distances` must"),
        ({"imageType": {"LBP3D": {}}}, "imageType `LBP3D` is not supported"),
        ({"imageType": {"LoG": {"sigmas": [1]}}}, "setting of LoG `sigmas` is not supported"),
        ({"imageType": {"Wavelet": {"normalize": True}}}, "setting of Wavelet `normalize` is not supported for one"),
        ({"featureClass": {"gldzm": None}}, "featureClass `gldzm` is not supported"),
        ({"featureClass": {"glcm": ["JointEnergie"]}}, "has no feature `JointEnergie`; did you mean `JointEnergy`"),
        ({"inputImage": {}}, "section `inputImage` is not supported"),
        ({"setting": [1]}, "section `setting` must be a mapping"),
    ],
)
def test_what_is_not_supported_is_named(params, message):
    with pytest.raises(ValueError, match=message):
        RadiomicsFeatureExtractor(params)


def test_bad_input_is_an_error_that_says_so(case, tmp_path):
    image, mask = case
    extractor = RadiomicsFeatureExtractor()
    with pytest.raises(ValueError, match="`label` 4 must be in the mask, which has 0, 1"):
        extractor.execute(image, mask, label=4)
    one = np.zeros(mask.shape, np.uint8)
    one[3, 3, 3] = 1
    with pytest.raises(ValueError, match="more than one voxel"):
        extractor.execute(image, mask.replace(one))
    one[3, 3, 4] = 1
    with pytest.raises(ValueError, match="minimumROIDimensions"):
        extractor.execute(image, mask.replace(one))
    with pytest.raises(ValueError, match="minimumROISize"):
        RadiomicsFeatureExtractor(minimumROISize=9999).execute(image, mask)
    with pytest.raises(ValueError, match="resegmentRange"):
        RadiomicsFeatureExtractor(resegmentRange=[9e6, 9e7]).execute(image, mask)
    wrong = image.array.astype(float)
    wrong[4, 6, 7] = np.nan
    with pytest.raises(ValueError, match="finite"):
        extractor.execute(image.replace(wrong), mask)
    with pytest.raises(ValueError, match="binWidth"):
        RadiomicsFeatureExtractor(binWidth=1e-4).execute(image, mask)
    with pytest.raises(ValueError, match="`binCount` must be at most 65000, got 100000"):
        RadiomicsFeatureExtractor(binCount=100_000).execute(image, mask)
    with pytest.raises(ValueError, match="`normalize` needs an image without NaN"):
        RadiomicsFeatureExtractor(normalize=True).execute(image.replace(np.where(wrong > 0, wrong, np.inf)), mask)
    with pytest.raises(ValueError, match=r"`resampledPixelSpacing` .* makes the box of the region larger than"):
        RadiomicsFeatureExtractor(resampledPixelSpacing=[1e-9] * 3).execute(image, mask)
    with pytest.raises(ReadError, match="no such file"):
        extractor.execute(tmp_path / "absent.nii", mask)
    with pytest.raises(TypeError, match="`image` must be a path"):
        extractor.execute(3, mask)


def test_nan_in_a_mask_is_no_label(case):
    image, mask = case
    extractor = RadiomicsFeatureExtractor(additionalInfo=False)
    holes = mask.replace(np.where(mask.array == 1, 1.0, np.nan))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert extractor.execute(image, holes) == extractor.execute(image, mask)


def test_enabling_and_disabling():
    extractor = RadiomicsFeatureExtractor()
    extractor.disableAllImageTypes()
    extractor.enableImageTypes(Original={}, LoG={"sigma": [3]})
    extractor.enableImageTypeByName("Original", False)
    assert extractor.enabledImagetypes == {"LoG": {"sigma": [3]}}
    extractor.disableAllFeatures()
    extractor.enableFeatureClassByName("glcm")
    extractor.enableFeatureClassByName("shape")
    extractor.enableFeatureClassByName("shape", False)
    assert extractor.enabledFeatures == {"glcm": []}
    extractor.enableAllFeatures()
    assert "shape2D" in extractor.enabledFeatures
    assert "shape2D" not in RadiomicsFeatureExtractor().enabledFeatures
    assert extractor.getFeatureNames("shape")["Compactness1"] is True
    extractor.addProvenance(False)
    assert extractor.settings["additionalInfo"] is False


def test_settings_that_were_changed_are_checked_again(case):
    extractor = RadiomicsFeatureExtractor()
    extractor.settings["binwidth"] = 5
    with pytest.raises(ValueError, match="did you mean `binWidth`"):
        extractor.execute(*case)
    del extractor.settings["binwidth"]
    extractor.settings["label"] = 3
    with pytest.raises(ValueError, match="`label` 3"):
        extractor.execute(*case)
    assert extractor.execute(*case, label=1)["original_firstorder_Mean"]
    assert extractor.settings["label"] == 3


def test_without_simpleitk(case, tmp_path, monkeypatch):
    pytest.importorskip("nibabel")
    image, mask = case
    io.write(image, tmp_path / "image.nii.gz")
    io.write(mask, tmp_path / "mask.nii.gz")
    monkeypatch.setitem(sys.modules, "SimpleITK", None)
    extractor = RadiomicsFeatureExtractor(additionalInfo=False)
    found = extractor.execute(tmp_path / "image.nii.gz", tmp_path / "mask.nii.gz")
    expected = extractor.execute(image, mask)
    assert list(found) == list(expected)
    np.testing.assert_allclose(list(found.values()), list(expected.values()), rtol=1e-6)
    extractor.settings["resampledPixelSpacing"] = [1, 1, 1]
    with pytest.raises(BackendUnavailable, match="SimpleITK is needed for `resampledPixelSpacing`; pip install"):
        extractor.execute(image, mask)


def test_any_strides_and_threads_give_the_same(case):
    image, mask = case
    expected = RadiomicsFeatureExtractor(additionalInfo=False).execute(image, mask)
    turned = [volume.replace(np.asfortranarray(volume.array)[::-1].copy(order="F")[::-1]) for volume in (image, mask)]
    assert RadiomicsFeatureExtractor(additionalInfo=False).execute(*turned) == expected
    before = cormack.get_num_threads()
    try:
        for count in (1, 3):
            cormack.set_num_threads(count)
            assert RadiomicsFeatureExtractor(additionalInfo=False).execute(image, mask) == expected
    finally:
        cormack.set_num_threads(before)


@pytest.mark.parametrize("seed", range(4))
def test_diameters_in_planes_match_all_pairs_of_vertices(seed):
    rng = np.random.default_rng(seed)
    mask = rng.random((5, 6, 7)) < (0.2, 0.5, 0.8, 0.97)[seed]
    spacing = np.array([3.0, 1.25, 0.5])
    found = textures((Volume(mask * 1.0, spacing=spacing), Volume(mask.astype(np.uint8), spacing=spacing)), "shape")
    padded = np.pad(mask, 1)
    vertices = [np.argwhere(np.diff(padded, axis=axis)) + 0.5 * (np.arange(3) == axis) for axis in range(3)]
    vertices = np.concatenate(vertices)
    apart = np.sqrt((((vertices[:, None] - vertices) * spacing) ** 2).sum(axis=2))
    for axis, name in enumerate(("Slice", "Column", "Row")):
        together = vertices[:, None, axis] == vertices[:, axis]
        assert found[f"original_shape_Maximum2DDiameter{name}"] == pytest.approx(apart[together].max(), rel=1e-12)


def test_levels_far_apart_take_little_memory(case):
    image, mask = case
    array = image.array.astype(np.int32)
    array[4, 6, 7] = 25 * 30_000
    found = textures((image.replace(array), mask), "glcm")
    assert np.isfinite(list(found.values())).all()
