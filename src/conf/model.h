// The configuration as plain data: what one reading of the files means.
//
// Built by load(), which resolves names and checks everything that can be checked without binding
// a socket; nothing in it changes afterwards. It lives as long as its generation. Objects refer to
// each other by pointers into the same Config (never copied, never moved). Every value stands in a
// Setting and keeps its line, so that an upper room can say where a complaint comes from:
// config.place(setting.where).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "conf/cache_values.h"
#include "conf/coding_values.h"
#include "conf/upstream_values.h"
#include "conf/values.h"
#include "http/forwarded_set.h"
#include "http/limits.h"
#include "http/template.h"
#include "os/address.h"
#include "os/cidr.h"

namespace weir::conf {

struct MainConf {
  Setting<std::string> user;  // empty: weir where that account exists, else nobody
  Setting<bool> insecure_root_workers;
  Setting<AutoCount> worker_processes;      // auto: one per CPU it may run on; at most 64
  Setting<AutoCount> worker_connections;    // auto: computed from the limit on open files
  Setting<AutoCount> worker_rlimit_nofile;  // auto: the hard limit
  Setting<Affinity> worker_cpu_affinity;
  Setting<Duration> worker_shutdown_timeout;
  Setting<Duration> worker_stall_timeout;  // no heartbeat for so long: abort with a stack
  Setting<Duration> worker_rescue_delay;   // ... and siblings take its accept queue after this
  Setting<std::uint32_t> old_generations_max;
  Setting<Duration> drain_idle_timeout;  // idle keep-alive of a draining worker, at most
  Setting<Duration> reload_min_interval;
  Setting<AutoCount> ssl_handshakes_max;  // unfinished ones per worker; auto: a quarter of its
                                          // connections
  Setting<Duration> client_tcp_timeout;   // 0: the kernel's
  Setting<bool> daemon;
  Setting<OutputPath> pid;
  Setting<ErrorLog> error_log;
  Setting<OutputPath> state_path;
  Setting<Size> log_ring_size;                // per worker
  Setting<std::uint32_t> upstream_peers_max;  // of all upstreams
  Setting<ResolverConf> resolver;
  Setting<std::uint32_t> sticky_sessions_max;
  Setting<Size> buffer_pool_size;              // per worker, bound of all body buffers
  Setting<Size> compress_memory;               // per worker, of all coders
  Setting<std::uint32_t> compress_cached_cpu;  // per cent
  Setting<std::uint32_t> hit_memory;           // requests per worker whose hits are remembered
  Setting<Size> hit_file_memory;               // per worker, for answers that are sent uncopied
  Setting<Size> large_heads_size;  // per worker, bound of what heads hold beyond the usual
};

struct ListenConf {
  Address address;  // never Kind::none
  bool ssl = false;
  bool default_server = false;  // as written; the first server of an address is it otherwise
  std::uint32_t backlog = 511;
  bool ipv6only = true;       // of an IPv6 address
  std::uint32_t mode = 0660;  // of a Unix socket
  Where where;
  bool operator==(const ListenConf& other) const {  // equal in meaning, wherever it is written
    return address == other.address && ssl == other.ssl && default_server == other.default_server &&
           backlog == other.backlog && ipv6only == other.ipv6only && mode == other.mode;
  }
};

struct AdminConf {
  Where where;  // unknown: no [admin] section
  std::vector<ListenConf> listens;
};

struct LogFormat {
  enum class Kind : unsigned char { combined, json, custom };
  Kind kind = Kind::combined;
  Template custom;  // of a custom one
  bool operator==(const LogFormat&) const = default;
};

struct LogConf {
  std::string name;
  Where where;
  Setting<LogFile> path;
  Setting<LogFormat> format;
  Setting<LogEscape> escape;
  // The stream of the log rings that its lines go to. Given by the master before it forks (stream 0
  // is the error log), stable over reloads while the path is the same.
  std::uint16_t stream = 0;
};

// One address that an upstream sends requests to: a port of a range, an address of a name.
struct PeerConf {
  Address address;
  std::string host;  // as written: a name, an IP, or the path of a Unix socket
  PeerOptions options;
  Where where;
  bool operator==(const PeerConf& other) const {
    return address == other.address && host == other.host && options == other.options;
  }
};

struct ServerLine {  // `server =` of an upstream as written; its peers are in UpstreamConf
  std::string text;  // "127.0.0.1:8000-8009"
  std::string host;  // a name, an IP, or the path of a Unix socket
  std::uint16_t port_first = 0, port_last = 0;  // 0: a Unix socket
  bool is_name = false;                         // `host` must be resolved
  PeerOptions options;
  Where where;
  bool operator==(const ServerLine& other) const {
    return text == other.text && options == other.options;
  }
};

struct UpstreamConf {
  std::string name;
  Where where;
  std::vector<ServerLine> servers;
  std::vector<PeerConf> peers;  // in the order of the lines; may be empty (all names were dead)
  Setting<BalanceConf> balance;
  Setting<std::uint32_t> max_ejected;  // percent of a group that passive failures may leave out
  Setting<FailOn> fail_on;
  Setting<WhenAllDown> when_all_down;
  Setting<QueueConf> queue;
  Setting<HealthCheckConf> health_check;
  Setting<RetryConf> retry;
  Setting<Size> retry_body_max_size;  // of a request's body, kept to be sent again
  Setting<HedgeConf> hedge;
  Setting<StickyConf> sticky;
  std::vector<DiscoverConf> discover;
  Setting<bool> ssl;
  Setting<bool> ssl_verify;
  Setting<bool> ssl_insecure_skip_verify;
  Setting<std::string> ssl_name;  // to verify and to send as SNI; empty: the peer's host
  Setting<bool> ssl_server_name;  // send SNI (never for an IP)
  Setting<InputPath> ssl_trusted_certificate;  // empty: the system's
  Setting<InputPath> ssl_certificate;          // to show to the peer
  Setting<InputPath> ssl_certificate_key;      // empty: in the file of the certificate
  Setting<TlsProtocols> ssl_protocols;
  Setting<std::string> ssl_ciphers;
  Setting<bool> ssl_session_reuse;
  Setting<std::uint32_t> keepalive;  // idle connections kept per worker; 0: none
  Setting<std::uint32_t> keepalive_requests;
  Setting<Duration> keepalive_timeout;
  Setting<Duration> keepalive_time;

