#pragma once
// Eigenvalues and eigenvectors of a symmetric 3 x 3 matrix by cyclic Jacobi rotations (Golub, Van Loan, Matrix
// Computations, 8.5). The closed form with arccos is faster and loses half the digits where two eigenvalues nearly
// agree, as those of rods do.
#include <array>
#include <cmath>
#include <utility>

namespace cormack {

struct Eigen {
  std::array<double, 3> values{};                  // largest first
  std::array<std::array<double, 3>, 3> vectors{};  // of length 1, each with its largest component positive
};

// m: m00, m11, m22, m01, m02, m12.
inline Eigen symmetric_eigen(const std::array<double, 6>& m) {
  double a[3][3] = {{m[0], m[3], m[4]}, {m[3], m[1], m[5]}, {m[4], m[5], m[2]}};
  std::array<std::array<double, 3>, 3> vectors{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};  // rows turn with the axes
  constexpr int kSweeps = 32;                                                       // five or six do
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
        auto& along_p = vectors[static_cast<std::size_t>(p)];
        auto& along_q = vectors[static_cast<std::size_t>(q)];
        for (std::size_t k = 0; k < 3; ++k) {
          const double vp = along_p[k], vq = along_q[k];
          along_p[k] = c * vp - s * vq;
          along_q[k] = s * vp + c * vq;
        }
      }
    }
  }
  Eigen result{{a[0][0], a[1][1], a[2][2]}, vectors};
  const auto order = [&](std::size_t i, std::size_t j) {
    if (result.values[i] >= result.values[j]) return;
    std::swap(result.values[i], result.values[j]);
    std::swap(result.vectors[i], result.vectors[j]);
  };
  order(0, 1);
  order(1, 2);
  order(0, 1);
  for (std::array<double, 3>& vector : result.vectors) {
    std::size_t largest = 0;
    for (std::size_t k = 1; k < 3; ++k) {
      if (std::abs(vector[k]) > std::abs(vector[largest])) largest = k;
    }
    if (vector[largest] < 0) {
      for (double& component : vector) component = -component;
    }
  }
  return result;
}

}  // namespace cormack
