// Carries out the merges of a TreePlan in vector lanes along x. Lists lie in memory, their vectors one after the other;
// a pass loads columns of up to eight, so that three layers of compare-exchanges cost one load and one store a value.
// Values are ordered as integers: floating-point numbers become keys with their order, -0 before 0 and NaN last.
#include <utility>

#include "core/vec.hpp"
#include "filters/median_network.hpp"
#include "filters/rank_tree_rows.hpp"

namespace cormack::CORMACK_ISA {

template <class T>
struct KeyOf {
  using Type = std::conditional_t<
      sizeof(T) == 1, std::uint8_t,
      std::conditional_t<sizeof(T) == 2, std::int16_t, std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>>>;
};
template <class T>
using Key = typename KeyOf<T>::Type;

template <class T>
inline constexpr bool kOwnKey = std::is_same_v<T, Key<T>>;

template <class K>
inline constexpr K kTop = static_cast<K>(static_cast<K>(1) << (8 * sizeof(K) - 1));
template <class K>
inline constexpr K kInfinity = sizeof(K) == 4 ? static_cast<K>(0x7f800000) : static_cast<K>(0x7ff0000000000000);

template <class T>
inline Key<T> key_of(T value) {
  using K = Key<T>;
  K bits;
  std::memcpy(&bits, &value, sizeof(bits));
  if constexpr (std::is_floating_point_v<T>) {
    constexpr K kMagnitude = static_cast<K>(~kTop<K>);
    const K magnitude = bits & kMagnitude;
    const K ordered = bits < 0 ? bits ^ kMagnitude : bits;
    return magnitude > kInfinity<K> ? magnitude : ordered;
  } else {
    return kOwnKey<T> ? bits : static_cast<K>(bits ^ kTop<K>);
  }
}

template <class T>
inline T value_of(Key<T> key) {
  using K = Key<T>;
  if constexpr (std::is_floating_point_v<T>) key = key < 0 ? key ^ static_cast<K>(~kTop<K>) : key;
  else if constexpr (!kOwnKey<T>) key = static_cast<K>(key ^ kTop<K>);
  T value;
  std::memcpy(&value, &key, sizeof(value));
  return value;
}

// A copy as a vector: g++ 12 copies the class as bytes, through the stack, even into what are registers otherwise.
template <class T>
CORMACK_HD Vec<T> get(const Vec<T>* p) {
  return Vec<T>::load(reinterpret_cast<const T*>(p));
}
template <class T>
CORMACK_HD void put(Vec<T> value, Vec<T>* p) {
  value.store(reinterpret_cast<T*>(p));
}

// Recursion rather than loops over small arrays: g++ 12 unrolls those too late to keep all of an array in registers.
template <int kRows, int kStep, int i = 0, class V>
CORMACK_HD void order_layer(V* row) {
  if constexpr (i + kStep < kRows) {
    if constexpr ((i & kStep) == 0) network::exchange(row[i], row[i + kStep]);
    order_layer<kRows, kStep, i + 1>(row);
  }
}

// The layers of a bitonic merge of kRadix rows; those from kRows on are larger than every value.
template <int kRadix, int kRows, class V>
CORMACK_HD void order_rows(V* row) {
  if constexpr (kRadix >= 8) order_layer<kRows, 4>(row);
  if constexpr (kRadix >= 4) order_layer<kRows, 2>(row);
  order_layer<kRows, 1>(row);
}

template <int kRows, int i = 0, class V>
CORMACK_HD void load_rows(const V* at, std::ptrdiff_t stride, V* row) {
  row[i] = get(at + i * stride);
  if constexpr (i + 1 < kRows) load_rows<kRows, i + 1>(at, stride, row);
}

template <int kRows, int i = 0, class V>
CORMACK_HD void store_rows(const V* row, std::ptrdiff_t stride, V* at) {
  put(row[i], at + i * stride);
  if constexpr (i + 1 < kRows) store_rows<kRows, i + 1>(row, stride, at);
}

template <int kRadix, int kRows, class V>
CORMACK_HD void exchange_rows(const MergePass& pass, V* out) {
  const std::ptrdiff_t stride = pass.stride;
  for (std::int32_t block = 0; block < pass.blocks; ++block) {
    V* at = out + pass.to + static_cast<std::ptrdiff_t>(block) * pass.block;
    for (V* const end = at + pass.columns; at != end; ++at) {
      V row[kRows];
      load_rows<kRows>(at, stride, row);
      order_rows<kRadix, kRows>(row);
      store_rows<kRows>(row, stride, at);
    }
  }
}

// As above for columns that are next to each other in memory.
template <int kRadix, class V>
CORMACK_HD void exchange_blocks(const MergePass& pass, V* out) {
  V* at = out + pass.to;
  for (V* const end = at + static_cast<std::ptrdiff_t>(pass.blocks) * kRadix; at != end; at += kRadix) {
    V row[kRadix];
    load_rows<kRadix>(at, 1, row);
    order_rows<kRadix, kRadix>(row);
    store_rows<kRadix>(row, 1, at);
  }
}

// Where the rows of a column come from.
template <int kRows, class V>
struct Sources {
  const V* from[kRows];
  std::ptrdiff_t step[kRows];

