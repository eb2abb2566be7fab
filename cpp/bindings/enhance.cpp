#include <pybind11/stl.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "bindings/arrays.hpp"
#include "enhance/equalize_adapthist.hpp"
#include "enhance/histogram.hpp"
#include "enhance/match_sorted.hpp"
#include "enhance/minmax.hpp"
#include "enhance/moments.hpp"
#include "enhance/quantiles.hpp"
#include "pointwise/interpolation_map.hpp"
#include "pointwise/linear_map.hpp"
#include "pointwise/lut_map.hpp"
#include "pointwise/piecewise_map.hpp"
#include "pointwise/sigmoid_map.hpp"
#include "pointwise/standardize_map.hpp"
#include "pointwise/threshold_map.hpp"
#include "pointwise/tone_map.hpp"

namespace cormack::bindings {
namespace {

// An array of one axis without gaps, of a given C++ type.
template <class T>
T* vector_of(const py::array& array, const char* argument, std::int64_t count, Access access = Access::read) {
  if (array.ndim() != 1 || dtype_of_array(array, argument) != dtype_of<std::remove_const_t<T>>() ||
      array.shape(0) != count || (count > 1 && array.strides(0) != array.itemsize()))
    throw py::value_error(std::string("`") + argument + "` must be a contiguous vector of the right type and length");
  if (access == Access::write && !array.writeable())
    throw py::value_error(std::string("`") + argument + "` is read-only");
  return static_cast<T*>(const_cast<void*>(array.data()));
}

// One number for each of three axes; those that an image does not have get `missing`.
std::array<std::int64_t, 3> of_axes(const Image& image, const std::vector<std::int64_t>& values, std::int64_t missing) {
  const auto ndim = static_cast<std::size_t>(image.ndim);
  if (values.size() != ndim) throw py::value_error("there must be one value for each axis");
  std::array<std::int64_t, 3> result{missing, missing, missing};
  std::copy(values.begin(), values.end(), result.end() - static_cast<std::ptrdiff_t>(ndim));
  return result;
}

// An array in C order, which is read or written as it lies.
Image contiguous(const py::array& array, const char* argument, Access access) {
  if (!(array.flags() & py::array::c_style))
    throw py::value_error(std::string("`") + argument + "` must be in C order");
  return image_of(array, argument, access);
}

// As int64 is no pixel type, dtype_of_array does not know it.
std::int64_t* counts_of(const py::array& counts, std::int64_t size) {
  const py::dtype dtype = counts.dtype();
  if (counts.ndim() != 1 || dtype.kind() != 'i' || counts.itemsize() != 8 || counts.shape(0) != size ||
      (size > 1 && counts.strides(0) != 8) || !counts.writeable())
    throw py::value_error("`counts` must be a contiguous, writeable int64 vector of the right length");
  return static_cast<std::int64_t*>(const_cast<void*>(counts.data()));
}

}  // namespace

void define_enhance(py::module_& module) {
  module.def(
      "linear_map",
      [](const py::array& src, const py::array& dst, double lower, double upper, double low, double high, int workers) {
        const Image in = image_of(src, "src"), out = image_of(dst, "dst", Access::write);
        check_same_shape(in, "src", out, "dst");
        const py::gil_scoped_release released;
        cpu::linear_map(in, out, {lower, upper, low, high}, {workers});
      },
      "src"_a.noconvert(), "dst"_a.noconvert(), "lower"_a, "upper"_a, "low"_a, "high"_a, "workers"_a = 0);

  module.def(
      "sigmoid_map",
      [](const py::array& src, const py::array& dst, double center, double width, double low, double high,
         int workers) {
        const Image in = image_of(src, "src"), out = image_of(dst, "dst", Access::write);
        check_same_shape(in, "src", out, "dst");
        const py::gil_scoped_release released;
        cpu::sigmoid_map(in, out, {center, width, low, high}, {workers});
      },
      "src"_a.noconvert(), "dst"_a.noconvert(), "center"_a, "width"_a, "low"_a, "high"_a, "workers"_a = 0);

  module.def(
      "interpolation_map",
      [](const py::array& src, const py::array& dst, const py::array& x, const py::array& y, int workers) {
        const Image in = image_of(src, "src"), out = image_of(dst, "dst", Access::write);
        check_same_shape(in, "src", out, "dst");
        const auto count = static_cast<std::int64_t>(x.size());
        const double* xs = vector_of<const double>(x, "x", count);
        const double* ys = vector_of<const double>(y, "y", count);
        if (count > std::int64_t{1} << 30) throw py::value_error("`x` has too many knots");
        const py::gil_scoped_release released;
        cpu::interpolation_map(in, out, xs, ys, static_cast<int>(count), {workers});
      },
      "src"_a.noconvert(), "dst"_a.noconvert(), "x"_a.noconvert(), "y"_a.noconvert(), "workers"_a = 0);

  module.def(
      "lut_map",
      [](const py::array& src, const py::array& dst, const py::array& table, std::int64_t first, int workers) {
        const Image in = image_of(src, "src"), out = image_of(dst, "dst", Access::write);
        check_same_shape(in, "src", out, "dst");
        const auto count = static_cast<std::int64_t>(table.size());
        if (dtype_of_array(table, "table") != out.dtype) throw py::type_error("`table` must have the dtype of `dst`");
        if (table.ndim() != 1 || (count > 1 && table.strides(0) != table.itemsize()))
          throw py::value_error("`table` must be a contiguous vector");
        const void* entries = table.data();
        const py::gil_scoped_release released;
        cpu::lut_map(in, out, entries, count, first, {workers});
      },
      "src"_a.noconvert(), "dst"_a.noconvert(), "table"_a.noconvert(), "first"_a, "workers"_a = 0);

  module.def(
      "minmax",
      [](const py::array& image, const std::optional<py::array>& mask, int workers) {
        const Image in = image_of(image, "image");
        const std::optional<Image> inside = mask_of(mask, in);
        MinMax result;
        {
          const py::gil_scoped_release released;
          result = cpu::minmax(in, inside ? &*inside : nullptr, {workers});
        }
        return py::make_tuple(result.low, result.high, result.has_nan);
      },
      "image"_a.noconvert(), "mask"_a.noconvert() = py::none(), "workers"_a = 0);

  module.def(
      "histogram",
      [](const py::array& image, const std::optional<py::array>& mask, const py::array& edges, const py::array& counts,
         int workers) {
        const Image in = image_of(image, "image");
        const std::optional<Image> inside = mask_of(mask, in);
        const auto bins = static_cast<std::int64_t>(edges.size()) - 1;
        const double* edge = vector_of<const double>(edges, "edges", bins + 1);
        std::int64_t* count = counts_of(counts, bins);
        const py::gil_scoped_release released;
        cpu::histogram(in, inside ? &*inside : nullptr, edge, bins, count, {workers});
      },
      "image"_a.noconvert(), "mask"_a.noconvert(), "edges"_a.noconvert(), "counts"_a.noconvert(), "workers"_a = 0);

  // Returns where counts that are not 0 begin and end.
  module.def(
      "value_counts",
      [](const py::array& image, const std::optional<py::array>& mask, std::int64_t first, const py::array& counts,
         int workers) {
        const Image in = image_of(image, "image");
        const std::optional<Image> inside = mask_of(mask, in);
        const auto size = static_cast<std::int64_t>(counts.size());
        std::int64_t* count = counts_of(counts, size);
        const py::gil_scoped_release released;
        cpu::value_counts(in, inside ? &*inside : nullptr, first, size, count, {workers});
        const auto occupied = [](std::int64_t n) { return n != 0; };
        const std::int64_t begin = std::find_if(count, count + size, occupied) - count;
        std::int64_t end = size;
        while (end > begin && count[end - 1] == 0) --end;
        return std::pair(begin, end);
      },
      "image"_a.noconvert(), "mask"_a.noconvert(), "first"_a, "counts"_a.noconvert(), "workers"_a = 0);

  module.def(
      "equalize_adapthist",
      [](const py::array& src, const std::optional<py::array>& mask, const py::array& dst,
         const std::vector<std::int64_t>& kernel_size, double clip_limit, std::int64_t bins, double lower, double upper,
         double low, double high, int workers) {
        const Image in = image_of(src, "src"), out = image_of(dst, "dst", Access::write);
        check_same_shape(in, "src", out, "dst");
        check_same_dtype(in, "src", out, "dst");
        const std::optional<Image> inside = mask_of(mask, in);
        const AdaptiveHistogram settings{of_axes(in, kernel_size, 1), clip_limit, bins, lower, upper, low, high};
        const py::gil_scoped_release released;
        cpu::equalize_adapthist(in, inside ? &*inside : nullptr, out, settings, {workers});
      },
      "src"_a.noconvert(), "mask"_a.noconvert(), "dst"_a.noconvert(), "kernel_size"_a, "clip_limit"_a, "bins"_a,
      "lower"_a, "upper"_a, "low"_a, "high"_a, "workers"_a = 0);

  module.def(
      "adapthist_maps",
      [](const py::array& src, const std::optional<py::array>& mask, const py::array& maps, const py::array& filled,
         const std::vector<std::int64_t>& kernel_size, double clip_limit, std::int64_t bins, double lower, double upper,
         double low, double high, int workers) {
        const Image in = image_of(src, "src"), to = contiguous(maps, "maps", Access::write),
                    counted = contiguous(filled, "filled", Access::write);
        const std::optional<Image> inside = mask_of(mask, in);
        const AdaptiveHistogram settings{of_axes(in, kernel_size, 1), clip_limit, bins, lower, upper, low, high};
        const py::gil_scoped_release released;
        cpu::adapthist_maps(in, inside ? &*inside : nullptr, to, counted, settings, {workers});
      },
      "src"_a.noconvert(), "mask"_a.noconvert(), "maps"_a.noconvert(), "filled"_a.noconvert(), "kernel_size"_a,
      "clip_limit"_a, "bins"_a, "lower"_a, "upper"_a, "low"_a, "high"_a, "workers"_a = 0);

  module.def(
      "adapthist_apply",
      [](const py::array& src, const std::optional<py::array>& mask, const py::array& dst, const py::array& maps,
         const std::vector<std::int64_t>& origin, const std::vector<std::int64_t>& whole,
         const std::vector<std::int64_t>& kernel_size, double clip_limit, std::int64_t bins, double lower, double upper,
         double low, double high, int workers) {
        const Image in = image_of(src, "src"), out = image_of(dst, "dst", Access::write);
        check_same_shape(in, "src", out, "dst");
        check_same_dtype(in, "src", out, "dst");
        const Image from = contiguous(maps, "maps", Access::read);
        const std::optional<Image> inside = mask_of(mask, in);
        const AdaptiveHistogram settings{of_axes(in, kernel_size, 1), clip_limit, bins, lower, upper, low, high};
        const std::array<std::int64_t, 3> start = of_axes(in, origin, 0), shape = of_axes(in, whole, 1);
        const py::gil_scoped_release released;
        cpu::adapthist_apply(in, inside ? &*inside : nullptr, out, from, start, shape, settings, {workers});
      },
      "src"_a.noconvert(), "mask"_a.noconvert(), "dst"_a.noconvert(), "maps"_a.noconvert(), "origin"_a, "whole"_a,
      "kernel_size"_a, "clip_limit"_a, "bins"_a, "lower"_a, "upper"_a, "low"_a, "high"_a, "workers"_a = 0);

  module.def(
      "tone_map",
      [](const py::array& src, const py::array& dst, const std::array<double, 4>& range, double shift, double span,
         int curve, double exponent, int workers) {
        const Image in = image_of(src, "src"), out = image_of(dst, "dst", Access::write);
        check_same_shape(in, "src", out, "dst");
        const ToneMap map{range[0], range[1], range[2], range[3], shift, span, static_cast<ToneCurve>(curve), exponent};
        const py::gil_scoped_release released;
        cpu::tone_map(in, out, map, {workers});
      },
      "src"_a.noconvert(), "dst"_a.noconvert(), "range"_a, "shift"_a, "span"_a, "curve"_a, "exponent"_a,
      "workers"_a = 0);

  module.def(
      "threshold_map",
      [](const py::array& src, const py::array& dst, double lower, double upper, double inside, double below,
         double above, double softness, int workers) {
        const Image in = image_of(src, "src"), out = image_of(dst, "dst", Access::write);
        check_same_shape(in, "src", out, "dst");
        const py::gil_scoped_release released;
        cpu::threshold_map(in, out, {lower, upper, inside, below, above, softness}, {workers});
      },
      "src"_a.noconvert(), "dst"_a.noconvert(), "lower"_a, "upper"_a, "inside"_a, "below"_a, "above"_a, "softness"_a,
      "workers"_a = 0);

  module.def(
      "standardize_map",
      [](const py::array& src, const py::array& dst, double center, double scale, int workers) {
        const Image in = image_of(src, "src"), out = image_of(dst, "dst", Access::write);
        check_same_shape(in, "src", out, "dst");
        const py::gil_scoped_release released;
        cpu::standardize_map(in, out, center, scale, {workers});
      },
      "src"_a.noconvert(), "dst"_a.noconvert(), "center"_a, "scale"_a, "workers"_a = 0);

  module.def(
      "piecewise_map",
      [](const py::array& src, const py::array& dst, const std::vector<double>& x, const std::vector<double>& y,
         int workers) {
        const Image in = image_of(src, "src"), out = image_of(dst, "dst", Access::write);
        check_same_shape(in, "src", out, "dst");
        if (x.size() != y.size()) throw py::value_error("`x` and `y` must have one length");
        const py::gil_scoped_release released;
        cpu::piecewise_map(in, out, x.data(), y.data(), static_cast<int>(x.size()), {workers});
      },
      "src"_a.noconvert(), "dst"_a.noconvert(), "x"_a, "y"_a, "workers"_a = 0);

  module.def(
      "match_sorted",
      [](const py::array& src, const py::array& dst, const py::array& sorted, const py::array& reference, int workers) {
        const Image in = image_of(src, "src"), out = image_of(dst, "dst", Access::write);
        check_same_shape(in, "src", out, "dst");
        const Image values = image_of(sorted, "sorted"), references = image_of(reference, "reference");
        const py::gil_scoped_release released;
        cpu::match_sorted(in, out, values, references, {workers});
      },
      "src"_a.noconvert(), "dst"_a.noconvert(), "sorted"_a.noconvert(), "reference"_a.noconvert(), "workers"_a = 0);

  module.def(
      "moments",
      [](const py::array& image, const std::optional<py::array>& mask, double above, double below, int workers) {
        const Image in = image_of(image, "image");
        const std::optional<Image> inside = mask_of(mask, in);
        Moments result;
        {
          const py::gil_scoped_release released;
          result = cpu::moments(in, inside ? &*inside : nullptr, above, below, {workers});
        }
        return py::make_tuple(result.count, result.mean, result.variance);
      },
      "image"_a.noconvert(), "mask"_a.noconvert(), "above"_a, "below"_a, "workers"_a = 0);

  // (number of values, values below, values above)
  module.def(
      "quantiles",
      [](const py::array& image, const std::optional<py::array>& mask, const std::vector<double>& q, int workers) {
        const Image in = image_of(image, "image");
        const std::optional<Image> inside = mask_of(mask, in);
        std::vector<double> below(q.size()), above(q.size());
        std::int64_t count = 0;
        {
          const py::gil_scoped_release released;
          count = cpu::quantiles(in, inside ? &*inside : nullptr, q.data(), static_cast<int>(q.size()), below.data(),
                                 above.data(), {workers});
        }
        return py::make_tuple(count, below, above);
      },
      "image"_a.noconvert(), "mask"_a.noconvert(), "q"_a, "workers"_a = 0);

  module.def(
      "weighted_histogram",
      [](const py::array& image, const std::optional<py::array>& mask, const py::array& weights, const py::array& edges,
         const py::array& sums, int workers) {
        const Image in = image_of(image, "image"), factors = image_of(weights, "weights");
        check_same_shape(in, "image", factors, "weights");
        const std::optional<Image> inside = mask_of(mask, in);
        const auto bins = static_cast<std::int64_t>(edges.size()) - 1;
        const double* edge = vector_of<const double>(edges, "edges", bins + 1);
        double* sum = vector_of<double>(sums, "sums", bins, Access::write);
        const py::gil_scoped_release released;
        cpu::weighted_histogram(in, inside ? &*inside : nullptr, factors, edge, bins, sum, {workers});
      },
      "image"_a.noconvert(), "mask"_a.noconvert(), "weights"_a.noconvert(), "edges"_a.noconvert(), "sums"_a.noconvert(),
      "workers"_a = 0);
}

}  // namespace cormack::bindings
