#pragma once
// The values of a region as one run, and the blocks in which features go over it.
#include <optional>
#include <vector>

#include "core/blocks.hpp"
#include "core/parallel.hpp"
#include "core/scratch.hpp"
#include "pointwise/map_rows.hpp"

namespace cormack {

// The values inside the mask, in the order of the image: where they lie if they already are contiguous, else a copy.
template <class T>
class Gathered {
 public:
  Gathered(View<const T> image, std::optional<View<const std::uint8_t>> mask, Context context) {
    if (!mask && image.contiguous()) {
      data_ = image.data;
      count_ = image.size();
      return;
    }
    if (mask) flatten_where_contiguous(image, *mask);
    const View<const std::uint8_t>* inside = mask ? &*mask : nullptr;
    const Blocks blocks(image.shape);
    // Where the values of each chunk of blocks start.
    const std::int64_t grain = blocks.grain(), chunks = (blocks.count() + grain - 1) / grain;
    std::vector<std::int64_t> start(static_cast<std::size_t>(chunks + 1));
    const auto over_chunks = [&](const auto& f) {
      parallel_for(chunks, 1, context.workers, [&](std::int64_t begin, std::int64_t end) {
        BlockReader<T> reader(image, inside);
        for (std::int64_t chunk = begin; chunk < end; ++chunk) {
          for (std::int64_t i = chunk * grain; i < std::min((chunk + 1) * grain, blocks.count()); ++i)
            f(reader, blocks[i], static_cast<std::size_t>(chunk));
        }
      });
    };
    over_chunks([&](BlockReader<T>&, const Block& block, std::size_t chunk) {
      start[chunk + 1] += inside == nullptr ? block.n : count_inside(*inside, block);
    });
    for (std::size_t chunk = 1; chunk < start.size(); ++chunk) start[chunk] += start[chunk - 1];
    count_ = start.back();
    copy_.emplace(count_);
    data_ = copy_->data();
    std::vector<std::int64_t> next(start);
    over_chunks([&](BlockReader<T>& reader, const Block& block, std::size_t chunk) {
      const auto values = reader.read(block);
      if (values.n == 0) return;
      std::memcpy(copy_->data() + next[chunk], values.data, static_cast<std::size_t>(values.n) * sizeof(T));
      next[chunk] += values.n;
    });
  }

  const T* data() const { return data_; }
  std::int64_t count() const { return count_; }

 private:
  static std::int64_t count_inside(const View<const std::uint8_t>& mask, const Block& block) {
    const std::int64_t step = mask.unit_rows() ? 1 : mask.stride[2];
    const std::uint8_t* at = mask.row(block.z, block.y) + block.x * step;
    std::int64_t count = 0;
    if (step == 1) {
      for (std::int64_t i = 0; i < block.n; ++i) count += at[i] != 0;
    } else {
      for (std::int64_t i = 0; i < block.n; ++i) count += at[i * step] != 0;
    }
    return count;
  }

  std::optional<Scratch<T>> copy_;
  const T* data_ = nullptr;
  std::int64_t count_ = 0;
};

inline constexpr std::int64_t kGrain = 32;  // blocks

template <class T>
std::int64_t blocks_of(const Gathered<T>& values) {
  return (values.count() + kBlockValues - 1) / kBlockValues;
}

// Block i as float64; returns its length.
template <class T>
std::int64_t load_block(const Gathered<T>& values, std::int64_t i, double* row) {
  const std::int64_t n = std::min(kBlockValues, values.count() - i * kBlockValues);
  map_rows().load.template get<T>()(values.data() + i * kBlockValues, row, n);
  return n;
}

// Calls f(number, values as float64, n) for every block.
template <class T, class F>
void over_blocks(const Gathered<T>& values, Context context, const F& f) {
  parallel_for(blocks_of(values), kGrain, context.workers, [&](std::int64_t begin, std::int64_t end) {
    alignas(64) double row[kBlockValues];
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t n = load_block(values, i, row);
      f(i, row, n);
    }
  });
}

}  // namespace cormack
