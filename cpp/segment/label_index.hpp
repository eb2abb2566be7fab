#pragma once
// A number for each label: an array for the labels that a label image of this size usually has, a hash table beyond.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace cormack {

class LabelIndex {
 public:
  // Labels from `limit` on go to the hash table, so that one stray label costs no memory.
  explicit LabelIndex(std::int64_t limit) : dense_limit_(limit) {}

  // The number of a label, at least 0, to read or set: 0 where it was not set.
  std::int32_t& operator[](std::int64_t label) {
    if (label < static_cast<std::int64_t>(dense_.size())) return dense_[static_cast<std::size_t>(label)];
    if (label >= dense_limit_) return sparse_[label];
    dense_.resize(static_cast<std::size_t>(std::min(dense_limit_, std::max<std::int64_t>(1024, 2 * label + 2))), 0);
    return dense_[static_cast<std::size_t>(label)];
  }
  // 0 for a label that was not set.
  std::int32_t find(std::int64_t label) const {
    if (static_cast<std::uint64_t>(label) < dense_.size()) return dense_[static_cast<std::size_t>(label)];
    if (sparse_.empty()) return 0;
    const auto found = sparse_.find(label);
    return found == sparse_.end() ? 0 : found->second;
  }

 private:
  std::int64_t dense_limit_;
  std::vector<std::int32_t> dense_;
  std::unordered_map<std::int64_t, std::int32_t> sparse_;
};

// For an image of so many pixels.
inline std::int64_t dense_limit(std::int64_t pixels) { return std::max<std::int64_t>(65536, 2 * pixels); }

// Indices to borrow: one for each thread at work, kept from slab to slab.
class IndexPool {
 public:
  explicit IndexPool(std::int64_t limit) : dense_limit_(limit) {}

  std::unique_ptr<LabelIndex> take() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) return std::make_unique<LabelIndex>(dense_limit_);
    std::unique_ptr<LabelIndex> index = std::move(free_.back());
    free_.pop_back();
    return index;
  }
  void give_back(std::unique_ptr<LabelIndex> index) {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(index));
  }

 private:
  std::int64_t dense_limit_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<LabelIndex>> free_;
};

}  // namespace cormack
