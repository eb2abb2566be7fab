#pragma once
// The neighbourhood of one voxel: its levels, and the features of each family.
#include <optional>

#include "features/intensity_formulas.hpp"
#include "features/texture_formulas.hpp"
#include "features/window_plan.hpp"
#include "features/window_tally.hpp"

namespace cormack {

// Working memory of one thread. Of each family the features of the neighbourhood that was loaded last.
class FeatureWindow {
 public:
  explicit FeatureWindow(const WindowPlan& plan);

  // Intensities inside, in any order.
  double* values() { return values_.data(); }
  void statistics(std::int64_t count, double* result);

  // Levels, 0 outside, at all places.
  std::uint16_t* levels() { return levels_.data(); }
  // 1 where a voxel belongs to the region whose edge counts, else 0, at all places.
  std::uint8_t* region() { return region_.data(); }
  // To be called after levels() have been written.
  void index_levels();
  bool any() const { return found_ > 0; }
  void histogram(double* result);
  void cooccurrence(double* result);
  void run_length(double* result);
  // Finds the zones that both families of zones describe.
  void find_zones();
  void zone_size(double* result);
  void zone_distance(double* result);
  void tone(double* result);
  void dependence(double* result);

 private:
  struct Zone {
    std::uint16_t level, size, distance;
  };

  bool cooccurrence_of(std::size_t begin, std::size_t end, double* result);
  bool run_length_of(std::int64_t first_kind, std::int64_t end_kind, double* result);
  // Whether a line of a direction holds two voxels.
  bool has_lines(std::int64_t kind) const;
  // Of the pairs of joint_, by the indices of their levels.
  double maximal_correlation(std::int64_t cells);
  // Once for all families.
  void find_equal();
  void count_dependent(int apart);
  void find_distances();
  // Features of cells_ [0, count).
  void of_cells(std::int64_t count, double voxels, double* result);
  // Features of what was added to size_tally_.
  // NOLINTNEXTLINE(bugprone-unchecked-optional-access): the constructor makes it for the families that use it
  void add_size(std::int64_t level, std::int64_t size) { size_tally_->add(level << size_shift_ | size); }
  void of_sizes(double* result);
  template <class SizeOf>
  void of_zones(const SizeOf& size_of, double* result);

  const WindowPlan& plan_;
  std::int64_t most_levels_;     // in a neighbourhood
  int pair_shift_, size_shift_;  // where the second number of a key ends
  Scratch<double> values_;
  Scratch<std::uint16_t> levels_, index_of_;     // index_of_: of levels, from 1 for those that occur
  Scratch<std::uint16_t> index_, level_at_;      // of each place, with one more; of each index
  Scratch<std::uint32_t> count_, marginal_;      // of each index
  Scratch<std::uint32_t> size_marginal_, runs_;  // of each size; of each index and place in the run
  Scratch<std::uint16_t> parent_, zone_of_, distance_, same_;
  Scratch<std::uint64_t> packed_, sum_;
  Scratch<std::uint8_t> region_;
  Scratch<std::uint16_t> place_;       // in its run, from 1
  Scratch<WindowPlan::Pair> equal_;    // of the voxels that touch, those of one level
  Scratch<std::int64_t> equal_start_;  // of each direction
  Scratch<Zone> zones_;
  Scratch<SizeCell> cells_;
  Scratch<PairCell> joint_;
  Scratch<WindowPlan::Pair> joint_levels_;
  Scratch<double> matrix_, diagonal_;
  Scratch<Bin> level_bins_, difference_bins_, sum_bins_;
  Scratch<ToneLevel> tones_;
  std::optional<WindowTally> pair_tally_, size_tally_;
  WindowTally difference_tally_, sum_tally_;
  bool equal_known_ = false;
  std::int64_t found_ = 0, inside_ = 0, zone_count_ = 0;  // levels and voxels of the neighbourhood
};

}  // namespace cormack
