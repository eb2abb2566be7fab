// Values are contiguous, one block of them, in L1: it is passed once per register of partial sums, so that all
// accumulators of a pass stay in registers.
#include <cstring>

#include "core/vec.hpp"
#include "features/first_order_rows.hpp"

namespace cormack::CORMACK_ISA {

static constexpr int kLanes = 8;
#if defined(__GNUC__)
using Register = Vec<double>::Raw;
#else
using Register = double;
#endif
static constexpr int kWidth = sizeof(Register) / sizeof(double);

static Register load(const double* p) {
  Register v;
  std::memcpy(&v, p, sizeof(v));
  return v;
}

template <class V>
static V absolute(V v) {
  return v < V{} ? -v : v;
}

template <int Count>
struct BlockSums {
  double lanes[Count][kLanes] = {};

  double total(int i) const {
    const double* p = lanes[i];
    return ((p[0] + p[4]) + (p[2] + p[6])) + ((p[1] + p[5]) + (p[3] + p[7]));
  }
};

// term(values, sums) adds the terms of one vector, or of one value, to the `Count` sums that it is given.
template <int Count, class Term>
static BlockSums<Count> add_up(const double* values, std::int64_t n, const Term& term) {
  BlockSums<Count> result;
  const std::int64_t whole = n / kLanes * kLanes;
  for (int lane = 0; lane < kLanes; lane += kWidth) {
    Register sums[Count] = {};
    for (std::int64_t i = lane; i < whole; i += kLanes) term(load(values + i), sums);
    for (int k = 0; k < Count; ++k) std::memcpy(&result.lanes[k][lane], &sums[k], sizeof(Register));
  }
  for (std::int64_t i = whole; i < n; ++i) {
    double sums[Count];
    for (int k = 0; k < Count; ++k) sums[k] = result.lanes[k][i - whole];
    term(values[i], sums);
    for (int k = 0; k < Count; ++k) result.lanes[k][i - whole] = sums[k];
  }
  return result;
}

static PowerSums power(const double* values, std::int64_t n) {
  const auto sums = add_up<3>(values, n, [](auto v, auto* s) {
    using V = decltype(v);
    s[0] += v;
    s[1] += v * v;
    // The difference is NaN for an infinity too.
    s[2] += v - v == V{} ? V{} : V{} + 1.0;
  });
  return {sums.total(0), sums.total(1), sums.total(2)};
}

static CentralSums central(const double* values, std::int64_t n, double mean, double median, double low, double high) {
  const auto sums = add_up<7>(values, n, [=](auto v, auto* s) {
    using V = decltype(v);
    const V d = v - mean, square = d * d;
    s[0] += square;
    s[1] += square * d;
    s[2] += square * square;
    s[3] += absolute(d);
    s[4] += absolute(v - median);
    const auto inside = (v >= low) & (v <= high);
    s[5] += inside ? V{} + 1.0 : V{};
    s[6] += inside ? d : V{};
  });
  return {sums.total(0), sums.total(1), sums.total(2), sums.total(3), sums.total(4), sums.total(5), sums.total(6)};
}

static double robust(const double* values, std::int64_t n, double center, double low, double high) {
  return add_up<1>(values, n,
                   [=](auto v, auto* s) {
                     using V = decltype(v);
                     s[0] += (v >= low) & (v <= high) ? absolute(v - center) : V{};
                   })
      .total(0);
}

static void interval(const double* values, std::int64_t n, double low, double high, double scale,
                     std::uint16_t* result) {
  for (std::int64_t i = 0; i < n; ++i) {
    double position = (values[i] - low) * scale;
    position = position > 0.0 ? position : 0.0;
    position = position < kIntervals - 1.0 ? position : kIntervals - 1.0;
    const std::int32_t inside = static_cast<std::int32_t>(position);
    const std::int32_t from_low = values[i] >= low ? inside : kIntervals;
    result[i] = static_cast<std::uint16_t>(values[i] <= high ? from_low : kIntervals);
  }
}

extern const FirstOrderRows first_order_rows;
const FirstOrderRows first_order_rows{power, central, robust, interval};

}  // namespace cormack::CORMACK_ISA
