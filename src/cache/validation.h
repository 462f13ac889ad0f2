// Validation (RFC 9111 4.3): asking the origin whether a stored answer is still good, and what its
// answer means for what is stored.
#pragma once

#include <cstdint>
#include <optional>

#include "cache/facts.h"
#include "http/message.h"

namespace weir::cache {

// In place of the client's conditions: If-None-Match and If-Modified-Since from the stored answer.
// Views into `stored`. False: it has no validator; the request asks for the whole.
bool add_conditions(const ResponseHead& stored, Fields& request);

// Whether a 304 speaks of this stored answer (RFC 9111 4.3.4). False: it must not be served, and
// the request is to be sent again without conditions.
bool selects(const ResponseHead& stored, const ResponseHead& not_modified, std::int64_t now);

// The stored head with what the 304 (or the answer to HEAD) says anew, into `out`; views into both.
// Not taken over: Content-Length, Content-Encoding and Content-Range, which speak of the stored
// bytes; Set-Cookie, which is for the client that asked; what a hop says to the next (RFC
// 9111 3.2). `out` has the status of `stored`, which was read with its hidden fields
// (read_field_block).
void merge_not_modified(const ResponseHead& stored, const ResponseHead& not_modified,
                        ResponseHead& out);

// What a 200 to HEAD says of a stored GET (RFC 9111 4.3.5).
enum class HeadEffect : std::uint8_t {
  none,         // nothing that can be used
  freshens,     // the same: merge_not_modified(), judge_answer(), Store::freshen()
  invalidates,  // another: the stored one is out of date
};
HeadEffect effect_of_head(const ResponseHead& stored, std::optional<std::uint64_t> stored_length,
                          const ResponseHead& answer, std::optional<std::uint64_t> content_length,
                          std::int64_t now);

}  // namespace weir::cache
