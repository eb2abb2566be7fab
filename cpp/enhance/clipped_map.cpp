#include "enhance/clipped_map.hpp"

#include <algorithm>

namespace cormack {

void clip_counts(std::int64_t* counts, std::int64_t bins, std::int64_t limit, std::int64_t* open) {
  std::int64_t excess = 0;
  for (std::int64_t i = 0; i < bins; ++i) {
    excess += std::max<std::int64_t>(0, counts[i] - limit);
    counts[i] = std::min(counts[i], limit);
  }
  const std::int64_t share = excess / bins, upper = limit - share;
  std::int64_t room = 0;  // bins below the limit
  for (std::int64_t i = 0; i < bins; ++i) {
    if (counts[i] < upper) {
      counts[i] += share;
      excess -= share;
    }
    // Also those that have just been raised.
    if (counts[i] >= upper && counts[i] < limit) {
      excess -= limit - counts[i];
      counts[i] = limit;
    }
    if (counts[i] < limit) open[room++] = i;
  }
  // `open` lists the bins below the limit in increasing order, and maybe some that have reached it since.
  std::int64_t listed = room;
  while (excess > 0 && room > 0) {
    for (std::int64_t first = 0; first < bins && excess > 0; ++first) {
      const std::int64_t step = std::max<std::int64_t>(1, room / excess);
      if (step > 1) {
        for (std::int64_t i = first; i < bins; i += step) {
          if (counts[i] >= limit) continue;
          --excess;
          room -= ++counts[i] == limit;
        }
        continue;
      }
      std::int64_t kept = std::lower_bound(open, open + listed, first) - open;
      // From here on no round of this loop finds a bin.
      if (kept == listed) break;
      for (std::int64_t k = kept; k < listed; ++k) {
        const std::int64_t i = open[k];
        if (counts[i] >= limit) continue;
        --excess;
        ++counts[i];
        if (counts[i] == limit) --room;
        else open[kept++] = i;
      }
      listed = kept;
    }
  }
}

template <class F>
void clipped_map(std::int64_t* counts, std::int64_t bins, std::int64_t voxels, double clip_limit, double low,
                 double high, F* map, std::int64_t used, std::int64_t* open) {
  std::int64_t total = voxels;
  if (clip_limit > 0) {
    const auto limit = static_cast<std::int64_t>(std::max(1.0, clip_limit * static_cast<double>(voxels)));
    clip_counts(counts, bins, limit, open);
    total = std::min(total, limit * bins);
  }
  std::int64_t sum = 0;
  for (std::int64_t i = 0; i < used; ++i) {
    sum += counts[i];
    const double part = static_cast<double>(sum) / static_cast<double>(total);
    map[i] = static_cast<F>(sum >= total ? high : low + (high - low) * part);
  }
}

template void clipped_map<float>(std::int64_t*, std::int64_t, std::int64_t, double, double, double, float*,
                                 std::int64_t, std::int64_t*);
template void clipped_map<double>(std::int64_t*, std::int64_t, std::int64_t, double, double, double, double*,
                                  std::int64_t, std::int64_t*);

}  // namespace cormack
