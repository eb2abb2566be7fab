#include "detect/marching_cubes.hpp"

#include <cmath>
#include <cstring>
#include <limits>

#include "core/parallel.hpp"
#include "detect/marching_cubes_rows.hpp"

namespace cormack::cpu {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr int kAxisX = 0, kAxisY = 1, kAxisZ = 2;  // the order of edges

}  // namespace

MarchingCubes::MarchingCubes(const Image& volume, double level, const Image* mask, bool has_nan, Context context)
    : volume_(volume),
      level_(level),
      context_(context),
      bits_(volume.shape),
      edges_(3 * bits_.row_count() * bits_.words),
      first_vertex_(static_cast<std::size_t>(3 * bits_.row_count() + 1)),
      first_face_(static_cast<std::size_t>(bits_.row_count() + 1)) {
  if (volume.shape[0] < 2 || volume.shape[1] < 2 || volume.shape[2] < 2) return;
  threshold_bits(volume, std::nextafter(level, kInfinity), kInfinity, nullptr, bits_, context.workers);
  if (mask != nullptr || has_nan) find_cells(mask, has_nan);
  find_edges();
  count();
}

void MarchingCubes::find_cells(const Image* mask, bool has_nan) {
  const auto [depth, height, width] = volume_.shape;
  BitImage bits(volume_.shape);
  cells_.assign(static_cast<std::size_t>(bits.row_count() * bits.words), ~std::uint64_t{0});
  // Bit x of a row of cells becomes that of its corner at x + 1.
  const auto keep = [&](std::int64_t dz, std::int64_t dy, bool both) {
    parallel_for(depth - 1, 1, context_.workers, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t z = begin; z < end; ++z) {
        for (std::int64_t y = 0; y + 1 < height; ++y) {
          const std::uint64_t* row = bits.data() + bits.index(z + dz, y + dy);
          std::uint64_t* cells = cells_.data() + (z * height + y) * bits.words;
          for (std::int64_t w = 0; w < bits.words; ++w) {
            cells[w] &= row[w] >> 1 | row[w + 1] << 63;
            if (both) cells[w] &= row[w];
          }
        }
      }
    });
  };
  if (mask != nullptr) {
    nonzero_bits(*mask, false, bits, context_.workers);
    keep(1, 1, false);
  }
  if (has_nan) {
    threshold_bits(volume_, -kInfinity, kInfinity, nullptr, bits, context_.workers);
    for (const int corner : {0, 1, 2, 3}) keep(corner >> 1, corner & 1, true);
  }
}

void MarchingCubes::find_edges() {
  const auto [depth, height, width] = volume_.shape;
  const std::int64_t words = bits_.words;
  const std::uint64_t tail = (width - 1) % 64 == 0 ? 0 : (std::uint64_t{1} << ((width - 1) % 64)) - 1;
  const std::vector<std::uint64_t> nothing(static_cast<std::size_t>(words));
  const auto cells_at = [&](std::int64_t z, std::int64_t y) {
    const bool inside = z >= 0 && y >= 0 && z + 1 < depth && y + 1 < height;
    return inside ? cells_.data() + (z * height + y) * words : nothing.data();
  };
  const auto count_bits = marching_cubes_rows().count_bits;
  parallel_for(depth, 1, context_.workers, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin * height; r < end * height; ++r) {
      const std::int64_t z = r / height, y = r % height;
      const std::uint64_t* row = bits_.data() + bits_.index(z, y);
      std::uint64_t* edges[3];
      for (const int axis : {kAxisX, kAxisY, kAxisZ})
        edges[axis] = edges_.data() + (axis * bits_.row_count() + r) * words;
      for (std::int64_t w = 0; w < words; ++w) {
        const bool last = (w + 1) * 64 >= width;
        edges[kAxisX][w] = (row[w] ^ (row[w] >> 1 | row[w + 1] << 63)) & (last ? tail : ~std::uint64_t{0});
        edges[kAxisY][w] = y + 1 < height ? row[w] ^ row[w + bits_.row_stride] : 0;
        edges[kAxisZ][w] = z + 1 < depth ? row[w] ^ row[w + bits_.slice_stride] : 0;
      }
      if (!cells_.empty()) {
        // Edges that a cell which counts has.
        const std::uint64_t* around[4] = {cells_at(z, y), cells_at(z - 1, y), cells_at(z, y - 1),
                                          cells_at(z - 1, y - 1)};
        for (std::int64_t w = 0; w < words; ++w) {
          const auto moved = [w](const std::uint64_t* cells) {
            return cells[w] | cells[w] << 1 | (w > 0 ? cells[w - 1] >> 63 : 0);
          };
          edges[kAxisX][w] &= around[0][w] | around[1][w] | around[2][w] | around[3][w];
          edges[kAxisY][w] &= moved(around[0]) | moved(around[1]);
          edges[kAxisZ][w] &= moved(around[0]) | moved(around[2]);
        }
      }
      for (const int axis : {kAxisX, kAxisY, kAxisZ})
        first_vertex_[static_cast<std::size_t>(3 * r + axis + 1)] = count_bits(edges[axis], words);
    }
  });
}

