// [main]: the processes, their limits, and where things are kept.
#include "conf/directive.h"

namespace weir::conf {
namespace {

using enum Reload;

constexpr Directive processes[] = {
    row<&MainConf::user>(
        {.name = "user",
         .kinds = in_main,
         .syntax = "NAME",
         .doc =
             "The account of workers, housekeeper and logger. Without this line: weir where that "
             "account exists, else nobody. Ignored, with a warning, when weir is started without "
             "root.",
         .example = "weir"}),
    row<&MainConf::insecure_root_workers>(
        {.name = "insecure_root_workers",
         .kinds = in_main,
         .fallback = "off",
         .doc = "Lets workers keep root when user is root. Whoever breaks into a worker then has "
                "the machine.",
         .example = "off"}),
    row<&MainConf::worker_processes>(
        {.name = "worker_processes",
         .kinds = in_main,
         .fallback = "auto",
         .most = 64,
         .doc = "How many workers serve traffic. auto: one for each CPU that weir may run on.",
         .example = "4"}),
    row<&MainConf::worker_connections>(
        {.name = "worker_connections",
         .kinds = in_main,
         .fallback = "auto",
         .least = 16,
         .most = 1'000'000,
         .doc = "The most client connections of one worker. Each may have one more to an upstream, "
                "and needs a descriptor for that too. auto: what the limit on open files allows. "
                "Near the limit a worker closes idle connections, then those that send a head "
                "slowly; when all are busy it stops accepting, and newcomers wait in the kernel's "
                "queue.",
         .example = "8192"}),
    row<&MainConf::worker_rlimit_nofile>(
        {.name = "worker_rlimit_nofile",
         .kinds = in_main,
         .fallback = "auto",
         .least = 128,
         .most = 1U << 30,
         .doc = "The limit on open files (RLIMIT_NOFILE) of a worker. auto: the hard limit weir "
                "was started with.",
         .example = "65536"}),
    row<&MainConf::worker_cpu_affinity>({.name = "worker_cpu_affinity",
                                         .kinds = in_main,
                                         .syntax = "auto | off",
                                         .fallback = "off",
                                         .doc = "auto binds each worker to one CPU, in turn. Good "
                                                "for a machine that does nothing else.",
                                         .example = "auto"}),
    row<&MainConf::ssl_handshakes_max>({.name = "ssl_handshakes_max",
                                        .kinds = in_main,
                                        .fallback = "auto",
                                        .most = 1'000'000,
                                        .doc = "The most TLS handshakes of clients that one worker "
                                               "has unfinished. Beyond it the oldest is "
                                               "dropped. auto: a quarter of its connections.",
                                        .example = "1000"}),
    row<&MainConf::client_tcp_timeout>(
        {.name = "client_tcp_timeout",
         .kinds = in_main,
         .fallback = "45s",
         .most = 24ULL * 3'600'000,
         .doc =
             "How long a client may leave what it was sent unacknowledged (TCP_USER_TIMEOUT), or "
             "probes of a silent connection unanswered (keepalive probes begin after half of "
             "it). Then it has vanished, and its connection is dropped. A client that reads "
             "nothing for so long is dropped too. 0: the kernel's own rules, by which that can "
             "take hours.",
         .example = "20s",
         .nginx = "listen ... so_keepalive"}),
    row<&MainConf::buffer_pool_size>({.name = "buffer_pool_size",
                                      .kinds = in_main,
                                      .fallback = "256m",
                                      .least = std::uint64_t{1} << 20,
                                      .most = std::uint64_t{1} << 40,
                                      .doc = "The most memory that one worker spends on buffers "
                                             "for bodies in transit. When it is used up, "
                                             "exchanges wait for one another instead of growing.",
                                      .example = "512m"}),
    row<&MainConf::hit_memory>(
        {.name = "hit_memory",
         .kinds = in_main,
         .fallback = "1024",
         .most = 1'000'000,
         .doc = "How many requests each worker remembers that it answered from a cache, byte for "
                "byte, up to 4k each. One that comes again is not read again: only the store is "
                "asked, for the same answer. Answers up to 256k, and only where nothing but the "
                "request decides: without api_keys, access_log and rewrite, and with "
                "variables in cache_key, bypass and add_header that the request tells. "
                "0: none.",
         .example = "8192"}),
    row<&MainConf::hit_file_memory>(
        {.name = "hit_file_memory",
         .kinds = in_main,
         .fallback = "16m",
         .most = std::uint64_t{1} << 40,
         .doc = "The most memory in which each worker holds answers of 32k to 1m that are asked "
                "for many times a second once more, beside the cache: in files in memory that "
                "nobody can change, from which the kernel sends without copying. Up to 64 of "
                "them, where hit_memory serves, not over TLS. 0: none.",
         .example = "64m"}),
    row<&MainConf::large_heads_size>(
        {.name = "large_heads_size",
         .kinds = in_main,
         .fallback = "64m",
         .least = std::uint64_t{1} << 20,
         .most = std::uint64_t{1} << 40,
         .doc =
             "The most memory that one worker spends on long heads: what of a head is more than "
             "1k while it comes, and more than 8k while the request is answered. When it is used "
             "up, requests with such heads are answered 503; those with ordinary heads go on.",
         .example = "256m"}),
};

constexpr Directive life[] = {
    row<&MainConf::worker_shutdown_timeout>({.name = "worker_shutdown_timeout",
                                             .kinds = in_main,
                                             .fallback = "5m",
                                             .most = 7ULL * 24 * 3'600'000,
                                             .doc =
                                                 "How long a worker that was told to finish may go "
                                                 "on with requests in progress. What is open after "
                                                 "that is cut.",
                                             .example = "30s"}),
    row<&MainConf::drain_idle_timeout>({.name = "drain_idle_timeout",
                                        .kinds = in_main,
                                        .fallback = "15s",
                                        .most = 3'600'000,
                                        .doc = "How long a worker that was told to finish keeps "
                                               "idle keep-alive connections readable, so that a "
                                               "request already under way is answered (with "
                                               "Connection: close) and not lost. keepalive_timeout "
                                               "where that is shorter.",
                                        .example = "5s"}),
    row<&MainConf::old_generations_max>({.name = "old_generations_max",
                                         .kinds = in_main,
                                         .fallback = "4",
                                         .least = 1,
                                         .most = 16,
                                         .reload = live,
                                         .doc =
                                             "How many generations of workers may be finishing at "
                                             "a time. One more makes the oldest drop its idle "
                                             "connections, then the rest.",
                                         .example = "2"}),
    row<&MainConf::reload_min_interval>({.name = "reload_min_interval",
                                         .kinds = in_main,
                                         .fallback = "0",
                                         .most = 3'600'000,
                                         .reload = live,
                                         .doc = "Reloads that are asked for within this time of "
                                                "one another become one. 0: each is its own.",
                                         .example = "2s"}),
    row<&MainConf::worker_stall_timeout>({.name = "worker_stall_timeout",
                                          .kinds = in_main,
                                          .fallback = "10s",
                                          .least = 1'000,
                                          .most = 3'600'000,
                                          .doc =
                                              "A worker whose event loop has not turned for so "
                                              "long is aborted, with its stack in the error log, "
                                              "and replaced.",
                                          .example = "30s"}),
    row<&MainConf::worker_rescue_delay>({.name = "worker_rescue_delay",
                                         .kinds = in_main,
                                         .fallback = "200ms",
                                         .least = 50,
                                         .most = 60'000,
                                         .doc = "After this time without a turn of its event loop, "
                                                "another worker also accepts the connections that "
                                                "wait for a stalled or dead one.",
                                         .example = "500ms"}),
    row<&MainConf::daemon>(
        {.name = "daemon",
         .kinds = in_main,
         .fallback = "on",
         .reload = restart,
         .doc = "Go to the background; the command returns when workers accept, with their status. "
                "off: stay in the foreground, for supervisors and for development.",
         .example = "off"}),
};

constexpr Directive places[] = {
    row<&MainConf::pid>(
        {.name = "pid",
         .kinds = in_main,
         .fallback = "/run/weir/weir.pid",
         .reload = restart,
         .doc = "The file that holds the master's process id. It is locked: a second weir with the "
                "same file is refused.",
         .example = "run/weir.pid"}),
    row<&MainConf::error_log>({.name = "error_log",
                               .kinds = in_main,
                               .syntax = "PATH | stderr [LEVEL]",
                               .fallback = "/var/log/weir/error.log notice",
                               .doc = "Where weir reports about itself, from which level on: "
                                      "emerg, alert, crit, error, warn, notice "
                                      "(without a word), info or debug.",
                               .example = "/var/log/weir/error.log warn"}),
    row<&MainConf::state_path>({.name = "state_path",
                                .kinds = in_main,
                                .syntax = "FOLDER",
                                .fallback = "/var/lib/weir",
                                .reload = restart,
                                .doc = "The folder of what weir keeps over a restart: the "
                                       "certificate that ssl_certificate = auto makes; in "
                                       "upstreams/, which is made for the user of weir, the peers "
                                       "that discovery found and the orders that weirctl upstream "
                                       "is to keep.",
                                .example = "run"}),
    row<&MainConf::log_ring_size>(
        {.name = "log_ring_size",
         .kinds = in_main,
         .fallback = "1m",
         .least = 64ULL << 10,
         .most = 64ULL << 20,
         .reload = restart,
         .doc =
             "The ring through which each worker hands its log lines to the logger. When it is "
             "full, lines are "
             "dropped and counted: no request ever waits for a log. Rounded up to a power of two.",
         .example = "4m"}),
    row<&MainConf::upstream_peers_max>(
        {.name = "upstream_peers_max",
         .kinds = in_main,
         .fallback = "1024",
         .least = 16,
         .most = 16'384,
         .reload = restart,
         .doc =
             "How many peers all upstreams may have together, those of old generations and those "
             "that discovery finds included: the room for what all workers share of them, 1.5k "
             "each and 0.5k more for each worker.",
         .example = "4096"}),
    row<&MainConf::sticky_sessions_max>(
        {.name = "sticky_sessions_max",
         .kinds = in_main,
         .fallback = "16384",
         .least = 64,
         .most = 16'777'216,
         .reload = restart,
         .doc = "How many sessions all upstreams with sticky = learn remember together, 8 bytes "
                "each; the longest unused ones give way. Rounded up to a power of two.",
         .example = "131072"}),
    Directive{.name = "include",
              .kinds = in_main,
              .syntax = "PATTERN",
              .reload = live,
              .doc = "Reads further files here, as if their sections stood behind [main]. A "
                     "pattern with *, ? or [ "
                     "may match none; the files come in the order of their names. Relative to the "
                     "file with this "
                     "line; included files may include others, eight deep.",
              .example = "conf.d/*.ini",
              .repeatable = true},
    row<&MainConf::resolver>(
        {.name = "resolver",
         .kinds = in_main,
         .syntax = "ADDRESS[:PORT] ... [valid=TIME] | system",
         .fallback = "system",
         .doc = "The DNS servers that discovery asks, in turn when one is silent. system: those of "
                "/etc/resolv.conf. valid: how long an answer is good, whatever it says itself.",
         .example = "127.0.0.53 valid=30s"}),
};

}  // namespace

Table main_directives() { return table_of(processes, life, places); }

}  // namespace weir::conf
