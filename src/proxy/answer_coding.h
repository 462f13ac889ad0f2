// Which content coding an answer gets on its way to the client, and what its head says of it. Pure
// but for the arena: the bytes are coded elsewhere (answer_filter.h, and in the cache).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "http/content_coding.h"
#include "http/message.h"
#include "proxy/exchange_state.h"

namespace weir {

struct AnswerCoding {
  enum class Kind : unsigned char { none, compress, decompress };
  Kind kind = Kind::none;
  ContentCoding coding = ContentCoding::identity;  // what it is compressed with, or in
  bool varies = false;   // another Accept-Encoding would get other bytes: Vary says so, always
  bool weakens = false;  // what the client gets has not the bytes that the ETag is of
  bool changes_length() const { return kind != Kind::none || weakens; }
  bool operator==(const AnswerCoding&) const = default;
};

// By the location's directives, the request, and the head as it came: its status is the one that
// will be sent. `length` of the body, where it is known; for HEAD of the one that GET would get.
AnswerCoding choose_coding(const ExchangeState& state, const ResponseHead& head,
                           std::optional<std::uint64_t> length);

// Content-Encoding, Vary, ETag, Accept-Ranges and digests of what the client gets. False: no room.
bool apply_coding(const AnswerCoding& coding, ExchangeState& state, ResponseHead& head);

// Whether a field says what the bytes of a body hash to in the coding that it came in: it does not
// hold for another.
bool is_digest_of_coded(std::string_view name);

}  // namespace weir
