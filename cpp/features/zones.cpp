#include "features/zones.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <optional>

#include "core/parallel.hpp"
#include "features/texture_rows.hpp"

namespace cormack {
namespace {

struct Zone {
  std::uint16_t level, distance;
  std::uint32_t size;
};
using Zones = std::vector<Zone>;

constexpr std::int64_t kSlab = 16;  // slices

// Neighbours that come before a voxel, the ones that touch most of the others first.
constexpr Offset kBefore[] = {{-1, 0, 0},  {-1, 0, -1}, {-1, 0, 1}, {-1, -1, 0}, {-1, 1, 0}, {-1, -1, -1}, {-1, -1, 1},
                              {-1, 1, -1}, {-1, 1, 1},  {0, -1, 0}, {0, -1, -1}, {0, -1, 1}, {0, 0, -1}};
constexpr int kInSpace = 13, kInSlice = 4, kAbove = kInSpace - kInSlice;

// Neighbours of one level that touch each other have been joined before: of those that have the voxel's level, only the
// ones that do not touch neighbour k are left to join with it once k is.
struct Apart {
  unsigned mask[kInSpace + 1] = {};  // one more for none
};
constexpr Apart apart_from(int first) {
  Apart result;
  for (int a = first; a < kInSpace; ++a) {
    for (int b = first; b < kInSpace; ++b) {
      bool touch = true;
      for (std::size_t axis = 0; axis < 3; ++axis) {
        const std::int64_t step = kBefore[a][axis] - kBefore[b][axis];
        touch = touch && step >= -1 && step <= 1;
      }
      if (!touch) result.mask[a - first] |= 1U << (b - first);
    }
  }
  return result;
}
constexpr Apart kApartInSpace = apart_from(0), kApartInSlice = apart_from(kAbove);

std::uint32_t root_of(std::uint32_t* parent, std::uint32_t i) {
  while (parent[i] != i) {
    parent[i] = parent[parent[i]];
    i = parent[i];
  }
  return i;
}

// Joins the sets of two roots; the earlier one stays root.
std::uint32_t join(std::uint32_t* parent, std::uint32_t a, std::uint32_t b) {
  if (a > b) std::swap(a, b);
  parent[b] = a;
  return a;
}

class ZoneSearch {
 public:
  ZoneSearch(const Levels& levels, int dimensions, const std::uint16_t* distance)
      : levels_(levels), distance_(distance), number_(levels.padded_size()) {
    const int first = dimensions == 3 ? 0 : kAbove;
    count_ = kInSpace - first;
    for (int k = 0; k < count_; ++k) back_[k] = levels.step(kBefore[first + k]);
    apart_ = dimensions == 3 ? kApartInSpace.mask : kApartInSlice.mask;
  }

  // The zones of slices [begin, end), as if there were no others; afterwards number() of a voxel is that of its zone.
  Zones find(std::int64_t begin, std::int64_t end) {
    Scratch<std::uint16_t> bits(levels_.columns());
    for (std::int64_t z = begin; z < end; ++z) {
      const unsigned known = z == begin && count_ == kInSpace ? ~0U << kAbove : ~0U;
      for (std::int64_t y = 0; y < levels_.rows(); ++y) link(z, y, known, bits.data());
    }
    Zones zones;
    for (std::int64_t z = begin; z < end; ++z)
      for (std::int64_t y = 0; y < levels_.rows(); ++y) collect(z, y, zones);
    return zones;
  }

  // Calls f(zone of a voxel in slice z, zone of a voxel of the same level before it in slice z - 1).
  template <class F>
  void across(std::int64_t z, const F& f) const {
    Scratch<std::uint16_t> bits(levels_.columns());
    for (std::int64_t y = 0; y < levels_.rows(); ++y) {
      const std::int64_t first = levels_.first(z, y), n = levels_.end(z, y) - first;
      texture_rows().same(levels_.row(z, y) + first, back_, count_, n, bits.data());
      const std::uint32_t* number = number_.data() + levels_.index(z, y) + first;
      for (std::int64_t i = 0; i < n; ++i) {
        unsigned found = bits[i] & ((1U << kAbove) - 1);
        while (found != 0) {
          const int k = std::countr_zero(found);
          f(number[i], number[i + back_[k]]);
          found &= apart_[k];
        }
      }
    }
  }

