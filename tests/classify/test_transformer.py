"""RadiomicsTransformer gives what `features.radiomics` gives, and is what scikit-learn calls a transformer."""

from __future__ import annotations

import pickle
import re
import warnings
from dataclasses import fields
from inspect import signature
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import check_estimator

from cormack import Volume, features, io, phantoms
from cormack.classify import RadiomicsTransformer

SMALL = {"shape": (12, 18, 18), "diameters_mm": (5.0, 7.0)}
FEW = {"families": ("first_order", "glszm"), "workers": 1}


@pytest.fixture(scope="module")
def lesions():
    return [phantoms.lesion(kind, seed=n, **SMALL) for n in range(6) for kind in ("benign", "malignant")]


@pytest.fixture(scope="module")
def cases(lesions):
    return [(lesion.volume, lesion.mask) for lesion in lesions]


@pytest.fixture(scope="module")
def diagnoses(lesions):
    return np.array([lesion.diagnosis for lesion in lesions])


@pytest.fixture(scope="module")
def files(lesions, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lesions")
    rows = []
    for number, lesion in enumerate(lesions):
        image, mask = folder / f"image-{number}.nii.gz", folder / f"mask-{number}.nii.gz"
        io.write(lesion.volume, image)
        io.write(lesion.volume.replace(lesion.mask.astype(np.uint8)), mask)
        rows.append((str(image), str(mask)))
    return rows


# --- What comes out --------------------------------------------------------------------------------------------------


def test_rows_are_those_of_radiomics(cases, files):
    transformer = RadiomicsTransformer(**FEW, bin_number=16, new_spacing=1.5)
    settings = features.RadiomicsSettings(families=FEW["families"], bin_number=16, new_spacing=1.5)
    tables = [features.radiomics(image, mask, settings=settings) for image, mask in cases]
    expected = np.array([list(table.values()) for table in tables])
    rows = transformer.fit_transform(cases)
    assert rows.dtype == np.float64
    assert rows.tobytes() == expected.tobytes()
    assert transformer.get_feature_names_out().tolist() == list(tables[0])
    assert transformer.settings == settings
    assert transformer.n_features_in_ == 2
    # The same from files, from arrays that are told their spacing, and from every kind of table.
    frame = pd.DataFrame(files, columns=["image", "mask"], index=range(50, 50 + len(files)))
    for X in (files, np.array(files), frame, frame[["mask", "image"]], frame.set_axis(["a", "b"], axis=1)):
        assert clone(transformer).fit_transform(X).tobytes() == expected.tobytes()
    plain = [(np.asarray(image), mask) for image, mask in cases]
    assert clone(transformer).set_params(spacing=(1.5, 1, 1)).fit_transform(plain).tobytes() == expected.tobytes()
    stacked = np.array([[np.asarray(image), mask] for image, mask in cases])
    assert clone(transformer).set_params(spacing=(1.5, 1, 1)).fit_transform(stacked).tobytes() == expected.tobytes()

    transformer.set_output(transform="pandas")
    out = transformer.fit_transform(frame)
    assert out.columns.tolist() == list(tables[0])
    assert out.index.tolist() == frame.index.tolist()
    assert transformer.feature_names_in_.tolist() == ["image", "mask"]
    with pytest.raises(ValueError, match="input_features is not equal"):
        transformer.get_feature_names_out(["x", "y"])
    with pytest.raises(ValueError, match="feature names should match"):
        transformer.transform(frame.set_axis(["a", "b"], axis=1))


@pytest.mark.parametrize("ndim", [2, 3])
def test_names_are_known_before_any_region_is_measured(ndim):
    rng = np.random.default_rng(0)
    shape = (9, 11, 12)[-ndim:]
    image, mask = rng.integers(0, 200, shape, np.int16), np.zeros(shape, np.uint8)
    mask[(slice(2, 8),) * ndim] = 3
    for settings in ({}, {"discretisation": "fixed bin size", "dimension": "2D", "new_spacing": 0.7, "distance": 3}):
        transformer = RadiomicsTransformer(label=3, **settings).fit([(image, mask)])
        table = features.radiomics(image, mask, label=3, settings=settings)
        assert transformer.get_feature_names_out().tolist() == list(table)
        row = np.array(list(table.values()))
        row[np.isinf(row)] = np.nan
        np.testing.assert_array_equal(transformer.transform([(image, mask)])[0], row)


def test_an_infinite_feature_is_nan():
    image = np.array([[[-1, 1], [-1, 1]]] * 2, np.int16)
    assert features.radiomics(image, image < 2)["stat_cov"] == np.inf
    transformer = RadiomicsTransformer(["first_order"])
    row = transformer.fit_transform([(image, image < 2)])[0]
    assert np.isnan(row[list(transformer.get_feature_names_out()).index("stat_cov")])


def test_any_number_of_workers_gives_the_same_bytes(cases):
    one, two, five = (RadiomicsTransformer(workers=n).fit_transform(cases[:5]).tobytes() for n in (1, 2, 5))
    assert one == two == five


# --- What scikit-learn asks for --------------------------------------------------------------------------------------


def test_parameters_are_those_of_the_settings():
    given = {name: p.default for name, p in signature(RadiomicsTransformer).parameters.items()}
    wanted = {field.name: field.default for field in fields(features.RadiomicsSettings)}
    assert {name: given[name] for name in wanted} == wanted
    assert set(given) - set(wanted) == {"spacing", "label", "on_error", "memory", "workers"}
    settings = features.RadiomicsSettings(families=["glcm"], new_spacing=(2, 1, 1), resegmentation_range=(None, 9))
    assert RadiomicsTransformer(**settings.to_dict()).settings == settings


def test_clones_and_pickles(cases):
    transformer = RadiomicsTransformer(**FEW, bin_number=8, resegmentation_range=(-50, None)).fit(cases)
    copy = clone(transformer)
    assert copy.get_params() == transformer.get_params()
    assert not hasattr(copy, "n_features_in_")
    again = pickle.loads(pickle.dumps(transformer))
    assert again.transform(cases[:2]).tobytes() == transformer.transform(cases[:2]).tobytes()
    assert again.get_feature_names_out().tolist() == transformer.get_feature_names_out().tolist()
    # Nothing but names is learned: transform comes without fit as well, names do not.
    assert copy.transform(cases[:2]).tobytes() == transformer.transform(cases[:2]).tobytes()
    with pytest.raises(NotFittedError, match="fit comes first"):
        copy.get_feature_names_out()


def no_images(names):
    return dict.fromkeys(names.split(), "gives tables of numbers, which are no images, and says so")


def test_check_estimator_on_the_class_itself():
    # What is left are the checks that need no data, and those of cloning, parameters and tags.
    failing = no_images(
        "check_fit_score_takes_y check_estimators_overwrite_params check_dont_overwrite_parameters "
        "check_estimators_fit_returns_self check_readonly_memmap_input check_positive_only_tag_during_fit "
        "check_estimators_dtypes check_pipeline_consistency check_estimators_pickle check_f_contiguous_array_estimator "
        "check_transformer_general check_transformers_unfitted_stateless check_methods_sample_order_invariance "
        "check_methods_subset_invariance check_fit2d_1sample check_dict_unchanged check_fit_idempotent "
        "check_fit_check_is_fitted"
    ) | {"check_fit2d_1feature": "wants scikit-learn's words, and gets: must be a pair, image and mask, got 1 columns"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(
            RadiomicsTransformer(**FEW), expected_failed_checks=failing, on_skip=None, on_fail="raise"
        )
    for result in results:
        if result["status"] == "xfail" and result["check_name"] != "check_fit2d_1feature":
            # That is why, and nothing else: the error, or what the check made of it.
            chain = f"{result['exception']!r} {result['exception'].__cause__!r} {result['exception'].__context__!r}"
            assert re.search(r"must be (a pair|an array)", chain), result["check_name"]


def as_pairs(X):
    return [(np.resize(row, (6, 6)).astype(float), np.ones((6, 6), bool)) for row in X]


def test_check_estimator_behind_a_step_that_makes_images():
    # The checks' tables of numbers become small images: now all that fit and transform do is checked too.
    chain = make_pipeline(FunctionTransformer(as_pairs, validate=True), RadiomicsTransformer(["first_order"]))
    failing = {
        "check_estimators_overwrite_params": "Pipeline clones its steps when it is fitted",
        "check_dont_overwrite_parameters": "Pipeline clones its steps when it is fitted",
        "check_transformers_unfitted": "there is no state that a transformation would need",
        "check_fit_check_is_fitted": "there is no state that a transformation would need",
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(chain, expected_failed_checks=failing, on_skip=None, on_fail="raise")
    assert sum(result["status"] == "passed" for result in results) >= 35


# --- In a chain ------------------------------------------------------------------------------------------------------


def chain_of(**parameters):
    steps = [("radiomics", RadiomicsTransformer(**FEW | parameters)), ("impute", SimpleImputer())]
    return Pipeline([*steps, ("scale", StandardScaler()), ("svc", SVC())])


def test_a_search_computes_each_case_once(cases, files, diagnoses, tmp_path, monkeypatch):
    calls = []
    true = features.radiomics
    monkeypatch.setattr(features, "radiomics", lambda *a, **k: calls.append(a[0].shape) or true(*a, **k))
    memory = tmp_path / "kept"
    grid = {"radiomics__bin_number": [8, 16], "svc__C": [1, 10]}

    def searched(X, **parameters):
        calls.clear()
        return GridSearchCV(chain_of(**parameters), grid, cv=3, refit=False).fit(X, diagnoses).cv_results_

    plain = searched(cases)
    # 2 x 2 values, 3 folds, every case in each.
    assert sum(shape == (12, 18, 18) for shape in calls) == 4 * 3 * 12
    kept = searched(cases, memory=memory)
    assert sum(shape == (12, 18, 18) for shape in calls) == 2 * 12
    assert kept["mean_test_score"].tobytes() == plain["mean_test_score"].tobytes()
    assert len(list(memory.iterdir())) == 2 * 12
    searched(cases, memory=str(memory))
    assert not calls

    # Files have keys of their own, and what was damaged is computed again.
    rows = RadiomicsTransformer(**FEW, memory=memory).fit_transform(files)
    for path in memory.iterdir():
        path.write_bytes(path.read_bytes()[:100])
    calls.clear()
    assert RadiomicsTransformer(**FEW, memory=memory).fit_transform(files).tobytes() == rows.tobytes()
    assert len(calls) == 12
    # A file with other voxels under the same name is another case.
    copy = tmp_path / "image.nii.gz"
    for number in (0, 1):
        copy.write_bytes(Path(files[number][0]).read_bytes())
        row = RadiomicsTransformer(**FEW, memory=memory).fit_transform([(copy, files[0][1])])
        assert (row[0].tobytes() == rows[0].tobytes()) is (number == 0)


def test_a_chain_predicts_across_folds(files, diagnoses):
    predicted = cross_val_predict(chain_of(), files, diagnoses, cv=3)
    assert set(predicted) <= {"benign", "malignant"}
    assert (predicted == diagnoses).mean() >= 0.5


# --- What goes wrong -------------------------------------------------------------------------------------------------


def test_a_failing_case_is_named(cases, files, tmp_path):
    empty = (cases[0][0], np.zeros_like(cases[0][1]))
    transformer = RadiomicsTransformer(**FEW)
    for workers in (1, 3):
        with pytest.raises(ValueError, match="case 2: radiomics: `mask` must contain a voxel"):
            transformer.set_params(workers=workers).fit([*cases[:2], empty, cases[3]]).transform([*cases[:2], empty])
    with pytest.raises(ValueError, match=r"case 1 \(absent.nii.gz\): there is no image"):
        transformer.fit([files[0], (str(tmp_path / "absent.nii.gz"), files[0][1])])
    broken = tmp_path / "broken.nii.gz"
    broken.write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"case 1 \(broken.nii.gz\): "):
        transformer.fit_transform([files[0], (broken, files[0][1])])
    moved = Volume(cases[0][1].astype(np.uint8), spacing=(1.5, 1, 1), origin=(5, 0, 0))
    with pytest.raises(ValueError, match=r"case 0: .*origin"):
        transformer.fit_transform([(cases[0][0], moved)])


def test_a_failing_case_is_a_row_without_numbers_when_asked(cases, files, diagnoses, tmp_path):
    image, mask = cases[0]
    single = np.zeros_like(mask)
    single[6, 8, 8] = True
    absent = str(tmp_path / "absent.nii.gz")
    X = [(absent, files[0][1]), *cases[1:4], (image, np.zeros_like(mask)), (image, single)]
    transformer = RadiomicsTransformer(["first_order", "glcm"], on_error="nan", workers=2)
    with pytest.warns(UserWarning, match=r"3 of 6 cases failed: case 0 \(absent.nii.gz\): .*; case 4: .*; case 5: "):
        rows = transformer.fit_transform(X)
    assert np.isnan(rows[[0, 4]]).all()
    assert np.isfinite(rows[1:4]).all()
    names = list(transformer.get_feature_names_out())
    # Of one voxel there are statistics and no co-occurrence.
    assert rows[5, names.index("stat_mean")] == np.asarray(image)[6, 8, 8]
    assert np.isnan(rows[5, names.index("cm_joint_avg_3D_mrg")])
    good = RadiomicsTransformer(["first_order", "glcm"]).fit_transform(cases[1:4])
    assert rows[1:4].tobytes() == good.tobytes()
    with pytest.warns(UserWarning, match="3 of 6"):
        chain_of(on_error="nan", families=("first_order", "glcm")).fit(X, diagnoses[:6])
    with pytest.raises(ValueError, match="no image of 1 cases can be read"):
        transformer.fit(X[:1])


@pytest.mark.parametrize(
    ("X", "words"),
    [
        ("a folder", "`X` must be a sequence of pairs"),
        (7, "`X` must be a sequence of pairs"),
        ([], "at least one case"),
        ([("image.nii", "mask.nii", "more")], "case 0 must be a pair, image and mask, got 3 columns"),
        (["image.nii"], "case 0 must be a pair, image and mask, got str"),
        (np.zeros(4), "must have two columns"),
        (np.zeros((4, 2)), "the image of case 0 must be an array of numbers with 2 or 3 axes, a Volume or a path"),
        ([("", "mask.nii")], "case 0 has no image: its path is empty"),
        ([(np.ones((3, 3)), None)], "the mask of case 0 must be an array of numbers"),
        ([(np.ones((3, 3, 3)), np.ones((3, 3, 3), bool)), (np.ones((3, 3)), np.ones((3, 3), bool))], "case 1: "),
    ],
)
def test_what_is_no_table_of_cases_is_refused(X, words):
    with pytest.raises((ValueError, TypeError), match=re.escape(words)):
        RadiomicsTransformer(**FEW).fit_transform(X)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"on_error": "skip"}, "`on_error` must be one of 'raise', 'nan'"),
        ({"bin_number": 0}, "bin_number"),
        ({"families": ["glmc"]}, "families"),
        ({"spacing": (1, 0, 1)}, "`spacing` must be above 0"),
        ({"spacing": [1] * 4}, "`spacing` must be one, two or three values"),
        ({"workers": 0}, "`workers` must be at least 1"),
        ({"label": 1.5}, "`label` must be an int"),
    ],
)
def test_wrong_parameters_are_named_by_fit(cases, wrong, words):
    transformer = RadiomicsTransformer(**FEW | wrong)
    with pytest.raises((ValueError, TypeError), match=re.escape(words)):
        transformer.fit(cases)
