"""PET: from the activity in the files to standardised uptake values by body weight (SUVbw).

After the pseudo-code of QIBA (the vendor-neutral one, "happy path only", and its branches for Philips and for series
whose time was changed afterwards). What it takes for granted is checked: a value that is missing, zero, unlikely, or
differs between slices is an error that names the field. Weights, doses and times are used, and go nowhere else: neither
into ``meta`` nor into messages.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from .._errors import ReadError
from ._common import quiet
from ._dicom_header import Frame
from ._limits import read_dataset

SUV = "SUVbw"
_ENHANCED = ("1.2.840.10008.5.1.4.1.1.130", "1.2.840.10008.5.1.4.1.1.128.1")

_TAGS = {
    "SeriesDate": (0x0008, 0x0021),
    "AcquisitionDate": (0x0008, 0x0022),
    "SeriesTime": (0x0008, 0x0031),
    "AcquisitionTime": (0x0008, 0x0032),
    "TimezoneOffsetFromUTC": (0x0008, 0x0201),
    "GEPETScanDateTime": (0x0009, 0x100D),
    "PatientWeight": (0x0010, 0x1030),
    "RadiopharmaceuticalStartTime": (0x0018, 0x1072),
    "RadionuclideTotalDose": (0x0018, 0x1074),
    "RadionuclideHalfLife": (0x0018, 0x1075),
    "RadiopharmaceuticalStartDateTime": (0x0018, 0x1078),
    "ActualFrameDuration": (0x0018, 0x1242),
    "CorrectedImage": (0x0028, 0x0051),
    "RadiopharmaceuticalInformationSequence": (0x0054, 0x0016),
    "Units": (0x0054, 0x1001),
    "SUVType": (0x0054, 0x1006),
    "DecayCorrection": (0x0054, 0x1102),
    "FrameReferenceTime": (0x0054, 0x1300),
    "PhilipsSUVScaleFactor": (0x7053, 0x1000),
    "PhilipsActivityConcentrationScaleFactor": (0x7053, 0x1009),
}
# Beyond these a value is in another unit, or of another animal.
_HEAVIEST_KG = 700.0
_DOSES_BQ = (1e4, 1e12)
_MOST_HALF_LIVES = 20.0
# Of longer ones a time of day does not say on which day the injection was.
_LONGEST_SAME_DAY_S = 6 * 3600.0
# What start times may differ by, as a share of the SUV.
_SAME = 0.01


def _tag(name: str) -> str:
    group, element = _TAGS[name]
    return f"({group:04X},{element:04X}) {name}"


@dataclass(frozen=True)
class _Header:
    """The fields of one file."""

    frame: Frame
    dataset: Any

    def fail(self, name: str, reason: str, suggestion: str | None = None) -> NoReturn:
        raise ReadError(self.frame.file.path, f"no SUV: {reason}", tag=_tag(name), suggestion=suggestion)

    def text(self, name: str, owner: Any = None) -> str:
        with quiet():
            value = (self.dataset if owner is None else owner).get(_TAGS[name])
            value = None if value is None else value.value
        if isinstance(value, bytes):
            value = value.decode("latin-1")
        return "" if value is None else str(value).strip(" \0")

    def number(self, name: str, owner: Any = None) -> float:
        """A positive number."""
        text = self.text(name, owner)
        if not text:
            self.fail(name, "the field is missing or empty")
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not 0 < value < math.inf:
            self.fail(name, "the field is no positive number")
        return value

    def optional_number(self, name: str) -> float:
        """A positive number, or 0."""
        # Zero is written with any number of decimals.
        return 0.0 if re.fullmatch(r"[+-]?0*\.?0*", self.text(name)) else self.number(name)

    def private(self, name: str, creator: str) -> float | str:
        """The value of a private field, or ""; 0 counts as absent."""
        group, element = _TAGS[name]
        with quiet():
            try:
                value = self.dataset.private_block(group, creator)[element & 0xFF].value
            except KeyError:
                return ""
        value = value.decode("latin-1") if isinstance(value, bytes) else str("" if value is None else value)
        value = value.strip(" \0")
        if group == 0x0009 or not value:
            return value
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not 0 <= number < math.inf:
            self.fail(name, "the field is no positive number")
        return number or ""

    def moment(self, date: str, time: str) -> datetime.datetime:
        day, clock = self.text(date), self.text(time)
        for name, value in ((date, day), (time, clock)):
            if not value:
                self.fail(name, "the field is missing or empty")
        result = _moment(day, clock)
        if result is None:
            self.fail(time, "the field, or the date that belongs to it, is no point in time")
        return result


def _moment(day: str, clock: str) -> datetime.datetime | None:
    """DICOM's date and time; None for nonsense."""
    day, clock = day.replace(".", ""), clock.replace(":", "")
    whole, _, fraction = clock.partition(".")
    # A leap second is no second of Python's.
    if not (re.fullmatch(r"\d{8}", day) and re.fullmatch(r"(\d\d){1,3}", whole) and re.fullmatch(r"\d{0,6}", fraction)):
        return None
    try:
        moment = datetime.datetime.strptime(day + whole.ljust(6, "0"), "%Y%m%d%H%M%S")
    except ValueError:
        return None
    return moment + datetime.timedelta(microseconds=int(fraction.ljust(6, "0")))


