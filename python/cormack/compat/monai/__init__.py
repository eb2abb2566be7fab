"""MONAI transforms that run Cormack's functions and keep the geometry of ``MetaTensor``: arrays and dictionaries.

`Apply` makes a transform of any function that takes an image and returns one of its shape; `Applyd` does so for keys
of a dictionary. Others are these two with a function's name: ``MedianFilter(3)``, ``MedianFilterd("image", 3)``.
Parameters are those of the function, without the image.

Images are NumPy arrays, tensors or ``MetaTensor``, channel first: (channel, y, x) or (channel, z, y, x), whatever MONAI
calls the axes after the first. Each channel is an image of its own. What comes in goes out: the kind, the device where
the function has a GPU form, and a MetaTensor's affine, meta and applied operations. Where a function has `spacing` (or
`sampling`), that of a MetaTensor comes from its affine, in the order of its axes, in mm. Values and dtypes are those of
the function: label maps are int32, masks bool.

Transforms are pickled for the processes of a DataLoader. Needs ``pip install "cormack[monai]"``; this module is
imported by its name alone.

Examples
--------
>>> import numpy as np
>>> from monai.data import MetaTensor
>>> from monai.transforms import Compose
>>> from cormack.compat.monai import ConnectedThresholdd, GaussianFilterd
>>> chain = Compose([
...     GaussianFilterd("image", sigma=1.5, unit="mm"),
...     ConnectedThresholdd("image", seeds=(8, 16, 16), lower=-10, upper=10),
... ])
>>> image = MetaTensor(np.zeros((1, 16, 32, 32), np.float32), affine=np.diag([3.0, 0.8, 0.8, 1]))
>>> region = chain({"image": image})["image"]
>>> region.dtype, region.pixdim.tolist()
(torch.bool, [3.0, 0.8, 0.8])
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ... import detect, enhance, filters, segment
from ._apply import OUTPUTS, Apply, Applyd
from ._radiomics import Radiomics, Radiomicsd
from ._resample import Resample, Resampled

__all__ = [
    "AdjustGamma",
    "AdjustGammad",
    "AnisotropicDiffusion",
    "AnisotropicDiffusiond",
    "Apply",
    "Applyd",
    "BilateralFilter",
    "BilateralFilterd",
    "BinaryClosing",
    "BinaryClosingd",
    "BinaryDilation",
    "BinaryDilationd",
    "BinaryErosion",
    "BinaryErosiond",
    "BinaryOpening",
    "BinaryOpeningd",
    "BinaryThreshold",
    "BinaryThresholdd",
    "Canny",
    "Cannyd",
    "ConfidenceConnected",
    "ConfidenceConnectedd",
    "ConnectedThreshold",
    "ConnectedThresholdd",
    "DistanceTransform",
    "DistanceTransformd",
    "EqualizeAdapthist",
    "EqualizeAdapthistd",
    "EqualizeHist",
    "EqualizeHistd",
    "FillHoles",
    "FillHolesd",
    "Frangi",
    "Frangid",
    "GaussianFilter",
    "GaussianFilterd",
    "GradientMagnitude",
    "GradientMagnituded",
    "Label",
    "Labeld",
    "LargestComponent",
    "LargestComponentd",
    "MedianFilter",
    "MedianFilterd",
    "NonLocalMeans",
    "NonLocalMeansd",
    "Normalize",
    "Normalized",
    "Radiomics",
    "Radiomicsd",
    "RemoveSmallObjects",
    "RemoveSmallObjectsd",
    "Resample",
    "Resampled",
    "RescaleIntensity",
    "RescaleIntensityd",
    "StretchContrast",
    "StretchContrastd",
    "ThresholdEnhance",
    "ThresholdEnhanced",
    "TotalVariation",
    "TotalVariationd",
    "UniformFilter",
    "UniformFilterd",
    "UnsharpMask",
    "UnsharpMaskd",
    "Watershed",
    "Watershedd",
    "Window",
    "Windowd",
]


def _named(name: str, function: Callable[..., Any]) -> tuple[Callable[..., Apply], Callable[..., Applyd]]:
    """Return `Apply` and `Applyd` of one function, as classes that pickle finds by their names in this module."""

    def of_arrays(self: Any, *arguments: Any, **parameters: Any) -> None:
        Apply.__init__(self, function, *arguments, **parameters)

    def of_keys(self: Any, keys: Any, *arguments: Any, **parameters: Any) -> None:
        Applyd.__init__(self, keys, function, *arguments, **parameters)

    word = inspect.Parameter
    own = [one for one in list(inspect.signature(function).parameters.values())[1:] if one.name not in OUTPUTS]
    further = [one for one in inspect.signature(Applyd).parameters.values() if one.kind is word.KEYWORD_ONLY]
    keys = word("keys", word.POSITIONAL_OR_KEYWORD, annotation="KeysCollection")
    full = f"{function.__module__.rpartition('.')[0]}.{function.__name__}"

    def made(base: Any, suffix: str, start: Any, parameters: list[inspect.Parameter], what: str) -> Any:
        # By place, also where they have no default: those that come from keys may be left out.
        parameters = sorted(
            (one.replace(default=None) if one.default is word.empty and one is not keys else one for one in parameters),
            key=lambda one: one.kind,
        )
        members = {
            "__init__": start,
            "__module__": __name__,
            "__doc__": f"`{full}` as a transform of {what}.",
            "__signature__": inspect.Signature(parameters),
        }
        return type(name + suffix, (base,), members)

    return (
        made(Apply, "", of_arrays, own, "arrays: `Apply`"),
        made(Applyd, "d", of_keys, [keys, *own, *further], "dictionaries: `Applyd`"),
    )


AdjustGamma, AdjustGammad = _named("AdjustGamma", enhance.adjust_gamma)
AnisotropicDiffusion, AnisotropicDiffusiond = _named("AnisotropicDiffusion", filters.anisotropic_diffusion)
BilateralFilter, BilateralFilterd = _named("BilateralFilter", filters.bilateral_filter)
BinaryClosing, BinaryClosingd = _named("BinaryClosing", segment.binary_closing)
BinaryDilation, BinaryDilationd = _named("BinaryDilation", segment.binary_dilation)
BinaryErosion, BinaryErosiond = _named("BinaryErosion", segment.binary_erosion)
BinaryOpening, BinaryOpeningd = _named("BinaryOpening", segment.binary_opening)
BinaryThreshold, BinaryThresholdd = _named("BinaryThreshold", segment.binary_threshold)
Canny, Cannyd = _named("Canny", detect.canny)
ConfidenceConnected, ConfidenceConnectedd = _named("ConfidenceConnected", segment.confidence_connected)
ConnectedThreshold, ConnectedThresholdd = _named("ConnectedThreshold", segment.connected_threshold)
DistanceTransform, DistanceTransformd = _named("DistanceTransform", segment.distance_transform_edt)
EqualizeAdapthist, EqualizeAdapthistd = _named("EqualizeAdapthist", enhance.equalize_adapthist)
EqualizeHist, EqualizeHistd = _named("EqualizeHist", enhance.equalize_hist)
FillHoles, FillHolesd = _named("FillHoles", segment.fill_holes)
Frangi, Frangid = _named("Frangi", filters.frangi)
GaussianFilter, GaussianFilterd = _named("GaussianFilter", filters.gaussian_filter)
GradientMagnitude, GradientMagnituded = _named("GradientMagnitude", filters.gradient_magnitude)
Label, Labeld = _named("Label", segment.label)
LargestComponent, LargestComponentd = _named("LargestComponent", segment.largest_component)
MedianFilter, MedianFilterd = _named("MedianFilter", filters.median_filter)
NonLocalMeans, NonLocalMeansd = _named("NonLocalMeans", filters.non_local_means)
Normalize, Normalized = _named("Normalize", enhance.normalize)
RemoveSmallObjects, RemoveSmallObjectsd = _named("RemoveSmallObjects", segment.remove_small_objects)
RescaleIntensity, RescaleIntensityd = _named("RescaleIntensity", enhance.rescale_intensity)
StretchContrast, StretchContrastd = _named("StretchContrast", enhance.stretch_contrast)
ThresholdEnhance, ThresholdEnhanced = _named("ThresholdEnhance", enhance.threshold_enhance)
TotalVariation, TotalVariationd = _named("TotalVariation", filters.total_variation)
UniformFilter, UniformFilterd = _named("UniformFilter", filters.uniform_filter)
UnsharpMask, UnsharpMaskd = _named("UnsharpMask", filters.unsharp_mask)
Watershed, Watershedd = _named("Watershed", segment.watershed)
Window, Windowd = _named("Window", enhance.window)
