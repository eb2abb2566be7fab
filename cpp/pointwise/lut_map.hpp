#pragma once
// dst = table[src - first] for integer src; values outside the table take its nearest entry. dst has any dtype, the
// table's entries have it too. One pass.
#include "core/image.hpp"

namespace cormack::cpu {

void lut_map(const Image& src, const Image& dst, const void* table, std::int64_t count, std::int64_t first,
             Context context);

}  // namespace cormack::cpu
