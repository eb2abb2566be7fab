from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

version: str
compiler: str
build_type: str

def isa() -> str: ...
def available_isas() -> list[str]: ...
def use_isa(name: str) -> None: ...
def get_num_threads() -> int: ...
def set_num_threads(count: int) -> None: ...
def correlate_separable(
    src: NDArray[Any],
    dst: NDArray[Any],
    weights: list[list[float]],
    odd: list[bool],
    border: list[int],
    cval: float,
    workers: int = 0,
) -> None: ...
def gradient_magnitude(
    src: NDArray[Any],
    dst: NDArray[Any],
    smooth: list[list[float]],
    derive: list[list[float]],
    border: list[int],
    count: int,
    cval: float,
    workers: int = 0,
) -> None: ...
def bilateral_filter(
    src: NDArray[Any],
    dst: NDArray[Any],
    sigma: list[float],
    radius: list[int],
    border: list[int],
    sigma_intensity: float,
    ball: bool,
    cval: float,
    workers: int = 0,
) -> None: ...
def gaussian_filter(
    src: NDArray[Any],
    dst: NDArray[Any],
    sigma: list[float],
    order: list[int],
    radius: list[int],
    border: list[int],
    cval: float,
    tolerance: float = 0.0,
    workers: int = 0,
) -> None: ...
def median_filter(
    src: NDArray[Any],
    dst: NDArray[Any],
    size: list[int],
    origin: list[int],
    footprint: NDArray[Any] | None,
    mode: int,
    cval: float,
    workers: int = 0,
) -> None: ...
def non_local_means(
    src: NDArray[Any],
    dst: NDArray[Any],
    half: list[int],
    distance: list[int],
    border: list[int],
    h: float,
    sigma: float,
    cval: float,
    workers: int = 0,
) -> None: ...
def uniform_filter(
    src: NDArray[Any],
    dst: NDArray[Any],
    size: list[int],
    left: list[int],
    border: list[int],
    cval: float,
    workers: int = 0,
) -> None: ...
def correlate_axes(
    src: NDArray[Any],
    dst: NDArray[Any],
    weights: list[list[float]],
    left: list[int],
    border: list[int],
    outside: list[float],
    workers: int = 0,
) -> None: ...
def correlate_window(
    src: NDArray[Any],
    dst: NDArray[Any],
    weights: NDArray[Any],
    left: list[int],
    border: list[int],
    outside: float,
    workers: int = 0,
) -> None: ...
def unsharp_mask(
    src: NDArray[Any],
    dst: NDArray[Any],
    weights: list[list[float]],
    left: list[int],
    border: list[int],
    outside: list[float],
    amount: float,
    workers: int = 0,
) -> None: ...
def masked_filter(
    src: NDArray[Any],
    mask: NDArray[Any] | None,
    dst: NDArray[Any],
    weights: list[list[float]],
    left: list[int],
    border: list[int],
    skip_nan: bool,
    exact: bool,
    fill: float,
    workers: int = 0,
) -> None: ...
def gaussian_laplace(
    src: NDArray[Any],
    dst: NDArray[Any],
    sigma: list[float],
    scale: list[float],
    radius: list[int],
    border: list[int],
    count: int,
    cval: float,
    workers: int = 0,
) -> None: ...
def gaussian_gradient_magnitude(
    src: NDArray[Any],
    dst: NDArray[Any],
    sigma: list[float],
    scale: list[float],
    radius: list[int],
    border: list[int],
    count: int,
    cval: float,
    workers: int = 0,
) -> None: ...
def connected_threshold(
    src: NDArray[Any],
    dst: NDArray[Any],
    seeds: list[tuple[int, ...]],
    lower: float,
    upper: float,
    connectivity: int,
    mask: NDArray[Any] | None,
    take_seeds: bool = False,
    radius: tuple[int, ...] = (0, 0, 0),
    workers: int = 0,
) -> None: ...
def label(src: NDArray[Any], dst: NDArray[Any], connectivity: int, zeroed: bool, workers: int = 0) -> int: ...
def block_components(
    mask: NDArray[Any],
    marks: NDArray[Any] | None,
    points: list[tuple[int, ...]],
    connectivity: int,
    workers: int = 0,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8], list[NDArray[np.int32]]]: ...
