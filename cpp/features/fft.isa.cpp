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
static inline Complex times(Complex a, double re, double im) {
  const Values c = Values::fill(re), s = Values::fill(im);
  return {a.re * c - a.im * s, a.re * s + a.im * c};
}
// a - i b and a + i b.
static inline Complex minus_turned(Complex a, Complex b) { return {a.re + b.im, a.im - b.re}; }
static inline Complex plus_turned(Complex a, Complex b) { return {a.re - b.im, a.im + b.re}; }

static inline void butterfly3(Complex& x, Complex& y, Complex& z) {
  const Complex sum = y + z, turn = scaled(y - z, 0.86602540378443864676);
  const Complex middle = x - scaled(sum, 0.5);
  x = x + sum;
  y = minus_turned(middle, turn);
  z = plus_turned(middle, turn);
}

template <int Radix>
static inline void butterfly(Complex (&v)[Radix]) {
  if constexpr (Radix == 2) {
    const Complex a = v[0];
    v[0] = a + v[1];
    v[1] = a - v[1];
  } else if constexpr (Radix == 3) {
    butterfly3(v[0], v[1], v[2]);
  } else if constexpr (Radix == 4) {
    const Complex a = v[0] + v[2], b = v[0] - v[2], c = v[1] + v[3], d = v[1] - v[3];
    v[0] = a + c;
    v[1] = minus_turned(b, d);
    v[2] = a - c;
    v[3] = plus_turned(b, d);
  } else if constexpr (Radix == 5) {
    constexpr double c1 = 0.30901699437494742410, c2 = -0.80901699437494742410;
    constexpr double s1 = 0.95105651629515357212, s2 = 0.58778525229247312917;
    const Complex a = v[1] + v[4], b = v[2] + v[3], c = v[1] - v[4], d = v[2] - v[3];
    const Complex p = v[0] + scaled(a, c1) + scaled(b, c2), q = v[0] + scaled(a, c2) + scaled(b, c1);
    const Complex r = scaled(c, s1) + scaled(d, s2), s = scaled(c, s2) - scaled(d, s1);
    v[0] = v[0] + a + b;
    v[1] = minus_turned(p, r);
    v[2] = minus_turned(q, s);
    v[3] = plus_turned(q, s);
    v[4] = plus_turned(p, r);
  } else if constexpr (Radix == 6) {
    // 2 and 3 have no common factor: no factors between them.
    const Complex a = v[0] + v[3], b = v[4] + v[1], c = v[2] + v[5];
    const Complex d = v[0] - v[3], e = v[4] - v[1], f = v[2] - v[5];
    v[0] = a, v[4] = c, v[2] = b;
    butterfly3(v[0], v[4], v[2]);
    v[3] = d, v[1] = f, v[5] = e;
    butterfly3(v[3], v[1], v[5]);
  }
}

// One result after the other, kColumns values each, from Radix inputs each.
enum class Place { between, near, far };  // of results: between passes, after the last one

template <int Radix, Place place>
static inline void finish(Complex (&v)[Radix], const double* factors, double* re, double* im, std::int64_t apart) {
  butterfly(v);
  for (int k = 0; k < Radix; ++k) {
    if constexpr (place == Place::far) {
      v[k].re.store_past_caches(re + k * apart);
      v[k].im.store_past_caches(im + k * apart);
    } else {
      const bool as_is = place == Place::near || k == 0;
      const Complex value = as_is ? v[k] : times(v[k], factors[2 * k - 2], factors[2 * k - 1]);
      value.re.store(re + k * apart);
      value.im.store(im + k * apart);
    }
  }
}

// Values of a spectrum: `from` has the real parts, the imaginary ones are `imaginary` further on. Results are `step`
// apart, which is kColumns but for the last pass.
template <int Radix, Place place>
static inline void run_pass(const FftPass& pass, const double* from, std::int64_t imaginary, double* re, double* im,
                            std::int64_t step) {
  const std::int64_t parts = place != Place::between ? 1 : pass.parts, done = pass.done, apart = done * step;
  const double* factors = pass.twiddles;
  for (std::int64_t part = 0; part < parts; ++part, factors += 2 * (Radix - 1)) {
    for (std::int64_t d = 0; d < done; ++d) {
      const double* in = from + (part * done + d) * kColumns;
      for (std::int64_t i = 0; i < kColumns; i += Values::size) {
        Complex v[Radix];
        for (int k = 0; k < Radix; ++k) {
          const double* at = in + k * parts * done * kColumns + i;
          v[k] = {Values::load(at), Values::load(at + imaginary)};
        }
        finish<Radix, place>(v, factors, re + d * step + i, im + d * step + i, apart);
      }
    }
    re += Radix * apart;
    im += Radix * apart;
  }
}

