// Hop-by-hop fields and what an origin is told about the client.
#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "http/faults.h"
#include "http/forwarded.h"
#include "http/hop_by_hop.h"

using namespace weir;

namespace {

using List = std::vector<std::pair<std::string_view, std::string_view>>;

RequestHead request(const List& fields, Version version = Version::http_1_1) {
  RequestHead head;
  head.version = version;
  head.authority = "example.com";
  for (const auto& [name, value] : fields) head.fields.add(name, value);
  return head;
}

std::string text_of(const Fields& fields) {
  std::string out;
  for (const Field& field : fields) {
    out += out.empty() ? "" : "|";
    out += std::string(field.name) + "=" + std::string(field.value);
  }
  return out;
}

// Trusts what begins with "10." or "fd00:".
struct Trusted final : TrustList {
  bool trusts(std::string_view address) const override {
    return address.starts_with("10.") || address.starts_with("fd00:");
  }
};

ForwardedBy from(std::string_view peer, std::string_view client, bool trusted) {
  return {.peer_address = peer,
          .client_address = client,
          .peer_trusted = trusted,
          .scheme = "https",
          .port = 8443,
          .request_id = "0123456789abcdef0123456789abcdef"};
}

ForwardedBy wanting(ForwardedBy by, std::initializer_list<FieldId> ids) {
  by.wanted.bits = 0;
  for (const FieldId id : ids) by.wanted.bits |= ForwardedSet::bit_of(id);
  return by;
}

}  // namespace

TEST_CASE("forwarded: what is not wanted is not sent, whoever said it") {
  const auto sent = [](const ForwardedBy& by) {
    RequestHead head = request({{"X-Forwarded-For", "1.1.1.1"},
                                {"X-Real-IP", "1.1.1.1"},
                                {"Forwarded", "for=1.1.1.1"},
                                {"X-Forwarded-Host", "h"},
                                {"X_Forwarded_Proto", "gopher"},
                                {"Via", "1.1 a"},
                                {"X-Request-Id", "theirs"},
                                {"B", "2"}});
    Arena arena;
    add_forwarded(head, by, arena);
    return text_of(head.fields);
  };
  for (const bool trusted : {false, true}) {
    const ForwardedBy by = from("10.0.0.1", "10.0.0.1", trusted);
    CHECK(sent(wanting(by, {})) == "B=2");
    CHECK(sent(wanting(by, {FieldId::via})) == "Via=1.1 a, 1.1 weir|B=2");
    CHECK(sent(wanting(by, {FieldId::x_forwarded_port})) == "B=2|X-Forwarded-Port=8443");
    CHECK(sent(wanting(by, {FieldId::x_real_ip})) ==
          (trusted ? "X-Real-IP=10.0.0.1|B=2" : "B=2|X-Real-IP=10.0.0.1"));
  }
  CHECK(sent(wanting(from("10.0.0.1", "1.1.1.1", true),
                     {FieldId::x_forwarded_for, FieldId::x_request_id})) ==
        "X-Forwarded-For=1.1.1.1, 10.0.0.1|X-Request-Id=theirs|B=2");
  CHECK(sent(wanting(from("192.0.2.1", "192.0.2.1", false),
                     {FieldId::x_forwarded_for, FieldId::x_request_id})) ==
        "B=2|X-Forwarded-For=192.0.2.1|X-Request-Id=0123456789abcdef0123456789abcdef");
}

TEST_CASE("hop-by-hop: removed with what Connection names, and read on the way") {
  RequestHead head = request({{"A", "1"},
                              {"Connection", "close, X-Gone,, TE"},
                              {"x-gone", "1"},
                              {"connection", "upgrade"},
                              {"Keep-Alive", "timeout=5"},
                              {"TE", "deflate, trailers"},
                              {"Upgrade", "websocket"},
                              {"Proxy-Connection", "keep-alive"},
                              {"Trailer", "X"},
                              {"Proxy", "http://evil"},
                              {"HTTP2-Settings", "x"},
                              {"Content-Length", "5"},
                              {"X-Gone", "2"},
                              {"B", "2"}});
  const auto hop = take_hop_by_hop(head);
  REQUIRE(hop);
  CHECK(text_of(head.fields) == "A=1|B=2");
  CHECK(hop->close);
  CHECK_FALSE(hop->keep_alive);
  CHECK(hop->te_trailers);
  CHECK(hop->upgrade == "websocket");
  CHECK_FALSE(wants_persistence(head.version, *hop));
}

