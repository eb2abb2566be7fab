#pragma once
// Lines where images pass through a level, by marching squares. Contract: those of scikit-image's find_contours, bit
// for bit and in its order, for every slice of `image` on its own. A pixel is high where its value is above the level.
// Cost: one pass over the image for one bit a pixel, then linear in the length of the lines: segments are found and
// linked in raster order, and need no more than the ends that lie on two rows.
#include <vector>

#include "core/image.hpp"

namespace cormack {

struct Contours {
  std::vector<double> points;       // row and column of each
  std::vector<std::int64_t> first;  // point of each contour, and the number of points
};

struct ContourSettings {
  double level = 0;
  bool connect_high = false;  // whether high pixels on a diagonal are connected, rather than low ones
  bool reversed = false;      // low pixels on the right of a line, rather than on its left
  const Image* mask = nullptr;
  bool has_nan = false;  // whether there may be NaN; squares with NaN hold no line
};

namespace cpu {
// One element for each slice.
std::vector<Contours> find_contours(const Image& image, const ContourSettings& settings, Context context);
}  // namespace cpu
}  // namespace cormack
