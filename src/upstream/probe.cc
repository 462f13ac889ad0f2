#include "upstream/probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/version.h"
#include "http/h1_writer.h"
#include "http/syntax.h"
#include "net/plain_transport.h"
#include "tls/upstream_context.h"

namespace weir {
namespace {

constexpr std::uint32_t interim_max = 8;  // 1xx before the answer
constexpr std::chrono::milliseconds ticket_wait_max{200};

bool is_local(const Dialer& dialer, const Address& to) {
  // connect(2): EAGAIN of TCP is that no local port is free; of a Unix socket, its queue is full.
  return dialer.error().side == Side::self || (dialer.error_number() == EAGAIN && to.is_ip());
}

}  // namespace

ProbePlan::ProbePlan(Kind kind, const conf::UpstreamConf& upstream, tls::UpstreamContext* tls,
                     BufferPool& buffers)
    : kind_(kind), conf_(*upstream.health_check), tls_(tls), buffers_(buffers) {
  assert((tls_ != nullptr) == (*upstream.ssl && (kind == Kind::http || kind == Kind::tls)));
  if (conf_.body_regex.empty()) return;
  std::string message;
  auto regex = Regex::compile(conf_.body_regex, message);
  assert(regex);  // the configuration was checked
  regex_.emplace(std::move(*regex));
}

Address ProbePlan::address_of(const Address& peer) const {
  Address out = peer;
  const std::uint16_t port = kind_ == Kind::agent ? conf_.agent_port : conf_.port;
  if (port != 0 && out.is_ip()) out.set_port(port);
  return out;
}

std::string ProbePlan::host_of(const Address& peer, std::string_view host) const {
  if (!conf_.host.empty()) return conf_.host;
  if (!peer.is_ip()) return "localhost";
  const bool ipv6 = host.find(':') != std::string_view::npos;
  const std::string name = ipv6 ? fmt::format("[{}]", host) : std::string(host);
  const std::uint16_t usual = tls_ != nullptr ? 443 : 80;
  const std::uint16_t port = conf_.port != 0 ? conf_.port : peer.port();
  return port == usual ? name : fmt::format("{}:{}", name, port);
}

std::string ProbePlan::request(std::string_view host, std::string_view forwarded_for) const {
  static const std::string agent = fmt::format("weir/{} health check", version);
  RequestHead head;
  head.method = parse_method(conf_.method);
  head.method_text = conf_.method;
  head.fields.add(FieldId::host, host);
  head.fields.add("User-Agent", agent);
  head.fields.add("X-Forwarded-For", forwarded_for);
  head.fields.add("Accept", "*/*");
  for (const std::string& header : conf_.headers) {
    const std::string_view text = header;
    const std::size_t colon = text.find(':');
    head.fields.set(text.substr(0, colon), text.substr(std::min(colon + 2, text.size())));
  }
  Outgoing outgoing;
  outgoing.persistence = Persistence::close;
  const bool has_body =
      head.method == Method::post || head.method == Method::put || head.method == Method::patch;
  if (has_body) outgoing.framing = {BodyKind::length, 0};
  std::string out(request_head_bytes(head, conf_.uri, outgoing), '\0');
  const auto written = write_request_head(head, conf_.uri, outgoing, out);
  out.resize(written ? *written : 0);
  return out;
}

bool ProbePlan::expects(std::uint16_t status) const {
  return std::any_of(conf_.status.begin(), conf_.status.end(), [status](const auto& range) {
    return status >= range.first && status <= range.last;
  });
}

std::string_view ProbePlan::what_lacks(std::string_view body) const {
  if (!conf_.body.empty() && body.find(conf_.body) == body.npos) {
    return "the body does not have the text";
  }
  if (!regex_) return {};
  Captures captures;
  const auto matched = regex_->match(body, captures);
  if (!matched) return matched.error().what;
  return *matched ? "" : "the body does not match";
}

Probe::Probe(Loop& loop, const ProbePlan& plan, const Target& target, Done done, void* owner)
    : plan_(plan),
      target_(target),
      done_(done),
      owner_(owner),
      dialer_(
          loop,
          [](void* self, std::unique_ptr<Socket> socket) {
            static_cast<Probe*>(self)->dialled(std::move(socket));
          },
          this),
      timer_(
          loop, [](void* self) { static_cast<Probe*>(self)->timed_out(); }, this),
      later_(
          loop,
          [](void* self) {
            auto& probe = *static_cast<Probe*>(self);
            probe.dialled(probe.dialer_.take_socket());
          },
          this) {}

void Probe::start() {
  started_ = clock::now();
  timer_.arm(plan_.conf().timeout);
  switch (dialer_.connect(target_.address)) {
    case Dialer::Started::waiting: return;
    case Dialer::Started::connected:
    case Dialer::Started::failed: later_.schedule(); return;
  }
}

void Probe::dialled(std::unique_ptr<Socket> socket) {
  if (socket == nullptr) {
    const bool local = is_local(dialer_, target_.address);
    return finish(local ? ProbeResult::Kind::local : ProbeResult::Kind::failed,
                  dialer_.error().what);
  }
  if (plan_.tls() != nullptr) {
    transport_ =
        plan_.tls()->connect(std::move(socket), target_.address, target_.host, plan_.buffers());
    if (transport_ == nullptr) return finish(ProbeResult::Kind::local, "out of memory");
  } else {
    transport_ = std::make_unique<PlainTransport>(std::move(socket), target_.address);
  }
  transport_->set_owner(this);
  if (const auto begun = transport_->start(); !begun) {
    return finish(ProbeResult::Kind::local, begun.error().what);
  }
  if (transport_->established()) connected();
}

void Probe::on_ready(Transport& transport, Ready) {
  if (over_) return;
  if (!transport.established()) {
    std::array<char, 1> nothing;
    const Io io = transport.read(nothing);
    if (io.state == Io::State::again) return;
    return fail(io.state == Io::State::error ? io.error.what : "closed in the TLS handshake");
  }
  if (waits_for_ticket_) return wait_for_ticket();
  if (output_.empty() && sent_ == 0) return connected();
  go_on();
}

// Also of a handshake that used the last one: a ticket is good for one (RFC 8446 C.4).
bool Probe::lacks_ticket() const {
  const tls::UpstreamContext* const tls = plan_.tls();
  return tls != nullptr && tls->reuses_sessions() && transport_->tls()->protocol == "TLSv1.3";
}

// Read it comes by the way; what else comes, an end or an error, is of no interest any more. Our
// own end is said at once: then a server that has no ticket for us does not keep us waiting.
void Probe::wait_for_ticket() {
  if (!waits_for_ticket_) {
    waits_for_ticket_ = true;
    result_.took = clock::now() - started_;
    timer_.arm(std::min<std::chrono::milliseconds>(plan_.conf().timeout, ticket_wait_max));
    transport_->shutdown_write();
  }
  std::array<char, 1024> nothing;
  const std::size_t before = plan_.tls()->sessions_kept();
  const Io io = transport_->read(nothing, Want::more);
  if (io.state != Io::State::again || plan_.tls()->sessions_kept() != before) pass();
}

void Probe::connected() {
  switch (plan_.kind()) {
    case ProbePlan::Kind::tcp: return pass();
    case ProbePlan::Kind::tls: return lacks_ticket() ? wait_for_ticket() : pass();
    case ProbePlan::Kind::agent:
      sent_ = 1;  // it speaks by itself
      return go_on();
    case ProbePlan::Kind::http: break;
  }
  std::array<char, 46> text;
  const Address& local = transport_->local();
  const std::string_view own =
      local.is_ip() ? local.format_ip(text.data(), text.size()) : std::string_view("127.0.0.1");
  output_ = plan_.request(target_.field, own);
  if (output_.empty()) return finish(ProbeResult::Kind::local, "the request can't be written");
  go_on();
}

void Probe::go_on() {
  if (!send()) return;
  while (!over_ && receive()) {
  }
}

// False: it is over.
bool Probe::send() {
  while (sent_ < output_.size()) {
    const Io io = transport_->write(std::string_view(output_).substr(sent_));
    if (io.state == Io::State::again) break;  // an early answer is read all the same
    if (io.state != Io::State::bytes) {
      fail(io.error.what);
      return false;
    }
    sent_ += io.bytes;
  }
  transport_->flush();
  return true;
}

bool Probe::receive() {
  std::array<char, 8192> room;
  const Io io = transport_->read(room, Want::more);
  switch (io.state) {
    case Io::State::again: return false;
    case Io::State::error: fail(io.error.what); return false;
    case Io::State::eof: ended(); return false;
    case Io::State::bytes: break;
  }
  input_.append(room.data(), io.bytes);
  return take_input();
}

bool Probe::take_input() {
  if (plan_.kind() == ProbePlan::Kind::agent) return take_line(false);
  if (!in_body_ && !take_head()) return !over_;
  return in_body_ && !over_ ? take_body() : !over_;
}

// True: the body may begin.
bool Probe::take_head() {
  for (;;) {
    const auto size = find_head_end(input_, scan_, limits_);
    if (!size) {
      fail(size.error().what);
      return false;
    }
    if (*size == 0) return false;
    const auto parsed =
        parse_response_head(std::string_view(input_).substr(0, *size), limits_, head_);
    const auto framing = parsed ? response_framing(head_, parse_method(plan_.conf().method))
                                : Result<BodyFraming>(parsed.error());
    if (!framing) {
      fail(framing.error().what);
      return false;
    }
    if (head_.status < 200) {
      if (++interim_ > interim_max) {
        fail("too many interim answers");
        return false;
      }
      input_.erase(0, *size);
      scan_ = HeadScan{HeadKind::response};
      continue;
    }
    if (const Field* load = head_.fields.find("X-Load")) result_.load = parse_x_load(load->value);
    if (const Field* load = head_.fields.find("endpoint-load-metrics"); load && !result_.load) {
      result_.load = parse_orca(load->value);
    }
    if (!plan_.expects(head_.status)) {
      fail(fmt::format("status {}", head_.status));
      return false;
    }
    if (!plan_.looks_at_body()) {
      pass();
      return false;
    }
    in_body_ = true;
    decoder_.start(*framing, limits_, Side::upstream);
    input_.erase(0, *size);
    return true;
  }
}

bool Probe::take_body() {
  std::string_view rest = input_;
  const std::size_t most = static_cast<std::size_t>(plan_.conf().body_max.bytes);
  while (!rest.empty() && !decoder_.done() && body_.size() < most) {
    const auto step = decoder_.decode(rest);
    if (!step) {
      fail(step.error().what);
      return false;
    }
    body_.append(step->payload.substr(0, most - body_.size()));
    rest.remove_prefix(step->consumed);
  }
  input_.clear();
  if (!decoder_.done() && body_.size() < most) return true;
  const std::string_view lacks = plan_.what_lacks(body_);
  if (lacks.empty()) {
    pass();
  } else {
    fail(lacks);
  }
  return false;
}

bool Probe::take_line(bool ended) {
  const std::size_t end = input_.find_first_of("\r\n");
  if (end == input_.npos && !ended && input_.size() <= agent_line_bytes_max) return true;
  result_.agent = parse_agent_line(std::string_view(input_).substr(0, end));
  if (result_.agent) {
    pass();
  } else {
    fail("the agent's line is malformed");
  }
  return false;
}

void Probe::ended() {
  if (plan_.kind() == ProbePlan::Kind::agent && !input_.empty()) {
    take_line(true);
    return;
  }
  if (!in_body_) return fail("closed before an answer");
  if (const auto end = decoder_.end_of_input(); !end) return fail(end.error().what);
  take_body();
}

void Probe::timed_out() {
  if (waits_for_ticket_) return pass();
  const char* const what = transport_ == nullptr         ? "connect timed out"
                           : !transport_->established()  ? "the TLS handshake timed out"
                           : in_body_ || !input_.empty() ? "the answer was not complete in time"
                                                         : "no answer in time";
  fail(what);
}

void Probe::pass() { finish(ProbeResult::Kind::passed, {}); }
void Probe::fail(std::string_view why) { finish(ProbeResult::Kind::failed, why); }

void Probe::finish(ProbeResult::Kind kind, std::string_view why) {
  if (over_) return;
  over_ = true;
  timer_.cancel();
  later_.cancel();
  dialer_.cancel();
  if (transport_ != nullptr) {
    transport_->set_owner(nullptr);
    // close_notify; on a plain socket close() says the same.
    if (transport_->is_tls() && !transport_->closed()) transport_->shutdown_write();
  }
  result_.kind = kind;
  result_.why = why;
  if (!waits_for_ticket_) result_.took = clock::now() - started_;
  done_(owner_, std::move(result_));
}

}  // namespace weir
