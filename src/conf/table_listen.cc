// [server]: where it listens, its names, its TLS.
#include "conf/directive.h"

namespace weir::conf {
namespace {

constexpr Directive rows[] = {
    list<&ServerConf::listens>({.name = "listen",
                                .kinds = in_server,
                                .syntax = "PORT | ADDRESS[:PORT] | unix:PATH [ssl] "
                                          "[default_server] [backlog=N] [ipv6only=on|off] "
                                          "[mode=MODE]",
                                .doc = "An address that this server answers at. A port alone is "
                                       "that port of every IPv4 address; [::]:80 "
                                       "that of every IPv6 address. Servers may share an address: "
                                       "the request's name then chooses, and "
                                       "the server with default_server, else the first in the "
                                       "file, gets the rest. May be repeated.",
                                .example = "443 ssl"}),
    list<&ServerConf::names>({.name = "server_name",
                              .kinds = in_server,
                              .syntax = "NAME ...",
                              .doc = "The names of this server: exact, or *.example.com for all "
                                     "below a domain, or .example.com for "
                                     "both. An exact name wins over a wildcard, a longer wildcard "
                                     "over a shorter one. May be repeated.",
                              .example = "example.com *.example.com"}),
    list<&ServerConf::certificates>(
        {.name = "ssl_certificate",
         .kinds = in_servers,
         .syntax = "PATH | auto",
         .doc = "A PEM file with the certificate and its chain. With several of these lines the "
                "client's name "
                "(SNI) and algorithms choose; the n-th ssl_certificate_key belongs to the n-th "
                "file. auto makes a "
                "self-signed pair for localhost, for development only. May be repeated.",
         .example = "tls/example.pem"}),
    list<&ServerConf::certificate_keys>({.name = "ssl_certificate_key",
                                         .kinds = in_servers,
                                         .syntax = "PATH",
                                         .doc = "A PEM file with the key of ssl_certificate. "
                                                "Without any such line: in the same files. May be "
                                                "repeated.",
                                         .example = "tls/example.key"}),
    row<&ServerConf::ssl_protocols>({.name = "ssl_protocols",
                                     .kinds = in_servers,
                                     .fallback = "TLSv1.2 TLSv1.3",
                                     .doc = "The protocol versions that clients may use.",
                                     .example = "TLSv1.3"}),
    row<&ServerConf::ssl_ciphers>(
        {.name = "ssl_ciphers",
         .kinds = in_servers,
         .syntax = "LIST",
         .fallback =
             "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
             "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
             "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
             "DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:DHE-RSA-CHACHA20-POLY1305",
         .doc = "The TLS 1.2 ciphers, in OpenSSL's syntax. The default is Mozilla's intermediate "
                "list.",
         .example = "ECDHE+AESGCM:ECDHE+CHACHA20"}),
    row<&ServerConf::ssl_ciphersuites>(
        {.name = "ssl_ciphersuites",
         .kinds = in_servers,
         .syntax = "LIST",
         .fallback = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256",
         .doc = "The TLS 1.3 cipher suites, in OpenSSL's syntax.",
         .example = "TLS_AES_128_GCM_SHA256",
         .nginx = "ssl_conf_command Ciphersuites"}),
    row<&ServerConf::ssl_ecdh_curve>(
        {.name = "ssl_ecdh_curve",
         .kinds = in_servers,
         .syntax = "LIST",
         .fallback = "X25519:prime256v1:secp384r1",
         .doc = "The groups for the key exchange, separated by colons, the preferred first.",
         .example = "X25519:prime256v1"}),
    row<&ServerConf::ssl_prefer_server_ciphers>(
        {.name = "ssl_prefer_server_ciphers",
         .kinds = in_servers,
         .fallback = "off",
         .doc = "The order of ssl_ciphers decides, not the client's.",
         .example = "on"}),
    row<&ServerConf::ssl_session_tickets>(
        {.name = "ssl_session_tickets",
         .kinds = in_servers,
         .fallback = "on",
         .doc = "Let clients resume a session by a ticket. All workers share the keys, and the "
                "master changes them.",
         .example = "off"}),
    row<&ServerConf::ssl_session_timeout>({.name = "ssl_session_timeout",
                                           .kinds = in_servers,
                                           .fallback = "1d",
                                           .least = 1'000,
                                           .most = 7ULL * 24 * 3'600'000,
                                           .doc = "How long a session can be resumed.",
                                           .example = "4h"}),
    row<&ServerConf::ssl_handshake_timeout>(
        {.name = "ssl_handshake_timeout",
         .kinds = in_servers,
         .fallback = "10s",
         .least = 100,
         .most = 600'000,
         .doc = "How long a client's TLS handshake may take as a whole.",
         .example = "5s"}),
};

}  // namespace

Table listen_directives() { return table_of(rows); }

}  // namespace weir::conf
