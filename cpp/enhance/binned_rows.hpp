#pragma once
// An image as rows of bins, for equalize_adapthist.
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

#include "core/scratch.hpp"
#include "enhance/equalize_adapthist.hpp"
#include "enhance/equalize_adapthist_rows.hpp"

namespace cormack {

using Mask = std::optional<View<const std::uint8_t>>;

template <class T>
inline constexpr bool is_small = std::is_integral_v<T> && sizeof(T) <= 2;

// How values become bins and bins become entries of the maps.
struct Bins {
  Bins(const AdaptiveHistogram& settings, bool raw_bytes)
      : count(settings.bins),
        joined(1 + LevelFormula::kLevels / settings.bins),
        used((LevelFormula::kLevels - 1) / joined + 1),
        raw(raw_bytes),
        entries(raw ? 256 : used + 1),
        formula{settings.lower, settings.upper, settings.upper > settings.lower ? settings.upper - settings.lower : 1.0,
                1.0 / static_cast<double>(joined)} {}

  std::int64_t count;    // as asked for
  std::int64_t joined;   // grey levels in a bin
  std::int64_t used;     // bins that voxels can lie in
  bool raw;              // maps are indexed by the bytes of the image themselves
  std::int64_t entries;  // of a map; the last one, where it is not raw, is for voxels that do not count
  LevelFormula formula;
};

// The bin of every value of a small type, by its unsigned form.
template <class T, class Bin>
void fill_table(const LevelFormula& formula, Bin* table) {
  using U = std::make_unsigned_t<T>;
  constexpr std::int64_t lowest = std::numeric_limits<T>::min(), highest = std::numeric_limits<T>::max();
  const auto bin = [&](std::int64_t value) {
    return formula.bin(static_cast<double>(value), [](double x) { return std::nearbyint(x); });
  };
  // Bins do not decrease: runs of one bin end where bisection finds it.
  for (std::int64_t value = lowest; value <= highest;) {
    const std::int32_t here = bin(value);
    std::int64_t last = value, beyond = highest + 1;
    for (std::int64_t step = 1; last + step < beyond && bin(last + step) == here; step *= 2) last += step;
    while (beyond - last > 1) {
      const std::int64_t middle = last + (beyond - last) / 2;
      if (bin(middle) == here) last = middle;
      else beyond = middle;
    }
    for (; value <= last; ++value) table[static_cast<U>(value)] = static_cast<Bin>(here);
  }
}

// An arithmetic that never decreases is right if it is at the ends of every run of equal bins.
template <class T, class Bin>
std::optional<StepFormula> find_steps(const Bins& bins, const Bin* table) {
  using U = std::make_unsigned_t<T>;
  constexpr std::int64_t lowest = std::numeric_limits<T>::min(), highest = std::numeric_limits<T>::max();
  const auto bin = [&](std::int64_t value) { return static_cast<std::int32_t>(table[static_cast<U>(value)]); };
  const double scale = (LevelFormula::kLevels - 1) / (bins.formula.width * static_cast<double>(bins.joined));
  if (!(scale <= LevelFormula::kLevels)) return std::nullopt;
  // Where the offset must lie for the first value of each bin to reach it and the one before not to.
  double least = -std::numeric_limits<double>::infinity(), most = -least;
  for (std::int64_t value = lowest + 1; value <= highest; ++value) {
    if (bin(value) == bin(value - 1)) continue;
    least = std::max(least, bin(value) - static_cast<double>(value) * scale);
    most = std::min(most, bin(value) - static_cast<double>(value - 1) * scale);
  }
  if (!(least < most) || !std::isfinite(most - least)) return std::nullopt;
  const auto nearest = [](double value) { return static_cast<float>(std::clamp(value, lowest + 0.0, highest + 0.0)); };
  const StepFormula formula{nearest(std::ceil(bins.formula.lower)), nearest(std::floor(bins.formula.upper)),
                            static_cast<float>(scale), static_cast<float>((least + most) / 2)};
  for (std::int64_t value = lowest; value <= highest; ++value) {
    const bool end =
        value == lowest || value == highest || bin(value) != bin(value - 1) || bin(value) != bin(value + 1);
    if (end && formula.bin(static_cast<float>(value)) != bin(value)) return std::nullopt;
  }
  return formula;
}

// buffer overlaps nothing: bytes may alias anything, which keeps the compiler from reading ahead.
template <class U, class Entry, class Bin>
void look_up(const U* bits, std::int64_t n, const Entry* table, Bin* __restrict buffer) {
  constexpr int shift = 8 * sizeof(U), mask = (1 << shift) - 1;
  constexpr std::int64_t per_word = 8 / sizeof(U);
  std::int64_t i = 0;
  // From the lowest byte up is the order of memory only here.
  for (; std::endian::native == std::endian::little && i + per_word <= n; i += per_word) {
    std::uint64_t word;
    std::memcpy(&word, bits + i, 8);
    for (int k = 0; k < per_word; ++k, word >>= shift) buffer[i + k] = static_cast<Bin>(table[word & mask]);
  }
  for (; i < n; ++i) buffer[i] = static_cast<Bin>(table[bits[i]]);
}

// Rows of bins, wherever they come from.
template <class T, class Bin>
class BinnedRows {
 public:
  using Value = T;

