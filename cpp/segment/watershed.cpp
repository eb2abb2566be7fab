#include "segment/watershed.hpp"

#include <bit>
#include <cmath>
#include <limits>
#include <queue>
#include <vector>

#include "core/check.hpp"
#include "core/parallel.hpp"
#include "core/scratch.hpp"
#include "segment/level_ranks.hpp"
#include "segment/padded_neighbours.hpp"

namespace cormack::cpu {
namespace {

using Index = std::int32_t;
constexpr Index kNone = -1;
// No label: outside the mask or the image. And, where lines are drawn, on a line.
constexpr std::int32_t kBlocked = std::numeric_limits<std::int32_t>::min();

// Calls f(index of the row's first pixel in the layout, z, y).
template <class F>
void for_rows(const PaddedLayout& layout, int workers, F f) {
  const std::int64_t height = layout.shape[1];
  const std::int64_t grain = std::max<std::int64_t>(1, 65536 / layout.shape[2]);
  parallel_for(layout.shape[0] * height, grain, workers, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) f(layout.index(r / height, r % height), r / height, r % height);
  });
}

struct Node {
  std::int32_t label;  // 0: not reached
  Index next;          // behind it in the queue of its level
};

struct Queue {
  Index head = kNone, tail = kNone;
};

// Level: an unsigned integer; values are below `count`.
template <class Level>
class Basins {
 public:
  Basins(const PaddedLayout& layout, const Scratch<Level>& levels, std::int64_t count, int connectivity)
      : layout_(layout),
        neighbours_(layout, connectivity),
        levels_(levels),
        queues_(static_cast<std::size_t>(count)),
        nodes_(layout.size) {}

  void load(const Image& labels, const Image* mask, int workers) {
    std::fill_n(nodes_.data(), layout_.size, Node{kBlocked, kNone});
    const auto from = labels.view<const std::int32_t>();
    for_rows(layout_, workers, [&](std::int64_t at, std::int64_t z, std::int64_t y) {
      for (std::int64_t x = 0; x < layout_.shape[2]; ++x) nodes_[at + x].label = from.at(z, y, x);
      if (mask == nullptr) return;
      const auto inside = mask->view<const std::uint8_t>();
      for (std::int64_t x = 0; x < layout_.shape[2]; ++x) {
        if (inside.at(z, y, x) == 0) nodes_[at + x].label = kBlocked;
      }
    });
    for (std::int64_t z = 0; z < layout_.shape[0]; ++z) {
      for (std::int64_t y = 0; y < layout_.shape[1]; ++y) {
        const std::int64_t at = layout_.index(z, y);
        for (std::int64_t p = at; p < at + layout_.shape[2]; ++p) {
          if (nodes_[p].label != 0 && nodes_[p].label != kBlocked) push(static_cast<Index>(p), levels_[p]);
        }
      }
    }
  }

  void store(const Image& labels, int workers) const {
    const auto to = labels.view<std::int32_t>();
    for_rows(layout_, workers, [&](std::int64_t at, std::int64_t z, std::int64_t y) {
      for (std::int64_t x = 0; x < layout_.shape[2]; ++x) {
        const std::int32_t label = nodes_[at + x].label;
        to.at(z, y, x) = label == kBlocked ? 0 : label;
      }
    });
  }

  // A pixel gets its label when it enters the queue: no later way to it is lower.
  void flood() {
    for (std::size_t level = 0; level < queues_.size(); ++level) {
      for (Index p = queues_[level].head; p != kNone; p = nodes_[p].next) {
        look_ahead(nodes_[p].next);
        const std::int32_t label = nodes_[p].label;
        for (int k = 0; k < neighbours_.count; ++k) {
          const std::int64_t q = p + neighbours_.offset[static_cast<std::size_t>(k)];
          if (nodes_[q].label != 0) continue;
          nodes_[q].label = label;
          push(static_cast<Index>(q), std::max(levels_[q], static_cast<Level>(level)));
        }
      }
    }
  }

