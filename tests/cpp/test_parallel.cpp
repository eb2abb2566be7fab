// The pool under stress: every index once, nesting, concurrent callers, exceptions. Made for the tsan preset.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <thread>
#include <vector>

#include "core/parallel.hpp"

namespace {

void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "failed: %s\n", what);
  std::exit(1);
}

void every_index_once() {
  for (std::int64_t count : {1, 2, 7, 64, 1000}) {
    for (std::int64_t grain : {1, 3, 64}) {
      std::vector<std::atomic<int>> visits(static_cast<std::size_t>(count));
      cormack::parallel_for(count, grain, 4, [&](std::int64_t begin, std::int64_t end) {
        require(begin % grain == 0, "ranges start at multiples of the grain");
        for (std::int64_t i = begin; i < end; ++i) visits[static_cast<std::size_t>(i)]++;
      });
      for (const auto& n : visits) require(n == 1, "each index is visited once");
    }
  }
}

void nested_calls() {
  std::atomic<int> sum{0};
  cormack::parallel_for(8, 1, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      cormack::parallel_for(8, 1, 4, [&](std::int64_t b, std::int64_t e) { sum += static_cast<int>(e - b); });
  });
  require(sum == 64, "nested calls do all their work");
}

void concurrent_callers() {
  std::vector<std::thread> callers;
  callers.reserve(4);
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([] {
      for (int round = 0; round < 300; ++round) {
        std::vector<int> values(512, 0);
        cormack::parallel_for(512, 16, 3, [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t i = begin; i < end; ++i) values[static_cast<std::size_t>(i)] += 1;
        });
        for (int value : values) require(value == 1, "concurrent callers keep their work apart");
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
}

void exceptions_come_back() {
  for (int round = 0; round < 50; ++round) {
    bool caught = false;
    try {
      cormack::parallel_for(64, 1, 4, [](std::int64_t begin, std::int64_t) {
        if (begin >= 10) throw std::runtime_error("from a worker");
      });
    } catch (const std::runtime_error&) {
      caught = true;
    }
    require(caught, "an exception of a worker reaches the caller");
  }
}

}  // namespace

int main() {
  every_index_once();
  nested_calls();
  concurrent_callers();
  exceptions_come_back();
  std::puts("4 passed, 0 failed");
}
