"""Transforms made of any function of one image, for arrays and for dictionaries."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import numpy as np

from ... import _check
from ..._errors import BackendUnavailable, GeometryError
from ...volume import PERPENDICULAR_TOLERANCE, Volume

try:
    import torch
    from monai.config import KeysCollection
    from monai.data import MetaTensor
    from monai.transforms import MapTransform, Transform
    from monai.utils import TransformBackends
except ImportError as error:
    raise BackendUnavailable('MONAI is not installed; pip install "cormack[monai]"') from error


# What a function calls the voxels' size.
_SPACINGS = ("spacing", "sampling")
# Where a function would write, which would be one place for all channels.
OUTPUTS = ("out", "output")


def name_of(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", type(function).__name__)


def _signature(function: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        # Built into an extension, without a word on its parameters.
        return None


def check_channels(function: str, argument: str, image: Any) -> None:
    if not isinstance(image, np.ndarray | torch.Tensor):
        raise _check.fail(function, argument, "be a NumPy array or a tensor", type(image), TypeError)
    if image.ndim not in (3, 4) or not image.shape[0]:
        raise ValueError(
            f"{function}: `{argument}` must have a channel first and then 2 or 3 axes, got shape {tuple(image.shape)}"
        )


def plain(image: Any) -> Any:
    return image.as_tensor() if isinstance(image, MetaTensor) else image


def _affine(image: Any) -> np.ndarray[Any, Any]:
    """Return the columns of a MetaTensor's affine that belong to its axes, and the place of its first voxel, last."""
    affine = np.asarray(image.affine.cpu(), np.float64)
    return np.concatenate([affine[:-1, : image.ndim - 1], affine[:-1, -1:]], axis=1)


def spacing_of(function: str, image: Any) -> tuple[float, ...]:
    columns = _affine(image)[:, :-1]
    lengths = np.linalg.norm(columns, axis=0)
    if not (np.isfinite(lengths).all() and lengths.all()):
        raise ValueError(f"{function}: the affine of the image must have axes with lengths, got\n{columns}")
    units = columns / lengths
    if np.abs(units.T @ units - np.eye(len(lengths))).max() > PERPENDICULAR_TOLERANCE:
        raise ValueError(
            f"{function}: the affine of the image is sheared, so that voxels have no spacing: give one, or resample "
            f"before; got\n{columns}"
        )
    return tuple(lengths.tolist())


def _check_grid(function: str, argument: str, image: Any, other: Any) -> None:
    """Refuse an image whose voxels lie elsewhere, by more than a hundredth of one."""
    if not (isinstance(image, MetaTensor) and isinstance(other, MetaTensor)):
        return
    corners = np.array([(*index, 1) for index in itertools.product(*((0, n - 1) for n in image.shape[1:]))])
    own, others = _affine(image), _affine(other)
    rows = min(len(own), len(others))
    distance = np.linalg.norm(corners @ (own[:rows] - others[:rows]).T, axis=1).max()
    if not distance <= 0.01 * np.linalg.norm(own[:, :-1], axis=0).min():
        raise GeometryError(
            f"{function}: `{argument}` must lie on the grid of the image, up to {distance:.3g} mm lie between voxels; "
            f"the image has the affine\n{np.asarray(image.affine.cpu())}\nand `{argument}`\n"
            f"{np.asarray(other.affine.cpu())}"
        )


def of_channels(function: str, argument: str, value: Any, image: Any) -> list[Any] | None:
    """Return the channels of an argument that is an image itself, such as a mask; None for any other."""
    if not isinstance(value, np.ndarray | torch.Tensor) or value.ndim != image.ndim:
        return None
    if value.shape[1:] != image.shape[1:] or value.shape[0] not in (1, image.shape[0]):
        raise ValueError(
            f"{function}: `{argument}` must have the shape of the image, {tuple(image.shape)}, or one channel of it, "
            f"got {tuple(value.shape)}"
        )
    _check_grid(function, argument, image, value)
    value = plain(value)
    return [value[0 if len(value) == 1 else channel] for channel in range(len(image))]


