// Source rows are contiguous. Positions become voxel numbers and fractions for some voxels at a time; then voxels are
// fetched one by one, and weighted many at a time.
#include <cmath>
#include <cstring>
#include <type_traits>

#include "core/border.hpp"
#include "filters/affine_transform_rows.hpp"

namespace cormack::CORMACK_ISA {

static constexpr std::int64_t kChunk = 64;

struct Places {
  alignas(64) std::int32_t voxel[3][kChunk];
  alignas(64) double fraction[3][kChunk];
  alignas(64) std::int64_t offset[kChunk];  // of the voxel in the source
};

enum class Round { nearest, down, down_in_pairs };

// Nearest rounds half way up. In pairs the last voxel but one is the last, and fractions reach 1.
template <Round round>
static void find(const AffineLine& line, std::int64_t first, std::int64_t n, Places& places) {
  constexpr double steps = 4294967296.0;
  // Keeps what is truncated positive: positions are at least -1 - 12.
  constexpr double shift = 16.0;
  for (int axis = line.planar ? 1 : 0; axis < 3; ++axis) {
    const double start = line.start[axis], step = line.step[axis], low = line.low[axis], high = line.high[axis];
    const auto last = static_cast<std::int32_t>(line.shape[axis] < 2 ? 0 : line.shape[axis] - 2);
    std::int32_t* __restrict voxel = places.voxel[axis];
    double* __restrict fraction = places.fraction[axis];
    for (std::int64_t i = 0; i < n; ++i) {
      double position = start + static_cast<double>(static_cast<std::int32_t>(first + i)) * step;
      position = position > low ? position : low;
      position = position < high ? position : high;
      position = std::nearbyint(position * steps) * (1.0 / steps) + shift;
      if (round == Round::nearest) position += 0.5;
      auto whole = static_cast<std::int32_t>(position) - static_cast<std::int32_t>(shift);
      if (round == Round::down_in_pairs) whole = whole < last ? whole : last;
      voxel[i] = whole;
      if (round != Round::nearest) fraction[i] = (position - shift) - static_cast<double>(whole);
    }
  }
}

static void set_offsets(const AffineLine& line, std::int64_t n, Places& places) {
  const std::int32_t *z = places.voxel[0], *y = places.voxel[1], *x = places.voxel[2];
  if (line.is_small) {
    const auto along_z = static_cast<std::int32_t>(line.stride[0]), along_y = static_cast<std::int32_t>(line.stride[1]);
    if (line.planar)
      for (std::int64_t i = 0; i < n; ++i) places.offset[i] = y[i] * along_y + x[i];
    else
      for (std::int64_t i = 0; i < n; ++i) places.offset[i] = z[i] * along_z + y[i] * along_y + x[i];
  } else {
    for (std::int64_t i = 0; i < n; ++i)
      places.offset[i] = (line.planar ? 0 : z[i] * line.stride[0]) + y[i] * line.stride[1] + x[i];
  }
}

template <class T>
static void nearest(const T* src, const AffineLine& line, std::int64_t first, std::int64_t n, double* dst) {
  Places places;
  alignas(64) T value[kChunk];
  for (std::int64_t begin = 0; begin < n; begin += kChunk) {
    const std::int64_t count = n - begin < kChunk ? n - begin : kChunk;
    find<Round::nearest>(line, first + begin, count, places);
    set_offsets(line, count, places);
    for (std::int64_t i = 0; i < count; ++i) value[i] = src[places.offset[i]];
    for (std::int64_t i = 0; i < count; ++i) dst[begin + i] = static_cast<double>(value[i]);
  }
}

// The voxels around a place: pairs along x, numbered by the bits of (z, y).
template <class T>
struct Corners {
  alignas(64) T pair[4][2 * kChunk];
};

template <class T, bool planar>
static void fetch(const T* src, const AffineLine& line, const Places& places, std::int64_t n, Corners<T>& corners) {
  // An axis of one voxel has no pairs: its fractions are 0, and both are the same voxel.
  const std::int64_t along_y = line.shape[1] > 1 ? line.stride[1] : 0;
  const std::int64_t along_z = line.shape[0] > 1 ? line.stride[0] : 0;
  if (line.shape[2] < 2) {
    for (std::int64_t i = 0; i < n; ++i) {
      const T* at = src + places.offset[i];
      for (int k = 0; k < (planar ? 2 : 4); ++k)
        corners.pair[k][2 * i] = corners.pair[k][2 * i + 1] = at[(k & 2 ? along_z : 0) + (k & 1 ? along_y : 0)];
    }
    return;
  }
  for (std::int64_t i = 0; i < n; ++i) {
    const T* at = src + places.offset[i];
    std::memcpy(corners.pair[0] + 2 * i, at, 2 * sizeof(T));
    std::memcpy(corners.pair[1] + 2 * i, at + along_y, 2 * sizeof(T));
    if (!planar) {
      std::memcpy(corners.pair[2] + 2 * i, at + along_z, 2 * sizeof(T));
      std::memcpy(corners.pair[3] + 2 * i, at + (along_z + along_y), 2 * sizeof(T));
    }
  }
}

// A voxel without weight does not matter: it may be NaN or infinite.
template <class T>
static inline double between(double a, double b, double t) {
  const double mixed = (1.0 - t) * a + t * b;
  if (!std::is_floating_point_v<T>) return mixed;
  const double below_one = t < 1.0 ? mixed : b;
  return t > 0.0 ? below_one : a;
}

template <class T, bool planar>
static void weigh(const Places& places, const Corners<T>& corners, std::int64_t n, double* __restrict dst) {
  const double *along_z = places.fraction[0], *along_y = places.fraction[1], *along_x = places.fraction[2];
  for (std::int64_t i = 0; i < n; ++i) {
    double left = static_cast<double>(corners.pair[0][2 * i]), right = static_cast<double>(corners.pair[0][2 * i + 1]);
    double left_y = static_cast<double>(corners.pair[1][2 * i]);
    double right_y = static_cast<double>(corners.pair[1][2 * i + 1]);
    if (!planar) {
      const double t = along_z[i];
      left = between<T>(left, static_cast<double>(corners.pair[2][2 * i]), t);
      right = between<T>(right, static_cast<double>(corners.pair[2][2 * i + 1]), t);
      left_y = between<T>(left_y, static_cast<double>(corners.pair[3][2 * i]), t);
      right_y = between<T>(right_y, static_cast<double>(corners.pair[3][2 * i + 1]), t);
    }
    left = between<T>(left, left_y, along_y[i]);
    right = between<T>(right, right_y, along_y[i]);
    dst[i] = between<T>(left, right, along_x[i]);
  }
}

template <class T>
static void linear(const T* src, const AffineLine& line, std::int64_t first, std::int64_t n, double* dst) {
  Places places;
  Corners<T> corners;
  for (std::int64_t begin = 0; begin < n; begin += kChunk) {
    const std::int64_t count = n - begin < kChunk ? n - begin : kChunk;
    find<Round::down_in_pairs>(line, first + begin, count, places);
    set_offsets(line, count, places);
    if (line.planar) {
      fetch<T, true>(src, line, places, count, corners);
      weigh<T, true>(places, corners, count, dst + begin);
    } else {
      fetch<T, false>(src, line, places, count, corners);
      weigh<T, false>(places, corners, count, dst + begin);
    }
  }
}

static void spline_weights(const double* __restrict fraction, std::int64_t n, double (*__restrict weight)[kChunk]) {
  for (std::int64_t i = 0; i < n; ++i) {
    const double t = fraction[i], s = 1.0 - t;
    weight[0][i] = s * s * s / 6.0;
    weight[1][i] = 2.0 / 3.0 - t * t * (1.0 - t / 2.0);
    weight[2][i] = 2.0 / 3.0 - s * s * (1.0 - s / 2.0);
    weight[3][i] = t * t * t / 6.0;
  }
}

// The voxels of a cube of 4 x 4 x 4 (or of a square, of one slice), weighted along z, y, x.
template <int slices>
static double weighted(const double* at, std::int64_t along_z, std::int64_t along_y, const double* wz, const double* wy,
                       const double* wx) {
  double row[4];
  for (int y = 0; y < 4; ++y) {
    double line[4];
    for (int x = 0; x < 4; ++x) line[x] = slices == 1 ? at[y * along_y + x] : wz[0] * at[y * along_y + x];
    for (int z = 1; z < slices; ++z)
      for (int x = 0; x < 4; ++x) line[x] = line[x] + wz[z] * at[z * along_z + y * along_y + x];
    for (int x = 0; x < 4; ++x) row[x] = y == 0 ? wy[0] * line[x] : row[x] + wy[y] * line[x];
  }
  return ((wx[0] * row[0] + wx[1] * row[1]) + wx[2] * row[2]) + wx[3] * row[3];
}

template <int slices>
static double at_border(const double* src, const AffineLine& line, const std::int64_t (&first)[3], const double* wz,
                        const double* wy, const double* wx) {
  double cube[slices * 16];
  for (int z = 0; z < slices; ++z) {
    const std::int64_t from_z = slices == 1 ? 0 : border_index(first[0] + z, line.shape[0], Border::mirror);
    for (int y = 0; y < 4; ++y) {
      const double* row =
          src + from_z * line.stride[0] + border_index(first[1] + y, line.shape[1], Border::mirror) * line.stride[1];
      for (int x = 0; x < 4; ++x)
        cube[(z * 4 + y) * 4 + x] = row[border_index(first[2] + x, line.shape[2], Border::mirror)];
    }
  }
  return weighted<slices>(cube, 16, 4, wz, wy, wx);
}

static void cubic(const double* src, const AffineLine& line, std::int64_t first, std::int64_t n, double* dst) {
  Places places;
  alignas(64) double weight[3][4][kChunk];
  for (std::int64_t begin = 0; begin < n; begin += kChunk) {
    const std::int64_t count = n - begin < kChunk ? n - begin : kChunk;
    find<Round::down>(line, first + begin, count, places);
    for (int axis = line.planar ? 1 : 0; axis < 3; ++axis) spline_weights(places.fraction[axis], count, weight[axis]);
    for (std::int64_t i = 0; i < count; ++i) {
      std::int64_t corner[3] = {0, places.voxel[1][i] - 1, places.voxel[2][i] - 1};
      double w[3][4];
      bool inside =
          corner[1] >= 0 && corner[1] + 4 <= line.shape[1] && corner[2] >= 0 && corner[2] + 4 <= line.shape[2];
      if (!line.planar) {
        corner[0] = places.voxel[0][i] - 1;
        inside = inside && corner[0] >= 0 && corner[0] + 4 <= line.shape[0];
      }
      for (int axis = line.planar ? 1 : 0; axis < 3; ++axis)
        for (int k = 0; k < 4; ++k) w[axis][k] = weight[axis][k][i];
      double value;
      if (inside) {
        const double* at = src + corner[0] * line.stride[0] + corner[1] * line.stride[1] + corner[2];
        value = line.planar ? weighted<1>(at, 0, line.stride[1], w[0], w[1], w[2])
                            : weighted<4>(at, line.stride[0], line.stride[1], w[0], w[1], w[2]);
      } else {
        value = line.planar ? at_border<1>(src, line, corner, w[0], w[1], w[2])
                            : at_border<4>(src, line, corner, w[0], w[1], w[2]);
      }
      dst[begin + i] = value;
    }
  }
}

extern const AffineRows affine_rows;
const AffineRows affine_rows{
    {nearest<std::uint8_t>, nearest<std::int8_t>, nearest<std::uint16_t>, nearest<std::int16_t>, nearest<std::uint32_t>,
     nearest<std::int32_t>, nearest<float>, nearest<double>},
    {linear<std::uint8_t>, linear<std::int8_t>, linear<std::uint16_t>, linear<std::int16_t>, linear<std::uint32_t>,
     linear<std::int32_t>, linear<float>, linear<double>},
    cubic};

}  // namespace cormack::CORMACK_ISA
