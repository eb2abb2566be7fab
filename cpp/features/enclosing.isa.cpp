#include "core/vec.hpp"
#include "features/enclosing_rows.hpp"

namespace cormack::CORMACK_ISA {

using Values = Vec<double>;
static constexpr std::int64_t kLanes = EnclosingRows::kLanes;

static inline Values along(const double* const* axes, std::int64_t i, Values z, Values y, Values x) {
  return (Values::load(axes[0] + i) * z + Values::load(axes[1] + i) * y) + Values::load(axes[2] + i) * x;
}

static double between(Values low, Values high) {
  double lows[Values::size], highs[Values::size];
  low.store(lows);
  high.store(highs);
  double least = lows[0], most = highs[0];
  for (std::ptrdiff_t k = 1; k < Values::size; ++k) {
    least = lows[k] < least ? lows[k] : least;
    most = highs[k] > most ? highs[k] : most;
  }
  return most - least;
}

static double extent(const double* const* axes, std::int64_t n, const double* direction) {
  const Values z = Values::fill(direction[0]), y = Values::fill(direction[1]), x = Values::fill(direction[2]);
  Values low = along(axes, 0, z, y, x), high = low;
  for (std::int64_t i = Values::size; i < n; i += Values::size) {
    const Values value = along(axes, i, z, y, x);
    low = min(low, value);
    high = max(high, value);
  }
  return between(low, high);
}

static void flatten(const double* const* axes, std::int64_t n, const double* u, const double* v, double* a, double* b) {
  const Values uz = Values::fill(u[0]), uy = Values::fill(u[1]), ux = Values::fill(u[2]);
  const Values vz = Values::fill(v[0]), vy = Values::fill(v[1]), vx = Values::fill(v[2]);
  for (std::int64_t i = 0; i < n; i += Values::size) {
    along(axes, i, uz, uy, ux).store(a + i);
    along(axes, i, vz, vy, vx).store(b + i);
  }
}

static void widths(const double* a, const double* b, std::int64_t n, const double* cosines, const double* sines,
                   std::int64_t count, double* result) {
  // Some at once, as each has to wait for its own last minimum.
  constexpr int together = 4;
  for (std::int64_t k = 0; k < count; k += together) {
    Values c[together], s[together], low[together], high[together];
    for (int j = 0; j < together; ++j) {
      c[j] = Values::fill(cosines[k + j]);
      s[j] = Values::fill(sines[k + j]);
      low[j] = high[j] = Values::load(a) * c[j] + Values::load(b) * s[j];
    }
    for (std::int64_t i = Values::size; i < n; i += Values::size) {
      const Values x = Values::load(a + i), y = Values::load(b + i);
      for (int j = 0; j < together; ++j) {
        const Values value = x * c[j] + y * s[j];
        low[j] = min(low[j], value);
        high[j] = max(high[j], value);
      }
    }
    for (int j = 0; j < together; ++j) result[k + j] = between(low[j], high[j]);
  }
}

static double facing(const double* const* axes, const double* areas, std::int64_t n, const double* direction,
                     double* result) {
  const Values z = Values::fill(direction[0]), y = Values::fill(direction[1]), x = Values::fill(direction[2]);
  const Values zero = Values::fill(0.0);
  double sums[kLanes];
  for (std::int64_t lane = 0; lane < kLanes; lane += Values::size) {
    Values sum = zero;
    for (std::int64_t i = lane; i < n; i += kLanes) {
      const Values value = along(axes, i, z, y, x);
      value.store(result + i);
      sum = sum + max(value, zero - value) * Values::load(areas + i);
    }
    sum.store(sums + lane);
  }
  return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

static double furthest(const double* const* axes, std::int64_t n, const double* point) {
  const Values z = Values::fill(point[0]), y = Values::fill(point[1]), x = Values::fill(point[2]);
  Values most = Values::fill(0.0);
  for (std::int64_t i = 0; i < n; i += Values::size) {
    const Values dz = Values::load(axes[0] + i) - z, dy = Values::load(axes[1] + i) - y,
                 dx = Values::load(axes[2] + i) - x;
    most = max(most, (dz * dz + dy * dy) + dx * dx);
  }
  double values[Values::size];
  most.store(values);
  double result = values[0];
  for (std::ptrdiff_t k = 1; k < Values::size; ++k) result = values[k] > result ? values[k] : result;
  return result;
}

extern const EnclosingRows enclosing_rows;
const EnclosingRows enclosing_rows{extent, facing, widths, flatten, furthest};

}  // namespace cormack::CORMACK_ISA
