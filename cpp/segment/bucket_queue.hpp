#pragma once
// A priority queue of pixels for keys within a known range: smallest key first, and among equal keys the one that came
// first. Keys fall into buckets; a bucket is put in order when it becomes the lowest, so that an item costs O(1) and
// O(log of the items in its bucket).
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <vector>

namespace cormack {

class BucketQueue {
 public:
  // Keys are 0 to `largest`; NaN and larger ones share the last bucket.
  explicit BucketQueue(double largest)
      : scale_(largest > 0 ? static_cast<double>(kBuckets - 1) / largest : 0), buckets_(kBuckets) {}

  bool empty() const { return size_ == 0; }

  void push(double key, std::int64_t pixel) {
    const double at = key * scale_;
    const std::size_t b = at < static_cast<double>(kBuckets - 1) ? static_cast<std::size_t>(at) : kBuckets - 1;
    Bucket& bucket = buckets_[b];
    bucket.items.push_back({key, pushed_++, pixel});
    if (bucket.ordered) std::push_heap(bucket.items.begin(), bucket.items.end(), Later{});
    ++size_;
    used_[b / 64] |= std::uint64_t{1} << b % 64;
    used_words_[b / 4096] |= std::uint64_t{1} << b / 64 % 64;
  }

  std::int64_t pop() {
    std::size_t word = 0;
    while (used_words_[word] == 0) ++word;
    word = word * 64 + static_cast<std::size_t>(std::countr_zero(used_words_[word]));
    const std::size_t b = word * 64 + static_cast<std::size_t>(std::countr_zero(used_[word]));
    Bucket& bucket = buckets_[b];
    if (!bucket.ordered) std::make_heap(bucket.items.begin(), bucket.items.end(), Later{});
    bucket.ordered = true;
    std::pop_heap(bucket.items.begin(), bucket.items.end(), Later{});
    const std::int64_t pixel = bucket.items.back().pixel;
    bucket.items.pop_back();
    --size_;
    likely_next_ = -1;
    if (!bucket.items.empty()) {
      likely_next_ = bucket.items.front().pixel;
    } else {
      bucket.ordered = false;
      used_[word] &= used_[word] - 1;
      if (used_[word] == 0) used_words_[word / 64] &= used_words_[word / 64] - 1;
    }
    return pixel;
  }

  // What pop() would give next, unless something smaller is pushed before; -1 if it is in another bucket.
  std::int64_t likely_next() const { return likely_next_; }

 private:
  struct Item {
    double key;
    std::uint64_t order;
    std::int64_t pixel;
  };
  struct Later {
    bool operator()(const Item& a, const Item& b) const { return a.key != b.key ? a.key > b.key : a.order > b.order; }
  };
  struct Bucket {
    std::vector<Item> items;
    bool ordered = false;  // items are a heap
  };
  static constexpr std::size_t kBuckets = 65536;

  double scale_;
  std::vector<Bucket> buckets_;
  std::array<std::uint64_t, kBuckets / 64> used_{};          // which buckets have items
  std::array<std::uint64_t, kBuckets / 4096> used_words_{};  // which words of used_ are not 0
  std::uint64_t pushed_ = 0;
  std::int64_t likely_next_ = -1;
  std::int64_t size_ = 0;
};

}  // namespace cormack
