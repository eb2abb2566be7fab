"""NIfTI: values and place; truth is nibabel and SimpleITK."""

from __future__ import annotations

import contextlib
import gzip
import random
import subprocess
import sys

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cormack import Volume, io
from cormack.io import _bytes

DTYPES = [np.uint8, np.int8, np.int16, np.uint16, np.int32, np.uint32, np.float32, np.float64]
SLOW_FIXTURES = [HealthCheck.function_scoped_fixture]


def rotation(angles):
    a, b, c = angles
    x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return x @ y @ z


def affine_of(angles, spacing, origin, flip=False):
    affine = np.eye(4)
    affine[:3, :3] = rotation(angles) * spacing
    if flip:
        affine[:3, 0] *= -1
    affine[:3, 3] = origin
    return affine


def save(path, data, affine=None, **fields):
    """Write with nibabel, then set header fields that nibabel would correct."""
    image = nibabel.Nifti1Image(data, np.eye(4) if affine is None else affine)
    image.header.set_xyzt_units("mm")
    nibabel.save(image, path)
    if fields:
        raw = bytearray(path.read_bytes())
        header = nibabel.Nifti1Header(bytes(raw[:348]), check=False)
        for name, value in fields.items():
            header[name] = value
        raw[:348] = header.binaryblock
        path.write_bytes(raw)
    return path


@pytest.fixture
def volume() -> Volume:
    return Volume(np.arange(24, dtype=np.int16).reshape(2, 3, 4), (3, 2, 1), (5, 6, 7))


@pytest.mark.parametrize(
    "name",
    [
        "ibsi_ct_phantom/image.nii.gz", "ibsi_ct_phantom/mask.nii.gz", "ibsi2_digital_phantoms/orientation.nii.gz",
        "sarcoma_ct_mr_pet/MR_T1_image.nii.gz", "sarcoma_ct_mr_pet/PET_mask.nii.gz", "nibabel_samples/anatomical.nii",
        "mni152/mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz",
    ],
)  # fmt: skip
def test_real_files_equal_nibabel_and_itk(data, name):
    volume = io.read(data / name)
    image = nibabel.load(data / name)
    expected = np.asanyarray(image.dataobj)
    assert volume.dtype == expected.dtype.newbyteorder("=")
    assert volume.array.flags.c_contiguous
    assert volume.array.flags.writeable
    np.testing.assert_array_equal(volume.array, expected.T)
    np.testing.assert_allclose(volume.affine, image.affine, atol=1e-4)
    itk = Volume.from_sitk(sitk.ReadImage(str(data / name)))
    np.testing.assert_array_equal(volume.array, itk.array)
    volume.check_geometry(itk, 1e-3)


@settings(max_examples=25, deadline=None, suppress_health_check=SLOW_FIXTURES)
@given(
    kind=st.sampled_from(DTYPES),
    order=st.sampled_from("<>"),
    shape=st.tuples(*[st.integers(1, 5)] * 3),
    angles=st.tuples(*[st.floats(-3, 3)] * 3),
    spacing=st.tuples(*[st.floats(0.3, 5)] * 3),
    suffix=st.sampled_from([".nii", ".nii.gz"]),
    flip=st.booleans(),
)
def test_any_type_order_and_place_equals_nibabel(tmp_path, kind, order, shape, angles, spacing, suffix, flip):
    data = np.random.default_rng(0).integers(0, 100, shape).astype(np.dtype(kind).newbyteorder(order))
    affine = affine_of(angles, spacing, (10, -20, 30), flip)
    path = tmp_path / f"x{suffix}"
    header = nibabel.Nifti1Header(endianness=order)
    header.set_data_dtype(data.dtype)
    nibabel.save(nibabel.Nifti1Image(data, affine, header), path)
    volume = io.read(path)
    assert volume.dtype == kind
    np.testing.assert_array_equal(volume.array, data.T)
    np.testing.assert_allclose(volume.affine, nibabel.load(path).affine, atol=1e-5)


