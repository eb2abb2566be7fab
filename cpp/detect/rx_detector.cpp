#include "detect/rx_detector.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <stdexcept>

#include "core/check.hpp"
#include "core/parallel.hpp"
#include "core/scratch.hpp"
#include "detect/rx_rows.hpp"

namespace cormack {
namespace {

constexpr std::int64_t kPlanes = 16;
constexpr int kMostChannels = 32;

// The distance from the sums over a ring: count, first and second moments about the centre.
class Solver {
 public:
  Solver(int channels, double regularization) : k_(channels), regularization_(regularization) {}

  double operator()(const double* sums, const double* x) {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    const double count = sums[0];
    if (!(count > k_)) return nan;
    double trace = 0;
    for (int i = 0; i < k_; ++i) {
      if (!std::isfinite(x[i])) return nan;
      mean_[i] = sums[1 + i] / count;
    }
    const double* second = sums + 1 + k_;
    for (int i = 0; i < k_; ++i)
      for (int j = 0; j <= i; ++j, ++second) {
        c_[i][j] = *second / count - mean_[i] * mean_[j];
        // What is left of a constant channel is rounding.
        if (i == j) {
          if (!(c_[i][i] > 1e-13 * (*second / count))) c_[i][i] = 0;
          trace += c_[i][i];
        }
      }
    const double ridge = regularization_ * trace / k_;
    for (int i = 0; i < k_; ++i) c_[i][i] += ridge;
    // Cholesky's factor, and the solution of L v = x - m beside it.
    double square = 0;
    for (int i = 0; i < k_; ++i) {
      const double diagonal = c_[i][i];
      double rest = x[i] - mean_[i];
      for (int j = 0; j < i; ++j) {
        double value = c_[i][j];
        for (int m = 0; m < j; ++m) value -= c_[i][m] * c_[j][m];
        c_[i][j] = c_[j][j] > 0 ? value / c_[j][j] : 0;
        rest -= c_[i][j] * v_[j];
      }
      double pivot = diagonal;
      for (int j = 0; j < i; ++j) pivot -= c_[i][j] * c_[i][j];
      if (!(pivot > 1e-12 * diagonal)) {
        // The ring does not vary in this direction.
        if (std::abs(rest) > 1e-6 * std::sqrt(diagonal) &&
            std::abs(rest) > 1e-12 * (std::abs(x[i]) + std::abs(mean_[i])))
          return std::numeric_limits<double>::infinity();
        c_[i][i] = 0;
        v_[i] = 0;
        continue;
      }
      c_[i][i] = std::sqrt(pivot);
      v_[i] = rest / c_[i][i];
      square += v_[i] * v_[i];
    }
    return std::sqrt(square);
  }

