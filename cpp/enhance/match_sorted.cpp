#include "enhance/match_sorted.hpp"

#include <algorithm>
#include <cmath>

#include "core/check.hpp"
#include "core/saturate.hpp"
#include "core/scratch.hpp"
#include "pointwise/map_blocks.hpp"

namespace cormack {
namespace {

// Values whose memory accesses are under way together.
constexpr std::int64_t kGroup = 64;

void fetch(const void* p) {
#if defined(__GNUC__)
  __builtin_prefetch(p);
#else
  static_cast<void>(p);
#endif
}

// Where values lie among sorted ones: the range of each of many equal cells, then a search inside it.
template <class S>
class Ranks {
 public:
  Ranks(const S* sorted, std::int64_t n, int workers)
      : sorted_(sorted), n_(n), cells_(std::clamp<std::int64_t>(n / 4, 1, std::int64_t{1} << 20)), start_(cells_ + 1) {
    const double width = static_cast<double>(sorted[n - 1]) - static_cast<double>(sorted[0]);
    scale_ = static_cast<double>(cells_) / width;
    if (!std::isfinite(scale_)) scale_ = 0;
    parallel_for(cells_ + 1, 1024, workers, [&](std::int64_t begin, std::int64_t end) {
      // The first value of each cell: found by a search for the first cell, by going on from there.
      const auto before = [&](const S& value, std::int64_t cell) { return cell_of(value) < cell; };
      const S* at = std::lower_bound(sorted_, sorted_ + n_, begin, before);
      for (std::int64_t cell = begin; cell < end; ++cell) {
        while (at < sorted_ + n_ && cell_of(*at) < cell) ++at;
        start_[cell] = at - sorted_;
      }
    });
  }

  std::int64_t cell_of(S value) const {
    const double position = (static_cast<double>(value) - static_cast<double>(sorted_[0])) * scale_;
    // NaN fails the comparison.
    const double inside = position > 0.0 ? position : 0.0;
    return static_cast<std::int64_t>(std::min(inside, static_cast<double>(cells_ - 1)));
  }
  void fetch_cell(std::int64_t cell) const { fetch(&start_[cell]); }
  void fetch_values(std::int64_t cell) const { fetch(sorted_ + (start_[cell] + start_[cell + 1]) / 2); }
  // rank[i]: the number of sorted values up to values[i], which lies in cell[i]. All searches of a group halve their
  // ranges together and without branches, so that none waits for another's memory.
  void search(const S* values, const std::int64_t* cell, std::int64_t* rank, std::int64_t group) const {
    std::int64_t left[kGroup], longest = 0;
    for (std::int64_t i = 0; i < group; ++i) {
      rank[i] = start_[cell[i]];
      left[i] = start_[cell[i] + 1] - rank[i];
      // Air and saturation are one value, many times.
      if (left[i] > kGroup && sorted_[rank[i]] == sorted_[rank[i] + left[i] - 1]) {
        rank[i] += sorted_[rank[i]] <= values[i] ? left[i] : 0;
        left[i] = 0;
      }
      longest = std::max(longest, left[i]);
    }
    for (; longest > 0; longest /= 2) {
      for (std::int64_t i = 0; i < group; ++i) {
        const std::int64_t half = (left[i] + 1) / 2;
        const S probe = sorted_[std::max<std::int64_t>(rank[i] + half - 1, 0)];
        rank[i] += half & -static_cast<std::int64_t>(probe <= values[i]);
        left[i] -= half;
      }
    }
  }

 private:
  const S* sorted_;
  std::int64_t n_, cells_;
  double scale_ = 0;
  Scratch<std::int64_t> start_;
};

// numpy.interp of r / n in the cumulative histogram of sorted reference values.
template <class R>
class Reference {
#if defined(__SIZEOF_INT128__)
  using Product = __int128;
#else
  using Product = std::int64_t;
#endif

 public:
  // Values equal to a reference value: a run, in which the next rank mostly lies again where values repeat.
  struct Run {
    std::int64_t first = 0, end = 0;
  };

  Reference(const R* sorted, std::int64_t m, std::int64_t n)
      : sorted_(sorted),
        m_(m),
        all_(static_cast<double>(m)),
        n_(static_cast<double>(n)),
        per_rank_(all_ / n_),
        whole_(n) {}

