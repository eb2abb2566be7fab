#include "filters/anisotropic_diffusion.hpp"

#include <cmath>
#include <limits>
#include <optional>

#include "core/parallel.hpp"
#include "filters/anisotropic_diffusion_rows.hpp"
#include "filters/diffusion_formulas.hpp"
#include "filters/row_ring.hpp"

namespace cormack {
namespace {

using Shape = std::array<std::int64_t, 3>;

template <class T>
DiffusionStencil<T> stencil(const RowRing<T>& ring, std::int64_t z, std::int64_t y) {
  return {ring.row(z, y), ring.row(z, y - 1), ring.row(z, y + 1), ring.row(z - 1, y), ring.row(z + 1, y)};
}

// The terms of squared_gradient that are numbers, and how many.
template <class T>
std::pair<double, std::int64_t> finite_part(const DiffusionStencil<T>& rows, const double* half_scale, std::int64_t n) {
  const auto squared = diffusion_tables().get<T>().squared_gradient;
  double sum = 0;
  std::int64_t count = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const DiffusionStencil<T> one{rows.here + i, rows.y_before + i, rows.y_after + i, rows.z_before + i,
                                  rows.z_after + i};
    const double term = squared(one, half_scale, 1);
    if (!std::isfinite(term)) continue;
    sum += term;
    ++count;
  }
  return {sum, count};
}

// The mean of the squared gradient by central differences.
template <class T>
double mean_squared_gradient(const ReadRow<T>& read, const Shape& shape, const std::array<double, 3>& scale,
                             int workers) {
  const Tiles tiles(shape, 4 * RowRing<T>::pitch(shape[2]) * static_cast<std::int64_t>(sizeof(T)));
  const double half_scale[3] = {scale[0] / 2, scale[1] / 2, scale[2] / 2};
  const auto squared = diffusion_tables().get<T>().squared_gradient;
  const Scratch<double> sums(shape[0] * shape[1]);
  const Scratch<std::int64_t> counts(shape[0] * shape[1]);
  parallel_for(tiles.count(), 1, workers, [&](std::int64_t begin, std::int64_t end) {
    RowRing<T> ring(shape, tiles.rows());
    for (std::int64_t i = begin; i < end; ++i) {
      const Tile tile = tiles[i];
      ring.begin(tile);
      ring.load(tile.z_begin - 1, read);
      ring.load(tile.z_begin, read);
      for (std::int64_t z = tile.z_begin; z < tile.z_end; ++z) {
        ring.load(z + 1, read);
        for (std::int64_t y = tile.y_begin; y < tile.y_end; ++y) {
          const auto rows = stencil(ring, z, y);
          std::pair<double, std::int64_t> sum{squared(rows, half_scale, shape[2]), shape[2]};
          if (!std::isfinite(sum.first)) sum = finite_part(rows, half_scale, shape[2]);
          sums[z * shape[1] + y] = sum.first;
          counts[z * shape[1] + y] = sum.second;
        }
      }
    }
  });
  double sum = 0;
  std::int64_t count = 0;
  for (std::int64_t row = 0; row < shape[0] * shape[1]; ++row) {
    sum += sums[row];
    count += counts[row];
  }
  return count > 0 ? sum / static_cast<double>(count) : 0.0;
}

// Nothing where the edge is so weak that nothing moves, as in a constant image.
template <class T>
std::optional<DiffusionFactors<T>> factors_of(const Diffusion& diffusion, const std::array<double, 3>& scale,
                                              double kappa) {
  const double edge_unit = diffusion.edge == DiffusionEdge::exponential ? ExponentialEdge::unit : ReciprocalEdge::unit;
  const double unit = std::sqrt(edge_unit) / kappa;
  if (!(kappa > 0) || !(unit <= static_cast<double>(std::numeric_limits<T>::max()))) return std::nullopt;
  // ITK's guard against a division by zero, in intensity per length.
  constexpr double kSmallestSquare = 1e-10;
  DiffusionFactors<T> factors{};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    factors.unit[axis] = static_cast<T>(unit * scale[axis]);
    factors.across[axis] = static_cast<T>(unit * scale[axis] / 4);
    factors.step[axis] = static_cast<T>(diffusion.time_step * scale[axis]);
  }
  if (diffusion.method == DiffusionMethod::curvature) factors.step[0] = static_cast<T>(diffusion.time_step / unit);
  factors.smallest = std::max(std::numeric_limits<T>::min(), static_cast<T>(kSmallestSquare * unit * unit));
  return factors;
}

