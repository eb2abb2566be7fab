"""Images on grids with another spacing, and back."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import InvertibleTransform, MapTransform
from monai.utils import TransformBackends, ensure_tuple_rep

from ... import _check
from ...volume import Volume
from ._apply import check_channels, plain, spacing_of, with_meta


class Resample(InvertibleTransform):  # type: ignore[misc]
    """Give a MetaTensor another spacing, in the same place: `Volume.resample` of each channel, and its new affine.

    Parameters
    ----------
    spacing : float or sequence of float
        New voxel size in mm, in the order of the image's axes; one value means every axis.
    interpolation, dtype, workers
        As for `Volume.resample`. Label maps need "nearest".

    Notes
    -----
    The inverse brings an image back to the grid that it came from, by the same interpolation.

    Examples
    --------
    >>> import numpy as np
    >>> from monai.data import MetaTensor
    >>> image = MetaTensor(np.zeros((1, 8, 8, 4), np.float32), affine=np.diag([1.0, 1, 4, 1]))
    >>> fine = Resample((1, 1, 2))(image)
    >>> fine.shape, fine.affine.diagonal().tolist(), fine.affine[2, 3].item()
    (torch.Size([1, 8, 8, 8]), [1.0, 1.0, 2.0, 1.0], -1.0)
    """

    backend = (TransformBackends.TORCH,)

    def __init__(
        self, spacing: Any, interpolation: str | None = None, *, dtype: Any = None, workers: int | None = None
    ) -> None:
        self.spacing = spacing
        self.interpolation = interpolation
        self.dtype = dtype
        self.workers = workers

    def __call__(self, img: Any) -> Any:
        """Return the image on its new grid."""
        volumes = self._volumes(img)
        found = [
            volume.resample(self.spacing, interpolation=self.interpolation, dtype=self.dtype, workers=self.workers)
            for volume in volumes
        ]
        # From the new grid's indices to the old one's.
        steps = np.eye(len(img.affine))
        old, new = np.asarray(volumes[0].spacing), found[0]
        n = new.ndim
        steps[range(n), range(n)] = new.spacing / old
        steps[:n, -1] = new.origin / old
        result = with_meta(torch.stack([torch.from_numpy(volume.array) for volume in found]), img)
        before = img.affine
        result.affine = before.to(torch.float64) @ torch.from_numpy(steps)
        extra = {"steps": steps.tolist(), "affine": before.tolist()}
        return self.push_transform(result, orig_size=tuple(img.shape[1:]), extra_info=extra)

    def inverse(self, data: Any) -> Any:
        """Return an image of this transform on the grid from before."""
        transform = self.pop_transform(data)
        shape, extra = transform["orig_size"], transform["extra_info"]
        steps = np.linalg.inv(np.asarray(extra["steps"]))
        own = [Volume(channel, spacing=1.0) for channel in plain(data)]
        n = own[0].ndim
        grid = Volume(np.broadcast_to(np.uint8(0), tuple(shape)), np.diag(steps)[:n], steps[:n, -1])
        found = [volume.resample_to(grid, interpolation=self.interpolation, workers=self.workers) for volume in own]
        result = with_meta(torch.stack([torch.from_numpy(volume.array) for volume in found]), data)
        result.affine = torch.tensor(extra["affine"], dtype=torch.float64)
        return result

    @staticmethod
    def _volumes(img: Any) -> list[Volume]:
        if not isinstance(img, MetaTensor):
            raise _check.fail("Resample", "img", "be a MetaTensor, which has a spacing", type(img), TypeError)
        check_channels("Resample", "img", img)
        spacing = spacing_of("Resample", img)
        return [Volume(channel, spacing) for channel in plain(img)]


class Resampled(MapTransform, InvertibleTransform):  # type: ignore[misc]
    """`Resample` for the images of a dictionary.

    Parameters
    ----------
    keys : hashable or sequence of hashable
        Of the images.
    spacing : float or sequence of float
        As for `Resample`.
    interpolation : str, None or sequence of them, optional
        As for `Resample`; a sequence has one for each key.
    dtype, workers
        As for `Resample`.
    allow_missing_keys : bool, default False
        Leave out keys that the dictionary does not have.

    Examples
    --------
    >>> import numpy as np
    >>> from monai.data import MetaTensor
    >>> case = {"ct": MetaTensor(np.zeros((1, 8, 8))), "mask": MetaTensor(np.zeros((1, 8, 8), bool))}
    >>> Resampled(["ct", "mask"], 0.5, ("linear", "nearest"))(case)["mask"].shape
    torch.Size([1, 16, 16])
    """

    backend = Resample.backend

    def __init__(
        self,
        keys: KeysCollection,
        spacing: Any,
        interpolation: Any = None,
        *,
        dtype: Any = None,
        workers: int | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.transforms = [
            Resample(spacing, one, dtype=dtype, workers=workers)
            for one in ensure_tuple_rep(interpolation, len(self.keys))
        ]

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the dictionary with images on their new grids."""
        return self._each(data, lambda transform, image: transform(image))

    def inverse(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the dictionary with images on the grids from before."""
        return self._each(data, lambda transform, image: transform.inverse(image))

    def _each(self, data: Mapping[Hashable, Any], run: Callable[[Resample, Any], Any]) -> dict[Hashable, Any]:
        found = dict(data)
        for key, transform in self.key_iterator(found, self.transforms):
            found[key] = run(transform, found[key])
        return found
