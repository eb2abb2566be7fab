#include "segment/label.hpp"

#include "core/check.hpp"
#include "core/parallel.hpp"
#include "segment/components.hpp"
#include "segment/components_rows.hpp"

namespace cormack::cpu {

std::int32_t label(const Image& mask, const Image& labels, int connectivity, bool zeroed, Context context) {
  check_one_shape("label", mask, labels);
  if (mask.size() == 0) return 0;
  const View<std::int32_t> out = labels.view<std::int32_t>();
  BitImage bits(mask.shape);
  nonzero_bits(mask, false, bits, context.workers);
  const Components components(bits, connectivity, context.workers);
  // To leave the zeros between short runs would take longer than to write them again.
  const bool long_runs = components.run_count() < mask.size() / 32;
  const auto write = zeroed && long_runs && out.unit_rows() ? components_rows().write_runs : components_rows().write;
  parallel_for(bits.row_count(), bits.grain(), context.workers, [&](std::int64_t begin, std::int64_t end) {
    Scratch<std::int32_t> gathered(out.unit_rows() ? 0 : out.shape[2]);
    for (std::int64_t r = begin; r < end; ++r) {
      std::int32_t* row = out.row(r / out.shape[1], r % out.shape[1]);
      write(bits.row(r), components.labels(r), out.unit_rows() ? row : gathered.data(), out.shape[2]);
      if (!out.unit_rows()) {
        for (std::int64_t x = 0; x < out.shape[2]; ++x) row[x * out.stride[2]] = gathered[x];
      }
    }
  });
  return components.count();
}

}  // namespace cormack::cpu
