#pragma once
// Order of pixels as that of integers. No standard header.
#include "core/hd.hpp"

namespace cormack::device {

// What is compared in place of a value: floats become integers of the same order, so that NaN, which is larger than
// every number, is no special case.
template <class T>
struct Key {
  using Type = T;
  static CORMACK_HD T of(T value) { return value; }
  static CORMACK_HD T value(T key) { return key; }
};
template <>
struct Key<float> {
  using Type = int;
  static CORMACK_HD int of(float value) {
    const int bits = __builtin_bit_cast(int, value);
    return value != value ? 0x7fffffff : bits ^ (bits >> 31 & 0x7fffffff);
  }
  static CORMACK_HD float value(int key) { return __builtin_bit_cast(float, key ^ (key >> 31 & 0x7fffffff)); }
};
template <>
struct Key<double> {
  using Type = long long;
  static CORMACK_HD long long of(double value) {
    const long long bits = __builtin_bit_cast(long long, value);
    return value != value ? 0x7fffffffffffffffll : bits ^ (bits >> 63 & 0x7fffffffffffffffll);
  }
  static CORMACK_HD double value(long long key) {
    return __builtin_bit_cast(double, key ^ (key >> 63 & 0x7fffffffffffffffll));
  }
};

}  // namespace cormack::device
