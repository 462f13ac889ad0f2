#include "proxy/retry_decision.h"

namespace weir {

using Kind = TryOutcome::Kind;
using conf::RetryConf;

TryOutcome outcome_of(AttemptFailure failure, const AttemptFacts& facts, bool sent) {
  const auto is = [&](Kind kind) { return TryOutcome{kind, sent}; };
  switch (failure) {
    case AttemptFailure::connect_refused:
    case AttemptFailure::connect_timeout:
    case AttemptFailure::tls: return is(Kind::unconnected);
    case AttemptFailure::send_timeout:
    case AttemptFailure::read_timeout: return is(Kind::timeout);
    case AttemptFailure::invalid: return is(Kind::invalid);
    case AttemptFailure::reset:
    case AttemptFailure::closed_early:
      return is(facts.reused && facts.bytes_received == 0 ? Kind::stale : Kind::error);
    case AttemptFailure::local:
    case AttemptFailure::request_body: return is(Kind::ours);
  }
  return is(Kind::ours);
}

std::uint32_t retry_bit(std::uint16_t status) {
  switch (status) {
    case 500: return RetryConf::http_500;
    case 502: return RetryConf::http_502;
    case 503: return RetryConf::http_503;
    case 504: return RetryConf::http_504;
    case 429: return RetryConf::http_429;
    case 403: return RetryConf::http_403;
    case 404: return RetryConf::http_404;
    default: return 0;
  }
}

namespace {

std::uint32_t bit_of(const TryOutcome& outcome) {
  switch (outcome.kind) {
    case Kind::stale:
    case Kind::error: return RetryConf::error;
    case Kind::timeout: return RetryConf::timeout;
    case Kind::invalid: return RetryConf::invalid;
    case Kind::answer: return retry_bit(outcome.status);
    case Kind::unconnected:
    case Kind::ours: return 0;
  }
  return 0;
}

}  // namespace

RetryVerdict decide_retry(const RetryQuestion& question, const RetryConf& conf) {
  using enum RetryVerdict;
  const TryOutcome& outcome = question.outcome;
  if (outcome.kind == Kind::ours || !question.body_at_hand) return give_up;
  if (outcome.kind == Kind::unconnected) return conf.is_off() ? give_up : pass_over;
  // The origin closed it as we took it: nobody saw the request, as far as anyone can tell, which is
  // why only an idempotent one is sent again unasked (RFC 9112 §9.3.1).
  if (outcome.kind == Kind::stale && question.idempotent && !question.replaced) return replace;
  const bool harmless =
      question.idempotent || !outcome.sent || (conf.on & RetryConf::non_idempotent) != 0;
  const bool wanted = (conf.on & bit_of(outcome)) != 0;
  return wanted && harmless && question.tries < conf.tries ? try_again : give_up;
}

}  // namespace weir
