// [server]: what a client may send, how long it may take, and who it is.
#include "conf/directive.h"

namespace weir::conf {
namespace {

constexpr std::uint64_t hour = 3'600'000;

constexpr Directive times[] = {
    row<&ServerConf::client_header_timeout>(
        {.name = "client_header_timeout",
         .kinds = in_servers,
         .fallback = "10s",
         .least = 100,
         .most = hour,
         .doc = "How long a client may take for the head of a request, from its first byte to its "
                "last. Then 408 and close.",
         .example = "10s"}),
    row<&ServerConf::keepalive_timeout>(
        {.name = "keepalive_timeout",
         .kinds = in_servers,
         .fallback = "75s",
         .most = 24 * hour,
         .doc = "How long a client's connection may be idle between requests. 0: a connection "
                "serves one request.",
         .example = "15s"}),
    row<&ServerConf::keepalive_requests>(
        {.name = "keepalive_requests",
         .kinds = in_servers,
         .fallback = "1000",
         .least = 1,
         .doc = "After so many requests a client's connection is closed.",
         .example = "10000"}),
    row<&ServerConf::lingering_time>({.name = "lingering_time",
                                      .kinds = in_servers,
                                      .fallback = "30s",
                                      .most = hour,
                                      .doc = "How long, as a whole, what a client still sends is "
                                             "read and thrown away after the last answer, so "
                                             "that it can read that answer.",
                                      .example = "10s"}),
    row<&ServerConf::lingering_timeout>(
        {.name = "lingering_timeout",
         .kinds = in_servers,
         .fallback = "5s",
         .most = hour,
         .doc = "How long to wait for more of what is thrown away before the connection is closed.",
         .example = "2s"}),
    row<&ServerConf::client_min_rate>(
        {.name = "client_min_rate",
         .kinds = in_servers,
         .syntax = "off | SIZE [over=TIME] [grace=TIME]",
         .fallback = "240 over=30s grace=10s",
         .doc = "A client that takes or sends fewer bytes per second than this, over a window and "
                "after a grace, is "
                "closed. Time counts only while bytes wait for it or are owed by it.",
         .example = "1k over=30s grace=10s"}),
};

constexpr Directive sizes[] = {
    row<&ServerConf::request_line_max_size>({.name = "request_line_max_size",
                                             .kinds = in_servers,
                                             .fallback = "8k",
                                             .least = 256,
                                             .most = 1ULL << 20,
                                             .doc = "The longest request line. Longer: 414.",
                                             .example = "16k",
                                             .nginx = "large_client_header_buffers"}),
    row<&ServerConf::client_header_max_size>(
        {.name = "client_header_max_size",
         .kinds = in_servers,
         .fallback = "32k",
         .least = 1024,
         .most = 1ULL << 20,
         .doc = "The largest head of a request: its line and all fields. Larger: 431.",
         .example = "64k",
         .nginx = "large_client_header_buffers"}),
    row<&ServerConf::max_headers>({.name = "max_headers",
                                   .kinds = in_servers,
                                   .fallback = "100",
                                   .least = 1,
                                   .most = 10'000,
                                   .doc = "The most fields of a request. More: 400.",
                                   .example = "200"}),
    row<&LocationConf::chunk_extensions_max_size>(
        {.name = "chunk_extensions_max_size",
         .kinds = in_servers,
         .fallback = "4k",
         .most = 1ULL << 20,
         .doc = "The most bytes of chunk extensions in one body, of either side. They are dropped "
                "in any case.",
         .example = "1k"}),
    row<&LocationConf::trailers_max_size>(
        {.name = "trailers_max_size",
         .kinds = in_servers,
         .fallback = "8k",
         .most = 1ULL << 20,
         .doc = "The most bytes of trailer fields after one body, of either side.",
         .example = "4k"}),
    row<&LocationConf::max_trailers>(
        {.name = "max_trailers",
         .kinds = in_servers,
         .fallback = "32",
         .most = 10'000,
         .doc = "The most trailer fields after one body, of either side.",
         .example = "8"}),
    row<&ServerConf::lingering_max_size>({.name = "lingering_max_size",
                                          .kinds = in_servers,
                                          .fallback = "64k",
                                          .most = 1ULL << 30,
                                          .doc = "How much of a request body that nobody wants is "
                                                 "read and thrown away to keep the connection. "
                                                 "Beyond that it is closed.",
                                          .example = "1m"}),
};

constexpr Directive rules[] = {
    row<&ServerConf::underscores_in_headers>(
        {.name = "underscores_in_headers",
         .kinds = in_servers,
         .syntax = "off | on | reject",
         .fallback = "off",
         .doc = "Request fields with an underscore in their name. off: they are dropped, since "
                "origins can't tell "
                "X_Real_IP from X-Real-IP; on: they pass; reject: 400.",
         .example = "reject"}),
    row<&ServerConf::merge_slashes>(
        {.name = "merge_slashes",
         .kinds = in_servers,
         .fallback = "on",
         .doc = "Several slashes in a row in a path are one, for locations and for the upstream.",
         .example = "off"}),
    row<&ServerConf::reject_encoded_slash>({.name = "reject_encoded_slash",
                                            .kinds = in_servers,
                                            .fallback = "off",
                                            .doc =
                                                "Refuse (400) paths with %2F or %5C. Without this "
                                                "they pass as they are and are never taken for "
                                                "slashes.",
                                            .example = "on"}),
    row<&ServerConf::set_real_ip_from>({.name = "set_real_ip_from",
                                        .kinds = in_servers,
                                        .syntax = "NETWORK ... | unix:",
                                        .doc = "Proxies in front of weir that are believed: what "
                                               "they say about the client (real_ip_header) is "
                                               "taken, and what they forwarded is added to instead "
                                               "of replaced. May be repeated; the lines of a "
                                               "server replace those of [defaults].",
                                        .example = "10.0.0.0/8",
                                        .repeatable = true}),
    row<&ServerConf::real_ip_header>(
        {.name = "real_ip_header",
         .kinds = in_servers,
         .syntax = "X-Forwarded-For | X-Real-IP | FIELD",
         .fallback = "X-Forwarded-For",
         .doc = "The field that a proxy of set_real_ip_from names the client in. Of a list the "
                "last address counts "
                "that is not itself such a proxy. In nginx that takes real_ip_recursive.",
         .example = "X-Real-IP"}),
};

}  // namespace

Table client_directives() { return table_of(times, sizes, rules); }

}  // namespace weir::conf
