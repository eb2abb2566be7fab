#pragma once
// Weighted means of what counts, in the CPU's order of sums: voxels and what counts of them go along each axis side by
// side, and are divided at last. One read and one write of both for each axis.
#include "cuda/voxels.cuh"
#include "filters/masked_lines.hpp"
#include "filters/separable_work.cuh"

namespace cormack::device {

// `values` and `shares` lie as `to` says.
template <class T, class Work>
__global__ void __launch_bounds__(256)
    masked_source(const T* __restrict__ source, Layout from, const unsigned char* __restrict__ mask, MaskedSource how,
                  Work* __restrict__ values, Work* __restrict__ shares, Layout to) {
  over_voxels(from, [&](long long z, long long y, long long x) {
    const Work value = static_cast<Work>(source[from.at(z, y, x)]);
    const bool counts = !(how.masked && mask[how.mask.at(z, y, x)] == 0) && !(how.skip_nan && value != value);
    const long long at = to.at(z, y, x);
    // Selected, not multiplied: NaN outside the mask must not come in.
    values[at] = counts ? value : Work(0);
    shares[at] = counts ? Work(1) : Work(0);
  });
}

template <class Work>
__global__ void __launch_bounds__(256)
    masked_line(const Work* __restrict__ values, const Work* __restrict__ shares, Work* __restrict__ next_values,
                Work* __restrict__ next_shares, Layout of, const Work* __restrict__ weights, MaskedLine line) {
  const AxisOf along(of, line.axis);
  over_voxels(of, [&](long long z, long long y, long long x) {
    const auto here = static_cast<int>(line.axis == 0 ? z : line.axis == 1 ? y : x);
    const long long start = of.at(z, y, x) - here * along.stride;
    Work value = 0, share = 0, part = 0, part_share = 0;
    for (int k = 0; k < line.count; ++k) {
      const int at = border_index_32(here + k - line.left, along.extent, line.border);
      if (at >= 0) {
        part += weights[k] * values[start + at * along.stride];
        part_share += weights[k] * shares[start + at * along.stride];
      }
      if (!line.grouped || k % 16 != 15) continue;
      value += part;
      share += part_share;
      part = part_share = 0;
    }
    next_values[start + here * along.stride] = value + part;
    next_shares[start + here * along.stride] = share + part_share;
  });
}

template <class T, class Work>
__global__ void __launch_bounds__(256)
    masked_quotient(const Work* __restrict__ values, const Work* __restrict__ shares, Layout from,
                    T* __restrict__ target, Layout to, MaskedResult how) {
  over_voxels(to, [&](long long z, long long y, long long x) {
    const long long at = from.at(z, y, x);
    T result = saturated<T>(how.fill);
    if (shares[at] > 0) {
      const double exact = static_cast<double>(values[at]) / static_cast<double>(shares[at]);
      result = how.in_double ? saturated<T>(exact) : stored<T>(values[at] / shares[at], 0);
    }
    target[to.at(z, y, x)] = how.boolean && result > 1 ? T{1} : result;
  });
}

}  // namespace cormack::device
