#pragma once
// How intensities lie in space: their center, and sums over all pairs of voxels (Moran's I, Geary's C), the exact ones,
// from the autocorrelation of the region. Same bits for any number of threads and any strides.
#include <array>

#include "core/image.hpp"

namespace cormack {

struct Spatial {
  std::int64_t count = 0;       // voxels inside the mask
  std::int64_t not_finite = 0;  // NaN and infinities among them; nothing below is set where there are any or no voxels
  double mean = 0;
  std::array<double, 3> center{};  // mean index (z, y, x) weighted by intensity; NaN where intensities sum to 0
  double moran = 0, geary = 0;     // weights 1 / distance in mm; NaN where all intensities are equal
};

namespace cpu {
// mask: bool or uint8, of the image's shape. spacing: mm along (z, y, x), above 0. O(n log n) in the voxels n of the
// box of the region. Memory: about 40 MB, or 60 bytes for each row of the box if that is more, and 60 bytes for each
// row of the box and thread: 64 MB for a diagonal of voxels through 512 x 512 x 512.
Spatial spatial(const Image& image, const Image& mask, const std::array<double, 3>& spacing, Context context);
}  // namespace cpu

}  // namespace cormack
