#pragma once
// Uninitialised working memory, aligned for the widest vector, freed at the end of its scope.
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>

namespace cormack {

// `bytes` and one vector more, which may be read past the end. Large pieces ask for large pages.
void* take_scratch(std::size_t bytes);
void give_back_scratch(void* data, std::size_t bytes) noexcept;

template <class T>
class Scratch {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  explicit Scratch(std::int64_t count)
      : bytes_(static_cast<std::size_t>(count) * sizeof(T)), data_(static_cast<T*>(take_scratch(bytes_))) {}
  ~Scratch() { give_back_scratch(data_, bytes_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  T* data() const { return data_; }
  T& operator[](std::int64_t i) const { return data_[i]; }

 private:
  std::size_t bytes_;
  T* data_;
};

// For containers that grow large: as Scratch, their memory asks for large pages.
template <class T>
struct LargePages {
  using value_type = T;

  LargePages() = default;
  template <class U>
  LargePages(const LargePages<U>&) {}

  T* allocate(std::size_t count) {
    if (count > static_cast<std::size_t>(-1) / 2 / sizeof(T)) throw std::bad_array_new_length();
    return static_cast<T*>(take_scratch(count * sizeof(T)));
  }
  void deallocate(T* data, std::size_t count) noexcept { give_back_scratch(data, count * sizeof(T)); }
  friend bool operator==(const LargePages&, const LargePages&) { return true; }
};

}  // namespace cormack
