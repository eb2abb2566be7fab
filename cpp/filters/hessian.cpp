#include "filters/hessian.hpp"

#include <cmath>
#include <memory>

#include "core/unit_rows.hpp"
#include "filters/gaussian_filter.hpp"
#include "filters/hessian_rows.hpp"
#include "filters/row_passes.hpp"

namespace cormack {
namespace {

// What happens along an axis: nothing but smoothing; the derivative in the first pass or in the second; in both.
enum class Along : int { smooth = 0, first = 1, second = 2, twice = 3 };

struct Kernel {
  std::vector<double> weights;  // of offsets 0 .. radius
  bool odd = false;
  std::int64_t radius() const { return static_cast<std::int64_t>(weights.size()) - 1; }
  double at(std::int64_t k) const {
    const double weight = weights[static_cast<std::size_t>(k < 0 ? -k : k)];
    return odd && k < 0 ? -weight : weight;
  }
};

// Weights too small to matter even in float64 are left out: scikit-image's kernels for small sigma reach 100 sigma.
void trim(Kernel& kernel) {
  double largest = 0;
  for (const double weight : kernel.weights) largest = std::max(largest, std::abs(weight));
  while (kernel.weights.size() > 1 && std::abs(kernel.weights.back()) < 1e-20 * largest) kernel.weights.pop_back();
}

struct KernelsOfAxis {
  KernelsOfAxis(const HessianAxis& axis) : border(axis.border) {
    const double sigma = axis.sigma * std::sqrt(0.5);
    for (const bool derive : {false, true}) {
      const AxisKernel kernel = gaussian_kernel({sigma, derive ? 1 : 0, axis.radius, axis.border});
      if (derive && kernel.weights.size() < 2) throw std::invalid_argument("hessian: sigma is too small");
      Kernel& to = derive ? odd : even;
      to = {kernel.weights, kernel.odd};
      trim(to);
      if (derive)
        for (double& weight : to.weights) weight *= axis.scale;
    }
  }
  const Kernel& stage(Along along, int pass) const {
    const bool derive = along == Along::twice || (pass == 0 ? along == Along::first : along == Along::second);
    return derive ? odd : even;
  }

