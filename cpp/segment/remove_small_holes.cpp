#include "segment/remove_small_holes.hpp"

#include "segment/components.hpp"

namespace cormack::cpu {

void remove_small_holes(const Image& mask, const Image& out, std::int64_t max_size, int connectivity, Context context) {
  if (mask.size() == 0) return;
  BitImage background(mask.shape);
  nonzero_bits(mask, true, background, context.workers);
  const Components holes(background, connectivity, context.workers);
  std::vector<std::uint8_t> stays;
  for (const std::int64_t size : holes.sizes()) stays.push_back(size > max_size);
  holes.keep(stays, background, context.workers);
  for (std::int64_t r = 0; r < background.row_count(); ++r) {
    for (std::int64_t w = 0; w < background.words; ++w) background.row(r)[w] = ~background.row(r)[w];
  }
  expand_bits(background, out, context.workers);
}

}  // namespace cormack::cpu
