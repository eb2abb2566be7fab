"""PyRadiomics' feature extractor: its parameter files, its column names, its definitions; computed by Cormack."""

from __future__ import annotations

import difflib
import hashlib
import logging
import os
import platform
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__, segment
from ..volume import Volume
from . import _images, _parameters, _shapes, _textures, _voxels

__all__ = ["RadiomicsFeatureExtractor"]

_logger = logging.getLogger(__name__)

_NAME = "RadiomicsFeatureExtractor"
_TEXTURES: dict[str, Callable[[_textures.Region], dict[str, float]]] = {
    "firstorder": _textures.first_order,
    "glcm": _textures.glcm,
    "gldm": _textures.gldm,
    "glrlm": _textures.glrlm,
    "glszm": _textures.glszm,
    "ngtdm": _textures.ngtdm,
}
_SPACE, _PLANE = "shape", "shape2D"


@cache
def _known_features() -> dict[str, tuple[str, ...]]:
    """Return the names of all features by class, from a region of two voxels."""
    mask = np.ones((1, 2, 2), bool)
    region = _textures.Region(np.array([[[0, 40], [40, 0]]]), mask, (1.0, 1.0, 1.0), _parameters.defaults())
    found = {name: tuple(compute(region)) for name, compute in _TEXTURES.items()}
    found[_SPACE] = tuple(_shapes.shape(mask, (1.0, 1.0, 1.0)))
    found[_PLANE] = tuple(_shapes.shape_2d(mask[0], (1.0, 1.0)))
    return found


# Without a value since PyRadiomics 2, but not an error in a parameter file.
_REMOVED = {
    "glcm": {"Dissimilarity", "Homogeneity1", "Homogeneity2", "SumVariance"},
    "gldm": {"DependencePercentage", "GrayLevelNonUniformityNormalized"},
}
# Left out unless they are named: other features say the same.
_DEPRECATED = {
    "firstorder": {"StandardDeviation"},
    _SPACE: {"Compactness1", "Compactness2", "SphericalDisproportion"},
    _PLANE: {"SphericalDisproportion"},
}


