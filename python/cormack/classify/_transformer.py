"""Images with masks in, radiomics features out: a step of a scikit-learn pipeline."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _check, get_num_threads
from .._errors import BackendUnavailable
from ..features import RadiomicsSettings
from ._cases import Plan, cases_of, each_row, first_ndim, names_of

try:
    from sklearn.base import BaseEstimator, TransformerMixin
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import validate_data
except ImportError as error:
    raise BackendUnavailable('scikit-learn is not installed; pip install "cormack[ml]"') from error

__all__ = ["RadiomicsTransformer"]

_NAME = "RadiomicsTransformer"
_SETTINGS = tuple(field.name for field in fields(RadiomicsSettings))
_MOST_SHOWN = 5


class RadiomicsTransformer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """The radiomics features of images in masks, as a scikit-learn transformer: `cormack.features.radiomics` of each.

    All parameters but the last four are those of `cormack.features.RadiomicsSettings`, with their defaults, so that a
    search can try any of them, as ``{"radiomicstransformer__bin_size": [10, 25]}``, and
    ``RadiomicsTransformer(**settings.to_dict())`` takes over settings that there are.

    Parameters
    ----------
    families : sequence of str, optional
        Families of features, as ``["first_order", "glcm"]``. Default: all that are defined for the images.
    dimension, new_spacing, image_interpolation, mask_interpolation, mask_threshold, intensity_rounding
        See `cormack.features.RadiomicsSettings`.
    resegmentation_range, resegmentation_sigma, discretisation, bin_size, bin_number
        See `cormack.features.RadiomicsSettings`.
    ivh_discretisation, ivh_bin_size, ivh_bin_number, distance, coarseness, aggregations
        See `cormack.features.RadiomicsSettings`.
    spacing : float or sequence of float, optional
        Voxel size of all images in mm, in array order. Default: what files and Volumes say, 1 mm for arrays.
    label : int, optional
        The region is where the mask has this value. Default: where it is not zero.
    on_error : {"raise", "nan"}, default "raise"
        What becomes of a case that cannot be read or measured: an error that names it; or a warning that names it, and
        a row in which what could not be computed is NaN, for an imputer behind.
    memory : path-like, optional
        A folder that keeps features, so that folds of a cross-validation and other searches do not compute them again;
        made when it is not there. A case is known by its voxels and the settings: nothing goes stale. The files hold
        numbers and no names.
    workers : int, optional
        Cases at a time, each on one thread; default: the library's number of threads.

    Attributes
    ----------
    n_features_in_ : int
        2, image and mask.
    feature_names_in_ : ndarray of str
        Names of the columns, where `fit` was given a data frame.

    Notes
    -----
    `X` is a sequence of pairs (image, mask), each an array, a `Volume` or the path of a file or DICOM series; or a
    table of two columns of paths, array or data frame, image and mask, by these names if it has them. All images have
    two axes or all have three. Keep Volumes in a list: an array made of them has lost their spacing. Masks that are
    files are read on the grid of their image; see `cormack.io.read_mask`.

    `fit` learns nothing but the names of features: it checks parameters, pairs, paths and the first image. Infinite
    features are NaN, as every learner refuses them. Any number of workers gives the same bytes. `workers` and `memory`
    survive pickling, and no voxel is in a pickle.

    Examples
    --------
    >>> from cormack import classify, phantoms
    >>> lesions = [phantoms.lesion(kind, seed=n) for n in (1, 2) for kind in ("benign", "malignant")]
    >>> X = [(lesion.volume, lesion.mask) for lesion in lesions]
    >>> radiomics = classify.RadiomicsTransformer(families=["morphology", "glcm"], aggregations=["3D merged"])
    >>> radiomics.fit_transform(X).shape
    (4, 54)
    >>> radiomics.get_feature_names_out()[:2].tolist()
    ['morph_volume', 'morph_vol_approx']

    A chain from images to a decision:

    >>> from sklearn.impute import SimpleImputer
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn.svm import SVC
    >>> chain = make_pipeline(radiomics, SimpleImputer(), StandardScaler(), SVC())
    >>> chain.fit(X, [lesion.diagnosis for lesion in lesions]).predict(X[:1]).tolist()
    ['benign']
    """

    def __init__(
        self,
        families: Sequence[str] | None = None,
        *,
        dimension: str = "3D",
        new_spacing: float | Sequence[float] | None = None,
        image_interpolation: str = "linear",
        mask_interpolation: str = "linear",
        mask_threshold: float = 0.5,
        intensity_rounding: bool | None = None,
        resegmentation_range: tuple[float | None, float | None] | None = None,
        resegmentation_sigma: float | None = None,
        discretisation: str = "fixed bin number",
        bin_size: float = 25.0,
        bin_number: int = 32,
        ivh_discretisation: str = "automatic",
        ivh_bin_size: float = 2.5,
        ivh_bin_number: int = 1000,
        distance: int = 1,
        coarseness: int = 0,
        aggregations: Sequence[str] | None = None,
        spacing: float | Sequence[float] | None = None,
        label: int | None = None,
        on_error: str = "raise",
        memory: str | os.PathLike[str] | None = None,
        workers: int | None = None,
    ) -> None:
        # Checked by fit and transform: scikit-learn clones estimators with whatever they were given.
        self.families = families
        self.dimension = dimension
        self.new_spacing = new_spacing
        self.image_interpolation = image_interpolation
        self.mask_interpolation = mask_interpolation
        self.mask_threshold = mask_threshold
        self.intensity_rounding = intensity_rounding
        self.resegmentation_range = resegmentation_range
        self.resegmentation_sigma = resegmentation_sigma
        self.discretisation = discretisation
        self.bin_size = bin_size
        self.bin_number = bin_number
        self.ivh_discretisation = ivh_discretisation
        self.ivh_bin_size = ivh_bin_size
        self.ivh_bin_number = ivh_bin_number
        self.distance = distance
        self.coarseness = coarseness
        self.aggregations = aggregations
        self.spacing = spacing
        self.label = label
        self.on_error = on_error
        self.memory = memory
        self.workers = workers

    @property
    def settings(self) -> RadiomicsSettings:
        """The parameters as `cormack.features.radiomics` takes them, checked."""
        return RadiomicsSettings(**{name: getattr(self, name) for name in _SETTINGS})

    def fit(self, X: Any, y: Any = None) -> RadiomicsTransformer:
        """Check parameters and cases, and find out which features there will be.

        Parameters
        ----------
        X : sequence of pairs
            See the class.
        y : ignored

        Returns
        -------
        RadiomicsTransformer
            Itself.

        Raises
        ------
        ValueError, TypeError
            Naming the parameter, or the case that is no pair, or whose file does not exist.
        """
        plan = self._plan()
        cases = cases_of(X)
        if plan.on_error == "raise":
            for case in cases:
                case.check_files()
        names = names_of(plan.settings, first_ndim(cases, plan))
        validate_data(self, X, reset=True, skip_check_array=True)
        self._feature_names_out = names
        return self

    def transform(self, X: Any) -> npt.NDArray[np.float64]:
        """Compute the features of each case.

        Parameters
        ----------
        X : sequence of pairs
            See the class.

        Returns
        -------
        ndarray of float64
            A row for each case and a column for each of `get_feature_names_out`; a data frame after ``set_output``.

        Raises
        ------
        ValueError
            A case cannot be read or measured, unless ``on_error="nan"``; the message names it.
        """
        plan = self._plan()
        cases = cases_of(X)
        names = getattr(self, "_feature_names_out", None)
        if names is None:
            names = names_of(plan.settings, first_ndim(cases, plan))
        else:
            validate_data(self, X, reset=False, skip_check_array=True)
        rows = np.empty((len(cases), len(names)))
        failures: list[str] = []
        for number, (row, reason) in enumerate(each_row(cases, plan, names)):
            rows[number] = row
            if reason:
                failures.append(f"{cases[number].name}: {reason}")
        if failures:
            more = len(failures) - _MOST_SHOWN
            shown = "; ".join(failures[:_MOST_SHOWN]) + (f"; and {more} more" if more > 0 else "")
            warnings.warn(f"{_NAME}: {len(failures)} of {len(cases)} cases failed: {shown}", UserWarning, stacklevel=2)
        return rows

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Return the names of the features: the columns of `cormack.features.FeatureTable`.

        Parameters
        ----------
        input_features : sequence of str, optional
            Names of the two columns; ignored but where `fit` saw others.

        Returns
        -------
        ndarray of object
        """
        if not hasattr(self, "_feature_names_out"):
            raise NotFittedError(f"{_NAME}: fit comes first: images with two axes have other features than volumes")
        known = getattr(self, "feature_names_in_", None)
        if input_features is not None and known is not None and list(input_features) != list(known):
            raise ValueError(f"input_features is not equal to feature_names_in_, {list(known)}")
        return np.array(self._feature_names_out, dtype=object)

    def _plan(self) -> Plan:
        _check.choice(_NAME, "on_error", self.on_error, ("raise", "nan"))
        spacing = self.spacing
        if spacing is not None:
            sizes = np.ravel(spacing).tolist()
            if np.ndim(spacing) > 1 or (np.ndim(spacing) == 1 and len(sizes) not in (2, 3)):
                raise _check.fail(_NAME, "spacing", "be one, two or three values", spacing)
            sizes = [_check.real(_NAME, "spacing", size, above=0.0) for size in sizes]
            spacing = tuple(sizes) if np.ndim(spacing) else sizes[0]
        workers = _check.workers(_NAME, self.workers) or get_num_threads()
        label = None if self.label is None else _check.integer(_NAME, "label", self.label)
        memory = None if self.memory is None else Path(self.memory)
        return Plan(self.settings, spacing, label, self.on_error, memory, workers)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_feature_names_out")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        # A table of two columns, which hold paths or images and never numbers.
        tags.input_tags.string = True
        tags.no_validation = True
        tags.requires_fit = False
        tags.transformer_tags.preserves_dtype = []
        return tags