// One tile of one iteration. Scratch is reused from tile to tile.
template <class T>
class TileDiffusion {
 public:
  TileDiffusion(const Shape& shape, std::int64_t most_rows, const DiffusionRows<T>& rows,
                const DiffusionFactors<T>& factors)
      : shape_(shape),
        width_(padded(shape[2])),
        pitch_(RowRing<T>::pitch(shape[2])),
        rows_(rows),
        factors_(factors),
        ring_(shape, most_rows),
        flux_z_(most_rows * width_),
        flux_(5 * pitch_) {}

  void run(const Tile& tile, const ReadRow<T>& read, const WriteRow<T>& write) {
    T* const flux_x = flux_.data() + RowRing<T>::kLead;
    T* flux_y0 = flux_x + pitch_;
    T* flux_y1 = flux_y0 + pitch_;
    T* const flux_z1 = flux_y1 + pitch_;
    T* const result = flux_z1 + pitch_;
    ring_.begin(tile);
    ring_.load(tile.z_begin - 1, read);
    ring_.load(tile.z_begin, read);
    for (std::int64_t y = tile.y_begin; y < tile.y_end; ++y) faces_z(tile.z_begin - 1, y, flux_z(tile, y));
    for (std::int64_t z = tile.z_begin; z < tile.z_end; ++z) {
      ring_.load(z + 1, read);
      faces_y(z, tile.y_begin - 1, flux_y0);
      for (std::int64_t y = tile.y_begin; y < tile.y_end; ++y) {
        const auto rows = stencil(ring_, z, y);
        faces_y(z, y, flux_y1);
        faces_z(z, y, flux_z1);
        rows_.faces_x(rows, factors_, flux_x, width_);
        const T* const flux[5] = {flux_z(tile, y), flux_z1, flux_y0, flux_y1, flux_x};
        rows_.update(rows, flux, factors_, result, width_);
        write(z, y, result);
        std::copy(flux_z1, flux_z1 + width_, flux_z(tile, y));
        std::swap(flux_y0, flux_y1);
      }
    }
  }

 private:
  T* flux_z(const Tile& tile, std::int64_t y) const { return flux_z_.data() + (y - tile.y_begin) * width_; }

  // From row y to the next: none through the border.
  void faces_y(std::int64_t z, std::int64_t y, T* flux) const {
    if (y < 0 || y + 1 >= shape_[1]) {
      std::fill(flux, flux + width_, T(0));
      return;
    }
    const bool planar = shape_[0] == 1;
    rows_.faces(ring_.row(z, y), planar ? nullptr : ring_.row(z - 1, y), ring_.row(z + 1, y), ring_.row(z, y + 1),
                ring_.row(z - 1, y + 1), ring_.row(z + 1, y + 1), 1, factors_, flux, width_);
  }
  void faces_z(std::int64_t z, std::int64_t y, T* flux) const {
    if (z < 0 || z + 1 >= shape_[0]) {
      std::fill(flux, flux + width_, T(0));
      return;
    }
    rows_.faces(ring_.row(z, y), ring_.row(z, y - 1), ring_.row(z, y + 1), ring_.row(z + 1, y), ring_.row(z + 1, y - 1),
                ring_.row(z + 1, y + 1), 0, factors_, flux, width_);
  }

  Shape shape_;
  std::int64_t width_, pitch_;
  const DiffusionRows<T>& rows_;
  DiffusionFactors<T> factors_;
  RowRing<T> ring_;
  Scratch<T> flux_z_;  // of the plane before, for each row of the tile
  Scratch<T> flux_;
};

// What tiles see of each other, kept so that an image is changed in place: the two planes, or rows, where they meet.
template <class T>
class Meetings {
 public:
  Meetings(const Shape& shape, const Tiles& tiles)
      : shape_(shape),
        tiles_(tiles),
        row_pairs_(tiles.strips() - 1),
        planes_(2 * (tiles.slabs() - 1) * shape[1] * shape[2]),
        rows_(2 * row_pairs_ * shape[0] * shape[2]) {}

