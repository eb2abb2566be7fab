#include "enhance/equalize_adapthist.hpp"

#include <cmath>
#include <cstring>
#include <vector>

#include "core/check.hpp"
#include "core/parallel.hpp"
#include "core/scratch.hpp"
#include "core/unit_rows.hpp"
#include "enhance/binned_rows.hpp"
#include "enhance/clipped_map.hpp"
#include "enhance/equalize_adapthist_rows.hpp"
#include "enhance/tile_axis.hpp"

namespace cormack {
namespace {

using Member = TileAxis::Member;
using Members = std::vector<Member>;

// Tables of counts for one tile, so that equal neighbours do not wait for each other's count to be stored.
constexpr int kTables = 8;

// counts[bin] += times for every bin of the row, in any of the tables, which are `entries` apart.
template <class Bin>
void count_row(const Bin* bins, std::int64_t n, std::uint32_t times, std::uint32_t* counts, std::int64_t entries) {
  constexpr int shift = 8 * sizeof(Bin), mask = (1 << shift) - 1;
  constexpr std::int64_t per_word = 8 / sizeof(Bin);
  std::int64_t i = 0;
  for (; i + per_word <= n; i += per_word) {
    std::uint64_t word;
    std::memcpy(&word, bins + i, 8);
    std::uint32_t* table = counts;
    for (int k = 0; k < per_word; ++k, table += entries, word >>= shift) table[word & mask] += times;
  }
  for (; i < n; ++i) counts[bins[i]] += times;
}

// What is mapped at a time: consecutive cells along z and y, and the tiles whose maps that takes.
struct Part {
  struct Range {
    std::int64_t cell, last_cell;  // the last one is not in it
    std::int64_t first, count;     // tiles
  };
  std::array<Range, 2> along;
};

// A map for each tile of a part, in their order.
template <class F>
struct Maps {
  // `given`: the maps, if they are not to be kept here.
  Maps(const std::array<TileAxis, 3>& axes, const Part& tiles, std::int64_t entries_per_map, F* given = nullptr)
      : axis(axes),
        part(tiles),
        entries(entries_per_map),
        own(given == nullptr ? count() * entries : 0),
        data(given == nullptr ? own.data() : given),
        filled(static_cast<std::size_t>(count())) {}

  std::int64_t count() const { return part.along[0].count * part.along[1].count * axis[2].tiles; }
  bool has(std::int64_t z, std::int64_t y, std::int64_t x) const {
    const auto& [in_z, in_y] = part.along;
    return z >= in_z.first && y >= in_y.first && x >= 0 && z < in_z.first + in_z.count && y < in_y.first + in_y.count &&
           x < axis[2].tiles;
  }
  std::int64_t index(std::int64_t z, std::int64_t y, std::int64_t x) const {
    return ((z - part.along[0].first) * part.along[1].count + y - part.along[1].first) * axis[2].tiles + x;
  }
  F* of(std::int64_t z, std::int64_t y, std::int64_t x) const { return data + index(z, y, x) * entries; }

