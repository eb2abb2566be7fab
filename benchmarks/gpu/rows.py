"""What is measured on a GPU, in order of importance: a row is an operation, its image, its goal and its peers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from cormack import detect, enhance, features, filters, segment

from . import inputs

# Takes the peers' libraries (`Peers` of measure.py) and the arrays.
Peer = Callable[..., Any]


@dataclass(frozen=True)
class Row:
    """One row of the table."""

    name: str
    call: Callable[..., Any]
    inputs: Callable[[bool], Sequence[np.ndarray]]
    operations: tuple[str, ...]  # the plans it launches
    times_floor: float | None = None  # goal: time over that of a copy of all that must be read and written
    milliseconds: float | None = None  # goal
    # Texture and shape are bound by arithmetic: no floor.
    has_floor: bool = True
    # How far floats may be off, of the image's largest; in features of each value.
    tolerance: float = 1e-6
    cupyx: Peer | None = None
    cucim: Peer | None = None
    torch: Peer | None = None


def _volume(dtype: str) -> Callable[[bool], Sequence[np.ndarray]]:
    return lambda tiny: (inputs.volume(dtype, tiny),)


def _radiograph(dtype: str) -> Callable[[bool], Sequence[np.ndarray]]:
    return lambda tiny: (inputs.image_2d(dtype, tiny),)


def _tissue(tiny: bool) -> Sequence[np.ndarray]:
    return (inputs.tissue(tiny),)


def _objects(tiny: bool) -> Sequence[np.ndarray]:
    return inputs.objects(tiny), inputs.volume("int16", tiny)


def _ndimage(name: str, *arguments: Any, **settings: Any) -> Peer:
    return lambda peers, image: getattr(peers.ndimage, name)(image, *arguments, **settings)


def _pooled(name: str) -> Peer:
    """A window of 3 of torch, whose border is not ours."""

    def call(peers: Any, image: Any) -> Any:
        pool = getattr(peers.torch.nn.functional, name)
        return pool(peers.tensor(image)[None, None], 3, stride=1, padding=1)[0, 0]

    return call


def _convolved(weights: np.ndarray) -> Peer:
    def call(peers: Any, image: Any) -> Any:
        tensor = peers.tensor(image)
        kernel = peers.torch.as_tensor(weights, dtype=tensor.dtype, device=tensor.device)
        return peers.torch.nn.functional.conv3d(tensor[None, None], kernel[None, None], padding=1)[0, 0]

    return call


_LOWER, _UPPER = -200, 300
_WEIGHTS = (np.arange(27, dtype=np.float32).reshape(3, 3, 3) % 5 - 1.5) / 27
_TURNED = np.array([[0.98, 0.1, 0.0], [-0.1, 0.97, 0.05], [0.0, -0.05, 0.99]])


_CROSS = np.abs(np.indices((3, 3, 3)) - 1).sum(axis=0) < 2


def _masked_volume(tiny: bool) -> Sequence[np.ndarray]:
    return inputs.volume("int16", tiny), inputs.tissue(tiny)


def _inside_mask(image: Any, mask: Any) -> Any:
    return filters.gaussian_filter(image, 2, mask=mask)


def _masked_by_cupyx(peers: Any, image: Any, mask: Any) -> Any:
    weights = mask.astype("float32")
    blurred, around = (peers.ndimage.gaussian_filter(values, 2) for values in (image * weights, weights))
    return blurred / around


def _seed(image: Any) -> tuple[int, ...]:
    return tuple(extent // 2 for extent in image.shape)


def _tiles(image: Any) -> list[int]:
    """As many as by default, where the image is large."""
    return [max(extent // 8, 4) for extent in image.shape]


def _adapted(image: Any) -> Any:
    return enhance.equalize_adapthist(image, _tiles(image))


def _adapted_by_cucim(peers: Any, image: Any) -> Any:
    # Floats have to lie between -1 and 1.
    scaled = image / 4096 if image.dtype.kind == "f" else image
    return peers.skimage("exposure").equalize_adapthist(scaled, _tiles(image))


def _grown(image: Any) -> Any:
    return segment.connected_threshold(image, [_seed(image)], _LOWER, _UPPER)


def _confident(image: Any) -> Any:
    return segment.confidence_connected(image, [_seed(image)], multiplier=2.5, iterations=4)


def _component(labels: Any, image: Any) -> Any:
    return labels == labels[_seed(image)]


def _grown_by_cupyx(peers: Any, image: Any) -> Any:
    return _component(peers.ndimage.label((image >= _LOWER) & (image <= _UPPER))[0], image)


def _grown_by_cucim(peers: Any, image: Any) -> Any:
    inside = (image >= _LOWER) & (image <= _UPPER)
    return _component(peers.skimage("measure").label(inside, connectivity=1), image)


def _statistics_by_cupyx(peers: Any, labels: Any, image: Any) -> Any:
    index = peers.xp.arange(1, int(labels.max()) + 1)
    each = (peers.ndimage.mean, peers.ndimage.standard_deviation, peers.ndimage.minimum, peers.ndimage.maximum)
    return [peers.ndimage.sum_labels(labels > 0, labels, index), *(one(image, labels, index) for one in each)]


def _windowed_by_torch(peers: Any, image: Any) -> Any:
    tensor = peers.tensor(image).float()
    return ((tensor - (40 - 0.5)).div_(399).add_(0.5).clamp_(0, 1).mul_(255)).round_().to(peers.torch.uint8)


def _inside_by_torch(peers: Any, image: Any) -> Any:
    tensor = peers.tensor(image)
    return (tensor >= _LOWER) & (tensor <= _UPPER)


def _screened(labels: Any, image: Any) -> Any:
    return segment.screen(labels, image, voxel_count=(10, None), intensity_mean=(-300, 100))


_ALL = ("mask_shape", "regions", "texture_levels", "texture_matrices", "texture_zones")
_GROWING = ("connected_threshold",)

# What the project promises comes first: a run that has to end early has measured it.
_PROMISED = [
    Row(
        "box 3 int16",
        partial(filters.uniform_filter, size=3),
        _volume("int16"),
        ("uniform_filter",),
        1.5,
        cupyx=_ndimage("uniform_filter", 3),
    ),
    Row(
        "box 3 float32",
        partial(filters.uniform_filter, size=3),
        _volume("float32"),
        ("uniform_filter",),
        1.5,
        cupyx=_ndimage("uniform_filter", 3),
        torch=_pooled("avg_pool3d"),
    ),
    *(
        Row(
            f"Gaussian {sigma} {dtype}",
            partial(filters.gaussian_filter, sigma=sigma),
            _volume(dtype),
            ("separable",),
            1.5,
            cupyx=_ndimage("gaussian_filter", sigma),
            cucim=lambda peers, image, sigma=sigma: peers.skimage("filters").gaussian(
                image, sigma, mode="reflect", preserve_range=True
            ),
        )
        for sigma, dtype in ((1, "float32"), (2, "float32"), (2, "int16"))
    ),
    Row(
        "median 3x3x3 int16",
        partial(filters.median_filter, size=3),
        _volume("int16"),
        ("median_filter",),
        milliseconds=0.6,
        cupyx=_ndimage("median_filter", 3),
        cucim=lambda peers, image: peers.skimage("filters").median(
            image, peers.xp.ones((3, 3, 3), bool), mode="reflect"
        ),
    ),
    Row(
        "equalize histogram int16",
        enhance.equalize_hist,
        _volume("int16"),
        ("value_counts", "lut_map"),
        1.5,
        cucim=lambda peers, image: peers.skimage("exposure").equalize_hist(image),
    ),
    Row(
        "CLAHE int16",
        _adapted,
        _volume("int16"),
        ("equalize_adapthist",),
        2.5,
        cucim=_adapted_by_cucim,
    ),
    Row("region growing int16", _grown, _volume("int16"), _GROWING, 4, cupyx=_grown_by_cupyx, cucim=_grown_by_cucim),
    Row(
        "label bool",
        segment.label,
        _tissue,
        ("label",),
        4,
        cupyx=_ndimage("label"),
        cucim=lambda peers, mask: peers.skimage("measure").label(mask, connectivity=1),
    ),
    Row(
        "all features, region of 442 900",
        features.radiomics,
        inputs.region,
        _ALL,
        milliseconds=2,
        has_floor=False,
        tolerance=1e-9,
    ),
    Row(
        "all features, 1000 regions of 3500",
        partial(features.radiomics, labels="all"),
        inputs.regions,
        _ALL,
        milliseconds=20,
        has_floor=False,
        tolerance=1e-9,
    ),
]

_FILTERS = [
    Row(
        "box 15 int16",
        partial(filters.uniform_filter, size=15),
        _volume("int16"),
        ("uniform_filter",),
        cupyx=_ndimage("uniform_filter", 15),
    ),
    Row(
        "Gaussian 5 float32",
        partial(filters.gaussian_filter, sigma=5),
        _volume("float32"),
        ("separable",),
        cupyx=_ndimage("gaussian_filter", 5),
    ),
    Row(
        "median 3x3x3 float32",
        partial(filters.median_filter, size=3),
        _volume("float32"),
        ("median_filter",),
        cupyx=_ndimage("median_filter", 3),
    ),
    Row(
        "Sobel int16",
        partial(filters.sobel, axis=0),
        _volume("int16"),
        ("separable",),
        cupyx=lambda peers, image: peers.ndimage.sobel(image.astype("float32"), 0),
    ),
    Row(
        "gradient magnitude float32",
        filters.gradient_magnitude,
        _volume("float32"),
        ("separable",),
        cupyx=lambda peers, image: peers.ndimage.generic_gradient_magnitude(image, peers.ndimage.sobel),
        cucim=lambda peers, image: peers.skimage("filters").sobel(image),
    ),
    Row(
        "Gaussian Laplace 1 float32",
        partial(filters.gaussian_laplace, sigma=1),
        _volume("float32"),
        ("separable",),
        cupyx=_ndimage("gaussian_laplace", 1),
    ),
    Row(
        "Gaussian gradient magnitude 1 float32",
        partial(filters.gaussian_gradient_magnitude, sigma=1),
        _volume("float32"),
        ("separable",),
        cupyx=_ndimage("gaussian_gradient_magnitude", 1),
    ),
    Row(
        "maximum 3 float32",
        partial(filters.maximum_filter, size=3),
        _volume("float32"),
        ("extremum_filter",),
        cupyx=_ndimage("maximum_filter", 3),
        torch=_pooled("max_pool3d"),
    ),
    Row(
        "minimum 15 int16",
        partial(filters.minimum_filter, size=15),
        _volume("int16"),
        ("extremum_filter",),
        cupyx=_ndimage("minimum_filter", 15),
    ),
    Row(
        "correlate 3x3x3 float32",
        partial(filters.correlate, weights=_WEIGHTS),
        _volume("float32"),
        ("correlate",),
        cupyx=lambda peers, image: peers.ndimage.correlate(image, peers.xp.asarray(_WEIGHTS)),
        torch=_convolved(_WEIGHTS),
    ),
    Row(
        "turn, linear int16",
        partial(filters.affine_transform, matrix=_TURNED, order=1),
        _volume("int16"),
        ("affine_transform",),
        cupyx=lambda peers, image: peers.ndimage.affine_transform(image, peers.xp.asarray(_TURNED), order=1),
    ),
    Row(
        "turn, cubic int16",
        partial(filters.affine_transform, matrix=_TURNED, order=3),
        _volume("int16"),
        ("affine_transform",),
        cupyx=lambda peers, image: peers.ndimage.affine_transform(image, peers.xp.asarray(_TURNED), order=3),
    ),
    Row(
        "median 5x5x5 int16",
        partial(filters.median_filter, size=5),
        _volume("int16"),
        ("median_filter",),
        cupyx=_ndimage("median_filter", 5),
    ),
    Row(
        "median, cross of 7 int16",
        partial(filters.median_filter, footprint=_CROSS),
        _volume("int16"),
        ("rank_filter",),
        cupyx=lambda peers, image: peers.ndimage.median_filter(image, footprint=peers.xp.asarray(_CROSS)),
    ),
    Row("Gaussian 2 of a mask int16", _inside_mask, _masked_volume, ("masked_filter",), cupyx=_masked_by_cupyx),
    Row(
        "median 31x31 uint16, 8 Mpx",
        partial(filters.median_filter, size=31),
        _radiograph("uint16"),
        ("rank_filter",),
        cucim=lambda peers, image: peers.skimage("filters").median(
            image, peers.xp.ones((31, 31), bool), mode="reflect"
        ),
    ),
]

_INTENSITIES = [
    Row(
        "window int16 to uint8",
        partial(enhance.window, center=40, width=400, dtype="uint8"),
        _volume("int16"),
        ("linear_map",),
        torch=_windowed_by_torch,
    ),
    Row(
        "rescale float32",
        partial(enhance.rescale_intensity, out_range=(0, 1)),
        _volume("float32"),
        ("minmax", "linear_map"),
        cucim=lambda peers, image: peers.skimage("exposure").rescale_intensity(image, out_range=(0, 1)),
    ),
    Row(
        "threshold int16",
        partial(segment.binary_threshold, lower=_LOWER, upper=_UPPER),
        _volume("int16"),
        ("threshold_map",),
        torch=_inside_by_torch,
    ),
    Row(
        "histogram int16",
        enhance.histogram,
        _volume("int16"),
        ("value_counts",),
        cupyx=lambda peers, image: peers.xp.histogram(image, 256),
    ),
    Row(
        "histogram float32",
        enhance.histogram,
        _volume("float32"),
        ("histogram",),
        cupyx=lambda peers, image: peers.xp.histogram(image, 256),
        torch=lambda peers, image: peers.torch.histc(peers.tensor(image), 256),
    ),
    Row(
        "Otsu int16",
        segment.threshold_otsu,
        _volume("int16"),
        ("value_counts",),
        cucim=lambda peers, image: peers.skimage("filters").threshold_otsu(image),
    ),
    Row(
        "equalize histogram float32",
        enhance.equalize_hist,
        _volume("float32"),
        ("interpolation_map",),
        cucim=lambda peers, image: peers.skimage("exposure").equalize_hist(image),
    ),
    Row(
        "CLAHE float32",
        _adapted,
        _volume("float32"),
        ("equalize_adapthist",),
        2.5,
        cucim=_adapted_by_cucim,
    ),
]

_SEGMENTATIONS = [
    Row("confidence connected int16", _confident, _volume("int16"), ("confidence_connected",)),
    Row(
        "label statistics, 4096 objects",
        segment.label_statistics,
        _objects,
        ("label_statistics",),
        cupyx=_statistics_by_cupyx,
    ),
    Row("screen 4096 objects", _screened, _objects, ("label_statistics", "lut_map")),
    Row(
        "distance transform bool",
        segment.distance_transform_edt,
        _tissue,
        ("distance_transform",),
        cupyx=_ndimage("distance_transform_edt"),
    ),
    Row("Canny int16", partial(detect.canny, low_threshold=20, high_threshold=60), _volume("int16"), ("canny",)),
    Row(
        "Canny uint16, 8 Mpx",
        partial(detect.canny, low_threshold=500, high_threshold=1500),
        _radiograph("uint16"),
        ("canny",),
        cucim=lambda peers, image: peers.skimage("feature").canny(
            image.astype("float32"), 1.0, low_threshold=500, high_threshold=1500
        ),
    ),
]

_TEXTURES = [
    Row(f"{name}, region of 442 900", function, data, operations, has_floor=False, tolerance=1e-9)
    for name, function, data, operations in (
        ("first order", features.first_order, inputs.region, ("intensities",)),
        ("shape", partial(features.morphology, spacing=1), lambda tiny: inputs.region(tiny)[1:], ("mask_shape",)),
        ("discretise", partial(features.discretise, bin_number=32), inputs.region, ("intensities",)),
        ("GLCM", features.glcm, inputs.levels, ("texture_matrices",)),
        ("GLRLM", features.glrlm, inputs.levels, ("texture_matrices",)),
        ("GLSZM", features.glszm, inputs.levels, ("texture_zones",)),
        ("GLDZM", features.gldzm, inputs.levels, ("texture_zones",)),
        ("NGTDM", features.ngtdm, inputs.levels, ("texture_matrices",)),
        ("NGLDM", features.ngldm, inputs.levels, ("texture_matrices",)),
    )
]

ROWS = [*_PROMISED, *_INTENSITIES, *_FILTERS, *_SEGMENTATIONS, *_TEXTURES]
