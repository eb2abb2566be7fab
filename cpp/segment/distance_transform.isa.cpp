// Tiles are rows of kTileColumns doubles. Columns are copied out, kColumnsAtOnce at a time, and back.
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "core/vec.hpp"
#include "segment/distance_transform_rows.hpp"

namespace cormack::CORMACK_ISA {

// How many pixels a search goes on average before envelopes are faster.
static constexpr std::int64_t kSearchSteps = 24;
static constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Pixels [begin, end), whose nearest zeros before and behind are at `before` and `behind`.
static void run_of_row(std::int32_t begin, std::int32_t end, std::int32_t before, std::int32_t behind, double weight,
                       double* squares, std::int32_t* nearest) {
  for (std::int32_t x = begin; x < end; ++x) {
    const std::int32_t back = x - before, ahead = behind - x;
    const double distance = back < ahead ? back : ahead;
    squares[x] = weight * (distance * distance);
  }
  if (nearest == nullptr) return;
  for (std::int32_t x = begin; x < end; ++x) nearest[x] = x - before <= behind - x ? before : behind;
}

static void along_row(std::uint64_t bits, std::int32_t left, std::int32_t right, double weight, double* squares,
                      std::int32_t* nearest) {
  constexpr std::int32_t n = kTileColumns;
  if (bits == ~std::uint64_t{0} && left >= kFar && right >= kFar) {
    for (std::int32_t x = 0; x < n; ++x) squares[x] = kInfinity;
    if (nearest != nullptr) {
      for (std::int32_t x = 0; x < n; ++x) nearest[x] = -1;
    }
    return;
  }
  for (std::int32_t x = 0; x < n; ++x) squares[x] = 0;
  if (nearest != nullptr) {
    for (std::int32_t x = 0; x < n; ++x) nearest[x] = x;
  }
  while (bits != 0) {
    const std::int32_t begin = std::countr_zero(bits);
    const std::int32_t end = begin + std::countr_one(bits >> begin);
    run_of_row(begin, end, begin > 0 ? begin - 1 : -left, end < n ? end : n - 1 + right, weight, squares, nearest);
    if (end == n) break;
    bits &= ~std::uint64_t{0} << end;
  }
}

// The lower envelope of the parabolas of [first, last], which hold no zero but the first and the last of them, for
// [begin, end). values and result are of the column. starts[k] is the first pixel at which site[k] is the nearest.
static void envelope(const double* values, double* result, std::int32_t* result_site, std::int32_t first,
                     std::int32_t last, std::int32_t begin, std::int32_t end, double weight, const double* half_inverse,
                     std::int32_t* site, std::int32_t* starts) {
  std::int32_t top = -1;
  for (std::int32_t u = first; u <= last; ++u) {
    const double value = values[u];
    if (value == kInfinity) continue;
    while (top >= 0) {
      const double to_new = starts[top] - u, to_old = starts[top] - site[top];
      if (weight * (to_old * to_old) + values[site[top]] <= weight * (to_new * to_new) + value) break;
      --top;
    }
    std::int32_t start = begin;
    if (top >= 0) {
      const std::int32_t old = site[top];
      const double meet = 0.5 * (u + old) + (value - values[old]) * half_inverse[u - old];
      if (!(meet < end - 1)) continue;
      start = static_cast<std::int32_t>(meet) + 1;
      // Only rounding can make it earlier.
      if (start < starts[top]) start = starts[top];
    }
    ++top;
    site[top] = u;
    starts[top] = start;
  }
  if (top < 0) {
    for (std::int32_t i = begin; i < end; ++i) result[i] = kInfinity;
    if (result_site != nullptr) {
      for (std::int32_t i = begin; i < end; ++i) result_site[i] = i;
    }
    return;
  }
  starts[top + 1] = end;
  for (std::int32_t k = 0; k <= top; ++k) {
    const double value = values[site[k]];
    for (std::int32_t i = starts[k]; i < starts[k + 1]; ++i) {
      const double distance = i - site[k];
      result[i] = weight * (distance * distance) + value;
    }
    if (result_site == nullptr) continue;
    for (std::int32_t i = starts[k]; i < starts[k + 1]; ++i) result_site[i] = site[k];
  }
}

static void along_column(const DistanceColumns& columns, const double* values, double* result,
                         std::int32_t* result_site, std::int32_t* stack) {
  const auto n = static_cast<std::int32_t>(columns.length);
  // No parabola reaches across a zero: what lies between two of them stands alone.
  for (std::int32_t i = 0; i < n;) {
    if (values[i] == 0) {
      result[i] = 0;
      if (result_site != nullptr) result_site[i] = i;
      ++i;
      continue;
    }
    std::int32_t end = i + 1;
    while (end < n && values[end] != 0) ++end;
    envelope(values, result, result_site, i > 0 ? i - 1 : 0, end < n ? end : n - 1, i, end, columns.weight,
             columns.half_inverse, stack, stack + n + 1);
    i = end;
  }
}

// The same for kColumnsAtOnce columns side by side, in rows of values: the smallest of the parabolas around each pixel,
// as far out as one of them could still be the smallest. False where that would be slower than the envelopes: the
// decision depends on the values alone, so that every instruction set takes the same way.
static bool search(const double* values, double* results, std::int64_t n, double weight) {
  using V = Vec<double>;
  constexpr std::int64_t width = kColumnsAtOnce, step = V::size, vectors = width / step;
  static_assert(vectors >= 1);
  std::int64_t budget = kSearchSteps * n;
  for (std::int64_t i = 0; i < n; ++i) {
    V best[vectors];
    for (int k = 0; k < vectors; ++k) best[k] = V::load(values + i * width + k * step);
    for (std::int64_t d = 1; d < n; ++d) {
      const V square = V::fill(weight * (static_cast<double>(d) * static_cast<double>(d)));
      bool more = false;
      for (int k = 0; k < vectors; ++k) more |= any_above(best[k], square);
      if (!more) break;
      if (--budget < 0) return false;
      // A pixel beyond an end stands for the end itself, which was nearer.
      const double* before = values + (i > d ? i - d : 0) * width;
      const double* behind = values + (i + d < n ? i + d : n - 1) * width;
      for (int k = 0; k < vectors; ++k)
        best[k] = min(best[k], min(V::load(before + k * step), V::load(behind + k * step)) + square);
    }
    for (int k = 0; k < vectors; ++k) best[k].store(results + i * width + k * step);
  }
  return true;
}

static void along_columns(const DistanceColumns& columns) {
  constexpr std::int64_t width = kColumnsAtOnce;
  const std::int64_t n = columns.length;
  double *rows = columns.values, *across = rows + width * n, *results = across + width * n;
  std::int32_t* sites = columns.sites == nullptr ? nullptr : columns.stack + 2 * (n + 1);
  for (std::int64_t first = 0; first < columns.count; first += width) {
    double* tile = columns.tile + first;
    double some = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t k = 0; k < width; ++k) {
        rows[i * width + k] = tile[i * kTileColumns + k];
        some += tile[i * kTileColumns + k];
      }
    }
    if (some == 0 && sites == nullptr) continue;
    if (sites == nullptr && search(rows, results, n, columns.weight)) {
      for (std::int64_t i = 0; i < n; ++i) {
        for (std::int64_t k = 0; k < width; ++k) tile[i * kTileColumns + k] = results[i * width + k];
      }
      continue;
    }
    for (std::int64_t k = 0; k < width; ++k) {
      for (std::int64_t i = 0; i < n; ++i) across[k * n + i] = rows[i * width + k];
    }
    for (std::int64_t k = 0; k < width; ++k) {
      along_column(columns, across + k * n, results + k * n, sites == nullptr ? nullptr : sites + k * n, columns.stack);
    }
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t k = 0; k < width; ++k) tile[i * kTileColumns + k] = results[k * n + i];
    }
    if (sites == nullptr) continue;
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t k = 0; k < width; ++k) columns.sites[i * kTileColumns + first + k] = sites[k * n + i];
    }
  }
}

static void load32(const float* from, double* to, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) to[i] = from[i];
}

static void store32(const double* from, float* to, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) to[i] = static_cast<float>(from[i]);
}

static void root(const double* from, double* to, double scale, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) to[i] = scale * std::sqrt(from[i]);
}

static void root32(const double* from, float* to, double scale, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) to[i] = static_cast<float>(scale * std::sqrt(from[i]));
}

extern const DistanceRows distance_rows;
const DistanceRows distance_rows{along_row, along_columns, load32, store32, root, root32};

}  // namespace cormack::CORMACK_ISA