 private:
  // While voxels are linked, number_ holds a voxel of the same zone that comes no later.
  void link(std::int64_t z, std::int64_t y, unsigned known, std::uint16_t* bits) {
    const std::int64_t first = levels_.first(z, y), n = levels_.end(z, y) - first;
    const std::uint16_t* row = levels_.row(z, y) + first;
    const std::int64_t start = levels_.index(z, y) + first;
    texture_rows().same(row, back_, count_, n, bits);
    std::uint32_t* parent = number_.data();
    for (std::int64_t i = 0; i < n; ++i) {
      if (row[i] == 0) continue;
      const auto at = static_cast<std::uint32_t>(start + i);
      const unsigned found = bits[i] & known;
      // Most voxels have one neighbour to be joined with, or none: no branch to tell these apart, and no search.
      const int k = std::countr_zero(found | 1U << kInSpace);
      parent[at] = static_cast<std::uint32_t>(at + back_[k]);
      unsigned rest = found & apart_[k];
      if (rest == 0) continue;
      std::uint32_t root = root_of(parent, at);
      while (rest != 0) {
        const int other_k = std::countr_zero(rest);
        const std::uint32_t other = root_of(parent, static_cast<std::uint32_t>(at + back_[other_k]));
        if (other != root) root = join(parent, root, other);
        rest &= apart_[other_k];
      }
      parent[at] = root;
    }
  }

  void collect(std::int64_t z, std::int64_t y, Zones& zones) {
    const std::int64_t first = levels_.first(z, y), n = levels_.end(z, y) - first;
    const std::uint16_t* row = levels_.row(z, y) + first;
    const std::int64_t start = levels_.index(z, y) + first;
    std::uint32_t* number = number_.data();
    const std::uint16_t* distance = distance_ == nullptr ? nullptr : distance_ + start;
    const std::size_t known = zones.size();
    zones.resize(known + static_cast<std::size_t>(n) + 1);
    Zone* const zone = zones.data();
    std::size_t next = known;
    for (std::int64_t i = 0; i < n; ++i) {
      if (row[i] == 0) continue;
      const std::int64_t at = start + i;
      const bool first_of_zone = number[at] == at;
      // What it points to comes earlier, and has its zone's number already. Again without a branch.
      const std::size_t of_other = number[number[at]];
      const std::size_t mine = of_other ^ ((of_other ^ next) & (std::size_t{0} - first_of_zone));
      number[at] = static_cast<std::uint32_t>(mine);
      zone[next] = {row[i], std::numeric_limits<std::uint16_t>::max(), 0};
      next += first_of_zone;
      ++zone[mine].size;
      if (distance == nullptr) continue;
      const std::uint16_t nearest = zone[mine].distance, here = distance[i];
      zone[mine].distance = here < nearest ? here : nearest;
    }
    zones.resize(next);
  }

