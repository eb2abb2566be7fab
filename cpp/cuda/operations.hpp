#pragma once
// Every operation that has a GPU form: its name is that of its plan, in FAMILY/NAME.plan.cpp.
#include <string_view>

#include "cuda/plan.hpp"

#define CORMACK_OPERATIONS(X) \
  X(affine_transform)         \
  X(canny)                    \
  X(confidence_connected)     \
  X(connected_threshold)      \
  X(correlate)                \
  X(distance_transform)       \
  X(equalize_adapthist)       \
  X(extremum_filter)          \
  X(histogram)                \
  X(intensities)              \
  X(interpolation_map)        \
  X(label)                    \
  X(label_statistics)         \
  X(linear_map)               \
  X(lut_map)                  \
  X(mask_shape)               \
  X(masked_filter)            \
  X(median_filter)            \
  X(minmax)                   \
  X(rank_filter)              \
  X(regions)                  \
  X(separable)                \
  X(texture_levels)           \
  X(texture_matrices)         \
  X(texture_zones)            \
  X(threshold_map)            \
  X(uniform_filter)           \
  X(value_counts)

namespace cormack::device {
// Adds to `plan` what the operation does; std::invalid_argument where there is none of that name.
void plan_operation(std::string_view operation, Plan& plan);
}  // namespace cormack::device
