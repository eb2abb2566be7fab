#include "filters/masked_filter.hpp"

#include <limits>
#include <optional>

#include "core/saturate.hpp"
#include "core/unit_rows.hpp"
#include "filters/masked_filter_rows.hpp"
#include "filters/tap_passes.hpp"

namespace cormack {
namespace {

// Two channels all the way: sums of pixels, and sums of weights.
template <class T, class Work>
class MaskedWorker {
 public:
  MaskedWorker(const View<const T>& src, const View<const std::uint8_t>* mask, const TapPasses<Work>& passes,
               const MaskedFilter& filter)
      : src_(src),
        mask_(mask),
        passes_(passes),
        skip_nan_(filter.skip_nan),
        fill_(saturate<T>(filter.fill)),
        divide_(kernels_.template divide<Work>(filter.exact)),
        near_(passes.first),
        near_mask_(passes.first),
        shifted_(std::max(passes.second.count, passes.third.count)),
        sums_(2 * src.shape[2]) {}

  void read(std::int64_t z, std::int64_t y, Work* const* out) {
    find(near_, src_, z, y);
    if (mask_ != nullptr) find(near_mask_, *mask_, z, y);
    kernels_.template sum<Work>()(out[0], out[1], near_.rows.data(),
                                  mask_ != nullptr ? near_mask_.rows.data() : nullptr, skip_nan_, near_.weights.data(),
                                  near_.count, src_.shape[2]);
  }
  void join(const Work* const* const* ring, Work* const* out) {
    const TapList<Work>& taps = passes_.second;
    for (int c = 0; c < 2; ++c) {
      for (std::int64_t k = 0; k < taps.count; ++k) shifted_[k] = ring[c][taps.offsets[k]];
      between_(out[c], shifted_.data(), taps.weights.data(), taps.count, 0, src_.shape[2]);
    }
  }
  void write(std::int64_t, std::int64_t, Work* const* lines, T* out) {
    const TapList<Work>& taps = passes_.third;
    const std::int64_t cols = src_.shape[2];
    for (int c = 0; c < 2; ++c) {
      for (std::int64_t k = 0; k < taps.count; ++k) shifted_[k] = lines[c] + taps.offsets[k];
      between_(sums_.data() + c * cols, shifted_.data(), taps.weights.data(), taps.count, 0, cols);
    }
    divide_(out, sums_.data(), sums_.data() + cols, fill_, cols);
  }

 private:
  template <class Pixel>
  void find(PixelTaps<Pixel, Work>& near, const View<const Pixel>& image, std::int64_t z, std::int64_t y) {
    if (passes_.along_z) near.find(image.row(0, y), z, image.shape[0], image.stride[0]);
    else near.find(image.row(z, 0), y, image.shape[1], image.stride[1]);
  }

  const View<const T>& src_;
  const View<const std::uint8_t>* mask_;
  const TapPasses<Work>& passes_;
  const MaskedKernels<T>& kernels_ = *masked_filter_rows().kernels.template get<T>();
  SumTaps<Work, Work, Work> between_ = correlate_rows().template between<Work>();
  bool skip_nan_;
  T fill_;
  Divide<T, Work> divide_;
  PixelTaps<T, Work> near_;
  PixelTaps<std::uint8_t, Work> near_mask_;
  Scratch<const Work*> shifted_;
  Scratch<Work> sums_;
};

template <class T, class Work>
void run(const View<const T>& src, const View<const std::uint8_t>* mask, const View<T>& dst, const MaskedFilter& filter,
         bool boolean, Context context) {
  const TapPasses<Work> passes(filter.axes);
  run_rows<Work, 2, 2>(dst, passes.plan, sizeof(T) + 1, boolean, context,
                       [&] { return MaskedWorker<T, Work>(src, mask, passes, filter); });
}

// Whether float32 holds every sum of pixels.
template <class T>
bool float_holds_sums(const std::array<AxisTaps, 3>& axes) {
  double largest = -static_cast<double>(std::numeric_limits<T>::lowest());
  largest = std::max(largest, static_cast<double>(std::numeric_limits<T>::max()));
  for (const AxisTaps& axis : axes) largest *= static_cast<double>(axis.weights.size());
  return largest <= 1 << 24;
}

}  // namespace

namespace cpu {

void masked_filter(const Image& src, const Image* mask, const Image& dst, MaskedFilter filter, Context context) {
  if (src.size() == 0) return;
  if (src.ndim == 2) filter.axes[0] = AxisTaps{};
  for (AxisTaps& axis : filter.axes) axis.outside = 0;
  std::optional<UnitRows<std::uint8_t>> mask_rows;
  if (mask != nullptr) mask_rows.emplace(mask->view<const std::uint8_t>(), context.workers);
  const View<const std::uint8_t>* inside = mask_rows ? &mask_rows->view() : nullptr;
  dispatch(src.dtype, [&](auto pixel) {
    using T = decltype(pixel);
    const UnitRows<T> unit_rows(src.view<const T>(), context.workers);
    const bool boolean = src.dtype == DType::boolean;
    if constexpr (std::is_same_v<TapWork<T>, float>) {
      if (!filter.exact || float_holds_sums<T>(filter.axes)) {
        run<T, float>(unit_rows.view(), inside, dst.view<T>(), filter, boolean, context);
        return;
      }
    }
    run<T, double>(unit_rows.view(), inside, dst.view<T>(), filter, boolean, context);
  });
}

}  // namespace cpu
}  // namespace cormack
