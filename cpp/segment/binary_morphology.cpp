#include "segment/binary_morphology.hpp"

#include <algorithm>
#include <bit>
#include <compare>
#include <limits>
#include <memory>
#include <span>

#include "core/check.hpp"
#include "core/parallel.hpp"
#include "core/scratch.hpp"
#include "segment/binary_morphology_rows.hpp"
#include "segment/bit_image_rows.hpp"

namespace cormack::cpu {
namespace {

using Word = std::uint64_t;

// Places of a footprint beside each other along x, from `begin` to `begin + length - 1` pixels away; in order of
// length.
struct Run {
  std::int64_t length, begin;
  auto operator<=>(const Run&) const = default;
};

struct FootprintRow {
  std::int64_t y;
  Run run;
  bool operator==(const FootprintRow&) const = default;
};

// The rows of one slice of a footprint, and in which slices they are the same.
struct FootprintSlice {
  std::vector<FootprintRow> rows;
  std::vector<std::int64_t> z;
};

// A footprint for erosion, as runs, or as a box.
struct Plan {
  bool box = false;
  std::array<std::int64_t, 3> low{}, high{};  // reach of the places
  std::vector<FootprintSlice> slices;         // of a box the first row of the first slice
};

Plan plan_of(const BinaryFootprint& footprint, const std::array<std::int64_t, 3>& image, bool reflect) {
  Plan plan;
  const auto& shape = footprint.shape;
  // A place that leaves the image around every pixel may lie just outside.
  const auto away = [&](int axis, std::int64_t place) {
    const std::int64_t distance = place - footprint.centre[axis], limit = image[axis];
    return std::clamp(reflect ? -distance : distance, -limit, limit);
  };
  bool full = true;
  const std::uint8_t* row = footprint.places;
  for (std::int64_t z = 0; z < shape[0]; ++z) {
    std::vector<FootprintRow> rows;
    for (std::int64_t y = 0; y < shape[1]; ++y, row += shape[2]) {
      for (std::int64_t x = 0; x < shape[2];) {
        if (row[x] == 0) {
          full = false;
          ++x;
          continue;
        }
        const std::int64_t begin = x;
        while (x < shape[2] && row[x] != 0) ++x;
        const std::int64_t one = away(2, begin), other = away(2, x - 1);
        rows.push_back({away(1, y), {std::abs(other - one) + 1, std::min(one, other)}});
      }
    }
    if (rows.empty()) continue;
    const auto same = std::ranges::find(plan.slices, rows, &FootprintSlice::rows);
    if (same != plan.slices.end()) same->z.push_back(away(0, z));
    else plan.slices.push_back({rows, {away(0, z)}});
  }
  plan.low.fill(std::numeric_limits<std::int64_t>::max());
  plan.high.fill(std::numeric_limits<std::int64_t>::min());
  const auto reach = [&](std::size_t axis, std::int64_t place) {
    plan.low[axis] = std::min(plan.low[axis], place);
    plan.high[axis] = std::max(plan.high[axis], place);
  };
  for (const FootprintSlice& slice : plan.slices) {
    for (const std::int64_t z : slice.z) reach(0, z);
    for (const FootprintRow& r : slice.rows) {
      reach(1, r.y);
      reach(2, r.run.begin);
      reach(2, r.run.begin + r.run.length - 1);
    }
  }
  plan.box = full;
  if (full) plan.slices = {{{{plan.low[1], {plan.high[2] - plan.low[2] + 1, plan.low[2]}}}, {plan.low[0]}}};
  return plan;
}

// Rows of words in raster order, in a margin that is as wide as footprints reach. The margin behind a row is the one
// before the next.
struct Layout {
  Layout(const std::array<std::int64_t, 3>& extents, const std::vector<Plan>& plans) : shape(extents) {
    std::int64_t reach = 0, longest = 1;
    for (const Plan& plan : plans) {
      reach = std::max({reach, -plan.low[2], plan.high[2]});
      for (const FootprintSlice& one : plan.slices) {
        for (const FootprintRow& row : one.rows) longest = std::max(longest, row.run.length);
      }
      for (std::size_t axis = 0; axis < 2; ++axis)
        margin[axis] = std::max({margin[axis], -plan.low[axis], plan.high[axis]});
    }
    words = (shape[2] + 63) / 64;
    before = (reach + 63) / 64;
    stride = words + before;
    slice = (shape[1] + 2 * margin[1]) * stride;
    slices = shape[0] + 2 * margin[0];
    // Doubling the length of runs reads ahead by it, and by one word at each step.
    ahead = (reach + 2 * longest) / 64 + 2 * std::bit_width(static_cast<Word>(longest)) + 4;
    size = before + slices * slice + before + ahead;
  }
  std::int64_t index(std::int64_t z, std::int64_t y) const {
    return before + (z + margin[0]) * slice + (y + margin[1]) * stride + before;
  }

