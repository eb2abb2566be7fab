#include "segment/confidence_connected.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "core/unit_rows.hpp"
#include "segment/bit_sums_rows.hpp"
#include "segment/flood.hpp"

namespace cormack::cpu {
namespace {

struct Spread {
  double mean = 0, variance = 0;
};

// As ITK computes it, from sums that it rounds and these do not (integers).
Spread spread_of(double sum, double square, double count) {
  return {sum / count, count > 1 ? (square - sum * sum / count) / (count - 1) : 0};
}

template <class T>
class Growth {
 public:
  Growth(const Image& image, const ConfidenceConnected& how, int workers)
      : how_(how),
        workers_(workers),
        rows_(image.view<const T>(), workers),
        image_(rows_.view()),
        values_(image),
        allowed_(image.shape),
        flood_(allowed_, how.connectivity) {
    values_.data = const_cast<T*>(image_.data);
    values_.stride = image_.stride;
    if (how.mask != nullptr) nonzero_bits(*how.mask, false, inside_.emplace(image.shape), workers);
  }

  void run(const Image& out) {
    take_seeds();
    if (!seeds_.empty()) {
      set_range(spread_of_boxes());
      grow();
      for (std::int64_t i = 0; i < how_.iterations; ++i) {
        const Spread spread = spread_of_region();
        // ITK's test for a variance of zero. A negative one comes from rounding.
        if (spread.variance <= 0.1 * std::numeric_limits<double>::epsilon()) break;
        const double lower = lower_, upper = upper_;
        set_range(spread);
        if (lower == lower_ && upper == upper_) break;
        grow();
      }
    }
    expand_bits(flood_.region(), out, workers_);
  }

 private:
  bool counts(std::int64_t z, std::int64_t y, std::int64_t x) const {
    if (inside_) {
      const BitImage::Place place = inside_->place({z, y, x});
      if ((inside_->data()[place.index] & place.bit) == 0) return false;
    }
    return std::isfinite(static_cast<double>(image_.at(z, y, x)));
  }

  void take_seeds() {
    for (const std::array<std::int64_t, 3>& seed : how_.seeds) {
      (void)allowed_.place(seed);  // Refuses a seed outside the image.
      if (!counts(seed[0], seed[1], seed[2])) continue;
      const auto value = static_cast<double>(image_.at(seed[0], seed[1], seed[2]));
      least_ = std::min(least_, value);
      most_ = std::max(most_, value);
      seeds_.push_back(seed);
    }
    // ITK counts a seed as often as it is named.
    std::vector<std::array<std::int64_t, 3>> sorted = seeds_;
    std::sort(sorted.begin(), sorted.end());
    for (std::size_t i = 1; i < sorted.size(); ++i) {
      if (sorted[i] == sorted[i - 1]) repeated_.push_back(sorted[i]);
    }
  }

  Spread spread_of_boxes() const {
    const auto& radius = how_.radius;
    const auto& shape = image_.shape;
    const bool boxes = radius != std::array<std::int64_t, 3>{};
    double sum = 0, sum_of_means = 0, square = 0;
    std::int64_t count = 0, left_out = 0;
    for (const std::array<std::int64_t, 3>& seed : seeds_) {
      double box_sum = 0, box_square = 0;
      std::int64_t box_count = 0;
      for (std::int64_t dz = -radius[0]; dz <= radius[0]; ++dz) {
        const std::int64_t z = std::clamp<std::int64_t>(seed[0] + dz, 0, shape[0] - 1);
        for (std::int64_t dy = -radius[1]; dy <= radius[1]; ++dy) {
          const std::int64_t y = std::clamp<std::int64_t>(seed[1] + dy, 0, shape[1] - 1);
          for (std::int64_t dx = -radius[2]; dx <= radius[2]; ++dx) {
            const std::int64_t x = std::clamp<std::int64_t>(seed[2] + dx, 0, shape[2] - 1);
            if (!counts(z, y, x)) {
              ++left_out;
              continue;
            }
            const auto value = static_cast<double>(image_.at(z, y, x));
            box_sum += value;
            box_square += value * value;
            ++box_count;
          }
        }
      }
      sum += box_sum;
      sum_of_means += box_sum / static_cast<double>(box_count);
      square += box_square;
      count += box_count;
    }
    const auto total = static_cast<double>(count);
    if (!boxes || left_out > 0) return spread_of(sum, square, total);
    const double mean = sum_of_means / static_cast<double>(seeds_.size());
    return {mean, (square - mean * mean * total) / (total - 1)};
  }

