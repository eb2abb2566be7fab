#pragma once
// Numbers from texture matrices, by the formulas of the Image Biomarker Standardisation Initiative: where there are
// many small regions, they take longer than the matrices.
#include "features/texture_tally.hpp"

namespace cormack::cpu {

constexpr std::size_t kSizeFeatures = 17, kPairFeatures = 25;

// Of matrices that count levels and sizes (runs, zones, distances, dependences), in the order of the run length
// features: each the mean over the matrices that have cells. Cells name matrices below voxels.size(), levels and sizes
// from 1, in any order; voxels: how many each matrix describes.
std::array<double, kSizeFeatures> size_features(const Cells& cells, const std::vector<std::int64_t>& voxels);

// Of `matrices` symmetric co-occurrence matrices of n levels, none of them empty: [feature][matrix].
void pair_features(const std::int64_t* counts, std::int64_t matrices, std::int64_t n, double* result);

}  // namespace cormack::cpu