  void save(const ReadRow<T>& read, int workers) {
    parallel_for(shape_[0], 1, workers, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t z = begin; z < end; ++z) {
        const std::int64_t above = z / tiles_.planes();
        if (z > 0 && z % tiles_.planes() == 0) save_plane(read, z, 2 * above - 1);
        if (z + 1 < shape_[0] && (z + 1) % tiles_.planes() == 0) save_plane(read, z, 2 * above);
        for (std::int64_t pair = 0; pair < row_pairs_; ++pair) {
          const std::int64_t y = (pair + 1) * tiles_.rows();
          read(z, y - 1, row(z, 2 * pair));
          read(z, y, row(z, 2 * pair + 1));
        }
      }
    });
  }

  // Reads a tile and what surrounds it.
  ReadRow<T> reader(const Tile& tile, const ReadRow<T>& read) const {
    return [this, &tile, &read](std::int64_t z, std::int64_t y, T* to) {
      const T* from = nullptr;
      if (z < tile.z_begin) from = plane(2 * tile.slab - 2) + y * shape_[2];
      else if (z >= tile.z_end) from = plane(2 * tile.slab + 1) + y * shape_[2];
      else if (y < tile.y_begin) from = row(z, 2 * tile.strip - 2);
      else if (y >= tile.y_end) from = row(z, 2 * tile.strip + 1);
      if (from != nullptr) std::copy(from, from + shape_[2], to);
      else read(z, y, to);
    };
  }

 private:
  T* plane(std::int64_t index) const { return planes_.data() + index * shape_[1] * shape_[2]; }
  T* row(std::int64_t z, std::int64_t index) const { return rows_.data() + (z * 2 * row_pairs_ + index) * shape_[2]; }
  void save_plane(const ReadRow<T>& read, std::int64_t z, std::int64_t index) {
    for (std::int64_t y = 0; y < shape_[1]; ++y) read(z, y, plane(index) + y * shape_[2]);
  }

  Shape shape_;
  const Tiles& tiles_;
  std::int64_t row_pairs_;
  Scratch<T> planes_, rows_;
};

template <class T>
void copy_rows(const ReadRow<T>& read, const WriteRow<T>& write, const Shape& shape, int workers) {
  parallel_for(shape[0], 1, workers, [&](std::int64_t begin, std::int64_t end) {
    const Scratch<T> row(shape[2]);
    for (std::int64_t z = begin; z < end; ++z) {
      for (std::int64_t y = 0; y < shape[1]; ++y) {
        read(z, y, row.data());
        write(z, y, row.data());
      }
    }
  });
}

// work: an image of T for what lies between src and dst; may be dst.
template <class T>
void iterate(const Image& src, const Image& work, const Image& dst, const Diffusion& diffusion,
             const std::array<double, 3>& scale, int workers) {
  const Shape& shape = src.shape;
  const Tiles tiles(shape, 4 * RowRing<T>::pitch(shape[2]) * static_cast<std::int64_t>(sizeof(T)));
  const auto& rows =
      diffusion_tables().get<T>().rows[static_cast<int>(diffusion.method)][static_cast<int>(diffusion.edge)];
  std::optional<Meetings<T>> meetings;
  for (std::int64_t i = 0; i < diffusion.iterations; ++i) {
    const Image &from = i == 0 ? src : work, &to = i + 1 == diffusion.iterations ? dst : work;
    const bool in_place = from.data == to.data;
    const ReadRow<T> read = row_reader<T>(from);
    const WriteRow<T> write = row_writer<T>(to);
    double kappa = diffusion.kappa;
    if (!(kappa > 0))
      kappa = diffusion.conductance * std::sqrt(2 * mean_squared_gradient<T>(read, shape, scale, workers));
    const auto factors = factors_of<T>(diffusion, scale, kappa);
    if (!factors) {
      if (!in_place) copy_rows(read, write, shape, workers);
      continue;
    }
    if (in_place) {
      if (!meetings) meetings.emplace(shape, tiles);
      meetings->save(read, workers);
    }
    parallel_for(tiles.count(), 1, workers, [&](std::int64_t begin, std::int64_t end) {
      TileDiffusion<T> diffuse(shape, tiles.rows(), rows, *factors);
      for (std::int64_t t = begin; t < end; ++t) {
        const Tile tile = tiles[t];
        diffuse.run(tile, in_place ? meetings->reader(tile, read) : read, write);
      }
    });
  }
}

}  // namespace

namespace cpu {

void anisotropic_diffusion(const Image& src, const Image& dst, const Diffusion& diffusion, Context context) {
  if (src.shape != dst.shape || src.dtype != dst.dtype)
    throw std::invalid_argument("anisotropic_diffusion: `src` and `dst` must have one shape and dtype");
  if (diffusion.iterations < 1) throw std::invalid_argument("anisotropic_diffusion: `iterations` must be at least 1");
  if (src.size() == 0) return;
  dispatch_working(src.dtype, [&](auto t) {
    using T = decltype(t);
    std::int64_t size = 1;
    for (std::size_t axis = 0; axis < 3; ++axis) size *= diffusion.scale[axis] == 0 ? 1 : src.shape[axis];
    const bool same = dst.dtype == dtype_of<T>();
    const Scratch<T> memory(diffusion.iterations > 1 && !same ? size : 0);
    for_each_batch(src, dst, diffusion.scale,
                   [&](const Image& from, const Image& to, const std::array<double, 3>& scale) {
                     const Shape packed{from.shape[1] * from.shape[2], from.shape[2], 1};
                     const Image between{memory.data(), dtype_of<T>(), 3, from.shape, packed};
                     iterate<T>(from, same ? to : between, to, diffusion, scale, context.workers);
                   });
  });
}

}  // namespace cpu
}  // namespace cormack