def number_components(
    mask: NDArray[Any], dst: NDArray[Any], numbers: NDArray[np.int32], connectivity: int, workers: int = 0
) -> None: ...
def choose_components(
    mask: NDArray[Any], dst: NDArray[Any], chosen: NDArray[np.uint8], connectivity: int, workers: int = 0
) -> None: ...
def label_statistics(
    labels: NDArray[Any],
    image: NDArray[Any] | None,
    spacing: tuple[float, ...],
    principal: bool = True,
    weighted: bool = False,
    workers: int = 0,
) -> tuple[dict[str, NDArray[Any]], int]: ...
def label_statistics_of_sums(
    labels: NDArray[Any],
    sums: NDArray[Any],
    boxes: NDArray[Any],
    extremes: NDArray[Any],
    spread: NDArray[Any],
    values: int,
    ndim: int,
    spacing: tuple[float, ...],
    principal: bool,
) -> dict[str, NDArray[Any]]: ...
def label_surfaces(
    labels: NDArray[Any], numbers: NDArray[Any], spacing: tuple[float, ...], workers: int = 0
) -> tuple[NDArray[Any], NDArray[Any]]: ...
def label_values(
    labels: NDArray[Any],
    image: NDArray[Any],
    numbers: NDArray[Any],
    quantiles: list[float],
    moments: bool,
    workers: int = 0,
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]: ...
def relabel(
    src: NDArray[Any], dst: NDArray[Any], from_labels: NDArray[Any], to_labels: NDArray[Any], workers: int = 0
) -> None: ...
def distance_transform_edt(
    src: NDArray[Any],
    distances: NDArray[Any],
    spacing: tuple[float, ...],
    indices: NDArray[np.int32] | None,
    workers: int = 0,
) -> None: ...
def binary_morphology(
    src: NDArray[Any],
    dst: NDArray[Any],
    footprint: NDArray[np.uint8],
    centre: list[int],
    steps: list[tuple[bool, bool, int]],
    workers: int = 0,
) -> None: ...
def watershed(
    src: NDArray[Any],
    labels: NDArray[np.int32],
    mask: NDArray[Any] | None,
    connectivity: int,
    line: bool,
    compactness: float,
    workers: int = 0,
) -> None: ...
def local_minima(src: NDArray[Any], minima: NDArray[np.bool_], connectivity: int, workers: int = 0) -> None: ...
def fill_holes(src: NDArray[Any], dst: NDArray[Any], connectivity: int, workers: int = 0) -> None: ...
def clear_border(src: NDArray[Any], dst: NDArray[Any], connectivity: int, workers: int = 0) -> None: ...
def largest_component(src: NDArray[Any], dst: NDArray[Any], connectivity: int, workers: int = 0) -> None: ...
def hysteresis_threshold(
    weak: NDArray[Any],
    low: float,
    strong: NDArray[Any],
    high: float,
    dst: NDArray[Any],
    connectivity: int,
    workers: int = 0,
) -> None: ...
def remove_small_holes(
    src: NDArray[Any], dst: NDArray[Any], max_size: int, connectivity: int, workers: int = 0
) -> None: ...
def remove_small_objects(
    src: NDArray[Any], dst: NDArray[Any], min_size: int, connectivity: int, workers: int = 0
) -> None: ...
def linear_map(
    src: NDArray[Any], dst: NDArray[Any], lower: float, upper: float, low: float, high: float, workers: int = 0
) -> None: ...
def sigmoid_map(
    src: NDArray[Any], dst: NDArray[Any], center: float, width: float, low: float, high: float, workers: int = 0
) -> None: ...
def interpolation_map(
    src: NDArray[Any], dst: NDArray[Any], x: NDArray[Any], y: NDArray[Any], workers: int = 0
) -> None: ...
def lut_map(src: NDArray[Any], dst: NDArray[Any], table: NDArray[Any], first: int, workers: int = 0) -> None: ...
def tone_map(
    src: NDArray[Any],
    dst: NDArray[Any],
    range: tuple[float, float, float, float],
    shift: float,
    span: float,
    curve: int,
    exponent: float,
    workers: int = 0,
) -> None: ...
def threshold_map(
    src: NDArray[Any],
    dst: NDArray[Any],
    lower: float,
    upper: float,
    inside: float,
    below: float,
    above: float,
    softness: float,
    workers: int = 0,
) -> None: ...
def standardize_map(src: NDArray[Any], dst: NDArray[Any], center: float, scale: float, workers: int = 0) -> None: ...
def piecewise_map(src: NDArray[Any], dst: NDArray[Any], x: list[float], y: list[float], workers: int = 0) -> None: ...
def match_sorted(
    src: NDArray[Any], dst: NDArray[Any], sorted: NDArray[Any], reference: NDArray[Any], workers: int = 0
) -> None: ...
def moments(
    image: NDArray[Any], mask: NDArray[Any] | None, above: float, below: float, workers: int = 0
) -> tuple[int, float, float]: ...
def quantiles(
    image: NDArray[Any], mask: NDArray[Any] | None, q: list[float], workers: int = 0
) -> tuple[int, list[float], list[float]]: ...
def weighted_histogram(
    image: NDArray[Any],
    mask: NDArray[Any] | None,
    weights: NDArray[Any],
    edges: NDArray[Any],
    sums: NDArray[Any],
    workers: int = 0,
) -> None: ...
def minmax(image: NDArray[Any], mask: NDArray[Any] | None = None, workers: int = 0) -> tuple[float, float, bool]: ...
def histogram(
    image: NDArray[Any], mask: NDArray[Any] | None, edges: NDArray[Any], counts: NDArray[Any], workers: int = 0
) -> None: ...
def value_counts(
    image: NDArray[Any], mask: NDArray[Any] | None, first: int, counts: NDArray[Any], workers: int = 0
) -> tuple[int, int]: ...
def equalize_adapthist(
    src: NDArray[Any],
    mask: NDArray[Any] | None,
    dst: NDArray[Any],
    kernel_size: list[int],
    clip_limit: float,
    bins: int,
    lower: float,
    upper: float,
    low: float,
    high: float,
    workers: int = 0,
) -> None: ...
def adapthist_maps(
    src: NDArray[Any],
    mask: NDArray[Any] | None,
    maps: NDArray[Any],
    filled: NDArray[Any],
    kernel_size: list[int],
    clip_limit: float,
    bins: int,
    lower: float,
    upper: float,
    low: float,
    high: float,
    workers: int = 0,
) -> None: ...
def adapthist_apply(
    src: NDArray[Any],
    mask: NDArray[Any] | None,
    dst: NDArray[Any],
    maps: NDArray[Any],
    origin: list[int],
    whole: list[int],
    kernel_size: list[int],
    clip_limit: float,
    bins: int,
    lower: float,
    upper: float,
    low: float,
    high: float,
    workers: int = 0,
) -> None: ...
def first_order(image: NDArray[Any], mask: NDArray[Any] | None = None, workers: int = 0) -> dict[str, Any]: ...
def first_order_of_counts(counts: NDArray[np.int64], low: int) -> dict[str, Any]: ...
def first_order_of_sums(
    count: int,
    low: float,
    high: float,
    mean: float,
    energy: float,
    quantiles: Sequence[float],
    sums: Sequence[float],
    robust: float,
) -> dict[str, Any]: ...
def anisotropic_diffusion(
    src: NDArray[Any],
    dst: NDArray[Any],
    method: int,
    edge: int,
    iterations: int,
    kappa: float,
    conductance: float,
    time_step: float,
    scale: list[float],
    workers: int = 0,
) -> None: ...
def total_variation(
    src: NDArray[Any],
    dst: NDArray[Any],
    weight: float,
    tolerance: float,
    iterations: int,
    scale: list[float],
    workers: int = 0,
) -> None: ...
def difference(a: NDArray[Any], b: NDArray[Any], dst: NDArray[Any], workers: int = 0) -> None: ...
def structured_extremum(
    src: NDArray[Any],
    dst: NDArray[Any],
    maximum: bool,
    size: list[int],
    origin: list[int],
    footprint: NDArray[Any] | None,
    heights: NDArray[np.float64],
    mode: int,
    cval: float,
    workers: int = 0,
) -> None: ...
def minimum_filter(
    src: NDArray[Any],
    dst: NDArray[Any],
    size: list[int],
    origin: list[int],
    footprint: NDArray[Any] | None,
    modes: list[int],
    cval: float,
    workers: int = 0,
) -> None: ...
def maximum_filter(
    src: NDArray[Any],
    dst: NDArray[Any],
    size: list[int],
    origin: list[int],
    footprint: NDArray[Any] | None,
    modes: list[int],
    cval: float,
    workers: int = 0,
) -> None: ...
def rank_filter(
    src: NDArray[Any],
    dst: NDArray[Any],
    rank: int,
    size: list[int],
    origin: list[int],
    footprint: NDArray[Any] | None,
    mode: int,
    cval: float,
    workers: int = 0,
) -> None: ...
def affine_transform(
    src: NDArray[Any],
    dst: NDArray[Any],
    matrix: list[float],
    offset: list[float],
    order: int,
    edge: int,
    cval: float,
    workers: int = 0,
) -> None: ...
def resample(
    src: NDArray[Any], dst: NDArray[Any], positions: list[list[float]], order: int, workers: int = 0
) -> None: ...
def region_box(labels: NDArray[Any], label: float | None = None, workers: int = 0) -> tuple[list[int], list[int]]: ...
def discretise(
    image: NDArray[Any],
    mask: NDArray[Any] | None,
    levels: NDArray[Any],
    low: float,
    high: float,
    lower: float,
    factor: float,
    width: float,
    level_count: int,
    workers: int = 0,
) -> None: ...
def local_intensity(
    image: NDArray[Any],
    mask: NDArray[Any] | None,
    spacing: tuple[float, float, float],
    radius: float,
    peak: float,
    workers: int = 0,
) -> tuple[float, float]: ...

