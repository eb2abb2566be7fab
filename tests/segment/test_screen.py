"""screen: equal to a selection from the table by hand; the reason of each decision; errors."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from scipy import ndimage

from cormack.segment import label, label_statistics, screen


def objects(ndim=3, seed=0):
    shape = (24, 40, 70) if ndim == 3 else (150, 200)
    smooth = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(shape), 1.2)
    labels, _ = label(smooth > (0.12 if ndim == 3 else 0.3))
    # Without the smallest, of which many are alike.
    labels = np.where(np.bincount(labels.ravel())[labels] > 5, labels, 0)
    return labels, (smooth * 10000).astype(np.int16)


def middle(column):
    return float(np.quantile(column, 0.3)), float(np.quantile(column, 0.8))


RANGES = [name for name, p in inspect.signature(screen).parameters.items() if str(p.annotation) == "_Range"]


def test_every_criterion_is_a_column():
    columns = {*label_statistics(*objects(3), properties="all"), *label_statistics(*objects(2), properties="all")}
    assert len(RANGES) == 22
    assert {*RANGES, "touches_border"} <= columns | {"distance_mm"}


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("criterion", RANGES)
def test_matches_selection_by_hand(criterion, ndim):
    labels, image = objects(ndim)
    statistics = label_statistics(labels, image, spacing=0.7, properties="all")
    if criterion not in statistics:
        return
    wanted = [*label_statistics(labels, image, spacing=0.7), criterion]
    statistics = {name: column for name, column in statistics.items() if name in wanted}
    low, high = middle(statistics[criterion])
    for bounds in ((low, high), (low, None), (None, high)):
        kept, table = screen(labels, image, spacing=0.7, **{criterion: bounds})
        column = statistics[criterion]
        expected = (column >= (low if bounds[0] is not None else -np.inf)) & (
            column <= (high if bounds[1] is not None else np.inf)
        )
        assert expected.any()
        assert not expected.all()
        np.testing.assert_array_equal(table["kept"], expected)
        np.testing.assert_array_equal(table["decided_by"], np.where(expected, "", criterion))
        numbers = np.where(expected, np.cumsum(expected), 0)
        np.testing.assert_array_equal(table["new_label"], numbers)
        assert table["new_label"].dtype == kept.dtype == np.int32
        renumbered = np.zeros(labels.max() + 1, np.int32)
        renumbered[statistics["label"]] = numbers
        np.testing.assert_array_equal(kept, renumbered[labels])
        for name, column in statistics.items():
            np.testing.assert_array_equal(table[name], column)


@pytest.mark.parametrize("touching", [True, False])
def test_border(touching):
    labels, _ = objects()
    kept, table = screen(labels, touches_border=touching)
    np.testing.assert_array_equal(table["kept"], table["touches_border"] == touching)
    assert set(table["decided_by"]) == {"", "touches_border"}
    assert kept.max() == table["kept"].sum()


def test_the_first_criterion_that_rejects_is_named():
    labels, image = objects()
    statistics = label_statistics(labels, image)
    size, mean = np.median(statistics["voxel_count"]), np.median(statistics["intensity_mean"])
    # In the order of the signature, not of the call.
    _, table = screen(labels, image, touches_border=False, intensity_mean=(mean, None), voxel_count=(size, None))
    small, dark = statistics["voxel_count"] < size, statistics["intensity_mean"] < mean
    expected = np.select(
        [small, dark, statistics["touches_border"]], ["voxel_count", "intensity_mean", "touches_border"], ""
    )
    np.testing.assert_array_equal(table["decided_by"], expected)
    assert len(set(expected)) == 4


def test_no_criterion_keeps_all_and_closes_gaps():
    labels = np.array([[0, 7, 7], [3, 0, 0]], np.uint16)
    kept, table = screen(labels)
    assert kept.tolist() == [[0, 2, 2], [1, 0, 0]]
    assert table["kept"].all()
    assert table["new_label"].tolist() == [1, 2]


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "int64", "uint64"])
@pytest.mark.parametrize("view", [lambda a: a, lambda a: a[::-1, ::2], lambda a: a.T, np.asfortranarray])
def test_labels_of_every_type_and_layout(isa, dtype, view):
    labels = view((np.random.default_rng(1).integers(0, 9, (30, 131)) % 5 * 20).astype(dtype))
    kept, table = screen(labels, voxel_count=(2, None), workers=2)
    expected = np.zeros(labels.shape, np.int32)
    for row in table.rows():
        expected[labels == row["label"]] = row["new_label"]
    np.testing.assert_array_equal(kept, expected)


@pytest.mark.parametrize(
    ("dtype", "numbers"), [("uint32", [9, 2**32 - 1]), ("int64", [2**40, 2**41]), ("uint64", [2**64 - 1, 1])]
)
def test_labels_may_be_huge(dtype, numbers):
    labels = np.zeros((5, 70), dtype)
    labels[1, 3:6], labels[2, 10:20] = numbers
    kept, table = screen(labels, voxel_count=(4, None))
    np.testing.assert_array_equal(kept, labels == numbers[1])
    assert sorted(int(n) for n in table["label"]) == sorted(numbers)


def test_nan_is_in_no_range():
    labels = np.array([[1, 1, 0, 2]])
    image = np.array([[np.nan, 1, 1, 1]])
    kept, table = screen(labels, image, intensity_mean=(None, None))
    assert kept.tolist() == [[0, 0, 0, 1]]
    assert table["decided_by"].tolist() == ["intensity_mean", ""]


@pytest.mark.parametrize("shape", [(0, 5), (3, 4), (2, 0, 3)], ids=str)
def test_no_objects(shape):
    kept, table = screen(np.zeros(shape, np.int32), voxel_count=(1, None))
    assert kept.shape == shape
    assert kept.dtype == np.int32
    assert not kept.any()
    assert table.row_count == 0


FLAT, SOLID = np.ones((3, 4), np.int32), np.ones((2, 3, 4), np.int32)


@pytest.mark.parametrize(
    ("labels", "keywords", "error", "message"),
    [
        (FLAT, {"voxel_count": 3}, TypeError, "screen: `voxel_count` must be a pair (low, high), got 3"),
        (FLAT, {"voxel_count": (3, 2)}, ValueError, "`voxel_count` must be a pair (low, high) with low <= high"),
        (FLAT, {"voxel_count": (1, 2, 3)}, TypeError, "`voxel_count` must be a pair (low, high), got (1, 2, 3)"),
        (FLAT, {"roundness": (np.nan, 1)}, ValueError, "`roundness` must not be NaN, got nan"),
        (FLAT, {"roundness": ("a", 1)}, TypeError, "`roundness` must be a number, got 'a'"),
        (FLAT, {"volume_mm3": (1, 2)}, ValueError, "`volume_mm3` must be None for 2-D labels"),
        (FLAT, {"flatness": (1, 2)}, ValueError, "`flatness` must be None for 2-D labels"),
        (SOLID, {"area_mm2": (1, 2)}, ValueError, "`area_mm2` must be None for 3-D labels"),
        (SOLID, {"intensity_std": (1, 2)}, ValueError, "`intensity_std` must come with `image`, got None"),
        (SOLID, {"touches_border": 1}, TypeError, "`touches_border` must be a bool or None, got 1"),
        (-SOLID, {}, ValueError, "screen: `labels` must have no negative values, got -1"),
        (SOLID, {"image": FLAT}, ValueError, "screen: `image` must have shape (2, 3, 4), got (3, 4)"),
    ],
)
def test_rejects(labels, keywords, error, message):
    with pytest.raises(error) as caught:
        screen(labels, **keywords)
    assert message in str(caught.value)
