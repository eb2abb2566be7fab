#pragma once
// The value of a rank in a box or a footprint, for any dtype: the bits of its key one after the other, from the highest
// one that differs within the window, each by counting who lies below. A block keeps the keys of its tile, and of the
// rim and the planes of the window, in shared memory; beyond what that holds, keys are read through the caches. As many
// reads of the window per voxel as its keys have different bits, and one.
#include "cuda/device.cuh"
#include "filters/keys.hpp"
#include "filters/rank_window.hpp"

namespace cormack::device {

// Keys as unsigned numbers of the same order.
template <class K>
struct Ordered {
  using Type = unsigned;
  static __device__ __forceinline__ unsigned of(K key) {
    return static_cast<K>(-1) < K(0) ? static_cast<unsigned>(static_cast<int>(key)) ^ 0x80000000u
                                     : static_cast<unsigned>(key);
  }
  static __device__ __forceinline__ K key(unsigned value) {
    return static_cast<K>(static_cast<K>(-1) < K(0) ? value ^ 0x80000000u : value);
  }
};
template <>
struct Ordered<long long> {
  using Type = unsigned long long;
  static __device__ __forceinline__ unsigned long long of(long long key) {
    return static_cast<unsigned long long>(key) ^ 0x8000000000000000ull;
  }
  static __device__ __forceinline__ long long key(unsigned long long value) {
    return static_cast<long long>(value ^ 0x8000000000000000ull);
  }
};

template <class T, bool footprint>
__device__ __forceinline__ void select_rank(const T* __restrict__ source, const Layout& from, T* __restrict__ target,
                                            const Layout& to, const RankBox& box, typename Key<T>::Type outside,
                                            const WindowRun* __restrict__ runs) {
  using K = typename Key<T>::Type;
  using Order = Ordered<K>;
  using U = typename Order::Type;
  CORMACK_SHARED(K, planes);
  const int left = static_cast<int>(blockIdx.x) * 32, top = static_cast<int>(blockIdx.y) * 8;
  const int column = static_cast<int>(threadIdx.x), line = static_cast<int>(threadIdx.y);
  const int cols = 32 + box.size[2] - 1, rows = 8 + box.size[1] - 1;
  const int begin = static_cast<int>(blockIdx.z) * box.steps;
  const int end = from.depth - begin < box.steps ? from.depth : begin + box.steps;
  const auto key_at = [&](long long z, long long y, long long x) {
    const long long at_z = border_index(z, from.depth, box.border), at_y = border_index(y, from.height, box.border),
                    at_x = border_index(x, from.width, box.border);
    return at_z < 0 || at_y < 0 || at_x < 0 ? outside : Key<T>::of(source[from.at(at_z, at_y, at_x)]);
  };
  const auto load_plane = [&](int z) {
    // Planes take turns; the first one of all is at z = begin + first.
    K* const plane = planes + static_cast<long long>((z - begin - box.first[0]) % box.size[0]) * rows * cols;
    for (int e = line * 32 + column; e < rows * cols; e += 256)
      plane[e] = key_at(z, static_cast<long long>(top) + box.first[1] + e / cols,
                        static_cast<long long>(left) + box.first[2] + e % cols);
  };
  if (box.in_shared)
    for (int k = 0; k + 1 < box.size[0]; ++k) load_plane(begin + box.first[0] + k);
  for (int z = begin; z < end; ++z) {
    if (box.in_shared) load_plane(z + box.first[0] + box.size[0] - 1);
    __syncthreads();
    if (left + column < from.width && top + line < from.height) {
      const auto over_window = [&](auto look) {
        if constexpr (footprint) {
          for (int r = 0; r < box.runs; ++r) {
            const WindowRun run = runs[r];
            const int plane = (z - begin + run.z) % box.size[0];
            const K* const row = planes + static_cast<long long>(plane * rows + line + run.y) * cols + column + run.x;
            for (int i = 0; i < run.count; ++i)
              look(Order::of(box.in_shared ? row[i]
                                           : key_at(static_cast<long long>(z) + box.first[0] + run.z,
                                                    static_cast<long long>(top) + line + box.first[1] + run.y,
                                                    static_cast<long long>(left) + column + box.first[2] + run.x + i)));
          }
        } else {
          for (int k = 0; k < box.size[0]; ++k)
            for (int j = 0; j < box.size[1]; ++j) {
              const K* const row = planes + static_cast<long long>(k * rows + line + j) * cols + column;
              for (int i = 0; i < box.size[2]; ++i)
                look(Order::of(box.in_shared ? row[i]
                                             : key_at(static_cast<long long>(z) + box.first[0] + k,
                                                      static_cast<long long>(top) + line + box.first[1] + j,
                                                      static_cast<long long>(left) + column + box.first[2] + i)));
            }
        }
      };
      U all = ~U(0), any = 0;
      over_window([&](U value) {
        all &= value;
        any |= value;
      });
      // The bits above the highest that differs are those of every value.
      U differs = all ^ any, bit = 0;
      while (differs) {
        bit = differs & (~differs + 1);
        differs ^= bit;
      }
      U found = bit ? any & ~(bit | (bit - 1)) : any;
      if (footprint && box.extreme) {
        found = box.extreme < 0 ? ~U(0) : U(0);
        over_window([&](U value) { found = (value < found) == (box.extreme < 0) ? value : found; });
        bit = 0;
      }
      for (; bit; bit >>= 1) {
        const U candidate = found | bit;
        int below = 0;
        over_window([&](U value) { below += value < candidate; });
        if (below <= box.rank) found = candidate;
      }
      target[to.at(z, top + line, left + column)] = Key<T>::value(Order::key(found));
    }
    __syncthreads();
  }
}

// Blocks of 32 x 8 threads; `steps` planes each.
template <class T>
__global__ void __launch_bounds__(256, 3) rank_select(const T* __restrict__ source, Layout from, T* __restrict__ target,
                                                      Layout to, RankBox box, typename Key<T>::Type outside) {
  select_rank<T, false>(source, from, target, to, box, outside, nullptr);
}
template <class T>
__global__ void __launch_bounds__(256, 3)
    rank_of_places(const T* __restrict__ source, Layout from, T* __restrict__ target, Layout to, RankBox box,
                   typename Key<T>::Type outside, const WindowRun* __restrict__ runs) {
  select_rank<T, true>(source, from, target, to, box, outside, runs);
}

}  // namespace cormack::device
