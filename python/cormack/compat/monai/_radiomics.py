"""Features of regions."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform, Transform

from ... import _check, features
from ._apply import Apply, check_channels, of_channels, plain, spacing_of


class Radiomics(Transform):  # type: ignore[misc]
    """Compute the radiomics features of a region: `cormack.features.radiomics`.

    Parameters
    ----------
    settings : RadiomicsSettings or mapping, optional
        Processing and choice of features.
    label : int, optional
        The region is where the mask has this value. Default: where it is not zero.
    workers : int, optional
        Number of threads; default: the library's setting.

    Examples
    --------
    >>> import numpy as np
    >>> ct = np.arange(27.0).reshape(1, 3, 3, 3)
    >>> Radiomics({"families": ["first_order"]})(ct, ct > 9)["stat_mean"]
    18.0
    """

    backend = Apply.backend

    def __init__(self, settings: Any = None, label: int | None = None, *, workers: int | None = None) -> None:
        self.settings = settings
        self.label = label
        self.workers = workers

    def __call__(self, img: Any, mask: Any) -> dict[str, float]:
        """Return numbers by name; of several channels, names start with that of the channel: ``c0_stat_mean``."""
        name = "Radiomics"
        check_channels(name, "img", img)
        masks = of_channels(name, "mask", mask, img)
        if masks is None:
            raise _check.fail(name, "mask", f"be an image with {img.ndim} axes, channel first", type(mask), TypeError)
        spacing = next((spacing_of(name, one) for one in (img, mask) if isinstance(one, MetaTensor)), None)
        found: dict[str, float] = {}
        for channel, (image, region) in enumerate(zip(plain(img), masks, strict=True)):
            table = features.radiomics(
                image, region, spacing=spacing, settings=self.settings, label=self.label, workers=self.workers
            )
            start = f"c{channel}_" if len(masks) > 1 else ""
            found.update((start + column, value) for column, value in table.items())
        return found


class Radiomicsd(MapTransform):  # type: ignore[misc]
    """`Radiomics` of the images of a dictionary; features go to new keys.

    Parameters
    ----------
    keys : hashable or sequence of hashable
        Of the images.
    mask_key : hashable
        Of the mask, on the grid of the images.
    settings, label, workers
        As for `Radiomics`.
    postfix : str, default "radiomics"
        The features of ``"image"`` are at ``"image_radiomics"``.
    allow_missing_keys : bool, default False
        Leave out keys of images that the dictionary does not have.

    Examples
    --------
    >>> import numpy as np
    >>> ct = np.arange(27.0).reshape(1, 3, 3, 3)
    >>> case = Radiomicsd("ct", "mask", {"families": ["first_order"]})({"ct": ct, "mask": ct > 9})
    >>> case["ct_radiomics"]["stat_mean"]
    18.0
    """

    backend = Apply.backend

    def __init__(
        self,
        keys: KeysCollection,
        mask_key: Hashable,
        settings: Any = None,
        label: int | None = None,
        *,
        workers: int | None = None,
        postfix: str = "radiomics",
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.mask_key = mask_key
        self.postfix = postfix
        self.radiomics = Radiomics(settings, label, workers=workers)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the dictionary with the features of each image."""
        found = dict(data)
        if self.mask_key not in found:
            raise KeyError(f"Radiomicsd: `mask_key` is {self.mask_key!r}, which is missing")
        for key in self.key_iterator(found):
            found[f"{key}_{self.postfix}"] = self.radiomics(found[key], found[self.mask_key])
        return found
