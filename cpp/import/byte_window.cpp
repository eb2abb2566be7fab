#include "import/byte_window.hpp"

#include <algorithm>
#include <cerrno>

#if defined(__unix__) || defined(__APPLE__)
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace cormack {

#if defined(__unix__) || defined(__APPLE__)

std::int64_t read_at(int file, void* target, std::int64_t count, std::int64_t position) noexcept {
  auto* bytes = static_cast<std::uint8_t*>(target);
  std::int64_t done = 0;
  while (done < count) {
    // Linux reads 2 GiB at most in one call; other systems refuse more.
    const auto part = static_cast<std::size_t>(std::min<std::int64_t>(count - done, std::int64_t{1} << 30));
    const ssize_t got = ::pread(file, bytes + done, part, static_cast<off_t>(position + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) break;
    done += got;
  }
  return done;
}

ReadOnlyFile::ReadOnlyFile(const char* path) noexcept {
  file_ = ::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat status;
  if (file_ >= 0 && ::fstat(file_, &status) == 0 && S_ISREG(status.st_mode)) {
    size_ = static_cast<std::int64_t>(status.st_size);
    return;
  }
  error_ = file_ < 0 ? errno : EINVAL;
  if (file_ >= 0) ::close(file_);
  file_ = -1;
}

ReadOnlyFile::~ReadOnlyFile() {
  if (file_ >= 0) ::close(file_);
}

#else

// Elsewhere every file goes the slow way.
std::int64_t read_at(int, void*, std::int64_t, std::int64_t) noexcept { return -1; }
ReadOnlyFile::ReadOnlyFile(const char*) noexcept : error_(ENOSYS) {}
ReadOnlyFile::~ReadOnlyFile() = default;

#endif

std::int64_t ReadOnlyFile::read(void* target, std::int64_t count, std::int64_t position) noexcept {
  const std::int64_t done = read_at(file_, target, count, position);
  if (done < 0) error_ = errno;
  return done;
}

const std::uint8_t* ByteWindow::refill(std::int64_t position, std::int64_t count) {
  if (file_ < 0 || count > kBuffer || ++reads_ > kMostReads) return nullptr;
  // Most headers end within the first few KB; what lies further on comes in whole buffers.
  const std::int64_t wanted = std::max(count, reads_ == 1 ? kBuffer / 2 : kBuffer);
  const std::int64_t got = read_at(file_, buffer_.data(), std::min(wanted, size_ - position), position);
  if (got < count) return nullptr;
  data_ = buffer_.data();
  begin_ = position;
  end_ = position + got;
  return data_;
}

}  // namespace cormack
