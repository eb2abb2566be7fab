#include "pointwise/lut_map.hpp"

#include <limits>

#include "core/check.hpp"
#include "core/scratch.hpp"
#include "pointwise/map_blocks.hpp"

namespace cormack {
namespace {

// Bits: the unsigned type of dst's size; entries are moved, not interpreted.
template <class S, class Bits>
void run(const View<const S>& src, const View<Bits>& dst, const Bits* table, std::int64_t count, std::int64_t first,
         Context context) {
  const auto nearest = [=](std::int64_t value) { return table[std::clamp(value - first, std::int64_t{0}, count - 1)]; };
  if constexpr (sizeof(S) <= 2) {
    // A table of every value needs no check per voxel.
    constexpr std::int64_t lowest = std::numeric_limits<S>::min(), highest = std::numeric_limits<S>::max();
    Scratch<Bits> full(highest - lowest + 1);
    for (std::int64_t value = lowest; value <= highest; ++value) full[value - lowest] = nearest(value);
    const Bits* entry_of = full.data() - lowest;
    map_blocks(src, dst, context, [=](const S* values, Bits* results, std::int64_t n) {
      for (std::int64_t i = 0; i < n; ++i) results[i] = entry_of[values[i]];
    });
  } else {
    map_blocks(src, dst, context, [=](const S* values, Bits* results, std::int64_t n) {
      for (std::int64_t i = 0; i < n; ++i) results[i] = nearest(static_cast<std::int64_t>(values[i]));
    });
  }
}

}  // namespace

namespace cpu {

void lut_map(const Image& src, const Image& dst, const void* table, std::int64_t count, std::int64_t first,
             Context context) {
  check_one_shape("lut_map", src, dst);
  if (count < 1) throw std::invalid_argument("lut_map: the table is empty");
  const auto with_bits = [&](auto bits) {
    using Bits = decltype(bits);
    const View<Bits> results{static_cast<Bits*>(dst.data), dst.shape, dst.stride};
    dispatch(src.dtype, [&](auto s) {
      using S = decltype(s);
      if constexpr (std::is_integral_v<S>)
        run(src.view<const S>(), results, static_cast<const Bits*>(table), count, first, context);
      else throw std::invalid_argument("lut_map: `src` must have an integer dtype");
    });
  };
  switch (item_size(dst.dtype)) {
    case 1:
      return with_bits(std::uint8_t{});
    case 2:
      return with_bits(std::uint16_t{});
    case 4:
      return with_bits(std::uint32_t{});
    default:
      return with_bits(std::uint64_t{});
  }
}

}  // namespace cpu
}  // namespace cormack
