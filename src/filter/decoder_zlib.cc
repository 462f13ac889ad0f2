// gzip (RFC 1952), also of several members after each other, and deflate: the zlib format, or raw
// deflate, which some origins send in its place.
#include <zlib.h>

#include <algorithm>
#include <cassert>

#include "filter/coder_memory.h"
#include "filter/decoder.h"

namespace weir {
namespace {

void* take(void* memory, uInt items, uInt size) {
  return static_cast<CoderMemory*>(memory)->take(std::size_t{items} * size);
}
void give(void* memory, void* block) { static_cast<CoderMemory*>(memory)->give(block); }

constexpr int gzip_bits = 15 + 16, zlib_bits = 15, raw_bits = -15;

// CMF and FLG (RFC 1950 2.2): method 8, a window of at most 32 KiB, no dictionary of somebody's, a
// multiple of 31. Raw deflate may begin so by chance alone where its first block is stored.
bool is_zlib_head(unsigned first, unsigned second) {
  return (first & 15) == 8 && (first >> 4) <= 7 && (second & 32) == 0 &&
         (first * 256 + second) % 31 == 0;
}

class ZlibDecoder final : public Decoder {
 public:
  ZlibDecoder(ContentCoding coding, CoderMemory& memory) : gzip_(coding == ContentCoding::gzip) {
    stream_.zalloc = take;
    stream_.zfree = give;
    stream_.opaque = &memory;
    ready_ = ::inflateInit2(&stream_, gzip_ ? gzip_bits : zlib_bits) == Z_OK;
  }
  ZlibDecoder& operator=(ZlibDecoder&&) = delete;
  ~ZlibDecoder() override {
    if (ready_) ::inflateEnd(&stream_);
  }

  bool start() override {
    // Between members, or with nothing read yet, a body may not end: the first must be there.
    at_ = At::start;
    head_size_ = 0;
    return ready_ && ::inflateReset2(&stream_, gzip_ ? gzip_bits : zlib_bits) == Z_OK;
  }

  Step run(std::string_view in, std::span<char> out, bool last) override {
    Step step;
    while (step.broken.empty() && !step.done) {
      const std::string_view rest = in.substr(step.taken);
      if (rest.empty() && at_ == At::between) {
        step.done = last;
        break;
      }
      if (rest.empty() && at_ == At::start) {
        if (last) step.broken = "coded body is cut short";
        break;
      }
      if (!gzip_ && at_ == At::between) {
        step.broken = "bytes behind the end of a coded body";
        break;
      }
      if (!gzip_ && head_size_ < 2 && !take_head(rest, step, last)) break;
      if (!inflate(in.substr(step.taken), out.subspan(step.made), step)) {
        if (step.broken.empty() && last && step.taken == in.size() && step.made < out.size())
          step.broken = "coded body is cut short";
        break;
      }
    }
    return step;
  }

 private:
  enum class At : unsigned char { start, inside, between };

  // Which of the two it is shows in the first two bytes. They are kept and given to inflate later.
  bool take_head(std::string_view rest, Step& step, bool last) {
    while (head_size_ < 2 && !rest.empty()) {
      head_[head_size_++] = rest.front();
      rest.remove_prefix(1);
      ++step.taken;
    }
    at_ = At::inside;
    if (head_size_ < 2) {
      // The shortest raw body has two bytes.
      if (last) step.broken = "coded body is cut short";
      return false;
    }
    const auto first = static_cast<unsigned char>(head_[0]);
    const auto second = static_cast<unsigned char>(head_[1]);
    if (!is_zlib_head(first, second)) ::inflateReset2(&stream_, raw_bits);
    head_left_ = 2;
    return true;
  }

  // False: it wants more input or room, or is broken.
  bool inflate(std::string_view in, std::span<char> out, Step& step) {
    at_ = At::inside;
    const bool from_head = head_left_ > 0;
    std::string_view from = in;
    if (from_head) from = {head_ + 2 - head_left_, head_left_};
    constexpr std::size_t most = std::size_t{1} << 30;
    const auto in_size = static_cast<uInt>(std::min(from.size(), most));
    const auto out_size = static_cast<uInt>(std::min(out.size(), most));
    char none = 0;  // inflate refuses a null pointer
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(from.data()));
    stream_.avail_in = in_size;
    stream_.next_out = reinterpret_cast<Bytef*>(out.empty() ? &none : out.data());
    stream_.avail_out = out_size;
    if (in_size == 0) stream_.next_in = reinterpret_cast<Bytef*>(&none);
    const int result = ::inflate(&stream_, Z_NO_FLUSH);
    const std::size_t taken = in_size - stream_.avail_in;
    step.made += out_size - stream_.avail_out;
    if (from_head) {
      head_left_ -= taken;
    } else {
      step.taken += taken;
    }
    if (result == Z_STREAM_END) {
      at_ = At::between;
      if (gzip_) ::inflateReset(&stream_);
      if (head_left_ > 0) step.broken = "bytes behind the end of a coded body";
      return true;
    }
    if (result != Z_OK && result != Z_BUF_ERROR) {
      step.broken = result == Z_MEM_ERROR ? "no memory to decode a body" : "broken coded body";
      return false;
    }
    return from_head && head_left_ == 0 && !in.empty() && stream_.avail_out > 0;
  }

  z_stream stream_{};
  bool gzip_;
  bool ready_ = false;
  At at_ = At::start;
  char head_[2]{};
  std::size_t head_size_ = 0, head_left_ = 0;
};

}  // namespace

std::unique_ptr<Decoder> make_zlib_decoder(ContentCoding coding, CoderMemory& memory) {
  return std::make_unique<ZlibDecoder>(coding, memory);
}

std::uint64_t zlib_decoder_bytes() { return CoderMemory::cost(12288) + CoderMemory::cost(32768); }

}  // namespace weir