  Kernel even, odd;
  Border border;
};

// Both passes as one kernel, where the border allows it.
Kernel composed(const KernelsOfAxis& axis, Along along) {
  const Kernel &a = axis.stage(along, 0), &b = axis.stage(along, 1);
  const std::int64_t radius = a.radius() + b.radius();
  Kernel both{std::vector<double>(static_cast<std::size_t>(radius) + 1, 0.0), a.odd != b.odd};
  for (std::int64_t i = -a.radius(); i <= a.radius(); ++i)
    for (std::int64_t j = -b.radius(); j <= b.radius(); ++j)
      if (i + j >= 0) both.weights[static_cast<std::size_t>(i + j)] += a.at(i) * b.at(j);
  return both;
}

// How much of a kernel may be left out.
template <class Work>
constexpr double kNegligible = sizeof(Work) == 4 ? 1e-9 : 1e-17;

// Shortens a kernel by the weights that do not matter together.
template <class Work>
void shorten(Kernel& kernel) {
  double sum = 0, left_out = 0;
  for (const double weight : kernel.weights) sum += std::abs(weight);
  while (kernel.weights.size() > 1) {
    left_out += std::abs(kernel.weights.back());
    if (left_out > kNegligible<Work> * sum) break;
    kernel.weights.pop_back();
  }
}

// Both passes along a line, position by position: exact at every border, at which two passes are not one.
template <class Work>
class LineWeights {
 public:
  LineWeights(const KernelsOfAxis& axis, const std::vector<Along>& which, std::int64_t length)
      : kernels_(static_cast<std::int64_t>(which.size())),
        first_(static_cast<std::size_t>(length)),
        count_(static_cast<std::size_t>(length)) {
    std::vector<std::vector<double>> rows(which.size());
    std::vector<std::vector<Work>> packed(static_cast<std::size_t>(length));
    const std::int64_t reach = axis.even.radius() + axis.odd.radius() + std::max(axis.even.radius(), axis.odd.radius());
    std::vector<Folded> folded;
    if (2 * std::max(axis.even.radius(), axis.odd.radius()) >= length)
      for (const Along along : which) folded.emplace_back(axis, along, length);
    std::int64_t inner = -1;  // a position whose window lies inside: all such have its weights
    for (std::int64_t position = 0; position < length; ++position) {
      const bool inside = position >= reach && position + reach < length;
      if (inside && inner >= 0) {
        const auto at = static_cast<std::size_t>(position), like = static_cast<std::size_t>(inner);
        first_[at] = first_[like] + position - inner;
        count_[at] = count_[like];
        packed[at] = packed[like];
        continue;
      }
      if (inside) inner = position;
      std::int64_t low = length, high = -1;
      for (std::size_t c = 0; c < which.size(); ++c) {
        rows[c].assign(static_cast<std::size_t>(length), 0.0);
        if (folded.empty()) fill(axis, which[c], position, length, rows[c]);
        else folded[c].fill(position, rows[c]);
        double sum = 0;
        for (const double weight : rows[c]) sum += std::abs(weight);
        const auto matters = [&](std::int64_t i) {
          return std::abs(rows[c][static_cast<std::size_t>(i)]) > 0.1 * kNegligible<Work> * sum;
        };
        std::int64_t i = 0, j = length - 1;
        while (i < length && !matters(i)) ++i;
        while (j >= 0 && !matters(j)) --j;
        low = std::min(low, i);
        high = std::max(high, j);
      }
      if (high < low) low = high = std::min(position, length - 1);
      const auto at = static_cast<std::size_t>(position);
      first_[at] = low;
      count_[at] = high - low + 1;
      widest_ = std::max(widest_, count_[at]);
      above_ = std::max(above_, position - low);
      below_ = std::max(below_, high - position);
      for (const std::vector<double>& row : rows)
        for (std::int64_t i = low; i <= high; ++i)
          packed[at].push_back(static_cast<Work>(row[static_cast<std::size_t>(i)]));
    }
    for (std::vector<Work>& row : packed) {
      start_.push_back(weights_.size());
      weights_.insert(weights_.end(), row.begin(), row.end());
    }
  }

  std::int64_t first(std::int64_t position) const { return first_[static_cast<std::size_t>(position)]; }
  std::int64_t count(std::int64_t position) const { return count_[static_cast<std::size_t>(position)]; }
  std::int64_t widest() const { return widest_; }
  std::int64_t above() const { return above_; }
  std::int64_t below() const { return below_; }
  const Work* of(std::int64_t position, std::int64_t kernel) const {
    return weights_.data() + start_[static_cast<std::size_t>(position)] + kernel * count(position);
  }
  // The sum of the weights of a kernel, which is less than its integral where some lie beyond the border.
  Work sum(std::int64_t position, std::int64_t kernel) const {
    Work total = 0;
    for (std::int64_t k = 0; k < count(position); ++k) total += of(position, kernel)[k];
    return total;
  }

 private:
  static void fill(const KernelsOfAxis& axis, Along along, std::int64_t position, std::int64_t length,
                   std::vector<double>& row) {
    const Kernel &a = axis.stage(along, 0), &b = axis.stage(along, 1);
    for (std::int64_t j = -b.radius(); j <= b.radius(); ++j) {
      const std::int64_t between = border_index(position + j, length, axis.border);
      if (between < 0 || b.at(j) == 0) continue;
      for (std::int64_t i = -a.radius(); i <= a.radius(); ++i) {
        const std::int64_t from = border_index(between + i, length, axis.border);
        if (from >= 0) row[static_cast<std::size_t>(from)] += a.at(i) * b.at(j);
      }
    }
  }

  // Windows longer than the line: each pass is folded into it first, else the work would be the square of the window.
  class Folded {
   public:
    Folded(const KernelsOfAxis& axis, Along along, std::int64_t length)
        : length_(length), first_(fold(axis, axis.stage(along, 0))), second_(fold(axis, axis.stage(along, 1))) {}
    void fill(std::int64_t position, std::vector<double>& row) const {
      const double* second = second_.data() + position * length_;
      for (std::int64_t between = 0; between < length_; ++between) {
        const double* first = first_.data() + between * length_;
        for (std::int64_t i = 0; i < length_; ++i) row[static_cast<std::size_t>(i)] += first[i] * second[between];
      }
    }

