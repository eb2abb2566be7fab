#include <algorithm>
#include <cmath>
#include <type_traits>

#include "filters/window_lines_plan.hpp"
#include "filters/window_mean.cuh"
#if defined(CORMACK_SEES_KERNELS)
#include "filters/uniform_filter.cuh"
#endif

namespace cormack::device {
namespace {

// See mean_of in uniform_filter.cpp: which rounding is that of the exact mean.
template <class T>
MeanRule mean_rule(double count, double bound, DType dtype) {
  MeanRule rule{count, count < 0x1p62 ? static_cast<long long>(count) : 0, kDoubleQuotient, dtype == DType::boolean};
  if constexpr (std::is_integral_v<T>) {
    const long long n = rule.integer_count;
    const bool product = n % 2 != 0 || (n & (n - 1)) == 0;
    if (sizeof(T) <= 2 && bound < 0x1p22 && product) rule.by = kFloatProduct;
    else if (sizeof(T) <= 2 && bound < 0x1p23) rule.by = kFloatQuotient;
    else if (bound < 0x1p51 && product) rule.by = kDoubleProduct;
    else if (bound >= 0x1p52) rule.by = kIntegers;
  } else if (dtype == DType::f32) {
    rule.by = kDoubleProduct;
  }
  return rule;
}

template <class T, class Sum>
void add_passes(Plan& plan, const Box& box, Sum cval, const MeanRule& mean) {
  const cormack::Image& image = plan.image(0);
  std::array<std::size_t, 3> order{};
  std::size_t count = 0;
  for (std::size_t axis = 0; axis < 3; ++axis)
    if (box.size[axis] > 1) order[count++] = axis;
  if (count == 0) order[count++] = 2;
  Pointer<Sum> between[2];
  for (std::size_t i = 0; i + 1 < count; ++i) between[i] = plan.scratch<Sum>(plan.layout(0).size());
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t axis = order[i];
    const auto axes = axis_first(image, axis);
    const auto add = [&](auto source, const Layout& from, auto target, const Layout& to, const auto& finish) {
      add_window_pass<Sums<Sum>>(plan, source, from, target, to, box.size[axis], box.left[axis], box.border[axis], cval,
                                 finish);
    };
    const Layout from = i == 0 ? plan.layout(0, axes) : dense_layout(image, axes);
    const bool last = i + 1 == count;
    const Layout to = last ? plan.layout(1, axes) : dense_layout(image, axes);
    if (i == 0 && last) add(plan.data<T>(0), from, plan.data<T>(1), to, mean);
    else if (i == 0) add(plan.data<T>(0), from, between[0], to, AsItIs{0});
    else if (last) add(between[i - 1], from, plan.data<T>(1), to, mean);
    else add(between[i - 1], from, between[i], to, AsItIs{0});
    cval *= static_cast<Sum>(box.size[axis]);
  }
}

}  // namespace
}  // namespace cormack::device

// Images: source, target of one dtype. Parameters: size, left (how far before a voxel its window begins), border, each
// for z, y, x; cval.
CORMACK_PLAN(uniform_filter) {
  const auto size = plan.integers("size"), left = plan.integers("left"), border = plan.integers("border");
  Box box{};
  double count = 1, cval = 0;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    box.size[axis] = static_cast<int>(size[axis]);
    box.left[axis] = static_cast<int>(left[axis]);
    box.border[axis] = static_cast<cormack::Border>(border[axis]);
    if (size[axis] < 1 || size[axis] > 1 << 30 || left[axis] < 0 || left[axis] >= size[axis])
      throw std::invalid_argument("uniform_filter: a window must hold its voxel and be at most 2^30 voxels long");
    count *= static_cast<double>(size[axis]);
    if (box.border[axis] == cormack::Border::constant) cval = plan.real("cval");
  }
  const bool fused = std::all_of(size.begin(), size.end(), [](long long s) { return s <= 9; });
  cormack::dispatch(plan.image(0).dtype, [&](auto pixel) {
    using T = decltype(pixel);
    const auto add = [&](auto zero, double bound) {
      using Sum = decltype(zero);
      const MeanRule mean = mean_rule<T>(count, bound, plan.image(0).dtype);
      if (!fused) return add_passes<T, Sum>(plan, box, static_cast<Sum>(cval), mean);
      const Layout from = plan.layout(0), to = plan.layout(1);
      const int steps = 32;
      const Dim grid{Plan::parts(from.width, 32), Plan::parts(from.height, 16), Plan::parts(from.depth, steps)};
      const unsigned values = static_cast<unsigned>((16 + size[1] - 1 + 16) * (32 + size[2] - 1));
      plan.launch(CORMACK_KERNEL(box_march, T, Sum), grid, Dim{32, 16}, values * unsigned{sizeof(Sum)}, plan.data<T>(0),
                  from, plan.data<T>(1), to, box, static_cast<Sum>(cval), mean, steps);
    };
    if constexpr (std::is_integral_v<T>) {
      const double largest =
          std::max({-static_cast<double>(Limits<T>::lowest), static_cast<double>(Limits<T>::highest), std::abs(cval)});
      if (std::trunc(cval) != cval) throw Unsupported("`cval` is an integer for images of integers");
      if (count * largest >= 0x1p62) throw Unsupported("windows and `cval` are so small that 64 bits hold their sums");
      if constexpr (sizeof(T) <= 2)
        if (count * largest < 0x1p31) return add(0, count * largest);
      add(0LL, count * largest);
    } else {
      add(0.0, 0);
    }
  });
}
