#include "segment/label_runs.hpp"

#include <bit>

#include "segment/bit_image_rows.hpp"

namespace cormack {
namespace {

template <class T>
class TypedRunFinder final : public RunFinder {
 public:
  explicit TypedRunFinder(const Image& labels)
      : rows_(labels.view<const T>()),
        width_(labels.shape[2]),
        words_((width_ + 63) / 64),
        changes_(words_),
        places_(width_ + 1),
        change_bits_(bit_image_rows().changes.get<T>()) {}

  std::int64_t find(std::int64_t z, std::int64_t y, LabelRun* runs) const override {
    const T* row = rows_(z, y);
    change_bits_(row, changes_.data(), width_);
    // Runs of background are written too, and overwritten: whether one is or not is hard to foresee.
    LabelRun* run = runs;
    std::int64_t count = 0;
    for (std::int64_t w = 0; w < words_; ++w) {
      for (std::uint64_t bits = changes_[w]; bits != 0; bits &= bits - 1)
        places_[count++] = w * 64 + std::countr_zero(bits);
    }
    places_[count] = width_;
    for (std::int64_t i = 0; i < count; ++i) {
      *run = {static_cast<std::int64_t>(row[places_[i]]), places_[i], places_[i + 1]};
      run += run->label != 0;
    }
    return run - runs;
  }

 private:
  ContiguousRows<T> rows_;
  std::int64_t width_, words_;
  Scratch<std::uint64_t> changes_;
  Scratch<std::int64_t> places_;
  ChangeBits<T> change_bits_;
};

}  // namespace

std::unique_ptr<RunFinder> run_finder(const Image& labels) {
  return dispatch(labels.dtype, [&](auto value) -> std::unique_ptr<RunFinder> {
    using T = decltype(value);
    if constexpr (std::is_integral_v<T>) return std::make_unique<TypedRunFinder<T>>(labels);
    else throw std::invalid_argument("cormack: labels must have an integer dtype");
  });
}

}  // namespace cormack
