// A volume is smoothed, a region is grown in it from a seed, and what was found is measured.
//   grow_region                                         a made-up chest with a nodule of 10 mm
//   grow_region FILE DEPTH HEIGHT WIDTH DZ DY DX Z Y X LOWER UPPER
// FILE: int16 values in HU, x fastest, this machine's byte order. DZ DY DX: the voxels' size in mm. Z Y X: the seed, in
// voxels from 0. LOWER UPPER: the range of the region, in HU.
#include <array>
#include <cmath>
#include <cormack/cormack.hpp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

struct Volume {
  std::array<std::int64_t, 3> shape;  // (z, y, x)
  std::array<double, 3> spacing;      // mm
  std::vector<std::int16_t> values;   // HU
};

struct Task {
  Volume volume;
  std::array<std::int64_t, 3> seed;
  double lower, upper;  // HU
};

// Lung of -800 HU with noise of +-60 HU, and a ball of 10 mm and 40 HU in its middle.
Task made_up() {
  Task task{{{48, 96, 96}, {1.25, 0.7, 0.7}, {}}, {24, 48, 48}, -300, 200};
  Volume& volume = task.volume;
  std::uint32_t state = 1;
  for (std::int64_t z = 0; z < volume.shape[0]; ++z)
    for (std::int64_t y = 0; y < volume.shape[1]; ++y)
      for (std::int64_t x = 0; x < volume.shape[2]; ++x) {
        state = state * 1664525u + 1013904223u;
        const int noise = static_cast<int>(state >> 24) * 120 / 255 - 60;
        const double mm = std::hypot((z - 24) * 1.25, (y - 48) * 0.7, (x - 48) * 0.7);
        volume.values.push_back(static_cast<std::int16_t>((mm <= 5 ? 40 : -800) + noise));
      }
  return task;
}

Task read(char** argument) {
  Task task{};
  Volume& volume = task.volume;
  std::int64_t count = 1;
  for (int axis = 0; axis < 3; ++axis) {
    volume.shape[axis] = std::stoll(argument[2 + axis]);
    volume.spacing[axis] = std::stod(argument[5 + axis]);
    task.seed[axis] = std::stoll(argument[8 + axis]);
    if (volume.shape[axis] < 1 || volume.shape[axis] > 65536)
      throw std::invalid_argument("an axis has 1 to 65536 voxels");
    if (!(volume.spacing[axis] > 0)) throw std::invalid_argument("a voxel's size is above 0 mm");
    if (task.seed[axis] < 0 || task.seed[axis] >= volume.shape[axis])
      throw std::invalid_argument("the seed lies outside of the volume");
    count *= volume.shape[axis];
  }
  task.lower = std::stod(argument[11]);
  task.upper = std::stod(argument[12]);
  volume.values.resize(static_cast<std::size_t>(count));
  std::ifstream file(argument[1], std::ios::binary);
  if (!file.read(reinterpret_cast<char*>(volume.values.data()), count * 2))
    throw std::runtime_error(std::string(argument[1]) + " cannot be read or is too short for that shape");
  return task;
}

void measure(const Task& task) {
  const Volume& volume = task.volume;
  std::vector<std::int16_t> smooth(volume.values.size());
  std::vector<std::uint8_t> region(volume.values.size());
  const cormack::Image source = cormack::image_of(volume.values.data(), volume.shape);
  const cormack::Image smoothed = cormack::image_of(smooth.data(), volume.shape);
  cormack::Image grown = cormack::image_of(region.data(), volume.shape);

  cormack::RankWindow window;
  window.size = {3, 3, 3};
  cormack::cpu::median_filter(source, smoothed, window, {});

  grown.dtype = cormack::DType::boolean;
  cormack::ConnectedThreshold how{.lower = task.lower, .upper = task.upper};
  how.seeds = {&task.seed, 1};
  cormack::cpu::connected_threshold(smoothed, grown, how, {});

  // A mask is a label image with one label.
  grown.dtype = cormack::DType::u8;
  const auto table = cormack::cpu::label_statistics(grown, &source, volume.spacing, {}, {});
  if (table.rows.empty()) {
    std::printf("no region: the seed lies outside of %g to %g HU\n", task.lower, task.upper);
    return;
  }
  const cormack::LabelStatistics& found = table.rows.front();
  const double voxel = volume.spacing[0] * volume.spacing[1] * volume.spacing[2];
  const double mm3 = static_cast<double>(found.count) * voxel;
  std::printf("voxels    %lld\n", static_cast<long long>(found.count));
  std::printf("volume    %.1f mm3\n", mm3);
  std::printf("diameter  %.2f mm (of the ball of that volume)\n", std::cbrt(6 * mm3 / 3.14159265358979));
  std::printf("centroid  z %.2f, y %.2f, x %.2f mm\n", found.centroid[0] * volume.spacing[0],
              found.centroid[1] * volume.spacing[1], found.centroid[2] * volume.spacing[2]);
  std::printf("values    mean %.1f, std %.1f, min %.0f, max %.0f HU\n", found.mean, found.std, found.min, found.max);
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 1 && count != 13) {
    std::fprintf(stderr, "usage: grow_region [FILE DEPTH HEIGHT WIDTH DZ DY DX Z Y X LOWER UPPER]\n");
    return 2;
  }
  try {
    measure(count == 1 ? made_up() : read(arguments));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "grow_region: %s\n", error.what());
    return 1;
  }
}
