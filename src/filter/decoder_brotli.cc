// br (RFC 7932). The library's state has no reset: its memory is that of the one before.
#include <brotli/decode.h>

#include "base/handle.h"
#include "filter/coder_memory.h"
#include "filter/decoder.h"

namespace weir {
namespace {

using State = Handle<BrotliDecoderState, &BrotliDecoderDestroyInstance>;

void* take(void* memory, std::size_t size) { return static_cast<CoderMemory*>(memory)->take(size); }
void give(void* memory, void* block) { static_cast<CoderMemory*>(memory)->give(block); }

class BrotliDecoder final : public Decoder {
 public:
  explicit BrotliDecoder(CoderMemory& memory) : memory_(memory) {}

  bool start() override {
    state_.reset();
    state_.reset(::BrotliDecoderCreateInstance(take, give, &memory_));
    return state_ != nullptr;
  }
  void stop() override { state_.reset(); }

  Step run(std::string_view in, std::span<char> out, bool last) override {
    Step step;
    std::size_t in_left = in.size(), out_left = out.size();
    const auto* next_in = reinterpret_cast<const std::uint8_t*>(in.data());
    auto* next_out = reinterpret_cast<std::uint8_t*>(out.data());
    const BrotliDecoderResult result = ::BrotliDecoderDecompressStream(
        state_.get(), &in_left, &next_in, &out_left, &next_out, nullptr);
    step.taken = in.size() - in_left;
    step.made = out.size() - out_left;
    switch (result) {
      case BROTLI_DECODER_RESULT_ERROR: step.broken = "broken coded body"; break;
      case BROTLI_DECODER_RESULT_SUCCESS:
        if (in_left > 0) step.broken = "bytes behind the end of a coded body";
        step.done = in_left == 0 && last;
        break;
      case BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT:
        if (last) step.broken = "coded body is cut short";
        break;
      case BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT: break;
    }
    return step;
  }

 private:
  CoderMemory& memory_;
  State state_;
};

}  // namespace

std::unique_ptr<Decoder> make_brotli_decoder(CoderMemory& memory) {
  return std::make_unique<BrotliDecoder>(memory);
}

// A body may ask for a window of 16 MiB.
std::uint64_t brotli_decoder_bytes() {
  return CoderMemory::cost((std::size_t{16} << 20) + 4096) + (std::uint64_t{512} << 10);
}

}  // namespace weir
