"""Functions that take an image and a mask, or labels, refuse volumes on different grids, and show both."""

from __future__ import annotations

import numpy as np
import pytest

from cormack import GeometryError, Volume, anatomy, detect, enhance, features, filters, segment

RNG = np.random.default_rng(0)
IMAGE = Volume(RNG.normal(100, 20, (6, 20, 20)).astype(np.float32), (2, 1, 1))
INSIDE = np.zeros(IMAGE.shape, bool)
INSIDE[1:5, 3:17, 4:16] = True
MASK = IMAGE.replace(INSIDE)
LABELS = IMAGE.replace(INSIDE.astype(np.int32))
LEVELS = IMAGE.replace(INSIDE * 3 + 1)
SEED = (3, 10, 10)

# Each takes an image and what lies beside it.
CALLS = {
    "histogram": lambda a, b: enhance.histogram(a, mask=b),
    "histogram, weights": lambda a, b: enhance.histogram(a, weights=b),
    "equalize_hist": lambda a, b: enhance.equalize_hist(a, mask=b),
    "equalize_adapthist": lambda a, b: enhance.equalize_adapthist(a, mask=b),
    "stretch_contrast": lambda a, b: enhance.stretch_contrast(a, mask=b),
    "normalize": lambda a, b: enhance.normalize(a, "zscore", mask=b),
    "match_histograms": lambda a, b: enhance.match_histograms(a, a, mask=b),
    "match_histograms, reference": lambda a, b: enhance.match_histograms(a, a, reference_mask=b),
    "fit_nyul_standard": lambda a, b: enhance.fit_nyul_standard([a], masks=[b]),
    "canny": lambda a, b: detect.canny(a, mask=b),
    "find_contours": lambda a, b: detect.find_contours(a, 100, mask=b),
    "marching_cubes": lambda a, b: detect.marching_cubes(a, 100, mask=b),
    "rx_detector": lambda a, b: detect.rx_detector(a, 3, mask=b),
    "match_template": lambda a, b: detect.match_template(a, a, pad_input=True, mask=b),
    "peak_local_max": lambda a, b: detect.peak_local_max(a, labels=b),
    "gaussian_filter": lambda a, b: filters.gaussian_filter(a, 1, mask=b),
    "uniform_filter": lambda a, b: filters.uniform_filter(a, 3, mask=b),
    "threshold_otsu": lambda a, b: segment.threshold_otsu(a, mask=b),
    "connected_threshold": lambda a, b: segment.connected_threshold(a, SEED, 0, 200, mask=b),
    "flood": lambda a, b: segment.flood(a, SEED, tolerance=100, mask=b),
    "watershed": lambda a, b: segment.watershed(a, mask=b),
    "watershed, markers": lambda a, b: segment.watershed(a, b),
    "seeded_region_growing": lambda a, b: segment.seeded_region_growing(a, b),
    "chan_vese": lambda a, b: segment.chan_vese(a, init_level_set=b, max_num_iter=1),
    "morphological_chan_vese": lambda a, b: segment.morphological_chan_vese(a, 1, b),
    "morphological_geodesic_active_contour": lambda a, b: segment.morphological_geodesic_active_contour(a, 1, b),
    "label_statistics": lambda a, b: segment.label_statistics(b, a),
    "label_statistics, distance": lambda a, b: segment.label_statistics(b, distance_to=a),
    "screen": lambda a, b: segment.screen(b, a),
    "screen, distance": lambda a, b: segment.screen(b, distance_to=a),
    "nodule_candidates": lambda a, b: anatomy.nodule_candidates(a, b),
    "first_order": lambda a, b: features.first_order(a, b),
    "radiomics": lambda a, b: features.radiomics(a, b),
    "discretise": lambda a, b: features.discretise(a, b, bin_size=10),
    "morphology": lambda a, b: features.morphology(b, a),
}


def beside_of(name):
    return LABELS if name.startswith(("label_", "screen", "watershed, m", "seeded", "peak")) else MASK


@pytest.mark.parametrize("name", CALLS)
def test_another_grid_is_refused(name):
    moved = beside_of(name)
    moved = Volume(moved.array, (2, 1, 1.1), (5, 0, 0))
    with pytest.raises(GeometryError) as caught:
        CALLS[name](IMAGE, moved)
    text = str(caught.value)
    assert "do not share one grid" in text
    assert "spacing (2, 1, 1) mm, origin (0, 0, 0) mm" in text
    assert "spacing (2, 1, 1.1) mm, origin (5, 0, 0) mm" in text


@pytest.mark.parametrize("name", CALLS)
def test_another_shape_is_refused_with_both_grids(name):
    smaller = beside_of(name)
    smaller = Volume(smaller.array[:-1], smaller.spacing)
    with pytest.raises(
        GeometryError, match=r"(?s)shape \(6, 20, 20\).*shape \(5, 20, 20\)|\(5, 20, 20\).*\(6, 20, 20\)"
    ):
        CALLS[name](IMAGE, smaller)


@pytest.mark.parametrize("name", CALLS)
def test_the_same_grid_is_taken(name):
    CALLS[name](IMAGE, beside_of(name))
