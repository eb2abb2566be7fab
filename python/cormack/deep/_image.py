"""Images as networks take them: their axes, spacing and grey values, read some planes at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _check, _cormack_cpu, _intensity
from .._arrays import Taken, check_grids, empty, take
from .._resampling import INTERPOLATIONS, centred_nodes, resampled
from ._card import Card

# Not one less than the first plane, which would seem to follow it.
_NO_PLANE = -9
_LINEAR = INTERPOLATIONS["linear"]
# NumPy's names of PyTorch's ways to pad.
PADDINGS = {"constant": "constant", "replicate": "edge", "reflect": "reflect", "circular": "wrap"}


@dataclass(frozen=True, slots=True)
class Scale:
    """Grey values of one image to those of a network: ``(clip(x, low, high) - center) * gain + shift``."""

    low: float = -math.inf
    high: float = math.inf
    center: float = 0.0
    gain: float = 1.0
    shift: float = 0.0
    # What is 0 stays 0.
    holes: bool = False

    def apply(self, values: np.ndarray) -> None:
        """Change float32 values where they are."""
        holes = values == 0 if self.holes else None
        if self.low > -math.inf or self.high < math.inf:
            np.clip(values, np.float32(self.low), np.float32(self.high), out=values)
        if self.center:
            values -= np.float32(self.center)
        if self.gain != 1:
            values *= np.float32(self.gain)
        if self.shift:
            values += np.float32(self.shift)
        if holes is not None:
            values[holes] = 0


def scale_of(card: Card, array: np.ndarray, workers: int) -> Scale:
    """Return what the card's normalisation is for an image, with statistics of all its voxels (NaN left out)."""
    rule = dict(card.intensity)
    kind = rule["type"]
    low, high = rule.get("low", -math.inf), rule.get("high", math.inf)
    if kind == "none":
        return Scale()
    holes = rule.get("nonzero", False)
    inside = array != 0 if holes else None
    if kind == "percentile":
        found = _intensity.quantiles(array, inside, (low / 100, high / 100), workers)
        low, high = found.tolist() if len(found) else (0.0, 0.0)
    if kind in ("window", "percentile"):
        first, last = rule["out"]
        return Scale(low, high, low, (last - first) / (high - low) if high > low else 0.0, first, holes)
    if "mean" in rule:
        return Scale(low, high, rule["mean"], 1 / rule["std"], 0.0, holes)
    # Of what lies between the two.
    image, mask = _intensity.for_reduction(array, inside)
    count, mean, variance = _cormack_cpu.moments(image, mask, low, high, workers)
    spread = math.sqrt(variance) if count else 0.0
    # An image of one value becomes 0, as in MONAI.
    return Scale(low, high, mean if count else 0.0, 1 / spread if spread > 0 else 1.0, 0.0, holes)


