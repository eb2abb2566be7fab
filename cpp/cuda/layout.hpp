#pragma once
// What kernels and their plans share: plain structs that travel as kernel arguments, and numbers without <limits>. No
// standard header.
#include "core/border.hpp"
#include "core/hd.hpp"

namespace cormack::device {

// Where the voxels of an image lie: strides in elements, of any sign, and extents.
struct Layout {
  long long z, y, x;
  int depth, height, width;
  int unused;  // without it a plan's bytes would hold what no one has written

  CORMACK_HD long long at(long long i, long long j, long long k) const { return i * z + j * y + k * x; }
  CORMACK_HD long long size() const { return static_cast<long long>(depth) * height * width; }
  // Of the voxel with this number in C order.
  CORMACK_HD long long of(long long number) const {
    const long long row = number / width;
    return at(row / height, row % height, number % width);
  }
};

// The window of a voxel begins at its index + first, for each axis (z, y, x).
struct Window {
  int first[3];
  Border border;
};

template <class T>
struct Limits;
#define CORMACK_LIMITS(T, least, most)                                                 \
  template <>                                                                          \
  struct Limits<T> {                                                                   \
    static constexpr bool integer = true;                                              \
    static constexpr T lowest = static_cast<T>(least), highest = static_cast<T>(most); \
  }
CORMACK_LIMITS(unsigned char, 0, 255);
CORMACK_LIMITS(signed char, -128, 127);
CORMACK_LIMITS(unsigned short, 0, 65535);
CORMACK_LIMITS(short, -32768, 32767);
CORMACK_LIMITS(unsigned int, 0, 4294967295u);
CORMACK_LIMITS(int, -2147483647 - 1, 2147483647);
#undef CORMACK_LIMITS
template <>
struct Limits<float> {
  static constexpr bool integer = false;
};
template <>
struct Limits<double> {
  static constexpr bool integer = false;
};

// core/saturate.hpp without standard headers: round half to even, saturate, NaN becomes the lowest integer.
template <class T>
CORMACK_HD T saturated(double value) {
  if constexpr (!Limits<T>::integer) {
    return static_cast<T>(value);
  } else {
    constexpr double low = static_cast<double>(Limits<T>::lowest), high = static_cast<double>(Limits<T>::highest);
    double clamped = value > low ? value : low;
    clamped = clamped < high ? clamped : high;
#if defined(__CUDA_ARCH__)
    return static_cast<T>(rint(clamped));
#else
    return static_cast<T>(__builtin_rint(clamped));
#endif
  }
}

// The same for 8 and 16 bits, without float64.
template <class T>
CORMACK_HD T saturated_narrow(float value) {
  static_assert(Limits<T>::integer && sizeof(T) <= 2);
  constexpr float low = static_cast<float>(Limits<T>::lowest), high = static_cast<float>(Limits<T>::highest);
  float clamped = value > low ? value : low;
  clamped = clamped < high ? clamped : high;
#if defined(__CUDA_ARCH__)
  return static_cast<T>(rintf(clamped));
#else
  return static_cast<T>(__builtin_rintf(clamped));
#endif
}

}  // namespace cormack::device