@settings(max_examples=30, deadline=None, suppress_health_check=SLOW_FIXTURES)
@given(
    kind=st.sampled_from([*DTYPES, np.bool_, np.float16, np.int64]),
    ndim=st.sampled_from([2, 3]),
    angles=st.tuples(*[st.floats(-3, 3)] * 3),
    spacing=st.tuples(*[st.floats(0.3, 5)] * 3),
    suffix=st.sampled_from([".nii", ".nii.gz"]),
    flip=st.booleans(),
)
def test_write_and_read_gives_the_same(tmp_path, kind, ndim, angles, spacing, suffix, flip):
    array = np.random.default_rng(1).integers(0, 100, (2, 3, 4)[:ndim]).astype(kind)
    if ndim == 3:
        volume = Volume.from_affine(array, affine_of(angles, spacing, (10, -20, 30), flip))
    else:
        volume = Volume(array, spacing[:2], (1, 2), rotation((0, 0, angles[0]))[:2, :2])
    # ITK takes the voxels of x.nii.gz from x.nii where there is one.
    path = tmp_path / f"{len(suffix)}{suffix}"
    io.write(volume, path)
    back = io.read(path)
    np.testing.assert_array_equal(back.array, array)
    back.check_geometry(volume, 1e-4)
    stored = {np.bool_: np.uint8, np.float16: np.float32, np.int64: np.int32}.get(kind, kind)
    assert back.dtype == stored
    image = nibabel.load(path)
    np.testing.assert_array_equal(np.asanyarray(image.dataobj), array.T)
    np.testing.assert_allclose(image.affine, volume.affine, atol=1e-4)
    # Near half a turn, and LPS to RAS is one, a quaternion in float32 is good for 3e-4 only.
    np.testing.assert_allclose(image.header.get_qform(), volume.affine, atol=5e-3)
    itk = Volume.from_sitk(sitk.ReadImage(str(path)))
    np.testing.assert_array_equal(itk.array, array)
    # A second round changes no bit.
    io.write(back, path)
    again = io.read(path)
    assert again.spacing == pytest.approx(back.spacing, rel=1e-7)


def test_written_axial_volume_keeps_its_identity_exactly(tmp_path, volume):
    io.write(volume, tmp_path / "a.nii.gz")
    back = io.read(tmp_path / "a.nii.gz")
    assert (back.spacing, back.origin) == (volume.spacing, volume.origin)
    np.testing.assert_array_equal(back.direction, np.eye(3))


def test_equal_volumes_give_equal_files(tmp_path, volume):
    io.write(volume, tmp_path / "a.nii.gz")
    io.write(volume, tmp_path / "b.nii.gz")
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()


def test_header_of_written_file(tmp_path, volume):
    io.write(volume, tmp_path / "a.nii")
    header = nibabel.load(tmp_path / "a.nii").header
    assert header.get_xyzt_units()[0] == "mm"
    assert (int(header["sform_code"]), int(header["qform_code"])) == (1, 1)
    assert header.get_zooms() == (1, 2, 3)


