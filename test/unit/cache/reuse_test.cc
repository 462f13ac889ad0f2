#include "cache/reuse.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support.h"

namespace weir::cache {
namespace {

using test::Lines;
using test::now;
using test::plan_of;
using test::request;
using test::second;

TEST_CASE("reuse: what becomes of a stored answer that is so old (RFC 9111 4)") {
  struct Case {
    std::string_view why;
    std::int64_t age;  // seconds; the lifetime is 60
    std::uint16_t flags;
    std::int64_t while_revalidate, if_error;
    Lines request;
    Reuse reuse;
    Forward forward;
    bool on_error;
  };
  using enum Reuse;
  constexpr auto none = Forward::none, asked = Forward::request, old = Forward::stale;
  const auto control = [](std::string_view text) { return Lines{{"Cache-Control", text}}; };
  for (const Case& test : std::vector<Case>{
           // 4.2
           {"new", 0, 0, 0, 0, {}, fresh, none, false},
           {"a second left", 59, 0, 0, 0, {}, fresh, none, false},
           {"its lifetime old: no longer fresh", 60, 0, 0, 0, {}, validate, old, false},
           {"old", 100, 0, 0, 0, {}, validate, old, false},
           // 5.2.2.4
           {"no-cache", 0, fact::validate_always, 0, 0, {}, validate, old, false},
           // RFC 5861 3
           {"in the window", 61, 0, 10, 0, {}, stale_while_revalidate, old, false},
           {"at the end of the window", 69, 0, 10, 0, {}, stale_while_revalidate, old, false},
           {"behind the window", 70, 0, 10, 0, {}, validate, old, false},
           // RFC 5861 4
           {"on error, in the window", 100, 0, 0, 40, {}, validate, old, true},
           {"on error, behind it", 101, 0, 0, 40, {}, validate, old, false},
           {"on error, still fresh", 0, 0, 0, 40, {}, fresh, none, true},
           // 5.2.1.4
           {"no-cache of the request", 0, 0, 0, 0, control("no-cache"), validate, asked, false},
           {"no-cache of the request, in the window", 61, 0, 10, 40, control("no-cache"), validate,
            old, true},
           {"Pragma", 0, 0, 0, 0, {{"Pragma", "no-cache"}}, validate, asked, false},
           // 5.2.1.1
           {"max-age=0", 0, 0, 0, 0, control("max-age=0"), validate, asked, false},
           {"max-age reached", 10, 0, 0, 0, control("max-age=10"), fresh, none, false},
           {"max-age passed", 11, 0, 0, 0, control("max-age=10"), validate, asked, false},
           {"max-age does not extend", 61, 0, 0, 0, control("max-age=100"), validate, old, false},
           {"max-age passed, in the window", 61, 0, 10, 0, control("max-age=10"), validate, old,
            false},
           // 5.2.1.3
           {"min-fresh: enough", 50, 0, 0, 0, control("min-fresh=10"), fresh, none, false},
           {"min-fresh: not enough", 51, 0, 0, 0, control("min-fresh=10"), validate, asked, false},
           {"min-fresh: in the window", 61, 0, 10, 0, control("min-fresh=1"), validate, old, false},
           // 5.2.1.2
           {"max-stale: any", 1000, 0, 0, 0, control("max-stale"), stale, old, false},
           {"max-stale: in it", 70, 0, 0, 0, control("max-stale=10"), stale, old, false},
           {"max-stale: behind it", 71, 0, 0, 0, control("max-stale=10"), validate, old, false},
           {"max-stale and must-revalidate (5.2.2.2)", 70, fact::never_stale, 0, 0,
            control("max-stale"), validate, old, false},
           {"max-stale and no-cache", 70, fact::validate_always, 0, 0, control("max-stale"),
            validate, old, false},
           {"max-stale and max-age", 70, 0, 0, 0, control("max-stale, max-age=65"), validate, old,
            false},
           {"the window before max-stale", 61, 0, 10, 0, control("max-stale"),
            stale_while_revalidate, old, false},
           // 3.5, and our own: what was made for nobody in particular
           {"Authorization", 0, 0, 0, 0, {{"Authorization", "x"}}, unusable, asked, false},
           {"Authorization, and it is for all",
            0,
            fact::shared,
            0,
            0,
            {{"Authorization", "x"}},
            fresh,
            none,
            false},
           // 5.2.1.5: says nothing about reuse
           {"no-store of the request", 0, 0, 0, 0, control("no-store"), fresh, none, false},
           {"only-if-cached", 0, 0, 0, 0, control("only-if-cached"), fresh, none, false},
       }) {
    CAPTURE(test.why);
    Facts facts;
    facts.response_time = now;
    facts.lifetime = 60 * second;
    facts.flags = test.flags;
    facts.stale_while_revalidate = test.while_revalidate * second;
    facts.stale_if_error = test.if_error * second;
    const Verdict verdict = judge_stored(facts, plan_of(request(Method::get, test.request)), false,
                                         now + test.age * second);
    CHECK((verdict.reuse == test.reuse));
    CHECK((verdict.forward == test.forward));
    CHECK(verdict.stale_on_error == test.on_error);
    CHECK(verdict.age == test.age * second);
    CHECK(verdict.ttl == (60 - test.age) * second);
    // 9110 9.3.2: HEAD is answered from what GET stored, by the same rules.
    const Verdict of_head = judge_stored(facts, plan_of(request(Method::head, test.request)), false,
                                         now + test.age * second);
    CHECK((of_head.reuse == verdict.reuse));
  }
}

TEST_CASE("reuse: what was purged softly is stale, and stands in as a stale one does") {
  Facts facts;
  facts.response_time = now;
  facts.lifetime = 60 * second;
  const RequestPlan plan = plan_of(request(Method::get));
  CHECK((judge_stored(facts, plan, true, now).reuse == Reuse::validate));
  CHECK(judge_stored(facts, plan, true, now).ttl == 0);
  facts.stale_while_revalidate = 10 * second;
  facts.stale_if_error = 10 * second;
  CHECK((judge_stored(facts, plan, true, now).reuse == Reuse::stale_while_revalidate));
  CHECK(judge_stored(facts, plan, true, now).stale_on_error);
  CHECK((judge_stored(facts, plan, true, now + 100 * second).reuse == Reuse::validate));
  facts.stale_while_revalidate = 0;
  const RequestPlan lax = plan_of(request(Method::get, {{"Cache-Control", "max-stale"}}));
  CHECK((judge_stored(facts, lax, true, now).reuse == Reuse::validate));
}

TEST_CASE("reuse: a clock that was set back makes nothing fresh for longer than its lifetime") {
  Facts facts;
  facts.response_time = now;
  facts.initial_age = 59 * second;
  facts.lifetime = 60 * second;
  const Verdict verdict =
      judge_stored(facts, plan_of(request(Method::get)), false, now - 3600 * second);
  CHECK((verdict.reuse == Reuse::fresh));
  CHECK(verdict.ttl == 1 * second);
}

TEST_CASE("reuse: whom the answer to another one is for, while it comes") {
  Facts facts;
  facts.lifetime = second;
  facts.initial_age = 5 * second;  // the origin took its time
  const RequestPlan plan = plan_of(request(Method::get));
  const RequestPlan authorized = plan_of(request(Method::get, {{"Authorization", "x"}}));
  CHECK(refuses_to_share(facts, plan) == "");
  CHECK(refuses_to_share(facts, authorized) == "authorization");
  facts.flags = fact::shared;
  CHECK(refuses_to_share(facts, authorized) == "");
  facts.flags = fact::validate_always | fact::shared;
  CHECK(refuses_to_share(facts, plan) == "no-cache");
  facts.flags = 0;
  facts.lifetime = 0;
  CHECK(refuses_to_share(facts, plan) == "stale at once");
  facts.stale_while_revalidate = second;
  CHECK(refuses_to_share(facts, plan) == "");
  facts.stale_while_revalidate = 0;
  facts.flags = fact::heuristic;
  CHECK(refuses_to_share(facts, plan) == "");
}

TEST_CASE("reuse: which statuses a stale answer may stand in for (RFC 5861 4)") {
  for (const std::uint16_t status : std::vector<std::uint16_t>{500, 502, 503, 504}) {
    CHECK(is_origin_error(status));
  }
  for (const std::uint16_t status : std::vector<std::uint16_t>{200, 304, 404, 429, 501, 505, 599}) {
    CHECK_FALSE(is_origin_error(status));
  }
}

}  // namespace
}  // namespace weir::cache
