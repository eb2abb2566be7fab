#pragma once
// Gives objects of a label image other numbers.
#include <span>

#include "core/image.hpp"

namespace cormack::cpu {

// out, int32, has to[k] where labels has from[k], and 0 where labels has none of them. labels: any integer dtype; from:
// at least 0; to: not negative.
void relabel(const Image& labels, const Image& out, std::span<const std::int64_t> from,
             std::span<const std::int32_t> to, Context context);

}  // namespace cormack::cpu
