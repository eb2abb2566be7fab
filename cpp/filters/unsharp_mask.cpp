#include "filters/unsharp_mask.hpp"

#include "core/check.hpp"
#include "core/unit_rows.hpp"
#include "filters/tap_passes.hpp"
#include "filters/unsharp_mask_rows.hpp"

namespace cormack {
namespace {

template <class T>
class SharpenWorker : public TapWorker<T> {
 public:
  using Work = TapWork<T>;

  SharpenWorker(const View<const T>& src, const TapPasses<Work>& passes, Work amount)
      : TapWorker<T>(src, passes), src_(src), amount_(amount), smooth_(src.shape[2]) {}

  void write(std::int64_t z, std::int64_t y, Work* const* lines, T* out) {
    this->write_work(lines, smooth_.data());
    sharpen_(out, src_.row(z, y), smooth_.data(), amount_, src_.shape[2]);
  }

 private:
  const View<const T>& src_;
  Work amount_;
  Scratch<Work> smooth_;
  Sharpen<T> sharpen_ = unsharp_mask_rows().sharpen.template get<T>();
};

}  // namespace

namespace cpu {

void unsharp_mask(const Image& src, const Image& dst, std::array<AxisTaps, 3> axes, double amount, Context context) {
  check_one_shape("unsharp_mask", src, dst);
  if (src.size() == 0) return;
  if (src.ndim == 2) axes[0] = AxisTaps{};
  dispatch(src.dtype, [&](auto pixel) {
    using T = decltype(pixel);
    using Work = TapWork<T>;
    const UnitRows<T> unit_rows(src.view<const T>(), context.workers);
    const TapPasses<Work> passes(axes);
    run_rows<Work, 1, 1>(dst.view<T>(), passes.plan, sizeof(T), src.dtype == DType::boolean, context,
                         [&] { return SharpenWorker<T>(unit_rows.view(), passes, static_cast<Work>(amount)); });
  });
}

}  // namespace cpu
}  // namespace cormack
