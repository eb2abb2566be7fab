#include <algorithm>
#include <cmath>

#include "cuda/plan.hpp"
#include "filters/affine_places.hpp"
#if defined(CORMACK_SEES_KERNELS)
#include "filters/affine_transform.cuh"
#endif

namespace cormack::device {
namespace {

// As cpu::affine_transform: SciPy's, before it makes a spline of an image that goes on as its border.
constexpr int kSplinePad = 12;

double on_step(double position) { return std::nearbyint(position * 0x1p32) / 0x1p32; }

// The spline axes of a map, and the map with places counted in coefficients. Along the axes of an image that only
// changes places with others, no spline is made where all places are voxels.
SplineAxes spline_axes(AffinePlaces& map, const Image& source, const Image& target) {
  SplineAxes axes{};
  std::array<int, 3> along{-1, -1, -1}, used{};
  bool turned = false;
  for (std::size_t from = 0; from < 3; ++from) {
    for (std::size_t to = 0; to < 3; ++to) {
      if (map.matrix[3 * from + to] == 0) continue;
      turned = turned || along[from] >= 0 || used[to]++ > 0;
      along[from] = static_cast<int>(to);
    }
  }
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const auto last = static_cast<double>(source.shape[axis] - 1);
    const bool line = source.shape[axis] > 1;
    const double beyond = !line || map.centres ? 0.0 : map.endless ? kSplinePad : 0.5;
    axes.low[axis] = -beyond;
    axes.high[axis] = last + beyond;
    axes.spline[axis] = turned && (source.ndim == 3 || axis > 0);
    if (!turned) {
      const auto to = static_cast<std::size_t>(along[axis]);
      const double step = along[axis] < 0 ? 0.0 : map.matrix[3 * axis + to];
      const std::int64_t count = along[axis] < 0 ? 1 : target.shape[to];
      for (std::int64_t i = 0; i < count && !axes.spline[axis]; ++i) {
        const double position = map.offset[axis] + static_cast<double>(i) * step, at = on_step(position);
        const bool inside = map.endless || (map.centres ? at >= 0 && at <= last : at >= -0.5 && at < last + 0.5);
        const double place = on_step(std::clamp(position, axes.low[axis], axes.high[axis]));
        axes.spline[axis] = inside && place != std::floor(place);
      }
    }
    if (!axes.spline[axis] || !map.endless || !line) continue;
    axes.pad[axis] = kSplinePad;
    if (!turned) {
      axes.shift[axis] = kSplinePad;
      continue;
    }
    // The CPU counts so before it rounds.
    map.offset[axis] += kSplinePad;
    axes.low[axis] += kSplinePad;
    axes.high[axis] += kSplinePad;
  }
  return axes;
}

struct Spline {
  Pointer<double> values;
  Layout layout;
};

Spline spline_of(Plan& plan, const SplineAxes& axes) {
  Layout layout = plan.layout(0);
  layout.depth += 2 * axes.pad[0], layout.height += 2 * axes.pad[1], layout.width += 2 * axes.pad[2];
  layout.x = 1, layout.y = layout.width, layout.z = static_cast<long long>(layout.height) * layout.width;
  const auto values = plan.scratch<double>(layout.size());
  cormack::dispatch(plan.image(0).dtype, [&](auto pixel) {
    using T = decltype(pixel);
    plan.launch(CORMACK_KERNEL(spline_values, T), Plan::voxel_grid(layout), Dim{32, 8}, 0, plan.data<T>(0),
                plan.layout(0), values, layout, axes);
  });
  const Layout along[3] = {
      layout,
      {layout.y, layout.z, layout.x, layout.height, layout.depth, layout.width, 0},
      {layout.x, layout.z, layout.y, layout.width, layout.depth, layout.height, 0},
  };
  for (std::size_t axis = 0; axis < 3; ++axis) {
    if (!axes.spline[axis] || along[axis].depth < 2) continue;
    Dim grid = Plan::voxel_grid(along[axis]);
    grid.z = 1;
    plan.launch(CORMACK_KERNEL(spline_lines, 0), grid, Dim{32, 8}, 0, values, along[axis]);
  }
  return {values, layout};
}

}  // namespace
}  // namespace cormack::device

