#include "features/enclosing.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/parallel.hpp"

namespace cormack {
namespace {

using Vector = std::array<double, 3>;

Vector minus(const Vector& a, const Vector& b) { return {a[0] - b[0], a[1] - b[1], a[2] - b[2]}; }

Vector cross(const Vector& a, const Vector& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

double dot(const Vector& a, const Vector& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

Vector scaled(const Vector& a, double factor) { return {a[0] * factor, a[1] * factor, a[2] * factor}; }

// The normal of a face in lowest terms: equal for faces in one plane, as a convex body has no two parallel ones that
// face the same way.
Point plane_of(const Hull& hull, const std::array<int, 3>& face) {
  const Point& a = hull.vertices[static_cast<std::size_t>(face[0])];
  Point u{}, v{};
  for (std::size_t i = 0; i < 3; ++i) {
    u[i] = hull.vertices[static_cast<std::size_t>(face[1])][i] - a[i];
    v[i] = hull.vertices[static_cast<std::size_t>(face[2])][i] - a[i];
  }
  const Point normal{u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]};
  const std::int64_t common = std::gcd(std::gcd(normal[0], normal[1]), normal[2]);
  return {normal[0] / common, normal[1] / common, normal[2] / common};
}

struct Flat {
  double a, b;
};

double turn(const Flat& o, const Flat& p, const Flat& q) {
  return (p.a - o.a) * (q.b - o.b) - (p.b - o.b) * (q.a - o.a);
}

// Corners of the convex hull, counter-clockwise. Corners are further apart, and turn by more, than rounding can tell.
void keep_corners(std::vector<Flat>& points, std::vector<Flat>& chain) {
  std::sort(points.begin(), points.end(), [](const Flat& p, const Flat& q) { return p.a != q.a ? p.a < q.a : p.b < q.b; });
  const double extent = points.back().a - points.front().a, near = 1e-10 * extent, straight = 1e-14 * extent * extent;
  chain.clear();
  const auto together = [&](const Flat& p, const Flat& q) {
    return std::abs(p.a - q.a) <= near && std::abs(p.b - q.b) <= near;
  };
  const auto extend = [&](const Flat& p, std::size_t from) {
    if (!chain.empty() && together(chain.back(), p)) return;
    while (chain.size() >= from + 2 && turn(chain[chain.size() - 2], chain.back(), p) <= straight) chain.pop_back();
    chain.push_back(p);
  };
  for (const Flat& p : points) extend(p, 0);
  const std::size_t upper = chain.size() - 1;
  for (std::size_t i = points.size() - 1; i-- > 0;) extend(points[i], upper);
  while (chain.size() > 1 && together(chain.back(), chain.front())) chain.pop_back();
}

// Edges of the smallest rectangle around a convex polygon: one of them holds an edge of the polygon. The corners
// furthest along and across each edge only move on from one edge to the next.
std::array<double, 2> smallest_rectangle(const std::vector<Flat>& corners) {
  const std::size_t n = corners.size();
  std::array<double, 2> best{};
  double least = INFINITY;
  std::size_t ahead = 1, above = 1, behind = 0;
  const auto along = [&](std::size_t i, double a, double b) { return corners[i % n].a * a + corners[i % n].b * b; };
  for (std::size_t i = 0; i < n; ++i) {
    double a = corners[(i + 1) % n].a - corners[i].a, b = corners[(i + 1) % n].b - corners[i].b;
    const double length = std::sqrt(a * a + b * b);
    if (!(length > 0)) continue;
    a /= length;
    b /= length;
    const std::size_t end = i + n;
    ahead = std::max(ahead, i + 1);
    while (ahead < end && along(ahead + 1, a, b) >= along(ahead, a, b)) ++ahead;
    above = std::max(above, i + 1);
    while (above < end && along(above + 1, -b, a) >= along(above, -b, a)) ++above;
    behind = std::max(behind, above);
    while (behind < end && along(behind + 1, a, b) <= along(behind, a, b)) ++behind;
    const double width = along(ahead, a, b) - along(behind, a, b), height = along(above, -b, a) - along(i, -b, a);
    if (width * height < least) {
      least = width * height;
      best = {width, height};
    }
  }
  return best;
}

struct Box {
  double volume = INFINITY;
  std::array<double, 3> edges{};
};

struct BoxSearch {
  const Solid& solid;
  std::vector<double> facing;
  std::vector<char> on_outline;
  std::vector<Flat> outline, corners;

  explicit BoxSearch(const Solid& body) : solid(body), facing(body.normals.size()), on_outline(body.points.size()) {}

  // The smallest box with a face across `direction`; infinite where it cannot be smaller than `best`.
  Box across(const Vector& direction, double best) {
    double low = INFINITY, high = -INFINITY, shadow = 0;
    for (const Vector& point : solid.points) {
      const double value = dot(point, direction);
      low = value < low ? value : low;
      high = value > high ? value : high;
    }
    for (std::size_t i = 0; i < facing.size(); ++i) {
      facing[i] = dot(solid.normals[i], direction);
      shadow += std::abs(facing[i]) * solid.areas[i];
    }
    // The rectangle holds the shadow, whose area is half of this sum.
    if (shadow / 2 * (high - low) > best * (1 + 1e-9)) return {};
    // Points on the outline of the shadow are on edges between planes that face the direction and planes that do not.
    std::fill(on_outline.begin(), on_outline.end(), 0);
    for (const auto& edge : solid.edges) {
      if ((facing[static_cast<std::size_t>(edge[2])] > 0) == (facing[static_cast<std::size_t>(edge[3])] > 0)) continue;
      on_outline[static_cast<std::size_t>(edge[0])] = 1;
      on_outline[static_cast<std::size_t>(edge[1])] = 1;
    }
    const Vector axis = std::abs(direction[0]) < 0.6 ? Vector{1, 0, 0} : Vector{0, 1, 0};
    Vector u = cross(direction, axis);
    u = scaled(u, 1 / std::sqrt(dot(u, u)));
    const Vector v = cross(direction, u);
    outline.clear();
    for (std::size_t i = 0; i < on_outline.size(); ++i)
      if (on_outline[i] != 0) outline.push_back({dot(solid.points[i], u), dot(solid.points[i], v)});
    keep_corners(outline, corners);
    const auto [width, height] = smallest_rectangle(corners);
    return {(high - low) * width * height, {high - low, width, height}};
  }
};

// The weights of the points whose scatter matrix the smallest ellipsoid is made of. Points are lifted by a coordinate
// of one, so that the ellipsoid is around the origin.
class EllipsoidWeights {
 public:
  explicit EllipsoidWeights(const std::vector<Vector>& points) : n_(points.size()), weights_(n_), heights_(n_) {
    for (const Vector& p : points) lifted_.push_back({p[0], p[1], p[2], 1});
    spread();
  }

  const std::vector<double>& run() {
    constexpr double tolerance = 1e-7;
    constexpr int most = 20000, renewal = 50;
    for (int step = 0; step < most; ++step) {
      if (step % renewal == 0) renew();
      std::size_t high = 0, low = n_;
      for (std::size_t i = 0; i < n_; ++i) {
        if (heights_[i] > heights_[high]) high = i;
        if (weights_[i] > 0 && (low == n_ || heights_[i] < heights_[low])) low = i;
      }
      const double over = heights_[high] / 4 - 1, under = 1 - heights_[low] / 4;
      if (over <= tolerance && under <= tolerance) break;
      const bool grow = over >= under;
      const std::size_t j = grow ? high : low;
      double part = (heights_[j] - 4) / (4 * (heights_[j] - 1));
      if (!grow) part = std::max(part, -weights_[j] / (1 - weights_[j]));
      move(j, part);
      if (!grow && weights_[j] < 1e-300) weights_[j] = 0;
    }
    return weights_;
  }

 private:
  using Lifted = std::array<double, 4>;

  // Starts from the ends of the body along three directions, each across those before.
  void spread() {
    std::vector<Vector> ends;
    Vector direction{1, 0, 0};
    std::vector<std::size_t> chosen;
    for (int k = 0; k < 3; ++k) {
      std::size_t low = 0, high = 0;
      const auto along = [&](std::size_t i) {
        return lifted_[i][0] * direction[0] + lifted_[i][1] * direction[1] + lifted_[i][2] * direction[2];
      };
      for (std::size_t i = 0; i < n_; ++i) {
        if (along(i) < along(low)) low = i;
        if (along(i) > along(high)) high = i;
      }
      chosen.push_back(low);
      chosen.push_back(high);
      ends.push_back(
          {lifted_[high][0] - lifted_[low][0], lifted_[high][1] - lifted_[low][1], lifted_[high][2] - lifted_[low][2]});
      if (k == 0) {
        const Vector& e = ends[0];
        direction = std::abs(e[1]) < std::abs(e[2]) ? cross(e, {0, 1, 0}) : cross(e, {0, 0, 1});
      } else {
        direction = cross(ends[0], ends[1]);
      }
    }
    for (const std::size_t i : chosen) weights_[i] += 1.0 / 6;
  }

  // Height i is q^T M^-1 q with M the scatter matrix: 4 on average.
  void renew() {
    double m[4][8] = {};
    for (std::size_t i = 0; i < n_; ++i) {
      if (weights_[i] == 0) continue;
      for (std::size_t r = 0; r < 4; ++r)
        for (std::size_t c = 0; c < 4; ++c) m[r][c] += weights_[i] * lifted_[i][r] * lifted_[i][c];
    }
    for (std::size_t r = 0; r < 4; ++r) m[r][4 + r] = 1;
    for (std::size_t k = 0; k < 4; ++k) {
      std::size_t pivot = k;
      for (std::size_t r = k + 1; r < 4; ++r)
        if (std::abs(m[r][k]) > std::abs(m[pivot][k])) pivot = r;
      std::swap(m[k], m[pivot]);
      const double head = m[k][k];
      for (double& value : m[k]) value /= head;
      for (std::size_t r = 0; r < 4; ++r) {
        if (r == k) continue;
        const double factor = m[r][k];
        for (std::size_t c = 0; c < 8; ++c) m[r][c] -= factor * m[k][c];
      }
    }
    for (std::size_t r = 0; r < 4; ++r)
      for (std::size_t c = 0; c < 4; ++c) inverse_[r][c] = m[r][4 + c];
    for (std::size_t i = 0; i < n_; ++i) heights_[i] = product(lifted_[i], times(lifted_[i]));
  }

  Lifted times(const Lifted& q) const {
    Lifted result{};
    for (std::size_t r = 0; r < 4; ++r)
      result[r] = inverse_[r][0] * q[0] + inverse_[r][1] * q[1] + inverse_[r][2] * q[2] + inverse_[r][3] * q[3];
    return result;
  }

  static double product(const Lifted& a, const Lifted& b) {
    return (a[0] * b[0] + a[1] * b[1]) + (a[2] * b[2] + a[3] * b[3]);
  }

  // Moves `part` of all weight to point j, or from it where it is negative.
  void move(std::size_t j, double part) {
    const Lifted g = times(lifted_[j]);
    const double height = heights_[j], keep = 1 / (1 - part), drop = part / (1 - part + part * height);
    for (std::size_t i = 0; i < n_; ++i) {
      const double common = product(lifted_[i], g);
      heights_[i] = keep * (heights_[i] - drop * common * common);
      weights_[i] *= 1 - part;
    }
    weights_[j] += part;
    for (std::size_t r = 0; r < 4; ++r)
      for (std::size_t c = 0; c < 4; ++c) inverse_[r][c] = keep * (inverse_[r][c] - drop * g[r] * g[c]);
  }

  std::size_t n_;
  std::vector<double> weights_, heights_;
  std::vector<Lifted> lifted_;
  double inverse_[4][4];
};

}  // namespace

Solid::Solid(const Hull& hull, const std::array<double, 3>& unit) {
  const Point origin = hull.vertices.front();
  for (const Point& p : hull.vertices) {
    Vector point{};
    for (std::size_t i = 0; i < 3; ++i) point[i] = static_cast<double>(p[i] - origin[i]) * unit[i];
    points.push_back(point);
  }
  const std::size_t count = hull.faces.size();
  std::vector<std::pair<Point, std::size_t>> order;
  for (std::size_t i = 0; i < count; ++i) order.emplace_back(plane_of(hull, hull.faces[i]), i);
  std::sort(order.begin(), order.end());
  std::vector<int> plane(count);
  for (std::size_t k = 0; k < count; ++k) {
    const auto& [normal, i] = order[k];
    const auto& face = hull.faces[i];
    const Vector &a = points[static_cast<std::size_t>(face[0])], &b = points[static_cast<std::size_t>(face[1])],
                 &c = points[static_cast<std::size_t>(face[2])];
    const Vector doubled = cross(minus(b, a), minus(c, a));
    const double length = std::sqrt(dot(doubled, doubled));
    if (k == 0 || normal != order[k - 1].first) {
      normals.push_back(scaled(doubled, 1 / length));
      areas.push_back(0);
    }
    plane[i] = static_cast<int>(normals.size()) - 1;
    areas.back() += length / 2;
    area += length / 2;
    volume += dot(a, doubled) / 6;
  }
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t k = 0; k < 3; ++k) {
      const auto other = static_cast<std::size_t>(hull.across[i][k]);
      if (other < i || plane[other] == plane[i]) continue;
      edges.push_back({hull.faces[i][k], hull.faces[i][(k + 1) % 3], plane[i], plane[other]});
    }
  }
}

