#include "features/region_box.hpp"

#include <algorithm>
#include <limits>
#include <mutex>
#include <type_traits>

#include "core/parallel.hpp"

namespace cormack {
namespace {

// Whether a row has such a voxel. The flags are as wide as the pixels, so that the loop is one of vectors.
template <class T, class Inside>
bool any_inside(const T* row, std::int64_t step, std::int64_t n, const Inside& inside) {
  using Flag = std::conditional_t<sizeof(T) == 1, std::uint8_t,
                                  std::conditional_t<sizeof(T) == 2, std::uint16_t,
                                                     std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>>;
  Flag found = 0;
  if (step == 1) {
    for (std::int64_t x = 0; x < n; ++x) found = static_cast<Flag>(found | static_cast<Flag>(inside(row[x])));
  } else {
    for (std::int64_t x = 0; x < n; ++x) found = static_cast<Flag>(found | static_cast<Flag>(inside(row[x * step])));
  }
  return found != 0;
}

template <class T, class Inside>
RegionBox run(const View<const T>& labels, Context context, const Inside& inside) {
  const std::int64_t depth = labels.shape[0], height = labels.shape[1], width = labels.shape[2];
  const std::int64_t step = labels.unit_rows() ? 1 : labels.stride[2];
  RegionBox box;
  box.begin = labels.shape;
  std::mutex mutex;
  const std::int64_t grain = std::max<std::int64_t>(1, 262144 / std::max<std::int64_t>(1, width));
  parallel_for(depth * height, grain, context.workers, [&](std::int64_t begin, std::int64_t end) {
    RegionBox own;
    own.begin = labels.shape;
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t z = i / height, y = i % height;
      const T* const row = labels.row(z, y);
      if (!any_inside(row, step, width, inside)) continue;
      std::int64_t first = 0, last = width;
      while (!inside(row[first * step])) ++first;
      while (!inside(row[(last - 1) * step])) --last;
      own.begin = {std::min(own.begin[0], z), std::min(own.begin[1], y), std::min(own.begin[2], first)};
      own.end = {std::max(own.end[0], z + 1), std::max(own.end[1], y + 1), std::max(own.end[2], last)};
    }
    const std::lock_guard lock(mutex);
    for (std::size_t axis = 0; axis < 3; ++axis) {
      box.begin[axis] = std::min(box.begin[axis], own.begin[axis]);
      box.end[axis] = std::max(box.end[axis], own.end[axis]);
    }
  });
  return box.end[0] == 0 ? RegionBox{} : box;
}

}  // namespace

namespace cpu {

RegionBox region_box(const Image& labels, std::optional<double> label, Context context) {
  return dispatch(labels.dtype, [&](auto t) {
    using T = decltype(t);
    const auto view = labels.view<const T>();
    if (!label) return run<T>(view, context, [](T value) { return value != T(0); });
    if (!(*label >= static_cast<double>(std::numeric_limits<T>::lowest()) &&
          *label <= static_cast<double>(std::numeric_limits<T>::max())) ||
        static_cast<double>(static_cast<T>(*label)) != *label)
      return RegionBox{};
    const T wanted = static_cast<T>(*label);
    return run<T>(view, context, [=](T value) { return value == wanted; });
  });
}

}  // namespace cpu
}  // namespace cormack
