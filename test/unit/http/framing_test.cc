#include "http/framing.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "http/faults.h"

using namespace weir;

namespace {

using List = std::vector<std::pair<std::string_view, std::string_view>>;

RequestHead request(Method method, const List& fields, Version version = Version::http_1_1) {
  RequestHead head;
  head.method = method;
  head.version = version;
  for (const auto& [name, value] : fields) head.fields.add(name, value);
  return head;
}
ResponseHead response(std::uint16_t status, const List& fields,
                      Version version = Version::http_1_1) {
  ResponseHead head;
  head.status = status;
  head.version = version;
  for (const auto& [name, value] : fields) head.fields.add(name, value);
  return head;
}

}  // namespace

TEST_CASE("framing of requests: none, a length, or chunked") {
  CHECK(request_framing(request(Method::post, {}))->kind == BodyKind::none);
  const auto length = request_framing(request(Method::post, {{"Content-Length", "0042"}}));
  REQUIRE(length);
  CHECK(length->kind == BodyKind::length);
  CHECK(length->length == 42);
  CHECK(request_framing(request(Method::get, {{"Transfer-Encoding", "Chunked"}}))->kind ==
        BodyKind::chunked);
  CHECK_FALSE(request_framing(request(Method::put, {{"content-length", "0"}}))->has_body());
  CHECK(*parse_content_length("18446744073709551615") == ~std::uint64_t{0});
}

