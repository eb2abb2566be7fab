#pragma once
// Places of an image that are as large as their neighbourhood.
#include <array>
#include <vector>

#include "core/image.hpp"

namespace cormack {

struct Places {
  std::vector<std::int64_t> index;  // (z * height + y) * width + x, increasing
  std::vector<double> value;
  bool all = false;  // every place is a maximum: the image is constant
};

namespace cpu {
// Where image == maximum, image > threshold, and at least `margin` voxels lie between the place and the border.
// `all` says whether image == maximum everywhere. Any strides, one shape and dtype. One pass over both images.
Places equal_places(const Image& image, const Image& maximum, double threshold, std::array<std::int64_t, 3> margin,
                    Context context);

// Maxima of a scale space at one of its scales: where `centre` is above `threshold` and not below any of the up to 80
// neighbours in 3 x 3 x 3 x 3, at corners too; `below` and `above` are null at the ends. Contiguous float32 or float64
// of one dtype and shape. NaN is no maximum, and nothing next to NaN is. One pass over `centre`; the other scales are
// looked at only where it has a maximum of its own.
Places scale_maxima(const Image& centre, const Image* below, const Image* above, double threshold,
                    std::array<std::int64_t, 3> margin, Context context);
}  // namespace cpu
}  // namespace cormack
