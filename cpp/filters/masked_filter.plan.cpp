#include <algorithm>
#include <type_traits>
#include <utility>

#include "cuda/plan.hpp"
#include "filters/masked_lines.cuh"
#include "filters/separable_work.hpp"
#if defined(CORMACK_SEES_KERNELS)
#include "filters/masked_filter.cuh"
#endif

namespace cormack::device {
namespace {

struct Taps {
  std::vector<double> weights;
  int left;
  Border border;

  bool identity() const { return weights.size() == 1 && left == 0 && weights[0] == 1; }
};

template <class T, class Work, class Quotient>
void add_masked(Plan& plan, const std::array<Taps, 3>& axes, MaskedSource source, MaskedResult result) {
  const Layout from = plan.layout(0), to = plan.layout(1);
  Layout own = from;
  own.x = 1, own.y = from.width, own.z = static_cast<long long>(from.height) * from.width;
  const Dim grid = Plan::voxel_grid(from), block{32, 8};
  auto values = plan.scratch<Work>(from.size()), shares = plan.scratch<Work>(from.size());
  auto next_values = plan.scratch<Work>(from.size()), next_shares = plan.scratch<Work>(from.size());
  plan.launch(CORMACK_KERNEL(masked_source, T, Work), grid, block, 0, plan.data<T>(0), from,
              plan.data<unsigned char>(source.masked ? 2 : 0), source, values, shares, own);
  // The CPU sums along the first of z and y as it reads, one after the other.
  const int plain = axes[0].identity() ? 1 : 0;
  for (int axis = 0; axis < 3; ++axis) {
    const Taps& taps = axes[static_cast<std::size_t>(axis)];
    if (taps.identity()) continue;
    std::vector<Work> weights;
    weights.reserve(taps.weights.size());
    for (const double weight : taps.weights) weights.push_back(static_cast<Work>(weight));
    const MaskedLine line{static_cast<int>(weights.size()), taps.left, taps.border, axis, axis != plain, 0};
    plan.launch(CORMACK_KERNEL(masked_line, Work), grid, block, 0, values, shares, next_values, next_shares, own,
                plan.constant(weights), line);
    std::swap(values, next_values);
    std::swap(shares, next_shares);
  }
  plan.launch(CORMACK_KERNEL(masked_quotient, T, Work, Quotient), grid, block, 0, values, shares, own, plan.data<T>(1),
              to, result);
}

}  // namespace
}  // namespace cormack::device

// Images: source, target of one dtype, and a mask (bool or uint8) if there is one. Parameters: lengths of the weights
// of z, y and x, which the table has one after the other, left (the place of the voxel in them), border; skip_nan;
// exact (weights are all 1); fill.
CORMACK_PLAN(masked_filter) {
  const auto lengths = plan.integers("lengths"), left = plan.integers("left"), border = plan.integers("border");
  const auto weights = plan.table<double>(0);
  const bool exact = plan.integer("exact") != 0;
  std::array<Taps, 3> axes;
  std::ptrdiff_t at = 0;
  double places = 1;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const auto length = static_cast<std::ptrdiff_t>(lengths.at(axis));
    if (length < 1 || left.at(axis) < 0 || left[axis] >= length ||
        at + length > static_cast<std::ptrdiff_t>(weights.size()))
      throw std::invalid_argument("masked_filter: the weights do not fit");
    axes[axis] = {{weights.begin() + at, weights.begin() + at + length},
                  static_cast<int>(left[axis]),
                  static_cast<Border>(border.at(axis))};
    at += length;
    places *= static_cast<double>(length);
  }
  const bool masked = plan.image_count() > 2;
  const MaskedSource source{masked ? plan.layout(2) : plan.layout(0), masked, plan.integer("skip_nan") != 0};
  const MaskedResult result{plan.real("fill"), plan.image(0).dtype == cormack::DType::boolean, 0};
  cormack::dispatch(plan.image(0).dtype, [&](auto pixel) {
    using T = decltype(pixel);
    if constexpr (std::is_same_v<typename WorkFor<T>::Type, float>) {
      // float32 must hold every sum of voxels.
      const double largest = std::max(-static_cast<double>(std::numeric_limits<T>::lowest()),
                                      static_cast<double>(std::numeric_limits<T>::max()));
      if (!exact) return add_masked<T, float, float>(plan, axes, source, result);
      if (largest * places <= 0x1p24) return add_masked<T, float, double>(plan, axes, source, result);
    }
    add_masked<T, double, double>(plan, axes, source, result);
  });
}
