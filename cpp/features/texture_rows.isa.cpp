// Levels are uint16, 0 outside, in rows that are padded on both sides: reading `radius` voxels beyond either end is
// fine. Plain loops, which compilers turn into vectors of the level.
#include "features/texture_rows.hpp"

#include <limits>

namespace cormack::CORMACK_ISA {

template <class T>
static bool is_inside(const T* values, std::int64_t step, const std::uint8_t* mask, std::int64_t mask_step,
                      std::int64_t i) {
  return mask != nullptr ? mask[i * mask_step] != 0 : values[i * step] != T{};
}

template <class T>
static bool any(const T* values, std::int64_t step, std::int64_t n) {
  T bits{};
  if (step == 1) {
    for (std::int64_t i = 0; i < n; ++i) bits = static_cast<T>(bits | values[i]);
  } else {
    for (std::int64_t i = 0; i < n; ++i) bits = static_cast<T>(bits | values[i * step]);
  }
  return bits != T{};
}

template <class T>
static RowRange range(const T* values, std::int64_t step, const std::uint8_t* mask, std::int64_t mask_step,
                      std::int64_t n) {
  RowRange result{0, 0, std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()};
  if (mask != nullptr ? !any(mask, mask_step, n) : !any(values, step, n)) return result;
  std::int64_t first = 0, end = n;
  while (!is_inside(values, step, mask, mask_step, first)) ++first;
  while (!is_inside(values, step, mask, mask_step, end - 1)) --end;
  T lowest = std::numeric_limits<T>::max(), highest = std::numeric_limits<T>::lowest();
  const auto over = [&](auto value_at, auto inside_at) {
    for (std::int64_t i = first; i < end; ++i) {
      const T value = value_at(i);
      const bool inside = inside_at(i);
      const T low = inside ? value : lowest, high = inside ? value : highest;
      lowest = low < lowest ? low : lowest;
      highest = high > highest ? high : highest;
    }
  };
  if (mask == nullptr) {
    over([&](std::int64_t i) { return values[i * step]; }, [&](std::int64_t i) { return values[i * step] != T{}; });
  } else if (step == 1 && mask_step == 1) {
    over([&](std::int64_t i) { return values[i]; }, [&](std::int64_t i) { return mask[i] != 0; });
  } else {
    over([&](std::int64_t i) { return values[i * step]; }, [&](std::int64_t i) { return mask[i * mask_step] != 0; });
  }
  return {first, end, static_cast<std::int64_t>(lowest), static_cast<std::int64_t>(highest)};
}

template <class T>
static bool levels(const T* values, std::int64_t step, const std::uint8_t* mask, std::int64_t mask_step, std::int64_t n,
                   std::int64_t limit, std::uint16_t* result) {
  constexpr auto most = static_cast<std::int64_t>(std::numeric_limits<T>::max());
  const T highest = static_cast<T>(limit < most ? limit : most);
  unsigned wrong = 0;
  const auto over = [&](auto value_at, auto inside_at) {
    for (std::int64_t i = 0; i < n; ++i) {
      const T value = inside_at(i) ? value_at(i) : T{};
      wrong |= static_cast<unsigned>(value < T{}) | static_cast<unsigned>(value > highest);
      result[i] = static_cast<std::uint16_t>(value);
    }
  };
  const auto always = [](std::int64_t) { return true; };
  if (mask == nullptr && step == 1) {
    over([&](std::int64_t i) { return values[i]; }, always);
  } else if (mask == nullptr) {
    over([&](std::int64_t i) { return values[i * step]; }, always);
  } else if (step == 1 && mask_step == 1) {
    over([&](std::int64_t i) { return values[i]; }, [&](std::int64_t i) { return mask[i] != 0; });
  } else {
    over([&](std::int64_t i) { return values[i * step]; }, [&](std::int64_t i) { return mask[i * mask_step] != 0; });
  }
  return wrong == 0;
}

static std::int64_t count(const std::uint16_t* row, std::int64_t n) {
  std::int64_t result = 0;
  for (std::int64_t i = 0; i < n; ++i) result += row[i] != 0;
  return result;
}

static void pairs(const std::uint16_t* row, const std::uint16_t* other, std::uint32_t size, std::int64_t n,
                  std::uint32_t* cell) {
  for (std::int64_t i = 0; i < n; ++i) cell[i] = row[i] * size + other[i];
}

template <class Cell>
static void runs(const std::uint16_t* row, const std::uint16_t* before, const Cell* cell_before, std::uint32_t size,
                 std::int64_t n, Cell* cell) {
  const Cell step = static_cast<Cell>(size);
  for (std::int64_t i = 0; i < n; ++i) {
    const Cell longer = static_cast<Cell>(cell_before[i] + step);
    const Cell first = row[i];
    const bool goes_on = row[i] == before[i];
    const Cell inside = goes_on ? longer : first;
    cell[i] = row[i] != 0 ? inside : Cell{};
  }
}

template <int Count>
static void same_of(const std::uint16_t* row, const std::int64_t* back, std::int64_t n, std::uint16_t* bits) {
  const std::uint16_t* other[Count];
  for (int k = 0; k < Count; ++k) other[k] = row + back[k];
  for (std::int64_t i = 0; i < n; ++i) {
    const std::uint16_t level = row[i];
    std::uint16_t found = 0;
    for (int k = 0; k < Count; ++k) {
      const std::uint16_t bit = static_cast<std::uint16_t>(1U << k);
      found = static_cast<std::uint16_t>(found | (other[k][i] == level ? bit : 0));
    }
    bits[i] = level != 0 ? found : std::uint16_t{};
  }
}

static void same(const std::uint16_t* row, const std::int64_t* back, int count, std::int64_t n, std::uint16_t* bits) {
  if (count == 13) {
    same_of<13>(row, back, n, bits);
  } else {
    same_of<4>(row, back, n, bits);
  }
}

static void nearer(std::uint16_t* cell, const std::uint16_t* other, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    const std::uint16_t next = static_cast<std::uint16_t>(other[i] + 1);
    cell[i] = cell[i] < next ? cell[i] : next;
  }
}