TEST_CASE("hop-by-hop: what Connection does not name does not count") {
  RequestHead head = request({{"TE", "trailers"}, {"Upgrade", "websocket"}});
  auto hop = take_hop_by_hop(head);
  REQUIRE(hop);
  CHECK_FALSE(hop->te_trailers);
  CHECK(hop->upgrade.empty());
  CHECK(head.fields.empty());
  const List upgrade = {{"Connection", "Upgrade"}, {"Upgrade", "websocket"}};
  head = request(upgrade, Version::http_1_0);
  CHECK(take_hop_by_hop(head)->upgrade.empty());
  for (const char* protocol :
       {"h2c", "H2C", "websocket, h2c", "TLS/1.0", "HTTP/2.0", "a b", "h2", "", ",,,"}) {
    head = request({{"Connection", "upgrade"}, {"Upgrade", protocol}});
    CHECK(take_hop_by_hop(head)->upgrade.empty());
  }
  head = request({{"Connection", "upgrade"}, {"Upgrade", "a"}, {"Upgrade", "b"}});
  CHECK(take_hop_by_hop(head)->upgrade.empty());
}

TEST_CASE("hop-by-hop: Connection may not name a field that must arrive") {
  const std::string_view own[] = {"X-API-Key"};
  for (const char* name :
       {"Host", "content-length", "Transfer-Encoding", "Cookie", "Authorization", "X-Forwarded-For",
        "x-forwarded-host", "X-Forwarded-Anything", "X_Forwarded_For", "Forwarded", "Via",
        "X-Real-IP", "X-Request-ID", "X-API-Key", "x_api_key", "Cache-Control", "Expect"}) {
    for (const std::string& option : {std::string(name), "close, " + std::string(name)}) {
      CAPTURE(option);
      RequestHead head = request({{"Connection", option}});
      const auto hop = take_hop_by_hop(head, own);
      REQUIRE_FALSE(hop);
      CHECK(status_of(hop.error()) == 400);
    }
  }
  for (const char* name : {"Content-Length", "Set-Cookie", "Transfer-Encoding", "Vary"}) {
    ResponseHead head;
    head.fields.add("Connection", name);
    const auto hop = take_hop_by_hop(head);
    REQUIRE_FALSE(hop);
    CHECK(status_of(hop.error()) == 502);
  }
}

TEST_CASE("hop-by-hop: a Connection that is not a list of tokens, or endless, is refused") {
  std::string many;
  for (int i = 0; i < 33; ++i) many += "a" + std::to_string(i) + ",";
  for (const std::string& value : {std::string("a b"), std::string("\"close\""), std::string("a=b"),
                                   std::string("a;b"), many}) {
    RequestHead head = request({{"Connection", value}});
    CHECK_FALSE(take_hop_by_hop(head));
  }
}

TEST_CASE("persistence follows the version and Connection") {
  HopByHop hop;
  CHECK(wants_persistence(Version::http_1_1, hop));
  CHECK_FALSE(wants_persistence(Version::http_1_0, hop));
  hop.keep_alive = true;
  CHECK(wants_persistence(Version::http_1_0, hop));
  hop.close = true;
  CHECK_FALSE(wants_persistence(Version::http_1_0, hop));
  CHECK_FALSE(wants_persistence(Version::http_1_1, hop));
}

TEST_CASE("expectation: only 100-continue, only in HTTP/1.1, only for a body") {
  const List expect = {{"Expect", "100-Continue"}};
  CHECK(expectation(request({}), true) == Expectation::none);
  CHECK(expectation(request(expect), true) == Expectation::continue_100);
  CHECK(expectation(request(expect), false) == Expectation::none);
  CHECK(expectation(request(expect, Version::http_1_0), true) == Expectation::none);
  CHECK(expectation(request({{"Expect", "x"}}), true) == Expectation::unsupported);
  CHECK(expectation(request({{"Expect", "100-continue"}, {"Expect", "100-continue"}}), true) ==
        Expectation::unsupported);
}

