"""compat.sitk: SimpleITK's results voxel by voxel, and its geometry, for 2-D and 3-D images."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import SimpleITK as sitk

from cormack import GeometryError, Volume, filters, segment
from cormack.compat import sitk as csitk

RNG = np.random.default_rng(3)


def image_of(array, spacing=(0.7, 1.3, 2.5)):
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing[: array.ndim])
    image.SetOrigin((-120.5, 33.0, 7.25)[: array.ndim])
    image.SetDirection((0, -1, 1, 0) if array.ndim == 2 else (0, -1, 0, 1, 0, 0, 0, 0, 1))
    return image


def smooth(shape, dtype):
    array = filters.gaussian_filter(RNG.normal(0, 1, shape), 1.5)
    array = (array - array.min()) / np.ptp(array) * 200
    return image_of(array if dtype == "float64" else array.astype(dtype))


SHAPES = ((23, 31), (9, 14, 17))
MASKS = [image_of((RNG.random(shape) < part).astype(np.uint8)) for shape in SHAPES for part in (0.3, 0.6, 0.9)]
IMAGES = [smooth(shape, dtype) for shape in SHAPES for dtype in ("uint8", "int16", "float32", "float64")]


def seeds(image):
    size = image.GetSize()
    return [tuple(length // 2 for length in size), tuple(length // 4 for length in size)]


def shortest(image, values):
    return tuple(values[: image.GetDimension()])


KERNELS = [{"kernelRadius": radius, "kernelType": kind} for radius in ((1, 1, 1), (2, 1, 3)) for kind in (1, 2, 3)]
# Function: images, and what makes the arguments of an image; how far integers and floats may differ, in units.
CASES = {
    "Median": (IMAGES, lambda i: [{}, {"radius": (2, 1, 0)}], 0, 0),
    "Mean": (IMAGES, lambda i: [{}, {"radius": (3, 0, 1)}], 1, 1e-4),
    "ConnectedThreshold": (
        IMAGES,
        lambda i: [
            {"seedList": seeds(i), "lower": 70, "upper": 150},
            {"seedList": seeds(i), "lower": 60, "upper": 255, "replaceValue": 7, "connectivity": 1},
        ],
        0,
        0,
    ),
    "ConfidenceConnected": (
        IMAGES,
        lambda i: [
            {"seedList": seeds(i)[:1], "multiplier": 1.5},
            {"seedList": seeds(i), "numberOfIterations": 2, "multiplier": 2.0, "initialNeighborhoodRadius": 2},
        ],
        0,
        0,
    ),
    "NeighborhoodConnected": (
        IMAGES,
        lambda i: [{"seedList": seeds(i), "lower": 40, "upper": 160, "radius": shortest(i, (1, 2, 0))}],
        0,
        0,
    ),
    "IsolatedConnected": (
        IMAGES,
        lambda i: [{"seed1": seeds(i)[0], "seed2": seeds(i)[1], "lower": 20, "upper": 200, "replaceValue": 3}],
        0,
        0,
    ),
    "ConnectedComponent": (MASKS, lambda i: [{}, {"fullyConnected": True}], 0, 0),  # by position only in SimpleITK
    "BinaryThreshold": (IMAGES, lambda i: [{}, {"lowerThreshold": 50, "upperThreshold": 99, "insideValue": 9}], 0, 0),
    "IntensityWindowing": (
        IMAGES,
        lambda i: [{"windowMinimum": 40, "windowMaximum": 160, "outputMaximum": 100}],
        1,
        1e-4,
    ),
    "RescaleIntensity": (IMAGES, lambda i: [{}, {"outputMinimum": 10, "outputMaximum": 90}], 1, 1e-4),
    "SignedMaurerDistanceMap": (
        MASKS,
        lambda i: [
            {},
            {"squaredDistance": False, "useImageSpacing": True},
            {"squaredDistance": False, "insideIsPositive": True},
        ],
        0,
        1e-4,
    ),
    "BinaryErode": (MASKS, lambda i: [*KERNELS, {"boundaryToForeground": False}], 0, 0),
    "BinaryDilate": (MASKS, lambda i: [*KERNELS, {"boundaryToForeground": True}], 0, 0),
    "BinaryMorphologicalOpening": (MASKS, lambda i: KERNELS, 0, 0),
    "BinaryMorphologicalClosing": (MASKS, lambda i: KERNELS, 0, 0),
    "GrayscaleErode": (IMAGES, lambda i: KERNELS, 0, 0),
    "GrayscaleDilate": (IMAGES, lambda i: KERNELS, 0, 0),
    "BinaryFillhole": (MASKS, lambda i: [{}, {"fullyConnected": True}], 0, 0),
}


@pytest.mark.parametrize("name", CASES)
def test_matches_simpleitk(name):
    images, arguments, integers, floats = CASES[name]
    for image in images:
        for keywords in arguments(image):
            positional = list(keywords.values()) if name == "ConnectedComponent" else []
            expected = getattr(sitk, name)(image, *positional, **({} if positional else keywords))
            result = getattr(csitk, name)(image, **keywords)
            assert result.GetPixelIDTypeAsString() == expected.GetPixelIDTypeAsString(), keywords
            assert result.GetSize() == expected.GetSize()
            for what in ("GetSpacing", "GetOrigin", "GetDirection"):
                np.testing.assert_allclose(getattr(result, what)(), getattr(image, what)(), atol=1e-12)
            ours, theirs = (sitk.GetArrayFromImage(one).astype(float) for one in (result, expected))
            real = "float" in expected.GetPixelIDTypeAsString()
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=floats if real else integers, err_msg=str(keywords))


def test_every_function_is_compared():
    assert set(csitk.__all__) - {"to_volume", "from_volume", "wrap"} == set(CASES)


@pytest.mark.parametrize("shape", SHAPES)
def test_wrapped_functions_take_and_give_images(shape):
    image = smooth(shape, "int16")
    array = sitk.GetArrayFromImage(image)
    wrapped = csitk.wrap(filters.gaussian_filter)
    result = wrapped(image, 2.0, unit="mm")
    assert wrapped.__name__ == "gaussian_filter"
    assert result.GetOrigin() == image.GetOrigin()
    assert result.GetDirection() == image.GetDirection()
    expected = filters.gaussian_filter(array, 2.0, unit="mm", spacing=image.GetSpacing()[::-1])
    np.testing.assert_array_equal(sitk.GetArrayFromImage(result), expected)
    labels, count = csitk.wrap(segment.label)(image > 100)
    assert labels.GetPixelID() == sitk.sitkInt32
    assert count == segment.label(array > 100)[1]
    # Another grid in a second argument is found, as among volumes.
    other = image_of(array, spacing=(1.0, 1.0, 1.0))
    with pytest.raises(GeometryError):
        csitk.wrap(segment.connected_threshold)(image, (3,) * len(shape), 0, 100, mask=other)


def test_images_are_read_without_a_copy_and_left_alone():
    image = smooth((9, 14, 17), "int16")
    before = sitk.GetArrayFromImage(image)
    seen = []
    csitk.wrap(lambda volume: seen.append(volume.array.flags.owndata))(image)
    assert seen == [False]
    csitk.Median(image)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), before)


def test_volumes_there_and_back():
    image = smooth((9, 14, 17), "float32")
    volume = csitk.to_volume(image)
    assert isinstance(volume, Volume)
    back = csitk.from_volume(volume)
    assert back.GetSpacing() == image.GetSpacing()
    np.testing.assert_array_equal(sitk.GetArrayFromImage(back), sitk.GetArrayFromImage(image))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: csitk.Median(np.zeros((3, 3))), TypeError, "Median: `image1` must be a SimpleITK.Image"),
        (lambda: csitk.Median(MASKS[0], radius=(1,)), ValueError, "Median: `radius` must be one value or one for each"),
        (lambda: csitk.Median(sitk.Image((4, 4), sitk.sitkVectorUInt8)), ValueError, "one real number per voxel"),
        (lambda: csitk.Median(sitk.Image((4, 4), sitk.sitkLabelUInt8)), ValueError, "label of 8-bit"),
        (lambda: csitk.Median(sitk.Image((4, 4), sitk.sitkComplexFloat32)), ValueError, "complex"),
        (lambda: csitk.BinaryErode(MASKS[0], kernelType=0), ValueError, "be sitkBall, sitkBox or sitkCross"),
        (lambda: csitk.BinaryMorphologicalClosing(MASKS[0], safeBorder=False), ValueError, "`safeBorder` must be True"),
        (lambda: csitk.SignedMaurerDistanceMap(MASKS[0] * 0), ValueError, "must hold an object"),
    ],
)
def test_what_is_wrong_is_named(call, error, message):
    with pytest.raises(error) as caught:
        call()
    assert message in str(caught.value)


@pytest.mark.parametrize("name", sorted(set(CASES) - {"ConnectedComponent"}))
def test_signatures_are_simpleitks(name):
    declared = next(line for line in getattr(sitk, name).__doc__.splitlines() if line.strip().startswith(f"{name}("))
    declared = declared.strip().removeprefix(f"{name}(").removesuffix(") -> Image")
    theirs = [part.split("=")[0].split()[-1] for part in declared.split(", ") if not part.strip()[0].isdigit()]
    assert list(inspect.signature(getattr(csitk, name)).parameters) == theirs
    for part in declared.split(", "):
        argument, _, default = part.partition("=")
        ours = inspect.signature(getattr(csitk, name)).parameters.get(argument.split()[-1])
        if ours is not None and default.replace(".", "").isdigit():
            assert float(ours.default) == float(default)


@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_flat_images_are_all_minimum_as_in_simpleitk(dtype):
    image = image_of(np.full((3, 4), 7, dtype))
    ours, theirs = csitk.RescaleIntensity(image, 10, 20), sitk.RescaleIntensity(image, 10, 20)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(ours), sitk.GetArrayFromImage(theirs))
