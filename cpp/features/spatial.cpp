#include "features/spatial.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <deque>
#include <limits>
#include <stdexcept>

#include "core/parallel.hpp"
#include "core/scratch.hpp"
#include "features/fft.hpp"
#include "features/packed_mask.hpp"

namespace cormack {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();
constexpr std::int64_t kMemory = std::int64_t{64} << 20;

// A row of the box that has voxels.
struct Row {
  std::int64_t z, y;  // from the corner of the box
};

struct Region {
  const PackedMask& mask;
  std::array<std::int64_t, 3> extent{};
  std::vector<Row> rows;
  std::vector<std::int64_t> first_row;  // of each plane; one more

  explicit Region(const PackedMask& packed) : mask(packed) {
    for (std::size_t i = 0; i < 3; ++i) extent[i] = mask.high[i] - mask.low[i] + 1;
    for (std::int64_t z = 0; z < extent[0]; ++z) {
      first_row.push_back(static_cast<std::int64_t>(rows.size()));
      for (std::int64_t y = 0; y < extent[1]; ++y) {
        const std::uint64_t* bits = mask.row(mask.low[0] + z, mask.low[1] + y);
        if (std::any_of(bits, bits + mask.words, [](std::uint64_t word) { return word != 0; })) rows.push_back({z, y});
      }
    }
    first_row.push_back(static_cast<std::int64_t>(rows.size()));
  }

  std::int64_t row_count() const { return static_cast<std::int64_t>(rows.size()); }

  // f(x from the corner of the box, value) for every voxel of the row, in order.
  template <class T, class F>
  void each(const View<const T>& image, const Row& row, const F& f) const {
    const std::uint64_t* bits = mask.row(mask.low[0] + row.z, mask.low[1] + row.y);
    const T* values = image.row(mask.low[0] + row.z, mask.low[1] + row.y);
    for (std::int64_t w = mask.low[2] / 64; w <= mask.high[2] / 64; ++w) {
      for (std::uint64_t word = bits[w]; word != 0; word &= word - 1) {
        const std::int64_t x = w * 64 + std::countr_zero(word);
        f(x - mask.low[2], static_cast<double>(values[x * image.stride[2]]));
      }
    }
  }
};

struct RowSums {
  std::int64_t not_finite = 0;
  double sum = 0, moment = 0, low = INFINITY, high = -INFINITY;
};

// Sums over pairs of voxels with weights 1 / distance.
struct PairSums {
  double intensities = 0, ones = 0, squares = 0;  // of v v', 1, v^2
};

// A sum over pairs a_i w(i - j) b_j is one over frequencies, of W A conj(B). As w is even along each axis, so is W, and
// frequencies that differ in their signs alone add up to W times the products of the parts of A and B that are even or
// odd along each axis, which FftRows::waves gives.
class PairSummer {
 public:
  PairSummer(const Region& region, const std::array<double, 3>& spacing, Context context)
      : region_(region),
        spacing_(spacing),
        context_(context),
        z_(Fft::length_from(region.extent[0])),
        y_(Fft::length_from(region.extent[1])),
        x_(Fft::length_from(region.extent[2])) {
    for (std::int64_t z = 0; z < region.extent[0]; z += kColumns) {
      Slab slab{row_count(), region.extent[1], 0};
      const std::int64_t end = std::min(z + kColumns, region.extent[0]);
      for (std::int64_t i = region.first_row[index(z)]; i < region.first_row[index(end)]; ++i) {
        slab.y0 = std::min(slab.y0, region.rows[index(i)].y);
        slab.y1 = std::max(slab.y1, region.rows[index(i)].y + 1);
      }
      for (std::int64_t y = slab.y0; y < slab.y1; ++y) rows_.push_back({z, y});
      slabs_.push_back(slab);
    }
  }

  // load(z, y, values, ones) writes what the voxels of a row have, kColumns apart; elsewhere is 0.
  template <class Load>
  PairSums run(const Load& load) const {
    const std::int64_t per_wave = kColumns * 8 * (2 * kFields * row_count() + slab_count() * region_.extent[1]);
    const std::int64_t at_once = std::clamp<std::int64_t>(kMemory / per_wave, 1, x_.size());
    std::vector<PairSums> parts(index(x_.size()));
    for (std::int64_t first = 0; first < x_.size(); first += at_once)
      sum_waves(first, std::min(at_once, x_.size() - first), load, parts.data() + first);
    PairSums total;
    for (const PairSums& part : parts) {
      total.intensities += part.intensities;
      total.ones += part.ones;
      total.squares += part.squares;
    }
    const double scale = 1.0 / (static_cast<double>(x_.size()) * static_cast<double>(y_.size() * z_.size()));
    return {total.intensities * scale, total.ones * scale, total.squares * scale};
  }

