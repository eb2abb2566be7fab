"""What an image shows, or what lies around points of it, by a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _check
from .._resampling import INTERPOLATIONS, centred_nodes, resampled
from .._table import Table
from ._card import Card
from ._image import Given, Scale, given, scale_of, target_spacing
from ._network import Network
from ._segment import activate
from ._windows import flip_sets, mean_of_flips

_LINEAR = INTERPOLATIONS["linear"]


def classify(
    image: Any,
    network: Network,
    *,
    points: Any = None,
    unit: str = "voxel",
    flips: Sequence[int] = (),
    batch_size: int = 1,
    threshold: float | None = None,
    cval: float = 0.0,
    spacing: Any = None,
    workers: int | None = None,
) -> Table:
    """Classify an image, or patches of it around points, by a network.

    Parameters
    ----------
    image : array_like or Volume, 2-D or 3-D
        What the card of the network is about; a list of images on one grid for a network with several channels.
    network : Network
        From `load`, for the task "classify".
    points : array_like, shape (n, ndim), optional
        Centres of patches, (z, y, x) or (y, x). Default: the whole image, brought to the shape of the patch as the
        card's ``fit`` says: "resize" stretches it, "crop" takes its middle, padded where it is smaller. A network with
        2-D patches looks at every slice then, and with points at the slice of each.
    unit : {"voxel", "world"}, default "voxel"
        What `points` are: index coordinates, or world positions in mm (LPS), for a Volume.
    flips : sequence of int, default none
        Axes of the patch along which it is flipped as well; see `segment`.
    batch_size : int, default 1
        Patches that go into the network at once.
    threshold : float, optional
        From which probability a label is there, where labels do not exclude each other. Default: the card's.
    cval : float, default 0
        What lies around the image, in grey values of the network.
    spacing : float or sequence of float, optional
        Voxel size of an array in mm, needed where the network has one; a Volume has its own.
    workers : int, optional
        Number of threads for what is done outside the network; default: the library's setting.

    Returns
    -------
    Table
        A row for the image, for each slice or for each point. Columns: ``z`` of slices; ``z``, ``y``, ``x`` of points
        (index coordinates) and, for a Volume, ``world_z``, ``world_y``, ``world_x`` (mm, LPS); ``predicted``, the most
        probable label; ``probability_<label>`` (float32). Where labels do not exclude each other, ``predicted`` is the
        most probable that reaches the threshold, else the background's name or "".

    Raises
    ------
    ValueError
        The network is for another task, the image has no spacing although the network has one, or an argument is wrong.

    See Also
    --------
    segment, detect

    Notes
    -----
    Voxels between those of the image are interpolated linearly; an axis whose spacing fits is cut at whole voxels. An
    image that becomes much smaller by "resize" is not smoothed before, as in PyTorch's ``interpolate``.

    Examples
    --------
    >>> from cormack import deep, io
    >>> network = deep.load("chest-xray.onnx")  # doctest: +SKIP
    >>> deep.classify(io.read("chest.dcm"), network)["predicted"]  # doctest: +SKIP
    """
    name = "classify"
    card = network.card
    if card.task != "classify":
        raise ValueError(f"{name}: `network` must be for the task 'classify', this one is for {card.task!r}")
    turns = flip_sets(name, flips, card.ndim)
    size = _check.integer(name, "batch_size", batch_size, 1)
    fill = _check.real(name, "cval", cval)
    threads = _check.workers(name, workers)
    limit = card.threshold if threshold is None else _check.real(name, "threshold", threshold, minimum=0)
    _check.choice(name, "unit", unit, ("voxel", "world"))
    # Stretching an image to the patch does away with its spacing.
    taken = given(name, image, card, spacing, spaced=points is not None or card.fit == "crop")
    table = Table()
    if points is None:
        places = _of_whole(name, taken, card)
        if card.ndim == 2 and len(taken.shape) == 3:
            middle = np.zeros((len(places), 3))
            middle[:, 0] = [nodes[0][0] for nodes in places]
            table["zyx"[taken.axes[0]]] = taken.to_image(middle)[:, taken.axes[0]].astype(np.int64)
    else:
        index = _index(name, taken, points, unit)
        for axis, letter in enumerate("zyx"[3 - len(taken.shape) :]):
            table[letter] = index[:, axis + 3 - len(taken.shape)]
        table |= world_columns(taken, index)
        places = [_around(taken, card, point) for point in taken.to_network(index)]
    scales = [scale_of(card, array, threads) for array in taken.arrays]
    scores = np.empty((len(places), len(card.labels)), np.float32)
    for first in range(0, len(places), size):
        batch = np.stack([patch(taken, scales, nodes, fill, threads) for nodes in places[first : first + size]])
        if card.ndim == 2:
            batch = batch[:, :, 0]
        scores[first : first + size] = mean_of_flips(network, batch, turns, images=False)
    best = scores.argmax(axis=1)
    activate(scores.T, card.activation)
    names = np.array([*card.labels, card.background or ""])
    if not card.exclusive:
        objects = np.array([label in card.objects for label in card.labels])
        chances = np.where(objects, scores, -np.inf)
        best = chances.argmax(axis=1)
        best[~(chances[np.arange(len(best)), best] >= limit)] = len(card.labels)
    table["predicted"] = names[best]
    for column, label in enumerate(card.labels):
        table[f"probability_{label}"] = scores[:, column].copy()
    return table


def world_columns(taken: Given, index: np.ndarray, prefix: str = "world_") -> dict[str, np.ndarray]:
    """Return columns of the world positions of index coordinates (n, 3); none for an image that is no Volume."""
    if taken.volume is None:
        return {}
    ndim = len(taken.shape)
    world = taken.volume.index_to_world(index[:, 3 - ndim :])
    return {f"{prefix}{letter}": world[:, axis].copy() for axis, letter in enumerate("zyx"[3 - ndim :])}


def _index(name: str, taken: Given, points: Any, unit: str) -> np.ndarray:
    """Return points as index coordinates (n, 3)."""
    ndim = len(taken.shape)
    try:
        array = np.asarray(points, np.float64)
    except (TypeError, ValueError):
        raise _check.fail(name, "points", "be numbers", points, TypeError) from None
    if array.size == 0:
        array = array.reshape(-1, ndim)
    if array.ndim != 2 or array.shape[1] != ndim:
        raise ValueError(f"{name}: `points` must have shape (n, {ndim}), got {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: `points` must be finite")
    if unit == "world":
        if taken.volume is None:
            raise ValueError(f"{name}: `unit` must be 'voxel' for an image that is no Volume, got 'world'")
        array = taken.volume.world_to_index(array)
    return np.concatenate([np.zeros((len(array), 3 - ndim)), array], axis=1)


def _of_whole(name: str, taken: Given, card: Card) -> list[list[np.ndarray]]:
    """Return where the voxels of the patch lie along each axis of the image; of one for each slice in 2-D."""
    shape = taken.arrays[0].shape
    nodes = []
    for n, old, new, p in zip(shape, taken.spacing, target_spacing(taken, card), _patch(card), strict=True):
        if card.fit == "resize":
            nodes.append((np.arange(p) + 0.5) * (n / p) - 0.5)
        else:
            m = len(centred_nodes(name, n, old, new, "spacing"))
            start = m // 2 - p // 2 if m >= p else -((p - m) // 2)
            nodes.append((np.arange(start, start + p) - (m - 1) / 2) * (new / old) + (n - 1) / 2)
    if card.ndim == 3:
        return [nodes]
    return [[np.array([float(z)]), *nodes[1:]] for z in range(shape[0])]


def _around(taken: Given, card: Card, point: np.ndarray) -> list[np.ndarray]:
    nodes = []
    for center, old, new, p in zip(point, taken.spacing, target_spacing(taken, card), _patch(card), strict=True):
        first = center - (p - 1) / 2 * (new / old)
        nodes.append((np.floor(first + 0.5) if new == old else first) + np.arange(p) * (new / old))
    return nodes


def _patch(card: Card) -> tuple[int, ...]:
    return (1, *card.patch) if card.ndim == 2 else card.patch


def patch(taken: Given, scales: list[Scale], nodes: list[np.ndarray], cval: float, workers: int) -> np.ndarray:
    """Return (channels, z, y, x) of the image at the nodes of a grid, in the network's grey values."""
    size = taken.arrays[0].shape
    result = np.full((len(scales), *map(len, nodes)), cval, np.float32)
    # Up to the outer voxels' ends; a hair beyond is none.
    inside = [(at > -0.5 - 1e-9) & (at < n - 0.5 + 1e-9) for at, n in zip(nodes, size, strict=True)]
    if not all(known.any() for known in inside):
        return result
    kept = [at[known] for at, known in zip(nodes, inside, strict=True)]
    lows = [max(0, int(np.floor(at[0]))) for at in kept]
    part = tuple(slice(low, int(np.floor(at[-1])) + 2) for low, at in zip(lows, kept, strict=True))
    target = tuple(slice(int(known.argmax()), int(known.argmax() + known.sum())) for known in inside)
    places = [at - low for low, at in zip(lows, kept, strict=True)]
    for channel, (array, scale) in enumerate(zip(taken.arrays, scales, strict=True)):
        values = resampled(array[part], places, _LINEAR, np.dtype(np.float32), workers)
        scale.apply(values)
        result[channel][target] = values
    return result
