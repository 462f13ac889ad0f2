#include "upstream/peer_list.h"

#include <doctest/doctest.h>

using namespace weir;

namespace {

FoundPeer peer(const std::string& address, const std::string& host, std::uint16_t weight = 0,
               bool backup = false) {
  return {address, host, weight, backup};
}

constexpr std::size_t most = 8;

}  // namespace

TEST_CASE("peer list: an address a line, with options and remarks") {
  const PeerList list = parse_peer_list(
      "# peers\r\n"
      "10.0.0.1:80   weight=3 # the big one\n"
      "\n"
      "\t[2001:db8::1]:8080\tbackup\n"
      "10.0.0.2\n"
      "unix:/run/app.sock weight=1",
      9000, most);
  CHECK(list.error == "");
  CHECK(list.peers == FoundSet{peer("10.0.0.1:80", "10.0.0.1", 3),
                               peer("[2001:db8::1]:8080", "2001:db8::1", 0, true),
                               peer("10.0.0.2:9000", "10.0.0.2"),
                               peer("unix:/run/app.sock", "/run/app.sock", 1)});
}

TEST_CASE("peer list: a JSON list of addresses and objects") {
  const PeerList list = parse_peer_list(
      " [\"10.0.0.1:80\",\n"
      "  {\"address\": \"[::1]:80\", \"weight\": 2, \"backup\": true}, "
      "{\"address\":\"10.0.0.3\"}]\n",
      81, most);
  CHECK(list.error == "");
  CHECK(list.peers == FoundSet{peer("10.0.0.1:80", "10.0.0.1"), peer("[::1]:80", "::1", 2, true),
                               peer("10.0.0.3:81", "10.0.0.3")});
}

TEST_CASE("peer list: a line that begins with an IPv6 address is no JSON") {
  const PeerList list = parse_peer_list("[::1]:80\n[fe80::1]:80\n", 0, most);
  CHECK(list.error == "");
  CHECK(list.peers.size() == 2);
}

TEST_CASE("peer list: nothing is an empty set, in both forms") {
  for (const char* text : {"", "\n\n", "# nobody\n", "[]", " [ ]\n"}) {
    CAPTURE(text);
    const PeerList list = parse_peer_list(text, 0, most);
    CHECK(list.error == "");
    CHECK(list.peers.empty());
  }
}

TEST_CASE("peer list: what is refused, and where") {
  struct Bad {
    std::string text;
    std::size_t line;
    const char* said;
  };
  for (const Bad& bad : std::initializer_list<Bad>{
           {"10.0.0.1:80\nexample.com:80\n", 2, "\"example.com:80\" is not an address"},
           {"10.0.0.1\n", 1, "has no port"},
           {"10.0.0.1:0\n", 1, "port"},
           {"10.0.0.1:80 weight=0\n", 1, "1 to 65535"},
           {"10.0.0.1:80 weight=65536\n", 1, "1 to 65535"},
           {"10.0.0.1:80 weight=-1\n", 1, "1 to 65535"},
           {"10.0.0.1:80 weight=1 weight=2\n", 1, "stands there twice"},
           {"10.0.0.1:80 backup backup\n", 1, "stands there twice"},
           {"10.0.0.1:80 down\n", 1, "\"down\" is not weight=N or backup"},
           {"\n\n10.0.0.1:80;\n", 3, "is not an address"},
           {"1.1.1.1:1\n1.1.1.1:2\n1.1.1.1:3\n1.1.1.1:4\n1.1.1.1:5\n1.1.1.1:6\n1.1.1.1:7\n1.1.1.1:"
            "8\n"
            "1.1.1.1:9\n",
            9, "more than 8 peers"},
           {std::string("10.0.0.1:80\0\n", 13), 1, "NUL"},
           {"unix:/run/\xff\n", 1, "not printable ASCII"},
           {"[\"unix:/run/\\u00e4\"]", 1, "not printable ASCII"},
           {"{}", 1, "an object where a list of peers should stand"},
           {"[\"10.0.0.1:80\",\n\"10.0.0.2:80\"", 2, "not well-formed"},
           {"[\"10.0.0.1:80\"\n\n\"10.0.0.2:80\"]", 3, "not well-formed"},
           {"[\"10.0.0.1:80\"] x", 1, "not well-formed"},
           {"[\n\"a:80\"]", 2, "\"a:80\" is not an address"},
           {"[{\"address\":\"10.0.0.1:80\",\n\"wieght\":1}]", 2, "\"wieght\" is not address"},
           {"[{\"address\":\"10.0.0.1:80\",\"weight\":0}]", 1, "1 to 65535"},
           {"[{\"address\":\"10.0.0.1:80\",\"weight\":-3}]", 1, "1 to 65535"},
           {"[{\"address\":\"10.0.0.1:80\",\"weight\":1.5}]", 1, "a fraction where"},
           {"[{\"address\":\"10.0.0.1:80\",\"weight\":\"1\"}]", 1, "the value of \"weight\""},
           {"[{\"address\":\"10.0.0.1:80\",\"backup\":1}]", 1, "a number where"},
           {"[{\"address\":null}]", 1, "null where"},
           {"[{\"weight\":1}]", 1, "an object without an address"},
           {"[{\"address\":\"1.1.1.1:1\",\"address\":\"1.1.1.1:2\"}]", 1, "twice"},
           {"[\n[\"10.0.0.1:80\"]]", 1, ""},
           {"[\"10.0.0.1:80\", [\"10.0.0.1:80\"]]", 1, "a list where"},
           {"[\"10.0.0.1:80\", true]", 1, "true where an address"},
           {"[{\"address\":{}}]", 1, "an object where"},
       }) {
    CAPTURE(bad.text);
    CAPTURE(bad.said);
    const PeerList list = parse_peer_list(bad.text, 0, most);
    CAPTURE(list.error);
    CHECK(list.error != "");
    CHECK(list.error.find(bad.said) != std::string::npos);
    CHECK(list.line == bad.line);
  }
}

TEST_CASE("peer list: depth and length cost nothing but an error") {
  CHECK(parse_peer_list("[\"" + std::string(200'000, '['), 0, most).error != "");
  CHECK(parse_peer_list("[{\"address\":" + std::string(200'000, '['), 0, most).error != "");
  const PeerList list = parse_peer_list(std::string(100'000, 'a'), 0, most);
  CHECK(list.error.size() < 200);
}
