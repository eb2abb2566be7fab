// Rows are contiguous and already continued beyond the border.
#include "core/saturate.hpp"
#include "core/vec.hpp"
#include "filters/uniform_filter_rows.hpp"

namespace cormack::CORMACK_ISA {

template <int count, bool fresh, class T, class Sum>
static void add_some(Sum* __restrict sum, const T* const* rows, Sum offset, std::int64_t n) {
  const T* row[count];
  for (int k = 0; k < count; ++k) row[k] = rows[k];
  for (std::int64_t i = 0; i < n; ++i) {
    Sum value = fresh ? offset : sum[i];
    for (int k = 0; k < count; ++k) value += static_cast<Sum>(row[k][i]);
    sum[i] = value;
  }
}

template <bool fresh, class T, class Sum>
static void add_up_to_four(Sum* sum, const T* const* rows, std::int64_t count, Sum offset, std::int64_t n) {
  switch (count) {
    case 1:
      return add_some<1, fresh>(sum, rows, offset, n);
    case 2:
      return add_some<2, fresh>(sum, rows, offset, n);
    case 3:
      return add_some<3, fresh>(sum, rows, offset, n);
    default:
      return add_some<4, fresh>(sum, rows, offset, n);
  }
}

template <class T, class Sum>
static void add_all(Sum* sum, const T* const* rows, std::int64_t count, Sum offset, std::int64_t n) {
  if (count <= 4) return add_up_to_four<true>(sum, rows, count, offset, n);
  if (count == 5) return add_some<5, true>(sum, rows, offset, n);
  // A piece of the sum stays in the first-level cache while rows are added to it, four at a time.
  constexpr std::int64_t kPiece = 1024;
  for (std::int64_t at = 0; at < n; at += kPiece) {
    const std::int64_t length = n - at < kPiece ? n - at : kPiece;
    for (std::int64_t k = 0; k < count; k += 4) {
      const T* pieces[4];
      for (std::int64_t j = 0; j < 4 && k + j < count; ++j) pieces[j] = rows[k + j] + at;
      if (k == 0) add_up_to_four<true>(sum + at, pieces, count, offset, length);
      else add_up_to_four<false>(sum + at, pieces, count - k, offset, length);
    }
  }
}

template <class T, class Sum>
static void add(Sum* __restrict out, const Sum* sum, const T* row, Sum offset, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = sum[i] + (static_cast<Sum>(row[i]) + offset);
}

template <class T, class Sum>
static void accumulate(Sum* __restrict sum, const T* row, Sum offset, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) sum[i] += static_cast<Sum>(row[i]) + offset;
}

template <class T, class Sum>
static void slide(Sum* __restrict sum, const T* entering, const T* leaving, Sum offset, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) sum[i] += static_cast<Sum>(entering[i]) - static_cast<Sum>(leaving[i]) + offset;
}

template <class Sum>
static void add_shifted(Sum* __restrict out, const Sum* row, std::int64_t shift, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = row[i] + row[i + shift];
}

// Sums from the start of the row, and their differences: unsigned, so that they may wrap, which the differences undo.
static void windows_by_differences(std::int32_t* out, const std::int32_t* row, std::int32_t* work, std::int64_t size,
                                   std::int64_t n) {
  using V = Vec<std::uint32_t>;
  const auto* values = reinterpret_cast<const std::uint32_t*>(row);
  auto* before = reinterpret_cast<std::uint32_t*>(work);
  auto* sums = reinterpret_cast<std::uint32_t*>(out);
  const std::int64_t length = n + size - 1;
  before[0] = 0;
  V carry = V::fill(0);
  std::int64_t i = 0;
  for (; i + V::size <= length; i += V::size) {
    V sum = V::load(values + i);
    sum = sum + sum.moved_up<1>();
    sum = sum + sum.moved_up<2>();
    if constexpr (V::size > 4) sum = sum + sum.moved_up<V::size / 2 < 4 ? 0 : 4>();
    if constexpr (V::size > 8) sum = sum + sum.moved_up<V::size / 2 < 8 ? 0 : 8>();
    (sum + carry).store(before + i + 1);
    carry = carry + sum.last_in_all_lanes();
  }
  for (; i < length; ++i) before[i + 1] = before[i] + values[i];
  for (std::int64_t k = 0; k < n; ++k) sums[k] = before[k + size] - before[k];
}

template <class Sum>
static void windows(Sum* out, Sum* row, Sum* work, std::int64_t size, std::int64_t n) {
  constexpr std::int64_t kDirect = std::is_same_v<Sum, std::int32_t> ? 4 : 8;
  if (size <= kDirect) {
    const Sum* shifted[kDirect];
    for (std::int64_t k = 0; k < size; ++k) shifted[k] = row + k;
    return add_all<Sum, Sum>(out, shifted, size, 0, n);
  }
  if constexpr (std::is_same_v<Sum, std::int32_t>) return windows_by_differences(out, row, work, size, n);
  // Windows of 1, 2, 4, ... pixels, each from two of the half size; those of size's binary digits join end to end.
  std::int64_t joined = 0;
  for (std::int64_t width = 1;; width *= 2) {
    if (size & width) {
      if (joined == 0)
        for (std::int64_t i = 0; i < n; ++i) out[i] = row[i];
      else accumulate<Sum, Sum>(out, row + joined, 0, n);
      joined += width;
    }
    if (2 * width > size) return;
    add_shifted(work, row, width, n + size - 2 * width);
    Sum* const finer = row;
    row = work;
    work = finer;
  }
}

