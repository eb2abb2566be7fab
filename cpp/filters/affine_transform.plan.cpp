#include <algorithm>
#include <cmath>

#include "cuda/plan.hpp"
#include "filters/affine_places.hpp"
#if defined(CORMACK_SEES_KERNELS)
#include "filters/affine_transform.cuh"
#endif

// Images: source, target, whose dtype is the source's, float32 or, of 32-bit integers, float64. Parameters: order (0 or
// 1), and either nodes=0, matrix (row by row) and offset over (z, y, x), edge (see Edge), cval, or nodes=1, and as a
// table the positions of the target's voxels along z, y and x, which stay inside.
CORMACK_PLAN(affine_transform) {
  const long long order = plan.integer("order");
  if (order > 1) throw Unsupported("`order` is 0 or 1");
  const bool nodes = plan.integer("nodes") != 0;
  const cormack::Image &source = plan.image(0), &target = plan.image(1);
  for (std::size_t axis = 0; axis < 3; ++axis)
    if (std::max(source.shape[axis], target.shape[axis]) >= 1 << 30)
      throw Unsupported("an axis has less than 2^30 voxels");
  const int boolean = target.dtype == cormack::DType::boolean;
  AffinePlaces map{};
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
        whole = std::min(whole, std::max(0.0, last - 1));
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
  }
  cormack::dispatch(source.dtype, [&](auto pixel) {
    using T = decltype(pixel);
    const auto add = [&]<class Out>(Out) {
      const Layout from = plan.layout(0), to = plan.layout(1);
      const Dim grid = Plan::blocks_for(to.size(), 256, 1 << 20);
      if (nodes)
        plan.launch(CORMACK_KERNEL(node_places, T, Out), grid, Dim{256}, 0, plan.data<T>(0), from, plan.data<Out>(1),
                    to, plan.constant(voxels), plan.constant(fractions), static_cast<int>(order), boolean);
      else
        plan.launch(CORMACK_KERNEL(affine_places, T, Out), grid, Dim{256}, 0, plan.data<T>(0), from, plan.data<Out>(1),
                    to, map);
    };
    if (target.dtype == source.dtype) return add(T{});
    if (target.dtype == cormack::DType::f32) return add(0.0f);
    if constexpr (std::is_integral_v<T> && sizeof(T) == 4)
      if (target.dtype == cormack::DType::f64) return add(0.0);
    throw Unsupported("the result has the image's dtype or is floating");
  });
}
