"""Drop-in replacements for other programs' interfaces, computed by Cormack.

Modules
-------
radiomics
    PyRadiomics' feature extractor: its parameter files, its names, its definitions.
"""

from __future__ import annotations

from . import radiomics

__all__ = ["radiomics"]
