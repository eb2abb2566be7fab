#include "import/rle.hpp"

#include <algorithm>
#include <cstring>

namespace cormack {
namespace {

constexpr std::int64_t kHeader = 64;

std::int64_t u32(const std::uint8_t* p) {
  return static_cast<std::int64_t>(p[0] | p[1] << 8 | p[2] << 16 | static_cast<std::uint32_t>(p[3]) << 24);
}

bool unpack_segment(const std::uint8_t* p, const std::uint8_t* end, std::uint8_t* out, std::uint8_t* out_end) {
  // A step yields 128 bytes at most: where there is room for them on both sides, all are copied, which is faster than
  // copying just as many as there are.
  constexpr std::int64_t most = 128;
  while (out_end - out >= most && end - p > most) {
    const int code = *p++;
    if (code < 128) {
      std::memcpy(out, p, most);
      p += code + 1;
      out += code + 1;
    } else if (code > 128) {
      std::memset(out, *p++, most);
      out += 257 - code;
    }
  }
  while (out < out_end) {
    if (p >= end) return false;
    const int code = *p++;
    if (code < 128) {
      const std::int64_t count = code + 1;
      if (count > end - p || count > out_end - out) return false;
      std::memcpy(out, p, static_cast<std::size_t>(count));
      p += count;
      out += count;
    } else if (code > 128) {
      const std::int64_t count = 257 - code;
      if (p >= end || count > out_end - out) return false;
      std::memset(out, *p++, static_cast<std::size_t>(count));
      out += count;
    }
  }
  // A byte may follow that makes the length even; more is not for this decoder to judge.
  return end - p <= 1;
}

}  // namespace

bool unpack_rle(const std::uint8_t* packed, std::int64_t size, int planes, std::int64_t n, std::uint8_t* out) {
  if (size < kHeader || u32(packed) != planes || planes > 15) return false;
  for (int plane = 0; plane < planes; ++plane) {
    const std::int64_t begin = u32(packed + 4 + 4 * plane);
    const std::int64_t end = plane + 1 < planes ? u32(packed + 8 + 4 * plane) : size;
    if (begin < kHeader || begin > end || end > size) return false;
    if (!unpack_segment(packed + begin, packed + end, out + plane * n, out + (plane + 1) * n)) return false;
  }
  return true;
}

}  // namespace cormack
