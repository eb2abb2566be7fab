#pragma once
// Threads. Only <cstdint>, so that *.isa.cpp may include it.
#include <cstdint>

namespace cormack {

int get_num_threads() noexcept;
void set_num_threads(int count) noexcept;  // below 1: the processors this process may use

using RangeFunction = void (*)(void* context, std::int64_t begin, std::int64_t end);
void parallel_for(std::int64_t count, std::int64_t grain, int workers, RangeFunction function, void* context);

// Calls f(begin, end) on ranges that together cover [0, count) once, on up to `workers` threads (0: the library's
// setting). Ranges start at multiples of `grain`; a call that runs on one thread gets one range. Nested and concurrent
// calls run on the thread that made them. The first exception of f is rethrown here. Where a result depends on the
// order of operations, f must do the same work for a given index whatever range it came in.
template <class F>
void parallel_for(std::int64_t count, std::int64_t grain, int workers, F&& f) {
  parallel_for(
      count, grain, workers,
      [](void* context, std::int64_t begin, std::int64_t end) { (*static_cast<F*>(context))(begin, end); }, &f);
}

}  // namespace cormack
