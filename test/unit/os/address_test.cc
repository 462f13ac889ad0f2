#include "os/address.h"

#include <doctest/doctest.h>

#include "os/cidr.h"

namespace weir {

TEST_CASE("address: text goes in and comes out the same") {
  for (const char* text : {"127.0.0.1:80", "[::1]:443", "[2001:db8::1]:65535", "0.0.0.0:0",
                           "unix:/run/weir/admin.sock", "unix:@abstract"}) {
    CAPTURE(text);
    const auto address = Address::parse(text);
    REQUIRE(address);
    CHECK(address->to_string() == text);
    CHECK(*address == *Address::parse(text));
    CHECK(address->hash() == Address::parse(text)->hash());
  }
}

TEST_CASE("address: a missing port is the default port") {
  CHECK(Address::parse("192.0.2.1", 80)->port() == 80);
  CHECK(Address::parse("2001:db8::1", 80)->to_string() == "[2001:db8::1]:80");
  CHECK(Address::parse("192.0.2.1:81", 80)->port() == 81);
}

TEST_CASE("address: what is refused") {
  for (const char* text :
       {"", "localhost", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1",
        "127.0.0.1:080000", "127.0.0.256", "127.1", "0127.0.0.1", "[::1", "[::1]x", "[127.0.0.1]:1",
        "::1:x", "unix:", "fe80::1%lo", " 127.0.0.1", "127.0.0.1 "}) {
    CAPTURE(text);
    CHECK_FALSE(Address::parse(text));
  }
  CHECK_FALSE(Address::parse("unix:" + std::string(108, 'a')));
  CHECK(Address::parse("unix:" + std::string(107, 'a')));
}

TEST_CASE("address: loopback and wildcard") {
  for (const char* text : {"127.0.0.1", "127.255.0.1", "::1", "::ffff:127.0.0.1", "unix:/x"}) {
    CAPTURE(text);
    CHECK(Address::parse(text)->is_loopback());
  }
  for (const char* text : {"128.0.0.1", "::2", "::ffff:10.0.0.1", "0.0.0.0"}) {
    CAPTURE(text);
    CHECK_FALSE(Address::parse(text)->is_loopback());
  }
  CHECK(Address::any_ipv4(1).is_wildcard());
  CHECK(Address::any_ipv6(1).is_wildcard());
  CHECK_FALSE(Address::parse("0.0.0.1")->is_wildcard());
  CHECK_FALSE(Address::parse("unix:/x")->is_wildcard());
}

TEST_CASE("address: unlike addresses differ") {
  const char* all[] = {"127.0.0.1:80",          "127.0.0.1:81", "[::1]:80",
                       "[::ffff:127.0.0.1]:80", "unix:/a",      "unix:@/a"};
  for (const char* a : all) {
    for (const char* b : all) CHECK((*Address::parse(a) == *Address::parse(b)) == (a == b));
  }
  CHECK(Address::parse("[::ffff:127.0.0.1]:80")->without_mapping() ==
        *Address::parse("127.0.0.1:80"));
}

TEST_CASE("cidr: members and strangers") {
  const auto in = [](const char* network, const char* address) {
    return Cidr::parse(network)->contains(*Address::parse(address));
  };
  CHECK(in("10.0.0.0/8", "10.255.0.1"));
  CHECK_FALSE(in("10.0.0.0/8", "11.0.0.1"));
  CHECK(in("10.0.0.0/8", "::ffff:10.1.2.3"));
  CHECK(in("192.0.2.128/25", "192.0.2.200"));
  CHECK_FALSE(in("192.0.2.128/25", "192.0.2.127"));
  CHECK(in("0.0.0.0/0", "192.0.2.1"));
  CHECK_FALSE(in("0.0.0.0/0", "2001:db8::1"));
  CHECK(in("2001:db8::/33", "2001:db8:7fff::1"));
  CHECK_FALSE(in("2001:db8::/33", "2001:db8:8000::1"));
  CHECK(in("192.0.2.1", "192.0.2.1"));
  CHECK_FALSE(in("192.0.2.1", "192.0.2.2"));
  CHECK(in("unix:", "unix:/run/x"));
  CHECK_FALSE(in("unix:", "127.0.0.1"));
  CHECK(Cidr::all().contains(*Address::parse("unix:/run/x")));
  CHECK(Cidr::parse("192.0.2.1/32")->to_string() == "192.0.2.1");
  CHECK(Cidr::parse("10.0.0.0/8")->to_string() == "10.0.0.0/8");
}

TEST_CASE("cidr: what is refused") {
  for (const char* text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.1/8", "::1/129", "::1/64",
                           "10.0.0.0/-1", "10.0.0.0/8 ", "10.0.0.0/0008", "example.com"}) {
    CAPTURE(text);
    CHECK_FALSE(Cidr::parse(text));
  }
}

}  // namespace weir
