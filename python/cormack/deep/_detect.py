"""Boxes around objects, by a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _check
from .._table import Table
from ..detect import non_maximum_suppression
from ._card import Card
from ._classify import world_columns
from ._image import Given, Source, given, source_of
from ._network import Network
from ._segment import activate
from ._windows import Layout, batches, plan, slabs


def detect(
    image: Any,
    network: Network,
    *,
    score_threshold: float | None = None,
    iou_threshold: float = 0.5,
    overlap: float | Sequence[float] = 0.25,
    batch_size: int = 1,
    padding: str = "constant",
    cval: float = 0.0,
    spacing: Any = None,
    workers: int | None = None,
) -> Table:
    """Find objects by a network that gives boxes, in windows over an image.

    Parameters
    ----------
    image : array_like or Volume, 2-D or 3-D
        What the card of the network is about; a list of images on one grid for a network with several channels. A
        network with 2-D patches looks at a 3-D image slice by slice, along the first axis.
    network : Network
        From `load`, for the task "detect": docs/models.md says what its outputs are.
    score_threshold : float, optional
        Boxes with a lower probability are left out. Default: the card's ``threshold``.
    iou_threshold : float, default 0.5
        Of boxes of one label whose intersection over union is above this the best stays, from whatever windows. Of
        what the border of a window cuts, a box goes too if more than this part of it lies in a larger one.
    overlap, batch_size, padding, cval, spacing, workers
        See `segment`. An object is found whole where a window holds it whole: the part of a window that the next one
        covers should be as large as objects are.

    Returns
    -------
    Table
        A row for each box, the best first. ``predicted`` (its label), ``score``; ``z0``, ``y0``, ``x0``, ``z1``,
        ``y1``, ``x1``: where it starts and stops along each axis of the image, in voxels (``image[z0:z1, ...]`` where
        they are whole); ``centroid_z``, ...: index coordinates of its middle (of a voxel's centre the voxel's index);
        ``size_z_mm``, ... and ``equivalent_diameter_mm``, of the ball of the volume of the ellipsoid within (in 2-D of
        the disc); for a Volume ``world_z``, ... of its middle (mm, LPS). No z for a 2-D image.

    Raises
    ------
    ValueError
        The network is for another task, the image has no spacing although the network has one, or an argument is wrong.

    See Also
    --------
    cormack.detect.non_maximum_suppression, cormack.detect.score_lesions, segment

    Notes
    -----
    Boxes are cut at the border of the image; those without volume, and what is not finite, are left out. A box takes
    its most probable label where labels exclude each other; otherwise every one that reaches the threshold.
    `score_lesions` takes the table as it is.

    Examples
    --------
    >>> from cormack import deep, io
    >>> network = deep.load("nodules.onnx")  # doctest: +SKIP
    >>> deep.detect(io.read("scan.nii.gz"), network, score_threshold=0.3)  # doctest: +SKIP
    """
    name = "detect"
    card = network.card
    if card.task != "detect":
        raise ValueError(f"{name}: `network` must be for the task 'detect', this one is for {card.task!r}")
    how = plan(name, network, overlap, "constant", (), network.batch or batch_size)
    threads = _check.workers(name, workers)
    limit = card.threshold if score_threshold is None else _check.real(name, "score_threshold", score_threshold)
    if not 0 <= _check.real(name, "iou_threshold", iou_threshold) <= 1:
        raise _check.fail(name, "iou_threshold", "be from 0 to 1", iou_threshold)
    taken = given(name, image, card, spacing)
    source = source_of(name, taken, card, padding, cval, threads)
    layout = Layout(source, network, how)
    flat = card.ndim == 2
    boxes, scores, labels, cuts = [np.zeros((0, 6))], [np.zeros(0)], [np.zeros(0, np.int64)], [np.zeros(0, bool)]
    for row, slab in slabs(source, layout):
        for places, batch in batches(row, slab, layout.patch, how.batch_size, flat):
            for place, found, chances in zip(places, *network.run(batch), strict=True):
                corner = np.array([row.start, 0, 0]) + [axis.start for axis in place] - source.lead
                which, number, score = _chosen(card, chances, limit)
                placed = _corners(card, found[which]) + np.tile(corner, 2)
                cuts.append(_cut(placed, corner, corner + layout.patch, source.shape))
                boxes.append(_on_image(taken, source, placed))
                scores.append(score)
                labels.append(number)
    box, score = np.concatenate(boxes), np.concatenate(scores)
    label, cut = np.concatenate(labels), np.concatenate(cuts)
    real = np.isfinite(box).all(1) & (box[:, 3:] > box[:, :3]).all(1)
    box, score, label, cut = box[real], score[real], label[real], cut[real]
    keep = non_maximum_suppression(box, score, iou_threshold, labels=label)
    keep = keep[~_parts(box[keep], label[keep], cut[keep], iou_threshold)]
    return _table(taken, card, box[keep], score[keep], label[keep])


def _chosen(card: Card, outputs: np.ndarray, limit: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return which boxes of a window count, as what label (its place in the card), and how probable it is."""
    best = outputs.argmax(axis=1) if len(outputs) else np.zeros(0, np.int64)
    chances = outputs.copy()
    activate(chances.T, card.activation)
    counts = chances >= limit
    if card.exclusive:
        counts &= np.arange(len(card.labels)) == best[:, None]
    if card.background is not None:
        counts[:, card.labels.index(card.background)] = False
    which, label = np.nonzero(counts)
    return which, label, chances[which, label].astype(np.float64)


