#pragma once
// What levels come as, any integers with a mask, to what kernels of textures take: the region's box in uint16, packed.
#include "features/over_rows.cuh"
#include "features/texture_box.cuh"

namespace cormack::device {

// Where an image is not zero.
template <class T>
__global__ void nonzero_mask(const T* __restrict__ source, Layout from, unsigned char* __restrict__ target) {
  over_rows(from.depth, from.height, from.width, [&](int z, int y, int x) {
    target[(static_cast<long long>(z) * from.height + y) * from.width + x] = source[from.at(z, y, x)] != T{};
  });
}

// A part of an image, without gaps.
template <class T>
__global__ void packed_box(const T* __restrict__ source, Layout from, int z_begin, int y_begin, int x_begin, int depth,
                           int height, int width, T* __restrict__ target) {
  over_rows(depth, height, width, [&](int z, int y, int x) {
    target[(static_cast<long long>(z) * height + y) * width + x] =
        source[from.at(z_begin + z, y_begin + y, x_begin + x)];
  });
}

// The largest -z, -y, -x, z, y, x of the voxels of each label: [label - first][6].
template <class T>
__global__ void label_boxes(const T* __restrict__ labels, Layout from, long long first, int count, int* boxes) {
  over_rows(from.depth, from.height, from.width, [&](int z, int y, int x) {
    const long long label = static_cast<long long>(labels[from.at(z, y, x)]) - first;
    if (label < 0 || label >= count) return;
    int* box = boxes + 6 * label;
    const int at[6] = {-z, -y, -x, z, y, x};
    // Most voxels are in the box that is known by then.
    CORMACK_UNROLL
    for (int i = 0; i < 6; ++i)
      if (at[i] > box[i]) atomicMax(box + i, at[i]);
  });
}

// The largest, in the region, of -level, level, and, there or in `region`, of -z, -y, -x, z, y, x.
template <class T>
__global__ void __launch_bounds__(256)
    level_range(const T* __restrict__ levels, Layout from, const unsigned char* __restrict__ inside,
                const unsigned char* __restrict__ region, LevelMasks masks, long long* __restrict__ result) {
  CORMACK_SHARED(long long, all);
  constexpr long long none = -(1ll << 62);
  const unsigned thread = threadIdx.y * blockDim.x + threadIdx.x;
  if (thread < 8) all[thread] = none;
  __syncthreads();
  bool any = false, found = false;
  // Filled with what any voxel exceeds; used only where there was one.
  long long lowest = 1ll << 62, highest = none;
  int first[3] = {2147483647, 2147483647, 2147483647}, last[3] = {-1, -1, -1};
  over_rows(from.depth, from.height, from.width, [&](int z, int y, int x) {
    const long long level = static_cast<long long>(levels[from.at(z, y, x)]);
    const bool in = masks.has_inside ? inside[masks.inside.at(z, y, x)] != 0 : level != 0;
    if (in) {
      found = true;
      lowest = level < lowest ? level : lowest;
      highest = level > highest ? level : highest;
    }
    if (in || (masks.has_region && region[masks.region.at(z, y, x)] != 0)) {
      any = true;
      const int at[3] = {z, y, x};
      CORMACK_UNROLL
      for (int axis = 0; axis < 3; ++axis) {
        first[axis] = at[axis] < first[axis] ? at[axis] : first[axis];
        last[axis] = at[axis] > last[axis] ? at[axis] : last[axis];
      }
    }
  });
  if (found) {
    atomicMax(all, -lowest);
    atomicMax(all + 1, highest);
  }
  if (any) {
    CORMACK_UNROLL
    for (int axis = 0; axis < 3; ++axis) {
      atomicMax(all + 2 + axis, -static_cast<long long>(first[axis]));
      atomicMax(all + 5 + axis, static_cast<long long>(last[axis]));
    }
  }
  __syncthreads();
  if (thread < 8) atomicMax(result + thread, all[thread]);
}

// A box of levels, 0 outside, and of the region that edges belong to, where there is one.
template <class T>
__global__ void __launch_bounds__(256)
    pack_levels(const T* __restrict__ levels, Layout from, const unsigned char* __restrict__ inside,
                const unsigned char* __restrict__ region, LevelMasks masks, int z_begin, int y_begin, int x_begin,
                int depth, int height, int width, unsigned short* __restrict__ target,
                unsigned char* __restrict__ packed_region) {
  over_rows(depth, height, width, [&](int dz, int dy, int dx) {
    const int z = z_begin + dz, y = y_begin + dy, x = x_begin + dx;
    const long long i = (static_cast<long long>(dz) * height + dy) * width + dx;
    const bool in = !masks.has_inside || inside[masks.inside.at(z, y, x)] != 0;
    target[i] = in ? static_cast<unsigned short>(levels[from.at(z, y, x)]) : static_cast<unsigned short>(0);
    if (masks.has_region) packed_region[i] = region[masks.region.at(z, y, x)];
  });
}

}  // namespace cormack::device
