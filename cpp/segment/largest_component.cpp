#include "segment/largest_component.hpp"

#include "segment/components.hpp"

namespace cormack::cpu {

void largest_component(const Image& mask, const Image& out, int connectivity, Context context) {
  if (mask.size() == 0) return;
  BitImage bits(mask.shape);
  nonzero_bits(mask, false, bits, context.workers);
  const Components components(bits, connectivity, context.workers);
  const std::vector<std::int64_t> sizes = components.sizes();
  std::vector<std::uint8_t> chosen(sizes.size(), 0);
  chosen[static_cast<std::size_t>(std::max_element(sizes.begin(), sizes.end()) - sizes.begin())] = 1;
  components.keep(chosen, bits, context.workers);
  expand_bits(bits, out, context.workers);
}

}  // namespace cormack::cpu