// Images: source, target, whose dtype is the source's, float32 or, of 32-bit integers, float64. Parameters: order (0, 1
// or 3), and either nodes=0, matrix (row by row) and offset over (z, y, x), edge (see Edge), cval, or nodes=1, and as a
// table the positions of the target's voxels along z, y and x, which stay inside.
CORMACK_PLAN(affine_transform) {
  const long long order = plan.integer("order");
  if (order != 0 && order != 1 && order != 3) throw Unsupported("`order` is 0, 1 or 3");
  const bool nodes = plan.integer("nodes") != 0;
  const cormack::Image &source = plan.image(0), &target = plan.image(1);
  for (std::size_t axis = 0; axis < 3; ++axis)
    if (std::max(source.shape[axis], target.shape[axis]) >= 1 << 30)
      throw Unsupported("an axis has less than 2^30 voxels");
  const int boolean = target.dtype == cormack::DType::boolean;
  AffinePlaces map{};
  SplineAxes axes{};
  std::vector<int> voxels;
  std::vector<double> fractions;
  if (nodes) {
    const auto positions = plan.table<double>(0);
    if (static_cast<std::int64_t>(positions.size()) != target.shape[0] + target.shape[1] + target.shape[2])
      throw std::invalid_argument("affine_transform: the target must have a voxel for each position");
    std::size_t at = 0;
    for (std::size_t axis = 0; axis < 3; ++axis) {
      const auto last = static_cast<double>(source.shape[axis] - 1);
      for (std::int64_t i = 0; i < target.shape[axis]; ++i, ++at) {
        if (!std::isfinite(positions[at])) throw std::invalid_argument("affine_transform: positions must be finite");
        const double place = std::nearbyint(std::clamp(positions[at], 0.0, last) * 0x1p32) / 0x1p32;
        double whole = std::floor(place);
        if (order == 0) {
          whole += place - whole >= 0.5;
          voxels.push_back(static_cast<int>(whole));
          fractions.push_back(0);
          continue;
        }
        // The last voxel but one is the last that has a neighbour.
        if (order == 1) whole = std::min(whole, std::max(0.0, last - 1));
        else if (place != whole) axes.spline[axis] = 1;
        voxels.push_back(static_cast<int>(whole));
        fractions.push_back(place - whole);
      }
    }
  } else {
    const auto matrix = plan.reals("matrix"), offset = plan.reals("offset");
    for (std::size_t i = 0; i < 9; ++i) map.matrix[i] = matrix.at(i);
    for (std::size_t i = 0; i < 3; ++i) map.offset[i] = offset.at(i);
    if (source.ndim == 2) {
      map.matrix[1] = map.matrix[2] = map.matrix[3] = map.matrix[6] = map.offset[0] = 0;
      map.matrix[0] = 1;
    }
    const long long edge = plan.integer("edge");
    map.cval = plan.real("cval");
    map.linear = order == 1;
    map.endless = edge == 2;
    map.centres = edge == 0;
    map.boolean = boolean;
    if (order == 3) axes = spline_axes(map, source, target);
  }
  const Spline spline = order == 3 ? spline_of(plan, axes) : Spline{};
  cormack::dispatch(source.dtype, [&](auto pixel) {
    using T = decltype(pixel);
    const auto add = [&]<class Out>(Out) {
      const Layout from = plan.layout(0), to = plan.layout(1);
      const Dim grid = Plan::voxel_grid(to), block{32, 8};
      if (order == 3 && nodes)
        plan.launch(CORMACK_KERNEL(spline_nodes, Out), grid, block, 0, spline.values, spline.layout, plan.data<Out>(1),
                    to, plan.constant(voxels), plan.constant(fractions), axes, boolean);
      else if (order == 3)
        plan.launch(CORMACK_KERNEL(spline_places, Out), grid, block, 0, spline.values, spline.layout, plan.data<Out>(1),
                    to, map, axes);
      else if (nodes)
        plan.launch(CORMACK_KERNEL(node_places, T, Out), grid, block, 0, plan.data<T>(0), from, plan.data<Out>(1), to,
                    plan.constant(voxels), plan.constant(fractions), static_cast<int>(order), boolean);
      else
        plan.launch(CORMACK_KERNEL(affine_places, T, Out), grid, block, 0, plan.data<T>(0), from, plan.data<Out>(1), to,
                    map);
    };
    if (target.dtype == source.dtype) return add(T{});
    if (target.dtype == cormack::DType::f32) return add(0.0f);
    if constexpr (std::is_integral_v<T> && sizeof(T) == 4)
      if (target.dtype == cormack::DType::f64) return add(0.0);
    throw Unsupported("the result has the image's dtype or is floating");
  });
}
