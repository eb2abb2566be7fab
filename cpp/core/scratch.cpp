#include "core/scratch.hpp"

#include <new>
#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace cormack {
namespace {

constexpr std::size_t kSlack = 64, kPage = std::size_t{2} << 20;

// A fault for each 4 kB of fresh memory can take longer than the work on it.
bool wants_large_pages(std::size_t bytes) { return bytes >= kPage; }

std::align_val_t alignment_of(std::size_t bytes) { return std::align_val_t{wants_large_pages(bytes) ? kPage : 64}; }

}  // namespace

void* take_scratch(std::size_t bytes) {
  const bool large = wants_large_pages(bytes);
  const std::size_t whole = large ? (bytes + kSlack + kPage - 1) / kPage * kPage : bytes + kSlack;
  void* data = ::operator new(whole, alignment_of(bytes));
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  // Without such pages the memory works as well.
  if (large) static_cast<void>(madvise(data, whole, MADV_HUGEPAGE));
#endif
  return data;
}

void give_back_scratch(void* data, std::size_t bytes) noexcept { ::operator delete(data, alignment_of(bytes)); }

}  // namespace cormack
