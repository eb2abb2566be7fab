#pragma once
// Histograms of an image, or of its part inside a mask. Counts are exact. All are added to what the result holds.
#include "core/image.hpp"

namespace cormack::cpu {

// Bin i counts edges[i] <= value < edges[i + 1], the last one value == edges[bins] too; NaN and what lies outside is
// not counted. edges: bins + 1 values that do not decrease, free of NaN. For edges that are uniform up to rounding the
// cost per value does not depend on `bins`; for others it grows with its logarithm.
void histogram(const Image& image, const Image* mask, const double* edges, std::int64_t bins, std::int64_t* counts,
               Context context);

// counts[i] is the number of values first + i, for integer images; values outside are not counted.
void value_counts(const Image& image, const Image* mask, std::int64_t first, std::int64_t size, std::int64_t* counts,
                  Context context);

// As histogram, but adds weights, an image of any dtype and of the image's shape: float64 sums, in one order for any
// number of threads. Temporary memory: at most 32 MiB.
void weighted_histogram(const Image& image, const Image* mask, const Image& weights, const double* edges,
                        std::int64_t bins, double* sums, Context context);

}  // namespace cormack::cpu
