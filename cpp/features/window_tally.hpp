#pragma once
// Counting few things among many possible ones, again and again: what was counted is remembered, and only that is
// visited and cleared.
#include <algorithm>
#include <cstdint>
#include <cstring>

#include "core/scratch.hpp"

namespace cormack {

class WindowTally {
 public:
  // Keys are below `keys`; at most `most` are added before a clear. Where a table would be large keys are sorted.
  WindowTally(std::int64_t keys, std::int64_t most)
      : direct_(keys <= kLargestTable), table_(direct_ ? keys : 1), keys_(most + 1) {
    if (direct_) std::memset(table_.data(), 0, static_cast<std::size_t>(keys) * sizeof(std::uint32_t));
  }

  // A count of 0 may be added.
  void add(std::int64_t key, std::uint32_t count = 1) {
    if (direct_) {
      std::uint32_t& place = table_[key];
      keys_[size_] = key;
      size_ += place == 0 && count != 0;
      place += count;
    } else {
      for (; count > 0; --count) keys_[size_++] = key;
    }
  }

  // Calls f(key, count) for what was added, in an order that depends on nothing else, and forgets it.
  template <class F>
  void drain(const F& f) {
    if (direct_) {
      for (std::int64_t i = 0; i < size_; ++i) {
        std::uint32_t& place = table_[keys_[i]];
        f(keys_[i], place);
        place = 0;
      }
    } else {
      std::sort(keys_.data(), keys_.data() + size_);
      for (std::int64_t i = 0, next; i < size_; i = next) {
        for (next = i + 1; next < size_ && keys_[next] == keys_[i];) ++next;
        f(keys_[i], static_cast<std::uint32_t>(next - i));
      }
    }
    size_ = 0;
  }

 private:
  static constexpr std::int64_t kLargestTable = 1 << 22;
  bool direct_;
  Scratch<std::uint32_t> table_;
  Scratch<std::int64_t> keys_;
  std::int64_t size_ = 0;
};

}  // namespace cormack
