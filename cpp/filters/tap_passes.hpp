#pragma once
// The passes of a correlation along z, y and x, as workers for run_rows.
#include "filters/correlate_rows.hpp"
#include "filters/row_passes.hpp"

namespace cormack {

// What all workers of a call share. The first pass reads pixels: along z where z is filtered, else along y.
template <class Work>
struct TapPasses {
  explicit TapPasses(const std::array<AxisTaps, 3>& axes)
      : along_z(!axes[0].identity()),
        both(along_z && !axes[1].identity()),
        first(axes[along_z ? 0 : 1]),
        second(axes[1]),
        third(axes[2]) {
    plan.read_rows = first.left + first.right + 1;
    plan.ring = both;
    if (both) {
      plan.above = second.left;
      plan.below = second.right;
    }
    plan.border_y = second.border;
    plan.left = third.left;
    plan.right = third.right;
    plan.border_x = third.border;
    plan.outside_y.fill(second.outside);
    plan.outside_x.fill(third.outside);
  }

  bool along_z, both;
  TapList<Work> first, second, third;
  RowPlan plan;
};

template <class T>
class TapWorker {
 public:
  using Work = TapWork<T>;

  TapWorker(const View<const T>& src, const TapPasses<Work>& passes)
      : src_(src),
        passes_(passes),
        near_(passes.first),
        second_rows_(passes.second.count),
        third_rows_(passes.third.count) {}

  void read(std::int64_t z, std::int64_t y, Work* const* out) {
    if (passes_.along_z) near_.find(src_.row(0, y), z, src_.shape[0], src_.stride[0]);
    else near_.find(src_.row(z, 0), y, src_.shape[1], src_.stride[1]);
    pixels_.from_pixels(out[0], near_.rows.data(), near_.weights.data(), near_.count, near_.offset, src_.shape[2]);
  }
  void join(std::int64_t, std::int64_t, const Work* const* const* ring, Work* const* out) {
    const TapList<Work>& taps = passes_.second;
    for (std::int64_t k = 0; k < taps.count; ++k) second_rows_[k] = ring[0][taps.offsets[k]];
    between_(out[0], second_rows_.data(), taps.weights.data(), taps.count, 0, src_.shape[2]);
  }
  void write(std::int64_t, std::int64_t, Work* const* lines, T* out) {
    pixels_.to_pixels(out, shifted(lines), passes_.third.weights.data(), passes_.third.count, 0, src_.shape[2]);
  }
  // The last pass, without the rounding.
  void write_work(Work* const* lines, Work* out) {
    between_(out, shifted(lines), passes_.third.weights.data(), passes_.third.count, 0, src_.shape[2]);
  }

 private:
  const Work* const* shifted(Work* const* lines) {
    const TapList<Work>& taps = passes_.third;
    for (std::int64_t k = 0; k < taps.count; ++k) third_rows_[k] = lines[0] + taps.offsets[k];
    return third_rows_.data();
  }

  const View<const T>& src_;
  const TapPasses<Work>& passes_;
  const TapKernels<T>& pixels_ = *correlate_rows().pixels.template get<T>();
  SumTaps<Work, Work, Work> between_ = correlate_rows().template between<Work>();
  PixelTaps<T, Work> near_;
  Scratch<const Work*> second_rows_, third_rows_;
};

}  // namespace cormack
