// Errors of an exchange: which status the client gets and how loud the log is. Two tables say it
// all: http/faults.def for malformed messages, troubles.def for everything else on our side; an
// Attempt's failures have their own status in attempt.h.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/arena.h"
#include "base/log.h"
#include "base/result.h"

namespace weir {

enum class Trouble : std::uint8_t {
#define TROUBLE(id, status, side, level, text) id,
#include "proxy/troubles.def"
#undef TROUBLE
};

Error trouble(Trouble which);
bool is(const Error& error, Trouble which);

// What a head that its arena could not hold comes to.
inline Error no_head_room(const Arena& arena) {
  return trouble(arena.starved() ? Trouble::head_memory : Trouble::head_room);
}

struct Consequence {
  std::uint16_t status;  // 0: no answer is possible or wanted, the connection is closed
  log::Level level;
};

// What follows from any error that reaches an exchange or a session.
Consequence consequence_of(const Error& error);

}  // namespace weir
