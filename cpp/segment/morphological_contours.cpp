#include "segment/morphological_contours.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "core/parallel.hpp"
#include "segment/bit_image.hpp"
#include "segment/morphological_contours_rows.hpp"

namespace cormack {
namespace {

using RowOperator = void (*)(const WordRows& rows);

// Calls f(z, first row, row after the last) for ranges of rows of one slice.
template <class F>
void for_rows(const BitImage& bits, int workers, F&& f) {
  const std::int64_t height = bits.shape[1];
  parallel_for(bits.row_count(), bits.grain(), workers, [&](std::int64_t begin, std::int64_t end) {
    while (begin < end) {
      const std::int64_t z = begin / height, stop = std::min(end, (z + 1) * height);
      f(z, begin - z * height, stop - z * height);
      begin = stop;
    }
  });
}

// A level set that moves: where it is, and room for where it goes.
class Moving {
 public:
  Moving(const Image& level_set, const MorphologicalContour& settings, Context context)
      : settings_(settings),
        flat_(level_set.ndim == 2),
        workers_(context.workers),
        images_{BitImage(level_set.shape, !flat_), BitImage(level_set.shape, !flat_),
                BitImage(level_set.shape, !flat_)},
        valid_(static_cast<std::size_t>(images_[0].shape[1] * images_[0].row_stride)) {
    nonzero_bits(level_set, false, *now, workers_);
    const std::int64_t width = now->shape[2], words = now->words, stride = now->row_stride;
    for (std::int64_t y = 0; y < now->shape[1]; ++y) {
      for (std::int64_t w = 0; w < words; ++w) {
        const std::int64_t left = width - 64 * w;
        valid_[static_cast<std::size_t>(y * stride + w)] =
            left >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << left) - 1;
      }
    }
  }

  // from is not to.
  void apply(RowOperator operation, const BitImage& from, BitImage& to) const {
    for_rows(from, workers_, [&](std::int64_t z, std::int64_t begin, std::int64_t end) {
      const std::int64_t at = from.index(z, begin), stride = from.row_stride;
      operation({from.data() + at, to.data() + at, valid_.data() + begin * stride, (end - begin) * stride, stride,
                 flat_ ? 0 : from.slice_stride});
    });
  }

  // Smooths `next`, by way of `spare`.
  void smooth() {
    const auto& rows = morphological_contours_rows();
    const RowOperator inf_sup = flat_ ? rows.inf_sup_2d : rows.inf_sup_3d;
    const RowOperator sup_inf = flat_ ? rows.sup_inf_2d : rows.sup_inf_3d;
    for (int i = 0; i < settings_.smoothing; ++i) {
      apply(settings_.swapped ? sup_inf : inf_sup, *next, *spare);
      apply(settings_.swapped ? inf_sup : sup_inf, *spare, *next);
      settings_.swapped = !settings_.swapped;
    }
  }

  // The row at (z, y) of a level set, and those beside it.
  static RowCross<std::uint64_t> cross(const BitImage& bits, std::int64_t z, std::int64_t y) {
    const auto row = [&](std::int64_t zz, std::int64_t yy) {
      return bits.data() + bits.index(std::clamp<std::int64_t>(zz, 0, bits.shape[0] - 1),
                                      std::clamp<std::int64_t>(yy, 0, bits.shape[1] - 1));
    };
    return {row(z, y), row(z, y - 1), row(z, y + 1), row(z - 1, y), row(z + 1, y)};
  }

  // Copies `from` to `next` and calls f(z, y, pixels beside the contour) for rows that have such.
  template <class F>
  void attach(const BitImage& from, F&& f) {
    const auto moving = morphological_contours_rows().moving;
    for_rows(from, workers_, [&](std::int64_t z, std::int64_t begin, std::int64_t end) {
      const Scratch<std::uint64_t> beside(from.words);
      std::memcpy(next->data() + from.index(z, begin), from.data() + from.index(z, begin),
                  static_cast<std::size_t>((end - begin) * from.row_stride) * sizeof(std::uint64_t));
      for (std::int64_t y = begin; y < end; ++y) {
        if (moving({cross(from, z, y), from.shape[2]}, beside.data())) f(z, y, beside.data());
      }
    });
  }

  bool flat() const { return flat_; }

 private:
  MorphologicalContour settings_;
  bool flat_;
  int workers_;
  BitImage images_[3];
  std::vector<std::uint64_t> valid_;

 public:
  BitImage *now = &images_[0], *next = &images_[1], *spare = &images_[2];
};

// What an image adds up to inside a level set and outside: of every word and of every row.
template <class T>
class Averages {
 public:
  Averages(const View<const T>& image, const BitImage& bits, int workers)
      : image_(image),
        words_(static_cast<std::size_t>(bits.row_count() * bits.words)),
        rows_(static_cast<std::size_t>(bits.row_count())) {
    parallel_for(bits.row_count(), bits.grain(), workers, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) update(r, bits.row(r), nullptr, bits.words);
    });
  }

  // Renews a row whose bits were others; null: any.
  void update(std::int64_t r, const std::uint64_t* now, const std::uint64_t* was, std::int64_t words) {
    const auto sum = morphological_contours_rows().sum.template get<T>();
    const std::int64_t step = image_.stride[2];
    const T* row = image_.row(r / image_.shape[1], r % image_.shape[1]);
    WordSum* own = words_.data() + r * words;
    bool changed = was == nullptr;
    for (std::int64_t w = 0; w < words; ++w) {
      if (was != nullptr && now[w] == was[w]) continue;
      changed = true;
      own[w] = sum(row + 64 * w * step, step, std::min<std::int64_t>(64, image_.shape[2] - 64 * w), now[w]);
    }
    if (!changed) return;
    Total total{};
    for (std::int64_t w = 0; w < words; ++w) {
      total.inside += static_cast<Sum>(own[w].inside);
      total.outside += static_cast<Sum>(own[w].outside);
      total.count_inside += own[w].count_inside;
      total.count_outside += own[w].count_outside;
    }
    rows_[static_cast<std::size_t>(r)] = total;
  }

  // Inside and outside.
  std::pair<double, double> values() const {
    Total total{};
    for (const Total& row : rows_) {
      total.inside += row.inside;
      total.outside += row.outside;
      total.count_inside += row.count_inside;
      total.count_outside += row.count_outside;
    }
    constexpr double kNothing = 1e-8;  // for an empty side, as scikit-image
    return {static_cast<double>(total.inside) / (static_cast<double>(total.count_inside) + kNothing),
            static_cast<double>(total.outside) / (static_cast<double>(total.count_outside) + kNothing)};
  }

 private:
  using Sum = std::conditional_t<std::is_integral_v<T>, std::int64_t, double>;
  struct Total {
    Sum inside, outside;
    std::int64_t count_inside, count_outside;
  };

  View<const T> image_;
  std::vector<WordSum> words_;
  std::vector<Total> rows_;
};

