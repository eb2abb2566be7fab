#pragma once
// The one function of an operation's shim library, for ctypes: makes the plan and runs it on the CPU.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <vector>

#include "cuda/plan.hpp"

namespace cormack::shim {

struct CallImage {
  void* data;
  std::int64_t dtype, ndim, shape[3], stride[3];
};

struct Call {
  const CallImage* images;
  std::int64_t image_count;
  const char* parameters;
  const unsigned char* const* tables;
  const std::int64_t* table_bytes;
  std::int64_t table_count;
  std::int64_t schedule;
  char* error;  // room for 512
  std::int64_t* launches;
};

// 0: done, 1: there is no GPU form, 2: anything else.
inline int run(void (*plan_of)(device::Plan&), const Call& call) {
  const auto failed = [&](const std::exception& e, int code) {
    std::snprintf(call.error, 512, "%s", e.what());
    return code;
  };
  try {
    device::Request request;
    std::vector<std::uintptr_t> images;
    for (const CallImage& given : std::vector<CallImage>(call.images, call.images + call.image_count)) {
      Image image{nullptr, static_cast<DType>(given.dtype), static_cast<int>(given.ndim)};
      std::copy(given.shape, given.shape + 3, image.shape.begin());
      std::copy(given.stride, given.stride + 3, image.stride.begin());
      request.images.push_back(image);
      images.push_back(reinterpret_cast<std::uintptr_t>(given.data));
    }
    request.parameters = call.parameters;
    for (std::int64_t i = 0; i < call.table_count; ++i) {
      const auto* begin = reinterpret_cast<const std::byte*>(call.tables[i]);
      request.tables.emplace_back(begin, begin + call.table_bytes[i]);
    }
    device::Plan plan(request);
    plan_of(plan);
    // Exactly as large as asked for, and poisoned.
    std::vector<std::vector<unsigned char>> scratch;
    for (const std::int64_t size : plan.scratch_bytes) scratch.emplace_back(static_cast<std::size_t>(size), kPoison);
    std::vector<std::uintptr_t> scratch_at, constants_at;
    for (auto& memory : scratch) scratch_at.push_back(reinterpret_cast<std::uintptr_t>(memory.data()));
    for (auto& memory : plan.constants) constants_at.push_back(reinterpret_cast<std::uintptr_t>(memory.data()));
    machine.schedule = static_cast<unsigned>(call.schedule);
    machine.random.seed(machine.schedule);
    *call.launches = static_cast<std::int64_t>(plan.launches.size());
    for (const device::Launch& launch : plan.launches) {
      std::vector<std::byte> bytes;
      const auto places = device::resolved(launch, bytes, images, scratch_at, constants_at);
      launch.on_shim(launch, places.data());
    }
    return 0;
  } catch (const device::Unsupported& e) {
    return failed(e, 1);
  } catch (const std::exception& e) {
    return failed(e, 2);
  }
}

}  // namespace cormack::shim
