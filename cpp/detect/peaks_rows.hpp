#pragma once
// The loops behind peaks. Compiled per instruction set.
#include "core/dtype_table.hpp"
#include "core/isa.hpp"

namespace cormack {

// flags[x] = a[x] == b[x]; returns how many are.
template <class T>
using EqualRow = std::int64_t (*)(const T* a, const T* b, std::int64_t n, std::uint8_t* flags);

// flags[x]: whether row[x] is above `threshold` and not below its neighbours in the row and in four others.
template <class T>
using CandidateRow = std::int64_t (*)(const T* row, const T* up, const T* down, const T* front, const T* back,
                                      std::int64_t n, double threshold, std::uint8_t* flags);

struct CandidateTable {
  CandidateRow<float> f32;
  CandidateRow<double> f64;

  template <class T>
  CandidateRow<T> get() const {
    if constexpr (std::is_same_v<T, float>) return f32;
    else return f64;
  }
};

struct PeaksRows {
  DTypeTable<EqualRow> equal;
  CandidateTable candidates;
};

CORMACK_TABLE(PeaksRows, peaks_rows)

}  // namespace cormack
