#pragma once
// Boundary modes: SciPy's names and meaning. No standard header, so that device code includes it too.
#include "core/hd.hpp"
namespace cormack {

enum class Border : int { reflect = 0, constant = 1, nearest = 2, mirror = 3, wrap = 4 };

// The index inside [0, n) whose value stands at position i, or -1 where Border::constant supplies `cval`.
//   reflect  (d c b a | a b c d | d c b a)      mirror (d c b | a b c d | c b a)
//   nearest  (a a a a | a b c d | d d d d)      wrap   (a b c d | a b c d | a b c d)
CORMACK_HD long long border_index(long long i, long long n, Border border) {
  if (i >= 0 && i < n) return i;
  switch (border) {
    case Border::nearest:
      return i < 0 ? 0 : n - 1;
    case Border::wrap:
      i %= n;
      return i < 0 ? i + n : i;
    case Border::mirror: {
      if (n == 1) return 0;
      const long long period = 2 * n - 2;
      i %= period;
      if (i < 0) i += period;
      return i < n ? i : period - i;
    }
    case Border::reflect: {
      const long long period = 2 * n;
      i %= period;
      if (i < 0) i += period;
      return i < n ? i : period - 1 - i;
    }
    case Border::constant:
      break;
  }
  return -1;
}

// Fills row[-left .. -1] and row[n .. n + right - 1] from row[0 .. n - 1].
template <class T>
CORMACK_HD void extend_row(T* row, long long n, long long left, long long right, Border border, T cval) {
  for (long long i = -left; i < 0; ++i) {
    const long long k = border_index(i, n, border);
    row[i] = k < 0 ? cval : row[k];
  }
  for (long long i = n; i < n + right; ++i) {
    const long long k = border_index(i, n, border);
    row[i] = k < 0 ? cval : row[k];
  }
}

}  // namespace cormack
