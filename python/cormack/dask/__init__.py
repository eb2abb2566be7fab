"""Volumes larger than memory: Cormack's operations on `dask.array`, with the results of those on arrays in memory.

Every function has the name, the arguments and, bit for bit, the result of the one in `cormack.filters`, `enhance` or
`segment`. It takes a dask array, or a `Volume` that holds one (whose spacing counts, and which comes back), or what
`cormack.io.open_zarr` gives of OME-Zarr, and returns one that is not computed yet; numbers are computed at once.

- Filters read what they need around each block (`overlap`, but aligned where sums start anew, and with the filter's own
  `mode` at the border of the image). Blocks that are smaller than that are joined.
- What depends on the whole image (`threshold_otsu`, `equalize_hist`, `equalize_adapthist`, `frangi`, ...) takes its
  statistics in passes before: the image is then computed more than once, so store what takes long to make.
- `label` and what is made of components (`connected_threshold`, `flood`, `fill_holes`, `remove_small_objects`, ...)
  join those of blocks in a first pass; numbers are those in memory. The mask must be the same in both passes.

Dask's threads work on a block each, so kernels run on one thread unless `workers` says otherwise. Blocks of some 4 to
32 MB serve best: larger ones take memory for each thread, smaller ones time for what lies around them. A filter of a
stored image holds about three layers of its blocks; `store` writes slab by slab, so that no more is read ahead.

What is not here: `_filters.NOT_LOCAL` and `_segment.NOT_IN_BLOCKS` say why. ``cormack[dask]`` installs what it takes.
"""

from __future__ import annotations

from ._blocks import store as store
from ._filters import FUNCTIONS as _FILTERS
from ._segment import FUNCTIONS as _SEGMENT
from ._whole import FUNCTIONS as _WHOLE

_FUNCTIONS = _FILTERS | _SEGMENT | _WHOLE
globals().update(_FUNCTIONS)
__all__ = sorted([*_FUNCTIONS, "store"])
