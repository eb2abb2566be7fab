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
