"""Connected components."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _check, _cormack_cpu, _slabs
from .._arrays import DTYPES, MASK_DTYPES, Taken, check_output, system_zeros, take, whole_items
from .._backends import OnDevice, Waiting, cannot, is_on_device, run
from ._checks import as_image, connectivity_of
from ._joined import labels_in_layers
from ._label_statistics import measure, renumbered


def label(
    mask: Any,
    *,
    connectivity: int = 1,
    output: np.ndarray | None = None,
    workers: int | None = None,
    device: str | None = None,
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
    device : {"cpu", "cuda"}, optional
        Where to compute. Default: where the mask is, which may be a CuPy array or another array on a GPU; the result
        is of the same kind. ``"cuda"`` copies a mask from the host to the GPU and the result back.

    Returns
    -------
    labels : ndarray of int32, or Volume
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
    # NaN is foreground, as for SciPy.
    given = take("label", "mask", mask, dtypes=MASK_DTYPES, device=device)
    threads = _check.workers("label", workers)
    if is_on_device(given.array):
        return _label_on_device(given, connectivity, output)
    taken = as_image(given)
    steps = connectivity_of("label", connectivity, taken.array.ndim)
    if output is not None:
        if not isinstance(output, np.ndarray) or output.dtype != np.int32:
            got = output.dtype if isinstance(output, np.ndarray) else type(output)
            raise _check.fail("label", "output", "be an array of int32", got, TypeError)
        check_output("label", "output", output, taken.array.shape)
        if np.may_share_memory(output, taken.array) or not whole_items(output):
            raise _check.fail("label", "output", "be aligned and share no memory with `mask`", type(output))
        return output, _cormack_cpu.label(taken.array, output, steps, False, threads)
    zeros = system_zeros(taken.array.shape, np.int32)
    labels = np.empty(taken.array.shape, np.int32) if zeros is None else zeros
    return taken.give_back(labels), _cormack_cpu.label(taken.array, labels, steps, zeros is not None, threads)


def _label_on_device(taken: Taken, connectivity: Any, output: Any) -> tuple[Any, int]:
    mask = taken.array
    assert is_on_device(mask)
    steps = connectivity_of("label", connectivity, mask.ndim)
    if output is not None:
        raise cannot("label", "`output` is None")
    if mask.dtype not in DTYPES:
        raise cannot("label", f"`mask` is no array of {mask.dtype}")
    labels, number = components_on_device("label", mask, steps)
    return taken.give_back(labels), number  # type: ignore[arg-type]


def components_on_device(function: str, mask: OnDevice, steps: int) -> tuple[OnDevice, int]:
    """Number the components of a mask, which may be larger than the GPU's memory where it is on the host."""
    if not mask.size:
        return mask.empty(dtype=np.int32), 0

    def label(part: OnDevice) -> tuple[OnDevice, OnDevice]:
        labels, count = part.empty(dtype=np.int32), part.empty((1,), np.int32)
        run(function, "label", [part, labels, count], connectivity=steps)
        return labels, count

    found = _slabs.at_once(function, [mask], label) if isinstance(mask, Waiting) else label(mask)
    if found is not None:
        return found[0], int(found[1].to_host()[0])
    assert isinstance(mask, Waiting)
    joined, number = labels_in_layers(function, mask, steps, label)
    return Waiting(function, joined, mask.library), number


def relabel_sequential(
    labels: Any, offset: int = 1, *, workers: int | None = None, device: str | None = None
) -> tuple[Any, dict[int, int], np.ndarray]:
    """Number the objects of a label image without gaps, in the order of their old numbers.

    Parameters
    ----------
    labels : array_like or Volume
        2-D or 3-D, of any integer dtype or bool; 0 is background and stays.
    offset : int, default 1
        The first new number.
    workers : int, optional
        Threads; by default as `cormack.set_num_threads` says. The result does not depend on it.
    device : {"cpu", "cuda"}, optional
        Where to compute. Default: where the labels are, which may be a CuPy array or another array on a GPU; the new
        ones are of the same kind. ``"cuda"`` copies them from the host to the GPU and back. There they have at most 32
        bits and lie below 2^22.

    Returns
    -------
    relabeled : ndarray of int32, or Volume
        The new numbers.
    forward_map : dict
        The new number of each old one, 0 of 0.
    inverse_map : ndarray
        The old number of each new one, 0 where there is none, in the dtype of the old ones.

    Raises
    ------
    TypeError
        If `labels` is not of an integer dtype.
    ValueError
        If a label is negative, `offset` is below 1, or the new numbers go beyond int32.

    See Also
    --------
    screen : Keep objects that satisfy criteria, numbered without gaps.

    Notes
    -----
    As ``skimage.segmentation.relabel_sequential``, whose maps are objects of its own and whose result may be of a wider
    dtype.

    Examples
    --------
    >>> import numpy as np
    >>> from cormack.segment import relabel_sequential
    >>> relabeled, forward_map, inverse_map = relabel_sequential(np.array([[0, 7, 7], [3, 0, 7]]))
    >>> relabeled
    array([[0, 2, 2],
           [1, 0, 2]], dtype=int32)
    >>> forward_map, inverse_map
    ({0: 0, 3: 1, 7: 2}, array([0, 3, 7]))
    """
    name = "relabel_sequential"
    first = _check.integer(name, "offset", offset, minimum=1)
    measured = measure(name, labels, None, None, workers, properties=(), device=device)
    old = measured.table["label"]
    if first + len(old) > 2**31:
        raise _check.fail(name, "offset", "leave numbers within int32", offset)
    new = np.arange(first, first + len(old), dtype=np.int32)
    inverse = np.zeros(first + len(old), old.dtype)
    inverse[first:] = old
    return (
        renumbered(name, measured, new, workers),
        {0: 0} | dict(zip(old.tolist(), new.tolist(), strict=True)),
        inverse,
    )
