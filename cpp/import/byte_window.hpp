#pragma once
// A file seen through a small buffer: every access is checked against both.
#include <array>
#include <cstdint>

namespace cormack {

class ByteWindow {
 public:
  static constexpr std::int64_t kBuffer = 16384;
  // What a header may take: beyond it something is wrong, or the header is not the hot path's business.
  static constexpr int kMostReads = 512;

  ByteWindow(int file, std::int64_t size) : file_(file), size_(size) {}
  ByteWindow(const ByteWindow&) = delete;
  ByteWindow& operator=(const ByteWindow&) = delete;

  std::int64_t size() const { return size_; }

  // The bytes [position, position + count), valid until the next call; null where they do not all lie in the file, do
  // not fit into the buffer, or cannot be read.
  const std::uint8_t* at(std::int64_t position, std::int64_t count) {
    if (position < 0 || count < 0 || count > size_ || position > size_ - count) return nullptr;
    if (position >= begin_ && position + count <= end_) return data_ + (position - begin_);
    return refill(position, count);
  }

 private:
  const std::uint8_t* refill(std::int64_t position, std::int64_t count);

  int file_ = -1;
  const std::uint8_t* data_ = nullptr;
  std::int64_t size_, begin_ = 0, end_ = 0;
  int reads_ = 0;
  std::array<std::uint8_t, kBuffer> buffer_;
};

// Closes itself. Named pipes and devices count as unreadable: nothing here may wait for somebody to write.
class ReadOnlyFile {
 public:
  explicit ReadOnlyFile(const char* path) noexcept;
  ~ReadOnlyFile();
  ReadOnlyFile(const ReadOnlyFile&) = delete;
  ReadOnlyFile& operator=(const ReadOnlyFile&) = delete;

  bool is_open() const { return file_ >= 0; }
  int handle() const { return file_; }
  int error() const { return error_; }  // errno of the failure
  std::int64_t size() const { return size_; }
  // Reads until `count` bytes are there, the file ends or an error occurs; the number of bytes read, -1 for an error.
  std::int64_t read(void* target, std::int64_t count, std::int64_t position) noexcept;

 private:
  int file_ = -1;
  int error_ = 0;
  std::int64_t size_ = 0;
};

// As ReadOnlyFile::read, for a handle.
std::int64_t read_at(int file, void* target, std::int64_t count, std::int64_t position) noexcept;

}  // namespace cormack
