#include <algorithm>
#include <type_traits>

#include "filters/axis_kernel.hpp"
#include "filters/separable_march.hpp"
#include "filters/window_lines_plan.hpp"
#if defined(CORMACK_SEES_KERNELS)
#include "filters/separable.cuh"
#endif

namespace cormack::device {
namespace {

using Pairs = std::array<WeightPair, 3>;

struct Separable {
  Pairs axes;  // z, y, x
  std::array<bool, 3> smooth_odd{};
  int kind = kSmooth, count = 3, boolean = 0;

  std::size_t first() const { return kind == kSmooth ? 0 : static_cast<std::size_t>(3 - count); }
  std::size_t largest_radius() const {
    std::size_t most = 0;
    for (std::size_t axis = 0; axis < 3; ++axis) most = std::max(most, axes[axis].smooth.size() - 1);
    return most;
  }
};

// See the kernel. Of the axis that is filtered first.
template <class Work>
std::vector<Work> offsets_of(const WeightPair& pair, int extent, Work cval) {
  std::vector<Work> offsets;
  const int radius = static_cast<int>(pair.smooth.size()) - 1;
  for (const bool derives : {false, true}) {
    const std::vector<double>& weights = derives ? pair.derive : pair.smooth;
    for (int i = 0; i < extent; ++i) {
      Work offset = 0;
      for (int k = -radius; k <= radius; ++k) {
        if (i + k >= 0 && i + k < extent) continue;
        const Work weight = static_cast<Work>(weights[static_cast<std::size_t>(k < 0 ? -k : k)]);
        offset += (derives && pair.odd && k < 0 ? -weight : weight) * cval;
      }
      offsets.push_back(offset);
    }
  }
  return offsets;
}

template <class T, class Out, int R, int kind>
void add_march(Plan& plan, const Separable& filter, double cval) {
  using Work = typename WorkFor<T>::Type;
  MarchTaps<Work, R> taps{};
  MarchAxes axes{};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const WeightPair& pair = filter.axes[axis];
    for (std::size_t k = 0; k < pair.smooth.size(); ++k) {
      taps.smooth[axis][k] = static_cast<Work>(pair.smooth[k]);
      taps.derive[axis][k] = static_cast<Work>(pair.derive[k]);
    }
    axes.radius[axis] = static_cast<int>(pair.smooth.size()) - 1;
    axes.smooth_odd[axis] = filter.smooth_odd[axis];
    axes.derive_odd[axis] = pair.odd;
    axes.border[axis] = pair.border;
  }
  axes.count = filter.count;
  axes.boolean = filter.boolean;
  const Layout from = plan.layout(0), to = plan.layout(1);
  const std::size_t first = filter.first();
  axes.has_offsets = kind != kSmooth && first < 2 && axes.border[first] == cormack::Border::constant;
  std::vector<Work> offsets(1);
  if (axes.has_offsets)
    offsets = offsets_of(filter.axes[first], first == 0 ? from.depth : from.height, static_cast<Work>(cval));
  const unsigned across = Plan::parts(from.width, 32) * Plan::parts(from.height, 16);
  // Long marches read less, short ones make more blocks.
  axes.steps = across * Plan::parts(from.depth, 64) < 512 ? 16 : 64;
  const int cols = 32 + 2 * axes.radius[2], rows = 16 + 2 * axes.radius[1];
  const bool along_z = kind != kSmooth && filter.count == 3;
  const int lines = kind == kSmooth ? 1 : kind == kLaplace || !along_z ? 2 : 3;
  const auto values = static_cast<unsigned>(((along_z ? 2 : 1) * rows + lines * 16) * cols);
  plan.launch(CORMACK_KERNEL(separable_march, T, Out, R, kind),
              Dim{Plan::parts(from.width, 32), Plan::parts(from.height, 16), Plan::parts(from.depth, axes.steps)},
              Dim{32, 16}, values * unsigned{sizeof(Work)}, plan.data<T>(0), from, plan.data<Out>(1), to, taps, axes,
              static_cast<Work>(cval), plan.constant(offsets));
}

// Passes for kernels of any radius, each with an image of sums in working precision behind it.
template <class T, class Out>
class Passes {
  using Work = typename WorkFor<T>::Type;

 public:
  Passes(Plan& plan, const Separable& filter, double cval)
      : plan_(plan),
        filter_(filter),
        cval_(static_cast<Work>(cval)),
        axes_(by_stride(plan.image(0))),
        dense_(dense_in_order(plan.image(0), axes_)) {}

  void run() {
    if (filter_.kind == kSmooth) smooth();
    else derivatives();
  }

 private:
  using Sums = Pointer<Work>;
  static constexpr bool kDerives = true, kSmooths = false;

  Sums image() { return plan_.scratch<Work>(plan_.layout(0).size()); }

