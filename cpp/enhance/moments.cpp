#include "enhance/moments.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "core/blocks.hpp"
#include "core/check.hpp"
#include "core/parallel.hpp"
#include "enhance/histogram.hpp"
#include "enhance/moments_rows.hpp"
#include "pointwise/map_rows.hpp"

namespace cormack {
namespace {

// A sum that carries along what rounding drops (Neumaier).
struct Total {
  double sum = 0, lost = 0;
  void add(double value) {
    const double next = sum + value;
    lost += std::abs(sum) >= std::abs(value) ? sum - next + value : value - next + sum;
    sum = next;
  }
  double value() const { return sum + lost; }
};

template <class T>
Moments of_counts(const Image& image, const Image* mask, double above, double below, Context context) {
  constexpr std::int64_t low = std::numeric_limits<T>::min();
  constexpr std::int64_t size = std::numeric_limits<T>::max() - low + 1;
  std::vector<std::int64_t> counts(static_cast<std::size_t>(size));
  cpu::value_counts(image, mask, low, size, counts.data(), context);
  const auto over = [&](const auto& f) {
    for (std::int64_t i = 0; i < size; ++i) {
      const std::int64_t value = low + i, count = counts[static_cast<std::size_t>(i)];
      if (count > 0 && static_cast<double>(value) > above && static_cast<double>(value) < below) f(value, count);
    }
  };
  Moments result;
  std::int64_t sum = 0;
  over([&](std::int64_t value, std::int64_t count) {
    result.count += count;
    sum += value * count;
  });
  if (result.count == 0) return result;
  const double n = static_cast<double>(result.count);
  result.mean = static_cast<double>(sum) / n;
  Total squares;
  over([&](std::int64_t value, std::int64_t count) {
    const double distance = static_cast<double>(value) - result.mean;
    squares.add(static_cast<double>(count) * (distance * distance));
  });
  result.variance = squares.value() / n;
  return result;
}

template <class T>
class Summed {
 public:
  Summed(View<const T> image, std::optional<View<const std::uint8_t>> mask, Context context)
      : image_(image), mask_(mask), context_(context) {
    if (mask_) flatten_where_contiguous(image_, *mask_);
    else flatten_where_contiguous(image_);
  }

  template <class Row>
  MomentSums operator()(Row row, double above, double below, double center) const {
    struct Part {
      Total count, sum;
    };
    const Blocks blocks(image_.shape);
    const std::int64_t grain = blocks.grain(), chunks = (blocks.count() + grain - 1) / grain;
    std::vector<Part> parts(static_cast<std::size_t>(chunks));
    const auto load = map_rows().load.template get<T>();
    parallel_for(chunks, 1, context_.workers, [&](std::int64_t begin, std::int64_t end) {
      BlockReader<T> reader(image_, mask_ ? &*mask_ : nullptr);
      alignas(64) double values[kBlockValues];
      for (std::int64_t chunk = begin; chunk < end; ++chunk) {
        Part& part = parts[static_cast<std::size_t>(chunk)];
        for (std::int64_t i = chunk * grain; i < std::min((chunk + 1) * grain, blocks.count()); ++i) {
          const auto read = reader.read(blocks[i]);
          load(read.data, values, read.n);
          const MomentSums sums = row(values, read.n, above, below, center);
          part.count.add(sums.count);
          part.sum.add(sums.sum);
        }
      }
    });
    Part whole;
    for (const Part& part : parts) {
      whole.count.add(part.count.value());
      whole.sum.add(part.sum.value());
    }
    return {whole.count.value(), whole.sum.value()};
  }

 private:
  View<const T> image_;
  std::optional<View<const std::uint8_t>> mask_;
  Context context_;
};

template <class T>
Moments of_values(const Image& image, const Image* mask, double above, double below, Context context) {
  std::optional<View<const std::uint8_t>> inside;
  if (mask != nullptr) inside = mask->view<const std::uint8_t>();
  const Summed<T> summed(image.view<const T>(), inside, context);
  const MomentsRows& rows = moments_rows();
  const MomentSums first = summed(rows.sum, above, below, 0.0);
  Moments result;
  result.count = static_cast<std::int64_t>(first.count);
  if (result.count == 0) return result;
  result.mean = first.sum / first.count;
  result.variance = summed(rows.squares, above, below, result.mean).sum / first.count;
  return result;
}

}  // namespace

namespace cpu {

Moments moments(const Image& image, const Image* mask, double above, double below, Context context) {
  check_mask("moments", image, mask);
  return dispatch(image.dtype, [&](auto t) {
    using T = decltype(t);
    if constexpr (sizeof(T) <= 2) return of_counts<T>(image, mask, above, below, context);
    else return of_values<T>(image, mask, above, below, context);
  });
}

}  // namespace cpu
}  // namespace cormack
