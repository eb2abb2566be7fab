#include "detect/points.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

namespace cormack {
namespace {

using Cell = std::array<std::int64_t, 3>;

std::int64_t cell_of(double position) {
  // Far outside, and for NaN, everything shares a cell.
  constexpr double kFar = 1e15;
  if (!(position > -kFar)) return -static_cast<std::int64_t>(kFar);
  return static_cast<std::int64_t>(std::floor(std::min(position, kFar)));
}

// Items by the cell they lie in; up to three axes. An open table of cells, each with a chain of its items.
class Grid {
 public:
  Grid(int ndim, const std::array<double, 3>& size) : ndim_(ndim), size_(size), slots_(64) {}

  Cell cell(const double* point) const {
    Cell result{};
    for (int axis = 0; axis < ndim_; ++axis) result[axis] = cell_of(point[axis] / size_[axis]);
    return result;
  }
  void add(const double* point, std::int64_t item) {
    if (2 * ++used_ > slots_.size()) grow();
    Slot& slot = slots_[find(slots_, cell(point))];
    if (slot.first < 0) slot.cell = cell(point);
    entries_.push_back({item, slot.first});
    slot.first = static_cast<std::int64_t>(entries_.size()) - 1;
  }

  // Whether `f` holds for an item in one of the cells from `first` to `last`.
  template <class F>
  bool any(const Cell& first, const Cell& last, F&& f) const {
    Cell at{};
    for (at[0] = first[0]; at[0] <= last[0]; ++at[0])
      for (at[1] = first[1]; at[1] <= last[1]; ++at[1])
        for (at[2] = first[2]; at[2] <= last[2]; ++at[2]) {
          std::int64_t entry = slots_[find(slots_, at)].first;
          for (; entry >= 0; entry = entries_[static_cast<std::size_t>(entry)].next)
            if (f(entries_[static_cast<std::size_t>(entry)].item)) return true;
        }
    return false;
  }
  template <class F>
  bool any_near(const double* point, F&& f) const {
    Cell first = cell(point), last = first;
    for (int axis = 0; axis < ndim_; ++axis) {
      --first[axis];
      ++last[axis];
    }
    return any(first, last, f);
  }

 private:
  struct Slot {
    Cell cell{};
    std::int64_t first = -1;  // of its entries; below 0 the slot is free
  };
  struct Entry {
    std::int64_t item, next;
  };

  // The slot of a cell, or the free one where it belongs. The table's length is a power of two and never full.
  static std::size_t find(const std::vector<Slot>& slots, const Cell& cell) {
    std::uint64_t hash = 0;
    for (const std::int64_t part : cell) hash = (hash + static_cast<std::uint64_t>(part)) * 0x9e3779b97f4a7c15u;
    const std::size_t last = slots.size() - 1;
    std::size_t i = static_cast<std::size_t>(hash ^ hash >> 32) & last;
    while (slots[i].first >= 0 && slots[i].cell != cell) i = (i + 1) & last;
    return i;
  }
  void grow() {
    std::vector<Slot> larger(4 * slots_.size());
    for (const Slot& slot : slots_)
      if (slot.first >= 0) larger[find(larger, slot.cell)] = slot;
    slots_.swap(larger);
  }