template <Place place>
static void any_pass(const FftPass& pass, const double* from, std::int64_t imaginary, double* re, double* im,
                     std::int64_t step) {
  switch (pass.radix) {
    case 1:
      return run_pass<1, place>(pass, from, imaginary, re, im, step);
    case 2:
      return run_pass<2, place>(pass, from, imaginary, re, im, step);
    case 3:
      return run_pass<3, place>(pass, from, imaginary, re, im, step);
    case 4:
      return run_pass<4, place>(pass, from, imaginary, re, im, step);
    case 5:
      return run_pass<5, place>(pass, from, imaginary, re, im, step);
    default:
      return run_pass<6, place>(pass, from, imaginary, re, im, step);
  }
}

// Where a pass writes that is not the last one: in turns to `work` and to the results, so that little is in use at
// once, or to the second half of `work` where results do not lie together.
struct Room {
  double *re, *im;
};
static inline Room room_after(const FftPlan& plan, int pass, double* re, double* im, std::int64_t step, double* work) {
  const std::int64_t total = plan.n * kColumns;
  if ((plan.count - 1 - pass) % 2 != 0) return {work, work + total};
  if (step == kColumns) return {re, im};
  return {work + 2 * total, work + 3 * total};
}

// Passes from `first` on.
static void run_passes(const FftPlan& plan, int first, double* re, double* im, std::int64_t step, double* work) {
  for (int i = first; i < plan.count; ++i) {
    const Room from = room_after(plan, i - 1, re, im, step, work);
    const Room to = room_after(plan, i, re, im, step, work);
    if (i < plan.count - 1) {
      any_pass<Place::between>(plan.passes[i], from.re, from.im - from.re, to.re, to.im, kColumns);
    } else if (step == kColumns) {
      any_pass<Place::near>(plan.passes[i], from.re, from.im - from.re, re, im, step);
    } else {
      any_pass<Place::far>(plan.passes[i], from.re, from.im - from.re, re, im, step);
    }
  }
}

alignas(64) static const double kZeros[kColumns] = {};

// The first pass, of real values. Between two ends of the input every pointer moves on by one step.
template <int Radix, Place place>
static inline void run_first(const FftPlan& plan, const FftInput& in, double* re, double* im, std::int64_t step) {
  const std::int64_t parts = place != Place::between ? 1 : plan.passes[0].parts;
  const double *factors = plan.passes[0].twiddles, *phases = plan.phases;
  for (std::int64_t part = 0; part < parts;) {
    const double* from[Radix];
    std::int64_t move[Radix], end = parts;
    for (int k = 0; k < Radix; ++k) {
      const std::int64_t row = part + k * parts;
      const bool inside = row >= in.begin && row < in.end;
      const std::int64_t until = (row < in.begin ? in.begin : inside ? in.end : parts * Radix) - k * parts;
      from[k] = inside ? in.first + (row - in.begin) * kColumns : kZeros;
      move[k] = inside ? kColumns : 0;
      end = until < end ? until : end;
    }
    for (; part < end; ++part) {
      for (std::int64_t i = 0; i < kColumns; i += Values::size) {
        Complex v[Radix];
        for (int k = 0; k < Radix; ++k) {
          const Values value = Values::load(from[k] + i);
          const double* phase = phases + 2 * k * parts;
          v[k] = {value * Values::fill(phase[0]), value * Values::fill(phase[1])};
        }
        finish<Radix, place>(v, factors, re + i, im + i, step);
      }
      for (int k = 0; k < Radix; ++k) from[k] += move[k];
      phases += 2;
      factors += 2 * (Radix - 1);
      re += Radix * step;
      im += Radix * step;
    }
  }
}

