#include "segment/relabel.hpp"

#include "core/parallel.hpp"
#include "segment/label_index.hpp"
#include "segment/label_runs.hpp"

namespace cormack::cpu {

void relabel(const Image& labels, const Image& out, std::span<const std::int64_t> from,
             std::span<const std::int32_t> to, Context context) {
  if (labels.shape != out.shape || from.size() != to.size())
    throw std::invalid_argument("relabel: what must match differs in size");
  LabelIndex index(dense_limit(labels.size()));
  for (std::size_t k = 0; k < from.size(); ++k) {
    if (from[k] < 0) throw std::invalid_argument("relabel: labels must not be negative");
    index[from[k]] = to[k];
  }
  index[0] = 0;
  const View<std::int32_t> target = out.view<std::int32_t>();
  const std::int64_t width = labels.shape[2];
  const std::int64_t grain = std::max<std::int64_t>(1, 65536 / std::max<std::int64_t>(1, width));
  parallel_for(labels.shape[0] * labels.shape[1], grain, context.workers, [&](std::int64_t begin, std::int64_t end) {
    const std::unique_ptr<RunFinder> finder = run_finder(labels);
    const Scratch<LabelRun> runs(width + 1);
    for (std::int64_t r = begin; r < end; ++r) {
      const std::int64_t z = r / labels.shape[1], y = r % labels.shape[1];
      std::int32_t* row = target.row(z, y);
      const auto fill = [&](std::int64_t from_x, std::int64_t to_x, std::int32_t value) {
        for (std::int64_t x = from_x; x < to_x; ++x) row[x * target.stride[2]] = value;
      };
      const std::int64_t count = finder->find(z, y, runs.data());
      std::int64_t x = 0;
      for (std::int64_t i = 0; i < count; ++i) {
        fill(x, runs[i].begin, 0);
        fill(runs[i].begin, runs[i].end, index.find(runs[i].label));
        x = runs[i].end;
      }
      fill(x, width, 0);
    }
  });
}

}  // namespace cormack::cpu