  const std::array<std::int64_t, 3> shape;
  std::array<std::int64_t, 2> margin{};  // rows and slices
  std::int64_t words, before, stride, slice, slices, ahead, size;
};

class Morphology {
 public:
  Morphology(const Layout& layout, int workers)
      : layout_(layout),
        workers_(workers),
        rows_(binary_morphology_rows()),
        image_(buffer_of(layout.size)),
        next_(buffer_of(layout.size)) {}

  void load(const Image& mask, bool invert) {
    dispatch(mask.dtype, [&](auto value) {
      using T = decltype(value);
      const auto view = mask.view<const T>();
      const RangeBits<T> range = bit_image_rows().range.get<T>();
      for_rows([&](std::int64_t begin, std::int64_t end) {
        Scratch<T> gathered(view.unit_rows() ? 0 : view.shape[2]);
        for (std::int64_t r = begin; r < end; ++r) {
          const T* row = view.row(r / view.shape[1], r % view.shape[1]);
          if (!view.unit_rows()) {
            for (std::int64_t x = 0; x < view.shape[2]; ++x) gathered[x] = row[x * view.stride[2]];
            row = gathered.data();
          }
          range(row, row_of(image_, r), view.shape[2], T{0}, T{0}, invert ? 0 : ~Word{0});
        }
      });
    });
  }

  void store(const Image& mask) const {
    const auto view = mask.view<std::uint8_t>();
    const auto expand = bit_image_rows().expand;
    for_rows([&](std::int64_t begin, std::int64_t end) {
      Scratch<std::uint8_t> gathered(view.unit_rows() ? 0 : view.shape[2]);
      for (std::int64_t r = begin; r < end; ++r) {
        std::uint8_t* row = view.row(r / view.shape[1], r % view.shape[1]);
        expand(row_of(image_, r), view.unit_rows() ? row : gathered.data(), view.shape[2]);
        if (view.unit_rows()) continue;
        for (std::int64_t x = 0; x < view.shape[2]; ++x) row[x * view.stride[2]] = gathered[x];
      }
    });
  }

  // Erodes the image by the plan, taking the margin for `outside`, and then inverts it if told.
  void erode(const Plan& plan, bool outside, bool invert) {
    fill_margin(outside);
    for (std::size_t first = 0; first < plan.slices.size(); first += kMostPlanes) {
      const auto slices = std::span(plan.slices).subspan(first, std::min(kMostPlanes, plan.slices.size() - first));
      if (plane_count_ < slices.size()) {
        plane_count_ = slices.size();
        planes_ = buffer_of(static_cast<std::int64_t>(plane_count_) * layout_.size);
      }
      if (plan.box) erode_by_box(plan);
      else erode_slices(slices, plan);
      std::vector<std::int64_t> offsets;
      for (std::size_t k = 0; k < slices.size(); ++k) {
        const std::int64_t plane = static_cast<std::int64_t>(k) * layout_.size;
        const std::int64_t first_row = plan.box ? plan.low[1] * layout_.stride : 0;
        for (const std::int64_t z : slices[k].z) offsets.push_back(plane + z * layout_.slice + first_row);
      }
      const bool ends = first + slices.size() == plan.slices.size();
      join(offsets, first == 0, ends && invert ? ~Word{0} : 0);
    }
    std::swap(image_, next_);
  }

 private:
  static constexpr std::size_t kMostPlanes = 8;
  static constexpr std::int64_t kBlock = 2048;  // words to work on at a time

  using Buffer = std::unique_ptr<Word[]>;
  static Buffer buffer_of(std::int64_t size) {
    return std::make_unique_for_overwrite<Word[]>(static_cast<std::size_t>(size));
  }

  template <class F>
  void for_rows(F f) const {
    const std::int64_t grain = std::max<std::int64_t>(1, 65536 / layout_.shape[2]);
    parallel_for(layout_.shape[0] * layout_.shape[1], grain, workers_,
                 [&f](std::int64_t begin, std::int64_t end) { f(begin, end); });
  }
  std::int64_t index_of(std::int64_t row) const {
    return layout_.index(row / layout_.shape[1], row % layout_.shape[1]);
  }
  Word* row_of(const Buffer& buffer, std::int64_t row) const { return buffer.get() + index_of(row); }

