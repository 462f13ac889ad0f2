#include "tls/server_context.h"

#include <doctest/doctest.h>

#include "test/unit/tls/tls_pair.h"
#include "tls/server_hooks.h"

using namespace weir;
using namespace weir::test;

TEST_CASE("names: exact before wildcard, the longest wildcard first, else the default server") {
  const auto context = server_context(nullptr);
  tls::ListenContext listen({context.get(), 0});
  listen.add_exact("example.com", {context.get(), 1});
  listen.add_exact("www.example.com", {context.get(), 2});
  listen.add_wildcard(".example.com", {context.get(), 3});
  listen.add_wildcard(".deep.example.com", {context.get(), 4});
  listen.add_exact("example.com", {context.get(), 9});  // claimed already
  const struct {
    const char* name;
    int server;
  } cases[] = {
      {"example.com", 1},
      {"EXAMPLE.com", 1},
      {"example.com.", 1},
      {"www.example.com", 2},
      {"a.example.com", 3},
      {"a.b.example.com", 3},
      {"deep.example.com", 3},
      {"x.deep.example.com", 4},
      {"example.org", 0},
      {"", 0},
      {".example.com", 0},
      {"notexample.com", 0},
      {"com", 0},
      {".", 0},
      {"..", 0},
  };
  for (const auto& it : cases) {
    CAPTURE(it.name);
    CHECK(listen.choose(it.name).server_index == it.server);
  }
}

TEST_CASE("names: the chosen server's settings hold, not those of the default server") {
  const auto fallback = server_context(nullptr);
  const auto strict = server_context(nullptr, "two", [](tls::ServerSettings& settings) {
    settings.tls13 = false;
    settings.ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384";
    settings.curves = "P-384";
  });
  tls::ListenContext listen({fallback.get(), 0});
  listen.add_exact("localhost", {strict.get(), 5});
  const auto client =
      client_context([](tls::UpstreamSettings& settings) { settings.verify = false; });
  TlsPair chosen(listen, *client, "localhost");
  chosen.shake_hands();
  const TlsInfo* info = chosen.server->transport->tls();
  CHECK(info->server_index == 5);
  CHECK(info->protocol == "TLSv1.2");
  CHECK(info->cipher == "ECDHE-ECDSA-AES256-GCM-SHA384");
  CHECK(info->curve == "secp384r1");
  TlsPair other(listen, *client, "elsewhere");
  other.shake_hands();
  CHECK(other.server->transport->tls()->server_index == 0);
  CHECK(other.server->transport->tls()->protocol == "TLSv1.3");
  TlsPair nameless(listen, *client, "127.0.0.1");  // no SNI for an address
  nameless.shake_hands();
  CHECK(nameless.server->transport->tls()->server_index == 0);
  CHECK(nameless.server->transport->tls()->server_name.empty());
}

TEST_CASE("server_name extension: what is read, and what is malformed") {
  const auto parse = [](std::string_view bytes) {
    return tls::parse_server_name(
        {reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()});
  };
  using namespace std::string_view_literals;
  CHECK(parse("\x00\x06\x00\x00\x03"
              "a.b"sv) == "a.b");
  for (const std::string_view bad : {""sv, "\x00\x00"sv, "\x00\x03\x00\x00\x00"sv,
                                     "\x00\x06\x01\x00\x03"
                                     "a.b"sv,
                                     "\x00\x07\x00\x00\x03"
                                     "a.b"sv,
                                     "\x00\x06\x00\x00\x02"
                                     "a.b"sv,
                                     "\x00\x06\x00\x00\x03"
                                     "a\0b"sv,
                                     "\x00\x06\x00\x00\x03"
                                     "a.bc"sv}) {
    CAPTURE(bad.size());
    CHECK_FALSE(parse(bad));
  }
  std::string longest = {0, 3, 0, 0, 0};
  longest.append(256, 'a');
  longest[1] = 3, longest[0] = 1;  // 259
  longest[3] = 1, longest[4] = 0;  // 256: one more than a name may have
  CHECK_FALSE(parse(longest));
}

TEST_CASE("server context: what it refuses, and why") {
  const struct {
    void (*adjust)(tls::ServerSettings&);
    const char* error;
  } cases[] = {
      {[](tls::ServerSettings& it) { it.tls12 = it.tls13 = false; }, "no protocol is left"},
      {[](tls::ServerSettings& it) { it.ciphers = "NONSENSE"; },
       "no usable cipher in \"NONSENSE\""},
      {[](tls::ServerSettings& it) { it.ciphersuites = "TLS_NONSENSE"; },
       "unknown TLS 1.3 cipher suite in \"TLS_NONSENSE\""},
      {[](tls::ServerSettings& it) { it.curves = "X25519:P-7"; }, "unknown curve \"P-7\""},
      {[](tls::ServerSettings& it) { it.pairs.push_back(it.pairs.front()); },
       "two certificates with keys of one kind (EC)"},
  };
  std::string error;
  const auto pair = tls::KeyPair::parse(localhost_pem().certificate, localhost_pem().key, error);
  REQUIRE(pair);
  for (const auto& it : cases) {
    CAPTURE(it.error);
    tls::ServerSettings settings;
    settings.pairs = {pair.get()};
    it.adjust(settings);
    CHECK_FALSE(tls::ServerContext::make(settings, error));
    CHECK(error == it.error);
  }
}
