"""OME-Zarr: zarr, ome-zarr and ome-zarr-models are the oracles."""

from __future__ import annotations

import bz2
import gzip
import itertools
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from cormack import Volume, io
from cormack.io import _zarr_array

zarr = pytest.importorskip("zarr")

DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")


def rotation(a=0.3, b=-0.5, c=1.2):
    rx = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    ry = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    rz = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return rx @ ry @ rz


def voxels(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        return rng.normal(size=shape).astype(dtype)
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)


def image(shape=(5, 6, 7), dtype="int16", direction=None, **meta):
    return Volume(
        voxels(shape, dtype), (2.5, 0.7, 0.9)[-len(shape) :], (1 / 3, -7.25, 1e3)[-len(shape) :], direction, meta
    )


def files_of(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def ngff(version="0.5", axes="zyx", unit="millimeter", scale=None, translation=None, path="0", **more):
    kinds = {"t": "time", "c": "channel"}
    table = [{"name": a, "type": kinds.get(a, "space")} for a in axes]
    for axis in table:
        if axis["type"] == "space" and unit:
            axis["unit"] = unit
    steps = [{"type": "scale", "scale": scale or [1.0] * len(axes)}]
    if translation:
        steps.append({"type": "translation", "translation": translation})
    one = {"version": version, "axes": table, "datasets": [{"path": path, "coordinateTransformations": steps}], **more}
    return {"multiscales": [one]} if version == "0.4" else {"ome": {"version": version, "multiscales": [one]}}


def foreign(path, array, attributes, *, zarr_format=3, **options):
    group = zarr.create_group(path, zarr_format=zarr_format, attributes=attributes)
    made = group.create_array("0", shape=array.shape, dtype=array.dtype, **{"chunks": (2,) * array.ndim, **options})
    made[...] = array
    return path


# --- Out --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(5, 6, 7), (1, 1, 1), (3, 130, 257), (40, 300)])
def test_written_arrays_equal_what_zarr_reads(tmp_path, dtype, shape):
    volume = image(shape, dtype)
    io.write(volume, tmp_path / "a.ome.zarr")
    array = zarr.open_group(tmp_path / "a.ome.zarr", mode="r")["0"]
    np.testing.assert_array_equal(array[...], volume.array)
    assert array.dtype == dtype
    assert array.metadata.dimension_names == tuple("zyx"[-len(shape) :])
    assert max(array.chunks) <= 128
    back = io.read(tmp_path / "a.ome.zarr")
    np.testing.assert_array_equal(back.array, volume.array)
    assert back.dtype == dtype
    assert back.array.flags.c_contiguous
    assert back.array.flags.writeable


@pytest.mark.parametrize("level_count", [1, 3])
def test_metadata_are_valid_for_ome_zarr_models_and_ome_zarr(tmp_path, level_count):
    models = pytest.importorskip("ome_zarr_models.v05")
    reader = pytest.importorskip("ome_zarr.reader")
    from ome_zarr.io import parse_url

    volume = image((9, 20, 21))
    path = tmp_path / "a.ome.zarr"
    io.write(volume, path, levels=level_count)
    group = zarr.open_group(path, mode="r")
    model = models.Image.from_zarr(group)
    multiscale = model.attributes.ome.multiscales[0]
    assert [axis.name for axis in multiscale.axes] == ["z", "y", "x"]
    assert {axis.unit for axis in multiscale.axes} == {"millimeter"}
    first = multiscale.datasets[0].coordinateTransformations
    assert tuple(first[0].scale) == volume.spacing
    assert tuple(first[1].translation) == volume.origin
    nodes = list(reader.Reader(parse_url(str(path)))())
    assert len(nodes[0].data) == level_count
    np.testing.assert_array_equal(np.asarray(nodes[0].data[0]), volume.array)


@pytest.mark.parametrize("direction", [None, np.diag([-1.0, 1.0, -1.0]), rotation(), -rotation(2, 1, 0.1)])
def test_geometry_and_meta_come_back_bit_for_bit(tmp_path, direction):
    volume = image(direction=direction, modality="CT", units="HU", rescaled=True, series_uid="1.2.3.4.5.6")
    io.write(volume, tmp_path / "a.zarr")
    back = io.read(tmp_path / "a.zarr")
    assert (back.spacing, back.origin) == (volume.spacing, volume.origin)
    assert back.direction.tobytes() == volume.direction.tobytes()
    assert back.meta["modality"] == "CT"
    assert back.meta["units"] == "HU"
    assert back.meta["rescaled"] is True
    assert back.meta["series_uid"] == ""
    # Along the image's own axes the metadata of the format say the same.
    steps = json.loads((tmp_path / "a.zarr/zarr.json").read_text())["attributes"]["ome"]["multiscales"][0]["datasets"][
        0
    ]
    translation = steps["coordinateTransformations"][1]["translation"]
    np.testing.assert_allclose(volume.direction @ translation, volume.origin, atol=1e-9)


def test_no_identity_is_written(tmp_path):
    secrets = ("Doe^Jane", "1.2.840.999.1")
    volume = image(
        modality="Doe^Jane", units="for Doe^Jane", series_uid=secrets[1], regions={1: secrets[0]}, patient=secrets[0]
    )
    io.write(volume, tmp_path / "a.zarr")
    everything = b"".join(files_of(tmp_path).values())
    assert not any(word.encode() in everything for word in ("Doe", "Jane", secrets[1]))


def test_equal_volumes_give_equal_files_for_any_number_of_threads(tmp_path):
    import cormack

    volume = image((70, 140, 150), "float32")
    threads = cormack.get_num_threads()
    try:
        for count in (1, 2, 3):
            cormack.set_num_threads(count)
            io.write(volume, tmp_path / f"{count}.zarr", levels=2)
    finally:
        cormack.set_num_threads(threads)
    assert files_of(tmp_path / "1.zarr") == files_of(tmp_path / "2.zarr") == files_of(tmp_path / "3.zarr")


def test_any_strides_and_types_that_others_store_too(tmp_path):
    base = voxels((8, 9, 10), "int16")
    for number, array in enumerate(
        (base[::-1, ::2, ::-3], base.T, np.broadcast_to(base[0], (4, 9, 10)), base.astype(">i2"))
    ):
        io.write(Volume(array), tmp_path / f"{number}.zarr")
        np.testing.assert_array_equal(io.read(tmp_path / f"{number}.zarr").array, array)
    for array, dtype in ((base > 0, "uint8"), (base.astype("float16"), "float32"), (base.astype("int64"), "int32")):
        io.write(Volume(array), tmp_path / "t.zarr")
        back = io.read(tmp_path / "t.zarr")
        assert back.dtype == dtype
        np.testing.assert_array_equal(back.array, array)


def test_replacing_and_failing_leave_nothing_behind(tmp_path, monkeypatch):
    first, second = image(), image((3, 4, 5))
    path = tmp_path / "a.ome.zarr"
    io.write(first, path)
    io.write(second, path)
    assert io.read(path).shape == (3, 4, 5)
    assert [p.name for p in tmp_path.iterdir()] == ["a.ome.zarr"]
    monkeypatch.setattr("cormack._files.ctypes.CDLL", lambda *_, **__: object())
    io.write(first, path)
    assert io.read(path).shape == first.shape
    assert [p.name for p in tmp_path.iterdir()] == ["a.ome.zarr"]

    def fails(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cormack.io._zarr.write_json", fails)
    with pytest.raises(OSError, match="No space"):
        io.write(second, path)
    assert io.read(path).shape == first.shape
    assert [p.name for p in tmp_path.iterdir()] == ["a.ome.zarr"]


def test_a_link_is_replaced_not_what_it_leads_to(tmp_path):
    io.write(image(), tmp_path / "real.zarr")
    (tmp_path / "link.zarr").symlink_to(tmp_path / "real.zarr")
    io.write(image((2, 2, 2)), tmp_path / "link.zarr")
    assert io.read(tmp_path / "real.zarr").shape == (5, 6, 7)
    assert io.read(tmp_path / "link.zarr").shape == (2, 2, 2)


def test_what_is_no_store_is_not_replaced(tmp_path):
    (tmp_path / "a.zarr").write_text("mine")
    (tmp_path / "b.zarr").mkdir()
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="no Zarr store"):
        io.write(image(), tmp_path / "a.zarr")
    io.write(image(), tmp_path / "b.zarr")
    shutil.move(tmp_path / "c", tmp_path / "c.zarr")
    with pytest.raises(FileExistsError, match="no Zarr store"):
        io.write(image(), tmp_path / "c.zarr")
    assert (tmp_path / "c.zarr/mine.txt").read_text() == "mine"


def test_arguments_that_make_no_sense(tmp_path):
    for levels in (0, -1, True, 1.5):
        with pytest.raises(ValueError, match="levels must be"):
            io.write(image(), tmp_path / "a.zarr", levels=levels)
    with pytest.raises(ValueError, match="levels=2 needs"):
        io.write(image(), tmp_path / "a.nii", levels=2)
    with pytest.raises(ValueError, match="without voxels"):
        io.write(Volume(np.zeros((0, 3, 4))), tmp_path / "a.zarr")
    with pytest.raises(TypeError, match="cannot write"):
        io.write(Volume(np.zeros((2, 3, 4), complex)), tmp_path / "a.zarr")
    with pytest.raises(FileNotFoundError):
        io.write(image(), tmp_path / "no" / "a.zarr")


# --- Levels -----------------------------------------------------------------------------------------------------------


def test_levels_are_means_and_lie_where_the_blocks_lie(tmp_path):
    volume = Volume(voxels((9, 20, 31), "int16"), (1.0, 0.75, 0.75), (5, 6, 7), rotation())
    io.write(volume, tmp_path / "a.zarr", levels=2)
    coarse = io.open_zarr(tmp_path / "a.zarr", level=1)
    assert coarse.shape == (5, 10, 16)
    padded = np.full((10, 20, 32), np.nan)
    padded[:9, :20, :31] = volume.array
    expected = np.nanmean(padded.reshape(5, 2, 10, 2, 16, 2), axis=(1, 3, 5))
    np.testing.assert_array_equal(coarse[...].array, np.rint(expected))
    np.testing.assert_allclose(coarse.spacing, (2, 1.5, 1.5))
    corners = np.array(list(itertools.product((0, 1), (2, 3), (4, 5))))
    np.testing.assert_allclose(coarse[...].index_to_world([0, 1, 2]), volume.index_to_world(corners).mean(axis=0))


def test_levels_of_masks_are_voxels_of_the_mask(tmp_path):
    labels = image((9, 10, 11), "uint8")
    labels = Volume(labels.array, 1.0, (3, 4, 5), rotation(), {"regions": {}})
    for volume in (labels, labels.replace(labels.array > 100, meta={})):
        io.write(volume, tmp_path / "a.zarr", levels=3)
        coarse = io.open_zarr(tmp_path / "a.zarr", level=2)[...]
        np.testing.assert_array_equal(coarse.array, volume.array[::4, ::4, ::4])
        np.testing.assert_allclose(coarse.index_to_world([1, 2, 1]), volume.index_to_world([4, 8, 4]))


def test_thick_slices_stay_until_voxels_are_cubes(tmp_path):
    io.write(Volume(np.zeros((4, 64, 64), "u1"), (4, 1, 1)), tmp_path / "a.zarr", levels=20)
    shapes = [io.open_zarr(tmp_path / "a.zarr", level=i).shape for i in range(4)]
    assert shapes == [(4, 64, 64), (4, 32, 32), (4, 16, 16), (2, 8, 8)]
    group = zarr.open_group(tmp_path / "a.zarr", mode="r")
    # Nothing is left to halve.
    assert min(int(np.prod(array.shape)) for _, array in group.arrays()) == 1


# --- In ---------------------------------------------------------------------------------------------------------------

CODECS = {
    "none": {"compressors": None},
    "zstd": {"compressors": zarr.codecs.ZstdCodec()},
    "zstd checksum": {"compressors": zarr.codecs.ZstdCodec(level=1, checksum=True)},
    "gzip": {"compressors": zarr.codecs.GzipCodec()},
    "blosc": {"compressors": zarr.codecs.BloscCodec(cname="lz4")},
    "crc32c": {"compressors": [zarr.codecs.GzipCodec(), zarr.codecs.Crc32cCodec()]},
    "big endian": {"serializer": zarr.codecs.BytesCodec(endian="big")},
    "transpose": {"filters": [zarr.codecs.TransposeCodec(order=(2, 0, 1))]},
    "shards": {"shards": (4, 4, 4)},
    "shards, index at the start": {
        "serializer": zarr.codecs.ShardingCodec(
            chunk_shape=(2, 1, 2), codecs=[zarr.codecs.BytesCodec(), zarr.codecs.ZstdCodec()], index_location="start"
        ),
        "compressors": None,
    },
    "keys with dots": {"chunk_key_encoding": {"name": "default", "separator": "."}},
    "keys of version 2": {"chunk_key_encoding": {"name": "v2", "separator": "/"}},
}


@pytest.mark.parametrize("codec", CODECS)
def test_codecs_of_version_3_give_what_zarr_gives(tmp_path, codec):
    array = voxels((5, 6, 7), "int16")
    array[:4, :4, :4] = 0  # chunks that are not stored
    path = foreign(
        tmp_path / "a.zarr", array, ngff(scale=[3.0, 2.0, 1.0], translation=[1.0, 2.0, 3.0]), **CODECS[codec]
    )
    volume = io.read(path)
    np.testing.assert_array_equal(volume.array, array)
    assert (volume.spacing, volume.origin) == ((3, 2, 1), (1, 2, 3))
    assert volume.meta["orientation_source"] == "absent"
    lazy = io.open_zarr(path)
    np.testing.assert_array_equal(lazy[1:4, 3:5, 2:7].array, array[1:4, 3:5, 2:7])


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("separator", [".", "/"])
@pytest.mark.parametrize("codec", [None, "Blosc", "Zstd", "GZip", "Zlib", "BZ2"])
def test_version_2_gives_what_zarr_gives(tmp_path, order, separator, codec):
    import numcodecs

    array = voxels((5, 6, 7), "float32").astype(">f4" if codec == "GZip" else "<f4")
    path = foreign(
        tmp_path / "a.zarr",
        array,
        ngff("0.4", scale=[3.0, 2.0, 1.0]),
        zarr_format=2,
        order=order,
        compressors=getattr(numcodecs, codec)() if codec else None,
        chunk_key_encoding={"name": "v2", "separator": separator},
    )
    volume = io.read(path)
    np.testing.assert_array_equal(volume.array, array)
    assert volume.dtype.isnative
    assert volume.spacing == (3, 2, 1)


@pytest.mark.parametrize("dtype", [*DTYPES, "bool", "float16", "int64", "uint64"])
@pytest.mark.parametrize("zarr_format", [2, 3])
def test_plain_arrays_of_every_type(tmp_path, dtype, zarr_format):
    array = voxels((4, 5, 6), "int8").astype(dtype) if dtype != "bool" else voxels((4, 5, 6), "int8") > 0
    array = array % 100 if np.dtype(dtype).kind == "u" else array
    made = zarr.create_array(tmp_path / "a", shape=array.shape, dtype=dtype, chunks=(3, 3, 3), zarr_format=zarr_format)
    made[...] = array
    volume = io.read(tmp_path / "a")
    np.testing.assert_array_equal(volume.array, array)
    assert volume.spacing == (1, 1, 1)
    assert volume.meta["spacing_source"] == volume.meta["orientation_source"] == "absent"
    assert io.open_zarr(tmp_path / "a").dtype == dtype


@pytest.mark.parametrize("fill", [0.0, -1.5, np.nan, np.inf, -np.inf])
def test_chunks_without_a_file_have_the_fill_value(tmp_path, fill):
    made = zarr.create_array(tmp_path / "a.zarr", shape=(4, 5, 6), dtype="f4", chunks=(2, 2, 2), fill_value=fill)
    made[:2, :2, :2] = 7
    np.testing.assert_array_equal(io.read(tmp_path / "a.zarr").array, made[...])


def test_axes_of_time_and_channel_are_volumes(tmp_path):
    array = voxels((2, 3, 4, 5, 6), "int16")
    path = foreign(tmp_path / "a.zarr", array, ngff(axes="tczyx", scale=[1.0, 1.0, 3.0, 2.0, 1.0]))
    volumes = io.read_all(path)
    assert len(volumes) == 6
    np.testing.assert_array_equal(volumes[4].array, array[1, 1])
    np.testing.assert_array_equal(io.read(path, volume=4).array, array[1, 1])
    np.testing.assert_array_equal(io.open_zarr(path, volume=5)[1:3, :, 2:].array, array[1, 2, 1:3, :, 2:])
    with pytest.raises(io.ReadError, match="6 volumes"):
        io.read(path)
    with pytest.raises(io.ReadError, match="no volume 6"):
        io.read(path, volume=6)
    one = foreign(tmp_path / "b.zarr", array[:1, :1], ngff(axes="tczyx"))
    np.testing.assert_array_equal(io.read(one).array, array[0, 0])


def test_axes_in_another_order_and_two_axes(tmp_path):
    array = voxels((3, 4, 5), "int16")
    volume = io.read(foreign(tmp_path / "a.zarr", array, ngff(axes="xyz", scale=[1.0, 2.0, 3.0])))
    np.testing.assert_array_equal(volume.array, array.T)
    assert volume.spacing == (3, 2, 1)
    flat = io.read(foreign(tmp_path / "b.zarr", array[0], ngff(axes="yx", scale=[2.0, 3.0])))
    assert flat.ndim == 2
    assert flat.spacing == (2, 3)


@pytest.mark.parametrize(
    ("unit", "mm"), [("micrometer", 1e-3), ("nanometer", 1e-6), ("meter", 1e3), ("centimeter", 10), (None, 1)]
)
def test_lengths_become_millimetres(tmp_path, unit, mm):
    array = voxels((3, 4, 5), "uint8")
    more = {
        "coordinateTransformations": [
            {"type": "scale", "scale": [2.0] * 3},
            {"type": "translation", "translation": [1.0, 0.0, 0.0]},
        ]
    }
    attributes = ngff(unit=unit, scale=[3.0, 2.0, 1.0], translation=[1.0, 2.0, 3.0], **more)
    volume = io.read(foreign(tmp_path / "a.zarr", array, attributes))
    np.testing.assert_allclose(volume.spacing, np.array([6, 4, 2]) * mm)
    np.testing.assert_allclose(volume.origin, np.array([3, 4, 6]) * mm)
    assert volume.meta["spacing_source"] == ("scale" if unit else "scale, no unit")


# --- Parts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("direction", [None, rotation()])
def test_parts_equal_slices_and_know_their_place(tmp_path, direction):
    volume = image((20, 30, 140), direction=direction)
    io.write(volume, tmp_path / "a.zarr")
    lazy = io.open_zarr(tmp_path / "a.zarr")
    assert (lazy.shape, lazy.dtype, lazy.ndim, lazy.spacing, lazy.origin) == (
        (20, 30, 140), np.int16, 3, volume.spacing, volume.origin,
    )  # fmt: skip
    assert lazy.chunks == (20, 30, 70)
    keys = [
        np.s_[3:7], np.s_[..., 60:80], np.s_[:, ::3, 5::7], np.s_[-4:, 2:100, -1:], np.s_[5:5], np.s_[...],
        np.s_[2:3, ..., 4:9:2],
    ]  # fmt: skip
    for key in keys:
        part = lazy[key]
        np.testing.assert_array_equal(part.array, volume.array[key])
        if part.array.size:
            full = list(key) if isinstance(key, tuple) else [key]
            at = full.index(Ellipsis) if Ellipsis in full else len(full)
            full[at : at + 1] = [slice(None)] * (3 - len(full) + (Ellipsis in full))
            first = [range(n)[k][0] for k, n in zip(full, volume.shape, strict=True)]
            last = [range(n)[k][-1] for k, n in zip(full, volume.shape, strict=True)]
            np.testing.assert_allclose(part.index_to_world([0, 0, 0]), volume.index_to_world(first), atol=1e-9)
            end = np.array(part.shape) - 1
            np.testing.assert_allclose(part.index_to_world(end), volume.index_to_world(last), atol=1e-9)
    np.testing.assert_array_equal(np.asarray(lazy), volume.array)
    np.testing.assert_array_equal(lazy.array[3:5], volume.array[3:5])
    for key in (3, np.s_[1, 2, 3], np.s_[::-1], np.s_[:, :, :, :], np.s_[..., ...], None):
        with pytest.raises(IndexError):
            lazy[key]
    with pytest.raises(io.ReadError, match="no level 1"):
        io.open_zarr(tmp_path / "a.zarr", level=1)


def test_dask_takes_the_array(tmp_path):
    dask_array = pytest.importorskip("dask.array")
    volume = image((20, 30, 40))
    io.write(volume, tmp_path / "a.zarr")
    lazy = io.open_zarr(tmp_path / "a.zarr")
    assert int(dask_array.from_zarr(lazy.array).astype("i8").sum().compute()) == volume.array.sum(dtype="i8")
    assert int(dask_array.from_array(lazy, chunks=lazy.chunks).max().compute()) == volume.array.max()


# --- Found ------------------------------------------------------------------------------------------------------------


def test_a_store_is_one_source_and_one_row(tmp_path):
    (tmp_path / "b").mkdir()
    io.write(image(), tmp_path / "b" / "ct.ome.zarr", levels=2)
    io.write(image(), tmp_path / "a.nii")
    zarr.create_array(tmp_path / "plain", shape=(3, 4), dtype="u1", chunks=(2, 2), zarr_format=2)
    (tmp_path / "broken.zarr").mkdir()
    (tmp_path / "broken.zarr" / "zarr.json").write_text("{")
    sources = {source.id: source for source in io.find_studies(tmp_path)}
    assert {name: source.kind for name, source in sources.items()} == {
        "a": "nifti", "b_ct": "zarr", "broken": "zarr", "plain": "zarr",
    }  # fmt: skip
    assert "no JSON" in str(sources["broken"].error)
    np.testing.assert_array_equal(sources["b_ct"].read().array, image().array)
    rows = {row["path"]: row for row in io.scan(tmp_path, keep_identity=True).rows()}
    assert set(rows) == {"a.nii", "b/ct.ome.zarr", "broken.zarr", "plain"}
    row = rows["b/ct.ome.zarr"]
    assert (row["format"], row["size_z"], row["spacing_y"], row["orientation"]) == ("zarr", 5, 0.7, "LPS")
    assert row["dtype"] == "int16"
    assert "no JSON" in rows["broken.zarr"]["problem"]
    assert np.isnan(rows["plain"]["spacing_x"])
    (alone,) = io.find_studies(tmp_path / "b" / "ct.ome.zarr")
    assert alone.id == "ct"
    assert io.scan(tmp_path / "b" / "ct.ome.zarr").row_count == 1


def test_a_second_scan_sees_a_store_that_was_replaced(tmp_path):
    (tmp_path / "in").mkdir()
    io.write(image(), tmp_path / "in" / "a.zarr")
    catalog = tmp_path / "catalog.csv"
    assert io.scan(tmp_path / "in", catalog=catalog).files_read == 1
    assert io.scan(tmp_path / "in", catalog=catalog).files_read == 0
    io.write(image((3, 4, 5)), tmp_path / "in" / "a.zarr")
    again = io.scan(tmp_path / "in", catalog=catalog)
    assert again.files_read == 1
    assert next(again.rows())["size_z"] == 3


# --- Hostile ----------------------------------------------------------------------------------------------------------


def edited(path, change, file="0/zarr.json"):
    target = path / file
    node = json.loads(target.read_text())
    change(node)
    target.write_text(json.dumps(node))
    return path


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda n: n.update(shape=[1 << 30, 1 << 30, 1 << 30]), "would take"),
        (lambda n: n.update(shape=[1 << 50, 1, 1]), "impossible size"),
        (lambda n: n.update(shape=[-1, 4, 5]), "impossible size"),
        (lambda n: n.update(shape=[True, 4, 5]), "impossible size"),
        (lambda n: n.update(shape=[5]), "impossible size"),
        (lambda n: n.update(data_type="object"), "type 'object'"),
        (lambda n: n.update(data_type={"name": "numpy.datetime64"}), "not supported"),
        (lambda n: n.update(codecs=["vlen-utf8", {"name": "numcodecs.pickle"}]), "vlen"),
        (lambda n: n.update(codecs=[{"name": "numcodecs.pickle"}]), "pickle"),
        (lambda n: n.update(codecs=[]), "codecs"),
        (lambda n: n.update(storage_transformers=[{"name": "x"}]), "storage transformers"),
        (lambda n: n.update(surprise={"name": "x"}), "surprise"),
        (lambda n: n.update(fill_value="boo"), "fill_value"),
        (lambda n: n.update(fill_value=1e30), "fill_value"),
        (lambda n: n.update(chunk_grid={"name": "rectilinear"}), "rectilinear"),
        (lambda n: n["chunk_grid"]["configuration"].update(chunk_shape=[1 << 39] * 3), "would take"),
        (lambda n: n["chunk_grid"]["configuration"].update(chunk_shape=[0, 1, 1]), "impossible size"),
        (lambda n: n["chunk_grid"]["configuration"].update(chunk_shape=[2, 2, 2]), "bytes of voxels|damaged"),
        (lambda n: n.update(node_type="group"), "group"),
        (lambda n: n.update(zarr_format=4), "zarr_format"),
    ],
)
def test_hostile_metadata_of_arrays(tmp_path, change, words):
    path = foreign(tmp_path / "a.zarr", image().array, ngff(), chunks=(5, 6, 7))
    with pytest.raises(io.ReadError, match=words):
        io.read(edited(path, change))


