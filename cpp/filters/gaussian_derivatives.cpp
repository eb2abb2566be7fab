#include "filters/gaussian_derivatives.hpp"

#include "core/check.hpp"
#include "core/unit_rows.hpp"
#include "filters/gaussian_derivatives_rows.hpp"
#include "filters/row_passes.hpp"

namespace cormack {
namespace {

template <class Work>
struct AxisPair {
  explicit AxisPair(const WeightPair& pair)
      : radius(static_cast<std::int64_t>(pair.smooth.size()) - 1),
        border(pair.border),
        odd(pair.odd),
        smooth(radius + 1),
        derive(radius + 1) {
    if (radius < 0 || pair.derive.size() != pair.smooth.size())
      throw std::invalid_argument("gaussian_derivatives: sigma is too small");
    for (std::size_t k = 0; k < pair.smooth.size(); ++k) {
      smooth[static_cast<std::int64_t>(k)] = static_cast<Work>(pair.smooth[k]);
      derive[static_cast<std::int64_t>(k)] = static_cast<Work>(pair.derive[k]);
    }
  }
  KernelPair<Work> kernel() const { return {smooth.data(), derive.data(), radius}; }

  std::int64_t radius;
  Border border;
  bool odd;
  Scratch<Work> smooth, derive;
};

template <class T, class Out>
class DerivativeWorker {
 public:
  using Work = TapWork<T>;

  DerivativeWorker(const View<const T>& src, const std::array<const AxisPair<Work>*, 3>& axes, int count, Work cval,
                   bool gradient)
      : src_(src),
        axes_(axes),
        count_(count),
        cval_(cval),
        first_(*axes[count == 3 ? 0 : 1]),
        read_(gaussian_derivatives_rows().read[gradient].template get<T>()),
        join_(gaussian_derivatives_rows().template join<Work>(gradient)),
        write_(gaussian_derivatives_rows().template write<Work, Out>(gradient)),
        channels_(count < 3  ? count
                  : gradient ? 3
                             : 2),
        rows_(2 * first_.radius + 1),
        zeros_(src.shape[2]) {
    std::fill_n(zeros_.data(), src.shape[2], T{0});
  }

  void read(std::int64_t z, std::int64_t y, Work* const* out) {
    const std::int64_t cols = src_.shape[2];
    if (count_ == 1) {
      const T* row = src_.row(z, y);
      for (std::int64_t x = 0; x < cols; ++x) out[0][x] = static_cast<Work>(row[x]);
      return;
    }
    const T* line = count_ == 3 ? src_.row(0, y) : src_.row(z, 0);
    const std::int64_t position = count_ == 3 ? z : y, length = src_.shape[count_ == 3 ? 0 : 1];
    const std::int64_t stride = src_.stride[count_ == 3 ? 0 : 1];
    Work offsets[2] = {0, 0};
    for (std::int64_t k = -first_.radius; k <= first_.radius; ++k) {
      const std::int64_t index = border_index(position + k, length, first_.border), distance = k < 0 ? -k : k;
      rows_[k + first_.radius] = index < 0 ? zeros_.data() : line + index * stride;
      if (index >= 0) continue;
      const Work derive = first_.derive[distance];
      offsets[0] += first_.smooth[distance] * cval_;
      offsets[1] += (first_.odd && k < 0 ? -derive : derive) * cval_;
    }
    read_(out[0], out[1], rows_.data() + first_.radius, first_.kernel(), offsets, cols);
  }
  void join(std::int64_t, std::int64_t, const Work* const* const* ring, Work* const* out) {
    join_(out, ring[0], ring[1], axes_[1]->kernel(), src_.shape[2]);
  }
  void write(std::int64_t, std::int64_t, Work* const* lines, Out* out) {
    write_(out, lines, channels_, axes_[2]->kernel(), src_.shape[2]);
  }