@settings(max_examples=40, deadline=None, suppress_health_check=SLOW_FIXTURES)
@given(
    kind=st.sampled_from(DTYPES),
    shape=st.one_of(st.tuples(*[st.integers(1, 4)] * 3), st.just((40000, 1, 1))),
    angles=st.tuples(*[st.sampled_from([0, np.pi / 2, np.pi]) | st.floats(-3, 3)] * 3),
    spacing=st.tuples(*[st.floats(0.3, 5)] * 3),
    flip=st.booleans(),
)
def test_header_is_the_one_that_nibabel_makes(tmp_path, kind, shape, angles, spacing, flip):
    volume = Volume.from_affine(np.zeros(shape[::-1], kind), affine_of(angles, spacing, (10, -20, 30), flip))
    io.write(volume, tmp_path / "a.nii")
    header = (nibabel.Nifti1Header if max(shape) < 1 << 15 else nibabel.Nifti2Header)(endianness="<")
    header.set_data_dtype(kind)
    header.set_data_shape(shape)
    header.set_qform(volume.affine, code=1, strip_shears=True)
    header.set_sform(volume.affine, code=1)
    header.set_xyzt_units("mm")
    header["scl_slope"], header["scl_inter"] = 1, 0
    header["vox_offset"], header["magic"] = header.single_vox_offset, header.single_magic
    written = (tmp_path / "a.nii").read_bytes()[: header.sizeof_hdr]
    assert written == header.binaryblock


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_qforms_equal_those_of_nibabel(tmp_path, kind, order):
    rng = np.random.default_rng(5)
    for number in range(40):
        axes = np.pi / 2 * rng.integers(0, 4, 3) if number % 2 else rng.uniform(-3, 3, 3)
        header = kind.header_class(endianness=order)
        image = kind(np.arange(24, dtype=f"{order}i2").reshape(2, 3, 4), None, header)
        image.set_qform(affine_of(axes, (1, 2, 3), (4, 5, 6), bool(number % 3)), code=1)
        nibabel.save(image, tmp_path / "a.nii")
        volume = io.read(tmp_path / "a.nii")
        assert volume.meta["orientation_source"] == "qform"
        np.testing.assert_allclose(volume.affine, nibabel.load(tmp_path / "a.nii").affine, atol=1e-6)
        np.testing.assert_array_equal(volume.array, np.arange(24).reshape(2, 3, 4).T)


def test_large_axis_becomes_nifti_2(tmp_path):
    array = np.arange(40000, dtype=np.float32).reshape(1, 1, -1)
    io.write(Volume(array), tmp_path / "a.nii")
    assert isinstance(nibabel.load(tmp_path / "a.nii"), nibabel.Nifti2Image)
    np.testing.assert_array_equal(io.read(tmp_path / "a.nii").array, array)


@pytest.mark.parametrize("view", [lambda a: a[::-1, ::2], lambda a: a.T, lambda a: a.astype(">i2")])
def test_any_memory_layout_is_written(tmp_path, volume, view):
    array = view(volume.array)
    io.write(Volume(array), tmp_path / "a.nii")
    np.testing.assert_array_equal(io.read(tmp_path / "a.nii").array, array)


def test_labels_beyond_32_bits_are_refused(tmp_path):
    with pytest.raises(ValueError, match="do not fit in int32"):
        io.write(Volume(np.full((2, 2), 2**40)), tmp_path / "a.nii")
    with pytest.raises(TypeError, match="complex"):
        io.write(Volume(np.zeros((2, 2), complex)), tmp_path / "a.nii")
    assert list(tmp_path.iterdir()) == []


