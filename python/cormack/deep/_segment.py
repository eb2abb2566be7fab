"""Label maps by a network."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .. import _check
from .._arrays import check_output
from ._apply import on_image_grid
from ._image import given, source_of
from ._network import Network
from ._windows import blended, plan

# Of planes whose activation is computed at once, one channel of them.
_CHUNK_BYTES = 4 << 20


def segment(
    image: Any,
    network: Network,
    *,
    overlap: float | Sequence[float] = 0.25,
    weighting: str = "gaussian",
    flips: Sequence[int] = (),
    batch_size: int = 1,
    probabilities: bool = False,
    masks: bool = False,
    threshold: float | None = None,
    padding: str = "constant",
    cval: float = 0.0,
    spacing: Any = None,
    out: np.ndarray | None = None,
    workers: int | None = None,
) -> Any:
    """Segment an image by a network that slides over it.

    The image is brought to the network's axes, spacing and grey values, cut into overlapping windows of the size of its
    patch, and what comes out is averaged where windows overlap, made into probabilities, brought back to the image's
    grid (linearly), and there into labels.

    Parameters
    ----------
    image : array_like or Volume, 2-D or 3-D
        What the card of the network is about; a list of images on one grid for a network with several channels. A
        network with 2-D patches segments a 3-D image slice by slice, along the first axis. NaN spreads.
    network : Network
        From `load`, for the task "segment".
    overlap : float or sequence of float, default 0.25
        Part of a window that the next one covers, below 1; one value, or one for each axis of the patch.
    weighting : {"gaussian", "constant"}, default "gaussian"
        What a window's output counts for: more in its middle (sigma an eighth of the patch), or the same everywhere.
    flips : sequence of int, default none
        Axes of the patch along which windows are flipped as well: the network runs on every combination, that is 2 to
        the number of axes times, and the outputs are averaged.
    batch_size : int, default 1
        Windows that go into the network at once.
    probabilities : bool, default False
        Also return the probabilities, which takes 4 bytes for each label and voxel.
    masks : bool, default False
        Return a mask for each label, which may overlap, where the network's labels do not exclude each other.
    threshold : float, optional
        From which probability a label is there, where labels do not exclude each other. Default: the card's.
    padding : {"constant", "replicate", "reflect", "circular"}, default "constant"
        What lies around an image that is smaller than the patch: PyTorch's names.
    cval : float, default 0
        That constant, in grey values of the network.
    spacing : float or sequence of float, optional
        Voxel size of an array in mm, needed where the network has one; a Volume has its own.
    out : ndarray of integers, optional
        Filled with the labels and returned, maybe a file in memory (``numpy.memmap``); of the image's shape.
    workers : int, optional
        Number of threads for what is done outside the network; default: the library's setting. `load` sets those of
        the network.

    Returns
    -------
    labels : array or Volume
        int32, shape and kind of `image`: 0 is background, the labels of the card count from 1 in its order, the
        background left out (``network.card.objects``). With `masks` a dict of bool images by label instead.
    probabilities : dict of array or Volume
        With `probabilities`: float32 by label, the background too.

    Raises
    ------
    ValueError
        The network is for another task, the image has no spacing although the network has one, or an argument is wrong.

    See Also
    --------
    load, apply, classify, detect

    Notes
    -----
    Averaged output agrees with MONAI's ``sliding_window_inference`` within 1e-5. Averaged is what the network gives,
    before softmax or sigmoid, as nnU-Net does. Labels exclude each other after a softmax, or where there is a
    background and no activation: the most probable wins, the first of equal ones. Otherwise a label is there from the
    threshold on, and in a label map the most probable of those wins. With NaN no label wins: background.

    Memory does not grow with the number of slices, but for the image and the labels themselves. With windows of depth p
    and slices of n voxels on the network's grid it takes ``4 * p * n * (channels + outputs + 2)`` bytes, at most
    ``4 * p * n * outputs`` more where spacings differ, and some 100 MB. Results are the same for any number of threads.

    Examples
    --------
    >>> from pathlib import Path
    >>> import numpy as np
    >>> import cormack
    >>> from cormack import deep
    >>> network = deep.load(Path(cormack.__file__).parent / "models" / "ct-lung-nodules")
    >>> scan = cormack.Volume(np.full((16, 40, 40), -850, np.int16), spacing=(2.5, 1.4, 1.4))
    >>> scan.array[6:11, 16:24, 16:24] = 40
    >>> labels = deep.segment(scan, network)
    >>> labels.array[8, 20, 20], labels.array[0, 0, 0]
    (np.int32(1), np.int32(0))
    """
    name = "segment"
    card = network.card
    if card.task != "segment":
        raise ValueError(f"{name}: `network` must be for the task 'segment', this one is for {card.task!r}")
    how = plan(name, network, overlap, weighting, flips, batch_size)
    threads = _check.workers(name, workers)
    limit = card.threshold if threshold is None else _check.real(name, "threshold", threshold, minimum=0)
    if masks and out is not None:
        raise _check.fail(name, "out", "be None with masks=True", out)
    taken = given(name, image, card, spacing)
    numbers = [card.objects.get(label, 0) for label in card.labels]
    if out is not None:
        check_output(name, "out", out, taken.shape)
        if out.dtype.kind not in "iu" or np.iinfo(out.dtype).max < max(numbers):
            raise TypeError(f"{name}: `out` must hold whole numbers up to {max(numbers)}, got {out.dtype}")
    source = source_of(name, taken, card, padding, cval, threads)
    result, view = taken.empty(np.int32, out) if not masks else (None, None)
    inside = {label: taken.empty(np.bool_) for label in card.objects} if masks else {}
    found = {label: taken.empty(np.float32) for label in card.labels} if probabilities else {}
    narrow = np.min_scalar_type(max(numbers))
    # The largest output is the largest probability: softmax is left out where nobody sees it.
    wanted = card.activation if probabilities or not source.same or not card.exclusive else "none"
    blocks = _activated(blended(source, network, how), wanted)
    for first, planes, channel in on_image_grid(source, blocks, threads):
        where = slice(first, first + planes)
        best = np.full((planes, *source.image_shape[1:]), -np.inf, np.float32)
        chosen = np.zeros(best.shape, narrow)
        for index, label in enumerate(card.labels):
            values = channel(index)
            if label in found:
                found[label][1][where] = values
            if masks and not card.exclusive:
                if label in inside:
                    np.greater_equal(values, limit, out=inside[label][1][where])
            elif card.exclusive or label in card.objects:
                better = values > best
                if not card.exclusive:
                    better &= values >= limit
                np.fmax(best, values, out=best)
                # Products and sums run in vectors, which choices do not.
                chosen *= ~better
                chosen += better * narrow.type(numbers[index])
        if view is not None:
            view[where] = chosen
        elif card.exclusive:
            for label, (_, mask) in inside.items():
                np.equal(chosen, card.objects[label], out=mask[where])
    labels: Any = {label: taken.give_back(mask) for label, (mask, _) in inside.items()}
    if result is not None:
        labels = taken.give_back(result)
    if probabilities:
        return labels, {label: taken.give_back(array) for label, (array, _) in found.items()}
    return labels


def _activated(blocks: Iterator[tuple[int, np.ndarray]], activation: str) -> Iterator[tuple[int, np.ndarray]]:
    for start, block in blocks:
        if activation != "none":
            step = max(1, _CHUNK_BYTES // (4 * math.prod(block.shape[2:])))
            for first in range(0, block.shape[1], step):
                activate(block[:, first : first + step], activation)
        yield start, block


def activate(values: np.ndarray, activation: str) -> None:
    """Turn what a network gives into probabilities, where it is: channels are the first axis."""
    if activation == "softmax":
        # Of two infinite outputs none is the more probable: NaN.
        with np.errstate(invalid="ignore"):
            values -= values.max(axis=0)
        np.exp(values, out=values)
        values /= values.sum(axis=0)
    elif activation == "sigmoid":
        # exp(-x) of a very negative x is infinite, and 1 / infinity is right.
        with np.errstate(over="ignore"):
            np.exp(np.negative(values, out=values), out=values)
        values += 1
        np.reciprocal(values, out=values)
