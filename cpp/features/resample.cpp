#include "features/resample.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/border.hpp"
#include "core/parallel.hpp"
#include "core/scratch.hpp"
#include "core/unit_rows.hpp"
#include "features/resample_rows.hpp"
#include "pointwise/map_rows.hpp"

namespace cormack {
namespace {

// Which voxels a node is made of, along one axis.
struct Taps {
  int count = 1;
  std::vector<std::int32_t> index;  // tap k of node i at [k * nodes + i]
  std::vector<double> weight;
};

struct Node {
  std::int64_t voxel;
  double fraction;  // [0, 1), a multiple of 2^-32
};

Node node_at(double position, std::int64_t n) {
  constexpr double steps = 4294967296.0;
  position = std::clamp(position, 0.0, static_cast<double>(n - 1));
  const double whole = std::floor(position);
  const double fraction = std::nearbyint((position - whole) * steps) / steps;
  const auto voxel = static_cast<std::int64_t>(whole);
  return fraction < 1.0 ? Node{voxel, fraction} : Node{voxel + 1, 0.0};
}

Taps taps_of(const std::vector<double>& positions, std::int64_t n, Interpolation interpolation) {
  const std::size_t nodes = positions.size();
  std::vector<Node> at(nodes);
  bool between = false;
  for (std::size_t i = 0; i < nodes; ++i) {
    if (!std::isfinite(positions[i]) || (i > 0 && positions[i] < positions[i - 1]))
      throw std::invalid_argument("resample: positions must be finite and not decrease");
    at[i] = node_at(positions[i], n);
    if (interpolation == Interpolation::nearest) at[i] = {at[i].voxel + (at[i].fraction >= 0.5), 0.0};
    between |= at[i].fraction > 0;
  }
  Taps taps;
  if (between) taps.count = interpolation == Interpolation::cubic ? 4 : 2;
  taps.index.resize(nodes * static_cast<std::size_t>(taps.count));
  taps.weight.resize(taps.index.size());
  for (std::size_t i = 0; i < nodes; ++i) {
    const auto [voxel, t] = at[i];
    const auto set = [&](int k, std::int64_t index, double weight) {
      const std::size_t slot = static_cast<std::size_t>(k) * nodes + i;
      taps.index[slot] = static_cast<std::int32_t>(border_index(index, n, Border::mirror));
      taps.weight[slot] = weight;
    };
    if (taps.count == 1) {
      set(0, voxel, 1.0);
    } else if (taps.count == 2) {
      set(0, voxel, 1.0 - t);
      // On a voxel its neighbour must not matter, which may be NaN.
      set(1, t > 0 ? voxel + 1 : voxel, t);
    } else {
      const double s = 1.0 - t;
      set(0, voxel - 1, s * s * s / 6.0);
      set(1, voxel, 2.0 / 3.0 - t * t * (1.0 - t / 2.0));
      set(2, voxel + 1, 2.0 / 3.0 - s * s * (1.0 - s / 2.0));
      set(3, voxel + 2, t * t * t / 6.0);
    }
  }
  return taps;
}

using Axes = std::array<Taps, 3>;

// Replaces the values of a contiguous image by spline coefficients along the axes that need them.
void set_coefficients(const View<double>& image, const Axes& axes, int workers) {
  const std::int64_t depth = image.shape[0], height = image.shape[1], width = image.shape[2];
  const auto spline = resample_rows().spline;
  const std::int64_t plane = height * width;
  if (axes[0].count == 4) {
    parallel_for(height, 8, workers, [&](std::int64_t begin, std::int64_t end) {
      spline(image.data + begin * width, plane, depth, (end - begin) * width);
    });
  }
  if (axes[1].count == 4) {
    parallel_for(depth, 1, workers, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t z = begin; z < end; ++z) spline(image.data + z * plane, width, height, width);
    });
  }
  if (axes[2].count == 4) {
    constexpr std::int64_t kLines = 16;
    parallel_for((depth * height + kLines - 1) / kLines, 4, workers, [&](std::int64_t begin, std::int64_t end) {
      const Scratch<double> turned(kLines * width);
      for (std::int64_t tile = begin; tile < end; ++tile) {
        double* const rows = image.data + tile * kLines * width;
        const std::int64_t lines = std::min(kLines, depth * height - tile * kLines);
        for (std::int64_t x = 0; x < width; ++x)
          for (std::int64_t i = 0; i < lines; ++i) turned[x * lines + i] = rows[i * width + x];
        spline(turned.data(), lines, width, lines);
        for (std::int64_t x = 0; x < width; ++x)
          for (std::int64_t i = 0; i < lines; ++i) rows[i * width + x] = turned[x * lines + i];
      }
    });
  }
}

