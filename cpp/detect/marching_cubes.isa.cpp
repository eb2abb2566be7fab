// Bit x of a word of cells is the cell between voxels x and x + 1; an edge's vertex is found by counting the bits of
// the edges before it in its row.
#include <cstddef>

#include "detect/cell_triangles.hpp"
#include "detect/marching_cubes_rows.hpp"

namespace cormack::CORMACK_ISA {

static inline int ones(std::uint64_t word) { return __builtin_popcountll(word); }

static std::int64_t count_bits(const std::uint64_t* words, std::int64_t n) {
  std::int64_t total = 0;
  for (std::int64_t i = 0; i < n; ++i) total += ones(words[i]);
  return total;
}

// Calls f(word, corner words, cells with a surface) for each word of a row that has one.
template <class F>
static void for_surface(const CellRow& row, F&& f) {
  for (std::int64_t begin = 0, w = 0; begin < row.count; begin += 64, ++w) {
    const std::int64_t left = row.count - begin;
    std::uint64_t active = left >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << left) - 1;
    if (row.cells != nullptr) active &= row.cells[w];
    std::uint64_t corners[8], any = 0, all = ~std::uint64_t{0};
    for (int k = 0; k < 4; ++k) {
      // The word after a row is zero.
      const std::uint64_t here = row.corners[k][w], next = here >> 1 | row.corners[k][w + 1] << 63;
      corners[2 * k] = here;
      corners[2 * k + 1] = next;
      any |= here | next;
      all &= here & next;
    }
    f(w, corners, active & any & ~all);
  }
}

static inline std::size_t pattern_of(const std::uint64_t (&corners)[8], int x) {
  std::size_t pattern = 0;
  for (std::size_t k = 0; k < 8; ++k) pattern |= static_cast<std::size_t>(corners[k] >> x & 1) << k;
  return pattern;
}

static std::int64_t count_faces(const CellRow& row) {
  std::int64_t total = 0;
  for_surface(row, [&](std::int64_t, const std::uint64_t (&corners)[8], std::uint64_t surface) {
    for (; surface != 0; surface &= surface - 1)
      total += kTrianglesOfCell.count[pattern_of(corners, __builtin_ctzll(surface))];
  });
  return total;
}

static void faces(const CellRow& row, EdgeRows rows, bool ascent, std::int32_t* out) {
  const std::ptrdiff_t second = ascent ? 2 : 1, third = ascent ? 1 : 2;
  for_surface(row, [&](std::int64_t w, const std::uint64_t (&corners)[8], std::uint64_t surface) {
    for (; surface != 0; surface &= surface - 1) {
      const int x = __builtin_ctzll(surface);
      const std::uint64_t before = (std::uint64_t{1} << x) - 1, up_to = (std::uint64_t{2} << x) - 1;
      std::int32_t vertex[12];
      for (int k = 0; k < 4; ++k) {
        const std::uint64_t across = rows.edges[4 + k][w];
        vertex[k] = rows.first[k] + ones(rows.edges[k][w] & before);
        vertex[4 + 2 * k] = rows.first[4 + k] + ones(across & before);
        vertex[5 + 2 * k] = rows.first[4 + k] + ones(across & up_to);
      }
      const std::size_t pattern = pattern_of(corners, x);
      const unsigned char* edges = kTrianglesOfCell.edges[pattern];
      for (int n = kTrianglesOfCell.count[pattern]; n > 0; --n, edges += 3, out += 3) {
        out[0] = vertex[edges[0]];
        out[second] = vertex[edges[1]];
        out[third] = vertex[edges[2]];
      }
    }
    for (int k = 0; k < 8; ++k) rows.first[k] += ones(rows.edges[k][w]);
  });
}

template <class T>
static inline T smaller(T a, T b) {
  return a < b ? a : b;
}
template <class T>
static inline T larger(T a, T b) {
  return a > b ? a : b;
}

// Steps to the voxels before and after one along an axis, 0 beyond the volume, and one over the distance between them.
struct Steps {
  std::int64_t before, after;
  double per_length;
};