def test_units_of_some_axes_alone(tmp_path):
    attributes = ngff(unit="micrometer", scale=[3.0, 2.0, 1.0])
    axes = attributes["ome"]["multiscales"][0]["axes"]
    del axes[1]["unit"]
    path = foreign(tmp_path / "a.zarr", image().array, attributes)
    with pytest.raises(io.ReadError, match=r"some axes have a unit, others have none \[unit\]"):
        io.read(path)
    axes[0]["unit"] = axes[2]["unit"] = "millimeter"
    volume = io.read(foreign(tmp_path / "b.zarr", image().array, attributes))
    assert (volume.spacing, volume.meta["spacing_source"]) == ((3.0, 2.0, 1.0), "scale, no unit")


def test_the_cap_on_memory_holds_for_what_is_asked_for(tmp_path):
    io.write(image((20, 30, 140)), tmp_path / "a.zarr")
    with pytest.raises(io.ReadError, match="would take"):
        io.read(tmp_path / "a.zarr", max_bytes=100_000)
    assert io.read(tmp_path / "a.zarr", max_bytes=168_000).shape == (20, 30, 140)


@pytest.mark.parametrize(("kind", "itemsize"), [(np.uint8, 1), (np.float16, 4), (np.float64, 8)])
def test_the_cap_on_memory_holds_for_all_volumes_together(tmp_path, kind, itemsize):
    """A store of a few bytes, without a chunk, may announce any number of volumes."""
    path = tmp_path / "a.zarr"
    zarr.create_array(path, shape=(50, 4, 5, 6), dtype=kind, chunks=(1, 4, 5, 6))
    size = 50 * 120 * itemsize
    assert len(io.read_all(path, max_bytes=size)) == 50
    with pytest.raises(io.ReadError, match="50 volumes would take"):
        io.read_all(path, max_bytes=size - 1)


