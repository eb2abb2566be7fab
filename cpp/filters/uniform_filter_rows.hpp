#pragma once
// The loops behind uniform_filter: sums of rows and of windows along a row, and the quotient.
#include "core/dtype_table.hpp"
#include "core/isa.hpp"
#include "filters/quick_mean.hpp"

namespace cormack {

// How a sum becomes a mean. Which one is exact is the driver's knowledge.
struct Mean {
  enum class By { float_product, float_quotient, double_product, double_quotient, integers, quick };
  By by;
  double count;
  std::int64_t integer_count;
  QuickMean quick;
};

// Sum is the type of sums: exact integers, or double.
template <class T, class Sum>
struct SumRows {
  // sum[i] = offset + rows[0][i] + ... + rows[count - 1][i], from left to right
  void (*add_all)(Sum* sum, const T* const* rows, std::int64_t count, Sum offset, std::int64_t n);
  // out[i] = sum[i] + (row[i] + offset)
  void (*add)(Sum* out, const Sum* sum, const T* row, Sum offset, std::int64_t n);
  // sum[i] += row[i] + offset
  void (*accumulate)(Sum* sum, const T* row, Sum offset, std::int64_t n);
  // sum[i] += entering[i] - leaving[i] + offset
  void (*slide)(Sum* sum, const T* entering, const T* leaving, Sum offset, std::int64_t n);
};

template <class Sum>
using StoreMeans = void (*)(void* out, const Sum* sum, std::int64_t size, Mean mean, std::int64_t n);

// The longest window along a row that is summed while it is stored.
template <class Sum>
inline constexpr std::int64_t kWindowOfStore = std::is_same_v<Sum, std::uint16_t> ? 8 : 1;

template <class T, class Sum>
struct UniformKernels {
  SumRows<T, Sum> pixels;
  SumRows<Sum, Sum> sums;
  // out[i] = row[i] + ... + row[i + size - 1]; row and work hold n + size values, both are overwritten
  void (*windows)(Sum* out, Sum* row, Sum* work, std::int64_t size, std::int64_t n);
  // out[i] = mean of sum[i] + ... + sum[i + size - 1]; size is at most kWindowOfStore. out: rows of T, float, double.
  StoreMeans<Sum> store[3];
  // Whether every sum is a number of magnitude below `limit`.
  bool (*all_below)(const Sum* sum, Sum limit, std::int64_t n);
};

// The type of exact sums of small windows.
template <class T>
using ExactSum = std::conditional_t<std::is_floating_point_v<T>, double,
                                    std::conditional_t<sizeof(T) == 4, std::int64_t, std::int32_t>>;

template <class T>
using ExactKernels = const UniformKernels<T, ExactSum<T>>*;
template <class T>
using DoubleKernels = const UniformKernels<T, double>*;

// Sums of at most 256 bytes.
using NarrowKernels = UniformKernels<std::uint8_t, std::uint16_t>;

struct UniformRows {
  const NarrowKernels* narrow;
  DTypeTable<ExactKernels> exact;
  DTypeTable<DoubleKernels> f64;
};

CORMACK_TABLE(UniformRows, uniform_rows)

}  // namespace cormack