  bool verifies() const { return *ssl_verify && !*ssl_insecure_skip_verify; }
};

struct ApiKey {
  std::string name;
  std::array<std::uint8_t, 32> sha256{};
  Where where;
  bool operator==(const ApiKey& other) const {
    return name == other.name && sha256 == other.sha256;
  }
};

struct ApiKeysConf {
  std::string name;
  Where where;
  Setting<std::string> header;
  Setting<InputPath> file;
  std::vector<ApiKey> keys;  // those written here, then those of the file
};

struct CacheConf {
  std::string name;
  Where where;
  Setting<Size> size;                  // memory for stored answers
  Setting<std::uint32_t> max_entries;  // 0: as many as fit
  Setting<Size> max_object_size;       // fields and body of one answer
  Setting<Size> slice;                 // 0: off; what large answers are fetched and stored in
  Setting<CacheEviction> eviction;
  Setting<OptionalFolder> path;  // of the disk tier; off: memory alone
  Setting<Size> disk_size;
  Setting<StatusTtls> ttl;                       // where the answer itself does not say
  Setting<OptionalTime> default_ttl;             // ... nor `ttl`, nor its Last-Modified
  Setting<OptionalTime> stale_while_revalidate;  // these two: where the answer does not say
  Setting<OptionalTime> stale_if_error;
  Setting<CacheMethods> cache_methods;
  Setting<Size> post_body_max_size;  // of a POST whose body becomes part of the key
  Setting<FieldNames> key_headers;
  Setting<Conditions> bypass;    // such requests are not answered from what is stored
  Setting<Conditions> no_store;  // answers to such requests are not stored
  Setting<std::uint32_t> min_uses;
  Setting<bool> lock;
  Setting<Duration> lock_timeout;  // a request that waits for another's answer, at most
};

// Where a request must go to be for a location. nginx's order: exact, then the longest prefix, but
// a regex that matches (the first in file order) wins over a prefix.
struct PathMatch {
  enum class Kind : unsigned char { prefix, exact, regex };
  Kind kind = Kind::prefix;
  std::string text;
  bool operator==(const PathMatch&) const = default;
};

struct UpstreamRef {
  std::string name;                      // empty: none
  const UpstreamConf* target = nullptr;  // resolved when name is not empty
  bool operator==(const UpstreamRef& other) const { return name == other.name; }
};

struct CacheRef {
  std::string name;                   // empty: off
  const CacheConf* target = nullptr;  // resolved when name is not empty
  bool operator==(const CacheRef& other) const { return name == other.name; }
};

struct CacheKey {
  Template text;  // has variables, and no control byte
  bool operator==(const CacheKey&) const = default;
};

// `return = CODE [text | URL]`.
struct ReturnConf {
  int status = 0;  // 0: no return; 444: close without an answer, as nginx
  Template text;   // the Location of 301, 302, 303, 307, 308; else the body
  bool redirects() const {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
  }
  bool operator==(const ReturnConf&) const = default;
};

struct RewriteConf {
  enum class Flag : unsigned char { none, last, stop, redirect, permanent };  // stop: "break"
  std::string regex;
  Template replacement;  // $1..$9 are the captures
  Flag flag = Flag::none;
  Where where;
  bool operator==(const RewriteConf& other) const {
    return regex == other.regex && replacement == other.replacement && flag == other.flag;
  }
};

// set_header: to the upstream (an empty value: the field is not sent). add_header: to the client,
// with every status. remove_header: from the answer of the upstream; value unused.
struct HeaderEdit {
  std::string name;
  Template value;
  Where where;
  bool inherited = false;
  bool removes = false;  // a remove_header
  bool operator==(const HeaderEdit& other) const {
    return name == other.name && value == other.value;
  }
};

struct AuthRef {
  std::string name;
  const ApiKeysConf* api_keys = nullptr;  // resolved
  bool operator==(const AuthRef& other) const { return name == other.name; }
};

struct AccessLogs {
  std::vector<std::string> names;  // empty: off
  std::vector<const LogConf*> targets;
  bool operator==(const AccessLogs& other) const { return names == other.names; }
};

// What may stand in [defaults], [server] and [location], and is inherited in this order.
struct LocationConf {
  std::string name;  // of a [location]; empty in ServerConf::base
  Where where;
  Setting<std::string> server;  // of a [location]
  Setting<PathMatch> path;      // of a [location]