def test_too_many_chunks_are_refused(tmp_path):
    path = foreign(tmp_path / "a.zarr", image().array, ngff(), chunks=(1, 1, 1))
    edited(path, lambda n: n.update(shape=[1 << 9, 1 << 9, 1 << 9]))
    with pytest.raises(io.ReadError, match="too many to read at once"):
        io.read(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: m["datasets"][0].update(path="../b.zarr/0"), "does not lead"),
        (lambda m: m["datasets"][0].update(path="/etc"), "does not lead"),
        (lambda m: m["datasets"][0].update(path=["0"]), "does not lead"),
        (lambda m: m["datasets"][0].update(path="link"), "link"),
        (lambda m: m["datasets"][0].update(path="\ud8000"), "no text"),
        (lambda m: m["datasets"][0].update(path="1"), "no Zarr metadata"),
        (lambda m: m.update(datasets=[]), "datasets"),
        (lambda m: m.update(axes=["z", "y", "x"]), "name"),
        (lambda m: m["axes"][0].update(name="y"), "axes"),
        (lambda m: m["axes"][0].update(unit="parsec"), "parsec"),
        (lambda m: m["axes"][0].update(unit=["meter"]), "not supported"),
        (lambda m: m["datasets"][0]["coordinateTransformations"][0].update(scale=[0, 1, 1]), "positive"),
        (lambda m: m["datasets"][0]["coordinateTransformations"][0].update(scale=[1, 1]), "positive"),
        (lambda m: m["datasets"][0]["coordinateTransformations"][0].update(scale=["1", 1, 1]), "positive"),
        (lambda m: m["datasets"][0]["coordinateTransformations"][0].update(scale=[float("nan"), 1, 1]), "positive"),
        (lambda m: m["datasets"][0]["coordinateTransformations"][0].update(type="rotation"), "rotation"),
        (lambda m: m["datasets"][0].update(coordinateTransformations=[{"type": "scale", "path": "s"}]), "scale"),
        (lambda m: m.clear(), "axes"),
    ],
)
def test_hostile_metadata_of_images(tmp_path, change, words):
    io.write(image(), tmp_path / "b.zarr")
    path = foreign(tmp_path / "a.zarr", image().array, ngff())
    (path / "link").symlink_to(tmp_path / "b.zarr" / "0")
    edited(path, lambda n: change(n["attributes"]["ome"]["multiscales"][0]), "zarr.json")
    with pytest.raises(io.ReadError, match=words):
        io.read(path)