def test_write_checks_its_arguments(tmp_path, volume):
    with pytest.raises(
        ValueError, match=r"must end in \.nii, \.nii\.gz, \.nrrd, \.mha, \.ome\.zarr or \.zarr; got 'a\.mhd'"
    ):
        io.write(volume, tmp_path / "a.mhd")
    with pytest.raises(TypeError, match=r"must be a cormack\.Volume"):
        io.write(volume.array, tmp_path / "a.nii")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        io.write(volume, tmp_path / "missing" / "a.nii")


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path, volume, suffix, monkeypatch):
    path = tmp_path / f"a{suffix}"
    io.write(volume, path)
    before = path.read_bytes()

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        io.write(volume.replace(volume.array + 1), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


# Headers of all kinds


def test_sform_wins_then_qform_then_pixel_sizes(tmp_path):
    data = np.zeros((3, 4, 5), np.uint8)
    path = tmp_path / "a.nii"
    image = nibabel.Nifti1Image(data, None)
    image.set_sform(np.diag([2, 2, 2, 1]), code=2)
    image.set_qform(np.diag([3, 3, 3, 1]), code=1)
    nibabel.save(image, path)
    assert io.read(path).spacing == (2, 2, 2)
    save(path, data, np.diag([3, 3, 3, 1]), sform_code=0, qform_code=1, srow_x=[9, 0, 0, 0])
    assert io.read(path).spacing == (3, 3, 3)
    assert io.read(path).meta["orientation_source"] == "qform"
    save(path, data, np.diag([3, 4, 5, 1]), sform_code=0, qform_code=0)
    bare = io.read(path)
    assert (bare.spacing, bare.origin, bare.orientation) == ((5, 4, 3), (0, 0, 0), "LPS")
    assert bare.meta["orientation_source"] == "absent"
    bare.check_geometry(Volume.from_sitk(sitk.ReadImage(str(path))))


def test_sloppy_qform_is_read_as_nibabel_reads_it(tmp_path):
    path = save(tmp_path / "a.nii", np.zeros((3, 4, 5), np.uint8), affine_of((1, 2, 3), (1, 2, 3), (4, 5, 6)))
    raw = bytearray(path.read_bytes())
    header = nibabel.Nifti1Header(bytes(raw[:348]), check=False)
    header.set_qform(affine_of((1, 2, 3), (1, 2, 3), (4, 5, 6)), 1)
    expected = header.get_qform()
    header["sform_code"], header["pixdim"][:4] = 0, [0, -1, 2, 3]
    raw[:348] = header.binaryblock
    path.write_bytes(raw)
    np.testing.assert_allclose(io.read(path).affine, expected, atol=1e-5)


@pytest.mark.parametrize(("unit", "scale"), [("mm", 1), ("micron", 0.001), ("meter", 1000), ("unknown", 1)])
def test_units(tmp_path, unit, scale):
    image = nibabel.Nifti1Image(np.zeros((3, 4, 5), np.uint8), np.diag([2, 2, 2, 1]))
    image.header.set_xyzt_units(unit)
    nibabel.save(image, tmp_path / "a.nii")
    np.testing.assert_allclose(io.read(tmp_path / "a.nii").spacing, [2 * scale] * 3)


@pytest.mark.parametrize(
    ("kind", "slope", "intercept", "expected"),
    [
        (np.int16, 1, 0, np.int16),
        (np.int16, 0, 7, np.int16),
        (np.int16, np.nan, np.nan, np.int16),
        (np.int16, 0.5, -3, np.float32),
        (np.uint8, 1, -3, np.float32),
        (np.float64, 0.1, 0, np.float64),
        (np.float32, 2, 0, np.float32),
    ],
)
def test_slope_and_intercept(tmp_path, kind, slope, intercept, expected):
    data = np.arange(60, dtype=kind).reshape(3, 4, 5)
    path = save(tmp_path / "a.nii", data, scl_slope=slope, scl_inter=intercept)
    volume = io.read(path)
    assert volume.dtype == expected
    scaled = data.T.astype(float)
    if expected != kind or np.dtype(kind).kind == "f":
        scaled = scaled * np.float64(np.float32(slope)) + intercept
        assert volume.meta["rescaled"] is True
    np.testing.assert_array_equal(volume.array, scaled.astype(expected))


def test_4d(tmp_path):
    data = np.arange(120, dtype=np.int16).reshape(2, 3, 4, 5)
    for suffix in (".nii", ".nii.gz"):
        path = tmp_path / f"a{suffix}"
        save(path, data)
        with pytest.raises(io.ReadError, match=r"5 volumes in one file, shape \(2, 3, 4, 5\) .*volume=0 to volume=4"):
            io.read(path)
        for index in (0, 3, 4):
            np.testing.assert_array_equal(io.read(path, volume=index).array, data[..., index].T)
        assert len(io.read_all(path)) == 5
        with pytest.raises(io.ReadError, match="no volume 5"):
            io.read(path, volume=5)


@pytest.mark.parametrize("slope", [1, 0.5])
def test_all_volumes_are_inflated_once(tmp_path, monkeypatch, slope):
    data = np.arange(960, dtype=np.int16).reshape(2, 3, 4, 40)
    content = save(tmp_path / "a.nii", data, scl_slope=slope).read_bytes()
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(content))
    taken = []
    inflate = _bytes.Bytes.fill
    monkeypatch.setattr(_bytes.Bytes, "fill", lambda self, target: taken.append(len(target)) or inflate(self, target))
    volumes = io.read_all(tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(np.stack([volume.array.T for volume in volumes], axis=-1), data * slope)
    # The header, four bytes that say there is no extension, the voxels; at last what is looked for behind them.
    assert sum(size for size in taken if size < 1 << 18) == 352 + data.nbytes


@pytest.mark.parametrize("shape", [(2, 3, 4, 1), (2, 3, 4, 1, 1), (2, 3, 1, 1)])
def test_4d_with_one_volume_is_3d(tmp_path, shape):
    save(tmp_path / "a.nii", np.zeros(shape, np.int16))
    assert io.read(tmp_path / "a.nii").shape == shape[2::-1]


def test_2d(tmp_path):
    data = np.arange(12, dtype=np.int16).reshape(3, 4)
    volume = io.read(save(tmp_path / "a.nii", data, np.diag([2, 3, 1, 1])))
    assert (volume.shape, volume.spacing) == ((4, 3), (3, 2))
    somewhere = io.read(save(tmp_path / "b.nii", data, affine_of((0.5, 0, 0), (2, 3, 1), (0, 0, 9))))
    assert somewhere.shape == (1, 4, 3)


def test_content_decides_not_the_name(tmp_path, volume):
    io.write(volume, tmp_path / "a.nii")
    io.write(volume, tmp_path / "b.nii.gz")
    (tmp_path / "a.nii").rename(tmp_path / "plain.nii.gz")
    (tmp_path / "b.nii.gz").rename(tmp_path / "packed.nii")
    (tmp_path / "odd.png").write_bytes((tmp_path / "packed.nii").read_bytes())
    (tmp_path / "noname").write_bytes((tmp_path / "plain.nii.gz").read_bytes())
    for path in tmp_path.iterdir():
        np.testing.assert_array_equal(io.read(path).array, volume.array)


def test_gzip_in_several_members_and_padded(tmp_path, volume):
    io.write(volume, tmp_path / "a.nii")
    content = (tmp_path / "a.nii").read_bytes()
    packed = gzip.compress(content[:100]) + gzip.compress(content[100:370]) + gzip.compress(content[370:]) + bytes(50)
    (tmp_path / "b.nii.gz").write_bytes(packed)
    np.testing.assert_array_equal(io.read(tmp_path / "b.nii.gz").array, volume.array)


# What is wrong


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"dim": [3, 0, 4, 5, 1, 1, 1, 1]}, "impossible size"),
        ({"dim": [9, 3, 4, 5, 1, 1, 1, 1]}, "impossible size"),
        ({"dim": [3, 300, 400, 500, 1, 1, 1, 1]}, "truncated: the header announces"),
        ({"dim": [7, 32767, 32767, 32767, 32767, 32767, 1, 1]}, "truncated: the header announces"),
        ({"dim": [1, 3, 1, 1, 1, 1, 1, 1]}, "neither 2D nor 3D"),
        ({"datatype": 32, "bitpix": 64}, "complex64 are not supported"),
        ({"datatype": 128}, "not supported"),
        ({"datatype": 777}, "unknown data type 777"),
        ({"vox_offset": 10}, "cannot start at byte 10"),
        ({"vox_offset": np.nan}, "cannot start at byte nan"),
        ({"magic": b"ni1"}, "pair"),
        ({"magic": b"abc"}, "not a NIfTI file"),
        ({"scl_slope": 2, "scl_inter": np.inf}, "intercept is inf"),
        ({"srow_x": [0, 0, 0, 0]}, "not usable"),
        ({"srow_x": [np.nan, 0, 0, 0]}, "not usable"),
        ({"srow_x": [1, 0, 0.3, 0]}, "not perpendicular"),
        ({"sform_code": 0, "qform_code": 1, "pixdim": [1, 0, 1, 1, 1, 1, 1, 1]}, "not positive"),
        ({"sform_code": 0, "qform_code": 1, "quatern_b": 2}, "no valid rotation"),
    ],
)
def test_nonsense_in_the_header_is_refused(tmp_path, fields, words):
    path = save(tmp_path / "a.nii", np.zeros((3, 4, 5), np.uint8), **fields)
    with pytest.raises(io.ReadError, match=words):
        io.read(path)
    path.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(io.ReadError, match=words):
        io.read(path)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("kept", [0.0, 0.01, 0.2, 0.9, 0.999])