  template <int i = 0>
  CORMACK_HD void start(const MergePass& pass, const V* a, const V* b) {
    const bool reversed = (pass.reversed >> i & 1) != 0;
    from[i] = (reversed ? b : a) + pass.source[i];
    step[i] = reversed ? -1 : 1;
    if constexpr (i + 1 < kRows) start<i + 1>(pass, a, b);
  }
  template <int i = 0>
  CORMACK_HD void next(V* row) {
    row[i] = get(from[i]);
    from[i] += step[i];
    if constexpr (i + 1 < kRows) next<i + 1>(row);
  }
};

template <int kRadix, int kRows, class V>
CORMACK_HD void gather_rows(const MergePass& pass, const V* a, const V* b, V* out) {
  Sources<kRows, V> sources;
  sources.template start<>(pass, a, b);
  const std::ptrdiff_t stride = pass.stride;
  V* at = out + pass.to;
  for (V* const end = at + pass.columns; at != end; ++at) {
    V row[kRows];
    sources.template next<>(row);
    order_rows<kRadix, kRows>(row);
    store_rows<kRows>(row, stride, at);
  }
}

template <int kRows, int i = 0, class V>
CORMACK_HD V least_of_pairs(const V* row) {
  if constexpr (i + 1 < kRows) return min(max(row[2 * i], row[2 * i + 1]), least_of_pairs<kRows, i + 1>(row));
  else return max(row[2 * i], row[2 * i + 1]);
}

template <int kRows, class V>
CORMACK_HD void fold_rows(const MergePass& pass, const V* a, const V* b, V* out) {
  Sources<2 * kRows, V> sources;
  sources.template start<>(pass, a, b);
  V* at = out + pass.to;
  for (V* const end = at + pass.columns; at != end; ++at) {
    V row[2 * kRows];
    sources.template next<>(row);
    const V least = least_of_pairs<kRows>(row);
    put(pass.accumulate ? min(get(at), least) : least, at);
  }
}

template <class V>
CORMACK_HD void select_one(const MergePass& pass, const V* a, const V* b, V* out) {
  const V* p = a + pass.source[0];
  const V* q = b + pass.source[1];
  V least = pass.rows > 0 ? max(get(p), get(q)) : get(a);
  if (pass.source[2] >= 0) least = min(least, get(a + pass.source[2]));
  if (pass.source[3] >= 0) least = min(least, get(b + pass.source[3]));
  V other = least, third = least, fourth = least;
  std::int32_t i = 0;
  for (; i + 4 <= pass.rows; i += 4) {
    least = min(least, max(get(p + i), get(q - i)));
    other = min(other, max(get(p + i + 1), get(q - i - 1)));
    third = min(third, max(get(p + i + 2), get(q - i - 2)));
    fourth = min(fourth, max(get(p + i + 3), get(q - i - 3)));
  }
  for (; i < pass.rows; ++i) least = min(least, max(get(p + i), get(q - i)));
  put(min(min(least, other), min(third, fourth)), out);
}

// Where they are worth the time it takes to compile them.
template <class V>
inline constexpr bool kHasFixedMerges = sizeof(V) >= 32 && sizeof(V) / V::size < 8;

template <std::int32_t kFixed, class V>
[[gnu::noinline]] static void fixed_merge(const V* a, const V* b, V* out) {
  constexpr MergeShape kShape = kFixedMerges[kFixed];
  V all[kShape.a + kShape.b];
  network::merge<kShape.a, 1, kShape.b, 1>(a, b, all);
  store_rows<kShape.count>(all + kShape.low, 1, out);
}

template <class V, std::size_t... kFixed>
CORMACK_HD void any_fixed_merge(std::int32_t index, const V* a, const V* b, V* out, std::index_sequence<kFixed...>) {
  using Function = void (*)(const V*, const V*, V*);
  static constexpr Function kFunctions[] = {fixed_merge<static_cast<std::int32_t>(kFixed), V>...};
  kFunctions[index](a, b, out);
}

template <class V>
static void merge(const TreePlanView& plan, std::int32_t index, const V* a, const V* b, V* out) {
  const Merge& m = plan.merge[index];
  if constexpr (kHasFixedMerges<V>) {
    if (m.fixed >= 0) {
      any_fixed_merge(m.fixed, a, b, out, std::make_index_sequence<kFixedMergeCount>{});
      return;
    }
  }
  for (std::int32_t i = 0; i < m.passes; ++i) {
    const MergePass& pass = plan.pass[m.first_pass + i];
    switch (pass.kind) {
      case MergePass::gather:
        switch (pass.radix + pass.rows) {
          case 3:
            gather_rows<2, 1>(pass, a, b, out);
            break;
          case 4:
            gather_rows<2, 2>(pass, a, b, out);
            break;
          case 5:
            gather_rows<4, 1>(pass, a, b, out);
            break;
          case 6:
            gather_rows<4, 2>(pass, a, b, out);
            break;
          case 7:
            gather_rows<4, 3>(pass, a, b, out);
            break;
          case 8:
            gather_rows<4, 4>(pass, a, b, out);
            break;
          case 12:
            gather_rows<8, 4>(pass, a, b, out);
            break;
          case 13:
            gather_rows<8, 5>(pass, a, b, out);
            break;
          case 14:
            gather_rows<8, 6>(pass, a, b, out);
            break;
          case 15:
            gather_rows<8, 7>(pass, a, b, out);
            break;
          case 16:
            gather_rows<8, 8>(pass, a, b, out);
            break;
        }
        break;
      case MergePass::exchange:
        if (pass.stride == 1 && pass.rows == pass.radix) {
          if (pass.radix == 8) exchange_blocks<8>(pass, out);
          else if (pass.radix == 4) exchange_blocks<4>(pass, out);
          else exchange_blocks<2>(pass, out);
          break;
        }
        switch (pass.radix + pass.rows) {
          case 4:
            exchange_rows<2, 2>(pass, out);
            break;
          case 6:
            exchange_rows<4, 2>(pass, out);
            break;
          case 7:
            exchange_rows<4, 3>(pass, out);
            break;
          case 8:
            exchange_rows<4, 4>(pass, out);
            break;
          case 10:
            exchange_rows<8, 2>(pass, out);
            break;
          case 11:
            exchange_rows<8, 3>(pass, out);
            break;
          case 12:
            exchange_rows<8, 4>(pass, out);
            break;
          case 13:
            exchange_rows<8, 5>(pass, out);
            break;
          case 14:
            exchange_rows<8, 6>(pass, out);
            break;
          case 15:
            exchange_rows<8, 7>(pass, out);
            break;
          case 16:
            exchange_rows<8, 8>(pass, out);
            break;
        }
        break;
      case MergePass::fold:
        switch (pass.rows) {
          case 1:
            fold_rows<1>(pass, a, b, out);
            break;
          case 2:
            fold_rows<2>(pass, a, b, out);
            break;
          case 3:
            fold_rows<3>(pass, a, b, out);
            break;
          case 4:
            fold_rows<4>(pass, a, b, out);
            break;
        }
        break;
      case MergePass::select:
        select_one(pass, a, b, out);
        break;
    }
  }
}

// A tile's view of a tree: lists are numbered from the tile's first, less one; earlier ones have numbers below 1.
template <class V>
struct Tree {
  const TreePlanView& plan;
  const MergeTree& tree;
  V* rings;
  V* scratch;
  std::int32_t phase;  // of the tile in the rings

