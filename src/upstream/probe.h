// Probe: one look at one peer: an HTTP exchange, a TCP connection, a TLS handshake, or the line of
// its agent. One connection, closed afterwards; one time limit for all of it.
//
//   connecting -> shaking hands? -> sending -> head -> body? -> over
//                              `-> the ticket? ----------------'
//
// After a handshake alone the server's ticket is waited for a little, so that the next handshake
// costs both sides a third: in TLS 1.3 it comes behind the handshake (RFC 8446 4.6.1).
//
// What comes is read by the same strict parser as any answer. Where the fault is ours (no
// descriptor, no port, no memory) the probe says nothing about the peer.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/regex.h"
#include "conf/model.h"
#include "event/timer.h"
#include "http/h1_body.h"
#include "http/h1_parser.h"
#include "net/dialer.h"
#include "net/transport.h"
#include "shm/peers.h"
#include "upstream/load_report.h"

namespace weir {

namespace tls {
class UpstreamContext;
}

// How the peers of a group are probed. Pinned; outlives the probes.
class ProbePlan {
 public:
  enum class Kind : std::uint8_t { http, tcp, tls, agent };

  // `tls` is null when the group does not speak TLS. `buffers` are for TLS alone.
  ProbePlan(Kind kind, const conf::UpstreamConf& upstream, tls::UpstreamContext* tls,
            BufferPool& buffers);
  ProbePlan& operator=(ProbePlan&&) = delete;

  Kind kind() const { return kind_; }
  const conf::HealthCheckConf& conf() const { return conf_; }
  tls::UpstreamContext* tls() const { return tls_; }
  BufferPool& buffers() const { return buffers_; }

  // Where a peer is probed, and by which Host.
  Address address_of(const Address& peer) const;
  std::string host_of(const Address& peer, std::string_view host) const;

  // The bytes of a request; empty when something in it can't be sent.
  std::string request(std::string_view host, std::string_view forwarded_for) const;
  bool expects(std::uint16_t status) const;
  bool looks_at_body() const { return !conf_.body.empty() || regex_; }
  // Empty: it is as it should be.
  std::string_view what_lacks(std::string_view body) const;

 private:
  Kind kind_;
  const conf::HealthCheckConf& conf_;
  tls::UpstreamContext* tls_;
  BufferPool& buffers_;
  std::optional<Regex> regex_;
};

struct ProbeResult {
  enum class Kind : std::uint8_t { passed, failed, local };
  Kind kind = Kind::local;
  std::string why;  // of failed and local
  std::optional<shm::PeerLoad> load;
  std::optional<AgentReport> agent;  // of the kind agent, when it passed
  std::chrono::nanoseconds took{};
};

class Probe final : private TransportOwner {
 public:
  // Whom it is about. Views that outlive the probe.
  struct Target {
    const Address& address;  // to connect to
    std::string_view host;   // of the peer, for SNI and verification
    std::string_view field;  // the value of Host
  };
  // Once, from the loop, never inside start(). The callback may destroy the probe only by
  // destroy_later().
  using Done = void (*)(void* owner, ProbeResult&& result);

  Probe(Loop& loop, const ProbePlan& plan, const Target& target, Done done, void* owner);
  Probe& operator=(Probe&&) = delete;
  void start();

 private:
  void dialled(std::unique_ptr<Socket> socket);
  void on_ready(Transport& transport, Ready ready) override;
  void connected();
  void go_on();
  bool send();
  bool receive();  // false: nothing more can be had now
  bool take_input();
  bool take_head();
  bool take_body();
  bool take_line(bool ended);
  bool lacks_ticket() const;
  void wait_for_ticket();
  void ended();  // by the peer
  void timed_out();
  void pass();
  void fail(std::string_view why);
  void finish(ProbeResult::Kind kind, std::string_view why);

  const ProbePlan& plan_;
  const Target target_;
  Done done_;
  void* owner_;
  Dialer dialer_;
  std::unique_ptr<Transport> transport_;
  Timer timer_;
  Deferred later_;  // for what start() already knows
  clock::Monotonic started_{};
  Limits limits_;
  std::string output_;
  std::size_t sent_ = 0;
  std::string input_, body_;
  HeadScan scan_{HeadKind::response};
  ResponseHead head_;
  BodyDecoder decoder_;
  ProbeResult result_;
  std::uint32_t interim_ = 0;
  bool in_body_ = false, over_ = false;
  bool waits_for_ticket_ = false;  // it has passed
};

}  // namespace weir