@pytest.mark.parametrize(
    "bad", ["{", "[]", "", "[" * 100_000, "\xff", '{"zarr_format": 3}', '{"zarr_format":' + "1" * 9999 + "}"]
)
def test_damaged_metadata(tmp_path, bad):
    path = foreign(tmp_path / "a.zarr", image().array, ngff())
    for file in ("zarr.json", "0/zarr.json"):
        kept = (path / file).read_bytes()
        (path / file).write_bytes(bad.encode("latin-1"))
        with pytest.raises(io.ReadError):
            io.read(path)
        (path / file).write_bytes(kept)


def test_links_pipes_and_large_files_are_not_read(tmp_path):
    path = tmp_path / "a.zarr"
    foreign(path, image().array, ngff(), compressors=None, chunks=(5, 6, 7))
    chunk = path / "0/c/0/0/0"
    content = chunk.read_bytes()
    chunk.unlink()
    chunk.symlink_to("/dev/zero")
    with pytest.raises(io.ReadError, match="link"):
        io.read(path)
    chunk.unlink()
    os.mkfifo(chunk)
    with pytest.raises(io.ReadError, match="no file"):
        io.read(path)
    chunk.unlink()
    with open(chunk, "wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(io.ReadError, match="too many"):
        io.read(path)
    chunk.unlink()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "0").write_bytes(content)
    chunk.parent.rmdir()
    chunk.parent.symlink_to(outside)
    with pytest.raises(io.ReadError, match="link"):
        io.read(path)


