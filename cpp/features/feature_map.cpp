#include "features/feature_map.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "core/parallel.hpp"
#include "features/feature_window.hpp"

namespace cormack {
namespace {

constexpr std::int64_t kGrain = 8;  // rows
constexpr std::size_t kFamilies = 8;
constexpr int kMostFeatures = 26;

void check(const Image& image, const LocalMasks& masks, const Levels* levels, const std::vector<LocalFeature>& features,
           const std::vector<Image>& maps, const LocalSettings& how) {
  if (how.radius < 1 || how.radius > 7) throw std::invalid_argument("a neighbourhood has a radius from 1 to 7");
  if (how.distance < 1 || how.distance > 15) throw std::invalid_argument("a distance is from 1 to 15");
  for (const Offset& offset : how.offsets)
    if (!(offset > Offset{})) throw std::invalid_argument("an offset is no step forwards");
  if (features.size() != maps.size()) throw std::invalid_argument("every feature has a map");
  bool same = true;
  for (const Image& mask : {masks.centers, masks.inside, masks.region}) same = same && mask.shape == image.shape;
  for (const Image& map : maps) same = same && map.shape == image.shape;
  if (levels != nullptr) same = same && levels->shape() == image.shape && levels->pad() >= how.radius;
  if (!same) throw std::invalid_argument("images of a map have one shape");
  for (const LocalFeature& feature : features) {
    const auto family = static_cast<std::size_t>(feature.family);
    if (family >= kFamilies || feature.index < 0 || feature.index >= kMostFeatures)
      throw std::invalid_argument("there is no such feature");
    if (levels == nullptr && feature.family != LocalFamily::statistics)
      throw std::invalid_argument("a feature needs levels");
  }
}

template <class T>
class Maps {
 public:
  Maps(const Image& image, const LocalMasks& masks, const Levels* levels, const WindowPlan& plan,
       const std::vector<LocalFeature>& features, const std::vector<Image>& maps)
      : image_(image.view<const T>()),
        centers_(masks.centers.view<const std::uint8_t>()),
        inside_(masks.inside.view<const std::uint8_t>()),
        region_(masks.region.view<const std::uint8_t>()),
        levels_(levels),
        plan_(plan) {
    for (std::size_t i = 0; i < maps.size(); ++i)
      targets_[static_cast<std::size_t>(features[i].family)].push_back({features[i].index, maps[i].view<double>()});
  }

  void row(FeatureWindow& window, std::int64_t z, std::int64_t y) const {
    for (std::int64_t x = 0; x < image_.shape[2]; ++x)
      if (centers_.at(z, y, x) != 0) voxel(window, {z, y, x});
  }

 private:
  struct Target {
    int index;
    View<double> map;
  };

  void write(LocalFamily family, const Offset& at, const double* values) const {
    for (const Target& target : targets_[static_cast<std::size_t>(family)])
      target.map.at(at[0], at[1], at[2]) = values[target.index];
  }

  void voxel(FeatureWindow& window, const Offset& at) const {
    double result[kMostFeatures];
    if (plan_.wants(LocalFamily::statistics)) {
      const std::int64_t count = load_values(at, window.values());
      if (count > 0) window.statistics(count, result);
      else std::fill_n(result, kMostFeatures, std::numeric_limits<double>::quiet_NaN());
      write(LocalFamily::statistics, at, result);
    }
    if (levels_ == nullptr) return;
    load_levels(at, window.levels());
    window.index_levels();
    const bool distances = plan_.wants(LocalFamily::zone_distance);
    if (distances) load_region(at, window.region());
    if (distances || plan_.wants(LocalFamily::zone_size)) window.find_zones();
    constexpr std::pair<LocalFamily, void (FeatureWindow::*)(double*)> kOf[] = {
        {LocalFamily::histogram, &FeatureWindow::histogram},
        {LocalFamily::cooccurrence, &FeatureWindow::cooccurrence},
        {LocalFamily::run_length, &FeatureWindow::run_length},
        {LocalFamily::zone_size, &FeatureWindow::zone_size},
        {LocalFamily::zone_distance, &FeatureWindow::zone_distance},
        {LocalFamily::tone, &FeatureWindow::tone},
        {LocalFamily::dependence, &FeatureWindow::dependence},
    };
    for (const auto& [family, compute] : kOf) {
      if (!plan_.wants(family)) continue;
      if (window.any()) (window.*compute)(result);
      else std::fill_n(result, kMostFeatures, std::numeric_limits<double>::quiet_NaN());
      write(family, at, result);
    }
  }

