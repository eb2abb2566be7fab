#pragma once
// Erosion, dilation and what is made of them, of binary images, 64 pixels at a time. A box is separated into its axes,
// each in steps whose number is the logarithm of its extent; any other footprint costs one operation on 64 pixels for
// each of its rows' runs. Memory: up to 10 bits a pixel of the image and of a margin as wide as the
// footprint reaches.
#include <vector>

#include "core/image.hpp"

namespace cormack {

// Erosion keeps a pixel where all places of the footprint around it are set, dilation where any place of the reflected
// footprint is. Place i of an axis lies i - centre away from the pixel.
struct BinaryStep {
  bool dilate = false;
  bool outside = true;  // what lies beyond the border
  std::int64_t iterations = 1;
};

struct BinaryFootprint {
  const std::uint8_t* places;  // in C order, non-zero takes part; at least one does
  std::array<std::int64_t, 3> shape;
  std::array<std::int64_t, 3> centre;
};

namespace cpu {
// mask: zero and not zero. out: bool, of its shape. The steps run one after the other.
void binary_morphology(const Image& mask, const Image& out, const BinaryFootprint& footprint,
                       const std::vector<BinaryStep>& steps, Context context);
}  // namespace cpu
}  // namespace cormack
