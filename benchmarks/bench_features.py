"""Features beside NumPy with SciPy and SimpleITK."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import scipy.stats

from cormack import features

from .data import ct_volume


class Case(NamedTuple):
    """One group of rows: an operation, a type and a region of the volume."""

    operation: str
    dtype: str
    region: str  # "body", 43 % of the volume, or "volume"

    def __str__(self) -> str:
        return f"{self.operation} {self.region} {self.dtype} 128x256x256"

    def load(self) -> tuple[np.ndarray, np.ndarray | None]:
        return ct_volume(self.dtype), ct_volume("int16") > -300 if self.region == "body" else None


Contender = Callable[[np.ndarray, np.ndarray | None], Any]


def numpy_first_order(image: np.ndarray, mask: np.ndarray | None) -> dict[str, float]:
    x = (image if mask is None else image[mask]).ravel().astype(np.float64)
    p10, p25, median, p75, p90 = np.percentile(x, [10, 25, 50, 75, 90])
    robust = x[(x >= p10) & (x <= p90)]
    energy = float(np.dot(x, x))
    return {
        "stat_mean": x.mean(), "stat_var": x.var(),
        "stat_skew": scipy.stats.skew(x), "stat_kurt": scipy.stats.kurtosis(x),
        "stat_median": median, "stat_min": x.min(), "stat_p10": p10, "stat_p90": p90, "stat_max": x.max(),
        "stat_iqr": p75 - p25, "stat_range": np.ptp(x), "stat_mad": np.abs(x - x.mean()).mean(),
        "stat_rmad": np.abs(robust - robust.mean()).mean(), "stat_medad": np.abs(x - median).mean(),
        "stat_cov": x.std() / x.mean(), "stat_qcod": (p75 - p25) / (p75 + p25), "stat_energy": energy,
        "stat_rms": np.sqrt(energy / x.size),
    }  # fmt: skip


CONTENDERS: dict[str, dict[str, Contender]] = {
    "first_order": {"cormack": lambda image, mask: features.first_order(image, mask), "numpy+scipy": numpy_first_order},
}
CASES = [
    *(Case("first_order", dtype, "body") for dtype in ("uint8", "int16", "int32", "float32", "float64")),
    *(Case("first_order", dtype, "volume") for dtype in ("int16", "float32")),
]
ROWS = [
    pytest.param(case, name, id=f"{case}-{name}") for case in CASES for name in [*CONTENDERS[case.operation], "memcpy"]
]


@pytest.mark.parametrize(("case", "contender"), ROWS)
def test_features(benchmark: Any, case: Case, contender: str) -> None:
    benchmark.group = str(case)
    image, mask = case.load()
    if contender == "memcpy":
        target = np.empty_like(image)
        benchmark(np.copyto, target, image)
        return
    function = CONTENDERS[case.operation][contender]
    if contender == "cormack":
        expected = numpy_first_order(image, mask)
        for name, value in function(image, mask).items():
            assert value == pytest.approx(expected[name], rel=1e-9), name
    benchmark(function, image, mask)