  int ndim_;
  std::array<double, 3> size_;
  std::vector<Slot> slots_;
  std::vector<Entry> entries_;
  std::size_t used_ = 0;
};

double distance_of(const double* a, const double* b, int ndim, double p) {
  double result = 0;
  for (int axis = 0; axis < ndim; ++axis) {
    const double difference = std::abs(a[axis] - b[axis]);
    if (std::isinf(p)) result = std::max(result, difference);
    else if (p == 2) result += difference * difference;
    else if (p == 1) result += difference;
    else result += std::pow(difference, p);
  }
  if (std::isinf(p) || p == 1) return result;
  return p == 2 ? std::sqrt(result) : std::pow(result, 1 / p);
}

double disk_overlap(double d, double r1, double r2) {
  const double angle1 = std::acos(std::clamp((d * d + r1 * r1 - r2 * r2) / (2 * d * r1), -1.0, 1.0));
  const double angle2 = std::acos(std::clamp((d * d + r2 * r2 - r1 * r1) / (2 * d * r2), -1.0, 1.0));
  const double product = (-d + r2 + r1) * (d - r2 + r1) * (d + r2 - r1) * (d + r2 + r1);
  const double area = r1 * r1 * angle1 + r2 * r2 * angle2 - 0.5 * std::sqrt(std::abs(product));
  const double smaller = std::min(r1, r2);
  return area / (std::numbers::pi * (smaller * smaller));
}

double sphere_overlap(double d, double r1, double r2) {
  const double reach = r1 + r2 - d, smaller = std::min(r1, r2);
  const double volume = std::numbers::pi / (12 * d) * (reach * reach) *
                        (d * d + 2 * d * (r1 + r2) - 3 * (r1 * r1 + r2 * r2) + 6 * r1 * r2);
  return volume / (4.0 / 3 * std::numbers::pi * (smaller * smaller * smaller));
}

// The fraction of the smaller ball, `ratio` times as wide as the larger one, whose radius is 1.
double overlap_of(const double* large, const double* large_sigma, const double* small, double ratio, int ndim) {
  const double root = std::sqrt(static_cast<double>(ndim));
  double square = 0;
  for (int axis = 0; axis < ndim; ++axis) {
    const double scale = large_sigma[axis] * root;
    const double difference = small[axis] / scale - large[axis] / scale;
    square += difference * difference;
  }
  const double d = std::sqrt(square);
  if (d > 1 + ratio) return 0;
  if (d <= std::abs(1 - ratio)) return 1;
  return ndim == 2 ? disk_overlap(d, 1, ratio) : sphere_overlap(d, 1, ratio);
}

}  // namespace

namespace cpu {

std::vector<std::uint8_t> keep_spaced(const double* points, std::int64_t count, int ndim, double distance, double p,
                                      std::int64_t most) {
  std::vector<std::uint8_t> keep(static_cast<std::size_t>(count), 0);
  const double side = distance > 0 ? distance : 1;
  Grid grid(ndim, {side, side, side});
  std::int64_t kept = 0;
  for (std::int64_t i = 0; i < count && kept < most; ++i) {
    const double* point = points + i * ndim;
    const auto near = [&](std::int64_t other) { return distance_of(points + other * ndim, point, ndim, p) < distance; };
    if (grid.any_near(point, near)) continue;
    grid.add(point, i);
    keep[static_cast<std::size_t>(i)] = 1;
    ++kept;
  }
  return keep;
}

std::vector<std::uint8_t> keep_blobs(const double* places, const double* sigmas, std::int64_t count, int ndim,
                                     double overlap) {
  std::vector<std::uint8_t> keep(static_cast<std::size_t>(count), 0);
  const auto size = [&](std::int64_t i) { return sigmas[i * ndim + ndim - 1]; };
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::int64_t a, std::int64_t b) { return size(a) != size(b) ? size(a) > size(b) : a > b; });
  // One grid for the blobs of equal sigmas along all axes: cells as wide as these can reach.
  struct Level {
    std::array<double, 3> sigma;
    Grid grid;
  };
  std::vector<Level> levels;
  const double reach = 2 * std::sqrt(static_cast<double>(ndim)) * (1 + 1e-9);
  for (const std::int64_t i : order) {
    const double *place = places + i * ndim, *sigma = sigmas + i * ndim;
    bool lost = false;
    for (const Level& level : levels) {
      lost = level.grid.any_near(place, [&](std::int64_t other) {
        return overlap_of(places + other * ndim, sigmas + other * ndim, place, size(i) / size(other), ndim) > overlap;
      });
      if (lost) break;
    }
    if (lost) continue;
    keep[static_cast<std::size_t>(i)] = 1;
    std::array<double, 3> own{};
    std::copy_n(sigma, ndim, own.begin());
    auto level = std::ranges::find(levels, own, &Level::sigma);
    if (level == levels.end()) {
      std::array<double, 3> cell{1, 1, 1};
      for (int axis = 0; axis < ndim; ++axis) cell[axis] = sigma[axis] * reach;
      level = levels.insert(levels.end(), {own, Grid(ndim, cell)});
    }
    level->grid.add(place, i);
  }
  return keep;
}

