#pragma once
// Masks on a GPU: rows of 32 voxels a word, the last of each row padded with zeros. No standard header.
#include "core/hd.hpp"

namespace cormack::device {

struct BitRows {
  int depth, height, width, words;  // words in a row

  CORMACK_HD long long rows() const { return static_cast<long long>(depth) * height; }
  CORMACK_HD long long size() const { return rows() * words; }
};

}  // namespace cormack::device
