// Small parts of the proxy room: rate guard, request identifiers, replies, input, errors.
#include <doctest/doctest.h>

#include <set>
#include <string>

#include "base/arena.h"
#include "proxy/errors.h"
#include "proxy/h1_input.h"
#include "proxy/local_time.h"
#include "proxy/rate_guard.h"
#include "proxy/reply.h"
#include "proxy/request_id.h"

using namespace weir;
using namespace std::chrono_literals;

TEST_CASE("rate guard: only time in which bytes are waited for counts") {
  const conf::MinRate rule{240, 30s, 10s};
  const clock::Monotonic start{};
  RateGuard guard(rule);
  guard.begin_wait(start);
  CHECK_FALSE(guard.too_slow(start + 39s));
  CHECK(guard.too_slow(start + 40s));

  RateGuard idle(rule);
  idle.begin_wait(start);
  idle.end_wait(start + 5s);
  idle.begin_wait(start + 500s);
  CHECK_FALSE(idle.too_slow(start + 530s));
  CHECK(idle.too_slow(start + 535s));

  RateGuard fast(rule);
  fast.begin_wait(start);
  for (int second = 1; second < 400; ++second) {
    fast.moved(240);
    CHECK_FALSE(fast.too_slow(start + second * 1s));
  }

  const conf::MinRate off{0, 30s, 10s};
  RateGuard none(off);
  none.begin_wait(start);
  CHECK_FALSE(none.too_slow(start + 9000s));
}

TEST_CASE("request ids: 32 lower-case hexadecimal digits, no two alike") {
  RequestIds ids;
  std::set<std::string> seen;
  for (int i = 0; i < 20000; ++i) {
    const auto id = ids.next();
    const std::string text(id.data(), id.size());
    CHECK(text.find_first_not_of("0123456789abcdef") == text.npos);
    CHECK(seen.insert(text).second);
  }
  RequestIds other;
  CHECK(seen.insert(std::string(other.next().data(), 32)).second);
}

TEST_CASE("request identifiers: one request's is made once, and by nobody else") {
  RequestIds ids;
  const RequestId one(ids), other(ids);
  const std::string text(one.text());
  CHECK(text.size() == 32);
  CHECK(other.text() != text);
  CHECK(one.text() == text);
}

TEST_CASE("replies: the page says the status and nothing else, in the form that is asked for") {
  Arena arena;
  ResponseHead head;
  RequestHead request;
  Reply reply;
  reply.status = 502;
  std::string_view body = build_reply(reply, request, head, arena);
  CHECK(head.fields.value(FieldId::content_type) == "text/html");
  CHECK(body.find("502 Bad Gateway") != body.npos);
  CHECK(body.find("weir") == body.npos);
  request.fields.add(FieldId::accept, "application/json, text/html;q=0.5");
  body = build_reply(reply, request, head, arena);
  CHECK(head.fields.value(FieldId::content_type) == "application/json");
  CHECK(body == "{\"status\":502,\"error\":\"Bad Gateway\"}\n");
  reply.status = 401;
  reply.challenge = "ApiKey";
  build_reply(reply, request, head, arena);
  CHECK(head.fields.value(FieldId::www_authenticate) == "ApiKey");
  for (const std::uint16_t status : {std::uint16_t{204}, std::uint16_t{304}}) {
    reply.status = status;
    CHECK(build_reply(reply, request, head, arena).empty());
    CHECK_FALSE(head.fields.has(FieldId::content_type));
  }
}

TEST_CASE("input: nothing is kept of what came whole, and pieces are put together") {
  char scratch_bytes[64];
  const std::span<char> scratch(scratch_bytes);
  Budget budget(2000);
  H1Input input;
  const auto put = [&](std::string_view bytes) {
    const auto room = input.room(scratch, 4096);
    REQUIRE(room.size() >= bytes.size());
    std::copy(bytes.begin(), bytes.end(), room.begin());
    return input.produced(scratch, bytes.size());
  };
  CHECK(put("whole") == "whole");
  CHECK(input.empty());
  CHECK(input.keep(put("first "), budget));
  CHECK(put("second ") == "first second ");
  CHECK(put("third") == "first second third");
  CHECK(input.keep(input.held().substr(6), budget));
  CHECK(input.held() == "second third");
  input.drop();
  CHECK(input.empty());
}

TEST_CASE("input: what is more than small counts against the budget, and is given back") {
  char scratch_bytes[2048];
  const std::span<char> scratch(scratch_bytes);
  Budget budget(2000);
  H1Input input, other;
  CHECK(input.keep(std::string(1024, 'x'), budget));
  CHECK(budget.bytes_used() == 0);
  CHECK(input.room(scratch, 4096).size() == 1024);
  CHECK(budget.bytes_used() == 1024);
  CHECK_FALSE(other.keep(std::string(2001, 'y'), budget));  // 976 are left, and 977 needed
  CHECK(other.empty());
  CHECK(other.keep(std::string(1001, 'y'), budget));
  CHECK(other.room(scratch, 4096).empty());  // room for as much again: 978
  CHECK(other.held().size() == 1001);
  input.drop();
  CHECK(budget.bytes_used() == 0);
  CHECK(other.room(scratch, 4096).size() == 1001);
}

TEST_CASE("errors: each trouble keeps its row, unknown ones follow from who is to blame") {
  CHECK(consequence_of(trouble(Trouble::body_too_large)).status == 413);
  CHECK(consequence_of(trouble(Trouble::client_gone)).status == 0);
  CHECK(consequence_of(Error{Side::upstream, "something new"}).status == 502);
  CHECK(consequence_of(Error{Side::self, "something new"}).status == 500);
  CHECK(consequence_of(Error{Side::client, "something new"}).status == 400);
}

TEST_CASE("local time: as logs have it") {
  const auto time = std::chrono::system_clock::from_time_t(971211336);
  const std::string_view common = common_log_time(time);
  CHECK(common.size() == 26);
  CHECK(common.substr(2, 1) == "/");
  CHECK(common.find("/Oct/2000:") != common.npos);
  CHECK(iso8601_time(time).size() == 25);
}
