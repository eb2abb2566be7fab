#include <algorithm>
#include <cmath>
#include <utility>

#include "features/enclosing.hpp"

namespace cormack {
namespace {

using Vector = std::array<double, 3>;

Vector minus(const Vector& a, const Vector& b) { return {a[0] - b[0], a[1] - b[1], a[2] - b[2]}; }

double dot(const Vector& a, const Vector& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

// Lower Cholesky factor of a symmetric matrix, in place; false where it is not positive.
template <std::size_t N>
bool factorise(std::array<std::array<double, N>, N>& m) {
  for (std::size_t r = 0; r < N; ++r) {
    for (std::size_t c = 0; c <= r; ++c) {
      double value = m[r][c];
      for (std::size_t k = 0; k < c; ++k) value -= m[r][k] * m[c][k];
      if (r != c) {
        m[r][c] = value / m[c][c];
      } else if (value > 0) {
        m[r][r] = std::sqrt(value);
      } else {
        return false;
      }
    }
  }
  return true;
}

// Solves L L^T x = b in place.
template <std::size_t N>
void solve(const std::array<std::array<double, N>, N>& l, std::array<double, N>& x) {
  for (std::size_t r = 0; r < N; ++r) {
    for (std::size_t k = 0; k < r; ++k) x[r] -= l[r][k] * x[k];
    x[r] /= l[r][r];
  }
  for (std::size_t r = N; r-- > 0;) {
    for (std::size_t k = r + 1; k < N; ++k) x[r] -= l[k][r] * x[k];
    x[r] /= l[r][r];
  }
}

using Matrix = std::array<std::array<double, 4>, 4>;
using Packed = std::array<double, 10>;  // of a symmetric 4 x 4 matrix
constexpr std::size_t kPacked[10][2] = {{0, 0}, {1, 1}, {2, 2}, {3, 3}, {0, 1}, {0, 2}, {0, 3}, {1, 2}, {1, 3}, {2, 3}};

double times(std::size_t k) { return kPacked[k][0] == kPacked[k][1] ? 1.0 : 2.0; }

bool factor_of(const Packed& x, Matrix& factor) {
  for (std::size_t k = 0; k < 10; ++k) factor[kPacked[k][1]][kPacked[k][0]] = x[k];
  return factorise(factor);
}

double log_determinant(const Matrix& factor) {
  return 2 * std::log(factor[0][0] * factor[1][1] * factor[2][2] * factor[3][3]);
}

Matrix inverse_of(const Matrix& factor) {
  Matrix inverse{};
  for (std::size_t c = 0; c < 4; ++c) {
    std::array<double, 4> column{};
    column[c] = 1;
    solve(factor, column);
    for (std::size_t r = 0; r < 4; ++r) inverse[r][c] = column[r];
  }
  return inverse;
}

// The ellipsoid q^T X q <= 4 around points q = (p, 1) of largest log det X. The inverse of X is the sum of u q q^T with
// weights u >= 0, which are 0 where q^T X q < 4: X and u are found together, by an interior point method (predictor and
// corrector of S. Mehrotra, SIAM J. Optim. 2 (1992) 575) until their duality gap closes.
class EllipsoidSearch {
 public:
  explicit EllipsoidSearch(const std::vector<Vector>& points) : points_(points.size()) {
    double most = 0;
    for (std::size_t i = 0; i < points.size(); ++i) {
      const Vector& p = points[i];
      const double q[4] = {p[0], p[1], p[2], 1};
      for (std::size_t k = 0; k < 10; ++k) points_[i].products[k] = q[kPacked[k][0]] * q[kPacked[k][1]] * times(k);
      points_[i].weight = 1 / static_cast<double>(points.size());
      most = std::max(most, dot(p, p));
    }
    x_ = {1.5 / most, 1.5 / most, 1.5 / most, 1.5, 0, 0, 0, 0, 0, 0};
  }

  // The inverse of X.
  Matrix run() {
    constexpr int most_steps = 60;
    for (Point& point : points_) point.slack = 4 - along(point, x_);
    factor_of(x_, factor_);
    for (int step = 0; step < most_steps && advance(); ++step) {
    }
    return inverse_of(factor_);
  }

 private:
  struct Point {
    Packed products;  // entries of q q^T, twice those off the diagonal
    double weight, slack, weight_step, slack_step;
  };

  static double along(const Point& point, const Packed& x) {
    const Packed& p = point.products;
    return ((p[0] * x[0] + p[1] * x[1]) + (p[2] * x[2] + p[3] * x[3])) +
           ((p[4] * x[4] + p[5] * x[5]) + (p[6] * x[6] + p[7] * x[7])) + (p[8] * x[8] + p[9] * x[9]);
  }

  // One step; false where the gap was closed, or cannot be closed further.
  bool advance() {
    constexpr double gap = 1e-10, nearly = 0.99;
    const Matrix inverse = inverse_of(factor_);
    Packed gradient{}, sum{};
    std::array<Packed, 10> hessian{};
    for (std::size_t k = 0; k < 10; ++k) {
      const auto [a, b] = kPacked[k];
      gradient[k] = times(k) * inverse[a][b];
      for (std::size_t l = 0; l < 10; ++l) {
        const auto [c, d] = kPacked[l];
        hessian[k][l] = times(k) * times(l) / 2 * (inverse[a][c] * inverse[b][d] + inverse[a][d] * inverse[b][c]);
      }
    }
    double weights = 0, product = 0;
    for (const Point& point : points_) {
      const double ratio = point.weight / point.slack;
      weights += point.weight;
      product += point.weight * point.slack;
      for (std::size_t k = 0; k < 10; ++k) {
        const double scaled = ratio * point.products[k];
        sum[k] += point.weight * point.products[k] / times(k);
        for (std::size_t l = 0; l < 10; ++l) hessian[k][l] += scaled * point.products[l];
      }
    }
    Matrix sum_factor{};
    if (factor_of(sum, sum_factor) && 4 * weights - 4 - log_determinant(factor_) - log_determinant(sum_factor) < gap &&
        product < gap)
      return false;
    if (!factorise(hessian)) return false;
    for (Point& point : points_) point.weight_step = point.slack_step = 0;
    // Straight to the end, which tells how far it is, and then as far as seems wise.
    const double mean = product / static_cast<double>(points_.size());
    aim(0, gradient, hessian);
    const double straight = farthest(1);
    double reached = 0;
    for (const Point& point : points_)
      reached += (point.weight + straight * point.weight_step) * (point.slack + straight * point.slack_step);
    const double left = std::max(reached / product, 0.0);
    const Packed step = aim(mean * left * left * left, gradient, hessian);
    double part = farthest(nearly);
    for (int i = 0; i < 60; ++i, part /= 2) {
      Packed next = x_;
      for (std::size_t k = 0; k < 10; ++k) next[k] += part * step[k];
      Matrix factor{};
      if (!factor_of(next, factor)) continue;
      x_ = next;
      factor_ = factor;
      for (Point& point : points_) {
        point.weight += part * point.weight_step;
        point.slack += part * point.slack_step;
      }
      return true;
    }
    return false;
  }

  // Steps that lead, to second order by the steps that were there, to products of weight and slack of `product`.
  Packed aim(double product, const Packed& gradient, const std::array<Packed, 10>& hessian) {
    Packed step = gradient;
    for (Point& point : points_) {
      const double goal = (product - point.weight_step * point.slack_step) / point.slack;
      for (std::size_t k = 0; k < 10; ++k) step[k] -= goal * point.products[k];
      point.weight_step = goal - point.weight;
    }
    solve(hessian, step);
    for (Point& point : points_) {
      const double growth = along(point, step);
      point.slack_step = -growth;
      point.weight_step += point.weight / point.slack * growth;
    }
    return step;
  }

  // How far, at most 1, this part of the way on which no weight and no slack falls to 0.
  double farthest(double part) const {
    double result = 1;
    for (const Point& point : points_) {
      if (point.weight + result * point.weight_step / part < 0) result = -part * point.weight / point.weight_step;
      if (point.slack + result * point.slack_step / part < 0) result = -part * point.slack / point.slack_step;
    }
    return result;
  }

  std::vector<Point> points_;
  Packed x_{};
  Matrix factor_{};  // of X
};

// The inverse of X for the smallest ellipsoid. Few points touch it: it is that of points that lie far out along some
// directions, and of those that turn out to lie beyond the ellipsoid of the others.
Matrix smallest_around(const std::vector<Vector>& points) {
  constexpr int most_rounds = 10;
  constexpr std::size_t most_new = 24;
  constexpr double beyond = 1e-9;
  std::vector<char> chosen(points.size());
  for (int z = -1; z <= 1; ++z) {
    for (int y = -1; y <= 1; ++y) {
      for (int x = -1; x <= 1; ++x) {
        const Vector direction{static_cast<double>(z), static_cast<double>(y), static_cast<double>(x)};
        const auto furthest = std::max_element(points.begin(), points.end(), [&](const Vector& p, const Vector& q) {
          return dot(p, direction) < dot(q, direction);
        });
        chosen[static_cast<std::size_t>(furthest - points.begin())] = 1;
      }
    }
  }
  for (int round = 0; round < most_rounds; ++round) {
    std::vector<Vector> some;
    for (std::size_t i = 0; i < points.size(); ++i)
      if (chosen[i] != 0) some.push_back(points[i]);
    const Matrix inverse = EllipsoidSearch(some).run();
    Matrix factor = inverse;
    factorise(factor);
    std::vector<std::pair<double, std::size_t>> outside;
    for (std::size_t i = 0; i < points.size(); ++i) {
      std::array<double, 4> q{points[i][0], points[i][1], points[i][2], 1}, solved = q;
      solve(factor, solved);
      const double height = q[0] * solved[0] + q[1] * solved[1] + q[2] * solved[2] + q[3] * solved[3];
      if (!(height <= 4 * (1 + beyond))) outside.emplace_back(-height, i);
    }
    if (outside.empty()) return inverse;
    const std::size_t more = std::min(most_new, outside.size());
    std::partial_sort(outside.begin(), outside.begin() + static_cast<std::ptrdiff_t>(more), outside.end());
    for (std::size_t i = 0; i < more; ++i) chosen[outside[i].second] = 1;
  }
  return EllipsoidSearch(points).run();
}

}  // namespace

std::array<double, 6> smallest_ellipsoid(const Solid& solid) {
  const double n = static_cast<double>(solid.points.size());
  Vector center{};
  for (const Vector& point : solid.points)
    for (std::size_t k = 0; k < 3; ++k) center[k] += point[k] / n;
  // In coordinates in which the points have unit covariance.
  std::array<std::array<double, 3>, 3> root{};
  for (const Vector& point : solid.points) {
    const Vector d = minus(point, center);
    for (std::size_t r = 0; r < 3; ++r)
      for (std::size_t c = 0; c <= r; ++c) root[r][c] += d[r] * d[c] / n;
  }
  factorise(root);
  std::vector<Vector> points;
  for (const Vector& point : solid.points) {
    Vector d = minus(point, center);
    for (std::size_t r = 0; r < 3; ++r) {
      for (std::size_t k = 0; k < r; ++k) d[r] -= root[r][k] * d[k];
      d[r] /= root[r][r];
    }
    points.push_back(d);
  }
  const Matrix scatter = smallest_around(points);
  const Vector middle{scatter[0][3] / scatter[3][3], scatter[1][3] / scatter[3][3], scatter[2][3] / scatter[3][3]};
  std::array<std::array<double, 3>, 3> shape{};
  for (std::size_t r = 0; r < 3; ++r)
    for (std::size_t c = 0; c < 3; ++c) shape[r][c] = scatter[r][c] / scatter[3][3] - middle[r] * middle[c];
  auto factor = shape;
  factorise(factor);
  // The largest height of a point decides the size.
  double most = 0;
  for (const Vector& point : points) {
    const Vector d = minus(point, middle);
    Vector solved = d;
    solve(factor, solved);
    most = std::max(most, dot(d, solved));
  }
  std::array<double, 6> result{};
  constexpr std::size_t axes[6][2] = {{0, 0}, {1, 1}, {2, 2}, {0, 1}, {0, 2}, {1, 2}};
  for (std::size_t i = 0; i < 6; ++i) {
    const auto [a, b] = axes[i];
    for (std::size_t r = 0; r <= a; ++r)
      for (std::size_t c = 0; c <= b; ++c) result[i] += root[a][r] * shape[r][c] * root[b][c];
    result[i] *= most;
  }
  return result;
}

}  // namespace cormack
