#include <algorithm>

#include "filters/keys.hpp"
#include "filters/window_lines_plan.hpp"
#if defined(CORMACK_SEES_KERNELS)
#include "filters/extremum_filter.cuh"
#endif

// Images: source, target of one dtype. Parameters: size, origin, border, each for z, y, x; cval; least (or largest).
CORMACK_PLAN(extremum_filter) {
  const auto size = plan.integers("size"), origin = plan.integers("origin"), border = plan.integers("border");
  const bool least = plan.integer("least") != 0;
  std::array<std::size_t, 3> order{};
  std::size_t count = 0;
  for (std::size_t axis = 0; axis < 3; ++axis)
    if (size.at(axis) > 1) order[count++] = axis;
  if (count == 0) order[count++] = 2;
  const cormack::Image& image = plan.image(0);
  cormack::dispatch(image.dtype, [&](auto pixel) {
    using T = decltype(pixel);
    using K = typename Key<T>::Type;
    const K outside = Key<T>::of(saturated<T>(plan.real("cval")));
    Pointer<K> between[2];
    for (std::size_t i = 0; i + 1 < count; ++i) between[i] = plan.scratch<K>(plan.layout(0).size());
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t axis = order[i];
      const bool last = i + 1 == count;
      const auto axes = axis_first(image, axis);
      const Layout dense = dense_layout(image, axes), from = i == 0 ? plan.layout(0, axes) : dense,
                   to = last ? plan.layout(1, axes) : dense;
      const auto extent = static_cast<int>(size[axis]);
      const WindowPass pass = window_pass(from, extent, static_cast<int>(size[axis] / 2 + origin.at(axis)),
                                          static_cast<cormack::Border>(border.at(axis)), sizeof(K));
      const auto add = [&]<class In, class Out>(Pointer<In> source, Pointer<Out> target) {
        const auto launch = [&](const auto& kernel) {
          plan.launch(kernel, pass.grid, Dim{256}, pass.shared, source, from, target, to, pass.window, outside);
        };
        if (least) launch(CORMACK_KERNEL(extremum_lines, T, In, Out, true));
        else launch(CORMACK_KERNEL(extremum_lines, T, In, Out, false));
      };
      if (i == 0 && last) add(plan.data<T>(0), plan.data<T>(1));
      else if (i == 0) add(plan.data<T>(0), between[0]);
      else if (last) add(between[i - 1], plan.data<T>(1));
      else add(between[i - 1], between[i]);
    }
  });
}