@pytest.mark.parametrize("pack", [bz2.compress, gzip.compress])
def test_many_parts_of_a_chunk_take_no_time(pack):
    out = np.empty(1 << 20, np.uint8)
    name = pack.__module__
    data = bytes(_zarr_array._unpack(name, pack(b"ab") + pack(b"cd"), out))
    assert data == b"abcd"
    with pytest.raises(ValueError, match="too many parts"):
        _zarr_array._unpack(name, pack(b"") * 10_000, out)


@pytest.mark.parametrize("codec", ["blosc", "zstd", "gzip"])
def test_bombs_are_stopped_at_the_size_of_the_chunk(tmp_path, codec):
    import imagecodecs

    path = tmp_path / "a.zarr"
    foreign(path, image().array, ngff(), chunks=(5, 6, 7), **CODECS[codec])
    bomb = bytes(64 << 20)
    packed = {"blosc": imagecodecs.blosc_encode, "zstd": imagecodecs.zstd_encode, "gzip": gzip.compress}[codec](bomb)
    (path / "0/c/0/0/0").write_bytes(packed)
    with pytest.raises(io.ReadError, match=r"damaged|too many"):
        io.read(path)


@pytest.mark.parametrize("codec", ["blosc", "zstd", "gzip", "crc32c", "shards", "none"])
def test_damaged_chunks_never_raise_anything_else(tmp_path, codec):
    array = voxels((5, 6, 7), "int16") // 1000
    path = foreign(
        tmp_path / "a.zarr", array, ngff(), **{**CODECS[codec], **({} if codec == "shards" else {"chunks": (5, 6, 7)})}
    )
    chunk = path / "0/c/0/0/0"
    content = chunk.read_bytes()
    rng = np.random.default_rng(1)
    refused = 0
    for trial in range(60):
        damaged = bytearray(content[: rng.integers(len(content))] if trial % 3 == 0 else content)
        for place in rng.integers(max(len(damaged), 1), size=3):
            if damaged:
                damaged[place] = rng.integers(256)
        chunk.write_bytes(damaged)
        try:
            assert io.read(path).shape == array.shape
        except io.ReadError:
            refused += 1
    assert refused >= 20


