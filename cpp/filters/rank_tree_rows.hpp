#pragma once
// The plan of a rank filter over a box as a tree of merges of sorted lists, made at run time for any box and any rank,
// carried out in vector lanes by rank_tree.isa.cpp. Lists are arrays of vectors: every lane is a filter of its own.
//
//   row list     the values of a row of the window, sorted                            shared by the windows of its
//   column plane list   the row lists of kz planes, merged, for each of Tz output slices     (volumes alone) groups 2,
//   4, ... lists that follow each other, merged                       shared by many tiles core         the lists that
//   the windows of a tile of T output rows have in common, merged splits       half a tile has T / 2 lists more in
//   common, and so on down to single windows
//
// Of a core or a split only the ranks are kept that may still become the wanted one. As in A. Adams, "Fast median
// filters using separable sorting networks", ACM TOG 40(4), 2021, with tiles along y and z.
#include "core/border.hpp"
#include "core/dtype_table.hpp"
#include "core/isa.hpp"

namespace cormack {

// One sweep over a list in memory: columns of up to eight vectors are loaded, ordered in registers and stored.
struct MergePass {
  enum Kind : std::int32_t {
    gather,    // row j of column i comes from the lists that are merged
    exchange,  // in place
    fold,      // columns of maxima of pairs from both lists are reduced to their minimum
    select     // one value, out of all pairs
  };
  std::int32_t kind;
  std::int32_t radix;    // 2, 4 or 8: the network's width
  std::int32_t rows;     // that exist: the others are larger than every value
  std::int32_t columns;  // column i, row j of block b lies at to + b * block + i + j * stride
  std::int32_t blocks, block, stride, to;
  // Sources. gather: of row j. fold: of row j, source[2 * j] and source[2 * j + 1]. From the front of a, or where its
  // bit in `reversed` is set downwards from there in b.
  std::int32_t source[8];
  std::uint32_t reversed;
  bool accumulate;  // fold: the minimum includes what `to` held
};

// Merges that have straight-line code of their own on vectors of 32 bytes and more, twice as fast as passes: those of
// 9 x 9, 11 x 11, 13 x 13, 15 x 15 and 7 x 7 x 7 boxes, as the plan makes them.
struct MergeShape {
  std::int32_t a, b, low, count;
};
inline constexpr MergeShape kFixedMerges[] = {
    {5, 4, 0, 9},     {9, 9, 0, 18},     {18, 18, 0, 36}, {36, 18, 13, 28}, {28, 18, 18, 10},   // 9
    {6, 5, 0, 11},    {11, 11, 0, 22},   {22, 22, 0, 44}, {44, 44, 27, 34}, {34, 22, 22, 12},   // 11
    {7, 6, 0, 13},    {13, 13, 0, 26},   {26, 26, 0, 52},                                       // 13
    {40, 26, 26, 14}, {8, 7, 0, 15},     {15, 15, 0, 30}, {30, 30, 0, 60},  {106, 60, 60, 46},  // 15
    {46, 30, 30, 16}, {7, 7, 0, 14},     {14, 14, 0, 28}, {28, 14, 0, 42},  {42, 7, 0, 49},     // 7 x 7 x 7
    {49, 49, 0, 98},  {148, 98, 98, 50},
};
inline constexpr std::int32_t kFixedMergeCount = sizeof(kFixedMerges) / sizeof(kFixedMerges[0]);

// Ranks low .. low + count - 1 of the union of two sorted lists of sizes a and b.
struct Merge {
  std::int32_t a, b, low, count;
  std::int32_t room;  // vectors that the result's place needs: count, or more
  std::int32_t first_pass, passes;
  std::int32_t fixed;  // in kFixedMerges; -1: its passes
};

// A list: of a tree's ring, or at an offset of the scratch memory where level is -1.
struct ListRef {
  std::int32_t level;
  std::int32_t start;   // the first row of the group
  std::int32_t offset;  // of the first value that takes part
};

struct MergeStep {
  std::int32_t merge;
  ListRef a, b;
  std::int32_t to;  // in scratch; -1: the result of the tree
};

constexpr int kMaxTreeLevels = 6;

// A sliding window of `lists` lists of `size` values over a sequence of lists numbered from 1. Tile i yields the
// windows lists i * T + t + 1 ... i * T + t + lists for t = 0 .. T - 1.
struct MergeTree {
  std::int32_t size, lists;
  std::int32_t tile;    // T, a power of two
  std::int32_t levels;  // groups of 2^0 .. 2^(levels - 1) lists
  // A level's ring: room for `ring` lists, as groups at multiples of their size. Windows that end inside such a group
  // need others, which start at `lists` + 1 modulo their size: shifted rings, at -1 where there are none.
  std::int32_t ring, ring_at[kMaxTreeLevels], shifted_at[kMaxTreeLevels];
  std::int32_t group[kMaxTreeLevels];  // the merge that makes a group of two of the level below
  std::int32_t first_step, steps;      // the core's
  ListRef core;
  std::int32_t split[kMaxTreeLevels];     // the merge with a group of 2^level lists
  std::int32_t split_at[kMaxTreeLevels];  // its result in scratch
};

struct TreePlanView {
  const MergePass* pass;
  const Merge* merge;
  const MergeStep* step;
  std::int32_t width;              // values of a row list
  std::int32_t chunks, chunk[64];  // sorted in registers, at multiples of 8 in scratch
  std::int32_t first_row_step, row_steps;
  MergeTree planes, rows;         // planes.lists = 1: no tree
  std::int32_t scratch, vectors;  // where scratch memory starts, and the arena's size
  std::int32_t keys, keys_pitch;  // rows of keys: twice as many as planes, keys_pitch vectors apart at the narrowest
  std::int32_t rows_pitch;        // from the rings of an output slice to those of the next
};

// Output rows of up to plan.planes.tile slices that follow each other, `lanes` values wide, and the source rows below
// their windows. Row tables are already extended in z and y; the kernel extends in x.
template <class T>
struct TreeStrip {
  const T* const* rows;  // rows[i * planes + p]: row i of the windows in plane p
  T* const* out;         // for each slice; null: no such slice
  std::int64_t out_stride;
  std::int64_t height;
  std::int64_t width;  // of the image
  std::int64_t x;      // the first column
  std::int64_t skip;   // columns from there that belong to the strip before
  std::int64_t first;  // of the window in x, relative to the pixel
  Border border;
  T cval;
  void* arena;  // plan.vectors vectors of vector_bytes
};

template <class T>
using RunTree = void (*)(const TreePlanView& plan, const TreeStrip<T>& strip);

struct RankTreeRows {
  std::int64_t vector_bytes;
  DTypeTable<RunTree> run;
  // For tests: merges lists of uint8 vectors.
  void (*merge_u8)(const TreePlanView& plan, std::int32_t merge, const void* a, const void* b, void* out);
};

CORMACK_TABLE(RankTreeRows, rank_tree_rows)

}  // namespace cormack