 private:
  int k_;
  double regularization_;
  double mean_[kMostChannels], v_[kMostChannels], c_[kMostChannels][kMostChannels];
};

template <class T, class Out>
void run(const std::vector<View<const T>>& channels, const View<const std::uint8_t>* mask, const View<Out>& dst,
         const RxWindow& window, int workers) {
  const int k = static_cast<int>(channels.size());
  const std::int64_t depth = dst.shape[0], height = dst.shape[1], width = dst.shape[2], plane = height * width;
  const std::int64_t sums = 1 + k + k * (k + 1) / 2;
  const RxRows& rows = rx_rows();
  const std::int64_t blocks = (depth + kPlanes - 1) / kPlanes;
  // One channel's planes may be shared out when there are fewer blocks than threads: not worth it for volumes.
  parallel_for(blocks, 1, workers, [&](std::int64_t begin, std::int64_t end) {
    const Scratch<double> columns(2 * sums * plane), lines(2 * sums * width), prefix(2 * sums * (width + 1)),
        products(sums * width), rings(sums * width), values(k * width);
    const Scratch<std::uint8_t> inside(width);
    Solver solve(k, window.regularization);
    // The values of a row about the centre, and their products: zero where a voxel does not count.
    const auto read = [&](std::int64_t z, std::int64_t y) {
      for (int c = 0; c < k; ++c) {
        const T* row = channels[c].row(z, y);
        const std::int64_t step = channels[c].stride[2];
        double* to = values.data() + c * width;
        const double centre = window.centre[c];
        if (step == 1)
          for (std::int64_t x = 0; x < width; ++x) to[x] = static_cast<double>(row[x]) - centre;
        else
          for (std::int64_t x = 0; x < width; ++x) to[x] = static_cast<double>(row[x * step]) - centre;
      }
    };
    const auto multiply = [&](std::int64_t z, std::int64_t y) {
      read(z, y);
      for (std::int64_t x = 0; x < width; ++x) inside[x] = 1;
      if (mask != nullptr) {
        const std::uint8_t* row = mask->row(z, y);
        for (std::int64_t x = 0; x < width; ++x) inside[x] = row[x * mask->stride[2]] != 0;
      }
      rows.products(values.data(), inside.data(), width, k, std::is_floating_point_v<T>, products.data());
    };
    // Adds a plane to, or takes it from, the sums over columns of one of the windows.
    const auto add = [&](std::int64_t z, int which, double sign) {
      if (z < 0 || z >= depth) return;
      for (std::int64_t y = 0; y < height; ++y) {
        multiply(z, y);
        for (std::int64_t s = 0; s < sums; ++s)
          rows.add(columns.data() + (which * sums + s) * plane + y * width, products.data() + s * width, sign, width);
      }
    };
    for (std::int64_t block = begin; block < end; ++block) {
      std::memset(columns.data(), 0, static_cast<std::size_t>(2 * sums * plane) * sizeof(double));
      const std::int64_t start = block * kPlanes, stop = std::min(depth, start + kPlanes);
      for (std::int64_t z = start; z < stop; ++z) {
        for (int which = 0; which < 2; ++which) {
          const std::int64_t reach = which == 0 ? window.outer[0] : window.inner[0];
          if (z == start) {
            for (std::int64_t other = z - reach; other <= z + reach; ++other) add(other, which, 1);
          } else if (reach < depth) {
            add(z + reach, which, 1);
            add(z - reach - 1, which, -1);
          }
        }
        std::memset(lines.data(), 0, static_cast<std::size_t>(2 * sums * width) * sizeof(double));
        for (std::int64_t y = 0; y < height; ++y) {
          for (int which = 0; which < 2; ++which) {
            const std::int64_t reach = which == 0 ? window.outer[1] : window.inner[1];
            for (std::int64_t s = 0; s < sums; ++s) {
              const double* column = columns.data() + (which * sums + s) * plane;
              double* line = lines.data() + (which * sums + s) * width;
              if (y == 0) {
                for (std::int64_t other = 0; other <= std::min(reach, height - 1); ++other)
                  rows.add(line, column + other * width, 1, width);
              } else {
                if (y + reach < height) rows.add(line, column + (y + reach) * width, 1, width);
                if (y - reach - 1 >= 0) rows.add(line, column + (y - reach - 1) * width, -1, width);
              }
              double* to = prefix.data() + (which * sums + s) * (width + 1);
              to[0] = 0;
              for (std::int64_t x = 0; x < width; ++x) to[x + 1] = to[x] + line[x];
            }
          }
          for (std::int64_t s = 0; s < sums; ++s) {
            const double *outer = prefix.data() + s * (width + 1), *inner = outer + sums * (width + 1);
            double* to = rings.data() + s * width;
            const auto edge = [&](std::int64_t x) {
              const auto sum = [&](const double* from, std::int64_t reach) {
                return from[std::min(width, x + reach + 1)] - from[std::max<std::int64_t>(0, x - reach)];
              };
              to[x] = sum(outer, window.outer[2]) - sum(inner, window.inner[2]);
            };
            rows.ring(outer, inner, window.outer[2], window.inner[2], width, to);
            const std::int64_t left = std::min(width, window.outer[2]);
            for (std::int64_t x = 0; x < left; ++x) edge(x);
            for (std::int64_t x = std::max(left, width - window.outer[2]); x < width; ++x) edge(x);
          }
          read(z, y);
          Out* out = dst.row(z, y);
          double* found = products.data();
          if (k == 1) {
            rows.distances(values.data(), rings.data(), rings.data() + width, rings.data() + 2 * width,
                           window.regularization, width, found);
          } else {
            double ring[1 + kMostChannels + kMostChannels * (kMostChannels + 1) / 2], vector[kMostChannels];
            for (std::int64_t x = 0; x < width; ++x) {
              for (std::int64_t s = 0; s < sums; ++s) ring[s] = rings[s * width + x];
              for (int i = 0; i < k; ++i) vector[i] = values[i * width + x];
              found[x] = solve(ring, vector);
            }
          }
          for (std::int64_t x = 0; x < width; ++x) out[x * dst.stride[2]] = static_cast<Out>(found[x]);
        }
      }
    }
  });
}

}  // namespace

namespace cpu {

void rx_detector(const std::vector<Image>& channels, const Image* mask, const Image& dst, const RxWindow& window,
                 Context context) {
  if (channels.empty() || channels.size() > kMostChannels || window.centre.size() != channels.size())
    throw std::invalid_argument("cormack: rx_detector takes 1 to 32 channels and a centre for each");
  for (const Image& channel : channels) check_one_shape("rx_detector", channel, dst);
  check_mask("rx_detector", dst, mask);
  RxWindow limited = window;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    if (window.inner[axis] < 0 || window.outer[axis] < window.inner[axis])
      throw std::invalid_argument("cormack: the inner window must lie in the outer one");
    limited.outer[axis] = std::min(window.outer[axis], dst.shape[axis]);
    limited.inner[axis] = std::min(window.inner[axis], dst.shape[axis]);
  }
  if (dst.size() == 0) return;
  std::optional<View<const std::uint8_t>> inside;
  if (mask != nullptr) inside = mask->view<const std::uint8_t>();
  dispatch(channels[0].dtype, [&](auto t) {
    using T = decltype(t);
    std::vector<View<const T>> views;
    views.reserve(channels.size());
    for (const Image& channel : channels) views.push_back(channel.view<const T>());
    if (dst.dtype == DType::f32) run(views, inside ? &*inside : nullptr, dst.view<float>(), limited, context.workers);
    else run(views, inside ? &*inside : nullptr, dst.view<double>(), limited, context.workers);
  });
}

}  // namespace cpu
}  // namespace cormack