  BinnedRows(const View<const T>& image, const Mask& mask, const Bins& bins)
      : image_(image),
        mask_(mask),
        bins_(bins),
        table_(is_small<T> ? std::int64_t{1} << (8 * sizeof(T)) : 0),
        plane_(is_small<T> ? 0 : image.size()) {
    if constexpr (is_small<T>) fill_table<T>(bins.formula, table_.data());
    if constexpr (is_small<T> && sizeof(T) == 2) steps_ = find_steps<T>(bins, table_.data());
  }

  // The bins of values (z, y, x) ... (z, y, x + n - 1): in memory of the source, or in `buffer`.
  const Bin* make(std::int64_t z, std::int64_t y, std::int64_t x, std::int64_t n, Bin* buffer) const {
    const T* values = image_.row(z, y) + x;
    if constexpr (is_small<T>) {
      using U = std::make_unsigned_t<T>;
      const U* bits = reinterpret_cast<const U*>(values);
      if constexpr (sizeof(T) == 1 && sizeof(Bin) == 1) {
        if (bins_.raw) return bits;
      }
      if constexpr (sizeof(T) == 2) {
        if (steps_) {
          const auto& rows = equalize_adapthist_rows().template step<T>();
          if constexpr (sizeof(Bin) == 1) rows.small(values, n, *steps_, buffer);
          else rows.large(values, n, *steps_, buffer);
        }
      }
      if (!steps_) look_up(bits, n, table_.data(), buffer);
    } else {
      const auto& rows = equalize_adapthist_rows().template level<T>();
      if constexpr (sizeof(Bin) == 1) rows.small(values, n, bins_.formula, none(), buffer);
      else rows.large(values, n, bins_.formula, none(), buffer);
    }
    if (mask_) {
      const std::uint8_t* inside = mask_->row(z, y) + x;
      if constexpr (sizeof(Bin) == 1) equalize_adapthist_rows().hide_small(inside, n, none(), buffer);
      else equalize_adapthist_rows().hide_large(inside, n, none(), buffer);
    }
    return buffer;
  }

  // The same, kept for `get` where it was dear. A row part is made by one thread.
  const Bin* make_and_keep(std::int64_t z, std::int64_t y, std::int64_t x, std::int64_t n, Bin* buffer) const {
    return make(z, y, x, n, is_small<T> ? buffer : kept(z, y, x));
  }
  const Bin* get(std::int64_t z, std::int64_t y, std::int64_t x, std::int64_t n, Bin* buffer) const {
    if constexpr (is_small<T>) return make(z, y, x, n, buffer);
    else return kept(z, y, x);
  }

  // What make_and_keep does, for every row.
  void keep_all() const {
    if constexpr (!is_small<T>)
      for (std::int64_t z = 0; z < image_.shape[0]; ++z)
        for (std::int64_t y = 0; y < image_.shape[1]; ++y) make(z, y, 0, image_.shape[2], kept(z, y, 0));
  }

  std::int32_t none() const { return static_cast<std::int32_t>(bins_.used); }
  // Whether a voxel may have no bin.
  bool partial() const { return mask_ || std::is_floating_point_v<T>; }
  const View<const T>& image() const { return image_; }
  const Bins& bins() const { return bins_; }
  std::int64_t bin_of_entry(std::int64_t entry) const { return bins_.raw ? table_[entry] : entry; }

 private:
  Bin* kept(std::int64_t z, std::int64_t y, std::int64_t x) const {
    return plane_.data() + (z * image_.shape[1] + y) * image_.shape[2] + x;
  }

  View<const T> image_;
  const Mask& mask_;
  const Bins& bins_;
  // Bytes of the image are entries themselves, so what they stand for may be more than a byte.
  Scratch<std::conditional_t<sizeof(T) == 1, std::uint16_t, Bin>> table_;
  Scratch<Bin> plane_;
  std::optional<StepFormula> steps_;
};

}  // namespace cormack
