#pragma once
// Weighted means of what counts, in the CPU's order of sums: voxels and what counts of them go along each axis side by
// side, and are divided at last. One read and one write of both for each axis.
#include "cuda/voxels.cuh"
#include "filters/masked_lines.cuh"
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
      const long long place = start + (at < 0 ? here : at) * along.stride;
      part += weights[k] * (at < 0 ? Work(0) : values[place]);
      part_share += weights[k] * (at < 0 ? Work(0) : shares[place]);
      const bool full = line.grouped && k % 16 == 15;
      value += full ? part : Work(0);
      share += full ? part_share : Work(0);
      part = full ? Work(0) : part;
      part_share = full ? Work(0) : part_share;
    }
    next_values[start + here * along.stride] = value + part;
    next_shares[start + here * along.stride] = share + part_share;
  });
}

// The quotient in the precision of Q.
template <class T, class Work, class Q>
__global__ void __launch_bounds__(256)
    masked_quotient(const Work* __restrict__ values, const Work* __restrict__ shares, Layout from,
                    T* __restrict__ target, Layout to, MaskedResult how) {
  const int x = static_cast<int>(blockIdx.x * 32 + threadIdx.x);
  // Loops of whole blocks: around a division, which is a call, those of threads spill registers.
  for (unsigned z = blockIdx.z; z < static_cast<unsigned>(to.depth); z += gridDim.z)
    for (unsigned top = blockIdx.y * 8; top < static_cast<unsigned>(to.height); top += gridDim.y * 8) {
      const int y = static_cast<int>(top + threadIdx.y);
      if (y >= to.height || x >= to.width) continue;
      const long long at = from.at(z, y, x);
      const bool some = shares[at] > 0;
      // No division by zero, so that there is no branch.
      const T mean = stored<T>(static_cast<Q>(values[at]) / (some ? static_cast<Q>(shares[at]) : Q(1)), how.boolean);
      target[to.at(z, y, x)] = some ? mean : saturated<T>(how.fill);
    }
}

}  // namespace cormack::device