  // The part of a neighbourhood that lies in the image.
  struct Box {
    Offset begin, end;
  };
  Box box_around(const Offset& at) const {
    Box box;
    for (std::size_t axis = 0; axis < 3; ++axis) {
      box.begin[axis] = std::max<std::int64_t>(0, at[axis] - plan_.radius[axis]);
      box.end[axis] = std::min(image_.shape[axis], at[axis] + plan_.radius[axis] + 1);
    }
    return box;
  }

  std::int64_t load_values(const Offset& at, double* values) const {
    const Box box = box_around(at);
    std::int64_t n = 0;
    for (std::int64_t z = box.begin[0]; z < box.end[0]; ++z) {
      for (std::int64_t y = box.begin[1]; y < box.end[1]; ++y) {
        const T* row = image_.row(z, y);
        const std::uint8_t* inside = inside_.row(z, y);
        for (std::int64_t x = box.begin[2]; x < box.end[2]; ++x) {
          values[n] = static_cast<double>(row[x * image_.stride[2]]);
          n += inside[x * inside_.stride[2]] != 0;
        }
      }
    }
    return n;
  }

  void load_levels(const Offset& at, std::uint16_t* target) const {
    for (std::int64_t z = -plan_.radius[0]; z <= plan_.radius[0]; ++z) {
      for (std::int64_t y = -plan_.radius[1]; y <= plan_.radius[1]; ++y) {
        const std::uint16_t* row = levels_->row(at[0] + z, at[1] + y) + at[2] - plan_.radius[2];
        for (std::int64_t x = 0; x < plan_.width[2]; ++x) *target++ = row[x];
      }
    }
  }

  void load_region(const Offset& at, std::uint8_t* target) const {
    const Box box = box_around(at);
    std::fill_n(target, plan_.size, std::uint8_t{0});
    for (std::int64_t z = box.begin[0]; z < box.end[0]; ++z) {
      for (std::int64_t y = box.begin[1]; y < box.end[1]; ++y) {
        const Offset from{z - at[0] + plan_.radius[0], y - at[1] + plan_.radius[1], plan_.radius[2] - at[2]};
        std::uint8_t* row = target + (from[0] * plan_.width[1] + from[1]) * plan_.width[2] + from[2];
        for (std::int64_t x = box.begin[2]; x < box.end[2]; ++x) row[x] = region_.at(z, y, x) != 0;
      }
    }
  }

  View<const T> image_;
  View<const std::uint8_t> centers_, inside_, region_;
  const Levels* levels_;
  const WindowPlan& plan_;
  std::array<std::vector<Target>, kFamilies> targets_;
};

}  // namespace

namespace cpu {

void feature_map(const Image& image, const LocalMasks& masks, const Levels* levels,
                 const std::vector<LocalFeature>& features, const std::vector<Image>& maps,
                 const LocalSettings& settings, Context context) {
  check(image, masks, levels, features, maps, settings);
  const WindowPlan plan(settings, levels == nullptr ? 1 : levels->level_count(), features);
  dispatch(image.dtype, [&](auto t) {
    using T = decltype(t);
    const Maps<T> of(image, masks, levels, plan, features, maps);
    const std::int64_t rows = image.shape[1];
    parallel_for(image.shape[0] * rows, kGrain, context.workers, [&](std::int64_t begin, std::int64_t end) {
      FeatureWindow window(plan);
      for (std::int64_t i = begin; i < end; ++i) of.row(window, i / rows, i % rows);
    });
  });
}

}  // namespace cpu
}  // namespace cormack
