#pragma once
// DICOM's RLE Lossless (PS3.5 annex G): a header with the places of the segments, one for each byte of a value, the
// highest first, each of them packed by PackBits.
#include <cstdint>

namespace cormack {

// Unpacks a frame into its `planes` planes of `n` bytes each; false unless there are just so many segments and each of
// them fills its plane. Never reads beyond `packed` + `size`, nor writes beyond planes * n.
bool unpack_rle(const std::uint8_t* packed, std::int64_t size, int planes, std::int64_t n, std::uint8_t* out);

}  // namespace cormack
