"""2D images: values as stored, colours as documented; truth is Pillow and NumPy."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from PIL import Image

import cormack
from cormack import io

RNG = np.random.default_rng(0)
GREY8 = RNG.integers(0, 256, (9, 13), np.uint8)
GREY16 = RNG.integers(0, 65536, (9, 13), np.uint16)
RGB = RNG.integers(0, 256, (9, 13, 3), np.uint8)


def luma(rgb):
    return np.floor(rgb.astype(float) @ [0.299, 0.587, 0.114] + 0.5 + 1e-9).astype(np.uint8)


@pytest.mark.parametrize(
    ("array", "suffix"),
    [
        (GREY8, "png"), (GREY8, "tif"), (GREY8, "bmp"), (GREY16, "png"), (GREY16, "tif"),
        (GREY16.astype(np.float32) / 7, "tif"), (GREY16.astype(np.int32) - 30000, "tif"),
    ],
)  # fmt: skip
def test_grey_values_come_as_stored(tmp_path, array, suffix):
    Image.fromarray(array).save(tmp_path / f"a.{suffix}")
    volume = io.read(tmp_path / f"a.{suffix}")
    assert volume.dtype == array.dtype
    assert volume.spacing == (1, 1)
    assert volume.meta["spacing_source"] == "absent"
    assert volume.array.flags.writeable
    np.testing.assert_array_equal(volume.array, array)


def test_radiograph(data):
    path = data / "chest_xray_nih" / "00000001_000.png"
    volume = io.read(path)
    with Image.open(path) as image:
        np.testing.assert_array_equal(volume.array, np.array(image))
    assert volume.shape == (512, 512)


def test_jpeg(tmp_path):
    Image.fromarray(GREY8).save(tmp_path / "a.jpeg")
    with Image.open(tmp_path / "a.jpeg") as image:
        np.testing.assert_array_equal(io.read(tmp_path / "a.jpeg").array, np.array(image))


def test_big_endian_tiff(tmp_path):
    Image.frombytes("I;16B", (13, 9), GREY16.astype(">u2").tobytes()).save(tmp_path / "a.tif")
    volume = io.read(tmp_path / "a.tif")
    assert volume.dtype == np.dtype(np.uint16)
    np.testing.assert_array_equal(volume.array, GREY16)


def test_mask_of_one_bit_is_bool(tmp_path):
    Image.fromarray(GREY8 > 128).save(tmp_path / "a.png")
    volume = io.read(tmp_path / "a.png")
    assert volume.dtype == bool
    np.testing.assert_array_equal(volume.array, GREY8 > 128)
    assert volume.array.view(np.uint8).max() == 1


def test_colours_become_luma(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "a.png")
    volume = io.read(tmp_path / "a.png")
    assert volume.meta["colour"] == "luma BT.601"
    np.testing.assert_array_equal(volume.array, luma(RGB))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P"])
def test_grey_picture_saved_in_colour_loses_nothing(tmp_path, mode):
    Image.fromarray(GREY8).convert(mode).save(tmp_path / "a.png")
    np.testing.assert_array_equal(io.read(tmp_path / "a.png").array, GREY8)


def test_exif_orientation_is_applied(tmp_path):
    image = Image.fromarray(GREY8)
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(io.read(tmp_path / "a.png").array, np.rot90(GREY8, -1))


def test_content_decides_not_the_name(tmp_path):
    Image.fromarray(GREY8).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.jpg")
    np.testing.assert_array_equal(io.read(tmp_path / "a.jpg").array, GREY8)


def test_what_would_lose_something_is_refused(tmp_path):
    alpha = np.dstack([RGB, GREY8])
    Image.fromarray(alpha).save(tmp_path / "alpha.png")
    Image.fromarray(GREY8).save(tmp_path / "pages.tif", save_all=True, append_images=[Image.fromarray(GREY8)])
    Image.fromarray(RGB).convert("CMYK").save(tmp_path / "cmyk.jpg")
    for name, words in [("alpha.png", "transparent"), ("pages.tif", "2 pages"), ("cmyk.jpg", "CMYK")]:
        with pytest.raises(io.ReadError, match=words):
            io.read(tmp_path / name)


def test_deep_colours_are_refused(tmp_path):
    import struct
    import zlib

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = b"".join(b"\0" + bytes(6 * 4) for _ in range(4))
    header = struct.pack(">IIBBBBB", 4, 4, 16, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(png)
    with pytest.raises(io.ReadError, match="16 bits would be cut to 8"):
        io.read(tmp_path / "a.png")


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "bmp"])
def test_damaged_image_is_refused(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(np.tile(GREY8, (20, 20))).save(path)
    content = path.read_bytes()
    for kept in (0, 3, 30, len(content) // 2):
        path.write_bytes(content[:kept])
        with pytest.raises(io.ReadError, match=rf"a\.{suffix}"):
            io.read(path)
    path.write_text("no picture " * 50)
    with pytest.raises(io.ReadError, match="not a PNG, JPEG, TIFF or BMP image"):
        io.read(path)


def test_arguments_that_make_no_sense(tmp_path):
    Image.fromarray(GREY8).save(tmp_path / "a.png")
    with pytest.raises(io.ReadError, match="no series"):
        io.read(tmp_path / "a.png", series="1.2")
    with pytest.raises(io.ReadError, match="no volume 3"):
        io.read(tmp_path / "a.png", volume=3)
    assert len(io.read_all(tmp_path / "a.png")) == 1


def test_unknown_file(tmp_path):
    (tmp_path / "a.xyz").write_bytes(b"what is this")
    with pytest.raises(io.ReadError, match="neither DICOM, NIfTI, NRRD, MetaImage, PNG"):
        io.read(tmp_path / "a.xyz")


def test_missing_library_says_what_to_install(tmp_path, monkeypatch):
    Image.fromarray(GREY8).save(tmp_path / "a.png")
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(cormack.BackendUnavailable, match=r'pip install "cormack\[io\]"'):
        io.read(tmp_path / "a.png")