 private:
  static constexpr std::int64_t kFields = 3;  // intensities, ones, squares
  static constexpr std::int64_t kParts = 2;   // cosines and sines
  static constexpr std::int64_t kBatch = 4;   // rows that are stored together

  // kColumns planes that are transformed together along x and y. Its rows from y0 to y1 may have voxels.
  struct Slab {
    std::int64_t first_row, y0, y1;
  };

  static std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }
  std::int64_t row_count() const { return static_cast<std::int64_t>(rows_.size()); }
  std::int64_t slab_count() const { return static_cast<std::int64_t>(slabs_.size()); }

  // Transforms along x for `count` frequencies from `first` on: [frequency][row of a slab][plane].
  struct Spectra {
    Spectra(std::int64_t first_wave, std::int64_t waves, std::int64_t rows, std::int64_t lags)
        : first(first_wave),
          count(waves),
          stride(rows * kColumns),
          lag_stride(lags * kColumns),
          kernel(count * lag_stride) {
      for (std::int64_t i = 0; i < kFields * kParts; ++i) values.emplace_back(count * stride);
    }
    const double* row(std::int64_t field, std::int64_t part, std::int64_t wave, std::int64_t row) const {
      return values[index(field * kParts + part)].data() + wave * stride + row * kColumns;
    }

    std::int64_t first, count, stride, lag_stride;
    std::deque<Scratch<double>> values;  // [field][part]
    Scratch<double> kernel;
  };

  template <class Load>
  void sum_waves(std::int64_t first, std::int64_t count, const Load& load, PairSums* parts) const {
    const Spectra spectra(first, count, row_count(), slab_count() * region_.extent[1]);
    const auto batches = [](std::int64_t n) { return (n + kBatch - 1) / kBatch; };
    parallel_for(batches(row_count()), 4, context_.workers, [&](std::int64_t begin, std::int64_t end) {
      XRoom room(*this);
      for (std::int64_t i = begin; i < end; ++i) transform_rows(i * kBatch, load, room, spectra);
    });
    const std::int64_t per_slab = batches(region_.extent[1]);
    parallel_for(slab_count() * per_slab, 4, context_.workers, [&](std::int64_t begin, std::int64_t end) {
      XRoom room(*this);
      for (std::int64_t i = begin; i < end; ++i) transform_lags(i / per_slab, i % per_slab * kBatch, room, spectra);
    });
    parallel_for(count, 1, context_.workers, [&](std::int64_t begin, std::int64_t end) {
      PlaneRoom room(*this);
      for (std::int64_t i = begin; i < end; ++i) parts[i] = sum_plane(i, room, spectra);
    });
  }

  struct XRoom {
    explicit XRoom(const PairSummer& p)
        : length(p.region_.extent[2] * kColumns),
          values(kBatch * length),
          ones(kBatch * length),
          cosines(kBatch * p.x_.size() * kColumns),
          sines(kBatch * p.x_.size() * kColumns),
          work(p.x_.work()) {}
    std::int64_t length;
    Scratch<double> values, ones, cosines, sines, work;
  };

  // Copies rows that lie together in a room.
  static void store(const Scratch<double>& from, std::int64_t rows, const Spectra& s, double* to, std::int64_t stride) {
    for (std::int64_t k = 0; k < s.count; ++k)
      std::copy_n(from.data() + (s.first + k) * kBatch * kColumns, rows * kColumns, to + k * stride);
  }

  template <class Load>
  void transform_rows(std::int64_t first, const Load& load, XRoom& room, const Spectra& s) const {
    const std::int64_t width = region_.extent[2], rows = std::min(kBatch, row_count() - first);
    std::fill_n(room.values.data(), rows * room.length, 0.0);
    std::fill_n(room.ones.data(), rows * room.length, 0.0);
    for (std::int64_t i = 0; i < rows; ++i) {
      const Row& row = rows_[index(first + i)];
      for (std::int64_t k = 0; k < std::min(kColumns, region_.extent[0] - row.z); ++k)
        load(Row{row.z + k, row.y}, room.values.data() + i * room.length + k, room.ones.data() + i * room.length + k);
    }
    const auto transform = [&](const Scratch<double>& in, std::size_t field) {
      for (std::int64_t i = 0; i < rows; ++i)
        fft_rows().waves(x_.plan(), {in.data() + i * room.length, 0, width}, room.cosines.data() + i * kColumns,
                         room.sines.data() + i * kColumns, kBatch * kColumns, room.work.data());
      store(room.cosines, rows, s, s.values[kParts * field].data() + first * kColumns, s.stride);
      store(room.sines, rows, s, s.values[kParts * field + 1].data() + first * kColumns, s.stride);
    };
    transform(room.values, 0);
    transform(room.ones, 1);
    fft_rows().squares(room.values.data(), rows * room.length, room.values.data());
    transform(room.values, 2);
  }

