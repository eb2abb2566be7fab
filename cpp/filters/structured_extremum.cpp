#include "filters/structured_extremum.hpp"

#include <algorithm>
#include <limits>

#include "core/check.hpp"
#include "core/parallel.hpp"
#include "core/scratch.hpp"
#include "filters/structured_extremum_rows.hpp"

namespace cormack::cpu {
namespace {

template <class T>
class RowWorker {
 public:
  RowWorker(const View<const T>& src, const ExtremumWindow& window, const double* heights, Extremum extremum)
      : src_(src),
        window_(window),
        heights_(heights),
        minimum_(extremum == Extremum::minimum),
        width_(src.shape[2]),
        left_(std::max<std::int64_t>(0, -window.first(2))),
        right_(std::max<std::int64_t>(0, window.first(2) + window.size[2] - 1)),
        row_(left_ + width_ + right_),
        best_(width_) {}

  void write(std::int64_t z, std::int64_t y, T* out, std::int64_t step) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    std::fill_n(best_.data(), width_, minimum_ ? infinity : -infinity);
    const std::uint8_t* places = window_.footprint;
    const double* heights = heights_;
    for (std::int64_t dz = 0; dz < window_.size[0]; ++dz) {
      for (std::int64_t dy = 0; dy < window_.size[1]; ++dy, places += window_.size[2], heights += window_.size[2]) {
        if (std::all_of(places, places + window_.size[2], [](std::uint8_t place) { return place == 0; })) continue;
        load(z + dz + window_.first(0), y + dy + window_.first(1));
        const auto join = minimum_ ? rows_.lower : rows_.raise;
        for (std::int64_t dx = 0; dx < window_.size[2]; ++dx) {
          if (places[dx] != 0) join(best_.data(), row_.data() + left_ + window_.first(2) + dx, heights[dx], width_);
        }
      }
    }
    rows_.store.template get<T>()(best_.data(), out, step, width_);
  }

 private:
  void load(std::int64_t z, std::int64_t y) {
    z = border_index(z, src_.shape[0], window_.border[0]);
    y = border_index(y, src_.shape[1], window_.border[1]);
    if (z < 0 || y < 0) {
      std::fill_n(row_.data(), left_ + width_ + right_, window_.cval);
      return;
    }
    double* row = row_.data() + left_;
    rows_.load.template get<T>()(src_.row(z, y), src_.stride[2], row, width_);
    extend_row<double>(row, width_, left_, right_, window_.border[2], window_.cval);
  }

  const View<const T>& src_;
  const ExtremumWindow& window_;
  const double* heights_;
  const bool minimum_;
  const std::int64_t width_, left_, right_;
  const StructuredExtremumRows& rows_ = structured_extremum_rows();
  Scratch<double> row_, best_;
};

}  // namespace

void structured_extremum(const Image& src, const Image& dst, const ExtremumWindow& window, const double* heights,
                         Extremum extremum, Context context) {
  check_one_shape("structured_extremum", src, dst);
  if (window.footprint == nullptr || heights == nullptr)
    throw std::invalid_argument("structured_extremum: the window needs a footprint and heights");
  if (src.size() == 0) return;
  dispatch(src.dtype, [&](auto value) {
    using T = decltype(value);
    const auto from = src.view<const T>();
    const auto to = dst.view<T>();
    parallel_for(from.shape[0] * from.shape[1], 1, context.workers, [&](std::int64_t begin, std::int64_t end) {
      RowWorker<T> worker(from, window, heights, extremum);
      for (std::int64_t r = begin; r < end; ++r) {
        const std::int64_t z = r / from.shape[1], y = r % from.shape[1];
        worker.write(z, y, to.row(z, y), to.stride[2]);
      }
    });
  });
}

}  // namespace cormack::cpu
