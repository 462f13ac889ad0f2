// BodyDecoder: takes an HTTP/1 body out of its framing without copying it.
//
//   start() -> decode()* -> done | failed       end_of_input() when the sender closed
//
// decode() and unframe() return views into the bytes they were given. Chunk extensions are checked
// and dropped (their bytes are bounded over the whole body), trailers are collected in the
// decoder's own bounded text and live until the next start(). After an error every call fails the
// same way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/faults.h"
#include "http/framing.h"
#include "http/limits.h"

namespace weir {

class BodyDecoder {
 public:
  struct Step {
    std::size_t consumed;      // bytes taken, framing included; call again while bytes are left
    std::string_view payload;  // body bytes among them; empty when there were none
  };

  // `limits` must outlive the body. `side` is who sends it: blamed for what is wrong with it.
  void start(const BodyFraming& framing, const Limits& limits, Side side);

  // Takes bytes up to and including the next piece of payload, or all of them, or up to the end of
  // the body: what is behind the end is not touched (it belongs to the next message).
  Result<Step> decode(std::string_view bytes);

  // The same for all of `bytes`: pieces of payload behind the first one are moved up to it, so that
  // what came in many small chunks goes on in one write. What they leave behind is of no use.
  Result<Step> unframe(std::span<char> bytes);

  // The sender closed its side: ends an until_close body, is an error inside any other.
  Result<Ok> end_of_input();

  bool done() const { return phase_ == Phase::done; }
  bool failed() const { return phase_ == Phase::failed; }
  std::uint64_t payload_bytes() const { return payload_bytes_; }  // so far
  // Bytes certainly still to come (of a known length or the current chunk).
  std::uint64_t left() const { return left_; }
  const Fields& trailers() const { return trailers_; }  // complete when done()

 private:
  // chunked:  size -> extension? -> size_lf -> data -> data_cr -> data_lf -> size ...
  //           last chunk: size_lf -> trailer -> done
  enum class Phase : std::uint8_t {
    counted,  // `left_` bytes, then done
    endless,  // until end_of_input()
    size,
    extension,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer,
    done,
    failed
  };

  Result<std::size_t> fail(Fault fault);
  Step take_payload(std::string_view bytes, std::size_t at);
  Result<std::size_t> frame(std::string_view bytes);  // framing bytes before payload
  Result<std::size_t> size_byte(char c);
  Result<std::size_t> extension(std::string_view bytes);
  Result<std::size_t> trailer(std::string_view bytes);

  const Limits* limits_ = nullptr;
  std::uint64_t left_ = 0;
  std::uint64_t payload_bytes_ = 0;
  std::size_t extension_bytes_ = 0;
  std::string trailer_text_;
  Fields trailers_;
  Phase phase_ = Phase::done;
  Fault fault_{};
  Side side_ = Side::client;
  std::uint8_t digits_ = 0;
};

// Contract rule 3: which trailer fields may be passed on (framing, routing, authentication and the
// like may not: RFC 9110 6.5.1).
bool allowed_in_trailer(const Field& field);

}  // namespace weir
