#pragma once
#include "filters/correlate_rows.hpp"

namespace cormack {

// out[i] = pixels[i] + amount (pixels[i] - smooth[i])
template <class T>
using Sharpen = void (*)(T* out, const T* pixels, const TapWork<T>* smooth, TapWork<T> amount, std::int64_t n);

struct UnsharpMaskRows {
  DTypeTable<Sharpen> sharpen;
};

CORMACK_TABLE(UnsharpMaskRows, unsharp_mask_rows)

}  // namespace cormack
