#pragma once
// What row kernels read: the image itself where its last axis has unit stride, else one contiguous copy.
#include "core/image.hpp"
#include "core/parallel.hpp"
#include "core/scratch.hpp"

namespace cormack {

template <class T>
class UnitRows {
 public:
  UnitRows(const View<const T>& source, int workers)
      : view_(source), copy_(source.unit_rows() ? 0 : source.shape[0] * source.shape[1] * source.shape[2]) {
    if (source.unit_rows()) return;
    const auto [depth, rows, cols] = source.shape;
    const std::int64_t step = source.stride[2];
    T* copy = copy_.data();
    parallel_for(depth * rows, 65536 / (cols + 1) + 1, workers,
                 [&, rows = rows, cols = cols](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t row = begin; row < end; ++row) {
                     const T* from = source.row(row / rows, row % rows);
                     T* to = copy + row * cols;
                     for (std::int64_t x = 0; x < cols; ++x) to[x] = from[x * step];
                   }
                 });
    view_ = {copy, source.shape, {rows * cols, cols, 1}};
  }

  const View<const T>& view() const { return view_; }

 private:
  View<const T> view_;
  Scratch<T> copy_;
};

}  // namespace cormack
