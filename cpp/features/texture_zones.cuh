#pragma once
// Zones of one level, by union-find over voxels, and the distances of voxels to the edge of their region. The root of a
// zone is its first voxel, whatever the order of threads; sizes and distances are integers.
#include "cuda/device.cuh"
#include "features/texture_place.cuh"

namespace cormack::device {

// Neighbours that come before a voxel, numbered from the one that touches most of the others; those in the slice last.
enum : int { kBeforeInSpace = 13, kBeforeInSlice = 4 };
CORMACK_HD constexpr int before_number(int k) {
  // Digits of base 3, z, y, x, each a step plus one.
  constexpr int numbers[kBeforeInSpace] = {4, 3, 5, 1, 7, 0, 2, 6, 8, 10, 9, 11, 12};
  return numbers[k];
}
CORMACK_HD constexpr int before_step(int k, int axis) {
  const int number = before_number(k);
  return (axis == 0 ? number / 9 : axis == 1 ? number / 3 % 3 : number % 3) - 1;
}
// Neighbours of one level that touch each other are joined by themselves: of those that have the voxel's level, only
// the ones that do not touch neighbour k are left to be joined with it once k is.
CORMACK_HD constexpr unsigned apart_from(int k) {
  unsigned mask = 0;
  for (int other = 0; other < kBeforeInSpace; ++other) {
    bool touch = true;
    for (int axis = 0; axis < 3; ++axis) {
      const int step = before_step(k, axis) - before_step(other, axis);
      touch = touch && step >= -1 && step <= 1;
    }
    if (!touch) mask |= 1u << other;
  }
  return mask;
}

__device__ __forceinline__ unsigned zone_root(const unsigned* parent, unsigned i) {
  for (unsigned up = parent[i]; up != i; up = parent[i]) i = up;
  return i;
}

// A parent always comes before its children, so that this ends.
__device__ __forceinline__ void join_zones(unsigned* parent, unsigned a, unsigned b) {
  a = zone_root(parent, a);
  b = zone_root(parent, b);
  while (a != b) {
    if (a < b) {
      const unsigned least = a;
      a = b;
      b = least;
    }
    const unsigned before = atomicMin(parent + a, b);
    if (before == a) return;
    // Someone else was faster: what a hung below meanwhile belongs to b, too.
    a = zone_root(parent, before);
    b = zone_root(parent, b);
  }
}

__global__ void __launch_bounds__(256)
    zone_start(const TextureBox* __restrict__ boxes, const TexturePart* __restrict__ parts, int chunk,
               unsigned* __restrict__ parent, unsigned* __restrict__ size, unsigned* __restrict__ nearest) {
  const TexturePart part = parts[blockIdx.x];
  const TextureBox box = boxes[part.box];
  const long long stop = part.first + chunk < box.size() ? part.first + chunk : box.size();
  for (long long i = part.first + threadIdx.x; i < stop; i += blockDim.x) {
    parent[box.at + i] = static_cast<unsigned>(i);
    size[box.at + i] = 0;
    nearest[box.at + i] = 0xffffffffu;
  }
}

template <bool in_space>
__global__ void __launch_bounds__(256)
    zone_join(const unsigned short* __restrict__ levels, const TextureBox* __restrict__ boxes,
              const TexturePart* __restrict__ parts, int chunk, unsigned* parent) {
  constexpr int first = in_space ? 0 : kBeforeInSpace - kBeforeInSlice;
  const TexturePart part = parts[blockIdx.x];
  const TextureBox box = boxes[part.box];
  const unsigned short* own = levels + box.at;
  const long long stop = part.first + chunk < box.size() ? part.first + chunk : box.size();
  for (long long i = part.first + threadIdx.x; i < stop; i += blockDim.x) {
    const int level = own[i];
    if (level == 0) continue;
    const Place at = place_of(box, i);
    unsigned same = 0;
    CORMACK_UNROLL
    for (int k = first; k < kBeforeInSpace; ++k) {
      const int other =
          level_at(own, box, at.z + before_step(k, 0), at.y + before_step(k, 1), at.x + before_step(k, 2));
      same |= static_cast<unsigned>(other == level) << k;
    }
    CORMACK_UNROLL
    for (int k = first; k < kBeforeInSpace; ++k) {
      if ((same >> k & 1) == 0) continue;
      const long long step =
          (static_cast<long long>(before_step(k, 0)) * box.height + before_step(k, 1)) * box.width + before_step(k, 2);
      join_zones(parent + box.at, static_cast<unsigned>(i), static_cast<unsigned>(i + step));
      same &= apart_from(k);
    }
  }
}

// Sizes of zones, and their least distance, at their roots. Threads of a warp in one zone go as one.
template <bool with_distances>
__global__ void __launch_bounds__(256)
    zone_measure(const unsigned short* __restrict__ levels, const unsigned short* __restrict__ distances,
                 const TextureBox* __restrict__ boxes, const TexturePart* __restrict__ parts, int chunk,
                 const unsigned* __restrict__ parent, unsigned* __restrict__ size, unsigned* nearest) {
  const TexturePart part = parts[blockIdx.x];
  const TextureBox box = boxes[part.box];
  const unsigned lane = threadIdx.x & 31u;
  const long long stop = part.first + chunk < box.size() ? part.first + chunk : box.size();
  for (long long base = part.first; base < stop; base += blockDim.x) {
    const long long i = base + threadIdx.x;
    const bool inside = i < stop && levels[box.at + i] != 0;
    const unsigned root = inside ? zone_root(parent + box.at, static_cast<unsigned>(i)) : 0xffffffffu;
    const unsigned alike = __match_any_sync(kFullWarp, root);
    if (!inside) continue;
    if ((alike & ((1u << lane) - 1)) == 0) atomicAdd(size + box.at + root, static_cast<unsigned>(__popc(alike)));
    if constexpr (with_distances) {
      const unsigned here = distances[box.at + i];
      if (here < nearest[box.at + root]) atomicMin(nearest + box.at + root, here);
    }
  }
}

// How many zones have each level and size, [level][size] with a list (box, level, size) of the large ones, and each
// level and distance, [level][distance - 1].
template <bool with_distances>
__global__ void __launch_bounds__(256)
    zone_count(const unsigned short* __restrict__ levels, const TextureBox* __restrict__ boxes,
               const TexturePart* __restrict__ parts, int chunk, bool in_space, const unsigned* __restrict__ parent,
               const unsigned* __restrict__ size, const unsigned* __restrict__ nearest, unsigned* __restrict__ sizes,
               unsigned* __restrict__ distances, unsigned* __restrict__ large) {
  const TexturePart part = parts[blockIdx.x];
  const TextureBox box = boxes[part.box];
  const int deepest = box.deepest(in_space);
  const long long stop = part.first + chunk < box.size() ? part.first + chunk : box.size();
  for (long long i = part.first + threadIdx.x; i < stop; i += blockDim.x) {
    const long long at = box.at + i;
    const int level = levels[at];
    if (level == 0 || parent[at] != static_cast<unsigned>(i)) continue;
    if (size[at] < kSmallZone) {
      atomicAdd(sizes + box.cells + static_cast<long long>(level - 1) * kSmallZone + size[at], 1u);
    } else {
      // The list begins with its length.
      unsigned* entry = large + 1 + 3ll * atomicAdd(large, 1u);
      entry[0] = static_cast<unsigned>(part.box);
      entry[1] = static_cast<unsigned>(level);
      entry[2] = size[at];
    }
    if constexpr (with_distances)
      atomicAdd(distances + box.others + static_cast<long long>(level - 1) * deepest + nearest[at] - 1, 1u);
  }
}

// City-block distances to outside of the region or of its box, one axis after the other: along x (axis 2), from whether
// a voxel lies inside of `region` or has a level, then y and z. A thread goes along a line, there and back.
template <int axis>
__global__ void __launch_bounds__(256)
    edge_distances(const unsigned short* __restrict__ levels, const unsigned char* __restrict__ region, bool has_region,
                   const TextureBox* __restrict__ boxes, const TexturePart* __restrict__ parts, int chunk,
                   unsigned short* __restrict__ distances) {
  const TexturePart part = parts[blockIdx.x];
  const TextureBox box = boxes[part.box];
  const int length = axis == 0 ? box.depth : axis == 1 ? box.height : box.width;
  const long long slice = static_cast<long long>(box.height) * box.width;
  const long long step = axis == 0 ? slice : axis == 1 ? box.width : 1;
  const long long lines = box.size() / length;
  const long long stop = part.first + chunk < lines ? part.first + chunk : lines;
  for (long long i = part.first + threadIdx.x; i < stop; i += blockDim.x) {
    const long long first = box.at + (axis == 0   ? i
                                      : axis == 1 ? i / box.width * slice + i % box.width
                                                  : i * box.width);
    unsigned last = 0;
    for (int k = 0; k < length; ++k) {
      const long long at = first + k * step;
      if constexpr (axis == 2) {
        const bool inside = levels[at] != 0 || (has_region && region[at] != 0);
        last = inside ? last + 1 : 0;
      } else {
        const unsigned own = distances[at];
        last = own < last + 1 ? own : last + 1;
      }
      distances[at] = static_cast<unsigned short>(last);
    }
    last = 0;
    for (int k = length - 1; k >= 0; --k) {
      const long long at = first + k * step;
      const unsigned own = distances[at];
      last = own < last + 1 ? own : last + 1;
      distances[at] = static_cast<unsigned short>(last);
    }
  }
}

}  // namespace cormack::device
