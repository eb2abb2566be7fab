#pragma once
// Medians of 5 x 5, 7 x 7 and 5 x 5 x 5 voxels through compare-exchange networks. Blocks of 32 x 8 threads sort the
// columns of their planes, N voxels along y, once in shared memory for all windows that hold them.
#include "core/border.hpp"
#include "cuda/device.cuh"
#include "filters/keys.hpp"
#include "filters/median_network.hpp"

namespace cormack::device {

// What registers hold of a key.
template <class K>
struct Wide {
  using Type = int;
};
template <>
struct Wide<unsigned> {
  using Type = unsigned;
};
template <>
struct Wide<long long> {
  using Type = long long;
};

// Sorted columns of a tile, for `slots` planes at a time..
template <class T, int N>
class SortedColumns {
 public:
  using K = typename Key<T>::Type;
  using W = typename Wide<K>::Type;
  static constexpr int kWidth = 32, kHeight = 8, kColumns = kWidth + N - 1;

  __device__ __forceinline__ SortedColumns(K* shared, const T* __restrict__ source, const Layout& from,
                                           const Window& window, K outside)
      : shared_(shared), source_(source), from_(from), window_(window), outside_(outside) {}

  // To be followed by __syncthreads().
  __device__ __forceinline__ void load(int slot, long long z) const {
    const long long plane = border_index(z, from_.depth, window_.border);
    const int left = static_cast<int>(blockIdx.x) * kWidth + window_.first[2];
    const int top = static_cast<int>(blockIdx.y) * kHeight + window_.first[1];
    for (int e = static_cast<int>(threadIdx.y * kWidth + threadIdx.x); e < kHeight * kColumns; e += kWidth * kHeight) {
      const int row = e / kColumns, column = e % kColumns;
      const long long x = border_index(static_cast<long long>(left) + column, from_.width, window_.border);
      W values[N];
      CORMACK_UNROLL
      for (int k = 0; k < N; ++k) {
        const long long y = border_index(static_cast<long long>(top) + row + k, from_.height, window_.border);
        const bool inside = plane >= 0 && y >= 0 && x >= 0;
        values[k] = inside ? Key<T>::of(source_[from_.at(plane, y, x)]) : outside_;
      }
      network::sort<N>(values);
      CORMACK_UNROLL
      for (int k = 0; k < N; ++k) at(slot, k, row, column) = static_cast<K>(values[k]);
    }
  }
  __device__ __forceinline__ void column(int slot, int i, W* values) const {
    CORMACK_UNROLL
    for (int k = 0; k < N; ++k)
      values[k] = at(slot, k, static_cast<int>(threadIdx.y), static_cast<int>(threadIdx.x) + i);
  }
  // Columns i and i + 1, sorted.
  __device__ __forceinline__ void pair(int slot, int i, W* values) const {
    W a[N], b[N];
    column(slot, i, a);
    column(slot, i + 1, b);
    network::merge<N, 1, N, 1>(a, b, values);
  }

