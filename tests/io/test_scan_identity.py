"""Whatever a file says in text, a scan does not: every text that the readers look at holds a marker here."""

from __future__ import annotations

import copy
import io as streams
import json
import struct
import tarfile
import zipfile
from pathlib import Path

import nibabel
import numpy as np
import pyarrow.parquet
import pydicom
import pytest
from PIL import Image, PngImagePlugin
from pydicom.dataelem import DataElement
from pydicom.sequence import Sequence

from cormack import Volume, io
from cormack.cli import main
from cormack.io import _terms
from cormack.io._dicom_header import TAGS
from cormack.io._terms import _QUOTED

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")

MARKER = "Qzxw"
# As it is, with everything that ends a quoted text too early, in several values, long, as a part of something known.
TEXTS = (
    MARKER,
    f"O'{MARKER} \"{MARKER}\" it's {MARKER}",
    f"ORIGINAL\\{MARKER}\\1\\" + "x" * 500 + MARKER,
    f"1.2.840.10008.{MARKER}",
    f"\r\n'{MARKER}: Ä{MARKER}\t",
)


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    monkeypatch.setenv("CORMACK_PSEUDONYM_KEY", "a key for tests")


def check(root: Path, work: Path, capsys) -> list[dict[str, object]]:
    """Scan twice, each way, and look for the marker in all that came out; the rows of the last scan."""
    catalogs = [work / "catalog.csv", work / "catalog.parquet"]
    said = []
    tables = []
    for catalog in (*catalogs, catalogs[0]):
        table = io.scan(root, catalog=catalog)
        tables.append(str(list(table.rows())))
        said += [tables[-1], *table.notes, catalog.read_bytes().decode("latin-1")]
        said.append((work / f"{catalog.name}.files.json").read_text())
        if catalog.suffix == ".parquet":
            said.append(str(pyarrow.parquet.read_table(catalog).to_pylist()))
    assert tables == [str(list(io.scan(root).rows()))] * 3
    for options in ([], ["--json"]):
        main(["scan", str(root), *options])
        shown = capsys.readouterr()
        said += [shown.out, shown.err]
    for text in said:
        assert MARKER.lower() not in text.lower()
    return list(table.rows())


def element(tag: int, vr: str, value: bytes) -> bytes:
    """An element as it stands in a file, whatever its value."""
    value += b" " * (len(value) % 2)
    size = struct.pack("<HI", 0, len(value)) if vr in ("OB", "OW", "UN", "SQ", "UT") else struct.pack("<H", len(value))
    return struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr.encode()) + size + value


MR = b"1.2.840.10008.5.1.4.1.1.4"


def fields_of(number: int = 0) -> dict[int, tuple[str, bytes]]:
    """A slice of 2 x 3 pixels."""
    texts = {
        **{"SOPClassUID": MR, "SOPInstanceUID": f"1.2.3.{number}".encode(), "SeriesInstanceUID": b"1.2.3"},
        **{"Modality": b"MR", "PhotometricInterpretation": b"MONOCHROME2", "PixelSpacing": b"1\\1"},
        **{"ImagePositionPatient": f"0\\0\\{number}".encode(), "ImageOrientationPatient": b"1\\0\\0\\0\\1\\0"},
    }
    numbers = {"SamplesPerPixel": 1, "Rows": 2, "Columns": 3, "BitsAllocated": 16, "BitsStored": 16, "HighBit": 15}
    return {
        **{TAGS[name]: (pydicom.datadict.dictionary_VR(TAGS[name]), value) for name, value in texts.items()},
        **{
            TAGS[name]: ("US", struct.pack("<H", value))
            for name, value in {**numbers, "PixelRepresentation": 0}.items()
        },
        0x7FE00010: ("OW", bytes(12)),
    }


def encoded(fields: dict[int, tuple[str, bytes]], meta: dict[int, bytes] | None = None) -> bytes:
    """A DICOM file of some elements."""
    about = {0x00020002: MR, 0x00020010: b"1.2.840.10008.1.2.1", 0x00020013: b"X", **(meta or {})}
    head = b"".join(element(tag, "SH" if tag == 0x00020013 else "UI", value) for tag, value in sorted(about.items()))
    body = b"".join(element(tag, *field) for tag, field in sorted(fields.items()))
    return bytes(128) + b"DICM" + element(0x00020000, "UL", struct.pack("<I", len(head))) + head + body


