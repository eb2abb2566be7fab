"""The demonstration: real images that come inside dependencies, and a phantom whose truth is known."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .. import io, phantoms
from ..volume import Volume
from .config import load_config
from .job import Job
from .results import RunResult
from .runner import Progress, run_jobs
from .steps import Case
from .truth import truth_entry

__all__ = ["run_demo"]


@dataclass(frozen=True)
class _File:
    """An image file of an installed package."""

    id: str
    path: Path
    description: str
    modality: str
    volume: int | None = None

    def read(self) -> Volume:
        return io.read(self.path, volume=self.volume)


@dataclass(frozen=True)
class _Template:
    """The MNI152 template of an installed nilearn."""

    id: str = "mr-brain-mni152"
    description: str = "T1 template ICBM 152 2009a, McConnell Brain Imaging Centre, from nilearn"
    modality: str = "MR"

    def read(self) -> Volume:
        import numpy as np
        from nilearn import datasets

        image = datasets.load_mni152_template(resolution=1)
        array = np.ascontiguousarray(np.asarray(image.dataobj).T, dtype=np.float32)
        return Volume.from_affine(array, image.affine, meta={"modality": "MR"})


@dataclass(frozen=True)
class _Phantom:
    """The chest phantom; drawn where it is read, so that it costs nothing to send to another process."""

    id: str = "ct-chest-phantom"
    description: str = "cormack.phantoms.chest_ct, a generated chest with nodules at known places"
    modality: str = "CT"
    seed: int = 1

    def read(self) -> Volume:
        return phantoms.chest_ct(seed=self.seed).volume

    def truth(self, case: Case) -> dict[str, Any]:
        score = phantoms.score_nodules(case.tables["nodules"], phantoms.chest_ct(seed=self.seed))
        return truth_entry(score, ("nodule", "attachment"))


def run_demo(out: str | os.PathLike[str], progress: Progress | None = None) -> RunResult:
    """Run the presets on images that need no data of the user.

    Parameters
    ----------
    out : path-like
        The output folder.
    progress : callable, optional
        As for `run`.

    Returns
    -------
    RunResult
        A generated chest CT with the score of its nodules; an MR of the brain, nilearn's MNI152 template or nibabel's
        ``example4d``, when one of them is installed; a CT and an MR slice of pydicom.

    Examples
    --------
    >>> from cormack import pipeline
    >>> result = pipeline.run_demo("cormack-demo")  # doctest: +SKIP
    """
    phantom = _Phantom()
    jobs = [Job(phantom, load_config("ct-lung"), truth=phantom.truth)]
    if find_spec("nilearn") is not None:
        jobs.append(Job(_Template(), load_config("mr-brain")))
    elif find_spec("nibabel") is not None:
        path = _folder("nibabel") / "tests" / "data" / "example4d.nii.gz"
        source = _File("mr-brain", path, "brain MR, volume 1 of example4d.nii.gz of nibabel", "MR", 0)
        jobs.append(Job(source, load_config("mr-brain")))
    files = _folder("pydicom") / "data" / "test_files"
    for name, title, modality in (("CT_small", "CT slice", "CT"), ("MR_small", "MR slice", "MR")):
        source = _File(
            name.lower().replace("_", "-"), files / f"{name}.dcm", f"{title}, {name}.dcm of pydicom", modality
        )
        jobs.append(Job(source, load_config("generic")))
    presets = {job.config.name: job.config.model_dump(mode="json", exclude_none=True) for job in jobs}
    return run_jobs(
        jobs,
        Path(out),
        config={"presets": presets},
        config_name="demo",
        source="images of installed packages and a generated phantom",
        progress=progress,
    )


def _folder(package: str) -> Path:
    """Folder of an installed package, without importing it; a missing one makes the case fail, not the demo."""
    spec = find_spec(package)
    return Path(spec.origin).parent if spec is not None and spec.origin else Path(package)
