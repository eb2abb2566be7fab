#pragma once
// Eigenvalues of symmetric 2 x 2 and 3 x 3 matrices in closed form, and the measures of ridges made of them, shared by
// CPU and GPU. No standard header but for the square root and the absolute value.
#include <cmath>

#include "core/hd.hpp"
#include "pointwise/map_formulas.hpp"

namespace cormack {

// cos(arccos(r) / 3) for -1 <= r <= 1, within 1e-14: a function of t = sqrt((1 + r) / 2) without singularity on [0, 1],
// cos(2 / 3 arccos(t)), by its Chebyshev polynomial in x = 2 t - 1.
CORMACK_HD double cosine_of_third(double r) {
  const double inside = 0.5 + 0.5 * r;
  const double x = 2.0 * std::sqrt(inside > 0.0 ? inside : 0.0) - 1.0;
  double value = 2.6806159631202095e-11;
  value = value * x + 6.395183797729642e-11;
  value = value * x - 2.676786511744324e-10;
  value = value * x + 2.5858370415670323e-10;
  value = value * x - 8.887677962009447e-10;
  value = value * x + 4.0639215034101834e-09;
  value = value * x - 1.3616296487989052e-08;
  value = value * x + 4.575742937767677e-08;
  value = value * x - 1.5940318426625088e-07;
  value = value * x + 5.64196567827486e-07;
  value = value * x - 2.035912941485214e-06;
  value = value * x + 7.541067298096718e-06;
  value = value * x - 2.891992857064003e-05;
  value = value * x + 0.00011642545438530613;
  value = value * x - 0.0005041246918889092;
  value = value * x + 0.0024663528150086914;
  value = value * x - 0.01550918843645405;
  value = value * x + 0.24740906632285412;
  value = value * x + 0.7660444431189779;
  return value;
}

// Largest first. O. Smith (Communications of the ACM 4, 1961): off by about 1e-15 of the largest magnitude, and by 1e-8
// of it where two eigenvalues are that close.
CORMACK_HD void eigenvalues_of(double zz, double yy, double xx, double zy, double zx, double yx, double* values) {
  const double mean = (zz + yy + xx) * (1.0 / 3.0);
  double a = zz - mean, b = yy - mean, c = xx - mean;
  const double square = (a * a + b * b + c * c + 2.0 * (zy * zy + zx * zx + yx * yx)) * (1.0 / 6.0);
  const double size = std::sqrt(square);
  const double inverse = size > 0.0 ? 1.0 / size : 0.0;
  a *= inverse;
  b *= inverse;
  c *= inverse;
  const double d = zy * inverse, e = zx * inverse, f = yx * inverse;
  double r = 0.5 * (a * (b * c - f * f) - d * (d * c - f * e) + e * (d * f - b * e));
  r = r < -1.0 ? -1.0 : r;
  r = r > 1.0 ? 1.0 : r;
  const double high = 2.0 * size * cosine_of_third(r), low = -2.0 * size * cosine_of_third(-r);
  values[0] = mean + high;
  values[1] = mean - (high + low);
  values[2] = mean + low;
}

CORMACK_HD void eigenvalues_of(double yy, double xx, double yx, double* values) {
  const double mean = 0.5 * (yy + xx), half = 0.5 * (yy - xx);
  const double gap = std::sqrt(yx * yx + half * half);
  values[0] = mean + gap;
  values[1] = mean - gap;
}

struct RidgeFormula {
  double sign;                    // 1 for dark ridges, -1 for bright ones
  double scale;                   // Sato, dots: the square of sigma
  double plate, blob, structure;  // Frangi: -1 / (2 alpha^2), -1 / (2 beta^2), -1 / (2 gamma^2)
  double mixing;                  // Meijering: alpha
};

CORMACK_HD double negative_exp(double x) { return exp_bounded(x < -708.0 ? -708.0 : x); }

CORMACK_HD void order_by_magnitude(double& a, double& b) {
  const bool swap = (a < 0.0 ? -a : a) > (b < 0.0 ? -b : b);
  const double low = swap ? b : a, high = swap ? a : b;
  a = low;
  b = high;
}

// Frangi et al., MICCAI 1998, as skimage.filters.frangi has it: factors of plates, blobs and structure; eigenvalues of
// the wrong sign become 1e-10.
CORMACK_HD double frangi_of(double a, double b, double c, const RidgeFormula& how) {
  order_by_magnitude(a, b);
  order_by_magnitude(b, c);
  order_by_magnitude(a, b);
  const double structure = a * a + b * b + c * c;
  b = b > 1e-10 ? b : 1e-10;
  c = c > 1e-10 ? c : 1e-10;
  const double flat = b / c, round = a * a / (b * c);
  return (1.0 - negative_exp(flat * flat * how.plate)) * negative_exp(round * how.blob) *
         (1.0 - negative_exp(structure * how.structure));
}

CORMACK_HD double frangi_of(double a, double b, const RidgeFormula& how) {
  order_by_magnitude(a, b);
  const double structure = a * a + b * b;
  b = b > 1e-10 ? b : 1e-10;
  const double round = a / b;
  return negative_exp(round * round * how.blob) * (1.0 - negative_exp(structure * how.structure));
}

CORMACK_HD double sato_of(double a, double b, const RidgeFormula& how) {
  a = a > 0.0 ? a : 0.0;
  b = b > 0.0 ? b : 0.0;
  return how.scale * std::sqrt(a * b);
}

// Li, Sone, Doi, Medical Physics 30, 2003, where all curvatures, of which `last` is the smallest, have the right sign.
CORMACK_HD double dot_of(double first, double last, const RidgeFormula& how) {
  return last > 0.0 ? how.scale * (last * last / first) : 0.0;
}

// The combination of largest magnitude, where it is positive.
CORMACK_HD double meijering_of(double a, double b, double c, const RidgeFormula& how) {
  const double sum = how.mixing * (a + b + c), own = 1.0 - how.mixing;
  const double first = sum + own * a, last = sum + own * c;
  // The combinations are ordered as the eigenvalues are.
  const double value = first >= (last < 0.0 ? -last : last) ? first : last;
  return value > 0.0 ? value : 0.0;
}

}  // namespace cormack
