// in[i * kRecursiveLines + line]: position i of a line. Every line is on its own, in one lane of a vector.
#include "core/vec.hpp"
#include "filters/recursive_gaussian_rows.hpp"

namespace cormack::CORMACK_ISA {

// The states of the oscillations, for a few vectors of lines.
template <int vectors, class Work>
struct States {
  using V = Vec<Work>;
  using Complex = typename Recursion<Work>::Complex;
  V re[kOscillations][vectors], im[kOscillations][vectors];

  void fill(Work value) {
#pragma GCC unroll 8
    for (int m = 0; m < kOscillations; ++m)
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v) {
        re[m][v] = V::fill(value);
        im[m][v] = V::fill(0);
      }
  }
  void turn(const Complex& pole) {
#pragma GCC unroll 8
    for (int m = 0; m < kOscillations; ++m) {
      const V a = V::fill(pole.re[m]), b = V::fill(pole.im[m]);
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v) {
        const V real = a * re[m][v] - b * im[m][v];
        im[m][v] = a * im[m][v] + b * re[m][v];
        re[m][v] = real;
      }
    }
  }
  void add(const Work* pixels) {
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) {
      const V x = V::load(pixels + v * V::size);
#pragma GCC unroll 8
      for (int m = 0; m < kOscillations; ++m) re[m][v] = re[m][v] + x;
    }
  }
  V response(const Complex& weight, int v) const {
    V sum = V::fill(weight.re[0]) * re[0][v] - V::fill(weight.im[0]) * im[0][v];
#pragma GCC unroll 8
    for (int m = 1; m < kOscillations; ++m)
      sum = sum + (V::fill(weight.re[m]) * re[m][v] - V::fill(weight.im[m]) * im[m][v]);
    return sum;
  }
  // near * a + far * b
  void combine(const Complex& near, const States& a, const Complex& far, const States& b) {
    for (int m = 0; m < kOscillations; ++m) {
      const V nr = V::fill(near.re[m]), ni = V::fill(near.im[m]), fr = V::fill(far.re[m]), fi = V::fill(far.im[m]);
      for (int v = 0; v < vectors; ++v) {
        re[m][v] = (nr * a.re[m][v] - ni * a.im[m][v]) + (fr * b.re[m][v] - fi * b.im[m][v]);
        im[m][v] = (nr * a.im[m][v] + ni * a.re[m][v]) + (fr * b.im[m][v] + fi * b.re[m][v]);
      }
    }
  }
};

template <int vectors, class Work>
static inline void recurse_block(Work* out, const Work* in, std::int64_t length, const Recursion<Work>& recursion) {
  using V = Vec<Work>;
  constexpr std::int64_t pitch = kRecursiveLines;
  States<vectors, Work> forward, backward, state;
  forward.fill(recursion.outside ? recursion.value : 0);
  backward.fill(recursion.outside ? recursion.value : 0);
  if (!recursion.outside) {
    for (std::int64_t j = recursion.terms - 1; j >= 0; --j) {
      forward.turn(recursion.pole);
      forward.add(in + (recursion.first + j) * pitch);
    }
    for (std::int64_t j = recursion.terms - 1; j >= 0; --j) {
      backward.turn(recursion.pole);
      backward.add(in + (recursion.last - j) * pitch);
    }
  }
  state.combine(recursion.near, forward, recursion.far, backward);
  for (std::int64_t i = 0; i < length; ++i) {
    state.turn(recursion.pole);
    state.add(in + i * pitch);
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) state.response(recursion.weight, v).store(out + i * pitch + v * V::size);
  }
  state.combine(recursion.near, backward, recursion.far, forward);
  for (std::int64_t i = length - 1; i >= 0; --i) {
    state.turn(recursion.pole);
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) {
      Work* at = out + i * pitch + v * V::size;
      (V::load(at) + state.response(recursion.weight, v)).store(at);
    }
    state.add(in + i * pitch);
  }
}

template <class Work>
static void recurse_lines(Work* out, const Work* in, std::int64_t length, const Recursion<Work>& recursion) {
  // States and coefficients of two vectors fit into 32 registers alone.
  constexpr int vectors = kVecBytes == 64 ? 2 : 1;
  constexpr std::int64_t step = vectors * Vec<Work>::size;
  for (std::int64_t line = 0; line < kRecursiveLines; line += step)
    recurse_block<vectors>(out + line, in + line, length, recursion);
}

extern const RecursiveRows recursive_rows;
const RecursiveRows recursive_rows{recurse_lines<float>, recurse_lines<double>};

}  // namespace cormack::CORMACK_ISA
