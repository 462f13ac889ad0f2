// Decoders over anything: in one piece and in many, with rooms of any size, they say the same; what
// decodes is encoded and decoded again to the same. First byte: the coding; second: how it is
// split.
#include <algorithm>
#include <string>
#include <vector>

#include "filter/coder_memory.h"
#include "filter/decoder.h"
#include "filter/encoder.h"
#include "test/fuzz/fuzz.h"

namespace weir::fuzz {
namespace {

constexpr std::size_t text_max = std::size_t{1} << 20;  // of a bomb no more is asked for

struct Decoded {
  std::string text;
  bool done = false, broken = false, too_large = false;
};

// `piece` bytes are offered at a time, `room` are there for what they stand for.
Decoded decode(Decoder& decoder, std::string_view coded, std::size_t piece, std::size_t room) {
  Decoded out;
  check(decoder.start());
  std::vector<char> space(room);
  std::size_t offered = std::min(piece, coded.size());
  for (;;) {
    const bool last = offered == coded.size();
    const auto step = decoder.run(coded.substr(0, offered), space, last);
    check(step.taken <= offered && step.made <= room);
    check(!step.done || (last && step.taken == offered && step.broken.empty()));
    out.text.append(space.data(), step.made);
    out.done = step.done;
    out.broken = !step.broken.empty();
    out.too_large = out.text.size() > text_max;
    if (out.done || out.broken || out.too_large) break;
    coded.remove_prefix(step.taken);
    offered -= step.taken;
    if (step.made < room) {
      check(!last);  // all of it was there, and it knows neither that it is whole nor broken
      offered = std::min(offered + piece, coded.size());
    }
  }
  decoder.stop();
  return out;
}

std::string encode(Encoder& encoder, std::string_view text) {
  check(encoder.start(text.size()));
  std::string out;
  std::vector<char> space(4096);
  for (bool done = false; !done;) {
    const auto step = encoder.run(text, space, Encoder::Upto::end);
    check(!step.failed && (step.done || step.taken + step.made > 0));
    out.append(space.data(), step.made);
    text.remove_prefix(step.taken);
    done = step.done;
  }
  return out;
}

void run(ContentCoding coding, std::uint8_t split, std::string_view coded) {
  CoderMemory memory(std::uint64_t{1} << 28);
  const auto decoder = make_decoder(coding, memory);
  const Decoded whole = decode(*decoder, coded, coded.size() + 1, 65536);
  const Decoded pieces =
      decode(*decoder, coded, std::size_t{1} + split % 16, std::size_t{1} + split / 16 * 37U);
  if (whole.too_large || pieces.too_large) return;
  check(whole.done == pieces.done && whole.broken == pieces.broken);
  if (!whole.done) return;
  check(whole.text == pieces.text);
  const int level = split % 5;
  const auto encoder =
      make_encoder(fitted({coding, level, std::uint64_t{1} << 16}, whole.text.size()), memory);
  const Decoded again = decode(*decoder, encode(*encoder, whole.text), 1000, 4096);
  check(again.done && again.text == whole.text);
}

}  // namespace
}  // namespace weir::fuzz

FUZZ_TARGET(decoders) {
  if (input.size() < 2) return;
  const auto& codings = weir::real_codings;
  const auto coding = codings[static_cast<std::uint8_t>(input[0]) % codings.size()];
  weir::fuzz::run(coding, static_cast<std::uint8_t>(input[1]), input.substr(2));
}
