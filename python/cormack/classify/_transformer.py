"""Images with masks in, radiomics features out: a step of a scikit-learn pipeline."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import __version__, _check, features, get_num_threads, io
from .._errors import BackendUnavailable
from .._files import replacing
from ..features import RadiomicsSettings
from ..volume import Volume

try:
    from sklearn.base import BaseEstimator, TransformerMixin
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import validate_data
except ImportError as error:
    raise BackendUnavailable('scikit-learn is not installed; pip install "cormack[ml]"') from error

__all__ = ["RadiomicsTransformer"]

_NAME = "RadiomicsTransformer"
_SETTINGS = tuple(field.name for field in dataclasses.fields(RadiomicsSettings))
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
        cases = _cases_of(X)
        if plan.on_error == "raise":
            for case in cases:
                case.check_files()
        names = _names(plan.settings, _first_ndim(cases, plan))
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
        cases = _cases_of(X)
        names = getattr(self, "_feature_names_out", None)
        if names is None:
            names = _names(plan.settings, _first_ndim(cases, plan))
        else:
            validate_data(self, X, reset=False, skip_check_array=True)
        rows = np.empty((len(cases), len(names)))
        failures: list[str] = []
        for number, (row, reason) in enumerate(_each(cases, plan, names)):
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

    def _plan(self) -> _Plan:
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
        return _Plan(self.settings, spacing, label, self.on_error, memory, workers)

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


@dataclasses.dataclass(frozen=True)
class _Plan:
    """The parameters, checked."""

    settings: RadiomicsSettings
    spacing: Any
    label: int | None
    on_error: str
    memory: Path | None
    workers: int


@dataclasses.dataclass(frozen=True, eq=False)
class _Case:
    """An image and a mask: arrays, Volumes or paths."""

    number: int
    image: Any
    mask: Any

    @property
    def name(self) -> str:
        """What messages call it: its place, and the file without its folders."""
        file = next((f" ({Path(part).name})" for part in (self.image, self.mask) if isinstance(part, Path)), "")
        return f"case {self.number}{file}"

    def check_files(self) -> None:
        for what, part in (("image", self.image), ("mask", self.mask)):
            if isinstance(part, Path) and not part.exists():
                raise ValueError(f"{_NAME}: {self.name}: there is no {what} {part}")

    def read(self) -> tuple[Any, Any]:
        """Return image and mask in memory, on one grid where both have one."""
        image = io.read(self.image) if isinstance(self.image, Path) else self.image
        mask = self.mask
        if isinstance(mask, Path):
            mask = io.read_mask(mask, reference=image if isinstance(image, Volume) else None)
        return image, mask

    def digest(self) -> str:
        """Return what identifies image and mask: a digest of the files' bytes, or of voxels and geometry."""
        digest = hashlib.blake2b(digest_size=20)
        for part in (self.image, self.mask):
            if isinstance(part, Path):
                files = sorted(p for p in part.rglob("*") if p.is_file()) if part.is_dir() else [part]
                for file in files:
                    with open(file, "rb") as stream:
                        digest.update(hashlib.file_digest(stream, "sha256").digest())
                digest.update(f"{len(files)} files {part.suffix}".encode())
                continue
            array = np.ascontiguousarray(part)
            grid = (part.spacing, part.origin, part.direction.tolist()) if isinstance(part, Volume) else ()
            digest.update(repr((array.shape, array.dtype.str, grid)).encode())
            digest.update(array.reshape(-1).view(np.uint8).data)
        return digest.hexdigest()


def _cases_of(X: Any) -> list[_Case]:
    """Return the pairs of `X`, whatever holds them."""
    if isinstance(X, (str, bytes, os.PathLike, Volume)) or not hasattr(X, "__len__"):
        raise _check.fail(_NAME, "X", "be a sequence of pairs, image and mask, or a table of two columns", X, TypeError)
    if hasattr(X, "tocsr"):
        raise TypeError(f"{_NAME}: sparse input is not supported: `X` holds images and masks")
    rows: Any = X
    columns = getattr(X, "columns", None)
    if columns is not None and hasattr(X, "to_numpy"):
        names = [str(name).casefold() for name in columns]
        rows = X.to_numpy()
        if sorted(names) == ["image", "mask"]:
            rows = rows[:, [names.index("image"), names.index("mask")]]
    if len(rows) == 0:
        raise ValueError(f"{_NAME}: `X` must hold at least one case, found array with 0 sample(s)")
    if getattr(rows, "ndim", 2) < 2:
        raise ValueError(f"{_NAME}: `X` must have two columns, image and mask. Reshape your data: got {rows.ndim} axes")
    cases = []
    for number in range(len(rows)):
        pair = rows[number]
        if isinstance(pair, (str, bytes)) or not hasattr(pair, "__len__") or len(pair) != 2:
            listed = hasattr(pair, "__len__") and not isinstance(pair, (str, bytes))
            what = f"{len(pair)} columns" if listed else type(pair).__name__
            raise ValueError(f"{_NAME}: case {number} must be a pair, image and mask, got {what}")
        cases.append(_Case(number, *(_part(number, what, pair[i]) for i, what in enumerate(("image", "mask")))))
    return cases


