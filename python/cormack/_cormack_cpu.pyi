from typing import Any

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
