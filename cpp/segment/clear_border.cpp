#include "segment/clear_border.hpp"

#include "segment/flood.hpp"

namespace cormack::cpu {

void clear_border(const Image& mask, const Image& out, int connectivity, Context context) {
  if (mask.size() == 0) return;
  BitImage bits(mask.shape);
  nonzero_bits(mask, false, bits, context.workers);
  Flood touching(bits, connectivity);
  touching.start_border(mask.ndim);
  touching.grow();
  expand_bits(bits, out, context.workers);
}

}  // namespace cormack::cpu