   private:
    // Row by row the weights of the line's values at each position.
    std::vector<double> fold(const KernelsOfAxis& axis, const Kernel& kernel) const {
      std::vector<double> matrix(static_cast<std::size_t>(length_ * length_));
      for (std::int64_t position = 0; position < length_; ++position) {
        for (std::int64_t k = -kernel.radius(); k <= kernel.radius(); ++k) {
          const std::int64_t from = border_index(position + k, length_, axis.border);
          if (from >= 0) matrix[static_cast<std::size_t>(position * length_ + from)] += kernel.at(k);
        }
      }
      return matrix;
    }

    std::int64_t length_;
    std::vector<double> first_, second_;
  };

  std::int64_t kernels_, widest_ = 0, above_ = 0, below_ = 0;
  std::vector<std::int64_t> first_, count_;
  std::vector<std::size_t> start_;
  std::vector<Work> weights_;
};

// Both passes along x, by shifts of the continued line: as one kernel where continuing the line in between would not
// change it.
template <class Work>
class RowWeights {
 public:
  RowWeights(const KernelsOfAxis& axis, Along along) : border_(axis.border) {
    const bool symmetric = axis.border == Border::reflect || axis.border == Border::mirror;
    const bool once = axis.border == Border::wrap || (symmetric && !axis.stage(along, 0).odd);
    if (once) {
      stages_.push_back(composed(axis, along));
    } else {
      stages_.push_back(axis.stage(along, 0));
      stages_.push_back(axis.stage(along, 1));
    }
    for (Kernel& stage : stages_) {
      shorten<Work>(stage);
      std::vector<Work> weights;
      for (std::int64_t k = -stage.radius(); k <= stage.radius(); ++k)
        weights.push_back(static_cast<Work>(stage.at(k)));
      weights_.push_back(std::move(weights));
      reach_ = std::max(reach_, stage.radius());
    }
  }
  std::int64_t reach() const { return reach_; }

  // line: continued by `reach` values; between: room for a line with as many on both sides; rows: room for pointers.
  void apply(Work* out, const Work* line, Work* between, const Work** rows, std::int64_t n,
             WeighRows<Work, Work> weigh) const {
    const Work* from = line;
    for (std::size_t stage = 0; stage < stages_.size(); ++stage) {
      const std::int64_t radius = stages_[stage].radius();
      if (stage == 1) {
        extend_row(between, n, radius, radius, border_, Work{0});
        from = between;
      }
      for (std::int64_t k = -radius; k <= radius; ++k) rows[k + radius] = from + k;
      Work* to = stage + 1 == stages_.size() ? out : between;
      const Work* weights = weights_[stage].data();
      weigh(&to, 1, rows, &weights, 2 * radius + 1, n);
    }
  }

 private:
  Border border_;
  std::vector<Kernel> stages_;
  std::vector<std::vector<Work>> weights_;
  std::int64_t reach_ = 0;
};

// Where the elements come from along x: the line and what is done with it.
struct Element {
  int line;
  Along along;
};
constexpr Element kElements3[6] = {{0, Along::smooth}, {1, Along::smooth}, {2, Along::second},
                                   {3, Along::smooth}, {4, Along::second}, {5, Along::twice}};
constexpr Element kElements2[3] = {{0, Along::smooth}, {1, Along::second}, {2, Along::twice}};

template <class T, class Out>
struct HessianPlan {
  using Work = TapWork<T>;