template <class T>
void run_chan_vese(const View<const T>& image, Moving& level_set, const MorphologicalChanVese& settings, int workers) {
  const auto attach = morphological_contours_rows().chan_vese.template get<T>();
  Averages<T> averages(image, *level_set.now, workers);
  for (std::int64_t i = 0; i < settings.num_iter; ++i) {
    const auto [inside, outside] = averages.values();
    level_set.attach(*level_set.now, [&](std::int64_t z, std::int64_t y, const std::uint64_t* moving) {
      BitImage& next = *level_set.next;
      attach({image.row(z, y), image.stride[2], moving, next.data() + next.index(z, y), next.words, settings.lambda1,
              settings.lambda2, inside, outside});
    });
    level_set.smooth();
    const BitImage &now = *level_set.next, &was = *level_set.now;
    parallel_for(now.row_count(), now.grain(), workers, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) averages.update(r, now.row(r), was.row(r), now.words);
    });
    std::swap(level_set.now, level_set.next);
  }
}

template <class T>
void run_geodesic(const View<const T>& image, Moving& level_set, const MorphologicalGeodesic& settings,
                  const BitImage* free, int workers) {
  const auto& rows = morphological_contours_rows();
  const auto attach = [&rows] {
    if constexpr (std::is_same_v<T, float>) return rows.geodesic_f32;
    else return rows.geodesic_f64;
  }();
  const auto [depth, height, width] = image.shape;
  const auto scale = [](std::int64_t i, std::int64_t n) { return n < 2 ? 0.0 : i == 0 || i == n - 1 ? 1.0 : 0.5; };
  for (std::int64_t i = 0; i < settings.num_iter; ++i) {
    if (free != nullptr) {
      level_set.apply(settings.balloon > 0 ? rows.dilate : rows.erode, *level_set.now, *level_set.spare);
      const std::uint64_t *grown = level_set.spare->data(), *may = free->data();
      std::uint64_t* now = level_set.now->data();
      parallel_for(free->size, 65536, workers, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t w = begin; w < end; ++w) now[w] = (now[w] & ~may[w]) | (grown[w] & may[w]);
      });
    }
    level_set.attach(*level_set.now, [&](std::int64_t z, std::int64_t y, const std::uint64_t* moving) {
      BitImage& next = *level_set.next;
      const auto row = [&](std::int64_t zz, std::int64_t yy) {
        return image.row(std::clamp<std::int64_t>(zz, 0, depth - 1), std::clamp<std::int64_t>(yy, 0, height - 1));
      };
      attach({{row(z, y), row(z, y - 1), row(z, y + 1), row(z - 1, y), row(z + 1, y)},
              image.stride[2],
              Moving::cross(*level_set.now, z, y),
              moving,
              next.data() + next.index(z, y),
              width,
              scale(y, height),
              scale(z, depth)});
    });
    level_set.smooth();
    std::swap(level_set.now, level_set.next);
  }
}

void check(const Image& image, const Image& level_set, const Image& dst) {
  if (image.shape != level_set.shape || image.shape != dst.shape || image.ndim != level_set.ndim)
    throw std::invalid_argument("cormack: an image and its level sets must have one shape");
}

}  // namespace

namespace cpu {

void morphological_chan_vese(const Image& image, const Image& level_set, const Image& dst,
                             const MorphologicalChanVese& settings, Context context) {
  check(image, level_set, dst);
  if (image.size() == 0) return;
  Moving moving(level_set, settings, context);
  dispatch(image.dtype,
           [&](auto value) { run_chan_vese(image.view<const decltype(value)>(), moving, settings, context.workers); });
  expand_bits(*moving.now, dst, context.workers);
}

void morphological_geodesic_active_contour(const Image& image, const Image& level_set, const Image& dst,
                                           const MorphologicalGeodesic& settings, Context context) {
  check(image, level_set, dst);
  if (image.size() == 0) return;
  Moving moving(level_set, settings, context);
  constexpr double infinity = std::numeric_limits<double>::infinity();
  std::optional<BitImage> free;
  if (settings.balloon != 0)
    threshold_bits(image, std::nextafter(settings.threshold, infinity), infinity, nullptr,
                   free.emplace(image.shape, image.ndim == 3), context.workers);
  const auto run = [&](auto view) { run_geodesic(view, moving, settings, free ? &*free : nullptr, context.workers); };
  if (image.dtype == DType::f32) run(image.view<const float>());
  else run(image.view<const double>());
  expand_bits(*moving.now, dst, context.workers);
}

}  // namespace cpu
}  // namespace cormack
