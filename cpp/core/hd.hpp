#pragma once
// CORMACK_HD marks arithmetic that g++, clang, nvcc, NVRTC and the CPU shim all compile; it is always inlined, so that
// every instruction-set level has its own copy. CORMACK_UNROLL unrolls the loop of constant length that follows it.
// A header that uses them includes no standard library header.
#if defined(__CUDACC__)
#define CORMACK_HD __host__ __device__ __forceinline__
#define CORMACK_UNROLL _Pragma("unroll")
#elif defined(__clang__)
#define CORMACK_HD inline __attribute__((always_inline))
#define CORMACK_UNROLL _Pragma("unroll")
#elif defined(__GNUC__)
#define CORMACK_HD inline __attribute__((always_inline))
#define CORMACK_UNROLL _Pragma("GCC unroll 128")
#else
#define CORMACK_HD inline
#define CORMACK_UNROLL
#endif
