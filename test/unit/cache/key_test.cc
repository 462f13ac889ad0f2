#include "cache/key.h"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

#include "support.h"

namespace weir::cache {
namespace {

using test::answer;
using test::Lines;
using test::request;

std::string variant(std::string_view names, const Lines& lines) {
  std::string out = "k";
  append_variant_key(names, request(Method::get, lines).fields, out);
  return out;
}

TEST_CASE("key: what key_headers names, and a body") {
  Rules rules;
  std::string key = "httpexample.com/a";
  append_key_fields(request(Method::get, {{"Accept", "text/html"}}).fields, rules, key);
  CHECK(key == "httpexample.com/a");
  rules.key_fields = {"accept", "x-tenant"};
  append_key_fields(request(Method::get, {{"Accept", "text/html"}}).fields, rules, key);
  CHECK(key == "httpexample.com/a\naccept=text/html\nx-tenant-");
  key = "k";
  append_key_fields(
      request(Method::get, {{"x-tenant", "a"}, {"ACCEPT", "a"}, {"Accept", "b , c"}}).fields, rules,
      key);
  CHECK(key == "k\naccept=a,b,c\nx-tenant=a");
  key = "k";
  append_body_key(std::array<std::uint8_t, 3>{0x00, 0x5f, 0xff}, key);
  CHECK(key == "k\n#005fff");
}

TEST_CASE(
    "key: languages and charsets are the same in any case, in the order in which they stand") {
  CHECK(variant("accept-language", {{"Accept-Language", "en-GB, DE"}}) ==
        variant("accept-language", {{"Accept-Language", "EN-gb,de"}}));
  CHECK(variant("accept-language", {{"Accept-Language", "de, en"}}) !=
        variant("accept-language", {{"Accept-Language", "en, de"}}));
  CHECK(variant("accept", {{"Accept", "a/b;v=X"}}) != variant("accept", {{"Accept", "a/b;v=x"}}));
}

TEST_CASE("key: another port of Host is another URI, for a purge, too (RFC 9110 4.2.3)") {
  std::string key = "httpexample.com/a";
  append_port(0, key);
  CHECK(key == "httpexample.com/a");
  append_port(8080, key);
  CHECK(key == "httpexample.com/a :8080");
  Rules rules;
  rules.key_fields = {"accept"};
  append_key_fields(request(Method::get, {}).fields, rules, key);
  CHECK(uri_part(key) == "httpexample.com/a :8080");
}

TEST_CASE("key: all that is stored for one URI begins with the same part") {
  Rules rules;
  rules.key_fields = {"accept"};
  std::string key = "httpexample.com/a";
  CHECK(uri_part(key) == key);
  append_key_fields(request(Method::get, {{"Accept", "x"}}).fields, rules, key);
  append_body_key(std::array<std::uint8_t, 1>{1}, key);
  append_variant_key("origin", request(Method::get).fields, key);
  CHECK(uri_part(key) == "httpexample.com/a");
  CHECK(key.starts_with("httpexample.com/a\n"));
}

TEST_CASE("vary: which names choose among variants (RFC 9111 4.1)") {
  struct Case {
    Lines fields;
    Varies varies;
    std::string_view names;
  };
  std::string sixteen, seventeen;
  for (int i = 0; i < 17; ++i) {
    seventeen += (i == 0 ? "x" : ",x") + std::to_string(i);
    if (i == 15) sixteen = seventeen;
  }
  for (const Case& test : std::vector<Case>{
           {{}, Varies::no, ""},
           {{{"Vary", ""}}, Varies::no, ""},
           {{{"Vary", " , "}}, Varies::no, ""},
           {{{"Vary", "Accept"}}, Varies::by_fields, "accept"},
           {{{"Vary", "Origin, Accept-Encoding"}}, Varies::by_fields, "accept-encoding,origin"},
           {{{"Vary", "Origin"}, {"Vary", "Accept"}}, Varies::by_fields, "accept,origin"},
           {{{"Vary", "Accept, ACCEPT,accept"}}, Varies::by_fields, "accept"},
           {{{"Vary", "*"}}, Varies::unusable, ""},
           {{{"Vary", "Accept, *"}}, Varies::unusable, ""},
           {{{"Vary", "Accept"}, {"Vary", "*"}}, Varies::unusable, ""},
           {{{"Vary", "a b"}}, Varies::unusable, ""},
           {{{"Vary", "\"Accept\""}}, Varies::unusable, ""},
           {{{"Vary", seventeen}}, Varies::unusable, ""},
       }) {
    const std::string shown(test.fields.empty() ? "" : test.fields.back().second);
    CAPTURE(shown);
    std::string names;
    CHECK(vary_names(answer(200, test.fields).fields, names) == test.varies);
    if (test.varies != Varies::unusable) CHECK(names == test.names);
  }
  std::string names;
  CHECK(vary_names(answer(200, {{"Vary", sixteen}}).fields, names) == Varies::by_fields);
}

TEST_CASE("vary: requests that mean the same have one variant, others have not (RFC 9111 4.1)") {
  struct Case {
    std::string_view why;
    std::string_view names;
    Lines a, b;
    bool same;
  };
  for (const Case& test : std::vector<Case>{
           {"equal", "accept", {{"Accept", "a"}}, {{"Accept", "a"}}, true},
           {"other value", "accept", {{"Accept", "a"}}, {{"Accept", "b"}}, false},
           {"absent in both", "accept", {}, {}, true},
           {"absent in one", "accept", {{"Accept", "a"}}, {}, false},
           {"absent is not empty", "accept", {{"Accept", ""}}, {}, false},
           {"absent is not '-'", "x-a", {{"X-A", "-"}}, {}, false},
           {"name of the field without case", "x-a", {{"X-A", "1"}}, {{"x-a", "1"}}, true},
           {"value with case", "x-a", {{"X-A", "a"}}, {{"X-A", "A"}}, false},
           {"blanks in a list", "accept", {{"Accept", "a,b"}}, {{"Accept", " a ,  b"}}, true},
           {"lines of a list",
            "accept",
            {{"Accept", "a, b"}},
            {{"Accept", "a"}, {"Accept", "b"}},
            true},
           {"order of a list", "accept", {{"Accept", "a, b"}}, {{"Accept", "b, a"}}, false},
           {"blanks of what may be no list",
            "cookie",
            {{"Cookie", "a, b"}},
            {{"Cookie", "a,b"}},
            false},
           {"lines of what may be no list",
            "x-a",
            {{"X-A", "a, b"}},
            {{"X-A", "a"}, {"X-A", "b"}},
            true},
           {"what is not named", "accept", {{"Cookie", "a"}}, {{"Cookie", "b"}}, true},
           {"one of two",
            "accept,origin",
            {{"Accept", "a"}, {"Origin", "o"}},
            {{"Accept", "a"}, {"Origin", "p"}},
            false},
           {"a value can't become a name",
            "accept,origin",
            {{"Accept", "a"}, {"Origin", "o"}},
            {{"Accept", "a?origin=o"}},
            false},
           // RFC 9110 12.5.3: the codings that are accepted
           {"order",
            "accept-encoding",
            {{"Accept-Encoding", "gzip, br"}},
            {{"Accept-Encoding", "br,gzip"}},
            true},
           {"weights",
            "accept-encoding",
            {{"Accept-Encoding", "gzip;q=0.5, br;q=1.0"}},
            {{"Accept-Encoding", "br, gzip"}},
            true},
           {"refused",
            "accept-encoding",
            {{"Accept-Encoding", "gzip, br;q=0"}},
            {{"Accept-Encoding", "gzip"}},
            true},
           {"refused, written otherwise",
            "accept-encoding",
            {{"Accept-Encoding", "gzip, br ; Q=0.000"}},
            {{"Accept-Encoding", "gzip"}},
            true},
           {"a small weight is none of 0",
            "accept-encoding",
            {{"Accept-Encoding", "gzip, br;q=0.001"}},
            {{"Accept-Encoding", "gzip"}},
            false},
           {"case",
            "accept-encoding",
            {{"Accept-Encoding", "GZip"}},
            {{"Accept-Encoding", "gzip"}},
            true},
           {"x-gzip",
            "accept-encoding",
            {{"Accept-Encoding", "x-gzip"}},
            {{"Accept-Encoding", "gzip"}},
            true},
           {"identity is there anyway",
            "accept-encoding",
            {{"Accept-Encoding", "gzip, identity"}},
            {{"Accept-Encoding", "gzip"}},
            true},
           {"identity refused",
            "accept-encoding",
            {{"Accept-Encoding", "gzip, identity;q=0"}},
            {{"Accept-Encoding", "gzip"}},
            false},
           {"identity alone and nothing",
            "accept-encoding",
            {{"Accept-Encoding", "identity"}},
            {{"Accept-Encoding", ""}},
            true},
           {"identity alone and absent",
            "accept-encoding",
            {{"Accept-Encoding", "identity"}},
            {},
            false},
           {"another set",
            "accept-encoding",
            {{"Accept-Encoding", "gzip"}},
            {{"Accept-Encoding", "gzip, zstd"}},
            false},
           {"star",
            "accept-encoding",
            {{"Accept-Encoding", "*"}},
            {{"Accept-Encoding", "gzip"}},
            false},
           {"star without one",
            "accept-encoding",
            {{"Accept-Encoding", "*, br;q=0"}},
            {{"Accept-Encoding", "*"}},
            false},
           {"star refused",
            "accept-encoding",
            {{"Accept-Encoding", "gzip, *;q=0"}},
            {{"Accept-Encoding", "gzip"}},
            false},
           {"unknown codings",
            "accept-encoding",
            {{"Accept-Encoding", "gzip, dcz"}},
            {{"Accept-Encoding", "gzip"}},
            false},
           {"unknown codings refused",
            "accept-encoding",
            {{"Accept-Encoding", "gzip, dcz;q=0"}},
            {{"Accept-Encoding", "gzip"}},
            true},
           {"lines",
            "accept-encoding",
            {{"Accept-Encoding", "gzip"}, {"Accept-Encoding", "br"}},
            {{"Accept-Encoding", "br, gzip"}},
            true},
       }) {
    CAPTURE(test.why);
    const std::string a = variant(test.names, test.a), b = variant(test.names, test.b);
    CAPTURE(a);
    CAPTURE(b);
    CHECK((a == b) == test.same);
    CHECK(a.starts_with("k\n?"));
  }
}

}  // namespace
}  // namespace weir::cache
