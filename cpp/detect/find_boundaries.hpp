#pragma once
// Pixels of which a neighbour has another label. Contract: labels of an integer type or bool, any strides (one copy
// where rows are not contiguous); dst bool of the same shape, its rows contiguous. Cost: one pass, a comparison for
// every neighbour.
#include "core/image.hpp"

namespace cormack {

enum class BoundaryMode : int {
  thick,  // every such pixel
  inner,  // those of objects alone
  outer,  // those of the background, and those of objects with another object among all their neighbours
};

namespace cpu {
// connectivity: how many coordinates may change by one between neighbours, 1 to 3.
void find_boundaries(const Image& labels, const Image& dst, int connectivity, BoundaryMode mode,
                     std::int64_t background, Context context);
}  // namespace cpu
}  // namespace cormack
