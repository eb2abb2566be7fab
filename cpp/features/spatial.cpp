#include "features/spatial.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "core/check.hpp"
#include "core/parallel.hpp"
#include "core/scratch.hpp"
#include "features/fft.hpp"
#include "features/packed_mask.hpp"

namespace cormack {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();
// Of spectra. Allocators keep less than 32 MB for the next call; clearing fresh memory would take longer than saved.
constexpr std::int64_t kMemory = std::int64_t{28} << 20;

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
  double square = 0;                              // the sum of v^2 over voxels

  void add(const PairSums& other) {
    intensities += other.intensities;
    ones += other.ones;
    squares += other.squares;
    square += other.square;
  }
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
        x_length_(Fft::length_from(region.extent[2])) {
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

  // load(row, values) writes the row of the box, also where no voxel is inside.
  template <class Load>
  PairSums run(const Load& load) const {
    // Frequencies along x in as many parts as the memory takes, each every parts-th one.
    const std::int64_t whole = x_length_ * kColumns * 8 * (kParts * kFields * row_count() + slab_count() * lag_rows());
    std::int64_t parts = std::min(x_length_, (whole + kMemory - 1) / kMemory);
    while (x_length_ % parts != 0) ++parts;
    PairSums total;
    for (std::int64_t part = 0; part < parts; ++part) total.add(sum_part(Fft(x_length_, parts, part), load));
    const double scale = 1.0 / (static_cast<double>(x_length_) * static_cast<double>(y_.size() * z_.size()));
    return {total.intensities * scale, total.ones * scale, total.squares * scale,
            total.square / static_cast<double>(parts)};
  }

 private:
  static constexpr std::int64_t kFields = 3;  // intensities, ones, squares
  static constexpr std::int64_t kParts = 2;   // cosines and sines

  // kColumns planes that are transformed together along x and y. Its rows from y0 to y1 may have voxels.
  struct Slab {
    std::int64_t first_row, y0, y1;
  };

  static std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }
  std::int64_t row_count() const { return static_cast<std::int64_t>(rows_.size()); }
  std::int64_t slab_count() const { return static_cast<std::int64_t>(slabs_.size()); }
  // Of the weights of a slab, which are transformed in pairs.
  std::int64_t lag_rows() const { return (region_.extent[1] + 1) / 2 * 2; }

  // Transforms along x: [frequency][row of a slab][plane].
  struct Spectra {
    // An odd number of cache lines from one frequency to the next, so that they do not share a few sets.
    Spectra(std::int64_t count, std::int64_t rows, std::int64_t lags)
        : waves(count),
          stride((rows | 1) * kColumns),
          lag_stride((lags | 1) * kColumns),
          field(count * stride),
          values(kFields * kParts * field),
          weights(count * lag_stride) {}
    double* row(std::int64_t field_number, std::int64_t part, std::int64_t wave, std::int64_t row) const {
      return values.data() + (field_number * kParts + part) * field + wave * stride + row * kColumns;
    }
    double* lag(std::int64_t wave, std::int64_t row) const {
      return weights.data() + wave * lag_stride + row * kColumns;
    }

    std::int64_t waves, stride, lag_stride, field;
    Scratch<double> values, weights;
  };

  template <class Load>
  PairSums sum_part(const Fft& x, const Load& load) const {
    const Spectra spectra(x.size(), row_count(), slab_count() * lag_rows());
    std::vector<double> squares(rows_.size());
    parallel_for(row_count(), 8, context_.workers, [&](std::int64_t begin, std::int64_t end) {
      XRoom room(region_.extent[2], x);
      for (std::int64_t i = begin; i < end; ++i) squares[index(i)] = transform_row(i, x, load, room, spectra);
    });
    const std::int64_t pairs = lag_rows() / 2;
    parallel_for(slab_count() * pairs, 8, context_.workers, [&](std::int64_t begin, std::int64_t end) {
      XRoom room(region_.extent[2], x);
      for (std::int64_t i = begin; i < end; ++i) transform_lags(i / pairs, i % pairs * 2, x, room, spectra);
    });
    std::vector<PairSums> planes(index(x.size()));
    parallel_for(x.size(), 4, context_.workers, [&](std::int64_t begin, std::int64_t end) {
      PlaneRoom room(*this);
      for (std::int64_t i = begin; i < end; ++i) planes[index(i)] = sum_plane(i, room, spectra);
    });
    PairSums total;
    for (const PairSums& plane : planes) total.add(plane);
    for (const double square : squares) total.square += square;
    return total;
  }

