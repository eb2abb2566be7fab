// Rows are contiguous and continued beyond the border. Every lane does the same operations in the same order on every
// level.
#include "core/saturate.hpp"
#include "filters/non_local_means_rows.hpp"
#include "filters/power_of_two.hpp"

namespace cormack::CORMACK_ISA {

// The weight for `steps` (at least 0, or NaN) below the bits of exp(0), and the difference where there is a weight.
template <class T>
static inline void weigh(Vec<T> steps, Vec<T> difference, Vec<T>& weight, Vec<T>& weighted) {
  constexpr T most = static_cast<T>(5 * kStepsPerE);
  // Adding this to an integer leaves it in the lowest bits.
  constexpr T magic = sizeof(T) == 4 ? T(0x1p23) : T(0x1p52);
#if defined(__GNUC__)
  using Raw = typename Vec<T>::Raw;
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  typedef Bits RawBits __attribute__((vector_size(kVecBytes)));
  // A double's upper half has 20 bits of the mantissa, a float 23, and another bias.
  constexpr int shift = sizeof(T) == 4 ? 3 : 32;
  constexpr std::uint64_t bias = sizeof(T) == 4 ? std::uint64_t{896} << 20 : 0;
  constexpr Bits magic_bits = sizeof(T) == 4 ? static_cast<Bits>(0x4b000000u) : static_cast<Bits>(0x4330000000000000u);
  constexpr Bits start =
      (static_cast<Bits>(kExponentialOfZero - static_cast<std::int64_t>(bias)) << shift) + (magic_bits << shift);
  const RawBits in = (RawBits)(steps.raw <= most);
  const RawBits bits = (start - ((RawBits)(floored(steps).raw + magic) << shift)) & in;
  weight.raw = (Raw)bits;
  weighted.raw = (Raw)((RawBits)(weight.raw * difference.raw) & in);
#else
  for (std::ptrdiff_t i = 0; i < Vec<T>::size; ++i) {
    const bool in = steps.raw[i] <= most;
    const std::int64_t upper = kExponentialOfZero - (in ? static_cast<std::int64_t>(steps.raw[i]) : 0);
    const std::int64_t bits = upper << 32;
    double value;
    std::memcpy(&value, &bits, sizeof(value));
    weight.raw[i] = in ? static_cast<T>(value) : T(0);
    weighted.raw[i] = in ? weight.raw[i] * difference.raw[i] : T(0);
  }
  static_cast<void>(magic);
#endif
}

// Calls f with the edge of a patch, as a constant where it is a common one.
template <class F>
static inline void with_edge(std::int64_t edge, F&& f) {
  if (edge == 2) f(std::integral_constant<std::int64_t, 2>{});
  else if (edge == 4) f(std::integral_constant<std::int64_t, 4>{});
  else f(edge);
}

template <class Work>
static void squares(Work* out, const Work* a, const Work* b, std::int64_t step, std::int64_t count, std::int64_t n) {
  using V = Vec<Work>;
  with_edge(count, [=](auto edge) {
    for (std::int64_t i = 0; i < n; i += V::size) {
      V difference = V::load(a + i) - V::load(b + i), sum = difference * difference;
      for (std::int64_t k = 1; k < edge; ++k) {
        difference = V::load(a + k * step + i) - V::load(b + k * step + i);
        sum = sum + difference * difference;
      }
      sum.store(out + i);
    }
  });
}

template <class Work>
static void add(Work* out, const Work* const* rows, std::int64_t count, std::int64_t n) {
  using V = Vec<Work>;
  with_edge(count, [=](auto edge) {
    for (std::int64_t i = 0; i < n; i += V::size) {
      V sum = V::load(rows[0] + i);
      for (std::int64_t k = 1; k < edge; ++k) sum = sum + V::load(rows[k] + i);
      sum.store(out + i);
    }
  });
}

template <class Work>
static void flush(Work* total, Work* part, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    total[i] += part[i];
    part[i] = 0;
  }
}

template <class Work, bool to_here, bool to_there>
static void join(const NonLocalWeights<Work>& weights, const Work* here, const Work* there,
                 const NonLocalMean<Work>& at_here, const NonLocalMean<Work>& at_there, std::int64_t n) {
  using V = Vec<Work>;
  const V noise = V::fill(weights.noise), factor = V::fill(weights.factor), zero = V::fill(0);
  const Work* sums = weights.sums;
  Work *weighted_here = at_here.weighted, *weights_here = at_here.weights;
  Work *weighted_there = at_there.weighted, *weights_there = at_there.weights;
  with_edge(weights.edge, [=](auto edge) {
    for (std::int64_t i = 0; i < n; i += V::size) {
      V sum = V::load(sums + i);
      for (std::int64_t k = 1; k < edge; ++k) sum = sum + V::load(sums + i + k);
      V weight, weighted;
      weigh(max(sum - noise, zero) * factor, V::load(there + i) - V::load(here + i), weight, weighted);
      if constexpr (to_here) {
        (V::load(weighted_here + i) + weighted).store(weighted_here + i);
        (V::load(weights_here + i) + weight).store(weights_here + i);
      }
      if constexpr (to_there) {
        (V::load(weighted_there + i) - weighted).store(weighted_there + i);
        (V::load(weights_there + i) + weight).store(weights_there + i);
      }
    }
  });
}

template <class T>
static void scale(NonLocalWorkOf<T>* out, const T* pixels, NonLocalWorkOf<T> factor, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = static_cast<NonLocalWorkOf<T>>(pixels[i]) * factor;
}

template <class T>
static void store(T* out, const T* pixels, const NonLocalMean<NonLocalWorkOf<T>>& mean, NonLocalWorkOf<T> factor,
                  std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    const auto change = mean.weighted[i] / mean.weights[i] * factor;
    out[i] = saturate<T>(static_cast<NonLocalWorkOf<T>>(pixels[i]) + change);
  }
}

extern const NonLocalRows non_local_rows;
const NonLocalRows non_local_rows{
    {squares<float>, add<float>, flush<float>, join<float, true, true>, join<float, true, false>,
     join<float, false, true>},
    {squares<double>, add<double>, flush<double>, join<double, true, true>, join<double, true, false>,
     join<double, false, true>},
    {scale<std::uint8_t>, scale<std::int8_t>, scale<std::uint16_t>, scale<std::int16_t>, scale<std::uint32_t>,
     scale<std::int32_t>, scale<float>, scale<double>},
    {store<std::uint8_t>, store<std::int8_t>, store<std::uint16_t>, store<std::int16_t>, store<std::uint32_t>,
     store<std::int32_t>, store<float>, store<double>},
};

}  // namespace cormack::CORMACK_ISA
