#include <algorithm>

#include "filters/correlate_taps.hpp"
#include "filters/separable_work.hpp"
#include "filters/window_lines_plan.hpp"
#if defined(CORMACK_SEES_KERNELS)
#include "filters/correlate.cuh"
#endif

namespace cormack::device {
namespace {

// The taps of one axis that are not zero.
struct Line {
  std::vector<double> weights;
  std::vector<int> offsets;
  double outside = 0;
  cormack::Border border = cormack::Border::reflect;

  bool identity() const { return weights.size() == 1 && offsets[0] == 0 && weights[0] == 1; }
  int reach() const {
    int most = 0;
    for (const int offset : offsets) most = std::max(most, offset < 0 ? -offset : offset);
    return most;
  }
};

template <class T>
std::vector<T> as(const std::vector<double>& values) {
  std::vector<T> result;
  result.reserve(values.size());
  for (const double value : values) result.push_back(static_cast<T>(value));
  if (result.empty()) result.push_back(0);
  return result;
}

template <class T>
void add_lines(Plan& plan, const std::array<Line, 3>& lines) {
  using Work = typename WorkFor<T>::Type;
  std::vector<std::size_t> order;
  for (std::size_t axis = 0; axis < 3; ++axis)
    if (!lines[axis].identity()) order.push_back(axis);
  if (order.empty()) order.push_back(2);
  std::vector<Pointer<Work>> between;
  for (std::size_t i = 0; i + 1 < order.size(); ++i) between.push_back(plan.scratch<Work>(plan.layout(0).size()));
  const bool boolean = plan.image(0).dtype == cormack::DType::boolean;
  const auto axes = by_stride(plan.image(0));
  const Layout dense = dense_in_order(plan.image(0), axes);
  for (std::size_t i = 0; i < order.size(); ++i) {
    const Line& line = lines[order[i]];
    const bool last = i + 1 == order.size();
    const Layout from = i == 0 ? plan.layout(0, axes) : dense, to = last ? plan.layout(1, axes) : dense;
    const auto place = std::find(axes.begin(), axes.end(), order[i]) - axes.begin();
    const TapLine taps{static_cast<int>(line.weights.size()),
                       line.reach(),
                       i == 0 && order[i] < 2,
                       last && boolean,
                       line.border,
                       static_cast<int>(place)};
    auto offsets = line.offsets;
    if (offsets.empty()) offsets.push_back(0);
    const auto weights_at = plan.constant(as<Work>(line.weights));
    const auto offsets_at = plan.constant(offsets);
    const auto add = [&]<class In, class Out>(Pointer<In> source, Pointer<Out> target) {
      plan.launch(CORMACK_KERNEL(correlate_line, In, Out, Work), Plan::voxel_grid(from), Dim{32, 8}, 0, source, from,
                  target, to, weights_at, offsets_at, taps, static_cast<Work>(line.outside));
    };
    if (i == 0 && last) add(plan.data<T>(0), plan.data<T>(1));
    else if (i == 0) add(plan.data<T>(0), between[0]);
    else if (last) add(between[i - 1], plan.data<T>(1));
    else add(between[i - 1], between[i]);
  }
}

}  // namespace
}  // namespace cormack::device

// Images: source, target of one dtype. Parameters, each for z, y, x: shape of the window, left (the place of the voxel
// in it), border; product: whether the table holds the weights of each axis, one axis after the other, or else those of
// the window; outside: the value beyond constant borders that each axis' pass sees, or the window.
CORMACK_PLAN(correlate) {
  const auto shape = plan.integers("shape"), left = plan.integers("left"), border = plan.integers("border");
  const auto outside = plan.reals("outside");
  const auto weights = plan.table<double>(0);
  long long count = 1;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    if (shape.at(axis) < 1 || left.at(axis) < 0 || left[axis] >= shape[axis])
      throw std::invalid_argument("correlate: a voxel is outside its window");
    count *= shape[axis];
  }
  const bool product = plan.integer("product") != 0;
  if (static_cast<long long>(weights.size()) != (product ? shape[0] + shape[1] + shape[2] : count))
    throw std::invalid_argument("correlate: the weights do not fit the window");
  if (product) {
    std::array<Line, 3> lines;
    std::size_t at = 0;
    for (std::size_t axis = 0; axis < 3; ++axis) {
      lines[axis].outside = outside.at(axis);
      lines[axis].border = static_cast<cormack::Border>(border[axis]);
      for (long long k = 0; k < shape[axis]; ++k, ++at) {
        if (weights[at] == 0) continue;
        lines[axis].weights.push_back(weights[at]);
        lines[axis].offsets.push_back(static_cast<int>(k - left[axis]));
      }
    }
    cormack::dispatch(plan.image(0).dtype, [&](auto pixel) { add_lines<decltype(pixel)>(plan, lines); });
    return;
  }
  TapWindow taps{};
  std::vector<double> values;
  std::vector<int> offsets;
  for (long long k = 0; k < count; ++k) {
    if (weights[static_cast<std::size_t>(k)] == 0) continue;
    values.push_back(weights[static_cast<std::size_t>(k)]);
    const long long place[3] = {k / shape[2] / shape[1], k / shape[2] % shape[1], k % shape[2]};
    for (std::size_t axis = 0; axis < 3; ++axis) offsets.push_back(static_cast<int>(place[axis] - left[axis]));
  }
  taps.count = static_cast<int>(values.size());
  if (offsets.empty()) offsets.push_back(0);
  for (std::size_t axis = 0; axis < 3; ++axis) {
    taps.reach[axis] = static_cast<int>(std::max(left[axis], shape[axis] - 1 - left[axis]));
    taps.border[axis] = static_cast<cormack::Border>(border[axis]);
  }
  taps.boolean = plan.image(0).dtype == cormack::DType::boolean;
  cormack::dispatch(plan.image(0).dtype, [&](auto pixel) {
    using T = decltype(pixel);
    using Work = typename WorkFor<T>::Type;
    plan.launch(CORMACK_KERNEL(correlate_window, T, Work), Plan::voxel_grid(plan.layout(0)), Dim{32, 8}, 0,
                plan.data<T>(0), plan.layout(0), plan.data<T>(1), plan.layout(1), plan.constant(as<Work>(values)),
                plan.constant(offsets), taps, static_cast<Work>(outside.at(0)));
  });
}
