#pragma once
// Contrast limited adaptive histogram equalization: a block makes the map of a tile, from counting to the clipped sums;
// then every voxel goes through the maps of the 2, 4 or 8 tiles around it. The arithmetic is the CPU's, step by step.
#include "cuda/device.cuh"
#include "enhance/equalize_adapthist_tiles.hpp"

namespace cormack::device {

constexpr int kTileThreads = 512;

// What maps hold.
template <class T, bool narrow = sizeof(T) <= 2>
struct MapNumber {
  using Type = float;
};
template <class T>
struct MapNumber<T, false> {
  using Type = double;
};
template <>
struct MapNumber<float, false> {
  using Type = float;
};

struct RoundToEven {
  CORMACK_HD double operator()(double value) const {
#if defined(__CUDA_ARCH__)
    return rint(value);
#else
    return __builtin_rint(value);
#endif
  }
};

// -1 for what does not count.
template <class T>
__device__ __forceinline__ int tile_bin(T value, const LevelFormula& formula) {
  const double number = static_cast<double>(value);
  return number == number ? formula.bin(number, RoundToEven{}) : -1;
}

__device__ __forceinline__ long long sum_of_warp(long long own) {
  CORMACK_UNROLL
  for (unsigned step = 16; step > 0; step /= 2) own += __shfl_xor_sync(kFullWarp, own, step);
  return own;
}

// scikit-image's clip_histogram, as clip_counts of the CPU: the bins of a pass do not depend on each other. One warp.
__device__ __forceinline__ void clip_tile(unsigned* counts, int bins, long long limit, int lane) {
  const auto most = static_cast<unsigned>(limit);
  long long excess = 0;
  for (int i = lane; i < bins; i += 32) {
    if (counts[i] <= most) continue;
    excess += counts[i] - most;
    counts[i] = most;
  }
  excess = sum_of_warp(excess);
  const long long share = excess / bins, upper = limit - share;
  long long taken = 0, room = 0;
  for (int i = lane; i < bins; i += 32) {
    long long count = counts[i];
    if (count < upper) {
      count += share;
      taken += share;
    }
    if (count >= upper && count < limit) {
      taken += limit - count;
      count = limit;
    }
    room += count < limit;
    counts[i] = static_cast<unsigned>(count);
  }
  excess -= sum_of_warp(taken);
  room = sum_of_warp(room);
  __syncwarp();
  while (excess > 0 && room > 0) {
    for (int first = 0; first < bins && excess > 0; ++first) {
      // As 32 bits: there are no more rooms than bins, and registers would spill around a longer division.
      const long long step = room >= excess ? static_cast<unsigned>(room) / static_cast<unsigned>(excess) : 1;
      // How many were raised and, in the upper half, how many of those are full now.
      long long raised = 0;
      for (long long i = first + step * lane; i < bins; i += 32 * step) {
        if (counts[i] >= most) continue;
        raised += 1 + (static_cast<long long>(++counts[i] == most) << 32);
      }
      raised = sum_of_warp(raised);
      __syncwarp();
      excess -= raised & 0xffffffff;
      room -= raised >> 32;
      // From here on no round of this loop finds a bin.
      if (step == 1 && raised == 0) break;
    }
  }
}

// One block a tile. Shared: `copies` times `bins` counters; warps use different copies. filled: whether a voxel counts.
template <class T>
__global__ void __launch_bounds__(kTileThreads)
    adapthist_maps(const T* __restrict__ source, Layout from, const unsigned char* __restrict__ mask, Layout mask_from,
                   TileGrid grid, const int* __restrict__ tails, TileBins how, int copies,
                   typename MapNumber<T>::Type* __restrict__ maps, unsigned char* __restrict__ filled) {
  using F = typename MapNumber<T>::Type;
  CORMACK_SHARED(unsigned, counters);
  const int thread = static_cast<int>(threadIdx.x), lane = thread % 32, warp = thread / 32, bins = how.bins;
  for (int i = thread; i < copies * bins; i += kTileThreads) counters[i] = 0;
  __syncthreads();
  const long long tile = blockIdx.x;
  // Divisions of 32 bits: registers would spill around longer ones.
  const unsigned tall = static_cast<unsigned>(grid.tiles[1]), wide = static_cast<unsigned>(grid.tiles[2]);
  const unsigned tile_row = blockIdx.x / wide;
  const int place[3] = {static_cast<int>(tile_row / tall), static_cast<int>(tile_row % tall),
                        static_cast<int>(blockIdx.x % wide)};
  int begin[3], count[3];
  const int* tail[3];
  CORMACK_UNROLL
  for (int k = 0; k < 3; ++k) {
    const bool last = place[k] + 1 == grid.tiles[k];
    begin[k] = place[k] * grid.kernel[k];
    count[k] = last ? grid.tail[k] : grid.kernel[k];
    tail[k] = last ? tails + 2 * grid.tail_at[k] : nullptr;
  }
  unsigned* const own = counters + warp % copies * bins;
  const unsigned rows = static_cast<unsigned>(count[1]);
  unsigned next = static_cast<unsigned>(warp);
  for (int i = 0;; next += kTileThreads / 32) {
    i += static_cast<int>(next / rows);
    if (i >= count[0]) break;
    next %= rows;
    const int j = static_cast<int>(next);
    const int z = tail[0] ? tail[0][2 * i] : begin[0] + i, y = tail[1] ? tail[1][2 * j] : begin[1] + j;
    const int times = (tail[0] ? tail[0][2 * i + 1] : 1) * (tail[1] ? tail[1][2 * j + 1] : 1);
    // A loop of whole warps: around a division, which is a call, one of threads spills registers.
    for (int start = 0; start < count[2]; start += 32) {
      const int k = start + lane;
      if (k >= count[2]) break;
      const int x = tail[2] ? tail[2][2 * k] : begin[2] + k;
      const bool in = mask == nullptr || mask[mask_from.at(z, y, x)] != 0;
      const int bin = tile_bin(source[from.at(z, y, x)], how.formula);
      if (in && bin >= 0) atomicAdd(&own[bin], static_cast<unsigned>(times * (tail[2] ? tail[2][2 * k + 1] : 1)));
    }
  }
  __syncthreads();
  for (int i = thread; i < bins; i += kTileThreads) {
    unsigned sum = 0;
    for (int copy = 0; copy < copies; ++copy) sum += counters[copy * bins + i];
    counters[i] = sum;
  }
  __syncthreads();
  if (warp != 0) return;
  long long voxels = 0;
  for (int i = lane; i < bins; i += 32) voxels += counters[i];
  voxels = sum_of_warp(voxels);
  if (lane == 0) filled[tile] = voxels > 0;
  long long total = voxels;
  if (how.clip_limit > 0 && voxels > 0) {
    const double part = how.clip_limit * static_cast<double>(voxels);
    const auto limit = static_cast<long long>(1.0 < part ? part : 1.0);
    clip_tile(counters, bins, limit, lane);
    total = total < limit * bins ? total : limit * bins;
  }
  __syncwarp();
  F* const map = maps + tile * how.used;
  unsigned before = 0;
  for (int first = 0; first < how.used; first += 32) {
    unsigned sum = first + lane < how.used ? counters[first + lane] : 0;
    CORMACK_UNROLL
    for (unsigned step = 1; step < 32; step *= 2) {
      const unsigned below = __shfl_up_sync(kFullWarp, sum, step);
      if (lane >= static_cast<int>(step)) sum += below;
    }
    sum += before;
    before = __shfl_sync(kFullWarp, sum, 31);
    if (first + lane < how.used) counters[first + lane] = sum;
  }
  // Apart from the sums, without a branch: around a division, which is a call, registers would spill.
  for (int i = lane; i < how.used; i += 32) {
    const unsigned sum = counters[i];
    const double part = static_cast<double>(sum) / static_cast<double>(total);
    const double mapped = sum >= total ? how.high : how.low + (how.high - how.low) * part;
    map[i] = static_cast<F>(voxels > 0 ? mapped : 0.0);
  }
}

// Tiles without voxels that count take the mean of their nearest neighbours' maps. One block a tile.
template <class F>
__global__ void __launch_bounds__(128)
    adapthist_fill(TileGrid grid, int used, const unsigned char* __restrict__ filled, F* maps) {
  const long long tile = blockIdx.x;
  if (filled[tile]) return;
  const long long tile_row = tile / grid.tiles[2];
  const int z = static_cast<int>(tile_row / grid.tiles[1]), y = static_cast<int>(tile_row % grid.tiles[1]);
  const int x = static_cast<int>(tile % grid.tiles[2]);
  for (int i = static_cast<int>(threadIdx.x); i < used; i += 128) {
    for (int distance = 1, found = 0; distance <= 3 && found == 0; ++distance) {
      double sum = 0;
      for (int k = 0; k < 27; ++k) {
        const int dz = k / 9 - 1, dy = k / 3 % 3 - 1, dx = k % 3 - 1;
        if (dz * dz + dy * dy + dx * dx != distance) continue;
        const int nz = z + dz, ny = y + dy, nx = x + dx;
        if (nz < 0 || ny < 0 || nx < 0 || nz >= grid.tiles[0] || ny >= grid.tiles[1] || nx >= grid.tiles[2]) continue;
        const long long other = grid.of(nz, ny, nx);
        if (!filled[other]) continue;
        sum += static_cast<double>(maps[other * used + i]);
        ++found;
      }
      if (found) maps[tile * used + i] = static_cast<F>(sum / found);
    }
  }
}

// The tiles before and after a position along an axis, and the weight of the one after.
template <class F>
struct Between {
  int before, after;
  F weight;
};
template <class F>
__device__ __forceinline__ Between<F> between(const TileGrid& grid, int axis, int index) {
  const int kernel = grid.kernel[axis], last = grid.tiles[axis] - 1;
  if (kernel == 1) return {index, index, F{0}};
  // Below 2^32.
  const unsigned size = static_cast<unsigned>(kernel), moved = static_cast<unsigned>(index) + size / 2;
  const int cell = static_cast<int>(moved / size);
  return {cell > 0 ? cell - 1 : 0, cell < last ? cell : last,
          static_cast<F>(static_cast<double>(moved % size) / static_cast<double>(kernel))};
}

// Blocks of 32 x 8 threads; each thread keeps its x.
template <class T>
__global__ void __launch_bounds__(256)
    adapthist_apply(const T* __restrict__ source, Layout from, const unsigned char* __restrict__ mask, Layout mask_from,
                    T* __restrict__ target, Layout to, TileGrid grid, TileBins how,
                    const typename MapNumber<T>::Type* __restrict__ maps) {
  using F = typename MapNumber<T>::Type;
  const int x = static_cast<int>(blockIdx.x * 32 + threadIdx.x);
  if (x >= from.width) return;
  const Between<F> in_x = between<F>(grid, 2, x);
  for (int z = static_cast<int>(blockIdx.z); z < from.depth; z += static_cast<int>(gridDim.z))
    for (int y = static_cast<int>(blockIdx.y * 8 + threadIdx.y); y < from.height;
         y += static_cast<int>(gridDim.y * 8)) {
      const T value = source[from.at(z, y, x)];
      int bin = tile_bin(value, how.formula);
      if (mask != nullptr && mask[mask_from.at(z, y, x)] == 0) bin = -1;
      T result = value;
      if (bin >= 0) {
        const Between<F> in_y = between<F>(grid, 1, y), in_z = between<F>(grid, 0, z);
        const auto look_up = [&](int ty, int tx) {
          const F front = maps[grid.of(in_z.before, ty, tx) * how.used + bin];
          if (in_z.before == in_z.after) return front;
          const F back = maps[grid.of(in_z.after, ty, tx) * how.used + bin];
          return front + (back - front) * in_z.weight;
        };
        const F a = look_up(in_y.before, in_x.before), b = look_up(in_y.before, in_x.after);
        const F c = look_up(in_y.after, in_x.before), d = look_up(in_y.after, in_x.after);
        const F before = a + (c - a) * in_y.weight, after = b + (d - b) * in_y.weight;
        result = saturated<T>(static_cast<double>(before + (after - before) * in_x.weight));
      }
      target[to.at(z, y, x)] = result;
    }
}

}  // namespace cormack::device