  // A pixel gets its label when it leaves the queue, unless a neighbour has another one by then. The first entry of a
  // pixel is the first to leave, so later ones need not be kept.
  void flood_with_lines() {
    enum : std::uint8_t { free, waiting, settled, line };
    std::vector<std::uint8_t> states(static_cast<std::size_t>(layout_.size), free);
    for (std::int64_t p = 0; p < layout_.size; ++p) {
      std::uint8_t& state = states[static_cast<std::size_t>(p)];
      if (nodes_[p].label == kBlocked) state = line;
      else if (nodes_[p].label != 0) state = settled;
    }
    const auto state_of = [&](std::int64_t p) -> std::uint8_t& { return states[static_cast<std::size_t>(p)]; };
    const auto between = [&](std::int64_t p) {
      for (int k = 0; k < neighbours_.count; ++k) {
        const std::int64_t q = p + neighbours_.offset[static_cast<std::size_t>(k)];
        if (state_of(q) == settled && nodes_[q].label != nodes_[p].label) return true;
      }
      return false;
    };
    std::vector<Index> lines;
    for (std::size_t level = 0; level < queues_.size(); ++level) {
      for (Index p = queues_[level].head; p != kNone; p = nodes_[p].next) {
        const bool marker = state_of(p) == settled;
        if (between(p)) {
          state_of(p) = line;
          // Touching markers keep their labels.
          if (!marker) lines.push_back(p);
        } else {
          state_of(p) = settled;
        }
        for (int k = 0; k < neighbours_.count; ++k) {
          const std::int64_t q = p + neighbours_.offset[static_cast<std::size_t>(k)];
          if (state_of(q) != free) continue;
          state_of(q) = waiting;
          nodes_[q].label = nodes_[p].label;
          push(static_cast<Index>(q), std::max(levels_[q], static_cast<Level>(level)));
        }
      }
    }
    for (const Index p : lines) nodes_[p].label = 0;
  }

 private:
  void push(Index p, Level level) {
    Queue& queue = queues_[level];
    nodes_[p].next = kNone;
    if (queue.tail == kNone) queue.head = p;
    else nodes_[queue.tail].next = p;
    queue.tail = p;
  }
  void look_ahead([[maybe_unused]] Index p) const {
#if defined(__GNUC__)
    if (p == kNone) return;
    for (const std::int64_t step : {layout_.slice, layout_.row}) {
      __builtin_prefetch(nodes_.data() + p + step);
      __builtin_prefetch(nodes_.data() + p - step);
    }
#endif
  }

  const PaddedLayout& layout_;
  const PaddedNeighbours neighbours_;
  const Scratch<Level>& levels_;
  std::vector<Queue> queues_;
  Scratch<Node> nodes_;
};

template <class Level>
void flood(const PaddedLayout& layout, const Scratch<Level>& levels, std::int64_t count, const Image& labels,
           const WatershedOptions& options, int workers) {
  Basins<Level> basins(layout, levels, count, options.connectivity);
  basins.load(labels, options.mask, workers);
  if (options.line) basins.flood_with_lines();
  else basins.flood();
  basins.store(labels, workers);
}

// Costs are no longer those of pixels alone: a heap, and pixels that enter it more than once.
struct Entry {
  double cost;
  std::int64_t age;
  Index pixel, source;
  bool operator<(const Entry& other) const { return cost != other.cost ? cost > other.cost : age > other.age; }
};

template <class T>
void flood_compactly(const PaddedLayout& layout, const Image& image, const Image& labels,
                     const WatershedOptions& options) {
  const PaddedNeighbours neighbours(layout, options.connectivity);
  Scratch<double> values(layout.size);
  Scratch<std::int32_t> basins(layout.size);
  std::fill_n(basins.data(), layout.size, kBlocked);
  const auto pixels = image.view<const T>();
  const auto markers = labels.view<std::int32_t>();
  std::priority_queue<Entry> queue;
  std::int64_t age = 0;
  for_rows(layout, 1, [&](std::int64_t at, std::int64_t z, std::int64_t y) {
    for (std::int64_t x = 0; x < layout.shape[2]; ++x) {
      const auto value = static_cast<double>(pixels.at(z, y, x));
      // No heap can order NaN.
      values[at + x] = std::isnan(value) ? std::numeric_limits<double>::infinity() : value;
      if (options.mask != nullptr && options.mask->view<const std::uint8_t>().at(z, y, x) == 0) continue;
      basins[at + x] = markers.at(z, y, x);
      const auto p = static_cast<Index>(at + x);
      if (basins[p] != 0) queue.push({values[p], age++, p, p});
    }
  });
  const auto coordinate = [&](std::int64_t p) {
    p -= layout.first;
    return std::array{p / layout.slice, p % layout.slice / layout.row, p % layout.row};
  };
  while (!queue.empty()) {
    const Entry entry = queue.top();
    queue.pop();
    if (basins[entry.pixel] != 0 && entry.pixel != entry.source) continue;
    basins[entry.pixel] = basins[entry.source];
    const auto source = coordinate(entry.source);
    for (int k = 0; k < neighbours.count; ++k) {
      const std::int64_t q = entry.pixel + neighbours.offset[static_cast<std::size_t>(k)];
      if (basins[q] != 0) continue;
      const auto there = coordinate(q);
      double squares = 0;
      for (std::size_t axis = 0; axis < 3; ++axis) {
        const auto distance = static_cast<double>(there[axis] - source[axis]);
        squares += distance * distance;
      }
      const double cost = values[q] + options.compactness * std::sqrt(squares);
      queue.push({cost < entry.cost ? entry.cost : cost, age++, static_cast<Index>(q), entry.source});
    }
  }
  for_rows(layout, 1, [&](std::int64_t at, std::int64_t z, std::int64_t y) {
    for (std::int64_t x = 0; x < layout.shape[2]; ++x)
      markers.at(z, y, x) = basins[at + x] == kBlocked ? 0 : basins[at + x];
  });
}

