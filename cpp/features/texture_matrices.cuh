#pragma once
// Co-occurrence, run lengths, and what neighbours have in common: tables of counts, by integer atomics, in shared
// memory where a block's part of them fits, and then added up in global memory. Thus no order of threads changes a bit.
#include "cuda/device.cuh"
#include "features/texture_place.cuh"

namespace cormack::device {

__device__ __forceinline__ void clear(unsigned* values, int count) {
  for (int i = static_cast<int>(threadIdx.x); i < count; i += static_cast<int>(blockDim.x)) values[i] = 0;
}

// How many voxels of a box have a level.
__global__ void __launch_bounds__(256)
    level_voxels(const unsigned short* __restrict__ levels, const TextureBox* __restrict__ boxes,
                 const TexturePart* __restrict__ parts, int chunk, unsigned* __restrict__ counts) {
  CORMACK_SHARED(unsigned, total);
  const TexturePart part = parts[blockIdx.x];
  const TextureBox box = boxes[part.box];
  if (threadIdx.x == 0) *total = 0;
  __syncthreads();
  unsigned own = 0;
  const long long stop = part.first + chunk < box.size() ? part.first + chunk : box.size();
  for (long long i = part.first + threadIdx.x; i < stop; i += blockDim.x) own += levels[box.at + i] != 0;
  if (own != 0) atomicAdd(total, own);
  __syncthreads();
  if (threadIdx.x == 0 && *total != 0) atomicAdd(counts + part.box, *total);
}

// Pairs of levels, in any order, of voxels a step apart: the upper triangles of [step][level][level]. A block counts
// the steps [group * blockIdx.y, group * (blockIdx.y + 1)).
template <bool in_shared>
__global__ void __launch_bounds__(256)
    level_pairs(const unsigned short* __restrict__ levels, const TextureBox* __restrict__ boxes,
                const TexturePart* __restrict__ parts, int chunk, const TextureStep* __restrict__ steps, int kinds,
                int group, unsigned* __restrict__ counts) {
  CORMACK_SHARED(unsigned, tally);
  const TexturePart part = parts[blockIdx.x];
  const TextureBox box = boxes[part.box];
  const unsigned short* own = levels + box.at;
  const int n = box.levels, cells = triangle_size(n), begin = static_cast<int>(blockIdx.y) * group;
  const int end = begin + group < kinds ? begin + group : kinds;
  const long long square = static_cast<long long>(n) * n;
  if constexpr (in_shared) {
    clear(tally, cells * (end - begin));
    __syncthreads();
  }
  const long long stop = part.first + chunk < box.size() ? part.first + chunk : box.size();
  for (long long i = part.first + threadIdx.x; i < stop; i += blockDim.x) {
    const int a = own[i];
    if (a == 0) continue;
    const Place at = place_of(box, i);
    for (int kind = begin; kind < end; ++kind) {
      const int b = level_at(own, box, at.z + steps[kind].z, at.y + steps[kind].y, at.x + steps[kind].x);
      if (b == 0) continue;
      const int low = (a < b ? a : b) - 1, high = (a < b ? b : a) - 1;
      if constexpr (in_shared) atomicAdd(tally + cells * (kind - begin) + triangle_cell(low, high), 1u);
      else atomicAdd(counts + box.cells + square * kind + static_cast<long long>(n) * low + high, 1u);
    }
  }
  if constexpr (in_shared) {
    __syncthreads();
    for (int kind = begin; kind < end; ++kind) {
      const unsigned* mine = tally + cells * (kind - begin);
      unsigned* target = counts + box.cells + square * kind;
      for (int i = static_cast<int>(threadIdx.x); i < n * n; i += static_cast<int>(blockDim.x)) {
        const int low = i / n, high = i % n;
        const unsigned count = low <= high ? mine[triangle_cell(low, high)] : 0;
        if (count != 0) atomicAdd(target + i, count);
      }
    }
  }
}

// Runs of one level: [step][level][length - 1], with as many lengths as the box is long. The voxel that begins a run
// walks along it.
template <bool in_shared>
__global__ void __launch_bounds__(256)
    level_runs(const unsigned short* __restrict__ levels, const TextureBox* __restrict__ boxes,
               const TexturePart* __restrict__ parts, int chunk, const TextureStep* __restrict__ steps, int kinds,
               int group, unsigned* __restrict__ counts) {
  CORMACK_SHARED(unsigned, tally);
  const TexturePart part = parts[blockIdx.x];
  const TextureBox box = boxes[part.box];
  const unsigned short* own = levels + box.at;
  const int longest = box.longest(), begin = static_cast<int>(blockIdx.y) * group;
  const int end = begin + group < kinds ? begin + group : kinds;
  const long long cells = static_cast<long long>(box.levels) * longest;
  if constexpr (in_shared) {
    clear(tally, static_cast<int>(cells) * (end - begin));
    __syncthreads();
  }
  const long long stop = part.first + chunk < box.size() ? part.first + chunk : box.size();
  for (long long i = part.first + threadIdx.x; i < stop; i += blockDim.x) {
    const int level = own[i];
    if (level == 0) continue;
    const Place at = place_of(box, i);
    for (int kind = begin; kind < end; ++kind) {
      const TextureStep step = steps[kind];
      if (level_at(own, box, at.z - step.z, at.y - step.y, at.x - step.x) == level) continue;
      int length = 1;
      while (level_at(own, box, at.z + length * step.z, at.y + length * step.y, at.x + length * step.x) == level)
        ++length;
      const long long cell = static_cast<long long>(level - 1) * longest + length - 1;
      if constexpr (in_shared) atomicAdd(tally + cells * (kind - begin) + cell, 1u);
      else atomicAdd(counts + box.cells + cells * kind + cell, 1u);
    }
  }
  if constexpr (in_shared) {
    __syncthreads();
    unsigned* target = counts + box.cells + cells * begin;
    for (int i = static_cast<int>(threadIdx.x); i < cells * (end - begin); i += static_cast<int>(blockDim.x))
      if (tally[i] != 0) atomicAdd(target + i, tally[i]);
  }
}

// Of each voxel with its neighbours within `reach`: how many of these lie inside and how far their sum is from as many
// times its level (`tones`: [level][neighbours][voxels, sum]), and how many differ by at most `apart` (`alike`:
// [level][dependence - 1], itself among them). `most`: the voxels of a neighbourhood. Either result may be left out.
template <bool in_shared>
__global__ void __launch_bounds__(256)
    level_neighbours(const unsigned short* __restrict__ levels, const TextureBox* __restrict__ boxes,
                     const TexturePart* __restrict__ parts, int chunk, int deep, int reach, int apart, int most,
                     bool wants_tones, bool wants_alike, unsigned long long* __restrict__ tones,
                     unsigned long long* __restrict__ alike) {
  CORMACK_SHARED(unsigned, tally);
  const TexturePart part = parts[blockIdx.x];
  const TextureBox box = boxes[part.box];
  const unsigned short* own = levels + box.at;
  const int cells = box.levels * most;
  if constexpr (in_shared) {
    clear(tally, 3 * cells);
    __syncthreads();
  }
  const long long stop = part.first + chunk < box.size() ? part.first + chunk : box.size();
  for (long long i = part.first + threadIdx.x; i < stop; i += blockDim.x) {
    const int level = own[i];
    if (level == 0) continue;
    const Place at = place_of(box, i);
    const int z_begin = at.z - deep > 0 ? at.z - deep : 0,
              z_end = at.z + deep < box.depth - 1 ? at.z + deep : box.depth - 1;
    const int y_begin = at.y - reach > 0 ? at.y - reach : 0;
    const int y_end = at.y + reach < box.height - 1 ? at.y + reach : box.height - 1;
    const int x_begin = at.x - reach > 0 ? at.x - reach : 0;
    const int x_end = at.x + reach < box.width - 1 ? at.x + reach : box.width - 1;
    int sum = 0, inside = 0, dependent = 0;
    for (int z = z_begin; z <= z_end; ++z) {
      for (int y = y_begin; y <= y_end; ++y) {
        const unsigned short* row = own + (static_cast<long long>(z) * box.height + y) * box.width;
        for (int x = x_begin; x <= x_end; ++x) {
          const int other = row[x], difference = other > level ? other - level : level - other;
          sum += other;
          inside += other != 0;
          dependent += static_cast<int>(other != 0) & static_cast<int>(difference <= apart);
        }
      }
    }
    const int from_mean = sum - inside * level;
    const unsigned difference = static_cast<unsigned>(from_mean < 0 ? -from_mean : from_mean);
    const long long line = static_cast<long long>(level - 1) * most;
    if constexpr (in_shared) {
      atomicAdd(tally + line + inside - 1, 1u);
      atomicAdd(tally + cells + line + inside - 1, difference);
      atomicAdd(tally + 2 * cells + line + dependent - 1, 1u);
    } else {
      if (wants_tones) {
        unsigned long long* tone = tones + 2 * (box.cells + line + inside - 1);
        atomicAdd(tone, 1ull);
        atomicAdd(tone + 1, static_cast<unsigned long long>(difference));
      }
      if (wants_alike) atomicAdd(alike + box.cells + line + dependent - 1, 1ull);
    }
  }
  if constexpr (in_shared) {
    __syncthreads();
    for (int i = static_cast<int>(threadIdx.x); i < cells; i += static_cast<int>(blockDim.x)) {
      if (wants_tones && tally[i] != 0) {
        atomicAdd(tones + 2 * (box.cells + i), static_cast<unsigned long long>(tally[i]));
        atomicAdd(tones + 2 * (box.cells + i) + 1, static_cast<unsigned long long>(tally[cells + i]));
      }
      if (wants_alike && tally[2 * cells + i] != 0)
        atomicAdd(alike + box.cells + i, static_cast<unsigned long long>(tally[2 * cells + i]));
    }
  }
}

}  // namespace cormack::device
