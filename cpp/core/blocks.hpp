#pragma once
// Images as short runs of values, for maps and reductions: what fits into L1 together with its results.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "core/image.hpp"

namespace cormack {

inline constexpr std::int64_t kBlockValues = 2048;

struct Block {
  std::int64_t z, y, x, n;  // values (z, y, x) ... (z, y, x + n - 1)
};

class Blocks {
 public:
  explicit Blocks(const std::array<std::int64_t, 3>& shape)
      : height_(shape[1]),
        width_(shape[2]),
        per_row_((shape[2] + kBlockValues - 1) / kBlockValues),
        count_(shape[0] * shape[1] * per_row_) {}

  std::int64_t count() const { return count_; }
  // Blocks for one range of parallel_for: enough values to be worth a thread's attention.
  std::int64_t grain() const { return std::max<std::int64_t>(1, 65536 / std::clamp(width_, kOne, kBlockValues)); }
  Block operator[](std::int64_t i) const {
    const std::int64_t row = i / per_row_, x = i % per_row_ * kBlockValues;
    return {row / height_, row % height_, x, std::min(kBlockValues, width_ - x)};
  }

 private:
  static constexpr std::int64_t kOne = 1;
  std::int64_t height_, width_, per_row_, count_;
};

// Turns views of one shape into one long row each where the memory of all of them allows it, so that short last axes
// cost nothing.
template <class... Views>
void flatten_where_contiguous(Views&... views) {
  if (!(views.contiguous() && ...)) return;
  (..., (views.shape = {1, 1, views.size()}, views.stride = {0, 0, 1}));
}

// Copies the values whose mask is set to dst, which has room for n + 1 of them, and returns their number.
template <class T>
std::int64_t compact(const T* src, std::int64_t step, const std::uint8_t* mask, std::int64_t mask_step, std::int64_t n,
                     T* dst) {
  std::int64_t kept = 0, i = 0;
  if (step == 1 && mask_step == 1) {
    // Masks are mostly long runs of one value: eight at a time.
    for (; i + 8 <= n; i += 8) {
      std::uint64_t eight;
      std::memcpy(&eight, mask + i, 8);
      if (eight == 0) continue;
      if (eight == 0x0101010101010101u) {
        std::memcpy(dst + kept, src + i, 8 * sizeof(T));
        kept += 8;
      } else {
        for (int k = 0; k < 8; ++k) {
          dst[kept] = src[i + k];
          kept += mask[i + k] != 0;
        }
      }
    }
  }
  for (; i < n; ++i) {
    dst[kept] = src[i * step];
    kept += mask[i * mask_step] != 0;
  }
  return kept;
}

// Reads blocks as contiguous values: borrowed where rows are, copied otherwise; with a mask only the values inside it.
// A reader belongs to one thread; what it returned is valid until the next read.
template <class T>
class BlockReader {
 public:
  struct Values {
    const T* data;
    std::int64_t n;
  };

  // `mask` may be null; it has the image's shape.
  BlockReader(const View<const T>& image, const View<const std::uint8_t>* mask) : image_(image), mask_(mask) {}

  Values read(const Block& block) {
    const std::int64_t step = image_.unit_rows() ? 1 : image_.stride[2];
    const T* from = image_.row(block.z, block.y) + block.x * step;
    if (mask_ != nullptr) {
      const std::int64_t mask_step = mask_->unit_rows() ? 1 : mask_->stride[2];
      const std::uint8_t* mask = mask_->row(block.z, block.y) + block.x * mask_step;
      return {values_, compact(from, step, mask, mask_step, block.n, values_)};
    }
    if (step == 1) return {from, block.n};
    for (std::int64_t i = 0; i < block.n; ++i) values_[i] = from[i * step];
    return {values_, block.n};
  }

 private:
  View<const T> image_;
  const View<const std::uint8_t>* mask_;
  alignas(64) T values_[kBlockValues + 1];
};

}  // namespace cormack
