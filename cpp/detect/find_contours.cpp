#include "detect/find_contours.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "core/parallel.hpp"
#include "segment/bit_image.hpp"

namespace cormack {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::int64_t kNone = -1;

// A point on the grid. Points are equal where their keys are: lines through a pixel's centre meet there, whichever of
// the pixel's edges they came by.
struct Point {
  double row, column;
  std::int64_t key;
};

// Joins segments to lines as scikit-image does: a line keeps the number of its first segment, so that lines are ordered
// by the place of that.
class Lines {
 public:
  // Keys are 3 (row * width + column) + kind.
  explicit Lines(std::int64_t width)
      : width_(width), starts_(static_cast<std::size_t>(6 * width), kNone), ends_(starts_) {}

  // To be called before the squares of each row: ends further up are not looked for any more.
  void begin_row(std::int64_t row) {
    first_key_ = 3 * row * width_;
    const auto next = static_cast<std::ptrdiff_t>((row + 1) % 2 * 3 * width_);
    if (row == 0) return;
    std::fill_n(starts_.begin() + next, 3 * width_, kNone);
    std::fill_n(ends_.begin() + next, 3 * width_, kNone);
  }

  void add(const Point& from, const Point& to) {
    if (from.key == to.key) return;  // a corner of the square is at the level; other squares have its point
    const std::int64_t tail = take(starts_, to.key), head = take(ends_, from.key);
    if (tail != kNone && head != kNone) {
      if (tail == head) append(head, to);
      else if (tail > head) join(head, tail, head);
      else join(head, tail, tail);
    } else if (tail != kNone) {
      const std::int64_t node = new_node(from);
      nodes_[static_cast<std::size_t>(node)].next = line(tail).first;
      line(tail).first = node;
      ++line(tail).count;
      set(starts_, from.key, tail);
    } else if (head != kNone) {
      append(head, to);
      set(ends_, to.key, head);
    } else {
      const std::int64_t first = new_node(from), last = new_node(to), number = static_cast<std::int64_t>(lines_.size());
      nodes_[static_cast<std::size_t>(first)].next = last;
      lines_.push_back({first, last, 2});
      set(starts_, from.key, number);
      set(ends_, to.key, number);
    }
  }

  Contours contours(bool reversed) const {
    Contours result;
    std::size_t total = 0;
    for (const Line& one : lines_) total += static_cast<std::size_t>(one.count);
    result.points.resize(2 * total);
    result.first.push_back(0);
    std::size_t at = 0;
    for (const Line& one : lines_) {
      if (one.count == 0) continue;
      const std::size_t n = static_cast<std::size_t>(one.count);
      std::int64_t node = one.first;
      for (std::size_t i = 0; i < n; ++i) {
        const Node& point = nodes_[static_cast<std::size_t>(node)];
        const std::size_t place = 2 * (at + (reversed ? n - 1 - i : i));
        result.points[place] = point.point.row;
        result.points[place + 1] = point.point.column;
        node = point.next;
      }
      at += n;
      result.first.push_back(static_cast<std::int64_t>(at));
    }
    return result;
  }

 private:
  struct Node {
    Point point;
    std::int64_t next;
  };
  struct Line {
    std::int64_t first, last, count;  // count 0: joined to another
  };

  Line& line(std::int64_t number) { return lines_[static_cast<std::size_t>(number)]; }
  Node& node(std::int64_t number) { return nodes_[static_cast<std::size_t>(number)]; }

  std::int64_t new_node(const Point& point) {
    nodes_.push_back({point, kNone});
    return static_cast<std::int64_t>(nodes_.size()) - 1;
  }
  void append(std::int64_t number, const Point& point) {
    const std::int64_t added = new_node(point);
    node(line(number).last).next = added;
    line(number).last = added;
    ++line(number).count;
  }
  // Line `head` followed by line `tail`, under the number `kept`, which is one of the two.
  void join(std::int64_t head, std::int64_t tail, std::int64_t kept) {
    const Line joined{line(head).first, line(tail).last, line(head).count + line(tail).count};
    node(line(head).last).next = line(tail).first;
    line(head).count = line(tail).count = 0;
    line(kept) = joined;
    set(starts_, node(joined.first).point.key, kept);
    set(ends_, node(joined.last).point.key, kept);
  }

  std::size_t slot(std::int64_t key) const { return static_cast<std::size_t>(key % (6 * width_)); }
  std::int64_t take(std::vector<std::int64_t>& ends, std::int64_t key) { return std::exchange(ends[slot(key)], kNone); }
  void set(std::vector<std::int64_t>& ends, std::int64_t key, std::int64_t number) {
    if (key >= first_key_) ends[slot(key)] = number;
  }

  std::int64_t width_, first_key_ = 0;
  std::vector<std::int64_t> starts_, ends_;  // lines by the key of their first and last point, for two rows
  std::vector<Node> nodes_;
  std::vector<Line> lines_;
};

// The squares of one slice.
template <class T>
class Squares {
 public:
  Squares(const View<const T>& image, std::int64_t z, const ContourSettings& settings)
      : image_(image), z_(z), settings_(settings), lines_(image.shape[2]) {}

