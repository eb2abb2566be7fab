#pragma once
// Features of the neighbourhood of every voxel of a region, each as if it were a region of its own. For each voxel the
// neighbourhood is copied, its matrices are counted in tables of the levels that occur in it, and reduced; nothing is
// allocated. Cost: pairs of neighbours in a neighbourhood, for each voxel. Memory for each thread: two tables of
// at most 16 MB each, and for the maximal correlation 8 bytes for the square of the levels of a neighbourhood.
#include <vector>

#include "core/image.hpp"
#include "features/levels.hpp"

namespace cormack {

enum class LocalFamily : int {
  statistics,
  histogram,
  cooccurrence,
  run_length,
  zone_size,
  zone_distance,
  tone,
  dependence
};

struct LocalFeature {
  LocalFamily family;
  int index;  // in IBSI's order
};

struct LocalSettings {
  std::int64_t radius = 1;  // the neighbourhood is a cube, or a square in the slice, of 2 radius + 1 voxels
  bool in_slice = false;
  std::vector<Offset> offsets;  // of pairs that co-occur, one of each two opposite ones
  std::int64_t distance = 1;    // of tone differences and dependence
  std::int64_t coarseness = 0;  // of dependence
  bool averaged = false;        // directions are averaged, not merged
  // As PyRadiomics: tone differences count voxels without a neighbour too, and runs are left out of directions where no
  // line holds two voxels.
  bool as_pyradiomics = false;
};

struct LocalMasks {
  Image centers, inside, region;
};

namespace cpu {
// centers: the voxels that have a neighbourhood; inside: those that neighbourhoods consist of; region: those whose edge
// distances are measured to; all bool or uint8. levels: of the same shape, 0 where not inside, padded by the radius;
// null where no feature needs any. maps: one float64 image for each feature, written at centers alone; NaN where it is
// not defined. Throws std::invalid_argument for shapes that differ, radii outside [1, 7], distances outside [1, 15].
void feature_map(const Image& image, const LocalMasks& masks, const Levels* levels,
                 const std::vector<LocalFeature>& features, const std::vector<Image>& maps,
                 const LocalSettings& settings, Context context);
}  // namespace cpu
}  // namespace cormack