// The order of level_ranks: NaN is larger than every number, and equal to itself.
template <class T>
bool is_below(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) return a < b || (std::isnan(b) && !std::isnan(a));
  else return a < b;
}

PaddedLayout layout_of(const Image& image, const Image& other) {
  check_one_shape("watershed", image, other);
  const PaddedLayout layout(image.shape);
  if (layout.size > std::numeric_limits<Index>::max())
    throw std::invalid_argument("cormack: an image has more pixels than a watershed can number");
  return layout;
}

}  // namespace

void watershed(const Image& image, const Image& labels, const WatershedOptions& options, Context context) {
  if (image.size() == 0) return;
  const PaddedLayout layout = layout_of(image, labels);
  check_mask("watershed", image, options.mask);
  dispatch(image.dtype, [&](auto value) {
    using T = decltype(value);
    if (options.compactness > 0) {
      flood_compactly<T>(layout, image, labels, options);
    } else if constexpr (sizeof(T) <= 2) {
      using Level = std::make_unsigned_t<T>;
      const auto pixels = image.view<const T>();
      const Scratch<Level> levels(layout.size);
      for_rows(layout, context.workers, [&](std::int64_t at, std::int64_t z, std::int64_t y) {
        for (std::int64_t x = 0; x < layout.shape[2]; ++x)
          levels[at + x] = static_cast<Level>(pixels.at(z, y, x) - std::numeric_limits<T>::min());
      });
      flood(layout, levels, std::int64_t{std::numeric_limits<Level>::max()} + 1, labels, options, context.workers);
    } else {
      const Scratch<std::uint32_t> levels(layout.size);
      const std::int64_t count = level_ranks(image, layout, levels.data());
      flood(layout, levels, count, labels, options, context.workers);
    }
  });
}

void local_minima(const Image& image, const Image& minima, int connectivity, Context context) {
  if (image.size() == 0) return;
  const PaddedLayout layout = layout_of(image, minima);
  const PaddedNeighbours neighbours(layout, connectivity);
  dispatch(image.dtype, [&](auto value) {
    using T = decltype(value);
    // What a pixel was found to be; the margin is not looked at.
    enum : std::uint8_t { margin, unknown, minimum, no_minimum };
    std::vector<std::uint8_t> states(static_cast<std::size_t>(layout.size), margin);
    const Scratch<T> values(layout.size);
    const auto pixels = image.view<const T>();
    for_rows(layout, context.workers, [&](std::int64_t at, std::int64_t z, std::int64_t y) {
      for (std::int64_t x = 0; x < layout.shape[2]; ++x) {
        values[at + x] = pixels.at(z, y, x);
        states[static_cast<std::size_t>(at + x)] = unknown;
      }
    });
    const auto state_of = [&](std::int64_t p) -> std::uint8_t& { return states[static_cast<std::size_t>(p)]; };
    std::vector<Index> plateau;
    for (std::int64_t z = 0; z < layout.shape[0]; ++z) {
      for (std::int64_t y = 0; y < layout.shape[1]; ++y) {
        for (std::int64_t start = layout.index(z, y); start < layout.index(z, y) + layout.shape[2]; ++start) {
          if (state_of(start) != unknown) continue;
          bool lowest = true;
          plateau.assign(1, static_cast<Index>(start));
          state_of(start) = minimum;
          for (std::size_t i = 0; i < plateau.size(); ++i) {
            const std::int64_t p = plateau[i];
            for (int k = 0; k < neighbours.count; ++k) {
              const std::int64_t q = p + neighbours.offset[static_cast<std::size_t>(k)];
              if (state_of(q) == margin) continue;
              const bool falls = is_below(values[q], values[p]);
              lowest &= !falls;
              if (state_of(q) != unknown || falls || is_below(values[p], values[q])) continue;
              state_of(q) = minimum;
              plateau.push_back(static_cast<Index>(q));
            }
          }
          if (lowest && static_cast<std::int64_t>(plateau.size()) < image.size()) continue;
          for (const Index p : plateau) state_of(p) = no_minimum;
        }
      }
    }
    const auto out = minima.view<std::uint8_t>();
    for_rows(layout, context.workers, [&](std::int64_t at, std::int64_t z, std::int64_t y) {
      for (std::int64_t x = 0; x < layout.shape[2]; ++x)
        out.at(z, y, x) = states[static_cast<std::size_t>(at + x)] == minimum;
    });
  });
}

}  // namespace cormack::cpu