  Spread spread_of_region() {
    const BitImage& region = flood_.region();
    const auto add = bit_sums_rows().add.template get<T>();
    const std::int64_t rows = region.row_count(), grain = region.grain(), height = image_.shape[1];
    // One sum for each block of rows, added in their order: the same for any number of threads.
    std::vector<BitSums> blocks(static_cast<std::size_t>((rows + grain - 1) / grain));
    parallel_for(rows, grain, workers_, [&](std::int64_t begin, std::int64_t end) {
      while (begin < end) {
        const std::int64_t z = begin / height, y = begin % height, block = begin / grain;
        const std::int64_t count = std::min({height - y, (block + 1) * grain - begin, end - begin});
        add({image_.row(z, y), region.row(begin), image_.stride[1], region.row_stride, count, image_.shape[2]},
            blocks[static_cast<std::size_t>(block)]);
        begin += count;
      }
    });
    BitSums all;
    for (const BitSums& block : blocks) {
      all.count += block.count;
      all.sum += block.sum;
      all.square_low += block.square_low;
      all.square_high += block.square_high;
      all.real_sum += block.real_sum;
      all.real_square += block.real_square;
    }
    double sum = all.real_sum, square = all.real_square, count = static_cast<double>(all.count);
    if constexpr (std::is_integral_v<T>) {
      sum = static_cast<double>(all.sum);
      square = static_cast<double>(all.square_high) * 4294967296.0 + static_cast<double>(all.square_low);
    }
    for (const std::array<std::int64_t, 3>& seed : repeated_) {
      const auto value = static_cast<double>(image_.at(seed[0], seed[1], seed[2]));
      sum += value;
      square += value * value;
      count += 1;
    }
    return spread_of(sum, square, count);
  }

  // A bound is a value of the image's type: integers are cut towards zero, as ITK casts them. The bounds are finite:
  // what is not (sums of huge doubles) gives way to the seeds.
  void set_range(const Spread& spread) {
    constexpr auto least = static_cast<double>(std::numeric_limits<T>::lowest());
    constexpr auto most = static_cast<double>(std::numeric_limits<T>::max());
    const double reach = how_.multiplier * std::sqrt(std::max(0.0, spread.variance));
    lower_ = static_cast<double>(static_cast<T>(std::max(least, std::min(least_, spread.mean - reach))));
    upper_ = static_cast<double>(static_cast<T>(std::min(most, std::max(most_, spread.mean + reach))));
  }

  void grow() {
    threshold_bits_within(values_, lower_, upper_, inside_ ? &*inside_ : nullptr, allowed_, workers_);
    flood_.clear();
    flood_.start(seeds_);
    flood_.grow();
  }

  const ConfidenceConnected& how_;
  int workers_;
  UnitRows<T> rows_;
  View<const T> image_;
  Image values_;  // the same with its type forgotten
  std::optional<BitImage> inside_;
  BitImage allowed_;
  Flood flood_;
  std::vector<std::array<std::int64_t, 3>> seeds_, repeated_;
  double least_ = HUGE_VAL, most_ = -HUGE_VAL;  // of the seeds
  double lower_ = 0, upper_ = 0;
};

}  // namespace

void confidence_connected(const Image& image, const Image& out, const ConfidenceConnected& how, Context context) {
  if (image.size() == 0) return;
  dispatch(image.dtype, [&](auto value) { Growth<decltype(value)>(image, how, context.workers).run(out); });
}

}  // namespace cormack::cpu