  HessianPlan(const View<const T>& s, const std::vector<View<Out>>& d, const HessianFilter& f, int dimensions)
      : src(s), dst(d), filter(f), ndim(dimensions), measure(static_cast<int>(f.measure)) {
    const KernelsOfAxis along_y(filter.axes[1]), along_x(filter.axes[2]);
    // Lines along x are made of: 3-D  zz, zy, zx, yy, yx, xx;  2-D  yy, yx, xx.
    if (ndim == 3) {
      const KernelsOfAxis along_z(filter.axes[0]);
      first = std::make_unique<LineWeights<Work>>(along_z, std::vector{Along::smooth, Along::first, Along::twice},
                                                  src.shape[0]);
      plain = std::make_unique<LineWeights<Work>>(along_y, std::vector{Along::smooth, Along::first, Along::twice},
                                                  src.shape[1]);
      once = std::make_unique<LineWeights<Work>>(along_y, std::vector{Along::smooth, Along::second}, src.shape[1]);
      twice = std::make_unique<LineWeights<Work>>(along_y, std::vector{Along::smooth}, src.shape[1]);
    } else {
      first = std::make_unique<LineWeights<Work>>(along_y, std::vector{Along::twice, Along::first, Along::smooth},
                                                  src.shape[1]);
    }
    for (int e = 0; e < elements(); ++e) {
      rows.emplace_back(along_x, element(e).along);
      reach = std::max(reach, rows.back().reach());
    }
    formula.sign = filter.bright ? -1 : 1;
    formula.scale = filter.sigma * filter.sigma;
    formula.plate = -0.5 / (filter.alpha * filter.alpha);
    formula.blob = -0.5 / (filter.beta * filter.beta);
    formula.structure = -0.5 / (filter.gamma * filter.gamma);
    formula.mixing = filter.alpha;
  }
  int elements() const { return ndim == 3 ? 6 : 3; }
  const Element& element(int e) const { return ndim == 3 ? kElements3[e] : kElements2[e]; }

  const View<const T>& src;
  const std::vector<View<Out>>& dst;
  const HessianFilter& filter;
  int ndim, measure;
  std::unique_ptr<LineWeights<Work>> first, plain, once, twice;
  std::vector<RowWeights<Work>> rows;
  std::int64_t reach = 0;
  RidgeFormula formula{};
};

template <class T, class Out, int ndim>
class HessianWorker {
 public:
  using Work = TapWork<T>;
  using Plan = HessianPlan<T, Out>;

  explicit HessianWorker(const Plan& plan)
      : plan_(plan),
        cols_(plan.src.shape[2]),
        pitch_((cols_ + 2 * kHessianSlack + 15) / 16 * 16),
        margin_((plan.reach + 15) / 16 * 16),
        pixels_(plan.first->widest()),
        rows_(std::max({2 * plan.reach + 1, plan.ndim == 3 ? plan.plain->widest() : 1,
                        plan.ndim == 3 ? plan.once->widest() : 1, plan.ndim == 3 ? plan.twice->widest() : 1})),
        between_(pitch_ + 2 * margin_),
        elements_(6 * pitch_) {}

  void read(std::int64_t z, std::int64_t y, Work* const* out) {
    const LineWeights<Work>& weights = *plan_.first;
    const bool volume = plan_.ndim == 3;
    const std::int64_t position = volume ? z : y;
    const std::int64_t stride = plan_.src.stride[volume ? 0 : 1];
    const T* line = volume ? plan_.src.row(0, y) : plan_.src.row(z, 0);
    const std::int64_t begin = weights.first(position), count = weights.count(position);
    for (std::int64_t k = 0; k < count; ++k) pixels_[k] = line + (begin + k) * stride;
    const Work* kernels[3];
    for (int c = 0; c < 3; ++c) kernels[c] = weights.of(position, c);
    hessian_rows().pixels.template get<T>()(out, 3, pixels_.data(), kernels, count, cols_);
    const Work cval = static_cast<Work>(plan_.filter.cval);
    if (cval == 0) return;
    // Beyond the border lies `cval`: what is added to the image to make that 0 goes through all passes.
    for (int c = 0; c < 3; ++c) {
      const Work lost = cval * weights.sum(position, c);
      for (std::int64_t x = 0; x < cols_; ++x) out[c][x] -= lost;
    }
  }

  void join(std::int64_t, [[maybe_unused]] std::int64_t y, [[maybe_unused]] const Work* const* const* ring,
            [[maybe_unused]] Work* const* out) {
    if constexpr (ndim == 3) {
      Work* const of_smooth[3] = {out[3 + 2], out[3 + 1], out[3]};
      weigh(*plan_.plain, y, ring[0], of_smooth, 3);
      Work* const of_first[2] = {out[2], out[1]};
      weigh(*plan_.once, y, ring[1], of_first, 2);
      weigh(*plan_.twice, y, ring[2], out, 1);
    }
  }

