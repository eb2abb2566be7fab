"""A call of every public function, for tests that run them all; what needs a package that is absent is left out.

``python tests/system/whole_api.py`` runs them from 16 threads, and in a forked child, under any interpreter.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

import cormack
from cormack import Volume, anatomy, detect, features, filters, io, phantoms, segment

random = np.random.default_rng(7)
# Large enough that its rows are split among threads, where a function is fast.
IMAGE = (filters.gaussian_filter(random.normal(0, 1, (20, 40, 48)), 1.5) * 2000).astype(np.int16)
SMALL = IMAGE[:8, :14, :18]
SLICE = IMAGE[10]
FLOAT = IMAGE.astype(np.float32)
MASK = IMAGE > 50
LABELS = segment.label(MASK)[0]
LEVELS = features.discretise(SMALL, bin_number=6)[0]
SOME = SMALL > -200
SEED = tuple(int(i) for i in np.unravel_index(IMAGE.argmax(), IMAGE.shape))
FAR = tuple(int(i) for i in np.unravel_index(IMAGE.argmin(), IMAGE.shape))
MARKERS = segment.label(IMAGE > 300)[0]
SPACING = (2.5, 0.8, 0.8)
CHEST = phantoms.chest_ct((24, 64, 64), spacing=(8.0, 5.2, 5.2), nodules=1, diameters_mm=(16, 20))
CT = CHEST.volume.array
LUNGS = anatomy.lungs(CT, spacing=(8.0, 5.2, 5.2))
TWO_PEAKS = np.repeat(
    np.arange(20, dtype=np.int16), [1, 2, 4, 8, 4, 2, 1, 0, 0, 0, 0, 0, 0, 1, 2, 4, 8, 4, 2, 1]
).reshape(2, -1)
SURFACE = detect.marching_cubes(IMAGE, 100.0)

# Arguments, positional and by name, or a function of a folder of the call's own.
Call = tuple[Any, ...] | Callable[[Path], Any]
CALLS: dict[str, Call] = {
    "filters.affine_transform": (FLOAT, np.diag([0.9, 1.1, 0.8])),
    "filters.bilateral_filter": (SMALL, 1.0, 80.0),
    "filters.convolve": (IMAGE, np.arange(27).reshape(3, 3, 3)),
    "filters.convolve1d": (IMAGE, [1, 2, -1]),
    "filters.correlate": (FLOAT, np.arange(27.0).reshape(3, 3, 3)),
    "filters.correlate1d": (FLOAT, [1.0, 2.0, -1.0]),
    "filters.gabor_bank": (SLICE, [0.2], 2),
    "filters.gabor_filter": (SMALL, 2.0, 3.0),
    "filters.gaussian_filter": (IMAGE, 1.2),
    "filters.gaussian_gradient_magnitude": (IMAGE, 1.0),
    "filters.gaussian_laplace": (FLOAT, 1.0),
    "filters.laws_filter": (SMALL, "E5L5S5"),
    "filters.median_filter": (IMAGE, 3),
    "filters.non_local_means": (SMALL, {"h": 50.0}),
    "filters.percentile_filter": (IMAGE, 30, 3),
    "filters.rank_filter": (IMAGE, 5, 3),
    "filters.riesz_filter": (SMALL, (1, 0, 0)),
    "filters.total_variation": (SMALL, 20.0),
    "filters.wavelet_filter": (SMALL, "haar", "LLH"),
    **{f"filters.{name}_filter": (IMAGE, 3) for name in ("maximum", "minimum", "uniform")},
    **{f"filters.grey_{name}": (IMAGE, 3) for name in ("closing", "dilation", "erosion", "opening")},
    **{f"filters.{name}": (IMAGE, 3) for name in ("black_tophat", "white_tophat", "morphological_gradient")},
    **{f"filters.{name}": (FLOAT,) for name in ("gradient_magnitude", "prewitt", "scharr", "sobel", "unsharp_mask")},
    **{f"filters.{name}": (SMALL,) for name in ("anisotropic_diffusion", "hessian_eigenvalues", "hessian_matrix")},
    **{f"filters.{name}": (SMALL,) for name in ("dot_enhancement", "frangi", "meijering", "sato", "simoncelli_filter")},
    "enhance.fit_nyul_standard": ([IMAGE, FLOAT],),
    "enhance.match_histograms": (IMAGE, IMAGE[::-1] * 2),
    "enhance.normalize": (FLOAT,),
    "enhance.threshold_enhance": (IMAGE, -100, 300, {"inside": 500}),
    "enhance.window": (IMAGE, 40, 400),
    "enhance.adjust_gamma": (IMAGE - IMAGE.min(), 0.7),
    "enhance.adjust_log": (IMAGE - IMAGE.min(),),
    "enhance.adjust_sigmoid": (IMAGE - IMAGE.min(),),
    **{f"enhance.{name}": (IMAGE,) for name in ("equalize_adapthist", "equalize_hist", "histogram")},
    **{f"enhance.{name}": (IMAGE,) for name in ("rescale_intensity", "stretch_contrast")},
    "segment.apply_hysteresis_threshold": (IMAGE, 50, 300),
    "segment.ball": (2,),
    "segment.binary_threshold": (IMAGE, 0, 200),
    "segment.chan_vese": (SLICE, {"max_num_iter": 20}),
    "segment.checkerboard_level_set": ((20, 20),),
    "segment.confidence_connected": (IMAGE, [SEED]),
    "segment.connected_threshold": (IMAGE, [SEED], 100, 3000),
    "segment.disk_level_set": ((20, 20),),
    "segment.distance_transform_edt": (MASK,),
    "segment.flood": (IMAGE, SEED, {"tolerance": 300}),
    "segment.flood_fill": (IMAGE, SEED, 7, {"tolerance": 300}),
    "segment.inverse_gaussian_gradient": (SLICE,),
    "segment.isolated_connected": (IMAGE, [SEED], [FAR], {"find_upper": False}),
    "segment.label_statistics": (LABELS, IMAGE, {"spacing": SPACING}),
    "segment.morphological_chan_vese": (SLICE, 3),
    "segment.morphological_geodesic_active_contour": (FLOAT[10], 3),
    "segment.neighborhood_connected": (IMAGE, [SEED], -3000, 3000),
    "segment.relabel_sequential": (LABELS * 3,),
    "segment.remove_small_holes": (MASK, {"max_size": 20}),
    "segment.remove_small_objects": (MASK, {"max_size": 20}),
    "segment.screen": (LABELS, IMAGE, {"spacing": SPACING, "volume_mm3": (20, None)}),
    "segment.seeded_region_growing": (SMALL, MARKERS[:8, :14, :18]),
    "segment.watershed": (IMAGE, MARKERS),
    **{f"segment.binary_{name}": (MASK,) for name in ("closing", "dilation", "erosion", "opening")},
    **{f"segment.{name}": (MASK,) for name in ("clear_border", "fill_holes", "label", "largest_component")},
    **{f"segment.threshold_{name}": (IMAGE,) for name in ("isodata", "li", "mean", "multiotsu", "otsu")},
    **{f"segment.threshold_{name}": (IMAGE,) for name in ("triangle", "yen")},
    "segment.threshold_minimum": (TWO_PEAKS,),
    **{f"segment.threshold_{name}": (IMAGE, 5) for name in ("local", "niblack", "sauvola")},
    "features.definitions": (),
    "features.discretise": (SMALL, {"bin_number": 6}),
    "features.feature_map": (SMALL, SOME, ["stat_mean", "cm_contrast"], {"settings": {"bin_number": 6}}),
    "features.first_order": (IMAGE, MASK),
    "features.intensity_histogram": (LEVELS,),
    "features.intensity_volume_histogram": (IMAGE, MASK),
    "features.local_binary_pattern": (SLICE, 8, 1.0),
    "features.local_binary_pattern_3d": (SMALL, 6, 1.0),
    "features.local_intensity": (IMAGE, MASK),
    "features.morphology": (SOME, SMALL, {"spacing": SPACING}),
    "features.radiomics": (SMALL, SOME, {"spacing": SPACING, "settings": {"bin_number": 6}}),
    "features.resample": (SMALL, SPACING, 1.0),
    "features.resample_mask": (SOME, SPACING, 1.0),
    "features.resegment": (SMALL, SOME, {"sigma": 3.0}),
    "features.round_intensities": (FLOAT,),
    **{f"features.{name}": (LEVELS,) for name in ("glcm", "gldzm", "glrlm", "glszm", "ngldm", "ngtdm")},
    **{f"features.{name}_matrix": (LEVELS,) for name in ("glcm", "gldzm", "glrlm", "glszm", "ngldm", "ngtdm")},
    "detect.blob_dog": (FLOAT, {"min_sigma": 1, "max_sigma": 3}),
    "detect.blob_doh": (SLICE, {"min_sigma": 1, "max_sigma": 3}),
    "detect.blob_log": (FLOAT, {"min_sigma": 1, "max_sigma": 3, "num_sigma": 3}),
    "detect.canny": (IMAGE,),
    "detect.canny_points": (IMAGE,),
    "detect.find_boundaries": (LABELS,),
    "detect.find_contours": (SLICE, 50.0),
    "detect.froc": ([([0.9, 0.4], [0, -1], 1), ([0.8, 0.7], [-1, 1], 2)],),
    "detect.marching_cubes": (IMAGE, 100.0),
    "detect.match_template": (SLICE, SLICE[5:12, 6:13]),
    "detect.non_maximum_suppression": ([[0.0, 0, 5, 5], [1, 1, 6, 6], [9, 9, 12, 12]], [0.5, 0.9, 0.7]),
    "detect.peak_local_max": (IMAGE,),
    "detect.score_lesions": (
        segment.label_statistics(CHEST.nodule_labels),
        CHEST.nodules,
        {"spacing": (8.0, 5.2, 5.2)},
    ),
    "detect.zero_crossings": (FLOAT,),
    **{f"detect.{name}": (SMALL,) for name in ("asymmetry_map", "rx_detector", "symmetry_plane")},
    "anatomy.brain": (CT, {"spacing": (8.0, 5.2, 5.2), "stripped": False}),
    "anatomy.lungs": (CT, {"spacing": (8.0, 5.2, 5.2)}),
    "anatomy.nodule_candidates": (CT, LUNGS, {"spacing": (8.0, 5.2, 5.2)}),
    "anatomy.outside_air": (CT,),
    "io.read": lambda folder: io.read(written(folder)).array,
    "io.read_all": lambda folder: [volume.array for volume in io.read_all(written(folder))],
    "io.read_mask": lambda folder: io.read_mask(written(folder, MASK)).array,
    "io.read_masks": lambda folder: [mask.array for mask in io.read_masks(written(folder, MASK)).values()],
    "io.list_regions": lambda folder: len(io.list_regions(written(folder, MASK))),
    "io.find_studies": lambda folder: len(io.find_studies(written(folder).parent)),
    "io.open_zarr": lambda folder: np.asarray(io.open_zarr(written(folder, suffix=".zarr")).array[2:5]),
    "io.write": lambda folder: written(folder).read_bytes(),
    "io.write_mesh": lambda folder: meshed(folder).read_bytes(),
}
# These start processes of their own, or need a study of DICOM files.
NOT_CALLED = {"io.import_archive", "io.scan", "io.write_segmentation"}
# Not for every interpreter there is.
if importlib.util.find_spec("imagecodecs") is None:
    del CALLS["io.open_zarr"]
    NOT_CALLED.add("io.open_zarr")


def written(folder: Path, array: np.ndarray = SMALL, suffix: str = ".mha") -> Path:
    path = folder / f"image{suffix}"
    io.write(Volume(array.astype(np.int16), SPACING), path)
    return path


def meshed(folder: Path) -> Path:
    io.write_mesh(folder / "mesh.stl", *SURFACE[:2])
    return folder / "mesh.stl"


def plain(value: Any) -> Any:
    """Return what says everything of a result, bit by bit, and compares with ==."""
    if isinstance(value, np.ndarray | np.generic):
        return str(value.dtype), value.shape, value.tobytes()
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "__dict__"):
        return plain(vars(value))
    return repr(value)


def call(name: str, folder: Path) -> Any:
    how = CALLS[name]
    if callable(how):
        return plain(how(folder))
    namespace, function = name.split(".")
    options = how[-1] if how and isinstance(how[-1], dict) else {}
    result = getattr(getattr(cormack, namespace), function)(*how[: len(how) - bool(options)], **options)
    return plain(result)


def run_all(folder: Path, first: int = 0) -> dict[str, Any]:
    """Return the results of all calls, which begin at the `first` and go round."""
    names = list(CALLS)
    folder.mkdir()
    return {name: call(name, folder) for name in names[first:] + names[:first]}


def run_from_threads(folder: Path, threads: int = 16) -> list[dict[str, Any] | BaseException]:
    """Return the results, or the error, of each of some threads, which start together and at different calls."""
    results: list[Any] = [None] * threads
    together = threading.Barrier(threads)

    def run(number: int) -> None:
        together.wait()
        try:
            # Two by two: a function meets itself as well as others.
            results[number] = run_all(folder / str(number), number // 2 * len(CALLS) // threads)
        except BaseException as error:
            results[number] = error

    workers = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return results


def differences(result: dict[str, Any] | BaseException, expected: dict[str, Any]) -> list[str]:
    if isinstance(result, BaseException):
        return [repr(result)]
    return [name for name in expected if result[name] != expected[name]]


def differences_after_fork(folder: Path, expected: dict[str, Any]) -> int:
    """Return how many calls of a forked child had other results; 255: the child died or failed."""
    with warnings.catch_warnings():
        # Python 3.12 warns where a process has threads, as ours does.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        status = 255
        try:
            status = min(254, len(differences(run_all(folder), expected)))
        finally:
            os._exit(status)
    ended = os.waitpid(child, 0)[1]
    return os.WEXITSTATUS(ended) if os.WIFEXITED(ended) else 255


def leave_out_what_needs_more(folder: Path) -> list[str]:
    """Forget the calls that need a package which is not installed, and return their names."""
    folder.mkdir()
    missing = []
    for name in list(CALLS):
        try:
            call(name, folder)
        except cormack.BackendUnavailable:
            missing.append(name)
            del CALLS[name]
    return missing


def main() -> int:
    cormack.set_num_threads(4)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        missing = leave_out_what_needs_more(folder / "first")
        expected = run_all(folder / "once")
        wrong = list(itertools.chain.from_iterable(differences(r, expected) for r in run_from_threads(folder)))
        forked = differences_after_fork(folder / "forked", expected) if hasattr(os, "fork") else 0
    free = not getattr(sys, "_is_gil_enabled", lambda: True)()
    if missing:
        print(f"left out, for want of a package: {', '.join(missing)}")
    print(
        f"{len(CALLS)} calls, 16 threads{', no GIL' if free else ''}: {wrong or 'equal'}; after fork: {forked} differ"
    )
    return 1 if wrong or forked else 0


if __name__ == "__main__":
    sys.exit(main())
