#include "segment/seeded_region_growing.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>
#include <vector>

#include "core/check.hpp"
#include "core/scratch.hpp"
#include "segment/bucket_queue.hpp"

namespace cormack::cpu {
namespace {

// States of a pixel; regions are numbered from 1 in the order of their labels.
constexpr std::int32_t kOutside = -2, kWaiting = -1, kFree = 0;

void prefetch([[maybe_unused]] const void* address) {
#if defined(__GNUC__)
  __builtin_prefetch(address);
#endif
}

template <class T>
class Growth {
 public:
  Growth(const Image& image, int connectivity)
      : image_(image.view<const T>()),
        shape_(image.shape),
        slices_(shape_[0] > 1 ? 1 : 0),
        row_stride_(shape_[2] + 2),
        slice_stride_((shape_[1] + 2) * row_stride_),
        size_((shape_[0] + 2 * slices_) * slice_stride_),
        pixels_(size_) {
    for (int dz = -1; dz <= 1; ++dz) {
      if (dz != 0 && slices_ == 0) continue;
      for (int dy = -1; dy <= 1; ++dy) {
        if (std::abs(dz) + std::abs(dy) <= connectivity) rows_.push_back(dz * slice_stride_ + dy * row_stride_);
        for (int dx = -1; dx <= 1; ++dx) {
          const int steps = std::abs(dz) + std::abs(dy) + std::abs(dx);
          if (steps > 0 && steps <= connectivity) neighbours_.push_back(dz * slice_stride_ + dy * row_stride_ + dx);
        }
      }
    }
  }

  void run(const Image& markers, const Image* mask, const Image& out) {
    number_labels(markers.view<const std::int32_t>());
    read(markers.view<const std::int32_t>(), mask);
    BucketQueue queue(most_ - least_);
    start(queue);
    while (!queue.empty()) {
      const std::int64_t i = queue.pop();
      // Pixels come from all over the image: the next one is fetched while this one is worked on.
      if (const std::int64_t next = queue.likely_next(); next > 0) {
        for (const std::int64_t row : rows_) prefetch(&pixels_[next + row]);
      }
      Pixel& pixel = pixels_[i];
      pixel.state = nearest(i, static_cast<double>(pixel.value));
      const double mean = regions_[static_cast<std::size_t>(pixel.state)].add(pixel.value);
      for (const std::int64_t step : neighbours_) {
        Pixel& neighbour = pixels_[i + step];
        if (neighbour.state != kFree) continue;
        neighbour.state = kWaiting;
        queue.push(std::abs(static_cast<double>(neighbour.value) - mean), i + step);
      }
    }
    write(out.view<std::int32_t>());
  }

 private:
  struct Pixel {
    T value;
    std::int32_t state;
  };
  struct Region {
    std::int32_t label = 0;
    std::conditional_t<std::is_integral_v<T>, std::int64_t, double> sum = 0;
    std::int64_t count = 0;
    double mean = 0;

    double add(T value) {
      sum += value;
      mean = static_cast<double>(sum) / static_cast<double>(++count);
      return mean;
    }
  };

  std::int64_t index(std::int64_t z, std::int64_t y) const {
    return (z + slices_) * slice_stride_ + (y + 1) * row_stride_ + 1;
  }

  // f(z, y, x, index)
  template <class F>
  void for_each_pixel(F&& f) const {
    for (std::int64_t z = 0; z < shape_[0]; ++z) {
      for (std::int64_t y = 0; y < shape_[1]; ++y) {
        const std::int64_t row = index(z, y);
        for (std::int64_t x = 0; x < shape_[2]; ++x) f(z, y, x, row + x);
      }
    }
  }

  void number_labels(const View<const std::int32_t>& markers) {
    std::int32_t last = 0;
    for_each_pixel([&](std::int64_t z, std::int64_t y, std::int64_t x, std::int64_t) {
      const std::int32_t label = markers.at(z, y, x);
      if (label > 0 && label != last) numbers_[last = label] = 0;
    });
    regions_.resize(numbers_.size() + 1);
    std::int32_t number = 0;
    for (auto& [label, its_number] : numbers_) {
      its_number = ++number;
      regions_[static_cast<std::size_t>(number)].label = label;
    }
  }

