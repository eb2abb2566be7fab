#include <algorithm>
#include <utility>

#include "detect/canny_volume.hpp"
#include "segment/bit_rows_plan.hpp"
#if defined(CORMACK_SEES_KERNELS)
#include "detect/canny.cuh"
#endif

// Images: source, target (bool, or of floats, without gaps, for the strengths), and a mask (bool or uint8) if there is
// one. Parameters: flat (whether the image is 2-D), spacing, border (z, y, x), low, high, scale, corrected. Tables:
// weights of z, y, x, from offset 0 on.
CORMACK_PLAN(canny) {
  const Layout from = plan.layout(0), to = plan.layout(1);
  const bool masked = plan.image_count() > 2, flat = plan.integer("flat") != 0;
  const bool strengths = plan.image(1).dtype != DType::boolean;
  const bool corrected = plan.integer("corrected") != 0;
  const auto mask = masked ? plan.data<unsigned char>(2) : Pointer<unsigned char>{};
  const Layout mask_from = masked ? plan.layout(2) : from;
  const std::vector<double> spacing = plan.reals("spacing");
  const std::vector<long long> borders = plan.integers("border");
  const CannyVolume volume{{from.depth, from.height, from.width}, flat, {spacing.at(0), spacing.at(1), spacing.at(2)}};
  const auto [rows, weak, parents] = forest_of(plan, from);
  const auto strong = plan.scratch<unsigned>(rows.size());
  const auto flags = plan.scratch<unsigned char>(rows.size() * 16);
  const Dim voxels = Plan::blocks_for(from.size(), 256, 1 << 20), words = Plan::blocks_for(rows.size(), 256, 1 << 20);
  const double low = plan.real("low") > 0 ? plan.real("low") : 1e-14, high = plan.real("high");

  const auto run = [&](auto stored, auto computed) {
    using S = decltype(stored);
    using A = decltype(computed);
    std::vector<std::vector<A>> weights(3);
    std::vector<Pointer<const A>> weights_at;
    for (std::size_t axis = 0; axis < 3; ++axis) {
      for (const double weight : plan.table<double>(axis)) weights[axis].push_back(static_cast<A>(weight));
      weights_at.push_back(plan.constant(weights[axis]));
    }
    const long long size = from.size();
    auto smooth = plan.scratch<S>(size), other = plan.scratch<S>(size);
    // In the CPU's order: y, x, z. Leaves the result in `values`.
    const auto smoothed = [&](Pointer<S>& values) {
      for (const std::size_t axis : {std::size_t{1}, std::size_t{2}, std::size_t{0}}) {
        if (flat && axis == 0) continue;
        const long long step = axis == 2   ? 1
                               : axis == 1 ? from.width
                                           : static_cast<long long>(from.height) * from.width;
        plan.launch(CORMACK_KERNEL(canny_smooth, S, A), voxels, Dim{256}, 0, values, other, size, step,
                    volume.shape[axis], weights_at[axis], static_cast<int>(weights[axis].size()) - 1,
                    static_cast<Border>(borders.at(axis)));
        std::swap(values, other);
      }
    };
    cormack::dispatch(plan.image(0).dtype, [&](auto pixel) {
      using T = decltype(pixel);
      plan.launch(CORMACK_KERNEL(canny_source, T, S), voxels, Dim{256}, 0, plan.data<T>(0), from, mask, mask_from,
                  plan.real("scale"), smooth);
    });
    smoothed(smooth);
    if (corrected && masked) {
      auto share = plan.scratch<S>(size);
      plan.launch(CORMACK_KERNEL(canny_mask, S), voxels, Dim{256}, 0, mask, mask_from, share);
      smoothed(share);
      plan.launch(CORMACK_KERNEL(canny_divide, S), voxels, Dim{256}, 0, smooth, share, size);
    } else if (corrected) {
      const auto along = [&](std::size_t axis) {
        std::vector<S> shares;
        const long long length = volume.shape[axis], radius = static_cast<long long>(weights[axis].size()) - 1;
        const auto at = [&](long long i) {
          return static_cast<A>(border_index(i, length, static_cast<Border>(borders.at(axis))) < 0 ? 0 : 1);
        };
        for (long long i = 0; i < length; ++i) {
          A sum = at(i) * weights[axis][0];
          for (long long k = radius; k > 0; --k)
            sum = sum + (at(i - k) + at(i + k)) * weights[axis][static_cast<std::size_t>(k)];
          shares.push_back(flat && axis == 0 ? S{1} : static_cast<S>(sum));
        }
        return plan.constant(shares);
      };
      const auto along_z = along(0), along_y = along(1);
      plan.launch(CORMACK_KERNEL(canny_divide_by_window, S, A), voxels, Dim{256}, 0, smooth, volume, along_z, along_y,
                  weights_at[2], static_cast<int>(weights[2].size()) - 1);
    }
    const auto strength = strengths ? plan.data<S>(1) : other;
    if (strengths && (!plan.dense(1) || plan.image(1).dtype != (sizeof(S) == 4 ? DType::f32 : DType::f64)))
      throw std::invalid_argument("canny: strengths have another precision, or gaps");
    plan.launch(CORMACK_KERNEL(canny_strength, S, A), voxels, Dim{256}, 0, smooth, volume, strength);
    if (strengths) return;
    plan.launch(CORMACK_KERNEL(canny_ridges, S, A), Plan::blocks_for(rows.size(), 4, 1 << 20), Dim{128}, 0, smooth,
                strength, volume, mask, mask_from, low, high, weak, strong, parents, rows);
  };
  const DType dtype = plan.image(0).dtype;
  if (flat && dtype == DType::f32) run(float{}, double{});
  else if (flat || dtype == DType::f64 || dtype == DType::u32 || dtype == DType::i32) run(double{}, double{});
  else run(float{}, float{});
  if (strengths) return;

  plan.launch(CORMACK_KERNEL(unite_runs, 0), words, Dim{256}, 0, weak, parents, rows, flat ? 2 : 3);
  plan.fill(flags, rows.size() * 16, static_cast<unsigned char>(0));
  plan.launch(CORMACK_KERNEL(flag_roots), words, Dim{256}, 0, weak, strong, parents, rows, flags);
  plan.launch(CORMACK_KERNEL(keep_flagged), Plan::blocks_for(rows.size(), 8, 1 << 20), Dim{256}, 0, weak, parents, rows,
              flags, plan.data<unsigned char>(1), to);
}
