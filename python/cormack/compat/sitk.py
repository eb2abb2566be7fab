"""SimpleITK images in and out: any function of Cormack on them, and SimpleITK's names for what is the same.

``import SimpleITK as sitk`` stays, and `sitk.Median` becomes `cormack.compat.sitk.Median`: names, order and defaults of
parameters are those of SimpleITK 2.5, seeds and radii in its order (x, y, z), and the result is a ``SimpleITK.Image``
with the geometry of the image. For everything else there is `wrap`, which turns a function of Cormack into one of
images; its own parameters keep Cormack's array order (z, y, x).

Images are 2-D or 3-D with one component. A function reads the image's own memory, without a copy; the result is copied
once, into a new image. Results are those of SimpleITK, voxel by voxel, but that integers are rounded to nearest where
it cuts off: `Mean`, `IntensityWindowing` and `RescaleIntensity`. Arguments that Cormack cannot honour raise ValueError.

Examples
--------
>>> import SimpleITK as sitk
>>> from cormack import filters
>>> from cormack.compat import sitk as csitk
>>> image = sitk.Image(32, 32, 8, sitk.sitkInt16)
>>> image.SetSpacing((0.8, 0.8, 3.0))
>>> region = csitk.ConnectedThreshold(image, [(16, 16, 4)], lower=-10, upper=10)
>>> region.GetSpacing(), region.GetPixelIDTypeAsString()
((0.8, 0.8, 3.0), '8-bit unsigned integer')
>>> csitk.wrap(filters.gaussian_filter)(image, 2.0, unit="mm").GetSize()
(32, 32, 8)
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import _check, enhance, filters, segment
from .._docs import named_after
from ..volume import Volume

__all__ = [
    "BinaryDilate",
    "BinaryErode",
    "BinaryFillhole",
    "BinaryMorphologicalClosing",
    "BinaryMorphologicalOpening",
    "BinaryThreshold",
    "ConfidenceConnected",
    "ConnectedComponent",
    "ConnectedThreshold",
    "GrayscaleDilate",
    "GrayscaleErode",
    "IntensityWindowing",
    "IsolatedConnected",
    "Mean",
    "Median",
    "NeighborhoodConnected",
    "RescaleIntensity",
    "SignedMaurerDistanceMap",
    "from_volume",
    "to_volume",
    "wrap",
]

# SimpleITK's numbers of kernels: sitkBall, sitkBox, sitkCross.
_BALL, _BOX, _CROSS = 1, 2, 3
_ONES = (1, 1, 1)


def to_volume(image: Any) -> Volume:
    """Return a copy of a ``SimpleITK.Image`` as a `Volume`: `Volume.from_sitk`."""
    return Volume.from_sitk(image)


def from_volume(volume: Volume) -> Any:
    """Return a copy of a `Volume` as a ``SimpleITK.Image``: `Volume.to_sitk`."""
    return volume.to_sitk()


def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of Cormack that takes ``SimpleITK.Image`` arguments and returns images for volumes.

    Arguments that are images, in any place, become volumes with their spacing, without a copy; volumes that come back,
    also in a tuple or list, become images. Everything else passes as it is, in Cormack's order (z, y, x).

    Parameters
    ----------
    function : callable
        One that accepts volumes, such as any of `cormack.filters`.

    Returns
    -------
    callable
        With the name, docstring and parameters of `function`.

    Examples
    --------
    >>> import SimpleITK as sitk
    >>> from cormack import segment
    >>> labels, count = wrap(segment.label)(sitk.Image(4, 3, sitk.sitkUInt8) + 1)
    >>> labels.GetSize(), count
    ((4, 3), 1)
    """

    @functools.wraps(function)
    def of_images(*args: Any, **keywords: Any) -> Any:
        return _out(function(*map(_in, args), **{name: _in(value) for name, value in keywords.items()}))

    return of_images


def _in(value: Any) -> Any:
    # SimpleITK itself is not imported to find out.
    is_image = any(base.__name__ == "Image" and base.__module__.startswith("SimpleITK") for base in type(value).__mro__)
    return Volume.from_sitk(value, copy=False) if is_image else value


def _out(value: Any) -> Any:
    if isinstance(value, Volume):
        return value.to_sitk()
    if type(value) in (tuple, list):
        return type(value)(map(_out, value))
    return value


def _voxels(function: str, image: Any) -> Volume:
    volume = _in(image)
    if not isinstance(volume, Volume):
        raise _check.fail(function, "image1", "be a SimpleITK.Image", type(image), TypeError)
    return volume


