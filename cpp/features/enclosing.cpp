#include "features/enclosing.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "core/parallel.hpp"
#include "features/enclosing_rows.hpp"

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
  const Point normal = normal_of(hull, face);
  const std::int64_t common = std::gcd(std::gcd(normal[0], normal[1]), normal[2]);
  return {normal[0] / common, normal[1] / common, normal[2] / common};
}

// Three coordinates as three arrays, for loops over all points. Continued to whole registers by `rest`.
struct Columns {
  Columns(const std::vector<Vector>& points, const Vector& rest) {
    for (std::size_t i = 0; i < 3; ++i) {
      for (const Vector& point : points) values[i].push_back(point[i]);
      while (values[i].size() % EnclosingRows::kLanes != 0) values[i].push_back(rest[i]);
      axes[i] = values[i].data();
    }
    count = static_cast<std::int64_t>(values[0].size());
  }
  Columns(const Columns&) = delete;
  Columns& operator=(const Columns&) = delete;

  std::vector<double> values[3];
  const double* axes[3];
  std::int64_t count;
};

struct Flat {
  double a, b;
};

double turn(const Flat& o, const Flat& p, const Flat& q) {
  return (p.a - o.a) * (q.b - o.b) - (p.b - o.b) * (q.a - o.a);
}

// Corners of the convex hull, counter-clockwise. Corners are further apart, and turn by more, than rounding can tell.
void keep_corners(std::vector<Flat>& points, std::vector<Flat>& chain) {
  std::sort(points.begin(), points.end(),
            [](const Flat& p, const Flat& q) { return p.a != q.a ? p.a < q.a : p.b < q.b; });
  double low = points.front().b, high = low;
  for (const Flat& p : points) {
    low = std::min(low, p.b);
    high = std::max(high, p.b);
  }
  const double extent = std::max(points.back().a - points.front().a, high - low), near = 1e-10 * extent,
               straight = 1e-14 * extent * extent;
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
std::array<double, 2> smallest_rectangle(std::vector<Flat>& corners) {
  const std::size_t n = corners.size();
  // Twice around, so that no index needs a remainder.
  corners.reserve(2 * n + 2);
  for (std::size_t i = 0; i < n + 2; ++i) corners.push_back(corners[i]);
  std::array<double, 2> best{};
  double least = INFINITY;
  std::size_t ahead = 1, above = 1, behind = 0;
  for (std::size_t i = 0; i < n; ++i) {
    double a = corners[i + 1].a - corners[i].a, b = corners[i + 1].b - corners[i].b;
    const double length = std::sqrt(a * a + b * b);
    a /= length;
    b /= length;
    const auto along = [&](std::size_t k) { return corners[k].a * a + corners[k].b * b; };
    const auto aside = [&](std::size_t k) { return corners[k].b * a - corners[k].a * b; };
    const std::size_t end = i + n;
    ahead = std::max(ahead, i + 1);
    while (ahead < end && along(ahead + 1) >= along(ahead)) ++ahead;
    above = std::max(above, i + 1);
    while (above < end && aside(above + 1) >= aside(above)) ++above;
    behind = std::max(behind, above);
    while (behind < end && along(behind + 1) <= along(behind)) ++behind;
    const double width = along(ahead) - along(behind), height = aside(above) - aside(i);
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

// What a search for boxes needs of a body: for each plane, the planes beyond its edges.
struct Outlines {
  explicit Outlines(const Solid& body)
      : solid(body), points(body.points, body.points[0]), normals(body.normals, {}), areas(body.areas) {
    areas.resize(static_cast<std::size_t>(normals.count));
    const std::size_t planes = body.normals.size();
    turn.resize(planes);
    start.resize(planes + 1);
    for (const auto& edge : body.edges) {
      for (const std::size_t side : {2, 3}) ++start[static_cast<std::size_t>(edge[side]) + 1];
      const Vector d = minus(normal(edge[2]), normal(edge[3]));
      const double length = std::sqrt(dot(d, d));
      for (const std::size_t side : {2, 3}) {
        double& most = turn[static_cast<std::size_t>(edge[side])];
        most = std::max(most, length);
      }
    }
    for (double& most : turn) most = most * (1 + 1e-9) + 1e-12;
    for (std::size_t i = 0; i < planes; ++i) start[i + 1] += start[i];
    edges.resize(2 * body.edges.size());
    std::vector<std::size_t> next(start.begin(), start.end() - 1);
    for (const auto& edge : body.edges) {
      edges[next[static_cast<std::size_t>(edge[2])]++] = {edge[0], edge[1], edge[3]};
      edges[next[static_cast<std::size_t>(edge[3])]++] = {edge[0], edge[1], edge[2]};
    }
  }
  const Vector& normal(int plane) const { return solid.normals[static_cast<std::size_t>(plane)]; }

  const Solid& solid;
  Columns points, normals;
  std::vector<double> areas;
  std::vector<double> turn;  // how far a normal is from those across its edges, at most
  std::vector<std::size_t> start;
  std::vector<std::array<int, 3>> edges;  // of each plane: two points and the plane beyond
};

// Two directions across another one, and each other.
std::array<Vector, 2> frame_of(const Vector& direction) {
  const Vector axis = std::abs(direction[0]) < 0.6 ? Vector{1, 0, 0} : Vector{0, 1, 0};
  Vector u = cross(direction, axis);
  u = scaled(u, 1 / std::sqrt(dot(u, u)));
  return {u, cross(direction, u)};
}

// Bounds of the area of the smallest rectangle around a convex shape, from its widths along directions of equal steps.
class RectangleBounds {
 public:
  RectangleBounds() {
    for (std::size_t k = 0; k < kWidths; ++k) {
      const double angle = std::numbers::pi * static_cast<double>(k) / kWidths;
      cosines_[k] = std::cos(angle);
      sines_[k] = std::sin(angle);
    }
  }
  const double* cosines() const { return cosines_.data(); }
  const double* sines() const { return sines_.data(); }

  static constexpr std::size_t kWidths = 16;  // of half a turn
  using Widths = std::array<double, kWidths>;

  // What no rectangle's area is below.
  double least(const Widths& widths) const {
    double result = INFINITY;
    for (std::size_t k = 0; k < kWidths / 2; ++k) {
      const Arc one = arc(widths, k), other = arc(widths, k + kWidths / 2);
      // Between these each factor is one sinusoid, concave as it is positive: the product is least at an end.
      for (const auto& [c, s] : {std::pair{1.0, 0.0}, {cosines_[1], sines_[1]}, one.meeting, other.meeting})
        result = std::min(result, one.at(c, s) * other.at(c, s));
    }
    return result;
  }

  // The least area of those whose sides have the directions.
  static double most(const Widths& widths) {
    double result = INFINITY;
    for (std::size_t k = 0; k < kWidths / 2; ++k) result = std::min(result, widths[k] * widths[k + kWidths / 2]);
    return result;
  }

 private:
  // A width is the furthest that a point of the difference body reaches. One that reaches it in a direction is no
  // further out than the body in the direction before, so that it is so far, at least, in the directions that follow;
  // and so backwards from the next direction.
  struct Arc {
    double from[2], to[2];
    std::pair<double, double> meeting;
    double at(double c, double s) const { return std::max({from[0] * c + from[1] * s, to[0] * c + to[1] * s, 0.0}); }
  };
  Arc arc(const Widths& widths, std::size_t k) const {
    const auto width = [&](std::size_t i) { return widths[i % kWidths]; };
    const double c = cosines_[1], s = sines_[1];
    const double a = width(k), b = width(k + 1);
    const double rise = (a * c - width(k + kWidths - 1)) / s, fall = (b * c - width(k + 2)) / s;
    Arc result{{a, rise}, {b * c + fall * s, b * s - fall * c}, {1.0, 0.0}};
    // Where both are equal.
    const double across = result.from[0] - result.to[0], along = result.to[1] - result.from[1];
    if (along > 0 && across > 0 && across * c < along * s) {
      const double length = std::sqrt(across * across + along * along);
      result.meeting = {along / length, across / length};
    }
    return result;
  }

  Widths cosines_, sines_;
};

struct BoxBounds {
  double least, most;
};

struct BoxSearch {
  const Outlines& body;
  RectangleBounds rectangles{};
  std::vector<double> flat_a, flat_b;
  std::vector<double> facing;
  std::vector<unsigned char> on_outline;
  std::vector<std::size_t> near;
  std::vector<int> found;
  std::vector<Flat> outline, corners;

  explicit BoxSearch(const Outlines& outlines)
      : body(outlines),
        flat_a(static_cast<std::size_t>(outlines.points.count)),
        flat_b(flat_a.size()),
        facing(outlines.areas.size()),
        on_outline(outlines.solid.points.size()),
        near(outlines.turn.size() + 1),
        found(on_outline.size() + 1) {}

  // Of the volume of the smallest box with a face across `direction`.
  BoxBounds bounds(const Vector& direction) {
    const auto [u, v] = frame_of(direction);
    const double height = enclosing_rows().extent(body.points.axes, body.points.count, direction.data());
    enclosing_rows().flatten(body.points.axes, body.points.count, u.data(), v.data(), flat_a.data(), flat_b.data());
    RectangleBounds::Widths widths;
    enclosing_rows().widths(flat_a.data(), flat_b.data(), body.points.count, rectangles.cosines(), rectangles.sines(),
                            RectangleBounds::kWidths, widths.data());
    return {height * rectangles.least(widths), height * RectangleBounds::most(widths)};
  }

  // The smallest box with a face across `direction`; infinite where it cannot be smaller than `best`.
  Box across(const Vector& direction, double best) {
    const Vector d = direction;
    const double height = enclosing_rows().extent(body.points.axes, body.points.count, d.data());
    const double shadow =
        enclosing_rows().facing(body.normals.axes, body.areas.data(), body.normals.count, d.data(), facing.data());
    // The rectangle holds the shadow, whose area is half of this sum.
    if (shadow / 2 * height > best * (1 + 1e-9)) return {};
    // Points on the outline of the shadow are on edges between planes that face the direction and planes that do not.
    // Without branches, which no processor would foresee.
    std::size_t near_count = 0, count = 0;
    for (std::size_t i = 0; i < body.turn.size(); ++i) {
      near[near_count] = i;
      near_count += static_cast<std::size_t>((facing[i] > 0) & (facing[i] <= body.turn[i]));
    }
    for (std::size_t k = 0; k < near_count; ++k) {
      for (std::size_t e = body.start[near[k]]; e < body.start[near[k] + 1]; ++e) {
        const auto& edge = body.edges[e];
        const auto back = static_cast<unsigned char>(!(facing[static_cast<std::size_t>(edge[2])] > 0));
        for (const int point : {edge[0], edge[1]}) {
          unsigned char& seen = on_outline[static_cast<std::size_t>(point)];
          found[count] = point;
          count += static_cast<std::size_t>(back & (seen ^ 1));
          seen |= back;
        }
      }
    }
    const auto [u, v] = frame_of(d);
    outline.clear();
    for (std::size_t k = 0; k < count; ++k) {
      const int point = found[k];
      const Vector& p = body.solid.points[static_cast<std::size_t>(point)];
      outline.push_back({dot(p, u), dot(p, v)});
      on_outline[static_cast<std::size_t>(point)] = 0;
    }
    keep_corners(outline, corners);
    const auto [width, depth] = smallest_rectangle(corners);
    // Of bodies as flat as rounding lets them be, no outline is left.
    if (!(width * depth >= shadow / 2 * (1 - 1e-6))) return {};
    return {height * width * depth, {height, width, depth}};
  }
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
  order.reserve(count);
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
      // Of two planes that face each other, the first one stands for the direction.
      const Point opposite{-normal[0], -normal[1], -normal[2]};
      const auto found = std::lower_bound(order.begin(), order.end(), std::pair{opposite, std::size_t{0}});
      if (normal < opposite || found == order.end() || found->first != opposite)
        directions.push_back(scaled(doubled, 1 / length));
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

double diameter(const Solid& solid) {
  const Columns points(solid.points, solid.points[0]);
  const auto furthest = [&](const Vector& point) {
    return enclosing_rows().furthest(points.axes, points.count, point.data());
  };
  Vector low = solid.points[0], high = low;
  for (const Vector& p : solid.points) {
    for (std::size_t i = 0; i < 3; ++i) {
      low[i] = std::min(low[i], p[i]);
      high[i] = std::max(high[i], p[i]);
    }
  }
  const Vector middle{(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, (low[2] + high[2]) / 2};
  std::vector<std::pair<double, std::size_t>> order;
  for (std::size_t i = 0; i < solid.points.size(); ++i) {
    const Vector d = minus(solid.points[i], middle);
    order.emplace_back(-std::sqrt(dot(d, d)), i);
  }
  std::sort(order.begin(), order.end());
  // Both ends of a longer line are further from the middle than what is left of it.
  double best = 0;
  for (const auto& [radius, i] : order) {
    const double reach = (-radius - order.front().first) * (1 + 1e-12);
    if (reach * reach < best) break;
    best = std::max(best, furthest(solid.points[i]));
  }
  return std::sqrt(best);
}

std::array<double, 3> smallest_box(const Solid& solid, Context context) {
  std::vector<Vector> directions{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
  directions.insert(directions.end(), solid.directions.begin(), solid.directions.end());
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
  const Outlines outlines(solid);
  const auto count = static_cast<std::int64_t>(directions.size());
  // Most directions are out of the question before their outlines are known.
  std::vector<BoxBounds> bounds(directions.size());
  parallel_for(count, 32, context.workers, [&](std::int64_t begin, std::int64_t end) {
    BoxSearch search(outlines);
    for (std::int64_t i = begin; i < end; ++i)
      bounds[static_cast<std::size_t>(i)] = search.bounds(directions[static_cast<std::size_t>(i)]);
  });
  double most = first.volume;
  for (const BoxBounds& bound : bounds) most = std::min(most, bound.most);
  std::vector<Vector> left;
  for (std::size_t i = 0; i < directions.size(); ++i)
    if (bounds[i].least <= most * (1 + 1e-9)) left.push_back(directions[i]);
  std::vector<Box> boxes(left.size());
  parallel_for(static_cast<std::int64_t>(left.size()), 8, context.workers, [&](std::int64_t begin, std::int64_t end) {
    BoxSearch search(outlines);
    double best = most;
    for (std::int64_t i = begin; i < end; ++i) {
      Box& box = boxes[static_cast<std::size_t>(i)];
      box = search.across(left[static_cast<std::size_t>(i)], best);
      best = std::min(best, box.volume);
    }
  });
  for (const Box& box : boxes)
    if (box.volume < first.volume) first = box;
  return first.edges;
}

}  // namespace cormack