@pytest.mark.parametrize("shuffle", [0, 1, 2])
def test_blosc_is_not_led_past_the_end_of_its_data(tmp_path, shuffle):
    import imagecodecs

    # Smooth, so that it is packed and not stored as it is.
    array = np.arange(20 * 30 * 40, dtype="int16").reshape(20, 30, 40)
    path = foreign(tmp_path / "a.zarr", array, ngff(), chunks=(20, 30, 40), **CODECS["blosc"])
    good = imagecodecs.blosc_encode(array, level=5, compressor="zstd", shuffle=shuffle, typesize=2, blocksize=4096)
    chunk = path / "0/c/0/0/0"
    chunk.write_bytes(good)
    np.testing.assert_array_equal(io.read(path).array, array)
    for at, values in {
        4: (0, array.nbytes + 1, 2**31 - 1, 2**32 - 1),  # size
        8: (0, 1, array.nbytes + 1, 2**31 - 1),  # of blocks
        12: (0, 15, 17, len(good) + 1, 2**31 - 1, 2**32 - 1),  # when packed
        16: (0, 15, len(good), 2**31 - 1, 2**32 - 1),  # where the first block begins
    }.items():
        for value in values:
            chunk.write_bytes(good[:at] + value.to_bytes(4, "little") + good[at + 4 :])
            with pytest.raises(io.ReadError, match="damaged"):
                io.read(path)
    for size in (0, 1, 15, 16, 20, len(good) - 1):
        chunk.write_bytes(good[:size])
        with pytest.raises(io.ReadError, match="damaged"):
            io.read(path)


