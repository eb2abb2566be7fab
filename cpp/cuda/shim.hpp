#pragma once
// Runs CUDA kernels on the CPU, to test them where there is no GPU: one block at a time, a fiber for each thread, which
// are switched at barriers, warp operations and, at random, at atomics. Found are wrong results, missing and divergent
// barriers, memory that was never written (poisoned) and, under AddressSanitizer, what lies out of bounds. Not found
// are what only a GPU does: misaligned access, missing fences, warp code without _sync.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>
#if !defined(__x86_64__)
#include <ucontext.h>
#endif

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned a = 1, unsigned b = 1, unsigned c = 1) : x(a), y(b), z(c) {}
};
#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __grid_constant__
#define __launch_bounds__(...)
#define __restrict__ __restrict

namespace cormack::shim {

#if defined(__x86_64__)
struct Fiber {
  void* stack_pointer = nullptr;
};
// Saves what the calling convention has a function preserve, on the stack, and changes stacks.
__attribute__((naked, noinline)) inline void change(void**, void*) {
  asm volatile(
      "pushq %rbp\n pushq %rbx\n pushq %r12\n pushq %r13\n pushq %r14\n pushq %r15\n"
      "movq %rsp, (%rdi)\n movq %rsi, %rsp\n"
      "popq %r15\n popq %r14\n popq %r13\n popq %r12\n popq %rbx\n popq %rbp\n ret\n");
}
inline void change(Fiber& from, Fiber& to) { change(&from.stack_pointer, to.stack_pointer); }
inline void prepare(Fiber& fiber, char* stack, std::size_t size, void (*entry)()) {
  auto** top = reinterpret_cast<void**>((reinterpret_cast<std::uintptr_t>(stack) + size) & ~std::uintptr_t{15});
  *--top = nullptr;
  *--top = reinterpret_cast<void*>(entry);
  for (int i = 0; i < 6; ++i) *--top = nullptr;
  fiber.stack_pointer = top;
}
#else
struct Fiber {
  ucontext_t context;
};
inline void change(Fiber& from, Fiber& to) { swapcontext(&from.context, &to.context); }
inline void prepare(Fiber& fiber, char* stack, std::size_t size, void (*entry)()) {
  getcontext(&fiber.context);
  fiber.context.uc_stack.ss_sp = stack;
  fiber.context.uc_stack.ss_size = size;
  fiber.context.uc_link = nullptr;
  makecontext(&fiber.context, entry, 0);
}
#endif

enum class Wait { nothing, block, warp };

struct Thread {
  Fiber fiber;
  dim3 index;
  unsigned number = 0;
  Wait wait = Wait::nothing;
  bool done = false;
  std::uint64_t slot = 0;  // what it shows to its warp
};

// xorshift; <random> would take longer to compile than all the rest.
struct Random {
  std::uint64_t state = 1;
  void seed(std::uint64_t number) { state = number * 0x9E3779B97F4A7C15ull + 1; }
  std::uint64_t below(std::uint64_t limit) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (state >> 11) % limit;
  }
};

struct Machine {
  // 0: threads in order, 1: in reverse, others: shuffled in each block, and atomics give way at random.
  unsigned schedule = 0;
  Random random;
  dim3 block_index, block, grid;
  std::vector<Thread> threads;
  std::vector<unsigned> order;
  std::vector<char> stacks;
  std::unique_ptr<unsigned char[]> shared;
  Thread* current = nullptr;
  Fiber scheduler;
  void (*body)(void*) = nullptr;
  void* argument = nullptr;
};
inline Machine machine;

constexpr std::size_t kStack = std::size_t{64} << 10;
constexpr unsigned char kPoison = 0xA5;

inline void give_way(Wait wait) {
  Thread& thread = *machine.current;
  thread.wait = wait;
  change(thread.fiber, machine.scheduler);
}

inline void at_random() {
  if (machine.schedule > 1 && machine.random.below(4) == 0) give_way(Wait::nothing);
}

inline void run_thread() {
  machine.body(machine.argument);
  machine.current->done = true;
  change(machine.current->fiber, machine.scheduler);
  std::abort();
}

// Lets every warp go on all of whose live threads wait for each other.
inline bool release_warps() {
  bool released = false;
  auto& threads = machine.threads;
  for (std::size_t first = 0; first < threads.size(); first += 32) {
    const auto begin = threads.begin() + static_cast<std::ptrdiff_t>(first);
    const auto end = threads.begin() + static_cast<std::ptrdiff_t>(std::min(first + 32, threads.size()));
    if (!std::all_of(begin, end, [](const Thread& t) { return t.done || t.wait == Wait::warp; })) continue;
    for (auto thread = begin; thread != end; ++thread) {
      released |= !thread->done;
      thread->wait = Wait::nothing;
    }
  }
  return released;
}

