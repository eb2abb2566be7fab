#include "filters/masked_filter.hpp"

#include <bit>
#include <limits>
#include <optional>

#include "core/check.hpp"
#include "core/saturate.hpp"
#include "core/unit_rows.hpp"
#include "filters/masked_filter_rows.hpp"
#include "filters/tap_passes.hpp"

namespace cormack {
namespace {

// Windows from which sliding, and sums of sums, are worth their state.
constexpr std::int64_t kSlidingWindow = 5, kDoublingWindow = 8, kLargestDoubled = 1 << 16;

// A bound on the magnitude of sums of pixels.
template <class T>
double largest_sum(const std::array<AxisTaps, 3>& axes) {
  double largest = std::max(-static_cast<double>(std::numeric_limits<T>::lowest()),
                            static_cast<double>(std::numeric_limits<T>::max()));
  for (const AxisTaps& axis : axes) largest *= static_cast<double>(axis.weights.size());
  return largest;
}

// What all workers of a call share.
template <class T, class Work>
struct MaskedPasses : TapPasses<Work> {
  MaskedPasses(const MaskedFilter& filter, const View<const T>& src, const View<const std::uint8_t>* inside)
      : TapPasses<Work>(filter.axes), skip_nan(filter.skip_nan), exact(filter.exact), mask(inside) {
    fill = saturate<T>(filter.fill);
    // Sums that round may not slide: their bits would depend on where a thread starts.
    const bool sums_are_exact = exact && std::is_integral_v<T> && largest_sum<T>(filter.axes) <= 0x1p53;
    slides_along_z = sums_are_exact && this->along_z && this->first.count >= kSlidingWindow;
    slides_along_y = sums_are_exact && this->both && this->second.count >= kSlidingWindow;
    doubles_along_x = exact && this->third.count >= kDoublingWindow && this->third.count <= kLargestDoubled;
    // The row that leaves the window is still there when another one enters.
    if (slides_along_y) ++this->plan.above;
    if (slides_along_z)
      sliding_rows = tile_rows(this->plan, src.shape[1], src.shape[2], kBytes) + this->plan.above + this->plan.below;
  }

  static constexpr std::size_t kBytes = sizeof(T) + 1;
  bool skip_nan, exact;
  const View<const std::uint8_t>* mask;
  T fill;
  bool slides_along_z, slides_along_y, doubles_along_x;
  std::int64_t sliding_rows = 0;
};

// Two channels all the way: sums of pixels, and sums of weights.
template <class T, class Work>
class MaskedWorker {
 public:
  MaskedWorker(const View<const T>& src, const MaskedPasses<T, Work>& passes)
      : src_(src),
        passes_(passes),
        cols_(src.shape[2]),
        near_(passes.first),
        near_mask_(passes.first),
        // A window is the sum of at most as many powers of two as a number has bits.
        shifted_(std::max({passes.second.count, passes.third.count, std::int64_t{64}})),
        ones_(64),
        sums_(2 * cols_),
        sliding_(passes.sliding_rows * 2 * cols_),
        sliding_row_(passes.sliding_rows),
        sliding_plane_(passes.sliding_rows),
        column_(passes.slides_along_y ? 2 * cols_ : 0),
        doubled_(passes.doubles_along_x
                     ? std::bit_width(static_cast<std::uint64_t>(passes.third.count)) * (cols_ + passes.third.count)
                     : 0) {
    std::fill_n(sliding_row_.data(), passes.sliding_rows, -1);
    std::fill_n(ones_.data(), 64, Work{1});
  }

  void read(std::int64_t z, std::int64_t y, Work* const* out) {
    if (!passes_.slides_along_z) {
      sum_window(z, y, out);
      return;
    }
    const std::int64_t slot = y % passes_.sliding_rows;
    Work* kept[2] = {sliding_.data() + 2 * slot * cols_, sliding_.data() + (2 * slot + 1) * cols_};
    const bool follows = sliding_row_[slot] == y && sliding_plane_[slot] == z - 1;
    if (follows) {
      add_row(z - 1 - passes_.first.left, y, kept, -1);
      add_row(z + passes_.first.right, y, kept, 1);
    } else if (sliding_row_[slot] != y || sliding_plane_[slot] != z) {
      sum_window(z, y, kept);
    }
    sliding_row_[slot] = y;
    sliding_plane_[slot] = z;
    for (int c = 0; c < 2; ++c) std::copy_n(kept[c], cols_, out[c]);
  }
  void join(std::int64_t z, std::int64_t y, const Work* const* const* ring, Work* const* out) {
    const TapList<Work>& taps = passes_.second;
    const bool follows = passes_.slides_along_y && z == column_plane_ && y == column_row_ + 1;
    for (int c = 0; c < 2; ++c) {
      Work* kept = passes_.slides_along_y ? column_.data() + c * cols_ : out[c];
      if (follows) {
        slide_(kept, ring[c][taps.right], ring[c][-taps.left - 1], cols_);
      } else {
        for (std::int64_t k = 0; k < taps.count; ++k) shifted_[k] = ring[c][taps.offsets[k]];
        between_(kept, shifted_.data(), taps.weights.data(), taps.count, 0, cols_);
      }
      if (passes_.slides_along_y) std::copy_n(kept, cols_, out[c]);
    }
    column_plane_ = z;
    column_row_ = y;
  }
  void write(std::int64_t, std::int64_t, Work* const* lines, T* out) {
    const TapList<Work>& taps = passes_.third;
    for (int c = 0; c < 2; ++c) {
      Work* sum = sums_.data() + c * cols_;
      if (passes_.doubles_along_x) {
        sum_by_doubling(lines[c] - taps.left, sum);
        continue;
      }
      for (std::int64_t k = 0; k < taps.count; ++k) shifted_[k] = lines[c] + taps.offsets[k];
      between_(sum, shifted_.data(), taps.weights.data(), taps.count, 0, cols_);
    }
    divide_(out, sums_.data(), sums_.data() + cols_, passes_.fill, cols_);
  }

