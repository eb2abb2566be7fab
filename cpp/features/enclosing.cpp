#include "features/enclosing.hpp"

#include <algorithm>
#include <cmath>
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

struct BoxSearch {
  const Outlines& body;
  std::vector<double> facing;
  std::vector<unsigned char> on_outline;
  std::vector<std::size_t> near;
  std::vector<int> found;
  std::vector<Flat> outline, corners;

  explicit BoxSearch(const Outlines& outlines)
      : body(outlines),
        facing(outlines.areas.size()),
        on_outline(outlines.solid.points.size()),
        near(outlines.turn.size() + 1),
        found(on_outline.size() + 1) {}

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
    const Vector axis = std::abs(d[0]) < 0.6 ? Vector{1, 0, 0} : Vector{0, 1, 0};
    Vector u = cross(d, axis);
    u = scaled(u, 1 / std::sqrt(dot(u, u)));
    const Vector v = cross(d, u);
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

double diameter(const Solid& solid, Context context) {
  constexpr std::int64_t lanes = EnclosingRows::kLanes;
  const Columns points(solid.points, solid.points[0]);
  std::vector<double> furthest(solid.points.size());
  parallel_for(static_cast<std::int64_t>(furthest.size()), 64, context.workers,
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t i = begin; i < end; ++i) {
                   // Pairs with points before this one have been tried, but for those in its register.
                   const std::int64_t first = i / lanes * lanes;
                   const double* axes[3] = {points.axes[0] + first, points.axes[1] + first, points.axes[2] + first};
                   const auto at = static_cast<std::size_t>(i);
                   furthest[at] = enclosing_rows().furthest(axes, points.count - first, solid.points[at].data());
                 }
               });
  return std::sqrt(*std::max_element(furthest.begin(), furthest.end()));
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
  std::vector<Box> boxes(directions.size());
  const Outlines outlines(solid);
  parallel_for(static_cast<std::int64_t>(directions.size()), 8, context.workers,
               [&](std::int64_t begin, std::int64_t end) {
                 BoxSearch search(outlines);
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

}  // namespace cormack
