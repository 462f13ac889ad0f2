// [upstream]: a group of peers, how they are spoken to and how connections to them are kept.
#include "conf/directive.h"

namespace weir::conf {
namespace {

constexpr Directive rows[] = {
    list<&UpstreamConf::servers>(
        {.name = "server",
         .kinds = in_upstream,
         .syntax = "ADDRESS:PORT | ADDRESS:FIRST-LAST | NAME:PORT | unix:PATH [OPTION ...]",
         .doc =
             "A peer, or one for each port of a range or each address of a name. Port 80 "
             "without a word. Names are looked up when the configuration is read, for 5 s at "
             "most together; one that has no address then is a warning and gives no peer. May "
             "be repeated. Options: weight=N, its share of the requests (1); max_conns=N, its "
             "most requests in flight over all workers (0: no limit); max_fails=N "
             "fail_timeout=TIME, so many failures within that time leave it out for that time "
             "(1, 10s; max_fails=0: never); slow_start=TIME, in which it grows to its weight "
             "after it was down (0); backup, chosen only when no other can be; drain, it gets no "
             "new clients; down, it gets nothing.",
         .example = "127.0.0.1:8000-8009 weight=2"}),
    row<&UpstreamConf::balance>(
        {.name = "balance",
         .kinds = in_upstream,
         .syntax = "round_robin | least_conn | random two | hash key=TEXT [bounded_load=NUMBER] | "
                   "ip_hash | first | least_time | least_load",
         .fallback = "round_robin",
         .doc =
             "How the peer of a request is chosen. round_robin: each in turn, by weight, "
             "smoothly. least_conn: the one with the fewest requests in flight for its weight. "
             "random two: the less busy one of two drawn at random. hash: the one that the "
             "key, a text with variables, belongs to on a ring (ketama); when a peer leaves, "
             "only its keys move; with bounded_load=1.25 a peer takes at most 1.25 times the "
             "mean load, and what is more goes on to the next. ip_hash: the same by the "
             "client's address (of IPv4 its first three bytes). first: the first in the list "
             "that has room (max_conns). least_time: the one with the lowest latency (peak EWMA) "
             "times "
             "requests in flight. least_load: requests in flight by what is left of the peer, as "
             "it tells in the answers of its health checks. Requests in flight are those of all "
             "workers. A peer "
             "that can't be connected to is passed over for the next, each at most once.",
         .example = "hash key=$request_uri bounded_load=1.25",
         .nginx = "least_conn, hash, ip_hash, random"}),
    row<&UpstreamConf::keepalive>({.name = "keepalive",
                                   .kinds = in_upstream,
                                   .fallback = "32",
                                   .most = 100'000,
                                   .doc = "How many idle connections to this upstream each worker "
                                          "keeps for further requests. 0: none.",
                                   .example = "64"}),
    row<&UpstreamConf::keepalive_requests>({.name = "keepalive_requests",
                                            .kinds = in_upstream,
                                            .fallback = "1000",
                                            .least = 1,
                                            .doc = "After so many requests a connection is closed.",
                                            .example = "10000"}),
    row<&UpstreamConf::keepalive_timeout>({.name = "keepalive_timeout",
                                           .kinds = in_upstream,
                                           .fallback = "60s",
                                           .most = 24ULL * 3'600'000,
                                           .doc =
                                               "How long a connection may be idle. Keep it below "
                                               "the peers' own limit, so that they do not close a "
                                               "connection just as it is used.",
                                           .example = "4s"}),
    row<&UpstreamConf::keepalive_time>(
        {.name = "keepalive_time",
         .kinds = in_upstream,
         .fallback = "1h",
         .least = 1'000,
         .doc = "A connection older than this is closed after its request.",
         .example = "10m"}),
    row<&UpstreamConf::ssl>({.name = "ssl",
                             .kinds = in_upstream,
                             .fallback = "off",
                             .doc = "Speak TLS with the peers.",
                             .example = "on",
                             .nginx = "proxy_pass https://"}),
    row<&UpstreamConf::ssl_verify>({.name = "ssl_verify",
                                    .kinds = in_upstream,
                                    .fallback = "on",
                                    .doc = "A peer's certificate must be valid, for its name and "
                                           "by a trusted authority. off needs "
                                           "ssl_insecure_skip_verify = on beside it.",
                                    .example = "on",
                                    .nginx = "proxy_ssl_verify"}),
    row<&UpstreamConf::ssl_insecure_skip_verify>(
        {.name = "ssl_insecure_skip_verify",
         .kinds = in_upstream,
         .fallback = "off",
         .doc = "Take any certificate. Whoever is between weir and the peers can then read and "
                "change all traffic: "
                "for development only.",
         .example = "on"}),
    row<&UpstreamConf::ssl_name>({.name = "ssl_name",
                                  .kinds = in_upstream,
                                  .syntax = "NAME",
                                  .doc = "The name that a peer's certificate must be for, and that "
                                         "is sent as SNI. Without this line: the "
                                         "host of the server line.",
                                  .example = "origin.example.com",
                                  .nginx = "proxy_ssl_name"}),
    row<&UpstreamConf::ssl_server_name>(
        {.name = "ssl_server_name",
         .kinds = in_upstream,
         .fallback = "on",
         .doc = "Send the name in the handshake (SNI). Never done with an IP address.",
         .example = "off",
         .nginx = "proxy_ssl_server_name"}),
    row<&UpstreamConf::ssl_trusted_certificate>(
        {.name = "ssl_trusted_certificate",
         .kinds = in_upstream,
         .doc = "A PEM file with the authorities that peers are verified by. Without this line: "
                "those of the "
                "system.",
         .example = "tls/internal-ca.pem",
         .nginx = "proxy_ssl_trusted_certificate"}),
    row<&UpstreamConf::ssl_certificate>({.name = "ssl_certificate",
                                         .kinds = in_upstream,
                                         .doc = "A PEM file with the certificate that weir shows "
                                                "to peers that ask for one, and its chain.",
                                         .example = "tls/client.pem",
                                         .nginx = "proxy_ssl_certificate"}),
    row<&UpstreamConf::ssl_certificate_key>(
        {.name = "ssl_certificate_key",
         .kinds = in_upstream,
         .doc = "The key of ssl_certificate. Without this line: in the same file.",
         .example = "tls/client.key",
         .nginx = "proxy_ssl_certificate_key"}),
    row<&UpstreamConf::ssl_protocols>({.name = "ssl_protocols",
                                       .kinds = in_upstream,
                                       .fallback = "TLSv1.2 TLSv1.3",
                                       .doc = "The protocol versions that are spoken with peers.",
                                       .example = "TLSv1.3",
                                       .nginx = "proxy_ssl_protocols"}),
    row<&UpstreamConf::ssl_ciphers>(
        {.name = "ssl_ciphers",
         .kinds = in_upstream,
         .syntax = "LIST",
         .fallback = "DEFAULT",
         .doc = "The TLS 1.2 ciphers that are offered to peers, in OpenSSL's syntax.",
         .example = "ECDHE+AESGCM",
         .nginx = "proxy_ssl_ciphers"}),
    row<&UpstreamConf::ssl_session_reuse>(
        {.name = "ssl_session_reuse",
         .kinds = in_upstream,
         .fallback = "on",
         .doc = "Resume TLS sessions with peers, which saves most of a handshake.",
         .example = "off",
         .nginx = "proxy_ssl_session_reuse"}),
    row<&UpstreamConf::max_ejected>(
        {.name = "max_ejected",
         .kinds = in_upstream,
         .syntax = "PERCENT",
         .fallback = "50",
         .most = 100,
         .doc =
             "The share of the peers, in percent, that failures of requests (max_fails) may "
             "leave out at one time; one of several always, the last fit one never. Others stay: "
             "where most fail, the fault is hardly theirs.",
         .example = "30"}),
    row<&UpstreamConf::fail_on>(
        {.name = "fail_on",
         .kinds = in_upstream,
         .syntax = "FAILURE,...",
         .fallback = "error,timeout,invalid",
         .doc = "Which failures of requests count against a peer (max_fails): error, it can't be "
                "connected to or the connection breaks; timeout; invalid, its answer is none; "
                "http_500, http_502, http_503, http_504, http_5xx (these four), http_429, "
                "http_403, http_404, an answer with that status.",
         .example = "error,timeout,invalid,http_500",
         .nginx = "proxy_next_upstream"}),
    row<&UpstreamConf::when_all_down>(
        {.name = "when_all_down",
         .kinds = in_upstream,
         .fallback = "try",
         .doc = "What a request gets when no peer is fit. try: any peer that is not disabled, for "
                "health checks may be wrong about all. fail: 503 with Retry-After, at once.",
         .example = "fail"}),
    row<&UpstreamConf::sticky>(
        {.name = "sticky",
         .kinds = in_upstream,
         .syntax = "off | cookie NAME [OPTION ...] | header NAME | learn cookie|header NAME "
                   "[expires=TIME]",
         .fallback = "off",
         .doc = "How the requests of a client stay with a peer. cookie: weir gives a cookie of its "
                "own, whose value stands for the peer and can't be made or read without the key; "
                "options: expires=TIME (without: until the browser is closed), domain=NAME, "
                "path=PATH (/), httponly, secure, samesite=lax|strict|none; secret=FILE, at least "
                "32 bytes from which the key is made, the same for a fleet and after a restart "
                "(without: one of this instance, that lasts until it is stopped). header: "
                "requests with the same value in the field go to the same peer. learn: the "
                "session that a peer names in a cookie or a field of its answer goes back to it; "
                "forgotten after expires=TIME without a request (1h). A bound peer that is down "
                "is replaced; a drained one keeps its clients (not with header).",
         .example = "cookie srv_id expires=1h httponly secure samesite=lax",
         .nginx = "sticky"}),
    row<&UpstreamConf::queue>(
        {.name = "queue",
         .kinds = in_upstream,
         .syntax = "off | NUMBER [timeout=TIME]",
         .fallback = "off",
         .doc = "How many requests of each worker wait, first come first served, while every fit "
                "peer is at its max_conns. 503 with Retry-After for one that has waited for the "
                "timeout (60s), and at once for what finds the queue full.",
         .example = "100 timeout=2s",
         .nginx = "queue"}),
    row<&UpstreamConf::health_check>(
        {.name = "health_check",
         .kinds = in_upstream,
         .syntax = "off | [http | tcp | tls] [OPTION ...]",
         .fallback = "off",
         .doc =
             "Probe each peer, by one process for all workers. http (without a word, over TLS "
             "where "
             "ssl = on): a request, and an answer as expected; tcp: a connection; tls: a "
             "handshake. "
             "A peer is HEALTHY after `passes` probes in a row, UNREACHABLE after as many as "
             "`fails`, and NOT_INITIATED until it was HEALTHY once. Options: interval=TIME (5s) "
             "with jitter=PERCENT of it (10), slow_interval=TIME while the peer is down (as "
             "interval), timeout=TIME of a whole probe (1s), fails=N (3), passes=N (2), port=N "
             "instead of the peer's; agent_port=N, where HAProxy's agent-check answers. For http: "
             "uri=PATH (/), method=NAME (GET), host=NAME of the Host field (the peer's), "
             "header=\"NAME: VALUE\" (may be repeated), status=CODE,FIRST-LAST,... (200-399), "
             "body=TEXT that must be in the body, body_regex=REGEX that must match it, within "
             "the first body_max=SIZE (64k).",
         .example = "uri=/healthz interval=2s timeout=1s fails=3 passes=2",
         .nginx = "health_check, of the commercial version"}),
    list<&UpstreamConf::discover>(
        {.name = "discover",
         .kinds = in_upstream,
         .syntax = "file path=FILE [OPTION ...] | dns name=NAME port=PORT [OPTION ...] | "
                   "dns name=NAME srv [OPTION ...]",
         .doc =
             "Where further peers are found, while weir runs and without a reload. May be "
             "repeated, "
             "also beside server. file: one address a line, \"ADDRESS:PORT [weight=N] [backup]\", "
             "or a JSON list of such addresses or of objects with address, weight and backup; it "
             "is read again whenever it was written or renamed into place. dns: the A and AAAA "
             "records of NAME, asked again when they expire; srv: SRV records say names, ports, "
             "weights, and by a higher priority number who is a backup. What can't be read, is "
             "empty, or lacks half of the peers at once and is not confirmed by a second reading "
             "leaves the last good set in use; that is kept under state_path for a cold start. "
             "Options: port=N, of addresses that have none; of dns: resolver=ADDRESS[,ADDRESS], "
             "timeout=TIME of one question (2s), interval_min=TIME and interval_max=TIME, which an "
             "answer's time to live is kept within (1s, 5m); and weight, max_conns, max_fails, "
             "fail_timeout, slow_start and backup of each peer, as in server.",
         .example = "dns name=search.internal port=9200"}),
    row<&UpstreamConf::retry>(
        {.name = "retry",
         .kinds = in_upstream,
         .syntax = "off | connect | tries=N [OPTION ...]",
         .fallback = "connect",
         .doc =
             "When a request is tried again, at another peer while there is one. connect: a peer "
             "that can't be connected to is passed over for the next, each at most once; off: not "
             "even that. tries=N: besides, at most so many tries that a peer may have seen, for a "
             "method that is idempotent (GET, HEAD, OPTIONS, TRACE, PUT, DELETE) and as long as no "
             "byte of an answer went to the client and the request's body is still at hand "
             "(retry_body_max_size). Options: on=LIST, of what (error,timeout): error, the "
             "connection broke; timeout; invalid, no HTTP; http_500, http_502, http_503, http_504, "
             "http_5xx (these four), http_429, http_403, http_404, an answer with that status; "
             "non_idempotent, whatever the method. budget=N%, the share of the requests of the "
             "last 10 s that may be retries, over all workers, and always 10 a second (20%). "
             "backoff=TIME before the second try, doubled before each further one, with jitter "
             "(0). per_try_timeout=TIME until the head of the answer (0: proxy_read_timeout "
             "alone). A pooled connection that its peer had closed is replaced silently whatever "
             "stands here.",
         .example = "tries=3 on=error,timeout,http_503 budget=20% backoff=25ms",
         .nginx = "proxy_next_upstream, proxy_next_upstream_tries"}),
    row<&UpstreamConf::retry_body_max_size>(
        {.name = "retry_body_max_size",
         .kinds = in_upstream,
         .fallback = "64k",
         .most = std::uint64_t{64} << 20,
         .doc = "How much of a request's body is kept so that it can be sent again (retry). A "
                "request with more than that, or for which buffer_pool_size has no room, is not "
                "tried again. 0: none with a body is.",
         .example = "1m"}),
    row<&UpstreamConf::hedge>(
        {.name = "hedge",
         .kinds = in_upstream,
         .syntax = "off | after pN",
         .fallback = "off",
         .doc = "after p95: a GET or HEAD without a body that has no answer after the time within "
                "which 95 % of the answers of this upstream came is sent to a second peer too. The "
                "first answer is the one, the other request is cancelled. At most once a request, "
                "and out of the budget of retry.",
         .example = "after p95"}),
};

}  // namespace

Table upstream_directives() { return table_of(rows); }

}  // namespace weir::conf
