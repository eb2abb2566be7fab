// Values are contiguous, at most a block of them.
#include "enhance/quantiles_rows.hpp"

namespace cormack::CORMACK_ISA {

template <class T>
static void top_words(const T* values, std::int64_t n, std::uint16_t* words) {
  for (std::int64_t i = 0; i < n; ++i) words[i] = static_cast<std::uint16_t>(key_of(values[i]) >> (8 * sizeof(T) - 16));
}

extern const QuantilesRows quantiles_rows;
const QuantilesRows quantiles_rows{top_words<std::uint32_t>, top_words<std::int32_t>, top_words<float>,
                                   top_words<double>};

}  // namespace cormack::CORMACK_ISA