double diameter(const Solid& solid, Context context) {
  const auto n = static_cast<std::int64_t>(solid.points.size());
  std::vector<double> axis[3];
  for (std::size_t i = 0; i < 3; ++i)
    for (const auto& point : solid.points) axis[i].push_back(point[i]);
  std::vector<double> furthest(static_cast<std::size_t>(n));
  parallel_for(n, 64, context.workers, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const Vector p = solid.points[static_cast<std::size_t>(i)];
      double best[4] = {};
      const double *zs = axis[0].data() + i, *ys = axis[1].data() + i, *xs = axis[2].data() + i;
      std::int64_t k = 0;
      for (; k + 4 <= n - i; k += 4) {
        for (int lane = 0; lane < 4; ++lane) {
          const double z = zs[k + lane] - p[0], y = ys[k + lane] - p[1], x = xs[k + lane] - p[2];
          const double squared = (z * z + y * y) + x * x;
          best[lane] = squared > best[lane] ? squared : best[lane];
        }
      }
      for (; k < n - i; ++k) {
        const double z = zs[k] - p[0], y = ys[k] - p[1], x = xs[k] - p[2];
        best[0] = std::max(best[0], (z * z + y * y) + x * x);
      }
      furthest[static_cast<std::size_t>(i)] = std::max(std::max(best[0], best[1]), std::max(best[2], best[3]));
    }
  });
  return std::sqrt(*std::max_element(furthest.begin(), furthest.end()));
}

