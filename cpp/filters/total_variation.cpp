#include "filters/total_variation.hpp"

#include <cmath>
#include <limits>

#include "core/parallel.hpp"
#include "filters/row_ring.hpp"
#include "filters/total_variation_rows.hpp"

namespace cormack {
namespace {

using Shape = std::array<std::int64_t, 3>;
constexpr std::int64_t kLead = kRowLanes;

// An image that is denoised as a whole, cut into slabs of planes. The dual field is updated in place: a plane's step
// needs the result in the plane above, which is computed before, from what that plane's field still is.
template <class T>
class Projection {
 public:
  Projection(const Image& src, const Image& dst, const TotalVariation& settings, const std::array<double, 3>& scale,
             int workers)
      : shape_(src.shape),
        width_(padded(src.shape[2])),
        deep_(src.shape[1] > 1),
        row_size_((deep_ ? 3 : 2) * width_ + kLead),
        pitch_(width_ + kLead),
        plane_size_(src.shape[1] * pitch_),
        workers_(workers),
        slabs_(std::clamp<std::int64_t>(threads() > 1 ? 2 * threads() : 1, 1, src.shape[0])),
        settings_(settings),
        read_(row_reader<T>(src)),
        write_(row_writer<T>(dst)),
        rows_(total_variation_tables().get<T>()),
        field_(shape_[0] * shape_[1] * row_size_),
        first_planes_(slabs_ * plane_size_),
        energies_(2 * shape_[0] * shape_[1]) {
    double sum = 0;
    for (std::size_t axis = 0; axis < 3; ++axis) {
      scale_[axis] = static_cast<T>(scale[axis]);
      sum += scale[axis] * scale[axis];
    }
    step_ = static_cast<T>(1 / (2 * sum));
    // Never infinite: times a slope of 0 it is 0.
    step_per_weight_ =
        static_cast<T>(std::min(1 / (2 * sum) / settings.weight, static_cast<double>(std::numeric_limits<T>::max())));
  }

  void run() {
    parallel_for(slabs_, 1, workers_, [&](std::int64_t begin, std::int64_t end) {
      T* const from = dual_row(first_plane(begin), 0).z;
      std::fill(from, from + (first_plane(end) - first_plane(begin)) * shape_[1] * row_size_, T(0));
    });
    double first = 0, before = 0;
    for (std::int64_t i = 0; i < settings_.iterations; ++i) {
      const double energy = iterate(i > 0 || settings_.iterations == 1);
      if (i == 0) first = energy;
      // Nothing moves in a constant image.
      else if (std::abs(before - energy) < settings_.tolerance * first || energy == 0) return;
      before = energy;
    }
  }

 private:
  std::int64_t threads() const { return workers_ > 0 ? workers_ : get_num_threads(); }
  std::int64_t first_plane(std::int64_t slab) const { return shape_[0] * slab / slabs_; }
  DualRow<T> dual_row(std::int64_t z, std::int64_t y) const {
    T* const at = field_.data() + (z * shape_[1] + y) * row_size_;
    return {at, deep_ ? at + width_ : nullptr, at + (deep_ ? 2 : 1) * width_ + kLead};
  }

  // The result in plane z, whose field and that of the plane before are still those of the iteration before.
  void primal(std::int64_t z, T* plane, T* work) {
    T *const image = work, *const change = work + width_;
    for (std::int64_t y = 0; y < shape_[1]; ++y) {
      T* const result = plane + y * pitch_;
      read_(z, y, image);
      const T* const z_before = z > 0 ? dual_row(z - 1, y).z : nullptr;
      const T* const y_before = y > 0 ? dual_row(z, y - 1).y : nullptr;
      energies_[2 * (z * shape_[1] + y)] =
          rows_.primal(image, dual_row(z, y), z_before, y_before, scale_.data(), change, result, shape_[2]);
      std::fill(result + shape_[2], result + width_ + 1, result[shape_[2] - 1]);
    }
  }