  void read(const View<const std::int32_t>& markers, const Image* mask) {
    std::fill(pixels_.data(), pixels_.data() + size_, Pixel{T{}, kOutside});
    const View<const std::uint8_t> inside =
        mask != nullptr ? mask->view<const std::uint8_t>() : View<const std::uint8_t>{};
    std::int32_t last = 0, number = 0;
    for_each_pixel([&](std::int64_t z, std::int64_t y, std::int64_t x, std::int64_t i) {
      const T value = image_.at(z, y, x);
      if (mask != nullptr && inside.at(z, y, x) == 0) return;
      if constexpr (std::is_floating_point_v<T>) {
        if (!std::isfinite(value)) return;
      }
      pixels_[i].value = value;
      least_ = std::min(least_, static_cast<double>(value));
      most_ = std::max(most_, static_cast<double>(value));
      const std::int32_t label = markers.at(z, y, x);
      pixels_[i].state = kFree;
      if (label <= 0) return;
      if (label != last) number = numbers_[last = label];
      pixels_[i].state = number;
      regions_[static_cast<std::size_t>(number)].add(value);
    });
  }

  void start(BucketQueue& queue) {
    std::vector<std::int64_t> first;
    for_each_pixel([&](std::int64_t, std::int64_t, std::int64_t, std::int64_t i) {
      if (pixels_[i].state != kFree) return;
      for (const std::int64_t step : neighbours_) {
        if (pixels_[i + step].state > kFree) {
          first.push_back(i);
          return;
        }
      }
    });
    for (const std::int64_t i : first) {
      const auto value = static_cast<double>(pixels_[i].value);
      queue.push(std::abs(value - regions_[static_cast<std::size_t>(nearest(i, value))].mean), i);
    }
    for (const std::int64_t i : first) pixels_[i].state = kWaiting;
  }

  std::int32_t nearest(std::int64_t pixel, double value) const {
    std::int32_t best = 0;
    double distance = 0;
    for (const std::int64_t step : neighbours_) {
      const std::int32_t region = pixels_[pixel + step].state;
      if (region <= kFree || region == best) continue;
      const double d = std::abs(value - regions_[static_cast<std::size_t>(region)].mean);
      if (best == 0 || d < distance || (d == distance && region < best)) {
        best = region;
        distance = d;
      }
    }
    return best;
  }

  void write(const View<std::int32_t>& out) const {
    for_each_pixel([&](std::int64_t z, std::int64_t y, std::int64_t x, std::int64_t i) {
      out.at(z, y, x) = pixels_[i].state > kFree ? regions_[static_cast<std::size_t>(pixels_[i].state)].label : 0;
    });
  }

  View<const T> image_;
  std::array<std::int64_t, 3> shape_;
  // With a border of one pixel around, of one slice where there are slices to step to.
  std::int64_t slices_, row_stride_, slice_stride_, size_;
  Scratch<Pixel> pixels_;
  std::vector<std::int64_t> neighbours_, rows_;   // distances to the neighbours, and to the rows that they lie in
  std::map<std::int32_t, std::int32_t> numbers_;  // of the regions, by label
  std::vector<Region> regions_;
  double least_ = HUGE_VAL, most_ = -HUGE_VAL;
};

}  // namespace

void seeded_region_growing(const Image& image, const Image& markers, const Image& out, const SeededRegionGrowing& how,
                           Context) {
  check_one_shape("seeded_region_growing", image, markers);
  check_one_shape("seeded_region_growing", image, out);
  check_mask("seeded_region_growing", image, how.mask);
  if (image.size() == 0) return;
  dispatch(image.dtype,
           [&](auto value) { Growth<decltype(value)>(image, how.connectivity).run(markers, how.mask, out); });
}

}  // namespace cormack::cpu