class Apply(Transform):  # type: ignore[misc]
    """Run a function on each channel of an image.

    Parameters
    ----------
    function : callable
        One of Cormack, or any that takes an image as the first argument and returns one of its shape; of a tuple, its
        first item is the image, as of `segment.label`. To be pickled it must be importable.
    *arguments, **parameters
        Of the function, without the image. Of a parameter that is an image with a channel first, such as `mask`, each
        channel of the image gets its own, or the only one.

    Raises
    ------
    TypeError
        The function has no such parameter, or an image is neither an array nor a tensor.
    ValueError
        A parameter is `out`; an image is not channel first; the result is no image of its shape; the affine is sheared,
        and the function needs a spacing.
    GeometryError
        A parameter is a MetaTensor on another grid.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import filters
    >>> Apply(filters.maximum_filter, size=3)(np.array([[[0, 1, 5, 2, 0]]], np.int16)).tolist()
    [[[1, 5, 5, 5, 2]]]
    """

    backend = (TransformBackends.TORCH, TransformBackends.NUMPY)

    def __init__(self, function: Callable[..., Any], *arguments: Any, **parameters: Any) -> None:
        if not callable(function):
            raise _check.fail("Apply", "function", "be callable", function, TypeError)
        self.function = function
        self.arguments = arguments
        self.parameters = parameters
        # Whether the function has a spacing that was not given, and whether its result then has to do with lengths.
        self.lacks_spacing = self.needs_spacing = False
        signature = _signature(function)
        if signature is None:
            return
        try:
            given = signature.bind_partial(None, *arguments, **parameters).arguments
        except TypeError as error:
            raise TypeError(f"{name_of(function)}: {error}") from None
        for name in OUTPUTS:
            if given.get(name) is not None:
                raise ValueError(f"{name_of(function)}: `{name}` must not be given to a transform")
        self.lacks_spacing = any(one in signature.parameters and given.get(one) is None for one in _SPACINGS)
        self.needs_spacing = self.lacks_spacing and ("unit" not in signature.parameters or given.get("unit") == "mm")

    def __call__(self, img: Any, **parameters: Any) -> Any:
        """Return the function of each channel; further parameters are for this image."""
        name = name_of(self.function)
        check_channels(name, "img", img)
        values = plain(img)
        keywords = {**self.parameters, **parameters}
        spacing = self._spacing(img, keywords)
        images = {word: found for word, value in keywords.items() if (found := of_channels(name, word, value, img))}
        results = []
        for channel in range(len(values)):
            keywords.update((word, found[channel]) for word, found in images.items())
            image = values[channel] if spacing is None else Volume(values[channel], spacing)
            results.append(_image(name, self.function(image, *self.arguments, **keywords), values))
        if len(results) == 1:
            stacked = results[0][None]
        else:
            stacked = torch.stack(results) if isinstance(values, torch.Tensor) else np.stack(results)
        return with_meta(stacked, img)

    def _spacing(self, img: Any, keywords: Mapping[str, Any]) -> tuple[float, ...] | None:
        """Return what the affine says where the function may ask for it; None if voxels have none that it needs."""
        if not isinstance(img, MetaTensor) or not self.lacks_spacing or any(one in keywords for one in _SPACINGS):
            return None
        try:
            return spacing_of(name_of(self.function), img)
        except ValueError:
            if self.needs_spacing:
                raise
            return None


def _image(function: str, result: Any, like: Any) -> Any:
    """Return what a function gave of a channel as an image of its kind and shape."""
    found = result[0] if isinstance(result, tuple) and result else result
    found = found.array if isinstance(found, Volume) else found
    shape = getattr(found, "shape", None)
    if shape is None or tuple(shape) != tuple(like.shape[1:]):
        what = type(found).__name__ if shape is None else f"one of shape {tuple(shape)}"
        raise ValueError(f"{function}: the result must be an image of shape {tuple(like.shape[1:])}, got {what}")
    if isinstance(like, np.ndarray):
        return np.asarray(found)
    return found if isinstance(found, torch.Tensor) else torch.as_tensor(np.asarray(found), device=like.device)


def with_meta(result: Any, image: Any) -> Any:
    return MetaTensor(result).copy_meta_from(image) if isinstance(image, MetaTensor) else result


class Applyd(MapTransform):  # type: ignore[misc]
    """Run a function on the images of a dictionary: `Apply` for `keys`.

    Parameters
    ----------
    keys : hashable or sequence of hashable
        Of the images.
    function : callable
        As for `Apply`.
    *arguments, **parameters
        As for `Apply`.
    from_keys : mapping of str to hashable, optional
        Parameters that the dictionary has for each case, and their keys: ``{"mask": "body", "seeds": "points"}``.
        Images are channel first.
    allow_missing_keys : bool, default False
        Leave out keys of images that the dictionary does not have.

    Raises
    ------
    KeyError
        The dictionary lacks a key.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import enhance
    >>> case = {"ct": np.arange(4.0)[None, None], "body": np.array([[[0, 1, 1, 1]]])}
    >>> scaled = Applyd("ct", enhance.normalize, "minmax", from_keys={"mask": "body"})(case)
    """

    backend = Apply.backend

    def __init__(
        self,
        keys: KeysCollection,
        function: Callable[..., Any],
        *arguments: Any,
        from_keys: Mapping[str, Hashable] | None = None,
        allow_missing_keys: bool = False,
        **parameters: Any,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.apply = Apply(function, *arguments, **parameters)
        self.from_keys = dict(from_keys or {})
        signature = _signature(function)
        if signature is not None:
            try:
                signature.bind_partial(None, *arguments, **parameters, **self.from_keys)
            except TypeError as error:
                raise TypeError(f"{name_of(function)}: {error}") from None

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the dictionary with new images."""
        found = dict(data)
        further = {}
        for word, key in self.from_keys.items():
            if key not in data:
                raise KeyError(f"{name_of(self.apply.function)}: `{word}` comes from key {key!r}, which is missing")
            further[word] = data[key]
        for key in self.key_iterator(found):
            found[key] = self.apply(found[key], **further)
        return found
