#include "filters/recursive_gaussian.hpp"

#include <algorithm>
#include <cmath>
#include <complex>

#include "core/parallel.hpp"
#include "core/scratch.hpp"
#include "core/unit_rows.hpp"
#include "filters/recursive_gaussian_rows.hpp"
#include "filters/separable_rows.hpp"

namespace cormack {
namespace {

using Complex = std::complex<double>;
constexpr std::int64_t kLines = kRecursiveLines;
constexpr std::int64_t kPixelsPerRange = 16384;
// Beyond as many sigmas the oscillations are below 1e-15 of their start.
constexpr double kReach = 17;

// exp(-x^2 / 2) = sum of Re(weight exp(-rate x)) for x >= 0, least absolute deviation, off by at most 2.4e-5.
constexpr double kWeights[kOscillations][2] = {
    {3.23251533, -7.92019765}, {-2.40539156, 1.13821331}, {0.17285233, 0.02588886}};
constexpr double kRates[kOscillations][2] = {
    {2.21404567, -0.52865054}, {2.18548149, -1.62168531}, {2.11803687, -2.86388162}};

struct Oscillations {
  explicit Oscillations(double sigma) {
    double sum = 0;
    for (int m = 0; m < kOscillations; ++m) {
      pole[m] = std::exp(-Complex(kRates[m][0], kRates[m][1]) / sigma);
      weight[m] = Complex(kWeights[m][0], kWeights[m][1]);
      sum += (weight[m] * (1.0 + pole[m]) / (1.0 - pole[m])).real();
    }
    for (Complex& w : weight) w /= sum;
  }

