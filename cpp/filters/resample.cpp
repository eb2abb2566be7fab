#include "filters/resample.hpp"

#include <algorithm>
#include <limits>

#include "core/border.hpp"
#include "core/parallel.hpp"
#include "filters/resample_axes.hpp"
#include "filters/resample_rows.hpp"

namespace cormack {
namespace {

struct Node {
  std::int64_t voxel;
  double fraction;  // [0, 1), a multiple of 2^-32
};

Node node_at(double position, const AxisRange& range) {
  position = on_step(std::clamp(position, range.low, range.high));
  const double whole = std::floor(position);
  return {static_cast<std::int64_t>(whole), position - whole};
}

}  // namespace

Taps taps_of(const std::vector<double>& positions, std::int64_t n, Interpolation interpolation,
             const AxisRange& range) {
  const std::size_t nodes = positions.size();
  std::vector<Node> at(nodes);
  bool between = false;
  for (std::size_t i = 0; i < nodes; ++i) {
    if (!std::isfinite(positions[i])) throw std::invalid_argument("resample: positions must be finite");
    at[i] = node_at(positions[i], range);
    if (interpolation == Interpolation::nearest) at[i] = {at[i].voxel + (at[i].fraction >= 0.5), 0.0};
    between |= at[i].fraction > 0;
  }
  Taps taps;
  if (between) taps.count = interpolation == Interpolation::cubic ? 4 : 2;
  if (taps.count == 4) taps.pad = range.pad;
  taps.index.resize(nodes * static_cast<std::size_t>(taps.count));
  taps.weight.resize(taps.index.size());
  for (std::size_t i = 0; i < nodes; ++i) {
    const auto [voxel, t] = at[i];
    const auto set = [&](int k, std::int64_t index, double weight) {
      const std::size_t slot = static_cast<std::size_t>(k) * nodes + i;
      // Without a spline there is no padding: what lies in it is the outermost voxel.
      const std::int64_t inside = taps.count == 4 ? border_index(index + taps.pad, n + 2 * taps.pad, Border::mirror)
                                                  : std::clamp<std::int64_t>(index, 0, n - 1);
      taps.index[slot] = static_cast<std::int32_t>(inside);
      taps.weight[slot] = weight;
    };
    if (taps.count == 1) {
      set(0, voxel, 1.0);
    } else if (taps.count == 2) {
      // On a voxel its neighbour must not matter, which may be NaN; two halves of an infinity are one.
      set(0, voxel, t > 0 ? 1.0 - t : 0.5);
      set(1, t > 0 ? voxel + 1 : voxel, t > 0 ? t : 0.5);
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

namespace {

// Replaces the values of a contiguous image by spline coefficients along some axes.
void set_coefficients(const View<double>& image, const std::array<bool, 3>& axes, int workers) {
  const std::int64_t depth = image.shape[0], height = image.shape[1], width = image.shape[2];
  const auto spline = resample_rows().spline;
  const std::int64_t plane = height * width;
  if (axes[0] && depth > 1) {
    parallel_for(height, 8, workers, [&](std::int64_t begin, std::int64_t end) {
      spline(image.data + begin * width, plane, depth, (end - begin) * width);
    });
  }
  if (axes[1] && height > 1) {
    parallel_for(depth, 1, workers, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t z = begin; z < end; ++z) spline(image.data + z * plane, width, height, width);
    });
  }
  if (axes[2] && width > 1) {
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

std::array<std::int64_t, 3> padded(const std::array<std::int64_t, 3>& shape, const std::array<std::int64_t, 3>& pad) {
  return {shape[0] + 2 * pad[0], shape[1] + 2 * pad[1], shape[2] + 2 * pad[2]};
}

// src has unit rows. A task is a band of output rows in one output slice: the slices that it needs are combined into
// one first, of those rows that the band needs.
void interpolate(const Image& src, const Image& dst, const std::array<Taps, 3>& axes, int workers) {
  constexpr std::int64_t kBand = 16;
  const std::int64_t depth = dst.shape[0], height = dst.shape[1], width = dst.shape[2];
  const std::int64_t bands = (height + kBand - 1) / kBand, source_width = src.shape[2];
  const auto& rows = resample_rows();
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
              load_row(src, along_z.index[static_cast<std::size_t>(z)], y, to, source_width);
              continue;
            }
            for (int k = 0; k < along_z.count; ++k) {
              const auto at = static_cast<std::size_t>(k * depth + z);
              double* const own = loaded.data() + k * source_width;
              load_row(src, along_z.index[at], y, own, source_width);
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
            store_row(result.data(), dst, z, y, 0, width);
          }
        }
      });
}

}  // namespace

SplineImage::SplineImage(const Image& src, const std::array<bool, 3>& axes, const std::array<std::int64_t, 3>& pad,
                         int workers)
    : memory_((src.shape[0] + 2 * pad[0]) * (src.shape[1] + 2 * pad[1]) * (src.shape[2] + 2 * pad[2])) {
  const auto shape = padded(src.shape, pad);
  view_ = {memory_.data(), shape, {shape[1] * shape[2], shape[2], 1}};
  parallel_for(shape[0] * shape[1], 64, workers, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t z = border_index(i / shape[1] - pad[0], src.shape[0], Border::nearest);
      const std::int64_t y = border_index(i % shape[1] - pad[1], src.shape[1], Border::nearest);
      double* const row = view_.data + i * shape[2] + pad[2];
      load_row(src, z, y, row, src.shape[2]);
      extend_row(row, src.shape[2], pad[2], pad[2], Border::nearest, 0.0);
    }
  });
  set_coefficients(view_, axes, workers);
}

void resample_taps(const Image& src, const Image& dst, const std::array<Taps, 3>& taps, Context context) {
  with_unit_source(src, context.workers, [&](const Image& source) {
    const std::array<bool, 3> splines{taps[0].count == 4, taps[1].count == 4, taps[2].count == 4};
    if (!splines[0] && !splines[1] && !splines[2]) {
      interpolate(source, dst, taps, context.workers);
      return;
    }
    const SplineImage spline(source, splines, {taps[0].pad, taps[1].pad, taps[2].pad}, context.workers);
    Image coefficients = source;
    coefficients.data = spline.view().data;
    coefficients.dtype = DType::f64;
    coefficients.shape = spline.view().shape;
    coefficients.stride = spline.view().stride;
    interpolate(coefficients, dst, taps, context.workers);
  });
}

namespace cpu {

void resample(const Image& src, const Image& dst, const std::array<std::vector<double>, 3>& positions,
              Interpolation interpolation, Context context) {
  std::array<Taps, 3> taps;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    if (static_cast<std::int64_t>(positions[axis].size()) != dst.shape[axis])
      throw std::invalid_argument("resample: `dst` must have a voxel for each position");
    if (src.shape[axis] > std::numeric_limits<std::int32_t>::max())
      throw std::invalid_argument("resample: `src` is too long");
  }
  if (dst.size() == 0) return;
  if (dst.stride[2] != 1 && dst.shape[2] > 1) throw std::invalid_argument("resample: `dst` must have unit rows");
  if (src.size() == 0) throw std::invalid_argument("resample: `src` is empty");
  for (std::size_t axis = 0; axis < 3; ++axis)
    taps[axis] =
        taps_of(positions[axis], src.shape[axis], interpolation, {0.0, static_cast<double>(src.shape[axis] - 1)});
  resample_taps(src, dst, taps, context);
}

}  // namespace cpu
}  // namespace cormack