  V* list(int level, std::int32_t start) const {
    const std::int32_t shift = start & ((1 << level) - 1);
    std::int32_t slot = phase + start - shift;
    if (slot < 0) slot += tree.ring;
    if (slot >= tree.ring) slot -= tree.ring;
    const std::int32_t ring = shift == 0 ? tree.ring_at[level] : tree.shifted_at[level];
    return rings + ring + static_cast<std::ptrdiff_t>(slot) * tree.size;
  }

  // Once list `last` is there: all groups that end with it. `oldest`: the first list that there is.
  void make_groups(std::int32_t last, std::int32_t oldest) const {
    for (int level = 1; level < tree.levels; ++level) {
      const std::int32_t group = 1 << level, start = last + 1 - group, place = start & (group - 1);
      if (start < oldest || (place != 0 && place != ((tree.lists + 1) & (group - 1)))) continue;
      merge<V>(plan, tree.group[level], list(level - 1, start), list(level - 1, start + group / 2), list(level, start));
    }
  }

  const V* at(const ListRef& ref) const { return (ref.level < 0 ? scratch : list(ref.level, ref.start)) + ref.offset; }

  // to[t] = the wanted ranks of the window of lists t + 1, t + 2, ...
  void run(V* const* to) const {
    for (std::int32_t i = 0; i < tree.steps; ++i) {
      const MergeStep& step = plan.step[tree.first_step + i];
      merge<V>(plan, step.merge, at(step.a), at(step.b), step.to < 0 ? to[0] : scratch + step.to);
    }
    if (tree.tile > 1) split(0, tree.tile / 2, at(tree.core), to);
    else if (tree.steps == 0) put(get(at(tree.core)), to[0]);
  }