 private:
  __device__ __forceinline__ K& at(int slot, int k, int row, int column) const {
    return shared_[((slot * N + k) * kHeight + row) * kColumns + column];
  }
  K* shared_;
  const T* source_;
  const Layout& from_;
  const Window& window_;
  K outside_;
};

// The 25 values of a plane of a window, sorted.
template <class Columns>
__device__ __forceinline__ void sorted_plane_of_5(const Columns& columns, int slot, typename Columns::W* sorted) {
  typename Columns::W two[10], four[20], last[5];
  {
    typename Columns::W more[10];
    columns.pair(slot, 0, two);
    columns.pair(slot, 2, more);
    network::merge<10, 1, 10, 1>(two, more, four);
  }
  columns.column(slot, 4, last);
  network::merge<20, 1, 5, 1>(four, last, sorted);
}

// Flat windows: N is 5 or 7.
template <class T, int N>
__global__ void __launch_bounds__(256, 1)
    median_flat(const T* __restrict__ source, Layout from, T* __restrict__ target, Layout to, Window window, T cval) {
  using Columns = SortedColumns<T, N>;
  using K = typename Columns::K;
  using W = typename Columns::W;
  CORMACK_SHARED(K, shared);
  const Columns columns(shared, source, from, window, Key<T>::of(cval));
  const int x = static_cast<int>(blockIdx.x * 32 + threadIdx.x), y = static_cast<int>(blockIdx.y * 8 + threadIdx.y);
  for (int z = static_cast<int>(blockIdx.z); z < from.depth; z += static_cast<int>(gridDim.z)) {
    columns.load(0, z);
    __syncthreads();
    W median;
    if constexpr (N == 5) {
      W two[10], more[10], last[5], four[20];
      columns.pair(0, 0, two);
      columns.pair(0, 2, more);
      network::merge<10, 1, 10, 1>(two, more, four);
      columns.column(0, 4, last);
      constexpr int low = network::lowest(25, 20), high = network::highest(25, 20);
      median = network::select<high - low + 1, 5, 12 - low>(four + low, last);
    } else {
      // Of 28 of the 49 values, ranks 3 to 24 can be the median.
      W a[14], b[14], four[28], c[14], last[7], three[21];
      columns.pair(0, 0, a);
      columns.pair(0, 2, b);
      network::merge<14, 1, 14, 1>(a, b, four);
      columns.pair(0, 4, c);
      columns.column(0, 6, last);
      network::merge<14, 1, 7, 1>(c, last, three);
      constexpr int low = network::lowest(49, 28), high = network::highest(49, 28);
      median = network::select<high - low + 1, 21, 24 - low>(four + low, three);
    }
    if (x < from.width && y < from.height) target[to.at(z, y, x)] = Key<T>::value(static_cast<K>(median));
    __syncthreads();
  }
}

// A block marches `steps` voxels, an even number, along z, two at a time: four of the five planes serve both. Of their
// union, only ranks 37 to 62 can be a median. Columns of six planes are kept.
template <class T>
__global__ void __launch_bounds__(256, 1)
    median_5x5x5(const T* __restrict__ source, Layout from, T* __restrict__ target, Layout to, Window window, T cval,
                 int steps) {
  using Columns = SortedColumns<T, 5>;
  using K = typename Columns::K;
  using W = typename Columns::W;
  constexpr int low = network::lowest(125, 100), count = network::highest(125, 100) - low + 1;
  static_assert(low == 37 && count == 26);
  CORMACK_SHARED(K, shared);
  const Columns columns(shared, source, from, window, Key<T>::of(cval));
  const int x = static_cast<int>(blockIdx.x * 32 + threadIdx.x), y = static_cast<int>(blockIdx.y * 8 + threadIdx.y);
  const bool inside = x < from.width && y < from.height;
  const int begin = static_cast<int>(blockIdx.z) * steps;
  const int end = from.depth - begin < steps ? from.depth : begin + steps;
  const long long first = static_cast<long long>(begin) + window.first[0];
  for (int plane = 0; plane < 4; ++plane) columns.load(plane, first + plane);
  __syncthreads();
  W before[50];
  const auto two_planes = [&](int slot, int next, W* both) {
    W a[25], b[25];
    sorted_plane_of_5(columns, slot, a);
    sorted_plane_of_5(columns, next, b);
    network::merge<25, 1, 25, 1>(a, b, both);
  };
  two_planes(1, 2, before);
  // Slots of the window's planes 0 and 2; the next one lies behind each.
  int lowest = 0;
  for (int z = begin; z < end; z += 2) {
    const int upper = lowest < 2 ? lowest + 4 : lowest - 2, behind = lowest < 4 ? lowest + 2 : lowest - 4;
    columns.load(upper, first + (z - begin) + 4);
    columns.load(upper + 1, first + (z - begin) + 5);
    __syncthreads();
    W after[50], middle[count];
    two_planes(behind + 1, upper, after);
    {
      W all[100];
      network::merge<50, 1, 50, 1>(before, after, all);
      CORMACK_UNROLL
      for (int i = 0; i < count; ++i) middle[i] = all[i + low];
    }
    W rest[25];
    sorted_plane_of_5(columns, lowest, rest);
    if (inside)
      target[to.at(z, y, x)] = Key<T>::value(static_cast<K>(network::select<count, 25, 62 - low>(middle, rest)));
    sorted_plane_of_5(columns, upper + 1, rest);
    if (inside && z + 1 < end)
      target[to.at(z + 1, y, x)] = Key<T>::value(static_cast<K>(network::select<count, 25, 62 - low>(middle, rest)));
    CORMACK_UNROLL
    for (int i = 0; i < 50; ++i) before[i] = after[i];
    lowest = behind;
    __syncthreads();
  }
}

}  // namespace cormack::device
