#include "tools/echo/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cstring>

#include "base/clock.h"
#include "http/faults.h"
#include "http/framing.h"
#include "http/hop_by_hop.h"
#include "http/status.h"
#include "http/template.h"
#include "http/uri.h"
#include "tools/echo/server.h"

namespace weir::echo {
namespace {

constexpr std::size_t input_bytes = std::size_t{64} * 1024;
constexpr std::size_t pattern_bytes = std::size_t{256} * 1024;
constexpr int steps_per_turn_max = 64;  // then others have their turn
constexpr std::string_view continue_text = "HTTP/1.1 100 Continue\r\n\r\n";

// What --size bodies are made of: byte N of a body is letter N modulo 64 of this alphabet, so that
// a reader can check any part of it.
std::string_view pattern() {
  static const std::string text = [] {
    constexpr std::string_view alphabet =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+\n";
    static_assert(alphabet.size() == 64);
    std::string out;
    while (out.size() < pattern_bytes) out += alphabet;
    return out;
  }();
  return text;
}

}  // namespace

Session::Session(Server& server, std::unique_ptr<Transport> transport, const Address& local)
    : server_(server),
      transport_(std::move(transport)),
      local_(local),
      pause_(
          server.loop(), [](void* self) { static_cast<Session*>(self)->pause_is_over(); }, this),
      limit_(
          server.loop(), [](void* self) { static_cast<Session*>(self)->finish(false); }, this),
      in_(input_bytes) {}

Result<Ok> Session::start() {
  transport_->set_owner(this);
  limit_.arm(Server::client_limit);
  return transport_->start();
}

void Session::on_ready(Transport&, Ready) { run(); }

void Session::run() {
  for (int steps = 0; step(); ++steps) {
    if (steps == steps_per_turn_max && phase_ != Phase::over) {
      transport_->again();
      return;
    }
  }
}

bool Session::step() {
  switch (phase_) {
    case Phase::head: return read_head();
    case Phase::body: return read_body();
    case Phase::writing: return write_some();
    case Phase::waiting:
    case Phase::over: return false;
  }
  return false;
}

bool Session::read_more() {
  if (begin_ != 0) {
    std::memmove(in_.data(), in_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  assert(end_ < in_.size());  // a head is smaller, a body is decoded before more is read
  const Want want = phase_ == Phase::body ? Want::more : Want::any;
  const Io io = transport_->read({in_.data() + end_, in_.size() - end_}, want);
  switch (io.state) {
    case Io::State::bytes:
      end_ += io.bytes;
      limit_.arm(Server::client_limit);
      return true;
    case Io::State::again: return false;
    case Io::State::eof:
    case Io::State::error: finish(false); return false;
  }
  return false;
}

bool Session::read_head() {
  if (begin_ != end_) {
    const auto size = find_head_end(input(), scan_, server_.limits());
    if (!size) {
      started_ = clock::now();
      line_ = "-";
      refuse(size.error());
      return true;
    }
    if (*size != 0) {
      const auto head = input().substr(0, *size);
      begin_ += *size;  // its bytes stay where they are until more are read
      if (const auto done = begin_request(head); !done) refuse(done.error());
      return true;
    }
  }
  return read_more();
}

Result<Ok> Session::begin_request(std::string_view head_bytes) {
  const Options& options = server_.options();
  started_ = clock::now();
  arena_.reset();
  head_.clear();
  line_ = "-";
  const auto parsed = parse_request_head(head_bytes, server_.limits(), head_);
  if (!head_.line.empty()) line_ = head_.line;
  if (!parsed) return parsed.error();
  const auto framing = request_framing(head_);
  if (!framing) return framing.error();
  if (const auto done = resolve_target(head_, {}, arena_); !done) return done.error();

  behaviour_ = options.behaviour;
  const Field* const steering = options.steer ? head_.fields.find("X-Echo") : nullptr;
  if (steering != nullptr) {
    if (const auto done = steer(steering->value, behaviour_); !done) return done.error();
  }
  described_ = describe_head(head_);
  is_head_ = head_.method == Method::head;
  http_1_0_ = head_.version == Version::http_1_0;
  health_ = head_.raw_path == "/health";
  body_is_json_ = is_json_type(head_.fields.value(FieldId::content_type));
  const bool forwarded = head_.fields.find("X-Forwarded-For") != nullptr;
  const auto expected = expectation(head_, framing->has_body());
  if (expected == Expectation::unsupported) return client_fault(Fault::expectation_failed);
  continue_due_ = expected == Expectation::continue_100;
  interim_ = continue_text;
  const auto hop = take_hop_by_hop(head_);
  if (!hop) return hop.error();
  persists_ = wants_persistence(head_.version, *hop);

  decoder_.start(*framing, server_.limits(), Side::client);
  body_.start();
  const bool welcome = options.open || (transport_->peer().is_loopback() && (forwarded || health_));
  if (!welcome || behaviour_.early) {
    persists_ = persists_ && !framing->has_body();  // the body is not read
    welcome ? request_complete() : forbid();
  } else if (framing->has_body()) {
    phase_ = Phase::body;
  } else {
    request_complete();
  }
  return Ok{};
}

bool Session::read_body() {
  if (begin_ == end_) return (!continue_due_ || send_continue()) && read_more();
  continue_due_ = false;  // it did not wait for the 100
  const auto step = decoder_.decode(input());
  if (!step) {
    refuse(step.error());
    return true;
  }
  body_.add(step->payload);
  begin_ += step->consumed;
  if (decoder_.done()) request_complete();
  return true;
}

bool Session::send_continue() {
  while (!interim_.empty()) {
    const Io io = transport_->write(interim_);
    if (io.state == Io::State::error) finish(false);
    if (io.state != Io::State::bytes) return false;
    interim_.remove_prefix(io.bytes);
  }
  transport_->flush();
  continue_due_ = false;
  return true;
}

void Session::request_complete() {
  if (behaviour_.delay.count() == 0) return decide();
  phase_ = Phase::waiting;
  answering_ = false;
  limit_.cancel();
  pause_.arm(behaviour_.delay);
}

void Session::pause_is_over() {
  if (answering_) {
    next_burst();
  } else {
    decide();
  }
  run();
}

void Session::decide() {
  const Options& options = server_.options();
  if (health_) {
    answer_json(options.health_status, "health", false);
  } else if (server_.error_is_due()) {
    answer_json(500, "an error, as asked for", true);
  } else if (behaviour_.sized) {
    content_.clear();
    status_ = behaviour_.status;
    body_size_ = behaviour_.size;
    begin_answer("application/octet-stream");
  } else {
    answer_json(behaviour_.status, "hello from weir-echo", true);
  }
}

void Session::forbid() {
  answer_json(403, "only for requests that a proxy on this machine forwards", false);
}

void Session::refuse(const Error& error) {
  persists_ = http_1_0_ = is_head_ = false;
  behaviour_ = Behaviour{};
  answer_json(status_of(error), error.what, false);
}

void Session::answer_json(std::uint16_t status, std::string_view message, bool tell_request) {
  AnswerParts parts;
  parts.status = status;
  parts.message = message;
  if (tell_request) {
    parts.head = described_;
    parts.body = &body_;
    parts.body_is_json = body_is_json_;
    parts.tls = transport_->tls();
    parts.port = server_.options().debug ? local_.port() : std::uint16_t{0};
  }
  content_ = json_answer(parts);
  status_ = status;
  body_size_ = content_.size();
  begin_answer("application/json");
}

void Session::begin_answer(std::string_view content_type) {
  Outgoing outgoing;
  outgoing.date = server_.date();
  outgoing.server = "weir-echo";
  if (is_head_ || forbids_body(status_)) {
    if (is_head_ && !behaviour_.chunked) outgoing.framing.stated = body_size_;
    body_size_ = 0;
  } else if (behaviour_.chunked) {
    outgoing.framing.kind = http_1_0_ ? BodyKind::until_close : BodyKind::chunked;
  } else {
    outgoing.framing.kind = BodyKind::length;
    outgoing.framing.length = body_size_;
  }
  framing_ = outgoing.framing.kind;
  persists_ = persists_ && !behaviour_.close && framing_ != BodyKind::until_close &&
              behaviour_.cut == Behaviour::never;
  if (!persists_) {
    outgoing.persistence = Persistence::close;
  } else if (http_1_0_) {
    outgoing.persistence = Persistence::keep_alive;
  }

  ResponseHead head;
  head.status = status_;
  head.reason = reason_phrase(status_);
  head.fields.add(FieldId::content_type, content_type);
  if (!behaviour_.cache_control.empty()) {
    head.fields.add("Cache-Control", behaviour_.cache_control);
  }
  for (const auto& [name, value] : behaviour_.fields) head.fields.add(name, value);
  head_out_.resize(response_head_bytes(head, outgoing));
  const auto written = write_response_head(head, outgoing, head_out_);
  assert(written);  // every text in it was checked when it was read
  head_out_.resize(*written);

  phase_ = Phase::writing;
  answering_ = true;
  body_sent_ = 0;
  next_burst();
  burst_[0] = head_out_;  // with the first bytes of the body
}

// The next piece of the body with its framing; body_sent_ counts it from now on.
void Session::next_burst() {
  const std::uint64_t left = std::min(body_size_, behaviour_.cut) - body_sent_;
  std::uint64_t size = std::min<std::uint64_t>(left, pattern_bytes);
  if (behaviour_.drip_bytes != 0) size = std::min(size, behaviour_.drip_bytes);
  if (!content_.empty()) {
    burst_[2] = std::string_view(content_).substr(body_sent_, size);
  } else {
    burst_[2] = pattern().substr(body_sent_ % pattern_bytes, size);
  }
  body_sent_ += burst_[2].size();

  const bool complete = body_sent_ == body_size_;
  burst_[0] = burst_[1] = burst_[3] = {};
  if (framing_ == BodyKind::chunked && !burst_[2].empty()) {
    chunk_head_ = ChunkHead(burst_[2].size()).text();
    burst_[1] = chunk_head_;
    burst_[3] = complete ? "\r\n0\r\n\r\n" : crlf;
  } else if (framing_ == BodyKind::chunked && complete) {
    burst_[3] = last_chunk;
  }
  last_burst_ = complete || body_sent_ >= behaviour_.cut;
  phase_ = Phase::writing;
  limit_.arm(Server::client_limit);
}

bool Session::write_some() {
  std::array<iovec, 4> pieces{};
  std::size_t count = 0;
  for (const auto part : burst_) {
    if (!part.empty()) pieces[count++] = {const_cast<char*>(part.data()), part.size()};
  }
  if (count != 0) {
    const Io io = transport_->write(std::span<const iovec>(pieces.data(), count));
    if (io.state == Io::State::error) finish(false);
    if (io.state != Io::State::bytes) return false;
    limit_.arm(Server::client_limit);
    std::size_t taken = io.bytes;
    for (auto& part : burst_) {
      const std::size_t of_part = std::min(taken, part.size());
      part.remove_prefix(of_part);
      taken -= of_part;
    }
    return true;
  }
  if (last_burst_) {
    answer_complete();
  } else if (behaviour_.drip_bytes != 0) {
    transport_->flush();
    phase_ = Phase::waiting;
    limit_.cancel();
    pause_.arm(behaviour_.drip_every);
  } else {
    next_burst();
  }
  return true;
}

void Session::answer_complete() {
  transport_->flush();
  if (server_.options().log) {
    std::string line;
    append_escaped(line_, Escape::log, line);
    const std::chrono::duration<double, std::milli> took = clock::now() - started_;
    server_.log_line(fmt::format("{} \"{}\" {} {} {} {:.0f}ms", local_.to_string(), line, status_,
                                 body_.size(), body_sent_, took.count()));
  }
  const bool was_cut = body_sent_ < body_size_;
  if (!persists_) return finish(!was_cut);
  scan_ = HeadScan{};
  phase_ = Phase::head;
}

void Session::finish(bool linger) {
  phase_ = Phase::over;
  pause_.cancel();
  limit_.cancel();
  server_.over(*this, linger);
}

}  // namespace weir::echo
