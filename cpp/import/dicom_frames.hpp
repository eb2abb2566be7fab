#pragma once
// Pixels of DICOM files to their places in a volume: read, decoded where they are run-length encoded, cleared of unused
// bits, rescaled and converted, slice by slice on all threads. Nothing is copied twice: what the file holds in the
// volume's own form is read straight into it.
#include <cstdint>
#include <span>
#include <string>

#include "core/image.hpp"
#include "import/frame_rows.hpp"

namespace cormack {

struct DicomFrame {
  std::string path;
  std::int64_t offset = 0;
  std::int64_t packed = 0;  // bytes of a run-length encoded frame; 0: little-endian values as they are
  StoredBits bits;
  double slope = 1, intercept = 0;                     // for float32
  std::uint32_t whole_slope = 1, whole_intercept = 0;  // modulo 2^32, for integers

  enum class State : std::uint8_t { done, cut_off, not_decoded, not_read } state = State::done;
  int error = 0;                   // errno where it is not read
  std::int64_t low = 0, high = 0;  // of the values before they are rescaled
};

enum class Rescale : std::uint8_t { none, whole, real };

// `volume`: contiguous, a slice for each frame; of the type of the stored values with Rescale::none, of 16 or 32 bits
// with Rescale::whole, float32 with Rescale::real. Frames that fail say so; their slices are undefined.
void dicom_frames(std::span<DicomFrame> frames, DType stored, Rescale rescale, const Image& volume, Context context);

}  // namespace cormack
