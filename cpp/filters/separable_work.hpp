#pragma once
// What weighted sums are computed in: float32 for 8- and 16-bit integers and float32, else float64. No standard header.
namespace cormack::device {

template <class T>
struct WorkFor {
  using Type = double;
};
template <>
struct WorkFor<unsigned char> {
  using Type = float;
};
template <>
struct WorkFor<signed char> {
  using Type = float;
};
template <>
struct WorkFor<unsigned short> {
  using Type = float;
};
template <>
struct WorkFor<short> {
  using Type = float;
};
template <>
struct WorkFor<float> {
  using Type = float;
};

}  // namespace cormack::device