  std::array<TileAxis, 3> axis;
  Part part;
  std::int64_t entries;
  Scratch<F> own;
  F* data;
  std::vector<std::uint8_t> filled;  // whether a tile has voxels that count
};

template <class T, class Bin>
void make_maps(const BinnedRows<T, Bin>& source, const AdaptiveHistogram& settings, Maps<MapReal<T>>& maps,
               Context context) {
  using F = MapReal<T>;
  const auto& [az, ay, ax] = maps.axis;
  const Members extra_z = az.reflected(), extra_y = ay.reflected(), extra_x = ax.reflected();
  const std::int64_t entries = maps.entries, used = source.bins().used, bins = source.bins().count;
  // Rows of tiles are cut where there are too few of them for the threads.
  const auto& [in_z, in_y] = maps.part.along;
  const std::int64_t rows = in_z.count * in_y.count, parts = std::min<std::int64_t>(ax.tiles, rows >= 32 ? 1 : 4);
  const std::int64_t per_part = (ax.tiles + parts - 1) / parts;
  parallel_for(rows * parts, 1, context.workers, [&](std::int64_t begin, std::int64_t end) {
    const Scratch<std::uint32_t> counts(per_part * kTables * entries);
    const Scratch<std::int64_t> all(bins), open(bins);
    const Scratch<F> map(used);
    const Scratch<Bin> row(ax.length), reflected_row(ax.length);
    for (std::int64_t item = begin; item < end; ++item) {
      const std::int64_t tz = in_z.first + item / parts / in_y.count, ty = in_y.first + item / parts % in_y.count;
      const std::int64_t first = item % parts * per_part, last = std::min(ax.tiles, first + per_part);
      if (first >= last) continue;
      std::memset(counts.data(), 0,
                  static_cast<std::size_t>((last - first) * kTables * entries) * sizeof(std::uint32_t));
      const std::int64_t x0 = ax.begin(first), x1 = ax.end(last - 1);
      const Members members_y = ay.members(ty, extra_y);
      for (const Member& z : az.members(tz, extra_z)) {
        for (const Member& y : members_y) {
          const bool own = z.index >= az.begin(tz) && y.index >= ay.begin(ty);
          const Bin* from = own ? source.make_and_keep(z.index, y.index, x0, x1 - x0, row.data())
                                : source.make(z.index, y.index, x0, x1 - x0, row.data());
          const std::uint32_t times = z.times * y.times;
          for (std::int64_t tx = first; tx < last; ++tx)
            count_row(from + ax.begin(tx) - x0, ax.end(tx) - ax.begin(tx), times,
                      counts.data() + (tx - first) * kTables * entries, entries);
          if (last < ax.tiles || extra_x.empty()) continue;
          const std::int64_t x2 = extra_x.front().index;
          const Bin* mirrored = source.make(z.index, y.index, x2, ax.length - x2, reflected_row.data());
          std::uint32_t* const table = counts.data() + (last - 1 - first) * kTables * entries;
          for (const Member& x : extra_x) table[mirrored[x.index - x2]] += times * x.times;
        }
      }
      for (std::int64_t tx = first; tx < last; ++tx) {
        const std::uint32_t* table = counts.data() + (tx - first) * kTables * entries;
        std::memset(all.data(), 0, static_cast<std::size_t>(bins) * sizeof(std::int64_t));
        std::int64_t voxels = 0;
        for (std::int64_t entry = 0; entry < entries; ++entry) {
          std::int64_t count = 0;
          for (int k = 0; k < kTables; ++k) count += table[k * entries + entry];
          const std::int64_t bin = source.bin_of_entry(entry);
          if (bin >= used) continue;
          all[bin] += count;
          voxels += count;
        }
        F* const to = maps.of(tz, ty, tx);
        maps.filled[static_cast<std::size_t>(maps.index(tz, ty, tx))] = voxels > 0;
        std::memset(to, 0, static_cast<std::size_t>(entries) * sizeof(F));
        if (voxels == 0) continue;
        clipped_map(all.data(), bins, voxels, settings.clip_limit, settings.low, settings.high, map.data(), used,
                    open.data());
        for (std::int64_t entry = 0; entry < entries; ++entry) {
          const std::int64_t bin = source.bin_of_entry(entry);
          if (bin < used) to[entry] = map[bin];
        }
      }
    }
  });
}

// A tile without voxels that count takes the mean of its nearest neighbours' maps. Tiles that have no such neighbour
// are not needed: a voxel that counts lies in a filled tile, and the others that it is mapped by touch this one.
template <class F>
void fill_empty(Maps<F>& maps, Context context) {
  const auto& [in_z, in_y] = maps.part.along;
  parallel_for(in_z.count * in_y.count, 1, context.workers, [&](std::int64_t begin, std::int64_t end) {
    const Scratch<double> sum(maps.entries);
    for (std::int64_t item = begin; item < end; ++item) {
      const std::int64_t z = in_z.first + item / in_y.count, y = in_y.first + item % in_y.count;
      for (std::int64_t x = 0; x < maps.axis[2].tiles; ++x) {
        if (maps.filled[static_cast<std::size_t>(maps.index(z, y, x))]) continue;
        for (int distance = 1, found = 0; distance <= 3 && found == 0; ++distance) {
          for (std::int64_t i = 0; i < maps.entries; ++i) sum[i] = 0;
          for (std::int64_t k = 0; k < 27; ++k) {
            const std::int64_t dz = k / 9 - 1, dy = k / 3 % 3 - 1, dx = k % 3 - 1;
            if (dz * dz + dy * dy + dx * dx != distance) continue;
            const std::int64_t nz = z + dz, ny = y + dy, nx = x + dx;
            if (!maps.has(nz, ny, nx)) continue;
            if (!maps.filled[static_cast<std::size_t>(maps.index(nz, ny, nx))]) continue;
            const F* map = maps.of(nz, ny, nx);
            for (std::int64_t i = 0; i < maps.entries; ++i) sum[i] += static_cast<double>(map[i]);
            ++found;
          }
          if (found == 0) continue;
          F* const to = maps.of(z, y, x);
          for (std::int64_t i = 0; i < maps.entries; ++i) to[i] = static_cast<F>(sum[i] / found);
        }
      }
    }
  });
}

// Rows between the same two rows of tiles.
struct Band {
  std::int64_t cell, begin, end;
};

// Where the source lies in the image that the maps are of.
using Origin = std::array<std::int64_t, 3>;

// Values whose bins and maps' entries stay in L1 between the steps.
constexpr std::int64_t kBlock = 512;

template <class T, class Bin>
void apply_maps(const BinnedRows<T, Bin>& source, const Maps<MapReal<T>>& maps, const View<T>& dst,
                const Origin& origin, Context context) {
  using F = MapReal<T>;
  const auto& [az, ay, ax] = maps.axis;
  const auto& [in_z, in_y] = maps.part.along;
  const std::int64_t entries = maps.entries, width = dst.shape[2];
  const std::int64_t first_cell = ax.cell_of(origin[2]), cells = ax.cell_of(origin[2] + width - 1) + 1 - first_cell;
  const Scratch<F> wx(width);
  for (std::int64_t x = 0; x < width; ++x) wx[x] = static_cast<F>(ax.weight(origin[2] + x));
  // The maps are gathered once per band: enough rows to make that cheap, few enough for all threads to have work.
  const std::int64_t rows = std::max<std::int64_t>(1, 32 * cells * entries / width);
  std::vector<Band> bands;
  for (std::int64_t cell = in_y.cell; cell < in_y.last_cell; ++cell) {
    const std::int64_t end = std::min(ay.cell_end(cell), origin[1] + dst.shape[1]);
    for (std::int64_t y = std::max(ay.cell_begin(cell), origin[1]); y < end; y += rows)
      bands.push_back({cell, y, std::min(end, y + rows)});
  }
  const auto per_slice = static_cast<std::int64_t>(bands.size());
  const std::int64_t front_slice = std::max(az.cell_begin(in_z.cell), origin[0]);
  const std::int64_t slices = std::min(az.cell_end(in_z.last_cell - 1), origin[0] + dst.shape[0]) - front_slice;
  const auto& adaptive = equalize_adapthist_rows().template adaptive<F>();
  const auto result = equalize_adapthist_rows().result.template get<T>();
  parallel_for(slices * per_slice, 1, context.workers, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t row_of_maps = ax.tiles * entries;
    const Scratch<F> blended(2 * row_of_maps), gathered(cells * entries * 4), four(4 * kBlock);
    const Scratch<Bin> buffer(kBlock);
    for (std::int64_t item = begin; item < end; ++item) {
      const std::int64_t z = front_slice + item / per_slice, cell_z = az.cell_of(z);
      const std::int64_t front = az.tile_before(cell_z), back = az.tile_after(cell_z);
      const Band& band = bands[static_cast<std::size_t>(item % per_slice)];
      const F* pair[2];
      for (int k = 0; k < 2; ++k) {
        const std::int64_t ty = k == 0 ? ay.tile_before(band.cell) : ay.tile_after(band.cell);
        pair[k] = maps.of(front, ty, 0);
        if (front == back) continue;
        F* const to = blended.data() + k * row_of_maps;
        adaptive.blend(pair[k], maps.of(back, ty, 0), static_cast<F>(az.weight(z)), row_of_maps, to);
        pair[k] = to;
      }
      for (std::int64_t cell = 0; cell < cells; ++cell) {
        const std::int64_t left = ax.tile_before(first_cell + cell) * entries;
        const std::int64_t right = ax.tile_after(first_cell + cell) * entries;
        adaptive.interleave(pair[0] + left, pair[0] + right, pair[1] + left, pair[1] + right, entries,
                            gathered.data() + cell * entries * 4);
      }
      for (std::int64_t y = band.begin; y < band.end; ++y) {
        const F wy = static_cast<F>(ay.weight(y));
        for (std::int64_t x = 0, cell = 0; x < width; x += kBlock) {
          const std::int64_t n = std::min(kBlock, width - x);
          const Bin* bin = source.get(z - origin[0], y - origin[1], x, n, buffer.data());
          for (std::int64_t i = 0; i < n;) {
            const std::int64_t next = cell + 1 < cells ? ax.cell_begin(first_cell + cell + 1) - origin[2] - x : n;
            const std::int64_t stop = std::min(n, next);
            const F* table = gathered.data() + cell * entries * 4;
            if constexpr (sizeof(Bin) == 1) adaptive.look_up_small(bin + i, stop - i, table, four.data() + 4 * i);
            else adaptive.look_up_large(bin + i, stop - i, table, four.data() + 4 * i);
            i = stop;
            cell += stop == next && cell + 1 < cells;
          }
          T* const to = dst.row(z - origin[0], y - origin[1]) + x;
          result.interpolate(four.data(), wx.data() + x, wy, n, to);
          if (!source.partial()) continue;
          const T* values = source.image().row(z - origin[0], y - origin[1]) + x;
          if constexpr (sizeof(Bin) == 1) result.restore_small(bin, source.none(), values, n, to);
          else result.restore_large(bin, source.none(), values, n, to);
        }
      }
    }
  });
}

// Bytes of maps that are made at a time, unless the maps around one row of cells take more.
constexpr double kMapBytes = 1 << 25;

// The number of cells along an axis whose maps fit, if those of one tile along it take `bytes`.
std::int64_t cells_at_a_time(const TileAxis& axis, double bytes, std::int64_t beside) {
  if (bytes * static_cast<double>(axis.tiles) <= kMapBytes) return axis.cells();
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(kMapBytes / bytes) - 1 - 2 * beside);
}