  void write(std::int64_t z, std::int64_t y, Work* const* lines, Out* out) {
    const Work* h[6] = {};
    for (int e = 0; e < plan_.elements(); ++e) {
      Work* row = elements_.data() + e * pitch_;
      plan_.rows[static_cast<std::size_t>(e)].apply(row, lines[plan_.element(e).line], between_.data() + margin_,
                                                    rows_.data(), cols_, hessian_rows().template weigh<Work>());
      h[e] = row;
    }
    Out* to[6] = {out};
    for (std::size_t c = 1; c < plan_.dst.size(); ++c) to[c] = plan_.dst[c].row(z, y);
    hessian_rows().template measure<Work, Out>(plan_.ndim, plan_.measure)(to, h, plan_.formula, plan_.filter.accumulate,
                                                                          cols_);
  }

 private:
  void weigh(const LineWeights<Work>& weights, std::int64_t y, const Work* const* ring, Work* const* out, int kernels) {
    const std::int64_t begin = weights.first(y) - y, count = weights.count(y);
    for (std::int64_t k = 0; k < count; ++k) rows_[k] = ring[begin + k];
    const Work* of[3];
    for (int c = 0; c < kernels; ++c) of[c] = weights.of(y, c);
    hessian_rows().template weigh<Work>()(out, kernels, rows_.data(), of, count, cols_);
  }

  const Plan& plan_;
  std::int64_t cols_, pitch_, margin_;
  Scratch<const T*> pixels_;
  Scratch<const Work*> rows_;
  Scratch<Work> between_, elements_;
};

template <class T, class Out>
void run(const View<const T>& source, const std::vector<View<Out>>& dst, const HessianFilter& filter, int ndim,
         Context context) {
  using Work = TapWork<T>;
  const UnitRows<T> unit_rows(source, context.workers);
  const HessianPlan<T, Out> plan(unit_rows.view(), dst, filter, ndim);
  RowPlan rows;
  rows.ring = ndim == 3;
  rows.read_rows = plan.first->widest();
  if (rows.ring) {
    rows.above = std::max({plan.plain->above(), plan.once->above(), plan.twice->above()});
    rows.below = std::max({plan.plain->below(), plan.once->below(), plan.twice->below()});
  }
  // Weights along y are those of rows inside: the others are not read.
  rows.border_y = Border::constant;
  rows.left = rows.right = plan.reach;
  rows.border_x = filter.axes[2].border;
  if (ndim == 3)
    run_rows<Work, 3, 6>(dst[0], rows, sizeof(T), false, context, [&] { return HessianWorker<T, Out, 3>(plan); });
  else run_rows<Work, 3, 3>(dst[0], rows, sizeof(T), false, context, [&] { return HessianWorker<T, Out, 2>(plan); });
}

}  // namespace

namespace cpu {

void hessian(const Image& src, const std::vector<Image>& dst, const HessianFilter& filter, Context context) {
  if (src.size() == 0) return;
  const int dimensions = src.ndim;
  if (dimensions != 2 && dimensions != 3) throw std::invalid_argument("hessian: an image has 2 or 3 axes");
  const std::size_t elements = dimensions == 3 ? 6 : 3;
  const std::size_t wanted = filter.measure == HessianMeasure::elements      ? elements
                             : filter.measure == HessianMeasure::eigenvalues ? static_cast<std::size_t>(dimensions)
                                                                             : 1;
  if (dst.size() != wanted) throw std::invalid_argument("hessian: another number of results is needed");
  for (const Image& image : dst)
    if (image.shape != src.shape || image.stride[2] != 1)
      throw std::invalid_argument("hessian: results must have the shape of the image, and contiguous rows");
  dispatch(src.dtype, [&](auto pixel) {
    using T = decltype(pixel);
    using Out = std::conditional_t<std::is_same_v<T, double>, double, float>;
    std::vector<View<Out>> views;
    views.reserve(dst.size());
    for (const Image& image : dst) views.push_back(image.view<Out>());
    run<T, Out>(src.view<const T>(), views, filter, dimensions, context);
  });
}

}  // namespace cpu
}  // namespace cormack
