#pragma once
// The loops behind local_intensity. Compiled per instruction set.
#include <cstdint>
#include <type_traits>

#include "core/isa.hpp"

namespace cormack {

// Rows of sums have room for a multiple of this.
inline constexpr std::int64_t kChordPad = 16;

template <class Sum>
struct ChordRows {
  // dst[i] = prefix[i + length] - prefix[i]
  void (*chords)(const Sum* prefix, std::int64_t length, Sum* dst, std::int64_t n);
  // dst[i] = rows[0][i] + ... + rows[count - 1][i], from left to right; n is a multiple of kChordPad
  void (*sum)(const Sum* const* rows, std::int64_t count, Sum* dst, std::int64_t n);
  // dst[i] += src[i]
  void (*add)(const Sum* src, Sum* dst, std::int64_t n);
};

struct LocalIntensityRows {
  // The largest sum, as a signed number, where the mask is set; the lowest int32 where it is not.
  std::int32_t (*highest)(const std::uint32_t* sums, const std::uint8_t* mask, std::int64_t n);
  ChordRows<std::uint32_t> u32;  // modulo 2^32: sums of signed values too, where the result fits
  ChordRows<double> f64;

  template <class Sum>
  const ChordRows<Sum>& get() const {
    if constexpr (std::is_same_v<Sum, double>) return f64;
    else return u32;
  }
};

CORMACK_TABLE(LocalIntensityRows, local_intensity_rows)

}  // namespace cormack
