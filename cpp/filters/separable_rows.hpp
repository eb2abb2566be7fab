#pragma once
// The loops behind correlate_separable: conversion to working precision, and weighted sums of rows.
#include "core/dtype_table.hpp"
#include "core/isa.hpp"

namespace cormack {

// float for 8- and 16-bit integers and float32, double for all others.
template <class T>
using WorkOf = std::conditional_t<sizeof(T) <= 2 || std::is_same_v<T, float>, float, double>;

template <class T, class Work>
using ConvertRow = void (*)(Work* out, const T* row, std::int64_t n);
template <class T>
using ConvertToFloat = ConvertRow<T, float>;
template <class T>
using ConvertToDouble = ConvertRow<T, double>;

// out[i] = sum of weights[k] (rows[k][i] +- rows[-k][i]) for k = radius .. 1, + weights[0] rows[0][i], begin <= i < end
template <class Work>
using WeightedRows = void (*)(Work* out, const Work* const* rows, const Work* weights, std::int64_t radius,
                              std::int64_t begin, std::int64_t end);
// The same along a row, rows[k] = row + k. kLinePadding values on both sides of the row may be read besides, never
// used.
template <class Work, class Out>
using WeightedLine = void (*)(Out* out, const Work* row, const Work* weights, std::int64_t radius, std::int64_t n);
inline constexpr std::int64_t kLinePadding = 16;

// [0] for even kernels, [1] for odd ones.
template <class T>
struct WeightedLines {
  WeightedLine<WorkOf<T>, T> parity[2];
};

struct SeparableRows {
  DTypeTable<ConvertToFloat> to_float;
  DTypeTable<ConvertToDouble> to_double;
  WeightedRows<float> rows_f32[2];
  WeightedRows<double> rows_f64[2];
  DTypeTable<WeightedLines> lines;

  template <class T, class Work>
  ConvertRow<T, Work> convert() const {
    if constexpr (std::is_same_v<Work, float>) return to_float.get<T>();
    else return to_double.get<T>();
  }
  template <class Work>
  WeightedRows<Work> rows(bool odd) const {
    if constexpr (std::is_same_v<Work, float>) return rows_f32[odd];
    else return rows_f64[odd];
  }
  template <class Out>
  WeightedLine<WorkOf<Out>, Out> line(bool odd) const {
    return lines.get<Out>().parity[odd];
  }
};

CORMACK_TABLE(SeparableRows, separable_rows)

}  // namespace cormack
