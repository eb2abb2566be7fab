#include <pybind11/stl.h>

#include "bindings/arrays.hpp"
#include "detect/box_hessian.hpp"
#include "detect/peaks.hpp"
#include "detect/points.hpp"
#include "detect/reflect.hpp"
#include "detect/rx_detector.hpp"

namespace cormack::bindings {
namespace {

template <class T>
py::array_t<T> array_from(const std::vector<T>& values) {
  py::array_t<T> result(static_cast<py::ssize_t>(values.size()));
  std::copy(values.begin(), values.end(), result.mutable_data());
  return result;
}

py::tuple to_python(const Places& places) {
  return py::make_tuple(array_from(places.index), array_from(places.value), places.all);
}

std::array<std::int64_t, 3> three_of(const std::vector<std::int64_t>& values, const Image& image) {
  struct One {
    std::int64_t value = 0;
  };
  std::array<One, 3> axes;
  set_axes(axes, &One::value, values, image);
  return {axes[0].value, axes[1].value, axes[2].value};
}

using Rows = py::array_t<double, py::array::c_style>;

// The number of rows of an array (n, columns).
std::int64_t rows_of(const Rows& array, py::ssize_t columns, const char* argument) {
  if (array.ndim() != 2 || array.shape(1) != columns || columns < 1)
    throw py::value_error(std::string("`") + argument + "` has the wrong shape");
  return array.shape(0);
}

int dimensions(py::ssize_t count) {
  if (count < 1 || count > 3) throw py::value_error("there must be 1 to 3 axes");
  return static_cast<int>(count);
}

}  // namespace

void define_detect_objects(py::module_& module) {
  module.def(
      "equal_places",
      [](const py::array& src, const py::array& maximum, double threshold, const std::vector<std::int64_t>& margin,
         int workers) {
        const Image in = image_of(src, "src"), top = image_of(maximum, "maximum");
        check_same_shape(in, "src", top, "maximum");
        check_same_dtype(in, "src", top, "maximum");
        const auto sides = three_of(margin, in);
        Places places;
        {
          const py::gil_scoped_release released;
          places = cpu::equal_places(in, top, threshold, sides, {workers});
        }
        return to_python(places);
      },
      "src"_a.noconvert(), "maximum"_a.noconvert(), "threshold"_a, "margin"_a, "workers"_a = 0);
  module.def(
      "scale_maxima",
      [](const py::array& centre, const std::optional<py::array>& below, const std::optional<py::array>& above,
         double threshold, const std::vector<std::int64_t>& margin, int workers) {
        const Image in = image_of(centre, "centre");
        const auto other = [&](const std::optional<py::array>& array, const char* name) {
          std::optional<Image> image;
          if (!array) return image;
          image = image_of(*array, name);
          check_same_shape(in, "centre", *image, name);
          check_same_dtype(in, "centre", *image, name);
          return image;
        };
        const auto low = other(below, "below"), high = other(above, "above");
        if (in.dtype != DType::f32 && in.dtype != DType::f64) throw py::type_error("`centre` must be floating point");
        for (const Image* image : {&in, low ? &*low : &in, high ? &*high : &in})
          if (image->shape[2] > 1 && image->stride[2] != 1) throw py::value_error("scales must have contiguous rows");
        const auto sides = three_of(margin, in);
        Places places;
        {
          const py::gil_scoped_release released;
          places = cpu::scale_maxima(in, low ? &*low : nullptr, high ? &*high : nullptr, threshold, sides, {workers});
        }
        return to_python(places);
      },
      "centre"_a.noconvert(), "below"_a.noconvert(), "above"_a.noconvert(), "threshold"_a, "margin"_a, "workers"_a = 0);
  module.def(
      "keep_spaced",
      [](const Rows& points, double distance, double p, std::int64_t most) {
        const int ndim = dimensions(points.ndim() == 2 ? points.shape(1) : 0);
        const std::int64_t count = rows_of(points, ndim, "points");
        std::vector<std::uint8_t> keep;
        {
          const py::gil_scoped_release released;
          keep = cpu::keep_spaced(points.data(), count, ndim, distance, p, most);
        }
        return array_from(keep);
      },
      "points"_a.noconvert(), "distance"_a, "p"_a, "most"_a);
  module.def(
      "keep_blobs",
      [](const Rows& places, const Rows& sigmas, double overlap) {
        const int ndim = dimensions(places.ndim() == 2 ? places.shape(1) : 0);
        const std::int64_t count = rows_of(places, ndim, "places");
        if (rows_of(sigmas, ndim, "sigmas") != count) throw py::value_error("`sigmas` has the wrong shape");
        std::vector<std::uint8_t> keep;
        {
          const py::gil_scoped_release released;
          keep = cpu::keep_blobs(places.data(), sigmas.data(), count, ndim, overlap);
        }
        return array_from(keep);
      },
      "places"_a.noconvert(), "sigmas"_a.noconvert(), "overlap"_a);
  module.def(
      "keep_boxes",
      [](const Rows& boxes, const std::optional<py::array_t<std::int64_t, py::array::c_style>>& labels,
         double threshold) {
        const py::ssize_t columns = boxes.ndim() == 2 ? boxes.shape(1) : 0;
        if (columns % 2 != 0) throw py::value_error("`boxes` has the wrong shape");
        const int ndim = dimensions(columns / 2);
        const std::int64_t count = rows_of(boxes, columns, "boxes");
        if (labels && (labels->ndim() != 1 || labels->shape(0) != count))
          throw py::value_error("`labels` has the wrong shape");
        const std::int64_t* numbers = labels ? labels->data() : nullptr;
        std::vector<std::uint8_t> keep;
        {
          const py::gil_scoped_release released;
          keep = cpu::keep_boxes(boxes.data(), numbers, count, ndim, threshold);
        }
        return array_from(keep);
      },
      "boxes"_a.noconvert(), "labels"_a.noconvert(), "threshold"_a);
  module.def(
      "box_hessian",
      [](const py::array& integral, const std::optional<py::array>& holes, const py::array& dst, double sigma,
         int workers) {
        const Image in = image_of(integral, "integral"), out = image_of(dst, "dst", Access::write);
        const Image missing = holes ? image_of(*holes, "holes") : in;
        for (const Image* image : {&in, &missing, &out}) {
          check_same_shape(*image, "integral", out, "dst");
          check_same_dtype(*image, "integral", out, "dst");
          if (image->dtype != DType::f64 || image->ndim != 2) throw py::type_error("images must be 2-D and float64");
          if (image->stride[2] != 1) throw py::value_error("rows must be contiguous");
        }
        const py::gil_scoped_release released;
        cpu::box_hessian(in, holes ? &missing : nullptr, out, sigma, {workers});
      },
      "integral"_a.noconvert(), "holes"_a.noconvert().none(true), "dst"_a.noconvert(), "sigma"_a, "workers"_a = 0);
  module.def(
      "rx_detector",
      [](const std::vector<py::array>& channels, const std::optional<py::array>& mask, const py::array& dst,
         const std::vector<std::int64_t>& inner, const std::vector<std::int64_t>& outer, double regularization,
         const std::vector<double>& centre, int workers) {
        const Image out = image_of(dst, "dst", Access::write);
        if (out.dtype != DType::f32 && out.dtype != DType::f64) throw py::type_error("`dst` must be floating point");
        std::vector<Image> in;
        for (const py::array& channel : channels) {
          in.push_back(image_of(channel, "channels"));
          check_same_shape(in.back(), "channels", out, "dst");
          check_same_dtype(in.back(), "channels", in.front(), "channels");
        }
        const auto inside = mask_of(mask, out);
        const RxWindow window{three_of(inner, out), three_of(outer, out), regularization, centre};
        const py::gil_scoped_release released;
        cpu::rx_detector(in, inside ? &*inside : nullptr, out, window, {workers});
      },
      "channels"_a, "mask"_a.noconvert(), "dst"_a.noconvert(), "inner"_a, "outer"_a, "regularization"_a, "centre"_a,
      "workers"_a = 0);
  module.def(
      "reflect",
      [](const py::array& src, const py::array& dst, const std::vector<double>& side, double offset,
         const std::vector<double>& step, double outside, int workers) {
        const Image in = image_of(src, "src"), out = image_of(dst, "dst", Access::write);
        check_same_shape(in, "src", out, "dst");
        if (out.dtype != DType::f32 && out.dtype != DType::f64) throw py::type_error("`dst` must be floating point");
        struct One {
          double side = 0, step = 0;
        };
        std::array<One, 3> axes;
        set_axes(axes, &One::side, side, in);
        set_axes(axes, &One::step, step, in);
        const Mirror mirror{
            {axes[0].side, axes[1].side, axes[2].side}, offset, {axes[0].step, axes[1].step, axes[2].step}};
        const py::gil_scoped_release released;
        cpu::reflect(in, out, mirror, outside, {workers});
      },
      "src"_a.noconvert(), "dst"_a.noconvert(), "side"_a, "offset"_a, "step"_a, "outside"_a, "workers"_a = 0);
}

}  // namespace cormack::bindings
