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

// Of a cubic spline, along z, y and x.
struct SplineAxes {
  double low[3], high[3];  // positions are moved into this
  int pad[3];              // copies of the outermost voxel at both ends
  int shift[3];            // from numbers of voxels to those of coefficients
  int spline[3];           // or else all places are voxels
  int unused;
};

}  // namespace cormack::device