def _moment_of(header: _Header, name: str, text: str) -> datetime.datetime:
    """DICOM's DT, in the time zone of the file's other times."""
    match = re.fullmatch(r"(\d{8})(\d{2,6}(?:\.\d{0,6})?)([+-]\d{4})?", text)
    moment = None if match is None else _moment(match[1], match[2])
    if match is None or moment is None:
        header.fail(name, "the field is no point in time")
    own = header.text("TimezoneOffsetFromUTC")
    if match[3] and re.fullmatch(r"[+-]\d{4}", own):
        moment += _offset(own) - _offset(match[3])
    return moment


def _offset(text: str) -> datetime.timedelta:
    sign = -1 if text[0] == "-" else 1
    return sign * datetime.timedelta(hours=int(text[1:3]), minutes=int(text[3:5]))


@dataclass(frozen=True)
class _Injection:
    """What all slices of a series share."""

    weight_kg: float
    dose_bq: float
    half_life_s: float
    start_time: str
    start_datetime: str
    units: str
    decay_correction: str


def _read(frame: Frame) -> Any:
    with quiet():
        return read_dataset(frame.file.path, stop_before_pixels=True)


def with_suv(stack: Sequence[Frame], series: Iterable[Frame]) -> list[Frame]:
    """Frames of a volume with slopes and intercepts that give SUVbw; `series` are all frames of the same series."""
    first = stack[0].file
    if first.modality != "PT" or first.sop_class in _ENHANCED:
        what = "enhanced multi-frame PET is not supported" if first.modality == "PT" else "this is not PET"
        raise ReadError(first.path, f"no SUV: {what}", tag="(0008,0060) Modality")
    try:
        with quiet():
            return _with_suv(stack, series)
    except ReadError:
        raise
    except Exception as error:
        # Values are converted when they are asked for, and pydicom raises nearly anything on damaged ones.
        raise ReadError(first.path, f"no SUV: damaged DICOM header ({type(error).__name__})") from error


def _with_suv(stack: Sequence[Frame], series: Iterable[Frame]) -> list[Frame]:
    headers = [_Header(frame, _read(frame)) for frame in stack]
    factors = [_own_factor(header) for header in headers]
    if all(complete for _, complete in factors):
        shared = 1.0
    elif any(complete for _, complete in factors):
        headers[0].fail("PhilipsSUVScaleFactor", "some slices have the field, others have not")
    else:
        shared = _factor(headers, series)
    return [
        replace(frame, slope=frame.slope * (own * shared), intercept=frame.intercept * (own * shared), rescaled=True)
        for frame, (own, _) in zip(stack, factors, strict=True)
    ]