class RadiomicsFeatureExtractor:
    """Extract features as PyRadiomics does: the same parameters in, the same columns out.

    Parameters
    ----------
    params : path-like or mapping, optional
        A parameter file in PyRadiomics' YAML (or JSON), or its contents: ``imageType``, ``featureClass``, ``setting``.
        Default: the original image, all features in space, default settings.
    **settings
        Settings by name, as ``binWidth=25``; they override those of `params`.

    Attributes
    ----------
    settings : dict
        Settings; what is not there has PyRadiomics' default.
    enabledImagetypes : dict
        Settings of their own by image type.
    enabledFeatures : dict
        Names of features by class; all where there are none.

    Raises
    ------
    ValueError
        For a setting, image type, class or feature that is unknown or not supported; the message names it.

    Notes
    -----
    Features follow PyRadiomics where it departs from IBSI: Kurtosis is not excess kurtosis, axis lengths divide the
    covariance by N, edges of bins are multiples of the bin width, NGTDM counts voxels without a neighbour, the mesh
    has holes where inside corners of a face lie on its diagonal, shape is of the box that `resegmentRange` leaves, and
    grids of resampling share a corner with the mask. Columns, their order and their values are those that PyRadiomics
    3.1.0 gave in 56 cases over all settings: to 1e-9, or 2e-6 where it computes in float32 (gradient, LoG, float32
    images). Wavelets of float32 images differ by float32's rounding, which can move voxels to other bins.

    On purpose not as there: with `force2D` a region of several slices has no shape2D features (PyRadiomics
    raises an error), and NaN or infinity in the region is an error.

    SimpleITK is optional: it resamples, and it makes LoG images. Without it paths are read by `cormack.io.read`.
    Wavelets other than haar, db1 to db10 and coif1 need PyWavelets.

    Not supported, and an error where asked for: the image type LBP3D; for maps, norms of `weightingNorm`, asymmetric
    co-occurrences, and gaps in `distances` for the classes gldm and ngtdm.

    References
    ----------
    .. [1] J. J. M. van Griethuysen et al., "Computational radiomics system to decode the radiographic phenotype",
       Cancer Research 77(21), 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack import Volume
    >>> from cormack.compat.radiomics import RadiomicsFeatureExtractor
    >>> image = Volume(np.add.outer(np.arange(4), np.add.outer(np.arange(5), np.arange(6))) * 10, spacing=(2, 1, 1))
    >>> extractor = RadiomicsFeatureExtractor({"featureClass": {"firstorder": ["Median"]}}, additionalInfo=False)
    >>> found = extractor.execute(image, image.replace(image.array > 50))
    >>> list(found.items())
    [('original_firstorder_Median', 70.0)]
    """

    def __init__(self, params: Any = None, **settings: Any) -> None:
        self.settings: dict[str, Any] = _parameters.defaults()
        self.enabledImagetypes: dict[str, dict[str, Any]] = {"Original": {}}
        self.enabledFeatures: dict[str, list[str]] = {}
        self.enableAllFeatures()
        del self.enabledFeatures[_PLANE]
        if isinstance(params, Mapping):
            self.loadJSONParams(params)
        elif params is not None:
            self.loadParams(params)
        self.settings.update(_parameters.checked(settings))

    # --- Parameters ------------------------------------------------------------------------------------------------

    def loadParams(self, paramsFile: str | os.PathLike[str]) -> None:
        """Read a parameter file; it replaces image types, features and settings."""
        import yaml

        with open(paramsFile, encoding="utf-8") as file:
            try:
                params = yaml.safe_load(file)
            except yaml.YAMLError as error:
                raise ValueError(f"{Path(paramsFile)}: not YAML: {' '.join(str(error).split())}") from error
        try:
            self.loadJSONParams(params)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{Path(paramsFile)}: {error}") from error

    def loadJSONParams(self, params: Any) -> None:
        """Take parameters as a mapping or as JSON; they replace image types, features and settings."""
        if isinstance(params, str):
            import json

            params = json.loads(params)
        params = {} if params is None else params
        if not isinstance(params, Mapping):
            raise TypeError(f"{_NAME}: parameters must be a mapping, got {type(params).__name__}")
        for key in params:
            if key not in ("imageType", "featureClass", "setting", "voxelSetting"):
                raise ValueError(
                    f"{_NAME}: section `{key}` is not supported; "
                    "there are imageType, featureClass, setting, voxelSetting"
                )
        settings = _parameters.defaults() | _parameters.checked(_mapping(params, "setting"))
        settings |= _parameters.checked(_mapping(params, "voxelSetting"), "voxelSetting")
        types, classes = _mapping(params, "imageType"), _mapping(params, "featureClass")
        self.settings = settings
        self.enabledImagetypes = {}
        self.enableImageTypes(**(types or {"Original": {}}))
        self.enabledFeatures = {}
        if classes:
            self.enableFeaturesByName(**classes)
        else:
            self.enableAllFeatures()

    @staticmethod
    def getFeatureClassNames() -> list[str]:
        """Return the names of the classes of features."""
        return sorted((*_TEXTURES, _SPACE, _PLANE))

    @staticmethod
    def getFeatureNames(featureClassName: str) -> dict[str, bool]:
        """Return the names of the features of a class, and whether each is deprecated."""
        _check_class(featureClassName)
        removed = _REMOVED.get(featureClassName, set())
        deprecated = _DEPRECATED.get(featureClassName, set()) | removed
        return {
            name: name in deprecated for name in sorted({*_known_features()[featureClassName], *removed}, key=_order)
        }

    def enableAllImageTypes(self) -> None:
        """Enable every image type, without settings of its own; LoG needs the setting ``sigma``."""
        self.enabledImagetypes = {name: {} for name in _images.IMAGE_TYPES}

    def disableAllImageTypes(self) -> None:
        """Disable all image types."""
        self.enabledImagetypes = {}

    def enableImageTypeByName(
        self, imageType: str, enabled: bool = True, customArgs: Mapping[str, Any] | None = None
    ) -> None:
        """Enable or disable an image type, with settings of its own."""
        if imageType not in _images.IMAGE_TYPES:
            known = ", ".join(_images.IMAGE_TYPES)
            raise ValueError(f"{_NAME}: imageType `{imageType}` is not supported; there are {known}")
        if not enabled:
            self.enabledImagetypes.pop(imageType, None)
            return
        self.enabledImagetypes[imageType] = _parameters.checked_of_type(customArgs or {}, imageType)

    def enableImageTypes(self, **enabledImagetypes: Mapping[str, Any] | None) -> None:
        """Enable image types by name, each with settings of its own."""
        for name, custom in enabledImagetypes.items():
            self.enableImageTypeByName(name, customArgs=custom)

    def enableAllFeatures(self) -> None:
        """Enable all features of all classes."""
        self.enabledFeatures = {name: [] for name in self.getFeatureClassNames()}

    def disableAllFeatures(self) -> None:
        """Disable all features."""
        self.enabledFeatures = {}

    def enableFeatureClassByName(self, featureClass: str, enabled: bool = True) -> None:
        """Enable or disable all features of a class."""
        _check_class(featureClass)
        if enabled:
            self.enabledFeatures[featureClass] = []
        else:
            self.enabledFeatures.pop(featureClass, None)

    def enableFeaturesByName(self, **enabledFeatures: Iterable[str] | None) -> None:
        """Enable features by class; None or an empty list enables all of a class."""
        for name, chosen in enabledFeatures.items():
            _check_class(name)
            names = list(chosen or ())
            known, removed = _known_features()[name], _REMOVED.get(name, set())
            for one in names:
                if one in removed:
                    _logger.warning("feature %s of class %s was removed from PyRadiomics; left out", one, name)
                elif one not in known:
                    near = difflib.get_close_matches(str(one), known, n=1)
                    hint = f"; did you mean `{near[0]}`?" if near else ""
                    raise ValueError(f"{_NAME}: featureClass `{name}` has no feature `{one}`{hint}")
            self.enabledFeatures[name] = names

    def addProvenance(self, provenance_on: bool = True) -> None:
        """Add ``diagnostics_`` columns to results, or leave them out."""
        self.settings["additionalInfo"] = bool(provenance_on)

    # --- Extraction ------------------------------------------------------------------------------------------------

    def execute(
        self,
        imageFilepath: Any,
        maskFilepath: Any,
        label: int | None = None,
        label_channel: int | None = None,
        voxelBased: bool = False,
    ) -> OrderedDict[str, Any]:
        """Extract the enabled features of one region.

        Parameters
        ----------
        imageFilepath, maskFilepath : path-like, SimpleITK.Image or Volume
            Image and mask.
        label : int, optional
            The region is where the mask has this value. Default: the setting, 1.
        label_channel : int, optional
            Which segmentation of a mask with several per voxel. Default: the setting, 0.
        voxelBased : bool, default False
            Whether to compute each feature in the neighbourhood of every voxel of the region, without shapes.

        Returns
        -------
        OrderedDict
            Numbers by column name, as ``original_glcm_JointEnergy``, after the ``diagnostics_`` columns; with
            `voxelBased` images: SimpleITK.Image, or Volume where `imageFilepath` is one, of the box of the region and
            ``kernelRadius`` voxels around it.

        Raises
        ------
        ValueError
            The label is not there, the region is smaller than settings allow or holds NaN or infinity, or settings do
            not go together.
        ReadError, GeometryError
            A file cannot be read; image and mask are not on one grid and ``correctMask`` is not set.
        BackendUnavailable
            SimpleITK or PyWavelets is needed and not installed.
        """
        given = {"label": label, "label_channel": label_channel}
        # Checked again: callers change the dictionary of settings.
        settings = _parameters.defaults() | _parameters.checked(
            self.settings | {key: value for key, value in given.items() if value is not None}
        )
        image = _images.load(imageFilepath, "image")
        mask = _images.as_labels(_images.load(maskFilepath, "mask", settings["label_channel"]))
        _images.check_label(mask, settings["label"])
        result: OrderedDict[str, Any] = OrderedDict()
        informs = settings["additionalInfo"]
        if informs:
            result.update(_versions())
            result["diagnostics_Configuration_Settings"] = settings
            result["diagnostics_Configuration_EnabledImageTypes"] = dict(self.enabledImagetypes)
            result.update(_about_image("original", image, whole=True))
            result.update(_about_mask("original", mask, np.asarray(mask.array) == settings["label"], whole=True))
        if settings["normalize"]:
            image = _images.normalised(image, settings)
        if settings["resampledPixelSpacing"] is not None and settings["interpolator"] is not None:
            image, mask = _images.resampled(image, mask, settings)
            if informs:
                result.update(_about_image("interpolated", image))
                inside = np.asarray(mask.array) == settings["label"]
                result.update(_about_mask("interpolated", mask, inside, image=image))
        elif settings["preCrop"]:
            mask, _ = _images.on_grid_of(image, mask, settings)
            _images.check_mask(mask, settings)
            image, mask = _images.pre_cropped(image, mask, settings)
        mask, corrected = _images.on_grid_of(image, mask, settings)
        region = _images.check_mask(mask, settings)
        if informs and corrected:
            result.update(_about_mask("corrected", region, np.asarray(region.array), image=image))
        shape = region
        if settings["resegmentRange"] is not None:
            region = _images.check_mask(_images.resegmented(image, region, settings), {**settings, "label": 1})
            if informs:
                result.update(_about_mask("resegmented", region, np.asarray(region.array), image=image))
            # PyRadiomics crops the whole region to the box of what is left of it.
            shape = region if settings["resegmentShape"] else shape
        inside = np.asarray(region.array)
        box = _images.box_of(inside)
        if not voxelBased:
            result.update(self._shape(np.asarray(shape.array)[box], image.spacing, settings))
        for kind, custom in self.enabledImagetypes.items():
            own = settings | custom
            for picture, prefix in _images.filtered(kind, image, own):
                if voxelBased:
                    found = self._maps(picture, inside, box, own, prefix)
                    as_given = isinstance(imageFilepath, Volume)
                    result.update((name, one if as_given else one.to_sitk()) for name, one in found.items())
                    continue
                part, here = np.asarray(picture.array)[box], inside[box]
                if part.dtype.kind == "f" and not np.isfinite(part[here]).all():
                    raise ValueError(f"the image ({prefix}) must be finite in the region, got NaN or infinity")
                if image.ndim == 2:
                    slices = (part[np.newaxis], here[np.newaxis], (1.0, *image.spacing))
                    described = _textures.Region(*slices, own | {"force2D": True, "force2Ddimension": 0})
                else:
                    described = _textures.Region(part, here, image.spacing, own)
                for name in self.enabledFeatures:
                    if name in _TEXTURES:
                        self._add(result, prefix, name, _TEXTURES[name](described))
        return result

    def _maps(
        self, picture: Volume, inside: np.ndarray, box: tuple[slice, ...], settings: Mapping[str, Any], prefix: str
    ) -> dict[str, Volume]:
        """Return maps by column name, of the box and the neighbourhoods of its voxels."""
        reach = settings["kernelRadius"]
        wide = tuple(
            slice(max(0, part.start - reach), min(n, part.stop + reach))
            for part, n in zip(box, inside.shape, strict=True)
        )
        part = _images.cropped(picture, wide)
        array, centers = np.asarray(part.array), inside[wide]
        around = centers if settings["maskedKernel"] else np.ones(centers.shape, bool)
        if array.dtype.kind == "f" and not np.isfinite(array[around]).all():
            raise ValueError(f"the image ({prefix}) must be finite in the region, got NaN or infinity")
        spacing, settings = picture.spacing, dict(settings)
        if picture.ndim == 2:
            array, centers, around = (one[np.newaxis] for one in (array, centers, around))
            spacing, settings = (1.0, *spacing), settings | {"force2D": True, "force2Ddimension": 0}
        described = _textures.Region(array, around, spacing, settings)
        result = {}
        for name in self.enabledFeatures:
            if name not in _TEXTURES:
                continue
            found = _voxels.maps(described, centers, name, self._chosen(name, _known_features()[name]))
            for feature, values in found.items():
                values[~centers] = settings["initValue"]
                result[f"{prefix}_{name}_{feature}"] = part.replace(values if picture.ndim == 3 else values[0])
        return result

    def _shape(self, inside: np.ndarray, spacing: tuple[float, ...], settings: Mapping[str, Any]) -> dict[str, float]:
        result: dict[str, float] = {}
        if _SPACE in self.enabledFeatures:
            if inside.ndim == 2:
                _logger.warning("shape features left out: they are of regions in space; use shape2D for this image")
            else:
                self._add(result, "original", _SPACE, _shapes.shape(inside, spacing))
        if _PLANE in self.enabledFeatures:
            axis = settings["force2Ddimension"]
            # No error, so that one parameter file serves pictures and volumes.
            if inside.ndim == 2:
                self._add(result, "original", _PLANE, _shapes.shape_2d(inside, spacing))
            elif not settings["force2D"]:
                _logger.warning("shape2D features left out: they need the setting force2D")
            elif inside.shape[axis] > 1:
                _logger.warning("shape2D features left out: the region has several slices along axis %d", axis)
            else:
                across = tuple(size for other, size in enumerate(spacing) if other != axis)
                self._add(result, "original", _PLANE, _shapes.shape_2d(np.take(inside, 0, axis), across))
        return result

    def _chosen(self, name: str, known: Iterable[str]) -> list[str]:
        """Return the enabled features of a class in PyRadiomics' order."""
        # Removed features are accepted, and give no column.
        if chosen := self.enabledFeatures[name]:
            return [feature for feature in chosen if feature in set(known)]
        deprecated = _DEPRECATED.get(name, set())
        return [feature for feature in sorted(known, key=_order) if feature not in deprecated]

    def _add(self, result: dict[str, Any], prefix: str, name: str, values: Mapping[str, float]) -> None:
        for feature in self._chosen(name, values):
            result[f"{prefix}_{name}_{feature}"] = float(values[feature])