// src has unit rows. A task is a band of output rows in one output slice: the slices that it needs are combined into
// one first, of those rows that the band needs.
template <class T, class Out>
void interpolate(const View<const T>& src, const View<Out>& dst, const Axes& axes, int workers) {
  constexpr std::int64_t kBand = 16;
  const std::int64_t depth = dst.shape[0], height = dst.shape[1], width = dst.shape[2];
  const std::int64_t bands = (height + kBand - 1) / kBand, source_width = src.shape[2];
  const auto& rows = resample_rows();
  const auto load = map_rows().load.template get<T>();
  const auto store = map_rows().store.template get<Out>();
  const Taps &along_z = axes[0], &along_y = axes[1], &along_x = axes[2];
  const std::int64_t cost = std::max<std::int64_t>(1, kBand * (width + source_width));
  parallel_for(
      depth * bands, std::max<std::int64_t>(1, 32768 / cost), workers, [&](std::int64_t begin, std::int64_t end) {
        const Scratch<double> loaded(kMostTaps * source_width), row(source_width), result(width);
        std::vector<double> slab;
        std::vector<std::int64_t> slot;  // of a row of the slab, -1 where no output row needs it
        for (std::int64_t task = begin; task < end; ++task) {
          const std::int64_t z = task / bands, first = task % bands * kBand, last = std::min(height, first + kBand);
          const std::int32_t* index = along_y.index.data();
          const auto node = [&](int k, std::int64_t y) { return index[k * height + y]; };
          std::int64_t low = std::numeric_limits<std::int64_t>::max(), high = 0;
          for (int k = 0; k < along_y.count; ++k) {
            for (std::int64_t y = first; y < last; ++y) {
              low = std::min<std::int64_t>(low, node(k, y));
              high = std::max<std::int64_t>(high, node(k, y));
            }
          }
          slot.assign(static_cast<std::size_t>(high - low + 1), -1);
          std::int64_t needed = 0;
          for (int k = 0; k < along_y.count; ++k) {
            for (std::int64_t y = first; y < last; ++y) {
              std::int64_t& place = slot[static_cast<std::size_t>(node(k, y) - low)];
              if (place < 0) place = needed++;
            }
          }
          slab.resize(static_cast<std::size_t>(needed * source_width));
          const double* taps[kMostTaps];
          double weights[kMostTaps];
          for (std::int64_t y = low; y <= high; ++y) {
            const std::int64_t place = slot[static_cast<std::size_t>(y - low)];
            if (place < 0) continue;
            double* const to = slab.data() + place * source_width;
            if (along_z.count == 1) {
              load(src.row(along_z.index[static_cast<std::size_t>(z)], y), to, source_width);
              continue;
            }
            for (int k = 0; k < along_z.count; ++k) {
              const auto at = static_cast<std::size_t>(k * depth + z);
              double* const own = loaded.data() + k * source_width;
              load(src.row(along_z.index[at], y), own, source_width);
              taps[k] = own;
              weights[k] = along_z.weight[at];
            }
            rows.combine(taps, weights, along_z.count, to, source_width);
          }
          for (std::int64_t y = first; y < last; ++y) {
            for (int k = 0; k < along_y.count; ++k) {
              taps[k] = slab.data() + slot[static_cast<std::size_t>(node(k, y) - low)] * source_width;
              weights[k] = along_y.weight[static_cast<std::size_t>(k * height + y)];
            }
            const double* combined = taps[0];
            if (along_y.count > 1) {
              rows.combine(taps, weights, along_y.count, row.data(), source_width);
              combined = row.data();
            }
            rows.gather(combined, along_x.index.data(), along_x.weight.data(), along_x.count, result.data(), width);
            store(result.data(), dst.row(z, y), width);
          }
        }
      });
}

template <class T, class Out>
void run(const View<const T>& src, const View<Out>& dst, const Axes& axes, int workers) {
  const UnitRows<T> source(src, workers);
  if (axes[0].count != 4 && axes[1].count != 4 && axes[2].count != 4) {
    interpolate<T, Out>(source.view(), dst, axes, workers);
    return;
  }
  const Scratch<double> memory(src.size());
  const View<double> coefficients{memory.data(), src.shape, {src.shape[1] * src.shape[2], src.shape[2], 1}};
  const auto load = map_rows().load.template get<T>();
  parallel_for(src.shape[0] * src.shape[1], 64, workers, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t z = i / src.shape[1], y = i % src.shape[1];
      load(source.view().row(z, y), coefficients.row(z, y), src.shape[2]);
    }
  });
  set_coefficients(coefficients, axes, workers);
  interpolate<double, Out>({coefficients.data, coefficients.shape, coefficients.stride}, dst, axes, workers);
}

}  // namespace

namespace cpu {

void resample(const Image& src, const Image& dst, const std::array<std::vector<double>, 3>& positions,
              Interpolation interpolation, Context context) {
  Axes axes;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    if (static_cast<std::int64_t>(positions[axis].size()) != dst.shape[axis])
      throw std::invalid_argument("resample: `dst` must have a voxel for each position");
    if (src.shape[axis] > std::numeric_limits<std::int32_t>::max())
      throw std::invalid_argument("resample: `src` is too long");
  }
  if (dst.size() == 0) return;
  if (src.size() == 0) throw std::invalid_argument("resample: `src` is empty");
  for (std::size_t axis = 0; axis < 3; ++axis) axes[axis] = taps_of(positions[axis], src.shape[axis], interpolation);
  dispatch(src.dtype, [&](auto t) {
    using T = decltype(t);
    const auto to = [&](auto out) {
      using Out = decltype(out);
      const auto target = dst.view<Out>();
      if (!target.unit_rows()) throw std::invalid_argument("resample: `dst` must have unit rows");
      run<T, Out>(src.view<const T>(), target, axes, context.workers);
    };
    if (dst.dtype == DType::f32) to(float{});
    else to(double{});
  });
}

}  // namespace cpu
}  // namespace cormack
