#include "segment/fill_holes.hpp"

#include "segment/flood.hpp"

namespace cormack::cpu {

void fill_holes(const Image& mask, const Image& out, int connectivity, Context context) {
  if (mask.size() == 0) return;
  BitImage background(mask.shape);
  nonzero_bits(mask, true, background, context.workers);
  Flood outside(background, connectivity);
  outside.start_border(mask.ndim);
  outside.grow();
  BitImage& filled = outside.region();
  for (std::int64_t r = 0; r < filled.row_count(); ++r) {
    for (std::int64_t w = 0; w < filled.words; ++w) filled.row(r)[w] = ~filled.row(r)[w];
  }
  expand_bits(filled, out, context.workers);
}

}  // namespace cormack::cpu