@dataclass(frozen=True, slots=True)
class Given:
    """Images from arguments, with their axes as the network wants them; a 2-D image has one plane."""

    arrays: list[np.ndarray]
    spacing: tuple[float, ...]
    axes: tuple[int, ...]
    flipped: tuple[bool, ...]
    give_back: Callable[[np.ndarray], Any]
    # The first image, where it is a Volume.
    volume: Any
    shape: tuple[int, ...]

    def empty(self, dtype: Any, out: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return an array like the image, or `out`, and a view of it with the axes that the network wants."""
        result = empty(self.shape, dtype) if out is None else out
        return result, self.turned(result)

    def turned(self, array: np.ndarray) -> np.ndarray:
        """Return a view of an array on the image's grid with the axes that the network wants, three of them."""
        if array.ndim == 2:
            array = array[None]
        return array.transpose(self.axes)[tuple(slice(None, None, -1 if flip else 1) for flip in self.flipped)]

    def to_network(self, points: np.ndarray) -> np.ndarray:
        """Return index coordinates (n, 3) with the axes that the network wants."""
        turned = points[:, self.axes]
        size = np.array(self.arrays[0].shape)
        return np.where(self.flipped, size - 1 - turned, turned)

    def to_image(self, points: np.ndarray) -> np.ndarray:
        """Return index coordinates (n, 3) with the axes that the image has: the inverse of `to_network`."""
        size = np.array(self.arrays[0].shape)
        result = np.empty_like(points)
        result[:, self.axes] = np.where(self.flipped, size - 1 - points, points)
        return result


def given(function: str, image: Any, card: Card, spacing: Any, *, placed: bool = True, spaced: bool = True) -> Given:
    """Take the argument `image`: one image, or a list of them where the network has several channels.

    Where only grey values count, it need not be `placed`: axes and spacing stay as they are. It need not be `spaced`
    where it is stretched to a patch.
    """
    images = list(image) if card.channels > 1 and isinstance(image, (list, tuple)) else [image]
    if len(images) != card.channels:
        raise ValueError(
            f"{function}: `image` must be a list of {card.channels} images, the network's channels, got {len(images)}"
        )
    takens = [take(function, "image", item, ndim=(2, 3)) for item in images]
    first = takens[0]
    for taken, item in zip(takens[1:], images[1:], strict=True):
        check_grids(("image[0]", images[0]), ("image", item))
        if taken.array.shape != first.array.shape:
            raise ValueError(f"{function}: images must have one shape, got {first.array.shape}, {taken.array.shape}")
    ndim = first.array.ndim
    if ndim < card.ndim:
        raise ValueError(f"{function}: `image` must be 3-D for a network with 3-D patches, got {first.array.shape}")
    if first.array.size == 0:
        raise ValueError(f"{function}: `image` must contain a voxel, its shape is {first.array.shape}")
    axes, flipped = _orientation(function, card if placed else None, first)
    sizes = _spacing(function, card if placed and spaced else None, first, spacing)
    sizes = tuple(sizes[axis] for axis in axes)
    result = Given([], sizes, axes, flipped, first.give_back, first.volume, first.array.shape)
    result.arrays.extend(result.turned(taken.array) for taken in takens)
    return result


def _spacing(function: str, card: Card | None, taken: Taken, spacing: Any) -> tuple[float, ...]:
    ndim = taken.array.ndim
    if taken.spacing is not None:
        if spacing is not None:
            raise _check.fail(function, "spacing", "be None for a Volume, which has its own", spacing)
        sizes = tuple(taken.spacing)
    elif spacing is None and card is not None and card.spacing_mm is not None:
        raise ValueError(
            f"{function}: `spacing` must be given, or `image` be a Volume: the network takes voxels of "
            f"{card.spacing_mm} mm"
        )
    else:
        sizes = _check.spacing(function, spacing, ndim)
    return (1.0,) * (3 - ndim) + sizes


def _orientation(function: str, card: Card | None, taken: Taken) -> tuple[tuple[int, ...], tuple[bool, ...]]:
    # A 2-D image, which has a plane of its own, is taken as it is.
    if card is None or card.orientation is None or taken.array.ndim == 2:
        return (0, 1, 2), (False,) * 3
    if taken.volume is None:
        raise ValueError(
            f"{function}: `image` must be a Volume: the network takes axes that run to {card.orientation}, and an "
            "array does not say where its axes run to"
        )
    axes, flipped = taken.volume._axes_to(function, card.orientation)
    return tuple(axes), tuple(flipped)


def target_spacing(image: Given, card: Card) -> tuple[float, ...]:
    """Return the voxel size of the network's grid, with that of the image where the two are as good as equal."""
    wanted = card.spacing_mm or ()
    # Along z a network that looks at slices takes them as they are.
    full = (*image.spacing[: 3 - len(wanted)], *wanted)
    return tuple(old if abs(old - new) <= 1e-6 * new else new for old, new in zip(image.spacing, full, strict=True))


class Source:
    """An image on the network's grid, padded to the patch, with the network's grey values."""

    def __init__(
        self, function: str, image: Given, card: Card, padding: str, cval: float, workers: int, patch: Sequence[int]
    ) -> None:
        self._arrays, self._workers = image.arrays, workers
        self._mode = PADDINGS[_check.choice(function, "padding", padding, PADDINGS)]
        self._cval = np.float32(_check.real(function, "cval", cval))
        self._scales = [scale_of(card, array, workers) for array in image.arrays]
        self.channels = len(image.arrays)
        target = target_spacing(image, card)
        size = image.arrays[0].shape
        self.same, self.spacing = image.spacing == target, target
        self.nodes = [
            np.arange(n, dtype=np.float64) if self.same else centred_nodes(function, n, old, new, "spacing")
            for n, old, new in zip(size, image.spacing, target, strict=True)
        ]
        self.image_shape, self.image_spacing = size, image.spacing
        self.shape = tuple(map(len, self.nodes))
        self.lead = tuple(max(0, p - n) // 2 for n, p in zip(self.shape, patch, strict=True))
        self.padded = tuple(map(max, self.shape, patch))
        if self._mode == "reflect" and any(
            p >= 2 * n + a for n, p, a in zip(self.shape, patch, self.lead, strict=True)
        ):
            raise ValueError(
                f"{function}: `padding` cannot be 'reflect' for {self.shape} voxels and patches of {patch}"
            )
        # Plane of the image for each padded one.
        ends = (self.lead[0], self.padded[0] - self.shape[0] - self.lead[0])
        fill = {"constant_values": _NO_PLANE} if self._mode == "constant" else {}
        self._planes = np.pad(np.arange(self.shape[0]), ends, self._mode, **fill)  # type: ignore[call-overload]

    def read(self, start: int, stop: int, out: np.ndarray) -> None:
        """Fill (channels, stop - start, *padded) with padded planes."""
        wanted = self._planes[start:stop]
        # Runs of planes that follow each other in the image.
        breaks = np.flatnonzero(np.diff(wanted) != 1) + 1
        for run in np.split(np.arange(len(wanted)), breaks):
            if not len(run):
                continue
            first, last = int(wanted[run[0]]), int(wanted[run[-1]])
            target = out[:, run[0] : run[-1] + 1]
            if first < 0:
                target[...] = self._cval
                continue
            for channel, scale in enumerate(self._scales):
                self._fill(target[channel], channel, scale, first, last + 1)

    def _fill(self, target: np.ndarray, channel: int, scale: Scale, first: int, last: int) -> None:
        inside = tuple(slice(a, a + n) for a, n in zip(self.lead[1:], self.shape[1:], strict=True))
        view = target[:, *inside]
        array = self._arrays[channel]
        if self.same:
            view[...] = array[first:last]
        else:
            z = self.nodes[0][first:last]
            low = max(0, math.floor(z[0]))
            high = min(array.shape[0], math.floor(z[-1]) + 2)
            places = [z - low, *self.nodes[1:]]
            part = array[min(low, array.shape[0] - 1) : high]
            view[...] = resampled(part, places, _LINEAR, np.dtype(np.float32), self._workers)
        scale.apply(view)
        if view.shape != target.shape:
            ends = [(a, p - n - a) for a, n, p in zip(self.lead[1:], self.shape[1:], self.padded[1:], strict=True)]
            fill = {"constant_values": self._cval} if self._mode == "constant" else {}
            for plane in target:
                plane[...] = np.pad(plane[inside], ends, self._mode, **fill)  # type: ignore[call-overload]


def source_of(function: str, image: Given, card: Card, padding: str, cval: float, workers: int) -> Source:
    """Return an image as the network takes it, padded to at least a patch."""
    patch = (1, *card.patch) if card.ndim == 2 else card.patch
    return Source(function, image, card, padding, cval, workers, patch)
