#include <cuda_runtime.h>

#include "cuda/run.hpp"

namespace cormack::cuda {
namespace {

void check(cudaError_t error, const std::string& what) {
  if (error != cudaSuccess) throw std::runtime_error(what + ": " + cudaGetErrorString(error));
}

}  // namespace

void run(const std::vector<device::Launch>& launches, const std::vector<std::uintptr_t>& images,
         const std::vector<std::uintptr_t>& scratch, const std::vector<std::uintptr_t>& constants, int device,
         std::uintptr_t stream) {
  int before = device;
  check(cudaGetDevice(&before), "cudaGetDevice");
  if (before != device) check(cudaSetDevice(device), "cudaSetDevice");
  std::vector<std::byte> bytes;
  for (const device::Launch& launch : launches) {
    std::vector<void*> arguments = device::resolved(launch, bytes, images, scratch, constants);
    const dim3 grid(launch.grid.x, launch.grid.y, launch.grid.z), block(launch.block.x, launch.block.y, launch.block.z);
    check(cudaLaunchKernel(launch.function, grid, block, arguments.data(), launch.shared,
                           reinterpret_cast<cudaStream_t>(stream)),
          launch.kernel);
  }
  if (before != device) check(cudaSetDevice(before), "cudaSetDevice");
}

}  // namespace cormack::cuda
