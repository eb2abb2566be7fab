// Minima and maxima over windows. Every operation here may be repeated on its own result, so that the last vector of a
// row overlaps the one before it rather than being narrower.
#include "core/hd.hpp"
#include "core/vec.hpp"
#include "filters/extremum_filter_rows.hpp"

namespace cormack::CORMACK_ISA {

// Windows of two or three rows that one group of vectors runs through before the next one does.
constexpr std::int64_t kShortBlock = 16;

struct Minimum {
  template <class V>
  static V of(V a, V b) {
    return min(a, b);
  }
};
struct Maximum {
  template <class V>
  static V of(V a, V b) {
    return max(a, b);
  }
};

// Writes value(i) to out + i, n values in all.
template <class Key, class F>
static inline void store_all(Key* out, std::int64_t n, F value) {
  constexpr std::int64_t kLanes = Vec<Key>::size;
  if (n < kLanes) {
    alignas(64) Key narrow[kLanes];
    value(0).store(narrow);
    std::memcpy(out, narrow, static_cast<std::size_t>(n) * sizeof(Key));
    return;
  }
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) value(i).store(out + i);
  if (i < n) value(n - kLanes).store(out + n - kLanes);
}

// Step by step for all rows, not row by row: a load that straddles two stores has to wait for both of them.
template <class Op, class Key>
static void windows(Key* rows, std::int64_t pitch, std::int64_t count, std::int64_t size, Key* const* out,
                    std::int64_t n) {
  using V = Vec<Key>;
  // Rows hold extrema of `width` values, which are joined four by four; reading runs ahead of writing.
  std::int64_t width = 1;
  for (; 4 * width <= size; width *= 4) {
    for (std::int64_t k = 0; k < count; ++k) {
      Key* const row = rows + k * pitch;
      for (std::int64_t i = 0; i < n + size - 4 * width; i += V::size) {
        const Key* const p = row + i;
        const V left = Op::of(V::load(p), V::load(p + width));
        const V right = Op::of(V::load(p + 2 * width), V::load(p + 3 * width));
        Op::of(left, right).store(row + i);
      }
    }
  }
  // One to four of them make a window; the last one ends where it ends.
  const std::int64_t last = size - width;
  for (std::int64_t k = 0; k < count; ++k) {
    const Key* const a = rows + k * pitch;
    const Key *const b = a + width, *const c = b + width, *const d = a + last;
    if (last == 0) {
      store_all(out[k], n, [&](std::int64_t i) { return V::load(a + i); });
    } else if (last <= width) {
      store_all(out[k], n, [&](std::int64_t i) { return Op::of(V::load(a + i), V::load(d + i)); });
    } else if (last <= 2 * width) {
      store_all(out[k], n,
                [&](std::int64_t i) { return Op::of(Op::of(V::load(a + i), V::load(b + i)), V::load(d + i)); });
    } else {
      store_all(out[k], n, [&](std::int64_t i) {
        return Op::of(Op::of(V::load(a + i), V::load(b + i)), Op::of(V::load(c + i), V::load(d + i)));
      });
    }
  }
}

// Some vectors side by side. Everything is unrolled: what g++ cannot, it keeps in memory.
template <int kGroup, class Key>
struct Group {
  using V = Vec<Key>;
  static constexpr std::int64_t kLanes = V::size;
  V v[kGroup];

  static CORMACK_HD Group load(const Key* p) {
    Group group;
    CORMACK_UNROLL
    for (int g = 0; g < kGroup; ++g) group.v[g] = V::load(p + g * kLanes);
    return group;
  }
  CORMACK_HD void store(Key* p) const {
    CORMACK_UNROLL
    for (int g = 0; g < kGroup; ++g) v[g].store(p + g * kLanes);
  }
  template <class Op>
  static CORMACK_HD Group join(const Group& a, const Group& b) {
    Group group;
    CORMACK_UNROLL
    for (int g = 0; g < kGroup; ++g) group.v[g] = Op::of(a.v[g], b.v[g]);
    return group;
  }
};

// `columns` for the group of vectors at x and at most one block of windows. put(i, group) takes the results.
template <int kGroup, class Op, class Key, class Put>
static inline void column(const Key* const* rows, std::int64_t size, std::int64_t count, std::int64_t x, Key* suffixes,
                          Put put) {
  using G = Group<kGroup, Key>;
  constexpr std::int64_t kLanes = kGroup * Vec<Key>::size;
  const auto load = [&](std::int64_t i) { return G::load(rows[i] + x); };
  if (size == 1) {
    for (std::int64_t i = 0; i < count; ++i) put(i, load(i));
    return;
  }
  if (size == 2 || size == 3) {
    G before = load(0), pair = before;
    if (size == 3) {
      const G next = load(1);
      pair = G::template join<Op>(before, next);
      before = next;
    }
    for (std::int64_t i = 0; i < count; ++i) {
      const G next = load(i + size - 1);
      put(i, G::template join<Op>(pair, next));
      pair = size == 3 ? G::template join<Op>(before, next) : next;
      before = next;
    }
    return;
  }
  // A window is the end of one block of `size` rows and the start of the next one.
  G end = load(size - 1);
  for (std::int64_t i = size - 1;; end = G::template join<Op>(load(--i), end)) {
    if (i < count) end.store(suffixes + i * kLanes);
    if (i == 0) break;
  }
  put(0, end);
  if (count == 1) return;
  G start = load(size);
  put(1, G::template join<Op>(G::load(suffixes + kLanes), start));
  for (std::int64_t i = 2; i < count; ++i) {
    start = G::template join<Op>(start, load(size + i - 1));
    put(i, G::template join<Op>(G::load(suffixes + i * kLanes), start));
  }
}