  void dual(std::int64_t z, const T* plane, const T* plane_after, T* work) {
    for (std::int64_t y = 0; y < shape_[1]; ++y) {
      const T* const result = plane + y * pitch_;
      const T* const y_after = y + 1 < shape_[1] ? result + pitch_ : result;
      energies_[2 * (z * shape_[1] + y) + 1] = rows_.dual(result, y_after, plane_after + y * pitch_, scale_.data(),
                                                          step_, step_per_weight_, dual_row(z, y), work, shape_[2]);
    }
  }

  void write(std::int64_t z, const T* plane) const {
    for (std::int64_t y = 0; y < shape_[1]; ++y) write_(z, y, plane + y * pitch_);
  }

  // Returns the energy, in units of the number of voxels, of the result before the step.
  double iterate(bool keep) {
    // Slabs meet in planes that must be known before any slab changes its field.
    parallel_for(slabs_, 1, workers_, [&](std::int64_t begin, std::int64_t end) {
      const Scratch<T> work(2 * width_);
      std::fill(work.data(), work.data() + 2 * width_, T(0));
      for (std::int64_t slab = begin; slab < end; ++slab)
        primal(first_plane(slab), first_planes_.data() + slab * plane_size_, work.data());
    });
    parallel_for(slabs_, 1, workers_, [&](std::int64_t begin, std::int64_t end) {
      const Scratch<T> work(2 * width_), planes(2 * plane_size_);
      std::fill(work.data(), work.data() + 2 * width_, T(0));
      for (std::int64_t slab = begin; slab < end; ++slab) {
        const T* plane = first_planes_.data() + slab * plane_size_;
        const std::int64_t last = first_plane(slab + 1);
        for (std::int64_t z = first_plane(slab); z < last; ++z) {
          const T* after = plane;
          if (z + 1 < last) {
            T* const next = planes.data() + (z + 1) % 2 * plane_size_;
            primal(z + 1, next, work.data());
            after = next;
          } else if (z + 1 < shape_[0]) {
            after = first_planes_.data() + (slab + 1) * plane_size_;
          }
          if (keep) write(z, plane);
          dual(z, plane, after, work.data());
          plane = after;
        }
      }
    });
    double change = 0, slope = 0;
    for (std::int64_t row = 0; row < shape_[0] * shape_[1]; ++row) {
      change += energies_[2 * row];
      slope += energies_[2 * row + 1];
    }
    const auto size = static_cast<double>(shape_[0] * shape_[1] * shape_[2]);
    return (change + settings_.weight * slope) / size;
  }

  Shape shape_;
  std::int64_t width_;  // padded
  bool deep_;           // more than one row per plane
  std::int64_t row_size_, pitch_, plane_size_;
  int workers_;
  std::int64_t slabs_;
  TotalVariation settings_;
  ReadRow<T> read_;
  WriteRow<T> write_;
  const TotalVariationRows<T>& rows_;
  Scratch<T> field_, first_planes_;
  Scratch<double> energies_;
  std::array<T, 3> scale_{};
  T step_{}, step_per_weight_{};
};

void swap_planes_and_rows(Image& image) {
  std::swap(image.shape[0], image.shape[1]);
  std::swap(image.stride[0], image.stride[1]);
}

}  // namespace

namespace cpu {

void total_variation(const Image& src, const Image& dst, const TotalVariation& settings, Context context) {
  if (src.shape != dst.shape || src.dtype != dst.dtype)
    throw std::invalid_argument("total_variation: `src` and `dst` must have one shape and dtype");
  if (settings.iterations < 1) throw std::invalid_argument("total_variation: `iterations` must be at least 1");
  if (!(settings.weight > 0)) throw std::invalid_argument("total_variation: `weight` must be above 0");
  if (src.size() == 0) return;
  for_each_batch(src, dst, settings.scale, [&](Image from, Image to, std::array<double, 3> scale) {
    // Rows of a plane are cut like planes of a volume.
    if (from.shape[0] == 1) {
      swap_planes_and_rows(from);
      swap_planes_and_rows(to);
      std::swap(scale[0], scale[1]);
    }
    dispatch_working(from.dtype,
                     [&](auto t) { Projection<decltype(t)>(from, to, settings, scale, context.workers).run(); });
  });
}

}  // namespace cpu
}  // namespace cormack
