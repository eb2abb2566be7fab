#pragma once
// Distance of every pixel to the nearest one that is zero. Exact: along x from runs of bits, along y and z by a search
// around each pixel where it stays short, elsewhere as the lower envelope of one parabola a pixel: in time linear in
// the pixels whatever the image. A. Meijster, J. B. T. M. Roerdink, W. H. Hesselink, "A general algorithm for computing
// distance transforms in linear time", ISMM 2000; P. Felzenszwalb, D. Huttenlocher, "Distance transforms of sampled
// functions", Theory of Computing 8, 2012.
#include "core/image.hpp"

namespace cormack::cpu {

// mask: zero and not zero. spacing: of z, y and x, above 0. distances: float64 or float32, the shape of the mask, with
// contiguous rows; with float32 squares are rounded to float32 between the axes. indices: null, or three arrays of the
// mask's size in C order, for the z, y and x of the nearest zero: of several equally near ones the same at any number
// of threads. Without any zero all distances are infinite and all indices -1. Beside the results a bit a pixel and one
// column of 64 pixels' width a thread.
void distance_transform_edt(const Image& mask, const std::array<double, 3>& spacing, const Image& distances,
                            std::int32_t* const* indices, Context context);

}  // namespace cormack::cpu