def _array(value: Any) -> np.ndarray[Any, Any]:
    return np.asarray(value)


def _radius(function: str, argument: str, value: Any, ndim: int) -> tuple[int, ...]:
    """Return a radius in array order; longer ones than there are axes lose what is too much, as in SimpleITK."""
    values = [value] * ndim if np.ndim(value) == 0 else list(value)[:ndim]
    return tuple(
        _check.integer(function, argument, one, minimum=0)
        for one in _check.per_axis(function, argument, values, ndim)[::-1]
    )


def _seeds(seeds: Sequence[Sequence[int]]) -> list[tuple[int, ...]]:
    return [tuple(int(index) for index in seed)[::-1] for seed in seeds]


def _chosen(volume: Volume, where: Any, value: float, dtype: Any = np.uint8, other: float = 0) -> Any:
    kind = np.dtype(dtype).type
    return volume.replace(np.where(_array(where), kind(value), kind(other))).to_sitk()


def Median(image1: Any, radius: Any = _ONES) -> Any:
    """`cormack.filters.median_filter` of boxes with a radius in voxels."""
    volume = _voxels("Median", image1)
    size = [2 * length + 1 for length in _radius("Median", "radius", radius, volume.ndim)]
    return _out(filters.median_filter(volume, size, mode="nearest"))


def Mean(image1: Any, radius: Any = _ONES) -> Any:
    """`cormack.filters.uniform_filter` of boxes with a radius in voxels; integers are rounded, ITK cuts off."""
    volume = _voxels("Mean", image1)
    size = [2 * length + 1 for length in _radius("Mean", "radius", radius, volume.ndim)]
    return _out(filters.uniform_filter(volume, size, mode="nearest"))


def ConnectedThreshold(
    image1: Any,
    seedList: Sequence[Sequence[int]] = (),
    lower: float = 0,
    upper: float = 1,
    replaceValue: int = 1,
    connectivity: int = 0,
) -> Any:
    """`cormack.segment.connected_threshold`; `connectivity` 0 is over faces, 1 over corners."""
    volume = _voxels("ConnectedThreshold", image1)
    steps = volume.ndim if connectivity else 1
    region = segment.connected_threshold(volume, _seeds(seedList), lower, upper, connectivity=steps)
    return _chosen(volume, region, replaceValue)


def ConfidenceConnected(
    image1: Any,
    seedList: Sequence[Sequence[int]] = (),
    numberOfIterations: int = 4,
    multiplier: float = 4.5,
    initialNeighborhoodRadius: int = 1,
    replaceValue: int = 1,
) -> Any:
    """`cormack.segment.confidence_connected`."""
    volume = _voxels("ConfidenceConnected", image1)
    region = segment.confidence_connected(
        volume,
        _seeds(seedList),
        multiplier=multiplier,
        iterations=numberOfIterations,
        initial_radius=initialNeighborhoodRadius,
    )
    return _chosen(volume, region, replaceValue)


def NeighborhoodConnected(
    image1: Any,
    seedList: Sequence[Sequence[int]] = (),
    lower: float = 0,
    upper: float = 1,
    radius: Any = _ONES,
    replaceValue: float = 1,
) -> Any:
    """`cormack.segment.neighborhood_connected`."""
    volume = _voxels("NeighborhoodConnected", image1)
    lengths = _radius("NeighborhoodConnected", "radius", radius, volume.ndim)
    region = segment.neighborhood_connected(volume, _seeds(seedList), lower, upper, radius=lengths)
    return _chosen(volume, region, replaceValue)


def IsolatedConnected(
    image1: Any,
    seed1: Sequence[int] = (0, 0, 0),
    seed2: Sequence[int] = (0, 0, 0),
    lower: float = 0,
    upper: float = 1,
    replaceValue: int = 1,
    isolatedValueTolerance: float = 1.0,
    findUpperThreshold: bool = True,
) -> Any:
    """`cormack.segment.isolated_connected`."""
    volume = _voxels("IsolatedConnected", image1)
    region, _ = segment.isolated_connected(
        volume,
        _seeds([seed1[: volume.ndim]]),
        _seeds([seed2[: volume.ndim]]),
        lower,
        upper,
        find_upper=findUpperThreshold,
        isolated_value_tolerance=isolatedValueTolerance,
    )
    return _chosen(volume, region, replaceValue)


