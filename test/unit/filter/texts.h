// Bodies for the tests of coders: what coding makes of a text, and what decoding makes of that.
#pragma once

#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "filter/coder_memory.h"
#include "filter/decoder.h"
#include "filter/encoder.h"

namespace weir::test {

// Like a page: words and tags that come again, none of it constant.
inline std::string page(std::size_t bytes, unsigned seed = 1) {
  static constexpr std::string_view words[] = {
      "proxy", "cache ", "<div class=\"row\">", "</div>\n", "upstream", " of ", "the ", "answer",
      "<p>",   "</p>"};
  std::minstd_rand random(seed);
  std::string out;
  while (out.size() < bytes) {
    out += words[random() % std::size(words)];
    if (random() % 7 == 0) out += std::to_string(random() % 10000);
  }
  out.resize(bytes);
  return out;
}

inline std::string noise(std::size_t bytes, unsigned seed = 1) {
  std::minstd_rand random(seed);
  std::string out(bytes, '\0');
  for (char& byte : out) byte = static_cast<char>(random() >> 7);
  return out;
}

// Runs until the step is done, with `room` bytes of output at a time.
inline bool run(Encoder& encoder, std::string_view in, Encoder::Upto upto, std::string& out,
                std::size_t room = 4096) {
  std::vector<char> space(room);
  for (int calls = 0; calls < 1'000'000; ++calls) {
    const auto step = encoder.run(in, space, upto);
    if (step.failed) return false;
    out.append(space.data(), step.made);
    in.remove_prefix(step.taken);
    if (step.done) return in.empty();
  }
  return false;
}

inline std::string encoded(Encoder& encoder, std::string_view text, std::size_t room = 4096) {
  std::string out;
  return run(encoder, text, Encoder::Upto::end, out, room) ? out : "not encoded";
}

struct Decoded {
  std::string text;
  std::string_view broken;
  bool done = false;
};

// The coded text in pieces of at most `piece` bytes, decoded into `room` bytes at a time.
inline Decoded decoded(Decoder& decoder, std::string_view coded, std::size_t piece = 1 << 20,
                       std::size_t room = 4096, bool last = true) {
  Decoded out;
  std::vector<char> space(room);
  std::size_t offered = std::min(piece, coded.size());
  for (;;) {
    const bool ends = last && offered == coded.size();
    const auto step = decoder.run(coded.substr(0, offered), space, ends);
    out.text.append(space.data(), step.made);
    out.broken = step.broken;
    out.done = step.done;
    coded.remove_prefix(step.taken);
    offered -= step.taken;
    if (step.done || !step.broken.empty()) return out;
    if (step.taken == 0 && step.made == 0) {
      if (offered == coded.size()) return out;  // it wants more than there is
      offered = std::min(offered + piece, coded.size());
    } else if (offered == 0) {
      offered = std::min(piece, coded.size());
      if (coded.empty() && !last && step.made < room) return out;
    }
  }
}

inline Decoded decoded(ContentCoding coding, std::string_view coded) {
  CoderMemory memory(1 << 26);
  const auto decoder = make_decoder(coding, memory);
  if (!decoder->start()) return {};
  return decoded(*decoder, coded);
}

// One of each kind that behaves differently.
inline std::vector<EncoderSpec> specs() {
  std::vector<EncoderSpec> out;
  for (const auto coding : {ContentCoding::gzip, ContentCoding::deflate})
    for (const int level : {0, 1, 4, 6, 9}) out.push_back({coding, level, 32768});
  for (const int level : {0, 1, 2, 4, 5, 9, 11}) out.push_back({ContentCoding::br, level, 1 << 18});
  for (const int level : {1, 3, 6, 19}) out.push_back({ContentCoding::zstd, level, 1 << 18});
  return out;
}

}  // namespace weir::test
