#pragma once
// The loops behind linear_map: rows to float, the map, rows from float. Compiled per instruction set.
#include "core/dtype_table.hpp"
#include "core/isa.hpp"

namespace cormack {

template <class T>
using LoadF32 = void (*)(const T* src, float* dst, std::int64_t n);
template <class T>
using LoadF64 = void (*)(const T* src, double* dst, std::int64_t n);
template <class T>
using StoreF32 = void (*)(const float* src, T* dst, std::int64_t n);
template <class T>
using StoreF64 = void (*)(const double* src, T* dst, std::int64_t n);

struct LinearMapRows {
  DTypeTable<LoadF32> load_f32;
  DTypeTable<LoadF64> load_f64;
  DTypeTable<StoreF32> store_f32;  // rounds half to even, saturates
  DTypeTable<StoreF64> store_f64;
  void (*map_f32)(float* row, std::int64_t n, float lower, float upper, float scale, float offset);
  void (*map_f64)(double* row, std::int64_t n, double lower, double upper, double scale, double offset);
};

CORMACK_TABLE(LinearMapRows, linear_map_rows)

}  // namespace cormack
