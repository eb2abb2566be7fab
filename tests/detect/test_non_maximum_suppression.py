"""Suppression of boxes against the plain double loop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cormack.detect import non_maximum_suppression


def plain(boxes, scores, threshold, labels=None):
    """What torchvision's nms does."""
    ndim = boxes.shape[1] // 2
    volumes = np.prod(boxes[:, ndim:] - boxes[:, :ndim], axis=1)
    kept = []
    for i in sorted(range(len(boxes)), key=lambda i: (-scores[i], i)):
        start, stop = np.maximum(boxes[i], boxes[kept])[:, :ndim], np.minimum(boxes[i], boxes[kept])[:, ndim:]
        shared = np.prod(np.maximum(0, stop - start), axis=1)
        union = volumes[kept] + volumes[i] - shared
        over = np.divide(shared, union, out=np.zeros_like(union), where=union > 0) > threshold
        if labels is not None:
            over &= labels[kept] == labels[i]
        if not over.any():
            kept.append(i)
    return kept


def random_boxes(count, ndim, seed, spread=30.0, largest=12.0):
    rng = np.random.default_rng(seed)
    start = rng.uniform(-spread, spread, (count, ndim))
    return np.hstack([start, start + rng.uniform(0.5, largest, (count, ndim))]), rng.random(count)


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("threshold", [0, 0.1, 0.5, 0.9, 1])
def test_what_stays_is_what_the_plain_loop_leaves(ndim, threshold):
    for seed, spread, largest in ((0, 10, 12), (1, 30, 12), (2, 5, 60), (3, 1e-3, 1)):
        boxes, scores = random_boxes(200, ndim, seed, spread, largest)
        result = non_maximum_suppression(boxes, scores, threshold)
        assert result.dtype == np.int64
        assert result.tolist() == plain(boxes, scores, threshold)
        labels = np.random.default_rng(seed).integers(-1, 2, len(boxes))
        assert non_maximum_suppression(boxes, scores, threshold, labels=labels).tolist() == plain(
            boxes, scores, threshold, labels
        )


@given(st.integers(0, 40), st.integers(1, 3), st.floats(0, 1), st.integers(0, 2**31))
@settings(max_examples=60, deadline=None)
def test_random_boxes_of_integers_with_ties(count, ndim, threshold, seed):
    rng = np.random.default_rng(seed)
    start = rng.integers(0, 6, (count, ndim))
    boxes = np.hstack([start, start + rng.integers(0, 5, (count, ndim))]).astype(np.int16)
    scores = rng.integers(0, 4, count).astype(np.uint8)
    expected = plain(boxes.astype(float), scores.astype(float), threshold)
    assert non_maximum_suppression(boxes, scores, threshold).tolist() == expected


def test_sizes_of_all_kinds():
    rng = np.random.default_rng(0)
    extent = 10.0 ** rng.uniform(-6, 6, (300, 1)) * np.ones((1, 3))
    start = rng.uniform(-1, 1, (300, 3)) * 10
    boxes, scores = np.hstack([start, start + extent]), rng.random(300)
    for threshold in (0, 1e-9, 0.3):
        assert non_maximum_suppression(boxes, scores, threshold).tolist() == plain(boxes, scores, threshold)


def test_empty_and_single():
    assert non_maximum_suppression([], []).shape == (0,)
    assert non_maximum_suppression(np.empty((0, 6)), np.empty(0), labels=[]).shape == (0,)
    assert non_maximum_suppression([[0, 0, 1, 1]], [3]).tolist() == [0]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([[0, 0, 1]], [1]), ValueError, "`boxes` must have shape"),
        (([[0, 0, -1, 1]], [1]), ValueError, "`boxes` must stop where or after they start"),
        (([[0, 0, np.inf, 1]], [1]), ValueError, "`boxes` must be finite"),
        (([[0, 0, 1, 1]], [1, 2]), ValueError, "`scores` must have shape"),
        (([[0, 0, 1, 1]], [np.nan]), ValueError, "`scores` must not be NaN"),
        (([[0, 0, 1, 1]], [1], 1.5), ValueError, "`iou_threshold` must be at most 1"),
        (([["a"] * 4], [1]), TypeError, "`boxes` must have one of the dtypes"),
    ],
)
def test_wrong_arguments_are_named(arguments, error, message):
    with pytest.raises(error, match=f"non_maximum_suppression: {message}"):
        non_maximum_suppression(*arguments)
    with pytest.raises(TypeError, match="`labels` must be integers"):
        non_maximum_suppression([[0, 0, 1, 1]], [1], labels=[0.5])
    with pytest.raises(ValueError, match="`labels` must have shape"):
        non_maximum_suppression([[0, 0, 1, 1]], [1], labels=[1, 2])
