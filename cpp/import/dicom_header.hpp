#pragma once
// Headers of DICOM files (PS3.10; without preamble too), many at once: the values of some fields as they are in the
// file, and where its pixels lie. Only what is beyond doubt is taken: little endian, known value representations,
// fields in ascending order, lengths that agree with each other and with the file. Anything else is left to a reader
// that knows every oddity. Time and memory are bounded whatever the bytes say: no length field leads to an allocation.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/image.hpp"

namespace cormack {

enum class DicomKind : std::uint8_t {
  native,        // uncompressed pixels: [offset, offset + length), cut at the end of the file
  encapsulated,  // offset: the first item of the pixel data
  no_pixels,     // the data set ends with the file
  not_dicom,
  unsure,  // big endian, deflated, odd, damaged, not readable
};

struct DicomHeader {
  DicomKind kind = DicomKind::unsure;
  std::int64_t offset = 0;
  std::int64_t length = 0;
  // Fields (0002,0002), (0002,0010) and those of DicomFields::shared that are there, one after the other: tag (uint32),
  // length (uint32), value. So the slices of one series mostly have one and the same.
  std::string shared;
  // A value for each of DicomFields::own.
  std::vector<std::optional<std::string>> own;
};

// Tags (group << 16 | element) in ascending order, all above group 0008's (0008,0005).
struct DicomFields {
  std::vector<std::uint32_t> shared, own;
};

// The fragments of encapsulated pixels whose items start at `offset`, (offset, length) each, without the table of
// offsets before them. Nothing where the items are not one after the other up to the delimiter, or are too many for any
// image.
std::optional<std::vector<std::pair<std::int64_t, std::int64_t>>> dicom_fragments(const char* path,
                                                                                  std::int64_t offset);

// A header for each path, else throws std::invalid_argument. One file after the other on each thread; opens `workers`
// files at a time.
void dicom_headers(std::span<const std::string> paths, const DicomFields& fields, std::span<DicomHeader> headers,
                   Context context);

}  // namespace cormack
