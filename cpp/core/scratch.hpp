#pragma once
// Uninitialised working memory, aligned for the widest vector, freed at the end of its scope.
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>

namespace cormack {

template <class T>
class Scratch {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  explicit Scratch(std::int64_t count)
      : data_(static_cast<T*>(::operator new(static_cast<std::size_t>(count) * sizeof(T) + kSlack, kAlignment))) {}
  ~Scratch() { ::operator delete(data_, kAlignment); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  T* data() const { return data_; }
  T& operator[](std::int64_t i) const { return data_[i]; }

 private:
  // One whole vector may be read past the last element.
  static constexpr std::size_t kSlack = 64;
  static constexpr std::align_val_t kAlignment{64};
  T* data_;
};

}  // namespace cormack
