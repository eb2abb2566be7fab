"""Boxes around objects: of those that mean the same one the best."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _check, _cormack_cpu
from .._arrays import DTYPES, WIDE_INTEGERS, take

_NUMBERS = (*(dtype for dtype in DTYPES if dtype.kind != "b"), *WIDE_INTEGERS, np.dtype("float16"))


def non_maximum_suppression(boxes: Any, scores: Any, iou_threshold: float = 0.5, *, labels: Any = None) -> np.ndarray:
    """Keep the best of the boxes that overlap.

    Parameters
    ----------
    boxes : array_like, shape (n, 4) or (n, 6)
        ``(y0, x0, y1, x1)`` or ``(z0, y0, x0, z1, y1, x1)``, the starts and then the stops along each axis, in any
        unit and any order of axes; (n, 2) for intervals. A stop is not smaller than its start.
    scores : array_like, shape (n,)
        How good each box is.
    iou_threshold : float, default 0.5
        From 0 to 1: a box goes if its intersection over union with a better one that stays is above this.
    labels : array_like of int, shape (n,), optional
        Classes: only boxes of one class are compared.

    Returns
    -------
    ndarray of int64
        Indices of the boxes that stay, the best first; equal scores in the order of the input.

    Raises
    ------
    TypeError
        If a dtype is not a number or `labels` are no integers.
    ValueError
        If shapes do not fit, a box is inside out or not finite, a score is NaN or the threshold not within 0 and 1.

    Notes
    -----
    What `torchvision.ops.nms` (with `labels`: `batched_nms`) returns, in 2-D and 3-D, computed in float64. A grid of
    boxes of about equal size finds those that can overlap enough: O(n log n) where few do, not the O(n**2) of the plain
    form. Boxes without volume overlap nothing.

    Examples
    --------
    >>> boxes = [[0, 0, 10, 10], [1, 1, 11, 11], [20, 20, 30, 30]]
    >>> non_maximum_suppression(boxes, [0.8, 0.9, 0.7])
    array([1, 2])
    """
    name = "non_maximum_suppression"
    given = np.asarray(boxes)
    if given.size == 0 and given.ndim == 1:
        given = np.empty((0, 4))
    array = take(name, "boxes", given, ndim=(), dtypes=_NUMBERS).array.astype(np.float64, order="C")
    if array.ndim != 2 or array.shape[1] not in (2, 4, 6):
        raise ValueError(f"{name}: `boxes` must have shape (n, 4) or (n, 6), got {array.shape}")
    count, ndim = len(array), array.shape[1] // 2
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: `boxes` must be finite")
    if (array[:, ndim:] < array[:, :ndim]).any():
        row = int(np.flatnonzero((array[:, ndim:] < array[:, :ndim]).any(1))[0])
        raise _check.fail(name, "boxes", "stop where or after they start", array[row].tolist())
    rank = np.asarray(scores) if np.size(scores) else np.empty(0)
    rank = take(name, "scores", rank, ndim=(), dtypes=_NUMBERS).array
    if rank.shape != (count,):
        raise ValueError(f"{name}: `scores` must have shape ({count},), got {rank.shape}")
    if rank.dtype.kind == "f" and np.isnan(rank).any():
        raise ValueError(f"{name}: `scores` must not be NaN")
    threshold = _check.real(name, "iou_threshold", iou_threshold, minimum=0)
    if threshold > 1:
        raise _check.fail(name, "iou_threshold", "be at most 1", iou_threshold)
    classes = None
    if labels is not None:
        classes = np.asarray(labels) if np.size(labels) else np.empty(0, np.int64)
        if classes.dtype.kind not in "biu":
            raise TypeError(f"{name}: `labels` must be integers, got {classes.dtype}")
        if classes.shape != (count,):
            raise ValueError(f"{name}: `labels` must have shape ({count},), got {classes.shape}")
    # The best first, equal ones in the order of the input.
    order = count - 1 - np.argsort(rank[::-1], kind="stable")[::-1]
    if classes is not None:
        classes = np.ascontiguousarray(classes[order], np.int64)
    keep = _cormack_cpu.keep_boxes(np.ascontiguousarray(array[order]), classes, threshold)
    result: np.ndarray = order[keep != 0].astype(np.int64, copy=False)
    return result
