// Medians of boxes with compare-exchange networks along x: one column of vectors at a time runs down the band, and the
// sorted lists of the rows it has passed stay in L1. Every row is sorted once per pair of slices, merged once with its
// neighbour and used by all windows above and below:
//   row list    K values (2-D), or K x K of one slice (3-D), sorted            K^2: shared by the windows of K rows
//   pair        the merged lists of rows 2i + 1 and 2i + 2                     shared by K - 1 rows
//   core        the K - 1 rows that output rows 2i and 2i + 1 have in common, only the ranks that matter
//   result      the median of the core and one more row list
// Operations per pixel (min or max): 3x3 17, 5x5 59, 7x7 128, 3x3x3 84, 5x5x5 498.
#include "core/vec.hpp"
#include "filters/median_filter_rows.hpp"
#include "filters/median_network.hpp"

namespace cormack::CORMACK_ISA {

// K values side by side at p, sorted, for every lane.
template <int K, class T>
CORMACK_HD void sorted_row(const T* p, Vec<T>* out) {
  CORMACK_UNROLL
  for (int i = 0; i < K; ++i) out[i] = Vec<T>::load(p + i);
  network::sort<K>(out);
}

// What output slices 0 and 1 need of one row: in 2-D its K values, in 3-D the K x K values of planes 0 .. K - 1 and of
// planes 1 .. K, all sorted.
template <int K, int kSlices, class T>
[[gnu::noinline]] static void row_lists(const T* const* planes, Vec<T> (*out)[kSlices == 1 ? K : K * K]) {
  using V = Vec<T>;
  if constexpr (kSlices == 1) {
    sorted_row<K>(planes[0], out[0]);
  } else {
    V common[(K - 1) * K], outer[K];
    if constexpr (K == 3) {
      V a[3], b[3];
      sorted_row<3>(planes[1], a);
      sorted_row<3>(planes[2], b);
      network::merge<3, 1, 3, 1>(a, b, common);
    } else {
      static_assert(K == 5);
      V a[5], b[5], ab[10], c[5], d[5], cd[10];
      sorted_row<5>(planes[1], a);
      sorted_row<5>(planes[2], b);
      network::merge<5, 1, 5, 1>(a, b, ab);
      sorted_row<5>(planes[3], c);
      sorted_row<5>(planes[4], d);
      network::merge<5, 1, 5, 1>(c, d, cd);
      network::merge<10, 1, 10, 1>(ab, cd, common);
    }
    sorted_row<K>(planes[0], outer);
    network::merge<(K - 1) * K, 1, K, 1>(common, outer, out[0]);
    sorted_row<K>(planes[K], outer);
    network::merge<(K - 1) * K, 1, K, 1>(common, outer, out[1]);
  }
}

// K lists of N values make a window. The ranks of the union of its first `lists` lists that may still be the median:
template <int K, int N, int kLists>
inline constexpr int kLow = network::lowest(K * N, kLists* N);
template <int K, int N, int kLists>
inline constexpr int kCount = network::highest(K * N, kLists* N) - kLow<K, N, kLists> + 1;

// The merged lists of kPairs pairs, those ranks alone.
template <int K, int N, int kPairs, class V>
CORMACK_HD void merge_pairs(const V* const* pairs, V* out) {
  constexpr int kLists = 2 * kPairs;
  if constexpr (kPairs == 1) {
    CORMACK_UNROLL
    for (int i = 0; i < kCount<K, N, 2>; ++i) out[i] = pairs[0][i];
  } else {
    constexpr int kBefore = kCount<K, N, kLists - 2>, kPair = kCount<K, N, 2>;
    V before[kBefore], all[kBefore + kPair];
    merge_pairs<K, N, kPairs - 1>(pairs, before);
    network::merge<kBefore, 1, kPair, 1>(before, pairs[kPairs - 1], all);
    constexpr int kDropped = kLow<K, N, kLists> - kLow<K, N, kLists - 2> - kLow<K, N, 2>;
    CORMACK_UNROLL
    for (int i = 0; i < kCount<K, N, kLists>; ++i) out[i] = all[kDropped + i];
  }
}

template <int K, int N, class V>
[[gnu::noinline]] static void merge_pair(const V* a, const V* b, V* out) {
  V all[2 * N];
  network::merge<N, 1, N, 1>(a, b, all);
  CORMACK_UNROLL
  for (int i = 0; i < kCount<K, N, 2>; ++i) out[i] = all[kLow<K, N, 2> + i];
}

template <int K, int N, class V>
[[gnu::noinline]] static void medians(const V* const* pairs, const V* above, const V* below, V* result) {
  constexpr int kCore = kCount<K, N, K - 1>, kRank = K * N / 2 - kLow<K, N, K - 1>;
  V core[kCore];
  merge_pairs<K, N, (K - 1) / 2>(pairs, core);
  result[0] = network::select<kCore, N, kRank>(core, above);
  result[1] = network::select<kCore, N, kRank>(core, below);
}

template <int K, int kSlices, class T>
static bool median_box(const MedianBand<T>& band) {
  using V = Vec<T>;
  constexpr int N = kSlices == 1 ? K : K * K, kPairs = (K - 1) / 2, kPlanes = kSlices == 1 ? 1 : K + 1;
  constexpr std::int64_t kLanes = V::size, kAhead = 8;
  // An odd row is read by the step that makes it and by the next one, an even row by the next (K + 1) / 2 pairs of
  // rows.
  V even[kPairs + 1][kSlices][N], odd[kSlices][N], pairs[kPairs][kSlices][kCount<K, N, 2>];
  alignas(64) T extended[kPlanes][kLanes + K] = {};
  const std::int64_t width = band.width, left = -band.first, lanes = width < kLanes ? width : kLanes;
  const std::int64_t rows = (band.height + 1) / 2 * 2 + K - 1;

  for (std::int64_t column = 0; column < width; column += kLanes) {
    // The last column overlaps the one before it rather than being narrower.
    const std::int64_t x = column + lanes <= width ? column : width - lanes;
    const bool inside = lanes == kLanes && x >= left && x - left + kLanes + K - 1 <= width;
    std::int64_t outside[K - 1];
    for (std::int64_t i = 0; i < K - 1; ++i)
      outside[i] = border_index(i < left ? x - left + i : x + lanes - left + i, width, band.border);

    for (std::int64_t row = 0; row < rows; ++row) {
      const T* window[kPlanes];
      for (int p = 0; p < kPlanes; ++p) {
        const T* const from = band.rows[row * kPlanes + p];
        prefetch(from + x + 2 * kLanes);
        if (inside) {
          window[p] = from + x - left;
          continue;
        }
        T* const to = extended[p];
        if (lanes == kLanes) V::load(from + x).store(to + left);
        else std::memcpy(to + left, from, static_cast<std::size_t>(lanes) * sizeof(T));
        for (std::int64_t i = 0; i < K - 1; ++i)
          to[i < left ? i : lanes + i] = outside[i] < 0 ? band.cval : from[outside[i]];
        window[p] = to;
      }
      if constexpr (std::is_floating_point_v<T>) {
        V sum = V::load(window[0] + left);
        for (int p = 1; p < kPlanes; ++p) sum = sum + V::load(window[p] + left);
        if (has_nan(sum)) return false;
      }
      if (row % 2 == 0) {
        V(*lists)[N] = even[row / 2 % (kPairs + 1)];
        row_lists<K, kSlices>(window, lists);
        if (row == 0) continue;
        for (int s = 0; s < kSlices; ++s) merge_pair<K, N>(odd[s], lists[s], pairs[(row / 2 - 1) % kPairs][s]);
        continue;
      }
      row_lists<K, kSlices>(window, odd);
      if (row < K) continue;
      const std::int64_t step = (row - K) / 2;
      for (int s = 0; s < kSlices; ++s) {
        if (band.out[s] == nullptr) continue;
        const V* window_pairs[kPairs];
        for (int i = 0; i < kPairs; ++i) window_pairs[i] = pairs[(step + i) % kPairs][s];
        V result[2];
        medians<K, N>(window_pairs, even[step % (kPairs + 1)][s], odd[s], result);
        for (std::int64_t i = 0; i < 2 && 2 * step + i < band.height; ++i) {
          T* const to = band.out[s] + (2 * step + i) * band.out_stride + x;
          // Misaligned stores touch two lines. A store that waits for its line holds up those to the lists.
          prefetch(to + kAhead * band.out_stride);
          prefetch(to + kAhead * band.out_stride + kLanes);
          if (lanes == kLanes) {
            result[i].store(to);
          } else {
            alignas(64) T narrow[kLanes];
            result[i].store(narrow);
            std::memcpy(to, narrow, static_cast<std::size_t>(lanes) * sizeof(T));
          }
        }
      }
    }
  }
  return true;
}

// The median of three sorted rows is that of the largest low, the median middle and the smallest high value.
template <class V>
CORMACK_HD V median_3(V a, V b, V c) {
  return max(min(a, b), min(max(a, b), c));
}

// The columns of rows from x on, one vector wide, extended by what lies beside the image.
template <class T>
CORMACK_HD void extend_columns(const MedianBand<T>& band, const T* const* rows, std::int64_t count, std::int64_t x,
                               T (*extended)[2 * Vec<T>::size]) {
  constexpr std::int64_t kLanes = Vec<T>::size;
  const std::int64_t left = -band.first;
  std::int64_t outside[2];
  for (std::int64_t i = 0; i < 2; ++i)
    outside[i] = border_index(i < left ? x - left + i : x + kLanes - left + i, band.width, band.border);
  for (std::int64_t r = 0; r < count; ++r) {
    Vec<T>::load(rows[r] + x).store(extended[r] + left);
    for (std::int64_t i = 0; i < 2; ++i)
      extended[r][i < left ? i : kLanes + i] = outside[i] < 0 ? band.cval : rows[r][outside[i]];
  }
}

// The medians of `rows` rows, an even number, of the columns whose windows start at `at` in each row; false for NaN.
template <class T>
CORMACK_HD bool median_3x3_columns(const T* const* window, std::int64_t at, std::int64_t left, std::int64_t rows, T* to,
                                   std::int64_t out_stride) {
  using V = Vec<T>;
  V a[3], b[3], c[3], d[3];
  sorted_row<3>(window[0] + at, a);
  sorted_row<3>(window[1] + at, b);
  [[maybe_unused]] V sum = V::load(window[0] + at + left) + V::load(window[1] + at + left);
  for (std::int64_t i = 2; i < rows + 2; i += 2) {
    sorted_row<3>(window[i] + at, c);
    sorted_row<3>(window[i + 1] + at, d);
    if constexpr (std::is_floating_point_v<T>)
      sum = sum + V::load(window[i] + at + left) + V::load(window[i + 1] + at + left);
    const V low = max(b[0], c[0]), high = min(b[2], c[2]), lesser = min(b[1], c[1]), greater = max(b[1], c[1]);
    median_3(max(low, a[0]), max(lesser, min(greater, a[1])), min(high, a[2])).store(to);
    to += out_stride;
    median_3(max(low, d[0]), max(lesser, min(greater, d[1])), min(high, d[2])).store(to);
    to += out_stride;
    CORMACK_UNROLL
    for (int k = 0; k < 3; ++k) a[k] = c[k], b[k] = d[k];
  }
  if constexpr (std::is_floating_point_v<T>) return !has_nan(sum);
  return true;
}

// 3 x 3 costs little more than its memory: along whole rows, a few at a time, so that the processor foresees all loads
// and stores.
template <class T>
static bool median_3x3(const MedianBand<T>& band) {
  constexpr std::int64_t kLanes = Vec<T>::size, kRows = 4;
  if (band.height < 2 || band.width < kLanes) return median_box<3, 1, T>(band);
  const std::int64_t rows = band.height < kRows ? band.height / 2 * 2 : kRows, left = -band.first;
  const std::int64_t last = band.width - kLanes;
  alignas(64) T extended[3][kRows + 2][2 * kLanes] = {};
  const T* narrow[3][kRows + 2];
  for (int i = 0; i < 3; ++i) {
    for (std::int64_t r = 0; r < kRows + 2; ++r) narrow[i][r] = extended[i][r];
  }

  for (std::int64_t row = 0; row < band.height; row += rows) {
    // The last rows overlap the ones before them rather than being fewer.
    const std::int64_t y = row + rows <= band.height ? row : band.height - rows;
    const T* const* const from = band.rows + y;
    T* const to = band.out[0] + y * band.out_stride;
    // Long before they are read: a load has to wait for the stores that it overlaps.
    extend_columns(band, from, rows + 2, 0, extended[0]);
    extend_columns(band, from, rows + 2, last, extended[1]);
    // Vectors overlap where that keeps the stores from straddling two lines of the result.
    std::int64_t x = kLanes - static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(to) / sizeof(T)) % kLanes;
    if (x < left) x = kLanes;
    bool numbers = true;
    for (; x - left + kLanes + 2 <= band.width; x += kLanes)
      numbers &= median_3x3_columns(from, x - left, left, rows, to + x, band.out_stride);
    for (; x < last; x += kLanes) {
      extend_columns(band, from, rows + 2, x, extended[2]);
      numbers &= median_3x3_columns(narrow[2], 0, left, rows, to + x, band.out_stride);
    }
    numbers &= median_3x3_columns(narrow[0], 0, left, rows, to, band.out_stride);
    numbers &= median_3x3_columns(narrow[1], 0, left, rows, to + last, band.out_stride);
    if (!numbers) return false;
  }
  return true;
}

#define CORMACK_BOXES(K, kSlices)                                                                                      \
  {median_box<K, kSlices, std::uint8_t>, median_box<K, kSlices, std::int8_t>,   median_box<K, kSlices, std::uint16_t>, \
   median_box<K, kSlices, std::int16_t>, median_box<K, kSlices, std::uint32_t>, median_box<K, kSlices, std::int32_t>,  \
   median_box<K, kSlices, float>,        median_box<K, kSlices, double>}

extern const MedianRows median_rows;
const MedianRows median_rows{
    {median_3x3<std::uint8_t>, median_3x3<std::int8_t>, median_3x3<std::uint16_t>, median_3x3<std::int16_t>,
     median_3x3<std::uint32_t>, median_3x3<std::int32_t>, median_3x3<float>, median_3x3<double>},
    CORMACK_BOXES(5, 1),
    CORMACK_BOXES(7, 1),
    CORMACK_BOXES(3, 2),
    CORMACK_BOXES(5, 2),
};

}  // namespace cormack::CORMACK_ISA
