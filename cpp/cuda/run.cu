#include <cuda_runtime.h>

#include "cuda/run.hpp"

namespace cormack::cuda {
namespace {

void check(cudaError_t error, const std::string& what) {
  if (error != cudaSuccess) throw std::runtime_error(what + ": " + cudaGetErrorString(error));
}

// Another device for as long as it lives, also where a launch throws.
class Current {
 public:
  explicit Current(int device) : before_(device), device_(device) {
    check(cudaGetDevice(&before_), "cudaGetDevice");
    if (before_ != device_) check(cudaSetDevice(device_), "cudaSetDevice");
  }
  ~Current() {
    if (before_ != device_) cudaSetDevice(before_);
  }
  Current(const Current&) = delete;
  Current& operator=(const Current&) = delete;

 private:
  int before_, device_;
};

}  // namespace

void run(const std::vector<device::Launch>& launches, const std::vector<std::uintptr_t>& images,
         const std::vector<std::uintptr_t>& scratch, const std::vector<std::uintptr_t>& constants, int device,
         std::uintptr_t stream) {
  const Current current(device);
  std::vector<std::byte> bytes;
  for (const device::Launch& launch : launches) {
    std::vector<void*> arguments = device::resolved(launch, bytes, images, scratch, constants);
    const dim3 grid(launch.grid.x, launch.grid.y, launch.grid.z), block(launch.block.x, launch.block.y, launch.block.z);
    check(cudaLaunchKernel(launch.function, grid, block, arguments.data(), launch.shared,
                           reinterpret_cast<cudaStream_t>(stream)),
          launch.kernel);
  }
}

}  // namespace cormack::cuda
