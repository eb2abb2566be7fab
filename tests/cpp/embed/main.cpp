// A consumer of the installed package: no Python, one call on a 3-D image.
#include <cstdio>
#include <vector>

#include "pointwise/linear_map.hpp"

int main() {
  std::vector<std::int16_t> source(60, 500);
  std::vector<std::uint8_t> target(60);
  const cormack::Image in{source.data(), cormack::DType::i16, 3, {3, 4, 5}, {20, 5, 1}};
  const cormack::Image out{target.data(), cormack::DType::u8, 3, {3, 4, 5}, {20, 5, 1}};
  cormack::cpu::linear_map(in, out, {0.0, 1000.0, 0.0, 200.0}, {});
  std::printf("%d\n", target[59]);
}
