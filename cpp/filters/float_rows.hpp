#pragma once
// Rows of any pixel type as floating point and back, for filters that iterate in it: float32 for 8- and 16-bit integers
// and float32, float64 for 32-bit integers and float64. The loops are compiled per instruction set.
#include "core/dtype_table.hpp"
#include "core/image.hpp"
#include "core/isa.hpp"

namespace cormack {

template <class S>
using WorkingType =
    std::conditional_t<std::is_same_v<S, double> || (std::is_integral_v<S> && sizeof(S) == 4), double, float>;

// Any step between the values of the image; rows of floating point are contiguous.
template <class S>
using LoadRow = void (*)(const S* src, std::int64_t step, WorkingType<S>* dst, std::int64_t n);
// Integers: rounded half to even, saturated.
template <class S>
using StoreRow = void (*)(const WorkingType<S>* src, S* dst, std::int64_t step, std::int64_t n);

struct FloatRows {
  DTypeTable<LoadRow> load;
  DTypeTable<StoreRow> store;
};

CORMACK_TABLE(FloatRows, float_rows)

// Rows of floating point that loops run over in whole vectors: room for `padded` values.
inline constexpr std::int64_t kRowLanes = 16;
inline constexpr std::int64_t padded(std::int64_t n) { return (n + kRowLanes - 1) / kRowLanes * kRowLanes; }

}  // namespace cormack
