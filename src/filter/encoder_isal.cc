// gzip and deflate at level fast with ISA-L, where the architecture has it.
#include <cassert>

#include "filter/coder_memory.h"
#include "filter/encoder.h"

#if __has_include(<isa-l/igzip_lib.h>)
#include <isa-l/igzip_lib.h>

#include <algorithm>

namespace weir {
namespace {

// Of its levels (0 to 3) the one whose output is smaller than that of zlib's level 1 at a fifth of
// the time; level 3 takes half as much again for two percent. A larger buffer makes larger blocks,
// which gains nothing.
constexpr std::uint32_t level = 2;
constexpr std::size_t level_bytes = ISAL_DEF_LVL2_SMALL;

class IsalEncoder final : public Encoder {
 public:
  IsalEncoder(const EncoderSpec& spec, CoderMemory& memory)
      : memory_(memory),
        format_(spec.coding == ContentCoding::gzip ? IGZIP_GZIP : IGZIP_ZLIB),
        stream_(static_cast<isal_zstream*>(memory.take(sizeof(isal_zstream)))),
        level_buffer_(static_cast<std::uint8_t*>(memory.take(level_bytes))) {}
  IsalEncoder& operator=(IsalEncoder&&) = delete;
  ~IsalEncoder() override {
    memory_.give(stream_);
    memory_.give(level_buffer_);
  }

  bool start(std::optional<std::uint64_t>) override {
    if (stream_ == nullptr || level_buffer_ == nullptr) return false;
    ::isal_deflate_init(stream_);
    stream_->level = level;
    stream_->level_buf = level_buffer_;
    stream_->level_buf_size = level_bytes;
    stream_->gzip_flag = static_cast<std::uint16_t>(format_);
    return true;
  }

  Step run(std::string_view in, std::span<char> out, Upto upto) override {
    assert(out.size() >= room_min);
    constexpr std::size_t most = std::size_t{1} << 30;
    const bool whole = in.size() <= most;
    const auto in_size = static_cast<std::uint32_t>(std::min(in.size(), most));
    const auto out_size = static_cast<std::uint32_t>(std::min(out.size(), most));
    // ISA-L does not write through it
    stream_->next_in = reinterpret_cast<std::uint8_t*>(const_cast<char*>(in.data()));
    stream_->avail_in = in_size;
    stream_->next_out = reinterpret_cast<std::uint8_t*>(out.data());
    stream_->avail_out = out_size;
    stream_->end_of_stream = whole && upto == Upto::end ? 1 : 0;
    stream_->flush = whole && upto == Upto::flush ? SYNC_FLUSH : NO_FLUSH;
    [[maybe_unused]] const int result = ::isal_deflate(stream_);
    assert(result == COMP_OK);
    Step step{in_size - stream_->avail_in, out_size - stream_->avail_out};
    step.done = whole && stream_->avail_in == 0;
    if (upto == Upto::flush) step.done = step.done && stream_->avail_out > 0;
    if (upto == Upto::end) step.done = stream_->internal_state.state == ZSTATE_END;
    return step;
  }

 private:
  CoderMemory& memory_;
  int format_;
  isal_zstream* stream_;
  std::uint8_t* level_buffer_;
};

}  // namespace

bool has_isal() { return true; }

std::unique_ptr<Encoder> make_isal_encoder(const EncoderSpec& spec, CoderMemory& memory) {
  return std::make_unique<IsalEncoder>(spec, memory);
}

std::uint64_t isal_encoder_bytes() {
  return CoderMemory::cost(sizeof(isal_zstream)) + CoderMemory::cost(level_bytes);
}

}  // namespace weir

#else

namespace weir {

bool has_isal() { return false; }
std::unique_ptr<Encoder> make_isal_encoder(const EncoderSpec&, CoderMemory&) { return nullptr; }
std::uint64_t isal_encoder_bytes() { return 0; }

}  // namespace weir

#endif