def test_truncated_file_is_refused(tmp_path, suffix, kept):
    path = tmp_path / f"a{suffix}"
    io.write(Volume(np.random.default_rng(0).integers(0, 9999, (9, 20, 20), np.int16)), path)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(io.ReadError, match=r"truncated|empty|not a NIfTI"):
        io.read(path)


def test_flipped_bit_in_gzip_is_noticed(tmp_path):
    path = tmp_path / "a.nii.gz"
    io.write(Volume(np.random.default_rng(0).integers(0, 9999, (9, 20, 20), np.int16)), path)
    content = bytearray(path.read_bytes())
    for place in (len(content) // 2, len(content) - 6):
        broken = bytearray(content)
        broken[place] ^= 1
        path.write_bytes(broken)
        with pytest.raises(io.ReadError, match="gzip"):
            io.read(path)


def test_text_called_nii(tmp_path):
    for name in ("a.nii", "a.nii.gz"):
        (tmp_path / name).write_text("no image at all " * 40)
        with pytest.raises(io.ReadError, match="not a NIfTI file"):
            io.read(tmp_path / name)


@pytest.mark.parametrize("kind", [nibabel.AnalyzeImage, nibabel.Nifti1Pair])
def test_pairs_of_files_are_refused(tmp_path, kind):
    nibabel.save(kind(np.zeros((3, 4, 5), np.int16), np.eye(4)), tmp_path / "a.img")
    for name in ("a.hdr", "a.img"):
        with pytest.raises(io.ReadError, match=r"pair .*convert .* to one \.nii file"):
            io.read(tmp_path / name)


def test_needs_numpy_alone(tmp_path, volume):
    statement = (
        "import sys; sys.modules.update(dict.fromkeys(['isal', 'nibabel', 'imagecodecs', 'pydicom', 'PIL'])); "
        "from cormack import io; volume = io.read(sys.argv[1]); io.write(volume, sys.argv[2])"
    )
    io.write(volume, tmp_path / "a.nii.gz")
    paths = [str(tmp_path / name) for name in ("a.nii.gz", "b.nii.gz")]
    subprocess.run([sys.executable, "-c", statement, *paths], check=True, timeout=60)
    np.testing.assert_array_equal(io.read(paths[1]).array, volume.array)


def test_damaged_files_never_raise_anything_else(tmp_path, volume):
    path = tmp_path / "a.nii"
    io.write(volume, path)
    content = path.read_bytes()
    rng = random.Random(0)
    for _ in range(200):
        broken = bytearray(content)
        for _ in range(rng.choice([1, 3, 10])):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        broken = broken[: rng.choice([len(broken), rng.randrange(len(broken))])]
        path.write_bytes(gzip.compress(broken) if rng.random() < 0.3 else broken)
        with contextlib.suppress(io.ReadError):
            io.read(path)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([-(2**31), 2**31 - 1], np.int32),
        ([0, 2**32 - 1], np.uint32),
        ([-5, 2**53], np.float64),
    ],
    ids=["int32", "uint32", "float64"],
)
def test_64_bit_integers_come_in_a_type_that_holds_them(tmp_path, values, expected):
    stored = np.array(values, np.int64).reshape(1, 1, 2)
    nibabel.save(nibabel.Nifti1Image(stored, np.eye(4), dtype=np.int64), tmp_path / "labels.nii")
    array = io.read(tmp_path / "labels.nii").array
    assert array.dtype == expected
    assert array.reshape(-1).tolist() == values


def test_64_bit_integers_that_no_type_holds_are_refused(tmp_path):
    stored = np.array([-1, 2**60 + 1], np.int64).reshape(1, 1, 2)
    nibabel.save(nibabel.Nifti1Image(stored, np.eye(4), dtype=np.int64), tmp_path / "labels.nii")
    with pytest.raises(io.ReadError, match="64-bit integers from -1 to 1152921504606846977 fit no type"):
        io.read(tmp_path / "labels.nii")
