"""Words of headers that may be told: terms that standards define. All other text may be about a person."""

from __future__ import annotations

import math
import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# DICOM PS3.3, C.7.3.1.1.1, retired ones too.
_MODALITIES = _words("""
    AR ASMT AU BDUS BI BMD CD CF CFM CP CR CS CT CTPROTOCOL DD DF DG DM DMS DOC DS DX EC ECG EEG EMG EOG EPS ES FA FID
    FS GM HC HD IO IOL IVOCT IVUS KER KO LEN LP LS M3D MA MG MR MS NM OAM OCT OP OPM OPR OPT OPTBSV OPTENF OPV OSS OT PA
    PLAN POS PR PT PX REG RESP RF RG RTDOSE RTIMAGE RTINTENT RTPLAN RTRAD RTRECORD RTSEGANN RTSTRUCT RWV SEG SM SMR SR
    SRF ST STAIN TEXTUREMAP TG US VA VF XA XAPROTOCOL XC
""")
# DICOM PS3.16, annex L, without blanks, and what practice writes.
_BODY_PARTS = _words("""
    ABDOMEN ABDOMENPELVIS ACJOINT ADRENAL ANKLE AORTA ARM AXILLA BACK BLADDER BODY BONE BRAIN BREAST BRONCHUS BUTTOCK
    CALCANEUS CALF CAROTID CEREBELLUM CERVIX CHEEK CHEST CHESTABDOMEN CHESTABDPELVIS CIRCLEOFWILLIS CLAVICLE COCCYX
    COLON CORNEA CORONARYARTERY CSPINE CTSPINE DUODENUM EAR ELBOW ESOPHAGUS EXTREMITY EYE EYELID FACE FEMUR FINGER FOOT
    FOREARM GALLBLADDER HAND HEAD HEADNECK HEART HIP HUMERUS IAC ILEUM ILIUM JAW JEJUNUM KIDNEY KNEE LARYNX LEG LIVER
    LSPINE LSSPINE LUNG MANDIBLE MAXILLA MEDIASTINUM MOUTH NECK NECKCHEST NECKCHESTABDOMEN NECKCHESTABDPELV NOSE ORBIT
    OVARY PANCREAS PARATHYROID PAROTID PATELLA PELVIS PENIS PHANTOM PHARYNX PROSTATE RECTUM RIB SCALP SCAPULA SCLERA
    SCROTUM SELLA SHOULDER SIJOINT SINUS SKULL SPINE SPLEEN SSPINE STERNUM STOMACH SUBMANDIBULAR TESTIS THIGH THORAX
    THUMB THYMUS THYROID TIBIA TLSPINE TMJ TOE TONGUE TRACHEA TSPINE URETER URETHRA UTERUS VAGINA VULVA WHOLEBODY WRIST
    ZYGOMA
""")
# DICOM PS3.3, C.8.9.1.1.3 and C.11.1.1.2, and what Cormack writes.
_UNITS = _words("""
    HU US % HZ SUVbw SUVbsa SUVlbm SUVibw g/ml kBq/ml Bq/ml mm ms s CNTS NONE CM2 CM2ML PCNT CPS BQML MGMINML UMOLMINML
    MLMING MLG 1CM UMOLML PROPCNTS PROPCPS MLMINML MLML GML STDDEV
""")
# DICOM PS3.3, C.7.6.3.1.2.
_PHOTOMETRIC = (
    *("MONOCHROME1", "MONOCHROME2", "RGB", "PALETTE COLOR", "HSV", "ARGB", "CMYK", "XYB"),
    *("YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_422", "YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT"),
)
# DICOM PS3.3, C.7.6.1.1.2 and what the modalities add.
_IMAGE_TYPES = _words("""
    ORIGINAL DERIVED PRIMARY SECONDARY MIXED AXIAL LOCALIZER VOLUME ANGIO CARDIAC CARDIAC_GATED DIFFUSION DYNAMIC FLOW
    FLUOROSCOPY PERFUSION REFERENCE NONE ADC FA TRACE T1 T2 T2_STAR R1 R2 WATER FAT IN_PHASE OUT_OF_PHASE MIP MPR M P R
    I MAGNITUDE PHASE REAL IMAGINARY OTHER NORM DIS2D DIS3D
""")
# What is between quotes in messages of the readers and in no header, and words of NRRD that are not supported.
_OWN_WORDS = frozenset((
    *("DICM", "field: value", "name = value"),
    *("block", "long double", "half", "hex", "ascii", "text", "txt", "bzip2", "bz2"),
    *("complex", "2-vector", "3-vector", "4-vector", "vector", "3-color", "rgb-color", "rgba-color", "hsv-color"),
    *("quaternion", "3d-matrix", "3d-symmetric-matrix", "3d-masked-symmetric-matrix", "covariant-vector"),
    *("left-posterior-superior-time", "right-anterior-superior-time", "scanner-xyz-time"),
))  # fmt: skip
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?:nan|inf)", re.IGNORECASE)
_SEPARATORS = re.compile(r"[\\, ]+")


def modality(text: str) -> str:
    """A modality when DICOM defines it, else nothing."""
    return _if_in(_MODALITIES, text.upper())


def body_part(text: str) -> str:
    """A part of the body when DICOM or practice has a term for it, else nothing."""
    return _if_in(_BODY_PARTS, text.upper().replace(" ", ""))


def unit(text: str) -> str:
    """A unit when DICOM or Cormack has it, else nothing."""
    return text if text in _UNITS else ""


def photometric(text: str) -> str:
    """A colour model when DICOM defines it, else nothing."""
    return _if_in(_PHOTOMETRIC, text)


def is_image_type(text: str) -> bool:
    """Whether a value of ImageType is one that DICOM defines."""
    return text in _IMAGE_TYPES


def _if_in(terms: frozenset[str] | tuple[str, ...], text: str) -> str:
    return text if text in terms else ""


def is_numbers(text: str) -> bool:
    """Whether a text is a list of numbers, or empty."""
    return all(_NUMBER.fullmatch(part) is not None for part in _SEPARATORS.split(text.strip("\\, ")) if part)


def is_harmless(text: str) -> bool:
    """Whether quoted text in a message tells nothing: words of a standard, and numbers too short for a date."""
    if text in _OWN_WORDS or text in _PHOTOMETRIC:
        return True
    if not is_numbers(text.replace("\\\\", "\\")):
        return False
    # Whole parts as long as a day of a calendar, or longer, may be one.
    numbers = [float(part) for part in _SEPARATORS.split(text) if part]
    return all(abs(number) < 1e5 or not math.isfinite(number) for number in numbers)


# As repr writes it, up to the end where the rest was cut; an apostrophe within a word opens nothing.
_QUOTED = re.compile(r"(?<!\w\w)(['\"])((?:\\.|(?!\1).)*)(?:\1|$)", re.DOTALL)
_UID = re.compile(r"\b\d+(?:\.\d+){4,}")


def without_free_text(reason: str) -> str:
    """Why a file cannot be read, without what headers, and names of files, may have brought into it."""
    if reason.startswith(("damaged DICOM header", "damaged image", "damaged archive")):
        reason = reason.partition(":")[0]
    reason = _UID.sub("...", reason)
    return _QUOTED.sub(lambda match: match[0] if is_harmless(match[2]) else "...", reason)