  void smooth() {
    std::vector<std::size_t> order;
    for (std::size_t axis = 0; axis < 3; ++axis)
      if (filter_.axes[axis].smooth.size() > 1 || filter_.axes[axis].smooth[0] != 1) order.push_back(axis);
    // What reads voxels stores sums, and what stores voxels reads sums: two passes at least.
    if (order.size() == 1) order.push_back(order[0] == 2 ? 1 : 2);
    Sums at = image();
    from_voxels(at, order[0], kSmooths, false);
    for (std::size_t i = 1; i + 1 < order.size(); ++i) {
      const Sums next = image();
      pass(at, next, order[i], kSmooths, kFromZero, kStoreSum);
      at = next;
    }
    to_voxels(at, at, order.back(), kSmooths, kFromZero, kStoreSum);
  }

  void derivatives() {
    const bool laplace = filter_.kind == kLaplace;
    const std::size_t first = filter_.first();
    Sums a = image();
    if (first == 2) {
      copy_of_voxels(a);
      return to_voxels(a, a, 2, kDerives, kFromZero, laplace ? kStoreSum : kRootOfSquare);
    }
    Sums b = image(), c = image();
    from_voxels(a, first, kSmooths, true);
    from_voxels(b, first, kDerives, true);
    if (first == 1) return along_x(a, b, nullptr, c, cval_);
    const Sums d = image();
    pass(a, c, 1, kSmooths, kFromZero, kStoreSum);
    pass(a, d, 1, kDerives, kFromZero, kStoreSum);
    if (laplace) {
      pass(b, d, 1, kSmooths, kFromSum, kStoreSum);
      // The sum of two images, each with `cval` around it.
      return along_x(c, d, nullptr, a, 2 * cval_);
    }
    pass(b, a, 1, kSmooths, kFromZero, kStoreSum);
    along_x(c, d, &a, b, cval_);
  }

  // d a + s b for the Laplacian, the length of (d a, s b, s c) for the gradient; `sums` is free.
  void along_x(Sums a, Sums b, const Sums* c, Sums sums, Work beyond_b) {
    const bool laplace = filter_.kind == kLaplace;
    pass(a, sums, 2, kDerives, kFromZero, laplace ? kStoreSum : kStoreSquare);
    if (c != nullptr) pass(b, sums, 2, kSmooths, kFromZero, kAddSquare);
    const Work cval = std::exchange(cval_, beyond_b);
    to_voxels(c != nullptr ? *c : b, sums, 2, kSmooths, laplace ? kFromSum : kFromZero,
              laplace ? kStoreSum : kRootOfSquares);
    cval_ = cval;
  }

  template <class In, class To>
  void add(Pointer<In> source, const Layout& from, Sums sums, Pointer<To> target, const Layout& to,
           const std::vector<double>& weights, LinePass pass) {
    std::vector<Work> values;
    values.reserve(weights.size());
    for (const double weight : weights) values.push_back(static_cast<Work>(weight));
    pass.radius = static_cast<int>(weights.size()) - 1;
    plan_.launch(CORMACK_KERNEL(weighted_line, In, To, Work), Plan::voxel_grid(from), Dim{32, 8}, 0, source, from, sums,
                 dense_, target, to, plan_.constant(values), pass, cval_);
  }
  int place_of(std::size_t axis) const {
    return static_cast<int>(std::find(axes_.begin(), axes_.end(), axis) - axes_.begin());
  }
  LinePass line(std::size_t axis, bool derives) const {
    const WeightPair& pair = filter_.axes[axis];
    return {0, derives ? pair.odd : filter_.smooth_odd[axis], pair.border, 0, kFromZero, kStoreSum, 0, place_of(axis)};
  }
  const std::vector<double>& weights(std::size_t axis, bool derives) const {
    return derives ? filter_.axes[axis].derive : filter_.axes[axis].smooth;
  }

  void from_voxels(Sums target, std::size_t axis, bool derives, bool offsets) {
    LinePass made = line(axis, derives);
    made.offsets = offsets;
    add(plan_.template data<T>(0), plan_.layout(0, axes_), target, target, dense_, weights(axis, derives), made);
  }
  void copy_of_voxels(Sums target) {
    add(plan_.template data<T>(0), plan_.layout(0, axes_), target, target, dense_, {1.0}, line(2, kSmooths));
  }
  void pass(Sums source, Sums target, std::size_t axis, bool derives, int start, int finish) {
    LinePass made = line(axis, derives);
    made.start = start;
    made.finish = finish;
    add(source, dense_, target, target, dense_, weights(axis, derives), made);
  }
  void to_voxels(Sums source, Sums sums, std::size_t axis, bool derives, int start, int finish) {
    LinePass made = line(axis, derives);
    made.start = start;
    made.finish = finish;
    made.boolean = filter_.boolean;
    add(source, dense_, sums, plan_.template data<Out>(1), plan_.layout(1, axes_), weights(axis, derives), made);
  }