static inline Steps steps_at(std::int64_t i, std::int64_t n, std::int64_t stride, double spacing) {
  const bool low = i > 0, high = i + 1 < n;
  return {low ? -stride : 0, high ? stride : 0, (low && high ? 0.5 : 1.0) / spacing};
}

template <class T>
static void vertices(const VertexRow<T>& row, float* positions, float* normals, float* values) {
  const int a = row.axis, b = a == 0 ? 1 : 0, c = a == 2 ? 1 : 2;
  const std::int64_t along = row.stride[a];
  std::int64_t index[3] = {row.index[0], row.index[1], 0};
  for (std::int64_t begin = 0, w = 0; begin < row.shape[2]; begin += 64, ++w) {
    for (std::uint64_t edges = row.edges[w]; edges != 0; edges &= edges - 1) {
      index[2] = begin + __builtin_ctzll(edges);
      const T* p = row.row + index[2] * row.stride[2];
      const Steps from = steps_at(index[a], row.shape[a], along, row.spacing[a]);
      const Steps to = steps_at(index[a] + 1, row.shape[a], along, row.spacing[a]);
      const Steps sb = steps_at(index[b], row.shape[b], row.stride[b], row.spacing[b]);
      const Steps sc = steps_at(index[c], row.shape[c], row.stride[c], row.spacing[c]);
      const std::int64_t offsets[9] = {sb.before + sc.before, sb.before, sb.before + sc.after, sc.before, 0, sc.after,
                                       sb.after + sc.before,  sb.after,  sb.after + sc.after};
      T low[9], high[9];
      for (int k = 0; k < 9; ++k) {
        const T first = p[offsets[k]], second = p[along + offsets[k]];
        low[k] = smaller(first, second);
        high[k] = larger(first, second);
      }
      double value = 0;
      for (const int k : {0, 1, 3, 4}) {
        const T top = larger(larger(high[k], high[k + 1]), larger(high[k + 3], high[k + 4]));
        const T bottom = smaller(smaller(low[k], low[k + 1]), smaller(low[k + 3], low[k + 4]));
        const double range = static_cast<double>(top) - static_cast<double>(bottom);
        value = range > value ? range : value;  // never NaN
      }
      *values++ = static_cast<float>(value);
      const auto start = [&](int k) { return static_cast<double>(p[offsets[k]]); };
      const auto end = [&](int k) { return static_cast<double>(p[along + offsets[k]]); };
      const double gap = end(4) - start(4);
      const double t = gap - gap == 0 ? (row.level - start(4)) / gap : 0.5;  // halfway beside infinite voxels
      for (int k = 0; k < 3; ++k) {
        const double place = static_cast<double>(index[k]) + (k == a ? t : 0.0);
        positions[k] = static_cast<float>(place * row.spacing[k]);
      }
      positions += 3;
      double slope[3];
      slope[a] = (1 - t) * ((end(4) - static_cast<double>(p[from.before])) * from.per_length) +
                 t * ((static_cast<double>(p[along + to.after]) - start(4)) * to.per_length);
      slope[b] = ((1 - t) * (start(7) - start(1)) + t * (end(7) - end(1))) * sb.per_length;
      slope[c] = ((1 - t) * (start(5) - start(3)) + t * (end(5) - end(3))) * sc.per_length;
      const double square = slope[0] * slope[0] + slope[1] * slope[1] + slope[2] * slope[2];
      double scale = -row.sign / __builtin_sqrt(square);
      if (!(square > 0 && square < 1e300)) {
        // No direction, or none in numbers: along the edge.
        slope[b] = slope[c] = 0;
        slope[a] = start(4) < end(4) ? 1 : -1;
        scale = -row.sign;
      }
      for (int k = 0; k < 3; ++k) *normals++ = static_cast<float>(slope[k] * scale);
    }
  }
}

extern const MarchingCubesRows marching_cubes_rows;
const MarchingCubesRows marching_cubes_rows{
    count_bits,
    count_faces,
    faces,
    {vertices<std::uint8_t>, vertices<std::int8_t>, vertices<std::uint16_t>, vertices<std::int16_t>,
     vertices<std::uint32_t>, vertices<std::int32_t>, vertices<float>, vertices<double>},
};

}  // namespace cormack::CORMACK_ISA
