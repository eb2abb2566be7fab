#pragma once
// What plans of reductions share: an image, results, and perhaps a mask as the last image.
#include "cuda/plan.hpp"

namespace cormack::device {

struct Masked {
  Pointer<unsigned char> mask;
  Layout mask_from, from;
  bool dense;
};

inline Masked masked(const Plan& plan, std::size_t mask_at) {
  if (plan.image_count() <= mask_at) return {{}, plan.layout(0), plan.layout(0), plan.dense(0)};
  return {plan.data<unsigned char>(mask_at), plan.layout(mask_at), plan.layout(0),
          plan.dense(0) && plan.dense(mask_at)};
}

}  // namespace cormack::device
