#include "filters/difference.hpp"

#include "core/blocks.hpp"
#include "core/check.hpp"
#include "core/parallel.hpp"
#include "filters/difference_rows.hpp"

namespace cormack::cpu {

void difference(const Image& a, const Image& b, const Image& dst, Context context) {
  check_one_shape("difference", a, b);
  check_one_shape("difference", a, dst);
  if (a.size() == 0) return;
  dispatch(a.dtype, [&](auto value) {
    using T = decltype(value);
    auto first = a.view<const T>(), second = b.view<const T>();
    auto out = dst.view<T>();
    flatten_where_contiguous(first, second, out);
    const Subtract<T> subtract = difference_rows().subtract.template get<T>();
    const Blocks blocks(out.shape);
    parallel_for(blocks.count(), blocks.grain(), context.workers, [&](std::int64_t begin, std::int64_t end) {
      BlockReader<T> read_first(first, nullptr), read_second(second, nullptr);
      alignas(64) T results[kBlockValues];
      for (std::int64_t i = begin; i < end; ++i) {
        const Block block = blocks[i];
        T* to = out.row(block.z, block.y) + block.x * out.stride[2];
        const bool direct = out.unit_rows();
        subtract(read_first.read(block).data, read_second.read(block).data, direct ? to : results, block.n);
        if (direct) continue;
        for (std::int64_t k = 0; k < block.n; ++k) to[k * out.stride[2]] = results[k];
      }
    });
  });
}

}  // namespace cormack::cpu