Part::Range range_of(const TileAxis& axis, std::int64_t cell, std::int64_t cells, std::int64_t beside) {
  const std::int64_t last_cell = std::min(axis.cells(), cell + cells);
  const std::int64_t first = std::max<std::int64_t>(0, axis.tile_before(cell) - beside);
  return {cell, last_cell, first, std::min(axis.tiles, axis.tile_after(last_cell - 1) + 1 + beside) - first};
}

Part every_tile(const std::array<TileAxis, 3>& axes) {
  return {{{{0, axes[0].cells(), 0, axes[0].tiles}, {0, axes[1].cells(), 0, axes[1].tiles}}}};
}

std::array<TileAxis, 3> axes_of(const std::array<std::int64_t, 3>& shape, const AdaptiveHistogram& settings) {
  std::array<TileAxis, 3> axes;
  for (std::size_t i = 0; i < 3; ++i) axes[i] = TileAxis(shape[i], settings.kernel[i]);
  return axes;
}

template <class T, class Bin>
void run(const BinnedRows<T, Bin>& source, const View<T>& dst, const AdaptiveHistogram& settings, Context context) {
  const Bins& bins = source.bins();
  const std::array<TileAxis, 3> axes = axes_of(dst.shape, settings);
  const std::int64_t map = bins.entries * static_cast<std::int64_t>(sizeof(MapReal<T>));
  const auto row = static_cast<double>(map * axes[2].tiles);
  // Tiles that are filled from their neighbours need these, too.
  const std::int64_t beside = source.partial() ? 1 : 0;
  const std::int64_t fewest_layers = std::min(axes[0].tiles, 2 + 2 * beside);
  const std::int64_t rows = cells_at_a_time(axes[1], row * static_cast<double>(fewest_layers), beside);
  const bool all_rows = rows == axes[1].cells();
  const std::int64_t layers = all_rows ? cells_at_a_time(axes[0], row * static_cast<double>(axes[1].tiles), beside) : 1;
  for (std::int64_t z = 0; z < axes[0].cells(); z += layers)
    for (std::int64_t y = 0; y < axes[1].cells(); y += rows) {
      Maps<MapReal<T>> maps(axes, {range_of(axes[0], z, layers, beside), range_of(axes[1], y, rows, beside)},
                            bins.entries);
      make_maps(source, settings, maps, context);
      if (source.partial()) fill_empty(maps, context);
      apply_maps(source, maps, dst, {}, context);
    }
}

