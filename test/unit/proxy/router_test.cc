#include "proxy/router.h"

#include <doctest/doctest.h>

#include <random>

#include "test/unit/support/proxy_bench.h"

using namespace weir;

namespace {

const Router::Parts no_parts{
    [](void*, const conf::UpstreamConf&) -> Group* { return nullptr; },
    [](void*, const conf::ApiKeysConf&) -> const ApiKeys* { return nullptr; },
    [](void*, const conf::CacheConf&) -> const CachePlan* { return nullptr; },
    nullptr,
};

struct Routes {
  explicit Routes(const std::string& text)
      : config(test::load_config(text)), router(*config, no_parts, complaints) {}

  std::string server(std::string_view host, std::size_t listen = 0) {
    const Address& address = config->servers.front().listens[listen].address;
    return router.at(address)->find(host).conf->name;
  }
  std::string location(std::string_view path) {
    const auto found = router.servers().front()->find(path);
    return found ? found->location->conf->name : "?";
  }

  std::unique_ptr<conf::Config> config;
  std::vector<Router::Complaint> complaints;
  Router router;
};

std::string location(const std::string& name, const std::string& path) {
  return "[location " + name + "]\nserver = web\npath = " + path + "\nreturn = 200\n";
}

constexpr const char* web = "[server web]\nlisten = 127.0.0.1:80\nreturn = 200\n";

}  // namespace

TEST_CASE("router: names are exact, then the longest wildcard, then the default server") {
  Routes routes(
      "[server first]\nlisten = 127.0.0.1:80\nserver_name = one.example *.example.com\nreturn = "
      "200\n"
      "[server second]\nlisten = 127.0.0.1:80\nserver_name = *.deep.example.com www.example.com\n"
      "return = 200\n"
      "[server third]\nlisten = 127.0.0.1:80 default_server\nserver_name = three.example\nreturn = "
      "200\n");
  CHECK(routes.complaints.empty());
  CHECK(routes.server("one.example") == "first");
  CHECK(routes.server("a.example.com") == "first");
  CHECK(routes.server("www.example.com") == "second");
  CHECK(routes.server("a.b.deep.example.com") == "second");
  CHECK(routes.server("deep.example.com") == "first");
  CHECK(routes.server("example.com") == "third");
  CHECK(routes.server("three.example") == "third");
  CHECK(routes.server("") == "third");
  CHECK(routes.server(".example.com") == "third");
}

TEST_CASE("router: exact before regex before longest prefix before the server itself") {
  Routes routes(std::string(web) + location("api", "/api/") + location("v1", "/api/v1/") +
                location("one", "exact /api/v1/one") + location("image", "regex \\.(png|gif)$") +
                location("late", "regex ^/api/v1/late"));
  CHECK(routes.location("/api/x") == "api");
  CHECK(routes.location("/api/v1/x") == "v1");
  CHECK(routes.location("/api/v1/one") == "one");
  CHECK(routes.location("/api/v1/one/") == "v1");
  CHECK(routes.location("/api/v1/one.png") == "image");
  CHECK(routes.location("/api/v1/late.png") == "image");
  CHECK(routes.location("/api/v1/late") == "late");
  CHECK(routes.location("/api") == "");
  CHECK(routes.location("/") == "");
}

TEST_CASE("router: the longest prefix is what a naive search finds") {
  std::mt19937 random(7);
  const auto word = [&](std::size_t most) {
    std::string text = "/";
    for (std::size_t size = random() % most; size > 0; --size) text += "ab/"[random() % 3];
    return text;
  };
  for (int round = 0; round < 20; ++round) {
    std::string text = web;
    std::vector<std::string> prefixes;
    for (int i = 0; i < 30; ++i) {
      const std::string prefix = word(8);
      if (std::find(prefixes.begin(), prefixes.end(), prefix) != prefixes.end()) continue;
      prefixes.push_back(prefix);
      text += location("p" + std::to_string(prefixes.size() - 1), prefix);
    }
    Routes routes(text);
    for (int i = 0; i < 300; ++i) {
      const std::string path = word(14);
      std::size_t best = prefixes.size();
      for (std::size_t p = 0; p < prefixes.size(); ++p) {
        if (!path.starts_with(prefixes[p])) continue;
        if (best == prefixes.size() || prefixes[p].size() > prefixes[best].size()) best = p;
      }
      CAPTURE(path);
      CHECK(routes.location(path) == (best == prefixes.size() ? "" : "p" + std::to_string(best)));
    }
  }
}

TEST_CASE("router: a thousand servers") {
  std::string text;
  for (int i = 0; i < 1000; ++i)
    text += "[server s" + std::to_string(i) + "]\nlisten = 127.0.0.1:80\nserver_name = h" +
            std::to_string(i) + ".example\nreturn = 200\n";
  Routes routes(text);
  for (int i = 0; i < 1000; i += 37)
    CHECK(routes.server("h" + std::to_string(i) + ".example") == "s" + std::to_string(i));
  CHECK(routes.server("h1000.example") == "s0");
}

TEST_CASE("regex: captures, and a limit that is not taken for no match") {
  std::string message;
  auto regex = Regex::compile("^/(a+)/(x)?(.*)$", message);
  REQUIRE(regex);
  Captures captures;
  REQUIRE(regex->match("/aa/rest", captures));
  CHECK(captures.group[0] == "/aa/rest");
  CHECK(captures.group[1] == "aa");
  CHECK(captures.group[2].empty());
  CHECK(captures.group[3] == "rest");
  CHECK(regex->groups() == 3);
  CHECK_FALSE(*regex->match("/b/", captures));

  auto slow = Regex::compile("^(a|aa)+$", message);
  REQUIRE(slow);
  std::string hard(200, 'a');
  hard += 'b';
  CHECK_FALSE(slow->match(hard, captures));

  CHECK_FALSE(Regex::compile("a(b", message));
  CHECK(message.find("offset") != message.npos);
}