  // The lines of all squares whose four pixels are in `inside`, which may be null.
  Contours trace(const BitImage& high, const BitImage* inside) {
    const std::int64_t height = image_.shape[1], width = image_.shape[2];
    for (std::int64_t y = 0; y + 1 < height; ++y) {
      lines_.begin_row(y);
      const std::uint64_t* row = high.data() + high.index(z_, y);
      const std::uint64_t* allowed = inside != nullptr ? inside->data() + inside->index(z_, y) : nullptr;
      for (std::int64_t w = 0; 64 * w + 1 < width; ++w) {
        const auto four = [w, step = high.row_stride](const std::uint64_t* at, std::uint64_t (&corners)[4]) {
          for (const int dy : {0, 1}) {
            const std::uint64_t* word = at + dy * step + w;
            corners[2 * dy] = word[0];
            corners[2 * dy + 1] = word[0] >> 1 | word[1] << 63;
          }
        };
        std::uint64_t corners[4];
        four(row, corners);
        std::uint64_t crossed =
            (corners[0] | corners[1] | corners[2] | corners[3]) & ~(corners[0] & corners[1] & corners[2] & corners[3]);
        const std::int64_t left = width - 1 - 64 * w;
        if (left < 64) crossed &= (std::uint64_t{1} << left) - 1;
        if (crossed == 0) continue;
        if (allowed != nullptr) {
          std::uint64_t may[4];
          four(allowed, may);
          crossed &= may[0] & may[1] & may[2] & may[3];
        }
        for (; crossed != 0; crossed &= crossed - 1) {
          const int bit = std::countr_zero(crossed);
          unsigned pattern = 0;
          for (int k = 0; k < 4; ++k) pattern |= static_cast<unsigned>(corners[k] >> bit & 1) << k;
          square(y, 64 * w + bit, pattern);
        }
      }
    }
    return lines_.contours(settings_.reversed);
  }

 private:
  double at(std::int64_t y, std::int64_t x) const { return static_cast<double>(image_.at(z_, y, x)); }

  // How far between two pixels the level lies; infinite pixels leave that open.
  double fraction(double from, double to) const {
    return std::isinf(from) || std::isinf(to) ? 0.5 : (settings_.level - from) / (to - from);
  }
  Point across(std::int64_t y, std::int64_t x) const {
    const double column = static_cast<double>(x) + fraction(at(y, x), at(y, x + 1));
    const std::int64_t pixel = 3 * (y * image_.shape[2] + x);
    const std::int64_t key = column == static_cast<double>(x)       ? pixel
                             : column == static_cast<double>(x + 1) ? pixel + 3
                                                                    : pixel + 1;
    return {static_cast<double>(y), column, key};
  }
  Point down(std::int64_t y, std::int64_t x) const {
    const double row = static_cast<double>(y) + fraction(at(y, x), at(y + 1, x));
    const std::int64_t pixel = 3 * (y * image_.shape[2] + x);
    const std::int64_t key = row == static_cast<double>(y)       ? pixel
                             : row == static_cast<double>(y + 1) ? pixel + 3 * image_.shape[2]
                                                                 : pixel + 2;
    return {row, static_cast<double>(x), key};
  }

  // pattern: bits of the upper left, upper right, lower left and lower right pixel, set where they are high. Low pixels
  // are on the left of a line.
  void square(std::int64_t y, std::int64_t x, unsigned pattern) {
    const auto top = [&] { return across(y, x); };
    const auto bottom = [&] { return across(y + 1, x); };
    const auto left = [&] { return down(y, x); };
    const auto right = [&] { return down(y, x + 1); };
    switch (pattern) {
      case 1:
        return lines_.add(top(), left());
      case 2:
        return lines_.add(right(), top());
      case 3:
        return lines_.add(right(), left());
      case 4:
        return lines_.add(left(), bottom());
      case 5:
        return lines_.add(top(), bottom());
      case 6:
        lines_.add(settings_.connect_high ? left() : right(), top());
        return lines_.add(settings_.connect_high ? right() : left(), bottom());
      case 7:
        return lines_.add(right(), bottom());
      case 8:
        return lines_.add(bottom(), right());
      case 9:
        lines_.add(top(), settings_.connect_high ? right() : left());
        return lines_.add(bottom(), settings_.connect_high ? left() : right());
      case 10:
        return lines_.add(bottom(), top());
      case 11:
        return lines_.add(bottom(), left());
      case 12:
        return lines_.add(left(), right());
      case 13:
        return lines_.add(top(), right());
      case 14:
        return lines_.add(left(), top());
      default:
        return;
    }
  }

  View<const T> image_;
  std::int64_t z_;
  const ContourSettings& settings_;
  Lines lines_;
};

}  // namespace

namespace cpu {

std::vector<Contours> find_contours(const Image& image, const ContourSettings& settings, Context context) {
  std::vector<Contours> result(static_cast<std::size_t>(image.shape[0]), Contours{{}, {0}});
  if (image.shape[1] < 2 || image.shape[2] < 2) return result;
  BitImage high(image.shape);
  threshold_bits(image, std::nextafter(settings.level, kInfinity), kInfinity, nullptr, high, context.workers);
  std::optional<BitImage> inside;
  if (settings.has_nan)
    threshold_bits(image, -kInfinity, kInfinity, settings.mask, inside.emplace(image.shape), context.workers);
  else if (settings.mask != nullptr) nonzero_bits(*settings.mask, false, inside.emplace(image.shape), context.workers);
  dispatch(image.dtype, [&](auto value) {
    using T = decltype(value);
    parallel_for(image.shape[0], 1, context.workers, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t z = begin; z < end; ++z)
        result[static_cast<std::size_t>(z)] =
            Squares<T>(image.view<const T>(), z, settings).trace(high, inside ? &*inside : nullptr);
    });
  });
  return result;
}

}  // namespace cpu
}  // namespace cormack
