"""Networks whose output is an image: what they give, put together from windows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from .. import _check
from .._arrays import check_output, empty
from .._resampling import INTERPOLATIONS, resampled
from ._image import Source, given, scale_of, source_of
from ._network import Network
from ._windows import blended, plan

_LINEAR = INTERPOLATIONS["linear"]
# Of planes that are worked on at once, one channel of them.
_CHUNK_BYTES = 4 << 20


def normalize(image: Any, network: Network, *, workers: int | None = None) -> Any:
    """Bring an image to the grey values that a network takes.

    Parameters
    ----------
    image : array_like or Volume, 2-D or 3-D
        Or a list of images, for a network with several channels.
    network : Network
        Its card says how: docs/models.md.
    workers : int, optional
        Number of threads; default: the library's setting.

    Returns
    -------
    array, or list of them
        float32, shape and kind of `image`, on its own grid.

    Raises
    ------
    ValueError
        There are more or fewer images than channels.

    See Also
    --------
    apply : The output of a network that reconstructs images is comparable with this.

    Examples
    --------
    >>> from pathlib import Path
    >>> import numpy as np
    >>> import cormack
    >>> from cormack import deep
    >>> network = deep.load(Path(cormack.__file__).parent / "models" / "ct-lung-nodules")
    >>> network.card.intensity["low"], network.card.intensity["high"]
    (-1000.0, 400.0)
    >>> deep.normalize(np.full((1, 1, 3), [-2000, -300, 400], np.int16), network)
    array([[[0. , 0.5, 1. ]]], dtype=float32)
    """
    name = "normalize"
    threads = _check.workers(name, workers)
    card = network.card
    taken = given(name, image, card, None, placed=False)
    results = []
    for array in taken.arrays:
        result, view = taken.empty(np.float32)
        view[...] = array
        scale_of(card, array, threads).apply(result)
        results.append(taken.give_back(result))
    return results if card.channels > 1 else results[0]


def apply(
    image: Any,
    network: Network,
    *,
    overlap: float | Sequence[float] = 0.25,
    weighting: str = "gaussian",
    flips: Sequence[int] = (),
    batch_size: int = 1,
    padding: str = "constant",
    cval: float = 0.0,
    spacing: Any = None,
    out: np.ndarray | None = None,
    workers: int | None = None,
) -> Any:
    """Run a network that gives an image over windows of another, and put together what it gives, as it is.

    `segment` makes labels of it. The output of a network that reconstructs images is comparable with `normalize`.

    Parameters
    ----------
    image, network, overlap, weighting, flips, batch_size, padding, cval, spacing, workers
        See `segment`.
    out : ndarray of float32, optional
        Filled and returned: of the image's shape, or ``(outputs, *shape)`` for a network with several.

    Returns
    -------
    array, or list of them
        float32, shape and kind of `image`; one for each channel of the output where there are several.

    Raises
    ------
    ValueError
        The network gives no image, or an argument is wrong.

    See Also
    --------
    segment

    Notes
    -----
    What MONAI's ``sliding_window_inference`` returns, within 1e-5 of the output's size.

    Examples
    --------
    >>> from cormack import deep, io
    >>> network = deep.load("autoencoder.onnx")  # doctest: +SKIP
    >>> scan = io.read("scan.nii.gz")  # doctest: +SKIP
    >>> residual = deep.normalize(scan, network).array - deep.apply(scan, network).array  # doctest: +SKIP
    """
    name = "apply"
    card = network.card
    if card.task not in ("segment", "reconstruct"):
        raise ValueError(f"{name}: `network` must give images (segment, reconstruct), this one is for {card.task!r}")
    how = plan(name, network, overlap, weighting, flips, batch_size)
    threads = _check.workers(name, workers)
    taken = given(name, image, card, spacing)
    source = source_of(name, taken, card, padding, cval, threads)
    count = len(card.labels) or card.channels
    shape = (count, *taken.shape) if count > 1 else taken.shape
    if out is None:
        out = empty(shape, np.float32)
    else:
        check_output(name, "out", out, shape)
        if out.dtype != np.float32:
            raise TypeError(f"{name}: `out` must be float32, got {out.dtype}")
    results = list(out) if count > 1 else [out]
    views = [taken.turned(result) for result in results]
    for first, planes, channel in on_image_grid(source, blended(source, network, how), threads):
        for index, view in enumerate(views):
            view[first : first + planes] = channel(index)
    images = [taken.give_back(result) for result in results]
    return images if count > 1 else images[0]


Planes = tuple[int, int, Callable[[int], np.ndarray]]


def on_image_grid(source: Source, blocks: Iterable[tuple[int, np.ndarray]], workers: int) -> Iterator[Planes]:
    """Bring finished planes from the network's grid to the image's, linearly.

    Yields the first plane, their number, and what gives a channel of them.
    """
    step = max(1, _CHUNK_BYTES // (4 * source.image_shape[1] * source.image_shape[2]))
    if source.same:
        for start, block in blocks:
            for first in range(0, block.shape[1], step):
                part = block[:, first : first + step]
                yield start + first, part.shape[1], part.__getitem__
        return
    sizes = zip(source.image_shape, source.image_spacing, source.shape, source.spacing, strict=True)
    z, *across = ((np.arange(n) - (n - 1) / 2) * (old / new) + (m - 1) / 2 for n, old, m, new in sizes)
    # Planes of the network's between which each one of the image's lies.
    below = np.clip(np.floor(z).astype(np.int64), 0, source.shape[0] - 1)
    above = np.clip(below + (z >= 0), 0, source.shape[0] - 1)
    ready, carried = 0, 0
    carry: np.ndarray | None = None
    for start, block in blocks:
        end = start + block.shape[1]
        stop = int(np.searchsorted(above, end))
        while ready < stop:
            after = min(ready + step, stop)
            low, high = int(below[ready]), int(above[after - 1]) + 1
            part = block[:, max(0, low - start) : high - start]
            if low < start:
                assert carry is not None
                part = np.concatenate([carry[:, low - carried :], part], axis=1)
            places = [z[ready:after] - low, *across]

            def channel(index: int, part: np.ndarray = part, places: list[np.ndarray] = places) -> np.ndarray:
                return resampled(part[index], places, _LINEAR, part.dtype, workers)

            yield ready, after - ready, channel
            ready = after
        if ready < len(z):
            # A layer of windows may be thinner than the way from one plane to the next.
            low = int(below[ready])
            held = [carry[:, max(0, low - carried) :]] if carry is not None and low < start else []
            carry = np.concatenate([*held, block[:, max(0, low - start) :]], axis=1)
            carried = max(low, carried if held else start)
