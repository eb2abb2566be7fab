#pragma once
// Eigenvalues of a symmetric 3 x 3 matrix by cyclic Jacobi rotations (Golub, Van Loan, Matrix Computations, 8.5). The
// closed form with arccos is faster and loses half the digits where two eigenvalues nearly agree, as those of rods do.
#include <array>
#include <cmath>
#include <utility>

namespace cormack {

// m: m00, m11, m22, m01, m02, m12. Largest first.
inline std::array<double, 3> symmetric_eigenvalues(const std::array<double, 6>& m) {
  double a[3][3] = {{m[0], m[3], m[4]}, {m[3], m[1], m[5]}, {m[4], m[5], m[2]}};
  constexpr int kSweeps = 32;  // five or six do
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    const double off = std::abs(a[0][1]) + std::abs(a[0][2]) + std::abs(a[1][2]);
    const double diagonal = std::abs(a[0][0]) + std::abs(a[1][1]) + std::abs(a[2][2]);
    if (!(off > 1e-18 * diagonal)) break;
    for (int p = 0; p < 2; ++p) {
      for (int q = p + 1; q < 3; ++q) {
        if (a[p][q] == 0) continue;
        const double theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
        const double t = (theta < 0 ? -1 : 1) / (std::abs(theta) + std::sqrt(theta * theta + 1));
        const double c = 1 / std::sqrt(t * t + 1), s = t * c;
        const int r = 3 - p - q;
        a[p][p] -= t * a[p][q];
        a[q][q] += t * a[p][q];
        a[p][q] = a[q][p] = 0;
        const double rp = a[r][p], rq = a[r][q];
        a[r][p] = a[p][r] = c * rp - s * rq;
        a[r][q] = a[q][r] = s * rp + c * rq;
      }
    }
  }
  std::array<double, 3> values{a[0][0], a[1][1], a[2][2]};
  if (values[0] < values[1]) std::swap(values[0], values[1]);
  if (values[1] < values[2]) std::swap(values[1], values[2]);
  if (values[0] < values[1]) std::swap(values[0], values[1]);
  return values;
}

}  // namespace cormack
