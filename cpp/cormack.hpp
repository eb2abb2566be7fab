#pragma once
// Cormack from C++, without Python: every public function, and how to call one. Each header that follows says what its
// function does, takes, costs and throws; including single ones, as <cormack/filters/median_filter.hpp>, works as well.
//
// Images. An `Image` (core/image.hpp) is a view: data, dtype, shape and strides in the order (z, y, x). It owns
// nothing; whoever made it keeps the data alive. Strides count elements, not bytes, and may be negative, zero or of any
// order, where a function does not say otherwise. A 2-D image has ndim 2 and shape[0] 1. `image_of` below views what
// lies in C order. Sources are never written, and results have to be allocated, of the dtype that the function names
// and, unless it says so, of the source's shape; unless it says so, a result must not overlap a source. Masks are bool
// or uint8 and of the image's shape, inside where they are not 0.
//
// dtypes. DType::boolean (a byte, 0 or 1), u8, i8, u16, i16, u32, i32, f32, f64. Integer results are rounded half to
// even and saturate: nothing wraps around.
//
// Units. Lengths, offsets, sigmas and seeds count voxels in the order (z, y, x), unless a comment says mm. `spacing` is
// the distance of voxels along (z, y, x), above 0, in mm: with it, lengths are in mm, areas in mm^2, volumes in mm^3.
// Intensities have the unit of the image, such as HU.
//
// Threads. `Context{.workers = n}` runs a call on up to n threads; {} on as many as set_num_threads (core/parallel.hpp)
// said, by default the processors that the process may use. Results are the same bits for any number. Calls may come
// from several threads at once, and after fork().
//
// Errors. Every function may throw, std::exceptions alone: std::invalid_argument for what a caller got wrong, such as
// shapes and dtypes that do not suit each other, a seed outside of the image or a window without its pixel;
// std::overflow_error where a result does not fit into its type; std::bad_alloc. What memory safety needs is checked,
// but for what a function cannot see: that memory is as large as shape and strides say, that arrays behind pointers
// are, and that images do not overlap. Settings out of the range that a header names may give a meaningless result.
// After an exception the values of a result are undefined. Nothing is printed, and there is no global state but the
// number of threads and the level of instructions (core/isa.hpp), which is chosen by itself.
#include <array>
#include <cstdint>
#include <type_traits>

#include "core/isa.hpp"
#include "core/parallel.hpp"
#include "detect/box_hessian.hpp"
#include "detect/canny.hpp"
#include "detect/find_boundaries.hpp"
#include "detect/find_contours.hpp"
#include "detect/marching_cubes.hpp"
#include "detect/peaks.hpp"
#include "detect/points.hpp"
#include "detect/reflect.hpp"
#include "detect/rx_detector.hpp"
#include "detect/zero_crossings.hpp"
#include "enhance/equalize_adapthist.hpp"
#include "enhance/histogram.hpp"
#include "enhance/match_sorted.hpp"
#include "enhance/minmax.hpp"
#include "enhance/moments.hpp"
#include "enhance/quantiles.hpp"
#include "features/discretise.hpp"
#include "features/feature_map.hpp"
#include "features/first_order.hpp"
#include "features/glcm.hpp"
#include "features/glrlm.hpp"
#include "features/levels.hpp"
#include "features/local_binary_pattern.hpp"
#include "features/local_intensity.hpp"
#include "features/matrix_features.hpp"
#include "features/neighbour_tables.hpp"
#include "features/region_box.hpp"
#include "features/shape.hpp"
#include "features/spatial.hpp"
#include "features/zones.hpp"
#include "filters/affine_transform.hpp"
#include "filters/anisotropic_diffusion.hpp"
#include "filters/bilateral_filter.hpp"
#include "filters/correlate.hpp"
#include "filters/difference.hpp"
#include "filters/extremum_filter.hpp"
#include "filters/gaussian_derivatives.hpp"
#include "filters/gaussian_filter.hpp"
#include "filters/hessian.hpp"
#include "filters/masked_filter.hpp"
#include "filters/median_filter.hpp"
#include "filters/non_local_means.hpp"
#include "filters/rank_filter.hpp"
#include "filters/resample.hpp"
#include "filters/separable.hpp"
#include "filters/structured_extremum.hpp"
#include "filters/total_variation.hpp"
#include "filters/uniform_filter.hpp"
#include "filters/unsharp_mask.hpp"
#include "import/dicom_frames.hpp"
#include "import/dicom_header.hpp"
#include "pointwise/interpolation_map.hpp"
#include "pointwise/linear_map.hpp"
#include "pointwise/lut_map.hpp"
#include "pointwise/piecewise_map.hpp"
#include "pointwise/sigmoid_map.hpp"
#include "pointwise/standardize_map.hpp"
#include "pointwise/threshold_map.hpp"
#include "pointwise/tone_map.hpp"
#include "segment/binary_morphology.hpp"
#include "segment/block_components.hpp"
#include "segment/chan_vese.hpp"
#include "segment/clear_border.hpp"
#include "segment/confidence_connected.hpp"
#include "segment/connected_threshold.hpp"
#include "segment/distance_transform.hpp"
#include "segment/fill_holes.hpp"
#include "segment/hysteresis_threshold.hpp"
#include "segment/isolated_connected.hpp"
#include "segment/label.hpp"
#include "segment/label_statistics.hpp"
#include "segment/label_surfaces.hpp"
#include "segment/label_values.hpp"
#include "segment/largest_component.hpp"
#include "segment/morphological_contours.hpp"
#include "segment/relabel.hpp"
#include "segment/remove_small_holes.hpp"
#include "segment/remove_small_objects.hpp"
#include "segment/seeded_region_growing.hpp"
#include "segment/watershed.hpp"

namespace cormack {

// A view of pixels in C order: x runs fastest, then y, then z. A `const` source is viewed as well: no function writes
// to its sources.
template <class T>
Image image_of(T* data, const std::array<std::int64_t, 3>& shape) {
  using Value = std::remove_const_t<T>;
  return {const_cast<Value*>(data), dtype_of<Value>(), 3, shape, {shape[1] * shape[2], shape[2], 1}};
}
template <class T>
Image image_of(T* data, const std::array<std::int64_t, 2>& shape) {
  using Value = std::remove_const_t<T>;
  return {const_cast<Value*>(data), dtype_of<Value>(), 2, {1, shape[0], shape[1]}, {0, shape[1], 1}};
}

}  // namespace cormack
