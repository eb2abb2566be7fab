#pragma once
// The loop behind recursive_gaussian: lines stand side by side, kRecursiveLines at once.
#include <cstdint>

#include "core/isa.hpp"

namespace cormack {

inline constexpr int kOscillations = 3;
inline constexpr std::int64_t kRecursiveLines = 32;

// response(k) = sum over m of Re(weight[m] pole[m]^k) for k >= 0, mirrored for k < 0.
// With forward = sum over j < terms of pole^j x[first + j] and backward = ... x[last - j], the line's continuation
// before its start adds near * forward + far * backward to the state, that after its end near * backward + far *
// forward. Where `outside`, forward and backward are `value`.
template <class Work>
struct Recursion {
  struct Complex {
    Work re[kOscillations], im[kOscillations];
  };
  Complex pole, weight, near, far;
  std::int64_t first, last, terms;
  bool outside;
  Work value;
};

template <class Work>
using RecurseLines = void (*)(Work* out, const Work* in, std::int64_t length, const Recursion<Work>& recursion);

struct RecursiveRows {
  RecurseLines<float> f32;
  RecurseLines<double> f64;

  template <class Work>
  RecurseLines<Work> get() const {
    if constexpr (sizeof(Work) == sizeof(float)) return f32;
    else return f64;
  }
};

CORMACK_TABLE(RecursiveRows, recursive_rows)

}  // namespace cormack