std::vector<std::uint8_t> keep_boxes(const double* boxes, const std::int64_t* labels, std::int64_t count, int ndim,
                                     double threshold) {
  std::vector<std::uint8_t> keep(static_cast<std::size_t>(count), 0);
  std::vector<double> volumes(static_cast<std::size_t>(count), 1.0);
  for (std::int64_t i = 0; i < count; ++i)
    for (int axis = 0; axis < ndim; ++axis)
      volumes[static_cast<std::size_t>(i)] *= boxes[(2 * i + 1) * ndim + axis] - boxes[2 * i * ndim + axis];
  const auto exceeds = [&](std::int64_t a, std::int64_t b) {
    if (labels != nullptr && labels[a] != labels[b]) return false;
    double shared = 1;
    for (int axis = 0; axis < ndim; ++axis) {
      const double start = std::max(boxes[2 * a * ndim + axis], boxes[2 * b * ndim + axis]);
      const double stop = std::min(boxes[(2 * a + 1) * ndim + axis], boxes[(2 * b + 1) * ndim + axis]);
      shared *= std::max(0.0, stop - start);
    }
    const double both = volumes[static_cast<std::size_t>(a)] + volumes[static_cast<std::size_t>(b)] - shared;
    return shared / both > threshold;
  };
  // Boxes of about one size share a grid, with cells of that size: each lies in up to 2^ndim of them.
  struct Level {
    std::array<int, 3> exponent;
    std::array<double, 3> cell;
    Grid grid;
    std::vector<std::int64_t> items;
  };
  std::vector<Level> levels;
  for (std::int64_t i = 0; i < count; ++i) {
    const double *start = boxes + 2 * i * ndim, *stop = start + ndim;
    bool lost = false;
    for (const Level& level : levels) {
      bool possible = true;
      double cells = 1;
      Cell first{}, last{};
      for (int axis = 0; axis < ndim; ++axis) {
        const double extent = stop[axis] - start[axis];
        // Intersection over union is at most the ratio of extents along any axis.
        possible &= extent >= threshold * level.cell[axis] / 2 && threshold * extent <= level.cell[axis];
        first[axis] = cell_of(start[axis] / level.cell[axis]) - 1;
        last[axis] = cell_of(stop[axis] / level.cell[axis]);
        cells *= static_cast<double>(last[axis] - first[axis] + 1);
      }
      if (!possible) continue;
      const auto covered = [&](std::int64_t other) { return exceeds(other, i); };
      // Small boxes inside a large one: rather all of them than all of its cells.
      if (cells > static_cast<double>(level.items.size()))
        lost = std::any_of(level.items.begin(), level.items.end(), covered);
      else lost = level.grid.any(first, last, covered);
      if (lost) break;
    }
    if (lost) continue;
    keep[static_cast<std::size_t>(i)] = 1;
    std::array<int, 3> exponent{};
    std::array<double, 3> cell{1, 1, 1};
    for (int axis = 0; axis < ndim; ++axis) {
      const double extent = stop[axis] - start[axis];
      std::frexp(extent > 0 ? extent : 1e-300, &exponent[axis]);
      cell[axis] = std::ldexp(1.0, exponent[axis]);
    }
    auto level = std::find_if(levels.begin(), levels.end(), [&](const Level& one) { return one.exponent == exponent; });
    if (level == levels.end()) level = levels.insert(level, {exponent, cell, Grid(ndim, cell), {}});
    level->grid.add(start, i);
    level->items.push_back(i);
  }
  return keep;
}

}  // namespace cpu
}  // namespace cormack
