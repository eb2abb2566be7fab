#include "segment/bit_image.hpp"

#include <cmath>
#include <cstdlib>
#include <limits>

#include "core/parallel.hpp"
#include "segment/bit_image_rows.hpp"

namespace cormack {
namespace {

void check_shape(const BitImage& bits, const Image& image) {
  if (image.shape != bits.shape) throw std::invalid_argument("cormack: images of one operation differ in shape");
}

// The bounds as values of T: lower <= v <= upper for the doubles if and only if it holds for these. False: no v is.
template <class T>
bool narrow(double lower, double upper, T& low, T& high) {
  using Limits = std::numeric_limits<T>;
  if (!(lower <= upper)) return false;
  if constexpr (std::is_integral_v<T>) {
    lower = std::ceil(lower);
    upper = std::floor(upper);
    if (!(lower <= upper) || lower > static_cast<double>(Limits::max()) || upper < static_cast<double>(Limits::min()))
      return false;
    low = lower <= static_cast<double>(Limits::min()) ? Limits::min() : static_cast<T>(lower);
    high = upper >= static_cast<double>(Limits::max()) ? Limits::max() : static_cast<T>(upper);
  } else if constexpr (std::is_same_v<T, float>) {
    constexpr double largest = static_cast<double>(Limits::max());
    constexpr float infinity = Limits::infinity();
    // Conversions beyond the range of float would be undefined.
    low = lower > largest    ? infinity
          : lower < -largest ? (lower == -HUGE_VAL ? -infinity : -Limits::max())
                             : static_cast<float>(lower);
    high = upper < -largest  ? -infinity
           : upper > largest ? (upper == HUGE_VAL ? infinity : Limits::max())
                             : static_cast<float>(upper);
    if (static_cast<double>(low) < lower) low = std::nextafter(low, infinity);
    if (static_cast<double>(high) > upper) high = std::nextafter(high, -infinity);
  } else {
    low = lower;
    high = upper;
  }
  return low <= high;
}

// Calls f(row number, contiguous row).
template <class T, class F>
void for_each_row(View<const T> view, std::int64_t grain, int workers, F&& f) {
  parallel_for(view.shape[0] * view.shape[1], grain, workers, [&](std::int64_t begin, std::int64_t end) {
    Scratch<T> gathered(view.unit_rows() ? 0 : view.shape[2]);
    for (std::int64_t r = begin; r < end; ++r) {
      const T* row = view.row(r / view.shape[1], r % view.shape[1]);
      if (!view.unit_rows()) {
        for (std::int64_t x = 0; x < view.shape[2]; ++x) gathered[x] = row[x * view.stride[2]];
        row = gathered.data();
      }
      f(r, row);
    }
  });
}

}  // namespace

Neighbours::Neighbours(const BitImage& image, int connectivity) {
  for (const bool diagonal : {true, false}) {
    for (int dz = -1; dz <= 1; ++dz) {
      if (dz != 0 && image.shape[0] == 1) continue;
      for (int dy = -1; dy <= 1; ++dy) {
        const int steps = std::abs(dz) + std::abs(dy);
        if (steps == 0 || steps > connectivity || (steps + 1 <= connectivity) != diagonal) continue;
        offset[static_cast<std::size_t>(count++)] = dz * image.slice_stride + dy * image.row_stride;
        diagonal_count += diagonal;
      }
    }
  }
}

void nonzero_bits(const Image& image, bool invert, BitImage& bits, int workers) {
  check_shape(bits, image);
  dispatch(image.dtype, [&](auto value) {
    using T = decltype(value);
    const RangeBits<T> range = bit_image_rows().range.get<T>();
    const std::uint64_t flip = invert ? 0 : ~std::uint64_t{0};
    for_each_row(image.view<const T>(), bits.grain(), workers,
                 [&](std::int64_t r, const T* row) { range(row, bits.row(r), bits.shape[2], T{0}, T{0}, flip); });
  });
}

void threshold_bits_within(const Image& image, double lower, double upper, const BitImage* mask, BitImage& bits,
                           int workers) {
  check_shape(bits, image);
  dispatch(image.dtype, [&](auto value) {
    using T = decltype(value);
    T low{}, high{};
    if (!narrow(lower, upper, low, high)) {
      bits.clear();
      return;
    }
    const RangeBits<T> range = bit_image_rows().range.get<T>();
    for_each_row(image.view<const T>(), bits.grain(), workers, [&](std::int64_t r, const T* row) {
      std::uint64_t* out = bits.row(r);
      range(row, out, bits.shape[2], low, high, 0);
      if (mask == nullptr) return;
      const std::uint64_t* inside = mask->row(r);
      for (std::int64_t w = 0; w < bits.words; ++w) out[w] &= inside[w];
    });
  });
}

void threshold_bits(const Image& image, double lower, double upper, const Image* mask, BitImage& bits, int workers) {
  if (mask == nullptr) {
    threshold_bits_within(image, lower, upper, nullptr, bits, workers);
    return;
  }
  BitImage inside(bits.shape);
  nonzero_bits(*mask, false, inside, workers);
  threshold_bits_within(image, lower, upper, &inside, bits, workers);
}

void expand_bits(const BitImage& bits, const Image& image, int workers) {
  check_shape(bits, image);
  const View<std::uint8_t> view = image.view<std::uint8_t>();
  const auto expand = bit_image_rows().expand;
  parallel_for(bits.row_count(), bits.grain(), workers, [&](std::int64_t begin, std::int64_t end) {
    Scratch<std::uint8_t> gathered(view.unit_rows() ? 0 : view.shape[2]);
    for (std::int64_t r = begin; r < end; ++r) {
      std::uint8_t* row = view.row(r / view.shape[1], r % view.shape[1]);
      expand(bits.row(r), view.unit_rows() ? row : gathered.data(), view.shape[2]);
      if (!view.unit_rows()) {
        for (std::int64_t x = 0; x < view.shape[2]; ++x) row[x * view.stride[2]] = gathered[x];
      }
    }
  });
}

}  // namespace cormack
