// The compare-exchange networks behind median_filter, on zeros and ones: a network that orders all of those orders
// everything (D. E. Knuth, TAOCP 3, 5.3.4, theorem Z).
//
// Where all 2^n inputs are too many the proof is a composition. Rows are sorted by networks checked on all inputs, so
// that a window is given by the number of ones in each of its rows. A merge of sorted lists is checked on all pairs of
// sorted lists of zeros and ones. Between merges a plan drops ranks of a part of the window, and only those that cannot
// become the wanted one: r values are dropped at the bottom of a list when so few values are missing that they have
// the wanted rank or more above them, which is also true of the window with -infinity in their place, and so for the
// top. That bookkeeping is checked on windows whose number of ones is just enough, or one too small, to make the
// wanted rank a one, however they are spread.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "core/isa.hpp"
#include "core/scratch.hpp"
#include "filters/median_filter.hpp"
#include "filters/median_network.hpp"
#include "filters/rank_tree_plan.hpp"

namespace {

using cormack::Scratch;

void require(bool condition, const char* what, int a = 0, int b = 0, int c = 0, int d = 0) {
  if (condition) return;
  std::fprintf(stderr, "failed: %s %d %d %d %d\n", what, a, b, c, d);
  std::exit(1);
}

template <int N>
void sorts_everything() {
  for (int input = 0; input < 1 << N; ++input) {
    int v[N], ones = 0;
    for (int i = 0; i < N; ++i) ones += v[i] = input >> i & 1;
    cormack::network::sort<N>(v);
    for (int i = 0; i < N; ++i) require(v[i] == (i >= N - ones), "sort", N, input);
  }
}

// Sorted lists of A and B values with every number of ones.
template <int A, int B>
void merges_and_selects_everything() {
  for (int p = 0; p <= A; ++p) {
    for (int q = 0; q <= B; ++q) {
      int a[A], b[B], out[A + B];
      for (int i = 0; i < A; ++i) a[i] = i >= A - p;
      for (int i = 0; i < B; ++i) b[i] = i >= B - q;
      cormack::network::merge<A, 1, B, 1>(a, b, out);
      for (int i = 0; i < A + B; ++i) require(out[i] == (i >= A + B - p - q), "merge", A, B, p, q);
      constexpr int kRank = (A + B) / 2;
      require(cormack::network::select<A, B, kRank>(a, b) == (kRank >= A + B - p - q), "select", A, B, p, q);
    }
  }
}

// The middle of sorted lists of A, B and C values, by a merge of the first two of which only the ranks that can become
// it are kept.
template <int A, int B, int C>
void merged_and_then_selected() {
  constexpr int kTotal = A + B + C, kLow = cormack::network::lowest(kTotal, A + B);
  constexpr int kCount = cormack::network::highest(kTotal, A + B) - kLow + 1;
  for (int p = 0; p <= A; ++p) {
    for (int q = 0; q <= B; ++q) {
      for (int r = 0; r <= C; ++r) {
        int a[A], b[B], c[C], out[A + B];
        for (int i = 0; i < A; ++i) a[i] = i >= A - p;
        for (int i = 0; i < B; ++i) b[i] = i >= B - q;
        for (int i = 0; i < C; ++i) c[i] = i >= C - r;
        cormack::network::merge<A, 1, B, 1>(a, b, out);
        require(
            cormack::network::select<kCount, C, kTotal / 2 - kLow>(out + kLow, c) == (kTotal / 2 >= kTotal - p - q - r),
            "merge and select", A, B, p, q);
      }
    }
  }
}

template <int... i>
void small_networks(std::integer_sequence<int, i...>) {
  (sorts_everything<i + 2>(), ...);
  (merges_and_selects_everything<i / 6 + 1, i % 6 + 1>(), ...);
}

// The merges of a plan, all lanes at work.
void merges_of_a_plan(const cormack::TreePlan& plan) {
  const cormack::TreePlanView view = plan.view();
  const cormack::RankTreeRows& kernels = cormack::rank_tree_rows();
  const std::int64_t lanes = kernels.vector_bytes;
  for (std::int32_t index = 0; index < plan.merges(); ++index) {
    const cormack::Merge& m = view.merge[index];
    const Scratch<std::uint8_t> a(m.a * lanes), b(m.b * lanes), out(m.room * lanes);
    const std::int64_t cases = static_cast<std::int64_t>(m.a + 1) * (m.b + 1);
    for (std::int64_t first = 0; first < cases; first += lanes) {
      const auto ones = [&](std::int64_t lane) {
        const std::int64_t i = (first + lane) % cases;
        return std::pair{i % (m.a + 1), i / (m.a + 1)};
      };
      for (std::int64_t lane = 0; lane < lanes; ++lane) {
        const auto [p, q] = ones(lane);
        for (std::int64_t i = 0; i < m.a; ++i) a[i * lanes + lane] = i >= m.a - p;
        for (std::int64_t i = 0; i < m.b; ++i) b[i * lanes + lane] = i >= m.b - q;
      }
      kernels.merge_u8(view, index, a.data(), b.data(), out.data());
      for (std::int64_t lane = 0; lane < lanes; ++lane) {
        const auto [p, q] = ones(lane);
        for (std::int64_t i = 0; i < m.count; ++i)
          require(out[i * lanes + lane] == (m.low + i >= m.a + m.b - p - q), "planned merge", m.a, m.b, m.low, m.count);
      }
    }
  }
}

void planned_merges() {
  // Every window of ranks of the union of small lists.
  for (std::int32_t a = 1; a <= 10; ++a) {
    for (std::int32_t b = 1; b <= 10; ++b) {
      cormack::TreePlan plan({1, 1, 1}, 0);
      for (std::int32_t low = 0; low < a + b; ++low) {
        for (std::int32_t high = low + 1; high <= a + b; ++high) plan.merge(a, b, low, high);
      }
      merges_of_a_plan(plan);
    }
  }
  for (std::int32_t k = 2; k <= 25; ++k) merges_of_a_plan(cormack::TreePlan({1, k, k}, k * k / 2));
  for (std::int32_t k = 2; k <= 9; ++k) merges_of_a_plan(cormack::TreePlan({k, k, k}, k * k * k / 2));
  merges_of_a_plan(cormack::TreePlan({1, 31, 31}, 480));
  merges_of_a_plan(cormack::TreePlan({3, 5, 7}, 10));
}

// Windows side by side; next() yields the number of ones of each of their rows.
template <class Next>
void medians_of_windows(std::int64_t depth, std::int64_t height, std::int64_t width, std::int64_t windows, Next next) {
  const std::int64_t rows = depth * height, pitch = windows * width, total = rows * width;
  std::vector<std::uint8_t> image(static_cast<std::size_t>(rows * pitch)), result(image.size());
  std::vector<std::int64_t> sums(static_cast<std::size_t>(windows)), ones(static_cast<std::size_t>(rows));
  for (std::int64_t w = 0; w < windows; ++w) {
    next(ones.data());
    for (std::int64_t row = 0; row < rows; ++row) {
      const std::int64_t count = ones[static_cast<std::size_t>(row)];
      sums[static_cast<std::size_t>(w)] += count;
      std::memset(image.data() + row * pitch + w * width, 1, static_cast<std::size_t>(count));
    }
  }
  cormack::RankWindow window;
  window.size = {depth, height, width};
  const auto view = [&](std::vector<std::uint8_t>& data) {
    return cormack::Image{data.data(), cormack::DType::u8, 3, {depth, height, pitch}, {height * pitch, pitch, 1}};
  };
  cormack::cpu::median_filter(view(image), view(result), window, {});
  const std::uint8_t* const middle = result.data() + (depth / 2 * height + height / 2) * pitch + width / 2;
  for (std::int64_t w = 0; w < windows; ++w) {
    require(middle[w * width] == (total / 2 >= total - sums[static_cast<std::size_t>(w)]), "window",
            static_cast<int>(depth), static_cast<int>(width), static_cast<int>(w));
  }
}

// All numbers of ones in all rows.
void every_window(std::int64_t depth, std::int64_t k) {
  std::int64_t windows = 1;
  for (std::int64_t row = 0; row < depth * k; ++row) windows *= k + 1;
  std::int64_t number = 0;
  const std::int64_t part = 1 << 16;
  for (std::int64_t done = 0; done < windows; done += part) {
    medians_of_windows(depth, k, k, std::min(part, windows - done), [&](std::int64_t* ones) {
      std::int64_t digits = number++;
      for (std::int64_t row = 0; row < depth * k; ++row, digits /= k + 1) ones[row] = digits % (k + 1);
    });
  }
}

// Windows with just enough ones, or one too few, spread evenly or unevenly.
void critical_windows(std::int64_t depth, std::int64_t height, std::int64_t width) {
  std::mt19937 random(static_cast<unsigned>(depth * 10000 + height * 100 + width));
  const std::int64_t rows = depth * height, total = rows * width;
  std::vector<std::int64_t> open;
  medians_of_windows(depth, height, width, 3000, [&](std::int64_t* ones) {
    const std::int64_t wanted = total - total / 2 - static_cast<std::int64_t>(random() % 2);
    const std::int64_t step = 1 + static_cast<std::int64_t>(random() % static_cast<unsigned>(width));
    open.resize(static_cast<std::size_t>(rows));
    for (std::int64_t row = 0; row < rows; ++row) ones[row] = 0, open[static_cast<std::size_t>(row)] = row;
    for (std::int64_t left = wanted; left > 0;) {
      const std::size_t at = random() % open.size();
      const std::int64_t row = open[at], more = std::min({step, left, width - ones[row]});
      ones[row] += more;
      left -= more;
      if (ones[row] == width) open.erase(open.begin() + static_cast<std::ptrdiff_t>(at));
    }
  });
}

}  // namespace

int main() {
  small_networks(std::make_integer_sequence<int, 12>{});
  merges_and_selects_everything<9, 9>();
  merges_and_selects_everything<6, 3>();
  merges_and_selects_everything<10, 10>();
  merges_and_selects_everything<20, 5>();
  merges_and_selects_everything<25, 25>();
  // Of the GPU's kernels.
  merges_and_selects_everything<7, 7>();
  merges_and_selects_everything<14, 7>();
  merges_and_selects_everything<14, 14>();
  merges_and_selects_everything<50, 50>();
  merged_and_then_selected<10, 10, 5>();
  merged_and_then_selected<14, 14, 21>();
  merged_and_then_selected<50, 50, 25>();
  for (const std::string& isa : cormack::available_isas()) {
    cormack::use_isa(isa);
    planned_merges();
    every_window(1, 3);
    every_window(1, 5);
    every_window(3, 3);
    for (std::int64_t k = 2; k <= 33; ++k) critical_windows(1, k, k);
    for (std::int64_t k = 2; k <= 9; ++k) critical_windows(k, k, k);
    critical_windows(3, 5, 7);
    critical_windows(1, 40, 9);
    critical_windows(1, 9, 40);
  }
  every_window(1, 7);
  std::puts("median networks: ok");
}