void check(const AdaptiveHistogram& settings) {
  double voxels = 1;
  for (const std::int64_t size : settings.kernel) {
    if (size < 1) throw std::invalid_argument("equalize_adapthist: a tile needs at least one voxel");
    voxels *= static_cast<double>(size);
  }
  if (voxels >= 2147483648.0) throw std::invalid_argument("equalize_adapthist: tiles must have fewer than 2^31 voxels");
  if (settings.bins < 1 || settings.bins > LevelFormula::kLevels)
    throw std::invalid_argument("equalize_adapthist: the number of bins must lie between 1 and 16384");
  if (!(settings.lower <= settings.upper) || !std::isfinite(settings.upper - settings.lower))
    throw std::invalid_argument("equalize_adapthist: the range must be finite and not decrease");
}

// The maps that are given must have the type, the number and the layout that the image asks for.
template <class F>
F* maps_data(const Image& maps, const std::array<TileAxis, 3>& axes, std::int64_t entries) {
  // The number of tiles itself may be beyond 64 bits.
  std::int64_t rest = maps.size();
  bool suits = maps.dtype == dtype_of<F>() && rest > 0;
  for (const TileAxis& axis : axes) {
    suits = suits && rest % axis.tiles == 0;
    rest /= axis.tiles;
  }
  if (!suits || rest != entries) throw std::invalid_argument("equalize_adapthist: the maps do not suit the image");
  return maps.view<F>().data;
}

