#pragma once
#include "core/dtype_table.hpp"
#include "core/isa.hpp"

namespace cormack {

// out[i] = a[i] - b[i], saturated; out may be a or b.
template <class T>
using Subtract = void (*)(const T* a, const T* b, T* out, std::int64_t n);

struct DifferenceRows {
  DTypeTable<Subtract> subtract;
};

CORMACK_TABLE(DifferenceRows, difference_rows)

}  // namespace cormack
