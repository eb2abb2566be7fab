#pragma once
// Minima and maxima of footprints that are no box: runs along x, each the union of two filtered windows.
#include <algorithm>
#include <vector>

#include "core/parallel.hpp"
#include "core/scratch.hpp"
#include "filters/extremum_filter.hpp"
#include "filters/extremum_plan.hpp"

namespace cormack {

// Values of the footprint that follow each other along x.
struct FootprintRun {
  std::int64_t z, y, x, length;
};

inline std::vector<FootprintRun> runs_of(const ExtremumWindow& window) {
  std::vector<FootprintRun> runs;
  const std::uint8_t* place = window.footprint;
  for (std::int64_t z = 0; z < window.size[0]; ++z) {
    for (std::int64_t y = 0; y < window.size[1]; ++y) {
      for (std::int64_t x = 0; x < window.size[2]; ++x) {
        if (*place++ == 0) continue;
        if (x > 0 && place[-2] != 0) ++runs.back().length;
        else runs.push_back({z, y, x, 1});
      }
    }
  }
  return runs;
}

// Windows along x that make up the runs: the lengths of the runs, and between them as many more as make each at most
// twice the one before it; powers of two alone where that is too many.
inline std::vector<std::int64_t> lengths_of(const std::vector<FootprintRun>& runs) {
  constexpr std::size_t kMost = 12;
  std::vector<std::int64_t> wanted, lengths{1};
  for (const FootprintRun& run : runs) wanted.push_back(run.length);
  std::sort(wanted.begin(), wanted.end());
  for (const std::int64_t length : wanted) {
    while (2 * lengths.back() < length) lengths.push_back(2 * lengths.back());
    if (length != lengths.back()) lengths.push_back(length);
  }
  if (lengths.size() <= kMost) return lengths;
  lengths.assign(1, 1);
  while (2 * lengths.back() <= wanted.back()) lengths.push_back(2 * lengths.back());
  return lengths;
}

// A value of a filtered row: lengths[level] values of the window from x on.
struct FootprintTap {
  std::int64_t z, y, x, level;
};

inline std::vector<FootprintTap> taps_of(const std::vector<FootprintRun>& runs,
                                         const std::vector<std::int64_t>& lengths) {
  std::vector<FootprintTap> taps;
  for (const FootprintRun& run : runs) {
    const auto level = std::upper_bound(lengths.begin(), lengths.end(), run.length) - lengths.begin() - 1;
    const std::int64_t rest = run.length - lengths[static_cast<std::size_t>(level)];
    taps.push_back({run.z, run.y, run.x, level});
    if (rest > 0) taps.push_back({run.z, run.y, run.x + rest, level});
  }
  return taps;
}

template <class Key>
void filter_footprint(const ExtremumPlan<Key>& plan, const ExtremumWindow& window) {
  constexpr std::int64_t kBand = 32, kSlices = 8;
  const auto [depth, height, width] = plan.src.shape;
  const auto axis = [&](int a) {
    return ExtremumAxis{plan.src.shape[a], -window.first(a), window.size[a] - 1 + window.first(a), window.border[a]};
  };
  const ExtremumAxis z_axis = axis(0), y_axis = axis(1), x_axis = axis(2);
  const std::vector<FootprintRun> runs = runs_of(window);
  const std::vector<std::int64_t> lengths = lengths_of(runs);
  const std::vector<FootprintTap> taps = taps_of(runs, lengths);
  const auto levels = static_cast<std::int64_t>(lengths.size()), count = static_cast<std::int64_t>(taps.size());
  const std::int64_t full = width + x_axis.size() - 1, pitch = pitch_of<Key>(full);
  // Slices together share the rows between them.
  const std::int64_t slices = window.size[0] == 1 ? 1 : std::min(depth, kSlices), planes = slices + window.size[0] - 1;
  const std::int64_t blocks = (depth + slices - 1) / slices, bands = (height + kBand - 1) / kBand;
  const std::int64_t grain = std::max<std::int64_t>(1, kExtremumPixelsPerRange / (slices * kBand * width * count));

  parallel_for(blocks * bands, grain, plan.context.workers, [&](std::int64_t begin, std::int64_t end) {
    // Of the source row at window row y, plane z and level l, where y counts modulo the window's height.
    const Scratch<Key> cache(window.size[1] * planes * levels * pitch);
    const auto cached = [&](std::int64_t z, std::int64_t y, std::int64_t level) {
      return cache.data() + ((y % window.size[1] * planes + z) * levels + level) * pitch;
    };
    std::vector<const Key*> rows(taps.size());
    for (std::int64_t item = begin; item < end; ++item) {
      const std::int64_t first = item / bands * slices, top = item % bands * kBand;
      const std::int64_t bottom = std::min(height, top + kBand), here = std::min(slices, depth - first);
      const auto load = [&](std::int64_t y) {
        for (std::int64_t z = 0; z < here + window.size[0] - 1; ++z) {
          Key* row = cached(z, y, 0);
          const std::int64_t from_z = z_axis.index(first - z_axis.left + z), from_y = y_axis.index(y - y_axis.left);
          if (from_z < 0 || from_y < 0) std::fill_n(row, full, plan.cval);
          else plan.load_row(from_z, from_y, x_axis, row);
          for (std::int64_t level = 1; level < levels; ++level, row += pitch) {
            const std::int64_t length = lengths[static_cast<std::size_t>(level)];
            const Key* const halves[] = {row, row + length - lengths[static_cast<std::size_t>(level - 1)]};
            plan.kernels.join(halves, 2, row + pitch, full - length + 1);
          }
        }
      };
      for (std::int64_t y = top; y < top + window.size[1] - 1; ++y) load(y);
      for (std::int64_t y = top; y < bottom; ++y) {
        load(y + window.size[1] - 1);
        for (std::int64_t z = 0; z < here; ++z) {
          for (std::size_t i = 0; i < taps.size(); ++i)
            rows[i] = cached(z + taps[i].z, y + taps[i].y, taps[i].level) + taps[i].x;
          Key* const out = plan.dst.row(first + z, y);
          plan.kernels.join(rows.data(), count, out, width);
          plan.decode(out, width);
        }
      }
    }
  });
}

}  // namespace cormack
