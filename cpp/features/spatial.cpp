#include "features/spatial.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
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

class PairSummer {
 public:
  PairSummer(const Region& region, const std::array<double, 3>& spacing, Context context)
      : region_(region),
        spacing_(spacing),
        context_(context),
        z_(Fft::length_from(2 * region.extent[0] - 1)),
        y_(Fft::length_from(2 * region.extent[1] - 1)),
        x_(Fft::length_from(2 * region.extent[2] - 1)) {}

  // load(row, values, ones) fills a row of the box with what a voxel inside has, 0 outside.
  template <class Load>
  PairSums run(const Load& load) const {
    const std::int64_t spectrum = x_.size() / 2 + 1, blocks = (spectrum + kColumns - 1) / kColumns;
    const std::int64_t per_block = kColumns * 8 * (6 * region_.row_count() + region_.extent[0] * region_.extent[1]);
    const std::int64_t at_once = std::clamp<std::int64_t>(kMemory / per_block, 1, blocks);
    std::vector<PairSums> parts(static_cast<std::size_t>(blocks));
    for (std::int64_t block = 0; block < blocks; block += at_once)
      sum_blocks(block, std::min(at_once, blocks - block), load, parts.data() + block);
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
  static constexpr std::int64_t kBatch = 2 * kColumns;  // rows transformed together

  // Spectra of rows along x, by block of wave numbers and row: [block][row][kColumns].
  struct Spectra {
    Spectra(std::int64_t first, std::int64_t count, std::int64_t rows, std::int64_t lags)
        : first_block(first),
          blocks(count),
          stride(rows * kColumns),
          field(blocks * stride),
          values(6 * field),
          lag_stride(lags * kColumns),
          kernel(blocks * lag_stride) {}
    double* real(std::int64_t f) const { return values.data() + 2 * f * field; }
    double* imaginary(std::int64_t f) const { return real(f) + field; }

    std::int64_t first_block, blocks, stride, field;
    Scratch<double> values;  // fields: intensities, ones, squares
    std::int64_t lag_stride;
    Scratch<double> kernel;  // even, so that its spectrum is real
  };

  template <class Load>
  void sum_blocks(std::int64_t first, std::int64_t count, const Load& load, PairSums* parts) const {
    const std::int64_t rows = region_.row_count(), lags = region_.extent[0] * region_.extent[1];
    Spectra spectra(first, count, rows, lags);
    parallel_for((rows + kBatch - 1) / kBatch, 4, context_.workers, [&](std::int64_t begin, std::int64_t end) {
      XRoom room(x_);
      for (std::int64_t i = begin; i < end; ++i) transform_rows(i * kBatch, load, room, spectra);
    });
    parallel_for((lags + kBatch - 1) / kBatch, 4, context_.workers, [&](std::int64_t begin, std::int64_t end) {
      XRoom room(x_);
      for (std::int64_t i = begin; i < end; ++i) transform_lags(i * kBatch, room, spectra);
    });
    parallel_for(count, 1, context_.workers, [&](std::int64_t begin, std::int64_t end) {
      BlockRoom room(*this);
      for (std::int64_t i = begin; i < end; ++i) parts[i] = sum_block(i, room, spectra);
    });
  }

  struct XRoom {
    explicit XRoom(const Fft& x)
        : n(x.size()),
          input(6 * n * kColumns),
          result(2 * n * kColumns),
          work(x.work()),
          values(2 * n),
          re(static_cast<std::size_t>(n)),
          im(static_cast<std::size_t>(n)) {}
    double* in(std::int64_t i) const { return input.data() + i * n * kColumns; }
    void transform(const Fft& x, std::int64_t real, std::int64_t imaginary) {
      for (std::int64_t i = 0; i < n; ++i) {
        re[static_cast<std::size_t>(i)] = in(real) + i * kColumns;
        im[static_cast<std::size_t>(i)] = in(imaginary) + i * kColumns;
      }
      x.forward(re.data(), im.data(), result.data(), result.data() + n * kColumns, work.data());
    }
    std::int64_t n;
    Scratch<double> input, result, work, values;
    std::vector<const double*> re, im;
  };

  // Splits the transform of a + ib, a and b real, and stores the spectra of rows a and b.
  void split(const XRoom& room, std::int64_t a_row, double* a, double* a_im, std::int64_t b_row, double* b,
             double* b_im, const Spectra& s) const {
    const std::int64_t n = x_.size(), rows = region_.row_count();
    const double *re = room.result.data(), *im = re + n * kColumns;
    const std::int64_t a_count = std::clamp<std::int64_t>(rows - a_row, 0, kColumns);
    const std::int64_t b_count = std::clamp<std::int64_t>(rows - b_row, 0, kColumns);
    for (std::int64_t block = 0; block < s.blocks; ++block) {
      for (std::int64_t j = 0; j < kColumns; ++j) {
        const std::int64_t k = (s.first_block + block) * kColumns + j;
        const bool beyond = k > n / 2;
        const std::int64_t at = (beyond ? 0 : k) * kColumns, back = (beyond || k == 0 ? 0 : n - k) * kColumns;
        const double scale = beyond ? 0.0 : 0.5;
        const std::int64_t to = block * s.stride + j;
        for (std::int64_t c = 0; c < a_count; ++c) {
          a[to + (a_row + c) * kColumns] = scale * (re[at + c] + re[back + c]);
          a_im[to + (a_row + c) * kColumns] = scale * (im[at + c] - im[back + c]);
        }
        for (std::int64_t c = 0; c < b_count; ++c) {
          b[to + (b_row + c) * kColumns] = scale * (im[at + c] + im[back + c]);
          b_im[to + (b_row + c) * kColumns] = scale * (re[back + c] - re[at + c]);
        }
      }
    }
  }

  template <class Load>
  void transform_rows(std::int64_t first, const Load& load, XRoom& room, const Spectra& s) const {
    const std::int64_t n = x_.size(), width = region_.extent[2];
    std::fill_n(room.input.data(), 6 * n * kColumns, 0.0);
    double *values = room.values.data(), *ones = values + n;
    for (std::int64_t i = 0; i < std::min(kBatch, region_.row_count() - first); ++i) {
      load(region_.rows[static_cast<std::size_t>(first + i)], values, ones);
      // Inputs: intensities, ones, squares of the first kColumns rows, then of the others.
      double* in = room.in(i / kColumns * 3) + i % kColumns;
      for (std::int64_t x = 0; x < width; ++x) {
        in[x * kColumns] = values[x];
        in[(n + x) * kColumns] = ones[x];
        in[(2 * n + x) * kColumns] = values[x] * values[x];
      }
    }
    const std::int64_t second = first + kColumns;
    room.transform(x_, 0, 1);
    split(room, first, s.real(0), s.imaginary(0), first, s.real(1), s.imaginary(1), s);
    room.transform(x_, 3, 4);
    split(room, second, s.real(0), s.imaginary(0), second, s.real(1), s.imaginary(1), s);
    room.transform(x_, 2, 5);
    split(room, first, s.real(2), s.imaginary(2), second, s.real(2), s.imaginary(2), s);
  }

  // Weights of the pairs that are (z, y) apart, for every x.
  void transform_lags(std::int64_t first, XRoom& room, const Spectra& s) const {
    const std::int64_t n = x_.size(), width = region_.extent[2], height = region_.extent[1];
    const std::int64_t count = std::min(kBatch, region_.extent[0] * height - first);
    std::fill_n(room.input.data(), 2 * n * kColumns, 0.0);
    for (std::int64_t i = 0; i < count; ++i) {
      double* in = room.in(i / kColumns) + i % kColumns;
      const double dz = static_cast<double>((first + i) / height) * spacing_[0];
      const double dy = static_cast<double>((first + i) % height) * spacing_[1];
      const double across = dz * dz + dy * dy;
      for (std::int64_t x = 0; x < width; ++x) {
        const double dx = static_cast<double>(x) * spacing_[2], squared = across + dx * dx;
        const double weight = squared > 0 ? 1 / std::sqrt(squared) : 0.0;
        in[x * kColumns] = weight;
        if (x > 0) in[(n - x) * kColumns] = weight;
      }
    }
    room.transform(x_, 0, 1);
    for (std::int64_t block = 0; block < s.blocks; ++block) {
      for (std::int64_t j = 0; j < kColumns; ++j) {
        const std::int64_t k = std::min((s.first_block + block) * kColumns + j, n / 2);
        double* to = s.kernel.data() + block * s.lag_stride + first * kColumns + j;
        for (std::int64_t i = 0; i < count; ++i)
          to[i * kColumns] = room.result[(i / kColumns * n + k) * kColumns + i % kColumns];
      }
    }
  }

  struct BlockRoom {
    explicit BlockRoom(const PairSummer& p)
        : plane((p.y_.size() | 1) * kColumns),
          column(p.z_.size() * kColumns),
          zeros(kColumns),
          planes(6 * p.region_.extent[0] * plane),
          weights((p.region_.extent[0] + 1) * 2 * plane),
          columns(8 * column),
          work(std::max(p.y_.work(), p.z_.work())),
          re(static_cast<std::size_t>(std::max(p.y_.size(), p.z_.size()))),
          im(re.size()) {
      std::fill_n(zeros.data(), kColumns, 0.0);
    }
    // An odd number of cache lines from one plane to the next, so that columns along z do not share a few sets.
    std::int64_t plane, column;
    Scratch<double> zeros, planes, weights, columns, work;
    std::vector<const double*> re, im;
  };

  PairSums sum_block(std::int64_t block, BlockRoom& room, const Spectra& s) const {
    const std::int64_t depth = region_.extent[0], height = region_.extent[1], ny = y_.size(), nz = z_.size();
    const auto index = [](std::int64_t i) { return static_cast<std::size_t>(i); };
    // Along y. planes: [field][z][real, imaginary][y][column]
    for (std::int64_t f = 0; f < 3; ++f) {
      for (std::int64_t z = 0; z < depth; ++z) {
        std::fill(room.re.begin(), room.re.end(), room.zeros.data());
        std::fill(room.im.begin(), room.im.end(), room.zeros.data());
        for (std::int64_t r = region_.first_row[index(z)]; r < region_.first_row[index(z + 1)]; ++r) {
          const auto y = index(region_.rows[index(r)].y);
          room.re[y] = s.real(f) + block * s.stride + r * kColumns;
          room.im[y] = s.imaginary(f) + block * s.stride + r * kColumns;
        }
        double* result = room.planes.data() + (f * depth + z) * 2 * room.plane;
        y_.forward(room.re.data(), room.im.data(), result, result + room.plane, room.work.data());
      }
    }
    // Weights of two z at once, as real and imaginary part: an even function has a real transform.
    const double* kernel = s.kernel.data() + block * s.lag_stride;
    for (std::int64_t z = 0; z < depth; z += 2) {
      for (std::int64_t y = 0; y < ny; ++y) {
        const std::int64_t lag = std::min(y, ny - y);
        const bool inside = lag < height;
        room.re[index(y)] = inside ? kernel + (z * height + lag) * kColumns : room.zeros.data();
        room.im[index(y)] = inside && z + 1 < depth ? kernel + ((z + 1) * height + lag) * kColumns : room.zeros.data();
      }
      double* result = room.weights.data() + z * room.plane;
      y_.forward(room.re.data(), room.im.data(), result, result + room.plane, room.work.data());
    }
    // Along z, for two wave numbers along y and their negatives, which have the same weights.
    double sums[3 * kColumns] = {};
    double* weights = room.columns.data() + 6 * room.column;
    for (std::int64_t y = 0; y <= ny / 2; y += 2) {
      const std::int64_t next = std::min(y + 1, ny / 2);
      for (std::int64_t z = 0; z < nz; ++z) {
        const std::int64_t lag = std::min(z, nz - z);
        const double* plane = lag < depth ? room.weights.data() + lag * room.plane : nullptr;
        room.re[index(z)] = plane == nullptr ? room.zeros.data() : plane + y * kColumns;
        room.im[index(z)] = plane == nullptr ? room.zeros.data() : plane + next * kColumns;
      }
      z_.forward(room.re.data(), room.im.data(), weights, weights + room.column, room.work.data());
      add_column(y, weights, room, sums);
      if (y > 0 && 2 * y != ny) add_column(ny - y, weights, room, sums);
      if (next == y) continue;
      add_column(next, weights + room.column, room, sums);
      if (2 * next != ny) add_column(ny - next, weights + room.column, room, sums);
    }
    PairSums result;
    for (std::int64_t j = 0; j < kColumns; ++j) {
      const std::int64_t k = (s.first_block + block) * kColumns + j;
      if (k > x_.size() / 2) break;
      // Negative wave numbers along x have the conjugate spectrum.
      const double times = k == 0 || 2 * k == x_.size() ? 1 : 2;
      result.intensities += times * sums[j];
      result.ones += times * sums[kColumns + j];
      result.squares += times * sums[2 * kColumns + j];
    }
    return result;
  }

  void add_column(std::int64_t y, const double* weights, BlockRoom& room, double* sums) const {
    const std::int64_t depth = region_.extent[0], nz = z_.size();
    for (std::int64_t f = 0; f < 3; ++f) {
      for (std::int64_t z = 0; z < nz; ++z) {
        const double* plane = room.planes.data() + (f * depth + z) * 2 * room.plane + y * kColumns;
        room.re[static_cast<std::size_t>(z)] = z < depth ? plane : room.zeros.data();
        room.im[static_cast<std::size_t>(z)] = z < depth ? plane + room.plane : room.zeros.data();
      }
      double* result = room.columns.data() + 2 * f * room.column;
      z_.forward(room.re.data(), room.im.data(), result, result + room.column, room.work.data());
    }
    const double* spectra = room.columns.data();
    fft_rows().products(weights, spectra, spectra + 2 * room.column, spectra + 4 * room.column, nz, sums);
  }

  const Region& region_;
  std::array<double, 3> spacing_;
  Context context_;
  Fft z_, y_, x_;
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
    std::fill_n(values, region.extent[2], 0.0);
    std::fill_n(ones, region.extent[2], 0.0);
    region.each(image, row, [&](std::int64_t x, double value) {
      values[x] = (value - mean) * unit;
      ones[x] = 1;
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
