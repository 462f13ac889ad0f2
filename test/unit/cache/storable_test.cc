#include "cache/storable.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support.h"

namespace weir::cache {
namespace {

using test::answer;
using test::date;
using test::Lines;
using test::now;
using test::plan_of;
using test::request;
using test::second;

Storing judge(const Lines& asked, std::uint16_t status, const Lines& fields,
              const Rules& rules = {}) {
  // The head must outlive the views in Storing::control; the cases' texts are literals.
  const ResponseHead head = answer(status, fields);
  return judge_answer(plan_of(request(Method::get, asked)), head, rules, {now, now}, false);
}

TEST_CASE("storable: which answers are kept, and why the others are not (RFC 9111 3)") {
  struct Case {
    std::string_view why;
    Lines request;
    std::uint16_t status;
    Lines answer;
    std::string_view refused;  // empty: stored
  };
  const Lines authorized = {{"Authorization", "Basic x"}};
  for (const Case& test : std::vector<Case>{
           {"fresh", {}, 200, {{"Cache-Control", "max-age=60"}}, ""},
           {"Expires", {}, 200, {{"Expires", date(60)}}, ""},
           {"heuristic", {}, 200, {{"Last-Modified", date(-1000)}}, ""},
           {"nothing said", {}, 200, {}, "no lifetime"},
           {"an ETag alone says nothing", {}, 200, {{"ETag", "\"a\""}}, "no lifetime"},
           {"404", {}, 404, {{"Cache-Control", "max-age=60"}}, ""},
           {"500 that says so", {}, 500, {{"Cache-Control", "max-age=60"}}, ""},
           {"an unknown status that says so", {}, 299, {{"Cache-Control", "max-age=60"}}, ""},
           {"302 that says nothing", {}, 302, {}, "no lifetime"},
           {"204", {}, 204, {{"Cache-Control", "max-age=60"}}, ""},
           // 3, 3.3, 3.4
           {"206", {}, 206, {{"Cache-Control", "max-age=60"}}, "partial"},
           {"Content-Range in a 200",
            {},
            200,
            {{"Cache-Control", "max-age=60"}, {"Content-Range", "bytes 0-1/2"}},
            "partial"},
           {"416", {}, 416, {{"Content-Range", "bytes */5"}}, "partial"},
           {"304", {}, 304, {{"Cache-Control", "max-age=60"}}, "status"},
           {"an interim answer", {}, 103, {{"Cache-Control", "max-age=60"}}, "status"},
           // 5.2.2.5, 5.2.2.7
           {"no-store", {}, 200, {{"Cache-Control", "no-store, max-age=60"}}, "no-store"},
           {"private", {}, 200, {{"Cache-Control", "private, max-age=60"}}, "private"},
           {"private with s-maxage",
            {},
            200,
            {{"Cache-Control", "private, s-maxage=60"}},
            "private"},
           {"private of a field", {}, 200, {{"Cache-Control", "private=\"x-a\", max-age=60"}}, ""},
           {"the targeted field over no-store",
            {},
            200,
            {{"Cache-Control", "no-store"}, {"CDN-Cache-Control", "max-age=60"}},
            ""},
           {"the targeted field's no-store",
            {},
            200,
            {{"Cache-Control", "max-age=60"}, {"CDN-Cache-Control", "no-store"}},
            "no-store"},
           // 5.2.2.3
           {"must-understand lifts no-store",
            {},
            200,
            {{"Cache-Control", "must-understand, no-store, max-age=60"}},
            ""},
           {"must-understand of a status that nobody knows",
            {},
            299,
            {{"Cache-Control", "must-understand, max-age=60"}},
            "must-understand"},
           {"must-understand and no-store of such a status",
            {},
            299,
            {{"Cache-Control", "must-understand, no-store, max-age=60"}},
            "must-understand"},
           // 5.2.2.4
           {"no-cache with a validator",
            {},
            200,
            {{"Cache-Control", "no-cache"}, {"ETag", "\"a\""}},
            ""},
           {"no-cache without one",
            {},
            200,
            {{"Cache-Control", "no-cache, max-age=60"}},
            "stale at once"},
           {"no-cache of a status that is not kept unasked",
            {},
            302,
            {{"Cache-Control", "no-cache"}, {"ETag", "\"a\""}},
            "no lifetime"},
           {"no-cache of a field",
            {},
            200,
            {{"Cache-Control", "no-cache=\"x-a\", max-age=60"}},
            ""},
           // of no use
           {"max-age=0 with a validator",
            {},
            200,
            {{"Cache-Control", "max-age=0"}, {"ETag", "\"a\""}},
            ""},
           {"max-age=0 without one", {}, 200, {{"Cache-Control", "max-age=0"}}, "stale at once"},
           {"max-age=0 with stale-while-revalidate",
            {},
            200,
            {{"Cache-Control", "max-age=0, stale-while-revalidate=9"}},
            ""},
           {"max-age=0 with stale-if-error",
            {},
            200,
            {{"Cache-Control", "max-age=0, stale-if-error=9"}},
            ""},
           {"must-revalidate makes that void",
            {},
            200,
            {{"Cache-Control", "max-age=0, stale-if-error=9, must-revalidate"}},
            "stale at once"},
           {"too old when it comes",
            {},
            200,
            {{"Cache-Control", "max-age=60"}, {"Age", "60"}},
            "stale at once"},
           {"nearly too old", {}, 200, {{"Cache-Control", "max-age=60"}, {"Age", "59"}}, ""},
           {"Date long ago",
            {},
            200,
            {{"Cache-Control", "max-age=60"}, {"Date", date(-100)}},
            "stale at once"},
           // 3.5
           {"Authorization", authorized, 200, {{"Cache-Control", "max-age=60"}}, "authorization"},
           {"Authorization and public",
            authorized,
            200,
            {{"Cache-Control", "public, max-age=60"}},
            ""},
           {"Authorization and s-maxage", authorized, 200, {{"Cache-Control", "s-maxage=60"}}, ""},
           {"Authorization and must-revalidate",
            authorized,
            200,
            {{"Cache-Control", "must-revalidate, max-age=60"}},
            ""},
           {"Authorization and proxy-revalidate (5.2.2.8)",
            authorized,
            200,
            {{"Cache-Control", "proxy-revalidate, max-age=60"}},
            "authorization"},
           {"Authorization and heuristics",
            authorized,
            200,
            {{"Last-Modified", date(-1000)}},
            "authorization"},
           // our own: cookies
           {"Set-Cookie",
            {},
            200,
            {{"Cache-Control", "max-age=60"}, {"Set-Cookie", "a=b"}},
            "set-cookie"},
           {"Set-Cookie and public",
            {},
            200,
            {{"Cache-Control", "public, max-age=60"}, {"Set-Cookie", "a=b"}},
            ""},
           {"Set-Cookie and s-maxage",
            {},
            200,
            {{"Cache-Control", "s-maxage=60"}, {"Set-Cookie", "a=b"}},
            ""},
           {"Set-Cookie that is not to be stored",
            {},
            200,
            {{"Cache-Control", "private=\"set-cookie\", max-age=60"}, {"Set-Cookie", "a=b"}},
            ""},
           {"Set-Cookie that is not to be reused",
            {},
            200,
            {{"Cache-Control", "no-cache=\"Set-Cookie\", max-age=60"}, {"Set-Cookie", "a=b"}},
            ""},
           // 4.1
           {"Vary: *", {}, 200, {{"Cache-Control", "max-age=60"}, {"Vary", "*"}}, "vary"},
           {"Vary", {}, 200, {{"Cache-Control", "max-age=60"}, {"Vary", "Accept"}}, ""},
           // 5.2.1.5
           {"no-store of the request",
            {{"Cache-Control", "no-store"}},
            200,
            {{"Cache-Control", "max-age=60"}},
            "no-store of the request"},
           {"a part was asked for",
            {{"Range", "bytes=5-9"}},
            200,
            {{"Cache-Control", "max-age=60"}},
            "request"},
       }) {
    CAPTURE(test.why);
    const Storing storing = judge(test.request, test.status, test.answer);
    CHECK(storing.why_not == test.refused);
    CHECK(storing.stores == storing.why_not.empty());
  }
}

TEST_CASE("storable: the configuration keeps what says nothing, by status") {
  Rules rules;
  rules.ttls = {{404, 10 * second}};
  rules.default_ttl = 300 * second;
  CHECK(judge({}, 200, {}, rules).facts.lifetime == 300 * second);
  CHECK(judge({}, 404, {}, rules).facts.lifetime == 10 * second);
  CHECK(judge({}, 500, {}, rules).why_not == "no lifetime");
  rules.any_ttl = 1 * second;
  CHECK(judge({}, 500, {}, rules).facts.lifetime == 1 * second);
  // What forbids still forbids.
  CHECK(judge({}, 200, {{"Cache-Control", "no-store"}}, rules).why_not == "no-store");
  CHECK(judge({}, 200, {{"Set-Cookie", "a=b"}}, rules).why_not == "set-cookie");
  CHECK(judge({{"Authorization", "x"}}, 200, {}, rules).why_not == "authorization");
  const ResponseHead head = answer(200, {{"Cache-Control", "public, max-age=60"}});
  CHECK(judge_answer(plan_of(request(Method::get)), head, rules, {now, now}, true).why_not ==
        "no_store");
}

TEST_CASE("storable: an answer to POST says itself how long it is fresh (RFC 9110 9.3.3)") {
  Rules rules;
  rules.post = true;
  rules.ttls = {{200, 10 * second}};
  rules.default_ttl = 300 * second;
  const RequestPlan plan = plan_request(request(Method::post), rules, {});
  const auto why_not = [&](Lines fields) {
    return judge_answer(plan, answer(200, fields), rules, {now, now}, false).why_not;
  };
  for (const char* value : {"max-age=60", "s-maxage=60", "public, max-age=60"})
    CHECK(why_not({{"Cache-Control", value}}).empty());
  CHECK(why_not({{"Expires", test::date(60)}}).empty());
  CHECK(why_not({}) == "no lifetime of its own");
  CHECK(why_not({{"Cache-Control", "public"}}) == "no lifetime of its own");
  CHECK(why_not({{"Last-Modified", test::date(-86400)}}) == "no lifetime of its own");
}

TEST_CASE("storable: too many surrogate keys would be missed by a purge") {
  std::string tags;
  for (int i = 0; i < 65; ++i) tags += "t" + std::to_string(i) + ' ';
  CHECK(judge({}, 200, {{"Cache-Control", "max-age=60"}, {"Surrogate-Key", tags}}).why_not ==
        "tags");
}

TEST_CASE("storable: what is known of a stored answer") {
  const std::string_view modified = date(-1000);
  const Facts facts =
      judge({}, 200,
            {{"Cache-Control", "max-age=60, stale-while-revalidate=5, stale-if-error=7, immutable"},
             {"Date", date(-2)},
             {"ETag", "\"a\""},
             {"Last-Modified", modified}})
          .facts;
  CHECK(facts.status == 200);
  CHECK(facts.response_time == now);
  CHECK(facts.initial_age == 2 * second);
  CHECK(facts.lifetime == 60 * second);
  CHECK(facts.stale_while_revalidate == 5 * second);
  CHECK(facts.stale_if_error == 7 * second);
  CHECK(facts.date == now - 2 * second);
  CHECK(facts.last_modified == now - 1000 * second);
  CHECK(facts.flags == (fact::immutable | fact::strong_etag | fact::has_validator));

  const auto flags = [](const Lines& fields) { return judge({}, 200, fields).facts.flags; };
  CHECK(flags({{"Cache-Control", "max-age=9"}, {"ETag", "W/\"a\""}}) == fact::has_validator);
  CHECK(flags({{"Cache-Control", "max-age=9"}, {"ETag", "a"}}) == 0);
  CHECK(flags({{"Cache-Control", "public, max-age=9"}}) == fact::shared);
  CHECK(flags({{"Cache-Control", "s-maxage=9"}}) == (fact::shared | fact::never_stale));
  CHECK(flags({{"Cache-Control", "max-age=9, must-revalidate"}}) ==
        (fact::shared | fact::never_stale));
  CHECK(flags({{"Cache-Control", "no-cache, max-age=9"}, {"ETag", "\"\""}}) ==
        (fact::validate_always | fact::strong_etag | fact::has_validator));
  CHECK(flags({{"Cache-Control", "max-age=9, no-cache=\"a\""}}) == fact::hides_fields);
  CHECK(flags({{"Last-Modified", modified}}) == (fact::heuristic | fact::has_validator));
}

TEST_CASE("storable: windows in which a stale answer may be served (RFC 5861, RFC 9111 4.2.4)") {
  struct Case {
    std::string_view control;
    std::int64_t while_revalidate, if_error;  // seconds
  };
  Rules rules;
  rules.stale_while_revalidate = 10 * second;
  rules.stale_if_error = 20 * second;
  for (const Case& test : std::vector<Case>{
           {"max-age=60", 10, 20},
           {"max-age=60, stale-while-revalidate=1", 1, 20},
           {"max-age=60, stale-while-revalidate=0, stale-if-error=0", 0, 0},
           {"max-age=60, stale-if-error=x", 10, 0},
           {"max-age=60, must-revalidate", 0, 0},
           {"max-age=60, must-revalidate, stale-if-error=9", 0, 0},
           {"s-maxage=60", 0, 0},
           {"s-maxage=60, stale-while-revalidate=3, stale-if-error=4", 3, 4},
           {"s-maxage=60, proxy-revalidate, stale-if-error=4", 0, 0},
       }) {
    CAPTURE(test.control);
    const Facts facts = judge({}, 200, {{"Cache-Control", test.control}}, rules).facts;
    CHECK(facts.stale_while_revalidate == test.while_revalidate * second);
    CHECK(facts.stale_if_error == test.if_error * second);
  }
}

}  // namespace
}  // namespace weir::cache
