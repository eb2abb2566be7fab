#pragma once
// The map of one tile of equalize_adapthist: its histogram, clipped, the excess redistributed, and summed.
#include <cstdint>

namespace cormack {

// Clips counts[0 .. bins - 1] at `limit` and redistributes what is above: scikit-image's clip_histogram, count for
// count. Fewer voxels than bins * limit come out with their number or, by its second step, a few more. open: room for
// `bins` numbers.
void clip_counts(std::int64_t* counts, std::int64_t bins, std::int64_t limit, std::int64_t* open);

// map[i] = low + (high - low) * (part of the voxels in bins 0 ... i), for the first `used` bins. voxels: sum of the
// counts, above 0. Where all bins are full below it, the part is of what they hold.
template <class F>
void clipped_map(std::int64_t* counts, std::int64_t bins, std::int64_t voxels, double clip_limit, double low,
                 double high, F* map, std::int64_t used, std::int64_t* open);

}  // namespace cormack
