"""Features to decisions: learners of scikit-learn on tables and images (needs the extra ``cormack[ml]``)."""

from __future__ import annotations

from ._transformer import RadiomicsTransformer

__all__ = ["RadiomicsTransformer"]
