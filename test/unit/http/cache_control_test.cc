#include "http/cache_control.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "http/structured.h"

using namespace weir;

namespace {

using Lines = std::vector<std::string_view>;
constexpr std::int64_t any = delta_seconds_max;

Fields fields_of(std::string_view name, const Lines& lines) {
  Fields out;
  for (const std::string_view line : lines) out.add(name, line);
  return out;
}

// "no-cache max-age=5": what was understood, in a fixed order.
std::string text_of(const ResponseCacheControl& control) {
  std::string out;
  const auto flag = [&out](bool set, const char* name) {
    if (set) out.append(out.empty() ? "" : " ").append(name);
  };
  const auto number = [&out](const std::optional<std::int64_t>& value, const char* name) {
    if (value)
      out.append(out.empty() ? "" : " ").append(name).append("=").append(std::to_string(*value));
  };
  flag(control.targeted, "targeted");
  flag(control.no_cache, "no-cache");
  flag(control.no_store, "no-store");
  flag(control.private_, "private");
  flag(control.public_, "public");
  flag(control.must_revalidate, "must-revalidate");
  flag(control.proxy_revalidate, "proxy-revalidate");
  flag(control.must_understand, "must-understand");
  flag(control.immutable, "immutable");
  number(control.max_age, "max-age");
  number(control.s_maxage, "s-maxage");
  number(control.stale_while_revalidate, "swr");
  number(control.stale_if_error, "sie");
  flag(!control.no_cache_fields.empty(), "no-cache=...");
  flag(!control.private_fields.empty(), "private=...");
  return out;
}

}  // namespace

TEST_CASE("cache-control: what each directive of an answer means, and what unclear ones do") {
  struct Case {
    Lines lines;
    std::string_view is;
  };
  for (const Case& test : std::vector<Case>{
           // RFC 9111 5.2.2: the directives, names without case
           {{"no-store"}, "no-store"},
           {{"No-Store"}, "no-store"},
           {{"no-cache"}, "no-cache"},
           {{"private"}, "private"},
           {{"public"}, "public"},
           {{"must-revalidate"}, "must-revalidate"},
           {{"proxy-revalidate"}, "proxy-revalidate"},
           {{"must-understand, no-store"}, "no-store must-understand"},
           {{"immutable"}, "immutable"},
           {{"max-age=60"}, "max-age=60"},
           {{"MAX-AGE=60"}, "max-age=60"},
           {{"s-maxage=60"}, "s-maxage=60"},
           {{"stale-while-revalidate=30, stale-if-error=40"}, "swr=30 sie=40"},
           {{"public, max-age=60, s-maxage=10"}, "public max-age=60 s-maxage=10"},
           {{}, ""},
           {{""}, ""},
           {{" , ,, "}, ""},
           // RFC 9111 5.2.3: unknown ones are passed over
           {{"community=\"UCI\", max-age=5"}, "max-age=5"},
           {{"x=\"no-store, private\""}, ""},
           {{"no-storee, xno-store"}, ""},
           // RFC 9111 5.2: token and quoted form are the same
           {{"max-age=\"60\""}, "max-age=60"},
           {{"s-maxage=\"5\", x"}, "s-maxage=5"},
           // RFC 9111 4.2.1: invalid is stale
           {{"max-age=abc"}, "max-age=0"},
           {{"max-age=-1"}, "max-age=0"},
           {{"max-age=1.5"}, "max-age=0"},
           {{"max-age="}, "max-age=0"},
           {{"max-age"}, "max-age=0"},
           {{"max-age = 5"}, ""},  // "max-age " is another name
           {{"max-age=5 6"}, "max-age=0"},
           {{"max-age=0x10"}, "max-age=0"},
           {{"max-age='60'"}, "max-age=0"},
           {{"max-age=\"60"}, "max-age=0"},
           {{"max-age=+60"}, "max-age=0"},
           {{"s-maxage=abc, max-age=60"}, "max-age=60 s-maxage=0"},
           // RFC 9111 1.2.2: 2^31 is as large as it gets
           {{"max-age=2147483648"}, "max-age=2147483648"},
           {{"max-age=2147483649"}, "max-age=2147483648"},
           {{"max-age=99999999999999999999999"}, "max-age=2147483648"},
           {{"max-age=000060"}, "max-age=60"},
           // RFC 9111 4.2.1: the strictest of several
           {{"max-age=60, max-age=5"}, "max-age=5"},
           {{"max-age=5", "max-age=60"}, "max-age=5"},
           {{"max-age=60, max-age=x"}, "max-age=0"},
           {{"public, private"}, "private public"},
           {{"max-age=60", "no-store"}, "no-store max-age=60"},
           // RFC 9111 5.2.2.4, 5.2.2.7: with a list
           {{"no-cache=\"Set-Cookie\""}, "no-cache=..."},
           {{"private=\"X-A, X-B\", max-age=9"}, "max-age=9 private=..."},
           {{"no-cache=Set-Cookie"}, "no-cache=..."},
           {{"no-cache=\"\""}, "no-cache"},
           {{"no-cache=\"a\\\"b\""}, "no-cache"},
           {{"private=\"a"}, "private"},
           {{"private="}, "private"},
           {{"no-cache=\"a\", no-cache"}, "no-cache no-cache=..."},
           {{"no-cache=a, no-cache=b, no-cache=c, no-cache=d, no-cache=e"},
            "no-cache no-cache=..."},
           // a prohibition with a value is one, a permission with a value is none
           {{"no-store=x"}, "no-store"},
           {{"must-revalidate=\"x\""}, "must-revalidate"},
           {{"public=x"}, ""},
           {{"must-understand=1, no-store"}, "no-store"},
           {{"immutable=1"}, ""},
           // RFC 9110 5.6.1.2: empty elements
           {{",max-age=5,,no-cache,"}, "no-cache max-age=5"},
       }) {
    CAPTURE(test.lines.size());
    const std::string shown(test.lines.empty() ? "" : test.lines.front());
    CAPTURE(shown);
    CHECK(text_of(response_cache_control(fields_of("Cache-Control", test.lines))) == test.is);
  }
}