  const Levels& levels_;
  const std::uint16_t* distance_;
  Scratch<std::uint32_t> number_;
  std::int64_t back_[kInSpace + 1] = {};  // one more for none
  const unsigned* apart_;
  int count_;
};

// Zones in space: those of slabs, joined.
Zones in_space(const Levels& levels, const std::uint16_t* distance, Context context) {
  ZoneSearch search(levels, 3, distance);
  std::vector<Zones> slabs(static_cast<std::size_t>(levels.depth()));
  std::vector<std::uint8_t> starts(static_cast<std::size_t>(levels.depth()));
  parallel_for(levels.depth(), kSlab, context.workers, [&](std::int64_t begin, std::int64_t end) {
    slabs[static_cast<std::size_t>(begin)] = search.find(begin, end);
    starts[static_cast<std::size_t>(begin)] = 1;
  });
  // Where the numbers of each slice's slab start.
  std::vector<std::uint32_t> base(slabs.size());
  Zones zones;
  std::uint32_t current = 0;
  for (std::size_t z = 0; z < slabs.size(); ++z) {
    if (starts[z] != 0) {
      current = static_cast<std::uint32_t>(zones.size());
      zones.insert(zones.end(), slabs[z].begin(), slabs[z].end());
    }
    base[z] = current;
  }
  if (zones.size() == slabs[0].size()) return zones;
  std::vector<std::uint32_t> parent(zones.size());
  for (std::size_t i = 0; i < parent.size(); ++i) parent[i] = static_cast<std::uint32_t>(i);
  for (std::size_t z = 1; z < slabs.size(); ++z) {
    if (starts[z] == 0) continue;
    search.across(static_cast<std::int64_t>(z), [&](std::uint32_t below, std::uint32_t above) {
      const std::uint32_t a = root_of(parent.data(), base[z] + below);
      const std::uint32_t b = root_of(parent.data(), base[z - 1] + above);
      if (a != b) join(parent.data(), a, b);
    });
  }
  std::size_t kept = 0;
  std::vector<std::uint32_t> place(zones.size());
  for (std::size_t i = 0; i < zones.size(); ++i) {
    const std::uint32_t root = root_of(parent.data(), static_cast<std::uint32_t>(i));
    if (root == i) {
      place[i] = static_cast<std::uint32_t>(kept);
      zones[kept++] = zones[i];
      continue;
    }
    Zone& zone = zones[place[root]];
    zone.size += zones[i].size;
    zone.distance = std::min(zone.distance, zones[i].distance);
  }
  zones.resize(kept);
  return zones;
}

// How many zones have each level and value: a table of the small values, a sorted list of the few others.
template <class Value>
void count_cells(const Zones& zones, std::int64_t matrix, std::int64_t level_count, const Value& value, Cells& cells) {
  constexpr std::int64_t small = 64;
  std::vector<std::uint32_t> table(static_cast<std::size_t>((level_count + 1) * small));
  std::vector<std::pair<std::uint16_t, std::uint32_t>> others;
  for (const Zone& zone : zones) {
    const std::uint32_t j = value(zone);
    if (j < small) ++table[static_cast<std::size_t>(zone.level * small + j)];
    else others.emplace_back(zone.level, j);
  }
  std::sort(others.begin(), others.end());
  std::size_t next = 0;
  for (std::int64_t level = 1; level <= level_count; ++level) {
    for (std::int64_t j = 0; j < small; ++j) {
      const std::uint32_t n = table[static_cast<std::size_t>(level * small + j)];
      if (n != 0) cells.push_back({matrix, level, j, n});
    }
    for (; next < others.size() && others[next].first == level; ++next) {
      const std::int64_t j = others[next].second;
      if (!cells.empty() && cells.back()[0] == matrix && cells.back()[1] == level && cells.back()[2] == j)
        ++cells.back()[3];
      else cells.push_back({matrix, level, j, 1});
    }
  }
}

}  // namespace

namespace cpu {

ZoneCells zones(const Levels& levels, int dimensions, bool distances, Context context) {
  std::optional<Scratch<std::uint16_t>> distance;
  if (distances) {
    distance.emplace(levels.padded_size());
    levels.distances(dimensions, distance->data(), context);
  }
  const std::uint16_t* nearest = distances ? distance->data() : nullptr;
  const auto add_up = [&](const Zones& found, std::int64_t matrix, ZoneCells& cells) {
    const auto size = [](const Zone& zone) { return zone.size; };
    const auto edge = [](const Zone& zone) { return std::uint32_t{zone.distance}; };
    count_cells(found, matrix, levels.level_count(), size, cells.sizes);
    if (distances) count_cells(found, matrix, levels.level_count(), edge, cells.distances);
  };
  ZoneCells result;
  if (dimensions == 3) {
    if (levels.depth() > 0) add_up(in_space(levels, nearest, context), 0, result);
    return result;
  }
  ZoneSearch search(levels, 2, nearest);
  std::vector<ZoneCells> parts(static_cast<std::size_t>(levels.depth()));
  parallel_for(levels.depth(), 1, context.workers, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t z = begin; z < end; ++z) add_up(search.find(z, z + 1), z, parts[static_cast<std::size_t>(z)]);
  });
  for (const ZoneCells& part : parts) {
    result.sizes.insert(result.sizes.end(), part.sizes.begin(), part.sizes.end());
    result.distances.insert(result.distances.end(), part.distances.begin(), part.distances.end());
  }
  return result;
}

}  // namespace cpu
}  // namespace cormack