def ConnectedComponent(image: Any, fullyConnected: bool = False) -> Any:
    """`cormack.segment.label` over faces, or over corners where `fullyConnected`, as 32-bit unsigned integers."""
    volume = _voxels("ConnectedComponent", image)
    labels, _ = segment.label(volume, connectivity=volume.ndim if fullyConnected else 1)
    return volume.replace(_array(labels).astype(np.uint32)).to_sitk()


def BinaryThreshold(
    image1: Any,
    lowerThreshold: float = 0.0,
    upperThreshold: float = 255.0,
    insideValue: int = 1,
    outsideValue: int = 0,
) -> Any:
    """`cormack.segment.binary_threshold`."""
    volume = _voxels("BinaryThreshold", image1)
    inside = segment.binary_threshold(volume, lowerThreshold, upperThreshold)
    return _chosen(volume, inside, insideValue, other=outsideValue)


def IntensityWindowing(
    image1: Any,
    windowMinimum: float = 0.0,
    windowMaximum: float = 255.0,
    outputMinimum: float = 0.0,
    outputMaximum: float = 255.0,
) -> Any:
    """`cormack.enhance.rescale_intensity` of a window; integers are rounded, ITK cuts off."""
    volume = _voxels("IntensityWindowing", image1)
    window, output = (windowMinimum, windowMaximum), (outputMinimum, outputMaximum)
    return _out(enhance.rescale_intensity(volume, window, output, dtype=volume.dtype))


def RescaleIntensity(image1: Any, outputMinimum: float = 0, outputMaximum: float = 255) -> Any:
    """`cormack.enhance.rescale_intensity` of the whole image; integers are rounded, ITK cuts off."""
    volume = _voxels("RescaleIntensity", image1)
    array = _array(volume)
    if array.size and array.min() == array.max():
        # As ITK: a flat image is all minimum.
        return volume.replace(np.full_like(array, outputMinimum)).to_sitk()
    return _out(enhance.rescale_intensity(volume, "image", (outputMinimum, outputMaximum), dtype=volume.dtype))


def SignedMaurerDistanceMap(
    image1: Any,
    insideIsPositive: bool = False,
    squaredDistance: bool = True,
    useImageSpacing: bool = False,
    backgroundValue: float = 0.0,
) -> Any:
    """`cormack.segment.distance_transform_edt` to the voxels on the object's border, signed, as float32.

    Raises
    ------
    ValueError
        There is no object, so that nothing has a distance.
    """
    volume = _voxels("SignedMaurerDistanceMap", image1)
    inside = _array(volume) != backgroundValue
    border = inside & ~segment.binary_erosion(inside, np.ones((3,) * volume.ndim), border_value=True)
    if not border.any():
        raise ValueError("SignedMaurerDistanceMap: `image1` must hold an object and background, got one of them")
    sampling = volume.spacing if useImageSpacing else None
    distance = _array(segment.distance_transform_edt(~border, sampling))
    distance = distance * distance if squaredDistance else distance
    signed = np.where(inside == insideIsPositive, distance, -distance)
    return volume.replace(signed.astype(np.float32)).to_sitk()


def _kernel(function: str, volume: Volume, radius: Any, kernel: int) -> np.ndarray[Any, Any]:
    """Return ITK's footprint; its balls reach half a voxel further than the radius."""
    lengths = _radius(function, "kernelRadius", radius, volume.ndim)
    if kernel not in (_BALL, _BOX, _CROSS):
        raise _check.fail(function, "kernelType", "be sitkBall, sitkBox or sitkCross", kernel)
    footprint = np.ones([2 * length + 1 for length in lengths], bool)
    steps = np.indices(footprint.shape) - np.reshape(lengths, (-1,) + (1,) * volume.ndim)
    if kernel == _CROSS:
        footprint &= np.count_nonzero(steps, axis=0) <= 1
    elif kernel == _BALL:
        halves = np.reshape(lengths, (-1,) + (1,) * volume.ndim) + 0.5
        footprint &= np.sum((steps / halves) ** 2, axis=0) <= 1
    return footprint


def _binary(
    function: str,
    operation: Callable[..., Any],
    image: Any,
    kernel: tuple[Any, int],
    values: tuple[float, float],
    border: bool | None,
) -> Any:
    volume = _voxels(function, image)
    background, foreground = values
    before = _array(volume) == foreground
    after = _array(operation(before, _kernel(function, volume, *kernel), border_value=border))
    kind = volume.dtype.type
    result = np.where(after, kind(foreground), np.where(before, kind(background), _array(volume)))
    return volume.replace(result).to_sitk()