inline void run_block() {
  for (std::size_t i = 0; i < machine.threads.size(); ++i) {
    Thread& thread = machine.threads[i];
    thread.done = false;
    thread.wait = Wait::nothing;
    prepare(thread.fiber, machine.stacks.data() + i * kStack, kStack, run_thread);
  }
  std::size_t live = machine.threads.size();
  while (live) {
    for (const unsigned i : machine.order) {
      Thread& thread = machine.threads[i];
      if (thread.done || thread.wait != Wait::nothing) continue;
      machine.current = &thread;
      change(machine.scheduler, thread.fiber);
      live -= thread.done;
    }
    if (!live || release_warps()) continue;
    std::size_t at_barrier = 0, stuck = 0;
    for (const Thread& thread : machine.threads) {
      if (thread.done) continue;
      at_barrier += thread.wait == Wait::block;
      stuck += thread.wait != Wait::nothing;
    }
    if (stuck < live) continue;
    if (at_barrier < live) throw std::runtime_error("threads of one block wait at different places");
    if (live < machine.threads.size()) throw std::runtime_error("__syncthreads is reached by a part of the block");
    for (Thread& thread : machine.threads) thread.wait = Wait::nothing;
  }
}

template <class Body>
void launch(dim3 grid, dim3 block, std::size_t shared, Body body) {
  Machine& m = machine;
  const unsigned count = block.x * block.y * block.z;
  m.grid = grid;
  m.block = block;
  m.threads.resize(count);
  m.order.resize(count);
  if (m.stacks.size() < count * kStack) m.stacks.resize(count * kStack);
  for (unsigned i = 0; i < count; ++i) {
    m.threads[i].number = i;
    m.threads[i].index = dim3(i % block.x, i / block.x % block.y, i / (block.x * block.y));
    m.order[i] = m.schedule == 1 ? count - 1 - i : i;
  }
  m.body = [](void* pointer) { (*static_cast<Body*>(pointer))(); };
  m.argument = &body;
  // As large as asked for, so that AddressSanitizer sees what lies beyond.
  m.shared = std::make_unique<unsigned char[]>(shared);
  const std::uint64_t blocks = std::uint64_t{grid.x} * grid.y * grid.z;
  for (std::uint64_t number = 0; number < blocks; ++number) {
    // Blocks come in any order too.
    const std::uint64_t b = m.schedule == 1 ? blocks - 1 - number : number;
    m.block_index = dim3(static_cast<unsigned>(b % grid.x), static_cast<unsigned>(b / grid.x % grid.y),
                         static_cast<unsigned>(b / grid.x / grid.y));
    for (unsigned i = m.schedule > 1 ? count : 0; i > 1; --i) std::swap(m.order[i - 1], m.order[m.random.below(i)]);
    std::memset(m.shared.get(), kPoison, shared);
    run_block();
  }
}

template <class T>
std::uint64_t to_slot(T value) {
  static_assert(sizeof(T) <= 8);
  std::uint64_t slot = 0;
  std::memcpy(&slot, &value, sizeof value);
  return slot;
}

// What of each thread of the warp, given its slot: every thread shows its own first, and goes on when all have looked.
template <class T, class Look>
auto with_warp(T value, Look look) {
  Thread& thread = *machine.current;
  thread.slot = to_slot(value);
  give_way(Wait::warp);
  const unsigned first = thread.number & ~31u;
  const auto result = look(&machine.threads[first], std::min<std::size_t>(32, machine.threads.size() - first));
  give_way(Wait::warp);
  return result;
}

template <class T>
T shuffled(T value, unsigned lane) {
  return with_warp(value, [&](const Thread* warp, std::size_t size) {
    T result = value;
    if (lane < size && !warp[lane].done) std::memcpy(&result, &warp[lane].slot, sizeof result);
    return result;
  });
}

inline unsigned lane() { return machine.current->number & 31u; }

template <class T, class Change>
T atomically(T* place, Change change_value) {
  at_random();
  const T before = *place;
  *place = change_value(before);
  return before;
}

}  // namespace cormack::shim

#define threadIdx (::cormack::shim::machine.current->index)
#define blockIdx (::cormack::shim::machine.block_index)
#define blockDim (::cormack::shim::machine.block)
#define gridDim (::cormack::shim::machine.grid)
#define CORMACK_SHARED(T, name) T* const name = reinterpret_cast<T*>(::cormack::shim::machine.shared.get())

