#include "import/dicom_frames.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <vector>

#include "core/parallel.hpp"
#include "core/scratch.hpp"
#include "import/byte_window.hpp"
#include "import/rle.hpp"

namespace cormack {
namespace {

// Values read and converted at a time: what was read is still in the cache when it is converted.
constexpr std::int64_t kChunkBytes = 1 << 17;
// The part of a frame that is one thread's at a time.
constexpr std::int64_t kPartBytes = 1 << 20;
// What a thread fills of the volume in one turn: several large pages. Where two threads first touch a page at the same
// time, both of them fill one with zeros, which costs as much as the pixels.
constexpr std::int64_t kTurnBytes = 4 << 20;

struct PartResult {
  DicomFrame::State state = DicomFrame::State::done;
  int error = 0;
  std::int64_t low = std::numeric_limits<std::int64_t>::max(), high = std::numeric_limits<std::int64_t>::min();
};

template <class T>
class Loader {
 public:
  Loader(std::span<DicomFrame> frames, Rescale rescale, const Image& volume)
      : frames_(frames), rescale_(rescale), volume_(volume), pixels_(volume.shape[1] * volume.shape[2]) {}

  void run(Context context) {
    const bool packed = std::ranges::any_of(frames_, [](const DicomFrame& frame) { return frame.packed != 0; });
    const std::int64_t item = sizeof(T);
    const std::int64_t part = packed ? pixels_ : std::max<std::int64_t>(1, kPartBytes / item);
    const std::int64_t parts = (pixels_ + part - 1) / part;
    const auto count = static_cast<std::int64_t>(frames_.size()) * parts;
    std::vector<PartResult> results(static_cast<std::size_t>(count));
    const std::int64_t filled = std::max<std::int64_t>(1, std::min(part, pixels_) * item_size(volume_.dtype));
    const std::int64_t threads = context.workers > 0 ? context.workers : get_num_threads();
    const std::int64_t turns_for_all = 4 * threads;
    const std::int64_t grain = std::min(kTurnBytes / filled, count / turns_for_all);
    parallel_for(count, grain, context.workers, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t first = i % parts * part;
        results[static_cast<std::size_t>(i)] = load(i / parts, first, std::min(part, pixels_ - first));
      }
    });
    for (std::int64_t i = 0; i < count; ++i) {
      DicomFrame& frame = frames_[static_cast<std::size_t>(i / parts)];
      const PartResult& result = results[static_cast<std::size_t>(i)];
      if (i % parts == 0) frame.low = result.low, frame.high = result.high;
      frame.low = std::min(frame.low, result.low);
      frame.high = std::max(frame.high, result.high);
      if (frame.state == DicomFrame::State::done) frame.state = result.state, frame.error = result.error;
    }
  }

 private:
  PartResult load(std::int64_t index, std::int64_t first, std::int64_t count) const {
    const DicomFrame& frame = frames_[static_cast<std::size_t>(index)];
    const std::int64_t at = index * pixels_ + first;
    PartResult result;
    ReadOnlyFile file(frame.path.c_str());
    if (!file.is_open()) {
      result.state = DicomFrame::State::not_read;
      result.error = file.error();
    } else if (frame.packed != 0) {
      unpack(frame, file, at, count, result);
    } else {
      read(frame, file, frame.offset + first * static_cast<std::int64_t>(sizeof(T)), at, count, result);
    }
    return result;
  }

  bool in_place() const { return volume_.dtype != DType::f32 && item_size(volume_.dtype) == sizeof(T); }
  T* place(std::int64_t at) const { return static_cast<T*>(volume_.data) + at; }

  bool untouched(const DicomFrame& frame) const {
    return rescale_ == Rescale::none && frame.bits.above + frame.bits.below == 0 && !frame.bits.turned;
  }

  void read(const DicomFrame& frame, ReadOnlyFile& file, std::int64_t offset, std::int64_t at, std::int64_t count,
            PartResult& result) const {
    const std::int64_t item = sizeof(T);
    const std::int64_t chunk = untouched(frame) ? count : std::min(count, kChunkBytes / item);
    std::optional<Scratch<T>> scratch;
    if (!in_place()) scratch.emplace(chunk);
    for (std::int64_t done = 0; done < count; done += chunk) {
      const std::int64_t n = std::min(chunk, count - done);
      T* values = scratch ? scratch->data() : place(at + done);
      const std::int64_t got = file.read(values, n * item, offset + done * item);
      if (got != n * item) {
        result.state = got < 0 ? DicomFrame::State::not_read : DicomFrame::State::cut_off;
        result.error = file.error();
        return;
      }
      if (!untouched(frame)) convert(frame, values, at + done, n, result);
    }
  }

