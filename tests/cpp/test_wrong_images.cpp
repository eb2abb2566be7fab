// Images of other shapes than their source's, which no Python has refused: std::invalid_argument from every function
// that would read or write beyond them. What it does not catch is the asan preset's to see.
#include <array>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "cormack.hpp"

namespace {

using namespace cormack;
using namespace cormack::cpu;

constexpr std::array<std::int64_t, 3> kShape{6, 12, 40}, kSmaller{5, 11, 33};
constexpr std::array<double, 3> kSpacing{1, 1, 1};
constexpr double kInfinity = std::numeric_limits<double>::infinity();

template <class T>
struct Owned {
  explicit Owned(const std::array<std::int64_t, 3>& extents)
      : values(static_cast<std::size_t>(extents[0] * extents[1] * extents[2])), shape(extents) {}
  Image image() { return image_of(values.data(), shape); }
  std::vector<T> values;
  std::array<std::int64_t, 3> shape;
};

// Calls with results and masks that are too small.
struct Case {
  const char* name;
  void (*call)(const Image& source, const Image& result, const Image& mask);
};

std::array<AxisTaps, 3> taps() {
  AxisTaps axis;
  axis.weights = {0.25, 0.5, 0.25};
  axis.left = 1;
  return {axis, axis, axis};
}

template <class Filter>
Filter with_radius() {
  Filter filter;
  for (auto& axis : filter.axes) axis.radius = 3;
  return filter;
}

RankWindow window_of(std::int64_t depth) {
  RankWindow window;
  window.size = {depth, 3, 3};
  return window;
}

ExtremumWindow extremum_window() {
  ExtremumWindow window;
  window.size = {3, 3, 3};
  return window;
}

constexpr LinearMap kMap{0, 1, 0, 1};
constexpr double kKnots[] = {0, 1};

constexpr Case kCases[] = {
    {"median_filter, networks", [](auto& s, auto& r, auto&) { median_filter(s, r, window_of(3), {}); }},
    {"median_filter, trees", [](auto& s, auto& r, auto&) { median_filter(s, r, window_of(5), {}); }},
    {"rank_filter", [](auto& s, auto& r, auto&) { rank_filter(s, r, window_of(3), 0, {}); }},
    {"rank_selection", [](auto& s, auto& r, auto&) { rank_selection(s, r, window_of(3), 0, {}); }},
    {"extremum_filter",
     [](auto& s, auto& r, auto&) { extremum_filter(s, r, extremum_window(), Extremum::maximum, {}); }},
    {"structured_extremum, shape",
     [](auto& s, auto& r, auto&) {
       const std::vector<std::uint8_t> places(27, 1);
       const std::vector<double> heights(27);
       ExtremumWindow window = extremum_window();
       window.footprint = places.data();
       structured_extremum(s, r, window, heights.data(), Extremum::maximum, {});
     }},
    {"structured_extremum, no footprint",
     [](auto& s, auto&, auto&) { structured_extremum(s, s, extremum_window(), nullptr, Extremum::maximum, {}); }},
    {"gaussian_filter", [](auto& s, auto& r, auto&) { gaussian_filter(s, r, {}, 0, 0, {}); }},
    {"correlate_separable", [](auto& s, auto& r, auto&) { correlate_separable(s, r, {}, 0, {}); }},
    {"correlate_axes", [](auto& s, auto& r, auto&) { correlate_axes(s, r, taps(), {}); }},
    {"correlate_window", [](auto& s, auto& r, auto&) { correlate_window(s, r, {}, {}); }},
    {"masked_filter, result", [](auto& s, auto& r, auto&) { masked_filter(s, nullptr, r, {.axes = taps()}, {}); }},
    {"masked_filter, mask", [](auto& s, auto&, auto& m) { masked_filter(s, &m, s, {.axes = taps()}, {}); }},
    {"gaussian_laplace",
     [](auto& s, auto& r, auto&) { gaussian_laplace(s, r, with_radius<GaussianDerivatives>(), {}); }},
    {"gaussian_gradient_magnitude",
     [](auto& s, auto& r, auto&) { gaussian_gradient_magnitude(s, r, with_radius<GaussianDerivatives>(), {}); }},
    {"gradient_magnitude", [](auto& s, auto& r, auto&) { gradient_magnitude(s, r, {}, 3, 0, {}); }},
    {"uniform_filter", [](auto& s, auto& r, auto&) { uniform_filter(s, r, {}, 0, {}); }},
    {"unsharp_mask", [](auto& s, auto& r, auto&) { unsharp_mask(s, r, taps(), 1, {}); }},
    {"bilateral_filter", [](auto& s, auto& r, auto&) { bilateral_filter(s, r, {}, {}); }},
    {"non_local_means", [](auto& s, auto& r, auto&) { non_local_means(s, r, {}, {}); }},
    {"difference", [](auto& s, auto& r, auto&) { difference(s, r, s, {}); }},
    {"linear_map", [](auto& s, auto& r, auto&) { linear_map(s, r, kMap, {}); }},
    {"sigmoid_map", [](auto& s, auto& r, auto&) { sigmoid_map(s, r, {0, 1, 0, 1}, {}); }},
    {"standardize_map", [](auto& s, auto& r, auto&) { standardize_map(s, r, 0, 1, {}); }},
    {"threshold_map", [](auto& s, auto& r, auto&) { threshold_map(s, r, {0, 1, 1, 0, 0, 0}, {}); }},
    {"tone_map", [](auto& s, auto& r, auto&) { tone_map(s, r, {0, 1, 0, 1, 0, 1, ToneCurve::power, 2}, {}); }},
    {"interpolation_map", [](auto& s, auto& r, auto&) { interpolation_map(s, r, kKnots, kKnots, 2, {}); }},
    {"piecewise_map", [](auto& s, auto& r, auto&) { piecewise_map(s, r, kKnots, kKnots, 2, {}); }},
    {"equalize_adapthist, result", [](auto& s, auto& r, auto&) { equalize_adapthist(s, nullptr, r, {}, {}); }},
    {"equalize_adapthist, mask", [](auto& s, auto&, auto& m) { equalize_adapthist(s, &m, s, {}, {}); }},
    {"minmax", [](auto& s, auto&, auto& m) { static_cast<void>(minmax(s, &m, {})); }},
    {"moments", [](auto& s, auto&, auto& m) { static_cast<void>(moments(s, &m, -kInfinity, kInfinity, {})); }},
    {"quantiles",
     [](auto& s, auto&, auto& m) {
       double below = 0, above = 0;
       quantiles(s, &m, kKnots, 1, &below, &above, {});
     }},
    {"histogram",
     [](auto& s, auto&, auto& m) {
       std::int64_t count = 0;
       histogram(s, &m, kKnots, 1, &count, {});
     }},
    {"first_order", [](auto& s, auto&, auto& m) { static_cast<void>(first_order(s, &m, {})); }},
    {"local_intensity", [](auto& s, auto&, auto& m) { static_cast<void>(local_intensity(s, &m, kSpacing, 2, 0, {})); }},
    {"Levels",
     [](auto&, auto&, auto& m) { const Levels levels(Owned<std::int32_t>(kShape).image(), &m, &m, 4, 1, {}); }},
    {"rx_detector",
     [](auto& s, auto&, auto& m) {
       RxWindow window;
       window.centre = {0};
       rx_detector({s}, &m, s, window, {});
     }},
    {"equal_places", [](auto& s, auto& r, auto&) { static_cast<void>(equal_places(s, r, 0, {}, {})); }},
    {"reflect", [](auto& s, auto& r, auto&) { reflect(s, r, {}, 0, {}); }},
    {"zero_crossings", [](auto& s, auto&, auto& m) { zero_crossings(s, m, 0, {}); }},
    {"canny_strength", [](auto& s, auto& r, auto&) { canny_strength(s, r, {}, {}); }},
    {"seeded_region_growing",
     [](auto& s, auto&, auto&) {
       Owned<std::int32_t> markers(kSmaller), regions(kShape);
       seeded_region_growing(s, markers.image(), regions.image(), {}, {});
     }},
    {"connected_threshold, seed",
     [](auto& s, auto&, auto&) {
       Owned<std::uint8_t> region(kShape);
       const std::array<std::int64_t, 3> seed{0, 0, kShape[2]};
       ConnectedThreshold how{.lower = 0, .upper = 1};
       how.seeds = {&seed, 1};
       connected_threshold(s, region.image(), how, {});
     }},
    {"binary_morphology, no footprint",
     [](auto& s, auto&, auto&) {
       Owned<std::uint8_t> region(kShape);
       binary_morphology(s, region.image(), {nullptr, {3, 3, 3}, {1, 1, 1}}, {{}}, {});
     }},
    {"uniform_filter, another integer type",
     [](auto&, auto&, auto&) {
       Owned<std::int16_t> source(kShape);
       Owned<std::uint8_t> result(kShape);
       uniform_filter(source.image(), result.image(), {}, 0, {});
     }},
    {"dicom_headers, fewer headers",
     [](auto&, auto&, auto&) {
       const std::vector<std::string> paths(3);
       dicom_headers(paths, {}, {}, {});
     }},
};

bool refuses(const Case& wrong) {
  Owned<float> source(kShape), result(kSmaller);
  Owned<std::uint8_t> mask(kSmaller);
  try {
    wrong.call(source.image(), result.image(), mask.image());
    std::printf("%s took it\n", wrong.name);
  } catch (const std::invalid_argument&) {
    return true;
  } catch (const std::exception& error) {
    std::printf("%s threw another exception: %s\n", wrong.name, error.what());
  }
  return false;
}

}  // namespace

int main() {
  int wrong = 0;
  for (const Case& one : kCases) wrong += refuses(one) ? 0 : 1;
  return wrong == 0 ? 0 : 1;
}