  void fill_margin(bool outside) {
    const Word fill = outside ? ~Word{0} : 0;
    Word* words = image_.get();
    const auto& [depth, height, width] = layout_.shape;
    std::fill_n(words, layout_.index(0, 0), fill);
    for (std::int64_t z = 0; z < depth; ++z) {
      for (std::int64_t y = 0; y < height; ++y) {
        Word* row = words + layout_.index(z, y);
        if (width % 64 != 0) {
          const Word inside = (Word{1} << width % 64) - 1;
          row[layout_.words - 1] = (row[layout_.words - 1] & inside) | (fill & ~inside);
        }
        std::fill_n(row + layout_.words, layout_.before, fill);
      }
      // To the next slice's first row, or to the end.
      const std::int64_t from = layout_.index(z, height - 1) + layout_.stride;
      std::fill(words + from, words + (z + 1 < depth ? layout_.index(z + 1, 0) : layout_.size), fill);
    }
  }

  std::int64_t words_before(const Plan& plan) const { return plan.low[2] < 0 ? (63 - plan.low[2]) / 64 : 0; }

  // out + k * step: the erosion of the n words at `image` by runs[k], which are sorted by their length. scratch: room
  // for n + words_before + ahead words.
  void erode_by_runs(const Word* image, std::int64_t n, std::span<const Run> runs, std::int64_t back, Word* scratch,
                     Word* out, std::int64_t step) const {
    std::int64_t left = n + back + layout_.ahead;
    std::copy_n(image - back, left, scratch);
    std::int64_t length = 1;
    for (const Run& run : runs) {
      for (; 2 * length <= run.length; length *= 2) {
        left -= length / 64 + 1;
        rows_.both(scratch, 0, scratch + length / 64, static_cast<int>(length % 64), scratch, left);
      }
      const std::int64_t one = 64 * back + run.begin, other = one + run.length - length;
      rows_.both(scratch + one / 64, static_cast<int>(one % 64), scratch + other / 64, static_cast<int>(other % 64),
                 out, n);
      out += step;
    }
  }

  // Plane k: erosion by the rows of slices[k].
  void erode_slices(std::span<const FootprintSlice> slices, const Plan& plan) {
    std::vector<Run> runs;
    for (const FootprintSlice& slice : slices) {
      for (const FootprintRow& row : slice.rows) runs.push_back(row.run);
    }
    std::ranges::sort(runs);
    runs.erase(std::unique(runs.begin(), runs.end()), runs.end());
    const std::int64_t reach = plan.high[1] - plan.low[1], height = layout_.shape[1];
    const std::int64_t rows_at_once = std::clamp<std::int64_t>(std::max(kBlock / layout_.stride, reach), 1, height);
    const std::int64_t blocks = (height + rows_at_once - 1) / rows_at_once;
    const std::int64_t step = (rows_at_once + reach) * layout_.stride;
    std::vector<std::vector<std::int64_t>> offsets(slices.size());
    for (std::size_t k = 0; k < slices.size(); ++k) {
      for (const FootprintRow& row : slices[k].rows) {
        const auto run = std::ranges::lower_bound(runs, row.run) - runs.begin();
        offsets[k].push_back(run * step + (row.y - plan.low[1]) * layout_.stride);
      }
    }
    const std::int64_t back = words_before(plan);
    parallel_for(layout_.slices * blocks, 1, workers_, [&](std::int64_t begin, std::int64_t end) {
      Scratch<Word> scratch(step + back + layout_.ahead), eroded(step * static_cast<std::int64_t>(runs.size()));
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t y = i % blocks * rows_at_once, rows = std::min(rows_at_once, height - y);
        const std::int64_t at = layout_.index(i / blocks - layout_.margin[0], y);
        erode_by_runs(image_.get() + at + plan.low[1] * layout_.stride, (rows + reach) * layout_.stride, runs, back,
                      scratch.data(), eroded.data(), step);
        for (std::size_t k = 0; k < slices.size(); ++k) {
          rows_.all(plane(k) + at, true, eroded.data(), offsets[k].data(), static_cast<std::int64_t>(offsets[k].size()),
                    0, (rows - 1) * layout_.stride + layout_.words);
        }
      }
    });
  }