 private:
  const View<const T>& src_;
  std::array<const AxisPair<Work>*, 3> axes_;
  int count_;
  Work cval_;
  const AxisPair<Work>& first_;
  ReadPair<T> read_;
  JoinPair<Work> join_;
  WritePair<Work, Out> write_;
  int channels_;
  Scratch<const T*> rows_;
  Scratch<T> zeros_;
};

template <class T, class Out>
void run(const View<const T>& source, const View<Out>& dst, const std::array<WeightPair, 3>& pairs, int count,
         double cval, bool gradient, Context context) {
  using Work = TapWork<T>;
  const UnitRows<T> unit_rows(source, context.workers);
  const AxisPair<Work> z(pairs[0]), y(pairs[1]), x(pairs[2]);
  RowPlan plan;
  plan.ring = count == 3;
  plan.read_rows = count == 1 ? 1 : 2 * (plan.ring ? z.radius : y.radius) + 1;
  if (plan.ring) plan.above = plan.below = y.radius;
  plan.border_y = y.border;
  plan.left = plan.right = x.radius;
  plan.border_x = x.border;
  plan.outside_y.fill(cval);
  plan.outside_x.fill(cval);
  // The second line of the Laplacian is the sum of two images, each with `cval` around it.
  if (!gradient && count == 3) plan.outside_x[1] = 2 * cval;
  const auto make_worker = [&] {
    return DerivativeWorker<T, Out>(unit_rows.view(), {&z, &y, &x}, count, static_cast<Work>(cval), gradient);
  };
  if (gradient) run_rows<Work, 2, 3>(dst, plan, sizeof(T), false, context, make_worker);
  else run_rows<Work, 2, 2>(dst, plan, sizeof(T), false, context, make_worker);
}

void run(const Image& src, const Image& dst, std::array<WeightPair, 3> pairs, int count, double cval, bool gradient,
         Context context) {
  if (src.size() == 0) return;
  if (count < 1 || count > src.ndim)
    throw std::invalid_argument("gaussian_derivatives: more filtered axes than the image has");
  for (int axis = 0; axis < 3 - count; ++axis)
    pairs[static_cast<std::size_t>(axis)] = {{1.0}, {0.0}, gradient, Border::reflect};
  dispatch(src.dtype, [&](auto pixel) {
    using T = decltype(pixel);
    using Out = std::conditional_t<std::is_same_v<T, double>, double, float>;
    run<T, Out>(src.view<const T>(), dst.view<Out>(), pairs, count, cval, gradient, context);
  });
}

void run(const Image& src, const Image& dst, const GaussianDerivatives& filter, bool gradient, Context context) {
  const int order = gradient ? 1 : 2;
  run(src, dst,
      {gaussian_pair(filter.axes[0], order), gaussian_pair(filter.axes[1], order),
       gaussian_pair(filter.axes[2], order)},
      filter.count, filter.cval, gradient, context);
}

}  // namespace

namespace cpu {

void gaussian_laplace(const Image& src, const Image& dst, const GaussianDerivatives& filter, Context context) {
  check_one_shape("gaussian_laplace", src, dst);
  run(src, dst, filter, false, context);
}

void gaussian_gradient_magnitude(const Image& src, const Image& dst, const GaussianDerivatives& filter,
                                 Context context) {
  check_one_shape("gaussian_gradient_magnitude", src, dst);
  run(src, dst, filter, true, context);
}

void gradient_magnitude(const Image& src, const Image& dst, const std::array<GradientAxis, 3>& axes, int count,
                        double cval, Context context) {
  check_one_shape("gradient_magnitude", src, dst);
  std::array<WeightPair, 3> pairs;
  for (std::size_t axis = 0; axis < 3; ++axis)
    pairs[axis] = {axes[axis].smooth, axes[axis].derive, true, axes[axis].border};
  run(src, dst, std::move(pairs), count, cval, true, context);
}

}  // namespace cpu
}  // namespace cormack
