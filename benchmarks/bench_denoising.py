"""Denoising filters beside SimpleITK and scikit-image, on a volume of 1.05 million voxels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cormack import filters

from .cases import Case, Contenders, memcpy, rows, run

# In the intensities' unit.
WEIGHT = 30.0
# One that ITK does not call unstable for volumes.
TIME_STEP = 0.0625


def diffusion(method: str) -> Any:
    def cormack(case: Case, image: np.ndarray, output: np.ndarray) -> Any:
        return filters.anisotropic_diffusion(image, int(case.parameter), output=output, method=method)

    def sitk(case: Case, image: Any, output: np.ndarray) -> Any:
        import SimpleITK

        function = {
            "gradient": SimpleITK.GradientAnisotropicDiffusion,
            "curvature": SimpleITK.CurvatureAnisotropicDiffusion,
        }[method]
        return function(SimpleITK.Cast(image, SimpleITK.sitkFloat32), TIME_STEP, 3.0, 1, int(case.parameter))

    return {"cormack": cormack, "SimpleITK": sitk, "memcpy": memcpy}


def skimage_total_variation(case: Case, image: np.ndarray, output: np.ndarray) -> Any:
    import skimage.restoration

    return skimage.restoration.denoise_tv_chambolle(image.astype(np.float32, copy=False), WEIGHT)


CONTENDERS: Contenders = {
    "anisotropic_diffusion gradient": diffusion("gradient"),
    "anisotropic_diffusion curvature": diffusion("curvature"),
    "total_variation": {
        "cormack": lambda case, image, output: filters.total_variation(image, case.parameter, output=output),
        "scikit-image": skimage_total_variation,
        "memcpy": memcpy,
    },
}
CASES = [
    *(
        Case(f"anisotropic_diffusion {method}", dtype, "small volume", 5)
        for method in ("gradient", "curvature")
        for dtype in ("int16", "float32")
    ),
    *(Case("total_variation", dtype, "small volume", WEIGHT) for dtype in ("int16", "float32")),
]


def assert_right(case: Case, image: np.ndarray, result: np.ndarray) -> None:
    """Compare with SimpleITK, or scikit-image, on the same image in float32."""
    import SimpleITK

    image = image.astype(np.float32)
    peer = "scikit-image" if case.operation == "total_variation" else "SimpleITK"
    source = SimpleITK.GetImageFromArray(image) if peer == "SimpleITK" else image
    oracle = CONTENDERS[case.operation][peer](case, source, result)
    if peer == "SimpleITK":
        oracle = SimpleITK.GetArrayFromImage(oracle)
    rounding = 0.5 if result.dtype.kind in "iu" else 0.0
    # Curvature divides by gradients that may be as small as what float32 rounds.
    slack = (1e-4 if case.operation.endswith("curvature") else 4e-6) * np.ptp(image)
    assert np.abs(result - oracle).max() <= rounding + slack


def takes(contender: str, case: Case) -> bool:
    return True


@pytest.mark.parametrize(("case", "contender"), rows(CASES, CONTENDERS, takes))
def test_denoising(benchmark, case, contender):
    run(benchmark, case, contender, CONTENDERS, assert_right, 3 if contender in ("SimpleITK", "scikit-image") else 15)