TEST_CASE("framing of requests: what two readers could understand differently is a 400") {
  const std::vector<List> bad = {
      {{"Content-Length", ""}},
      {{"Content-Length", "+1"}},
      {{"Content-Length", "-1"}},
      {{"Content-Length", "1 "}},
      {{"Content-Length", "0x10"}},
      {{"Content-Length", "1,1"}},
      {{"Content-Length", "1, 1"}},
      {{"Content-Length", "1_0"}},
      {{"Content-Length", "1.0"}},
      {{"Content-Length", "1a"}},
      {{"Content-Length", "18446744073709551616"}},
      {{"Content-Length", "99999999999999999999999"}},
      {{"Content-Length", "5"}, {"Content-Length", "5"}},
      {{"Content-Length", "5"}, {"content-length", "6"}},
      {{"Content-Length", "5"}, {"Transfer-Encoding", "chunked"}},
      {{"Transfer-Encoding", "chunked"}, {"Content-Length", "0"}},
      {{"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "chunked"}},
      {{"Transfer-Encoding", "chunked, chunked"}},
      {{"Transfer-Encoding", "gzip, chunked"}},
      {{"Transfer-Encoding", "chunked, gzip"}},
      {{"Transfer-Encoding", "gzip"}, {"Transfer-Encoding", "chunked"}},
      {{"Transfer-Encoding", "identity"}},
      {{"Transfer-Encoding", "xchunked"}},
      {{"Transfer-Encoding", "chunked;q=1"}},
      {{"Transfer-Encoding", "\"chunked\""}},
      {{"Transfer-Encoding",
        "\x0b"
        "chunked"}},
      {{"Transfer-Encoding", ""}},
      {{"Transfer-Encoding", ",chunked"}},
  };
  for (const List& fields : bad) {
    CAPTURE(std::string(fields[0].first) + ": " + std::string(fields[0].second));
    const auto framing = request_framing(request(Method::post, fields));
    REQUIRE_FALSE(framing);
    CHECK(status_of(framing.error()) == 400);
    // The same origin's answer is a 502.
    const auto answer = response_framing(response(200, fields), Method::get);
    REQUIRE_FALSE(answer);
    CHECK(status_of(answer.error()) == 502);
  }
  const List chunked = {{"Transfer-Encoding", "chunked"}};
  CHECK_FALSE(request_framing(request(Method::post, chunked, Version::http_1_0)));
  CHECK_FALSE(response_framing(response(200, chunked, Version::http_1_0), Method::get));
  CHECK_FALSE(request_framing(request(Method::trace, {{"Content-Length", "1"}})));
  CHECK_FALSE(request_framing(request(Method::connect, chunked)));
}

TEST_CASE("framing of responses: status and method decide before the fields do") {
  const List five = {{"Content-Length", "5"}}, chunked = {{"Transfer-Encoding", "chunked"}};
  CHECK(response_framing(response(200, five), Method::get)->length == 5);
  CHECK(response_framing(response(200, chunked), Method::get)->kind == BodyKind::chunked);
  CHECK(response_framing(response(200, {}), Method::get)->kind == BodyKind::until_close);
  CHECK(response_framing(response(200, {}, Version::http_1_0), Method::get)->kind ==
        BodyKind::until_close);

  for (const auto& [status, method] : {std::pair{304, Method::get}, std::pair{200, Method::head}}) {
    const auto code = static_cast<std::uint16_t>(status);
    const auto stated = response_framing(response(code, five), method);
    REQUIRE(stated);
    CHECK(stated->kind == BodyKind::none);
    CHECK(stated->stated == 5);
    CHECK(response_framing(response(code, chunked), method)->kind == BodyKind::none);
    CHECK_FALSE(response_framing(response(code, {}), method)->stated);
  }
  CHECK(response_framing(response(204, {}), Method::get)->kind == BodyKind::none);
  CHECK(response_framing(response(204, {{"Content-Length", "0"}}), Method::get)->kind ==
        BodyKind::none);
  CHECK_FALSE(response_framing(response(204, five), Method::get));
  CHECK_FALSE(response_framing(response(204, chunked), Method::get));
  CHECK(response_framing(response(103, {}), Method::get)->kind == BodyKind::none);
  CHECK_FALSE(response_framing(response(103, five), Method::get));
  CHECK_FALSE(response_framing(response(100, chunked), Method::get));
  CHECK(response_framing(response(200, chunked), Method::connect)->kind == BodyKind::tunnel);
}

TEST_CASE("framing of responses: a 101 makes a tunnel only when it is what was asked for") {
  const List websocket = {{"Connection", "upgrade"}, {"Upgrade", "WebSocket"}};
  CHECK(response_framing(response(101, websocket), Method::get, "websocket")->kind ==
        BodyKind::tunnel);
  CHECK(response_framing(response(101, websocket), Method::get, "chat/2, websocket")->kind ==
        BodyKind::tunnel);
  CHECK_FALSE(response_framing(response(101, websocket), Method::get, ""));
  CHECK_FALSE(response_framing(response(101, websocket), Method::get, "chat"));
  CHECK_FALSE(response_framing(response(101, {}), Method::get, "websocket"));
  CHECK_FALSE(
      response_framing(response(101, websocket, Version::http_1_0), Method::get, "websocket"));
  CHECK_FALSE(response_framing(response(101, {{"Upgrade", "websocket"}}), Method::get,
                               "websocket"));  // Connection does not name it (RFC 9110 7.8)
  for (const char* chosen : {"websocket, chat", "h2c", "", "TLS/1.0"}) {
    const List list = {{"Connection", "upgrade"}, {"Upgrade", chosen}};
    CHECK_FALSE(
        response_framing(response(101, list), Method::get, "websocket, chat, h2c, TLS/1.0"));
  }
  // Any other status keeps HTTP framing.
  CHECK(response_framing(response(200, websocket), Method::get, "websocket")->kind ==
        BodyKind::until_close);
}

TEST_CASE("faults: the side decides between the row's status, 502 and 500") {
  CHECK(status_of(client_fault(Fault::request_line_too_long)) == 414);
  CHECK(status_of(fault_error(Side::upstream, Fault::request_line_too_long)) == 502);
  CHECK(status_of(fault_error(Side::self, Fault::out_of_room)) == 500);
  CHECK(status_of({Side::client, "an error of another room"}) == 400);
}
