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
def gaussian_filter(
    src: NDArray[Any],
    dst: NDArray[Any],
    sigma: list[float],
    order: list[int],
    radius: list[int],
    border: list[int],
    cval: float,
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
def uniform_filter(
    src: NDArray[Any],
    dst: NDArray[Any],
    size: list[int],
    left: list[int],
    border: list[int],
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
def minmax(image: NDArray[Any], mask: NDArray[Any] | None = None, workers: int = 0) -> tuple[float, float, bool]: ...
def histogram(
    image: NDArray[Any], mask: NDArray[Any] | None, edges: NDArray[Any], counts: NDArray[Any], workers: int = 0
) -> None: ...
def value_counts(
    image: NDArray[Any], mask: NDArray[Any] | None, first: int, counts: NDArray[Any], workers: int = 0
) -> None: ...
def first_order(image: NDArray[Any], mask: NDArray[Any] | None = None, workers: int = 0) -> dict[str, Any]: ...
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
