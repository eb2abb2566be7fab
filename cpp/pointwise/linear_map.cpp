#include "pointwise/linear_map.hpp"

#include <algorithm>

#include "core/parallel.hpp"
#include "pointwise/linear_map_rows.hpp"

namespace cormack {
namespace {

constexpr std::int64_t kBlock = 2048;

bool fits_float32(DType dtype) { return item_size(dtype) <= 2 || dtype == DType::f32; }

template <class T>
void gather(const T* src, std::int64_t stride, T* dst, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) dst[i] = src[i * stride];
}

template <class T>
void scatter(const T* src, T* dst, std::int64_t stride, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) dst[i * stride] = src[i];
}

// F: float or double. Images as long rows where memory allows it, so that small last axes cost nothing.
template <class S, class D, class F>
void run(View<const S> src, View<D> dst, const LinearMap& map, Context context) {
  if (src.contiguous() && dst.contiguous()) {
    src.shape = dst.shape = {1, 1, src.size()};
    src.stride = dst.stride = {0, 0, 1};
  }
  const LinearMapRows& rows = linear_map_rows();
  const std::int64_t width = src.shape[2];
  const std::int64_t blocks_per_row = (width + kBlock - 1) / kBlock;
  const std::int64_t blocks = src.shape[0] * src.shape[1] * blocks_per_row;
  const std::int64_t grain = std::max<std::int64_t>(1, 65536 / std::clamp<std::int64_t>(width, 1, kBlock));
  parallel_for(blocks, grain, context.workers, [&](std::int64_t begin, std::int64_t end) {
    alignas(64) F values[kBlock];
    alignas(64) S gathered[kBlock];
    alignas(64) D results[kBlock];
    for (std::int64_t block = begin; block < end; ++block) {
      const std::int64_t row = block / blocks_per_row;
      const std::int64_t z = row / src.shape[1], y = row % src.shape[1], x = block % blocks_per_row * kBlock;
      const std::int64_t n = std::min(kBlock, width - x);
      const S* from = src.row(z, y) + x * src.stride[2];
      if (!src.unit_rows()) {
        gather(from, src.stride[2], gathered, n);
        from = gathered;
      }
      D* to = dst.row(z, y) + x * dst.stride[2];
      D* target = dst.unit_rows() ? to : results;
      if constexpr (std::is_same_v<F, float>) {
        rows.load_f32.template get<S>()(from, values, n);
        rows.map_f32(values, n, static_cast<F>(map.lower), static_cast<F>(map.upper), static_cast<F>(map.scale),
                     static_cast<F>(map.offset));
        rows.store_f32.template get<D>()(values, target, n);
      } else {
        rows.load_f64.template get<S>()(from, values, n);
        rows.map_f64(values, n, map.lower, map.upper, map.scale, map.offset);
        rows.store_f64.template get<D>()(values, target, n);
      }
      if (target != to) scatter(results, to, dst.stride[2], n);
    }
  });
}

}  // namespace

namespace cpu {

void linear_map(const Image& src, const Image& dst, const LinearMap& map, Context context) {
  dispatch(src.dtype, [&](auto s) {
    using S = decltype(s);
    dispatch(dst.dtype, [&](auto d) {
      using D = decltype(d);
      if (fits_float32(src.dtype) && fits_float32(dst.dtype))
        run<S, D, float>(src.view<const S>(), dst.view<D>(), map, context);
      else run<S, D, double>(src.view<const S>(), dst.view<D>(), map, context);
    });
  });
}

}  // namespace cpu
}  // namespace cormack
