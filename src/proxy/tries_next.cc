// Tries, second half: which try is the next one, and when; and the one beside a late one.
#include <algorithm>
#include <cassert>
#include <utility>

#include "proxy/tries.h"
#include "proxy/worker_context.h"

namespace weir {

using std::chrono::milliseconds;

bool Tries::prepare(RetryVerdict verdict) {
  timer_.cancel();
  waiting_ = Waiting::nothing;
  if (verdict == RetryVerdict::give_up || connect_time_left().count() <= 0) return false;
  if (verdict == RetryVerdict::pass_over) {
    next_ = picker_->next().in_flight;
    // The try that found this peer out is still to be made, if at one that was tried before.
    if (!next_ && tries_ > 0) next_ = picker_->next_or_again().in_flight;
    return static_cast<bool>(next_);
  }
  if (!group_->retry_budget().take(conf_->budget, clock::now())) {
    state_.context.counters.retries_denied.add();
    return false;
  }
  if (conf_->backoff.count() == 0) {
    next_ = picker_->next_or_again().in_flight;
    if (!next_) return false;
  }
  state_.context.counters.upstream_retries.add();
  return true;
}

void Tries::launch() {
  if (next_) return begin(std::move(next_), connect_time_left(), false);
  waiting_ = Waiting::for_backoff;
  timer_.arm(backoff());
}

// Twice as long before each further try, less up to a half, so that those that failed together do
// not come back together.
milliseconds Tries::backoff() const {
  constexpr milliseconds longest{60'000};
  const unsigned doublings = std::min(tries_ > 0 ? tries_ - 1 : 0, 16U);
  const milliseconds whole = std::min(conf_->backoff * (1 << doublings), longest);
  std::uint32_t hash = 2166136261U + tries_;  // FNV-1a of what is random anyway
  for (const char c : state_.request_id.text()) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  }
  return whole - whole * (hash >> 16) / 0x20000;
}

void Tries::on_timer() {
  const Waiting was = std::exchange(waiting_, Waiting::nothing);
  if (was == Waiting::for_hedge) return hedge();
  assert(was == Waiting::for_backoff);
  next_ = picker_->next_or_again().in_flight;
  if (!next_) return owner_.on_no_answer(last_status_);
  begin(std::move(next_), connect_time_left(), false);
}

// --- a second one beside the first

void Tries::arm_hedge() {
  const Method method = state_.request().method;
  if (hedged_ || (method != Method::get && method != Method::head)) return;
  if (state_.traits.framing.has_body() || !state_.traits.upgrade.empty()) return;
  const auto delay = group_->hedge_delay();
  if (!delay) return;
  waiting_ = Waiting::for_hedge;
  timer_.arm(*delay);
}

void Tries::hedge() {
  hedged_ = true;
  const milliseconds connect_time = connect_time_left();
  if (connect_time.count() <= 0) return;
  if (!group_->retry_budget().take(conf_->budget, clock::now())) {
    state_.context.counters.retries_denied.add();
    return;
  }
  InFlight second = picker_->next().in_flight;
  if (!second) return;
  state_.context.counters.upstream_hedges.add();
  begin(std::move(second), connect_time, false);
}

}  // namespace weir