TEST_CASE("Max-Forwards counts for OPTIONS and TRACE, and is a number") {
  const auto hops = [](Method method, const List& fields) {
    RequestHead head = request(fields);
    head.method = method;
    return max_forwards(head);
  };
  const List three = {{"Max-Forwards", "3"}};
  CHECK(**hops(Method::options, three) == 3);
  CHECK(**hops(Method::trace, three) == 3);
  CHECK_FALSE((*hops(Method::get, three)).has_value());
  CHECK_FALSE((*hops(Method::options, {})).has_value());
  CHECK(**hops(Method::options, {{"Max-Forwards", "99999999999999999999"}}) == UINT64_MAX);
  for (const char* bad : {"", "-1", "+1", "1, 2", "0x1", "1.0"}) {
    CAPTURE(bad);
    CHECK_FALSE(hops(Method::options, {{"Max-Forwards", bad}}));
  }
  CHECK_FALSE(hops(Method::options, {{"Max-Forwards", "1"}, {"Max-Forwards", "1"}}));
  CHECK_FALSE((*hops(Method::get, {{"Max-Forwards", "x"}})).has_value());
}

TEST_CASE("client address: the rightmost hop that is not trusted, if the peer is trusted") {
  const Trusted trust;
  const auto client = [&](const List& fields, std::string_view peer) {
    return std::string(client_address(request(fields).fields, peer, trust));
  };
  CHECK(client({{"X-Forwarded-For", "1.1.1.1"}}, "2.2.2.2") == "2.2.2.2");
  CHECK(client({}, "10.0.0.1") == "10.0.0.1");
  CHECK(client({{"X-Forwarded-For", "1.1.1.1"}}, "10.0.0.1") == "1.1.1.1");
  CHECK(client({{"X-Forwarded-For", "6.6.6.6, 1.1.1.1, 10.0.0.2"}}, "10.0.0.1") == "1.1.1.1");
  CHECK(client({{"X-Forwarded-For", "6.6.6.6, 1.1.1.1"}, {"X-Forwarded-For", "10.0.0.3,10.0.0.2"}},
               "10.0.0.1") == "1.1.1.1");
  CHECK(client({{"X-Forwarded-For", "10.0.0.3, 10.0.0.2"}}, "10.0.0.1") == "10.0.0.3");
  CHECK(client({{"X-Forwarded-For", "1.1.1.1:99"}}, "10.0.0.1") == "1.1.1.1");
  CHECK(client({{"X-Forwarded-For", "[2001:db8::1]:99"}}, "fd00::1") == "2001:db8::1");
  CHECK(client({{"X-Forwarded-For", "2001:db8::1"}}, "fd00::1") == "2001:db8::1");
  for (const char* junk : {"", "unknown", "1.1.1.1, ", "1.1.1.1, x", "1.1.1.1, 2.2.2.2:x", "_x",
                           "999.1.1.1", "[1.2.3.4]", "[::1", "1.1.1.1, 10.0.0", "01.1.1.1"}) {
    CAPTURE(junk);
    CHECK(client({{"X-Forwarded-For", junk}}, "10.0.0.1") == "10.0.0.1");
  }
  CHECK(client({{"X-Forwarded-For", "6.6.6.6, x, 10.0.0.2"}}, "10.0.0.1") == "10.0.0.2");
}