def _order(feature: str) -> str:
    """Return what PyRadiomics sorts features by, the names of their functions."""
    return feature + "FeatureValue"


def _mapping(params: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = params.get(key)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ValueError(f"{_NAME}: section `{key}` must be a mapping, got {type(value).__name__}")
    return dict(value)


def _check_class(name: str) -> None:
    if name not in _TEXTURES and name not in (_SPACE, _PLANE):
        known = ", ".join(RadiomicsFeatureExtractor.getFeatureClassNames())
        raise ValueError(f"{_NAME}: featureClass `{name}` is not supported; there are {known}")


# --- Diagnostics ---------------------------------------------------------------------------------------------------


def _versions() -> dict[str, str]:
    found = {}
    for name in ("SimpleITK", "PyWavelets"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return {
        # PyRadiomics' columns; that it was not PyRadiomics must be plain.
        "diagnostics_Versions_PyRadiomics": f"none, Cormack {__version__}",
        "diagnostics_Versions_Numpy": np.__version__,
        "diagnostics_Versions_SimpleITK": found["SimpleITK"],
        "diagnostics_Versions_PyWavelet": found["PyWavelets"],
        "diagnostics_Versions_Python": platform.python_version(),
    }


def _sha1(array: np.ndarray) -> str:
    return hashlib.sha1(np.ascontiguousarray(array).tobytes(), usedforsecurity=False).hexdigest()


def _about_image(name: str, image: Volume, *, whole: bool = False) -> dict[str, Any]:
    array = np.asarray(image.array)
    prefix = f"diagnostics_Image-{name}"
    result: dict[str, Any] = {}
    if whole:
        result[f"{prefix}_Hash"] = _sha1(array)
        result[f"{prefix}_Dimensionality"] = f"{image.ndim}D"
    result[f"{prefix}_Spacing"] = image.spacing_xyz
    result[f"{prefix}_Size"] = image.shape[::-1]
    result[f"{prefix}_Mean"] = float(array.mean(dtype=np.float64))
    result[f"{prefix}_Minimum"] = float(array.min())
    result[f"{prefix}_Maximum"] = float(array.max())
    return result


def _about_mask(
    name: str, mask: Volume, inside: np.ndarray, *, whole: bool = False, image: Volume | None = None
) -> dict[str, Any]:
    """Describe the region of a mask; it is not empty. `inside` is where the mask has the label."""
    prefix = f"diagnostics_Mask-{name}"
    result: dict[str, Any] = {}
    if whole:
        result[f"{prefix}_Hash"] = _sha1(np.asarray(mask.array))
    result[f"{prefix}_Spacing"] = mask.spacing_xyz
    result[f"{prefix}_Size"] = mask.shape[::-1]
    if inside.any():
        box = _images.box_of(inside)
        part, first = inside[box], np.array([p.start for p in box])
        result[f"{prefix}_BoundingBox"] = (*first[::-1].tolist(), *part.shape[::-1])
        result[f"{prefix}_VoxelNum"] = int(np.count_nonzero(part))
        result[f"{prefix}_VolumeNum"] = segment.label(part, connectivity=part.ndim)[1]
        centre = np.argwhere(part).mean(axis=0) + first
        result[f"{prefix}_CenterOfMassIndex"] = tuple(centre[::-1].tolist())
        result[f"{prefix}_CenterOfMass"] = tuple(np.asarray(mask.index_to_world(centre))[::-1].tolist())
        if image is not None:
            values = np.asarray(image.array)[box][part]
            result[f"{prefix}_Mean"] = float(values.mean(dtype=np.float64))
            result[f"{prefix}_Minimum"] = float(values.min())
            result[f"{prefix}_Maximum"] = float(values.max())
    return result
