#pragma once
// Rows of label images as runs of one label along x.
#include <algorithm>
#include <memory>

#include "core/image.hpp"
#include "core/scratch.hpp"

namespace cormack {

// The rows of an image as contiguous memory: its own, or a copy that the next row overwrites.
template <class T>
class ContiguousRows {
 public:
  explicit ContiguousRows(const View<const T>& view) : view_(view), copy_(view.unit_rows() ? 0 : view.shape[2]) {}

  const T* operator()(std::int64_t z, std::int64_t y) const {
    const T* row = view_.row(z, y);
    if (view_.unit_rows()) return row;
    for (std::int64_t x = 0; x < view_.shape[2]; ++x) copy_[x] = row[x * view_.stride[2]];
    return copy_.data();
  }

 private:
  View<const T> view_;
  Scratch<T> copy_;
};

struct LabelRun {
  std::int64_t label;
  std::int64_t begin, end;
};

// Finds the runs of a row whose label is not 0, from left to right. One for each thread.
class RunFinder {
 public:
  virtual ~RunFinder() = default;
  // runs: room for as many as there are columns. Returns their number.
  virtual std::int64_t find(std::int64_t z, std::int64_t y, LabelRun* runs) const = 0;
};

// Throws std::invalid_argument for images of floating point.
std::unique_ptr<RunFinder> run_finder(const Image& labels);

// Parts of the rows of an image that depend on its shape alone, so that sums of floating point do not depend on the
// number of threads.
struct Slabs {
  // most: the most pixels of a slab of several rows.
  Slabs(std::int64_t row_count, std::int64_t width, std::int64_t most)
      : rows(row_count),
        step(std::max<std::int64_t>(1, std::min(std::max((row_count + 15) / 16, 65536 / width), most / width))),
        count((row_count + step - 1) / step) {}

  std::int64_t begin(std::int64_t slab) const { return slab * step; }
  std::int64_t end(std::int64_t slab) const { return std::min(rows, (slab + 1) * step); }

  std::int64_t rows, step, count;
};

}  // namespace cormack