  Complex pole[kOscillations], weight[kOscillations];
};

template <class Work>
Recursion<Work> recursion_of(double sigma, Border border, std::int64_t length, double cval) {
  const Oscillations exact(sigma);
  Recursion<Work> recursion{};
  const bool ends =
      border == Border::nearest || border == Border::constant || (border == Border::mirror && length == 1);
  const std::int64_t span = ends ? 1 : border == Border::mirror ? length - 1 : length;
  recursion.first = border == Border::mirror && !ends ? 1 : 0;
  recursion.last = length - 1 - recursion.first;
  recursion.terms = static_cast<std::int64_t>(std::min(static_cast<double>(span), std::ceil(kReach * sigma)));
  recursion.outside = border == Border::constant;
  recursion.value = static_cast<Work>(cval);
  const auto set = [](typename Recursion<Work>::Complex& to, int m, Complex value) {
    to.re[m] = static_cast<Work>(value.real());
    to.im[m] = static_cast<Work>(value.imag());
  };
  for (int m = 0; m < kOscillations; ++m) {
    const Complex turn = std::pow(exact.pole[m], static_cast<double>(span));
    set(recursion.pole, m, exact.pole[m]);
    set(recursion.weight, m, exact.weight[m]);
    // Geometric series: of one value, of the line's copies, of the line's copies that alternate with mirrored ones.
    const Complex before = ends                     ? 1.0 / (1.0 - exact.pole[m])
                           : border == Border::wrap ? 0.0
                                                    : 1.0 / (1.0 - turn * turn);
    const Complex after = ends ? 0.0 : border == Border::wrap ? 1.0 / (1.0 - turn) : turn / (1.0 - turn * turn);
    set(recursion.near, m, before);
    set(recursion.far, m, after);
  }
  return recursion;
}

// Lines along one axis, kLines at once: gathered into a buffer, filtered, put back.
template <class In, class Work, class Out>
void filter_axis(const View<const In>& src, const View<Out>& dst, int axis, const Recursion<Work>& recursion,
                 bool boolean, Context context) {
  const SeparableRows& rows = separable_rows();
  const auto recurse = recursive_rows().get<Work>();
  const auto convert = rows.convert<In, Work>();
  const auto store = rows.line<Out>(false);
  const std::int64_t length = src.shape[static_cast<std::size_t>(axis)], cols = src.shape[2];
  // Side by side stand pixels of a row, or for lines along x rows.
  const bool along_rows = axis == 2;
  const std::int64_t outer = src.shape[axis == 0 ? 1 : 0], across = along_rows ? src.shape[1] : cols;
  const std::int64_t blocks = (across + kLines - 1) / kLines;
  const std::int64_t grain = std::max<std::int64_t>(1, kPixelsPerRange / (kLines * length));
  parallel_for(outer * blocks, grain, context.workers, [&](std::int64_t begin, std::int64_t end) {
    const Scratch<Work> in(length * kLines), out(length * kLines), row(std::max(cols, kLines));
    const Scratch<Out> result(std::max(cols, kLines));
    const Work one = 1;
    std::fill_n(in.data(), length * kLines, Work{0});
    const auto put = [&](const Work* values, std::int64_t z, std::int64_t y, std::int64_t x, std::int64_t n) {
      const bool direct = dst.unit_rows();
      Out* to = direct ? dst.row(z, y) + x : result.data();
      store(to, values, &one, 0, n);
      if (boolean)
        for (std::int64_t i = 0; i < n; ++i) to[i] = std::min(to[i], Out{1});
      if (!direct)
        for (std::int64_t i = 0; i < n; ++i) dst.at(z, y, x + i) = to[i];
    };
    for (std::int64_t item = begin; item < end; ++item) {
      const std::int64_t o = item / blocks, first = item % blocks * kLines, count = std::min(kLines, across - first);
      if (along_rows) {
        for (std::int64_t line = 0; line < count; ++line) {
          convert(row.data(), src.row(o, first + line), cols);
          for (std::int64_t i = 0; i < cols; ++i) in[i * kLines + line] = row[i];
        }
      } else {
        for (std::int64_t i = 0; i < length; ++i)
          convert(in.data() + i * kLines, (axis == 0 ? src.row(i, o) : src.row(o, i)) + first, count);
      }
      recurse(out.data(), in.data(), length, recursion);
      if (along_rows) {
        for (std::int64_t line = 0; line < count; ++line) {
          for (std::int64_t i = 0; i < cols; ++i) row[i] = out[i * kLines + line];
          put(row.data(), o, first + line, 0, cols);
        }
      } else {
        for (std::int64_t i = 0; i < length; ++i)
          put(out.data() + i * kLines, axis == 0 ? i : o, axis == 0 ? o : i, first, count);
      }
    }
  });
}

template <class In, class Out>
void run(const View<const In>& source, const View<Out>& dst, const std::array<double, 3>& sigma,
         const std::array<Border, 3>& borders, double cval, bool boolean, Context context) {
  using Work = WorkOf<Out>;
  const UnitRows<In> unit_rows(source, context.workers);
  std::vector<int> axes;
  for (int axis = 0; axis < 3; ++axis)
    if (sigma[static_cast<std::size_t>(axis)] > 0) axes.push_back(axis);
  View<Work> between{nullptr, dst.shape, {dst.shape[1] * dst.shape[2], dst.shape[2], 1}};
  const bool in_dst = std::is_same_v<Work, Out> && dst.unit_rows();
  const Scratch<Work> image(in_dst || axes.size() < 2 ? 0 : dst.size());
  between.data = image.data();
  if constexpr (std::is_same_v<Work, Out>) {
    if (in_dst) between = dst;
  }
  const View<const Work> filtered{between.data, between.shape, between.stride};
  for (std::size_t pass = 0; pass < axes.size(); ++pass) {
    const int axis = axes[pass];
    const auto a = static_cast<std::size_t>(axis);
    const Recursion<Work> recursion = recursion_of<Work>(sigma[a], borders[a], dst.shape[a], cval);
    const bool from_pixels = pass == 0, to_pixels = pass + 1 == axes.size();
    const auto filter = [&](const auto& from, const auto& to, bool flags) {
      filter_axis(from, to, axis, recursion, flags, context);
    };
    if (from_pixels && to_pixels) filter(unit_rows.view(), dst, boolean);
    else if (from_pixels) filter(unit_rows.view(), between, false);
    else if (to_pixels) filter(filtered, dst, boolean);
    else filter(filtered, between, false);
  }
}

}  // namespace

double recursive_gaussian_error(double sigma, const std::vector<double>& weights, double u) {
  const Oscillations exact(sigma);
  // A state, of at most 1 / (1 - |pole|) times the largest pixel, is rounded at every turn, as its pole once was: less
  // than 6 u of it, which fades as the state does. Then come a handful of roundings of each response.
  double rounding = 4 * u;
  for (int m = 0; m < kOscillations; ++m) {
    const double size = 1 / (1 - std::abs(exact.pole[m]));
    rounding += 2 * std::abs(exact.weight[m]) * size * (6 * size + 8) * u;
  }
  if (!(rounding < 1)) return 1;

  const auto radius = static_cast<std::int64_t>(weights.size()) - 1;
  const auto reach = std::max(radius, static_cast<std::int64_t>(kReach * sigma) + 1);
  Complex response[kOscillations];
  std::copy_n(exact.weight, kOscillations, response);
  double difference = 0;
  for (std::int64_t k = 0; k <= reach; ++k) {
    double value = 0;
    for (int m = 0; m < kOscillations; ++m) {
      value += response[m].real();
      response[m] *= exact.pole[m];
    }
    const double off = std::abs(value - (k <= radius ? weights[static_cast<std::size_t>(k)] : 0));
    difference += k == 0 ? off / 2 : off;
  }
  // Both kernels have the sum 1, so that half of their difference acts on the range.
  return difference + rounding;
}

namespace cpu {

void recursive_gaussian(const Image& src, const Image& dst, const std::array<double, 3>& sigma,
                        const std::array<Border, 3>& borders, double cval, Context context) {
  if (src.size() == 0) return;
  dispatch(src.dtype, [&](auto pixel) {
    using T = decltype(pixel);
    const View<const T> in = src.view<const T>();
    if (dst.dtype == src.dtype) run(in, dst.view<T>(), sigma, borders, cval, src.dtype == DType::boolean, context);
    else if (dst.dtype == DType::f32) run(in, dst.view<float>(), sigma, borders, cval, false, context);
    else run(in, dst.view<double>(), sigma, borders, cval, false, context);
  });
}

}  // namespace cpu
}  // namespace cormack
