#pragma once
// What CUDA devices this process can use. Safe without a driver: the list is then empty.
#include <cstddef>
#include <string>
#include <vector>

namespace cormack::cuda {

struct Device {
  int index;
  std::string name;
  std::string compute_capability;
  std::size_t memory_bytes;
};

std::vector<Device> devices();
int runtime_version();
// Why devices() is empty, in CUDA's words; empty where it is not.
std::string problem();

}  // namespace cormack::cuda