template <Place place>
static void any_first(const FftPlan& plan, const FftInput& in, double* re, double* im, std::int64_t step) {
  switch (plan.passes[0].radix) {
    case 1:
      return run_first<1, place>(plan, in, re, im, step);
    case 2:
      return run_first<2, place>(plan, in, re, im, step);
    case 3:
      return run_first<3, place>(plan, in, re, im, step);
    case 4:
      return run_first<4, place>(plan, in, re, im, step);
    case 5:
      return run_first<5, place>(plan, in, re, im, step);
    default:
      return run_first<6, place>(plan, in, re, im, step);
  }
}

static void waves(const FftPlan& plan, const FftInput& in, double* cosines, double* sines, std::int64_t step,
                  double* work) {
  if (plan.folds == 1) {
    if (plan.count == 1) return any_first<Place::near>(plan, in, cosines, sines, step);
    const Room to = room_after(plan, 0, cosines, sines, step, work);
    any_first<Place::between>(plan, in, to.re, to.im, kColumns);
    return run_passes(plan, 1, cosines, sines, step, work);
  }
  const Room to = room_after(plan, -1, cosines, sines, step, work);
  for (std::int64_t row = 0; row < plan.n; ++row) {
    const std::int64_t end = in.end < plan.n * plan.folds ? in.end : plan.n * plan.folds;
    for (std::int64_t i = 0; i < kColumns; i += Values::size) {
      Values re = Values::fill(0.0), im = re;
      for (std::int64_t at = row; at < end; at += plan.n) {
        if (at < in.begin) continue;
        const Values value = Values::load(in.first + (at - in.begin) * kColumns + i);
        re = re + value * Values::fill(plan.phases[2 * at]);
        im = im + value * Values::fill(plan.phases[2 * at + 1]);
      }
      re.store(to.re + row * kColumns + i);
      im.store(to.im + row * kColumns + i);
    }
  }
  run_passes(plan, 0, cosines, sines, step, work);
}

// The cosines of a are sum over i of e(-i) a[i] + e(i) a[i], over 2, with e(i) = exp(j t): in its second half i becomes
// n - i, for which e(n - i) = j e(-i) at every frequency.
static void cosines(const FftPlan& plan, const FftInput& a, const FftInput& b, double* of_a, double* of_b,
                    std::int64_t step, double* work) {
  const std::int64_t n = plan.n * plan.folds;
  const Room to = room_after(plan, -1, of_a, of_b, step, work);
  const auto row_of = [](const FftInput& in, std::int64_t row) {
    return row < in.end ? in.first + row * kColumns : kZeros;
  };
  for (std::int64_t row = 0; row < plan.n; ++row) {
    for (std::int64_t i = 0; i < kColumns; i += Values::size) {
      Complex sum{Values::fill(0.0), Values::fill(0.0)};
      for (std::int64_t at = row; at < n; at += plan.n) {
        const Complex low{Values::load(row_of(a, at) + i), Values::load(row_of(b, at) + i)};
        if (at == 0) {
          sum = sum + low;
          continue;
        }
        const Complex high{Values::load(row_of(a, n - at) + i), Values::load(row_of(b, n - at) + i)};
        sum = sum + times(scaled(plus_turned(low, high), 0.5), plan.phases[2 * at], plan.phases[2 * at + 1]);
      }
      sum.re.store(to.re + row * kColumns + i);
      sum.im.store(to.im + row * kColumns + i);
    }
  }
  run_passes(plan, 0, of_a, of_b, step, work);
}

static void powers(const double* kernel, const double* a, std::int64_t n, double* sums) {
  const std::int64_t half = n * kColumns;
  for (std::int64_t column = 0; column < kColumns; column += Values::size) {
    Values sum = Values::load(sums + column);
    for (std::int64_t i = column; i < half; i += kColumns) {
      const Values re = Values::load(a + i), im = Values::load(a + half + i);
      sum = sum + Values::load(kernel + i) * (re * re + im * im);
    }
    sum.store(sums + column);
  }
}

