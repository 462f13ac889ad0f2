// The values of an upstream: its peers' options, how a peer is chosen, probed, tried again, kept to
// and found. Plain values; their text forms are in conf/value_upstream*.cc.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/siphash.h"
#include "conf/values.h"
#include "http/template.h"

namespace weir::conf {

// What may stand behind the address of a `server` line.
struct PeerOptions {
  std::uint32_t weight = 1;     // 1 to 65535
  std::uint32_t max_conns = 0;  // requests in flight, over all workers; 0: no limit
  std::uint32_t max_fails = 1;  // passive failures within fail_timeout that eject; 0: never
  Duration fail_timeout{10'000};
  Duration slow_start{};  // 0: at once
  bool backup = false;
  bool down = false;   // as `weirctl upstream disable`, by the file
  bool drain = false;  // as `weirctl upstream drain`, by the file
  bool operator==(const PeerOptions&) const = default;
};

enum class Balance : unsigned char {
  round_robin,
  least_conn,
  random,  // two
  least_time,
  hash,
  ip_hash,
  first,
  least_load,
};

struct BalanceConf {
  Balance kind = Balance::round_robin;
  Template key;                    // of hash
  std::uint32_t bounded_load = 0;  // of hash: percent of the mean load a peer takes; 0: no bound
  bool operator==(const BalanceConf&) const = default;
};

enum class WhenAllDown : unsigned char { attempt, fail };

struct QueueConf {
  std::uint32_t length = 0;  // per worker; 0: none waits
  Duration timeout{};
  bool operator==(const QueueConf&) const = default;
};

// Statuses, or classes of them.
struct StatusRange {
  std::uint16_t first = 200, last = 399;
  bool operator==(const StatusRange&) const = default;
};

struct HealthCheckConf {
  enum class Kind : unsigned char { off, http, tcp, tls };
  Kind kind = Kind::off;
  std::string uri = "/", method = "GET", host;  // host: of the Host field; empty: the peer's
  std::vector<std::string> headers;             // "Name: value"
  std::vector<StatusRange> status{{200, 399}};
  std::string body;          // must be in the body; empty: anything
  std::string body_regex;    // must match the body; empty: anything
  Size body_max{64 * 1024};  // so much of a body is looked at
  Duration interval{5'000}, timeout{1'000}, slow_interval{};  // slow: when down; 0: as interval
  std::uint32_t fails = 3, passes = 2;
  std::uint32_t jitter = 10;     // percent of the interval
  std::uint16_t port = 0;        // 0: the peer's
  std::uint16_t agent_port = 0;  // HAProxy's agent-check; 0: none
  bool operator==(const HealthCheckConf&) const = default;
};

struct RetryConf {
  // Of what a request is tried again. Bits.
  enum On : std::uint32_t {
    error = 1,    // refused, reset, closed, TLS
    timeout = 2,  // connecting, sending or reading took too long
    invalid = 4,  // an answer that is none
    http_500 = 8,
    http_502 = 16,
    http_503 = 32,
    http_504 = 64,
    http_429 = 128,
    http_403 = 256,
    http_404 = 512,
    non_idempotent = 1024,
  };
  static constexpr std::uint32_t http_5xx = http_500 | http_502 | http_503 | http_504;
  // Those that a peer may have seen. What could not be connected goes on to the next peer, each
  // once, and is none; 0: that alone. `off`: 1, and `on` is empty.
  std::uint32_t tries = 0;
  std::uint32_t on = error | timeout;
  std::uint32_t budget = 20;  // percent of the requests of the last 10 s
  Duration backoff{};         // before the second try; doubled before each further one, with jitter
  Duration per_try_timeout{};  // until the answer's head; 0: proxy_read_timeout alone
  bool is_off() const { return on == 0; }
  bool operator==(const RetryConf&) const = default;
};

// Which failures of requests count against a peer (max_fails): bits of RetryConf::On.
struct FailOn {
  std::uint32_t bits = RetryConf::error | RetryConf::timeout | RetryConf::invalid;
  bool operator==(const FailOn&) const = default;
};

struct HedgeConf {
  std::uint32_t percentile = 0;  // 0: off
  bool operator==(const HedgeConf&) const = default;
};

struct StickyConf {
  enum class Kind : unsigned char { off, cookie, header, learn };
  enum class SameSite : unsigned char { unsaid, lax, strict, none };
  Kind kind = Kind::off;
  std::string name;  // of the cookie or the field
  std::string domain, path = "/";
  Duration expires{};  // 0: the client's session
  bool http_only = false, secure = false;
  SameSite same_site = SameSite::unsaid;
  bool learn_header = false;  // of learn: the session is named in a field, not in a cookie
  InputPath secret_file;      // empty: a key of this instance
  SipKey secret{};            // made of that file
  bool operator==(const StickyConf&) const = default;
};

// As many as a peer's word can tell apart (shm::PeerWord::line).
inline constexpr std::size_t discover_lines_max = 254;

struct DiscoverConf {
  enum class Kind : unsigned char { file, dns, zookeeper };
  Kind kind = Kind::file;
  std::string path;  // of file: absolute
  std::string name;  // of dns
  bool srv = false;  // of dns: names and ports come from SRV records
  std::uint16_t port = 0;
  std::vector<std::string> resolvers;                   // of dns; empty: those of /etc/resolv.conf
  Duration interval_min{1'000}, interval_max{300'000};  // what a TTL is kept within
  Duration timeout{2'000};                              // of dns: of one question to one resolver
  PeerOptions options;                                  // of each peer
  Where where;
  bool operator==(const DiscoverConf& other) const {
    return kind == other.kind && path == other.path && name == other.name && srv == other.srv &&
           port == other.port && resolvers == other.resolvers &&
           interval_min == other.interval_min && interval_max == other.interval_max &&
           timeout == other.timeout && options == other.options;
  }
};

// `resolver` of [main]: the servers that discovery asks where a line names none of its own.
struct ResolverConf {
  std::vector<std::string> addresses;  // with a port; empty: those of /etc/resolv.conf
  Duration valid{};                    // instead of what answers say of themselves; 0: as they say
  bool operator==(const ResolverConf&) const = default;
};

}  // namespace weir::conf