def put(root: Path, name: str, content: bytes) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@pytest.mark.parametrize("text", [text.encode("latin-1") for text in TEXTS])
def test_no_element_of_a_dicom_header_is_told(tmp_path, capsys, caplog, text):
    root = tmp_path / "tree"
    for name, tag in TAGS.items():
        vr = pydicom.datadict.dictionary_VR(tag)
        for number in range(3):
            value = text if number < 2 else text + b" 2"
            put(root, f"{name}/{number}", encoded({**fields_of(number), tag: (vr, value)}))
            put(root, f"{name} without a type/{number}", encoded({**fields_of(number), tag: ("UN", value)}))
            one_uid = {**fields_of(number), TAGS["SOPInstanceUID"]: ("UI", b"1.2.3.0"), tag: (vr, value)}
            put(root, f"{name} with one UID/{number}", encoded(one_uid))
            one_place = {**fields_of(number), TAGS["ImagePositionPatient"]: ("DS", b"0\\0\\1"), tag: (vr, value)}
            put(root, f"{name} at one place/{number}", encoded(one_place))
            no_place = {**fields_of(number), TAGS["ImagePositionPatient"]: ("DS", b""), tag: (vr, value)}
            put(root, f"{name} without a place/{number}", encoded(no_place))
        whole = encoded({**fields_of(), tag: (vr, text)})
        for end in (len(whole) - 5, len(whole) - 40, len(whole) // 2):
            put(root, f"{name} cut/{end}.dcm", whole[:end])
        put(root, f"{name} bare/a.dcm", whole[132:])
        put(root, f"{name} bare/b.dcm", whole.replace(b"OW\0\0", b"SQ\0\0"))
        put(root, f"{name} bare/c.dcm", whole.replace(b"US\2\0", b"US\xff\0", 1))
    rows = check(root, tmp_path, capsys)
    assert sum(bool(row["problem"]) for row in rows) > 20
    assert MARKER not in caplog.text


@pytest.mark.parametrize("text", [text.encode("latin-1") for text in TEXTS])
def test_no_element_of_the_meta_information_is_told(tmp_path, capsys, caplog, text):
    root = tmp_path / "tree"
    for tag in (0x00020002, 0x00020010, 0x00020013):
        for sop_class in (b"", MR):
            fields = {**fields_of(), TAGS["SOPClassUID"]: ("UI", sop_class)}
            put(root, f"{tag}/{len(sop_class)}.dcm", encoded(fields, {tag: text}))
            fields |= {0x00280008: ("IS", b"3"), 0x7FE00010: ("OW", bytes(36))}
            put(root, f"{tag}/{len(sop_class)} several.dcm", encoded(fields, {tag: text}))
    check(root, tmp_path, capsys)
    assert MARKER not in caplog.text


def save(dataset: pydicom.Dataset, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with streams.BytesIO() as buffer:
        pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
        path.write_bytes(buffer.getvalue())


def slice_of(number: int = 0) -> pydicom.Dataset:
    return pydicom.dcmread(streams.BytesIO(encoded(fields_of(number))))


@pytest.mark.parametrize("text", TEXTS)
def test_no_text_of_an_enhanced_file_is_told(tmp_path, capsys, text):
    groups = {
        "PlanePositionSequence": (0x00200032, ["0", "0", "0"]),
        "PlaneOrientationSequence": (0x00200037, ["1", "0", "0", "0", "1", "0"]),
        "PixelMeasuresSequence": (0x00280030, ["1", "1"]),
        "PixelValueTransformationSequence": (0x00281053, "1"),
        "MREchoSequence": (0x00189082, "1"),
        "MRDiffusionSequence": (0x00189087, "1"),
        "FrameContentSequence": (0x00209128, "1"),
        "CardiacSynchronizationSequence": (0x00209153, "1"),
        "MRImageFrameTypeSequence": (0x00089007, "ORIGINAL"),
    }
    root = tmp_path / "tree"
    for marked in (*groups, ""):
        dataset = slice_of()
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.4.1"
        dataset.NumberOfFrames = 3
        dataset.PixelData = bytes(36)
        frames = []
        for number in range(3):
            frame = pydicom.Dataset()
            for name, (tag, value) in groups.items():
                item = pydicom.Dataset()
                if name == marked:
                    item.add(DataElement(tag, "LO", f"{text} {number}"))
                else:
                    item.add(DataElement(tag, "LO", value))
                setattr(frame, name, Sequence([item]))
            frames.append(frame)
        dataset.PerFrameFunctionalGroupsSequence = Sequence(frames)
        save(dataset, root / (marked or "frames") / "a")
    rows = check(root, tmp_path, capsys)
    # By their text the frames of one place are images of their own.
    assert [row["problem"] for row in rows if "FrameType" in str(row["folder"])] == []


def test_images_at_one_place_are_told_apart_by_text_after_a_second_scan(tmp_path):
    root = tmp_path / "tree"
    for part, text in enumerate((f"b {MARKER}", f"a {MARKER}")):
        for number in range(3):
            dataset = slice_of(number)
            dataset.SOPInstanceUID = f"1.2.3.{part}.{number}"
            dataset.SequenceName = text
            save(dataset, root / f"{part}{number}")
    catalog = tmp_path / "c.csv"
    first = io.scan(root, catalog=catalog)
    assert [(row["size_z"], row["problem"]) for row in first.rows()] == [(3, "")] * 2
    (root / "12").unlink()
    save(dataset, root / "12")
    grown = slice_of(3)
    grown.SequenceName = f"a {MARKER}"
    save(grown, root / "13")
    second = io.scan(root, catalog=catalog)
    assert second.files_read == 2
    assert [(row["size_z"], row["problem"]) for row in second.rows()] == [(3, ""), (4, "")]


def nrrd(**fields: str) -> bytes:
    known = {
        "type": "uint8",
        "dimension": "3",
        "sizes": "2 2 2",
        "encoding": "raw",
        "endian": "little",
        "kinds": "domain domain domain",
        "space": "left-posterior-superior",
        "space directions": "(1,0,0) (0,1,0) (0,0,1)",
        "space origin": "(0,0,0)",
        "space units": '"mm" "mm" "mm"',
        "byte skip": "0",
        "line skip": "0",
        "content": "",
        **fields,
    }
    lines = "".join(f"{name}: {value}\n" for name, value in known.items())
    return b"NRRD0004\n" + lines.encode() + b"\n" + bytes(8)


@pytest.mark.parametrize("text", TEXTS)
def test_no_field_of_an_nrrd_header_is_told(tmp_path, capsys, text):
    root = tmp_path / MARKER
    root.mkdir()
    text = text.replace("\r\n", "")
    fields = (
        *("type", "dimension", "sizes", "encoding", "endian", "kinds", "space", "content", "data file", "axis mins"),
        *("space directions", "space origin", "space units", "byte skip", "line skip", "spacings", "space dimension"),
        *(MARKER, f"{MARKER}:={MARKER}"),
    )
    for number, name in enumerate(fields):
        (root / f"{MARKER}{number}.nrrd").write_bytes(nrrd(**{name: text}))
        (root / f"{MARKER}{number}b.nrrd").write_bytes(nrrd(**{name: f"1 {text} 3"})[:-3])
        (root / f"{number}c.nrrd").write_bytes(nrrd(type="int16", **({name: text} if name != "type" else {})))
    (root / "several.nrrd").write_bytes(
        nrrd(kinds=f"{text.replace(' ', '') or MARKER} domain domain", **{"space directions": "none (1,0) (0,1)"})
        .replace(b"space: left-posterior-superior", b"space dimension: 2")
        .replace(b"(0,0,0)", b"(0,0)")
    )
    (root / "line.nrrd").write_bytes(f"NRRD0004\n{text.replace(':', '')}\n\n".encode())
    rows = check(root, tmp_path, capsys)
    assert sum(bool(row["problem"]) for row in rows) > 15


def test_no_text_of_a_nifti_header_is_told(tmp_path, capsys):
    root = tmp_path / "tree"
    root.mkdir()
    for number, kind in enumerate((nibabel.Nifti1Header, nibabel.Nifti2Header)):
        header = kind()
        header.set_data_shape((2, 2, 2))
        header.set_data_dtype(np.uint8)
        for name in ("descrip", "aux_file", "intent_name", "magic"):
            part = header.copy()
            part["vox_offset"] = part.single_vox_offset
            part["magic"] = part.single_magic
            part[name] = MARKER.encode()[: part[name].dtype.itemsize]
            data = part.binaryblock + bytes(4) + bytes(8)
            (root / f"{name}{number}.nii").write_bytes(data)
            (root / f"{name}{number}cut.nii").write_bytes(data[:-4])
            for field in ("dim", "datatype", "pixdim", "vox_offset", "srow_x", "quatern_b"):
                begin = part.template_dtype.fields[field][1]
                (root / f"{name}{number}{field}.nii").write_bytes(data[:begin] + MARKER.encode() + data[begin + 4 :])
        if number == 0:
            part["db_name"] = MARKER.encode()
            (root / "db.nii").write_bytes(part.binaryblock + bytes(12))
    rows = check(root, tmp_path, capsys)
    assert any(row["problem"] for row in rows)


def test_no_text_of_a_picture_is_told(tmp_path, capsys):
    root = tmp_path / "tree"
    root.mkdir()
    picture = Image.fromarray(np.zeros((20, 20), np.uint8))
    text = PngImagePlugin.PngInfo()
    text.add_text(MARKER, MARKER * 3)
    exif = picture.getexif()
    for tag in (0x010E, 0x013B, 0x8298, 0x0131):
        exif[tag] = MARKER
    picture.save(root / "a.png", pnginfo=text, exif=exif)
    picture.save(root / "a.jpg", exif=exif, comment=MARKER.encode())
    picture.save(root / "a.tif", exif=exif, description=MARKER)
    picture.save(root / "a.bmp")
    generator = np.random.default_rng(5)
    for path in list(root.iterdir()):
        content = path.read_bytes()
        for number in range(40):
            damaged = bytearray(content)
            at = int(generator.integers(0, min(len(content), 300)))
            damaged[at : at + 4] = MARKER.encode()
            (root / f"{path.stem}{number}{path.suffix}").write_bytes(bytes(damaged[: len(content) - 3 * (number % 2)]))
    rows = check(root, tmp_path, capsys)
    assert any(row["problem"] for row in rows)


def test_no_name_in_an_archive_is_told(tmp_path, capsys):
    root = tmp_path / "tree"
    root.mkdir()
    buffer = streams.BytesIO()
    pydicom.dcmwrite(buffer, slice_of(), enforce_file_format=True)
    contents = {
        "ok.dcm": buffer.getvalue(),
        "cut.dcm": buffer.getvalue()[:-9],
        "bad.nrrd": nrrd(type=MARKER),
        "": b"no",
    }
    for name in (
        MARKER,
        f"{MARKER}/{MARKER}",
        f"../{MARKER}",
        f"/{MARKER}",
        f"C:\\{MARKER}",
        f"a'{MARKER}\"\n{MARKER}",
    ):
        stem = f"{MARKER}{abs(hash(name)) % 1000}"
        with zipfile.ZipFile(root / f"{stem}.zip", "w") as archive:
            archive.comment = MARKER.encode()
            for end, content in contents.items():
                archive.writestr(f"{name}{end}", content)
        with tarfile.open(root / f"{stem}.tar.gz", "w:gz") as tar:
            for end, content in contents.items():
                info = tarfile.TarInfo(f"{name}{end}")
                info.size, info.uname, info.gname = len(content), MARKER, MARKER
                tar.addfile(info, streams.BytesIO(content))
        whole = (root / f"{stem}.zip").read_bytes()
        (root / f"{stem}cut.zip").write_bytes(whole[: len(whole) // 2])
        at = whole.index(MARKER.encode())
        (root / f"{stem}other.zip").write_bytes(whole[:at] + b"xxxx" + whole[at + 4 :])
        (root / f"{stem}method.zip").write_bytes(whole.replace(b"\x14\0\0\0\0\0", b"\x14\0\0\0\x63\0"))
        packed = (root / f"{stem}.tar.gz").read_bytes()
        (root / f"{stem}cut.tar.gz").write_bytes(packed[: len(packed) // 2])
    rows = check(root, tmp_path, capsys)
    assert sum(bool(row["problem"]) for row in rows) > 20


def test_no_date_of_a_file_is_kept(tmp_path):
    root = tmp_path / "tree"
    save(slice_of(), root / "a")
    stamp = (root / "a").stat()
    io.scan(root, catalog=tmp_path / "c.csv")
    kept = (tmp_path / "c.csv.files.json").read_text()
    assert str(stamp.st_mtime_ns) not in kept
    assert str(stamp.st_mtime_ns // 10**9) not in kept


@pytest.mark.parametrize("text", [*TEXTS, "", "'", '"', "\\", "\\'", "'\\\"", "a\\\\'b\"", "19700101", "\n"])
def test_quoted_text_is_found_up_to_its_end(text):
    for cut in (None, 40):
        for wrapped in (repr(text), repr(text.encode("latin-1"))):
            message = f"the archive's field, found {wrapped}, of 3"[:cut]
            hidden = _QUOTED.sub(lambda match: match[0] if _terms.is_harmless(match[2]) else "...", message)
            assert MARKER not in hidden
            assert "1970" not in hidden
            assert hidden.startswith("the archive's field, found ")
            assert cut or hidden.endswith(", of 3")


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        ("", True),
        ("0\\0", True),
        ("1.5\\-2e3", True),
        ("nan", True),
        ("MONOCHROME1", True),
        ("19700101", False),
        ("1\\19700101", False),
        ("1e300\\1e9", False),
        ("monochrome Q", False),
        ("1 Q", False),
        ("1_000", False),
    ],
)
def test_of_quoted_texts_only_terms_and_short_numbers_are_shown(text, harmless):
    assert _terms.is_harmless(text) is harmless


def test_terms_that_dicom_defines_are_shown(tmp_path):
    dataset = slice_of()
    dataset.BodyPartExamined = "CHEST"
    save(dataset, tmp_path / "a")
    (row,) = io.scan(tmp_path).rows()
    assert (row["modality"], row["body_part"], row["transfer_syntax"]) == ("MR", "CHEST", "Explicit VR Little Endian")


def places(node, path=()):
    """Ways to all that lies in a tree of JSON."""
    yield path
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, inner in items:
        yield from places(inner, (*path, name))


def test_zarr_stores(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    good = tmp_path / "good.zarr"
    io.write(Volume(np.zeros((2, 3, 4), np.int16), (3, 1, 1)), good)
    wrong = (MARKER, [MARKER], {MARKER: 1}, f"\ud800'{MARKER}")
    count = 0
    for name in ("zarr.json", "0/zarr.json"):
        node = json.loads((good / name).read_text())
        for path in places(node):
            for value in wrong:
                changed = copy.deepcopy(node) if path else value
                inner = changed
                for step in path[:-1]:
                    inner = inner[step]
                if path:
                    inner[path[-1]] = value
                count += 1
                target = root / f"{count}.zarr"
                (target / "0").mkdir(parents=True)
                for other in ("zarr.json", "0/zarr.json"):
                    content = json.dumps(changed) if other == name else (good / other).read_text()
                    (target / other).write_text(content)
    old = root / "old.zarr"
    old.mkdir()
    array = {
        "zarr_format": 2,
        "shape": [2, 3],
        "chunks": [2, 3],
        "dtype": "<i2",
        "order": "C",
        "compressor": {"id": []},
    }
    (old / ".zarray").write_text(json.dumps(array))
    table = io.scan(root)
    assert table.row_count == count + 1
    text = str(list(table.rows()))
    assert MARKER not in text
    assert "internal error" not in text
    assert "axes ...: neither z, y, x" in text
