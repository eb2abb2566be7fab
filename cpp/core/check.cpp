#include "core/check.hpp"

#include <string>

namespace cormack {
namespace {

std::string text_of(const Image& image) {
  std::string text = "(";
  for (std::size_t axis = 0; axis < 3; ++axis)
    text.append(axis == 0 ? "" : ", ").append(std::to_string(image.shape[axis]));
  return text.append(")");
}

}  // namespace

void check_one_shape(const char* function, const Image& image, const Image& other) {
  if (image.shape == other.shape) return;
  std::string text = function;
  text.append(": images must have one shape, got ").append(text_of(image)).append(" and ").append(text_of(other));
  throw std::invalid_argument(text);
}

void check_mask(const char* function, const Image& image, const Image* mask) {
  if (mask == nullptr) return;
  if (mask->dtype != DType::boolean && mask->dtype != DType::u8)
    throw std::invalid_argument(std::string(function) + ": a mask must be bool or uint8");
  check_one_shape(function, image, *mask);
}

}  // namespace cormack
