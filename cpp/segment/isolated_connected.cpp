#include "segment/isolated_connected.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "core/unit_rows.hpp"
#include "segment/flood.hpp"

namespace cormack::cpu {
namespace {

// Numbers are ITK's: integers are halved towards zero, floating values are searched in double.
template <class T>
struct Search {
  using Number = std::conditional_t<std::is_integral_v<T>, std::int64_t, double>;

  static Number half(Number a, Number b) {
    if constexpr (std::is_integral_v<T>) return (a + b) / 2;
    else return a / 2 + b / 2;
  }
  static Number number(double value, bool is_lower) {
    constexpr auto least = static_cast<double>(std::numeric_limits<T>::lowest());
    constexpr auto most = static_cast<double>(std::numeric_limits<T>::max());
    if constexpr (std::is_integral_v<T>) value = is_lower ? std::ceil(value) : std::floor(value);
    return static_cast<Number>(static_cast<T>(std::clamp(value, least, most)));
  }
};

template <class T>
double grow(const Image& image, const Image& out, const IsolatedConnected& how, int workers) {
  using Number = typename Search<T>::Number;
  const UnitRows<T> rows(image.view<const T>(), workers);
  Image values = image;
  values.data = const_cast<T*>(rows.view().data);
  values.stride = rows.view().stride;
  std::optional<BitImage> inside;
  if (how.mask != nullptr) nonzero_bits(*how.mask, false, inside.emplace(image.shape), workers);
  BitImage allowed(image.shape);
  Flood flood(allowed, how.connectivity);

  const auto fill = [&](Number low, Number high) {
    // A bound is a value of the image's type.
    const auto lower = static_cast<double>(static_cast<T>(low)), upper = static_cast<double>(static_cast<T>(high));
    threshold_bits_within(values, lower, upper, inside ? &*inside : nullptr, allowed, workers);
    flood.clear();
    flood.start(how.seeds);
    flood.grow();
  };
  const auto reached = [&] {
    return std::any_of(how.others.begin(), how.others.end(), [&](const auto& pixel) {
      const BitImage::Place place = allowed.place(pixel);
      return (flood.region().data()[place.index] & place.bit) != 0;
    });
  };

  const Number first = Search<T>::number(how.lower, true), last = Search<T>::number(how.upper, false);
  const auto tolerance = static_cast<Number>(how.tolerance);
  Number low = first, high = last, guess = how.find_upper ? high : low;
  while (how.find_upper ? low + tolerance < guess : guess < high - tolerance) {
    if (how.find_upper) fill(first, guess);
    else fill(guess, last);
    (reached() == how.find_upper ? high : low) = guess;
    const Number next = Search<T>::half(high, low);
    // A tolerance finer than the type's numbers would never be met.
    if (next == guess) break;
    guess = next;
  }
  const T found = static_cast<T>(how.find_upper ? low : high);
  if (how.find_upper) fill(first, static_cast<Number>(found));
  else fill(static_cast<Number>(found), last);
  expand_bits(flood.region(), out, workers);
  return static_cast<double>(found);
}

}  // namespace

double isolated_connected(const Image& image, const Image& out, const IsolatedConnected& how, Context context) {
  return dispatch(image.dtype, [&](auto value) { return grow<decltype(value)>(image, out, how, context.workers); });
}

}  // namespace cormack::cpu
