// Rows are contiguous; the lines of `spline` lie side by side, so that its recursion runs down and vectors run across.
#include "core/border.hpp"
#include "filters/resample_rows.hpp"

namespace cormack::CORMACK_ISA {

static void combine(const double* const* rows, const double* weights, int taps, double* __restrict dst,
                    std::int64_t n) {
  const double* a = rows[0];
  const double wa = weights[0];
  if (taps == 1) {
    for (std::int64_t i = 0; i < n; ++i) dst[i] = wa * a[i];
    return;
  }
  const double* b = rows[1];
  const double wb = weights[1];
  if (taps == 2) {
    for (std::int64_t i = 0; i < n; ++i) dst[i] = wa * a[i] + wb * b[i];
    return;
  }
  const double *c = rows[2], *d = rows[3];
  const double wc = weights[2], wd = weights[3];
  for (std::int64_t i = 0; i < n; ++i) dst[i] = wa * a[i] + wb * b[i] + wc * c[i] + wd * d[i];
}

static void gather(const double* row, const std::int32_t* index, const double* weights, int taps,
                   double* __restrict dst, std::int64_t n) {
  const std::int32_t *ia = index, *ib = ia + n, *ic = ib + n, *id = ic + n;
  const double *wa = weights, *wb = wa + n, *wc = wb + n, *wd = wc + n;
  if (taps == 1) {
    for (std::int64_t i = 0; i < n; ++i) dst[i] = wa[i] * row[ia[i]];
  } else if (taps == 2) {
    for (std::int64_t i = 0; i < n; ++i) dst[i] = wa[i] * row[ia[i]] + wb[i] * row[ib[i]];
  } else {
    for (std::int64_t i = 0; i < n; ++i)
      dst[i] = wa[i] * row[ia[i]] + wb[i] * row[ib[i]] + wc[i] * row[ic[i]] + wd[i] * row[id[i]];
  }
}

// M. Unser, "Splines: a perfect fit for signal and image processing", IEEE Signal Processing Magazine 16(6), 1999.
static void spline(double* lines, std::int64_t step, std::int64_t n, std::int64_t width) {
  constexpr double pole = -0.26794919243112270647, gain = 6.0;
  // What a value beyond this many others still adds is below half an ulp.
  constexpr std::int64_t reach = 40;
  constexpr std::int64_t lanes = 16;
  for (std::int64_t first = 0; first < width; first += lanes) {
    const std::int64_t count = width - first < lanes ? width - first : lanes;
    double* const line = lines + first;
    double start[lanes] = {};
    double power = 1.0;
    for (std::int64_t k = 0; k < reach; ++k, power *= pole) {
      const double* at = line + border_index(k, n, Border::mirror) * step;
      for (std::int64_t i = 0; i < count; ++i) start[i] += power * at[i];
    }
    for (std::int64_t i = 0; i < count; ++i) line[i] = start[i];
  }
  for (std::int64_t k = 1; k < n; ++k) {
    double* __restrict at = lines + k * step;
    const double* before = lines + (k - 1) * step;
    for (std::int64_t i = 0; i < width; ++i) at[i] += pole * before[i];
  }
  {
    double* __restrict at = lines + (n - 1) * step;
    const double* before = lines + (n - 2) * step;
    constexpr double scale = gain * pole / (pole * pole - 1.0);
    for (std::int64_t i = 0; i < width; ++i) at[i] = scale * (at[i] + pole * before[i]);
  }
  for (std::int64_t k = n - 2; k >= 0; --k) {
    double* __restrict at = lines + k * step;
    const double* after = lines + (k + 1) * step;
    for (std::int64_t i = 0; i < width; ++i) at[i] = pole * (after[i] - gain * at[i]);
  }
}

extern const ResampleRows resample_rows;
const ResampleRows resample_rows{combine, gather, spline};

}  // namespace cormack::CORMACK_ISA
