#include "segment/remove_small_objects.hpp"

#include "segment/components.hpp"

namespace cormack::cpu {

void remove_small_objects(const Image& mask, const Image& out, std::int64_t min_size, int connectivity,
                          Context context) {
  if (mask.size() == 0) return;
  BitImage bits(mask.shape);
  nonzero_bits(mask, false, bits, context.workers);
  const Components components(bits, connectivity, context.workers);
  std::vector<std::uint8_t> chosen;
  for (const std::int64_t size : components.sizes()) chosen.push_back(size >= min_size);
  components.keep(chosen, bits, context.workers);
  expand_bits(bits, out, context.workers);
}

}  // namespace cormack::cpu