  // Weights of the pairs that are y and the planes of a slab apart: twice for what has an opposite.
  void transform_lags(std::int64_t slab, std::int64_t first, XRoom& room, const Spectra& s) const {
    const std::int64_t width = region_.extent[2], height = region_.extent[1];
    const std::int64_t rows = std::min(kBatch, height - first);
    for (std::int64_t i = 0; i < rows; ++i) {
      const double dy = static_cast<double>(first + i) * spacing_[1];
      double across[kColumns], factors[kColumns];
      for (std::int64_t k = 0; k < kColumns; ++k) {
        const std::int64_t z = slab * kColumns + k;
        const double dz = static_cast<double>(z) * spacing_[0];
        across[k] = dz * dz + dy * dy;
        factors[k] = z < region_.extent[0] ? (z > 0 ? 2.0 : 1.0) * (first + i > 0 ? 2.0 : 1.0) : 0.0;
      }
      double* to = room.values.data() + i * room.length;
      fft_rows().weights(across, factors, spacing_[2], width, to);
      // A voxel is no pair with itself.
      if (slab == 0 && first + i == 0) to[0] = 0;
    }
    for (std::int64_t i = 0; i < rows; i += 2) {
      const double *a = room.values.data() + i * room.length, *b = a + room.length;
      fft_rows().cosines(x_.plan(), {a, 0, width}, {b, 0, i + 1 < rows ? width : 0}, room.cosines.data() + i * kColumns,
                         room.cosines.data() + (i + 1) * kColumns, kBatch * kColumns, room.work.data());
    }
    store(room.cosines, rows, s, s.kernel.data() + (slab * height + first) * kColumns, s.lag_stride);
  }

  struct PlaneRoom {
    explicit PlaneRoom(const PairSummer& p)
        : blocks((p.y_.size() + kColumns - 1) / kColumns),
          block(p.slab_count() * kColumns * kColumns),
          column(p.z_.size() * kColumns),
          turned(2 * blocks * kColumns * kColumns),
          planes(kFields * kParts * blocks * block),
          weights((blocks + 1) * column),
          columns(2 * kFields * column),
          work(std::max(p.y_.work(), p.z_.work())) {
      // Frequencies that fill the last block stay 0.
      std::fill_n(turned.data(), 2 * blocks * kColumns * kColumns, 0.0);
    }
    double* plane(std::int64_t i) const { return planes.data() + i * blocks * block; }

    std::int64_t blocks, block, column;
    Scratch<double> turned, planes, weights, columns, work;
  };

  // For one frequency along x.
  PairSums sum_plane(std::int64_t wave, PlaneRoom& room, const Spectra& s) const {
    const std::int64_t depth = region_.extent[0];
    weigh_plane(wave, room, s);
    double sums[kFields * kColumns] = {};
    for (std::int64_t part = 0; part < kParts; ++part) {
      // Along y, to [field][part][block of frequencies][z][frequency].
      for (std::int64_t f = 0; f < kFields; ++f) {
        for (std::int64_t i = 0; i < slab_count(); ++i) {
          const Slab& slab = slabs_[index(i)];
          double *cosines = room.turned.data(), *sines = cosines + room.blocks * kColumns * kColumns;
          fft_rows().waves(y_.plan(), {s.row(f, part, wave, slab.first_row), slab.y0, slab.y1}, cosines, sines,
                           kColumns, room.work.data());
          const std::int64_t at = i * kColumns * kColumns;
          fft_rows().turned(cosines, room.blocks, room.plane(kParts * f) + at, room.block);
          fft_rows().turned(sines, room.blocks, room.plane(kParts * f + 1) + at, room.block);
        }
      }
      // Along z.
      for (std::int64_t b = 0; b < room.blocks; ++b) {
        for (std::int64_t part_y = 0; part_y < kParts; ++part_y) {
          double* columns[kFields];
          for (std::int64_t f = 0; f < kFields; ++f) {
            columns[f] = room.columns.data() + 2 * f * room.column;
            const double* in = room.plane(kParts * f + part_y) + b * room.block;
            fft_rows().waves(z_.plan(), {in, 0, depth}, columns[f], columns[f] + room.column, kColumns,
                             room.work.data());
          }
          fft_rows().products(room.weights.data() + b * room.column, columns[0], columns[1], columns[2], z_.size(),
                              sums);
        }
      }
    }
    PairSums result;
    for (std::int64_t j = 0; j < kColumns; ++j) {
      result.intensities += sums[j];
      result.ones += sums[kColumns + j];
      result.squares += sums[2 * kColumns + j];
    }
    return result;
  }

