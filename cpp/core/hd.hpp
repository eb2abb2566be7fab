#pragma once
// CORMACK_HD marks arithmetic that g++, clang, nvcc, NVRTC and the CPU shim all compile. A header that uses it includes
// no standard library header.
#if defined(__CUDACC__)
#define CORMACK_HD __host__ __device__ __forceinline__
#else
#define CORMACK_HD inline
#endif
