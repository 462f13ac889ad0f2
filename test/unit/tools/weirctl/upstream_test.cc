#include "tools/weirctl/upstream.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::ctl;

namespace {

UpstreamWords parse(std::initializer_list<std::string_view> words) { return parse_upstream(words); }

constexpr std::string_view document = R"({"upstreams":[
 {"name":"api","peers":[
  {"peer":"10.0.0.1:80","state":"HEALTHY","since_s":5,"order":"","weight":3,"backup":true,
   "in_flight":12,"requests":9,"failures":0,"source":"server","last_error":""},
  {"peer":"10.0.0.22:8080","state":"UNREACHABLE","since_s":7300,"order":"drained","weight":1,
   "backup":false,"in_flight":0,"requests":100,"failures":7,"source":"file /x","last_error":"refused"}]},
 {"name":"search","peers":[]}]})";

}  // namespace

TEST_CASE("weirctl upstream: the words of an order") {
  const UpstreamWords add = parse({"add", "api", "10.0.0.1:80", "weight=3", "backup", "persist"});
  CHECK(add.error == "");
  CHECK(add.order == PeerCommand{PeerCommand::Action::add, "api", "10.0.0.1:80", 3, true, true});
  const UpstreamWords weight = parse({"weight", "api", "10.0.0.1:80", "5"});
  CHECK(weight.error == "");
  CHECK(weight.order == PeerCommand{PeerCommand::Action::weight, "api", "10.0.0.1:80", 5});
  CHECK(parse({"drain", "api", "unix:/a", "persist"}).order.persist);
  CHECK(parse({"list", "api", "--json"}).json);
  CHECK(parse({"list", "api", "--json"}).group == "api");
}

TEST_CASE("weirctl upstream: words that make no order") {
  for (const auto& words : std::initializer_list<std::vector<std::string_view>>{
           {},
           {"lsit"},
           {"drain"},
           {"drain", "api"},
           {"drain", "api", ""},
           {"drain", "api", "a", "b"},
           {"drain", "api", "a", "persist", "persist"},
           {"drain", "api", "a", "backup"},
           {"weight", "api", "a"},
           {"weight", "api", "a", "0"},
           {"weight", "api", "a", "persist"},
           {"add", "api", "a", "weight=65536"},
           {"list", "api", "search"},
           {"list", "--yaml"},
           {"list", "--json", "--names"}}) {
    CAPTURE(words.size());
    CHECK(parse_upstream(words).error != "");
  }
  CHECK(parse({"list", "--json", "--names"}).error == "--json and --names exclude each other");
}

TEST_CASE("weirctl upstream: a table in columns, colours only where they are wanted") {
  std::string out;
  REQUIRE(print_upstreams(document, parse({"list"}), false, out));
  CHECK(out ==
        "api\n"
        "  PEER            STATE        SINCE  FAILURES  IN FLIGHT    WEIGHT  ORDER    FOUND BY  "
        "REQUESTS  LAST ERROR\n"
        "  10.0.0.1:80     HEALTHY         5s         0         12  3 backup  -        server    "
        "       9  -\n"
        "  10.0.0.22:8080  UNREACHABLE     2h         7          0         1  drained  file /x   "
        "     100  refused\n"
        "\n"
        "search: no peers\n");
  std::string coloured;
  REQUIRE(print_upstreams(document, parse({"list"}), true, coloured));
  CHECK(coloured.find("\x1b[32mHEALTHY") != std::string::npos);
  CHECK(coloured.find("\x1b[33mUNREACHABLE") != std::string::npos);
}

TEST_CASE("weirctl upstream: one group, names, and JSON") {
  std::string out;
  REQUIRE(print_upstreams(document, parse({"list", "api", "--names"}), false, out));
  CHECK(out == "10.0.0.1:80\n10.0.0.22:8080\n");
  out.clear();
  REQUIRE(print_upstreams(document, parse({"list", "--names"}), false, out));
  CHECK(out == "api\nsearch\n");
  out.clear();
  REQUIRE(print_upstreams(document, parse({"list", "search", "--json"}), false, out));
  CHECK(out.find("\"search\"") != std::string::npos);
  CHECK(out.find("\"api\"") == std::string::npos);
  CHECK_FALSE(print_upstreams(document, parse({"list", "none"}), false, out));
  CHECK_FALSE(print_upstreams("[]", parse({"list"}), false, out));
}
