#include "cuda/plan.hpp"
#if defined(CORMACK_SEES_KERNELS)
#include "pointwise/lut_map.cuh"
#endif

// Images: source (integers), table, target of the table's dtype. Parameter: first.
CORMACK_PLAN(lut_map) {
  const Layout from = plan.layout(0), to = plan.layout(2);
  const bool dense = plan.dense(0) && plan.dense(2);
  const long long first = plan.integer("first"), size = plan.image(1).size();
  const auto with_bits = [&](auto bits) {
    using Bits = decltype(bits);
    cormack::dispatch(plan.image(0).dtype, [&](auto s) {
      using S = decltype(s);
      if constexpr (std::is_integral_v<S>)
        plan.launch(CORMACK_KERNEL(lut_map, S, Bits), Plan::blocks_for(from.size(), 256, 1 << 16), Dim{256}, 0,
                    plan.data<S>(0), from, plan.data<Bits>(1), size, first, plan.data<Bits>(2), to, dense);
      else throw std::invalid_argument("lut_map: the image must have an integer dtype");
    });
  };
  switch (cormack::item_size(plan.image(2).dtype)) {
    case 1:
      return with_bits(static_cast<unsigned char>(0));
    case 2:
      return with_bits(static_cast<unsigned short>(0));
    case 4:
      return with_bits(0u);
    default:
      return with_bits(0ull);
  }
}