def _part(number: int, what: str, value: Any) -> Any:
    if isinstance(value, (str, os.PathLike)):
        if not os.fspath(value):
            raise ValueError(f"{_NAME}: case {number} has no {what}: its path is empty")
        return Path(value)
    if isinstance(value, Volume):
        return value
    array = np.asarray(value)
    if array.ndim not in (2, 3) or array.dtype.kind not in "biuf":
        shown = f"an array of {array.dtype}, shape {array.shape}" if array.ndim else type(value).__name__
        raise ValueError(
            f"{_NAME}: the {what} of case {number} must be an array of numbers with 2 or 3 axes, a Volume or a path, "
            f"got {shown}"
        )
    return array


def _first_ndim(cases: Sequence[_Case], plan: _Plan) -> int:
    """Return the axes of the first image; where it may fail, of the first that can be read."""
    for case in cases:
        if not isinstance(case.image, Path):
            return int(case.image.ndim)
        try:
            return io.read(case.image).ndim
        except (ValueError, OSError, RuntimeError) as error:
            if plan.on_error == "raise":
                raise ValueError(f"{_NAME}: {case.name}: {error}") from error
    raise ValueError(f"{_NAME}: no image of {len(cases)} cases can be read; the first is {cases[0].image}")


@lru_cache(maxsize=64)
def _names(settings: RadiomicsSettings, ndim: int) -> tuple[str, ...]:
    """Return the columns that these settings give: they are the same for every region."""
    plain = dataclasses.replace(
        settings, new_spacing=None, resegmentation_range=None, resegmentation_sigma=None, distance=1
    )
    shape = (4, 5, 6)[-ndim:]
    levels = (np.arange(np.prod(shape)) % 7 + 1).astype(np.int16).reshape(shape)
    return tuple(features.radiomics(levels, np.ones(shape, bool), settings=plain, workers=1))


def _each(cases: Sequence[_Case], plan: _Plan, names: tuple[str, ...]) -> Iterator[tuple[Any, str]]:
    """Give the features of each case in order, and why some are missing."""
    if plan.memory is not None:
        plan.memory.mkdir(parents=True, exist_ok=True)
    count = min(plan.workers, len(cases))
    of_case = partial(_row, plan=plan, names=names, threads=plan.workers // count)
    if count == 1:
        yield from map(of_case, cases)
        return
    with ThreadPoolExecutor(count) as pool:
        tasks = [pool.submit(of_case, case) for case in cases]
        try:
            for task in tasks:
                yield task.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _row(case: _Case, plan: _Plan, names: tuple[str, ...], threads: int) -> tuple[Any, str]:
    try:
        if plan.memory is None:
            return _computed(case, plan, names, threads)
        # The number of threads changes nothing.
        what = (__version__, case.digest(), plan.settings.to_dict(), plan.spacing, plan.label, names)
        key = hashlib.blake2b(repr(what).encode(), digest_size=20).hexdigest()
        path = plan.memory / f"{key}.npy"
        try:
            row = np.load(path, allow_pickle=False)
            if row.shape == (len(names),) and row.dtype == np.float64:
                return row, ""
        except (OSError, ValueError, EOFError):
            pass
        row, reason = _computed(case, plan, names, threads)
        if not reason:
            with replacing(path) as temporary, open(temporary, "wb") as file:
                np.save(file, row, allow_pickle=False)
        return row, reason
    except MemoryError:
        raise
    except Exception as error:
        # A reader of a library may raise anything, and one case must not take the others with it.
        reason = " ".join(str(error).split()) or type(error).__name__
        if plan.on_error == "raise":
            raise ValueError(f"{_NAME}: {case.name}: {reason}") from error
        return np.nan, reason


def _computed(case: _Case, plan: _Plan, names: tuple[str, ...], threads: int) -> tuple[Any, str]:
    image, mask = case.read()
    common: dict[str, Any] = {"spacing": plan.spacing, "settings": plan.settings, "workers": threads}
    if plan.on_error == "raise":
        table = features.radiomics(image, mask, label=plan.label, **common)
    else:
        if plan.label is None:
            whole = np.asarray(mask) != 0
            mask = mask.replace(whole) if isinstance(mask, Volume) else whole
        # Of a region for which a family is not defined the others are kept.
        table = features.radiomics(image, mask, labels=[1 if plan.label is None else plan.label], **common)[0]
    if unknown := [name for name in table if name not in names]:
        raise ValueError(f"it has other features than the first case, as {unknown[0]}: images must have the same axes")
    row = np.array([table.get(name, np.nan) for name in names])
    row[np.isinf(row)] = np.nan
    return row, table.error or ""
