"""Every map of enhance: what comes in goes out, nothing is written to, contiguous results keep the layout."""

from __future__ import annotations

import numpy as np
import pytest

import cormack
from cormack import enhance

STANDARD = enhance.NyulStandard((1, 50, 99), (0, 40, 100))
MAPS = {
    "window": lambda image: enhance.window(image, 40, 80),
    "rescale_intensity": lambda image: enhance.rescale_intensity(image),
    "stretch_contrast": lambda image: enhance.stretch_contrast(image),
    "threshold_enhance": lambda image: enhance.threshold_enhance(image, 20, 60, outside=0),
    "adjust_gamma": lambda image: enhance.adjust_gamma(image, 2),
    "adjust_log": lambda image: enhance.adjust_log(image),
    "adjust_sigmoid": lambda image: enhance.adjust_sigmoid(image),
    "equalize_hist": lambda image: enhance.equalize_hist(image),
    "match_histograms": lambda image: enhance.match_histograms(image, np.arange(9, dtype=np.float32)),
    "normalize zscore": lambda image: enhance.normalize(image),
    "normalize nyul": lambda image: enhance.normalize(image, "nyul", standard=STANDARD),
}


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32", "float32", "float64"])
def test_volume_in_volume_out(dtype, name):
    image = np.arange(5 * 6 * 70).reshape(5, 6, 70) % 97
    image = image.astype(dtype)
    image.flags.writeable = False
    before = image.copy()
    expected = MAPS[name](image)
    volume = cormack.Volume(image, spacing=(2.5, 0.7, 0.7))
    result = MAPS[name](volume)
    assert isinstance(result, cormack.Volume)
    assert result.spacing == volume.spacing
    np.testing.assert_array_equal(result.array, expected)
    np.testing.assert_array_equal(image, before)
    assert not np.shares_memory(expected, image)
    if not name.startswith("normalize"):
        assert expected.dtype == dtype
    assert MAPS[name](np.asfortranarray(image)).flags.f_contiguous
    np.testing.assert_array_equal(MAPS[name](np.asfortranarray(image)), expected)


@pytest.mark.parametrize("name", MAPS)
def test_torch_in_torch_out(name):
    torch = pytest.importorskip("torch")
    image = (np.arange(420).reshape(6, 70) % 97).astype(np.int16)
    result = MAPS[name](torch.from_numpy(image))
    assert isinstance(result, torch.Tensor)
    np.testing.assert_array_equal(result.numpy(), MAPS[name](image))


@pytest.mark.parametrize("name", MAPS)
def test_lists_are_images(name):
    image = [[1.0, 20.0, 40.0], [60.0, 80.0, 90.0]]
    np.testing.assert_array_equal(MAPS[name](image), MAPS[name](np.array(image)))
