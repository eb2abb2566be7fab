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

// The ellipsoid q^T X q <= 4 around points q = (p, 1) of largest log det X, by Newton's method on
// -log det X - mu sum log(4 - q^T X q) for a mu that falls; it is then at most n mu from the optimum.
class EllipsoidSearch {
 public:
  explicit EllipsoidSearch(const std::vector<Vector>& points) {
    double most = 0;
    for (const Vector& p : points) {
      const double q[4] = {p[0], p[1], p[2], 1};
      Packed& products = products_.emplace_back();
      for (std::size_t k = 0; k < 10; ++k)
        products[k] = q[kPacked[k][0]] * q[kPacked[k][1]] * (kPacked[k][0] == kPacked[k][1] ? 1 : 2);
      most = std::max(most, dot(p, p));
    }
    x_ = {1.5 / most, 1.5 / most, 1.5 / most, 1.5, 0, 0, 0, 0, 0, 0};
  }

  // The inverse of X.
  Matrix run() {
    constexpr double gap = 1e-8;
    constexpr int most_steps = 40;
    const double n = static_cast<double>(products_.size());
    for (double mu = 1 / n; n * mu > gap; mu /= 30)
      for (int step = 0; step < most_steps && advance(mu) > 0.1; ++step) {
      }
    Matrix inverse{};
    invert(x_, inverse);
    return inverse;
  }

 private:
  static bool invert(const Packed& x, Matrix& inverse) {
    Matrix factor{};
    for (std::size_t k = 0; k < 10; ++k) factor[kPacked[k][1]][kPacked[k][0]] = x[k];
    if (!factorise(factor)) return false;
    for (std::size_t c = 0; c < 4; ++c) {
      std::array<double, 4> column{};
      column[c] = 1;
      solve(factor, column);
      for (std::size_t r = 0; r < 4; ++r) inverse[r][c] = column[r];
    }
    return true;
  }

  static double slack(const Packed& products, const Packed& x) {
    return 4 - (((products[0] * x[0] + products[1] * x[1]) + (products[2] * x[2] + products[3] * x[3])) +
                ((products[4] * x[4] + products[5] * x[5]) + (products[6] * x[6] + products[7] * x[7])) +
                (products[8] * x[8] + products[9] * x[9]));
  }

  // One step of Newton's method; returns its length in the metric of the function over mu's root.
  double advance(double mu) {
    Matrix inverse{};
    invert(x_, inverse);
    Packed gradient{};
    std::array<Packed, 10> hessian{};
    const auto times = [](std::size_t k) { return kPacked[k][0] == kPacked[k][1] ? 1.0 : 2.0; };
    for (std::size_t k = 0; k < 10; ++k) {
      const auto [a, b] = kPacked[k];
      gradient[k] = -times(k) * inverse[a][b];
      for (std::size_t l = 0; l <= k; ++l) {
        const auto [c, d] = kPacked[l];
        hessian[k][l] = times(k) * times(l) / 2 * (inverse[a][c] * inverse[b][d] + inverse[a][d] * inverse[b][c]);
      }
    }
    for (const Packed& products : products_) {
      const double weight = 1 / slack(products, x_), square = mu * weight * weight;
      for (std::size_t k = 0; k < 10; ++k) {
        const double scaled_product = square * products[k];
        gradient[k] += mu * weight * products[k];
        for (std::size_t l = 0; l <= k; ++l) hessian[k][l] += scaled_product * products[l];
      }
    }
    if (!factorise(hessian)) return 0;
    Packed step{};
    for (std::size_t k = 0; k < 10; ++k) step[k] = -gradient[k];
    solve(hessian, step);
    double decrement = 0;
    for (std::size_t k = 0; k < 10; ++k) decrement -= gradient[k] * step[k];
    const double length = std::sqrt(std::max(decrement, 0.0) / mu);
    // As far as the points stay inside, or to the end.
    double part = 1;
    for (const Packed& products : products_) {
      const double now = slack(products, x_), growth = 4 - slack(products, step);
      if (growth > 0) part = std::min(part, 0.95 * now / growth);
    }
    Matrix unused{};
    const double before = value(x_, mu);
    for (int i = 0; i < 60; ++i, part /= 2) {
      Packed next = x_;
      for (std::size_t k = 0; k < 10; ++k) next[k] += part * step[k];
      if (!invert(next, unused) || value(next, mu) > before) continue;
      x_ = next;
      return length;
    }
    return 0;
  }

  double value(const Packed& x, double mu) const {
    Matrix factor{};
    for (std::size_t k = 0; k < 10; ++k) factor[kPacked[k][1]][kPacked[k][0]] = x[k];
    factorise(factor);
    double result = 0;
    for (std::size_t k = 0; k < 4; ++k) result -= 2 * std::log(factor[k][k]);
    // Logarithms of products of slacks, as many as cannot underflow.
    double product = 1;
    for (std::size_t i = 0; i < products_.size(); ++i) {
      const double s = slack(products_[i], x);
      if (!(s > 0)) return INFINITY;
      product *= s;
      if (i % 16 == 15) {
        result -= mu * std::log(product);
        product = 1;
      }
    }
    return result - mu * std::log(product);
  }

  std::vector<Packed> products_;  // entries of q q^T, twice those off the diagonal
  Packed x_{};
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
