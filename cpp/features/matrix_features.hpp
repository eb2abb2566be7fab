#pragma once
// Numbers from texture matrices and histograms, by the formulas of the Image Biomarker Standardisation Initiative:
// where there are many small regions, they take longer than the matrices.
#include <optional>

#include "features/neighbour_tables.hpp"
#include "features/texture_tally.hpp"

namespace cormack::cpu {

constexpr std::size_t kSizeFeatures = 17, kPairFeatures = 25, kToneFeatures = 5, kHistogramFeatures = 23;

// Which merged matrix, from 0, each matrix belongs to.
using Groups = std::vector<std::int64_t>;

// Adds up the counts of cells, in any order, of all matrices that belong to one group.
Cells merge_cells(const Cells& cells, const Groups& group_of);
std::vector<std::int64_t> merge_counts(const std::vector<std::int64_t>& counts, const Groups& group_of);

// The cells of dense matrices [matrix][level - 1][size - 1].
Cells cells_of(const std::uint64_t* counts, std::int64_t matrices, std::int64_t levels, std::int64_t sizes);

// Of matrices that count levels and sizes (runs, zones, distances, dependences), in the order of the run length
// features: each the mean over the matrices that have cells. Cells name matrices below voxels.size(), levels and sizes
// from 1, in any order; voxels: how many each matrix describes.
std::array<double, kSizeFeatures> size_features(const Cells& cells, const std::vector<std::int64_t>& voxels);

// Of co-occurrence: counts of ordered pairs [matrix][level][level], n levels, are merged, and made symmetric. Each the
// mean over the merged matrices that have a pair; nothing where there is none.
std::optional<std::array<double, kPairFeatures>> pair_features(const std::uint32_t* counts, const Groups& group_of,
                                                               std::int64_t n);

// What `ngtdm` counts, cells [table][level][neighbours] with numbers of neighbours below `width`, as matrices
// [table][level][sum of differences, voxels with a neighbour]; of all tables together where `merged`.
std::vector<double> tone_matrices(const ToneCell* cells, std::int64_t tables, std::int64_t levels, std::int64_t width,
                                  bool merged);

// Of such matrices: each the mean over those with a voxel, or what the standard says of a matrix without any.
std::array<double, kToneFeatures> tone_features(const double* matrices, std::int64_t count, std::int64_t levels);

// The intensity histogram, from the counts of levels 1 to n; some level occurs.
std::array<double, kHistogramFeatures> histogram_features(const std::int64_t* counts, std::int64_t n);

// What the intensity-volume histogram says from counts of n intensities: the fractions of the volume at 10 % and 90 %
// of the range, the first intensities, from 0, that at most 10 % and 90 % of the volume reach, and the area.
std::array<double, 5> volume_fractions(const std::int64_t* counts, std::int64_t n);

}  // namespace cormack::cpu
