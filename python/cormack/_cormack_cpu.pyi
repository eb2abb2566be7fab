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
    workers: int = 0,
) -> None: ...
def label(src: NDArray[Any], dst: NDArray[Any], connectivity: int, workers: int = 0) -> int: ...
def label_statistics(
    labels: NDArray[Any], image: NDArray[Any] | None, spacing: tuple[float, ...], workers: int = 0
) -> tuple[dict[str, NDArray[Any]], int]: ...
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
) -> None: ...
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
def first_order(image: NDArray[Any], mask: NDArray[Any] | None = None, workers: int = 0) -> dict[str, Any]: ...
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

def level_range(
    levels: NDArray[Any], mask: NDArray[Any] | None = None, morphology: NDArray[Any] | None = None, workers: int = 0
) -> tuple[int, int, list[int], list[int]] | None: ...
def glcm(
    levels: Levels, offsets: Sequence[tuple[int, ...]], per_slice: bool, workers: int = 0
) -> NDArray[np.uint32]: ...
def glrlm(
    levels: Levels, directions: Sequence[tuple[int, ...]], per_slice: bool, workers: int = 0
) -> NDArray[np.int64]: ...
def zones(
    levels: Levels, dimensions: int, distances: bool, workers: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.int64]]: ...
def ngtdm(levels: Levels, dimensions: int, distance: int, workers: int = 0) -> NDArray[np.uint64]: ...
def ngldm(levels: Levels, dimensions: int, distance: int, coarseness: int, workers: int = 0) -> NDArray[np.uint64]: ...
def shape(mask: NDArray[Any], spacing: tuple[float, ...], workers: int = 0) -> dict[str, Any]: ...
def spatial(
    image: NDArray[Any], mask: NDArray[Any], spacing: tuple[float, ...], workers: int = 0
) -> dict[str, Any]: ...