def _own_factor(header: _Header) -> tuple[float, bool]:
    """What makes values Bq/ml, and whether it makes them SUVbw."""
    corrections = header.text("CorrectedImage")
    for needed, what in (("ATTN", "attenuation"), ("DECY", "decay")):
        if needed not in re.findall(r"\w+", corrections):
            header.fail("CorrectedImage", f"the image is not corrected for {what}, as far as the field says")
    units = header.text("Units")
    if units == "GML":
        kind = header.text("SUVType")
        if kind not in ("", "BW"):
            header.fail("SUVType", f"the values are SUV by {kind!r}, not by body weight")
        return 1.0, True
    if units == "BQML":
        return 1.0, False
    if units == "CNTS":
        creator = "Philips PET Private Group"
        whole = header.private("PhilipsSUVScaleFactor", creator)
        if isinstance(whole, float):
            return whole, True
        to_activity = header.private("PhilipsActivityConcentrationScaleFactor", creator)
        if isinstance(to_activity, float):
            return to_activity, False
        header.fail("PhilipsSUVScaleFactor", "counts without a factor that makes them SUV or activity")
    if not units:
        header.fail("Units", "the field is missing or empty")
    header.fail("Units", f"there is no rule for values in {units!r}", "read them without units=")


def _factor(headers: Sequence[_Header], series: Iterable[Frame]) -> float:
    """SUVbw of 1 Bq/ml."""
    injections = [_injection(header) for header in headers]
    for header, injection in zip(headers, injections, strict=True):
        for name, field in (
            ("PatientWeight", "weight_kg"),
            ("RadionuclideTotalDose", "dose_bq"),
            ("RadionuclideHalfLife", "half_life_s"),
            ("RadiopharmaceuticalStartTime", "start_time"),
            ("RadiopharmaceuticalStartDateTime", "start_datetime"),
            ("Units", "units"),
            ("DecayCorrection", "decay_correction"),
        ):
            if getattr(injection, field) != getattr(injections[0], field):
                header.fail(name, "the field differs from that of another slice of the volume")
    injection = injections[0]
    dose = injection.dose_bq
    if injection.decay_correction == "START":
        elapsed = _elapsed(headers, injection, series)
        dose *= 2.0 ** (-elapsed / injection.half_life_s)
    return injection.weight_kg * 1000.0 / dose


def _injection(header: _Header) -> _Injection:
    items = header.dataset.get(_TAGS["RadiopharmaceuticalInformationSequence"])
    items = [] if items is None else list(items.value or [])
    if len(items) != 1:
        what = "missing or empty" if not items else f"about {len(items)} radiopharmaceuticals"
        header.fail("RadiopharmaceuticalInformationSequence", f"the field is {what}")
    item = items[0]
    weight = header.number("PatientWeight")
    if weight > _HEAVIEST_KG:
        header.fail("PatientWeight", f"more than {_HEAVIEST_KG:g} kg; the field may be in another unit")
    dose = header.number("RadionuclideTotalDose", item)
    if not _DOSES_BQ[0] <= dose <= _DOSES_BQ[1]:
        header.fail("RadionuclideTotalDose", "an unlikely activity; the field may be in MBq or mCi, not in Bq")
    correction = header.text("DecayCorrection")
    if correction not in ("START", "ADMIN"):
        reason = f"there is no rule for {correction!r}" if correction else "the field is missing or empty"
        header.fail("DecayCorrection", reason)
    return _Injection(
        weight_kg=weight,
        dose_bq=dose,
        half_life_s=header.number("RadionuclideHalfLife", item),
        start_time=header.text("RadiopharmaceuticalStartTime", item),
        start_datetime=header.text("RadiopharmaceuticalStartDateTime", item),
        units=header.text("Units"),
        decay_correction=correction,
    )


