"""DICOM segmentations out: label maps and masks, on the slices of the series that they were made on."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _check
from .._errors import ReadError
from .._files import replacing
from ..volume import Volume
from . import _dicom, _dicom_stack
from ._common import quiet, require
from ._dicom_header import Frame, label
from ._studies import existing

if TYPE_CHECKING:
    from numpy.typing import NDArray

Code = tuple[str, str, str]

_TISSUE: Code = ("85756007", "SCT", "Tissue")
_ANATOMY: Code = ("91723000", "SCT", "Anatomical Structure")
_ABNORMAL: Code = ("49755003", "SCT", "Morphologically Abnormal Structure")
# By words of a name; what is not here is a tissue. SNOMED CT, as in the context groups 7150, 7152 to 7166 of DICOM.
_TYPES: dict[str, tuple[str, Code, str]] = {
    words: (value, category, meaning)
    for category, rows in (
        (
            _ANATOMY,
            (
                ("adrenal gland", "23451007", "Adrenal gland"),
                ("aorta", "15825003", "Aorta"),
                ("bladder|urinary bladder", "89837001", "Bladder"),
                ("bone|bones", "272673000", "Bone"),
                ("brain", "12738006", "Brain"),
                ("breast", "76752008", "Breast"),
                ("colon", "71854001", "Colon"),
                ("duodenum", "38848004", "Duodenum"),
                ("esophagus|oesophagus", "32849002", "Esophagus"),
                ("femur", "71341001", "Femur"),
                ("gallbladder", "28231008", "Gallbladder"),
                ("heart", "80891009", "Heart"),
                ("kidney|kidneys", "64033007", "Kidney"),
                ("liver", "10200004", "Liver"),
                ("lung|lungs", "39607008", "Lung"),
                ("lymph node|lymph nodes", "59441001", "Lymph Node"),
                ("pancreas", "15776009", "Pancreas"),
                ("prostate", "41216001", "Prostate"),
                ("rectum", "34402009", "Rectum"),
                ("small intestine|small bowel", "30315005", "Small intestine"),
                ("spinal cord", "2748008", "Spinal cord"),
                ("spleen", "78961009", "Spleen"),
                ("stomach", "69695003", "Stomach"),
                ("thyroid|thyroid gland", "69748006", "Thyroid"),
                ("trachea", "44567001", "Trachea"),
                ("uterus", "35039007", "Uterus"),
            ),
        ),
        (
            _ABNORMAL,
            (
                ("lesion|lesions", "52988006", "Lesion"),
                ("nodule|nodules", "27925004", "Nodule"),
                ("tumor|tumour|tumors|tumours|neoplasm|gtv", "108369006", "Neoplasm"),
            ),
        ),
    )
    for names, value, meaning in rows
    for words in names.split("|")
}
_SIDES = frozenset(("left", "right", "l", "r"))
_LONGEST_NAME = 64
_MOST_SEGMENTS = 65_535
_ALGORITHM_TYPES = ("AUTOMATIC", "SEMIAUTOMATIC", "MANUAL")
# What a segmentation needs to know of its source: what it shows, and where; nobody's name.
_NEEDED = (
    *("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "Modality"),
    *("Rows", "Columns", "NumberOfFrames", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"),
    *("SliceThickness", "SpacingBetweenSlices", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
)
_EMPTY = (
    *("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyID", "AccessionNumber", "StudyDate"),
    *("StudyTime", "ReferringPhysicianName"),
)


@dataclass(frozen=True)
class Segment:
    """Name of a segment, and what it is in the codes of DICOM.

    Parameters
    ----------
    name : str
        Its label; at most 64 characters.
    category, type : tuple of (value, scheme, meaning), optional
        Segmented property category and type. By default organs and lesions are known by their English names (``"left
        lung"``, ``"kidney_right"``, ``"GTV"``); everything else is a tissue.

    Examples
    --------
    >>> Segment("left lung").codes()
    (('91723000', 'SCT', 'Anatomical Structure'), ('39607008', 'SCT', 'Lung'))
    """

    name: str
    category: Code | None = None
    type: Code | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not 0 < len(self.name.strip()) <= _LONGEST_NAME:
            raise ValueError(f"name of a segment must have 1 to {_LONGEST_NAME} characters; got {self.name!r}")
        if re.search(r"[\\\x00-\x1f\x7f]", self.name):
            raise ValueError(f"name of a segment must have no backslash or control character; got {self.name!r}")
        for what, code in (("category", self.category), ("type", self.type)):
            good = code is None or (len(code) == 3 and all(isinstance(part, str) and part for part in code))
            if not good or isinstance(code, str):
                raise ValueError(f"{what} must be (value, scheme, meaning), such as {_TISSUE}; got {code!r}")

    def codes(self) -> tuple[Code, Code]:
        """Category and type."""
        words = re.sub(r"[\W_\d]+", " ", self.name.lower()).split()
        value, category, meaning = _TYPES.get(
            " ".join(word for word in words if word not in _SIDES), (_TISSUE[0], _TISSUE, _TISSUE[2])
        )
        return self.category or category, self.type or (value, "SCT", meaning)


def write_segmentation(
    labels: Volume | Mapping[str, Volume],
    path: str | os.PathLike[str],
    *,
    source: str | os.PathLike[str],
    segments: Mapping[Any, str | Segment] | None = None,
    series: str | None = None,
    volume: int | None = None,
    algorithm: str = "Cormack",
    algorithm_type: str = "AUTOMATIC",
    series_description: str = "Segmentation",
    series_number: int = 100,
    keep_identity: bool = False,
) -> None:
    """Write a DICOM segmentation (SEG) that refers to the series it was made on.

    Binary segments, one bit for each pixel, only of slices that have some; a new series in the study of the source. The
    file appears under its name only when it is complete.

    Parameters
    ----------
    labels : Volume or mapping of names to Volumes
        A label map of whole numbers, 0 outside; or masks (bool) by name, which may overlap. On the grid of the source;
        flipped and permuted axes are put back.
    path : path-like
        The file to write; an existing one is replaced.
    source : path-like
        The folder of the DICOM series, or one file with several frames, as for `read`.
    segments : mapping, optional
        Name, or `Segment` with codes, by label or by the name of a mask. Label maps need one for each value that
        occurs; by default the names in ``labels.meta["regions"]``, else ``"Segment 3"`` for the value 3. Those that do
        not occur become empty segments.
    series, volume : optional
        As for `read`, where the source holds several.
    algorithm : str, default "Cormack"
        Who or what made the segments.
    algorithm_type : {"AUTOMATIC", "SEMIAUTOMATIC", "MANUAL"}
        How.
    series_description : str
        Description of the new series.
    series_number : int, default 100
        Number of the new series.
    keep_identity : bool, default False
        Copy name, id, birth date and all else that the source says of the patient and the study.

    Raises
    ------
    ReadError
        The source cannot be read, or does not say where its slices lie.
    GeometryError
        Labels and source are not on one grid; the message prints both.
    ValueError, TypeError
        An argument makes no sense: a value without a name, a name that is too long.
    BackendUnavailable
        highdicom is not installed.

    Notes
    -----
    **Numbers.** DICOM counts segments from 1. Labels that are not 1, 2, 3 ... are renumbered in their order; names
    stay.

    **Identity.** By default the fields of patient and study that DICOM demands are there and empty. What must stay for
    the reference to hold are UIDs: StudyInstanceUID, FrameOfReferenceUID, SeriesInstanceUID and the SOPInstanceUIDs of
    the slices. They lead to the patient for whoever has the source. Names of segments are written as they are given.

    Examples
    --------
    ::

        ct = cormack.io.read("case1/ct")
        labels = ct.replace(np.asarray(ct) > 300)
        cormack.io.write_segmentation(labels, "case1/bone.dcm", source="case1/ct", segments={1: "bone"})
    """
    path = Path(path)
    kind = _check.choice("write_segmentation", "algorithm_type", algorithm_type, _ALGORITHM_TYPES)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"the folder {path.parent} does not exist")
    masks = _arguments(labels)
    source = existing(source)
    stack = _stack(source, series, volume)
    grid = _grid(stack)
    aligned = [_aligned(mask, grid) for mask in masks]
    if isinstance(labels, Mapping):
        chosen, pixels = _of_masks(labels, aligned, segments)
    else:
        chosen, pixels = _of_labels(labels, aligned[0], segments)
    images = _images(stack, keep_identity)
    if len(images) == 1 and stack[0].file.frame_count > 1:
        # The frames of the file, not of the volume.
        order = [frame.index for frame in stack]
        pixels = pixels[np.argsort(order)]
    made = _made(images, pixels, chosen, algorithm, kind, series_description, series_number)
    with replacing(path) as temporary:
        made.save_as(temporary, enforce_file_format=True)


def _arguments(labels: Any) -> list[Volume]:
    masks = list(labels.values()) if isinstance(labels, Mapping) else [labels]
    if not masks or not all(isinstance(mask, Volume) for mask in masks):
        raise TypeError("labels must be a cormack.Volume, or a mapping of names to Volumes")
    for mask in masks:
        if mask.ndim != 3:
            raise ValueError(f"labels must be 3D; their shape is {mask.shape}")
        if mask.dtype.kind not in ("b" if isinstance(labels, Mapping) else "biu"):
            wanted = "bool" if isinstance(labels, Mapping) else "whole numbers or bool"
            raise TypeError(f"labels must be {wanted}; their type is {mask.dtype}")
    return masks


def _stack(path: Path, series: str | None, volume: int | None) -> list[Frame]:
    """Slices of the source in the order of their places."""
    files = _dicom.candidates(path) if path.is_dir() else [path]
    stacks = _dicom.read_stacks(path, files, series)
    if volume is None and len(stacks) > 1:
        raise _dicom.choose(path, stacks)
    if not 0 <= (volume or 0) < len(stacks):
        raise ReadError(path, f"no volume {volume}; there are {len(stacks)}", suggestion="they count from 0")
    stack = stacks[volume or 0]
    first = stack[0]
    if not first.has_place or first.spacing is None:
        raise ReadError(
            first.file.path, "the image does not say where it lies in the patient", tag=label("ImagePositionPatient")
        )
    if first.file.frame_count not in (1, len(stack)):
        raise ReadError(
            first.file.path, "several volumes in one file cannot be referred to", tag=label("NumberOfFrames")
        )
    return stack


def _grid(stack: Sequence[Frame]) -> Volume:
    """The grid that `read` gives, without voxels."""
    first = stack[0]
    assert first.spacing is not None
    assert first.position is not None
    distance = _dicom_stack.slice_spacing(stack) if len(stack) > 1 else first.thickness or 1.0
    return Volume(
        np.broadcast_to(np.uint8(0), (len(stack), first.file.rows, first.file.columns)),
        (distance, *first.spacing),
        first.position[::-1],
        np.stack(_dicom_stack.axes(first), axis=1)[::-1, ::-1],
    )


def _aligned(mask: Volume, grid: Volume) -> NDArray[Any]:
    """Voxels with the axes of a grid; raises where they are not on it."""
    turn = grid.direction.T @ mask.direction
    signs = np.rint(turn).astype(int)
    is_turn = np.array_equal(np.abs(signs).sum(axis=0), [1, 1, 1]) and np.array_equal(
        np.abs(signs).sum(axis=1), [1, 1, 1]
    )
    if is_turn and not np.array_equal(signs, np.eye(3)):
        order = np.abs(signs).argmax(axis=1)
        flipped = signs[np.arange(3), order] < 0
        array = np.asarray(mask.array).transpose(order)
        array = array[tuple(slice(None, None, -1) if flip else slice(None) for flip in flipped)]
        corner = np.zeros(3)
        corner[order] = np.where(flipped, np.array(mask.shape)[order] - 1, 0)
        direction = mask.direction[:, order] * np.where(flipped, -1.0, 1.0)
        mask = Volume(array, np.asarray(mask.spacing)[order], mask.index_to_world(corner), direction)
    grid.check_geometry(mask, names=("source", "labels"))
    return np.asarray(mask.array)


def _segment(given: Any) -> Segment:
    return given if isinstance(given, Segment) else Segment(given)


def _of_labels(
    labels: Volume, array: NDArray[Any], segments: Mapping[Any, str | Segment] | None
) -> tuple[list[Segment], NDArray[Any]]:
    """Segments in the order of their values, and a label map that counts them from 1."""
    if array.dtype == bool:
        array = array.view(np.uint8)
    low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
    if low < 0:
        raise ValueError(f"labels must not be negative; the smallest is {low}")
    if high <= _MOST_SEGMENTS:
        # Slice by slice: bincount makes 64-bit numbers of what it counts.
        present = np.zeros(high + 1, bool)
        for part in array:
            present |= np.bincount(part.ravel(), minlength=high + 1) > 0
        values = np.flatnonzero(present).tolist()
    else:
        values = np.unique(array).tolist()
    values = [value for value in values if value]
    if segments is None:
        regions = labels.meta.get("regions") or {}
        segments = {value: str(regions.get(value) or f"Segment {value}")[:_LONGEST_NAME] for value in values}
    for value in segments:
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise ValueError(f"segments must have labels from 1 on as keys; got {value!r}")
    if missing := [value for value in values if value not in segments]:
        shown = ", ".join(map(str, missing[:10]))
        raise ValueError(f"segments has no name for {len(missing)} of the labels: {shown}")
    if not 0 < len(segments) <= _MOST_SEGMENTS:
        raise ValueError(f"there must be 1 to {_MOST_SEGMENTS} segments; got {len(segments)}")
    ordered = sorted(int(value) for value in segments)
    chosen = [_segment(segments[value]) for value in ordered]
    dtype = np.uint8 if len(ordered) < 256 else np.uint16
    if ordered == list(range(1, len(ordered) + 1)):
        return chosen, array.astype(dtype, copy=False)
    numbered = np.zeros(array.shape, dtype)
    for number, value in enumerate(ordered, 1):
        numbered[array == value] = number
    return chosen, numbered


def _of_masks(
    masks: Mapping[str, Volume], arrays: Sequence[NDArray[np.bool_]], segments: Mapping[Any, str | Segment] | None
) -> tuple[list[Segment], NDArray[Any]]:
    """Segments in the order of the mapping, and a label map; or bool, one axis more, where they overlap."""
    if unknown := [name for name in segments or () if name not in masks]:
        raise ValueError(f"segments names {unknown[0]!r}, which is no mask")
    chosen = [_segment((segments or {}).get(name, name)) for name in masks]
    labels = np.zeros(arrays[0].shape, np.uint8 if len(arrays) < 256 else np.uint16)
    for number, array in enumerate(arrays, 1):
        if labels[array].any():
            return chosen, np.stack(arrays, axis=-1)
        labels[array] = number
    return chosen, labels


def _images(stack: Sequence[Frame], keep_identity: bool) -> list[Any]:
    """Data sets of the source, without pixels; without identity only what the reference needs."""
    pydicom = require("pydicom", "pydicom")
    paths = list(dict.fromkeys(frame.file.path for frame in stack))
    images = []
    for path in paths:
        with quiet():
            image = pydicom.dcmread(
                path, stop_before_pixels=True, force=True, specific_tags=None if keep_identity else list(_NEEDED)
            )
        if not str(image.get("FrameOfReferenceUID", "") or ""):
            raise ReadError(path, "slices without a frame of reference", tag="(0020,0052) FrameOfReferenceUID")
        for name in _EMPTY:
            if name not in image:
                setattr(image, name, "")
        images.append(image)
    return images


def _made(
    images: list[Any],
    pixels: NDArray[Any],
    segments: Sequence[Segment],
    algorithm: str,
    algorithm_type: str,
    series_description: str,
    series_number: int,
) -> Any:
    from .. import __version__

    hd = require("highdicom", "highdicom")
    coded = require("highdicom.sr.coding", "highdicom").CodedConcept

    def concept(code: Code) -> Any:
        value, scheme, meaning = code
        return coded(value=value, scheme_designator=scheme, meaning=meaning)

    # Which family of algorithms it is of, highdicom wants to know; it is taken out again below.
    family = concept(("123110", "DCM", "Artificial Intelligence"))
    made_by = hd.AlgorithmIdentificationSequence(name=algorithm, family=family, version=__version__)
    described = []
    for number, segment in enumerate(segments, 1):
        category, kind = segment.codes()
        item = hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=segment.name,
            segmented_property_category=concept(category),
            segmented_property_type=concept(kind),
            algorithm_type=algorithm_type,
            algorithm_identification=None if algorithm_type == "MANUAL" else made_by,
        )
        item.pop("SegmentationAlgorithmIdentificationSequence", None)
        described.append(item)
    with quiet():
        return hd.seg.Segmentation(
            source_images=images,
            pixel_array=pixels,
            segmentation_type="BINARY",
            segment_descriptions=described,
            series_instance_uid=hd.UID(),
            series_number=series_number,
            sop_instance_uid=hd.UID(),
            instance_number=1,
            manufacturer="Cormack",
            manufacturer_model_name="Cormack",
            software_versions=__version__,
            device_serial_number="0",
            content_label="SEGMENTATION",
            series_description=series_description,
            omit_empty_frames=True,
        )
