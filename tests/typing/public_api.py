"""The whole public API as a type checker sees it: each function called as users call it; nothing here is run.

``mypy --strict tests/typing/public_api.py`` (CI does) and ``pyright tests/typing/public_api.py`` find no fault in it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import cormack
from cormack import (
    Volume,
    anatomy,
    anomaly,
    bench,
    classify,
    deep,
    detect,
    enhance,
    features,
    filters,
    io,
    ndimage,
    phantoms,
    pipeline,
    segment,
)

image: npt.NDArray[np.int16] = np.zeros((8, 16, 16), np.int16)
volume = Volume(image, (2.5, 0.8, 0.8))
slice_: npt.NDArray[np.uint8] = np.zeros((16, 16), np.uint8)
mask: npt.NDArray[np.bool_] = image > 0
labels: npt.NDArray[np.int32] = image.astype(np.int32)
levels = labels
spacing: tuple[float, float, float] = (2.5, 0.8, 0.8)
seed: tuple[int, ...] = (3, 4, 5)
far: tuple[int, ...] = (0, 0, 0)


def use_filters() -> None:
    filters.affine_transform(image.astype(np.float32), np.diag([0.9, 1.1, 0.8]))
    filters.anisotropic_diffusion(image)
    filters.bilateral_filter(image, 1.0, 80.0)
    filters.black_tophat(image, 3)
    filters.convolve(image, np.arange(27).reshape(3, 3, 3))
    filters.convolve1d(image, [1, 2, -1])
    filters.correlate(image.astype(np.float32), np.arange(27.0).reshape(3, 3, 3))
    filters.correlate1d(image.astype(np.float32), [1.0, 2.0, -1.0])
    filters.dot_enhancement(image)
    filters.frangi(image)
    filters.gabor_bank(slice_, [0.2], 2)
    filters.gabor_filter(image, 2.0, 3.0)
    filters.gaussian_filter(image, 1.2)
    filters.gaussian_gradient_magnitude(image, 1.0)
    filters.gaussian_laplace(image.astype(np.float32), 1.0)
    filters.gradient_magnitude(image.astype(np.float32))
    filters.grey_closing(image, 3)
    filters.grey_dilation(image, 3)
    filters.grey_erosion(image, 3)
    filters.grey_opening(image, 3)
    filters.hessian_eigenvalues(image)
    filters.hessian_matrix(image)
    filters.laws_filter(image, "E5L5S5")
    filters.maximum_filter(image, 3)
    filters.median_filter(image, 3)
    filters.meijering(image)
    filters.minimum_filter(image, 3)
    filters.morphological_gradient(image, 3)
    filters.non_local_means(image, h=50.0)
    filters.percentile_filter(image, 30, 3)
    filters.prewitt(image.astype(np.float32))
    filters.rank_filter(image, 5, 3)
    filters.riesz_filter(image, (1, 0, 0))
    filters.sato(image)
    filters.scharr(image.astype(np.float32))
    filters.simoncelli_filter(image)
    filters.sobel(image.astype(np.float32))
    filters.total_variation(image, 20.0)
    filters.uniform_filter(image, 3)
    filters.unsharp_mask(image.astype(np.float32))
    filters.wavelet_filter(image, "haar", "LLH")
    filters.white_tophat(image, 3)


def use_enhance() -> None:
    enhance.adjust_gamma(image - image.min(), 0.7)
    enhance.adjust_log(image - image.min())
    enhance.adjust_sigmoid(image - image.min())
    enhance.equalize_adapthist(image)
    enhance.equalize_hist(image)
    enhance.fit_nyul_standard([image, image.astype(np.float32)])
    enhance.histogram(image)
    enhance.match_histograms(image, image[::-1] * 2)
    enhance.normalize(image.astype(np.float32))
    enhance.rescale_intensity(image)
    enhance.stretch_contrast(image)
    enhance.threshold_enhance(image, -100, 300, inside=500)
    enhance.window(image, 40, 400)


def use_segment() -> None:
    segment.apply_hysteresis_threshold(image, 50, 300)
    segment.ball(2)
    segment.binary_closing(mask)
    segment.binary_dilation(mask)
    segment.binary_erosion(mask)
    segment.binary_opening(mask)
    segment.binary_threshold(image, 0, 200)
    segment.chan_vese(slice_, max_num_iter=20)
    segment.checkerboard_level_set((20, 20))
    segment.clear_border(mask)
    segment.confidence_connected(image, [seed])
    segment.connected_threshold(image, [seed], 100, 3000)
    segment.disk_level_set((20, 20))
    segment.distance_transform_edt(mask)
    segment.fill_holes(mask)
    segment.flood(image, seed, tolerance=300)
    segment.flood_fill(image, seed, 7, tolerance=300)
    segment.inverse_gaussian_gradient(slice_)
    segment.isolated_connected(image, [seed], [far], find_upper=False)
    segment.label(mask)
    segment.label_statistics(labels, image, spacing=spacing)
    segment.largest_component(mask)
    segment.morphological_chan_vese(slice_, 3)
    segment.morphological_geodesic_active_contour(image[10], 3)
    segment.neighborhood_connected(image, [seed], -3000, 3000)
    segment.relabel_sequential(labels * 3)
    segment.remove_small_holes(mask, max_size=20)
    segment.remove_small_objects(mask, max_size=20)
    segment.screen(labels, image, spacing=spacing, volume_mm3=(20, None))
    segment.seeded_region_growing(image, labels)
    segment.threshold_isodata(image)
    segment.threshold_li(image)
    segment.threshold_local(image, 5)
    segment.threshold_mean(image)
    segment.threshold_minimum(image)
    segment.threshold_multiotsu(image)
    segment.threshold_niblack(image, 5)
    segment.threshold_otsu(image)
    segment.threshold_sauvola(image, 5)
    segment.threshold_triangle(image)
    segment.threshold_yen(image)
    segment.watershed(image, labels)


def use_features() -> None:
    features.definitions()
    features.discretise(image, bin_number=6)
    features.feature_map(image, mask, ["stat_mean", "cm_contrast"], settings={"bin_number": 6})
    features.first_order(image, mask)
    features.glcm(levels)
    features.glcm_matrix(levels)
    features.gldzm(levels)
    features.gldzm_matrix(levels)
    features.glrlm(levels)
    features.glrlm_matrix(levels)
    features.glszm(levels)
    features.glszm_matrix(levels)
    features.intensity_histogram(levels)
    features.intensity_volume_histogram(image, mask)
    features.local_binary_pattern(slice_, 8, 1.0)
    features.local_binary_pattern_3d(image, 6, 1.0)
    features.local_intensity(image, mask)
    features.morphology(mask, image, spacing=spacing)
    features.ngldm(levels)
    features.ngldm_matrix(levels)
    features.ngtdm(levels)
    features.ngtdm_matrix(levels)
    features.radiomics(image, mask, spacing=spacing, settings={"bin_number": 6})
    features.resample(image, spacing, 1.0)
    features.resample_mask(mask, spacing, 1.0)
    features.resegment(image, mask, sigma=3.0)
    features.round_intensities(image.astype(np.float32))


def use_detect() -> None:
    detect.asymmetry_map(image)
    detect.blob_dog(image.astype(np.float32), min_sigma=1, max_sigma=3)
    detect.blob_doh(slice_, min_sigma=1, max_sigma=3)
    detect.blob_log(image.astype(np.float32), min_sigma=1, max_sigma=3, num_sigma=3)
    detect.canny(image)
    detect.canny_points(image)
    detect.find_boundaries(labels)
    detect.find_contours(slice_, 50.0)
    detect.froc([([0.9, 0.4], [0, -1], 1), ([0.8, 0.7], [-1, 1], 2)])
    detect.marching_cubes(image, 100.0)
    detect.match_template(slice_, slice_[5:12, 6:13])
    detect.non_maximum_suppression([[0.0, 0, 5, 5], [1, 1, 6, 6], [9, 9, 12, 12]], [0.5, 0.9, 0.7])
    detect.peak_local_max(image)
    detect.rx_detector(image)
    detect.score_lesions(segment.label_statistics(labels), segment.label_statistics(labels), spacing=spacing)
    detect.symmetry_plane(image)
    detect.zero_crossings(image.astype(np.float32))


def use_anatomy() -> None:
    anatomy.brain(image, spacing=(8.0, 5.2, 5.2), stripped=False)
    anatomy.lungs(image, spacing=(8.0, 5.2, 5.2))
    anatomy.nodule_candidates(image, mask, spacing=(8.0, 5.2, 5.2))
    anatomy.outside_air(image)


def use_io(path: Path) -> None:
    read: Volume = io.read(path)
    every: list[Volume] = list(io.read_all(path))
    inside: Volume = io.read_mask(path, reference=read)
    masks: dict[str, Volume] = dict(io.read_masks(path))
    io.list_regions(path)
    io.find_studies(path)
    catalog: io.Catalog = io.scan(path)
    io.import_archive(path, path)
    lazy: io.LazyVolume = io.open_zarr(path)
    np.asarray(lazy.array[2:5])
    io.write(every[0], path)
    io.write_mesh(path, *detect.marching_cubes(image, 100.0)[:2])
    io.write_segmentation(masks, path, source=path)
    print(inside, catalog, io.SUPPORTED_SUFFIXES)


def use_volume() -> None:
    one = Volume(image, spacing)
    same: Volume = one.replace(array=mask)
    one.check_geometry(same)
    agrees: bool = one.same_geometry(same)
    resampled: Volume = one.resample(1.0).reorient("RAS").resample_to(one)
    Volume.from_sitk(resampled.to_sitk())
    Volume.from_affine(image, one.affine)
    numbers: tuple[float, ...] = one.spacing_xyz + one.origin_xyz
    extents: tuple[int, ...] = one.shape
    one.world_to_index(one.index_to_world((0, 0, 0)))
    print(agrees, numbers, extents, one.ndim, one.dtype, one.orientation, one.direction_xyz, one.voxel_volume_mm3)
    smooth: Volume = filters.median_filter(one, size=3)
    print(smooth.spacing)


def use_settings() -> None:
    threads: int = cormack.get_num_threads()
    cormack.set_num_threads(threads)
    cormack.set_gpu_memory_limit("4 GiB")
    limit: int | None = cormack.get_gpu_memory_limit()
    config: dict[str, Any] = cormack.show_config("dict")
    version: str = cormack.__version__
    print(limit, config, version)


def use_errors(path: Path) -> None:
    try:
        io.read(path)
    except (io.ReadError, cormack.GeometryError, cormack.BackendUnavailable, cormack.GpuMemoryError) as error:
        print(error)


def use_pipeline(path: Path) -> None:
    config: pipeline.Config = pipeline.load_config(path)
    result: pipeline.RunResult = pipeline.run(path, config, path)
    for case in pipeline.run_iter(path, config, path):
        print(case.id)
    cormack.run(path, config, path)
    cormack.run_iter(path, config, path)
    pipeline.estimate(path, config, path)
    pipeline.read_status(path)
    pipeline.list_presets()
    pipeline.apply(pipeline.Case("one", {"image": volume}), config.steps[0])
    pipeline.run_demo(path)
    print(result)


def use_phantoms(path: Path) -> None:
    chest: phantoms.ChestPhantom = phantoms.chest_ct((96, 256, 256), spacing, nodules=3)
    phantoms.score_nodules(segment.label_statistics(labels), chest)
    lesion: phantoms.LesionPhantom = phantoms.lesion()
    phantoms.write_chests(path, 3)
    phantoms.write_lesions(path, 3)
    print(lesion)


def use_classify(path: Path) -> None:
    model: classify.Model = classify.train(path, "diagnosis", groups="patient")
    model.save(path)
    classify.load_model(path).predict(path)
    classify.predict(path, path)
    classify.evaluate(path, path)
    classify.RadiomicsTransformer()


def use_deep(path: Path) -> None:
    network: deep.Network = deep.load(path)
    print(deep.load_card(path).name)
    found: Volume = deep.segment(volume, network)
    deep.classify(volume, network)
    deep.detect(volume, network)
    deep.apply(volume, network)
    deep.normalize(image, network)
    print(found)


def use_anomaly(path: Path) -> None:
    table: anomaly.TableDetector = anomaly.fit_table(path)
    patches: anomaly.PatchMemory = anomaly.fit_patches([image])
    anomaly.save_detector(table, path)
    anomaly.load_detector(path)
    anomaly.fit_residual(deep.load(path), [image])
    anomaly.score_folder(path, path, path)
    print(patches)


def use_bench(path: Path) -> None:
    result: dict[str, Any] = bench.measure(quick=True)
    page: Path = bench.write_page(result, path)
    print(page)


def use_ndimage() -> None:
    ndimage.affine_transform(image, np.eye(3))
    ndimage.binary_closing(mask)
    ndimage.binary_dilation(mask)
    ndimage.binary_erosion(mask)
    ndimage.binary_fill_holes(mask)
    ndimage.binary_hit_or_miss(mask)
    ndimage.binary_opening(mask)
    ndimage.black_tophat(image, 3)
    ndimage.center_of_mass(image, labels, [1, 2])
    ndimage.convolve(image, np.ones((3, 3, 3)))
    ndimage.convolve1d(image, [1, 2, 1])
    ndimage.correlate(image, np.ones((3, 3, 3)))
    ndimage.correlate1d(image, [1, 2, 1])
    ndimage.distance_transform_edt(mask)
    ndimage.find_objects(labels)
    ndimage.gaussian_filter(image, 1.5)
    ndimage.gaussian_filter1d(image, 1.5)
    ndimage.gaussian_gradient_magnitude(image, 1.5)
    ndimage.gaussian_laplace(image, 1.5)
    ndimage.generate_binary_structure(3, 1)
    ndimage.grey_closing(image, 3)
    ndimage.grey_dilation(image, 3)
    ndimage.grey_erosion(image, 3)
    ndimage.grey_opening(image, 3)
    ndimage.iterate_structure(mask, 2)
    ndimage.label(mask)
    ndimage.laplace(image)
    ndimage.maximum(image, labels, [1, 2])
    ndimage.maximum_filter(image, 3)
    ndimage.maximum_filter1d(image, 3)
    ndimage.mean(image, labels, [1, 2])
    ndimage.median(image, labels, [1, 2])
    ndimage.median_filter(image, 3)
    ndimage.minimum(image, labels, [1, 2])
    ndimage.minimum_filter(image, 3)
    ndimage.minimum_filter1d(image, 3)
    ndimage.morphological_gradient(image, 3)
    ndimage.morphological_laplace(image, 3)
    ndimage.percentile_filter(image, 30, 3)
    ndimage.prewitt(image)
    ndimage.provided_by()
    ndimage.rank_filter(image, 5, 3)
    ndimage.rotate(image, 30.0)
    ndimage.shift(image, 1.5)
    ndimage.sobel(image)
    ndimage.standard_deviation(image, labels, [1, 2])
    ndimage.sum(image, labels, [1, 2])
    ndimage.sum_labels(image, labels, [1, 2])
    ndimage.uniform_filter(image, 3)
    ndimage.uniform_filter1d(image, 3)
    ndimage.variance(image, labels, [1, 2])
    ndimage.white_tophat(image, 3)
    ndimage.zoom(image, 2.0)