  // The first plane: erosion by a box, to be read at its first row.
  void erode_by_box(const Plan& plan) {
    const std::int64_t count = layout_.slices * layout_.slice, back = words_before(plan);
    parallel_for((count + kBlock - 1) / kBlock, 1, workers_, [&](std::int64_t begin, std::int64_t end) {
      Scratch<Word> scratch(kBlock + back + layout_.ahead);
      for (std::int64_t block = begin; block < end; ++block) {
        const std::int64_t at = layout_.before + block * kBlock, n = std::min(kBlock, count - block * kBlock);
        erode_by_runs(image_.get() + at, n, {&plan.slices[0].rows[0].run, 1}, back, scratch.data(), plane(0) + at, 0);
      }
    });
    erode_along_y(plan.high[1] - plan.low[1] + 1);
    erode_along_z(plan.high[0] - plan.low[0] + 1);
  }

  Word* plane(std::size_t k) { return planes_.get() + k * static_cast<std::size_t>(layout_.size); }

  // The first plane becomes its erosion by `length` rows from each row on.
  void erode_along_y(std::int64_t length) {
    if (length == 1) return;
    parallel_for(layout_.slices, 1, workers_, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t z = begin; z < end; ++z)
        erode_rows(plane(0) + layout_.before + z * layout_.slice, layout_.stride, layout_.slice, length);
    });
  }
  void erode_along_z(std::int64_t length) {
    if (length == 1) return;
    const std::int64_t blocks = (layout_.slice + kBlock - 1) / kBlock;
    parallel_for(blocks, 1, workers_, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t block = begin; block < end; ++block) {
        const std::int64_t at = block * kBlock, n = std::min(kBlock, layout_.slice - at);
        Word* first = plane(0) + layout_.before + at;
        std::int64_t have = 1, left = layout_.slices;
        while (have < length) {
          const std::int64_t step = std::min(have, length - have);
          left -= step;
          for (std::int64_t z = 0; z < left; ++z) rows_.ahead(first + z * layout_.slice, step * layout_.slice, n);
          have += step;
        }
      }
    });
  }
  void erode_rows(Word* words, std::int64_t stride, std::int64_t left, std::int64_t length) const {
    for (std::int64_t have = 1; have < length;) {
      const std::int64_t step = std::min(have, length - have);
      left -= step * stride;
      rows_.ahead(words, step * stride, left);
      have += step;
    }
  }

  // next = all planes at their offsets.
  void join(const std::vector<std::int64_t>& offsets, bool start, Word flip) {
    const std::int64_t rows_at_once = std::max<std::int64_t>(1, kBlock / layout_.stride);
    const std::int64_t blocks = (layout_.shape[1] + rows_at_once - 1) / rows_at_once;
    parallel_for(layout_.shape[0] * blocks, 1, workers_, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t y = i % blocks * rows_at_once, rows = std::min(rows_at_once, layout_.shape[1] - y);
        const std::int64_t at = layout_.index(i / blocks, y);
        rows_.all(next_.get() + at, start, planes_.get() + at, offsets.data(),
                  static_cast<std::int64_t>(offsets.size()), flip, (rows - 1) * layout_.stride + layout_.words);
      }
    });
  }

  const Layout& layout_;
  const int workers_;
  const BinaryMorphologyRows& rows_;
  Buffer image_, next_;
  Buffer planes_;
  std::size_t plane_count_ = 0;
};

}  // namespace

void binary_morphology(const Image& mask, const Image& out, const BinaryFootprint& footprint,
                       const std::vector<BinaryStep>& steps, Context context) {
  if (mask.size() == 0 || steps.empty()) return;
  check_one_shape("binary_morphology", mask, out);
  if (footprint.places == nullptr || *std::min_element(footprint.shape.begin(), footprint.shape.end()) < 1)
    throw std::invalid_argument("binary_morphology: the footprint must have a place");
  std::vector<Plan> plans;
  for (const bool reflect : {false, true}) plans.push_back(plan_of(footprint, mask.shape, reflect));
  const Layout layout(mask.shape, plans);
  Morphology morphology(layout, context.workers);
  // A dilation is the erosion of what is not set by the reflected footprint.
  bool inverted = steps.front().dilate;
  morphology.load(mask, inverted);
  for (std::size_t s = 0; s < steps.size(); ++s) {
    const BinaryStep& step = steps[s];
    for (std::int64_t i = 0; i < step.iterations; ++i) {
      const bool ends = i + 1 == step.iterations;
      const bool next = s + 1 < steps.size() && steps[s + 1].dilate;
      const bool invert = ends && next != step.dilate;
      morphology.erode(plans[step.dilate ? 1 : 0], step.outside != step.dilate, invert);
    }
  }
  morphology.store(out);
}

}  // namespace cormack::cpu