std::array<double, 3> smallest_box(const Solid& solid, Context context) {
  std::vector<Vector> directions{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
  directions.insert(directions.end(), solid.normals.begin(), solid.normals.end());
  // The box along the axes of the image itself, so that none that is larger wins by rounding.
  Box first;
  first.volume = 1;
  for (std::size_t i = 0; i < 3; ++i) {
    double low = INFINITY, high = -INFINITY;
    for (const Vector& p : solid.points) {
      low = std::min(low, p[i]);
      high = std::max(high, p[i]);
    }
    first.edges[i] = high - low;
    first.volume *= high - low;
  }
  std::vector<Box> boxes(directions.size());
  parallel_for(static_cast<std::int64_t>(directions.size()), 8, context.workers,
               [&](std::int64_t begin, std::int64_t end) {
                 BoxSearch search(solid);
                 double best = first.volume;
                 for (std::int64_t i = begin; i < end; ++i) {
                   Box& box = boxes[static_cast<std::size_t>(i)];
                   box = search.across(directions[static_cast<std::size_t>(i)], best);
                   best = std::min(best, box.volume);
                 }
               });
  for (const Box& box : boxes)
    if (box.volume < first.volume) first = box;
  return first.edges;
}

std::array<double, 6> smallest_ellipsoid(const Solid& solid) {
  const std::vector<double> weights = EllipsoidWeights(solid.points).run();
  Vector center{};
  for (std::size_t i = 0; i < weights.size(); ++i)
    for (std::size_t k = 0; k < 3; ++k) center[k] += weights[i] * solid.points[i][k];
  constexpr std::size_t axes[6][2] = {{0, 0}, {1, 1}, {2, 2}, {0, 1}, {0, 2}, {1, 2}};
  std::array<double, 6> s{};
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const Vector d = minus(solid.points[i], center);
    for (std::size_t k = 0; k < 6; ++k) s[k] += weights[i] * d[axes[k][0]] * d[axes[k][1]];
  }
  // Adjugate over determinant; then the largest height of a point decides the size.
  const double adjugate[6] = {s[1] * s[2] - s[5] * s[5], s[0] * s[2] - s[4] * s[4], s[0] * s[1] - s[3] * s[3],
                              s[4] * s[5] - s[3] * s[2], s[3] * s[5] - s[4] * s[1], s[3] * s[4] - s[0] * s[5]};
  const double determinant = s[0] * adjugate[0] + s[3] * adjugate[3] + s[4] * adjugate[4];
  double most = 0;
  for (const Vector& point : solid.points) {
    const Vector d = minus(point, center);
    const double height = d[0] * d[0] * adjugate[0] + d[1] * d[1] * adjugate[1] + d[2] * d[2] * adjugate[2] +
                          2 * (d[0] * d[1] * adjugate[3] + d[0] * d[2] * adjugate[4] + d[1] * d[2] * adjugate[5]);
    most = std::max(most, height);
  }
  for (double& value : s) value *= most / determinant;
  return s;
}

}  // namespace cormack