def _corners(card: Card, boxes: np.ndarray) -> np.ndarray:
    """Return boxes as starts and stops along z, y, x, in voxels of the window."""
    ndim = card.ndim
    first, second = boxes[:, :ndim].astype(np.float64), boxes[:, ndim:].astype(np.float64)
    if card.boxes["order"] == "xyz":
        first, second = first[:, ::-1], second[:, ::-1]
    if card.boxes["format"] == "center":
        first, second = first - second / 2, first + second / 2
    if ndim == 2:
        none = np.zeros((len(boxes), 1))
        first, second = np.hstack([none, first]), np.hstack([none + 1, second])
    return np.hstack([first, second])


def _cut(boxes: np.ndarray, first: np.ndarray, last: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Which boxes end at a face of their window, within a voxel, where the image goes on."""
    low = (boxes[:, :3] < first + 1) & (first > 0)
    high = (boxes[:, 3:] > last - 1) & (last < shape)
    return np.asarray((low | high).any(1))


def _parts(boxes: np.ndarray, labels: np.ndarray, cut: np.ndarray, most: float) -> np.ndarray:
    """Which of the boxes that were cut lie in a larger one of their label, as a part of the same object does."""
    result = np.zeros(len(boxes), bool)
    volumes = (boxes[:, 3:] - boxes[:, :3]).prod(1)
    for index in np.flatnonzero(cut):
        larger = boxes[(volumes > volumes[index]) & (labels == labels[index])]
        common = np.minimum(larger[:, 3:], boxes[index, 3:]) - np.maximum(larger[:, :3], boxes[index, :3])
        result[index] = (np.maximum(common, 0).prod(1) > most * volumes[index]).any()
    return result


def _on_image(taken: Given, source: Source, boxes: np.ndarray) -> np.ndarray:
    """Bring boxes to the axes and voxels of the image, and cut them at its border."""
    size, nodes = np.array(source.image_shape), np.array(source.shape)
    ratio = np.array(source.spacing) / np.array(source.image_spacing)
    # Both grids have one middle.
    ends = [(boxes[:, 3 * end : 3 * end + 3] - nodes / 2) * ratio + size / 2 for end in (0, 1)]
    # Of a voxel's edges, not its centre.
    first, second = (taken.to_image(np.clip(end, 0, size) - 0.5) + 0.5 for end in ends)
    backwards = np.zeros(3, bool)
    backwards[list(taken.axes)] = taken.flipped
    return np.hstack([np.where(backwards, second, first), np.where(backwards, first, second)])


def _table(taken: Given, card: Card, boxes: np.ndarray, scores: np.ndarray, labels: np.ndarray) -> Table:
    ndim = len(taken.shape)
    sizes = np.zeros(3)
    sizes[list(taken.axes)] = taken.spacing
    letters = list(enumerate("zyx"))[3 - ndim :]
    table = Table({"predicted": np.array(card.labels)[labels], "score": scores})
    for end in (0, 1):
        table |= {f"{letter}{end}": boxes[:, 3 * end + axis].copy() for axis, letter in letters}
    middle = (boxes[:, :3] + boxes[:, 3:]) / 2 - 0.5
    extent = (boxes[:, 3:] - boxes[:, :3]) * sizes
    table |= {f"centroid_{letter}": middle[:, axis].copy() for axis, letter in letters}
    table |= {f"size_{letter}_mm": extent[:, axis].copy() for axis, letter in letters}
    table["equivalent_diameter_mm"] = extent[:, 3 - ndim :].prod(axis=1) ** (1 / ndim)
    table |= world_columns(taken, middle)
    return table
