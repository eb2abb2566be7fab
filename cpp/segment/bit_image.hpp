#pragma once
// A binary image of one bit a pixel: what region growing, labelling and hole filling work on. 64 pixels move with one
// operation, and 8 million of them fit into the second-level cache.
#include <algorithm>
#include <cstring>

#include "core/image.hpp"
#include "core/scratch.hpp"

namespace cormack {

// Rows of words in raster order with a zero word between rows, a zero row between slices and zeros around all, so that
// every neighbour of a word lies at a constant distance and needs no test for the border (a single slice has no
// neighbours along z unless they are asked for). Bits beyond a row's end are 0.
class BitImage {
 public:
  explicit BitImage(const std::array<std::int64_t, 3>& extents, bool slices_around = false)
      : shape(extents),
        words((extents[2] + 63) / 64),
        row_stride(words + 1),
        slice_stride((extents[1] + 1) * row_stride),
        first_slice(extents[0] > 1 || slices_around ? slice_stride : 0),
        size(2 * first_slice + extents[0] * slice_stride + 2 * row_stride),
        data_(size) {
    clear();
  }

  void clear() { std::memset(data_.data(), 0, static_cast<std::size_t>(size) * sizeof(std::uint64_t)); }
  std::int64_t index(std::int64_t z, std::int64_t y) const {
    return first_slice + z * slice_stride + (y + 1) * row_stride + 1;
  }
  // Where a pixel (z, y, x) lies. Throws std::invalid_argument for one outside the image.
  struct Place {
    std::int64_t index;
    std::uint64_t bit;
  };
  Place place(const std::array<std::int64_t, 3>& pixel) const {
    for (std::size_t axis = 0; axis < 3; ++axis) {
      if (pixel[axis] < 0 || pixel[axis] >= shape[axis])
        throw std::invalid_argument("cormack: a seed lies outside the image");
    }
    return {index(pixel[0], pixel[1]) + pixel[2] / 64, std::uint64_t{1} << pixel[2] % 64};
  }
  std::uint64_t* data() { return data_.data(); }
  const std::uint64_t* data() const { return data_.data(); }
  // Row r of all rows in raster order.
  std::uint64_t* row(std::int64_t r) { return data() + index(r / shape[1], r % shape[1]); }
  const std::uint64_t* row(std::int64_t r) const { return data() + index(r / shape[1], r % shape[1]); }
  std::int64_t row_count() const { return shape[0] * shape[1]; }
  // Rows to give one thread at a time.
  std::int64_t grain() const { return std::max<std::int64_t>(1, 65536 / std::max<std::int64_t>(1, shape[2])); }

  const std::array<std::int64_t, 3> shape;  // pixels, (z, y, x)
  const std::int64_t words;                 // of a row, without its zero word
  const std::int64_t row_stride, slice_stride, first_slice, size;

 private:
  Scratch<std::uint64_t> data_;
};

// Where the neighbours of a row are, as distances in words: those a straight step away, whose pixel at the same x is a
// neighbour, and those among them whose pixels at x - 1 and x + 1 are neighbours too.
struct Neighbours {
  // connectivity: how many coordinates may change by one in a step, 1 to 3.
  Neighbours(const BitImage& image, int connectivity);

  std::array<std::int64_t, 8> offset{};  // the `diagonal_count` with diagonal steps come first
  int count = 0;
  int diagonal_count = 0;
};

// The pixels of `image` with lower <= value <= upper that are not zero in `mask` (which may be null). The comparison is
// exact for every dtype and any bounds, infinities too; NaN is outside. Rows that are not contiguous are gathered.
void threshold_bits(const Image& image, double lower, double upper, const Image* mask, BitImage& bits, int workers);
// The same with a mask of bits, for callers who threshold one image several times.
void threshold_bits_within(const Image& image, double lower, double upper, const BitImage* mask, BitImage& bits,
                           int workers);
// The pixels that are not zero (NaN is not), or those that are.
void nonzero_bits(const Image& image, bool invert, BitImage& bits, int workers);
// Writes 0 and 1 to an image of bool or uint8.
void expand_bits(const BitImage& bits, const Image& image, int workers);

}  // namespace cormack
