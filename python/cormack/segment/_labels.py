"""Connected components."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _check, _cormack_cpu
from .._arrays import check_output, whole_items
from ._checks import connectivity_of, mask_of

# From this size on memory comes as pages of zeros from the system, with malloc as it is unless told otherwise.
_FRESH_BYTES = 32 << 20


def label(
    mask: Any, *, connectivity: int = 1, output: np.ndarray | None = None, workers: int | None = None
) -> tuple[Any, int]:
    """Number the connected components of a mask.

    Parameters
    ----------
    mask : array_like or Volume
        2-D or 3-D, of any dtype; what is not zero is foreground.
    connectivity : int, default 1
        How many coordinates may change by one in a step, from 1 (faces) to the number of dimensions (corners).
    output : ndarray of int32, optional
        Where to write the labels: an array of the shape of `mask` that shares no memory with it. Large volumes take
        half the time where the system need not find new memory for each.
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.

    Returns
    -------
    labels : ndarray of int32
        0 where the mask is zero, elsewhere the number of the component, from 1 in the order in which the components
        first appear in the array.
    count : int
        The number of components.

    Raises
    ------
    ValueError
        If `mask` is not 2-D or 3-D or `connectivity` does not suit it, or `output` does not.
    OverflowError
        If the mask has more runs of voxels along its last axis than int32 can number.

    See Also
    --------
    label_statistics : Measure the components.
    screen : Keep those that satisfy criteria.

    Notes
    -----
    Identical to ``scipy.ndimage.label`` with ``generate_binary_structure(ndim, connectivity)``. NaN is not zero.

    References
    ----------
    .. [1] L. He, Y. Chao, K. Suzuki, "A run-based two-scan labeling algorithm", IEEE TIP 17(5), 2008.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack.segment import label
    >>> labels, count = label(np.array([[1, 0, 1], [1, 0, 0], [0, 1, 1]]))
    >>> labels
    array([[1, 0, 2],
           [1, 0, 0],
           [0, 3, 3]], dtype=int32)
    >>> count
    3
    """
    taken = mask_of("label", "mask", mask)
    steps = connectivity_of("label", connectivity, taken.array.ndim)
    threads = _check.workers("label", workers)
    if output is not None:
        if not isinstance(output, np.ndarray) or output.dtype != np.int32:
            got = output.dtype if isinstance(output, np.ndarray) else type(output)
            raise _check.fail("label", "output", "be an array of int32", got, TypeError)
        check_output("label", "output", output, taken.array.shape)
        if np.may_share_memory(output, taken.array) or not whole_items(output):
            raise _check.fail("label", "output", "be aligned and share no memory with `mask`", type(output))
        return output, _cormack_cpu.label(taken.array, output, steps, False, threads)
    fresh = taken.array.size * 4 > _FRESH_BYTES
    labels = np.zeros(taken.array.shape, np.int32) if fresh else np.empty(taken.array.shape, np.int32)
    return taken.give_back(labels), _cormack_cpu.label(taken.array, labels, steps, fresh, threads)
