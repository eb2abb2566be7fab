#pragma once
// Reed and Xiaoli's anomaly detector: the Mahalanobis distance of a voxel's vector of channels to those of the ring
// between two boxes around it.
#include <array>
#include <vector>

#include "core/image.hpp"

namespace cormack {

struct RxWindow {
  std::array<std::int64_t, 3> inner{};  // voxels to each side that are left out, (z, y, x)
  std::array<std::int64_t, 3> outer{};  // voxels to each side that are counted, at least as many as `inner`
  double regularization = 0;            // this fraction of the mean variance is added to every channel's
  std::vector<double> centre;           // one value per channel, near its mean: what sums are taken about
};

namespace cpu {
// dst[v] = sqrt((x - m)^T (C + r tr(C) / k)^-1 (x - m)) of the mean m and the covariance C (divisor: count) of the
// voxels of the ring that lie in the image and in the mask and are finite; infinite where C is singular and x is not m,
// NaN where x is not finite or the ring has fewer than k + 1 voxels.
// Contract: up to 32 channels of one shape and dtype, any strides; dst float32 or float64; mask bool or uint8, or null.
// Sums are taken in float64, running along z in blocks of planes, along y from the first row of the plane, by prefix
// sums along x: their order does not depend on threads. Cost per voxel: independent of the windows but for
// (2 outer + 1) / 16 additions per product; the solution of one system of k equations. Memory per thread: two planes
// for each of 1 + k + k (k + 1) / 2 products.
void rx_detector(const std::vector<Image>& channels, const Image* mask, const Image& dst, const RxWindow& window,
                 Context context);
}  // namespace cpu
}  // namespace cormack
