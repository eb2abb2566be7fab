#include "enhance/histogram.hpp"

#include <cmath>
#include <limits>
#include <string>

#include "core/check.hpp"
#include "enhance/histogram_rows.hpp"
#include "enhance/tally.hpp"
#include "pointwise/map_rows.hpp"

namespace cormack {
namespace {

constexpr std::int64_t kFew = 1 << 15, kNarrow = 1 << 14;

using Mask = std::optional<View<const std::uint8_t>>;

// Every value of an 8 or 16 bit type. U: its unsigned form; the tables are in the order of the values.
template <class T>
void count_small(const View<const T>& image, const Mask& mask, std::int64_t first, std::int64_t size,
                 std::int64_t* counts, Context context) {
  using U = std::make_unsigned_t<T>;
  const View<const U> bits{reinterpret_cast<const U*>(image.data), image.shape, image.stride};
  constexpr std::int64_t values = std::int64_t{std::numeric_limits<U>::max()} + 1;
  constexpr std::int64_t lowest = std::numeric_limits<T>::min();
  const bool whole = first == lowest && size == values;
  const Scratch<std::int64_t> own(whole ? 0 : values);
  std::int64_t* all = whole ? counts : own.data();
  if (!whole) std::memset(all, 0, static_cast<std::size_t>(values) * sizeof(std::int64_t));
  if constexpr (sizeof(T) == 1)
    tally_image(bits, mask, values, 8, all, values, context, count_bytes < lowest == 0 ? 0 : 0x80 >);
  else tally_image(bits, mask, values, 2, all, values, context, count_words < lowest == 0 ? 0 : 0x8000 >);
  if (whole) return;
  const std::int64_t begin = std::max<std::int64_t>(0, lowest - first);
  const std::int64_t end = std::min(size, lowest + values - first);
  for (std::int64_t i = begin; i < end; ++i) counts[i] += all[first + i - lowest];
}

template <class T>
void count_large(const View<const T>& image, const Mask& mask, std::int64_t first, std::int64_t size,
                 std::int64_t* counts, Context context) {
  // The spare bin takes what lies outside.
  tally_image(image, mask, size + 1, 1, counts, size, context,
              [=](const T* values, std::int64_t n, std::uint32_t* table) {
                for (std::int64_t i = 0; i < n; ++i) {
                  const std::int64_t index = static_cast<std::int64_t>(values[i]) - first;
                  table[index >= 0 && index < size ? index : size]++;
                }
              });
}

// Counts bin numbers, of which `bins` is the spare one.
void count_bins(const std::int32_t* bin, std::int64_t n, std::uint32_t* table, std::int64_t bins, int tables) {
  std::uint32_t* const a = table;
  std::uint32_t* const b = tables > 1 ? table + bins + 1 : table;
  std::uint32_t* const c = tables > 1 ? table + 2 * (bins + 1) : table;
  std::uint32_t* const d = tables > 1 ? table + 3 * (bins + 1) : table;
  std::int64_t i = 0;
  for (; i + 4 <= n; i += 4) {
    a[bin[i]]++;
    b[bin[i + 1]]++;
    c[bin[i + 2]]++;
    d[bin[i + 3]]++;
  }
  for (; i < n; ++i) a[bin[i]]++;
}

// True if the arithmetic finds the bin of every value up to one, and says when it may be wrong: it never decreases, so
// what it gives for the edges bounds what it gives between them.
template <class F>
bool plan(const double* edges, std::int64_t bins, BinFormula<F>& f, F* padded) {
  constexpr std::int64_t most = sizeof(F) == 4 ? 65536 : std::int64_t{1} << 30;
  if (bins > most) return false;
  f.first = static_cast<F>(edges[0]);
  f.last = static_cast<F>(edges[bins]);
  f.scale = static_cast<F>(bins) / (f.last - f.first);
  f.bins = static_cast<std::int32_t>(bins);
  f.top = static_cast<F>(bins) - F(0.5);
  F worst = 0;
  for (std::int64_t i = 0; i <= bins; ++i) {
    const F edge = static_cast<F>(edges[i]);
    if (static_cast<double>(edge) != edges[i]) return false;
    const F error = std::abs((edge - f.first) * f.scale - static_cast<F>(i));
    if (!(error < F(0.4))) return false;
    worst = std::max(worst, error);
    padded[i] = edge;
  }
  // A margin for the rounding of this very computation.
  f.half_gap = F(0.5) - worst - static_cast<F>(bins) * std::numeric_limits<F>::epsilon();
  padded[0] = -std::numeric_limits<F>::infinity();
  padded[bins] = padded[bins + 1] = std::numeric_limits<F>::infinity();
  f.edges = padded;
  return f.half_gap > F(0.05);
}

template <class T, class F, class Row>
void run_planned(const View<const T>& image, const Mask& mask, const BinFormula<F>& f, std::int64_t* counts,
                 Context context, Row row) {
  const std::int64_t bins = f.bins;
  const int tables = bins <= kManyTables ? 4 : 1;
  tally_image(image, mask, bins + 1, tables, counts, bins, context,
              [=](const T* values, std::int64_t n, std::uint32_t* table) {
                alignas(64) std::int32_t bin[kBlockValues];
                row(values, n, f, bin);
                count_bins(bin, n, table, bins, tables);
              });
}

template <class T>
std::int64_t searched_bin(T from, const double* edges, std::int64_t bins) {
  const double value = static_cast<double>(from);
  const bool counted = value >= edges[0] && value <= edges[bins];
  const std::int64_t above = std::upper_bound(edges, edges + bins + 1, value) - edges;
  return counted ? std::min(above, bins) - 1 : bins;
}

template <class T>
void run_searching(const View<const T>& image, const Mask& mask, const double* edges, std::int64_t bins,
                   std::int64_t* counts, Context context) {
  tally_image(image, mask, bins + 1, 1, counts, bins, context,
              [=](const T* values, std::int64_t n, std::uint32_t* table) {
                for (std::int64_t i = 0; i < n; ++i) table[searched_bin(values[i], edges, bins)]++;
              });
}

// Sums of fixed parts of the image, added up in their order.
template <class T>
void run_weighted(View<const T> image, Mask mask, const Image& weights, const double* edges,
                  const BinFormula<double>* planned, std::int64_t bins, double* sums, Context context) {
  const auto of_weights = [&](auto w) {
    using W = decltype(w);
    View<const W> weight = weights.view<const W>();
    if (mask) flatten_where_contiguous(image, weight, *mask);
    else flatten_where_contiguous(image, weight);
    const Blocks blocks(image.shape);
    const std::int64_t most = std::clamp<std::int64_t>((std::int64_t{1} << 22) / (bins + 1), 1, 64);
    const std::int64_t grain = std::max(blocks.grain(), (blocks.count() + most - 1) / most);
    const std::int64_t parts = (blocks.count() + grain - 1) / grain, size = bins + 1;
    const Scratch<double> table(parts * size);
    const auto load = map_rows().load.template get<W>();
    const auto bin_row = histogram_rows().f64.get<T>();
    parallel_for(parts, 1, context.workers, [&](std::int64_t begin, std::int64_t end) {
      BlockReader<T> values(image, mask ? &*mask : nullptr);
      BlockReader<W> factors(weight, mask ? &*mask : nullptr);
      alignas(64) double factor[kBlockValues];
      alignas(64) std::int32_t bin[kBlockValues];
      for (std::int64_t part = begin; part < end; ++part) {
        double* own = table.data() + part * size;
        std::memset(own, 0, static_cast<std::size_t>(size) * sizeof(double));
        for (std::int64_t i = part * grain; i < std::min((part + 1) * grain, blocks.count()); ++i) {
          const auto read = values.read(blocks[i]);
          load(factors.read(blocks[i]).data, factor, read.n);
          if (planned != nullptr) bin_row(read.data, read.n, *planned, bin);
          for (std::int64_t k = 0; k < read.n; ++k)
            own[planned != nullptr ? bin[k] : searched_bin(read.data[k], edges, bins)] += factor[k];
        }
      }
    });
    for (std::int64_t part = 0; part < parts; ++part) {
      for (std::int64_t i = 0; i < bins; ++i) sums[i] += table[part * size + i];
    }
  };
  dispatch(weights.dtype, of_weights);
}

void check_edges(const char* function, const double* edges, std::int64_t bins) {
  if (bins < 1) throw std::invalid_argument(std::string(function) + ": needs at least one bin");
  for (std::int64_t i = 0; i < bins; ++i) {
    if (!(edges[i] <= edges[i + 1])) throw std::invalid_argument(std::string(function) + ": edges must not decrease");
  }
}

}  // namespace

namespace cpu {

void histogram(const Image& image, const Image* mask, const double* edges, std::int64_t bins, std::int64_t* counts,
               Context context) {
  check_mask("histogram", image, mask);
  check_edges("histogram", edges, bins);
  Mask inside;
  if (mask != nullptr) inside = mask->view<const std::uint8_t>();
  if (image.dtype == DType::f32) {
    const Scratch<float> padded(bins + 2);
    BinFormula<float> f;
    if (plan(edges, bins, f, padded.data()))
      return run_planned(image.view<const float>(), inside, f, counts, context, histogram_rows().f32);
  }
  const Scratch<double> padded(bins + 2);
  BinFormula<double> f;
  const bool planned = plan(edges, bins, f, padded.data());
  dispatch(image.dtype, [&](auto t) {
    using T = decltype(t);
    const auto view = image.view<const T>();
    if (planned) run_planned(view, inside, f, counts, context, histogram_rows().f64.get<T>());
    else run_searching(view, inside, edges, bins, counts, context);
  });
}

void weighted_histogram(const Image& image, const Image* mask, const Image& weights, const double* edges,
                        std::int64_t bins, double* sums, Context context) {
  check_mask("weighted_histogram", image, mask);
  check_edges("weighted_histogram", edges, bins);
  check_one_shape("weighted_histogram", image, weights);
  Mask inside;
  if (mask != nullptr) inside = mask->view<const std::uint8_t>();
  const Scratch<double> padded(bins + 2);
  BinFormula<double> f;
  const bool planned = plan(edges, bins, f, padded.data());
  dispatch(image.dtype, [&](auto t) {
    run_weighted(image.view<const decltype(t)>(), inside, weights, edges, planned ? &f : nullptr, bins, sums, context);
  });
}

void value_counts(const Image& image, const Image* mask, std::int64_t first, std::int64_t size, std::int64_t* counts,
                  Context context) {
  if (size < 0) throw std::invalid_argument("value_counts: `size` must not be negative");
  check_mask("value_counts", image, mask);
  Mask inside;
  if (mask != nullptr) inside = mask->view<const std::uint8_t>();
  dispatch(image.dtype, [&](auto t) {
    using T = decltype(t);
    const auto view = image.view<const T>();
    if constexpr (std::is_floating_point_v<T>) {
      throw std::invalid_argument("value_counts: `image` must have an integer dtype");
    } else {
      // To clear and to read tables of every value takes longer than to count the few of a small region.
      const bool few = sizeof(T) == 2 && size <= kNarrow && image.size() <= kFew;
      if constexpr (sizeof(T) <= 2)
        if (!few) return count_small(view, inside, first, size, counts, context);
      count_large(view, inside, first, size, counts, context);
    }
  });
}

}  // namespace cpu
}  // namespace cormack
