// Values are contiguous, at most a block of them.
#include <cmath>

#include "enhance/histogram_rows.hpp"

namespace cormack::CORMACK_ISA {

template <class T, class F>
static void row(const T* values, std::int64_t n, const BinFormula<F>& formula, std::int32_t* bin) {
  const BinFormula<F> f = formula;
  std::int32_t near_an_edge = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const F value = static_cast<F>(values[i]);
    F position = (value - f.first) * f.scale;
    // The ends of the first and the last bin are not edges to get wrong. NaN fails every comparison.
    position = position > F(0.5) ? position : F(0.5);
    position = position < f.top ? position : f.top;
    const std::int32_t index = static_cast<std::int32_t>(position);
    const F off_centre = std::abs(position - static_cast<F>(index) - F(0.5));
    near_an_edge += off_centre > f.half_gap;
    const std::int32_t from_first = value >= f.first ? index : f.bins;
    bin[i] = value <= f.last ? from_first : f.bins;
  }
  if (near_an_edge == 0) return;
  for (std::int64_t i = 0; i < n; ++i) {
    const F value = static_cast<F>(values[i]);
    const std::int32_t index = bin[i];
    const std::int32_t corrected = index + (value >= f.edges[index + 1] ? 1 : 0) - (value < f.edges[index] ? 1 : 0);
    bin[i] = index < f.bins ? corrected : index;
  }
}

extern const HistogramRows histogram_rows;
const HistogramRows histogram_rows{
    row<float, float>,
    {row<std::uint8_t, double>, row<std::int8_t, double>, row<std::uint16_t, double>, row<std::int16_t, double>,
     row<std::uint32_t, double>, row<std::int32_t, double>, row<float, double>, row<double, double>},
};

}  // namespace cormack::CORMACK_ISA