inline void __syncthreads() { cormack::shim::give_way(cormack::shim::Wait::block); }
inline void __syncwarp(unsigned = ~0u) { cormack::shim::give_way(cormack::shim::Wait::warp); }
inline void __threadfence() {}
template <class T>
T __shfl_sync(unsigned, T value, unsigned lane) {
  return cormack::shim::shuffled(value, lane & 31u);
}
template <class T>
T __shfl_down_sync(unsigned, T value, unsigned delta) {
  const unsigned lane = cormack::shim::lane();
  return cormack::shim::shuffled(value, lane + delta < 32 ? lane + delta : lane);
}
template <class T>
T __shfl_up_sync(unsigned, T value, unsigned delta) {
  const unsigned lane = cormack::shim::lane();
  return cormack::shim::shuffled(value, lane >= delta ? lane - delta : lane);
}
template <class T>
T __shfl_xor_sync(unsigned, T value, unsigned mask) {
  return cormack::shim::shuffled(value, cormack::shim::lane() ^ mask);
}
template <class T>
unsigned __match_any_sync(unsigned, T value) {
  return cormack::shim::with_warp(value, [&](const cormack::shim::Thread* warp, std::size_t size) {
    unsigned same = 0;
    for (std::size_t i = 0; i < size; ++i)
      if (!warp[i].done && warp[i].slot == cormack::shim::to_slot(value)) same |= 1u << i;
    return same;
  });
}
inline unsigned __ballot_sync(unsigned, int predicate) {
  return cormack::shim::with_warp(predicate != 0, [](const cormack::shim::Thread* warp, std::size_t size) {
    unsigned votes = 0;
    for (std::size_t i = 0; i < size; ++i)
      if (!warp[i].done && warp[i].slot) votes |= 1u << i;
    return votes;
  });
}
inline int __any_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }

template <class T>
T atomicAdd(T* place, std::type_identity_t<T> value) {
  return cormack::shim::atomically(place, [=](T old) { return static_cast<T>(old + value); });
}
template <class T>
T atomicMin(T* place, std::type_identity_t<T> value) {
  return cormack::shim::atomically(place, [=](T old) { return value < old ? value : old; });
}
template <class T>
T atomicMax(T* place, std::type_identity_t<T> value) {
  return cormack::shim::atomically(place, [=](T old) { return old < value ? value : old; });
}
template <class T>
T atomicOr(T* place, std::type_identity_t<T> value) {
  return cormack::shim::atomically(place, [=](T old) { return static_cast<T>(old | value); });
}
template <class T>
T atomicAnd(T* place, std::type_identity_t<T> value) {
  return cormack::shim::atomically(place, [=](T old) { return static_cast<T>(old & value); });
}
template <class T>
T atomicExch(T* place, std::type_identity_t<T> value) {
  return cormack::shim::atomically(place, [=](T) { return value; });
}
template <class T>
T atomicCAS(T* place, std::type_identity_t<T> expected, std::type_identity_t<T> value) {
  return cormack::shim::atomically(place, [=](T old) { return old == expected ? value : old; });
}

inline int __popc(unsigned value) { return __builtin_popcount(value); }
inline int __clz(int value) { return value ? __builtin_clz(static_cast<unsigned>(value)) : 32; }
inline int __ffs(int value) { return __builtin_ffs(value); }
inline unsigned __byte_perm(unsigned low, unsigned high, unsigned selector) {
  const std::uint64_t bytes = std::uint64_t{high} << 32 | low;
  unsigned result = 0;
  for (int i = 0; i < 4; ++i)
    result |= static_cast<unsigned>(bytes >> (8 * (selector >> (4 * i) & 7)) & 0xFF) << (8 * i);
  return result;
}

namespace cormack::shim {
// Of the 16-bit halves of two words.
template <class Half, class Choose>
unsigned halves(unsigned a, unsigned b, Choose choose) {
  unsigned result = 0;
  for (int shift = 0; shift < 32; shift += 16) {
    const auto x = static_cast<Half>(a >> shift), y = static_cast<Half>(b >> shift);
    result |= static_cast<unsigned>(static_cast<std::uint16_t>(choose(x, y))) << shift;
  }
  return result;
}
}  // namespace cormack::shim
inline unsigned __vmins2(unsigned a, unsigned b) {
  return cormack::shim::halves<std::int16_t>(a, b, [](auto x, auto y) { return x < y ? x : y; });
}
inline unsigned __vmaxs2(unsigned a, unsigned b) {
  return cormack::shim::halves<std::int16_t>(a, b, [](auto x, auto y) { return x < y ? y : x; });
}
inline unsigned __vminu2(unsigned a, unsigned b) {
  return cormack::shim::halves<std::uint16_t>(a, b, [](auto x, auto y) { return x < y ? x : y; });
}
inline unsigned __vmaxu2(unsigned a, unsigned b) {
  return cormack::shim::halves<std::uint16_t>(a, b, [](auto x, auto y) { return x < y ? y : x; });
}
