#include "tls/contexts.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <vector>

#include "test/unit/conf/support.h"
#include "test/unit/tls/tls_pair.h"

using namespace weir;
using namespace weir::test;

namespace {

struct Made {
  explicit Made(const std::string& text) : inputs(source(text)) {
    loaded = conf::load(inputs, {"/etc/weir/weir.ini", "/srv/weir", {}});
    REQUIRE_MESSAGE(loaded.config, loaded.report());
    tls::Contexts::Options options;
    options.ticket_keys = &tickets.keys;
    contexts = tls::Contexts::make(*loaded.config, inputs, options, diagnostics);
  }
  static std::unique_ptr<conf::InputSource> source(const std::string& text) {
    auto memory = conf::test::source_with(text);
    std::string error;
    const tls::PemPair other = tls::make_development_pair(error),
                       old = tls::make_development_pair(error, std::chrono::hours(-1));
    memory->files["/etc/weir/tls/good.pem"] = localhost_pem().certificate;
    memory->files["/etc/weir/tls/good.key"] = localhost_pem().key;
    memory->files["/etc/weir/tls/other.pem"] = other.certificate + other.key;
    memory->files["/etc/weir/tls/old.pem"] = old.certificate + old.key;
    return memory;
  }
  const tls::ListenContext* listen(std::string_view address) const {
    return contexts->listen(*Address::parse(address));
  }
  int choice(std::string_view address, std::string_view name) const {
    return listen(address)->choose(name).server_index;
  }
  std::vector<std::string> messages() const {
    std::vector<std::string> out;
    for (const conf::Diagnostic& it : diagnostics) out.push_back(it.message());
    return out;
  }

  Tickets tickets;
  conf::Inputs inputs;
  conf::Loaded loaded;
  std::vector<conf::Diagnostic> diagnostics;
  std::unique_ptr<tls::Contexts> contexts;
};

using Messages = std::vector<std::string>;

}  // namespace

TEST_CASE("contexts: servers answer by name at the addresses where they listen") {
  const Made made(
      "[server a]\nlisten = 127.0.0.1:443 ssl\nserver_name = a.test *.a.test\n"
      "ssl_certificate = tls/good.pem\nssl_certificate_key = tls/good.key\nreturn = 204\n"
      "[server b]\nlisten = 127.0.0.1:443 ssl default_server\nlisten = 127.0.0.1:8443 ssl\n"
      "listen = 127.0.0.1:80\nserver_name = b.test\n"
      "ssl_certificate = tls/other.pem\nreturn = 204\n");
  REQUIRE(made.contexts);
  CHECK(made.messages() == Messages{});
  CHECK(made.choice("127.0.0.1:443", "a.test") == 0);
  CHECK(made.choice("127.0.0.1:443", "x.a.test") == 0);
  CHECK(made.choice("127.0.0.1:443", "b.test") == 1);
  CHECK(made.choice("127.0.0.1:443", "unknown.test") == 1);  // the marked default
  CHECK(made.choice("127.0.0.1:8443", "a.test") == 1);       // not here
  CHECK(made.listen("127.0.0.1:80") == nullptr);
  CHECK(made.contexts->server_contexts() == 2);
}

TEST_CASE("contexts: a thousand virtual hosts with one certificate share one context") {
  std::string text =
      "[defaults]\nssl_certificate = tls/good.pem\nssl_certificate_key = tls/good.key\n";
  for (int host = 0; host < 1000; ++host)
    text += fmt::format(
        "[server s{0}]\nlisten = 127.0.0.1:443 ssl\nserver_name = s{0}.test\nreturn = 204\n", host);
  const Made made(text);
  REQUIRE(made.contexts);
  CHECK(made.contexts->server_contexts() == 1);
  CHECK(made.choice("127.0.0.1:443", "s999.test") == 999);
  CHECK(made.choice("127.0.0.1:443", "nobody.test") == 0);
}

TEST_CASE("contexts: auto makes a throwaway where no pair is given, and serves with it") {
  const Made made("[server a]\nlisten = 127.0.0.1:443 ssl\nssl_certificate = auto\nreturn = 204\n");
  REQUIRE(made.contexts);
  CHECK(tls::wants_automatic_pair(*made.loaded.config));
  const auto client =
      client_context([](tls::UpstreamSettings& settings) { settings.verify = false; });
  TlsPair pair(*made.listen("127.0.0.1:443"), *client);
  pair.shake_hands();
  CHECK(pair.server->transport->tls()->server_index == 0);
}

TEST_CASE("contexts: upstreams verify with what they name, and only those with ssl have one") {
  const Made made(
      "[upstream secure]\nserver = 127.0.0.1:8000\nssl = on\n"
      "ssl_trusted_certificate = tls/good.pem\nssl_name = localhost\n"
      "[upstream plain]\nserver = 127.0.0.1:8001\n"
      "[server a]\nlisten = 127.0.0.1:443 ssl\nssl_certificate = tls/good.pem\n"
      "ssl_certificate_key = tls/good.key\nupstream = secure\n");
  REQUIRE(made.contexts);
  const auto& upstreams = made.loaded.config->upstreams;
  CHECK(made.contexts->upstream(upstreams[1]) == nullptr);
  tls::UpstreamContext* context = made.contexts->upstream(upstreams[0]);
  REQUIRE(context != nullptr);
  TlsPair pair(*made.listen("127.0.0.1:443"), *context, "127.0.0.1");
  pair.shake_hands();
  CHECK(pair.client->transport->tls()->verified);
  CHECK(pair.server->transport->tls()->server_name == "localhost");
}

TEST_CASE("contexts: all that is wrong is told in one go, with its line") {
  const Made made(
      "[server a]\nlisten = 127.0.0.1:443 ssl\nssl_certificate = tls/good.pem\n"
      "ssl_certificate_key = tls/other.pem\nreturn = 204\n"
      "[server b]\nlisten = 127.0.0.1:444 ssl\nssl_certificate = tls/example.pem\n"
      "ssl_certificate_key = tls/example.key\nreturn = 204\n"
      "[server c]\nlisten = 127.0.0.1:445 ssl\nssl_certificate = tls/old.pem\nssl_ecdh_curve = Q\n"
      "return = 204\n"
      "[upstream u]\nserver = unix:/run/u.sock\nssl = on\n");
  CHECK_FALSE(made.contexts);
  const std::string at = "/etc/weir/weir.ini:", tls = "/etc/weir/tls/";
  const Messages wanted = {
      at + "3: " + tls + "good.pem with " + tls +
          "other.pem: the private key belongs to another certificate",
      at + "8: " + tls + "example.pem with " + tls + "example.key: holds no certificate",
      "",  // when it expired
      at + "13: TLS of [server c]: unknown curve \"Q\"",
      at + "17: [upstream u]: ssl_name is needed to verify a peer on a Unix socket",
  };
  const Messages said = made.messages();
  REQUIRE(said.size() == wanted.size());
  for (std::size_t index = 0; index < said.size(); ++index)
    if (!wanted[index].empty()) CHECK(said[index] == wanted[index]);
  CAPTURE(said[2]);
  CHECK(said[2].starts_with("/etc/weir/weir.ini:13: warning: /etc/weir/tls/old.pem: expired on "));
  CHECK(made.diagnostics[2].severity == conf::Severity::warning);
}
