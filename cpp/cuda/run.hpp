#pragma once
// Puts the launches of a plan into a stream; what they compute is there when the stream has come so far.
#include <cstdint>
#include <vector>

#include "cuda/plan.hpp"

namespace cormack::cuda {

// Addresses are numbered as the plan numbers them. std::runtime_error with CUDA's words where a launch fails.
void run(const std::vector<device::Launch>& launches, const std::vector<std::uintptr_t>& images,
         const std::vector<std::uintptr_t>& scratch, const std::vector<std::uintptr_t>& constants, int device,
         std::uintptr_t stream);

}  // namespace cormack::cuda
