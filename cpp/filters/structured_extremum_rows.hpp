#pragma once
#include "core/dtype_table.hpp"
#include "core/isa.hpp"

namespace cormack {

template <class T>
using LoadDoubles = void (*)(const T* src, std::int64_t step, double* dst, std::int64_t n);
template <class T>
using StoreDoubles = void (*)(const double* src, T* dst, std::int64_t step, std::int64_t n);

struct StructuredExtremumRows {
  DTypeTable<LoadDoubles> load;
  DTypeTable<StoreDoubles> store;  // integers: rounded half to even, saturated
  // best[i] = min(best[i], values[i] - height), or max(best[i], values[i] + height).
  void (*lower)(double* best, const double* values, double height, std::int64_t n);
  void (*raise)(double* best, const double* values, double height, std::int64_t n);
};

CORMACK_TABLE(StructuredExtremumRows, structured_extremum_rows)

}  // namespace cormack