def _elapsed(headers: Sequence[_Header], injection: _Injection, series: Iterable[Frame]) -> float:
    """Seconds from the injection to what the activity was corrected to."""
    header = headers[0]
    scan = _scan_start(headers, injection.half_life_s, series)
    start = _injection_start(header, injection, scan)
    elapsed = (scan - start).total_seconds()
    name = "RadiopharmaceuticalStartDateTime" if injection.start_datetime else "RadiopharmaceuticalStartTime"
    if elapsed < 0:
        header.fail(name, "the injection lies after the scan")
    if elapsed > _MOST_HALF_LIVES * injection.half_life_s:
        header.fail(name, f"the injection lies more than {_MOST_HALF_LIVES:g} half-lives before the scan")
    return elapsed


def _injection_start(header: _Header, injection: _Injection, scan: datetime.datetime) -> datetime.datetime:
    named, clock = "RadiopharmaceuticalStartDateTime", "RadiopharmaceuticalStartTime"
    if injection.start_datetime:
        start = _moment_of(header, named, injection.start_datetime)
        if injection.start_time:
            other = _moment(f"{start:%Y%m%d}", injection.start_time)
            if other is None:
                header.fail(clock, "the field is no time")
            apart = abs((other - start).total_seconds())
            if min(apart, 86400 - apart) * math.log(2) / injection.half_life_s > _SAME:
                header.fail(clock, f"the field says another time of day than {_tag(named)}")
        return start
    if not injection.start_time:
        header.fail(clock, "the field is missing or empty")
    start_of_day = _moment(f"{scan:%Y%m%d}", injection.start_time)
    if start_of_day is None:
        header.fail(clock, "the field is no time")
    if injection.half_life_s > _LONGEST_SAME_DAY_S:
        header.fail(named, "the field is missing or empty, and with this half-life the injection may be days ago")
    # The time has no date: it is that of the scan, or of the day before, where the scan would come first.
    return start_of_day if start_of_day <= scan else start_of_day - datetime.timedelta(days=1)


def _scan_start(headers: Sequence[_Header], half_life_s: float, series: Iterable[Frame]) -> datetime.datetime:
    """What the activity was corrected to: the series' time, unless that was changed afterwards."""
    known = {header.frame.file.path for header in headers}
    rest: dict[Any, Frame] = {frame.file.path: frame for frame in series if frame.file.path not in known}
    every = [*headers, *(_Header(frame, _read(frame)) for frame in rest.values())]
    begins = [header.moment("SeriesDate", "SeriesTime") for header in every]
    acquired = [header.moment("AcquisitionDate", "AcquisitionTime") for header in every]
    if max(begins) <= min(acquired):
        if max(begins) != min(begins):
            every[begins.index(max(begins))].fail("SeriesTime", "the field differs from that of another slice")
        return begins[0]
    # The series was made again after the scan, and its time is that of the making.
    private = headers[0].private("GEPETScanDateTime", "GEMS_PETD_01")
    if private:
        return _moment_of(headers[0], "GEPETScanDateTime", str(private))
    starts = [_back_computed(header, moment, half_life_s) for header, moment in zip(every, acquired, strict=True)]
    found = [moment for moment in starts if moment is not None]
    if len(found) < len(every):
        return min(acquired)
    if (max(found) - min(found)).total_seconds() * math.log(2) / half_life_s > _SAME:
        headers[0].fail(
            "FrameReferenceTime",
            "the series' time lies after the acquisition, and slices say different things about when the scan began",
        )
    return min(found)


def _back_computed(header: _Header, acquired: datetime.datetime, half_life_s: float) -> datetime.datetime | None:
    """Where the time that FrameReferenceTime counts from lies: it ends at a frame's average count rate."""
    reference_ms = header.optional_number("FrameReferenceTime")
    duration_ms = header.optional_number("ActualFrameDuration")
    if not reference_ms or not duration_ms:
        return None
    rate = math.log(2) / half_life_s
    during = rate * duration_ms / 1000.0
    average_s = math.log(during / -math.expm1(-during)) / rate
    return acquired + datetime.timedelta(seconds=average_s - reference_ms / 1000.0)
