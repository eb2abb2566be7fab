#pragma once
// What an operation does on a GPU, worked out on the host, once, for whoever runs it: a list of launches whose
// arguments are plain bytes or refer to images, scratch memory and constant tables by number.
//
// A plan is one function, in OP.plan.cpp, which is compiled three times: by the C++ compiler into the library, where it
// only knows its kernels' names (Python runs it through CuPy and NVRTC); by nvcc into _cormack_cuda; and with
// CORMACK_SHIM by the C++ compiler for the tests. The last two see the kernels, and check every argument against the
// kernel's parameter: a launch that compiles there is right everywhere.
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/image.hpp"
#include "cuda/layout.hpp"
#if defined(CORMACK_SHIM) || defined(__CUDACC__)
#define CORMACK_SEES_KERNELS 1
#include "cuda/device.cuh"
#endif

namespace cormack::device {

// This case has no GPU form; the text goes on after "OPERATION: on a GPU, ".
class Unsupported : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

enum class Space : std::uint8_t { value, image, scratch, constant };

// Memory on the device, whose address is known when the plan runs.
template <class T>
struct Pointer {
  Space space = Space::value;
  int index = 0;
  std::int64_t offset = 0;  // bytes

  friend Pointer operator+(Pointer pointer, std::int64_t elements) {
    pointer.offset += elements * static_cast<std::int64_t>(sizeof(T));
    return pointer;
  }
};

struct Dim {
  unsigned x = 1, y = 1, z = 1;
};

struct Argument {
  std::size_t place;  // in the bytes of the launch
  Space space;
  int index;
};

struct Launch {
  std::string kernel;  // as NVRTC names it
  Dim grid, block;
  unsigned shared = 0;             // bytes
  std::vector<std::byte> bytes{};  // every argument, at multiples of its alignment; of a pointer its offset
  std::vector<Argument> arguments{};
  const void* function = nullptr;  // where the kernels are seen
  void (*on_shim)(const Launch&, void* const* arguments) = nullptr;
};

// What an operation is asked for. Parameters come as text, NAME=NUMBER,NUMBER;NAME=..., which every caller can write.
struct Request {
  std::vector<Image> images{};  // without data; results too
  std::string parameters{};
  std::vector<std::vector<std::byte>> tables{};
};

// Whether an image lies in C order without gaps.
inline bool dense(const Image& image) {
  return (image.stride[2] == 1 || image.shape[2] <= 1) && (image.stride[1] == image.shape[2] || image.shape[1] <= 1) &&
         (image.stride[0] == image.shape[1] * image.shape[2] || image.shape[0] <= 1);
}

// What NVRTC calls template arguments, types or integers.
template <class T>
std::string spelled() {
  if constexpr (std::is_same_v<T, unsigned char>) return "unsigned char";
  else if constexpr (std::is_same_v<T, signed char>) return "signed char";
  else if constexpr (std::is_same_v<T, unsigned short>) return "unsigned short";
  else if constexpr (std::is_same_v<T, short>) return "short";
  else if constexpr (std::is_same_v<T, unsigned>) return "unsigned int";
  else if constexpr (std::is_same_v<T, int>) return "int";
  else if constexpr (std::is_same_v<T, long long>) return "long long";
  else if constexpr (std::is_same_v<T, unsigned long long>) return "unsigned long long";
  else if constexpr (std::is_same_v<T, float>) return "float";
  else if constexpr (std::is_same_v<T, double>) return "double";
  else return T::name;  // cormack::device::Something
}
template <auto value>
std::string spelled() {
  if constexpr (std::is_same_v<decltype(value), const bool>) return value ? "true" : "false";
  else return std::to_string(value);
}

inline std::string kernel_name(const char* name, std::initializer_list<std::string> arguments) {
  std::string full = std::string("cormack::device::") + name;
  if (arguments.size() == 0) return full;
  char separator = '<';
  for (const std::string& argument : arguments) full += std::exchange(separator, ',') + argument;
  return full + '>';
}

// CORMACK_KERNEL(name, template arguments...): a kernel of namespace cormack::device.
#define CORMACK_SPELL_1(a) ::cormack::device::spelled<a>()
#define CORMACK_SPELL_2(a, ...) ::cormack::device::spelled<a>(), CORMACK_SPELL_1(__VA_ARGS__)
#define CORMACK_SPELL_3(a, ...) ::cormack::device::spelled<a>(), CORMACK_SPELL_2(__VA_ARGS__)
#define CORMACK_SPELL_4(a, ...) ::cormack::device::spelled<a>(), CORMACK_SPELL_3(__VA_ARGS__)
#define CORMACK_SPELL_5(a, ...) ::cormack::device::spelled<a>(), CORMACK_SPELL_4(__VA_ARGS__)
#define CORMACK_SPELL_AT(_1, _2, _3, _4, _5, name, ...) name
#define CORMACK_SPELL(...)                                                                                             \
  CORMACK_SPELL_AT(__VA_ARGS__, CORMACK_SPELL_5, CORMACK_SPELL_4, CORMACK_SPELL_3, CORMACK_SPELL_2, CORMACK_SPELL_1, ) \
  (__VA_ARGS__)
#if defined(CORMACK_SEES_KERNELS)
template <class... P>
struct Kernel {
  std::string name;
  void (*function)(P...);
};
template <class... P>
Kernel<P...> kernel_of(std::string name, void (*function)(P...)) {
  return {std::move(name), function};
}
#define CORMACK_KERNEL(name, ...)                                                                               \
  ::cormack::device::kernel_of(::cormack::device::kernel_name(#name, {__VA_OPT__(CORMACK_SPELL(__VA_ARGS__))}), \
                               &::cormack::device::name __VA_OPT__(<__VA_ARGS__>))
#else
struct Kernel {
  std::string name;
};
#define CORMACK_KERNEL(name, ...) \
  ::cormack::device::Kernel { ::cormack::device::kernel_name(#name, {__VA_OPT__(CORMACK_SPELL(__VA_ARGS__))}) }
#endif

#if defined(CORMACK_SEES_KERNELS)
// How a parameter of a kernel is given in a plan.
template <class P>
struct Given {
  template <class A>
  static constexpr bool takes = std::is_same_v<P, A>;
};
template <class T>
struct Given<T*> {
  template <class A>
  static constexpr bool takes = std::is_same_v<A, Pointer<T>> || std::is_same_v<A, Pointer<std::remove_const_t<T>>>;
};
#endif

class Plan {
 public:
  static constexpr unsigned kMostShared = 48u << 10;  // what every GPU gives without asking

  explicit Plan(const Request& request) : request_(request) {
    for (const Image& image : request.images)
      for (const std::int64_t extent : image.shape)
        if (extent > std::numeric_limits<int>::max()) throw Unsupported("an axis has at most 2^31 - 1 voxels");
  }

  std::size_t image_count() const { return request_.images.size(); }
  const Image& image(std::size_t index) const { return request_.images.at(index); }
  bool dense(std::size_t index) const { return device::dense(image(index)); }
  // Of the image's axes in this order.
  Layout layout(std::size_t index, std::array<std::size_t, 3> axes = {0, 1, 2}) const {
    const Image& i = image(index);
    return {i.stride[axes[0]],
            i.stride[axes[1]],
            i.stride[axes[2]],
            static_cast<int>(i.shape[axes[0]]),
            static_cast<int>(i.shape[axes[1]]),
            static_cast<int>(i.shape[axes[2]]),
            0};
  }
  // The image's first voxel.
  template <class T>
  Pointer<T> data(std::size_t index) const {
    (void)image(index);
    return {Space::image, static_cast<int>(index), 0};
  }
  // Memory for intermediate results, which holds anything at first.
  template <class T>
  Pointer<T> scratch(long long count) {
    scratch_bytes.push_back(static_cast<std::int64_t>(sizeof(T)) * (count > 0 ? count : 1));
    return {Space::scratch, static_cast<int>(scratch_bytes.size()) - 1, 0};
  }
  // A copy of host values, for every launch.
  template <class T>
  Pointer<const T> constant(const std::vector<T>& values) {
    const auto* begin = reinterpret_cast<const std::byte*>(values.data());
    constants.emplace_back(begin, begin + values.size() * sizeof(T));
    return {Space::constant, static_cast<int>(constants.size()) - 1, 0};
  }
  // A table that came with the request.
  template <class T>
  std::vector<T> table(std::size_t index) const {
    const std::vector<std::byte>& bytes = request_.tables.at(index);
    std::vector<T> values(bytes.size() / sizeof(T));
    if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
    return values;
  }

  std::vector<double> reals(std::string_view name) const { return numbers<double>(name); }
  std::vector<long long> integers(std::string_view name) const { return numbers<long long>(name); }
  double real(std::string_view name) const { return reals(name).at(0); }
  long long integer(std::string_view name) const { return integers(name).at(0); }

  // How many parts of a given length cover an extent.
  static unsigned parts(long long extent, long long part) { return static_cast<unsigned>((extent + part - 1) / part); }
  // For blocks of 32 x 8 threads that go over_voxels (cuda/voxels.cuh).
  static Dim voxel_grid(const Layout& of) {
    if (of.depth >= 1 << 30 || of.height >= 1 << 30 || of.width >= 1 << 30)
      throw Unsupported("an axis has less than 2^30 voxels");
    const unsigned most = 65535, rows = parts(of.height, 8), planes = static_cast<unsigned>(of.depth);
    return {parts(of.width, 32), rows < most ? rows : most, planes < most ? planes : most};
  }
  // Blocks of `block` threads for `count` items. At most `most` blocks where threads take several items each.
  static Dim blocks_for(long long count, unsigned block, long long most = std::numeric_limits<int>::max()) {
    const long long blocks = (count + block - 1) / block;
    if (blocks > std::numeric_limits<int>::max() && most > std::numeric_limits<int>::max() - 1)
      throw Unsupported("the image is too large");
    return {static_cast<unsigned>(blocks < most ? (blocks > 0 ? blocks : 1) : most), 1, 1};
  }

#if defined(CORMACK_SEES_KERNELS)
  template <class... P, class... A>
  void launch(const Kernel<P...>& kernel, Dim grid, Dim block, unsigned shared, const A&... arguments) {
    static_assert(sizeof...(P) == sizeof...(A), "a kernel is launched with another number of arguments");
    static_assert((Given<P>::template takes<A> && ...), "an argument's type is not that of the kernel's parameter");
    Launch& made = add(kernel.name, grid, block, shared);
    (append(made, arguments), ...);
    made.function = reinterpret_cast<const void*>(kernel.function);
#if defined(CORMACK_SHIM)
    made.on_shim = [](const Launch& l, void* const* values) { call<P...>(l, values, std::index_sequence_for<P...>{}); };
#endif
  }
#else
  template <class... A>
  void launch(const Kernel& kernel, Dim grid, Dim block, unsigned shared, const A&... arguments) {
    Launch& made = add(kernel.name, grid, block, shared);
    (append(made, arguments), ...);
  }
#endif

  template <class T>
  void fill(Pointer<T> memory, long long count, T value) {
    launch(CORMACK_KERNEL(fill, T), blocks_for(count, 256, 4096), Dim{256}, 0, memory, count, value);
  }

  std::vector<Launch> launches{};
  std::vector<std::int64_t> scratch_bytes{};
  std::vector<std::vector<std::byte>> constants{};

 private:
  template <class N>
  std::vector<N> numbers(std::string_view name) const {
    std::string_view rest = request_.parameters;
    while (!rest.empty()) {
      const std::string_view entry = rest.substr(0, rest.find(';'));
      rest.remove_prefix(entry.size() < rest.size() ? entry.size() + 1 : entry.size());
      if (entry.size() <= name.size() || entry.substr(0, name.size()) != name || entry[name.size()] != '=') continue;
      std::vector<N> values;
      const char *at = entry.data() + name.size() + 1, *const end = entry.data() + entry.size();
      while (at < end) {
        N value{};
        const auto [next, error] = std::from_chars(at, end, value);
        if (error != std::errc{}) throw std::invalid_argument("cormack: a parameter is not a number");
        values.push_back(value);
        at = next < end ? next + 1 : next;
      }
      return values;
    }
    throw std::invalid_argument("cormack: the parameter " + std::string(name) + " is missing");
  }

  Launch& add(const std::string& name, Dim grid, Dim block, unsigned shared) {
    if (grid.y > 65535 || grid.z > 65535) throw Unsupported("the image is too large");
    if (grid.x == 0 || grid.y == 0 || grid.z == 0 || block.x * block.y * block.z > 1024 || shared > kMostShared)
      throw std::logic_error("cormack: a launch that no GPU runs: " + name);
    return launches.emplace_back(Launch{name, grid, block, shared});
  }
  static void append_bytes(Launch& made, const void* value, std::size_t size, std::size_t alignment, Space space,
                           int index) {
    const std::size_t place = (made.bytes.size() + alignment - 1) / alignment * alignment;
    made.bytes.resize(place + size);
    std::memcpy(made.bytes.data() + place, value, size);
    made.arguments.push_back({place, space, index});
  }
  template <class T>
  static void append(Launch& made, const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    append_bytes(made, &value, sizeof value, alignof(T), Space::value, 0);
  }
  template <class T>
  static void append(Launch& made, const Pointer<T>& pointer) {
    append_bytes(made, &pointer.offset, sizeof pointer.offset, alignof(void*), pointer.space, pointer.index);
  }
#if defined(CORMACK_SHIM)
  template <class... P, std::size_t... I>
  static void call(const Launch& made, void* const* values, std::index_sequence<I...>) {
    const auto kernel = reinterpret_cast<void (*)(P...)>(const_cast<void*>(made.function));
    const dim3 grid(made.grid.x, made.grid.y, made.grid.z), block(made.block.x, made.block.y, made.block.z);
    shim::launch(grid, block, made.shared, [&] { kernel(*static_cast<std::remove_const_t<P>*>(values[I])...); });
  }
#endif

  const Request& request_;
};

// Puts addresses where the arguments of a launch have offsets, and returns where each argument lies in `bytes`, which
// must outlive it.
inline std::vector<void*> resolved(const Launch& launch, std::vector<std::byte>& bytes,
                                   const std::vector<std::uintptr_t>& images,
                                   const std::vector<std::uintptr_t>& scratch,
                                   const std::vector<std::uintptr_t>& constants) {
  bytes = launch.bytes;
  std::vector<void*> places;
  places.reserve(launch.arguments.size());
  for (const Argument& argument : launch.arguments) {
    std::byte* const place = bytes.data() + argument.place;
    if (argument.space != Space::value) {
      const auto& from = argument.space == Space::image     ? images
                         : argument.space == Space::scratch ? scratch
                                                            : constants;
      std::int64_t offset = 0;
      std::memcpy(&offset, place, sizeof offset);
      const std::uintptr_t address =
          from.at(static_cast<std::size_t>(argument.index)) + static_cast<std::uintptr_t>(offset);
      std::memcpy(place, &address, sizeof address);
    }
    places.push_back(place);
  }
  return places;
}

}  // namespace cormack::device

// CORMACK_PLAN(operation) { ... plan ... }: the plan of an operation, at namespace scope.
#if defined(CORMACK_SHIM)
#include "cuda/shim_call.hpp"
#define CORMACK_PLAN(operation)                                                                           \
  namespace cormack::device::plans {                                                                      \
  static void operation(Plan& plan);                                                                      \
  }                                                                                                       \
  extern "C" __attribute__((visibility("default"))) int cormack_shim(const ::cormack::shim::Call* call) { \
    return ::cormack::shim::run(::cormack::device::plans::operation, *call);                              \
  }                                                                                                       \
  static void cormack::device::plans::operation([[maybe_unused]] Plan& plan)
#else
#define CORMACK_PLAN(operation)      \
  namespace cormack::device::plans { \
  void operation(Plan& plan);        \
  }                                  \
  void cormack::device::plans::operation([[maybe_unused]] Plan& plan)
#endif
