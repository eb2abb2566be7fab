// Rows are contiguous; what is written overlaps nothing that is read.
#include <cstring>

#include "core/saturate.hpp"
#include "enhance/equalize_adapthist_rows.hpp"

namespace cormack::CORMACK_ISA {

template <class T, class Bin>
static void level(const T* values, std::int64_t n, const LevelFormula& formula, std::int32_t none,
                  Bin* __restrict bins) {
  const LevelFormula f = formula;
  for (std::int64_t i = 0; i < n; ++i) {
    const double value = static_cast<double>(values[i]);
    // NaN fails the first comparison in `bin`.
    const std::int32_t bin = f.bin(value, [](double x) { return std::nearbyint(x); });
    bins[i] = static_cast<Bin>(value == value ? bin : none);
  }
}

template <class T, class Bin>
static void step(const T* values, std::int64_t n, const StepFormula& formula, Bin* __restrict bins) {
  const StepFormula f = formula;
  for (std::int64_t i = 0; i < n; ++i) bins[i] = static_cast<Bin>(f.bin(static_cast<float>(values[i])));
}

template <class F>
static void blend(const F* a, const F* b, F weight, std::int64_t n, F* __restrict out) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = a[i] + (b[i] - a[i]) * weight;
}

template <class F>
static void interleave(const F* a, const F* b, const F* c, const F* d, std::int64_t n, F* __restrict out) {
  for (std::int64_t i = 0; i < n; ++i) {
    out[4 * i] = a[i];
    out[4 * i + 1] = b[i];
    out[4 * i + 2] = c[i];
    out[4 * i + 3] = d[i];
  }
}

template <class F, class Bin>
static void look_up(const Bin* bins, std::int64_t n, const F* cell, F* __restrict out) {
  for (std::int64_t i = 0; i < n; ++i) std::memcpy(out + 4 * i, cell + std::size_t{4} * bins[i], 4 * sizeof(F));
}

template <class T>
static void interpolate(const MapReal<T>* four, const MapReal<T>* wx, MapReal<T> wy, std::int64_t n,
                        T* __restrict out) {
  using F = MapReal<T>;
  for (std::int64_t i = 0; i < n; ++i) {
    const F a = four[4 * i], b = four[4 * i + 1], c = four[4 * i + 2], d = four[4 * i + 3];
    const F before = a + (c - a) * wy, after = b + (d - b) * wy;
    out[i] = saturate<T>(before + (after - before) * wx[i]);
  }
}

template <class Bin>
static void hide(const std::uint8_t* mask, std::int64_t n, std::int32_t none, Bin* __restrict bins) {
  const Bin hidden = static_cast<Bin>(none);
  for (std::int64_t i = 0; i < n; ++i) bins[i] = mask[i] != 0 ? bins[i] : hidden;
}

template <class T, class Bin>
static void restore(const Bin* bins, std::int32_t none, const T* values, std::int64_t n, T* __restrict out) {
  const Bin hidden = static_cast<Bin>(none);
  for (std::int64_t i = 0; i < n; ++i) out[i] = bins[i] == hidden ? values[i] : out[i];
}

template <class T>
static constexpr LevelRow<T> levels() {
  return {level<T, std::uint8_t>, level<T, std::uint16_t>};
}

template <class T>
static constexpr StepRow<T> steps() {
  return {step<T, std::uint8_t>, step<T, std::uint16_t>};
}

template <class F>
static constexpr AdaptiveRows<F> adaptive() {
  return {blend<F>, interleave<F>, look_up<F, std::uint8_t>, look_up<F, std::uint16_t>};
}

template <class T>
static constexpr ResultRow<T> result() {
  return {interpolate<T>, restore<T, std::uint8_t>, restore<T, std::uint16_t>};
}

extern const EqualizeAdapthistRows equalize_adapthist_rows;
const EqualizeAdapthistRows equalize_adapthist_rows{
    steps<std::uint16_t>(),
    steps<std::int16_t>(),
    levels<std::uint32_t>(),
    levels<std::int32_t>(),
    levels<float>(),
    levels<double>(),
    adaptive<float>(),
    adaptive<double>(),
    hide<std::uint8_t>,
    hide<std::uint16_t>,
    {result<std::uint8_t>(), result<std::int8_t>(), result<std::uint16_t>(), result<std::int16_t>(),
     result<std::uint32_t>(), result<std::int32_t>(), result<float>(), result<double>()},
};

}  // namespace cormack::CORMACK_ISA
