#pragma once
// The driver of every map: blocks of src to blocks of dst, split over threads.
#include "core/blocks.hpp"
#include "core/parallel.hpp"
#include "pointwise/map_rows.hpp"

namespace cormack {

// Calls row(values, results, n) for every block, with contiguous values and results.
template <class S, class D, class Row>
void map_blocks(View<const S> src, View<D> dst, Context context, const Row& row) {
  flatten_where_contiguous(src, dst);
  const Blocks blocks(src.shape);
  parallel_for(blocks.count(), blocks.grain(), context.workers, [&](std::int64_t begin, std::int64_t end) {
    BlockReader<S> reader(src, nullptr);
    alignas(64) D results[kBlockValues];
    for (std::int64_t i = begin; i < end; ++i) {
      const Block block = blocks[i];
      const S* values = reader.read(block).data;
      const std::int64_t step = dst.unit_rows() ? 1 : dst.stride[2];
      D* to = dst.row(block.z, block.y) + block.x * step;
      if (step == 1) {
        row(values, to, block.n);
      } else {
        row(values, results, block.n);
        for (std::int64_t k = 0; k < block.n; ++k) to[k * step] = results[k];
      }
    }
  });
}

// Any dtype to any dtype through float64. map(formula, row, n) works in place; NaN becomes `nan` in an integer dst.
using MapRow = void (*)(const void* formula, double* row, std::int64_t n);
void map_in_float64(const Image& src, const Image& dst, double nan, MapRow map, const void* formula, Context context);

template <class Formula>
void map_in_float64(const Image& src, const Image& dst, double nan,
                    void (*row)(double* row, std::int64_t n, const Formula& formula), const Formula& formula,
                    Context context) {
  struct Bound {
    void (*row)(double* row, std::int64_t n, const Formula& formula);
    const Formula& formula;
  };
  const Bound bound{row, formula};
  const MapRow map = [](const void* b, double* values, std::int64_t n) {
    const Bound& call = *static_cast<const Bound*>(b);
    call.row(values, n, call.formula);
  };
  map_in_float64(src, dst, nan, map, &bound, context);
}

}  // namespace cormack
