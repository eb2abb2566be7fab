#pragma once
// Plans the merges of rank_tree_rows.hpp for any box and any rank.
#include <vector>

#include "filters/rank_tree_rows.hpp"

namespace cormack {

class TreePlan {
 public:
  // For the value of rank `rank` in boxes of `size` (z, y, x).
  TreePlan(const std::int32_t (&size)[3], std::int32_t rank);
  TreePlan(const std::int32_t (&size)[3], std::int32_t rank, std::int32_t tile_z, std::int32_t tile_y);

  TreePlanView view() const;
  double cost() const { return cost_; }  // of an output value: about one per vector operation

  // The index of a merge, planned where it is not there yet.
  std::int32_t merge(std::int32_t a, std::int32_t b, std::int32_t low, std::int32_t high);
  std::int32_t merges() const { return static_cast<std::int32_t>(merges_.size()); }

 private:
  struct Operand {
    ListRef ref;
    std::int32_t size, low, seen;  // ranks low .. low + size - 1 of `seen` values
  };
  void plan(const std::int32_t (&size)[3], std::int32_t rank, std::int32_t tile_z, std::int32_t tile_y);
  double plan_tree(MergeTree& tree, std::int32_t size, std::int32_t lists, std::int32_t tile, std::int32_t low,
                   std::int32_t high);
  Operand combine(std::vector<Operand> operands, std::int32_t total, std::int32_t low, std::int32_t high,
                  bool into_result, double& cost);
  void add_pass(const MergePass& pass);
  double merge_cost(std::int32_t merge) const { return merge_cost_[static_cast<std::size_t>(merge)]; }

  std::vector<MergePass> passes_;
  std::vector<Merge> merges_;
  std::vector<double> merge_cost_;
  std::vector<MergeStep> steps_;
  TreePlanView view_{};
  std::int32_t scratch_used_ = 0;
  double cost_ = 0, pass_cost_ = 0;
};

}  // namespace cormack
