"""How good a detector is: candidates against lesions whose places are known."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from .. import _check
from .._table import Table


def score_lesions(
    candidates: Mapping[str, Any], lesions: Mapping[str, Any], *, spacing: Any, tolerance_mm: float = 3.0
) -> dict[str, Any]:
    """Compare candidates with lesions whose centres and diameters are known.

    A candidate and a lesion are a pair when the candidate's centroid lies within the lesion's radius plus
    `tolerance_mm` of its centre; pairs are made once, nearest first. What has no partner is a missed lesion or a false
    candidate, so a lesion that was found in two pieces counts one false candidate.

    Parameters
    ----------
    candidates : mapping of columns
        A table of `cormack.segment.screen` or `cormack.segment.label_statistics`: ``centroid_z``, ``centroid_y``,
        ``centroid_x`` (index coordinates) and ``equivalent_diameter_mm``; where it has ``kept``, only those rows. They
        go by ``new_label`` or ``label``, else by their number from 1.
    lesions : mapping of columns
        ``centre_z_mm``, ``centre_y_mm``, ``centre_x_mm`` (index coordinates times spacing) and ``diameter_mm``.
    spacing : sequence of float
        Voxel size in mm along (z, y, x).
    tolerance_mm : float, default 3
        Slack of the centroid, mm.

    Returns
    -------
    dict
        ``found``, ``missed``, ``false_candidates`` (int), ``mean_abs_diameter_error_mm``,
        ``mean_diameter_error_mm`` (measured minus true; NaN when nothing was found); ``lesions`` (Table: what was given
        with ``found``, ``candidate``, ``measured_diameter_mm``, ``diameter_error_mm``); ``candidates`` (Table: those
        kept, with ``candidate``, ``lesion``, the row of its lesion or -1, and ``score`` where `candidates` has it).

    Raises
    ------
    ValueError
        If a column is missing or of another length, a lesion has no finite centre or no diameter above 0, `spacing` is
        not positive or `tolerance_mm` is negative.

    See Also
    --------
    froc : Sensitivity against false candidates, over cases.

    Examples
    --------
    >>> from cormack import detect, phantoms, segment
    >>> chest = phantoms.chest_ct((48, 128, 128), spacing=(4.0, 2.6, 2.6), nodules=5, diameters_mm=(12, 20))
    >>> table = segment.label_statistics(chest.nodule_labels, spacing=chest.volume.spacing)
    >>> score = detect.score_lesions(table, chest.nodules, spacing=chest.volume.spacing)
    >>> score["found"], score["missed"], score["false_candidates"]
    (5, 0, 0)
    """
    name = "score_lesions"
    tolerance_mm = _check.real(name, "tolerance_mm", tolerance_mm, minimum=0)
    size = np.array(_check.spacing(name, spacing, 3))
    for argument, table, needed in (
        ("candidates", candidates, (*(f"centroid_{axis}" for axis in "zyx"), "equivalent_diameter_mm")),
        ("lesions", lesions, (*(f"centre_{axis}_mm" for axis in "zyx"), "diameter_mm")),
    ):
        if not isinstance(table, Mapping):
            raise _check.fail(name, argument, "be a mapping of columns", type(table), TypeError)
        if missing := [column for column in needed if column not in table]:
            raise ValueError(
                f"{name}: `{argument}` must have the column {missing[0]}, got {', '.join(map(str, table))}"
            )
        if len({len(table[column]) for column in needed}) > 1:
            raise ValueError(f"{name}: `{argument}` must have columns of one length")
    keep = np.asarray(candidates["kept"], bool) if "kept" in candidates else slice(None)
    seen = np.stack([np.asarray(candidates[f"centroid_{axis}"], float)[keep] for axis in "zyx"], axis=1) * size
    measured_sizes = np.asarray(candidates["equivalent_diameter_mm"], float)[keep]
    label = "new_label" if "new_label" in candidates else "label"
    ranks = np.arange(1, len(candidates["centroid_z"]) + 1)
    numbers = np.asarray(candidates.get(label, ranks))[keep]
    centres = np.stack([np.asarray(lesions[f"centre_{axis}_mm"], float) for axis in "zyx"], axis=1)
    diameters = np.asarray(lesions["diameter_mm"], float)
    if not (np.isfinite(centres).all() and np.isfinite(diameters).all() and (diameters > 0).all()):
        raise ValueError(f"{name}: `lesions` must have finite centres and diameters above 0")

    gaps = np.linalg.norm(centres[:, np.newaxis] - seen[np.newaxis], axis=2)
    allowed = gaps <= diameters[:, np.newaxis] / 2 + tolerance_mm
    partner = np.full(len(centres), -1)
    lesion = np.full(len(seen), -1)
    for flat in np.argsort(gaps, axis=None, kind="stable"):
        row, column = divmod(int(flat), max(len(seen), 1))
        if allowed[row, column] and partner[row] < 0 and lesion[column] < 0:
            partner[row], lesion[column] = column, row
    found = partner >= 0
    measured = np.full(len(centres), np.nan)
    measured[found] = measured_sizes[partner[found]]
    error = measured - diameters
    number = np.zeros(len(centres), np.int64)
    number[found] = numbers[partner[found]]
    pairs = Table({"candidate": numbers, "lesion": lesion})
    if "score" in candidates:
        pairs["score"] = np.asarray(candidates["score"], float)[keep]
    return {
        "found": int(found.sum()),
        "missed": int((~found).sum()),
        "false_candidates": int((lesion < 0).sum()),
        "mean_abs_diameter_error_mm": float(np.abs(error[found]).mean()) if found.any() else math.nan,
        "mean_diameter_error_mm": float(error[found].mean()) if found.any() else math.nan,
        "lesions": Table({
            **lesions,
            "found": found,
            "candidate": number,
            "measured_diameter_mm": measured,
            "diameter_error_mm": error,
        }),
        "candidates": pairs,
    }  # fmt: skip


def froc(
    cases: Iterable[tuple[Sequence[float], Sequence[int], int]],
    false_positives: Sequence[float] | None = (0.125, 0.25, 0.5, 1, 2, 4, 8),
) -> Table:
    """Return the sensitivity of a detector at given numbers of false candidates per case: the free-response ROC.

    Parameters
    ----------
    cases : iterable of (scores, lesions, lesion_count)
        Per case, what is higher for better candidates, the lesion that each candidate found (-1 for none) and the
        number of lesions; `score_lesions` pairs them. A lesion that several candidates found counts once, at their
        highest score, and none of them is false.
    false_positives : sequence of float, optional
        Mean false candidates per case to look at; by default those of the LUNA16 challenge. None: every point of the
        curve.

    Returns
    -------
    Table
        ``false_positives_per_case`` (as asked, or the curve's), ``sensitivity`` (lesions found with no more than that)
        and ``threshold``, the lowest score that is still a candidate then (infinity where none may be). Candidates of
        one score stay together.

    Raises
    ------
    ValueError
        If there is no case or no lesion, a score is NaN, a lesion has no number of its case, or scores and lesions
        differ in number.

    References
    ----------
    .. [1] D. P. Chakraborty, "Maximum likelihood analysis of free-response receiver operating characteristic (FROC)
       data", Med. Phys. 16, 1989.
    .. [2] A. A. A. Setio et al., "Validation, comparison, and combination of algorithms for automatic detection of
       pulmonary nodules in computed tomography images: the LUNA16 challenge", Med. Image Anal. 42, 2017.

    Examples
    --------
    Two cases, three lesions; the second best candidate is false.

    >>> from cormack import detect
    >>> curve = detect.froc([([0.9, 0.4], [0, -1], 1), ([0.8, 0.7], [-1, 1], 2)], (0, 0.5, 1))
    >>> curve["sensitivity"].round(2).tolist()
    [0.33, 0.67, 0.67]
    >>> curve["threshold"].tolist()
    [0.9, 0.7, 0.4]
    """
    name = "froc"
    scores: list[float] = []
    hits: list[int] = []
    lesion_count = case_count = 0
    for values, lesions, count in cases:
        if len(values) != len(lesions):
            raise ValueError(
                f"{name}: `cases` must have a lesion or -1 for each score, got {len(lesions)} for {len(values)}"
            )
        best: dict[int, float] = {}
        for value, lesion in zip(values, lesions, strict=True):
            if math.isnan(value):
                raise _check.fail(name, "cases", "hold no score of NaN", value)
            lesion = _check.integer(name, "cases", lesion)
            if not -1 <= lesion < count:
                raise _check.fail(name, "cases", f"number lesions from 0 to {count - 1}, or -1", lesion)
            if lesion < 0:
                scores.append(value)
                hits.append(0)
            else:
                best[lesion] = max(value, best.get(lesion, -math.inf))
        scores.extend(best.values())
        hits.extend([1] * len(best))
        lesion_count += count
        case_count += 1
    if not lesion_count:
        raise ValueError(f"{name}: `cases` must have a lesion, got none in {case_count} cases")
    order = np.argsort(-np.array(scores, float), kind="stable")
    ranked, hit = np.array(scores, float)[order], np.array(hits, np.int64)[order]
    last = np.append(ranked[1:] != ranked[:-1], True)[: len(ranked)]
    false = np.concatenate([[0.0], np.cumsum(1 - hit)[last] / case_count])
    sensitivity = np.concatenate([[0.0], np.cumsum(hit)[last] / lesion_count])
    threshold = np.concatenate([[math.inf], ranked[last]])
    if false_positives is None:
        return Table({"false_positives_per_case": false, "sensitivity": sensitivity, "threshold": threshold})
    asked = np.array([_check.real(name, "false_positives", value, minimum=0) for value in false_positives], float)
    at = np.searchsorted(false, asked, side="right") - 1
    return Table({"false_positives_per_case": asked, "sensitivity": sensitivity[at], "threshold": threshold[at]})