TEST_CASE("cache-control: the lists of no-cache and private name fields without case") {
  const auto control = response_cache_control(
      fields_of("Cache-Control", {"no-cache=\"Set-Cookie, X-A\"", "private=\"x-b\""}));
  CHECK(control.no_cache_fields.has("set-cookie"));
  CHECK(control.no_cache_fields.has("X-a"));
  CHECK_FALSE(control.no_cache_fields.has("X-B"));
  CHECK(control.private_fields.has("X-B"));
  CHECK_FALSE(control.private_fields.has("X-"));
}

TEST_CASE("cache-control: CDN-Cache-Control stands in for Cache-Control when it is a dictionary") {
  struct Case {
    Lines lines;
    std::string_view is;  // beside "Cache-Control: max-age=1"
  };
  for (const Case& test : std::vector<Case>{
           // RFC 9213 2.1
           {{"max-age=60"}, "targeted max-age=60"},
           {{"max-age=60, no-cache"}, "targeted no-cache max-age=60"},
           {{"no-store"}, "targeted no-store"},
           {{"no-store=?1"}, "targeted no-store"},
           {{"no-store=?0, max-age=5"}, "targeted max-age=5"},
           {{"max-age=60;x=1;y, public"}, "targeted public max-age=60"},
           {{"private=\"a, b\""}, "targeted private=..."},
           {{"max-age=60", "no-cache"}, "targeted no-cache max-age=60"},
           {{"unknown=(1 2;a \"x\");b, max-age=7"}, "targeted max-age=7"},
           {{"unknown=:YWJj:, max-age=7"}, "targeted max-age=7"},
           {{"a=1.5, b=tok/en:x, c=?0"}, "targeted"},
           // RFC 8941 3.2: of a key that stands twice the last counts
           {{"max-age=60, max-age=70"}, "targeted max-age=70"},
           // a value of the wrong type is no time
           {{"max-age=60.0"}, "targeted max-age=0"},
           {{"max-age=\"60\""}, "targeted max-age=0"},
           {{"max-age=abc"}, "targeted max-age=0"},
           {{"max-age"}, "targeted max-age=0"},
           {{"max-age=-5"}, "targeted max-age=0"},
           {{"max-age=(60)"}, "targeted max-age=0"},
           // RFC 9213 2.2: empty or broken is as if it were not there
           {{""}, "max-age=1"},
           {{"  "}, "max-age=1"},
           {{"max-age=60,"}, "max-age=1"},
           {{"max-age=60,,no-cache"}, "max-age=1"},
           {{"Max-Age=60"}, "max-age=1"},
           {{"max-age =60"}, "max-age=1"},
           {{"max-age= 60"}, "max-age=1"},
           {{"max-age=60 no-store"}, "max-age=1"},
           {{"max-age=\"60"}, "max-age=1"},
           {{"a=\"\\x\""}, "max-age=1"},
           {{"a=?2"}, "max-age=1"},
           {{"a=:*:"}, "max-age=1"},
           {{"a=:YQ"}, "max-age=1"},
           {{"a=(1 2"}, "max-age=1"},
           {{"a=(1,2)"}, "max-age=1"},
           {{"a=(1\"b\")"}, "max-age=1"},
           {{"a=1.2345"}, "max-age=1"},
           {{"a=1."}, "max-age=1"},
           {{"a=-"}, "max-age=1"},
           {{"a=1234567890123456"}, "max-age=1"},
           {{"a=1234567890123.1"}, "max-age=1"},
           {{"a;=1"}, "max-age=1"},
           {{"a;b="}, "max-age=1"},
           {{"=1"}, "max-age=1"},
           {{"no-store", "max-age=\""}, "max-age=1"},
       }) {
    const std::string shown(test.lines.front());
    CAPTURE(shown);
    Fields fields = fields_of("CDN-Cache-Control", test.lines);
    fields.add("Cache-Control", "max-age=1");
    CHECK(text_of(response_cache_control(fields)) == test.is);
  }
}

