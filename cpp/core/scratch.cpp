#include "core/scratch.hpp"

#include <cstring>
#include <new>
#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace cormack {
namespace {

constexpr std::size_t kSlack = 64, kPage = std::size_t{2} << 20;
constexpr std::align_val_t kAlignment{64};

}  // namespace

void* take_scratch(std::size_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  // A fault for each 4 kB of fresh memory can take longer than the work on it. The alignment is made here: what an
  // allocator aligns it hands back to the system, to be fresh again at the next call.
  if (bytes >= kPage) {
    const std::size_t whole = (bytes + kSlack + kPage - 1) / kPage * kPage;
    char* piece = static_cast<char*>(::operator new(whole + kPage));
    char* data = piece + (kPage - reinterpret_cast<std::uintptr_t>(piece) % kPage);
    std::memcpy(data - sizeof(piece), &piece, sizeof(piece));
    // Without such pages the memory works as well.
    static_cast<void>(madvise(data, whole, MADV_HUGEPAGE));
    return data;
  }
#endif
  return ::operator new(bytes + kSlack, kAlignment);
}

void give_back_scratch(void* data, [[maybe_unused]] std::size_t bytes) noexcept {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  if (bytes >= kPage) {
    char* piece;
    std::memcpy(&piece, static_cast<char*>(data) - sizeof(piece), sizeof(piece));
    ::operator delete(piece);
    return;
  }
#endif
  ::operator delete(data, kAlignment);
}

}  // namespace cormack
