#include "features/hull.hpp"

#include <algorithm>
#include <cstdlib>

namespace cormack {
namespace {

Point minus(const Point& a, const Point& b) { return {a[0] - b[0], a[1] - b[1], a[2] - b[2]}; }

Point cross(const Point& a, const Point& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

std::int64_t dot(const Point& a, const Point& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

double squared(const Point& a) {
  const double z = static_cast<double>(a[0]), y = static_cast<double>(a[1]), x = static_cast<double>(a[2]);
  return z * z + y * y + x * x;
}

struct Face {
  std::array<int, 3> corners, across{};
  Point origin, normal;  // points outwards
  int outside = -1;      // first of the points above it that no other face has; each names the next one
  bool alive = true;
};

class Quickhull {
 public:
  explicit Quickhull(const std::vector<Point>& points)
      : points_(points), face_from_(points.size(), -1), next_(points.size(), -1) {
    // About as many are made for points on a ball, few of which last: growing would take as long as making them.
    faces_.reserve(5 * points.size());
  }

  // False where all points lie in a plane.
  bool run() {
    if (!start()) return false;
    std::vector<int> waiting{0, 1, 2, 3};
    while (!waiting.empty()) {
      const int face = waiting.back();
      waiting.pop_back();
      if (!at(face).alive || at(face).outside < 0) continue;
      const std::size_t first = faces_.size();
      extend(face);
      for (std::size_t i = first; i < faces_.size(); ++i) waiting.push_back(static_cast<int>(i));
    }
    return true;
  }

  Hull result() const {
    Hull hull;
    std::vector<int> vertex(points_.size(), -1), number(faces_.size(), -1);
    int count = 0;
    for (std::size_t i = 0; i < faces_.size(); ++i)
      if (faces_[i].alive) number[i] = count++;
    for (const Face& face : faces_) {
      if (!face.alive) continue;
      std::array<int, 3> corners{}, across{};
      for (std::size_t k = 0; k < 3; ++k) {
        int& index = vertex[static_cast<std::size_t>(face.corners[k])];
        if (index < 0) {
          index = static_cast<int>(hull.vertices.size());
          hull.vertices.push_back(point(face.corners[k]));
        }
        corners[k] = index;
        across[k] = number[static_cast<std::size_t>(face.across[k])];
      }
      hull.faces.push_back(corners);
      hull.across.push_back(across);
    }
    return hull;
  }

 private:
  const Point& point(int i) const { return points_[static_cast<std::size_t>(i)]; }
  Face& at(int face) { return faces_[static_cast<std::size_t>(face)]; }
  std::int64_t height(const Face& face, int i) const { return dot(face.normal, minus(point(i), face.origin)); }

  int add_face(int a, int b, int c) {
    Face face;
    face.corners = {a, b, c};
    face.origin = point(a);
    face.normal = cross(minus(point(b), point(a)), minus(point(c), point(a)));
    faces_.push_back(face);
    return static_cast<int>(faces_.size()) - 1;
  }

  template <class Measure>
  int furthest(const Measure& measure) const {
    int best = -1;
    double most = 0;
    for (int i = 0; i < static_cast<int>(points_.size()); ++i) {
      const double value = measure(point(i));
      if (value > most) {
        most = value;
        best = i;
      }
    }
    return best;
  }

  // A tetrahedron of points that lie far apart.
  bool start() {
    if (points_.size() < 4) return false;
    const int a = static_cast<int>(std::min_element(points_.begin(), points_.end()) - points_.begin());
    const Point origin = point(a);
    const int b = furthest([&](const Point& p) { return squared(minus(p, origin)); });
    if (b < 0) return false;
    const Point line = minus(point(b), origin);
    const int c = furthest([&](const Point& p) { return squared(cross(line, minus(p, origin))); });
    if (c < 0) return false;
    const Point normal = cross(line, minus(point(c), origin));
    const int d = furthest([&](const Point& p) {
      return static_cast<double>(std::llabs(static_cast<long long>(dot(normal, minus(p, origin)))));
    });
    if (d < 0) return false;
    const bool above = dot(normal, minus(point(d), origin)) > 0;
    const int base[3] = {a, above ? c : b, above ? b : c};
    add_face(base[0], base[1], base[2]);
    for (int i = 0; i < 3; ++i) {
      add_face(base[(i + 1) % 3], base[i], d);
      at(0).across[static_cast<std::size_t>(i)] = i + 1;
    }
    for (int i = 0; i < 3; ++i) at(i + 1).across = {0, (i + 2) % 3 + 1, (i + 1) % 3 + 1};
    for (int i = 0; i < static_cast<int>(points_.size()); ++i) share_out(i, 0);
    return true;
  }

  // Gives each point to the first face from `first` on that it lies above; others are inside the hull. A point above a
  // face that is gone and above no new face is inside: the new faces bound the cone of the hull seen from their common
  // corner, and behind the hull in that cone nothing lies above a face that was seen from there.
  void share_out(int i, std::size_t first) {
    for (std::size_t face = first; face < faces_.size(); ++face) {
      if (height(faces_[face], i) <= 0) continue;
      next_[static_cast<std::size_t>(i)] = faces_[face].outside;
      faces_[face].outside = i;
      return;
    }
  }

  // Puts the point furthest above the face into the hull.
  void extend(int face) {
    int apex = -1;
    std::int64_t most = 0;
    for (int i = at(face).outside; i >= 0; i = next_[static_cast<std::size_t>(i)]) {
      const std::int64_t value = height(at(face), i);
      if (value > most) {
        most = value;
        apex = i;
      }
    }
    horizon_.clear();
    seen_.assign(1, face);
    at(face).alive = false;
    for (std::size_t next = 0; next < seen_.size(); ++next) {
      const std::array<int, 3> corners = at(seen_[next]).corners, across = at(seen_[next]).across;
      for (std::size_t k = 0; k < 3; ++k) {
        const int other = across[k];
        if (!at(other).alive) continue;
        if (height(at(other), apex) > 0) {
          at(other).alive = false;
          seen_.push_back(other);
        } else {
          horizon_.push_back({corners[k], corners[(k + 1) % 3], other});
        }
      }
    }
    const std::size_t first = faces_.size();
    for (const Border& border : horizon_) {
      const int made = add_face(border.from, border.to, apex);
      at(made).across[0] = border.beyond;
      Face& beyond = at(border.beyond);
      for (std::size_t k = 0; k < 3; ++k)
        if (beyond.corners[k] == border.to && beyond.corners[(k + 1) % 3] == border.from) beyond.across[k] = made;
      face_from_[static_cast<std::size_t>(border.from)] = made;
    }
    for (std::size_t i = first; i < faces_.size(); ++i) {
      const int next = face_from_[static_cast<std::size_t>(faces_[i].corners[1])];
      faces_[i].across[1] = next;
      at(next).across[2] = static_cast<int>(i);
    }
    for (const int gone : seen_) {
      for (int i = at(gone).outside; i >= 0;) {
        const int next = next_[static_cast<std::size_t>(i)];
        share_out(i, first);
        i = next;
      }
    }
  }

  struct Border {
    int from, to, beyond;
  };

  const std::vector<Point>& points_;
  std::vector<Face> faces_;
  std::vector<int> face_from_;  // the newest face whose first edge starts at a point
  std::vector<int> next_;       // the next point of a face's list
  std::vector<Border> horizon_;
  std::vector<int> seen_;
};

}  // namespace

Hull convex_hull(const std::vector<Point>& points) {
  Quickhull hull(points);
  if (hull.run()) return hull.result();
  Hull flat;
  flat.vertices = points;
  std::sort(flat.vertices.begin(), flat.vertices.end());
  flat.vertices.erase(std::unique(flat.vertices.begin(), flat.vertices.end()), flat.vertices.end());
  return flat;
}

Point normal_of(const Hull& hull, const std::array<int, 3>& face) {
  const Point& a = hull.vertices[static_cast<std::size_t>(face[0])];
  return cross(minus(hull.vertices[static_cast<std::size_t>(face[1])], a),
               minus(hull.vertices[static_cast<std::size_t>(face[2])], a));
}

void keep_corners(std::vector<PlanePoint>& points) {
  if (points.size() < 3) return;
  std::vector<PlanePoint> chain;
  chain.reserve(points.size() + 1);
  const auto turn = [](const PlanePoint& o, const PlanePoint& p, const PlanePoint& q) {
    return (p.a - o.a) * (q.b - o.b) - (p.b - o.b) * (q.a - o.a);
  };
  const auto extend = [&](const PlanePoint& p, std::size_t from) {
    while (chain.size() >= from + 2 && turn(chain[chain.size() - 2], chain.back(), p) <= 0) chain.pop_back();
    chain.push_back(p);
  };
  for (const PlanePoint& p : points) extend(p, 0);
  const std::size_t upper = chain.size() - 1;
  for (std::size_t i = points.size() - 1; i-- > 0;) extend(points[i], upper);
  chain.pop_back();
  points.swap(chain);
}

}  // namespace cormack