TEST_CASE("cache-control: a dictionary has a bound") {
  std::string line;
  for (int i = 0; i < 33; ++i) line += (i == 0 ? "k" : ", k") + std::to_string(i);
  structured::Dictionary large;
  CHECK_FALSE(large.parse(line));
  structured::Dictionary all;
  CHECK(all.parse(line.substr(0, line.rfind(','))));
  CHECK(all.members().size() == structured::Dictionary::members_max);
}

TEST_CASE("cache-control: what a request says") {
  struct Case {
    std::string_view name;
    Lines lines;
    RequestCacheControl is;
  };
  RequestCacheControl none, no_cache, no_store, only, age5, fresh5, stale_any, stale5, age0;
  no_cache.no_cache = true;
  no_store.no_store = true;
  only.only_if_cached = true;
  age5.max_age = 5;
  age0.max_age = 0;
  fresh5.min_fresh = 5;
  stale_any.max_stale = any;
  stale5.max_stale = 5;
  RequestCacheControl never_fresh_enough, stale0;
  never_fresh_enough.min_fresh = any;
  stale0.max_stale = 0;
  for (const Case& test : std::vector<Case>{
           // RFC 9111 5.2.1
           {"Cache-Control", {"no-cache"}, no_cache},
           {"Cache-Control", {"NO-STORE"}, no_store},
           {"Cache-Control", {"only-if-cached"}, only},
           {"Cache-Control", {"max-age=5"}, age5},
           {"Cache-Control", {"max-age=9, max-age=5"}, age5},
           {"Cache-Control", {"max-age=x"}, age0},
           {"Cache-Control", {"max-age"}, age0},
           {"Cache-Control", {"min-fresh=5"}, fresh5},
           {"Cache-Control", {"min-fresh=3", "min-fresh=5"}, fresh5},
           {"Cache-Control", {"min-fresh=x"}, never_fresh_enough},
           {"Cache-Control", {"max-stale"}, stale_any},
           {"Cache-Control", {"max-stale=5"}, stale5},
           {"Cache-Control", {"max-stale, max-stale=5"}, stale5},
           {"Cache-Control", {"max-stale=x"}, stale0},
           {"Cache-Control", {"no-transform, foo=bar"}, none},
           {"Cache-Control", {}, none},
           // RFC 9111 5.4
           {"Pragma", {"no-cache"}, no_cache},
           {"Pragma", {"foo, NO-CACHE"}, no_cache},
           {"Pragma", {"foo"}, none},
       }) {
    const std::string shown(test.lines.empty() ? "" : test.lines.front());
    CAPTURE(test.name);
    CAPTURE(shown);
    CHECK(request_cache_control(fields_of(test.name, test.lines)) == test.is);
  }
  Fields both = fields_of("Pragma", {"no-cache"});
  both.add("Cache-Control", "max-age=5");
  CHECK(request_cache_control(both) == age5);
}
