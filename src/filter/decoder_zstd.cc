// zstd (RFC 8878): frames after each other, windows of at most 8 MiB (RFC 9659).
#define ZSTD_STATIC_LINKING_ONLY  // allocators of one's own
#include <zstd.h>

#include <algorithm>
#include <array>

#include "base/handle.h"
#include "filter/coder_memory.h"
#include "filter/decoder.h"

namespace weir {
namespace {

constexpr int window_bits_max = 23;
using Context = Handle<ZSTD_DCtx, &ZSTD_freeDCtx>;

void* take(void* memory, std::size_t size) { return static_cast<CoderMemory*>(memory)->take(size); }
void give(void* memory, void* block) { static_cast<CoderMemory*>(memory)->give(block); }

class ZstdDecoder final : public Decoder {
 public:
  explicit ZstdDecoder(CoderMemory& memory)
      : context_(::ZSTD_createDCtx_advanced({take, give, &memory})) {
    if (context_) ::ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, window_bits_max);
  }

  bool start() override {
    at_end_ = false;
    head_size_ = 0;
    frame_bytes_ = 0;
    return context_ &&
           ::ZSTD_isError(::ZSTD_DCtx_reset(context_.get(), ZSTD_reset_session_only)) == 0;
  }

  Step run(std::string_view in, std::span<char> out, bool last) override {
    ZSTD_inBuffer from{in.data(), in.size(), 0};
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    Step step;
    while (from.pos < from.size || !at_end_) {
      const std::size_t in_before = from.pos, out_before = to.pos;
      const std::size_t left = ::ZSTD_decompressStream(context_.get(), &to, &from);
      if (::ZSTD_isError(left) != 0) {
        step.broken = "broken coded body";
        break;
      }
      if (from.pos != in_before || to.pos != out_before) {
        at_end_ = left == 0;
        remember(in.substr(in_before, from.pos - in_before), to.pos - out_before);
        if (at_end_ && !as_long_as_said()) {
          step.broken = "broken coded body";
          break;
        }
      }
      if (to.pos == to.size || (from.pos == in_before && to.pos == out_before)) break;
      if (from.pos == from.size && !at_end_ && to.pos < to.size) break;
    }
    step.taken = from.pos;
    step.made = to.pos;
    if (!step.broken.empty() || !last || from.pos < from.size) return step;
    step.done = at_end_;
    if (!at_end_ && to.pos < to.size) step.broken = "coded body is cut short";
    return step;
  }

 private:
  void remember(std::string_view coded, std::size_t made) {
    const std::string_view head = coded.substr(0, head_.size() - head_size_);
    std::copy(head.begin(), head.end(), head_.begin() + static_cast<std::ptrdiff_t>(head_size_));
    head_size_ += head.size();
    frame_bytes_ += made;
  }

  // At the end of a frame. The library does not look where the last block is empty.
  bool as_long_as_said() {
    const auto said = ::ZSTD_getFrameContentSize(head_.data(), head_size_);
    const auto made = frame_bytes_;
    head_size_ = 0;
    frame_bytes_ = 0;
    return said == ZSTD_CONTENTSIZE_UNKNOWN || said == ZSTD_CONTENTSIZE_ERROR || said == made;
  }

  Context context_;
  std::array<char, ZSTD_FRAMEHEADERSIZE_MAX> head_{};  // of this frame, as far as it has come
  std::size_t head_size_ = 0;
  std::uint64_t frame_bytes_ = 0;  // that this frame stands for, so far
  bool at_end_ = false;            // of a frame: a body may end here
};

}  // namespace

std::unique_ptr<Decoder> make_zstd_decoder(CoderMemory& memory) {
  return std::make_unique<ZstdDecoder>(memory);
}

// The context, the window with what a block needs behind it, a block of input.
std::uint64_t zstd_decoder_bytes() {
  return CoderMemory::cost(std::size_t{192} << 10) +
         CoderMemory::cost((std::size_t{1} << window_bits_max) + (std::size_t{512} << 10));
}

}  // namespace weir
