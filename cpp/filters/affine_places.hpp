#pragma once
// What kernels and plans of affine maps share. No standard header.
namespace cormack::device {

// dst[index] = src at matrix @ index + offset, in the order (z, y, x).
struct AffinePlaces {
  double matrix[9], offset[3];
  double cval;
  int linear;   // or else the nearest voxel
  int endless;  // all places are inside, or else up to the outermost centres, or to the outermost voxels' ends
  int centres;
  int boolean;
};

}  // namespace cormack::device
