// Rows are contiguous, scaled and continued beyond the border. Every lane does the same operations in the same order on
// every level.
#include "core/saturate.hpp"
#include "filters/bilateral_filter_rows.hpp"
#include "filters/power_of_two.hpp"

namespace cormack::CORMACK_ISA {

// One register of voxels at a time: the taps of a row are independent enough to keep the processor busy.
template <class Work>
static void row(Work* out, const Work* centre, const BilateralWindow<Work>& window, std::int64_t n) {
  using V = Vec<Work>;
  for (std::int64_t at = 0; at < n; at += V::size) {
    const V values = V::load(centre + at);
    V sum = V::fill(0), weights = sum;
    const BilateralTaps<Work>* taps = window.rows;
    for (std::int64_t plane = 0; plane < window.planes; ++plane) {
      V plane_sum = V::fill(0), plane_weights = plane_sum;
      for (const BilateralTaps<Work>* end = window.rows + window.plane_ends[plane]; taps < end; ++taps) {
        V row_sum = V::fill(0), row_weights = row_sum;
        const Work* neighbours = taps->data + at;
        for (std::int64_t k = -taps->half; k <= taps->half; ++k) {
          const V difference = V::load(neighbours + k) - values;
          const V weight = in_proportion_to_power_of_two(V::fill(window.along[k]) - difference * difference);
          row_sum = row_sum + weight * difference;
          row_weights = row_weights + weight;
        }
        const V across = V::fill(taps->weight);
        plane_sum = plane_sum + across * row_sum;
        plane_weights = plane_weights + across * row_weights;
      }
      sum = sum + plane_sum;
      weights = weights + plane_weights;
    }
    Work sums[V::size], totals[V::size];
    sum.store(sums);
    weights.store(totals);
    for (int i = 0; i < V::size; ++i) out[at + i] = sums[i] / totals[i] * window.scale;
  }
}

template <class T>
static void scale(BilateralWorkOf<T>* out, const T* pixels, BilateralWorkOf<T> factor, std::int64_t n) {
  using Work = BilateralWorkOf<T>;
  constexpr Work far = kBilateralFar<Work>;
  for (std::int64_t i = 0; i < n; ++i) {
    Work value = static_cast<Work>(pixels[i]) * factor;
    // NaN fails the first comparison.
    value = value > -far ? value : -far;
    out[i] = value < far ? value : far;
  }
}

template <class T>
static void store(T* out, const T* pixels, const BilateralWorkOf<T>* change, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = saturate<T>(static_cast<BilateralWorkOf<T>>(pixels[i]) + change[i]);
}

extern const BilateralRows bilateral_rows;
const BilateralRows bilateral_rows{
    row<float>,
    row<double>,
    {scale<std::uint8_t>, scale<std::int8_t>, scale<std::uint16_t>, scale<std::int16_t>, scale<std::uint32_t>,
     scale<std::int32_t>, scale<float>, scale<double>},
    {store<std::uint8_t>, store<std::int8_t>, store<std::uint16_t>, store<std::int16_t>, store<std::uint32_t>,
     store<std::int32_t>, store<float>, store<double>},
};

}  // namespace cormack::CORMACK_ISA
