#pragma once
// Points, blobs and boxes that get in each other's way: the better one stays. All greedy, so the result is that of the
// plain double loop; a grid finds who is near, so that the time is that of the few pairs which are.
#include <cstdint>
#include <vector>

namespace cormack {

// Returned are flags: 1 for what stays.
namespace cpu {

// Points in the order of their rank: one stays unless a better one that stays is nearer than `distance` in the norm `p`
// (at least 1, or infinity). Stops when `most` stay, and drops the rest.
std::vector<std::uint8_t> keep_spaced(const double* points, std::int64_t count, int ndim, double distance, double p,
                                      std::int64_t most);

// Blobs with a place and a sigma for each axis (1 <= ndim <= 3). Of two that share more than the fraction `overlap` of
// the smaller one the one with the smaller sigma along the last axis goes, of equals the one that stands first. Time
// grows with the number of different sigmas.
std::vector<std::uint8_t> keep_blobs(const double* places, const double* sigmas, std::int64_t count, int ndim,
                                     double overlap);

// Boxes (start of each axis, stop of each axis) in the order of their rank: one stays unless its intersection over
// union with a better one that stays, of the same label where there are any, is above `threshold`.
std::vector<std::uint8_t> keep_boxes(const double* boxes, const std::int64_t* labels, std::int64_t count, int ndim,
                                     double threshold);

}  // namespace cpu
}  // namespace cormack
