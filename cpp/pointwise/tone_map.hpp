#pragma once
// Tone curves of t = (src, clamped to [lower, upper], - origin) / width: scikit-image's adjust_gamma and adjust_log.
// Any dtype to any dtype in float64, with a logarithm and an exponential of our own: the same bits everywhere, and
// within 4 + 2 |exponent ln t| ulp. NaN stays NaN in a floating dst and becomes `shift` in an integer one.
#include "core/image.hpp"

namespace cormack {

enum class ToneCurve : int {
  power = 0,  // t^exponent, t >= 0, exponent >= 0
  log = 1,    // log2(1 + t), t > -1
  exp = 2,    // 2^t - 1
};

// dst = shift + span * curve(t).
struct ToneMap {
  double lower, upper, origin, width;  // width > 0
  double shift, span;
  ToneCurve curve;
  double exponent;
};

namespace cpu {
void tone_map(const Image& src, const Image& dst, const ToneMap& map, Context context);
}
}  // namespace cormack