def BinaryErode(
    image1: Any,
    kernelRadius: Any = _ONES,
    kernelType: int = _BALL,
    backgroundValue: float = 0.0,
    foregroundValue: float = 1.0,
    boundaryToForeground: bool = True,
) -> Any:
    """`cormack.segment.binary_erosion` of the voxels with `foregroundValue`."""
    kernel, values = (kernelRadius, kernelType), (backgroundValue, foregroundValue)
    return _binary("BinaryErode", segment.binary_erosion, image1, kernel, values, boundaryToForeground)


def BinaryDilate(
    image1: Any,
    kernelRadius: Any = _ONES,
    kernelType: int = _BALL,
    backgroundValue: float = 0.0,
    foregroundValue: float = 1.0,
    boundaryToForeground: bool = False,
) -> Any:
    """`cormack.segment.binary_dilation` of the voxels with `foregroundValue`."""
    kernel, values = (kernelRadius, kernelType), (backgroundValue, foregroundValue)
    return _binary("BinaryDilate", segment.binary_dilation, image1, kernel, values, boundaryToForeground)


def BinaryMorphologicalOpening(
    image1: Any,
    kernelRadius: Any = _ONES,
    kernelType: int = _BALL,
    backgroundValue: float = 0.0,
    foregroundValue: float = 1.0,
) -> Any:
    """`BinaryErode`, then `BinaryDilate`."""
    eroded = BinaryErode(image1, kernelRadius, kernelType, backgroundValue, foregroundValue)
    return BinaryDilate(eroded, kernelRadius, kernelType, backgroundValue, foregroundValue)


def BinaryMorphologicalClosing(
    image1: Any,
    kernelRadius: Any = _ONES,
    kernelType: int = _BALL,
    foregroundValue: float = 1.0,
    safeBorder: bool = True,
) -> Any:
    """`BinaryDilate`, then `BinaryErode`, with background as far around as it takes; `safeBorder` is True."""
    if not safeBorder:
        raise _check.fail("BinaryMorphologicalClosing", "safeBorder", "be True", safeBorder)
    volume = _voxels("BinaryMorphologicalClosing", image1)
    footprint = _kernel("BinaryMorphologicalClosing", volume, kernelRadius, kernelType)
    margin = [length // 2 for length in footprint.shape]
    mask = np.pad(_array(volume) == foregroundValue, [(length, length) for length in margin])
    closed = segment.binary_closing(mask, footprint)
    inner = closed[tuple(slice(length, size - length) for length, size in zip(margin, mask.shape, strict=True))]
    return volume.replace(np.where(inner, volume.dtype.type(foregroundValue), _array(volume))).to_sitk()


def GrayscaleErode(image1: Any, kernelRadius: Any = _ONES, kernelType: int = _BALL) -> Any:
    """`cormack.filters.grey_erosion` with a flat footprint."""
    volume = _voxels("GrayscaleErode", image1)
    footprint = _kernel("GrayscaleErode", volume, kernelRadius, kernelType)
    return _out(filters.grey_erosion(volume, footprint=footprint, mode="nearest"))


def GrayscaleDilate(image1: Any, kernelRadius: Any = _ONES, kernelType: int = _BALL) -> Any:
    """`cormack.filters.grey_dilation` with a flat footprint."""
    volume = _voxels("GrayscaleDilate", image1)
    footprint = _kernel("GrayscaleDilate", volume, kernelRadius, kernelType)
    return _out(filters.grey_dilation(volume, footprint=footprint, mode="nearest"))


def BinaryFillhole(image1: Any, fullyConnected: bool = False, foregroundValue: float = 1.0) -> Any:
    """`cormack.segment.fill_holes` of the voxels with `foregroundValue`; holes hang together as ITK says."""
    volume = _voxels("BinaryFillhole", image1)
    mask = _array(volume) == foregroundValue
    filled = _array(segment.fill_holes(mask, connectivity=volume.ndim if fullyConnected else 1))
    return volume.replace(np.where(filled, volume.dtype.type(foregroundValue), _array(volume))).to_sitk()


named_after(
    "SimpleITK",
    {**globals(), "__all__": [name for name in __all__ if name[0].isupper()]},
    "Parameters and results; what differs is in `cormack.compat.sitk`.",
)