  // floor(r m / n), the number of reference values that are wholly passed at rank r.
  std::int64_t passed(std::int64_t r) const {
    // An estimate, put right by exact products, which is faster than to divide integers.
    auto result = static_cast<std::int64_t>(static_cast<double>(r) * per_rank_);
    while (Product{result} * whole_ > Product{r} * m_) --result;
    while (Product{result + 1} * whole_ <= Product{r} * m_) ++result;
    return result;
  }
  void fetch_value(std::int64_t passed) const { fetch(sorted_ + std::min(passed, m_ - 1)); }
  double operator()(std::int64_t r, std::int64_t passed, Run& run) const {
    if (passed >= m_) return static_cast<double>(sorted_[m_ - 1]);
    const R upper = sorted_[passed];
    if (passed < run.first || passed >= run.end) run = {first_of(upper, passed), end_of(upper, passed)};
    if (run.first == 0) return static_cast<double>(upper);
    const double x0 = static_cast<double>(run.first) / all_, x1 = static_cast<double>(run.end) / all_;
    const double y0 = static_cast<double>(sorted_[run.first - 1]), y1 = static_cast<double>(upper);
    return (y1 - y0) / (x1 - x0) * (static_cast<double>(r) / n_ - x0) + y0;
  }

 private:
  // The run of values equal to sorted_[at]: mostly short.
  std::int64_t first_of(R value, std::int64_t at) const {
    for (std::int64_t step = 1; at > 0 && sorted_[at - 1] == value; step *= 2) {
      const std::int64_t from = std::max<std::int64_t>(0, at - step);
      at = sorted_[from] == value ? from : std::lower_bound(sorted_ + from, sorted_ + at, value) - sorted_;
    }
    return at;
  }
  std::int64_t end_of(R value, std::int64_t at) const {
    std::int64_t step = 1;
    ++at;
    for (; at < m_ && sorted_[at] == value; step *= 2) {
      const std::int64_t to = std::min(m_, at + step);
      at = sorted_[to - 1] == value ? to : std::upper_bound(sorted_ + at, sorted_ + to, value) - sorted_;
    }
    return at;
  }

  const R* sorted_;
  std::int64_t m_;
  double all_, n_, per_rank_;
  std::int64_t whole_;
};

template <class S, class D, class R>
void run(const View<const S>& src, const View<D>& dst, const View<const S>& sorted, const View<const R>& reference,
         Context context) {
  const std::int64_t n = sorted.size();
  const Ranks<S> ranks(sorted.data, n, context.workers);
  const Reference<R> matched(reference.data, reference.size(), n);
  const S smallest = sorted.data[0];
  map_blocks(src, dst, context, [&](const S* values, D* results, std::int64_t count) {
    S inside[kGroup];
    std::int64_t cell[kGroup], rank[kGroup], passed[kGroup];
    typename Reference<R>::Run recent;
    for (std::int64_t begin = 0; begin < count; begin += kGroup) {
      const std::int64_t group = std::min(kGroup, count - begin);
      const S* from = values + begin;
      for (std::int64_t i = 0; i < group; ++i) {
        cell[i] = ranks.cell_of(from[i]);
        ranks.fetch_cell(cell[i]);
      }
      for (std::int64_t i = 0; i < group; ++i) {
        ranks.fetch_values(cell[i]);
        inside[i] = from[i] > smallest ? from[i] : smallest;
      }
      ranks.search(inside, cell, rank, group);
      for (std::int64_t i = 0; i < group; ++i) {
        passed[i] = matched.passed(rank[i]);
        matched.fetch_value(passed[i]);
      }
      for (std::int64_t i = 0; i < group; ++i) {
        const double value = matched(rank[i], passed[i], recent);
        if constexpr (std::is_floating_point_v<S>) {
          const double nan = static_cast<double>(from[i]);
          results[begin + i] = saturate<D>(from[i] == from[i] ? value : nan);
        } else {
          results[begin + i] = saturate<D>(value);
        }
      }
    }
  });
}

}  // namespace

namespace cpu {

void match_sorted(const Image& src, const Image& dst, const Image& sorted, const Image& reference, Context context) {
  check_one_shape("match_sorted", src, dst);
  if (sorted.dtype != src.dtype) throw std::invalid_argument("match_sorted: `sorted` must have the dtype of `src`");
  dispatch(src.dtype, [&](auto s) {
    using S = decltype(s);
    if constexpr (sizeof(S) < 4) {
      throw std::invalid_argument("match_sorted: `src` must have at least 4 bytes per value");
    } else {
      const auto to = [&](auto d) {
        using D = decltype(d);
        const auto by = [&](auto r) {
          using R = decltype(r);
          const auto values = sorted.view<const S>();
          const auto references = reference.view<const R>();
          if (values.size() == 0 || references.size() == 0 || !values.contiguous() || !references.contiguous())
            throw std::invalid_argument("match_sorted: sorted values must be contiguous and some");
          run(src.view<const S>(), dst.view<D>(), values, references, context);
        };
        if (reference.dtype == DType::f32) by(float{});
        else by(double{});
      };
      if (dst.dtype == src.dtype) to(S{});
      else if (dst.dtype == DType::f32) to(float{});
      else if (dst.dtype == DType::f64) to(double{});
      else throw std::invalid_argument("match_sorted: `dst` must have the dtype of `src` or a floating one");
    }
  });
}

}  // namespace cpu
}  // namespace cormack
