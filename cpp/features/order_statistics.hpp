#pragma once
// Exact order statistics of many values in a few passes.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <mutex>
#include <numeric>
#include <vector>

#include "enhance/tally.hpp"
#include "features/first_order_rows.hpp"
#include "features/gathered.hpp"

namespace cormack {

// Where a quantile lies among n sorted values: between ranks `below` and `above`.
struct Position {
  std::int64_t below, above;
  double fraction;
};

inline Position position_of(double quantile, std::int64_t n) {
  const double position = static_cast<double>(n - 1) * quantile;
  const auto below = static_cast<std::int64_t>(position);
  return {below, std::min(below + 1, n - 1), position - static_cast<double>(below)};
}

// The values of wanted ranks. A pass sorts values into equal intervals, a second one collects those of the intervals
// with a wanted rank, or narrows such an interval down where it holds too many. At most 127 quantiles.
template <class T>
class OrderStatistics {
 public:
  // Finds what quantiles of the values, which lie in [low, high] and are not none, need.
  template <class Quantiles>
  OrderStatistics(const Gathered<T>& values, double low, double high, const Quantiles& quantiles, Context context)
      : values_(values), context_(context) {
    for (const double quantile : quantiles) {
      const Position at = position_of(quantile, values.count());
      for (const std::int64_t rank : {at.below, at.above}) found_.push_back({rank, 0.0});
    }
    std::sort(found_.begin(), found_.end(), [](const Found& a, const Found& b) { return a.rank < b.rank; });
    find(low, high, 0, 0, found_.size());
  }

  // Zero is positive: which of -0 and +0 was found must not matter.
  double operator()(std::int64_t rank) const {
    return std::find_if(found_.begin(), found_.end(), [=](const Found& f) { return f.rank == rank; })->value + 0.0;
  }

 private:
  static constexpr std::int64_t kFewEnough = 65536;
  struct Found {
    std::int64_t rank;
    double value;
  };
  struct Bucket {
    std::int64_t below, count;  // values below its interval, in it
    std::size_t first, last;    // wanted ranks in it: found_[first .. last - 1]
    double low = std::numeric_limits<double>::infinity(), high = -low;
    std::vector<double> members{};  // in no order; empty where there are too many
  };

  // Finds the wanted ranks found_[first .. last - 1], all of which lie in [low, high]; `below` values are smaller.
  void find(double low, double high, std::int64_t below, std::size_t first, std::size_t last) {
    const double spread = (kIntervals - 1) / (high - low);
    // Where a range is too wide or too narrow for that, its values are searched as they are.
    const bool narrows = std::isfinite(spread) && spread > 0;
    const double scale = narrows ? spread : 0.0;
    std::vector<std::int64_t> counts(kIntervals + 1);
    const auto interval = first_order_rows().interval;
    std::atomic<std::int64_t> lowest{0}, highest{0};
    tally(blocks_of(values_), kGrain, kIntervals + 1, 2, counts.data(), kIntervals, context_, [&] {
      return [&](std::int64_t i, std::uint32_t* table) {
        alignas(64) double row[kBlockValues];
        alignas(64) std::uint16_t at[kBlockValues];
        const std::int64_t n = load_block(values_, i, row);
        interval(row, n, low, high, scale, at);
        count_words(at, n, table);
        std::int64_t own_lowest = 0, own_highest = 0;
        for (std::int64_t k = 0; k < n; ++k) {
          own_lowest += row[k] == low;
          own_highest += row[k] == high;
        }
        lowest.fetch_add(own_lowest, std::memory_order_relaxed);
        highest.fetch_add(own_highest, std::memory_order_relaxed);
        return n;
      };
    });
    // Background and saturation are many values at an end.
    for (; first < last && found_[first].rank < below + lowest; ++first) found_[first].value = low;
    const std::int64_t end = std::accumulate(counts.begin(), counts.end(), below);
    for (; first < last && found_[last - 1].rank >= end - highest; --last) found_[last - 1].value = high;
    if (first == last) return;
    std::vector<Bucket> buckets;
    std::vector<std::uint8_t> bucket_of(kIntervals + 1);  // from 1; 0: no wanted rank
    for (std::size_t i = 0; i < kIntervals && first < last; ++i) {
      const std::int64_t up_to = below + counts[i];
      std::size_t next = first;
      while (next < last && found_[next].rank < up_to) ++next;
      if (next > first) {
        buckets.push_back({below, counts[i], first, next});
        bucket_of[i] = static_cast<std::uint8_t>(buckets.size());
        first = next;
      }
      below = up_to;
    }
    collect(buckets, bucket_of, low, high, scale, narrows ? kFewEnough : values_.count());
    for (Bucket& bucket : buckets) {
      if (bucket.low == bucket.high) {
        for (std::size_t k = bucket.first; k < bucket.last; ++k) found_[k].value = bucket.low;
      } else if (bucket.members.empty()) {
        find(bucket.low, bucket.high, bucket.below, bucket.first, bucket.last);
      } else {
        for (std::size_t k = bucket.first; k < bucket.last; ++k) {
          const auto at = bucket.members.begin() + (found_[k].rank - bucket.below);
          std::nth_element(bucket.members.begin(), at, bucket.members.end());
          found_[k].value = *at;
        }
      }
    }
  }

  void collect(std::vector<Bucket>& buckets, const std::vector<std::uint8_t>& bucket_of, double low, double high,
               double scale, std::int64_t most) const {
    const auto interval = first_order_rows().interval;
    const std::vector<Bucket> empty(buckets);
    std::mutex mutex;
    parallel_for(blocks_of(values_), kGrain, context_.workers, [&](std::int64_t begin, std::int64_t end) {
      alignas(64) double row[kBlockValues];
      alignas(64) std::uint16_t at[kBlockValues];
      std::vector<Bucket> own(empty);
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t n = load_block(values_, i, row);
        interval(row, n, low, high, scale, at);
        for (std::int64_t k = 0; k < n; ++k) {
          const std::uint8_t number = bucket_of[at[k]];
          if (number == 0) continue;
          Bucket& bucket = own[number - 1u];
          bucket.low = std::min(bucket.low, row[k]);
          bucket.high = std::max(bucket.high, row[k]);
          if (bucket.count <= most) bucket.members.push_back(row[k]);
        }
      }
      const std::lock_guard lock(mutex);
      for (std::size_t b = 0; b < own.size(); ++b) {
        buckets[b].low = std::min(buckets[b].low, own[b].low);
        buckets[b].high = std::max(buckets[b].high, own[b].high);
        buckets[b].members.insert(buckets[b].members.end(), own[b].members.begin(), own[b].members.end());
      }
    });
  }

  const Gathered<T>& values_;
  Context context_;
  std::vector<Found> found_;  // by rank
};

}  // namespace cormack
