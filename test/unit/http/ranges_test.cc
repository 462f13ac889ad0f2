#include "http/ranges.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <vector>

using namespace weir;

namespace {

// "0-9,20-29", "whole" or "416".
std::string select(std::string_view field, std::uint64_t length) {
  RangeSet set;
  switch (select_ranges(field, length, set)) {
    case RangeVerdict::whole: return "whole";
    case RangeVerdict::unsatisfiable: return "416";
    case RangeVerdict::partial: break;
  }
  std::string out;
  for (const ByteRange& range : set.ranges()) {
    out += fmt::format("{}{}-{}", out.empty() ? "" : ",", range.first, range.last);
  }
  return out;
}

}  // namespace

TEST_CASE("ranges: what each field asks of 1000 bytes") {
  struct Case {
    std::string_view field;
    std::string_view is;
  };
  for (const Case& test : std::vector<Case>{
           // RFC 9110 14.1.2: its examples, of a shorter representation
           {"bytes=0-499", "0-499"},
           {"bytes=500-999", "500-999"},
           {"bytes=-500", "500-999"},
           {"bytes=950-", "950-999"},
           {"bytes=0-0,-1", "0-0,999-999"},
           {" bytes= 0-999, 4500-5499, -1000", "whole"},
           {"bytes=500-600,601-999", "500-999"},
           {"bytes=500-700,601-999", "500-999"},
           // one range
           {"bytes=0-0", "0-0"},
           {"bytes=999-999", "999-999"},
           {"bytes=0-", "0-999"},
           {"bytes=0-999", "0-999"},
           {"bytes=0-5000", "0-999"},
           {"bytes=-1", "999-999"},
           {"bytes=-5000", "0-999"},
           {"bytes=900-99999999999999999999999999", "900-999"},
           {"bytes=-99999999999999999999999999", "0-999"},
           {"BYTES=0-1", "0-1"},
           {"bytes=0-1,", "0-1"},
           {"bytes=,,0-1", "0-1"},
           {"bytes=0000-0001", "0-1"},
           // RFC 9110 15.5.17: none of them can be satisfied
           {"bytes=1000-", "416"},
           {"bytes=1000-2000", "416"},
           {"bytes=-0", "416"},
           {"bytes=99999999999999999999999999-", "416"},
           {"bytes=1000-1001,5000-", "416"},
           {"bytes=1000-,0-1", "0-1"},
           {"bytes=-0,0-1", "0-1"},
           // RFC 9110 14.2: malformed or of another unit: ignored
           {"bytes=1-0", "whole"},
           {"bytes=0-1,5-4", "whole"},
           {"bytes=", "whole"},
           {"bytes", "whole"},
           {"bytes=-", "whole"},
           {"bytes=--1", "whole"},
           {"bytes=a-b", "whole"},
           {"bytes=0-1x", "whole"},
           {"bytes=0", "whole"},
           {"bytes=0 - 1", "whole"},
           {"bytes =0-1", "whole"},
           {"bytes 0-1", "whole"},
           {"bytes=+0-1", "whole"},
           {"bytes=0-+1", "whole"},
           {"bytes=0x0-0x1", "whole"},
           {"bytes=0--1", "whole"},
           {"bytes=0-1-2", "whole"},
           {"bytes=0-1;2-3", "whole"},
           {"items=0-1", "whole"},
           {"", "whole"},
           {",", "whole"},
           {"bytes=,", "whole"},
           // several: the order stays
           {"bytes=0-9,500-509", "0-9,500-509"},
           {"bytes=500-509,0-9", "500-509,0-9"},
           {"bytes=0-9,200-209,-10", "0-9,200-209,990-999"},
           // RFC 9110 15.3.7.2: near ones become one
           {"bytes=0-9,10-19", "0-19"},
           {"bytes=0-9,90-99", "0-99"},
           {"bytes=0-9,91-99", "0-9,91-99"},
           {"bytes=90-99,0-9", "0-99"},
           {"bytes=0-9,160-170,85-95", "0-170"},
           {"bytes=0-9,0-9", "0-9"},
           // RFC 9110 14.2: more than two overlaps, or very many
           {"bytes=0-,0-,0-", "whole"},
           {"bytes=0-499,400-999", "whole"},
           {"bytes=0-9,5-19,15-29,25-39", "whole"},
           {"bytes=0-9,5-19,15-29", "0-29"},
           {"bytes=0-0,100-100,200-200,300-300,400-400,500-500,600-600,700-700,800-800,900-900,"
            "50-50,150-150,250-250,350-350,450-450,550-550,650-650",
            "whole"},
       }) {
    CAPTURE(test.field);
    CHECK(select(test.field, 1000) == test.is);
  }
}

