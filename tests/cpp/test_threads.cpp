// Kernels called from many threads at once, of which one at a time has the pool: the results of one thread. Made for
// the tsan preset, which sees what only luck would show in the results.
#include <array>
#include <cstdint>
#include <cstdio>
#include <latch>
#include <thread>
#include <vector>

#include "cormack.hpp"

namespace {

using cormack::Context;
using cormack::Image;

constexpr std::array<std::int64_t, 3> kShape{24, 96, 96};
constexpr std::size_t kSize = 24 * 96 * 96;
constexpr std::array<std::int64_t, 3> kSeed{12, 48, 48};
constexpr std::array<double, 3> kSpacing{2.5, 0.7, 0.7};
constexpr int kCallers = 8, kRounds = 3, kWorkers = 4;

struct Source {
  std::vector<std::int16_t> values;
  std::vector<std::uint8_t> mask;
};

struct Results {
  std::vector<std::int16_t> median = std::vector<std::int16_t>(kSize), gaussian = median;
  std::vector<std::uint8_t> region = std::vector<std::uint8_t>(kSize);
  std::vector<std::int32_t> labels = std::vector<std::int32_t>(kSize);
  std::vector<double> distances = std::vector<double>(kSize);
  std::vector<std::int64_t> counts = std::vector<std::int64_t>(64);
  std::int32_t components = 0;
  bool operator==(const Results&) const = default;
};

// Noise of +-500 around a ball of 1000.
Source made_up() {
  Source source;
  std::uint32_t state = 1;
  for (std::int64_t z = 0; z < kShape[0]; ++z)
    for (std::int64_t y = 0; y < kShape[1]; ++y)
      for (std::int64_t x = 0; x < kShape[2]; ++x) {
        state = state * 1664525u + 1013904223u;
        const std::int64_t dz = 3 * (z - kSeed[0]), dy = y - kSeed[1], dx = x - kSeed[2];
        const bool inside = dz * dz + dy * dy + dx * dx < 30 * 30;
        source.values.push_back(static_cast<std::int16_t>((inside ? 1000 : 0) + static_cast<int>(state >> 22) - 512));
        source.mask.push_back(source.values.back() > 200);
      }
  return source;
}

using Call = void (*)(const Source&, Results&, Context);
constexpr Call kCalls[] = {
    [](const Source& source, Results& results, Context context) {
      cormack::RankWindow window;
      window.size = {3, 3, 3};
      cormack::cpu::median_filter(cormack::image_of(source.values.data(), kShape),
                                  cormack::image_of(results.median.data(), kShape), window, context);
    },
    [](const Source& source, Results& results, Context context) {
      cormack::GaussianAxis axis;
      axis.sigma = 1.5;
      cormack::cpu::gaussian_filter(cormack::image_of(source.values.data(), kShape),
                                    cormack::image_of(results.gaussian.data(), kShape), {axis, axis, axis}, 0, 0,
                                    context);
    },
    [](const Source& source, Results& results, Context context) {
      results.components = cormack::cpu::label(cormack::image_of(source.mask.data(), kShape),
                                               cormack::image_of(results.labels.data(), kShape), 1, false, context);
    },
    [](const Source& source, Results& results, Context context) {
      Image region = cormack::image_of(results.region.data(), kShape);
      region.dtype = cormack::DType::boolean;
      cormack::ConnectedThreshold how{.lower = 200, .upper = 3000};
      how.seeds = {&kSeed, 1};
      how.take_seeds = true;
      cormack::cpu::connected_threshold(cormack::image_of(source.values.data(), kShape), region, how, context);
    },
    [](const Source& source, Results& results, Context context) {
      std::array<double, 65> edges;
      for (int i = 0; i < 65; ++i) edges[i] = -512 + 32 * i;
      results.counts.assign(64, 0);
      cormack::cpu::histogram(cormack::image_of(source.values.data(), kShape), nullptr, edges.data(), 64,
                              results.counts.data(), context);
    },
    [](const Source& source, Results& results, Context context) {
      cormack::cpu::distance_transform_edt(cormack::image_of(source.mask.data(), kShape), kSpacing,
                                           cormack::image_of(results.distances.data(), kShape), nullptr, context);
    },
};

Results run(const Source& source, std::size_t first, int workers) {
  Results results;
  for (std::size_t i = 0; i < std::size(kCalls); ++i)
    kCalls[(first + i) % std::size(kCalls)](source, results, {.workers = workers});
  return results;
}

}  // namespace

int main() {
  const Source source = made_up();
  const Results expected = run(source, 0, 1);
  std::array<int, kCallers> wrong{};
  std::latch together(kCallers);
  std::vector<std::thread> callers;
  callers.reserve(kCallers);
  for (std::size_t caller = 0; caller < kCallers; ++caller) {
    callers.emplace_back([&, caller] {
      together.arrive_and_wait();
      // Two by two: a kernel meets itself as well as others.
      for (int round = 0; round < kRounds; ++round) wrong[caller] += run(source, caller / 2, kWorkers) != expected;
    });
  }
  for (std::thread& caller : callers) caller.join();
  int failed = 0;
  for (int count : wrong) failed += count;
  const bool plausible = expected.components > 1 && expected.counts[0] > 0;
  std::printf("%d passed, %d failed\n", kCallers * kRounds - failed, failed);
  return failed || !plausible;
}