  struct XRoom {
    XRoom(std::int64_t width, const Fft& x)
        : length(width * kColumns),
          row_length((width + kColumns - 1) / kColumns * kColumns),
          rows(row_length * kColumns),
          values(length),
          others(length),
          work(x.work()) {
      std::fill_n(rows.data(), row_length * kColumns, 0.0);
    }
    std::int64_t length, row_length;
    Scratch<double> rows, values, others, work;
  };

  // Returns the sum of squares of values.
  template <class Load>
  double transform_row(std::int64_t i, const Fft& x, const Load& load, XRoom& room, const Spectra& s) const {
    const PackedMask& mask = region_.mask;
    const Row& row = rows_[index(i)];
    const std::uint64_t* bits[kColumns] = {};
    for (std::int64_t k = 0; k < std::min(kColumns, region_.extent[0] - row.z); ++k) {
      load(Row{row.z + k, row.y}, room.rows.data() + k * room.row_length);
      bits[k] = mask.row(mask.low[0] + row.z + k, mask.low[1] + row.y);
    }
    double *values = room.values.data(), *ones = room.others.data();
    fft_rows().gather(room.rows.data(), room.row_length, bits, mask.low[2], region_.extent[2], values, ones);
    const auto transform = [&](const double* in, std::int64_t field) {
      fft_rows().waves(x.plan(), {in, 0, region_.extent[2]}, s.row(field, 0, 0, i), s.row(field, 1, 0, i), s.stride,
                       room.work.data());
    };
    transform(values, 0);
    transform(ones, 1);
    double sums[kColumns] = {};
    fft_rows().squares(values, room.length, values, sums);
    transform(values, 2);
    return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
  }

  // Weights of the pairs that are y or y + 1 and the planes of a slab apart: twice for what has an opposite.
  void transform_lags(std::int64_t slab, std::int64_t y, const Fft& x, XRoom& room, const Spectra& s) const {
    const std::int64_t width = region_.extent[2], height = region_.extent[1];
    const auto weigh = [&](std::int64_t row, double* to) {
      const double dy = static_cast<double>(row) * spacing_[1];
      double across[kColumns], factors[kColumns];
      for (std::int64_t k = 0; k < kColumns; ++k) {
        const std::int64_t z = slab * kColumns + k;
        const double dz = static_cast<double>(z) * spacing_[0];
        across[k] = dz * dz + dy * dy;
        factors[k] = z < region_.extent[0] ? (z > 0 ? 2.0 : 1.0) * (row > 0 ? 2.0 : 1.0) : 0.0;
      }
      fft_rows().weights(across, factors, spacing_[2], width, to);
      // A voxel is no pair with itself.
      if (slab == 0 && row == 0) to[0] = 0;
    };
    double *a = room.values.data(), *b = room.others.data(), *to = s.lag(0, slab * lag_rows() + y);
    weigh(y, a);
    const bool two = y + 1 < height;
    if (two) weigh(y + 1, b);
    fft_rows().cosines(x.plan(), {a, 0, width}, {b, 0, two ? width : 0}, to, to + kColumns, s.lag_stride,
                       room.work.data());
  }

