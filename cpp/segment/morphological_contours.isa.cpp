// Words of 64 pixels, pixel x at bit x % 64; beyond rows, slices and the image there are words of zeros.
#include <cstddef>

#include "segment/morphological_contours_rows.hpp"

namespace cormack::CORMACK_ISA {

using Word = std::uint64_t;

constexpr std::int64_t kBlock = 256;

struct And {
  static Word join(Word a, Word b) { return a & b; }
};
struct Or {
  static Word join(Word a, Word b) { return a | b; }
};

static inline Word before(const Word* p) { return p[0] << 1 | p[-1] >> 63; }
static inline Word after(const Word* p) { return p[0] >> 1 | p[1] << 63; }

// Every line through a pixel has three: `Line` joins those of a line, `Across` the four lines.
template <class Line, class Across>
static void curvature_2d(const WordRows& rows) {
  const std::int64_t row = rows.row;
  for (std::int64_t i = 0; i < rows.n; ++i) {
    const Word *here = rows.in + i, *up = here - row, *down = here + row;
    const Word across = Line::join(before(here), after(here)), along = Line::join(*up, *down);
    const Word falling = Line::join(before(up), after(down)), rising = Line::join(after(up), before(down));
    const Word lines = Across::join(Across::join(across, along), Across::join(falling, rising));
    rows.out[i] = Line::join(*here, lines) & rows.valid[i];
  }
}

// Nine planes of nine pixels. Shifts commute with joining: what planes share is joined before it is shifted.
template <class Line, class Across>
static void curvature_3d(const WordRows& rows) {
  const std::int64_t row = rows.row, slice = rows.slice;
  const auto join3 = [](Word a, Word b, Word c) { return Line::join(Line::join(a, b), c); };
  // One word more on each side.
  Word columns[3][kBlock + 2], sheets[3][kBlock + 2], slants[2][kBlock + 2];
  for (std::int64_t begin = 0; begin < rows.n; begin += kBlock) {
    const std::int64_t n = rows.n - begin < kBlock ? rows.n - begin : kBlock;
    const Word* in = rows.in + begin - 1;
    for (std::int64_t i = 0; i < n + 2; ++i) {
      const Word* p = in + i;
      const Word a = p[-slice - row], b = p[-slice], c = p[-slice + row], d = p[-row], e = p[0], f = p[row],
                 g = p[slice - row], h = p[slice], k = p[slice + row];
      columns[0][i] = join3(a, d, g);  // along z, at y - 1, y and y + 1
      columns[1][i] = join3(b, e, h);
      columns[2][i] = join3(c, f, k);
      sheets[0][i] = join3(a, b, c);  // along y, at z - 1, z and z + 1
      sheets[1][i] = join3(d, e, f);
      sheets[2][i] = join3(g, h, k);
      slants[0][i] = join3(a, e, k);
      slants[1][i] = join3(c, e, g);
    }
    for (std::int64_t i = 0; i < n; ++i) {
      const auto wide = [i](const Word* line) {
        return Line::join(Line::join(before(line + i + 1), after(line + i + 1)), line[i + 1]);
      };
      const auto diagonal = [i](const Word* first, const Word* middle, const Word* last) {
        return Line::join(Line::join(before(first + i + 1), after(last + i + 1)), middle[i + 1]);
      };
      Word planes = join3(columns[0][i + 1], columns[1][i + 1], columns[2][i + 1]);
      planes = Across::join(planes, wide(columns[1]));
      planes = Across::join(planes, wide(sheets[1]));
      planes = Across::join(planes, wide(slants[0]));
      planes = Across::join(planes, wide(slants[1]));
      planes = Across::join(planes, diagonal(columns[0], columns[1], columns[2]));
      planes = Across::join(planes, diagonal(columns[2], columns[1], columns[0]));
      planes = Across::join(planes, diagonal(sheets[0], sheets[1], sheets[2]));
      planes = Across::join(planes, diagonal(sheets[2], sheets[1], sheets[0]));
      rows.out[begin + i] = planes & rows.valid[begin + i];
    }
  }
}

template <class Join>
static void box(const WordRows& rows) {
  const std::int64_t row = rows.row, slice = rows.slice;
  Word joined[kBlock + 2];
  for (std::int64_t begin = 0; begin < rows.n; begin += kBlock) {
    const std::int64_t n = rows.n - begin < kBlock ? rows.n - begin : kBlock;
    const Word* in = rows.in + begin - 1;
    for (std::int64_t i = 0; i < n + 2; ++i) {
      const auto three = [row](const Word* p) { return Join::join(Join::join(p[-row], p[0]), p[row]); };
      joined[i] = Join::join(Join::join(three(in + i), three(in + i - slice)), three(in + i + slice));
    }
    for (std::int64_t i = 0; i < n; ++i) {
      const Word* p = joined + i + 1;
      rows.out[begin + i] = Join::join(Join::join(before(p), after(p)), *p) & rows.valid[begin + i];
    }
  }
}

static bool moving(const MovingRow& row, Word* out) {
  const std::int64_t words = (row.width + 63) / 64;
  const auto& bits = row.bits;
  Word any = 0;
  for (std::int64_t w = 0; w < words; ++w) {
    Word left = before(bits.here + w), right = after(bits.here + w);
    // Beyond the ends the end is repeated.
    if (w == 0) left |= bits.here[w] & 1;
    if (w + 1 == words) right |= bits.here[w] & Word{1} << ((row.width - 1) % 64);
    const Word inside = w + 1 < words || row.width % 64 == 0 ? ~Word{0} : (Word{1} << row.width % 64) - 1;
    out[w] = ((left ^ right) | (bits.up[w] ^ bits.down[w]) | (bits.front[w] ^ bits.back[w])) & inside;
    any |= out[w];
  }
  return any != 0;
}

template <class T>
static void chan_vese(const ChanVeseRow<T>& row) {
  for (std::int64_t w = 0; w < row.words; ++w) {
    Word word = row.bits[w];
    for (Word moving_bits = row.moving[w]; moving_bits != 0; moving_bits &= moving_bits - 1) {
      const int bit = __builtin_ctzll(moving_bits);
      const double value = static_cast<double>(row.image[(64 * w + bit) * row.step]);
      const double in = value - row.inside, out = value - row.outside;
      const double force = row.lambda1 * (in * in) - row.lambda2 * (out * out);
      const Word here = Word{1} << bit;
      word = force < 0 ? word | here : force > 0 ? word & ~here : word;
    }
    row.bits[w] = word;
  }
}

template <class T>
static void geodesic(const GeodesicRow<T>& row) {
  const auto& image = row.image;
  const auto& bits = row.bits;
  for (std::int64_t begin = 0, w = 0; begin < row.width; begin += 64, ++w) {
    Word word = row.out[w];
    for (Word moving_bits = row.moving[w]; moving_bits != 0; moving_bits &= moving_bits - 1) {
      const int bit = __builtin_ctzll(moving_bits);
      const std::int64_t x = begin + bit, left = x > 0 ? x - 1 : x, right = x + 1 < row.width ? x + 1 : x;
      T force = 0;
      // As numpy.gradient, whose halves are exact, and a sum that is rounded to T after each axis.
      const auto pull = [&force](T slope, int step, double scale) {
        force = static_cast<T>(static_cast<double>(force) + static_cast<double>(slope) * scale * (step * scale));
      };
      const auto set = [](const Word* at, std::int64_t i) { return static_cast<int>(at[i >> 6] >> (i & 63) & 1); };
      const std::int64_t at = x * row.step;
      if (row.z_scale > 0) pull(image.back[at] - image.front[at], set(bits.back, x) - set(bits.front, x), row.z_scale);
      if (row.y_scale > 0) pull(image.down[at] - image.up[at], set(bits.down, x) - set(bits.up, x), row.y_scale);
      if (right > left) {
        pull(image.here[right * row.step] - image.here[left * row.step], set(bits.here, right) - set(bits.here, left),
             right - left == 2 ? 0.5 : 1.0);
      }
      const Word here = Word{1} << bit;
      word = force > 0 ? word | here : force < 0 ? word & ~here : word;
    }
    row.out[w] = word;
  }
}

template <class T>
static WordSum sum(const T* values, std::int64_t step, std::int64_t n, Word inside) {
  // Sums of 64 integers are exact.
  double in = 0, out = 0;
  std::int32_t in_count = 0, out_count = 0;
  if (step == 1 && n == 64 && (inside == 0 || inside == ~Word{0})) {
    double parts[8] = {};
    std::int32_t counts[8] = {};
    for (int i = 0; i < 64; i += 8) {
      for (int k = 0; k < 8; ++k) {
        const double value = static_cast<double>(values[i + k]);
        const bool number = value == value;
        parts[k] += number ? value : 0.0;
        counts[k] += number;
      }
    }
    for (int k = 0; k < 8; ++k) {
      in += parts[k];
      in_count += counts[k];
    }
    return inside == 0 ? WordSum{0, in, 0, in_count} : WordSum{in, 0, in_count, 0};
  }
  for (std::int64_t i = 0; i < n; ++i) {
    const double value = static_cast<double>(values[i * step]);
    const bool number = value == value, set = inside >> i & 1;
    in += number & set ? value : 0.0;
    out += number & !set ? value : 0.0;
    in_count += number & set;
    out_count += number & !set;
  }
  return {in, out, in_count, out_count};
}

extern const MorphologicalContoursRows morphological_contours_rows;
const MorphologicalContoursRows morphological_contours_rows{
    curvature_2d<Or, And>,
    curvature_2d<And, Or>,
    curvature_3d<Or, And>,
    curvature_3d<And, Or>,
    box<Or>,
    box<And>,
    moving,
    {chan_vese<std::uint8_t>, chan_vese<std::int8_t>, chan_vese<std::uint16_t>, chan_vese<std::int16_t>,
     chan_vese<std::uint32_t>, chan_vese<std::int32_t>, chan_vese<float>, chan_vese<double>},
    geodesic<float>,
    geodesic<double>,
    {sum<std::uint8_t>, sum<std::int8_t>, sum<std::uint16_t>, sum<std::int16_t>, sum<std::uint32_t>, sum<std::int32_t>,
     sum<float>, sum<double>},
};

}  // namespace cormack::CORMACK_ISA
