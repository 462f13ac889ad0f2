// br (RFC 7932) with Google's library. It has no reset: each body gets a new state, whose memory is
// that of the one before.
#include <brotli/encode.h>

#include <algorithm>
#include <cassert>

#include "base/handle.h"
#include "filter/coder_memory.h"
#include "filter/encoder.h"

namespace weir {
namespace {

using State = Handle<BrotliEncoderState, &BrotliEncoderDestroyInstance>;

void* take(void* memory, std::size_t size) { return static_cast<CoderMemory*>(memory)->take(size); }
void give(void* memory, void* block) { static_cast<CoderMemory*>(memory)->give(block); }

class BrotliEncoder final : public Encoder {
 public:
  BrotliEncoder(const EncoderSpec& spec, CoderMemory& memory) : spec_(spec), memory_(memory) {}

  bool start(std::optional<std::uint64_t> length) override {
    state_.reset();
    state_.reset(::BrotliEncoderCreateInstance(take, give, &memory_));
    if (!state_) return false;
    set(BROTLI_PARAM_QUALITY, static_cast<std::uint32_t>(spec_.level));
    set(BROTLI_PARAM_LGWIN, static_cast<std::uint32_t>(window_bits(spec_.window)));
    if (length)
      set(BROTLI_PARAM_SIZE_HINT,
          static_cast<std::uint32_t>(std::min(*length, std::uint64_t{1} << 30)));
    return true;
  }

  void stop() override { state_.reset(); }

  Step run(std::string_view in, std::span<char> out, Upto upto) override {
    assert(out.size() >= room_min && state_);
    const BrotliEncoderOperation how = upto == Upto::whenever ? BROTLI_OPERATION_PROCESS
                                       : upto == Upto::flush  ? BROTLI_OPERATION_FLUSH
                                                              : BROTLI_OPERATION_FINISH;
    std::size_t in_left = in.size(), out_left = out.size();
    const auto* next_in = reinterpret_cast<const std::uint8_t*>(in.data());
    auto* next_out = reinterpret_cast<std::uint8_t*>(out.data());
    Step step;
    step.failed = ::BrotliEncoderCompressStream(state_.get(), how, &in_left, &next_in, &out_left,
                                                &next_out, nullptr) == BROTLI_FALSE;
    step.taken = in.size() - in_left;
    step.made = out.size() - out_left;
    if (step.failed) return step;
    const bool more = ::BrotliEncoderHasMoreOutput(state_.get()) == BROTLI_TRUE;
    step.done = upto == Upto::end ? ::BrotliEncoderIsFinished(state_.get()) == BROTLI_TRUE
                                  : in_left == 0 && !more;
    return step;
  }

 private:
  void set(BrotliEncoderParameter name, std::uint32_t value) {
    ::BrotliEncoderSetParameter(state_.get(), name, value);
  }

  EncoderSpec spec_;
  CoderMemory& memory_;
  State state_;
};

}  // namespace

std::unique_ptr<Encoder> make_brotli_encoder(const EncoderSpec& spec, CoderMemory& memory) {
  return std::make_unique<BrotliEncoder>(spec, memory);
}

// Measured, since the library does not say: its hash tables, by level, and of bodies that do not
// shrink the ring buffer, commands and output, which grow with the window.
std::uint64_t brotli_encoder_bytes(const EncoderSpec& spec) {
  constexpr std::uint64_t kib = 1024, mib = 1024 * kib;
  if (spec.level <= 1) return 320 * kib;
  const std::uint64_t rest = 10 * std::max(spec.window, 64 * kib);
  const bool small = spec.window <= 64 * kib;
  switch (spec.level) {
    case 2:
    case 3: return 768 * kib + rest;
    case 4:
    case 5: return 2560 * kib + rest;
    case 6: return (small ? 3 : 4) * mib + rest;
    case 7: return (small ? 3 : 12) * mib + rest;
    case 8: return (small ? 3 : 22) * mib + rest;
    case 9: return (small ? 3 : 45) * mib + rest;
    default: return 8 * mib + 16 * spec.window;
  }
}

}  // namespace weir