  // The transform of the weights, [block of frequencies along y][frequency along z][frequency along y].
  void weigh_plane(std::int64_t wave, PlaneRoom& room, const Spectra& s) const {
    const std::int64_t depth = region_.extent[0], height = region_.extent[1];
    const double* kernel = s.kernel.data() + wave * s.lag_stride;
    for (std::int64_t i = 0; i < slab_count(); i += 2) {
      const bool two = i + 1 < slab_count();
      const double *a = kernel + i * height * kColumns, *b = a + height * kColumns;
      double *of_a = room.turned.data(), *of_b = of_a + room.blocks * kColumns * kColumns;
      fft_rows().cosines(y_.plan(), {a, 0, height}, {b, 0, two ? height : 0}, of_a, of_b, kColumns, room.work.data());
      fft_rows().turned(of_a, room.blocks, room.plane(0) + i * kColumns * kColumns, room.block);
      if (two) fft_rows().turned(of_b, room.blocks, room.plane(0) + (i + 1) * kColumns * kColumns, room.block);
    }
    for (std::int64_t i = 0; i < room.blocks; i += 2) {
      const double *a = room.plane(0) + i * room.block, *b = a + room.block;
      double* to = room.weights.data() + i * room.column;
      fft_rows().cosines(z_.plan(), {a, 0, depth}, {b, 0, i + 1 < room.blocks ? depth : 0}, to, to + room.column,
                         kColumns, room.work.data());
    }
  }

  const Region& region_;
  std::array<double, 3> spacing_;
  Context context_;
  Fft z_, y_, x_;
  std::vector<Slab> slabs_;
  std::vector<Row> rows_;  // of slabs: the first z, and y
};

template <class T>
Spatial spatial_of(const View<const T>& image, const PackedMask& mask, const std::array<double, 3>& spacing,
                   Context context) {
  Spatial result;
  result.count = mask.sums.count;
  if (mask.empty()) return result;
  const Region region(mask);
  std::vector<RowSums> rows(region.rows.size());
  parallel_for(region.row_count(), 256, context.workers, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      RowSums& sums = rows[static_cast<std::size_t>(i)];
      region.each(image, region.rows[static_cast<std::size_t>(i)], [&](std::int64_t x, double value) {
        sums.not_finite += !(value - value == 0.0);
        sums.sum += value;
        sums.moment += value * static_cast<double>(x);
        sums.low = std::min(sums.low, value);
        sums.high = std::max(sums.high, value);
      });
    }
  });
  double sum = 0, low = INFINITY, high = -INFINITY;
  std::array<double, 3> moments{};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    result.not_finite += rows[i].not_finite;
    sum += rows[i].sum;
    moments[0] += rows[i].sum * static_cast<double>(region.rows[i].z);
    moments[1] += rows[i].sum * static_cast<double>(region.rows[i].y);
    moments[2] += rows[i].moment;
    low = std::min(low, rows[i].low);
    high = std::max(high, rows[i].high);
  }
  if (result.not_finite > 0) return result;
  const double n = static_cast<double>(result.count);
  result.mean = std::clamp(sum / n, low, high);
  for (std::size_t i = 0; i < 3; ++i)
    result.center[i] = sum == 0 ? kUndefined : static_cast<double>(mask.low[i]) + moments[i] / sum;
  result.moran = result.geary = kUndefined;
  if (!(low < high)) return result;
  // Neither depends on the unit of intensity: with this one no square overflows.
  const double mean = result.mean, unit = 1 / std::max(high - mean, mean - low);
  const auto load = [&](const Row& row, double* values, double* ones) {
    region.each(image, row, [&](std::int64_t x, double value) {
      values[x * kColumns] = (value - mean) * unit;
      ones[x * kColumns] = 1;
    });
  };
  std::vector<double> squares(rows.size());
  parallel_for(region.row_count(), 256, context.workers, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      double square = 0;
      region.each(image, region.rows[static_cast<std::size_t>(i)], [&](std::int64_t, double value) {
        const double v = (value - mean) * unit;
        square += v * v;
      });
      squares[static_cast<std::size_t>(i)] = square;
    }
  });
  double variance = 0;
  for (const double square : squares) variance += square;
  const PairSums pairs = PairSummer(region, spacing, context).run(load);
  result.moran = n * pairs.intensities / (pairs.ones * variance);
  result.geary = (n - 1) * (pairs.squares - pairs.intensities) / (pairs.ones * variance);
  return result;
}

}  // namespace

namespace cpu {

Spatial spatial(const Image& image, const Image& mask, const std::array<double, 3>& spacing, Context context) {
  if (image.shape != mask.shape) throw std::invalid_argument("cormack: `image` and `mask` must have one shape");
  const PackedMask inside(mask, context);
  return dispatch(image.dtype,
                  [&](auto t) { return spatial_of(image.view<const decltype(t)>(), inside, spacing, context); });
}

}  // namespace cpu
}  // namespace cormack
