#pragma once
// The range of values that keeps two sets of seeds apart, as ITK's IsolatedConnectedImageFilter: a binary search of the
// upper (or lower) bound of connected_threshold from the first set, until it does not reach the second. Time: that of a
// connected_threshold for each halving of the range.
#include <span>

#include "core/image.hpp"

namespace cormack {

struct IsolatedConnected {
  double lower, upper;     // of the search; the bound that is not searched stays
  bool find_upper = true;  // search the upper bound, else the lower one
  double tolerance = 1;    // the search stops when it knows the bound this well; at least 1 for integers, above 0
  int connectivity = 1;    // how many coordinates may change in a step, 1 to 3
  const Image* mask = nullptr;
  std::span<const std::array<std::int64_t, 3>> seeds{}, others{};  // (z, y, x), inside the image
};

namespace cpu {
// Returns the bound found; out (bool, the shape of image) is the region within it.
double isolated_connected(const Image& image, const Image& out, const IsolatedConnected& how, Context context);
}  // namespace cpu
}  // namespace cormack
