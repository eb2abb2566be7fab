#pragma once
// What plans of connected components share.
#include "cuda/plan.hpp"
#include "segment/bit_rows.hpp"

namespace cormack::device {

struct Forest {
  BitRows rows;
  Pointer<unsigned> bits, parents;
};

inline Forest forest_of(Plan& plan, const Layout& image) {
  const BitRows rows{image.depth, image.height, image.width, (image.width + 31) / 32};
  if (rows.size() > (1ll << 28)) throw Unsupported("an image has at most 2^28 words of 32 voxels");
  return {rows, plan.scratch<unsigned>(rows.size()), plan.scratch<unsigned>(rows.size() * 16)};
}

}  // namespace cormack::device
