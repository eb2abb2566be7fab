#pragma once
// What resample and affine_transform share: places between voxels, spline coefficients, rows of any type.
#include <cmath>
#include <cstdint>
#include <vector>

#include "core/image.hpp"
#include "core/scratch.hpp"
#include "core/unit_rows.hpp"
#include "filters/resample.hpp"
#include "pointwise/map_rows.hpp"

namespace cormack {

// Positions are multiples of this, in voxels.
inline constexpr double kPositionSteps = 4294967296.0;

inline double on_step(double position) { return std::nearbyint(position * kPositionSteps) / kPositionSteps; }

// Where an axis may be interpolated: positions are moved into [low, high] first. The image is continued by `pad` copies
// of its outermost voxels before it becomes a spline.
struct AxisRange {
  double low, high;
  std::int64_t pad = 0;
};

// Which voxels a node is made of, along one axis.
struct Taps {
  int count = 1;
  std::int64_t pad = 0;             // of the coefficients that `index` counts in
  std::vector<std::int32_t> index;  // tap k of node i at [k * nodes + i]
  std::vector<double> weight;
};

Taps taps_of(const std::vector<double>& positions, std::int64_t n, Interpolation interpolation, const AxisRange& range);

// An image as float64 spline coefficients along the axes that want them, continued by pad[axis] voxels at both ends.
// The spline is that of mirrored values; an axis of one voxel stays as it is.
class SplineImage {
 public:
  // src has unit rows.
  SplineImage(const Image& src, const std::array<bool, 3>& axes, const std::array<std::int64_t, 3>& pad, int workers);
  const View<double>& view() const { return view_; }

 private:
  Scratch<double> memory_;
  View<double> view_;
};

// resample with taps that are known.
void resample_taps(const Image& src, const Image& dst, const std::array<Taps, 3>& taps, Context context);

// Rows of an image of any type with unit rows.
inline void load_row(const Image& image, std::int64_t z, std::int64_t y, double* row, std::int64_t n) {
  dispatch(image.dtype, [&](auto t) {
    using T = decltype(t);
    map_rows().load.template get<T>()(static_cast<const T*>(image.data) + z * image.stride[0] + y * image.stride[1],
                                      row, n);
  });
}

// `row` may be changed.
inline void store_row(double* row, const Image& image, std::int64_t z, std::int64_t y, std::int64_t x, std::int64_t n) {
  if (image.dtype == DType::boolean)
    for (std::int64_t i = 0; i < n; ++i) row[i] = row[i] > 0.5 ? 1.0 : 0.0;
  dispatch(image.dtype, [&](auto t) {
    using T = decltype(t);
    map_rows().store.template get<T>()(row, static_cast<T*>(image.data) + z * image.stride[0] + y * image.stride[1] + x,
                                       n);
  });
}

// Calls f with the image, or with a copy that has unit rows.
template <class F>
void with_unit_source(const Image& src, int workers, F&& f) {
  dispatch(src.dtype, [&](auto t) {
    using T = decltype(t);
    const UnitRows<T> rows(src.view<const T>(), workers);
    Image image = src;
    image.data = const_cast<T*>(rows.view().data);
    image.stride = rows.view().stride;
    f(image);
  });
}

}  // namespace cormack
