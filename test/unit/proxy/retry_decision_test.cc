#include "proxy/retry_decision.h"

#include <doctest/doctest.h>

using namespace weir;
using conf::RetryConf;
using Kind = TryOutcome::Kind;
using enum RetryVerdict;

namespace {

constexpr std::uint32_t everything = 0x3ff;  // but non_idempotent

RetryConf conf_of(std::uint32_t tries, std::uint32_t on) {
  RetryConf conf;
  conf.tries = tries;
  conf.on = on;
  return conf;
}

TryOutcome outcome(Kind kind, std::uint16_t status = 0, bool sent = true) {
  return {kind, sent, status};
}

struct Happened {
  TryOutcome outcome;
  std::uint32_t bit;  // what `on` must have
};
const Happened faults[] = {
    {outcome(Kind::error), RetryConf::error},
    {outcome(Kind::timeout), RetryConf::timeout},
    {outcome(Kind::invalid), RetryConf::invalid},
    {outcome(Kind::answer, 500), RetryConf::http_500},
    {outcome(Kind::answer, 502), RetryConf::http_502},
    {outcome(Kind::answer, 503), RetryConf::http_503},
    {outcome(Kind::answer, 504), RetryConf::http_504},
    {outcome(Kind::answer, 429), RetryConf::http_429},
    {outcome(Kind::answer, 403), RetryConf::http_403},
    {outcome(Kind::answer, 404), RetryConf::http_404},
};

}  // namespace

TEST_CASE("retry: what happened x on x method x body x tries") {
  for (const Happened& fault : faults) {
    CAPTURE(static_cast<int>(fault.outcome.kind));
    CAPTURE(fault.outcome.status);
    for (const std::uint32_t on : {fault.bit, everything & ~fault.bit}) {
      for (const bool non_idempotent : {false, true}) {
        const std::uint32_t bits = on | (non_idempotent ? RetryConf::non_idempotent : 0U);
        for (const bool idempotent : {false, true}) {
          for (const bool body : {false, true}) {
            for (const std::uint32_t tries : {1U, 2U, 3U}) {
              const bool again =
                  on == fault.bit && (idempotent || non_idempotent) && body && tries < 3;
              CAPTURE(on);
              CAPTURE(tries);
              CHECK(decide_retry({fault.outcome, idempotent, body, tries}, conf_of(3, bits)) ==
                    (again ? try_again : give_up));
            }
          }
        }
      }
    }
  }
}

TEST_CASE("retry: what no peer can have seen goes on, whatever the method and the tries") {
  const TryOutcome unconnected = outcome(Kind::unconnected, 0, false);
  for (const bool idempotent : {false, true}) {
    for (const RetryConf& conf :
         {RetryConf{}, conf_of(1, RetryConf::error), conf_of(2, RetryConf::http_503)}) {
      CHECK(decide_retry({unconnected, idempotent, true, 9}, conf) == pass_over);
      CHECK(decide_retry({unconnected, idempotent, false, 9}, conf) == give_up);
    }
    CHECK(decide_retry({unconnected, idempotent, true, 1}, conf_of(1, 0)) == give_up);  // off
  }
  // A connection that broke before a byte of the request was on it.
  CHECK(decide_retry({outcome(Kind::error, 0, false), false, true, 1},
                     conf_of(2, RetryConf::error)) == try_again);
  CHECK(decide_retry({outcome(Kind::error, 0, true), false, true, 1},
                     conf_of(2, RetryConf::error)) == give_up);
}

TEST_CASE(
    "retry: a stale pooled connection is replaced once, for idempotent methods, even when off") {
  for (const RetryConf& conf : {RetryConf{}, conf_of(1, 0), conf_of(3, everything)}) {
    CHECK(decide_retry({outcome(Kind::stale), true, true, 1}, conf) == replace);
    CHECK(decide_retry({outcome(Kind::stale), true, false, 1}, conf) == give_up);
    CHECK(decide_retry({outcome(Kind::stale), false, true, 1}, conf) == give_up);
  }
  CHECK(decide_retry({outcome(Kind::stale), true, true, 1, true}, RetryConf{}) == give_up);
  CHECK(decide_retry({outcome(Kind::stale), true, true, 1, true}, conf_of(2, everything)) ==
        try_again);
  CHECK(decide_retry({outcome(Kind::stale), false, true, 1},
                     conf_of(2, everything | RetryConf::non_idempotent)) == try_again);
}

TEST_CASE("retry: without a line nothing that a peer may have seen is tried again") {
  for (const Happened& fault : faults) {
    CHECK(decide_retry({fault.outcome, true, true, 1}, RetryConf{}) == give_up);
  }
  CHECK(decide_retry({outcome(Kind::ours), true, true, 1}, conf_of(9, everything)) == give_up);
}

TEST_CASE("retry: what an attempt's failure comes to") {
  AttemptFacts fresh, pooled, heard;
  pooled.reused = heard.reused = true;
  heard.bytes_received = 1;
  using enum AttemptFailure;
  for (const AttemptFailure failure : {reset, closed_early}) {
    CHECK(outcome_of(failure, fresh, true).kind == Kind::error);
    CHECK(outcome_of(failure, pooled, true).kind == Kind::stale);
    CHECK(outcome_of(failure, heard, true).kind == Kind::error);
  }
  for (const AttemptFailure failure : {connect_refused, connect_timeout, tls}) {
    CHECK(outcome_of(failure, fresh, false).kind == Kind::unconnected);
  }
  for (const AttemptFailure failure : {send_timeout, read_timeout}) {
    CHECK(outcome_of(failure, pooled, true).kind == Kind::timeout);
  }
  CHECK(outcome_of(invalid, pooled, true).kind == Kind::invalid);
  CHECK(outcome_of(local, fresh, false).kind == Kind::ours);
  CHECK(outcome_of(request_body, fresh, true).kind == Kind::ours);
}
