#include "import/dicom_header.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>
#include <string_view>

#include "core/parallel.hpp"
#include "import/byte_window.hpp"

namespace cormack {
namespace {

constexpr std::uint32_t kUndefined = 0xFFFFFFFF;
constexpr std::uint32_t kItem = 0xFFFEE000, kItemEnd = 0xFFFEE00D, kSequenceEnd = 0xFFFEE0DD;
constexpr std::uint32_t kCharacterSet = 0x00080005, kPixelData = 0x7FE00010;
constexpr std::uint32_t kMetaLength = 0x00020000, kMediaClass = 0x00020002, kSyntax = 0x00020010;
constexpr int kDeepest = 16;
constexpr std::int64_t kLongestValue = 4096;
constexpr std::int64_t kHead = 140;

constexpr std::uint16_t vr_of(const char (&letters)[3]) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(letters[0]) | static_cast<unsigned char>(letters[1])
                                                                                 << 8);
}

constexpr std::array kShortVrs{vr_of("AE"), vr_of("AS"), vr_of("AT"), vr_of("CS"), vr_of("DA"), vr_of("DS"),
                               vr_of("DT"), vr_of("FD"), vr_of("FL"), vr_of("IS"), vr_of("LO"), vr_of("LT"),
                               vr_of("PN"), vr_of("SH"), vr_of("SL"), vr_of("SS"), vr_of("ST"), vr_of("TM"),
                               vr_of("UI"), vr_of("UL"), vr_of("US")};
constexpr std::array kLongVrs{vr_of("OB"), vr_of("OD"), vr_of("OF"), vr_of("OL"), vr_of("OV"), vr_of("OW"), vr_of("SQ"),
                              vr_of("SV"), vr_of("UC"), vr_of("UN"), vr_of("UR"), vr_of("UT"), vr_of("UV")};

template <std::size_t n>
constexpr bool among(std::uint16_t vr, const std::array<std::uint16_t, n>& vrs) {
  for (const std::uint16_t other : vrs)
    if (other == vr) return true;
  return false;
}

std::uint16_t u16(const std::uint8_t* p) { return static_cast<std::uint16_t>(p[0] | p[1] << 8); }
std::uint32_t u32(const std::uint8_t* p) { return u16(p) | static_cast<std::uint32_t>(u16(p + 2)) << 16; }
std::uint32_t tag_at(const std::uint8_t* p) { return static_cast<std::uint32_t>(u16(p)) << 16 | u16(p + 2); }

struct Element {
  std::uint32_t tag = 0;
  std::uint32_t length = 0;
  std::uint16_t vr = 0;  // 0: implicit
  std::int64_t value = 0;
};

bool looks_like_dicom(const std::uint8_t* head, std::int64_t count) {
  if (count >= 132 && std::memcmp(head + 128, "DICM", 4) == 0) return true;
  // Files from before DICOM Part 10 start with a data element of group 0002 or 0008 right away.
  if (count < kHead) return false;
  const std::uint16_t group = u16(head);
  if (group != 0x0002 && group != 0x0008 && group != 0x0800) return false;
  const std::uint16_t vr = u16(head + 4);
  constexpr std::array first{vr_of("UL"), vr_of("UI"), vr_of("CS"), vr_of("OB"),
                             vr_of("SH"), vr_of("DA"), vr_of("TM"), vr_of("LO")};
  return among(vr, first) || (head[3] == 0 && head[6] == 0 && head[7] == 0);
}

class Parser {
 public:
  Parser(ByteWindow& bytes, const DicomFields& fields) : bytes_(bytes), fields_(fields) {}

  DicomHeader parse() {
    header_.own.resize(fields_.own.size());
    header_.kind = dataset();
    if (header_.kind == DicomKind::unsure) header_ = {};
    return std::move(header_);
  }

 private:
  // The element at `position`; false where it is not a proper one or does not end by `end`.
  bool read(std::int64_t position, std::int64_t end, bool implicit, Element& element) {
    if (end - position < 8) return false;
    const std::uint8_t* p = bytes_.at(position, 8);
    if (p == nullptr) return false;
    element.tag = tag_at(p);
    element.value = position + 8;
    element.vr = 0;
    if (implicit || element.tag >> 16 == 0xFFFE) {
      element.length = u32(p + 4);
    } else {
      element.vr = u16(p + 4);
      element.length = u16(p + 6);
      if (among(element.vr, kLongVrs)) {
        p = end - position < 12 ? nullptr : bytes_.at(position + 8, 4);
        if (p == nullptr) return false;
        element.length = u32(p);
        element.value += 4;
      } else if (!among(element.vr, kShortVrs)) {
        return false;
      }
    }
    return element.length == kUndefined || element.length <= end - element.value;
  }

