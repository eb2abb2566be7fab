#include <cuda_runtime.h>

#include "cuda/device.hpp"

namespace cormack::cuda {

std::vector<Device> devices() {
  std::vector<Device> found;
  int count = 0;
  // No driver, no device, a driver too old: for the caller all are "no GPU".
  if (cudaGetDeviceCount(&count) != cudaSuccess) return found;
  for (int index = 0; index < count; ++index) {
    cudaDeviceProp properties{};
    if (cudaGetDeviceProperties(&properties, index) != cudaSuccess) continue;
    found.push_back({index, properties.name, std::to_string(properties.major) + "." + std::to_string(properties.minor),
                     properties.totalGlobalMem});
  }
  return found;
}

int runtime_version() {
  int version = 0;
  cudaRuntimeGetVersion(&version);
  return version;
}

std::string problem() {
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  return error == cudaSuccess ? "" : cudaGetErrorString(error);
}

}  // namespace cormack::cuda