static void products(const double* kernel, const double* b, const double* c, std::int64_t n, double* sums) {
  const std::int64_t half = n * kColumns;
  for (std::int64_t column = 0; column < kColumns; column += Values::size) {
    Values bb = Values::load(sums + column), bc = Values::load(sums + kColumns + column);
    for (std::int64_t i = column; i < half; i += kColumns) {
      const Values k = Values::load(kernel + i), re = Values::load(b + i), im = Values::load(b + half + i);
      bb = bb + k * (re * re + im * im);
      bc = bc + k * (re * Values::load(c + i) + im * Values::load(c + half + i));
    }
    bb.store(sums + column);
    bc.store(sums + kColumns + column);
  }
}

static void weights(const double* across, const double* factors, double step, std::int64_t n, double* to) {
  for (std::int64_t x = 0; x < n; ++x) {
    const double dx = static_cast<double>(x) * step, square = dx * dx, opposite = x > 0 ? 2.0 : 1.0;
    for (std::int64_t i = 0; i < kColumns; ++i)
      to[x * kColumns + i] = opposite * factors[i] / __builtin_sqrt(across[i] + square);
  }
}

static void squares(const double* from, std::int64_t n, double* to, double* sums) {
  for (std::int64_t column = 0; column < kColumns; column += Values::size) {
    Values sum = Values::load(sums + column);
    for (std::int64_t i = column; i < n; i += kColumns) {
      const Values value = Values::load(from + i), square = value * value;
      square.store(to + i);
      sum = sum + square;
    }
    sum.store(sums + column);
  }
}

// 1 where a bit is set.
static inline Values ones_of(std::uint64_t bits) {
  using Bits = Vec<std::int64_t>;
  static constexpr std::int64_t lanes[kColumns] = {1, 2, 4, 8, 16, 32, 64, 128};
  constexpr std::int64_t one = 0x3ff0000000000000;
  const Bits set = greater(Bits::fill(static_cast<std::int64_t>(bits)) & Bits::load(lanes), Bits::fill(0));
  const Bits result = set & Bits::fill(one);
  Values ones;
  std::memcpy(&ones, &result, sizeof(ones));
  return ones;
}

static void gather(const double* rows, std::int64_t length, const std::uint64_t* const* bits, std::int64_t first,
                   std::int64_t n, double* values, double* ones) {
  constexpr std::ptrdiff_t size = Values::size;
  for (std::int64_t x = 0; x < n; x += size) {
    const std::int64_t word = (first + x) / 64, shift = (first + x) % 64;
    const std::int64_t count = n - x < size ? n - x : size;
    const std::uint64_t wanted = (std::uint64_t{1} << count) - 1;
    for (std::int64_t k = 0; k < kColumns; k += size) {
      Values value[size], one[size];
      for (std::ptrdiff_t i = 0; i < size; ++i) {
        const std::uint64_t* row = bits[k + i];
        std::uint64_t set = row == nullptr ? 0 : row[word] >> shift;
        if (row != nullptr && shift + count > 64) set |= row[word + 1] << (64 - shift);
        one[i] = ones_of(set & wanted);
        value[i] = where_positive(one[i], Values::load(rows + (k + i) * length + x));
      }
      transpose(value);
      transpose(one);
      for (std::ptrdiff_t i = 0; i < count; ++i) {
        value[i].store(values + (x + i) * kColumns + k);
        one[i].store(ones + (x + i) * kColumns + k);
      }
    }
  }
}

static void turned(const double* from, std::int64_t blocks, double* to, std::int64_t step) {
  constexpr std::ptrdiff_t size = Values::size;
  for (std::int64_t block = 0; block < blocks; ++block) {
    const double* in = from + block * kColumns * kColumns;
    double* out = to + block * step;
    for (std::int64_t row = 0; row < kColumns; row += size) {
      for (std::int64_t column = 0; column < kColumns; column += size) {
        Values v[size];
        for (std::ptrdiff_t i = 0; i < size; ++i) v[i] = Values::load(in + (row + i) * kColumns + column);
        transpose(v);
        for (std::ptrdiff_t i = 0; i < size; ++i) v[i].store(out + (column + i) * kColumns + row);
      }
    }
  }
}

static void fetch(const double* from, std::int64_t rows) {
  for (std::int64_t i = 0; i < rows; ++i) prefetch(from + i * kColumns);
}

extern const FftRows fft_rows;
const FftRows fft_rows{waves, cosines, powers, products, weights, squares, gather, turned, fetch};

}  // namespace cormack::CORMACK_ISA