def test_a_lost_chunk_of_our_own_is_no_zeros(tmp_path):
    io.write(image((5, 6, 300)), tmp_path / "a.zarr")
    (tmp_path / "a.zarr/0/c/0/0/1").unlink()
    with pytest.raises(io.ReadError, match="c/0/0/1 is missing"):
        io.read(tmp_path / "a.zarr")
    assert io.open_zarr(tmp_path / "a.zarr")[..., :100].shape == (5, 6, 100)


@pytest.mark.parametrize(
    "change",
    [
        lambda a: a["ome"]["multiscales"][0]["datasets"][0]["coordinateTransformations"][0].update(
            scale=[1.0, 1.0, 1.0]
        ),
        lambda a: a["ome"]["multiscales"][0]["datasets"][0]["coordinateTransformations"].pop(),
        lambda a: a["cormack"].update(shape=[5, 6, 8]),
        lambda a: a["cormack"].update(direction=[[1, 0, 0]]),
        lambda a: a["cormack"].update(spacing="wide"),
        lambda a: a["cormack"].pop("origin"),
        lambda a: a.update(cormack=3),
    ],
)
def test_geometry_that_contradicts_itself_is_refused(tmp_path, change):
    io.write(image(direction=rotation()), tmp_path / "a.zarr")
    edited(tmp_path / "a.zarr", lambda node: change(node["attributes"]), "zarr.json")
    with pytest.raises(io.ReadError, match="cormack"):
        io.read(tmp_path / "a.zarr")


def test_groups_that_are_no_image_say_what_they_are(tmp_path):
    for number, (attributes, words) in enumerate(
        [({}, "without an image"), ({"ome": {"version": "0.5", "plate": {}}}, "plate"), (ngff("0.6"), "0.6")]
    ):
        path: Path = tmp_path / f"{number}.zarr"
        foreign(path, image().array, attributes)
        with pytest.raises(io.ReadError, match=words):
            io.read(path)
    assert io.read(tmp_path / "0.zarr" / "0").shape == (5, 6, 7)
    with pytest.raises(io.ReadError, match=r"0\.3"):
        io.read(foreign(tmp_path / "old.zarr", image().array, {"multiscales": [{"version": "0.3"}]}, zarr_format=2))
    with pytest.raises(io.ReadError, match="no such folder"):
        io.open_zarr(tmp_path / "missing.zarr")
