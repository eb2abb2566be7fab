#pragma once
// Connected components of one block of an image that is never whole in memory: what it takes to join them with those of
// other blocks, and what becomes of them then. Linear in the pixels; memory as for cpu::label, without labels.
#include <span>
#include <vector>

#include "core/image.hpp"

namespace cormack {

// Numbers as cpu::label gives them, from 1; vectors start with that of 1.
struct BlockComponents {
  std::vector<std::int64_t> firsts;  // place of the first pixel in the block's raster order
  std::vector<std::int64_t> sizes;   // in pixels
  std::vector<std::uint8_t> marked;  // whether it holds one of the points, or a pixel of the marks
  // Labels of the first and the last plane across z, across y and across x, in raster order.
  std::array<std::vector<std::int32_t>, 6> faces;
};

namespace cpu {

// mask: what is not zero. marks: of its shape, or null. points: inside.
BlockComponents block_components(const Image& mask, const Image* marks,
                                 const std::vector<std::array<std::int64_t, 3>>& points, int connectivity,
                                 Context context);
// out, int32, becomes numbers[k] where the component k + 1 is. Throws std::invalid_argument where there are not as
// many.
void number_components(const Image& mask, const Image& out, std::span<const std::int32_t> numbers, int connectivity,
                       Context context);
// out, bool, becomes whether chosen[k] is not zero where the component k + 1 is.
void choose_components(const Image& mask, const Image& out, std::span<const std::uint8_t> chosen, int connectivity,
                       Context context);

}  // namespace cpu
}  // namespace cormack
