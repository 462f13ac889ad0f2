#include "upstream/dns_answer.h"

#include <doctest/doctest.h>

using namespace weir;

namespace {

using namespace std::string_literals;

std::string u16(unsigned value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value & 0xff)};
}
std::string u32(unsigned value) { return u16(value >> 16) + u16(value & 0xffff); }

std::string name(const std::string& dotted) {
  std::string out;
  for (std::size_t at = 0; at < dotted.size();) {
    const std::size_t end = std::min(dotted.find('.', at), dotted.size());
    out += static_cast<char>(end - at) + dotted.substr(at, end - at);
    at = end + 1;
  }
  return out + '\0';
}

std::string record(const std::string& owner, unsigned type, unsigned ttl, const std::string& data,
                   unsigned its_class = 1) {
  return owner + u16(type) + u16(its_class) + u32(ttl) + u16(static_cast<unsigned>(data.size())) +
         data;
}
const std::string asked = "\xc0\x0c"s;  // a pointer to the name of the question

std::string message(unsigned type, const std::vector<std::string>& records,
                    const std::string& question = "api.internal", unsigned flags = 0x8180) {
  std::string out = u16(7) + u16(flags) + u16(1) + u16(static_cast<unsigned>(records.size())) +
                    u16(0) + u16(0) + name(question) + u16(type) + u16(1);
  for (const std::string& one : records) out += one;
  return out;
}

Result<DnsAnswer> parse(const std::string& bytes, DnsType type = DnsType::a) {
  return parse_dns_answer(bytes, "api.internal", type);
}

}  // namespace

TEST_CASE("dns answer: addresses and the least time to live") {
  const auto answer = parse(
      message(1, {record(asked, 1, 60, "\x0a\0\0\x01"s), record(asked, 1, 30, "\x0a\0\0\x02"s),
                  record(name("other.internal"), 1, 5, "\x0a\0\0\x03"s)}));
  REQUIRE(answer);
  REQUIRE(answer->addresses.size() == 2);
  CHECK(answer->addresses[0].ip() == "10.0.0.1");
  CHECK(answer->addresses[1].ip() == "10.0.0.2");
  CHECK(answer->ttl == std::chrono::seconds(30));
  const auto six =
      parse(message(28, {record(asked, 28, 60, std::string(15, '\0') + '\1')}), DnsType::aaaa);
  REQUIRE(six);
  REQUIRE(six->addresses.size() == 1);
  CHECK(six->addresses[0].ip() == "::1");
}

TEST_CASE("dns answer: the name is compared without case, and CNAMEs are followed in any order") {
  const auto answer = parse(message(1,
                                    {record(name("c.internal"), 1, 60, "\x0a\0\0\x01"s),
                                     record(name("B.internal"), 5, 20, name("c.internal")),
                                     record(asked, 5, 300, name("b.INTERNAL"))},
                                    "API.internal"));
  REQUIRE(answer);
  REQUIRE(answer->addresses.size() == 1);
  CHECK(answer->ttl == std::chrono::seconds(20));
}

TEST_CASE("dns answer: CNAMEs in a circle are an error") {
  const auto self = parse(message(1, {record(asked, 5, 60, asked)}));
  REQUIRE_FALSE(self);
  CHECK(self.error().what == "CNAMEs without an end");
  CHECK_FALSE(parse(message(
      1, {record(asked, 5, 60, name("b.internal")), record(name("b.internal"), 5, 60, asked)})));
}

TEST_CASE("dns answer: services, one that is not there, names that are no host's") {
  const std::string target = name("n1.internal");
  const auto answer =
      parse(message(33, {record(asked, 33, 9, u16(1) + u16(5) + u16(80) + target),
                         record(asked, 33, 9, u16(2) + u16(0) + u16(81) + asked),
                         record(asked, 33, 9, u16(0) + u16(0) + u16(0) + "\0"s),
                         record(asked, 33, 9, u16(0) + u16(0) + u16(1) + "\3a.b\0"s)}),
            DnsType::srv);
  REQUIRE(answer);
  REQUIRE(answer->services.size() == 4);
  CHECK(answer->services[0] == DnsService{1, 5, 80, "n1.internal"});
  CHECK(answer->services[1] == DnsService{2, 0, 81, "api.internal"});
  CHECK(answer->services[2].target == "");
  CHECK(answer->services[3].target == "a?b");
}

TEST_CASE("dns answer: nothing is no error, and of another class or kind is nothing") {
  const auto nothing = parse(message(1, {}));
  REQUIRE(nothing);
  CHECK(nothing->addresses.empty());
  const auto other = parse(
      message(1, {record(asked, 1, 60, "\x0a\0\0\x01"s, 3), record(asked, 16, 60, "\3abc"s)}));
  REQUIRE(other);
  CHECK(other->addresses.empty());
}

TEST_CASE("dns answer: a time to live beyond 2^31 is none") {
  const auto answer = parse(message(1, {record(asked, 1, 0x80000000, "\x0a\0\0\x01"s)}));
  REQUIRE(answer);
  CHECK(answer->ttl.count() == 0);
}

TEST_CASE("dns answer: what is refused") {
  const std::string good = message(1, {record(asked, 1, 60, "\x0a\0\0\x01"s)});
  REQUIRE(parse(good));
  for (std::size_t size = 0; size < good.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(parse(good.substr(0, size)));
  }
  CHECK_FALSE(parse(message(1, {}, "other.internal")));                 // another question
  CHECK_FALSE(parse(message(28, {})));                                  // another type
  CHECK_FALSE(parse(message(1, {}, "api.internal", 0x0180)));           // a question itself
  CHECK_FALSE(parse(message(1, {record(asked, 1, 60, "\x0a\0\0"s)})));  // three bytes
  CHECK_FALSE(parse(message(1, {record(asked, 28, 60, "\x0a\0\0\1"s)})));
  CHECK_FALSE(parse(message(1, {record(asked, 5, 60, name("b") + "x")})));      // more than a name
  CHECK_FALSE(parse(message(1, {record("\xc0\xff"s, 1, 60, "\x0a\0\0\1"s)})));  // ahead
  CHECK_FALSE(parse(message(1, {record("\xc0\x1e"s, 1, 60, "\x0a\0\0\1"s)})));  // at itself
  CHECK_FALSE(parse(message(1, {record("\x40xx"s, 1, 60, "\x0a\0\0\1"s)})));    // a strange label
}

TEST_CASE("dns answer: pointers that lead in circles end") {
  // Two pointers, each to the other, in the data of CNAMEs.
  const std::string head = message(1, {});
  const unsigned at = static_cast<unsigned>(head.size());
  std::string bytes = message(1, {record(asked, 5, 60, u16(0xc000 | (at + 12 + 14))),
                                  record(asked, 5, 60, u16(0xc000 | (at + 12)))});
  CHECK_FALSE(parse(bytes));
}
