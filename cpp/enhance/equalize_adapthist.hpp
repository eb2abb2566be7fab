#pragma once
// Contrast limited adaptive histogram equalization, 2-D or 3-D (K. Zuiderveld, Graphics Gems IV, 1994), with
// scikit-image's tiles, bins and redistribution.
#include "core/image.hpp"

namespace cormack {

struct AdaptiveHistogram {
  std::array<std::int64_t, 3> kernel{1, 1, 1};  // size of a tile, at least 1; fewer than 2^31 voxels
  double clip_limit = 0.01;                     // part of a tile's voxels that one bin may hold; 0: all
  std::int64_t bins = 256;                      // 1 ... 16384
  double lower = 0, upper = 1;                  // what lies outside counts as the nearer of them
  double low = 0, high = 1;                     // range of the result
};

namespace cpu {

// A voxel's bin goes through the maps of the 2, 4 or 8 tiles around it, interpolated linearly between their centres.
// mask: bool or uint8, or null. Outside of it, and where the image is NaN, nothing is counted and dst becomes src.
// src and dst: one shape and dtype, not overlapping. The cost per voxel does not depend on the tiles unless they are
// smaller than about `bins` voxels. Working memory: the maps, one number per bin and tile, of which 32 MiB are made at
// a time (or those of the 4 rows of tiles, 16 with a mask or NaN, around a row of voxels); for 32 bit integers and
// floating types one or two bytes per voxel; a copy of src, mask and dst where their last axis has no unit stride.
void equalize_adapthist(const Image& src, const Image* mask, const Image& dst, const AdaptiveHistogram& settings,
                        Context context);

// The same for an image that is never whole in memory, in two steps.
// The map of each of src's own tiles: tiles x entries contiguous numbers, float for 8 and 16 bit integers and float32,
// double for others; entries are 256 for 8 bit types without a mask, else the bins that voxels can lie in and one more.
// filled: uint8, whether a tile has voxels that count. src must start at a tile; where it does not end with one, it
// must reach back by what is missing.
void adapthist_maps(const Image& src, const Image* mask, const Image& maps, const Image& filled,
                    const AdaptiveHistogram& settings, Context context);
// What the maps of the `whole` image's tiles make of the part that starts at `origin`.
void adapthist_apply(const Image& src, const Image* mask, const Image& dst, const Image& maps,
                     const std::array<std::int64_t, 3>& origin, const std::array<std::int64_t, 3>& whole,
                     const AdaptiveHistogram& settings, Context context);

}  // namespace cpu
}  // namespace cormack