template <class Real, bool product, class T, class Sum>
static void store_real(T* __restrict out, const Sum* sum, Real count, std::int64_t n) {
  const Real inverse = 1 / count;
  for (std::int64_t i = 0; i < n; ++i) {
    const Real value = static_cast<Real>(sum[i]);
    out[i] = saturate<T>(product ? value * inverse : value / count);
  }
}

template <class T, class Sum>
static void store_integers(T* out, const Sum* sum, std::int64_t count, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    std::int64_t quotient = sum[i] / count, rest = sum[i] % count;
    if (rest < 0) {
      rest += count;
      --quotient;
    }
    if (rest > count - rest || (rest == count - rest && quotient % 2 != 0)) ++quotient;
    constexpr std::int64_t low = std::numeric_limits<T>::min(), high = std::numeric_limits<T>::max();
    out[i] = static_cast<T>(quotient < low ? low : quotient > high ? high : quotient);
  }
}

// Sums of `size` neighbours in the row, and their means.
template <int vectors, bool even>
static inline void quick_block(std::uint8_t* out, const std::uint16_t* sum, std::int64_t size, QuickMean mean) {
  using V = Vec<std::uint16_t>;
  const auto fill = [](unsigned value) { return V::fill(static_cast<std::uint16_t>(value)); };
  V value[vectors];
#pragma GCC unroll 4
  for (int v = 0; v < vectors; ++v) value[v] = fill(mean.count / 2) + V::load(sum + v * V::size);
  for (std::int64_t k = 1; k < size; ++k)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) value[v] = value[v] + V::load(sum + k + v * V::size);
  std::uint16_t means[vectors * V::size];
#pragma GCC unroll 4
  for (int v = 0; v < vectors; ++v) {
    V quotient = shifted_right(upper_product(value[v], fill(mean.multiplier)), static_cast<int>(mean.shift));
    if constexpr (even) {
      const V halfway = equal(quotient * fill(mean.count), value[v]);
      quotient = quotient - (halfway & quotient & fill(1));
    }
    quotient.store(means + v * V::size);
  }
  for (int i = 0; i < vectors * V::size; ++i) out[i] = static_cast<std::uint8_t>(means[i]);
}

template <bool even>
static void store_quick(std::uint8_t* out, const std::uint16_t* sum, std::int64_t size, QuickMean mean,
                        std::int64_t n) {
  constexpr std::int64_t step = 4 * Vec<std::uint16_t>::size;
  std::int64_t i = 0;
  for (; i + step <= n; i += step) quick_block<4, even>(out + i, sum + i, size, mean);
  if (i == n) return;
  std::uint16_t rest[step + kWindowOfStore<std::uint16_t>] = {};
  std::uint8_t means[step];
  for (std::int64_t k = 0; k < n - i + size - 1; ++k) rest[k] = sum[i + k];
  quick_block<4, even>(means, rest, size, mean);
  for (std::int64_t k = 0; k < n - i; ++k) out[i + k] = means[k];
}

template <class T, class Sum>
static void store(void* means, const Sum* sum, [[maybe_unused]] std::int64_t size, Mean mean, std::int64_t n) {
  T* out = static_cast<T*>(means);
  if constexpr (std::is_same_v<Sum, std::uint16_t> && std::is_same_v<T, std::uint8_t>) {
    if (mean.quick.count % 2 == 0) return store_quick<true>(out, sum, size, mean.quick, n);
    return store_quick<false>(out, sum, size, mean.quick, n);
  }
  if constexpr (std::is_same_v<Sum, std::int32_t> && std::is_integral_v<T>) {
    if (mean.by == Mean::By::float_product) return store_real<float, true>(out, sum, static_cast<float>(mean.count), n);
    if (mean.by == Mean::By::float_quotient)
      return store_real<float, false>(out, sum, static_cast<float>(mean.count), n);
  }
  if constexpr (std::is_integral_v<Sum> && std::is_integral_v<T>) {
    if (mean.by == Mean::By::integers) return store_integers(out, sum, mean.integer_count, n);
  }
  if (mean.by == Mean::By::double_product) return store_real<double, true>(out, sum, mean.count, n);
  store_real<double, false>(out, sum, mean.count, n);
}

template <class Sum>
static bool all_below(const Sum* sum, Sum limit, std::int64_t n) {
  // Written so that NaN counts.
  std::int64_t above = 0;
  for (std::int64_t i = 0; i < n; ++i) above += sum[i] < limit && -limit < sum[i] ? 0 : 1;
  return above == 0;
}

template <class T, class Sum>
static constexpr UniformKernels<T, Sum> kernels{
    {add_all<T, Sum>, add<T, Sum>, accumulate<T, Sum>, slide<T, Sum>},
    {add_all<Sum, Sum>, add<Sum, Sum>, accumulate<Sum, Sum>, slide<Sum, Sum>},
    windows<Sum>,
    {store<T, Sum>, store<float, Sum>, store<double, Sum>},
    all_below<Sum>,
};
template <class T>
static constexpr const UniformKernels<T, ExactSum<T>>* exact = &kernels<T, ExactSum<T>>;
template <class T>
static constexpr const UniformKernels<T, double>* f64 = &kernels<T, double>;

extern const UniformRows uniform_rows;
const UniformRows uniform_rows{
    &kernels<std::uint8_t, std::uint16_t>,
    {exact<std::uint8_t>, exact<std::int8_t>, exact<std::uint16_t>, exact<std::int16_t>, exact<std::uint32_t>,
     exact<std::int32_t>, exact<float>, exact<double>},
    {f64<std::uint8_t>, f64<std::int8_t>, f64<std::uint16_t>, f64<std::int16_t>, f64<std::uint32_t>, f64<std::int32_t>,
     f64<float>, f64<double>},
};

}  // namespace cormack::CORMACK_ISA
