#pragma once
// The value of a given rank in a box around every pixel, by merges of sorted lists that neighbouring windows share:
// about k (log k)^2 operations per pixel and vector of lanes for k x k windows, whatever the image. NaN counts as
// larger than every number, -0 as less than 0. Memory beyond the result: per thread, the sorted rows of a window, a
// vector wide. A. Adams, "Fast median filters using separable sorting networks", ACM TOG 40(4), 2021.
#include "filters/rank_filter.hpp"

namespace cormack::cpu {
// Whether rank_tree serves the window; the rest is rank_selection's.
bool has_rank_tree(const RankWindow& window);
void rank_tree(const Image& src, const Image& dst, const RankWindow& window, std::int64_t rank, Context context);
}  // namespace cormack::cpu
