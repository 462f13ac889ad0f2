// The reading half of Attempt: from the transport's edge to heads, body and end of the answer.
#include "http/hop_by_hop.h"
#include "http/status.h"
#include "proxy/attempt.h"

namespace weir {

void Attempt::on_ready(Transport&, Ready) {
  if (writer_.blocked()) {
    writer_.send();
    ask_for_body();
    if (!live()) return;
    after_writing();
  }
  if (paused_) {
    wait_for_progress();
  } else {
    read_answer();
  }
}

void Attempt::resume() {
  if (!paused_ || !live()) return;
  paused_ = false;
  read_answer();
}

void Attempt::read_answer() {
  if (deferred_.scheduled()) return;  // the end is decided
  Transport& transport = lease_.transport();
  const std::uint64_t budget_end = reader_.bytes_received() + bytes_per_turn_max;
  for (;;) {
    Pass pass = digest();
    if (pass == Pass::more) {
      if (reader_.bytes_received() >= budget_end) {
        transport.again();  // others want their turn
        break;
      }
      const UpstreamReader::Filled filled = reader_.fill(transport);
      facts_.bytes_received = reader_.bytes_received();
      if (filled == UpstreamReader::Filled::bytes) continue;
      if (filled == UpstreamReader::Filled::again) break;
      if (filled == UpstreamReader::Filled::no_memory) {
        buffers_.wait(memory_);
        break;
      }
      pass = input_ended(filled == UpstreamReader::Filled::error);
      if (pass == Pass::next) continue;
    }
    if (pass == Pass::ended) return;
    break;
  }
  // One that is full holds nothing back, and asks for more by itself.
  if (sink_ != nullptr && !paused_) sink_->flush();
  if (live()) wait_for_progress();
}

Attempt::Pass Attempt::digest() {
  Pass pass = Pass::next;
  while (pass == Pass::next) pass = sink_ == nullptr ? take_head() : pass_body();
  return pass;
}

Attempt::Pass Attempt::take_head() {
  const auto text = reader_.find_head();
  if (!text) return fail(AttemptFailure::invalid, text.error());
  if (text->empty()) return Pass::more;
  const std::string_view kept = arena_.copy(*text);
  if (kept.empty()) {
    return fail(AttemptFailure::local, {Side::self, "no room for the head of the answer"});
  }
  reader_.drop_head();
  head_.clear();
  if (const auto parsed = parse_response_head(kept, limits_, head_); !parsed) {
    return fail(AttemptFailure::invalid, parsed.error());
  }
  const auto framing = response_framing(head_, request_.head.method, request_.upgrade);
  if (!framing) return fail(AttemptFailure::invalid, framing.error());
  const auto hop = take_hop_by_hop(head_);
  if (!hop) return fail(AttemptFailure::invalid, hop.error());
  if (head_.status == 101) return take_upgrade(hop->upgrade);
  if (is_informational(head_.status)) return take_informational();
  return take_final(*framing, wants_persistence(head_.version, *hop));
}

Attempt::Pass Attempt::take_informational() {
  if (++informational_ > informational_max) {
    return fail(AttemptFailure::invalid, {Side::upstream, "too many informational answers"});
  }
  if (head_.status != 100) {
    owner_.on_informational(*this, head_);
  } else if (!writer_.gate_open()) {
    open_gate();
  }  // a 100 that nobody waits for is dropped (RFC 9110 15.2)
  return live() ? Pass::next : Pass::ended;
}

Attempt::Pass Attempt::take_upgrade(std::string_view protocol) {
  if (!writer_.complete()) {
    return fail(AttemptFailure::invalid, {Side::upstream, "protocol switched inside the request"});
  }
  facts_.status = head_.status;
  facts_.header = clock::now();
  auto transport = lease_.detach();
  timer_.cancel();
  enter(Phase::upgraded);
  owner_.on_upgrade(*this, head_, protocol, std::move(transport), reader_.rest());
  return Pass::ended;
}

Attempt::Pass Attempt::take_final(const BodyFraming& framing, bool persistent) {
  if (framing.kind == BodyKind::tunnel) {
    return fail(AttemptFailure::invalid, {Side::upstream, "tunnel that was not asked for"});
  }
  facts_.status = head_.status;
  facts_.header = clock::now();
  persistent_ = persistent;
  if (!writer_.gate_open()) writer_.stop();  // the origin has decided without the body
  BodySink& sink = owner_.on_response(*this, head_, framing);
  if (!live()) return Pass::ended;
  sink_ = &sink;
  sink_->set_source(this);
  reader_.start_body(framing);
  return Pass::next;
}

Attempt::Pass Attempt::pass_body() {
  const auto passed = reader_.pass(*sink_);
  if (!live()) return Pass::ended;
  facts_.body_bytes = reader_.body_bytes();
  if (!passed) return cut_short(passed.error());
  switch (*passed) {
    case UpstreamReader::Passed::drained: return Pass::more;
    case UpstreamReader::Passed::full: paused_ = true; return Pass::pause;
    case UpstreamReader::Passed::done: return finish();
  }
  return Pass::pause;
}

// The origin has closed, or the connection broke. All that it had sent is digested.
Attempt::Pass Attempt::input_ended(bool broken) {
  if (sink_ == nullptr) {
    if (broken) return fail(AttemptFailure::reset, reader_.error());
    return fail(AttemptFailure::closed_early, {Side::upstream, "peer closed before the answer"});
  }
  if (broken) return cut_short(reader_.error());
  // Without close_notify anyone on the way may have cut the stream: not the end of a message.
  if (reader_.until_close() && !lease_.transport().eof_is_clean()) {
    return cut_short({Side::upstream, "TLS connection closed without close_notify"});
  }
  if (const auto ended = reader_.end_of_input(); !ended) return cut_short(ended.error());
  return Pass::next;
}

}  // namespace weir
