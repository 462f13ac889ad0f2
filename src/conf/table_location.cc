// [location], and what is inherited down to it: what becomes of a request.
#include "conf/directive.h"

namespace weir::conf {
namespace {

constexpr std::uint64_t day = 24ULL * 3'600'000;
constexpr Kinds in_server_and_location = in_server | in_location;

constexpr Directive routing[] = {
    row<&LocationConf::server>(
        {.name = "server",
         .kinds = in_location,
         .syntax = "NAME",
         .doc = "The [server] that this location belongs to, and whose values it starts with.",
         .example = "web"}),
    row<&LocationConf::path>({.name = "path",
                              .kinds = in_location,
                              .syntax = "[prefix] PATH | exact PATH | regex REGEX",
                              .doc = "The paths that this location is for. An exact one wins; else "
                                     "the first regex in the file that "
                                     "matches; else the longest prefix. In a regex (PCRE2, on the "
                                     "decoded path) a $ is just that.",
                              .example = "regex ^/(search|suggest)$",
                              .nginx = "location"}),
    row<&LocationConf::upstream>({.name = "upstream",
                                  .kinds = in_places,
                                  .syntax = "NAME | off",
                                  .fallback = "off",
                                  .doc = "The [upstream] that requests are sent to. Without one, "
                                         "and without a return, the answer is 404.",
                                  .example = "api",
                                  .nginx = "proxy_pass"}),
    row<&LocationConf::return_>({.name = "return",
                                 .kinds = in_server_and_location,
                                 .syntax = "CODE [TEXT | URL]",
                                 .doc = "Answer at once: with a text, or for 301, 302, 303, 307 "
                                        "and 308 with a URL to go to; both may have "
                                        "$variables. 444 closes the connection without an answer. "
                                        "In a [server] it is for every location "
                                        "that has no return of its own.",
                                 .example = "301 https://$host$request_uri"}),
    list<&LocationConf::rewrites>(
        {.name = "rewrite",
         .kinds = in_server_and_location,
         .syntax = "REGEX REPLACEMENT [last | break | redirect | permanent]",
         .doc = "Changes the path when the regex matches; $1 to $9 are its groups. Those of a "
                "server run before a "
                "location is chosen, those of a location after. last chooses again, break goes on "
                "here, redirect "
                "(302) and permanent (301) answer. Without a word: the next rewrite is tried. May "
                "be repeated.",
         .example = "^/old/(.*)$ /new/$1 permanent"}),
};

constexpr Directive access[] = {
    row<&LocationConf::auth>(
        {.name = "auth",
         .kinds = in_places,
         .syntax = "off | api_keys:NAME ...",
         .fallback = "off",
         .doc = "Who may pass: holders of a key of one of these sections. Everybody else gets 401.",
         .example = "api_keys:partners"}),
    row<&LocationConf::forwarded_headers>(
        {.name = "forwarded_headers",
         .kinds = in_places,
         .syntax = "all | off | FIELD ...",
         .fallback = "all",
         .doc = "Which fields tell the upstream who asks: X-Forwarded-For, X-Forwarded-Host, "
                "X-Forwarded-Proto, X-Forwarded-Port, X-Real-IP, Forwarded, Via and X-Request-Id. "
                "The others are not sent, whoever said them: what a client says of itself never "
                "passes as ours. Each one costs every request some time and bytes.",
         .example = "X-Forwarded-For X-Forwarded-Proto X-Real-IP"}),
    list<&LocationConf::set_headers>({.name = "set_header",
                                      .kinds = in_places,
                                      .syntax = "FIELD VALUE | off",
                                      .doc = "Sets a field of the request to the upstream, in "
                                             "place of what the client sent; \"\" removes it. "
                                             "The value may have $variables. Adds to what is "
                                             "inherited; off clears that. May be repeated.",
                                      .example = "X-Request-Id $request_id",
                                      .nginx = "proxy_set_header"}),
    list<&LocationConf::add_headers>({.name = "add_header",
                                      .kinds = in_places,
                                      .syntax = "FIELD VALUE | off",
                                      .doc = "Adds a field to the answer, whatever its status. "
                                             "Adds to what is inherited; off clears that. May be "
                                             "repeated.",
                                      .example = "X-Content-Type-Options nosniff"}),
    list<&LocationConf::remove_headers>({.name = "remove_header",
                                         .kinds = in_places,
                                         .syntax = "FIELD | off",
                                         .doc = "Removes a field of the upstream's answer. Adds to "
                                                "what is inherited; off clears that. May be "
                                                "repeated.",
                                         .example = "X-Powered-By",
                                         .nginx = "proxy_hide_header"}),
    row<&LocationConf::debug_headers>(
        {.name = "debug_headers",
         .kinds = in_places,
         .fallback = "off",
         .doc = "Tells in the answer how it came about: X-Backend-Server with the URL of the peer, "
                "X-Retry-Count with the number of tries before the last one. For development: it "
                "shows the inside of your network.",
         .example = "on"}),
    row<&LocationConf::server_tokens>(
        {.name = "server_tokens",
         .kinds = in_places,
         .fallback = "off",
         .doc = "Tells weir's version in the answers that weir makes itself.",
         .example = "on"}),
    row<&LocationConf::access_log>(
        {.name = "access_log",
         .kinds = in_places,
         .syntax = "NAME ... | off",
         .fallback = "off",
         .doc = "The [log] sections that a line of each request goes to.",
         .example = "access"}),
};

constexpr Directive bodies[] = {
    row<&LocationConf::client_max_body_size>(
        {.name = "client_max_body_size",
         .kinds = in_places,
         .fallback = "1m",
         .doc = "The largest body of a request. Larger: 413. 0: no limit.",
         .example = "10m"}),
    row<&LocationConf::client_body_timeout>(
        {.name = "client_body_timeout",
         .kinds = in_places,
         .fallback = "60s",
         .least = 100,
         .most = day,
         .doc = "How long to wait for more of a client's body. Then 408.",
         .example = "10s"}),
    row<&LocationConf::send_timeout>(
        {.name = "send_timeout",
         .kinds = in_places,
         .fallback = "60s",
         .least = 100,
         .most = day,
         .doc = "How long a client may take nothing of what waits for it.",
         .example = "30s"}),
    row<&LocationConf::proxy_connect_timeout>({.name = "proxy_connect_timeout",
                                               .kinds = in_places,
                                               .fallback = "5s",
                                               .least = 10,
                                               .most = 3'600'000,
                                               .doc =
                                                   "How long connecting to the upstream may take, "
                                                   "with all peers that are tried and their TLS "
                                                   "handshakes. Then 504.",
                                               .example = "2s"}),
    row<&LocationConf::proxy_read_timeout>(
        {.name = "proxy_read_timeout",
         .kinds = in_places,
         .fallback = "60s",
         .least = 10,
         .most = day,
         .doc = "How long to wait for more of an upstream's answer. Then 504, or a cut connection "
                "when the answer "
                "has begun.",
         .example = "30s"}),
    row<&LocationConf::proxy_send_timeout>(
        {.name = "proxy_send_timeout",
         .kinds = in_places,
         .fallback = "60s",
         .least = 10,
         .most = day,
         .doc = "How long an upstream may take nothing of what waits for it.",
         .example = "30s"}),
    row<&LocationConf::proxy_buffer_size_max>(
        {.name = "proxy_buffer_size_max",
         .kinds = in_places,
         .fallback = "256k",
         .least = 16ULL << 10,
         .most = 256ULL << 10,
         .doc = "How far the buffer of one direction of an exchange may grow. It starts at 16k and "
                "grows fourfold each time that it was filled and the receiver took it all.",
         .example = "64k",
         .nginx = "proxy_buffers"}),
    row<&LocationConf::proxy_header_max_size>(
        {.name = "proxy_header_max_size",
         .kinds = in_places,
         .fallback = "32k",
         .least = 1024,
         .most = 1ULL << 20,
         .doc = "The largest head of an upstream's answer. Larger: 502.",
         .example = "64k",
         .nginx = "proxy_buffer_size"}),
    row<&LocationConf::proxy_max_headers>(
        {.name = "proxy_max_headers",
         .kinds = in_places,
         .fallback = "100",
         .least = 1,
         .most = 10'000,
         .doc = "The most fields of an upstream's answer. More: 502.",
         .example = "200"}),
};

}  // namespace

Table location_directives() { return table_of(routing, access); }

Table proxy_directives() { return table_of(bodies); }

}  // namespace weir::conf