 private:
  template <class Pixel>
  void find(PixelTaps<Pixel, Work>& near, const View<const Pixel>& image, std::int64_t z, std::int64_t y) {
    if (passes_.along_z) near.find(image.row(0, y), z, image.shape[0], image.stride[0]);
    else near.find(image.row(z, 0), y, image.shape[1], image.stride[1]);
  }

  void sum_window(std::int64_t z, std::int64_t y, Work* const* out) {
    find(near_, src_, z, y);
    const std::uint8_t* const* masks = nullptr;
    if (passes_.mask != nullptr) {
      find(near_mask_, *passes_.mask, z, y);
      masks = near_mask_.rows.data();
    }
    kernels_.template sum<Work>()(out[0], out[1], near_.rows.data(), masks, passes_.skip_nan, near_.weights.data(),
                                  near_.count, cols_);
  }

  // Adds or takes away one row of a window along z.
  void add_row(std::int64_t z, std::int64_t y, Work* const* out, Work sign) {
    const std::int64_t plane = border_index(z, src_.shape[0], passes_.first.border);
    if (plane < 0) return;
    const std::uint8_t* mask = passes_.mask != nullptr ? passes_.mask->row(plane, y) : nullptr;
    kernels_.template add<Work>()(out[0], out[1], src_.row(plane, y), mask, sign, cols_);
  }

  // Sums of 1, 2, 4 ... neighbours, and of those that make up the window.
  void sum_by_doubling(const Work* line, Work* out) {
    const std::int64_t window = passes_.third.count;
    std::int64_t parts = 0, offset = 0, length = cols_ + window - 1;
    Work* next = doubled_.data();
    for (std::int64_t width = 1;; width *= 2) {
      if ((window & width) != 0) {
        shifted_[parts++] = line + offset;
        offset += width;
      }
      if (2 * width > window) break;
      length -= width;
      const Work* pair[2] = {line, line + width};
      between_(next, pair, ones_.data(), 2, 0, length);
      line = next;
      next += cols_ + window;
    }
    between_(out, shifted_.data(), ones_.data(), parts, 0, cols_);
  }

  const View<const T>& src_;
  const MaskedPasses<T, Work>& passes_;
  std::int64_t cols_;
  const MaskedKernels<T>& kernels_ = *masked_filter_rows().kernels.template get<T>();
  SumTaps<Work, Work, Work> between_ = correlate_rows().template between<Work>();
  Slide<Work> slide_ = masked_filter_rows().template slide<Work>();
  Divide<T, Work> divide_ = kernels_.template divide<Work>(passes_.exact);
  PixelTaps<T, Work> near_;
  PixelTaps<std::uint8_t, Work> near_mask_;
  Scratch<const Work*> shifted_;
  Scratch<Work> ones_, sums_;
  // Window sums along z of the rows of a tile, and which they are.
  Scratch<Work> sliding_;
  Scratch<std::int64_t> sliding_row_, sliding_plane_;
  // Window sums along y of the last row.
  Scratch<Work> column_;
  std::int64_t column_plane_ = -1, column_row_ = -1;
  Scratch<Work> doubled_;
};

template <class T, class Work>
void run(const View<const T>& src, const View<const std::uint8_t>* mask, const View<T>& dst, const MaskedFilter& filter,
         bool boolean, Context context) {
  const MaskedPasses<T, Work> passes(filter, src, mask);
  run_rows<Work, 2, 2>(dst, passes.plan, passes.kBytes, boolean, context,
                       [&] { return MaskedWorker<T, Work>(src, passes); });
}

}  // namespace

namespace cpu {

void masked_filter(const Image& src, const Image* mask, const Image& dst, MaskedFilter filter, Context context) {
  check_one_shape("masked_filter", src, dst);
  check_mask("masked_filter", src, mask);
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
      // float32 must hold every sum of pixels.
      if (!filter.exact || largest_sum<T>(filter.axes) <= 0x1p24) {
        run<T, float>(unit_rows.view(), inside, dst.view<T>(), filter, boolean, context);
        return;
      }
    }
    run<T, double>(unit_rows.view(), inside, dst.view<T>(), filter, boolean, context);
  });
}

}  // namespace cpu
}  // namespace cormack