  void unpack(const DicomFrame& frame, ReadOnlyFile& file, std::int64_t at, std::int64_t count,
              PartResult& result) const {
    const std::int64_t item = sizeof(T);
    // PackBits makes 128 bytes of 2 at best, and of 129 at worst (twice is generous): so neither the size of the image
    // nor a length field can ask for memory that the other does not warrant.
    if (frame.packed > 2 * count * item + 4096 || frame.packed > file.size() || count * item / 64 > frame.packed) {
      result.state = DicomFrame::State::not_decoded;
      return;
    }
    const Scratch<std::uint8_t> packed(frame.packed);
    if (file.read(packed.data(), frame.packed, frame.offset) != frame.packed) {
      result.state = DicomFrame::State::not_decoded;
      return;
    }
    std::optional<Scratch<T>> scratch;
    if (!in_place()) scratch.emplace(count);
    T* values = scratch ? scratch->data() : place(at);
    if (!decode(packed.data(), frame.packed, count, values)) {
      result.state = DicomFrame::State::not_decoded;
      return;
    }
    if (!untouched(frame)) convert(frame, values, at, count, result);
  }

  bool decode(const std::uint8_t* packed, std::int64_t size, std::int64_t count, T* values) const {
    if constexpr (sizeof(T) == 1) {
      return unpack_rle(packed, size, 1, count, reinterpret_cast<std::uint8_t*>(values));
    } else {
      const Scratch<std::uint8_t> planes(count * static_cast<std::int64_t>(sizeof(T)));
      if (!unpack_rle(packed, size, sizeof(T), count, planes.data())) return false;
      if constexpr (sizeof(T) == 2) {
        frame_rows().join_16(planes.data(), count, reinterpret_cast<std::uint16_t*>(values));
      } else {
        frame_rows().join_32(planes.data(), count, reinterpret_cast<std::uint32_t*>(values));
      }
      return true;
    }
  }

  void convert(const DicomFrame& frame, T* values, std::int64_t at, std::int64_t n, PartResult& result) const {
    const FrameRows& rows = frame_rows();
    T low = std::numeric_limits<T>::max(), high = std::numeric_limits<T>::min();
    rows.prepare.get<T>()(values, n, frame.bits, &low, &high);
    result.low = std::min<std::int64_t>(result.low, low);
    result.high = std::max<std::int64_t>(result.high, high);
    if (rescale_ == Rescale::real) {
      rows.rescale_float.get<T>()(values, n, frame.slope, frame.intercept, static_cast<float*>(volume_.data) + at);
    } else if (rescale_ == Rescale::whole && item_size(volume_.dtype) == 2) {
      rows.rescale_16.get<T>()(values, n, frame.whole_slope, frame.whole_intercept,
                               static_cast<std::uint16_t*>(volume_.data) + at);
    } else if (rescale_ == Rescale::whole) {
      rows.rescale_32.get<T>()(values, n, frame.whole_slope, frame.whole_intercept,
                               static_cast<std::uint32_t*>(volume_.data) + at);
    }
  }

  std::span<DicomFrame> frames_;
  Rescale rescale_;
  const Image& volume_;
  std::int64_t pixels_;
};

}  // namespace

void dicom_frames(std::span<DicomFrame> frames, DType stored, Rescale rescale, const Image& volume, Context context) {
  if (volume.ndim != 3 || volume.shape[0] != static_cast<std::int64_t>(frames.size()))
    throw std::invalid_argument("cormack: a volume must have a slice for each frame");
  const bool fits = rescale == Rescale::real    ? volume.dtype == DType::f32
                    : rescale == Rescale::whole ? volume.dtype == DType::i16 || volume.dtype == DType::i32
                                                : volume.dtype == stored;
  if (!fits) throw std::invalid_argument("cormack: the volume has the wrong pixel type");
  if (volume.size() == 0) return;
  dispatch(stored, [&](auto t) {
    using T = decltype(t);
    if constexpr (std::is_floating_point_v<T>) {
      throw std::invalid_argument("cormack: stored values must be integers");
    } else {
      Loader<T>(frames, rescale, volume).run(context);
    }
  });
}

}  // namespace cormack