  // `core`: what the windows t .. t + 2 * half - 1 have in common.
  void split(std::int32_t t, std::int32_t half, const V* core, V* const* to) const {
    int level = 0;
    while ((1 << level) < half) ++level;
    for (const bool second : {false, true}) {
      const std::int32_t from = second ? t + half : t;
      V* const out = half == 1 ? to[from] : scratch + tree.split_at[level];
      merge<V>(plan, tree.split[level], core, list(level, second ? t + tree.lists + 1 : t + half), out);
      if (half > 1) split(from, half / 2, out, to);
    }
  }
};

template <int kCount, class V, class K>
CORMACK_HD void sort_chunk(const K* from, V* out) {
  V v[kCount];
  CORMACK_UNROLL
  for (int i = 0; i < kCount; ++i) v[i] = V::load(from + i);
  network::sort<kCount>(v);
  store_rows<kCount>(v, 1, out);
}

template <class V, class K>
static void sort_row(const TreePlanView& plan, const K* from, V* scratch, V* to) {
  for (std::int32_t chunk = 0; chunk < plan.chunks; ++chunk) {
    V* const out = plan.chunks == 1 ? to : scratch + 8 * chunk;
    switch (plan.chunk[chunk]) {
      case 1:
        put(V::load(from), out);
        break;
      case 2:
        sort_chunk<2>(from, out);
        break;
      case 3:
        sort_chunk<3>(from, out);
        break;
      case 4:
        sort_chunk<4>(from, out);
        break;
      case 5:
        sort_chunk<5>(from, out);
        break;
      case 6:
        sort_chunk<6>(from, out);
        break;
      case 7:
        sort_chunk<7>(from, out);
        break;
      case 8:
        sort_chunk<8>(from, out);
        break;
    }
    from += plan.chunk[chunk];
  }
  for (std::int32_t i = 0; i < plan.row_steps; ++i) {
    const MergeStep& step = plan.step[plan.first_row_step + i];
    merge<V>(plan, step.merge, scratch + step.a.offset, scratch + step.b.offset, step.to < 0 ? to : scratch + step.to);
  }
}

// The keys of a row of the windows of columns x .. x + lanes - 1.
template <class T>
struct Extended {
  using K = Key<T>;
  using V = Vec<K>;
  std::int64_t x, lanes, left, count, width;
  bool inside;
  std::int64_t* outside;  // where the values beside the columns come from; negative: cval
  K cval;