void MarchingCubes::count() {
  const auto [depth, height, width] = volume_.shape;
  const auto count_faces = marching_cubes_rows().count_faces;
  parallel_for(depth - 1, 1, context_.workers, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t z = begin; z < end; ++z) {
      for (std::int64_t y = 0; y + 1 < height; ++y)
        first_face_[static_cast<std::size_t>(z * height + y + 1)] = count_faces(cell_row(z, y));
    }
  });
  for (std::size_t i = 1; i < first_vertex_.size(); ++i) first_vertex_[i] += first_vertex_[i - 1];
  for (std::size_t i = 1; i < first_face_.size(); ++i) first_face_[i] += first_face_[i - 1];
  vertex_count_ = first_vertex_.back();
  face_count_ = first_face_.back();
}

CellRow MarchingCubes::cell_row(std::int64_t z, std::int64_t y) const {
  const std::uint64_t* row = bits_.data() + bits_.index(z, y);
  const std::int64_t down = bits_.row_stride, deeper = bits_.slice_stride;
  const std::uint64_t* cells = cells_.empty() ? nullptr : cells_.data() + (z * volume_.shape[1] + y) * bits_.words;
  return {{row, row + down, row + deeper, row + deeper + down}, cells, volume_.shape[2] - 1};
}

void MarchingCubes::emit(const std::array<double, 3>& spacing, bool ascent, const SurfaceArrays& out) const {
  if (vertex_count_ > std::numeric_limits<std::int32_t>::max())
    throw std::invalid_argument("marching_cubes: the surface has more vertices than int32 counts");
  if (vertex_count_ == 0) return;
  const auto [depth, height, width] = volume_.shape;
  const auto& rows = marching_cubes_rows();
  dispatch(volume_.dtype, [&](auto value) {
    using T = decltype(value);
    const View<const T> view = volume_.view<const T>();
    parallel_for(depth, 1, context_.workers, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin * height; r < end * height; ++r) {
        const std::int64_t z = r / height, y = r % height;
        VertexRow<T> row{view.row(z, y),
                         {z, y},
                         {depth, height, width},
                         {view.stride[0], view.stride[1], view.stride[2]},
                         nullptr,
                         0,
                         level_,
                         {spacing[0], spacing[1], spacing[2]},
                         ascent ? -1.0 : 1.0};
        for (const int axis : {kAxisX, kAxisY, kAxisZ}) {
          const std::int64_t first = first_vertex_[static_cast<std::size_t>(3 * r + axis)];
          row.edges = edges(axis, z, y);
          row.axis = 2 - axis;
          rows.vertices.get<T>()(row, out.vertices + 3 * first, out.normals + 3 * first, out.values + first);
        }
        if (z + 1 == depth || y + 1 == height) continue;
        const std::int64_t first = first_face_[static_cast<std::size_t>(r)];
        if (first_face_[static_cast<std::size_t>(r + 1)] == first) continue;
        EdgeRows around;
        const auto set = [&](int slot, int axis, std::int64_t dz, std::int64_t dy) {
          around.edges[slot] = edges(axis, z + dz, y + dy);
          around.first[slot] =
              static_cast<std::int32_t>(first_vertex_[static_cast<std::size_t>(3 * (r + dz * height + dy) + axis)]);
        };
        for (const int k : {0, 1, 2, 3}) set(k, kAxisX, k >> 1, k & 1);
        for (const int k : {0, 1}) {
          set(4 + k, kAxisY, k, 0);
          set(6 + k, kAxisZ, 0, k);
        }
        rows.faces(cell_row(z, y), around, ascent, out.faces + 3 * first);
      }
    });
  });
}

}  // namespace cormack::cpu