TEST_CASE("ranges: of an empty representation none can be satisfied but a suffix") {
  CHECK(select("bytes=0-", 0) == "416");
  CHECK(select("bytes=0-0", 0) == "416");
  CHECK(select("bytes=-0", 0) == "416");
  CHECK(select("bytes=-5", 0) == "whole");  // RFC 9110 14.1.2: satisfiable, and 206 can't say it
}

TEST_CASE("ranges: no field makes more bytes than the whole has") {
  // What brought servers down (CVE-2011-3192): many ranges that lie over one another.
  std::string many = "bytes=0-";
  for (int i = 0; i < 1300; ++i) many += fmt::format(",5-{}", i + 5);
  CHECK(select(many, 100'000) == "whole");
  std::string single = "bytes=0-0";
  for (int i = 1; i < 1300; ++i) single += fmt::format(",{0}-{0}", i * 100);
  CHECK(select(single, 1'000'000) == "whole");
}

TEST_CASE("ranges: what a player sends for everything") {
  CHECK(asks_for_all("bytes=0-"));
  CHECK(asks_for_all("Bytes=0-"));
  CHECK_FALSE(asks_for_all("bytes=0-1"));
  CHECK_FALSE(asks_for_all("bytes=1-"));
  CHECK_FALSE(asks_for_all("bytes=0-,5-6"));
  CHECK_FALSE(asks_for_all(""));
}

TEST_CASE("ranges: Content-Range as RFC 9110 14.4 writes it") {
  std::string out;
  append_content_range({42, 1233}, 1234, out);
  CHECK(out == "bytes 42-1233/1234");
  out.clear();
  append_unsatisfied_range(1234, out);
  CHECK(out == "bytes */1234");
}

TEST_CASE("multipart/byteranges: parts, end and the exact length") {
  RangeSet set;
  REQUIRE(select_ranges("bytes=500-509,0-9", 8000, set) == RangeVerdict::partial);
  const Multipart multipart("THIS_STRING_SEPARATES", "text/plain", 8000, set);
  std::string body;
  for (std::size_t at = 0; at < set.size(); ++at) {
    multipart.append_part_head(at, body);
    body.append(set[at].size(), 'x');
  }
  multipart.append_end(body);
  CHECK(body ==
        "--THIS_STRING_SEPARATES\r\nContent-Type: text/plain\r\nContent-Range: bytes "
        "500-509/8000\r\n\r\nxxxxxxxxxx"
        "\r\n--THIS_STRING_SEPARATES\r\nContent-Type: text/plain\r\nContent-Range: bytes "
        "0-9/8000\r\n\r\nxxxxxxxxxx"
        "\r\n--THIS_STRING_SEPARATES--\r\n");
  CHECK(multipart.total() == body.size());
  std::string type;
  multipart.append_content_type(type);
  CHECK(type == "multipart/byteranges; boundary=THIS_STRING_SEPARATES");

  // A representation without a type has parts without one.
  const Multipart untyped("b", "", 8000, set);
  body.clear();
  untyped.append_part_head(0, body);
  CHECK(body == "--b\r\nContent-Range: bytes 500-509/8000\r\n\r\n");
}
