// Kernels with the faults that the shim is there to find; test_shim.py names them.
#include "cuda/plan.hpp"
#if defined(CORMACK_SEES_KERNELS)
#include "cuda/device.cuh"

namespace cormack::device {

// Reverses a block of values through shared memory.
__global__ void faulty(const int* __restrict__ source, int* __restrict__ target, int fault) {
  CORMACK_SHARED(int, values);
  const unsigned thread = threadIdx.x, count = blockDim.x;
  if (fault == 1 && thread % 2) return;
  if (fault != 2 || thread != 5) values[thread] = source[thread];
  if (fault != 3) __syncthreads();
  target[thread] = values[count - 1 - thread];
}

}  // namespace cormack::device
#endif

CORMACK_PLAN(faults) {
  plan.launch(CORMACK_KERNEL(faulty), Dim{1}, Dim{64}, 64 * sizeof(int), plan.data<int>(0), plan.data<int>(1),
              static_cast<int>(plan.integer("fault")));
}