class Levels:
    def __init__(
        self,
        levels: NDArray[Any],
        mask: NDArray[Any] | None,
        morphology: NDArray[Any] | None,
        level_count: int,
        pad: int = 1,
        workers: int = 0,
    ) -> None: ...
    @property
    def shape(self) -> list[int]: ...
    @property
    def level_count(self) -> int: ...
    @property
    def pad(self) -> int: ...
    @property
    def counts(self) -> list[int]: ...

def feature_map(
    image: NDArray[Any],
    centers: NDArray[Any],
    inside: NDArray[Any],
    region: NDArray[Any],
    levels: Levels | None,
    features: Sequence[tuple[int, int]],
    maps: Sequence[NDArray[Any]],
    radius: int,
    in_slice: bool,
    offsets: Sequence[tuple[int, ...]],
    distance: int,
    coarseness: int,
    averaged: bool,
    as_pyradiomics: bool = False,
    workers: int = 0,
) -> None: ...
def local_binary_pattern(
    src: NDArray[Any], dst: NDArray[Any], points: Sequence[tuple[float, float]], code: int, workers: int = 0
) -> None: ...
def local_binary_pattern_sphere(
    src: NDArray[Any],
    dst: NDArray[Any],
    points: Sequence[tuple[float, float, float]],
    neighbours: Sequence[int],
    workers: int = 0,
) -> None: ...
def level_range(
    levels: NDArray[Any], mask: NDArray[Any] | None = None, morphology: NDArray[Any] | None = None, workers: int = 0
) -> tuple[int, int, list[int], list[int]] | None: ...
def glcm(
    levels: Levels, offsets: Sequence[tuple[int, ...]], per_slice: bool, workers: int = 0
) -> NDArray[np.uint32]: ...
def merge_cells(cells: NDArray[np.int64], group_of: NDArray[np.int64]) -> NDArray[np.int64]: ...
def size_features(
    cells: NDArray[np.int64], voxels: NDArray[np.int64], group_of: NDArray[np.int64] | None = None
) -> list[float]: ...
def cells_of(counts: NDArray[np.uint64]) -> NDArray[np.int64]: ...
def pair_features(counts: NDArray[np.uint32], group_of: NDArray[np.int64]) -> list[float] | None: ...
def tone_matrices(cells: NDArray[np.uint64], merged: bool) -> NDArray[np.float64]: ...
def tone_features(matrices: NDArray[np.float64]) -> list[float]: ...
def histogram_features(counts: NDArray[np.int64]) -> list[float]: ...
def volume_fractions(counts: NDArray[np.int64]) -> list[float]: ...
def glrlm(
    levels: Levels, directions: Sequence[tuple[int, ...]], per_slice: bool, workers: int = 0
) -> NDArray[np.int64]: ...
def zones(
    levels: Levels, dimensions: int, distances: bool, workers: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.int64]]: ...