template <class Op, class Key>
static void columns(const Key* const* rows, std::int64_t size, std::int64_t count, Key* out, std::int64_t stride,
                    std::int64_t n, Key* suffixes) {
  constexpr int kGroup = kSuffixBytes / 64;
  constexpr std::int64_t kLanes = Vec<Key>::size;
  const std::int64_t step = size < 4 ? kShortBlock : size;
  for (std::int64_t block = 0; block < count; block += step, rows += step, out += step * stride) {
    const std::int64_t windows = count - block < step ? count - block : step;
    if (n < kLanes) {
      column<1, Op>(rows, size, windows, 0, suffixes, [&](std::int64_t i, const Group<1, Key>& result) {
        alignas(64) Key narrow[kLanes];
        result.store(narrow);
        std::memcpy(out + i * stride, narrow, static_cast<std::size_t>(n) * sizeof(Key));
      });
      continue;
    }
    std::int64_t x = 0;
    for (; x + kGroup * kLanes <= n; x += kGroup * kLanes)
      column<kGroup, Op>(rows, size, windows, x, suffixes,
                         [&](std::int64_t i, const Group<kGroup, Key>& result) { result.store(out + i * stride + x); });
    for (; x < n; x += kLanes) {
      const std::int64_t at = x + kLanes <= n ? x : n - kLanes;
      column<1, Op>(rows, size, windows, at, suffixes,
                    [&](std::int64_t i, const Group<1, Key>& result) { result.store(out + i * stride + at); });
    }
  }
}

template <class Op, class Key>
static void join(const Key* const* rows, std::int64_t count, Key* out, std::int64_t n) {
  constexpr int kGroup = 4;
  constexpr std::int64_t kLanes = Vec<Key>::size;
  using G = Group<kGroup, Key>;
  std::int64_t x = 0;
  for (; x + kGroup * kLanes <= n; x += kGroup * kLanes) {
    G result = G::load(rows[0] + x);
    for (std::int64_t k = 1; k < count; ++k) result = G::template join<Op>(result, G::load(rows[k] + x));
    result.store(out + x);
  }
  if (x == n) return;
  store_all(out + x, n - x, [&](std::int64_t i) {
    Vec<Key> result = Vec<Key>::load(rows[0] + x + i);
    for (std::int64_t k = 1; k < count; ++k) result = Op::of(result, Vec<Key>::load(rows[k] + x + i));
    return result;
  });
}

// The bits of positive numbers grow with them, those of negative ones fall; NaN of either sign goes to the end.
template <class Key, Key kInfinity>
static void encode(Key* row, std::int64_t n) {
  constexpr Key kMagnitude = static_cast<Key>(~(Key{1} << (8 * sizeof(Key) - 1)));
  for (std::int64_t i = 0; i < n; ++i) {
    const Key bits = row[i], magnitude = bits & kMagnitude;
    const Key key = bits < 0 ? bits ^ kMagnitude : bits;
    row[i] = magnitude > kInfinity ? magnitude : key;
  }
}

template <class Key>
static void decode(Key* row, std::int64_t n) {
  constexpr Key kMagnitude = static_cast<Key>(~(Key{1} << (8 * sizeof(Key) - 1)));
  for (std::int64_t i = 0; i < n; ++i) row[i] = row[i] < 0 ? row[i] ^ kMagnitude : row[i];
}

template <class Op, class Key>
static constexpr ExtremumKernels<Key> kernels{windows<Op, Key>, columns<Op, Key>, join<Op, Key>};
template <class Key>
static constexpr ExtremumPair<Key> pair{kernels<Minimum, Key>, kernels<Maximum, Key>};

extern const ExtremumRows extremum_rows;
const ExtremumRows extremum_rows{
    pair<std::uint8_t>,
    pair<std::int8_t>,
    pair<std::uint16_t>,
    pair<std::int16_t>,
    pair<std::uint32_t>,
    pair<std::int32_t>,
    pair<std::int64_t>,
    {encode<std::int32_t, 0x7f800000>, decode<std::int32_t>},
    {encode<std::int64_t, 0x7ff0000000000000>, decode<std::int64_t>},
};

}  // namespace cormack::CORMACK_ISA