  // End of the undefined-length element's content at `position`, -1 where it is not a proper sequence.
  std::int64_t skip_sequence(std::int64_t position, bool implicit, int depth) {
    if (depth > kDeepest) return -1;
    for (;;) {
      const std::uint8_t* p = bytes_.at(position, 8);
      if (p == nullptr) return -1;
      const std::uint32_t tag = tag_at(p), length = u32(p + 4);
      position += 8;
      if (tag == kSequenceEnd) return position;
      if (tag != kItem) return -1;
      const bool open = length == kUndefined;
      if (!open && length > bytes_.size() - position) return -1;
      position = skip_item(position, open ? bytes_.size() : position + length, open, implicit, depth);
      if (position < 0) return -1;
    }
  }

  std::int64_t skip_item(std::int64_t position, std::int64_t end, bool open, bool implicit, int depth) {
    Element element;
    while (open || position < end) {
      if (!read(position, end, implicit, element)) return -1;
      if (element.tag >> 16 == 0xFFFE) return open && element.tag == kItemEnd ? element.value : -1;
      position = skip(element, implicit, depth);
      if (position < 0 || position > end) return -1;
    }
    return position;
  }

  std::int64_t skip(const Element& element, bool implicit, int depth) {
    if (element.length != kUndefined) {
      if (element.tag == kCharacterSet && !plain_character_set(element)) return -1;
      return element.value + element.length;
    }
    // Anything else of undefined length needs a dictionary, or a search for its end.
    const bool sequence = implicit ? element.tag != kPixelData : element.vr == vr_of("SQ");
    return sequence ? skip_sequence(element.value, implicit, depth + 1) : -1;
  }

  bool plain_character_set(const Element& element) {
    if (element.vr != 0 && element.vr != vr_of("CS")) return false;
    const std::uint8_t* p = element.length > kLongestValue ? nullptr : bytes_.at(element.value, element.length);
    return p != nullptr && std::all_of(p, p + element.length, [](std::uint8_t c) {
             return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == ' ' || c == '-' || c == '\\';
           });
  }

  const std::uint8_t* value_of(const Element& element) {
    return element.length > kLongestValue ? nullptr : bytes_.at(element.value, element.length);
  }

  void share(const Element& element, const std::uint8_t* value) {
    std::array<std::uint8_t, 8> head;
    for (unsigned i = 0; i < 4; ++i) {
      head[i] = static_cast<std::uint8_t>(element.tag >> 8 * i);
      head[4 + i] = static_cast<std::uint8_t>(element.length >> 8 * i);
    }
    header_.shared.append(reinterpret_cast<const char*>(head.data()), head.size());
    header_.shared.append(reinterpret_cast<const char*>(value), element.length);
  }

  // Group 0002; false where it is not as it should be.
  bool meta(std::int64_t& position) {
    Element element;
    std::uint32_t last = 0;
    for (;;) {
      const std::uint8_t* p = bytes_.at(position, 4);
      if (p == nullptr) return false;
      if (u16(p) != 2) return last != 0 && !syntax_.empty();
      if (!read(position, bytes_.size(), false, element) || element.length == kUndefined) return false;
      if (last == 0 ? element.tag != kMetaLength || element.vr != vr_of("UL") || element.length != 4
                    : element.tag <= last)
        return false;
      last = element.tag;
      if (element.tag == kMediaClass || element.tag == kSyntax) {
        p = value_of(element);
        if (p == nullptr || element.vr != vr_of("UI") || element.length == 0) return false;
        std::string_view text(reinterpret_cast<const char*>(p), element.length);
        while (!text.empty() && text.back() == '\0') text.remove_suffix(1);
        if (text.empty() || text.find_first_not_of("0123456789.") != text.npos) return false;
        if (element.tag == kSyntax) syntax_ = text;
        share(element, p);
      }
      position = element.value + element.length;
    }
  }

  // Whether the syntax, or without one the first element, says implicit; nothing where this is not the place to decide.
  std::optional<bool> encoding(std::int64_t position) {
    const std::uint8_t* p = bytes_.at(position, 8);
    if (p == nullptr) return std::nullopt;
    const std::uint16_t vr = u16(p + 4);
    const auto letter = [](int c) { return c > 0x40 && c < 0x5B; };
    const bool letters = letter(vr & 0xFF) && letter(vr >> 8);
    const bool known = among(vr, kShortVrs) || among(vr, kLongVrs);
    if (letters != known) return std::nullopt;
    const std::string_view syntax = syntax_;
    if (syntax.empty()) return !known;
    const bool implicit = syntax == "1.2.840.10008.1.2";
    const bool expected = implicit || syntax == "1.2.840.10008.1.2.1" || syntax == "1.2.840.10008.1.2.5" ||
                          syntax.starts_with("1.2.840.10008.1.2.4.");
    if (!expected || implicit == known) return std::nullopt;
    return implicit;
  }