def ngtdm(levels: Levels, dimensions: int, distance: int, workers: int = 0) -> NDArray[np.uint64]: ...
def ngldm(levels: Levels, dimensions: int, distance: int, coarseness: int, workers: int = 0) -> NDArray[np.uint64]: ...
def cell_triangles() -> list[str]: ...
def shape_of_counts(
    ends: NDArray[np.int32],
    sums: Sequence[int],
    patterns: Sequence[int],
    spacing: tuple[float, ...],
    workers: int = 0,
) -> dict[str, Any]: ...
def shape(mask: NDArray[Any], spacing: tuple[float, ...], workers: int = 0) -> dict[str, Any]: ...
def spatial(
    image: NDArray[Any], mask: NDArray[Any], spacing: tuple[float, ...], workers: int = 0
) -> dict[str, Any]: ...
def marching_cubes(
    volume: NDArray[Any],
    level: float,
    mask: NDArray[Any] | None,
    has_nan: bool,
    spacing: Sequence[float],
    ascent: bool,
    workers: int = 0,
) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]: ...
def find_contours(
    image: NDArray[Any],
    level: float,
    connect_high: bool,
    reversed: bool,
    mask: NDArray[Any] | None,
    has_nan: bool,
    workers: int = 0,
) -> list[tuple[NDArray[np.float64], list[int]]]: ...
def find_boundaries(
    labels: NDArray[Any], dst: NDArray[Any], connectivity: int, mode: int, background: int, workers: int = 0
) -> None: ...
def canny(
    src: NDArray[Any],
    dst: NDArray[np.bool_],
    weights: list[list[float]],
    border: list[int],
    spacing: list[float],
    scale: float,
    corrected: bool,
    mask: NDArray[Any] | None,
    low: float,
    high: float,
    workers: int = 0,
) -> None: ...
def canny_strength(
    src: NDArray[Any],
    dst: NDArray[Any],
    weights: list[list[float]],
    border: list[int],
    spacing: list[float],
    scale: float,
    corrected: bool,
    mask: NDArray[Any] | None,
    workers: int = 0,
) -> None: ...
def canny_points(
    src: NDArray[Any],
    weights: list[list[float]],
    border: list[int],
    spacing: list[float],
    scale: float,
    corrected: bool,
    mask: NDArray[Any] | None,
    low: float,
    high: float,
    workers: int = 0,
) -> NDArray[np.float64]: ...
def hessian(
    src: NDArray[Any],
    dst: list[NDArray[Any]],
    sigma: list[float],
    scale: list[float],
    radius: list[int],
    border: list[int],
    cval: float,
    measure: int,
    accumulate: bool = False,
    bright: bool = False,
    length: float = 1.0,
    alpha: float = 0.5,
    beta: float = 0.5,
    gamma: float = 1.0,
    workers: int = 0,
) -> None: ...
def morphological_chan_vese(
    image: NDArray[Any],
    level_set: NDArray[Any],
    dst: NDArray[Any],
    num_iter: int,
    smoothing: int,
    swapped: bool,
    lambda1: float,
    lambda2: float,
    workers: int = 0,
) -> None: ...
def morphological_geodesic_active_contour(
    image: NDArray[Any],
    level_set: NDArray[Any],
    dst: NDArray[Any],
    num_iter: int,
    smoothing: int,
    swapped: bool,
    balloon: int,
    threshold: float,
    workers: int = 0,
) -> None: ...
def chan_vese(
    image: NDArray[Any],
    level_set: NDArray[Any],
    mu: float,
    lambda1: float,
    lambda2: float,
    dt: float,
    tol: float,
    max_num_iter: int,
    workers: int = 0,
) -> float: ...
def confidence_connected(
    src: NDArray[Any],
    dst: NDArray[Any],
    seeds: list[tuple[int, ...]],
    multiplier: float,
    iterations: int,
    radius: tuple[int, ...],
    connectivity: int,
    mask: NDArray[Any] | None,
    workers: int = 0,
) -> None: ...
def isolated_connected(
    src: NDArray[Any],
    dst: NDArray[Any],
    seeds: list[tuple[int, ...]],
    others: list[tuple[int, ...]],
    lower: float,
    upper: float,
    find_upper: bool,
    tolerance: float,
    connectivity: int,
    mask: NDArray[Any] | None,
    workers: int = 0,
) -> float: ...
def seeded_region_growing(
    src: NDArray[Any], markers: NDArray[Any], dst: NDArray[Any], connectivity: int, mask: NDArray[Any] | None
) -> None: ...
def zero_crossings(
    src: NDArray[Any],
    dst: NDArray[np.bool_],
    threshold: float,
    workers: int = 0,
) -> None: ...
def equal_places(
    src: NDArray[Any], maximum: NDArray[Any], threshold: float, margin: list[int], workers: int = 0
) -> tuple[NDArray[Any], NDArray[Any], bool]: ...
def scale_maxima(
    centre: NDArray[Any],
    below: NDArray[Any] | None,
    above: NDArray[Any] | None,
    threshold: float,
    margin: list[int],
    workers: int = 0,
) -> tuple[NDArray[Any], NDArray[Any], bool]: ...
def keep_spaced(points: NDArray[Any], distance: float, p: float, most: int) -> NDArray[Any]: ...
def keep_blobs(places: NDArray[Any], sigmas: NDArray[Any], overlap: float) -> NDArray[Any]: ...
def keep_boxes(boxes: NDArray[Any], labels: NDArray[Any] | None, threshold: float) -> NDArray[Any]: ...
def box_hessian(
    integral: NDArray[Any], holes: NDArray[Any] | None, dst: NDArray[Any], sigma: float, workers: int = 0
) -> None: ...
def rx_detector(
    channels: list[NDArray[Any]],
    mask: NDArray[Any] | None,
    dst: NDArray[Any],
    inner: list[int],
    outer: list[int],
    regularization: float,
    centre: list[float],
    workers: int = 0,
) -> None: ...
def reflect(
    src: NDArray[Any],
    dst: NDArray[Any],
    side: list[float],
    offset: float,
    step: list[float],
    outside: float,
    workers: int = 0,
) -> None: ...
def dicom_headers(
    paths: Sequence[bytes], shared: Sequence[int], own: Sequence[int], workers: int = 0
) -> list[tuple[int, int, int, bytes, tuple[bytes | None, ...]]]: ...
def dicom_fragments(path: bytes, offset: int) -> list[tuple[int, int]] | None: ...
def dicom_frames(
    frames: Sequence[tuple[bytes, int, int, int, int, int | None, float, float, int, int]],
    stored: str,
    rescale: int,
    dst: NDArray[Any],
    workers: int = 0,
) -> list[tuple[int, int, int, int]]: ...

class Plan:
    @property
    def scratch(self) -> list[int]: ...
    @property
    def constants(self) -> list[bytes]: ...
    @property
    def launches(self) -> list[tuple[Any, ...]]: ...

def plan(operation: str, images: Sequence[Any], parameters: str, tables: Sequence[bytes]) -> Plan: ...
