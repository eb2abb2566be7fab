#pragma once
// A signed 128-bit integer, for sums of products that must stay exact. Portable: not every compiler has __int128.
#include <cstdint>

namespace cormack {

struct Wide {
  std::uint64_t low = 0;
  std::uint64_t high = 0;  // two's complement

  Wide() = default;
  Wide(std::int64_t value) : low(static_cast<std::uint64_t>(value)), high(value < 0 ? ~std::uint64_t{0} : 0) {}

  Wide operator-() const {
    Wide result;
    result.low = 0 - low;
    result.high = ~high + (low == 0);
    return result;
  }
  Wide& operator+=(Wide other) {
    low += other.low;
    high += other.high + (low < other.low);
    return *this;
  }
  Wide& operator-=(Wide other) { return *this += -other; }

  // Modulo 2^128.
  friend Wide operator*(Wide a, std::int64_t b) {
    const std::uint64_t q = b < 0 ? 0 - static_cast<std::uint64_t>(b) : static_cast<std::uint64_t>(b);
    constexpr std::uint64_t half = 0xffffffffu;
    const std::uint64_t low_low = (a.low & half) * (q & half), low_high = (a.low & half) * (q >> 32);
    const std::uint64_t high_low = (a.low >> 32) * (q & half), high_high = (a.low >> 32) * (q >> 32);
    const std::uint64_t middle = (low_low >> 32) + (low_high & half) + (high_low & half);
    Wide result;
    result.low = (low_low & half) | middle << 32;
    result.high = high_high + (low_high >> 32) + (high_low >> 32) + (middle >> 32) + a.high * q;
    return b < 0 ? -result : result;
  }

  explicit operator double() const {
    if (high >> 63) return -static_cast<double>(-*this);
    return static_cast<double>(high) * 18446744073709551616.0 + static_cast<double>(low);
  }
};

}  // namespace cormack
