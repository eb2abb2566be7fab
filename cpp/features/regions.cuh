#pragma once
// Many regions of interest in one launch, from an image and a mask to numbers: a block takes a part of one region.
// Intensities are packed as float64, which holds those of every dtype. Counts are integer atomics; sums go in a fixed
// order, of each thread's voxels and then of a block's threads, and the host adds those of blocks. Kernels look at
// their region's box where it lies: copies of it would spill registers.
#include "features/intensities.cuh"
#include "features/region_boxes.cuh"
#include "filters/affine_transform.cuh"

// A loop that would spill if it were unrolled.
#if defined(CORMACK_SHIM)
#define CORMACK_ROLLED
#else
#define CORMACK_ROLLED _Pragma("unroll 1")
#endif

namespace cormack::device {

struct RegionVoxel {
  int z, y, x;
};
__device__ __forceinline__ RegionVoxel voxel_of(const int* extent, long long i) {
  const unsigned number = static_cast<unsigned>(i), width = static_cast<unsigned>(extent[2]);
  const unsigned row = number / width, height = static_cast<unsigned>(extent[1]);
  return {static_cast<int>(row / height), static_cast<int>(row % height), static_cast<int>(number % width)};
}

// Calls f(i, z, y, x) for the voxels of this thread: those of the surroundings, or of the box.
template <class F>
__device__ __forceinline__ void over_part(const int* extent, const TexturePart& part, int chunk, const F& f) {
  const long long size = static_cast<long long>(extent[0]) * extent[1] * extent[2];
  const long long stop = part.first + chunk < size ? part.first + chunk : size;
  for (long long i = part.first + threadIdx.x; i < stop; i += blockDim.x) {
    const RegionVoxel at = voxel_of(extent, i);
    f(i, at.z, at.y, at.x);
  }
}
// Calls f(value, z, y, x) for those inside.
template <class F>
__device__ __forceinline__ void over_inside(const RegionBox& box, const TexturePart& part, int chunk,
                                            const double* __restrict__ values, const unsigned char* __restrict__ inside,
                                            const F& f) {
  over_part(box.extent, part, chunk, [&](long long i, int z, int y, int x) {
    if (inside[box.mask + i] != 0) f(values[box.value_at(z, y, x)], z, y, x);
  });
}

template <class T>
__global__ void __launch_bounds__(256)
    region_values(const T* __restrict__ image, Layout from, const RegionBox* __restrict__ boxes,
                  const TexturePart* __restrict__ parts, int chunk, bool rounds, double* __restrict__ values) {
  const TexturePart part = parts[blockIdx.x];
  const RegionBox& box = boxes[part.box];
  over_part(box.around, part, chunk, [&](long long i, int z, int y, int x) {
    const double value = static_cast<double>(image[from.at(box.source[0] + z, box.source[1] + y, box.source[2] + x)]);
    values[box.values + i] = rounds ? rounded(value) : value;
  });
}

template <class L>
__global__ void __launch_bounds__(256)
    region_mask(const L* __restrict__ labels, Layout from, const RegionBox* __restrict__ boxes,
                const TexturePart* __restrict__ parts, int chunk, bool any, unsigned char* __restrict__ inside) {
  const TexturePart part = parts[blockIdx.x];
  const RegionBox& box = boxes[part.box];
  over_part(box.extent, part, chunk, [&](long long i, int z, int y, int x) {
    const auto label = static_cast<long long>(labels[from.at(
        box.source[0] + box.begin[0] + z, box.source[1] + box.begin[1] + y, box.source[2] + box.begin[2] + x)]);
    inside[box.mask + i] = any ? label != 0 : label == box.label;
  });
}

// What get(z, y, x) interpolates to at a node of a region's surroundings, along z, then y, then x as the CPU does.
template <class Get>
__device__ __forceinline__ double at_node(const RegionBox& box, const int* __restrict__ voxels,
                                          const double* __restrict__ fractions, bool linear, int z, int y, int x,
                                          const Get& get) {
  const long long nodes[3] = {box.nodes + z, box.nodes + box.around[0] + y,
                              box.nodes + box.around[0] + box.around[1] + x};
  int at[3];
  double part[3];
  CORMACK_UNROLL
  for (int axis = 0; axis < 3; ++axis) {
    at[axis] = voxels[nodes[axis]];
    part[axis] = linear ? fractions[nodes[axis]] : 0.0;
  }
  if (!linear) return get(at[0], at[1], at[2]);
  double along_x[2];
  CORMACK_UNROLL
  for (int i = 0; i < 2; ++i) {
    double along_y[2];
    CORMACK_UNROLL
    for (int j = 0; j < 2; ++j) {
      // A voxel without weight may lie behind the image's last one.
      const int row = at[1] + (part[1] > 0.0 ? j : 0), column = at[2] + (part[2] > 0.0 ? i : 0);
      along_y[j] = between<double>(get(at[0], row, column), get(at[0] + (part[0] > 0.0 ? 1 : 0), row, column), part[0]);
    }
    along_x[i] = between<double>(along_y[0], along_y[1], part[1]);
  }
  return between<double>(along_x[0], along_x[1], part[2]);
}

template <class T>
__global__ void __launch_bounds__(256)
    region_nodes(const T* __restrict__ image, Layout from, const RegionBox* __restrict__ boxes,
                 const TexturePart* __restrict__ parts, int chunk, const int* __restrict__ voxels,
                 const double* __restrict__ fractions, bool linear, bool single, bool rounds,
                 double* __restrict__ values) {
  const TexturePart part = parts[blockIdx.x];
  const RegionBox& box = boxes[part.box];
  over_part(box.around, part, chunk, [&](long long i, int z, int y, int x) {
    double value = at_node(box, voxels, fractions, linear, z, y, x,
                           [&](int k, int j, int h) { return static_cast<double>(image[from.at(k, j, h)]); });
    if (single) value = static_cast<double>(static_cast<float>(value));
    values[box.values + i] = rounds ? rounded(value) : value;
  });
}

template <class L>
__global__ void __launch_bounds__(256)
    region_mask_nodes(const L* __restrict__ labels, Layout from, const RegionBox* __restrict__ boxes,
                      const TexturePart* __restrict__ parts, int chunk, const int* __restrict__ voxels,
                      const double* __restrict__ fractions, bool linear, double threshold, bool any,
                      unsigned char* __restrict__ inside) {
  const TexturePart part = parts[blockIdx.x];
  const RegionBox& box = boxes[part.box];
  over_part(box.around, part, chunk, [&](long long i, int z, int y, int x) {
    const double value = at_node(box, voxels, fractions, linear, z, y, x, [&](int k, int j, int h) {
      const auto label = static_cast<long long>(labels[from.at(k, j, h)]);
      return (any ? label != 0 : label == box.label) ? 1.0 : 0.0;
    });
    inside[box.values + i] = value >= threshold;
  });
}

// The largest -z, -y, -x, z, y, x of voxels inside, of masks as large as the surroundings: [region][6].
template <int>
__global__ void __launch_bounds__(256)
    region_bounds(const unsigned char* __restrict__ inside, const RegionBox* __restrict__ boxes,
                  const TexturePart* __restrict__ parts, int chunk, int* bounds) {
  const TexturePart part = parts[blockIdx.x];
  const RegionBox& box = boxes[part.box];
  int* const own = bounds + 6ll * part.box;
  over_part(box.around, part, chunk, [&](long long i, int z, int y, int x) {
    if (inside[box.values + i] == 0) return;
    const int at[6] = {-z, -y, -x, z, y, x};
    CORMACK_UNROLL
    for (int k = 0; k < 6; ++k)
      if (at[k] > own[k]) atomicMax(own + k, at[k]);
  });
}

// The box of such a mask.
template <int>
__global__ void __launch_bounds__(256)
    region_crop(const unsigned char* __restrict__ wide, const RegionBox* __restrict__ boxes,
                const TexturePart* __restrict__ parts, int chunk, unsigned char* __restrict__ inside) {
  const TexturePart part = parts[blockIdx.x];
  const RegionBox& box = boxes[part.box];
  over_part(box.extent, part, chunk,
            [&](long long i, int z, int y, int x) { inside[box.mask + i] = wide[box.value_at(z, y, x)]; });
}

// [part][9]: the smallest, the largest, NaN and infinities, voxels, those that are no integers, the sum, and the sums
// of z, y and x times the value.
template <int>
__global__ void __launch_bounds__(256)
    region_sums(const double* __restrict__ values, const unsigned char* __restrict__ inside,
                const RegionBox* __restrict__ boxes, const TexturePart* __restrict__ parts, int chunk,
                double* __restrict__ result) {
  CORMACK_SHARED(double, shared);
  const TexturePart part = parts[blockIdx.x];
  const RegionBox& box = boxes[part.box];
  double low = 1.7976931348623157e308, high = -low, sums[kRegionSums - 2] = {};
  over_inside(box, part, chunk, values, inside, [&](double value, int z, int y, int x) {
    low = value < low ? value : low;
    high = value > high ? value : high;
    // The difference is NaN for an infinity too.
    sums[0] += value - value == 0 ? 0 : 1;
    sums[1] += 1;
    sums[2] += rounded(value) == value ? 0 : 1;
    sums[3] += value;
    sums[4] += value * z;
    sums[5] += value * y;
    sums[6] += value * x;
  });
  double* const own = result + static_cast<long long>(kRegionSums) * blockIdx.x;
  joined(shared, low, [](double a, double b) { return b < a ? b : a; }, own);
  joined(shared, high, [](double a, double b) { return b > a ? b : a; }, own + 1);
  CORMACK_UNROLL
  for (int i = 0; i < kRegionSums - 2; ++i)
    joined(shared, sums[i], [](double a, double b) { return a + b; }, own + 2 + i);
}

template <int>
__global__ void __launch_bounds__(256)
    region_kept(const double* __restrict__ values, const unsigned char* __restrict__ inside,
                const RegionBox* __restrict__ boxes, const TexturePart* __restrict__ parts, int chunk,
                const RegionLimits* __restrict__ limits, unsigned char* __restrict__ kept) {
  const TexturePart part = parts[blockIdx.x];
  const RegionBox& box = boxes[part.box];
  const RegionLimits own = limits[part.box];
  over_part(box.extent, part, chunk, [&](long long i, int z, int y, int x) {
    const double value = values[box.value_at(z, y, x)];
    kept[box.mask + i] =
        inside[box.mask + i] != 0 && value >= own.low && value <= own.high && value >= own.least && value <= own.most;
  });
}

// Grey levels, 0 outside. A thread takes one voxel, the block's chunk: what a loop keeps in registers would spill at
// the division.
template <int>
__global__ void __launch_bounds__(256)
    region_levels(const double* __restrict__ values, const unsigned char* __restrict__ inside,
                  const RegionBox* __restrict__ boxes, const TexturePart* __restrict__ parts,
                  const LevelOf* __restrict__ rules, unsigned short* __restrict__ levels) {
  const TexturePart part = parts[blockIdx.x];
  const RegionBox& box = boxes[part.box];
  const long long i = part.first + threadIdx.x;
  if (i >= box.size()) return;
  const long long place = box.mask + i;
  if (inside[place] == 0) {
    levels[place] = 0;
    return;
  }
  const RegionVoxel at = voxel_of(box.extent, i);
  levels[place] = static_cast<unsigned short>(rules[part.box](values[box.value_at(at.z, at.y, at.x)]));
}

// How many voxels have each level.
template <bool in_shared>
__global__ void __launch_bounds__(256)
    region_counts(const double* __restrict__ values, const unsigned char* __restrict__ inside,
                  const RegionBox* __restrict__ boxes, const TexturePart* __restrict__ parts, int chunk,
                  const LevelOf* __restrict__ rules, const RegionCounts* __restrict__ places,
                  unsigned* __restrict__ counts) {
  CORMACK_SHARED(unsigned, tally);
  const TexturePart part = parts[blockIdx.x];
  const RegionBox& box = boxes[part.box];
  const LevelOf level = rules[part.box];
  const RegionCounts place = places[part.box];
  if constexpr (in_shared) {
    for (int i = static_cast<int>(threadIdx.x); i < place.size; i += static_cast<int>(blockDim.x)) tally[i] = 0;
    __syncthreads();
  }
  over_inside(box, part, chunk, values, inside, [&](double value, int, int, int) {
    const int at = level(value) - 1;
    if constexpr (in_shared) atomicAdd(tally + at, 1u);
    else atomicAdd(counts + place.at + at, 1u);
  });
  if constexpr (in_shared) {
    __syncthreads();
    for (int i = static_cast<int>(threadIdx.x); i < place.size; i += static_cast<int>(blockDim.x))
      if (tally[i] != 0) atomicAdd(counts + place.at + i, tally[i]);
  }
}

// [part][7]: as intensity_moments.
template <int>
__global__ void __launch_bounds__(256)
    region_moments(const double* __restrict__ values, const unsigned char* __restrict__ inside,
                   const RegionBox* __restrict__ boxes, const TexturePart* __restrict__ parts, int chunk,
                   const RegionCenter* __restrict__ centers, double* __restrict__ result) {
  CORMACK_SHARED(double, shared);
  const TexturePart part = parts[blockIdx.x];
  const RegionBox& box = boxes[part.box];
  const RegionCenter& center = centers[part.box];
  double sums[kRegionMoments] = {};
  over_inside(box, part, chunk, values, inside, [&](double value, int, int, int) {
    const double d = value - center.mean, square = d * d, from_median = value - center.median;
    sums[0] += square;
    sums[1] += square * d;
    sums[2] += square * square;
    sums[3] += d < 0 ? -d : d;
    sums[4] += from_median < 0 ? -from_median : from_median;
    const bool between_limits = value >= center.low && value <= center.high;
    sums[5] += between_limits ? 1.0 : 0.0;
    sums[6] += between_limits ? d : 0.0;
  });
  CORMACK_UNROLL
  for (int i = 0; i < kRegionMoments; ++i)
    joined(
        shared, sums[i], [](double a, double b) { return a + b; },
        result + static_cast<long long>(kRegionMoments) * blockIdx.x + i);
}

// [part][2]: of the magnitudes of differences from the mean of a center, between its limits, and of squares of all
// values.
template <int>
__global__ void __launch_bounds__(256)
    region_deviation(const double* __restrict__ values, const unsigned char* __restrict__ inside,
                     const RegionBox* __restrict__ boxes, const TexturePart* __restrict__ parts, int chunk,
                     const RegionCenter* __restrict__ centers, double* __restrict__ result) {
  CORMACK_SHARED(double, shared);
  const TexturePart part = parts[blockIdx.x];
  const RegionBox& box = boxes[part.box];
  const RegionCenter center = centers[part.box];
  double sum = 0, squares = 0;
  over_inside(box, part, chunk, values, inside, [&](double value, int, int, int) {
    const double d = value - center.mean;
    sum += value >= center.low && value <= center.high ? (d < 0 ? -d : d) : 0.0;
    squares += value * value;
  });
  const auto add = [](double a, double b) { return a + b; };
  joined(shared, sum, add, result + 2ll * blockIdx.x);
  joined(shared, squares, add, result + 2ll * blockIdx.x + 1);
}

template <int>
__global__ void region_copied(const unsigned* __restrict__ wanted, int count, unsigned* __restrict__ ranks) {
  const long long i = thread_number();
  if (i < count) ranks[i] = wanted[i];
}

// A digit of the values of some ranks, from the highest: how many values begin as the one of a rank does so far, and
// have each digit next. [region][rank][digit].
template <int>
__global__ void __launch_bounds__(256)
    region_digits(const double* __restrict__ values, const unsigned char* __restrict__ inside,
                  const RegionBox* __restrict__ boxes, const TexturePart* __restrict__ parts, int chunk, int shift,
                  const unsigned long long* __restrict__ places, unsigned* __restrict__ counts) {
  CORMACK_SHARED(unsigned, tally);
  const TexturePart part = parts[blockIdx.x];
  const RegionBox& box = boxes[part.box];
  const unsigned long long* const own = places + static_cast<long long>(kRanks) * part.box;
  for (int i = static_cast<int>(threadIdx.x); i < kRanks * kDigits; i += static_cast<int>(blockDim.x)) tally[i] = 0;
  __syncthreads();
  over_inside(box, part, chunk, values, inside, [&](double value, int, int, int) {
    // Zero is positive: which of -0 and +0 was found must not matter.
    const unsigned long long key = ordered(value + 0.0);
    CORMACK_ROLLED
    for (int k = 0; k < kRanks; ++k) {
      // By 64 bits nothing is shifted.
      const bool begins = shift == 56 || (key ^ own[k]) >> (shift + 8) == 0;
      if (begins) atomicAdd(tally + k * kDigits + static_cast<int>(key >> shift & 255u), 1u);
    }
  });
  __syncthreads();
  unsigned* const target = counts + static_cast<long long>(kRanks) * kDigits * part.box;
  for (int i = static_cast<int>(threadIdx.x); i < kRanks * kDigits; i += static_cast<int>(blockDim.x))
    if (tally[i] != 0) atomicAdd(target + i, tally[i]);
}

// The digit that each rank has, and its rank among the values that have it. Clears the counts.
template <int>
__global__ void __launch_bounds__(256)
    region_ranks(int count, int shift, unsigned* __restrict__ counts, unsigned* __restrict__ ranks,
                 unsigned long long* __restrict__ places) {
  const long long i = thread_number();
  if (i >= count) return;
  unsigned* const own = counts + i * kDigits;
  unsigned rank = ranks[i];
  unsigned long long digit = 0;
  bool found = false;
  for (int k = 0; k < kDigits; ++k) {
    const unsigned here = own[k];
    own[k] = 0;
    if (!found && rank < here) {
      found = true;
      digit = static_cast<unsigned long long>(k);
    }
    if (!found) rank -= here;
  }
  ranks[i] = rank;
  places[i] |= digit << shift;
}

// Integers of the order of values, of which none is the lowest.
__device__ __forceinline__ long long signed_order(double value) {
  const long long bits = __builtin_bit_cast(long long, value);
  return bits < 0 ? bits ^ 0x7fffffffffffffffll : bits;
}

// Means over balls around voxels, of the finite values of the surroundings: the largest one around voxels of the
// region's highest value, and around any. halves: of the chords of a ball along x, [|dz|][|dy|], -1 where there is
// none.
// A thread takes one voxel, the block's chunk.
template <int>
__global__ void __launch_bounds__(256)
    region_peaks(const double* __restrict__ values, const unsigned char* __restrict__ inside,
                 const RegionBox* __restrict__ boxes, const TexturePart* __restrict__ parts,
                 const double* __restrict__ highest, const int* __restrict__ halves, int depth, int height,
                 long long* peaks) {
  const TexturePart part = parts[blockIdx.x];
  const RegionBox& box = boxes[part.box];
  const long long number = part.first + threadIdx.x;
  if (number >= box.size() || inside[box.mask + number] == 0) return;
  const RegionVoxel at = voxel_of(box.extent, number);
  const int z = box.begin[0] + at.z, y = box.begin[1] + at.y, x = box.begin[2] + at.x;
  double sum = 0;
  int count = 0;
  for (int dz = -depth; dz <= depth; ++dz) {
    if (z + dz < 0 || z + dz >= box.around[0]) continue;
    for (int dy = -height; dy <= height; ++dy) {
      const int half = halves[(dz < 0 ? -dz : dz) * (height + 1) + (dy < 0 ? -dy : dy)];
      if (y + dy < 0 || y + dy >= box.around[1] || half < 0) continue;
      const double* const row =
          values + box.values + (static_cast<long long>(z + dz) * box.around[1] + y + dy) * box.around[2];
      const int first = x > half ? x - half : 0, last = x + half < box.around[2] ? x + half : box.around[2] - 1;
      for (int i = first; i <= last; ++i) {
        const bool finite = row[i] - row[i] == 0;
        sum += finite ? row[i] : 0.0;
        count += finite ? 1 : 0;
      }
    }
  }
  const long long mean = signed_order(sum / count);
  long long* const own = peaks + 2ll * part.box;
  if (values[box.value_at(at.z, at.y, at.x)] == highest[part.box] && mean > own[0]) atomicMax(own, mean);
  if (mean > own[1]) atomicMax(own + 1, mean);
}

// 1 / sqrt(value) within 2 ulp, of values that float32 can have. A call, as that of sqrt in float64, would spill.
__device__ __forceinline__ double inverse_root(double value) {
#if defined(CORMACK_SHIM)
  double root = 1.0 / __builtin_sqrt(static_cast<float>(value));
#else
  double root = rsqrtf(static_cast<float>(value));
#endif
  const double half = 0.5 * value;
  CORMACK_UNROLL
  for (int i = 0; i < 3; ++i) root = root * (1.5 - half * root * root);
  return root;
}

// [part][4]: over the pairs of a voxel of the part and another one of the region, the weight 1 / distance, times both
// values' differences from the mean, and times the square of the first one's; and that square. A thread takes one
// voxel, the block's chunk.
template <int>
__global__ void __launch_bounds__(256, 2)
    region_pairs(const double* __restrict__ values, const unsigned char* __restrict__ inside,
                 const RegionBox* __restrict__ boxes, const TexturePart* __restrict__ parts,
                 const RegionCenter* __restrict__ centers, double depth, double height, double width,
                 double* __restrict__ result) {
  CORMACK_SHARED(double, shared);
  const TexturePart part = parts[blockIdx.x];
  const RegionBox& box = boxes[part.box];
  // `median` is the unit of differences.
  const double mean = centers[part.box].mean, unit = centers[part.box].median;
  double weights = 0, weighted = 0, own = 0;
  const long long number = part.first + threadIdx.x;
  if (number < box.size() && inside[box.mask + number] != 0) {
    const RegionVoxel at = voxel_of(box.extent, number);
    own = (values[box.value_at(at.z, at.y, at.x)] - mean) * unit;
    const unsigned char* mask = inside + box.mask;
    const int last = box.extent[2];
    for (int k = 0; k < box.extent[0]; ++k) {
      for (int j = 0; j < box.extent[1]; ++j) {
        const double dz = (k - at.z) * depth, dy = (j - at.y) * height, square = dz * dz + dy * dy;
        const double* const row = values + box.value_at(k, j, 0);
        for (int h = 0; h < last; ++h) {
          const double dx = (h - at.x) * width, distance = square + dx * dx;
          if (mask[h] == 0 || distance == 0) continue;
          const double weight = inverse_root(distance);
          weights += weight;
          weighted += weight * ((row[h] - mean) * unit);
        }
        mask += last;
      }
    }
  }
  const auto add = [](double a, double b) { return a + b; };
  double* const target = result + static_cast<long long>(kRegionPairs) * blockIdx.x;
  joined(shared, weights, add, target);
  joined(shared, weighted * own, add, target + 1);
  joined(shared, weights * (own * own), add, target + 2);
  joined(shared, own * own, add, target + 3);
}

}  // namespace cormack::device
