#pragma once
// The loops behind equalize_adapthist. Compiled per instruction set.
#include "core/dtype_table.hpp"
#include "core/hd.hpp"
#include "core/isa.hpp"
#include "enhance/level_formula.hpp"

namespace cormack {

// What maps hold and how they are interpolated: float has bits to spare for 16 bit images.
template <class T>
using MapReal = std::conditional_t<(sizeof(T) <= 2 || std::is_same_v<T, float>), float, double>;

template <class T>
struct LevelRow {
  // bins[i] = bin of values[i]; `none` for NaN.
  void (*small)(const T* values, std::int64_t n, const LevelFormula& formula, std::int32_t none, std::uint8_t* bins);
  void (*large)(const T* values, std::int64_t n, const LevelFormula& formula, std::int32_t none, std::uint16_t* bins);
};

// Bins of a small integer type by arithmetic, where that gives the same as LevelFormula for every value.
struct StepFormula {
  float lower, upper, scale, offset;

  CORMACK_HD std::int32_t bin(float value) const {
    value = value > lower ? value : lower;
    value = value < upper ? value : upper;
    return static_cast<std::int32_t>(value * scale + offset);
  }
};

template <class T>
struct StepRow {
  void (*small)(const T* values, std::int64_t n, const StepFormula& formula, std::uint8_t* bins);
  void (*large)(const T* values, std::int64_t n, const StepFormula& formula, std::uint16_t* bins);
};

template <class F>
struct AdaptiveRows {
  // out[i] = a[i] + (b[i] - a[i]) * weight
  void (*blend)(const F* a, const F* b, F weight, std::int64_t n, F* out);
  // Four maps as one of four numbers each: out[4 * i] = a[i], ...
  void (*interleave)(const F* a, const F* b, const F* c, const F* d, std::int64_t n, F* out);
  // out[4 * i ...] = cell[4 * bins[i] ...]
  void (*look_up_small)(const std::uint8_t* bins, std::int64_t n, const F* cell, F* out);
  void (*look_up_large)(const std::uint16_t* bins, std::int64_t n, const F* cell, F* out);
};

template <class T>
struct ResultRow {
  using F = MapReal<T>;
  // out[i] = four[4 * i ...] interpolated: first and third, second and fourth with wy, then these two with wx[i].
  void (*interpolate)(const F* four, const F* wx, F wy, std::int64_t n, T* out);
  // out[i] = values[i] where bins[i] is `none`.
  void (*restore_small)(const std::uint8_t* bins, std::int32_t none, const T* values, std::int64_t n, T* out);
  void (*restore_large)(const std::uint16_t* bins, std::int32_t none, const T* values, std::int64_t n, T* out);
};

struct EqualizeAdapthistRows {
  StepRow<std::uint16_t> step_u16;
  StepRow<std::int16_t> step_i16;
  LevelRow<std::uint32_t> u32;
  LevelRow<std::int32_t> i32;
  LevelRow<float> f32;
  LevelRow<double> f64;
  AdaptiveRows<float> in_float;
  AdaptiveRows<double> in_double;
  // bins[i] = `none` where the mask is zero.
  void (*hide_small)(const std::uint8_t* mask, std::int64_t n, std::int32_t none, std::uint8_t* bins);
  void (*hide_large)(const std::uint8_t* mask, std::int64_t n, std::int32_t none, std::uint16_t* bins);
  DTypeTable<ResultRow> result;

  template <class T>
  const LevelRow<T>& level() const {
    if constexpr (std::is_same_v<T, std::uint32_t>) return u32;
    else if constexpr (std::is_same_v<T, std::int32_t>) return i32;
    else if constexpr (std::is_same_v<T, float>) return f32;
    else return f64;
  }
  template <class T>
  const StepRow<T>& step() const {
    if constexpr (std::is_same_v<T, std::uint16_t>) return step_u16;
    else return step_i16;
  }
  template <class F>
  const AdaptiveRows<F>& adaptive() const {
    if constexpr (std::is_same_v<F, float>) return in_float;
    else return in_double;
  }
};

CORMACK_TABLE(EqualizeAdapthistRows, equalize_adapthist_rows)

}  // namespace cormack