TEST_CASE("forwarded fields: what an untrusted client says about itself is gone, however spelt") {
  RequestHead head = request({{"X-Forwarded-For", "6.6.6.6"},
                              {"x-forwarded-for", "7.7.7.7"},
                              {"X_Forwarded_For", "8.8.8.8"},
                              {"X-Forwarded-Host", "evil"},
                              {"X-Forwarded-Proto", "http"},
                              {"X-Forwarded-Port", "1"},
                              {"X-Forwarded-Server", "evil"},
                              {"X-Forwarded_Prefix", "/evil"},
                              {"Forwarded", "for=6.6.6.6"},
                              {"X-Real-IP", "6.6.6.6"},
                              {"X-Real_IP", "6.6.6.6"},
                              {"True-Client-IP", "6.6.6.6"},
                              {"X-Client-IP", "6.6.6.6"},
                              {"X-Request-Id", "evil"},
                              {"Via", "1.0 fred"},
                              {"X-Forwarded", "stays"}});
  Arena arena;
  add_forwarded(head, from("2.2.2.2", "2.2.2.2", false), arena);
  CHECK_FALSE(arena.exhausted());
  CHECK(text_of(head.fields) ==
        "Via=1.0 fred, 1.1 weir|X-Forwarded=stays|X-Forwarded-For=2.2.2.2|"
        "Forwarded=for=2.2.2.2;host=\"example.com\";proto=https|X-Forwarded-Host=example.com|"
        "X-Forwarded-Proto=https|X-Forwarded-Port=8443|"
        "X-Request-Id=0123456789abcdef0123456789abcdef|X-Real-IP=2.2.2.2");
}

TEST_CASE("forwarded fields: a trusted peer's are kept and appended to") {
  RequestHead head = request({{"X-Forwarded-For", "1.1.1.1"},
                              {"X-Forwarded-For", "10.0.0.9"},
                              {"X-Forwarded-Host", "front.example"},
                              {"X-Forwarded-Proto", "http"},
                              {"Forwarded", "for=1.1.1.1"},
                              {"X-Real-IP", "6.6.6.6"},
                              {"X-Request-Id", "abc"}},
                             Version::http_1_0);
  Arena arena;
  const auto by = from("10.0.0.1", "1.1.1.1", true);
  CHECK(appended_forwarded_for(head.fields, by, arena) == "1.1.1.1, 10.0.0.9, 10.0.0.1");
  add_forwarded(head, by, arena);
  CHECK(text_of(head.fields) ==
        "X-Forwarded-For=1.1.1.1, 10.0.0.9, 10.0.0.1|X-Forwarded-Host=front.example|"
        "X-Forwarded-Proto=http|Forwarded=for=1.1.1.1, "
        "for=10.0.0.1;host=\"example.com\";proto=https|X-Real-IP=1.1.1.1|X-Request-Id=abc|"
        "X-Forwarded-Port=8443|Via=1.0 weir");
}

TEST_CASE("forwarded fields: IPv6 peers, Unix sockets and requests without a host") {
  RequestHead head = request({});
  head.authority = {};
  Arena arena;
  add_forwarded(head, from("2001:db8::1", "2001:db8::1", false), arena);
  CHECK(head.fields.value(FieldId::forwarded) == "for=\"[2001:db8::1]\";proto=https");
  CHECK(head.fields.value(FieldId::x_forwarded_for) == "2001:db8::1");
  CHECK_FALSE(head.fields.has(FieldId::x_forwarded_host));
  head = request({{"X-Real-IP", "6.6.6.6"}, {"X-Forwarded-For", "6.6.6.6"}});
  add_forwarded(head, from("", "", false), arena);
  CHECK(head.fields.value(FieldId::forwarded) == "for=unknown;host=\"example.com\";proto=https");
  CHECK_FALSE(head.fields.has(FieldId::x_forwarded_for));
  CHECK_FALSE(head.fields.has(FieldId::x_real_ip));
}

TEST_CASE("forwarded fields: a hundred Via fields cost their size once") {
  const std::string long_value(300, 'v');
  RequestHead head = request({});
  for (int i = 0; i < 100; ++i) head.fields.add("Via", long_value);
  Arena arena;
  add_via(head.fields, Version::http_2, "weir", arena);
  CHECK_FALSE(arena.exhausted());
  CHECK(head.fields.count(FieldId::via) == 1);
  CHECK(head.fields.value(FieldId::via).size() == 100 * 302 + 6);
  CHECK(arena.reserved() <= 64 * 1024);
}
