// gzip (RFC 1952) and deflate (the zlib format, RFC 1950) with zlib.
#include <zlib.h>

#include <algorithm>
#include <cassert>

#include "filter/coder_memory.h"
#include "filter/encoder.h"

namespace weir {
namespace {

constexpr int memory_level = 8;  // zlib's own choice

void* take(void* memory, uInt items, uInt size) {
  return static_cast<CoderMemory*>(memory)->take(std::size_t{items} * size);
}
void give(void* memory, void* block) { static_cast<CoderMemory*>(memory)->give(block); }

class ZlibEncoder final : public Encoder {
 public:
  ZlibEncoder(const EncoderSpec& spec, CoderMemory& memory) {
    stream_.zalloc = take;
    stream_.zfree = give;
    stream_.opaque = &memory;
    const int bits = std::max(9, window_bits(spec.window));
    const int format = spec.coding == ContentCoding::gzip ? 16 : 0;
    ready_ = ::deflateInit2(&stream_, std::max(1, spec.level), Z_DEFLATED, bits + format,
                            memory_level, Z_DEFAULT_STRATEGY) == Z_OK;
  }
  ZlibEncoder& operator=(ZlibEncoder&&) = delete;
  ~ZlibEncoder() override {
    if (ready_) ::deflateEnd(&stream_);
  }

  bool start(std::optional<std::uint64_t>) override {
    return ready_ && ::deflateReset(&stream_) == Z_OK;
  }

  Step run(std::string_view in, std::span<char> out, Upto upto) override {
    assert(out.size() >= room_min);
    constexpr std::size_t most = std::size_t{1} << 30;
    const bool whole = in.size() <= most;
    const auto in_size = static_cast<uInt>(std::min(in.size(), most));
    const auto out_size = static_cast<uInt>(std::min(out.size(), most));
    // zlib does not write through it
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = in_size;
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = out_size;
    const int how = !whole || upto == Upto::whenever ? Z_NO_FLUSH
                    : upto == Upto::flush            ? Z_SYNC_FLUSH
                                                     : Z_FINISH;
    const int result = ::deflate(&stream_, how);
    assert(result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR);
    Step step{in_size - stream_.avail_in, out_size - stream_.avail_out};
    if (how == Z_FINISH) {
      step.done = result == Z_STREAM_END;
    } else {
      step.done = whole && stream_.avail_in == 0 && (how == Z_NO_FLUSH || stream_.avail_out > 0);
    }
    return step;
  }

 private:
  z_stream stream_{};
  bool ready_ = false;
};

}  // namespace

std::unique_ptr<Encoder> make_zlib_encoder(const EncoderSpec& spec, CoderMemory& memory) {
  return std::make_unique<ZlibEncoder>(spec, memory);
}

// As zconf.h says, and the state.
std::uint64_t zlib_encoder_bytes(const EncoderSpec& spec) {
  const int bits = std::max(9, window_bits(spec.window));
  const std::size_t window = std::size_t{1} << bits;
  return CoderMemory::cost(8192) + CoderMemory::cost(2 * window + 64) +
         CoderMemory::cost(2 * window) + CoderMemory::cost(std::size_t{2} << (memory_level + 7)) +
         CoderMemory::cost(std::size_t{4} << (memory_level + 6));
}

}  // namespace weir
