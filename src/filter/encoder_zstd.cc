// zstd (RFC 8878), windows of at most 8 MiB (RFC 9659).
#define ZSTD_STATIC_LINKING_ONLY  // allocators of one's own, estimates
#include <zstd.h>

#include <algorithm>
#include <cassert>

#include "base/handle.h"
#include "filter/coder_memory.h"
#include "filter/encoder.h"

namespace weir {
namespace {

using Context = Handle<ZSTD_CCtx, &ZSTD_freeCCtx>;

void* take(void* memory, std::size_t size) { return static_cast<CoderMemory*>(memory)->take(size); }
void give(void* memory, void* block) { static_cast<CoderMemory*>(memory)->give(block); }

// What the level means for bodies of the window's size. Left to itself the library takes tables for
// any size where it is not told the length, 96 MiB of them at level 19.
ZSTD_compressionParameters parameters_of(const EncoderSpec& spec) {
  ZSTD_compressionParameters out = ::ZSTD_getCParams(spec.level, spec.window, 0);
  out.windowLog = static_cast<unsigned>(window_bits(spec.window));
  return out;
}

class ZstdEncoder final : public Encoder {
 public:
  ZstdEncoder(const EncoderSpec& spec, CoderMemory& memory)
      : context_(::ZSTD_createCCtx_advanced({take, give, &memory})) {
    if (!context_) return;
    const ZSTD_compressionParameters parameters = parameters_of(spec);
    set(ZSTD_c_compressionLevel, static_cast<unsigned>(spec.level));
    set(ZSTD_c_windowLog, parameters.windowLog);
    set(ZSTD_c_chainLog, parameters.chainLog);
    set(ZSTD_c_hashLog, parameters.hashLog);
    set(ZSTD_c_searchLog, parameters.searchLog);
    set(ZSTD_c_minMatch, parameters.minMatch);
    set(ZSTD_c_targetLength, parameters.targetLength);
    set(ZSTD_c_strategy, static_cast<unsigned>(parameters.strategy));
  }

  bool start(std::optional<std::uint64_t> length) override {
    if (!context_) return false;
    ::ZSTD_CCtx_reset(context_.get(), ZSTD_reset_session_only);
    if (length) ::ZSTD_CCtx_setPledgedSrcSize(context_.get(), *length);
    return true;
  }

  Step run(std::string_view in, std::span<char> out, Upto upto) override {
    assert(out.size() >= room_min);
    const ZSTD_EndDirective how = upto == Upto::whenever ? ZSTD_e_continue
                                  : upto == Upto::flush  ? ZSTD_e_flush
                                                         : ZSTD_e_end;
    ZSTD_inBuffer from{in.data(), in.size(), 0};
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    const std::size_t left = ::ZSTD_compressStream2(context_.get(), &to, &from, how);
    Step step{from.pos, to.pos};
    step.failed = ::ZSTD_isError(left) != 0;
    step.done = !step.failed && from.pos == from.size && (upto == Upto::whenever || left == 0);
    return step;
  }

 private:
  void set(ZSTD_cParameter name, unsigned value) {
    ::ZSTD_CCtx_setParameter(context_.get(), name, static_cast<int>(value));
  }

  Context context_;
};

}  // namespace

std::unique_ptr<Encoder> make_zstd_encoder(const EncoderSpec& spec, CoderMemory& memory) {
  return std::make_unique<ZstdEncoder>(spec, memory);
}

std::uint64_t zstd_encoder_bytes(const EncoderSpec& spec) {
  const std::size_t estimate = ::ZSTD_estimateCStreamSize_usingCParams(parameters_of(spec));
  // The context itself lies beside its tables.
  return CoderMemory::cost(estimate) + CoderMemory::cost(16384);
}

}  // namespace weir