  Plan& plan_;
  const Separable& filter_;
  Work cval_;
  std::array<std::size_t, 3> axes_;  // of the image, in the order of all layouts
  Layout dense_;                     // of sums
};

template <class T, class Out, int kind>
void add_filter(Plan& plan, const Separable& filter, double cval) {
  const std::size_t radius = filter.largest_radius();
  if (radius <= 4) return add_march<T, Out, 4, kind>(plan, filter, cval);
  // Longer rings, and planes of doubles, do not fit the registers.
  constexpr int longest = 7;
  if constexpr (std::is_same_v<typename WorkFor<T>::Type, float> && (kind != kSmooth || std::is_same_v<T, Out>))
    if (radius <= std::size_t{longest}) return add_march<T, Out, longest, kind>(plan, filter, cval);
  Passes<T, Out>(plan, filter, cval).run();
}

}  // namespace
}  // namespace cormack::device

// Images: source, target. Parameters, those of axes for z, y, x: kind (kSmooth, kLaplace, kGradient), border, cval,
// count (of derivatives: the last axes); of Gaussians sigma, order, radius, scale; or `lengths` of weights, the tables
// smooth and derive with the weights one after the other, and `odd` of smoothing.
CORMACK_PLAN(separable) {
  Separable filter;
  filter.kind = static_cast<int>(plan.integer("kind"));
  filter.count = static_cast<int>(plan.integer("count"));
  filter.boolean = plan.image(0).dtype == cormack::DType::boolean;
  const auto border = plan.integers("border"), lengths = plan.integers("lengths");
  const cormack::Image& image = plan.image(0);
  if (filter.count < 1 || filter.count > image.ndim)
    throw std::invalid_argument("separable: more filtered axes than the image has");
  std::vector<double> smooth, derive, sigma, scale;
  std::vector<long long> odd, order, radius;
  const bool gaussian = lengths[0] == 0;
  if (gaussian) {
    sigma = plan.reals("sigma"), order = plan.integers("order"), radius = plan.integers("radius");
    scale = plan.reals("scale");
  } else {
    smooth = plan.table<double>(0), derive = plan.table<double>(1), odd = plan.integers("odd");
  }
  std::ptrdiff_t at = 0;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const auto edge = static_cast<cormack::Border>(border[axis]);
    cormack::WeightPair& pair = filter.axes[axis];
    if (axis < filter.first()) {
      pair = {{1.0}, {0.0}, false, cormack::Border::reflect};
    } else if (filter.kind == kSmooth) {
      cormack::AxisKernel kernel;
      if (gaussian) {
        kernel = cormack::gaussian_kernel({sigma[axis], static_cast<int>(order[axis]), radius[axis], edge});
      } else {
        kernel.weights.assign(smooth.begin() + at, smooth.begin() + at + lengths[axis]);
        kernel.odd = odd[axis] != 0;
        kernel.border = edge;
      }
      kernel = cormack::folded(std::move(kernel), image.shape[axis]);
      filter.smooth_odd[axis] = kernel.odd;
      pair = {std::move(kernel.weights), {}, false, edge};
      pair.derive.resize(pair.smooth.size());
    } else if (gaussian) {
      pair = cormack::gaussian_pair({sigma[axis], scale[axis], radius[axis], edge}, filter.kind == kLaplace ? 2 : 1);
    } else {
      pair.smooth.assign(smooth.begin() + at, smooth.begin() + at + lengths[axis]);
      pair.derive.assign(derive.begin() + at, derive.begin() + at + lengths[axis]);
      pair.odd = true;
      pair.border = edge;
    }
    if (pair.smooth.size() != pair.derive.size() || pair.smooth.empty())
      throw std::invalid_argument("separable: kernels that derive and smooth differ in length");
    at += gaussian ? 0 : static_cast<std::ptrdiff_t>(lengths[axis]);
  }
  double cval = 0;
  for (std::size_t axis = filter.first(); axis < 3; ++axis)
    if (filter.axes[axis].border == cormack::Border::constant) cval = plan.real("cval");
  cormack::dispatch(image.dtype, [&](auto pixel) {
    using T = decltype(pixel);
    using Float = std::conditional_t<std::is_same_v<T, double>, double, float>;
    const bool floating =
        plan.image(1).dtype == (std::is_same_v<T, double> ? cormack::DType::f64 : cormack::DType::f32);
    if (!floating && plan.image(1).dtype != image.dtype)
      throw Unsupported("the result has the image's dtype or is float32");
    if (filter.kind == kLaplace) return add_filter<T, Float, kLaplace>(plan, filter, cval);
    if (filter.kind == kGradient) return add_filter<T, Float, kGradient>(plan, filter, cval);
    if (floating) return add_filter<T, Float, kSmooth>(plan, filter, cval);
    if constexpr (std::is_integral_v<T>) add_filter<T, T, kSmooth>(plan, filter, cval);
  });
}