  Setting<UpstreamRef> upstream;
  Setting<ReturnConf> return_;
  std::vector<RewriteConf> rewrites;   // not inherited: those of a server run before its locations
                                       // are searched, those of a location after it was chosen
  Setting<std::vector<AuthRef>> auth;  // empty: off; else one of them must let the request pass
  Setting<ForwardedSet> forwarded_headers;  // those of weir's own that go upstream
  std::vector<HeaderEdit> set_headers, add_headers, remove_headers;  // the inherited ones first
  Setting<Size> client_max_body_size;                                // 0: no limit
  Setting<Duration> client_body_timeout;
  Setting<Duration> send_timeout;
  Setting<Duration> proxy_connect_timeout;
  Setting<Duration> proxy_read_timeout;
  Setting<Duration> proxy_send_timeout;
  Setting<Size> proxy_buffer_size_max;  // one direction of one exchange
  Setting<Size> proxy_header_max_size;  // head of an upstream's answer
  Setting<std::uint32_t> proxy_max_headers;
  Setting<Size> chunk_extensions_max_size;  // these three: bodies of requests (as the server has
  Setting<Size> trailers_max_size;          // them) and of answers
  Setting<std::uint32_t> max_trailers;
  Setting<CacheRef> cache;
  Setting<CacheKey> cache_key;
  Setting<std::vector<AuthRef>> purge;  // who may PURGE; empty: nobody
  Setting<CodingList> compress;
  Setting<MediaTypes> compress_types;
  Setting<Size> compress_min_length;
  Setting<bool> compress_secrets;
  Setting<CompressUpstream> compress_upstream;
  Setting<CodingLevels> compress_level;
  Setting<Size> compress_window;
  Setting<CachedLevels> compress_cached_level;
  Setting<std::uint32_t> compress_cached_uses;
  Setting<bool> decompress;
  Setting<Size> decompress_max_size;
  Setting<std::uint32_t> decompress_max_ratio;
  Setting<AccessLogs> access_log;
  Setting<bool> debug_headers;
  Setting<bool> server_tokens;
};

struct ServerName {
  bool wildcard = false;  // text is what follows the '*': ".example.com"
  std::string text;       // lower case
  Where where;
  bool operator==(const ServerName& other) const {
    return wildcard == other.wildcard && text == other.text;
  }
};

struct CertificateConf {
  bool automatic = false;  // `auto`: a self-signed pair under state_path
  InputPath certificate;
  InputPath key;  // may be the same file
  Where where;
  bool inherited = false;
  bool operator==(const CertificateConf& other) const {
    return automatic == other.automatic && certificate == other.certificate && key == other.key;
  }
};

struct CertificateKeyConf {  // as written; the n-th belongs to the n-th certificate
  InputPath path;
  Where where;
  bool inherited = false;
  bool operator==(const CertificateKeyConf& other) const { return path == other.path; }
};

struct ServerConf {
  std::string name;
  Where where;
  std::vector<ListenConf> listens;
  std::vector<ServerName> names;

