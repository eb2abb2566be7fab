#include "enhance/quantiles.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "core/check.hpp"
#include "enhance/histogram.hpp"
#include "enhance/quantiles_rows.hpp"
#include "enhance/tally.hpp"

namespace cormack {
namespace {

constexpr int kMost = 64;
constexpr std::int64_t kWords = 65536;

// Ranks of n sorted values between which quantiles lie, two for each.
std::vector<std::int64_t> ranks_of(const double* q, int count, std::int64_t n) {
  std::vector<std::int64_t> ranks;
  for (int i = 0; i < count; ++i) {
    const auto below = static_cast<std::int64_t>(static_cast<double>(n - 1) * q[i]);
    ranks.push_back(below);
    ranks.push_back(std::min(below + 1, n - 1));
  }
  return ranks;
}

template <class T>
std::int64_t of_counts(const Image& image, const Image* mask, const double* q, int count, double* const* results,
                       Context context) {
  constexpr std::int64_t low = std::numeric_limits<T>::min();
  constexpr std::int64_t size = std::numeric_limits<T>::max() - low + 1;
  std::vector<std::int64_t> up_to(static_cast<std::size_t>(size));
  cpu::value_counts(image, mask, low, size, up_to.data(), context);
  for (std::size_t i = 1; i < up_to.size(); ++i) up_to[i] += up_to[i - 1];
  const std::int64_t n = up_to.back();
  if (n == 0) return 0;
  const auto ranks = ranks_of(q, count, n);
  for (std::size_t i = 0; i < ranks.size(); ++i)
    results[i % 2][i / 2] =
        static_cast<double>(low + (std::upper_bound(up_to.begin(), up_to.end(), ranks[i]) - up_to.begin()));
  return n;
}

// Radix selection: the upper words of all values are counted; then, for each word in which a wanted rank lies, the next
// words of the values that begin with it, and so on.
template <class T>
class Selection {
  using Key = KeyOf<T>;
  static constexpr int kLevels = sizeof(T) / 2;

 public:
  Selection(View<const T> image, std::optional<View<const std::uint8_t>> mask, Context context)
      : image_(image), mask_(mask), context_(context), counts_(kWords) {
    const auto top_words = quantiles_rows().get<T>();
    tally_image(image_, mask_, kWords, 2, counts_.data(), kWords, context_,
                [=](const T* values, std::int64_t n, std::uint32_t* table) {
                  alignas(64) std::uint16_t words[kBlockValues];
                  top_words(values, n, words);
                  count_words(words, n, table);
                });
    if constexpr (std::is_floating_point_v<T>) counts_.back() = 0;  // NaN
    for (const std::int64_t c : counts_) n_ += c;
  }

  std::int64_t count() const { return n_; }

  // ranks[i] becomes the value of that rank.
  std::vector<double> values(const std::vector<std::int64_t>& ranks) {
    wanted_.clear();
    for (const std::int64_t rank : ranks) wanted_.push_back({rank, 0, 0});
    children_.clear();
    descend();
    for (int level = 1; level < kLevels; ++level) {
      count_next(level);
      descend();
    }
    std::vector<double> result;
    result.reserve(wanted_.size());
    for (const Wanted& w : wanted_) result.push_back(static_cast<double>(value_of<T>(w.key)));
    return result;
  }

 private:
  struct Wanted {
    std::int64_t rank;  // among the values that begin with `key`
    Key key;
    std::int64_t node;  // which of the tables in counts_
  };

  // Finds the next word of every wanted key in counts_, and numbers the words found.
  void descend() {
    std::vector<std::uint8_t> child(counts_.size());
    std::int64_t nodes = 0;
    for (Wanted& w : wanted_) {
      std::int64_t word = 0;
      const std::int64_t* counts = counts_.data() + w.node * kWords;
      while (w.rank >= counts[word]) w.rank -= counts[word++];
      std::uint8_t& number = child[static_cast<std::size_t>(w.node * kWords + word)];
      if (number == 0) number = static_cast<std::uint8_t>(++nodes);
      w.node = number - 1;
      w.key = static_cast<Key>(w.key << 16) | static_cast<Key>(word);
    }
    children_.push_back(std::move(child));
    nodes_ = nodes;
  }

  void count_next(int level) {
    counts_.assign(static_cast<std::size_t>(nodes_ * kWords), 0);
    const auto top_words = quantiles_rows().get<T>();
    tally_image(image_, mask_, nodes_ * kWords, 1, counts_.data(), nodes_ * kWords, context_,
                [&, top_words, level](const T* values, std::int64_t n, std::uint32_t* table) {
                  alignas(64) std::uint16_t words[kBlockValues];
                  top_words(values, n, words);
                  const std::uint8_t* first = children_[0].data();
                  for (std::int64_t i = 0; i < n; ++i) {
                    std::int64_t node = first[words[i]];
                    if (node == 0) continue;
                    const Key key = key_of(values[i]);
                    int shift = 8 * static_cast<int>(sizeof(T)) - 32;
                    for (int k = 1; k < level; ++k, shift -= 16) {
                      const auto word = static_cast<std::int64_t>(key >> shift & 65535);
                      node =
                          children_[static_cast<std::size_t>(k)][static_cast<std::size_t>((node - 1) * kWords + word)];
                      if (node == 0) break;
                    }
                    if (node != 0) table[(node - 1) * kWords + static_cast<std::int64_t>(key >> shift & 65535)]++;
                  }
                });
  }

  View<const T> image_;
  std::optional<View<const std::uint8_t>> mask_;
  Context context_;
  std::vector<std::int64_t> counts_;
  std::vector<std::vector<std::uint8_t>> children_;  // by level: number of the next node, from 1, or 0
  std::vector<Wanted> wanted_;
  std::int64_t n_ = 0, nodes_ = 0;
};

}  // namespace

namespace cpu {

std::int64_t quantiles(const Image& image, const Image* mask, const double* q, int count, double* below, double* above,
                       Context context) {
  check_mask("quantiles", image, mask);
  if (count < 1 || count > kMost) throw std::invalid_argument("quantiles: takes 1 to 64 quantiles");
  for (int i = 0; i < count; ++i) {
    if (!(q[i] >= 0 && q[i] <= 1)) throw std::invalid_argument("quantiles: a quantile lies in [0, 1]");
  }
  double* const results[] = {below, above};
  return dispatch(image.dtype, [&](auto t) {
    using T = decltype(t);
    if constexpr (sizeof(T) <= 2) {
      return of_counts<T>(image, mask, q, count, results, context);
    } else {
      std::optional<View<const std::uint8_t>> inside;
      if (mask != nullptr) inside = mask->view<const std::uint8_t>();
      Selection<T> selection(image.view<const T>(), inside, context);
      const std::int64_t n = selection.count();
      if (n == 0) return n;
      const auto values = selection.values(ranks_of(q, count, n));
      for (std::size_t i = 0; i < values.size(); ++i) results[i % 2][i / 2] = values[i];
      return n;
    }
  });
}

}  // namespace cpu
}  // namespace cormack
