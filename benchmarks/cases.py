"""What the benchmarks of filters share: a case, its rows, the check of a result before anything is timed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pytest

from .data import ct_volume, radiograph

SHAPES = {"volume": "128x256x256", "small volume": "64x128x128", "radiograph": "2048x2048"}


class Case(NamedTuple):
    """One group of rows: an image and what is done to it."""

    operation: str
    dtype: str
    image: str  # a key of SHAPES
    parameter: float  # a size or a sigma

    def __str__(self) -> str:
        return f"{self.operation} {self.parameter:g} {self.dtype} {SHAPES[self.image]}"

    def load(self) -> np.ndarray:
        if self.image == "small volume":
            return ct_volume(self.dtype, (64, 128, 128))
        return (ct_volume if self.image == "volume" else radiograph)(self.dtype)


# Takes the image (a SimpleITK image where the contender is SimpleITK) and an array for the result.
Contender = Callable[[Case, Any, np.ndarray], Any]
Contenders = Mapping[str, Mapping[str, Contender]]  # by operation, by name


def memcpy(case: Case, image: np.ndarray, output: np.ndarray) -> None:
    np.copyto(output, image)


def rows(cases: Iterable[Case], contenders: Contenders, takes: Callable[[str, Case], bool]) -> list[Any]:
    """Return pytest's parameters (case, contender) for all contenders that can do what a case asks."""
    return [
        pytest.param(case, name, id=f"{case}-{name}")
        for case in cases
        for name in contenders[case.operation]
        if takes(name, case)
    ]


_checked: set[Case] = set()


def run(
    benchmark: Any,
    case: Case,
    name: str,
    contenders: Contenders,
    check: Callable[[Case, np.ndarray, np.ndarray], None],
    rounds: int = 15,
) -> None:
    """Time one contender; Cormack's result is checked first, once for all contenders of a case."""
    benchmark.group = str(case)
    image: Any = case.load()
    output = np.empty_like(image)
    if case not in _checked:
        contenders[case.operation]["cormack"](case, image, output)
        check(case, image, output)
        _checked.add(case)
    if name == "SimpleITK":
        import SimpleITK

        image = SimpleITK.GetImageFromArray(image)
    function = contenders[case.operation][name]
    benchmark.pedantic(function, (case, image, output), rounds=rounds, warmup_rounds=int(rounds > 1))
