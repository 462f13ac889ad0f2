#include "cache/request_policy.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support.h"

namespace weir::cache {
namespace {

using test::answer;
using test::Lines;
using test::request;

// "look store", and why not.
std::string text_of(const RequestPlan& plan) {
  std::string out;
  if (plan.looks_up) out += "look ";
  if (plan.stores) out += "store ";
  if (plan.renews) out += "renew ";
  if (plan.keyed_by_body) out += "body ";
  if (plan.authorized) out += "auth ";
  CacheStatus status;
  status.forward = plan.forward;
  status.detail = plan.detail;
  std::string why;
  append_cache_status(status, why);
  out += why.substr(4);
  return out;
}

TEST_CASE("request policy: which requests may be answered, and whose answers may be stored") {
  struct Case {
    std::string_view why;
    Method method;
    Lines fields;
    std::string_view is;
  };
  const Rules rules;
  for (const Case& test : std::vector<Case>{
           // RFC 9110 9.2.3, RFC 9111 3: methods
           {"GET", Method::get, {}, "look store "},
           {"HEAD", Method::head, {}, "look "},
           {"POST", Method::post, {}, "; fwd=method"},
           {"PUT", Method::put, {}, "; fwd=method"},
           {"DELETE", Method::delete_, {}, "; fwd=method"},
           {"PATCH", Method::patch, {}, "; fwd=method"},
           {"OPTIONS", Method::options, {}, "; fwd=method"},
           {"TRACE", Method::trace, {}, "; fwd=method"},
           {"CONNECT", Method::connect, {}, "; fwd=method"},
           {"an unknown one", Method::other, {}, "; fwd=method"},
           // RFC 9111 5.2.1
           {"no-store", Method::get, {{"Cache-Control", "no-store"}}, "look "},
           {"no-cache still finds what to validate",
            Method::get,
            {{"Cache-Control", "no-cache"}},
            "look store "},
           {"max-age=0", Method::get, {{"Cache-Control", "max-age=0"}}, "look store "},
           {"Pragma", Method::get, {{"Pragma", "no-cache"}}, "look store "},
           // RFC 9111 3.5
           {"Authorization", Method::get, {{"Authorization", "Basic x"}}, "look store auth "},
           {"Proxy-Authorization",
            Method::get,
            {{"Proxy-Authorization", "Basic x"}},
            "look store auth "},
           // RFC 9110 7.6.1: what Connection names the origin never sees, and a key would have it
           {"Connection that names a field", Method::get, {{"Connection", "close, X-A"}}, "look "},
           {"on its second line",
            Method::get,
            {{"Connection", "close"}, {"Connection", "X-A"}},
            "look "},
           {"Connection that names none",
            Method::get,
            {{"Connection", "Keep-Alive, TE, close, Upgrade"}},
            "look store "},
           // RFC 9111 4.3.2: conditions for the origin alone
           {"If-Match",
            Method::get,
            {{"If-Match", "\"a\""}},
            "; fwd=request; detail=\"precondition\""},
           {"If-Unmodified-Since",
            Method::get,
            {{"If-Unmodified-Since", test::date(0)}},
            "; fwd=request; detail=\"precondition\""},
           {"If-None-Match is judged here",
            Method::get,
            {{"If-None-Match", "\"a\""}},
            "look store "},
           {"If-Modified-Since is judged here",
            Method::get,
            {{"If-Modified-Since", test::date(0)}},
            "look store "},
           // RFC 9111 3.3, 3.4: a part is served from the whole, and not fetched for the store
           {"a part", Method::get, {{"Range", "bytes=5-9"}}, "look renew "},
           {"the end", Method::get, {{"Range", "bytes=-9"}}, "look renew "},
           {"a part, and nothing to be stored",
            Method::get,
            {{"Range", "bytes=5-9"}, {"Cache-Control", "no-store"}},
            "look "},
           {"everything, as players ask for it",
            Method::get,
            {{"Range", "bytes=0-"}},
            "look store "},
           {"two Range fields",
            Method::get,
            {{"Range", "bytes=0-"}, {"Range", "bytes=0-"}},
            "look renew "},
           {"Cookie says nothing by itself", Method::get, {{"Cookie", "a=b"}}, "look store "},
       }) {
    CAPTURE(test.why);
    CHECK(text_of(plan_request(request(test.method, test.fields), rules, {})) == test.is);
  }
}

TEST_CASE("request policy: what the configuration and the rest of the request change") {
  Rules rules;
  RequestSigns bypass, upgrade, body;
  bypass.bypass = true;
  upgrade.upgrade = true;
  body.has_body = true;
  CHECK(text_of(plan_request(request(Method::get), rules, bypass)) == "store ; fwd=bypass");
  CHECK(text_of(plan_request(request(Method::head), rules, bypass)) == "; fwd=bypass");
  CHECK(text_of(plan_request(request(Method::get), rules, upgrade)) ==
        "; fwd=request; detail=\"upgrade\"");
  CHECK(text_of(plan_request(request(Method::get), rules, body)) ==
        "; fwd=request; detail=\"body\"");
  rules.head = false;
  CHECK(text_of(plan_request(request(Method::head), rules, {})) == "; fwd=method");
  rules.post = true;
  CHECK(text_of(plan_request(request(Method::post), rules, body)) == "look store body ");
  for (const char* field : {"If-None-Match", "If-Match", "Range"}) {
    CHECK(text_of(plan_request(request(Method::post, {{field, "bytes=0-1"}}), rules, body)) ==
          "; fwd=request; detail=\"precondition\"");
  }
  CHECK(text_of(plan_request(request(Method::put), rules, body)) == "; fwd=method");
  RequestHead star = request(Method::get, {}, "*");
  star.form = TargetForm::asterisk;
  CHECK(text_of(plan_request(star, rules, {})) == "; fwd=method");
}

TEST_CASE("request policy: a part brings slices into the store, where there are some") {
  Rules rules;
  const RequestHead part = request(Method::get, {{"Range", "bytes=5-9"}});
  CHECK(text_of(plan_request(part, rules, {})) == "look renew ");
  rules.slices = true;
  CHECK(text_of(plan_request(part, rules, {})) == "look store ");
  CHECK(text_of(plan_request(request(Method::head, {{"Range", "bytes=5-9"}}), rules, {})) ==
        "look ");
}

TEST_CASE("request policy: a POST says MISS, what was refused the cache says BYPASS") {
  const Rules rules;
  RequestSigns bypass;
  bypass.bypass = true;
  CHECK(word_of_forwarded(plan_request(request(Method::get), rules, {})) == Word::miss);
  CHECK(word_of_forwarded(plan_request(request(Method::post), rules, {})) == Word::miss);
  CHECK(word_of_forwarded(plan_request(request(Method::get), rules, bypass)) == Word::bypass);
  CHECK(word_of_forwarded(plan_request(request(Method::get, {{"If-Match", "*"}}), rules, {})) ==
        Word::bypass);
}

TEST_CASE("request policy: what is to be stored is asked for as a whole") {
  RequestHead head = request(Method::get, {{"Range", "bytes=0-"},
                                           {"Accept", "*/*"},
                                           {"If-Range", "\"a\""},
                                           {"If-None-Match", "\"a\""},
                                           {"If-Modified-Since", test::date(0)}});
  ask_for_all(head.fields);
  REQUIRE(head.fields.size() == 1);
  CHECK(head.fields[0].id == FieldId::accept);
}

TEST_CASE("rules: as the section says them") {
  conf::CacheConf conf;
  conf.size.value = {1 << 20};
  conf.max_object_size.value = {8 << 20};
  conf.max_entries.value = 7;
  conf.eviction.value = conf::CacheEviction::lru;
  conf.ttl.value.rows = {{404, std::chrono::seconds(10)},
                         {0, std::chrono::seconds(1)},
                         {200, std::chrono::seconds(300)}};
  conf.default_ttl.value.time = std::chrono::seconds(0);
  conf.stale_if_error.value.time = std::chrono::seconds(9);
  conf.cache_methods.value = {false, true};
  conf.key_headers.value.names = {"accept"};
  const Rules rules = rules_of(conf);
  CHECK(rules.ttl_of(200) == 300'000);
  CHECK(rules.ttl_of(404) == 10'000);
  CHECK(rules.ttl_of(500) == 1'000);
  CHECK(rules.default_ttl == 0);
  CHECK(rules.stale_while_revalidate == 0);
  CHECK(rules.stale_if_error == 9'000);
  CHECK_FALSE(rules.head);
  CHECK(rules.post);
  CHECK(rules.key_fields == std::vector<std::string>{"accept"});
  CHECK_FALSE(Rules{}.ttl_of(200));

  const StoreSizes sizes = store_sizes(conf);
  CHECK(sizes.bytes == 1 << 20);
  CHECK(sizes.object_bytes_max == 1 << 19);
  CHECK(sizes.entries_max == 7);
  CHECK(sizes.eviction == Eviction::lru);
}

}  // namespace
}  // namespace weir::cache
