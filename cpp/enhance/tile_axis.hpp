#pragma once
// One axis cut into tiles: who is counted in a tile, and between which two tiles a position lies.
#include <algorithm>
#include <cstdint>
#include <vector>

namespace cormack {

// As in scikit-image the axis is extended by reflection without repeating its ends, so that every tile is full; maps
// belong to the middle of their tile and are constant beyond the first and the last one. A cell is what lies between
// two neighbouring middles.
struct TileAxis {
  struct Member {
    std::int64_t index;
    std::uint32_t times;
  };

  std::int64_t length = 1, kernel = 1, tiles = 1;

  TileAxis() = default;
  TileAxis(std::int64_t n, std::int64_t size) : length(n), kernel(size), tiles((n - 1) / size + 1) {}

  std::int64_t begin(std::int64_t tile) const { return tile * kernel; }
  std::int64_t end(std::int64_t tile) const { return std::min(length, (tile + 1) * kernel); }

  // How often each position is counted in the last tile because of the extension.
  std::vector<Member> reflected() const {
    std::vector<Member> members;
    const std::int64_t extra = tiles * kernel - length;
    if (extra <= 0) return members;
    const std::int64_t period = std::max<std::int64_t>(1, 2 * (length - 1)), rest = extra % period;
    const auto whole = static_cast<std::uint32_t>(extra / period);
    std::vector<std::uint32_t> times(static_cast<std::size_t>(length), 2 * whole);
    times.front() = whole;
    times.back() = whole;
    for (std::int64_t k = 0; k < rest; ++k) {
      const std::int64_t down = length - 2 - k;
      ++times[static_cast<std::size_t>(down < 0 ? -down : down)];
    }
    for (std::int64_t i = 0; i < length; ++i) {
      const std::uint32_t n = times[static_cast<std::size_t>(i)];
      if (n > 0) members.push_back({i, n});
    }
    return members;
  }

  // Everyone who is counted in a tile; `extra` is reflected().
  std::vector<Member> members(std::int64_t tile, const std::vector<Member>& extra) const {
    std::vector<Member> result;
    for (std::int64_t i = begin(tile); i < end(tile); ++i) result.push_back({i, 1});
    if (tile + 1 < tiles) return result;
    for (const Member& member : extra) {
      if (member.index >= begin(tile))
        result[static_cast<std::size_t>(member.index - begin(tile))].times += member.times;
      else result.push_back(member);
    }
    return result;
  }

  // Where tiles have one voxel there is nothing between their middles (scikit-image takes the tile before).
  std::int64_t cells() const { return kernel == 1 ? tiles : tiles + 1; }
  std::int64_t cell_begin(std::int64_t cell) const {
    return kernel == 1 ? cell : std::clamp<std::int64_t>(cell * kernel - kernel / 2, 0, length);
  }
  std::int64_t cell_end(std::int64_t cell) const { return cell + 1 < cells() ? cell_begin(cell + 1) : length; }
  std::int64_t tile_before(std::int64_t cell) const { return kernel == 1 ? cell : std::max<std::int64_t>(0, cell - 1); }
  std::int64_t tile_after(std::int64_t cell) const { return std::min(cell, tiles - 1); }
  std::int64_t cell_of(std::int64_t index) const { return kernel == 1 ? index : (index + kernel / 2) / kernel; }
  // Of the tile after.
  double weight(std::int64_t index) const {
    return static_cast<double>((index + kernel / 2) % kernel) / static_cast<double>(kernel);
  }
};

}  // namespace cormack