// Calls run(dst) with unit rows: of a copy where the image has none.
template <class T, class F>
void into_unit_rows(const View<T>& dst, Context context, F&& run) {
  if (dst.unit_rows()) return run(dst);
  const Scratch<T> copy(dst.size());
  const View<T> target{copy.data(), dst.shape, {dst.shape[1] * dst.shape[2], dst.shape[2], 1}};
  run(target);
  copy_strided<T>({target.data, target.shape, target.stride}, dst, context.workers);
}

// Calls run(rows of bins) with the types of the image's values and bins.
template <class F>
void with_bins(const Image& src, const Image* mask, const AdaptiveHistogram& settings, Context context, F&& run) {
  const auto in_unit_rows = [&](const Mask& inside) {
    dispatch(src.dtype, [&](auto t) {
      using T = decltype(t);
      const Bins bins(settings, sizeof(T) == 1 && !inside);
      const UnitRows<T> rows(src.view<const T>(), context.workers);
      if (bins.entries <= 256) run(BinnedRows<T, std::uint8_t>(rows.view(), inside, bins));
      else run(BinnedRows<T, std::uint16_t>(rows.view(), inside, bins));
    });
  };
  if (mask == nullptr) return in_unit_rows(std::nullopt);
  const UnitRows<std::uint8_t> rows(mask->view<const std::uint8_t>(), context.workers);
  in_unit_rows(rows.view());
}

}  // namespace

namespace cpu {

void equalize_adapthist(const Image& src, const Image* mask, const Image& dst, const AdaptiveHistogram& settings,
                        Context context) {
  check_one_shape("equalize_adapthist", src, dst);
  check_mask("equalize_adapthist", src, mask);
  check(settings);
  if (src.size() == 0) return;
  with_bins(src, mask, settings, context, [&](const auto& source) {
    using T = typename std::decay_t<decltype(source)>::Value;
    into_unit_rows(dst.view<T>(), context, [&](const auto& to) { run(source, to, settings, context); });
  });
}

void adapthist_maps(const Image& src, const Image* mask, const Image& maps, const Image& filled,
                    const AdaptiveHistogram& settings, Context context) {
  check_mask("adapthist_maps", src, mask);
  check(settings);
  if (src.size() == 0) return;
  with_bins(src, mask, settings, context, [&](const auto& source) {
    using F = MapReal<typename std::decay_t<decltype(source)>::Value>;
    const std::array<TileAxis, 3> axes = axes_of(src.shape, settings);
    const std::int64_t entries = source.bins().entries;
    Maps<F> made(axes, every_tile(axes), entries, maps_data<F>(maps, axes, entries));
    std::uint8_t* const counted = maps_data<std::uint8_t>(filled, axes, 1);
    make_maps(source, settings, made, context);
    std::copy(made.filled.begin(), made.filled.end(), counted);
  });
}

void adapthist_apply(const Image& src, const Image* mask, const Image& dst, const Image& maps,
                     const std::array<std::int64_t, 3>& origin, const std::array<std::int64_t, 3>& whole,
                     const AdaptiveHistogram& settings, Context context) {
  check_one_shape("adapthist_apply", src, dst);
  check_mask("adapthist_apply", src, mask);
  check(settings);
  for (std::size_t i = 0; i < 3; ++i)
    if (origin[i] < 0 || whole[i] < src.shape[i] || origin[i] > whole[i] - src.shape[i])
      throw std::invalid_argument("equalize_adapthist: the part must lie in the image");
  if (src.size() == 0) return;
  with_bins(src, mask, settings, context, [&](const auto& source) {
    using T = typename std::decay_t<decltype(source)>::Value;
    using F = MapReal<T>;
    const std::array<TileAxis, 3> axes = axes_of(whole, settings);
    const std::int64_t entries = source.bins().entries;
    const Maps<F> made(axes, every_tile(axes), entries, maps_data<F>(maps, axes, entries));
    source.keep_all();
    into_unit_rows(dst.view<T>(), context, [&](const auto& to) { apply_maps(source, made, to, origin, context); });
  });
}

}  // namespace cpu
}  // namespace cormack