static void columns(const std::uint16_t* const* rows, std::int64_t count, std::int64_t n, std::int32_t* sum,
                    std::int32_t* number) {
  for (std::int64_t i = 0; i < n; ++i) sum[i] = number[i] = 0;
  for (std::int64_t k = 0; k < count; ++k) {
    const std::uint16_t* row = rows[k];
    for (std::int64_t i = 0; i < n; ++i) {
      sum[i] += row[i];
      number[i] += row[i] != 0;
    }
  }
}

template <int Radius>
static void tone_of(const std::uint16_t* row, const std::int32_t* sum, const std::int32_t* number, std::int64_t radius,
                    std::uint32_t size, std::int64_t n, std::uint32_t* cell, std::uint32_t* difference) {
  if (Radius != 0) radius = Radius;
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int32_t level = row[i];
    std::int32_t total = -level, count_inside = -1;
    for (std::int64_t dx = -radius; dx <= radius; ++dx) {
      total += sum[i + dx];
      count_inside += number[i + dx];
    }
    const std::int32_t apart = total - count_inside * level;
    // Outside, where there may be no neighbour, the cell is one of level 0.
    cell[i] = level != 0 ? static_cast<std::uint32_t>(level) * size + static_cast<std::uint32_t>(count_inside) : 0;
    difference[i] = static_cast<std::uint32_t>(apart < 0 ? -apart : apart);
  }
}

static void tone(const std::uint16_t* row, const std::int32_t* sum, const std::int32_t* number, std::int64_t radius,
                 std::uint32_t size, std::int64_t n, std::uint32_t* cell, std::uint32_t* difference) {
  if (radius == 1) {
    tone_of<1>(row, sum, number, radius, size, n, cell, difference);
  } else {
    tone_of<0>(row, sum, number, radius, size, n, cell, difference);
  }
}

static void dependence(const std::uint16_t* row, const std::uint16_t* const* rows, std::int64_t count,
                       std::int64_t radius, std::uint16_t coarseness, std::int64_t n, std::uint16_t* result) {
  for (std::int64_t i = 0; i < n; ++i) result[i] = 0;
  for (std::int64_t k = 0; k < count; ++k) {
    for (std::int64_t dx = -radius; dx <= radius; ++dx) {
      const std::uint16_t* other = rows[k] + dx;
      if (coarseness == 0) {
        for (std::int64_t i = 0; i < n; ++i) result[i] = static_cast<std::uint16_t>(result[i] + (row[i] == other[i]));
        continue;
      }
      for (std::int64_t i = 0; i < n; ++i) {
        const std::uint16_t a = row[i], b = other[i];
        const std::uint16_t difference = static_cast<std::uint16_t>(a > b ? a - b : b - a);
        result[i] = static_cast<std::uint16_t>(result[i] + ((difference <= coarseness) & (b != 0)));
      }
    }
  }
}

extern const TextureRows texture_rows;
const TextureRows texture_rows{{range<std::uint8_t>, range<std::int8_t>, range<std::uint16_t>, range<std::int16_t>,
                                range<std::uint32_t>, range<std::int32_t>, nullptr, nullptr},
                               {levels<std::uint8_t>, levels<std::int8_t>, levels<std::uint16_t>, levels<std::int16_t>,
                                levels<std::uint32_t>, levels<std::int32_t>, nullptr, nullptr},
                               count,
                               pairs,
                               runs<std::uint16_t>,
                               runs<std::uint32_t>,
                               same,
                               nearer,
                               columns,
                               tone,
                               dependence};

}  // namespace cormack::CORMACK_ISA
