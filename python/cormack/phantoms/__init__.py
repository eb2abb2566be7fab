"""Volumes with known truth: a chest CT with nodules at known places, benign and malignant lesions with their masks.

Everything is drawn analytically in millimetres, with the share of each voxel that a body covers (partial volume), so
that the truth does not depend on a segmentation. A phantom is a test of a program, never a model of a patient: it has
no breathing, no reconstruction kernel, no beam hardening and no disease other than what it is said to have.

Examples
--------
>>> from cormack import phantoms
>>> chest = phantoms.chest_ct((48, 128, 128), spacing=(4.0, 2.6, 2.6), nodules=5)
>>> chest.volume.array.shape, chest.nodules.row_count
((48, 128, 128), 5)
"""

from __future__ import annotations

from ._chest import ChestPhantom, chest_ct, score_nodules, write_chests
from ._lesions import LesionPhantom, lesion, write_lesions

__all__ = [
    "ChestPhantom",
    "LesionPhantom",
    "chest_ct",
    "lesion",
    "score_nodules",
    "write_chests",
    "write_lesions",
]
