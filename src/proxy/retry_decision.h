// What follows from a try that brought no answer, or one that `retry` wants to be asked for again.
// Pure: the Tries know what happened, here stands what may be done about it.
#pragma once

#include <cstdint>

#include "conf/upstream_values.h"
#include "proxy/attempt.h"

namespace weir {

struct TryOutcome {
  enum class Kind : std::uint8_t {
    unconnected,  // no connection, no TLS: no peer has seen anything
    stale,        // a pooled connection broke before a byte of an answer: the origin had closed it
    error,        // the connection broke before the answer's head was complete
    timeout,
    invalid,  // an answer that is none
    answer,   // a whole head of a final answer
    ours,     // our lack, or the client's fault: another peer would not help
  };
  Kind kind = Kind::ours;
  bool sent = false;         // the peer may have seen something of the request
  std::uint16_t status = 0;  // of an answer
};
TryOutcome outcome_of(AttemptFailure failure, const AttemptFacts& facts, bool sent);

// The bit of RetryConf::On that stands for the status of an answer; 0: none does.
std::uint32_t retry_bit(std::uint16_t status);

struct RetryQuestion {
  TryOutcome outcome;
  bool idempotent = false;   // the method, RFC 9110 §9.2.2
  bool body_at_hand = true;  // all of the request's body that was given away can be given again
  std::uint32_t tries = 1;   // made so far, this one included, as RetryConf::tries counts them
  bool replaced = false;     // this one has replaced a stale connection already
};

enum class RetryVerdict : std::uint8_t {
  give_up,    // what happened is what the client gets
  replace,    // on a fresh connection to the same peer, silently
  pass_over,  // at the next peer, as if this one had not been chosen
  try_again,  // at another peer, out of the budget
};
RetryVerdict decide_retry(const RetryQuestion& question, const conf::RetryConf& conf);

}  // namespace weir
