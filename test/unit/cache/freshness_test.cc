#include "cache/freshness.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support.h"

namespace weir::cache {
namespace {

using test::answer;
using test::date;
using test::day;
using test::Lines;
using test::now;
using test::second;

TEST_CASE("freshness: who says for how long, the strongest first (RFC 9111 4.2.1)") {
  struct Case {
    std::string_view why;
    std::uint16_t status;
    Lines fields;
    LifetimeFrom from;
    std::int64_t seconds;
  };
  Rules rules;
  rules.ttls = {{302, 60 * second}, {503, 0}};
  rules.default_ttl = 300 * second;
  using enum LifetimeFrom;
  for (const Case& test : std::vector<Case>{
           {"s-maxage over all",
            200,
            {{"Cache-Control", "max-age=60, s-maxage=5"}, {"Expires", date(900)}},
            s_maxage,
            5},
           {"max-age over Expires",
            200,
            {{"Cache-Control", "max-age=60"}, {"Expires", date(900)}},
            max_age,
            60},
           {"max-age=0 over Expires",
            200,
            {{"Cache-Control", "max-age=0"}, {"Expires", date(900)}},
            max_age,
            0},
           {"an invalid max-age is stale",
            200,
            {{"Cache-Control", "max-age=x"}, {"Expires", date(900)}},
            max_age,
            0},
           {"Expires minus Date", 200, {{"Date", date(-10)}, {"Expires", date(90)}}, expires, 100},
           {"Expires without Date: from when it came", 200, {{"Expires", date(90)}}, expires, 90},
           {"Expires with a broken Date",
            200,
            {{"Date", "today"}, {"Expires", date(90)}},
            expires,
            90},
           {"Expires with two Dates",
            200,
            {{"Date", date(-10)}, {"Date", date(-20)}, {"Expires", date(90)}},
            expires,
            90},
           // RFC 9111 5.3
           {"Expires: 0", 200, {{"Expires", "0"}}, expires, 0},
           {"Expires: -1", 200, {{"Expires", "-1"}}, expires, 0},
           {"Expires in the past", 200, {{"Date", date(0)}, {"Expires", date(-5)}}, expires, 0},
           {"Expires is Date", 200, {{"Date", date(0)}, {"Expires", date(0)}}, expires, 0},
           {"Expires twice", 200, {{"Expires", date(90)}, {"Expires", date(90)}}, expires, 0},
           {"Expires in the old form",
            200,
            {{"Date", "Thursday, 09-Oct-25 08:53:20 GMT"},
             {"Expires", "Thursday, 09-Oct-25 08:54:20 GMT"}},
            expires,
            60},
           // RFC 9213 2.2
           {"the targeted field over all",
            200,
            {{"CDN-Cache-Control", "max-age=7"},
             {"Cache-Control", "s-maxage=60, no-store"},
             {"Expires", date(900)}},
            max_age,
            7},
           {"a targeted field without a time hides Expires",
            200,
            {{"CDN-Cache-Control", "public"}, {"Expires", date(900)}},
            default_ttl,
            300},
           {"a broken targeted field",
            200,
            {{"CDN-Cache-Control", "max-age=7,"}, {"Cache-Control", "max-age=60"}},
            max_age,
            60},
           // the configuration, where the answer says nothing
           {"ttl by status", 302, {}, ttl, 60},
           {"ttl of 0: not kept", 503, {}, nothing, 0},
           {"the answer over ttl", 302, {{"Cache-Control", "max-age=1"}}, max_age, 1},
           {"ttl over Last-Modified", 302, {{"Last-Modified", date(-1000)}}, ttl, 60},
           {"default_ttl", 200, {}, default_ttl, 300},
           {"default_ttl of 404", 404, {}, default_ttl, 300},
           {"default_ttl not of 500", 500, {}, nothing, 0},
           {"default_ttl not of 403", 403, {}, nothing, 0},
           {"public makes any status heuristically cacheable (4.2.2)",
            403,
            {{"Cache-Control", "public"}},
            default_ttl,
            300},
           // RFC 9111 4.2.2
           {"a tenth of the time since Last-Modified",
            200,
            {{"Date", date(0)}, {"Last-Modified", date(-1000)}},
            heuristic,
            100},
           {"Last-Modified over default_ttl", 200, {{"Last-Modified", date(-100)}}, heuristic, 10},
           {"a day at most", 200, {{"Last-Modified", date(-100 * 86400)}}, heuristic, 86400},
           {"Last-Modified in the future", 200, {{"Last-Modified", date(100)}}, heuristic, 0},
           {"Last-Modified that is none", 200, {{"Last-Modified", "long ago"}}, default_ttl, 300},
           {"Last-Modified of 206", 206, {{"Last-Modified", date(-1000)}}, nothing, 0},
           {"Last-Modified of 410", 410, {{"Last-Modified", date(-1000)}}, heuristic, 100},
           // RFC 9111 1.2.2
           {"2^31 seconds and more",
            200,
            {{"Cache-Control", "max-age=99999999999999999999"}},
            max_age,
            2147483648},
           {"Expires in the year 9999",
            200,
            {{"Date", date(0)}, {"Expires", "Fri, 31 Dec 9999 23:59:59 GMT"}},
            expires,
            -1},
       }) {
    CAPTURE(test.why);
    const ResponseHead head = answer(test.status, test.fields);
    const Lifetime lifetime = lifetime_of(head, response_cache_control(head.fields), rules, now);
    CHECK(lifetime.from == test.from);
    if (test.seconds >= 0)
      CHECK(lifetime.ms == test.seconds * second);
    else
      CHECK(lifetime.ms > 100 * 365 * day);
  }
}

TEST_CASE("freshness: any: stands for all statuses without a ttl of their own") {
  Rules rules;
  rules.any_ttl = 0;
  rules.default_ttl = 300 * second;
  const ResponseHead head = answer(200, {{"Last-Modified", date(-1000)}});
  CHECK(lifetime_of(head, {}, rules, now).from == LifetimeFrom::nothing);
  rules.any_ttl = 9 * second;
  CHECK(lifetime_of(head, {}, rules, now).from == LifetimeFrom::ttl);
  CHECK(lifetime_of(answer(500, {}), {}, rules, now).ms == 9 * second);
}

TEST_CASE("freshness: how old an answer is when it comes (RFC 9111 4.2.3)") {
  struct Case {
    std::string_view why;
    Lines fields;
    std::int64_t delay;  // ms between request and answer
    std::int64_t age;    // ms
  };
  for (const Case& test : std::vector<Case>{
           {"nothing said", {}, 0, 0},
           {"nothing said, but it took a while", {}, 700, 700},
           {"Date now", {{"Date", date(0)}}, 0, 0},
           {"Date in the past", {{"Date", date(-30)}}, 0, 30'000},
           {"Date in the future: a clock is wrong", {{"Date", date(30)}}, 0, 0},
           {"Date that is none", {{"Date", "x"}}, 0, 0},
           {"Age", {{"Age", "30"}}, 0, 30'000},
           {"Age and delay", {{"Age", "30"}}, 700, 30'700},
           {"Age over Date", {{"Age", "30"}, {"Date", date(-5)}}, 0, 30'000},
           {"Date over Age", {{"Age", "5"}, {"Date", date(-30)}}, 0, 30'000},
           {"Age: 0", {{"Age", "0"}}, 0, 0},
           // RFC 9111 5.1
           {"Age that is no number", {{"Age", "old"}}, 0, 0},
           {"Age below 0", {{"Age", "-5"}}, 0, 0},
           {"Age with a fraction", {{"Age", "5.5"}}, 0, 0},
           {"Age twice: the first", {{"Age", "5"}, {"Age", "50"}}, 0, 5'000},
           {"Age as a list: the first", {{"Age", "5, 50"}}, 0, 5'000},
           {"Age beyond all bounds", {{"Age", "99999999999999999999"}}, 0, 2147483648'000},
       }) {
    CAPTURE(test.why);
    CHECK(initial_age(answer(200, test.fields).fields, now - test.delay, now) == test.age);
  }
  // The clock was set back between request and answer.
  CHECK(initial_age(answer(200, {{"Age", "1"}}).fields, now + 5000, now) == 1000);
  // Date has whole seconds: an answer that is made now is not older for that.
  CHECK(initial_age(answer(200, {{"Date", date(0)}}).fields, now + 999, now + 999) == 0);
}

TEST_CASE("freshness: how old a stored answer is now (RFC 9111 4.2.3)") {
  Facts facts;
  facts.response_time = now;
  facts.initial_age = 5'000;
  CHECK(current_age(facts, now) == 5'000);
  CHECK(current_age(facts, now + 1'500) == 6'500);
  CHECK(current_age(facts, now - 60'000) == 5'000);  // the clock was set back
  CHECK(age_seconds(6'999) == 6);
  CHECK(age_seconds(-1) == 0);
  CHECK(age_seconds(INT64_MAX) == 2147483648);
}

}  // namespace
}  // namespace weir::cache