  DicomKind dataset() {
    const std::int64_t size = bytes_.size();
    const std::uint8_t* head = bytes_.at(0, std::min(kHead, size));
    if (head == nullptr) return size == 0 ? DicomKind::not_dicom : DicomKind::unsure;
    if (!looks_like_dicom(head, std::min(kHead, size))) return DicomKind::not_dicom;
    std::int64_t position = size >= 132 && std::memcmp(head + 128, "DICM", 4) == 0 ? 132 : 0;
    const std::uint8_t* p = bytes_.at(position, 2);
    if (p == nullptr || ((position != 0 || u16(p) == 2) && !meta(position))) return DicomKind::unsure;
    const std::optional<bool> implicit = encoding(position);
    if (!implicit) return DicomKind::unsure;

    Element element;
    std::uint32_t last = 0x0002FFFF;
    std::size_t shared = 0, own = 0;
    while (position < size) {
      // Of the pixel data only the length is of interest, which may exceed a file that was cut off.
      const bool whole = read(position, size, *implicit, element);
      if (element.tag == kPixelData && element.tag > last) return pixels(position, *implicit);
      if (!whole || element.tag <= last || element.tag >= 0x7FE00008) return DicomKind::unsure;
      last = element.tag;
      while (shared < fields_.shared.size() && fields_.shared[shared] < element.tag) ++shared;
      while (own < fields_.own.size() && fields_.own[own] < element.tag) ++own;
      const bool is_shared = shared < fields_.shared.size() && fields_.shared[shared] == element.tag;
      const bool is_own = own < fields_.own.size() && fields_.own[own] == element.tag;
      if (is_shared || is_own) {
        const std::uint8_t* value = element.length == kUndefined ? nullptr : value_of(element);
        if (value == nullptr) return DicomKind::unsure;
        if (is_shared) share(element, value);
        else header_.own[own].emplace(reinterpret_cast<const char*>(value), element.length);
      }
      position = skip(element, *implicit, 0);
      if (position < 0) return DicomKind::unsure;
    }
    return position == size ? DicomKind::no_pixels : DicomKind::unsure;
  }

  DicomKind pixels(std::int64_t position, bool implicit) {
    const int head = implicit ? 8 : 12;
    const std::uint8_t* p = bytes_.at(position, head);
    if (p == nullptr) return DicomKind::unsure;
    const std::uint16_t vr = u16(p + 4);
    if (!implicit && vr != vr_of("OB") && vr != vr_of("OW")) return DicomKind::unsure;
    const std::uint32_t length = u32(p + head - 4);
    const bool native = syntax_.empty() || syntax_ == "1.2.840.10008.1.2" || syntax_ == "1.2.840.10008.1.2.1";
    if (native == (length == kUndefined)) return DicomKind::unsure;
    header_.offset = position + head;
    if (native) header_.length = std::min<std::int64_t>(length, bytes_.size() - header_.offset);
    return native ? DicomKind::native : DicomKind::encapsulated;
  }

  ByteWindow& bytes_;
  const DicomFields& fields_;
  DicomHeader header_;
  std::string syntax_;
};

}  // namespace

std::optional<std::vector<std::pair<std::int64_t, std::int64_t>>> dicom_fragments(const char* path,
                                                                                  std::int64_t offset) {
  constexpr std::size_t most = 1 << 16;
  const ReadOnlyFile file(path);
  if (!file.is_open()) return std::nullopt;
  std::vector<std::pair<std::int64_t, std::int64_t>> fragments;
  bool table = true;
  while (fragments.size() < most) {
    std::array<std::uint8_t, 8> head;
    if (read_at(file.handle(), head.data(), head.size(), offset) != head.size()) return std::nullopt;
    offset += head.size();
    const std::uint32_t tag = tag_at(head.data());
    const std::int64_t length = u32(head.data() + 4);
    if (tag == kSequenceEnd && !table) return fragments;
    if (tag != kItem || length > file.size() - offset) return std::nullopt;
    if (!table) fragments.emplace_back(offset, length);
    table = false;
    offset += length;
  }
  return std::nullopt;
}

void dicom_headers(std::span<const std::string> paths, const DicomFields& fields, std::span<DicomHeader> headers,
                   Context context) {
  if (headers.size() != paths.size()) throw std::invalid_argument("dicom_headers: every path has a header");
  constexpr std::int64_t grain = 8;
  parallel_for(static_cast<std::int64_t>(paths.size()), grain, context.workers,
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t i = begin; i < end; ++i) {
                   const auto k = static_cast<std::size_t>(i);
                   const ReadOnlyFile file(paths[k].c_str());
                   if (!file.is_open()) continue;
                   ByteWindow window(file.handle(), file.size());
                   headers[k] = Parser(window, fields).parse();
                 }
               });
}

}  // namespace cormack
