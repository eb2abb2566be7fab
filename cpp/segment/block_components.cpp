#include "segment/block_components.hpp"

#include "core/check.hpp"
#include "core/parallel.hpp"
#include "segment/components.hpp"
#include "segment/components_rows.hpp"

namespace cormack {
namespace {

void check_count(const Components& components, std::size_t count) {
  if (static_cast<std::size_t>(components.count()) != count)
    throw std::invalid_argument("block_components: the mask has other components than when they were counted");
}

// The label at x, 0 for none.
std::int32_t label_at(const std::uint64_t* row, std::int64_t words, const std::int32_t* labels, std::int64_t x) {
  std::int32_t found = 0;
  for_each_run(row, words, [&](std::int64_t begin, std::int64_t end) {
    if (begin <= x && x < end) found = *labels;
    ++labels;
  });
  return found;
}

bool any_of(const Image& marks, std::int64_t z, std::int64_t y, std::int64_t begin, std::int64_t end) {
  return dispatch(marks.dtype, [&](auto t) {
    const auto view = marks.view<const decltype(t)>();
    const auto* row = view.row(z, y);
    for (std::int64_t x = begin; x < end; ++x) {
      if (row[x * view.stride[2]] != 0) return true;
    }
    return false;
  });
}

}  // namespace

namespace cpu {

BlockComponents block_components(const Image& mask, const Image* marks,
                                 const std::vector<std::array<std::int64_t, 3>>& points, int connectivity,
                                 Context context) {
  if (marks != nullptr) check_one_shape("block_components", mask, *marks);
  BlockComponents found;
  if (mask.size() == 0) return found;
  BitImage bits(mask.shape);
  nonzero_bits(mask, false, bits, context.workers);
  const Components components(bits, connectivity, context.workers);
  const auto count = static_cast<std::size_t>(components.count());
  const std::int64_t depth = mask.shape[0], height = mask.shape[1], width = mask.shape[2];
  found.firsts.assign(count, -1);
  found.sizes.assign(count, 0);
  found.marked.assign(count, 0);
  for (std::size_t face = 0; face < 6; ++face) {
    const std::int64_t size = face < 2 ? height * width : face < 4 ? depth * width : depth * height;
    found.faces[face].assign(static_cast<std::size_t>(size), 0);
  }
  const auto write = components_rows().write;
  for (std::int64_t r = 0; r < bits.row_count(); ++r) {
    const std::int64_t z = r / height, y = r % height;
    const std::int32_t* label = components.labels(r);
    std::int32_t *const front = found.faces[4].data() + r, *const back = found.faces[5].data() + r;
    for_each_run(bits.row(r), bits.words, [&](std::int64_t begin, std::int64_t end) {
      const auto number = static_cast<std::size_t>(*label - 1);
      if (found.firsts[number] < 0) found.firsts[number] = r * width + begin;
      found.sizes[number] += end - begin;
      if (begin == 0) *front = *label;
      if (end == width) *back = *label;
      if (marks != nullptr && found.marked[number] == 0) found.marked[number] = any_of(*marks, z, y, begin, end);
      ++label;
    });
    const auto copy = [&](std::size_t face, std::int64_t row) {
      write(bits.row(r), components.labels(r), found.faces[face].data() + row * width, width);
    };
    if (z == 0) copy(0, y);
    if (z == depth - 1) copy(1, y);
    if (y == 0) copy(2, z);
    if (y == height - 1) copy(3, z);
  }
  for (const std::array<std::int64_t, 3>& point : points) {
    bits.place(point);
    const std::int64_t r = point[0] * height + point[1];
    const std::int32_t label = label_at(bits.row(r), bits.words, components.labels(r), point[2]);
    if (label > 0) found.marked[static_cast<std::size_t>(label - 1)] = 1;
  }
  return found;
}

void number_components(const Image& mask, const Image& out, std::span<const std::int32_t> numbers, int connectivity,
                       Context context) {
  check_one_shape("number_components", mask, out);
  if (mask.size() == 0) return;
  const View<std::int32_t> to = out.view<std::int32_t>();
  BitImage bits(mask.shape);
  nonzero_bits(mask, false, bits, context.workers);
  const Components components(bits, connectivity, context.workers);
  check_count(components, numbers.size());
  parallel_for(bits.row_count(), bits.grain(), context.workers, [&](std::int64_t begin, std::int64_t end) {
    const Scratch<std::int32_t> of_runs(to.shape[2] / 2 + 1), gathered(to.unit_rows() ? 0 : to.shape[2]);
    for (std::int64_t r = begin; r < end; ++r) {
      const std::int32_t* label = components.labels(r);
      std::int64_t runs = 0;
      for_each_run(bits.row(r), bits.words, [&](std::int64_t, std::int64_t) {
        of_runs[runs++] = numbers[static_cast<std::size_t>(*label++ - 1)];
      });
      std::int32_t* row = to.row(r / to.shape[1], r % to.shape[1]);
      components_rows().write(bits.row(r), of_runs.data(), to.unit_rows() ? row : gathered.data(), to.shape[2]);
      if (to.unit_rows()) continue;
      for (std::int64_t x = 0; x < to.shape[2]; ++x) row[x * to.stride[2]] = gathered[x];
    }
  });
}

void choose_components(const Image& mask, const Image& out, std::span<const std::uint8_t> chosen, int connectivity,
                       Context context) {
  check_one_shape("choose_components", mask, out);
  if (mask.size() == 0) return;
  BitImage bits(mask.shape);
  nonzero_bits(mask, false, bits, context.workers);
  const Components components(bits, connectivity, context.workers);
  check_count(components, chosen.size());
  std::vector<std::uint8_t> by_number(chosen.size() + 1, 0);
  std::copy(chosen.begin(), chosen.end(), by_number.begin() + 1);
  components.keep(by_number, bits, context.workers);
  expand_bits(bits, out, context.workers);
}

}  // namespace cpu
}  // namespace cormack