  struct PlaneRoom {
    explicit PlaneRoom(const PairSummer& p)
        : blocks((p.y_.size() + kColumns - 1) / kColumns),
          block(p.slab_count() * kColumns * kColumns),
          column(p.z_.size() * kColumns),
          turned(2 * blocks * kColumns * kColumns),
          planes(kFields * kParts * blocks * block),
          weights((blocks + 1) * column),
          columns(4 * column),
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
          // The next column into the nearest cache.
          const Slab& next = slabs_[index(std::min(i + 1, slab_count() - 1))];
          fft_rows().fetch(s.row(f, part, wave, next.first_row), next.y1 - next.y0);
          double *cosines = room.turned.data(), *sines = cosines + room.blocks * kColumns * kColumns;
          fft_rows().waves(y_.plan(), {s.row(f, part, wave, slab.first_row), slab.y0, slab.y1}, cosines, sines,
                           kColumns, room.work.data());
          const std::int64_t at = i * kColumns * kColumns;
          fft_rows().turned(cosines, room.blocks, room.plane(kParts * f) + at, room.block);
          fft_rows().turned(sines, room.blocks, room.plane(kParts * f + 1) + at, room.block);
        }
      }
      // Along z. Meanwhile what comes after it is brought near, which no processor foresees.
      const std::int64_t rows = row_count(), next_part = 1 - part;
      const std::int64_t next_wave = part == 0 || wave + 1 == s.waves ? wave : wave + 1;
      for (std::int64_t b = 0; b < room.blocks; ++b) {
        for (std::int64_t part_y = 0; part_y < kParts; ++part_y) {
          const double* weights = room.weights.data() + b * room.column;
          // The first field goes by itself, so that no more than two have to be near.
          double* columns[kFields] = {room.columns.data(), room.columns.data(), room.columns.data() + 2 * room.column};
          for (std::int64_t f = 0; f < kFields; ++f) {
            const double* in = room.plane(kParts * f + part_y) + b * room.block;
            fft_rows().waves(z_.plan(), {in, 0, depth}, columns[f], columns[f] + room.column, kColumns,
                             room.work.data());
            const std::int64_t from = rows * (kParts * b + part_y) / (kParts * room.blocks),
                               to = rows * (kParts * b + part_y + 1) / (kParts * room.blocks);
            fft_rows().fetch(s.row(f, next_part, next_wave, from), to - from);
            if (f == 0) fft_rows().powers(weights, columns[0], z_.size(), sums);
          }
          fft_rows().products(weights, columns[1], columns[2], z_.size(), sums + kColumns);
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
    const double* kernel = s.lag(wave, 0);
    for (std::int64_t i = 0; i < slab_count(); i += 2) {
      const bool two = i + 1 < slab_count();
      const double *a = kernel + i * lag_rows() * kColumns, *b = a + lag_rows() * kColumns;
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
  Fft z_, y_;
  std::int64_t x_length_;
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
  const auto load = [&](const Row& row, double* values) {
    const T* from = image.row(mask.low[0] + row.z, mask.low[1] + row.y) + mask.low[2] * image.stride[2];
    const auto copy = [&](std::int64_t step) {
      for (std::int64_t x = 0; x < region.extent[2]; ++x)
        values[x] = (static_cast<double>(from[x * step]) - mean) * unit;
    };
    // A step that the compiler knows lets it use vectors.
    if (image.stride[2] == 1) copy(1);
    else copy(image.stride[2]);
  };
  const PairSums pairs = PairSummer(region, spacing, context).run(load);
  const double variance = pairs.square;
  result.moran = n * pairs.intensities / (pairs.ones * variance);
  result.geary = (n - 1) * (pairs.squares - pairs.intensities) / (pairs.ones * variance);
  return result;
}

}  // namespace

namespace cpu {

Spatial spatial(const Image& image, const Image& mask, const std::array<double, 3>& spacing, Context context) {
  check_one_shape("spatial", image, mask);
  const PackedMask inside(mask, context);
  return dispatch(image.dtype,
                  [&](auto t) { return spatial_of(image.view<const decltype(t)>(), inside, spacing, context); });
}

}  // namespace cpu
}  // namespace cormack
