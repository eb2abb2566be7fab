#pragma once
// Sorting, merging and selecting without branches: compare-exchange networks on any V with min(V, V) and max(V, V), a
// scalar or a vector of lanes. Every loop has a constant length and every array a constant size, so that the compiler
// keeps values in registers and drops the operations whose results nobody reads. K. E. Batcher, "Sorting networks and
// their applications", AFIPS 1968.
#include "core/hd.hpp"

namespace cormack::network {

template <class T>
CORMACK_HD T min(T a, T b) {
  return a < b ? a : b;
}
template <class T>
CORMACK_HD T max(T a, T b) {
  return a < b ? b : a;
}

// (a, b) becomes (min, max).
template <class V>
CORMACK_HD void exchange(V& a, V& b) {
  const V low = min(a, b);
  b = max(a, b);
  a = low;
}

// out[0 .. A + B - 1]: the sorted union of a[0], a[SA], ... (A values) and b[0], b[SB], ... (B values), both sorted.
// Odd-even merge: about (A + B) / 2 * log2(A + B) exchanges.
template <int A, int SA, int B, int SB, class V>
CORMACK_HD void merge(const V* a, const V* b, V* out) {
  if constexpr (A == 0) {
    CORMACK_UNROLL
    for (int i = 0; i < B; ++i) out[i] = b[i * SB];
  } else if constexpr (B == 0) {
    CORMACK_UNROLL
    for (int i = 0; i < A; ++i) out[i] = a[i * SA];
  } else if constexpr (A == 1 && B == 1) {
    out[0] = min(a[0], b[0]);
    out[1] = max(a[0], b[0]);
  } else {
    constexpr int kEven = (A + 1) / 2 + (B + 1) / 2, kOdd = A / 2 + B / 2;
    V even[kEven], odd[kOdd];
    merge<(A + 1) / 2, 2 * SA, (B + 1) / 2, 2 * SB>(a, b, even);
    merge<A / 2, 2 * SA, B / 2, 2 * SB>(a + SA, b + SB, odd);
    out[0] = even[0];
    // There are as many even values as odd ones, or one or two more.
    constexpr int kBoth = kOdd < kEven - 1 ? kOdd : kEven - 1;
    CORMACK_UNROLL
    for (int i = 0; i < kBoth; ++i) {
      out[2 * i + 1] = min(odd[i], even[i + 1]);
      out[2 * i + 2] = max(odd[i], even[i + 1]);
    }
    if constexpr (kOdd > kBoth) out[A + B - 1] = odd[kOdd - 1];
    if constexpr (kEven - 1 > kBoth) out[A + B - 1] = even[kEven - 1];
  }
}

// Sorts N values in place: the shortest networks for 3, 5 and 7, merges of halves for the rest.
template <int N, class V>
CORMACK_HD void sort(V* v) {
  if constexpr (N == 2) {
    exchange(v[0], v[1]);
  } else if constexpr (N == 3) {
    exchange(v[0], v[1]), exchange(v[1], v[2]), exchange(v[0], v[1]);
  } else if constexpr (N == 5) {
    exchange(v[0], v[1]), exchange(v[3], v[4]), exchange(v[2], v[4]), exchange(v[2], v[3]), exchange(v[1], v[4]);
    exchange(v[0], v[3]), exchange(v[0], v[2]), exchange(v[1], v[3]), exchange(v[1], v[2]);
  } else if constexpr (N == 7) {
    exchange(v[1], v[2]), exchange(v[3], v[4]), exchange(v[5], v[6]), exchange(v[0], v[2]), exchange(v[3], v[5]);
    exchange(v[4], v[6]), exchange(v[0], v[1]), exchange(v[4], v[5]), exchange(v[2], v[6]), exchange(v[0], v[4]);
    exchange(v[1], v[5]), exchange(v[0], v[3]), exchange(v[2], v[5]), exchange(v[1], v[3]), exchange(v[2], v[4]);
    exchange(v[2], v[3]);
  } else if constexpr (N > 1) {
    V sorted[N];
    sort<N / 2>(v);
    sort<N - N / 2>(v + N / 2);
    merge<N / 2, 1, N - N / 2, 1>(v, v + N / 2, sorted);
    CORMACK_UNROLL
    for (int i = 0; i < N; ++i) v[i] = sorted[i];
  }
}

// The value of rank K (from 0) in the union of a[0 .. A - 1] and b[0 .. B - 1], both sorted: the smallest, over every
// way to take K + 1 values from the fronts of a and b, of the largest value taken.
template <int A, int B, int K, class V>
CORMACK_HD V select(const V* a, const V* b) {
  static_assert(K >= 0 && K < A + B);
  constexpr int kFrom = K + 1 > B ? K + 1 - B : 0, kTo = K + 1 < A ? K + 1 : A;
  V result = kFrom == 0 ? b[K] : kFrom == K + 1 ? a[K] : max(a[kFrom - 1], b[K - kFrom]);
  CORMACK_UNROLL
  for (int i = kFrom + 1; i <= kTo; ++i) {
    result = min(result, i == K + 1 ? a[K] : max(a[i - 1], b[K - i]));
  }
  return result;
}

// When `seen` of `total` values have been merged, their ranks below lowest() and above highest() cannot be the median.
CORMACK_HD constexpr int lowest(int total, int seen) {
  return total / 2 > total - seen ? total / 2 - (total - seen) : 0;
}
CORMACK_HD constexpr int highest(int total, int seen) { return total / 2 < seen - 1 ? total / 2 : seen - 1; }

}  // namespace cormack::network
