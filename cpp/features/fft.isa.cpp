// Stockham's transform: each step reads values that are far apart and writes them in order, so that none must be
// permuted. Loops run over columns and over what earlier steps have done, which are contiguous and share one factor.
#include "core/vec.hpp"
#include "features/fft_rows.hpp"

namespace cormack::CORMACK_ISA {

using Values = Vec<double>;

struct Complex {
  Values re, im;
};

static inline Complex operator+(Complex a, Complex b) { return {a.re + b.re, a.im + b.im}; }
static inline Complex operator-(Complex a, Complex b) { return {a.re - b.re, a.im - b.im}; }
static inline Complex scaled(Complex a, double factor) {
  const Values f = Values::fill(factor);
  return {a.re * f, a.im * f};
}
// Times -i.
static inline Complex turned(Complex a) { return {a.im, Values::fill(0.0) - a.re}; }

template <int Radix>
static inline void butterfly(Complex (&v)[Radix]) {
  if constexpr (Radix == 2) {
    const Complex a = v[0];
    v[0] = a + v[1];
    v[1] = a - v[1];
  } else if constexpr (Radix == 3) {
    const Complex sum = v[1] + v[2], turn = turned(scaled(v[1] - v[2], 0.86602540378443864676));
    const Complex middle = v[0] - scaled(sum, 0.5);
    v[0] = v[0] + sum;
    v[1] = middle + turn;
    v[2] = middle - turn;
  } else if constexpr (Radix == 4) {
    const Complex a = v[0] + v[2], b = v[0] - v[2], c = v[1] + v[3], d = turned(v[1] - v[3]);
    v[0] = a + c;
    v[1] = b + d;
    v[2] = a - c;
    v[3] = b - d;
  } else {
    static_assert(Radix == 5);
    constexpr double c1 = 0.30901699437494742410, c2 = -0.80901699437494742410;
    constexpr double s1 = 0.95105651629515357212, s2 = 0.58778525229247312917;
    const Complex a = v[1] + v[4], b = v[2] + v[3], c = v[1] - v[4], d = v[2] - v[3];
    const Complex p = v[0] + scaled(a, c1) + scaled(b, c2), q = v[0] + scaled(a, c2) + scaled(b, c1);
    const Complex r = turned(scaled(c, s1) + scaled(d, s2)), s = turned(scaled(c, s2) - scaled(d, s1));
    v[0] = v[0] + a + b;
    v[1] = p + r;
    v[2] = q + s;
    v[3] = q - s;
    v[4] = p - r;
  }
}

// load(k, part) gives the pointers to where input k of a part starts.
template <int Radix, class Load>
static inline void run_pass(const FftPass& pass, const Load& load, double* to_re, double* to_im) {
  const std::int64_t length = pass.done * kColumns;
  for (std::int64_t part = 0; part < pass.parts; ++part) {
    const double *re[Radix], *im[Radix];
    for (int k = 0; k < Radix; ++k) load(part + k * pass.parts, re[k], im[k]);
    const double* factors = pass.twiddles + part * 2 * (Radix - 1);
    double* out_re = to_re + part * Radix * length;
    double* out_im = to_im + part * Radix * length;
    for (std::int64_t i = 0; i < length; i += Values::size) {
      Complex v[Radix];
      for (int k = 0; k < Radix; ++k) v[k] = {Values::load(re[k] + i), Values::load(im[k] + i)};
      butterfly(v);
      v[0].re.store(out_re + i);
      v[0].im.store(out_im + i);
      for (int k = 1; k < Radix; ++k) {
        const Values c = Values::fill(factors[2 * k - 2]), s = Values::fill(factors[2 * k - 1]);
        (v[k].re * c - v[k].im * s).store(out_re + k * length + i);
        (v[k].re * s + v[k].im * c).store(out_im + k * length + i);
      }
    }
  }
}

template <class Load>
static void any_pass(const FftPass& pass, const Load& load, double* to_re, double* to_im) {
  switch (pass.radix) {
    case 2:
      return run_pass<2>(pass, load, to_re, to_im);
    case 3:
      return run_pass<3>(pass, load, to_re, to_im);
    case 4:
      return run_pass<4>(pass, load, to_re, to_im);
    default:
      return run_pass<5>(pass, load, to_re, to_im);
  }
}

static void forward(const FftPass* passes, int count, const double* const* real, const double* const* imaginary,
                    double* result_re, double* result_im, double* work) {
  const std::int64_t total = passes[0].radix * passes[0].parts * kColumns;
  double *from_re = nullptr, *from_im = nullptr;
  for (int i = 0; i < count; ++i) {
    const bool last = i == count - 1;
    double* to_re = last ? result_re : work + (i % 2) * 2 * total;
    double* to_im = last ? result_im : to_re + total;
    if (i == 0) {
      any_pass(
          passes[i],
          [=](std::int64_t row, const double*& re, const double*& im) {
            re = real[row];
            im = imaginary[row];
          },
          to_re, to_im);
    } else {
      const std::int64_t length = passes[i].done * kColumns;
      any_pass(
          passes[i],
          [=](std::int64_t row, const double*& re, const double*& im) {
            re = from_re + row * length;
            im = from_im + row * length;
          },
          to_re, to_im);
    }
    from_re = to_re;
    from_im = to_im;
  }
}

static void products(const double* kernel, const double* a, const double* b, const double* c, std::int64_t n,
                     double* sums) {
  const std::int64_t half = n * kColumns;
  for (std::int64_t column = 0; column < kColumns; column += Values::size) {
    Values aa = Values::load(sums + column), bb = Values::load(sums + kColumns + column),
           bc = Values::load(sums + 2 * kColumns + column);
    for (std::int64_t i = column; i < half; i += kColumns) {
      const Values k = Values::load(kernel + i), b_re = Values::load(b + i), b_im = Values::load(b + half + i);
      const Values a_re = Values::load(a + i), a_im = Values::load(a + half + i);
      aa = aa + k * (a_re * a_re + a_im * a_im);
      bb = bb + k * (b_re * b_re + b_im * b_im);
      bc = bc + k * (b_re * Values::load(c + i) + b_im * Values::load(c + half + i));
    }
    aa.store(sums + column);
    bb.store(sums + kColumns + column);
    bc.store(sums + 2 * kColumns + column);
  }
}

extern const FftRows fft_rows;
const FftRows fft_rows{forward, products};

}  // namespace cormack::CORMACK_ISA