  std::vector<CertificateConf> certificates;
  std::vector<CertificateKeyConf> certificate_keys;  // already in `certificates`
  Setting<TlsProtocols> ssl_protocols;
  Setting<std::string> ssl_ciphers;       // TLS 1.2, OpenSSL's syntax
  Setting<std::string> ssl_ciphersuites;  // TLS 1.3
  Setting<std::string> ssl_ecdh_curve;
  Setting<bool> ssl_prefer_server_ciphers;
  Setting<bool> ssl_session_tickets;
  Setting<Duration> ssl_session_timeout;
  Setting<Duration> ssl_handshake_timeout;

  Setting<Duration> client_header_timeout;  // the whole block, from its first byte
  Setting<Duration> keepalive_timeout;      // 0: no keep-alive
  Setting<std::uint32_t> keepalive_requests;
  Setting<Duration> lingering_time;
  Setting<Duration> lingering_timeout;
  Setting<Size> lingering_max_size;  // unread body that is read away to keep a connection
  Setting<Size> request_line_max_size;
  Setting<Size> client_header_max_size;  // the whole head
  Setting<std::uint32_t> max_headers;
  Setting<Underscores> underscores_in_headers;
  Setting<bool> merge_slashes;
  Setting<bool> reject_encoded_slash;
  Setting<std::vector<Cidr>> set_real_ip_from;
  Setting<std::string> real_ip_header;
  Setting<MinRate> client_min_rate;

  LocationConf base;  // for requests that no location matches
  std::vector<LocationConf> locations;
};

struct Config {
  std::vector<std::string> files;  // [0] is the main file; "-g" for the command line
  std::string prefix;              // absolute
  MainConf main;
  AdminConf admin;
  std::vector<LogConf> logs;
  std::vector<UpstreamConf> upstreams;
  std::vector<ApiKeysConf> api_keys;
  std::vector<CacheConf> caches;
  ServerConf defaults;  // [defaults] over the built-in defaults; a server starts as its copy
  std::vector<ServerConf> servers;

  Config() = default;
  Config(const Config&) = delete;
  Config& operator=(const Config&) = delete;
  ~Config() = default;

  std::string place(Where where) const;  // "file:line"; "built-in default" for an unknown place
};

}  // namespace weir::conf
