#pragma once
#include <cstdint>

namespace cormack {

// The second largest singular value of a symmetric matrix of n rows, of which the lower half is read and overwritten:
// its eigenvalues by Householder's reflections and QL iterations (J. H. Wilkinson, C. Reinsch, "Linear Algebra", 1971).
// 0 for one row. work: 2 n numbers.
double second_singular_value(double* a, std::int64_t n, double* work);

}  // namespace cormack
