// Values are contiguous, at most a block of them.
#include "enhance/moments_rows.hpp"

namespace cormack::CORMACK_ISA {

static constexpr int kLanes = 8;

static double total(const double* p) { return ((p[0] + p[4]) + (p[2] + p[6])) + ((p[1] + p[5]) + (p[3] + p[7])); }

template <class Term>
static MomentSums add_up(const double* row, std::int64_t n, double above, double below, const Term& term) {
  double count[kLanes] = {}, terms[kLanes] = {};
  const auto add = [&](double value, int lane) {
    const bool inside = value > above && value < below;
    count[lane] += inside ? 1.0 : 0.0;
    terms[lane] += inside ? term(value) : 0.0;
  };
  const std::int64_t whole = n / kLanes * kLanes;
  for (std::int64_t i = 0; i < whole; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) add(row[i + lane], lane);
  }
  for (std::int64_t i = whole; i < n; ++i) add(row[i], static_cast<int>(i - whole));
  return {total(count), total(terms)};
}

static MomentSums sum(const double* row, std::int64_t n, double above, double below, double center) {
  return add_up(row, n, above, below, [=](double value) { return value - center; });
}

static MomentSums squares(const double* row, std::int64_t n, double above, double below, double center) {
  return add_up(row, n, above, below, [=](double value) { return (value - center) * (value - center); });
}

extern const MomentsRows moments_rows;
const MomentsRows moments_rows{sum, squares};

}  // namespace cormack::CORMACK_ISA
