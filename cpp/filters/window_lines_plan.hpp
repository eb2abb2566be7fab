#pragma once
// How passes over windows are launched.
#include <algorithm>
#include <array>

#include "cuda/plan.hpp"
#include "filters/window_lines.hpp"
#if defined(CORMACK_SEES_KERNELS)
#include "filters/window_lines.cuh"
#endif

namespace cormack::device {

// The axes of an image (0 is z), those whose neighbours lie farther apart first, and of one voxel before all.
inline std::array<std::size_t, 3> by_stride(const Image& image) {
  std::array<std::size_t, 3> axes{0, 1, 2};
  const auto step = [&](std::size_t a) {
    const std::int64_t stride = image.stride[a];
    return image.shape[a] > 1 ? (stride < 0 ? -stride : stride) : std::numeric_limits<std::int64_t>::max();
  };
  std::stable_sort(axes.begin(), axes.end(), [&](std::size_t a, std::size_t b) { return step(a) > step(b); });
  return axes;
}

// Of an image in C order with the extents of another's axes, in this order.
inline Layout dense_in_order(const Image& image, std::array<std::size_t, 3> axes) {
  const auto extent = [&](std::size_t i) { return static_cast<int>(image.shape[axes[i]]); };
  return {image.shape[axes[1]] * image.shape[axes[2]], image.shape[axes[2]], 1, extent(0), extent(1), extent(2), 0};
}

// The axes of an image (0 is z) with `axis` first, then the one whose neighbours lie farther apart.
inline std::array<std::size_t, 3> axis_first(const Image& image, std::size_t axis) {
  auto axes = by_stride(image);
  std::stable_partition(axes.begin(), axes.end(), [&](std::size_t a) { return a == axis; });
  return axes;
}

// Of an image in C order with the extents of another.
inline Layout dense_layout(const Image& image, std::array<std::size_t, 3> axes = {0, 1, 2}) {
  const std::array<std::int64_t, 3> stride{image.shape[1] * image.shape[2], image.shape[2], 1};
  return {stride[axes[0]],
          stride[axes[1]],
          stride[axes[2]],
          static_cast<int>(image.shape[axes[0]]),
          static_cast<int>(image.shape[axes[1]]),
          static_cast<int>(image.shape[axes[2]]),
          0};
}

// How a pass is cut into blocks; no tile where shared memory cannot hold a window.
struct WindowPass {
  WindowLines window;
  Dim grid;
  unsigned shared;
};

// Of a pass with the axis first in its layout.
inline WindowPass window_pass(const Layout& from, int size, int left, Border border, std::size_t value_bytes) {
  const long long most = static_cast<long long>(Plan::kMostShared / value_bytes);
  WindowPass pass{{size, left, border, 0, 1, 0}, Plan::blocks_for(from.size(), 256, 65535), 0};
  WindowLines& window = pass.window;
  const auto tile_of = [&](long long columns) { return (most / columns - 2 * (size - 1LL)) / 3; };
  // Lines beside each other are read together, unless the axis itself is the one of neighbours.
  const auto magnitude = [](long long stride) { return stride < 0 ? -stride : stride; };
  if (magnitude(from.x) < magnitude(from.z) || from.depth == 1)
    while (window.columns < 16 && tile_of(2 * window.columns) >= 16 && window.columns < from.width) {
      window.columns *= 2;
      ++window.shift;
    }
  const long long tile = std::min<long long>({tile_of(window.columns), from.depth, 1024});
  if (tile < 1) return pass;
  window.tile = static_cast<int>(tile);
  pass.grid = {Plan::parts(from.depth, tile), Plan::parts(from.width, window.columns),
               static_cast<unsigned>(std::min(from.height, 65535))};
  const auto values = static_cast<std::size_t>(window.columns) * static_cast<std::size_t>(3 * tile + 2 * (size - 1));
  pass.shared = static_cast<unsigned>(values * value_bytes);
  return pass;
}

template <class Op, class In, class Out, class Finish>
void add_window_pass(Plan& plan, Pointer<In> source, const Layout& from, Pointer<Out> target, const Layout& to,
                     int size, int left, Border border, typename Op::Value outside, const Finish& finish) {
  const WindowPass pass = window_pass(from, size, left, border, sizeof(typename Op::Value));
  if (pass.window.tile > 0)
    plan.launch(CORMACK_KERNEL(window_lines, Op, In, Out, Finish), pass.grid, Dim{256}, pass.shared, source, from,
                target, to, pass.window, outside, finish);
  else
    plan.launch(CORMACK_KERNEL(long_windows, Op, In, Out, Finish), pass.grid, Dim{256}, 0, source, from, target, to,
                pass.window, outside, finish);
}

}  // namespace cormack::device