  // `keys`: room for them, where the row itself does not serve.
  const K* row(const T* from, K* keys) const {
    const T* const start = from + x - left;
    prefetch(from + x + V::size);
    if (inside) {
      if constexpr (kOwnKey<T>) {
        return start;
      } else {
        for (std::int64_t i = 0; i < count; i += V::size) {
          for (std::int64_t j = 0; j < V::size; ++j) keys[i + j] = key_of(start[i + j]);
        }
        return keys;
      }
    }
    if (lanes == V::size) {
      for (std::int64_t j = 0; j < V::size; ++j) keys[left + j] = key_of(from[x + j]);
    } else {
      for (std::int64_t j = 0; j < lanes; ++j) keys[left + j] = key_of(from[x + j]);
    }
    for (std::int64_t i = 0; i < count - lanes; ++i)
      keys[i < left ? i : lanes + i] = outside[i] < 0 ? cval : key_of(from[outside[i]]);
    return keys;
  }
};

template <class T>
static void store_row(Vec<Key<T>> result, T* to, std::int64_t begin, std::int64_t end) {
  using V = Vec<Key<T>>;
  alignas(64) Key<T> keys[V::size];
  T values[V::size];
  if constexpr (kOwnKey<T>) {
    if (end - begin == V::size) return result.store(to);
  }
  result.store(keys);
  for (std::int64_t i = 0; i < V::size; ++i) values[i] = value_of<T>(keys[i]);
  if (end - begin == V::size) std::memcpy(to, values, sizeof(values));
  else std::memcpy(to + begin, values + begin, static_cast<std::size_t>(end - begin) * sizeof(T));
}

template <class T>
static void run_tree(const TreePlanView& plan, const TreeStrip<T>& strip) {
  using K = Key<T>;
  using V = Vec<K>;
  constexpr std::int64_t kMostBeside = 512, kMostTile = 32, kMostPlanes = 512;
  static_assert(sizeof(V) == kVecBytes);
  V* const arena = static_cast<V*>(strip.arena);
  V* const scratch = arena + plan.scratch;

  std::int64_t outside[kMostBeside];
  Extended<T> extended{};
  extended.width = strip.width;
  extended.lanes = strip.width < V::size ? strip.width : V::size;
  extended.x = strip.x;
  extended.left = -strip.first;
  extended.count = extended.lanes + plan.width - 1;
  const std::int64_t from = strip.x - extended.left, read = (extended.count + V::size - 1) / V::size * V::size;
  extended.inside = extended.lanes == V::size && from >= 0 && from + read <= strip.width;
  for (std::int64_t i = 0; i < plan.width - 1; ++i)
    outside[i] = border_index(i < extended.left ? from + i : from + extended.lanes + i, strip.width, strip.border);
  extended.outside = outside;
  extended.cval = key_of(strip.cval);

  const std::int32_t slices = plan.planes.tile, planes = plan.planes.lists + slices - 1, tile = plan.rows.tile;
  const std::int32_t ahead = plan.rows.lists + tile - 1;
  const std::int64_t tiles = (strip.height + tile - 1) / tile, rows = tiles * tile + plan.rows.lists - 1;
  const Tree<V> plane_tree{plan, plan.planes, arena, scratch, 0};
  V results[kMostTile];
  V* to[kMostTile];
  // Keys are made a row ahead: a load has to wait for the stores that it overlaps.
  K* const keys = reinterpret_cast<K*>(arena + plan.keys);
  const K* extended_rows[2][kMostPlanes];
  const auto extend = [&](std::int64_t row) {
    const T* const* const sources = strip.rows + (row - 1) * planes;
    for (std::int32_t p = 0; p < planes; ++p)
      extended_rows[row % 2][p] = extended.row(sources[p], keys + (row % 2 * planes + p) * plan.keys_pitch * V::size);
  };

  extend(1);
  for (std::int64_t row = 1; row <= rows; ++row) {
    if (row < rows) extend(row + 1);
    const K* const* const from_planes = extended_rows[row % 2];
    const std::int64_t base = (row - 1) / tile * tile;
    const std::int32_t local = static_cast<std::int32_t>(row - base), oldest = static_cast<std::int32_t>(1 - base);
    const std::int32_t phase = static_cast<std::int32_t>(base % plan.rows.ring);
    const auto tree_of = [&](std::int32_t s, std::int32_t at) {
      return Tree<V>{plan, plan.rows, arena + static_cast<std::ptrdiff_t>(s) * plan.rows_pitch, scratch, at};
    };
    if (plan.planes.lists == 1) {
      sort_row(plan, from_planes[0], scratch, tree_of(0, phase).list(0, local));
    } else {
      for (std::int32_t p = 1; p <= planes; ++p) {
        sort_row(plan, from_planes[p - 1], scratch, plane_tree.list(0, p));
        plane_tree.make_groups(p, 1);
      }
      for (std::int32_t s = 0; s < slices; ++s) to[s] = tree_of(s, phase).list(0, local);
      plane_tree.run(to);
    }
    for (std::int32_t s = 0; s < slices; ++s) {
      if (strip.out[s] == nullptr) continue;
      tree_of(s, phase).make_groups(local, oldest);
      const std::int64_t first = row - ahead;
      if (first < 0 || first % tile != 0) continue;
      for (std::int32_t t = 0; t < tile; ++t) to[t] = results + t;
      tree_of(s, static_cast<std::int32_t>(first % plan.rows.ring)).run(to);
      for (std::int32_t t = 0; t < tile && first + t < strip.height; ++t)
        store_row<T>(results[t], strip.out[s] + (first + t) * strip.out_stride + strip.x, strip.skip, extended.lanes);
    }
  }
}

static void merge_u8(const TreePlanView& plan, std::int32_t index, const void* a, const void* b, void* out) {
  using V = Vec<std::uint8_t>;
  merge<V>(plan, index, static_cast<const V*>(a), static_cast<const V*>(b), static_cast<V*>(out));
}

extern const RankTreeRows rank_tree_rows;
const RankTreeRows rank_tree_rows{
    kVecBytes,
    {run_tree<std::uint8_t>, run_tree<std::int8_t>, run_tree<std::uint16_t>, run_tree<std::int16_t>,
     run_tree<std::uint32_t>, run_tree<std::int32_t>, run_tree<float>, run_tree<double>},
    merge_u8,
};

}  // namespace cormack::CORMACK_ISA
